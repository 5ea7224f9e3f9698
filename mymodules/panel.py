"""A run with buttons: name the folders, watch, cancel, resume, and look at the results.

`panel` shows itself when it ends a cell; nothing runs before a button is pressed. Its promises:

- A run has its own thread: the kernel stays free for other cells, and the run can be cancelled.
- Cancel ends the worker processes. Finished rows are kept, and Resume does only the rest.
- Problems appear as a sentence in the panel, never as a traceback. Paths are shown as text, never as markup.
- What a run prints appears below the panel. The run ends with the kernel or the script.
"""

import atexit
import contextlib
import contextvars
import html
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets

from mymodules import batch, faults, processors, recent, remote, settings
from mymodules.errors import MymodulesError, ResultsError, SettingsError
from mymodules.pages import linker, still
from mymodules.paths import AnyPath, local_path, masked, shown, working_directory
from mymodules.results import runfiles
from mymodules.row import counted

if TYPE_CHECKING:
    from mymodules.explore import Explorer

PAUSE = 0.25
"""Seconds between two updates of the bar, so that 10,000 pictures do not send 10,000 messages."""

_LAST = 10.0  # seconds that the interpreter waits at its end for runs to end

SUGGESTED = 20
"""The most folders that are suggested while a path is typed."""

_MANY = 10**9
_FOLDERS = {
    "first": ("First folder", "The pictures as they were"),
    "second": ("Second folder", "The pictures as they are now, under the same names"),
    "out": ("Results folder", "Where the table and the drawings go"),
}


def panel() -> "Panel":
    """Return a panel that starts a run; it shows itself when it ends a cell.

    While a run is active in this kernel, its panel is returned, so that running the cell again finds it.
    """
    return _running[-1] if _running else Panel()


class Panel(still.Kept):
    """Folders and options, buttons, the progress of a run, and its explorer; made by `panel`.

    Attributes
    ----------
    inputs : dict of str to Widget
        ``first``, ``second``, ``out``, ``skip_until``, ``stop_at``, ``num_processors`` and ``pictures``, as
        `batch.run` has them. Their values may be set.
    buttons : dict of str to Button
        ``run``, ``cancel`` and ``resume``.
    notes : dict of str to HTML
        What is wrong with a folder, by the name of its field.
    progress, message : HTML
        How far the run is, and how it ended.
    run : Run or None
        The latest run; None until it has finished.
    explorer : Explorer or None
        The explorer of its results. The next run closes it.
    error : Exception or None
        What the latest run failed with, if it did.
    """

    def __init__(self) -> None:
        self.run: batch.Run | None = None
        self.explorer: Explorer | None = None
        self.error: Exception | None = None
        self._last: batch.Progress | None = None
        self._arguments: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._shown_at = 0.0
        # JupyterLab handles widget messages and cells in different threads.
        self._lock = threading.RLock()
        # Otherwise output of the run would go to whatever cell or widget was used last.
        self._context = contextvars.copy_context()
        self._settings = chosen = settings.recorded() or settings.resolve()
        folders = recent.folders(chosen) or (chosen.first, chosen.second, chosen.out)
        # A path that is not valid text is shown escaped, and used as long as nobody edits it.
        self._known = {runfiles.named(folder): folder for folder in folders}
        self.inputs: dict[str, Any] = {
            role: ipywidgets.Combobox(value=runfiles.named(folder), description=label, tooltip=hint)
            for folder, (role, (label, hint)) in zip(folders, _FOLDERS.items(), strict=True)
        }
        self.inputs |= _options()
        self.notes = {role: ipywidgets.HTML().add_class("mmp-note") for role in _FOLDERS}
        self.buttons = {
            name: ipywidgets.Button(description=name.capitalize(), tooltip=hint, disabled=name != "run")
            for name, hint in {
                "run": "Compare the two folders",
                "cancel": "End the run; finished rows are kept",
                "resume": "Continue the cancelled run",
            }.items()
        }
        self.buttons["run"].button_style = "primary"
        self.buttons["resume"].layout.display = "none"
        self.progress = ipywidgets.HTML().add_class("mmp-progress")
        self.message = ipywidgets.HTML().add_class("mmp-message")
        self._form = self._laid_out()
        super().__init__(self._form, self._left)
        self.add_class("mmp")
        for role in _FOLDERS:
            self.inputs[role].observe(self._check, "value")
        self._check()
        for name, action in (("run", self.start), ("cancel", self.cancel), ("resume", self.resume)):
            self.buttons[name].on_click(lambda _, action=action: action())

    # --- what the buttons do -------------------------------------------------------------------------

    def start(self) -> None:
        """Start a run with the values of the fields; does nothing while a run is active."""
        self._begin({name: self._meant(name) for name in self.inputs}, None)

    def resume(self) -> None:
        """Continue the cancelled run in its folders and with its options."""
        if self.partial_path is not None:
            again = self._arguments | {"num_processors": self.inputs["num_processors"].value}
            again.pop("out", None)  # it continues in its own folder
            self._begin(again | {"resume": self.partial_path}, self._last)

    def cancel(self) -> None:
        """End the active run, if any; `wait` returns when it has ended."""
        with self._lock:
            if self in _running and not self._cancelled.is_set():
                self._cancelled.set()
                self.buttons["cancel"].disabled = True
                self._say("Cancelling …")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no run is active; return False after `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self not in _running

    @property
    def partial_path(self) -> Path | None:
        """The rows of an unfinished run; None if there are none."""
        path = None if self._last is None else self._last.partial_path
        return path if path is not None and path.is_file() else None

    # --- the run -------------------------------------------------------------------------------------

    def _begin(self, arguments: dict[str, Any], last: batch.Progress | None) -> None:
        with self._lock:
            if self in _running:
                return
            _running.append(self)
            self._arguments, self._last, self._shown_at = arguments, last, 0.0
            self.run = self.error = None
            self._cancelled.clear()
            self._close_explorer()
            for control in self.inputs.values():
                control.disabled = True
            for name, button in self.buttons.items():
                button.disabled = name != "cancel"
            self._say("")
            self.progress.value = "<progress></progress> Looking at the folders …"
            # A daemon does not keep a script from ending; `_is_over` then ends its processes in good order.
            self._thread = threading.Thread(
                target=self._context.copy().run, args=(self._work,), name="panel", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        """Run, and show the outcome, whatever it is."""
        ended = ""
        try:
            if "resume" not in self._arguments:
                recent.note(self._settings, *(_place(self._arguments[role], role) for role in _FOLDERS))
            self.run = batch.run(**self._arguments, on_progress=self._tell, cancelled=self._is_over)
            total = sum(self.run.counts.values())
            self._show(total, total, self.run.counts)
            ended = _found(self.run)
            self._say(ended)
            from mymodules import explore

            self.explorer = explore.explore(self.run)
            self.children = [*self._form, self.explorer]
        except KeyboardInterrupt:
            ended = self._kept("Cancelled")
        except Exception as error:
            self.error = error
            ended = " ".join(filter(None, [ended, _sentence(error)]))
            if self.partial_path is not None and not isinstance(error, SettingsError | ResultsError):
                ended += f" {self._kept('It ended')}"
        finally:
            self._end(ended)

    def _end(self, message: str) -> None:
        """Show how a run ended, and allow the next one."""
        with self._lock:
            _running.remove(self)
            self._say(message, problem=self.error is not None)
            if self.run is None and self._last is not None:
                self._show(self._last.done, self._last.total, self._last.counts)
            elif self.run is None:
                self.progress.value = ""
            resumable = self.partial_path is not None
            self.buttons["resume"].layout.display = None if resumable else "none"
            self.buttons["resume"].disabled = not resumable
            self.buttons["run"].disabled = False
            self.buttons["cancel"].disabled = True
            for control in self.inputs.values():
                control.disabled = False
            self._check()  # the run may have created the folder for its results
        with contextlib.suppress(Exception):  # a closed page must not end a run
            self.keep_again()

    def _is_over(self) -> bool:
        """Return whether the run must end: on request, or with the interpreter."""
        return self._cancelled.is_set() or not threading.main_thread().is_alive()

    def _tell(self, progress: batch.Progress) -> None:
        begins = bool(progress.stage) and not (self._last and self._last.stage)
        self._last = progress
        now = time.monotonic()
        if begins or now - self._shown_at >= PAUSE:
            self._shown_at = now
            left = "" if progress.remaining is None else f"{batch.duration(progress.remaining)} left"
            left = progress.stage or left
            with contextlib.suppress(Exception):  # a closed page must not end a run
                self._show(progress.done, progress.total, progress.counts, left)

    def _close_explorer(self) -> None:
        """Remove the explorer of the previous run, with the pictures it holds."""
        if self.explorer is not None:
            self.children = self._form
            for widget in _tree(self.explorer):
                widget.close()
            self.explorer = None

    # --- what is shown -------------------------------------------------------------------------------

    def _laid_out(self) -> list[Any]:
        folders = [
            ipywidgets.VBox([self.inputs[role], self.notes[role]]).add_class("mmp-folder")
            for role in _FOLDERS
        ]
        options = [control for role, control in self.inputs.items() if role not in _FOLDERS]
        bar = ipywidgets.HBox([*self.buttons.values(), self.progress]).add_class("mmp-actions")
        return [*folders, ipywidgets.HBox(options).add_class("mmp-options"), bar, self.message, _Bridge()]

    def _show(self, done: int, total: int, counts: Mapping[str, int], left: str = "") -> None:
        bar = f'<progress max="{max(total, 1)}" value="{done if total else 1}"></progress>'
        so_far = [f"{status} {counts[status]:,}" for status in batch.STATUSES]
        self.progress.value = " · ".join(filter(None, [f"{bar} <b>{done:,}</b> of {total:,}", *so_far, left]))

    def _say(self, text: str, *, problem: bool = False) -> None:
        self.message.value = _words(text, problem)

    def _kept(self, ended: str) -> str:
        """Return what is left of an unfinished run."""
        if self._last is None or self.partial_path is None:
            return f"{ended} before the first picture was compared."
        done = f"{self._last.done:,} of {self._last.total:,} pictures are done"
        return f"{ended}: {done}, their rows are in {shown(self.partial_path)}. Resume continues from there."

    def _check(self, change: Any = None) -> None:
        """Show below each folder's field what is wrong with it, and suggest folders."""
        for role in _FOLDERS:
            if change is None or change["owner"] is self.inputs[role]:
                meant = self._meant(role)
                self.notes[role].value = _words(*_note(role, meant))
                self.inputs[role].options = list(_suggested(os.fspath(meant)))

    def _meant(self, name: str) -> Any:
        """Return a field's value; a path may have blanks or quotes around it, as some systems copy them."""
        value = self.inputs[name].value
        if name not in _FOLDERS or value in self._known:
            return self._known.get(value, value)
        bare = value.strip().strip("\"'")
        return bare if os.path.isdir(_expanded(bare)) and not os.path.isdir(_expanded(value)) else value

    def _left(self) -> tuple[str, str]:
        """Return what pages without a kernel show: the folders, the outcome of a run, and a sentence."""
        rows = "".join(
            f"<tr><th>{label}</th><td>{html.escape(_without_secrets(self._meant(role)))}</td></tr>"
            for role, (label, _) in _FOLDERS.items()
        )
        found = self.explorer.kept()[0] if self.explorer is not None else ""
        words = (
            "A panel to compare two folders with. It needs a running kernel: open the notebook in JupyterLab "
            "and run this cell."
        )
        return f"<table>{rows}</table>{self.message.value}{found}", words


_running: list[Panel] = []


def _last_wait() -> None:
    """Give active runs time to release everything at the end; abandon one that hangs."""
    deadline = time.monotonic() + _LAST
    for made in list(_running):
        made.wait(max(deadline - time.monotonic(), 0))


atexit.register(_last_wait)


def _options() -> dict[str, Any]:
    """Return the fields for the options of `batch.run`, by name."""
    return {
        "skip_until": ipywidgets.BoundedIntText(
            0, max=_MANY, description="Skip until", tooltip="Leave out this many pictures at the start"
        ),
        "stop_at": ipywidgets.BoundedIntText(
            -1,
            min=-1,
            max=_MANY,
            description="Stop at",
            tooltip="End after this many pictures; -1 for all",
        ),
        "num_processors": ipywidgets.BoundedIntText(
            processors.count(),
            min=1,
            max=processors.count(),
            description="Processors",
            tooltip="How many pictures are compared at the same time",
        ),
        "pictures": ipywidgets.Dropdown(
            options=["changed", "all", "none"], description="Drawings", tooltip="Which pairs are drawn"
        ),
    }


class _Bridge(anywidget.AnyWidget):
    """The panel's part in the page: see pages/js/panel.js."""

    _esm = linker.module("panel.js")
    _css = linker.text("css/panel.css")


def _words(text: str, problem: bool) -> str:
    """Return a text as markup that shows it."""
    kind = "mmp-problem" if problem else "mmp-fine"
    return f'<span class="{kind}">{html.escape(shown(text))}</span>' if text else ""


def _sentence(error: Exception) -> str:
    if isinstance(error, MymodulesError):
        return str(error)
    return f"This was not expected: {faults.named(error)}."


def _found(run: batch.Run) -> str:
    total = sum(run.counts.values())
    before = f", {run.reused:,} of them reused from earlier runs" if run.reused else ""
    took = batch.duration(run.seconds)
    unsent = f" {run.unsent}" if run.unsent else ""
    return f"{counted(total)} compared in {took}{before}. The table is {run.csv_path}.{unsent}"


def _place(folder: AnyPath, role: str) -> Path:
    """Return the folder that a text means, or the copy of the URL that it is; raise SettingsError."""
    if remote.is_remote(folder):
        return remote.place(folder, working_directory(), out=role == "out")
    return local_path(folder, role)


def _without_secrets(folder: AnyPath) -> str:
    return remote.address(folder) if remote.is_remote(folder) else masked(folder)


def _note(role: str, folder: AnyPath) -> tuple[str, bool]:
    """Return the note about a typed folder, and whether it keeps a run from starting."""
    if not os.fspath(folder):
        return "Name a folder.", True
    if role == "out" and isinstance(folder, Path) and remote.is_out(folder):
        return "", False
    if remote.is_remote(folder):
        try:
            if role == "out":
                remote.check_out(folder)
            elif remote.picture_name(folder, settings.SUFFIXES) is None:
                remote.check_folder(folder)
        except SettingsError as error:
            return str(error), True
        if remote.address(folder) == shown(folder):
            return "", False  # the run asks it
        return "The notebook would keep what is secret in this URL: leave it to the settings of fsspec.", True
    try:
        path = local_path(folder, role)
    except SettingsError as error:
        return str(error), True
    if os.path.isdir(path):
        return "", False
    if os.path.lexists(path):
        return "This is not a folder.", True
    if role == "out" and os.path.isdir(path.parent):
        return "This folder will be created.", False
    place = "" if os.path.isabs(_expanded(os.fspath(folder))) else f" below {shown(Path.cwd())}"
    return f"There is no such folder{place}.", True


def _suggested(typed: str) -> Iterator[str]:
    """Yield folders whose paths begin with what was typed, spelled the same way."""
    above, begun = os.path.split(typed)
    try:
        with os.scandir(_expanded(above) or ".") as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(begun) and entry.is_dir())
    except (OSError, ValueError):  # ValueError: not a possible path
        return
    # Names that are not valid text cannot be typed, so they are not suggested.
    named = [name for name in names if name != begun and shown(name) == name]
    visible = [name for name in named if begun or not name.startswith(".")]
    yield from (os.path.join(above, name) for name in visible[:SUGGESTED])


def _expanded(path: str) -> str:
    return os.path.expanduser(path)


def _tree(widget: Any) -> Iterator[Any]:
    """Yield a widget and everything inside it."""
    for child in getattr(widget, "children", ()):
        yield from _tree(child)
    yield widget
