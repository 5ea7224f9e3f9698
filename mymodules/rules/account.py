"""What rules have taken: the text in a row's column ``rules``, its sentences, and the sum of a run.

The text is a JSON object from the names of rules to their figures, without those that are 0. ``{}`` says that
there were rules for the picture, and none has taken anything; an absent text, that rules were not applied.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from mymodules.rules.rule import Rule

_LARGEST = 2**53


class Share(NamedTuple):
    """What one rule has taken of a picture.

    Attributes
    ----------
    tolerated, masked : int
        px.
    changes : int
        Changes of which it has taken pixels.
    whole : int
        Those of which nothing was left then, so that no change counts for two rules.
    hidden : int
        Changes that it has taken only because the whole picture differs by little.
    depth : int
        1 if it has taken a difference in the number of bits, or in bits beyond the eighth.
    x, y, pixels : int
        Where the largest of the hidden changes is, and how many of its pixels differ.
    """

    tolerated: int = 0
    masked: int = 0
    changes: int = 0
    whole: int = 0
    hidden: int = 0
    depth: int = 0
    x: int = 0
    y: int = 0
    pixels: int = 0

    def figures(self) -> dict[str, int]:
        """Return those of its figures that are not 0."""
        return {key: value for key, value in self._asdict().items() if value}

    @property
    def has_taken(self) -> bool:
        """Whether it has taken anything."""
        return bool(self.tolerated or self.masked or self.changes or self.depth)


Account = Mapping[str, Share]
"""The shares of the rules that have taken something, by name, in the order of the rules."""


class Total(NamedTuple):
    """What one rule has taken of all pictures of a run.

    Attributes
    ----------
    name : str
    candidates : int
        Pictures that it is for.
    pictures : int
        Those of which it has taken something.
    tolerated, masked, changes, whole, hidden : int
        The sums of its `Share` of each.
    largest_in : str
        The picture in which the largest change is hidden; empty if none is.
    x, y, pixels : int
        Where that change is, and how many of its pixels differ.
    """

    name: str
    candidates: int = 0
    pictures: int = 0
    tolerated: int = 0
    masked: int = 0
    changes: int = 0
    whole: int = 0
    hidden: int = 0
    largest_in: str = ""
    x: int = 0
    y: int = 0
    pixels: int = 0


def text_of(account: Account) -> str:
    """Return an account as one text."""
    found = {name: share.figures() for name, share in account.items()}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def parsed(text: str | None) -> dict[str, Share]:
    """Return the account that `text_of` made a text of; nothing for any other text."""
    try:
        found = json.loads(text or "{}")
        return {name: _share(figures) for name, figures in found.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _share(figures: dict[str, Any]) -> Share:
    if not all(type(value) is int and 0 <= value <= _LARGEST for value in figures.values()):
        raise ValueError("a share has other values than whole numbers")
    return Share(**figures)


def sentences(account: Account) -> list[str]:
    """Return a sentence for each rule that has taken something, and `warnings`."""
    found = []
    for name, share in account.items():
        taken = [
            f"{word} {_px(count)}"
            for word, count in (("masks", share.masked), ("tolerates", share.tolerated))
            if count
        ]
        if share.changes:
            changes = _changes(share.changes)
            taken[-1:] = [f"{taken[-1]} of {changes}" if taken else f"takes {changes}"]
        if share.depth:
            taken.append("tolerates the difference in bits")
        found.append(f"Rule '{name}' {' and '.join(taken)}.")
    return found + warnings(account)


def warnings(account: Account) -> list[str]:
    """Return a sentence for each rule that has hidden changes, whatever these show."""
    return [
        f"Rule '{name}' hides {_changes(share.hidden)}, because the whole picture differs by little: "
        f"look at x {share.x}, y {share.y}, where {_px(share.pixels)} changed."
        for name, share in account.items()
        if share.hidden
    ]


def totals(rules: Sequence[Rule], rows: Iterable[tuple[str, str | None]]) -> list[Total]:
    """Return the sum of a run for each of its rules.

    Parameters
    ----------
    rules : sequence of Rule
    rows : iterable of (str, str or None)
        The name of each row, and its text.
    """
    found = {rule.name: Total(rule.name) for rule in rules}
    for picture, text in rows:
        for rule in rules:
            if rule.is_for(picture):
                total = found[rule.name]
                found[rule.name] = total._replace(candidates=total.candidates + 1)
        for name, share in parsed(text).items():
            if name in found:
                found[name] = _with(found[name], picture, share)
    return [*found.values()]


def _with(total: Total, picture: str, share: Share) -> Total:
    """Return a sum with one picture more."""
    if share.hidden and share.pixels > total.pixels:
        total = total._replace(largest_in=picture, x=share.x, y=share.y, pixels=share.pixels)
    return total._replace(
        pictures=total.pictures + 1,
        tolerated=total.tolerated + share.tolerated,
        masked=total.masked + share.masked,
        changes=total.changes + share.changes,
        whole=total.whole + share.whole,
        hidden=total.hidden + share.hidden,
    )


def joined(names: Iterable[str]) -> str:
    """Return names as one text of letters, digits and ``_.-~%+``, which `separated` takes apart."""
    return "+".join(quote(name, safe="") for name in names)


def separated(text: str) -> tuple[str, ...]:
    """Return the names that `joined` made a text of."""
    return tuple(map(unquote, text.split("+"))) if text else ()


def _px(count: int) -> str:
    return f"{count:,} px"


def _changes(count: int) -> str:
    return "1 change" if count == 1 else f"{count:,} changes"
