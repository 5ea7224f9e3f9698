"""Memory that is kept from picture to picture."""

import numpy as np
from numpy.typing import NDArray

MOST_KEPT = 1 << 27
"""Bytes; more is given back to the system after each picture."""


class Memory:
    """Memory for one picture at a time.

    Memory that is new to a process costs several times what it costs to inflate a picture into it, so it
    is kept. What was taken before must not be used any more when the next piece is taken.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.uint8)

    def take(self, size: int) -> NDArray[np.uint8]:
        """Return so many bytes with anything in them."""
        if size > MOST_KEPT:
            self._kept = np.empty(0, np.uint8)
            return np.empty(size, np.uint8)
        if size > self._kept.size:
            wanted = min(MOST_KEPT, max(size, 2 * self._kept.size))
            self._kept = np.empty(0, np.uint8)  # gone before there is more
            self._kept = np.empty(wanted, np.uint8)
        return self._kept[:size]
