"""What a store knows besides pictures: figures, failures, rows, and which file has which digest.

All of it is in one file, see `database`. A record of a pair is found in either order of its two pictures.
Figures and rows have the version of the algorithm, `ALGORITHM`, and only those of the present version are
found. Figures, rows and files also have a check value. A record that does not match its check value counts as
absent, so a bit that has flipped on the disk makes a pair be compared again and never gives a wrong answer.
Nothing here opens a picture.

A picture is asked for by its name. Digests are 32 hex digits; only pictures with such names are served and
kept on disk. Pictures with any other name, see `is_name`, have records and are kept in memory.
"""

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any, Final, NamedTuple, TypeGuard, TypeVar

from mymodules import results
from mymodules.errors import StoreError
from mymodules.metrics import DiffMetrics
from mymodules.paths import AnyPath
from mymodules.row import ALGORITHM, PairResult
from mymodules.store import found as pairings
from mymodules.store.database import Change, Changes, Database
from mymodules.store.found import BLOCK, Place, Record
from mymodules.store.layouts import LAYOUTS, seal
from mymodules.store.searches import NO_SEARCHES, Searches
from mymodules.store.values import (
    FILE_SQL,
    ROW_SQL,
    DigestedFile,
    FileState,
    Key,
    StoredRow,
    file_values,
    is_unchanged,
    key_values,
    row_values,
)

HTTP_ERROR: Final = "http_error"
"""Reason of a failure: the image could not be fetched."""
CORRUPTED: Final = "corrupted"
"""Reason of a failure: the image does not decode, or does not have its digest."""
OTHER: Final = "other"
"""Reason of a failure: one of several images that were needed together failed, or this one is too large."""

FAILURES: Final = 10_000
"""How many failures are kept, the latest ones: anybody may ask for digests that do not exist."""

_PATHS = 20  # most files in which one picture is looked for
_AT_ONCE = 400  # values in one statement; older versions of SQLite allow 999

_DIGEST = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_PICTURE = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)

T = TypeVar("T")


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
        """Return a failure of this moment."""
        return cls(digest, reason, time.time_ns() // 1_000_000)

    def to_json(self) -> dict[str, Any]:
        """Return the record as Gold writes it, with its keys."""
        return asdict(self)


class KnownFile(NamedTuple):
    """The digest that a file had when it was last digested, and whether it certainly still has it."""

    digest: str
    unchanged: bool


def is_digest(text: object) -> TypeGuard[str]:
    """Return whether this is a digest: 32 digits 0-9, a-f, A-F.

    Digests that differ in case are different.
    """
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def is_name(text: object) -> TypeGuard[str]:
    """Return whether a picture may be asked for by this name: 1 to 128 of A-Z, a-z, 0-9, ``_`` and ``-``.

    Every digest is such a name. Names that differ in case are different.
    """
    return isinstance(text, str) and _PICTURE.fullmatch(text) is not None


def diff_id(one: str, other: str) -> str:
    """Return the name of a pair, the same in both orders: smaller digest, ``-``, larger digest.

    Names that contain a ``-`` are joined by a colon instead, which no name contains.

    Examples
    --------
    >>> diff_id("def", "abc")
    'abc-def'
    """
    one, other = sorted((one, other))
    return f"{one}:{other}" if "-" in one + other else f"{one}-{other}"


def split_diff_id(pair: str) -> tuple[str, str]:
    """Return the two names of a pair, smaller first; raise ValueError if this is not the name of a pair."""
    one, other = sorted(pair.split(":" if ":" in pair else "-"))
    return one, other


def is_diff_id(text: str) -> bool:
    """Return whether this names a pair of digests, in either order; only these are served."""
    halves = text.split("-")
    return len(halves) == 2 and all(map(is_digest, halves))


def fingerprint(conditions: Mapping[str, Any], metrics: Iterable[str] = ()) -> str:
    """Return a text that stands for what a row depends on besides its files.

    Parameters
    ----------
    conditions : mapping
        Options and versions, of types that JSON has.
    metrics : iterable of str
        The names in `PairResult.custom` of the rows.
    """
    text = json.dumps(conditions, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() + "".join(
        f":{name}:" for name in metrics
    )


_METRICS = re.compile(r"[0-9a-f]{32}((?::\w+:)*)", re.ASCII)


def metrics_of(conditions: str) -> list[str]:
    """Return the names of metrics in a fingerprint, whatever follows it."""
    found = _METRICS.match(conditions)
    return [name for name in found[1].split(":") if name] if found else []


_COLUMNS = "pixels, percent, r, g, b, a, dim"
_CELLS = "cells, folder, stem, drawn, seal"
_BLOCKS = 16  # blocks of pairs that are read or settled in one step
_PAIRS = "SELECT id, key, found, seal FROM pairs WHERE"
_UNSETTLED = f"{_PAIRS} id > (SELECT id FROM settled) ORDER BY id LIMIT {_BLOCKS}"
_NO_PAIRS = "DELETE FROM pairs", [()]  # all that is left of them is in files and rows


class Records:
    """Keep records in one file. All methods may be called from any thread.

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
        self.file = Database(path, LAYOUTS, {"seal": seal})
        self.searches = Searches(self.file)

    def close(self) -> None:
        """Close the file; no other method works afterwards."""
        self.file.close()

    # --- what runs found

    def remember_found(
        self, place: Place, records: Iterable[str], known: Mapping[tuple[str, ...], int]
    ) -> None:
        """Keep what a run found of pairs of one place.

        Parameters
        ----------
        place : Place
        records : iterable of str
            From `found.packed`.
        known : mapping of (str, str) to int
            Keys of the blocks that have earlier records of these pairs, by both paths, empty where absent.
        """
        blocks: dict[int, dict[tuple[str, ...], str]] = {}
        rest: list[str] = []
        for record in records:
            paths = pairings.paths(record)
            key = known.get(paths)
            if key is None:
                rest.append(record)
            else:
                blocks.setdefault(key, {})[paths] = record
        for key, changed in blocks.items():
            rest += self._replaced(place, key, changed)
        if rest:
            self._added(place, rest)

    def _replaced(self, place: Place, key: int, changed: Mapping[tuple[str, ...], str]) -> list[str]:
        """Put records in the place of earlier ones in a block; return those that had none there."""
        left: dict[tuple[str, ...], str] = {}

        def follows(found: list[Any]) -> Changes:
            left.clear()
            left.update(changed)
            before = _opened(found[0], place) if found else []
            after = [left.pop((record[0], record[1]), "") or "\0".join(record) for record in before]
            return [_kept(place, key, after)] if before else []

        self.file.derive(f"{_PAIRS} key = {key}", follows)
        return list(left.values())

    def _added(self, place: Place, records: Sequence[str]) -> None:
        """Add records to the last block of a place, and to new ones behind it."""
        keys = place.keys()

        def follows(found: list[Any]) -> Changes:
            key, whole = keys.start, list(records)
            if found:
                key, last = found[0][1], _opened(found[0], place)
                if len(last) < BLOCK:  # or it is damaged: then it is replaced
                    whole = [*map("\0".join, last), *whole]
                else:
                    key += 1
            return [_kept(place, key + number, part) for number, part in enumerate(_parts(whole, BLOCK))]

        newest = f"{_PAIRS} key BETWEEN {keys.start} AND {keys.stop - 1} ORDER BY key DESC LIMIT 1"
        self.file.derive(newest, follows)

    def found(self, place: Place) -> Iterator[tuple[int, list[Record]]]:
        """Yield what runs found of pairs of a place, block by block, each with its key."""
        keys = place.keys()
        least = keys.start
        while blocks := self.file.read(
            f"{_PAIRS} key BETWEEN ? AND ? ORDER BY key LIMIT {_BLOCKS}", (least, keys.stop - 1)
        ):
            for each in blocks:
                yield each[1], _opened(each, place)
            least = blocks[-1][1] + 1

    def settle(self) -> None:
        """Record files and rows by content, as far as that was not done, from what runs found.

        Everything that asks for files or rows does this first: runs themselves seldom have to.
        """
        newest = self.file.read("SELECT max(pairs.id) > settled.id FROM pairs, settled")
        if newest and newest[0][0]:
            while self.file.derive(_UNSETTLED, _settled_by) == _BLOCKS:
                pass

    def _settled(self) -> Database:
        """Return the file, after settling it if it can be written to."""
        with contextlib.suppress(StoreError):
            self.settle()
        return self.file

    # --- figures

    def metrics(self, pair: str) -> DiffMetrics | None:
        """Return the figures of a pair by its id; None if they are unknown. See also `metrics_of_row`."""
        key = _halves(pair)
        if key is None:
            return None
        sql = f"SELECT {_COLUMNS}, seal FROM metrics WHERE left = ? AND right = ? AND algorithm = ?"
        kinds = int, float, int, int, int, int, int, str
        for *figures, check in _sound(self.file.read(sql, (*key, ALGORITHM)), *kinds):
            if check == seal(*key, *figures, ALGORITHM):
                pixels, percent, r, g, b, a, dim = figures
                return DiffMetrics(pixels, percent, (r, g, b, a), bool(dim))
        return None

    def remember_metrics(self, known: Mapping[str, DiffMetrics]) -> None:
        """Keep the figures of pairs, by their ids."""
        sql = f"""INSERT OR REPLACE INTO metrics (left, right, {_COLUMNS}, algorithm, seal)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
        self.file.write((sql, [_figures(pair, figures) for pair, figures in known.items()]))

    def forget_metrics(self, digests: Iterable[str]) -> None:
        """Drop the figures of every pair with one of these digests on either side."""
        names = [(digest,) for digest in digests]
        self.file.write(
            ("DELETE FROM metrics WHERE left = ?", names), ("DELETE FROM metrics WHERE right = ?", names)
        )

    def metrics_of_row(self, pair: str) -> DiffMetrics | None:
        """Return the figures in the row of a pair; they are Gold's unless one picture is a PNG of 16 bits.

        Those of custom metrics are the newest ones of each name, whatever the order of the two files was.
        """
        known: DiffMetrics | None = None
        others: dict[str, float] = {}
        first, second = _halves(pair) or (pair, "")
        sql = f"""SELECT first, second, fingerprint, {_CELLS} FROM rows WHERE algorithm = ?
            AND ((first = ? AND second = ?) OR (first = ? AND second = ?)) ORDER BY rowid"""
        for one, other, conditions, *values in self._settled().read(
            sql, (ALGORITHM, first, second, second, first)
        ):
            # The index of a damaged file may lead to the row of another pair.
            is_asked = {one, other} == {first, second} and isinstance(conditions, str)
            stored = stored_row((one, other), conditions, values) if is_asked else None
            if stored is not None:
                values_of = zip(metrics_of(conditions), stored.row.custom, strict=False)
                row = stored.row._replace(custom=tuple((name, value) for name, (_, value) in values_of))
                figures = DiffMetrics.of_row(row)
                known = known or figures
                others |= {} if figures is None else dict(figures.others)
        return known and replace(known, others=tuple(others.items()))

    # --- failures

    def failures(self) -> dict[str, DigestFailure]:
        """Return all failures by digest, oldest first."""
        sql = "SELECT digest, reason, ts FROM failures ORDER BY ts, digest"
        return {found[0]: DigestFailure(*found) for found in _sound(self.file.read(sql), str, str, int)}

    def remember_failure(self, failure: DigestFailure, *, if_new: bool = False) -> None:
        """Record a failure. It replaces an earlier one of that digest; with `if_new`, the earlier one stays.

        If there are more than `FAILURES`, the oldest are dropped.
        """
        if if_new and self.file.read("SELECT 1 FROM failures WHERE digest = ?", (failure.digest,)):
            return  # the usual case; reading, unlike writing, never waits
        clash = "NOTHING" if if_new else "UPDATE SET reason = excluded.reason, ts = excluded.ts "
        clash += "" if if_new else "WHERE excluded.ts > ts"
        sql = f"INSERT INTO failures VALUES (?, ?, ?) ON CONFLICT (digest) DO {clash}"
        too_old = """DELETE FROM failures
            WHERE ts < (SELECT ts FROM failures ORDER BY ts DESC LIMIT 1 OFFSET ?)"""
        self.file.write((sql, [(failure.digest, failure.reason, failure.ts)]), (too_old, [(FAILURES - 1,)]))

    def forget_failures(self, digests: Iterable[str]) -> None:
        """Drop the failures of these digests."""
        sql = "SELECT 1 FROM failures WHERE digest = ?"
        failed = [(digest,) for digest in digests if self.file.read(sql, (digest,))]
        self.file.write(("DELETE FROM failures WHERE digest = ?", failed))

    # --- originals

    def content(self, digest: str) -> str | None:
        """Return the digest of the bytes that are kept under a name; None if it was not recorded."""
        sql = "SELECT content FROM originals WHERE digest = ?"
        found = _sound(self.file.read(sql, (digest,)), str)
        return found[0][0] if found else None

    def remember_contents(self, contents: Mapping[str, str]) -> None:
        """Record the digest of the bytes that are kept under each name."""
        sql = "INSERT OR REPLACE INTO originals VALUES (?, ?)"
        self.file.write((sql, contents.items()))

    def is_ours(self, digest: str) -> bool:
        """Return whether a file, row or copy shows that a name is the digest of a file's bytes."""
        sql = """SELECT EXISTS (SELECT 1 FROM files WHERE digest = :d)
            OR EXISTS (SELECT 1 FROM originals WHERE digest = :d AND content = :d)
            OR EXISTS (SELECT 1 FROM rows WHERE first = :d)
            OR EXISTS (SELECT 1 FROM rows WHERE second = :d)"""
        return bool(self._settled().read(sql, {"d": digest})[0][0])

    # --- files

    def known_files(
        self, files: Iterable[tuple[AnyPath, os.stat_result | FileState]]
    ) -> dict[str, KnownFile]:
        """Return what is known of these files, by path; files that were never digested are left out.

        A file is unchanged if size, modification time, change time and inode are what they were (on Windows:
        size and modification time), and both times are earlier than the moment of digesting by more than the
        clock's resolution. A file with later times may have been written to again within one tick of the
        clock, with the same time stamps.
        """
        self._settled()
        asked = {os.fsencode(path): (os.fspath(path), stat) for path, stat in files}
        sql = (
            "SELECT path, size, mtime_ns, ctime_ns, inode, digest, moment, seal FROM files WHERE path IN ({})"
        )
        known = {}
        kinds = bytes, int, str, str, str, str, int, str
        for *values, check in _sound(self._among(sql, asked), *kinds):
            path, size, mtime_ns, ctime_ns, inode, digest, moment = values
            # The index of a damaged file may lead to the record of another path.
            if path not in asked or check != seal(*values):
                continue
            name, now = asked[path]
            with contextlib.suppress(ValueError):  # of a damaged file
                then = size, int(mtime_ns), int(ctime_ns), int(inode), moment, digest
                known[str(name)] = KnownFile(digest, is_unchanged(then, now))
        return known

    def remember_files(self, files: Iterable[DigestedFile]) -> None:
        """Record files that were digested, all in one step."""
        self.file.write((FILE_SQL, map(file_values, files)))

    def paths(self, digest: str) -> list[tuple[Path, int]]:
        """Return files that had this digest when they were last read, and their size; they may have changed.

        If thousands of files have this digest, for instance empty pages, only the latest few are returned.
        """
        sql = "SELECT path, size FROM files WHERE digest = ? ORDER BY moment DESC, path LIMIT ?"
        found = _sound(self._settled().read(sql, (digest, _PATHS)), bytes, int)
        return [(Path(os.fsdecode(path)), size) for path, size in found]

    def forget_files(self, digests: Iterable[str]) -> None:
        """Drop everything about files with these digests and copies under these names."""
        names = [(digest,) for digest in digests]
        self.settle()
        self.file.write(
            _NO_PAIRS,
            ("DELETE FROM files WHERE digest = ?", names),
            ("DELETE FROM originals WHERE digest = ?", names),
        )

    def _among(self, sql: str, values: Iterable[bytes | int]) -> Iterator[Any]:
        for part in _parts(list(values), _AT_ONCE):
            yield from self.file.read(sql.format(",".join("?" * len(part))), part)

    # --- purges

    def purges(self) -> int:
        """Return a number that changes with every purge."""
        found = _sound(self.file.read("SELECT number FROM purges"), int)
        return int(found[0][0]) if found else 0

    def count_purge(self) -> None:
        """Count a purge, so that others notice it."""
        self.file.write(("UPDATE purges SET number = number + ?", [(1,)]))

    # --- rows

    def rows(self, keys: Iterable[Key], conditions: str) -> dict[Key, StoredRow]:
        """Return stored rows by their digests.

        Parameters
        ----------
        keys : iterable of Key
        conditions : str
            The `fingerprint` of the conditions under which they must have been made.
        """
        sql = f"""SELECT {_CELLS} FROM rows
            WHERE first = ? AND second = ? AND fingerprint = ? AND algorithm = ?"""
        self._settled()
        found = {}
        # One statement for each key; after 4000 of them, other readers get a turn.
        for part in _parts(list(keys), 4000):
            for key, answer in zip(
                part,
                self.file.read_each(sql, [(*key_values(k), conditions, ALGORITHM) for k in part]),
                strict=True,
            ):
                stored = stored_row(key_values(key), conditions, answer or ())
                if stored is not None:
                    found[key] = stored
        return found

    def remember_rows(self, rows: Iterable[StoredRow], conditions: str) -> None:
        """Keep rows, all in one step; each replaces the row of the same digests and fingerprint."""
        self.file.write((ROW_SQL, (row_values(stored, conditions, ALGORITHM) for stored in rows)))

    def is_empty(self) -> bool:
        """Return whether there are no rows and no digested files."""
        sql = "SELECT 1 FROM rows UNION ALL SELECT 1 FROM files UNION ALL SELECT 1 FROM pairs LIMIT 1"
        return not self.file.read(sql)

    def has_row(self, key: Key) -> bool:
        """Return whether there is a row of these two files, under any conditions."""
        sql = "SELECT 1 FROM rows WHERE first = ? AND second = ?"
        return bool(self._settled().read(sql, key_values(key)))

    def forget_rows(self, digests: Iterable[str]) -> None:
        """Drop every row with one of these digests on either side."""
        names = [(digest, digest) for digest in digests]
        self.settle()
        forget = "DELETE FROM rows WHERE first = ? OR second = ?", names
        self.file.write(_NO_PAIRS, NO_SEARCHES, forget)


def _opened(found: Sequence[Any], place: Place) -> list[Record]:
    """Return the records of a block; none if it is damaged, or of another place whose keys are the same."""
    block = _sound_block(found)
    return [] if block is None or block[0] != place else block[1]


def _sound_block(found: Sequence[Any]) -> tuple[Place, list[Record]] | None:
    _, key, data, check = found
    return pairings.opened(data) if isinstance(data, bytes) and check == seal(key, data) else None


def _kept(place: Place, key: int, records: Iterable[str]) -> Change:
    """Return the change that keeps a block."""
    data = pairings.block(place, records)
    return "INSERT OR REPLACE INTO pairs (key, found, seal) VALUES (?, ?, ?)", [(key, data, seal(key, data))]


def _settled_by(found: list[Any]) -> Changes:
    """Yield the changes that blocks of pairs make to files and rows."""
    files: list[tuple[object, ...]] = []
    rows: list[tuple[object, ...]] = []
    for place, records in filter(None, map(_sound_block, found)):
        for each in filter(None, map(pairings.unpacked, records)):
            digests: list[str | None] = [None, None]
            for side, (path, file) in enumerate(zip((each.first, each.second), each.files, strict=True)):
                if path is not None and file is not None:
                    *state, moment, digests[side] = file
                    files.append(file_values(DigestedFile(path, FileState(*state), file[5], moment)))
            row = PairResult(None, "", "", "", "", first_digest=digests[0], second_digest=digests[1])
            stored = StoredRow(row, each.folder, each.drawing_path, each.drawn, each.line)
            rows.append(row_values(stored, place.conditions + each.variant, place.algorithm))
    # In the order of their keys, so that neighbours in the file are written together.
    files.sort()
    rows.sort(key=lambda row: row[:2])
    yield FILE_SQL, files
    yield ROW_SQL, rows
    if found:
        yield "UPDATE settled SET id = ?", [(found[-1][0],)]


def _figures(pair: str, known: DiffMetrics) -> tuple[object, ...]:
    percent, largest = float(known.pixel_diff_percent), map(int, known.max_rgba_diffs)
    figures = int(known.num_diff_pixels), percent, *largest, int(known.dim_differ)
    values = *split_diff_id(pair), *figures, ALGORITHM
    return *values, seal(*values)


def _halves(pair: str) -> tuple[str, str] | None:
    """Return the two names of a pair; None if this is not the name of a pair."""
    try:
        return split_diff_id(pair)
    except ValueError:
        return None


def stored_row(key: tuple[str, str], conditions: str, values: Sequence[Any]) -> StoredRow | None:
    """Return the row of its stored values, `_CELLS`; None if these are not what was kept under this key."""
    for *cells, check in _sound([values], str, (bytes, NoneType), bytes, str, str):
        if check != seal(*key, conditions, *cells, ALGORITHM):
            return None
        text, folder, path, drawn = cells
        row = _parsed(text)
        if row is not None and key_values((row.first_digest, row.second_digest)) == key:
            folder = None if folder is None else os.fsdecode(folder)
            return StoredRow(row, folder, os.fsdecode(path), _pairs(drawn))
    return None


def _sound(rows: Iterable[Sequence[Any]], *kinds: type | tuple[type, ...]) -> list[Any]:
    """Return the rows whose cells all have the types that we write: a damaged file may hold anything."""
    return [row for row in rows if len(row) == len(kinds) and all(map(isinstance, row, kinds))]


def _parsed(cells: str) -> PairResult | None:
    """Return the row of stored cells; None if they are not a row of this version's columns.

    They are a line of a CSV; earlier versions kept a list in JSON.
    """
    try:
        values, listed = (json.loads(cells), "") if cells.startswith("[") else results.split_line(cells)
        # The names of metrics are in the fingerprint: those who have asked with it know them.
        names = [""] * max(0, len(values) - len(results.COLUMNS))
        sound = all(isinstance(cell, str) for cell in values)
        return results.parse_row(values, names)._replace(listed=listed) if sound else None
    except (ValueError, TypeError, RecursionError):
        return None


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    """Return what was stored about drawings; nothing if the text is not of that form."""
    try:
        return tuple((size, mtime_ns) for size, mtime_ns in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()


def _parts(values: list[T], size: int) -> Iterator[list[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
