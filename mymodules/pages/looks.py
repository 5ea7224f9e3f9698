"""Looks as records for a page, which draws them: see pages/js/looks/.

Records are JSON. Their boxes are lists [x, y, width, height], px; a side that has nothing has an empty box.
What is decided is no part of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import triage
from mymodules.looks import Crop, Line, Look, Occurrence, Plan
from mymodules.pages import marks
from mymodules.pages.display import SIDES
from mymodules.regions import Region
from mymodules.row import SIZES
from mymodules.triage import DECISIONS, Decisions, Row

if TYPE_CHECKING:
    import pandas as pd

SCALE: Final = 4
"""How many times what stands on a small sheet is enlarged."""

CELL, CELL_MOST = (20, 16), (72, 40)
"""The least and the largest part of a picture that a cell of a small sheet shows, px."""

EVERYWHERE: Final = "wherever it stands"
ON_ITS_PAGES: Final = "on its pages"
"""What a class can be decided by: itself, or all rows on which it stands."""

UNLISTED: Final = "No looks: this run has no list of changes. Compare again to see each distinct change once."
"""Why there are no looks of a run that an earlier version made, or one that did not look for moves."""

Record = dict[str, Any]


class Held(NamedTuple):
    """What is decided about a class.

    Attributes
    ----------
    word : str
        One of `DECISIONS`; empty if it is open.
    by : str
        Where that was decided, `EVERYWHERE` or `ON_ITS_PAGES`; empty if it is open.
    apart : list of [str, int, str]
        Each other decision that pages have, on how many of them, and the name of the first.
    note : str or None
        That of the decision about the class wherever it stands; None if there is no such decision.
    """

    word: str
    by: str
    apart: list[list[Any]]
    note: str | None = None


class LookRecords:
    """The records of a plan's looks.

    Parameters
    ----------
    plan : Plan
    frame : DataFrame
        The rows that it was made of.
    changes : DataFrame
        All changes of these rows, also those that are decided.
    near : mapping of str to str
        What `looks.near` returned of the plan's classes.
    """

    def __init__(
        self,
        plan: Plan,
        frame: "pd.DataFrame",
        changes: "pd.DataFrame",
        near: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.plan = plan
        self._near = near
        self._frame, self._changes = frame, changes
        self._decided_on = {
            signature: number for number, look in enumerate(plan.looks) for signature in look.signatures
        }

    @cached_property
    def signatures(self) -> list[list[str]]:
        """The classes that each look is about: those that are decided on it.

        One on which nothing is decided is about those that it shows, which go on on a later look.
        """
        return [[*(look.signatures or _shown(look))] for look in self.plan.looks]

    def look(self, number: int) -> Record:
        """Return the record of a look.

        Returns
        -------
        dict
            ``number``; ``width`` and ``height``, CSS px, 0 for a small sheet, whose cells the page arranges;
            ``sheet``; ``signatures``, what is decided on it; ``classes`` by signature: ``kind``, ``cause``,
            ``pages``, ``occurrences``, ``surroundings`` (numbers), ``pixels``, ``elsewhere``, the number
            of another look on which it is decided, or None, and ``near``, see `near`; and ``items``.

            Each item has ``type``, ``page``, ``sizes`` of both pictures, and ``marks``, each [signature,
            kind, cause, first, second, pixels, largest difference, number of the change]. A ``crop`` also
            has x, y, width, height with its caption; ``first`` and ``second``, what it shows; ``at``, where
            these stand in it; ``part``, whether it is one of several of its hunk; ``folded``, how many equal
            rows follow below it, or None. A ``line`` has x, y, width, height and ``text``; a ``cell`` has
            ``first``, ``second``, ``scale`` and ``part``.
        """
        look = self.plan.looks[number]
        items = [self._placed(item, *at) for item, at in look.placed] + [*map(self._cell, look.cells)]
        ends = [(item["x"] + item["width"], item["y"] + item["height"]) for item in items if "x" in item]
        return {
            "number": number,
            "width": max((right for right, _ in ends), default=0),
            "height": max((bottom for _, bottom in ends), default=0),
            "sheet": look.is_sheet,
            "signatures": [*look.signatures],
            "classes": {signature: self._class(signature, look) for signature in self.shown(number)},
            "items": items,
        }

    def shown(self, number: int) -> list[str]:
        """Return the classes that a look shows, those that are decided on it first."""
        look = self.plan.looks[number]
        return [*dict.fromkeys([*look.signatures, *_shown(look)])]

    def occurrences(self, desk: Decisions | None, signature: str, most: int = 200) -> list[list[Any]]:
        """Return the pages on which a class stands.

        Of each: its name, the number of the change that is the first there, how many there are, the decision
        about this page or about the class there, whether it is about the whole page, and its note. What is
        not decided for a page has an empty text: there the decision about the class holds.
        """
        found: dict[str, list[int]] = {}
        for each in self.plan.classes[signature].occurrences:
            if each.page not in found and len(found) == most:
                break
            found.setdefault(each.page, []).append(each.number)
        own = self._own(desk, [signature])[signature]
        return [[page, numbers[0], len(numbers), *own[page]] for page, numbers in found.items()]

    def near(self, signature: str, look: Look) -> list[Any] | None:
        """Return the class that a class is nearly the same as; None if it is like no earlier one.

        Of that: the name of its first page, x and y there, and the number of the look on which it is decided,
        None if that is this one.
        """
        name = self._near.get(signature)
        if name is None:
            return None
        one, there = self.plan.classes[name].occurrences[0], self._decided_on[name]
        box = one.second if one.second.width and one.second.height else one.first
        return [one.page, box.x, box.y, None if self.plan.looks[there] is look else there]

    def place(self, signature: str, page: str) -> Row | None:
        """Return a class on one of its pages, to be decided alone; None if it does not stand there."""
        known = self.plan.classes.get(signature)
        return None if known is None or page not in known.pages else self._there(page, signature)

    def _there(self, page: str, signature: str) -> Row:
        return self._decidable[page]._replace(change=signature)

    def held(self, desk: Decisions | None, signatures: Iterable[str]) -> dict[str, Held]:
        """Return what is decided about each of these classes."""
        wanted = [*signatures]
        if desk is None:
            return {signature: Held("", "", []) for signature in wanted}
        anywhere = desk.each([Row.anywhere(signature) for signature in wanted])
        own = self._own(desk, wanted)
        return {
            signature: _held(word, note, {page: each for page, (each, *_) in own[signature].items()})
            for signature, (word, note) in zip(wanted, anywhere, strict=True)
        }

    def _own(
        self, desk: Decisions | None, signatures: Sequence[str]
    ) -> dict[str, dict[str, tuple[str, bool, str]]]:
        """Return the decision about each page of classes, whether it is the whole page's, and its note."""
        known = [(name, page) for name in signatures for page in self.plan.classes[name].pages]
        found: dict[str, dict[str, tuple[str, bool, str]]] = {name: {} for name in signatures}
        about = (
            [self._decidable[page] for _, page in known],
            [self._there(page, name) for name, page in known],
        )
        rows, there = ([("", "")] * len(known) if desk is None else desk.each(each) for each in about)
        for (name, page), row, here in zip(known, rows, there, strict=True):
            word, note = row if row[0] else here
            found[name][page] = word, bool(row[0]), note
        return found

    def touched(self, rows: Iterable[Row]) -> set[str]:
        """Return the classes that a decision about these rows or changes is about."""
        known = self.plan.classes
        names = {row.name for row in rows if row.name}
        found = {row.change for row in rows if row.change in known}
        if names:
            found |= {name for name, each in known.items() if not names.isdisjoint(each.pages)}
        return found

    def _class(self, signature: str, look: Look) -> Record:
        known = self.plan.classes[signature]
        first = known.occurrences[0]
        there = self._decided_on[signature]
        return {
            "kind": known.kind,
            "cause": marks.cause(known.kind, first.first, first.second),
            "pages": len(known.pages),
            "occurrences": len(known.occurrences),
            "surroundings": known.surroundings,
            "pixels": known.pixels,
            "elsewhere": None if self.plan.looks[there] is look else there,
            "near": self.near(signature, look),
        }

    def _placed(self, item: Crop | Line, x: int, y: int) -> Record:
        if isinstance(item, Line):
            width, height = item.size
            return {
                "type": "line",
                **self._about(item.page, item.occurrences),
                **{"x": x, "y": y, "width": width, "height": height},
                "text": str(item),
            }
        width, height = item.size
        hunk = item.hunk
        return {
            "type": "crop",
            **self._about(hunk.page, item.occurrences),
            **{"x": x, "y": y, "width": width, "height": height},
            "at": dict(zip(SIDES, map(list, item.places), strict=True)),
            "first": [*item.first],
            "second": [*item.second],
            "part": (item.first, item.second) != (hunk.first, hunk.second),
            "folded": self._folded(item),
        }

    def _cell(self, each: Occurrence) -> Record:
        boxes = each.first, each.second
        shown = [_around(box, size) for box, size in zip(boxes, self._size(each.page), strict=True)]
        return {
            "type": "cell",
            **self._about(each.page, [each]),
            **dict(zip(SIDES, map(list, shown), strict=True)),
            "scale": SCALE,
            "part": any(
                box.width > part.width or box.height > part.height
                for box, part in zip(boxes, shown, strict=True)
            ),
        }

    def _about(self, page: str, found: Sequence[Occurrence]) -> Record:
        sizes = dict(zip(SIDES, self._size(page), strict=True))
        return {"page": page, "sizes": sizes, "marks": [_mark(each) for each in found]}

    def _size(self, page: str) -> tuple[list[int], list[int]]:
        one, two, three, four = self._pages[page]
        return [one, two], [three, four]

    def _folded(self, crop: Crop) -> int | None:
        """Return how many rows of second below a crop are equal, up to the next change or the page's end."""
        end = crop.second.y + crop.second.height
        hunk = crop.hunk.second
        if end < hunk.y + hunk.height or not hunk.height:
            return None
        tops, bottoms = self._rows_of(crop.hunk.page)
        below = tops[bottoms > end]
        next_ = int(below.min(initial=self._size(crop.hunk.page)[1][1]))
        return next_ - end if next_ > end else None

    def _rows_of(self, page: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the changes of a page begin and end in second; what was removed there has a row."""
        tops, bottoms = self._ends
        lines = self._lines[page]
        return tops[lines], bottoms[lines]

    @cached_property
    def _ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where all changes begin and end in second."""
        tops = self._changes["y_second"].to_numpy(np.int64)
        return tops, tops + np.maximum(self._changes["height_second"].to_numpy(np.int64), 1)

    @cached_property
    def _lines(self) -> Any:
        return self._changes.groupby("image_filename").indices

    @cached_property
    def _decidable(self) -> dict[str, Row]:
        return {row.name: row for row in triage.rows(self._frame)}

    @cached_property
    def _pages(self) -> dict[str, list[int]]:
        sized = self._frame.dropna(subset=[*SIZES])
        sizes = sized[[*SIZES]].to_numpy(np.int64).tolist()
        return dict(zip(sized["image_filename"].tolist(), sizes, strict=True))


def notes(frame: "pd.DataFrame", changes: "pd.DataFrame", desk: Decisions) -> list[str]:
    """Return sentences about changes that are decided already: those that were rejected and are still there.

    A change counts once, whether it is rejected wherever it stands or on some pages only.

    Parameters
    ----------
    frame, changes : DataFrame
        The rows of a run, and their changes.
    desk : Decisions
    """
    if not desk.knows_changes:
        return []
    about = {row.name: row for row in triage.rows(frame)}
    pairs = zip(changes["image_filename"].tolist(), changes["signature"].tolist(), strict=True)
    known = desk.remarks_on_each((about[name], signature) for name, signature in pairs if name in about)
    begin, first = "rejected since ", dict[str, str]()
    for (_, signature), text in known.items():
        if text.startswith(begin):
            day = text.removeprefix(begin)
            first[signature] = min(day, first.get(signature, day))
    since = sorted(first.values())
    if not since:
        return []
    if len(since) == 1:
        return [f"1 rejected change is still there, rejected since {since[0]}."]
    return [f"{len(since):,} rejected changes are still there, the first rejected since {since[0]}."]


def _held(word: str, note: str, own: Mapping[str, str]) -> Held:
    """Return what is decided about a class, given its decision with the note, and those of its pages."""
    by, remark = (EVERYWHERE, note) if word else ("", None)
    if not word and all(own.values()):
        word, by = next(iter(own.values())), ON_ITS_PAGES
    apart = []
    for other in DECISIONS:
        pages = [page for page, each in own.items() if each == other != word]
        if pages:
            apart.append([other, len(pages), pages[0]])
    return Held(word, by, apart, remark)


def _mark(each: Occurrence) -> list[Any]:
    cause = marks.cause(each.kind, each.first, each.second)
    boxes = [*each.first], [*each.second]
    return [each.signature, each.kind, cause, *boxes, each.pixels, each.largest, each.number]


def _shown(look: Look) -> dict[str, None]:
    placed = (each for item, _ in look.placed for each in item.occurrences)
    return dict.fromkeys(each.signature for each in (*placed, *look.cells))


def _around(box: Region, size: Sequence[int]) -> Region:
    """Return what a cell shows of a picture of this size."""
    starts, lengths = [], []
    for axis in (0, 1):
        wanted = min(max(box[2 + axis] + SCALE, CELL[axis]), CELL_MOST[axis], size[axis])
        start = box[axis] + (box[2 + axis] - wanted) // 2
        starts.append(min(max(start, 0), size[axis] - wanted))
        lengths.append(wanted)
    return Region(*starts, *lengths)
