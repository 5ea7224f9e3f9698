"""Pixels to numbers: Skia Gold's pixel metrics, and SSIM.

Nothing here prints, reads a file or keeps state beyond its objects.
"""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.metrics.custom import Metric
    from mymodules.metrics.diff_metrics import DiffMetrics
    from mymodules.metrics.pixelwise import Tally, pixel_diff
    from mymodules.metrics.similarity import Similarity, gray, structural_similarity
    from mymodules.metrics.sizes import common_size

__all__ = [
    "DiffMetrics",
    "Metric",
    "Similarity",
    "Tally",
    "common_size",
    "gray",
    "pixel_diff",
    "structural_similarity",
]

__getattr__ = lazily(
    __name__,
    {
        "custom": ("Metric",),
        "diff_metrics": ("DiffMetrics",),
        "pixelwise": ("Tally", "pixel_diff"),
        "similarity": ("Similarity", "gray", "structural_similarity"),
        "sizes": ("common_size",),
    },
)
