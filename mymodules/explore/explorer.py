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
from mymodules.explore.grid import Grid
from mymodules.explore.looking import Looking
from mymodules.explore.standings import MARKS, Standings
from mymodules.explore.thumbnails import Thumbnails
from mymodules.pages import still, words
from mymodules.pages.rows import ShownRows
from mymodules.paths import AnyPath
from mymodules.results import exchange, runfiles
from mymodules.results.attention import ranks, verdicts
from mymodules.results.texts import TEXT
from mymodules.row import NOTHING_TO_DECIDE, RANKS, VERDICTS_BY_ATTENTION
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
    if path is None:
        exchange.show(out)
    if path is None and not any(out.glob("results-*.csv")):
        return batch.run(on_progress=batch.ProgressBar()).frame()
    return results.load(runfiles.newest(out) if path is None else path)


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
        self._run = self.viewer._run
        self._attrs = dict(frame.attrs)
        self._given = frame.drop(columns="decision", errors="ignore").assign(verdict=verdicts(frame))
        self._rows = ShownRows.of(self._given, self.viewer._rows.folders, self.viewer._changes)
        self._given.attrs = {}  # pandas would copy them deeply with every selection of rows
        self._all = self._given.reset_index(drop=True)
        self._ranks = ranks(self._all)
        noted = frame["decision"].fillna("") if "decision" in frame.columns else [""] * len(frame)
        changes, desk = self.viewer._changes, self.viewer.decisions
        given = pd.Series(list(noted), dtype=TEXT)
        self._standings = Standings(self._all, changes.columns, desk, given, lambda: self.approving.approved)
        self._orders: dict[tuple[str, bool], NDArray[np.intp]] = {}
        self._shown = np.arange(len(frame))
        self._frame: pd.DataFrame | None = None  # the rows shown, once somebody has asked for them
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
        self.table = Grid(self._all, self._ranks, [histogram.labels for histogram in self._histograms])
        self.table.on_msg(self._received)
        self.table.on_msg(Thumbnails(frame, run, self.table.send).received)
        self.looking = Looking(frame, changes, self.viewer, self._choose, self.table.send, near=near)
        self.table.looks = {"there": self.looking.there, "why": self.looking.why_not}
        self.table.on_msg(self.looking.received)
        self._apply()
        if len(self._shown):
            self.viewer.row = self._name(0)
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
        with self._lock:
            self._settle()
            if self._frame is None:
                self._frame = self._at(self._shown)
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
        return None if place is None else self._at(self._shown[[place]]).iloc[0]

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
        places = self._ordered(self.order.value, self.descending.value)
        if query:
            # The engine that reads methods of columns, whatever else is installed.
            found = self._all.assign(decision=self._decided).eval(query, engine="python")
            places = places[pd.Series(found).to_numpy(bool, na_value=False)[places]]
        self._shown, self._frame = places, None
        self.viewer._take(self._rows.at(places), self._run)
        self.table.fill(places, self._standings, self.order.value, self._falls())
        self._follow(None)
        self._sum_up()

    @property
    def _decided(self) -> "pd.Series[Any]":
        """What holds for each row, in the order of the frame."""
        return self._standings.decided

    def _at(self, places: NDArray[np.intp]) -> pd.DataFrame:
        """Return the rows at these places, with their decisions."""
        rows = self._given.iloc[places].assign(decision=self._decided.iloc[places].array)
        rows.attrs = dict(self._attrs)
        return rows

    def _name(self, place: int) -> str:
        """Return the name of a row shown."""
        return str(self._given[_NAME].iloc[self._shown[place]])

    def _sum_up(self) -> None:
        self.summary.value = summary(self._ranks, self._standings.marks, self._shown)
        self.bulk.fit(len(self._shown))

    def _ordered(self, key: str, turned: bool) -> NDArray[np.intp]:
        if key in ("decision", "open_changes"):  # they may change at any time
            marks = self._decided.map(MARKS).mask(self._decided == "")  # as in `orders.places`
            values = marks if key == "decision" else pd.Series(-self._standings.left)
            ordered = values.sort_values(ascending=not turned, kind="stable", na_position="last")
            return ordered.index.to_numpy()
        if (key, turned) not in self._orders:
            if len(self._orders) > 2:
                self._orders.clear()
            self._orders[key, turned] = orders.places(self._all, key, turned)
        return self._orders[key, turned]

    def _falls(self) -> bool:
        return orders.falls(self.order.value, self.descending.value)

    def _place(self) -> int | None:
        """Return the position of the viewer's row among those shown."""
        return self.viewer._rows.places.get(self.viewer.row) if len(self._shown) else None

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
            return self._decided.iloc[self._shown]

    def _take_decisions(self) -> None:
        """Show the current decisions."""
        if self.filters["decision"].value:
            self._dirty = True
            self._settle()
        else:
            self._frame = None
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
            elif len(self._shown):
                place = (self._place() or 0) + int(message.get("by", 0))
                self.viewer.row = self._name(min(max(place, 0), len(self._shown) - 1))

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
        columns = [column for column in (*look.COLUMNS, "verdict") if column in self._all.columns]
        return look.table(self._all[columns].iloc[self._shown], rows=KEPT).to_html(), sentence


def _later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle | None:
    """Call a function later from this thread's event loop; at once where there is none, as in a script."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        call()
        return None
    return loop.call_later(seconds, call)


def summary(verdicts: NDArray[np.uint8], marks: NDArray[np.uint8], shown: NDArray[np.intp]) -> str:
    """Return a line of markup: how many rows are shown, how many are to be decided, and what is decided.

    How many of each verdict there are among them is its tooltip.

    Parameters
    ----------
    verdicts, marks : uint8 (rows,)
        What `attention.ranks` says of each row, and its decision by `MARKS`.
    shown : int array
        The places of the rows shown.
    """

    def counted(values: NDArray[np.uint8], value: int) -> tuple[int, int]:
        return int((values[shown] == value).sum()), int((values == value).sum())

    def text(some: int, everything: int) -> str:
        return f"{some:,}" if some == everything else f"{some:,} of {everything:,}"

    rows = text(len(shown), len(marks)).split(" ", 1)
    parts = [" ".join([f"<b>{rows[0]}</b>", *rows[1:], "row" if len(marks) == 1 else "rows"])]
    waiting = (marks == MARKS[""]) & ~np.isin(verdicts, [RANKS[verdict] for verdict in NOTHING_TO_DECIDE])
    parts.append(f"{int(waiting[shown].sum()):,} {words.WAITING}")
    for word, label in LABELS.items():
        counts = counted(marks, MARKS[word])
        if counts[1]:
            parts.append(f'<span class="mme-{word}">{label} {text(*counts)}</span>')
    each = {verdict: counted(verdicts, RANKS[verdict]) for verdict in VERDICTS_BY_ATTENTION}
    hint = " · ".join(f"{verdict} {text(*counts)}" for verdict, counts in each.items() if counts[1])
    return f'<span role="status" title="{hint}">{" · ".join(parts)}</span>'
