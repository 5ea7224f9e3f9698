"""One SQLite file that many threads and processes read and write, and that is replaced if it is damaged.

The file is in WAL mode: reading never waits for writing. Every `Database.write` is one transaction: once it
has returned, its changes survive the end of this process, and a process that is killed leaves either all of
them or none. A file that is damaged, or belongs to another program, is renamed, with a message in the log,
and a new one is begun; so the file must only hold data that can be computed again. If it cannot be renamed, a
database in memory is used instead. If somebody else has renamed or removed the file, it is closed, and
everyone continues with the new file of that name. ``PRAGMA user_version`` is the version of the layout: an
older file is updated in place, a newer one is refused.

Nothing here knows what is in the file.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from mymodules import faults
from mymodules.errors import StoreError
from mymodules.paths import shown

Layouts = tuple[tuple[str, ...], ...]
"""Statements that make each version of a file out of the one before, version 0 being empty."""
Functions = Mapping[str, Callable[..., Any]]
"""Functions that statements of a layout may call, by name; each is deterministic."""
Change = tuple[str, Iterable[Sequence[Any]]]
"""A statement, and the values for each of its executions."""
Changes = Iterable[Change]

APPLICATION: Final = 0x6D796D64
"""``PRAGMA application_id`` of our files."""

_PATIENCE = 30.0  # s; how long another process may hold the file
# Errors of a file whose pages, or whose descriptions of tables, are not what we wrote.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT}
_DAMAGED |= {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_IOERR_SHORT_READ}

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Database:
    """Read and write the file. All methods may be called from any thread.

    Parameters
    ----------
    path : Path
        Its folder exists.
    layouts : Layouts
    functions : Functions, optional

    Raises
    ------
    StoreError
        Here and in every method: if the file cannot be read or written, is of a newer version, or anything
        else goes wrong.
    """

    def __init__(self, path: Path, layouts: Layouts, functions: Functions | None = None) -> None:
        self.path = path
        self._layouts = layouts
        self._functions = functions or {}
        # Reading has its own connection and lock, so that it never waits for a long write.
        self._reading, self._writing = threading.RLock(), threading.RLock()
        self._reader: sqlite3.Connection
        self._writer: sqlite3.Connection
        self._opened: tuple[int, int] | None = None  # which file is open; None for a database in memory
        self._closed = False
        try:
            self._open()
        except StoreError:
            raise
        except Exception as error:
            if not _is_damage(error):
                raise self._refused(error) from error
            self._renew(error)

    def close(self) -> None:
        """Close the file; no other method works afterwards."""
        with self._writing, self._reading:
            if not self._closed:
                self._closed = True
                self._close()

    def read(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Return all rows that a statement selects."""
        return self._read(lambda db: db.execute(sql, values).fetchall())

    def read_each(self, sql: str, values: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the first row that a statement selects for each of the values, or None."""
        return self._read(lambda db: [db.execute(sql, each).fetchone() for each in values])

    def write(self, *changes: Change) -> int:
        """Execute statements for all of their values in one transaction; return how many rows changed."""
        whole = [(sql, rows) for sql, values in changes if (rows := list(values))]

        def once() -> int:
            with self._writing, self._both(), _transaction(self._writer):
                return sum(self._writer.executemany(sql, rows).rowcount for sql, rows in whole)

        return self._mended(once) if whole else 0

    def derive(self, sql: str, follows: Callable[[list[Any]], Changes]) -> int:
        """Execute the changes that follow from what a statement selects, all in one transaction.

        Returns
        -------
        int
            How many rows the statement selected.
        """

        def once() -> int:
            with self._writing, self._both(), _transaction(self._writer):
                found = self._writer.execute(sql).fetchall()
                for statement, rows in follows(found):
                    self._writer.executemany(statement, rows)
                return len(found)

        return self._mended(once)

    def _read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        def once() -> T:
            with self._reading:
                return ask(self._reader)

        return self._mended(once)

    def _mended(self, once: Callable[[], T]) -> T:
        """Call `once`; if the file is gone or turns out to be damaged, call it again with a new file."""
        try:
            return self._tried(once)
        except StoreError:
            raise
        except Exception as error:
            raise self._refused(error) from error

    def _tried(self, once: Callable[[], T]) -> T:
        if self._is_gone():
            with self._writing, self._reading:
                if self._is_gone():  # no other thread was faster
                    _log.info("The store's file %s was replaced: the new one is used.", shown(self.path))
                    self._renew()
        opened = self._opened
        try:
            return once()
        except Exception as error:
            moved = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED
            if self._closed or not (_is_damage(error) or moved):
                raise
            self._renew(error, opened)
        return once()

    def _both(self) -> contextlib.AbstractContextManager[object]:
        """Return the other lock that writing needs: in memory, reading and writing share one connection."""
        return self._reading if self._opened is None else contextlib.nullcontext()

    def _open(self) -> None:
        while True:
            before = _identity(self.path)
            self._writer = _connected(self.path)
            try:
                self._bring_up_to_date(self._writer)
                self._reader = _connected(self.path)
            except BaseException:
                self._writer.close()
                raise
            self._opened = _identity(self.path)
            if before in (None, self._opened):
                return
            self._close()  # it was replaced meanwhile, so this may be either of the two

    def _is_gone(self) -> bool:
        """Return whether the open file is no longer the one of this name."""
        return not self._closed and self._opened not in (None, _identity(self.path))

    def _close(self) -> None:
        for connection in (self._reader, self._writer):
            with contextlib.suppress(sqlite3.Error):  # SQLite recovers what is left when it is next opened
                connection.close()

    def _bring_up_to_date(self, db: sqlite3.Connection) -> None:
        for name, function in self._functions.items():
            db.create_function(name, -1, function, deterministic=True)
        _bring_up_to_date(db, self.path, self._layouts)

    def _renew(self, error: Exception | None = None, opened: tuple[int, int] | None = None) -> None:
        """Open the file again, or a new one if it is damaged; only one of several processes renames it.

        SQLite's own checks do not find text that is not UTF-8, so an error about such text counts as damage.
        """
        with self._writing, self._reading:
            if hasattr(self, "_reader"):
                self._close()
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with _alone(self.path.with_name("repair.lock")):
                    same = opened is not None and opened == _identity(self.path)
                    if (same and _is_not_text(error)) or self._is_damaged():
                        _set_aside(self.path)
                    self._open()
            except StoreError:  # of a newer version
                raise
            except Exception as failed:
                message = "%s cannot be replaced (%s): records are kept in memory."
                _log.warning(message, shown(self.path), _reason(failed))
                try:
                    self._reader = self._writer = _connected(":memory:")
                    self._opened = None
                    self._bring_up_to_date(self._writer)
                except Exception as neither:
                    raise self._refused(neither) from neither

    def _is_damaged(self) -> bool:
        """Return whether the file that is there now has to be replaced."""
        try:
            with contextlib.closing(_connected(self.path)) as db:
                self._bring_up_to_date(db)
                if db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                    return True
                with contextlib.closing(_connected(":memory:")) as whole:
                    self._bring_up_to_date(whole)
                    return not _tables(whole) <= _tables(db)
        except StoreError:
            raise
        except Exception as error:
            return _is_damage(error)

    def _refused(self, error: Exception) -> StoreError:
        return StoreError(
            f"The store's file {shown(self.path)} cannot be used ({_reason(error)}): check that its folder "
            "may be written to and that there is enough space."
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _not_ours(reason: str) -> sqlite3.Error:
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return error


def _connected(path: Path | str) -> sqlite3.Connection:
    if Path(path).is_symlink():
        raise _not_ours("it is a link, which may lead to anybody's file")
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        (mark,) = db.execute("PRAGMA application_id").fetchone()
        if mark != APPLICATION and _names(db):
            raise _not_ours("it belongs to another program")  # before anything is changed in it
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -500")  # KiB; the system keeps the file in its own cache
        if path != ":memory:" and db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            _patiently(lambda: db.execute("PRAGMA journal_mode = WAL"))
    except BaseException:
        db.close()
        raise
    return db


def _patiently(act: Callable[[], object]) -> None:
    """Call `act` again while the file is busy: SQLite itself does not wait when it changes the journal."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            act()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back already
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _names(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _tables(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the tables and indices by name, with the statements that made them."""
    return set(db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def _bring_up_to_date(db: sqlite3.Connection, path: Path, layouts: Layouts) -> None:
    version = _version(db)
    if version > len(layouts):
        raise StoreError(
            f"{shown(path)} was written by a newer version of this program: update, or name another folder."
        )
    if version == len(layouts):
        return
    with _transaction(db):
        for layout in layouts[_version(db) :]:  # asked again: another process may have been faster
            for statement in layout:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {len(layouts)}")


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return _is_not_text(error) or not _DAMAGED.isdisjoint((code, code & 0xFF))


def _is_not_text(error: Exception | None) -> bool:
    """Return whether a text in the file is not UTF-8; Python raises that itself, without a code."""
    undecoded = isinstance(error, sqlite3.Error) and "Could not decode to UTF-8" in str(error)
    return undecoded or isinstance(error, UnicodeDecodeError)


def _reason(error: Exception) -> str:
    """Return an error's message, and its type if it comes neither from SQLite nor from the system."""
    return str(error) if isinstance(error, sqlite3.Error | OSError) else faults.named(error)


def _set_aside(path: Path) -> None:
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    number = 1
    while kept.exists():
        number += 1
        kept = kept.with_name(f"{kept.name.partition('#')[0]}#{number}")
    path.rename(kept)
    for ending in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(kept.with_name(kept.name + ending))
    message = "The store's file %s is damaged: it is kept as %s, and its records are computed again."
    _log.warning(message, shown(path), kept.name)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Run the body in one process at a time, on every system; a killed process holds no lock."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield
