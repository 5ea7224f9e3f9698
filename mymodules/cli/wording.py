"""What the command says, in the user's words: paths as they were written, options instead of parameters."""

import argparse
import contextlib
import functools
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from mymodules import streams
from mymodules.paths import shown

OPTIONS = {
    "skip_until": "--skip",
    "stop_at": "--stop",
    "num_processors": "--processes",
    "max_pixels": "--max-pixels",
}
"""The options whose names are not those of the parameters of `batch.run`, by these."""

_NAMES = {**OPTIONS, "changes": "--first"}

_CALLS = (
    (re.compile(r"triage\.(?:approve|restore)\([^()]*first=\.\.\.\)"), "--first FIRST"),
    (re.compile(r"\binclude and exclude\b"), "--include and --exclude"),
    (re.compile(r"\binclude, exclude and match\b"), "--include, --exclude and --match"),
    (re.compile(r"\bmatch is\b"), "--match is"),
    (re.compile(r"\bdo without strict\b"), "do without --strict"),
    (
        re.compile(r"leave out moves=False, or pass rules=Rules\(\)"),
        "leave out --no-moves, or add --rules none",
    ),
    (re.compile(r"run batch\.run\(\) first"), "compare first"),
    (re.compile(r"\bpass unseen=True\."), "add --unseen."),
)
"""What sentences recommend to users of Python, and what to users of the command."""

_LINES = (
    (re.compile(r"batch\.run\(resume=(['\"])(?P<path>.*?)\1\)"), "compare --resume"),
    (re.compile(r"triage\.restore\((['\"])(?P<path>.*?)\1(?:, first=(['\"])(?P<first>.*?)\3)?\)"), "restore"),
)
"""Calls with paths in them, and the beginning of what is typed instead."""

_PARAMETER = re.compile(rf"(?<![\w/\\.-])({'|'.join(OPTIONS)})\b(=?)(?!\S*[/\\])")  # not a part of a path


def repeated(options: argparse.Namespace, *names: str) -> list[str]:
    """Return those of these options that were given, as words of a command."""
    found: list[str] = []
    for name in names:
        option, value = _NAMES.get(name) or f"--{name.replace('_', '-')}", getattr(options, name)
        if value is True:
            found.append(option)
        elif value:
            text = str(value)
            found += [f"{option}={text}"] if text.startswith("-") else [option, text]
    return found


def complain(text: str) -> None:
    """Print a text to standard error, after all that was printed before."""
    streams.flush()
    streams.say(printable(text), error=True)


def printable(text: str) -> str:
    """Return lines of text as `paths.shown` shows them, whatever stands in them."""
    return "\n".join(map(shown, text.split("\n")))


class Wording:
    """Print what a command has to say.

    Parameters
    ----------
    options : Namespace
        The parsed command line. Each text in it that may be a path is printed as it was written.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.program = str(getattr(options, "program", "mymodules"))
        self._written: dict[str, str] = {}
        for value in vars(options).values():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    self.note(text)
                    above = text.rpartition("/")[0]
                    if above not in ("", ".", ".."):
                        self.note(above)

    def note(self, text: str, path: Path | None = None) -> None:
        """Print `path`, by default the one that the text means, as this text from now on."""
        try:
            whole = os.path.normpath(Path.cwd() / Path(text).expanduser() if path is None else path)
        except (OSError, ValueError, RuntimeError):  # the working directory is gone, or there is no home
            return
        if text and whole != text and len(Path(whole).parts) > 1:
            self._written[shown(whole)] = shown(text)

    def note_default(self, path: Path) -> None:
        """Print a path that nobody has written from the working directory on, if it is below that."""
        with contextlib.suppress(OSError, ValueError):  # the working directory is gone, or it is elsewhere
            self.note(str(path.relative_to(Path.cwd())), path)

    def of(self, text: str | Path) -> str:
        """Return a text with the user's words in it."""
        return self._with(str(text), lambda whole: self._written[whole])

    def _with(self, text: str, instead: Callable[[str], str]) -> str:
        """Return a text with each path that was written somehow replaced."""
        for whole in sorted(self._written, key=len, reverse=True):
            text = re.sub(rf"{re.escape(whole)}(?![\w-])", lambda _: instead(whole), text)  # noqa: B023
        return text

    def say(self, text: str) -> None:
        """Print a text to standard output."""
        streams.say(printable(self.of(text)))

    def complain(self, text: str) -> None:
        """Print a text to standard error, as `typed` puts it."""
        complain(self.typed(text))

    def typed(self, text: str) -> str:
        """Return a text in which what is said about Python is said about the command.

        The user's paths are taken out meanwhile: a folder may be called like a parameter.
        """
        kept: list[str] = []

        def keep(words: str) -> str:
            kept.append(words)
            return f"\0{len(kept) - 1}\0"

        def called(match: re.Match[str], line: str) -> str:
            first = match.groupdict().get("first")
            more = [] if first is None else ["--first", first]
            return keep(f"{line} {shlex.join(map(self.of, [match['path'], *more]))}")

        text = text.replace("\0", "\\x00")
        for pattern, instead in _CALLS:
            text = pattern.sub(instead, text)
        for pattern, line in _LINES:
            text = pattern.sub(functools.partial(called, line=line), text)
        text = self._with(text, lambda whole: keep(self._written[whole]))
        text = _PARAMETER.sub(lambda match: OPTIONS[match[1]] + (" " if match[2] else ""), text)
        return re.sub("\0([0-9]+)\0", lambda match: kept[int(match[1])], text)

    def call(self, *arguments: str) -> str:
        """Return a command as the user can type it."""
        return f"{self.program} {shlex.join(map(self.of, arguments))}"
