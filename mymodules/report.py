"""A run for those who have no notebook: what a person opens, and what a build server reads.

`write` makes a page with the table and the notebook's viewer, `junit` an XML file. Each is put in its place
when it is whole: whoever opens one finds the old one or the new one. The page asks for nothing but its own
files, and names and messages are text in it, never markup.
"""

import base64
import contextlib
import hashlib
import html
import json
import math
import os
import re
import shutil
import string
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from mymodules import batch, faults, files, images, pictures, runs, settings, views
from mymodules.decisions import Decisions
from mymodules.errors import SettingsError
from mymodules.formats import Header
from mymodules.formats.png import PngHeader
from mymodules.formats.webp import WebpHeader
from mymodules.images import Rgba
from mymodules.pages import linker
from mymodules.settings import AnyPath, shown

if TYPE_CHECKING:
    import pandas as pd

# --- for people --------------------------------------------------------------------------------------

ONE_FILE_LIMIT = 512 << 20
"""Bytes of a report in one file; browsers are slow with larger ones, or refuse them."""

READ_PIXELS = 64_000_000
"""Pixels of a picture whose values the page can tell; it decodes them by itself, all at once."""

_SIDES = ("first", "second")
_TEXTS = ("status", "code", "messages")
_NUMBERS = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "combined", "seconds"),
    *("max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a"),
)
_SIZES = {side: (f"width_{side}", f"height_{side}") for side in _SIDES}
_NAMES = {  # those that `_Pairs` gives
    "pictures": re.compile(r"[0-9a-f]{32}\.(png|jpg|webp)|[0-9]+\.delta\.png"),
    "values": re.compile(r"[0-9a-f]{32}\.(png|jpg|webp|values\.png)\.js"),
}
_PARTS = {"index.html", *_NAMES}
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what looking at a folder leaves there
_MARK = b'<meta name="generator" content="mymodules report">'
_ENDINGS = {"PNG": "png", "JPEG": "jpg", "WebP": "webp"}
_THREADS = min(4, os.cpu_count() or 1)  # each may hold two large pictures


def write(
    frame: "pd.DataFrame",
    path: AnyPath,
    run: runs.AnyRun | Mapping[str, Any] | None = None,
    embed: bool = False,
) -> Path:
    """Write rows and their pictures as a page that a browser opens from a disk, with the notebook's viewer.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or any part of it in any order. Its column ``decision`` is shown;
        without one, what has been decided about its rows in the run's output folder.
    path : path
        A folder, in one that is there; it may be zipped and moved. A report that is there is replaced.
    run : Run or mapping, optional
        Where the pictures are: what `batch.run` returned or a manifest. By default ``frame.attrs["run"]``.
    embed : bool
        Write one file instead, whose name ends in ``.html``, with all pictures in it.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    SettingsError
        When `frame` is no table of rows; when it is not known where the pictures are; for a path that `check`
        refuses; when one file would have more than `ONE_FILE_LIMIT` bytes.
    ResultsError
        When the decisions are there and cannot be read.
    OutputError
        When it cannot be written; a report that was there before is unchanged then.

    Notes
    -----
    Pictures are copied as they are where browsers show what was compared, else written as PNG; equal files
    are there once. A picture that is gone, or another one than was compared, is told in the page.
    """
    runs.check_table(frame, "image_filename")
    folders = views.folders(frame, run)
    target = check(path, embed=embed, outside=(folders.first, folders.second))
    rows = [*_records(frame)]
    if "decision" not in frame.columns and folders.out is not None:
        for row, decided in zip(rows, Decisions(folders.out).each(frame), strict=True):
            row["decision"], row["note"] = decided
    if embed:
        _refuse_large(_least_bytes(rows, folders))
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        try:
            parts = _Files(beside)
            with ThreadPoolExecutor(_THREADS) as threads:
                made = [*threads.map(_Pairs(folders, parts).row, range(len(rows)), rows)]
            page = _page(made, _facts(folders, frame, run), embed=embed)
            if embed:
                parts.write_one(page, made)
            else:
                parts.write_page(page)
            _put(parts.one if embed else beside, target)
        finally:
            _remove(beside)
    except OSError as error:
        raise files.not_written(target, error) from error
    return target if embed else target / "index.html"


def check(path: AnyPath, *, embed: bool = False, outside: Sequence[Path] = ()) -> Path:
    """Where `write` would write: to be asked before a long run.

    Parameters
    ----------
    path, embed
        As for `write`.
    outside : sequence of Path
        Folders that the report must not be in, those of the pictures.

    Raises
    ------
    SettingsError
        When there is no folder for it or none that may be written to, its name does not suit, or something
        else than a report is there.
    """
    target = settings.local_path(path, "The report", "file or folder")
    if target.is_symlink():
        target = target.resolve()
    if not target.parent.is_dir():
        raise SettingsError(f"There is no folder {shown(target.parent)}: create it, or name another report.")
    if not os.access(target.parent, os.W_OK):
        raise SettingsError(
            f"{shown(target.parent)} may not be written to: allow it, or name another report."
        )
    if is_one_file(target) != embed:
        wanted = "one that ends in .html, being one file" if embed else "that of a folder, or embed=True"
        raise SettingsError(f"{shown(target)} cannot be the report: its name must be {wanted}.")
    for folder in outside:
        if target.resolve().is_relative_to(folder.resolve()):
            raise SettingsError(
                f"{shown(target)} is inside of {shown(folder)}, and its pictures would be compared next "
                "time: name another place for the report."
            )
    reason = _other_than_a_report(target) if target.exists() else None
    if reason:
        raise SettingsError(f"{shown(target)} is not replaced, for {reason}: name another report.")
    return target


def is_one_file(path: AnyPath) -> bool:
    """Whether a name is that of a report in one file: it ends in ``.html``."""
    return Path(path).suffix.lower() in (".html", ".htm")


def _other_than_a_report(target: Path) -> str | None:
    """What speaks against replacing what is there."""
    if is_one_file(target):
        return None if _is_report(target) else "it is no report"
    if not target.is_dir():
        return "it is no folder"
    there = {entry.name for entry in target.iterdir()} - _LITTER
    if there and not _is_report(target / "index.html"):
        return "it is a folder of other things"
    others = sorted(there - _PARTS)
    for part in there & _NAMES.keys():
        names = {entry.name for entry in (target / part).iterdir()} - _LITTER
        others += sorted(f"{part}/{name}" for name in names if not _NAMES[part].fullmatch(name))
    return f"{shown(others[0])} in it is no part of a report" if others else None


def _is_report(page: Path) -> bool:
    try:
        with page.open("rb") as file:
            return _MARK in file.read(500)
    except OSError:
        return False


def _put(made: Path, target: Path) -> None:
    """Put a folder or a file in its place; what was there stays until then."""
    if not target.is_dir():
        made.replace(target)
        return
    old = target.with_name(f"{target.name}.{os.getpid()}.old")
    _remove(old)  # what an earlier process of this number has left
    try:
        target.rename(old)
        made.rename(target)
    finally:  # whatever has come in between, an interrupt too
        if target.exists():
            _remove(old)
        else:
            old.rename(target)


def _remove(folder: Path) -> None:
    """Remove a folder, as far as that can be done."""
    shutil.rmtree(folder, ignore_errors=True)


def _least_bytes(rows: Sequence[Mapping[str, Any]], folders: views.Folders) -> int:
    """What the pictures of these rows need in base64, if they are written as they are."""
    sizes: dict[Path | str, int] = {}
    for row in rows:
        for side in _SIDES:
            with contextlib.suppress(Exception):  # each is told in its own row
                path = folders.path(row["image_filename"], side, row.get("status"))
                sizes[row.get(f"{side}_digest") or path] = path.stat().st_size
    return sum(sizes.values()) * 4 // 3


def _refuse_large(size: int) -> None:
    if size > ONE_FILE_LIMIT:
        megabytes = f"{size / 1e6:,.0f} MB, and {ONE_FILE_LIMIT / 1e6:,.0f} MB"
        raise SettingsError(
            f"One file with all pictures would have {megabytes} is the most that browsers open well: write a "
            "folder (embed=False), or fewer rows."
        )


class _Files:
    """The folder of a report. Names of pictures are such as every system takes.

    `picture` takes what is shown. `values` takes what the readout is made of, in a script: a page from a disk
    may load scripts, but not read pictures.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.one = folder / "one.html"
        _remove(folder)  # what an earlier process of this number has left
        for path in (folder, folder / "pictures", folder / "values"):
            path.mkdir()

    def picture(self, name: str, data: bytes) -> None:
        (self._folder / "pictures" / name).write_bytes(data)

    def values(self, name: str, data: bytes) -> None:
        script = b'take("%s", "%s");\n' % (name.encode(), base64.b64encode(data))
        (self._folder / "values" / f"{name}.js").write_bytes(script)

    def write_page(self, page: str) -> None:
        (self._folder / "index.html").write_bytes(page.replace(_FILES, "").encode())

    def write_one(self, page: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a page with everything in it, the pictures of the first row first."""
        found = (row["pictures"][side] for row in rows for side in (*_SIDES, "delta"))
        names = {name: None for each in found for name in (each.get("file"), each.get("values")) if name}
        before, after = page.encode().split(_FILES.encode())
        with self.one.open("wb") as file:
            file.write(before)
            for name in names:
                path = self._folder / "pictures" / name
                if path.exists():
                    data = base64.b64encode(path.read_bytes())
                else:
                    data = (self._folder / "values" / f"{name}.js").read_bytes().split(b'"')[3]
                file.write(b'<script type="text/plain" id="%s">%s</script>\n' % (name.encode(), data))
                _refuse_large(file.tell())
            file.write(after)


class _Pairs:
    """What the page has of each row; its pictures are written on the way. Several threads may ask."""

    def __init__(self, folders: views.Folders, parts: _Files) -> None:
        self._folders = folders
        self._files = parts
        self._lock = threading.Lock()
        self._written: set[str] = set()

    def row(self, place: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as the viewer takes it, with a sentence in the place of a picture that cannot be shown."""
        try:
            return self._row(place, row)
        except OSError:  # nothing can be written any more
            raise
        except MemoryError:
            reason = "There is not enough memory to show it."
        except Exception as error:  # a fault of ours costs one row of the page
            reason = f"It cannot be shown: {faults.described(error)}. {faults.REPORT}"
        told = {side: {"error": reason} for side in (*_SIDES, "delta")}
        return {**self._record(row), "regions": [], "pictures": told}

    def _row(self, place: int, row: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, tuple[bytes, str | None]] = {}
        told: dict[str, dict[str, Any]] = {}
        for side in _SIDES:
            try:
                found[side] = self._read(row, side)
            except views.Absent as absent:
                told[side] = {"error": str(absent)}
        unchanged = not any(changed for _, changed in found.values())
        equal = row.get("status") == "same" and len(found) == 2 and unchanged
        decoded: list[Rgba] = []
        for side, (data, changed) in found.items():
            try:
                with views.told(side):
                    header = images.inspect(data, max_pixels=self._folders.max_pixels)
                    needed = not (equal and _is_plain(header) and views.reencoded(header) is None)
                    rgba = images.to_rgba(images.decode(data, header)) if needed else None
            except views.Absent as absent:
                told[side] = {"error": str(absent)}
            else:
                told[side] = {**self._shown(data, header, rgba), "changed": changed}
                decoded += [] if rgba is None else [rgba]
        regions = [[*box, None] for box in row.get("regions") or ()]
        if equal:
            told["delta"] = {extent: told["first"].get(extent) for extent in ("width", "height")}
        elif len(decoded) == 2:
            told["delta"] = self._delta(f"{place}.delta.png", *decoded)
            regions = [[*box, views.weight(decoded[0], decoded[1], box)] for *box, _ in regions]
        else:
            told["delta"] = {"error": "There is no delta, because one of the pictures cannot be shown."}
        return {
            **self._record(row),
            "regions": regions,
            "pictures": told,
        }

    def _record(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": row["image_filename"],
            **{name: row.get(name) for name in (*_TEXTS, *_NUMBERS)},
            **{name: row.get(name) or "" for name in ("decision", "note")},
            **{side: [row.get(name) for name in names] for side, names in _SIZES.items()},
        }

    def _read(self, row: Mapping[str, Any], side: str) -> tuple[bytes, str | None]:
        try:
            path = self._folders.path(row["image_filename"], side, row.get("status"))
            return views.read(path, side, row.get(f"{side}_digest"))
        except (OSError, ValueError) as error:  # a name that no file can have here
            raise views.Absent(f"{side} cannot be read: {error}.") from error

    def _shown(self, data: bytes, header: Header, rgba: Rgba | None) -> dict[str, Any]:
        """Have a picture in the report, once for equal files; returns what the page needs to know of it."""
        digest, why = images.digest(data), views.reencoded(header)
        ending = _ENDINGS.get(header.format)
        file = f"{digest}.{'png' if why else ending}"
        told: dict[str, Any] = {"file": file, "width": header.width, "height": header.height, "encoded": why}
        as_it_is = _is_plain(header) or _is_drawn_exactly(header)
        if header.width * header.height <= READ_PIXELS:
            told["values"] = f"{digest}.{ending}" if as_it_is else file if why else f"{digest}.values.png"
        if _is_drawn_exactly(header) and rgba is not None:
            told["sha256"] = hashlib.sha256(np.ascontiguousarray(rgba).data).hexdigest()
        with self._lock:
            if digest in self._written:
                return told
            self._written.add(digest)
        try:
            anew = b"" if rgba is None or (as_it_is and not why) else views.to_png(rgba)
        except BaseException:
            with self._lock:
                self._written.discard(digest)  # the next row with this picture tries again
            raise
        self._files.picture(file, anew if why else data)
        if "values" in told:
            self._files.values(told["values"], data if as_it_is else anew)
        return told

    def _delta(self, name: str, first: Rgba, second: Rgba) -> dict[str, Any]:
        delta = pictures.delta(first, second)
        self._files.picture(name, views.to_png(delta))
        return {"file": name, "width": delta.shape[1], "height": delta.shape[0]}


def _is_plain(header: Header) -> bool:
    """Whether report/png.js decodes it."""
    return (
        isinstance(header, PngHeader)
        and header.depth == 8
        and not header.interlaced
        and not header.warnings
        and (header.colour_type == 3 or not header.transparency)
    )


def _is_drawn_exactly(header: Header) -> bool:
    """Whether browsers give the pixels, as far as they decode as we do: the page makes sure by a digest."""
    opaque = header.format == "JPEG" or (isinstance(header, WebpHeader) and not header.alpha)
    return opaque and dict(header.metadata).get("orientation", "1") == "1"


_FILES = "\0"  # where the files of a report in one file stand in its page; nothing else in it is a NUL


def _page(rows: Sequence[Mapping[str, Any]], facts: Sequence[Sequence[str]], *, embed: bool) -> str:
    """The page with its scripts, and `_FILES` in it."""
    style = linker.text(*linker.VIEWER_STYLES, "css/report.css")
    script = f"(() => {{\n{linker.script('report/main.js')}}})();\n"
    title = f"{len(rows):,} {'picture' if len(rows) == 1 else 'pictures'} compared"
    decided = any(row["decision"] for row in rows)
    report = {"title": title, "facts": facts, "embedded": embed, "decisions": decided, "rows": rows}
    own = "" if embed else " 'self' file:"  # on a web server, and on a disk
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
        files=_FILES,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """JSON that can stand in a script: it is ASCII, and nothing in it ends or begins markup."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facts(
    folders: views.Folders, frame: "pd.DataFrame", run: runs.AnyRun | Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    """What stands at the top of the page: label and text."""
    if run is None or isinstance(run, Mapping):
        stamp = (run or frame.attrs.get("run") or {}).get("stamp")
    else:
        stamp = runs.stamp_of(run.csv_path)
    facts = [("first", shown(folders.first)), ("second", shown(folders.second))]
    with contextlib.suppress(ValueError):
        facts.append(("run of", str(datetime.strptime(str(stamp)[:15], "%Y%m%d-%H%M%S"))))
    return facts


# --- for build servers -------------------------------------------------------------------------------

_SUITE = "mymodules"
_FIGURES = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "max_diff_r", "max_diff_g", "max_diff_b"),
    *("max_diff_a", "dim_differ", "combined", "width_first", "height_first", "width_second", "height_second"),
    *("first_digest", "second_digest"),
)
# What XML 1.0 cannot hold at all.
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(
    frame: "pd.DataFrame", path: AnyPath, *, fail_missing: bool = False, fail_extra: bool = False
) -> None:
    """Write a JUnit XML file as Jenkins, GitLab and others read it, with one test case for each row.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or a part of it.
    path : path
        The file; it is replaced in one step.
    fail_missing, fail_extra : bool
        Whether pictures of these statuses fail; else they are skipped, because nothing was compared.

    Raises
    ------
    SettingsError
        When the frame has no names, or a row no status that `batch.STATUSES` has.
    OutputError
        When the file cannot be written.

    Notes
    -----
    `same` passes, `changed` is a failure, `error` an error; the code is its type. The class is the folder
    with dots, below ``mymodules``, and the name is the row's whole name, so that no two cases share one. What
    XML cannot hold is written ``\\xNN`` or ``\\uNNNN``. The form is that of the Jenkins xUnit plugin's
    schema, junit-10.xsd.
    """
    runs.check_table(frame, "image_filename", "status")
    rows = [*_records(frame)]
    unknown = [row["image_filename"] for row in rows if row["status"] not in batch.STATUSES]
    if unknown:
        raise SettingsError(
            f"{len(unknown):,} of {len(rows):,} rows have no status that says what was found, the first is "
            f"{shown(str(unknown[0]))}: compare these pictures, or leave the rows out."
        )
    fails = {"changed": "failure", "error": "error", "missing": "skipped", "extra": "skipped"}
    fails |= {"missing": "failure"} if fail_missing else {}
    fails |= {"extra": "failure"} if fail_extra else {}
    counts = dict.fromkeys(("failure", "error", "skipped"), 0)
    suite = ElementTree.Element("testsuite")
    manifest = frame.attrs.get("run") or {}
    properties = {key: str(manifest[key]) for key in ("first", "second", "stamp") if manifest.get(key)}
    if properties:
        inner = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(inner, "property", name=key, value=_valid(value))
    total = 0.0
    for row in rows:
        seconds = row.get("seconds") or 0.0
        total += seconds
        outcome = fails.get(row["status"])
        suite.append(_case(row, seconds, outcome))
        if outcome:
            counts[outcome] += 1
    figures = {
        "name": _SUITE,
        "tests": str(len(frame)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "time": f"{total:.6f}",
    }
    suite.attrib.update(figures, skipped=str(counts["skipped"]), **_timestamp(manifest))
    root = ElementTree.Element("testsuites", figures)
    root.append(suite)
    ElementTree.indent(root)
    data = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    files.write(settings.local_path(path, "The JUnit file", "file"), [data, b"\n"])


def _case(row: Mapping[str, Any], seconds: float, outcome: str | None) -> ElementTree.Element:
    name = row["image_filename"]
    folder = [part.replace(".", "_") for part in name.split("/")[:-1]]
    case = ElementTree.Element(
        "testcase",
        classname=_valid(".".join([_SUITE, *folder])),
        name=_valid(name),
        time=f"{seconds:.6f}",
    )
    if outcome:
        message = row.get("messages") or row["status"]
        told = ElementTree.SubElement(
            case, outcome, type=_valid(row.get("code") or row["status"]), message=_valid(message)
        )
        told.text = _valid("\n".join([message, *_figures(row)]))
    return case


def _figures(row: Mapping[str, Any]) -> Iterator[str]:
    for name in _FIGURES:
        value = row.get(name)
        if value is not None:
            yield f"{name}: {str(value).lower() if isinstance(value, bool) else value}"
    regions = row.get("regions")
    if regions:
        yield f"regions: {len(regions)}, the first [x, y, width, height]: {list(regions[0])}"


def _records(frame: "pd.DataFrame") -> Iterator[dict[str, Any]]:
    """The rows, with None where there is no value and Python's own types."""
    columns = {name: frame[name].tolist() for name in frame.columns}
    for values in zip(*columns.values(), strict=True):
        yield {
            name: value if isinstance(value, str | list | bool) or _is_number(value) else None
            for name, value in zip(columns, values, strict=True)
        }


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _timestamp(manifest: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {"timestamp": datetime.strptime(manifest["stamp"][:15], "%Y%m%d-%H%M%S").isoformat()}
    except (KeyError, TypeError, ValueError):
        return {}


def _valid(text: str) -> str:
    return _INVALID.sub(lambda match: _escaped(ord(match[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
