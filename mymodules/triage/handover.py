r"""Decisions that a report hands over as a file, and what becomes of them here.

The file is JSON, in UTF-8, with these keys and no others:

===================  ==============================================================================
``format``           ``mymodules decisions``
``version``          2
``run``              the stamp of the report's run; empty if it is not known
``decisions``        a list with an entry for each row, or change, that was decided in the report
===================  ==============================================================================

Each entry has these keys and no others, all of them texts:

===================  ==============================================================================
``name``             ``image_filename``; empty for a change wherever it stands, as are the digests then
``first_digest``     32 hexadecimal digits; empty for an absent file
``second_digest``    the same
``change``           the signature of a change, 24 hexadecimal digits; empty for the whole row
``decision``         ``accept``, ``reject``, ``ignore``, or ``clear`` for no decision
``note``             for people
``time``             when it was decided: ISO 8601 with the offset from UTC
``decision_before``  what the report showed as decided before; empty for no decision
``note_before``      the note on that
===================  ==============================================================================

Version 1 has no ``change``.

Anybody may have written the file, so nothing in it is believed: a file of another form is refused whole, and
an entry counts only if the table has its row with the same digests, and the run its change, and nobody has
decided it meanwhile.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mymodules import files, results
from mymodules.errors import ResultsError, SettingsError
from mymodules.pairs import MESSAGE_LIMIT
from mymodules.paths import AnyPath, is_folder, local_path, shown
from mymodules.results import runfiles
from mymodules.triage.decisions import APPROVED, Decisions, rows
from mymodules.triage.history import Times
from mymodules.triage.lines import DECISIONS, LABELS, SIGNATURE, Row, key

if TYPE_CHECKING:
    import pandas as pd

SIZE_LIMIT: Final = 64 << 20
"""The most bytes of a file of decisions: enough for a million rows."""

_FORMAT = "mymodules decisions"
_TOP = ("format", "version", "run", "decisions")
_ENTRY = (
    *("name", "first_digest", "second_digest", "decision", "note", "time"),
    *("decision_before", "note_before"),
)
_KEYS_OF = {1: _ENTRY, 2: (*_ENTRY, "change")}
"""The keys of an entry, by version."""

_LIMITS = {"name": 32_000, "note": MESSAGE_LIMIT, "time": 40}  # characters; names as in a cell of the results
_DIGEST = re.compile(r"(?:[0-9a-f]{32})?", re.ASCII)
_LINE_BREAK = re.compile("[\0\r\n]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECIDED = {**LABELS, "": "undecided", "clear": "undecided"}


@dataclass(frozen=True)
class Merge:
    """What `merge` has done.

    Attributes
    ----------
    merged : tuple of str
        Names of the rows whose decision was taken from the file. A change is named by its signature,
        ``change 0f0e...``, after the name of its row if it was decided for this row only.
    unchanged : tuple of str
        Names of what was decided like this already, or is closed since.
    refused : dict of str to str
        The reason for each decision that was refused, by name.
    accepted : tuple of str
        Names of what the file accepts, merged or unchanged.
    """

    merged: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: dict[str, str]
    accepted: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.merged)
        lines = [f"{count:,} {'decision' if count == 1 else 'decisions'} taken."]
        if self.unchanged:
            lines[0] += f" {len(self.unchanged):,} had been taken before."
        if self.refused:
            lines.append(f"{len(self.refused):,} refused:")
        return "\n".join(
            [*lines, *(f"  {shown(name)}: {shown(reason)}" for name, reason in self.refused.items())]
        )


@dataclass(frozen=True)
class _Entry:
    """One decision of the file."""

    row: Row
    decision: str
    note: str
    time: datetime
    before: tuple[str, str]

    @property
    def name(self) -> str:
        """What messages call that which is decided."""
        return " ".join(filter(None, (self.row.name, self.row.change and f"change {self.row.change}")))

    @property
    def after(self) -> tuple[str, str]:
        """Decision and note as `Decisions.of` returns them."""
        return ("", "") if self.decision == "clear" else (self.decision, self.note)


def merge(
    frame: "pd.DataFrame", path: AnyPath, run: runfiles.AnyRun | Mapping[str, Any] | None = None
) -> Merge:
    """Take the decisions that a report has handed over as a file into ``triage.csv``.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or a part of it: a decision about any other row is refused.
    path : path
        The file, ``decisions-<stamp>.json``.
    run : Run or mapping, optional
        What `batch.run` returned or a manifest; by default ``frame.attrs["run"]``.

    Returns
    -------
    Merge
        A decision is refused, with the reason, if the table does not have its row, if the row's pictures are
        no longer those of the report, if the run does not have its change, if ``triage.csv`` has another
        decision about it than the report showed, or if it had this one after its time and it was undone or
        cleared since, or if it is about a change that was approved and nobody knows whether before, because a
        clock was ahead. Refused decisions stay in the file; merging it again changes nothing.

    Raises
    ------
    SettingsError
        If `frame` is not a table of rows, or its run does not name an output folder that exists.
    ResultsError
        If the file cannot be read, or is not one of decisions; the message names the entry. Nothing is taken.
        If it has decisions about changes, and the run's list of changes cannot be read.
    OutputError
        If the decisions cannot be written. None is taken.

    Notes
    -----
    All decisions of one word with the same note are one step, the latest ones last, so ``undo`` takes back
    the latest first. All steps are written at once.
    """
    entries, stamp = _read(local_path(path, "The file of decisions", "file"))
    begun = runfiles.begun(stamp)
    out = runfiles.folders(frame, run, needed=("first", "second", "out")).out
    assert out is not None
    if not is_folder(out):
        raise SettingsError(f"There is no output folder {shown(out)} for decisions: pass run=.")
    desk = Decisions(out)
    known = _Known(frame, out, runfiles.record(frame, run))
    refused: dict[str, str] = {}
    unchanged: list[str] = []
    merged: list[str] = []
    steps: dict[tuple[str, str], list[Row]] = {}
    entries.sort(key=lambda entry: entry.time)
    times, closed = desk.times(), desk.closed()
    for entry, now in zip(entries, desk.each([entry.row for entry in entries]), strict=True):
        past, is_closed = _past(entry, now, closed, times, begun)
        if reason := known.lacks(entry.row) or _conflict(entry, now) or past:
            refused[entry.name] = reason
        elif now == entry.after or is_closed:
            unchanged.append(entry.name)
        else:
            after = entry.decision, entry.note
            steps[after] = steps.pop(after, [])  # moved to the end: its place is that of its latest decision
            steps[after].append(entry.row)
            merged.append(entry.name)
    desk.decide_each((about, *after) for after, about in steps.items())
    accepted = [entry.name for entry in entries if entry.decision == "accept"]
    return Merge(
        tuple(sorted(merged)),
        tuple(sorted(unchanged)),
        dict(sorted(refused.items())),
        tuple(sorted({*accepted} - {*refused})),
    )


class _Known:
    """The rows of a table, and the changes of its run; these are read when an entry is about one."""

    def __init__(self, frame: "pd.DataFrame", out: Path, run: Mapping[str, Any]) -> None:
        self._rows: dict[str, set[Row]] = {}
        for row in rows(frame):
            self._rows.setdefault(row.name, set()).add(row)
        stamp = run.get("stamp")
        self._path = runfiles.finished_path(out, str(stamp)) if runfiles.is_stamp(stamp) else None
        self._changes: set[tuple[str, str]] | None = None

    def lacks(self, row: Row) -> str:
        """Return why a decision about this cannot be taken; empty if it can."""
        reason = _stale(row._replace(change=""), self._rows.get(row.name, set())) if row.name else ""
        if reason or not row.change:
            return reason
        if self._changes is None:
            self._changes = self._read()
        if not self._changes:
            return "The run of this table has no list of changes: use that of the report's run."
        if (row.name, row.change) in self._changes:
            return ""
        return "The table has no such change: use that of the report's run."

    def _read(self) -> set[tuple[str, str]]:
        """Return the signatures of the table's changes, each with the name of its row and with none."""
        table = None if self._path is None else results.load_changes(self._path)
        if table is None:
            return set()
        columns = table["image_filename"].tolist(), table["signature"].tolist()
        found = {pair for pair in zip(*columns, strict=True) if pair[0] in self._rows}
        return found | {("", signature) for _, signature in found}


def _stale(row: Row, known: set[Row]) -> str:
    """Return why the table does not have this row; empty if it has it."""
    if not known:
        return "The table has no row of this name: use that of the report's run."
    if row in known:
        return ""
    now = min(known)
    sides = {"first": (row.first_digest, now.first_digest), "second": (row.second_digest, now.second_digest)}
    changed = " and ".join(side for side, (one, other) in sides.items() if one != other)
    return (
        f"The decision is about other pictures: since the report's run, {changed} changed. Look at it in a "
        "new report, then decide."
    )


def _conflict(entry: _Entry, now: tuple[str, str]) -> str:
    """Return how the row was decided meanwhile; empty if it was not."""
    if now in (entry.before, entry.after):
        return ""
    return (
        f"It was decided meanwhile: triage.csv has {_said(now)}, the report showed {_said(entry.before)}, "
        f"and the file says {_said(entry.after)}. Decide again in the viewer, or in a new report."
    )


def _past(
    entry: _Entry, now: tuple[str, str], closed: Mapping[str, str], times: Times, begun: datetime | None
) -> tuple[str, bool]:
    """Return why an entry that was taken before is refused, and whether it was, and is closed since.

    It is closed if it accepts a change, with any note, that was approved after that. It is refused if its row
    had this decision after it was made, and has it no longer; or if nobody knows what came first, because a
    clock is ahead of this computer's. Whatever is older than the report's run, `begun`, came first.
    """
    again = "Decide again in the viewer, or in a new report."
    unknown = f"and a clock was ahead: nobody knows whether before. {again}"
    date = closed.get(entry.row.change, "") if entry.decision == "accept" and not entry.row.name else ""
    if date:
        is_since = _is_since(entry, times.get((entry.row, "clear", f"{APPROVED}{date}"), ""), begun)
        if is_since is None:
            return f"It was approved on {date}, {unknown}", False
        if is_since:
            return "", True
    had = (key(entry.row), entry.decision, entry.note)
    is_since = now != entry.after and _is_since(entry, times.get(had, ""), begun)
    if is_since is False:
        return "", False
    if is_since is None:
        return f"It was decided so once, {unknown}", False
    said = f"triage.csv has {_said(now)}, the file says {_said(entry.after)}"
    return f"It was taken before and undone or cleared since: {said}. {again}", False


def _is_since(entry: _Entry, decided: str, begun: datetime | None) -> bool | None:
    """Return whether something was decided after an entry; None if a clock is ahead and nobody knows."""
    try:
        time = _time(decided)
    except ValueError:  # never, or somebody has edited the time
        return False
    now = datetime.now(UTC)
    if time <= now < entry.time and begun is not None and time < begun <= now:
        return False
    return None if max(time, entry.time) > now else time >= entry.time


def _said(decided: tuple[str, str]) -> str:
    word, note = decided
    return f"{_DECIDED[word]}{f' ({note})' if note else ''}"


def _read(path: Path) -> tuple[list[_Entry], str]:
    """Return the entries of a file, and the stamp of its run; raise ResultsError unless it is such a file."""

    def refuse(what: str) -> ResultsError:
        return ResultsError(
            f"{shown(path)} is not a file of decisions: {what}. Download it from the report again."
        )

    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise ResultsError(
            f"{shown(path)} does not exist: name the file that the report downloaded, decisions-STAMP.json."
        ) from error
    except OSError as error:
        raise ResultsError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error
    if not size and path.is_file():
        raise refuse("it is empty")
    if size > SIZE_LIMIT:
        raise refuse(f"it has {size:,} bytes, and {SIZE_LIMIT:,} is the most")
    try:
        found = json.loads(
            files.read(path).decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise refuse(f"it cannot be parsed ({shown(str(error)[:200])})") from error
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise refuse(f"it does not say format: {_FORMAT}")
    if type(found.get("version")) is not int or found["version"] not in _KEYS_OF:
        raise refuse(f"its version is not {' or '.join(map(str, _KEYS_OF))}")
    if problem := _keys(found, _TOP):
        raise refuse(problem)
    if not isinstance(found["run"], str) or not (found["run"] == "" or runfiles.is_stamp(found["run"])):
        raise refuse("its run is not a stamp")
    if not isinstance(found["decisions"], list):
        raise refuse("its decisions are not a list")
    entries: dict[tuple[str, str], _Entry] = {}
    for number, each in enumerate(found["decisions"], 1):
        try:
            entry = _entry(each, _KEYS_OF[found["version"]])
            about = entry.row.name, entry.row.change
            if about in entries:
                raise ValueError(f"an earlier entry has the same {'change' if about[1] else 'name'}")
        except ValueError as error:
            name = each.get("name") if isinstance(each, dict) else None
            named = f" ({shown(name[:200])})" if isinstance(name, str) else ""
            raise refuse(f"entry {number}{named}: {error}") from error
        entries[about] = entry
    return [*entries.values()], found["run"]


def _entry(found: object, keys: tuple[str, ...]) -> _Entry:
    """Return an entry; raise ValueError with what is wrong with it, as a clause."""
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    if problem := _keys(found, keys):
        raise ValueError(problem)
    for name in keys:
        text = found[name]
        if not isinstance(text, str):
            raise ValueError(f"{name} is not a text")
        if len(text) > _LIMITS.get(name, SIZE_LIMIT):
            raise ValueError(f"{name} has {len(text):,} characters, and {_LIMITS[name]:,} is the most")
        if _SURROGATE.search(text) or (name == "note" and _LINE_BREAK.search(text)):
            raise ValueError(f"{name} has a character that no report writes")
    row = _row(found)
    for name, words in (("decision", (*DECISIONS, "clear")), ("decision_before", ("", *DECISIONS))):
        if found[name] not in words:
            known = ", ".join(word or "empty" for word in words)
            raise ValueError(f"{name} is {found[name][:50]!r}: it must be one of {known}")
    if (found["decision"] == "clear" and found["note"]) or (
        not found["decision_before"] and found["note_before"]
    ):
        raise ValueError("it has a note without a decision")
    return _Entry(
        row,
        found["decision"],
        found["note"],
        _time(found["time"]),
        (found["decision_before"], found["note_before"]),
    )


def _row(found: Mapping[str, str]) -> Row:
    """Return what an entry is about; raise ValueError with what is wrong with it."""
    row = Row(found["name"], found["first_digest"], found["second_digest"], found.get("change", ""))
    for side in ("first_digest", "second_digest"):
        if not _DIGEST.fullmatch(found[side]):
            raise ValueError(f"{side} is not a digest of 32 hexadecimal digits")
    if not SIGNATURE.fullmatch(row.change):
        raise ValueError("change is not a signature of 24 hexadecimal digits")
    if not row.name and not row.change:
        raise ValueError("its name is empty")
    if not row.name and row != Row.anywhere(row.change):
        raise ValueError("it has a digest without a name")
    return row


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        if time.utcoffset() is not None:
            return time
    except ValueError:
        pass
    raise ValueError("its time is not ISO 8601 with the offset from UTC")


def _keys(found: Mapping[str, Any], wanted: tuple[str, ...]) -> str:
    """Return which keys are absent or unknown, as a clause; empty if none is."""
    absent = [name for name in wanted if name not in found]
    unknown = [repr(name[:50]) for name in found if name not in wanted]
    if absent:
        return f"it has no {' and no '.join(absent)}"
    return f"it has an unknown key {shown(unknown[0])}" if unknown else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raise ValueError if it has a key twice: readers differ in which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
