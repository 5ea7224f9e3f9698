"""WebP: the RIFF chunks are walked once; libwebp (imagecodecs) decodes.

The size and the presence of transparency are read from the picture's own header, because the extended
header (VP8X) may state them wrongly. Damage inside the pixel data shows only in decoding, if at all,
because WebP has no checksums.

Source: RFC 9649 (WebP Image Format); RFC 6386 (VP8), section 9.1.
"""

import struct
from dataclasses import dataclass, field

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, exif, metadata

_ANIMATION_FLAG, _ALPHA_FLAG = 0x02, 0x10
_MOST_CHUNKS = 100_000


@dataclass(frozen=True)
class WebpHeader(Header):
    """A `Header` with what decoding needs.

    Attributes
    ----------
    alpha : bool
        Whether the picture has an alpha channel.
    frame : (int, int) or None
        Start and end of the chunks of an animation's only frame; None for a plain picture.
    """

    alpha: bool = False
    frame: tuple[int, int] | None = None


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> WebpHeader:
    """Walk the chunks up to the end that the file header states.

    Metadata: the EXIF orientation and the ICC profile.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` (several frames) or ``too_costly``.
    """
    if len(data) < 20:
        raise ImageError("truncated", f"it is cut off after {len(data)} bytes, inside its header")
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < end:
        raise ImageError("truncated", f"it is cut off: it has {len(data)} of its {end} bytes")
    found = _Found(data, max_pixels)
    found.walk(12, end)
    if not found.picture:
        kind = "animated" if found.animated else "corrupt"
        raise ImageError(kind, "it is an animated WebP" if found.animated else "it holds no picture")
    width, height, alpha = found.picture
    if found.canvas not in (None, (width, height)):
        raise ImageError("corrupt", "its two headers give different sizes")
    return WebpHeader(
        format="WebP",
        width=width,
        height=height,
        depth=8,
        metadata=metadata.collect(orientation=found.orientation, profile=found.profile),
        trailing=len(data) - end,
        warnings=tuple(found.odd),
        alpha=alpha or found.alpha_chunk,
        frame=found.frame,
    )


@dataclass
class _Found:
    """What the chunks walked so far say."""

    data: bytes
    max_pixels: int
    canvas: tuple[int, int] | None = None
    picture: tuple[int, int, bool] | None = None
    alpha_chunk: bool = False
    animated: bool = False
    frame: tuple[int, int] | None = None
    orientation: int | None = None
    profile: str | None = None
    odd: list[str] = field(default_factory=list)
    chunks: int = 0

    def walk(self, at: int, end: int) -> None:
        data, first = self.data, at
        while at < end:
            self.chunks += 1
            if self.chunks > _MOST_CHUNKS:
                raise ImageError("too_costly", f"it has more than {_MOST_CHUNKS:,} chunks")
            kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            start, stop = at + 8, at + 8 + length
            if stop + (length & 1) > end:  # chunks are padded to an even length
                raise ImageError("corrupt", "one of its parts is longer than the file says it is as a whole")
            if kind == b"VP8X":
                self._extended(start, length, first=at == first)
            elif kind == b"ANMF":
                self._frame(start, stop)
            elif kind in (b"VP8 ", b"VP8L"):
                self._picture(kind, start, stop)
            elif kind == b"ALPH":
                self.alpha_chunk = True
            elif kind == b"ICCP":
                self.profile = self.profile or metadata.profile(data[start:stop])
            elif kind == b"EXIF":
                self.orientation = self.orientation or exif.orientation(exif.without_prefix(data[start:stop]))
            self.animated |= kind == b"ANIM"
            at = stop + (length & 1)

    def _extended(self, start: int, length: int, *, first: bool) -> None:
        if self.picture and not self.frame:
            self.odd.append("has an extended header (VP8X) after its picture, which other programs skip")
            return
        if length < 10 or not first:
            raise ImageError("corrupt", "its extended header (VP8X) is misplaced or too short")
        self.animated = bool(self.data[start] & _ANIMATION_FLAG)
        self.canvas = 1 + _uint24(self.data, start + 4), 1 + _uint24(self.data, start + 7)

    def _frame(self, start: int, stop: int) -> None:
        """Accept the only frame of an animation as its picture if it fills the canvas."""
        if self.frame or self.picture or stop - start < 16 or any(self.data[start : start + 6]):
            raise ImageError("animated", "it is an animated WebP")
        self.animated, self.frame = True, (start + 16, stop)
        self.walk(start + 16, stop)
        if not self.picture or self.canvas != self.picture[:2]:
            raise ImageError("animated", "it is an animated WebP")
        self.odd.append("is an animation of one frame, which is its picture")

    def _picture(self, kind: bytes, start: int, stop: int) -> None:
        if self.picture and (self.canvas or self.frame):
            raise ImageError("corrupt", "it holds two pictures; programs differ in which one they show")
        if self.picture:
            self.odd.append("holds a second picture, which other programs skip")
            return
        read = _read_lossy if kind == b"VP8 " else _read_lossless
        self.picture = read(self.data[start : min(stop, start + 10)])
        check_size(*self.picture[:2], self.max_pixels)


def decode(data: bytes, header: WebpHeader) -> NDArray[np.uint8]:
    """Decode a file that `inspect` accepted: uint8 (height, width, 3 or 4), not premultiplied.

    Raises
    ------
    ImageError
        ``corrupt`` if libwebp refuses the pixel data.
    """
    if header.frame:
        data = _alone(data[slice(*header.frame)], header)
    try:
        samples = imagecodecs.webp_decode(data, hasalpha=header.alpha)
    except (imagecodecs.WebpError, ValueError, IndexError):
        raise ImageError("corrupt", "its pixel data are damaged") from None
    if samples.shape != (header.height, header.width, 4 if header.alpha else 3):
        raise ImageError("corrupt", "its pixel data do not have the size that its header says")
    return np.asarray(samples, np.uint8)


def _alone(chunks: bytes, header: WebpHeader) -> bytes:
    """Make a file of one frame; an animation decoder would blend it and lose the colours under alpha 0."""
    size = (header.width - 1).to_bytes(3, "little") + (header.height - 1).to_bytes(3, "little")
    extended = struct.pack("<4sIB3x", b"VP8X", 10, _ALPHA_FLAG if header.alpha else 0) + size
    return struct.pack("<4sI4s", b"RIFF", 4 + len(extended) + len(chunks), b"WEBP") + extended + chunks


def _read_lossy(start: bytes) -> tuple[int, int, bool]:
    """Read width, height and alpha (never) from the first 10 bytes of a VP8 key frame."""
    if len(start) < 10 or start[0] & 1 or start[3:6] != b"\x9d\x01\x2a":
        raise ImageError("corrupt", "its pixel data (VP8) do not begin with a key frame")
    width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", start, 6))
    if not width or not height:
        raise ImageError("corrupt", f"its header gives an impossible size, {width} x {height} px")
    return width, height, False


def _read_lossless(start: bytes) -> tuple[int, int, bool]:
    """Read width, height and alpha from the first 5 bytes of a VP8L stream."""
    if len(start) < 5 or start[0] != 0x2F or start[4] >> 5:
        raise ImageError("corrupt", "its pixel data (VP8L) do not begin with a valid header")
    (packed,) = struct.unpack_from("<I", start, 1)
    return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF), bool(packed >> 28 & 1)


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
