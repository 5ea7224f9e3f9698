r"""Rows as cells of a CSV and back, and the check value of the cells.

Spreadsheets take some texts for formulas. Therefore a text cell that matches ``^'*[=+\-@\t\r\n＝＋－＠]`` is
written with one more ``'``, and reading removes one. The last four signs are full-width forms of ``=+-@``;
East Asian spreadsheets treat them alike. Earlier versions wrote texts with these four unchanged, and such
files are still read correctly, with one exception: a name that begins with ``'`` and one of these four loses
its first ``'``. All other texts are written unchanged, because no spreadsheet takes a space, ``|`` or ``%``
for the beginning of a formula.
"""

import csv
import functools
import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from mymodules.regions import Region
from mymodules.row import (
    COLUMNS,
    COUNTS,
    FLAGS,
    FLOATS,
    METRIC,
    OPTIONAL_TEXTS,
    REGIONS,
    SIZES,
    TEXTS,
    PairResult,
    columns_of,
)

_LARGEST = 2**53  # larger whole numbers are not exact as a float, which is what spreadsheets make of them

LISTED: Final = "listed"
"""The last column but one of a partial CSV, `PairResult.listed`: so no row is ever without its changes."""

CHECK: Final = "check"
"""The last column of a partial CSV: 16 hex digits of BLAKE2b over names and cells of all other columns."""

BOM = b"\xef\xbb\xbf"

_FORMULA = r"[=+\-@\t\r\n＝＋－＠]"
_GUARDED = re.compile(f"'*{_FORMULA}")
_GUARD = re.compile(f"'+{_FORMULA}")
_FIRST = frozenset("'=+-@\t\r\n＝＋－＠")  # what a text that `_GUARDED` matches begins with


def format_row(result: PairResult) -> list[str]:
    """Return the cells of a row, in the order of `row.columns_of`; a missing figure is an empty cell."""
    values = zip(_FORMATS, result, strict=False)  # the last items of a row are not columns
    cells = ["" if value is None else as_text(value) for as_text, value in values]
    if result.custom:
        cells += ("" if value is None else repr(value) for _, value in result.custom)
    return cells


def parse_row(cells: Sequence[str], metrics: Sequence[str] = ()) -> PairResult:
    """Return the row of these cells: the exact inverse of `format_row`, given the names of its metrics.

    Raises
    ------
    ValueError
        If a cell is not of its column's type, or there are too few or too many cells.
    """
    count = len(COLUMNS)
    row = PairResult(*[parse(cell) for parse, cell in zip(_PARSERS, cells[:count], strict=True)])
    further = zip(metrics, cells[count:], strict=True)
    custom = tuple((name, parse_metric(METRIC + name, cell)) for name, cell in further)
    return row._replace(custom=custom) if custom else row


def parse_metric(name: str, cell: str) -> float | None:
    """Return the value of one cell of the column of a metric; ValueError if it is not a figure."""
    return _parse_figure(name, cell) if cell else None


def guard(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in _FIRST and _GUARDED.match(text) else text


def unguard(cell: str) -> str:
    """Return the text of a cell: the exact inverse of `guard`."""
    return cell[1:] if cell[:1] == "'" and _GUARD.match(cell) else cell


def _format_of(name: str) -> Callable[[Any], str]:
    """Return the function that makes a cell of a value of this column."""
    if name in TEXTS | OPTIONAL_TEXTS:
        return lambda value: guard(str(value))
    if name in REGIONS:
        return lambda value: _list_of([f"[{x:d},{y:d},{wide:d},{high:d}]" for x, y, wide, high in value])
    if name in COUNTS:
        return lambda value: _list_of([str(int(count)) for count in value])
    if name in FLAGS:
        return lambda value: "true" if value else "false"
    return (lambda value: repr(float(value))) if name in FLOATS else (lambda value: str(int(value)))


def _list_of(items: Iterable[str]) -> str:
    """A JSON list of items that are JSON already."""
    return f"[{','.join(items)}]"


_FORMATS = [_format_of(name) for name in COLUMNS]


def parse_cell(name: str, cell: str) -> Any:
    """Return the value of one cell of this column; ValueError if it is not of the column's type."""
    if name in TEXTS:
        return unguard(cell)
    if not cell:
        return None
    if name in OPTIONAL_TEXTS:
        return unguard(cell)
    if name in REGIONS:
        return _parse_regions(name, cell)
    if name in COUNTS:
        return _parse_counts(name, cell)
    if name in FLAGS:
        return _parse_flag(name, cell)
    if name in FLOATS:
        return _parse_figure(name, cell)
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    # pandas writes whole numbers beside missing ones as 12.0
    if not number.is_integer() or abs(number) > _LARGEST:
        raise ValueError(f"{name} is {cell[:100]!r}, which is not a whole number")
    return int(number)


def _parse_figure(name: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {cell[:100]!r}, which is not a figure")
    return number


def _parser_of(name: str) -> Callable[[str], Any]:
    """Return `parse_cell` of this column; most figures were parsed before, in an earlier row."""
    if name in TEXTS:
        return unguard
    if name in OPTIONAL_TEXTS:
        return lambda cell: unguard(cell) if cell else None
    return functools.lru_cache(maxsize=64)(functools.partial(parse_cell, name))


_PARSERS = [_parser_of(name) for name in COLUMNS]


def _as_same(name: str) -> str:
    """Return a pattern of the cells that this column may have in a row `same`; others have to be parsed."""
    if name == "status":
        return "same"
    if name in TEXTS | OPTIONAL_TEXTS:
        return f"{'(' if name == 'image_filename' else '(?:'}(?!')[^\",\r\n\ud800-\udfff]*)"
    if name in REGIONS | COUNTS:
        return r"(?:\[\])?"
    if name in FLAGS:
        return "(?:true|false)?"
    return "(?:-?[0-9]{1,15}(?:[.][0-9]{1,20})?(?:e-[0-9]{2})?)?" if name in FLOATS else "[0-9]{0,15}"


@functools.cache  # it is long, and few processes need it
def _same() -> re.Pattern[str]:
    return re.compile(",".join(map(_as_same, COLUMNS)) + ",,[0-9a-f]{16}\r\n")


# Of most lines: whether one is like the first one is seen in half of the time.
_usual: list[re.Pattern[str]] = []


def name_if_same(line: str) -> str | None:
    """Return the name in the line of a checked row if it is seen without parsing that it says `same`."""
    match = _usual[0].fullmatch(line) if _usual else None
    if match is None and (match := _same().fullmatch(line)) is not None and not _usual:
        _usual.append(_like(line))
    return None if match is None else match[1]


def _like(line: str) -> re.Pattern[str]:
    """Return a pattern of the lines of `_same` that differ from this one in what files have of their own."""
    cells = dict(zip(COLUMNS, line.split(","), strict=False))  # no cell of such a line holds a comma
    patterns = {name: re.escape(cell) for name, cell in cells.items()}
    patterns |= {name: _as_same(name) for name in ("image_filename", *SIZES, "seconds")}
    patterns |= dict.fromkeys(("first_digest", "second_digest"), "[0-9a-f]*")
    return re.compile(",".join(patterns.values()) + ",,[0-9a-f]{16}\r\n")


def _parse_flag(name: str, cell: str) -> bool:
    flag = {"true": True, "false": False}.get(cell.lower())  # spreadsheets save them in capitals
    if flag is None:
        raise ValueError(f"{name} is {cell[:100]!r}, which is neither true nor false")
    return flag


def _parse_list(cell: str) -> list[Any] | None:
    """Return the list in a cell, None if it is not one."""
    try:
        values = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None


def _parse_counts(name: str, cell: str) -> tuple[int, ...]:
    counts = _parse_list(cell)
    if counts is None:
        raise ValueError(f"{name} is {cell[:100]!r}, which is not a list of whole numbers")
    for count in counts:
        if type(count) is not int or not 0 <= count <= _LARGEST:
            raise ValueError(f"{name} holds {str(count)[:100]}, which is not a number of pixels")
    return tuple(counts)


def _parse_regions(name: str, cell: str) -> tuple[Region, ...]:
    boxes = _parse_list(cell)
    if boxes is None:
        raise ValueError(f"{name} is {cell[:100]!r}, which is not a list of boxes")
    for box in boxes:
        if not isinstance(box, list) or [type(side) for side in box] != [int] * 4:
            raise ValueError(f"{name} holds {str(box)[:100]}, which is not [x, y, width, height]")
        if max(map(abs, box)) > _LARGEST:
            raise ValueError(f"{name} holds {str(box)[:100]}, which is not a box in a picture")
    return tuple(Region(*box) for box in boxes)


def encode(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows of cells as lines of a CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    # Names and messages hold no surrogates (pairs.to_text, pairs.sentence); if one does, a run must not fail.
    return text.getvalue().encode("utf-8", "backslashreplace")


def partial_columns_of(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a partial CSV, but for its check value."""
    return (*columns_of(metrics), LISTED)


_PARTIAL: Final = partial_columns_of(())


def check_value(cells: Sequence[str], columns: Sequence[str] = _PARTIAL) -> str:
    """Return the check value of a row; it changes with any cell and with the names of the columns."""
    return check_of(encode([cells]), columns)


def check_of(line: bytes, columns: Sequence[str] = _PARTIAL) -> str:
    """Return the `check_value` of a row, given its line."""
    digest = _BEGUN.copy() if columns is _PARTIAL else _begun(columns)
    digest.update(line)
    return digest.hexdigest()


def _begun(columns: Sequence[str]) -> "hashlib.blake2b":
    return hashlib.blake2b(encode([columns]), digest_size=8)


_BEGUN = _begun(_PARTIAL)
