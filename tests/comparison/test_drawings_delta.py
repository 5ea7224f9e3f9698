"""The delta picture: Gold's orange and blue, pixel for pixel."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracles

from mymodules import images
from mymodules.comparison import drawings


@pytest.fixture
def gold(shared_data: Path) -> dict[str, Any]:
    folder = shared_data / "vectors" / "skia"
    return json.loads((folder / "expected.json").read_text(encoding="utf-8")) | {"folder": folder}


def check(first: np.ndarray, second: np.ndarray, expected: np.ndarray) -> None:
    for found in (drawings.delta(first, second), drawings.delta(second, first)):
        assert found.dtype == np.uint8
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", oracles.synthetic()["pairs"])
def test_each_pair_of_the_vectors(name: str) -> None:
    vector = oracles.synthetic()["pairs"][name]
    first, second = (images.read_gold_rgba(oracles.VECTORS / vector[side]) for side in ("left", "right"))
    expected = oracles.as_rgba(vector["diff_image"])
    assert np.array_equal(oracles.delta(first, second), expected)
    check(first, second, expected)


def test_the_text_images_of_gold(gold: dict[str, Any]) -> None:
    for case in gold["diff_image_cases"] + gold["diff_image_cases_computed_only"]:
        first, second = (oracles.as_rgba(gold["images"][case[side]]) for side in ("left", "right"))
        image = case.get("computed_diff_image") or gold["diff_images"][case["diff_image"]]
        check(first, second, oracles.as_rgba(image))


def test_the_pictures_of_gold(gold: dict[str, Any]) -> None:
    for case in gold["metrics_cases"]:
        first, second = (images.read_gold_rgba(gold["folder"] / case[side]) for side in ("left", "right"))
        found = drawings.delta(first, second)
        assert [found.shape[1], found.shape[0]] == case["computed"]["diff_image_size"]
        assert found.shape[2] == 4
        digest = hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest()
        assert digest == case["computed"]["diff_image_rgba_sha256"], case["left"]


def test_the_colours_are_those_of_gold(gold: dict[str, Any]) -> None:
    colours = gold["colors"]
    assert [list(colour) for colour in oracles.ORANGE] == colours["rgb_diff"]
    assert [list(colour) for colour in oracles.BLUE] == colours["alpha_only_diff"]
    assert list(oracles.ORANGE[-1]) == colours["outside_common_area"]
    for difference, index in gold["delta_offset"]["cases"]:
        assert oracles.gradient_index(difference) == index


def test_the_orange_gradient_for_every_sum_of_differences() -> None:
    """Sums of 1 to 1020, spread over the channels with at least 1 in a colour."""
    first = np.zeros((1, 1020, 4), np.uint8)
    second = first.copy()
    for total in range(1, 1021):
        for channel in range(4):
            second[0, total - 1, channel] = min(255, max(0, total - 255 * channel))
    starts = (1, 2, 6, 16, 47, 141, 421)
    found = drawings.delta(first, second)
    for total in range(1, 1021):
        index = sum(start <= total for start in starts) - 1
        assert tuple(found[0, total - 1].tolist()) == oracles.ORANGE[index], total
    check(first, second, found)


def test_the_blue_gradient_for_every_difference_of_alpha() -> None:
    first = np.zeros((1, 256, 4), np.uint8)
    second = first.copy()
    second[0, :, 3] = np.arange(256)
    found = drawings.delta(first, second)
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    for difference in range(1, 256):
        assert tuple(found[0, difference].tolist()) == oracles.BLUE[oracles.gradient_index(difference)]


def test_one_colour_channel_turns_alpha_orange() -> None:
    first = np.array([[[10, 20, 30, 40]] * 3], np.uint8)
    for channel in range(3):
        second = first.copy()
        second[..., channel] += 1
        second[..., 3] += 4
        assert (drawings.delta(first, second) == oracles.ORANGE[oracles.gradient_index(5)]).all()


@settings(derandomize=True, deadline=None, max_examples=120)
@given(
    sizes=st.tuples(*[st.integers(1, 24)] * 4),
    seed=st.integers(0, 2**32 - 1),
    part=st.sampled_from([0, 0.05, 0.5, 1]),
    largest=st.sampled_from([1, 20, 255]),
)
def test_the_delta_equals_the_plain_way(
    sizes: tuple[int, int, int, int], seed: int, part: float, largest: int
) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 256, (24, 24, 4), np.uint8)
    other = whole.copy()
    where = (rng.random((24, 24)) < part)[..., None] & (rng.random(whole.shape) < 0.4)
    other[where] += rng.integers(0, largest + 1, int(where.sum())).astype(np.uint8)
    first, second = whole[: sizes[0], : sizes[1]], other[: sizes[2], : sizes[3]]
    before = first.copy(), second.copy()
    check(first, second, oracles.delta(first, second))
    assert np.array_equal(first, before[0])
    assert np.array_equal(second, before[1])


def test_equal_pictures_give_an_empty_delta() -> None:
    first = np.random.default_rng(0).integers(0, 256, (40, 50, 4), np.uint8)
    assert not drawings.delta(first, first.copy()).any()
