"""The rows of a finished run and its manifest, for whoever needs no table of pandas."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mymodules.results import csvfile, listing, runfiles
from mymodules.row import COLUMNS, METRIC, PairResult

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, Sequence[Any]]
"""A table as lists, by the names of its columns."""


class Rows(NamedTuple):
    """What `load` reads, without pandas, which takes longer to import than a few pictures to compare.

    Attributes
    ----------
    rows : sequence of PairResult
    run : mapping
        The manifest.
    """

    rows: Sequence[PairResult]
    run: Mapping[str, Any]

    @classmethod
    def read(cls, csv_path: Path) -> "Rows":
        """Read the CSV of a finished run and its manifest; raise ResultsError."""
        return cls(csvfile.read(csv_path), runfiles.manifest_of(csv_path))

    @property
    def csv_path(self) -> Path | None:
        """The results file; None if the manifest does not name it."""
        out, stamp = self.run.get("out"), self.run.get("stamp")
        if not (isinstance(out, str) and out and runfiles.is_stamp(stamp)):
            return None
        return runfiles.finished_path(Path(out), str(stamp))

    def changes(self) -> Columns | None:
        """Return what `load_changes` does, as lists; None also if `csv_path` is."""
        return None if self.csv_path is None else listing.columns_of_changes(self.csv_path)

    def records(self) -> list[dict[str, Any]]:
        """Return each row as values by column, those of metrics of one's own last."""
        return [
            dict(zip(COLUMNS, row, strict=False)) | {METRIC + name: value for name, value in row.custom}
            for row in self.rows
        ]


AnyTable: TypeAlias = "pd.DataFrame | Rows | Columns"
"""A table in one of three forms: of pandas, the rows of a run, or columns as lists."""


def lists(table: AnyTable, *names: str) -> list[list[Any]]:
    """Return columns of a table as lists of Python's own values, None where one is absent.

    Raises
    ------
    SettingsError
        If it is not a table, or lacks one of the columns.
    """
    if isinstance(table, Rows):
        return [[getattr(row, name) for row in table.rows] for name in names]
    if isinstance(table, Mapping):
        return [[*table[name]] for name in names]
    runfiles.check_table(table, *names)
    return [table[name].to_numpy(object, na_value=None).tolist() for name in names]  # type: ignore[call-overload]


def optional(table: AnyTable, name: str, count: int, instead: Any) -> list[Any]:
    """Return a column that tables of earlier versions lack: then this value, so many times."""
    if not isinstance(table, Rows) and name not in (
        table if isinstance(table, Mapping) else getattr(table, "columns", ())
    ):
        return [instead] * count
    return lists(table, name)[0]
