"""The results of a run as a Parquet file, of which pandas, polars and DuckDB read the columns they need."""

import io
from typing import TYPE_CHECKING, Any

from mymodules import files
from mymodules.errors import SettingsError
from mymodules.paths import AnyPath, local_path
from mymodules.results.rows import AnyTable, Rows, lists, optional
from mymodules.row import COLUMNS, COUNTS, FLAGS, FLOATS, METRIC, OPTIONAL_TEXTS, REGIONS, TEXTS, WHOLE

if TYPE_CHECKING:
    import pyarrow as pa

INSTALL = "Parquet needs pyarrow: pip install 'mymodules[parquet]'."
"""What to say without it."""


def check() -> None:
    """Raise SettingsError if no Parquet file can be written here."""
    try:
        import pyarrow.parquet  # noqa: F401 - to see whether it is there
    except ImportError as error:
        raise SettingsError(INSTALL) from error


def write_parquet(table: AnyTable, path: AnyPath) -> None:
    """Write the rows of a run as a Parquet file.

    Parameters
    ----------
    table : DataFrame or results.Rows
        What `results.load` or `results.Rows.read` returned, or a part of it.
    path : path
        The file; it is replaced in one step.

    Raises
    ------
    SettingsError
        If pyarrow is not installed.
    OutputError
        If the file cannot be written.

    Notes
    -----
    The columns are those of the CSV, also where a run has no value of one: ``int64``, ``double``, ``bool``
    and ``string``; `regions` is a list of lists ``[x, y, width, height]``, `region_pixels` a list of numbers.
    What the CSV leaves empty is null. Metrics of one's own come last, as ``double``.
    """
    check()
    import pyarrow as pa
    from pyarrow import parquet

    file = local_path(path, "The Parquet file", "file")
    found = pa.table(_columns(table))
    buffer = io.BytesIO()
    parquet.write_table(found, buffer)
    files.write(file, [buffer.getvalue()])


def _columns(table: AnyTable) -> dict[str, "pa.Array"]:
    import pyarrow as pa

    whole = pa.int64()
    kinds = dict.fromkeys(FLOATS, pa.float64()) | dict.fromkeys(WHOLE, whole)
    kinds |= dict.fromkeys(FLAGS, pa.bool_()) | dict.fromkeys((*TEXTS, *OPTIONAL_TEXTS), pa.string())
    kinds |= dict.fromkeys(REGIONS, pa.list_(pa.list_(whole))) | dict.fromkeys(COUNTS, pa.list_(whole))
    if isinstance(table, Rows):
        table = _as_lists(table)
    (names,) = lists(table, "image_filename")
    metrics = [name for name in table if str(name).startswith(METRIC)]
    types = {name: kinds[name] for name in COLUMNS} | dict.fromkeys(metrics, pa.float64())
    return {name: pa.array(optional(table, name, len(names), None), kind) for name, kind in types.items()}


def _as_lists(table: Rows) -> dict[str, list[Any]]:
    found = {name: [getattr(row, name) for row in table.rows] for name in COLUMNS}
    custom = [dict(row.custom) for row in table.rows]
    for name in dict.fromkeys(name for each in custom for name in each):
        found[METRIC + name] = [each.get(name) for each in custom]
    return found
