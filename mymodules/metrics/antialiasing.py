"""Which pixels only smooth an edge, by pixelmatch's test.

References
----------
https://github.com/mapbox/pixelmatch (ISC). V. Vyšniauskas, "Anti-aliased pixel and intensity slope detector",
2009.
"""

from collections.abc import Callable, Iterator
from typing import Literal

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

_MANY = 2
_AROUND = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0)]  # the first of equals counts

Places = NDArray[np.int64]
Difference = Callable[[Rgba], NDArray[np.float64]]
"""Takes one neighbour of each pixel (n, 4): the brightness of the pixels less that of these."""


def antialiased(
    first: Rgba, second: Rgba, rows: Places, columns: Places, *, metric: ColourMetric = "yiq"
) -> NDArray[np.bool_]:
    """Return which of some pixels are anti-aliasing in one of two pictures.

    A pixel is, if of its neighbours one is the darkest and one the brightest, at most two are as bright as it
    is, and one of those two has more than two neighbours of its own colour in both pictures. Symmetric. Equal
    pictures have such pixels too.

    Parameters
    ----------
    first, second : uint8 (height, width, 4)
        RGBA of one size, not premultiplied.
    rows, columns : int64 (n,)
        The pixels to look at.
    metric : str
        ``yiq``: transparent neighbours are blended over the checkerboard; ``oklab``: over white.

    Returns
    -------
    bool (n,)

    Raises
    ------
    PictureError
        If one of the pictures is anything else, or their sizes differ.
    """
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    if first.shape != second.shape:
        raise PictureError(f"first is {first.shape}, second {second.shape}: they must have one size.", "kind")
    found = np.zeros(rows.shape, np.bool_)
    for side in (first, second):
        for y, x, candidates in _extremes(side, rows, columns, instead=metric == "oklab"):
            both = _many_siblings(first, y, x) & _many_siblings(second, y, x)
            found[candidates] |= both
    return found


def _at(rgba: Rgba, rows: Places, columns: Places) -> Rgba:
    """Return some pixels: uint8 (n, 4)."""
    return rgba.view(np.uint32)[rows, columns].view(np.uint8)


def _neighbours(
    size: tuple[int, ...], rows: Places, columns: Places
) -> Iterator[tuple[Places, Places, NDArray[np.bool_] | Literal[True]]]:
    """Yield the eight neighbours of pixels, and which of them are in the picture; others are the pixel."""
    within = bool(len(rows)) and all(
        each.min() > 0 and each.max() < end - 1 for each, end in ((rows, size[0]), (columns, size[1]))
    )
    for x, y in _AROUND:
        if within:
            yield rows + y, columns + x, True
            continue
        inside = (rows + y >= 0) & (rows + y < size[0]) & (columns + x >= 0) & (columns + x < size[1])
        yield rows + y * inside, columns + x * inside, inside


def _edge(size: tuple[int, ...], rows: Places, columns: Places) -> NDArray[np.uint8]:
    """Return 1 for pixels at the picture's edge: it counts as one neighbour like them."""
    at_edge = (rows == 0) | (rows == size[0] - 1) | (columns == 0) | (columns == size[1] - 1)
    return np.asarray(at_edge, np.uint8)


def _many_siblings(rgba: Rgba, rows: Places, columns: Places) -> NDArray[np.bool_]:
    """Return which pixels have more than two neighbours of their own colour."""
    words = rgba.view(np.uint32)[:, :, 0]
    own = words[rows, columns]
    count = _edge(words.shape, rows, columns)
    for y, x, inside in _neighbours(words.shape, rows, columns):
        count += inside & (words[y, x] == own)
    return np.asarray(count > _MANY)


def _extremes(
    rgba: Rgba, rows: Places, columns: Places, *, instead: bool
) -> Iterator[tuple[Places, Places, Places]]:
    """Yield rows and columns of the darkest neighbours, then of the brightest, and whose they are.

    Only of pixels that lie between a darker and a brighter one. If ``instead``, transparent colours are
    blended over white, and half the difference in alpha stands for a difference in brightness that is 0.
    """
    less = _opaque(rgba, rows, columns) or _blended(rgba, rows, columns, instead=instead)
    equal = _edge(rgba.shape, rows, columns)
    lowest, highest = np.zeros(len(rows)), np.zeros(len(rows))
    of_lowest, of_highest = np.stack([rows, columns]), np.stack([rows, columns])
    for y, x, inside in _neighbours(rgba.shape, rows, columns):
        apart = less(_at(rgba, y, x))
        equal += inside & (apart == 0)
        for extreme, place, further in (
            (lowest, of_lowest, apart < lowest),
            (highest, of_highest, apart > highest),
        ):
            np.copyto(extreme, apart, where=further)
            np.copyto(place[0], y, where=further)
            np.copyto(place[1], x, where=further)
    between = np.flatnonzero((equal <= _MANY) & (lowest < 0) & (highest > 0))
    for place in (of_lowest, of_highest):
        yield place[0, between], place[1, between], between


def _opaque(rgba: Rgba, rows: Places, columns: Places) -> Difference | None:
    """Return how to subtract the brightness of opaque neighbours; None if there may be transparent ones.

    In whole units of 10^-8: no two colours have the same brightness then, and no difference is rounded.
    """
    if not len(rows) or (rgba[max(0, rows.min() - 1) : rows.max() + 2, :, 3] != 255).any():
        return None
    units = np.rint(np.array(LUMA) * 1e8)
    own = _at(rgba, rows, columns)[:, :3].astype(np.float64) @ units
    return lambda others: own - others[:, :3].astype(np.float64) @ units


def _blended(rgba: Rgba, rows: Places, columns: Places, *, instead: bool) -> Difference:
    """Return how to subtract the brightness of neighbours that are blended over the ground of each pixel."""
    own = _at(rgba, rows, columns)[:, None]
    ground = np.full((len(rows), 1, 3), 255.0)
    if not instead:
        ground = checkerboard((rows * rgba.shape[1] + columns)[:, None])

    def less(others: Rgba) -> NDArray[np.float64]:
        apart = weighted(blended_difference(own, others[:, None], ground), LUMA)[:, 0]
        alphas = own[:, 0, 3].astype(np.float64) - others[:, 3]
        return np.where(apart == 0, alphas / 2, apart) if instead else apart

    return less
