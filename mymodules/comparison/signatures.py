"""What makes two changes the same: digests of what they show, without where it stands.

A changed word is compared with the words around it, as far as these stand close together (`phrase`), because
the same letters change to the same others in many words.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mymodules import kernel
from mymodules.comparison.pieces import Picture, Words
from mymodules.regions import Region

VERSION = 1
"""Part of every signature; raised when the same change gets another one than before."""

AROUND = 64, 24
"""px; width and height of what is looked at around a change to tell its surroundings."""

MARGIN = 4
"""px around a phrase that belong to it."""

_FARTHEST = 256  # px to either side
_LEAST_GAP, _GAP_OF_HEIGHT = 6, 0.6  # px, and share of the height of the change
_TOGETHER = 1 << 15  # px that are packed at a time
_ROWS = 32  # that are looked at first for gaps between words
_COLOURS = 16  # of a row; with more it is a picture


def signature(kind: str, crops: Iterable[Words | None], *values: object) -> str:
    """Return 24 hexadecimal digits of a kind of change, of what it shows, and of further values.

    Parameters
    ----------
    kind : str
    crops : iterable of uint32 (height, width) or None
        None where a side shows nothing.
    *values : int or tuple of int
        What else makes a difference, such as the height of a piece.
    """
    digest = hashlib.blake2b(repr((VERSION, kind, values)).encode(), digest_size=12)
    for crop in crops:
        _add(digest, crop)
    return digest.hexdigest()


def surroundings(picture: Picture, box: Region) -> str:
    """Return 24 hexadecimal digits of the 64 x 24 px around a box's centre, cut at the picture's edge."""
    digest = hashlib.blake2b(digest_size=12)
    left, top = box.x + (box.width - AROUND[0]) // 2, box.y + (box.height - AROUND[1]) // 2
    _add(digest, picture.at(clipped(left, top, left + AROUND[0], top + AROUND[1], picture)))
    return digest.hexdigest()


def phrase(first: Picture, second: Picture, box: Region, displacement: tuple[int, int]) -> Region:
    """Return the box in second around a change in place, grown to the words around it.

    To either side it goes on until as many columns as a gap between words is wide equal their left neighbours
    in both pictures, at most 256 px; then 4 px more, also above and below.

    Parameters
    ----------
    first, second : Picture
    box : Region
        In second.
    displacement : tuple of int
        How far second's content is to the right of first's, and below it.
    """
    gap = max(_LEAST_GAP, int(_GAP_OF_HEIGHT * box.height))
    reach = _FARTHEST + gap + 1
    bounds = _common(first, second, displacement)
    end, right = box.x + box.width, bounds.x + bounds.width
    left, far = max(bounds.x, box.x - reach), min(right, end + reach)
    before = _goes_on(first, second, Region(left, box.y, box.x - left, box.height), displacement, gap, -1)
    after = _goes_on(first, second, Region(end - 1, box.y, far - end + 1, box.height), displacement, gap, 1)
    return clipped(
        max(box.x - before - MARGIN, bounds.x),
        max(box.y - MARGIN, bounds.y),
        min(end + after + MARGIN, right),
        min(box.y + box.height + MARGIN, bounds.y + bounds.height),
        second,
    )


def colours(row: NDArray[np.uint32]) -> tuple[int, ...]:
    """Return the colours of a row from left to right, without lengths; of a picture-like row all pixels."""
    changes = np.flatnonzero(row[1:] != row[:-1]) + 1
    if len(changes) >= _COLOURS:
        return tuple(row.tolist())
    return tuple(row[np.concatenate([[0], changes])].tolist()) if len(row) else ()


def clipped(left: int, top: int, right: int, bottom: int, picture: Picture) -> Region:
    """Return what of a box lies in a picture."""
    left, top = max(0, left), max(0, top)
    right, bottom = min(picture.box.width, right), min(picture.box.height, bottom)
    return Region(left, top, max(0, right - left), max(0, bottom - top))


def _add(digest: "hashlib.blake2b", crop: Words | None) -> None:
    """Add the size of a crop and its pixels, of equal neighbours only the first."""
    digest.update(repr(None if crop is None else crop.shape).encode())
    if crop is None or not crop.size:
        return
    width = crop.shape[1]
    rows = min(len(crop), max(1, _TOGETHER // width))
    bits, kept = np.empty((rows, (width + 7) // 8), np.uint8), np.empty(rows * width, np.uint32)
    for top in range(0, len(crop), rows):
        part = crop[top : top + rows]
        count = _packed(part, bits[: len(part)], kept)
        digest.update(bits[: len(part)].data)
        digest.update(kept[:count].data)


def _packed(words: Words, bits: NDArray[np.uint8], kept: Words) -> int:
    """Set a bit for each pixel where a row or a colour begins, and keep these; return how many they are."""
    compiled = kernel.loaded()
    if compiled is not None:
        return compiled.packed(words, bits, kept)
    begins = np.ones(words.shape, np.bool_)
    np.not_equal(words[:, 1:], words[:, :-1], out=begins[:, 1:])
    bits[...] = np.packbits(begins, axis=1)
    found = words[begins]
    kept[: len(found)] = found
    return len(found)


def _common(first: Picture, second: Picture, displacement: tuple[int, int]) -> Region:
    """What of second lies in first too, at that displacement."""
    x, y = displacement
    return clipped(max(0, x), max(0, y), first.box.width + x, first.box.height + y, second)


def _goes_on(
    first: Picture, second: Picture, box: Region, displacement: tuple[int, int], gap: int, way: int
) -> int:
    """Return how many columns from a change on something goes on, before as many as a gap are still.

    Parameters
    ----------
    box : Region
        The columns to look at, to the left (way -1) of the change, or to the right (way 1) with its last one.
    """
    x, y = displacement
    busy = np.zeros(box.width, np.uint8)
    columns = busy[::-1] if way < 0 else busy[1:]
    most = min(_FARTHEST, len(columns))
    still = bytes(gap)  # as it is outside
    found = top = 0
    rows = _ROWS
    while top < box.height and found < most:
        height = min(rows, box.height - top)
        one = first.at(Region(box.x - x, box.y + top - y, box.width, height))
        _look(one, second.at(Region(box.x, box.y + top, box.width, height)), busy)
        found = min((columns[: _FARTHEST + gap].tobytes() + still).index(still), most)
        top, rows = top + height, 4 * rows
    return found


def _look(first: Words, second: Words, busy: NDArray[np.uint8]) -> None:
    """Set a 1 for columns but the first that differ from their left neighbours on either side."""
    compiled = kernel.loaded()
    if compiled is not None:
        compiled.busy_columns(first, second, busy)
        return
    for words in (first, second):
        busy[1:] |= (words[:, 1:] != words[:, :-1]).any(axis=0)
