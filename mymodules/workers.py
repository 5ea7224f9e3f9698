"""The tasks of a pool: compare one pair or several, and prepare a process to do so.

`compare` takes a `Job`. `compimgdiff_init` and `compare_image_diff` do the same for a plain
`multiprocessing.Pool`, whose tasks are paths below one of the two folders of `settings`. Bad input never
raises here: it becomes a row. A worker imports neither pandas nor scikit-image.
"""

import functools
import gc
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mymodules import faults, opencv, pairs, settings, streams
from mymodules.comparison import Job, drawing_files, fault
from mymodules.comparison.job import Opened
from mymodules.comparison.verdict import result_row
from mymodules.errors import SettingsError
from mymodules.pairs import Pair
from mymodules.paths import local_path
from mymodules.results import checked_line
from mymodules.row import PairResult

if TYPE_CHECKING:
    from mymodules.comparison.side import Side
    from mymodules.images.memory import Memory

__all__ = (
    "Finished",
    "Job",
    "PairResult",
    "answered",
    "compare",
    "compare_image_diff",
    "compare_many",
    "compimgdiff_init",
    "died",
    "fault",
    "prepare_process",
    "serve",
)


ENOUGH: Final = 1.0
"""Seconds after which a task of several pairs returns those that it has."""


class Finished(NamedTuple):
    """The row of a pair as a worker returns it.

    Attributes
    ----------
    row : PairResult
    line : bytes
        Its line in the partial CSV.
    opened : (Opened or None, Opened or None)
        Either file as it was opened to be read; None if there is no file, or if it was not read.
    plain : bytes
        That of the row without rules; empty if there are no rules for it.
    """

    row: PairResult
    line: bytes
    opened: tuple[Opened | None, Opened | None] = (None, None)
    plain: bytes = b""


def compare(job: Job, read: "list[Side] | None" = None) -> PairResult:
    """Compare one pair; whatever is wrong with its files is reported in the row.

    Parameters
    ----------
    job : Job
    read : list of Side, optional
        Filled with the files that were read.
    """
    from mymodules.comparison import pair  # the process that only gives out the work does without it

    found = pair.compare(job, _memory, read)
    if not job.rules:
        return found.row
    from mymodules.comparison import ruled

    return ruled.entered(*found, job.rules)


def _memory() -> "tuple[Memory, Memory]":
    """Return this thread's memory for scan lines."""
    if not hasattr(_kept, "memory"):
        from mymodules.images.memory import Memory

        _kept.memory = Memory(), Memory()
    kept: tuple[Memory, Memory] = _kept.memory
    return kept


def compare_many(jobs: Sequence[Job]) -> "list[Finished]":
    """Compare several small pairs in one task of a pool: at least one, and no more after `ENOUGH`."""
    end = time.monotonic() + ENOUGH
    found: list[Finished] = []
    for job in jobs:
        if found and time.monotonic() > end:
            break
        found.append(_finished(job))
    return found


def _finished(job: Job) -> "Finished":
    from mymodules.comparison import pair

    read: list[Side] = []
    row, changes, ruling = pair.compare(job, _memory, read)
    if changes:
        from mymodules.comparison.changes import listed  # not needed where all pairs are equal

        row = row._replace(listed=listed(changes))
    opened = {side.role: side.opened for side in read}
    line, files = checked_line(row), (opened.get("first"), opened.get("second"))
    if not job.rules or row.status != "changed":
        return Finished(row, line, files)
    from mymodules.comparison import ruled

    row = ruled.entered(row, changes, ruling, job.rules)
    return Finished(row, checked_line(row), files, line)


def compimgdiff_init(str_start_datetime: str) -> None:
    """Prepare a process of a `multiprocessing.Pool` for `compare_image_diff`.

    Parameters
    ----------
    str_start_datetime : str
        Stamp of the run: drawings go to the folder ``03.diff-<stamp>`` of the output folder.
    """
    global _stamp
    import multiprocessing

    if multiprocessing.parent_process() is not None:  # a notebook may compare without a pool
        prepare_process()
    _stamp = str_start_datetime  # unchecked: if this function raises, a pool starts new processes for ever


def compare_image_diff(path: str | os.PathLike[str]) -> PairResult:
    """Compare one picture with the one of the same name on the other side.

    Parameters
    ----------
    path : path
        A file below the first or the second folder of `settings`.

    Raises
    ------
    SettingsError
        If the path is in neither folder.
    """
    chosen = settings.current()
    name = _name_below(path, chosen.first, chosen.second)
    listing, paths = _listing(chosen.first, chosen.second)
    pair = listing.get(name)
    if pair is None:  # not named like a picture, or newer than the listing
        raw = pairs.from_text(name)
        first, second = (_there(str(root / raw)) for root in (chosen.first, chosen.second))
        pair, paths = Pair(name, first, second), drawing_files.paths([name])
    if pair.first is None and pair.second is None:
        return result_row(pair, "error", "vanished", ["It is no longer in either folder. Run again."])
    folder = None if _stamp is None else Path(f"{chosen.out / '03.diff'}-{_stamp}")
    drawing_path = paths.get(pair.name, pair.name)
    return compare(Job(pair, folder, drawing_path, max_pixels=chosen.max_pixels))


def died(job: Job) -> PairResult:
    """Return the row of a pair whose worker was killed twice, the second time with this pair alone."""
    message = "The process that compared it was killed twice, often because memory ran out. "
    message += "Allow fewer pixels: compare --max-pixels N, settings.init(max_pixels=N)."
    return result_row(job.pair, "error", "worker_died", [message])


def prepare_process(parent: int | None = None) -> None:
    """Make this process a worker: OpenCV gets one thread, and interrupts are left to the parent.

    Parameters
    ----------
    parent : int, optional
        The process that started this one, which ends when that process does.
    """
    import_module("mymodules.comparison.pair")  # now, and not at the cost of the first pair
    streams.secure()
    opencv.use_one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def serve(parent: int) -> None:
    """Be a worker process of `batch.processes`: answer the tasks that come by standard input.

    What libraries print to standard output goes to standard error.
    """
    with os.fdopen(os.dup(0), "rb") as tasks, os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        prepare_process(parent)
        gc.freeze()  # what was imported is never garbage, and is looked through no more
        gc.enable()  # see `batch.processes`
        try:
            pickle.dump(True, answers)
            answers.flush()
            while True:
                function, arguments = pickle.load(tasks)
                answers.write(answered(function, arguments))
                answers.flush()
        except (EOFError, OSError):  # the owner is gone, or needs this process no more
            os._exit(0)


def answered(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Return the pickle of an error or None, and of what the function returned."""
    try:
        return pickle.dumps((None, function(*arguments)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        try:
            pickle.loads(whole := pickle.dumps((error, None)))
        except Exception:
            whole = pickle.dumps((RuntimeError(faults.named(error)), None))
        return whole


def _end_with(parent: int) -> None:
    if os.name == "posix":
        while os.getppid() == parent:
            time.sleep(1)
    else:
        import psutil

        while psutil.pid_exists(parent):
            time.sleep(1)
    os._exit(1)


# A thread's memory for scan lines, from pair to pair.
_kept = threading.local()

# Set by the initialiser of a pool, which cannot pass anything to the tasks.
_stamp: str | None = None


def _name_below(path: str | os.PathLike[str], *roots: Path) -> str:
    """Return the text name of a path below one of the roots; links and ``..`` in either are resolved."""
    wanted = Path(os.path.normpath(local_path(path, "The picture", "file")))
    real = Path(os.path.realpath(wanted.parent), wanted.name)
    for seen, base in (*((wanted, root) for root in roots), *((real, root.resolve()) for root in roots)):
        if seen.is_relative_to(base):
            return pairs.to_text(seen.relative_to(base).as_posix())
    raise SettingsError(
        f"{wanted} is neither in {roots[0]} nor in {roots[1]}: pass the two folders to settings.init()."
    )


def _there(path: str) -> str | None:
    return path if os.path.lexists(path) else None


@functools.lru_cache(maxsize=1)
def _listing(first: Path, second: Path) -> tuple[dict[str, Pair], dict[str, str]]:
    """Return the pairs by their name on either side, and `drawing_files.paths`; once per process."""
    listing = pairs.find(first, second)
    by_name = {
        pairs.to_text(Path(path).relative_to(root).as_posix()): pair
        for pair in listing.pairs
        for root, path in ((first, pair.first), (second, pair.second))
        if path is not None
    }
    return by_name, drawing_files.paths([*listing.pairs.names()])
