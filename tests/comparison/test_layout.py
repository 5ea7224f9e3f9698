"""The page on which what belongs together stands at one place; every list of parts is worked out by hand."""

from mymodules.comparison.layout import Part, layout
from mymodules.comparison.pieces import Piece
from mymodules.regions import Region

NOTHING = Region(0, 0, 0, 0)


def rows(kind: str, x: int, width: int, first: tuple[int, int], second: tuple[int, int]) -> Piece:
    """A piece of some columns, from a row and so many of them on either side."""
    sides = (Region(x, top, width, height) for top, height in (first, second))
    return Piece(kind, *sides)  # type: ignore[arg-type]


def test_equal_pictures_are_one_part() -> None:
    box = Region(0, 0, 8, 5)
    assert layout([Piece("same", box, box)]) == (Part(0, 0, box, box),)


def test_what_came_leaves_a_gap_and_what_went_stands_beside_it() -> None:
    """Rows 0 to 9, then 4 that went and 6 that came, then 10 more: 26 rows."""
    above, gone = rows("same", 0, 8, (0, 10), (0, 10)), rows("remove", 0, 8, (10, 4), (10, 0))
    come, below = rows("insert", 0, 8, (14, 0), (10, 6)), rows("same", 0, 8, (14, 10), (16, 10))
    assert layout([above, gone, come, below]) == (
        Part(0, 0, above.first, above.second),
        Part(0, 10, gone.first, NOTHING),
        Part(0, 10, NOTHING, come.second),
        Part(0, 16, below.first, below.second),
    )


def test_columns_of_text_go_their_own_ways_until_a_row_joins_them() -> None:
    """On the left nothing came, on the right 3 rows did: both go on at row 13."""
    left = rows("same", 0, 4, (0, 10), (0, 10))
    space = rows("insert", 0, 4, (10, 0), (10, 3))
    come, right = rows("insert", 4, 4, (0, 0), (0, 3)), rows("same", 4, 4, (0, 10), (3, 10))
    below = rows("same", 0, 8, (10, 5), (13, 5))
    assert layout([left, come, right, space, below]) == (
        Part(0, 0, left.first, left.second),
        Part(4, 0, NOTHING, come.second),
        Part(4, 3, right.first, right.second),
        Part(0, 10, NOTHING, space.second),
        Part(0, 13, below.first, below.second),
    )


def test_what_moved_out_of_order_stands_at_both_of_its_places() -> None:
    """Row 0 of first is row 5 of second."""
    moved, stays = rows("move", 0, 8, (0, 1), (5, 1)), rows("same", 0, 8, (1, 5), (0, 5))
    assert layout([stays, moved]) == (
        Part(0, 0, moved.first, NOTHING),
        Part(0, 1, stays.first, stays.second),
        Part(0, 6, NOTHING, moved.second),
    )


def test_pictures_of_other_widths_are_laid_out_from_left_to_right() -> None:
    left = Piece("same", Region(0, 0, 6, 9), Region(0, 0, 6, 9))
    come = Piece("insert", Region(6, 0, 0, 9), Region(6, 0, 2, 9))
    right = Piece("same", Region(6, 0, 4, 9), Region(8, 0, 4, 9))
    assert layout([left, come, right]) == (
        Part(0, 0, left.first, left.second),
        Part(6, 0, NOTHING, come.second),
        Part(8, 0, right.first, right.second),
    )


def test_sides_that_contradict_each_other_have_no_page() -> None:
    assert layout([rows("same", 0, 8, (0, 5), (5, 5)), rows("same", 0, 8, (5, 5), (0, 5))]) == ()
