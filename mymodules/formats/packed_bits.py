"""Rows of 1, 2 or 4 bits per pixel, as PNG and BMP pack them: the leftmost pixel in the highest bits."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_WORDS: Final = {1: np.uint64, 2: np.uint32, 4: np.uint16}  # as many bytes as a packed byte has pixels


def unpack(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Return one byte for each number of so many bits; 8 bits as they are.

    Parameters
    ----------
    rows : uint8 (rows, bytes)
    depth : {1, 2, 4, 8}

    Returns
    -------
    uint8 (rows, bytes * 8 / depth)
        Numbers from 0 to 2**depth - 1, those that only fill up the last byte included.
    """
    if depth == 8:
        return rows
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    pixels = (np.arange(256, dtype=np.uint8)[:, None] >> shifts) & np.uint8((1 << depth) - 1)
    # All pixels of a byte are looked up at once, which takes a third of the time of shifting each.
    words = pixels.view(_WORDS[depth])[:, 0]
    return words[rows].view(np.uint8)
