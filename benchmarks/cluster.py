"""Compare runs on Dask with one worker and with two, and both with our own processes.

    python benchmarks/cluster.py                       the pages below MYMODULES_DATA
    python benchmarks/cluster.py FIRST SECOND          any two folders

There are two clusters on this computer, one of one worker and one of two, each of one thread; the one that
waits uses no processor. A few pairs are compared before each run, so that our own processes are warm, too.
Runs are timed from the call of `batch.run` to its end, in turn, with no store, no drawings and no search for
renamed pictures. Prints a table in Markdown: medians and spans, and the ratios. They mean something only if
the computer has two processors with nothing else to do.
"""

import argparse
import contextlib
import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import distributed
import psutil

from mymodules import batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FIRST SECOND", help="two folders")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (5)")
    arguments = parser.parse_args()
    pages = Path(os.environ.get("MYMODULES_DATA", "")) / "data" / "screenshots"
    first, second = arguments.folders or (pages / "first", pages / "second")
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        ways = {}
        for workers in (1, 2):
            client = stack.enter_context(cluster(Path(folder), workers))
            ways[f"Dask, {workers}"] = timed(first, second, Path(folder) / "out", executor=client)
            ways[f"our own, {workers}"] = timed(first, second, Path(folder) / "out", num_processors=workers)
        for repeat in range(arguments.repeats + 1):
            for name in ways if repeat % 2 else reversed(ways):
                seconds = ways[name]()
                if repeat:  # the first one fills the memory for files, and loads modules in the workers
                    found.setdefault(name, []).append(seconds)
    print("| workers | s | from | to |\n| --- | --: | --: | --: |")
    for name, times in sorted(found.items()):
        print(f"| {name} | {median(times):.2f} | {min(times):.2f} | {max(times):.2f} |")
    middle = {name: median(times) for name, times in found.items()}
    for kind in ("Dask", "our own"):
        print(f"\n{kind}: two are {middle[f'{kind}, 1'] / middle[f'{kind}, 2']:.2f} times as fast as one.")
    for workers in (1, 2):
        ratio = middle[f"Dask, {workers}"] / middle[f"our own, {workers}"]
        print(f"\nDask takes {ratio:.2f} times as long as our own with {workers}.")
    print(f"\n{psutil.cpu_count()} processors; load {os.getloadavg()[0]:.1f} at the end.")


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Any]:
    """Start a cluster of processes; return a client of it."""
    local = str(folder / f"dask-{workers}")
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", local_directory=local
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
    ):
        yield client


def timed(first: Path, second: Path, out: Path, **how: Any) -> Callable[[], float]:
    """Return a function that compares and returns the time that it takes."""

    def run() -> float:
        out.mkdir(exist_ok=True)
        compare = functools.partial(
            batch.run, first, second, out, pictures="none", store=None, renames=False, **how
        )
        compare(stop_at=4)
        began = time.perf_counter()
        compare()
        return time.perf_counter() - began

    return run


if __name__ == "__main__":
    main()
