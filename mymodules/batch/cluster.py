"""A cluster of Dask as an executor. Dask is imported only by who has a client of it, or asks for one.

Promises:

- Tasks carry values: names, paths, options. A worker opens the files itself, at the same paths, and draws
  into the same folder. One that does not see them, or has other versions, makes no rows: it ends the run with
  a sentence that names it, also if it joins late.
- The number of tasks in progress follows the number of the workers' threads, and the number of pairs in a
  task follows how fast they are: a task takes about a second.
- Dask repeats the task of a lost worker. If it gives up, because the workers that had the task died one after
  the other (``distributed.scheduler.allowed-failures``), the task fails with `WorkerDied`.
- A run without any worker, or without the scheduler, ends after the time that Dask itself takes to connect
  (``distributed.comm.timeouts.connect``).
"""

import contextlib
import functools
import itertools
import os
import pickle
import platform
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from mymodules import opencv, row, versions, workers
from mymodules.batch.processes import WorkerDied
from mymodules.errors import PoolError, SettingsError
from mymodules.pairs import Pair
from mymodules.paths import shown

SECONDS: Final = 1.0
"""How long a task should take."""

_AHEAD = 2  # tasks for each thread: one is at hand when the other is finished
_FIRST = 8  # pairs in a task before it is known how fast they are
_MOST = 2048  # pairs in a task: their jobs are about a megabyte
_ASKED = 1.0  # s between two questions about the workers
_PATIENCE = 1.0  # s for an answer of the scheduler; a run is cancelled within three
_SAMPLES = 8  # files of either side, one of which a worker has to see
_RESUME = "then resume from the partial CSV"


class Place(NamedTuple):
    """What a worker must have.

    Attributes
    ----------
    versions : dict of str to str
        See `_versions`.
    seen : tuple of tuple of str
        Paths that exist; of each tuple it must see at least one.
    process : (str, int)
        The process of the run.
    """

    versions: dict[str, str]
    seen: tuple[tuple[str, ...], ...]
    process: tuple[str, int]


class Cluster(Executor):
    """Run tasks on the workers of a `distributed.Client`, which stays open.

    Parameters
    ----------
    client : distributed.Client
        A synchronous one.
    """

    def __init__(self, client: Any) -> None:
        if client.asynchronous:
            raise SettingsError("executor is an asynchronous Dask client: pass one of asynchronous=False.")
        self._client = client
        self._address = getattr(client.scheduler, "address", "its address")
        self._executor = client.get_executor(pure=False)
        self._samples: tuple[tuple[str, ...], ...] = ()
        self._waiting: set[Future[Any]] = set()
        self._rate: float | None = None  # pairs per second of one thread
        self._threads, self._asked = 0, -_ASKED
        self._since = time.monotonic()  # when there was a worker for the last time

    def begin(self, pairs: Sequence[Pair], drawings: Path | None) -> None:
        """Note the files that every worker has to see."""
        self._samples = (
            *(_spread(pairs, role) for role in ("first", "second")),
            () if drawings is None else (str(drawings),),
        )
        self._since = time.monotonic()

    def room(self) -> int:
        """Return how many tasks may be in progress."""
        # Without workers some must wait: a cluster that adapts starts workers for them.
        return _AHEAD * max(1, self._threads)

    def most(self, left: int) -> int:
        """Return how many pairs belong into a task; so many are left, and all workers should have some."""
        fit = _FIRST if self._rate is None else min(_MOST, round(self._rate * SECONDS))
        return max(1, min(fit, -(-left // self.room())))

    def check(self) -> None:
        """Ask for the number of threads, now and then.

        Raises
        ------
        PoolError
            If there has been no worker for too long, or the client has lost its scheduler.
        """
        now = time.monotonic()
        if now - self._asked >= _ASKED:
            threads, self._asked = self._counted(), time.monotonic()
            self._threads = self._threads if threads is None else threads
            if threads:
                self._since = now
        is_closed, is_late = self._client.status in ("closing", "closed"), now - self._since > _patience()
        if is_closed or (is_late and self._threads):
            raise PoolError(
                f"The Dask scheduler at {self._address} does not answer, or its client was closed: make "
                f"a new client, {_RESUME}."
            )
        if is_late:
            raise PoolError(
                f"The Dask scheduler at {self._address} has no worker: start one, for instance with "
                f"dask worker {self._address}, {_RESUME}. If workers take long to start, first wait for them "
                "with client.wait_for_workers(1)."
            )

    def _counted(self) -> int | None:
        """Return the number of all threads; None if the scheduler does not answer."""
        if self._client.status != "running":  # it tries to connect again
            return None
        try:
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=_PATIENCE)
        except (OSError, RuntimeError, AttributeError):  # it is gone, or too busy
            return None
        return int(sum(threads.values()))

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        """Give a task to the cluster."""
        seen = tuple(tuple(path for path in side if os.path.lexists(path)) for side in self._samples)
        place = Place(_versions(), tuple(side for side in seen if side), (platform.node(), os.getpid()))
        call = pickle.dumps(_Call(place, pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)))
        future: Future[Any] = Future()
        try:
            # A worker that cannot load a function of ours would lose its connection. It can load this one.
            given = self._executor.submit(pickle.loads, call, key=f"compare_pictures-{uuid.uuid4().hex}")
        except Exception as error:
            if self._client.status == "running":
                raise
            raise WorkerDied(started=False) from error
        self._waiting.add(given)
        given.add_done_callback(
            functools.partial(self._pass_on, future, learns=function is workers.compare_many)
        )
        return future

    def _pass_on(self, future: "Future[Any]", given: "Future[Any]", *, learns: bool) -> None:
        """Give the result of Dask's future to ours."""
        self._waiting.discard(given)
        if not future.set_running_or_notify_cancel():
            return
        # Dask cancels what it loses, for instance when the connection breaks or the cluster restarts.
        failure = WorkerDied(started=False) if given.cancelled() else given.exception()
        if failure is not None:
            # Without its traceback, which would keep Dask's task.
            future.set_exception(_translated(failure.with_traceback(None)))
            return
        seconds, pickled = given.result()
        try:
            error, answer = pickle.loads(pickled)
        except Exception as unexpected:
            error, answer = unexpected, None
        if error is not None:
            future.set_exception(_translated(error))
            return
        if learns:
            rate = len(answer) / max(seconds, 1e-3)
            self._rate = rate if self._rate is None else (self._rate + rate) / 2
        future.set_result(answer)

    def cancel(self) -> None:
        """Take back all tasks; one that a worker has begun ends by itself, in a second or after its pair."""

        def take_back() -> None:
            with contextlib.suppress(Exception):  # the scheduler is gone, and its tasks too
                self._executor.shutdown(wait=False)

        if self._waiting:
            thread = threading.Thread(target=take_back, daemon=True)
            thread.start()
            thread.join(_PATIENCE)


def adapted(executor: object) -> Executor | None:
    """Return what `batch.run` was given as an executor.

    Raises
    ------
    SettingsError
        If it is neither an executor nor a client of Dask.
    """
    distributed = sys.modules.get("distributed")  # who has a client has imported it
    if distributed is not None and isinstance(executor, getattr(distributed, "Client", ())):
        return Cluster(executor)
    if executor is None or isinstance(executor, Executor):
        return executor
    raise SettingsError(
        f"executor is of type {type(executor).__name__}: pass a concurrent.futures.Executor or a "
        "distributed.Client."
    )


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a scheduler, for the time of a ``with`` block.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``.

    Raises
    ------
    SettingsError
        If Dask is not installed, or no scheduler answers.
    """
    try:
        import distributed
    except ImportError as error:
        command = versions.installing("distributed")
        raise SettingsError(f"Dask is not installed ({error}). Type: {command}") from None
    client = distributed.Client.__new__(distributed.Client)
    with contextlib.ExitStack() as stack:
        stack.callback(_close, client)
        try:
            client.__init__(address, set_as_default=False)
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise SettingsError(
                f"No Dask scheduler answers at {shown(address)} ({error}): start one with dask scheduler, "
                "and name the address that it prints, such as tcp://host:8786."
            ) from None
        yield client


def _close(client: Any) -> None:
    """Close a client, also one that could not be made.

    Dask closes it as well when it is collected, but that may happen while another client starts, which then
    waits for ever.
    """
    with contextlib.suppress(Exception):
        client.close(timeout=_PATIENCE)


def carry_out(place: Place, task: bytes) -> tuple[float, bytes]:
    """Do a task in a worker; return how long it took, and what `workers.answered` returns.

    It raises nothing: Dask never reports the end of a task whose error cannot be pickled.
    """
    began = time.monotonic()
    answer = workers.answered(_done, (place, task))
    return time.monotonic() - began, answer


def _done(place: Place, task: bytes) -> Any:
    """Do a task in a worker; PoolError if the worker is not as it must be."""
    try:
        _check_versions(place.versions)
        import_module("mymodules.comparison.pair")
    except ImportError as error:
        raise PoolError(
            f"{_worker()} lacks a package ({error}): install the same ones on every worker, {_RESUME}."
        ) from None
    for paths in place.seen:
        if not any(map(os.path.lexists, paths)):
            raise PoolError(
                f"{_worker()} does not see {shown(paths[0])}: first, second and out have to be on storage "
                f"that every worker sees at the same paths. Make sure of it, {_RESUME}."
            )
    if place.process != (platform.node(), os.getpid()):  # that one has OpenCV as its user wants it
        opencv.use_one_thread()
    function, arguments = pickle.loads(task)
    return function(*arguments)


class _Call:
    """Is carried out when it is unpickled."""

    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return carry_out, self._arguments


def _check_versions(wanted: dict[str, str]) -> None:
    """Raise PoolError if anything on which rows depend has another version here."""
    found = _versions()
    other = [f"{name} {found.get(name)} instead of {want}" for name, want in wanted.items()
             if found.get(name) != want]  # fmt: skip
    if other:
        raise PoolError(
            f"{_worker()} has {', '.join(other)}: install the same versions on every worker, {_RESUME}."
        )


@functools.cache
def _versions() -> dict[str, str]:
    """Return the versions of all on which rows depend."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **versions.measuring(), "row.ALGORITHM": str(row.ALGORITHM)}


def _spread(pairs: Sequence[Pair], role: str) -> tuple[str, ...]:
    """Return paths of one side, first or second, from all over the pairs."""
    step = max(1, sum(getattr(pair, role) is not None for pair in pairs) // _SAMPLES)
    paths = (path for pair in pairs if (path := getattr(pair, role)) is not None)
    return tuple(itertools.islice(paths, 0, None, step))


def _worker() -> str:
    """Return what to call the worker that this is, at the beginning of a sentence."""
    from distributed import get_worker

    try:
        return f"The Dask worker {get_worker().address} on {platform.node()}"
    except ValueError:  # it is none
        return f"The process {os.getpid()} on {platform.node()}"


def _translated(error: BaseException) -> BaseException:
    """Return the error that means the same to the pool."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return WorkerDied(started=True)
    if isinstance(error, ImportError):
        return PoolError(
            f"A Dask worker cannot load this package ({error}): install the same version on every worker, "
            f"{_RESUME}."
        )
    return error


def _patience() -> float:
    """Return how long Dask tries to connect, in seconds."""
    import dask
    from dask.utils import parse_timedelta

    return float(parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"), default="s"))
