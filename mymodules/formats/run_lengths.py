"""The run lengths of BMP files, RLE8 and RLE4, followed many codes at a time.

A file of some megabytes can hold millions of codes, each of which paints up to 255 pixels. So codes are
read in blocks. Every code takes whole pairs of bytes, and only literals and skips take more than one pair,
so only these are followed one by one. Cumulative sums give the place where each code paints.

Pixels that the codes leave out have colour 0; the part of a run beyond the end of its row is dropped.
Source: Microsoft, "Bitmap Compression".
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ImageError

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_AT_ONCE = 1 << 15  # pairs of bytes


class Course(NamedTuple):
    """Where run lengths led.

    Attributes
    ----------
    end : int
        Position in the file after the last code.
    left_out : int
        Pixels that no code painted.
    beyond : bool
        Whether a run was longer than the rest of its row.
    marked : bool
        Whether the end mark was reached.
    """

    end: int
    left_out: int
    beyond: bool
    marked: bool


@dataclass
class _Codes:
    """Consecutive codes of a block.

    ``places`` counts pairs of bytes from the first code of the file; ``first`` and ``second`` are the bytes
    of each code; ``x`` and ``y`` are where it begins, ``length`` is how many pixels it advances.
    """

    places: Numbers
    first: Bytes
    second: Bytes
    x: Numbers
    y: Numbers
    length: Numbers

    def until(self, stop: int) -> "_Codes":
        """Return the first ``stop`` codes."""
        pair = self.first[:stop], self.second[:stop]
        return _Codes(self.places[:stop], *pair, self.x[:stop], self.y[:stop], self.length[:stop])

    @property
    def skips(self) -> Flags:
        """Flags of the codes that only move on."""
        found: Flags = (self.first == 0) & (self.second == 2)
        return found

    @property
    def literals(self) -> Flags:
        """Flags of the codes that are followed by their pixels."""
        found: Flags = (self.first == 0) & (self.second > 2)
        return found


def follow(
    data: bytes, start: int, size: tuple[int, int], *, nibbles: bool, canvas: Bytes | None = None
) -> Course:
    """Follow run lengths, and paint them if there is a canvas.

    Parameters
    ----------
    data : bytes
        The whole file.
    start : int
        Position of the first code.
    size : (width, height)
        Of the picture, px.
    nibbles : bool
        RLE4: a byte holds two pixels.
    canvas : uint8 (width x height,), optional
        Colour numbers, initially 0, in the order of the stored rows.

    Raises
    ------
    ImageError
        ``truncated`` if the codes end before the picture does.
    """
    width, height = size
    if start > len(data):
        raise ImageError("truncated", "the file is cut off inside its pixel data")
    buffer = np.frombuffer(data, np.uint8, offset=start)
    pairs = buffer[: buffer.size & ~1].reshape(-1, 2)
    at, x, y, painted, beyond, marked = 0, 0, 0, 0, False, False
    while True:
        if at >= len(pairs):
            if y < height - 1 or (y == height - 1 and x < width):
                raise ImageError("truncated", "the file is cut off inside its pixel data")
            end = 2 * at
            break
        codes, following = _block(pairs, at, nibbles, (x, y))
        full = (codes.y >= height) | ((codes.y == height - 1) & (codes.x >= width))
        ends = np.flatnonzero((codes.first == 0) & (codes.second == 1))
        stops = np.flatnonzero(full & ((codes.first > 0) | (codes.second > 1)))
        last = int(ends[0]) if ends.size else len(full)
        ended = ends.size or stops.size
        if stops.size and stops[0] < last:
            last, end = int(stops[0]), 2 * int(codes.places[stops[0]])
        elif ends.size:
            end, marked = 2 * int(codes.places[last]) + 2, True
        known = codes.until(last)
        _check(buffer.size, known, nibbles)
        fits = _painted(known, width)
        painted += int(fits.sum())
        beyond |= bool((fits < np.where(known.skips, 0, known.length)).any())
        if canvas is not None:
            _paint_runs(canvas, known, fits, width, nibbles)
            _paint_literals(canvas, known, fits, width, nibbles, buffer)
        if ended:
            break
        at = following
        x, y = _after(codes, pairs, (x, y))
    return Course(start + min(end, buffer.size), width * height - painted, beyond, marked)


def _literal_bytes(second: Bytes, nibbles: bool) -> Numbers:
    wide = second.astype(np.int64)
    return (wide + 1) // 2 if nibbles else wide


def _block(pairs: Bytes, at: int, nibbles: bool, place: tuple[int, int]) -> tuple[_Codes, int]:
    """Read a block that begins with a code; also return the pair at which the next block begins."""
    first, second = pairs[at : at + _AT_ONCE, 0], pairs[at : at + _AT_ONCE, 1]
    count = len(first)
    longer = np.flatnonzero((first == 0) & (second > 1))  # some are not codes but bytes of literals
    pairs_taken = np.where(second[longer] == 2, 2, 1 + (_literal_bytes(second[longer], nibbles) + 1) // 2)
    behind = longer + pairs_taken
    real, number, next_ones = [], 0, np.searchsorted(longer, behind).tolist()
    while number < len(next_ones):
        real.append(number)
        number = next_ones[number]
    inside = np.zeros(count + 1, np.int8)
    inside[longer[real] + 1] = 1
    inside[np.minimum(behind[real], count)] -= 1
    chosen = np.flatnonzero(np.cumsum(inside[:count], dtype=np.int8) == 0)
    following = max(count, int(behind[real[-1]])) if real else count
    first, second = first[chosen], second[chosen]
    skips = np.flatnonzero((first == 0) & (second == 2))
    deltas = pairs[np.minimum(at + chosen[skips] + 1, len(pairs) - 1)].astype(np.int64)
    length = np.where(first > 0, first, np.where(second > 2, second, 0)).astype(np.int64)
    length[skips] = deltas[:, 0]
    line_ends = (first == 0) & (second == 0)
    down = line_ends.astype(np.int64)
    down[skips] = deltas[:, 1]
    x, y = _places(length, line_ends, down, place)
    return _Codes(chosen + at, first, second, x, y, length), at + following


def _places(
    length: Numbers, line_ends: Flags, down: Numbers, place: tuple[int, int]
) -> tuple[Numbers, Numbers]:
    """Return column and row at which each code begins, given the place where the first begins."""
    total = np.cumsum(length)
    begun = np.maximum.accumulate(np.concatenate([[-place[0]], np.where(line_ends, total, -place[0])]))
    return total - length - begun[:-1], place[1] + np.cumsum(down) - down


def _after(codes: _Codes, pairs: Bytes, place: tuple[int, int]) -> tuple[int, int]:
    """Return column and row after the last code of a block."""
    x, y = int(codes.x[-1]), int(codes.y[-1])
    if codes.first[-1] == 0 and codes.second[-1] == 0:
        return 0, y + 1
    if codes.first[-1] == 0 and codes.second[-1] == 2:
        y += int(pairs[codes.places[-1] + 1, 1])
    return x + int(codes.length[-1]), y


def _check(size: int, codes: _Codes, nibbles: bool) -> None:
    """Refuse codes whose bytes are incomplete; only the last code can be."""
    if len(codes.places) and codes.first[-1] == 0 and codes.second[-1] > 1:
        taken = 2 if codes.second[-1] == 2 else int(_literal_bytes(codes.second[-1:], nibbles)[0])
        if 2 * int(codes.places[-1]) + 2 + taken > size:
            raise ImageError("truncated", "the file is cut off inside its pixel data")


def _painted(codes: _Codes, width: int) -> Numbers:
    """Count the pixels that each code paints."""
    fitting: Numbers = np.where(codes.skips, 0, np.clip(width - codes.x, 0, codes.length))
    return fitting


def _paint_runs(canvas: Bytes, codes: _Codes, fits: Numbers, width: int, nibbles: bool) -> None:
    """Paint runs of one colour (or of two in turn), with 0 between them."""
    runs = np.flatnonzero((codes.first > 0) & (fits > 0))
    if not runs.size:
        return
    starts, lengths = codes.y[runs] * width + codes.x[runs], fits[runs]
    stops = starts + lengths
    spans = np.empty(2 * runs.size, np.int64)
    spans[0], spans[2::2], spans[1::2] = 0, starts[1:] - stops[:-1], lengths
    part = canvas[starts[0] : stops[-1]]

    def spread(values: NDArray[np.integer[Any]]) -> Bytes:
        both = np.zeros(2 * runs.size, np.uint8)
        both[1::2] = values
        return np.repeat(both, spans)

    values = codes.second[runs]
    if not nibbles:
        part[:] = spread(values)
        return
    odd = spread((starts & 1).astype(np.uint8))
    odd[1 - starts[0] % 2 :: 2] ^= 1
    np.copyto(part, spread(values >> 4))
    np.copyto(part, spread(values & 15), where=odd.astype(np.bool_))


def _paint_literals(
    canvas: Bytes, codes: _Codes, fits: Numbers, width: int, nibbles: bool, buffer: Bytes
) -> None:
    """Paint pixels that are stored one by one."""
    literals = np.flatnonzero(codes.literals & (fits > 0))
    lengths = fits[literals]
    before = np.cumsum(lengths) - lengths
    inside = np.arange(lengths.sum()) - np.repeat(before, lengths)
    places = np.repeat(codes.y[literals] * width + codes.x[literals], lengths) + inside
    sources = np.repeat(2 * codes.places[literals] + 2, lengths)
    if nibbles:
        both = buffer[sources + inside // 2]
        canvas[places] = np.where(inside & 1, both & 15, both >> 4)
    else:
        canvas[places] = buffer[sources + inside]
