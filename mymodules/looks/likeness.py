"""Which classes are nearly the same: pixels of the same change, blurred by JPEG or by noise.

This only brings classes side by side on a look. It may take two for one that a person tells apart, such as a
faint word in what changes strongly, so none is ever decided by another.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.looks.classes import ChangeClass
from mymodules.regions import Region

Crop = NDArray[np.uint8]

MARGIN: Final = 4
"""px around a change that belong to its crops."""

SHARE: Final = 0.25
"""By which share of what the weaker of two changes alters they may differ."""

LEVELS: Final = 2
"""By how many levels more."""


class _Pair(NamedTuple):
    """Crops of a change, and by how many levels it alters them at most."""

    first: NDArray[np.int16]
    second: NDArray[np.int16]
    strength: int

    def is_near(self, other: "_Pair") -> bool:
        most = SHARE * min(self.strength, other.strength) + LEVELS
        return all(
            int(np.abs(one - another).max(initial=0)) <= most
            for one, another in ((self.first, other.first), (self.second, other.second))
        )


def near(classes: Iterable[ChangeClass], crop: Callable[[str, str, Region], Crop | None]) -> dict[str, str]:
    """Return which classes are nearly the same as an earlier one, for `looks.plan`.

    Parameters
    ----------
    classes : iterable of ChangeClass
        Such as ``plan.classes.values()``.
    crop : callable
        Given the name of a page, ``"first"`` or ``"second"``, and a box: returns the pixels of the part of
        the box that lies on the picture, as uint8 (height, width, 4), or None if it cannot be read.

    Returns
    -------
    dict of str to str
        The signature of the representative of each class that has one, by its own. A class joins the first
        representative of its kind whose crops have the same sizes and differ from its own nowhere by more
        than `SHARE` of what the weaker of the two changes alters, and `LEVELS` levels. Each is compared with
        the representative only, so that no chain of small steps joins what is far apart.
    """
    found: dict[str, str] = {}
    stars: dict[tuple[object, ...], list[tuple[str, _Pair]]] = {}
    for each in classes:
        pair = _pair(each, crop)
        if pair is None:
            continue
        known = stars.setdefault((each.kind, pair.first.shape, pair.second.shape), [])
        name = next((name for name, star in known if star.is_near(pair)), None)
        if name is None:
            known.append((each.signature, pair))
        else:
            found[each.signature] = name
    return found


def _pair(each: ChangeClass, crop: Callable[[str, str, Region], Crop | None]) -> _Pair | None:
    """Return the crops of a class; None if it has no content, or it cannot be read."""
    if each.kind == "space":
        return None
    one = each.occurrences[0]
    boxes = {"first": one.first, "second": one.second}
    crops = []
    for side, box in boxes.items():
        empty = not (box.width and box.height)
        pixels = np.empty((0, 0, 4), np.uint8) if empty else crop(one.page, side, grown(box))
        if pixels is None:
            return None
        crops.append(pixels.astype(np.int16))
    first, second = crops
    if first.shape == second.shape:
        return _Pair(first, second, int(np.abs(first - second).max(initial=0)))
    return _Pair(first, second, max(int(np.ptp(side)) if side.size else 0 for side in crops))


def grown(box: Region) -> Region:
    """Return the box of the crop of a change, given that of the change; it may leave the picture."""
    return Region(box.x - MARGIN, box.y - MARGIN, box.width + 2 * MARGIN, box.height + 2 * MARGIN)
