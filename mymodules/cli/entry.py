"""Where the command line begins: read the arguments, do what they say, return the exit code."""

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from mymodules import faults, streams
from mymodules.cli.parser import COMMANDS, parser
from mymodules.cli.wording import Wording, complain
from mymodules.errors import MymodulesError
from mymodules.paths import masked

PROGRAM = "MYMODULES_PROGRAM"
"""The environment variable with what a user types before the command, for instance ``python run.py``."""

OWN = ("-h", "--help", "--version")
"""What may stand instead of a command."""

INTERRUPTED = 130
FAILED = 2


def main(arguments: Sequence[str] | None = None, program: str = "mymodules") -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of this process.
    program : str
        What a user types before the command, unless the environment says otherwise; for messages.
    """
    streams.secure()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names may have characters that the terminal cannot show
            with contextlib.suppress(OSError, ValueError):  # it is closed
                stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    streams.take_lost()
    try:
        code = _run(given, os.environ.get(PROGRAM) or program)
    except SystemExit as end:  # after a help, for instance
        if _is_lost():
            raise SystemExit(FAILED) from end
        raise
    return FAILED if _is_lost() else code


def _is_lost() -> bool:
    """Flush what was printed, and report if not all of it could be written."""
    streams.flush()
    error = streams.take_lost()
    if error is not None:
        complain(f"Not all that was printed could be written: {error.strerror or error}.")
    return error is not None


def _run(arguments: list[str], program: str) -> int:
    found = parser(program)
    if not arguments or arguments == ["help"]:
        streams.say(found.format_help().rstrip())
        return 0
    if arguments[0] not in (*COMMANDS, *OWN):
        complain(
            f"There is no command {masked(arguments[0])!r}: {', '.join(COMMANDS)}. "
            f"To compare two folders or files: {program} compare FIRST SECOND"
        )
        return FAILED
    if arguments[0] == "help" and arguments[1] in COMMANDS:
        arguments = [arguments[1], "--help"]
    options = found.parse_args(arguments)
    options.program = program
    words = Wording(options)
    try:
        with _warnings_in(words):
            if options.room == "comparing":
                from mymodules.cli import ahead  # only this command needs what it loads

                ahead.start(options)
            room = importlib.import_module(f"mymodules.cli.{options.room}")
            code: int = getattr(room, options.call)(options, words)
            return code
    except KeyboardInterrupt as error:
        words.complain(str(error) or "Interrupted.")
        return FAILED if getattr(options, "check", False) else INTERRUPTED
    except (MymodulesError, OSError) as error:
        words.complain(str(error))
        return FAILED
    except Exception as error:
        words.complain(f"This was not expected: {faults.reported(error)}")
        return FAILED


@contextlib.contextmanager
def _warnings_in(words: Wording) -> Iterator[None]:
    """Print our own warnings as sentences, without the place in the code."""
    with warnings.catch_warnings():
        known = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: object) -> None:
            if category is UserWarning:
                words.complain(str(message))
            else:
                known(message, category, *place)  # type: ignore[arg-type]

        warnings.showwarning = show  # type: ignore[assignment]
        yield
