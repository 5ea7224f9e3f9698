"""The results of a run as a Parquet file, of which programs read the columns and rows they need."""

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from mymodules import files, versions
from mymodules.errors import SettingsError
from mymodules.paths import AnyPath, local_path
from mymodules.results import runfiles
from mymodules.results.rows import Rows, lists, optional
from mymodules.row import COLUMNS, COUNTS, FLAGS, FLOATS, METRIC, REGIONS, WHOLE, own_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

GROUP: Final = 100_000
"""The most rows that stand together: readers may skip a group, and one at a time is in memory."""


def check() -> None:
    """Raise SettingsError if no Parquet file can be written here."""
    try:
        import pyarrow.parquet  # noqa: F401 - to see whether it is there
    except ImportError as error:
        raise SettingsError(
            f"Parquet needs the package pyarrow. Type: {versions.installing('pyarrow')}"
        ) from error


def write_parquet(table: "pd.DataFrame | Rows", path: AnyPath) -> None:
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
        If pyarrow is not installed, or a column holds something else than a run's.
    OutputError
        If the file cannot be written.

    Notes
    -----
    The columns are those of the CSV, also where a run has no value of one: ``int64``, ``double``, ``bool``
    and ``string``; `regions` is a list of lists ``[x, y, width, height]``, `region_pixels` a list of numbers.
    What the CSV leaves empty is null. Metrics of one's own come last, as ``double``; no other columns are
    written. Text is as in the CSV, but for the ``'`` before what spreadsheets take for a formula. The
    metadata has, as ``mymodules``, a JSON object: what `runfiles.told` takes of the run's manifest.
    """
    check()
    if not isinstance(table, Rows):
        runfiles.check_table(table, "image_filename")
    file = local_path(path, "The Parquet file", "file")
    files.write(file, _chunks(table))


class _Sink(io.RawIOBase):
    """A file that is only written to, and from which what was written is taken away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._end = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._end

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._end += len(piece)
        return len(piece)

    def taken(self) -> list[bytes]:
        taken, self._pieces = self._pieces, []
        return taken


def _chunks(table: "pd.DataFrame | Rows") -> Iterator[bytes]:
    """Yield the bytes of the file."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema(table)
    sink = _Sink()
    count = len(table.rows if isinstance(table, Rows) else table)
    with parquet.ParquetWriter(sink, schema) as writer:
        for begin in range(0, count, GROUP):
            end = min(begin + GROUP, count)
            part = table._replace(rows=table.rows[begin:end]) if isinstance(table, Rows) else table[begin:end]
            arrays = [_array(field, _values(part, field.name, end - begin)) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield from sink.taken()
    yield from sink.taken()


def _schema(table: "pd.DataFrame | Rows") -> "pa.Schema":
    import pyarrow as pa

    whole = pa.int64()
    kinds = dict.fromkeys(FLOATS, pa.float64()) | dict.fromkeys(WHOLE, whole)
    kinds |= dict.fromkeys(FLAGS, pa.bool_()) | dict.fromkeys(COUNTS, pa.list_(whole))
    kinds |= dict.fromkeys(REGIONS, pa.list_(pa.list_(whole)))
    if isinstance(table, Rows):
        run, own = table.run, dict.fromkeys(METRIC + name for row in table.rows for name, _ in row.custom)
    else:
        run, own = runfiles.record(table), dict.fromkeys(own_columns(table.columns))
    fields = [
        *((name, kinds.get(name, pa.string())) for name in COLUMNS),
        *((name, pa.float64()) for name in own),
    ]
    return pa.schema(fields, {"mymodules": json.dumps(runfiles.told(run))})


def _values(part: "pd.DataFrame | Rows", name: str, count: int) -> list[Any]:
    """Return a column as Python's own values, None where there is none."""
    if not isinstance(part, Rows):
        return optional(part, name, count, None)
    if name in COLUMNS:
        return lists(part, name)[0]
    return [dict(row.custom).get(name.removeprefix(METRIC)) for row in part.rows]


def _array(field: "pa.Field", values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:
        return pa.array([None if value is None else _encodable(value) for value in values], field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SettingsError(f"The column {field.name} holds something else than a run's: {error}.") from error


def _encodable(text: str) -> str:
    """Return a text as `cells.encode` writes it into the CSV."""
    return text.encode("utf-8", "backslashreplace").decode()
