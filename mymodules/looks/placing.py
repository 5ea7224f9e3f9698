"""Where things stand on screens: rectangles are put on as few of them as a simple rule finds."""

import bisect
from collections.abc import Sequence
from typing import NamedTuple

_TRIED = (
    64  # columns with room below, of which the last ones are tried: the time must not grow with the square
)


class Place(NamedTuple):
    """Where a rectangle stands: the number of its screen, and px from its top left corner."""

    screen: int
    x: int
    y: int


class _Column:
    """Rectangles one below the other, none wider than the first."""

    def __init__(self, shelf: int, x: int, width: int, top: int, room: int) -> None:
        self.shelf, self.x, self.width, self.top, self.room = shelf, x, width, top, room


def place(sizes: Sequence[tuple[int, int]], width: int, height: int, gap: int) -> list[Place]:
    """Return a place for each rectangle, none of which overlap.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Widths and heights, px, none larger than a screen's.
    width, height : int
        Those of a screen, px.
    gap : int
        px between two rectangles.

    Notes
    -----
    The tallest come first, and the widest of equally tall ones. Each goes below others of a shelf, where the
    least room is left, or to the right end of the shelf where the least room is left, or begins a new shelf.
    The shelves go to the first screens with room, the tallest first.
    """
    order = sorted(range(len(sizes)), key=lambda index: (-sizes[index][1], -sizes[index][0], index))
    within: list[tuple[int, int, int]] = [(0, 0, 0)] * len(sizes)
    heights: list[int] = []
    right: list[tuple[int, int]] = []  # room to the right of each shelf, and its number
    below: list[_Column] = []
    for index in order:
        wide, high = sizes[index]
        column = _best(below[-_TRIED:], wide, high + gap)
        if column is not None:
            within[index] = column.shelf, column.x, column.top + gap
            column.top += gap + high
            column.room -= gap + high
            continue
        at = bisect.bisect_left(right, (wide, -1))
        room, shelf = right.pop(at) if at < len(right) else (width, len(heights))
        if shelf == len(heights):
            heights.append(high)
        x = width - room
        within[index] = shelf, x, 0
        bisect.insort(right, (room - wide - gap, shelf))
        below.append(_Column(shelf, x, wide, high, heights[shelf] - high))
    shelves = _stack(heights, height, gap)
    return [Place(shelves[shelf][0], x, shelves[shelf][1] + y) for shelf, x, y in within]


def _best(columns: Sequence[_Column], wide: int, high: int) -> _Column | None:
    """Return the column with room for this and the least room left."""
    fitting = [column for column in columns if column.width >= wide and column.room >= high]
    return min(fitting, key=lambda column: (column.room - high, column.width), default=None)


def _stack(heights: Sequence[int], height: int, gap: int) -> list[tuple[int, int]]:
    """Return the screen and the y of each shelf."""
    rooms: list[tuple[int, int]] = []
    places = [(0, 0)] * len(heights)
    count = 0
    for index in sorted(range(len(heights)), key=lambda index: (-heights[index], index)):
        high = heights[index]
        at = bisect.bisect_left(rooms, (high, -1))
        if at < len(rooms):
            room, screen = rooms.pop(at)
        else:
            room, screen, count = height, count, count + 1
        places[index] = screen, height - room
        bisect.insort(rooms, (room - high - gap, screen))
    return places
