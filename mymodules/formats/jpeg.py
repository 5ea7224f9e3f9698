"""JPEG: segments walked from the first marker to the end marker, decoding by libjpeg-turbo (simplejpeg).

Accepted are the three kinds that screens, cameras and browsers write, with 8 bits: baseline, extended
and progressive Huffman coding, as gray, YCbCr or RGB. Everything else is refused, because decoders
differ on it. The decoder forgives damage and then only warns; its warnings are errors here.

Damage that leaves a valid stream of codes cannot be seen: JPEG has no checksums.

Source: ITU-T T.81 (1992), annex B; JFIF 1.02; ICC.1:2010, annex B.4.
"""

import re
import struct
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, exif, metadata

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2
_DECODABLE = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
# Pictures have 10 scans or so; files made to keep a decoder busy have thousands.
_MOST_SCANS = 500
_FILL = re.compile(rb"\xff+")
# Within coded data: FF 00 is a data byte, FF D0 to FF D7 restart it, FF FF is fill.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass(frozen=True)
class JpegHeader(Header):
    """A `Header` with the number of colour components: 1 or 3."""

    components: int = 3


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> JpegHeader:
    """Walk the segments, coded data included, up to the end marker.

    Metadata: the EXIF orientation, the ICC profile joined from its segments, and JFIF's density
    unless it means square pixels of no known size.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt`` or ``unsupported``.
    """
    frame: tuple[int, int, int] | None = None
    scans = 0
    orientation: int | None = None
    density: str | None = None
    profile: list[tuple[int, int, bytes]] = []
    at = 2
    while True:
        code, at = _next_marker(data, at)
        if code == _EOI:
            break
        if code in _STANDALONE:
            continue
        if code == _SOI:
            raise ImageError("corrupt", f"a second picture begins inside it, at byte {at - 2}")
        body, at = _segment(data, at)
        if code in _FRAMES:
            if frame:
                raise ImageError("corrupt", "it has two frame headers")
            frame = _read_frame(code, body)
            check_size(*frame[:2], max_pixels)
        elif code == _SOS:
            scans += 1
            if not frame or scans > _MOST_SCANS:
                raise ImageError("corrupt", "its pixel data come before its size or never end")
            found = _MARKER.search(data, at)
            if not found:
                raise ImageError("truncated", "it ends in the middle of its pixel data")
            at = found.start()
        elif code == _APP0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            density = density or _read_density(body)
        elif code == _APP1 and body[:6] == b"Exif\0\0":
            orientation = orientation or exif.orientation(body[6:])
        elif code == _APP2 and body[:12] == b"ICC_PROFILE\0" and len(body) >= 14:
            profile.append((body[12], body[13], body[14:]))
    if not frame or not scans:
        raise ImageError("corrupt", "it has no picture between its first and its end marker")
    profile.sort()
    if [part[:2] for part in profile] != [(n, len(profile)) for n in range(1, len(profile) + 1)]:
        raise ImageError("corrupt", "its colour profile lacks a part, or has one twice")
    joined = b"".join(body for *_, body in profile)
    width, height, components = frame
    return JpegHeader(
        format="JPEG",
        width=width,
        height=height,
        depth=8,
        metadata=metadata.collect(
            orientation=orientation, profile=metadata.profile(joined) if joined else None, density=density
        ),
        trailing=len(data) - at,
        components=components,
    )


def decode(data: bytes, header: JpegHeader) -> NDArray[np.uint8]:
    """Samples of a file that `inspect` accepted: uint8 (height, width, 1 or 3), gray or RGB.

    Raises
    ------
    ImageError
        ``corrupt`` or ``truncated`` for all that the decoder objects to or warns of, ``unsupported``
        for a colour sampling that it does not know.
    """
    try:
        samples: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "GRAY" if header.components == 1 else "RGB", strict=True
        )
    except ValueError as error:
        said = str(error)
        if "subsampling" in said:
            raise ImageError("unsupported", "its colour sampling is one the decoder does not know") from None
        if "Premature end of JPEG file" in said:
            raise ImageError("truncated", "its pixel data end too early") from None
        raise ImageError("corrupt", f"it is damaged, says its decoder ({said})") from None
    if samples.shape != (header.height, header.width, header.components):
        raise ImageError("corrupt", "its pixel data have another size than its header says")
    return samples


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """Code of the marker at ``at`` and where it ends; fill bytes (FF) may stand in front."""
    fill = _FILL.match(data, at)
    end = fill.end() if fill else at
    if end >= len(data):
        raise ImageError("truncated", "it ends before its end marker")
    if not fill or data[end] == 0:
        raise ImageError("corrupt", f"no marker stands at byte {at}")
    return data[end], end + 1


def _segment(data: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(data[at : at + 2], "big")
    if len(data) < at + max(2, length):
        raise ImageError("truncated", "it ends inside one of its headers")
    if length < 2:
        raise ImageError("corrupt", f"the segment at byte {at} has an impossible length")
    return data[at + 2 : at + length], at + length


def _read_frame(code: int, body: bytes) -> tuple[int, int, int]:
    """Width, height and number of components; kinds that are not decoded are refused here."""
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise ImageError("corrupt", "its frame header has a wrong length")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if code not in _DECODABLE:
        raise ImageError("unsupported", "it is a lossless, hierarchical or arithmetic-coded JPEG")
    if precision != 8:
        raise ImageError("unsupported", f"it is a JPEG of {precision} bits per sample; 8 can be compared")
    if components not in (1, 3):
        kind = "CMYK" if components == 4 else f"{components}-channel"
        raise ImageError("unsupported", f"it is a {kind} JPEG; gray and RGB can be compared")
    if width == 0:
        raise ImageError("corrupt", "its header says that it is 0 px wide")
    if height == 0:
        raise ImageError("unsupported", "it does not give its height before its pixel data (DNL)")
    return width, height, components


def _read_density(body: bytes) -> str | None:
    unit, x, y = struct.unpack_from(">BHH", body, 7)
    if unit == 2:
        return metadata.density(100 * x, 100 * y, metadata.METRE)
    return metadata.density(x, y, metadata.INCH if unit == 1 else None)
