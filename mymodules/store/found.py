"""What a run found out about a pair of files: one record, quickly written, and read again by the two paths.

A record is bytes, so that one check value covers it. What else the store knows of files and rows follows from
it, see `Records.settle`.
"""

import hashlib
import json
import os
from typing import NamedTuple

FoundFile = tuple[int, int, int, int, int, str]
"""Size, time of modification and of change in ns, inode, moment of these in ns since the epoch, digest."""


class Found(NamedTuple):
    """A pair, its files and its row.

    Attributes
    ----------
    first, second : str or None
        The paths; None if that side has no such file.
    files : (FoundFile or None, FoundFile or None)
        Each file as it was when it was digested.
    conditions : str
        The `fingerprint` of the conditions under which the row was made.
    line : bytes
        The row, as `results.checked_line` makes it.
    algorithm : int
    folder, drawing_path, drawn
        As in `StoredRow`.
    """

    first: str | None
    second: str | None
    files: tuple[FoundFile | None, FoundFile | None]
    conditions: str
    line: bytes
    algorithm: int
    folder: str | None = None
    drawing_path: str = ""
    drawn: tuple[tuple[int, int], ...] = ()


def key(first: str | None, second: str | None, conditions: str) -> tuple[int, bytes]:
    """Return the number under which a record is kept, and how the record of this pair begins."""
    beginning = _beginning(first, second, conditions)
    return _key(beginning), beginning


def packed(found: Found) -> tuple[int, bytes]:
    """Return the key of a record, and the record as bytes."""
    first, second, (one, other), conditions, line, algorithm, folder, drawing_path, drawn = found
    beginning = _beginning(first, second, conditions)
    record = b"%b%b\0%b\0%d\0%b\0%b\0%b\0%b" % (
        beginning,
        b"" if one is None else b"%d %d %d %d %d %b" % (*one[:5], one[5].encode()),
        b"" if other is None else b"%d %d %d %d %d %b" % (*other[:5], other[5].encode()),
        algorithm,
        _path(folder),
        os.fsencode(drawing_path),
        json.dumps(drawn).encode() if drawn else b"",
        line,
    )
    return _key(beginning), record


def unpacked(record: bytes) -> Found | None:
    """Return what `packed` made a record of; None if it was not made by it."""
    try:
        first, second, conditions, rest = record.split(b"\0", 3)
        return completed(_text(first), _text(second), conditions.decode(), rest)
    except ValueError:
        return None


def completed(first: str | None, second: str | None, conditions: str, rest: bytes) -> Found | None:
    """Return a record, given what it begins with and the rest of its bytes."""
    try:
        one, other, algorithm, folder, path, drawn, line = rest.split(b"\0")
        return Found(
            first,
            second,
            (_file(one), _file(other)),
            conditions,
            line,
            int(algorithm),
            _text(folder),
            os.fsdecode(path),
            tuple((size, mtime_ns) for size, mtime_ns in json.loads(drawn)) if drawn else (),
        )
    except (ValueError, TypeError):
        return None


def _beginning(first: str | None, second: str | None, conditions: str) -> bytes:
    return b"%b\0%b\0%b\0" % (_path(first), _path(second), conditions.encode())


def _key(beginning: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(beginning, digest_size=8).digest(), "big", signed=True)


def _path(path: str | None) -> bytes:
    return b"" if path is None else os.fsencode(path)


def _text(path: bytes) -> str | None:
    return os.fsdecode(path) if path else None


def _file(text: bytes) -> FoundFile | None:
    if not text:
        return None
    *numbers, digest = text.split(b" ")
    size, mtime_ns, ctime_ns, inode, moment = map(int, numbers)
    return size, mtime_ns, ctime_ns, inode, moment, digest.decode()
