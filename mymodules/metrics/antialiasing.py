"""Which pixels only smooth an edge, by pixelmatch's test.

References
----------
https://github.com/mapbox/pixelmatch (ISC). V. Vyšniauskas, "Anti-aliased pixel and intensity slope detector",
2009.
"""

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules.errors import PictureError
from mymodules.images import Rgba
from mymodules.metrics.colour_distance import (
    LUMA,
    ColourMetric,
    blended_difference,
    checkerboard,
    weighted,
)
from mymodules.regions import Region

_REACH = 2  # px; what the test looks at around a pixel: its neighbours, and theirs
_MANY = 2
_AROUND = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0)]  # the first of equals counts


def antialiased(
    first: Rgba, second: Rgba, *, box: Region | None = None, metric: ColourMetric = "yiq"
) -> NDArray[np.bool_]:
    """Return which pixels are anti-aliasing in one of two pictures.

    A pixel is, if of its neighbours one is the darkest and one the brightest, at most two are as bright as it
    is, and one of those two has more than two neighbours of its own colour in both pictures. Symmetric, but
    for the ground behind transparent pixels. Equal pictures have such pixels too.

    Parameters
    ----------
    first, second : uint8 (height, width, 4)
        RGBA of one size, not premultiplied.
    box : Region, optional
        Where to look; by default everywhere.
    metric : str
        ``yiq``: transparent neighbours are blended over the checkerboard; ``oklab``: over white.

    Returns
    -------
    bool (height, width)
        Of the box.

    Raises
    ------
    PictureError
        If one of the pictures is anything else, or their sizes differ.
    """
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    if first.shape != second.shape:
        raise PictureError(f"first is {first.shape}, second {second.shape}: they must have one size.", "kind")
    height, width = first.shape[:2]
    box = Region(0, 0, width, height) if box is None else box
    left, top = max(0, box.x - _REACH), max(0, box.y - _REACH)
    right, bottom = box.x + box.width + _REACH, box.y + box.height + _REACH
    one, other = (np.ascontiguousarray(side[top:bottom, left:right]) for side in (first, second))
    rows, columns = np.ogrid[top : top + one.shape[0], left : left + one.shape[1]]
    edge = (rows == 0) | (rows == height - 1) | (columns == 0) | (columns == width - 1)
    ground = checkerboard(rows * width + columns) if metric == "yiq" else np.full((*edge.shape, 3), 255.0)
    many = _many_siblings(one, edge) & _many_siblings(other, edge)
    found = np.zeros(edge.shape, np.bool_)
    for side in (one, other):
        found |= _smooths(side, many, edge, ground, instead=metric == "oklab")
    return found[box.y - top :, box.x - left :][: box.height, : box.width]


def _shifted(count: int, by: int) -> tuple[slice, slice]:
    """Return where pixels with a neighbour stand along one axis, and where these neighbours do."""
    return slice(max(0, -by), count - max(0, by)), slice(max(0, by), count - max(0, -by))


def _neighbours(shape: tuple[int, ...], x: int, y: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    rows, their_rows = _shifted(shape[0], y)
    columns, their_columns = _shifted(shape[1], x)
    return (rows, columns), (their_rows, their_columns)


def _many_siblings(rgba: Rgba, edge: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pixels have more than two neighbours of their own colour; an edge counts as one."""
    words = rgba.view(np.uint32)[:, :, 0]
    count = edge.astype(np.uint8)
    for x, y in _AROUND:
        here, there = _neighbours(words.shape, x, y)
        count[here] += words[here] == words[there]
    return np.asarray(count > _MANY)


def _smooths(
    rgba: Rgba,
    many: NDArray[np.bool_],
    edge: NDArray[np.bool_],
    ground: NDArray[np.float64],
    *,
    instead: bool,
) -> NDArray[np.bool_]:
    """Return which pixels of one picture lie between a darker and a brighter area.

    If ``instead``, half the difference in alpha stands for a difference in brightness that is 0.
    """
    equal = edge.astype(np.uint8)
    lowest, highest = np.zeros(edge.shape), np.zeros(edge.shape)
    of_lowest, of_highest = np.zeros(edge.shape, np.bool_), np.zeros(edge.shape, np.bool_)
    for x, y in _AROUND:
        here, there = _neighbours(edge.shape, x, y)
        apart = weighted(blended_difference(rgba[here], rgba[there], ground[here]), LUMA)
        if instead:
            alphas = rgba[here][..., 3].astype(np.float64) - rgba[there][..., 3]
            apart = np.where(apart == 0, alphas / 2, apart)
        equal[here] += apart == 0
        for extreme, flags, further in (
            (lowest, of_lowest, apart < lowest[here]),
            (highest, of_highest, apart > highest[here]),
        ):
            extreme[here] = np.where(further, apart, extreme[here])
            flags[here] = np.where(further, many[there], flags[here])
    return np.asarray((equal <= _MANY) & (lowest < 0) & (highest > 0) & (of_lowest | of_highest))
