"""What a plan is: looks, what stands on each, and the classes that they show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mymodules.looks.classes import ChangeClass
from mymodules.looks.crops import Crop
from mymodules.looks.occurrences import Occurrence
from mymodules.row import counted

LINE_SIZE: Final = 708, 24
"""Width and height of a line about room, CSS px."""


@dataclass(frozen=True)
class Line:
    """Room that came or went on a page, as one line of text.

    Attributes
    ----------
    page : str
    occurrences : tuple of Occurrence
        At most eight, each of a class of its own.
    size : (int, int)
        Width and height that it takes.
    """

    page: str
    occurrences: tuple[Occurrence, ...]
    size: tuple[int, int] = LINE_SIZE

    def __str__(self) -> str:
        """The change of height, and where in second: ``+4 at 210, -18 at 830``."""
        return ", ".join(map(_room, self.occurrences))


@dataclass(frozen=True)
class Look:
    """One screen.

    Attributes
    ----------
    placed : tuple of (Crop or Line, (int, int))
        What it shows, and CSS px from its top left corner.
    cells : tuple of Occurrence
        What a small sheet shows instead, enlarged: one of each class, 72 at most.
    signatures : tuple of str
        The classes that are decided on it. A class that several looks show is decided on the last one.
    """

    placed: tuple[tuple[Crop | Line, tuple[int, int]], ...]
    cells: tuple[Occurrence, ...]
    signatures: tuple[str, ...]

    @property
    def is_sheet(self) -> bool:
        """Whether it is a small sheet."""
        return bool(self.cells)


@dataclass(frozen=True)
class Plan:
    """What there is to decide, and where it is shown.

    Attributes
    ----------
    looks : tuple of Look
        In the order in which to decide: the most changed pixels first, small sheets last.
    classes : dict of str to ChangeClass
        Everything that is open, by signature.
    pages : tuple of str
        The names of the pages that the looks show parts of, in the order in which they were chosen.
    changed : int
        How many rows of the table are `changed` by their verdicts.
    decided, taken : int
        How many of their changes are decided, and how many rules have taken.
    arranged : callable
        Returns the same plan with classes side by side that are nearly the same, given what `near` returned.
        It chooses and cuts nothing again.
    """

    looks: tuple[Look, ...]
    classes: dict[str, ChangeClass]
    pages: tuple[str, ...]
    changed: int
    decided: int
    taken: int
    arranged: Callable[[Mapping[str, str]], "Plan"] = field(compare=False, repr=False)

    def __str__(self) -> str:
        looks = _number(len(self.looks), "look")
        told = [f"{counted(self.changed)} changed: {_number(len(self.classes), 'distinct change')}, {looks}."]
        if self.decided:
            told.append(f"{_number(self.decided, 'change')} decided earlier.")
        if self.taken:
            told.append(f"{_number(self.taken, 'change')} taken by rules.")
        return " ".join(told)


def _room(each: Occurrence) -> str:
    came = each.second.height - each.first.height
    return f"{came or each.second.width - each.first.width:+d} at {each.second.y if came else each.second.x}"


def _number(count: int, of: str) -> str:
    return f"1 {of}" if count == 1 else f"{count:,} {of}s"
