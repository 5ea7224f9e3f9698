"""Writing PNG files: rows unfiltered, and compressed for speed or not at all."""

import math
import struct
from collections.abc import Iterable, Iterator

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from mymodules.formats.png_container import SIGNATURE

_END = struct.pack(">I4sI", 0, b"IEND", 0xAE426082)
_AT_ONCE = 1 << 20  # bytes compressed at a time
_BLOCK = 65535  # bytes of the largest uncompressed block of DEFLATE
# A PNG kind (bit depth, colour type) for each pixel size in bytes: filters work on bytes, not on colours.
_KIND_OF_SIZE = {1: (8, 0), 2: (8, 4), 3: (8, 2), 4: (8, 6), 6: (16, 2), 8: (16, 6)}

Bytes = NDArray[np.uint8]


def encode(
    rows: Bytes, width: int, *, depth: int, colour_type: int, palette: bytes = b"", transparency: bytes = b""
) -> bytes:
    """Encode packed rows, uint8 (height, stride), as a PNG without filters, compressed for speed."""
    size = width, len(rows)
    kind = {"depth": depth, "colour_type": colour_type}
    return b"".join(pieces(unfiltered(rows), size, **kind, palette=palette, transparency=transparency))


def pieces(
    stored: Iterable[Bytes],
    size: tuple[int, int],
    *,
    depth: int,
    colour_type: int,
    palette: bytes = b"",
    transparency: bytes = b"",
) -> Iterator[bytes]:
    """Yield a PNG file piece by piece, compressed for speed.

    Parameters
    ----------
    stored : iterable of uint8 (rows, 1 + stride)
        The stored rows, any number at a time.
    size : (width, height)
    """
    yield _head(*size, depth, colour_type)
    if palette:
        yield _chunk(b"PLTE", palette)
    if transparency:
        yield _chunk(b"tRNS", transparency)
    compressor = isal_zlib.compressobj(1)
    for rows in stored:
        flat = np.ascontiguousarray(rows).reshape(-1).data
        for at in range(0, len(flat), _AT_ONCE):
            packed = compressor.compress(flat[at : at + _AT_ONCE])
            if packed:
                yield _chunk(b"IDAT", packed)
    yield _chunk(b"IDAT", compressor.flush())
    yield _END


def unfiltered(rows: Bytes) -> Iterator[Bytes]:
    """Yield raw or packed rows as stored rows of the filter None, some at a time.

    Parameters
    ----------
    rows : uint8 (height, stride), or (height, width, channels)
    """
    stride = math.prod(rows.shape[1:])
    at_once = max(1, _AT_ONCE // max(1, stride))
    for top in range(0, len(rows), at_once):
        part = rows[top : top + at_once]
        stored = np.zeros((part.shape[0], stride + 1), np.uint8)
        if part.ndim == 2 or part.flags.c_contiguous:
            stored[:, 1:] = part.reshape(len(part), stride)
        else:  # RGB of RGBA: NumPy takes ten times as long to copy three bytes at a time
            for channel in range(part.shape[2]):
                stored[:, 1 + channel :: part.shape[2]] = part[:, :, channel]
        yield stored


def uncompressed(stored: Bytes, pixel_size: int) -> memoryview:
    """Wrap stored rows, as they are, in a PNG file, with one allocation and one copy."""
    depth, colour_type = _KIND_OF_SIZE[pixel_size]
    head = _head((stored.shape[1] - 1) // pixel_size, len(stored), depth, colour_type)
    flat = stored.reshape(-1)
    blocks = [flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK)]
    packed_size = 2 + 5 * len(blocks) + flat.size + 4
    head_size = len(head)
    file = np.empty(head_size + 8 + packed_size + 4 + len(_END), np.uint8)
    view = file.data
    view[:head_size] = head
    struct.pack_into(">I4sBB", view, head_size, packed_size, b"IDAT", 0x78, 0x01)
    at, adler = head_size + 10, 1
    for number, block in enumerate(blocks, 1):
        struct.pack_into("<BHH", view, at, number == len(blocks), block.size, block.size ^ 0xFFFF)
        file[at + 5 : at + 5 + block.size] = block
        adler = imagecodecs.deflate_adler32(block.data, adler)
        at += 5 + block.size
    struct.pack_into(">I", view, at, adler)
    struct.pack_into(">I", view, at + 4, imagecodecs.deflate_crc32(view[head_size + 4 : at + 4]))
    view[at + 8 :] = _END
    return view


def _head(width: int, height: int, depth: int, colour_type: int) -> bytes:
    """Return the beginning of a file that is not interlaced."""
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", ihdr)


def _chunk(kind: bytes, body: bytes | bytearray) -> bytes:
    checksum = imagecodecs.deflate_crc32(body, imagecodecs.deflate_crc32(kind))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
