"""What rules let pass: how many changed plots, and how many words of which a letter changed.

    python benchmarks/rules.py

Needs MYMODULES_DATA. A store keeps what was compared, so that other rules read only what they need.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import planted  # noqa: E402 - the checkout that this file belongs to is measured, installed or not

from mymodules import batch  # noqa: E402
from mymodules.comparison.alignment import align  # noqa: E402
from mymodules.comparison.changes import changes  # noqa: E402
from mymodules.comparison.ledger import ledger  # noqa: E402
from mymodules.comparison.ruling import ruled  # noqa: E402
from mymodules.rules import Limits, Rule, Rules  # noqa: E402

WORDS = (
    ("Save", "Sale"), ("Save", "Safe"), ("Cave", "Cale"), ("10.00", "11.00"), ("110.00", "111.00"),
    ("10.00", "10.01"), ("on", "off"), ("total 100", "total 900"), ("Mail", "Main"), ("0", "O"),
    ("1 of 10", "2 of 10"), ("fill", "fiIl"), ("1,000", "1.000"),
)  # fmt: skip
SIZES, SCHEMES = (12, 13, 16, 20), ("dark", "light", "blue")

RULES = {
    "antialiased": Limits(antialiased=True),
    "antialiased, largest 8": Limits(antialiased=True, largest=8),
    "antialiased, largest 8, pixels 4": Limits(antialiased=True, largest=8, pixels=4),
    "antialiased, largest 8, pixels 20": Limits(antialiased=True, largest=8, pixels=20),
    "antialiased, threshold 0.1": Limits(antialiased=True, threshold=0.1),
    "threshold 0.1": Limits(threshold=0.1),
    "pixels 4": Limits(pixels=4),
    "pixels 20": Limits(pixels=20),
    "pixels_per_picture 100": Limits(pixels_per_picture=100),
    "share_per_picture 0.001": Limits(share_per_picture=0.001),
}


def words() -> list[tuple[np.ndarray, np.ndarray]]:
    """Pages of 480 x 640 px with a word each."""
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            for pair in WORDS:
                pages = [planted.empty(640, scheme=scheme) for _ in pair]
                for page, text in zip(pages, pair, strict=True):
                    planted.write(page, 33, 8, text, size=size, scheme=scheme)
                found.append((pages[0], pages[1]))
    return found


def passes(first: np.ndarray, second: np.ndarray, takes: Limits) -> bool:
    """Whether a rule takes all that differs."""
    pieces = align(first, second)
    found, causes = changes(first, second, pieces), ledger(first, second, pieces)
    return ruled(first, second, pieces, found, causes, [Rule("it", takes)]).passes


def main() -> None:
    """Print the table."""
    plots = Path(os.environ["MYMODULES_DATA"]) / "data" / "plots"
    pages = words()
    print("| rule | plots that pass | compared again | words that pass |\n| --- | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as out:
        for name, takes in {"no rule": None, **RULES}.items():
            rules = Rules(() if takes is None else (Rule("it", takes),))
            done = batch.run(plots / "first", plots / "second", out, pictures="none", rules=rules)
            again = sum(reason == "rules changed" for reason in done.reasons.values())
            hidden = 0 if takes is None else sum(passes(*pair, takes) for pair in pages)
            passed = f"{done.tolerated} of {done.counts['changed']}"
            print(f"| {name} | {passed} | {again} | {hidden} of {len(pages)} |", flush=True)


if __name__ == "__main__":
    main()
