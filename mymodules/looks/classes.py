"""Classes: the occurrences of one signature, which are decided together."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from mymodules.looks.occurrences import Occurrence

FAINT = 8
"""The largest difference of a channel, in levels, that is easily overlooked."""

TINY, TINY_AREA = 16, 256
"""The most differing pixels, and the largest area of their box, px, that are easily overlooked."""


@dataclass(frozen=True)
class ChangeClass:
    """All changes of a run with one signature.

    Attributes
    ----------
    signature : str
    occurrences : tuple of Occurrence
        Those that are open, in the order of names and numbers.
    small : bool
        Whether each change of the class, decided or not, is only room, faint or tiny.
    """

    signature: str
    occurrences: tuple[Occurrence, ...]
    small: bool

    @property
    def kind(self) -> str:
        """What kind of change it is."""
        return self.occurrences[0].kind

    @cached_property
    def pages(self) -> tuple[str, ...]:
        """The names of the pages on which it stands."""
        return tuple(dict.fromkeys(each.page for each in self.occurrences))

    @cached_property
    def surroundings(self) -> int:
        """Beside how many different things it stands."""
        return len({each.surroundings for each in self.occurrences})

    @cached_property
    def pixels(self) -> int:
        """px of all of its occurrences."""
        return sum(each.pixels for each in self.occurrences)


def classes(found: Iterable[Occurrence], is_open: Iterable[bool]) -> dict[str, ChangeClass]:
    """Return the classes that have an open occurrence, by signature, in the order of their first ones."""
    members: dict[str, list[Occurrence]] = {}
    large: set[str] = set()
    for each, wanted in zip(found, is_open, strict=True):
        if each.signature not in large and not _is_small(each):
            large.add(each.signature)
        if wanted:
            members.setdefault(each.signature, []).append(each)
    return {name: ChangeClass(name, tuple(of), name not in large) for name, of in members.items()}


def _is_small(each: Occurrence) -> bool:
    if each.kind == "edit":
        area = each.second.width * each.second.height
        return each.largest <= FAINT or (each.pixels <= TINY and area <= TINY_AREA)
    return each.kind == "space"
