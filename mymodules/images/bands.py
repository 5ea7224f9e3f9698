"""Find where two pictures may differ: bands of rows, decoded one after the other.

Everything that is measured later (differing pixels, SSIM, regions, drawings) depends only on rows
that differ and a few rows around them. `of_samples` cuts two decoded pictures into bands.
`of_scanlines` does the same for two PNG files of one kind without decoding them whole:

1. The pixels of a PNG scan line follow from its bytes and, unless its filter is None or Sub, from the row
   above. So if the bytes of scan lines are equal, from one with one of these two filters on, their pixels
   are equal too and need not be decoded. No filter looks to the right, so if one picture is wider, the same
   is true of the bytes that both have.
2. The rows that are left are grouped into runs, 3 rows wider on either side, which is as far as a
   7 x 7 window of SSIM reaches. Outside these runs every window holds equal pixels.
3. Only the runs are unfiltered, from the nearest row where that can begin, a band at a time, so that
   memory does not grow with the height of the page.

Bands never overlap and come from top to bottom. Outside of them every pixel of the common area, and every
SSIM window, is equal in both pictures. Both functions give the same figures; only the bands differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import kernel, kinds
from mymodules.formats import Header, Remark, ignore, png
from mymodules.formats.png import Bytes, PngHeader, Samples, as_rows, inflate, stretches, unfilter
from mymodules.images import depth, pixels
from mymodules.images.memory import Memory

REACH = 3
"""Rows around a pixel that an SSIM window of 7 x 7 looks at."""

MOST_JOINED = 1 << 25
"""Bytes of a file. Two files that are inflated together need as much memory again as they have bytes."""

_ROWS_AT_ONCE = 128
_STRIP = 64  # rows that stay in the cache
_WORD = np.dtype("<u4")  # R, G, B and A are its bytes in this order
_OPAQUE = np.uint32(0xFF000000)
_PIXELS_AT_ONCE = 1 << 15  # at least; so more rows are read at a time from narrow pictures


@dataclass(frozen=True)
class Band:
    """Some consecutive rows of the common area of two pictures, with the rows around them.

    Attributes
    ----------
    top : int
        Row of the picture at which the band begins, px.
    above, below : int
        Rows of context in the arrays before and after the band's own: 3, or as many as there are.
    first, second : uint8 (above + rows + below, width, 4)
        RGBA of both pictures, not premultiplied, cut to the common width.
    deep_differ : bool
        Whether pixels whose 8-bit RGBA is equal differ at the full depth of 16 bits: both have 16 bits and
        different values, or only one has 16 bits, and 8 bits cannot hold them.
    """

    top: int
    above: int
    below: int
    first: pixels.Rgba
    second: pixels.Rgba
    deep_differ: bool

    @property
    def own(self) -> slice:
        """The band's own rows within its arrays."""
        return slice(self.above, self.first.shape[0] - self.below)


@dataclass(frozen=True)
class Scanlines:
    """Scan lines of a PNG file, inflated and still filtered.

    Attributes
    ----------
    header : PngHeader
    stored : uint8 (height, 1 + stride)
    flat : uint8 (at least height x (1 + stride) + kernel.READ_BEYOND,)
        The same memory, and some bytes more; with room for `rgba_in_place`.
    equal : uint8 (rows of the smaller picture,) or None
        Which rows the other picture of the pair stores alike: 1, else 0; None if that is unknown.
    """

    header: PngHeader
    stored: Bytes
    flat: Bytes
    equal: Bytes | None = None


class Inflated(NamedTuple):
    """`Scanlines.flat` of a file whose pixel data are sound, and `Scanlines.equal`."""

    flat: Bytes
    equal: Bytes | None


def hold_pixels(header: Header) -> bool:
    """Return whether the scan lines of a file, once they are unfiltered, are RGB or RGBA bytes."""
    return (
        isinstance(header, PngHeader)
        and (header.colour_type, header.depth) in ((2, 8), (6, 8))
        and not header.interlaced
        and not header.transparency
    )


def alike(first: Header, second: Header) -> bool:
    """Return whether two files are PNGs of one kind, whose scan lines can be compared directly.

    They are not if a picture may use colours that its palette does not have, because only decoding all of it
    shows that.
    """
    return (
        isinstance(first, PngHeader)
        and isinstance(second, PngHeader)
        and not (first.interlaced or second.interlaced)
        and (first.depth, first.colour_type) == (second.depth, second.colour_type)
        and first.transparency == second.transparency
        and (first.colour_type != 3 or first.palette == second.palette)
        and (first.colour_type != 3 or len(first.palette) >= 3 << first.depth)
    )


def scanlines(
    data: bytes,
    header: PngHeader,
    remark: Remark = ignore,
    memory: Memory | None = None,
    inflated: Inflated | None = None,
) -> Scanlines:
    """Inflate a PNG file that is not interlaced; raise `ImageError` if it is damaged.

    Parameters
    ----------
    data : bytes
    header : PngHeader
    remark : callable
        Called with every oddity of pixel data that are complete.
    memory : Memory, optional
        What holds the scan lines until the next picture is read with it.
    inflated : Inflated, optional
        What `inflate_both` found, if it found something: then only the filters are checked.
    """
    size = png.stored_size(header)
    if inflated:
        rows = inflated.flat[:size]
    else:
        inflated = Inflated((memory or Memory()).take(_room(header)), None)
        rows = inflate(data, header, remark, inflated.flat)
    return Scanlines(header, as_rows(rows, header.stride), *inflated)


def inflate_both(
    first: tuple[bytes, PngHeader], second: tuple[bytes, PngHeader], memory: tuple[Memory, Memory]
) -> tuple[Inflated | None, Inflated | None]:
    """Inflate two PNG files that are `alike` at the same time, with the compiled kernel.

    What they have in common at the beginning of their pixel data is inflated once. The answer is None for a
    file that is damaged or odd, and for both without the kernel or memory: `scanlines` finds out what it is.
    It is None too if a file is larger than `MOST_JOINED`.
    """
    compiled = kernel.loaded()
    if not compiled or max(len(first[0]), len(second[0])) > MOST_JOINED:
        return None, None
    try:
        (one, upper), (other, lower) = _packed(first, memory[0]), _packed(second, memory[1])
    except MemoryError:
        return None, None
    same = first[1].stride == second[1].stride
    pitch = 1 + first[1].stride if same else 0
    height = min(first[1].height, second[1].height)
    first_whole, second_whole, equal = compiled.inflate(one, other, pitch, height)
    known = equal if same and first_whole and second_whole else None
    return (
        Inflated(upper, known) if first_whole else None,
        Inflated(lower, known) if second_whole else None,
    )


def _packed(file: tuple[bytes, PngHeader], memory: Memory) -> tuple[kernel.Packed, Bytes]:
    """Return what the kernel needs to inflate a file, and `Scanlines.flat`."""
    data, header = file
    size, room = png.stored_size(header), _room(header)
    taken = memory.take(room + len(data))
    flat = taken[:room]
    return kernel.Packed(data, header.pixel_data, flat[:size], taken[room:]), flat


def _room(header: PngHeader) -> int:
    """Return the size of `Scanlines.flat`; of what `rgba_in_place` does not use, no memory is taken."""
    size = png.stored_size(header)
    if hold_pixels(header):
        size = max(size, 4 * header.height * header.width)
    return size + kernel.READ_BEYOND


def have_alpha(samples: Samples) -> bool:
    """Return whether the last channel of samples is alpha."""
    return samples.shape[2] in (2, 4)


def stored(samples: Samples, channels: int) -> Bytes:
    """Return a copy of decoded samples for the compiled kernel: as the rows of a PNG without filters.

    Parameters
    ----------
    samples : uint8 (height, width, 1 to 4)
    channels : int
        4 (RGBA), or 3 (RGB) if the samples have no alpha.

    Returns
    -------
    uint8 (height x (1 + width x channels) + kernel.READ_BEYOND,)
    """
    height, width = samples.shape[:2]
    stride = 1 + width * channels
    flat = np.empty(height * stride + kernel.READ_BEYOND, np.uint8)
    rows = flat[: height * stride].reshape(height, stride)
    rows[:, 0] = 0  # no filter
    if samples.shape[2] == channels:
        rows[:, 1:] = samples.reshape(height, -1)
        return flat
    for channel in range(3):  # each by itself is faster than three bytes at a time
        rows[:, 1 + channel :: channels] = samples[:, :, channel if samples.shape[2] > 2 else 0]
    if channels == 4:
        rows[:, 4::4] = samples[:, :, -1] if have_alpha(samples) else 255
    return flat


def of_samples(first: Samples, second: Samples) -> Iterator[Band]:
    """Yield bands of two decoded pictures of any kind and size: (height, width, channels), or RGBA."""
    kinds.check("first", first, kinds.SAMPLES)
    kinds.check("second", second, kinds.SAMPLES)
    height = min(first.shape[0], second.shape[0])
    width = min(first.shape[1], second.shape[1])
    at_once = _rows_at_once(width)
    for top in range(0, height, at_once):
        rows = min(at_once, height - top)
        above, below = min(REACH, top), min(REACH, height - top - rows)
        part = np.s_[top - above : top + rows + below, :width]
        yield from _differing(top, above, below, first[part], second[part])


def of_scanlines(first: Scanlines, second: Scanlines, *, keep: bool = False) -> Iterator[Band]:
    """Yield bands of two PNG files that are `alike`.

    Parameters
    ----------
    first, second : Scanlines
    keep : bool
        Store unfiltered rows back in `Scanlines.stored`, so that drawing need not unfilter them again.
    """
    height = min(first.header.height, second.header.height)
    width = min(first.header.width, second.header.width)
    common = np.s_[:height, : 1 + first.header.stride_of(width)]
    upper, lower = _Reader(first, width, keep), _Reader(second, width, keep)
    for top, bottom in _runs(_unsure_rows(first.stored[common], second.stored[common]), height):
        known = max(0, top - REACH)
        pair = upper.read(known, known), lower.read(known, known)
        for start in range(top, bottom, upper.at_once):
            stop = min(bottom, start + upper.at_once)
            above, below = min(REACH, start), min(REACH, height - stop)
            pair = (
                np.concatenate([pair[0], upper.read(known, stop + below)]),
                np.concatenate([pair[1], lower.read(known, stop + below)]),
            )
            known = stop + below
            yield from _differing(start, above, below, *pair)
            pair = pair[0][-REACH - below :], pair[1][-REACH - below :]


def samples(rows: Scanlines) -> Iterator[Samples]:
    """Yield all samples of a PNG file (see `png.samples`), some rows at a time."""
    reader = _Reader(rows, rows.header.width, keep=False)
    height = rows.header.height
    for top in range(0, height, reader.at_once):
        yield reader.read(top, min(height, top + reader.at_once))


def unfilter_in_place(rows: Scanlines, wanted: NDArray[np.bool_]) -> None:
    """Unfilter the wanted rows of a file, bool (height,), and those above that they depend on."""
    width, pixel_size = rows.header.width, rows.header.pixel_size
    compiled = kernel.loaded()
    if compiled and pixel_size in kernel.PIXEL_SIZES and rows.header.height * width <= kernel.MOST_PIXELS:
        compiled.unfilter(rows.flat, wanted, width, pixel_size)
        return
    reader = _Reader(rows, width, keep=True)
    for start, stop in stretches(wanted):
        for top in range(start, stop, reader.at_once):
            reader.raw(top, min(stop, top + reader.at_once))


def rgba(rows: Scanlines, start: int, stop: int) -> pixels.Rgba:
    """Return some unfiltered rows of a file as RGBA, see `unfilter_in_place`."""
    if hold_pixels(rows.header) and rows.header.pixel_size == 3:
        found = np.empty((stop - start, rows.header.width, 4), np.uint8)
        _write_rgba(_rgb(rows, start, stop), found)
        return found
    samples = png.samples(rows.stored[start:stop, 1:], rows.header)[:, : rows.header.width]
    return pixels.to_rgba(samples)


def rgba_in_place(rows: Scanlines) -> pixels.Rgba:
    """Turn a file into RGBA, (height, width, 4); afterwards its scan lines are gone.

    RGB and RGBA, which `hold_pixels`, stay in their memory, so that no other is needed for them.
    """
    header, (height, width) = rows.header, (rows.header.height, rows.header.width)
    unfilter_in_place(rows, np.ones(height, np.bool_))
    strips = [(top, min(height, top + _STRIP)) for top in range(0, height, _STRIP)]
    if not hold_pixels(header):
        found = np.empty((height, width, 4), np.uint8)
        for top, bottom in strips:
            found[top:bottom] = rgba(rows, top, bottom)
        return found
    found = rows.flat[: 4 * height * width].reshape(height, width, 4)
    # RGBA moves up by its filter bytes, RGB grows downwards: nothing is written before it has been read.
    if header.pixel_size == 4:
        for top, bottom in strips:
            found[top:bottom] = rows.stored[top:bottom, 1:].copy().reshape(-1, width, 4)
        return found
    read = np.empty((_STRIP, width), _WORD)
    for top, bottom in reversed(strips):
        part = read[: bottom - top]
        np.copyto(part, _rgb(rows, top, bottom))
        _write_rgba(part, found[top:bottom])
    return found


def _rgb(rows: Scanlines, start: int, stop: int) -> NDArray[np.uint32]:
    """Return RGB rows as numbers, each a pixel and whichever byte is behind it; the same memory."""
    pitch = rows.stored.shape[1]
    return np.ndarray((stop - start, rows.header.width), _WORD, rows.flat, start * pitch + 1, (pitch, 3))


def _write_rgba(rgb: NDArray[np.uint32], found: pixels.Rgba) -> None:
    """Write pixels that `_rgb` has read as opaque RGBA; OpenCV would do it, and take 16 MB of memory."""
    np.bitwise_or(rgb, _OPAQUE, out=found.view(_WORD)[:, :, 0])


class _Reader:
    """Read rows of one file from top to bottom, skipping some, as far as its first columns."""

    def __init__(self, rows: Scanlines, width: int, keep: bool) -> None:
        self.header, self.stored, self.width, self.keep = rows.header, rows.stored, width, keep
        self.at_once = _rows_at_once(rows.header.width)
        self.begins = np.flatnonzero(rows.stored[:, 0] <= 1)
        self.next = 0
        self.above: Bytes | None = None

    def read(self, start: int, stop: int) -> Samples:
        """Return rows start to stop as samples; ``start`` is never before the last ``stop``."""
        return png.samples(self.raw(start, stop), self.header)[:, : self.width]

    def raw(self, start: int, stop: int) -> Bytes:
        """Return rows start to stop as raw bytes."""
        nearest = np.searchsorted(self.begins, start, side="right") - 1
        begin = int(self.begins[nearest]) if nearest >= 0 else 0
        if begin > self.next:
            self.next, self.above = begin, None
        while self.next < start:
            self._unfilter(min(start, self.next + self.at_once))
        return self._unfilter(stop)

    def _unfilter(self, stop: int) -> Bytes:
        rows = self.stored[self.next : stop]
        if not len(rows):
            return np.empty((0, self.header.stride), np.uint8)
        raw = unfilter(rows, self.header.pixel_size, self.above if rows[0, 0] > 1 else None)
        if self.keep:
            rows[:, 0], rows[:, 1:] = 0, raw
        self.next, self.above = stop, raw[-1]
        return raw


def _rows_at_once(width: int) -> int:
    return max(_ROWS_AT_ONCE, _PIXELS_AT_ONCE // max(1, width))


def _differing(top: int, above: int, below: int, first: Samples, second: Samples) -> Iterator[Band]:
    """Yield the rows as a band, unless they are equal."""
    one, other = pixels.to_rgba(first), pixels.to_rgba(second)
    deep_differ = _deep_differ(first, second, one, other)
    if deep_differ or not np.array_equal(one, other):
        yield Band(top, above, below, one, other, deep_differ)


def _deep_differ(first: Samples, second: Samples, one: pixels.Rgba, other: pixels.Rgba) -> bool:
    """Return whether pixels that are equal as 8 bits, one and other, differ at their full depth."""
    if not (pixels.has_low_bits(first) or pixels.has_low_bits(second)):
        return False
    equal = (one == other).all(axis=2)
    return bool(depth.differing(first, second)[equal].any())


def _unsure_rows(first: Bytes, second: Bytes) -> NDArray[np.bool_]:
    """Return which rows may differ: those whose bytes do not prove that their pixels are equal."""
    height = first.shape[0]
    differ = np.empty(height, np.bool_)
    for top in range(0, height, 64):  # in pieces that stay in the cache
        part = slice(top, top + 64)
        differ[part] = (first[part] != second[part]).any(axis=1)
    place = np.arange(height)
    begins = ~differ & (first[:, 0] <= 1)
    last_difference = np.maximum.accumulate(np.where(differ, place, -1))
    last_begin = np.maximum.accumulate(np.where(begins, place, -1))
    unsure: NDArray[np.bool_] = last_difference > last_begin
    return unsure


def _runs(unsure: NDArray[np.bool_], height: int) -> list[tuple[int, int]]:
    """Group unsure rows, and the rows that SSIM windows around them reach, into runs (start, stop)."""
    runs: list[tuple[int, int]] = []
    for top, bottom in stretches(unsure):
        top, bottom = max(0, top - REACH), min(height, bottom + REACH)
        if runs and top - runs[-1][1] < 2 * REACH:
            top = runs.pop()[0]
        runs.append((top, bottom))
    return runs
