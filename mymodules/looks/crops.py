"""Crops: hunks as they stand on a screen, at scale 1, before beside after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mymodules.looks.hunks import Hunk
from mymodules.looks.occurrences import Occurrence
from mymodules.regions import Region

GAP = 12
"""px between before and after, and between two crops."""

CAPTION = 20
"""px above each crop, for the name of the page and what else is said of it."""

OVERLAP = 24
"""px that two crops of one hunk share, so that one of them shows the line of text at which it is cut."""

_Span = tuple[int, int]


@dataclass(frozen=True)
class Crop:
    """A hunk, or the part of it that fits on a screen.

    Attributes
    ----------
    hunk : Hunk
    first, second : Region
        What is shown of the two pictures, px, one of them for one CSS px.
    stacked : bool
        Whether before stands above after, instead of left of it.
    """

    hunk: Hunk
    first: Region
    second: Region
    stacked: bool

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Those of the hunk that it shows, or of which it shows a part."""
        return tuple(
            each
            for each in (*self.hunk.occurrences, *self.hunk.seen)
            if _touch(each.first, self.first) or _touch(each.second, self.second)
        )

    @property
    def places(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where before and after stand in it, below its caption."""
        if self.stacked:
            return (0, CAPTION), (0, CAPTION + self.first.height + GAP)
        return (0, CAPTION), (max(self.first.width, self.second.width) + GAP, CAPTION)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that it takes, with its caption."""
        wide, high = max(self.first.width, self.second.width), max(self.first.height, self.second.height)
        if self.stacked:
            return wide, CAPTION + self.first.height + GAP + self.second.height
        return 2 * wide + GAP, CAPTION + high


def crops(hunk: Hunk, width: int, height: int) -> Iterator[Crop]:
    """Yield a hunk as one crop, or as several that together show all of it, each no larger than a screen."""
    wide = max(hunk.first.width, hunk.second.width)
    stacked = 2 * wide + GAP > width
    room = height - CAPTION
    limits = room, room
    if stacked:  # a side that needs not be cut leaves its room to the other one
        half = (room - GAP) // 2
        limits = max(half, room - GAP - hunk.second.height), max(half, room - GAP - hunk.first.height)
    columns = [*_spans(wide, width)]
    rows = [
        [*_spans(box.height, limit)] for box, limit in zip((hunk.first, hunk.second), limits, strict=True)
    ]
    for part in range(max(map(len, rows))):
        first, second = (
            _nth(spans, part, box) for spans, box in zip(rows, (hunk.first, hunk.second), strict=True)
        )
        for span in columns:
            yield Crop(hunk, _part(hunk.first, span, first), _part(hunk.second, span, second), stacked)


def _spans(length: int, limit: int) -> Iterator[_Span]:
    """Yield parts of a length, which overlap."""
    for start in range(0, max(1, length - OVERLAP), limit - OVERLAP if length > limit else limit):
        yield start, min(start + limit, length)


def _nth(spans: Sequence[_Span], part: int, box: Region) -> _Span:
    """Return the rows of a side in one of the parts; one that is not cut stands beside each of them."""
    if len(spans) == 1:
        return spans[0]
    return spans[part] if part < len(spans) else (box.height, box.height)


def _part(box: Region, columns: _Span, rows: _Span) -> Region:
    """Return a part of a box, whose right end may lie beyond the box."""
    left, right = (min(end, box.width) for end in columns)
    return Region(box.x + left, box.y + rows[0], right - left, rows[1] - rows[0])


def _touch(box: Region, shown: Region) -> bool:
    """Return whether some of a box is shown; an empty one is where it stands."""
    return (
        box.x <= shown.x + shown.width
        and shown.x <= box.x + box.width
        and box.y <= shown.y + shown.height
        and shown.y <= box.y + box.height
    )
