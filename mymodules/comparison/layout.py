"""One page for both pictures, on which what belongs together stands at one place.

Where something came or went, the other picture has a gap. What moved out of order stands at both of its
places, each time alone.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison.pieces import Piece, transposed
from mymodules.regions import Region

_NOTHING = Region(0, 0, 0, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Rectangles of first and second whose corners stand at one place of the page; one may be empty.

    Attributes
    ----------
    x, y : int
        The place, px of the page.
    first, second : Region
        px of either picture.
    """

    x: int
    y: int
    first: Region
    second: Region


def layout(pieces: Sequence[Piece]) -> tuple[Part, ...]:
    """Return the parts of a page that has all pixels of two pictures.

    Identity: one part, at 0, 0. Each pixel of either picture stands on the page once, and no two of one
    picture at one place.

    Parameters
    ----------
    pieces : sequence of Piece
        As `alignment.align` returns them.

    Returns
    -------
    tuple of Part
        From the top of the page; empty if there is no page that suits both sides. Every part stands as high
        as what is above it on either side allows. Where columns were paired instead of rows, to the left.
    """
    sizes = [_extent([_sides(piece)[side] for piece in pieces]) for side in (0, 1)]
    if sizes[0][0] != sizes[1][0] and sizes[0][1] == sizes[1][1]:
        turned = layout([transposed(piece) for piece in pieces])
        return tuple(Part(part.y, part.x, _turned(part.first), _turned(part.second)) for part in turned)
    boxes = [sides for piece in pieces for sides in _apart(piece)]
    tops = _tops(boxes)
    found = [
        Part(max(first.x, second.x), top, first, second)
        for (first, second), top in zip(boxes, tops, strict=False)
    ]
    return tuple(sorted(found, key=lambda part: (part.y, part.x)))


def _sides(piece: Piece) -> tuple[Region, Region]:
    return piece.first, piece.second


def _turned(box: Region) -> Region:
    return Region(box.y, box.x, box.height, box.width)


def _extent(boxes: Sequence[Region]) -> tuple[int, int]:
    """Return the width and height that boxes reach."""
    return max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)


def _apart(piece: Piece) -> list[tuple[Region, Region]]:
    """Return the sides of a piece that stand at one place; what moved out of order stands at two."""
    first, second = (box if box.width and box.height else _NOTHING for box in _sides(piece))
    if piece.kind == "move":
        return [(first, _NOTHING), (_NOTHING, second)]
    return [(first, second)]


def _tops(boxes: Sequence[tuple[Region, Region]]) -> list[int]:
    """Return how far down each pair of boxes stands; nothing if the sides contradict each other."""
    above = np.zeros((len(boxes), len(boxes)), np.bool_)
    for side in (0, 1):
        x, y, width, height = np.array([pair[side] for pair in boxes], np.int64).reshape(-1, 4).T
        there = (width > 0) & (height > 0)
        beside = (x[:, None] < (x + width)[None]) & (x[None] < (x + width)[:, None])
        above |= beside & ((y + height)[:, None] <= y[None]) & there[:, None] & there[None]
    heights = np.array([max(first.height, second.height) for first, second in boxes], np.int64)
    tops = np.zeros(len(boxes), np.int64)
    waits = above.sum(axis=0)
    ready = [*np.flatnonzero(waits == 0)]
    done = 0
    while ready:
        place = ready.pop()
        done += 1
        below: NDArray[np.intp] = np.flatnonzero(above[place])
        tops[below] = np.maximum(tops[below], tops[place] + heights[place])
        waits[below] -= 1
        ready += [*below[waits[below] == 0]]
    return [int(top) for top in tops] if done == len(boxes) else []
