"""Standard output and error, which may be absent or closed: printing never ends a run.

A service, ``pythonw`` or ``2>&-`` starts a program without them, and the reader of a pipe may stop early.
What a full disk does not take is lost all the same, and the program can ask for that when it ends.
"""

import contextlib
import errno
import os
import sys
from typing import Any

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_lost: list[OSError] = []


def secure() -> None:
    """Open the null device for each of the three standard descriptors that is closed.

    Otherwise the next file that is opened gets its number, and the output of libraries is written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
                os.set_inheritable(opened, True)


def say(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print a text and flush it; do nothing once the stream cannot be written."""
    stream = sys.stderr if error else sys.stdout
    if stream is None:
        return
    try:
        stream.write(f"{text}{end}")
        stream.flush()
    except UnicodeError:  # the encoding of the terminal lacks some letters
        with contextlib.suppress(Exception):
            stream.write(f"{text.encode('ascii', 'backslashreplace').decode()}{end}")
            stream.flush()
    except Exception as cause:  # closed, a pipe without a reader, a full disk
        _note(cause)
        silence(stream)


class Unbreakable:
    """Standard error for a progress bar: text that cannot be written is dropped, and nothing is raised."""

    def write(self, text: str) -> int:
        say(text, error=True, end="")
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` has flushed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def flush() -> None:
    """Flush both streams; silence one that cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except Exception as cause:
                _note(cause)
                silence(stream)


def take_lost() -> OSError | None:
    """Return the first reason since the last call why a printed text was lost, and forget it.

    None if nothing was lost; a closed stream or a pipe without a reader loses nothing that anybody wants.
    """
    error = _lost[0] if _lost else None
    _lost.clear()
    return error


def _note(cause: Exception) -> None:
    if isinstance(cause, OSError) and cause.errno in _FULL:
        _lost.append(cause)


def silence(stream: Any) -> None:
    """Redirect a stream to the null device, because Python flushes it at exit and would complain."""
    with contextlib.suppress(Exception):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
