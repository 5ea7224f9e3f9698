"""Snapshots: what a store knows by content alone, in one file that the store of another machine takes in.

A snapshot holds the rows of pairs, and what searches for renamed pictures found. It names pictures, but no
folder of this machine. It does not hold drawings and copies of pictures, figures of single pairs (another
machine may mean other pictures by their names), failures, and which file has which digest. So the next
machine reads each file once to find its rows, and compares again what it has to draw.

Taking a snapshot in adds what a store lacks, and replaces nothing but what is of no use to it: damaged
records and those of an earlier version. The file is believed in nothing: it must be one of this version with
exactly our two tables, not too large and without damage; a record that does not fit its check value, or whose
figures contradict each other (`plausibility`), is left out. But a check value is no signature: whoever may
write the file can make up rows, so that should be build servers only.

Records of another version of the algorithm are left out, so programs of two versions should not share a file.
What was purged here comes back with a snapshot that has it.
"""

import contextlib
import functools
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from mymodules.errors import StoreError
from mymodules.row import ALGORITHM
from mymodules.store.layouts import seal
from mymodules.store.plausibility import is_possible
from mymodules.store.records import Records, is_digest, metrics_of, stored_row
from mymodules.store.searches import INTO_SEARCHES
from mymodules.store.values import INTO_ROWS

VERSION: Final = 1
"""``PRAGMA user_version`` of a snapshot; a file of another version is not read."""

APPLICATION: Final = 0x6D796D73
"""``PRAGMA application_id`` of a snapshot."""

LARGEST: Final = 1 << 30
"""bytes; a larger snapshot is neither written nor read."""

_LONGEST = 1 << 22  # bytes of one value
_MOST = _LONGEST // 8  # characters of a record, so that all of it is shorter
_STATEMENT = 10_000  # bytes; longer than each of ours
_AT_ONCE = 1000  # records
_HEADER = 100  # bytes, of which the first ones are the same in every SQLite file
_MAGIC = b"SQLite format 3\0"
_LAYOUT = (
    """CREATE TABLE rows (
        first TEXT NOT NULL, second TEXT NOT NULL, fingerprint TEXT NOT NULL, cells TEXT NOT NULL,
        algorithm INTEGER NOT NULL, seal TEXT NOT NULL, PRIMARY KEY (first, second, fingerprint)
    ) WITHOUT ROWID""",
    "CREATE TABLE searches (key TEXT PRIMARY KEY, found TEXT NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID",
)

_TABLES = "SELECT type, name, sql FROM sqlite_master"
_INTO_SNAPSHOT = "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?, ?)"
# A run may have written a row since this one was found to lack: only one that is of no use is replaced.
_INTO_STORE = f"""INSERT {INTO_ROWS} ON CONFLICT (first, second, fingerprint) DO UPDATE SET
    cells = excluded.cells, folder = excluded.folder, stem = excluded.stem, drawn = excluded.drawn,
    algorithm = excluded.algorithm, seal = excluded.seal
    WHERE algorithm IS NOT excluded.algorithm
    OR seal IS NOT seal(first, second, fingerprint, cells, folder, stem, drawn, algorithm)"""

_Row = tuple[str, str, str, str]  # both digests, fingerprint, cells
_Search = tuple[str, str]  # key, what was found


class _Unusable(Exception):
    """A file is no snapshot of this version, or is damaged; the text is a clause that says so."""


class Counts(NamedTuple):
    """How many records of a snapshot were new, how many were there already, and how many were unsound."""

    new: int
    known: int
    unsound: int


class _Records(NamedTuple):
    """Some records, and how many are unsound besides them."""

    rows: list[_Row]
    searches: list[_Search]
    unsound: int


def version(path: Path) -> int | None:
    """Return the version of a snapshot, which may be damaged further on; None for any other file."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    is_ours = header.startswith(_MAGIC) and int.from_bytes(header[68:72], "big") == APPLICATION
    return int.from_bytes(header[60:64], "big") if is_ours and len(header) == _HEADER else None


def take_in(path: Path, records: Records) -> Counts:
    """Add to a store what a snapshot has.

    Raises
    ------
    StoreError
        With a clause that says why the snapshot is of no use, or with the sentence of `Records`.
    """

    def add(some: _Records) -> int:
        rows = [(*row, None, b"", "[]", ALGORITHM) for row in _lacking(records, some.rows)]
        known = records.searches.known(key for key, _ in some.searches)
        searches = [each for each in some.searches if each[0] not in known]
        return records.file.write(
            (_INTO_STORE, [(*values, seal(*values)) for values in rows]),
            (f"INSERT OR REPLACE {INTO_SEARCHES}", [(*each, seal(*each)) for each in searches]),
        )

    try:
        with _opened(path) as db:
            return _added(_of_snapshot(db), add)
    except _Unusable as error:
        raise StoreError(str(error)) from error


def _lacking(records: Records, rows: Iterable[_Row]) -> list[_Row]:
    """Return the rows that a store does not have, or cannot use."""
    by_conditions: dict[str, list[_Row]] = {}
    for row in rows:
        by_conditions.setdefault(row[2], []).append(row)
    lacking = []
    for conditions, some in by_conditions.items():
        known = records.rows([row[:2] for row in some], conditions)
        lacking += [row for row in some if row[:2] not in known]
    return lacking


def write(records: Records, path: Path, earlier: Path | None = None) -> int:
    """Write a snapshot of a store and of what is in an earlier one.

    Parameters
    ----------
    records : Records
    path : Path
        Where nothing is yet.
    earlier : Path, optional
        One that is older or damaged is left out.

    Returns
    -------
    int
        How many records of the store the earlier one lacks.

    Raises
    ------
    StoreError
        With a clause, if the earlier file is not to be replaced: it is no snapshot, or one of a newer
        version. Also if the snapshot would have more than `LARGEST` bytes, or cannot be written.
    """
    if earlier is not None:
        found = version(earlier)
        if found is None or found > VERSION:
            what = "no snapshot of a store" if found is None else "a snapshot of a newer version"
            raise StoreError(f"what is there is {what}, and is not replaced: name another place")
    try:
        new = _written(records, path, earlier)
    except _Unusable:
        path.unlink()
        new = _written(records, path, None)
    if path.stat().st_size > LARGEST:
        raise StoreError(f"it would have more than {LARGEST >> 30} GiB: remove it, and begin a new store")
    return new


def _written(records: Records, path: Path, earlier: Path | None) -> int:
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            for statement in (
                *(f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {VERSION}"),
                *("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", *_LAYOUT, "BEGIN"),
            ):
                db.execute(statement)
            add = functools.partial(_entered, db)
            if earlier is not None:
                with _opened(earlier) as source:
                    _added(_of_snapshot(source), add)
            new = _added(_of_store(records), add).new
            db.execute("COMMIT")
            return new
    except sqlite3.Error as error:
        raise _unwritten(error) from error


def _entered(db: sqlite3.Connection, some: _Records) -> int:
    """Enter records into a snapshot that is being written; return how many were not there."""
    rows = ((*row, ALGORITHM) for row in some.rows)
    searches = [(*search, seal(*search)) for search in some.searches]
    try:
        added = db.executemany(_INTO_SNAPSHOT, [(*values, seal(*values)) for values in rows]).rowcount
        return added + db.executemany(f"INSERT OR IGNORE {INTO_SEARCHES}", searches).rowcount
    except sqlite3.Error as error:  # here, so that it is not taken for one of an earlier snapshot
        raise _unwritten(error) from error


def _unwritten(error: sqlite3.Error) -> StoreError:
    return StoreError(f"there is no room for it, or it cannot be written ({error})")


def _added(found: Iterable[_Records], add: Callable[[_Records], int]) -> Counts:
    """Add all records; `add` returns how many of some were not there."""
    new = sound = unsound = 0
    for some in found:
        new += add(some)
        sound += len(some.rows) + len(some.searches)
        unsound += some.unsound
    return Counts(new, sound - new, unsound)


# --- reading -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a snapshot of anybody; raise _Unusable if it, or what is read of it, is none of this version."""
    found = version(path)
    if found is None:
        raise _Unusable("it is no snapshot of a store")
    if found != VERSION:
        raise _Unusable(f"it was written by {'a newer' if found > VERSION else 'an older'} version")
    if path.stat().st_size > LARGEST:
        raise _Unusable(f"it has more than {LARGEST >> 30} GiB")
    try:
        # Nobody writes to it, so SQLite looks for no other file beside it.
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        ) as db:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            db.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _STATEMENT)
            db.text_factory = lambda data: data.decode("utf-8", "replace")  # which fits no check value
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cell_size_check = ON")
            schema = _schema()
            if db.execute(_TABLES).fetchmany(len(schema) + 1) != schema:
                raise _Unusable("it has other tables than a snapshot")
            if db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                raise _Unusable("it is damaged")
            yield db
    except sqlite3.Error as error:
        raise _Unusable(f"it is damaged ({error})") from error


def _schema() -> list[Any]:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        for statement in _LAYOUT:
            db.execute(statement)
        return db.execute(_TABLES).fetchall()


def _of_snapshot(db: sqlite3.Connection) -> Iterator[_Records]:
    rows = db.execute("SELECT first, second, fingerprint, cells, algorithm, seal FROM rows")
    for part in _parts(rows):
        yield _sound(rows=part)
    searches = db.execute("SELECT key, found, seal FROM searches")
    for part in _parts(searches):
        yield _sound(searches=part)


def _parts(records: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield records several at a time, but only so many that a file of others cannot fill the memory."""
    part: list[Any] = []
    size = 0
    for record in records:
        part.append(record)
        size += sum(len(value) for value in record if isinstance(value, (str, bytes)))
        if len(part) == _AT_ONCE or size > _LONGEST:
            yield part
            part, size = [], 0
    yield part


def _of_store(records: Records) -> Iterator[_Records]:
    """Yield what a store has; what is not sound in it is no matter of a snapshot."""
    records.settle()
    last: Sequence[str] = "", "", ""
    sql = """SELECT first, second, fingerprint, cells, folder, stem, drawn, algorithm, seal FROM rows
        WHERE (first, second, fingerprint) > (?, ?, ?) AND algorithm = ?
        ORDER BY first, second, fingerprint LIMIT ?"""
    while part := records.file.read(sql, (*last, ALGORITHM, _AT_ONCE)):
        own = [values for *values, check in part if check == seal(*values)]
        again = ((*values[:4], ALGORITHM) for values in own)
        yield _sound(rows=[(*values, seal(*values)) for values in again])
        last = part[-1][:3]
    key = ""
    sql = "SELECT key, found, seal FROM searches WHERE key > ? ORDER BY key LIMIT ?"
    while part := records.file.read(sql, (key, _AT_ONCE)):
        yield _sound(searches=part)
        key = part[-1][0]


def _sound(rows: Sequence[Any] = (), searches: Sequence[Any] = ()) -> _Records:
    """Return the records that are sound, without their check values."""
    sound = [tuple(values[:4]) for values in rows if _is_row(*values)]
    found = [tuple(values[:2]) for values in searches if _is_search(*values)]
    return _Records(sound, found, len(rows) + len(searches) - len(sound) - len(found))


def _is_row(first: Any, second: Any, conditions: Any, cells: Any, algorithm: Any, check: Any) -> bool:
    """Return whether these are the values of a row that fits its check value, see also `plausibility`."""
    texts = first, second, conditions, cells
    if not all(isinstance(text, str) for text in texts) or algorithm != ALGORITHM:
        return False
    if sum(map(len, texts)) > _MOST:
        return False
    if check != seal(*texts, algorithm) or not all(side == "" or is_digest(side) for side in (first, second)):
        return False
    values = cells, None, b"", "[]"
    checked = seal(first, second, conditions, *values, ALGORITHM)
    found = stored_row((first, second), conditions, (*values, checked))
    return found is not None and is_possible(found.row, conditions, len(metrics_of(conditions)))


def _is_search(key: Any, found: Any, check: Any) -> bool:
    if not (isinstance(key, str) and isinstance(found, str) and check == seal(key, found)):
        return False
    if not (is_digest(key) and len(found) <= _MOST and found.startswith("[")):
        return False
    try:
        return all(
            isinstance(old, str) and isinstance(new, str) and type(score) in (int, float) and 0 <= score <= 1
            for old, new, score in json.loads(found)
        )
    except (ValueError, TypeError, RecursionError):
        return False
