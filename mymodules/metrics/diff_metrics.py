"""The record of Skia Gold's pixel metrics of two pictures."""

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mymodules.row import PairResult

_OWN = ("combined", "percent", "pixel")


@dataclass(frozen=True)
class DiffMetrics:
    """Skia Gold's figures of two pictures. Source: the Skia buildbot repository, golden/go/diff.

    Attributes
    ----------
    num_diff_pixels : int
        Pixels that differ in any channel, and all pixels outside the common area.
    pixel_diff_percent : float
        0..100 of the larger width x larger height, a float32.
    max_rgba_diffs : tuple of 4 int
        Largest difference per channel within the common area, 0..255.
    dim_differ : bool
        The sizes differ.
    others : tuple of (str, float)
        Further metrics, by name, which stand in ``diffs`` beside Gold's: those of a custom metric, or of
        another version of this record.
    """

    num_diff_pixels: int
    pixel_diff_percent: float
    max_rgba_diffs: tuple[int, int, int, int]
    dim_differ: bool
    others: tuple[tuple[str, float], ...] = ()

    @property
    def combined(self) -> float:
        """0 (no difference) to 10 (black against transparent white), a float32."""
        mean_square = sum(value * value for value in self.max_rgba_diffs) / 4
        return _float32(math.sqrt(self.pixel_diff_percent * math.sqrt(mean_square) / 255))

    def to_json(self) -> dict[str, Any]:
        """Return the record that Gold writes, with its keys."""
        return {
            "numDiffPixels": self.num_diff_pixels,
            "pixelDiffPercent": self.pixel_diff_percent,
            "maxRGBADiffs": list(self.max_rgba_diffs),
            "dimDiffer": self.dim_differ,
            "diffs": {
                "combined": self.combined,
                "percent": self.pixel_diff_percent,
                "pixel": _float32(self.num_diff_pixels),
                **dict(self.others),
            },
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "DiffMetrics":
        """Read what `to_json` returned. Of ``diffs``, those that follow from the rest are not read."""
        red, green, blue, alpha = record["maxRGBADiffs"]
        largest = int(red), int(green), int(blue), int(alpha)
        percent = _float32(record["pixelDiffPercent"])
        diffs = record.get("diffs") or {}
        others = tuple((str(name), float(value)) for name, value in diffs.items() if name not in _OWN)
        return cls(int(record["numDiffPixels"]), percent, largest, bool(record["dimDiffer"]), others)

    @classmethod
    def of_row(cls, row: PairResult) -> "DiffMetrics | None":
        """Return the figures of a row; None if it has none, because nothing was compared."""
        pixels, percent, differs = row.num_diff_pixels, row.pixel_diff_percent, row.dim_differ
        r, g, b, a = row.max_diff_r, row.max_diff_g, row.max_diff_b, row.max_diff_a
        if pixels is None or percent is None or differs is None:
            return None
        if r is None or g is None or b is None or a is None:
            return None
        others = tuple((name, value) for name, value in row.custom if value is not None)
        return cls(pixels, percent, (r, g, b, a), differs, others)


def _float32(value: float) -> float:
    """Round to the nearest float32."""
    return array("f", [value])[0]
