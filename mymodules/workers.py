"""The tasks of a pool: one pair or several, and what a process needs to take part.

`compare` does it for a `Job`. `compimgdiff_init` and `compare_image_diff` are the same for a plain
`multiprocessing.Pool`, whose tasks are paths below one of the two folders of `settings`. Bad input
never raises here: it becomes a row. A worker imports neither pandas nor scikit-image.
"""

import functools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import cv2

from mymodules import pairs, settings, streams
from mymodules.comparison import drawings
from mymodules.comparison.pair import Job, compare
from mymodules.comparison.verdict import fault, result
from mymodules.errors import SettingsError
from mymodules.pairs import Pair
from mymodules.paths import local_path
from mymodules.row import PairResult

__all__ = (
    "Job",
    "PairResult",
    "compare",
    "compare_image_diff",
    "compare_many",
    "compimgdiff_init",
    "died",
    "fault",
    "prepare_process",
)


def compare_many(jobs: Iterable[Job]) -> list[PairResult]:
    """`compare` for several small pairs: one task of a pool instead of many."""
    return [compare(job) for job in jobs]


def compimgdiff_init(str_start_datetime: str) -> None:
    """Prepare a process of a `multiprocessing.Pool` for `compare_image_diff`.

    Parameters
    ----------
    str_start_datetime : str
        Stamp of the run: drawings go to the folder ``03.diff-<stamp>`` of the output folder.
    """
    global _stamp
    if multiprocessing.parent_process() is not None:  # else it is a notebook that compares without a pool
        prepare_process()
    _stamp = str_start_datetime  # nothing else: a pool starts a process anew for ever where this raises


def compare_image_diff(path: str | os.PathLike[str]) -> PairResult:
    """Compare one picture with the one of the same name on the other side.

    Parameters
    ----------
    path : path
        A file below the first or the second folder of `settings`.

    Raises
    ------
    SettingsError
        When the path lies below neither folder.
    """
    chosen = settings.current()
    name = _name_below(path, chosen.first, chosen.second)
    listing, paths = _listing(chosen.first, chosen.second)
    pair = listing.get(name)
    if pair is None:  # not named like a picture, or newer than the listing
        raw = pairs.from_text(name)
        first, second = (_there(str(root / raw)) for root in (chosen.first, chosen.second))
        pair = Pair(name, first, second)
    if pair.first is None and pair.second is None:
        return result(pair, "error", "vanished", ["It is in neither folder any more. Run again."])
    drawing_path = paths.get(pair.name) or drawings.paths([name])[name]
    folder = None if _stamp is None else Path(f"{chosen.out / '03.diff'}-{_stamp}")
    return compare(Job(pair, folder, drawing_path, max_pixels=chosen.max_pixels))


def died(job: Job) -> PairResult:
    """The row of a pair that ends its worker even when that does nothing else."""
    message = "The process that compared it was killed, twice: often for want of memory. "
    message += "Allow fewer pixels: compare --max-pixels N, settings.init(max_pixels=N)."
    return result(job.pair, "error", "worker_died", [message])


def prepare_process(parent: int | None = None) -> None:
    """Make this process a worker: one thread for OpenCV, and interrupts are the parent's business.

    Parameters
    ----------
    parent : int, optional
        Process to which this one belongs: it ends when that is gone.
    """
    streams.secure()
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    if os.name == "posix":
        while os.getppid() == parent:
            time.sleep(1)
    else:
        import psutil

        while psutil.pid_exists(parent):
            time.sleep(1)
    os._exit(1)


# A pool's initialiser has no other way to tell its process something.
_stamp: str | None = None


def _name_below(path: str | os.PathLike[str], *roots: Path) -> str:
    """The text name of a path below one of the roots, however either of them is written."""
    wanted = Path(os.path.normpath(local_path(path, "The picture", "file")))
    real = Path(os.path.realpath(wanted.parent), wanted.name)
    for seen, base in (*((wanted, root) for root in roots), *((real, root.resolve()) for root in roots)):
        if seen.is_relative_to(base):
            return pairs.to_text(seen.relative_to(base).as_posix())
    told = f"{wanted} lies below neither {roots[0]} nor {roots[1]}"
    raise SettingsError(f"{told}: name these folders to settings.init().")


def _there(path: str) -> str | None:
    return path if os.path.lexists(path) else None


@functools.lru_cache(maxsize=1)
def _listing(first: Path, second: Path) -> tuple[dict[str, Pair], dict[str, str]]:
    """Pairs by their name on either side, and paths of drawings by the pair's name; once for a process."""
    listing = pairs.find(first, second)
    by_name = {
        pairs.to_text(Path(path).relative_to(root).as_posix()): pair
        for pair in listing.pairs
        for root, path in ((first, pair.first), (second, pair.second))
        if path is not None
    }
    return by_name, drawings.paths(pair.name for pair in listing.pairs)
