"""Standard output and error, where there may be neither: printing never ends a run.

A service, ``pythonw`` or ``2>&-`` starts a program without them, and the reader of a pipe may leave early.
"""

import contextlib
import os
import sys
from typing import Any


def secure() -> None:
    """Open the null device as each of the three standard descriptors that is closed.

    Otherwise the next file that is opened becomes one of them, and gets what libraries print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one
                os.set_inheritable(opened, True)


def say(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print a text at once; where nobody can read it any more, do nothing from then on."""
    stream = sys.stderr if error else sys.stdout
    if stream is None:
        return
    try:
        stream.write(f"{text}{end}")
        stream.flush()
    except UnicodeError:  # a terminal that knows few letters
        with contextlib.suppress(Exception):
            stream.write(f"{text.encode('ascii', 'backslashreplace').decode()}{end}")
            stream.flush()
    except Exception:  # closed, a pipe without a reader, a full disk
        silence(stream)


class Unbreakable:
    """Standard error for a progress bar: what cannot be written is lost, and nothing is raised."""

    def write(self, text: str) -> int:
        say(text, error=True, end="")
        return len(text)

    def flush(self) -> None:
        """Nothing is left to flush: all is written at once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def flush() -> None:
    """Hand over what was printed; a stream that takes nothing more is silenced."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except Exception:
                silence(stream)


def silence(stream: Any) -> None:
    """Lead a stream to the null device: at its end Python flushes what is left in it, and would complain."""
    with contextlib.suppress(Exception):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
