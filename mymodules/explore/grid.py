"""The table of the explorer: what its cells hold, and how they are drawn."""

from typing import Any

import numpy as np
import pandas as pd
from itables import JavascriptFunction
from itables.widget import ITable

from mymodules.explore import filters
from mymodules.explore.order import ranks
from mymodules.row import BY_ATTENTION, HEADINGS, TABLE
from mymodules.triage import LABELS

COLUMNS = (*TABLE[:2], "decision", *TABLE[2:])
"""The columns of the table, left to right; a click on a heading orders by its column."""

HEADS = {name: HEADINGS[name].label for name in TABLE} | {"decision": "decision"}


def light(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the table shows: names, and small numbers for everything else."""
    shown = pd.DataFrame(
        {
            "status": ranks(frame),
            "image_filename": frame["image_filename"],
            "decision": 0,  # sent separately, as it may change at any time
            "pixel_diff_percent": np.round(filters.numbers(frame, "pixel_diff_percent"), 6),
            "ssim_score": np.round(filters.numbers(frame, "ssim_score"), 6),
            "regions": filters.numbers(frame, "regions"),
        }
    )
    return shown[[*COLUMNS]].rename(columns=HEADS)


# How DataTables renders a cell. The result is markup, so only numbers go into it.
_RENDER_WORD = "function (data, type) { return [%s][data] ?? ''; }"
_RENDER_NUMBER = "function (data, type) { return Number.isFinite(data) ? %s : ''; }"
_SIGNS = {"accept": "✓", "reject": "✕", "ignore": "–"}
_SIGNED = [
    f"<span class='mme-{word}' title='{label}'>{_SIGNS[word]}</span>" for word, label in LABELS.items()
]
_RENDERERS = {
    "status": _RENDER_WORD % ", ".join(map(repr, BY_ATTENTION)),
    "decision": _RENDER_WORD % ", ".join(map(repr, ("", *_SIGNED))),
    "%": _RENDER_NUMBER
    % "data === 0 ? '0' : data < 0.001 ? '&lt;0.001' : data.toFixed(data < 1 ? 3 : data < 100 ? 1 : 0)",
    "SSIM": _RENDER_NUMBER % "data === 1 ? '1' : Math.min(data, 0.9999).toFixed(4)",
    "regions": _RENDER_NUMBER % "data",
}
# For the colour of a status, and the full name as a tooltip.
_CREATED = {
    "status": "function (cell, data) { cell.dataset.status = data; }",
    "name": "function (cell) { cell.title = cell.textContent; }",
}
# The page finds DataTables' object here, to scroll the table. Choosing a row notifies all others: with
# listeners that takes 2 s for 10,000 rows, without them 30 ms.
_DRAWN = """function () {
    const table = this.api(), container = table.table().container();
    table.off("deselect");
    if (container.dataTable) return;
    container.dataTable = table;
    table.on("select", (event) => { if (container.isFilling) event.stopImmediatePropagation(); });
}"""


def grid(light: pd.DataFrame) -> ITable:
    """Return the widget with these rows."""
    places = {name: place for place, name in enumerate(light.columns)}
    definitions: list[dict[str, Any]] = [{"targets": "_all", "type": "string"}]
    for event, functions in (("render", _RENDERERS), ("createdCell", _CREATED)):
        for name, code in functions.items():
            definitions.append({"targets": places[name], event: JavascriptFunction(code)})
    options: dict[str, Any] = {
        "select": {"style": "single", "toggleable": False, "info": False},
        "layout": dict.fromkeys(("topStart", "topEnd", "bottomStart", "bottomEnd")),
        "language": {"emptyTable": "No row passes the filters."},
        "scroller": {"rowHeight": 24, "displayBuffer": 4, "boundaryScale": 0.5},
    }
    return ITable(
        light,
        maxBytes=0,
        maxRows=0,
        showIndex=False,
        format_floats_in_python=False,
        classes="compact nowrap",
        style="width:100%;margin:0",
        ordering=False,  # the order is the frame's
        autoWidth=False,
        scrollY="300px",  # explore.css has the last word
        deferRender=True,
        columnDefs=definitions,
        drawCallback=JavascriptFunction(_DRAWN),
        text_in_header_can_be_selected=False,
        **options,
    )
