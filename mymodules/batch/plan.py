"""What a run has to do: its files, its pairs, and the rows that a resumed run keeps.

`new_plan` and `resumed_plan` make a `Plan` from a `Request`, or refuse it if nothing can be compared.
"""

import contextlib
import functools
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import pairs, remote, results, settings, versions
from mymodules.batch import pool, rulebooks, warm
from mymodules.batch.contents import content
from mymodules.batch.progress import Stopped
from mymodules.batch.renames import mentions_others
from mymodules.batch.request import PICTURES, Request
from mymodules.comparison import drawing_files
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.locks import Lock
from mymodules.metrics import Metric
from mymodules.pairs import Listing, Pair, Pairs, Selection, Waiting
from mymodules.paths import AnyPath, local_path, shown
from mymodules.results import exchange, runfiles
from mymodules.row import ALGORITHM, STATUSES, PairResult, span
from mymodules.rules import Rules
from mymodules.settings import Settings
from mymodules.workers import Job

if TYPE_CHECKING:
    from mymodules.batch.reuse import Reuse

# These codes describe the earlier run more than the file, so a resumed run compares such pairs again.
_TRANSIENT = {"vanished", "permission", "worker_died", "changed_during_run", "internal"}
# A run can be resumed only if its manifest has these keys.
_RECORDED: dict[str, type] = {"root": str, "first": str, "second": str, "options": dict, "versions": dict}
_KEPT = {
    "pictures": str,
    "skip_until": int,
    "stop_at": int,
    "check_pixels": bool,
    "moves": bool,
    "renames": bool,
}


@dataclass
class Plan:
    """Describe one run: what was asked for, its files and its pairs.

    Attributes
    ----------
    stamp : str
        The run's time stamp, which is in the names of all its files.
    settings : Settings
        Folders and options.
    request : Request
        What was asked for. In a resumed run, the options in its manifest are those of its start.
    manifest : dict
        What the run's manifest says.
    pairs : Pairs
        The pairs of this run.
    others : list of Pair
        Pairs that are not part of this run, and have a file on one side only.
    lock : Lock
        Keeps other processes from writing to this run.
    earlier : Path or None
        The CSV from which a resumed run continues.
    reused : int
        Rows taken from the store so far.
    reasons : dict of str to str
        Why each of the other pairs is compared, by name.
    """

    stamp: str
    settings: Settings
    request: Request
    manifest: dict[str, Any]
    pairs: Pairs
    others: list[Pair]
    lock: Lock
    earlier: Path | None = None
    reused: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    _drawn: set[str] = field(default_factory=set)  # paths of drawings whose rows are kept

    @property
    def csv_path(self) -> Path:
        return runfiles.finished_path(self.settings.out, self.stamp)

    @property
    def partial_path(self) -> Path:
        return runfiles.partial_path(self.settings.out, self.stamp)

    @property
    def changes_path(self) -> Path:
        return runfiles.changes_path(self.settings.out, self.stamp)

    @property
    def pictures_dir(self) -> Path:
        return runfiles.pictures_path(self.settings.out, self.stamp)

    @property
    def drawings_dir(self) -> Path | None:
        """The folder to draw into; None if this run draws nothing."""
        return self.pictures_dir if self.request.draws_any else None

    def job(self, pair: Pair) -> Job:
        """Return what a worker needs to compare a pair."""
        folder, draws_same, most, at_once, check_pixels, metric, moves = self._how
        path = self.drawing_path(pair.name)
        rules = self.rules.of(pair.name) if self.rules.rules else ()
        return Job(pair, folder, path, draws_same, most, at_once, check_pixels, metric, moves, rules)

    @functools.cached_property
    def _how(self) -> "tuple[Path | None, bool, int, bool, bool, Metric | None, bool]":
        """What all jobs have in common: their items without the pair and the path of its drawings."""
        request, at_once = self.request, 2 * len(self.pairs) <= self.request.processes
        draws_same, most, folder = request.draws("same"), self.settings.max_pixels, self.drawings_dir
        return folder, draws_same, most, at_once, request.check_pixels, request.metric, request.moves

    @property
    def rules(self) -> Rules:
        """What is tolerated."""
        assert isinstance(self.request.rules, Rules)
        return self.request.rules

    @property
    def drawing_paths(self) -> dict[str, str]:
        """The `drawing_path` of each name from which it differs; most names need no entry."""
        paths: dict[str, str] = self.manifest["stems"]
        return paths

    def drawing_path(self, name: str) -> str:
        """Return where the drawings of a pair are: their path below `pictures_dir`, without the endings."""
        return self.drawing_paths.get(name, name)

    def stopped(self, done: int | None) -> Stopped:
        """Return what to raise after an interrupt.

        Parameters
        ----------
        done : int or None
            Finished rows; None if the rows of the earlier CSV were still being checked.
        """
        if done is None and self.earlier is not None:
            message, csv = "Stopped before the first picture was compared; all rows are kept.", self.earlier
        else:
            message = f"Stopped after {done or 0} of {len(self.pairs)} pictures; their rows are kept."
            csv = self.partial_path
        return Stopped(message, csv, self._resume_call(csv))

    def _resume_call(self, csv: Path) -> str:
        """Return the call that continues this run; it works in this process and in a new one."""
        now, then = settings.recorded(), self.settings
        folders = "".join(f"{str(path)!r}, " for path in then.compared)
        named = "" if now is None or now.compared == then.compared else folders
        return f"batch.run({named}resume={str(csv)!r})"

    def kept(self) -> Iterator[tuple[Pair, PairResult]]:
        """Yield pairs with their rows from the earlier CSV, if those still match the files."""
        if self.earlier is None:
            return
        waiting = Waiting(self.pairs)
        lists = results.read_changes(self.changes_path, self.manifest.get("changes_digest"))
        for row in _earlier_rows(self.earlier, self.manifest):
            if self.request.cancelled():
                raise KeyboardInterrupt
            if row.changes and not row.listed:  # of a finished run
                row = row._replace(listed=lists.pop(row.image_filename, ""))
            if results.number_of(row.listed) != (row.changes or 0):
                continue
            # Renames are found again at the end, from rows that do not mention other files yet.
            pair = None if mentions_others(row) else waiting.named(row.image_filename)
            if pair is not None and _is_current(pair, row) and self.has_drawings(row):
                waiting.take(pair.name)
                if self.request.draws(row.status):
                    self._drawn.add(self.drawing_path(pair.name))
                # Share the pair's own name: otherwise each name would be in memory twice.
                yield pair, row._replace(image_filename=pair.name)

    def begin(self) -> None:
        """Write the manifest and create the folder for drawings."""
        runfiles.write_manifest(runfiles.manifest_path(self.settings.out, self.stamp), self.manifest)
        if self.drawings_dir is not None:
            try:
                self.drawings_dir.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"The folder for drawings, {shown(self.drawings_dir)}, cannot be created "
                    f"({error.strerror or error}): remove any file of this name, make sure that there is "
                    "enough space, and run again.",
                    self.drawings_dir,
                ) from error

    def begin_resumed(self) -> None:
        """Do what `begin` does, and remove the drawings of all pairs but those whose rows are kept."""
        self.begin()
        drawing_files.remove_others(self.pictures_dir, self._drawn)

    def has_drawings(self, row: PairResult) -> bool:
        """Return whether all drawings that belong to a row exist: a full disk may have prevented them."""
        if not self.request.draws(row.status) or span(row) > self.settings.max_pixels:
            return True
        path = self.drawing_path(row.image_filename)
        return all(os.path.exists(self.pictures_dir / (path + ending)) for ending in drawing_files.ENDINGS)  # noqa: PTH110 - Path may raise

    def as_sent(self) -> tuple[dict[str, int], int] | None:
        """Return how many rows of each status, and tolerated ones, a run has that stays as it is.

        That is a finished one that others may have. None for any other run.

        Raises
        ------
        SettingsError
            If files have changed since, or failed in a way that may have passed.
        """
        if not (self.csv_path.exists() and exchange.was_sent(self.settings.out, self.stamp, begun=True)):
            return None
        waiting, counts, tolerated = Waiting(self.pairs), Counter(dict.fromkeys(STATUSES, 0)), 0
        problems = {pair.name: pair.problem[0] for pair in self.pairs if pair.problem is not None}
        for row in _earlier_rows(self.csv_path, self.manifest):
            if problems.get(row.image_filename) != row.code:
                pair = waiting.named(row.image_filename)
                if pair is None or not _is_unchanged(pair, row):
                    break
                waiting.take(pair.name)
            counts[row.status] += 1
            tolerated += row.verdict == "tolerated"
        if counts.total() == len(self.pairs):
            return dict(counts), tolerated
        raise SettingsError(
            f"Run {self.stamp} was sent to {remote.out_url(self.settings.out)}, or a part of it, and files "
            "have changed since, or could not be compared: begin a new run."
        )

    @property
    def may_reuse(self) -> bool:
        """Whether there may be a row that need not be made."""
        return self.earlier is not None or warm.may_reuse(self.settings.out, self.request.store)

    def memory(self) -> "Reuse | None":
        """Return what this run can take from its store; None without a store."""
        if self.request.store is None:
            return None
        # Now, and not at the start: the processes start meanwhile.
        from mymodules.batch.reuse import Reuse
        from mymodules.store.found import Place
        from mymodules.store.records import fingerprint

        depends = {name: self.manifest[name] for name in ("options", "versions")}
        depends["algorithm"] = ALGORITHM
        if self.request.metric is not None:
            depends["metric"] = self.request.metric.identity
        if self.request.check_pixels:
            depends["check_pixels"] = True
        if not self.request.moves:
            depends["moves"] = False
        conditions = fingerprint(depends, self.request.metrics)
        return Reuse(
            self.request,
            self.settings.out / self.request.store,
            place=Place(str(self.settings.first), str(self.settings.second), conditions, ALGORITHM),
            drawings_dir=self.drawings_dir,
            drawing_path=self.drawing_path,
            max_pixels=self.settings.max_pixels,
            rules=self.rules,
        )

    def finish(self, counts: dict[str, int], seconds: float, digests: Mapping[str, str]) -> None:
        """Write into the manifest how the run ended, and the digests of its CSV and of its changes."""
        self.manifest |= {"complete": True, "counts": counts, "seconds": round(seconds, 3)}
        self.manifest |= digests
        self.manifest |= {"reused": self.reused, "recomputed": counted(self.reasons)}
        self.manifest["reasons"] = _names_by_reason(self.reasons, len(self.pairs))
        runfiles.write_manifest(runfiles.manifest_path(self.settings.out, self.stamp), self.manifest)


def new_plan(request: Request) -> Plan:
    """Return the plan of a new run, and write its manifest."""
    chosen = _chosen(request)
    exchange.reach(chosen.out)
    chosen.fetch(run=True)
    _check(chosen, request)
    asked = request.rules is not None
    request = replace(request, rules=rulebooks.of_project(chosen, request))
    if warm.may_reuse(chosen.out, request.store):  # perhaps no process is needed
        return _planned(chosen, request, asked=asked)
    with pool.ahead(1 if chosen.files else warm.AHEAD, request):
        return _planned(chosen, request, asked=asked)


def _planned(chosen: Settings, request: Request, *, asked: bool) -> Plan:
    """List the folders, and write the manifest of a new run.

    Parameters
    ----------
    chosen : Settings
    request : Request
    asked : bool
        Whether the caller has named the rules.
    """
    selection = replace(request.selection, files=chosen.files)
    listing = _listed(chosen, selection, strict=request.strict)
    if request.cancelled():
        raise KeyboardInterrupt("Stopped before the first picture was compared; nothing was written.")
    part = listing.part(request.skip_until, request.stop_at)
    stamp = runfiles.new_stamp(chosen.out)
    manifest = {
        **_conditions(chosen),
        "stamp": stamp,
        "out": str(chosen.out),
        "pictures_dir": str(runfiles.pictures_path(chosen.out, stamp)),
        "pictures": request.pictures,
        "check_pixels": request.check_pixels,
        "moves": request.moves,
        "renames": request.renames,
        "skip_until": request.skip_until,
        "stop_at": request.stop_at,
        "pairs": len(listing.pairs),
        "left_out": {"hidden": listing.hidden, "other": listing.other, "links": listing.links},
        "stems": _drawing_paths(listing, request),
        "complete": False,
    }
    if request.metric is not None:
        manifest["metric"] = request.metric.identity
    manifest |= rulebooks.recorded(chosen, request, asked=asked)
    if listing.named:
        manifest["left_out_names"] = {kind: [*names] for kind, names in listing.named.items()}
    if selection:
        manifest["selection"] = selection.entry()
        manifest["left_out"]["unselected"] = listing.unselected
    try:
        lock = runfiles.lock(chosen.out, stamp)
        plan = Plan(stamp, chosen, request, manifest, part, _one_sided_others(listing, request), lock)
        try:
            plan.begin()
        except BaseException:
            lock.release()
            raise
    except BaseException:  # this run has written nothing but its manifest
        with contextlib.suppress(OSError):
            runfiles.manifest_path(chosen.out, stamp).unlink(missing_ok=True)
        raise
    return plan


def resumed_plan(path: Path, request: Request) -> Plan:
    """Return the plan of a run that continues from its CSV."""
    stamp, manifest = _read_start(path)
    if runfiles.is_brought(manifest):
        raise ResultsError(f"Run {stamp} was made on another computer, with pictures there: begin a new run.")
    exchange.reach(path.parent)
    chosen = _original_settings(manifest, path.parent, _current_settings(manifest, request))
    _refuse_other_options(path, manifest, request)
    chosen.fetch(run=True)
    _check(chosen, request)
    rules = rulebooks.of_resumed(path, manifest, request)
    if request.first is not None and request.second is not None:
        settings.note_chosen(chosen)
    _refuse_links(runfiles.pictures_path(chosen.out, stamp))
    lock = runfiles.lock(chosen.out, stamp)
    try:
        if lock.killed is not None:
            pool.await_orphans(lock.killed)
        _, manifest = _read_start(path)  # the process that had the lock may have finished the run
        finished = runfiles.finished_path(chosen.out, stamp)
        if not os.path.lexists(path) and finished.is_file():
            raise ResultsError(f"{shown(path)} is gone: the run is complete, see {shown(finished)}.")
        listing = _listed(chosen, _selection(manifest), strict=request.strict)
        where = {"out": str(chosen.out), "pictures_dir": str(runfiles.pictures_path(chosen.out, stamp))}
        manifest |= {**where, "complete": False}
        request = replace(request, **{name: manifest[name] for name in _KEPT}, rules=rules)
        manifest["stems"] = _drawing_paths(listing, request)
        part = listing.part(request.skip_until, request.stop_at)
    except BaseException:
        lock.release()
        raise
    others = _one_sided_others(listing, request)
    return Plan(stamp, chosen, request, manifest, part, others, lock, chosen.out / path.name)


def _earlier_rows(path: Path, manifest: Mapping[str, Any]) -> Iterable[PairResult]:
    """Return the rows in a run's CSV that can be trusted."""
    if path.name.endswith(".partial.csv"):
        return results.partial_rows(path)
    return results.read_as_written(path, manifest.get("csv_digest"))


def _chosen(request: Request) -> Settings:
    """Return the settings of this process, with the named folders instead of its own."""
    known = settings.recorded()
    if not request.names_folders:
        return known or settings.init()
    if known is None:
        return settings.prepare(first=request.first, second=request.second, out=request.out)
    named, own = (request.first, request.second, request.out), (*known.compared, known.out)
    first, second, out = (ours if path is None else path for path, ours in zip(named, own, strict=True))
    return settings.prepare(known.root, first, second, out, **known.options)


def _read_start(path: Path) -> tuple[str, dict[str, Any]]:
    """Return stamp and manifest of the run to which a results file belongs."""
    stamp = runfiles.stamp_of(path)
    if stamp is None or path.suffix != ".csv":
        raise SettingsError(
            f"{path} is not a results file of a run: resume takes results-....csv or .partial.csv."
        )
    manifest = runfiles.read_manifest(runfiles.manifest_path(path.parent, stamp))
    # Runs that began before there were these options lack them.
    manifest = {"check_pixels": False, "moves": False, "renames": True} | manifest
    recorded = all(isinstance(manifest.get(name), kinds) for name, kinds in (_RECORDED | _KEPT).items())
    if not recorded or not {"root", "first", "second", "out"}.isdisjoint(manifest["options"]):
        message = f"{runfiles.manifest_path(path.parent, stamp)} does not say how run {stamp} was begun"
        raise ResultsError(f"{message}: it cannot be resumed. Begin a new run.")
    if manifest["pictures"] not in PICTURES:
        raise ResultsError(
            f"The manifest of run {stamp} says pictures={manifest['pictures']!r}, which is not an option: "
            "begin a new run."
        )
    return stamp, manifest | {"stamp": stamp}


def _out(given: AnyPath) -> Path:
    return remote.place(given, Path(), out=True) if remote.is_remote(given) else local_path(given, "out")


def _refuse_other_options(path: Path, manifest: dict[str, Any], request: Request) -> None:
    """Raise SettingsError if the folder or the options are not those with which the run was begun."""
    if request.out is not None and _out(request.out) != path.parent:
        raise SettingsError(f"{path} is resumed in its own folder: leave out the argument out.")
    defaults = {"skip_until": 0, "stop_at": -1, "pictures": "changed"}
    defaults |= {"check_pixels": False, "moves": True, "renames": True}
    for name, default in defaults.items():
        if getattr(request, name) not in (default, manifest[name]):
            raise SettingsError(
                f"{path} was begun with {name}={manifest[name]!r}: leave out {name} to resume it."
            )
    begun, now = manifest.get("metric"), request.metric and request.metric.identity
    if begun != now:
        raise SettingsError(f"{shown(path)} was begun with {_metric(begun)}: resume it with that.")
    if request.selection and request.selection != replace(_selection(manifest), files=None):
        raise SettingsError(
            f"{path} was begun with other files: leave out include, exclude and match to resume it."
        )


def _metric(identity: object) -> str:
    """Return what to call the metric of a run; somebody else may have written its manifest."""
    if not isinstance(identity, list) or len(identity) != 2:
        return "no metric"
    name, version = (shown(str(part)) for part in identity)
    return f"metric={name} in version {version}"


def _current_settings(manifest: dict[str, Any], request: Request) -> Settings | None:
    """Return the settings that a resumed run is compared with: the named folders, or those of the process."""
    if not request.names_folders:
        return settings.recorded()
    folders = {"first": request.first, "second": request.second, "out": request.out}
    named = [manifest.get(role) if folder is None else folder for role, folder in folders.items()]
    return settings.resolve(manifest["root"], *named, **manifest["options"])


def _original_settings(manifest: dict[str, Any], folder: Path, now: Settings | None) -> Settings:
    """Return the settings with which a run was begun.

    Raises
    ------
    SettingsError
        If anything on which its rows depend is different now.
    """
    then = replace(
        settings.resolve(
            manifest["root"], manifest["first"], manifest["second"], folder, **manifest["options"]
        ),
        files=_selection(manifest).files,
    )
    was, conditions = ({**_conditions(each), "files": each.files} for each in (then, now or then))
    differing = sorted(key for key in ("first", "second", "files", "options") if was[key] != conditions[key])
    if manifest["versions"] != conditions["versions"]:
        differing.append("versions")
        was["versions"] = manifest["versions"]
    if differing:
        changes = "; ".join(f"{key} were {was[key]}, are {conditions[key]}" for key in differing)
        raise SettingsError(f"Run {manifest['stamp']} cannot be resumed: {changes}. Begin a new run.")
    return then


def _check(chosen: Settings, request: Request) -> None:
    """Raise SettingsError if these folders cannot be compared, or the store is inside one of them."""
    chosen.check_folders()
    if request.store is not None:
        chosen.check_outside(chosen.out / request.store, "store")


def _selection(manifest: Mapping[str, Any]) -> Selection:
    try:
        return Selection.of(manifest)
    except ValueError as error:
        raise ResultsError(
            f"Run {manifest.get('stamp')} cannot be resumed: {error}. Begin a new run."
        ) from error


def _listed(chosen: Settings, selection: Selection, *, strict: bool) -> Listing:
    """Return the selected pairs; raise SettingsError if there are none, or a folder has no picture.

    If `strict`, also if anything is left out that was not excluded.
    """
    listing = pairs.find(chosen.first, chosen.second, selection)
    roles = {"first": chosen.first, "second": chosen.second}
    if not all(listing.pictures):
        empty = [role for role, found in zip(roles, listing.pictures, strict=True) if not found]
        raise settings.no_picture({role: roles[role] for role in empty})
    if not listing.pairs and listing.unselected:
        raise SettingsError(
            f"include and exclude leave nothing of {listing.unselected:,} pictures: choose other patterns."
        )
    if strict and listing.named:
        count = listing.hidden + listing.other + listing.links
        named = [shown(name) for names in listing.named.values() for name in names][: pairs.NAMED]
        more = f" and {count - len(named):,} more" if count > len(named) else ""
        raise SettingsError(
            f"Not everything in the folders would be compared: {', '.join(named)}{more}. Exclude these "
            "names, convert or remove the files, or do without strict."
        )
    return listing


def _refuse_links(drawings_dir: Path) -> None:
    """Raise SettingsError if writing drawings would follow a link and replace or remove other files."""
    folders = (Path(above, name) for above, names, _ in os.walk(drawings_dir) for name in names)
    for folder in (drawings_dir, *folders):
        if folder.is_symlink():
            raise SettingsError(
                f"{shown(folder)} is a link: drawings would be written and removed where it leads. Replace "
                "it by a folder, or begin a new run."
            )


def _drawing_paths(listing: Listing, request: Request) -> dict[str, str]:
    """Return the drawing paths that differ from the pair's name, by name; none if nothing is drawn."""
    return drawing_files.paths([*listing.pairs.names()]) if request.draws_any else {}


def _one_sided_others(listing: Listing, request: Request) -> list[Pair]:
    """Return the pairs outside of the part that have a file on one side only."""
    left_out = itertools.chain(
        listing.pairs[: request.skip_until], () if request.stop_at == -1 else listing.pairs[request.stop_at :]
    )
    return [pair for pair in left_out if pair.problem is None and None in (pair.first, pair.second)]


def _conditions(chosen: Settings) -> dict[str, Any]:
    """Return everything besides the pictures that rows depend on, and the root for information."""
    return {
        "root": str(chosen.root),
        "first": str(chosen.first),
        "second": str(chosen.second),
        "options": chosen.options,
        "versions": versions.measuring(),
    }


def _is_current(pair: Pair, row: PairResult) -> bool:
    """Return whether a row of an earlier run still matches its files."""
    if row.code in _TRANSIENT:
        return False
    sides = (pair.first, row.first_digest), (pair.second, row.second_digest)
    if any((path is None) != (digest is None) for path, digest in sides):
        return False
    return all(path is None or content(path) == digest for path, digest in sides)


def _is_unchanged(pair: Pair, row: PairResult) -> bool:
    """Return whether a row would come out again; the row of a renamed file is also about another one."""
    sides = (pair.first, row.first_digest), (pair.second, row.second_digest)
    contents = [(content(path), digest) for path, digest in sides if path is not None]
    if any(digest is None for _, digest in contents):  # a file could not be read, and still cannot
        return any(found is digest is None for found, digest in contents)
    return row.code not in _TRANSIENT and all(found == digest for found, digest in contents)


def counted(reasons: Mapping[str, str]) -> dict[str, int]:
    """Return how many pairs there are for each reason."""
    return dict(Counter(reasons.values()))


def _names_by_reason(reasons: Mapping[str, str], total: int) -> dict[str, list[str]]:
    """Return names by reason. A reason that all pairs share is left out, because its list would be long."""
    names_by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names_by_reason.setdefault(reason, []).append(name)
    return {reason: names for reason, names in names_by_reason.items() if len(names) < total}
