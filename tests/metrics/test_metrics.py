"""The figures: Skia Gold's pixel metrics and SSIM, each held to an independent way of computing it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracles

from mymodules import images, metrics
from mymodules.metrics import DiffMetrics

SEEDS = st.integers(0, 2**32 - 1)
CHANGES = ("none", "one pixel", "border", "patches", "all", "a little everywhere", "shifted", "negative")


def rgba(*sizes: int, seed: int, changed: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Two RGBA pictures of (height, width, height, width), alike but for a part of their values."""
    rng = np.random.default_rng(seed)
    height, width = max(sizes[0::2]), max(sizes[1::2])
    first = rng.integers(0, 256, (height, width, 4), np.uint8)
    second = first.copy()
    where = (rng.random((height, width)) < changed)[..., None] & (rng.random(first.shape) < 0.5)
    largest = int(rng.choice([1, 5, 255]))
    second[where] += rng.integers(0, largest + 1, int(where.sum())).astype(np.uint8)
    return first[: sizes[0], : sizes[1]], second[: sizes[2], : sizes[3]]


def gray(height: int, width: int, seed: int) -> np.ndarray:
    """A gray picture: noise, a flat page with blocks, or a gradient."""
    rng = np.random.default_rng(seed)
    manner = rng.integers(4)
    if manner == 0:
        return rng.integers(0, 256, (height, width), np.uint8)
    if manner == 1:
        return np.full((height, width), rng.choice([0, 1, 128, 254, 255]), np.uint8)
    if manner == 2:
        rows, columns = np.indices((height, width))
        return ((rows * 3 + columns * 2) % 256).astype(np.uint8)
    page = np.full((height, width), 255, np.uint8)
    for _ in range(8):
        y, x = rng.integers(height), rng.integers(width)
        page[y : y + 1 + rng.integers(20), x : x + 1 + rng.integers(40)] = rng.integers(256)
    return page


def changed(first: np.ndarray, kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    second = first.copy()
    height, width = first.shape
    if kind == "one pixel":
        second[rng.integers(height), rng.integers(width)] ^= np.uint8(rng.integers(1, 256))
    elif kind == "border":
        edge = np.ones((height, width), bool)
        edge[1:-1, 1:-1] = False
        second[edge & (rng.random(first.shape) < 0.2)] ^= np.uint8(rng.integers(1, 256))
    elif kind == "patches":
        for _ in range(int(rng.integers(1, 5))):
            y, x = rng.integers(height), rng.integers(width)
            part = second[y : y + 1 + rng.integers(12), x : x + 1 + rng.integers(12)]
            part[:] = rng.integers(0, 256, part.shape)
    elif kind == "all":
        second = rng.integers(0, 256, first.shape, np.uint8)
    elif kind == "a little everywhere":
        second += rng.integers(0, 2, first.shape).astype(np.uint8)
    elif kind == "shifted":
        second = np.roll(first, 1 + int(rng.integers(3)), axis=int(rng.integers(2)))
    elif kind == "negative":
        second = 255 - first
    return second


# Gold's figures


@pytest.fixture
def gold(shared_data: Path) -> dict[str, Any]:
    folder = shared_data / "vectors" / "skia"
    return json.loads((folder / "expected.json").read_text(encoding="utf-8")) | {"folder": folder}


def as_gold(found: DiffMetrics) -> dict[str, Any]:
    """The figures in the vectors' layout; `to_json` must survive JSON unchanged."""
    record = found.to_json()
    assert json.loads(json.dumps(record)) == record
    assert record["diffs"]["percent"] == record["pixelDiffPercent"]
    assert record["diffs"]["pixel"] == np.float32(record["numDiffPixels"])
    return {k: v for k, v in record.items() if k != "diffs"} | {"combinedMetric": record["diffs"]["combined"]}


@pytest.mark.parametrize("name", oracles.synthetic()["pairs"])
def test_each_pair_of_the_vectors(name: str) -> None:
    vector = oracles.synthetic()["pairs"][name]
    first, second = (images.read_gold_rgba(oracles.VECTORS / vector[side]) for side in ("left", "right"))
    assert oracles.pixel_diff(first, second)["diffs"]["combined"] == vector["expected"]["combinedMetric"]
    assert as_gold(metrics.pixel_diff(first, second)) == vector["expected"]
    assert as_gold(metrics.pixel_diff(second, first)) == vector["expected"]


def test_the_keys_of_the_seed_in_plain_types() -> None:
    first, second = rgba(5, 7, 6, 4, seed=1)
    record = metrics.pixel_diff(first, second).to_json()
    assert list(record) == ["numDiffPixels", "pixelDiffPercent", "maxRGBADiffs", "dimDiffer", "diffs"]
    assert set(record["diffs"]) == {"combined", "percent", "pixel"}
    assert [type(record[k]) for k in record] == [int, float, list, bool, dict]
    assert [type(v) for v in record["maxRGBADiffs"]] == [int] * 4
    assert {type(v) for v in record["diffs"].values()} == {float}


def test_metrics_that_are_not_known_are_kept() -> None:
    first, second = rgba(5, 7, 5, 7, seed=1)
    record = metrics.pixel_diff(first, second).to_json()
    record["diffs"] |= {"luma": 0.25, "perceptual": 3}
    found = DiffMetrics.from_json(record)
    assert found.others == (("luma", 0.25), ("perceptual", 3.0))
    assert found.to_json() == record
    assert DiffMetrics.from_json({**record, "diffs": {}}).others == ()


def test_the_metrics_cases_of_gold(gold: dict[str, Any]) -> None:
    assert len(gold["metrics_cases"]) == 9
    for case in gold["metrics_cases"]:
        first, second = (images.read_gold_rgba(gold["folder"] / case[side]) for side in ("left", "right"))
        record = metrics.pixel_diff(first, second).to_json()
        expected, computed = case["expected"], case["computed"]
        assert record["numDiffPixels"] == expected["numDiffPixels"]
        assert record["maxRGBADiffs"] == expected["maxRGBADiffs"]
        assert record["dimDiffer"] is expected["dimDiffer"]
        assert record["pixelDiffPercent"] == computed["pixelDiffPercent_float32"]
        assert record["diffs"] == computed["diffs_float32"]
        assert record["pixelDiffPercent"] == pytest.approx(expected["pixelDiffPercent_rounded5"], abs=6e-6)
        assert record["diffs"]["combined"] == pytest.approx(expected["combinedMetric_rounded5"], abs=6e-6)


def test_the_text_images_of_gold(gold: dict[str, Any]) -> None:
    cases = gold["diff_image_cases"] + gold["diff_image_cases_computed_only"]
    assert len(cases) == 14
    for case in cases:
        first, second = (oracles.as_rgba(gold["images"][case[side]]) for side in ("left", "right"))
        assert as_gold(metrics.pixel_diff(first, second)) == case["computed_metrics"], case


def test_the_combined_metric_cases_of_gold(gold: dict[str, Any]) -> None:
    given_cases = gold["combined_diff_metric"]
    for case in given_cases["cases"] + given_cases["extra_computed"]:
        assert combined(case["max_rgba"], case["percent"]) == pytest.approx(case["expected"], abs=1e-6)


def combined(highest: list[int], percent: float) -> float:
    red, green, blue, alpha = highest
    return DiffMetrics(
        num_diff_pixels=1,
        pixel_diff_percent=percent,
        max_rgba_diffs=(red, green, blue, alpha),
        dim_differ=False,
    ).combined


def test_the_combined_metric_is_single_precision_and_reaches_from_0_to_10() -> None:
    assert combined([255, 255, 255, 255], 100.0) == 10.0
    assert combined([0, 0, 0, 0], 100.0) == 0.0
    assert combined([255, 255, 255, 255], 1.0) == 1.0
    value = combined([255, 255, 255, 255], 0.5)
    assert value == float(np.float32(value))
    assert value == oracles.combined([255, 255, 255, 255], 0.5)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    sizes=st.tuples(*[st.integers(1, 40)] * 4),
    same_size=st.booleans(),
    seed=SEEDS,
    part=st.sampled_from([0, 0.01, 0.3, 1]),
)
def test_pixel_figures_equal_the_plain_count(
    sizes: tuple[int, int, int, int], same_size: bool, seed: int, part: float
) -> None:
    first, second = rgba(*(sizes[:2] * 2 if same_size else sizes), seed=seed, changed=part)
    found = metrics.pixel_diff(first, second)
    record = oracles.pixel_diff(first, second)
    assert found.to_json() == record
    assert found.num_diff_pixels == record["numDiffPixels"]
    assert found.pixel_diff_percent == record["pixelDiffPercent"]
    assert tuple(found.max_rgba_diffs) == tuple(record["maxRGBADiffs"])
    assert found.dim_differ == record["dimDiffer"]
    assert found.combined == record["diffs"]["combined"]
    # symmetry and range
    assert metrics.pixel_diff(second, first) == found
    assert 0 <= found.pixel_diff_percent <= 100
    assert 0 <= found.combined <= 10
    assert all(0 <= value <= 255 for value in found.max_rgba_diffs)
    assert (found.num_diff_pixels == 0) == np.array_equal(first, second)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=SEEDS)
def test_pixel_figures_of_a_picture_and_itself_are_0(height: int, width: int, seed: int) -> None:
    first, _ = rgba(height, width, height, width, seed=seed)
    assert metrics.pixel_diff(first, first.copy()) == DiffMetrics(
        num_diff_pixels=0, pixel_diff_percent=0.0, max_rgba_diffs=(0, 0, 0, 0), dim_differ=False
    )


@pytest.mark.parametrize("channel", range(4))
def test_one_channel_of_one_pixel_by_one(channel: int) -> None:
    first = np.zeros((10, 10, 4), np.uint8)
    second = first.copy()
    second[3, 4, channel] = 1
    found = metrics.pixel_diff(first, second)
    assert (found.num_diff_pixels, found.pixel_diff_percent) == (1, 1.0)
    assert list(found.max_rgba_diffs) == [int(i == channel) for i in range(4)]


def test_figures_are_single_precision_at_every_step() -> None:
    """100 x 674,793 has no single-precision value: it is rounded before it is divided."""
    first = np.zeros((1000, 1000, 4), np.uint8)
    second = first.copy()
    second.reshape(-1, 4)[:674_793, 2] = 9
    assert metrics.pixel_diff(first, second).pixel_diff_percent == 67.47929382324219
    many = DiffMetrics(
        num_diff_pixels=2**24 + 1, pixel_diff_percent=1.0, max_rgba_diffs=(1, 0, 0, 0), dim_differ=False
    ).to_json()
    assert many["numDiffPixels"] == 2**24 + 1
    assert many["diffs"]["pixel"] == 2.0**24


def test_no_pixels_at_all_count_as_0_percent() -> None:
    nothing = np.zeros((0, 0, 4), np.uint8)
    assert metrics.pixel_diff(nothing, nothing).pixel_diff_percent == 0


def test_views_of_larger_arrays_are_read_right_and_left_alone() -> None:
    first, second = rgba(30, 40, 30, 40, seed=7)
    a, b = first[3:20, 5:30], second[2:25, 9:20]
    before = a.copy(), b.copy()
    assert metrics.pixel_diff(a, b).to_json() == oracles.pixel_diff(*before)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])


# Gray


def test_gray_is_the_usual_one_of_opencv() -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (300, 400, 4), np.uint8)
    found = metrics.gray(pixels)
    assert found.dtype == np.uint8
    assert np.array_equal(found, oracles.gray(pixels))
    assert np.array_equal(found, cv2.cvtColor(pixels, cv2.COLOR_RGBA2GRAY))


def test_gray_of_odd_shapes_and_views() -> None:
    pixels = np.random.default_rng(9).integers(0, 256, (33, 47, 4), np.uint8)
    for part in (pixels[:1], pixels[:, :1], pixels[3:9, 5:6], pixels[:1, :1], pixels[::2, ::3]):
        assert np.array_equal(metrics.gray(part), oracles.gray(part))


def test_gray_keeps_gray_and_ignores_alpha() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = np.dstack([ramp, ramp, ramp, ramp[::-1]])
    assert np.array_equal(metrics.gray(pixels), ramp)


# SSIM


def check(first: np.ndarray, second: np.ndarray) -> None:
    """Score and map against scikit-image, symmetric and in range."""
    score, found = metrics.structural_similarity(first, second)
    expected_score, expected = oracles.similarity(first, second)
    assert found.shape == expected.shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert score == pytest.approx(expected_score, rel=0, abs=1e-9)
    assert -1 <= score <= 1
    assert float(found.max()) <= 1
    assert float(found.min()) >= -1
    other_score, other = metrics.structural_similarity(second, first)
    assert other_score == pytest.approx(score, rel=0, abs=1e-12)
    np.testing.assert_allclose(other, found, rtol=0, atol=1e-12)
    if first.shape == second.shape:
        assert (score == 1.0) == np.array_equal(first, second)
        assert (found[oracles.windows_equal(first, second)] == 1.0).all()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    height=st.integers(7, 200),
    width=st.integers(7, 200),
    kind=st.sampled_from(CHANGES),
    seed=SEEDS,
)
def test_similarity_equals_scikit_image(height: int, width: int, kind: str, seed: int) -> None:
    first = gray(height, width, seed)
    check(first, changed(first, kind, seed + 1))


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("size", [(7, 7), (7, 200), (200, 7), (8, 9), (64, 64), (199, 131)])
def test_similarity_of_each_kind_of_change(size: tuple[int, int], kind: str) -> None:
    for seed in range(4):
        first = gray(*size, seed)
        check(first, changed(first, kind, seed))


@settings(derandomize=True, deadline=None, max_examples=80)
@given(height=st.integers(1, 30), width=st.integers(1, 30), kind=st.sampled_from(CHANGES), seed=SEEDS)
def test_similarity_of_small_pictures(height: int, width: int, kind: str, seed: int) -> None:
    first = gray(height, width, seed)
    check(first, changed(first, kind, seed + 1))


@pytest.mark.parametrize("short", range(1, 8))
@pytest.mark.parametrize("long", [1, 2, 3, 4, 5, 6, 7, 50])
def test_similarity_of_every_small_side(short: int, long: int) -> None:
    for seed, kind in enumerate(CHANGES):
        first = gray(short, long, seed)
        second = changed(first, kind, seed)
        check(first, second)
        check(np.ascontiguousarray(first.T), np.ascontiguousarray(second.T))


def test_similarity_at_side_1_by_hand() -> None:
    score, found = metrics.structural_similarity(np.array([[0, 255]], np.uint8), np.array([[0, 0]], np.uint8))
    dark = oracles.C1 / (255**2 + oracles.C1)
    np.testing.assert_allclose(found, [[1, dark]], rtol=0, atol=1e-15)
    assert score == 1 - round((1 - dark) * 2**32) / 2**32 / 2  # each 1 - S in whole units of 2^-32


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    sizes=st.tuples(*[st.integers(1, 90)] * 4),
    kind=st.sampled_from(CHANGES),
    seed=SEEDS,
)
def test_similarity_of_different_sizes(sizes: tuple[int, int, int, int], kind: str, seed: int) -> None:
    whole = gray(max(sizes[0], sizes[2]), max(sizes[1], sizes[3]), seed)
    first, second = whole[: sizes[0], : sizes[1]], changed(whole, kind, seed)[: sizes[2], : sizes[3]]
    check(first, second)


@pytest.mark.parametrize("size", [(200, 5), (200, 3), (5, 200)])
def test_similarity_of_narrow_pictures_that_are_higher_than_a_strip(size: tuple[int, int]) -> None:
    first = gray(*size, 5)
    check(first, changed(first, "all", 6))


def test_similarity_of_a_picture_that_grew_is_the_part_that_stayed() -> None:
    page = gray(90, 100, 3)
    grown = np.vstack([page, page[:10]])
    score, found = metrics.structural_similarity(page, grown)
    assert score == pytest.approx(0.9, rel=0, abs=1e-15)
    assert found.shape == (100, 100)
    assert (found[:90] == 1).all()
    assert (found[90:] == 0).all()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(height=st.integers(1, 120), width=st.integers(1, 120), seed=SEEDS)
def test_similarity_of_a_picture_and_itself_is_exactly_1(height: int, width: int, seed: int) -> None:
    first = gray(height, width, seed)
    score, found = metrics.structural_similarity(first, first.copy())
    assert score == 1.0
    assert found.shape == first.shape
    assert (found == 1.0).all()


def test_similarity_of_one_level_in_a_large_page_is_not_1() -> None:
    first = np.full((1500, 1200), 255, np.uint8)
    for place in ((1499, 1199), (0, 600)):
        second = first.copy()
        second[place] = 254
        check(first, second)


def test_similarity_of_black_and_white() -> None:
    black, white = np.zeros((20, 30), np.uint8), np.full((20, 30), 255, np.uint8)
    check(black, white)


def test_similarity_can_be_negative() -> None:
    first = gray(60, 60, 0)
    first[:] = np.random.default_rng(0).integers(0, 2, first.shape) * 255
    check(first, 255 - first)
    assert metrics.structural_similarity(first, 255 - first)[0] < -0.9


@pytest.mark.parametrize("height", [47, 48, 49, 50, 51, 52, 97, 99])
@pytest.mark.parametrize("width", [255, 256, 257, 258, 259, 260, 263, 512, 515])
def test_similarity_at_sizes_where_blocks_of_work_end(height: int, width: int) -> None:
    for seed, kind in enumerate(("one pixel", "border", "patches", "all", "shifted")):
        first = gray(height, width, height * width + seed)
        check(first, changed(first, kind, seed))


def test_similarity_of_one_pixel_anywhere_in_a_row_and_a_column() -> None:
    first = gray(24, 270, 3)
    for x in range(270):
        second = first.copy()
        second[(x * 7) % 24, x] ^= 64
        check(first, second)


def test_similarity_of_a_large_picture_where_all_changed() -> None:
    first = gray(500, 1300, 2)
    check(first, changed(first, "shifted", 0))
    check(first, changed(first, "all", 0))


def test_similarity_with_changes_far_apart() -> None:
    first = gray(900, 700, 3)
    second = first.copy()
    for y, x in ((0, 0), (3, 690), (400, 350), (410, 340), (899, 0), (895, 699), (640, 3)):
        second[y, x] ^= 77
    second[500:510, 100:600] = 0
    check(first, second)


def test_similarity_of_views_leaves_them_alone() -> None:
    whole = np.random.default_rng(5).integers(0, 256, (80, 90), np.uint8)
    first, second = whole[3:60, 4:70], whole[4:61, 5:71]
    before = first.copy(), second.copy()
    check(first, second)
    assert np.array_equal(first, before[0])
    assert np.array_equal(second, before[1])


# Real pictures


def real_pairs(folder: Path, count: int) -> list[tuple[Path, Path]]:
    """The smallest pairs that differ."""
    first, second = folder / "first", folder / "second"
    names = [p.relative_to(first) for p in sorted(first.rglob("*.png"))]
    pairs = [(first / name, second / name) for name in names if (second / name).exists()]
    differing = [pair for pair in pairs if pair[0].read_bytes() != pair[1].read_bytes()]
    return sorted(differing, key=lambda pair: pair[0].stat().st_size + pair[1].stat().st_size)[:count]


@pytest.mark.parametrize(("name", "count"), [("screenshots", 1), ("plots", 20)])
def test_real_pairs(shared_data: Path, name: str, count: int) -> None:
    pairs = real_pairs(shared_data / "data" / name, count)
    assert len(pairs) == count
    for paths in pairs:
        first, second = (images.read_rgba(path) for path in paths)
        assert metrics.pixel_diff(first, second).to_json() == oracles.pixel_diff(first, second)
        first_gray, second_gray = metrics.gray(first), metrics.gray(second)
        assert np.array_equal(first_gray, oracles.gray(first))
        score, found = metrics.structural_similarity(first_gray, second_gray)
        expected_score, expected = oracles.similarity(first_gray, second_gray)
        assert score == pytest.approx(expected_score, rel=0, abs=1e-9), paths[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(0, 0), (5, 0), (0, 5)])
def test_similarity_of_no_common_pixel_is_0(size: tuple[int, int]) -> None:
    empty, other = np.zeros(size, np.uint8), np.zeros((5, 3), np.uint8)
    score, similarity_map = metrics.structural_similarity(empty, other)
    assert score == 0
    assert np.array_equal(similarity_map, np.zeros((5, max(3, size[1]))))
