"""What a store keeps in memory, and how much of it fits into a budget."""

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from mymodules.errors import StoreError
from mymodules.metrics import DiffMetrics
from mymodules.store.cache import LRUCache, ReadThrough
from mymodules.store.sources import Original

if TYPE_CHECKING:
    from mymodules.images import Rgba

GIB = 1 << 30
"""Bytes."""

_IMAGE_COST, _METRICS_COST = 1 << 20, 100  # bytes in memory, of each


class CacheCounts(NamedTuple):
    """How many images and metrics are kept in memory."""

    images: int
    metrics: int


class Caches(NamedTuple):
    """What a store has in memory.

    Attributes
    ----------
    images : ReadThrough
        Pictures by name.
    decoded : LRUCache
        Pixels by name.
    metrics, deltas : ReadThrough
        Figures and difference pictures by `diff_id`.
    """

    images: ReadThrough[str, Original]
    decoded: "LRUCache[str, Rgba]"
    metrics: ReadThrough[str, DiffMetrics]
    deltas: ReadThrough[str, bytes]

    @property
    def working(self) -> tuple[ReadThrough[str, Any], ...]:
        """The caches with threads, each before those that it gets its values from."""
        return self.deltas, self.metrics, self.images


def cache_counts(gib: float) -> CacheCounts:
    """Return what fits into a budget, GiB: x images of 1 MiB and x^2 metrics of 100 bytes.

    Nothing fits into a budget of 0 or less.
    """
    check_number("gib", gib)
    budget = int(gib * GIB)
    if budget <= 0:
        return CacheCounts(0, 0)
    root = math.isqrt(_IMAGE_COST**2 + 4 * _METRICS_COST * budget)
    count = (root - _IMAGE_COST) // (2 * _METRICS_COST)
    return CacheCounts(count, count**2)


def check_number(name: str, value: float, least: float = -math.inf) -> None:
    """Raise StoreError unless a value is a finite number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value < math.inf:
        expected = "a number" if least == -math.inf else f"a number, at least {least:g}"
        raise StoreError(f"{name} is {value!r}: it must be {expected}.")
