"""Files and rows as the values that the store's file keeps of them."""

import json
import os
import stat
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from mymodules import results
from mymodules.paths import AnyPath
from mymodules.row import PairResult
from mymodules.store.layouts import seal

Key = tuple[str | None, str | None]
"""First and second digest of a row; None for an absent file."""

FILE_SQL: Final = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_NONE = "-"  # how the text of no file begins
INTO_ROWS: Final = """INTO rows
    (first, second, fingerprint, cells, folder, stem, drawn, algorithm, seal)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
ROW_SQL: Final = f"INSERT OR REPLACE {INTO_ROWS}"


CHANGE_TIME_COUNTS = os.name != "nt"
"""Whether change time and inode show that a file was changed; on Windows, change time means creation time."""

_FINE, _COARSE = 50_000_000, 2_000_000_000  # ns; resolution of time stamps, and of those in whole seconds


class FileState(NamedTuple):
    """The part of `os.stat_result` that tells whether a file has changed, in a fifth of the memory."""

    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_ino: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "FileState":
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def is_unchanged(then: Sequence[Any], now: os.stat_result | FileState) -> bool:
    """Return whether a file certainly is as it was then; `Records.known_files` says what that means.

    Parameters
    ----------
    then : sequence
        A `FoundFile`.
    now : os.stat_result or FileState
    """
    size, mtime_ns, ctime_ns, inode, moment, _ = then
    same = size == now.st_size and mtime_ns == now.st_mtime_ns
    if CHANGE_TIME_COUNTS:
        same = same and ctime_ns == now.st_ctime_ns and inode == now.st_ino
    return bool(same) and is_certain(mtime_ns, ctime_ns, moment)


def is_certain(mtime_ns: int, ctime_ns: int, moment: int) -> bool:
    """Return whether a file that was read at this moment and has these times still is what was read."""
    return _settled(mtime_ns, moment) and (not CHANGE_TIME_COUNTS or _settled(ctime_ns, moment))


def _settled(stamp: int, moment: int) -> bool:
    """Return whether a change after this moment would have given the file another time stamp."""
    grain = _FINE if stamp % 1_000_000_000 else _COARSE
    return stamp < moment - grain


def beginnings(paths: Iterable[str]) -> list[str]:
    """Return how the text of each file begins in a record of `found` if it is unchanged.

    For an empty path, which stands for no file, the text is empty.
    """
    texts: list[str] = []
    for path in paths:
        if not path:
            texts.append("")
            continue
        try:
            now = os.stat(path)  # noqa: PTH116 - making a Path takes longer than the call
        except OSError:
            texts.append(_NONE)
            continue
        if CHANGE_TIME_COUNTS:  # what has the inode of a file is one
            texts.append(f"{now.st_size} {now.st_mtime_ns} {now.st_ctime_ns} {now.st_ino} ")
        else:
            texts.append(f"{now.st_size} {now.st_mtime_ns} " if stat.S_ISREG(now.st_mode) else _NONE)
    return texts


class DigestedFile(NamedTuple):
    """A file that was digested.

    Attributes
    ----------
    path : path
    stat : os.stat_result or FileState
        Taken before its bytes were read.
    digest : str
    moment : int
        When ``stat`` was taken, ns since the epoch.
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
        The drawings folder of that run; None if nothing was drawn.
    drawing_path : str
        The path of the pair's drawings in that folder, without their endings.
    drawn : tuple of (int, int)
        Size and modification time, ns, of each drawing.
    line : bytes
        The row as `results.checked_line` formats it, if that was done; empty for one that was found.
    """

    row: PairResult
    folder: str | None = None
    drawing_path: str = ""
    drawn: tuple[tuple[int, int], ...] = ()
    line: bytes = b""


def file_values(file: DigestedFile) -> tuple[object, ...]:
    """Return the values of a file, for `FILE_SQL`."""
    times = str(file.stat.st_mtime_ns), str(file.stat.st_ctime_ns), str(file.stat.st_ino)
    values = os.fsencode(file.path), file.stat.st_size, *times, file.digest, file.moment
    return *values, seal(*values)


def row_values(stored: StoredRow, conditions: str, algorithm: int) -> tuple[object, ...]:
    """Return the values of a row, for `ROW_SQL`."""
    row, folder, path, drawn, line = stored
    cells = results.unchecked(line or results.checked_line(row)).decode()
    place = None if folder is None else os.fsencode(folder), os.fsencode(path), _compact(drawn)
    values = *key_values((row.first_digest, row.second_digest)), conditions, cells, *place, algorithm
    return *values, seal(*values)


def key_values(key: Key) -> tuple[str, str]:
    return key[0] or "", key[1] or ""


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
