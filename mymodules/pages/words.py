"""What the explorer and the report call the same things: headings, filters, counts.

Both screens take their words from here, so that a person who knows one knows the other.
"""

from collections.abc import Mapping
from typing import Any, Final

from mymodules.row import HEADINGS, TABLE, Heading
from mymodules.triage import LABELS

ALL_CODES: Final = "all codes"
ALL_CAUSES: Final = "all causes"
ALL_DECISIONS: Final = "all decisions"
ONLY_MOVED: Final = "only moved"
NAME: Final = "Name, or *.png"
"""The placeholder of the field for names."""

NAME_HINT: Final = "A part of the name, or a pattern: * stands for anything, ? for one character"
SHOW_ALL: Final = "Show all rows"
WAITING: Final = "to decide"
"""Rows without a decision that need one, see `row.NOTHING_TO_DECIDE`."""

DECIDED: Final = "decided"
OPEN_CHANGES: Final = Heading("open", "open changes", falls=True)
"""Of a row: how many of its changes are not decided, see `triage.Standing`."""


def status_hint(status: str) -> str:
    """Return the tooltip of the button that filters by a status."""
    return f"Show {status} rows; with none pressed, all are shown"


def columns(*, causes_known: bool, own: Mapping[str, Heading]) -> list[dict[str, Any]]:
    """Return the columns of the tables as a page expects them: key, label, title and whether it falls.

    Regions are listed for runs that did not find out why pixels differ, changes and open changes for all
    others; metrics of one's own, see `row.own_columns`, come last.
    """
    left_out = ("regions",) if causes_known else ("px_changed", "changes")
    names = [name for name in TABLE if name not in left_out]
    headings = {name: HEADINGS[name] for name in names[:2]}
    headings["decision"] = Heading("decision", "decision")
    headings |= {name: HEADINGS[name] for name in names[2:]}
    if causes_known:
        headings["open_changes"] = OPEN_CHANGES
    headings |= own
    return [{"key": name, **heading._asdict()} for name, heading in headings.items()]


def page() -> dict[str, Any]:
    """Return the words that a page's own scripts need."""
    return {
        "allCauses": ALL_CAUSES,
        "allCodes": ALL_CODES,
        "allDecisions": ALL_DECISIONS,
        "name": NAME,
        "nameHint": NAME_HINT,
        "showAll": SHOW_ALL,
        "onlyMoved": ONLY_MOVED,
        "waiting": WAITING,
        "decided": DECIDED,
        "decisions": LABELS,
    }
