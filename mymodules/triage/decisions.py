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

import csv
import os
import re
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mymodules import files, pairs, results, settings
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import AnyPath, local_path, shown
from mymodules.results import runfiles
from mymodules.triage.history import (
    COLUMNS,
    DECISIONS,
    FILE,
    HEADER,
    History,
    Row,
    Step,
    from_cell,
    is_ours,
    moment,
    newest,
    no_link,
    take_back,
    to_cell,
)

if TYPE_CHECKING:
    import pandas as pd


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
        folder = settings.current().out if out is None else local_path(out, "out")
        self.path = folder / FILE
        self._lock = threading.RLock()
        self._read = b""
        self._history = History()
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
            step = newest(self._refreshed().done)
            return self._append(step.rows, "undo", step.described()) if step else None

    def redo(self) -> Step | None:
        """Do again the step taken back last, and return it; None when there is none (any more)."""
        with self._lock:
            step = newest(self._refreshed().undone)
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

    def _refreshed(self) -> "History":
        """The history as it is on the disk now."""
        try:
            data = files.contents(self.path)
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise ResultsError(f"{shown(self.path)} cannot be read: {error.strerror or error}.") from error
        if not data.startswith(self._read):  # somebody has edited it
            self._read, self._history = b"", History()
        if not self._read and not is_ours(data):
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
            self._torn = data, History()
            for line in data.split(b"\n"):
                self._torn[1].add(line)
        return self._torn[1]

    def _append(self, about: Iterable[Row], word: str, note: str) -> Step | None:
        about = [*dict.fromkeys(about)]
        if not about:
            return None
        note = re.sub(r"[\0\r\n]+", " ", note)[: pairs.MESSAGE_LIMIT]
        history = self._refreshed()
        while (time := moment()) == history.last[0]:
            pass  # the clock stood, and the lot fell as before
        cells = [[results.guard(to_cell(text)) for text in row] for row in about]
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
            with open(self.path, "a+b", buffering=0, opener=no_link) as file:
                size = file.seek(0, os.SEEK_END)
                if size == 0:
                    lines = HEADER + lines
                else:
                    file.seek(size - 1)
                    if file.read(1) != b"\n":
                        lines = b"\r\n" + lines
                try:
                    files.write_all(file, lines)
                    os.fsync(file.fileno())
                except OSError:
                    take_back(file, size, lines)
                    raise
        except OSError as error:
            raise files.not_written(self.path, error) from error
        if size == 0:
            files.sync_folder(self.path.parent)
        step = self._refreshed().did.get((time, word))
        return step.frozen() if step else None


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
    return Row(*map(from_cell, row))
