"""A whole run: two folders in, one row per picture in a CSV.

What is promised:

- Bad settings raise before the first pair is read. Bad pictures never raise, they are rows.
- Rows are on disk as they come. Whatever ends a run early (an interrupt, a kill, a full disk), the rows
  that were finished stay, and ``resume`` does only the rest.
- A worker that is killed costs no other pair its row; see `pool`.
- One run has one writer: whoever resumes it meanwhile gets an error that names the process; see `locks`.
- Rows are on disk, not in memory, whether they were compared, kept or taken from the store.
- It works from a notebook, a script with or without guard, ``python -``, a REPL and a thread.
"""

import operator
import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from loky import cpu_count

from mymodules import results
from mymodules.batch import pool, renames
from mymodules.batch.plan import PICTURES, Plan, Request, counted, new_plan, resumed_plan
from mymodules.batch.progress import Progress
from mymodules.batch.reuse import Reuse
from mymodules.comparison import drawings
from mymodules.errors import OutputError, SettingsError
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, local_path, shown, usable_path
from mymodules.row import ONE_SIDED, STATUSES, PairResult
from mymodules.workers import Job

if TYPE_CHECKING:
    import pandas as pd


__all__ = ("STATUSES", "Run", "run")


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    csv_path : Path
        The sorted results.
    pictures_dir : Path
        Where its drawings are.
    counts : dict of str to int
        Rows by status, all five of them.
    seconds : float
        Time it took.
    reused : int
        Rows that were taken from the store.
    reasons : dict of str to str
        Why each of the others was compared, by name, see `reuse.REASONS`; empty without a store.
    """

    csv_path: Path
    pictures_dir: Path
    counts: dict[str, int]
    seconds: float
    reused: int
    reasons: dict[str, str] = field(repr=False)
    _stems: dict[str, str] = field(repr=False)

    @property
    def recomputed(self) -> dict[str, int]:
        """How many rows were compared for each reason."""
        return counted(self.reasons)

    def pictures(self, name: str) -> tuple[Path, ...]:
        """The drawings that there are for a row, by its ``image_filename``."""
        stem = self._stems.get(name, name)
        drawn = (self.pictures_dir / (stem + ending) for ending in drawings.ENDINGS)
        return tuple(path for path in drawn if os.path.exists(path))  # noqa: PTH110 - also of no possible name

    def frame(self) -> "pd.DataFrame":
        """The results as a table, see `results.load`."""
        return results.load(self.csv_path)


def run(
    first: AnyPath | None = None,
    second: AnyPath | None = None,
    out: AnyPath | None = None,
    *,
    skip_until: int = 0,
    stop_at: int = -1,
    num_processors: int | None = None,
    executor: Executor | None = None,
    pictures: str = "changed",
    on_progress: Callable[[Progress], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
    resume: AnyPath | None = None,
    store: AnyPath | None = ".store",
    verify: bool = False,
    keep_originals: bool = True,
) -> Run:
    """Compare two folders.

    Parameters
    ----------
    first, second, out : path, optional
        The folders to compare and the one for results; by default those of `settings`.
    skip_until, stop_at : int
        Leave out the first so many pairs, end after the so many-th; -1 for all.
    num_processors : int, optional
        Worker processes; by default one for each processor.
    executor : Executor, optional
        Runs the work instead of the own processes; isolation and interrupts are then its business.
    pictures : {"changed", "all", "none"}
        Which pairs are drawn.
    on_progress : callable, optional
        Called with a `Progress` after every row, and once where the store had all that were left. What it
        raises ends the run like an interrupt.
    cancelled : callable, optional
        Asked several times a second, also while no row comes; once it says True, the run ends like after an
        interrupt. For runs in another thread than the main one, which no interrupt reaches.
    resume : path, optional
        A partial or finished CSV: do only what is missing there, or no longer true. A row that was damaged
        is compared again, as is every row of a finished CSV that was edited; a warning says so.
    store : path, optional
        The folder that remembers comparisons by content, below ``out`` unless it is absolute, and outside
        of first and second: a row is taken from there where both files, the options and the versions are
        as they were. None: no store.
    verify : bool
        Read every file anew, instead of believing its size, times and inode.
    keep_originals : bool
        Keep copies of both sides of changed pairs in the store.

    Raises
    ------
    SettingsError
        Folders or options with which nothing can be compared; before the first pair is read.
    OutputError
        The results cannot be written.
    ResultsError
        A file to resume cannot be understood, another process writes to that run at the moment, or the
        run's own file was written to by another program.
    PoolError
        The worker processes do not start.
    KeyboardInterrupt
        After an interrupt, with a sentence that says how to go on.
    """
    began = time.monotonic()
    if pictures not in PICTURES:
        raise SettingsError(f"pictures is {pictures!r}: it must be 'changed', 'all' or 'none'.")
    processes = _processors(num_processors)
    memory_root = None if store is None else _store_folder(store)
    if cancelled is None:
        cancelled = bool  # which says False
    asked = Request(
        first=first,
        second=second,
        out=out,
        skip_until=skip_until,
        stop_at=stop_at,
        pictures=pictures,
        store=memory_root,
    )
    if resume is None:
        plan = new_plan(asked, cancelled)
    else:
        plan = resumed_plan(local_path(resume, "resume", "file"), asked)
    with plan.lock:
        memory = None
        if memory_root is not None:
            memory = plan.memory(memory_root, verify, keep_originals, cancelled)
        course = _Course(plan, memory, began, on_progress)
        csv_digest = _compared(course, executor, processes, cancelled)
        interrupted = False
        if memory is not None:
            try:
                memory.save(originals=True)
            except KeyboardInterrupt:  # the results are complete, and it is said that they are
                interrupted = True
        seconds = time.monotonic() - began
        plan.finish(dict(course.counts), seconds, csv_digest)
        _remove_partial(plan)
    if interrupted:
        message = (
            f"All {course.total} pictures are compared, see {plan.csv_path}. The store does not know all"
        )
        raise KeyboardInterrupt(f"{message} of it: the next run may compare more.")
    counts = dict(course.counts)
    return Run(plan.csv_path, plan.pictures_dir, counts, seconds, plan.reused, plan.reasons, plan.stems)


class _Course:
    """How far a run is: every row that comes is noted here, and none is kept."""

    def __init__(
        self,
        plan: Plan,
        memory: Reuse | None,
        began: float,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self.plan, self.memory = plan, memory
        self.total = len(plan.part)
        self.counts = Counter({status: 0 for status in STATUSES})
        self.done: set[str] = set()
        self.one_sided: dict[str, PairResult] = {}
        self._began, self._on_progress = began, on_progress
        self._before = 0  # rows that were not compared now

    def begin(self, pair: Pair) -> Job:
        """The job of a pair that is to be compared."""
        if self.memory is not None:
            self.memory.expect(pair)
        return self.plan.job(pair)

    def kept(self, cancelled: Callable[[], bool]) -> Iterator[PairResult]:
        """The rows that a resumed run keeps."""
        for pair, row in self.plan.kept(cancelled):
            yield row
            self._note(pair, row)
        self._before = len(self.done)

    def reused(self) -> Iterator[list[PairResult]]:
        """The rows that the store has of all other pairs."""
        if self.memory is None:
            return
        part = [pair for pair in self.plan.part if pair.name not in self.done]
        with closing(self.memory.take(part)) as parts:
            for found in parts:
                yield [row for _, row in found]
                for pair, row in found:
                    self._note(pair, row, taken=True)
                self.plan.reused += len(found)
                self._before += len(found)
        self.plan.reasons = self.memory.reasons
        if self.plan.reused and len(self.done) == self.total:
            self._tell()

    def compared(self, pair: Pair, row: PairResult) -> None:
        """Note a row that a worker has made."""
        self._note(pair, row)
        self._tell()

    def _note(self, pair: Pair, row: PairResult, *, taken: bool = False) -> None:
        self.done.add(pair.name)
        self.counts[row.status] += 1
        if row.status in ONE_SIDED:
            self.one_sided[pair.name] = row
        if self.memory is not None:
            self.memory.add(pair, row, taken=taken)

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        seconds = time.monotonic() - self._began
        done = len(self.done)
        rate = (done - self._before) / seconds if seconds > 0 else 0.0
        remaining = (self.total - done) / rate if rate else None
        counts, partial = dict(self.counts), self.plan.partial_path
        self._on_progress(Progress(done, self.total, counts, seconds, rate, remaining, partial))


def _compared(
    course: _Course, executor: Executor | None, processes: int, cancelled: Callable[[], bool]
) -> str:
    """Make all rows that a run has not, and write its CSV; returns the digest of that."""
    plan, memory = course.plan, course.memory
    begun = False
    try:
        with results.PartialWriter(plan.partial_path, course.kept(cancelled)) as writer:
            begun = True
            if plan.earlier is not None:
                plan.begin_again(plan.left(course.done))
            for rows in course.reused():
                writer.extend(rows)
            left = plan.left(course.done)
            with closing(pool.rows(left, course.begin, executor, processes, cancelled)) as coming:
                for pair, row in coming:
                    writer.append(row)
                    course.compared(pair, row)
            names = (pair.name for pair in plan.part)
            found = renames.renamed(plan.part, plan.alone, course.one_sided)
            return results.write(plan.csv_path, writer.sorted(names, found))
    except BaseException as error:
        if memory is not None and not isinstance(error, OutputError):  # where there is no room it has none
            with suppress(KeyboardInterrupt):  # whoever is in a hurry says so again
                memory.save()
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise KeyboardInterrupt(plan.stopped(len(course.done) if begun else None)) from None


def _remove_partial(plan: Plan) -> None:
    """Remove the partial CSV of a run that is complete; where that fails, a warning says what to do."""
    try:
        plan.partial_path.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(
            f"The run is complete, see {shown(plan.csv_path)}. Only {shown(plan.partial_path)} cannot be "
            f"removed ({error.strerror or error}): close the program that has it open, then delete it.",
            stacklevel=3,
        )


def _store_folder(named: AnyPath) -> Path:
    """A store as it was named, absolute or below the output folder."""
    return usable_path(named, "store")


def _processors(wanted: int | None) -> int:
    if wanted is None:
        return int(cpu_count())
    try:
        number = 0 if isinstance(wanted, bool) else operator.index(wanted)
    except TypeError:
        number = 0
    if number < 1:
        raise SettingsError(
            f"num_processors is {wanted!r}: it must be a whole number above 0, or None for all."
        )
    return number
