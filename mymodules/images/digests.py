"""Digests of files, by which the same content is known wherever it is."""

import errno
import hashlib
import stat
from os import PathLike
from pathlib import Path

Source = str | PathLike[str] | bytes
"""A picture: its path, or the bytes of its file."""


def digest(source: Source) -> str:
    """Return the BLAKE2b-128 of a file, given its path or its bytes, as 32 hex digits.

    A file is read in small blocks, so that several threads may digest large files at the same time.
    """
    if isinstance(source, bytes):
        return blake2b(source).hexdigest()
    with regular_file(source).open("rb", buffering=0) as file:
        return hashlib.file_digest(file, blake2b).hexdigest()


def blake2b(data: bytes = b"") -> "hashlib.blake2b":
    """Return the hash behind `digest`, for data that come in blocks."""
    return hashlib.blake2b(data, digest_size=16)


def regular_file(source: str | PathLike[str]) -> Path:
    """Return the path of a file; raise OSError for a pipe or a device, which may never end."""
    path = Path(source)
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder raises by itself
        raise OSError(errno.EINVAL, "It is not a file", str(path))
    return path
