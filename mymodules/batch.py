"""A whole run: two folders in, one row per picture in a CSV.

What is promised:

- Bad settings raise before the first pair is read. Bad pictures never raise, they are rows.
- Rows are on disk as they come. Whatever ends a run early (an interrupt, a kill, a full disk), the rows
  that were finished stay, and ``resume`` does only the rest.
- A worker that is killed costs no other pair its row: the pool is built anew, the pairs that were under
  way are done again one at a time, and only one that kills its worker even then becomes an error.
- It works from a notebook, a script with or without guard, ``python -``, a REPL and a thread: workers
  never import the caller's ``__main__`` (loky). They end when their parent is gone.
"""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from loky import ProcessPoolExecutor, cpu_count

from mymodules import images, pairs, pictures, results, settings, workers
from mymodules.errors import OutputError, PoolError, SettingsError
from mymodules.pairs import Pair
from mymodules.settings import AnyPath, Settings
from mymodules.workers import Job, PairResult

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("same", "changed", "missing", "extra", "error")

_PICTURES = ("changed", "all", "none")
_MEASURING = (
    "mymodules",
    "numpy",
    "opencv-python-headless",
    "imagecodecs",
    "simplejpeg",
    "pillow",
    "tifffile",
)
# What says more about that run than about the file, and is therefore done again by a resumed one.
_PASSING = {"vanished", "permission", "worker_died", "changed_during_run"}
_GROUP_BYTES, _GROUP_PAIRS = 1 << 20, 32  # one task of the pool: large enough to hide its own cost
_IDLE = 300  # s; then warm workers end
_BREATH = 0.2  # s; an interrupt is noticed between two waits, on Windows too
_SETTLED = 5  # s; a broken pool tells all its futures at once, this is for those that it forgets


@dataclass(frozen=True)
class Progress:
    """What `on_progress` is told after every row.

    Attributes
    ----------
    done, total : int
        Rows; those that a resumed run keeps are done from the start.
    counts : dict of str to int
        Rows by status so far.
    seconds : float
        Since the run began.
    rate : float
        Pictures per second of this run.
    remaining : float or None
        Seconds to go at that rate; None before the first picture.
    """

    done: int
    total: int
    counts: dict[str, int]
    seconds: float
    rate: float
    remaining: float | None


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
    """

    csv_path: Path
    pictures_dir: Path
    counts: dict[str, int]
    seconds: float
    _stems: dict[str, str] = field(repr=False)

    def pictures(self, name: str) -> tuple[Path, ...]:
        """The drawings that there are for a row, by its ``image_filename``."""
        stem = self._stems.get(name, name)
        drawn = (self.pictures_dir / (stem + ending) for ending in pictures.ENDINGS)
        return tuple(path for path in drawn if path.exists())

    def frame(self) -> "pd.DataFrame":
        """The results as a table, see `results.load`."""
        return results.load(self.csv_path)


class ProgressBar:
    """A bar with pictures per second and time left, for `on_progress`; one for each run.

    A widget in a notebook, text in a terminal or where the variable ``MYMODULES_PROGRESS`` is ``text``.
    """

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            if os.environ.get("MYMODULES_PROGRESS") == "text":
                from tqdm import tqdm
            else:
                from tqdm.auto import tqdm
            self._bar = tqdm(
                total=progress.total, initial=progress.done - 1, unit=" pictures", mininterval=0.2
            )
        self._bar.set_postfix({key: value for key, value in progress.counts.items() if value}, refresh=False)
        self._bar.update(progress.done - self._bar.n)
        if progress.done == progress.total:
            self._bar.close()


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
    resume: AnyPath | None = None,
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
        Called with a `Progress` after every row. What it raises ends the run like an interrupt.
    resume : path, optional
        A partial or finished CSV: do only what is missing there, or no longer true.

    Raises
    ------
    SettingsError
        Folders or options with which nothing can be compared; before the first pair is read.
    OutputError
        The results cannot be written.
    PoolError
        The worker processes do not start.
    KeyboardInterrupt
        After an interrupt, with a sentence that says how to go on.
    """
    began = time.monotonic()
    if pictures not in _PICTURES:
        raise SettingsError(f"pictures is {pictures!r}: it must be 'changed', 'all' or 'none'.")
    if resume is None:
        plan = _new_plan(_chosen(first, second, out), skip_until, stop_at, pictures)
    else:
        plan = _resumed_plan(Path(resume), first, second, out, skip_until, stop_at, pictures)
    jobs = plan.todo
    pool = _Given(executor) if executor else _Processes.take(_processors(num_processors, len(jobs)))
    rows = {row.image_filename: row for row in plan.kept}
    counts = Counter({status: 0 for status in STATUSES})
    counts.update(row.status for row in plan.kept)
    total = len(plan.part)
    with results.PartialWriter(plan.partial_path, plan.kept) as writer:
        try:
            for row in pool.rows(jobs):
                writer.append(row)
                rows[row.image_filename] = row
                counts[row.status] += 1
                if on_progress is not None:
                    on_progress(_progress(len(rows), total, len(plan.kept), counts, time.monotonic() - began))
        except KeyboardInterrupt:
            told = f"Stopped after {len(rows)} of {total} pictures; their rows are kept. Go on with"
            raise KeyboardInterrupt(f"{told} batch.run(resume={str(plan.partial_path)!r}).") from None
    results.write(plan.csv_path, (rows[pair.name] for pair in plan.part))
    plan.partial_path.unlink(missing_ok=True)
    seconds = time.monotonic() - began
    plan.finish(dict(counts), seconds)
    return Run(plan.csv_path, plan.pictures_dir, dict(counts), seconds, plan.stems)


# --- what there is to do -----------------------------------------------------------------------------


@dataclass
class _Plan:
    """One run: its files, all its pairs, the rows it has and the jobs it has not done."""

    stamp: str
    settings: Settings
    manifest: dict[str, Any]
    part: Sequence[Pair]
    stems: dict[str, str]
    kept: list[PairResult]

    @property
    def csv_path(self) -> Path:
        return results.finished_path(self.settings.out, self.stamp)

    @property
    def partial_path(self) -> Path:
        return results.partial_path(self.settings.out, self.stamp)

    @property
    def pictures_dir(self) -> Path:
        return results.pictures_path(self.settings.out, self.stamp)

    @property
    def todo(self) -> list[Job]:
        """Jobs of all pairs without a row, the largest first."""
        done = {row.image_filename for row in self.kept}
        which = self.manifest["pictures"]
        folder = None if which == "none" else self.pictures_dir
        left = [pair for pair in self.part if pair.name not in done]
        left.sort(key=lambda pair: -pair.size)
        limit = self.settings.max_pixels
        return [Job(pair, folder, self.stems[pair.name], which == "all", limit) for pair in left]

    def begin(self) -> None:
        """Write the manifest and see that drawings can be written."""
        results.write_manifest(results.manifest_path(self.settings.out, self.stamp), self.manifest)
        if self.manifest["pictures"] != "none":
            try:
                self.pictures_dir.mkdir(exist_ok=True)
            except OSError as error:
                told = f"The folder for drawings, {self.pictures_dir}, cannot be made"
                raise OutputError(f"{told}: {error.strerror or error}.", self.pictures_dir) from error

    def finish(self, counts: dict[str, int], seconds: float) -> None:
        self.manifest |= {"complete": True, "counts": counts, "seconds": round(seconds, 3)}
        results.write_manifest(results.manifest_path(self.settings.out, self.stamp), self.manifest)


def _chosen(first: AnyPath | None, second: AnyPath | None, out: AnyPath | None) -> Settings:
    """The settings of this process with the named folders in place of its own."""
    known = settings.recorded()
    if first is None and second is None and out is None:
        return known or settings.init()
    if known is None:
        return settings.prepare(first=first, second=second, out=out)
    first, second, out = first or known.first, second or known.second, out or known.out
    return settings.prepare(known.root, first, second, out, **known.options)


def _new_plan(chosen: Settings, skip_until: int, stop_at: int, which: str) -> _Plan:
    chosen.check()
    listing = pairs.find(chosen.first, chosen.second)
    part = listing.part(skip_until, stop_at)
    stems = pictures.stems(pair.name for pair in listing.pairs)
    stamp = results.reserve(chosen.out, datetime.now().strftime("%Y%m%d-%H%M%S"))
    manifest = {
        **_conditions(chosen),
        "stamp": stamp,
        "out": str(chosen.out),
        "pictures_dir": str(results.pictures_path(chosen.out, stamp)),
        "pictures": which,
        "skip_until": skip_until,
        "stop_at": stop_at,
        "pairs": len(listing.pairs),
        "left_out": {"hidden": listing.hidden, "other": listing.other, "links": listing.links},
        "stems": {name: stem for name, stem in stems.items() if name != stem},
        "complete": False,
    }
    plan = _Plan(stamp, chosen, manifest, part, stems, kept=[])
    plan.begin()
    return plan


def _resumed_plan(
    path: Path,
    first: AnyPath | None,
    second: AnyPath | None,
    out: AnyPath | None,
    skip_until: int,
    stop_at: int,
    which: str,
) -> _Plan:
    stamp = results.stamp_of(path)
    if stamp is None or path.suffix != ".csv":
        raise SettingsError(
            f"{path} is no results file of a run: resume takes results-....csv or .partial.csv."
        )
    manifest = results.read_manifest(results.manifest_path(path.parent, stamp))
    chosen = _as_then(manifest, path.parent, _named_again(manifest, first, second, out))
    asked = {"skip_until": skip_until, "stop_at": stop_at, "pictures": which}
    for name, default in {"skip_until": 0, "stop_at": -1, "pictures": "changed"}.items():
        if asked[name] not in (default, manifest[name]):
            raise SettingsError(
                f"{path} was begun with {name}={manifest[name]!r}: resume it without naming {name}."
            )
    rows = results.read_partial(path) if path.name.endswith(".partial.csv") else results.read(path)
    chosen.check()
    listing = pairs.find(chosen.first, chosen.second)
    stems = pictures.stems(pair.name for pair in listing.pairs)
    manifest["stems"] = {name: stem for name, stem in stems.items() if name != stem}
    manifest["complete"] = False
    part = listing.part(manifest["skip_until"], manifest["stop_at"])
    by_name = {row.image_filename: row for row in rows}
    kept = [
        by_name[pair.name] for pair in part if pair.name in by_name and _still_true(pair, by_name[pair.name])
    ]
    plan = _Plan(stamp, chosen, manifest, part, stems, kept)
    plan.begin()
    for job in plan.todo:
        pictures.remove(plan.pictures_dir, job.stem)
    return plan


def _named_again(
    manifest: dict[str, Any], first: AnyPath | None, second: AnyPath | None, out: AnyPath | None
) -> Settings | None:
    """The settings that a resumed run must agree with: what was named, or what the process has chosen."""
    if first is None and second is None and out is None:
        return settings.recorded()
    folders = (
        named or manifest[role] for role, named in (("first", first), ("second", second), ("out", out))
    )
    return settings.resolve(manifest["root"], *folders, **manifest["options"])


def _as_then(manifest: dict[str, Any], folder: Path, now: Settings | None) -> Settings:
    """The settings of the run that is resumed; refused when anything that decides its rows is another now."""
    then = settings.resolve(
        manifest["root"], manifest["first"], manifest["second"], folder, **manifest["options"]
    )
    was, conditions = _conditions(then), _conditions(now or then)
    differing = sorted(key for key in ("first", "second", "options") if was[key] != conditions[key])
    if manifest["versions"] != conditions["versions"]:
        differing.append("versions")
        was["versions"] = manifest["versions"]
    if differing:
        told = "; ".join(f"{key} were {was[key]}, are {conditions[key]}" for key in differing)
        raise SettingsError(f"Run {manifest['stamp']} cannot be resumed: {told}. Begin a new run.")
    return then


def _conditions(chosen: Settings) -> dict[str, Any]:
    """All that rows depend on besides the pictures themselves, and the root for the record."""
    return {
        "root": str(chosen.root),
        "first": str(chosen.first),
        "second": str(chosen.second),
        "options": chosen.options,
        "versions": {name: version(name) for name in _MEASURING},
    }


def _still_true(pair: Pair, row: PairResult) -> bool:
    """Whether a row of an earlier run still says what is in its files."""
    if pair.problem is not None or row.code in _PASSING:
        return False
    sides = (pair.first, row.first_digest), (pair.second, row.second_digest)
    return all(_digest(path) == digest for path, digest in sides)


def _digest(path: Path | None) -> str | None:
    try:
        return None if path is None else images.digest(path)
    except OSError:
        return "unreadable"


def _processors(wanted: int | None, jobs: int) -> int:
    if wanted is not None and (not isinstance(wanted, int) or wanted < 1):
        raise SettingsError(
            f"num_processors is {wanted!r}: it must be a whole number above 0, or None for all."
        )
    return max(1, min(wanted or int(cpu_count()), jobs))


def _progress(done: int, total: int, kept: int, counts: Counter[str], seconds: float) -> Progress:
    rate = (done - kept) / seconds if seconds > 0 else 0.0
    return Progress(done, total, dict(counts), seconds, rate, (total - done) / rate if rate else None)


# --- who does it -------------------------------------------------------------------------------------

Task = list[Job]


def _tasks(jobs: Iterable[Job]) -> deque[Task]:
    """Jobs in their order, small ones together: one call of a worker should outweigh its own cost."""
    tasks: deque[Task] = deque()
    room = 0
    for job in jobs:
        if not tasks or job.pair.size > room or len(tasks[-1]) == _GROUP_PAIRS:
            tasks.append([])
            room = _GROUP_BYTES
        tasks[-1].append(job)
        room -= job.pair.size
    return tasks


def _together(executor: Executor, tasks: deque[Task], at_once: int) -> Generator[PairResult, None, list[Job]]:
    """Rows as they come; returns the jobs that were under way when the executor broke, if it did.

    Tasks that were not begun stay in the queue. Few are under way at a time, because all of them are
    under suspicion when a worker dies.
    """
    under_way: dict[Future[list[PairResult]], Task] = {}
    broken = False
    while not broken and (tasks or under_way):
        try:
            while tasks and len(under_way) < at_once:
                under_way[executor.submit(workers.compare_many, tasks[0])] = tasks[0]
                tasks.popleft()
        except BrokenExecutor:
            broken = True
        done = wait(under_way, _BREATH, FIRST_COMPLETED).done
        broken = broken or any(isinstance(future.exception(), BrokenExecutor) for future in done)
        if broken:
            done = wait(under_way, _SETTLED).done
        for future in done:
            if not isinstance(future.exception(), BrokenExecutor):
                del under_way[future]
                yield from future.result()
    return [job for task in under_way.values() for job in task]


class _Given:
    """An executor that the caller owns."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def rows(self, jobs: Iterable[Job]) -> Iterator[PairResult]:
        tasks = _tasks(jobs)
        if (yield from _together(self._executor, tasks, 64)) or tasks:
            raise PoolError("The executor broke: hand over a new one, and resume from the partial CSV.")


class _Processes:
    """Worker processes of our own, kept warm for the next run of this process."""

    _warm: ClassVar[list["_Processes"]] = []  # at most one
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, count: int) -> None:
        self.count = count
        self._executor = self._started()

    @classmethod
    def take(cls, count: int) -> "_Processes":
        """The warm ones where their number is right, else new ones."""
        with cls._lock:
            warm = cls._warm.pop() if cls._warm else None
        if warm is not None and warm.count == count:
            return warm
        if warm is not None:
            warm._end()
        return cls(count)

    def rows(self, jobs: Iterable[Job]) -> Iterator[PairResult]:
        """Rows as they come. Whatever ends this early ends the processes as well."""
        tasks = _tasks(jobs)
        try:
            while tasks:
                suspects = yield from _together(self._executor, tasks, 2 * self.count)
                for suspect in suspects:
                    self._renew()
                    if (yield from _together(self._executor, deque([[suspect]]), 1)):
                        yield workers.died(suspect)
                if suspects:
                    self._renew()
        except BaseException:
            self._end()
            raise
        with self._lock:
            if not self._warm:
                self._warm.append(self)
                return
        self._end()

    def _started(self) -> ProcessPoolExecutor:
        executor = ProcessPoolExecutor(
            self.count, timeout=_IDLE, initializer=workers.prepare_process, initargs=(os.getpid(),)
        )
        answer = executor.submit(os.getpid)
        try:
            while not wait([answer], _BREATH).done:
                pass
            answer.result()
        except BrokenExecutor as error:
            executor.shutdown(wait=True, kill_workers=True)
            told = "The worker processes end as they start; python -c 'import mymodules.workers' may say why"
            raise PoolError(f"{told} ({error}).") from error
        except BaseException:
            executor.shutdown(wait=True, kill_workers=True)
            raise
        return executor

    def _renew(self) -> None:
        """New processes where the old ones broke."""
        try:
            self._executor.submit(os.getpid)
        except BrokenExecutor:
            self._end()
            self._executor = self._started()

    def _end(self) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)
