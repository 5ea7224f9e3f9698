"""The compiled kernel: two inflated PNG files straight to all figures of a pair, where it was built.

Everything that it computes is computed with NumPy where it was not, to the last bit alike.
"""

from mymodules.kernel.library import (
    MOST_PIXELS,
    PIXEL_SIZES,
    READ_BEYOND,
    SMALLEST_SIDE,
    SWITCH,
    Figures,
    Kernel,
    Packed,
    description,
    fits,
    loaded,
)

__all__ = [
    "MOST_PIXELS",
    "PIXEL_SIZES",
    "READ_BEYOND",
    "SMALLEST_SIDE",
    "SWITCH",
    "Figures",
    "Kernel",
    "Packed",
    "description",
    "fits",
    "loaded",
]
