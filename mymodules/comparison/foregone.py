"""What rules make of a pair whose pixels are not at hand: `foregone` answers where the changes suffice.

So that other rules can be tried on a run without reading its pictures again, but for those that a mask or a
limit covers in part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mymodules.comparison import takings
from mymodules.comparison.changes import Change
from mymodules.comparison.covering import Mask
from mymodules.comparison.differences import FAINT
from mymodules.comparison.ledger import Ledger
from mymodules.comparison.pieces import Piece
from mymodules.comparison.ruling import Ruling, Taken, is_little
from mymodules.rules import Limits, Rule

Size = tuple[int, int]


class _NeedsPixels(Exception):
    """The changes do not say which pixels a rule takes."""


@dataclass
class _Open:
    """A change, how many of its pixels are left, and how many each code has taken."""

    change: Change
    left: int
    taken: dict[int, int] = field(default_factory=dict)

    def take(self, code: int, pixels: int | None = None) -> None:
        """Take as many pixels; all that are left if no number is given."""
        count = self.left if pixels is None else pixels
        if count:
            self.left -= count
            self.taken[code] = self.taken.get(code, 0) + count


def foregone(
    changes: Sequence[Change], causes: Ledger, sizes: tuple[Size, Size], rules: Sequence[Rule]
) -> Ruling | None:
    """Return what `ruling.ruled` would, or None if that needs the pixels.

    Parameters
    ----------
    changes : sequence of Change
    causes : Ledger
    sizes : ((int, int), (int, int))
        Height and width of first and of second.
    rules : sequence of Rule
        Those for this picture, in their order.
    """
    case = _Case(changes, causes, sizes)
    try:
        hidden = [case.apply(number, rule) for number, rule in enumerate(rules)]
        left, counts = case.counted()
    except _NeedsPixels:
        return None
    taken = []
    for number, rule in enumerate(rules):
        masked, tolerated = takings.masked(number), takings.tolerated(number)
        touched = sum(masked in each.taken or tolerated in each.taken for each in case.open)
        found = hidden[number]
        most = max(found, key=lambda at: found[at], default=None)
        pixels = counts.get(tolerated, 0), counts.get(masked, 0)
        taken.append(Taken(rule.name, *pixels, touched, len(found), most))
    by = tuple(
        () if each.left else tuple(dict.fromkeys(rules[(code - 1) // 2].name for code in sorted(each.taken)))
        for each in case.open
    )
    return Ruling(
        left,
        sum(each.tolerated for each in taken),
        sum(each.masked for each in taken),
        tuple(taken),
        by,
        bool(by) and all(by) and not case.neither,
    )


class _Case:
    """A pair while rules are applied to its changes."""

    def __init__(self, changes: Sequence[Change], causes: Ledger, sizes: tuple[Size, Size]) -> None:
        self.open = [_Open(change, change.pixels) for change in changes]
        self._causes, self._sizes = causes, sizes
        (height, width), (other_height, other_width) = sizes
        self.neither = (height - other_height) * (width - other_width) < 0
        self._in_place = sizes[0] == sizes[1] and all(
            change.kind == "edit" and change.first == change.second for change in changes
        )

    def apply(self, number: int, rule: Rule) -> dict[int, int]:
        """Let a rule take changes; return what it has hidden: of which change, how many pixels."""
        takes, code = rule.takes, takings.tolerated(number)
        of_one_size = self._sizes[0] == self._sizes[1]
        if not isinstance(takes, Limits):
            if of_one_size and any(each.left for each in self.open):
                raise _NeedsPixels
            return {}
        for each in self.open:
            if takes.mask and each.left and self._is_covered(each.change, takes):
                each.take(takings.masked(number))
            if each.change.kind in takes.kinds:
                each.take(code)
            if each.change.kind == "edit":
                _take_of_edit(each, takes, code)
        if not of_one_size or not (takes.pixels_per_picture or takes.share_per_picture):
            return {}
        (height, width), _ = self._sizes
        if not is_little(takes, self.counted()[0].total, height * width):
            return {}
        hidden = {at: each.left for at, each in enumerate(self.open) if each.left}
        for each in self.open:
            each.take(code)
        return hidden

    def counted(self) -> tuple[Ledger, dict[int, int]]:
        """Return the differing positions that are left, by cause, and how many each code has taken."""
        was = self._causes
        counts: dict[int, int] = {}
        for each in self.open:
            for code, pixels in each.taken.items():
                counts[code] = counts.get(code, 0) + pixels
        if self._in_place or not counts:
            return Ledger(was.changed - sum(counts.values()), was.inserted, was.removed, was.moved), counts
        if (
            any(each.left or each.change.kind == "move" for each in self.open)
            or len(counts) > 1
            or self.neither
        ):
            raise _NeedsPixels
        (code,) = counts
        return Ledger(moved=was.moved), {code: was.total - was.moved}

    def _is_covered(self, change: Change, takes: Limits) -> bool:
        """Return whether a mask covers a change, and not only a part of it."""
        side = int(takes.side == "second")
        own = change.second if side else change.first
        mask = Mask(takes.mask, side, self._sizes[side])
        if change.kind in ("edit", "move"):
            return _all_or_nothing(bool(mask.of_own(own).all()), bool(mask.of_own(own).any()))
        if change.kind == "swap" or (
            own.width and own.height
        ):  # the box of its content may be smaller than it is
            raise _NeedsPixels
        more = change.pixels // (own.width or own.height)  # rows, or columns, that came
        place = own._replace(width=own.width or more, height=own.height or more)
        covered = mask.of_other(Piece("insert", own, place) if not side else Piece("remove", place, own))
        return _all_or_nothing(bool(covered.all()), bool(covered.any()))


def _all_or_nothing(everything: bool, something: bool) -> bool:
    if something and not everything:
        raise _NeedsPixels
    return everything


def _take_of_edit(each: _Open, takes: Limits, code: int) -> None:
    """Take what limits let pass of a change in place."""
    largest = each.change.largest or 0
    if each.left <= takes.pixels or largest <= takes.largest:
        each.take(code)
    if not each.left:
        return
    untouched = each.left == each.change.pixels
    if takes.largest > FAINT or (
        takes.largest and untouched and takes.largest != FAINT and each.change.faint
    ):
        raise _NeedsPixels
    if takes.largest == FAINT and untouched:
        each.take(code, each.change.faint)
    if each.left <= takes.pixels:
        each.take(code)
    elif takes.threshold is not None or takes.antialiased:
        raise _NeedsPixels
