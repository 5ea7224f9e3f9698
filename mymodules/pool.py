"""Who does the work: worker processes that survive each other's death, or the caller's executor.

What is promised:

- Every job gives exactly one row, as soon as it is there.
- A worker that is killed costs no other job its row: the processes are started anew, the jobs that were
  under way are done again one at a time, and only one that kills its worker even then is given up.
- Processes stay warm for the next run of this process. They never import its ``__main__`` (loky), end
  when it is gone, and whatever ends a run early ends them too.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from multiprocessing import parent_process, resource_tracker
from typing import ClassVar

from loky import ProcessPoolExecutor

from mymodules import pictures, workers
from mymodules.errors import PoolError
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult

_GROUP_BYTES, _GROUP_PAIRS = 1 << 20, 32  # one task of the pool: large enough to hide its own cost
_GIVEN_AT_ONCE = 64  # tasks; nobody knows how many workers an executor has
_IDLE = 300  # s; then warm workers end
_BREATH = 0.2  # s; an interrupt is noticed between two waits, on Windows too
_SETTLED = 5  # s; a broken pool tells all its futures at once, this is for those that it forgets
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # numpy would start threads that nobody uses

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
    broken = False
    while not broken and (tasks or under_way):
        if cancelled():
            raise KeyboardInterrupt
        try:
            while tasks and len(under_way) < at_once:
                jobs = [begin(pair) for pair in tasks[0]]
                under_way[executor.submit(workers.compare_many, jobs)] = jobs
                tasks.popleft()
        except BrokenExecutor:
            broken = True
        done = wait(under_way, _BREATH, FIRST_COMPLETED).done
        broken = broken or any(isinstance(future.exception(), BrokenExecutor) for future in done)
        if broken:
            done = wait(under_way, _SETTLED).done
        for future in done:
            if not isinstance(future.exception(), BrokenExecutor):
                for job, row in zip(under_way.pop(future), future.result(), strict=True):
                    # Not one more copy of each name: there may be very many.
                    yield job.pair, row._replace(image_filename=job.pair.name)
    return [job for jobs in under_way.values() for job in jobs]


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
        executor = ProcessPoolExecutor(
            self.count,
            timeout=_IDLE,
            initializer=workers.prepare_process,
            initargs=(os.getpid(),),
            env=_ENVIRONMENT,
        )
        try:
            answer = _ask(executor)
            while not wait([answer], _BREATH).done:
                if cancelled():
                    raise KeyboardInterrupt
            answer.result()
        except BrokenExecutor as error:
            executor.shutdown(wait=True, kill_workers=True)
            told = "The worker processes end as they start; python -c 'import mymodules.workers' may say why"
            raise PoolError(f"{told} ({error}).") from error
        except BaseException:
            executor.shutdown(wait=True, kill_workers=True)
            raise
        return executor

    def _renew(self, cancelled: Question) -> None:
        """New processes where the old ones broke or have ended of idleness."""
        try:
            _ask(self._executor)
        except BrokenExecutor:
            self._end()
            self._executor = self._started(cancelled)

    def _end(self) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)


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
        pictures.remove(job.pictures_dir, job.stem)
    return workers.died(job)
