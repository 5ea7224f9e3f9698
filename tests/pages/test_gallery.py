"""The gallery's pure functions: where tiles stand, where keys lead, and which part of a pair is shown."""

import json
from typing import Any

from support import nodes

ROOM = {"width": 200, "height": 150, "ratio": 1}


def tiles(expression: str) -> Any:
    return nodes.evaluate("tiles.js", expression)


def part(expression: str) -> Any:
    return nodes.evaluate("thumbnails/part.js", expression)


def shape(width: int, height: int, *regions: list[int | None]) -> str:
    return json.dumps({"first": [width, height], "second": [width, height], "regions": regions})


# A tile has three pictures of 168 px or more, 2 x 4 px between them and 2 x 6 px around: 524 px. Between
# tiles, and around them, are 8 px.
COLUMNS = {300: 1, 460: 1, 1071: 1, 1072: 2, 1603: 2, 1604: 3}


def test_as_many_columns_as_hold_three_pictures_each() -> None:
    layouts = dict(zip(COLUMNS, tiles(f"{[*COLUMNS]}.map(laidOut)"), strict=True))
    assert {width: layout["columns"] for width, layout in layouts.items()} == COLUMNS
    for width, layout in layouts.items():
        assert 8 + layout["columns"] * (layout["width"] + 8) <= width
        across = 1 if layout["isStacked"] else 3
        assert across * (layout["room"]["width"] + 4) - 4 + 12 <= layout["width"]
        assert layout["isStacked"] == (width < 340)


def test_tiles_stand_in_columns_and_lines() -> None:
    layout = {"columns": 3, "width": 100, "line": 50}
    corners = tiles(f"[0, 1, 2, 3, 7].map((place) => corner(place, {json.dumps(layout)}))")
    assert corners == [[8, 8], [116, 8], [224, 8], [8, 58], [116, 108]]
    assert tiles(f"total(7, {json.dumps(layout)})") == 3 * 50 + 8


SEEN = {
    (0, 0): [0, 6],  # 8 to 58, and 58 to 100 of the next line
    (57, 0): [0, 9],  # the last pixel of the first line
    (58, 0): [3, 9],
    (58, 1): [0, 12],
    (10**6, 0): [20, 20],
}


def test_tiles_in_sight() -> None:
    layout = "{ columns: 3, line: 50 }"
    tops = json.dumps([*SEEN])
    found = tiles(f"{tops}.map(([top, spare]) => inSight(top, 100, 20, {layout}, spare))")
    assert dict(zip(SEEN, found, strict=True)) == SEEN


def test_a_tile_is_revealed_with_the_gap_around_it() -> None:
    layout = "{ columns: 2, width: 100, line: 50 }"
    found = tiles(f"[0, 4, 20].map((place) => revealed(place, 100, 120, {layout}))")
    assert found == [0, 100, 500 + 58 - 120]


STEPS = {
    ("ArrowRight", 0): 1,
    ("ArrowRight", 2): 3,
    ("ArrowLeft", 0): 0,
    ("ArrowLeft", 3): 2,
    ("ArrowDown", 1): 4,
    ("ArrowDown", 8): 10,  # the last line has places 9 and 10
    ("ArrowDown", 9): 9,
    ("ArrowUp", 1): 1,
    ("ArrowUp", 10): 7,
    ("PageDown", 1): 7,  # two lines of 50 px in 120 px
    ("PageUp", 10): 4,
    ("PageUp", 2): 2,
    ("Home", 7): 0,
    ("End", 1): 10,
    ("ArrowDown", -1): 0,
    ("x", 3): None,
}


def test_keys_lead_to_the_neighbours_of_a_tile() -> None:
    keys = json.dumps([*STEPS])
    layout = "{ columns: 3, line: 50 }"
    found = tiles(f"{keys}.map(([key, place]) => stepped(key, place, 11, {layout}, 120))")
    assert dict(zip(STEPS, found, strict=True)) == STEPS


CASES: list[tuple[str, str, list[int], float]] = [
    ("no region: the whole picture, reduced", shape(1000, 800), [0, 0, 1000, 800], 150 / 800),
    ("no region: the whole picture, 200 / 64 = 3.1 and 150 / 48 = 3.1", shape(64, 48), [0, 0, 64, 48], 3),
    ("never more than eightfold", shape(10, 10), [0, 0, 10, 10], 8),
    ("centred at full size", shape(1000, 800, [500, 400, 100, 50, 9]), [450, 350, 200, 150], 1),
    # threefold, as (10 + 32) x 3 < 200 and (8 + 32) x 3 < 150: 66 x 50 px, 28 and 21 of them before it
    ("enlarged by a whole factor", shape(1000, 800, [500, 400, 10, 8, 9]), [472, 379, 66, 50], 3),
    ("within the picture", shape(1000, 800, [0, 790, 10, 10, 9]), [0, 750, 66, 50], 3),
    ("the beginning of what does not fit", shape(1000, 800, [500, 400, 300, 20, 9]), [484, 335, 200, 150], 1),
    # (468 + 32) x 0.4 = 200, and 150 / 0.4 = 375, of which 300 are the region's
    ("reduced to fit", shape(1000, 800, [84, 84, 468, 300, 9]), [68, 47, 500, 375], 0.4),
    ("to a quarter at least", shape(3000, 4000, [100, 400, 2800, 3000, 9]), [84, 384, 800, 600], 0.25),
    ("narrower than the room", shape(30, 2000, [0, 0, 30, 2000, 9]), [0, 0, 30, 150], 1),
]


def test_the_largest_region_with_its_surroundings() -> None:
    pairs = ", ".join(pair for _, pair, *_ in CASES)
    found = part(f"[{pairs}].map((pair) => cropped(pair, {json.dumps(ROOM)}))")
    expected = {why: {"box": box, "zoom": zoom} for why, _, box, zoom in CASES}
    assert dict(zip(expected, found, strict=True)) == expected


def test_the_largest_region_has_the_most_differing_pixels() -> None:
    wide, dense = [0, 0, 90, 90, 10], [500, 500, 20, 20, 400]
    assert part(f"heaviest({json.dumps([wide, dense])}, 1)") == [dense]
    uncounted = [[*wide[:4], None], [*dense[:4], None]]
    assert part(f"heaviest({json.dumps(uncounted)}, 1)") == uncounted[:1]


def test_the_whole_pair_is_as_large_as_both_pictures() -> None:
    pair = "{ first: [400, 100], second: [300, 300], regions: [[1, 1, 1, 1, 1]] }"
    assert part(f"whole({pair}, {json.dumps(ROOM)})") == {"box": [0, 0, 400, 300], "zoom": 0.5}
    assert part("larger({ first: [null, null], second: [7, 9] })") == [7, 9]
    assert part("larger({ first: [null, null], second: null })") is None


STORED = {
    (1, 1): [400, 300],
    (3, 2): [400, 300],
    (0.25, 1): [100, 75],
    (0.25, 2): [200, 150],
    (0.25, 3): [200, 150],
}


def test_reduced_thumbnails_are_stored_as_the_screen_shows_them() -> None:
    cut = "{ box: [0, 0, 400, 300], zoom }"
    found = part(f"{json.dumps([*STORED])}.map(([zoom, ratio]) => stored({cut}, {{ ratio }}))")
    assert dict(zip(STORED, found, strict=True)) == STORED
