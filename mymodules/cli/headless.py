"""The main notebook, executed without a browser; its file is read and never written.

Parameters are added to a copy in memory, and the executed copy is saved beside the results.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# With this package, jsonschema compiles a grammar when nbformat is imported, for formats that no notebook
# has: a second.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from mymodules import files, settings, streams
from mymodules.cli.interrupts import termination_interrupts
from mymodules.cli.runs import ROOT
from mymodules.errors import MymodulesError, SettingsError

NAME = "01_compare"
PATIENCE = 20.0  # s; how long an interrupted cell may take to end by itself


def path() -> Path:
    """Return the notebook's path: in a checkout beside the package, otherwise in the package itself."""
    places = (ROOT / "notebooks", Path(__file__).resolve().parents[1] / "notebooks")
    for folder in places:
        if (folder / f"{NAME}.ipynb").is_file():
            return folder / f"{NAME}.ipynb"
    raise SettingsError(
        f"There is no {NAME}.ipynb in {' or '.join(map(str, places))}: install the package again."
    )


def document(parameters: Mapping[str, object], folder: Path) -> tuple[NotebookNode, str | None]:
    """Return the notebook, executed in a folder, and what ended it early, if anything.

    Raises
    ------
    SettingsError
        If the notebook is absent or has no cell for parameters.
    KeyboardInterrupt
        If it was interrupted.
    """
    notebook: NotebookNode = nbformat.read(path(), as_version=4)  # type: ignore[no-untyped-call]
    inject(notebook, parameters)
    try:
        execute(notebook, folder)
    except CellExecutionError as error:
        return notebook, sentence(error)
    except (DeadKernelError, RuntimeError) as error:
        return notebook, f"The notebook's Python process ended before it was done ({error})."
    return notebook, None


def inject(notebook: NotebookNode, parameters: Mapping[str, object]) -> None:
    """Insert a cell with `parameters` after the cell tagged ``parameters``, in memory."""
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ())]
    if not tagged:
        raise SettingsError(
            f"{path()} has no cell tagged 'parameters': add that tag to the cell with the parameters."
        )
    if not parameters:
        return
    source = "\n".join(["# Given on the command line", *(f"{k} = {v!r}" for k, v in parameters.items())])
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})  # type: ignore[no-untyped-call]
    notebook.cells.insert(tagged[0] + 1, cell)


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells of `notebook` in place, in a kernel of this Python that starts in `folder`.

    Standard error of the cells, such as a progress bar, is shown at once. An interrupt goes to the running
    cell, which may clean up, and is raised here after the kernel has ended.
    """
    with tempfile.TemporaryDirectory(prefix="mymodules-", ignore_cleanup_errors=True) as temporary:
        environment = dict(os.environ, IPYTHONDIR=temporary, MYMODULES_PROGRESS="text")
        environment.pop(settings.ENVIRONMENT, None)
        client = _Client(notebook, temporary)
        loop = asyncio.SelectorEventLoop()  # also on Windows: the kernel's sockets need it
        task = loop.create_task(client.async_execute(cleanup_kc=True, cwd=str(folder), env=environment))

        ended = threading.Event()

        def drive() -> None:
            # In its own thread, because in the main thread nbclient would handle the interrupt itself.
            with contextlib.suppress(BaseException):  # the task stores it
                loop.run_until_complete(task)
            ended.set()

        thread = threading.Thread(target=drive, name="notebook")
        with termination_interrupts():
            thread.start()
            deadline: float | None = None
            while not ended.is_set():
                try:
                    ended.wait(0.2)
                    late = deadline is not None and time.monotonic() > deadline
                except KeyboardInterrupt:
                    late = deadline is not None
                    if deadline is None:
                        deadline = time.monotonic() + PATIENCE
                        client.stopped = True
                        asyncio.run_coroutine_threadsafe(client.interrupt(), loop)
                if late:
                    loop.call_soon_threadsafe(task.cancel)
            thread.join()
        loop.close()
        if not client.shown.endswith("\n"):  # a bar that was interrupted
            streams.say("", error=True)
        if client.stopped or task.cancelled():
            raise KeyboardInterrupt
        task.result()


class _Client(NotebookClient):
    """Run a notebook with this Python, show standard error, and stop between cells if asked to."""

    def __init__(self, notebook: NotebookNode, temporary: str) -> None:
        super().__init__(notebook, startup_timeout=300)
        self.temporary = temporary
        self.stopped = False
        self.shown = "\n"

    def create_kernel_manager(self) -> KernelManager:
        self.km = AsyncKernelManager(
            kernel_spec_manager=_ThisPython(),
            connection_file=str(Path(self.temporary) / "kernel.json"),
            transport_encryption="auto" if zmq.has("curve") else "disabled",
        )
        return self.km

    async def interrupt(self) -> None:
        if isinstance(self.km, AsyncKernelManager) and await self.km.is_alive():
            await self.km.interrupt_kernel()

    async def async_execute_cell(self, *arguments: Any, **options: Any) -> NotebookNode:
        if self.stopped:
            raise asyncio.CancelledError
        return await super().async_execute_cell(*arguments, **options)

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stderr":
            self.shown = msg["content"]["text"]
            streams.say(self.shown, error=True, end="")
        return super().process_message(msg, cell, cell_index)


class _ThisPython(KernelSpecManager):
    """Offer only the kernel of this interpreter, whatever kernels the user has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        metadata = {"supported_encryption": "curve"}
        return KernelSpec(argv=command, display_name="Python", language="python", metadata=metadata)


def sentence(error: CellExecutionError) -> str:
    """Return the message of a cell's error; errors that are not our own are preceded by their type."""
    return error.evalue if error.ename in _own_errors(MymodulesError) else f"{error.ename}: {error.evalue}"


def _own_errors(base: type[MymodulesError]) -> set[str]:
    return {base.__name__}.union(*map(_own_errors, base.__subclasses__()))


def save(notebook: NotebookNode, out: Path, stamp: str) -> Path:
    """Write the executed copy in one step and return its path."""
    path = out / f"{NAME}-{stamp}.ipynb"
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    files.write(path, [text.encode("utf-8", "backslashreplace")])  # half a surrogate becomes its JSON escape
    return path
