"""The picture formats: one module each, the same two functions in every one.

``inspect(data, max_pixels)`` walks the container once and returns a `Header`; it never decodes
pixels and raises `ImageError` for whatever makes the file unfit to compare, a size above the limit as
soon as it is known. ``decode(data, header)`` returns the samples of a file that ``inspect`` has
accepted, and raises `ImageError` where only decoding shows the damage. Where only decoding shows that a
file is odd, it takes a third argument, which is called with the `Remark`. Nothing here knows a path,
prints or keeps state.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mymodules.errors import ImageError

NO_LIMIT = 1 << 62
"""A number of pixels that no header can reach."""

Remark = Callable[[str], None]
"""Called with what only decoding shows to be odd about a file: a clause as in `Header.warnings`."""


def ignore(clause: str) -> None:
    """Take a remark that nobody wants to know."""


@dataclass(frozen=True)
class Header:
    """What a container says of its picture, before any pixel is decoded.

    Attributes
    ----------
    format : str
        ``PNG``, ``JPEG``, ``WebP``, ``BMP`` or ``TIFF``.
    width, height : int
        Pixels, as stored (orientation not applied).
    depth : int
        Bits per channel: 1, 2, 4, 8 or 16.
    metadata : tuple of (str, str)
        What changes how the picture is shown but not its pixels, sorted: pairs of one of
        ``orientation``, ``colour profile``, ``gamma``, ``density``, ``further pictures`` (of the same
        file), and a text that is equal for two files exactly when the setting is.
    trailing : int
        Bytes after the end of the picture.
    warnings : tuple of str
        What is odd about the file though its picture is whole: clauses that go on after the file's name,
        without a full stop, as "has a comment of an impossible length, which other programs skip".
    """

    format: str
    width: int
    height: int
    depth: int
    metadata: tuple[tuple[str, str], ...] = ()
    trailing: int = 0
    warnings: tuple[str, ...] = ()


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse what a header claims before anything is made of it."""
    if width * height > max_pixels:
        size = f"{width} x {height} px"
        told = f"its header says {size}, and no more than {max_pixels:,} pixels are decoded"
        raise ImageError("too_many_pixels", told, (width, height))
