"""What holds for a row: its own decision, or what follows from those about its changes.

A row's own decision goes before all others, that about a change of the row before that about the same
change wherever it stands. A row without its own is rejected if one of its changes is, ignored if all of them
are, and accepted if all of them are decided and at least one is accepted. What rules have taken need not be
decided. Only a `changed` row whose changes are all listed can be decided by them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mymodules.errors import SettingsError
from mymodules.results.rows import AnyTable, lists, optional
from mymodules.triage.lines import Row, key

InForce = Mapping[Row, tuple[str, str]]
"""Decision and note of everything that has one, see `History.in_force`."""

_NONE = "", ""


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
    return row, Row(*row[:3], signature), Row.anywhere(signature)


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


def identities(frame: AnyTable) -> tuple[list[str], list[str], list[str]]:
    """Return the names of a table's rows and their digests, empty where there is no file; see `Row`."""
    (names,) = lists(frame, "image_filename")
    if not all(isinstance(name, str) for name in names):
        raise SettingsError("The table has a row without a name: use one that results.load() returned.")
    first, second = (
        [digest if isinstance(digest, str) else "" for digest in optional(frame, name, len(names), "")]
        for name in ("first_digest", "second_digest")
    )
    return names, first, second


def standings(frame: AnyTable, changes: AnyTable, in_force: InForce) -> list[Standing]:
    """Return what holds for each row of a table, given its changes.

    Of very many rows and changes most have no decision. Of those only numbers are kept, and rows for which
    the same holds share an object.
    """
    names, first, second = identities(frame)
    statuses, numbers = lists(frame, "status", "changes")
    of, signatures = lists(changes, "image_filename", "signature")
    by_rules = optional(changes, "rules", len(of), "")
    listed, taken = Counter(of), Counter(name for name, rules in zip(of, by_rules, strict=True) if rules)
    decided = {row.change for row in in_force}
    known: defaultdict[str, list[str]] = defaultdict(list)  # those that a decision may be about, by row
    for name, signature, rules in zip(of, signatures, by_rules, strict=True) if decided else ():
        if signature in decided and not rules:
            known[name].append(signature)
    alike: dict[tuple[int, int], Standing] = {}
    found = []
    for place, (name, status, number) in enumerate(zip(names, statuses, numbers, strict=True)):
        count = number if number and status == "changed" and listed[name] == number else 0
        by = taken.get(name, 0) if count else 0
        if "" in decided or (count and name in known):
            row = Row(name, first[place], second[place])
            own = in_force.get(key(row), _NONE)
            words = [_word(row, each, in_force) for each in known.get(name, ())] if count else []
            if own[0] or words:
                found.append(standing(own, words + [""] * (count - by - len(words)), by))
                continue
        if (count, by) not in alike:
            alike[count, by] = standing(_NONE, [""] * (count - by), by)
        found.append(alike[count, by])
    return found


def _word(row: Row, signature: str, in_force: InForce) -> str:
    _, occurrence, anywhere = levels(row, signature)
    return in_force.get(occurrence, in_force.get(anywhere, _NONE))[0]
