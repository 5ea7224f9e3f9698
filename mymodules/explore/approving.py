"""A button that approves the accepted pictures of a table, after a question, and one that undoes it.

Everything that reads or writes pictures has a thread of its own, so the kernel stays free for other cells.
Problems appear as sentences, never as a traceback. Names are shown as text, never as markup.
"""

import contextlib
import dataclasses
import html
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from mymodules import faults, triage
from mymodules.errors import MymodulesError
from mymodules.paths import shown
from mymodules.results import runfiles
from mymodules.row import NAMED, counted

if TYPE_CHECKING:
    import pandas as pd

PAUSE = 0.25
"""Seconds between two updates of the bar."""


class Approving(ipywidgets.VBox):  # type: ignore[misc]  # its base has no type information
    """What is asked before an approval, how far it is, and how it ended; hidden while there is nothing.

    Parameters
    ----------
    frame : DataFrame
        The rows whose accepted pictures are approved.
    run : Run or mapping or None
        As `triage.approve` has it.
    closed : str
        Why nothing can be approved; empty if it can.
    changed : callable
        Called when pictures in first may have changed.

    Attributes
    ----------
    button : Button
        Asks; it stands elsewhere.
    yes, no, undo : Button
        The answers, and the button that brings the old pictures back.
    text : HTML
        The question, the progress or the report.
    approvals : list of Approval
        Those that were not undone, the latest last. The undo button is beside the others while there are any.
    """

    def __init__(
        self,
        frame: "pd.DataFrame",
        run: runfiles.AnyRun | Mapping[str, Any] | None,
        closed: str,
        changed: Callable[[], object],
    ) -> None:
        self._frame, self._run, self._changed = frame.copy(deep=False), run, changed
        self.approvals: list[triage.Approval] = []
        self._plan: triage.Plan | None = None
        self._thread: threading.Thread | None = None
        self._busy = False  # while no button may be pressed
        self._lock = threading.RLock()
        self._shown_at = 0.0
        self.button = ipywidgets.Button(
            description="Approve …",
            tooltip=closed or "Make the accepted pictures the new first ones, after a question",
            disabled=bool(closed),
        ).add_class("mme-approve")
        self.text = ipywidgets.HTML()
        self.yes, self.no, self.undo = (ipywidgets.Button() for _ in range(3))
        self.undo.description = "Undo"
        buttons = ipywidgets.HBox([self.yes, self.no, self.undo]).add_class("mme-answers")
        super().__init__([self.text, buttons])
        self.add_class("mme-approving")
        self._show("")
        self.button.on_click(lambda _: self._begin(self._ask))
        self.yes.on_click(lambda _: self._begin(self._approve))
        self.undo.on_click(lambda _: self._begin(self._take_back))
        self.no.on_click(lambda _: self._close())

    @property
    def approved(self) -> set[str]:
        """The names of the rows that were approved here, and not undone."""
        return {name for done in self.approvals for name in done.approved}

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being done; return False after `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    # --- what the buttons do -------------------------------------------------------------------------

    def _begin(self, work: Callable[[], None]) -> None:
        """Do something in a thread, unless something is being done."""
        with self._lock:
            if self._busy and not self.wait(0):
                return
            self._busy = True
            # Not a daemon: what was begun is ended, even if the interpreter ends meanwhile.
            self._thread = threading.Thread(target=self._guarded, args=(work,), name="approving")
            self._thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except MymodulesError as error:
            self._show(_problem(str(error)), self.no)
        except Exception as error:
            self._show(_problem(f"This was not expected: {faults.reported(error)}"), self.no)
        self.no.focus()  # otherwise the next keys would go to the notebook, where they cut cells

    def _ask(self) -> None:
        """Show what approving would change, and ask."""
        self._tell("Looking at the folders …")
        self._plan = triage.plan(self._left(), self._run)
        self._question(self._plan)

    def _left(self) -> "pd.DataFrame":
        """Return the rows that are not approved yet: the others are no longer what was compared."""
        approved = self.approved
        return self._frame[~self._frame["image_filename"].isin(approved)] if approved else self._frame

    def _question(self, plan: triage.Plan, before: str = "") -> None:
        lists = [
            _listed(f"{counted(len(names))} will be {effect}", names)
            for effect, names in plan.effects.items()
        ]
        if plan.tolerated:
            left = f"{counted(len(plan.tolerated))} left, as rules tolerate how they differ"
            lists.append(_listed(left, plan.tolerated))
        if plan.refused:
            lists.append(_listed(f"{counted(len(plan.refused))} cannot be approved", plan.refused))
        if not plan.count:
            other = "other " if self.approvals else ""
            none = f"There is nothing to approve: no {other}accepted picture differs from its first one."
            self._show(f'<p role="status">{none}</p>{"".join(lists)}', self.no)
            return
        files = counted(plan.count, "file")
        ask = f"{before}Change {files} in {html.escape(shown(plan.first))}? Undo brings the old ones back."
        self.yes.description = f"Yes, change {files}"
        self._show(f'<p role="alert">{ask}</p>{"".join(lists)}', self.yes, self.no)

    def _approve(self) -> None:
        """Approve what was asked about; ask again if that is no longer what would be done."""
        self._tell("Looking at the folders …")
        left = self._left()
        plan = triage.plan(left, self._run)
        if plan != self._plan:
            self._plan = plan
            self._question(plan, "The decisions or folders have changed meanwhile. ")
            return
        try:
            done = triage.approve(
                left, self._run, adopt=plan.adopt, remove=plan.remove, on_progress=self._progress
            )
        finally:
            self._changed()
        if done.folder:
            self.approvals.append(done)
        kept = f" The old files are in {html.escape(shown(done.folder))}." if done.folder else ""
        kept += " This table still shows the earlier run; compare again for a new one." if done.folder else ""
        report = f'<p role="status"><b>{counted(len(done.approved))} approved.</b>{kept}</p>'
        more = [_listed(f"{counted(len(done.refused))} refused", done.refused)] if done.refused else []
        self._show(report + "".join(more), self.no)

    def _take_back(self) -> None:
        """Bring the old pictures of the latest approval back."""
        if not self.approvals:
            return
        latest = self.approvals[-1]
        try:
            done = triage.restore(latest, on_progress=self._progress)
        finally:
            self._changed()
        report = f'<p role="status"><b>{counted(len(done.restored), "file")} restored.</b>{done.kept}</p>'
        more = [_listed(f"{counted(len(done.refused))} refused", done.refused)] if done.refused else []
        self.approvals.pop()
        if done.refused:  # it can be tried again, after the earlier ones: they are about other pictures
            self.approvals.insert(0, dataclasses.replace(latest, approved=tuple(done.refused)))
        self._show(report + "".join(more), self.no)

    def _close(self) -> None:
        if not self._busy or self.wait(0):
            self._show("")
            self.button.focus()

    # --- what is shown -------------------------------------------------------------------------------

    def _show(self, text: str, *buttons: Any) -> None:
        """Show a text and these buttons, and Undo beside them; each works as soon as it is in sight."""
        if buttons and self.approvals:
            buttons = (*buttons, self.undo)
            latest = counted(len(self.approvals[-1].approved))
            self.undo.tooltip = f"Bring the old first pictures of the latest approval back: {latest}"
        with self._lock:
            self.text.value = text
            self.layout.display = None if text else "none"
            self.no.description = "No" if self.yes in buttons else "Close"
            self._busy = self._busy and not buttons
            for button in (self.yes, self.no, self.undo):
                button.layout.display = None if button in buttons else "none"

    def _tell(self, text: str) -> None:
        self._shown_at = time.monotonic()
        self._show(f'<p role="status"><progress></progress> {text}</p>')

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._shown_at < PAUSE:
            return
        self._shown_at = now
        with contextlib.suppress(Exception):  # a closed page must not end an approval
            bar = f'<progress max="{total}" value="{done}"></progress>'
            self._show(f'<p role="status">{bar} {done:,} of {total:,} steps</p>')


def _problem(text: str) -> str:
    return f'<p role="alert" class="mme-problem">{html.escape(text)}</p>'


def _listed(title: str, names: Sequence[str] | Mapping[str, str]) -> str:
    """Return markup of some names: in a line, or each with its reason if they have one."""
    first = list(names)[:NAMED]
    more = f"and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    marked = [f"<bdi>{html.escape(shown(name))}</bdi>" for name in first]
    if not isinstance(names, Mapping):
        return f"<p>{html.escape(title)}: {', '.join(marked)} {more}</p>"
    reasons = [html.escape(shown(names[name])) for name in first]
    lines = [f"{name} – {reason}" for name, reason in zip(marked, reasons, strict=True)]
    listed = "".join(f"<li>{line}</li>" for line in filter(None, [*lines, more]))
    return f"<p>{html.escape(title)}:</p><ul>{listed}</ul>"
