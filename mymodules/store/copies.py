"""Copies of pictures: their original bytes, in a folder of folders of two levels.

A copy is put in its place in one step, without waiting for the disk, so that no other process or thread sees
half of one. What a power failure tears is for the reader to find, by its digest. Nothing here knows what
the bytes are.

Only digests have copies, see `records.is_digest`: of any other name, which a file system may reserve, fold or
take for a path, nothing is read, written or removed.
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

_LEFT_OVER = 3600  # s; then a half-written copy is nobody's
_BLOCK = 1 << 20  # bytes
_BEING_WRITTEN = re.compile(r"[0-9a-fA-F]{32}\.\d+\.\d+", re.ASCII)  # digest, process, thread

_log = logging.getLogger(__name__)


def stored_path(name: str) -> str:
    """Where a picture of this name is kept: ``09/8f/098f6b....png``, from its first four characters.

    Digests that differ in case only are different, but not for every file system: one with capitals gets
    the places of these, as a number, after its name.
    """
    folder = f"{name[:2]}/{name[2:4]}/".lower() if len(name) >= 4 else ""
    capitals = sum(1 << place for place, letter in enumerate(name) if letter.isupper())
    mark = f"~{capitals:x}" if capitals else ""
    return f"{folder}{name.lower()}{mark}.png"


class _OtherBytesError(Exception):
    """A file does not have the digest under which a copy of it was to be kept."""


class Copies:
    """The copies below a folder, in ``images``; what is being written stands in ``incoming``.

    Parameters
    ----------
    root : Path
        Created where it is absent.

    Raises
    ------
    OutputError
        It cannot be created.
    """

    def __init__(self, root: Path) -> None:
        self._images, self._incoming = root / "images", root / "incoming"
        self._told = False
        for folder in (self._images, self._incoming):
            if folder.is_symlink():
                raise OutputError(
                    f"The store's folder {shown(folder)} is a link, and copies would be written and removed "
                    "wherever it leads: put a folder in its place, or have the whole store elsewhere.",
                    folder,
                )
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                told = f"The store's folder {shown(folder)} cannot be made ({error.strerror or error})"
                raise OutputError(f"{told}: name another one.", folder) from error
        self._sweep()

    def __contains__(self, digest: str) -> bool:
        if not is_digest(digest):
            return False
        try:
            status = self.path(digest).lstat()
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size > 0

    def read(self, digest: str) -> bytes:
        """The bytes of a copy; raises `sources.Absent`, or OSError."""
        if not is_digest(digest):
            raise sources.Absent("no copy is kept of a name that is not a digest")
        try:
            path = sources.inside(self._images, stored_path(digest))
        except sources.Absent:
            raise sources.Absent("no copy is kept") from None
        return path.read_bytes()

    def path(self, digest: str) -> Path:
        """Where the copy of a picture stands, or would stand."""
        return self._images / stored_path(digest)

    def write(self, digest: str, data: bytes) -> bool:
        """Keep a copy; false, and a message in the log, where that fails."""

        return self._keep(digest, [data])

    def copy(self, digest: str, file: BinaryIO) -> bool:
        """Keep a copy of a file if this is the digest of its bytes; false, too, where that fails."""

        def blocks() -> Iterator[bytes]:
            found = images.blake2b()
            while block := file.read(_BLOCK):
                found.update(block)
                yield block
            if found.hexdigest() != digest:
                raise _OtherBytesError

        return self._keep(digest, blocks())

    def _keep(self, digest: str, chunks: Iterable[bytes]) -> bool:
        """Write a copy beside its place and put it there."""
        if not is_digest(digest):
            return False
        path = self.path(digest)
        beside = self._incoming / f"{digest}.{os.getpid()}.{threading.get_ident()}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._check_inside(path)
            files.replace(path, chunks, beside=beside, durable=False)
        except _OtherBytesError:
            return False
        except OSError as error:
            # Where one cannot be kept, thousands cannot: it is said once.
            _log.log(
                logging.INFO if self._told else logging.WARNING, "No copy of %s is kept: %s", digest, error
            )
            self._told = True
            return False
        return True

    def remove(self, digest: str) -> None:
        """Remove a copy where there is one; a message in the log where that fails."""
        if not is_digest(digest):
            return
        try:
            if digest in self:
                self._check_inside(self.path(digest))
            self.path(digest).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("The copy of %s cannot be removed: %s", digest, error)

    def _check_inside(self, path: Path) -> None:
        """Raise OSError where a link leads a copy out of its folder: nothing is written or removed there."""
        if not path.parent.resolve().is_relative_to(self._images.resolve()):
            raise OSError(errno.ELOOP, "A link leads out of the store", str(path.parent))

    def _sweep(self) -> None:
        """Remove copies that a killed process has left half written, and nothing that is not ours."""
        with contextlib.suppress(OSError):
            for path in self._incoming.iterdir():
                with contextlib.suppress(OSError):
                    old = path.lstat().st_mtime < time.time() - _LEFT_OVER
                    if old and _BEING_WRITTEN.fullmatch(path.name):
                        path.unlink()
