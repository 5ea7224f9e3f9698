"""A read-through cache: asks a function once for each id, however many ask at the same time.

An id that is known is answered at once, one that is being computed is waited for. All others stand in a
queue, lowest priority number first; who asks for a queued one with another priority changes its place. A
fixed number of threads works it off, started when there is something to do and ended soon after there is
nothing. They answer an id that failed with the same error, for half an hour or until what it depends on has
changed.

What is forgotten while somebody works on it is neither kept here nor, see `purges`, anywhere else.

Nothing here knows what an id is.
"""

import contextlib
import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from mymodules.errors import StoreError

ERRORS_KEPT: Final = 30 * 60.0
"""s; how long a failed id is answered with its error before it is tried anew."""

ERRORS: Final = 10_000
"""Most errors that are kept; the oldest go first."""

_IDLE = 2.0  # s; then a thread without work ends

V = TypeVar("V")


class Recent(Generic[V]):
    """The values used last; not safe for threads.

    Parameters
    ----------
    size : int
        Most values; at least 1 is kept.
    limit : int, optional
        Most weight of all together; what is heavier alone is not kept.
    weigh : callable, optional
        The weight of a value.
    """

    def __init__(
        self, size: int, *, limit: int | None = None, weigh: Callable[[V], int] = lambda _: 0
    ) -> None:
        self._size, self._limit, self._weigh = max(size, 1), limit, weigh
        self._values: OrderedDict[str, V] = OrderedDict()
        self._weight = 0

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> V | None:
        """The value, which counts as use."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: str, value: V) -> None:
        """Keep a value, and drop those that are over the limits."""
        self.remove(key)
        weight = self._weigh(value)
        if self._limit is not None and weight > self._limit:
            return
        self._values[key] = value
        self._weight += weight
        while len(self._values) > self._size or (self._limit is not None and self._weight > self._limit):
            self.remove(next(iter(self._values)))

    def remove(self, key: str) -> None:
        """Drop a value where it is kept."""
        if key in self._values:
            self._weight -= self._weigh(self._values.pop(key))

    def remove_matching(self, matches: Callable[[str], bool]) -> None:
        """Drop all values whose id matches."""
        for key in [key for key in self._values if matches(key)]:
            self.remove(key)


@dataclass
class _Item(Generic[V]):
    """An id that is queued or being computed."""

    key: str
    priority: int
    future: "Future[V]" = field(default_factory=Future)
    running: bool = False
    stale: bool = False  # forgotten meanwhile: its outcome is for those who wait, and not kept


class _Error(NamedTuple):
    """Why there is no value for an id."""

    expires: float
    state: object
    error: Exception


class ReadThrough(Generic[V]):
    """See the module.

    Parameters
    ----------
    compute : callable
        Priority and id to value, in a thread of this cache. What it raises is the error of that id.
    size, limit, weigh
        As for `Recent`.
    workers : int
        Threads at most.
    errors : int
        Most errors that are kept.
    state : callable, optional
        Of an id, what its error depends on besides time: it is tried anew when this has changed. Asked in
        a thread of this cache.
    clock : callable
        Seconds that never go backwards.
    """

    def __init__(
        self,
        compute: Callable[[int, str], V],
        *,
        size: int,
        workers: int,
        limit: int | None = None,
        weigh: Callable[[V], int] = lambda _: 0,
        errors: int = ERRORS,
        state: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._compute, self._workers = compute, max(workers, 1)
        self._most_errors, self._state, self._clock = errors, state, clock
        self._values = Recent[V](size, limit=limit, weigh=weigh)
        self._errors: OrderedDict[str, _Error] = OrderedDict()  # the oldest first
        self._items: dict[str, _Item[V]] = {}
        # An item whose priority changed stands in it several times; all but the current place are skipped.
        self._queue: list[tuple[int, int, _Item[V]]] = []
        self._places = itertools.count()
        self._threads = self._idle = self._queued = 0
        self._closed = False
        self._lock = threading.Lock()
        self._called = threading.Condition(self._lock)  # there is work, for one thread
        self._changed = threading.Condition(self._lock)  # nothing is left, or a thread has ended

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._values

    def get(self, priority: int, key: str) -> V:
        """The value, when it is there; raises the error of this id."""
        future = self.submit(priority, key)
        error = future.exception()
        if error is not None:
            raise error.with_traceback(None)  # one error is raised many times, and would grow each time
        return future.result()

    def submit(self, priority: int, key: str) -> "Future[V]":
        """The value as a future, which cannot be cancelled: others may wait for it too."""
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

    def forget(self, matches: Callable[[str], bool]) -> None:
        """Drop the values and errors of all ids that match, also of those that are being computed."""
        with self._lock:
            self._values.remove_matching(matches)
            for key in filter(matches, list(self._errors)):
                del self._errors[key]
            for key, item in list(self._items.items()):
                if item.running and matches(key):
                    item.stale = True
                    del self._items[key]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is queued or computed; False where the time, s, was not enough."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._items, timeout)

    def close(self) -> None:
        """Begin nothing any more: what is still queued fails, what is being computed ends by itself."""
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
        """Wait until the threads have ended; False where the time, s, was not enough."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._threads, timeout)

    def _start(self, item: _Item[V]) -> None:
        """One more thread; where the system has none left, and none is at work, the item fails."""
        self._threads += 1
        try:
            threading.Thread(target=self._work, name="mymodules-store", daemon=True).start()
        except RuntimeError as error:
            self._threads -= 1
            if not self._threads:
                self._queue.clear()  # of this item only: threads leave nothing behind
                self._queued = 0
                del self._items[item.key]
                item.future.set_exception(StoreError(f"No thread can be started ({error}): try again."))

    def _enqueue(self, item: _Item[V]) -> None:
        heapq.heappush(self._queue, (item.priority, next(self._places), item))

    def _work(self) -> None:
        while (item := self._next()) is not None:
            try:
                value = self._value(item)
            except BaseException as error:
                # Frames would keep what they held, and that is pictures.
                error.__traceback__ = error.__context__ = error.__cause__ = None
                self._finish(item)
                item.future.set_exception(error)
            else:
                self._finish(item, value)
                item.future.set_result(value)
                del value

    def _value(self, item: _Item[V]) -> V:
        """What an id comes to now, or raise the error that it still has."""
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
        """Those that have expired, and the oldest of too many."""
        while self._errors:
            oldest = next(iter(self._errors.values()))
            if len(self._errors) <= self._most_errors and self._clock() < oldest.expires:
                return
            self._errors.popitem(last=False)

    def _next(self) -> _Item[V] | None:
        """The next item, or None when this thread is to end."""
        with self._lock:
            while True:
                while self._queue:
                    priority, _, item = heapq.heappop(self._queue)
                    if not item.running and item.priority == priority and not item.future.done():
                        item.running = True
                        self._queued -= 1
                        return item
                self._idle += 1
                told = not self._closed and self._called.wait(_IDLE)
                self._idle -= 1
                if not told and not self._queue:
                    self._threads -= 1
                    self._changed.notify_all()
                    return None

    def _finish(self, item: _Item[V], value: V | None = None) -> None:
        with self._lock:
            if not item.stale:
                del self._items[item.key]
                if value is not None:
                    self._errors.pop(item.key, None)
                    with contextlib.suppress(Exception):  # of its weight: it is not kept then
                        self._values.put(item.key, value)
            if not self._items:
                self._changed.notify_all()


def _settled(value: V) -> "Future[V]":
    future: Future[V] = Future()
    future.set_result(value)
    return future


def failed(error: BaseException) -> "Future[V]":
    """A future that has this error."""
    future: Future[V] = Future()
    future.set_exception(error)
    return future
