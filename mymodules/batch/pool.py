"""The worker processes that compare the pairs of a run, a Dask cluster, or the caller's executor.

Promises:

- Every job gives exactly one row, as soon as it is finished.
- If a worker is killed, no other job loses its row: the process is replaced, and the jobs that it had are
  repeated one at a time, with no other beside them. Only a job that kills its worker again is given up. So it
  is with the tasks that a cluster gives up.
- A task that fails in another way is repeated pair by pair; a pair that still fails becomes a row. If every
  pair fails, the executor is at fault and the run ends.
- Processes stay warm for the next run of this process. They end when this process is gone, when a run ends
  early, or when they have been idle for long; see `warm`.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from mymodules import faults, workers
from mymodules.batch import warm
from mymodules.batch.cluster import Cluster
from mymodules.batch.processes import OWNER, WorkerDied, Workers
from mymodules.batch.request import Request
from mymodules.batch.tasks import Task, Tasks
from mymodules.comparison import drawing_files
from mymodules.errors import PoolError
from mymodules.pairs import Pair
from mymodules.results import checked_line
from mymodules.row import PairResult
from mymodules.workers import Finished, Job

if TYPE_CHECKING:
    import psutil

_GIVEN_AT_ONCE = 64  # tasks; the number of workers of an executor is unknown
_POLL = 0.2  # s; interrupts are noticed between two waits, also on Windows
_SETTLED = 5  # s; a broken pool fails all its futures at once, except those that it forgets
_HOPELESS = 8  # consecutive failures of single pairs: then the executor is at fault, not the files
_ORPHANED = 10  # s; workers end one or two seconds after their owner

T = TypeVar("T")
Answer = TypeVar("Answer")
Begin = Callable[[Pair], Job]
"""Makes the job of a pair, right before it is sent to a worker."""
PairRows = Generator[list[tuple[Pair, Finished]], None, None]


def rows(pairs: Sequence[Pair], begin: Begin, request: Request) -> PairRows:
    """Yield pairs and their rows as they are finished, those of one task together.

    `Request.cancelled` is called several times a second, even while no row is finished.

    Parameters
    ----------
    pairs : sequence of Pair
    begin : callable
        Makes the job of a pair, right before it is sent to a worker.
    request : Request
        Says what does the work: its `executor`, or else as many worker processes as its `processes`.

    Raises
    ------
    PoolError
        If the processes do not start, or the executor fails with every pair.
    KeyboardInterrupt
        If the request is cancelled.
    """
    if isinstance(request.executor, Cluster):
        yield from _from_cluster(request.executor, pairs, begin, request)
    elif request.executor is not None:
        yield from _from_executor(request.executor, pairs, begin, request)
    elif pairs:
        _check(request)
        yield from _from_own(pairs, begin, request)


def answers(
    function: Callable[[T], Answer], tasks: Sequence[T], request: Request
) -> Generator[Answer | None, None, None]:
    """Yield what a function returns for each task, in their order; None where that fails.

    What it takes and returns is sent to the processes that `rows` uses, and from them.

    Raises
    ------
    PoolError, KeyboardInterrupt
        As in `rows`.
    """
    if request.executor is not None:
        try:
            yield from _in_order(request.executor, function, tasks, request)
        finally:
            if isinstance(request.executor, Cluster):
                request.executor.cancel()
    elif tasks:
        _check(request)
        with _taken(len(tasks), request) as own:
            own.renew()
            yield from _in_order(own.workers, function, tasks, request)


@contextlib.contextmanager
def _taken(tasks: int, request: Request) -> Iterator[warm.Processes]:
    """Lend the processes for so many tasks. They stay warm afterwards, unless the work ends early."""
    own = warm.Processes.take(min(request.processes, tasks), request.processes, request)
    try:
        yield own
    except BaseException:
        own.end()
        raise
    own.keep()


def warm_up(pairs: int, request: Request) -> None:
    """Start the processes for so many pairs, for which `rows` will ask."""
    if request.executor is None and pairs and not warm.is_child():
        _check(request)
        with _taken(pairs, request) as own:
            own.renew()


@contextlib.contextmanager
def ahead(pairs: int, request: Request) -> Iterator[None]:
    """Start the processes for so many pairs, which meanwhile are still looked for.

    If that fails, they end, unless another run has taken them.
    """
    started = None
    if request.executor is None and not request.cancelled():
        started = warm.Processes.ahead(min(request.processes, pairs))
    try:
        yield
    except BaseException:
        if started is not None:
            started.give_up()
        raise


def _check(request: Request) -> None:
    """Raise if the run is to end: it is cancelled, or its cluster is lost."""
    if request.cancelled():
        raise KeyboardInterrupt
    if isinstance(request.executor, Cluster):
        request.executor.check()


def await_orphans(owner: int) -> None:
    """Wait until the workers of a killed process have ended, because they may still be drawing."""
    import psutil

    deadline = time.monotonic() + _ORPHANED
    while any(_belongs(process, owner) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL)


def _belongs(process: "psutil.Process", owner: int) -> bool:
    """Return whether a process is a worker of that owner."""
    import psutil

    try:
        return process.pid != os.getpid() and bool(process.environ().get(OWNER) == str(owner))
    except (psutil.Error, OSError):  # of another user, or it has ended
        return False


class _Pace(Protocol):
    """How much an executor gets."""

    def room(self) -> int:
        """Return how many tasks may be in progress."""

    def most(self, left: int) -> int | None:
        """Return how many pairs a task may have if so many are left; None: as `Tasks` groups them."""


class _Fixed(NamedTuple):
    """Always so many tasks."""

    at_once: int

    def room(self) -> int:
        return self.at_once

    def most(self, left: int) -> int | None:
        return None


def _together(
    executor: Executor,
    tasks: Tasks,
    begin: Begin,
    pace: _Pace,
    in_progress: dict[Future[list[Finished]], list[Job]],
    request: Request,
) -> Generator[list[tuple[Pair, Finished]], None, list[Job]]:
    """Yield rows as they are finished; return the jobs that were in progress where the executor broke.

    Tasks that were not started stay in the queue. Only a few tasks are in progress at a time, because any of
    them may be the reason if a worker dies.
    """
    suspects: list[Job] = []
    settled: float | None = None  # when a broken executor has failed all its futures
    failures = 0
    while in_progress or (tasks and settled is None):
        _check(request)
        try:
            while tasks and settled is None and len(in_progress) < pace.room():
                task = tasks.take(pace.most(tasks.left))
                try:
                    jobs, future = _submitted(executor, task, begin)
                except BrokenExecutor:
                    tasks.put_back(task)
                    raise
                in_progress[future] = jobs
        except BrokenExecutor:
            settled = _when_settled(executor)
        for future in wait(in_progress, _POLL, FIRST_COMPLETED).done:
            jobs, failure = in_progress.pop(future), _failure(future)
            if isinstance(failure, BrokenExecutor):
                settled = settled or _when_settled(executor)
                if isinstance(failure, WorkerDied) and not failure.started:
                    tasks.put_back([job.pair for job in jobs])
                else:
                    suspects += jobs
                continue
            try:
                found = _answer(future, jobs)
            except Exception as error:
                if len(jobs) > 1:
                    tasks.put_back_singly([job.pair for job in jobs])
                    continue
                failures += 1
                if failures == _HOPELESS:
                    raise _hopeless(error) from error
                found = [_plain(workers.fault(jobs[0].pair, error), jobs[0])]
            else:
                failures = 0
            if len(found) < len(jobs):
                tasks.put_back([job.pair for job in jobs[len(found) :]])
            yield [(job.pair, each) for job, each in zip(jobs, found, strict=False)]
        if settled is not None and time.monotonic() > settled:
            break
    return suspects + [job for jobs in in_progress.values() for job in jobs]


def _all_of(
    executor: Executor,
    tasks: Tasks,
    begin: Begin,
    pace: _Pace,
    request: Request,
    renew: Callable[[], object] = lambda: None,
) -> PairRows:
    """Yield rows as they are finished. Jobs whose worker died are repeated alone, then given up."""
    while tasks:
        renew()
        for suspect in (yield from _together(executor, tasks, begin, pace, {}, request)):
            alone = Tasks([suspect.pair])
            while alone:
                renew()
                if (yield from _together(executor, alone, begin, _Fixed(1), {}, request)):
                    yield [(suspect.pair, _plain(_died(suspect), suspect))]


def _in_order(
    executor: Executor, function: Callable[[T], Answer], tasks: Sequence[T], request: Request
) -> Generator[Answer | None, None, None]:
    """Yield the answers to tasks; they are given at once, because their number is small."""
    futures: list[Future[Answer]] = []
    try:
        for task in tasks:
            try:
                futures.append(executor.submit(function, task))
            except Exception as error:
                futures.append(Future())
                futures[-1].set_exception(error)
        for future in futures:
            while not wait([future], _POLL).done:
                _check(request)
            yield future.result() if _failure(future) is None else None
    finally:
        for future in futures:  # those that are no longer needed
            future.cancel()


def _when_settled(executor: Executor) -> float | None:
    """Return until when the futures of an executor that broke just now are waited for; None if it goes on."""
    if isinstance(executor, Cluster):  # Dask replaces its workers itself
        return None
    # One of our processes has ended: the others go on, and answer.
    return math.inf if isinstance(executor, Workers) else time.monotonic() + _SETTLED


def _plain(row: PairResult, job: Job) -> Finished:
    """Return a row that no worker has made."""
    if job.metric is not None:
        row = row._replace(custom=job.metric.absent)
    return Finished(row, checked_line(row))


def _submitted(executor: Executor, task: Task, begin: Begin) -> tuple[list[Job], "Future[list[Finished]]"]:
    """Submit a task. If that fails, the future holds the error; only a broken executor's error is raised."""
    jobs = [Job(pair) for pair in task]
    try:
        jobs = [begin(pair) for pair in task]
        return jobs, executor.submit(workers.compare_many, jobs)
    except BrokenExecutor:
        raise
    except Exception as error:
        failed: Future[list[Finished]] = Future()
        failed.set_exception(error)
        return jobs, failed


def _failure(future: "Future[Any]") -> BaseException | None:
    """Return what a task has raised; raise what is wrong with the whole cluster."""
    found = CancelledError() if future.cancelled() else future.exception()
    if isinstance(found, PoolError):
        raise found
    return found


def _answer(future: "Future[list[Finished]]", jobs: Sequence[Job]) -> list[Finished]:
    """Return the rows of the first of these jobs, or raise what the task raised."""
    found = future.result()
    right = [
        isinstance(each, Finished) and each.row.image_filename == job.pair.name
        for each, job in zip(found, jobs, strict=False)
    ]
    if not 0 < len(found) <= len(jobs) or not all(right):
        raise TypeError(f"the executor did not return rows of {len(jobs)} pairs")
    return found


def _hopeless(error: Exception) -> PoolError:
    message = f"The executor fails with every pair, the last time with {faults.described(error)}"
    return PoolError(f"{message}: check that it runs and has this package, then resume from the partial CSV.")


def _from_executor(executor: Executor, pairs: Sequence[Pair], begin: Begin, request: Request) -> PairRows:
    """Yield rows from an executor that the caller owns."""
    tasks = Tasks(pairs)
    in_progress: dict[Future[list[Finished]], list[Job]] = {}
    try:
        together = _together(executor, tasks, begin, _Fixed(_GIVEN_AT_ONCE), in_progress, request)
        broke = bool((yield from together) or tasks)
    finally:
        for future in in_progress:  # the executor lives on, and these are no longer needed
            future.cancel()
    if broke:
        raise PoolError("The executor broke: pass a new one, and resume from the partial CSV.")


def _from_own(pairs: Sequence[Pair], begin: Begin, request: Request) -> PairRows:
    """Yield rows from processes of our own."""
    with _taken(len(pairs), request) as own:
        yield from _all_of(
            own.workers, Tasks(pairs), begin, _Fixed(2 * own.workers.count), request, own.renew
        )


def _from_cluster(cluster: Cluster, pairs: Sequence[Pair], begin: Begin, request: Request) -> PairRows:
    """Yield rows from a cluster, on which nothing is left to do when the generator ends."""
    if not pairs:
        return
    cluster.begin(pairs, begin(pairs[0]).pictures_dir)
    try:
        yield from _all_of(cluster, Tasks(pairs), begin, cluster, request)
    finally:
        cluster.cancel()


def _died(job: Job) -> PairResult:
    """Return the row of a pair that kills its worker even when compared alone; remove its drawings."""
    if job.pictures_dir is not None:
        drawing_files.remove(job.pictures_dir, job.drawing_path)
    return workers.died(job)
