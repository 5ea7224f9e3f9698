"""Why the pixels of a pair differ: what moved, came, went or changed, and the list of changes.

It reads the pixels of two loaded sides; everything else is `alignment`, `ledger` and `changes`.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mymodules import faults
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.ledger import Ledger, ledger
from mymodules.comparison.pieces import Picture, violations
from mymodules.comparison.side import Side, in_memory, on_demand
from mymodules.regions import Region

if TYPE_CHECKING:
    from mymodules.comparison.ruling import Ruling
    from mymodules.rules import Rule

PROVE: Final = "MYMODULES_PROVE"
"""With this variable set, whatever does not hold of a pair's pieces ends its comparison with an error."""

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
    """

    ledger: Ledger
    changes: tuple[Change, ...]
    ruling: "Ruling | str | None" = None


def causes(
    first: Side, second: Side, boxes: Sequence[Region], differing: int, rules: "Sequence[Rule]" = ()
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
    """
    rows = None
    if first.size == second.size:
        rows = np.zeros(first.size[0], np.bool_)
        for box in boxes:
            rows[box.y : box.y + box.height] = True
    if rows is not None and np.count_nonzero(rows) * _PART < len(rows):
        one, other = on_demand(first), on_demand(second)
    else:
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
    if not rules:
        return Causes(found, listed)
    from mymodules.comparison.ruling import ruled  # most runs have no rules

    try:
        return Causes(found, listed, ruled(one, other, pieces, listed, found, rules))
    except MemoryError:
        return Causes(found, listed, "There was not enough memory to apply its rules.")
    except Exception as error:
        if is_proved():
            raise
        return Causes(found, listed, f"Its rules are not applied: {faults.described(error)}. {faults.REPORT}")


def is_proved() -> bool:
    """Return whether this process is to prove what it finds, see `PROVE`."""
    return bool(os.environ.get(PROVE))
