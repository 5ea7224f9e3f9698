"""The partial CSV of a run: each row is on the disk once it is finished.

Rows are appended as soon as they come; at the end, the sorted CSV replaces the file in one step (`csvfile`).
The last cell of each row is a check value, so that a damaged row is noticed and not copied into another file;
the one before it is `PairResult.listed`, so no row is ever without its changes. The finished CSV has neither.
"""

import itertools
import warnings
import zlib
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mymodules import files
from mymodules.errors import OutputError, ResultsError
from mymodules.paths import shown
from mymodules.results import csvfile
from mymodules.results.cells import (
    BOM,
    CHECK,
    LISTED,
    check_of,
    check_value,
    encode,
    format_row,
    parse_row,
    partial_columns_of,
)
from mymodules.results.csvfile import LONGEST_LINE
from mymodules.row import COLUMNS, PairResult

_PIECE = 1 << 18  # bytes of rows that are copied together
_LINE_BREAK = b"\r\n"
_COMMA = ord(",")
_CHECKED = len(b",") + 16 + len(_LINE_BREAK)  # bytes at the end of a row in a partial CSV
_PARTIAL_HEADER = BOM + encode([[*partial_columns_of(()), CHECK]])

# --- writing -----------------------------------------------------------------------------------------


class PartialWriter:
    """Write rows one by one: once `append` has returned, the row survives the end of this process.

    Rows are kept in the file and not in memory, so that ten thousand need no more memory than a thousand.
    Each ends with its check value.

    Parameters
    ----------
    path : Path
        The partial CSV. An existing file is replaced in one step.
    rows : iterable of PairResult
        Rows to begin with, those that a resumed run keeps.
    metrics : sequence of str
        The names in `PairResult.custom` of every row.

    Raises
    ------
    OutputError
        Here and in `append`, with the path. A row that could not be written in full is removed again.
    """

    def __init__(self, path: Path, rows: Iterable[PairResult] = (), metrics: Sequence[str] = ()) -> None:
        self.path = path
        self._places: dict[str, int] = {}  # where a row begins, and its length in the last 24 bits
        self._listing: set[str] = set()  # rows with changes
        header = BOM + encode([[*partial_columns_of(metrics), CHECK]])
        self._end, self._checksum = len(header), zlib.crc32(header)
        files.write(path, itertools.chain([header], map(self._begun, rows)))
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise files.not_written(path, error) from error

    @property
    def names(self) -> KeysView[str]:
        """The names of the rows that were written."""
        return self._places.keys()

    def append(self, row: PairResult) -> None:
        """Write one row in one piece."""
        self.extend([row.image_filename], [checked_line(row)])

    def extend(self, names: Sequence[str], lines: Sequence[bytes]) -> None:
        """Write several rows in one piece, from `checked_line`; if that fails, none of them."""
        data = b"".join(lines)
        try:
            files.write_all(self._file, data)
        except OSError as error:
            self._take_back()
            raise files.not_written(self.path, error) from error
        self._note(names, lines, data)

    def sorted(self, names: Iterable[str], instead: Mapping[str, PairResult]) -> Iterator[bytes | PairResult]:
        """Yield the rows of these names in this order, for `write`, those that are in one piece together.

        They have no check values.

        Rows in `instead` replace those in the file.

        Raises
        ------
        ResultsError
            If another program has written to the file: then it is unknown where a row begins.
        OutputError
            If the file cannot be read.
        """
        try:
            self._file.seek(0)
            checksum = 0
            while data := self._file.read(1 << 16):
                checksum = zlib.crc32(data, checksum)
            if checksum != self._checksum:
                raise self._spoilt()
            begin, sizes, end, places = 0, array("I"), 0, self._places
            for name in names:
                place, size = divmod(places[name], LONGEST_LINE)
                is_replaced = name in instead
                if is_replaced or place != end or end - begin > _PIECE:
                    yield self._lines(begin, sizes)
                    begin, sizes, end = place, array("I"), place
                if is_replaced:
                    yield instead[name]
                    begin = end = place + size
                else:
                    sizes.append(size)
                    end += size
            yield self._lines(begin, sizes)
        except OSError as error:
            raise self._unreadable(error) from error

    def _lines(self, begin: int, sizes: Sequence[int]) -> bytes:
        """Return rows of these sizes, which are one after the other, as they are in a finished CSV."""
        self._file.seek(begin)
        data = self._file.read(sum(sizes))
        if len(data) != sum(sizes):
            raise self._spoilt()
        both = zip(sizes, itertools.accumulate(sizes), strict=True)
        if self._listing:
            rows = [data[end - size : data.rfind(b",", end - size, end - _CHECKED)] for size, end in both]
        else:
            rows = [data[end - size : end - _CHECKED - len(b",")] for size, end in both]
        return _LINE_BREAK.join([*rows, b""])

    def listed(self, names: Iterable[str], instead: Mapping[str, PairResult]) -> Iterator[tuple[str, str]]:
        """Yield those of these names whose rows have changes, with `PairResult.listed`.

        Rows in `instead` replace those in the file.

        Raises
        ------
        OutputError
            If the file cannot be read.
        """
        for name in names:
            if name in instead:
                if instead[name].listed:
                    yield name, instead[name].listed
            elif name in self._listing:
                place, size = divmod(self._places[name], LONGEST_LINE)
                try:
                    self._file.seek(place)
                    line = self._file.read(size)
                except OSError as error:
                    raise self._unreadable(error) from error
                yield name, line[line.rfind(b",", 0, -_CHECKED) + 1 : -_CHECKED].decode()

    def _unreadable(self, error: OSError) -> OutputError:
        message = f"{shown(self.path)} cannot be read ({error.strerror or error})"
        return OutputError(f"{message}: check its disk, then resume the run.", self.path)

    def _spoilt(self) -> ResultsError:
        message = f"{shown(self.path)} was written to by another program during the run"
        return ResultsError(f"{message}: begin a new run. What is in the store is not compared again.")

    def _begun(self, row: PairResult) -> bytes:
        """Return the line of a row that the file begins with."""
        line = checked_line(row)
        self._note([row.image_filename], [line], line)
        return line

    def _note(self, names: Sequence[str], lines: Sequence[bytes], data: bytes) -> None:
        """Record where the lines of these rows, which are `data`, begin."""
        sizes = [*map(len, lines)]
        begins = itertools.accumulate(sizes, initial=self._end)
        places = [begin * LONGEST_LINE + size for begin, size in zip(begins, sizes, strict=False)]
        self._places.update(zip(names, places, strict=True))
        both = zip(names, lines, strict=True)
        self._listing.update([name for name, line in both if line[-_CHECKED - 1] != _COMMA])
        self._end += len(data)
        self._checksum = zlib.crc32(data, self._checksum)

    def close(self) -> None:
        """Close the file, and keep it."""
        try:
            self._file.close()
        except OSError as error:
            raise files.not_written(self.path, error) from error

    def _take_back(self) -> None:
        try:
            self._file.truncate(self._end)
        except OSError:
            self._file.close()  # readers drop a truncated last line, but nothing may follow it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def checked_line(row: PairResult) -> bytes:
    """Return the line of a row in a partial CSV."""
    line = encode([[*format_row(row), row.listed]])
    check = (
        check_of(line, partial_columns_of([name for name, _ in row.custom])) if row.custom else check_of(line)
    )
    return b"%b,%b\r\n" % (line[:-2], check.encode("ascii"))


def split_line(line: str) -> tuple[list[str], str]:
    """Return the cells of an `unchecked` line, and `PairResult.listed`, for which csv has too small a limit.

    Raises
    ------
    ValueError
        If it is not such a line.
    """
    row, _, listed = line.rstrip("\r\n").rpartition(",")
    return csvfile.cells_of(row), _unquoted(listed)


def _unquoted(cell: str) -> str:
    """Return a cell without the quotes that it need not have: an editor may have added them."""
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def parse_line(line: bytes, metrics: Sequence[str] = ()) -> PairResult | None:
    """Return the row of a line that `checked_line` made, given the names of its metrics.

    None if it has other columns or is damaged.
    """
    try:
        cells, listed = split_line(line.decode().rpartition(",")[0])
        return parse_row(cells, metrics)._replace(listed=listed)
    except ValueError:
        return None


def unchecked(line: bytes) -> bytes:
    """Return the line of a row in a partial CSV without its check value."""
    return line[:-_CHECKED] + _LINE_BREAK


# --- reading -----------------------------------------------------------------------------------------


def read_partial(path: Path) -> list[PairResult]:
    """Read the rows of a partial CSV whose check value fits.

    Other rows are left out, with a warning that says how many. A truncated last line, as a killed process
    leaves it, is left out without a warning: a row is complete once its line break has begun. A file of a
    version that wrote no check values is read without them.

    Raises
    ------
    ResultsError
        If the file is absent or not a run's; and as in `read` for one without check values.
    """
    return list(partial_rows(path))


def partial_rows(path: Path) -> Iterator[PairResult]:
    """Yield the rows that `read_partial` returns, one at a time; a million of them never are in memory."""
    blocks = files.blocks(path)
    begin = next(blocks, b"")
    if not has_checks(begin):
        data = whole_lines(begin + b"".join(blocks))
        yield from csvfile.rows_of(path, data) if data else ()
        return
    for number, columns, cells in checked_lines(path, itertools.chain([begin], blocks)):
        try:
            yield csvfile.row_of(zip(columns, cells, strict=True))
        except ValueError as error:
            raise csvfile.not_understood(path, number, str(error)) from error


def has_checks(data: bytes) -> bool:
    """Return whether a partial CSV was written with check values.

    It was not if its header is exactly that of an earlier version. Any other header of ours is damaged or has
    further columns, and then the check values decide about its rows. The beginning of a file is enough.
    """
    header = csvfile.header_of(data)
    earlier = len(header) >= len(csvfile.REQUIRED) and header == list(COLUMNS[: len(header)])
    return csvfile.is_ours(header) and not earlier and not _PARTIAL_HEADER.startswith(data)


def checked_lines(path: Path, blocks: Iterable[bytes]) -> Iterator[tuple[int, Sequence[str], list[str]]]:
    """Yield line number, columns and cells of the rows of a partial CSV whose check value fits.

    Parameters
    ----------
    path : Path
        Named in a warning, if some do not.
    blocks : iterable of bytes
        Its content.
    """
    ahead, source = deque[bytes](), _lines_of(blocks)
    header = csvfile.header_of(next(source, b""))
    headers: list[Sequence[str]] = [partial_columns_of(())]
    if header[-1:] == [CHECK] and tuple(header[:-1]) != headers[0] and len(set(header)) == len(header):
        headers.append(tuple(header[:-1]))  # of another version; or damaged, and then it fits no row
    at, whole = 1, 1
    misfits: list[int] = [] if header[:-1] in map(list, headers) else [0]
    quotes, rest = 0, b""  # in all lines after the last row, and the last of these lines
    while length := _row_ahead(ahead, source):
        row = b"".join(itertools.islice(ahead, length))
        found = _fits(row, headers) if _is_ended(row) else None
        if found is not None:
            yield at + 1, *found
            whole, quotes, rest = at + length, 0, b""
        else:
            if row.strip():
                misfits.append(at)
                row, length = ahead[0], 1
            quotes, rest = quotes + row.count(b'"'), row
        at += length
        for _ in range(length):
            ahead.popleft()
    if quotes % 2 or not _is_ended(rest):
        misfits = [line for line in misfits if line < whole]  # the last line was truncated, not damaged
    if misfits:
        count = f"{len(misfits)} of its lines do" if len(misfits) > 1 else "one of its lines does"
        warnings.warn(
            f"{shown(path)} was damaged or edited: {count} not fit the check value and must be left out. A "
            "resumed run compares these pictures again.",
            stacklevel=2,
        )


def _lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines with their breaks; what is longer than any row may come in several pieces."""
    rest = b""
    for block in blocks:
        lines = (rest + block).splitlines(keepends=True)
        rest = lines.pop() if len(lines[-1]) <= LONGEST_LINE else b""  # it may go on in the next block
        yield from lines
    if rest:
        yield rest


def _row_ahead(ahead: deque[bytes], source: Iterator[bytes]) -> int:
    """Return how many lines the next row has; it ends where the number of quotes is even.

    Parameters
    ----------
    ahead : deque of bytes
        The next lines; those that are missing are added.
    source : iterator of bytes
        The lines after them.
    """
    quotes = size = count = 0
    for line in itertools.chain([*ahead], source):
        count += 1
        if count > len(ahead):
            ahead.append(line)
        quotes += line.count(b'"')
        size += len(line)
        if quotes % 2 == 0 or size > LONGEST_LINE:
            break
    return count


def _is_ended(row: bytes) -> bool:
    return row.endswith((b"\r", b"\n"))


def _fits(line: bytes, headers: Sequence[Sequence[str]]) -> tuple[Sequence[str], list[str]] | None:
    """Return columns and cells of a row whose check value fits; None for any other bytes."""
    try:
        row, _, value = line.decode("utf-8").rstrip("\r\n").rpartition(",")
        for columns in headers:
            cells, listed = (csvfile.cells_of(row), "") if columns[-1] != LISTED else split_line(row)
            cells += [listed] if columns[-1] == LISTED else []
            if len(cells) == len(columns) and _unquoted(value) == check_value(cells, columns):
                return columns, cells
    except ValueError:
        pass
    return None


def whole_lines(data: bytes) -> bytes:
    """Return the data up to the last line break that ends a row; empty if even the header is truncated."""
    # Quotes inside a cell are doubled, so their number is even exactly outside of cells.
    quotes = data.count(b'"')
    if data.endswith(b"\r") and quotes % 2 == 0:
        return data + b"\n"
    end = len(data)
    while (at := data.rfind(b"\n", 0, end)) >= 0:
        quotes -= data.count(b'"', at, end)
        if quotes % 2 == 0:
            return data[: at + 1]
        end = at
    return b"" if _PARTIAL_HEADER.startswith(data) else data
