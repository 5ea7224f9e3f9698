"""The strips and tiles of a TIFF: where they are, and how each is decoded.

tifffile decodes them (through imagecodecs), except JPEG, which is decoded like JPEG files: the decoder's
warnings count as damage, and the directory determines the colours. tifffile accepts some segments that end
too early by guessing their shape; here a segment has to yield all of its pixels. Whatever else it yields is
ignored, as all programs do.

Source: TIFF 6.0 (1992); Adobe Photoshop TIFF technical notes (2002), for JPEG and deflate.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import Header, jpeg, tiff_codecs, webp
from mymodules.formats.tiff_codecs import DEFLATE, FAX, JPEG, LZMA, NONE, PREDICTED, WEBP
from mymodules.formats.tiff_directories import Directory, silence

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP_OFFSETS, _STRIP_ROWS, _STRIP_BYTES, _TABLES = 273, 278, 279, 347
_T4_OPTIONS, _T6_OPTIONS = 292, 293
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325

# Tiles are decoded whole, even if the picture is smaller; this many bytes are always allowed.
_TILE_ALLOWED = 1 << 25
_TILES_ALLOWED = 1 << 28
# The number of segments smaller than _SMALL bytes is limited. Each costs 10 to 50 microseconds here, and
# almost nothing in a library that decodes all of them in one call. Larger ones take about as long there,
# and so do uncompressed ones.
_SMALL = 4096
_MOST_SMALL = {NONE: 1 << 62, **dict.fromkeys((*DEFLATE, LZMA), 50_000), JPEG: 15_000, WEBP: 15_000}
_MOST_SMALL_OTHERS = 25_000
# The tables of a JPEG have at most about 3 kB.
_MOST_TABLES = 1 << 14
_NO_PIXELS = {*range(0xE0, 0xF0), 0xFE}  # segments of applications, and comments
# Raised by tifffile and imagecodecs for data that they cannot decode.
_DECODER_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, OverflowError)


@dataclass(frozen=True)
class Shape:
    """What the directory says about the picture that matters for its segments.

    Attributes
    ----------
    width, height : int
    depth : int
        Bits per sample.
    channels : int
        Samples per pixel as stored.
    planar : bool
        Whether each sample has its own plane.
    compression : int
        The value of the TIFF tag.
    mirrored : bool
        Whether the lowest bit of each byte comes first (FillOrder 2).
    """

    width: int
    height: int
    depth: int
    channels: int
    planar: bool
    compression: int
    mirrored: bool

    @property
    def samples(self) -> int:
        """Samples per pixel in one segment."""
        return 1 if self.planar else self.channels

    def row_bytes(self, width: int) -> int:
        """Return the bytes of a decoded row of ``width`` pixels."""
        return -(-width * self.depth * self.samples // 8)


class Box(NamedTuple):
    """Where the pixels of one segment go.

    Attributes
    ----------
    plane, top, left : int
    rows, columns : int
        The part of it inside the picture.
    stored : int
        Rows that it has to yield.
    last : bool
        Whether there is none below it.
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
    """Strips or tiles, plane after plane and row after row.

    Attributes
    ----------
    width, rows : int
        Size of one, px; the last strip of a plane may be shorter.
    across, down : int
        How many there are side by side, and one below the other.
    offsets, lengths : int64 (planes x down x across)
        Positions of the bytes, all inside the file.
    warnings : tuple of str
        Oddities of these numbers, though all bytes are present.
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
        """Return the place of a segment."""
        plane, rest = divmod(index, self.across * self.down)
        y, x = divmod(rest, self.across)
        top, left = y * self.rows, x * self.width
        rows, columns = min(self.rows, shape.height - top), min(self.width, shape.width - left)
        return Box(plane, top, left, rows, columns, self.rows if self.tiled else rows, y == self.down - 1)

    def row_counts(self, shape: Shape) -> NDArray[np.int64]:
        """Return the number of rows that each segment has to yield."""
        rows = np.full((len(self.offsets) // (self.down * self.across), self.down, self.across), self.rows)
        if not self.tiled:
            rows[:, -1] = shape.height - self.rows * (self.down - 1)
        counts: NDArray[np.int64] = rows.ravel()
        return counts


def locate(directory: Directory, shape: Shape) -> Segments:
    """Find the strips or tiles, and check that there are enough, inside the file and not too short.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt`` or ``too_costly``.
    """
    tiled = directory.has(_TILE_WIDTH) or directory.has(_TILE_OFFSETS)
    width, rows = shape.width, min(directory.number(_STRIP_ROWS, shape.height), shape.height)
    if tiled:
        width, rows = directory.number(_TILE_WIDTH), directory.number(_TILE_HEIGHT)
    elif directory.has(_TILE_HEIGHT):
        raise ImageError(
            "corrupt", "it says how high its tiles are but not how wide; programs disagree on that"
        )
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
    stated = directory.numbers_or_none(lengths_tag)
    lengths = np.zeros_like(offsets) if stated is None else stated
    if len(offsets) < parts or len(lengths) < parts:
        counts = f"{len(offsets)} offsets and {len(lengths)} lengths for {parts} strips or tiles"
        raise ImageError("corrupt", f"its directory has {counts}")
    if len(offsets) > parts or len(lengths) > parts:
        warnings += ("lists more strips or tiles than its size needs",)
        offsets, lengths = offsets[:parts], lengths[:parts]
    _check_cost(shape, width, rows, parts, tiled)
    whole = Segments(tiled, width, rows, across, down, offsets, lengths, warnings)
    return _in_file(directory, shape, whole, stated is not None)


def check_pictures(
    data: bytes, directory: Directory, shape: Shape, segments: Segments, *, ycbcr: bool
) -> tuple[str, ...]:
    """Walk segments that are files themselves (JPEG, WebP) up to their ends; return their oddities."""
    if shape.compression not in (JPEG, WEBP):
        return ()
    tables = _tables(directory)
    warnings: dict[str, None] = {}
    checked: set[tuple[int, ...]] = set()
    places = zip(segments.offsets.tolist(), segments.lengths.tolist(), strict=True)
    for index, (offset, length) in enumerate(places):
        box = segments.box(index, shape)
        if (offset, length, *box[2:]) not in checked:
            checked.add((offset, length, *box[2:]))
            part = data[offset : offset + length]
            if shape.compression == JPEG:
                stream = _stream(tables, part, ycbcr=ycbcr)
                header: Header = _jpeg_header(stream, shape, segments, box)
                if shape.samples > 1 and not ycbcr and _is_subsampled(stream):
                    raise ImageError(
                        "unsupported", "it says RGB, its JPEG data do not; programs disagree on that"
                    )
            else:
                header = _webp_header(part, segments, box)
            warnings.update(dict.fromkeys(header.warnings))
    return tuple(warnings)


def decode(data: bytes, directory: Directory, shape: Shape, segments: Segments, *, ycbcr: bool) -> Samples:
    """Decode samples as stored: (height, width, channels), uint8 or uint16; fewer bits are not scaled.

    Raises
    ------
    ImageError
        ``truncated`` or ``corrupt``.
    """
    page = directory.page
    _check_reading(page, shape, segments)
    _take_bytes(page, shape)
    tables = _tables(directory) if shape.compression == JPEG else b""
    view = memoryview(data)
    alone = len(segments.offsets) == 1 and not segments.tiled
    size = (0, 0, 0) if alone else (shape.height, shape.width, shape.channels)
    out: Samples = np.empty(size, np.uint16) if shape.depth == 16 else np.empty(size, np.uint8)
    places = zip(segments.offsets.tolist(), segments.lengths.tolist(), strict=True)
    with silence():
        for index, (offset, length) in enumerate(places):
            part = view[offset : offset + length]
            box = segments.box(index, shape)
            if shape.compression == JPEG:
                stream = _stream(tables, bytes(part), ycbcr=ycbcr)
                block: Samples = jpeg.decode(stream, _jpeg_header(stream, shape, segments, box))
            else:
                block = _decoded(page, part, index, shape, segments, box)
            if alone:
                whole: Samples = np.require(block[: box.rows], out.dtype, ["C", "W"])
                return whole
            channels = slice(box.plane, box.plane + 1) if shape.planar else slice(None)
            target = out[box.top : box.top + box.rows, box.left : box.left + segments.width, channels]
            target[:] = block[: target.shape[0], : target.shape[1]]
    return out


def _tables(directory: Directory) -> bytes:
    """Return the segments of JPEG tables that all strips or tiles share."""
    tables = b"".join(_kept(directory.raw(_TABLES), end=True))
    if len(tables) > _MOST_TABLES:
        raise ImageError("too_costly", f"its JPEG tables have {len(tables)} bytes")
    return tables


def _check_reading(page: tifffile.TiffPage, shape: Shape, found: Segments) -> None:
    """Check that tifffile reads the same from the directory; it takes some for dialects of microscopes."""
    planes = shape.channels if shape.planar else 1
    same = page.shaped == (planes, 1, shape.height, shape.width, shape.samples)
    same &= (page.bitspersample, page.compression) == (shape.depth, shape.compression)
    if found.tiled:
        same &= (page.tilewidth, page.tilelength, page.tiledepth) == (found.width, found.rows, 1)
    else:
        same &= page.rowsperstrip == found.rows and not page.is_tiled
    if not same:
        raise ImageError("unsupported", "programs differ in how they read its directory")


def _check_cost(shape: Shape, width: int, rows: int, parts: int, tiled: bool) -> None:
    """Refuse tiles far larger than the picture, as they are decoded whole, and too many small segments."""
    segment, picture = shape.row_bytes(width) * rows, shape.row_bytes(shape.width) * shape.height
    if tiled and (
        segment > max(_TILE_ALLOWED, picture) or segment * parts > max(_TILES_ALLOWED, 4 * picture)
    ):
        raise ImageError("too_costly", f"its tiles are far larger than the picture: {width} x {rows} px")
    if segment < _SMALL and parts > _MOST_SMALL.get(shape.compression, _MOST_SMALL_OTHERS):
        raise ImageError("too_costly", f"it is cut into {parts} strips or tiles of {width} x {rows} px")


def _in_file(directory: Directory, shape: Shape, found: Segments, stated: bool) -> Segments:
    """Check where the bytes are; correct lengths that are absent, 0 or too large where that is safe."""
    offsets, lengths = found.offsets, found.lengths.copy()
    warnings = found.warnings
    room = directory.size - offsets
    if (offsets < 8).any() or (room <= 0).any():
        raise ImageError("truncated", "some of its pixel data are missing or lie beyond its end")
    if shape.compression == NONE:
        needed = found.row_counts(shape) * shape.row_bytes(found.width)
        wrong = (lengths == 0) | (lengths > room)
        if len(lengths) == 1 and not found.tiled:
            wrong |= (lengths < needed) & (needed <= room)  # as all programs do with one strip
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
        fault = "gives a wrong length for" if stated else "does not give the length of"
        warnings += (f"{fault} its pixel data, which are all there",)
    _check_overlap(offsets, lengths, directory.size)
    return replace(found, lengths=lengths, warnings=warnings)


def _check_overlap(offsets: NDArray[np.int64], lengths: NDArray[np.int64], size: int) -> None:
    """Refuse segments that overlap, except equal ones that are stored once."""
    most = 4 * size + 4096
    if lengths.sum(dtype=np.float64) > most:
        distinct = set(zip(offsets.tolist(), lengths.tolist(), strict=True))
        if sum(length for _, length in distinct) > most:
            raise ImageError("too_costly", "its strips or tiles overlap")


def _decoded(
    page: tifffile.TiffPage, part: memoryview, index: int, shape: Shape, found: Segments, box: Box
) -> Samples:
    """Decode one segment by tifffile, after expanding its bytes unless it is a fax or WebP."""
    compression = shape.compression
    data = bytes(part)
    try:
        if compression not in (*FAX, WEBP):
            if shape.mirrored:
                data = bytes(imagecodecs.bitorder_decode(data))
            data = tiff_codecs.expand(data, shape.row_bytes(found.width), box.stored, compression)
        block = page.decode(data, index)[0]
        if block is not None and compression in FAX:
            options = page.tags.valueof(_T4_OPTIONS if compression == FAX[1] else _T6_OPTIONS, 0)
            tiff_codecs.check_fax(data, block[0, :, :, 0], compression, 1 + shape.mirrored, int(options))
    except tifffile.TiffFileError:
        block = None
    except _DECODER_ERRORS:
        raise ImageError("corrupt", "its pixel data are damaged") from None
    if block is None or block.shape != (1, box.stored, found.width, shape.samples):
        raise ImageError("truncated", "its pixel data end too early")
    whole: Samples = block[0]
    return whole


def _take_bytes(page: tifffile.TiffPage, shape: Shape) -> None:
    """Make tifffile decode bytes that are already expanded, and ignore a predictor that cannot exist."""
    if shape.compression not in PREDICTED:
        page.predictor = 1
    if shape.compression not in (*FAX, WEBP):
        page.compression, page.fillorder = NONE, 1


def _stream(tables: bytes, part: bytes, *, ycbcr: bool) -> bytes:
    """Make a JPEG file of a segment, with the shared tables and the colours that the directory says.

    An Adobe marker tells the decoder what the three components are; a JFIF marker would override it.
    """
    if part[:2] != b"\xff\xd8":
        raise ImageError("corrupt", "its pixel data are not a JPEG, though its directory says so")
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([ycbcr])
    return b"".join((b"\xff\xd8", adobe, tables, *_kept(part, end=False)))


def _kept(data: bytes, *, end: bool) -> Iterator[bytes]:
    """Yield the segments of a JPEG except those of applications and comments.

    With ``end``, stop there; else yield the coded data too.
    """
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


def _is_subsampled(stream: bytes) -> bool:
    """Whether the components of a JPEG have different sampling factors."""
    frames = (part for part in _kept(stream, end=True) if part[1] in (0xC0, 0xC1, 0xC2))
    return any(len(set(part[11::3])) > 1 for part in frames)


def _jpeg_header(stream: bytes, shape: Shape, found: Segments, box: Box) -> jpeg.JpegHeader:
    header = jpeg.inspect(stream)
    if header.components != shape.samples:
        raise ImageError("corrupt", "its JPEG data and its directory disagree on the number of channels")
    _check_fit(header.width, header.height, found, box)
    return header


def _webp_header(part: bytes, found: Segments, box: Box) -> Header:
    if part[:4] != b"RIFF" or part[8:12] != b"WEBP":
        raise ImageError("corrupt", "its pixel data are not a WebP, though its directory says so")
    header: Header = webp.inspect(part)
    if (header.width, header.height) != (found.width, box.stored):
        raise ImageError("corrupt", "its pixel data do not have the size that its directory says")
    return header


def _check_fit(width: int, height: int, found: Segments, box: Box) -> None:
    """Check the size of a segment.

    A tile may be cut off at the edge of the picture; the last strip may be as high as the others or as its
    whole blocks.
    """
    fits = width == found.width and height == box.stored
    if found.tiled:
        fits |= width in (found.width, box.columns) and height in (found.rows, box.rows)
    elif box.last and width == found.width:
        fits |= box.rows < height <= max(found.rows, box.rows + 15)
    if not fits:
        raise ImageError("corrupt", "its pixel data do not have the size that its directory says")
