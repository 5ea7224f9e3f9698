"""Hunks: what is shown of one page in one piece, with what stands close together."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from mymodules.looks.occurrences import Occurrence, Page
from mymodules.regions import Region

ROWS_BETWEEN, COLUMNS_BETWEEN = 32, 32
"""With at most this many px between them, two changes are shown in one piece."""

MARGIN = 12
"""px that are shown around the changes."""

_Item = tuple[tuple[int, int, int, int], tuple[int, int, int, int], Occurrence]


@dataclass(frozen=True)
class Hunk:
    """A part of a page, before and after.

    Attributes
    ----------
    page : str
    first, second : Region
        The crops of the two pictures, px. Rows and columns between two hunks are not shown.
    occurrences : tuple of Occurrence
        For which it is shown.
    seen : tuple of Occurrence
        Small ones that happen to lie in it, one of each class that no hunk before it shows.
    """

    page: str
    first: Region
    second: Region
    occurrences: tuple[Occurrence, ...]
    seen: tuple[Occurrence, ...] = ()


def hunks(found: Sequence[Occurrence], page: Page) -> list[Hunk]:
    """Return the hunks of occurrences of one page, from top to bottom.

    They are cut where more than `ROWS_BETWEEN` rows, or `COLUMNS_BETWEEN` columns, lie between them on either
    side, as often as possible.
    """
    todo = [[(_ends(each.first), _ends(each.second), each) for each in found]]
    done = []
    while todo:
        items = todo.pop()
        parts = [items] if len(items) == 1 else _cut(items, 1, ROWS_BETWEEN)
        if len(parts) == 1 < len(items):
            parts = _cut(items, 0, COLUMNS_BETWEEN)
        if len(parts) == 1:
            done.append(_hunk(items, page))
        else:
            todo += parts
    return sorted(done, key=lambda hunk: (hunk.second[1::-1], hunk.first[1::-1]))


def _ends(box: Region) -> tuple[int, int, int, int]:
    return box.x, box.y, box.x + box.width, box.y + box.height


def _cut(items: list[_Item], axis: int, most: int) -> list[list[_Item]]:
    """Return the items in parts with more than this between them along an axis, on either side."""
    items = sorted(items, key=lambda item: (item[1][axis], item[0][axis]))
    parts: list[list[_Item]] = []
    spans = [[0, 0], [0, 0]]
    for item in items:
        ends = [(side[axis], side[axis + 2]) for side in item[:2]]
        near = all(
            low - span[1] <= most and span[0] - high <= most
            for (low, high), span in zip(ends, spans, strict=True)
        )
        if parts and near:
            parts[-1].append(item)
            for (low, high), span in zip(ends, spans, strict=True):
                span[:] = min(low, span[0]), max(high, span[1])
        else:
            parts.append([item])
            spans = [[*each] for each in ends]
    return parts


def _hunk(items: list[_Item], page: Page) -> Hunk:
    occurrences = tuple(map(itemgetter(2), items))
    first = _crop([item[0] for item in items], page.width_first, page.height_first)
    second = _crop([item[1] for item in items], page.width_second, page.height_second)
    return Hunk(occurrences[0].page, first, second, occurrences)


def _crop(boxes: list[tuple[int, int, int, int]], width: int, height: int) -> Region:
    """Return the box around boxes, with a margin, within a page."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    left, top = max(0, min(lefts) - MARGIN), max(0, min(tops) - MARGIN)
    right, bottom = min(width, max(rights) + MARGIN), min(height, max(bottoms) + MARGIN)
    return Region(left, top, right - left, bottom - top)
