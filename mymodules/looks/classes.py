"""Classes: the occurrences of one signature, which are decided together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from mymodules.looks.occurrences import Changes, Occurrence

FAINT = 8
"""The largest difference of a channel, in levels, that is easily overlooked."""

TINY, TINY_AREA = 16, 256
"""The most differing pixels, and the largest area of their box, px, that are easily overlooked."""


class Occurrences(Sequence[Occurrence]):
    """Some of the changes of a run, each of which becomes an `Occurrence` when it is asked for.

    Attributes
    ----------
    changes : Changes
    indexes : list of int
        Which of them.
    """

    def __init__(self, changes: Changes, indexes: list[int]) -> None:
        self.changes, self.indexes = changes, indexes

    def __len__(self) -> int:
        return len(self.indexes)

    @overload
    def __getitem__(self, index: int) -> Occurrence: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Occurrence, ...]: ...

    def __getitem__(self, index: int | slice) -> Occurrence | tuple[Occurrence, ...]:
        if isinstance(index, slice):
            return tuple(self.changes[each] for each in self.indexes[index])
        return self.changes[self.indexes[index]]

    def __iter__(self) -> Iterator[Occurrence]:
        return map(self.changes.__getitem__, self.indexes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Occurrences) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True)
class ChangeClass:
    """All changes of a run with one signature.

    Attributes
    ----------
    signature : str
    occurrences : sequence of Occurrence
        Those that are open, in the order of names and numbers.
    small : bool
        Whether each change of the class, decided or not, is only room, faint or tiny.
    """

    signature: str
    occurrences: Occurrences
    small: bool

    @property
    def kind(self) -> str:
        """What kind of change it is."""
        return self.occurrences.changes.kinds[self.occurrences.indexes[0]]

    @cached_property
    def pages(self) -> tuple[str, ...]:
        """The names of the pages on which it stands."""
        pages = self.occurrences.changes.pages
        return tuple(dict.fromkeys([pages[each] for each in self.occurrences.indexes]))

    @cached_property
    def surroundings(self) -> int:
        """Beside how many different things it stands."""
        beside = self.occurrences.changes.surroundings
        return len({beside[each] for each in self.occurrences.indexes})

    @cached_property
    def pixels(self) -> int:
        """px of all of its occurrences."""
        pixels = self.occurrences.changes.pixels
        return sum(pixels[each] for each in self.occurrences.indexes)


def classes(found: Changes, is_open: Sequence[bool]) -> dict[str, ChangeClass]:
    """Return the classes that have an open occurrence, by signature, in the order of their first ones."""
    members: dict[str, list[int]] = {}
    large: set[str] = set()
    for index, (signature, wanted) in enumerate(zip(found.signatures, is_open, strict=True)):
        if signature not in large and not _is_small(found, index):
            large.add(signature)
        if wanted:
            members.setdefault(signature, []).append(index)
    return {
        name: ChangeClass(name, Occurrences(found, of), name not in large) for name, of in members.items()
    }


def _is_small(found: Changes, index: int) -> bool:
    if found.kinds[index] != "edit":
        return found.kinds[index] == "space"
    if found.largest[index] <= FAINT:
        return True
    if found.pixels[index] > TINY:
        return False
    _, second = found.boxes(index)
    return second.width * second.height <= TINY_AREA
