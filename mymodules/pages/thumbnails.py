"""Thumbnails of a pair: the same part of both pictures and of their difference, as small PNG files.

At full size a thumbnail holds the compared pixels. A reduced one holds their means over equal areas, colours
weighted by alpha. Nothing is enlarged, cached or written: the page enlarges.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mymodules import images
from mymodules.comparison import drawings
from mymodules.images import Rgba
from mymodules.pages.display import SIDES, Absent, as_absent, read, to_png
from mymodules.pages.rows import ShownRows

LARGEST = 2048
"""The largest width and height of a thumbnail, px."""


class Part(NamedTuple):
    """The part of a pair that a thumbnail shows.

    Attributes
    ----------
    x, y, width, height : int
        A box, px, in the larger width and height of both pictures.
    wide, high : int
        The size of that box in the thumbnail, px; at most its own, and at most `LARGEST`.
    """

    x: int
    y: int
    width: int
    height: int
    wide: int
    high: int


class Thumbnail(NamedTuple):
    """A picture's share of a part.

    Attributes
    ----------
    data : bytes
        A PNG file; empty if the picture ends before the part begins.
    width, height : int
        Its size, px; less than that of the part if the picture ends in it.
    changed : str or None
        A sentence if the file is not the one that was compared.
    """

    data: bytes
    width: int
    height: int
    changed: str | None


def part(asked: Sequence[object]) -> Part:
    """Return the part that a page has asked for, given its six numbers; raise ValueError for any other."""
    if len(asked) != 6 or not all(type(number) is int for number in asked):
        raise ValueError(f"{asked!r} is not a part of a picture")
    found = Part(*asked)  # type: ignore[arg-type]
    fits = 0 < found.wide <= min(found.width, LARGEST) and 0 < found.high <= min(found.height, LARGEST)
    if found.x < 0 or found.y < 0 or not fits:
        raise ValueError(f"{asked!r} is not a part of a picture")
    return found


def of_row(rows: ShownRows, name: str, sides: Sequence[str], wanted: Part) -> dict[str, Thumbnail | str]:
    """Return the thumbnails of a row, or a sentence instead of one that cannot be made.

    Parameters
    ----------
    rows : ShownRows
        They have the row.
    name : str
    sides : sequence of {"first", "second", "delta"}
        A difference needs both pictures.
    wanted : Part
    """
    pieces: dict[str, Rgba] = {}
    found: dict[str, Thumbnail | str] = {}
    for side in SIDES:
        if side not in sides:
            continue
        try:
            pieces[side], changed = _piece(rows, name, side, wanted)
            with as_absent(side):
                found[side] = _thumbnail(pieces[side], wanted, changed)
        except Absent as absent:
            found[side] = str(absent)
    if "delta" in sides:
        if len(pieces) == len(SIDES):
            found["delta"] = _thumbnail(difference(*pieces.values()), wanted, None)
        else:
            found["delta"] = "There is no difference, because one of the pictures cannot be shown."
    return found


def cut(rgba: Rgba, wanted: Part) -> Rgba:
    """Return the pixels of a part, which are fewer if the picture ends in it."""
    return rgba[wanted.y : wanted.y + wanted.height, wanted.x : wanted.x + wanted.width]


def difference(first: Rgba, second: Rgba) -> Rgba:
    """Return the difference picture of the same part of both pictures; see `drawings.delta`."""
    if not first.size or not second.size:
        other = second if second.size else first
        first, second = other, other[:0]
    return drawings.delta(first, second)


def reduced(piece: Rgba, wanted: Part) -> Rgba:
    """Return the pixels of a part at the size of its thumbnail.

    Parameters
    ----------
    piece : uint8 (height, width, 4)
        From `cut`, not empty.
    wanted : Part

    Returns
    -------
    uint8 (height, width, 4)
        `piece` itself at full size. Otherwise each value is a mean over the area that it covers, colours
        weighted by alpha; the colour of what is transparent is black.
    """
    if (wanted.wide, wanted.high) == (wanted.width, wanted.height):
        return piece
    high = max(1, round(piece.shape[0] * wanted.high / wanted.height))
    wide = max(1, round(piece.shape[1] * wanted.wide / wanted.width))
    if piece[:, :, 3].min() == 255:
        opaque: Rgba = cv2.resize(piece, (wide, high), interpolation=cv2.INTER_AREA)
        return opaque
    weighted = np.empty(piece.shape, np.uint16)
    for channel in range(3):  # one after the other, which is several times as fast as all at once
        np.multiply(piece[:, :, channel], piece[:, :, 3], out=weighted[:, :, channel], dtype=np.uint16)
    np.multiply(piece[:, :, 3], 255, out=weighted[:, :, 3], dtype=np.uint16)
    mean = cv2.resize(weighted, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32)
    mean[:, :, :3] *= 255 / np.maximum(mean[:, :, 3:], 1)
    mean[:, :, 3] /= 255
    small: Rgba = np.clip(np.rint(mean), 0, 255).astype(np.uint8)
    return small


def _piece(rows: ShownRows, name: str, side: str, wanted: Part) -> tuple[Rgba, str | None]:
    """Return a part of a picture as it is now, and a sentence if it is not the one that was compared."""
    path = rows.path(name, side)
    data, _, changed = read(path, side, rows.cell(name, f"{side}_digest"))
    with as_absent(side, path):
        rgba = images.read_rgba(data, max_pixels=rows.folders.max_pixels)
    return cut(rgba, wanted), changed


def _thumbnail(piece: Rgba, wanted: Part, changed: str | None) -> Thumbnail:
    if not piece.size:
        return Thumbnail(b"", 0, 0, changed)
    small = reduced(piece, wanted)
    height, width = small.shape[:2]
    return Thumbnail(to_png(small), width, height, changed)
