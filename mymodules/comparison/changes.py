"""What changed between two pictures, as a list for a person: boxes, each with a kind and a signature.

`changes` is pure. With the pieces, the list says all: what no change covers is equal, or moved along with
what stands above it.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from mymodules.comparison import differences, signatures
from mymodules.comparison.differences import Boxes
from mymodules.comparison.pieces import Picture, Piece, Words, pictures, transposed
from mymodules.images import Rgba
from mymodules.regions import Gatherer, Region

_SAMPLE = 32  # rows and columns
_TOGETHER = 1 << 18  # pairs of a box and a region that are looked at at once

ChangeKind = Literal["edit", "swap", "insert", "remove", "move", "space"]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes
    ----------
    kind : str
        ``edit`` (in place, or in something that moved), ``insert``, ``remove``, ``swap`` (something else),
        ``move``, or ``space``: only room came or went, such as empty rows.
    first, second : Region
        Where, px. One of them may be empty, and stands where the other would be.
    pixels : int
        px: of an `edit` those that differ, of others the larger area of their piece.
    largest : int or None
        Of an `edit`, the largest difference of a channel, 1..255.
    faint : int
        px of an `edit` that differ by at most 8 levels in any channel.
    signature : str
        24 hexadecimal digits; equal for changes that show the same, wherever they stand.
    surroundings : str
        24 hexadecimal digits of the 64 x 24 px around the change.
    """

    kind: ChangeKind
    first: Region
    second: Region
    pixels: int
    largest: int | None
    faint: int
    signature: str
    surroundings: str


def changes(first: Rgba | Picture, second: Rgba | Picture, pieces: Sequence[Piece]) -> tuple[Change, ...]:
    """Return what changed, in reading order of second.

    Identity: nothing.

    Parameters
    ----------
    first, second : uint8 (height, width, 4), or Picture
    pieces : sequence of Piece
        As `alignment.align` returns them.

    Returns
    -------
    tuple of Change
        Every pixel that differs in an `edit` lies in exactly one change of its displacement; every other
        piece that is not `same` is one change. Boxes in place follow the rule of `regions.from_pixels`;
        others leave out what only repeats the rows around them.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    one, other = pictures(first, second)
    found = list(_edits(one, other, [piece for piece in pieces if piece.kind == "edit"]))
    turned: tuple[Picture, Picture] | None = None
    for piece in pieces:
        if piece.kind in ("insert", "remove") and not (piece.first.width and piece.second.width):
            turned = turned or (one.transposed(), other.transposed())
            found.append(_upright(_piece(*turned, transposed(piece)), one, other))
        elif piece.kind not in ("same", "edit"):
            found.append(_piece(one, other, piece))
    return tuple(sorted(found, key=lambda change: (change.second[1::-1], change.first[1::-1], change.kind)))


def listed(found: Sequence[Change], by: Sequence[Sequence[str]] = ()) -> str:
    """Return changes as one text, see `results.listing`.

    Parameters
    ----------
    found : sequence of Change
    by : sequence of (sequence of str), optional
        For each change the names of the rules that have taken all of it, see `ruling.Ruling`.
    """
    texts = [
        " ".join(
            "-" if value is None else str(value)
            for value in (
                *(each.kind, *each.first, *each.second, each.pixels),
                *(each.largest, each.faint, each.signature, each.surroundings),
            )
        )
        for each in found
    ]
    if any(by):
        from mymodules.rules import account  # most runs have no rules

        texts = [
            f"{text} {account.joined(names)}" if names else text
            for text, names in zip(texts, by, strict=True)
        ]
    return "|".join(texts)


def of_listed(text: str) -> tuple[Change, ...]:
    """Return the changes that `listed` made a text of."""
    found = []
    for each in text.split("|") if text else ():
        kind, *figures = each.split(" ")
        first, second = (Region(*map(int, figures[side : side + 4])) for side in (0, 4))
        pixels, largest, faint, signature, around = figures[8:13]
        level = None if largest == "-" else int(largest)
        figures_of = first, second, int(pixels), level, int(faint), signature, around
        found.append(Change(cast(ChangeKind, kind), *figures_of))
    return tuple(found)


def _edits(one: Picture, other: Picture, pieces: Iterable[Piece]) -> Iterator[Change]:
    """Yield the changes in place; those of one displacement are gathered together."""
    groups: dict[tuple[int, int], list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.displacement, []).append(piece)
    for displacement, group in groups.items():
        boxes = np.concatenate([_boxes(one, other, piece) for piece in group])
        gatherer = Gatherer()
        gatherer.add_boxes(boxes[:, :5], apart=len(group) == 1)
        regions, pixels = gatherer.counted()
        figures = zip(pixels, *_levels(boxes, regions), strict=True)
        for box, each in zip(regions, figures, strict=True):
            yield _edit(one, other, box, displacement, each)


def _boxes(one: Picture, other: Picture, piece: Piece) -> Boxes:
    """Return `differences.boxes` of the sides of a piece, as px of second."""
    x, y, *_ = piece.second
    boxes = differences.boxes(one.at(piece.first), other.at(piece.second)).copy()
    boxes[:, :4] += (x, y, x, y)
    return boxes


def _levels(boxes: Boxes, regions: Sequence[Region]) -> tuple[list[int], list[int]]:
    """Return of each region the largest difference of a channel, and how many pixels are faint.

    Parameters
    ----------
    boxes : int64 (n, 7)
        As `differences.boxes` returns them.
    regions : sequence of Region
        Disjoint ones; each box lies in one of them.
    """
    left, top, width, height = np.array(regions, np.int64).reshape(-1, 4).T
    largest, faint = np.zeros(len(regions), np.int64), np.zeros(len(regions), np.int64)
    together = max(1, _TOGETHER // max(1, len(regions)))
    for start in range(0, len(boxes), together):
        part = boxes[start : start + together]
        x, y = part[:, :1], part[:, 1:2]
        place = ((x >= left) & (y >= top) & (x < left + width) & (y < top + height)).argmax(axis=1)
        np.add.at(faint, place, part[:, 5])
        np.maximum.at(largest, place, part[:, 6])
    return largest.tolist(), faint.tolist()


def _edit(
    one: Picture,
    other: Picture,
    box: Region,
    displacement: tuple[int, int],
    figures: tuple[int, int, int],
) -> Change:
    x, y = displacement
    around = signatures.phrase(one, other, box, displacement)
    before = Region(around.x - x, around.y - y, around.width, around.height)
    crops = one.at(before), other.at(around)
    pixels, largest, faint = figures
    return Change(
        "edit",
        Region(box.x - x, box.y - y, box.width, box.height),
        box,
        pixels,
        largest,
        faint,
        signatures.signature("edit", crops),
        signatures.surroundings(other, box),
    )


def _piece(one: Picture, other: Picture, piece: Piece) -> Change:
    """Return the one change that an `insert`, `remove`, `swap` or `move` is."""
    first, second = piece.first, piece.second
    kind: ChangeKind = "move"
    pixels = max(first.width * first.height, second.width * second.height)
    if piece.kind == "move":
        name = signatures.signature("move", [one.at(first)])
    elif piece.kind == "swap":
        kind, first, second, name = _swap(one, other, piece)
    else:
        kind, first, second, name = _one_sided(one, other, piece)
    shown, box = (other, second) if second.width and second.height else (one, first)
    return Change(kind, first, second, pixels, None, 0, name, signatures.surroundings(shown, box))


def _swap(one: Picture, other: Picture, piece: Piece) -> tuple[ChangeKind, Region, Region, str]:
    sides = (one, piece.first), (other, piece.second)
    words = [picture.at(box) for picture, box in sides]
    grounds = [_commonest(part) for part in words]
    first, second = piece.first, piece.second
    if grounds[0] == grounds[1]:  # else the ground has changed too, and everything belongs to it
        first, second = (
            _tight(part != ground, box) for part, ground, (_, box) in zip(words, grounds, sides, strict=True)
        )
        if not (first.width or second.width):
            height = piece.second.height - piece.first.height
            name = signatures.signature("space", [], height, (grounds[0],))
            return "space", piece.first, piece.second, name
    heights = piece.first.height, piece.second.height
    return (
        "swap",
        first,
        second,
        signatures.signature("swap", [one.at(first), other.at(second)], heights),
    )


def _one_sided(one: Picture, other: Picture, piece: Piece) -> tuple[ChangeKind, Region, Region, str]:
    """Return what came or went: its content, or that it is only room."""
    came = piece.kind == "insert"
    picture, box = (other, piece.second) if came else (one, piece.first)
    content, repeated = _content(picture, box)
    if content is None:
        height = box.height if came else -box.height
        name = signatures.signature("space", [], height, signatures.colours(repeated))
        return "space", piece.first, piece.second, name
    crops = [None, picture.at(content)] if came else [picture.at(content), None]
    name = signatures.signature(piece.kind, crops, box.height)
    if came:
        return "insert", piece.first, content, name
    return "remove", content, piece.second, name


def _content(picture: Picture, box: Region) -> tuple[Region | None, Words]:
    """Return the box of what is more than the row above, or below, once more; and that row."""
    words = picture.at(box)
    best: tuple[int, NDArray[np.bool_], Words] | None = None
    for y in (box.y - 1, box.y + box.height):
        if not 0 <= y < picture.box.height:
            continue
        row = picture.at(Region(box.x, y, box.width, 1))
        mask = words != row
        count = int(np.count_nonzero(mask))
        if best is None or count < best[0]:
            best = count, mask, row[0]
    if best is None:
        return box, words[0]
    count, mask, row = best
    return (_tight(mask, box) if count else None), row


def _tight(mask: NDArray[np.bool_], box: Region) -> Region:
    """Return the box of what is set in a mask of a box; an empty one at its corner if nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Region(box.x, box.y, 0, 0)
    left, top = int(columns[0]), int(rows[0])
    return Region(box.x + left, box.y + top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def _commonest(words: Words) -> int | None:
    """Return the most frequent colour, the lowest of equally frequent ones; None if there is no pixel."""
    if not words.size:
        return None
    down, across = (max(1, length // _SAMPLE) for length in words.shape)
    for some in (words[::down, ::across], words):
        colours, counts = np.unique(some, return_counts=True)
        likely = int(colours[counts.argmax()])
        if 2 * np.count_nonzero(words == likely) > words.size:  # usually of a sample, which is sorted sooner
            break
    return likely


def _upright(change: Change, one: Picture, other: Picture) -> Change:
    """Return a change of transposed pictures as one of the pictures."""
    first, second = (Region(y, x, height, width) for x, y, width, height in (change.first, change.second))
    shown, box = (other, second) if second.width and second.height else (one, first)
    around = signatures.surroundings(shown, box)
    return dataclasses.replace(change, first=first, second=second, surroundings=around)
