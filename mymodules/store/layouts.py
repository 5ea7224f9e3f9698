"""The layout of the store's file, version by version, and the check value of a record."""

import functools
import hashlib
from typing import Final

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
    # Gold's records join the names of a pair by a colon.
    "UPDATE OR REPLACE metrics SET id = replace(id, ':', '-') WHERE instr(id, ':')",
    # content: the digest of the bytes that were kept under this name; equal to it if the name is ours.
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
    # Everything that was kept before was made by the first version of the algorithm.
    "ALTER TABLE metrics ADD COLUMN algorithm INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE rows ADD COLUMN algorithm INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE rows ADD COLUMN drawn TEXT NOT NULL DEFAULT '[]'",
    "CREATE INDEX failures_by_ts ON failures (ts)",
    # Times as text: they may be outside the range of SQLite's integers.
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
_SIXTH_LAYOUT = (
    # What runs found, see `found`. Files and rows follow from it, up to the one whose id is in `settled`.
    """CREATE TABLE pairs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL UNIQUE, found BLOB NOT NULL,
        seal TEXT NOT NULL
    )""",
    "CREATE TABLE settled (id INTEGER NOT NULL)",
    "INSERT INTO settled VALUES (0)",
)
_SEVENTH_LAYOUT = (
    # What searches for renamed pictures found, see `searches`.
    "CREATE TABLE searches (key TEXT PRIMARY KEY, found TEXT NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID",
)
LAYOUTS: Final = (
    _FIRST_LAYOUT,
    _SECOND_LAYOUT,
    _THIRD_LAYOUT,
    _FOURTH_LAYOUT,
    _FIFTH_LAYOUT,
    _SIXTH_LAYOUT,
    _SEVENTH_LAYOUT,
)
"""Statements that make each version of the file out of the one before; appended to, never edited."""


def seal(*values: object) -> str:
    """Return the check value of a record: 16 hex digits, from its values as SQLite returns them."""
    return hashlib.blake2b(_form(tuple(map(type, values))) % values, digest_size=8).hexdigest()


@functools.lru_cache(maxsize=100)
def _form(types: tuple[type, ...]) -> bytes:
    """Return the format string that joins values of these types to the bytes that a seal is made of."""
    return b"\0".join(b"%b" if kind is bytes else b"%a" for kind in types)
