"""Which classes of a plan are nearly the same, from the pictures of a run: see `looks.near`.

Pictures are read only if two classes have a kind and sizes in common, and only so many of them.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mymodules import images, looks
from mymodules.formats.png import Samples
from mymodules.images import Rgba
from mymodules.looks import ChangeClass, Plan
from mymodules.looks.likeness import grown
from mymodules.pages.display import SIDES
from mymodules.regions import Region

CLASSES: Final = 1000
"""How many classes are compared at most."""

ALIKE: Final = 100
"""How many of them with the same sizes: the time grows with the square of this."""

CROPPED: Final = 4_000_000
"""How many px of crops are kept at most."""

DECODED: Final = 100_000_000
"""After how many px of pictures no further one is read."""

_Key = tuple[str, str, Region]


class Nearly(NamedTuple):
    """Which classes are nearly the same.

    Attributes
    ----------
    near : dict of str to str
        What `looks.near` returns.
    note : str
        A sentence if they were too many to compare all of them; else empty.
    """

    near: dict[str, str]
    note: str


def find(classes: Iterable[ChangeClass], picture: Callable[[str, str], Samples | None]) -> Nearly:
    """Return which classes are nearly the same as an earlier one.

    Parameters
    ----------
    classes : iterable of ChangeClass
    picture : callable
        Returns a row's picture as `images.decode` does, given its name and ``"first"`` or ``"second"``; None
        if it cannot be read.
    """
    groups: dict[tuple[object, ...], list[ChangeClass]] = {}
    for each in classes:
        one = each.occurrences[0]
        if each.kind != "space":
            groups.setdefault((each.kind, *one.first[2:], *one.second[2:]), []).append(each)
    found = [group for group in groups.values() if len(group) > 1]
    found.sort(key=_area)  # the smallest first: these are the most
    taken = _within(found)
    crops, unread = _crops(taken, picture)
    near = looks.near(taken, lambda page, side, box: crops.get((page, side, box)))
    every = sum(map(len, found))
    compared = len(taken) - unread
    if compared == every:
        return Nearly(near, "")
    among = (
        f"Nearly the same: found among {compared:,} of {every:,} changes; all of them would take too long."
    )
    return Nearly(near, among)


def side_by_side(plan: Plan, picture: Callable[[str, str], Samples | None]) -> tuple[Plan, Nearly]:
    """Return a plan in which those stand side by side that are nearly the same, and what `find` returned.

    `picture` is that of `find`.
    """
    alike = find(plan.classes.values(), picture)
    return (plan.arranged(alike.near) if alike.near else plan), alike


def _within(groups: Iterable[list[ChangeClass]]) -> list[ChangeClass]:
    """Return as many classes as are compared."""
    taken: list[ChangeClass] = []
    room = CROPPED
    for group in groups:
        area = _area(group)
        count = min(len(group), ALIKE, CLASSES - len(taken), room // area)
        if count > 1:
            taken += group[:count]
            room -= count * area
    return taken


def _area(group: list[ChangeClass]) -> int:
    """Return how many px the crops of each class have."""
    one = group[0].occurrences[0]
    return sum(box.width * box.height for box in map(grown, (one.first, one.second)))


def _crops(
    classes: Iterable[ChangeClass], picture: Callable[[str, str], Samples | None]
) -> tuple[dict[_Key, Rgba], int]:
    """Return crops, each picture being decoded once, and of how many classes it was not.

    Pages with the most classes come first.
    """
    wanted: dict[str, list[ChangeClass]] = {}
    for each in classes:
        wanted.setdefault(each.occurrences[0].page, []).append(each)
    crops: dict[_Key, Rgba] = {}
    decoded = unread = 0
    for page, on_it in sorted(wanted.items(), key=lambda found: -len(found[1])):
        if decoded >= DECODED:
            unread += len(on_it)
            continue
        for side in SIDES:
            pixels = picture(page, side)
            if pixels is None:
                continue
            decoded += pixels.shape[0] * pixels.shape[1]
            for box in (grown(getattr(each.occurrences[0], side)) for each in on_it):
                left, top = max(box.x, 0), max(box.y, 0)
                part = pixels[top : max(box.y + box.height, 0), left : max(box.x + box.width, 0)]
                crops[page, side, box] = images.to_rgba(part).copy()  # not the whole picture with it
            del pixels
    return crops, unread
