"""Very many pairs, of which only what is needed is in memory; compared with plain lists and dicts."""

import os
import tracemalloc
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mymodules.pairs import Pair, Pairs, Waiting

BEGIN = os.path.join("one", ""), os.path.join("two", "")  # noqa: PTH118 - with the separator
NAMES = st.sampled_from([f"{folder}{number}.png" for folder in ("", "a/", "b/c/") for number in range(6)])


@st.composite
def entries(draw: st.DrawFn) -> list[str | Pair]:
    """Names, pairs of one side, pairs with a problem, and pairs whose second file has another name."""
    found: list[str | Pair] = []
    for name in draw(st.lists(NAMES, unique=True)):
        one, other = (begin + name.replace("/", os.sep) for begin in BEGIN)
        found.append(
            draw(
                st.sampled_from(
                    [
                        name,
                        Pair(name, one, None),
                        Pair(name, None, other),
                        Pair(name, one, None, ("permission", "It cannot be read.")),
                        Pair(name, one, other + ".webp", None, name + ".webp"),
                    ]
                )
            )
        )
    return found


def plain(found: Sequence[str | Pair]) -> list[Pair]:
    """The same as a list of pairs."""
    return [
        Pair(each, *(begin + each.replace("/", os.sep) for begin in BEGIN)) if isinstance(each, str) else each
        for each in found
    ]


@given(entries(), st.slices(20), st.sets(NAMES))
def test_it_is_the_sequence_of_its_pairs(found: list[str | Pair], part: slice, gone: set[str]) -> None:
    pairs, expected = Pairs(found, BEGIN), plain(found)
    assert list(pairs) == expected
    assert pairs == expected
    assert [pairs[at] for at in range(len(pairs))] == expected
    assert list(pairs[part]) == expected[part]
    assert list(pairs.names()) == [pair.name for pair in expected]
    assert list(pairs.without(gone)) == [pair for pair in expected if pair.name not in gone]
    assert (pairs == expected[1:]) == (not expected)


@given(entries(), st.lists(NAMES))
def test_those_that_wait_are_found_by_name_and_by_paths(found: list[str | Pair], asked: list[str]) -> None:
    waiting = Waiting(Pairs(found, BEGIN))
    expected = {pair.name: pair for pair in plain(found) if pair.problem is None}
    for name in asked:
        one, other = (begin + name.replace("/", os.sep) for begin in BEGIN)
        assert bool(waiting) == bool(expected)
        for first, second in ((one, other), (one, ""), ("", other), (one, other + ".webp"), (other, one)):
            same = (
                pair.name
                for pair in expected.values()
                if (pair.first or "", pair.second or "") == (first, second)
            )
            assert waiting.of(first, second) == next(same, None)
        pair = waiting.named(name)
        assert pair == expected.pop(name, None)
        if pair is not None:
            assert waiting.take(name)
        assert not waiting.take(name)
        left = [each for each in plain(found) if each.problem is not None or each.name in expected]
        assert list(waiting.left()) == left


def test_a_plain_pair_takes_no_more_than_its_name_and_a_pointer() -> None:
    names = [f"{number:06}.png" for number in range(20_000)]
    tracemalloc.start()
    pairs = Pairs(names, BEGIN)
    assert sum(pair.name is name for pair, name in zip(pairs, names, strict=True)) == len(names)
    assert len(pairs[1:]) == len(names) - 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A pointer has 8 bytes, and a part of all is there for a moment; a Pair with two paths has over 200.
    assert peak < 3 * 8 * len(names) + 100_000
