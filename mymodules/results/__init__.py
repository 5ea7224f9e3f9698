"""The results of a run on disk, and as a table."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily
from mymodules.results.csvfile import (
    BOM,
    COLUMNS,
    PairResult,
    PartialWriter,
    cells_of,
    check_value,
    checked_line,
    encode,
    format_row,
    guard,
    name_if_same,
    parse_line,
    parse_row,
    partial_rows,
    read,
    read_as_written,
    read_partial,
    unchecked,
    unguard,
    write,
)

if TYPE_CHECKING:
    from mymodules.results.table import load

__all__ = [
    "BOM",
    "COLUMNS",
    "PairResult",
    "PartialWriter",
    "cells_of",
    "check_value",
    "checked_line",
    "encode",
    "format_row",
    "guard",
    "load",
    "name_if_same",
    "parse_line",
    "parse_row",
    "partial_rows",
    "read",
    "read_as_written",
    "read_partial",
    "unchecked",
    "unguard",
    "write",
]

__getattr__ = lazily(__name__, {"table": ("load",)})
