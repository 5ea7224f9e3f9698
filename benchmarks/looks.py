"""Measure how many looks a run has, and how long planning them takes.

    python benchmarks/looks.py                    the sets `screenshots` and `plots`, and a large made-up run
    python benchmarks/looks.py RESULTS...         these results files

Prints a table in Markdown. `by height` counts as the design of looks did, at full width, by heights only: a
crop takes as many rows as its taller side, and one taller than a look fills looks and leaves a rest. `looks`
are the real ones: before beside or above after, at scale 1. The time is the processor's, without reading the
tables.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import pandas as pd  # noqa: E402 - the checkout that this file belongs to is measured, installed or not
from support.changed import Listed, tables  # noqa: E402

from mymodules import batch, looks, results  # noqa: E402
from mymodules.looks import hunks  # noqa: E402
from mymodules.regions import Region  # noqa: E402

ROWS = 900
PAGES, CHANGES, CLASSES = 2000, 100_000, 20_000
"""Of the made-up run."""


def made_up() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A run of many changes, a tenth of them small."""
    some = random.Random(0)
    sizes = [(some.randrange(9, 800), some.randrange(9, 90)) for _ in range(CLASSES)]
    found = []
    for _ in range(CHANGES):
        number = min(some.randrange(CLASSES), some.randrange(CLASSES))
        width, height = sizes[number]
        box = Region(some.randrange(1200 - width), some.randrange(2900), width, height)
        pixels = 9 if number % 10 == 0 else width * height
        found.append(
            Listed(f"{some.randrange(PAGES)}.png", f"{number}", box, pixels=pixels, largest=5 + number % 250)
        )
    return tables(found)


def stacked(heights: Iterable[int]) -> int:
    """Return the number of looks for crops of these heights, the tallest first, each where there is room."""
    rooms: list[int] = []
    full = 0
    for height in sorted(heights, key=lambda height: (height <= ROWS, -height)):
        full, rest = full + height // ROWS, height % ROWS
        fitting = next((index for index, room in enumerate(rooms) if room >= rest), None)
        if fitting is not None:
            rooms[fitting] -= rest
        elif rest:
            rooms.append(ROWS - rest)
    return full + len(rooms)


def heights(frame: pd.DataFrame, changes: pd.DataFrame) -> list[int]:
    """Return the heights of the hunks, each as wide as its page."""
    most = hunks.COLUMNS_BETWEEN
    hunks.COLUMNS_BETWEEN = 10**9  # type: ignore[misc]
    try:
        plan = looks.plan(frame, changes=changes, width=10**9, rows=10**9)
    finally:
        hunks.COLUMNS_BETWEEN = most  # type: ignore[misc]
    crops = [crop for look in plan.looks for crop, _ in look.placed if isinstance(crop, looks.Crop)]
    return [max(crop.first.height, crop.second.height) for crop in crops]


def measure(name: str, frame: pd.DataFrame, changes: pd.DataFrame) -> None:
    """Print the line of a run."""
    begun = time.process_time()
    plan = looks.plan(frame, changes=changes)
    seconds = time.process_time() - begun
    sheets = sum(look.is_sheet for look in plan.looks)
    cells = f"{plan.changed:,} | {len(changes):,} | {len(plan.classes):,} | {len(plan.pages):,}"
    by_height = stacked(heights(frame, changes)) + sheets
    print(
        f"| {name} | {cells} | {by_height:,} | {len(plan.looks):,} | {sheets:,} | {seconds:.3f} |", flush=True
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="*", type=Path, help="results-<stamp>.csv of runs")
    given: list[Path] = parser.parse_args().results
    print("| set | changed | changes | classes | opened | by height | looks | small sheets | processor s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in given:
        measure(path.parent.name, results.load(path), listed(path))
    if not given:
        for name in ("screenshots", "plots"):
            data = Path(os.environ["MYMODULES_DATA"], "data", name)
            with tempfile.TemporaryDirectory() as out:
                run = batch.run(data / "first", data / "second", out, pictures="none", store=None)
                measure(name, run.frame(), listed(run.csv_path))
        measure("made up", *made_up())


def listed(csv_path: Path) -> pd.DataFrame:
    """Return the changes of a run."""
    found = results.load_changes(csv_path)
    if found is None:
        sys.exit(f"{csv_path} has no list of changes beside it.")
    return found


if __name__ == "__main__":
    main()
