"""What makes two changes the same: digests of what they show, without where it stands.

A changed word is compared with the words around it, as far as these stand close together (`phrase`), because
the same letters change to the same others in many words.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

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
    left_of = _still(first, second, box._replace(x=max(bounds.x, box.x - reach)), box.x, displacement)
    right_of = _still(first, second, box._replace(x=end - 1), min(right, end + reach), displacement)
    before, after = _goes_on(left_of[::-1], gap), _goes_on(right_of[1:], gap)
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
    digest.update(repr(None if crop is None else crop.shape).encode())
    if crop is not None:
        digest.update(np.ascontiguousarray(crop).data)


def _common(first: Picture, second: Picture, displacement: tuple[int, int]) -> Region:
    """What of second lies in first too, at that displacement."""
    x, y = displacement
    return clipped(max(0, x), max(0, y), first.box.width + x, first.box.height + y, second)


def _still(
    first: Picture, second: Picture, box: Region, end: int, displacement: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return which columns of a box, up to ``end``, equal their left neighbours in both pictures."""
    box = box._replace(width=end - box.x)
    still = np.ones(box.width, np.bool_)
    for picture, (x, y) in ((first, displacement), (second, (0, 0))):
        words = picture.at(box._replace(x=box.x - x, y=box.y - y))
        still[1:] &= (words[:, 1:] == words[:, :-1]).all(axis=0)
    return still


def _goes_on(still: NDArray[np.bool_], gap: int) -> int:
    """How many columns from a change on something goes on, before as many as a gap are still."""
    padded = np.concatenate([still[: _FARTHEST + gap], np.ones(gap, np.bool_)])  # outside nothing goes on
    busy = np.concatenate([[0], np.cumsum(~padded)])
    quiet = np.flatnonzero(busy[gap:] == busy[:-gap])
    return min(int(quiet[0]), _FARTHEST, len(still))
