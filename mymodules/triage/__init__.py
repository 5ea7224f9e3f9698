"""Decisions about the rows of a run, and the files that follow from them."""

from mymodules.triage.approval import Approval, Decisions, Restoration, Row, approve, restore, rows

__all__ = ["Approval", "Decisions", "Restoration", "Row", "approve", "restore", "rows"]
