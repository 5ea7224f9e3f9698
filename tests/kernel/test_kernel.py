"""The compiled kernel gives what the plain ways give, for any pair of rows, and leaves the pictures alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support import oracles, pngs, stored

from mymodules import kernel
from mymodules.kernel import Figures, Kernel

BOUND = 2**-33 + 1e-12
"""Of the error of 1 - SSIM in one pixel: half a unit of 2^-32, and what two ways of adding up differ."""

ANY_FILTERS = [0, 1, 2, 3, 4, 4, 2, 1, 0, 3, 2, 4]


def check(kernel_: Kernel, first: np.ndarray, second: np.ndarray, *filters: pngs.Filters) -> Figures:
    """Compare two pictures of one kind, and hold everything against the oracles."""
    height, channels = min(len(first), len(second)), first.shape[2]
    widths = first.shape[1], second.shape[1]
    width = min(widths)
    rows = [
        stored.rows(picture, how, kernel.READ_BEYOND)
        for picture, how in zip((first, second), filters, strict=True)
    ]
    similarity = np.full((height, width), 255, np.uint8)
    shades = np.zeros((height, (width + 1) // 2), np.uint8)
    found = kernel_.compare(*rows, height, widths, channels, similarity=similarity, shades=shades)

    one, other = (stored.rgba(picture[:height, :width]) for picture in (first, second))
    expected = oracles.pixel_diff(one, other)
    assert found.differing == expected["numDiffPixels"]
    assert list(found.largest) == expected["maxRGBADiffs"]

    _, full = oracles.similarity_same_size(oracles.gray(one), oracles.gray(other))
    inner = full[3 : height - 3, 3 : width - 3]
    assert abs(found.dissimilarity / 2**32 - (1 - inner).sum()) <= BOUND * inner.size
    equal = oracles.windows_equal(oracles.gray(one), oracles.gray(other))
    assert (similarity[equal] == 255).all()
    near = 255 * np.clip(full, 0, 1)  # a value that is all but whole may be cut off on either side
    assert np.array_equal(similarity, np.clip(similarity, np.floor(near - 1e-6), np.floor(near + 1e-6)))
    assert np.array_equal(found.levels[:255], np.bincount(similarity.reshape(-1), minlength=256)[:255])
    assert found.levels.sum() <= similarity.size

    assert np.array_equal(stored.coloured(shades, width), oracles.delta(one, other))
    check_boxes(found, (one != other).any(axis=2))
    for picture, left in zip((first, second), rows, strict=True):
        assert stored.show(left, picture)
        assert (left[-kernel.READ_BEYOND :] == 171).all()

    again = [
        stored.rows(picture, how, kernel.READ_BEYOND)
        for picture, how in zip((second, first), filters, strict=True)
    ]
    alike = None
    if len(set(widths)) == 1:
        parts = [rows[: height * (1 + width * channels)].reshape(height, -1) for rows in again]
        alike = (parts[0] == parts[1]).all(axis=1).astype(np.uint8)
    mirrored = kernel_.compare(*again, height, widths[::-1], channels, equal=alike)
    assert mirrored[:3] == found[:3]  # symmetric, and the same without the drawings
    return found


def check_boxes(found: Figures, mask: np.ndarray) -> None:
    """The boxes are those of single pixels, merged until none are near; each pixel counts in one of them."""
    pixels = [(int(x), int(y), 1, 1) for y, x in np.argwhere(mask)]
    boxes = [(left, top, right - left, bottom - top) for left, top, right, bottom, _ in found.boxes.tolist()]
    assert sorted(boxes) == sorted(oracles.merged(pixels, 16, 8))
    for (x, y, wide, high), count in zip(boxes, found.boxes[:, 4].tolist(), strict=True):
        assert count == np.count_nonzero(mask[y : y + high, x : x + wide])


@given(
    size=st.tuples(st.integers(7, 50), st.integers(7, 110)),
    channels=st.sampled_from([3, 4]),
    seed=st.integers(0, 2**32 - 1),
    filters=st.tuples(*[st.lists(st.integers(0, 4), min_size=1, max_size=12)] * 2),
    cut=st.integers(0, 5),
)
@hypothesis_settings(max_examples=30)
def test_any_pair(kernels: list[Kernel], size: Any, channels: int, seed: int, filters: Any, cut: int) -> None:
    rng = np.random.default_rng(seed)
    first = stored.page(rng, *size, channels)
    second = stored.changed(rng, first)
    second = second[: max(7, len(second) - cut)]
    if seed % 2:
        filters = filters[0], filters[0]  # as one encoder writes both: most stored rows are equal
    if seed % 3 == 0:
        second = second[:, : max(7, size[1] - cut * seed % 50)]
    results = [check(each, first, second, *filters) for each in kernels]
    for result in results[1:]:
        assert result[:3] == results[0][:3]
        assert all(map(np.array_equal, result[3:], results[0][3:]))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(
    "width", [7, 8, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 63, 64, 65, 67, 68, 69, 96, 129]
)
def test_widths_around_the_blocks(kernels: list[Kernel], width: int, channels: int) -> None:
    rng = np.random.default_rng([width, channels])
    first = stored.page(rng, 20, width, channels)
    second = first.copy()
    for column in {0, 2, 3, width // 2, width - 4, width - 3, width - 1}:
        second[int(rng.integers(20)), column] ^= 9
    for each in kernels:
        check(each, first, second, ANY_FILTERS, 4)


@pytest.mark.parametrize("height", [7, 8, 13, 14, 40])
def test_differences_at_the_upper_and_lower_edge(kernels: list[Kernel], height: int) -> None:
    rng = np.random.default_rng(height)
    first = stored.page(rng, height, 40, 3)
    for y in {0, 1, 2, 3, height - 4, height - 3, height - 1}:
        second = first.copy()
        second[y, 10:30] ^= 200
        for each in kernels:
            check(each, first, second, 4, 4)


@pytest.mark.parametrize("filters", [0, 1, 2, 3, 4])
def test_far_below_where_unfiltering_has_to_begin(kernels: list[Kernel], filters: int) -> None:
    rng = np.random.default_rng(filters)
    first = rng.integers(0, 256, (400, 16, 3)).astype(np.uint8)
    second = first.copy()
    for y in (0, 90, 97, 104, 260, 399):
        second[y, int(rng.integers(16))] ^= 1
    for each in kernels:
        assert check(each, first, second, filters, filters).differing == 6


def test_equal_pictures_are_equal_however_they_are_stored(kernels: list[Kernel]) -> None:
    rng = np.random.default_rng(0)
    first = stored.page(rng, 60, 70, 4)
    for each in kernels:
        for filters in ((4, 4), (4, 2), (ANY_FILTERS, ANY_FILTERS[::-1]), (rng, rng)):
            found = check(each, first, first, *filters)
            assert found[:3] == (0, (0, 0, 0, 0), 0)


def test_black_and_white(kernels: list[Kernel]) -> None:
    """Every window: S = C1 C2 / ((255^2 + C1) C2) = 6.5025 / 65031.5025."""
    black = np.zeros((9, 10, 3), np.uint8)
    expected = round((1 - 6.5025 / 65031.5025) * 2**32) * 3 * 4
    for each in kernels:
        found = check(each, black, black + np.uint8(255), 0, 0)
        assert (found.differing, found.largest) == (90, (255, 255, 255, 0))
        assert abs(found.dissimilarity - expected) <= 12


def test_paeth_predicts_from_any_three_neighbours(kernels: list[Kernel]) -> None:
    """Pairs of rows: corner and above, then left and a stored 0, which shows the prediction."""
    values = [0, 1, 2, 3, 5, 60, 84, 85, 86, 120, 126, 127, 128, 129, 170, 171, 250, 252, 253, 254, 255]
    corner, above, left = (part.reshape(-1, 3) for part in np.meshgrid(*[values] * 3, indexing="ij"))
    rows = np.zeros((2 * len(corner), 7, 3), np.uint8)
    rows[0::2, 0], rows[0::2, 1], rows[1::2, 0] = corner, above, left - corner
    lines = np.zeros((len(rows), 1 + 21), np.uint8)
    lines[:, 1:] = rows.reshape(len(rows), -1)
    lines[1::2, 0] = 4
    flat = np.append(lines.reshape(-1), np.zeros(kernel.READ_BEYOND, np.uint8))
    expected = stored.samples(flat, rows.shape)
    for each in kernels:
        for other in (
            np.zeros_like(flat),
            flat ^ np.where(np.arange(flat.size) % 22, np.uint8(1), np.uint8(0)),
        ):
            taken = flat.copy()
            each.compare(taken, other, len(rows), (7, 7), 3)
            assert (taken[: lines.size].reshape(lines.shape)[:, 0] == 0).all()
            assert np.array_equal(
                taken[: lines.size].reshape(lines.shape)[:, 1:].reshape(rows.shape), expected
            )


def test_many_small_differences_are_joined(kernels: list[Kernel]) -> None:
    """Combs and spirals: groups that meet only at their ends."""
    mask = np.zeros((120, 160), bool)
    mask[:, ::16] = True
    mask[-1] = True
    mask[:60, 8::32] = True
    first = np.zeros((120, 160, 3), np.uint8)
    second = first + mask[:, :, None].astype(np.uint8)
    for each in kernels:
        found = check(each, first, second, 0, 0)
        assert len(found.boxes) == 1
        assert found.boxes[:, 4].tolist() == [np.count_nonzero(mask)]


def test_rows_below_the_shorter_picture_are_left_alone(kernels: list[Kernel]) -> None:
    rng = np.random.default_rng(3)
    first = stored.page(rng, 30, 20, 3)
    for each in kernels:
        check(each, first, first[:11] ^ np.uint8(1), 4, 4)


@pytest.mark.parametrize("filters", [0, 1, 2, 3, 4, ANY_FILTERS])
@pytest.mark.parametrize("channels", [3, 4])
def test_one_picture_may_be_wider(kernels: list[Kernel], channels: int, filters: pngs.Filters) -> None:
    rng = np.random.default_rng(channels)
    wide = stored.page(rng, 40, 70, channels)
    for width in (7, 32, 66, 69):
        narrow = wide[:, :width].copy()
        assert check(kernels[0], wide, narrow, filters, filters).differing == 0
        narrow[25, 5:7] ^= 255
        for each in kernels:
            assert check(each, wide, narrow, filters, filters).differing == 2


@pytest.mark.parametrize("channels", [3, 4])
def test_only_the_wanted_rows_and_those_they_depend_on_are_unfiltered(
    kernels: list[Kernel], channels: int
) -> None:
    page = stored.page(np.random.default_rng(channels), 12, 33, channels)
    filters = [4, 2, 3, 1, 4, 4, 2, 0, 3, 4, 1, 2]
    wanted = np.isin(np.arange(12), [5, 9, 10])
    for each in kernels:
        rows = stored.rows(page, filters, kernel.READ_BEYOND)
        each.unfilter(rows, wanted, 33, channels)
        left = rows[: -kernel.READ_BEYOND].reshape(12, -1)[:, 0].tolist()
        assert left == [4, 2, 3, 0, 0, 0, 2, 0, 0, 0, 0, 2]  # 5 depends on 4 and 3, and 9 on 8
        assert np.array_equal(stored.samples(rows, page.shape), page)
        assert (rows[-kernel.READ_BEYOND :] == 171).all()
        each.unfilter(rows, np.ones(12, bool), 33, channels)
        assert np.array_equal(rows[: -kernel.READ_BEYOND].reshape(12, -1)[:, 1:], page.reshape(12, -1))


def test_rows_to_unfilter_that_do_not_fit_are_refused(kernels: list[Kernel]) -> None:
    page = np.zeros((5, 3, 3), np.uint8)
    rows = stored.rows(page, 4, kernel.READ_BEYOND)
    every = np.ones(5, bool)
    broken = rows.copy()
    broken[40] = 5
    for each in kernels:
        each.unfilter(rows.copy(), every, 3, 3)
        for arguments in [
            (rows[:-1].copy(), every, 3, 3), (rows, np.ones(6, bool), 3, 3), (rows, every[:0], 3, 3),
            (rows, every, 4, 3), (rows, every, 0, 3), (rows, every, 3, 2), (rows, every, 2**62, 3),
        ]:  # fmt: skip
            with pytest.raises(ValueError, match="fit"):
                each.unfilter(*arguments)
        with pytest.raises(ValueError, match="filter"):
            each.unfilter(broken, every, 3, 3)


def sound() -> dict[str, Any]:
    """Arguments of a comparison that is fine."""
    size = 9 * (1 + 10 * 3) + kernel.READ_BEYOND
    first, second = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    return {"first": first, "second": second, "height": 9, "widths": (10, 10), "channels": 3}


def read_only() -> np.ndarray:
    array = sound()["first"]
    array.flags.writeable = False
    return array


WRONG = {
    "short": {"second": sound()["second"][:-1]},
    "strided": {"first": np.zeros(1000, np.uint8)[::2]},
    "of another type": {"first": np.zeros(1000, np.int8)},
    "not flat": {"second": np.zeros((9, 47), np.uint8)},
    "read only": {"first": read_only()},
    "too low": {"height": 6},
    "too narrow": {"widths": (10, 6)},
    "negative": {"height": -9, "widths": (-10, -10)},
    "higher than the rows": {"height": 10},
    "wider than the rows": {"widths": (11, 10)},
    "so large that sizes overflow": {"height": 2**62, "widths": (2**62, 2**62)},
    "more pixels than sums can hold": {"height": 2**15, "widths": (2**15 + 1, 10)},
    "gray": {"channels": 1},
    "no channels": {"channels": 0},
    "too few rows are known": {"equal": np.zeros(8, np.uint8)},
    "rows of different widths that are equal": {"widths": (10, 9), "equal": np.zeros(9, np.uint8)},
    "map too low": {"similarity": np.zeros((8, 10), np.uint8)},
    "map too narrow": {"similarity": np.zeros((99, 9), np.uint8)},
    "shades too low": {"shades": np.zeros((8, 5), np.uint8)},
    "shades too narrow": {"shades": np.zeros((99, 4), np.uint8)},
    "map of another type": {"similarity": np.zeros((9, 10), np.int8)},
    "map with gaps between columns": {"similarity": np.zeros((9, 20), np.uint8)[:, ::2]},
    "map upside down": {"similarity": np.zeros((9, 10), np.uint8)[::-1]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused(kernels: list[Kernel], change: dict[str, Any]) -> None:
    arguments = sound()
    kernels[0].compare(**arguments)
    for each in kernels:
        with pytest.raises(ValueError, match=r"fit|flat|contiguous"):
            each.compare(**(sound() | change))


def test_rows_that_overlap_are_refused(kernels: list[Kernel]) -> None:
    rows = np.zeros(1000, np.uint8)
    with pytest.raises(ValueError, match="flat arrays"):
        kernels[0].compare(rows, rows[1:], 9, (10, 10), 3)


@pytest.mark.parametrize("side", ["first", "second"])
@pytest.mark.parametrize("row", [0, 4, 8])
def test_a_filter_that_does_not_exist_is_refused(kernels: list[Kernel], side: str, row: int) -> None:
    for each in kernels:
        arguments = sound()
        arguments[side][row * 31] = 5
        with pytest.raises(ValueError, match="filter"):
            each.compare(**arguments)


@given(data=st.binary(min_size=800, max_size=800), seed=st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=100)
def test_any_bytes(kernels: list[Kernel], data: bytes, seed: int) -> None:
    """Rows that no encoder would write: whatever is read, it is what they show."""
    rng = np.random.default_rng(seed)
    channels, width = int(rng.integers(3, 5)), int(rng.integers(7, 40))
    shape = 7, width, channels
    size = 7 * (1 + width * channels)
    first = np.resize(np.frombuffer(data, np.uint8), size + kernel.READ_BEYOND).copy()
    second = first.copy()
    second[rng.integers(size, size=int(rng.integers(4)))] ^= 1
    for rows in (first, second):
        rows[:size].reshape(7, -1)[:, 0] %= 5
    one, other = (stored.rgba(stored.samples(rows, shape)) for rows in (first, second))
    for each in kernels:
        found = each.compare(first.copy(), second.copy(), 7, (width, width), channels)
        assert found.differing == np.count_nonzero((one != other).any(axis=2))
        assert list(found.largest) == oracles.pixel_diff(one, other)["maxRGBADiffs"]
