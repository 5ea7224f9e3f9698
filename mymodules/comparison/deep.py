"""Whether what belongs together differs beyond 8 bits, although it is equal in these."""

from collections.abc import Iterable

from mymodules.comparison.pieces import Picture, Piece, rows_of
from mymodules.images.depth import Values, differing

_ROWS = 64  # at once


def differ(values: tuple[Values, Values], pictures: tuple[Picture, Picture], pieces: Iterable[Piece]) -> bool:
    """Return whether pixels that are paired and equal as 8 bits differ at their full depth.

    Parameters
    ----------
    values : tuple of uint8, uint16 or float (height, width, 1 to 4)
        First and second as they are.
    pictures : tuple of Picture
        The same as 8 bits.
    pieces : iterable of Piece
        As `alignment.align` returns them.
    """
    for piece in pieces:
        if piece.kind not in ("same", "edit", "move"):
            continue
        for top in range(0, piece.first.height, _ROWS):
            bottom = min(piece.first.height, top + _ROWS)
            boxes = rows_of(piece.first, top, bottom), rows_of(piece.second, top, bottom)
            parts = [
                whole[box.y : box.y + box.height, box.x : box.x + box.width]
                for whole, box in zip(values, boxes, strict=True)
            ]
            found = differing(*parts)
            if piece.kind == "edit":
                found &= pictures[0].at(boxes[0]) == pictures[1].at(boxes[1])
            if found.any():
                return True
    return False
