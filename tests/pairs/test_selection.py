"""Which files of two folders are compared, and what a manifest may say about it."""

from pathlib import Path
from typing import Any

import pytest

from mymodules import pairs
from mymodules.pairs import Selection


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("news/a.png", "*.png", True),
        ("news/a.png", "news/*", True),
        ("a.png", "news/*", False),
        ("A.png", "a.png", False),
        ("a[1].png", "a[1].png", True),
        ("a1.png", "a[12].png", True),
        ("ab.png", "a?.png", True),
        ("a.png", "", False),
        ("news/a.png", "news/**/*.png", True),
        ("news/old/er/a.png", "news/**/*.png", True),
        ("a.png", "news/**/*.png", False),
        ("a.png", "**/a.png", True),
        ("ba.png", "**/a.png", False),
        ("news/old/a.png", "**/old/**/a.png", True),
        ("newsold/a.png", "news**/old/a.png", False),
    ],
)
def test_patterns(name: str, pattern: str, fits: bool) -> None:
    assert pairs.matches(name, [pattern]) is fits
    assert Selection(include=(pattern,)).has(name) is fits
    assert Selection(exclude=(pattern,)).has(name) is not fits


def test_what_is_excluded_is_not_included() -> None:
    chosen = Selection(include=("news/*", "a.png"), exclude=("*@2x.png",))
    assert [name for name in ("a.png", "b.png", "news/c.png", "news/c@2x.png") if chosen.has(name)] == [
        "a.png",
        "news/c.png",
    ]
    assert Selection().has("anything")
    assert bool(chosen)
    assert not Selection()


def test_a_listing_counts_what_is_not_selected(tmp_path: Path) -> None:
    for side in ("first", "second"):
        (tmp_path / side).mkdir()
        for name in ("a.png", "b.png", f"{side}.png"):
            (tmp_path / side / name).touch()
    listing = pairs.find(tmp_path / "first", tmp_path / "second", Selection(exclude=("a*", "second*")))
    assert [(pair.name, pair.second is None) for pair in listing.pairs] == [
        ("b.png", False),
        ("first.png", True),
    ]
    assert (listing.unselected, listing.pictures) == (2, (3, 3))


@pytest.mark.parametrize(
    "chosen",
    [
        Selection(),
        Selection(("a*",), ("b*", "c")),
        Selection(files=("a.png", "b.webp")),
        Selection(match=("stem", "casefold")),
    ],
)
def test_a_manifest_holds_it(chosen: Selection) -> None:
    assert Selection.of({"selection": chosen.entry()}) == chosen
    assert Selection.of({}) == Selection()


@pytest.mark.parametrize(
    "entry",
    [
        3,
        [],
        {"include": "a*"},
        {"exclude": [1]},
        {"files": ["a.png"]},
        {"files": ["../a.png", "b.png"]},
        {"files": ["a.png", "..\\b.png"]},
        {"files": {"first": "a.png"}},
        {"match": ["name"]},
    ],
)
def test_what_no_run_writes_is_refused(entry: Any) -> None:
    with pytest.raises(ValueError, match="it does not"):
        Selection.of({"selection": entry})
