"""How far a run is, in words: on a terminal in one line that changes, elsewhere in a line now and then."""

import sys
import time

from mymodules import streams
from mymodules.batch import Progress, duration
from mymodules.cli.summary import columns, cut, width_of_terminal

AT_ONCE = 0.2
"""Seconds between two updates of the line on a terminal."""

NOW_AND_THEN = 10.0
"""Seconds between two lines elsewhere, such as in the log of a build server."""


def sentence(progress: Progress) -> str:
    """Return how far a run is: how many pictures, how fast, the time left, what it has found."""
    parts = [f"{progress.done:,} of {progress.total:,} pictures"]
    if progress.stage:
        parts.append(progress.stage)
    elif progress.rate:
        parts.append(
            f"{progress.rate:.3g} a second" if progress.rate >= 1 else f"one in {1 / progress.rate:.3g} s"
        )
    if progress.remaining is not None and progress.done < progress.total:
        parts.append(f"{duration(progress.remaining)} left")
    found = [
        f"{number:,} {status}" for status, number in progress.counts.items() if number and status != "same"
    ]
    return ", ".join(parts) + (f"; {', '.join(found)}" if found else "")


class Lines:
    """Print to standard error how far a run is; pass it as `on_progress`.

    Short runs print nothing. The search for renamed pictures is announced if it takes more than a moment.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._pause = AT_ONCE if self._terminal else NOW_AND_THEN
        self._at, self._width, self._stage = time.monotonic(), 0, ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        begins = bool(progress.stage) and not self._stage
        if now - self._at < self._pause and not begins:
            return
        self._at, self._stage = now, progress.stage
        text = f"  {sentence(progress)}"
        if self._terminal:
            text = cut(text, width_of_terminal(sys.stderr))
            before, self._width = self._width, columns(text)
            streams.say(f"\r{text}{' ' * (before - self._width)}", error=True, end="")
        else:
            streams.say(text, error=True)

    def end(self) -> None:
        """Remove the line from the terminal."""
        if self._width:
            streams.say(f"\r{' ' * self._width}\r", error=True, end="")
            self._width = 0
