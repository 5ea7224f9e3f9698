"""One writer at a time: a lock on a file, which the operating system drops when its process ends.

Promises:

- Only one process, and only one of its threads, has the lock; all others get an error that names the owner's
  process, host and time.
- A process that is killed loses the lock, even if its forks live on: nothing needs to be cleaned up.
- `Lock.release` removes the file.

Some network folders do not support locks. There, the owner named in the file has the lock while its process
runs on this host. That keeps out processes that begin later, but not one that begins at the same moment, nor
one on another host.
"""

import contextlib
import errno
import io
import json
import os
import platform
import re
import stat
import sys
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from mymodules import files
from mymodules.errors import OutputError, ResultsError
from mymodules.paths import shown

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_HELD_BY_ANOTHER: Final = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_FAR: Final = 1 << 30  # the byte to lock, behind all others: Windows keeps others from reading a locked byte
_PATIENCE: Final = 0.5  # s
_LONGEST: Final = 4096  # bytes; every owner's entry is shorter


class _Owner(NamedTuple):
    """What the file of a lock says about the process that holds it."""

    pid: int
    host: str
    since: str
    started: float  # s since the epoch; the process number alone may later belong to another process
    token: str

    @property
    def in_words(self) -> str:
        """The owner in words, safe to print: others may have written the file."""
        if self.is_here and self.pid == os.getpid():
            who = f"another thread of this process, {self.pid},"
        else:
            who = f"process {self.pid} on {self.host}"
        return shown(f"{who} since {self.since}")

    @property
    def is_here(self) -> bool:
        return self.host == platform.node()

    @property
    def is_running(self) -> bool:
        """Whether the owner is a process of this host that is still running."""
        if not self.is_here:
            return False
        if self.pid == os.getpid():
            return any(lock.token == self.token for lock in _held)
        return abs(_started(self.pid) - self.started) < 1


class Lock:
    """The right to write something; a context manager that calls `release` at its end.

    Parameters
    ----------
    path : Path
        A file that is used only for the lock; it is created if it is absent.
    subject : Path
        The file that the owner may write, for the message.

    Attributes
    ----------
    killed : int or None
        The process of this host that had the lock before and ended without `release`.

    Raises
    ------
    ResultsError
        If another process or thread has the lock. Nothing was changed.
    OutputError
        If the file cannot be opened.
    """

    def __init__(self, path: Path, subject: Path) -> None:
        self.path = path
        self.token = os.urandom(8).hex()
        self.killed: int | None = None
        self._pid = os.getpid()
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        owner = _Owner(self._pid, platform.node(), since, _started(self._pid), self.token)
        self._file: io.FileIO | None = self._taken(subject)
        _held.add(self)
        with contextlib.suppress(OSError):  # on a full disk, the lock works, but does not name its owner
            self._file.seek(0)
            self._file.truncate()
            self._file.write((json.dumps(owner._asdict()) + "\n").encode("ascii"))

    def release(self) -> None:
        """Give up the lock and remove the file; in a fork of the owner, do nothing."""
        file, self._file = self._file, None
        _held.discard(self)
        if file is None or self._pid != os.getpid():
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            with contextlib.suppress(OSError):
                os.lseek(file.fileno(), _FAR, os.SEEK_SET)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
            file.close()
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        else:
            with file, contextlib.suppress(OSError):  # a leftover does no harm: it is not locked
                if _is_at(file, self.path):
                    self.path.unlink(missing_ok=True)

    def _taken(self, subject: Path) -> io.FileIO:
        """Return the locked file, after making sure that it still has its name."""
        while True:
            file = _opened(self.path)
            try:
                locked = _lock(file)
                owner = _owner(file)
                if locked is False or (locked is None and owner is not None and owner.is_running):
                    by = _named(file)
                    raise ResultsError(
                        f"{shown(subject)} is being written by {by}: wait until that run has ended, or end "
                        "it, and then resume."
                    )
                if _is_at(file, self.path):
                    self.killed = owner.pid if owner is not None and owner.is_here else None
                    return file
            except BaseException:
                file.close()
                raise
            file.close()  # its owner removed it before we locked it: there may be a new one

    def _forget(self) -> None:
        """Close the copy of the file in a fork, which must not keep the lock alive."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_held: set[Lock] = set()


def _after_fork() -> None:
    for lock in list(_held):
        lock._forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _opened(path: Path) -> io.FileIO:
    # A link is not followed: its target would be overwritten.
    how = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    how |= getattr(os, "O_NONBLOCK", 0)  # if the path is a pipe, do not wait for its other end
    try:
        file = io.FileIO(path, "r+", opener=lambda name, _: os.open(name, how, 0o666))
    except OSError as error:
        raise files.not_written(path, error) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OutputError(f"{shown(path)} is not a file: remove it, then try again.", path)
    return file


def _lock(file: io.FileIO) -> bool | None:
    """Lock a file; return True on success, False if another has it, None if locks are not supported."""
    try:
        if sys.platform == "win32":
            os.lseek(file.fileno(), _FAR, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _HELD_BY_ANOTHER else None
    return True


def _is_at(file: io.FileIO, path: Path) -> bool:
    """Return whether a path still leads to this open file."""
    if sys.platform == "win32":  # an open file cannot be removed there
        return True
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except OSError:
        return False


def _owner(file: io.FileIO) -> _Owner | None:
    """Return the owner that the file of a lock names; None if it cannot be understood."""
    try:
        file.seek(0)
        said: Any = json.loads(file.read(_LONGEST))
        owner = _Owner(**said)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = (int, str, str, float, str)
    return owner if all(map(isinstance, owner, kinds)) else None


def _named(file: io.FileIO) -> str:
    """Return the owner of a lock in words; wait a moment if it has not written its entry yet."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        owner = _owner(file)
        if owner is not None and (owner.is_running or not owner.is_here):
            return owner.in_words
        if time.monotonic() > deadline:
            return "another process"
        time.sleep(0.01)


def _started(pid: int) -> float:
    """Return when a process began, s since the epoch; 0 if there is no such process."""
    if sys.platform == "linux":
        return _started_on_linux(pid)
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except (psutil.Error, ValueError, OverflowError):
        return 0.0


def _started_on_linux(pid: int) -> float:
    """Return the same without psutil: to load it takes longer than to list most folders."""
    try:
        # The name of the program, in parentheses, may contain spaces and parentheses.
        ticks = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
        facts = Path("/proc/stat").read_bytes()
    except (OSError, ValueError, IndexError):
        return 0.0
    boot = re.search(rb"^btime (\d+)$", facts, re.MULTILINE)
    return 0.0 if boot is None else int(boot[1]) + ticks / os.sysconf("SC_CLK_TCK")
