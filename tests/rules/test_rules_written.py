"""Rules that are added to a file: everything in it stays, and it is read as what it was and the new ones."""

import multiprocessing
import string
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import spawned

from mymodules import locks, rules
from mymodules.errors import OutputError, SettingsError
from mymodules.regions import Region
from mymodules.rules import COLOUR_METRICS, WHOLE_KINDS, GoldFuzzy, GoldSampleArea, GoldSobel, Limits, Rule

FILE = Path("compare.toml")
NOISE = Rule("noise", Limits(largest=3))

# How people write: comments everywhere, quotes of every kind, tables in any order, rules as one value.
PIECES = [
    "# what is tolerated\n",
    "[folders]\nfirst = 'before' # an old one\n",
    "[[rule]]\nname = 'a'\nlargest = 1\n",
    '  [[ rule ]] # indented\n  name = "b"\n  mask = [\n    [1, 2, 3, 4], # the clock\n  ]\n',
    '[["rule"]]\n"name" = """c"""\npictures = ["**/*.png", \'[[rule]]\']\nkinds = ["space"]\n',
    "\n\n",
    "#[[rule]]\n#name = 'commented'\n",
]
IN_VALUES = [
    "rule = []\n",
    "rule = [{name = 'a', largest = 1}]\n[folders]\nfirst = 'x'\n",
    "# one\nrule = [\n  {name = 'a', largest = 1}, # why\n  # last\n]\n",
    "rule = [\n  {name = 'a', largest = 1} # no comma\n]\n",
]

counts = st.integers(0, 1000)
boxes = st.builds(Region, counts, counts, st.integers(1, 1000), st.integers(1, 1000))
takings = st.one_of(
    st.builds(
        Limits,
        mask=st.lists(boxes, min_size=1, max_size=3).map(tuple),
        side=st.sampled_from(["first", "second"]),
    ),
    st.builds(
        Limits,
        largest=st.integers(1, 255),
        pixels=counts,
        antialiased=st.booleans(),
        threshold=st.floats(0, 1),
        metric=st.sampled_from(COLOUR_METRICS),
        depth=st.booleans(),
        pixels_per_picture=counts,
        share_per_picture=st.floats(0, 1),
    ),
    st.builds(
        Limits, kinds=st.lists(st.sampled_from(WHOLE_KINDS), min_size=1, unique=True).map(sorted).map(tuple)
    ),
    st.builds(GoldFuzzy, max_different_pixels=counts, ignored_border=st.integers(1, 9)),
    st.builds(GoldSobel, edge_threshold=st.integers(0, 254)),
    st.builds(GoldSampleArea, width=st.integers(10, 50), max_different=st.integers(1, 100)),
)
letters = st.sampled_from([*string.ascii_letters, *"'\\#=[]{}é日 \N{NO-BREAK SPACE}%"])
names = st.text(letters, min_size=1, max_size=20).filter(str.strip)
characters = st.characters(codec="utf-8", exclude_characters="/")
patterns = st.lists(st.text(characters, min_size=1, max_size=8), max_size=3).map(tuple)
new_rules = st.lists(
    st.builds(Rule, names, takings, patterns), min_size=1, max_size=3, unique_by=lambda rule: rule.name
).map(tuple)
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), unique=True).map("".join),
    st.sampled_from(IN_VALUES),
)


def parsed(text: str) -> tuple[Rule, ...]:
    return rules.parse(text, FILE).rules


@settings(max_examples=50)
@given(text=texts, new=new_rules, cut=st.booleans(), crlf=st.booleans(), bom=st.booleans())
def test_what_was_there_and_the_new_ones(
    text: str, new: tuple[Rule, ...], cut: bool, crlf: bool, bom: bool
) -> None:
    if cut:
        text = text.rstrip("\n")  # the last line may be a comment without an end
    if crlf:
        text = text.replace("\n", "\r\n")
    if bom:
        text = "\ufeff" + text
    assume(not {rule.name for rule in new} & {rule.name for rule in parsed(text)})
    written = rules.added(text, new, FILE)
    assert parsed(written) == parsed(text) + new
    assert written.startswith("\ufeff") == bom
    if "rule = [" not in text:
        assert written.startswith(text)
        assert written.count("\r\n") == ("\r\n" in text) * written.count("\n")


def test_it_is_written_as_a_person_would() -> None:
    clock = Rule("clock", Limits(mask=(Region(1040, 12, 180, 24), Region(0, 0, 9, 9))), ("docs/**",))
    assert rules.added("# ours\r\n", [clock, NOISE], FILE).replace("\r\n", "\n") == (
        "# ours\n"
        "\n"
        "[[rule]]\n"
        'name = "clock"\n'
        'pictures = ["docs/**"]\n'
        "mask = [\n"
        "    [1040, 12, 180, 24],\n"
        "    [0, 0, 9, 9],\n"
        "]\n"
        "\n"
        "[[rule]]\n"
        'name = "noise"\n'
        "largest = 3\n"
    )


@pytest.mark.parametrize("text", [text for text in IN_VALUES if "#" in text])
def test_comments_beside_rules_in_one_value_stay(text: str) -> None:
    written = rules.added(text, [NOISE], FILE)
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in written.splitlines() if "#" in line
    ]


def test_no_rule_is_no_change() -> None:
    assert rules.added("# nothing", [], FILE) == "# nothing"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("a", Limits(largest=3)), "line 6: rule 'a': the rule in line 2 has this name"),
        (Rule("two\nlines", Limits(largest=3)), "name must be a text"),
        (Rule("nothing", Limits()), "it takes nothing"),
        (Rule("far", Limits(largest=256)), "largest must be a whole number from 0 to 255, not 256"),
    ],
)
def test_a_rule_that_cannot_be_read_again_is_refused(tmp_path: Path, rule: Rule, words: str) -> None:
    file = tmp_path / "compare.toml"
    file.write_text("[[rule]]\nname = 'a'\nlargest = 1\n")
    before = file.read_bytes()
    with pytest.raises(SettingsError, match=words):
        rules.add(file, [rule])
    assert file.read_bytes() == before
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_is_created_and_added_to(tmp_path: Path) -> None:
    file = tmp_path / "compare.toml"
    assert rules.add(file, [NOISE]) == rules.Rules((NOISE,), file)
    more = Rule("more", Limits(pixels=2))
    assert rules.add(str(file), [more]) == rules.read(file) == rules.Rules((NOISE, more), file)
    assert [*tmp_path.iterdir()] == [file]


def test_a_link_stays_one_and_the_mark_and_line_ends_of_its_file_stay(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    file, link = tmp_path / "shared/rules.toml", tmp_path / "compare.toml"
    file.write_bytes("\ufeff# één\r\n".encode())
    link.symlink_to(file)
    assert rules.add(link, [NOISE]).rules == (NOISE,)
    assert link.is_symlink()
    assert file.read_bytes() == '\ufeff# één\r\n\r\n[[rule]]\r\nname = "noise"\r\nlargest = 3\r\n'.encode()


@pytest.mark.parametrize(
    "executor",
    [
        lambda: ThreadPoolExecutor(2),
        lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
    ],
    ids=["threads", "processes"],
)
def test_two_that_add_rules_at_once_keep_each_others(
    tmp_path: Path, executor: Callable[[], Executor]
) -> None:
    file = tmp_path / "compare.toml"
    with executor() as pool:
        assert [*pool.map(spawned.add_twenty, [file, file], "ab")] == [None, None]  # neither has failed
    names = [f"{writer}{number}" for writer in "ab" for number in range(20)]
    assert sorted(rule.name for rule in rules.read(file).rules) == sorted(names)
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_that_another_process_writes_or_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "compare.toml"
    lock = locks.Lock(tmp_path / "compare.toml.lock", file)
    with pytest.raises(OutputError, match=r"compare\.toml is being written by another process: try again\.$"):
        rules.add(file, [NOISE])
    lock.release()
    with pytest.raises(OutputError, match="nowhere"):
        rules.add(tmp_path / "nowhere/compare.toml", [NOISE])
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        rules.add(tmp_path / "folder", [NOISE])
