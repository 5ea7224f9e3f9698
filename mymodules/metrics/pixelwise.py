"""Skia Gold's pixel metrics of two pictures, exact and in one pass.

`pixel_diff` takes two pictures. `Tally` takes them band by band (see `images.bands`), so that rows that are
known to be equal are not read. Both give the same figures.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules import opencv as cv2
from mymodules.images import Rgba, bands
from mymodules.images.bands import Band
from mymodules.metrics.diff_metrics import DiffMetrics
from mymodules.metrics.sizes import common_size


def pixel_diff(first_rgba: Rgba, second_rgba: Rgba) -> DiffMetrics:
    """Return Skia Gold's pixel metrics of two pictures.

    Identity: no differing pixel and all maxima 0. Symmetric.

    Parameters
    ----------
    first_rgba, second_rgba : uint8 (height, width, 4)
        RGBA, not premultiplied; sizes may differ, both are anchored at the top left.

    Raises
    ------
    PictureError
        If one of them is anything else.
    """
    kinds.check("first_rgba", first_rgba, kinds.RGBA)
    kinds.check("second_rgba", second_rgba, kinds.RGBA)
    tally = Tally(first_rgba.shape[:2], second_rgba.shape[:2])
    for band in bands.of_samples(first_rgba, second_rgba):
        tally.add(band)
    return tally.metrics()


class Tally:
    """Pixel metrics, band by band. Sizes are (height, width)."""

    def __init__(self, first_size: tuple[int, int], second_size: tuple[int, int]) -> None:
        (self._height, self._width), (height, width) = common_size(first_size, second_size)
        self._total = self._height * self._width
        self._outside = self._total - height * width
        self._dim_differ = tuple(first_size) != tuple(second_size)
        self._count = 0
        self._largest: tuple[int, ...] = (0, 0, 0, 0)

    def add(self, band: Band) -> NDArray[np.bool_]:
        """Count a band's own rows; return where they differ: bool (rows, width)."""
        kinds.check("band.first", band.first, kinds.RGBA)
        kinds.check("band.second", band.second, kinds.RGBA)
        first, second = band.first[band.own], band.second[band.own]
        mask: NDArray[np.bool_] = np.not_equal(_words(first), _words(second))
        count = int(np.count_nonzero(mask))
        if count:
            rows = np.flatnonzero(mask.any(axis=1))
            part = slice(rows[0], rows[-1] + 1)
            distance: NDArray[np.uint8] = cv2.absdiff(first[part], second[part]).reshape(-1, 4)
            self.add_counted(count, _column_maxima(distance).tolist())
        return mask

    def add_counted(self, differing: int, largest: Sequence[int]) -> None:
        """Add pixels that were counted elsewhere, and the largest difference of each channel."""
        self._count += differing
        self._largest = tuple(map(max, self._largest, largest))

    def metrics(self) -> DiffMetrics:
        """Return the figures of all that was added; rows that were not added count as equal."""
        count = self._count + self._outside
        percent = np.float32(count) * np.float32(100) / np.float32(self._total) if self._total else 0
        red, green, blue, alpha = self._largest
        return DiffMetrics(count, float(percent), (red, green, blue, alpha), self._dim_differ)


def _words(rgba: Rgba) -> NDArray[np.uint32]:
    """Return each pixel as one number."""
    return np.ascontiguousarray(rgba).view(np.uint32)[:, :, 0]


def _column_maxima(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest value of each column, by comparing halves elementwise, which is fastest."""
    while len(values) > 64:
        half = len(values) // 2
        rest = values[2 * half :]
        values = cv2.max(values[:half], values[half : 2 * half])
        if len(rest):
            values[:1] = np.maximum(values[:1], rest)
    return np.asarray(values.max(axis=0), np.uint8)
