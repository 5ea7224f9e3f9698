"""The column `region_pixels`: of each box as many pixels as plain numpy counts in it."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import containers, pngs

from mymodules import images, workers
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult


def row_of(first: bytes | None, second: bytes | None) -> PairResult:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, data in (("first", first), ("second", second)):
            path = Path(folder, name)
            if data is not None:
                path.write_bytes(data)
            paths.append(None if data is None else str(path))
        return workers.compare(Job(Pair("x.png", *paths)))


def differing(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where two pictures differ, and all that not both of them have: bool (larger height, larger width)."""
    height, width = (min(*sides) for sides in zip(first.shape[:2], second.shape[:2], strict=True))
    mask = np.ones([max(*sides) for sides in zip(first.shape[:2], second.shape[:2], strict=True)], bool)
    mask[:height, :width] = (first[:height, :width] != second[:height, :width]).any(axis=2)
    return mask


def check(found: PairResult, mask: np.ndarray) -> None:
    assert found.status in ("same", "changed"), found.messages
    assert found.regions is not None
    boxes = [mask[y : y + height, x : x + width] for x, y, width, height in found.regions]
    assert found.region_pixels == tuple(int(box.sum()) for box in boxes)
    assert found.num_diff_pixels == sum(found.region_pixels) == mask.sum()


def page(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of RGB, and the same with some blocks and dots changed."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (height, width, 3), np.uint8)
    second = first.copy()
    for _ in range(int(rng.integers(0, 9))):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        block = second[y : y + 1 + int(rng.integers(9)), x : x + 1 + int(rng.integers(30))]
        block[rng.random(block.shape[:2]) < rng.choice([0.2, 1])] ^= 4
    return first, second


@settings(derandomize=True, deadline=None, max_examples=120)
@given(
    height=st.integers(1, 320),
    width=st.integers(1, 120),
    cut=st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)),
    interlace=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_of_random_pairs(
    height: int, width: int, cut: tuple[int, int, int, int], interlace: bool, seed: int
) -> None:
    """Interlaced or not, so that rows are compared as stored, or decoded; every other pair is cut."""
    first, second = page(height, width, seed)
    if seed % 2:
        first = first[: max(1, height - cut[0]), : max(1, width - cut[1])]
        second = second[: max(1, height - cut[2]), : max(1, width - cut[3])]
    found = row_of(pngs.write(first, 2, 8), pngs.write(second, 2, 8, interlace=interlace))
    check(found, differing(first, second))


@pytest.mark.parametrize("seed", range(5))
def test_of_16_bits_the_high_bytes_count(seed: int) -> None:
    first, second = (samples.astype(int) << 8 | 7 for samples in page(200, 60, seed))
    second = second ^ 1  # all low bytes differ
    found = row_of(pngs.write(first, 2, 16), pngs.write(second, 2, 16))
    check(found, differing(first >> 8, second >> 8))


@pytest.mark.parametrize("seed", range(5))
def test_of_jpeg(seed: int) -> None:
    first, second = (containers.pillow(samples, "JPEG", quality=95) for samples in page(150, 90, seed))
    found = row_of(first, second)
    check(found, differing(images.read_rgba(first), images.read_rgba(second)))


def test_by_arithmetic() -> None:
    first = np.zeros((400, 300, 3), np.uint8)
    second = np.zeros((403, 300, 3), np.uint8)
    second[10:14, 20:25] = 1  # 20 px
    second[12, 100] = second[13, 110] = 9  # one box, 9 columns between them
    second[126:130, 200:202, 1] = 255  # 8 px, across the end of a band of 128 rows
    found = row_of(pngs.write(first, 2, 8), pngs.write(second, 2, 8))
    assert found.regions == ((20, 10, 5, 4), (100, 12, 11, 2), (200, 126, 2, 4), (0, 400, 300, 3))
    assert found.region_pixels == (20, 2, 8, 900)
    assert found.num_diff_pixels == 930


def test_of_equal_pairs_there_are_none_and_where_nothing_is_compared_it_is_unknown() -> None:
    one, _ = page(20, 30, 1)
    data = pngs.write(one, 2, 8)
    assert row_of(data, data).region_pixels == ()
    assert row_of(data, pngs.write(one, 2, 8, level=0, filters=4)).region_pixels == ()
    assert row_of(data, None).region_pixels is None
    assert row_of(data, data[:60]).region_pixels is None
