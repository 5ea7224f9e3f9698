"""The changes of a run: a text for each row, and the file ``changes-<stamp>.csv``.

Each picture may have many changes, so they have a file of their own, with one line for each. Until a run is
complete they are part of the rows in its partial CSV, as `PairResult.listed`, so that no row is ever without
its changes. That text has no comma, quote or line break: changes are separated by ``|``, and the figures of a
change by a space. Last come the names of rules, if any, as `rules.account.joined` writes them.
"""

import csv
import io
import itertools
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from mymodules import files
from mymodules.errors import ResultsError
from mymodules.paths import shown
from mymodules.results import csvfile, partial, runfiles
from mymodules.results.cells import BOM, encode, guard, unguard
from mymodules.row import PairResult

SIDES: Final = ("x", "y", "width", "height")
CHANGE_COLUMNS: Final = (
    *("image_filename", "number", "kind"),
    *(f"{side}_first" for side in SIDES),
    *(f"{side}_second" for side in SIDES),
    *("pixels", "largest", "faint", "signature", "surroundings", "rules"),
)
"""The columns of the file: a box on either side, px; what they mean says `comparison.changes.Change`.

The last one, which earlier files lack, names the rules that have taken all of the change: a JSON list, or
empty.
"""

TEXTS: Final = frozenset({"image_filename", "kind", "signature", "surroundings", "rules"})
"""Those of them that hold text; the others hold whole numbers."""

NOTHING: Final = "-"
"""Stands for a figure that a change does not have; in the file its cell is empty."""

_FIGURES: Final = len(CHANGE_COLUMNS) - 3  # of a change: all columns but its row, number and rules

_CHANGE = (
    r"(?:edit|swap|insert|remove|move|space)(?: [0-9]{1,15}){9}"
    r" (?:[0-9]{1,3}|-) [0-9]{1,15}(?: [0-9a-f]{24}){2}(?: [A-Za-z0-9_.~%+-]+)?"
)
_LISTED = re.compile(rf"{_CHANGE}(?:\|{_CHANGE})*")


def number_of(listed: str) -> int | None:
    """Return how many changes a `PairResult.listed` has; None if it is not one."""
    if not listed:
        return 0
    return listed.count("|") + 1 if _LISTED.fullmatch(listed) else None


def write_changes(path: Path, rows: Iterable[tuple[str, str]]) -> str:
    """Write the file of changes in one step.

    Parameters
    ----------
    path : Path
    rows : iterable of (str, str)
        Names, and `PairResult.listed` of each.

    Returns
    -------
    str
        The digest of the file, 32 hex digits of BLAKE2b-128.

    Raises
    ------
    OutputError
        With the path. An earlier file stays unchanged.
    """
    lines = (encode(cells_of_changes(name, listed)) for name, listed in rows)
    return csvfile.write_digested(path, itertools.chain([BOM + encode([CHANGE_COLUMNS])], lines))


def cells_of_changes(name: str, listed: str) -> Iterator[list[str]]:
    """Yield the cells of each change of a row, given its `PairResult.listed`."""
    for number, change in enumerate(listed.split("|") if listed else (), 1):
        values = ["" if value == NOTHING else value for value in change.split(" ")]
        by = values[_FIGURES:]
        if by:
            from mymodules.rules import account  # most runs have no rules

            by = [json.dumps(account.separated(by[0]), ensure_ascii=False)]
        yield [guard(name), str(number), *values[:_FIGURES], *(by or [""])]


def read_changes(path: Path, digest: object) -> dict[str, str]:
    """Return `PairResult.listed` of each row with changes, by name; none unless the file has this digest.

    A file that was edited or damaged is not trusted, which a warning reports; an absent one is empty.

    Raises
    ------
    ResultsError
        If the file cannot be read.
    """
    if digest is None or not path.exists():
        return {}
    data = files.read(path)
    if csvfile.digest_of(data) != digest:
        warnings.warn(
            f"{shown(path)} is not as the run wrote it: it was edited or damaged. All pictures with changes "
            "are compared again, and then the file is replaced.",
            stacklevel=2,
        )
        return {}
    found: dict[str, list[str]] = {}
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    next(reader)
    for name, _, *values in reader:
        figures = [value or NOTHING for value in values[:_FIGURES]]
        by = "".join(values[_FIGURES:])
        if by:
            from mymodules.rules import account

            figures.append(account.joined(json.loads(by)))
        found.setdefault(unguard(name), []).append(" ".join(figures))
    return {name: "|".join(changes) for name, changes in found.items()}


def columns_of_changes(file: Path) -> dict[str, list[Any]] | None:
    """Return what `load_changes` puts into a table of the run with this results file, as lists.

    None stands for an empty cell. Parameters and errors are those of `load_changes`.
    """
    header = [*CHANGE_COLUMNS]
    if file.name.endswith(".partial.csv"):
        rows = partial.partial_rows(file)
        lines: Iterator[tuple[int, list[str]]]
        lines = enumerate((cells for row in rows for cells in _changes_of(row)), 1)
    else:
        file = runfiles.changes_path(file.parent, runfiles.stamp_of(file) or "")
        if not os.path.lexists(file):  # also where the path is too long for a file
            return None
        header, lines = csvfile.header_and_lines(file, files.read(file))
        if header not in ([*CHANGE_COLUMNS], [*CHANGE_COLUMNS[:-1]]):  # the latter before there were rules
            raise ResultsError(f"{shown(file)} does not have the columns of a run's changes.")
    numbers: list[int] = []
    every: list[str] = []  # one list of cells: many small ones keep the collector of garbage busy
    for number, cells in lines:
        numbers.append(number)
        every += cells
    columns: dict[str, list[Any]] = {name: [""] * len(numbers) for name in CHANGE_COLUMNS}
    for place, name in enumerate(header):
        column = every[place :: len(header)]
        if name in TEXTS:
            columns[name] = [*map(unguard, column)]
            continue
        try:
            whole = "" not in column  # nearly always, and then converting takes two thirds of the time
            columns[name] = [*map(int, column)] if whole else [int(cell) if cell else None for cell in column]
        except ValueError:
            both = zip(numbers, column, strict=True)
            number, cell = next((number, cell) for number, cell in both if not _is_whole(cell))
            reason = f"{name} is {cell[:100]!r}, which is not a whole number"
            raise csvfile.not_understood(file, number, reason) from None
    return columns


def _is_whole(cell: str) -> bool:
    """Return whether a cell is empty or a whole number."""
    try:
        int(cell or 0)
    except ValueError:
        return False
    return True


def _changes_of(row: PairResult) -> Iterator[list[str]]:
    """Yield the cells of each change of a row in a partial CSV; a text that a run did not write has none."""
    listed = row.listed if number_of(row.listed) else ""
    return cells_of_changes(row.image_filename, listed)
