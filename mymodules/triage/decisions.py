"""What a person has decided about the rows of a run.

A decision applies to a name and both digests, so it also applies to a later run with the same files. One
about a change applies wherever the same change stands, also in a later run and on another picture; what
follows for the rows says `standing`. All decisions are in the file ``triage.csv`` of an output folder, see
`history_file`.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mymodules import settings
from mymodules.errors import SettingsError
from mymodules.paths import AnyPath, local_path
from mymodules.results import exchange
from mymodules.results.rows import AnyTable, lists
from mymodules.triage.history import History, Merged, Step, Times
from mymodules.triage.history_file import HistoryFile
from mymodules.triage.lines import DECISIONS, FILE, Row, key
from mymodules.triage.standing import Standing, identities, levels, standings

if TYPE_CHECKING:
    import pandas as pd


APPROVED: Final = "approved on "
"""What the note begins with of a step that closes changes because they were approved; the date follows."""


def rows(frame: AnyTable) -> list[Row]:
    """Return the rows of a table in the form that decisions are about."""
    return list(map(Row, *identities(frame)))


class Decisions:
    """Read and make the decisions of an output folder, shared with every other process that decides there.

    Parameters
    ----------
    out : path, optional
        The folder of ``triage.csv``, which is created with the first decision; by default that of the
        settings.

    Attributes
    ----------
    path : Path
        The file.

    Notes
    -----
    Every method first reads what others have appended. Undo and redo apply to the whole file: they may
    affect a step of another process, or of last week, but none of another computer. Several threads may share
    one object.

    Examples
    --------
    ::

        decided = Decisions()
        decided.decide(frame[frame["status"] == "changed"], "accept", note="new logo")
        frame["decision"] = decided.state(frame)
    """

    def __init__(self, out: AnyPath | None = None) -> None:
        folder = settings.current().out if out is None else local_path(out, "out")
        self._file = HistoryFile(folder / FILE)
        self._lock = threading.RLock()
        exchange.show_decisions(folder)

    @contextlib.contextmanager
    def _deciding(self) -> Iterator[None]:
        """Have the file for oneself; what is decided meanwhile is sent, if the folder is that of a URL."""
        with self._lock:
            yield
        exchange.soon(self.path.parent)

    def decide(
        self, about: "pd.DataFrame | pd.Series[Any] | Row | Iterable[Row]", decision: str, note: str = ""
    ) -> Step | None:
        """Decide about one row or change or many, in one step.

        Parameters
        ----------
        about : DataFrame, one row of it, Row or iterable of Row
            The rows to decide about. A `Row` may also be a change of a row, or `Row.anywhere(signature)`.
        decision : {"accept", "reject", "ignore", "clear"}
        note : str
            For people; its line breaks become spaces.

        Returns
        -------
        Step or None
            None if there was no row.

        Raises
        ------
        SettingsError
            If `decision` is another word, or `about` holds anything that is not a row.
        OutputError
            If the file cannot be written.
        """
        _check_word(decision)
        with self._deciding():
            return self._file.append(_as_rows(about), decision, note)

    def decide_each(self, steps: Iterable[tuple[Iterable[Row], str, str]]) -> list[Step]:
        """Decide several steps, each of rows, decision and note: all of them are written, or none.

        Errors are those of `decide`; a step without rows is left out.
        """
        given = [([*about], decision, note) for about, decision, note in steps]
        for _, decision, _ in given:
            _check_word(decision)
        with self._deciding():
            return self._file.append_all(given)

    def undo(self) -> Step | None:
        """Undo the newest step in force and return it; None if nothing can be undone."""
        with self._deciding():
            step = self._file.read().done
            return self._file.append(step.rows, "undo", step.reference) if step else None

    def redo(self) -> Step | None:
        """Redo the step that was undone last and return it; None if nothing can be redone."""
        with self._deciding():
            step = self._file.read().undone
            return self._file.append(step.rows, "redo", step.reference) if step else None

    @property
    def path(self) -> Path:
        """The file of decisions."""
        return self._file.path

    def versions(self) -> object:
        """Return what is another one as soon as decisions have changed, also those of other computers."""
        return self._file.versions()

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        with self._lock:
            return self._file.read().can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        with self._lock:
            return self._file.read().can_redo

    def of(self, row: Row) -> tuple[str, str]:
        """Return the decision about a row and its note; both are empty if there is no decision."""
        with self._lock:
            return self._file.holding().in_force.get(key(row), ("", ""))

    @property
    def knows_changes(self) -> bool:
        """Whether a decision about a change is in force, or ended when the change was approved."""
        with self._lock:
            history = self._file.holding()
            return any(row.change for row in history.in_force) or bool(self.closed())

    def closed(self) -> dict[str, str]:
        """Return the dates on which changes were approved that are open now, by signature."""
        with self._lock:
            return _closed(self._file.holding())

    def remarks(self, signatures: Iterable[str]) -> dict[str, str]:
        """Return what to know of changes that come again, a clause each, by signature.

        That is ``accepted and approved on DATE`` for an open one, and ``rejected since DATE`` for one that is
        rejected wherever it stands.
        """
        names = [*signatures]
        found = self._remarks([Row.anywhere(name)] for name in names)
        return {name: text for name, text in zip(names, found, strict=True) if text}

    def remarks_on(self, row: Row, signatures: Iterable[str]) -> dict[str, str]:
        """Return the same of changes of a row, rejected there or anywhere; none if the row itself is decided.

        A row's own decision goes before those about its changes.
        """
        found = self.remarks_on_each([(row, name) for name in signatures])
        return {name: text for (_, name), text in found.items()}

    def remarks_on_each(self, about: Iterable[tuple[Row, str]]) -> dict[tuple[Row, str], str]:
        """Return the same of changes of several rows, each given and named as its row and its signature."""
        pairs = [*dict.fromkeys(about)]
        found = self._remarks(levels(*pair) for pair in pairs)
        return {pair: text for pair, text in zip(pairs, found, strict=True) if text}

    def _remarks(self, about: Iterable[Sequence[Row]]) -> list[str]:
        """Return what to know of changes, given what decides each: the first goes first, its class last."""
        with self._lock:
            history = self._file.holding()
            times, in_force = history.times(), history.in_force
            closed = _closed(history, times)
        found = []
        for rows in about:
            row, name = next((row for row in map(key, rows) if row in in_force), None), rows[-1].change
            text = ""
            if row is None and name in closed:
                text = f"accepted and approved on {closed[name]}"
            elif row is not None and row.change and in_force[row][0] == "reject":
                text = f"rejected since {_day(times[(row, *in_force[row])])}"
            found.append(text)
        return found

    def times(self) -> Times:
        """Return when each row was last given each word and note, also if that is undone by now."""
        with self._lock:
            return dict(self._file.holding().times())

    def times_apart(self) -> tuple[Times, Times]:
        """Return when this computer last gave each row each word and note, and when others did."""
        with self._lock:
            return self._file.times_apart()

    def dated(self, about: Iterable[Row]) -> tuple[list[tuple[str, str, str]], dict[str, str]]:
        """Return decision, note and date of each of these, empty if there is no decision, and `closed`.

        All are as they were at one moment.
        """
        rows = [*map(key, about)]
        with self._lock:
            history = self._file.holding()
            times, in_force = history.times(), history.in_force
            found = [(row, *in_force.get(row, ("", ""))) for row in rows]
            return [(*each[1:], _day(times.get(each, ""))) for each in found], _closed(history)

    def state(self, frame: "pd.DataFrame") -> "pd.Series[Any]":
        """Return the decisions about the rows of a table.

        Returns
        -------
        Series
            Of text, named ``decision``, with the frame's index; an empty text if nothing is decided.
        """
        import pandas as pd  # whoever has a frame has loaded it

        from mymodules.results.texts import TEXT

        found = [word for word, _ in self.each(frame)]
        return pd.Series(found, index=frame.index, name="decision", dtype=TEXT)

    def standings(self, frame: AnyTable, changes: AnyTable) -> list[Standing]:
        """Return what holds for the rows of a table, by their own decisions and those about their changes.

        Parameters
        ----------
        frame : DataFrame or results.Rows
            What `results.load` or `results.Rows.read` returned, or a part of it.
        changes : DataFrame or mapping of str to list
            What `results.load_changes` or `results.Rows.changes` returned of the same run.
        """
        with self._lock:
            return standings(frame, changes, self._file.holding().in_force)

    def decided_changes(self, frame: AnyTable, changes: AnyTable) -> set[tuple[str, str]]:
        """Return name and signature of every change that need not be looked at again, for `looks.plan`.

        Parameters are those of `standings`.
        """
        with self._lock:
            in_force = self._file.holding().in_force
        about = {row.name: row for row in rows(frame)}
        if not in_force:
            return set()
        pairs = zip(*lists(changes, "image_filename", "signature"), strict=True)
        return {
            (name, signature)
            for name, signature in pairs
            if name in about and any(each in in_force for each in levels(about[name], signature))
        }

    def each(self, about: "pd.DataFrame | Iterable[Row]") -> list[tuple[str, str]]:
        """Return the decision about each of these rows and its note, both empty if there is no decision."""
        keys = [key(row) for row in _as_rows(about)]
        with self._lock:
            in_force = self._file.holding().in_force
            return [in_force.get(each, ("", "")) for each in keys]


def _closed(history: History | Merged, times: Times | None = None) -> dict[str, str]:
    return {
        row.change: note.removeprefix(APPROVED)
        for row, word, note in (history.times() if times is None else times)
        if word == "clear" and note.startswith(APPROVED) and row not in history.in_force
    }


def _day(time: str) -> str:
    return time[: len("YYYY-mm-dd")]


def _check_word(decision: str) -> None:
    if decision not in (*DECISIONS, "clear"):
        raise SettingsError(f"decision is {decision!r}: it must be {', '.join(DECISIONS)} or clear.")


def _as_rows(about: "pd.DataFrame | pd.Series[Any] | Row | Iterable[Row]") -> list[Row]:
    if isinstance(about, Row):
        return [about]
    if not isinstance(about, Sequence):
        import pandas as pd  # whoever has rows only need not load it

        if isinstance(about, pd.Series):
            about = about.to_frame().T
        if isinstance(about, pd.DataFrame):
            return rows(about)
    listed = list(about) if isinstance(about, Iterable) else [about]
    for each in listed:
        if not isinstance(each, Row):
            raise SettingsError(
                f"Decisions are about rows, and this is of type {type(each).__name__}: pass rows of a table "
                "that results.load() returned."
            )
    return listed
