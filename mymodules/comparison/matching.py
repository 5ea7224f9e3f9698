"""Match the rows of two lists: which row of one is which row of the other, in order.

Rows are named by whole numbers; equal names mean equal rows. What is found are runs: consecutive rows of
both lists that are equal. Rows that are unique, or rare, decide; frequent rows, such as empty ones, follow
from their neighbours. That keeps empty rows from tearing blocks apart.

References
----------
Bram Cohen's patience diff, and the histogram diff of JGit, are the models of `match`.
"""

import bisect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Names = NDArray[np.int64]
"""(rows,): a name for each row."""

RARE = 8
"""Rows that occur more often on either side never decide."""

_MOST_RARE = 64  # names that are tried together


class Run(NamedTuple):
    """Consecutive rows of both lists that belong together.

    Attributes
    ----------
    first, second : int
        Where they begin.
    length : int
        How many they are.
    """

    first: int
    second: int
    length: int

    @property
    def displacement(self) -> int:
        """How far second's rows are below first's."""
        return self.second - self.first

    @property
    def ends(self) -> tuple[int, int]:
        """The rows after the last ones."""
        return self.first + self.length, self.second + self.length


def named(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> tuple[Names, Names]:
    """Return names for the digests of two lists of rows: 0, 1, 2, … in the order of the digests."""
    digests = np.concatenate([first, second])
    order = np.argsort(digests)
    found = digests[order]
    begins = np.zeros(len(digests), np.bool_)
    np.not_equal(found[1:], found[:-1], out=begins[1:])
    names = np.empty(len(digests), np.int64)
    names[order] = np.cumsum(begins)
    return names[: len(first)], names[len(first) :]


def once(
    first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the values that both lists hold exactly once, in the order of the values."""
    (values, places), (others, other_places) = _singles(first), _singles(second)
    if not (len(values) and len(others)):
        return places[:0], other_places[:0]
    beside = np.minimum(np.searchsorted(others, values), len(others) - 1)
    both = others[beside] == values
    return places[both], other_places[beside[both]]


def match(first: Names, second: Names, excluded: NDArray[np.bool_]) -> list[Run]:
    """Return runs of equal rows, in order on both sides; none touches the next one on both sides.

    Parameters
    ----------
    first, second : int64 (rows,)
    excluded : bool
        By name: rows that never decide, because they stand for nothing, such as empty ones.
    """
    runs: list[Run] = []
    ranking = _Ranking(first, second)
    waiting = [(0, len(first), 0, len(second))]
    while waiting:
        top, bottom, other_top, other_bottom = waiting.pop()
        head = _common(first[top:bottom], second[other_top:other_bottom])
        if head:
            runs.append(Run(top, other_top, head))
            top, other_top = top + head, other_top + head
        tail = _common(first[top:bottom][::-1], second[other_top:other_bottom][::-1])
        if tail:
            bottom, other_bottom = bottom - tail, other_bottom - tail
            runs.append(Run(bottom, other_bottom, tail))
        if top == bottom or other_top == other_bottom:
            continue
        anchors = _anchors((top, bottom, other_top, other_bottom), first, second, excluded, ranking)
        runs += anchors
        ends = [(top, other_top), *(run.ends for run in anchors)]
        begins = [*((run.first, run.second) for run in anchors), (bottom, other_bottom)]
        for end, begin in zip(ends, begins, strict=True) if anchors else ():
            if end[0] < begin[0] and end[1] < begin[1]:
                waiting.append((end[0], begin[0], end[1], begin[1]))
    return _joined(runs)


def straightened(runs: Sequence[Run], first: Names, second: Names) -> list[Run]:
    """Return runs; those between two of one displacement go there too, where they are equal there."""
    found = list(runs)
    for place in range(1, len(found) - 1):
        before, run, after = found[place - 1 : place + 2]
        shift = before.displacement
        if shift != after.displacement or shift == run.displacement:
            continue
        for begin in (run.first, run.second - shift):
            moved = Run(begin, begin + shift, run.length)
            inside = begin >= before.ends[0] and moved.ends[0] <= after.first
            if inside and np.array_equal(_rows(first, begin, moved), _rows(second, begin + shift, moved)):
                found[place] = moved
                break
    return _joined(found)


def increasing(values: Sequence[int]) -> list[int]:
    """Return the places of a longest strictly increasing subsequence.

    References
    ----------
    Fredman: On computing the length of longest increasing subsequences, 1975,
    doi:10.1016/0012-365X(75)90103-X.
    """
    lowest: list[int] = []  # the smallest last value of a subsequence of each length
    places: list[int] = []
    before = [-1] * len(values)
    for place, value in enumerate(values):
        length = bisect.bisect_left(lowest, value)
        before[place] = places[length - 1] if length else -1
        if length == len(lowest):
            lowest.append(value)
            places.append(place)
        else:
            lowest[length], places[length] = value, place
    found: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]


def consecutive(one: NDArray[np.int64], other: NDArray[np.int64]) -> list[Run]:
    """Return pairs of rows, in order, as runs of those that follow each other on both sides."""
    breaks = np.flatnonzero((np.diff(one) != 1) | (np.diff(other) != 1)) + 1
    starts = np.concatenate([[0], breaks]) if len(one) else breaks
    lengths = np.diff(np.concatenate([starts, [len(one)]]))
    return [
        Run(*run) for run in zip(one[starts].tolist(), other[starts].tolist(), lengths.tolist(), strict=True)
    ]


class _Ranking:
    """Tell how far two rows are followed, and preceded, by equal ones, for many pairs at once.

    Sums of names times powers of one odd number name each stretch of rows, so that stretches are compared in
    one step and their length is found by halving.
    """

    def __init__(self, first: Names, second: Names) -> None:
        self._lists = first, second
        self._sums: list[NDArray[np.uint64]] = []
        self._powers = np.empty(0, np.uint64)

    def extent(
        self, one: Names, other: Names, limits: tuple[int, int, int, int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many rows before each pair, and from it on, are equal within the limits."""
        if not self._sums:
            self._prepare()
        top, bottom, other_top, other_bottom = limits
        before = self._longest(one, other, np.minimum(one - top, other - other_top), -1)
        after = self._longest(one, other, np.minimum(bottom - one, other_bottom - other), 1)
        return before, after

    def _prepare(self) -> None:
        count = max(map(len, self._lists)) + 1
        self._powers = np.full(count, 0x9E3779B97F4A7C15, np.uint64)
        self._powers[0] = 1
        self._powers = np.multiply.accumulate(self._powers)
        for names in self._lists:
            mixed = (names.astype(np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(31)
            mixed *= np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(29)
            self._sums.append(np.concatenate([[np.uint64(0)], np.cumsum(mixed * self._powers[: len(names)])]))

    def _longest(self, one: Names, other: Names, most: Names, way: int) -> NDArray[np.int64]:
        low, high = np.zeros_like(most), most.copy()
        while (low < high).any():
            middle = (low + high + 1) // 2
            starts = (one, other) if way > 0 else (one - middle, other - middle)
            stretches = [
                sums[start + middle] - sums[start] for sums, start in zip(self._sums, starts, strict=True)
            ]
            equal = stretches[0] * self._powers[starts[1]] == stretches[1] * self._powers[starts[0]]
            low, high = np.where(equal, middle, low), np.where(equal, high, middle - 1)
        return low


def _anchors(
    limits: tuple[int, int, int, int],
    first: Names,
    second: Names,
    excluded: NDArray[np.bool_],
    ranking: _Ranking,
) -> list[Run]:
    """Return runs within the limits that certainly belong together; the rest is looked for around them."""
    top, bottom, other_top, other_bottom = limits
    places = np.flatnonzero(~excluded[first[top:bottom]]) + top
    other_places = np.flatnonzero(~excluded[second[other_top:other_bottom]]) + other_top
    if not (len(places) and len(other_places)):
        return []
    names, others = first[places], second[other_places]
    size = int(max(names.max(), others.max())) + 1
    counts, other_counts = np.bincount(names, minlength=size), np.bincount(others, minlength=size)
    often = np.maximum(counts, other_counts)
    often[(counts == 0) | (other_counts == 0)] = RARE + 1
    lowest = int(often.min())
    if lowest == 1:
        place_of = np.zeros(size, np.int64)
        place_of[others] = other_places
        unique = often[names] == 1
        at, beside = places[unique], place_of[names[unique]]
        if (np.diff(beside) < 0).any():
            kept = increasing(beside.tolist())
            at, beside = at[kept], beside[kept]
        return consecutive(at, beside)
    if lowest > RARE:
        return []
    rare = np.flatnonzero(often <= RARE)
    place_of = np.zeros(size, np.int64)
    place_of[names[::-1]] = places[::-1]  # of several the first one
    order = np.lexsort((place_of[rare], often[rare]))[:_MOST_RARE]
    at, beside = _pairings(rare[order], first[top:bottom], second[other_top:other_bottom])
    at, beside = at + top, beside + other_top
    before, after = ranking.extent(at, beside, limits)
    best = np.lexsort((beside - before, at - before, -(before + after)))[0]
    i, j = int(at[best]), int(beside[best])
    before_it = _common(first[top:i][::-1], second[other_top:j][::-1])
    after_it = _common(first[i:bottom], second[j:other_bottom])
    return [Run(i - before_it, j - before_it, before_it + after_it)]


def _singles(values: NDArray[np.integer[Any]]) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """Return the values that a list holds once, sorted, and their places."""
    order = np.argsort(values)
    found = values[order]
    begins = np.ones(len(found) + 1, np.bool_)
    np.not_equal(found[1:], found[:-1], out=begins[1:-1])
    single = begins[1:] & begins[:-1]
    return found[single], order[single]


def _pairings(names: Names, first: Names, second: Names) -> tuple[Names, Names]:
    """Return every pair of places that hold one of the names."""
    at = np.flatnonzero(np.isin(first, names))
    beside = np.flatnonzero(np.isin(second, names))
    one, other = np.nonzero(first[at][:, None] == second[beside][None, :])
    return at[one], beside[other]


def _rows(names: Names, start: int, run: Run) -> Names:
    return names[start : start + run.length]


def _common(one: Names, other: Names) -> int:
    """How many rows at the beginning are equal."""
    count = min(len(one), len(other))
    equal = one[:count] == other[:count]
    return count if equal.all() else int(equal.argmin())


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Sort runs, and join those that touch on both sides."""
    found: list[Run] = []
    for run in sorted(runs):
        if found and found[-1].ends == (run.first, run.second):
            found[-1] = found[-1]._replace(length=found[-1].length + run.length)
        else:
            found.append(run)
    return found
