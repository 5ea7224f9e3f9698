"""What a store knows besides pictures: figures, failures, rows, and which file has which digest.

All of it is in one file, see `database`. A record of a pair is found whichever of the two is asked for first.
Figures and rows carry the version of the algorithm, `ALGORITHM`, and only those of the present one
are found. Figures, rows and files also carry a check value: a record that does not fit its own is not found,
so that a bit which has flipped on the disk costs a comparison and never gives a wrong answer. Nothing here
opens a picture.

A picture is asked for by its name. Digests are 32 hex digits, and only these are served and kept on disk;
any other name, see `is_name`, is known to the records and to the memory of a store.
"""

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Final, NamedTuple, TypeGuard, TypeVar

from mymodules import faults, results
from mymodules.errors import StoreError
from mymodules.metrics import DiffMetrics
from mymodules.paths import AnyPath
from mymodules.row import ALGORITHM, PairResult
from mymodules.store.database import Database

HTTP_ERROR: Final = "http_error"
"""Reason of a failure: the image could not be fetched."""
CORRUPTED: Final = "corrupted"
"""Reason of a failure: the image does not decode, or is not what its digest says."""
OTHER: Final = "other"
"""Reason of a failure: one of several images that were needed together failed, or this one is too large."""

CHANGE_TIME_COUNTS = os.name != "nt"
"""Whether change time and inode tell states of a file apart; on Windows the former is its creation."""

FAILURES: Final = 10_000
"""Most failures that are kept, the latest: anybody may ask for digests that nobody has."""

_FINE, _COARSE = 50_000_000, 2_000_000_000  # ns; the grain of a clock, and of one that counts whole seconds
_PATHS = 20  # places to look for one picture
_AT_ONCE = 400  # values in one statement; SQLite's own limit was 999 for long

_DIGEST = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_PICTURE = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)

T = TypeVar("T")
Key = tuple[str | None, str | None]
"""First and second digest of a row; None for a file that is not there."""


@dataclass(frozen=True)
class DigestFailure:
    """Why there is no image for a digest.

    Attributes
    ----------
    digest : str
    reason : {"http_error", "corrupted", "other"}
    ts : int
        When, in ms since the epoch.
    """

    digest: str
    reason: str
    ts: int

    @classmethod
    def now(cls, digest: str, reason: str) -> "DigestFailure":
        """A failure of this moment."""
        return cls(digest, reason, time.time_ns() // 1_000_000)

    def to_json(self) -> dict[str, Any]:
        """The record that Gold writes, with its keys."""
        return asdict(self)


class KnownFile(NamedTuple):
    """The digest that a file had when it was last digested, and whether it must still have it."""

    digest: str
    unchanged: bool


class FileState(NamedTuple):
    """What tells whether a file is still the same: a part of `os.stat_result`, a fifth of its size."""

    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_ino: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "FileState":
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


class DigestedFile(NamedTuple):
    """A file that was digested.

    Attributes
    ----------
    path : path
    stat : os.stat_result or FileState
        Taken before its bytes were read.
    digest : str
    moment : int
        ns since the epoch, not later than the reading began: when ``stat`` was taken.
    """

    path: AnyPath
    stat: os.stat_result | FileState
    digest: str
    moment: int


class StoredRow(NamedTuple):
    """A row and where its drawings were last written.

    Attributes
    ----------
    row : PairResult
        Its digests are its key.
    folder : str or None
        The pictures folder of that run; None when nothing was drawn.
    stem : str
        The pair's own part of the drawings' names.
    drawn : tuple of (int, int)
        Size and modification time, ns, of each drawing.
    """

    row: PairResult
    folder: str | None = None
    stem: str = ""
    drawn: tuple[tuple[int, int], ...] = ()


def is_digest(text: object) -> TypeGuard[str]:
    """Whether this is a digest: 32 digits 0-9, a-f, A-F. Upper and lower case are different digests."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def is_name(text: object) -> TypeGuard[str]:
    """Whether a picture may be asked for by this name: 1 to 128 of A-Z, a-z, 0-9, ``_`` and ``-``.

    Every digest is such a name. Upper and lower case are different names.
    """
    return isinstance(text, str) and _PICTURE.fullmatch(text) is not None


def diff_id(one: str, other: str) -> str:
    """The name of a pair, the same for both orders: smaller digest, ``-``, larger digest.

    Names that have a ``-`` themselves are joined by a colon, which no name has.
    """
    one, other = sorted((one, other))
    return f"{one}:{other}" if "-" in one + other else f"{one}-{other}"


def split_diff_id(pair: str) -> tuple[str, str]:
    """The two names of a pair, smaller first; ValueError for what is no name of a pair."""
    one, other = sorted(pair.split(":" if ":" in pair else "-"))
    return one, other


def is_diff_id(text: str) -> bool:
    """Whether this names a pair of digests, in either order; only these are served."""
    halves = text.split("-")
    return len(halves) == 2 and all(map(is_digest, halves))


def fingerprint(conditions: Mapping[str, Any]) -> str:
    """32 hex digits of what a row depends on besides its files: options, versions, as JSON's own types."""
    text = json.dumps(conditions, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# --- the layout, version by version ------------------------------------------------------------------

_FIRST_LAYOUT = (
    """CREATE TABLE metrics (
        id TEXT PRIMARY KEY, right TEXT NOT NULL, pixels INTEGER NOT NULL, percent REAL NOT NULL,
        r INTEGER NOT NULL, g INTEGER NOT NULL, b INTEGER NOT NULL, a INTEGER NOT NULL, dim INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX metrics_by_right ON metrics (right)",
    """CREATE TABLE failures (
        digest TEXT PRIMARY KEY, reason TEXT NOT NULL, ts INTEGER NOT NULL
    ) WITHOUT ROWID""",
)
_SECOND_LAYOUT = (
    # Records of the original kept their pairs with a colon.
    "UPDATE OR REPLACE metrics SET id = replace(id, ':', '-') WHERE instr(id, ':')",
    # content: the digest of the bytes that were kept under this name; equal where the name is ours.
    "CREATE TABLE originals (digest TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE files (
        path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
        inode TEXT NOT NULL, digest TEXT NOT NULL, moment INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX files_by_digest ON files (digest)",
    """CREATE TABLE rows (
        first TEXT NOT NULL, second TEXT NOT NULL, fingerprint TEXT NOT NULL, cells TEXT NOT NULL,
        folder BLOB, stem BLOB NOT NULL, UNIQUE (first, second, fingerprint)
    )""",
    "CREATE INDEX rows_by_second ON rows (second)",
)
_THIRD_LAYOUT = (
    # All that was kept until then was made by the first version of the algorithm.
    "ALTER TABLE metrics ADD COLUMN algorithm INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE rows ADD COLUMN algorithm INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE rows ADD COLUMN drawn TEXT NOT NULL DEFAULT '[]'",
    "CREATE INDEX failures_by_ts ON failures (ts)",
    # Times as text: they may be beyond what SQLite has for integers.
    "ALTER TABLE files RENAME TO files_before",
    "DROP INDEX files_by_digest",
    """CREATE TABLE files (
        path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns TEXT NOT NULL, ctime_ns TEXT NOT NULL,
        inode TEXT NOT NULL, digest TEXT NOT NULL, moment INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX files_by_digest ON files (digest)",
    "INSERT INTO files SELECT * FROM files_before",
    "DROP TABLE files_before",
)
_FOURTH_LAYOUT = (
    "CREATE TABLE purges (number INTEGER NOT NULL)",  # one row: how many there were
    "INSERT INTO purges VALUES (0)",
)
_FIFTH_LAYOUT = (
    # Names may have a "-" of their own: a pair is two columns. Every record has a check value, see `seal`.
    "ALTER TABLE metrics RENAME TO metrics_before",
    "DROP INDEX metrics_by_right",
    """CREATE TABLE metrics (
        left TEXT NOT NULL, right TEXT NOT NULL, pixels INTEGER NOT NULL, percent REAL NOT NULL,
        r INTEGER NOT NULL, g INTEGER NOT NULL, b INTEGER NOT NULL, a INTEGER NOT NULL, dim INTEGER NOT NULL,
        algorithm INTEGER NOT NULL, seal TEXT NOT NULL, PRIMARY KEY (left, right)
    ) WITHOUT ROWID""",
    "CREATE INDEX metrics_by_right ON metrics (right)",
    """INSERT OR REPLACE INTO metrics SELECT substr(id, 1, length(id) - length(right) - 1), right,
        pixels, percent, r, g, b, a, dim, algorithm, '' FROM metrics_before""",
    "DROP TABLE metrics_before",
    "UPDATE metrics SET seal = seal(left, right, pixels, percent, r, g, b, a, dim, algorithm)",
    "ALTER TABLE rows ADD COLUMN seal TEXT NOT NULL DEFAULT ''",
    "UPDATE rows SET seal = seal(first, second, fingerprint, cells, folder, stem, drawn, algorithm)",
    "ALTER TABLE files ADD COLUMN seal TEXT NOT NULL DEFAULT ''",
    "UPDATE files SET seal = seal(path, size, mtime_ns, ctime_ns, inode, digest, moment)",
)
LAYOUTS: Final = (_FIRST_LAYOUT, _SECOND_LAYOUT, _THIRD_LAYOUT, _FOURTH_LAYOUT, _FIFTH_LAYOUT)
"""What makes each version of the file out of the one before; appended to, never edited."""


def seal(*values: object) -> str:
    """The check value of a record: 16 hex digits, of its values as SQLite returns them."""
    parts = (value if isinstance(value, bytes) else b"%a" % (value,) for value in values)
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()


_COLUMNS = "pixels, percent, r, g, b, a, dim"
_CELLS = "cells, folder, stem, drawn, seal"


class Records:
    """The records in one file. All methods may be called from any thread.

    Parameters
    ----------
    path : Path
        The file; its folder exists.

    Raises
    ------
    StoreError
        Here and in every method, as `Database`.
    """

    def __init__(self, path: Path) -> None:
        self._file = Database(path, LAYOUTS, {"seal": seal})

    def close(self) -> None:
        """Close the file; nothing can be asked afterwards."""
        self._file.close()

    # --- figures

    def metrics(self, pair: str) -> DiffMetrics | None:
        """The figures of a pair by its id; None when there are none. See `metrics_of_row`, too."""
        key = _halves(pair)
        if key is None:
            return None
        sql = f"SELECT {_COLUMNS}, seal FROM metrics WHERE left = ? AND right = ? AND algorithm = ?"
        kinds = int, float, int, int, int, int, int, str
        for *figures, check in _sound(self._file.read(sql, (*key, ALGORITHM)), *kinds):
            if check == seal(*key, *figures, ALGORITHM):
                pixels, percent, r, g, b, a, dim = figures
                return DiffMetrics(pixels, percent, (r, g, b, a), bool(dim))
        return None

    def remember_metrics(self, known: Mapping[str, DiffMetrics]) -> None:
        """Keep the figures of pairs, by their ids."""
        sql = f"""INSERT OR REPLACE INTO metrics (left, right, {_COLUMNS}, algorithm, seal)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
        self._file.write((sql, [_figures(pair, figures) for pair, figures in known.items()]))

    def forget_metrics(self, digests: Iterable[str]) -> None:
        """Drop the figures of every pair with one of these digests on either side."""
        names = [(digest,) for digest in digests]
        self._file.write(
            ("DELETE FROM metrics WHERE left = ?", names), ("DELETE FROM metrics WHERE right = ?", names)
        )

    def metrics_of_row(self, pair: str) -> DiffMetrics | None:
        """The figures that a row has of a pair; they are Gold's unless a PNG of 16 bits is among the two."""
        first, second = _halves(pair) or (pair, "")
        sql = f"SELECT fingerprint, {_CELLS} FROM rows WHERE first = ? AND second = ? AND algorithm = ?"
        for key in ((first, second), (second, first)):
            for conditions, *values in self._file.read(sql, (*key, ALGORITHM)):
                stored = _stored(key, conditions, values)
                figures: tuple[Any, ...] | None = None if stored is None else stored.row[5:12]
                if figures is not None and None not in figures:
                    pixels, percent, r, g, b, a, dim = figures
                    return DiffMetrics(pixels, percent, (r, g, b, a), dim)
        return None

    # --- failures

    def failures(self) -> dict[str, DigestFailure]:
        """All failures by digest, oldest first."""
        sql = "SELECT digest, reason, ts FROM failures ORDER BY ts, digest"
        return {found[0]: DigestFailure(*found) for found in _sound(self._file.read(sql), str, str, int)}

    def remember_failure(self, failure: DigestFailure, *, if_new: bool = False) -> None:
        """Record a failure: over an earlier one of that digest, or only where there is none.

        Of more than `FAILURES` the oldest are dropped.
        """
        if if_new and self._file.read("SELECT 1 FROM failures WHERE digest = ?", (failure.digest,)):
            return  # most often so, and reading waits for nobody
        clash = "NOTHING" if if_new else "UPDATE SET reason = excluded.reason, ts = excluded.ts "
        clash += "" if if_new else "WHERE excluded.ts > ts"
        sql = f"INSERT INTO failures VALUES (?, ?, ?) ON CONFLICT (digest) DO {clash}"
        too_old = """DELETE FROM failures
            WHERE ts < (SELECT ts FROM failures ORDER BY ts DESC LIMIT 1 OFFSET ?)"""
        self._file.write((sql, [(failure.digest, failure.reason, failure.ts)]), (too_old, [(FAILURES - 1,)]))

    def forget_failures(self, digests: Iterable[str]) -> None:
        """Drop what is recorded about these digests."""
        sql = "SELECT 1 FROM failures WHERE digest = ?"
        failed = [(digest,) for digest in digests if self._file.read(sql, (digest,))]
        self._file.write(("DELETE FROM failures WHERE digest = ?", failed))

    # --- originals

    def content(self, digest: str) -> str | None:
        """The digest of the bytes that are kept under a name; None when that was not recorded."""
        sql = "SELECT content FROM originals WHERE digest = ?"
        found = _sound(self._file.read(sql, (digest,)), str)
        return found[0][0] if found else None

    def remember_contents(self, contents: Mapping[str, str]) -> None:
        """Record what is kept under names: name to the digest of the bytes."""
        sql = "INSERT OR REPLACE INTO originals VALUES (?, ?)"
        self._file.write((sql, contents.items()))

    def is_ours(self, digest: str) -> bool:
        """Whether this name is known to be the digest of a file's bytes: a file, a row or a copy has it."""
        sql = """SELECT EXISTS (SELECT 1 FROM files WHERE digest = :d)
            OR EXISTS (SELECT 1 FROM originals WHERE digest = :d AND content = :d)
            OR EXISTS (SELECT 1 FROM rows WHERE first = :d)
            OR EXISTS (SELECT 1 FROM rows WHERE second = :d)"""
        return bool(self._file.read(sql, {"d": digest})[0][0])

    # --- files

    def known_files(
        self, files: Iterable[tuple[AnyPath, os.stat_result | FileState]]
    ) -> dict[str, KnownFile]:
        """What is known of these files, by path; files that were never digested are left out.

        A file is unchanged when size, modification time, change time and inode are what they were (on
        Windows: size and modification time) and neither time lies within the clock's grain of the moment
        of digesting, after which it could have been written to without a trace.
        """
        asked = {os.fsencode(path): (os.fspath(path), stat) for path, stat in files}
        sql = (
            "SELECT path, size, mtime_ns, ctime_ns, inode, digest, moment, seal FROM files WHERE path IN ({})"
        )
        known = {}
        kinds = bytes, int, str, str, str, str, int, str
        for *values, check in _sound(self._among(sql, asked), *kinds):
            path, size, mtime_ns, ctime_ns, inode, digest, moment = values
            # In a damaged file, when only its index is whole, it may be another path.
            if path not in asked or check != seal(*values):
                continue
            name, now = asked[path]
            same = (size, mtime_ns) == (now.st_size, str(now.st_mtime_ns))
            same &= _settled(now.st_mtime_ns, moment)
            if CHANGE_TIME_COUNTS:
                same &= (ctime_ns, inode) == (str(now.st_ctime_ns), str(now.st_ino))
                same &= _settled(now.st_ctime_ns, moment)
            known[str(name)] = KnownFile(digest, same)
        return known

    def remember_files(self, files: Iterable[DigestedFile]) -> None:
        """Record what was digested, all in one step."""
        values = (
            (os.fsencode(f.path), f.stat.st_size, str(f.stat.st_mtime_ns), str(f.stat.st_ctime_ns),
             str(f.stat.st_ino), f.digest, f.moment)
            for f in files
        )  # fmt: skip
        sql = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._file.write((sql, ((*each, seal(*each)) for each in values)))

    def paths(self, digest: str) -> list[tuple[Path, int]]:
        """Files that had this digest when they were last read, and their size; they may have changed.

        Of thousands, as of an empty page, the latest few.
        """
        sql = "SELECT path, size FROM files WHERE digest = ? ORDER BY moment DESC, path LIMIT ?"
        found = _sound(self._file.read(sql, (digest, _PATHS)), bytes, int)
        return [(Path(os.fsdecode(path)), size) for path, size in found]

    def forget_files(self, digests: Iterable[str]) -> None:
        """Drop what is known of files with these digests, and of copies under these names."""
        names = [(digest,) for digest in digests]
        self._file.write(
            ("DELETE FROM files WHERE digest = ?", names), ("DELETE FROM originals WHERE digest = ?", names)
        )

    def _among(self, sql: str, values: Iterable[bytes]) -> Iterator[Any]:
        for part in _parts(list(values), _AT_ONCE):
            yield from self._file.read(sql.format(",".join("?" * len(part))), part)

    # --- purges

    def purges(self) -> int:
        """A number that is another one after every purge."""
        found = _sound(self._file.read("SELECT number FROM purges"), int)
        return int(found[0][0]) if found else 0

    def count_purge(self) -> None:
        """Let others know of a purge."""
        self._file.write(("UPDATE purges SET number = number + ?", [(1,)]))

    # --- rows

    def rows(self, keys: Iterable[Key], conditions: str) -> dict[Key, StoredRow]:
        """Stored rows by their digests; ``conditions`` is the fingerprint they must have been made under."""
        sql = f"""SELECT {_CELLS} FROM rows
            WHERE first = ? AND second = ? AND fingerprint = ? AND algorithm = ?"""
        found = {}
        # One statement a key, some thousand of them before another reader may have its turn.
        for part in _parts(list(keys), 4000):
            for key, answer in zip(
                part,
                self._file.read_each(sql, [(*_key(k), conditions, ALGORITHM) for k in part]),
                strict=True,
            ):
                stored = _stored(_key(key), conditions, answer or ())
                if stored is not None:
                    found[key] = stored
        return found

    def remember_rows(self, rows: Iterable[StoredRow], conditions: str) -> None:
        """Keep rows, all in one step; each replaces the one of the same digests and fingerprint."""
        values = (
            (*_key((row.first_digest, row.second_digest)), conditions, _compact(results.format_row(row)),
             None if folder is None else os.fsencode(folder), os.fsencode(stem), _compact(drawn),
             ALGORITHM)
            for row, folder, stem, drawn in rows
        )  # fmt: skip
        sql = """INSERT OR REPLACE INTO rows
            (first, second, fingerprint, cells, folder, stem, drawn, algorithm, seal)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
        self._file.write((sql, ((*each, seal(*each)) for each in values)))

    def is_empty(self) -> bool:
        """Whether there is no row, and no file that was ever digested."""
        return not self._file.read("SELECT 1 FROM rows UNION ALL SELECT 1 FROM files LIMIT 1")

    def has_row(self, key: Key) -> bool:
        """Whether these two were ever compared, under whatever conditions."""
        sql = "SELECT 1 FROM rows WHERE first = ? AND second = ?"
        return bool(self._file.read(sql, _key(key)))

    def forget_rows(self, digests: Iterable[str]) -> None:
        """Drop every row with one of these digests on either side."""
        names = [(digest, digest) for digest in digests]
        self._file.write(("DELETE FROM rows WHERE first = ? OR second = ?", names))


class AtBest:
    """Asks records, and goes on without an answer where they fail, whatever it is: that is said once.

    Parameters
    ----------
    log : Logger
        What it is said to.
    silent : callable
        Says whether nothing is to be said any more.
    """

    def __init__(self, log: logging.Logger, silent: Callable[[], bool]) -> None:
        self._log, self._silent = log, silent
        self._complaints: set[str] = set()

    def __call__(self, ask: Callable[[], T], otherwise: T) -> T:
        """What is answered; `otherwise` where the file cannot be used."""
        try:
            return ask()
        except Exception as error:
            message = (
                str(error)
                if isinstance(error, StoreError)
                else f"A part of the store fails: {faults.named(error)}"
            )
            if message not in self._complaints and not self._silent():
                self._complaints.add(message)
                self._log.warning("%s", message)
            return otherwise


def _figures(pair: str, known: DiffMetrics) -> tuple[object, ...]:
    percent, largest = float(known.pixel_diff_percent), map(int, known.max_rgba_diffs)
    figures = int(known.num_diff_pixels), percent, *largest, int(known.dim_differ)
    values = *split_diff_id(pair), *figures, ALGORITHM
    return *values, seal(*values)


def _halves(pair: str) -> tuple[str, str] | None:
    """The two names of a pair; None for what is no name of a pair."""
    try:
        return split_diff_id(pair)
    except ValueError:
        return None


def _stored(key: tuple[str, str], conditions: str, values: Sequence[Any]) -> StoredRow | None:
    """A row of its stored values, `_CELLS`; None where these are not what was kept under this key."""
    for *cells, check in _sound([values], str, (bytes, NoneType), bytes, str, str):
        if check != seal(*key, conditions, *cells, ALGORITHM):
            return None
        text, folder, stem, drawn = cells
        row = _parsed(text)
        if row is not None and _key((row.first_digest, row.second_digest)) == key:
            folder = None if folder is None else os.fsdecode(folder)
            return StoredRow(row, folder, os.fsdecode(stem), _pairs(drawn))
    return None


def _sound(rows: Iterable[Sequence[Any]], *kinds: type | tuple[type, ...]) -> list[Any]:
    """Those of which every cell is what we write there: a damaged file may have anything in its place."""
    return [row for row in rows if len(row) == len(kinds) and all(map(isinstance, row, kinds))]


def _settled(stamp: int, moment: int) -> bool:
    """Whether a change after this moment would have given the file another time stamp."""
    grain = _FINE if stamp % 1_000_000_000 else _COARSE
    return stamp < moment - grain


def _key(key: Key) -> tuple[str, str]:
    return key[0] or "", key[1] or ""


def _parsed(cells: str) -> PairResult | None:
    """The row of stored cells; None for those of a version with other columns, and for what is none."""
    try:
        values = json.loads(cells)
        return results.parse_row(values) if all(isinstance(cell, str) for cell in values) else None
    except (ValueError, TypeError, RecursionError):
        return None


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    """What was stored of drawings; none for what is no such text."""
    try:
        return tuple((size, mtime_ns) for size, mtime_ns in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _parts(values: list[T], size: int) -> Iterator[list[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
