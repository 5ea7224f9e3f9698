"""``python -m mymodules compare``: run the main notebook headless, then print a summary.

The notebook does the work, so the command and the document never disagree. Its file is read and never
written: parameters are added to a copy in memory, and the executed copy is saved beside the results.
"""

import argparse
import asyncio
import contextlib
import os
import shlex
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from mymodules import __version__, faults, files, kernel, report, results, settings, streams
from mymodules.errors import MymodulesError, OutputError, SettingsError
from mymodules.paths import local_path, shown
from mymodules.results import runfiles
from mymodules.row import BY_ATTENTION, STATUSES, PairResult

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "01_compare.ipynb"
SHOWN = 5  # rows named per status
PATIENCE = 20.0  # s; how long an interrupted cell may take to end by itself


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    streams.secure()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names may have characters that the terminal cannot show
            with contextlib.suppress(OSError, ValueError):  # it is closed
                stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    finally:
        streams.flush()


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    if (options.first is None) != (options.second is None):
        _parser().error("name both folders, FIRST and SECOND, or none of them")
    try:
        return compare(options)
    except (MymodulesError, OSError) as error:
        _say(str(error))
        return 2
    except Exception as error:
        _say(f"This was not expected: {faults.described(error)}. {faults.REPORT}")
        return 2


def compare(options: argparse.Namespace) -> int:
    """Run the notebook for the parsed `options`, print the summary and return the exit code."""
    chosen = settings.resolve(root=ROOT, first=options.first, second=options.second, out=options.out)
    _check(chosen)
    junit = file_to_write(options.junit, "--junit")  # it may be in a folder that was created just now
    page = _page(options.report, chosen)
    notebook = _notebook(options, chosen)
    caller = uuid.uuid4().hex
    streams.say(f"Comparing {chosen.first} with {chosen.second} ...")
    problem, interrupted = _problem_of(notebook, caller)

    stamp = begun_by(caller, chosen.out)
    executed = _saved(notebook, chosen.out, stamp)
    csv_path = None if stamp is None else runfiles.finished_path(chosen.out, stamp)
    compared = csv_path is not None and csv_path.is_file()
    counts = _print_results(chosen.out, stamp) if stamp is not None and compared else {}
    if executed is not None:
        streams.say(f"Notebook:  {executed}")
    if problem:
        _say(problem)
    complete = executed is not None
    if csv_path is not None and compared:
        try:
            with _termination_interrupts():
                complete &= all([*hand_over(csv_path, junit, page, options)])
        except KeyboardInterrupt:
            interrupted = True
            _say("Interrupted: the files named above are complete, and nothing else was written.")
    elif stamp is not None:
        _print_how_to_continue(runfiles.partial_path(chosen.out, stamp))
    if interrupted:
        return 2 if options.check else 130
    if not complete:
        return 2
    return exit_code(counts, check=options.check, compared=compared, to_the_end=problem is None)


def _notebook(options: argparse.Namespace, chosen: settings.Settings) -> NotebookNode:
    """Return a copy of the notebook with the options as its parameters."""
    if not NOTEBOOK.is_file():
        raise SettingsError(f"{NOTEBOOK} does not exist: run this from the project's own folder.")
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    named = {
        "first": options.first and str(chosen.first),
        "second": options.second and str(chosen.second),
        "out": options.out and str(chosen.out),
        "skipUntil": options.skip,
        "stopAt": options.stop,
        "num_processors": options.processes,
        "max_pixels": options.max_pixels,
    }
    inject(notebook, {name: value for name, value in named.items() if value is not None})
    return notebook


def _problem_of(notebook: NotebookNode, caller: str) -> tuple[str | None, bool]:
    """Execute the notebook; return what ended it early, if anything, and whether that was an interrupt."""
    try:
        Path.cwd()
    except OSError:  # every path is absolute, but the processes to be started need a working directory
        os.chdir(ROOT)
    try:
        execute(notebook, NOTEBOOK.parent, caller)
    except CellExecutionError as error:
        return sentence(error), False
    except (DeadKernelError, RuntimeError) as error:
        return f"The notebook's Python process ended before it was done ({error}).", False
    except KeyboardInterrupt:
        return "Interrupted.", True
    return None, False


def _saved(notebook: NotebookNode, out: Path, stamp: str | None) -> Path | None:
    """Save the executed notebook. If that fails, print why and return None: results are shown anyway."""
    try:
        return save(notebook, out, stamp or time.strftime("%Y%m%d-%H%M%S"))
    except OutputError as error:
        _say(str(error))
        return None


def _print_results(out: Path, stamp: str) -> Mapping[str, int]:
    """Print what a finished run has found and where its files are; return how many rows have each status."""
    csv_path, pictures = runfiles.finished_path(out, stamp), runfiles.pictures_path(out, stamp)
    rows = results.read(csv_path)
    manifest = runfiles.read_manifest(runfiles.manifest_path(out, stamp))
    streams.say("\n".join(["", *summary(rows), *notes(manifest)]))
    streams.say(f"\nTable:     {csv_path}")
    if pictures.is_dir():
        streams.say(f"Pictures:  {pictures}")
    return Counter(row.status for row in rows)


def _print_how_to_continue(partial: Path) -> None:
    if partial.is_file():
        code = f"from mymodules import batch; batch.run(resume={str(partial)!r})"
        call = shlex.join([sys.executable, "-c", code])
        _say(f"The rows so far are in {partial}. To continue: {call}")


def hand_over(
    csv_path: Path, junit: Path | None, page: Path | None, options: argparse.Namespace
) -> Iterator[bool]:
    """Write the JUnit file and the report, if requested; yield for each whether it could be written."""
    paths = options.report_paths
    if junit is not None:
        # --check counts one-sided files as differences, so they are failures in the JUnit file too.
        how = {"fail_missing": options.check, "fail_extra": options.check, "paths": paths}
        yield _written("JUnit", junit, lambda: report.junit(results.load(csv_path), junit, **how))
    if page is not None:
        embed = report.is_one_file(page)
        index = page if embed else page / "index.html"
        every = options.report_all
        yield _written(
            "Report",
            index,
            lambda: report.write(results.load(csv_path), page, embed=embed, same=every, paths=paths),
        )


def _written(label: str, path: Path, write: Callable[[], object]) -> bool:
    try:
        write()
    except Exception as error:
        known = isinstance(error, MymodulesError)
        _say(f"{label}: not written. {error if known else faults.named(error)}")
        return False
    streams.say(f"{label + ':':<11}{path}")
    return True


def exit_code(counts: Mapping[str, int], *, check: bool, compared: bool, to_the_end: bool = True) -> int:
    """Return the exit code of a comparison.

    Parameters
    ----------
    counts : mapping of str to int
        Rows by status.
    check : bool
        Whether the code depends on the rows: 0 if all are the same, 1 for differences, 2 for any error.
    compared : bool
        Whether the comparison was completed; if not, the code is 2.
    to_the_end : bool
        Whether the notebook then ran to its end; used only if `check` is true.
    """
    if not compared:
        return 2
    if not check:
        return 0
    if counts.get("error") or not to_the_end:
        return 2
    return 1 if any(number for status, number in counts.items() if status != "same") else 0


def summary(rows: Sequence[PairResult]) -> Iterator[str]:
    """Yield the lines that say what a run has found: changes first, each status with the largest first."""
    by_status = {status: [row for row in rows if row.status == status] for status in BY_ATTENTION}
    counts = ", ".join(f"{len(by_status[status])} {status}" for status in STATUSES)
    yield f"{len(rows)} {'picture' if len(rows) == 1 else 'pictures'}: {counts}"
    for status, found in by_status.items():
        if not found or status == "same":
            continue
        yield ""
        yield f"{status}:"
        largest = sorted(found, key=lambda row: (-(row.combined or 0), -(row.num_diff_pixels or 0)))
        for row in largest[:SHOWN]:
            yield f"  {shown(row.image_filename)}: {shown(row.messages)}"
        if len(found) > SHOWN:
            yield f"  and {len(found) - SHOWN} more"


def notes(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines about what the rows do not show: files that were left out, and rows that were reused."""
    left_out = manifest.get("left_out", {})
    kinds = {
        "other": "not named like a picture",
        "hidden": "hidden",
        "links": "links to folders already listed",
    }
    found = [f"{left_out[kind]} {words}" for kind, words in kinds.items() if left_out.get(kind)]
    if found:
        yield f"Left out: {', '.join(found)}"
    why = manifest.get("recomputed") or {}
    if manifest.get("reused") or why:
        yield f"Reused from earlier runs: {manifest['reused']}; compared: {sum(why.values())}"
    for reason, number in why.items():
        names = manifest.get("reasons", {}).get(reason, ())
        more = f" and {number - SHOWN} more" if number > SHOWN else ""
        yield f"  {number} {reason}" + (f": {', '.join(map(shown, names[:SHOWN]))}{more}" if names else "")


# ---- the notebook -----------------------------------------------------------------------------------


def inject(notebook: NotebookNode, parameters: Mapping[str, object]) -> None:
    """Insert a cell with `parameters` after the cell tagged ``parameters``, in memory."""
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ())]
    if not tagged:
        raise SettingsError(
            f"{NOTEBOOK} has no cell tagged 'parameters': add that tag to the cell with the parameters."
        )
    if not parameters:
        return
    source = "\n".join(["# Given on the command line", *(f"{k} = {v!r}" for k, v in parameters.items())])
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})  # type: ignore[no-untyped-call]
    notebook.cells.insert(tagged[0] + 1, cell)


def execute(notebook: NotebookNode, folder: Path, caller: str) -> None:
    """Run all cells of `notebook` in place, in a kernel of this Python that starts in `folder`.

    Standard error of the cells, such as a progress bar, is shown at once. An interrupt goes to the running
    cell, which may clean up, and is raised here after the kernel has ended.
    """
    with tempfile.TemporaryDirectory(prefix="mymodules-", ignore_cleanup_errors=True) as temporary:
        environment = dict(os.environ, IPYTHONDIR=temporary, MYMODULES_PROGRESS="text")
        environment.pop(settings.ENVIRONMENT, None)
        environment[settings.CALLER] = caller
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
        with _termination_interrupts():
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


@contextlib.contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that a run ends in the same orderly way."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def sentence(error: CellExecutionError) -> str:
    """Return the message of a cell's error; errors that are not our own are preceded by their type."""
    return error.evalue if error.ename in _own_errors(MymodulesError) else f"{error.ename}: {error.evalue}"


def _own_errors(base: type[MymodulesError]) -> set[str]:
    return {base.__name__}.union(*map(_own_errors, base.__subclasses__()))


def save(notebook: NotebookNode, out: Path, stamp: str) -> Path:
    """Write the executed copy in one step and return its path."""
    path = out / f"01_compare-{stamp}.ipynb"
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    files.write(path, [text.encode("utf-8", "backslashreplace")])  # half a surrogate becomes its JSON escape
    return path


# ---- folders and files ------------------------------------------------------------------------------


def file_to_write(named: str | None, option: str) -> Path | None:
    """Return the path of a file that an option names; raise SettingsError if no file can be there."""
    if named is None:
        return None
    path = local_path(named, option, "file")
    if path.is_dir():
        raise SettingsError(f"{path} is a folder: name a file as {option}.")
    if not path.parent.is_dir():
        raise SettingsError(f"There is no folder {path.parent}: create it, or name another file as {option}.")
    return path


def _page(named: str | None, chosen: settings.Settings) -> Path | None:
    """Return where to write the report, or None; raise SettingsError if it cannot be there."""
    if named is None:
        return None
    return report.check(named, embed=report.is_one_file(named), outside=(chosen.first, chosen.second))


def _check(chosen: settings.Settings) -> None:
    """Refuse before a kernel starts what the notebook would refuse; create an absent output folder."""
    if not os.path.lexists(chosen.out):
        above = next(folder for folder in chosen.out.parents if folder.exists())
        replace(chosen, out=above).check()
        try:
            chosen.out.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{chosen.out} cannot be created ({error.strerror}).", chosen.out) from error
    chosen.check()


def begun_by(caller: str, out: Path) -> str | None:
    """Return the stamp of the run whose manifest has this word as its caller; other runs do not matter."""
    for path in out.glob("results-*.json"):
        stamp = runfiles.stamp_of(path)
        with contextlib.suppress(MymodulesError):  # another run's manifest, not written yet
            if stamp and runfiles.read_manifest(path).get("caller") == caller:
                return stamp
    return None


# ---- the command line -------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mymodules")
    version = f"mymodules {__version__}, {kernel.description()}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("compare", help="compare the pictures of two folders")
    command.add_argument("first", nargs="?", metavar="FIRST", help="folder of the pictures as they were")
    command.add_argument("second", nargs="?", metavar="SECOND", help="folder of the pictures as they are")
    command.add_argument("--out", metavar="OUT", help="folder for the results, created if it is absent")
    command.add_argument("--skip", type=_count, metavar="N", help="leave out the first N pictures")
    command.add_argument("--stop", type=_stop, metavar="N", help="end after the N-th picture, -1 for all")
    command.add_argument("--processes", type=_positive, metavar="N", help="worker processes")
    command.add_argument(
        "--max-pixels", type=_positive, metavar="N", help="largest width x height that is decoded"
    )
    command.add_argument(
        "--junit", metavar="PATH", help="also write the results as JUnit XML, for build servers"
    )
    command.add_argument(
        "--report",
        metavar="PATH",
        help="also write a report with table and viewer for any browser: a folder; PATH.html: one file",
    )
    command.add_argument(
        "--report-all", action="store_true", help="keep the pictures of rows that are the same in the report"
    )
    command.add_argument(
        "--report-paths",
        action="store_true",
        help="name the folders with their whole paths in the report and the JUnit file",
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="exit code 0: all the same, 1: differences, 2: an error, or not completed",
    )
    return parser


def _whole(text: str, least: int) -> int:
    with contextlib.suppress(ValueError):
        if int(text) >= least:
            return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from {least} up, not {text!r}")


def _count(text: str) -> int:
    return _whole(text, 0)


def _stop(text: str) -> int:
    return -1 if text == "-1" else _whole(text, 1)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _say(text: str) -> None:
    streams.flush()
    streams.say(text, error=True)
