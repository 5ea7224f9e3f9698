"""The pixels of each change, and which rule has taken them.

A `Part` is a change with its pixels, a `Layer` those of one place: an `edit` and a `move` have one, which is
the same on both pictures, a `swap` one for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison.changes import Change
from mymodules.comparison.covering import Mask
from mymodules.comparison.pieces import Picture, Piece
from mymodules.regions import Region

LEFT = 0
"""The code of a pixel that no rule has taken."""

NONE = -1
"""The code of a pixel that does not belong to the change."""

Codes = NDArray[np.int16]


def masked(rule: int) -> int:
    """Return the code of pixels that the rule of this number has taken by its mask."""
    return 2 * rule + 1


def tolerated(rule: int) -> int:
    """Return the code of pixels that the rule of this number has taken otherwise."""
    return 2 * rule + 2


@dataclass(frozen=True, slots=True)
class Layer:
    """Pixels of a change, which are taken one by one.

    Attributes
    ----------
    boxes : (Region or None, Region or None)
        Where they are on first and on second.
    codes : int16 (height, width)
        Changed as rules take pixels.
    """

    boxes: tuple[Region | None, Region | None]
    codes: Codes

    @property
    def left(self) -> NDArray[np.bool_]:
        """Which pixels no rule has taken."""
        return np.equal(self.codes, LEFT)

    def take(self, pixels: NDArray[np.bool_] | bool, code: int) -> None:
        """Give pixels a code, of those that are left."""
        self.codes[self.left & pixels] = code


@dataclass(frozen=True, slots=True)
class Part:
    """A change with its pixels; ``piece`` is the one that it is, but of an `edit`."""

    change: Change
    piece: Piece | None
    layers: tuple[Layer, ...]

    @property
    def left(self) -> int:
        """How many of its pixels no rule has taken: on the picture where there are more."""
        return max(int(np.count_nonzero(layer.left)) for layer in self.layers)

    def codes(self) -> list[int]:
        """Return the codes of the rules that have taken pixels of it, in the order of the rules."""
        found = [np.unique(layer.codes) for layer in self.layers]
        return [code for code in np.unique(np.concatenate(found)).tolist() if code > LEFT]

    def cover(self, mask: Mask, code: int) -> None:
        """Take what lies in a mask."""
        for layer in self.layers:
            own = layer.boxes[mask.side]
            if own is not None:
                layer.take(mask.of_own(own), code)
            elif self.piece is not None:
                layer.take(mask.of_other(self.piece), code)

    def take(self, code: int) -> None:
        """Take all that is left."""
        for layer in self.layers:
            layer.take(True, code)


def parts(
    first: Picture, second: Picture, pieces: Sequence[Piece], changes: Sequence[Change]
) -> tuple[Part, ...]:
    """Return each change with its pixels, none of them taken."""
    edits: dict[tuple[int, int], list[Piece]] = {}
    others = []
    for piece in pieces:
        if piece.kind == "edit":
            edits.setdefault(piece.displacement, []).append(piece)
        elif piece.kind != "same":
            others.append(piece)
    found = []
    for change in changes:
        if change.kind == "edit":
            x, y = change.second.x - change.first.x, change.second.y - change.first.y
            found.append(Part(change, None, (_edit(first, second, change, edits[x, y]),)))
        else:
            piece = next(piece for piece in others if _is_of(change, piece))
            found.append(Part(change, piece, _layers(piece)))
    return tuple(found)


def _edit(first: Picture, second: Picture, change: Change, pieces: Sequence[Piece]) -> Layer:
    box = change.second
    codes = np.full((box.height, box.width), NONE, np.int16)
    for piece in pieces:
        top, bottom = (
            max(box.y, piece.second.y),
            min(box.y + box.height, piece.second.y + piece.second.height),
        )
        left, right = max(box.x, piece.second.x), min(box.x + box.width, piece.second.x + piece.second.width)
        if top >= bottom or left >= right:
            continue
        common = Region(left, top, right - left, bottom - top)
        x, y = piece.displacement
        differs = first.at(common._replace(x=left - x, y=top - y)) != second.at(common)
        codes[top - box.y : bottom - box.y, left - box.x : right - box.x][differs] = LEFT
    return Layer((change.first, change.second), codes)


def _layers(piece: Piece) -> tuple[Layer, ...]:
    if piece.kind == "move":
        return (Layer((piece.first, piece.second), _empty(piece.second)),)
    sides = ((piece.first, None), piece.first), ((None, piece.second), piece.second)
    return tuple(Layer(boxes, _empty(box)) for boxes, box in sides if box.width and box.height)


def _empty(box: Region) -> Codes:
    return np.zeros((box.height, box.width), np.int16)


def _is_of(change: Change, piece: Piece) -> bool:
    """Whether a change is this piece: boxes of changes leave out what only repeats what is around."""
    pairs = (change.second, piece.second), (change.first, piece.first)
    return all(_is_in(box, whole) for box, whole in pairs)


def _is_in(box: Region, whole: Region) -> bool:
    return (
        whole.x <= box.x
        and whole.y <= box.y
        and box.x + box.width <= whole.x + whole.width
        and box.y + box.height <= whole.y + whole.height
    )
