"""Why pixels differ: each of them has one cause, and the causes add up to the number of differing pixels."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison.differences import counted
from mymodules.comparison.pieces import Picture, Piece, pictures
from mymodules.formats.png import stretches
from mymodules.images import Rgba
from mymodules.regions import Region

STRIP = 64
KEPT, MOVED, REMOVED, INSERTED, CHANGED, _IN_PLACE, _MIXED = range(7)  # of two causes the greater one counts
_OF_KIND = {"move": MOVED, "insert": INSERTED, "remove": REMOVED, "swap": CHANGED}


@dataclasses.dataclass(frozen=True, slots=True)
class Ledger:
    """The differing pixels of a pair, by cause.

    Attributes
    ----------
    changed, inserted, removed, moved : int
        px. Positions that only one picture has, or neither, are among them.
    """

    changed: int = 0
    inserted: int = 0
    removed: int = 0
    moved: int = 0

    @property
    def total(self) -> int:
        """All differing pixels."""
        return self.changed + self.inserted + self.removed + self.moved


def ledger(
    first: Rgba | Picture, second: Rgba | Picture, pieces: Sequence[Piece], *, differing: int | None = None
) -> Ledger:
    """Return why the pixels of two pictures differ.

    Identity: all 0. Exchanging the pictures exchanges `inserted` and `removed`, but where both meet.

    Parameters
    ----------
    first, second : uint8 (height, width, 4), or Picture
    pieces : sequence of Piece
        As `alignment.align` returns them.
    differing : int, optional
        How many pixels differ, if that is known: those without another cause changed in place.

    Returns
    -------
    Ledger
        At each position where the pictures differ both have a pixel with a cause: it is changed (it differs
        in an `edit`, or lies in a `swap`), inserted, removed, or moved (equal at another place). The cause of
        the position is the first of these that one of the two has. Where neither picture reaches, it changed.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    one, other = pictures(first, second)
    height, width = (max(sizes) for sizes in zip(one.words.shape, other.words.shape, strict=True))
    counts = np.zeros(6, np.int64)
    sides = _by_rows(pieces, 0, (height, width)), _by_rows(pieces, 1, (height, width))
    by_rows = np.maximum(*sides)
    in_place = by_rows == _IN_PLACE
    if differing is not None:
        by_rows[in_place] = KEPT
    for start, stop in stretches((by_rows > KEPT) & (by_rows < _MIXED)):
        rows = slice(start, stop)
        counts += np.bincount(by_rows[rows], _differing_rows(one, other, rows, width), 6).astype(np.int64)
    for start, stop in stretches(by_rows == _MIXED):
        for top in range(start, stop, STRIP):
            counts += _mixed(one, other, pieces, (slice(top, min(stop, top + STRIP)), width))
    common = min(one.box.width, other.box.width) * min(one.box.height, other.box.height)
    neither = height * width - one.words.size - other.words.size + common
    assert counts[KEPT] == neither, "a differing pixel has no cause"
    counts[CHANGED] += counts[_IN_PLACE] + neither
    found = Ledger(*(int(counts[cause]) for cause in (CHANGED, INSERTED, REMOVED, MOVED)))
    if differing is None or not in_place.any():
        return found
    return dataclasses.replace(found, changed=found.changed + differing - found.total)


def _by_rows(pieces: Sequence[Piece], side: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the cause of all pixels of each row, 0 below this picture; `_MIXED` where there are several.

    Of an `edit` in place it is `_IN_PLACE`: those that differ changed.
    """
    height, width = size
    causes = np.zeros(height, np.uint8)
    for piece in pieces:
        box = (piece.first, piece.second)[side]
        cause = _OF_KIND.get(piece.kind, MOVED if piece.displacement != (0, 0) else KEPT)
        if piece.kind == "edit":
            cause = _IN_PLACE if piece.displacement == (0, 0) else _MIXED
        causes[box.y : box.y + box.height] = cause if box.width == width else _MIXED
    return causes


def _differing_rows(one: Picture, other: Picture, rows: slice, width: int) -> NDArray[np.int64]:
    """Return how many pixels of rows differ; all of those that only one picture has."""
    found = np.full(rows.stop - rows.start, width, np.int64)
    lower = min(one.box.height, other.box.height, rows.stop)
    if rows.start < lower:
        common = Region(0, rows.start, width, lower - rows.start)
        found[: common.height] = counted(one.at(common), other.at(common)).rows
    return found


def _mixed(
    one: Picture, other: Picture, pieces: Sequence[Piece], strip: tuple[slice, int]
) -> NDArray[np.int64]:
    """Return how many pixels of a strip of rows differ for each cause."""
    rows, width = strip
    reached = max(picture.box.width for picture in (one, other) if picture.box.height > rows.start)
    causes = np.maximum(
        *(
            causes_of(picture, pieces, side, (rows, reached), (one, other))
            for side, picture in enumerate((one, other))
        )
    )
    differs = differing_in(one, other, rows, reached)
    found = np.array([np.count_nonzero((causes == cause) & differs) for cause in range(6)], np.int64)
    found[KEPT] += (width - reached) * (rows.stop - rows.start)  # where neither picture reaches
    return found


def causes_of(
    picture: Picture,
    pieces: Sequence[Piece],
    side: int,
    strip: tuple[slice, int],
    both: tuple[Picture, Picture],
) -> NDArray[np.uint8]:
    """Return the cause of each position of a strip of rows, 0 where this picture does not reach."""
    rows, width = strip
    causes = np.zeros((rows.stop - rows.start, width), np.uint8)
    for piece in pieces:
        box = (piece.first, piece.second)[side]
        top, bottom = max(box.y, rows.start), min(box.y + box.height, rows.stop)
        if top >= bottom:
            continue
        target = causes[top - rows.start : bottom - rows.start, box.x : box.x + box.width]
        target[...] = _OF_KIND.get(piece.kind, MOVED if piece.displacement != (0, 0) else KEPT)
        if piece.kind == "edit":
            one, other = (
                source.at(Region(part.x, part.y + top - box.y, part.width, bottom - top))
                for source, part in zip(both, (piece.first, piece.second), strict=True)
            )
            target[one != other] = CHANGED
    return causes


def differing_in(one: Picture, other: Picture, rows: slice, width: int) -> NDArray[np.bool_]:
    """Return where a strip of rows differs; what only one picture has, or neither, does."""
    differs = np.ones((rows.stop - rows.start, width), np.bool_)
    common = min(one.box.width, other.box.width)
    height = max(0, min(one.box.height, other.box.height, rows.stop) - rows.start)
    strip = Region(0, rows.start, common, height)
    np.not_equal(one.at(strip), other.at(strip), out=differs[:height, :common])
    return differs
