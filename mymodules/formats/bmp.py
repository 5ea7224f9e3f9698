"""BMP: header, palette and rows, decoded with numpy.

No library at hand reads all BMP files that exist: Pillow mistakes 4-bit and 8-bit pictures with a black
and white palette for 1-bit ones, OpenCV turns white in 16-bit pictures into 248 and prints warnings, and
imagecodecs does not support run lengths. So BMP is decoded here.

Accepted are Windows headers 3 to 5 and the OS/2 core header; 1, 2, 4 and 8 bits with a palette, RLE4 and
RLE8; 16, 24 and 32 bits with bit masks or the usual layout. There is alpha only if a mask names it, and a
colour without a mask is 0. Fields of n bits are scaled to 8 by ``value * 255 // (2**n - 1)``; of fields
with more than 8 bits, the highest 8 count. Odd files that most programs show alike (tried with Pillow,
OpenCV, Skia, SDL and Chromium) are read, with a warning; if programs show different pictures, the message
says so.

Source: Microsoft, "Bitmap Storage" and BITMAPV5HEADER; OS/2 bitmap file format.
"""

import functools
import operator
import struct
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import (
    NO_LIMIT,
    Header,
    Remark,
    check_size,
    ignore,
    indexed,
    metadata,
    run_lengths,
)

_CORE_SIZE = 12
_SIZES = (40, 52, 56, 64, 108, 124)
_OS2_SIZES = range(16, 65)
_RGB, _RLE8, _RLE4, _BITFIELDS, _JPEG, _PNG, _ALPHABITFIELDS = range(7)
_DEPTHS = {
    _RGB: (1, 2, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _BITFIELDS: (16, 32),
    _ALPHABITFIELDS: (16, 32),
}
_DISAGREE = "which other programs show differently"
_AT_ONCE = 1 << 22  # bytes of rows converted to samples at a time
_RUN_LENGTHS = (_RLE8, _RLE4)
# Pixels that run lengths leave out take no bytes in the file, so a small file could claim a huge picture.
_MOST_LEFT_OUT = 50_000_000
_DEFAULT_MASKS = {16: (0x7C00, 0x03E0, 0x001F), 32: (0xFF0000, 0xFF00, 0xFF)}

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class BmpHeader(Header):
    """A `Header` with what decoding needs.

    Attributes
    ----------
    bits : int
        Bits per pixel.
    compression : int
        0 none, 1 RLE8, 2 RLE4, 3 or 6 bit masks.
    top_down : bool
        Whether the first stored row is the top row.
    offset : int
        Position of the pixel data.
    palette : bytes
        Blue, green, red (and an unused byte) per colour; empty above 8 bits.
    palette_step : int
        3 or 4 bytes per colour.
    masks : tuple of int
        Red, green, blue (0 for a colour without a mask) and, if the file has one, alpha; empty unless
        there are 16 or 32 bits.
    left_out : int
        Pixels that the run lengths do not paint.
    """

    bits: int = 24
    compression: int = _RGB
    top_down: bool = False
    offset: int = 0
    palette: bytes = b""
    palette_step: int = 4
    masks: tuple[int, ...] = ()
    left_out: int = 0

    @property
    def stride(self) -> int:
        """Bytes of an uncompressed row, padded to a multiple of 4."""
        return (self.width * self.bits + 31) // 32 * 4


class _Info(NamedTuple):
    """The second header of a file."""

    size: int
    width: int
    height: int
    planes: int
    bits: int
    compression: int = _RGB
    stated: int = 0
    across: int = 0
    down: int = 0
    colours: int = 0


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> BmpHeader:
    """Read the header, follow any run lengths, and check that the pixel data are complete.

    Metadata: pixels per metre unless 0, and the embedded, linked or calibrated profile of the later
    headers. The file length in the first header is ignored, because many writers get it wrong.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``unsupported``, or ``not_an_image`` if only the letters BM suggest a
        picture.
    """
    info = _read_info(data)
    width, height, bits, size = info.width, abs(info.height), info.bits, info.size
    check_size(width, height, max_pixels)
    odd = [] if info.planes == 1 else [f"says that it has {info.planes} planes, which other programs ignore"]
    if bits == 2:
        odd.append("has 2 bits per pixel, which some programs refuse")
    masks, after_masks = _read_masks(data, info)
    odd += _odd_masks(masks)
    offset = struct.unpack_from("<I", data, 10)[0]
    if not offset or (bits <= 8 and offset == after_masks):
        reason = "it does not say where its pixel data begin, or has no palette"
        raise ImageError("corrupt", f"{reason}, {_DISAGREE}", (width, height))
    if offset < after_masks:
        odd.append("has pixel data that begin inside its header, and are read from there")
    step = 3 if size == _CORE_SIZE else 4
    palette, odd_palette = _read_palette(data, info, after_masks, offset, step)
    header = BmpHeader(
        format="BMP",
        width=width,
        height=height,
        depth=8,
        bits=bits,
        compression=info.compression,
        top_down=info.height < 0,
        offset=offset,
        palette=palette,
        palette_step=step,
        masks=masks,
    )
    profile, profile_end, odd_profile = _read_profile(data, size)
    odd += odd_palette + odd_profile
    if info.compression in _RUN_LENGTHS:
        end, left_out, odd_runs = _run_lengths_end(data, header, info.stated)
        header = replace(header, left_out=left_out)
        odd += odd_runs
    else:
        end = offset + header.stride * height
    if len(data) < end:
        raise ImageError("truncated", "the file is cut off inside its pixel data", (width, height))
    # Some writers round the stated length of the pixel data up; their padding does not count as trailing.
    end = max(end, offset + info.stated if offset + info.stated <= len(data) else 0, profile_end)
    density = metadata.density(info.across, info.down, metadata.METRE)
    found = metadata.collect(profile=profile, density=density)
    return replace(header, metadata=found, trailing=len(data) - end, warnings=tuple(odd))


def decode(data: bytes, header: BmpHeader, remark: Remark = ignore) -> Bytes:
    """Decode a file that `inspect` accepted: uint8 (height, width, 3), or 4 with an alpha mask.

    Colours beyond the palette are black, and ``remark`` is called.

    Raises
    ------
    ImageError
        ``too_costly`` if run lengths leave out more pixels than in any real picture.
    """
    height, width = header.height, header.width
    if header.left_out > _MOST_LEFT_OUT:
        reason = f"it leaves out {header.left_out:,} of its {width * height:,} pixels"
        raise ImageError("too_costly", reason, (width, height))
    if header.compression in _RUN_LENGTHS:
        canvas = np.zeros(height * width, np.uint8)
        _follow(data, header, canvas)
        return _look_up(canvas.reshape(height, width)[_order(header)], header, remark)
    stored = np.frombuffer(data, np.uint8, height * header.stride, header.offset)
    rows = stored.reshape(height, header.stride)[_order(header)]
    if header.bits == 24:
        return np.ascontiguousarray(rows[:, : width * 3].reshape(height, width, 3)[:, :, ::-1])
    if header.bits <= 8:
        return _look_up(indexed.unpack(rows, header.bits)[:, :width], header, remark)
    samples = np.zeros((height, width, len(header.masks)), np.uint8)
    at_once = max(1, _AT_ONCE // header.stride)
    for top in range(0, height, at_once):
        part = np.s_[top : top + at_once]
        pixels = rows[part].view("<u2" if header.bits == 16 else "<u4")[:, :width]
        for channel, mask in enumerate(header.masks):
            if mask:
                samples[part, :, channel] = _field(pixels, mask)
    return samples


def _order(header: BmpHeader) -> slice:
    """Return the slice that puts stored rows in order from top to bottom."""
    return np.s_[:: 1 if header.top_down else -1]


def _field(pixels: NDArray[np.unsignedinteger[Any]], mask: int) -> NDArray[np.integer[Any]]:
    """Extract the bits of a mask, scaled to 0 to 255; of more than 8 bits, the highest 8."""
    shift, most = _shift(mask), mask >> _shift(mask)
    if most < 255:
        return ((pixels & mask) >> shift).astype(np.uint16) * 255 // most
    return (pixels & mask) >> (shift + most.bit_length() - 8)


def _read_info(data: bytes) -> _Info:
    if len(data) < 18:
        raise ImageError("truncated", f"the file is cut off after {len(data)} bytes, inside its header")
    size = struct.unpack_from("<I", data, 14)[0]
    if size != _CORE_SIZE and size not in _SIZES:
        if size in _OS2_SIZES:
            raise ImageError("unsupported", f"it is a BMP with an unusual header of {size} bytes")
        raise ImageError("not_an_image", "it begins with BM, but a BMP header does not follow")
    if len(data) < 14 + size:
        raise ImageError("truncated", "the file is cut off inside its header")
    if size == _CORE_SIZE:
        info = _Info(size, *struct.unpack_from("<HHHH", data, 18))
    else:
        info = _Info(size, *struct.unpack_from("<iiHHIIiiI", data, 18))
    if info.bits not in _DEPTHS.get(info.compression, ()):
        kind = f"{info.bits} bits per pixel with compression {info.compression}"
        raise ImageError("unsupported", f"it is a BMP of {kind}")
    if size == 64 and info.compression == _BITFIELDS:
        raise ImageError("unsupported", "it is an OS/2 BMP with Huffman compression")
    if info.width <= 0 or info.height == 0:
        reason = f"its header gives an impossible size, {info.width} x {info.height} px"
        raise ImageError("corrupt", reason)
    return info


def _read_masks(data: bytes, info: _Info) -> tuple[tuple[int, ...], int]:
    """Read the masks of 16 and 32 bits per pixel; also return where a palette would begin."""
    after = 14 + info.size
    if info.compression not in (_BITFIELDS, _ALPHABITFIELDS):
        return _DEFAULT_MASKS.get(info.bits, ()), after
    count = 4 if info.size >= 56 or info.compression == _ALPHABITFIELDS else 3
    if info.size == 40:
        after += 4 * count
    if len(data) < after:
        raise ImageError("truncated", "the file is cut off inside its bit masks")
    masks = struct.unpack_from(f"<{count}I", data, 54)
    if count == 4 and not masks[3]:
        masks = masks[:3]
    size = info.width, abs(info.height)
    if not any(masks[:3]):
        raise ImageError("corrupt", f"its bit masks are all empty, {_DISAGREE}", size)
    for mask in masks:
        field = mask >> _shift(mask)
        if field & (field + 1) or mask >> info.bits:
            reason = "its bit masks have gaps or name bits that its pixels do not have"
            raise ImageError("corrupt", f"{reason}, {_DISAGREE}", size)
    return masks, after


def _odd_masks(masks: tuple[int, ...]) -> list[str]:
    odd = []
    names = [name for name, mask in zip(("red", "green", "blue"), masks, strict=False) if not mask]
    if names:
        odd.append(f"has no bits for {' and '.join(names)}, which is shown as 0")
    if sum(masks) != functools.reduce(operator.or_, masks, 0):
        odd.append("has bit masks that overlap, which some programs refuse")
    bits = max((mask.bit_count() for mask in masks), default=0)
    if bits > 8:
        odd.append(f"has up to {bits} bits per channel, of which the first 8 are compared")
    return odd


def _read_palette(data: bytes, info: _Info, start: int, offset: int, step: int) -> tuple[bytes, list[str]]:
    """Read the colours that a pixel can name and the file holds, and what is odd about them."""
    if info.bits > 8:
        return b"", []
    most, odd = 1 << info.bits, []
    entries = info.colours or most
    if entries > most:
        odd.append(f"says that it has {entries} colours, though its pixels can use only {most}")
        entries = most
    if start <= offset < start + step * entries:
        odd.append("has a palette that reaches into its pixel data")
    palette = data[start : start + step * entries]
    return palette[: len(palette) // step * step], odd


def _read_profile(data: bytes, size: int) -> tuple[str | None, int, list[str]]:
    """Read the colour profile of headers 4 and 5, where it ends, and what is odd about it.

    sRGB is the default, so it is not reported.
    """
    if size < 108:
        return None, 0, []
    kind = data[70:74]
    if kind == b"\0\0\0\0":
        calibration = data[74:122]
        return (f"calibrated {calibration.hex()}" if any(calibration) else None), 0, []
    if size == 124 and kind in (b"DEBM", b"KNIL"):
        start, length = struct.unpack_from("<II", data, 126)
        end = 14 + start + length
        if end > len(data):
            return None, 0, ["names a colour profile that is not in the file, which most programs skip"]
        linked = "linked " if kind == b"KNIL" else ""
        return linked + metadata.profile(data[14 + start : end]), end, []
    return None, 0, []


def _follow(data: bytes, header: BmpHeader, canvas: Bytes | None = None) -> run_lengths.Course:
    size, nibbles = (header.width, header.height), header.compression == _RLE4
    return run_lengths.follow(data, header.offset, size, nibbles=nibbles, canvas=canvas)


def _run_lengths_end(data: bytes, header: BmpHeader, stated: int) -> tuple[int, int, list[str]]:
    """Find where the run lengths end, how many pixels they leave out, and what is odd about them.

    Without an end mark, they must be as long as the header states.
    """
    course, odd = _follow(data, header), []
    end = course.end
    if not course.marked:
        end = max(end, header.offset + stated)
    elif header.offset + stated > len(data):
        odd.append("says that its pixel data are longer than the file, though they are all there")
    if header.top_down:
        odd.append("has run lengths from the top row down, which some programs show upside down")
    if course.left_out:
        odd.append("leaves out pixels, which some programs show in its first colour, others as transparent")
    if course.beyond:
        odd.append("has runs that extend beyond the end of a row, which other programs show differently")
    return end, course.left_out, odd


def _look_up(index: Bytes, header: BmpHeader, remark: Remark) -> Bytes:
    known = np.frombuffer(header.palette, np.uint8).reshape(-1, header.palette_step)[:, 2::-1]
    if index.max() >= len(known):
        remark("uses colours that its palette does not have, which are shown as black")
    return indexed.look_up(index, known)


def _shift(mask: int) -> int:
    """Count the bits to the right of a mask; 0 for an empty one."""
    return max(0, (mask & -mask).bit_length() - 1)
