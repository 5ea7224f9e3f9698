"""Where two pictures differ, as boxes."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily
from mymodules.regions.region import Region

if TYPE_CHECKING:
    from mymodules.regions.gathering import (
        Gatherer,
        boxes_of,
        byte_map,
        from_pixels,
        from_similarity,
        threshold,
    )

__all__ = [
    "Gatherer",
    "Region",
    "boxes_of",
    "byte_map",
    "from_pixels",
    "from_similarity",
    "threshold",
]

__getattr__ = lazily(
    __name__,
    {
        "gathering": (
            "Gatherer",
            "boxes_of",
            "byte_map",
            "from_pixels",
            "from_similarity",
            "threshold",
        )
    },
)
