"""Changes planted into pages: each is found as what it is, with exactly its pixels, and nothing else is."""

from collections.abc import Sequence

import numpy as np
import pytest
from support import planted
from support.planted import EMPTY, HEIGHT, WIDTH, empty, section, sections, shaded, stacked
from support.unequal import unequal

from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.ledger import ledger
from mymodules.comparison.pieces import violations
from mymodules.regions import Region

SEEDS = range(10)
MIRRORED = {"insert": "remove", "remove": "insert"}


def found(first: np.ndarray, second: np.ndarray) -> list[Change]:
    """The changes of a pair; what must hold of its pieces and causes is checked."""
    pieces = align(first, second)
    assert violations(first, second, pieces) == []
    height, width = (max(sizes) for sizes in zip(first.shape[:2], second.shape[:2], strict=True))
    rows, columns = (min(sizes) for sizes in zip(first.shape[:2], second.shape[:2], strict=True))
    differs = np.ones((height, width), bool)
    differs[:rows, :columns] = unequal(first[:rows, :columns], second[:rows, :columns])
    assert ledger(first, second, pieces).total == np.count_nonzero(differs)
    return list(changes(first, second, pieces))


def both_ways(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> list[Change]:
    """The changes of two stacks of sections; exchanged, they must have the mirrored kinds."""
    one, other = stacked(first), stacked(second)
    forth, back = found(one, other), found(other, one)
    kinds = [MIRRORED.get(change.kind, change.kind) for change in back]
    assert sorted(kinds) == sorted(change.kind for change in forth)
    return forth


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("levels", [1, 9, 40, 90])
def test_other_colours_in_place(seed: int, levels: int) -> None:
    parts = sections(seed, 8)
    (change,) = both_ways(parts, [*parts[:5], shaded(parts[5], 60, 12, 30, 9, levels=levels), *parts[6:]])
    at = Region(60, 5 * HEIGHT + 12, 30, 9)
    assert (change.kind, change.first, change.second, change.pixels) == ("edit", at, at, 30 * 9)
    assert change.largest == levels
    assert change.faint == (30 * 9 if levels <= 8 else 0)


@pytest.mark.parametrize("width", [1, 3, 60, WIDTH])
def test_a_line_of_one_row(width: int) -> None:
    for seed in SEEDS:
        parts = sections(seed, 6)
        x, y = 17 * seed % (WIDTH - width + 1), 7 * seed % HEIGHT
        (change,) = both_ways(parts, [*parts[:2], shaded(parts[2], x, y, width, 1), *parts[3:]])
        assert (change.kind, change.second) == ("edit", Region(x, 2 * HEIGHT + y, width, 1))
        assert change.pixels == width


def test_alpha_by_one_level() -> None:
    first = stacked(sections(1, 5))
    second = first.copy()
    second[70:79, 33:42, 3] -= 1
    (change,) = found(first, second)
    assert (change.kind, change.second, change.pixels) == ("edit", Region(33, 70, 9, 9), 81)
    assert (change.largest, change.faint) == (1, 81)


@pytest.mark.parametrize("size", [12, 16, 24, 40])
def test_a_changed_word(size: int) -> None:
    for seed in SEEDS:
        parts = sections(seed, 4)
        one, other = empty(60), empty(60)
        planted.write(one, 40, 6, "Save", size=size)
        planted.write(other, 40, 6, "Sale", size=size)
        differs = unequal(one, other)
        (change,) = both_ways([*parts, one, parts[0]], [*parts, other, parts[0]])
        assert (change.kind, change.pixels) == ("edit", np.count_nonzero(differs))
        rows, columns = (np.flatnonzero(differs.any(axis=axis)) for axis in (1, 0))
        assert change.second[:2] == (columns[0], rows[0] + 4 * HEIGHT)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_sections_that_came(seed: int, count: int) -> None:
    parts = sections(seed, 9)
    new = [section(77_000 + seed * 100 + number) for number in range(count)]
    (change,) = both_ways(parts, [*parts[:4], *new, *parts[4:]])
    assert change.kind == "insert"
    assert change.pixels == count * HEIGHT * WIDTH
    content = change.second
    top, bottom = 4 * HEIGHT, (4 + count) * HEIGHT
    assert top <= content.y < content.y + content.height <= bottom
    written = stacked(new)[:, :, 0] != new[0][0, 0, 0]
    assert content.height == np.ptp(np.flatnonzero(written.any(axis=1))) + 1
    assert content.width == np.ptp(np.flatnonzero(written.any(axis=0))) + 1


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_few_rows_that_came_within_words(rows: int) -> None:
    for seed in SEEDS:
        first = stacked(sections(seed, 7))
        y = 3 * HEIGHT + EMPTY + 4
        new = np.repeat(first[y : y + 1], rows, axis=0)
        new[:, 100:200, :3] = 255 - new[:, 100:200, :3]
        (change,) = both_ways([first], [first[:y], new, first[y:]])
        assert (change.kind, change.second) == ("insert", Region(100, y, 100, rows))


@pytest.mark.parametrize("rows", [1, 12, 80])
def test_empty_rows_that_came_stand_at_the_lowest_place(rows: int) -> None:
    for seed in SEEDS:
        parts = sections(seed, 8)
        (change,) = both_ways(parts, [*parts[:3], empty(rows), *parts[3:]])
        assert change.kind == "space"
        words = np.flatnonzero((parts[3] != parts[3][0, 0]).any(axis=(1, 2)))[0]
        assert change.second == Region(0, 3 * HEIGHT + words, WIDTH, rows)
        assert change.first == Region(0, 3 * HEIGHT + words, WIDTH, 0)


@pytest.mark.parametrize("counts", [(1, 1), (2, 2), (3, 1), (2, 3)])
def test_sections_that_exchanged_places_are_one_move(counts: tuple[int, int]) -> None:
    for seed in SEEDS:
        parts = sections(seed, 10)
        upper, lower = parts[2 : 2 + counts[0]], parts[2 + counts[0] : 2 + sum(counts)]
        rest = parts[2 + sum(counts) :]
        (change,) = both_ways([*parts[:2], *upper, *lower, *rest], [*parts[:2], *lower, *upper, *rest])
        assert change.kind == "move"
        assert change.first.height == change.second.height == min(counts) * HEIGHT


@pytest.mark.parametrize("rows", [1, 37, 500])
def test_a_change_below_what_came_has_exactly_its_pixels(rows: int) -> None:
    for seed in SEEDS:
        parts = sections(seed, 9)
        new = np.tile(section(88_000 + seed), (13, 1, 1))[EMPTY + 4 : EMPTY + 4 + rows]
        other = shaded(parts[6], 60, 14, 9, 6)
        come, edit = both_ways(parts, [*parts[:2], new, *parts[2:6], other, *parts[7:]])
        assert come.kind == "insert"
        y = 6 * HEIGHT + 14
        assert (edit.kind, edit.pixels) == ("edit", 9 * 6)
        assert (edit.first, edit.second) == (Region(60, y, 9, 6), Region(60, y + rows, 9, 6))


def test_ten_changes_at_a_time() -> None:
    """Six in place, two that came and two that went, in any order, each between two sections that stay."""
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        kinds = [str(kind) for kind in random.permutation(["edit"] * 6 + ["insert"] * 2 + ["remove"] * 2)]
        first, second = [section(500)], [section(500)]
        boxes = []
        for number, kind in enumerate(kinds):
            part, x = section(9000 * (seed + 1) + number), int(random.integers(20, 200))
            if kind == "edit":
                top = sum(map(len, second)) + 14
                boxes.append(Region(x, top, 9, 6))
                second.append(shaded(part, x, 14, 9, 6))
            if kind == "insert":
                second.append(part)
            if kind != "insert":
                first.append(part)
            for side in (first, second):
                side.append(section(501 + number))
        all_found = both_ways(first, second)
        assert [change.kind for change in all_found] == kinds
        edits = [change for change in all_found if change.kind == "edit"]
        assert [change.second for change in edits] == boxes
        assert [change.pixels for change in edits] == [54] * 6


def test_an_equal_line_of_a_table_more() -> None:
    line = section(1)
    (change,) = both_ways([section(2), *[line] * 6, section(3)], [section(2), *[line] * 7, section(3)])
    assert (change.kind, change.pixels) == ("insert", HEIGHT * WIDTH)


def test_one_of_ten_equal_lines_has_another_word() -> None:
    line = section(1)
    (change,) = both_ways([line] * 10, [*[line] * 6, shaded(line, 40, 12, 12, 9), *[line] * 3])
    assert (change.kind, change.second) == ("edit", Region(40, 6 * HEIGHT + 12, 12, 9))


def test_a_thicker_rule_is_not_an_empty_row() -> None:
    rule = empty(1)
    rule[:, 40:300, :3] = 200
    above, below = section(1), section(2)
    (thicker,) = both_ways([above, rule, below], [above, rule, rule, below])
    (room,) = both_ways([above, rule, below], [above, rule, empty(1), below])
    assert thicker.kind == room.kind == "space"
    assert thicker.signature != room.signature


def test_columns_that_came() -> None:
    """Pages of one height and different widths: the same, with rows and columns exchanged."""
    first = stacked(sections(3, 6))
    second = np.concatenate([first[:, :150], np.full((len(first), 24, 4), 90, np.uint8), first[:, 150:]], 1)
    (change,) = found(first, second)
    assert (change.kind, change.second) == ("insert", Region(150, 0, 24, len(first)))
    (change,) = found(second, first)
    assert (change.kind, change.first) == ("remove", Region(150, 0, 24, len(first)))


def test_a_side_bar_that_stays_beside_text_that_moved() -> None:
    """Below what came no row of the two pages is equal, but each of the two columns is by itself."""
    random = np.random.default_rng(7)
    text, bar, gutter = (random.integers(0, 256, (400, width, 4), np.uint8) for width in (200, 90, 30))
    gutter[...] = 255
    moved = np.concatenate([text[:50], random.integers(0, 256, (40, 200, 4), np.uint8), text[50:360]])
    first, second = (np.concatenate([column, gutter, bar], axis=1) for column in (text, moved))
    pieces = align(first, second)
    assert violations(first, second, pieces) == []
    causes = ledger(first, second, pieces)
    assert (causes.changed, causes.removed, causes.inserted) == (0, 40 * 200, 40 * 200)
    assert causes.moved == 270 * 200  # of 310 rows, as the lowest 40 stand where rows went
    come, went = changes(first, second, pieces)
    assert (come.kind, come.second.y, come.second.height) == ("insert", 50, 40)
    assert (went.kind, went.first.y, went.first.height) == ("remove", 360, 40)


def share_in_place(first: np.ndarray, second: np.ndarray, rows: slice, displacement: int) -> float:
    """The share of some rows of second that pieces pair with rows of first at a displacement, 0..1."""
    pieces = align(first, second)
    assert violations(first, second, pieces) == []
    paired = np.zeros(second.shape[:2], np.bool_)
    for piece in pieces:
        if piece.kind in ("same", "edit") and piece.displacement == (0, displacement):
            x, y, width, height = piece.second
            paired[y : y + height, x : x + width] = True
    return float(paired[rows].mean())


def test_text_in_other_colours_is_paired_by_its_structure() -> None:
    """No pixel of the two pages is equal, and one has a section more."""
    first = stacked(sections(9, 10, scheme="dark"))
    parts = sections(9, 10, scheme="light")
    second = stacked([*parts[:4], section(9999, scheme="light"), *parts[4:]])
    assert share_in_place(first, second, np.s_[: 4 * HEIGHT], 0) > 0.9
    assert share_in_place(first, second, np.s_[5 * HEIGHT :], HEIGHT) > 0.9


def test_text_beside_other_pictures_is_paired_by_votes() -> None:
    """No row is equal, not even in structure, and no gutter parts the text from what stands beside it."""
    random = np.random.default_rng(3)
    parts = sections(11, 10)
    pages = stacked(parts), stacked([*parts[:4], section(8888), *parts[4:]])
    first, second = (
        np.concatenate([page[:, :250], random.integers(0, 256, (len(page), 200, 4), np.uint8)], axis=1)
        for page in pages
    )
    assert share_in_place(first, second, np.s_[: 4 * HEIGHT], 0) > 0.9
    assert share_in_place(first, second, np.s_[5 * HEIGHT :], HEIGHT) > 0.9


def test_equal_pictures_have_no_change() -> None:
    page = stacked(sections(1, 4))
    (piece,) = align(page, page.copy())
    assert (piece.kind, piece.first, piece.second) == (
        "same",
        Region(0, 0, WIDTH, 160),
        Region(0, 0, WIDTH, 160),
    )
    assert found(page, page.copy()) == []


def test_a_block_that_moved_within_the_page_is_seen_at_both_places() -> None:
    parts = [*sections(1, 3), empty(HEIGHT * 3), *sections(2, 3)]
    first = stacked(parts)
    second = first.copy()
    block = first[20:80, 20:180].copy()
    second[20:80, 20:180] = first[0, 0]
    second[130:190, 320:480] = block
    for changed in (Region(20, 20, 160, 60), Region(320, 130, 160, 60)):
        overlapping = [
            change
            for change in found(first, second)
            for box in (change.first, change.second)
            if box.x < changed.x + changed.width and changed.x < box.x + box.width
            if box.y < changed.y + changed.height and changed.y < box.y + box.height
        ]
        assert overlapping != []
