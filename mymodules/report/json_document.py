"""The rows of a run as one JSON document, for programs.

`SCHEMA` describes it, a JSON Schema (draft 2020-12) that is part of this package. The document has a version,
which is raised whenever a reader of the earlier one might misread it; new keys do not raise it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mymodules import __version__, files, triage
from mymodules.agenda import Agenda
from mymodules.paths import AnyPath, is_folder, local_path
from mymodules.report import page
from mymodules.report.labels import ROLES, Labels
from mymodules.results import Rows, runfiles
from mymodules.results.ruled import Rulebook
from mymodules.row import COLUMNS, METRIC, STATUSES, VERDICTS, verdict
from mymodules.rules.account import parsed

if TYPE_CHECKING:
    import pandas as pd

FORMAT: Final = "mymodules-results"
VERSION: Final = 1

SCHEMA: Final = Path(__file__).with_name("results.schema.json")
"""The file of the schema."""


def document(frame: "pd.DataFrame | Rows", path: AnyPath, *, paths: bool = False) -> None:
    """Write the rows of a run as one JSON document.

    Parameters
    ----------
    frame : DataFrame or results.Rows
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
    rows, manifest = page.compared(frame)
    labels = Labels.of(manifest, paths=paths)
    decided, agenda = _decisions(rows, manifest), Agenda.of(frame, manifest)
    counts, verdicts = (dict.fromkeys(words, 0) for words in (STATUSES, VERDICTS))
    for row in rows:
        counts[row["status"]] += 1
        verdicts[row["verdict"]] += 1
    book = Rulebook.of(manifest, ((row["image_filename"], row.get("rules")) for row in rows))
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "program": {"name": "mymodules", "version": __version__},
        "run": {role: labels.names.get(role) for role in ROLES[:2]} | runfiles.told(manifest),
        "verdict": verdict(verdicts),
        "counts": {"total": len(rows), **counts},
        "verdicts": verdicts,
        "rules": None if book is None else _rules(book, paths=paths),
        "changes": None if agenda is None else _changes(agenda),
        "rows": [_row(row, labels, own, agenda) for row, own in zip(rows, decided, strict=True)],
    }
    text = json.dumps(whole, indent=1, allow_nan=False)
    files.write(local_path(path, "The JSON file", "file"), [text.encode("ascii"), b"\n"])


def _rules(book: Rulebook, *, paths: bool) -> dict[str, Any]:
    """Return what the rules of a run took, and the name of their file."""
    file = book.file if paths or book.file is None else Path(book.file).name
    return {
        "file": file,
        "pictures": book.pictures,
        "rules": [total._asdict() for total in book.totals],
    }


def _changes(agenda: Agenda) -> dict[str, Any]:
    """Return what is to decide about the changes of a run, each distinct one once."""
    plan = agenda.plan
    classes = sorted(plan.classes.values(), key=lambda each: (-each.pixels, each.signature))
    return {
        "sentence": str(agenda),
        "looks": len(plan.looks),
        "decided": plan.decided,
        "taken": plan.taken,
        "unopened": sorted(agenda.unopened),
        "open": [
            {
                "signature": each.signature,
                "kind": each.kind,
                "pixels": each.pixels,
                "occurrences": len(each.occurrences),
                "pictures": list(each.pages),
                "remark": agenda.remarks.get(each.signature),
            }
            for each in classes
        ],
    }


def _row(
    row: Mapping[str, Any], labels: Labels, own: tuple[str, str], agenda: Agenda | None
) -> dict[str, Any]:
    """Return every column of a row, what holds for it, and which of its changes are open."""
    cells = {name: row.get(name) for name in COLUMNS}
    cells["messages"] = labels.hide(cells["messages"] or "")
    taken = parsed(cells["rules"]).items()
    cells["rules"] = {name: share.figures() for name, share in taken} if cells["rules"] else None
    cells |= {name: value for name, value in row.items() if name.startswith(METRIC)}
    word, note = own
    found: list[Any] = [None, None]
    if agenda is not None and (standing := agenda.standings[row["image_filename"]]).changes:
        word, found = standing.decision, [standing.decided, agenda.open.get(row["image_filename"], [])]
    decided, open_ = found
    return cells | {
        "decision": word or None,
        "note": note or None,
        "decided_changes": decided,
        "open_changes": open_,
    }


def _decisions(rows: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return decision and note of each row; empty ones if the run does not say where decisions are."""
    out = manifest.get("out")
    if not (isinstance(out, str) and is_folder(out)):
        return [("", "")] * len(rows)
    identities = ("image_filename", "first_digest", "second_digest")
    about = [triage.Row(*(row.get(name) or "" for name in identities)) for row in rows]
    return triage.Decisions(out).each(about)
