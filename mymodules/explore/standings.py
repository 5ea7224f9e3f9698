"""What holds for the rows of the explorer's table: their own decisions, and those about their changes."""

import contextlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ResultsError
from mymodules.triage import Decisions, Standing, Step

if TYPE_CHECKING:
    import pandas as pd

_NAME = "image_filename"


class Standings:
    """The decisions about all rows of a table, and how many of their changes are open, once they are read.

    Parameters
    ----------
    rows : DataFrame
        With the index 0, 1, 2 ...
    changes : DataFrame or None
        All changes of these rows; without them, only a row's own decision holds.
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
    left : float64 (rows,)
        How many changes of each row are open; NaN if it cannot be decided by its changes.
    """

    def __init__(
        self,
        rows: "pd.DataFrame",
        changes: "pd.DataFrame | None",
        desk: Decisions | None,
        noted: "pd.Series[Any]",
        approved: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._rows, self._desk, self._noted, self._approved = rows, desk, noted, approved
        by_changes = changes is not None and {"status", "changes"} <= {*rows.columns}
        self._changes = changes if by_changes else None
        self.decided = noted.copy()
        self.left = np.full(len(rows), np.nan)
        self._file: tuple[int, int] | None = None  # when it was read: its time and size

    def read(self) -> None:
        """Read all decisions again, unless their file is as it was."""
        file = (0, 0)
        with contextlib.suppress(OSError):
            if self._desk is not None:
                state = self._desk.path.stat()
                file = state.st_mtime_ns, state.st_size
        if file != self._file:
            self._take(np.arange(len(self._rows)))
        self._file = file

    def follow(self, step: Step) -> None:
        """Read those again that a step is about; it has changed the file, perhaps with steps of others."""
        self._file = None
        names = {row.name for row in step.rows}
        if self._changes is not None:
            signatures = {row.change for row in step.rows if row.change and not row.name}
            lines = self._changes["signature"].isin(signatures)
            names.update(self._changes[_NAME][lines].tolist())
        self._take(np.flatnonzero(self._rows[_NAME].isin(names)))

    def _take(self, places: NDArray[np.intp]) -> None:
        rows = self._rows.iloc[places]
        self.decided.iloc[places] = self._noted.iloc[places]
        if self._desk is None:
            return
        with contextlib.suppress(ResultsError):  # the viewer shows the reason
            if self._changes is None:
                self.decided.iloc[places] = self._desk.state(rows)
                return
            changes = self._changes
            if len(rows) < len(self._rows):
                changes = changes[changes[_NAME].isin(rows[_NAME])]
            found = self._desk.standings(rows, changes)
            approved = rows[_NAME].isin([*self._approved()]).tolist()
            found = [
                Standing("accept", "", each.changes, each.changes) if done and not each.decision else each
                for each, done in zip(found, approved, strict=True)
            ]
            self.decided.iloc[places] = [each.decision for each in found]
            self.left[places] = [each.changes - each.decided if each.changes else np.nan for each in found]
