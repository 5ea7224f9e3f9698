"""Measure how long this project and others take for the same two folders, from start to end.

    python benchmarks/peers.py                              all sets of the table in README.md
    python benchmarks/peers.py --sets sparse plots --only ours floor
    python benchmarks/peers.py FIRST SECOND                 any two folders

Prints tables in Markdown: every contender on every set, and the bars that this project has to reach. Sets
other than `small` need the variable MYMODULES_DATA. README.md explains what is measured, and how. POSIX only
(`os.wait4`).
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

OURS, CAUSES, DRAWN = "ours", "ours+causes", "ours+pictures"
SLOW = ("textbook", "pixelmatch")
AGAIN = {  # an untimed run of the second one before, into the same folder
    "ours+again": OURS,
    "ours+resumed": "ours+stopped",
    "ours+table": OURS,
}
# Only this project is not installed: with the second one set, every process would compile it again.
NOT_HANDED_ON = ("MYMODULES_SETTINGS", "PYTHONDONTWRITEBYTECODE")
MEASURED = ("imagecodecs", "opencv-python-headless", "scikit-image", "blazediff", "pixelmatch", "pywuffs")
EVERYBODY = (
    "ours", "floor", "floor-wuffs", "blazediff", "blazediff-best", "ours+pictures", "blazediff+picture",
    "blazediff-best+picture", "textbook", "pixelmatch",
)  # fmt: skip
ANYBODY = (*EVERYBODY, CAUSES, *AGAIN, "listing")
_NOT_SMALL = EVERYBODY[:-1]  # pixelmatch is pure Python: seconds for one page

# For each set: how sets.py makes it, the folders it is made from, and who runs by default.
SETS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "sparse": ("sparse", "screenshots", (*EVERYBODY[:6], CAUSES, "textbook")),
    "screenshots": ("plain", "screenshots", (*_NOT_SMALL, CAUSES)),
    "plots": ("plain", "plots", (*EVERYBODY[:5], CAUSES)),
    "changed-plots": ("changed", "plots", (*EVERYBODY[:5], CAUSES)),
    "wide": ("wide", "screenshots", EVERYBODY[:5]),
    "alone": ("alone", "screenshots", EVERYBODY[:5]),
    "tall": ("tall", "screenshots", (OURS, DRAWN)),
    "many-1000": ("many-1000", "screenshots", (OURS,)),
    "many-10000": ("many-10000", "screenshots", (OURS,)),
    "changed-1000": ("changed-1000", "screenshots", (OURS,)),
    "changed-10000": ("changed-10000", "screenshots", (OURS,)),
    "tiny-10000": ("tiny-10000", "screenshots", (OURS, "ours+again", "listing")),
    "tiny-100000": ("tiny-100000", "screenshots", (OURS, "ours+again", "listing")),
    "tiny-1000000": ("tiny-1000000", "screenshots", (OURS, "ours+again", "listing")),
    "varied-10000": ("varied-10000", "screenshots", (CAUSES,)),
    "varied-100000": ("varied-100000", "screenshots", (CAUSES,)),
    "small": ("small", "", EVERYBODY),
}


class Measured(NamedTuple):
    """One run: seconds of wall clock and of processors, peaks in MB, and what was found."""

    seconds: float
    processors: float
    parent: float
    worker: float
    found: dict[str, int]


class Bar(NamedTuple):
    """What this project has to reach on a set against another contender."""

    on: str
    ours: str
    other: str
    bound: float
    times_as_fast: bool  # whether `bound` is a least speed, or a largest share of the other's time

    def judged(self, ratio: float) -> tuple[str, str, bool]:
        """Return the ratio of the other's time to ours as text, the bar, and whether it is reached."""
        if self.times_as_fast:
            shown, reached = f"{ratio:.2f} times as fast", ratio >= self.bound
            return shown, f"at least {self.bound}", reached
        shown, reached = f"{1 / ratio:.2f} of its time", 1 / ratio <= self.bound
        return shown, f"at most {self.bound}", reached


BARS = (
    Bar("sparse", OURS, "floor-wuffs", 0.35, False),
    Bar("sparse", CAUSES, "floor-wuffs", 1.0, False),
    Bar("screenshots", OURS, "floor-wuffs", 1.1, False),
    Bar("screenshots", CAUSES, "floor-wuffs", 2.1, False),
    Bar("screenshots", OURS, "blazediff-best", 0.9, False),
    Bar("screenshots", DRAWN, "floor-wuffs", 2.2, False),
    Bar("screenshots", DRAWN, "blazediff-best+picture", 1.0, False),
    Bar("screenshots", DRAWN, "textbook", 5, True),
    Bar("plots", OURS, "floor-wuffs", 0.6, False),
    Bar("plots", OURS, "blazediff-best", 0.9, False),
    Bar("changed-plots", OURS, "floor-wuffs", 1.0, False),
    Bar("wide", OURS, "floor-wuffs", 0.45, False),
    Bar("wide", OURS, "blazediff-best", 0.5, False),
    Bar("alone", OURS, "blazediff-best", 2.2, False),
    Bar("tiny-100000", "ours+again", "listing", 2, False),
)
MOST_MEMORY = (  # MB, the largest process
    ("wide", OURS, 450),
    ("tall", OURS, 250),
    ("tall", DRAWN, 250),
    ("tiny-1000000", OURS, 300),
)
MOST_SECONDS = (("small", OURS, 0.35),)
GROWTH = (
    ("many-1000", "many-10000"),
    ("changed-1000", "changed-10000"),
    ("tiny-10000", "tiny-100000"),
    ("tiny-100000", "tiny-1000000"),
)

Results = dict[tuple[str, str], list[Measured]]


def main() -> int:
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        made = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(machine(), flush=True)
        sides = {name: folders(name, made, arguments.folders) for name in arguments.sets}
        warm = folders("small", made)
        results: Results = {}
        for name in arguments.sets:
            _read(sides[name])
            who = [who for who in arguments.only or _contenders(name) if _works(who, warm)]
            for repeat in range(arguments.repeats):
                for contender in who if repeat % 2 == 0 else reversed(who):
                    if contender in SLOW and repeat >= arguments.slow_repeats:
                        continue
                    measured = measure(contender, *sides[name])
                    results.setdefault((name, contender), []).append(measured)
                    _say(f"{name}: {contender} {measured.seconds:.2f} s {measured.found}")
            print("", *_table(name, results), sep="\n", flush=True)
        if set(arguments.sets) - {"folders"}:
            print("", *_bars(results), sep="\n", flush=True)
    return 0


def measure(contender: str, first: Path, second: Path) -> Measured:
    """Run one contender in a fresh process, with an empty folder for results that is removed afterwards."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}
    os.sync()  # so that this contender does not wait for the disk writes of the one before
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile() as said:
        command = [sys.executable, str(HERE / "contenders.py"), contender, str(first), str(second), out]
        if contender in AGAIN:
            before = [*command[:2], AGAIN[contender], *command[3:]]
            subprocess.run(before, stdout=subprocess.DEVNULL, check=True, env=environment)
            os.sync()
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.PIPE, env=environment)
        with _watched(process.pid) as peaks:
            assert process.stderr is not None
            errors = process.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(errors.strip().rpartition("\n")[2] or f"exit code {process.returncode}")
        said.seek(0)
        found = json.loads(said.read().splitlines()[-1])
    largest = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    parent = peaks.pop(process.pid, largest)
    worker = max(peaks.values(), default=0.0)
    # The system knows the exact peak of the largest process; the watcher misses growth after its last look.
    if worker > parent:
        worker = max(worker, largest)
    else:
        parent = max(parent, largest)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, parent, worker, found)


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[dict[int, float]]:
    """Watch the peak memory in MB of a process and those below it, by pid; empty except on Linux."""
    peaks: dict[int, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            for each in _family(pid):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    status = Path(f"/proc/{each}/status").read_text()
                    peaks[each] = int(status.partition("VmHWM:")[2].split()[0]) / 1024

    watcher = threading.Thread(target=look, daemon=True)
    if sys.platform == "linux":
        watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        if watcher.is_alive():
            watcher.join()


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))


# --- what is run ---------------------------------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FIRST SECOND", help="two folders to compare"
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, metavar="SET", help=", ".join(SETS))
    parser.add_argument("--only", nargs="+", choices=ANYBODY, metavar="WHO", help=", ".join(ANYBODY))
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (3)")
    parser.add_argument("--slow-repeats", type=int, help="runs of textbook and pixelmatch (as --repeats)")
    parser.add_argument("--work", type=Path, help="keep the sets in this folder and reuse them")
    arguments = parser.parse_args()
    if arguments.folders and (len(arguments.folders) != 2 or arguments.sets):
        parser.error("name two folders, or sets")
    arguments.sets = ["folders"] if arguments.folders else arguments.sets or list(SETS)
    arguments.slow_repeats = arguments.slow_repeats or arguments.repeats
    if not arguments.folders and arguments.sets != ["small"] and "MYMODULES_DATA" not in os.environ:
        parser.error("MYMODULES_DATA, the folder that holds data/screenshots and data/plots, is not set")
    return arguments


def _contenders(name: str) -> tuple[str, ...]:
    return SETS[name][2] if name in SETS else _NOT_SMALL


def folders(name: str, made: Path, given: Sequence[Path] = ()) -> tuple[Path, Path]:
    """Return the two folders of a set, and make them if they do not exist yet."""
    kind, source, _ = SETS.get(name, ("plain", "", ()))
    if given:
        first, second = given
    elif source:
        data = Path(os.environ["MYMODULES_DATA"], "data", source)
        first, second = data / "first", data / "second"
    else:
        first, second = ROOT / "img/01.first", ROOT / "img/02.second"
    to = made / name
    if given and to.exists():
        shutil.rmtree(to)
    if not to.exists():
        _say(f"making {name}")
        unfinished = made / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [sys.executable, str(HERE / "sets.py"), kind, *map(str, (unfinished, first, second))]
        subprocess.run(command, check=True)
        unfinished.rename(to)
    return to / "first", to / "second"


def _read(folders: Iterable[Path]) -> None:
    """Read all files once, so that later reads come from memory."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    while file.read(1 << 20):
                        pass


_WORKING: dict[str, bool] = {}


def _works(contender: str, warm: tuple[Path, Path]) -> bool:
    """Try an untimed run on small pictures, which also compiles libraries and loads them into memory."""
    if contender not in _WORKING:
        try:
            measure(contender, *warm)
            _WORKING[contender] = True
        except RuntimeError as error:
            _WORKING[contender] = False
            print(f"{contender} is left out: {error}\n", flush=True)
    return _WORKING[contender]


# --- what is printed -----------------------------------------------------------------------------------


def _table(name: str, results: Mapping[tuple[str, str], list[Measured]]) -> Iterator[str]:
    """Format all contenders on one set; those that draw pictures are compared with ours that does."""
    yield f"| {name} | s | from .. to | processor s | parent MB | worker MB | times ours | found |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --- |"
    for (on, contender), runs in results.items():
        if on != name:
            continue
        seconds = [run.seconds for run in runs]
        draws = "picture" in contender or contender == "textbook"
        reference = results.get((name, DRAWN if draws else OURS))
        ratio = f"{median(seconds) / _seconds(reference):.2f}" if reference else ""
        found = ", ".join(f"{key} {value}" for key, value in runs[0].found.items() if value)
        cells = [
            contender,
            f"{median(seconds):.2f}",
            f"{min(seconds):.2f} .. {max(seconds):.2f}",
            f"{median(run.processors for run in runs):.2f}",
            f"{max(run.parent for run in runs):.0f}",
            f"{max(run.worker for run in runs):.0f}",
            ratio,
            found,
        ]
        yield f"| {' | '.join(cells)} |"


def _bars(results: Mapping[tuple[str, str], list[Measured]]) -> Iterator[str]:
    yield "| on | ours against | measured | fastest runs | processors | bar | reached |"
    yield "| --- | --- | --: | --: | --: | --: | --- |"
    for bar in BARS:
        ours, other = results.get((bar.on, bar.ours)), results.get((bar.on, bar.other))
        if ours and other:
            shown, bound, reached = bar.judged(_seconds(other) / _seconds(ours))
            best, _, _ = bar.judged(_fastest(other) / _fastest(ours))
            work = f"{_processors(ours) / _processors(other):.2f} of its"
            named = f"{bar.ours} against {bar.other}"
            yield f"| {bar.on} | {named} | {shown} | {best} | {work} | {bound} | {_yes(reached)} |"
    for on, contender, most in MOST_MEMORY:
        if runs := results.get((on, contender)):
            peak = max(max(run.parent, run.worker) for run in runs)
            named = f"{contender}, memory of the largest process"
            yield f"| {on} | {named} | {peak:.0f} MB | | | under {most} MB | {_yes(peak < most)} |"
    for on, contender, bound in MOST_SECONDS:
        if runs := results.get((on, contender)):
            seconds, best = _seconds(runs), _fastest(runs)
            named, reached = f"{contender}, seconds", _yes(seconds <= bound)
            yield f"| {on} | {named} | {seconds:.2f} | {best:.2f} | | at most {bound} | {reached} |"
    for few, many in GROWTH:
        if (fewer := results.get((few, OURS))) and (more := results.get((many, OURS))):
            count, counts = (int(on.partition("-")[2]) for on in (few, many))
            cost = _seconds(fewer) / count * 1000
            costs = (_seconds(more) - _seconds(fewer)) / (counts - count) * 1000
            shown, reached = f"{costs:.3f} ms for each beyond {count}, {cost:.3f} up to there", costs <= cost
            bound = f"no more than at {count}"
            yield f"| {many} | ours, cost of a pair | {shown} | | | {bound} | {_yes(reached)} |"
            memory, memories = (max(run.parent for run in runs) for runs in (fewer, more))
            each = (memories - memory) * 1e3 / (counts - count)
            shown = f"{memories:.0f} MB, at {count} {memory:.0f} MB: {each:.1f} KB a pair"
            reached = memories < 1.1 * memory
            yield f"| {many} | ours, memory of the parent | {shown} | | | flat | {_yes(reached)} |"


def _seconds(runs: Iterable[Measured]) -> float:
    return median(run.seconds for run in runs)


def _processors(runs: Iterable[Measured]) -> float:
    return median(run.processors for run in runs)


def _fastest(runs: Iterable[Measured]) -> float:
    return min(run.seconds for run in runs)


def _yes(reached: bool) -> str:
    return "yes" if reached else "**no**"


def machine() -> str:
    """Return date, machine and versions, without which figures mean nothing."""
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line[13:] for line in lines if line.startswith("model name\t: ")), processor)
    versions = []
    for name in MEASURED:
        with contextlib.suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    load = f"load at the start {os.getloadavg()[0]:.1f}"
    where = f"{processor}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return f"{date.today()}; {where}; {load}; {', '.join(versions)}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
