"""The picture of a page that shows what flickers on it, and what the proposed masks cover."""

from collections.abc import Iterable

import numpy as np

from mymodules.calibration.captures import Seen
from mymodules.calibration.page import differing
from mymodules.comparison import drawings
from mymodules.images import Rgba
from mymodules.metrics import gray
from mymodules.regions import Region

_PALE = 3  # the page keeps this part of its contrast: 1 in 3
_RARE, _OFTEN = np.array((255, 193, 7)), np.array((229, 57, 53))
_LINE = np.array((30, 136, 229, 255), np.uint8)


def drawn(first: Rgba, captures: Iterable[Seen], boxes: Iterable[Region]) -> Rgba:
    """Return the page in pale gray, what differs in colour, and a line around each box.

    Yellow is what differs in few captures, red what differs in all; the line is blue.

    Parameters
    ----------
    first : uint8 (height, width, 4)
    captures : iterable of Seen
        All others. Those of another size or with equal pixels only count.
    boxes : iterable of Region
    """
    counts = np.zeros(first.shape[:2], np.int64)
    number = 0
    for seen in captures:
        number += 1
        if seen.of_one_size:
            counts += differing(seen)
    made = np.full(first.shape, 255, np.uint8)
    made[:, :, :3] = (255 - (255 - gray(first).astype(np.int64)) // _PALE)[:, :, None]
    places = counts > 0
    share = (counts[places] / max(1, number))[:, None]
    made[places, :3] = np.rint(_RARE + (_OFTEN - _RARE) * share)
    for x, y, width, height in boxes:
        drawings.outline(made, x - 1, y - 1, x + width, y + height, _LINE)
    return made
