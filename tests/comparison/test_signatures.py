"""Which changes are the same: words that change alike share a signature, wherever they stand; no others."""

import itertools
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from support import planted
from support.planted import HEIGHT, SCHEMES, empty, section, sections, shaded, stacked

from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes

WORDS = (
    ("Save", "Sale"), ("Save", "Safe"), ("Cave", "Cale"), ("Have", "Hale"), ("Save", "Salt"),
    ("10.00", "11.00"), ("110.00", "111.00"), ("10.00", "10.01"), ("1 of 10", "2 of 10"), ("on", "off"),
    ("total 100", "total 900"), ("grand total 100", "grand total 900"), ("Mail", "Main"),
    ("e-Mail", "e-Main"),
)  # fmt: skip
SIZES = (12, 20)
PLACES = ((20, 1, False), (33, 2, True), (150, 5, True))
"""x, the section before which a chip stands, and whether the page grows above it."""


def chip(text: str, size: int, scheme: str, x: int) -> np.ndarray:
    """A word between empty rows."""
    made = empty(48, scheme=scheme)
    planted.write(made, x, 8, text, size=size, scheme=scheme)
    return made


def only_edit(first: np.ndarray, second: np.ndarray) -> Change:
    (change,) = (change for change in changes(first, second, align(first, second)) if change.kind == "edit")
    return change


def signatures(scheme: str) -> dict[tuple[str, str, int], list[str]]:
    """The signatures of every kind of change, one for each place it was planted at."""
    page = sections(21, 6, scheme=scheme)
    new = section(31, scheme=scheme)
    found = defaultdict(list)
    for (one, other), size, (x, place, grows) in itertools.product(WORDS, SIZES, PLACES):
        before, after = page[:place], page[place:]
        first = stacked([*before, chip(one, size, scheme, x), *after])
        second = stacked([*[new] * grows, *before, chip(other, size, scheme, x), *after])
        found[one, other, size].append(only_edit(first, second).signature)
    return found


def pairs(groups: Iterable[list[str]]) -> tuple[int, int, int]:
    """How many pairs of one kind share a signature, how many there are, and how many share wrongly."""
    groups = list(groups)
    right = total = wrong = 0
    for group in groups:
        for one, other in itertools.combinations(group, 2):
            total += 1
            right += one == other
    for group, more in itertools.combinations(groups, 2):
        wrong += sum(one == other for one, other in itertools.product(group, more))
    return right, total, wrong


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_that_change_alike_and_no_others_share_a_signature(scheme: str) -> None:
    right, total, wrong = pairs(signatures(scheme).values())
    assert total == len(WORDS) * len(SIZES) * 3  # three of each kind, two at a time
    assert wrong == 0
    assert right >= 0.98 * total


def test_other_colours_are_another_change() -> None:
    found = {
        only_edit(
            stacked([chip("Save", 12, scheme, 40)] * 2),
            stacked([chip("Save", 12, scheme, 40), chip("Sale", 12, scheme, 40)]),
        ).signature
        for scheme in SCHEMES
    }
    assert len(found) == len(SCHEMES)


def test_what_stands_far_away_does_not_matter_but_is_surroundings() -> None:
    """The same switch, once beside "Email" and once beside "SMS", 40 px from it."""
    found = []
    for label in ("Email", "SMS"):
        sides = [chip(state, 12, "dark", 110) for state in ("on", "off")]
        for side in sides:
            planted.write(side, 60, 8, label)
        found.append(only_edit(*(stacked([section(1), side, section(2)]) for side in sides)))
    assert found[0].signature == found[1].signature
    assert found[0].surroundings != found[1].surroundings


def only(first: Iterable[np.ndarray], second: Iterable[np.ndarray]) -> Change:
    one, other = stacked(first), stacked(second)
    (change,) = changes(one, other, align(one, other))
    return change


def test_what_came_is_the_same_at_another_place() -> None:
    page, new = sections(5, 6), section(99)
    come = [only(page, [*page[:place], new, *page[place:]]) for place in (1, 2, 4)]
    assert len({change.signature for change in come}) == 1
    went = only([*page[:2], new, *page[2:]], page)
    other = only(page, [*page[:2], section(98), *page[2:]])
    taller = only(page, [*page[:2], np.concatenate([new, empty(3)]), *page[2:]])
    assert len({change.signature for change in (come[0], went, other, taller)}) == 4


def test_empty_rows_are_the_same_if_as_many_came() -> None:
    page = sections(6, 6)
    twelve = [only(page, [*page[:place], empty(12), *page[place:]]) for place in (1, 4)]
    eight = only(page, [*page[:4], empty(8), *page[4:]])
    gone = only([*page[:4], empty(12), *page[4:]], page)
    assert {change.kind for change in (*twelve, eight, gone)} == {"space"}
    assert twelve[0].signature == twelve[1].signature
    assert len({change.signature for change in (twelve[0], eight, gone)}) == 3


def test_a_block_that_moved_has_the_signature_of_what_it_shows() -> None:
    page = sections(7, 8)
    far = only(page, [*page[:1], *page[2:4], page[1], *page[4:]])
    near = only(page, [*page[:1], *page[2:3], page[1], *page[3:]])
    other = only(page, [*page[:2], *page[3:5], page[2], *page[5:]])
    assert far.kind == near.kind == other.kind == "move"
    assert far.signature == near.signature != other.signature


def test_signatures_are_24_hexadecimal_digits() -> None:
    page = sections(8, 3)
    change = only(page, [*page[:1], shaded(page[1], 40, 12, 9, 6), page[2]])
    for text in (change.signature, change.surroundings):
        assert len(text) == 24
        assert int(text, 16) >= 0
    assert change.second.y == HEIGHT + 12
