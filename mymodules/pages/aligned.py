"""Both pictures on one page, as the viewer lays them out: what belongs together stands at one place."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mymodules.comparison import drawings
from mymodules.comparison.alignment import align
from mymodules.comparison.layout import layout
from mymodules.images import Rgba

COLUMNS = ("px_moved", "px_inserted", "px_removed")
"""The columns of a row that `is_needed` reads."""


def is_needed(row: Mapping[str, Any]) -> bool:
    """Return whether anything stands at another place in second than in first."""
    return any(row.get(column) for column in COLUMNS)


def parts(first: Rgba, second: Rgba) -> list[list[Any]]:
    """Return the page as the viewer expects it: of each part x, y, its box in first, and that in second."""
    found = layout(align(first, second))
    return [[part.x, part.y, [*part.first], [*part.second]] for part in found]


def delta(first: Rgba, second: Rgba) -> Rgba:
    """Return the difference picture of the page; empty where only one side has something."""
    found = layout(align(first, second))
    boxes = [(part.x, part.y, box) for part in found for box in (part.first, part.second)]
    width, height = max(x + box.width for x, _, box in boxes), max(y + box.height for _, y, box in boxes)
    page = np.zeros((height, width, 4), np.uint8)
    for part in found:
        wide, high = (min(part.first[extent], part.second[extent]) for extent in (2, 3))
        sides = (
            picture[box.y : box.y + high, box.x : box.x + wide]
            for picture, box in ((first, part.first), (second, part.second))
        )
        if wide and high:
            drawn = drawings.delta(*(np.ascontiguousarray(side) for side in sides))
            page[part.y : part.y + high, part.x : part.x + wide] = drawn
    return page
