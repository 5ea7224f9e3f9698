"""Pictures as they are, beyond the 8 bits that they are compared in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mymodules.formats.png import Samples
from mymodules.images.pixels import to_rgba16

Floats = NDArray[np.floating[Any]]
Values = NDArray[Any]
"""`Samples`, or floats from 0 to 1: (height, width, 1 to 4)."""

NEAR = 4
"""Units in the last place up to which a float is what a sample stands for."""


def differing(first: Values, second: Values) -> NDArray[np.bool_]:
    """Return which pixels of two pictures of one size differ in any bit: bool (height, width)."""
    if first.dtype.kind == "f" and second.dtype.kind == "f":
        return np.asarray((_float_rgba(first) != _float_rgba(second)).any(axis=2))
    if first.dtype.kind == "f":
        return _differ_from(_float_rgba(first), second)
    if second.dtype.kind == "f":
        return _differ_from(_float_rgba(second), first)
    return np.asarray((_wide(first) != _wide(second)).any(axis=2))


def _differ_from(floats: Floats, samples: Samples) -> NDArray[np.bool_]:
    """Return which pixels no samples stand for."""
    near = NEAR * np.finfo(floats.dtype).eps * floats
    return np.asarray((np.abs(_wide(samples) / 65535 - floats) > near).any(axis=2))


def _wide(samples: Samples) -> NDArray[np.uint16]:
    return to_rgba16(samples if samples.dtype == np.uint16 else samples * np.uint16(257))


def _float_rgba(values: Floats) -> Floats:
    """Return gray or RGB floats, with or without alpha, as RGBA."""
    colours = values[:, :, : -1 if values.shape[2] in (2, 4) else None]
    alpha = values[:, :, -1:] if values.shape[2] in (2, 4) else np.ones_like(values[:, :, :1])
    return np.concatenate([np.broadcast_to(colours, (*values.shape[:2], 3)), alpha], axis=2)
