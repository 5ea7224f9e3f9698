"""Stored rows of PNG files as the kernel takes them, and what is read back from them, the plain way."""

import numpy as np
from numpy.typing import NDArray

from support import oracles, pngs

Bytes = NDArray[np.uint8]
COLOUR_TYPES = {3: 2, 4: 6}  # by channels
SHADES = [(0, 0, 0, 0), *oracles.ORANGE, *oracles.BLUE]


def rows(samples: np.ndarray, filters: pngs.Filters, beyond: int) -> Bytes:
    """The stored rows of (height, width, 3 or 4) in one flat array, and so many bytes of anything."""
    stored = pngs.scanlines(samples, COLOUR_TYPES[samples.shape[2]], 8, filters=filters)
    return np.frombuffer(stored + bytes([171]) * beyond, np.uint8).copy()


def samples(stored: Bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """What stored rows show, unfiltered byte by byte."""
    height, width, channels = shape
    lines = stored[: height * (1 + width * channels)].reshape(height, -1)
    above, found = bytearray(width * channels), []
    for line in lines:
        above = pngs.unfilter(int(line[0]), line[1:].tobytes(), above, channels)
        found.append(list(above))
    return np.array(found, np.uint8).reshape(shape)


def show(stored: Bytes, picture: np.ndarray) -> bool:
    """Whether these are the rows of a picture, each with the filter that it names.

    Filtering has one inverse, so this says the same as undoing the filters would.
    """
    height, width, channels = picture.shape
    lines = stored[: height * (1 + width * channels)].reshape(height, -1)
    expected = pngs.filtered(picture.reshape(height, -1), lines[:, 0], channels)
    return np.array_equal(lines, expected)


def rgba(picture: np.ndarray) -> np.ndarray:
    """RGB or RGBA as RGBA."""
    opaque = np.full((*picture.shape[:2], 4), 255, np.uint8)
    opaque[:, :, : picture.shape[2]] = picture
    return opaque


def coloured(shades: Bytes, width: int) -> np.ndarray:
    """Shades, two to a byte, as RGBA."""
    single = np.stack([shades >> 4, shades & 15], axis=2).reshape(len(shades), -1)
    return np.array(SHADES, np.uint8)[single[:, :width]]


def page(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """A picture like a page: most of each row is as above, the rest is drawn or painted over."""
    row = np.zeros((width, channels), np.uint8)
    lines = []
    for _ in range(height):
        row = row.copy()
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
            start = int(rng.integers(width))
            span = row[start : int(rng.integers(start, width)) + 1]
            if rng.integers(2):
                span[:] = rng.integers(0, 256, span.shape)
            else:
                span[:] = rng.integers(0, 256, channels)
        lines.append(row)
    return np.array(lines)


def changed(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """A copy that differs: not at all, in dots, in a patch, in one channel, from some row on, or all over."""
    other = picture.copy()
    height, width, channels = picture.shape
    match rng.integers(6):
        case 1:
            for _ in range(int(rng.integers(1, 5))):
                other[rng.integers(height), rng.integers(width), rng.integers(channels)] ^= rng.integers(
                    1, 256
                )
        case 2:
            top, left = int(rng.integers(height)), int(rng.integers(width))
            other[top : top + int(rng.integers(1, 9)), left : left + int(rng.integers(1, 50))] ^= 255
        case 3:
            other[rng.random((height, width)) < 0.02, rng.integers(channels)] ^= 1
        case 4:
            start = int(rng.integers(height))
            other[start:] = np.roll(other[start:], int(rng.integers(1, 4)), axis=0)
        case 5:
            other[:] = rng.integers(0, 256, other.shape)
    return other
