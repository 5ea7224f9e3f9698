"""Whether a list of changes hides anything: an independent count over all pixels of two pictures."""

from collections.abc import Sequence

import numpy as np

from mymodules.comparison.changes import Change
from mymodules.comparison.pieces import Piece
from mymodules.regions import Region
from support.unequal import unequal

KINDS = {
    "insert": {"insert", "space"}, "remove": {"remove", "space"}, "swap": {"swap", "space"}, "move": {"move"},
}  # fmt: skip


def hidden(
    first: np.ndarray, second: np.ndarray, pieces: Sequence[Piece], found: Sequence[Change]
) -> tuple[list[str], int]:
    """Return what the changes do not account for, and how many differing positions only moved.

    A pixel that came, went or changed must belong to the piece of exactly one change, and no change to two
    pieces. A pixel of any other differing position must lie in a piece whose displacement is the sum of what
    the listed pieces before it brought and took.
    """
    wrong, listed = [], [*found]
    owners = [np.zeros(picture.shape[:2], int) for picture in (first, second)]
    for piece in (piece for piece in pieces if piece.kind in KINDS):
        of = [each for each in listed if each.kind in KINDS[piece.kind] and _lies_in(each, piece)]
        if len(of) != 1:
            wrong.append(f"{len(of)} changes for {piece}")
        listed = [each for each in listed if each not in of[:1]]
        if piece.kind != "move":
            for owner, box in zip(owners, (piece.first, piece.second), strict=True):
                owner[_rows(box)] += 1
    edits = [piece for piece in pieces if piece.kind == "edit"]
    for each in listed:
        if each.kind != "edit":
            wrong.append(f"no piece for {each}")
            continue
        pixels = 0
        for piece in edits:
            if piece.displacement != (each.second.x - each.first.x, each.second.y - each.first.y):
                continue
            one, other = (
                _common(box, part)
                for box, part in zip((each.first, each.second), (piece.first, piece.second), strict=True)
            )
            if one.width > 0 and one.height > 0:
                differs = unequal(first[_rows(one)], second[_rows(other)])
                pixels += int(differs.sum())
                owners[0][_rows(one)] += differs
                owners[1][_rows(other)] += differs
        if pixels != each.pixels:
            wrong.append(f"{pixels} px in {each}")
    for piece in edits:
        differs = unequal(first[_rows(piece.first)], second[_rows(piece.second)])
        if not all((owner[_rows(box)][differs] == 1).all() for owner, box in _sides(owners, piece)):
            wrong.append(f"pixels without a change in {piece}")
    wrong += [f"{owner.max()} changes at one pixel" for owner in owners if owner.max(initial=0) > 1]
    across = first.shape[0] == second.shape[0] and first.shape[1] != second.shape[1]  # columns came or went
    for piece in pieces:
        if not _follows(piece, pieces, 0 if across else 1):
            wrong.append(f"{piece} is displaced by something else")
    frame = max(first.shape[0], second.shape[0]), max(first.shape[1], second.shape[1])
    differs, owned, still = np.ones(frame, bool), np.zeros(frame, bool), np.zeros(frame, bool)
    height, width = (min(sizes) for sizes in zip(first.shape[:2], second.shape[:2], strict=True))
    differs[:height, :width] = unequal(first[:height, :width], second[:height, :width])
    for owner in owners:
        owned[: owner.shape[0], : owner.shape[1]] |= owner > 0
    for piece in pieces:
        if piece.kind == "same" and piece.displacement == (0, 0):
            still[_rows(piece.second)] = True
    if (differs & still & ~owned).any():
        wrong.append("pixels differ in a piece that is the same")
    return wrong, int((differs & ~owned).sum())


def _rows(box: Region) -> tuple[slice, slice]:
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)


def _sides(owners: list[np.ndarray], piece: Piece) -> list[tuple[np.ndarray, Region]]:
    return [(owners[0], piece.first), (owners[1], piece.second)]


def _common(box: Region, other: Region) -> Region:
    x, y = max(box.x, other.x), max(box.y, other.y)
    right, bottom = (
        min(box.x + box.width, other.x + other.width),
        min(box.y + box.height, other.y + other.height),
    )
    return Region(x, y, right - x, bottom - y)


def _lies_in(change: Change, piece: Piece) -> bool:
    return all(
        part.x <= box.x
        and part.y <= box.y
        and box.x + box.width <= part.x + part.width
        and box.y + box.height <= part.y + part.height
        for box, part in ((change.first, piece.first), (change.second, piece.second))
        if box.width and box.height
    )


def _follows(piece: Piece, pieces: Sequence[Piece], axis: int) -> bool:
    """Whether a displacement along an axis is what listed pieces before it in its line amount to."""
    if piece.kind not in ("same", "edit"):
        return True
    came = 0
    for each in (each for each in pieces if each.kind in KINDS):
        for sign, box, here in ((-1, each.first, piece.first), (1, each.second, piece.second)):
            low, length, start = box[1 - axis], box[3 - axis], here[1 - axis]
            if low <= start < low + length and box[axis] < here[axis]:
                came += sign * box[2 + axis]
    return came == piece.displacement[axis] and not piece.displacement[1 - axis]
