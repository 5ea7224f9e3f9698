"""The codecs of a TIFF that yield bytes, and the check of a fax.

Each yields as many bytes as the pixels of its strip or tile need, and ignores further ones, as all programs
do. LZW goes through libtiff, because imagecodecs' own decoder leaves its buffer on damaged codes.

Source: TIFF 6.0 (1992), sections 9 to 13; RFC 1950 and RFC 1951 for deflate.
"""

import contextlib
import struct
import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError

NONE, LZW, JPEG, PACKBITS, LZMA, ZSTD, WEBP = 1, 5, 7, 32773, 34925, 50000, 50001
FAX = (2, 3, 4)
DEFLATE = (8, 32946)
ALL = (NONE, *FAX, LZW, JPEG, *DEFLATE, PACKBITS, LZMA, ZSTD, WEBP)
"""The numbers of the compressions that can be decoded."""

PREDICTED = (LZW, *DEFLATE, LZMA, ZSTD)
"""Those that can have a predictor."""

_FILL_ORDER, _FAX_3_OPTIONS, _FAX_4_OPTIONS = 266, 292, 293


def expand(data: bytes, row_bytes: int, rows: int, compression: int) -> bytes:
    """Decompress a strip or tile to ``row_bytes * rows`` bytes, or fewer if its data end too early.

    Raises
    ------
    RuntimeError
        From imagecodecs, for data that it cannot decode.
    ImageError
        ``corrupt`` or ``truncated``.
    """
    size = row_bytes * rows
    if compression == LZW:
        return bytes(imagecodecs.tiff_decode(_wrapped(data, row_bytes, rows, {258: 8, 259: LZW})).tobytes())
    if compression in DEFLATE:
        return _inflated(data, size)
    if compression == PACKBITS:
        return _unpacked(data, size)
    if compression == LZMA:
        return bytes(imagecodecs.lzma_decode(data, out=size))
    if compression == ZSTD:
        with contextlib.suppress(RuntimeError):
            return bytes(imagecodecs.zstd_decode(data, out=size))
        return bytes(imagecodecs.zstd_decode(data, out=2 * size + 4096)[:size])
    return data[:size]


def check_fax(data: bytes, decoded: NDArray[np.bool_], compression: int, fill: int, options: int) -> None:
    """Refuse a fax that libtiff and imagecodecs decode differently.

    Neither reports invalid codes, and each continues after them in its own way.
    """
    rows, width = decoded.shape
    tags = {258: 1, 259: compression, _FILL_ORDER: fill}
    if compression in FAX[1:]:
        tags[_FAX_3_OPTIONS if compression == FAX[1] else _FAX_4_OPTIONS] = options
    if not np.array_equal(imagecodecs.tiff_decode(_wrapped(data, width, rows, tags)), decoded):
        raise ImageError("corrupt", "its fax data are damaged, and programs differ in what they make of them")


def _wrapped(data: bytes, width: int, rows: int, tags: dict[int, int]) -> bytes:
    """Wrap a gray strip in a TIFF, for libtiff to decode."""
    tags = {256: width, 257: rows, 262: 1, 277: 1, 278: rows, 279: len(data), **tags}
    start = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = sorted({**tags, 273: start}.items())
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + data


def _inflated(data: bytes, size: int) -> bytes:
    """Inflate, and check the checksum unless it comes too far after the bytes that are wanted."""
    with contextlib.suppress(RuntimeError):
        return bytes(imagecodecs.deflate_decode(data, out=size))
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, size)
        inflater.decompress(inflater.unconsumed_tail, size + 4096)
    except zlib.error:
        raise ImageError("corrupt", "its pixel data are damaged") from None
    if not inflater.eof and not inflater.unconsumed_tail:
        raise ImageError("truncated", "its pixel data end too early")
    return inflated


def _unpacked(data: bytes, size: int) -> bytes:
    """Unpack PackBits, whose last run may pass the end or be followed by bytes that are not a run."""
    with contextlib.suppress(RuntimeError):
        return bytes(imagecodecs.packbits_decode(data, out=size))
    # Bytes that the decoder does not write keep their filling, so equal bytes come from the codes.
    first, second = (np.full(size + 128, fill, np.uint8) for fill in (0, 255))
    for out in (first, second):
        with contextlib.suppress(RuntimeError):
            imagecodecs.packbits_decode(data, out=out)
    if not np.array_equal(first[:size], second[:size]):
        raise ImageError("truncated", "its pixel data end too early")
    return first[:size].tobytes()
