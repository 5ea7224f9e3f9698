"""Compare the time of the command with that of `batch.run`, imports included.

    python benchmarks/command.py                       the samples of img/
    python benchmarks/command.py FIRST SECOND          any two folders

Each is a process of its own, in turn, with no store and no drawings; prints a table in Markdown with medians.
If reg-cli is on PATH, it takes its turn too. It tells only whether two pictures differ, and a damaged file
ends the process that compares it, so its time for img/ is of less work. It does not wait for its processes:
only on Linux is their processor time known.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
REG = "reg-cli"
_CHILD_SUBREAPER = 36  # of prctl
RUN = "import sys\nfrom mymodules import batch\nbatch.run(*sys.argv[1:], pictures='none', store=None)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FIRST SECOND", help="two folders")
    parser.add_argument("--repeats", type=int, default=9, help="runs of each (9)")
    arguments = parser.parse_args()
    adopts = adopt_orphans()  # reg-cli does not wait for its processes
    first, second = arguments.folders or (ROOT / "img" / "01.first", ROOT / "img" / "02.second")
    with tempfile.TemporaryDirectory() as folder:
        lines = commands(str(first.absolute()), str(second.absolute()), Path(folder))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in lines}
        for repeat in range(arguments.repeats + 1):
            for name in lines if repeat % 2 else reversed(lines):
                times = measured(lines[name], Path(folder))
                if repeat:  # the first one compiles modules and fills the memory for files
                    found[name].append(times)
    print("| | s | processor s | of batch.run |\n| --- | --: | --: | --: |")
    least = median(processor for _, processor in found["batch.run"])
    for name, times in found.items():
        wall, processor = (median(part) for part in zip(*times, strict=True))
        shares = f"{processor:.2f} | {processor / least:.2f}" if adopts or name != REG else "? | ?"
        print(f"| {name} | {wall:.2f} | {shares} |")


def commands(first: str, second: str, folder: Path) -> dict[str, list[str]]:
    """Return the lines of all that is measured, by name."""
    python = [sys.executable, "-P"]
    out = str(folder / "out")
    Path(out).mkdir()
    plain = [first, second, "--out", out, "--store", "none", "--pictures", "none"]
    lines = {
        "batch.run": [*python, "-c", RUN, first, second, out],
        "compare": [*python, "-m", "mymodules", "compare", *plain],
    }
    for option in ("--junit", "--json", "--markdown"):
        lines[f"compare {option}"] = [*lines["compare"], option, str(folder / f"written{option}")]
    reg = shutil.which(REG)
    if reg is not None:
        lines[REG] = [reg, second, first, str(folder / "diff"), "-I", "-J", str(folder / "reg.json")]
    return lines


def adopt_orphans() -> bool:
    """Make processes whose parent ends children of this one, so that their time counts; only Linux can."""
    return sys.platform == "linux" and ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def await_orphans() -> None:
    """Wait until all processes that were adopted have ended."""
    with contextlib.suppress(ChildProcessError):  # there is none
        while True:
            os.wait()


def measured(line: list[str], folder: Path) -> tuple[float, float]:
    """Run a line; return its time by the wall clock, and that of the processors, of its children as well."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_DATA_DIR": str(folder / "data")}
    silent = subprocess.DEVNULL
    subprocess.run(line, cwd=folder, env=environment, check=True, stdout=silent, stderr=silent)
    wall = time.perf_counter() - started
    await_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
