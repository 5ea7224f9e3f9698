"""Decisions about the rows of a run, and the files that follow from them."""

from mymodules.triage.approval import Approval, Restoration, approve, restore
from mymodules.triage.decisions import Decisions, rows
from mymodules.triage.history import DECISIONS, FILE, LABELS, Row, Step

__all__ = [
    "DECISIONS",
    "FILE",
    "LABELS",
    "Approval",
    "Decisions",
    "Restoration",
    "Row",
    "Step",
    "approve",
    "restore",
    "rows",
]
