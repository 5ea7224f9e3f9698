"""The picture formats: one module for each, all with the same two functions.

``inspect(data, max_pixels)`` walks the container once and returns a `Header`. It decodes no pixels. It
raises `ImageError` for anything that makes the file unfit for a comparison, and for a size above the
limit as soon as the size is known. ``decode(data, header)`` returns the samples of a file that
``inspect`` has accepted, and raises `ImageError` for damage that only decoding shows. In formats where
decoding can also show oddities, it takes a third argument, a `Remark`, and calls it with each of them.
Nothing here knows about paths, prints or keeps state.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mymodules.errors import ImageError

NO_LIMIT = 1 << 62
"""A number of pixels larger than any header can state."""

Remark = Callable[[str], None]
"""Called with an oddity that only decoding shows: a clause as in `Header.warnings`."""


def ignore(clause: str) -> None:
    """Discard a remark."""


@dataclass(frozen=True)
class Header:
    """What a container says about its picture, before any pixel is decoded.

    Attributes
    ----------
    format : str
        ``PNG``, ``JPEG``, ``WebP``, ``BMP`` or ``TIFF``.
    width, height : int
        Pixels, as stored (orientation not applied).
    depth : int
        Bits per channel: 1, 2, 4, 8 or 16.
    metadata : tuple of (str, str)
        Settings that change how the picture is shown but not its pixels, sorted by name. Each is a pair
        of a name (``orientation``, ``colour profile``, ``gamma``, ``density`` or, for more pictures in
        the same file, ``further pictures``) and a text. Two files have equal texts exactly when the
        setting is equal.
    trailing : int
        Bytes after the end of the picture.
    warnings : tuple of str
        Oddities of a file whose picture is intact. Each is a clause that continues a sentence beginning
        with the file's name and has no full stop: "has a comment of an impossible length, which other
        programs skip".
    """

    format: str
    width: int
    height: int
    depth: int
    metadata: tuple[tuple[str, str], ...] = ()
    trailing: int = 0
    warnings: tuple[str, ...] = ()


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse a header that states more pixels than the limit, before anything is allocated."""
    if width * height > max_pixels:
        size = f"{width} x {height} px"
        reason = f"its header says {size}, and no more than {max_pixels:,} pixels are decoded"
        raise ImageError("too_many_pixels", reason, (width, height))
