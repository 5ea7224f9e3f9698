"""Decisions about the rows of a run, and the files that follow from them."""

from mymodules.triage.approval import Approval, Restoration, approve, restore
from mymodules.triage.decisions import Decisions, rows
from mymodules.triage.handover import Merge, merge
from mymodules.triage.history import Step
from mymodules.triage.lines import DECISIONS, FILE, LABELS, Row
from mymodules.triage.plans import Plan, plan
from mymodules.triage.standing import Standing

__all__ = [
    "DECISIONS",
    "FILE",
    "LABELS",
    "Approval",
    "Decisions",
    "Merge",
    "Plan",
    "Restoration",
    "Row",
    "Standing",
    "Step",
    "approve",
    "merge",
    "plan",
    "restore",
    "rows",
]
