"""The results of a run as a pandas table."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mymodules import files, settings, streams
from mymodules.errors import ResultsError
from mymodules.paths import AnyPath, local_path, shown, working_directory
from mymodules.results import csvfile, exchange, partial, runfiles
from mymodules.results.cells import BOM, LISTED, parse_cell, parse_metric
from mymodules.results.listing import CHANGE_COLUMNS, columns_of_changes
from mymodules.results.listing import TEXTS as CHANGE_TEXTS
from mymodules.results.rows import Columns
from mymodules.results.texts import TEXT
from mymodules.row import (
    COLUMNS,
    COUNTS,
    FLAGS,
    FLOATS,
    METRIC,
    OPTIONAL_TEXTS,
    REGIONS,
    TEXTS,
    verdict_of,
)

_SEED_COLUMNS = COLUMNS[:3]


def load(path: AnyPath | None = None) -> pd.DataFrame:
    """Read the results of a run as a table.

    Parameters
    ----------
    path : path, optional
        A CSV: finished, partial (as `read_partial`), or the three columns without a header that the first
        notebook wrote. By default the newest finished one in the output folder of the settings; if there is
        none, the newest that the first notebook wrote into the working directory, which is said.

    Returns
    -------
    DataFrame
        All of `COLUMNS`, then metrics of one's own (``metric_NAME``), and unknown columns as text. Integers
        are ``Int64``, flags ``boolean``, figures ``float64``, text ``str`` (`texts.TEXT`, whether or not
        pyarrow is installed); `regions` holds lists of [x, y, width, height] and `region_pixels` lists of
        numbers, or None if nothing was compared.
        ``attrs["run"]`` is the run's manifest, empty if there is none; its ``out`` and
        ``pictures_dir`` are adjusted if the folder was moved.
        ``attrs["edited"]`` is whether a finished file differs from what the run wrote, if that is known.

    Raises
    ------
    ResultsError
        If there is no finished run, or the file cannot be understood.
    """
    file = _newest() if path is None else local_path(path, "The results file", "file")
    data = files.read(file)
    is_partial = file.name.endswith(".partial.csv")
    frame = _frame(_columns_of(file, data, is_partial))
    frame.attrs["run"] = run = runfiles.manifest_of(file)
    if not is_partial and "csv_digest" in run:
        frame.attrs["edited"] = run["csv_digest"] != csvfile.digest_of(data)
    return frame


def load_changes(path: AnyPath | None = None) -> pd.DataFrame | None:
    """Read the changes of a run as a table, one line for each change.

    Parameters
    ----------
    path : path, optional
        The CSV of the run's results, finished or partial, as for `load`; beside a finished one is the file of
        its changes, ``changes-<stamp>.csv``.

    Returns
    -------
    DataFrame or None
        The columns of `CHANGE_COLUMNS`, which `comparison.changes.Change` describes; numbers are ``Int64``,
        text ``str``. `rules` is a JSON list of names, or empty. None if there is no such file: the run was an
        earlier version's, or did not find out what moved.

    Raises
    ------
    ResultsError
        If there is no finished run, or a file cannot be understood.
    """
    file = _newest() if path is None else local_path(path, "The results file", "file")
    columns = columns_of_changes(file)
    return None if columns is None else table_of_changes(columns)


def table_of_changes(columns: Columns) -> pd.DataFrame:
    """Return the table of `load_changes`, given what `Rows.changes` returned."""
    types = {name: TEXT if name in CHANGE_TEXTS else "Int64" for name in CHANGE_COLUMNS}
    return pd.DataFrame({name: pd.Series(columns[name], dtype=kind) for name, kind in types.items()})


def _columns_of(file: Path, data: bytes, is_partial: bool) -> dict[str, list[Any]]:
    """Return the values of a CSV of any kind, by column."""
    if is_partial and partial.has_checks(data):
        return _checked_columns(file, data)
    if is_partial:
        data = partial.whole_lines(data) or BOM + ",".join(COLUMNS).encode()
    text = csvfile.decode(file, data)
    if not text:
        raise ResultsError(f"{shown(file)} is empty: it does not hold the results of a run.")
    if _has_header(text):
        return _columns(file, *csvfile.header_and_lines(file, data))
    return _seed_columns(file, text)


def _newest() -> Path:
    """Return the newest finished CSV, or what the first notebook wrote, whose cells know no output folder."""
    out = (settings.recorded() or settings.resolve()).out
    exchange.show(out)
    try:
        return runfiles.newest(out)
    except ResultsError as error:
        try:
            file = runfiles.newest(working_directory())
        except ResultsError:
            raise error from None
        if _has_header(csvfile.decode(file, files.read(file))):
            raise
        streams.say(f"{error} Read instead, from the working directory: {shown(file)}.")
        return file


def _checked_columns(path: Path, data: bytes) -> dict[str, list[Any]]:
    """Return the columns of a partial CSV, without check values."""
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for number, header, cells in partial.checked_lines(path, [data]):
        shown_cells = {name: cell for name, cell in zip(header, cells, strict=True) if name != LISTED}
        for name in shown_cells:
            columns.setdefault(name, [])
        _enter(columns, path, number, [*shown_cells], [*shown_cells.values()])
    return columns


def _has_header(text: str) -> bool:
    first_line = text.partition("\n")[0].rstrip("\r")
    return set(_SEED_COLUMNS) <= {cell.strip('"') for cell in first_line.split(",")}


def _columns(path: Path, header: list[str], lines: Iterable[tuple[int, list[str]]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in header}
    for number, cells in lines:
        _enter(columns, path, number, header, cells)
    return columns


def _enter(
    columns: dict[str, list[Any]], path: Path, number: int, header: Sequence[str], cells: Sequence[str]
) -> None:
    """Append the values of one line to their columns."""
    for name, cell in zip(header, cells, strict=True):
        try:
            columns[name].append(_value(name, cell))
        except ValueError as error:
            raise csvfile.not_understood(path, number, str(error)) from error


def _value(name: str, cell: str) -> Any:
    if name in COLUMNS:
        return parse_cell(name, cell)
    return parse_metric(name, cell) if name.startswith(METRIC) else cell


# The first notebook did not quote names, so a name may contain commas and line breaks. Tried in this order: a
# row on one line whose message has no quotes; one whose message has quotes; a name over several lines.
_SEED_ENDS = r'"[ \t]*(?:\r\n|\n|\r|\Z)'
_SEED_ROWS = tuple(
    re.compile(rf'{ahead}\ufeff?([^,\r\n]*),({name}),"({message}){_SEED_ENDS}', re.DOTALL)
    for ahead, name, message in (
        ("", r"[^\r\n]*?", r'[^"\r\n]*'),
        # Only in a line that ends like a row, where any of its quotes may begin the message.
        (rf"(?=[^\r\n]*{_SEED_ENDS})", r"[^\r\n]*?", r"[^\r\n]*"),
        ("", r".*?", r'[^"]*'),
    )
)


def _seed_columns(path: Path, text: str) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in _SEED_COLUMNS}
    at = 0
    while at < len(text):
        match = next((match for row in _SEED_ROWS if (match := row.match(text, at))), None)
        if match is None:
            line = text.count("\n", 0, at) + 1
            raise csvfile.not_understood(
                path, line, 'it is neither a run\'s results nor score,name,"message"'
            )
        score, name, message = match.groups()
        try:
            columns["ssim_score"].append(parse_cell("ssim_score", "" if score in ("None", "nan") else score))
        except ValueError as error:
            raise csvfile.not_understood(path, text.count("\n", 0, at) + 1, str(error)) from error
        columns["image_filename"].append(name)
        columns["messages"].append(message)
        at = match.end()
    return columns


def _frame(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    count = len(columns[_SEED_COLUMNS[0]])
    statuses, verdicts = (columns.get(name, []) or [None] * count for name in ("status", "verdict"))
    columns = {**columns, "verdict": [verdict_of(*both) for both in zip(statuses, verdicts, strict=True)]}
    order = [*COLUMNS, *(name for name in columns if name not in COLUMNS)]
    return pd.DataFrame({name: _series(name, columns.get(name, [None] * count)) for name in order})


def _series(name: str, values: list[Any]) -> "pd.Series[Any]":
    if name in REGIONS:
        boxes = [None if value is None else [list(box) for box in value] for value in values]
        return pd.Series(boxes, dtype=object)
    if name in COUNTS:
        return pd.Series([None if value is None else list(value) for value in values], dtype=object)
    if name in FLOATS or name.startswith(METRIC):
        return pd.Series([math.nan if value is None else value for value in values], dtype="float64")
    if name in FLAGS:
        return pd.Series(values, dtype="boolean")
    is_text = name in TEXTS | OPTIONAL_TEXTS or name not in COLUMNS
    return pd.Series(values, dtype=TEXT if is_text else "Int64")
