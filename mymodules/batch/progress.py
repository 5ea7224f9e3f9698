"""How far a run has got, as data and as a progress bar."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mymodules import streams

__all__ = ("Progress", "ProgressBar", "Stopped", "duration")


@dataclass(frozen=True)
class Progress:
    """Describe how far a run has got; `on_progress` receives one after every row.

    While it is found out which pictures were renamed, it receives further ones if that takes more than a
    moment. Only then the last row counts as done.

    Attributes
    ----------
    done, total : int
        Rows. Those that a resumed run keeps count as done from the start.
    counts : dict of str to int
        Rows by status so far.
    seconds : float
        Time since the run began.
    rate : float
        Pictures compared per second in this run.
    remaining : float or None
        Seconds left at that rate; None before the first picture.
    partial_path : Path
        The CSV that holds the rows until all are done, and that `run` can resume.
    stage : str
        What is done about renamed pictures now that all are compared, in words; empty before.
    """

    done: int
    total: int
    counts: dict[str, int]
    seconds: float
    rate: float
    remaining: float | None
    partial_path: Path
    stage: str = ""


class Stopped(KeyboardInterrupt):
    """A run was interrupted; its finished rows are kept.

    Attributes
    ----------
    message : str
        Sentences without what to do.
    csv_path : Path
        What `run` can resume.
    """

    def __init__(self, message: str, csv_path: Path, call: str) -> None:
        super().__init__(f"{message} To continue: {call}.")
        self.message, self.csv_path = message, csv_path


def duration(seconds: float) -> str:
    """Format a time for people.

    Examples
    --------
    >>> duration(65)
    '1 min 05 s'
    """
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes = round(seconds / 60)
    return (
        f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{minutes // 60} h {minutes % 60:02} min"
    )


class ProgressBar:
    """Show pictures per second and the time left; pass a new one to each run as `on_progress`.

    The bar is a widget in a notebook, and text in a terminal or if the environment variable
    ``MYMODULES_PROGRESS`` is ``text``. If it cannot be shown, for instance because standard error is closed,
    the run continues without it.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._hidden = False

    def __call__(self, progress: Progress) -> None:
        if not self._hidden:
            try:
                self._show(progress)
            except Exception:
                self._hidden = True
                if self._bar is not None:
                    self._bar.disable = True  # otherwise it tries again when it is deleted
                    with suppress(Exception):
                        self._bar.get_lock().release()  # tqdm keeps the lock when showing a bar fails

    def _show(self, progress: Progress) -> None:
        if self._bar is None:
            if os.environ.get("MYMODULES_PROGRESS") == "text":
                from tqdm import tqdm
            else:
                from tqdm.auto import tqdm
            before = progress.done - (progress.rate > 0)  # the rate is 0 if every row was reused
            self._bar = tqdm(
                total=progress.total,
                initial=before,
                unit=" pictures",
                smoothing=0,
                file=streams.Unbreakable(),
            )
            self._bar.start_t -= progress.seconds  # the run began well before its first row
        self._bar.set_description_str(progress.stage or None, refresh=False)
        self._bar.set_postfix({key: value for key, value in progress.counts.items() if value}, refresh=False)
        self._bar.update(progress.done - self._bar.n)
        if progress.stage:
            self._bar.refresh()
        elif progress.done == progress.total:
            self._bar.close()
