"""``compare --watch``: compare again whenever a picture changes, until Ctrl-C."""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from mymodules import pairs, remote
from mymodules.cli import runs
from mymodules.cli.interrupts import termination_interrupts
from mymodules.cli.wording import Wording
from mymodules.errors import MymodulesError, SettingsError
from mymodules.pairs import Selection

EVERY = 1.0
"""Seconds between two looks at the files."""

PAGE = "report-watched"
"""The report in the output folder that is opened, and written again after every change."""

State = dict[str, tuple[int, int]]
"""Size and modification time of each file, by path."""


def watch(
    options: argparse.Namespace,
    words: Wording,
    compared: tuple[Path, Path],
    compare: Callable[[argparse.Namespace, Wording], int],
) -> int:
    """Call `compare` now and after every change; return the last exit code after an interrupt."""
    if options.resume is not None:
        raise SettingsError("A resumed run cannot be watched: leave out --resume or --watch.")
    if any(remote.described(folder) is not None for folder in compared):
        raise SettingsError("A URL cannot be watched: leave out --watch.")
    if options.open and options.report is None:
        options.report = str(runs.resolved(options).out / PAGE)
    seen = state(compared, options)
    code = compare(options, words)
    options.open = False  # the page that is open is written again
    try:
        with termination_interrupts():
            while True:
                words.say("\nWatching: a change of a file is compared at once, Ctrl-C ends this.")
                seen = _settled(seen, compared, options)
                try:
                    code = compare(options, words)
                except (MymodulesError, OSError) as error:  # a folder may be gone while it is written
                    words.complain(str(error))
    except KeyboardInterrupt as error:
        if str(error):  # a comparison was stopped, and says how it is continued
            words.complain(str(error))
        return code


def state(compared: tuple[Path, Path], options: argparse.Namespace) -> State:
    """Return the state of all files that would be compared; empty if there are none now."""
    first, second = compared
    selection = Selection(tuple(options.include), tuple(options.exclude), match=tuple(options.match))
    if not first.is_dir():
        first, second, selection = first.parent, second.parent, Selection(files=(first.name, second.name))
    found: State = {}
    try:
        listed = pairs.find(first, second, selection).pairs
    except SettingsError:
        return found
    for path in (path for pair in listed for path in (pair.first, pair.second)):
        try:
            status = os.stat(path) if path else None  # noqa: PTH116 - making a Path takes longer
        except OSError:
            continue
        if path and status:
            found[path] = status.st_size, status.st_mtime_ns
    return found


def pause() -> None:
    """Wait until it is time for the next look."""
    time.sleep(EVERY)


def _settled(seen: State, compared: tuple[Path, Path], options: argparse.Namespace) -> State:
    """Wait until the files are other ones than `seen`, and stay so for one look; return their state."""
    last = state(compared, options)
    while True:
        pause()
        now = state(compared, options)
        if now == last and now and now != seen:
            return now
        last = now
