"""What rows can be ordered by, and where each of them stands then."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mymodules.results import attention
from mymodules.row import HEADINGS, RANKS, TEXTS, own_columns

ORDERS = {
    "attention": "largest change",
    "given": "as given",
    **{name: heading.title for name, heading in HEADINGS.items() if name in TEXTS},
    "decision": "decision",
    "open_changes": "open changes",
    **{name: heading.title for name, heading in HEADINGS.items() if name not in TEXTS},
}
"""What rows can be ordered by: key and title."""


def of(frame: pd.DataFrame) -> dict[str, str]:
    """Return `ORDERS` and the metrics of one's own that a frame has."""
    return ORDERS | {name: heading.title for name, heading in attention.own_columns(frame).items()}


def falls(key: str, turned: bool) -> bool:
    """Return whether the largest stand first in this order, or in its reverse."""
    if key == "open_changes":
        return not turned
    heading = HEADINGS.get(key) or own_columns([key]).get(key)
    return (heading is not None and heading.falls) != turned


def places(frame: pd.DataFrame, key: str, turned: bool) -> NDArray[np.intp]:
    """Return the positions of the rows in an order; those without a value come last in either direction.

    Parameters
    ----------
    frame : DataFrame
        With the index 0, 1, 2 ...
    key : str
        A key of `of` other than ``decision`` and ``open_changes``, which are no columns of a frame.
    turned : bool
        Whether the order is reversed.
    """
    if key in ("given", "attention"):
        found = np.arange(len(frame)) if key == "given" else attention.places(frame)
        return found[::-1] if turned else found
    values: pd.Series[Any]
    if key in ("status", "verdict"):
        values = frame[key].map(RANKS)
    elif key in TEXTS:
        values = frame[key] if key in frame.columns else pd.Series("", index=frame.index)
    else:
        values = pd.Series(attention.numbers(frame, key))
    ascending = not falls(key, turned)
    return values.sort_values(ascending=ascending, kind="stable", na_position="last").index.to_numpy()
