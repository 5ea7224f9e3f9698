"""The rows of a PNG file, as stored (each after its filter byte) and as raw bytes.

`inflate` returns the rows as stored, and is cheap. `unfilter` turns stored rows into raw bytes, and is
expensive. It can start at any row whose filter does not use the row above (None or Sub), or at any row if
the raw bytes of the row above are known.

The compiled kernel does that for pixels of 3 and 4 bytes. Else rows that repeat the row above, like most rows
of a screenshot, are copied. The filters None and Up are undone by numpy, the others by libpng (through
imagecodecs): rows, or parts of them, are wrapped in a small uncompressed PNG whose pixels have the same size
in bytes.
"""

import zlib
from array import array

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mymodules import kernel
from mymodules.errors import ImageError
from mymodules.formats import Remark, ignore
from mymodules.formats.png_container import WIDEST, PngHeader
from mymodules.formats.png_write import Bytes, uncompressed

_LIBPNG_BYTES = 1 << 21  # at a time: libpng has limits, and the bytes are held four times
_PAETH_BYTES = 40_000  # of rows with the filter Paeth that pay for one more part; measured
_NARROWEST = 256  # px, of a part
_WIDE = 512  # bytes of a row above which one addition per row is cheaper than sums along columns
_AT_ONCE = 1 << 16  # bytes inflated at a time by the slow way
_MOST_SURPLUS = 1 << 24  # bytes that may follow the last row
# What each filter predicts at the left edge: the byte above, shifted down by so many bits.
_EDGE_SHIFTS = np.array([8, 8, 0, 1, 0], np.uint8)


def stored_size(header: PngHeader) -> int:
    """Return how many bytes the stored rows of all passes have."""
    if not header.interlaced:
        return header.height * (1 + header.stride)
    return sum(rows * (1 + header.stride_of(columns)) for columns, rows in header.pass_sizes())


def inflate(data: bytes, header: PngHeader, remark: Remark = ignore, into: Bytes | None = None) -> Bytes:
    """Decompress the stored rows of all passes: uint8, one flat array, each row after its filter byte.

    Bytes after the last row, compressed or not, are not part of the picture; ``remark`` is called.

    Parameters
    ----------
    data : bytes
    header : PngHeader
    remark : callable
    into : uint8 (more than `stored_size`,), optional
        Where the rows are written. One byte after them at least is written to, too.

    Raises
    ------
    ImageError
        ``corrupt`` if the compressed data are damaged, or too few for the size.
    """
    size = stored_size(header)
    packed = _packed(data, header.pixel_data)
    # One extra byte reveals surplus data.
    stored = np.empty(size + 1, np.uint8) if into is None else into[: size + 1]
    try:
        filled = len(imagecodecs.deflate_decode(packed, out=stored.data))
    except imagecodecs.DeflateError:
        filled = -1
    rows = stored[:size]
    if filled == size and imagecodecs.deflate_adler32(rows.data).to_bytes(4, "big") == packed[-4:]:
        return rows
    _inflate_odd(packed, rows, remark)
    return rows


def _packed(data: bytes, places: "array[int]") -> memoryview:
    """Join the compressed data."""
    view = memoryview(data)
    if len(places) == 2:
        return view[places[0] : places[1]]
    packed = bytearray()
    for start, end in zip(places[::2], places[1::2], strict=True):
        packed += view[start:end]
    return memoryview(packed)


def _inflate_odd(packed: memoryview, rows: Bytes, remark: Remark) -> None:
    """Fill the rows from data that are damaged or continue after the last row, and find out which."""
    decompressor, at, surplus = zlib.decompressobj(), 0, 0
    try:
        for start in range(0, len(packed), _AT_ONCE):
            waiting = bytes(packed[start : start + _AT_ONCE])
            while (waiting or decompressor.unconsumed_tail) and not decompressor.eof:
                part = np.frombuffer(decompressor.decompress(waiting, _AT_ONCE), np.uint8)
                waiting = decompressor.unconsumed_tail
                fitting = part[: rows.size - at]
                rows[at : at + fitting.size] = fitting
                at += fitting.size
                surplus += part.size - fitting.size
                if surplus > _MOST_SURPLUS:
                    more = f"more than {_MOST_SURPLUS >> 20} MB follow its last row"
                    raise ImageError("corrupt", f"its compressed pixel data are too long: {more}")
                if not part.size and not waiting:
                    break
            if decompressor.eof:
                behind = len(packed) - start - _AT_ONCE
                surplus += len(decompressor.unused_data) + max(0, behind)
                break
    except zlib.error:
        raise ImageError("corrupt", "its compressed pixel data are damaged") from None
    if at < rows.size:
        what = "too few for its size" if decompressor.eof else "cut off"
        raise ImageError("corrupt", f"its compressed pixel data are {what}")
    if not decompressor.eof:
        raise ImageError("corrupt", "its compressed pixel data are cut off after the last row")
    if surplus:
        remark("has surplus bytes after its pixel data, which other programs skip")


def as_rows(stored: Bytes, stride: int) -> Bytes:
    """Shape stored rows as (rows, 1 + stride), and check their filter bytes."""
    rows = stored.reshape(-1, 1 + stride)
    if rows.size and rows[:, 0].max() > 4:
        raise ImageError("corrupt", f"it uses a row filter that does not exist ({rows[:, 0].max()})")
    return rows


def unfilter(rows: Bytes, pixel_size: int, above: Bytes | None = None) -> Bytes:
    """Undo the filters of stored rows.

    Parameters
    ----------
    rows : uint8 (rows, 1 + stride)
        Consecutive stored rows.
    pixel_size : int
        How many bytes the filters look back.
    above : uint8 (stride,), optional
        Raw bytes of the row above the first one. Needed unless the first one is the top row of its
        picture (or pass) or has the filter None or Sub.

    Returns
    -------
    uint8 (rows, stride)
        The raw bytes.
    """
    compiled, (height, pitch) = kernel.loaded(), rows.shape
    # The row above goes on top of the others, so that every row finds the one above it. Above the
    # picture, the filters assume zeros.
    if compiled and pixel_size in kernel.PIXEL_SIZES and 0 < rows.size <= kernel.MOST_PIXELS:
        size = (height + 1) * pitch
        flat = np.empty(size + kernel.READ_BEYOND, np.uint8)
        stored = flat[:size].reshape(-1, pitch)
        stored[0, 0], stored[0, 1:], stored[1:] = 0, 0 if above is None else above, rows
        compiled.unfilter(flat, np.ones(height + 1, np.bool_), pitch // pixel_size, pixel_size)
        return stored[1:, 1:]
    padded = np.empty((rows.shape[0] + 1, rows.shape[1] - 1), np.uint8)
    padded[0] = 0 if above is None else above
    at_once = min(WIDEST // 2, max(1, _LIBPNG_BYTES // rows.shape[1]))
    for top in range(0, len(rows), at_once):
        _unfilter(rows[top : top + at_once], pixel_size, padded[top : top + at_once + 1])
    return padded[1:]


def stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and stop of each stretch of set flags."""
    padded = np.zeros(len(flags) + 2, np.bool_)
    padded[1:-1] = flags
    edges: list[int] = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _unfilter(rows: Bytes, pixel_size: int, into: Bytes) -> None:
    """Unfilter some rows; the first row of ``into`` is the one above them.

    The rows are cut into parts, from left to right: a row of a screenshot that does not repeat the whole
    row above often repeats parts of it. The more rows have the expensive filter, Paeth, the more parts pay.
    If fewer than one row in eight repeats, as in a photograph, the rest is done in one piece.
    """
    width = into.shape[1]
    to_gain = width * np.count_nonzero(rows[:, 0] == 4)
    parts = 1 + min(width // pixel_size // _NARROWEST, to_gain // _PAETH_BYTES)
    step = -(-width // pixel_size // parts) * pixel_size
    left = 0
    while left < width:
        right = min(left + step, width)
        if _unfilter_part(rows, pixel_size, into, left, right) < len(rows) // 8:
            step = width
        left = right


def _unfilter_part(rows: Bytes, pixel_size: int, into: Bytes, left: int, right: int) -> int:
    """Unfilter the bytes from ``left`` to ``right`` of some rows; the bytes before ``left`` are known.

    If stored bytes are zero, Up repeats the bytes above. So does Paeth if the pixel to the left of them
    (unless they begin the row) repeats the pixel above it: Paeth predicts whichever of left, above and
    upper left is nearest to left + above - upper left. Rows that repeat the one above in the whole part are
    copied. The others are stacked and unfiltered together, each with the pixel to the left of the part,
    stored so that unfiltering yields its known value; filters look back no farther than one pixel.

    Returns
    -------
    int
        How many rows repeat the one above.
    """
    edge = max(0, left - pixel_size)
    part, known = rows[:, 1 + edge : 1 + right], into[:, edge:left]
    chosen = (rows[:, 0] != 2) & (rows[:, 0] != 4)
    chosen |= part[:, left - edge :].max(axis=1) > 0
    chosen |= (known[1:] != known[:-1]).any(axis=1)
    places = np.flatnonzero(chosen)
    filters = rows[places, 0]
    stored = np.empty((len(places) + 1, 1 + right - edge), np.uint8)
    stored[0, 0], stored[0, 1:] = 0, into[0, edge:right]
    stored[1:, 0], stored[1:, 1:] = filters, part[places]
    if left:
        stored[1:, 1 : 1 + pixel_size] = known[places + 1] - (known[places] >> _EDGE_SHIFTS[filters, None])
    looks_back = (filters & 0b101).any()  # Sub (1), Average (3), Paeth (4)
    raw = _by_libpng(stored, pixel_size) if looks_back else _add_up(stored)
    raw = raw[:, left - edge :]
    repeating = len(rows) - len(places)
    into[1:, left:right] = raw[np.cumsum(chosen)] if repeating else raw[1:]
    return repeating


def _add_up(stored: Bytes) -> Bytes:
    """Unfilter stored rows of the filters None and Up; may work in place, and is much faster than libpng."""
    raw = stored[:, 1:]
    if raw.shape[1] >= _WIDE:
        for filtering, above, row in zip(stored[1:, 0].tolist(), raw[:-1], raw[1:], strict=True):
            if filtering:
                row += above
        return raw
    # Sum from the top, then subtract the sum above the last row with the filter None.
    sums = np.add.accumulate(raw, axis=0, dtype=np.uint8)
    begins = np.flatnonzero(stored[:, 0] == 0)
    if len(begins) > 1:
        lasts = np.repeat(begins, np.diff(begins, append=len(stored)))
        sums[begins[1] :] -= sums[lasts[begins[1] :] - 1]
    return sums


def _by_libpng(stored: Bytes, pixel_size: int) -> Bytes:
    """Unfilter stored rows that begin a picture, by libpng."""
    try:
        decoded = imagecodecs.png_decode(uncompressed(stored, pixel_size))
    except imagecodecs.PngError as error:  # the PNG is valid, so only memory can be lacking
        raise MemoryError from error
    if decoded.dtype != np.uint8:
        decoded = decoded.astype(">u2").view(np.uint8)
    raw: Bytes = decoded.reshape(len(stored), -1)
    return raw
