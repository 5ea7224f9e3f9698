"""Pair all of one picture with all of another, so that what only moved is not taken for a change.

`align` is pure: it takes pixels and returns pieces. It may pair badly, never wrongly (see `pieces`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison import differences, moves
from mymodules.comparison.differences import equal_rows
from mymodules.comparison.gaps import Gap, Pairing
from mymodules.comparison.pieces import (
    Picture,
    Piece,
    Words,
    in_reading_order,
    joined,
    pictures,
    rows_of,
    transposed,
)
from mymodules.formats.png import stretches
from mymodules.images import Rgba
from mymodules.regions import Region

_NEAR = 48  # equal rows between two differing ones that are still looked at together


def align(
    first: Rgba | Picture, second: Rgba | Picture, *, rows_differ: NDArray[np.bool_] | None = None
) -> tuple[Piece, ...]:
    """Return pieces: rectangles of first, each paired with one of second.

    Identity: one `same`. Exchanging the pictures mirrors the kinds, but for ties.

    Parameters
    ----------
    first, second : uint8 (height, width, 4), or Picture
        RGBA, not premultiplied; of any size.
    rows_differ : bool (height,), optional
        Of pictures of one size: which rows differ, or may differ. Others are not read.

    Returns
    -------
    tuple of Piece
        In reading order of second. They tile both pictures; `same` and `move` are equal byte for byte.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.

    Notes
    -----
    Rows are paired where heights differ, columns where widths do; if both do, all is one `swap`. Rows that
    are equal decide first, by patience and histogram diff; between them the structure of rows, columns of
    text by themselves, and votes of short stretches. Pictures of one size are looked at only around rows
    that differ, and less than 32 such rows in place.
    """
    one, other = pictures(first, second)
    (height, width), (other_height, other_width) = one.words.shape, other.words.shape
    if height != other_height and width != other_width:
        return (Piece("swap", one.box, other.box),)
    if width != other_width:
        turned = _aligned(one.transposed(), other.transposed(), None)
        return in_reading_order(map(transposed, turned))
    return in_reading_order(_aligned(one, other, rows_differ))


def _aligned(first: Picture, second: Picture, rows_differ: NDArray[np.bool_] | None) -> list[Piece]:
    """Pair two pictures of one width."""
    pairing = Pairing(first, second)
    if first.box == second.box:
        differ = differing_rows(first.words, second.words) if rows_differ is None else rows_differ
        bands = [((top, top), (bottom, bottom)) for top, bottom in _bands(differ)]
    else:
        bands = [_around_difference(first.words, second.words)]
    whole = Gap(first.box, second.box)
    pieces: list[Piece] = []
    end = 0, 0
    for begin, stop in bands:
        pieces += _same(whole.part(end, begin))
        band = whole.part(begin, stop)
        pieces += pairing.band(band) if first.box == second.box else pairing.stack(band)
        end = stop
    pieces += _same(whole.part(end, (first.box.height, second.box.height)))
    pieces = joined(_straightened(joined(pieces), pairing))
    pieces = joined(_lowered(pieces, pairing))
    if all(piece.kind in ("same", "edit") for piece in pieces):
        return pieces
    return joined(moves.found(pieces, pairing))


def differing_rows(first: Words, second: Words) -> NDArray[np.bool_]:
    """Return which rows of two pictures of one size differ: bool (height,)."""
    return differences.counted(first, second).rows > 0


def _same(gap: Gap) -> list[Piece]:
    return [Piece("same", gap.first, gap.second)] if gap.first.height else []


def _bands(differ: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield runs of differing rows (start, stop), those near each other as one."""
    last: tuple[int, int] | None = None
    for start, stop in stretches(differ):
        if last is not None and start - last[1] <= _NEAR:
            last = last[0], stop
        else:
            if last is not None:
                yield last
            last = start, stop
    if last is not None:
        yield last


def _around_difference(first: Words, second: Words) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where the rows that both begin with end, and where those that both end with begin."""
    lower = min(len(first), len(second))
    head = equal_rows(first[:lower], second[:lower])
    rest = lower - head
    tail = equal_rows(first[len(first) - rest :], second[len(second) - rest :], upwards=True)
    return (head, head), (len(first) - tail, len(second) - tail)


def _straightened(pieces: Sequence[Piece], pairing: Pairing) -> list[Piece]:
    """Put rows that moved away and back again into their place, where they are equal there too."""
    found = list(pieces)
    place = 0
    while place + 5 <= len(found):
        before, gone, run, come, after = found[place : place + 5]
        if (
            run.kind == "same"
            and {gone.kind, come.kind} == {"insert", "remove"}
            and all(piece.kind in ("same", "edit") for piece in (before, after))
            and before.displacement == after.displacement != run.displacement
            and all(piece.first.width == pairing.first.box.width for piece in (before, run, after))
        ):
            instead = _in_place(before, run, after, pairing)
            if instead:
                found[place + 1 : place + 4] = instead
        place += 1
    return found


def _lowered(pieces: Sequence[Piece], pairing: Pairing) -> list[Piece]:
    """Put what came or went at the lowest of all equal places, so that it does not depend on the search."""
    found: list[Piece] = []
    waiting = list(reversed(pieces))
    while waiting:
        piece = waiting.pop()
        below = waiting[-1] if waiting else None
        slides = piece.kind in ("insert", "remove") and below is not None and below.kind == "same"
        if not slides or below is None or not piece.ends_at(below):
            found.append(piece)
            continue
        picture, box, other = pairing.second, piece.second, below.second
        if piece.kind == "remove":
            picture, box, other = pairing.first, piece.first, below.first
        step = equal_rows(picture.at(box._replace(height=other.height)), picture.at(other))
        if step == below.first.height and len(waiting) > 1:
            following = waiting[-2]
            step -= not (following.kind == piece.kind and following.first.x == piece.first.x)
        if not step:
            found.append(piece)
            continue
        waiting.pop()
        kept = (Region(place.x, place.y, place.width, step) for place in (piece.first, piece.second))
        found.append(Piece("same", *kept))
        moved = Piece(piece.kind, *(box._replace(y=box.y + step) for box in (piece.first, piece.second)))
        rest = [rows_of(box, step, box.height) for box in (below.first, below.second)]
        if rest[0].height:
            found.append(moved)
            waiting.append(Piece("same", *rest))
        elif waiting and waiting[-1].kind == piece.kind and waiting[-1].first.x == piece.first.x:
            waiting.append(joined([moved, waiting.pop()])[0])
        else:
            found.append(moved)
    return found


def _in_place(before: Piece, run: Piece, after: Piece, pairing: Pairing) -> list[Piece]:
    """Return pieces of one displacement for what lies between two of it, if the run is equal there too."""
    top, bottom = before.first.y + before.first.height, after.first.y
    shift = before.displacement[1]
    box = Region(0, top, run.first.width, bottom - top)
    words, others = pairing.first.at(box), pairing.second.at(box._replace(y=top + shift))
    differ = differing_rows(words, others)
    starts = run.first.y - top, run.second.y - shift - top
    if not any(start >= 0 and not differ[start : start + run.first.height].any() for start in starts):
        return []
    pieces: list[Piece] = []
    edges = [0, *(np.flatnonzero(np.diff(differ)) + 1).tolist(), bottom - top]
    for start, stop in pairwise(edges):
        first = rows_of(box, start, stop)
        pieces.append(Piece("edit" if differ[start] else "same", first, first._replace(y=first.y + shift)))
    return pieces
