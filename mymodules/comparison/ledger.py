"""Why pixels differ: each of them has one cause, and the causes add up to the number of differing pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison.pieces import Picture, Piece, pictures
from mymodules.images import Rgba
from mymodules.regions import Region

_STRIP = 64
_KEPT, _MOVED, _REMOVED, _INSERTED, _CHANGED = range(5)  # of two causes the greater one counts
_OF_KIND = {"move": _MOVED, "insert": _INSERTED, "remove": _REMOVED, "swap": _CHANGED}


@dataclass(frozen=True, slots=True)
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


def ledger(first: Rgba | Picture, second: Rgba | Picture, pieces: Sequence[Piece]) -> Ledger:
    """Return why the pixels of two pictures differ.

    Identity: all 0. Exchanging the pictures exchanges `inserted` and `removed`, but where both meet.

    Parameters
    ----------
    first, second : uint8 (height, width, 4), or Picture
    pieces : sequence of Piece
        As `alignment.align` returns them.

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
    counts = np.zeros(5, np.int64)
    counted = np.zeros(height, np.bool_)
    for piece in pieces:
        if piece.displacement == (0, 0) and piece.first.width == piece.second.width == width:
            counted[piece.first.y : piece.first.y + piece.first.height] = piece.kind in ("same", "edit")
            if piece.kind == "edit":
                counts[_CHANGED] += np.count_nonzero(one.at(piece.first) != other.at(piece.second))
    for top in range(0, height, _STRIP):
        rows = slice(top, min(height, top + _STRIP))
        if counted[rows].all():
            continue
        causes = np.maximum(
            _causes(one, pieces, 0, (rows, width), (one, other)),
            _causes(other, pieces, 1, (rows, width), (one, other)),
        )
        differs = _differing(one, other, rows, width)
        differs[counted[rows]] = False
        counts += [np.count_nonzero((causes == cause) & differs) for cause in range(len(counts))]
    common = min(one.box.width, other.box.width) * min(one.box.height, other.box.height)
    neither = height * width - one.words.size - other.words.size + common
    assert counts[_KEPT] == neither, "a differing pixel has no cause"
    counts[_CHANGED] += neither
    return Ledger(*(int(counts[cause]) for cause in (_CHANGED, _INSERTED, _REMOVED, _MOVED)))


def _causes(
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
        target[...] = _OF_KIND.get(piece.kind, _MOVED if piece.displacement != (0, 0) else _KEPT)
        if piece.kind == "edit":
            one, other = (
                source.at(Region(part.x, part.y + top - box.y, part.width, bottom - top))
                for source, part in zip(both, (piece.first, piece.second), strict=True)
            )
            target[one != other] = _CHANGED
    return causes


def _differing(one: Picture, other: Picture, rows: slice, width: int) -> NDArray[np.bool_]:
    """Return where a strip of rows differs; what only one picture has, or neither, does."""
    differs = np.ones((rows.stop - rows.start, width), np.bool_)
    common = min(one.box.width, other.box.width)
    height = max(0, min(one.box.height, other.box.height, rows.stop) - rows.start)
    strip = Region(0, rows.start, common, height)
    np.not_equal(one.at(strip), other.at(strip), out=differs[:height, :common])
    return differs
