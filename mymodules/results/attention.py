"""The order in which a person wants to see the rows of a table: the largest change first.

Every screen begins with it. What changed comes first, by size; then what cannot be compared, what only one
folder has, and what is equal. See `row.BY_ATTENTION`.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mymodules import row
from mymodules.results.texts import TEXT, numbered
from mymodules.row import RANKS, Heading


def places(frame: pd.DataFrame) -> NDArray[np.intp]:
    """Return the positions of the rows of a table in that order, for ``frame.iloc``.

    Rows of one status are ordered by ``combined``, then by their number of differing pixels, the largest
    first, then by name. Columns that the frame lacks do not count; it must have ``image_filename``.
    """
    names = pd.Series(frame["image_filename"].astype(TEXT).array)
    by_name = names.sort_values(kind="stable").index.to_numpy()
    # By the last of these first; nan comes last.
    keys = -numbers(frame, "num_diff_pixels"), -numbers(frame, "combined"), ranks(frame)
    found: NDArray[np.intp] = by_name[np.lexsort([key[by_name] for key in keys])]
    return found


def ranks(frame: pd.DataFrame) -> NDArray[np.uint8]:
    """Return the place of each row's verdict in `row.RANKS`; an unknown or absent one comes last."""
    if "status" not in frame.columns:
        return np.full(len(frame), len(RANKS), np.uint8)
    return numbered(verdicts(frame), RANKS, len(RANKS))


def verdicts(frame: pd.DataFrame) -> "pd.Series[Any]":
    """Return what counts for each row of a table, see `row.verdict_of`."""
    if "verdict" not in frame.columns:
        return frame["status"]
    tolerated = (frame["status"] == "changed") & (frame["verdict"] == "tolerated")
    return frame["status"].mask(tolerated.to_numpy(bool, na_value=False), "tolerated")


def own_columns(frame: pd.DataFrame) -> dict[str, Heading]:
    """Return the columns of a frame that are figures of metrics of one's own; see `row.own_columns`."""
    own = row.own_columns(frame.columns)
    return {name: heading for name, heading in own.items() if pd.api.types.is_numeric_dtype(frame[name])}


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column as float64, NaN where a row has none; for ``regions``, their number."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    if column == "regions":
        counts = [len(boxes) if hasattr(boxes, "__len__") else math.nan for boxes in frame[column].tolist()]
        return np.array(counts, np.float64)
    numbers: NDArray[np.float64] = frame[column].to_numpy(np.float64, na_value=np.nan)
    return numbers
