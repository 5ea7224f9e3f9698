"""What holds for a row: its own decision, or what follows from those about its changes.

A row's own decision goes before all others, that about a change of the row before that about the same
change wherever it stands. A row without its own is rejected if one of its changes is, ignored if all of them
are, and accepted if all of them are decided and at least one is accepted. What rules have taken need not be
decided. Only a `changed` row whose changes are all listed can be decided by them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mymodules.results.rows import AnyTable, lists, optional
from mymodules.triage.history import Row, key

InForce = Mapping[Row, tuple[str, str]]
"""Decision and note of everything that has one, see `History.in_force`."""


class Standing(NamedTuple):
    """What holds for a row.

    Attributes
    ----------
    decision : str
        One of `DECISIONS`; empty if it is open.
    note : str
        That on the row's own decision.
    decided, changes : int
        How many of its changes are decided, or taken by rules, and how many it has; 0 and 0 if it cannot be
        decided by them.
    own : bool
        Whether the decision is about the row itself.
    """

    decision: str
    note: str = ""
    decided: int = 0
    changes: int = 0
    own: bool = False

    def __str__(self) -> str:
        """How far it is decided by its changes, such as ``3 of 5``; empty if it is no question of them."""
        return f"{self.decided:,} of {self.changes:,}" if self.changes else ""


def levels(row: Row, signature: str) -> tuple[Row, Row, Row]:
    """Return what decides a change of a row: the first of these about which there is a decision."""
    row = key(row)
    return row, row._replace(change=signature), Row.anywhere(signature)


def standing(own: tuple[str, str], words: Sequence[str], taken: int = 0) -> Standing:
    """Return what holds for a row.

    Parameters
    ----------
    own : (str, str)
        The row's own decision and its note, both empty if there is none.
    words : sequence of str
        The decision about each of its changes that rules have not taken; an empty text if it is open.
    taken : int
        How many changes rules have taken.
    """
    number = len(words) + taken
    if own[0]:
        return Standing(*own, number, number, own=True)
    decided = taken + sum(map(bool, words))
    decision = ""
    if "reject" in words:
        decision = "reject"
    elif words and decided == number:
        decision = "accept" if "accept" in words else "ignore"
    return Standing(decision, "", decided, number)


def standings(frame: AnyTable, about: Sequence[Row], changes: AnyTable, in_force: InForce) -> list[Standing]:
    """Return what holds for each row of a table, given its rows as what decisions are about."""
    statuses, numbers = lists(frame, "status", "changes")
    names, signatures = lists(changes, "image_filename", "signature")
    listed: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for name, signature, by_rules in zip(
        names, signatures, optional(changes, "rules", len(names), ""), strict=True
    ):
        listed[name].append((signature, bool(by_rules)))
    found = []
    for row, status, number in zip(about, statuses, numbers, strict=True):
        all_ = listed.get(row.name, []) if status == "changed" else []
        if len(all_) != (number or 0):
            all_ = []
        words = [_word(row, signature, in_force) for signature, by_rules in all_ if not by_rules]
        own = in_force.get(key(row), ("", "")) if in_force else ("", "")
        found.append(standing(own, words, len(all_) - len(words)))
    return found


def _word(row: Row, signature: str, in_force: InForce) -> str:
    if not in_force:  # as in most runs that are looked at for the first time
        return ""
    _, occurrence, anywhere = levels(row, signature)
    return in_force.get(occurrence, in_force.get(anywhere, ("", "")))[0]
