"""What rules make of rows that the store has: kept for the same rules, or found without pixels for others.

A row is kept as without rules. What rules make of it is a row of its own, under conditions that name what
these rules take, with numbers instead of their names: rules of other names take the same.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mymodules.row import PairResult
from mymodules.rules import Rule, fingerprint

if TYPE_CHECKING:
    from mymodules.store.records import Records


def conditions(rules: Sequence[Rule]) -> str:
    """Return what the conditions of a row end with for which these rules count."""
    return f"/{fingerprint(rules)}"


def to_keep(row: PairResult, rules: Sequence[Rule]) -> PairResult:
    """Return what is kept of a row with what these rules have taken of it."""
    from mymodules.comparison import ruled

    return ruled.numbered(row, rules)._replace(messages="", custom=())


def known(plain: PairResult, rules: Sequence[Rule], records: "Records", under: str) -> PairResult | None:
    """Return a row with what rules take of it; None if that needs the pixels.

    Parameters
    ----------
    plain : PairResult
        As without rules.
    rules : sequence of Rule
        Those for this picture.
    records : Records
    under : str
        The conditions under which the row was made.
    """
    if plain.status != "changed" or not rules:
        return plain
    from mymodules.comparison import ruled
    from mymodules.comparison.changes import of_listed
    from mymodules.comparison.foregone import foregone
    from mymodules.comparison.ledger import Ledger

    if not plain.changes:  # all pixels are equal as 8 bits, or why they differ is unknown
        return ruled.entered(plain, (), None, rules)
    key = plain.first_digest, plain.second_digest
    kept = records.rows([key], under + conditions(rules)).get(key)
    if kept is not None:
        return ruled.renamed(plain, kept.row, rules)
    changes = of_listed(plain.listed)
    left = plain.px_changed or 0, plain.px_inserted or 0, plain.px_removed or 0, plain.px_moved or 0
    sizes = (
        (plain.height_first or 0, plain.width_first or 0),
        (plain.height_second or 0, plain.width_second or 0),
    )
    ruling = foregone(changes, Ledger(*left), sizes, rules)
    return None if ruling is None else ruled.entered(plain, changes, ruling, rules)
