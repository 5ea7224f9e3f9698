"""Pair two rectangles of one width, rows first, and what is left between equal rows by other means.

Every step here may be bad, but none can be wrong: what it proposes is compared byte for byte, so that a bad
pairing makes changes larger and hides none.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison import differences, matching, row_digests
from mymodules.comparison.differences import Counted
from mymodules.comparison.matching import Run
from mymodules.comparison.pieces import Kind, Picture, Piece, Words, rows_of
from mymodules.comparison.row_digests import Structure
from mymodules.regions import Region

LOWEST_BAND = 32
"""Rows; what is lower is compared in place."""

STRUCTURE, LANES, VOTES = "structure", "lanes", "votes"
ALL = (STRUCTURE, LANES, VOTES)

_FEW_PIXELS, _FEW = 1024, 0.05  # that differ in place: px, and share of the columns concerned
_GAIN = 0.6  # what another pairing may cost at most, as share of the plain one
_MOVED = 0.05  # share of the votes for another place; below it nothing else is looked for
_LOWEST, _LOWEST_VOTED = 6, 24  # rows
_GUTTER, _LANE = 12, 24  # px
_VOTES, _VOTES_OF_RUN = 8, 4
_NOISE = 3  # votes; a displacement with fewer is chance
_SAMPLE = 64  # rows and columns
_LOW = 512  # rows; of lower rectangles every stretch votes


class Gap(NamedTuple):
    """Two rectangles that belong together somehow, and the structure of both once it is known."""

    first: Region
    second: Region
    bits: tuple[Structure, Structure] | None = None

    def part(self, begin: tuple[int, int], end: tuple[int, int]) -> "Gap":
        """Some rows of either side, counted from its top."""
        return Gap(
            rows_of(self.first, begin[0], end[0]),
            rows_of(self.second, begin[1], end[1]),
            self.bits and (self.bits[0].rows(begin[0], end[0]), self.bits[1].rows(begin[1], end[1])),
        )

    @property
    def lower(self) -> int:
        """The height of the lower side."""
        return min(self.first.height, self.second.height)


class Pairing:
    """Pair rectangles of two pictures."""

    def __init__(self, first: Picture, second: Picture) -> None:
        self.first, self.second = first, second

    def band(self, gap: Gap) -> list[Piece]:
        """Pair two rectangles at the same place, of which nearly every row differs."""
        if gap.first.height >= LOWEST_BAND:
            gap = self._with_bits(gap)
            if not _in_place(gap):
                return self.stack(gap)
        return [Piece("edit", gap.first, gap.second)]

    def stack(self, gap: Gap, steps: Sequence[str] = ALL) -> list[Piece]:
        """Pair equal rows, and fill what lies between them."""
        words, others = self.first.at(gap.first), self.second.at(gap.second)
        rows, other_rows = row_digests.of_pixels(words), row_digests.of_pixels(others)
        first, second = matching.named(rows.digests, other_rows.digests)
        excluded = np.zeros(max(first.max(initial=-1), second.max(initial=-1)) + 1, np.bool_)
        excluded[first[rows.plain]] = True
        excluded[second[other_rows.plain]] = True
        runs = matching.straightened(matching.match(first, second, excluded), first, second)
        return self._between(gap, _verified(words, others, runs), "same", steps)

    def fill(self, gap: Gap, steps: Sequence[str] = ALL) -> list[Piece]:
        """Pair two rectangles that have no equal rows to go by, or only frequent ones."""
        first, second, _ = gap
        if not (first.height and second.height):
            kind: Kind = "insert" if second.height else "remove"
            return [Piece(kind, first, second)] if first.height or second.height else []
        plain: Piece
        if first.height == second.height:
            plain = Piece("edit", first, second)
            found = self.differing(plain)
            count = found.total
            if not count:
                return [Piece("same", first, second)]
            concerned = (found.right - found.left) * first.height
            if first.height < LOWEST_BAND or count < _FEW_PIXELS or count < _FEW * concerned:
                return [plain]
            bound = _GAIN * count
        else:
            plain = Piece("swap", first, second)
            bound = self.cost([plain])
        return self._better(gap, steps, plain, bound) or [plain]

    def _better(self, gap: Gap, steps: Sequence[str], plain: Piece, bound: float) -> list[Piece]:
        """Return pieces that cost less than the plain one, or none."""
        ways: dict[str, Callable[[Gap], list[Piece]]] = {
            STRUCTURE: self._by_structure,
            LANES: self._by_lanes,
            VOTES: self._by_votes,
        }
        if steps and gap.lower >= _LOWEST:
            gap = self._with_bits(gap)
            if plain.kind == "edit" and _in_place(gap):
                return []
        most = {STRUCTURE: bound, LANES: bound, VOTES: bound}
        if plain.kind == "swap":  # the same words in other colours belong together, whatever that costs
            most |= {STRUCTURE: np.inf, VOTES: _GAIN * bound}
        for step in steps:
            if gap.lower < (_LOWEST_VOTED if step == VOTES else _LOWEST):
                continue
            pieces = ways[step](gap)
            if pieces and self.cost(pieces) < most[step]:
                return pieces
        if plain.kind == "swap":
            pieces = self._between_runs(gap, [])
            edits = [piece for piece in pieces if piece.kind == "edit"]
            apart = [Piece("swap", piece.first, piece.second) for piece in edits]
            if self.cost(edits) < _GAIN * self.cost(apart):
                return pieces
        return []

    def differing(self, piece: Piece) -> Counted:
        """How the sides of an `edit` differ."""
        return differences.counted(self.first.at(piece.first), self.second.at(piece.second))

    def cost(self, pieces: Iterable[Piece]) -> float:
        """Return about how many pixels a person has to look at: those that differ, or that are not ground."""
        total = 0.0
        for piece in pieces:
            if piece.kind == "edit":
                total += self.differing(piece).total
            elif piece.kind != "same":
                total += _content(self.first.at(piece.first)) + _content(self.second.at(piece.second))
        return total

    def _between(self, gap: Gap, runs: Sequence[Run], kind: Kind, steps: Sequence[str]) -> list[Piece]:
        """Return the runs as pieces of a kind, and what fills the gaps before, between and after them."""
        pieces: list[Piece] = []
        end = 0, 0
        for run in runs:
            begin = run.first, run.second
            pieces += self.fill(gap.part(end, begin), steps)
            end = run.ends
            part = gap.part(begin, end)
            pieces.append(Piece(kind, part.first, part.second))
        return pieces + self.fill(gap.part(end, (gap.first.height, gap.second.height)), steps)

    def _with_bits(self, gap: Gap) -> Gap:
        if gap.bits is not None:
            return gap
        sides = self.first.at(gap.first), self.second.at(gap.second)
        return gap._replace(bits=(row_digests.structure(sides[0]), row_digests.structure(sides[1])))

    def _by_structure(self, gap: Gap) -> list[Piece]:
        """Pair rows whose brightness steps are at the same places: text before another background."""
        assert gap.bits is not None
        first, second = matching.named(*map(row_digests.of_structure, gap.bits))
        excluded = np.zeros(max(int(first.max()), int(second.max())) + 1, np.bool_)
        for names, bits in ((first, gap.bits[0]), (second, gap.bits[1])):
            excluded[names[~bits.busy_rows()]] = True
        runs = matching.straightened(matching.match(first, second, excluded), first, second)
        kept = [
            run
            for run in runs
            if run.length >= 4 and len(set(first[run.first : run.first + run.length].tolist())) >= 3
        ]
        return self._between(gap, kept, "edit", (LANES, VOTES)) if kept else []

    def _by_lanes(self, gap: Gap) -> list[Piece]:
        """Pair columns of text each by itself: a side bar that stays while the text beside it moves."""
        assert gap.bits is not None
        cuts = _lanes(gap.bits)
        if len(cuts) < 3:
            return []
        pieces: list[Piece] = []
        for left, right in pairwise(cuts):
            first, second = (
                Region(box.x + left, box.y, right - left, box.height) for box in (gap.first, gap.second)
            )
            bits = gap.bits[0].columns(left, right), gap.bits[1].columns(left, right)
            pieces += self.stack(Gap(first, second, bits), (STRUCTURE,))
        return pieces if any(piece.kind in ("same", "edit") for piece in pieces) else []

    def _by_votes(self, gap: Gap) -> list[Piece]:
        """Pair rows for which many short stretches of structure vote, where no whole row is equal."""
        assert gap.bits is not None
        runs = _voted(*map(row_digests.tiles, gap.bits))
        return self._between_runs(gap, runs) if runs else []

    def _between_runs(self, gap: Gap, runs: Sequence[Run]) -> list[Piece]:
        """Return the runs as edits, each grown up and down to where the next one differs less."""
        height, other_height = gap.first.height, gap.second.height
        ends = [Run(0, 0, 0), *runs, Run(height, other_height, 0)]
        pieces: list[Piece] = []
        begin = 0, 0
        for upper, lower in pairwise(ends):
            space = gap.part(upper.ends, (lower.first, lower.second))
            fill = space.lower
            rows = self._differing_rows(space, fill)
            above = np.concatenate([[0], np.cumsum(rows[0])])
            below = np.concatenate([[0], np.cumsum(rows[1])])
            costs = above + (below[-1] - below)
            split = fill - int(costs[::-1].argmin())  # the lowest of equal places
            end = upper.ends[0] + split, upper.ends[1] + split
            pieces += self._edit(gap.part(begin, end))
            begin = lower.first - (fill - split), lower.second - (fill - split)
            rest = gap.part(end, begin)
            if rest.first.height or rest.second.height:
                pieces.append(Piece("insert" if rest.second.height else "remove", rest.first, rest.second))
        return pieces + self._edit(gap.part(begin, (height, other_height)))

    def _edit(self, gap: Gap) -> list[Piece]:
        return [Piece("edit", gap.first, gap.second)] if gap.first.height else []

    def _differing_rows(self, gap: Gap, rows: int) -> list[NDArray[np.int64]]:
        """Return how many pixels of each row differ, both sides put together at the top and at the bottom."""
        one, other = self.first.at(gap.first), self.second.at(gap.second)
        pairs = (one[:rows], other[:rows]), (one[len(one) - rows :], other[len(other) - rows :])
        return [differences.counted(a, b).rows for a, b in pairs]


def _verified(first: Words, second: Words, runs: Sequence[Run]) -> list[Run]:
    """Return runs of which every byte is equal; others are cut to the rows of which that is true."""
    found: list[Run] = []
    for run in runs:
        one = first[run.first : run.first + run.length]
        other = second[run.second : run.second + run.length]
        if differences.equal_rows(one, other) == run.length:
            found.append(run)
        else:
            equal = np.flatnonzero(differences.counted(one, other).rows == 0)
            found += matching.consecutive(equal + run.first, equal + run.second)
    return found


def _content(words: Words) -> float:
    """Return about how many pixels are not of the commonest colour, by a sample."""
    if not words.size:
        return 0
    rows, columns = (np.arange(min(n, _SAMPLE)) * n // min(n, _SAMPLE) for n in words.shape)
    sample = words[rows[:, None], columns]
    _, counts = np.unique(sample, return_counts=True)
    return float(words.size * (1 - counts.max() / sample.size))


def _lanes(bits: tuple[Structure, Structure]) -> list[int]:
    """Return where lanes begin and end: in the middle of every gutter that parts two of them."""
    busy = np.flatnonzero(bits[0].busy_columns() | bits[1].busy_columns())
    width = bits[0].width
    cuts = [0]
    for left, right in zip(busy[:-1].tolist(), busy[1:].tolist(), strict=True):
        middle = (left + 1 + right) // 2
        if right - left - 1 >= _GUTTER and middle - cuts[-1] >= _LANE and width - middle >= _LANE:
            cuts.append(middle)
    return [*cuts, width]


def _in_place(gap: Gap) -> bool:
    """Whether nearly all structure that can be found again stands at the same place on both sides.

    Text in another colour keeps much of its structure. Of high rectangles only some stretches are asked.
    """
    assert gap.bits is not None
    sides = [row_digests.tiles(bits) for bits in gap.bits]
    share = np.uint64(gap.first.height // _LOW)
    if share > 1:
        sides = [np.where(tiles % share == 0, tiles, np.uint64(0)) for tiles in sides]
    pairs, weights = _votes(*sides)
    by_place = _by_displacement(pairs, weights)
    still = int(weights[pairs[:, 0] == pairs[:, 1]].sum())
    others = weights[(pairs[:, 0] != pairs[:, 1]) & (by_place >= _NOISE)].sum()
    return still >= _VOTES and int(others) <= _MOVED * still


def _by_displacement(pairs: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each pair how many votes its displacement has."""
    _, numbers = np.unique(pairs[:, 1] - pairs[:, 0], return_inverse=True)
    return np.bincount(numbers, weights).astype(np.int64)[numbers]


def _votes(
    first: NDArray[np.uint64], second: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of rows, (pairs, 2) in order, and how many tiles unique in their column vote for each."""
    sides = first.reshape(-1), second.reshape(-1)
    places = [np.flatnonzero(tiles) for tiles in sides]
    # Equal stretches of different columns have different numbers.
    one, other = matching.once(*(tiles[at] for tiles, at in zip(sides, places, strict=True)))
    height, width = max(1, len(second)), max(1, first.shape[1])
    rows, other_rows = places[0][one] // width, places[1][other] // width
    pairs, weights = np.unique(rows * height + other_rows, return_counts=True)
    return np.stack(np.divmod(pairs, height), axis=1), weights


def _voted(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> list[Run]:
    """Return runs of rows that enough tiles put together."""
    pairs, weights = _votes(first, second)
    if not len(pairs):
        return []
    frequent = _by_displacement(pairs, weights) >= _VOTES
    pairs, weights = pairs[frequent], weights[frequent]
    order = np.lexsort((-pairs[:, 1], pairs[:, 0]))  # so that of pairs of one row at most one is taken
    pairs, weights = pairs[order], weights[order]
    kept = matching.increasing(pairs[:, 1].tolist())
    pairs, weights = pairs[kept], weights[kept]
    breaks = np.flatnonzero(np.diff(pairs[:, 1] - pairs[:, 0])) + 1
    runs = []
    for part, weight in zip(np.split(pairs, breaks), np.split(weights, breaks), strict=True):
        if weight.sum() >= _VOTES_OF_RUN:
            (top, other_top), (bottom, _) = part[0].tolist(), part[-1].tolist()
            runs.append(Run(top, other_top, bottom + 1 - top))
    return runs
