"""Which changes are nearly the same, from few pictures."""

from collections.abc import Iterable

import numpy as np
import pytest
from support.changed import Listed, signature, tables

from mymodules import looks
from mymodules.images import Rgba
from mymodules.looks import ChangeClass
from mymodules.pages import nearly
from mymodules.regions import Region

BOX = Region(20, 30, 40, 12)
NOISY = {"a.png": 0, "b.png": 1, "c.png": 2, "far.png": 90}  # levels beside those of a.png
CHANGES = [Listed(name, name, BOX) for name in NOISY]


def classes(changes: Iterable[Listed]) -> list[ChangeClass]:
    frame, listed = tables(changes)
    return [*looks.plan(frame, changes=listed).classes.values()]


class Pictures:
    """Pictures of one colour each, and which of them were read."""

    def __init__(self) -> None:
        self.read: list[tuple[str, str]] = []

    def __call__(self, name: str, side: str) -> Rgba | None:
        self.read.append((name, side))
        level = 200 if side == "first" else 100 + NOISY.get(name, 0)
        return np.full((80, 100, 4), level, np.uint8)


def test_what_noise_tells_apart_is_nearly_the_same() -> None:
    found = nearly.find(classes(CHANGES), Pictures())
    star = signature("a.png")
    assert found == ({signature("b.png"): star, signature("c.png"): star}, "")


def test_each_picture_is_read_once_and_only_if_sizes_are_the_same() -> None:
    alone = Listed("alone.png", "alone", Region(20, 30, 41, 12))
    again = Listed("a.png", "again", Region(20, 50, 40, 12))
    pictures = Pictures()
    found = nearly.find(classes([*CHANGES, alone, again]), pictures)
    assert found.near[signature("again")] == signature("a.png")
    assert sorted(pictures.read) == sorted((name, side) for name in NOISY for side in ("first", "second"))


@pytest.mark.parametrize(
    ("name", "value", "compared"),
    [
        ("CLASSES", 3, 3),
        ("ALIKE", 2, 2),
        ("CROPPED", 2 * 3 * 48 * 20, 3),  # 4 px around 40 x 12 px, on both sides
        ("DECODED", 2 * 2 * 80 * 100, 2),
    ],
)
def test_it_says_if_there_were_too_many(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int, compared: int
) -> None:
    monkeypatch.setattr(nearly, name, value)
    found = nearly.find(classes(CHANGES), Pictures())
    assert found.note == (
        f"Nearly the same: found among {compared} of 4 changes; all of them would take too long."
    )
    assert found.near[signature("b.png")] == signature("a.png")


def test_a_picture_that_cannot_be_read_is_like_none() -> None:
    pictures = Pictures()
    found = nearly.find(
        classes(CHANGES), lambda name, side: None if name == "b.png" else pictures(name, side)
    )
    assert found == ({signature("c.png"): signature("a.png")}, "")
