"""Where a page stands in a pane of the viewer: the page's own functions, run by Node.

Expected values are computed in the tests, from the sizes that stand in them.
"""

import json
from typing import Any

import pytest
from support import nodes

PAGE = {"width": 1280, "height": 8000}
PANE = {"width": 524, "height": 600}
FIT = 512 / 1280  # without a margin of 6 px on either side


def called(*calls: tuple[str, list[Any]]) -> list[Any]:
    """The values of functions of the viewer's geometry."""
    wanted = ", ".join(f"{name}(...{json.dumps(values)})" for name, values in calls)
    found: list[Any] = nodes.evaluate("viewer/geometry.js", f"[{wanted}]")
    return found


def placed(view: dict[str, Any], page: dict[str, int] = PAGE, ratio: float = 1) -> dict[str, float]:
    (seen,) = called(("placed", [{"x": 0, "y": 0, "zoom": 1, "fit": None, **view}, page, PANE, ratio]))
    return dict(seen)


def stepped(boxes: list[list[int]], zoom: float, page: dict[str, int] = PAGE) -> list[dict[str, float]]:
    """The places of the page, stepping through regions from a zoom on."""
    found = []
    for box in boxes:
        (view,) = called(("regionView", [box, {"zoom": zoom}, page, PANE, 1]))
        found.append(placed(view, page))
        zoom = found[-1]["zoom"]
    return found


@pytest.mark.parametrize(
    ("size", "ratio", "zoom"),
    [
        ((64, 48), 1, 8),  # 512 / 64 = 8, 588 / 48 = 12
        ((100, 100), 1, 5),  # 5.12
        ((300, 80), 1, 1),  # 1.7
        ((100, 200), 1, 2),  # 5.12 across, 2.94 down
        ((100, 2000), 1, 1),  # 5.12 across, but it does not fit down
        ((4, 4), 1, 8),  # still a picture, not a wall of pixels
        ((100, 100), 1.5, 7),  # screen pixels: 7.68
        ((1280, 100), 1, FIT),
    ],
)
@pytest.mark.parametrize("kind", ["page", "width"])
def test_small_pictures_are_enlarged_by_whole_factors(
    kind: str, size: tuple[int, int], ratio: float, zoom: float
) -> None:
    if kind == "page" and size == (100, 2000):
        zoom = 588 / 2000
    page = {"width": size[0], "height": size[1]}
    assert placed({"fit": kind}, page, ratio)["zoom"] == pytest.approx(zoom)


def test_the_zoom_stays_while_regions_fit_and_are_readable() -> None:
    boxes = [[100, 40 * number, 8 + 9 * number, 30] for number in range(47)]  # up to 422 px wide
    places = stepped(boxes, 1)
    assert {place["zoom"] for place in places} == {1}
    for (x, y, width, height), place in zip(boxes, places, strict=True):
        assert place["x"] + x >= 0
        assert place["x"] + x + width <= PANE["width"]
        assert place["y"] + y >= 0
        assert place["y"] + y + height <= PANE["height"]


def test_a_region_that_cannot_be_read_is_enlarged_no_further_than_needed() -> None:
    boxes = [[600, 4000, 300, 20], [600, 4100, 1, 1], [600, 4200, 40, 8], [600, 4300, 100, 8]]
    # Readable is 1:1, and 8 px on the screen; 40 px fit at 8, 100 px at 0.9 * 524 / 100 = 4.7, so at 4.
    assert [place["zoom"] for place in stepped(boxes, FIT)] == [1, 8, 8, 4]


@pytest.mark.parametrize("zoom", [0.1, FIT, 1, 30])
@pytest.mark.parametrize("box", [[0, 0, 1280, 60], [0, 7940, 1280, 60], [0, 3000, 1280, 1668]])
def test_no_region_makes_the_page_smaller_than_its_width(box: list[int], zoom: float) -> None:
    (place,) = stepped([box], zoom)
    assert place["zoom"] == pytest.approx(FIT)
    assert place["x"] == 6
    # No part of the pane is left blank, but for the margin.
    assert place["y"] <= 6
    assert place["y"] + 8000 * FIT >= PANE["height"] - 6


def test_a_region_larger_than_the_pane_is_shown_from_its_corner() -> None:
    (place,) = stepped([[0, 3000, 1280, 1668]], FIT)
    assert place["y"] == pytest.approx(6 - 3000 * FIT, abs=1)


def test_at_a_corner_the_page_stays_in_the_pane() -> None:
    (start, end) = stepped([[0, 0, 10, 10], [1270, 7990, 10, 10]], 2)
    assert (start["x"], start["y"]) == (6, 6)
    assert (end["x"], end["y"]) == (524 - 6 - 2560, 600 - 6 - 16000)


def test_a_small_page_stays_in_the_middle() -> None:
    (place,) = stepped([[0, 0, 5, 5]], 2, {"width": 100, "height": 100})
    assert place["zoom"] == 5  # that of its width: 512 / 100
    assert (place["x"], place["y"]) == ((524 - 500) / 2, (600 - 500) / 2)


def arrival(boxes: list[list[int]], zoom: float, corner: tuple[float, float]) -> dict[str, float] | None:
    seen = {"zoom": zoom, "scale": zoom, "x": corner[0], "y": corner[1]}
    (view,) = called(("arrivalView", [boxes, seen, PAGE, PANE, 1]))
    return view and placed(view)


@pytest.mark.parametrize(
    "box",
    [
        [150, 5100, 30, 30],
        [0, 5590, 400, 20],  # its upper half
        [0, 2000, 1280, 3400],  # more than half of what is visible
    ],
)
def test_the_next_picture_stays_where_one_of_its_regions_is_visible(box: list[int]) -> None:
    assert arrival([[0, 0, 900, 900], box], 1, (-100, -5000)) is None


@pytest.mark.parametrize("boxes", [[], [[0, 5595, 400, 20]], [[80, 5100, 30, 30]]])
def test_the_next_picture_goes_to_its_largest_region_at_the_same_zoom(boxes: list[list[int]]) -> None:
    """A region of which less than half is visible does not count."""
    place = arrival([[400, 1000, 20, 20], [600, 2000, 60, 30], *boxes], 1, (-100, -5000))
    largest = max([[600, 2000, 60, 30], *boxes], key=lambda box: box[2] * box[3])
    assert place is not None
    assert place["zoom"] == 1
    x, y, width, height = largest
    assert place["x"] == pytest.approx(min(6, PANE["width"] / 2 - (x + width / 2)), abs=1)
    assert place["y"] == pytest.approx(PANE["height"] / 2 - (y + height / 2), abs=1)


def test_a_picture_without_regions_stays_where_the_last_one_was() -> None:
    assert arrival([], 1, (-100, -5000)) is None


@pytest.mark.parametrize("other", [(114, 63), (114.9, 62.5)])
def test_a_box_that_is_drawn_has_whole_pixels(other: tuple[float, float]) -> None:
    """At 3 CSS px a pixel and a corner at 10, 20: from pixel 4, 1 on, up to pixel 34, 14 with it."""
    seen = {"zoom": 3, "scale": 3, "x": 10, "y": 20}
    one, far = {"x": 24, "y": 24}, {"x": other[0], "y": other[1]}
    boxes = called(("boxBetween", [one, far, seen]), ("boxBetween", [far, one, seen]))
    assert boxes == [[4, 1, 31, 14]] * 2


def test_a_box_that_is_drawn_from_outside_begins_at_the_edge() -> None:
    seen = {"zoom": 1, "scale": 1, "x": 10, "y": 20}
    assert called(("boxBetween", [{"x": 0, "y": 0}, {"x": 15, "y": 26}, seen])) == [[0, 0, 5, 6]]
