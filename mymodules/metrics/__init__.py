"""Pixels to numbers: Skia Gold's pixel metrics and matchers, SSIM, and what eyes may not notice.

Nothing here prints, reads a file or keeps state beyond its objects.
"""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.metrics.antialiasing import antialiased
    from mymodules.metrics.colour_distance import ColourMetric, similar
    from mymodules.metrics.custom import Metric
    from mymodules.metrics.diff_metrics import DiffMetrics
    from mymodules.metrics.gold_matchers import Match, edges, fuzzy, sample_area, sobel
    from mymodules.metrics.pixelwise import Tally, pixel_diff
    from mymodules.metrics.similarity import Similarity, gray, structural_similarity
    from mymodules.metrics.sizes import common_size

__all__ = [
    "ColourMetric",
    "DiffMetrics",
    "Match",
    "Metric",
    "Similarity",
    "Tally",
    "antialiased",
    "common_size",
    "edges",
    "fuzzy",
    "gray",
    "pixel_diff",
    "sample_area",
    "similar",
    "sobel",
    "structural_similarity",
]

__getattr__ = lazily(
    __name__,
    {
        "antialiasing": ("antialiased",),
        "colour_distance": ("ColourMetric", "similar"),
        "custom": ("Metric",),
        "diff_metrics": ("DiffMetrics",),
        "gold_matchers": ("Match", "edges", "fuzzy", "sample_area", "sobel"),
        "pixelwise": ("Tally", "pixel_diff"),
        "similarity": ("Similarity", "gray", "structural_similarity"),
        "sizes": ("common_size",),
    },
)
