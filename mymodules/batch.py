"""A whole run: two folders in, one row per picture in a CSV.

What is promised:

- Bad settings raise before the first pair is read. Bad pictures never raise, they are rows.
- Rows are on disk as they come. Whatever ends a run early (an interrupt, a kill, a full disk), the rows
  that were finished stay, and ``resume`` does only the rest.
- A worker that is killed costs no other pair its row; see `pool`.
- It works from a notebook, a script with or without guard, ``python -``, a REPL and a thread.
"""

import operator
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loky import cpu_count

from mymodules import images, pairs, pictures, pool, results, settings, sources, workers
from mymodules.errors import OutputError, ResultsError, SettingsError, StoreError
from mymodules.pairs import Listing, Pair
from mymodules.records import fingerprint
from mymodules.reuse import Reuse, content
from mymodules.settings import AnyPath, Settings
from mymodules.workers import Job, PairResult

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("same", "changed", "missing", "extra", "error")
_ONE_SIDED = STATUSES[2:4]

_PICTURES = ("changed", "all", "none")
_MEASURING = ("mymodules", "numpy", "opencv-python-headless", "imagecodecs", "simplejpeg")
_RENAMED = "It was renamed"
_NOTHING = images.digest(b"")  # all files without content are alike, and none is another one renamed
# What says more about that run than about the file, and is therefore done again by a resumed one.
_PASSING = {"vanished", "permission", "worker_died", "changed_during_run"}
# What a manifest must say for its run to be resumed.
_RECORDED: dict[str, type] = {"root": str, "first": str, "second": str, "options": dict, "versions": dict}
_RECORDED |= {"pictures": str, "skip_until": int, "stop_at": int}


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
    partial_path : Path
        The CSV where the rows are until all are done; what `run` resumes.
    """

    done: int
    total: int
    counts: dict[str, int]
    seconds: float
    rate: float
    remaining: float | None
    partial_path: Path


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
        return _counted(self.reasons)

    def pictures(self, name: str) -> tuple[Path, ...]:
        """The drawings that there are for a row, by its ``image_filename``."""
        stem = self._stems.get(name, name)
        drawn = (self.pictures_dir / (stem + ending) for ending in pictures.ENDINGS)
        return tuple(path for path in drawn if path.exists())

    def frame(self) -> "pd.DataFrame":
        """The results as a table, see `results.load`."""
        return results.load(self.csv_path)


def duration(seconds: float) -> str:
    """A time as a person says it."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes = round(seconds / 60)
    return (
        f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{minutes // 60} h {minutes % 60:02} min"
    )


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
            before = progress.done - (progress.rate > 0)  # none was compared where all rows were taken over
            self._bar = tqdm(total=progress.total, initial=before, unit=" pictures", smoothing=0)
            self._bar.start_t -= progress.seconds  # the first picture is told when the run is well under way
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
        A partial or finished CSV: do only what is missing there, or no longer true.
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
        A file to resume cannot be understood, or the run's own was written to by another program.
    PoolError
        The worker processes do not start.
    KeyboardInterrupt
        After an interrupt, with a sentence that says how to go on.
    """
    began = time.monotonic()
    if pictures not in _PICTURES:
        raise SettingsError(f"pictures is {pictures!r}: it must be 'changed', 'all' or 'none'.")
    processes = _processors(num_processors)
    memory_root = None if store is None else _store_folder(store)
    if cancelled is None:
        cancelled = bool  # which says False
    if resume is None:
        chosen = _chosen(first, second, out)
        plan = _new_plan(chosen, memory_root, skip_until, stop_at, pictures, cancelled)
    else:
        path = Path(resume).expanduser()
        plan = _resumed_plan(path, memory_root, first, second, out, skip_until, stop_at, pictures, cancelled)
    memory = None
    if memory_root is not None:
        memory = plan.memory(memory_root, verify, keep_originals, cancelled)
        try:
            plan.reuse(memory)
        except KeyboardInterrupt:
            with results.PartialWriter(plan.partial_path, plan.kept):
                pass  # so that there is something to resume
            raise KeyboardInterrupt(plan.stopped(len(plan.kept))) from None

    def begin(pair: Pair) -> Job:
        if memory is not None:
            memory.expect(pair)
        return plan.job(pair)

    done = len(plan.kept)
    one_sided = {row.image_filename: row for row in plan.kept if row.status in _ONE_SIDED}
    counts = Counter({status: 0 for status in STATUSES})
    counts.update(row.status for row in plan.kept)
    total = len(plan.part)
    try:
        with (
            results.PartialWriter(plan.partial_path, plan.kept) as writer,
            closing(pool.rows(plan.left, begin, executor, processes, cancelled)) as coming,
        ):
            if on_progress is not None and plan.reused and done == total:
                on_progress(_progress(plan, done, counts, time.monotonic() - began))
            for pair, row in coming:
                writer.append(row)
                done += 1
                if row.status in _ONE_SIDED:
                    one_sided[row.image_filename] = row
                if memory is not None:
                    memory.add(pair, row)
                counts[row.status] += 1
                if on_progress is not None:
                    on_progress(_progress(plan, done, counts, time.monotonic() - began))
            names = (pair.name for pair in plan.part)
            results.write(plan.csv_path, writer.sorted(names, _renamed(plan, one_sided)))
    except BaseException as error:
        if memory is not None and not isinstance(error, OutputError):  # where there is no room it has none
            with suppress(KeyboardInterrupt):  # whoever is in a hurry says so again
                memory.save()
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise KeyboardInterrupt(plan.stopped(done)) from None
    interrupted = False
    if memory is not None:
        try:
            memory.save(originals=True)
        except KeyboardInterrupt:  # the results are complete, and it is said that they are
            interrupted = True
    seconds = time.monotonic() - began
    plan.finish(dict(counts), seconds)
    plan.partial_path.unlink(missing_ok=True)
    if interrupted:
        told = f"All {total} pictures are compared, see {plan.csv_path}. The store does not know all of it"
        raise KeyboardInterrupt(f"{told}: the next run may compare more.")
    return Run(plan.csv_path, plan.pictures_dir, dict(counts), seconds, plan.reused, plan.reasons, plan.stems)


# --- what there is to do -----------------------------------------------------------------------------


@dataclass
class _Plan:
    """One run: its files, all its pairs, the rows it has and the jobs it has not done."""

    stamp: str
    settings: Settings
    manifest: dict[str, Any]
    part: Sequence[Pair]
    alone: list[Pair]  # of the pairs that are no part of this run, those with one side only
    kept: list[PairResult]
    reused: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

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
    def left(self) -> list[Pair]:
        """All pairs without a row, the largest first."""
        done = {row.image_filename for row in self.kept}
        return sorted((pair for pair in self.part if pair.name not in done), key=lambda pair: -pair.size)

    def job(self, pair: Pair) -> Job:
        """What a worker is told of a pair."""
        which = self.manifest["pictures"]
        folder = None if which == "none" else self.pictures_dir
        return Job(pair, folder, self.stem(pair.name), which == "all", self.settings.max_pixels)

    @property
    def stems(self) -> dict[str, str]:
        """Where drawings stand whose place is not the name of their pair; that of all would be very many."""
        stems: dict[str, str] = self.manifest["stems"]
        return stems

    def stem(self, name: str) -> str:
        """Where the drawings of a pair stand."""
        return self.stems.get(name, name)

    @property
    def resuming(self) -> str:
        """The call that goes on with this run, in this process too."""
        now, then = settings.recorded(), self.settings
        folders = f"{str(then.first)!r}, {str(then.second)!r}, "
        named = "" if now is None or (now.first, now.second) == (then.first, then.second) else folders
        return f"batch.run({named}resume={str(self.partial_path)!r})"

    def stopped(self, done: int) -> str:
        """What an interrupt says after so many rows."""
        told = f"Stopped after {done} of {len(self.part)} pictures; their rows are kept. Go on with"
        return f"{told} {self.resuming}."

    def begin(self) -> None:
        """Write the manifest and see that drawings can be written."""
        results.write_manifest(results.manifest_path(self.settings.out, self.stamp), self.manifest)
        if self.manifest["pictures"] != "none":
            try:
                self.pictures_dir.mkdir(exist_ok=True)
            except OSError as error:
                told = f"The folder for drawings, {self.pictures_dir}, cannot be made"
                raise OutputError(f"{told}: {error.strerror or error}.", self.pictures_dir) from error

    def has_drawings(self, row: PairResult) -> bool:
        """Whether all drawings that belong to a row are there: a full disk may have prevented them."""
        drawn = {"none": (), "changed": ("changed",), "all": ("changed", "same")}[self.manifest["pictures"]]
        stem = self.stem(row.image_filename)
        paths = (self.pictures_dir / (stem + ending) for ending in pictures.ENDINGS)
        too_large = workers.span(row) > self.settings.max_pixels
        return row.status not in drawn or too_large or all(path.exists() for path in paths)

    def memory(self, store: Path, verify: bool, keep_originals: bool, cancelled: Callable[[], bool]) -> Reuse:
        """What this run may take from a store."""
        depends = {name: self.manifest[name] for name in ("options", "versions")}
        depends["algorithm"] = workers.ALGORITHM
        which = self.manifest["pictures"]
        return Reuse(
            self.settings.out / store,
            fingerprint(depends),
            self.part,
            self.stem,
            None if which == "none" else self.pictures_dir,
            draw_same=which == "all",
            max_pixels=self.settings.max_pixels,
            verify=verify,
            keep_originals=keep_originals,
            cancelled=cancelled,
        )

    def reuse(self, memory: Reuse) -> None:
        """Take over what the store has for pairs that have no row yet; it gets what there is."""
        taken = memory.take({row.image_filename for row in self.kept})
        self.kept += taken
        self.reused, self.reasons = len(taken), memory.reasons
        names = {pair.name: pair for pair in self.part} if self.kept else {}
        for row in self.kept:
            memory.add(names[row.image_filename], row)

    def finish(self, counts: dict[str, int], seconds: float) -> None:
        self.manifest |= {"complete": True, "counts": counts, "seconds": round(seconds, 3)}
        self.manifest |= {"reused": self.reused, "recomputed": _counted(self.reasons)}
        self.manifest["reasons"] = _named(self.reasons, len(self.part))
        results.write_manifest(results.manifest_path(self.settings.out, self.stamp), self.manifest)


def _chosen(first: AnyPath | None, second: AnyPath | None, out: AnyPath | None) -> Settings:
    """The settings of this process with the named folders in place of its own."""
    known = settings.recorded()
    if first is None and second is None and out is None:
        return known or settings.init()
    if known is None:
        return settings.prepare(first=first, second=second, out=out)
    folders = ((first, known.first), (second, known.second), (out, known.out))
    first, second, out = (own if folder is None else folder for folder, own in folders)
    return settings.prepare(known.root, first, second, out, **known.options)


def _new_plan(
    chosen: Settings,
    store: Path | None,
    skip_until: int,
    stop_at: int,
    which: str,
    cancelled: Callable[[], bool],
) -> _Plan:
    _check(chosen, store)
    listing = pairs.find(chosen.first, chosen.second)
    if cancelled():
        raise KeyboardInterrupt("Stopped before the first picture was compared; nothing has been written.")
    part = listing.part(skip_until, stop_at)
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
        "caller": os.environ.get(settings.CALLER),
        "left_out": {"hidden": listing.hidden, "other": listing.other, "links": listing.links},
        "stems": _stems(listing),
        "complete": False,
    }
    plan = _Plan(stamp, chosen, manifest, part, _alone(listing.pairs, part), kept=[])
    plan.begin()
    return plan


def _resumed_plan(
    path: Path,
    store: Path | None,
    first: AnyPath | None,
    second: AnyPath | None,
    out: AnyPath | None,
    skip_until: int,
    stop_at: int,
    which: str,
    cancelled: Callable[[], bool],
) -> _Plan:
    stamp = results.stamp_of(path)
    if stamp is None or path.suffix != ".csv":
        raise SettingsError(
            f"{path} is no results file of a run: resume takes results-....csv or .partial.csv."
        )
    manifest = results.read_manifest(results.manifest_path(path.parent, stamp))
    if any(not isinstance(manifest.get(name), kinds) for name, kinds in _RECORDED.items()):
        told = f"{results.manifest_path(path.parent, stamp)} does not say how run {stamp} was begun"
        raise ResultsError(f"{told}: it cannot be resumed. Begin a new run.")
    if out is not None and Path(out).expanduser().absolute() != path.parent.absolute():
        raise SettingsError(f"{path} goes on in its own folder: resume it without naming out.")
    chosen = _as_then(manifest, path.parent, _named_again(manifest, first, second, out))
    if manifest["pictures"] not in _PICTURES:
        raise ResultsError(
            f"The manifest of run {stamp} says pictures={manifest['pictures']!r}: begin a new run."
        )
    asked = {"skip_until": skip_until, "stop_at": stop_at, "pictures": which}
    for name, default in {"skip_until": 0, "stop_at": -1, "pictures": "changed"}.items():
        if asked[name] not in (default, manifest[name]):
            raise SettingsError(
                f"{path} was begun with {name}={manifest[name]!r}: resume it without naming {name}."
            )
    rows = results.read_partial(path) if path.name.endswith(".partial.csv") else results.read(path)
    _check(chosen, store)
    listing = pairs.find(chosen.first, chosen.second)
    manifest["stems"] = _stems(listing)
    where = {"out": str(chosen.out), "pictures_dir": str(results.pictures_path(chosen.out, stamp))}
    manifest |= {**where, "complete": False}
    part = listing.part(manifest["skip_until"], manifest["stop_at"])
    # Renames are found anew at the end, from rows that do not speak of them yet.
    by_name = {row.image_filename: row for row in rows if _RENAMED not in row.messages}
    plan = _Plan(stamp, chosen, manifest, part, _alone(listing.pairs, part), kept=[])
    for pair in part:
        if cancelled():
            told = "Stopped before the first picture was compared; all rows are kept. Go on with"
            raise KeyboardInterrupt(f"{told} {plan.resuming}.")
        row = by_name.get(pair.name)
        if row is not None and _still_true(pair, row) and plan.has_drawings(row):
            plan.kept.append(row)
    plan.begin()
    for pair in plan.left:
        pictures.remove(plan.pictures_dir, plan.stem(pair.name))
    return plan


def _named_again(
    manifest: dict[str, Any], first: AnyPath | None, second: AnyPath | None, out: AnyPath | None
) -> Settings | None:
    """The settings that a resumed run must agree with: what was named, or what the process has chosen."""
    if first is None and second is None and out is None:
        return settings.recorded()
    folders = {"first": first, "second": second, "out": out}
    named = [manifest[role] if folder is None else folder for role, folder in folders.items()]
    return settings.resolve(manifest["root"], *named, **manifest["options"])


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


def _check(chosen: Settings, store: Path | None) -> None:
    """Raise SettingsError where these folders cannot be compared, or the store stands in one of them."""
    chosen.check()
    if store is not None:
        chosen.check_outside(chosen.out / store, "store")


def _stems(listing: Listing) -> dict[str, str]:
    """Where drawings stand whose place is not the name of their pair."""
    stems = pictures.stems(pair.name for pair in listing.pairs)
    return {name: stem for name, stem in stems.items() if name != stem}


def _alone(listed: Sequence[Pair], part: Sequence[Pair]) -> list[Pair]:
    """Pairs outside of the part of which one file is there."""
    names = {pair.name for pair in part}
    others = (pair for pair in listed if pair.name not in names and pair.problem is None)
    return [pair for pair in others if None in (pair.first, pair.second)]


def _renamed(plan: _Plan, rows: Mapping[str, PairResult]) -> dict[str, PairResult]:
    """Rows with a sentence, and `renamed_from`, where a missing file and an extra one have the same bytes.

    Two of a kind on either side are a tie, also where one is no part of this run: nothing is guessed.

    Parameters
    ----------
    plan : _Plan
    rows : mapping of str to PairResult
        All rows of one side only, by name.
    """
    names: dict[str, dict[str, list[str]]] = {status: {} for status in _ONE_SIDED}
    for row in rows.values():
        digest = row.first_digest or row.second_digest
        if digest not in (None, _NOTHING):
            names[row.status].setdefault(digest, []).append(row.image_filename)
    missing, extra = names.values()
    moved = {name for digest in missing.keys() & extra.keys() for name in missing[digest]}
    sizes = {pair.size for pair in plan.part if pair.name in moved}
    for pair in plan.alone:
        path, there = (pair.first, missing) if pair.first else (pair.second, extra)
        if pair.size in sizes and path is not None and (digest := content(path)) in there:
            there[digest].append(pair.name)
    renamed = {}
    for digest, old in missing.items():
        new = extra.get(digest, [])
        if len(old) == len(new) == 1:
            before, after = rows[old[0]], rows[new[0]]
            gone = pairs.sentence(f"{before.messages} {_RENAMED} to {after.image_filename}.")
            come = pairs.sentence(f"{after.messages} {_RENAMED} from {before.image_filename}.")
            renamed[old[0]] = before._replace(messages=gone)
            renamed[new[0]] = after._replace(messages=come, renamed_from=before.image_filename)
    return renamed


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
    if any((path is None) != (digest is None) for path, digest in sides):
        return False
    return all(path is None or content(path) == digest for path, digest in sides)


def _counted(reasons: Mapping[str, str]) -> dict[str, int]:
    return dict(Counter(reasons.values()))


def _named(reasons: Mapping[str, str], total: int) -> dict[str, list[str]]:
    """Names by reason, but for a reason that all pairs have, as in a first run: there may be very many."""
    named: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        named.setdefault(reason, []).append(name)
    return {reason: names for reason, names in named.items() if len(names) < total}


def _store_folder(named: AnyPath) -> Path:
    """A store as it was named, absolute or below the output folder."""
    try:
        sources.folder(named)
    except StoreError as error:
        raise SettingsError(f"store: {error}") from error
    return Path(named).expanduser()


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


def _progress(plan: _Plan, done: int, counts: Counter[str], seconds: float) -> Progress:
    total = len(plan.part)
    rate = (done - len(plan.kept)) / seconds if seconds > 0 else 0.0
    remaining = (total - done) / rate if rate else None
    return Progress(done, total, dict(counts), seconds, rate, remaining, plan.partial_path)
