"""Copies of pictures: their original bytes, in folders nested two levels deep.

A copy appears in one step, so that no other process or thread sees half of it. Writing does not wait for the
disk, so a power failure may truncate a copy: whoever reads it has to check its digest. Nothing here knows
what the bytes are.

Only digests have copies, see `records.is_digest`. Nothing is read, written or removed under any other name,
because a file system may reserve such a name, ignore its case or take it for a path.
"""

import contextlib
import errno
import logging
import os
import re
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from mymodules import files, images
from mymodules.errors import OutputError
from mymodules.paths import shown
from mymodules.store import sources
from mymodules.store.records import is_digest

_LEFT_OVER = 3600  # s; the process that wrote an older half-written copy has ended
_BLOCK = 1 << 20  # bytes
_BEING_WRITTEN = re.compile(r"[0-9a-fA-F]{32}\.\d+\.\d+", re.ASCII)  # digest, process, thread

_log = logging.getLogger(__name__)


def stored_path(name: str) -> str:
    """Return where a picture of this name is kept: ``09/8f/098f6b....png``, from its first four characters.

    Digests that differ only in case are different, but not every file system tells them apart. Therefore a
    digest with capitals is followed by a number that says which letters are capitals.

    Examples
    --------
    >>> stored_path("098f6bcd4621d373cade4e832627b4f6")
    '09/8f/098f6bcd4621d373cade4e832627b4f6.png'
    """
    folder = f"{name[:2]}/{name[2:4]}/".lower() if len(name) >= 4 else ""
    lower = name.lower()
    mark = ""
    if name != lower and (capitals := sum(1 << at for at, letter in enumerate(name) if letter.isupper())):
        mark = f"~{capitals:x}"
    return f"{folder}{lower}{mark}.png"


class _OtherBytesError(Exception):
    """A file does not have the digest under which a copy of it was to be kept."""


class Copies:
    """Keep copies below a folder, in ``images``; copies that are being written are in ``incoming``.

    Parameters
    ----------
    root : Path
        Created if it is absent.

    Raises
    ------
    OutputError
        If it cannot be created.
    """

    def __init__(self, root: Path) -> None:
        self._images, self._incoming = root / "images", root / "incoming"
        self._has_warned, self._warning = False, threading.Lock()
        for folder in (self._images, self._incoming):
            if folder.is_symlink():
                raise OutputError(
                    f"The store's folder {shown(folder)} is a link, and copies would be written and removed "
                    "wherever it leads: replace it by a folder, or use another folder for the whole store.",
                    folder,
                )
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or error
                raise OutputError(
                    f"The store's folder {shown(folder)} cannot be created ({reason}): name another one.",
                    folder,
                ) from error
        self._real = os.path.realpath(self._images)
        self._sweep()

    def __contains__(self, digest: str) -> bool:
        if not is_digest(digest):
            return False
        try:
            status = os.lstat(f"{self._images}{os.sep}{stored_path(digest)}")  # without a Path it is faster
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size > 0

    def read(self, digest: str) -> bytes:
        """Return the bytes of a copy; raise `sources.Absent` or OSError if there is no readable copy."""
        if not is_digest(digest):
            raise sources.Absent("no copy is kept of a name that is not a digest")
        try:
            path = sources.inside(self._images, stored_path(digest))
        except sources.Absent:
            raise sources.Absent("no copy is kept") from None
        return path.read_bytes()

    def path(self, digest: str) -> Path:
        """Return where the copy of a picture is, or would be."""
        return self._images / stored_path(digest)

    def write(self, digest: str, data: bytes) -> bool:
        """Keep a copy; return False, with a message in the log, if that fails."""
        return self._keep(digest, [data])

    def copy(self, digest: str, file: BinaryIO) -> bool:
        """Keep a copy of a file if this is the digest of its bytes; return False if not, or if that fails."""

        def blocks() -> Iterator[bytes]:
            found = images.blake2b()
            while block := file.read(_BLOCK):
                found.update(block)
                yield block
            if found.hexdigest() != digest:
                raise _OtherBytesError

        return self._keep(digest, blocks())

    def _keep(self, digest: str, chunks: Iterable[bytes]) -> bool:
        """Write a copy under another name and rename it."""
        if not is_digest(digest):
            return False
        path = self.path(digest)
        beside = self._incoming / f"{digest}.{os.getpid()}.{threading.get_ident()}"
        try:
            self._check_inside(path)
            os.makedirs(path.parent, exist_ok=True)  # noqa: PTH103 - twice as fast
            files.replace(path, chunks, beside=beside, durable=False)
        except _OtherBytesError:
            return False
        except OSError as error:
            # If one copy cannot be kept, thousands of others probably cannot either: warn only once.
            with self._warning:
                level = logging.INFO if self._has_warned else logging.WARNING
                self._has_warned = True
            _log.log(level, "No copy of %s is kept: %s", digest, error)
            return False
        return True

    def remove(self, digest: str) -> None:
        """Remove a copy, if there is one; write a message to the log if that fails."""
        if not is_digest(digest):
            return
        try:
            if digest in self:
                self._check_inside(self.path(digest))
            self.path(digest).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("The copy of %s cannot be removed: %s", digest, error)

    def _check_inside(self, path: Path) -> None:
        """Raise OSError if a link leads out of the folder of copies, where nothing must be changed."""
        if not os.path.realpath(path.parent).startswith(self._real + os.sep):
            raise OSError(errno.ELOOP, "A link leads out of the store", str(path.parent))

    def _sweep(self) -> None:
        """Remove copies that a killed process has left half written, and nothing else."""
        with contextlib.suppress(OSError):
            for path in self._incoming.iterdir():
                with contextlib.suppress(OSError):
                    old = path.lstat().st_mtime < time.time() - _LEFT_OVER
                    if old and _BEING_WRITTEN.fullmatch(path.name):
                        path.unlink()
