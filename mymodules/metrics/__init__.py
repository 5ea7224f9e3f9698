"""Pixels to numbers."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.metrics.pixelwise import (
        DiffMetrics,
        Similarity,
        Tally,
        common_size,
        gray,
        pixel_diff,
        structural_similarity,
    )

__all__ = ["DiffMetrics", "Similarity", "Tally", "common_size", "gray", "pixel_diff", "structural_similarity"]

__getattr__ = lazily(
    __name__,
    {
        "pixelwise": (
            "DiffMetrics",
            "Similarity",
            "Tally",
            "common_size",
            "gray",
            "pixel_diff",
            "structural_similarity",
        )
    },
)
