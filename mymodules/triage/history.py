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

Cells contain no line breaks (in a name they are written as ``\u000a``), so a process that is killed while it
writes leaves at most one truncated line, the last one. That line counts if its word is complete. If the step
was about many rows, only those written by then are in force. If writing fails with an error, the part of the
step that was written is removed again.
"""

import contextlib
import csv
import io
import os
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from mymodules import files, pairs, results
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import shown

FILE = "triage.csv"
"""The name of the file in an output folder."""

COLUMNS = ("time", "name", "first_digest", "second_digest", "decision", "note")
"""Its columns; new ones are appended last, and readers skip those they do not know."""

LABELS = {"accept": "accepted", "reject": "rejected", "ignore": "ignored"}
"""What a row is after each decision, as the labels of tables and pages."""

DECISIONS = tuple(LABELS)
"""What can be decided; ``clear`` takes a decision away."""

_WORDS = (*DECISIONS, "clear", "undo", "redo")
_random = random.SystemRandom()  # forked processes do not share its state
_HEADER = results.BOM + results.encode([COLUMNS])


class Row(NamedTuple):
    """What a decision is about: ``image_filename`` and both digests, an empty text for an absent file."""

    name: str
    first_digest: str
    second_digest: str


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

    def frozen(self) -> Step:
        return Step(self.time, self.decision, self.note, tuple(self.rows))


class History:
    """The state of all decisions, from the lines of the file, which are added one after the other.

    Attributes
    ----------
    last : tuple of (str, str)
        Time and word of the latest line.
    """

    def __init__(self) -> None:
        # Ordered sets, as dicts: finding and removing a step takes no longer with thousands of steps.
        self._done: dict[_Step, None] = {}
        self._undone: dict[_Step, None] = {}
        self._in_force: dict[Row, tuple[str, str]] | None = {}  # None: has to be computed again
        self._steps: dict[tuple[str, str], _Step] = {}  # what each time and word was about
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

    def step(self, time: str, word: str) -> Step | None:
        """Return the step that the lines of this time and word were about."""
        step = self._steps.get((time, word))
        return step.frozen() if step else None

    def times(self) -> dict[tuple[Row, str, str], str]:
        """Return when each row was last given each word and note, also if that is undone by now."""
        return {
            (row, step.decision, step.note): step.time
            for step in dict.fromkeys(self._steps.values())
            for row in step.rows
        }

    def add(self, line: bytes) -> None:
        """Add one line; a line that is not a record (the header, a truncated line) is skipped."""
        text = line.decode("utf-8", "backslashreplace").strip("\r\ufeff")
        cells = _cells(text)
        if len(cells) < len(COLUMNS) or cells[4] not in _WORDS:
            return
        time, name, first, second, word, note = cells[: len(COLUMNS)]
        row = Row(*(_from_cell(results.unguard(cell)) for cell in (name, first, second)))
        begins = (time, word) != self.last
        self.last = time, word
        if word in ("undo", "redo"):
            if begins:
                self._move(word, note)
            return
        if begins:
            self._step = _Step(time, word, results.unguard(note))
            self._done[self._step] = None
            self._undone.clear()
            self._steps[self.last] = self._step
        self._step.rows.append(row)
        if self._in_force is not None:
            _apply(self._in_force, row, self._step)

    def _move(self, word: str, note: str) -> None:
        source, target = (self._done, self._undone) if word == "undo" else (self._undone, self._done)
        decision, _, time = note.partition(" of ")
        step = self._steps.get((time, decision)) or _newest(source)
        if step is None or step not in source:  # another process was faster: it has decided or moved it
            return
        if step is _newest(source):
            source.popitem()  # unlike del, this leaves no gap at the end to skip each time
        else:
            del source[step]
        target[step] = None
        self._steps[self.last] = step
        self._in_force = None


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
        if complete == len(data):
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
        lines, references, time = [], [], self.read().last[0]
        for about, word, note in given:
            time = _other_than(time)
            note = re.sub(r"[\0\r\n]+", " ", note)[: pairs.MESSAGE_LIMIT]
            cells = [[results.guard(_to_cell(text)) for text in row] for row in about]
            longest = max(len(cell) for each in cells for cell in each)
            if longest > csv.field_size_limit():
                raise SettingsError(
                    f"A name or digest of {longest:,} characters is longer than any that a file has: use the "
                    "table that results.load() returned."
                )
            lines += [[time, *each, word, results.guard(note)] for each in cells]
            references.append((time, word))
        self._write(results.encode(lines))
        history = self.read()
        return [step for reference in references if (step := history.step(*reference))]

    def _write(self, lines: bytes) -> None:
        if self.path.is_symlink():
            raise OutputError(
                f"{shown(self.path)} cannot be written: it is a link, which may lead anywhere. Put the file "
                "itself there instead.",
                self.path,
            )
        try:
            # Unbuffered and in one piece, so that no line of another process comes in between.
            with open(self.path, "a+b", buffering=0, opener=_open_no_link) as file:
                size = file.seek(0, os.SEEK_END)
                if size == 0:
                    lines = _HEADER + lines
                else:
                    file.seek(size - 1)
                    if file.read(1) != b"\n":
                        lines = b"\r\n" + lines
                try:
                    files.write_all(file, lines)
                    os.fsync(file.fileno())
                except OSError:
                    _remove(file, size, lines)
                    raise
        except OSError as error:
            raise files.not_written(self.path, error) from error
        if size == 0:
            files.sync_folder(self.path.parent)


def key(row: Row) -> Row:
    """Return a row as it is read back from the file."""
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


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _open_no_link(name: str, flags: int) -> int:
    """Open a file as `open` does, but do not follow a link."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _now() -> str:
    """Return the time as it is written: ISO 8601, with nine digits below the second, three of them random."""
    now = datetime.now().astimezone().isoformat(timespec="microseconds")
    return f"{now[:26]}{_random.randrange(1000):03}{now[26:]}"


def _other_than(time: str) -> str:
    """Return the time now, waiting while the clock has not moved and the random digits are the same."""
    while (now := _now()) == time:
        pass
    return now


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
