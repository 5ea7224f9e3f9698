"""What flickers on one page: boxes for a mask, and how large the differences are that need none.

Nothing is learnt from a capture of another size, from one that cannot be read, or from one that is not there:
the page says so instead.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mymodules.calibration.captures import Seen
from mymodules.comparison.differences import FAINT
from mymodules.comparison.pieces import Piece
from mymodules.comparison.signatures import phrase
from mymodules.regions import Region
from mymodules.rules import Rule


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What captures of one page have in common, and what they have not.

    Attributes
    ----------
    name : str
    size : (int, int)
        Width and height in the first folder, px; (0, 0) if no pixel of any capture differs.
    boxes : tuple of Region
        Where it ever differs by more than 8 levels or in what it holds, grown to the words around; px of the
        picture in the first folder, disjoint, sorted by y, then x.
    largest : int
        The largest difference of a channel outside of the boxes, at most 8.
    differing : int
        In how many of the other captures it differs from the first one.
    remarks : tuple of str
        Sentences about captures from which nothing was learnt.
    """

    name: str
    size: tuple[int, int] = (0, 0)
    boxes: tuple[Region, ...] = ()
    largest: int = 0
    differing: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def flickers(self) -> bool:
        """Whether anything is proposed for it."""
        return bool(self.boxes or self.largest)

    @property
    def covered(self) -> float:
        """The share of the picture that the boxes cover, 0..1."""
        width, height = self.size
        return sum(box.width * box.height for box in self.boxes) / max(1, width * height)


def learnt(name: str, captures: Iterable[tuple[str, Seen]], rules: Sequence[Rule]) -> Page:
    """Return what flickers on a page.

    Parameters
    ----------
    name : str
    captures : iterable of (str, Seen)
        Each other capture with the text that names it; only one of them is held in memory.
    rules : sequence of Rule
        Those that the page has already: what they take whole is not learnt again.
    """
    boxes: list[Region] = []
    faint: list[tuple[Region, int]] = []
    remarks: list[str] = []
    size, differing = (0, 0), 0
    for folder, seen in captures:
        if seen.status == "same":
            continue
        differing += seen.status == "changed"
        if not seen.of_one_size:
            remarks.append(f"{folder}: {seen.sentence}")
            continue
        assert seen.sides is not None
        size = seen.sides[0].box.width, seen.sides[0].box.height
        for box, level in _places(seen, rules):
            if level:
                faint.append((box, level))
            else:
                boxes.append(box)
    found = merged(boxes)
    outside = [level for box, level in faint if not any(_inside(box, each) for each in found)]
    return Page(name, size, found, max(outside, default=0), differing, tuple(remarks))


def merged(boxes: Iterable[Region]) -> tuple[Region, ...]:
    """Return boxes around those that overlap, until none do, sorted by y, then x."""
    found: list[Region] = []
    for box in dict.fromkeys(boxes):
        while overlapping := [each for each in found if _overlap(box, each)]:
            found = [each for each in found if each not in overlapping]
            box = _around([box, *overlapping])
        found.append(box)
    return tuple(sorted(found, key=lambda box: (box.y, box.x)))


def differing(seen: Seen) -> NDArray[np.bool_]:
    """Return where the first picture differs, moved content compared where it was: bool (height, width)."""
    assert seen.sides is not None
    one, other = seen.sides
    found = np.zeros(one.words.shape, np.bool_)
    for piece in seen.pieces:
        x, y, width, height = piece.first if piece.kind == "edit" else _seam(piece, one.box)
        if piece.kind == "edit":
            found[y : y + height, x : x + width] = one.at(piece.first) != other.at(piece.second)
        elif piece.kind != "same":
            found[y : y + height, x : x + width] = True
    return found


def _places(seen: Seen, rules: Sequence[Rule]) -> Iterator[tuple[Region, int]]:
    """Yield a box of first for each difference that rules do not take, and its level if it is a faint one."""
    assert seen.sides is not None
    one, other = seen.sides
    ruling = seen.ruling(rules) if rules else None
    for number, change in enumerate(seen.changes):
        if change.kind != "edit" or (ruling is not None and ruling.by[number]):
            continue
        level = change.largest or 0
        if level <= FAINT:
            yield change.first, level
            continue
        x, y = change.second.x - change.first.x, change.second.y - change.first.y
        grown = phrase(one, other, change.second, (x, y))
        yield Region(grown.x - x, grown.y - y, grown.width, grown.height), 0
    if ruling is not None and ruling.passes:
        return
    for piece in seen.pieces:
        if piece.kind not in ("same", "edit"):
            yield _roomy(_seam(piece, one.box), piece.second.height - piece.first.height, one.box), 0


def _roomy(seam: Region, more: int, picture: Region) -> Region:
    """Return a seam and further rows, as many as came: a mask takes no more than it is high."""
    x, y, width, height = seam
    height = min(picture.height, max(height, more))
    return Region(x, min(y, picture.height - height), width, height)


def _seam(piece: Piece, picture: Region) -> Region:
    """Return the place in first of what came, went or moved, with the rows before and after it."""
    x, y, width, height = piece.first
    top, bottom = max(0, y - 1), min(picture.height, y + height + 1)
    return Region(x, top, width, bottom - top)


def _around(boxes: Sequence[Region]) -> Region:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    return Region(left, top, right - left, bottom - top)


def _overlap(one: Region, other: Region) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def _inside(box: Region, outer: Region) -> bool:
    return _around([box, outer]) == outer
