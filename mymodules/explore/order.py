"""What rows can be ordered by, and where each of them stands then."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mymodules.explore.filters import numbers
from mymodules.row import HEADINGS, RANKS, TEXTS

ORDERS = {
    "given": "as given",
    "attention": "needs a look",
    **{name: heading.title for name, heading in HEADINGS.items() if name in TEXTS},
    "decision": "decision",
    **{name: heading.title for name, heading in HEADINGS.items() if name not in TEXTS},
}
"""What rows can be ordered by: key and title."""


def falls(key: str, turned: bool) -> bool:
    """Return whether the largest stand first in this order, or in its reverse."""
    return (key in HEADINGS and HEADINGS[key].falls) != turned


def ranks(frame: pd.DataFrame) -> "pd.Series[int]":
    """Return the place of each row's status in `row.BY_ATTENTION`; an unknown one comes last."""
    return frame["status"].map(RANKS).fillna(len(RANKS)).astype(int)


def places(frame: pd.DataFrame, key: str, turned: bool) -> NDArray[np.intp]:
    """Return the positions of the rows in an order; those without a value come last in either direction.

    Parameters
    ----------
    frame : DataFrame
        With the index 0, 1, 2 ...
    key : str
        One of `ORDERS` other than ``decision``, which is no column of a frame.
    turned : bool
        Whether the order is reversed.
    """
    if key == "given":
        given = np.arange(len(frame))
        return given[::-1] if turned else given
    if key == "attention":
        table = pd.DataFrame(
            {
                "status": ranks(frame),
                "combined": -numbers(frame, "combined"),
                "pixels": -numbers(frame, "num_diff_pixels"),
                "name": frame["image_filename"],
            }
        )
        found = table.sort_values(list(table.columns), kind="stable").index.to_numpy()
        return found[::-1] if turned else found
    values: pd.Series[Any]
    if key == "status":
        values = frame["status"].map(RANKS)
    elif key in TEXTS:
        values = frame[key] if key in frame.columns else pd.Series("", index=frame.index)
    else:
        values = pd.Series(numbers(frame, key))
    ascending = not falls(key, turned)
    return values.sort_values(ascending=ascending, kind="stable", na_position="last").index.to_numpy()
