"""Which rows of a run are accepted: by themselves or by their changes, and which of them nobody has seen.

An accepted change holds until it is approved. Then `close` takes the decision about it away, so that it is
open where it comes again; the note of that step says when it was approved.
"""

import contextlib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mymodules import results
from mymodules.errors import OutputError
from mymodules.results import runfiles
from mymodules.triage.decisions import APPROVED, Decisions, rows
from mymodules.triage.history import Row

if TYPE_CHECKING:
    import pandas as pd


class Accepted(NamedTuple):
    """What holds for the rows of a table.

    Attributes
    ----------
    decisions : list of str
        One of `DECISIONS` for each row, or an empty text.
    unseen : set of str
        Names of rows that are accepted because all of their changes were, before the run began.
    """

    decisions: list[str]
    unseen: set[str]


def accepted(frame: "pd.DataFrame", out: Path, stamp: str) -> Accepted:
    """Return what holds for the rows of a table of the run with this stamp."""
    desk = Decisions(out)
    changes = _listed(desk, out, stamp)
    if changes is None or "changes" not in frame.columns:
        return Accepted(desk.state(frame).tolist(), set())
    found = desk.standings(frame, changes)
    about = {
        row.name: row
        for row, each in zip(rows(frame), found, strict=True)
        if each.decision == "accept" and not each.own
    }
    return Accepted([each.decision for each in found], {*about} - _seen(desk, about, changes, stamp))


def close(frame: "pd.DataFrame", out: Path, stamp: str, approved: Collection[str]) -> None:
    """Take away the acceptance of each change that no other row needs, now that these rows are approved."""
    desk = Decisions(out)
    changes = _listed(desk, out, stamp)
    if changes is None:
        return
    about = {row.name: row for row in rows(frame)}
    columns = changes["image_filename"].tolist(), changes["signature"].tolist()
    pairs = [*dict.fromkeys(zip(*columns, strict=True))]
    names = [*dict.fromkeys(signature for name, signature in pairs if name in approved)]
    decided = desk.each([Row.anywhere(signature) for signature in names])
    closing = dict.fromkeys(name for name, (word, _) in zip(names, decided, strict=True) if word == "accept")
    others = [(about.get(name), each) for name, each in pairs if name not in approved and each in closing]
    known = [(row, each) for row, each in others if row is not None]
    own = desk.each([row for row, _ in known]), desk.each([row._replace(change=each) for row, each in known])
    decided_there = {pair for pair, row, here in zip(known, *own, strict=True) if row[0] or here[0]}
    for pair in others:
        if pair not in decided_there:
            closing.pop(pair[1], None)
    note = f"{APPROVED}{datetime.now():%Y-%m-%d}"
    with contextlib.suppress(OutputError):  # the changes then stay accepted until the next approval
        desk.decide([Row.anywhere(signature) for signature in closing], "clear", note)


def _listed(desk: Decisions, out: Path, stamp: str) -> "pd.DataFrame | None":
    """Return the changes of a run; None if no decision is about a change, or the run has no list of them."""
    if not runfiles.is_stamp(stamp) or not desk.knows_changes:
        return None
    return results.load_changes(runfiles.finished_path(out, stamp))


def _seen(desk: Decisions, about: dict[str, Row], changes: "pd.DataFrame", stamp: str) -> set[str]:
    """Return the names of the rows with a change that was decided for this row, or since the run began."""
    try:
        begun = datetime.strptime(stamp[: len("YYYYmmdd-HHMMSS")], "%Y%m%d-%H%M%S").astimezone()
    except ValueError:  # nobody knows when it began
        return set()
    times = desk.times()
    pairs = zip(changes["image_filename"].tolist(), changes["signature"].tolist(), strict=True)
    wanted = [(about[name], signature) for name, signature in pairs if name in about]
    here = desk.each([row._replace(change=signature) for row, signature in wanted])
    anywhere = [Row.anywhere(signature) for _, signature in wanted]
    seen = set()
    for (row, _), own, change, held in zip(wanted, here, anywhere, desk.each(anywhere), strict=True):
        if own[0] or _is_since(times.get((change, *held), ""), begun):
            seen.add(row.name)
    return seen


def _is_since(time: str, begun: datetime) -> bool:
    try:
        return datetime.fromisoformat(time) >= begun
    except (ValueError, TypeError):  # undecided, or somebody has edited the file
        return False
