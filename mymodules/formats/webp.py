"""WebP: the RIFF chunks walked once, decoding by libwebp (imagecodecs).

The size and whether there is transparency are read from the picture's own header, because the
extended header (VP8X) may only claim them. Damage inside the pixel data shows in decoding, if at all:
WebP has no checksums.

Source: RFC 9649 (WebP Image Format); RFC 6386 (VP8), section 9.1.
"""

import struct
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, exif, metadata

_ANIMATION_FLAG = 0x02


@dataclass(frozen=True)
class WebpHeader(Header):
    """A `Header` with whether the picture has an alpha channel."""

    alpha: bool = False


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> WebpHeader:
    """Walk the chunks up to the length that the file gives itself.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt`` or ``animated``.
    """
    if len(data) < 20:
        raise ImageError("truncated", f"it ends after {len(data)} bytes, inside its header")
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < end:
        raise ImageError("truncated", f"it has {len(data)} of the {end} bytes that its header says")
    canvas: tuple[int, int] | None = None
    picture: tuple[int, int, bool] | None = None
    alpha_chunk = False
    orientation: int | None = None
    profile: str | None = None
    at = 12
    while at < end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        start, stop = at + 8, at + 8 + length
        if stop + (length & 1) > end:  # chunks are padded to an even length
            raise ImageError("corrupt", f"the chunk at byte {at} is longer than the file says it is itself")
        if kind == b"VP8X":
            if length < 10 or at != 12:
                raise ImageError("corrupt", "its extended header (VP8X) is misplaced or too short")
            if data[start] & _ANIMATION_FLAG:
                raise ImageError("animated", "it is an animated WebP")
            canvas = 1 + _uint24(data, start + 4), 1 + _uint24(data, start + 7)
        elif kind in (b"ANIM", b"ANMF"):
            raise ImageError("animated", "it is an animated WebP")
        elif kind in (b"VP8 ", b"VP8L"):
            if picture:
                raise ImageError("corrupt", "it holds two pictures")
            read = _read_lossy if kind == b"VP8 " else _read_lossless
            picture = read(data[start : min(stop, start + 10)])
            check_size(*picture[:2], max_pixels)
        elif kind == b"ALPH":
            alpha_chunk = True
        elif kind == b"ICCP":
            profile = profile or metadata.profile(data[start:stop])
        elif kind == b"EXIF":
            orientation = orientation or exif.orientation(exif.without_prefix(data[start:stop]))
        at = stop + (length & 1)
    if not picture:
        raise ImageError("corrupt", "it holds no picture")
    width, height, alpha = picture
    if canvas not in (None, (width, height)):
        raise ImageError("corrupt", "its two headers give different sizes")
    return WebpHeader(
        format="WebP",
        width=width,
        height=height,
        depth=8,
        metadata=metadata.collect(orientation=orientation, profile=profile),
        trailing=len(data) - end,
        alpha=alpha or alpha_chunk,
    )


def decode(data: bytes, header: WebpHeader) -> NDArray[np.uint8]:
    """Samples of a file that `inspect` accepted: uint8 (height, width, 3 or 4), not premultiplied.

    Raises
    ------
    ImageError
        ``corrupt`` when libwebp refuses the pixel data.
    """
    try:
        samples = imagecodecs.webp_decode(data, hasalpha=header.alpha)
    except (imagecodecs.WebpError, ValueError, IndexError):
        raise ImageError("corrupt", "its pixel data are damaged") from None
    if samples.shape != (header.height, header.width, 4 if header.alpha else 3):
        raise ImageError("corrupt", "its pixel data have another size than its header says")
    return np.asarray(samples, np.uint8)


def _read_lossy(start: bytes) -> tuple[int, int, bool]:
    """Width, height and alpha (never) from the first 10 bytes of a VP8 key frame."""
    if len(start) < 10 or start[0] & 1 or start[3:6] != b"\x9d\x01\x2a":
        raise ImageError("corrupt", "its pixel data (VP8) do not begin with a key frame")
    width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", start, 6))
    if not width or not height:
        raise ImageError("corrupt", f"its header gives an impossible size, {width} x {height} px")
    return width, height, False


def _read_lossless(start: bytes) -> tuple[int, int, bool]:
    """Width, height and alpha from the first 5 bytes of a VP8L stream."""
    if len(start) < 5 or start[0] != 0x2F or start[4] >> 5:
        raise ImageError("corrupt", "its pixel data (VP8L) do not begin with a valid header")
    (packed,) = struct.unpack_from("<I", start, 1)
    return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF), bool(packed >> 28 & 1)


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
