"""The looks of a run: screens that show each distinct change once, so that it is decided once.

A look shows crops of pages, before beside after, without what was shown on another look or lies between two
changes. Changes that are easily overlooked and that no crop happens to show stand enlarged on small sheets.
Room that came or went is a line of text. Nothing is left out: every open class has a look on which it is
decided.

The same table gives the same plan. No picture is read.
"""

import contextlib
import functools
import gc
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from mymodules.errors import SettingsError
from mymodules.looks import occurrences
from mymodules.looks.classes import ChangeClass, classes
from mymodules.looks.cover import cover
from mymodules.looks.crops import GAP, Crop, crops
from mymodules.looks.hunks import Hunk, hunks
from mymodules.looks.occurrences import Changes, Occurrence, Page
from mymodules.looks.placing import Place, place
from mymodules.looks.plan import LINE_SIZE, Line, Look, Plan
from mymodules.results.rows import AnyTable
from mymodules.results.runfiles import AnyRun

WIDTH, ROWS = 1440, 900
"""The size of a look, CSS px."""

LEAST = 200
"""The least width and height of a look, CSS px."""

SURROUNDINGS = 6
"""In how many surroundings a class is shown at most."""

CELLS = 72
"""How many classes stand on a small sheet, enlarged."""

LINE_ITEMS = 8
"""How many places one line about room names."""


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of garbage from going through a plan while it grows: nothing in it is a cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def plan(
    frame: "AnyTable | AnyRun",
    *,
    changes: "AnyTable | None" = None,
    width: int = WIDTH,
    rows: int = ROWS,
    decided: Container[tuple[str, str]] = frozenset(),
    near: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Plan the looks of a run.

    Parameters
    ----------
    frame : DataFrame, results.Rows or Run
        What `results.load` or `results.Rows.read` returned, or a part of it: only changes of its rows are
        planned. Or what `batch.run` returned.
    changes : DataFrame or mapping of str to list, optional
        What `results.load_changes` or `results.Rows.changes` returned; by default that of the table's run.
    width, rows : int
        The size of a look, CSS px.
    decided : container of (str, str)
        Names of rows and signatures that need not be decided any more.
    near : mapping of str to str
        What `near` returned: classes that are nearly the same then stand side by side, as far as they fit.

    Returns
    -------
    Plan

    Raises
    ------
    SettingsError
        If `frame` is not a table of a run's rows, or a look is smaller than `LEAST`.
    ResultsError
        If the run has no list of changes, or a file cannot be understood.

    Examples
    --------
    ::

        plan = looks.plan(results.load())
        print(plan)  # 29 pictures changed: 424 distinct changes, 15 looks.
    """
    if min(width, rows) < LEAST:
        raise SettingsError(f"A look of {width} x {rows} px is too small: use at least {LEAST} x {LEAST}.")
    found, pages, changed = occurrences.read(frame, changes)
    is_open = [
        not taken and each not in decided
        for taken, each in zip(found.taken, zip(found.pages, found.signatures, strict=True), strict=True)
    ]
    known = classes(found, is_open)
    opened = list(cover(each for each in known.values() if not each.small))
    small = {name: each for name, each in known.items() if each.small}
    shown = _with_seen(_hunks(opened, pages), small.values())
    seen = {each.signature for hunk in shown for each in hunk.seen}
    taken = sum(found.taken)
    draft = _Draft(
        size=(width, rows),
        crops=[(crop, crop.size) for hunk in shown for crop in crops(hunk, width, rows)],
        left=[each for name, each in small.items() if name not in seen],
        opened=[page for page, _ in opened],
        known=known,
        pages=tuple(dict.fromkeys([page for page, _ in opened] + [hunk.page for hunk in shown])),
        changed=changed,
        decided=len(found) - sum(is_open) - taken,
        taken=taken,
    )
    return _arranged(draft, near)


_Item = tuple[Crop | Line, tuple[int, int]]
"""What is shown, and its size."""


class _Draft(NamedTuple):
    """A plan before anything has its place: nothing of it depends on what is nearly the same."""

    size: tuple[int, int]
    crops: list[_Item]
    left: list[ChangeClass]  # small ones that no crop shows
    opened: list[str]
    known: dict[str, ChangeClass]
    pages: tuple[str, ...]
    changed: int
    decided: int
    taken: int


@_uncollected()
def _arranged(draft: _Draft, near: Mapping[str, str]) -> Plan:
    """Return the plan in which those stand side by side that are nearly the same."""
    left = sorted(draft.left, key=_by_group(draft.left, near))
    size = min(LINE_SIZE[0], draft.size[0]), LINE_SIZE[1]
    lines = _lines([each for each in left if each.kind == "space"], draft.opened, size)
    items = [*draft.crops, *((line, line.size) for line in lines)]
    cells = [each.occurrences[0] for each in left if each.kind != "space"]
    return Plan(
        looks=(*_looks(items, draft.size, draft.known, near), *_sheets(cells)),
        classes=draft.known,
        pages=draft.pages,
        changed=draft.changed,
        decided=draft.decided,
        taken=draft.taken,
        arranged=functools.partial(_arranged, draft),
    )


def _by_group(
    left: Iterable[ChangeClass], near: Mapping[str, str]
) -> Callable[[ChangeClass], tuple[int, str, int, str]]:
    """Return a key that puts the largest first, with all that are nearly the same."""
    most: dict[str, int] = {}
    for each in left:
        name = near.get(each.signature, each.signature)
        most[name] = max(most.get(name, 0), each.pixels)

    def key(each: ChangeClass) -> tuple[int, str, int, str]:
        name = near.get(each.signature, each.signature)
        return -most[name], name, -each.pixels, each.signature

    return key


def _hunks(opened: Sequence[tuple[str, list[ChangeClass]]], pages: dict[str, Page]) -> list[Hunk]:
    """Return what is shown of each page."""
    wanted: dict[str, list[Occurrence]] = {page: [] for page, _ in opened}
    for page, new in opened:
        for each in new:
            for occurrence in _one_of_each(each, page):
                wanted.setdefault(occurrence.page, []).append(occurrence)
    return [hunk for page, found in wanted.items() for hunk in hunks(found, pages[page])]


def _one_of_each(each: ChangeClass, page: str) -> list[Occurrence]:
    """Return one occurrence for each of a class's surroundings, on this page if it is there."""
    changes, indexes, found = each.occurrences.changes, each.occurrences.indexes, dict[str, int]()
    for index in (*(index for index in indexes if changes.pages[index] == page), *indexes):
        found.setdefault(changes.surroundings[index], index)
    return [changes[index] for index in [*found.values()][:SURROUNDINGS]]


def _with_seen(shown: Iterable[Hunk], small: Iterable[ChangeClass]) -> list[Hunk]:
    """Return the hunks with the small classes that each happens to show; a class is seen once."""
    on: dict[str, list[int]] = {}
    changes = None
    for each in small:
        changes = each.occurrences.changes
        for index in each.occurrences.indexes:
            on.setdefault(changes.pages[index], []).append(index)
    if changes is None:
        return [*shown]
    known: set[str] = set()
    found = []
    for hunk in shown:
        new: dict[str, int] = {}
        for index in on.get(hunk.page, ()):
            if changes.signatures[index] not in known and _is_shown(changes, index, hunk):
                new.setdefault(changes.signatures[index], index)
        known.update(new)
        found.append(replace(hunk, seen=tuple(map(changes.__getitem__, new.values()))))
    return found


def _is_shown(changes: Changes, index: int, hunk: Hunk) -> bool:
    """Return whether a hunk shows a change; of rows that came or went, some of their width is enough."""
    is_room = changes.kinds[index] == "space"
    for box, crop in zip(changes.boxes(index), (hunk.first, hunk.second), strict=True):
        left, right, end = box.x, box.x + box.width, crop.x + crop.width
        across = (left >= crop.x and right <= end) or (is_room and left < end and right > crop.x)
        if not across or box.y < crop.y or box.y + box.height > crop.y + crop.height:
            return False
    return True


def _lines(left: Iterable[ChangeClass], opened: Iterable[str], size: tuple[int, int]) -> Iterator[Line]:
    """Yield lines about room, each class on the first page that is opened, else on the first by name."""
    ranks = {page: rank for rank, page in enumerate(opened)}
    on: dict[str, list[Occurrence]] = {}
    for each in left:
        best = min(each.occurrences, key=lambda of: (ranks.get(of.page, len(ranks)), of.page, of.number))
        on.setdefault(best.page, []).append(best)
    for page, found in sorted(on.items()):
        found.sort(key=lambda each: each.number)
        yield from (Line(page, part, size) for part in _parts(found, LINE_ITEMS))


def _looks(
    items: list[_Item], size: tuple[int, int], known: dict[str, ChangeClass], near: Mapping[str, str]
) -> list[Look]:
    """Return the looks that show all items, those with the most changed pixels first."""
    screens: dict[int, list[int]] = {}
    places = _places(items, size, near)
    for index, each in enumerate(places):
        screens.setdefault(each.screen, []).append(index)
    names = {
        number: dict.fromkeys(each.signature for index in screen for each in items[index][0].occurrences)
        for number, screen in screens.items()
    }
    order = sorted(screens, key=lambda number: (-sum(known[name].pixels for name in names[number]), number))
    last = {name: number for number in order for name in names[number]}
    return [
        Look(
            placed=tuple((items[index][0], (places[index].x, places[index].y)) for index in screens[number]),
            cells=(),
            signatures=tuple(name for name in names[number] if last[name] == number),
        )
        for number in order
    ]


def _places(items: list[_Item], size: tuple[int, int], near: Mapping[str, str]) -> list[Place]:
    """Return where each item stands; those that show nearly the same stand together, as far as they fit."""
    if not near:
        return place([each for _, each in items], *size, GAP)
    groups: dict[str, list[int]] = {}
    stars = {*near.values()}
    for index, (item, _) in enumerate(items):
        names = {near.get(each.signature, each.signature) for each in item.occurrences}
        shared = sorted(names & stars)
        groups.setdefault(shared[0] if shared else f"{index}", []).append(index)
    blocks: list[list[tuple[int, Place]]] = []
    for group in groups.values():
        parts: dict[int, list[tuple[int, Place]]] = {}
        for index, at in zip(group, place([items[index][1] for index in group], *size, GAP), strict=True):
            parts.setdefault(at.screen, []).append((index, at))
        blocks += parts.values()
    sizes = [
        (
            max(at.x + items[index][1][0] for index, at in block),
            max(at.y + items[index][1][1] for index, at in block),
        )
        for block in blocks
    ]
    found: dict[int, Place] = {}
    for block, to in zip(blocks, place(sizes, *size, GAP), strict=True):
        found |= {index: Place(to.screen, to.x + at.x, to.y + at.y) for index, at in block}
    return [found[index] for index in range(len(items))]


def _sheets(cells: list[Occurrence]) -> Iterator[Look]:
    for part in _parts(cells, CELLS):
        yield Look((), part, tuple(each.signature for each in part))


def _parts(found: Sequence[Occurrence], most: int) -> Iterator[tuple[Occurrence, ...]]:
    return (tuple(found[start : start + most]) for start in range(0, len(found), most))
