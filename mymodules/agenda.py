"""What a run leaves to decide: its looks, what was decided earlier, and what is open in each row.

All of it is read from the files of the run and from the decisions; no picture is.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from mymodules import looks, triage
from mymodules.paths import is_folder
from mymodules.results import Rows
from mymodules.results.rows import AnyTable, lists
from mymodules.row import SIZES, counted
from mymodules.triage.accepted import unopened

NEEDED: Final = ("status", "changes", *SIZES)
"""The columns without which a table has no agenda."""


class Agenda(NamedTuple):
    """What is to decide in a run.

    Attributes
    ----------
    plan : looks.Plan
    standings : dict of str to triage.Standing
        What holds for each row, by name.
    open : dict of str to list of str
        The classes that are open in each row that has any, by name.
    unopened : set of str
        The names of rows that are decided by their changes only, and that nobody has looked at.
    remarks : dict of str to str
        See `triage.Decisions.remarks`, of the classes that are open.
    """

    plan: looks.Plan
    standings: dict[str, triage.Standing]
    open: dict[str, list[str]]
    unopened: set[str]
    remarks: dict[str, str]

    @classmethod
    def of(
        cls, table: AnyTable, run: Mapping[str, Any], changes: "AnyTable | None" = None
    ) -> "Agenda | None":
        """Return the agenda of a run; None if nothing changed, or its changes or decisions are unknown.

        Parameters
        ----------
        table : DataFrame or results.Rows
            The rows of the run, or a part of them.
        run : mapping
            Its manifest.
        changes : DataFrame or mapping of str to list, optional
            All changes of the run; otherwise they are read.

        Raises
        ------
        ResultsError
            If a file cannot be understood.
        """
        out = run.get("out")
        changes = Rows([], run).changes() if changes is None else changes
        if changes is None or not any(lists(changes, "number")) or not is_folder(str(out)):
            return None
        if not (isinstance(table, Rows) or {*NEEDED} <= {*getattr(table, "columns", ())}):
            return None
        desk, about = triage.Decisions(str(out)), triage.rows(table)
        plan = looks.plan(table, changes=changes, decided=desk.decided_changes(table, changes))
        if not plan.changed:
            return None
        found = desk.standings(table, changes)
        open_: dict[str, list[str]] = {}
        for each in plan.classes.values():
            for page in each.pages:
                open_.setdefault(page, []).append(each.signature)
        standings = {row.name: each for row, each in zip(about, found, strict=True)}
        unseen = unopened(desk, table, changes, found, run["stamp"])
        return cls(plan, standings, open_, unseen, desk.remarks(plan.classes))

    def __str__(self) -> str:
        """What changed, what was decided earlier, and on how many rows that nobody has looked at."""
        return sentence(self.plan, self.unopened)


def sentence(plan: looks.Plan, unopened: Collection[str]) -> str:
    """Return what a plan says, and how many rows are decided by it that nobody has looked at."""
    if not unopened:
        return str(plan)
    one = len(unopened) == 1
    others = f"{'has' if one else 'have'} no others, and nobody has opened {'it' if one else 'them'}"
    return f"{plan} {counted(len(unopened))} {others}."
