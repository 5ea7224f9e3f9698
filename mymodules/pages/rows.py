"""The rows of a table as records for a page, with their neighbours and decisions."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mymodules import triage
from mymodules.errors import ResultsError
from mymodules.pages.display import SIDES, Folders
from mymodules.pages.marks import RunChanges
from mymodules.results import runfiles
from mymodules.row import CAUSES, METRIC, NOTHING_TO_DECIDE, own_figures, verdict_of
from mymodules.triage import Decisions, Row, Standing

if TYPE_CHECKING:
    import pandas as pd

_NAME = "image_filename"

TEXTS = ("status", "code", "messages", "verdict")
"""The columns with texts that pages show."""

FIGURES = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "combined", "seconds"),
    *("max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a", "changes"),
    *(f"px_{cause}" for cause in CAUSES),
)
"""The columns with figures that pages show."""


@dataclass(frozen=True, eq=False)
class ShownRows:
    """Rows of a table as the page expects them, and the folders of their pictures; made by `of`.

    Without the changes of their run, only a row's own decision holds. The table is without its ``attrs``,
    which pandas would copy deeply whenever a row or a column is read.

    Attributes
    ----------
    table : DataFrame
    attrs : dict
        Those of the table.
    lines : int (rows,)
        The places of these rows in the table, in their order.
    """

    table: "pd.DataFrame"
    attrs: dict[Any, Any]
    lines: NDArray[np.intp]
    folders: Folders
    changes: RunChanges | None

    @classmethod
    def of(cls, frame: "pd.DataFrame", folders: Folders, changes: RunChanges | None = None) -> "ShownRows":
        runfiles.check_table(frame, _NAME)
        frame = frame.copy(deep=False)  # the caller may sort or change theirs in place
        attrs, frame.attrs = frame.attrs, {}
        return cls(frame, attrs, np.arange(len(frame)), folders, changes)

    def at(self, places: NDArray[np.intp]) -> "ShownRows":
        """Return those at these places, in their order."""
        return dataclasses.replace(self, lines=self.lines[places])

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """The rows as a table."""
        return self.table.iloc[self.lines]

    @cached_property
    def names(self) -> list[str]:
        """The names of the rows."""
        return self.table[_NAME].to_numpy(object)[self.lines].tolist()  # type: ignore[no-any-return]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each name is; a repeated one at its first place."""
        return dict(zip(reversed(self.names), reversed(range(len(self.names))), strict=True))

    @cached_property
    def _values(self) -> dict[str, Any]:
        """The columns of which a cell was read: pandas takes long to find one."""
        return {}

    @property
    def first(self) -> str:
        """The first row's name; empty if there is no row."""
        return str(self.table[_NAME].iloc[self.lines[0]]) if len(self.lines) else ""

    def cell(self, name: str, column: str) -> Any:
        """Return one value of a row; None if it has none."""
        import pandas as pd  # already loaded, as there is a frame

        if name not in self.places or column not in self.table.columns:
            return None
        if column not in self._values:
            self._values[column] = self.table[column].array
        value = self._values[column][self.lines[self.places[name]]]
        if isinstance(value, (list, str)):
            return value
        # None, NaN or pandas' NA; everything else is a number, of numpy or Python
        return None if pd.isna(value) else getattr(value, "item", lambda: value)()

    def count(self, name: str) -> int:
        """Return the number of marks of a row: changes or, if nobody looked for them, regions."""
        changes = self.cell(name, "changes")
        return len(self.cell(name, "regions") or ()) if changes is None else int(changes)

    def path(self, name: str, side: str) -> Path:
        """Return the file of a row, which may be gone; raise `Absent` if there can be none."""
        known = (self.cell(name, column) for column in ("status", "renamed_from", f"{side}_digest"))
        return self.folders.path(name, side, *known)

    def beside(self, name: str, by: int) -> str | None:
        """Return the row before (-1) or after (1) this one; a repeated name counts at its first place."""
        place = self.places[name] + by
        while 0 <= place < len(self.names):
            if self.places[self.names[place]] == place:
                return self.names[place]
            place += by
        return None

    def around(self, name: str) -> Iterator[str]:
        """Yield the rows after this one, then those before it, nearest first."""
        place = self.places.get(name, len(self.names))
        yield from self.names[place + 1 :]
        yield from reversed(self.names[:place])

    def about(self, name: str) -> Row:
        """Return a row as `triage` identifies it."""
        return triage.rows(self._from(self.places[name]))[0]

    def _from(self, place: int, count: int = 1) -> "pd.DataFrame":
        return self.table.iloc[self.lines[place : place + count]]

    def standing(self, name: str) -> Standing:
        """Return what holds for a row: its own decision, or what follows from those about its changes."""
        if self.folders.decisions is None:
            return Standing(self.cell(name, "decision") or "")
        return self._standings(self.folders.decisions, self._from(self.places[name]))[0]

    def _standings(self, desk: Decisions, part: "pd.DataFrame") -> list[Standing]:
        by_changes = self.changes is not None and {"status", "changes"} <= {*part.columns}
        lines = self.changes.lines(part[_NAME]) if self.changes is not None and by_changes else None
        if lines is None:
            return [Standing(*each) for each in desk.each(part)]
        return desk.standings(part, lines)

    def _remarks(self, name: str) -> list[str]:
        """Return what to know of changes of a row that come again, a clause for each number of them."""
        desk = self.folders.decisions
        lines = self.changes.lines([name]) if self.changes is not None else None
        if desk is None or lines is None or self.cell(name, "status") != "changed":
            return []
        both = zip(lines["signature"], lines["rules"], strict=True)
        signatures = [signature for signature, by_rules in both if not by_rules]
        known = desk.remarks_on(self.about(name), {*signatures})
        found = Counter(known[signature] for signature in signatures if signature in known)
        return [f"{count:,} {'change' if count == 1 else 'changes'} {text}" for text, count in found.items()]

    def following(self, name: str) -> str | None:
        """Return the next row after this one that waits for a decision."""
        import pandas as pd  # already loaded, as there is a frame

        desk, place, count = self.folders.decisions, self.places[name] + 1, 32
        while desk is not None and place < len(self.names):
            part = self._from(place, count)
            waits = pd.Series([not each.decision for each in self._standings(desk, part)], part.index)
            if "status" in part.columns:
                from mymodules.results import attention  # already loaded, as there is a frame

                waits &= ~attention.verdicts(part).isin(NOTHING_TO_DECIDE)
            if waits.any():
                return str(part.loc[waits, _NAME].iloc[0])
            place, count = place + count, 4 * count
        return None

    def deciding(self) -> dict[str, Any]:
        """Return what can be done about decisions, as the page expects it."""
        desk, closed = self.folders.decisions, self.folders.closed
        try:
            able = {"undo": desk.can_undo, "redo": desk.can_redo} if desk is not None else {}
        except ResultsError as error:
            able, closed = {}, str(error)
        return {"undo": False, "redo": False, **able, "closed": closed}

    def record(self, name: str) -> dict[str, Any]:
        """Return a row as the page expects it: texts, figures (None if absent) and its neighbours."""
        record = {column: self.cell(name, column) for column in (*TEXTS, *FIGURES, "regions")}
        record["regions"] = record["regions"] or []
        record["verdict"] = verdict_of(record["status"], record["verdict"])
        for side in SIDES:
            record[side] = [self.cell(name, f"{extent}_{side}") for extent in ("width", "height")]
        held, record["remarks"] = Standing(""), []
        with contextlib.suppress(ResultsError):  # `deciding` reports it
            held, record["remarks"] = self.standing(name), self._remarks(name)
        record |= {"decision": held.decision, "note": held.note, "standing": str(held)}
        record["open_changes"] = held.changes - held.decided if held.changes else None
        own = [column for column in self.table.columns if str(column).startswith(METRIC)]
        record |= own_figures({column: self.cell(name, column) for column in own})
        return {
            "name": name,
            "place": self.places[name],
            "total": len(self.lines),
            "previous": self.beside(name, -1),
            "next": self.beside(name, 1),
            **record,
        }
