"""The arguments of one call of `batch.run`, as one immutable value."""

import operator
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from mymodules import processors
from mymodules.batch.progress import Progress
from mymodules.errors import SettingsError
from mymodules.metrics.custom import Metric
from mymodules.pairs import Selection
from mymodules.paths import AnyPath
from mymodules.rules import Rules

_DRAWN = {"changed": ("changed",), "all": ("changed", "same"), "none": ()}

PICTURES = tuple(_DRAWN)
"""Which pairs a run can draw."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Hold the arguments of one call of `batch.run`, which describes them.

    Attributes
    ----------
    processes : int
        Worker processes, at least 1.
    cancelled : callable
        Returns whether the run is to end early.
    resume : Path or None
        The CSV of the run to resume; None for a new run.
    selection : Selection
        Which files of two folders are compared.
    strict : bool
        Whether a file that would be left out is an error.
    store : Path or None
        The store's folder, absolute or relative to the output folder; None for no store.
    metric : Metric or None
        A metric of the caller's own.
    moves : bool
        Whether it is found out what moved.
    renames : bool
        Whether renamed files are searched for.
    rules : path, Rules or None
        What was asked for; in the plan of a run its `Rules`.

    Raises
    ------
    SettingsError
        If `pictures` is not one of `PICTURES`.
    """

    first: AnyPath | None
    second: AnyPath | None
    out: AnyPath | None
    skip_until: int
    stop_at: int
    processes: int
    executor: Executor | None
    pictures: str
    on_progress: Callable[[Progress], object] | None
    cancelled: Callable[[], bool]
    resume: Path | None
    selection: Selection
    strict: bool
    store: Path | None
    verify: bool
    check_pixels: bool
    keep_originals: bool
    metric: Metric | None
    moves: bool
    renames: bool
    rules: AnyPath | Rules | None

    def __post_init__(self) -> None:
        if self.pictures not in PICTURES:
            raise SettingsError(f"pictures is {self.pictures!r}: it must be 'changed', 'all' or 'none'.")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names in `PairResult.custom` of every row."""
        return () if self.metric is None else (self.metric.name,)

    @property
    def names_folders(self) -> bool:
        """Whether at least one folder is named."""
        return (self.first, self.second, self.out) != (None, None, None)

    @property
    def draws_any(self) -> bool:
        """Whether any pair is drawn."""
        return bool(_DRAWN[self.pictures])

    def draws(self, status: str) -> bool:
        """Return whether pairs with this status are drawn."""
        return status in _DRAWN[self.pictures]


def processor_count(wanted: int | None) -> int:
    """Return the number of worker processes to use.

    Raises
    ------
    SettingsError
        If `wanted` is neither None, which means one for each processor, nor a whole number above 0.
    """
    if wanted is None:
        return processors.count()
    try:
        number = 0 if isinstance(wanted, bool) else operator.index(wanted)
    except TypeError:
        number = 0
    if number < 1:
        raise SettingsError(
            f"num_processors is {wanted!r}: it must be a whole number above 0, or None for all processors."
        )
    return number
