"""The figures of a row, by plain arithmetic."""

import dataclasses

import numpy as np
import pytest
from support import oracles, pngs
from support.cases import CASES
from support.samples import PLAIN, RGB, changed
from support.sides import Folders, row_of

# Figures by plain arithmetic


@pytest.mark.parametrize("channel", range(3))
def test_the_figures_of_one_value(folders: Folders, channel: int) -> None:
    found = row_of(folders, PLAIN, pngs.write(changed(RGB, channel), 2, 8))
    highest = [int(channel == i) for i in range(4)]
    percent = np.float32(100) / np.float32(12 * 17)
    assert found.num_diff_pixels == 1
    assert found.pixel_diff_percent == pytest.approx(float(percent), abs=1e-6)
    assert [found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a] == highest
    assert found.dim_differ is False
    assert found.combined == pytest.approx((percent * (1 / 4) ** 0.5 / 255) ** 0.5, rel=1e-6)
    assert found.regions == ((9, 5, 1, 1),)
    assert [found.width_first, found.height_first] == [17, 12]
    assert [found.width_second, found.height_second] == [17, 12]


@pytest.mark.parametrize("name", ["alpha only", "hidden colours"])
def test_what_gray_does_not_see_is_changed_all_the_same(folders: Folders, name: str) -> None:
    found = row_of(folders, *CASES[name][:2])
    assert found.num_diff_pixels == 1
    if name == "alpha only":
        assert found.ssim_score == 1.0
        assert [found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a] == [0, 0, 0, 100]


@pytest.mark.parametrize(("height", "width"), [(12, 17), (300, 20), (1, 1)])
def test_the_figures_of_one_row_more(folders: Folders, height: int, width: int) -> None:
    larger = np.random.default_rng(9).integers(0, 256, (height + 1, width, 3))
    found = row_of(folders, pngs.write(larger[:-1], 2, 8), pngs.write(larger, 2, 8))
    assert found.code == "dimensions_differ"
    assert found.dim_differ is True
    assert found.num_diff_pixels == width
    assert found.pixel_diff_percent == pytest.approx(100 / (height + 1), rel=1e-6)
    assert found.ssim_score == pytest.approx(height / (height + 1), abs=1e-12)
    assert [found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a] == [0] * 4
    assert found.combined == 0
    assert found.regions == ((0, height, width, 1),)
    assert [found.height_first, found.height_second] == [height, height + 1]


def test_the_figures_equal_the_plain_way(folders: Folders) -> None:
    random = np.random.default_rng(10)
    for _ in range(60):
        kind, other_kind = (random.integers(len(pngs.KINDS)) for _ in range(2))
        size = tuple(int(n) for n in random.integers(1, 40, 2))
        one = pngs.draw(random, *pngs.KINDS[kind], size=size)
        if random.integers(2):
            two = pngs.draw(random, *pngs.KINDS[other_kind])
        else:
            samples = one.samples.copy()
            y, x = (int(random.integers(n)) for n in size)
            samples[y, x] = one.samples[0, 0]
            two = dataclasses.replace(one, samples=samples)
        found = row_of(folders, one.png(filters=random), two.png(filters=random))
        expected = oracles.pixel_diff(one.rgba, two.rgba)
        assert found.num_diff_pixels == expected["numDiffPixels"]
        assert found.pixel_diff_percent == pytest.approx(expected["pixelDiffPercent"], rel=1e-6)
        assert [
            found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a
        ] == expected["maxRGBADiffs"]  # fmt: skip
        assert found.dim_differ == expected["dimDiffer"]
        assert found.combined == pytest.approx(expected["diffs"]["combined"], rel=1e-6)
        score = oracles.mean_similarity(one.rgba, two.rgba)
        assert found.ssim_score == pytest.approx(score, abs=1e-9)


def test_pictures_that_span_too_much_together_are_compared_but_not_drawn(folders: Folders) -> None:
    """1 x 60,000 against 60,000 x 1: each is small, a drawing would have 3.6 billion pixels."""
    tall, flat = (pngs.write(np.zeros(shape, np.uint16), 0, 8) for shape in ((60_000, 1, 1), (1, 60_000, 1)))
    found = row_of(folders, tall, flat, pictures_dir=folders.out / "03.diff", drawing_path="x.png")
    assert (found.status, found.code) == ("changed", "dimensions_differ")
    assert "It was not drawn: together the two span 60000 x 60000 px." in found.messages
    assert not (folders.out / "03.diff").exists()
