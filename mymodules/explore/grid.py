"""The table of the explorer: what its cells hold, and how they are drawn."""

from typing import Any

import numpy as np
import pandas as pd
from itables import JavascriptFunction
from itables.widget import ITable

from mymodules.explore import filters
from mymodules.explore.order import ranks
from mymodules.row import BY_ATTENTION, HEADINGS, TABLE

COLUMNS = (*TABLE[:2], "decision", *TABLE[2:])
"""The columns of the table, left to right; a click on a heading orders by its column."""

LABELS = {name: HEADINGS[name].label for name in TABLE} | {"decision": "decision"}


def light(frame: pd.DataFrame) -> pd.DataFrame:
    """What the table shows: names, and numbers for the rest, which are few bytes and soon written."""
    shown = pd.DataFrame(
        {
            "status": ranks(frame),
            "image_filename": frame["image_filename"],
            "decision": 0,  # it follows by itself: it may change at any time
            "pixel_diff_percent": np.round(filters.numbers(frame, "pixel_diff_percent"), 6),
            "ssim_score": np.round(filters.numbers(frame, "ssim_score"), 6),
            "regions": filters.numbers(frame, "regions"),
        }
    )
    return shown[[*COLUMNS]].rename(columns=LABELS)


# How DataTables writes a cell; what these return is markup, so they make it of numbers alone.
_RENDER_WORD = "function (data, type) { return [%s][data] ?? ''; }"
_RENDER_NUMBER = "function (data, type) { return Number.isFinite(data) ? %s : ''; }"
_SIGNS = {"accept": "✓", "reject": "✕", "ignore": "–"}
_SIGNED = [
    f"<span class='mme-{word}' title='{told}'>{_SIGNS[word]}</span>" for word, told in filters.DECIDED.items()
]
_RENDERERS = {
    "status": _RENDER_WORD % ", ".join(map(repr, BY_ATTENTION)),
    "decision": _RENDER_WORD % ", ".join(map(repr, ("", *_SIGNED))),
    "%": _RENDER_NUMBER
    % "data === 0 ? '0' : data < 0.001 ? '&lt;0.001' : data.toFixed(data < 1 ? 3 : data < 100 ? 1 : 0)",
    "SSIM": _RENDER_NUMBER % "data === 1 ? '1' : Math.min(data, 0.9999).toFixed(4)",
    "regions": _RENDER_NUMBER % "data",
}
# For the colour of a status, and the whole of a name that is cut off.
_CREATED = {
    "status": "function (cell, data) { cell.dataset.status = data; }",
    "name": "function (cell) { cell.title = cell.textContent; }",
}
# The page scrolls the table by what DataTables offers, and finds it here. Whenever a row is chosen, all
# others are told that they are not: without listeners that takes 30 ms for 10,000 rows, with them 2 s.
_DRAWN = """function () {
    const table = this.api(), container = table.table().container();
    table.off("deselect");
    if (container.dataTable) return;
    container.dataTable = table;
    table.on("select", (event) => { if (container.isFilling) event.stopImmediatePropagation(); });
}"""


def grid(light: pd.DataFrame) -> ITable:
    """The widget with these rows; its styles and script do the rest."""
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
        ordering=False,  # there is one order, that of the frame
        autoWidth=False,
        scrollY="300px",  # explore.css has the last word
        deferRender=True,
        columnDefs=definitions,
        drawCallback=JavascriptFunction(_DRAWN),
        text_in_header_can_be_selected=False,
        **options,
    )
