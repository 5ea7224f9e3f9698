"""What a file holds, and whether it may have changed."""

import os
import stat

from mymodules import images
from mymodules.paths import AnyPath
from mymodules.store.values import FileState


def state(path: AnyPath) -> FileState | None:
    """Return size and times of a file without reading it; None if it is not a regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - making a Path takes longer than the call
    except OSError:
        return None
    return FileState.of(status) if stat.S_ISREG(status.st_mode) else None


def content(path: AnyPath) -> str | None:
    """Return the digest of a file; None if it cannot be read, or is not a regular file: that could block."""
    try:
        return None if state(path) is None else images.digest(path)
    except (OSError, MemoryError):
        return None
