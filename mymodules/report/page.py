"""The page of a report: its rows as data, its scripts, and what they may load.

The page loads nothing but its own files. Names and messages are text in it, never markup.
"""

import base64
import hashlib
import html
import json
import math
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mymodules import row
from mymodules.errors import SettingsError
from mymodules.pages import linker, words
from mymodules.paths import shown
from mymodules.report.labels import Labels
from mymodules.results import Rows, runfiles

if TYPE_CHECKING:
    import pandas as pd

    from mymodules.report.looks import DecidedChange, Found
    from mymodules.report.shards import Shards

MARK: Final = b'<meta name="generator" content="mymodules report">'
"""Every page of a report has this near its beginning."""

FILES: Final = "\0"
"""Marks the place of the files in the page of a report in one file; nothing else in it is a NUL."""


_STYLES = tuple(f"css/{part}.css" for part in ("list", "gallery", "looks", "looks_strip", "report"))

_LEFT_OUT = (
    "The pictures are equal and were left out to keep the report small; report.write(..., same=True) or "
    "compare --report-all keeps them."
)
LEFT_OUT: Final = {side: {"error": _LEFT_OUT} for side in ("first", "second", "delta")}
"""The pictures of a `same` row that has none; the page has them once, for all of these rows."""


def text(
    rows: "Shards",
    facts: Sequence[Sequence[str]],
    run: Mapping[str, Any],
    decided: "Iterable[DecidedChange]",
    closed: Mapping[str, str],
    found: "Found",
    *,
    embed: bool,
    alone: bool,
) -> str:
    """Return the page with its scripts; `FILES` marks where files can be inserted, `run` is the manifest.

    `decided` are decisions about changes of these rows, `closed` the dates on which changes were approved;
    `alone` is whether the page only has the looks.
    """
    style = linker.text(*linker.VIEWER_STYLES, *_STYLES)
    script = f"(() => {{\n{linker.script('report/main.js')}}})();\n"
    index = rows.index
    title = f"{row.counted(len(index['name']))} compared"
    stamp = run["stamp"] if runfiles.is_stamp(run.get("stamp")) else ""
    numbers = rows.numbers
    report = {
        "title": title,
        "facts": facts,
        "embedded": embed,
        "alone": alone,
        "looks": {"file": found.name, "why": found.why_not},
        "run": stamp,
        "identity": _identity(stamp, index),
        "statuses": {each: words.status_hint(each) for each in row.shown_verdicts(Counter(index["verdict"]))},
        "words": words.page(),
        "columns": words.columns(
            causes_known=any(count is not None for count in index["changes"]),
            own=row.own_columns(row.METRIC + name for own in index["metrics"] for name, _ in own),
        ),
        "left_out": LEFT_OUT,
        "signatures": [*numbers],
        "decided": [[about.name, numbers[about.change], *held] for about, held in decided],
        "closed": [[numbers[name], date] for name, date in closed.items() if name in numbers],
        "index": index,
        "shards": {"files": rows.names, "rows": rows.size},
    }
    own = "" if embed else " 'self' file:"  # from a web server, or from a disk
    policy = {
        "default-src": "'none'",
        "script-src": _hash(script) + own,
        "style-src": _hash(style),
        "img-src": "data: blob:" + own,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return string.Template(linker.text("report.html")).substitute(
        policy="; ".join(f"{key} {value}" for key, value in policy.items()),
        title=html.escape(title),
        style=style,
        report=_json(report),
        script=script,
        files=FILES,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """Return JSON that can stand in a script: it is ASCII, and nothing in it is markup."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _identity(stamp: str, index: Mapping[str, Sequence[str]]) -> str:
    """Return a text that only reports of the same rows of the same run share."""
    keys = ("name", "first_digest", "second_digest")
    about = sorted(map(list, zip(*(index[key] for key in keys), strict=True)))
    return hashlib.blake2b(json.dumps([stamp, about]).encode(), digest_size=16).hexdigest()


def facts(labels: Labels, run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the facts at the top of the page, as pairs of label and text; `run` is the run's manifest."""
    found = [(role, labels.names[role]) for role in ("first", "second")]
    if (begun := runfiles.begun(run.get("stamp"))) is not None:
        found.append(("run of", str(begun.replace(tzinfo=None))))
    return found


def records(frame: "pd.DataFrame") -> Iterator[dict[str, Any]]:
    """Yield the rows as mappings of Python's own types, with None for absent values."""
    columns = {name: frame[name].tolist() for name in frame.columns}
    for values in zip(*columns.values(), strict=True):
        yield {
            name: value if isinstance(value, str | list | bool) or _is_number(value) else None
            for name, value in zip(columns, values, strict=True)
        }


def compared(found: "pd.DataFrame | Rows") -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Return `records` and the manifest, which may be empty.

    Raises
    ------
    SettingsError
        If a row has no name, or no status that says what was found.
    """
    if isinstance(found, Rows):
        rows, run = found.records(), found.run
    else:
        runfiles.check_table(found, "image_filename", "status")
        rows, run = [*records(found)], found.attrs.get("run") or {}
    if not all(isinstance(each["image_filename"], str) for each in rows):
        raise SettingsError("The table has a row without a name: use one that results.load() returned.")
    unknown = [each["image_filename"] for each in rows if each["status"] not in row.STATUSES]
    if unknown:
        raise SettingsError(
            f"{len(unknown):,} of {len(rows):,} rows have no status that says what was found, the first is "
            f"{shown(str(unknown[0]))}: compare these pictures, or leave the rows out."
        )
    for each in rows:
        each["verdict"] = row.verdict_of(each["status"], each.get("verdict"))
    return rows, run


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
