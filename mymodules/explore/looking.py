"""The explorer's looks: plans them, and answers the page that shows them.

The plan is made when the page first asks for it, and stays: what is decided keeps its place until the next
`Explorer`. The page sends ``{kind: "looks", id, ask, ...}``; the answer has the same kind and ``id``:

==================================  =======================================================================
``ask: "overview"``                 ``looks`` (how many), ``sentence``, ``notes``, ``closed`` (why nothing
                                    can be decided), ``done`` (1 or 0 for each look), ``undo``, ``redo``
``ask: "look", number``             ``record``, see `pages.looks`
``ask: "state", number``            ``state``: by class of the look what `Held` has, and ``remark``
``ask: "crop", name, side, box``    a buffer: this part of the picture as a PNG file
``ask: "occurrences", signature``   ``found``: the pages on which the class stands
``ask: "decide", word, about,``     nothing; ``about`` lists classes, ``on`` names the only page or is empty;
``on, note``                        if ``note`` is null, what has this decision already keeps its own
``ask: "undo"``, ``ask: "redo"``    ``number`` of the look that the step was about, or null
``ask: "open", name, number``       nothing; the viewer shows this change of this row
==================================  =======================================================================

A request that cannot be answered gets ``error``, a sentence. ``{kind: "looks decided"}`` tells the page that
something was decided.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mymodules.agenda import NEEDED, Agenda
from mymodules.looks import Plan
from mymodules.pages import nearly, thumbnails
from mymodules.pages.display import SIDES, Absent, answered, as_absent, decoded, read, to_png
from mymodules.pages.looks import UNLISTED, LookRecords, notes
from mymodules.pages.marks import RunChanges
from mymodules.pages.rows import ShownRows
from mymodules.triage import Row, Step
from mymodules.viewer import Viewer

if TYPE_CHECKING:
    import pandas as pd

    from mymodules.formats.png import Samples


class Looking:
    """The looks of a table's run.

    Parameters
    ----------
    frame : DataFrame
        All rows.
    changes : RunChanges
        All changes of the run.
    viewer : Viewer
        Decides, and has the pictures.
    choose : callable
        Shows a row, given its name.
    send : callable
        Sends a message and its buffers to the page.
    near : bool
        Whether changes that are nearly the same stand side by side; then some pictures are read for the plan.
    """

    def __init__(
        self,
        frame: "pd.DataFrame",
        changes: RunChanges,
        viewer: Viewer,
        choose: Callable[[str], object],
        send: Callable[[dict[str, Any], list[bytes]], object],
        *,
        near: bool,
    ) -> None:
        self._near = near
        self._frame, self._changes, self._viewer = frame, changes, viewer
        self._run = viewer._run
        self._choose, self._send = choose, send
        self._rows = ShownRows.of(frame, viewer._rows.folders)
        self._lock = threading.RLock()
        self._records: LookRecords | None = None
        self._done: dict[str, str] = {}  # of classes decided since: what the plan has was open
        self._sentence, self._notes = "", list[str]()

    @property
    def there(self) -> bool:
        """Whether there are changes to look at."""
        if self._changes.columns is None or not {*NEEDED} <= {*self._frame.columns}:
            return False
        changed = self._frame["changes"].fillna(0)[self._frame["status"] == "changed"]
        return bool((changed > 0).any())

    @property
    def why_not(self) -> str:
        """A sentence for a run with changed pictures and without looks; empty for any other."""
        return (
            UNLISTED if self._changes.columns is None and (self._frame["status"] == "changed").any() else ""
        )

    @property
    def plan(self) -> Plan:
        """The looks."""
        return self._planned().plan

    def received(self, _: object, message: Any, __: object) -> None:
        """Answer a message of the page; those of other parts of the page are ignored."""
        if not isinstance(message, dict) or message.get("kind") != "looks":
            return
        answer: dict[str, Any] = {"kind": "looks", "id": message.get("id")}
        found, buffers = answered(self._found, message)
        self._send(answer | found, buffers)

    def decided(self, step: Step) -> None:
        """Take a step, and report it to the page."""
        with self._lock:
            if self._records is not None:
                touched = self._records.touched(step.rows)
                held = self._records.held(self._viewer.decisions, touched)
                self._done |= {signature: each.word for signature, each in held.items()}
        self._send({"kind": "looks decided"}, [])

    # --- answers -------------------------------------------------------------------------------------

    def _found(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        ask = asked["ask"]
        if ask == "crop":
            return {}, [self._crop(asked["name"], asked["side"], asked["box"])]
        if ask == "open":
            self._open(asked["name"], asked["number"])
            return {}, []
        with self._lock:
            records = self._planned()
            if ask == "overview":
                return self._overview(records), []
            if ask == "look":
                return {"record": records.look(asked["number"])}, []
            if ask == "state":
                return {"state": self._state(records, asked["number"])}, []
            if ask == "occurrences":
                return {"found": records.occurrences(self._viewer.decisions, asked["signature"])}, []
        if ask == "decide":
            self._decide(asked["word"], _about(records, asked["about"], asked["on"]), asked["note"])
            return {}, []
        if ask in ("undo", "redo"):
            step = self._viewer.undo() if ask == "undo" else self._viewer.redo()
            return {"number": None if step is None else self._where(records, step)}, []
        raise Absent("This page is of another version than its kernel: restart the kernel.")

    def _planned(self) -> LookRecords:
        with self._lock:
            if self._records is None:
                changes, desk = self._changes.table, self._viewer.decisions
                agenda = Agenda.of(self._frame, self._run, changes)
                if agenda is None or changes is None or desk is None:
                    raise Absent(UNLISTED)
                self._sentence, self._notes = str(agenda), notes(self._frame, changes, desk)
                plan, near = self._nearly(agenda.plan) if self._near else (agenda.plan, {})
                self._records = LookRecords(plan, self._frame, changes, near)
            return self._records

    def _nearly(self, plan: Plan) -> tuple[Plan, Mapping[str, str]]:
        """Return the plan with those side by side that are nearly the same, and which these are."""
        plan, alike = nearly.side_by_side(plan, self._picture)
        self._notes += filter(None, [alike.note])
        return plan, alike.near

    def _picture(self, name: str, side: str) -> "Samples | None":
        columns = ("image_filename", "status", "renamed_from", f"{side}_digest")
        row = {column: self._rows.cell(name, column) for column in columns}
        return decoded(self._rows.folders, row, side)

    def _overview(self, records: LookRecords) -> dict[str, Any]:
        return {
            "looks": len(records.signatures),
            "sentence": self._sentence,
            "notes": self._notes,
            "done": [int(all(map(self._done.get, look))) for look in records.signatures],
            **self._rows.deciding(),
        }

    def _state(self, records: LookRecords, number: int) -> dict[str, Any]:
        shown = records.shown(number)
        desk = self._viewer.decisions
        said = {} if desk is None else desk.remarks(shown)
        return {
            signature: {**each._asdict(), "remark": said.get(signature, "")}
            for signature, each in records.held(desk, shown).items()
        }

    def _decide(self, word: str, about: list[Row], note: str | None) -> None:
        """Decide in one step; without a note, what has this decision already keeps it, with its own note."""
        desk = self._viewer.decisions
        if note is None and desk is not None:
            about = [row for row, (known, _) in zip(about, desk.each(about), strict=True) if known != word]
        if about:
            self._viewer.decide(word, note or "", about=about)

    def _where(self, records: LookRecords, step: Step) -> int | None:
        """Return the look on which a step was decided."""
        about = {row.change for row in step.rows}
        return next(
            (number for number, look in enumerate(records.signatures) if not about.isdisjoint(look)), None
        )

    def _crop(self, name: str, side: str, box: Sequence[int]) -> bytes:
        x, y, width, height = box
        part = thumbnails.part([x, y, width, height, width, height])
        rows = self._rows
        if name not in rows.places or side not in SIDES:
            raise Absent("This row is no longer among those of the table.")
        path = rows.path(name, side)
        changed = read(path, side, rows.cell(name, f"{side}_digest")).changed
        if changed:
            raise Absent(changed.replace("the figures and regions", "the changes"))
        with as_absent(side, path):
            return to_png(thumbnails.cut(self._viewer._decoded(rows, name, side), part))

    def _open(self, name: str, number: int) -> None:
        """Show a row, and the change of this number."""
        self._choose(name)
        lines = self._changes.lines([name])
        if lines is None or self._viewer.row != name:
            return
        both = zip(lines["pixels"], lines["number"], strict=True)
        order = [each for _, each in sorted(both, key=lambda both: -both[0])]  # as its marks
        if number in order:
            self._viewer.region = order.index(number)


def _about(records: LookRecords, signatures: Sequence[str], page: str) -> list[Row]:
    """Return what a decision about classes is about: wherever they stand, or on a page only."""
    if not page:
        return [Row.anywhere(each) for each in signatures]
    found = [records.place(each, page) for each in signatures]
    if None in found:
        raise Absent("This change does not stand on that page.")
    return [each for each in found if each is not None]
