"""Files are read whole, and written whole or not at all.

Everything that replaces a file goes through here: the new one is written beside it and takes its place in one
step, so that a reader, and whoever looks after a kill, finds the old file or the new one. What is durable
survives a power failure as well: the file and the folder with its name are on the disk before a function
returns. `create`, `place` and `replace` raise OSError; `read` and `write` put it in words for a person.
"""

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from mymodules.errors import OutputError, ResultsError
from mymodules.paths import shown


def contents(path: Path) -> bytes:
    """Return all of a file; OSError for a pipe or a device too, which may never end."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading a folder raises by itself
        raise OSError(errno.EINVAL, "It is not a file", os.fspath(path))
    return path.read_bytes()


def read(path: Path) -> bytes:
    """Return all of a file; ResultsError where it cannot be read."""
    try:
        return contents(path)
    except OSError as error:
        raise ResultsError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file durably and in one step, as `replace` does.

    Raises
    ------
    OutputError
        With the path; a file that was there before is unchanged and nothing is left beside it.
    """
    try:
        replace(path, chunks)
    except OSError as error:
        raise not_written(path, error) from error


def replace(path: Path, chunks: Iterable[bytes], *, beside: Path | None = None, durable: bool = True) -> None:
    """Write a file beside `path` and put it in its place; when that fails, leave everything as it was.

    Parameters
    ----------
    path : Path
    chunks : iterable of bytes
        What it will hold. An exception raised by it ends the writing, too.
    beside : Path, optional
        Where it is written, on the same file system; a file that is there is a leftover and is removed.
    durable : bool
        Wait until it is on the disk.
    """
    if beside is None:
        beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        beside.unlink(missing_ok=True)  # left by a killed process that had this number
        create(beside, chunks, durable=durable)
        place(beside, path, durable=durable)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to report
            beside.unlink(missing_ok=True)
        raise


def create(path: Path, chunks: Iterable[bytes], *, mode: int | None = None, durable: bool = True) -> None:
    """Write a new file; FileExistsError where something is there, a link included.

    Parameters
    ----------
    path : Path
    chunks : iterable of bytes
        As in `replace`; when the writing fails, the file is removed.
    mode : int, optional
        Its permissions, where the system has such.
    durable : bool
        Wait until its content is on the disk. Its name is after `place` or `sync_folder`.
    """
    opened = path.open("xb")
    try:
        with opened as file:
            file.writelines(chunks)
            file.flush()
            if mode is not None:
                with contextlib.suppress(OSError):
                    path.chmod(mode)
            if durable:
                os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to report
            path.unlink()
        raise


def place(made: Path, path: Path, *, durable: bool = True) -> None:
    """Put a file that `create` has written in its place, over the one that is there."""
    made.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can do that."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def write_all(file: io.FileIO, data: bytes) -> None:
    """Hand all of the data to the operating system, however often it takes only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def not_written(path: Path, error: OSError) -> OutputError:
    """Return the error to raise for a file that cannot be written."""
    reason = error.strerror or str(error)
    return OutputError(
        f"{shown(path)} cannot be written ({reason}): see that there is room, that the folder may be "
        "written to, and that no other program has the file open.",
        path,
    )
