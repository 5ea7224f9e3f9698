"""Folders of pictures, and programs that compare them and can be watched, interrupted and killed."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, permutations
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient import NotebookClient

from mymodules import results
from mymodules.workers import PairResult

PATIENCE = 60.0  # s; waiting ends then; it is no bound that a test asserts
MARK = "MYMODULES_TEST_MARK"

COMPARE = """
import os, sys
from mymodules import batch

def tell(progress):
    os.write(1, b"%d\\n" % progress.done)  # in one step: an interrupt may come between two

first, second, out, *_ = sys.argv[1:]
"""
"""The first lines of a program that compares the folders in its arguments and prints its progress."""


class Folders(NamedTuple):
    """Two folders to compare and one for results."""

    first: Path
    second: Path
    out: Path

    def elsewhere(self, out: Path) -> "Folders":
        """Return the same two folders with a new one for results."""
        out.mkdir(parents=True)
        return self._replace(out=out)

    def the(self, pattern: str) -> Path:
        """Return the one path in the output folder that matches."""
        (found,) = self.out.glob(pattern)
        return found


def png(samples: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", samples, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def folders(at: Path) -> Folders:
    made = Folders(at / "first", at / "second", at / "out")
    for folder in made:
        folder.mkdir(parents=True)
    return made


def noisy(at: Path, count: int, side: int) -> Folders:
    """Make pairs of noise that all differ; each takes a while and is too large for a shared task.

    They are pairs of a few pictures: noise takes long to encode.
    """
    made = folders(at)
    samples = np.random.default_rng(7).integers(0, 255, (side, side, 3), dtype=np.uint8)
    few = next(few for few in range(2, count + 2) if few * (few - 1) >= count)
    pictures = [png(np.roll(samples, number, axis=0)) for number in range(few)]
    for number, (first, second) in enumerate(islice(permutations(pictures, 2), count)):
        (made.first / f"{number:02}.png").write_bytes(first)
        (made.second / f"{number:02}.png").write_bytes(second)
    return made


# The rows of `mixed`.
COUNTS = {"same": 1, "changed": 12, "missing": 1, "extra": 1, "error": 1}
TOTAL = 16


def mixed(at: Path) -> Folders:
    """Make small pairs of every status."""
    made = folders(at)
    rng = np.random.default_rng(7)
    for number in range(12):
        samples = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        (made.first / f"changed {number:02}.png").write_bytes(png(samples))
        samples[number : number + 9, 20:30] ^= 255
        (made.second / f"changed {number:02}.png").write_bytes(png(samples))
    for folder in (made.first, made.second):
        (folder / "below").mkdir()
        (folder / "below" / "same 変.png").write_bytes(png(samples))
        (folder / "broken.png").write_bytes(png(samples)[:-9])
    (made.first / "gone.png").write_bytes(png(samples))
    (made.second / "new.png").write_bytes(png(samples[::-1]))
    return made


def figures(path: Path) -> list[PairResult]:
    """Return the rows of a complete results file without their times."""
    return [row._replace(seconds=None) for row in results.read(path)]


def until(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.02)


class Program:
    """Run a Python program in its own process group; every process that it starts can be found."""

    def __init__(
        self,
        code: str,
        arguments: Sequence[object],
        *,
        python_path: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.mark = uuid.uuid4().hex
        environment = os.environ | {MARK: self.mark}
        if python_path is not None:
            environment["PYTHONPATH"] = str(python_path)
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def until_done(self, rows: int) -> None:
        """Wait until it has printed this number of rows."""
        line = ""
        while line != str(rows):
            line = self.line()
            assert line, self.finish()

    def finish(self) -> tuple[int, str, str]:
        """Wait for its end; return exit code, the rest of its output, and its stderr."""
        said, complained = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said, complained

    def interrupt(self, with_signal: int) -> None:
        """Send a signal to the whole group, as a terminal does."""
        os.killpg(self.process.pid, with_signal)

    def processes(self) -> list[psutil.Process]:
        """Return all running processes that it started."""
        return [process for process in marked(self.mark) if process.pid != self.process.pid]

    def workers(self) -> list[psutil.Process]:
        return [process for process in self.processes() if is_worker(process)]


@contextmanager
def program(
    code: str, arguments: Sequence[object], *, python_path: Path | None = None, prefix: Sequence[str] = ()
) -> Iterator[Program]:
    """Start a program, and end all its processes afterwards."""
    running = Program(code, arguments, python_path=python_path, prefix=prefix)
    try:
        yield running
    finally:
        for process in marked(running.mark):
            process.kill()
        running.process.wait()
        for pipe in (running.process.stdout, running.process.stderr):
            assert pipe is not None
            pipe.close()


def module(name: str) -> list[str]:
    """Return the command that runs a module, as ``python -m`` does, of a program of Jupyter.

    All of them import jsonschema, which would compile a grammar, for formats that no notebook has: seconds of
    processor time.
    """
    code = "import runpy, sys; sys.modules['rfc3987_syntax'] = None"
    return [sys.executable, "-c", f"{code}; runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"]


def finished(
    code: str, arguments: Sequence[object], *, python_path: Path | None = None, prefix: Sequence[str] = ()
) -> tuple[int, str, str]:
    """Run a program to its end; return exit code, output and stderr."""
    with program(code, arguments, python_path=python_path, prefix=prefix) as running:
        return running.finish()


class ThisPython(KernelSpecManager):
    """Offer one kernel: the Python that runs the tests."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name=kernel_name, language="python")


class Client(NotebookClient):
    """Execute a notebook with the kernel of `ThisPython`."""

    def create_kernel_manager(self) -> KernelManager:
        self.km = AsyncKernelManager(kernel_spec_manager=ThisPython())
        return self.km


class Kernel:
    """Hold a real kernel and its client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, mark: str) -> None:
        self.manager = manager
        self.printed = ""
        self._client = client
        self._mark = mark
        self._request = ""

    def begin(self, code: str) -> None:
        self.printed = ""
        self._request = self._client.execute(code)

    def end(self) -> dict[str, Any]:
        """Return the reply to what was begun; its output is then in `printed`."""
        reply = self._client.get_shell_msg(timeout=PATIENCE)
        while reply["parent_header"]["msg_id"] != self._request:  # a late reply to an earlier request
            reply = self._client.get_shell_msg(timeout=PATIENCE)
        state = ""
        while state != "idle":
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == self._request:
                self.printed += message["content"].get("text", "")
                state = message["content"].get("execution_state", "")
        content: dict[str, Any] = reply["content"]
        return content

    def run(self, code: str) -> dict[str, Any]:
        self.begin(code)
        return self.end()

    def workers(self) -> list[psutil.Process]:
        return [process for process in marked(self._mark) if is_worker(process)]


@contextmanager
def kernel(home: Path) -> Iterator[Kernel]:
    """Start a kernel whose files are all in `home`, and end all its processes afterwards."""
    mark = uuid.uuid4().hex
    manager = KernelManager(kernel_spec_manager=ThisPython(), connection_file=str(home / "kernel.json"))
    home.mkdir()
    homes = {"IPYTHONDIR": str(home), "JUPYTER_RUNTIME_DIR": str(home), MARK: mark}
    manager.start_kernel(env=os.environ | homes)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client, mark)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()
        for process in marked(mark):
            process.kill()


def marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            pass  # it has ended, or belongs to another user
    return found


def is_worker(process: psutil.Process) -> bool:
    try:
        return any("mymodules.workers" in part for part in process.cmdline())
    except psutil.Error:
        return False


def worker_pids() -> set[int]:
    """Return the worker processes of this process."""
    return {child.pid for child in psutil.Process().children() if is_worker(child)}
