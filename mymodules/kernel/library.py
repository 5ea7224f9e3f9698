"""The compiled kernel, called through ctypes.

`kernel.c` and `inflate.c` say what they promise. Here their library is found and checked, and arrays are
checked before they are handed over. A call holds no interpreter lock.
"""

import ctypes
import itertools
import os
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.kernel import build

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint32]

READ_BEYOND = 16
"""Bytes that both pictures need after their last row; they are read and mean nothing."""

PIXEL_SIZES = 3, 4
"""Bytes of a pixel whose filters the kernel can undo."""

SMALLEST_SIDE = 7
"""Pictures with a smaller side are not for the kernel: SSIM has no full window there."""

MOST_PIXELS = 1 << 30
"""Larger pictures are not for the kernel: its sums are 63 bits wide."""

SWITCH = "MYMODULES_KERNEL"
"""Environment variable: ``off`` leaves everything to NumPy, which gives the same figures."""

_DONE, _BAD_ARGUMENT, _BAD_FILTER, _NO_MEMORY = range(4)
_BOX = 7  # numbers of 64 bits
_OUT = ctypes.c_void_p
_OF_PIXELS: dict[str, tuple[int, tuple[type, ...]]] = {  # how many areas each takes, and what else
    "digests": (1, (_OUT, _OUT, _OUT)),
    "structure": (1, (_OUT, ctypes.c_int64)),
    "differing": (2, (_OUT, _OUT)),
    "equal_rows": (2, (ctypes.c_int, _OUT)),
    "boxes": (2, (_OUT, _OUT)),
    "going_on": (2, (ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, _OUT)),
    "packed": (1, (ctypes.c_int64, _OUT, ctypes.c_int64, _OUT)),
}


class Figures(NamedTuple):
    """What the kernel finds in a pair of pictures.

    Attributes
    ----------
    differing : int
        Pixels that differ in any channel.
    largest : tuple of int
        Largest difference of each channel, 0..255; of RGB 0 for alpha.
    dissimilarity : int
        Sum of 1 - SSIM over the picture without its border of 3 px, each in units of 2^-32, rounded.
    boxes : int64 (n, 5)
        Left, top, right, bottom, px, right and bottom exclusive, and differing pixels: the boxes that
        `regions.from_pixels` merges before it limits their number, in any order.
    levels : int64 (256,)
        How often each value was written to the SSIM map; what was not written is 255.
    """

    differing: int
    largest: tuple[int, int, int, int]
    dissimilarity: int
    boxes: NDArray[np.int64]
    levels: NDArray[np.int64]


class Packed(NamedTuple):
    """The pixel data of a PNG file, and memory to inflate them into.

    Attributes
    ----------
    data : bytes
        The whole file.
    places : array of int
        Start and end of each part of the compressed data in it, in turn.
    rows : uint8 (bytes of all rows,)
    room : uint8 (at least the length of ``data``,)
        For the joined parts; anything is written to it.
    """

    data: bytes
    places: "array[int]"
    rows: Bytes
    room: Bytes


class _Pair(ctypes.Structure):
    _fields_ = (
        ("first", ctypes.c_void_p),
        ("second", ctypes.c_void_p),
        ("first_size", ctypes.c_int64),
        ("second_size", ctypes.c_int64),
        ("first_width", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("height", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("map", ctypes.c_void_p),
        ("map_size", ctypes.c_int64),
        ("map_pitch", ctypes.c_int64),
        ("shades", ctypes.c_void_p),
        ("shades_size", ctypes.c_int64),
        ("shades_pitch", ctypes.c_int64),
        ("equal", ctypes.c_void_p),
        ("equal_size", ctypes.c_int64),
    )


class _Packed(ctypes.Structure):
    _fields_ = (
        ("file", ctypes.c_char_p),
        ("file_size", ctypes.c_int64),
        ("places", ctypes.c_void_p),
        ("place_count", ctypes.c_int64),
        ("rows", ctypes.c_void_p),
        ("rows_size", ctypes.c_int64),
        ("room", ctypes.c_void_p),
        ("room_size", ctypes.c_int64),
        ("whole", ctypes.c_int64),
    )


class _Figures(ctypes.Structure):
    _fields_ = (
        ("differing", ctypes.c_int64),
        ("dissimilarity", ctypes.c_int64),
        ("largest", ctypes.c_int64 * 4),
        ("levels", ctypes.c_int64 * 256),
        ("boxes", ctypes.c_void_p),
        ("box_count", ctypes.c_int64),
    )


class _Area(ctypes.Structure):
    _fields_ = (
        ("pixels", ctypes.c_void_p),
        ("pitch", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("height", ctypes.c_int64),
    )


class Kernel:
    """A library that has been loaded.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        It cannot be loaded, or was built from another source.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._library = ctypes.CDLL(str(path))
        try:
            source, level = self._library.kernel_source, self._library.kernel_level
            self._compare, self._free = self._library.kernel_compare, self._library.kernel_free
            self._unfilter, self._inflate = self._library.kernel_unfilter, self._library.kernel_inflate
            self._of_pixels = {name: self._library[f"kernel_{name}"] for name in _OF_PIXELS}
        except AttributeError:
            raise OSError(f"{path} is not this package's kernel") from None
        source.argtypes, source.restype = [], ctypes.c_char_p
        if source() != build.source_digest().encode():
            raise OSError(f"{path} was built from another version of its source")
        level.argtypes, level.restype = [], ctypes.c_int
        self.level: int = level()
        self._compare.argtypes = [ctypes.POINTER(_Pair), ctypes.POINTER(_Figures)]
        self._compare.restype = ctypes.c_int
        self._free.argtypes, self._free.restype = [ctypes.c_void_p], None
        numbers = [ctypes.c_int64] * 4
        self._unfilter.argtypes = [ctypes.c_void_p, *numbers, ctypes.c_void_p]
        self._unfilter.restype = ctypes.c_int
        packed = [ctypes.POINTER(_Packed)] * 2
        self._inflate.argtypes = [*packed, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        self._inflate.restype = ctypes.c_int
        for name, call in self._of_pixels.items():
            areas = [ctypes.POINTER(_Area)] * _OF_PIXELS[name][0]
            call.argtypes, call.restype = [*areas, *_OF_PIXELS[name][1]], ctypes.c_int

    def compare(
        self,
        first: Bytes,
        second: Bytes,
        height: int,
        widths: tuple[int, int],
        channels: int,
        *,
        equal: Bytes | None = None,
        similarity: Bytes | None = None,
        shades: Bytes | None = None,
    ) -> Figures:
        """Compare the stored rows of two PNG files of one kind, as far as both reach.

        Parameters
        ----------
        first, second : uint8 (at least height x (1 + its width x channels) + READ_BEYOND,)
            Stored rows, filter bytes in front. They are changed, but stay the same picture: some rows are
            left unfiltered.
        height : int
            Rows to compare, from `SMALLEST_SIDE` on.
        widths : (int, int)
            Of either picture, px, from `SMALLEST_SIDE` on; each has up to `MOST_PIXELS`.
        channels : int
            3 (RGB) or 4 (RGBA), of 8 bits.
        equal : uint8 (at least height,), optional
            What `inflate` says of the rows, if both have one width.
        similarity : uint8 (at least height, at least the smaller width), optional
            The SSIM map as bytes (see `regions.byte_map`); filled with 255 beforehand.
        shades : uint8 (at least height, at least half the smaller width), optional
            The shades of the difference picture, two to a byte; filled with 0 beforehand.

        Raises
        ------
        ValueError
            Sizes do not fit, or a row has a filter that does not exist.
        MemoryError
        """
        if first.ndim != 1 or second.ndim != 1 or np.may_share_memory(first, second):
            raise ValueError("stored rows are two flat arrays")
        wide, narrow = max(widths), min(widths)
        if widths[0] < widths[1]:  # which of the two is the first makes no difference
            first, second = second, first
        pair = _Pair(
            *(_address(array) for array in (first, second)),
            *(first.nbytes, second.nbytes, wide, narrow, height, channels),
        )
        if equal is not None:
            pair.equal, pair.equal_size = _address(equal), equal.nbytes
        if similarity is not None:
            pair.map, pair.map_size, pair.map_pitch = _plane(similarity)
        if shades is not None:
            pair.shades, pair.shades_size, pair.shades_pitch = _plane(shades)
        found = _Figures()
        error = self._compare(ctypes.byref(pair), ctypes.byref(found))
        _raise(error, f"{widths} x {height} px, {channels} channels")
        boxes = self._taken(found.boxes, found.box_count)
        red, green, blue, alpha = found.largest
        levels = np.frombuffer(found.levels, np.int64)  # which keeps them, and is quicker than a copy
        largest = red, green, blue, alpha
        return Figures(found.differing, largest, found.dissimilarity, boxes[:, :5], levels)

    def inflate(self, first: Packed, second: Packed, pitch: int, height: int) -> tuple[bool, bool, Bytes]:
        """Inflate the pixel data of two files at the same time, and find the rows that are stored alike.

        Parameters
        ----------
        first, second : Packed
        pitch : int
            Bytes of a row in both; 0 if they have different ones, or their bytes mean different things.
        height : int
            Rows to compare, all within both pictures.

        Returns
        -------
        first_whole, second_whole : bool
            Whether the data of either are one intact stream of the right size and nothing else. If not, what
            is wrong or odd is not found out, and its rows hold anything.
        equal : uint8 (height,)
            1 for each row that is stored alike in both, else 0, if both are whole and there is a pitch.

        Raises
        ------
        ValueError
            Sizes do not fit.
        """
        memory = first.rows, first.room, second.rows, second.room
        spans = [(_address(part), part.nbytes) for part in memory]
        in_order = sorted(spans)
        if any(at + size > after for (at, size), (after, _) in itertools.pairwise(in_order)):
            raise ValueError("all rows and rooms are different memory")
        equal = np.zeros(height, np.uint8)
        places = [array("Q", each.places) for each in (first, second)]
        one, other = (
            _Packed(each.data, len(each.data), *where.buffer_info(), *rows, *room)
            for each, where, rows, room in zip((first, second), places, spans[::2], spans[1::2], strict=True)
        )
        error = self._inflate(ctypes.byref(one), ctypes.byref(other), pitch, height, _address(equal))
        _raise(error, f"{height} rows of {pitch} bytes")
        return bool(one.whole), bool(other.whole), equal

    def unfilter(self, rows: Bytes, wanted: NDArray[np.bool_], width: int, channels: int) -> None:
        """Unfilter some rows of a PNG file in place, and those above that they depend on.

        Parameters
        ----------
        rows : uint8 (at least height x (1 + width x channels) + READ_BEYOND,)
            Stored rows, filter bytes in front.
        wanted : bool (height,)
        width : int
            Up to `MOST_PIXELS`, times height.
        channels : int
            3 or 4: bytes of a pixel.

        Raises
        ------
        ValueError
            Sizes do not fit, or a row has a filter that does not exist.
        MemoryError
        """
        marks = np.array(wanted, np.uint8)
        height = len(marks)
        error = self._unfilter(_address(rows), rows.nbytes, width, height, channels, _address(marks))
        _raise(error, f"{width} x {height} px, {channels} channels")

    def digests(self, words: Words, factors: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], Bytes]:
        """Return a number for each row of pixels, and whether the row has one colour, 0 or 1.

        Parameters
        ----------
        words : uint32 (height, width)
            RGBA pixels as numbers, here and below.
        factors : uint64 (at least width / 2, rounded up,)
            For each pair of pixels an odd number.

        Returns
        -------
        uint64 (height,), uint8 (height,)
            The sum of m ^ m >> 29, where m is a pair, as a number of 64 bits, times its factor.
        """
        height, width = words.shape
        if factors.dtype != np.uint64 or not factors.flags.c_contiguous or len(factors) < (width + 1) // 2:
            raise ValueError("there are not enough factors")
        digests, plain = np.empty(height, np.uint64), np.empty(height, np.uint8)
        self._call("digests", [words], _at(factors), _at(digests), _at(plain))
        return digests, plain

    def structure(self, words: Words, bits: Bytes) -> None:
        """Set a bit for each pixel whose luma differs by more than 24 levels from its left neighbour's.

        Parameters
        ----------
        words : uint32 (height, width)
        bits : uint8 (height, at least width / 8), contiguous
            0 beforehand; as `numpy.packbits` puts them.
        """
        if bits.ndim != 2 or len(bits) != len(words):
            raise ValueError("sizes do not fit: bits of another height")
        self._call("structure", [words], _address(bits), bits.shape[1])

    def differing(self, first: Words, second: Words) -> tuple[NDArray[np.int64], int, int]:
        """Return how many pixels of each row differ, the first column that does, and the one after the last.

        Both columns are 0 if nothing differs.
        """
        counts, columns = np.empty(len(first), np.int64), np.empty(2, np.int64)
        self._call("differing", [first, second], _at(counts), _at(columns))
        left, right = columns.tolist()
        return counts, left, right

    def equal_rows(self, first: Words, second: Words, *, upwards: bool = False) -> int:
        """Return how many rows are equal from the first one on, or upwards from the last one on."""
        found = ctypes.c_int64()
        self._call("equal_rows", [first, second], upwards, ctypes.addressof(found))
        return found.value

    def boxes(self, first: Words, second: Words) -> NDArray[np.int64]:
        """Return the boxes of what differs.

        Returns
        -------
        int64 (n, 7)
            As `Figures.boxes`; then how many pixels differ by at most 8 levels in any channel, and the
            largest difference of a channel.
        """
        boxes, count = ctypes.c_void_p(), ctypes.c_int64()
        self._call("boxes", [first, second], ctypes.addressof(boxes), ctypes.addressof(count))
        return self._taken(boxes.value, count.value)

    def going_on(self, first: Words, second: Words, begin: int, end: int, gap: int) -> tuple[int, int]:
        """Return how many columns to the left of ``begin``, and from ``end`` on, go on.

        They do until as many as ``gap`` follow one another that equal their left neighbours in both arrays,
        or the arrays end.
        """
        counts = (ctypes.c_int64 * 2)()
        self._call("going_on", [first, second], begin, end, gap, ctypes.addressof(counts))
        return counts[0], counts[1]

    def packed(self, words: Words, rows: int) -> Bytes:
        """Return the same pixels in less memory: which differ from their left neighbours, and these.

        Parameters
        ----------
        words : uint32 (height, width)
        rows : int
            So many rows are packed together.

        Returns
        -------
        uint8 (n,)
            Of each part a bit for each pixel, as `numpy.packbits` puts them for each row, of which the first
            one is 1; then those pixels that have a 1.
        """
        height, width = words.shape
        packed = np.empty(height * ((width + 7) // 8 + 4 * width), np.uint8)
        size = ctypes.c_int64()
        self._call("packed", [words], rows, _at(packed), packed.nbytes, ctypes.addressof(size))
        return packed[: size.value]

    def _call(self, name: str, arrays: Sequence[Words], *rest: int) -> None:
        """Call a function that takes pixels as numbers."""
        areas = [_area(array) for array in arrays]
        error = self._of_pixels[name](*(area for area, _ in areas), *rest)
        _raise(error, f"{name} of {' and '.join(str(array.shape) for array in arrays)} px" if error else "")

    def _taken(self, boxes: int | None, count: int) -> NDArray[np.int64]:
        """Copy boxes and give their memory back."""
        try:
            if not count:
                return np.empty((0, _BOX), np.int64)
            return np.frombuffer(ctypes.string_at(boxes or 0, count * _BOX * 8), np.int64).reshape(-1, _BOX)
        finally:
            self._free(boxes)


def _raise(error: int, what: str) -> None:
    """Raise what an answer of the kernel stands for, if it is an error."""
    if error == _NO_MEMORY:
        raise MemoryError
    if error != _DONE:
        reason = "a row has a filter that does not exist" if error == _BAD_FILTER else "sizes do not fit"
        raise ValueError(f"{reason}: {what}")


def _area(words: Words) -> tuple[_Area, Words]:
    """Return pixels as the kernel takes them, and the array that holds them."""
    if words.dtype != np.uint32 or words.ndim != 2:
        raise ValueError("the kernel takes pixels as uint32 (height, width)")
    height, width = words.shape
    pitch, step = words.strides
    if (
        (step != 4 and width > 1)
        or ((pitch % 4 or pitch < 4 * width) and height > 1)
        or not words.flags.aligned
    ):
        words = np.array(words, order="C")
    return _Area(_at(words), words.strides[0] // 4 if height > 1 else width, width, height), words


def _at(array: NDArray[Any]) -> int:
    """Return the address of an array."""
    if array.size and array.flags.c_contiguous and array.flags.writeable:
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))  # three times as fast
    return int(array.ctypes.data)


def _address(array: Bytes) -> int:
    if array.dtype != np.uint8 or not array.flags.c_contiguous or not array.flags.writeable:
        raise ValueError("the kernel takes contiguous arrays of uint8 that it may change")
    return _at(array)


def _plane(array: Bytes) -> tuple[int, int, int]:
    """Return address, size and pitch of an array of contiguous rows, which may have gaps between them."""
    height, width = array.shape
    pitch = array.strides[0]
    if array.dtype != np.uint8 or array.strides[1] != 1 or pitch < width or not array.flags.writeable:
        raise ValueError("the kernel takes contiguous rows of uint8 that it may change")
    return int(array.ctypes.data), max(0, height - 1) * pitch + width, pitch


def fits(height: int, widths: tuple[int, int]) -> bool:
    """Say whether so many rows of pictures of these widths are for the kernel."""
    return min(height, *widths) >= SMALLEST_SIDE and height * max(widths) <= MOST_PIXELS


@cache
def _chosen() -> tuple[Kernel | None, str]:
    """The library for this processor, and a description of it, or of why there is none."""
    if os.environ.get(SWITCH) == "off":
        return None, f"switched off ({SWITCH}=off)"
    folder = build.SOURCES[0].parent
    chosen = None
    try:
        for number, level in enumerate(build.levels(build.machine_name()), 2):
            if chosen is None or chosen.level >= number:
                chosen = Kernel(folder / build.library_name(level))
    except OSError as error:
        if chosen is None:
            missing = not (folder / build.library_name(build.levels(build.machine_name())[0])).exists()
            return None, "not built" if missing else str(error)
    if chosen is None or chosen.level < 2:
        return None, "this processor is older than the kernel needs"
    return chosen, chosen.path.stem


def loaded() -> Kernel | None:
    """Return the kernel, or None where there is none for this machine."""
    return _chosen()[0]


def description() -> str:
    """Say in a few words which kernel is in use, or why none is."""
    kernel, text = _chosen()
    return f"compiled kernel ({text})" if kernel else f"NumPy without the compiled kernel: {text}"
