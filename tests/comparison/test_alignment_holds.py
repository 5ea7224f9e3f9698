"""What holds for any two pictures: pieces tile both, second can be rebuilt, and the causes add up."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.unequal import unequal

from mymodules import images, kernel
from mymodules.comparison import matching, row_digests
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.layout import layout
from mymodules.comparison.ledger import ledger
from mymodules.comparison.pieces import Piece, rebuilt, violations
from mymodules.errors import PictureError
from mymodules.regions import Region


def differing(first: np.ndarray, second: np.ndarray) -> int:
    """How many positions differ, by plain counting; what only one picture has, or neither, does."""
    height, width = (min(sizes) for sizes in zip(first.shape[:2], second.shape[:2], strict=True))
    larger = (max(sizes) for sizes in zip(first.shape[:2], second.shape[:2], strict=True))
    inside = unequal(first[:height, :width], second[:height, :width])
    return int(np.prod([*larger])) - inside.size + int(np.count_nonzero(inside))


def at(picture: np.ndarray, box: Region) -> np.ndarray:
    return picture[box.y : box.y + box.height, box.x : box.x + box.width]


def overlap(box: Region, other: Region) -> Region:
    left, top = max(box.x, other.x), max(box.y, other.y)
    right = min(box.x + box.width, other.x + other.width)
    bottom = min(box.y + box.height, other.y + other.height)
    return Region(left, top, max(0, right - left), max(0, bottom - top))


def is_patch(first: np.ndarray, second: np.ndarray, pieces: list[Piece], found: Sequence[Change]) -> bool:
    """Whether second follows from first, the pieces, and what of second the changes show.

    Pixels in no change are hidden from `rebuilt`; of what came, those around its content must repeat a row.
    """
    edits = [change for change in found if change.kind == "edit"]
    shown = np.zeros_like(second)
    for piece in pieces:
        if piece.kind != "edit":
            at(shown, piece.second)[...] = at(second, piece.second)
            continue
        at(shown, piece.second)[...] = at(first, piece.first)
        for change in edits:
            shift = change.second.x - change.first.x, change.second.y - change.first.y
            if shift == piece.displacement:
                part = overlap(piece.second, change.second)
                at(shown, part)[...] = at(second, part)
    return np.array_equal(rebuilt(first, second.shape[:2], pieces, shown), second)


def repeats_a_row(picture: np.ndarray, box: Region, content: Region) -> bool:
    """Whether all of a box but its content is the row above the box once more, or that below."""
    outside = np.ones((box.height, box.width), np.bool_)
    outside[content.y - box.y :, content.x - box.x :][: content.height, : content.width] = False
    neighbours = [y for y in (box.y - 1, box.y + box.height) if 0 <= y < len(picture)]
    return any(
        np.array_equal(at(picture, box)[outside], np.broadcast_to(row, (*outside.shape, 4))[outside])
        for row in (picture[y, box.x : box.x + box.width] for y in neighbours)
    )


def stand_once(first: np.ndarray, second: np.ndarray, pieces: list[Piece]) -> bool:
    """Whether each pixel of either picture stands on the page once, and equal rows beside each other."""
    parts = layout(pieces)
    for side, picture in (("first", first), ("second", second)):
        boxes = [(part.x, part.y, getattr(part, side)) for part in parts]
        covered = np.zeros(picture.shape[:2], np.uint8)
        size = max(y + box.height for _, y, box in boxes), max(x + box.width for x, _, box in boxes)
        page = np.zeros(size, np.uint8)
        for x, y, box in boxes:
            at(covered, box)[...] += 1
            at(page, Region(x, y, box.width, box.height))[...] += 1
        if not (covered == 1).all() or (page > 1).any():
            return False
    together = {(part.first, part.second) for part in parts}
    return all((piece.first, piece.second) in together for piece in pieces if piece.kind == "same")


def proved(first: np.ndarray, second: np.ndarray) -> list[Piece]:
    """The pieces of a pair; what must hold of them, of the causes and of the changes is checked."""
    pieces = list(align(first, second))
    assert violations(first, second, pieces) == []
    assert ledger(first, second, pieces).total == differing(first, second)
    assert stand_once(first, second, pieces)
    found = changes(first, second, pieces)
    assert is_patch(first, second, pieces, found)
    others = [change for change in found if change.kind != "edit"]
    assert len(others) == sum(piece.kind not in ("same", "edit") for piece in pieces)
    assert sum(change.pixels for change in found if change.kind == "edit") == sum(
        np.count_nonzero(unequal(at(first, piece.first), at(second, piece.second)))
        for piece in pieces
        if piece.kind == "edit"
    )
    for piece in pieces:
        if piece.kind == "insert" and piece.first.width:  # of columns the same is true of columns
            contents = [
                Region(*piece.second[:2], 0, 0) if change.kind == "space" else change.second
                for change in others
                if change.kind in ("insert", "space")
                and overlap(change.second, piece.second) == change.second
            ]
            assert any(repeats_a_row(second, piece.second, content) for content in contents) or (
                piece.second in contents
            )
    return pieces


COLOURS = np.array([[0, 0, 0, 255], [255, 255, 255, 255], [200, 10, 10, 255], [0, 0, 0, 254]], np.uint8)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures that share much: rows and blocks come, go, move, repeat, change; or the sizes differ."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    height, width = draw(st.integers(1, 90)), draw(st.integers(1, 70))
    kinds = draw(st.integers(1, len(COLOURS)))
    first = COLOURS[random.integers(0, kinds, (height, width))]
    if draw(st.booleans()):  # most rows are empty or repeated, as on pages
        rows = random.integers(0, max(1, height // 4), height)
        first = np.where(random.random((height, 1, 1)) < 0.5, COLOURS[0], first[rows])
    second = first.copy()
    for _ in range(draw(st.integers(0, 4))):
        top, bottom = sorted(random.integers(0, len(second) + 1, 2).tolist())
        action = draw(st.sampled_from(["come", "go", "change", "exchange", "repeat"]))
        if action == "come":
            new = COLOURS[random.integers(0, kinds, (bottom - top, width))]
            second = np.concatenate([second[:top], new, second[top:]])
        elif action == "go" and bottom - top < len(second):
            second = np.concatenate([second[:top], second[bottom:]])
        elif action == "change":
            left, right = sorted(random.integers(0, width + 1, 2).tolist())
            second[top:bottom, left:right] = COLOURS[random.integers(len(COLOURS))]
        elif action == "exchange":
            second = np.concatenate([second[top:bottom], second[:top], second[bottom:]])
        else:
            second = np.concatenate([second[:bottom], second[top:bottom], second[bottom:]])
    if draw(st.booleans()):
        first, second = first.transpose(1, 0, 2), second.transpose(1, 0, 2)
    if draw(st.integers(0, 5)) == 0:
        second = second[: max(1, len(second) - 1), : max(1, second.shape[1] - 1)]
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


@given(drawn())
def test_any_two_pictures(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """With the kernel and without it everything is the same."""
    pieces = proved(*pair)
    found, causes = changes(*pair, pieces), ledger(*pair, pieces, differing=differing(*pair))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "loaded", lambda: None)
        assert list(align(*pair)) == pieces
        assert changes(*pair, pieces) == found
        assert ledger(*pair, pieces) == causes


def colliding(words: np.ndarray) -> row_digests.Rows:
    return row_digests.Rows(np.zeros(len(words), np.uint64), (words == words[:, :1]).all(axis=1))


@given(drawn())
def test_equal_digests_of_different_rows_do_no_harm(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Bytes decide: with digests that collide always the pieces are worse, but hold."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_digests, "of_pixels", colliding)
        patch.setattr(
            row_digests, "of_structure", lambda found: np.arange(len(found.packed), dtype=np.uint64) % 7
        )
        proved(*pair)


@given(drawn())
def test_rows_that_differ_may_be_handed_over(pair: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = pair
    if first.shape != second.shape:
        second = first[::-1].copy()
    differ = (first != second).any(axis=(1, 2))
    assert align(first, second, rows_differ=differ) == align(first, second)


def test_high_pages_whose_rows_moved_within_lanes_and_between_pictures() -> None:
    """All steps of the search at once: noise that keeps its structure, in columns, with rows that came."""
    random = np.random.default_rng(5)
    column = random.integers(0, 2, (300, 100, 1), np.uint8) * np.uint8(200)
    page = np.repeat(np.concatenate([column, np.zeros((300, 30, 1), np.uint8), column], axis=1), 4, axis=2)
    brighter = page + np.uint8(20)
    for second in (
        np.concatenate([brighter[:100], brighter[80:]]),
        np.concatenate([brighter[40:], brighter[:40]]),
        np.concatenate([page[:, :130], np.roll(brighter[:, 130:], 37, axis=0)], axis=1),
        np.concatenate([page[:90], brighter[120:], page[:50]]),
    ):
        proved(page, second)
        proved(second, page)


@pytest.mark.parametrize("shapes", [((0, 5), (3, 5)), ((3, 5), (3, 0)), ((0, 5), (0, 5)), ((0, 5), (3, 0))])
def test_pictures_without_pixels(shapes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    first, second = (np.full((*shape, 4), 9, np.uint8) for shape in shapes)
    pieces = align(first, second)
    assert violations(first, second, pieces) == []
    assert ledger(first, second, pieces).total == differing(first, second)


def test_both_sizes_differ() -> None:
    """What only one picture has, or neither, has changed: 6 x 5 positions but 4 x 3 that are equal."""
    first, second = np.zeros((6, 3, 4), np.uint8), np.zeros((4, 5, 4), np.uint8)
    (piece,) = proved(first, second)
    assert piece == Piece("swap", Region(0, 0, 3, 6), Region(0, 0, 5, 4))
    assert ledger(first, second, [piece]).changed == 6 * 5 - 4 * 3


@pytest.mark.parametrize("broken", [np.zeros((3, 4), np.uint8), np.zeros((3, 4, 4)), "picture"])
def test_arrays_of_another_kind_are_refused(broken: Any) -> None:
    good = np.zeros((3, 4, 4), np.uint8)
    for call in (align, lambda a, b: changes(a, b, []), lambda a, b: ledger(a, b, [])):
        with pytest.raises(PictureError, match="first is"):
            call(broken, good)
        with pytest.raises(PictureError, match="second is"):
            call(good, broken)


def test_what_does_not_hold_is_named() -> None:
    first, second = np.zeros((4, 3, 4), np.uint8), np.ones((4, 3, 4), np.uint8)
    box, half = Region(0, 0, 3, 4), Region(0, 0, 3, 2)
    for pieces, expected in (
        ([], ["The pieces do not tile first.", "The pieces do not tile second."]),
        (
            [Piece("edit", half, half)] * 2,
            ["The pieces do not tile first.", "The pieces do not tile second."],
        ),
        ([Piece("edit", box, box)], []),
        ([Piece("same", box, box)], ["The sides of {} are not equal."]),
        ([Piece("insert", box, box)], ["One side of {} must be empty."]),
    ):
        assert violations(first, second, pieces) == [text.format(*pieces) for text in expected]


@given(st.lists(st.integers(0, 12), max_size=9))
def test_a_longest_increasing_subsequence(values: list[int]) -> None:
    places = matching.increasing(values)
    assert places == sorted(places)
    chosen = [values[place] for place in places]
    assert all(one < other for one, other in itertools.pairwise(chosen))
    assert len(chosen) == max(
        (
            len(part)
            for length in range(len(values) + 1)
            for part in itertools.combinations(values, length)
            if all(one < other for one, other in itertools.pairwise(part))
        ),
        default=0,
    )


NAMES = ["agent.png", "home.png", "examples-interpret.png", "examples-object-comparison.png"]
PLOTS = ["mplot3d/test_axes3d/voxels-named-colors.png", "mplot3d/test_legend3d/legend_bar.png"]


@pytest.mark.parametrize(
    "name", [*(f"screenshots/*/{name}" for name in NAMES), *(f"plots/*/{n}" for n in PLOTS)]
)
def test_real_pairs(shared_data: Path, name: str) -> None:
    """Pages that grew, one of which all rows changed, and plots of one size and of two."""
    paths = [shared_data / "data" / name.replace("*", side) for side in ("first", "second")]
    if not paths[0].is_file():
        pytest.skip(f"{paths[0]} is not among the shared data")
    first, second = (images.read_rgba(path) for path in paths)
    pieces = proved(first, second)
    if first.shape[0] != second.shape[0] and first.shape[1] == second.shape[1]:
        assert any(piece.kind == "same" and piece.displacement != (0, 0) for piece in pieces)
