"""SSIM of two gray pictures, exact and in one pass, with its map.

`structural_similarity` takes two pictures. `Similarity` takes them band by band (see `images.bands`), so
that rows that are known to be equal are not read. Both, and the compiled kernel, give the same figure to the
last bit: they sum the dissimilarity 1 - S, which is 0 wherever the windows are equal, rounded to whole units
of 2^-32, so that the sum depends neither on where a band begins nor on the order of adding.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules import opencv as cv2
from mymodules.formats.png import stretches
from mymodules.images import Rgba, bands
from mymodules.metrics.sizes import common_size

Gray = NDArray[np.uint8]
Floats = NDArray[np.float64]

_TILE = 256  # px; columns that are looked at together
_STRIP = 64  # rows whose intermediate arrays stay in the cache together
_C1, _C2 = 6.5025, 58.5225  # (0.01 * 255)^2 and (0.03 * 255)^2
_UNITS = 1 << 32  # of the sum, in 1


def gray(rgba: Rgba) -> Gray:
    """Return the luma of RGBA (height, width, 4) without alpha: (9798 R + 19235 G + 3735 B + 16384) >> 15."""
    kinds.check("rgba", rgba, kinds.RGBA)
    if not rgba.size:
        return np.empty(rgba.shape[:2], np.uint8)
    return np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY), np.uint8)


def structural_similarity(first_gray: Gray, second_gray: Gray) -> tuple[float, Floats]:
    """Return the mean SSIM of two pictures, and its map.

    Equals `skimage.metrics.structural_similarity(first, second, full=True)` on uint8 with its
    defaults, for pictures of one size and from 7 px on, but is exactly 1 where windows are equal.
    Identity 1, symmetric, range -1..1.

    Parameters
    ----------
    first_gray, second_gray : uint8 (height, width)

    Returns
    -------
    score : float
        Mean over the map without its border of half a window. If the sizes differ, it is the mean of the
        common area, times common area / (larger width x larger height); 0 if the common area is empty.
    similarity_map : float64 (larger height, larger width)
        0 outside the common area.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.

    Notes
    -----
    Windows are 7 x 7, or 5, 3 and 1 where the smaller side of the common area is below 7, 5 and 3 px.
    One pixel has no variance: S = (2 ab + C1) / (a^2 + b^2 + C1).

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural
    similarity, 2004, doi:10.1109/TIP.2003.819861.
    """
    kinds.check("first_gray", first_gray, kinds.GRAY)
    kinds.check("second_gray", second_gray, kinds.GRAY)
    similarity = Similarity(first_gray.shape, second_gray.shape)
    height, width = similarity.common
    similarity_map = np.zeros(similarity.size)
    similarity_map[:height, :width] = 1
    for top in range(0, height if width else 0, _STRIP):
        rows = min(_STRIP, height - top)
        above, below = min(bands.REACH, top), min(bands.REACH, height - top - rows)
        part = np.s_[top - above : top + rows + below, :width]
        for y, x, dissimilarity in similarity.add(top, above, below, first_gray[part], second_gray[part]):
            similarity_map[y : y + dissimilarity.shape[0], x : x + dissimilarity.shape[1]] -= dissimilarity
    return similarity.score(), similarity_map


class Similarity:
    """Mean SSIM, band by band. Sizes are (height, width)."""

    def __init__(self, first_size: tuple[int, ...], second_size: tuple[int, ...]) -> None:
        self.size, self.common = common_size(first_size, second_size)
        side = min(self.common)
        self._window = 7 if side >= 7 else 5 if side >= 5 else 3 if side >= 3 else 1
        self._sum = 0

    def add(
        self, top: int, above: int, below: int, first_gray: Gray, second_gray: Gray
    ) -> list[tuple[int, int, Floats]]:
        """Add gray rows: like a `Band`, uint8 (above + rows + below, width of the common area).

        Returns
        -------
        list of (top, left, float64 (height, width))
            1 - S wherever it is not 0: patches of the band's own rows, with their positions, px.
        """
        kinds.check("first_gray", first_gray, kinds.GRAY)
        kinds.check("second_gray", second_gray, kinds.GRAY)
        patches = []
        border = self._window // 2
        rows = first_gray.shape[0] - above - below
        for start in range(above, above + rows, _STRIP):
            stop = min(start + _STRIP, above + rows)
            low, high = max(0, start - border), min(first_gray.shape[0], stop + border)
            own = slice(start - low, stop - low)
            for left, dissimilarity in _dissimilarities(
                first_gray[low:high], second_gray[low:high], own, self._window
            ):
                self._sum_up(top + start - above, left, dissimilarity)
                patches.append((top + start - above, left, dissimilarity))
        return patches

    def add_sum(self, dissimilarity: int) -> None:
        """Add the sum of 1 - S of some windows, each rounded to units of 2^-32."""
        self._sum += dissimilarity

    def score(self) -> float:
        """Return the mean SSIM, -1..1; rows that were not added count as equal."""
        height, width = self.common
        border = self._window // 2
        counted = (height - 2 * border) * (width - 2 * border)
        if not counted:
            return 0.0
        mean = 1 - self._sum / _UNITS / counted
        return mean * (height * width / (self.size[0] * self.size[1]))

    def _sum_up(self, top: int, left: int, dissimilarity: Floats) -> None:
        """Add 1 - S of a part of the picture to the sums, without the picture's border."""
        border = self._window // 2
        height, width = self.common
        first_row, last_row = max(border - top, 0), height - border - top
        first_column, last_column = max(border - left, 0), width - border - left
        inside = dissimilarity[first_row : max(last_row, 0), first_column : max(last_column, 0)]
        self._sum += int(np.rint(inside * _UNITS).astype(np.int64).sum())


def _dissimilarities(first: Gray, second: Gray, own: slice, window: int) -> Iterator[tuple[int, Floats]]:
    """Yield 1 - S of a band's own rows, for each range of columns in which windows differ.

    The ranges hold whole tiles.
    """
    width = first.shape[1]
    border = window // 2
    distance: Gray = cv2.absdiff(first, second)
    columns = np.flatnonzero(cv2.reduce(distance, 0, cv2.REDUCE_MAX)[0])
    if not len(columns):
        return
    near = np.zeros(-(-width // _TILE), np.bool_)
    near[np.maximum(columns - border, 0) // _TILE] = True
    near[np.minimum(columns + border, width - 1) // _TILE] = True
    for first_tile, last_tile in stretches(near):
        left, right = first_tile * _TILE, min(last_tile * _TILE, width)
        low, high = max(0, left - border), min(width, right + border)
        part = np.s_[:, low:high]
        dissimilarity = _dissimilarity(first[part], second[part], distance[part], window)
        yield left, dissimilarity[own, left - low : right - low]


def _dissimilarity(first: Gray, second: Gray, distance: Gray, window: int) -> Floats:
    """Return 1 - S of every pixel, float64, from sums over windows that are exact in int32.

    With n pixels a window, and sums X, Y, XX, YY, and DD of the squared differences,
    S = (1 - p / P)(1 - q / Q), where p = (X - Y)^2, P = X^2 + Y^2 + n^2 C1, q = n DD - p and
    Q = n (XX + YY) - (X^2 + Y^2) + n (n - 1) C2. So 1 - S = (p Q + q P - p q) / (P Q): no cancellation, and
    exactly 0 where all differences are 0. The order of these operations is the kernel's. They are done in
    place, because most of the time goes into moving memory.
    """
    n = window * window
    if window == 1:
        one, other = first.astype(np.int32), second.astype(np.int32)
        shifted: Floats = np.square(one - other) / (one * one + other * other + _C1)
        return shifted
    x, y = _box(first, window), _box(second, window)
    spread = _box_of_squares(first, window)
    spread += _box_of_squares(second, window)
    spread *= n
    contrast = _box_of_squares(distance, window)
    contrast *= n
    shift = x - y
    shift *= shift
    contrast -= shift
    x *= x
    y *= y
    x += y
    spread -= x
    p, q = shift.astype(np.float64), contrast.astype(np.float64)
    over_p: Floats = np.add(x, n * n * _C1, dtype=np.float64)
    over_q: Floats = np.add(spread, n * (n - 1) * _C2, dtype=np.float64)
    result: Floats = p * over_q
    result += q * over_p
    p *= q
    result -= p
    over_p *= over_q
    result /= over_p
    return result


def _box(values: Gray, window: int) -> NDArray[np.int32]:
    size = (window, window)
    sums = cv2.boxFilter(values, cv2.CV_32S, size, normalize=False, borderType=cv2.BORDER_REFLECT)
    return np.asarray(sums, np.int32)


def _box_of_squares(values: Gray, window: int) -> NDArray[np.int32]:
    size = (window, window)
    sums = cv2.sqrBoxFilter(values, cv2.CV_32S, size, normalize=False, borderType=cv2.BORDER_REFLECT)
    return np.asarray(sums, np.int32)
