"""Find rows that exchanged places: equal on both sides, but in another order."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison import matching, row_digests
from mymodules.comparison.differences import equal_rows
from mymodules.comparison.gaps import Gap, Pairing
from mymodules.comparison.matching import Names, Run
from mymodules.comparison.pieces import Picture, Piece, joined, rows_of
from mymodules.formats.png import stretches
from mymodules.regions import Region

DIFFERENT = 4
"""The smallest number of different rows that make a block; fewer are equal by chance."""

_TURNS = 512  # rows


class _Free(NamedTuple):
    """Rows of one side that nothing holds: their numbers in the picture, and their digests."""

    numbers: NDArray[np.int64]
    digests: row_digests.Digests


def found(pieces: Sequence[Piece], pairing: Pairing) -> list[Piece]:
    """Return pieces in which whole rows that came and went elsewhere are a `move`; other pieces are cut."""
    pieces = _exchanged(_turned(list(pieces), pairing), pairing)
    free = _free(pieces, pairing, 0), _free(pieces, pairing, 1)
    runs = _runs(*free, pairing)
    if not runs:
        return list(pieces)
    width = pairing.first.box.width
    moved = [
        Piece("move", Region(0, run.first, width, run.length), Region(0, run.second, width, run.length))
        for run in runs
    ]
    taken = _rows(moved, 0, pairing.first), _rows(moved, 1, pairing.second)
    for piece in pieces:
        boxes = piece.first, piece.second
        gone, come = (rows[box.y : box.y + box.height] for rows, box in zip(taken, boxes, strict=True))
        if not (_is_free(piece, width) and (gone.any() or come.any())):
            moved.append(piece)
        elif piece.kind == "edit":
            moved += _cut_edit(piece, gone, come)
        else:
            moved += _cut(piece, gone, come, pairing)
    return moved


def _is_free(piece: Piece, width: int) -> bool:
    """Whether rows of a piece may have come from elsewhere."""
    return piece.kind not in ("same", "move") and piece.first.width == piece.second.width == width


def _free(pieces: Sequence[Piece], pairing: Pairing, side: int) -> _Free:
    picture = (pairing.first, pairing.second)[side]
    numbers, digests = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for piece in pieces:
        box = (piece.first, piece.second)[side]
        if not _is_free(piece, picture.box.width) or not box.height:
            continue
        rows = np.arange(box.height)
        if piece.kind == "edit":  # rows that are equal in place have not moved
            rows = np.flatnonzero(pairing.differing(piece).rows)
        numbers.append(rows + box.y)
        digests.append(row_digests.of_pixels(picture.at(box)).digests[rows])
    return _Free(np.concatenate(numbers), np.concatenate(digests))


def _runs(first: _Free, second: _Free, pairing: Pairing) -> list[Run]:
    """Return blocks of free rows that are equal, as rows of the pictures."""
    names, others = matching.named(first.digests, second.digests)
    at, beside = matching.once(names, others)
    seeds = sorted(zip(at.tolist(), beside.tolist(), strict=True))
    taken, taken_there = np.zeros(len(names), np.bool_), np.zeros(len(others), np.bool_)
    runs: list[Run] = []
    for i, j in seeds:
        if taken[i] or taken_there[j]:
            continue
        equal = _Growth((first.numbers, second.numbers), (names, others), (taken, taken_there))
        up, down = equal.reach(i, j, -1), equal.reach(i, j, 1)
        start, length = (i - up, j - up), up + 1 + down
        run = Run(int(first.numbers[start[0]]), int(second.numbers[start[1]]), length)
        if len(set(names[start[0] : start[0] + length].tolist())) < DIFFERENT or not _equal(run, pairing):
            continue
        taken[start[0] : start[0] + length] = taken_there[start[1] : start[1] + length] = True
        runs.append(run)
    return runs


class _Growth(NamedTuple):
    """Free rows of both sides: their numbers, their names, and which of them a move has already."""

    numbers: tuple[NDArray[np.int64], NDArray[np.int64]]
    names: tuple[Names, Names]
    taken: tuple[NDArray[np.bool_], NDArray[np.bool_]]

    def reach(self, one: int, other: int, way: int) -> int:
        """Return how many rows beyond a pair of equal ones are neighbours, equal and free."""
        count = 0
        while True:
            ends = one + way * (count + 1), other + way * (count + 1)
            for numbers, taken, end in zip(self.numbers, self.taken, ends, strict=True):
                if not 0 <= end < len(numbers) or taken[end] or numbers[end] - numbers[end - way] != way:
                    return count
            if self.names[0][ends[0]] != self.names[1][ends[1]]:
                return count
            count += 1


def _exchanged(pieces: Sequence[Piece], pairing: Pairing) -> Sequence[Piece]:
    """Return pieces in which all that went in one place and came in another is a `move`."""
    went, came = (_by_digests(pieces, kind, pairing, in_order=True) for kind in ("remove", "insert"))
    found = dict(enumerate(pieces))
    for digests in went.keys() & came.keys():
        for gone, come in zip(went[digests], came[digests], strict=False):
            first, second = pieces[gone].first, pieces[come].second
            words = pairing.first.at(first)
            one_kind = (words == words[0]).all()  # such as empty rows, which are equal by chance
            if not one_kind and np.array_equal(words, pairing.second.at(second)):
                found[gone] = Piece("move", first, second)
                del found[come]
    return list(found.values())


def _by_digests(
    pieces: Sequence[Piece], kind: str, pairing: Pairing, *, in_order: bool
) -> dict[bytes, list[int]]:
    """Return the places of whole rows that came, or went, by their digests, in order or sorted."""
    picture = pairing.first if kind == "remove" else pairing.second
    found: dict[bytes, list[int]] = {}
    for place, piece in enumerate(pieces):
        box = piece.first if kind == "remove" else piece.second
        if piece.kind == kind and box.width == picture.box.width:
            digests = row_digests.of_pixels(picture.at(box)).digests
            found.setdefault((digests if in_order else np.sort(digests)).tobytes(), []).append(place)
    return found


def _equal(run: Run, pairing: Pairing) -> bool:
    width = pairing.first.box.width
    one = pairing.first.at(Region(0, run.first, width, run.length))
    return equal_rows(one, pairing.second.at(Region(0, run.second, width, run.length))) == run.length


def _rows(moved: Sequence[Piece], side: int, picture: Picture) -> NDArray[np.bool_]:
    """Which rows of a picture moved."""
    rows = np.zeros(picture.box.height, np.bool_)
    for piece in moved:
        box = (piece.first, piece.second)[side]
        rows[box.y : box.y + box.height] = True
    return rows


def _cut_edit(piece: Piece, gone: NDArray[np.bool_], come: NDArray[np.bool_]) -> Iterator[Piece]:
    """Yield what is left of an `edit`: rows of which one side moved have no partner any more."""
    states = gone + 2 * come.astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
    for start, stop in pairwise(edges):
        first, second = rows_of(piece.first, start, stop), rows_of(piece.second, start, stop)
        if states[start] == 0:
            yield Piece("edit", first, second)
        elif states[start] == 1:
            yield Piece("insert", first._replace(height=0), second)
        elif states[start] == 2:
            yield Piece("remove", first, second._replace(height=0))


def _cut(piece: Piece, gone: NDArray[np.bool_], come: NDArray[np.bool_], pairing: Pairing) -> Iterator[Piece]:
    """Yield what is left of another piece: what stays of both sides, paired in order."""
    sides = (piece.first, stretches(~gone)), (piece.second, stretches(~come))
    for parts in zip_longest(*(stays for _, stays in sides)):
        first, second = (
            rows_of(box, *(part or (box.height, box.height)))
            for (box, _), part in zip(sides, parts, strict=True)
        )
        yield from pairing.fill(Gap(first, second))


def _turned(pieces: list[Piece], pairing: Pairing) -> Sequence[Piece]:
    """Raise what came, or what went, where that makes both the same block of rows.

    A block that stands between equal rows can begin at several places. What went stands at the lowest of its
    places, what came at the lowest of others, so that one may be a rotation of the other.
    """
    went, came = (_by_digests(pieces, kind, pairing, in_order=False) for kind in ("remove", "insert"))
    steps: dict[int, int] = {}
    for digests in went.keys() & came.keys():
        for gone, come in zip(went[digests], came[digests], strict=False):
            steps[gone], steps[come] = _steps(pieces, gone, come, pairing) or (0, 0)
    for place in sorted((place for place, step in steps.items() if step), reverse=True):
        pieces[place - 1 : place + 1] = _raised(pieces[place - 1], pieces[place], steps[place])
    return joined(pieces)


def _steps(pieces: Sequence[Piece], went: int, came: int, pairing: Pairing) -> tuple[int, int] | None:
    """Return by how many rows to raise both so that they are equal, or None; the fewest rows in all."""
    sides = []
    for place, picture, box in (
        (went, pairing.first, pieces[went].first),
        (came, pairing.second, pieces[came].second),
    ):
        above = pieces[place - 1] if place else None
        most = 0
        if above is not None and above.kind == "same" and above.ends_at(pieces[place]):
            rows = box._replace(height=min(_TURNS, above.first.height, box.height))
            rows = rows._replace(y=box.y - rows.height)
            bottom = rows._replace(y=rows.y + box.height)
            most = equal_rows(picture.at(rows), picture.at(bottom), upwards=True)
        sides.append(
            row_digests.of_pixels(picture.at(box._replace(y=box.y - most, height=box.height + most))).digests
        )
    height = pieces[went].first.height
    turns = [len(side) - height for side in sides]
    best: tuple[int, int] | None = None
    for up, other_up in np.argwhere(
        sides[0][turns[0] :: -1][: turns[0] + 1, None] == sides[1][turns[1] :: -1][: turns[1] + 1]
    ).tolist():
        if best is not None and up + other_up >= sum(best):
            continue
        one, other = (
            side[turn - step :][:height]
            for side, turn, step in zip(sides, turns, (up, other_up), strict=True)
        )
        if np.array_equal(one, other):
            best = up, other_up
    return best


def _raised(above: Piece, piece: Piece, step: int) -> Iterator[Piece]:
    """Yield a piece that stands higher, what is left above it, and the equal rows that are now below it."""
    height = above.first.height
    if step < height:
        yield Piece("same", *(rows_of(box, 0, height - step) for box in (above.first, above.second)))
    first, second = (box._replace(y=box.y - step) for box in (piece.first, piece.second))
    yield Piece(piece.kind, first, second)
    yield Piece("same", *(Region(box.x, box.y + box.height, box.width, step) for box in (first, second)))
