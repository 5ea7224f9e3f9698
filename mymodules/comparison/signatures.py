"""What makes two changes the same: digests of what they show, without where it stands.

A changed word is compared with the words around it, as far as these stand close together (`phrase`), because
the same letters change to the same others in many words.
"""

import hashlib
from collections.abc import Iterable, Iterator

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
_TOGETHER = 1 << 15  # px that are packed together
_AT_ONCE = 4  # times as many are packed before they are hashed
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
    left = max(bounds.x, box.x - _FARTHEST - gap)
    window = Region(left, box.y, min(right, end + _FARTHEST + gap) - left, box.height)
    there = Region(window.x - displacement[0], window.y - displacement[1], window.width, window.height)
    both = first.at(there), second.at(window)
    before, after = (min(count, _FARTHEST) for count in _going_on(both, box.x - left, end - left, gap))
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
    rows = max(1, _TOGETHER // crop.shape[1])
    for top in range(0, len(crop), rows * _AT_ONCE):
        for part in _packed(crop[top : top + rows * _AT_ONCE], rows):
            digest.update(part.data)


def _packed(words: Words, rows: int) -> Iterator[NDArray[np.generic]]:
    """Yield, for so many rows at a time, a bit for each pixel where a row or a colour begins, and these."""
    compiled = kernel.loaded()
    if compiled is not None:
        yield compiled.packed(words, rows)
        return
    for top in range(0, len(words), rows):
        part = words[top : top + rows]
        begins = np.ones(part.shape, np.bool_)
        np.not_equal(part[:, 1:], part[:, :-1], out=begins[:, 1:])
        yield np.packbits(begins, axis=1)
        yield part[begins]


def _common(first: Picture, second: Picture, displacement: tuple[int, int]) -> Region:
    """What of second lies in first too, at that displacement."""
    x, y = displacement
    return clipped(max(0, x), max(0, y), first.box.width + x, first.box.height + y, second)


def _going_on(both: tuple[Words, Words], begin: int, end: int, gap: int) -> tuple[int, int]:
    """Return how many columns beside a change go on, to the left and to the right, before a gap."""
    compiled = kernel.loaded()
    if compiled is not None:
        return compiled.going_on(*both, begin, end, gap)
    busy = np.zeros(both[0].shape[1], np.uint8)
    for words in both:
        busy[1:] |= (words[:, 1:] != words[:, :-1]).any(axis=0)
    still = bytes(gap)
    before, after = ((columns.tobytes() + still).index(still) for columns in (busy[:begin][::-1], busy[end:]))
    return before, after
