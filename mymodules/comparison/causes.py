"""Why the pixels of a pair differ: what moved, came, went or changed, and the list of changes.

It reads the pixels of two loaded sides; everything else is `alignment`, `ledger` and `changes`.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mymodules import faults
from mymodules.comparison import deep
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.ledger import Ledger, ledger
from mymodules.comparison.pieces import Picture, Piece, violations
from mymodules.comparison.side import Side, decoded, in_memory, on_demand
from mymodules.regions import Region

if TYPE_CHECKING:
    from mymodules.comparison.ruling import Ruling
    from mymodules.images.depth import Floats, Values
    from mymodules.rules import Rule

PROVE: Final = "MYMODULES_PROVE"
"""With this variable set, whatever does not hold of a pair's pieces ends its comparison with an error."""

_WIDE = 16  # bits for each channel, of which 8 are compared
_PART = 4  # of a picture of which fewer rows than 1 in 4 differ, only these are made


class Causes(NamedTuple):
    """The differing pixels of a pair by cause, and what changed.

    Attributes
    ----------
    ledger : Ledger
        As without rules.
    changes : tuple of Change
    ruling : Ruling, str or None
        What rules make of it, or a sentence that says why that is unknown; None without rules.
    deep_differ : bool or None
        Whether pixels that belong together and are equal as 8 bits differ beyond; None if that is the same as
        for pixels in place.
    """

    ledger: Ledger
    changes: tuple[Change, ...]
    ruling: "Ruling | str | None" = None
    deep_differ: bool | None = None


def causes(
    first: Side,
    second: Side,
    boxes: Sequence[Region],
    differing: int,
    rules: "Sequence[Rule]" = (),
    *,
    exact: "tuple[Floats | None, Floats | None]" = (None, None),
) -> Causes:
    """Explain how two loaded sides differ.

    Afterwards they can only be drawn (`side.canvas`).

    Parameters
    ----------
    first, second : Side
    boxes : sequence of Region
        Of pictures of one size, those that hold all that differs.
    differing : int
        How many pixels differ, which the causes must add up to.
    rules : sequence of Rule
        Those for this picture.
    exact : tuple of (float array or None)
        See `Job.exact`.
    """
    rows = None
    if first.size == second.size:
        rows = np.zeros(first.size[0], np.bool_)
        for box in boxes:
            rows[box.y : box.y + box.height] = True
    values: tuple[Values, Values] | None = None
    if rows is not None and np.count_nonzero(rows) * _PART < len(rows):
        one, other = on_demand(first), on_demand(second)
    else:
        values = _values(first, second, exact)
        one, other = Picture(in_memory(first)), Picture(in_memory(second))
    pieces = align(one, other, rows_differ=rows)
    if is_proved():
        broken = violations(one, other, pieces)
        if broken:
            raise AssertionError(" ".join(broken))
    found = ledger(one, other, pieces, differing=None if is_proved() else differing)
    if found.total != differing or found.changed < 0:
        raise AssertionError(f"the causes add up to {found.total}, but {differing} pixels differ")
    listed = changes(one, other, pieces)
    deep_differ = None
    if _has_any(exact) or any(piece.displacement != (0, 0) for piece in pieces):
        values = values or _values(first, second, exact)
        deep_differ = values and deep.differ(values, (one, other), pieces)
    return Causes(found, listed, _ruling(one, other, pieces, listed, found, rules), deep_differ)


def _values(
    first: Side, second: Side, exact: "tuple[Floats | None, Floats | None]"
) -> "tuple[Values, Values] | None":
    """Return both pictures at their full depth; None if that is 8 bits."""
    if not _has_any(exact) and not any(side.whole.depth == _WIDE for side in (first, second)):
        return None
    one, other = (
        decoded(side) if floats is None else floats
        for side, floats in zip((first, second), exact, strict=True)
    )
    return one, other


def _has_any(exact: "tuple[Floats | None, Floats | None]") -> bool:
    return any(each is not None for each in exact)


def _ruling(
    one: Picture,
    other: Picture,
    pieces: Sequence[Piece],
    listed: tuple[Change, ...],
    found: Ledger,
    rules: "Sequence[Rule]",
) -> "Ruling | str | None":
    """Return what rules make of a pair, see `Causes`."""
    if not rules:
        return None
    from mymodules.comparison.ruling import ruled  # most runs have no rules

    try:
        return ruled(one, other, pieces, listed, found, rules)
    except MemoryError:
        return "There was not enough memory to apply its rules."
    except Exception as error:
        if is_proved():
            raise
        return f"Its rules are not applied: {faults.reported(error)}"


def is_proved() -> bool:
    """Return whether this process is to prove what it finds, see `PROVE`."""
    return bool(os.environ.get(PROVE))
