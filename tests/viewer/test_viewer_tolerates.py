"""Rules that are made in the viewer: what they take, which rows would pass, and where they are written."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import pngs

from mymodules import batch, rules, settings, viewer
from mymodules.regions import Region
from mymodules.rules import Limits, Rule

HEIGHT, WIDTH = 60, 90
CLOCK, OTHER = (10, 10), (70, 40)

Ask = Callable[..., str]


def page(*dots: tuple[int, int], levels: int = 200, rows: int = 0) -> np.ndarray:
    """Rows that are all different, with dots of 2 x 2 px, and further rows on top."""
    made = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    made[20:50:2, 30:60] = np.arange(15, dtype=np.uint8)[:, None, None] * 5
    for x, y in dots:
        made[y : y + 2, x : x + 2] -= np.uint8(levels)
    return np.concatenate([np.full((rows, WIDTH, 3), 90, np.uint8), made])


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("run")
    seconds = {
        "across.png": page(rows=4)[:, :-4],
        "both.png": page(CLOCK, OTHER),
        "clock.png": page(CLOCK),
        "faint.png": page(OTHER, levels=3),
        "grown.png": page(rows=4),
        "same.png": page(),
        "time[1].png": page(CLOCK),
    }
    for name, picture in seconds.items():
        for side, shown in (("first", page()), ("second", picture)):
            (root / side).mkdir(exist_ok=True)
            (root / side / name).write_bytes(pngs.write(shown, 2, 8))
    (root / "first" / "was.png").write_bytes(pngs.write(np.tile(page(OTHER), (1, 2, 1)), 2, 8))
    (root / "second" / "now.png").write_bytes(pngs.write(np.tile(page(OTHER, levels=90), (1, 2, 1)), 2, 8))
    deep = page().astype(np.uint16) * 257
    for side, shown in (("first", deep), ("second", deep ^ 1)):
        (root / side / "deep.png").write_bytes(pngs.write(shown, 2, 16))
    dotted = deep ^ 1
    dotted[10:12, 10:12] = 55 * 257
    for side, shown in (("first", deep), ("second", dotted)):
        (root / side / "deeper.png").write_bytes(pngs.write(shown, 2, 16))
    (root / "out").mkdir()
    run = batch.run(root / "first", root / "second", root / "out", num_processors=1, pictures="none")
    return run.frame()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rules of the project."""
    (tmp_path / "one").mkdir()
    chosen = settings.resolve(tmp_path, tmp_path / "one", tmp_path / "two", tmp_path / "out")
    monkeypatch.setattr(settings, "recorded", lambda: chosen)
    return tmp_path / "compare.toml"


@pytest.fixture
def asking(
    frame: pd.DataFrame, file: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, Any]], Ask]:
    """Look at the run, with other entries in its manifest, and ask for rules as the page does."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(viewer.Viewer, "send", lambda self, content, buffers=None: sent.append(content))

    def of(entries: Mapping[str, Any]) -> Ask:
        run = {"root": str(file.parent), **entries}
        widget = viewer.Viewer(frame, run=frame.attrs["run"] | run)

        def ask(name: str, **asked: Any) -> str:
            sent.clear()
            widget._handle_custom_msg({"id": 1, "kind": "tolerate", "name": name, **asked}, [])
            (answer,) = sent
            return str(answer.get("sentence") or answer["error"])

        return ask

    return of


@pytest.fixture
def ask(asking: Callable[[Mapping[str, Any]], Ask]) -> Ask:
    """Ask for a rule as the page does, and return the sentence or the error."""
    return asking({})


def without_place(said: str, file: Path) -> str:
    """What the page says, but where the rule is going to stand."""
    place = f" It goes into {file} and counts from the next run on."
    assert said.endswith(place)
    return said.removesuffix(place)


def test_a_mask_says_which_pictures_would_pass(ask: Ask, file: Path) -> None:
    drawn = {"mask": [8, 8, 6, 6], "side": "first", "called": "clock"}
    assert ask("clock.png", **drawn) == (
        "It masks 6 x 6 px at 8, 8 of first. clock.png would pass with it. "
        f"It goes into {file} and counts from the next run on."
    )
    assert without_place(ask("clock.png", **drawn, everywhere=True), file) == (
        "It masks 6 x 6 px at 8, 8 of first. clock.png, time[1].png would pass with it."
    )
    everything = {"mask": [0, 0, WIDTH, HEIGHT], "side": "first", "called": "", "everywhere": True}
    # All but deep.png, in which only bits beyond the eighth differ: no mask takes these.
    assert without_place(ask("clock.png", **everything), file) == (
        f"It masks {WIDTH} x {HEIGHT} px at 0, 0 of first. "
        "5 pictures would pass with it: both.png, clock.png, faint.png, grown.png, time[1].png."
    )
    nothing = {"mask": [0, 50, 5, 5], "side": "first", "called": "x"}
    assert without_place(ask("clock.png", **nothing), file).endswith("No changed picture would pass with it.")
    assert not file.exists()


def test_what_a_mask_covers_in_part_is_looked_up_in_the_pictures_that_are_shown(ask: Ask, file: Path) -> None:
    half = {"mask": [8, 8, 3, 6], "side": "first", "everywhere": True}
    assert without_place(ask("clock.png", **half), file) == (
        "It masks 3 x 6 px at 8, 8 of first. "
        # both.png has another change, which nothing takes
        "time[1].png must be compared again to tell whether it suffices."
    )
    # Four rows came on top of second; where they are does not say which of their pixels a mask takes.
    above = {"mask": [0, 0, WIDTH, 4], "side": "second", "everywhere": True}
    assert without_place(ask("grown.png", **above), file).endswith(" grown.png would pass with it.")
    assert without_place(ask("clock.png", **above), file).endswith(
        " grown.png must be compared again to tell whether it suffices."
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        # 90 x 60 px against 86 x 64
        (
            "across.png",
            "one picture is wider and the other taller, and what neither of them covers always counts",
        ),
        ("deep.png", "it differs only beyond the eighth bit, which rules with depth = true take"),
        ("deeper.png", "it differs beyond the eighth bit, too, which rules with depth = true take"),
        ("now.png", "it was renamed, which no rule takes"),
    ],
)
def test_a_picture_that_no_such_rule_lets_pass_says_why(ask: Ask, file: Path, name: str, reason: str) -> None:
    everything = {"mask": [0, 0, 500, 500], "side": "first"}
    taking = "It masks 500 x 500 px at 0, 0 of first. "
    assert without_place(ask(name, **everything), file) == (
        f"{taking}No changed picture would pass with it. {name} cannot: {reason}."
    )
    assert without_place(ask(name, **everything, everywhere=True), file) == (
        f"{taking}5 pictures would pass with it: both.png, clock.png, faint.png, grown.png, time[1].png. "
        f"{name} cannot: {reason}."
    )
    assert without_place(ask("clock.png", **everything), file) == f"{taking}clock.png would pass with it."


def test_a_rule_may_take_what_differs_beyond_the_eighth_bit(ask: Ask, file: Path) -> None:
    file.write_text("[[rule]]\nname = 'low bits'\ndepth = true\n")
    said = without_place(ask("deep.png", mask=[0, 0, 5, 5], side="first"), file)
    assert said == "It masks 5 x 5 px at 0, 0 of first. deep.png would pass with it."


def test_changes_like_one_are_masked_with_their_words_or_limited_or_taken_by_kind(
    ask: Ask, file: Path
) -> None:
    # 2 x 2 px, the column right of them, which differs from its left neighbour, and 4 px around
    assert without_place(ask("clock.png", mark=0), file) == (
        "It masks 11 x 10 px at 6, 6 of first. clock.png would pass with it."
    )
    assert without_place(ask("faint.png", mark=0, everywhere=True), file) == (
        "It takes differences of at most 3 levels in any channel. faint.png would pass with it."
    )
    assert without_place(ask("grown.png", mark=0), file) == (
        "It takes every change of the kind insert. grown.png would pass with it."
    )
    assert ask("same.png", mark=0) == "This change is no longer among those of the row: choose it again."


def test_a_rule_is_written_beside_the_others_and_counts_with_them(ask: Ask, file: Path) -> None:
    file.write_text("[[rule]]\nname = 'other' # ours\nmask = [[66, 36, 11, 10]]\n")
    said = without_place(ask("both.png", mask=[8, 8, 6, 6], side="first"), file)
    assert said.endswith("both.png would pass with it.")
    said = ask("time[1].png", mask=[8, 8, 6, 6], side="first", called=" clock ", write=True)
    assert said == f"Rule 'clock' stands in {file} now, and counts from the next run on."
    assert file.read_text().startswith("[[rule]]\nname = 'other' # ours\nmask = [[66, 36, 11, 10]]\n")
    new = rules.read(file).rules[1]
    assert new == Rule("clock", Limits(mask=(Region(8, 8, 6, 6),)), ("time[[]1].png",))
    assert new.is_for("time[1].png")
    assert "the rule in line 6 has this name" in ask("clock.png", mark=0, called="clock")


def test_a_rule_goes_where_the_rules_of_the_run_are_from(
    asking: Callable[[Mapping[str, Any]], Ask], file: Path, tmp_path: Path
) -> None:
    drawn = {"mask": [8, 8, 6, 6], "side": "first", "called": "clock"}
    other = tmp_path / "ci.toml"
    other.write_text("[[rule]]\nname = 'other'\nmask = [[66, 36, 11, 10]]\n")
    ask = asking({"rules": {"file": str(other), "rules": []}})
    said = ask("both.png", **drawn)
    assert "both.png would pass with it." in said  # with the rule of that file
    assert said.endswith(
        f" It goes into {other}, whose rules this run had, and counts in runs with that file."
    )
    assert ask("both.png", **drawn, write=True) == (
        f"Rule 'clock' stands in {other} now, and counts in runs with that file."
    )
    assert [rule.name for rule in rules.read(other).rules] == ["other", "clock"]
    assert not file.exists()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            {"rules": {"file": "/gone/ci.toml", "rules": []}},
            ", because /gone/ci.toml, whose rules this run had, is gone, and counts from the next run on.",
        ),
        (
            {"rules": {"file": 3, "rules": []}},
            ", because 3, whose rules this run had, is gone, and counts from the next run on.",
        ),
        (
            {"rules": {"file": None, "rules": []}},
            " and counts in runs that get no rules from Python, unlike this one.",
        ),
        ({"root": "/elsewhere"}, " and counts in runs started in this project, unlike this one."),
        ({"root": None, "rules": "odd"}, " and counts from the next run on."),
    ],
    ids=["gone", "no-path", "from-python", "another-project", "damaged"],
)
def test_a_rule_goes_into_the_file_of_this_project_otherwise(
    asking: Callable[[Mapping[str, Any]], Ask], file: Path, entries: Mapping[str, Any], words: str
) -> None:
    assert asking(entries)("clock.png", mark=0).endswith(f" It goes into {file}{words}")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"mark": 0, "called": "", "write": True}, "name must be a text of 1 to 100 letters"),
        ({"mark": 0, "called": 'a"b'}, "without quotes in it"),
        ({"mark": 9}, "choose it again"),
        ({"mask": [-1, 0, 5, 5]}, "x and y count from 0"),
        ({"mask": [0, 0, 0, 5]}, "width and height from 1"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(ask: Ask, file: Path, asked: dict[str, Any], words: str) -> None:
    assert words in ask("clock.png", **asked)
    assert not file.exists()


def test_a_file_with_a_mistake_is_left_alone(ask: Ask, file: Path) -> None:
    file.write_text("[[rule]]\nnmae = 'x'\n")
    assert "line 2" in ask("clock.png", mark=0, called="clock", write=True)
    assert file.read_text() == "[[rule]]\nnmae = 'x'\n"
