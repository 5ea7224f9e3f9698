"""The list of the explorer: its rows as compact data for the page, which draws them.

Names and numbers are sent once, numbers as bytes. Later the page gets only the places of the rows shown, the
current row, and the decisions. See pages/js/explore.js.
"""

import json
from collections.abc import Sequence
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets
from numpy.typing import NDArray

from mymodules.explore.standings import Standings
from mymodules.pages import linker, words
from mymodules.results import attention
from mymodules.row import CAUSES, VERDICTS_BY_ATTENTION
from mymodules.triage import LABELS

_FIGURES = ("pixel_diff_percent", "ssim_score", "changes", *(f"px_{cause}" for cause in CAUSES))

_STYLES = (
    "css/causes.css",
    "css/list.css",
    "css/gallery.css",
    "css/looks.css",
    "css/looks_strip.css",
    *(f"css/explore/{part}.css" for part in ("base", "filters", "approving", "layout")),
)


class Grid(anywidget.AnyWidget):
    """The rows of a table, listed beside the viewer; `Explorer` fills it.

    Parameters
    ----------
    frame : DataFrame
        Every row that can be shown.
    ranks : uint8 (rows,)
        What `attention.ranks` says of each.
    steps : sequence of sequences of str
        Of each slider among the filters, the texts of its steps.

    Attributes
    ----------
    row : str
        The name of the current row, empty for none.
    asking : str
        The decision about all rows shown that waits for a confirmation, or empty.
    order : list
        What orders the rows, and whether the largest come first.
    looks : dict
        Whether there are looks, and a sentence why there are none of pictures that changed.
    """

    _esm = linker.module("explore.js")
    _css = linker.text(*_STYLES)

    names = traitlets.Bytes().tag(sync=True)  # a JSON list: in a real one, each text would be searched
    ranks = traitlets.Bytes().tag(sync=True)  # of the verdicts, 8-bit integers
    figures = traitlets.Dict().tag(sync=True)  # 64-bit floats, as columns.js calls them
    marks = traitlets.Bytes().tag(sync=True)  # the decision about each row, by `standings.MARKS`
    left = traitlets.Bytes().tag(sync=True)  # how many changes of each row are open, 64-bit floats
    rows = traitlets.Bytes().tag(sync=True)  # 32-bit integers: the places of the rows shown, in their order
    row = traitlets.Unicode().tag(sync=True)
    asking = traitlets.Unicode().tag(sync=True)
    order: traitlets.List[Any] = traitlets.List().tag(sync=True)
    columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    statuses = traitlets.List(list(VERDICTS_BY_ATTENTION)).tag(sync=True)
    decisions = traitlets.Dict(dict(LABELS)).tag(sync=True)
    steps: traitlets.List[Any] = traitlets.List().tag(sync=True)
    looks = traitlets.Dict({"there": False, "why": ""}).tag(sync=True)

    def __init__(self, frame: pd.DataFrame, ranks: NDArray[np.uint8], steps: Sequence[Sequence[str]]) -> None:
        own = attention.own_columns(frame)
        super().__init__(
            names=json.dumps(frame["image_filename"].tolist()).encode(),
            ranks=ranks.tobytes(),
            figures={
                "count": _floats(frame, "regions"),
                **{name: _floats(frame, name) for name in (*_FIGURES, *own)},
            },
            columns=words.columns(
                causes_known=bool(np.isfinite(attention.numbers(frame, "changes")).any()), own=own
            ),
            steps=[list(texts) for texts in steps],
        )

    def decide(self, standings: Standings) -> None:
        """Show what holds for each row."""
        with self.hold_sync():
            self.marks = standings.marks.tobytes()
            self.left = standings.left.astype("<f8").tobytes()

    def fill(self, places: NDArray[np.intp], standings: Standings, order: str, falls: bool) -> None:
        """Show the rows at these places, in their order."""
        with self.hold_sync():
            self.decide(standings)
            self.rows = places.astype("<i4").tobytes()
            self.order = [order, falls]


def _floats(frame: pd.DataFrame, column: str) -> bytes:
    return attention.numbers(frame, column).astype("<f8").tobytes()
