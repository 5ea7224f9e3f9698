"""What a run costs by the number of its pairs: time, memory, files.

    python benchmarks/scale.py                          10,000, 100,000 and 1,000,000 pairs
    python benchmarks/scale.py 10000 --work FOLDER      one of them
    python benchmarks/scale.py --screens 10000 100000   report, explorer and looks of so many rows

Runs of the sets `tiny-N`, each step in a process of its own, and a table in Markdown: `listing` lists the
folders and asks for sizes and times; `first` compares, with an empty store; `second` runs again into the same
folder; `resumed` goes on with a run that was stopped when half of its rows were written, without a store;
`table` loads the results. With `--screens` the sets are `varied-N`, whose rows are of every status, and
`screens.py` measures what people open. Needs MYMODULES_DATA, and Linux for memory; a million pairs take 5 GB
and two million inodes.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import peers

STEPS = {
    "listing": "listing",
    "first": "ours",
    "second": "ours+again",
    "resumed": "ours+resumed",
    "table": "ours+table",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pairs", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--screens", action="store_true", help="measure report, explorer and looks")
    parser.add_argument("--work", type=Path, help="keep the sets in this folder and reuse them")
    arguments = parser.parse_args()
    kind = "varied" if arguments.screens else "tiny"
    if absent := [count for count in arguments.pairs if f"{kind}-{count}" not in peers.SETS]:
        parser.error(f"peers.py has no set of {absent[0]:,} {kind} pairs")
    print(f"{peers.machine()}\n")
    if arguments.screens:
        return show(arguments.pairs, arguments.work)
    print("| pairs | step | s | us for a pair | processor s | parent MB | worker MB | found |")
    print("| --: | --- | --: | --: | --: | --: | --: | --- |", flush=True)
    with contextlib.ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for count in arguments.pairs:
            for line in lines(count, *peers.folders(f"tiny-{count}", work)):
                print(line, flush=True)
    return 0


def show(counts: Sequence[int], given: Path | None) -> int:
    """Print the table of `screens.py` for runs of so many pairs."""
    import screens  # needs a browser, which the other steps do not

    print(screens.HEAD, flush=True)
    with contextlib.ExitStack() as stack:
        work = given or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for count in counts:
            out = stack.enter_context(tempfile.TemporaryDirectory())
            folders = peers.folders(f"varied-{count}", work)
            command = [
                sys.executable,
                str(peers.HERE / "contenders.py"),
                peers.CAUSES,
                *map(str, folders),
                out,
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            for line in screens.lines(next(Path(out).glob("results-*.csv"))):
                print(line, flush=True)
    return 0


def lines(count: int, first: Path, second: Path) -> Iterator[str]:
    """Yield a line of the table for each step with so many pairs."""
    for step, contender in STEPS.items():
        run = peers.measure(contender, first, second)
        found = ", ".join(f"{key} {value:,}" for key, value in run.found.items() if value)
        figures = f"{run.seconds:.2f} | {run.seconds / count * 1e6:.0f} | {run.processors:.2f}"
        yield f"| {count:,} | {step} | {figures} | {run.parent:.0f} | {run.worker:.0f} | {found} |"


if __name__ == "__main__":
    sys.exit(main())
