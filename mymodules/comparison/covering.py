"""What of a change lies in the boxes of a mask, which belongs to one picture and follows its content.

What stands on both sides is covered where its pixel of the mask's side is. What stands on the other side
only has no such pixel; it is covered where it parts two rows, or columns, that are, if it is no taller, or
wider, than the boxes are there: of anything larger some cannot lie in them.
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
        size = other.height, other.width
        if piece.kind == "swap":
            return self._stretched(own, size)
        down = (
            self._takes_more(own, size[0]) if own.width else self._takes_more(_turned(own), size[1], True).T
        )
        return np.broadcast_to(down, size)

    def _takes_more(self, place: Region, more: int, turned: bool = False) -> NDArray[np.bool_]:
        """Return in which columns as many rows more at the end of a place are covered: bool (1, width).

        Its own rows are, or those before and after it if it has none, and together with all covered rows
        that go on from there they are no fewer. At an edge of the picture only one side of it counts. If
        ``turned``, rows and columns are exchanged.
        """
        x, y, width, height = place
        window = Region(x, y - more, width, height + 2 * more)
        covered = self.of_own(_turned(window)).T if turned else self.of_own(window)
        above = np.logical_and.accumulate(covered[:more][::-1]).sum(axis=0)
        below = np.logical_and.accumulate(covered[more + height :]).sum(axis=0)
        within = covered[more : more + height].all(axis=0)
        if not height:
            end = self.size[1] if turned else self.size[0]
            within = ((above > 0) | (y == 0)) & ((below > 0) | (y == end))
        return np.asarray(within & (above + height + below >= more))[None]

    def _stretched(self, own: Region, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Return what is covered of another size: in place, and beyond it where there may be so much more."""
        height, width = own.height, own.width
        covered = self.of_own(own)
        found = np.zeros(size, np.bool_)
        found[:height, :width] = covered[: size[0], : size[1]]
        if size[0] > height:
            found[height:, :width] = self._takes_more(own, size[0] - height)[:, : size[1]]
        if size[1] > width:
            found[:height, width:] = self._takes_more(_turned(own), size[1] - width, True).T[: size[0]]
        if size[0] > height and size[1] > width:
            found[height:, width:] = found[height:, :width].all() and found[:height, width:].all()
        return found


def _turned(box: Region) -> Region:
    return Region(box.y, box.x, box.height, box.width)
