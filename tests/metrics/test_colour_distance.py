"""Colours that look alike, and anti-aliasing: pixelmatch's own test pictures and counts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mymodules import images
from mymodules.errors import PictureError
from mymodules.metrics import antialiased, similar

NONE = np.zeros(0, np.int64)

CASES = (
    "1diff", "1diffdefaultthreshold", "1diffmask", "1emptydiffmask", "2diff", "3diff", "4diff", "5diff",
    "6diff", "6empty", "7diff", "8diff",
)  # fmt: skip


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> Path:
    folder = shared_data / "vectors" / "pixelmatch"
    if not folder.is_dir():
        pytest.skip("vectors/pixelmatch is not among the shared data")
    return folder


@pytest.fixture(scope="module")
def expected(vectors: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((vectors / "expected.json").read_text(encoding="utf-8"))
    return found


def judged(first: np.ndarray, second: np.ndarray, threshold: float, metric: str) -> tuple[np.ndarray, ...]:
    """Which pixels differ by more than the threshold, and which of these are anti-aliased."""
    differs = (first != second).any(axis=2)
    places = np.flatnonzero(differs)
    alike = similar(first[differs][:, None], second[differs][:, None], places[:, None], threshold=threshold,
                    metric=metric)[:, 0]  # fmt: skip
    beyond = differs.copy()
    beyond[differs] = ~alike
    smooth = np.zeros_like(beyond)
    smooth[beyond] = antialiased(first, second, *np.nonzero(beyond), metric=metric)
    return beyond, smooth


def test_there_are_no_other_cases(expected: dict[str, Any]) -> None:
    assert sorted(case["name"] for case in expected["cases"]) == sorted(CASES)


@pytest.mark.parametrize("metric", ["yiq", "oklab"])
@pytest.mark.parametrize("name", CASES)
def test_pictures_and_counts_of_pixelmatch(
    vectors: Path, expected: dict[str, Any], name: str, metric: str
) -> None:
    """Each pixel of the drawing says what it is taken for."""
    (case,) = (case for case in expected["cases"] if case["name"] == name)
    first, second = (images.read_rgba(vectors / case[side]) for side in ("left", "right"))
    options = case["options"]
    assert options["checkerboard"]
    assert not options["includeAA"]
    beyond, smooth = judged(first, second, options["threshold"], metric)
    counted = beyond & ~smooth
    assert np.count_nonzero(counted) == case[metric]["mismatched"]
    drawn = images.read_rgba(vectors / case[metric]["diff_image"])[..., :3]
    colours = [options["diffColor"]] + [options["diffColorAlt"]] * bool(options["diffColorAlt"])
    assert np.array_equal(np.any([(drawn == colour).all(axis=2) for colour in colours], axis=0), counted)
    if not options["diffMask"]:
        assert np.array_equal((drawn == options["aaColor"]).all(axis=2), smooth)


@pytest.mark.parametrize("metric", ["yiq", "oklab"])
def test_single_pixels(expected: dict[str, Any], metric: str) -> None:
    cases = [case for case in expected["single_pixels"]["cases"] if case["options"].get("checkerboard", True)]
    assert len(cases) == 8
    for case in cases:
        first, second = (np.array([case[side]], np.uint8) for side in ("left_rgba", "right_rgba"))
        beyond, _ = judged(first, second, case["options"].get("threshold", 0.1), metric)
        assert np.count_nonzero(beyond) == case[metric], case["note"]


@given(
    st.lists(st.tuples(*[st.tuples(*[st.integers(0, 255)] * 4)] * 2), min_size=1, max_size=20),
    st.floats(0, 1),
    st.sampled_from(["yiq", "oklab"]),
)
def test_order_makes_no_difference_and_a_higher_threshold_takes_no_less(
    pairs: list[tuple[Any, Any]], threshold: float, metric: str
) -> None:
    first, second = (np.array([side], np.uint8) for side in zip(*pairs, strict=True))
    places = np.arange(len(pairs))[None]
    forth = similar(first, second, places, threshold=threshold, metric=metric)
    assert np.array_equal(forth, similar(second, first, places, threshold=threshold, metric=metric))
    higher = similar(first, second, places, threshold=(1 + threshold) / 2, metric=metric)
    assert (higher >= forth).all()
    assert similar(first, first, places, threshold=0.001, metric=metric).all()


def test_an_edge_is_smoothed_only_between_darker_and_brighter() -> None:
    """Of a step over three columns 0, 128, 255 the one between them, wherever it is looked at."""
    first = np.full((6, 9, 4), 255, np.uint8)
    first[:, :4, :3] = 0
    first[:, 4, :3] = 128
    rows, columns = (each.ravel() for each in np.indices((6, 9)))
    # Of that column each pixel has two neighbours as bright, those at its ends one: an edge is another.
    assert set(columns[antialiased(first, first, rows, columns)].tolist()) == {4}
    assert np.count_nonzero(antialiased(first, first, rows, columns)) == 6


@pytest.mark.parametrize("metric", ["yiq", "oklab"])
def test_opaque_pixels_are_judged_the_same_beside_transparent_ones(metric: str) -> None:
    """One transparent pixel far away has all of a picture blended."""
    random = np.random.default_rng(6)
    first = np.full((20, 30, 4), 255, np.uint8)
    first[..., :3] = np.clip(np.add.outer(np.arange(20), np.arange(30)) * 40 - 900, 0, 255)[..., None]
    first[..., :3] += random.integers(0, 2, (20, 30, 3), np.uint8) * (first[..., :3] == 100)
    rows, columns = (each.ravel() for each in np.indices((17, 30)))
    other = first.copy()
    other[19, 29, 3] = 7
    expected = antialiased(first, first, rows, columns, metric=metric)
    assert 0 < np.count_nonzero(expected) < expected.size
    many = np.append(rows, 19), np.append(columns, 29)
    assert np.array_equal(antialiased(other, other, *many, metric=metric)[:-1], expected)


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(PictureError, match="must have one size"):
        antialiased(np.zeros((2, 2, 4), np.uint8), np.zeros((2, 3, 4), np.uint8), NONE, NONE)
