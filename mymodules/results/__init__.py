"""The results of a run on disk, and as a table."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily
from mymodules.results.csvfile import (
    BOM,
    COLUMNS,
    PairResult,
    PartialWriter,
    check_value,
    encode,
    format_row,
    guard,
    parse_row,
    partial_rows,
    read,
    read_as_written,
    read_partial,
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
    "check_value",
    "encode",
    "format_row",
    "guard",
    "load",
    "parse_row",
    "partial_rows",
    "read",
    "read_as_written",
    "read_partial",
    "unguard",
    "write",
]

__getattr__ = lazily(__name__, {"table": ("load",)})
