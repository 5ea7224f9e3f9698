"""What is marked in the pictures of a row: its changes, or its regions if nobody looked for changes.

A mark is what the page expects: ``[kind, cause, first, second, pixels, rules]``. `first` and `second` are
boxes [x, y, width, height] on either side, one of them perhaps empty; `rules` are the names of those that
took the change. Marks begin with the most pixels.
"""

import contextlib
import json
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mymodules import results
from mymodules.comparison.changes import Change
from mymodules.errors import ResultsError
from mymodules.pages.display import SIDES
from mymodules.regions import Region
from mymodules.results.rows import Columns
from mymodules.rules import account
from mymodules.triage.lines import SIGNATURE

if TYPE_CHECKING:
    import pandas as pd

REGION: Final = "region"
"""The kind of a mark that is a region: a box around what differs at one place on both sides."""

COLUMNS: Final = ("image_filename", "status", "changes", "rules")
"""The columns of a row that `RunChanges` reads."""

_BOXES = [f"{extent}_{side}" for side in SIDES for extent in ("x", "y", "width", "height")]
_CAUSES = {"edit": "changed", "swap": "changed", "insert": "inserted", "remove": "removed", "move": "moved"}

Mark = list[Any]
_Figures = tuple[str, Sequence[int], Sequence[int], int, Sequence[str]]


class RunChanges:
    """The changes of a run, by row. Their file is read when the first row is asked for.

    Parameters
    ----------
    out : Path, optional
        The output folder of the run.
    run : mapping
        Its manifest; without it nothing is known.
    """

    def __init__(self, out: Path | None, run: Mapping[str, Any]) -> None:
        self._run: Mapping[str, Any] | None = {"out": str(out or ""), "stamp": run.get("stamp")}
        self._columns: Columns | None = None
        self._table: pd.DataFrame | None = None
        self._places: Mapping[str, Sequence[int]] = {}
        self._reading = threading.RLock()

    def of(self, row: Mapping[str, Any]) -> list[Mark] | None:
        """Return the marks of a row; None if it has changes, but the file does not have all of them.

        Parameters
        ----------
        row : mapping
            By column, at least `COLUMNS`; None if a figure is not known.
        """
        if row["changes"] == 0:
            return []
        listed = self._listed(row)
        if listed is None:
            return None
        try:
            found = [*map(_figures, listed)]
        except ValueError:  # somebody has edited the file
            return None
        shares = account.parsed(row["rules"])
        return _marks(found, {name for name, share in shares.items() if share.masked and not share.tolerated})

    def signatures(self, row: Mapping[str, Any]) -> list[str] | None:
        """Return the signature of each mark of a row; empty for a change that rules have taken.

        None if the row cannot be decided by its changes; `row` is that of `of`.
        """
        listed = self._listed(row) if row["status"] == "changed" else None
        if listed is None:
            return None
        lines = sorted(listed, key=lambda line: -line["pixels"])  # as `_marks` orders them
        if not all(SIGNATURE.fullmatch(line["signature"]) for line in lines):  # somebody has edited the file
            return None
        return ["" if line["rules"] else line["signature"] for line in lines]

    def listed(self, row: Mapping[str, Any]) -> list[Change] | None:
        """Return the changes of a row in the order of its marks; None unless the file has all of them."""
        lines = self._listed(row)
        try:
            return None if lines is None else in_order(map(_change, lines))
        except (TypeError, ValueError):  # somebody has edited the file
            return None

    def lines(self, names: Iterable[str]) -> Columns | None:
        """Return the changes of the rows of these names; None if they cannot be read."""
        columns = self.columns
        if columns is None:
            return None
        places = [place for name in names for place in self._places.get(name, ())]
        return {key: [column[place] for place in places] for key, column in columns.items()}

    def _listed(self, row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the lines of a row; None if it has no changes, or the file does not have all of them."""
        columns = self.columns
        places = self._places.get(row["image_filename"], ())
        if columns is None or not row["changes"] or len(places) != row["changes"]:
            return None
        return [{name: column[place] for name, column in columns.items()} for place in places]

    @property
    def columns(self) -> Columns | None:
        """All changes of the run, as `results.Rows.changes` returns them; None if they cannot be read."""
        with self._reading:
            run, self._run = self._run, None
            if run is not None:
                with contextlib.suppress(ResultsError):
                    self._columns = results.Rows([], run).changes()
                if self._columns is not None:
                    self._places = _places(self._columns)
            return self._columns

    @property
    def table(self) -> "pd.DataFrame | None":
        """The same, as `results.load_changes` returns it."""
        with self._reading:
            if self._table is None and self.columns is not None:
                self._table = results.table_of_changes(self.columns)
            return self._table


def _places(columns: Columns) -> dict[str, list[int]]:
    """Return the lines of each row, but of those that lack a figure: somebody has edited the file."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    names = columns["image_filename"]
    for place, name in enumerate(names):
        found[name].append(place)
    for column in ("pixels", *_BOXES):
        values = columns[column]
        for name, value in zip(names, values, strict=True) if None in values else ():
            if value is None:
                found.pop(name, None)
    return found


def of_changes(changes: Iterable[Change]) -> list[Mark]:
    """Return the marks of changes that were found just now."""
    return _marks((each.kind, each.first, each.second, each.pixels, ()) for each in changes)


def cause(kind: str, first: Sequence[int], second: Sequence[int]) -> str:
    """Return why the pixels of a change differ that no rule took, given its kind and its boxes."""
    if kind == "space":
        return "inserted" if _area(second) >= _area(first) else "removed"
    return _CAUSES.get(kind, "changed")


def in_order(changes: Iterable[Change]) -> list[Change]:
    """Return changes in the order of their marks."""
    return sorted(changes, key=lambda change: -change.pixels)


def of_regions(boxes: Iterable[Sequence[int]], counts: Iterable[int | None]) -> list[Mark]:
    """Return the marks of regions, given the differing pixels in each; None if those were not counted."""
    marks = [[REGION, "changed", [*box], [*box], n, []] for box, n in zip(boxes, counts, strict=True)]
    return sorted(marks, key=lambda mark: -(mark[4] or 0))


def _change(line: Mapping[Any, Any]) -> Change:
    """Return the change of a line of the file of changes."""
    kind, first, second, pixels, _ = _figures(line)
    largest = line["largest"]
    return Change(
        kind,  # type: ignore[arg-type]  # any other word fits no rule
        Region(*first),
        Region(*second),
        pixels,
        int(largest) if isinstance(largest, int) else None,
        int(line["faint"]),
        str(line["signature"]),
        str(line["surroundings"]),
    )


def _figures(line: Mapping[Any, Any]) -> _Figures:
    """Return the figures of a line of the file of changes."""
    first, second = (
        [int(line[f"{extent}_{side}"]) for extent in ("x", "y", "width", "height")] for side in SIDES
    )
    rules = json.loads(line.get("rules") or "[]")
    return line["kind"], first, second, int(line["pixels"]), [str(name) for name in rules]


def _marks(changes: Iterable[_Figures], masking: Collection[str] = ()) -> list[Mark]:
    """Return the marks of changes; `masking` are the rules that have taken only what their masks cover."""
    found = []
    for kind, first, second, pixels, rules in changes:
        by_rules = "masked" if all(name in masking for name in rules) else "tolerated"
        why = by_rules if rules else cause(kind, first, second)
        found.append([kind, why, [*first], [*second], pixels, [*rules]])
    return sorted(found, key=lambda mark: -mark[4])


def _area(box: Sequence[int]) -> int:
    return box[2] * box[3]
