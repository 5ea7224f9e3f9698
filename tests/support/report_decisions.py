"""Decisions as a report makes them: its own script in Node, and the file that it hands over."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mymodules import triage
from mymodules.pages import words
from support import nodes

# A browser's storage with nothing else; its answers may be spoiled.
_SCRIPT = """
const { report, rows, actions, stored, spoiled } = given;
const kept = new Map(stored === null ? [] : [[`mymodules decisions ${report.identity}`, stored]]);
const storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, text) => {
    if (spoiled === "full") throw new Error("QuotaExceededError");
    kept.set(key, text);
  },
};
const all = new Map(rows.map((row) => [row.name, row]));
const decisions = new Decisions(report, all, spoiled === "absent" ? null : storage);
const steps = actions.map(([action, ...rest]) => decisions[action](...rest));
return {
  file: decisions.file(), name: decisions.fileName(), count: decisions.entries().length, steps,
  stored: [...kept.values()][0] ?? null, problem: decisions.problem, rows: [...all.values()],
};
"""


@dataclass(frozen=True)
class Page:
    """What a page has after some actions.

    Attributes
    ----------
    file, name : str
        What it hands over.
    count : int
        How many decisions that are.
    steps : list
        What each action returned.
    stored : str or None
        What the browser keeps.
    problem : str
        What the page says about that.
    in_force : dict
        Decision and note of each row, by name.
    far : dict
        How far each row is decided by its changes, and how many of them are open, by name.
    remarks : dict
        What to know of changes of each row that come again, by name.
    """

    file: str
    name: str
    count: int
    steps: list[Any]
    stored: str | None
    problem: str
    in_force: dict[str, tuple[str, str]]
    far: dict[str, tuple[str, int | None]]
    remarks: dict[str, list[str]]

    def save(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_text(self.file, encoding="utf-8")
        return path


def decided(
    frame: pd.DataFrame,
    actions: Sequence[Sequence[Any]],
    *,
    written: dict[str, tuple[str, str]] | None = None,
    listed: dict[str, list[str]] | None = None,
    about_changes: Sequence[Sequence[str]] = (),
    closed: Mapping[str, str] | None = None,
    stored: str | None = None,
    spoiled: str = "",
    identity: str = "0" * 32,
) -> Page:
    """What a report of these rows, written with these decisions, has after these actions of a person.

    An action is a method of the page's decisions and its arguments: ``("decide", name, word, note)``.
    `listed` are the signatures of rows' changes, empty for those that rules have taken; `about_changes` are
    name (or nothing), signature, word, note and perhaps date of decisions that the report was written with,
    `closed` the dates on which changes were approved.
    """
    signatures = [*dict.fromkeys(each for row in (listed or {}).values() for each in row if each)]
    rows = []
    for name, first, second, _ in triage.rows(frame):
        word, note = (written or {}).get(name, ("", ""))
        digests = {"first_digest": first, "second_digest": second}
        changes = (listed or {}).get(name)
        places = None if changes is None else [signatures.index(each) if each else -1 for each in changes]
        rows.append({"name": name, **digests, "decision": word, "note": note, "listed": places})
    report: dict[str, Any] = {
        "run": "20260102-030405",
        "identity": identity,
        "words": words.page(),
        "signatures": signatures,
    }
    report["decided"] = [(name, signatures.index(each), *rest) for name, each, *rest in about_changes]
    report["closed"] = [(signatures.index(each), date) for each, date in (closed or {}).items()]
    given = {"report": report, "rows": rows, "actions": actions, "stored": stored, "spoiled": spoiled}
    found = nodes.evaluate(
        "report/decisions.js", f"(() => {{ const given = {json.dumps(given)}; {_SCRIPT} }})()"
    )
    rows = found.pop("rows")
    in_force = {row["name"]: (row["decision"], row["note"]) for row in rows}
    remarks = {row["name"]: row["remarks"] for row in rows}
    far = {row["name"]: (row["standing"], row["open_changes"]) for row in rows}
    return Page(**found, in_force=in_force, far=far, remarks=remarks)
