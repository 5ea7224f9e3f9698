"""Calls that return a default if they fail."""

import logging
from collections.abc import Callable
from typing import TypeVar

from mymodules import faults
from mymodules.errors import StoreError

T = TypeVar("T")


class BestEffort:
    """Call a function and return a default if it raises anything; each message is logged once.

    Parameters
    ----------
    log : Logger
        Where the messages go.
    is_silent : callable
        Returns whether nothing is to be logged any more.

    Examples
    --------
    ::

        best_effort = BestEffort(log, closed.is_set)
        known = best_effort(lambda: records.metrics(pair), None)
    """

    def __init__(self, log: logging.Logger, is_silent: Callable[[], bool]) -> None:
        self._log, self._is_silent = log, is_silent
        self._logged: set[str] = set()

    def __call__(self, ask: Callable[[], T], default: T) -> T:
        """Return what `ask` returns, or the default if it raises."""
        try:
            return ask()
        except Exception as error:
            is_ours = isinstance(error, StoreError)
            message = str(error) if is_ours else f"A part of the store fails: {faults.named(error)}"
            if message not in self._logged and not self._is_silent():
                self._logged.add(message)
                self._log.warning("%s", message)
            return default
