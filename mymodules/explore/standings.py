"""What holds for the rows of the explorer's table: their own decisions, and those about their changes."""

import contextlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ResultsError
from mymodules.results.rows import Columns
from mymodules.results.texts import numbered
from mymodules.triage import LABELS, Decisions, Standing, Step

if TYPE_CHECKING:
    import pandas as pd

MARKS = {word: mark for mark, word in enumerate(("", *LABELS))}
"""The decisions as small numbers."""

_NAME = "image_filename"
_OF_ROWS = (_NAME, "status", "changes", "first_digest", "second_digest")  # what decisions depend on
_OF_CHANGES = (_NAME, "signature", "rules")
_UNKNOWN = len(MARKS)  # a word that the table brings


class Standings:
    """The decisions about all rows of a table, and how many of their changes are open, once they are read.

    Parameters
    ----------
    rows : DataFrame
        With the index 0, 1, 2 ...
    changes : mapping of str to list, optional
        All changes of these rows, as `results.Rows.changes` returns them; without them, only a row's own
        decision holds.
    desk : Decisions or None
    noted : Series of str
        The decisions that the table brings, which hold where there is no desk, or it cannot be read.
    approved : callable
        Returns the names of rows that were approved since: they stay accepted, although the decisions about
        their changes ended with that.

    Attributes
    ----------
    decided : Series of str
        One of `DECISIONS` for each row, or an empty text.
    marks : uint8 (rows,)
        The same by `MARKS`.
    left : float64 (rows,)
        How many changes of each row are open; NaN if it cannot be decided by its changes.
    """

    def __init__(
        self,
        rows: "pd.DataFrame",
        changes: Columns | None,
        desk: Decisions | None,
        noted: "pd.Series[Any]",
        approved: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._rows, self._desk, self._noted, self._approved = rows, desk, noted, approved
        by_changes = changes is not None and {"status", "changes"} <= {*rows.columns}
        self._changes = changes if by_changes else None
        self.decided = noted.copy()
        self.marks = _marks(noted)
        self.left = np.full(len(rows), np.nan)
        self._files: object = None  # as they were when they were read

    def read(self) -> None:
        """Read all decisions again, unless their files are as they were."""
        files = {} if self._desk is None else self._desk.versions()
        if files != self._files:
            self._take(np.arange(len(self._rows)))
        self._files = files

    def follow(self, step: Step) -> None:
        """Read those again that a step is about; it has changed the file, perhaps with steps of others."""
        self._files = None
        names = {row.name for row in step.rows}
        if self._changes is not None:
            signatures = {row.change for row in step.rows if row.change and not row.name}
            both = zip(self._changes[_NAME], self._changes["signature"], strict=True)
            names.update(name for name, signature in both if signature in signatures)
        self._take(np.flatnonzero(self._rows[_NAME].isin(names)))

    def _take(self, places: NDArray[np.intp]) -> None:
        self.decided.iloc[places] = self._noted.iloc[places]
        if self._desk is not None:
            with contextlib.suppress(ResultsError):  # the viewer shows the reason
                self._ask(self._desk, places)
        self.marks[places] = _marks(self.decided.iloc[places])

    def _ask(self, desk: Decisions, places: NDArray[np.intp]) -> None:
        """Read what is decided about rows."""
        rows = self._rows[[column for column in _OF_ROWS if column in self._rows.columns]].iloc[places]
        if self._changes is None:
            self.decided.iloc[places] = desk.state(rows)
            return
        every = len(places) == len(self._rows)
        changes = self._changes if every else _about(self._changes, rows[_NAME].tolist())
        found = desk.standings(rows, changes)
        if approved := {*self._approved()}:
            found = [
                Standing("accept", "", each.changes, each.changes) if done and not each.decision else each
                for each, done in zip(found, rows[_NAME].isin(approved).tolist(), strict=True)
            ]
        self.decided.iloc[places] = [each.decision for each in found]
        self.left[places] = [each.changes - each.decided if each.changes else np.nan for each in found]


def _marks(decided: "pd.Series[Any]") -> NDArray[np.uint8]:
    return numbered(decided, MARKS, _UNKNOWN)


def _about(changes: Columns, names: Collection[str]) -> Columns:
    """Return the changes of the rows of these names."""
    known = {*names}
    lines = [line for line, name in enumerate(changes[_NAME]) if name in known]
    return {column: [changes[column][line] for line in lines] for column in _OF_CHANGES}
