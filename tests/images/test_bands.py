"""The fast path: bands read from stored rows give what decoding in full gives, for any pair of PNGs."""

from typing import Any

import numpy as np
import pytest
from support import pngs
from support.unequal import unequal

from mymodules import images, metrics, regions
from mymodules.formats import png
from mymodules.images import bands


def changed(rng: np.random.Generator, drawn: pngs.Drawn) -> pngs.Drawn:
    """The picture with some rows changed, and in one of three cases each cut below or to the right."""
    samples = drawn.samples.copy()
    height, highest = len(samples), int(samples.max())
    for _ in range(int(rng.integers(4))):
        top = int(rng.integers(height))
        part = samples[top : top + 1 + int(rng.integers(4))]
        where = rng.random(part.shape) < rng.choice([0.05, 0.5, 1])
        part[where] = rng.integers(0, highest + 1, int(where.sum()))
    kept = int(rng.integers(1, height + 1)) if rng.random() < 0.33 else height
    if rng.random() < 0.33:
        samples = samples[:, : int(rng.integers(1, samples.shape[1] + 1))]
    return pngs.Drawn(samples[:kept], drawn.colour_type, drawn.bit_depth, drawn.palette, drawn.trns)


def scanlines(data: bytes) -> bands.Scanlines:
    header = png.inspect(data)
    return bands.scanlines(data, header)


def writing(rng: np.random.Generator, filters: Any) -> dict[str, Any]:
    return {"filters": filters, "padding": int(rng.integers(2)), "level": int(rng.integers(10))}


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_bands_of_stored_rows_are_those_of_the_pixels(colour_type: int, bit_depth: int) -> None:
    compared = 0
    for seed in range(80):
        rng = np.random.default_rng([colour_type, bit_depth, seed])
        size = int(rng.integers(1, 70)), int(rng.integers(1, 40))
        one = pngs.draw(rng, colour_type, bit_depth, size=size)
        other = changed(rng, one)
        filters = rng.integers(0, 5, size[0]).tolist()
        same_filters = rng.random() < 0.7
        first = one.png(**writing(rng, filters))
        second = other.png(**writing(rng, filters if same_filters else rng))
        if not bands.alike(png.inspect(first), png.inspect(second)):
            continue
        compared += 1
        compare(one.rgba, other.rgba, bands.of_scanlines(scanlines(first), scanlines(second)))
    # palettes that lack entries are left to the full decoding
    assert compared == 80 or colour_type == 3


def compare(first: np.ndarray, second: np.ndarray, found: Any) -> None:
    height, width = min(len(first), len(second)), min(first.shape[1], second.shape[1])
    tally = metrics.Tally(first.shape[:2], second.shape[:2])
    similarity = metrics.Similarity(first.shape[:2], second.shape[:2])
    similarity_map = np.zeros(similarity.size)
    similarity_map[:height, :width] = 1
    gatherer = regions.Gatherer()
    reached = 0
    for band in found:
        own = len(band.first) - band.above - band.below
        assert band.top >= reached
        reached = band.top + own
        assert band.above == min(bands.REACH, band.top)
        assert band.below == min(bands.REACH, height - reached)
        part = np.s_[band.top - band.above : reached + band.below, :width]
        assert np.array_equal(band.first, first[part])
        assert np.array_equal(band.second, second[part])
        gatherer.add(band.top, tally.add(band))
        grays = metrics.gray(band.first), metrics.gray(band.second)
        for y, x, dissimilarity in similarity.add(band.top, band.above, band.below, *grays):
            similarity_map[y : y + dissimilarity.shape[0], x : x + dissimilarity.shape[1]] -= dissimilarity
    assert tally.metrics() == metrics.pixel_diff(first, second)
    score, full = metrics.structural_similarity(metrics.gray(first), metrics.gray(second))
    assert similarity.score() == score
    assert np.array_equal(similarity_map, full)
    mask = unequal(first[:height, :width], second[:height, :width])
    assert gatherer.regions() == regions.from_pixels(mask)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("seed", range(16))
def test_differences_far_below_where_unfiltering_has_to_begin(seed: int, keep: bool) -> None:
    rng = np.random.default_rng([16, seed])
    colour_type, bit_depth = ((0, 8), (2, 8), (6, 8), (0, 16))[seed % 4]
    height = int(rng.integers(300, 900))
    one = pngs.draw(rng, colour_type, bit_depth, size=(height, 9))
    samples = one.samples.copy()
    for top in rng.integers(130, height, 3):
        samples[top : top + int(rng.integers(1, 200))] ^= 1
    other = pngs.Drawn(samples, colour_type, bit_depth, one.palette, one.trns)
    filters = np.where(rng.random(height) < 0.004, rng.integers(0, 2, height), rng.integers(2, 5, height))
    one_file, other_file = (drawn.png(**writing(rng, filters.tolist())) for drawn in (one, other))
    first, second = scanlines(one_file), scanlines(other_file)
    compare(one.rgba, other.rgba, bands.of_scanlines(first, second, keep=keep))
    for drawn, left in ((one, first), (other, second)):  # what was kept is the same picture
        raw = png.unfilter(left.stored, left.header.pixel_size)
        assert np.array_equal(images.to_rgba(png.samples(raw, left.header)), drawn.rgba)
        assert (left.stored[:, 0] != filters[: len(left.stored)]).any() == keep


def test_no_rows_are_no_samples() -> None:
    for colour_type, bit_depth in pngs.KINDS:
        drawn = pngs.draw(np.random.default_rng(0), colour_type, bit_depth, size=(3, 5))
        header = png.inspect(drawn.png())
        none = png.samples(np.empty((0, header.stride), np.uint8), header)
        assert none.shape[:2] == (0, 5)
