"""The results of a run on disk, and as a table."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily
from mymodules.row import COLUMNS, PairResult

if TYPE_CHECKING:
    from mymodules.results.cells import (
        BOM,
        check_value,
        encode,
        format_row,
        guard,
        name_if_same,
        parse_row,
        unguard,
    )
    from mymodules.results.csvfile import cells_of, read, read_as_written, write
    from mymodules.results.listing import CHANGE_COLUMNS, number_of, read_changes, write_changes
    from mymodules.results.parquet import write_parquet
    from mymodules.results.partial import (
        PartialWriter,
        checked_line,
        parse_line,
        partial_rows,
        read_partial,
        split_line,
        unchecked,
    )
    from mymodules.results.rows import Rows
    from mymodules.results.table import load, load_changes, table_of_changes

__all__ = [
    "BOM",
    "CHANGE_COLUMNS",
    "COLUMNS",
    "PairResult",
    "PartialWriter",
    "Rows",
    "cells_of",
    "check_value",
    "checked_line",
    "encode",
    "format_row",
    "guard",
    "load",
    "load_changes",
    "name_if_same",
    "number_of",
    "parse_line",
    "parse_row",
    "partial_rows",
    "read",
    "read_as_written",
    "read_changes",
    "read_partial",
    "split_line",
    "table_of_changes",
    "unchecked",
    "unguard",
    "write",
    "write_changes",
    "write_parquet",
]

__getattr__ = lazily(
    __name__,
    {
        "cells": (
            "BOM",
            "check_value",
            "encode",
            "format_row",
            "guard",
            "name_if_same",
            "parse_row",
            "unguard",
        ),
        "csvfile": ("cells_of", "read", "read_as_written", "write"),
        "listing": ("CHANGE_COLUMNS", "number_of", "read_changes", "write_changes"),
        "parquet": ("write_parquet",),
        "partial": (
            "PartialWriter",
            "checked_line",
            "parse_line",
            "partial_rows",
            "read_partial",
            "split_line",
            "unchecked",
        ),
        "rows": ("Rows",),
        "table": ("load", "load_changes", "table_of_changes"),
    },
)
