"""PNG: the container is checked in full (`png_container`), and its rows (`png_rows`) become pixels.

`samples` reads raw bytes as gray, gray + alpha, RGB or RGBA. `decode` does everything for a whole file,
interlaced or not, some rows at a time. A comparison of two files rarely needs every pixel of both, so
`inflate` and `unfilter` are also available as separate steps.

Faults that the libraries tolerate are refused here: wrong CRCs of chunks that the picture needs, a missing
IEND, too little pixel data, filter types and palette entries that do not exist.

Source: Portable Network Graphics (PNG) Specification, W3C.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Remark, ignore, indexed, png_container
from mymodules.formats.png_container import CHANNELS, PASSES, SIGNATURE, PngHeader
from mymodules.formats.png_rows import as_rows, inflate, stored_size, stretches, unfilter
from mymodules.formats.png_write import Bytes, encode, pieces, unfiltered

__all__ = [
    "SIGNATURE",
    "START",
    "Bytes",
    "PngHeader",
    "Samples",
    "as_rows",
    "check",
    "decode",
    "encode",
    "inflate",
    "inspect",
    "is_deep",
    "pieces",
    "samples",
    "stored_size",
    "stretches",
    "unfilter",
    "unfiltered",
]

START = 25
"""Bytes from the beginning of a file up to and including its bit depth, for `is_deep`."""

_AT_ONCE = 1 << 22  # bytes of stored rows converted to samples at a time

Samples = NDArray[np.unsignedinteger[Any]]  # uint8 or uint16


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> PngHeader:
    """Walk the chunks once and check their order, lengths, CRCs, IEND and frames.

    No pixels are decoded. Pixel data are inflated only if other chunks interrupt them: other programs skip
    what follows the interruption, so what precedes it has to be the whole picture.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` or ``unsupported``.
    """
    header = png_container.inspect(data, max_pixels)
    if header.interrupted:
        try:
            inflate(data, header)
        except ImageError:
            reason = "its pixel data (IDAT) are interrupted by other chunks"
            raise ImageError("corrupt", reason, (header.width, header.height)) from None
    return header


def is_deep(start: bytes) -> bool:
    """Tell from a file's first `START` bytes whether it is a PNG of 16 bits per channel."""
    return start.startswith(SIGNATURE) and len(start) == START and start[24] == 16


def samples(raw: Bytes, header: PngHeader, width: int | None = None) -> Samples:
    """Convert raw rows to samples: (rows, width, channels), uint8, or uint16 for 16 bits.

    Channels: 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA. Fewer than 8 bits are scaled to 0..255; palettes
    are looked up; a tRNS colour becomes alpha 0.
    """
    width = header.width if width is None else width
    count, channels = raw.shape[0], CHANNELS[header.colour_type]
    if header.depth == 16:
        wide = raw.view(">u2").astype(np.uint16).reshape(count, width, channels)
        return _with_alpha(wide, header, 65535)
    scale = 255 // ((1 << header.depth) - 1)
    if header.depth == 8:
        values = raw.reshape(count, width, channels)
    else:
        # The transparent colour is given as a stored number, so it is compared before scaling.
        plain = header.colour_type == 3 or header.transparency
        values = indexed.unpack(raw, header.depth, 1 if plain else scale)[:, :width, None]
    if header.colour_type == 3:
        return _look_up(values[:, :, 0], header)
    if not header.transparency:
        return values
    shown = _with_alpha(values, header, 255)
    shown[:, :, :-1] *= np.uint8(scale)
    return shown


def decode(data: bytes, header: PngHeader, remark: Remark = ignore) -> Samples:
    """Decode a file that `inspect` accepted; see `samples` for the result and `inflate` for ``remark``."""
    passes = _passes(data, header, remark)
    picture: Samples | None = None
    for rows, (columns, _), place in zip(passes, header.pass_sizes(), _places(header), strict=True):
        left, first, across, down = place
        for top, shown in _shown(rows, header, columns):
            if not header.interlaced and len(shown) == header.height:
                return shown
            if picture is None:
                picture = np.empty((header.height, header.width, shown.shape[2]), shown.dtype)
            begin = first + top * down
            picture[begin : begin + len(shown) * down : down, left::across] = shown
    assert picture is not None  # the first pass holds at least one pixel
    return picture


def check(data: bytes, header: PngHeader, remark: Remark = ignore) -> None:
    """Raise what `decode` would raise, decoding pixels only if they can be wrong."""
    passes = _passes(data, header, remark)
    if header.colour_type == 3 and len(header.palette) < 3 << header.depth:
        for rows, (columns, _) in zip(passes, header.pass_sizes(), strict=True):
            for _ in _shown(rows, header, columns):
                pass  # decoding finds colours that the palette lacks


def _passes(data: bytes, header: PngHeader, remark: Remark) -> list[Bytes]:
    """Return the stored rows of each pass, see `as_rows`; there is one pass without interlacing."""
    stored = inflate(data, header, remark)
    passes, at = [], 0
    for columns, rows in header.pass_sizes():
        stride = header.stride_of(columns)
        size = rows * (1 + stride)
        passes.append(as_rows(stored[at : at + size], stride))
        at += size
    return passes


def _places(header: PngHeader) -> tuple[tuple[int, int, int, int], ...]:
    """Return first column, first row, column step and row step of each pass."""
    return PASSES if header.interlaced else ((0, 0, 1, 1),)


def _shown(rows: Bytes, header: PngHeader, columns: int) -> Iterator[tuple[int, Samples]]:
    """Yield the samples of a pass, some rows at a time, each with the number of its first row."""
    above: Bytes | None = None
    at_once = max(1, _AT_ONCE // rows.shape[1])
    for top in range(0, len(rows), at_once):
        raw = unfilter(rows[top : top + at_once], header.pixel_size, above)
        above = raw[-1]
        yield top, samples(raw, header, columns)


def _look_up(index: NDArray[np.uint8], header: PngHeader) -> Bytes:
    entries = len(header.palette) // 3
    if index.size and index.max() >= entries:
        raise ImageError("corrupt", f"it uses colour {index.max()} of a palette of {entries}")
    table = np.full((entries, 4), 255, np.uint8)
    table[:, :3] = np.frombuffer(header.palette, np.uint8).reshape(entries, 3)
    table[: len(header.transparency), 3] = np.frombuffer(header.transparency, np.uint8)
    return indexed.look_up(index, table if header.transparency else table[:, :3])


def _with_alpha(values: Samples, header: PngHeader, opaque: int) -> Samples:
    """Append alpha: 0 where all samples equal the tRNS colour (only its lowest bits count), else opaque."""
    if not header.transparency:
        return values
    clear = np.frombuffer(header.transparency, ">u2") & ((1 << header.depth) - 1)
    alpha = np.where((values == clear).all(axis=2, keepdims=True), 0, opaque).astype(values.dtype)
    return np.concatenate([values, alpha], axis=2)
