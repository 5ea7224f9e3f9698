"""What rules make of a pair: which differing pixels each of them takes, what is left, and the verdict.

Rules apply in their order; the first that takes a pixel names it. The causes still add up to the number of
differing pixels. A position counts as taken only if neither picture has a pixel there that was not taken.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mymodules import metrics
from mymodules import opencv as cv2
from mymodules.comparison import takings
from mymodules.comparison.changes import Change
from mymodules.comparison.covering import Mask
from mymodules.comparison.ledger import (
    CHANGED,
    INSERTED,
    MOVED,
    REMOVED,
    STRIP,
    Ledger,
    causes_of,
    differing_in,
)
from mymodules.comparison.pieces import Picture, Piece, pictures
from mymodules.comparison.takings import Layer, Part
from mymodules.images import Rgba
from mymodules.regions import Region
from mymodules.rules import GoldFuzzy, GoldSampleArea, GoldSobel, Limits, Rule

DEEP = ("low_bits_differ", "depth_differs")
"""The codes of changed rows whose pixels are equal as 8 bits, so that no ruling is needed."""

_AT_ONCE = 1 << 16  # px
_Pixels = tuple[
    Part, NDArray[np.int64], NDArray[np.int64]
]  # of a change, with their rows and columns in first
_AROUND = 2  # px that the test for anti-aliasing looks at around a pixel


@dataclass(frozen=True, slots=True)
class Taken:
    """What one rule has taken of a pair.

    Attributes
    ----------
    name : str
    tolerated, masked : int
        px; positions, of which each counts for one rule only.
    changes : int
        Of how many changes it has taken pixels.
    hidden : int
        How many changes it has taken only because the whole picture differs by little.
    largest : int or None
        The number of the change, from 0, of which it has hidden most.
    """

    name: str
    tolerated: int = 0
    masked: int = 0
    changes: int = 0
    hidden: int = 0
    largest: int | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A pair as rules see it.

    Attributes
    ----------
    ledger : Ledger
        px that no rule has taken, by cause.
    tolerated, masked : int
        px that rules have taken.
    rules : tuple of Taken
        For each rule, in their order.
    by : tuple of (tuple of str)
        For each change the names of the rules that have taken all of it together; empty if some is left.
    passes : bool
        Whether nothing is left to look at: each change was taken whole, and there is one.
    """

    ledger: Ledger
    tolerated: int
    masked: int
    rules: tuple[Taken, ...]
    by: tuple[tuple[str, ...], ...]
    passes: bool

    @property
    def total(self) -> int:
        """All differing pixels."""
        return self.ledger.total + self.tolerated + self.masked


def verdict(
    status: str, code: str, ruling: Ruling | None, rules: Sequence[Rule], *, deep_differ: bool = False
) -> str:
    """Return what counts for a row: ``tolerated`` if rules have taken all that is changed, else its status.

    Parameters
    ----------
    status, code : str
        Of the row.
    ruling : Ruling or None
        None if the pixels are equal, or why they differ is unknown.
    rules : sequence of Rule
        Those for this picture.
    deep_differ : bool
        Whether pixels that are equal as 8 bits differ in the bits beyond, although others differ as 8 bits.
    """
    if status != "changed":
        return status
    only_deep = code in DEEP
    passes = only_deep or (ruling is not None and ruling.passes)
    if only_deep or deep_differ:
        passes &= any(isinstance(rule.takes, Limits) and rule.takes.depth for rule in rules)
    return "tolerated" if passes else status


def ruled(
    first: Rgba | Picture,
    second: Rgba | Picture,
    pieces: Sequence[Piece],
    changes: Sequence[Change],
    causes: Ledger,
    rules: Sequence[Rule],
) -> Ruling:
    """Return what rules take of a pair.

    Parameters
    ----------
    first, second : uint8 (height, width, 4), or Picture
    pieces : sequence of Piece
        As `alignment.align` returns them.
    changes : sequence of Change
        As `changes.changes` returns them.
    causes : Ledger
        As `ledger.ledger` returns it.
    rules : sequence of Rule
        Those for this picture, in their order.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    case = _Case(*pictures(first, second), pieces, causes)
    case.parts = takings.parts(case.first, case.second, pieces, changes)
    hidden = [case.apply(number, rule) for number, rule in enumerate(rules)]
    left, counts = case.counted()
    codes = [part.codes() for part in case.parts]
    taken = []
    for number, rule in enumerate(rules):
        own = takings.masked(number), takings.tolerated(number)
        touched = sum(any(code in own for code in found) for found in codes)
        masked, tolerated = (counts.get(code, 0) for code in own)
        most = max(range(len(changes)), key=lambda at: hidden[number].get(at, 0), default=0)
        largest = most if hidden[number] else None
        taken.append(Taken(rule.name, tolerated, masked, touched, len(hidden[number]), largest))
    whole = [not part.left for part in case.parts]
    names = [tuple(dict.fromkeys(rules[(code - 1) // 2].name for code in found)) for found in codes]
    return Ruling(
        left,
        sum(each.tolerated for each in taken),
        sum(each.masked for each in taken),
        tuple(taken),
        tuple(name if all_of_it else () for name, all_of_it in zip(names, whole, strict=True)),
        bool(whole) and all(whole) and not case.neither,
    )


def is_little(takes: Limits, left: int, area: int) -> bool:
    """Return whether as many px of a picture's area are within the limits for a whole picture."""
    return left <= takes.pixels_per_picture or left / area <= takes.share_per_picture


class _Case:
    """A pair while rules are applied to it."""

    def __init__(self, first: Picture, second: Picture, pieces: Sequence[Piece], causes: Ledger) -> None:
        self.first, self.second = first, second
        self.parts: tuple[Part, ...] = ()
        self._pieces, self._causes = pieces, causes
        self._of_one_size = first.words.shape == second.words.shape
        (height, width), (other_height, other_width) = first.words.shape, second.words.shape
        self._size = max(height, other_height), max(width, other_width)
        self.neither = (height - other_height) * (width - other_width) < 0
        """Whether positions in the common frame belong to neither picture; no rule takes these."""

    def apply(self, number: int, rule: Rule) -> dict[int, int]:
        """Let a rule take pixels; return what it has hidden: of which change, how many pixels."""
        takes, code = rule.takes, takings.tolerated(number)
        if isinstance(takes, Limits):
            for part in self.parts:
                if takes.mask:
                    side = int(takes.side == "second")
                    size = (self.first, self.second)[side].words.shape
                    part.cover(Mask(takes.mask, side, size), takings.masked(number))
                if part.change.kind in takes.kinds:
                    part.take(code)
            self._take_of_edits(takes, code)
            hides = self._of_one_size and self._is_little(takes)
        else:
            hides = self._of_one_size and self._is_match(takes)
        if not hides:
            return {}
        hidden = {at: part.left for at, part in enumerate(self.parts) if part.left}
        for part in self.parts:
            part.take(code)
        return hidden

    def _is_little(self, takes: Limits) -> bool:
        """Return whether what is left of a pair of one size is within the limits for a whole picture."""
        return bool(takes.pixels_per_picture or takes.share_per_picture) and is_little(
            takes, self.counted()[0].total, self._size[0] * self._size[1]
        )

    def _take_of_edits(self, takes: Limits, code: int) -> None:
        """Take pixels of changes in place, then what is left of each if it is little."""
        edits = [part for part in self.parts if part.change.kind == "edit"]
        if takes.largest or takes.threshold is not None or takes.antialiased:
            for shift, batch in self._batches(edits):
                y, x = (np.concatenate([each[axis] for each in batch]) for axis in (1, 2))
                small = self._small(y, x, shift, takes)
                for part, rows, columns in batch:
                    own, small = small[: len(rows)], small[len(rows) :]
                    place = part.change.first
                    part.layers[0].codes[rows[own] - place.y, columns[own] - place.x] = code
        for part in edits:
            if part.left <= takes.pixels:
                part.take(code)

    def _batches(self, edits: Sequence[Part]) -> Iterator[tuple[tuple[int, int], list[_Pixels]]]:
        """Yield the pixels that are left, of one displacement and not too many at once."""
        groups: dict[tuple[int, int], list[Part]] = {}
        for part in edits:
            place, other_place = part.change.first, part.change.second
            groups.setdefault((other_place.y - place.y, other_place.x - place.x), []).append(part)
        for shift, group in groups.items():
            batch: list[_Pixels] = []
            for pixels in itertools.chain.from_iterable(self._left(part, shift[0]) for part in group):
                batch.append(pixels)
                if sum(len(rows) for _, rows, _ in batch) >= _AT_ONCE:
                    yield shift, batch
                    batch = []
            if batch:
                yield shift, batch

    def _left(self, part: Part, down: int) -> Iterator[_Pixels]:
        """Yield the pixels of a change that are left, some rows at a time; pictures have these then."""
        place, left = part.change.first, part.layers[0].left
        step = max(1, _AT_ONCE // place.width)
        for top in range(0, place.height, step):
            rows, columns = np.nonzero(left[top : top + step])
            if not len(rows):
                continue
            rows += top + place.y
            for picture, shift in ((self.first, 0), (self.second, down)):
                start, stop = int(rows[0]) + shift - _AROUND, int(rows[-1]) + shift + _AROUND + 1
                start, stop = max(0, start), min(picture.box.height, stop)
                picture.at(Region(0, start, 1, stop - start))
            yield part, rows, columns + place.x

    def _small(
        self, y: NDArray[np.int64], x: NDArray[np.int64], shift: tuple[int, int], takes: Limits
    ) -> NDArray[np.bool_]:
        """Return which of some pixels in place differ by little, or only smooth an edge."""
        down, right = shift
        one, other = self.first.rgba[y, x][:, None], self.second.rgba[y + down, x + right][:, None]
        small = (cv2.absdiff(one, other) <= takes.largest).all(axis=2)[:, 0]
        if takes.threshold is not None:
            places = (y * self.first.box.width + x)[:, None]
            small |= metrics.similar(one, other, places, threshold=takes.threshold, metric=takes.metric)[:, 0]
        if takes.antialiased:
            left, above = max(0, -right), max(0, -down)  # what both have, where they are laid upon each other
            width = min(self.first.box.width, self.second.box.width - right) - left
            height = min(self.first.box.height, self.second.box.height - down) - above
            first = self.first.rgba[above:, left:][:height, :width]
            second = self.second.rgba[above + down :, left + right :][:height, :width]
            rest = np.flatnonzero(~small)
            y, x = y[rest] - above, x[rest] - left
            small[rest] = metrics.antialiased(first, second, y, x, metric=takes.metric)
        return np.asarray(small)

    def _is_match(self, takes: GoldFuzzy | GoldSobel | GoldSampleArea) -> bool:
        """Return whether one of Gold's matchers accepts what is left of the pair."""
        first, second = (picture.rgba_at(picture.box) for picture in (self.first, self.second))
        if any(part.codes() for part in self.parts):
            second = second.copy()
            for rows, _, owners in self._strips():
                taken = owners > 0
                second[rows][taken] = first[rows][taken]
        fuzzy = (
            {}
            if isinstance(takes, GoldSampleArea)
            else {
                "max_different_pixels": takes.max_different_pixels,
                "pixel_delta_threshold": takes.pixel_delta_threshold,
                "pixel_per_channel_delta_threshold": takes.pixel_per_channel_delta_threshold,
                "ignored_border": takes.ignored_border,
            }
        )
        if isinstance(takes, GoldSampleArea):
            match = metrics.sample_area(
                first, second, width=takes.width, max_different=takes.max_different, delta=takes.delta
            )
        elif isinstance(takes, GoldSobel):
            match = metrics.sobel(first, second, edge_threshold=takes.edge_threshold, **fuzzy)
        else:
            match = metrics.fuzzy(first, second, **fuzzy)
        return match.matches

    def counted(self) -> tuple[Ledger, dict[int, int]]:
        """Return the differing positions that are left, by cause, and how many each code has taken."""
        lost = np.zeros(CHANGED + 1, np.int64)
        taken: dict[int, int] = {}
        for _, causes, owners in self._strips():
            inside = owners > 0
            lost += np.bincount(causes[inside], minlength=len(lost))
            for code, count in zip(*np.unique(owners[inside], return_counts=True), strict=True):
                taken[int(code)] = taken.get(int(code), 0) + int(count)
        changed, inserted, removed, moved = (
            int(lost[cause]) for cause in (CHANGED, INSERTED, REMOVED, MOVED)
        )
        was = self._causes
        left = Ledger(
            was.changed - changed, was.inserted - inserted, was.removed - removed, was.moved - moved
        )
        return left, taken

    def _strips(self) -> Iterator[tuple[slice, NDArray[np.uint8], NDArray[np.int16]]]:
        """Yield rows with the cause of each differing position, and which code has taken it, if any."""
        layers = [layer for part in self.parts for layer in part.layers if (layer.codes > takings.LEFT).any()]
        touched = np.zeros(self._size[0], np.bool_)
        for layer in layers:
            for box in layer.boxes:
                if box is not None:
                    touched[box.y : box.y + box.height] = True
        for top in range(0, self._size[0], STRIP):
            rows = slice(top, min(self._size[0], top + STRIP))
            if touched[rows].any():
                yield rows, *self._strip(rows, layers)

    def _strip(self, rows: slice, layers: Sequence[Layer]) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        both, width = (self.first, self.second), self._size[1]
        sides = [
            causes_of(picture, self._pieces, side, (rows, width), both) for side, picture in enumerate(both)
        ]
        causes = np.maximum(*sides)
        owners = np.full((2, *causes.shape), np.iinfo(np.int16).max, np.int16)
        quiet = np.stack(sides) <= MOVED
        for layer in layers:
            for side, box in enumerate(layer.boxes):
                if box is not None:
                    _paint(layer, box, rows, owners[side], quiet[side])
        owner = owners.min(axis=0)
        owner[~(quiet.all(axis=0) & differing_in(*both, rows, width))] = 0
        owner[owner == np.iinfo(np.int16).max] = 0
        return causes, owner


def _paint(
    layer: Layer, box: Region, rows: slice, owners: NDArray[np.int16], quiet: NDArray[np.bool_]
) -> None:
    """Enter what of a layer was taken into a strip of rows of one picture."""
    top, bottom = max(box.y, rows.start), min(box.y + box.height, rows.stop)
    if top >= bottom:
        return
    codes = layer.codes[top - box.y : bottom - box.y]
    taken = codes > takings.LEFT
    place = np.s_[top - rows.start : bottom - rows.start, box.x : box.x + box.width]
    owners[place][taken] = codes[taken]
    quiet[place] |= taken
