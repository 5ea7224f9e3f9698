"""What the kernel finds in pixels as numbers is what plain counting finds, whatever their memory is like."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support import oracles

from mymodules.kernel import Kernel

COLOURS = np.array([0, 0xFF000000, 0xFF000001, 0xFEFFFFFF, 0xFFFFFFFF, 0xFF0A64C8, 0x01000000], np.uint32)
"""Some differ in one bit, or in alpha only."""

WIDTHS = [*range(1, 10), *range(31, 35), 63, 64, 65, 127, 128, 129, 255, 256, 257, 258, 513]


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Pixels in runs, some rows of one colour, in memory that holds more columns."""
    wide = COLOURS[rng.integers(0, len(COLOURS), (height, width + 5))]
    for row in wide:
        keep = rng.random(width + 5) < rng.choice([0, 0.05, 0.5, 1])
        row[~keep] = rng.choice(COLOURS)
    return wide[:, 3 : 3 + width]


def changed(rng: np.random.Generator, words: np.ndarray) -> np.ndarray:
    """The same with differences of many sizes, some of them faint, in memory without gaps."""
    other = words.copy()
    for _ in range(int(rng.integers(0, 5))):
        if other.size:
            place = int(rng.integers(len(other))), int(rng.integers(other.shape[1]))
            steps = int(rng.choice([1, 8, 9, 200])) << int(rng.choice([0, 8, 24]))
            wide = int(rng.choice([1, 3, 40]))
            other[place[0], place[1] : place[1] + wide] ^= np.uint32(steps)
    return other


def samples(words: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, 4)


def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for width in WIDTHS:
        rng = np.random.default_rng(width)
        first = picture(rng, int(rng.integers(1, 30)), width)
        yield first, changed(rng, first)
    yield picture(rng, 1, 1), picture(rng, 1, 1)
    yield np.zeros((0, 5), np.uint32), np.zeros((0, 5), np.uint32)
    yield np.zeros((5, 0), np.uint32), np.zeros((5, 0), np.uint32)


def check_pair(each: Kernel, first: np.ndarray, second: np.ndarray) -> None:
    mask = first != second
    rows, left, right = each.differing(first, second)
    assert rows.tolist() == mask.sum(axis=1).tolist()
    columns = np.flatnonzero(mask.any(axis=0)).tolist()
    assert (left, right) == ((columns[0], columns[-1] + 1) if columns else (0, 0))
    equal = ~mask.any(axis=1)
    assert each.equal_rows(first, second) == (len(equal) if equal.all() else equal.argmin())
    assert each.equal_rows(first, second, upwards=True) == (
        len(equal) if equal.all() else equal[::-1].argmin()
    )
    check_boxes(each.boxes(first, second), first, second)
    check_columns(each, first, second)


def check_boxes(boxes: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    mask = first != second
    steps = np.abs(samples(first).astype(int) - samples(second)).max(axis=2)
    pixels = [(int(x), int(y), 1, 1) for y, x in np.argwhere(mask)]
    places = [(left, top, right - left, bottom - top) for left, top, right, bottom, *_ in boxes.tolist()]
    assert sorted(places) == sorted(oracles.merged(pixels, 16, 8))
    for (x, y, wide, high), figures in zip(places, boxes[:, 4:].tolist(), strict=True):
        inside = steps[y : y + high, x : x + wide]
        faint = np.count_nonzero((inside >= 1) & (inside <= 8))
        assert figures == [np.count_nonzero(inside), faint, inside.max()]


def check_columns(each: Kernel, first: np.ndarray, second: np.ndarray) -> None:
    """Column by column, outwards from either side of some, until enough of them are still."""
    columns = list(zip(first.T.tolist(), second.T.tolist(), strict=True))
    busy = [False, *(one != other for one, other in pairwise(columns))]
    for begin, end in {(0, 1), (len(columns) // 3, len(columns) // 2 + 1), (len(columns) - 1, len(columns))}:
        if not 0 <= begin < end <= len(columns):
            continue
        for gap in (1, 3, 40):
            expected = []
            for beside in (busy[:begin][::-1], busy[end:]):
                found = [*beside, *[False] * gap]
                expected.append(next(at for at in range(len(found)) if not any(found[at : at + gap])))
            assert each.going_on(first, second, begin, end, gap) == tuple(expected)


def check_rows(each: Kernel, words: np.ndarray) -> None:
    height, width = words.shape
    factors = np.random.default_rng(5).integers(0, 2**64, (width + 1) // 2, np.uint64) | np.uint64(1)
    digests, plain = each.digests(words, factors)
    for row, digest, is_plain in zip(words.tolist(), digests.tolist(), plain.tolist(), strict=True):
        filled = [*row, 0] if width % 2 else row
        halves = zip(filled[::2], filled[1::2], factors.tolist(), strict=True)
        mixed = [((high << 32 | low) * factor) % 2**64 for low, high, factor in halves]
        assert digest == sum(each ^ each >> 29 for each in mixed) % 2**64
        assert is_plain == (len(set(row)) < 2)

    bits = np.zeros((height, (width + 7) // 8 + 3), np.uint8)
    each.structure(words, bits)
    shades = oracles.gray(samples(words)).astype(int)
    steps = np.zeros((height, bits.shape[1] * 8), bool)
    steps[:, 1:width] = np.abs(np.diff(shades, axis=1)) > 24
    assert np.array_equal(np.unpackbits(bits, axis=1), steps)


def check_packed(each: Kernel, words: np.ndarray, rows: int = 7) -> None:
    """The pixels can be read from what is kept, and no equal neighbours are kept."""
    height, width = words.shape
    packed, pitch = each.packed(words, rows), (width + 7) // 8
    for top in range(0, height, rows):
        part = words[top : top + rows]
        bits, packed = np.split(packed, [len(part) * pitch])
        begins = np.unpackbits(bits.reshape(len(part), pitch), axis=1)
        assert not begins[:, width:].any()
        begins = begins[:, :width].astype(bool)
        kept, packed = np.split(packed, [4 * np.count_nonzero(begins)])
        if part.size:
            assert np.array_equal(
                kept.copy().view(np.uint32)[np.cumsum(begins.reshape(-1)) - 1].reshape(part.shape), part
            )
            assert begins[:, 0].all()
            assert np.array_equal(begins[:, 1:], part[:, 1:] != part[:, :-1])
    assert not len(packed)


def test_all_widths(kernels: list[Kernel]) -> None:
    for first, second in pairs():
        for each in kernels:
            check_pair(each, first, second)
            for words in (first, second):
                check_rows(each, words)
                check_packed(each, words)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 90)), seed=st.integers(0, 2**32 - 1), same=st.booleans()
)
@hypothesis_settings(max_examples=60)
def test_any_two_rectangles(kernels: list[Kernel], size: Any, seed: int, same: bool) -> None:
    rng = np.random.default_rng(seed)
    first = picture(rng, *size)
    second = changed(rng, first) if same else picture(rng, *size)
    for each in kernels:
        check_pair(each, first, second)
        check_rows(each, second)
        check_packed(each, second)


def test_arrays_that_do_not_lie_row_by_row_are_read_all_the_same(kernels: list[Kernel]) -> None:
    """Turned, upside down, with gaps between columns, or at an odd address."""
    rng = np.random.default_rng(4)
    page = picture(rng, 40, 50)
    odd = np.zeros(40 * 50 * 4 + 1, np.uint8)[1:].view(np.uint32).reshape(40, 50)
    odd[...] = page
    for words in (
        page.T,
        page[::-1],
        page[:, ::-1],
        page[:, ::2],
        odd,
        np.broadcast_to(page[:1], page.shape),
    ):
        for each in kernels:
            check_pair(each, words, changed(rng, words))
            check_rows(each, words)
            check_packed(each, words)


def test_what_does_not_fit_is_refused(kernels: list[Kernel]) -> None:
    words, narrow = np.zeros((4, 20), np.uint32), np.zeros((4, 19), np.uint32)
    bits = np.zeros((4, 3), np.uint8)
    for each in kernels:
        for call, arguments in [
            (each.differing, (words, narrow)), (each.differing, (words, words[:3])),
            (each.equal_rows, (words, narrow)), (each.boxes, (words[:3], words)),
            (each.going_on, (words, narrow, 3, 5, 2)), (each.going_on, (words, words, 3, 21, 2)),
            (each.going_on, (words, words, 5, 5, 2)), (each.going_on, (words, words, -1, 5, 2)),
            (each.going_on, (words, words, 3, 5, 0)), (each.packed, (words, 0)),
            (each.digests, (words, np.ones(9, np.uint64))), (each.structure, (words, bits[:, :2].copy())),
            (each.structure, (words, bits[:3])),
        ]:  # fmt: skip
            with pytest.raises(ValueError, match=r"fit|not enough"):
                call(*arguments)  # type: ignore[operator]


def test_what_is_not_an_array_of_pixels_is_refused(kernels: list[Kernel]) -> None:
    words = np.zeros((4, 20), np.uint32)
    wrongs: tuple[Any, ...] = words.view(np.int32), words.reshape(-1), words.reshape(2, 2, 20)
    for wrong in wrongs:
        with pytest.raises(ValueError, match="takes pixels"):
            kernels[0].boxes(wrong, wrong)
