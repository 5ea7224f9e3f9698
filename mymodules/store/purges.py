"""Purges that no work under way can undo."""

import contextlib
import threading
from collections.abc import Iterator


class Work:
    """Something that is being done about some ids, see `Purges`."""

    def __init__(self, ids: frozenset[str], *, stale: bool) -> None:
        self.ids = ids
        self._stale = stale
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def keeping(self) -> Iterator[bool]:
        """Whether what came of it may be kept; a purge of one of its ids waits until that is done."""
        with self._lock:
            yield not self._stale

    def spoil(self) -> None:
        """From now on nothing of it may be kept."""
        with self._lock:
            self._stale = True


class Purges:
    """So that no purge is undone: work that began before its end keeps nothing of what was purged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[Work] = set()
        self._purged: list[frozenset[str]] = []  # by purges that have not ended

    @contextlib.contextmanager
    def work(self, *ids: str) -> Iterator[Work]:
        """Work on these ids."""
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
        """Drop all that is kept of these ids inside of this."""
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
