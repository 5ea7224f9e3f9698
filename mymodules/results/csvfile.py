"""The finished CSV of a run: written in one step, and read again.

The CSV is UTF-8 with a byte order mark (for Excel), has a header and is written by the csv module; `cells`
defines the form of its cells. Its digest is in the run's manifest. Reading never guesses: a text ``NA`` stays
a text. `partial` has the file of a run that goes on.
"""

import csv
import hashlib
import io
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from mymodules import files
from mymodules.errors import ResultsError
from mymodules.paths import shown
from mymodules.results.cells import BOM, LISTED, encode, format_row, parse_cell, parse_metric
from mymodules.row import COLUMNS, METRIC, PairResult, columns_of

LONGEST_LINE: Final = 1 << 24
"""Bytes; every row is shorter."""

REQUIRED: Final = COLUMNS[:5]
"""The columns that every version has written."""

_KNOWN = frozenset(COLUMNS)


def write(path: Path, rows: Iterable[PairResult | bytes], metrics: Sequence[str] = ()) -> str:
    """Write a whole CSV in one step.

    Parameters
    ----------
    path : Path
    rows : iterable of PairResult or bytes
        Rows, or lines of rows from another file.
    metrics : sequence of str
        The names in `PairResult.custom` of every row.

    Returns
    -------
    str
        The digest of the file, 32 hex digits of BLAKE2b-128.

    Raises
    ------
    OutputError
        With the path. An earlier file stays unchanged, and no temporary file is left beside it.
    """
    lines = (row if isinstance(row, bytes) else encode([format_row(row)]) for row in rows)
    return write_digested(path, itertools.chain([BOM + encode([columns_of(metrics)])], lines))


def write_digested(path: Path, lines: Iterable[bytes]) -> str:
    """Write a file in one step, and return what `digest_of` returns for it; raise OutputError."""
    digest = hashlib.blake2b(digest_size=16)

    def digested() -> Iterator[bytes]:
        for line in lines:
            digest.update(line)
            yield line

    files.write(path, digested())
    return digest.hexdigest()


def read(path: Path) -> list[PairResult]:
    """Read all rows of a finished CSV.

    Raises
    ------
    ResultsError
        If it is absent, or anything in it is not what `write` writes. Columns from the sixth on may be absent
        (a file of an earlier version); unknown ones are left out.
    """
    return [row._replace(listed="") if row.listed else row for row in rows_of(path, files.read(path))]


def read_as_written(path: Path, digest: object) -> Iterator[PairResult]:
    """Yield the rows of a finished CSV, one at a time, if the file has this digest.

    Any other file was changed after the run, by a person or by damage, and its rows cannot be trusted: a
    warning is issued and there are no rows. Without a digest, as in the manifest of an earlier version, all
    rows count.
    """
    data = files.read(path)
    if digest is None or digest == digest_of(data) or not is_ours(header_of(data)):
        yield from rows_of(path, data)  # which raises for another file
        return
    warnings.warn(
        f"{shown(path)} is not as the run wrote it: it was edited or damaged. None of its rows is trusted: "
        "all its pictures are compared again, and then the file is replaced.",
        stacklevel=2,
    )


def digest_of(data: bytes) -> str:
    """Return the digest of a finished CSV that its manifest records."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def header_of(data: bytes) -> list[str]:
    """Return the cells of the first line, even if it is not a header."""
    lines = data[:LONGEST_LINE].splitlines() or [b""]
    try:
        return next(csv.reader([lines[0].decode("utf-8-sig", "replace")]), [])
    except csv.Error:
        return []


def is_ours(header: Sequence[str]) -> bool:
    """Return whether this is the header of a run's CSV, though a cell may be damaged."""
    return len(set(COLUMNS) & set(header)) >= len(REQUIRED)


def cells_of(line: str) -> list[str]:
    """Return the cells of one line of a CSV; ValueError if it is not one."""
    try:
        (cells,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return cells


def rows_of(path: Path, data: bytes) -> Iterator[PairResult]:
    header, lines = header_and_lines(path, data)
    absent = [name for name in REQUIRED if name not in header]
    if absent:
        raise ResultsError(f"{shown(path)} has no column {', '.join(absent)}: it is not a run's results.")
    for number, cells in lines:
        try:
            yield row_of(zip(header, cells, strict=True))
        except ValueError as error:
            raise not_understood(path, number, str(error)) from error


def row_of(cells: Iterable[tuple[str, str]]) -> PairResult:
    """Return the row of named cells; those that are neither a column nor a metric are left out."""
    known: dict[str, Any] = {}
    custom: list[tuple[str, float | None]] = []
    for name, cell in cells:
        if name in _KNOWN:
            known[name] = parse_cell(name, cell)
        elif name.startswith(METRIC):
            custom.append((name.removeprefix(METRIC), parse_metric(name, cell)))
        elif name == LISTED:
            known[name] = cell
    return PairResult(**known, custom=tuple(custom))


def header_and_lines(path: Path, data: bytes) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the header, and the rows with their line numbers; every row is as long as the header."""
    decode(path, data)  # only for its error, which names the byte: below, rows are decoded one at a time
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise not_understood(path, reader.line_num, str(error)) from error
    if len(set(header)) != len(header):
        raise ResultsError(f"{shown(path)} has two columns with the same name.")

    def lines() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in reader:
                if not cells:
                    continue  # an empty line, as editors leave at the end
                if len(cells) != len(header):
                    reason = f"it has {len(cells)} cells, the header {len(header)}"
                    raise not_understood(path, reader.line_num, reason)
                yield reader.line_num, cells
        except csv.Error as error:
            raise not_understood(path, reader.line_num, str(error)) from error

    return header, lines()


def not_understood(path: Path, line: int, reason: str) -> ResultsError:
    """Return the error to raise for a line that is not a row."""
    return ResultsError(
        f"{shown(path)} cannot be understood at line {line}: {_brief(reason)}. Use the file as the run "
        "wrote it, or begin a new run."
    )


def _brief(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:150]} … {text[-50:]}"


def decode(path: Path, data: bytes) -> str:
    """Return the text of a CSV; ResultsError if it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ResultsError(
            f"{shown(path)} is not UTF-8 (byte {error.start}): save it as CSV UTF-8, or take the original."
        ) from error
