"""No function that takes pixels answers for an array of a kind that it does not read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mymodules import images, look, metrics, regions
from mymodules.comparison import drawings
from mymodules.errors import PictureError
from mymodules.images import bands
from mymodules.images.bands import Band

RGBA = np.zeros((12, 17, 4), np.uint8)
GRAY = np.zeros((12, 17), np.uint8)
WRONG = {
    "floats": RGBA / 255,
    "floats like 8 bits": RGBA.astype(np.float32),
    "signed": RGBA.astype(np.int64),
    "other byte order": RGBA.astype(">u2"),
    "flags": RGBA.astype(bool),
    "four dimensions": RGBA[None],
    "five channels": np.zeros((12, 17, 5), np.uint8),
    "a list": RGBA.tolist(),
    "nothing": None,
}
ONE_PICTURE: dict[str, Callable[[Any], object]] = {
    "gray": metrics.gray,
    "to_rgba": images.to_rgba,
    "to_gold_rgba": images.to_gold_rgba,
    "to_rgba16": images.to_rgba16,
    "has_low_bits": images.has_low_bits,
    "from_pixels": regions.from_pixels,
    "byte_map": regions.byte_map,
    "threshold": regions.threshold,
    "from_similarity": regions.from_similarity,
    "Gatherer.add": lambda wrong: regions.Gatherer().add(0, wrong),
}
TWO_PICTURES: dict[str, tuple[np.ndarray, Callable[[Any, Any], object]]] = {
    "pixel_diff": (RGBA, metrics.pixel_diff),
    "structural_similarity": (GRAY, metrics.structural_similarity),
    "Similarity.add": (
        GRAY,
        lambda one, other: metrics.Similarity((12, 17), (12, 17)).add(0, 0, 0, one, other),
    ),
    "Tally.add": (
        RGBA,
        lambda one, other: metrics.Tally((12, 17), (12, 17)).add(Band(0, 0, 0, one, other, False)),
    ),
    "delta": (RGBA, drawings.delta),
    "delta_shades": (RGBA, drawings.delta_shades),
    "of_samples": (RGBA, lambda one, other: list(bands.of_samples(one, other))),
    "sides": (RGBA, look.sides),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ONE_PICTURE)
def test_of_one_picture(name: str, wrong: str) -> None:
    with pytest.raises(PictureError, match=r"must be .*mymodules\.compare\(\)"):
        ONE_PICTURE[name](WRONG[wrong])


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", TWO_PICTURES)
def test_of_two_pictures(name: str, wrong: str) -> None:
    right, function = TWO_PICTURES[name]
    function(right, right)
    for pair in ((WRONG[wrong], right), (right, WRONG[wrong])):
        with pytest.raises(PictureError, match=r"must be .*mymodules\.compare\(\)"):
            function(*pair)


def test_the_message_says_what_it_is_and_what_it_must_be() -> None:
    with pytest.raises(PictureError) as caught:
        metrics.pixel_diff(RGBA, RGBA / 255)
    assert str(caught.value) == (
        "second_rgba is float64 (12, 17, 4), and must be uint8 (height, width, 4). "
        "mymodules.compare() takes arrays of other kinds."
    )
    assert caught.value.code == "kind"
