"""PNG: the container checked in full, and its rows as pixels.

Two steps that can be had apart, because comparing two files rarely needs every pixel of both:

- `inflate` gives the rows as they are stored, each with its filter byte in front. It is cheap.
- `unfilter` turns stored rows into raw bytes. It is dear. It may start at any row whose filter looks
  at no other row (None or Sub), or at any row at all when the raw bytes of the row above are known.

`samples` reads raw bytes as gray, gray + alpha, RGB or RGBA. `decode` is all three for a whole file,
interlaced ones included. What only repeats the row above, as most of a screenshot does, is copied. The
filters None and Up are left to numpy, others to libpng (through imagecodecs), for which rows, or parts of
them, are wrapped as a small uncompressed PNG whose pixels have the same size in bytes.

What the libraries let pass is refused here: wrong CRCs, missing IEND, too little or too much pixel
data, filter types that do not exist, palette entries that do not exist.

Source: Portable Network Graphics (PNG) Specification, W3C.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, exif, metadata

SIGNATURE = b"\x89PNG\r\n\x1a\n"

START = 25
"""Bytes from the begin of a file up to and with its bit depth, for `is_deep`."""

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_METADATA = {
    b"gAMA": "gamma",
    b"iCCP": "colour profile",
    b"sRGB": "colour profile",
    b"cHRM": "colour profile",
}
_METADATA |= {b"cICP": "colour profile", b"pHYs": "density", b"eXIf": "orientation"}
_END = struct.pack(">I4sI", 0, b"IEND", 0xAE426082)
_WIDEST = 1_000_000  # px, of a side, by libpng
_LIBPNG_BYTES = 1 << 21  # at once: libpng has limits, and the bytes are held four times
_PAETH_BYTES = 40_000  # of rows with the filter Paeth, for each part; by measuring
_NARROWEST = 256  # px, of a part
_AT_ONCE = 1 << 20  # bytes that are compressed at once
_BLOCK = 65535  # bytes of the largest uncompressed block of DEFLATE
_LARGEST_PROFILE = 1 << 24  # bytes; more would be a bomb
# Adam7: first column, first row, column step, row step of each pass.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# A PNG kind (bit depth, colour type) for each pixel size in bytes: filters know bytes, not colours.
_KIND_OF_SIZE = {1: (8, 0), 2: (8, 4), 3: (8, 2), 4: (8, 6), 6: (16, 2), 8: (16, 6)}
# What each filter predicts at the left edge: the byte above, shifted down by so many bits.
_EDGE_SHIFTS = np.array([8, 8, 0, 1, 0], np.uint8)

Bytes = NDArray[np.uint8]
Samples = NDArray[np.unsignedinteger[Any]]  # uint8 or uint16


@dataclass(frozen=True)
class PngHeader(Header):
    """A `Header` with what is needed to decode.

    Attributes
    ----------
    colour_type : int
        0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA.
    interlaced : bool
    palette : bytes
        RGB triples, empty without one.
    transparency : bytes
        The tRNS chunk where it means something (colour types 0, 2, 3), else empty.
    pixel_data : tuple of (int, int)
        Where the compressed data stand in the file: start and end of each IDAT.
    """

    colour_type: int = 0
    interlaced: bool = False
    palette: bytes = b""
    transparency: bytes = b""
    pixel_data: tuple[tuple[int, int], ...] = ()

    @property
    def stride(self) -> int:
        """Bytes of one full row without its filter byte."""
        return _stride(self, self.width)

    @property
    def pixel_size(self) -> int:
        """Distance in bytes that the filters look back: one pixel, at least 1."""
        return max(1, _CHANNELS[self.colour_type] * self.depth // 8)


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> PngHeader:
    """Walk the chunks once: order, lengths, CRCs, IEND, frames. Pixels are not decoded.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` or ``unsupported``.
    """
    view = memoryview(data)
    header: tuple[int, int, int, int, bool] | None = None
    palette = transparency = b""
    pixel_data: list[tuple[int, int]] = []
    settings: dict[str, list[str]] = {}
    at, previous = len(SIGNATURE), b""
    while True:
        if len(data) < at + 12:
            raise ImageError("truncated", "it ends before its end mark (IEND)")
        length, kind = struct.unpack_from(">I4s", data, at)
        start, end = at + 8, at + 8 + length
        if not re.fullmatch(rb"[A-Za-z]{4}", kind) or length >= 1 << 31:
            raise ImageError("corrupt", f"no valid chunk begins at byte {at}")
        if len(data) < end + 4:
            raise ImageError("truncated", f"it ends inside its {kind.decode()} chunk")
        if imagecodecs.deflate_crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise ImageError("corrupt", f"the checksum of its {kind.decode()} chunk at byte {at} is wrong")
        if kind == b"CgBI":
            raise ImageError("unsupported", "it is an Apple-only variant of PNG (CgBI)")
        if (kind == b"IHDR") != (header is None):
            raise ImageError("corrupt", "its header (IHDR) is not its first chunk, or there are two")
        if header is None:
            header = _read_ihdr(data[start:end])
            check_size(*header[:2], max_pixels)
            if header[0] > _WIDEST:
                raise ImageError("unsupported", f"it is {header[0]} px wide, more than {_WIDEST}", header[:2])
        elif kind == b"PLTE":
            if palette or pixel_data or length % 3 or not 3 <= length <= 768:
                raise ImageError("corrupt", "its palette (PLTE) is misplaced, doubled or has a wrong length")
            palette = data[start:end]
        elif kind == b"IDAT":
            if pixel_data and previous != b"IDAT":
                raise ImageError("corrupt", "its pixel data (IDAT) are interrupted by other chunks")
            pixel_data.append((start, end))
        elif kind == b"IEND":
            if length:
                raise ImageError("corrupt", "its end mark (IEND) is not empty")
            break
        elif kind == b"acTL":
            raise ImageError("animated", "it is an animated PNG")
        elif kind == b"tRNS":
            if transparency or pixel_data:
                raise ImageError("corrupt", "its transparency (tRNS) is misplaced or doubled")
            transparency = data[start:end]
        elif kind in _METADATA:
            setting = _setting(kind, data[start:end])
            if setting is not None:
                settings.setdefault(_METADATA[kind], []).append(setting)
        elif not kind[0] & 0x20:
            raise ImageError("unsupported", f"it needs an unknown critical chunk ({kind.decode()})")
        at, previous = end + 4, kind
    width, height, depth, colour_type, interlaced = header
    if not pixel_data:
        raise ImageError("corrupt", "it has no pixel data (IDAT)")
    if colour_type == 3 and not palette:
        raise ImageError("corrupt", "its palette (PLTE) is missing")
    return PngHeader(
        format="PNG",
        width=width,
        height=height,
        depth=depth,
        metadata=tuple(sorted((name, "; ".join(sorted(texts))) for name, texts in settings.items())),
        trailing=len(data) - end - 4,
        colour_type=colour_type,
        interlaced=interlaced,
        palette=palette,
        transparency=_checked_transparency(transparency, colour_type, palette),
        pixel_data=tuple(pixel_data),
    )


def is_deep(start: bytes) -> bool:
    """Say whether a file whose first `START` bytes are these is a PNG of 16 bits per channel."""
    return start.startswith(SIGNATURE) and len(start) == START and start[24] == 16


def inflate(data: bytes, header: PngHeader) -> Bytes:
    """The stored rows of all passes: uint8, one flat array, each row with its filter byte in front.

    Raises
    ------
    ImageError
        ``corrupt`` when the compressed data are damaged, or too few or too many for the size.
    """
    size = sum(rows * (1 + _stride(header, columns)) for columns, rows in _pass_sizes(header))
    view = memoryview(data)
    parts = [view[start:end] for start, end in header.pixel_data]
    packed = parts[0] if len(parts) == 1 else b"".join(parts)
    stored = np.empty(size + 1, np.uint8)  # one byte more, so that too much data shows
    try:
        filled = len(imagecodecs.deflate_decode(packed, out=stored.data))
    except imagecodecs.DeflateError:
        filled = -1
    if filled != size:
        reason = "damaged, or of another length than its size says"
        raise ImageError("corrupt", f"its compressed pixel data are {reason}")
    return stored[:size]


def as_rows(stored: Bytes, stride: int) -> Bytes:
    """Stored rows as (rows, 1 + stride), their filter bytes checked."""
    rows = stored.reshape(-1, 1 + stride)
    if rows.size and rows[:, 0].max() > 4:
        raise ImageError("corrupt", f"it uses a row filter that does not exist ({rows[:, 0].max()})")
    return rows


def unfilter(rows: Bytes, pixel_size: int, above: Bytes | None = None) -> Bytes:
    """Raw bytes of stored rows.

    Parameters
    ----------
    rows : uint8 (rows, 1 + stride)
        Consecutive stored rows.
    pixel_size : int
        Bytes the filters look back.
    above : uint8 (stride,), optional
        Raw bytes of the row above the first one. Needed unless that is the top row of its picture
        (or pass) or has the filter None or Sub.

    Returns
    -------
    uint8 (rows, stride)
    """
    # The row above stands on top of the others, so that all find theirs in place; the filters take the
    # one above the picture for zeros.
    padded = np.empty((rows.shape[0] + 1, rows.shape[1] - 1), np.uint8)
    padded[0] = 0 if above is None else above
    at_once = min(_WIDEST // 2, max(1, _LIBPNG_BYTES // rows.shape[1]))
    for top in range(0, len(rows), at_once):
        _unfilter(rows[top : top + at_once], pixel_size, padded[top : top + at_once + 1])
    return padded[1:]


def stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where flags are set, from place to place: start and stop of each stretch."""
    padded = np.zeros(len(flags) + 2, np.bool_)
    padded[1:-1] = flags
    edges: list[int] = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _unfilter(rows: Bytes, pixel_size: int, into: Bytes) -> None:
    """Unfilter some rows; ``into`` has one row more, the one above: that comes first.

    They are cut into parts, from left to right: a row of a screenshot that does not repeat the one above
    it in full often does in some parts. The more rows have the dear filter, Paeth, the more parts pay.
    Where fewer than one row of eight repeats, as in a photograph, the rest is done in one piece.
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
    """Unfilter the bytes from left to right of some rows; those to the left of them are known.

    Where stored bytes are zero, Up repeats the bytes above. So does Paeth when the pixel to the left of
    them, if there is one, repeats the pixel above it: its prediction is left + above - upper left, or what
    comes nearest to that. Rows that repeat in the whole part are copied; the others are unfiltered, below
    each other. With them goes the pixel to the left of the part, stored so that it comes out as it is:
    filters look back as far, and no farther.

    Returns
    -------
    int
        How many rows repeat.
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
    """Raw bytes of stored rows of the filters None and Up, in place and much faster than by libpng."""
    raw = stored[:, 1:]
    for filtering, above, row in zip(stored[1:, 0].tolist(), raw[:-1], raw[1:], strict=True):
        if filtering:
            row += above
    return raw


def _by_libpng(stored: Bytes, pixel_size: int) -> Bytes:
    """Raw bytes of stored rows that begin a picture."""
    try:
        decoded = imagecodecs.png_decode(_uncompressed(stored, pixel_size))
    except imagecodecs.PngError as error:  # it is sound: we have made it
        raise MemoryError from error
    if decoded.dtype != np.uint8:
        decoded = decoded.astype(">u2").view(np.uint8)
    raw: Bytes = decoded.reshape(len(stored), -1)
    return raw


def samples(raw: Bytes, header: PngHeader, width: int | None = None) -> Samples:
    """Raw rows as samples: (rows, width, channels), uint8, or uint16 for 16 bits.

    Channels: 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA. Fewer than 8 bits are scaled to 0..255; palettes
    are looked up; a tRNS colour becomes alpha 0.
    """
    width = header.width if width is None else width
    count, channels = raw.shape[0], _CHANNELS[header.colour_type]
    if header.depth == 16:
        wide = raw.view(">u2").astype(np.uint16).reshape(count, width, channels)
        return _with_alpha(wide, header, 65535)
    if header.depth == 8:
        values = raw.reshape(count, width, channels)
    else:
        shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
        spread = (raw[:, :, None] >> shifts) & np.uint8((1 << header.depth) - 1)
        values = spread.reshape(count, raw.shape[1] * len(shifts))[:, :width, None]
    if header.colour_type == 3:
        return _look_up(values[:, :, 0], header)
    scale = 255 // ((1 << header.depth) - 1)
    if not header.transparency:
        return values if scale == 1 else values * np.uint8(scale)
    shown = _with_alpha(values, header, 255)
    shown[:, :, :-1] *= np.uint8(scale)
    return shown


def decode(data: bytes, header: PngHeader) -> Samples:
    """All samples of a file that `inspect` accepted: see `samples`."""
    passes = _passes(data, header)
    if not header.interlaced:
        return samples(unfilter(passes[0], header.pixel_size), header)
    picture: Samples | None = None
    for rows, (columns, _), (left, top, across, down) in zip(
        passes, _pass_sizes(header), _PASSES, strict=True
    ):
        if not rows.size:
            continue
        shown = samples(unfilter(rows, header.pixel_size), header, columns)
        if picture is None:
            picture = np.empty((header.height, header.width, shown.shape[2]), shown.dtype)
        picture[top::down, left::across] = shown
    assert picture is not None  # the first pass holds at least one pixel
    return picture


def check(data: bytes, header: PngHeader) -> None:
    """Refuse what `decode` would, without the cost of pixels where they cannot be wrong."""
    if header.colour_type == 3 and len(header.palette) < 3 << header.depth:
        decode(data, header)  # only this finds colours that the palette lacks
    else:
        _passes(data, header)


def _passes(data: bytes, header: PngHeader) -> list[Bytes]:
    """The stored rows of each pass, see `as_rows`; one pass where the picture is not interlaced."""
    stored = inflate(data, header)
    passes, at = [], 0
    for columns, rows in _pass_sizes(header):
        stride = _stride(header, columns)
        size = rows * (1 + stride)
        passes.append(as_rows(stored[at : at + size], stride))
        at += size
    return passes


def encode(
    rows: Bytes, width: int, *, depth: int, colour_type: int, palette: bytes = b"", transparency: bytes = b""
) -> bytes:
    """A PNG file of packed rows, uint8 (height, stride), without filters and compressed for speed."""
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
    """A PNG file, piece by piece, compressed for speed.

    Parameters
    ----------
    stored : iterable of uint8 (rows, 1 + stride)
        The stored rows, as many at a time as are there.
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
    """Raw or packed rows, uint8 (height, stride), as stored ones with the filter None, some at a time."""
    at_once = max(1, _AT_ONCE // max(1, rows.shape[1]))
    for top in range(0, len(rows), at_once):
        part = rows[top : top + at_once]
        stored = np.zeros((part.shape[0], part.shape[1] + 1), np.uint8)
        stored[:, 1:] = part
        yield stored


def _uncompressed(stored: Bytes, pixel_size: int) -> memoryview:
    """Stored rows, as they are, as a PNG file: one allocation, one copy."""
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


def _read_ihdr(body: bytes) -> tuple[int, int, int, int, bool]:
    if len(body) != 13:
        raise ImageError("corrupt", "its header (IHDR) has a wrong length")
    width, height, depth, colour_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise ImageError("corrupt", f"its header gives an impossible size, {width} x {height} px")
    if depth not in _DEPTHS.get(colour_type, ()) or compression or filtering or interlace > 1:
        raise ImageError("corrupt", "its header (IHDR) names a kind of picture that does not exist")
    return width, height, depth, colour_type, bool(interlace)


def _checked_transparency(transparency: bytes, colour_type: int, palette: bytes) -> bytes:
    """tRNS, or nothing where an alpha channel makes it void."""
    fits = {0: len(transparency) == 2, 2: len(transparency) == 6, 3: len(transparency) <= len(palette) // 3}
    if transparency and not fits.get(colour_type, True):
        raise ImageError("corrupt", "its transparency (tRNS) has a wrong length")
    return transparency if colour_type in fits else b""


def _setting(kind: bytes, body: bytes) -> str | None:
    """What a chunk of metadata sets, as a text; None for nothing, or nothing readable."""
    if kind == b"eXIf":
        turned = exif.orientation(body)
        return None if turned is None else str(turned)
    if kind == b"pHYs" and len(body) == 9:
        across, down, unit = struct.unpack(">IIB", body)
        return metadata.density(across, down, metadata.METRE if unit == 1 else None)
    if kind == b"iCCP":
        packed = body.partition(b"\0")[2][1:]
        try:
            return metadata.profile(zlib.decompressobj().decompress(packed, _LARGEST_PROFILE))
        except zlib.error:
            return metadata.profile(packed)
    return f"{kind.decode()} {body.hex()}"


def _stride(header: PngHeader, columns: int) -> int:
    return (columns * _CHANNELS[header.colour_type] * header.depth + 7) // 8


def _pass_sizes(header: PngHeader) -> list[tuple[int, int]]:
    """Columns and rows of each pass; a pass without columns has no rows either."""
    if not header.interlaced:
        return [(header.width, header.height)]
    sizes = []
    for left, top, across, down in _PASSES:
        columns = max(0, -(-(header.width - left) // across))
        rows = max(0, -(-(header.height - top) // down))
        sizes.append((columns, rows) if columns and rows else (0, 0))
    return sizes


def _head(width: int, height: int, depth: int, colour_type: int) -> bytes:
    """The begin of a file that is not interlaced."""
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", ihdr)


def _chunk(kind: bytes, body: bytes | bytearray) -> bytes:
    checksum = imagecodecs.deflate_crc32(body, imagecodecs.deflate_crc32(kind))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def _look_up(index: NDArray[np.uint8], header: PngHeader) -> Bytes:
    entries = len(header.palette) // 3
    if index.size and index.max() >= entries:
        raise ImageError("corrupt", f"it uses colour {index.max()} of a palette of {entries}")
    table = np.full((entries, 4), 255, np.uint8)
    table[:, :3] = np.frombuffer(header.palette, np.uint8).reshape(entries, 3)
    table[: len(header.transparency), 3] = np.frombuffer(header.transparency, np.uint8)
    return table[:, : 4 if header.transparency else 3][index]


def _with_alpha(values: Samples, header: PngHeader, opaque: int) -> Samples:
    """Append alpha 0 where all samples equal the tRNS colour (its lowest bits count), else opaque."""
    if not header.transparency:
        return values
    clear = np.frombuffer(header.transparency, ">u2") & ((1 << header.depth) - 1)
    alpha = np.where((values == clear).all(axis=2, keepdims=True), 0, opaque).astype(values.dtype)
    return np.concatenate([values, alpha], axis=2)
