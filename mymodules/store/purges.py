"""Purges that hold against work in progress: work that began before a purge ended keeps no purged id."""

import contextlib
import threading
from collections.abc import Iterator


class Work:
    """One piece of work on some ids that is in progress, see `Purges`.

    Attributes
    ----------
    ids : frozenset of str
    """

    def __init__(self, ids: frozenset[str], *, stale: bool) -> None:
        self.ids = ids
        self._stale = stale
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def keeping(self) -> Iterator[bool]:
        """Yield whether the result may be kept; a purge of one of the ids waits for the end of the body."""
        with self._lock:
            yield not self._stale

    def spoil(self) -> None:
        """Forbid keeping the result from now on."""
        with self._lock:
            self._stale = True


class Purges:
    """Keep work in progress from bringing back ids that were purged meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[Work] = set()
        self._purged: list[frozenset[str]] = []  # ids of purges that have not ended

    @contextlib.contextmanager
    def work(self, *ids: str) -> Iterator[Work]:
        """Register the body as work on these ids."""
        with self._lock:
            stale = any(not purged.isdisjoint(ids) for purged in self._purged)
            work = Work(frozenset(ids), stale=stale)
            self._under_way.add(work)
        try:
            yield work
        finally:
            with self._lock:
                self._under_way.remove(work)

    @contextlib.contextmanager
    def purge(self, ids: frozenset[str]) -> Iterator[None]:
        """Purge these ids: the body drops everything that is kept of them."""
        with self._lock:
            self._purged.append(ids)
            concerned = [work for work in self._under_way if not ids.isdisjoint(work.ids)]
        for work in concerned:
            work.spoil()
        try:
            yield
        finally:
            with self._lock:
                self._purged.remove(ids)
