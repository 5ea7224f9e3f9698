"""Try mutated and odd files of one format, and check that each is read correctly, safely and cheaply.

    python benchmarks/fuzz.py TIFF --minutes 10            mutated files, the same ones for the same --seed
    python benchmarks/fuzz.py TIFF --sweep                 odd files of every kind, once each
    python benchmarks/fuzz.py TIFF --minutes 10 --keep F   keep files with findings or remarks in the folder F

Each file is also read by Pillow, OpenCV, imagecodecs and tifffile. A separate process tries the files; if it
crashes or hangs, that is a finding. The exit code is 1 if there are findings; with --strict also if a file
was refused although all other programs show it as it was before it was changed.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import cv2  # noqa: E402 - the checkout that this file belongs to is tried, installed or not
import numpy as np  # noqa: E402
from fuzzing import files, hostile, mutations, sweeps  # noqa: E402
from fuzzing.files import Case  # noqa: E402
from fuzzing.judge import SUFFIXES, Judge, Verdict, scratch  # noqa: E402

PATIENCE = {"ours": 60.0, "others": 20.0}
"""Seconds after which the process counts as hanging, by whose code reads the file."""
MOST_MEMORY = 6 << 30
"""Bytes of address space for the process that tries the files."""
KEPT = 3
"""How many files of each kind of finding are kept."""
WITHOUT_NEED = "refused without need"


@dataclass
class Tally:
    """What was tried and found, with the first examples of each kind of finding."""

    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("format", choices=files.FORMATS)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other files (1)")
    parser.add_argument("--start", type=int, default=0, help="number of the first file (0)")
    parser.add_argument("--count", type=int, help="number of files, instead of --minutes")
    parser.add_argument("--sweep", action="store_true", help="each oddity once, instead of random changes")
    parser.add_argument("--keep", type=Path, help="folder for files with findings or remarks")
    parser.add_argument("--strict", action="store_true", help="fail also on files refused without need")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    tally = Tally()
    source = Source(arguments.format, arguments.seed, arguments.sweep)
    deadline = None if arguments.sweep or arguments.count else time.monotonic() + 60 * arguments.minutes
    stop = None if arguments.count is None else arguments.start + arguments.count
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a terminated run still prints its summary
    with contextlib.suppress(KeyboardInterrupt):
        for index, verdict, case in tried(source, arguments.start, stop, deadline):
            record(tally, index, verdict, case, source, arguments.keep)
    print(summary(tally, arguments.format), flush=True)
    needless = any(kind == WITHOUT_NEED for kind, _ in tally.remarks)
    return int(bool(tally.findings) or (arguments.strict and needless))


@dataclass(frozen=True)
class Source:
    """The files to try, by number; a number always gives the same file."""

    kind: str
    seed: int
    sweep: bool

    def cases(self, start: int) -> Iterator[tuple[int, Case]]:
        """Yield all cases from a number on."""
        if self.sweep:
            found = itertools.chain(sweeps.of(self.kind), hostile.of(self.kind))
            yield from itertools.islice(enumerate(found), start, None)
        else:
            for index in itertools.count(start):
                yield index, drawn(self.kind, self.seed, index)

    def case(self, index: int) -> Case:
        return next(self.cases(index))[1]


def drawn(kind: str, seed: int, index: int) -> Case:
    """Draw the mutated file of a number; one in ten is left unchanged."""
    rng = np.random.default_rng([seed, files.FORMATS.index(kind), index])
    case = files.draw(kind, rng)
    return case if rng.random() < 0.1 else mutations.mutate(kind, rng, case)


# The watched process


def tried(
    source: Source, start: int, stop: int | None, deadline: float | None
) -> Iterator[tuple[int, Verdict, Case | None]]:
    """Yield number and verdict of each file, and the file itself if there are findings or remarks.

    After a file that crashes or blocks the process, a new process continues with the next one.
    """
    context = multiprocessing.get_context("fork")
    while True:
        ours, theirs = context.Pipe()
        process = context.Process(target=_try_all, args=(theirs, source, start, stop, deadline))
        process.start()
        theirs.close()
        index, stage, fault, verdict = start, "", "", Verdict()
        while True:
            if not ours.poll(PATIENCE.get(stage, 60.0)):
                fault = "hang"
                process.kill()
                break
            try:
                message = ours.recv()
            except EOFError:
                fault = "crash"
                break
            if message is None:
                break
            index, stage, verdict, *case = message
            if case:
                yield index, verdict, *case
                verdict = Verdict()
        process.join()
        if not fault:
            return
        waited = f"no end within {PATIENCE.get(stage, 60.0):.0f} s"
        detail = waited if fault == "hang" else _ending(process.exitcode)
        if stage == "others":
            verdict.remarks.append((f"another program's {fault}", detail))
        else:
            verdict.outcome = fault
            verdict.findings.append((fault, detail))
        yield index, verdict, source.case(index)
        start = index + 1


def _ending(code: int | None) -> str:
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


def _try_all(
    connection: Connection, source: Source, start: int, stop: int | None, deadline: float | None
) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    folder = scratch()
    with tempfile.TemporaryFile("ab+") as output:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
        index = start

        def stage(name: str, verdict: Verdict) -> None:
            connection.send((index, name, verdict))

        def printed() -> str:
            length = os.fstat(output.fileno()).st_size
            text = os.pread(output.fileno(), 1000, 0).decode(errors="replace") if length else ""
            os.ftruncate(output.fileno(), 0)
            return text

        judging = Judge(source.kind, folder, stage, printed)
        try:
            for index, case in source.cases(start):
                if (stop is not None and index >= stop) or (deadline and time.monotonic() > deadline):
                    break
                verdict = _judged(judging, case)
                telling = case if verdict.findings or verdict.remarks else None
                connection.send((index, "", verdict, telling))
            connection.send(None)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _judged(judging: Judge, case: Case) -> Verdict:
    try:
        return judging.judge(case)
    except Exception:
        return Verdict("not judged", [("fault of this program", traceback.format_exc()[-300:])])


# The report


def record(
    tally: Tally, index: int, verdict: Verdict, case: Case | None, source: Source, keep: Path | None
) -> None:
    """Count a verdict; keep the first files of each kind of finding or remark."""
    tally.tried += 1
    tally.outcomes[verdict.outcome] += 1
    for counter, found in ((tally.findings, verdict.findings), (tally.remarks, verdict.remarks)):
        for kind, detail in found:
            group = kind, _without_numbers(detail)
            counter[group] += 1
            if len(tally.examples[group]) < KEPT and case is not None:
                tally.examples[group].append(_example(index, kind, detail, case, source, keep))


def _without_numbers(text: str) -> str:
    return re.sub(r"\S*/\S+|\d[\d.,]*", "N", text)[:200]


def _example(index: int, kind: str, detail: str, case: Case, source: Source, keep: Path | None) -> str:
    path = ""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        slug = re.sub(r"\W+", "-", kind)[:30].strip("-")
        stem = f"{'sweep' if source.sweep else f'seed{source.seed}'}-{index}-{slug}"
        path = f" {keep / stem}{SUFFIXES[source.kind]}"
        Path(f"{keep / stem}{SUFFIXES[source.kind]}").write_bytes(case.data)
        if case.base is not None:
            Path(f"{keep / stem}.base{SUFFIXES[source.kind]}").write_bytes(case.base)
    return f"number {index}: {detail[:300]} [{case.name}]{path}"


def summary(tally: Tally, kind: str) -> str:
    """Summarise what was tried and found, in a few lines for each kind of finding."""
    refused = ", ".join(
        f"{code} {count}" for code, count in tally.outcomes.most_common() if code != "accepted"
    )
    lines = [f"{kind}: {tally.tried} files tried, {tally.outcomes['accepted']} accepted; {refused}"]
    for title, counter in (("FINDINGS", tally.findings), ("REMARKS", tally.remarks)):
        lines.append(f"{title}: {sum(counter.values())} in {len(counter)} kinds")
        for group, count in sorted(counter.items(), key=lambda item: (item[0][0], -item[1])):
            lines.append(f"- {group[0]} x {count}: {group[1]}")
            lines += [f"    {example}" for example in tally.examples[group]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
