"""Worker processes of our own that stay warm for the next run of this process.

They may be started ahead, while the caller still loads what a run needs, or lists folders. This module loads
little, so that this can be early.
"""

import atexit
import errno
import os
import sys
import threading
from typing import ClassVar, Final

from mymodules import processors
from mymodules.batch.processes import Workers
from mymodules.errors import PoolError
from mymodules.paths import AnyPath

AHEAD: Final = 4
"""The most processes that are started before it is known how many pairs there are."""

_IDLE = 300  # s; warm workers end after that time
_STARTS = 3  # consecutive ends of processes that had not begun to work: then they never will
_STARTING = object()  # the user of processes that are started ahead
_ENDING = object()  # that of processes that are about to end


class Processes:
    """Worker processes, for one user at a time.

    They are known before the first one is started, and until the last one has ended: wherever an interrupt
    comes, `cool` finds them.

    Attributes
    ----------
    workers : Workers
        The executor.
    user : object
        What they work for; None while they are warm.
    """

    _known: ClassVar[list["Processes"]] = []  # at most one of them is warm
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, count: int, user: object) -> None:
        self.user = user
        self.workers = Workers(count)
        self._owner = os.getpid()
        self._idle: threading.Timer | None = None
        self._vain = 0  # starts, one after the other
        self._known.append(self)

    @classmethod
    def take(cls, least: int, most: int, user: object) -> "Processes":
        """Return the warm processes if they are not too many, else new ones; `renew` starts what is missing.

        Each has the environment variables and the module search path of when it was started.

        Parameters
        ----------
        least, most : int
            How many are useful, and how many are allowed.
        user : object
            Has them until `keep` or `end`.
        """
        with cls._lock:
            warm = cls._warm()
            if warm is not None:
                warm.user = user
        if warm is None:
            return cls(least, user)
        if warm._idle is not None:
            warm._idle.cancel()
        if warm.workers.count > most:
            warm.end()
            return cls(least, user)
        warm.workers.count = max(least, warm.workers.count)
        return warm

    @classmethod
    def ahead(cls, count: int) -> "Processes | None":
        """Start processes for a run that is about to begin, and return them; None if there are warm ones.

        None also if the system refuses them: who needs them asks again, and is told.
        """
        with cls._lock:
            if is_child() or cls._warm() is not None:
                return None
        processes = cls(count, _STARTING)
        try:
            processes.renew()
            processes.keep()
        except BaseException as error:
            processes.end()
            if not isinstance(error, PoolError):
                raise
            return None
        return processes

    @classmethod
    def _warm(cls) -> "Processes | None":
        # In a fork, those of the other process are none of ours.
        warm = [each for each in cls._known if each.user is None and each._owner == os.getpid()]
        return warm[0] if warm else None

    @classmethod
    def cool(cls, user: object = None) -> None:
        """End the processes that are warm, and those that this user has."""
        with cls._lock:
            found = [each for each in cls._known if each.user is None or each.user is user]
            for processes in found:
                processes.user = _ENDING
        for processes in found:
            processes.end()

    @classmethod
    def end_all(cls) -> None:
        """End all processes that this one has started."""
        for processes in cls._known[:]:
            processes.end()

    def end(self) -> None:
        """End the processes, in the process that started them."""
        if self._idle is not None:
            self._idle.cancel()
        if self._owner == os.getpid():
            self.workers.end()
        with self._lock:
            if self in self._known:
                self._known.remove(self)

    def keep(self) -> None:
        """Keep the processes for the next run, for a while."""
        if not is_child():
            with self._lock:
                if self._warm() is None:
                    self._idle = threading.Timer(_IDLE, self.give_up)
                    self._idle.daemon = True
                    self.user = None
                    self._idle.start()
                    return
        self.end()

    def give_up(self) -> None:
        """End the processes unless a run has taken them."""
        with self._lock:
            if self.user is not None:
                return
            self.user = _ENDING
        self.end()

    def renew(self) -> None:
        """Start what is missing, also in place of those that have ended.

        Raises
        ------
        PoolError
            If the system refuses them, or they end again and again before they begin to work.
        """
        try:
            vain = self.workers.renew()
        except OSError as error:
            raise _refused(error) from error
        self._vain = self._vain + vain if vain else 0
        if self._vain and (not self.workers.ever_started or self._vain >= _STARTS):
            raise PoolError(
                "The worker processes end while they start: python -c 'import mymodules.workers' may show "
                "why."
            )


def early(
    first: AnyPath | None,
    second: AnyPath | None,
    out: AnyPath | None,
    store: AnyPath | None,
    count: int | None,
) -> Processes | None:
    """Start processes for a run that is not loaded yet, and return them; None if it may need none.

    Parameters
    ----------
    first, second : path
        The two folders. Without these or the output folder it is not known yet what is compared.
    out, store : path
        As in `may_reuse`.
    count : int, optional
        The most that are allowed; by default one for each processor.
    """
    if first is None or second is None or out is None:
        return None
    # The run will say what is wrong with any other path or number.
    if not all(map(_is_text, (first, second, out, "" if store is None else store))):
        return None
    if count is not None and (type(count) is not int or count < 1):
        return None
    if not (os.path.isdir(first) and os.path.isdir(second)) or may_reuse(out, store):  # noqa: PTH112 - Path may raise
        return None
    return Processes.ahead(min(count or processors.count(), AHEAD))


def _is_text(path: object) -> bool:
    return isinstance(path, str | os.PathLike) and isinstance(os.fspath(path), str)


def may_reuse(out: AnyPath, store: AnyPath | None) -> bool:
    """Return whether a store may have a row of a new run: one that does not exist yet has none.

    Parameters
    ----------
    out : path
        The output folder.
    store : path or None
        Relative to it, or absolute.
    """
    return store is not None and os.path.exists(os.path.join(out, store))  # noqa: PTH110, PTH118 - Path may raise


def is_child() -> bool:
    """Return whether multiprocessing started this process: at its end it would wait for warm workers."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


# Instead of leaving it to them to notice that this process has ended.
atexit.register(Processes.end_all)


def _refused(error: OSError) -> PoolError:
    """Return the error for an operating system that refuses worker processes, with a remedy."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        remedy = "allow more open files (ulimit -n), or lower num_processors"
    else:
        remedy = "allow more processes and memory, or lower num_processors"
    return PoolError(
        f"The worker processes cannot be started ({error.strerror or error}): {remedy}. Threads work without "
        "them: batch.run(executor=concurrent.futures.ThreadPoolExecutor())."
    )
