"""Rules in a file: what they become, and how mistakes are refused."""

import hashlib
import re
from pathlib import Path

import pytest

from mymodules import rules
from mymodules.errors import SettingsError
from mymodules.regions import Region
from mymodules.rules import GoldFuzzy, GoldSampleArea, GoldSobel, Limits, Rule, keys
from mymodules.rules.rule import KINDS

FILE = Path("compare.toml")


def parsed(text: str) -> tuple[Rule, ...]:
    return rules.parse(text, FILE).rules


def refused(text: str) -> list[str]:
    """The lines of the message."""
    with pytest.raises(SettingsError) as caught:
        rules.parse(text, FILE)
    return str(caught.value).splitlines()


def test_a_file_with_everything() -> None:
    found = parsed(
        """
        [folders]                             # what settings reads
        first = 'before'

        [[rule]]
        name = "clock"
        pictures = ["docs/**/*.png"]
        mask = [[1040, 12, 180, 24], [0, 0, 1, 1]]
        side = "second"

        [[rule]]
        name = "plot noise"
        largest = 8
        pixels = 20
        antialiased = true
        threshold = 0.1
        metric = "oklab"
        kinds = ["space", "move"]
        depth = true
        pixels_per_picture = 100
        share_per_picture = 1

        [[rule]]
        name = "fuzzy"
        kind = "gold-fuzzy"
        max_different_pixels = 2
        pixel_delta_threshold = 1020
        ignored_border = 1

        [[rule]]
        name = "edges"
        kind = "gold-sobel"
        edge_threshold = 102
        pixel_per_channel_delta_threshold = 3

        [[rule]]
        name = "areas"
        kind = "gold-sample-area"
        width = 2
        max_different = 4
        """
    )
    clock = Limits(mask=(Region(1040, 12, 180, 24), Region(0, 0, 1, 1)), side="second")
    noise = Limits(
        largest=8, pixels=20, antialiased=True, threshold=0.1, metric="oklab", kinds=("move", "space"),
        depth=True, pixels_per_picture=100, share_per_picture=1.0,
    )  # fmt: skip
    assert found == (
        Rule("clock", clock, ("docs/**/*.png",)),
        Rule("plot noise", noise),
        Rule("fuzzy", GoldFuzzy(max_different_pixels=2, pixel_delta_threshold=1020, ignored_border=1)),
        Rule("edges", GoldSobel(edge_threshold=102, pixel_per_channel_delta_threshold=3)),
        Rule("areas", GoldSampleArea(width=2, max_different=4)),
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "[folders]\nfirst = 'a'\n", "rule = []\n"])
def test_a_file_without_rules(text: str) -> None:
    assert parsed(text) == ()


def test_read_from_a_file_as_editors_of_windows_write_it(tmp_path: Path) -> None:
    path = tmp_path / "compare.toml"
    path.write_bytes(b'\xef\xbb\xbf[[rule]]\r\nname = "n\xc3\xa4he"\r\npixels = 1\r\n')
    found = rules.read(path)
    assert (found.path, [rule.name for rule in found.rules]) == (path, ["nähe"])


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml cannot be read \(No such file"):
        rules.read(tmp_path / "gone.toml")
    (tmp_path / "latin.toml").write_bytes(b"[[rule]]\nname = 'n\xe4he'\n")
    with pytest.raises(SettingsError, match=r"latin\.toml, line 2: this is not UTF-8"):
        rules.read(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[[rule]\n", ", line 1: this is not TOML: "),
        ("\ufeff[[rule]]\r\nname = 'a'\r\nname = 'b'\r\n", ", line 3: this is not TOML: "),
        ("[[rule]]\nname = 'a'\npixels = ", ", line 3: this is not TOML: "),  # at its end
        ("[[rule]]\nname = 'a'\npixels = " + "9" * 5000, ", line 3: this is not TOML: a number is too long"),
        ("a = " + "[" * 5000, " is not a TOML file: "),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(text: str, where: str) -> None:
    (message,) = refused(text)
    assert message.startswith(f"compare.toml{where}")
    assert "(at " not in message
    assert message.endswith(". Correct it.")


@pytest.mark.parametrize(
    ("body", "line", "sentence"),
    [
        ("sid = 'first'", 3, "there is no key 'sid': did you mean 'side'?"),
        ("largets = 8", 3, "there is no key 'largets': did you mean 'largest'?"),
        ("xyz = 1", 3, "there is no key 'xyz': there are antialiased, depth, kind, kinds, largest, mask,"),
        ("edge_threshold = 1", 3, 'edge_threshold belongs to rules with kind = "gold-sobel", and this'),
        ("\n\nlargest = 256", 5, "largest must be a whole number from 0 to 255, not 256."),
        ("largest = true", 3, "largest must be a whole number from 0 to 255, not true."),
        ("largest = '8'", 3, "largest must be a whole number from 0 to 255, not '8'."),
        ("pixels = -1", 3, "pixels must be a whole number from 0 on, not -1."),
        ("pixels = 2.5", 3, "pixels must be a whole number from 0 on, not 2.5."),
        ("threshold = 1.5", 3, "threshold must be a number from 0 to 1, not 1.5."),
        ("threshold = nan", 3, "threshold must be a number from 0 to 1, not nan."),
        ("share_per_picture = '1 %'", 3, "share_per_picture must be a number from 0 to 1, not '1 %'."),
        ("antialiased = 1", 3, "antialiased must be true or false, without quotes, not 1."),
        ("pixels = 1\nmetric = 'lab'", 4, "metric must be one of yiq, oklab, in quotes, not 'lab'."),
        ("kinds = ['edit']", 3, "kinds must be a list of kinds of changes, out of insert, move, remove,"),
        ("mask = [1, 2, 3, 4]", 3, "mask must be a list of boxes [x, y, width, height] in px, such as [["),
        ("mask = [[1, 2, 3]]", 3, "mask must be a list of boxes [x, y, width, height] in px, such as [["),
        ("mask = [[1, 2, 3, true]]", 3, "mask must be a list of boxes"),
        ("mask = [\n [1, 2, 0, 4],\n]", 3, "width and height from 1, not [[1, 2, 0, 4]]."),
        ("pictures = 'docs/*'", 3, "pictures must be a list of patterns for names, such as ["),
        ("side = 'second'\npixels = 1", 3, "side belongs to a mask: add mask"),
        ("metric = 'yiq'\npixels = 1", 3, "metric belongs to a threshold: add threshold"),
        ("pictures = ['a']", 2, "it takes nothing: add a mask, a limit such as largest = 8, or kinds."),
        ("largest = 0", 2, "it takes nothing: add a mask"),
        ("pixels = 0\nantialiased = false\ndepth = false\nshare_per_picture = 0", 2, "it takes nothing: add"),
        ("threshold = 0\nmetric = 'oklab'", 3, "it takes nothing: by oklab no colours are alike at 0: raise"),
        ("kind = 'gold-fuzzy'", 2, "it takes nothing: raise its limits."),
        ("kind = 'gold-fuzzy'\nmax_different_pixels = 9", 2, "it takes nothing: raise its limits."),
        ("kind = 'gold-fuzzy'\npixel_delta_threshold = 9", 2, "it takes nothing: raise its limits."),
        ("kind = 'gold-sobel'\nedge_threshold = 255", 2, "it takes nothing: raise its limits."),
        ("kind = 'gold-sample-area'\nwidth = 2\nmax_different = 0", 2, "it takes nothing: raise its"),
        ("pixels = 1\npictures = ['/docs/*']", 4, "pictures must be patterns for names below both folders"),
        ("pixels = 1\npictures = ['a', './b']", 4, "pictures must be patterns for names below both folders"),
        ("pixels = 1\npictures = ['a/../b']", 4, "pictures must be patterns for names below both folders"),
        ("pixels = 1\npictures = ['docs/']", 4, "pictures must be patterns for names below both folders"),
        ("pixels = 1\npictures = ['a//b']", 4, "pictures must be patterns for names below both folders"),
        ("kind = 'golden'", 3, "kind must be one of limits, gold-fuzzy, gold-sobel, gold-sample-area, in"),
        ("kind = 'gold-sobel'", 1, "it has no edge_threshold: add it."),
        ("kind = 'gold-sample-area'\nwidth = 2\nmax_different = 5", 5, "must be at most width x width, 4."),
        ("[rule.mask]\nx = 1", 3, "mask must be a list of boxes"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_line_rule_and_what_would_be_right(
    body: str, line: int, sentence: str
) -> None:
    (message,) = refused(f"[[rule]]\nname = 'clock'\n{body}\n")
    assert message.startswith(f"compare.toml, line {line}: rule 'clock': ")
    assert sentence in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rules]]\nname = 'a'\n", "line 1: there is no 'rules' in this file: did you mean 'rule'?"),
        ("name = 'a'\n[[rule]]\nname = 'a'\npixels = 1\n", "line 1: there is no 'name' in this file: "),
        ("\n[rule]\nname = 'a'\npixels = 1\n", "line 2: each rule begins with [[rule]], in two pairs of"),
        ("[[rule]]\npixels = 1\n", "line 1: this rule: it has no name: add it."),
        ("[[rule]]\npixels = 1\nname = ' '\n", "line 3: rule ' ': name must be a text of 1 to 100 letters"),
        (
            "[[rule]]\npixels = 1\nname = 'a \"b\"'\n",
            "line 3: rule 'a \"b\"': name must be a text of 1 to 100",
        ),
        ("[[rule]]\nname = 7\npixels = 1\n", "line 2: this rule: name must be a text of 1 to 100 letters"),
        ("rule = [{name = 'a'}]\n", "line 1: rule 'a': it takes nothing"),
    ],
)
def test_mistakes_outside_of_rules_and_in_names(text: str, message: str) -> None:
    assert refused(text)[0].startswith(f"compare.toml, {message}")


@pytest.mark.parametrize(
    "body",
    [
        "threshold = 0",  # by yiq, the colours of what is transparent do not count
        "threshold = 0.001\nmetric = 'oklab'",
        "threshold = 0\nmetric = 'oklab'\nantialiased = true",
        "share_per_picture = 0.001",
        "kind = 'gold-fuzzy'\nmax_different_pixels = 1\npixel_per_channel_delta_threshold = 1",
        "kind = 'gold-fuzzy'\nignored_border = 1",
        "kind = 'gold-sobel'\nedge_threshold = 254",
        "kind = 'gold-sample-area'\nwidth = 2\nmax_different = 0\ndelta = 1",
        "largest = 1\npictures = ['a..b/.c/d.png', '*/x', 'C:/a.png', '[/.]*']",
    ],
)
def test_what_may_take_something_is_a_rule(body: str) -> None:
    assert len(parsed(f"[[rule]]\nname = 'a'\n{body}\n")) == 1


def test_names_are_unique() -> None:
    rule = "[[rule]]\nname = 'a'\npixels = 1\n"
    assert refused(rule + "# again\n" + rule) == [
        "compare.toml, line 6: rule 'a': the rule in line 2 has this name: give it another."
    ]


def test_all_mistakes_are_reported_at_once_in_their_order() -> None:
    rule = "[[rule]]\nname = '{0}'\nlargest = {0}\nside = 1\n"
    found = refused("".join(rule.format(number) for number in range(300, 306)))
    assert len(found) == 11
    assert found[:2] == [
        "compare.toml, line 3: rule '300': largest must be a whole number from 0 to 255, not 300.",
        "compare.toml, line 4: rule '300': side must be one of first, second, in quotes, not 1.",
    ]
    assert found[-1] == "There are 2 more mistakes."


def test_lines_are_right_whatever_stands_in_strings_and_comments() -> None:
    """No bracket, quote, equals sign or header in a text counts."""
    text = '''# [[rule]] "
title = """
[[rule]]
name = 'no' \\"""
"""
[folders]
first = 'x # [[rule]]' # it's
[[ "r\\u0075le" ]] # [
"na\\u006de" = "a = [ # " # ]
pixels = [ # [
  1, # ]
  "]" ]
'''
    title, pixels = refused(text)
    assert title.startswith("compare.toml, line 2: there is no 'title' in this file")
    assert pixels.startswith("compare.toml, line 10: rule 'a = [ # ': pixels must be")


def test_texts_from_the_file_cannot_steer_a_terminal() -> None:
    (message,) = refused('[[rule]]\nname = "a\\u001b[2J\\u202eb"\npixels = 1\n')
    assert message.startswith(r"compare.toml, line 2: rule 'a\x1b[2J\u202eb': name must be a text of 1 to ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(r"'C:\a\b'", r"'C:\a\b'"), ('"it\'s"', '"it\'s"'), (r'"it\u0027s \"8\""', "'it's \"8\"'")],
)
def test_texts_from_the_file_are_shown_as_they_are(value: str, shown: str) -> None:
    (message,) = refused(f"[[rule]]\nname = 'a'\npixels = {value}\n")
    assert message.endswith(f"pixels must be a whole number from 0 on, not {shown}.")


def test_too_many_rules_are_refused() -> None:
    (message,) = refused("".join(f"[[rule]]\nname = '{n}'\npixels = 1\n" for n in range(1001)))
    assert message == "compare.toml, line 1: there are 1,001 rules, and 1,000 may be."


# --- values ---


def test_a_rule_is_for_the_pictures_of_its_patterns() -> None:
    made = rules.Rules((Rule("a", Limits(pixels=1), ("docs/**/*.png", "x.png")), Rule("b", Limits(pixels=2))))
    assert [rule.name for rule in made.of("docs/a.png")] == ["a", "b"]
    assert [rule.name for rule in made.of("docs/deep/er/a.png")] == ["a", "b"]
    assert [rule.name for rule in made.of("x.png")] == ["a", "b"]
    assert [rule.name for rule in made.of("docs.png")] == ["b"]


def test_fingerprints_are_of_what_a_rule_takes_and_of_nothing_else() -> None:
    one = Rule("a", Limits(pixels=1), ("x*",))
    assert one.fingerprint == Rule("b", Limits(pixels=1, metric="yiq")).fingerprint
    others = [
        Limits(pixels=2), Limits(largest=1), Limits(mask=(Region(0, 0, 1, 1),)), GoldFuzzy(),
        Limits(mask=(Region(0, 0, 1, 1),), side="second"), GoldSobel(edge_threshold=0),
    ]  # fmt: skip
    found = {Rule("a", takes).fingerprint for takes in others} | {one.fingerprint}
    assert len(found) == len(others) + 1
    two = Rule("c", Limits(pixels=2))
    assert rules.fingerprint([one, two]) != rules.fingerprint([two, one])
    assert len({len(text) for text in [*found, rules.fingerprint([])]} | {32}) == 1


def test_the_fingerprint_is_blake2b_of_sorted_json() -> None:
    text = b'{"kind": "limits", "largest": 8, "mask": [[1, 2, 3, 4]]}'
    expected = hashlib.blake2b(text, digest_size=16).hexdigest()
    assert Rule("a", Limits(mask=(Region(1, 2, 3, 4),), largest=8)).fingerprint == expected


def test_readme_names_every_key_and_no_other() -> None:
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    table = text.split("| keys |")[1].split("\n\n")[0]
    named = [key for line in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted({"kind"}.union(*map(keys.of_kind, KINDS)))


def test_readme_shows_rules_that_can_be_read() -> None:
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    example = text.split("## Rules")[1].split("```toml\n")[1].split("```")[0]
    smooth, clock = parsed(example)
    assert smooth == Rule("smooth edges", Limits(antialiased=True))
    assert clock == Rule("clock", Limits(mask=(Region(1040, 12, 180, 24),)), ("docs/**/*.png",))
