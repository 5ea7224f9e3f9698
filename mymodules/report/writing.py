"""Write a report: a page with the table and the notebook's viewer, for people without a notebook.

A report appears when it is complete: whoever opens it finds the old one or the new one, even if the process
that writes it is killed. The page loads nothing but its own files. Names and messages are text in it, never
markup.
"""

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import files, triage
from mymodules.errors import SettingsError
from mymodules.pages import delta, display, marks
from mymodules.pages.display import SIDES
from mymodules.paths import AnyPath, local_path, shown
from mymodules.report import looks, page, place
from mymodules.report.labels import Labels
from mymodules.report.parts import Parts, refuse_large
from mymodules.report.pictures import Pairs
from mymodules.report.place import is_one_file
from mymodules.report.shards import Shards
from mymodules.results import attention, exchange, runfiles
from mymodules.triage import FILE, Decisions, Row
from mymodules.triage.approval import MANIFEST

if TYPE_CHECKING:
    import pandas as pd

ONE_FILE_LIMIT = 512 << 20
"""The most bytes of a report in one file; browsers are slow with larger ones, or refuse them."""

ROWS_IN_FILE = 500
"""How many rows are in each of the files that the page loads when it shows one of them."""

READ_PIXELS = 64_000_000
"""The most pixels of a picture whose values the page shows; it decodes such a picture whole."""


def write(
    frame: "pd.DataFrame",
    path: AnyPath,
    run: runfiles.AnyRun | Mapping[str, Any] | None = None,
    embed: bool = False,
    *,
    same: bool = False,
    paths: bool = False,
    only_looks: bool = False,
) -> Path:
    """Write rows and their pictures as a page with the notebook's viewer, which browsers open from disk.

    The page also takes decisions: see `triage.merge` for the file that it hands over.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or any part of it. The largest change is shown first, whatever the order
        of the frame. Its columns ``decision`` and ``note`` are shown. Without ``decision``, the decisions and
        notes in the run's output folder are; without ``note``, its notes on the same decisions.
    path : path
        A folder, whose parent must exist; it may be zipped and moved. An existing report is replaced.
    run : Run or mapping, optional
        Where the pictures are: what `batch.run` returned, or a manifest. By default ``frame.attrs["run"]``.
    embed : bool
        Write one file instead, whose name ends in ``.html``, with all pictures in it.
    same : bool
        Also write the pictures of `same` rows, which few look at.
    paths : bool
        Name the folders of the run with their whole paths, which may say more about this computer than others
        need to know.
    only_looks : bool
        Write a page of the looks alone, which takes decisions too, with the few pictures that they show.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    SettingsError
        When `frame` is not a table of rows or does not say where the pictures are, when `check` refuses the
        path, when one file would exceed `ONE_FILE_LIMIT`, or when there can be no looks and they are all that
        is wanted.
    ResultsError
        When the decisions cannot be read.
    OutputError
        When it cannot be written; an existing report is then unchanged.

    Notes
    -----
    Pictures are copied as they are if browsers show what was compared, otherwise written as PNG; equal files
    are stored once. The page says if a picture is gone or has changed since the run. Memory does not grow
    with the number of rows. If two processes write the same report, the last one wins; leftovers of killed
    ones are removed.
    """
    runfiles.check_table(frame, "image_filename")
    folders = display.folders(frame, run)
    outside = (folders.first, folders.second) if folders.selection.files is None else ()
    target = check(path, embed=embed, outside=outside)
    manifest = runfiles.record(frame, run)
    frame = frame.iloc[attention.places(frame)]
    frame.attrs = {}  # pandas would copy them deeply with every selection of rows or of a column
    rows = [*page.records(frame)]
    exchange.show_drawings(folders.out, manifest)
    drawn = delta.drawings_of(folders.out, manifest)
    changes = marks.RunChanges(folders.out, manifest)
    for row in rows:
        row["signatures"] = changes.signatures({name: row.get(name) for name in marks.COLUMNS})
    desk = None if folders.out is None else Decisions(folders.out)
    decided, closed = _decide(frame, rows, desk)
    stamp = str(manifest.get("stamp"))
    found = looks.find(frame, changes.table, rows, decided, desk, stamp, folders, alone=only_looks)
    if only_looks and found.why_not:
        raise SettingsError(found.why_not)
    only = found.pages if only_looks else None
    if embed:
        refuse_large(_least_bytes(rows, folders, same, only), ONE_FILE_LIMIT)
    try:
        with place.Staging(target) as staging:
            parts = Parts(staging)
            known = {**folders.roots, "selection": folders.selection.entry()}
            labels = Labels.of(known, paths=paths)
            pairs = Pairs(folders, drawn, changes, parts, READ_PIXELS, same, only)
            classes = dict.fromkeys(name for row in rows for name in row["signatures"] or () if name)
            numbers = {name: number for number, name in enumerate(classes)}
            shards = Shards(parts, numbers, ROWS_IN_FILE)
            for record in pairs.all(rows):
                shards.add(labels.hidden(record))
            shards.close()
            if found.data:
                parts.values(found.name, found.data)
            facts = page.facts(labels, manifest)
            text = page.text(shards, facts, manifest, decided, closed, found, embed=embed, alone=only_looks)
            if embed:
                first = (found.name,) if found.data else ()
                parts.write_one(text, (*first, *shards.names, *shards.pictures), ONE_FILE_LIMIT)
            else:
                parts.write_page(text)
            staging.put()
    except OSError as error:
        raise files.not_written(target, error) from error
    return target if embed else target / place.INDEX


def check(path: AnyPath, *, embed: bool = False, outside: Sequence[Path] = ()) -> Path:
    """Return where `write` would write, to check it before a long run.

    Parameters
    ----------
    path, embed
        As for `write`.
    outside : sequence of Path
        Folders of pictures, which the report must not be in.

    Raises
    ------
    SettingsError
        When its parent folder is absent or not writable, its name does not fit, or something other than a
        report exists there.
    """
    target = local_path(path, "The report", "file or folder")
    if target.is_symlink():
        target = target.resolve()
    if not target.parent.is_dir():
        raise SettingsError(f"There is no folder {shown(target.parent)}: create it, or name another report.")
    if not os.access(target.parent, os.W_OK):
        raise SettingsError(f"{shown(target.parent)} is not writable: allow writing, or name another report.")
    if is_one_file(target) != embed:
        wanted = "one that ends in .html" if embed else "that of a folder, or embed=True"
        raise SettingsError(f"{shown(target)} cannot be the report: its name must be {wanted}.")
    if target.name in (FILE, MANIFEST) or runfiles.stamp_of(target) is not None:
        raise SettingsError(f"{shown(target)} is named like a file of a run: name another report.")
    for folder in outside:
        if target.resolve().is_relative_to(folder.resolve()):
            raise SettingsError(
                f"{shown(target)} is inside {shown(folder)}, and its pictures would be compared next "
                "time: name another place for the report."
            )
    place.check(target)
    return target


def _decide(
    frame: "pd.DataFrame", rows: Sequence[dict[str, Any]], desk: Decisions | None
) -> tuple[list[looks.DecidedChange], Mapping[str, str]]:
    """Give each row its own decision, and return those about changes, and which are closed.

    All are as they are at one moment.
    """
    if desk is None:
        return [], {}
    about = triage.rows(frame)
    changes = dict.fromkeys(
        each
        for row, record in zip(about, rows, strict=True)
        for signature in record["signatures"] or ()
        if signature
        for each in (row._replace(change=signature), Row.anywhere(signature))
    )
    held, closed = desk.dated([*about, *changes])
    for record, (word, note, _) in zip(rows, held, strict=False):
        if "decision" not in frame.columns or ("note" not in frame.columns and record["decision"] == word):
            record["decision"], record["note"] = word, note
    return [(each, found) for each, found in zip(changes, held[len(rows) :], strict=True) if found[0]], closed


def _least_bytes(
    rows: Sequence[Mapping[str, Any]], folders: display.Folders, same: bool, only: Collection[str] | None
) -> int:
    """Return the bytes that the pictures need in base64, if they are written as they are."""
    sizes: dict[Path | str, int] = {}
    for row in rows:
        wanted = row["image_filename"] in only if only is not None else same or row.get("status") != "same"
        for side in SIDES if wanted else ():
            with contextlib.suppress(Exception):  # its own row reports it
                path = folders.of_row(row, side)
                sizes[row.get(f"{side}_digest") or path] = path.stat().st_size
    return sum(sizes.values()) * 4 // 3
