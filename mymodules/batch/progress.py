"""How far a run is, as data and as a bar."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mymodules import streams

__all__ = ("Progress", "ProgressBar", "duration")


@dataclass(frozen=True)
class Progress:
    """What `on_progress` is told after every row.

    Attributes
    ----------
    done, total : int
        Rows; those that a resumed run keeps are done from the start.
    counts : dict of str to int
        Rows by status so far.
    seconds : float
        Since the run began.
    rate : float
        Pictures per second of this run.
    remaining : float or None
        Seconds to go at that rate; None before the first picture.
    partial_path : Path
        The CSV where the rows are until all are done; what `run` resumes.
    """

    done: int
    total: int
    counts: dict[str, int]
    seconds: float
    rate: float
    remaining: float | None
    partial_path: Path


def duration(seconds: float) -> str:
    """A time as a person says it."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes = round(seconds / 60)
    return (
        f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{minutes // 60} h {minutes % 60:02} min"
    )


class ProgressBar:
    """A bar with pictures per second and time left, for `on_progress`; one for each run.

    A widget in a notebook, text in a terminal or where the variable ``MYMODULES_PROGRESS`` is ``text``.
    Where it cannot be shown, because standard error is closed for instance, the run goes on without it.
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
                    self._bar.disable = True  # else it tries once more when it is deleted
                    with suppress(Exception):
                        self._bar.get_lock().release()  # tqdm keeps it where showing a bar fails

    def _show(self, progress: Progress) -> None:
        if self._bar is None:
            if os.environ.get("MYMODULES_PROGRESS") == "text":
                from tqdm import tqdm
            else:
                from tqdm.auto import tqdm
            before = progress.done - (progress.rate > 0)  # none was compared where all rows were taken over
            self._bar = tqdm(
                total=progress.total,
                initial=before,
                unit=" pictures",
                smoothing=0,
                file=streams.Unbreakable(),
            )
            self._bar.start_t -= progress.seconds  # the first picture is told when the run is well under way
        self._bar.set_postfix({key: value for key, value in progress.counts.items() if value}, refresh=False)
        self._bar.update(progress.done - self._bar.n)
        if progress.done == progress.total:
            self._bar.close()
