"""A whole run: two folders in, one row per picture out."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.batch.progress import Progress, ProgressBar, Stopped, duration
    from mymodules.batch.runner import STATUSES, Run
    from mymodules.batch.starting import run

__all__ = ["STATUSES", "Progress", "ProgressBar", "Run", "Stopped", "duration", "run"]

__getattr__ = lazily(
    __name__,
    {
        "progress": ("Progress", "ProgressBar", "Stopped", "duration"),
        "runner": ("Run", "STATUSES"),
        "starting": ("run",),
    },
)
