"""Over changes of every kind, planted into real pages: all are found, and hardly anything else is."""

import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.planted import HEIGHT, WIDTH, section, shaded, stacked

from mymodules import images
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import changes
from mymodules.regions import Region

SEEDS = range(10)
PAGES = ("docs-cli.png", "docs-core-native.png", "examples.png", "home.png")
ROWS = 1000  # of a page, from its top: the generator wants 950
AROUND = 2  # px beside what was planted that still belong to it

# What the generator takes, by the name of a kind; each seed takes the next, and begins again.
KINDS: dict[str, list[Any]] = {
    "text": [("Save", "Sale", 12), ("Save", "Safe", 16), ("10.00", "11.00", 24), ("Cave", "Cale", 40)],
    "colour": [(levels, *size) for levels in (1, 9, 40, 90) for size in ((60, 24), (9, 9))],
    "dot": [None],
    "alpha": [None],
    "line": [1, 3, 200, 1000],
    "insert": [1, 3, 40, 300],
    "remove": [1, 5, 40, 400],
    "space": [1, 12, 80],
    "move": [(160, 60), (400, 200)],
    "swap sections": [120, 80],
    "inside moved": [1, 37, 500],
    "columns": [1, 24],
    "repeated": [None],
    "duplicate row": [None],
    "thicker": [None],
}

Box = tuple[int, int, int, int]
Truth = tuple[Box | None, Box | None]
"""Where a change stands in first and in second: left, top, right, bottom; None if it does not."""
Pair = tuple[np.ndarray, np.ndarray, list[Truth]]


@pytest.fixture(scope="module")
def generator(looks: Path) -> Any:
    """The generator of planted changes beside the pairs with known truth."""
    spec = importlib.util.spec_from_file_location("planted_changes", looks / "planted.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(shared_data: Path) -> list[np.ndarray]:
    folder = shared_data / "data" / "screenshots" / "second"
    if not folder.is_dir():
        pytest.skip("MYMODULES_DATA has no screenshots")
    return [images.read_rgba(folder / name)[:ROWS].copy() for name in PAGES]


def one_at_a_time(generator: Any, pages: list[np.ndarray]) -> Iterator[Pair]:
    """Pages with a change of each kind, at ten seeds each."""
    for kind, values in KINDS.items():
        for seed in SEEDS:
            page, value = pages[seed % len(pages)], values[seed % len(values)]
            planted = generator.plant(kind, page, random.Random(f"{kind} {seed}"), value)
            if planted is not None:  # no page has room for every block
                yield planted.a, planted.b, [truth[1:] for truth in planted.truth]


def ten_at_a_time() -> Iterator[Pair]:
    """Pages of sections, of which six changed in place, two came and two went, each between two that stay."""
    for seed in SEEDS:
        kinds = random.Random(seed).sample(["edit"] * 6 + ["insert"] * 2 + ["remove"] * 2, 10)
        first, second = [section(500)], [section(500)]
        truths: list[Truth] = []
        for number, kind in enumerate(kinds):
            part = section(9000 * (seed + 1) + number)
            tops = HEIGHT * len(first), HEIGHT * len(second)
            one, other = ((0, top, WIDTH, top + HEIGHT) for top in tops)
            truths.append((None if kind == "insert" else one, None if kind == "remove" else other))
            if kind != "insert":
                first.append(part)
            if kind != "remove":
                second.append(shaded(part, 20 * number, 14, 9, 6) if kind == "edit" else part)
            for side in (first, second):
                side.append(section(501 + number))
        yield stacked(first), stacked(second), truths


def slid(second: np.ndarray, box: Box | None) -> Box | None:
    """The box of whole rows that came, down to the lowest place where they may as well stand."""
    if box is None or box[2] - box[0] < second.shape[1]:
        return box
    left, top, right, bottom = box
    rows = bottom - top
    while bottom < len(second) and (second[bottom] == second[bottom - rows]).all():
        bottom += 1
    return left, top, right, bottom


def touches(region: Region, box: Box | None) -> bool:
    if box is None:
        return False
    x, y, width, height = region
    left, top, right, bottom = box
    return (
        left - AROUND < x + width and x < right + AROUND and top - AROUND < y + height and y < bottom + AROUND
    )


def test_all_that_was_planted_is_found_and_at_most_1_percent_is_noise(
    generator: Any, pages: list[np.ndarray]
) -> None:
    planted = found = 0
    missed, noise = [], []
    for first, second, truths in (*one_at_a_time(generator, pages), *ten_at_a_time()):
        places = [(one, slid(second, other) if one is None else other) for one, other in truths]
        listed = changes(first, second, align(first, second))
        of = [
            {number for number, (one, other) in enumerate(places)
             if touches(change.first, one) or touches(change.second, other)}
            for change in listed
        ]  # fmt: skip
        planted += len(places)
        found += len(listed)
        missed += [truth for number, truth in enumerate(truths) if not any(number in each for each in of)]
        noise += [change for change, each in zip(listed, of, strict=True) if not each]
    assert (
        planted > 250
    )  # 10 x (13 with one place + 2 with two + ten at a time) = 270, less blocks without room
    assert missed == []
    assert len(noise) <= 0.01 * found, noise
