"""Files of results: read whole, and written whole or not at all."""

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
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder the system says so
        raise OSError(errno.EINVAL, "It is not a file", os.fspath(path))
    return path.read_bytes()


def read(path: Path) -> bytes:
    """All of a file; ResultsError where it cannot be read."""
    try:
        return contents(path)
    except OSError as error:
        raise ResultsError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error


def write_all(file: io.FileIO, data: bytes) -> None:
    """Hand all of it to the operating system."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file beside `path`, all the way to the disk, and put it in its place.

    Raises
    ------
    OutputError
        With the path; a file that was there before is unchanged and nothing is left beside it.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        try:
            beside.unlink(missing_ok=True)  # of a killed process with this number; never through a link
            with beside.open("xb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # what kept it from being written is the news
                beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> OutputError:
    """The error that tells of a file which cannot be written."""
    reason = error.strerror or str(error)
    return OutputError(
        f"{shown(path)} cannot be written ({reason}): see that there is room, that the folder may be "
        "written to, and that no other program has the file open.",
        path,
    )


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
