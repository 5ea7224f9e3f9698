"""The changes of a run, each one an occurrence of its class, and the sizes of the pages they stand on."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules.errors import ResultsError, SettingsError
from mymodules.paths import shown
from mymodules.regions import Region
from mymodules.results import Rows, runfiles
from mymodules.results.rows import AnyTable, Columns, lists, optional
from mymodules.row import verdict_of

_SIZES = ("width_first", "height_first", "width_second", "height_second")
_BOXES = tuple(f"{side}_{end}" for end in ("first", "second") for side in ("x", "y", "width", "height"))


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
    pages, signatures, surroundings : list of str
    kinds : list of str
    pixels, largest : int64[n]
    first, second : int64[n, 4]
    taken : list of bool
    """

    def __init__(self, listed: AnyTable, pages: "Mapping[str, Page]") -> None:
        names, kinds, *digests = lists(listed, "image_filename", "kind", "signature", "surroundings")
        rules = optional(listed, "rules", len(names), "")
        figures = _whole(listed, "number", "pixels", "largest", *_BOXES)
        keys = [*zip(names, figures[:, 0].tolist(), strict=True)]
        known = [index for index, name in enumerate(names) if name in pages]
        known.sort(key=keys.__getitem__)
        self.pages, self.kinds, self.signatures, self.surroundings = (
            [column[index] for index in known] for column in (names, kinds, *digests)
        )
        self.taken = [bool(rules[index]) for index in known]
        figures = figures[known]
        self._numbers, self.pixels, self.largest = figures[:, 0], figures[:, 1], figures[:, 2]
        sizes = np.array([pages[name] for name in self.pages], np.int64).reshape(-1, 4)
        self.first, self.second = _boxes(figures[:, 3:], sizes)

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, index: int) -> Occurrence:
        first, second = (Region._make(boxes[index].tolist()) for boxes in (self.first, self.second))
        return Occurrence(
            page=self.pages[index],
            number=int(self._numbers[index]),
            kind=self.kinds[index],
            first=first,
            second=second,
            pixels=int(self.pixels[index]),
            largest=int(self.largest[index]),
            signature=self.signatures[index],
            surroundings=self.surroundings[index],
            taken=self.taken[index],
        )


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
    names, statuses, *sizes = lists(table, "image_filename", "status", *_SIZES)
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


def _boxes(given: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the boxes of all lines; the file may have been edited, so only what lies on the pages."""
    most = int(sizes.max(initial=0))
    lows = np.empty((len(given), 4), np.int64)  # x and y in first, x and y in second
    lengths = np.empty_like(lows)
    for side in range(4):
        at = side // 2 * 4 + side % 2
        start, length = np.clip(given[:, at], 0, sizes[:, side]), np.clip(given[:, at + 2], 0, most)
        lows[:, side], lengths[:, side] = start, np.minimum(length, sizes[:, side] - start)
    corners, extents = (lows[:, :2], lows[:, 2:]), (lengths[:, :2], lengths[:, 2:])
    found = []
    for one, other in ((0, 1), (1, 0)):
        start, size = corners[one].copy(), extents[one].copy()
        is_columns = (size[:, 0] == 0) & (size[:, 1] > 0)  # what came or went beside something
        is_rows = (size[:, 1] == 0) | ((size[:, 0] == 0) & ~is_columns)
        for empty, axis in ((is_rows, 0), (is_columns, 1)):
            start[empty, axis], size[empty, axis] = corners[other][empty, axis], extents[other][empty, axis]
            size[empty, 1 - axis] = 0
        found.append(np.hstack([start, size]))
    return found[0], found[1]


def _whole(table: AnyTable, *names: str) -> NDArray[np.int64]:
    """Return columns of whole numbers as int64[rows, columns], 0 where one is absent."""
    if isinstance(table, Rows | Mapping):
        columns = [[value or 0 for value in column] for column in lists(table, *names)]
        return np.array(columns, np.int64).reshape(len(names), -1).T
    runfiles.check_table(table, *names)
    return np.column_stack([table[name].to_numpy(np.int64, na_value=0) for name in names])
