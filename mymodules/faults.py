"""Descriptions of unexpected exceptions, for messages.

A fault in this program spoils one row, one picture or one answer, but never ends a run. Code that catches one
describes it with these functions.
"""

from pathlib import PurePath

_TEXT = 1000  # characters of an exception's own text; some hold whole arrays


def named(error: BaseException) -> str:
    """Return an exception's type and text. This never raises, even if the exception's own text does."""
    try:
        text = str(error)[:_TEXT].strip()
    except Exception:
        text = "its own text is unavailable"
    return f"{type(error).__name__}{': ' if text else ''}{text}"


def described(error: BaseException) -> str:
    """Return a clause without a full stop: what `named` returns, and where the exception came from."""
    trace, place = error.__traceback__, ""
    while trace is not None:  # without source lines: reading them may fail as well
        place = f" in {PurePath(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"a fault in this program, {named(error)}{place}"


def reported(error: BaseException) -> str:
    """Return what `described` returns, and what to do about it, for the end of a message."""
    return f"{described(error)}. Please report it, with the files if you may share them."
