"""Short names for the rows of a rectangle: of their pixels, and of their structure.

Names only propose what may be equal; bytes decide. A row's structure is one bit for each pixel: whether its
brightness differs by more than 24 levels from its left neighbour's. Text has the same structure in another
colour, or before another background.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from mymodules import opencv as cv2
from mymodules.comparison.pieces import Picture, Words, rows_of
from mymodules.metrics import gray
from mymodules.regions import Region

Digests = NDArray[np.uint64]
Bits = NDArray[np.bool_]

STEP = 24
"""Levels of brightness between two neighbours that are more than noise or a gradient."""

TILE = 128
"""px; columns whose structure gets a name of its own in `tiles`."""

_STRIP = 64  # rows that stay in the cache together
_SAMPLED = 16  # columns that are looked at first


def of_pixels(words: Words) -> Digests:
    """Return a number for each row, uint64 (rows,); equal rows have equal numbers, others hardly ever."""
    rows, width = words.shape
    found = np.zeros(rows, np.uint64)
    factors = _factors((width + 1) // 2)
    for top in range(0, rows, _STRIP):
        part = words[top : top + _STRIP]
        if width % 2:
            part = np.concatenate([part, np.zeros((len(part), 1), np.uint32)], axis=1)
        mixed = np.ascontiguousarray(part).view(np.uint64) * factors
        mixed ^= mixed >> np.uint64(29)  # words may differ only in their high bytes
        mixed.sum(axis=1, out=found[top : top + _STRIP])
    return found


def plain(words: Words) -> NDArray[np.bool_]:
    """Return which rows are of one colour: bool (rows,)."""
    rows, width = words.shape
    found = np.zeros(rows, np.bool_)
    step = max(1, width // _SAMPLED)
    likely = np.flatnonzero((words[:, ::step] == words[:, :1]).all(axis=1))
    for start in range(0, len(likely), _STRIP):
        part = words[likely[start : start + _STRIP]]
        found[likely[start : start + _STRIP]] = (part == part[:, :1]).all(axis=1)
    return found


def structure(picture: Picture, box: Region) -> Bits:
    """Return the structure of a rectangle, bool (height, width); its first column has none."""
    found = np.zeros((box.height, box.width), np.bool_)
    for top in range(0, box.height if box.width > 1 else 0, _STRIP):
        strip = rows_of(box, top, min(top + _STRIP, box.height))
        shades = gray(picture.rgba_at(strip))
        steps = cv2.absdiff(shades[:, 1:], shades[:, :-1])
        np.greater(steps, STEP, out=found[top : top + _STRIP, 1:])
    return found


def of_structure(bits: Bits) -> Digests:
    """Return a number for each row of a structure, uint64 (rows,): 0 for a row without any."""
    packed = _packed(bits, 64)
    mixed = packed * _factors(packed.shape[1])
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed.sum(axis=1), np.uint64)


def tiles(bits: Bits) -> Digests:
    """Return a number for every 128 columns of each row, uint64 (rows, tiles); 0 if they have none.

    Equal stretches have equal numbers only if they are in the same columns.
    """
    packed = _packed(bits, TILE).reshape(len(bits), -1, 2)
    factors = _factors(packed.shape[1] * 2).reshape(-1, 2)
    mixed = packed * factors
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed.sum(axis=2), np.uint64)


def _packed(bits: Bits, columns: int) -> Digests:
    """Return 64 columns of each row as one number; the width is filled up to a multiple of ``columns``."""
    rows, width = bits.shape
    packed = np.zeros((rows, -(-width // columns) * columns // 8), np.uint8)
    packed[:, : -(-width // 8)] = np.packbits(bits, axis=1)
    return packed.view(np.uint64)


@functools.lru_cache(maxsize=8)
def _factors(count: int) -> Digests:
    """Return odd numbers without any pattern: those of SplitMix64.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014, doi:10.1145/2714064.2660195.
    """
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    mixed |= np.uint64(1)
    mixed.flags.writeable = False
    return mixed
