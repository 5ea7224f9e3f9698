"""Run for an hour while everything around fails, and check that nothing is lost and nothing is wrong.

    python benchmarks/soak.py [--minutes 60] [--seed 0]

Each round changes some pictures and compares them all, while one thing happens: the process of the run or a
worker is killed, it is interrupted, no file may grow any further, the disk for results is full, the clock is
a day ahead or behind or jumps, digests are purged from the store, a Dask worker or scheduler is killed, or
the store's HTTP server (see `soaking.serving`), or computers that share an output folder behind a URL (see
`soaking.sharing`). A run that ended early is resumed. Meanwhile two processes
decide about rows, and one of them may be killed. After each round

- every row and its changes are as a comparison of its two files alone says, whatever the store remembers, and
  the file of changes is as that of a second run, to the byte, also after a run on Dask;
- every row of which a run said that it was finished was in its file when it ended early;
- every decision that was ever reported as made is in force.

The second run is in this process, as in a notebook that is open all day, and shows whether memory grows.
Prints a table in Markdown, and where a check fails the number of the round. Linux only; needs the extra
`test`, cc, and to fill a disk the right to mount one.
"""

import argparse
import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402 - the checkout that this file belongs to is measured, installed or not
import psutil  # noqa: E402
from soaking import clock, disk, serving, sharing  # noqa: E402
from support import dask_processes  # noqa: E402
from support.programs import COMPARE, Folders, Program, folders, png, program  # noqa: E402

from mymodules import batch, images, pairs, results, triage, workers  # noqa: E402
from mymodules.results import listing, runfiles  # noqa: E402
from mymodules.row import PairResult  # noqa: E402
from mymodules.workers import Job  # noqa: E402

PAIRS, KINDS = 60, 9

BEGIN = """
kind, csv, address = sys.argv[4:7]
if kind == "no file grows":
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))
how = {"resume": csv} if csv else {}
if address:
    import distributed
    how["executor"] = distributed.Client(address, timeout=20)
"""
RUN = COMPARE + BEGIN + "batch.run(first, second, out, num_processors=2, on_progress=tell, **how)"

DECIDE = """
import os, sys, time
from mymodules.triage import Decisions, Row
decisions = Decisions(sys.argv[1])
for number in range(int(sys.argv[3])):
    name = f"{sys.argv[2]}-{number}"
    decisions.decide([Row(name, "", "")], "accept", name * 20)  # so long that a full disk has no room for it
    os.write(1, name.encode() + b"\\n")
    time.sleep(0.2)
"""

KILLS = "parent killed", "worker killed", "interrupted"
DASK = "Dask worker killed", "Dask scheduler killed"
FULL_DISK, NO_GROWTH = "full disk", "no file grows"
SHARED = "computer killed"
UNDRAWN = " Its drawings could not be written"
KINDS_OF_ROUND = (
    *(*KILLS, NO_GROWTH, FULL_DISK, "purged", "server killed", DASK[0], clock.KINDS[0], SHARED),
    *(*KILLS[:2], clock.KINDS[1], "server killed", DASK[1], clock.KINDS[2]),
)


class Soak:
    """The pictures, what is right for them, and what has happened so far."""

    def __init__(self, at: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.at = at
        self.given: Folders = folders(at / "pictures")
        rng = np.random.default_rng(seed)
        flat = rng.integers(0, 255, (KINDS, 60, 90, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
        self.pictures = [png(samples) for samples in flat] + [png(flat[0])[:-20]]
        self.counted: Counter[str] = Counter()
        self.serving = serving.Serving(self.given.out / ".store", seed, self.counted)
        self.sharing = sharing.Sharing(at / "shared", self.given, seed, self.counted)
        self.clock = clock.library(at)
        self.decided: list[str] = []
        self.memory: list[float] = []
        self._right: dict[tuple[str, str, str], PairResult] = {}
        for number in range(PAIRS):
            for side in (self.given.first, self.given.second):
                self.put(side / f"{number}.png")

    def put(self, path: Path) -> None:
        """Write one of the pictures, or none."""
        path.unlink(missing_ok=True)
        if self.random.random() > 0.03:
            path.write_bytes(self.random.choice(self.pictures))

    def change(self) -> None:
        """Change a tenth of the files."""
        for number in self.random.sample(range(PAIRS), PAIRS // 10):
            self.put(self.random.choice(self.given[:2]) / f"{number}.png")

    def right(self) -> dict[str, PairResult]:
        """Return the row of each pair as a comparison of its files alone gives it."""
        found = {}
        for pair in pairs.find(*self.given[:2]).pairs:
            digests = (images.digest(path) if path else "" for path in (pair.first, pair.second))
            key = (pair.name, *digests)
            if key not in self._right:
                self._right[key] = workers.compare_many([Job(pair)])[0].row
            found[pair.name] = self._right[key]
        return found

    def round(self, kind: str, dask: "Dask") -> None:
        """Change, compare while `kind` happens, decide, and check all of it."""
        self.change()
        given = self.given
        if kind == SHARED:
            self.counted[kind] += 1
            self.sharing.round(self.check_rows)
            return
        with contextlib.ExitStack() as stack:
            if kind == FULL_DISK:
                given = given._replace(out=self.at / "disk")
                kind = kind if stack.enter_context(disk.mounted(given.out)) else NO_GROWTH
            self.counted[kind] += 1
            self.compare(kind, dask, given)

    def compare(self, kind: str, dask: "Dask", given: Folders) -> None:
        address = dask.address() if kind in DASK else ""
        prefix = clock.prefix(self.clock, kind)
        count = 40 if kind == FULL_DISK else 12  # some are made when the disk is full
        started = [
            program(DECIDE, [given.out, f"{time.time_ns()}-{who}", count], prefix=prefix) for who in range(2)
        ]
        with contextlib.ExitStack() as stack:
            deciding = [stack.enter_context(each) for each in started]
            csv = self.run(kind, address, dask, given)
            if self.random.random() < 0.5:
                deciding[0].process.kill()
            self.check_decisions(deciding, given)
        disk.make_room(given.out)
        while csv is None or csv.name.endswith(".partial.csv"):
            self.counted["begun again" if csv is None else "resumed"] += 1
            csv = self.run("resumed", "", dask, given, csv)
        self.check_rows(csv, may_lack=UNDRAWN if kind in (FULL_DISK, NO_GROWTH) else "")
        run = batch.run(*given, num_processors=2)
        self.check_rows(run.csv_path)
        first, second = (
            runfiles.changes_path(given.out, runfiles.stamp_of(path) or "") for path in (csv, run.csv_path)
        )
        assert first.read_bytes() == second.read_bytes(), f"{first} and {second} differ"
        self.memory.append(psutil.Process().memory_info().rss / 1e6)
        self.counted["rows from the store"] += run.reused
        self.clear(run.csv_path)

    def run(
        self, kind: str, address: str, dask: "Dask", given: Folders, resume: Path | None = None
    ) -> Path | None:
        """Run, and let something happen after some rows; return the CSV that it leaves, if any."""
        before = set(given.out.glob("results-*.csv"))
        prefix = clock.prefix(self.clock, kind)
        with program(RUN, [*given, kind, resume or "", address], prefix=prefix) as running:
            told = self.until_rows(running, self.random.randrange(PAIRS))
            happens: dict[str, Callable[[], object]] = {
                "parent killed": running.process.kill,
                "worker killed": lambda: self.kill(running.workers()),
                "interrupted": lambda: running.interrupt(2),
                FULL_DISK: lambda: disk.fill(given.out),
                "purged": self.purge,
                "server killed": self.serving.round,
                "Dask worker killed": dask.kill_worker,
                "Dask scheduler killed": dask.kill_scheduler,
            }
            happens.get(kind, lambda: None)()
            code, said, complained = running.finish()
            told = max([told, *map(int, said.split())])
        if kind == FULL_DISK:
            disk.fill(given.out)  # the room that the run has left
            self.counted["runs ended by a full disk"] += bool(code)
        if resume:
            assert code == 0, complained
            return runfiles.finished_path(given.out, runfiles.stamp_of(resume) or "")
        found = [path for path in given.out.glob("results-*.csv") if path not in before]
        partial = [path for path in found if path.name.endswith(".partial.csv")]
        if not found:  # it had not begun, or its disk was full before
            assert told == 0, complained
            return None
        if not code:
            return next(path for path in found if path not in partial)
        (csv,) = partial or found
        kept = len(results.read_partial(csv)) if partial else PAIRS
        self.counted["rows reported before an end"] += told
        assert kept >= told, f"{told} rows were reported and {kept} are in {csv}"
        return csv

    @staticmethod
    def until_rows(running: Program, rows: int) -> int:
        """Wait until a run has reported so many rows, or its end; return how many it has reported."""
        told = 0
        while told < rows and (line := running.line()):
            told = int(line)
        return told

    def kill(self, processes: list[psutil.Process]) -> None:
        for process in processes[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                self.counted["worker processes killed"] += 1

    def purge(self) -> None:
        digests = {images.digest(path) for path in self.given.first.iterdir()}
        serving.purge(self.given.out / ".store", sorted(digests)[:5])

    def check_rows(self, csv: Path, may_lack: str = "") -> None:
        """Compare all rows and changes with what is right; renames are found from other rows.

        A row may say, in a sentence that begins like this, what it lacks.
        """
        right = self.right()
        rows = {row.image_filename: row for row in results.read(csv)}
        assert rows.keys() == right.keys(), sorted(rows.keys() ^ right.keys())
        columns = listing.columns_of_changes(csv) or {}
        changes: dict[str, list[list[str]]] = {}
        for cells in zip(*columns.values(), strict=True):
            changes.setdefault(cells[0], []).append(["" if cell is None else str(cell) for cell in cells])
        for name, row in rows.items():
            if row.renamed_from is None and "renamed" not in row.messages:
                assert plain(row, may_lack) == plain(right[name]), f"{csv}: {row} instead of {right[name]}"
                expected = list(listing.cells_of_changes(name, right[name].listed))
                assert changes.get(name, []) == expected, f"{csv}: {changes.get(name)} instead of {expected}"
                self.counted["rows checked"] += 1
                self.counted["changes checked"] += len(expected)

    def check_decisions(self, deciding: list[Program], given: Folders) -> None:
        names = [name for each in deciding for name in each.finish()[1].split()]
        self.counted["decisions reported"] += len(names)
        if given == self.given:
            names = self.decided = self.decided + names
        decisions = triage.Decisions(given.out)
        lost = [name for name in names if decisions.of(triage.Row(name, "", "")) != ("accept", name * 20)]
        assert not lost, f"decisions were reported and lost: {lost}"

    def clear(self, kept: Path) -> None:
        """Remove the results of this round but those of one run, whose drawings are used again."""
        stamp = runfiles.stamp_of(kept) or ""
        for path in kept.parent.iterdir():
            if stamp in path.name or not path.name.startswith(("results-", "changes-", "03.diff-")):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


class Dask:
    """A scheduler and two workers, which are started again where they were killed."""

    def __init__(self, at: Path) -> None:
        self._at = at
        self._stack = contextlib.ExitStack()
        self._address = ""
        self._scheduler: psutil.Process | None = None
        self._worker: psutil.Process | None = None

    def address(self) -> str:
        if self._scheduler is None or not self._scheduler.is_running():
            self.close()
            folder = Path(tempfile.mkdtemp(dir=self._at))
            self._address, self._scheduler = self._stack.enter_context(dask_processes.scheduler(folder))
            for number in range(2):
                made = dask_processes.worker(self._address, folder, f"--name={number}")
                self._worker = self._stack.enter_context(made)
        return self._address

    def kill_worker(self) -> None:
        """Kill the process of one worker; the one above it starts another."""
        if self._worker:
            for process in dask_processes.serving(self._worker):
                process.kill()

    def kill_scheduler(self) -> None:
        if self._scheduler:
            self._scheduler.kill()
            self._scheduler.wait()

    def close(self) -> None:
        self._stack.close()
        self._scheduler = None


def plain(row: PairResult, may_lack: str = "") -> PairResult:
    """Return what of a row does not depend on its run, nor on the sentence that says what it lacks."""
    said = row.messages.partition(" Only in ending")[0]
    said = said.partition(may_lack)[0] if may_lack else said
    return row._replace(seconds=None, listed="", messages=said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)  # for all that is started
    end, number = time.monotonic() + 60 * arguments.minutes, 0
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        dask = stack.enter_context(contextlib.closing(Dask(Path(folder))))
        soak = Soak(Path(folder), arguments.seed)
        stack.enter_context(contextlib.closing(soak.sharing))
        while time.monotonic() < end:
            kind = KINDS_OF_ROUND[number % len(KINDS_OF_ROUND)]
            number += 1
            try:
                soak.round(kind, dask)
            except BaseException:
                print(f"round {number}, {kind}, --seed {arguments.seed}", file=sys.stderr)
                raise
            print(
                f"{number} {kind} {soak.memory[-1] if soak.memory else 0:.0f} MB", file=sys.stderr, flush=True
            )
    print(table(number, soak.counted, soak.memory))
    return 0


def table(rounds: int, counted: Counter[str], memory: list[float]) -> str:
    third = max(1, len(memory) // 3)
    grown = f"{statistics.median(memory[:third]):.0f} .. {statistics.median(memory[-third:]):.0f}"
    rows: list[tuple[str, Any]] = [("rounds", rounds), *counted.items()]
    rows += [("memory in the first and the last third, MB", grown)]
    return "\n".join(
        ["| what | count |", "| --- | --: |", *(f"| {what} | {count} |" for what, count in rows)]
    )


if __name__ == "__main__":
    sys.exit(main())
