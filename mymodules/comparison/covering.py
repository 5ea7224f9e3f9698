"""What of a change lies in the boxes of a mask, which belongs to one picture and follows its content.

What stands on both sides is covered where its pixel of the mask's side is. What stands on the other side
only has no such pixel; it is covered where it parts two rows, or columns, that are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison.pieces import Piece
from mymodules.regions import Region


@dataclass(frozen=True)
class Mask:
    """Boxes of one picture.

    Attributes
    ----------
    boxes : sequence of Region
        May reach beyond the picture.
    side : int
        0 if the boxes belong to first, 1 for second.
    size : (int, int)
        Height and width of that picture.
    """

    boxes: Sequence[Region] = field(repr=False)
    side: int
    size: tuple[int, int]

    def of_own(self, box: Region) -> NDArray[np.bool_]:
        """Return which pixels of a box of the mask's picture lie in the mask: bool (height, width)."""
        covered = np.zeros((box.height, box.width), np.bool_)
        for x, y, width, height in self.boxes:
            rows = slice(max(0, y - box.y), max(0, y + height - box.y))
            covered[rows, max(0, x - box.x) : max(0, x + width - box.x)] = True
        return covered

    def of_other(self, piece: Piece) -> NDArray[np.bool_]:
        """Return which pixels of the other side of an `insert`, `remove` or `swap` are covered."""
        own, other = (piece.first, piece.second)[:: -1 if self.side else 1]
        if piece.kind == "swap":
            return _stretched(self.of_own(own), (other.height, other.width))
        parted = self._parted_rows(own) if own.width else self._parted_rows(own, across=True).T
        return np.broadcast_to(parted, (other.height, other.width))

    def _parted_rows(self, place: Region, *, across: bool = False) -> NDArray[np.bool_]:
        """Return in which columns the rows before and after a place are covered: bool (1, width).

        At an edge of the picture the one row counts. If ``across``, rows and columns are exchanged.
        """
        end = self.size[1] if across else self.size[0]
        at = place.x if across else place.y
        rows = [row for row in (at - 1, at) if 0 <= row < end]
        lines = [
            self.of_own(place._replace(x=row, width=1)).T
            if across
            else self.of_own(place._replace(y=row, height=1))
            for row in rows
        ]
        length = place.height if across else place.width
        return np.asarray(np.logical_and.reduce(lines)) if lines else np.zeros((1, length), np.bool_)


def _stretched(covered: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return what is covered of another size: in place, and beyond it where all before it is."""
    height, width = covered.shape
    common = covered[: size[0], : size[1]]
    found = np.zeros(size, np.bool_)
    found[:height, :width] = common
    found[height:, :width] = np.logical_and.reduce(covered, axis=0)[: size[1]]
    found[:height, width:] = np.logical_and.reduce(covered, axis=1)[: size[0], None]
    found[height:, width:] = covered.all()
    return found
