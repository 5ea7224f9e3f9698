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
_SMALL = 1 << 12  # px; so few are not worth packing
_TOGETHER = 1 << 15  # px that are packed at a time
_COLUMNS = 32  # that are looked at first for a gap between words
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
    bounds = _common(first, second, displacement)
    end, right = box.x + box.width, bounds.x + bounds.width
    before = _goes_on((first, second), box, displacement, gap, bounds.x - box.x)
    after = _goes_on((first, second), box, displacement, gap, right - end)
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
    """Add the size of a crop and its pixels; of a large one only the first of equal neighbours."""
    digest.update(repr(None if crop is None else crop.shape).encode())
    if crop is None:
        return
    if crop.size <= _SMALL:
        digest.update(crop.tobytes())
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
    both: tuple[Picture, Picture], box: Region, displacement: tuple[int, int], gap: int, reach: int
) -> int:
    """Return how many columns beside a change something goes on, before as many as a gap are still.

    Parameters
    ----------
    reach : int
        How many columns there are: to the left of the change if negative, else to the right.
    """
    x, y = displacement
    count = min(abs(reach), _FARTHEST + gap)
    busy, still = b"", bytes(gap)
    columns = _COLUMNS
    while len(busy) < count:
        done, upto = len(busy), min(count, len(busy) + columns)
        left, width = box.x + box.width + done - 1, upto - done + 1
        if reach < 0:  # the last column of all has no neighbour, and is still
            width -= upto == -reach
            left = box.x - done - width
        found = np.zeros(width, np.uint8)
        area = Region(left, box.y, width, box.height)
        _look(both[0].at(Region(left - x, box.y - y, width, box.height)), both[1].at(area), found)
        part = found[1:] if reach > 0 else found[::-1][: upto - done]
        busy += part.tobytes()
        place = busy.find(still)
        if place >= 0:
            return min(place, _FARTHEST)
        columns *= 4
    return min((busy + still).index(still), _FARTHEST)  # outside nothing goes on


def _look(first: Words, second: Words, busy: NDArray[np.uint8]) -> None:
    """Set a 1 for columns but the first that differ from their left neighbours on either side."""
    compiled = kernel.loaded()
    if compiled is not None:
        compiled.busy_columns(first, second, busy)
        return
    for words in (first, second):
        busy[1:] |= (words[:, 1:] != words[:, :-1]).any(axis=0)
