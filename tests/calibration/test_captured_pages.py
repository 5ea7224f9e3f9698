"""Captures made in Chromium: a clock, a spinner, a rotating text, a rare banner, and a real change."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.flickering import TEXTS, State, camera

from mymodules.calibration import Calibration, calibrate
from mymodules.regions import Region
from mymodules.rules import Limits

LEARNT = (
    State(second=36_000, angle=0, text=TEXTS[0]),
    State(second=36_001, angle=70, text=TEXTS[1], noise=3),
    State(second=36_002, angle=140, text=TEXTS[2]),
    State(second=36_003, angle=250, text=TEXTS[3], banner=True),
)
HOURS_LATER = State(second=47_654, angle=70, text=TEXTS[1], noise=3, banner=True)
CHANGED = HOURS_LATER._replace(price="The total is 900.00 with delivery.")
FLICKERING = {"clock", "spinner", "text", "banner"}


class Shots(NamedTuple):
    """Folders of captures, and where the parts of the page are, px: left, top, right, bottom."""

    learnt: list[Path]
    later: Path
    changed: Path
    places: dict[str, tuple[float, float, float, float]]


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shots]:
    folder = tmp_path_factory.mktemp("captures")
    names = ("Shop", "Cart")
    with camera() as taking:
        (*learnt, later, changed) = taking.capture(folder, [*LEARNT, HOURS_LATER, CHANGED], names)
        yield Shots(learnt, later, changed, taking.places())


@pytest.fixture(scope="module")
def found(shots: Shots) -> Calibration:
    return calibrate([*shots.learnt, shots.later, shots.changed], held_out=2)


def touched(box: Region, shots: Shots) -> set[str]:
    """The parts of the page that a box has something of."""
    return {
        name
        for name, (left, top, right, bottom) in shots.places.items()
        if left < box.x + box.width and box.x < right and top < box.y + box.height and box.y < bottom
    }


def test_each_mask_holds_one_part_that_flickers_and_nothing_else(found: Calibration, shots: Shots) -> None:
    masks, noise = found.rules
    assert (masks.name, masks.pictures) == ("flicker in all pictures", ())
    assert isinstance(masks.takes, Limits)
    assert [touched(box, shots) for box in masks.takes.mask] == [
        {"clock"},
        {"spinner"},
        {"text"},
        {"banner"},
    ]
    assert (noise.name, noise.takes) == ("faint noise in all pictures", Limits(largest=3))


def test_hours_later_the_page_passes_and_a_changed_price_does_not(found: Calibration, shots: Shots) -> None:
    """The clock's phrase was learnt, not only the digits that had changed by then."""
    assert not found.again.failed
    assert found.later.failed == (shots.changed,)
    assert found.later.pages == {"Shop.png": 1, "Cart.png": 1}


def test_what_was_too_rare_to_be_learnt_fails(shots: Shots) -> None:
    found = calibrate([*shots.learnt[:3], shots.later], held_out=1)
    assert found.later.failed == (shots.later,)
    learnt = {name for page in found.pages for box in page.boxes for name in touched(box, shots)}
    assert learnt == FLICKERING - {"banner"}
