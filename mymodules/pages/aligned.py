"""Both pictures on one page, as the viewer lays them out: what belongs together stands at one place."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison import drawings
from mymodules.comparison.alignment import align
from mymodules.comparison.layout import Part, layout
from mymodules.images import Rgba

COLUMNS = ("px_moved", "px_inserted", "px_removed")
"""The columns of a row that `is_needed` reads."""


def is_needed(row: Mapping[str, Any]) -> bool:
    """Return whether anything stands at another place in second than in first."""
    return any(row.get(column) for column in COLUMNS)


def page(first: Rgba, second: Rgba) -> Sequence[Part]:
    """Return the parts of the page."""
    return layout(align(first, second))


def listed(found: Sequence[Part]) -> list[list[Any]]:
    """Return parts as the viewer expects them: of each x, y, its box in first, and that in second."""
    return [[part.x, part.y, [*part.first], [*part.second]] for part in found]


def delta_shades(first: Rgba, second: Rgba, found: Sequence[Part]) -> NDArray[np.uint8]:
    """Return the shades of the difference picture of the page of these parts, see `drawings.delta_shades`.

    It is empty where only one side has something.
    """
    boxes = [(part.x, part.y, box) for part in found for box in (part.first, part.second)]
    width, height = max(x + box.width for x, _, box in boxes), max(y + box.height for _, y, box in boxes)
    shades = np.zeros((height, width), np.uint8)
    for part in found:
        wide, high = (min(part.first[extent], part.second[extent]) for extent in (2, 3))
        sides = (
            picture[box.y : box.y + high, box.x : box.x + wide]
            for picture, box in ((first, part.first), (second, part.second))
        )
        if wide and high:
            drawn = drawings.delta_shades(*(np.ascontiguousarray(side) for side in sides))
            shades[part.y : part.y + high, part.x : part.x + wide] = drawn
    return shades
