"""A widget for notebooks that shows the pictures of a row of results.

`Viewer` shows one row at a time: side by side, swiped, faded, blinking, as a difference, as the delta, or
with the difference between both pictures. It shows the pixels that were compared: a file is sent as it is
if browsers show its stored pixels, otherwise as a PNG of the compared ones. Values under the pointer come
from the decoded files, never from what the browser has drawn.

Page and kernel share three traits and exchange small messages. The page sends requests; the answer has the
same ``id``:

=========================================  ================================================================
``{kind: "record", name}``                 the row as ``record``, with its neighbours and its decision; no
                                           picture is read. ``deciding``: as below
``{kind: "picture", name, side, encode}``  first, second, delta, or the delta of ``layout``, ``aligned``: a
                                           buffer of its bytes, ``type``, size
``{kind: "marks", name}``                  ``marks``: the changes or regions, as `pages.marks` describes them
``{kind: "layout", name}``                 ``parts``: of a page with both pictures, see `pages.aligned`
``{kind: "tile", name, x, y}``             up to `TILE` x `TILE` px with this upper left corner: a buffer of
                                           RGBA for each side, sizes in ``first`` and ``second``
``{kind: "decide", name, decision, ...}``  the new ``decision`` and ``note``; a ``note`` of null keeps the old
                                           one; with ``on``, the next undecided row is shown. It is a step
                                           even if nothing changes, so that undo takes back the last key press
``{kind: "tolerate", name, ...}``          ``sentence``: what a rule would do to the rows, or that it was
                                           written; see `pages.tolerating`
``{kind: "undo"}``, ``{kind: "redo"}``     nothing; the row of the step is shown
=========================================  ================================================================

A request that cannot be answered gets ``error``, a sentence. ``{kind: "rows", fresh}`` tells the page that
the rows have changed. ``{kind: "decided", message, row, undo, redo, closed}`` tells it what was decided,
there or elsewhere: a sentence, the row to show it with, whether there is something to undo and to redo, and
why nothing can be decided, if so. Only decisions and rules are written, and a file is read only when its row
is shown.
"""

import copy
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import anywidget
import ipywidgets
import numpy as np
import traitlets
from numpy.typing import NDArray

from mymodules import batch, images
from mymodules.comparison import drawings
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.pieces import Picture
from mymodules.errors import SettingsError
from mymodules.images import Rgba
from mymodules.pages import aligned, delta, linker, marks, tolerating
from mymodules.pages.display import (
    SIDES,
    TYPES,
    Absent,
    answered,
    as_absent,
    folders,
    read,
    reencoded,
    to_png,
    weight,
)
from mymodules.pages.rows import ShownRows
from mymodules.results import exchange, runfiles
from mymodules.store.cache import NOW, ReadThrough
from mymodules.triage import LABELS, Decisions, Row, Step

if TYPE_CHECKING:
    import pandas as pd

MODES = ("side-by-side", "swipe", "onion-skin", "blink", "difference", "delta", "three-up")

TILE = 128
"""Side of a piece of exact pixels, px."""

DECODED_BYTES = 256 << 20
"""Bytes of decoded pictures that are kept; two pictures stay whatever their size."""

_DECODED = 1000  # pictures at most

_NAME = "image_filename"
_DECIDED = {**LABELS, "clear": "no longer decided"}
_UNDONE, _REDONE = "Undone: ", "Done again: "


class Viewer(anywidget.AnyWidget):
    """Show the pairs of a table, one at a time.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or any part of it in any order: next and previous follow it.
    run : Run or mapping, optional
        Where the pictures are: what `batch.run` returned or a manifest. By default ``frame.attrs["run"]``.

    Raises
    ------
    SettingsError
        When `frame` is not a table of rows, or nothing says where the pictures are.

    Attributes
    ----------
    row : str
        ``image_filename`` of the row that is shown, empty for none. It can be set, like the next two.
    mode : str
        One of `MODES`.
    region : int
        The chosen change or, if the run did not look for changes, the chosen region: its place in the list
        that begins with the most pixels; -1 for none.
    """

    _esm = linker.module("viewer/kernel.js")
    _css = linker.text(*linker.VIEWER_STYLES)

    row = traitlets.Unicode("").tag(sync=True)
    mode = traitlets.Enum(MODES, MODES[0]).tag(sync=True)
    region = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self, frame: "pd.DataFrame", *, run: batch.Run | Mapping[str, Any] | None = None, **traits: Any
    ) -> None:
        self._pixels = ReadThrough(
            _rgba,
            size=_DECODED,
            limit=DECODED_BYTES,
            least=len(SIDES),
            weigh=lambda rgba: rgba.nbytes,
            workers=1,
            errors=0,
        )
        # JupyterLab handles messages in another thread than cells: a reader takes this attribute once, and
        # new rows replace the whole object.
        there = folders(frame, run)
        self._run = runfiles.record(frame, run)
        self._changes = marks.RunChanges(there.out, self._run)
        exchange.show_drawings(there.out, self._run)
        self._rows = ShownRows.of(frame, there, self._changes)
        self._followers = ipywidgets.CallbackDispatcher()  # reports what one raises and goes on
        self._readers = ipywidgets.CallbackDispatcher()
        super().__init__(**{"row": self._rows.first, **traits})
        self.observe(self._choose_no_region, "row")
        self.on_msg(self._answer)

    @property
    def frame(self) -> "pd.DataFrame":
        """A copy of the rows that next and previous go through."""
        frame = self._rows.frame.copy(deep=False)
        frame.attrs = copy.deepcopy(self._rows.attrs)
        return frame

    def show(self, frame: "pd.DataFrame", *, run: batch.Run | Mapping[str, Any] | None = None) -> None:
        """Show other rows, or the same ones in another order.

        The current row stays if it is among them. Otherwise its nearest former neighbour that is among them
        is shown, or the first row. If neither ``run`` nor the frame says where the pictures are, the folders
        stay as they were.
        """
        runfiles.check_table(frame)
        known = run is not None or frame.attrs.get("run")
        before = self._rows
        there = folders(frame, run) if known else before.folders
        record = runfiles.record(frame, run) if known else self._run
        if there != before.folders or record.get("stamp") != self._run.get("stamp"):
            self._changes = marks.RunChanges(there.out, record)
            exchange.show_drawings(there.out, record)
        there = there if there != before.folders else before.folders
        self._take(ShownRows.of(frame, there, self._changes), record)

    def _take(self, rows: ShownRows, record: Mapping[str, Any]) -> None:
        """Show other rows of the run with this manifest."""
        before = self._rows
        # Another run in the same folders, or other files: the pictures in the page are out of date.
        fresh = (
            rows.folders != before.folders
            or record.get("stamp") != self._run.get("stamp")
            or (
                self.row in rows.places
                and any(
                    rows.cell(self.row, f"{side}_digest") != before.cell(self.row, f"{side}_digest")
                    for side in SIDES
                )
            )
        )
        if fresh:
            self._pixels.forget()
        self._rows, self._run, self._changes = rows, record, rows.changes or self._changes
        self.send({"kind": "rows", "fresh": fresh})
        if self.row not in rows.places:
            self.row = next((name for name in before.around(self.row) if name in rows.places), rows.first)

    def reload(self) -> None:
        """Show the files as they are now, after something has changed them."""
        self._pixels.forget()
        self.send({"kind": "rows", "fresh": True})
        self._readers()

    def on_reloaded(self, call: Callable[[], object]) -> None:
        """Call a function whenever `reload` was called, in the same thread."""
        self._readers.register_callback(call)

    # --- decisions -----------------------------------------------------------------------------------

    @property
    def decisions(self) -> Decisions | None:
        """The decisions about these pictures; None if it is not known where they are kept."""
        return self._rows.folders.decisions

    @property
    def closed(self) -> str:
        """A sentence that says why nothing can be decided here; empty if it can."""
        return self._rows.folders.closed

    @property
    def decision(self) -> str:
        """What holds for the row that is shown, by itself or by its changes; empty if it is open."""
        return self._rows.standing(self.row).decision if self.row else ""

    def decide(
        self, decision: str, note: str = "", *, about: "pd.DataFrame | Row | Iterable[Row] | None" = None
    ) -> Step | None:
        """Decide about the row that is shown, or about others. It is on the disk when this returns.

        Parameters
        ----------
        decision : {"accept", "reject", "ignore", "clear"}
        note : str
            For people.
        about : DataFrame, Row or iterable of Row, optional
            All of these rows in one step.

        Returns
        -------
        Step or None
            None if there was no row.

        Raises
        ------
        SettingsError
            For any other decision, or when it is not known where decisions are kept.
        OutputError
            When it cannot be written.
        """
        if about is None:
            about = [self._rows.about(self.row)] if self.row else []
        return self._done(self._desk().decide(about, decision, note))

    def undo(self) -> Step | None:
        """Take back the newest step, whoever made it, and return it; None if there is none."""
        return self._done(self._desk().undo(), _UNDONE)

    def redo(self) -> Step | None:
        """Repeat the step that was taken back last, and return it; None if there is none."""
        return self._done(self._desk().redo(), _REDONE)

    def on_decided(self, call: Callable[[Step], object]) -> None:
        """Call a function with every step that is decided, undone or repeated here.

        An exception of that function is reported like that of any widget callback; the step stays.
        """
        self._followers.register_callback(call)

    def _desk(self) -> Decisions:
        if self.decisions is None:
            raise SettingsError(self.closed)
        return self.decisions

    def _done(self, step: Step | None, how: str = "", to: str | None = None, more: str = "") -> Step | None:
        """Report a step to the callbacks and the page, and show the row named if there is one."""
        if step is not None:
            self._go(to)
            self._followers(step)
            more = f"{how}{described(step)}{more}"
        self._go(to)
        self.send({"kind": "decided", "message": more.strip(), "row": self.row, **self._rows.deciding()})
        return step

    def _go(self, name: str | None) -> None:
        if name in self._rows.places:
            self.row = name

    def _decide_there(self, rows: ShownRows, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out what the page has decided about a row, and return the row's decision and note."""
        desk, word, note = self._desk(), asked["decision"], asked.get("note")
        before = rows.standing(name)
        if note is None:
            note = before.note if before.decision == word else ""
        step = desk.decide(rows.about(name), word, note)
        following = rows.following(name) if asked.get("on") else None
        more = " No row without a decision follows." if asked.get("on") and following is None else ""
        self._done(step, "", following if self.row == name else None, more)
        now = rows.standing(name)
        return {"decision": now.decision, "note": now.note}

    def _step_there(self, kind: str) -> dict[str, Any]:
        """Undo or repeat a step for the page; its row is shown if it is about a single one."""
        desk = self._desk()
        step = desk.undo() if kind == "undo" else desk.redo()
        if step is None:
            self._done(None, more=f"There is nothing to {kind}.")
            return {}
        one = step.rows[0].name if len(step.rows) == 1 and not step.rows[0].change else None
        left = desk.of(step.rows[0])[0] if one and kind == "undo" else ""
        more = f" It {'stays' if left == step.decision else 'is'} {LABELS[left]}." if left else ""
        self._done(step, _UNDONE if kind == "undo" else _REDONE, one, more)
        return {}

    # --- the state that the page shares --------------------------------------------------------------

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page has chosen, and correct the page if the current rows do not have it."""
        wanted, rows = dict(sync_data), self._rows
        if wanted.get("row", self.row) not in rows.places:
            wanted.pop("row", None)
            wanted.pop("region", None)
        row = wanted.get("row", self.row)
        if "region" in wanted and not -1 <= wanted["region"] < rows.count(row):
            wanted["region"] = -1
        super().set_state(wanted)
        wrong = [
            key for key, value in sync_data.items() if key in ("row", "region") and wanted.get(key) != value
        ]
        if wrong:
            self.send_state(wrong)

    @traitlets.validate("row")
    def _known_row(self, proposal: Any) -> str:
        name, rows = str(proposal["value"]), self._rows
        if name not in rows.places and (name or rows.names):
            raise traitlets.TraitError(f"The viewer has no row {name!r}: see viewer.frame for those it has.")
        return name

    @traitlets.validate("region")
    def _known_region(self, proposal: Any) -> int:
        number, count = int(proposal["value"]), self._rows.count(self.row)
        if not -1 <= number < count:
            raise traitlets.TraitError(f"{self.row} has {count} changes: region is 0 to {count - 1}, or -1.")
        return number

    def _choose_no_region(self, _: object) -> None:
        self.region = -1

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:  # a page without a kernel shows this instead of the widget
            bundle[0]["text/plain"] = (
                f"A viewer of {len(self._rows.names)} pairs of pictures. It needs a running kernel: open the "
                "notebook in JupyterLab and run this cell."
            )
        return bundle

    # --- messages ------------------------------------------------------------------------------------

    def _answer(self, _: object, asked: Any, __: object) -> None:
        """Answer a message, whatever it is."""
        reply: dict[str, Any] = {"id": asked.get("id")} if isinstance(asked, dict) else {}
        found, buffers = answered(self._found, asked)
        self.send(reply | found, buffers)

    def _found(self, asked: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        kind, rows = asked["kind"], self._rows
        if kind in ("undo", "redo"):
            return self._step_there(kind), []
        name = asked["name"]
        if name not in rows.places:
            raise Absent("This row is no longer among those of the viewer.")
        if kind == "record":
            return {"record": rows.record(name), "deciding": rows.deciding()}, []
        if kind == "decide":
            return self._decide_there(rows, name, asked), []
        if kind == "tolerate":
            return {"sentence": self._tolerated(rows, name, asked)}, []
        if kind == "picture" and asked["side"] == "delta":
            return self._delta(rows, name)
        if kind == "picture" and asked["side"] == "aligned":
            first, second = (self._decoded(rows, name, side) for side in SIDES)
            return _as_png(aligned.delta_shades(first, second, aligned.page(first, second)))
        if kind == "picture" and asked["side"] in SIDES:
            return self._picture(rows, name, asked["side"], encode=bool(asked.get("encode")))
        if kind == "marks":
            return {"marks": self._marks(rows, name)}, []
        if kind == "layout":
            found = aligned.page(*(self._decoded(rows, name, side) for side in SIDES))
            return {"parts": aligned.listed(found)}, []
        if kind == "tile":
            return self._tile(rows, name, int(asked["x"]), int(asked["y"]))
        raise Absent("This viewer is of another version than its kernel: restart the kernel.")

    def _picture(
        self, rows: ShownRows, name: str, side: str, *, encode: bool
    ) -> tuple[dict[str, Any], list[bytes]]:
        data, _, changed = read(rows.path(name, side), side, rows.cell(name, f"{side}_digest"))
        with as_absent(side):
            header = images.inspect(data, max_pixels=rows.folders.max_pixels)
        why = "the browser cannot show the file itself" if encode else reencoded(header)
        reply = {"width": header.width, "height": header.height, "encoded": why, "changed": changed}
        if not why:
            return {**reply, "type": TYPES[header.format]}, [data]
        return {**reply, "type": "image/png"}, [to_png(self._decoded(rows, name, side))]

    def _delta(self, rows: ShownRows, name: str) -> tuple[dict[str, Any], list[bytes]]:
        found = self._drawn(rows, name)
        if found is None:
            return _as_png(drawings.delta_shades(*(self._decoded(rows, name, side) for side in SIDES)))
        size = {"width": found.width, "height": found.height}
        return {**size, "type": "image/png", "encoded": None}, [found.data]

    def _drawn(self, rows: ShownRows, name: str) -> delta.Drawn | None:
        """Return the difference picture of the run, if both files are still those that were compared."""
        row = {column: rows.cell(name, column) for column in delta.COLUMNS}
        found = delta.drawn(delta.drawings_of(rows.folders.out, self._run), row)
        if found is not None:
            for side in SIDES:
                if read(rows.path(name, side), side, row[f"{side}_digest"]).changed:
                    return None
        return found

    def _marks(self, rows: ShownRows, name: str) -> list[marks.Mark]:
        """Return the changes of a row; without its run's file of changes they are found again."""
        row = {column: rows.cell(name, column) for column in marks.COLUMNS}
        if row["changes"] is None:
            return self._weighed(rows, name)
        found = self._changes.of(row)
        if found is not None:
            return found
        first, second = (self._decoded(rows, name, side) for side in SIDES)
        return marks.of_changes(changes(first, second, align(first, second)))

    def _tolerated(self, rows: ShownRows, name: str, asked: Mapping[str, Any]) -> str:
        """Try or write a rule for the page; the changes of a row without a file of them are found again."""

        @functools.cache
        def pictures() -> tuple[Picture, Picture]:
            first, second = (Picture(self._decoded(rows, name, side)) for side in SIDES)
            return first, second

        def changes_of(row: str) -> list[Change] | None:
            found = self._changes.listed({column: rows.cell(row, column) for column in marks.COLUMNS})
            if found is None and row == name:
                found = marks.in_order(changes(*pictures(), align(*pictures())))
            return found

        return tolerating.answer(asked, rows.frame, self._run, changes_of, pictures)

    def _weighed(self, rows: ShownRows, name: str) -> list[marks.Mark]:
        boxes: Sequence[Sequence[int]] = rows.cell(name, "regions") or ()
        if not boxes:
            return []
        counts = delta.region_pixels({"regions": boxes, "region_pixels": rows.cell(name, "region_pixels")})
        if counts is None:
            first, second = (self._decoded(rows, name, side) for side in SIDES)
            counts = [weight(first, second, box) for box in boxes]
        return marks.of_regions(boxes, counts)

    def _tile(self, rows: ShownRows, name: str, x: int, y: int) -> tuple[dict[str, Any], list[bytes]]:
        down, across = slice(max(y, 0), max(y, 0) + TILE), slice(max(x, 0), max(x, 0) + TILE)
        reply: dict[str, Any] = {}
        buffers = []
        for side in SIDES:
            try:
                piece = self._decoded(rows, name, side)[down, across]
            except Absent:
                piece = np.zeros((0, 0, 4), np.uint8)
            reply[side] = [piece.shape[1], piece.shape[0]]
            buffers.append(piece.tobytes())
        return reply, buffers

    def _decoded(self, rows: ShownRows, name: str, side: str) -> Rgba:
        path = rows.path(name, side)
        with as_absent(side, path):
            state = path.stat()
            file = _File(path, state.st_mtime_ns, state.st_size, rows.folders.max_pixels)
            return self._pixels.get(NOW, file)


def _as_png(shades: NDArray[np.uint8]) -> tuple[dict[str, Any], list[bytes]]:
    """Return a difference picture as an answer and its buffer."""
    height, width = shades.shape
    data = b"".join(drawings.delta_pieces(shades))
    return {"width": width, "height": height, "type": "image/png", "encoded": None}, [data]


def described(step: Step) -> str:
    """Return a sentence that says what a step decided."""
    number, about = len(step.rows), step.rows[0]
    if about.change:
        what = "1 change" if number == 1 else f"{number:,} changes"
        what += f" of {about.name}" if about.name and number == 1 else ""
    else:
        what = about.name if number == 1 else f"{number:,} rows"
    try:
        day = datetime.fromisoformat(step.time).date()
    except ValueError:  # the file was edited, or another program wrote it
        return f"{what} {_DECIDED[step.decision]}."
    when = "" if day == datetime.now().astimezone().date() else f" on {day}"
    return f"{what} {_DECIDED[step.decision]}{when}."


class _File(NamedTuple):
    """A file in its current state, and the most pixels that are decoded."""

    path: Path
    mtime_ns: int
    size: int
    max_pixels: int


def _rgba(_: int, file: _File) -> Rgba:
    return images.read_rgba(file.path, max_pixels=file.max_pixels)
