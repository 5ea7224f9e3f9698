"""The worker processes that compare the pairs of a run, or the caller's executor.

Promises:

- Every job gives exactly one row, as soon as it is finished.
- If a worker is killed, no other job loses its row: the processes are restarted, and the jobs that were
  in progress are repeated one at a time. Only a job that kills its worker again is given up.
- A task that fails in another way is repeated pair by pair; a pair that still fails becomes a row. If every
  pair fails, the executor is at fault and the run ends.
- Processes stay warm for the next run of this process. They never import its ``__main__`` (loky). They end
  when this process is gone or when a run ends early.
"""

import contextlib
import errno
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from multiprocessing import parent_process, resource_tracker
from typing import ClassVar

import psutil
from loky import ProcessPoolExecutor

from mymodules import faults, workers
from mymodules.batch.request import Request
from mymodules.comparison import drawing_files
from mymodules.errors import PoolError
from mymodules.pairs import Pair
from mymodules.row import PairResult
from mymodules.workers import Job

_GROUP_BYTES, _GROUP_PAIRS = 1 << 20, 32  # of one task: enough to make its overhead negligible
_GIVEN_AT_ONCE = 64  # tasks; the number of workers of an executor is unknown
_IDLE = 300  # s; warm workers end after that time
_POLL = 0.2  # s; interrupts are noticed between two waits, also on Windows
_SETTLED = 5  # s; a broken pool fails all its futures at once, except those that it forgets
_HOPELESS = 8  # consecutive failures of single pairs: then the executor is at fault, not the files
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # numpy would start threads that are not used
_OWNER = "MYMODULES_OWNER"  # environment variable with the process ID of the owner of a worker
_ORPHANED = 10  # s; workers end one or two seconds after their owner

Task = list[Pair]
Begin = Callable[[Pair], Job]
"""Makes the job of a pair, right before it is sent to a worker."""
PairRows = Generator[tuple[Pair, PairResult], None, None]


def rows(pairs: Sequence[Pair], begin: Begin, request: Request) -> PairRows:
    """Yield pairs and their rows as they are finished.

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
    if request.executor is not None:
        yield from _from_executor(request.executor, pairs, begin, request)
    elif pairs:
        _stop_if_cancelled(request)
        own = _Processes.take(min(request.processes, len(pairs)), request)
        yield from own.rows(pairs, begin, request)


def _stop_if_cancelled(request: Request) -> None:
    if request.cancelled():
        raise KeyboardInterrupt


def await_orphans(owner: int) -> None:
    """Wait until the workers of a killed process have ended, because they may still be drawing."""
    deadline = time.monotonic() + _ORPHANED
    while any(_belongs(process, owner) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL)


def _belongs(process: psutil.Process, owner: int) -> bool:
    """Return whether a process is a worker of that owner."""
    try:
        return process.pid != os.getpid() and bool(process.environ().get(_OWNER) == str(owner))
    except (psutil.Error, OSError):  # of another user, or it has ended
        return False


def _tasks(pairs: Iterable[Pair]) -> deque[Task]:
    """Group pairs in their order, small ones together: the work of a task should outweigh its overhead."""
    tasks: deque[Task] = deque()
    room = 0
    for pair in pairs:
        if not tasks or pair.size > room or len(tasks[-1]) == _GROUP_PAIRS:
            tasks.append([])
            room = _GROUP_BYTES
        tasks[-1].append(pair)
        room -= pair.size
    return tasks


def _together(
    executor: Executor,
    tasks: deque[Task],
    begin: Begin,
    at_once: int,
    in_progress: dict[Future[list[PairResult]], list[Job]],
    request: Request,
) -> Generator[tuple[Pair, PairResult], None, list[Job]]:
    """Yield rows as they are finished; return the jobs that were in progress if the executor broke.

    Tasks that were not started stay in the queue. Only a few tasks are in progress at a time, because any of
    them may be the reason if a worker dies.
    """
    broken, failures = False, 0
    while not broken and (tasks or in_progress):
        _stop_if_cancelled(request)
        try:
            while tasks and len(in_progress) < at_once:
                jobs, future = _submitted(executor, tasks[0], begin)
                in_progress[future] = jobs
                tasks.popleft()
        except BrokenExecutor:
            broken = True
        done = wait(in_progress, _POLL, FIRST_COMPLETED).done
        broken = broken or any(isinstance(_failure(future), BrokenExecutor) for future in done)
        if broken:
            done = wait(in_progress, _SETTLED).done
        for future in done:
            if isinstance(_failure(future), BrokenExecutor):
                continue
            jobs = in_progress.pop(future)
            try:
                found = _answer(future, jobs)
            except Exception as error:
                if len(jobs) > 1:
                    tasks.extendleft([job.pair] for job in reversed(jobs))
                    continue
                failures += 1
                if failures == _HOPELESS:
                    raise _hopeless(error) from error
                found = [workers.fault(jobs[0].pair, error)]
            else:
                failures = 0
            for job, row in zip(jobs, found, strict=True):
                # Share the pair's own name: otherwise each name would be in memory twice.
                yield job.pair, row._replace(image_filename=job.pair.name)
    return [job for jobs in in_progress.values() for job in jobs]


def _submitted(executor: Executor, task: Task, begin: Begin) -> tuple[list[Job], "Future[list[PairResult]]"]:
    """Submit a task. If that fails, the future holds the error; only a broken executor's error is raised."""
    jobs = [Job(pair) for pair in task]
    try:
        jobs = [begin(pair) for pair in task]
        return jobs, executor.submit(workers.compare_many, jobs)
    except BrokenExecutor:
        raise
    except Exception as error:
        failed: Future[list[PairResult]] = Future()
        failed.set_exception(error)
        return jobs, failed


def _failure(future: "Future[list[PairResult]]") -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()


def _answer(future: "Future[list[PairResult]]", jobs: Sequence[Job]) -> list[PairResult]:
    """Return the rows of these jobs, or raise what the task raised."""
    found = future.result()
    if len(found) != len(jobs) or not all(isinstance(row, PairResult) for row in found):
        raise TypeError(f"the executor did not return one row for each of {len(jobs)} pairs")
    return found


def _hopeless(error: Exception) -> PoolError:
    message = f"The executor fails with every pair, the last time with {faults.described(error)}"
    return PoolError(f"{message}: check that it runs and has this package, then resume from the partial CSV.")


def _from_executor(executor: Executor, pairs: Iterable[Pair], begin: Begin, request: Request) -> PairRows:
    """Yield rows from an executor that the caller owns."""
    tasks = _tasks(pairs)
    in_progress: dict[Future[list[PairResult]], list[Job]] = {}
    try:
        together = _together(executor, tasks, begin, _GIVEN_AT_ONCE, in_progress, request)
        broke = bool((yield from together) or tasks)
    finally:
        for future in in_progress:  # the executor lives on, and these are no longer needed
            future.cancel()
    if broke:
        raise PoolError("The executor broke: pass a new one, and resume from the partial CSV.")


class _Processes:
    """Run worker processes of our own, and keep them warm for the next run of this process."""

    _warm: ClassVar[list["_Processes"]] = []  # at most one
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, count: int, request: Request) -> None:
        self.count = count
        self._owner = os.getpid()
        self._executor = self._started(request)

    @classmethod
    def take(cls, least: int, request: Request) -> "_Processes":
        """Return the warm processes if they are neither too few nor too many, else `least` new ones."""
        with cls._lock:
            warm = cls._warm.pop() if cls._warm else None
        if warm is not None and warm._owner != os.getpid():
            warm = None  # this process is a fork, and the workers belong to the other one
        if warm is not None and least <= warm.count <= request.processes:
            return warm
        if warm is not None:
            warm._end()
        return cls(least, request)

    def rows(self, pairs: Iterable[Pair], begin: Begin, request: Request) -> PairRows:
        """Yield rows as they are finished. If the generator ends early, the processes end too."""
        tasks = _tasks(pairs)
        try:
            while tasks:
                self._renew(request)
                at_once = 2 * self.count
                for suspect in (yield from _together(self._executor, tasks, begin, at_once, {}, request)):
                    alone = deque([[suspect.pair]])
                    while alone:
                        self._renew(request)
                        if (yield from _together(self._executor, alone, begin, 1, {}, request)):
                            yield suspect.pair, _died(suspect)
        except BaseException:
            self._end()
            raise
        if parent_process() is None:  # a child process would wait for warm workers before it ends
            with self._lock:
                if not self._warm:
                    self._warm.append(self)
                    return
        self._end()

    def _started(self, request: Request) -> ProcessPoolExecutor:
        try:
            executor = ProcessPoolExecutor(
                self.count,
                timeout=_IDLE,
                initializer=workers.prepare_process,
                initargs=(os.getpid(),),
                env=_ENVIRONMENT | {_OWNER: str(os.getpid())},
            )
        except OSError as error:
            raise _refused(error) from error
        try:
            answer = _ask(executor)
            while not wait([answer], _POLL).done:
                _stop_if_cancelled(request)
            answer.result()
        except OSError as error:
            _shut_down(executor)
            raise _refused(error) from error
        except BrokenExecutor as error:
            _shut_down(executor)
            message = (
                "The worker processes end while they start; python -c 'import mymodules.workers' may show why"
            )
            raise PoolError(f"{message} ({error}).") from error
        except BaseException:
            _shut_down(executor)
            raise
        return executor

    def _renew(self, request: Request) -> None:
        """Start new processes if the old ones broke or were idle for too long."""
        try:
            _ask(self._executor)
        except (BrokenExecutor, OSError):
            self._end()
            self._executor = self._started(request)

    def _end(self) -> None:
        _shut_down(self._executor)


def _shut_down(executor: ProcessPoolExecutor) -> None:
    """End the processes of an executor, even if only some of them have started."""
    with contextlib.suppress(Exception):
        executor.shutdown(wait=True, kill_workers=True)


def _refused(error: OSError) -> PoolError:
    """Return the error for an operating system that refuses worker processes, with a remedy."""
    reason = error.strerror or str(error)
    try:
        os.getcwd()  # noqa: PTH109 - as loky calls it
    except OSError:
        return PoolError(
            "The worker processes cannot be started: the working directory is gone. Change to another one."
        )
    if error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOSYS, errno.EPERM):
        remedy = "free space in /dev/shm and let this user write there (in a container: --shm-size)"
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        remedy = "allow more open files (ulimit -n), or lower num_processors"
    else:
        remedy = "allow more processes and memory, or lower num_processors"
    return PoolError(
        f"The worker processes cannot be started ({reason}): {remedy}. Threads work without them: "
        "batch.run(executor=concurrent.futures.ThreadPoolExecutor())."
    )


def _ask(executor: Executor) -> "Future[int]":
    """Submit a first task, which makes the executor start its processes.

    This happens in a thread that blocks interrupts, and the processes inherit that. Otherwise an interrupt
    before `workers.prepare_process` would print tracebacks, or leave a process half started.
    """
    with ThreadPoolExecutor(1, initializer=_block_interrupts) as starter:
        return starter.submit(executor.submit, os.getpid).result()


def _block_interrupts() -> None:
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # starting it later would unblock them
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _died(job: Job) -> PairResult:
    """Return the row of a pair that kills its worker even when compared alone; remove its drawings."""
    if job.pictures_dir is not None:
        drawing_files.remove(job.pictures_dir, job.drawing_path)
    return workers.died(job)
