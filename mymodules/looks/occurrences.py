"""The changes of a run, each one an occurrence of its class, and the sizes of the pages they stand on."""

import itertools
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import results
from mymodules.errors import ResultsError, SettingsError
from mymodules.paths import shown
from mymodules.regions import Region
from mymodules.results import runfiles

if TYPE_CHECKING:
    import pandas as pd

_SIZES = ("width_first", "height_first", "width_second", "height_second")
_BOXES = tuple(f"{side}_{end}" for end in ("first", "second") for side in ("x", "y", "width", "height"))
_COLUMNS = ("image_filename", "number", "kind", *_BOXES, "pixels", "largest", "signature", "surroundings")


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


class Page(NamedTuple):
    """The sizes of the two pictures of a row, px."""

    width_first: int
    height_first: int
    width_second: int
    height_second: int


def read(
    frame: "pd.DataFrame | runfiles.AnyRun", changes: "pd.DataFrame | None"
) -> "tuple[pd.DataFrame, list[Occurrence], dict[str, Page]]":
    """Return the table, the changes of its rows by name and number, and the sizes of their pages.

    Parameters and errors are those of `planning.plan`.
    """
    if isinstance(getattr(frame, "csv_path", None), Path):
        frame = results.load(frame.csv_path)
    runfiles.check_table(frame, "image_filename", "status", *_SIZES)
    table: pd.DataFrame = frame  # type: ignore[assignment]
    listed = _of_run(table) if changes is None else changes
    runfiles.check_table(listed, *_COLUMNS)
    pages = _pages(table)
    known = np.fromiter((name in pages for name in listed["image_filename"]), np.bool_, len(listed))
    listed = listed.loc[known]
    names = listed["image_filename"].tolist()
    sizes = np.array([pages[name] for name in names], np.int64).reshape(-1, 4)
    firsts, seconds = _boxes(listed, sizes)
    taken = listed["rules"].astype(bool).tolist() if "rules" in listed.columns else [False] * len(listed)
    columns = (
        *(names, listed["number"].tolist(), listed["kind"].tolist(), firsts, seconds),
        *(listed["pixels"].tolist(), listed["largest"].fillna(0).tolist()),
        *(listed["signature"].tolist(), listed["surroundings"].tolist(), taken),
    )
    found = list(itertools.starmap(Occurrence, zip(*columns, strict=True)))
    found.sort(key=itemgetter(0, 1))
    return table, found, pages


def _of_run(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the changes of the run that a table is from."""
    run: Mapping[str, Any] = runfiles.record(table)
    if not run.get("out") or not runfiles.is_stamp(run.get("stamp")):
        raise SettingsError(
            "It is unknown where the changes are: the table does not name its run. Pass the one that "
            "results.load() returned, or the changes as changes=."
        )
    csv_path = runfiles.finished_path(Path(run["out"]), run["stamp"])
    found = results.load_changes(csv_path)
    if found is None:
        raise ResultsError(
            f"{shown(csv_path)} has no list of changes beside it, which looks are made of: compare again, "
            "and do not switch off moves."
        )
    return found


def _pages(table: "pd.DataFrame") -> dict[str, Page]:
    """Return the sizes of all pages that have two pictures, by name."""
    sized = table.dropna(subset=[*_SIZES])
    sizes = zip(*(sized[name].tolist() for name in _SIZES), strict=True)
    return {
        name: Page(*map(int, size))
        for name, size in zip(sized["image_filename"].tolist(), sizes, strict=True)
    }


def _boxes(listed: "pd.DataFrame", sizes: NDArray[np.int64]) -> tuple[list[Region], list[Region]]:
    """Return the boxes of all lines; the file may have been edited, so only what lies on the pages."""
    most = int(sizes.max(initial=0))
    given = listed[[*_BOXES]].to_numpy(np.int64)
    lows = np.empty((len(given), 4), np.int64)  # x and y in first, x and y in second
    lengths = np.empty_like(lows)
    for side in range(4):
        at = side // 2 * 4 + side % 2
        start, length = np.clip(given[:, at], 0, sizes[:, side]), np.clip(given[:, at + 2], 0, most)
        lows[:, side], lengths[:, side] = start, np.minimum(length, sizes[:, side] - start)
    low, length = (lows[:, :2], lows[:, 2:]), (lengths[:, :2], lengths[:, 2:])
    found = []
    for one, other in ((0, 1), (1, 0)):
        start, size = low[one].copy(), length[one].copy()
        is_columns = (size[:, 0] == 0) & (size[:, 1] > 0)  # what came or went beside something
        is_rows = (size[:, 1] == 0) | ((size[:, 0] == 0) & ~is_columns)
        for empty, axis in ((is_rows, 0), (is_columns, 1)):
            start[empty, axis], size[empty, axis] = low[other][empty, axis], length[other][empty, axis]
            size[empty, 1 - axis] = 0
        found.append(list(map(Region._make, np.hstack([start, size]).tolist())))
    return found[0], found[1]
