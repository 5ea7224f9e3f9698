"""Ask a server: several things at once if its driver bears it, again if it fails, never beyond a time limit.

All calls are made in threads that do not keep a process from ending, because a call may hang for ever.
"""

import contextlib
import errno
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

AT_ONCE: Final = 8
"""How many calls are made at a time through a driver that bears it."""

_BEARING: Final = frozenset(
    {"http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "zip", "memory"}
)
"""Others have one connection or one open file, and mix up what is asked of it at the same time."""

TRIES: Final = 5
"""How often a call is made before its failure counts."""

PAUSE: Final = 0.2
"""s; between the first two tries. Each later pause is twice as long as the one before."""

LOOK: Final = 0.2
"""s; between two looks at whether anybody waits."""

SERVER: Final = "server"
"""The code of what may work later."""

_PASSING = frozenset({408, 425, 429})  # errors of a client that ask for another try
_GONE = frozenset({404, 410})
_DENIED = frozenset({401, 403, 407})
_OWN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EFBIG})
_SERVERS = (
    "aiohttp",
    "asyncio",
    "fsspec",
    "botocore",
    "aiobotocore",
    "google",
    "azure",
    "paramiko",
    "urllib3",
)
_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "RefreshError")

Item = TypeVar("Item")
Result = TypeVar("Result")


class Over(Exception):
    """The time limit was reached, or nobody waits for the answer any more; its text is a clause on that."""


class Failed(Exception):
    """A call failed in all tries, or in a way that trying again does not help.

    Attributes
    ----------
    code : str
        A code of status ``error``, or `SERVER`.
    clause : str
        For a person: "it is gone". It quotes no library.
    """

    def __init__(self, code: str, clause: str) -> None:
        super().__init__(code, clause)
        self.code, self.clause = code, clause


class WrongLength(Exception):
    """Another number of bytes came than the server states."""


class _Kind(NamedTuple):
    code: str
    clause: str
    passes: bool


class Asking:
    """One dealing with a server.

    Parameters
    ----------
    limit : float
        s; how long it may take.
    patience : float, optional
        s; how long it may take without any answer.
    over : threading.Event, optional
        That of another dealing, which is to end with this one.

    Attributes
    ----------
    over : threading.Event
        Whoever sets it ends everything.
    """

    def __init__(
        self, limit: float, patience: float | None = None, over: threading.Event | None = None
    ) -> None:
        self._limit, self._end = limit, time.monotonic() + limit
        self._patience = limit if patience is None else patience
        self._allowed: list[float] = []  # until when calls that are being made may take
        self.heard()
        self._at_once = 1
        self.over = over or threading.Event()

    @property
    def left(self) -> float:
        """The s that are left."""
        return max(0.0, min(self._end, max([self._deadline, *self._allowed])) - time.monotonic())

    def heard(self) -> None:
        """Note that something came: from now on it may take as long as the patience again."""
        self._deadline = time.monotonic() + self._patience

    @contextlib.contextmanager
    def heeding(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        """End everything soon after a function has returned True."""
        if cancelled is None:
            yield
            return

        def watch() -> None:
            while not (ended.wait(LOOK) or self.over.is_set()):
                if cancelled():
                    self.over.set()

        ended = threading.Event()
        threading.Thread(target=watch, name="cancel", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    @contextlib.contextmanager
    def allowing(self, more: float) -> Iterator[None]:
        """Have the patience and so many s more for one call, which says nothing before its end."""
        until = time.monotonic() + self._patience + more
        self._allowed.append(until)
        try:
            yield
        finally:
            self._allowed.remove(until)
            self.heard()  # an error is an answer, too

    def allow(self, protocols: Iterable[str]) -> None:
        """Make several calls at a time from now on, if the driver of these protocols bears it."""
        self._at_once = 1 if _BEARING.isdisjoint(protocols) else AT_ONCE

    def check(self) -> None:
        """Raise `Over` if it is over."""
        if self.over.is_set() or not self.left:
            raise self._late()

    def _late(self) -> Over:
        if self.over.is_set():
            return Over("it was cancelled")
        if time.monotonic() < self._end:
            return Over(f"there was no answer for {self._patience:g} s")
        return Over(f"it took longer than {self._limit:g} s")

    def one(self, call: Callable[[], Result]) -> Result:
        """Return what a call returns; raise what `again` or `Over` raises."""
        ((_, answer),) = self.each(lambda _: self.again(call), [None])
        return answer

    def again(self, call: Callable[[], Result]) -> Result:
        """Return what a call returns in one of `TRIES`; raise `Failed`, `Over`, or this computer's errors."""
        kind = _Kind("", "", True)
        for attempt in range(TRIES):
            if attempt and self.over.wait(min(self.left, PAUSE * 2 ** (attempt - 1))):
                break
            self.check()
            try:
                answer = call()
                self.heard()
                return answer
            except (ImportError, Over, Failed):
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _OWN:
                    raise
                kind = _kind(error)
            if not kind.passes:
                break
        self.check()
        # Here, and not above, so that it does not know the library's error.
        raise Failed(kind.code, kind.clause)

    def each(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """Yield every item with what the task returns for it, in the order in which they are ready.

        When it ends early, nothing more of it is begun; other calls may go on.

        Raises
        ------
        Over
            At the time limit, whatever the tasks are doing, and if it is over before all items are done.
        Exception
            The first one that a task raises.
        """
        self.heard()  # what this computer did since is no silence of the server
        waiting, ready = iter(items), queue.SimpleQueue[tuple[Item, Result | None, Exception | None] | None]()
        lock, ended = threading.Lock(), threading.Event()

        def work() -> None:
            while not (self.over.is_set() or ended.is_set()):
                with lock:
                    item = next(waiting, _NOTHING)
                if isinstance(item, _Nothing):
                    break
                try:
                    ready.put((item, task(item), None))
                except Exception as error:
                    ready.put((item, None, error))
            ready.put(None)

        for _ in range(self._at_once):
            threading.Thread(target=work, name="fetch", daemon=True).start()
        working = self._at_once
        try:
            while working:
                try:
                    found = ready.get(timeout=min(self.left, LOOK))
                except queue.Empty:
                    if self.left and not self.over.is_set():
                        continue
                    raise self._late() from None
                if found is None:
                    working -= 1
                    continue
                item, result, error = found
                if error is not None:
                    raise error
                yield item, result  # type: ignore[misc]  # None only where the task returns it
            if self.over.is_set() and not isinstance(next(waiting, _NOTHING), _Nothing):
                raise self._late()
        finally:
            ended.set()


class _Nothing:
    pass


_NOTHING = _Nothing()


def _kind(error: Exception) -> _Kind:
    """Return what an error of a file system means."""
    if isinstance(error, WrongLength):
        return _Kind("truncated", str(error), True)
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception) and _is_of_a_server(cause):
        error = cause  # all that fails is said to be absent by some drivers
    status = _status(error)
    said = "" if status is None else f" (status {status})"
    if status in _GONE or (status is None and isinstance(error, FileNotFoundError | NotADirectoryError)):
        return _Kind("vanished", f"there is no such file{said}", False)
    if type(error).__name__ in _CREDENTIALS:
        return _Kind("permission", "there are no usable credentials for it", False)
    if status in _DENIED or (status is None and isinstance(error, PermissionError)):
        return _Kind("permission", f"the server refuses it{said}", False)
    if status is None and isinstance(error, IsADirectoryError):
        return _Kind("not_a_file", "it is a folder", False)
    if status is not None and 400 <= status < 500 and status not in _PASSING:
        return _Kind("permission", f"the server does not give it{said}", False)
    name = type(error).__name__
    if _is_of_a_server(error):
        return _Kind(SERVER, f"the server fails{said or f' ({name})'}", True)
    return _Kind("corrupt", f"it cannot be read there ({name})", False)


def _is_of_a_server(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _SERVERS


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that an error, or the one that it comes from, was raised for."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):  # of botocore
            response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        for status in (getattr(each, "status", None), getattr(each, "status_code", None), response):
            if isinstance(status, int) and 300 <= status < 600:
                return status
    return None
