"""What a run has to do: its files, its pairs, the rows it has already, and what a resumed one may keep.

A `Plan` is made of a `Request`, by `new_plan` or by `resumed_plan`; both refuse one with which nothing can be
compared.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mymodules import pairs, results, settings
from mymodules.batch import pool
from mymodules.batch.renames import RENAMED
from mymodules.batch.reuse import Reuse, content
from mymodules.comparison import drawings
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.locks import Lock
from mymodules.pairs import Listing, Pair
from mymodules.paths import AnyPath, local_path, shown
from mymodules.results import runfiles
from mymodules.row import ALGORITHM, PairResult, span
from mymodules.settings import Settings
from mymodules.store.records import fingerprint
from mymodules.workers import Job

PICTURES = ("changed", "all", "none")
"""Which pairs a run may draw."""

# Whatever decodes or measures: another version of one of them may make other rows.
_MEASURING = ("mymodules", "numpy", "opencv-python-headless", "imagecodecs", "simplejpeg", "tifffile")
# What says more about that run than about the file, and is therefore done again by a resumed one.
_PASSING = {"vanished", "permission", "worker_died", "changed_during_run", "internal"}
# What a manifest must say for its run to be resumed.
_RECORDED: dict[str, type] = {"root": str, "first": str, "second": str, "options": dict, "versions": dict}
_RECORDED |= {"pictures": str, "skip_until": int, "stop_at": int}


@dataclass
class Plan:
    """One run: its files, all its pairs, and the rows it has."""

    stamp: str
    settings: Settings
    manifest: dict[str, Any]
    part: Sequence[Pair]
    alone: list[Pair]  # of the pairs that are no part of this run, those with one side only
    lock: Lock
    earlier: Path | None = None  # the CSV from which a resumed run goes on
    reused: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def csv_path(self) -> Path:
        return runfiles.finished_path(self.settings.out, self.stamp)

    @property
    def partial_path(self) -> Path:
        return runfiles.partial_path(self.settings.out, self.stamp)

    @property
    def pictures_dir(self) -> Path:
        return runfiles.pictures_path(self.settings.out, self.stamp)

    def left(self, done: Collection[str]) -> list[Pair]:
        """All pairs but those of these names, the largest first."""
        return sorted((pair for pair in self.part if pair.name not in done), key=lambda pair: -pair.size)

    def job(self, pair: Pair) -> Job:
        """What a worker is told of a pair."""
        which = self.manifest["pictures"]
        folder = None if which == "none" else self.pictures_dir
        return Job(pair, folder, self.stem(pair.name), which == "all", self.settings.max_pixels)

    @property
    def stems(self) -> dict[str, str]:
        """What `stem` is of those names for which it is another text; most names need no entry."""
        stems: dict[str, str] = self.manifest["stems"]
        return stems

    def stem(self, name: str) -> str:
        """Where the drawings of a pair stand."""
        return self.stems.get(name, name)

    @property
    def resuming(self) -> str:
        """The call that goes on with this run, in this process too."""
        return self._resuming(self.partial_path)

    def _resuming(self, csv: Path) -> str:
        now, then = settings.recorded(), self.settings
        folders = f"{str(then.first)!r}, {str(then.second)!r}, "
        named = "" if now is None or (now.first, now.second) == (then.first, then.second) else folders
        return f"batch.run({named}resume={str(csv)!r})"

    def stopped(self, done: int | None) -> str:
        """What an interrupt says after so many rows; None while those of the earlier CSV are looked at."""
        if done is None and self.earlier is not None:
            message = "Stopped before the first picture was compared; all rows are kept. Go on with"
            return f"{message} {self._resuming(self.earlier)}."
        message = f"Stopped after {done or 0} of {len(self.part)} pictures; their rows are kept. Go on with"
        return f"{message} {self.resuming}."

    def kept(self, cancelled: Callable[[], bool]) -> Iterator[tuple[Pair, PairResult]]:
        """Pairs with the rows of the earlier CSV that still say what is in their files, one at a time."""
        if self.earlier is None:
            return
        waiting = {pair.name: pair for pair in self.part}
        for row in _earlier_rows(self.earlier, self.manifest):
            if cancelled():
                raise KeyboardInterrupt
            # Renames are found anew at the end, from rows that do not speak of them yet.
            pair = None if RENAMED in row.messages else waiting.get(row.image_filename)
            if pair is not None and _still_true(pair, row) and self.has_drawings(row):
                del waiting[pair.name]
                # Not one more copy of each name: there may be very many.
                yield pair, row._replace(image_filename=pair.name)

    def begin(self) -> None:
        """Write the manifest and see that drawings can be written."""
        runfiles.write_manifest(runfiles.manifest_path(self.settings.out, self.stamp), self.manifest)
        if self.manifest["pictures"] != "none":
            try:
                self.pictures_dir.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"The folder for drawings, {shown(self.pictures_dir)}, cannot be made "
                    f"({error.strerror or error}): remove what is in its place and see that there is room, "
                    "then run again.",
                    self.pictures_dir,
                ) from error

    def begin_again(self, left: Iterable[Pair]) -> None:
        """`begin` for a resumed run, without drawings of the pairs that are to be compared."""
        self.begin()
        for pair in left:
            drawings.remove(self.pictures_dir, self.stem(pair.name))

    def has_drawings(self, row: PairResult) -> bool:
        """Whether all drawings that belong to a row are there: a full disk may have prevented them."""
        drawn = {"none": (), "changed": ("changed",), "all": ("changed", "same")}[self.manifest["pictures"]]
        stem = self.stem(row.image_filename)
        paths = (self.pictures_dir / (stem + ending) for ending in drawings.ENDINGS)
        too_large = span(row) > self.settings.max_pixels
        return row.status not in drawn or too_large or all(map(os.path.exists, paths))

    def memory(self, store: Path, verify: bool, keep_originals: bool, cancelled: Callable[[], bool]) -> Reuse:
        """What this run may take from a store."""
        depends = {name: self.manifest[name] for name in ("options", "versions")}
        depends["algorithm"] = ALGORITHM
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

    def finish(self, counts: dict[str, int], seconds: float, csv_digest: str) -> None:
        """Write into the manifest how the run has ended, and the digest of its CSV."""
        self.manifest |= {"complete": True, "counts": counts, "seconds": round(seconds, 3)}
        self.manifest["csv_digest"] = csv_digest
        self.manifest |= {"reused": self.reused, "recomputed": counted(self.reasons)}
        self.manifest["reasons"] = _named(self.reasons, len(self.part))
        runfiles.write_manifest(runfiles.manifest_path(self.settings.out, self.stamp), self.manifest)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a run is asked for; see `batch.run`. The store is a folder that one can be in, or None."""

    first: AnyPath | None
    second: AnyPath | None
    out: AnyPath | None
    skip_until: int
    stop_at: int
    pictures: str
    store: Path | None

    @property
    def names_folders(self) -> bool:
        return (self.first, self.second, self.out) != (None, None, None)


def new_plan(asked: Request, cancelled: Callable[[], bool]) -> Plan:
    """The plan of a new run."""
    chosen = _chosen(asked)
    _check(chosen, asked.store)
    listing = pairs.find(chosen.first, chosen.second)
    if cancelled():
        raise KeyboardInterrupt("Stopped before the first picture was compared; nothing has been written.")
    part = listing.part(asked.skip_until, asked.stop_at)
    stamp = runfiles.reserve(chosen.out, datetime.now().strftime("%Y%m%d-%H%M%S"))
    manifest = {
        **_conditions(chosen),
        "stamp": stamp,
        "out": str(chosen.out),
        "pictures_dir": str(runfiles.pictures_path(chosen.out, stamp)),
        "pictures": asked.pictures,
        "skip_until": asked.skip_until,
        "stop_at": asked.stop_at,
        "pairs": len(listing.pairs),
        "caller": os.environ.get(settings.CALLER),
        "left_out": {"hidden": listing.hidden, "other": listing.other, "links": listing.links},
        "stems": _stems(listing),
        "complete": False,
    }
    try:
        lock = runfiles.lock(chosen.out, stamp)
        plan = Plan(stamp, chosen, manifest, part, _alone(listing.pairs, part), lock)
        try:
            plan.begin()
        except BaseException:
            lock.release()
            raise
    except BaseException:  # nothing has begun under this stamp
        with contextlib.suppress(OSError):
            runfiles.manifest_path(chosen.out, stamp).unlink(missing_ok=True)
        raise
    return plan


def resumed_plan(path: Path, asked: Request) -> Plan:
    """The plan of a run that goes on from its CSV."""
    stamp, manifest = _begun(path)
    chosen = _as_then(manifest, path.parent, _named_again(manifest, asked))
    _refuse_another(path, manifest, asked)
    _check(chosen, asked.store)
    if (asked.first, asked.second).count(None) == 0:
        settings.note_chosen(chosen)
    _check_no_link(runfiles.pictures_path(chosen.out, stamp))
    lock = runfiles.lock(chosen.out, stamp)
    try:
        if lock.killed is not None:
            pool.await_orphans(lock.killed)
        _, manifest = _begun(path)  # whoever had the lock may have finished the run
        finished = runfiles.finished_path(chosen.out, stamp)
        if not os.path.lexists(path) and finished.is_file():
            raise ResultsError(f"{shown(path)} is gone: the run is complete, see {shown(finished)}.")
        listing = pairs.find(chosen.first, chosen.second)
        manifest["stems"] = _stems(listing)
        where = {"out": str(chosen.out), "pictures_dir": str(runfiles.pictures_path(chosen.out, stamp))}
        manifest |= {**where, "complete": False}
        part = listing.part(manifest["skip_until"], manifest["stop_at"])
    except BaseException:
        lock.release()
        raise
    return Plan(stamp, chosen, manifest, part, _alone(listing.pairs, part), lock, chosen.out / path.name)


def _earlier_rows(path: Path, manifest: Mapping[str, Any]) -> Iterable[PairResult]:
    """The rows of the CSV of a run that may be believed."""
    if path.name.endswith(".partial.csv"):
        return results.partial_rows(path)
    return results.read_as_written(path, manifest.get("csv_digest"))


def _chosen(asked: Request) -> Settings:
    """The settings of this process with the named folders in place of its own."""
    known = settings.recorded()
    if not asked.names_folders:
        return known or settings.init()
    if known is None:
        return settings.prepare(first=asked.first, second=asked.second, out=asked.out)
    folders = ((asked.first, known.first), (asked.second, known.second), (asked.out, known.out))
    first, second, out = (own if folder is None else folder for folder, own in folders)
    return settings.prepare(known.root, first, second, out, **known.options)


def _begun(path: Path) -> tuple[str, dict[str, Any]]:
    """Stamp and manifest of the run of a results file."""
    stamp = runfiles.stamp_of(path)
    if stamp is None or path.suffix != ".csv":
        raise SettingsError(
            f"{path} is no results file of a run: resume takes results-....csv or .partial.csv."
        )
    manifest = runfiles.read_manifest(runfiles.manifest_path(path.parent, stamp))
    recorded = all(isinstance(manifest.get(name), kinds) for name, kinds in _RECORDED.items())
    if not recorded or not {"root", "first", "second", "out"}.isdisjoint(manifest["options"]):
        told = f"{runfiles.manifest_path(path.parent, stamp)} does not say how run {stamp} was begun"
        raise ResultsError(f"{told}: it cannot be resumed. Begin a new run.")
    if manifest["pictures"] not in PICTURES:
        raise ResultsError(
            f"The manifest of run {stamp} says pictures={manifest['pictures']!r}: begin a new run."
        )
    return stamp, manifest | {"stamp": stamp}


def _refuse_another(path: Path, manifest: dict[str, Any], asked: Request) -> None:
    """Raise SettingsError where a run is asked to go on elsewhere, or otherwise than it was begun."""
    if asked.out is not None and local_path(asked.out, "out") != path.parent:
        raise SettingsError(f"{path} goes on in its own folder: resume it without naming out.")
    for name, default in {"skip_until": 0, "stop_at": -1, "pictures": "changed"}.items():
        if getattr(asked, name) not in (default, manifest[name]):
            raise SettingsError(
                f"{path} was begun with {name}={manifest[name]!r}: resume it without naming {name}."
            )


def _named_again(manifest: dict[str, Any], asked: Request) -> Settings | None:
    """The settings that a resumed run must agree with: what was named, or what the process has chosen."""
    if not asked.names_folders:
        return settings.recorded()
    folders = {"first": asked.first, "second": asked.second, "out": asked.out}
    named = [manifest.get(role) if folder is None else folder for role, folder in folders.items()]
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


def _check_no_link(drawings: Path) -> None:
    """Raise SettingsError where the drawings of a run would be written through a link, and others removed."""
    folders = (Path(above, name) for above, names, _ in os.walk(drawings) for name in names)
    for folder in (drawings, *folders):
        if folder.is_symlink():
            raise SettingsError(
                f"{shown(folder)} is a link: drawings would be written and removed wherever it leads. Put a "
                "folder in its place, or begin a new run."
            )


def _stems(listing: Listing) -> dict[str, str]:
    """The stems that are not the name itself."""
    stems = drawings.stems(pair.name for pair in listing.pairs)
    return {name: stem for name, stem in stems.items() if name != stem}


def _alone(listed: Sequence[Pair], part: Sequence[Pair]) -> list[Pair]:
    """Pairs outside of the part of which one file is there."""
    names = {pair.name for pair in part}
    others = (pair for pair in listed if pair.name not in names and pair.problem is None)
    return [pair for pair in others if None in (pair.first, pair.second)]


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


def counted(reasons: Mapping[str, str]) -> dict[str, int]:
    """How many pairs there are of each reason."""
    return dict(Counter(reasons.values()))


def _named(reasons: Mapping[str, str], total: int) -> dict[str, list[str]]:
    """Names by reason, but for a reason that all pairs have, as in a first run: there may be very many."""
    named: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        named.setdefault(reason, []).append(name)
    return {reason: names for reason, names in named.items() if len(names) < total}
