"""TIFF and BigTIFF: directories walked and checked here, decoding by libtiff (imagecodecs).

A file may say almost anything of its samples. Accepted is what has one meaning as 8-bit or 16-bit
gray, gray + alpha, RGB or RGBA; everything else is refused by name, nothing is guessed:

- gray of 1, 2, 4, 8 or 16 bits; fewer than 8 are scaled to 0..255, "white is zero" is inverted;
- palettes of 1, 2, 4 or 8 bits: the high byte of each 16-bit entry; a colour map without any entry
  above 255 was written by one of the programs that store 8-bit entries, and is taken as that;
- RGB of 8 or 16 bits, in one plane or three; YCbCr only as JPEG, where it has one decoding;
- one extra sample, if the file calls it unassociated alpha.

A thumbnail beside the picture, or below it in a SubIFD, is not a page. All directories, values, strips
and tiles have to lie inside the file. Strips that are compressed reveal damage only in decoding.

Source: TIFF 6.0 (1992); Adobe Photoshop TIFF technical notes (2002); BigTIFF as in libtiff.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, jpeg, metadata

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_NEW_SUBFILE, _SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_DESCRIPTION, _STRIP_OFFSETS, _ORIENTATION, _CHANNELS, _STRIP_ROWS, _STRIP_BYTES = (
    270,
    273,
    274,
    277,
    278,
    279,
)
_ACROSS, _DOWN, _PLANAR, _UNIT, _PREDICTOR, _COLOUR_MAP = 282, 283, 284, 296, 317, 320
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES, _SUBIFDS = 322, 323, 324, 325, 330
_EXTRA, _SAMPLE_FORMAT, _DEPTH, _PROFILE = 338, 339, 32997, 34675

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _YCBCR = 0, 1, 2, 3, 4, 6
_PHOTOMETRICS = {5: "CMYK", 8: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab", 32803: "raw sensor (CFA)"}
_PHOTOMETRICS |= {_MASK: "transparency mask", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw"}

_JPEG = 7
_FAX = (2, 3, 4)
# none, LZW, deflate, PackBits, deflate (old number), LZMA, Zstandard, WebP
_COMPRESSIONS = (1, *_FAX, 5, _JPEG, 8, 32773, 32946, 34925, 50000, 50001)

_KIND_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_RATIONAL = 5
# A tile is decoded whole, even where the picture is smaller: this much is allowed at least.
_TILE_PIXELS = 1 << 24


class _Entry(NamedTuple):
    """Type, number of values, and where they stand in the file."""

    kind: int
    values: int
    at: int


@dataclass(frozen=True)
class TiffHeader(Header):
    """A `Header` with what is needed to decode.

    Attributes
    ----------
    page : int
        Number of the directory that holds the picture, from 0.
    channels : int
        Samples per pixel as stored: 1 for a palette.
    planar : bool
        Each sample in a plane of its own.
    inverted : bool
        White is zero.
    palette : bytes
        RGB triples, empty without one.
    """

    page: int = 0
    channels: int = 1
    planar: bool = False
    inverted: bool = False
    palette: bytes = b""


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> TiffHeader:
    """Walk all directories; check the one of the picture and where its strips or tiles lie.

    Metadata: orientation, ICC profile, and resolution where the file gives one (in inches unless it
    says centimetres; without a unit only the ratio counts). A TIFF has no end: trailing is always 0.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` (several pages) or ``unsupported``.
    """
    directories = _walk(data)
    if any(directory.is_mask() for directory in directories):
        raise ImageError("unsupported", "it keeps its transparency in a mask of its own")
    pages = [number for number, directory in enumerate(directories) if not directory.is_preview()]
    if len(pages) > 1:
        raise ImageError("animated", f"it holds {len(pages)} pages")
    if not pages and directories[0].has(_SUBIFDS):
        raise ImageError("unsupported", "its picture is kept in a sub-directory, as in raw camera files")
    page = pages[0] if pages else 0
    picture = directories[page]
    if frames := picture.frames():
        raise ImageError("animated", f"it holds {frames} pages")
    check_size(picture.number(_WIDTH), picture.number(_HEIGHT), max_pixels)
    header = _read_picture(picture, page)
    _check_data(picture, header)
    return header


def decode(data: bytes, header: TiffHeader) -> Samples:
    """Samples of a file that `inspect` accepted.

    Returns
    -------
    uint8 or uint16 (height, width, channels)
        1 gray, 2 gray + alpha, 3 RGB, 4 RGBA; uint16 for 16 bits.

    Raises
    ------
    ImageError
        ``corrupt`` when libtiff refuses the pixel data.
    """
    shape: tuple[int, ...] = (header.height, header.width)
    if header.channels > 1:
        shape = (header.channels, *shape) if header.planar else (*shape, header.channels)
    try:
        stored = imagecodecs.tiff_decode(data, index=header.page)
    except (imagecodecs.TiffError, ValueError, IndexError):
        raise ImageError("corrupt", "its pixel data are damaged") from None
    kind = {1: np.bool_, 16: np.uint16}.get(header.depth, np.uint8)
    if stored.shape != shape or stored.dtype != kind:
        raise ImageError("corrupt", "its pixel data have another size than its header says")
    if header.palette:
        table = np.frombuffer(header.palette, np.uint8).reshape(-1, 3)
        return np.asarray(table[stored.astype(np.uint8, copy=False)])
    if header.depth < 8:
        stored = stored.astype(np.uint8) * np.uint8(255 // ((1 << header.depth) - 1))
    if header.channels == 1:
        stored = stored[:, :, None]
    elif header.planar:
        stored = np.ascontiguousarray(np.moveaxis(stored, 0, 2))
    if header.inverted:
        stored[:, :, 0] = ~stored[:, :, 0]
    samples: Samples = stored
    return samples


class _Directory:
    """The entries of one image file directory, with the file they point into."""

    def __init__(self, data: bytes, order: Literal["<", ">"], entries: dict[int, _Entry]) -> None:
        self._data = data
        self._order = order
        self._entries = entries

    def has(self, tag: int) -> bool:
        return tag in self._entries

    def array(self, tag: int) -> NDArray[np.unsignedinteger]:
        """All values of a tag that holds unsigned integers."""
        entry = self._entries.get(tag)
        if entry is None or entry.kind not in _UNSIGNED or not entry.values:
            raise ImageError("corrupt", f"its directory lacks tag {tag}, or it is not a number")
        kind = np.dtype(_UNSIGNED[entry.kind]).newbyteorder(self._order)
        return np.frombuffer(self._data, kind, entry.values, entry.at)

    def number(self, tag: int, default: int | None = None) -> int:
        """The first value of a tag; without a default the tag has to be there."""
        if default is not None and tag not in self._entries:
            return default
        return int(self.array(tag)[0])

    @property
    def size(self) -> int:
        """Length of the file."""
        return len(self._data)

    def part(self, at: int, length: int) -> bytes:
        return self._data[at : at + length]

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag, empty where it is absent."""
        entry = self._entries.get(tag)
        return self._data[entry.at : entry.at + entry.values * _KIND_SIZES[entry.kind]] if entry else b""

    def ratio(self, tag: int) -> Fraction:
        """A rational number; 0 where it is absent or undefined."""
        entry = self._entries.get(tag)
        if entry is None or entry.kind != _RATIONAL or entry.values != 1:
            return Fraction(0)
        above, below = struct.unpack_from(self._order + "II", self._data, entry.at)
        return Fraction(above, below) if below else Fraction(0)

    def is_preview(self) -> bool:
        return bool(self.number(_NEW_SUBFILE, 0) & 1) or self.number(_SUBFILE, 1) == 2

    def is_mask(self) -> bool:
        return bool(self.number(_NEW_SUBFILE, 0) & 4)

    def frames(self) -> int:
        """Number of frames behind this one directory, in the two dialects that do so; 0 for one."""
        frames = self.number(_DEPTH, 1)
        description = self.raw(_DESCRIPTION)
        if description.startswith(b"ImageJ="):
            for line in description.split(b"\n"):
                name, _, value = line.partition(b"=")
                if name == b"images" and value.strip().isdigit():
                    frames = max(frames, int(value[:9]))
        return frames if frames > 1 else 0


def _walk(data: bytes) -> list[_Directory]:
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    if len(data) < (16 if big else 8):
        raise ImageError("truncated", f"it ends after {len(data)} bytes, inside its header")
    if big and struct.unpack_from(order + "HH", data, 4) != (8, 0):
        raise ImageError("corrupt", "its BigTIFF header is invalid")
    count_format, entry_format, word = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    entry_size, head, inline = (20, 12, 8) if big else (12, 8, 4)
    directories: list[_Directory] = []
    seen: set[int] = set()
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    while at or not directories:
        if at in seen or at < 8:
            raise ImageError("corrupt", "its directories do not follow each other")
        seen.add(at)
        start = at + struct.calcsize(count_format)
        count = struct.unpack_from(order + count_format, data, at)[0] if start <= len(data) else 0
        end = start + entry_size * count
        if len(data) < max(start, end + inline):
            raise ImageError("truncated", "it ends before or inside one of its directories")
        entries: dict[int, _Entry] = {}
        for position in range(start, end, entry_size):
            tag, kind, values = struct.unpack_from(order + entry_format, data, position)
            size = values * _KIND_SIZES.get(kind, 0)
            value_at = position + head
            if size > inline:
                (value_at,) = struct.unpack_from(order + word, data, value_at)
                if len(data) < value_at + size:
                    raise ImageError("truncated", f"the values of its tag {tag} lie beyond its end")
            if tag in entries:
                raise ImageError("corrupt", f"its directory has tag {tag} twice")
            if kind in _KIND_SIZES:
                entries[tag] = _Entry(kind, values, value_at)
        if not entries:
            raise ImageError("corrupt", "one of its directories is empty")
        directories.append(_Directory(data, order, entries))
        (at,) = struct.unpack_from(order + word, data, end)
    return directories


def _read_picture(picture: _Directory, page: int) -> TiffHeader:
    width, height = picture.number(_WIDTH), picture.number(_HEIGHT)
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise ImageError("corrupt", f"its header gives an impossible size, {width} x {height} px")
    channels = picture.number(_CHANNELS, 1)
    bits = set(picture.array(_BITS).tolist()) if picture.has(_BITS) else {1}
    kinds = set(picture.array(_SAMPLE_FORMAT).tolist()) if picture.has(_SAMPLE_FORMAT) else {1}
    photometric, compression = picture.number(_PHOTOMETRIC), picture.number(_COMPRESSION, 1)
    if kinds != {1}:
        raise ImageError("unsupported", "its samples are not whole numbers from 0 upwards (float or signed)")
    if len(bits) != 1:
        raise ImageError("unsupported", "its channels have different depths")
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR):
        name = _PHOTOMETRICS.get(photometric, f"photometric {photometric}")
        raise ImageError("unsupported", f"it is a {name} TIFF; gray, palette and RGB can be compared")
    if compression not in _COMPRESSIONS:
        raise ImageError("unsupported", f"it is a TIFF with compression {compression}")
    depth = bits.pop()
    _check_kind(depth, photometric, compression, picture.number(_PREDICTOR, 1))
    colours = 3 if photometric in (_RGB, _YCBCR) else 1
    extra = picture.array(_EXTRA).tolist() if picture.has(_EXTRA) else []
    if channels < colours or len(extra) > channels - colours:
        raise ImageError("corrupt", f"it has {channels} samples per pixel, too few for its kind")
    _check_extra(channels - colours, extra, photometric)
    planar = channels > 1 and picture.number(_PLANAR, 1) == 2
    if photometric == _YCBCR and planar:
        raise ImageError("unsupported", "it is a YCbCr TIFF in three planes")
    turned = picture.number(_ORIENTATION, 1)
    profile = picture.raw(_PROFILE)
    return TiffHeader(
        format="TIFF",
        width=width,
        height=height,
        depth=depth,
        metadata=metadata.collect(
            orientation=turned if 2 <= turned <= 8 else None,
            profile=metadata.profile(profile) if profile else None,
            density=_read_density(picture),
        ),
        page=page,
        channels=channels,
        planar=planar,
        inverted=photometric == _WHITE_IS_ZERO,
        palette=_read_palette(picture, depth) if photometric == _PALETTE else b"",
    )


def _check_kind(depth: int, photometric: int, compression: int, predictor: int) -> None:
    depths = {_RGB: (8, 16), _YCBCR: (8,), _PALETTE: (1, 2, 4, 8)}.get(photometric, (1, 2, 4, 8, 16))
    if depth not in depths or (compression == _JPEG and depth != 8):
        raise ImageError("unsupported", f"it is a TIFF of {depth} bits per sample for its kind")
    if photometric == _YCBCR and compression != _JPEG:
        raise ImageError("unsupported", "it is a YCbCr TIFF that is not JPEG-compressed")
    if photometric == _PALETTE and compression == _JPEG:
        raise ImageError("corrupt", "its palette is JPEG-compressed, which does not exist")
    if compression in _FAX and depth != 1:
        raise ImageError("corrupt", "its fax compression is for 1 bit per sample")
    if predictor not in (1, 2) or (predictor == 2 and depth < 8):
        raise ImageError("unsupported", f"it is a TIFF with predictor {predictor}")


def _check_extra(count: int, kinds: list[int], photometric: int) -> None:
    if not count:
        return
    if count > 1 or photometric in (_PALETTE, _YCBCR):
        raise ImageError("unsupported", f"it has {count} samples per pixel besides its colours")
    if kinds == [1]:
        raise ImageError("unsupported", "its colours are premultiplied with its alpha (associated alpha)")
    if kinds != [2]:
        raise ImageError("unsupported", "it has one more sample per pixel and does not say that it is alpha")


def _check_data(picture: _Directory, header: TiffHeader) -> None:
    """Strips or tiles: as many as the size needs, inside the file, long enough if uncompressed."""
    tiled = picture.has(_TILE_OFFSETS)
    offsets = picture.array(_TILE_OFFSETS if tiled else _STRIP_OFFSETS)
    lengths = picture.array(_TILE_BYTES if tiled else _STRIP_BYTES)
    width, rows = header.width, min(picture.number(_STRIP_ROWS, header.height), header.height)
    across = 1
    if tiled:
        width, rows = picture.number(_TILE_WIDTH), picture.number(_TILE_HEIGHT)
        if width * rows > max(_TILE_PIXELS, header.width * header.height):
            raise ImageError("unsupported", f"its tiles are far larger than the picture: {width} x {rows} px")
        across = -(-header.width // width) if width else 0
    if not width or not rows:
        raise ImageError("corrupt", "its strips or tiles have no size")
    down = -(-header.height // rows)
    planes = header.channels if header.planar else 1
    parts = across * down * planes
    if len(offsets) != parts or len(lengths) != parts:
        counts = f"{len(offsets)} offsets and {len(lengths)} lengths for {parts} strips or tiles"
        raise ImageError("corrupt", f"its directory has {counts}")
    ends = offsets.astype(np.float64) + lengths  # whole below 2**53, and no overflow above
    if not lengths.all() or ends.max() > picture.size:
        raise ImageError("truncated", "some of its pixel data are missing or lie beyond its end")
    distinct = set(zip(offsets.tolist(), lengths.tolist(), strict=True))
    if sum(length for _, length in distinct) > picture.size:
        raise ImageError("corrupt", "its strips or tiles overlap")
    compression = picture.number(_COMPRESSION, 1)
    if compression == 1:
        bits = header.depth * (1 if header.planar else header.channels)
        needed = np.full((planes, down, across), -(-width * bits // 8) * rows)
        if not tiled:
            needed[:, -1] = -(-width * bits // 8) * (header.height - rows * (down - 1))
        if (lengths < needed.ravel()).any():
            raise ImageError("truncated", "some of its pixel data are shorter than its size needs")
    elif compression == _JPEG:
        for offset, length in sorted(distinct):
            jpeg.inspect(picture.part(offset, length))


def _read_palette(picture: _Directory, depth: int) -> bytes:
    entries = picture.array(_COLOUR_MAP)
    if len(entries) != 3 << depth or entries.dtype.itemsize != 2:
        raise ImageError("corrupt", "its colour map has a wrong length")
    narrow = entries if entries.max() < 256 else entries >> 8
    return narrow.astype(np.uint8).reshape(3, -1).T.tobytes()


def _read_density(picture: _Directory) -> str | None:
    across, down = picture.ratio(_ACROSS), picture.ratio(_DOWN)
    unit = picture.number(_UNIT, 2)
    if unit == 3:
        return metadata.density(100 * across, 100 * down, metadata.METRE)
    return metadata.density(across, down, metadata.INCH if unit == 2 else None)
