"""A run for those who have no notebook: what a person opens, and what a build server reads.

`write` makes a page with the table and the notebook's viewer, `junit` an XML file. Each is put in its place
when it is whole: whoever opens one finds the old one or the new one, also when the process that writes it is
killed. The page asks for nothing but its own files, and names and messages are text in it, never markup.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import files
from mymodules.errors import SettingsError
from mymodules.pages import views
from mymodules.paths import AnyPath, local_path, shown
from mymodules.report import page, place
from mymodules.report.junit_xml import junit
from mymodules.report.parts import Parts, refuse_large
from mymodules.report.pictures import SIDES, Pairs
from mymodules.report.place import is_one_file
from mymodules.results import runfiles
from mymodules.triage import Decisions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ONE_FILE_LIMIT", "READ_PIXELS", "check", "is_one_file", "junit", "write"]

ONE_FILE_LIMIT = 512 << 20
"""Bytes of a report in one file; browsers are slow with larger ones, or refuse them."""

READ_PIXELS = 64_000_000
"""Pixels of a picture whose values the page can tell; it decodes them by itself, all at once."""


def write(
    frame: "pd.DataFrame",
    path: AnyPath,
    run: runfiles.AnyRun | Mapping[str, Any] | None = None,
    embed: bool = False,
) -> Path:
    """Write rows and their pictures as a page that a browser opens from a disk, with the notebook's viewer.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or any part of it in any order. Its column ``decision`` is shown;
        without one, what has been decided about its rows in the run's output folder.
    path : path
        A folder, in one that is there; it may be zipped and moved. A report that is there is replaced.
    run : Run or mapping, optional
        Where the pictures are: what `batch.run` returned or a manifest. By default ``frame.attrs["run"]``.
    embed : bool
        Write one file instead, whose name ends in ``.html``, with all pictures in it.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    SettingsError
        When `frame` is no table of rows; when it is not known where the pictures are; for a path that `check`
        refuses; when one file would have more than `ONE_FILE_LIMIT` bytes.
    ResultsError
        When the decisions are there and cannot be read.
    OutputError
        When it cannot be written; a report that was there before is unchanged then.

    Notes
    -----
    Pictures are copied as they are where browsers show what was compared, else written as PNG; equal files
    are there once. A picture that is gone, or another one than was compared, is told in the page. What is
    held in memory does not grow with the number of rows. Of two processes that write one report at the same
    time the last one wins; what killed ones have left is removed.
    """
    runfiles.check_table(frame, "image_filename")
    folders = views.folders(frame, run)
    target = check(path, embed=embed, outside=(folders.first, folders.second))
    rows = [*page.records(frame)]
    if "decision" not in frame.columns and folders.out is not None:
        for row, decided in zip(rows, Decisions(folders.out).each(frame), strict=True):
            row["decision"], row["note"] = decided
    if embed:
        refuse_large(_least_bytes(rows, folders), ONE_FILE_LIMIT)
    stamp = page.stamp(frame, run)
    drawings = None
    if (
        folders.out is not None
        and stamp
        and runfiles.stamp_of(runfiles.finished_path(folders.out, stamp)) == stamp
    ):
        drawings = runfiles.pictures_path(folders.out, stamp)
    try:
        with place.Staging(target) as staging:
            parts = Parts(staging)
            made = Pairs(folders, drawings, parts, READ_PIXELS).all(rows)
            text = page.text(made, page.facts(folders, stamp), embed=embed)
            if embed:
                parts.write_one(text, made, ONE_FILE_LIMIT)
            else:
                parts.write_page(text)
            staging.put()
    except OSError as error:
        raise files.not_written(target, error) from error
    return target if embed else target / place.INDEX


def check(path: AnyPath, *, embed: bool = False, outside: Sequence[Path] = ()) -> Path:
    """Where `write` would write: to be asked before a long run.

    Parameters
    ----------
    path, embed
        As for `write`.
    outside : sequence of Path
        Folders that the report must not be in, those of the pictures.

    Raises
    ------
    SettingsError
        When there is no folder for it or none that may be written to, its name does not suit, or something
        else than a report is there.
    """
    target = local_path(path, "The report", "file or folder")
    if target.is_symlink():
        target = target.resolve()
    if not target.parent.is_dir():
        raise SettingsError(f"There is no folder {shown(target.parent)}: create it, or name another report.")
    if not os.access(target.parent, os.W_OK):
        raise SettingsError(
            f"{shown(target.parent)} may not be written to: allow it, or name another report."
        )
    if is_one_file(target) != embed:
        wanted = "one that ends in .html, being one file" if embed else "that of a folder, or embed=True"
        raise SettingsError(f"{shown(target)} cannot be the report: its name must be {wanted}.")
    for folder in outside:
        if target.resolve().is_relative_to(folder.resolve()):
            raise SettingsError(
                f"{shown(target)} is inside of {shown(folder)}, and its pictures would be compared next "
                "time: name another place for the report."
            )
    place.check(target)
    return target


def _least_bytes(rows: Sequence[Mapping[str, Any]], folders: views.Folders) -> int:
    """What the pictures of these rows need in base64, if they are written as they are."""
    sizes: dict[Path | str, int] = {}
    for row in rows:
        for side in SIDES:
            with contextlib.suppress(Exception):  # each is told in its own row
                path = folders.path(row["image_filename"], side, row.get("status"))
                sizes[row.get(f"{side}_digest") or path] = path.stat().st_size
    return sum(sizes.values()) * 4 // 3
