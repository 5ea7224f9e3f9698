"""Unfiltering: rows as screenshots have them, mostly repeating what is above, come out byte for byte."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from support import pngs

from mymodules.formats import png

SIZES = (1, 2, 3, 4, 6, 8)  # bytes of a pixel
WIDTHS = (1, 2, 7, 255, 256, 257, 511, 512, 513, 800, 1300)  # px
NONE, SUB, UP, AVERAGE, PAETH = range(5)
# How often each filter is used: as encoders of screenshots do, and otherwise.
HABITS = ((0, 0.07, 0.5, 0.03, 0.4), (0, 0, 0.3, 0, 0.7), (0.2,) * 5, (0, 0, 0, 0, 1), (0.5, 0, 0.5, 0, 0))


def like_a_page(rng: np.random.Generator, height: int, width: int, size: int) -> np.ndarray:
    """Raw rows; most of each is as above, the rest is drawn, painted over, or shifted a little in colour."""
    row = np.zeros((width, size), np.uint8)
    rows = []
    for _ in range(height):
        row = row.copy()
        for _ in range((0, 1, 1, 2, 4)[rng.integers(5)]):
            # a span that may touch both edges; what follows it is as above, or painted like its end
            start = (0, int(rng.integers(width)), width - 1)[rng.integers(3)]
            stop = (start + 1, int(rng.integers(start, width)) + 1, width)[rng.integers(3)]
            span = row[start:stop]
            match rng.integers(4):
                case 0:
                    span[:] = rng.integers(0, 256, span.shape)
                case 1:
                    span[:] = rng.integers(0, 256, size)
                case 2:
                    span += rng.integers(0, 2, span.shape, np.uint8)
                case 3:
                    span[:, rng.integers(size)] ^= 1  # one byte of each pixel, in places the last one only
        rows.append(row.reshape(-1))
    return np.array(rows)


def stored(raw: np.ndarray, filters: np.ndarray, size: int) -> np.ndarray:
    """The rows as a file stores them. They cannot be written to, so that nobody does."""
    rows = pngs.filtered(raw, filters, size)
    rows.flags.writeable = False
    return rows


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("width", WIDTHS)
def test_rows_of_a_page_come_out_as_they_went_in(size: int, width: int) -> None:
    for number, habit in enumerate(HABITS):
        rng = np.random.default_rng([size, width, number])
        raw = like_a_page(rng, int(rng.choice([1, 30, 130])), width, size)
        rows = stored(raw, rng.choice(5, len(raw), p=habit), size)
        assert np.array_equal(png.unfilter(rows, size), raw)


@pytest.mark.parametrize("size", SIZES)
def test_rows_can_be_had_in_pieces(size: int) -> None:
    rng = np.random.default_rng(size)
    raw = like_a_page(rng, 300, 700, size)
    rows = stored(raw, rng.choice(5, len(raw), p=HABITS[0]), size)
    cuts = [0, *sorted(rng.integers(0, 300, 3).tolist()), 300]
    for start, stop in pairwise(cuts):
        above = raw[start - 1] if start else None
        assert np.array_equal(png.unfilter(rows[start:stop], size, above), raw[start:stop])
    begins = np.flatnonzero(rows[:, 0] <= SUB)
    assert begins.size
    for begin in begins[:5]:
        assert np.array_equal(png.unfilter(rows[begin:], size), raw[begin:])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0, 0.001, 0.02, 1])
def test_any_stored_bytes_come_out_as_the_specification_says(size: int, share: float) -> None:
    rng = np.random.default_rng([size, int(share * 1000)])
    rows = rng.integers(0, 256, (60, 1 + 560 * size), np.uint8)
    rows[rng.random(rows.shape) >= share] = 0
    rows[:, 0] = rng.choice(5, len(rows), p=(0.05, 0.05, 0.1, 0.05, 0.75))
    above = rng.integers(0, 256, 560 * size, np.uint8)
    expected, previous = [], bytearray(above)
    for row in rows:
        previous = pngs.unfilter(int(row[0]), row[1:].tobytes(), previous, size)
        expected.append(list(previous))
    assert np.array_equal(png.unfilter(rows, size, above), expected)


def test_a_picture_of_one_column_and_a_million_rows() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (1_100_000, 2), np.uint8)
    rows[:, 1] *= rng.random(len(rows)) < 0.1
    rows[:, 0] = rng.choice([UP, PAETH], len(rows))  # the same, where nothing is to the left
    assert np.array_equal(png.unfilter(rows, 1)[:, 0], np.cumsum(rows[:, 1], dtype=np.uint8))


@pytest.mark.parametrize("size", SIZES)
def test_the_widest_rows(size: int) -> None:
    rng = np.random.default_rng(size)
    raw = np.repeat(rng.integers(0, 256, (1, 1_000_000 * size), np.uint8), 5, axis=0)
    raw[2:, 400_000 * size : 500_000 * size + 1] += 1
    raw[3:, -1] += 1
    rows = stored(raw, np.array([SUB, PAETH, PAETH, AVERAGE, PAETH]), size)
    assert np.array_equal(png.unfilter(rows, size), raw)


def test_no_rows_are_no_rows() -> None:
    assert png.unfilter(np.empty((0, 31), np.uint8), 3).shape == (0, 30)


@pytest.mark.parametrize("kind", [NONE, SUB, UP, AVERAGE, PAETH])
def test_memory_does_not_grow_with_the_picture(kind: int) -> None:
    rows = np.random.default_rng(kind).integers(0, 256, (16_000, 3001), np.uint8)
    rows[:, 0] = kind
    tracemalloc.start()
    raw = png.unfilter(rows, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < raw.nbytes + 12_000_000
