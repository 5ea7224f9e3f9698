"""The rows of a run as a JUnit XML file, for build servers."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from mymodules import files
from mymodules.agenda import Agenda
from mymodules.paths import AnyPath, local_path
from mymodules.report import page
from mymodules.report.labels import Labels
from mymodules.results import Rows, runfiles
from mymodules.results.ruled import Rulebook
from mymodules.row import METRIC, SIZES, own_figures

if TYPE_CHECKING:
    import pandas as pd

_SUITE = "mymodules"
_FIGURES = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "max_diff_r", "max_diff_g", "max_diff_b"),
    *("max_diff_a", "dim_differ", "combined", *SIZES, "first_digest", "second_digest"),
)
# Characters that XML 1.0 does not allow.
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(
    frame: "pd.DataFrame | Rows",
    path: AnyPath,
    *,
    fail_missing: bool = False,
    fail_extra: bool = False,
    paths: bool = False,
) -> None:
    """Write a JUnit XML file as Jenkins, GitLab and others read it, with one test case for each row.

    Parameters
    ----------
    frame : DataFrame or results.Rows
        What `results.load` returned, or a part of it.
    path : path
        The file; it is replaced in one step.
    fail_missing, fail_extra : bool
        Whether pictures of these statuses fail; otherwise they are skipped, because nothing was compared.
    paths : bool
        Name the folders of the run with their whole paths, as `write` does.

    Raises
    ------
    SettingsError
        When the frame has no names, or the status of a row is not one of `batch.STATUSES`.
    OutputError
        When the file cannot be written.

    Notes
    -----
    The verdict counts: `same` and `tolerated` pass, `changed` is a failure, `error` an error; the code is its
    type. What is tolerated has its message as output. The class is ``mymodules`` and the folder, joined by
    dots; the name is the row's whole name, so that every case has its own. Characters that XML does not allow
    are written as ``\\xNN`` or ``\\uNNNN``. The format follows the schema of the Jenkins xUnit plugin,
    junit-10.xsd, which has no properties of a case: a picture's changes that are open are a property of the
    suite, ``open changes of NAME``.
    """
    rows, manifest = page.compared(frame)
    fails = {"changed": "failure", "error": "error", "missing": "skipped", "extra": "skipped"}
    fails |= {"missing": "failure"} if fail_missing else {}
    fails |= {"extra": "failure"} if fail_extra else {}
    counts = dict.fromkeys(("failure", "error", "skipped"), 0)
    suite = ElementTree.Element("testsuite")
    labels = Labels.of(manifest, paths=paths)
    properties = {role: name for role, name in labels.names.items() if role != "out"}
    properties |= {"stamp": str(manifest["stamp"])} if manifest.get("stamp") else {}
    book = Rulebook.of(manifest, ((row["image_filename"], row.get("rules")) for row in rows))
    properties |= {"rules": book.sentence} if book is not None else {}
    agenda = Agenda.of(frame, manifest)
    if agenda is not None:
        properties |= {"changes": str(agenda)}
        properties |= {f"open changes of {name}": _open(agenda, name) for name in agenda.open}
    if properties:
        inner = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(inner, "property", name=_valid(key), value=_valid(value))
    total = 0.0
    for row in rows:
        seconds = row.get("seconds") or 0.0
        total += seconds
        outcome = fails.get(row["verdict"])
        message = labels.hide(row.get("messages") or row["status"])
        suite.append(_case(row, seconds, outcome, message))
        if outcome:
            counts[outcome] += 1
    figures = {
        "name": _SUITE,
        "tests": str(len(rows)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "time": f"{total:.6f}",
    }
    suite.attrib.update(figures, skipped=str(counts["skipped"]), **_timestamp(manifest))
    root = ElementTree.Element("testsuites", figures)
    root.append(suite)
    ElementTree.indent(root)
    data = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    files.write(local_path(path, "The JUnit file", "file"), [data, b"\n"])


def _case(row: Mapping[str, Any], seconds: float, outcome: str | None, message: str) -> ElementTree.Element:
    name = row["image_filename"]
    folder = [part.replace(".", "_") for part in name.split("/")[:-1]]
    case = ElementTree.Element(
        "testcase",
        classname=_valid(".".join([_SUITE, *folder])),
        name=_valid(name),
        time=f"{seconds:.6f}",
    )
    if outcome:
        result = ElementTree.SubElement(
            case, outcome, type=_valid(row.get("code") or row["status"]), message=_valid(message)
        )
        result.text = _valid("\n".join([message, *_figures(row)]))
    elif row["verdict"] == "tolerated":
        ElementTree.SubElement(case, "system-out").text = _valid("\n".join([message, *_figures(row)]))
    return case


def _open(agenda: Agenda, name: str) -> str:
    """Return how many changes of a row are decided, and the signatures of those that are not."""
    return f"{agenda.standings[name]} decided, open: {' '.join(agenda.open[name])}"


def _figures(row: Mapping[str, Any]) -> Iterator[str]:
    for name in _FIGURES:
        value = row.get(name)
        if value is not None:
            yield f"{name}: {str(value).lower() if isinstance(value, bool) else value}"
    for name, value in own_figures(row).get("metrics", ()):
        yield f"{METRIC}{name}: {value}"
    regions = row.get("regions")
    if regions:
        yield f"regions: {len(regions)}, the first [x, y, width, height]: {list(regions[0])}"


def _timestamp(manifest: Mapping[str, Any]) -> dict[str, str]:
    begun = runfiles.begun(manifest.get("stamp"))
    return {} if begun is None else {"timestamp": begun.replace(tzinfo=None).isoformat()}


def _valid(text: str) -> str:
    return _INVALID.sub(lambda match: _escaped(ord(match[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
