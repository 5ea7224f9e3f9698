"""Where two pictures differ, found by plain comparing."""

import numpy as np


def unequal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where the pixels of two RGBA pictures of one size differ: bool (height, width).

    Each pixel is compared as one number: NumPy takes ten times as long for an axis as short as the channels.
    """
    assert first.shape == second.shape
    assert first.dtype == second.dtype == np.uint8
    one, other = (np.ascontiguousarray(each).view(np.uint32)[..., 0] for each in (first, second))
    return one != other
