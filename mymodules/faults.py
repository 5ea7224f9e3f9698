"""The words for an exception that nobody foresaw.

A fault in this program costs one row, one picture or one answer, never a run. Whoever catches one reports it
in these words.
"""

from pathlib import PurePath

REPORT = "Please report it, with the files if you may share them."
"""What to do about a fault."""

_TEXT = 1000  # characters of an exception's own text; some hold whole arrays


def named(error: BaseException) -> str:
    """Return an exception's type and text. It never raises, even where the text cannot be made."""
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
