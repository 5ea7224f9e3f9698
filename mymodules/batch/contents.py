"""What a file holds, and whether it may have changed."""

import contextlib
import os
import stat

from mymodules import images
from mymodules.pairs import Pair
from mymodules.paths import AnyPath
from mymodules.store.values import FileState


def state(path: AnyPath) -> FileState | None:
    """Return size and times of a file without reading it; None if it is not a regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - making a Path takes longer than the call
    except OSError:
        return None
    return FileState.of(status) if stat.S_ISREG(status.st_mode) else None


def size(pair: Pair) -> int:
    """Return the bytes of both files of a pair; a file that is absent, or cannot be asked, counts as 0."""
    total = 0
    for path in (pair.first, pair.second):
        with contextlib.suppress(OSError):
            total += 0 if path is None else os.stat(path).st_size  # noqa: PTH116 - as above
    return total


def content(path: AnyPath) -> str | None:
    """Return the digest of a file; None if it cannot be read, or is not a regular file: that could block."""
    try:
        return None if state(path) is None else images.digest(path)
    except (OSError, MemoryError):
        return None
