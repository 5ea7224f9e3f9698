r"""The file of decisions: its lines, and the steps that they make up.

``triage.csv`` only grows. Every decision, every undo and every redo is appended at once and is on the disk
when `HistoryFile.append` returns. Reading the file from the top therefore gives the decisions in force and
what can be undone and redone, in any process.

==============================  ===================================================================
``accept, reject, ignore``      the decision about this row from here on
``clear``                       no decision from here on
``undo``                        takes back the step that its note names, if that is still in force
``redo``                        puts it in force again; after a new decision nothing can be redone
==============================  ===================================================================

The note of an undo or redo is ``accept of TIME``; without a note, the newest step is meant. Consecutive lines
with the same time and the same word are one step. The last three digits of a time are random, so that two
processes that decide at the same moment do not write the same time.

Files of other computers, ``triage.ID.csv``, may lie beside it (see `exchange`); they are only read, and mean
what they mean to their owners. Of what holds in each file about a row, the newest decision holds, or at the
same time the one of the higher ID. A decision that is made in view of another one goes before it, however far
ahead the clock of the other was: then the line has the other's time in one more column, ``after``, and stands
in this order right behind it. So clocks matter only between those who did not know of each other. A time
without an offset is UTC; what is before 1970 or after 9998 is no time, and the oldest.

Undo and redo are about the steps of one file. An undo takes back one step of this computer and nothing else:
then the newest of the others holds, as if the step had never been, also one that was decided in view of it. A
redo counts as a new decision. A step that two files have is one step, undone if it is undone in one of them.
A file that cannot be read is left out, and named.

Cells contain no line breaks (in a name they are written as ``\u000a``), so a process that is killed while it
writes leaves at most one truncated line, the last one. That line counts if its word is complete. If the step
was about many rows, only those written by then are in force. If writing fails with an error, the part of the
step that was written is removed again.

A file gets one more column, ``change``, with the first decision about a change. Then the file is replaced in
one step by one all of whose lines have the column, while nobody else appends; so it is with ``after``. A line
with a signature there is about that change of the row; if its name and digests are empty, about that change
wherever it stands. In such a file a truncated line does not count, because it might have been about a change
only.
"""

import contextlib
import csv
import errno
import io
import os
import random
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import Final, NamedTuple

from mymodules import files, pairs, remote, results, streams
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import shown
from mymodules.results import runfiles

FILE = runfiles.DECISIONS
"""The name of the file in an output folder."""

COLUMNS = runfiles.DECIDED
"""Its columns; new ones are appended last, and readers skip those they do not know."""

CHANGE = "change"
"""A further column of a file that holds decisions about changes."""

AFTER = "after"
"""A further column of a file with decisions that go before later ones of other computers."""

LABELS = {"accept": "accepted", "reject": "rejected", "ignore": "ignored"}
"""What a row is after each decision, as the labels of tables and pages."""

DECISIONS = tuple(LABELS)
"""What can be decided; ``clear`` takes a decision away."""

SIGNATURE = re.compile("(?:[0-9a-f]{24})?", re.ASCII)
"""The signature of a change, or nothing."""

if sys.platform != "win32":
    import fcntl

_PATIENCE: Final = 10.0  # s; to append takes a few ms
_LONGEST: Final = 4096  # bytes of a first line
_VOID: Final = b"cut\r\n"  # ends a truncated line so that it cannot be read as a whole one
_MOMENT: Final = 3_000_000_000  # ns; what changes in a folder within it may have one time, of 2 s with FAT
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR: Final = 9998  # of a time; there is always a later one
_WORDS = (*DECISIONS, "clear", "undo", "redo")
_random = random.SystemRandom()  # forked processes do not share its state
_FURTHER: Final = (CHANGE, AFTER)
_HEADER = results.BOM + results.encode([COLUMNS])


Version = tuple[int, int, int]
"""Size, time and number of a file."""

Times = dict[tuple["Row", str, str], str]
"""When each row was last given each word and note, also if that is undone by now."""


class Row(NamedTuple):
    """What a decision is about: a row, a change of it, or a change wherever it stands.

    Attributes
    ----------
    name : str
        ``image_filename``; empty for a change wherever it stands, as are the digests then.
    first_digest, second_digest : str
        An empty text for an absent file.
    change : str
        The signature of a change; empty for the whole row.
    """

    name: str
    first_digest: str
    second_digest: str
    change: str = ""

    @classmethod
    def anywhere(cls, signature: str) -> "Row":
        """Return what a decision about a change is about that holds wherever it stands."""
        return cls("", "", "", signature)


@dataclass(frozen=True)
class Step:
    """What is decided, undone and redone together.

    Attributes
    ----------
    time : str
        ISO 8601 with the offset from UTC.
    decision : str
        One of `DECISIONS`, or ``clear``.
    note : str
    rows : tuple of Row
    """

    time: str
    decision: str
    note: str
    rows: tuple[Row, ...]

    @property
    def reference(self) -> str:
        """What the note of an undo or redo calls this step."""
        return f"{self.decision} of {self.time}"


@dataclass(eq=False)
class _Step:
    """A step whose lines are still being read."""

    time: str
    decision: str
    note: str
    rows: list[Row] = field(default_factory=list)
    at: int = 0  # its time, in µs
    since: tuple[int, int] = (0, 0)  # of the line that has moved it last: its place in order, and its time

    def frozen(self) -> Step:
        return Step(self.time, self.decision, self.note, tuple(self.rows))


class History:
    """The state of all decisions, from the lines of the file, which are added one after the other.

    Attributes
    ----------
    last : tuple of (str, str)
        Time and word of the latest line.
    change_at : int or None
        The place of the column `CHANGE`; None while the file does not have it.
    """

    def __init__(self) -> None:
        # Ordered sets, as dicts: finding and removing a step takes no longer with thousands of steps.
        self._done: dict[_Step, None] = {}
        self._undone: dict[_Step, None] = {}
        self._in_force: dict[Row, tuple[str, str]] | None = {}  # None: has to be computed again
        self._latest: dict[Row, _Step] | None = None  # likewise, and until somebody asks
        self._highest: dict[Row, int] | None = None  # likewise
        self._gone: dict[tuple[str, str], tuple[int, int]] | None = None  # likewise
        self._touched: list[Row] | None = None  # None until somebody asks
        self._steps: dict[tuple[str, str], _Step] = {}  # what each time and word was about
        self._after_at: int | None = None  # the place of the column `AFTER`
        self.change_at: int | None = None
        self.last = ("", "")

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self._undone)

    @property
    def done(self) -> Step | None:
        """The newest step in force, the next one to undo."""
        step = _newest(self._done)
        return step.frozen() if step else None

    @property
    def undone(self) -> Step | None:
        """The step that was undone last, the next one to redo."""
        step = _newest(self._undone)
        return step.frozen() if step else None

    @property
    def in_force(self) -> dict[Row, tuple[str, str]]:
        """Decision and note of every row that has a decision; see `key`."""
        if self._in_force is None:
            self._in_force = {}
            for step in self._done:
                for row in step.rows:
                    _apply(self._in_force, row, step)
        return self._in_force

    def latest(self) -> dict[Row, "_Step"]:
        """Return the newest step in force about each row, also one that leaves no decision."""
        if self._latest is None:
            self._latest = {row: step for step in self._done for row in step.rows}
        return self._latest

    def touched(self) -> list[Row]:
        """Return the rows about which something was decided since this was asked last."""
        found, self._touched = self._touched, []
        return found or []

    def newest(self, about: Iterable[Row]) -> int:
        """Return the latest place in order of all steps in force about these rows, in µs; 0 if there is none.

        That may be one that another step covers, as the other step may be undone.
        """
        if self._highest is None:
            self._highest = {}
            for step in self._done:
                for row in step.rows:
                    self._highest[row] = max(self._highest.get(row, 0), step.since[0])
        return max((self._highest.get(row, 0) for row in about), default=0)

    def gone(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return since when each step is undone that is, by time and word."""
        if self._gone is None:
            self._gone = {
                (step.time, step.decision): step.since
                for step in self._steps.values()
                if step not in self._done
            }
        return self._gone

    def has(self, time: str, word: str) -> bool:
        """Return whether there are lines of this time and word."""
        return (time, word) in self._steps or (time, word) == self.last

    def step(self, time: str, word: str) -> Step | None:
        """Return the step that the lines of this time and word were about."""
        step = self._steps.get((time, word))
        return step.frozen() if step else None

    def times(self) -> Times:
        """Return when each row was last given each word and note."""
        return {about: step.time for about, step in self.timed().items()}

    def timed(self) -> dict[tuple[Row, str, str], "_Step"]:
        """Return the last step that gave each row each word and note."""
        return {
            (row, step.decision, step.note): step
            for step in dict.fromkeys(self._steps.values())
            for row in step.rows
        }

    def add(self, line: bytes) -> None:
        """Add one line; a line that is not a record (the header, a truncated line) is skipped."""
        text = line.decode("utf-8", "backslashreplace").strip("\r\ufeff")
        cells = _cells(text, strict=self.change_at is not None)
        if tuple(cells[: len(COLUMNS)]) == COLUMNS:
            self.change_at, self._after_at = _place(cells, CHANGE), _place(cells, AFTER)
            return
        change = "" if self.change_at is None else _nth(cells, self.change_at)
        if not _is_record(cells) or change is None:
            return
        time, name, first, second, word, note = cells[: len(COLUMNS)]
        row = key(Row(results.unguard(name), results.unguard(first), results.unguard(second), change))
        begins = (time, word) != self.last
        self.last = time, word
        if begins:
            now = _moment(time)
            after = "" if self._after_at is None or len(cells) <= self._after_at else cells[self._after_at]
            since = (max(now, _moment(after) + 1), now) if after else (now, now)
        if word in ("undo", "redo"):
            if begins:
                self._move(word, note, since)
            return
        if begins:
            self._step = _Step(time, word, results.unguard(note), at=now, since=since)
            self._done[self._step] = None
            self._undone.clear()
            self._steps[self.last] = self._step
        self._step.rows.append(row)
        self._highest = None
        if self._in_force is not None:
            _apply(self._in_force, row, self._step)
        if self._latest is not None:
            self._latest[row] = self._step
        if self._touched is not None:
            self._touched.append(row)

    def _move(self, word: str, note: str, since: tuple[int, int]) -> None:
        source, target = (self._done, self._undone) if word == "undo" else (self._undone, self._done)
        decision, _, time = note.partition(" of ")
        step = self._steps.get((time, decision)) or _newest(source)
        if step is None or step not in source:  # another process was faster: it has decided or moved it
            return
        if step is _newest(source):
            source.popitem()  # unlike del, this leaves no gap at the end to skip each time
        else:
            del source[step]
        target[step], step.since = None, since
        self._steps[self.last] = step
        self._in_force = self._latest = self._highest = self._gone = None
        if self._touched is not None:
            self._touched += step.rows


class Merged:
    """What holds by the files of several computers, in their order.

    Attributes
    ----------
    in_force : dict of Row to (str, str)
        As that of `History`.
    """

    def __init__(self, histories: Iterable[History]) -> None:
        self._histories = [*histories]
        self.in_force: dict[Row, tuple[str, str]] = {}
        self.update(row for history in self._histories for row in history.latest())

    def update(self, about: Iterable[Row]) -> None:
        """Look again at what holds for these rows: of many, a click concerns few."""
        # A computer that has got a new ID has its earlier steps in two files, and takes them back in one.
        gone: dict[tuple[str, str], tuple[int, int]] = {}
        for each in self._histories:
            for undone, since in each.gone().items():
                gone[undone] = max(gone.get(undone, since), since)
        for row in about:
            latest = (each.latest().get(row) for each in self._histories)
            found = [(step, gone.get((step.time, step.decision))) for step in latest if step is not None]
            steps = [step for step, until in found if until is None or step.since > until]
            # Of the same time, the last one holds.
            newest = max(reversed(steps), key=lambda step: step.since, default=None)
            if newest is None or newest.decision == "clear":
                self.in_force.pop(row, None)
            else:
                self.in_force[row] = newest.decision, newest.note

    def times(self) -> Times:
        """Return when each row was last given each word and note."""
        known: dict[tuple[Row, str, str], _Step] = {}
        for history in self._histories:
            for about, step in history.timed().items():
                if about not in known or known[about].at <= step.at:
                    known[about] = step
        return {about: step.time for about, step in known.items()}


def _moment(time: str) -> int:
    """Return a time in µs since the epoch; 0 for none."""
    try:
        at = datetime.fromisoformat(time)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return 0
    is_time = _EPOCH.year <= at.year <= _LAST_YEAR
    return (at - _EPOCH) // timedelta(microseconds=1) if is_time else 0


class HistoryFile:
    """Read the file of decisions and append to it. Not safe for threads.

    Parameters
    ----------
    path : Path
        The file, which is created with the first step. Its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = b""  # all complete lines that `_history` has
        self._history = History()
        self._truncated = b"", self._history  # data with a truncated last line, and their history
        self._listed: tuple[int, list[str]] = -1, []  # files of others, and their folder's time before that
        self._others: dict[str, tuple[Version | None, History]] = {}
        self._left_out: dict[str, Version | None] = {}  # those that could not be read
        self._merged: tuple[object, Merged] = (), Merged(())

    def versions(self) -> dict[str, Version]:
        """Return what tells whether a file has changed, of this one and of those beside it, by name."""
        found = {name: _version(self.path.with_name(name)) for name in (FILE, *self._names())}
        return {name: version for name, version in found.items() if version is not None}

    def _names(self) -> list[str]:
        """Return the files of others; they come by being renamed, which changes their folder's time."""
        folder = self.path.parent
        try:
            time = folder.stat().st_mtime_ns
            if time != self._listed[0]:
                names = [each.name for each in folder.iterdir() if runfiles.is_decisions_of(each.name)]
                is_settled = time_ns() - time > _MOMENT  # or another one may still come with this time
                self._listed = time if is_settled else -1, names
        except OSError:
            self._listed = -1, []
        return self._listed[1]

    def holding(self) -> History | Merged:
        """Return what holds now, also by the files of other computers; raise what `read` raises."""
        own, others = self.read(), self._of_others()
        if not others:
            return own
        seen, touched = (own, [*others.values()]), own.touched()
        if self._merged[0] == seen:
            self._merged[1].update(touched)
        else:
            # Own decisions stand where others have them.
            named = [*others.items(), (runfiles.decisions_of(remote.own_id(self.path.parent)), own)]
            self._merged = seen, Merged(each for _, each in sorted(named, key=lambda pair: pair[0]))
        return self._merged[1]

    def times_apart(self) -> tuple[Times, Times]:
        """Return what `History.times` returns of the steps of this computer, and of those of others."""
        return self.read().times(), Merged(self._of_others().values()).times()

    def _of_others(self) -> dict[str, History]:
        """Return the histories of other computers' files, by name."""
        known, self._others = self._others, {}
        for name in self._names():
            version = _version(self.path.with_name(name))
            if name in known and known[name][0] == version:
                self._others[name] = known[name]
            elif (history := self._other(name, version)) is not None:
                self._others[name] = version, history
        return {name: history for name, (_, history) in self._others.items()}

    def _other(self, name: str, version: Version | None) -> History | None:
        """Return the history of another computer's file; None, and say so once, if it cannot be read."""
        path = self.path.with_name(name)
        try:
            data = files.contents(path)
            if b"\n" not in data or not _is_ours(data):
                raise OSError(errno.EINVAL, "it is not a file of decisions")
        except OSError as error:
            if self._left_out.get(name, ()) != version:
                reason = error.strerror or error
                streams.say(f"The decisions in {shown(path)} are left out: {reason}.", error=True)
            self._left_out[name] = version
            return None
        history = History()
        for line in data[: data.rfind(b"\n") + 1].split(b"\n"):
            history.add(line)
        return history

    def read(self) -> History:
        """Return the history as it is on the disk now.

        Raises
        ------
        ResultsError
            If it cannot be read, or is not a file of decisions.
        """
        try:
            data = files.contents(self.path)
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise ResultsError(f"{shown(self.path)} cannot be read: {error.strerror or error}.") from error
        if not data.startswith(self._read):  # somebody has edited it
            self._read, self._history = b"", History()
        if not self._read and not _is_ours(data):
            raise ResultsError(
                f"{shown(self.path)} is not understood: it does not begin with {','.join(COLUMNS)}. Save it "
                "as CSV UTF-8 with commas, or move it away; until then nothing can be decided."
            )
        complete = data.rfind(b"\n") + 1
        for line in data[len(self._read) : complete].split(b"\n"):
            self._history.add(line)
        self._read = data[:complete]
        if complete == len(data) or self._history.change_at is not None:
            return self._history
        # The last line is truncated, or is being written at this moment: the next call reads it again.
        if self._truncated[0] != data:
            self._truncated = data, History()
            for line in data.split(b"\n"):
                self._truncated[1].add(line)
        return self._truncated[1]

    def append(self, about: Iterable[Row], word: str, note: str) -> Step | None:
        """Append one step and return it; None if there is no row, or the step changed nothing.

        Errors are those of `append_all`.
        """
        steps = self.append_all([(about, word, note)])
        return steps[0] if steps else None

    def append_all(self, steps: Iterable[tuple[Iterable[Row], str, str]]) -> list[Step]:
        """Append steps, each of rows, word and note, all or none; return those that changed something.

        Raises
        ------
        SettingsError
            If a name or digest is too long to be read back.
        OutputError
            If the steps cannot be written; the part of them that was written is removed again.
        """
        given = [([*dict.fromkeys(about)], word, note) for about, word, note in steps]
        given = [step for step in given if step[0]]
        if not given:
            return []
        lines: list[list[str]] = []
        references: dict[tuple[str, str], None] = {}
        own, others = self.read(), [*self._of_others().values()]
        for about, word, note in given:
            while own.has(time := _written(), word) or (time, word) in references:
                pass  # the random digits of another step
            meant = [*map(key, about)] if others else []
            seen = max((history.newest(meant) for history in others), default=0)
            after = _text(seen) if seen >= _moment(time) else ""
            note = re.sub(r"[\0\r\n]+", " ", note)[: pairs.MESSAGE_LIMIT]
            cells = [[*(results.guard(_to_cell(text)) for text in row[:3]), row.change] for row in about]
            longest = max(len(cell) for each in cells for cell in each)
            if longest > csv.field_size_limit():
                raise SettingsError(
                    f"A name or digest of {longest:,} characters is longer than any that a file has: use the "
                    "table that results.load() returned."
                )
            wrong = next((row.change for row in about if not SIGNATURE.fullmatch(row.change)), None)
            if wrong is not None:
                raise SettingsError(
                    f"{wrong[:50]!r} is not the signature of a change: use one of results.load_changes()."
                )
            lines += [[time, *each, word, results.guard(note), change, after] for *each, change in cells]
            references[time, word] = None
        try:
            while not self._write(lines):
                pass  # another process has replaced the file meanwhile
        except OSError as error:
            raise files.not_written(self.path, error) from error
        history = self.read()
        return [step for reference in references if (step := history.step(*reference))]

    def _write(self, lines: list[list[str]]) -> bool:
        """Append lines, which end with cells for `_FURTHER`; return False if somebody replaced the file."""
        if self.path.is_symlink():
            raise OutputError(
                f"{shown(self.path)} cannot be written: it is a link, which may lead anywhere. Put the file "
                "itself there instead.",
                self.path,
            )
        needed = [name for at, name in enumerate(_FURTHER, len(COLUMNS)) if any(line[at] for line in lines)]
        # Unbuffered and in one piece, so that no line of another process comes in between.
        with open(self.path, "a+b", buffering=0, opener=_open_no_link) as file:
            if not _is_locked(file, self.path, alone=False):
                return False
            size = file.seek(0, os.SEEK_END)
            if size == 0:  # the header is written once
                if not _is_locked(file, self.path, alone=True):
                    return False
                size = file.seek(0, os.SEEK_END)
            file.seek(0)
            header = _header(file.read(_LONGEST)) if size else [*COLUMNS, *needed]
            missing = [name for name in needed if _place(header, name) is None]
            if missing:
                if not _is_locked(file, self.path, alone=True):
                    return False
                return self._widen(file, [*header, *missing], lines)
            data = results.encode(_filled(lines, header))
            if size == 0:
                data = results.BOM + results.encode([header]) + data
            else:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    data = (b"\r\n" if _place(header, CHANGE) is None else _VOID) + data
            try:
                files.write_all(file, data)
                if size == 0:
                    _is_locked(file, self.path, alone=False)  # the header is there
                os.fsync(file.fileno())
            except OSError:
                _remove(file, size, data)
                raise
        if size == 0:
            files.sync_folder(self.path.parent)
        return True

    def _widen(self, file: io.FileIO, header: list[str], lines: list[list[str]]) -> bool:
        """Replace the file by one with these columns, the last ones new, to which lines are appended."""
        file.seek(0)
        data = _widened(file.readall(), header) + results.encode(_filled(lines, header))
        if sys.platform == "win32":  # an open file cannot be replaced there
            file.close()
        files.replace(self.path, [data])
        return True


def _filled(lines: list[list[str]], header: list[str]) -> list[list[str]]:
    """Return lines with the cells for `_FURTHER` at their places, or without those that have none."""
    width = len(COLUMNS)
    further = [dict(zip(_FURTHER, line[width:], strict=True)) for line in lines]
    return [
        [*line[:width], *(cells.get(name, "") for name in header[width:])]
        for line, cells in zip(lines, further, strict=True)
    ]


def _header(data: bytes) -> list[str]:
    """Return the cells of the first line, as they would be if it were not truncated."""
    cells = _cells(data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r"))
    return cells if tuple(cells[: len(COLUMNS)]) == COLUMNS else [*COLUMNS]


def _is_locked(file: io.FileIO, path: Path, alone: bool) -> bool:
    """Lock a file that is open, alone or with others who append; return whether it still has its name.

    Where locks are not supported, nobody waits for anybody.
    """
    if sys.platform == "win32":  # there, a file that somebody has open is not replaced
        return True
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if monotonic() > deadline:
                raise
            sleep(0.01)
        except OSError:
            break
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def key(row: Row) -> Row:
    """Return a row as it is read back from the file."""
    text = "".join(row)
    if text.isascii() and "\\" not in text:  # no cell has an escape, or needs one
        return row
    return Row(*map(_from_cell, row))


def _newest(steps: dict[_Step, None]) -> _Step | None:
    return next(reversed(steps), None)


def _apply(in_force: dict[Row, tuple[str, str]], row: Row, step: _Step) -> None:
    if step.decision == "clear":
        in_force.pop(row, None)
    else:
        in_force[row] = step.decision, step.note


def _is_ours(data: bytes) -> bool:
    """Return whether a file begins with the header, or is the beginning of a truncated header."""
    first = data.split(b"\n", 1)[0].rstrip(b"\r")
    cells = _cells(first.decode("utf-8-sig", "replace"))
    return _HEADER.startswith(first) or tuple(cells[: len(COLUMNS)]) == COLUMNS


def _is_record(cells: list[str]) -> bool:
    return len(cells) >= len(COLUMNS) and cells[4] in _WORDS


def _place(header: list[str], name: str) -> int | None:
    """Return the place of a further column; others may stand before it, from an editor."""
    return header.index(name, len(COLUMNS)) if name in header[len(COLUMNS) :] else None


def _nth(cells: list[str], place: int) -> str | None:
    """Return the signature of a line, or an empty text; None if the line is truncated."""
    return cells[place] if len(cells) > place and SIGNATURE.fullmatch(cells[place]) else None


def _widened(data: bytes, header: list[str]) -> bytes:
    """Return the lines of a file with these columns, of which the last ones are new, and empty."""
    known = _header(data)
    found, before, change_at = [header], len(known), _place(known, CHANGE)
    if change_at is not None and not data.endswith(b"\n"):
        data += _VOID
    for line in data.split(b"\n")[1:]:
        cells = _cells(line.decode("utf-8", "backslashreplace").strip("\r\ufeff"))[:before]
        if _is_record(cells):  # one that was truncated before its change stays short, and does not count
            is_short = change_at is not None and len(cells) <= change_at
            found.append(cells if is_short else [*cells, *[""] * (len(header) - len(cells))])
    return results.BOM + results.encode(found)


def _cells(line: str, *, strict: bool = False) -> list[str]:
    try:
        return next(csv.reader([line], strict=strict), [])
    except csv.Error:
        return []


def _open_no_link(name: str, flags: int) -> int:
    """Open a file as `open` does, but do not follow a link."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _written() -> str:
    """Return the time as it is written: ISO 8601, with nine digits below the second, three of them random."""
    text = datetime.now().astimezone().isoformat(timespec="microseconds")
    return f"{text[:26]}{_random.randrange(1000):03}{text[26:]}"


def _text(moment: int) -> str:
    """Return a `_moment` as a text, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="microseconds")


def _version(path: Path) -> Version | None:
    """Return what tells whether a file has changed; None if it is absent."""
    with contextlib.suppress(OSError):
        state = path.stat()
        return state.st_size, state.st_mtime_ns, state.st_ino
    return None


def _remove(file: io.FileIO, size: int, lines: bytes) -> None:
    """Cut off the written part of these lines, unless somebody else has appended since."""
    with contextlib.suppress(OSError):
        file.seek(size)
        if lines.startswith(file.readall()):
            file.truncate(size)


def _to_cell(name: str) -> str:
    """Return a name without line breaks, in the escapes that `pairs.from_text` knows."""
    if not re.search(r"[\0\r\n]", name):
        return name
    text = re.sub(r"\\", r"\\\\", pairs.from_text(name))
    text = re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)
    return re.sub("[\0\r\n\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _from_cell(cell: str) -> str:
    return pairs.to_text(pairs.from_text(cell))
