"""Filters as widgets, each with its condition for `DataFrame.query`.

A filter that passes every row has an empty condition. Histograms show how the values are distributed and
which rows pass. All work is done on whole columns, and nothing is written.
"""

import bisect
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from numpy.typing import NDArray

from mymodules.pages import display, words
from mymodules.results.attention import numbers, own_columns
from mymodules.row import CAUSES, NOTHING_TO_DECIDE, shown_verdicts
from mymodules.triage import LABELS

# The filter by decision: value, label and condition.
_BY_DECISION = {
    "": (words.ALL_DECISIONS, ""),
    "none": (words.WAITING, f"decision == '' and verdict not in {NOTHING_TO_DECIDE!r}"),
    "any": (words.DECIDED, "decision != ''"),
    **{word: (label, f"decision == {word!r}") for word, label in LABELS.items()},
}
DECISIONS = tuple(_BY_DECISION)
"""The values of the filter by decision: all rows, those to decide, those decided, and each decision."""

BY_CAUSE = {
    **{cause: f"px_{cause} > 0" for cause in CAUSES},
    words.ONLY_MOVED: "px_moved > 0 and px_moved == num_diff_pixels",
}
"""The filter by cause: its values, and the condition of each."""

_NAME = "image_filename"
_WIDTH, _HEIGHT, _HIGHEST = 400, 80, 76  # px of a histogram, and of its highest bar
_ACCENT, _QUIET = (59, 130, 196, 255), (154, 160, 166, 160)  # RGBA, legible on white and on black


@dataclass(frozen=True)
class Measure:
    """A column that rows can be filtered and ordered by.

    Attributes
    ----------
    column : str
        Its name in the frame; for ``regions``, their number counts.
    title, hint : str
        Label and tooltip.
    expression : str
        Its values in `DataFrame.query`.
    """

    column: str
    title: str
    hint: str
    expression: str


MEASURES = (
    Measure(
        "pixel_diff_percent", "Differing pixels, %", "of the larger width x height", "pixel_diff_percent"
    ),
    Measure("ssim_score", "SSIM score", "structural similarity: 1 is equal", "ssim_score"),
    Measure("combined", "Combined, 0 to 10", "pixels and strength of the change in one figure", "combined"),
    Measure("regions", "Regions", "boxes around what differs", "regions.str.len()"),
)


def measures(frame: pd.DataFrame) -> list[Measure]:
    """Return `MEASURES` and the metrics of one's own that a frame has."""
    own = own_columns(frame)
    return [
        *MEASURES,
        *(Measure(name, each.title, "a metric of your own", name) for name, each in own.items()),
    ]


class StatusFilter(ipywidgets.HBox):  # type: ignore[misc]  # its base has no type information
    """A button for each verdict, with its number of rows; with none pressed, all rows pass."""

    value = traitlets.Tuple()

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.buttons = {
            status: ipywidgets.ToggleButton(
                description=f"{status} {counts.get(status, 0):,}",
                disabled=not counts.get(status, 0),
                tooltip=words.status_hint(status),
            )
            .add_class("mme-status")
            .add_class(f"mme-{status}")
            for status in shown_verdicts(counts)
        }
        super().__init__(list(self.buttons.values()))
        self.add_class("mme-statuses")
        for button in self.buttons.values():
            button.observe(self._pressed, "value")
        self.observe(self._press, "value")

    def _pressed(self, _: object) -> None:
        self.value = tuple(status for status, button in self.buttons.items() if button.value)

    def _press(self, change: Any) -> None:
        for status, button in self.buttons.items():
            button.value = status in change["new"]


class Histogram:
    """Show how many rows that differ have which value, above the steps of a slider.

    Equal pictures have no bar: they all have the same value, and there are so many of them that nothing else
    could be seen beside their bar.

    Parameters
    ----------
    measure : Measure
    frame : DataFrame
        Every row; those to count or draw are named by their places in it.
    """

    def __init__(self, measure: Measure, frame: pd.DataFrame) -> None:
        self.measure = measure
        values = numbers(frame, measure.column)
        self.steps = steps(measure.column, values)
        self.is_empty = bool(np.isnan(values).all())
        differs = (frame["status"] != "same").to_numpy(bool, na_value=True)
        self._values = np.where(differs, values, np.nan)
        self._all = self.counts(np.arange(len(frame)))
        self._highest = math.sqrt(max(self._all.max(initial=0), 1))

    def counts(self, places: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the number of rows between each two steps, without those that are equal."""
        values = self._values[places]
        return np.histogram(values[~np.isnan(values)], bins=self.steps)[0]

    @property
    def labels(self) -> list[str]:
        if self.measure in MEASURES:
            return [f"{step:.7f}".rstrip("0").rstrip(".") for step in self.steps]
        return [f"{step:.12g}" for step in self.steps]

    def condition(self, low: int, high: int) -> str:
        """Return the expression for values from step `low` to step `high`; empty for the full range."""
        bottom = f"{self.steps[low]!r} <= " if low > 0 else ""
        top = f" <= {self.steps[high]!r}" if high < len(self.steps) - 1 else ""
        return f"{bottom}{self.measure.expression}{top}" if bottom or top else ""

    def draw(self, shown: NDArray[np.intp], low: int, high: int) -> bytes:
        """Return a transparent PNG: rows that differ gray, the shown ones blue, heights by square root."""
        last = len(self.steps) - 1
        picture = np.zeros((_HEIGHT, _WIDTH, 4), np.uint8)
        bars = np.arange(_WIDTH) * last // _WIDTH  # the one that each column of pixels is of
        from_bottom = np.arange(_HEIGHT, 0, -1)[:, None]
        for counts, colour in ((self._all, _QUIET), (self.counts(shown), _ACCENT)):
            heights = np.ceil(np.sqrt(counts) / self._highest * _HIGHEST)
            picture[from_bottom <= heights[bars]] = colour
        for edge, far in ((low, 0), (high, last)):
            if edge != far:
                middle = round(edge * _WIDTH / last)
                picture[:, max(middle - 1, 0) : middle + 1] = _ACCENT
        return display.to_png(picture)


def make(frame: pd.DataFrame, histograms: Sequence[Histogram]) -> dict[str, Any]:
    """Return the widgets: ``status``, ``decision``, ``code``, ``cause``, ``name``, and sliders by column."""
    counts = {str(verdict): int(count) for verdict, count in frame["verdict"].value_counts().items()}
    codes = frame["code"].dropna().value_counts().items() if "code" in frame.columns else ()
    named = [(f"{code} ({count:,})", str(code)) for code, count in codes if code]
    filters: dict[str, Any] = {
        "status": StatusFilter(counts),
        "decision": ipywidgets.Dropdown(
            options=[(label, value) for value, (label, _) in _BY_DECISION.items()],
            tooltip="Decision; equal pictures need none",
        ),
        "code": ipywidgets.Dropdown(options=[(words.ALL_CODES, ""), *named], tooltip="Code"),
        "cause": _by_cause(frame),
        "name": ipywidgets.Text(
            placeholder=words.NAME,
            tooltip=words.NAME_HINT,
        ),
    }
    for histogram in histograms:
        measure = histogram.measure
        filters[measure.column] = ipywidgets.SelectionRangeSlider(
            options=list(zip(histogram.labels, histogram.steps, strict=True)),
            index=(0, len(histogram.steps) - 1),
            description=measure.title,
            tooltip=f"{measure.hint}; rows without the figure pass only the full range",
            disabled=histogram.is_empty,
        )
    return filters


def _by_cause(frame: pd.DataFrame) -> Any:
    """Return the filter by cause, with those that occur."""
    options = [(words.ALL_CAUSES, "")]
    needed = [*(f"px_{cause}" for cause in CAUSES), "num_diff_pixels"]
    if {*needed} <= {*frame.columns}:
        counts = frame[needed]
        for cause, condition in BY_CAUSE.items():
            count = len(counts.query(condition, engine="python"))
            options += [(f"{cause} ({count:,})", cause)] if count else []
    tooltip = "Why pixels differ; rows with any pixel of this cause"
    return ipywidgets.Dropdown(options=options, tooltip=tooltip, disabled=len(options) == 1)


def conditions(filters: Mapping[str, Any], histograms: Sequence[Histogram]) -> str:
    """Return all filters as one expression; empty when nothing is filtered."""
    statuses, code = filters["status"].value, filters["code"].value
    parts = [
        f"verdict in {list(statuses)!r}" if statuses else "",
        _BY_DECISION[filters["decision"].value][1],
        f"code == {literal(code)}" if code else "",
        BY_CAUSE.get(filters["cause"].value, ""),
        name_condition(filters["name"].value),
        *(histogram.condition(*filters[histogram.measure.column].index) for histogram in histograms),
    ]
    return " and ".join(part for part in parts if part)


def clear(filters: Mapping[str, Any]) -> None:
    """Reset all filters, so that all rows pass."""
    for key, empty in (("status", ()), ("decision", ""), ("code", ""), ("cause", ""), ("name", "")):
        filters[key].value = empty
    for control in filters.values():
        if isinstance(control, ipywidgets.SelectionRangeSlider):
            control.index = (0, len(control.options) - 1)


def steps(column: str, values: NDArray[np.float64]) -> list[float]:
    """Return the steps of a column's slider, ascending; the first and last enclose all values."""
    known = values[~np.isnan(values)]
    if column == "regions":
        most = known.max(initial=1)
        round_counts: list[float] = [0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500]
        return round_counts[: bisect.bisect_left(round_counts, most) + 1]
    if column == "combined":
        return [half / 2 for half in range(21)]
    if column == "ssim_score":
        distances = _decades(1 - known[known < 1], 0.5)
        below = [-1.0] if known.min(initial=1) < 0 else []
        return [*below, 0.0, *(round(1 - distance, 9) for distance in reversed(distances)), 1.0]
    if column == "pixel_diff_percent":
        return [0.0, *_decades(known[known > 0], 50), 100.0]
    return _even(known[np.isfinite(known)])


def _even(values: NDArray[np.float64]) -> list[float]:
    """Return about twenty round steps from below the smallest to above the largest of any values."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    least = max(high / 20 - low / 20, abs(low) * 1e-9, abs(high) * 1e-9, 1e-300)
    decade = 10.0 ** math.floor(math.log10(least))
    size = next(decade * factor for factor in (1, 2, 5, 10) if decade * factor >= least)
    first, last = math.floor(low / size), math.ceil(high / size)
    return [float(f"{place * size:.12g}") for place in range(first, max(last, first + 1) + 1)]


def _decades(positive: NDArray[np.float64], most: float) -> list[float]:
    """Return 1, 2, 5, 10 and so on, from below the smallest value up to `most`."""
    least = max(positive.min(initial=most), 1e-6)
    exponents = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    every = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 5)]
    return [value for value in every if value <= most]


def name_condition(text: str) -> str:
    """Return the expression for names that contain `text`, or match it where it has ``*`` or ``?``.

    Case is ignored. ``*`` matches anything, including folders; ``?`` matches one character.
    """
    whole = text.encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )  # a lone surrogate cannot be searched for
    text = unicodedata.normalize("NFC", whole.strip())
    if not text:
        return ""
    names = f"{_NAME}.astype('object')"  # the text of Arrow folds case otherwise
    names += "" if text.isascii() else '.str.normalize("NFC")'
    if "*" not in text and "?" not in text:
        return f"{names}.str.contains({literal(text)}, case=False, regex=False, na=False)"
    parts = {"*": ".*", "?": "."}
    pattern = "".join(parts.get(character) or re.escape(character) for character in text)
    return f"{names}.str.fullmatch({literal('(?s)' + pattern)}, case=False, na=False)"


def literal(text: str) -> str:
    """Quote a text for `DataFrame.query`, which interprets ` and # even inside quotation marks."""
    quoted = "".join(
        f"\\x{ord(character):02x}" if character in "`#@'\"" or ord(character) < 32 else character
        for character in text.replace("\\", "\\\\")
    )
    return f'"{quoted}"'
