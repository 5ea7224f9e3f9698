"""Pieces: rectangles of first paired with rectangles of second, and what is true of every list of them.

Three things hold for the pieces of any pair: their boxes tile first exactly, and second exactly; `same` and
`move` are equal byte for byte; and `rebuilt` makes second from first, the pieces and the pixels that changed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules.images import Rgba
from mymodules.regions import Region

Words = NDArray[np.uint32]
"""(height, width): one number for each pixel, so that pixels are equal only if all four bytes are."""

Kind = Literal["same", "edit", "swap", "insert", "remove", "move"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of first, paired with one of second.

    Attributes
    ----------
    kind : str
        ``same`` (equal bytes, in order), ``edit`` (one size, compared in place), ``swap`` (sizes or contents
        have nothing to do with each other), ``insert``, ``remove``, ``move`` (equal bytes, out of order).
    first, second : Region
        Where, px. Of `insert` and `remove` one is empty, and stands where the other would be.
    """

    kind: Kind
    first: Region
    second: Region

    @property
    def displacement(self) -> tuple[int, int]:
        """How far second's rectangle is from first's: px to the right and down."""
        return self.second.x - self.first.x, self.second.y - self.first.y

    def ends_at(self, other: "Piece") -> bool:
        """Whether another piece begins where this one ends, on both sides and in the same columns."""
        return all(
            (a.x, a.width, a.y + a.height) == (b.x, b.width, b.y)
            for a, b in zip(_boxes(self), _boxes(other), strict=True)
        )


@dataclass(frozen=True)
class Picture:
    """The pixels of one side.

    Attributes
    ----------
    rgba : uint8 (height, width, 4)
    fill : callable, optional
        Called with a range of rows before they are read: makes those that are not in `rgba` yet.
    words : uint32 (height, width)
        The same memory.
    box : Region
        All of it.
    """

    rgba: Rgba
    fill: Callable[[int, int], None] | None = None
    words: Words = field(init=False)
    box: Region = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rgba", np.ascontiguousarray(self.rgba))
        object.__setattr__(self, "words", self.rgba.view(np.uint32)[:, :, 0])
        height, width = self.words.shape
        object.__setattr__(self, "box", Region(0, 0, width, height))

    def at(self, box: Region) -> Words:
        """The pixels in a box."""
        self._read(box)
        return self.words[box.y : box.y + box.height, box.x : box.x + box.width]

    def rgba_at(self, box: Region) -> Rgba:
        """The pixels in a box, as uint8 (height, width, 4)."""
        self._read(box)
        return self.rgba[box.y : box.y + box.height, box.x : box.x + box.width]

    def transposed(self) -> "Picture":
        """Rows and columns exchanged."""
        return Picture(self.rgba_at(self.box).transpose(1, 0, 2))

    def _read(self, box: Region) -> None:
        if self.fill is not None:
            self.fill(box.y, box.y + box.height)


def pictures(first: Rgba | Picture, second: Rgba | Picture) -> tuple[Picture, Picture]:
    """Return both pictures; raise `PictureError` if one is an array, but not uint8 (height, width, 4)."""
    return _picture("first", first), _picture("second", second)


def _picture(role: str, picture: Rgba | Picture) -> Picture:
    if isinstance(picture, Picture):
        return picture
    kinds.check(role, picture, kinds.RGBA)
    return Picture(picture)


def transposed(piece: Piece) -> Piece:
    """Return a piece with rows and columns exchanged."""
    return Piece(piece.kind, *(Region(y, x, height, width) for x, y, width, height in _boxes(piece)))


def rows_of(box: Region, start: int, stop: int) -> Region:
    """Return the rows start to stop of a box, counted from its top."""
    return Region(box.x, box.y + start, box.width, stop - start)


def in_reading_order(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Sort pieces as second is read; what was removed stands where it would be."""
    return tuple(sorted(pieces, key=lambda piece: (piece.second.y, piece.second.x, piece.first[:2])))


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbours of one kind that continue each other downwards."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last is not None and piece.kind == last.kind and piece.kind != "swap" and last.ends_at(piece):
            first, second = (
                Region(box.x, box.y, box.width, box.height + more.height)
                for box, more in zip(_boxes(last), _boxes(piece), strict=True)
            )
            found[-1] = Piece(piece.kind, first, second)
        else:
            found.append(piece)
    return found


def rebuilt(
    first: Rgba | Picture, size: tuple[int, int], pieces: Iterable[Piece], second: Rgba | Picture
) -> Rgba:
    """Return second, made from first where pieces say so, and of second's pixels only those that changed.

    Parameters
    ----------
    first : uint8 (height, width, 4), or Picture
    size : tuple of int
        Height and width of second.
    pieces : iterable of Piece
    second : uint8 (height, width, 4), or Picture
        Only the pixels that differ in an `edit`, and those of `insert` and `swap`, are taken from it.

    Returns
    -------
    uint8 (height, width, 4)
        What no piece covers is transparent black.
    """
    one, other = pictures(first, second)
    made = Picture(np.zeros((*size, 4), np.uint8))
    for piece in pieces:
        target = made.at(piece.second)
        if piece.kind in ("same", "move"):
            target[...] = one.at(piece.first)
        elif piece.kind == "edit":
            source, changed = one.at(piece.first), other.at(piece.second)
            target[...] = source
            mask = source != changed
            target[mask] = changed[mask]
        elif piece.kind in ("insert", "swap"):
            target[...] = other.at(piece.second)
    return made.rgba


def violations(first: Rgba | Picture, second: Rgba | Picture, pieces: Sequence[Piece]) -> list[str]:
    """Return what does not hold of these pieces, in sentences; an empty list if all of it does.

    Whatever `alignment.align` returns must pass. It costs about as much as comparing the pictures twice.
    """
    one, other = pictures(first, second)
    found: list[str] = []
    for role, picture, boxes in (
        ("first", one, [piece.first for piece in pieces]),
        ("second", other, [piece.second for piece in pieces]),
    ):
        if not _tiles(picture.box, boxes):
            found.append(f"The pieces do not tile {role}.")
    for piece in pieces:
        a, b = one.at(piece.first), other.at(piece.second)
        if piece.kind in ("same", "move", "edit") and a.shape != b.shape:
            found.append(f"The sides of {piece} differ in size.")
        elif piece.kind in ("same", "move") and not np.array_equal(a, b):
            found.append(f"The sides of {piece} are not equal.")
        elif (piece.kind == "insert" and a.size) or (piece.kind == "remove" and b.size):
            found.append(f"One side of {piece} must be empty.")
    if not found and not np.array_equal(
        rebuilt(one, other.words.shape, pieces, other), other.rgba_at(other.box)
    ):
        found.append("Second rebuilt from first differs from second.")
    return found


def _tiles(whole: Region, boxes: Sequence[Region]) -> bool:
    """Whether every pixel lies in exactly one of the boxes."""
    count = np.zeros((whole.height, whole.width), np.uint8)
    for box in boxes:
        if box.x < 0 or box.y < 0 or box.x + box.width > whole.width or box.y + box.height > whole.height:
            return False
        count[box.y : box.y + box.height, box.x : box.x + box.width] += 1
    area = sum(box.width * box.height for box in boxes)
    return area == count.size and bool((count == 1).all())


def _boxes(piece: Piece) -> tuple[Region, Region]:
    return piece.first, piece.second
