"""The looks of a run, and its table and viewer, linked: choosing a row in one shows it in the other.

`explore` begins with the looks, which have the room of all else, and are left for table and viewer by a
button or by opening a change. The table shows every row, with filters and one order. Clicking a row opens it
in the viewer. Next and previous in the viewer go through the filtered rows in the order of the table, and the
table follows. The order is kept in Python: the table's headings request it and never sort by themselves.

What is on screen is available as data: `Explorer.frame` holds the rows shown and their decisions, `selected`
the current row, and `query` the filters as a pandas expression. Only decisions are written, and those about
all rows shown only after a confirmation. Names and messages come from the compared files: they are shown as
text, never as markup.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from numpy.typing import NDArray

from mymodules import batch, look, results, settings
from mymodules.explore import filters
from mymodules.explore import order as orders
from mymodules.explore.approving import Approving
from mymodules.explore.bulk import Bulk
from mymodules.explore.grid import MARKS, Grid
from mymodules.explore.looking import Looking
from mymodules.explore.standings import Standings
from mymodules.explore.thumbnails import Thumbnails
from mymodules.pages import still, words
from mymodules.paths import AnyPath
from mymodules.results import runfiles
from mymodules.results.attention import verdicts
from mymodules.results.texts import TEXT
from mymodules.row import VERDICTS_BY_ATTENTION
from mymodules.triage import LABELS, Step
from mymodules.viewer import Viewer

PAUSE = 0.12
"""Seconds without a further change after which a typed or dragged filter is applied."""

KEPT = 20
"""The most changed rows, and the most errors, of the table that a page without a kernel shows."""

_NAME = "image_filename"
_REQUIRED = (_NAME, "status")


def explore(
    frame_or_path: "pd.DataFrame | AnyPath | batch.Run | None" = None,
    *,
    run: batch.Run | Mapping[str, Any] | None = None,
    order: str = "attention",
    near: bool = True,
) -> "Explorer":
    """Show a table of results and a viewer, linked, with filters, when the result ends a cell.

    Parameters
    ----------
    frame_or_path : DataFrame, path or Run, optional
        A table from `results.load` or a part of it, a results file, or what `batch.run` returned. By
        default the newest finished results.
    run : Run or mapping, optional
        Where the pictures are, if the frame does not say so; see `Viewer`.
    order : str, optional
        A key of `order.ORDERS`, or the column of a metric of one's own; by default ``attention``: the largest
        change first. ``given`` keeps the order of a frame.
    near : bool, optional
        Whether looks show changes side by side that are nearly the same, as a report does. For that, up to
        100 million pixels are read before the first look is shown, which takes a second or two.

    Raises
    ------
    ResultsError
        When there are no finished results, or the file is not one.
    SettingsError
        When the frame has no names or statuses, or does not say where the pictures are.
    """
    if isinstance(frame_or_path, pd.DataFrame):
        return Explorer(frame_or_path, run=run, order=order, near=near)
    rows = frame_or_path.frame() if isinstance(frame_or_path, batch.Run) else results.load(frame_or_path)
    return Explorer(rows, run=run, order=order, near=near)


def load_or_run(path: AnyPath | None = None) -> pd.DataFrame:
    """Load `path`'s results, by default the newest; if there was no run yet, compare first.

    Raises
    ------
    ResultsError
        As `results.load`; unfinished runs are named, not started again.
    """
    out = (settings.recorded() or settings.resolve()).out
    if path is None and not any(out.glob("results-*.csv")):
        return batch.run(on_progress=batch.ProgressBar()).frame()
    return results.load(path)


class Explorer(still.Kept):
    """A table, its filters and a viewer; made by `explore`.

    Attributes
    ----------
    viewer : Viewer
        ``viewer.row`` is the current row's name.
    table : Grid
        The list of the rows shown, as the page has it; everything in it can be read and set elsewhere.
    filters : dict of str to Widget
        ``status`` (its value a tuple of verdicts, empty for all), ``decision`` (one of `filters.DECISIONS`),
        ``code``, ``cause`` (empty, or a key of `filters.BY_CAUSE`), ``name``, and a range slider for each of
        `filters.measures` by its column. Their values may be set.
    order : Dropdown
        Its value is a key of `order.of`: also a metric of one's own.
    descending : ToggleButton
        Whether that order is reversed.
    bulk : Bulk
        Decides about all rows shown.
    looking : Looking
        Plans the looks, its ``plan``, and shows them instead of table and viewer.
    approving : Approving
        Approves the accepted rows of the whole table, after a question, and undoes it.
    summary : HTML
        How many rows are shown, by status and decision.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        run: batch.Run | Mapping[str, Any] | None = None,
        order: str = "attention",
        near: bool = True,
    ) -> None:
        runfiles.check_table(frame, *_REQUIRED)
        self.viewer = Viewer(frame, run=run)
        self._attrs = dict(frame.attrs)
        self._given = frame.drop(columns="decision", errors="ignore").assign(verdict=verdicts(frame))
        self._given.attrs = {}  # pandas would copy them deeply with every selection of rows
        self._all = self._given.reset_index(drop=True)
        noted = frame["decision"].fillna("") if "decision" in frame.columns else [""] * len(frame)
        changes, desk = self.viewer._changes.table, self.viewer.decisions
        given = pd.Series(list(noted), dtype=TEXT)
        self._standings = Standings(self._all, changes, desk, given, lambda: self.approving.approved)
        self._orders: dict[tuple[str, bool], pd.DataFrame] = {}
        self._frame = self._given
        self._waiting: asyncio.TimerHandle | None = None
        self._dirty = self._held = False
        # JupyterLab handles widget messages and cells in different threads.
        self._lock = threading.RLock()
        self._histograms = [filters.Histogram(measure, self._all) for measure in filters.measures(self._all)]
        self.filters: dict[str, Any] = filters.make(self._all, self._histograms)
        self.order = ipywidgets.Dropdown(
            options=[(text, key) for key, text in orders.of(self._all).items()],
            value=order,
            description="Order by",
            style={"description_width": "auto"},
        )
        self.descending = ipywidgets.ToggleButton(False, description="⇅", tooltip="Reverse the order")
        self.bulk = Bulk(self._read_again, self.decide, self.viewer.closed)
        self.approving = Approving(frame, run, self.viewer.closed, self.viewer.reload)
        self._reset = ipywidgets.Button(description=words.SHOW_ALL)
        self.summary = ipywidgets.HTML().add_class("mme-summary")
        self.table = Grid(self._all, [histogram.labels for histogram in self._histograms])
        self.table.on_msg(self._received)
        self.table.on_msg(Thumbnails(frame, run, self.table.send).received)
        self.looking = Looking(frame, changes, self.viewer, self._choose, self.table.send, near=near)
        self.table.looks = {"there": self.looking.there, "why": self.looking.why_not}
        self.table.on_msg(self.looking.received)
        self._apply()
        if self._frame.shape[0]:
            self.viewer.row = self._frame[_NAME].iloc[0]
            self._follow(None)
        super().__init__(self._parts(), self._kept)
        self.add_class("mme")
        for control in (*self.filters.values(), self.order, self.descending):
            control.observe(self._changed, "value")
        pressed = ("status", "decision", "code", "cause")
        self._pressed = (*(self.filters[key] for key in pressed), self.order, self.descending)
        traitlets.dlink((self.bulk, "asking"), (self.table, "asking"))
        self._reset.on_click(lambda _: self.clear())
        self.viewer.on_decided(self._redecide)
        self.viewer.on_decided(self.looking.decided)
        self.viewer.on_reloaded(lambda: self.table.send({"kind": "fresh"}))
        self.viewer.observe(self._follow, "row")
        self._draw()

    @property
    def frame(self) -> pd.DataFrame:
        """The rows shown, in the order shown, with their original index, as a copy.

        The last column is ``decision``: ``accept``, ``reject``, ``ignore`` or empty.
        """
        self._settle()
        return self._frame.copy(deep=False)

    @property
    def query(self) -> str:
        """The filters as an expression for `DataFrame.query`; empty when nothing is filtered.

        If it names ``decision``, another table needs that column first:
        ``table["decision"] = explorer.viewer.decisions.state(table)``.
        """
        return filters.conditions(self.filters, self._histograms)

    @property
    def selected(self) -> "pd.Series[Any] | None":
        """The current row; None when no row is shown. Set it by name."""
        self._settle()
        place = self._place()
        return None if place is None else self._frame.iloc[place]

    @selected.setter
    def selected(self, row: "str | pd.Series[Any]") -> None:
        self._settle()
        self.viewer.row = row if isinstance(row, str) else str(row[_NAME])

    def decide(self, decision: str, note: str = "") -> Step | None:
        """Decide about all rows shown in one step, which one ``viewer.undo()`` takes back.

        Parameters and errors are those of `Viewer.decide`.
        """
        return self.viewer.decide(decision, note, about=self.frame)

    def clear(self) -> None:
        """Show all rows again."""
        self._held = True
        filters.clear(self.filters)
        self._held = False
        self._settle()

    # --- what is shown -------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Filter and order the rows, and pass them to the table and the viewer."""
        query = self.query
        self._reset.layout.display = None if query else "none"
        self._standings.read()
        ordered = self._ordered(self.order.value, self.descending.value).assign(decision=self._decided)
        # The engine that reads methods of columns, whatever else is installed.
        kept = ordered.query(query, engine="python") if query else ordered
        places = kept.index.to_numpy()
        rows = self._given.iloc[places]
        self._shown, self._frame = places, self._with_decisions(rows, places)
        self.viewer.show(rows)
        self.table.fill(places, self._standings, self.order.value, self._falls())
        self._follow(None)
        self._sum_up()

    @property
    def _decided(self) -> "pd.Series[Any]":
        """What holds for each row, in the order of the frame."""
        return self._standings.decided

    def _with_decisions(self, rows: pd.DataFrame, places: NDArray[np.intp]) -> pd.DataFrame:
        rows = rows.assign(decision=self._decided.iloc[places].array)
        rows.attrs = dict(self._attrs)
        return rows

    def _sum_up(self) -> None:
        self.summary.value = summary(self._all.assign(decision=self._decided), self._frame)
        self.bulk.fit(len(self._frame))

    def _ordered(self, key: str, turned: bool) -> pd.DataFrame:
        if key in ("decision", "open_changes"):  # they may change at any time
            marks = self._decided.map(MARKS).mask(self._decided == "")  # as in `orders.places`
            values = marks if key == "decision" else pd.Series(-self._standings.left)
            ranks = values.sort_values(ascending=not turned, kind="stable", na_position="last")
            return self._all.loc[ranks.index]
        if (key, turned) not in self._orders:
            if len(self._orders) > 2:
                self._orders.clear()
            self._orders[key, turned] = self._all.iloc[orders.places(self._all, key, turned)]
        return self._orders[key, turned]

    def _falls(self) -> bool:
        return orders.falls(self.order.value, self.descending.value)

    def _place(self) -> int | None:
        """Return the position of the viewer's row among those shown."""
        return self.viewer._rows.places.get(self.viewer.row) if len(self._frame) else None

    def _draw(self) -> None:
        """Draw the histograms."""
        for histogram, box in zip(self._histograms, self._boxes, strict=True):
            box.value = histogram.draw(self._shown, *self.filters[histogram.measure.column].index)

    # --- events --------------------------------------------------------------------------------------

    def _changed(self, change: Any) -> None:
        """Apply the filters: buttons at once, typed or dragged ones after a pause or when read."""
        self._dirty = True
        if self._held:
            return
        if change["owner"] in self._pressed:
            self._settle()
        else:
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting = _later(PAUSE, self._settle)

    def _settle(self) -> None:
        with self._lock:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            if self._dirty:
                self._dirty = False
                self._apply()
                _later(PAUSE, self._draw)  # the viewer goes first

    def _redecide(self, step: Step) -> None:
        """Show new decisions; rows come and go only if they are filtered by decision."""
        with self._lock:
            self._standings.follow(step)
            self._take_decisions()

    def _read_again(self) -> "pd.Series[Any]":
        """Read the decisions about the rows shown again, as others may have decided meanwhile."""
        with self._lock:
            self._settle()
            before = self._decided.copy()
            self._standings.read()
            if not before.equals(self._decided):
                self._take_decisions()
            return self._frame["decision"]

    def _take_decisions(self) -> None:
        """Show the current decisions."""
        if self.filters["decision"].value:
            self._dirty = True
            self._settle()
        else:
            self._frame = self._with_decisions(self._frame, self._shown)
            self.table.decide(self._standings)
            self._sum_up()

    def _follow(self, _: object) -> None:
        with self._lock:
            self.table.row = "" if self._place() is None else self.viewer.row

    def _choose(self, name: str) -> None:
        """Show a row, also one that the filters hide."""
        if name not in self.viewer._rows.places:
            self.clear()
        if name in self.viewer._rows.places:
            self.viewer.row = name

    def _received(self, _: object, message: Any, __: object) -> None:
        if not isinstance(message, dict):
            return
        kind, by = message.get("kind"), message.get("by")
        if kind == "order" and by in orders.of(self._all):
            if by == self.order.value:
                self.descending.value = not self.descending.value
            else:
                self.order.value, self.descending.value = by, False
            self._settle()
        elif kind in ("step", "choose"):
            try:
                self._move(message)
            finally:  # otherwise the page would wait for it and ignore all keys
                self.table.send({"kind": "moved", "view": message.get("view")})

    def _move(self, message: Mapping[str, Any]) -> None:
        """Show the row that the page asks for: by name, or so many rows away."""
        with self._lock:
            if message["kind"] == "choose":
                if message.get("name") in self.viewer._rows.places:
                    self.viewer.row = message["name"]
            elif len(self._frame):
                place = (self._place() or 0) + int(message.get("by", 0))
                self.viewer.row = self._frame[_NAME].iloc[min(max(place, 0), len(self._frame) - 1)]

    # --- how it looks --------------------------------------------------------------------------------

    def _parts(self) -> Sequence[Any]:
        self._boxes = [ipywidgets.Image(format="png").add_class("mme-histogram") for _ in self._histograms]
        fold = ipywidgets.Button(description="Filters", tooltip="Show or hide more filters, and the order")
        line = ipywidgets.HBox(
            [
                self.filters["status"],
                fold.add_class("mme-fold"),
                self.summary,
                self._reset,
                self.bulk,
                self.approving.button,
            ]
        ).add_class("mme-line")
        bar = ipywidgets.HBox(
            [
                self.filters["decision"],
                self.filters["code"],
                self.filters["cause"],
                self.filters["name"],
                self.order,
                self.descending,
            ]
        ).add_class("mme-bar")
        ranges = ipywidgets.HBox(
            [
                ipywidgets.VBox([box, self.filters[histogram.measure.column]]).add_class("mme-range")
                for box, histogram in zip(self._boxes, self._histograms, strict=True)
            ]
        ).add_class("mme-ranges")
        body = ipywidgets.Box([self.table, self.viewer]).add_class("mme-body")
        return [line, bar, ranges, self.approving, body]

    def _kept(self) -> tuple[str, str]:
        """Return what pages without a kernel show: the rows as they were last shown, and a sentence."""
        sentence = (
            f"A table of {len(self._all):,} rows and a viewer of their pictures. They need a running kernel: "
            "open the notebook in JupyterLab and run this cell."
        )
        return look.table(self._all.iloc[self._shown], rows=KEPT).to_html(), sentence


def _later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle | None:
    """Call a function later from this thread's event loop; at once where there is none, as in a script."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        call()
        return None
    return loop.call_later(seconds, call)


def summary(of_all: pd.DataFrame, of_shown: pd.DataFrame) -> str:
    """Return a line of markup: how many rows are shown, how many are to be decided, and what is decided.

    How many of each verdict there are among them is its tooltip.
    """

    counts = {
        column: [rows[column].value_counts() for rows in (of_shown, of_all)]
        for column in ("decision", "verdict")
    }

    def counted(column: str, value: str) -> tuple[int, int]:
        shown, everything = (int(each.get(value, 0)) for each in counts[column])
        return shown, everything

    def text(shown: int, everything: int) -> str:
        return f"{shown:,}" if shown == everything else f"{shown:,} of {everything:,}"

    rows = text(len(of_shown), len(of_all)).split(" ", 1)
    parts = [" ".join([f"<b>{rows[0]}</b>", *rows[1:], "row" if len(of_all) == 1 else "rows"])]
    waiting = of_shown[["verdict", "decision"]].query(filters.UNDECIDED, engine="python")
    parts.append(f"{len(waiting):,} {words.WAITING}")
    for word, label in LABELS.items():
        shown, everything = counted("decision", word)
        if everything:
            parts.append(f'<span class="mme-{word}">{label} {text(shown, everything)}</span>')
    verdicts = {verdict: counted("verdict", verdict) for verdict in VERDICTS_BY_ATTENTION}
    hint = " · ".join(f"{verdict} {text(*counts)}" for verdict, counts in verdicts.items() if counts[1])
    return f'<span role="status" title="{hint}">{" · ".join(parts)}</span>'
