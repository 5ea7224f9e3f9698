"""Pixels stored as small numbers packed into bytes, and the colours they stand for."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mymodules import opencv as cv2

_WORDS: Final = {1: np.uint64, 2: np.uint32, 4: np.uint16}  # one byte for each pixel of a packed byte
_AT_ONCE: Final = 1 << 22  # pixels looked up at a time


def unpack(rows: NDArray[np.uint8], depth: int, scale: int = 1) -> NDArray[np.uint8]:
    """Unpack numbers of ``depth`` bits to one byte each; the leftmost is in the highest bits.

    Parameters
    ----------
    rows : uint8 (rows, bytes)
    depth : {1, 2, 4, 8}
        With 8 bits, the rows are returned as they are.
    scale : int
        Factor applied to numbers of fewer than 8 bits.

    Returns
    -------
    uint8 (rows, bytes * 8 / depth)
        Includes the padding of the last byte of a row.
    """
    if depth == 8:
        return rows
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    pixels = (np.arange(256, dtype=np.uint8)[:, None] >> shifts) & np.uint8((1 << depth) - 1)
    pixels *= np.uint8(scale)
    # Looking up all pixels of a byte at once takes a third of the time of shifting each.
    words = pixels.view(_WORDS[depth])[:, 0]
    return words[rows].view(np.uint8)


def look_up(numbers: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Look up the colours of numbers.

    Parameters
    ----------
    numbers : uint8 (height, width)
    colours : uint8 (at most 256, 3 or 4)
        The colour of each number; colours beyond the table are 0.

    Returns
    -------
    uint8 (height, width, 3 or 4)
    """
    height, width = numbers.shape
    count, channels = colours.shape
    table = np.zeros((256, channels), np.uint8)
    table[:count] = colours
    if channels == 4:
        return table.view(np.uint32)[:, 0][numbers].view(np.uint8).reshape(height, width, 4)
    shown = np.empty((height, width, 3), np.uint8)
    rows = max(1, _AT_ONCE // width)
    for top in range(0, height, rows):
        part = np.ascontiguousarray(numbers[top : top + rows])
        cv2.LUT(cv2.cvtColor(part, cv2.COLOR_GRAY2RGB), table[None], dst=shown[top : top + rows])
    return shown
