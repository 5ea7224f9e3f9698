"""The files of a run: their names, its manifest, and where its pictures are.

A run owns five names in its output folder: ``results-<stamp>.json``, its manifest;
``results-<stamp>.partial.csv``, to which finished rows are appended; ``results-<stamp>.csv``, sorted, which
replaces it in one step; ``changes-<stamp>.csv``, the changes of its rows; and ``03.diff-<stamp>``, its
drawings. While a process writes to them, there is also ``results-<stamp>.lock``. `reserve` finds a stamp that
no other run has.
"""

import contextlib
import json
import math
import operator
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from mymodules import files, remote, settings
from mymodules.errors import ResultsError, SettingsError
from mymodules.locks import Lock
from mymodules.pairs import Selection
from mymodules.paths import AnyPath, local_path, shown

if TYPE_CHECKING:
    import pandas as pd

_TOLD: Final = (
    *("stamp", "complete", "seconds", "reused", "skip_until", "stop_at", "left_out", "options", "versions"),
)
DECISIONS: Final = "triage.csv"
"""The file of the decisions that were made in an output folder."""

DECIDED: Final = ("time", "name", "first_digest", "second_digest", "decision", "note")
"""Its first columns."""

_PICTURES = "03.diff-"
_OTHERS = re.compile(r"triage\.[0-9a-f]{16}\.csv", re.ASCII)
_SHARED = 9  # digits of the last part of a stamp that other computers share
_PARTIAL = ".partial.csv"
_STAMP = r"\d{8}-\d{6}(?:-\d+)?"
_FILE = re.compile(rf"results-(?P<stamp>{_STAMP})(?P<kind>\.csv|\.partial\.csv|\.json)", re.ASCII)


def finished_path(out: Path, stamp: str) -> Path:
    """Return the path of the finished, sorted CSV of a run."""
    return out / f"results-{stamp}.csv"


def partial_path(out: Path, stamp: str) -> Path:
    """Return the path of the CSV to which a run's finished rows are appended."""
    return out / f"results-{stamp}.partial.csv"


def changes_path(out: Path, stamp: str) -> Path:
    """Return the path of the CSV with the changes of a run."""
    return out / f"changes-{stamp}.csv"


def manifest_path(out: Path, stamp: str) -> Path:
    """Return the path of the manifest of a run."""
    return out / f"results-{stamp}.json"


def pictures_path(out: Path, stamp: str) -> Path:
    """Return the path of the folder with a run's drawings."""
    return out / f"{_PICTURES}{stamp}"


def is_pictures_name(name: str) -> bool:
    """Return whether a folder of this name holds the drawings of a run."""
    return name.startswith(_PICTURES)


def lock(out: Path, stamp: str) -> Lock:
    """Get the right to write to the files of a run.

    Raises
    ------
    ResultsError
        If another process or thread has it; the message names it.
    OutputError
        If nothing can be written into `out`.
    """
    return Lock(out / f"results-{stamp}.lock", partial_path(out, stamp))


def stamp_of(path: AnyPath) -> str | None:
    """Return the stamp in the name of a results file; None if a run gives no file this name."""
    match = _FILE.fullmatch(Path(path).name)
    return match["stamp"] if match else None


def is_stamp(value: object) -> bool:
    """Return whether a run may have this stamp; a manifest from somebody else may name anything."""
    return isinstance(value, str) and stamp_of(f"results-{value}.csv") == value


def decisions_of(copy: str) -> str:
    """Return how the file of decisions is called where others read it, given the id of its folder's copy."""
    return f"triage.{copy}.csv"


def is_decisions_of(name: str) -> bool:
    """Return whether a file has such a name."""
    return _OTHERS.fullmatch(name) is not None


def is_brought(manifest: Mapping[str, Any]) -> bool:
    """Return whether a run was made on another computer, and its pictures are there; see `exchange`."""
    return "brought" in manifest


def named(out: Path) -> str:
    """Return an output folder as its user knows it."""
    return remote.out_url(out) or shown(out)


def begun(stamp: object) -> datetime | None:
    """Return when the run of a stamp began, in the time of this computer; None if nobody knows."""
    if not isinstance(stamp, str) or not is_stamp(stamp):
        return None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        found = datetime.strptime(stamp[:15], "%Y%m%d-%H%M%S")
        return (found.replace(tzinfo=UTC) if is_shared(stamp) else found).astimezone()
    return None


def is_shared(stamp: str) -> bool:
    """Return whether a stamp is that of a run in an output folder that computers share."""
    return len(stamp) == 16 + _SHARED


def new_stamp(out: Path) -> str:
    """Reserve the stamp of a run that begins now.

    It is the time of this computer; in an output folder that other computers share it is UTC, with the
    microseconds and three random digits.
    """
    if not remote.is_out(out):
        return reserve(out, datetime.now().strftime("%Y%m%d-%H%M%S"))
    return reserve(out, f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}{int.from_bytes(os.urandom(4)) % 1000:03}")


def reserve(out: Path, stamp: str) -> str:
    """Reserve a stamp that no run in `out` has: this one, or it with ``-2``, ``-3`` and so on.

    An empty manifest reserves it, so that two runs started in the same second get two stamps.

    Raises
    ------
    OutputError
        If nothing can be written into `out`.
    """
    number = 1
    while True:
        candidate = stamp if number == 1 else f"{stamp}-{number}"
        owned = (finished_path, partial_path, changes_path, manifest_path, pictures_path)
        if not any(os.path.lexists(path(out, candidate)) for path in owned):
            try:
                write_manifest(manifest_path(out, candidate), {}, exclusive=True)
            except FileExistsError:
                pass  # another run has it
            else:
                return candidate
        number += 1


def write_manifest(path: Path, manifest: Mapping[str, Any], *, exclusive: bool = False) -> None:
    """Write a manifest as JSON, in one step or not at all.

    Parameters
    ----------
    path : Path
    manifest : mapping
        Types of JSON only; text may hold surrogates, such as the undecodable bytes of a path.
    exclusive : bool
        Raise FileExistsError instead of replacing a file.

    Raises
    ------
    OutputError
        With the path. An earlier file stays unchanged.
    """
    data = (json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode("ascii")
    if not exclusive:
        files.write(path, [data])
        return
    try:
        files.create(path, [data], durable=False)  # it only reserves the name
    except FileExistsError:
        raise
    except OSError as error:
        raise files.not_written(path, error) from error


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises
    ------
    ResultsError
        If it is absent or not a manifest.
    """
    try:
        manifest = json.loads(files.read(path), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{shown(path)} is not a run's manifest: {error}.") from error
    if not isinstance(manifest, dict):
        raise ResultsError(f"{shown(path)} is not a run's manifest: it does not hold a JSON object.")
    return manifest


def manifest_of(csv_path: Path) -> dict[str, Any]:
    """Return the manifest of the run of a results file, empty if there is none.

    Its folders are where they are now: the output folder may have been moved after the run.
    """
    stamp = stamp_of(csv_path)
    path = manifest_path(csv_path.parent, stamp) if stamp else None
    run = read_manifest(path) if path is not None and path.exists() else {}
    out = local_path(csv_path.parent, "out")
    if run.get("out") and run["out"] != str(out):
        run |= {"out": str(out), "pictures_dir": str(pictures_path(out, stamp or ""))}
    return run


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_brief(text)} is not a figure")
    return number


class AnyRun(Protocol):
    """The part of what `batch.run` returns that says where files are."""

    @property
    def csv_path(self) -> Path:
        """The finished CSV."""


class Folders(NamedTuple):
    """Where the files of a run are, the most pixels it decodes, and which files it compares.

    `out` is None if it is unknown. `brought` has the pictures of a run that was made on another computer, see
    `originals`; None for a run of this one.
    """

    first: Path
    second: Path
    out: Path | None
    max_pixels: int
    selection: Selection = Selection()
    brought: Path | None = None


def check_table(frame: object, *columns: str) -> None:
    """Raise `SettingsError` unless this is a table of rows with these columns."""
    found = getattr(frame, "columns", None)
    if found is None:
        raise SettingsError(
            f"This is not a table of rows but of type {type(frame).__name__}: pass results.load(path), or "
            "frame() of what batch.run() returned."
        )
    absent = [name for name in columns if name not in found]
    if absent:
        raise SettingsError(
            f"The table has no column {' and '.join(absent)}: pass one that results.load() returned."
        )


def told(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what files for other programs say of a manifest: nothing about the folders of this computer."""
    return {key: manifest[key] for key in _TOLD if manifest.get(key) is not None}


def record(frame: "pd.DataFrame", run: AnyRun | Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Return the manifest of a table's run, empty if it is not known.

    Parameters and errors are those of `folders`.
    """
    if run is not None and not isinstance(run, Mapping):
        run = read_manifest(manifest_path(run.csv_path.parent, stamp_of(run.csv_path) or ""))
    known = (frame.attrs.get("run") or {}) if run is None else run
    if not isinstance(known, Mapping):
        raise SettingsError(f"The run of this table is {_brief(known)}: pass what batch.run() returned.")
    return known


def folders(
    frame: "pd.DataFrame",
    run: AnyRun | Mapping[str, Any] | None = None,
    needed: Sequence[str] = ("first", "second"),
) -> Folders:
    """Return where the files of a table's run are.

    Parameters
    ----------
    frame : DataFrame
    run : Run or mapping, optional
        What `batch.run` returned or a manifest; by default ``frame.attrs["run"]``.
    needed : sequence of str
        Which of ``first``, ``second`` and ``out`` must be known.

    Raises
    ------
    SettingsError
        If one of them is unknown, or `frame` is not a table.
    ResultsError
        If the manifest of `run` cannot be read.
    """
    check_table(frame)
    known = record(frame, run)
    absent = [role for role in needed if not known.get(role)]
    if absent:
        raise SettingsError(
            f"It is unknown where the pictures are: the run does not name {' and '.join(absent)}. Pass the "
            "table that results.load() returned, or as run= what batch.run() returned or "
            f"{{{', '.join(f'{role!r}: ...' for role in needed)}}}."
        )
    out = known.get("out") if run is None or isinstance(run, Mapping) else run.csv_path.parent
    # Absolute, because the working directory may change later.
    first, second = (local_path(known[role], role) for role in ("first", "second"))
    for folder in (first, second):
        remote.note_use(folder)
    limit = _limit(known)
    if run is None and not settings.is_chosen(first):  # another person's small file may hold a huge picture
        limit = min(limit, (settings.recorded() or settings.resolve()).max_pixels)
    try:
        selection = Selection.of(known)
    except ValueError as error:
        raise SettingsError(
            f"The run's manifest was damaged or written by another program: {error}."
        ) from error
    place = local_path(out, "out") if out else None
    stamp = known.get("stamp")
    has_come = is_brought(known) and place is not None and is_stamp(stamp)
    brought = pictures_path(place, str(stamp)) if has_come and place else None
    return Folders(first, second, place, limit, selection, brought)


def _limit(known: Mapping[str, Any]) -> int:
    """Return the most pixels of a picture that a run decodes."""
    options = known.get("options") or {}
    limit = options.get("max_pixels", settings.MAX_PIXELS) if isinstance(options, Mapping) else None
    try:
        number = 0 if limit is None or isinstance(limit, bool) else operator.index(limit)
    except TypeError:
        number = 0
    if number < 1:
        raise SettingsError(
            f"The run says options={_brief(options)}: max_pixels in it must be a whole number above 0. Its "
            "manifest was damaged or written by another program; begin a new run."
        )
    return number


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]} …"


def newest(out: Path, *, own: bool = False) -> Path:
    """Return the newest finished CSV: the one with the highest stamp, then with the highest suffix.

    If `own`, one that was made on this computer, if there is any.
    """
    try:
        matches = [match for file in out.iterdir() if (match := _FILE.fullmatch(file.name))]
    except OSError as error:
        raise ResultsError(
            f"The output folder {shown(out)} cannot be read ({error.strerror}): run batch.run() first, or "
            "name a results file."
        ) from error
    finished = [match for match in matches if match["kind"] == ".csv"]
    if finished:
        by_age = [out / match[0] for match in sorted(finished, key=_age, reverse=True)]
        made_here = (path for path in by_age if not (own and is_brought(manifest_of(path))))
        return next(made_here, by_age[0])
    partial = [match[0] for match in sorted(matches, key=_age) if match["kind"] == _PARTIAL]
    if not partial:
        raise ResultsError(f"There are no results in {named(out)}: run batch.run() first, or name a file.")
    raise ResultsError(
        f"No run in {named(out)} is finished; unfinished: {', '.join(partial)}. "
        f"Finish the last one with batch.run(resume={str(out / partial[-1])!r})."
    )


def unfinished(out: Path) -> Path | None:
    """Return the partial CSV of the newest run that was stopped before its end; None if there is none."""
    paths = [*out.iterdir()] if out.is_dir() else []
    matches = [match for path in paths if (match := _FILE.fullmatch(path.name)) and match["kind"] == _PARTIAL]
    left = [match for match in matches if not finished_path(out, match["stamp"]).exists()]
    return out / max(left, key=_age)[0] if left else None


def _age(match: re.Match[str]) -> tuple[str, int]:
    return age(match["stamp"])


def age(stamp: str) -> tuple[str, int]:
    """Return what orders stamps by their age."""
    return stamp[:15], int(stamp[16:] or 1)
