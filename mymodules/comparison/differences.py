"""Where the pixels of two rectangles of one size differ.

Pixels are numbers, uint32 (height, width), as `pieces.Words`. The compiled kernel reads them once and makes
no masks; NumPy finds the same without it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import kernel
from mymodules import opencv as cv2
from mymodules.comparison.pieces import Words
from mymodules.regions import boxes_of

Boxes = NDArray[np.int64]
"""(n, 7), see `boxes`."""

FAINT = 8
"""Levels; what differs by no more in any channel is faint."""

_STRIP = 64  # rows that stay in the cache together


class Counted(NamedTuple):
    """What differs between two rectangles.

    Attributes
    ----------
    rows : int64 (height,)
        How many pixels of each row.
    left, right : int
        The first column that differs, and the one after the last; both 0 if nothing does.
    """

    rows: NDArray[np.int64]
    left: int
    right: int

    @property
    def total(self) -> int:
        """How many pixels of all rows."""
        return int(self.rows.sum())


def counted(first: Words, second: Words) -> Counted:
    """Return how many pixels differ, by rows."""
    compiled = kernel.loaded()
    if compiled is not None:
        return Counted(*compiled.differing(first, second))
    rows, columns = np.zeros(len(first), np.int64), np.zeros(first.shape[1], np.bool_)
    for strip, mask in _masks(first, second):
        rows[strip] = np.count_nonzero(mask, axis=1)
        columns |= mask.any(axis=0)
    concerned = np.flatnonzero(columns)
    left, right = (int(concerned[0]), int(concerned[-1]) + 1) if len(concerned) else (0, 0)
    return Counted(rows, left, right)


def equal_rows(first: Words, second: Words, *, upwards: bool = False) -> int:
    """Return how many rows are equal from the first one on, or upwards from the last one on."""
    compiled = kernel.loaded()
    if compiled is not None:
        return compiled.equal_rows(first, second, upwards=upwards)
    if upwards:
        first, second = first[::-1], second[::-1]
    for strip, mask in _masks(first, second):
        if mask.any():
            return int(strip.start + mask.any(axis=1).argmax())
    return len(first)


def boxes(first: Words, second: Words) -> Boxes:
    """Return boxes around all that differs, as `regions.boxes_of` does, with what is known of each.

    Returns
    -------
    int64 (n, 7)
        Left, top, right, bottom, right and bottom exclusive; how many pixels differ; how many of these are
        faint; and the largest difference of a channel.
    """
    compiled = kernel.loaded()
    if compiled is not None:
        return compiled.boxes(first, second)
    mask, steps = np.zeros(first.shape, np.bool_), np.zeros(first.shape, np.uint8)
    for strip, differs in _masks(first, second):
        one, other = (
            np.ascontiguousarray(words[strip]).view(np.uint8).reshape(*differs.shape, 4)
            for words in (first, second)
        )
        mask[strip] = differs
        red, green, blue, alpha = cv2.split(cv2.absdiff(one, other))
        steps[strip] = np.maximum(np.maximum(red, green), np.maximum(blue, alpha))
    gathered = boxes_of(mask)
    found = np.zeros((len(gathered), 7), np.int64)
    found[:, :5] = gathered
    for box in found:
        inside = steps[box[1] : box[3], box[0] : box[2]]
        box[5:] = np.count_nonzero((inside > 0) & (inside <= FAINT)), inside.max()
    return found


def _masks(first: Words, second: Words) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """Yield where strips of rows differ, and the strips; those that are equal are left out."""
    for top in range(0, len(first), _STRIP):
        strip = slice(top, min(len(first), top + _STRIP))
        mask = np.not_equal(first[strip], second[strip])
        if mask.any():
            yield strip, mask
