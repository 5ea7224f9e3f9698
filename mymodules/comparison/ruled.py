"""Rows as rules see them: what was taken moves into columns of its own; all other figures stay."""

from collections.abc import Mapping, Sequence
from typing import Final

from mymodules.comparison.changes import Change, listed
from mymodules.comparison.ruling import DEEP, Ruling, Taken, verdict
from mymodules.comparison.verdict import DEEP_DIFFER
from mymodules.pairs import sentence
from mymodules.row import PairResult
from mymodules.rules import Limits, Rule, account
from mymodules.rules.account import Share

_FIGURES: Final = 14  # of a listed change; the names of rules follow
_RULED: Final = (
    *("px_changed", "px_inserted", "px_removed", "px_moved", "px_tolerated", "px_masked"),
    *("rules", "verdict", "listed"),
)


def entered(
    row: PairResult, changes: Sequence[Change], ruling: Ruling | str | None, rules: Sequence[Rule]
) -> PairResult:
    """Return a row with what rules have taken of it.

    Parameters
    ----------
    row : PairResult
        As without rules.
    changes : sequence of Change
    ruling : Ruling, str or None
        What rules make of the pair, or a sentence that says why that is unknown; None without changes.
    rules : sequence of Rule
        Those for this picture, in their order.
    """
    if row.status != "changed" or not rules:
        return row
    if isinstance(ruling, str):
        return _with_sentences(row, [ruling])
    if ruling is None and row.code not in DEEP:
        return row
    deep_differ = row.code in DEEP or DEEP_DIFFER in row.messages
    shares = {} if ruling is None else {each.name: _share(each, ruling, changes) for each in ruling.rules}
    if deep_differ:
        shares |= _depth_taken(shares, rules)
    shares = {each.name: shares[each.name] for each in rules if shares.get(each.name, Share()).has_taken}
    if ruling is not None:
        left = ruling.ledger
        row = row._replace(
            px_changed=left.changed,
            px_inserted=left.inserted,
            px_removed=left.removed,
            px_moved=left.moved,
            px_tolerated=ruling.tolerated,
            px_masked=ruling.masked,
            listed=listed(changes, ruling.by) if row.listed else "",
        )
    row = row._replace(
        rules=account.text_of(shares),
        verdict=verdict(row.status, row.code, ruling, rules, deep_differ=deep_differ),
    )
    return _with_sentences(row, account.sentences(shares))


def _depth_taken(shares: Mapping[str, Share], rules: Sequence[Rule]) -> dict[str, Share]:
    """Return the share of the first rule that takes differences in bits, with that; nothing without one."""
    name = next((each.name for each in rules if isinstance(each.takes, Limits) and each.takes.depth), None)
    return {} if name is None else {name: shares.get(name, Share())._replace(depth=1)}


def _share(taken: Taken, ruling: Ruling, changes: Sequence[Change]) -> Share:
    """Return what one rule has taken."""
    whole = sum(names[-1:] == (taken.name,) for names in ruling.by)
    found = Share(taken.tolerated, taken.masked, taken.changes, whole, taken.hidden)
    if taken.largest is None:
        return found
    change = changes[taken.largest]
    box = change.second if change.second.width and change.second.height else change.first
    return found._replace(x=box.x, y=box.y, pixels=change.pixels)


def _with_sentences(row: PairResult, sentences: Sequence[str]) -> PairResult:
    return row._replace(messages=sentence(" ".join([row.messages, *sentences])))


def numbered(row: PairResult, rules: Sequence[Rule]) -> PairResult:
    """Return what `entered` made with the numbers of the rules instead of their names, as it is kept."""
    return _renamed(row, {rule.name: str(number) for number, rule in enumerate(rules)})


def renamed(row: PairResult, kept: PairResult, rules: Sequence[Rule]) -> PairResult | None:
    """Return what `entered` would make of a row, from what `numbered` made of it; None if it did not.

    Parameters
    ----------
    row : PairResult
        As without rules.
    kept : PairResult
    rules : sequence of Rule
        They take the same as then, and may have other names.
    """
    try:
        named = _renamed(kept, {str(number): rule.name for number, rule in enumerate(rules)})
    except KeyError:
        return None
    row = row._replace(**{name: getattr(named, name) for name in _RULED})
    return _with_sentences(row, account.sentences(account.parsed(row.rules)))


def _renamed(row: PairResult, names: Mapping[str, str]) -> PairResult:
    shares = account.parsed(row.rules)
    changes = []
    for each in row.listed.split("|"):
        figures, by = each.split(" ")[:_FIGURES], each.split(" ")[_FIGURES:]
        by = [account.joined(names[name] for name in account.separated(text)) for text in by]
        changes.append(" ".join(figures + by))
    text = account.text_of({names[name]: share for name, share in shares.items()})
    return row._replace(rules=text, listed="|".join(changes))
