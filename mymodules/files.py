"""Read files whole, and write them whole or not at all.

Everything that replaces a file goes through here: the new file is written beside the old one and replaces it
in one step, so that at any moment, even after a kill, there is either the old file or the new one. A durable
write survives a power failure as well: the file and the folder with its name are on the disk before the
function returns. `create`, `place` and `replace` raise OSError; `read` and `write` raise errors with messages
for a person.
"""

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from mymodules.errors import OutputError, ResultsError
from mymodules.paths import shown


def contents(path: Path) -> bytes:
    """Return the bytes of a file; raise OSError also for a pipe or a device, which may never end."""
    _check_end(path)
    return path.read_bytes()


def _check_end(path: Path) -> None:
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading a folder raises by itself
        raise OSError(errno.EINVAL, "It is not a file", os.fspath(path))


def read(path: Path) -> bytes:
    """Return the bytes of a file; raise ResultsError if it cannot be read."""
    with _readable(path):
        return contents(path)


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, at most 1 MiB at a time; raise ResultsError if it cannot be read."""
    with _readable(path):
        _check_end(path)
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                yield data


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResultsError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file durably and in one step, as `replace` does.

    Raises
    ------
    OutputError
        With the path. An earlier file stays unchanged, and no temporary file is left beside it.
    """
    try:
        replace(path, chunks)
    except OSError as error:
        raise not_written(path, error) from error


def replace(path: Path, chunks: Iterable[bytes], *, beside: Path | None = None, durable: bool = True) -> None:
    """Write a file beside `path`, then rename it to `path`; if that fails, leave everything as it was.

    Parameters
    ----------
    path : Path
    chunks : iterable of bytes
        The content. If the iterable raises, the writing fails.
    beside : Path, optional
        Where to write first, on the same file system. An existing file there is a leftover and is removed.
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
    """Write a new file; raise FileExistsError if the path exists, even as a link.

    Parameters
    ----------
    path : Path
    chunks : iterable of bytes
        As in `replace`; if the writing fails, the file is removed.
    mode : int, optional
        Its permissions, on systems that have them.
    durable : bool
        Wait until its content is on the disk. Its name is there only after `place` or `sync_folder`.
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
    """Rename a file that `create` has written to its final path, replacing an existing file."""
    made.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, if the system can do that."""
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
        f"{shown(path)} cannot be written ({reason}): check that there is enough space, that the folder may "
        "be written to, and that no other program has the file open.",
        path,
    )
