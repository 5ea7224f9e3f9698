"""Short names for the rows of a rectangle: of their pixels, and of their structure.

Names only propose what may be equal; bytes decide. A row's structure is one bit for each pixel: whether its
brightness differs by more than 24 levels from its left neighbour's. Text has the same structure in another
colour, or before another background.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import kernel
from mymodules import opencv as cv2
from mymodules.comparison.pieces import Words
from mymodules.metrics import gray

Digests = NDArray[np.uint64]

STEP = 24
"""Levels of brightness between two neighbours that are more than noise or a gradient."""

TILE = 128
"""px; columns whose structure gets a name of its own in `tiles`."""

_STRIP = 64  # rows that stay in the cache together
_SAMPLED = 16  # columns that are looked at first


class Rows(NamedTuple):
    """What is known of the rows of a rectangle.

    Attributes
    ----------
    digests : uint64 (rows,)
        Equal rows have equal numbers, others hardly ever.
    plain : bool (rows,)
        Which are of one colour.
    """

    digests: Digests
    plain: NDArray[np.bool_]


class Structure(NamedTuple):
    """The structure of a rectangle; its first column has none, unless it was cut from a wider one.

    Attributes
    ----------
    packed : uint8 (rows, 16 for every 128 columns)
        Eight columns to a byte, as `numpy.packbits` puts them; what is beyond the width is 0.
    width : int
        px.
    """

    packed: NDArray[np.uint8]
    width: int

    def rows(self, start: int, stop: int) -> "Structure":
        """Return some of the rows."""
        return Structure(self.packed[start:stop], self.width)

    def columns(self, left: int, right: int) -> "Structure":
        """Return some of the columns."""
        width, shift = right - left, left % 8
        count = (width + 7) // 8
        found = _empty(len(self.packed), width)
        found[:, :count] = self.packed[:, left // 8 :][:, :count]
        if shift:
            found[:, :count] <<= shift
            beside = self.packed[:, left // 8 + 1 :][:, :count]
            found[:, : beside.shape[1]] |= beside >> (8 - shift)
        if width % 8:
            found[:, count - 1] &= 0xFF << (8 - width % 8) & 0xFF
        return Structure(found, width)

    def busy_rows(self) -> NDArray[np.bool_]:
        """Return which rows have any structure: bool (rows,)."""
        return np.asarray(self.packed.view(np.uint64).any(axis=1))

    def busy_columns(self) -> NDArray[np.bool_]:
        """Return which columns have any structure: bool (width,)."""
        found = np.unpackbits(np.bitwise_or.reduce(self.packed, axis=0), count=self.width)
        return found.astype(np.bool_)


def of_pixels(words: Words) -> Rows:
    """Return a number for each row, and whether it is of one colour."""
    rows, width = words.shape
    factors = _factors((width + 1) // 2)
    compiled = kernel.loaded()
    if compiled is not None:
        digests, plain = compiled.digests(words, factors)
        return Rows(digests, plain.view(np.bool_))
    digests = np.zeros(rows, np.uint64)
    for top in range(0, rows, _STRIP):
        part = words[top : top + _STRIP]
        if width % 2:
            part = np.concatenate([part, np.zeros((len(part), 1), np.uint32)], axis=1)
        mixed = np.ascontiguousarray(part).view(np.uint64) * factors
        mixed ^= mixed >> np.uint64(29)  # words may differ only in their high bytes
        mixed.sum(axis=1, out=digests[top : top + _STRIP])
    return Rows(digests, _plain(words))


def _plain(words: Words) -> NDArray[np.bool_]:
    """Return which rows are of one colour: bool (rows,)."""
    rows, width = words.shape
    found = np.zeros(rows, np.bool_)
    step = max(1, width // _SAMPLED)
    likely = np.flatnonzero((words[:, ::step] == words[:, :1]).all(axis=1))
    for start in range(0, len(likely), _STRIP):
        part = words[likely[start : start + _STRIP]]
        found[likely[start : start + _STRIP]] = (part == part[:, :1]).all(axis=1)
    return found


def structure(words: Words) -> Structure:
    """Return the structure of a rectangle."""
    rows, width = words.shape
    packed = _empty(rows, width)
    compiled = kernel.loaded()
    if compiled is not None:
        compiled.structure(words, packed)
        return Structure(packed, width)
    for top in range(0, rows if width > 1 else 0, _STRIP):
        strip = np.ascontiguousarray(words[top : top + _STRIP])
        shades = gray(strip.view(np.uint8).reshape(*strip.shape, 4))
        steps = np.zeros(strip.shape, np.bool_)
        np.greater(cv2.absdiff(shades[:, 1:], shades[:, :-1]), STEP, out=steps[:, 1:])
        packed[top : top + _STRIP, : (width + 7) // 8] = np.packbits(steps, axis=1)
    return Structure(packed, width)


def of_structure(found: Structure) -> Digests:
    """Return a number for each row of a structure, uint64 (rows,): 0 for a row without any."""
    packed = found.packed.view(np.uint64)
    mixed = packed * _factors(packed.shape[1])
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed.sum(axis=1), np.uint64)


def tiles(found: Structure) -> Digests:
    """Return a number for every 128 columns of each row, uint64 (rows, tiles); 0 if they have none.

    Equal stretches have equal numbers only if they are in the same columns.
    """
    packed = found.packed.view(np.uint64)
    mixed = packed * _factors(packed.shape[1])
    mixed ^= mixed >> np.uint64(29)
    return mixed[:, ::2] + mixed[:, 1::2]


def _empty(rows: int, width: int) -> NDArray[np.uint8]:
    """Return the memory for the structure of a rectangle, without any."""
    return np.zeros((rows, -(-width // TILE) * TILE // 8), np.uint8)


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
