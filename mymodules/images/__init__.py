"""Pictures: bytes to pixels, and the rows in which two of them may differ."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.images.arrays import from_array
    from mymodules.images.digests import blake2b, digest
    from mymodules.images.pixels import (
        Rgba,
        decode,
        format_of,
        has_low_bits,
        inspect,
        memory_errors,
        read_gold_rgba,
        read_rgba,
        to_gold_rgba,
        to_rgba,
        to_rgba16,
    )

__all__ = [
    "Rgba",
    "blake2b",
    "decode",
    "digest",
    "format_of",
    "from_array",
    "has_low_bits",
    "inspect",
    "memory_errors",
    "read_gold_rgba",
    "read_rgba",
    "to_gold_rgba",
    "to_rgba",
    "to_rgba16",
]

__getattr__ = lazily(
    __name__,
    {
        "arrays": ("from_array",),
        "digests": ("blake2b", "digest"),
        "pixels": (
            "Rgba",
            "decode",
            "format_of",
            "has_low_bits",
            "inspect",
            "memory_errors",
            "read_gold_rgba",
            "read_rgba",
            "to_gold_rgba",
            "to_rgba",
            "to_rgba16",
        ),
    },
)
