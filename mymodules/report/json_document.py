"""The rows of a run as one JSON document, for programs.

`SCHEMA` describes it, a JSON Schema (draft 2020-12) that is part of this package. The document has a version,
which is raised whenever a reader of the earlier one might misread it; new keys do not raise it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mymodules import __version__, files, triage
from mymodules.pages import display
from mymodules.paths import AnyPath, local_path
from mymodules.report import page
from mymodules.report.labels import ROLES, Labels
from mymodules.row import COLUMNS, STATUSES, verdict

if TYPE_CHECKING:
    import pandas as pd

FORMAT: Final = "mymodules-results"
VERSION: Final = 1

SCHEMA: Final = Path(__file__).with_name("results.schema.json")
"""The file of the schema."""

_RUN = ("stamp", "complete", "seconds", "reused", "skip_until", "stop_at", "left_out", "options", "versions")


def document(frame: "pd.DataFrame", path: AnyPath, *, paths: bool = False) -> None:
    """Write the rows of a run as one JSON document.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or a part of it.
    path : path
        The file; it is replaced in one step.
    paths : bool
        Name the folders of the run with their whole paths, as `write` does.

    Raises
    ------
    SettingsError
        If the frame has no names, or a row has no status.
    OutputError
        If the file cannot be written.

    Notes
    -----
    The verdict is that of ``compare --check``: ``same``, ``different`` or ``error``. The file is ASCII.
    """
    rows = page.compared(frame)
    manifest = frame.attrs.get("run") or {}
    labels = Labels.of(manifest, paths=paths)
    counts = {status: 0 for status in STATUSES}
    for row in rows:
        counts[row["status"]] += 1
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "program": {"name": "mymodules", "version": __version__},
        "run": {role: labels.names.get(role) for role in ROLES[:2]}
        | {key: manifest[key] for key in _RUN if manifest.get(key) is not None},
        "verdict": verdict(counts),
        "counts": {"total": len(rows), **counts},
        "rows": [_row(row, labels, decision) for row, decision in zip(rows, _decisions(frame), strict=True)],
    }
    text = json.dumps(whole, indent=1, allow_nan=False)
    files.write(local_path(path, "The JSON file", "file"), [text.encode("ascii"), b"\n"])


def _row(row: Mapping[str, Any], labels: Labels, decision: tuple[str, str]) -> dict[str, Any]:
    """Return every column of a row, and what was decided about it."""
    cells = {name: row.get(name) for name in COLUMNS}
    cells["messages"] = labels.hide(cells["messages"] or "")
    cells |= {name: value for name, value in row.items() if name.startswith("metric_")}
    word, note = decision
    return cells | {"decision": word or None, "note": note or None}


def _decisions(frame: "pd.DataFrame") -> list[tuple[str, str]]:
    """Return decision and note of each row; empty ones if the run does not say where decisions are."""
    manifest = frame.attrs.get("run") or {}
    desk = display.folders(frame).decisions if all(manifest.get(role) for role in ROLES) else None
    return [("", "") if desk is None else desk.of(row) for row in triage.rows(frame)]
