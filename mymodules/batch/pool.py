"""Who does the work: worker processes that survive each other's death, or the caller's executor.

What is promised:

- Every job gives exactly one row, as soon as it is there.
- A worker that is killed costs no other job its row: the processes are started anew, the jobs that were
  under way are done again one at a time, and only one that kills its worker even then is given up.
- A task that fails otherwise is done again pair by pair; what still fails is a row. Only when nothing but
  failures comes, the executor is at fault, and the run ends.
- Processes stay warm for the next run of this process. They never import its ``__main__`` (loky), end
  when it is gone, and whatever ends a run early ends them too.
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
from mymodules.comparison import drawings
from mymodules.errors import PoolError
from mymodules.pairs import Pair
from mymodules.row import PairResult
from mymodules.workers import Job

_GROUP_BYTES, _GROUP_PAIRS = 1 << 20, 32  # one task of the pool: large enough to hide its own cost
_GIVEN_AT_ONCE = 64  # tasks; nobody knows how many workers an executor has
_IDLE = 300  # s; then warm workers end
_BREATH = 0.2  # s; an interrupt is noticed between two waits, on Windows too
_SETTLED = 5  # s; a broken pool tells all its futures at once, this is for those that it forgets
_HOPELESS = 8  # pairs that failed one after the other by themselves: then it is not due to their files
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # numpy would start threads that nobody uses
_OWNER = "MYMODULES_OWNER"  # variable with the number of the process to which a worker belongs
_ORPHANED = 10  # s; workers end within one or two when their owner is gone

Task = list[Pair]
Begin = Callable[[Pair], Job]
"""Makes the job of a pair, right before it is handed to a worker."""
Rows = Generator[tuple[Pair, PairResult], None, None]
Question = Callable[[], bool]


def rows(
    pairs: Sequence[Pair], begin: Begin, executor: Executor | None, processes: int, cancelled: Question
) -> Rows:
    """Pairs and their rows as they come, from the executor or from as many processes of our own.

    Whether it is cancelled is asked several times a second, also while no row comes; if so, this ends like
    an interrupt.
    """
    if executor is not None:
        yield from _from_given(executor, pairs, begin, cancelled)
    elif pairs:
        if cancelled():
            raise KeyboardInterrupt
        own = _Processes.take(min(processes, len(pairs)), processes, cancelled)
        yield from own.rows(pairs, begin, cancelled)


def await_orphans(owner: int) -> None:
    """Wait until the workers of a process that was killed have ended: they may still be drawing."""
    deadline = time.monotonic() + _ORPHANED
    while any(_belongs(process, owner) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            return
        time.sleep(_BREATH)


def _belongs(process: psutil.Process, owner: int) -> bool:
    """Whether this is a worker of that process."""
    try:
        return process.pid != os.getpid() and bool(process.environ().get(_OWNER) == str(owner))
    except (psutil.Error, OSError):  # somebody else's, or one that has ended
        return False


def _tasks(pairs: Iterable[Pair]) -> deque[Task]:
    """Pairs in their order, small ones together: one call of a worker should outweigh its own cost."""
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
    under_way: dict[Future[list[PairResult]], list[Job]],
    cancelled: Question,
) -> Generator[tuple[Pair, PairResult], None, list[Job]]:
    """Rows as they come; returns the jobs that were under way when the executor broke, if it did.

    Tasks that were not begun stay in the queue. Few are under way at a time, because all of them are
    under suspicion when a worker dies.
    """
    broken, failures = False, 0
    while not broken and (tasks or under_way):
        if cancelled():
            raise KeyboardInterrupt
        try:
            while tasks and len(under_way) < at_once:
                jobs, future = _submitted(executor, tasks[0], begin)
                under_way[future] = jobs
                tasks.popleft()
        except BrokenExecutor:
            broken = True
        done = wait(under_way, _BREATH, FIRST_COMPLETED).done
        broken = broken or any(isinstance(_failure(future), BrokenExecutor) for future in done)
        if broken:
            done = wait(under_way, _SETTLED).done
        for future in done:
            if isinstance(_failure(future), BrokenExecutor):
                continue
            jobs = under_way.pop(future)
            try:
                found = _answer(future, jobs)
            except Exception as error:
                if len(jobs) > 1:
                    tasks.extendleft([job.pair] for job in reversed(jobs))
                    continue
                failures += 1
                if failures == _HOPELESS:
                    raise _useless(error) from error
                found = [workers.fault(jobs[0].pair, error)]
            else:
                failures = 0
            for job, row in zip(jobs, found, strict=True):
                # Not one more copy of each name: there may be very many.
                yield job.pair, row._replace(image_filename=job.pair.name)
    return [job for jobs in under_way.values() for job in jobs]


def _submitted(executor: Executor, task: Task, begin: Begin) -> tuple[list[Job], "Future[list[PairResult]]"]:
    """The jobs of a task, handed to the executor; what that raises is the outcome, but for a broken one."""
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
    """The rows of these jobs; raises whatever kept them from being made."""
    found = future.result()
    if len(found) != len(jobs) or not all(isinstance(row, PairResult) for row in found):
        raise TypeError(f"the executor gave no rows for {len(jobs)} pairs")
    return found


def _useless(error: Exception) -> PoolError:
    told = f"The executor fails with every pair, the last time with {faults.described(error)}"
    return PoolError(f"{told}: see that it runs and has this package, and resume from the partial CSV.")


def _from_given(executor: Executor, pairs: Iterable[Pair], begin: Begin, cancelled: Question) -> Rows:
    """Rows from an executor that the caller owns."""
    tasks = _tasks(pairs)
    under_way: dict[Future[list[PairResult]], list[Job]] = {}
    try:
        together = _together(executor, tasks, begin, _GIVEN_AT_ONCE, under_way, cancelled)
        broke = bool((yield from together) or tasks)
    finally:
        for future in under_way:  # the executor lives on, and nobody waits for these
            future.cancel()
    if broke:
        raise PoolError("The executor broke: hand over a new one, and resume from the partial CSV.")


class _Processes:
    """Worker processes of our own, kept warm for the next run of this process."""

    _warm: ClassVar[list["_Processes"]] = []  # at most one
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, count: int, cancelled: Question) -> None:
        self.count = count
        self._owner = os.getpid()
        self._executor = self._started(cancelled)

    @classmethod
    def take(cls, least: int, most: int, cancelled: Question) -> "_Processes":
        """The warm ones where they are neither too few nor too many, else `least` new ones."""
        with cls._lock:
            warm = cls._warm.pop() if cls._warm else None
        if warm is not None and warm._owner != os.getpid():
            warm = None  # this process is a fork: they answer the other one
        if warm is not None and least <= warm.count <= most:
            return warm
        if warm is not None:
            warm._end()
        return cls(least, cancelled)

    def rows(self, pairs: Iterable[Pair], begin: Begin, cancelled: Question) -> Rows:
        """Rows as they come. Whatever ends this early ends the processes as well."""
        tasks = _tasks(pairs)
        try:
            while tasks:
                self._renew(cancelled)
                at_once = 2 * self.count
                for suspect in (yield from _together(self._executor, tasks, begin, at_once, {}, cancelled)):
                    alone = deque([[suspect.pair]])
                    while alone:
                        self._renew(cancelled)
                        if (yield from _together(self._executor, alone, begin, 1, {}, cancelled)):
                            yield suspect.pair, _died(suspect)
        except BaseException:
            self._end()
            raise
        if parent_process() is None:  # else this process waits for its children before it lets them end
            with self._lock:
                if not self._warm:
                    self._warm.append(self)
                    return
        self._end()

    def _started(self, cancelled: Question) -> ProcessPoolExecutor:
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
            while not wait([answer], _BREATH).done:
                if cancelled():
                    raise KeyboardInterrupt
            answer.result()
        except OSError as error:
            _shut_down(executor)
            raise _refused(error) from error
        except BrokenExecutor as error:
            _shut_down(executor)
            told = "The worker processes end as they start; python -c 'import mymodules.workers' may say why"
            raise PoolError(f"{told} ({error}).") from error
        except BaseException:
            _shut_down(executor)
            raise
        return executor

    def _renew(self, cancelled: Question) -> None:
        """New processes where the old ones broke or have ended of idleness."""
        try:
            _ask(self._executor)
        except (BrokenExecutor, OSError):
            self._end()
            self._executor = self._started(cancelled)

    def _end(self) -> None:
        _shut_down(self._executor)


def _shut_down(executor: ProcessPoolExecutor) -> None:
    """End the processes of an executor, one that was never quite started included."""
    with contextlib.suppress(Exception):
        executor.shutdown(wait=True, kill_workers=True)


def _refused(error: OSError) -> PoolError:
    """What the operating system says against worker processes, and what to do."""
    reason = error.strerror or str(error)
    try:
        os.getcwd()  # noqa: PTH109 - as loky asks for it
    except OSError:
        return PoolError("The worker processes cannot be started without a working directory: change to one.")
    if error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOSYS, errno.EPERM):
        remedy = "make room in /dev/shm and let this user write there (in a container: --shm-size)"
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        remedy = "allow more open files (ulimit -n), or name fewer in num_processors"
    else:
        remedy = "allow more processes and memory, or name fewer in num_processors"
    return PoolError(
        f"The worker processes cannot be started ({reason}): {remedy}. Threads work without them: "
        "batch.run(executor=concurrent.futures.ThreadPoolExecutor())."
    )


def _ask(executor: Executor) -> "Future[int]":
    """Give it a first task, for which it starts its processes.

    This is done in a thread that interrupts do not reach, which the processes inherit: they would print
    tracebacks where one comes before `workers.prepare_process`, and none is left half started.
    """
    with ThreadPoolExecutor(1, initializer=_deafen) as starter:
        return starter.submit(executor.submit, os.getpid).result()


def _deafen() -> None:
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # starting it later would undo what follows
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _died(job: Job) -> PairResult:
    """The row of a pair that ends its worker even when it is alone, and none of its torn drawings."""
    if job.pictures_dir is not None:
        drawings.remove(job.pictures_dir, job.stem)
    return workers.died(job)
