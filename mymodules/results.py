r"""Rows on disk: from workers to CSV and back, and into pandas.

Rows land in a partial CSV as they come, until the sorted one replaces it in one step.

The CSV is UTF-8 with a byte order mark (Excel), has a header and is written by the csv module. A
spreadsheet takes some texts for formulas: a text cell that matches ``^'*[=+\-@\t\r\n]`` is written with one
more ``'``, and reading takes one away. Reading never guesses: a text ``NA`` stays a text.
"""

import bisect
import csv
import io
import itertools
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from mymodules import files, runs, settings
from mymodules.errors import OutputError, ResultsError
from mymodules.regions import Region
from mymodules.settings import AnyPath, shown
from mymodules.workers import PairResult

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = PairResult._fields
"""The columns of a results file, in order; new ones are appended last."""

_FLOATS = {"ssim_score", "pixel_diff_percent", "combined", "seconds"}
_FLAGS = {"dim_differ"}
_TEXTS = {"image_filename", "messages", "status", "code"}
_OPTIONAL_TEXTS = {"first_digest", "second_digest", "renamed_from"}
_REGIONS = {"regions"}

_SEED_COLUMNS = COLUMNS[:3]
_REQUIRED = COLUMNS[:5]

# --- one row and its cells ---------------------------------------------------------------------------

_GUARDED = re.compile(r"'*[=+\-@\t\r\n]")
_GUARD = re.compile(r"'+[=+\-@\t\r\n]")


def format_row(result: PairResult) -> list[str]:
    """The cells of a row, in the order of `COLUMNS`; a missing figure is an empty cell."""
    return [_format(name, value) for name, value in zip(COLUMNS, result, strict=True)]


def parse_row(cells: Sequence[str]) -> PairResult:
    """The row of these cells: the exact inverse of `format_row`.

    Raises
    ------
    ValueError
        For a cell that is not of its column's type, and for too few or too many cells.
    """
    return PairResult(*(_parse(name, cell) for name, cell in zip(COLUMNS, cells, strict=True)))


def guard(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguard(cell: str) -> str:
    """The text of a cell: the exact inverse of `guard`."""
    return cell[1:] if _GUARD.match(cell) else cell


def _format(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _TEXTS | _OPTIONAL_TEXTS:
        return guard(str(value))
    if name in _REGIONS:
        return json.dumps([[int(side) for side in region] for region in value], separators=(",", ":"))
    if name in _FLAGS:
        return "true" if value else "false"
    return repr(float(value)) if name in _FLOATS else str(int(value))


def _parse(name: str, cell: str) -> Any:
    if name in _TEXTS:
        return unguard(cell)
    if not cell:
        return None
    if name in _OPTIONAL_TEXTS:
        return unguard(cell)
    if name in _REGIONS:
        return _parse_regions(cell)
    if name in _FLAGS:
        return _parse_flag(cell)
    if name in _FLOATS:
        return float(cell)
    number = float(cell)  # pandas writes whole numbers beside missing ones as 12.0
    if not number.is_integer():
        raise ValueError(f"{cell!r} is not a whole number")
    return int(number)


def _parse_flag(cell: str) -> bool:
    flag = {"true": True, "false": False}.get(cell.lower())  # spreadsheets save them in capitals
    if flag is None:
        raise ValueError(f"{cell!r} is neither true nor false")
    return flag


def _parse_regions(cell: str) -> tuple[Region, ...]:
    boxes = json.loads(cell)
    if not isinstance(boxes, list):
        raise ValueError(f"{cell!r} is no list of regions")
    for box in boxes:
        if not isinstance(box, list) or [type(side) for side in box] != [int] * 4:
            raise ValueError(f"{box!r} is not [x, y, width, height]")
    return tuple(Region(*box) for box in boxes)


# --- writing -----------------------------------------------------------------------------------------

BOM = b"\xef\xbb\xbf"


class PartialWriter:
    """Writes rows as they come: a row that `append` has taken survives the end of this process.

    Rows are kept in the file and not in memory, so that ten thousand need no more of it than a thousand.

    Parameters
    ----------
    path : Path
        The partial CSV. A file that is there is replaced, in one step.
    rows : iterable of PairResult
        Rows to begin with, those that a resumed run keeps.

    Raises
    ------
    OutputError
        Here and in `append`, with the path. A row that could not be written in full is taken back.
    """

    def __init__(self, path: Path, rows: Iterable[PairResult] = ()) -> None:
        self.path = path
        self._begins: dict[str, int] = {}
        self._end, self._checksum = len(_HEADER), zlib.crc32(_HEADER)
        write(path, (self._noted(row.image_filename, encode([format_row(row)])) for row in rows))
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise files.not_written(path, error) from error

    def append(self, row: PairResult) -> None:
        """Hand one row to the operating system, in one piece."""
        data = encode([format_row(row)])
        try:
            files.write_all(self._file, data)
        except OSError as error:
            self._take_back()
            raise files.not_written(self.path, error) from error
        self._noted(row.image_filename, data)

    def sorted(self, names: Iterable[str], instead: Mapping[str, PairResult]) -> Iterator[bytes | PairResult]:
        """The rows of these names in their order, for `write`; some of them replaced.

        Raises
        ------
        ResultsError
            When another program has written to the file: then it is not known where a row begins.
        OutputError
            When the file cannot be read.
        """
        try:
            self._file.seek(0)
            checksum = 0
            while data := self._file.read(1 << 16):
                checksum = zlib.crc32(data, checksum)
            if checksum != self._checksum:
                raise self._spoilt()
            begins = [*self._begins.values(), self._end]
            for name in names:
                if name in instead:
                    yield instead[name]
                else:
                    begin = self._file.seek(self._begins[name])
                    size = begins[bisect.bisect_right(begins, begin)] - begin
                    line = self._file.read(size)
                    if len(line) != size:
                        raise self._spoilt()
                    yield line
        except OSError as error:
            told = f"{shown(self.path)} cannot be read ({error.strerror or error})"
            raise OutputError(f"{told}: see to its disk, then resume the run.", self.path) from error

    def _spoilt(self) -> ResultsError:
        told = f"{shown(self.path)} was written to by another program during the run"
        return ResultsError(f"{told}: begin a new run. What is in the store is not compared again.")

    def _noted(self, name: str, data: bytes) -> bytes:
        """Remember where the line of a row stands; returns the line."""
        self._begins[name] = self._end
        self._end += len(data)
        self._checksum = zlib.crc32(data, self._checksum)
        return data

    def close(self) -> None:
        """Close the file; it stays where it is."""
        try:
            self._file.close()
        except OSError as error:
            raise files.not_written(self.path, error) from error

    def _take_back(self) -> None:
        try:
            self._file.truncate(self._end)
        except OSError:
            self._file.close()  # readers drop a torn last line, but nothing may follow it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write(path: Path, rows: Iterable[PairResult | bytes]) -> None:
    """Write a whole CSV in one step.

    Parameters
    ----------
    path : Path
    rows : iterable of PairResult or bytes
        Rows, or their lines as they stand in another file.

    Raises
    ------
    OutputError
        With the path; a file that was there before is unchanged and nothing is left beside it.
    """
    lines = (row if isinstance(row, bytes) else encode([format_row(row)]) for row in rows)
    files.write(path, itertools.chain([_HEADER], lines))


def encode(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of cells as lines of a CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    # Names and messages hold no surrogates (pairs.to_text, pairs.sentence); a run should not end if one does.
    return text.getvalue().encode("utf-8", "backslashreplace")


_HEADER = BOM + encode([COLUMNS])


# --- reading -----------------------------------------------------------------------------------------


def read(path: Path) -> list[PairResult]:
    """Read a finished CSV, every row of it.

    Raises
    ------
    ResultsError
        When it is absent, or anything in it is not what `write` writes. Columns from the sixth on may be
        absent (a file of an earlier version), further ones are left out.
    """
    return _rows(path, _decode(path, files.read(path)))


def read_partial(path: Path) -> list[PairResult]:
    """Read a partial CSV, without a last line that a kill has torn.

    A row counts as whole when its line break has begun; only what follows the last of these is dropped.

    Raises
    ------
    ResultsError
        As `read`.
    """
    data = _whole_lines(files.read(path))
    return _rows(path, _decode(path, data)) if data else []


def _whole_lines(data: bytes) -> bytes:
    """Cut after the last line break that ends a row; empty when not even the header is whole."""
    # Quotes inside a cell are doubled, so outside of cells their number is even, and only there.
    quotes = data.count(b'"')
    if data.endswith(b"\r") and quotes % 2 == 0:
        return data + b"\n"
    end = len(data)
    while (at := data.rfind(b"\n", 0, end)) >= 0:
        quotes -= data.count(b'"', at, end)
        if quotes % 2 == 0:
            return data[: at + 1]
        end = at
    return b"" if _HEADER.startswith(data) else data


def _rows(path: Path, text: str) -> list[PairResult]:
    header, lines = _cells(path, text)
    absent = [name for name in _REQUIRED if name not in header]
    if absent:
        raise ResultsError(f"{shown(path)} has no column {', '.join(absent)}: it is not a run's results.")
    places = [(name, header.index(name)) for name in COLUMNS if name in header]
    rows = []
    for number, cells in lines:
        try:
            rows.append(PairResult(**{name: _parse(name, cells[place]) for name, place in places}))
        except ValueError as error:
            raise _not_understood(path, number, str(error)) from error
    return rows


def _cells(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and, with their line numbers, the rows: all as long as the header."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        header = next(reader, [])
        for cells in reader:
            if not cells:
                continue  # an empty line, as editors leave at the end
            if len(cells) != len(header):
                raise _not_understood(
                    path, reader.line_num, f"it has {len(cells)} cells, the header {len(header)}"
                )
            lines.append((reader.line_num, cells))
    except csv.Error as error:
        raise _not_understood(path, reader.line_num, str(error)) from error
    if len(set(header)) != len(header):
        raise ResultsError(f"{shown(path)} has two columns of one name.")
    return header, lines


def _not_understood(path: Path, line: int, reason: str) -> ResultsError:
    return ResultsError(f"{shown(path)} cannot be understood at line {line}: {reason}.")


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ResultsError(
            f"{shown(path)} is not UTF-8 (byte {error.start}): save it as CSV UTF-8, or take the original."
        ) from error


# --- into pandas -------------------------------------------------------------------------------------


def load(path: AnyPath | None = None) -> "pd.DataFrame":
    """Read the results of a run as a table.

    Parameters
    ----------
    path : path, optional
        A CSV: finished, partial (without a torn last line), or the three columns without a header that
        the first notebook wrote. By default the newest finished one in the output folder of the settings.

    Returns
    -------
    DataFrame
        All of `COLUMNS`, then columns that are not known here, as text. Integers are ``Int64``, flags
        ``boolean``, figures ``float64``, text ``str``; `regions` holds lists of [x, y, width, height], None
        where nothing was compared. ``attrs["run"]`` is the run's manifest, empty where there is none.

    Raises
    ------
    ResultsError
        When there is no finished run, or the file cannot be understood.
    """
    file = (
        runs.newest((settings.recorded() or settings.resolve()).out)
        if path is None
        else settings.local_path(path, "The results file", "file")
    )
    data = files.read(file)
    if file.name.endswith(".partial.csv"):
        data = _whole_lines(data) or BOM + ",".join(COLUMNS).encode()
    text = _decode(file, data)
    if not text:
        raise ResultsError(f"{shown(file)} is empty: it holds the results of no run.")
    columns = _columns(file, text) if _has_header(text) else _seed_columns(file, text)
    frame = _frame(columns)
    stamp = runs.stamp_of(file)
    manifest = runs.manifest_path(file.parent, stamp) if stamp else None
    frame.attrs["run"] = runs.read_manifest(manifest) if manifest is not None and manifest.exists() else {}
    return frame


def _has_header(text: str) -> bool:
    first_line = text.partition("\n")[0].rstrip("\r")
    return set(_SEED_COLUMNS) <= {cell.strip('"') for cell in first_line.split(",")}


def _columns(path: Path, text: str) -> dict[str, list[Any]]:
    header, lines = _cells(path, text)
    columns: dict[str, list[Any]] = {name: [] for name in header}
    for number, cells in lines:
        for name, cell in zip(header, cells, strict=True):
            try:
                columns[name].append(_parse(name, cell) if name in COLUMNS else cell)
            except ValueError as error:
                raise _not_understood(path, number, str(error)) from error
    return columns


# The first notebook wrote names as they are, so a name with commas or line breaks still is one name. Tried in
# this order: a row on one line, its message without quotes; its message with quotes; a name over lines.
_SEED_ROWS = tuple(
    re.compile(rf'\ufeff?([^,\r\n]*),({name}),"({message})"[ \t]*(?:\r\n|\n|\r|\Z)', re.DOTALL)
    for name, message in ((r"[^\r\n]*?", r'[^"\r\n]*'), (r"[^\r\n]*?", r"[^\r\n]*"), (r".*?", r'[^"]*'))
)


def _seed_columns(path: Path, text: str) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in _SEED_COLUMNS}
    at = 0
    while at < len(text):
        match = next((match for row in _SEED_ROWS if (match := row.match(text, at))), None)
        if match is None:
            line = text.count("\n", 0, at) + 1
            raise _not_understood(path, line, "it is neither a run's results nor score,name,'message'")
        score, name, message = match.groups()
        try:
            columns["ssim_score"].append(None if score in ("", "None") else float(score))
        except ValueError as error:
            raise _not_understood(path, text.count("\n", 0, at) + 1, str(error)) from error
        columns["image_filename"].append(name)
        columns["messages"].append(message)
        at = match.end()
    return columns


def _frame(columns: Mapping[str, list[Any]]) -> "pd.DataFrame":
    import pandas as pd  # half a second: only for those who want a table

    count = len(columns[_SEED_COLUMNS[0]])
    order = [*COLUMNS, *(name for name in columns if name not in COLUMNS)]
    return pd.DataFrame({name: _series(name, columns.get(name, [None] * count)) for name in order})


def _series(name: str, values: list[Any]) -> "pd.Series[Any]":
    import pandas as pd

    if name in _REGIONS:
        boxes = [None if value is None else [list(box) for box in value] for value in values]
        return pd.Series(boxes, dtype=object)
    if name in _FLOATS:
        return pd.Series([math.nan if value is None else value for value in values], dtype="float64")
    if name in _FLAGS:
        return pd.Series(values, dtype="boolean")
    is_text = name in _TEXTS | _OPTIONAL_TEXTS or name not in COLUMNS
    return pd.Series(values, dtype="str" if is_text else "Int64")
