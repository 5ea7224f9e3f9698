"""Boxes around what differs: what they promise, and a slow search that must find the same ones."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracles

from mymodules import metrics, regions
from mymodules.regions import gathering

SEEDS = st.integers(0, 2**32 - 1)


def mask_of(shape: tuple[int, int], *places: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for y, x in places:
        mask[y, x] = True
    return mask


def sprinkled(height: int, width: int, seed: int, most: int = 60) -> np.ndarray:
    """A mask of single pixels, short lines and blocks."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), bool)
    for _ in range(int(rng.integers(0, most))):
        y, x = rng.integers(height), rng.integers(width)
        tall, wide = rng.choice([(1, 1), (1, 1), (1, 6), (5, 1), (4, 4)])
        mask[y : y + tall, x : x + wide] = True
    return mask


def check(mask: np.ndarray, gap_x: int = 16, gap_y: int = 8) -> list[oracles.Box]:
    """The boxes found, after every promise that can be checked of them alone."""
    found = regions.from_pixels(mask)
    assert isinstance(found, tuple)
    assert all(isinstance(box, regions.Region) for box in found)
    assert regions.from_pixels(mask.copy()) == found
    covered = np.zeros(mask.shape, int)
    for x, y, width, height in found:
        assert width > 0
        assert height > 0
        assert 0 <= x <= x + width <= mask.shape[1]
        assert 0 <= y <= y + height <= mask.shape[0]
        inside = mask[y : y + height, x : x + width]
        tight = inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
        assert tight, (x, y, width, height)
        covered[y : y + height, x : x + width] += 1
    assert covered.max(initial=0) <= 1, "boxes overlap"
    assert (covered[mask] == 1).all(), "a pixel is in no box"
    boxes = [tuple(map(int, box)) for box in found]
    assert boxes == sorted(boxes, key=lambda box: (box[1], box[0]))
    if len(boxes) <= 100:
        for i, a in enumerate(boxes):
            assert not any(oracles.near(a, b, gap_x, gap_y) for b in boxes[i + 1 :])
    return boxes


def test_nothing_differs() -> None:
    assert regions.from_pixels(np.zeros((20, 30), bool)) == ()


@pytest.mark.parametrize("place", [(0, 0), (0, 29), (19, 0), (19, 29), (7, 11)])
def test_one_pixel(place: tuple[int, int]) -> None:
    assert check(mask_of((20, 30), place)) == [(place[1], place[0], 1, 1)]


def test_a_region_is_x_y_width_height_in_plain_numbers() -> None:
    mask = np.zeros((50, 60), bool)
    mask[10:13, 20:27] = True
    (region,) = regions.from_pixels(mask)
    assert region == (20, 10, 7, 3)
    assert (region.x, region.y, region.width, region.height) == (20, 10, 7, 3)
    assert {type(value) for value in region} == {int}


@pytest.mark.parametrize(
    ("columns", "rows", "count"),
    [(16, 0, 1), (17, 0, 2), (0, 8, 1), (0, 9, 2), (16, 8, 1), (17, 8, 2), (16, 9, 2), (17, 9, 2)],
)
def test_boxes_merge_up_to_16_columns_and_8_rows_between_them(columns: int, rows: int, count: int) -> None:
    second = (5 + rows + 1, 5 + columns + 1)
    for mask in (mask_of((40, 60), (5, 5), second), mask_of((40, 60), (5, second[1]), (second[0], 5))):
        assert len(check(mask)) == count


def test_a_merged_box_reaches_boxes_that_its_parts_did_not() -> None:
    # the third pixel is far from both others, but near to the box around them
    mask = mask_of((60, 80), (10, 10), (18, 26), (26, 30), (10, 42))
    assert check(mask) == oracles.boxes(mask)
    corner = mask_of((40, 60), (0, 0), (8, 16), (8, 0))
    assert check(corner) == [(0, 0, 17, 9)]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(height=st.integers(1, 120), width=st.integers(1, 200), seed=SEEDS)
def test_boxes_equal_those_of_a_slow_search(height: int, width: int, seed: int) -> None:
    mask = sprinkled(height, width, seed)
    assert check(mask) == oracles.boxes(mask)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_on_larger_sparse_masks(seed: int) -> None:
    mask = sprinkled(500, 700, seed, most=120)
    assert check(mask) == oracles.boxes(mask)


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_line_beside_many_dots(turned: bool) -> None:
    mask = np.zeros((900, 90), bool)
    mask[::10, 30::20] = True  # too far apart in y for one another: 8 rows may lie between them, here 9
    mask[:, 0] = True
    mask[450, 10] = True  # 9 columns from the line and 19 from the dots
    mask = mask.T.copy() if turned else mask
    assert check(mask) == oracles.boxes(mask)


@pytest.mark.parametrize("seed", range(6))
def test_noise_of_growing_density(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((150, 200)) < 10.0 ** (-seed / 2 - 1)
    assert check(mask) == oracles.boxes(mask)


def test_everything_differs() -> None:
    assert regions.from_pixels(np.ones((1500, 1200), bool)) == ((0, 0, 1200, 1500),)


def test_a_chessboard_is_one_box() -> None:
    mask = np.indices((1000, 801)).sum(axis=0) % 2 == 0
    assert regions.from_pixels(mask) == ((0, 0, 801, 1000),)


@pytest.mark.parametrize(
    ("down", "across", "boxes"),
    [(20, 25, 500), (20, 26, None), (30, 30, None)],
    ids=["500 stay", "520 merge", "900 merge"],
)
def test_above_500_boxes_the_gaps_double(down: int, across: int, boxes: int | None) -> None:
    """Isolated pixels 18 columns and 10 rows apart: near only once the gaps have doubled."""
    mask = np.zeros((down * 10, across * 18), bool)
    mask[::10, ::18] = True
    found = check(mask)
    assert found == oracles.boxes(mask)
    assert len(found) == (boxes or 1)


@pytest.mark.parametrize("seed", range(4))
def test_above_500_uneven_boxes_the_gaps_double_until_500_are_left(seed: int) -> None:
    """Distances are drawn, so that each doubling joins some of them and not all."""
    rng = np.random.default_rng(seed)
    rows = np.cumsum(rng.choice([12, 14, 24, 50], 36))
    columns = np.cumsum(rng.choice([20, 30, 45, 90], 36))
    mask = np.zeros((rows[-1] + 1, columns[-1] + 1), bool)
    mask[np.ix_(rows, columns)] = rng.random((36, 36)) < 0.9
    expected = oracles.boxes(mask)
    assert 1 <= len(expected) <= 500
    assert len(oracles.merged([(int(x), int(y), 1, 1) for y, x in np.argwhere(mask)], 16, 8)) > 500
    assert check(mask) == expected


def test_a_mask_is_left_alone_and_may_be_a_view() -> None:
    whole = sprinkled(100, 150, 3)
    part = whole[5:90, 7:120]
    before = part.copy()
    assert check(part) == oracles.boxes(before)
    assert np.array_equal(part, before)


# Pixels of each box


def counted(mask: np.ndarray, heights: list[int]) -> list[int]:
    """Differing pixels of each box, from bands of these heights; the boxes are those of the whole mask."""
    gatherer = regions.Gatherer()
    top = 0
    for height in [*heights, len(mask)]:
        gatherer.add(top, mask[top : top + height])
        top += height
    boxes, pixels = gatherer.counted()
    assert boxes == gatherer.regions() == regions.from_pixels(mask)
    assert isinstance(pixels, tuple)
    assert {type(count) for count in pixels} <= {int}
    return list(pixels)


def in_boxes(mask: np.ndarray) -> list[int]:
    return [int(mask[y : y + tall, x : x + wide].sum()) for x, y, wide, tall in oracles.boxes(mask)]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    height=st.integers(1, 120),
    width=st.integers(1, 200),
    seed=SEEDS,
    heights=st.lists(st.integers(1, 60), max_size=5),
)
def test_pixels_of_each_box(height: int, width: int, seed: int, heights: list[int]) -> None:
    mask = sprinkled(height, width, seed)
    pixels = counted(mask, heights)
    assert pixels == in_boxes(mask)
    assert sum(pixels) == mask.sum()


@pytest.mark.parametrize("seed", range(6))
def test_pixels_of_boxes_in_noise(seed: int) -> None:
    mask = np.random.default_rng(seed).random((150, 200)) < 10.0 ** (-seed / 2 - 1)
    assert counted(mask, [7, 64, 3]) == in_boxes(mask)


def test_pixels_where_everything_differs_and_where_nothing_does() -> None:
    assert counted(np.ones((300, 211), bool), [128, 128]) == [300 * 211]
    assert counted(np.zeros((300, 211), bool), [128, 128]) == []


def test_pixels_of_boxes_that_are_merged_by_doubled_gaps() -> None:
    mask = np.zeros((260, 520), bool)
    mask[::10, ::18] = True  # 26 rows of 29 pixels, far apart: 754 boxes until the gaps double
    assert counted(mask, [100]) == [26 * 29]


@pytest.mark.parametrize("common", [(20, 30), (25, 30), (20, 40), (25, 40)])
def test_pixels_outside_the_common_area_all_count(common: tuple[int, int]) -> None:
    """Of 25 x 40 px; the box of the one pixel at (2, 3) is far from all others."""
    gatherer = regions.Gatherer()
    mask = mask_of(common, (2, 3))
    gatherer.add(0, mask)
    gatherer.add_outside((25, 40), common)
    boxes, pixels = gatherer.counted()
    whole = np.ones((25, 40), bool)
    whole[: common[0], : common[1]] = mask
    assert list(pixels) == [int(whole[y : y + tall, x : x + wide].sum()) for x, y, wide, tall in boxes]
    assert sum(pixels) == 25 * 40 - common[0] * common[1] + 1


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_boxes_that_were_apart_merge_with_what_is_added(first: bool) -> None:
    """Columns 40 to 49 are outside, 14 px from the pixel in column 25 and 36 px from that in column 3."""
    mask = mask_of((30, 40), (2, 3), (20, 25))
    gatherer = regions.Gatherer()
    if first:
        gatherer.add_boxes(regions.boxes_of(mask), apart=True)
    gatherer.add_outside((30, 50), (30, 40))
    if not first:
        gatherer.add_boxes(regions.boxes_of(mask), apart=True)
    assert gatherer.counted() == (((25, 0, 25, 30), (3, 2, 1, 1)), (301, 1))


def test_boxes_that_are_apart_merge_by_doubled_gaps() -> None:
    mask = np.zeros((260, 520), bool)
    mask[::10, ::18] = True  # 26 rows of 29 pixels, as above
    gatherer = regions.Gatherer()
    gatherer.add_boxes(regions.boxes_of(mask), apart=True)
    assert gatherer.counted()[1] == (26 * 29,)


# The seed's way


def by_contours(similarity_map: np.ndarray) -> list[oracles.Box]:
    found = regions.from_similarity(similarity_map)
    assert isinstance(found, tuple)
    assert all(isinstance(box, regions.Region) for box in found)
    return sorted((tuple(map(int, box)) for box in found), key=lambda box: (box[1], box[0], box[2], box[3]))


def test_a_map_of_ones_has_no_box() -> None:
    assert regions.from_similarity(np.ones((30, 40))) == ()


@pytest.mark.parametrize("value", [1 - 1e-12, 1.0, 0.999, 254 / 255, 0.5, 1 / 255, 1e-6, 0.0, -0.3, -1.0])
def test_a_map_of_one_value(value: float) -> None:
    similarity_map = np.full((30, 40), value)
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map)


@pytest.mark.parametrize("value", [1, 0.9, 0.5, 254 / 255, 0.0, -0.5])
@pytest.mark.parametrize("rest", [1.0, 1 - 1e-12, 0.5, 0.0])
def test_a_map_of_two_values(value: float, rest: float) -> None:
    similarity_map = np.full((60, 80), rest)
    similarity_map[10:20, 30:50] = value
    similarity_map[59, 79] = value
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map)


def test_noise_below_1_is_still_1() -> None:
    """scikit-image's map is 1 - 1e-12 where nothing changed: that must not become 254 and a box."""
    similarity_map = 1 - 1e-12 * np.random.default_rng(0).random((50, 60))
    assert regions.from_similarity(similarity_map) == ()
    similarity_map[10:15, 20:30] = 0.2
    assert regions.from_similarity(similarity_map) == ((20, 10, 10, 5),)


def test_a_ring_is_one_box_and_what_it_holds_is_not_another() -> None:
    similarity_map = np.ones((60, 60))
    similarity_map[10:50, 10:50] = 0.1
    similarity_map[15:45, 15:45] = 1
    similarity_map[25:30, 25:30] = 0.1
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map) == [(10, 10, 40, 40)]


def test_diagonal_neighbours_are_one_contour() -> None:
    similarity_map = np.ones((20, 20))
    similarity_map[5, 5] = similarity_map[6, 6] = similarity_map[7, 5] = 0
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map) == [(5, 5, 2, 3)]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=SEEDS)
def test_contours_of_drawn_maps(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity_map = np.ones((height, width))
    for _ in range(int(rng.integers(0, 9))):
        y, x = rng.integers(height), rng.integers(width)
        part = similarity_map[y : y + 1 + rng.integers(20), x : x + 1 + rng.integers(20)]
        part[:] = rng.choice([rng.uniform(-1, 1, part.shape), np.full(part.shape, rng.uniform(-1, 1))])
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map)


@settings(derandomize=True, deadline=None, max_examples=75)
@given(levels=st.lists(st.integers(0, 255), min_size=1, max_size=6), seed=SEEDS, large=st.booleans())
def test_contours_where_otsu_has_ties(levels: list[int], seed: int, large: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (300, 280) if large else (12, 14)
    similarity_map = rng.choice(levels, shape) / 255
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map)


@pytest.mark.parametrize("sizes", [(80, 90, 80, 90), (80, 90, 100, 90), (60, 90, 80, 50)])
@pytest.mark.parametrize("seed", range(5))
def test_contours_of_real_similarity(sizes: tuple[int, int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    page = rng.choice([0, 255], (100, 90), p=[0.1, 0.9]).astype(np.uint8)
    other = page.copy()
    other[20:30, 5:40] = rng.integers(0, 256, (10, 35))
    other[50, 45] = 128
    first, second = page[: sizes[0], : sizes[1]], other[: sizes[2], : sizes[3]]
    _, similarity_map = metrics.structural_similarity(first, second)
    assert by_contours(similarity_map) == oracles.similarity_boxes(similarity_map)
    # and the textbook's own map, noise and all
    _, textbook = oracles.similarity(first, second)
    assert by_contours(textbook) == oracles.similarity_boxes(textbook)


def test_a_similarity_map_is_left_alone() -> None:
    similarity_map = np.random.default_rng(1).uniform(-1, 1, (40, 50))
    before = similarity_map.copy()
    regions.from_similarity(similarity_map)
    assert np.array_equal(similarity_map, before)


def test_a_picture_of_one_row_is_as_quick_as_one_of_one_column() -> None:
    """A pixel every 18 px: gaps of 17, then of 34 and more, until at most 500 boxes are left."""
    row = np.zeros((1, 600_000), bool)
    row[0, ::18] = True
    across, down = regions.from_pixels(row), regions.from_pixels(row.T)
    assert [(box.x, box.width) for box in across] == [(0, 599_995)]  # 33,333 * 18 + 1
    assert 1 <= len(down) <= gathering.MOST


@pytest.mark.parametrize("seed", range(100))
def test_the_threshold_is_that_of_opencv(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = np.full(rng.integers(1, 60, 2), 255, np.uint8)
    where = rng.random(found.shape) < rng.random()
    found[where] = rng.choice(rng.integers(0, 256, int(rng.integers(1, 40))), int(where.sum()))
    flags = cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU
    expected = cv2.threshold(found, 0, 1, flags)[1] * (found.min() < 255)
    assert np.array_equal(regions.threshold(found), expected)
    assert np.array_equal(regions.threshold(found, np.bincount(found.reshape(-1), minlength=256)), expected)
