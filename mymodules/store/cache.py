"""A read-through cache: computes the value of each key once, however many callers ask at the same time.

If the value of a key is known, it is returned at once; if it is being computed, callers wait for it. All
other keys are queued, the lowest priority number first; asking for a queued key with another priority moves
it. At most a fixed number of threads works through the queue. They start when there is work, and end soon
after the queue is empty. A key that failed gives the same error for half an hour, or until the state that the
error depends on has changed.

A value that is forgotten while it is being computed is not kept, neither here nor elsewhere, see `purges`.

Nothing here knows what a key is.
"""

import contextlib
import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from mymodules.errors import StoreError

NOW: Final = 0
"""Priority of a value that somebody waits for."""
BACKGROUND: Final = 1
"""Priority of a value that will be needed soon."""
IDLE: Final = 2
"""Priority of a value that may be needed."""

ERRORS_KEPT: Final = 30 * 60.0
"""s; how long a failed key is answered with its error before it is tried again."""

ERRORS: Final = 10_000
"""Most errors that are kept; the oldest are dropped first."""

_IDLE = 2.0  # s; a thread without work ends after this

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """Keep the most recently used values. Not safe for threads.

    Parameters
    ----------
    size : int
        How many values are kept; at least 1.
    limit : int, optional
        The largest weight of all values together.
    weigh : callable, optional
        The weight of a value.
    least : int
        How many of the latest values are kept even if they are too heavy. With 0, a value that is heavier
        than the limit is not kept at all.
    """

    def __init__(
        self, size: int, *, limit: int | None = None, weigh: Callable[[V], int] = lambda _: 0, least: int = 0
    ) -> None:
        self._size, self._limit, self._weigh, self._least = max(size, 1), limit, weigh, least
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """Return the value, and count that as use; None if there is no value."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Keep a value, and drop the least recently used ones that are over the limits."""
        self.remove(key)
        weight = self._weigh(value)
        if self._limit is not None and weight > self._limit and not self._least:
            return
        self._values[key] = value
        self._weight += weight
        while len(self._values) > self._size or self._is_too_heavy():
            self.remove(next(iter(self._values)))

    def remove(self, key: K) -> None:
        """Drop the value of a key, if there is one."""
        if key in self._values:
            self._weight -= self._weigh(self._values.pop(key))

    def remove_matching(self, matches: Callable[[K], bool]) -> None:
        """Drop all values whose key matches."""
        for key in [key for key in self._values if matches(key)]:
            self.remove(key)

    def _is_too_heavy(self) -> bool:
        return self._limit is not None and self._weight > self._limit and len(self._values) > self._least


@dataclass
class _Item(Generic[K, V]):
    """A key that is queued or being computed."""

    key: K
    priority: int
    future: "Future[V]" = field(default_factory=Future)
    running: bool = False
    stale: bool = False  # forgotten meanwhile: its value goes to those who wait, and is not kept


class _Error(NamedTuple):
    """Why there is no value for a key."""

    expires: float
    state: object
    error: Exception


class ReadThrough(Generic[K, V]):
    """Compute the value of each key once, in threads, and keep the latest values; see the module.

    Parameters
    ----------
    compute : callable
        From priority and key to value, called in a thread of this cache. What it raises is the error of that
        key.
    size, limit, weigh, least
        As for `LRUCache`.
    workers : int
        The largest number of threads.
    errors : int
        How many errors are kept.
    state : callable, optional
        Returns for a key the state that its error depends on: when it has changed, the key is tried again.
        Called in a thread of this cache.
    clock : callable
        Seconds that never go backwards.
    """

    def __init__(
        self,
        compute: Callable[[int, K], V],
        *,
        size: int,
        workers: int,
        limit: int | None = None,
        weigh: Callable[[V], int] = lambda _: 0,
        least: int = 0,
        errors: int = ERRORS,
        state: Callable[[K], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._compute, self._workers = compute, max(workers, 1)
        self._most_errors, self._state, self._clock = errors, state, clock
        self._values = LRUCache[K, V](size, limit=limit, weigh=weigh, least=least)
        self._errors: OrderedDict[K, _Error] = OrderedDict()  # the oldest first
        self._items: dict[K, _Item[K, V]] = {}
        # An item whose priority changed is in it several times; all but the latest entry are skipped.
        self._queue: list[tuple[int, int, _Item[K, V]]] = []
        self._places = itertools.count()
        self._threads = self._idle = self._queued = 0
        self._closed = False
        self._lock = threading.Lock()
        self._called = threading.Condition(self._lock)  # there is work, for one thread
        self._changed = threading.Condition(self._lock)  # nothing is left, or a thread has ended

    def __contains__(self, key: K) -> bool:
        with self._lock:
            return key in self._values

    def __len__(self) -> int:
        """Return how many values are kept."""
        with self._lock:
            return len(self._values)

    def get(self, priority: int, key: K) -> V:
        """Wait for the value and return it, or raise the error of this key."""
        future = self.submit(priority, key)
        error = future.exception()
        if error is not None:
            raise error.with_traceback(None)  # one error is raised many times, and would grow each time
        return future.result()

    def submit(self, priority: int, key: K) -> "Future[V]":
        """Return the value as a future. It cannot be cancelled, because others may wait for it too."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                return _settled(value)
            item = self._items.get(key)
            if item is not None:
                if not item.running and item.priority != priority:
                    item.priority = priority
                    self._enqueue(item)
                return item.future
            if self._closed:
                return failed(StoreError("The store is closed."))
            item = self._items[key] = _Item(key, priority)
            item.future.set_running_or_notify_cancel()
            self._enqueue(item)
            self._queued += 1
            self._called.notify()
            if self._queued > self._idle and self._threads < self._workers:
                self._start(item)
            return item.future

    def forget(self, matches: Callable[[K], bool] = lambda _: True) -> None:
        """Drop the values and errors of all keys that match, including those that are being computed."""
        with self._lock:
            self._values.remove_matching(matches)
            for key in filter(matches, list(self._errors)):
                del self._errors[key]
            for key, item in list(self._items.items()):
                if item.running and matches(key):
                    item.stale = True
                    del self._items[key]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is queued or computed; return False if the time, s, was not enough."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._items, timeout)

    def close(self) -> None:
        """Start no more work: queued keys fail, keys that are being computed are finished."""
        with self._lock:
            self._closed = True
            left = [item for item in self._items.values() if not item.running]
            for item in left:
                del self._items[item.key]
            self._queue.clear()
            self._queued = 0
            self._called.notify_all()
        for item in left:
            item.future.set_exception(StoreError("The store is closed."))

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the threads have ended; return False if the time, s, was not enough."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._threads, timeout)

    def _start(self, item: _Item[K, V]) -> None:
        """Start one more thread. If the system refuses and no thread is running, the item fails."""
        self._threads += 1
        try:
            threading.Thread(target=self._work, name="mymodules-cache", daemon=True).start()
        except RuntimeError as error:
            self._threads -= 1
            if not self._threads:
                self._queue.clear()  # only this item is in it: threads leave nothing behind
                self._queued = 0
                del self._items[item.key]
                item.future.set_exception(StoreError(f"No thread can be started ({error}): try again."))

    def _enqueue(self, item: _Item[K, V]) -> None:
        heapq.heappush(self._queue, (item.priority, next(self._places), item))

    def _work(self) -> None:
        while (item := self._next()) is not None:
            try:
                value = self._value(item)
            except BaseException as error:
                # Otherwise the error's frames would keep pictures in memory.
                error.__traceback__ = error.__context__ = error.__cause__ = None
                self._finish(item)
                item.future.set_exception(error)
            else:
                self._finish(item, value)
                item.future.set_result(value)
                del value

    def _value(self, item: _Item[K, V]) -> V:
        """Compute the value of a key, or raise the error that is kept for it."""
        state = self._state(item.key)
        with self._lock:
            self._drop_errors()
            known = self._errors.get(item.key)
            if known is not None and known.state == state:
                raise known.error
        try:
            return self._compute(item.priority, item.key)
        except Exception as error:
            with self._lock:
                if not item.stale:
                    self._errors[item.key] = _Error(self._clock() + ERRORS_KEPT, state, error)
                    self._errors.move_to_end(item.key)
                    self._drop_errors()
            raise

    def _drop_errors(self) -> None:
        """Drop errors that have expired, and the oldest ones if there are too many."""
        while self._errors:
            oldest = next(iter(self._errors.values()))
            if len(self._errors) <= self._most_errors and self._clock() < oldest.expires:
                return
            self._errors.popitem(last=False)

    def _next(self) -> _Item[K, V] | None:
        """Wait for the next item and return it; None if this thread has to end."""
        with self._lock:
            while True:
                while self._queue:
                    priority, _, item = heapq.heappop(self._queue)
                    if not item.running and item.priority == priority and not item.future.done():
                        item.running = True
                        self._queued -= 1
                        return item
                self._idle += 1
                woken = not self._closed and self._called.wait(_IDLE)
                self._idle -= 1
                if not woken and not self._queue:
                    self._threads -= 1
                    self._changed.notify_all()
                    return None

    def _finish(self, item: _Item[K, V], value: V | None = None) -> None:
        with self._lock:
            if not item.stale:
                del self._items[item.key]
                if value is not None:
                    self._errors.pop(item.key, None)
                    with contextlib.suppress(Exception):  # a value that cannot be weighed is not kept
                        self._values.put(item.key, value)
            if not self._items:
                self._changed.notify_all()


def _settled(value: V) -> "Future[V]":
    future: Future[V] = Future()
    future.set_result(value)
    return future


def failed(error: BaseException) -> "Future[V]":
    """Return a future that has this error."""
    future: Future[V] = Future()
    future.set_exception(error)
    return future
