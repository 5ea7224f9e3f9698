"""The rows of a finished run and its manifest, for whoever needs no table of pandas."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mymodules.results import csvfile, runfiles
from mymodules.row import COLUMNS, METRIC, PairResult


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

    def records(self) -> list[dict[str, Any]]:
        """Return each row as values by column, those of metrics of one's own last."""
        return [
            dict(zip(COLUMNS, row, strict=False)) | {METRIC + name: value for name, value in row.custom}
            for row in self.rows
        ]
