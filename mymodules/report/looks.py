"""The looks of a report. They are a file of their own, which the page loads when it shows them.

A look names parts of the pictures that the report has. Some pictures are read before, to place changes that
are nearly the same side by side. What a person decides in the page is no part of the file.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mymodules import faults, looks
from mymodules.agenda import sentence
from mymodules.errors import MymodulesError
from mymodules.pages import nearly
from mymodules.pages.display import decoded
from mymodules.pages.looks import EVERYWHERE, ON_ITS_PAGES, UNLISTED, LookRecords, notes
from mymodules.triage import Decisions, Row
from mymodules.triage.accepted import unopened

if TYPE_CHECKING:
    import pandas as pd

    from mymodules.pages.display import Folders

INCOMPLETE: Final = "No looks: the run's list of changes lacks some of them. Compare again."
"""Why there are no looks if somebody has edited the list."""

_NOTHING: Final = {
    **{"sentence": "No picture has a change to look at.", "remarks": {}},
    **dict.fromkeys(("notes", "looks", "about", "by"), ()),
}

DecidedChange = tuple[Row, tuple[str, str, str]]
"""A change that is decided, of one row or wherever it stands, with the decision, its note and its date."""


class Found(NamedTuple):
    """The looks of a table.

    Attributes
    ----------
    data : bytes
        JSON: ``sentence`` and ``notes``; ``looks``, the records of `pages.looks`, whose marks end in their
        place among those of the row; ``about``, the classes of each; ``remarks`` by class; and ``by``, what
        classes can be decided by. Empty if there are no looks.
    pages : tuple of str
        The names of the rows whose pictures they show.
    why_not : str
        Why there are none of pictures that changed; else empty.
    """

    data: bytes = b""
    pages: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def name(self) -> str:
        """The name of their file, which follows from its content; empty if there are no looks."""
        return f"{hashlib.blake2b(self.data, digest_size=16).hexdigest()}.looks" if self.data else ""


def find(
    frame: "pd.DataFrame",
    changes: "pd.DataFrame | None",
    rows: Sequence[Mapping[str, Any]],
    held: Collection[DecidedChange],
    desk: Decisions | None,
    stamp: str,
    folders: "Folders",
    *,
    alone: bool,
) -> Found:
    """Plan the looks of what is open.

    Parameters
    ----------
    frame : DataFrame
    changes : DataFrame or None
        All changes of its run, None if nobody listed them.
    rows : sequence of mapping
        The records of the frame's rows, with ``decision`` and ``signatures``.
    held : collection of DecidedChange
        The decisions about changes.
    desk : Decisions or None
        Knows what was decided earlier.
    stamp : str
        That of the run.
    folders : Folders
        Where the pictures are, of which some are read to see which changes are nearly the same.
    alone : bool
        Whether the page has nothing else: then it says if nothing changed.
    """
    listed = {row["image_filename"]: row for row in rows if row["signatures"] is not None}
    changed = [row for row in rows if row.get("status") == "changed"]
    if changed and changes is None:
        return Found(why_not=UNLISTED)
    if any(row.get("changes") and row["signatures"] is None for row in changed):
        return Found(why_not=INCOMPLETE)
    if changes is None or not listed:
        return Found(_json(_NOTHING) if alone else b"")
    try:
        known = changes[changes["image_filename"].isin([*listed])]
        decided = _decided(listed, held)
        plan, alike = nearly.side_by_side(
            looks.plan(frame, changes=known, decided=decided),
            lambda name, side: decoded(folders, listed[name], side),
        )
        unseen: set[str] = set()
        if desk is not None:
            unseen = unopened(desk, frame, known, desk.standings(frame, known), stamp)
        found = {"sentence": sentence(plan, unseen), **_content(plan, frame, known, desk, alike)}
        data = _json(found)
    except MymodulesError as error:
        return Found(why_not=str(error))
    except Exception as error:  # somebody has edited the list of changes; the rest of the report stands
        return Found(why_not=f"The looks cannot be shown: {faults.reported(error)}")
    return Found(data, tuple({item["page"]: None for item in _items(found["looks"])}))


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _decided(rows: Mapping[str, Mapping[str, Any]], held: Collection[DecidedChange]) -> set[tuple[str, str]]:
    """Return name and signature of every change that is decided, by itself, by its class or by its row."""
    about = {(row.name, row.change) for row, _ in held}
    return {
        (name, signature)
        for name, row in rows.items()
        for signature in row["signatures"]
        if row.get("decision") or not about.isdisjoint({(name, signature), ("", signature)})
    }


def _content(
    plan: looks.Plan,
    frame: "pd.DataFrame",
    changes: "pd.DataFrame",
    desk: Decisions | None,
    alike: nearly.Nearly,
) -> dict[str, Any]:
    records = LookRecords(plan, frame, changes, alike.near)
    made = [records.look(number) for number in range(len(plan.looks))]
    ranked = changes.sort_values("pixels", ascending=False, kind="stable")
    names, numbers = ranked["image_filename"].tolist(), ranked["number"].tolist()
    places = ranked.groupby("image_filename").cumcount().tolist()
    place = dict(zip(zip(names, numbers, strict=True), places, strict=True))
    for item in _items(made):
        item["marks"] = [[*mark[:-1], place[item["page"], mark[-1]]] for mark in item["marks"]]
    return {
        "notes": [*([] if desk is None else notes(frame, changes, desk)), *filter(None, [alike.note])],
        "looks": made,
        "about": records.signatures,
        "remarks": {} if desk is None else desk.remarks(plan.classes),
        "by": [EVERYWHERE, ON_ITS_PAGES],
    }


def _items(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [item for record in records for item in record["items"]]
