"""The cost of giving every differing pixel a cause, as a share of the time in which wuffs decodes both files.

    python benchmarks/causes.py [--sets NAME ...] [--repeats N]

The sets are `patched` (a page, and itself with a patch of 200 x 26 px mirrored), `grown` (a page, and itself
with 160 rows of another page in its middle) and `screenshots` (all pairs that differ), from data/screenshots
below the folder in MYMODULES_DATA. The pixels are in memory; figures are processor time of one thread, each
the least of some runs. It needs the package pywuffs.
"""

import argparse
import importlib.util
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import stages
from sets import mirrored

PATCHED, GROWN = 12, 6  # pages
ROWS = 160  # that come
BARS = {"patched": 0.05, "grown": 0.5, "screenshots": 1.0}

Files = tuple[bytes, bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=BARS, default=list(BARS), help="sets to measure (all)")
    parser.add_argument("--repeats", type=int, default=4, help="runs of each part (4)")
    arguments = parser.parse_args()
    if "MYMODULES_DATA" not in os.environ:
        parser.error("Set MYMODULES_DATA to the folder that holds data/screenshots.")
    if importlib.util.find_spec("pywuffs") is None:
        parser.error("The package pywuffs is not installed.")
    folder = Path(os.environ["MYMODULES_DATA"], "data/screenshots")
    print("| pages | align | changes and signatures | ledger | together | bar |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name in arguments.sets:
        seconds: Counter[str] = Counter()
        for files in pairs(name, folder):
            for part, call in (*stages.explaining(*files), *stages.by_wuffs(files)):
                seconds[part] += min(stages.timed(call, arguments.repeats))
        *parts, floor = seconds.values()  # in the order in which they came
        shares = " | ".join(f"{each / floor:.3f}" for each in (*parts, sum(parts)))
        print(f"| {name} | {shares} | {BARS[name]} |", flush=True)


def pairs(name: str, folder: Path) -> Iterator[Files]:
    """Yield the files of the pairs of a set."""
    both = [(path, folder / "second" / path.name) for path in sorted((folder / "first").glob("*.png"))]
    if name == "screenshots":
        for first, second in both:
            if second.is_file() and first.read_bytes() != second.read_bytes():
                yield first.read_bytes(), second.read_bytes()
        return
    rng = np.random.default_rng(3)
    pages = [imagecodecs.png_decode(path.read_bytes())[..., :3] for path, _ in both[:PATCHED]]
    for place, page in enumerate(pages[: PATCHED if name == "patched" else GROWN]):
        other = mirrored(page, rng)
        if name == "grown":
            middle, strange = len(page) // 2, pages[place - 1]
            come = strange[len(strange) // 3 :][:ROWS, : page.shape[1]]
            other = np.concatenate([page[:middle], come, page[middle:]])
        yield imagecodecs.png_encode(page), imagecodecs.png_encode(other)


if __name__ == "__main__":
    main()
