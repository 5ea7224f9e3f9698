"""The changes of a run, each one an occurrence of its class, and the sizes of the pages they stand on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mymodules.errors import ResultsError, SettingsError
from mymodules.paths import shown
from mymodules.regions import Region
from mymodules.results import Rows, runfiles
from mymodules.results.rows import AnyTable, Columns, lists, optional
from mymodules.row import SIZES, verdict_of

_BOXES = tuple(f"{side}_{end}" for end in ("first", "second") for side in ("x", "y", "width", "height"))
_COLUMNS = "kind", "signature", "surroundings", "pixels", "largest"


class Occurrence(NamedTuple):
    """A change of one page.

    Attributes
    ----------
    page : str
        The ``image_filename`` of its row.
    number : int
        Its number among the changes of the row, from 1.
    kind : str
        See `comparison.changes.Change`, as for the figures below.
    first, second : Region
        Where, px, within the pages. A side that has nothing is an empty box: as wide as the other one where
        rows came or went, as high as the other one where columns did.
    pixels, largest : int
        `largest` is 0 if there is none.
    signature, surroundings : str
    taken : bool
        Whether rules have taken all of it, so that it counts as decided.
    """

    page: str
    number: int
    kind: str
    first: Region
    second: Region
    pixels: int
    largest: int
    signature: str
    surroundings: str
    taken: bool


class Changes:
    """The changes of a table's rows in the order of names and numbers, as columns.

    Of a hundred thousand changes a plan shows a few thousand, and only of these there are objects.

    Attributes
    ----------
    pages, kinds, signatures, surroundings : list of str
    pixels, largest : list of int
    taken : list of bool
    """

    def __init__(self, listed: AnyTable, pages: "Mapping[str, Page]") -> None:
        names, numbers, *others = lists(listed, "image_filename", "number", *_COLUMNS, *_BOXES)
        rules = optional(listed, "rules", len(names), "")
        keys = [*zip(names, numbers, strict=True)]
        known = [index for index, name in enumerate(names) if name in pages]
        known.sort(key=keys.__getitem__)
        self.pages: list[str] = [names[index] for index in known]
        self._numbers: list[int] = [numbers[index] for index in known]
        self.kinds, self.signatures, self.surroundings = (
            [str(column[index]) for index in known] for column in others[:3]
        )
        self.pixels: list[int] = [others[3][index] or 0 for index in known]
        self.largest: list[int] = [others[4][index] or 0 for index in known]
        self.taken = [bool(rules[index]) for index in known]
        self._boxes = others[len(_COLUMNS) :]
        self._lines, self._sizes = known, pages

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, index: int) -> Occurrence:
        return Occurrence(
            self.pages[index],
            self._numbers[index],
            self.kinds[index],
            *self.boxes(index),
            self.pixels[index],
            self.largest[index],
            self.signatures[index],
            self.surroundings[index],
            self.taken[index],
        )

    def boxes(self, index: int) -> tuple[Region, Region]:
        """Return the boxes of a change on both sides, as far as they lie there: the file may be edited."""
        line, page = self._lines[index], self._sizes[self.pages[index]]
        given = [column[line] for column in self._boxes]
        first = _within(given[:4], page.width_first, page.height_first)
        second = _within(given[4:], page.width_second, page.height_second)
        return _beside(first, second), _beside(second, first)


class Found(NamedTuple):
    """What a table of rows and one of changes say.

    Attributes
    ----------
    changes : Changes
    pages : dict of str to Page
        All rows with two pictures, by name.
    changed : int
        How many rows are `changed` by their verdicts.
    """

    changes: Changes
    pages: dict[str, "Page"]
    changed: int


class Page(NamedTuple):
    """The sizes of the two pictures of a row, px."""

    width_first: int
    height_first: int
    width_second: int
    height_second: int


def read(frame: "AnyTable | runfiles.AnyRun", changes: "AnyTable | None") -> Found:
    """Return the changes of a table's rows, and what else is known of the rows.

    Parameters and errors are those of `planning.plan`.
    """
    table: AnyTable
    if not isinstance(frame, Rows) and isinstance(csv_path := getattr(frame, "csv_path", None), Path):
        table = Rows.read(csv_path)
    else:
        table = frame  # type: ignore[assignment]
    names, statuses, *sizes = lists(table, "image_filename", "status", *SIZES)
    pages = {name: Page(*size) for name, *size in zip(names, *sizes, strict=True) if None not in size}
    listed = _of_run(table) if changes is None else changes
    verdicts = map(verdict_of, statuses, optional(table, "verdict", len(statuses), None))
    return Found(Changes(listed, pages), pages, sum(verdict == "changed" for verdict in verdicts))


def _of_run(table: AnyTable) -> Columns:
    """Return the changes of the run that a table is from."""
    run = table if isinstance(table, Rows) else Rows([], runfiles.record(table))  # type: ignore[arg-type]
    if not run.csv_path:
        raise SettingsError(
            "It is unknown where the changes are: the table does not name its run. Pass the one that "
            "results.load() returned, or the changes as changes=."
        )
    found = run.changes()
    if found is None:
        raise ResultsError(
            f"{shown(run.csv_path)} has no list of changes beside it, which looks are made of: compare "
            "again, and do not switch off moves."
        )
    return found


def _within(given: Sequence[int], width: int, height: int) -> Region:
    """Return the part of a box that lies on a page."""
    x, y = min(max(given[0], 0), width), min(max(given[1], 0), height)
    return Region(x, y, min(max(given[2], 0), width - x), min(max(given[3], 0), height - y))


def _beside(box: Region, other: Region) -> Region:
    """Return a box; an empty one as wide as the other one where rows came or went, or as high for columns."""
    if box.width and box.height:
        return box
    if box.height:  # columns came or went beside something
        return Region(box.x, other.y, 0, other.height)
    return Region(other.x, box.y, other.width, 0)
