"""Runs with rules: what a row says then, what a store keeps, and which file the rules are from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs import Folders, folders, png
from support.resuming import again, partial_of
from support.reusing import run, settle
from support.sides import untimed

from mymodules import batch, results
from mymodules.comparison import ruling
from mymodules.errors import SettingsError
from mymodules.regions import Region
from mymodules.results import runfiles
from mymodules.row import PairResult
from mymodules.rules import Limits, Rule, Rules

FAINT, STRONG = 9, 50  # px, planted below
SMOOTH = Limits(largest=8)
SPOT = Limits(mask=(Region(20, 20, 10, 5),))
DERIVED = ("messages", "rules", "verdict")
UNTOUCHED = [name for name in results.COLUMNS if not name.startswith("px_") and name not in DERIVED]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Pairs that differ in a faint spot, in a strong one, in both, or not at all; the folder is a project."""
    made = folders(tmp_path)
    for name in ("faint.png", "strong.png", "below/both.png", "same.png"):
        first = np.full((60, 80, 3), 200, np.uint8)
        first[::7, 30:50] = np.random.default_rng(len(name)).integers(0, 255, (9, 20, 3))
        second = first.copy()
        if name in ("faint.png", "below/both.png"):
            second[2:5, 2:5] -= 5
        if name in ("strong.png", "below/both.png"):
            second[20:25, 20:30] ^= 128
        for folder, pixels in ((made.first, first), (made.second, second)):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(png(pixels))
    (made.first / "gone.png").write_bytes(png(np.zeros((9, 9, 3), np.uint8)))
    settle(made)
    monkeypatch.chdir(tmp_path)
    return made


def rules(*takes: Limits, names: str = "abc", pictures: tuple[str, ...] = ()) -> Rules:
    return Rules(tuple(Rule(name, each, pictures) for name, each in zip(names, takes, strict=False)))


def rows(done: batch.Run) -> dict[str, PairResult]:
    return {row.image_filename: untimed(row) for row in results.read(done.csv_path)}


def of_changes(done: batch.Run) -> list[list[Any]]:
    found = done.changes()
    assert found is not None
    return found[["image_filename", "pixels", "rules"]].to_numpy().tolist()


def test_what_rules_take_has_columns_of_its_own_and_figures_stay(made: Folders) -> None:
    plain = rows(batch.run(*made, store=None, num_processors=1))
    done = batch.run(*made, store=None, num_processors=1, rules=rules(SMOOTH, SPOT, names=["faint", "a, b"]))
    found = rows(done)
    for name, row in found.items():
        assert [getattr(row, column) for column in UNTOUCHED] == [
            getattr(plain[name], column) for column in UNTOUCHED
        ]
        assert row.messages.startswith(plain[name].messages)
        causes = [getattr(row, column) for column in results.COLUMNS if column.startswith("px_")]
        assert None in causes or sum(causes) == row.num_diff_pixels
    both = found["below/both.png"]
    assert (both.px_tolerated, both.px_masked, both.px_changed) == (FAINT, STRONG, 0)
    assert both.rules == (
        '{"faint":{"tolerated":9,"changes":1,"whole":1},"a, b":{"masked":50,"changes":1,"whole":1}}'
    )
    assert both.messages.endswith(
        "Rule 'faint' tolerates 9 px of 1 change. Rule 'a, b' masks 50 px of 1 change."
    )
    assert {name: row.verdict for name, row in found.items()} == {
        "below/both.png": "tolerated", "faint.png": "tolerated", "strong.png": "tolerated",
        "same.png": "same", "gone.png": "missing",
    }  # fmt: skip
    assert {row.verdict for row in plain.values()} == {"changed", "same", "missing"}
    assert {row.rules for row in plain.values()} == {None}
    assert done.counts["changed"] == done.tolerated == 3
    assert done.verdicts == {"same": 1, "tolerated": 3, "changed": 0, "missing": 1, "extra": 0, "error": 0}
    assert of_changes(done) == [
        ["below/both.png", FAINT, '["faint"]'],
        ["below/both.png", STRONG, '["a, b"]'],
        ["faint.png", FAINT, '["faint"]'],
        ["strong.png", STRONG, '["a, b"]'],
    ]


def test_a_picture_of_which_something_is_left_is_changed(made: Folders) -> None:
    done = batch.run(*made, store=None, num_processors=1, rules=rules(SMOOTH, pictures=("below/**",)))
    found = rows(done)
    assert {name for name, row in found.items() if row.rules == "{}" or row.verdict == "tolerated"} == set()
    assert (found["below/both.png"].verdict, found["below/both.png"].px_changed) == ("changed", STRONG)
    assert found["faint.png"].rules is None  # the rule is not for it
    assert of_changes(done)[:2] == [["below/both.png", FAINT, '["a"]'], ["below/both.png", STRONG, ""]]


def test_other_rules_read_no_pictures_unless_they_need_pixels(made: Folders) -> None:
    everything = ["below/both.png", "faint.png", "gone.png", "same.png", "strong.png"]
    half = Limits(
        mask=(Region(20, 20, 5, 5),)
    )  # of the strong spot: which of its pixels, only the pixels say
    (made.out / "anew").mkdir()
    for asked, compared in (
        (rules(SMOOTH, SPOT), everything),
        (rules(SMOOTH, SPOT, names=["other", "names"]), []),
        (Rules(), []),
        (rules(Limits(pixels=9)), []),
        (rules(Limits(kinds=("space",))), []),
        (rules(SMOOTH), []),
        (rules(Limits(mask=(Region(0, 0, 80, 60),))), []),
        (rules(half), ["below/both.png", "strong.png"]),
        (rules(half, names="z"), []),
        (rules(SMOOTH, half, pictures=("below/*",)), ["below/both.png"]),
    ):
        done, redone = run(made, rules=asked)
        assert redone == compared
        assert set(done.reasons.values()) <= {"new", "rules changed"}
        anew = batch.run(*made[:2], made.out / "anew", rules=asked, store=None, num_processors=1)
        assert rows(done) == rows(anew)
        assert of_changes(done) == of_changes(anew)


def test_what_8_bits_do_not_hold_passes_by_a_rule_for_it_only(made: Folders) -> None:
    """16-bit pictures that differ visibly in a spot, and elsewhere in low bytes only."""
    first = np.full((60, 80, 3), 200 * 257, np.uint16)
    spot = first.copy()
    spot[20:25, 20:30] ^= 0x8080
    beyond = spot.copy()
    beyond[40, 40] ^= 1
    for name, second in (("spot.png", spot), ("beyond.png", beyond)):
        (made.first / name).write_bytes(png(first))
        (made.second / name).write_bytes(png(second))
    (made.first / "narrow.png").write_bytes(png(np.full((60, 80, 3), 200, np.uint8)))
    (made.second / "narrow.png").write_bytes(png(beyond))
    settle(made)
    (made.out / "anew").mkdir()
    for takes, expected in (((SPOT,), "changed"), ((Limits(depth=True), SPOT), "tolerated")):
        for _ in ("compared", "kept"):
            done, _ = run(made, rules=rules(*takes))
            found = rows(done)
            assert found["spot.png"].verdict == "tolerated"
            assert {found[name].verdict for name in ("beyond.png", "narrow.png")} == {expected}
            assert {found[name].px_masked for name in ("beyond.png", "narrow.png")} == {STRONG}
        assert found == rows(
            batch.run(*made[:2], made.out / "anew", rules=rules(*takes), store=None, num_processors=1)
        )
    assert "Pixels that are equal as 8 bits differ in the bits beyond." in found["beyond.png"].messages
    assert "Rule 'a' tolerates the difference in bits. Rule 'b' masks 50 px" in found["beyond.png"].messages


def test_a_resumed_run_keeps_its_rules_and_what_they_took(made: Folders) -> None:
    file = made.out.parent / "compare.toml"
    file.write_text('[[rule]]\nname = "faint"\nlargest = 8\n')
    done = batch.run(*made, store=None, num_processors=1)
    before, changes = rows(done), of_changes(done)
    assert before["faint.png"].verdict == "tolerated"
    file.write_text('[[rule]]\nname = "all"\nmask = [[0, 0, 80, 60]]\n')
    finished, redone = again(done.csv_path, store=None)
    assert (rows(finished), of_changes(finished), redone) == (before, changes, set())
    partial = partial_of(done, lambda name: name != "below/both.png")
    with pytest.raises(SettingsError, match="begun with other rules"):
        batch.run(resume=partial, rules=file)
    resumed, redone = again(partial)
    assert redone == {"below/both.png"}
    assert (rows(resumed), of_changes(resumed)) == (before, changes)

    plain, redone = run(made, rules=Rules())  # nothing that a rule has taken was kept as if there were none
    assert {"faint.png", "strong.png"} <= {*redone}
    assert {row.verdict for row in rows(plain).values()} == {"changed", "same", "missing"}
    assert rows(run(made)[0])["strong.png"].verdict == "tolerated"  # by the rule that is there now


def test_rules_from_python_are_those_that_the_run_is_resumed_with(made: Folders) -> None:
    """Kinds in any order, and a whole number where a file has a fraction."""
    given = rules(Limits(kinds=("space", "move"), share_per_picture=1))
    done = batch.run(*made, store=None, num_processors=1, rules=given)
    finished, redone = again(done.csv_path, store=None)
    assert (rows(finished), redone) == (rows(done), set())
    assert batch.run(resume=done.csv_path, store=None, rules=given).counts == done.counts
    twice = rules(SMOOTH, SPOT, names="aa")
    with pytest.raises(SettingsError, match="rule 'a': another rule has this name"):
        batch.run(*made, store=None, num_processors=1, rules=twice)


def test_rules_of_a_manifest_are_believed_in_nothing(made: Folders) -> None:
    done = batch.run(*made, store=None, num_processors=1, rules=rules(SMOOTH))
    path = done.csv_path.with_suffix(".json")
    manifest = runfiles.read_manifest(path)
    book = manifest["rules"]
    (entry,) = book["rules"]
    for damaged in (
        None,
        [],
        "rules",
        {key: value for key, value in book.items() if key != "rules"},
        {**book, "rules": []},
        {**book, "rules": [{**entry, "largest": "8"}]},
        {**book, "rules": [{**entry, "largest": 80}]},  # with which more would pass
        {**book, "fingerprint": None},
    ):
        runfiles.write_manifest(path, {**manifest, "rules": damaged})
        for asked in (None, rules(SMOOTH)):
            with pytest.raises(SettingsError) as caught:
                batch.run(resume=done.csv_path, rules=asked)
            assert str(caught.value) == (
                f"{done.csv_path} cannot be resumed: what its manifest says about its rules is damaged. "
                "Begin a new run."
            )


def test_only_the_projects_own_file_is_used(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[[rule]]\nname = "faint"\nlargest = 8\n'
    foreign = made.first / "compare.toml"
    foreign.write_text(text)
    (made.second / "compare.toml").write_text("[folders]\n")  # of which rules are none
    done = batch.run(*made, store=None, num_processors=1)
    manifest = runfiles.read_manifest(done.csv_path.with_suffix(".json"))
    assert manifest["unused_rules"] == [str(foreign)]
    assert "rules" not in manifest
    assert done.tolerated == 0

    for written in (
        'rule = [{ name = "faint", largest = 8 }]',
        f"\ufeff{text}",
        '[["rule"]]\nname = "faint"\nlargest = 8',
    ):
        foreign.write_text(written)
        done = batch.run(*made, store=None, num_processors=1)
        assert runfiles.read_manifest(done.csv_path.with_suffix(".json"))["unused_rules"] == [str(foreign)]

    named = batch.run(*made, store=None, num_processors=1, rules=foreign)
    manifest = runfiles.read_manifest(named.csv_path.with_suffix(".json"))
    assert "unused_rules" not in manifest
    assert (manifest["rules"]["file"], named.tolerated) == (str(foreign), 1)

    (made.out.parent / "compare.toml").write_text(text.replace("faint", "own"))
    own = batch.run(*made, store=None, num_processors=1)
    assert rows(own)["faint.png"].rules == '{"own":{"tolerated":9,"changes":1,"whole":1}}'
    assert runfiles.read_manifest(own.csv_path.with_suffix(".json"))["unused_rules"] == [str(foreign)]


def test_a_mistake_ends_a_run_before_it_writes_anything(made: Folders) -> None:
    file = made.out.parent / "compare.toml"
    file.write_text('[[rule]]\nname = "faint"\nlargst = 8\n')
    with pytest.raises(SettingsError, match="line 3: rule 'faint': there is no key 'largst': did you mean"):
        batch.run(*made)
    file.write_text('[[rule]]\nname = "faint"\nlargest = 8\n')
    with pytest.raises(SettingsError, match="need to know what moved"):
        batch.run(*made, moves=False)
    assert list(made.out.iterdir()) == []
    assert batch.run(*made, moves=False, rules=Rules(), store=None, num_processors=1).tolerated == 0


def test_a_fault_costs_the_ruling_only(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    plain = rows(batch.run(*made, store=None, num_processors=1))
    with monkeypatch.context() as patch:
        patch.setattr(ruling, "ruled", fail)
        failed = rows(run(made, rules=rules(SMOOTH))[0])
    for name, row in failed.items():
        if row.status != "changed":
            assert row == plain[name]
            continue
        assert row._replace(messages="") == plain[name]._replace(messages="")
        assert "Its rules are not applied: " in row.messages
    assert rows(run(made, rules=rules(SMOOTH))[0])["faint.png"].verdict == "tolerated"
