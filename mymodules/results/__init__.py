"""The results of a run on disk, and as a table."""

from mymodules.results.csvfile import (
    BOM,
    COLUMNS,
    PairResult,
    PartialWriter,
    check_value,
    encode,
    format_row,
    guard,
    load,
    parse_row,
    partial_rows,
    read,
    read_as_written,
    read_partial,
    unguard,
    write,
)

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
