"""The strips and tiles of a TIFF: where they lie, and how each is decoded.

tifffile decodes them (through imagecodecs), but for JPEG, which goes the way of JPEG files: the decoder's
warnings are damage, and the colours are those that the directory says. tifffile takes segments that end
too early where their shape allows a guess; here a segment has to yield all of its pixels. What it
yields beyond that is left, as all programs do.

Source: TIFF 6.0 (1992); Adobe Photoshop TIFF technical notes (2002), for JPEG and deflate.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import jpeg, webp
from mymodules.formats.tiff_directories import Directory, silence

NONE, LZW, JPEG, PACKBITS, LZMA, ZSTD, WEBP = 1, 5, 7, 32773, 34925, 50000, 50001
FAX = (2, 3, 4)
DEFLATE = (8, 32946)
Samples = NDArray[np.uint8] | NDArray[np.uint16]
COMPRESSIONS = (NONE, *FAX, LZW, JPEG, *DEFLATE, PACKBITS, LZMA, ZSTD, WEBP)
PREDICTED = (LZW, *DEFLATE, LZMA, ZSTD)

_STRIP_OFFSETS, _STRIP_ROWS, _STRIP_BYTES, _TABLES = 273, 278, 279, 347
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325

# A tile is decoded whole, even where the picture is smaller: this many bytes are allowed at least.
_TILE_ALLOWED = 1 << 25
_TILES_ALLOWED = 1 << 28
_NO_PIXELS = {*range(0xE0, 0xF0), 0xFE}  # segments of applications, and comments
# What tifffile and imagecodecs raise for data that they cannot decode.
_DECODER_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, OverflowError)


@dataclass(frozen=True)
class Shape:
    """What the directory says of the picture, as far as its segments depend on it.

    Attributes
    ----------
    width, height : int
    depth : int
        Bits per sample.
    channels : int
        Samples per pixel as stored.
    planar : bool
        Each sample in a plane of its own.
    compression : int
        The number of the TIFF tag.
    """

    width: int
    height: int
    depth: int
    channels: int
    planar: bool
    compression: int

    @property
    def samples(self) -> int:
        """Samples per pixel in one segment."""
        return 1 if self.planar else self.channels

    def row_bytes(self, width: int) -> int:
        """Bytes of a decoded row so many pixels wide."""
        return -(-width * self.depth * self.samples // 8)


class Box(NamedTuple):
    """Where the pixels of one segment go.

    Attributes
    ----------
    plane, top, left : int
    rows, columns : int
        What of it lies inside of the picture.
    stored : int
        Rows that it has to yield.
    last : bool
        Whether no other lies below it.
    """

    plane: int
    top: int
    left: int
    rows: int
    columns: int
    stored: int
    last: bool


@dataclass(frozen=True)
class Segments:
    """Strips or tiles: plane after plane, row after row.

    Attributes
    ----------
    width, rows : int
        Pixels of one; the last strip of a plane may be shorter.
    across, down : int
        How many lie side by side, and how many below each other.
    offsets, lengths : int64 (planes x down x across)
        Where the bytes lie, all inside of the file.
    warnings : tuple of str
        What is odd about the numbers though the bytes are all there.
    """

    tiled: bool
    width: int
    rows: int
    across: int
    down: int
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    warnings: tuple[str, ...] = ()

    def box(self, index: int, shape: Shape) -> Box:
        """The place of a segment."""
        plane, rest = divmod(index, self.across * self.down)
        y, x = divmod(rest, self.across)
        top, left = y * self.rows, x * self.width
        rows, columns = min(self.rows, shape.height - top), min(self.width, shape.width - left)
        return Box(plane, top, left, rows, columns, self.rows if self.tiled else rows, y == self.down - 1)

    def row_counts(self, shape: Shape) -> NDArray[np.int64]:
        """The rows that each segment has to yield."""
        rows = np.full((len(self.offsets) // (self.down * self.across), self.down, self.across), self.rows)
        if not self.tiled:
            rows[:, -1] = shape.height - self.rows * (self.down - 1)
        counts: NDArray[np.int64] = rows.ravel()
        return counts


def locate(directory: Directory, shape: Shape) -> Segments:
    """Find strips or tiles: as many as the size needs, inside the file, long enough if uncompressed.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt`` or ``too_costly``.
    """
    tiled = directory.has(_TILE_WIDTH) or directory.has(_TILE_OFFSETS)
    width, rows = shape.width, min(directory.number(_STRIP_ROWS, shape.height), shape.height)
    if tiled:
        width, rows = directory.number(_TILE_WIDTH), directory.number(_TILE_HEIGHT)
    if not width or not rows:
        raise ImageError("corrupt", "its strips or tiles have no size")
    across, down = -(-shape.width // width), -(-shape.height // rows)
    planes = shape.channels if shape.planar else 1
    parts = across * down * planes
    warnings: tuple[str, ...] = ()
    offsets_tag = _TILE_OFFSETS if tiled else _STRIP_OFFSETS
    if tiled and not directory.has(_TILE_OFFSETS):
        offsets_tag = _STRIP_OFFSETS
        warnings += ("lists its tiles under the tags of strips",)
    lengths_tag = _TILE_BYTES if offsets_tag == _TILE_OFFSETS or directory.has(_TILE_BYTES) else _STRIP_BYTES
    offsets = directory.numbers(offsets_tag)
    has_lengths = directory.has(lengths_tag)
    lengths = directory.numbers(lengths_tag) if has_lengths else np.zeros(parts, np.int64)
    if len(offsets) < parts or len(lengths) < parts:
        counts = f"{len(offsets)} offsets and {len(lengths)} lengths for {parts} strips or tiles"
        raise ImageError("corrupt", f"its directory has {counts}")
    if len(offsets) > parts or len(lengths) > parts:
        warnings += ("lists more strips or tiles than its size needs",)
        offsets, lengths = offsets[:parts], lengths[:parts]
    if tiled:
        _check_cost(shape, width, rows, parts)
    whole = Segments(tiled, width, rows, across, down, offsets, lengths, warnings)
    return _in_file(directory, shape, whole, has_lengths)


def check_pictures(data: bytes, directory: Directory, shape: Shape, segments: Segments) -> None:
    """Walk segments that are small files themselves, JPEG and WebP, up to their ends."""
    if shape.compression not in (JPEG, WEBP):
        return
    tables = directory.raw(_TABLES)
    checked: set[tuple[int, ...]] = set()
    places = zip(segments.offsets.tolist(), segments.lengths.tolist(), strict=True)
    for index, (offset, length) in enumerate(places):
        box = segments.box(index, shape)
        if (offset, length, *box[2:]) not in checked:
            checked.add((offset, length, *box[2:]))
            part = data[offset : offset + length]
            if shape.compression == JPEG:
                _jpeg_header(_stream(tables, part, ycbcr=False), shape, segments, box)
            else:
                _check_webp(part, segments, box)


def decode(data: bytes, directory: Directory, shape: Shape, segments: Segments, *, ycbcr: bool) -> Samples:
    """Samples as stored: (height, width, channels), uint8 or uint16; numbers of fewer bits are not scaled.

    Raises
    ------
    ImageError
        ``truncated`` or ``corrupt``.
    """
    out = np.empty((shape.height, shape.width, shape.channels), np.uint16 if shape.depth == 16 else np.uint8)
    page = directory.page
    _check_reading(page, shape, segments)
    if shape.compression not in PREDICTED:
        page.predictor = 1  # the others know none; tifffile alone would undo it
    tables = directory.raw(_TABLES)
    view = memoryview(data)
    places = zip(segments.offsets.tolist(), segments.lengths.tolist(), strict=True)
    with silence():
        for index, (offset, length) in enumerate(places):
            part = view[offset : offset + length]
            box = segments.box(index, shape)
            if shape.compression == JPEG:
                stream = _stream(tables, bytes(part), ycbcr=ycbcr)
                block: NDArray[Any] = jpeg.decode(stream, _jpeg_header(stream, shape, segments, box))
            else:
                block = _decoded(page, part, index, shape, segments, box)
            channels = slice(box.plane, box.plane + 1) if shape.planar else slice(None)
            target = out[box.top : box.top + box.rows, box.left : box.left + segments.width, channels]
            target[:] = block[: target.shape[0], : target.shape[1]]
    return out


def _check_reading(page: tifffile.TiffPage, shape: Shape, found: Segments) -> None:
    """tifffile takes some directories for dialects of microscopes: it has to see what was seen here."""
    planes = shape.channels if shape.planar else 1
    same = page.shaped == (planes, 1, shape.height, shape.width, shape.samples)
    same &= (page.bitspersample, page.compression) == (shape.depth, shape.compression)
    if found.tiled:
        same &= (page.tilewidth, page.tilelength, page.tiledepth) == (found.width, found.rows, 1)
    else:
        same &= page.rowsperstrip == found.rows and not page.is_tiled
    if not same:
        raise ImageError("unsupported", "programs differ in how they read its directory")


def _check_cost(shape: Shape, width: int, rows: int, parts: int) -> None:
    """Tiles are decoded whole, however small the picture is."""
    picture = shape.row_bytes(shape.width) * shape.height
    tile = shape.row_bytes(width) * rows
    if tile > max(_TILE_ALLOWED, picture) or tile * parts > max(_TILES_ALLOWED, 4 * picture):
        raise ImageError("too_costly", f"its tiles are far larger than the picture: {width} x {rows} px")


def _in_file(directory: Directory, shape: Shape, found: Segments, stated: bool) -> Segments:
    """Check where the bytes lie; lengths that are absent, 0 or too large are put right where that is safe."""
    offsets, lengths = found.offsets, found.lengths.copy()
    warnings = found.warnings
    room = directory.size - offsets
    if (offsets < 8).any() or (room <= 0).any():
        raise ImageError("truncated", "some of its pixel data are missing or lie beyond its end")
    if shape.compression == NONE:
        needed = found.row_counts(shape) * shape.row_bytes(found.width)
        wrong = (lengths == 0) | (lengths > room)
        lengths = np.where(wrong | (lengths > needed), needed, lengths)
        if (lengths < needed).any():
            raise ImageError("truncated", "some of its pixel data are shorter than its size needs")
    else:
        wrong = lengths == 0
        places = np.unique(np.append(offsets, [directory.at, directory.size]))
        following = places[np.minimum(np.searchsorted(places, offsets, "right"), len(places) - 1)]
        lengths = np.where(wrong, following - offsets, lengths)
    if (lengths > room).any():
        raise ImageError("truncated", "some of its pixel data are missing or lie beyond its end")
    if wrong.any():
        told = (
            "gives a wrong length for its pixel data"
            if stated
            else "does not say how long its pixel data are"
        )
        warnings += (f"{told}, which are all there",)
    distinct = np.unique(np.stack([offsets, lengths]), axis=1)
    if distinct[1].sum(dtype=np.float64) > 4 * directory.size + 4096:
        raise ImageError("too_costly", "its strips or tiles lie over each other")
    return replace(found, lengths=lengths, warnings=warnings)


def _decoded(
    page: tifffile.TiffPage, part: memoryview, index: int, shape: Shape, found: Segments, box: Box
) -> NDArray[Any]:
    """One segment as tifffile decodes it: (rows, width, samples)."""
    try:
        block = page.decode(part, index)[0]
    except _DECODER_ERRORS as error:
        size = shape.row_bytes(found.width) * box.stored
        cut = _without_surplus(part, size, shape.compression, reverse=page.fillorder == 2)
        if cut is None:
            raise _damage(error) from None
        try:
            block = page.decode(cut, index)[0]
        except _DECODER_ERRORS as again:
            raise _damage(again) from None
    if block is None or block.shape != (1, box.stored, found.width, shape.samples):
        raise ImageError("truncated", "its pixel data end too early")
    whole: NDArray[Any] = block[0]
    return whole


def _damage(error: Exception) -> ImageError:
    if isinstance(error, tifffile.TiffFileError):
        return ImageError("truncated", "its pixel data end too early")
    return ImageError("corrupt", "its pixel data are damaged")


def _without_surplus(part: memoryview, size: int, compression: int, *, reverse: bool) -> bytes | None:
    """The segment coded anew, without what it holds after its pixels; None where it does not hold them.

    Programs stop when they have all pixels; the decoders used here want nothing to be left.
    """
    if compression not in (*DEFLATE, PACKBITS, ZSTD):
        return None
    data = imagecodecs.bitorder_decode(bytes(part)) if reverse else bytes(part)
    if compression == PACKBITS:
        # What the end lacks is filled in two ways: pixels that are the same in both do not depend on it.
        first, second = (imagecodecs.packbits_decode(data + 129 * fill)[:size] for fill in (b"\x80", b"\0"))
        if len(first) < size or first != second:
            return None
        coded = imagecodecs.packbits_encode(first)
    elif compression == ZSTD:
        try:
            raw = imagecodecs.zstd_decode(data, out=2 * size + 4096)[:size]
        except RuntimeError:
            return None
        coded = imagecodecs.zstd_encode(raw)
    else:
        inflater = zlib.decompressobj()
        try:
            raw = inflater.decompress(data, size)
            inflater.decompress(inflater.unconsumed_tail, size + 4096)  # the checksum, if it is near
        except zlib.error:
            return None
        coded = zlib.compress(raw, 0)
    return bytes(imagecodecs.bitorder_encode(coded)) if reverse else bytes(coded)


def _stream(tables: bytes, part: bytes, *, ycbcr: bool) -> bytes:
    """A JPEG file of a segment: with the tables, and with the colours that the directory says.

    A marker of Adobe tells a decoder what the three components are; JFIF's would be believed before it.
    """
    if part[:2] != b"\xff\xd8":
        raise ImageError("corrupt", "its pixel data are no JPEG, as its directory says")
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([ycbcr])
    return b"".join((b"\xff\xd8", adobe, *_kept(tables, end=True), *_kept(part, end=False)))


def _kept(data: bytes, *, end: bool) -> Iterator[bytes]:
    """The segments of a JPEG without those of applications and comments; ``end``: without its end marker."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        code = data[at + 1]
        if code in (0xD9, 0xDA):
            break
        if code == 0xFF:
            at += 1
            continue
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if code not in _NO_PIXELS:
            yield data[at:stop]
        at = stop
    if not end:
        yield data[at:]


def _jpeg_header(stream: bytes, shape: Shape, found: Segments, box: Box) -> jpeg.JpegHeader:
    header = jpeg.inspect(stream)
    if header.components != shape.samples:
        raise ImageError("corrupt", "its JPEG data have another number of channels than its directory says")
    _check_fit(header.width, header.height, found, box)
    return header


def _check_webp(part: bytes, found: Segments, box: Box) -> None:
    if part[:4] != b"RIFF" or part[8:12] != b"WEBP":
        raise ImageError("corrupt", "its pixel data are no WebP, as its directory says")
    header = webp.inspect(part)
    if (header.width, header.height) != (found.width, box.stored):
        raise ImageError("corrupt", "its pixel data have another size than its directory says")


def _check_fit(width: int, height: int, found: Segments, box: Box) -> None:
    """A tile may be cut to the picture; the last strip may be as high as the others, or its blocks."""
    fits = width == found.width and height == box.stored
    if found.tiled:
        fits |= width in (found.width, box.columns) and height in (found.rows, box.rows)
    elif box.last and width == found.width:
        fits |= box.rows < height <= max(found.rows, box.rows + 15)
    if not fits:
        raise ImageError("corrupt", "its pixel data have another size than its directory says")
