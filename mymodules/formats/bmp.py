"""BMP: header, palette and rows by arithmetic.

Decoded here and not by a library, because none at hand reads all files that exist: Pillow takes 4-bit
and 8-bit pictures with a black and white palette for 1-bit ones, OpenCV makes white of 16 bits 248
and prints what it does not like, imagecodecs does not know run lengths.

Accepted: Windows headers 3 to 5 and the OS/2 core header; 1, 4, 8 bits with a palette, RLE4, RLE8;
16, 24 and 32 bits, with bit masks or the usual layout. Alpha exists only where a mask names it. Fields
of n bits become 8 by ``value * 255 // (2**n - 1)``.

Source: Microsoft, "Bitmap Storage" and BITMAPV5HEADER; OS/2 bitmap file format.
"""

import struct
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, metadata

_CORE_SIZE = 12
_SIZES = (40, 52, 56, 64, 108, 124)
_OS2_SIZES = range(16, 65)
_RGB, _RLE8, _RLE4, _BITFIELDS, _JPEG, _PNG, _ALPHABITFIELDS = range(7)
_DEPTHS = {
    _RGB: (1, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _BITFIELDS: (16, 32),
    _ALPHABITFIELDS: (16, 32),
}
_DEFAULT_MASKS = {16: (0x7C00, 0x03E0, 0x001F), 32: (0xFF0000, 0xFF00, 0xFF)}

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class BmpHeader(Header):
    """A `Header` with what is needed to decode.

    Attributes
    ----------
    bits : int
        Bits per pixel.
    compression : int
        0 none, 1 RLE8, 2 RLE4, 3 or 6 bit masks.
    top_down : bool
    offset : int
        Where the pixel data begin.
    palette : bytes
        Blue, green, red (and an unused byte) per colour; empty above 8 bits.
    palette_step : int
        3 or 4 bytes per colour.
    masks : tuple of int
        Red, green, blue and, where the file has it, alpha; empty unless 16 or 32 bits.
    """

    bits: int = 24
    compression: int = _RGB
    top_down: bool = False
    offset: int = 0
    palette: bytes = b""
    palette_step: int = 4
    masks: tuple[int, ...] = ()

    @property
    def stride(self) -> int:
        """Bytes of an uncompressed row: padded to 4."""
        return (self.width * self.bits + 31) // 32 * 4


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> BmpHeader:
    """Read the header; follow the run lengths where there are any; compare the lengths.

    Metadata: pixels per metre unless 0, and the embedded, linked or calibrated profile of the later
    headers. The file length in the first header is not looked at: many writers set it wrong.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``unsupported``, or ``not_an_image`` where nothing but the two
        letters BM speaks for a picture.
    """
    if len(data) < 18:
        raise ImageError("truncated", f"it ends after {len(data)} bytes, inside its header")
    offset, size = struct.unpack_from("<I", data, 10)[0], struct.unpack_from("<I", data, 14)[0]
    if size != _CORE_SIZE and size not in _SIZES:
        if size in _OS2_SIZES:
            raise ImageError("unsupported", f"it is a BMP with an unusual header of {size} bytes")
        raise ImageError("not_an_image", "it begins with BM, but no BMP header follows")
    if len(data) < 14 + size:
        raise ImageError("truncated", "it ends inside its header")
    compression = stated = colours = across = down = 0
    if size == _CORE_SIZE:
        width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, planes, bits, compression, stated, across, down, colours = struct.unpack_from(
            "<iiHHIIiiI", data, 18
        )
    if compression in (_JPEG, _PNG) or bits not in _DEPTHS.get(compression, ()):
        raise ImageError(
            "unsupported", f"it is a BMP of {bits} bits per pixel with compression {compression}"
        )
    if size == 64 and compression == _BITFIELDS:
        raise ImageError("unsupported", "it is an OS/2 BMP with Huffman compression")
    top_down, height = height < 0, abs(height)
    if width <= 0 or height == 0 or planes != 1 or (top_down and compression in (_RLE8, _RLE4)):
        raise ImageError("corrupt", f"its header is impossible ({width} x {height} px, {planes} planes)")
    check_size(width, height, max_pixels)
    masks, after_masks = _read_masks(data, size, bits, compression)
    step = 3 if size == _CORE_SIZE else 4
    entries = (colours or 1 << bits) if bits <= 8 else 0
    if offset < after_masks + step * entries:
        raise ImageError("corrupt", "its palette reaches into its pixel data, or is missing")
    header = BmpHeader(
        format="BMP",
        width=width,
        height=height,
        depth=8,
        bits=bits,
        compression=compression,
        top_down=top_down,
        offset=offset,
        palette=data[after_masks : after_masks + step * min(entries, 256)],
        palette_step=step,
        masks=masks,
    )
    profile, profile_end = _read_profile(data, size)
    if compression in (_RLE8, _RLE4):
        end = max(_run_lengths(data, header), offset + stated)
    else:
        end = offset + header.stride * height
    if len(data) < max(end, profile_end):
        what = "pixel data" if len(data) < end else "colour profile"
        raise ImageError("truncated", f"it ends in the middle of its {what}")
    # Some writers round the stated length of the pixel data up: what they added is no surprise.
    end = max(end, offset + stated if offset + stated <= len(data) else 0, profile_end)
    found = metadata.collect(profile=profile, density=metadata.density(across, down, metadata.METRE))
    return replace(header, metadata=found, trailing=len(data) - end)


def decode(data: bytes, header: BmpHeader) -> Bytes:
    """Samples of a file that `inspect` accepted: uint8 (height, width, 3), or 4 with an alpha mask.

    Raises
    ------
    ImageError
        ``corrupt`` when a pixel names a colour that the palette does not have.
    """
    height, width = header.height, header.width
    if header.compression in (_RLE8, _RLE4):
        canvas = bytearray(height * width)
        _run_lengths(data, header, canvas)
        return _look_up(np.frombuffer(canvas, np.uint8).reshape(height, width)[::-1], header)
    stored = np.frombuffer(data, np.uint8, height * header.stride, header.offset)
    rows = stored.reshape(height, header.stride)[:: 1 if header.top_down else -1]
    if header.bits == 24:
        return np.ascontiguousarray(rows[:, : width * 3].reshape(height, width, 3)[:, :, ::-1])
    if header.bits <= 8:
        return _look_up(_unpack(rows, header.bits)[:, :width], header)
    pixels = rows.view("<u2" if header.bits == 16 else "<u4")[:, :width]
    samples = np.empty((height, width, len(header.masks)), np.uint8)
    for channel, mask in enumerate(header.masks):
        shift, most = _shift(mask), mask >> _shift(mask)
        samples[:, :, channel] = (
            ((pixels & mask) >> shift) * 255 // most if most < 255 else pixels >> shift & 255
        )
    return samples


def _read_masks(data: bytes, size: int, bits: int, compression: int) -> tuple[tuple[int, ...], int]:
    """The masks of 16 and 32 bits per pixel, and where the palette would begin."""
    after = 14 + size
    if compression not in (_BITFIELDS, _ALPHABITFIELDS):
        return _DEFAULT_MASKS.get(bits, ()), after
    count = 4 if size >= 56 or compression == _ALPHABITFIELDS else 3
    if size == 40:
        after += 4 * count
    if len(data) < after:
        raise ImageError("truncated", "it ends inside its bit masks")
    masks = struct.unpack_from(f"<{count}I", data, 54)
    if count == 4 and not masks[3]:
        masks = masks[:3]
    taken = 0
    for mask in masks:
        field = mask >> _shift(mask)
        if not mask or field & (field + 1) or mask & taken or mask >> bits:
            raise ImageError("corrupt", "its bit masks are empty, overlap or have gaps")
        if field > 255:
            raise ImageError("unsupported", "it has more than 8 bits per channel")
        taken |= mask
    return masks, after


def _read_profile(data: bytes, size: int) -> tuple[str | None, int]:
    """Colour profile of the headers 4 and 5, and where it ends. sRGB is the default and says nothing."""
    if size < 108:
        return None, 0
    kind = data[70:74]
    if kind == b"\0\0\0\0":
        calibration = data[74:122]
        return (f"calibrated {calibration.hex()}" if any(calibration) else None), 0
    if size == 124 and kind in (b"DEBM", b"KNIL"):
        start, length = struct.unpack_from("<II", data, 126)
        body = data[14 + start : 14 + start + length]
        return ("linked " if kind == b"KNIL" else "") + metadata.profile(body), 14 + start + length
    return None, 0


def _run_lengths(data: bytes, header: BmpHeader, canvas: bytearray | None = None) -> int:
    """Follow run lengths from the first row; return where they end; fill ``canvas`` if there is one.

    Pixels that the codes skip have colour 0; what a run has beyond the end of its row is dropped.
    """
    width, height, nibbles = header.width, header.height, header.compression == _RLE4
    x = y = 0
    at = header.offset
    while True:
        full = y >= height or (y == height - 1 and x >= width)
        if len(data) < at + 2:
            if full:
                return at
            raise ImageError("truncated", "it ends in the middle of its pixel data")
        count, code = data[at], data[at + 1]
        if full and (count or code > 1):
            return at
        at += 2
        if count:
            if canvas is not None:
                pattern = bytes((code >> 4, code & 15)) if nibbles else bytes((code,))
                _put(canvas, x, y, width, (pattern * count)[:count])
            x += count
        elif code == 0:
            x, y = 0, y + 1
        elif code == 1:
            return at
        elif code == 2:
            if len(data) < at + 2:
                raise ImageError("truncated", "it ends in the middle of its pixel data")
            x, y, at = x + data[at], y + data[at + 1], at + 2
        else:
            length = (code + 1) // 2 if nibbles else code
            if len(data) < at + length:
                raise ImageError("truncated", "it ends in the middle of its pixel data")
            if canvas is not None:
                literal = data[at : at + length]
                _put(canvas, x, y, width, literal if not nibbles else _nibbles(literal)[:code])
            x += code
            at += length + (length & 1)


def _put(canvas: bytearray, x: int, y: int, width: int, values: bytes) -> None:
    fitting = values[: max(0, width - x)]
    canvas[y * width + x : y * width + x + len(fitting)] = fitting


def _nibbles(values: bytes) -> bytes:
    return bytes(half for value in values for half in (value >> 4, value & 15))


def _unpack(rows: Bytes, bits: int) -> Bytes:
    """Colour numbers of 1, 4 or 8 bits, the leftmost in the highest bits: one each."""
    if bits == 8:
        return rows
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    spread = (rows[:, :, None] >> shifts) & np.uint8((1 << bits) - 1)
    return spread.reshape(len(rows), -1)


def _look_up(index: Bytes, header: BmpHeader) -> Bytes:
    table = np.frombuffer(header.palette, np.uint8).reshape(-1, header.palette_step)[:, 2::-1]
    if index.max() >= len(table):
        raise ImageError("corrupt", f"it uses colour {index.max()} of a palette of {len(table)}")
    return np.ascontiguousarray(table)[index]


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
