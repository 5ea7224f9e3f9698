"""Which rows of a run are accepted: by themselves or by their changes, and which of them nobody has seen.

An accepted change holds until it is approved. Then `close` takes the decision about it away, so that it is
open where it comes again; the note of that step says when it was approved.
"""

import bisect
import contextlib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from mymodules import results
from mymodules.errors import OutputError, ResultsError
from mymodules.results import exchange, runfiles
from mymodules.results.rows import AnyTable, Columns, lists
from mymodules.triage.decisions import APPROVED, Decisions, rows
from mymodules.triage.lines import Row
from mymodules.triage.standing import Standing


class Accepted(NamedTuple):
    """What holds for the rows of a table.

    Attributes
    ----------
    decisions : list of str
        One of `DECISIONS` for each row, or an empty text.
    unseen : set of str
        Names of rows that are accepted because all of their changes were, before anybody could look at them.
    """

    decisions: list[str]
    unseen: set[str]


def accepted(frame: AnyTable, out: Path, stamp: str) -> Accepted:
    """Return what holds for the rows of a table of the run with this stamp."""
    desk = Decisions(out)
    changes = _listed(desk, out, stamp)
    if changes is None or not _has_changes(frame):
        return Accepted([word for word, _ in desk.each(rows(frame))], set())
    found = desk.standings(frame, changes)
    unseen = unopened(desk, frame, changes, found, stamp)
    names = {row.name for row, each in zip(rows(frame), found, strict=True) if each.decision == "accept"}
    return Accepted([each.decision for each in found], unseen & names)


def standings_of(frame: AnyTable, out: Path, stamp: str) -> dict[str, str]:
    """Return how far rows that are not accepted are decided by their changes, see `plans.Plan.standings`."""
    desk = Decisions(out)
    changes = _listed(desk, out, stamp)
    if changes is None or not _has_changes(frame):
        return {}
    found = zip(rows(frame), desk.standings(frame, changes), strict=True)
    waiting = {
        row: each for row, each in found if each.changes and not each.own and each.decision != "accept"
    }
    about = {row.name: row for row in waiting}
    pairs = zip(*lists(changes, "image_filename", "signature"), strict=True)
    known = desk.remarks_on_each((about[name], signature) for name, signature in pairs if name in about)
    remarks: dict[Row, dict[str, None]] = {row: {} for row in waiting}
    for (row, _), text in known.items():
        remarks[row][text] = None
    return {
        row.name: ", ".join([str(each), *remarks[row]])
        for row, each in waiting.items()
        if each.decided or remarks[row]
    }


def _has_changes(frame: AnyTable) -> bool:
    return isinstance(frame, results.Rows) or "changes" in getattr(frame, "columns", ())


def unopened(
    desk: Decisions, frame: AnyTable, changes: AnyTable, found: Iterable[Standing], stamp: str
) -> set[str]:
    """Return the names of the rows that are decided by their changes only, and that nobody has looked at.

    A row may have been looked at if one of its changes was decided for this row, or while the newest run had
    this row: this run, or an earlier one with the same two pictures. In an output folder behind a URL, a run
    counts here from its end on, or from when it came, and for others from when it was there, see
    `exchange.sent_at`.

    What others decided is dated by their clocks. A time that is ahead of this computer's clock is not
    believed. Any other is: if their clock was ahead, or that of the server behind, what they decided before a
    run was there, by less than that, counts as decided in view of it.

    Parameters
    ----------
    desk : Decisions
    frame, changes
        The rows of a run, and their changes.
    found : iterable of Standing
        What holds for each row.
    stamp : str
        That of the run.
    """
    about = {
        row.name: row for row, each in zip(rows(frame), found, strict=True) if each.decision and not each.own
    }
    pairs = zip(*lists(changes, "image_filename", "signature"), strict=True)
    wanted = [(about[name], signature) for name, signature in pairs if name in about]
    here = desk.each([row._replace(change=signature) for row, signature in wanted])
    anywhere = [Row.anywhere(signature) for _, signature in wanted]
    times, runs, seen = desk.times_apart(), _Runs(desk.path.parent, stamp), set()
    for (row, _), own, change, held in zip(wanted, here, anywhere, desk.each(anywhere), strict=True):
        if row.name not in seen and (
            own[0] or runs.had(row, *(each.get((change, *held), "") for each in times))
        ):
            seen.add(row.name)
    return {*about} - seen


def close(frame: AnyTable, out: Path, stamp: str, approved: Collection[str]) -> None:
    """Take away the acceptance of each change that no other row needs, now that these rows are approved."""
    desk = Decisions(out)
    changes = _listed(desk, out, stamp)
    if changes is None:
        return
    about = {row.name: row for row in rows(frame)}
    pairs = [*dict.fromkeys(zip(*lists(changes, "image_filename", "signature"), strict=True))]
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


def _listed(desk: Decisions, out: Path, stamp: str) -> Columns | None:
    """Return the changes of a run; None if no decision is about a change, or the run has no list of them."""
    if not desk.knows_changes:
        return None
    return results.Rows([], {"out": str(out), "stamp": stamp}).changes()


class _Since(NamedTuple):
    """Since when runs were known, the first one first."""

    this: datetime | None
    times: list[datetime]
    stamps: list[str]


def _since(known: Mapping[str, datetime], this: str) -> _Since:
    stamps = sorted(known, key=lambda stamp: (known[stamp], stamp))
    return _Since(known.get(this), [known[stamp] for stamp in stamps], stamps)


def _placed(path: Path) -> datetime | None:
    """Return since when a file is in its place; None if it is not."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    except OSError:
        return None


def _is_ahead(time: str) -> bool:
    """Return whether a clock was ahead: then nobody knows what could be seen."""
    try:
        return datetime.fromisoformat(time) > datetime.now(UTC)
    except (ValueError, TypeError):
        return True


class _Runs:
    """The runs of an output folder, which are read when they are asked for."""

    def __init__(self, out: Path, stamp: str) -> None:
        stamps = {stamp, *filter(None, map(runfiles.stamp_of, out.glob("results-*.csv")))}
        found = {each: runfiles.begun(each) for each in stamps}
        here = {each: time for each, time in found.items() if time is not None}
        sent = exchange.sent_at(out)
        if sent is None:  # a folder that somebody has downloaded may have decisions of others, too
            there = {each: time for each, time in here.items() if runfiles.is_shared(each)}
        else:
            there = {each: time for each, time in sent.items() if each in here}
            here = {each: time for each in here if (time := _placed(runfiles.finished_path(out, each)))}
        self._out = out
        self._here, self._there = _since(here, stamp), _since(there, stamp)
        self._rows: dict[str, set[Row]] = {}

    def had(self, row: Row, here: str, elsewhere: str) -> bool:
        """Return whether a row was known on this computer at one time, or on another one at another time.

        That is if the newest run then has it, or if it is of this run and this one was known.
        """
        return self._had(row, here, self._here) or (
            not _is_ahead(elsewhere) and self._had(row, elsewhere, self._there)
        )

    def _had(self, row: Row, time: str, known: _Since) -> bool:
        try:
            then = datetime.fromisoformat(time)
            at = bisect.bisect_right(known.times, then)
        except (ValueError, TypeError):  # undecided, or somebody has edited the file
            return False
        if known.this is not None and known.this <= then:
            return True
        return at > 0 and row in self._of(known.stamps[at - 1])

    def _of(self, stamp: str) -> set[Row]:
        if stamp not in self._rows:
            self._rows[stamp] = set()
            with contextlib.suppress(ResultsError):  # it is unfinished, or somebody has edited it
                path = runfiles.finished_path(self._out, stamp)
                self._rows[stamp] = set(rows(results.Rows(results.read(path), {})))
        return self._rows[stamp]
