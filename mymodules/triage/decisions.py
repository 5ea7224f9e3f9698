r"""What a person has decided about the rows of a run.

`Decisions` is the file ``triage.csv`` of an output folder. It only grows: every decision, every undo and
every redo is appended at once and is on the disk when the call returns, so the file is the history, and
reading it from the top gives what holds now, what can be undone and what can be redone, in any process.
A decision belongs to a name and both digests: a later run with the same ones has it already.

==============================  ===================================================================
``accept, reject, ignore``      the decision about this row from here on
``clear``                       no decision from here on
``undo``                        takes back the step that its note names, if that still holds
``redo``                        does it again; a decision leaves nothing to redo
==============================  ===================================================================

The note of these two is ``accept of TIME``; without one, they are about the newest step. Lines that follow
each other with one time and one of these words are one step. The last three digits of a time are drawn by
lot, so that two processes that decide at once do not have the same. A cell holds no line break (a name has it
as ``\u000a``), so what a kill has torn is one line, which counts if its word is whole; of a step about many
rows, those before that line may hold then. What could not be written is taken back.
"""

import contextlib
import csv
import io
import os
import random
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mymodules import files, pairs, results, settings
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.results import runfiles
from mymodules.settings import AnyPath, shown

if TYPE_CHECKING:
    import pandas as pd

FILE = "triage.csv"
"""The name of the file in an output folder."""

COLUMNS = ("time", "name", "first_digest", "second_digest", "decision", "note")
"""Its columns; new ones are appended last, and readers leave out those they do not know."""

DECISIONS = ("accept", "reject", "ignore")
"""What can be decided; ``clear`` takes a decision away."""

_WORDS = (*DECISIONS, "clear", "undo", "redo")
_lot = random.SystemRandom()  # which forks do not share
_HEADER = results.BOM + results.encode([COLUMNS])


class Row(NamedTuple):
    """What a decision is about: ``image_filename`` and both digests, empty where there is none."""

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


def rows(frame: "pd.DataFrame") -> list[Row]:
    """The rows of a table, as decisions know them."""
    columns = ("image_filename", *COLUMNS[2:4])
    runfiles.check_table(frame, "image_filename")
    count = len(frame)
    if not all(isinstance(name, str) for name in frame["image_filename"]):
        raise SettingsError("The table has a row without a name: take one that results.load() returned.")
    lists = [frame[name].tolist() if name in frame.columns else [None] * count for name in columns]
    return [
        Row(name, *(digest if isinstance(digest, str) else "" for digest in digests))
        for name, *digests in zip(*lists, strict=True)
    ]


class Decisions:
    """The decisions of an output folder, shared with every other process that decides there.

    Parameters
    ----------
    out : path, optional
        The folder that ``triage.csv`` is in, or will be when something is decided; by default that of
        the settings.

    Notes
    -----
    Every method reads first what others have appended. Undo and redo are those of the file: they may
    concern a step of another process, or of last week. Several threads may share one object.
    """

    def __init__(self, out: AnyPath | None = None) -> None:
        folder = settings.current().out if out is None else settings.local_path(out, "out")
        self.path = folder / FILE
        self._lock = threading.RLock()
        self._read = b""
        self._history = _History()
        self._torn = b"", self._history  # what ended in a torn line, and what it says

    def decide(
        self, about: "pd.DataFrame | pd.Series[Any] | Row | Iterable[Row]", decision: str, note: str = ""
    ) -> Step | None:
        """Decide about one row or many, in one step.

        Parameters
        ----------
        about : DataFrame, one row of it, Row or iterable of Row
            All of these rows.
        decision : {"accept", "reject", "ignore", "clear"}
        note : str
            For people; its line breaks become spaces.

        Returns
        -------
        Step or None
            None when there was no row.

        Raises
        ------
        SettingsError
            For another decision, and for what is no row.
        OutputError
            When it cannot be written.
        """
        if decision not in (*DECISIONS, "clear"):
            raise SettingsError(f"decision is {decision!r}: it must be {', '.join(DECISIONS)} or clear.")
        with self._lock:
            return self._append(_as_rows(about), decision, note)

    def undo(self) -> Step | None:
        """Take back the newest step that holds, and return it; None when there is none (any more)."""
        with self._lock:
            step = _newest(self._refreshed().done)
            return self._append(step.rows, "undo", step.described()) if step else None

    def redo(self) -> Step | None:
        """Do again the step taken back last, and return it; None when there is none (any more)."""
        with self._lock:
            step = _newest(self._refreshed().undone)
            return self._append(step.rows, "redo", step.described()) if step else None

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        with self._lock:
            return bool(self._refreshed().done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        with self._lock:
            return bool(self._refreshed().undone)

    def of(self, row: Row) -> tuple[str, str]:
        """The decision about a row and its note, both empty where there is none."""
        with self._lock:
            return self._refreshed().holding.get(_key(row), ("", ""))

    def state(self, frame: "pd.DataFrame") -> "pd.Series[Any]":
        """The decisions about the rows of a table.

        Returns
        -------
        Series
            Of text, named ``decision``, with the frame's index; empty where nothing is decided:
            ``frame["decision"] = decisions.state(frame)``.
        """
        import pandas as pd  # it is loaded: there is a frame

        found = [word for word, _ in self.each(frame)]
        return pd.Series(found, index=frame.index, name="decision", dtype="str")

    def each(self, frame: "pd.DataFrame") -> list[tuple[str, str]]:
        """The decision about each row of a table and its note, both empty where there is none."""
        keys = [_key(row) for row in rows(frame)]
        with self._lock:
            holding = self._refreshed().holding
            return [holding.get(key, ("", "")) for key in keys]

    def _refreshed(self) -> "_History":
        """The history as it is on the disk now."""
        try:
            data = files.contents(self.path)
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise ResultsError(f"{shown(self.path)} cannot be read: {error.strerror or error}.") from error
        if not data.startswith(self._read):  # somebody has edited it
            self._read, self._history = b"", _History()
        if not self._read and not _is_ours(data):
            raise ResultsError(
                f"{shown(self.path)} is not understood: it does not begin with {','.join(COLUMNS)}. Save it "
                "as CSV UTF-8 with commas, or move it away; until then nothing can be decided."
            )
        whole = data.rfind(b"\n") + 1
        for line in data[len(self._read) : whole].split(b"\n"):
            self._history.add(line)
        self._read = data[:whole]
        if whole == len(data):
            return self._history
        # A torn line, or one that is being written: it is read again next time.
        if self._torn[0] != data:
            self._torn = data, _History()
            for line in data.split(b"\n"):
                self._torn[1].add(line)
        return self._torn[1]

    def _append(self, about: Iterable[Row], word: str, note: str) -> Step | None:
        about = [*dict.fromkeys(about)]
        if not about:
            return None
        note = re.sub(r"[\0\r\n]+", " ", note)[: pairs.MESSAGE_LIMIT]
        history = self._refreshed()
        while (time := _moment()) == history.last[0]:
            pass  # the clock stood, and the lot fell as before
        cells = [[results.guard(_to_cell(text)) for text in row] for row in about]
        longest = max(len(cell) for each in cells for cell in each)
        if longest > csv.field_size_limit():
            raise SettingsError(
                f"A name or digest of {longest:,} characters is longer than any that a file has: take the "
                "table that results.load() returned."
            )
        lines = results.encode([time, *each, word, results.guard(note)] for each in cells)
        if self.path.is_symlink():
            raise OutputError(
                f"{shown(self.path)} cannot be written: it is a link, which may lead anywhere. Put the file "
                "itself in its place.",
                self.path,
            )
        try:
            # Unbuffered and in one piece: no line of another process comes in between.
            with open(self.path, "a+b", buffering=0, opener=_no_link) as file:
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
                    _take_back(file, size, lines)
                    raise
        except OSError as error:
            raise files.not_written(self.path, error) from error
        if size == 0:
            sync_folder(self.path.parent)
        step = self._refreshed().did.get((time, word))
        return step.frozen() if step else None


# --- the history -------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Step:
    time: str
    decision: str
    note: str
    rows: list[Row] = field(default_factory=list)

    def described(self) -> str:
        return f"{self.decision} of {self.time}"

    def frozen(self) -> Step:
        return Step(self.time, self.decision, self.note, tuple(self.rows))


class _History:
    """What the lines say, one after the other."""

    def __init__(self) -> None:
        # In order; as keys, so that a step of thousands is found and taken out at once.
        self.done: dict[_Step, None] = {}
        self.undone: dict[_Step, None] = {}
        self._holding: dict[Row, tuple[str, str]] | None = {}  # None: to be worked out
        self.last = ("", "")
        self.did: dict[tuple[str, str], _Step] = {}  # what each time and word was about

    def add(self, line: bytes) -> None:
        """Take one line into account; what is no record (a header, a torn one) says nothing."""
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
            self.done[self._step] = None
            self.undone.clear()
            self.did[self.last] = self._step
        self._step.rows.append(row)
        if self._holding is not None:
            _hold(self._holding, row, self._step)

    @property
    def holding(self) -> dict[Row, tuple[str, str]]:
        """Decision and note of the rows that have one."""
        if self._holding is None:
            self._holding = {}
            for step in self.done:
                for row in step.rows:
                    _hold(self._holding, row, step)
        return self._holding

    def _move(self, word: str, note: str) -> None:
        source, target = (self.done, self.undone) if word == "undo" else (self.undone, self.done)
        decision, _, time = note.partition(" of ")
        step = self.did.get((time, decision)) or _newest(source)
        if step is None or step not in source:  # another process has decided, or moved it, in between
            return
        if step is _newest(source):
            source.popitem()  # which leaves no gap at the end, to be passed each time
        else:
            del source[step]
        target[step] = None
        self.did[self.last] = step
        self._holding = None


def _newest(steps: dict[_Step, None]) -> _Step | None:
    return next(reversed(steps), None)


def _hold(holding: dict[Row, tuple[str, str]], row: Row, step: _Step) -> None:
    if step.decision == "clear":
        holding.pop(row, None)
    else:
        holding[row] = step.decision, step.note


def _is_ours(data: bytes) -> bool:
    """Whether a file begins with the header, which a kill may have torn."""
    first = data.split(b"\n", 1)[0].rstrip(b"\r")
    cells = _cells(first.decode("utf-8-sig", "replace"))
    return _HEADER.startswith(first) or tuple(cells[: len(COLUMNS)]) == COLUMNS


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _no_link(name: str, flags: int) -> int:
    """Open a file as `open` does, but not what a link leads to."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _moment() -> str:
    """This moment as it is written: ISO 8601, with nine digits below the second."""
    now = datetime.now().astimezone().isoformat(timespec="microseconds")
    return f"{now[:26]}{_lot.randrange(1000):03}{now[26:]}"


def _take_back(file: io.FileIO, size: int, lines: bytes) -> None:
    """Cut what was written of some lines, unless somebody else has appended since."""
    with contextlib.suppress(OSError):
        file.seek(size)
        if lines.startswith(file.readall()):
            file.truncate(size)


def _as_rows(about: "pd.DataFrame | pd.Series[Any] | Row | Iterable[Row]") -> list[Row]:
    if isinstance(about, Row):
        return [about]
    import pandas as pd

    if isinstance(about, pd.Series):
        about = about.to_frame().T
    if isinstance(about, pd.DataFrame):
        return rows(about)
    listed = list(about) if isinstance(about, Iterable) else [about]
    for each in listed:
        if not isinstance(each, Row):
            raise SettingsError(
                f"Decisions are about rows, and this is of type {type(each).__name__}: hand over some rows "
                "of a table that results.load() returned."
            )
    return listed


def _key(row: Row) -> Row:
    return Row(*map(_from_cell, row))


def _to_cell(name: str) -> str:
    """A name without line breaks, in the escapes that `pairs.from_text` knows."""
    if not re.search(r"[\0\r\n]", name):
        return name
    text = re.sub(r"\\", r"\\\\", pairs.from_text(name))
    text = re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)
    return re.sub("[\0\r\n\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _from_cell(cell: str) -> str:
    return pairs.to_text(pairs.from_text(cell))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
