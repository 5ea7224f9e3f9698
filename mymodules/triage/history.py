"""The file of decisions as it grows: its lines, and the steps that they make up."""

import contextlib
import csv
import io
import os
import random
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from mymodules import pairs, results

FILE = "triage.csv"
"""The name of the file in an output folder."""

COLUMNS = ("time", "name", "first_digest", "second_digest", "decision", "note")
"""Its columns; new ones are appended last, and readers leave out those they do not know."""

DECISIONS = ("accept", "reject", "ignore")
"""What can be decided; ``clear`` takes a decision away."""

_WORDS = (*DECISIONS, "clear", "undo", "redo")
_lot = random.SystemRandom()  # which forks do not share
HEADER = results.BOM + results.encode([COLUMNS])


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


class History:
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
        row = Row(*(from_cell(results.unguard(cell)) for cell in (name, first, second)))
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
        step = self.did.get((time, decision)) or newest(source)
        if step is None or step not in source:  # another process has decided, or moved it, in between
            return
        if step is newest(source):
            source.popitem()  # which leaves no gap at the end, to be passed each time
        else:
            del source[step]
        target[step] = None
        self.did[self.last] = step
        self._holding = None


def newest(steps: dict[_Step, None]) -> _Step | None:
    return next(reversed(steps), None)


def _hold(holding: dict[Row, tuple[str, str]], row: Row, step: _Step) -> None:
    if step.decision == "clear":
        holding.pop(row, None)
    else:
        holding[row] = step.decision, step.note


def is_ours(data: bytes) -> bool:
    """Whether a file begins with the header, which a kill may have torn."""
    first = data.split(b"\n", 1)[0].rstrip(b"\r")
    cells = _cells(first.decode("utf-8-sig", "replace"))
    return HEADER.startswith(first) or tuple(cells[: len(COLUMNS)]) == COLUMNS


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def no_link(name: str, flags: int) -> int:
    """Open a file as `open` does, but not what a link leads to."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def moment() -> str:
    """This moment as it is written: ISO 8601, with nine digits below the second."""
    now = datetime.now().astimezone().isoformat(timespec="microseconds")
    return f"{now[:26]}{_lot.randrange(1000):03}{now[26:]}"


def take_back(file: io.FileIO, size: int, lines: bytes) -> None:
    """Cut what was written of some lines, unless somebody else has appended since."""
    with contextlib.suppress(OSError):
        file.seek(size)
        if lines.startswith(file.readall()):
            file.truncate(size)


def to_cell(name: str) -> str:
    """A name without line breaks, in the escapes that `pairs.from_text` knows."""
    if not re.search(r"[\0\r\n]", name):
        return name
    text = re.sub(r"\\", r"\\\\", pairs.from_text(name))
    text = re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)
    return re.sub("[\0\r\n\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def from_cell(cell: str) -> str:
    return pairs.to_text(pairs.from_text(cell))
