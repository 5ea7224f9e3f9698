"""A summary of a run as Markdown, for a pull request or the page of a build.

Names and messages come from the compared files. They are written so that they stay text in the Markdown of
GitHub and GitLab: no emphasis, table cell, HTML, link, mention of a person or reference to an issue.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from mymodules import files
from mymodules.agenda import Agenda
from mymodules.comparison import drawing_files
from mymodules.errors import SettingsError
from mymodules.paths import AnyPath, local_path, shown
from mymodules.report import page
from mymodules.report.labels import Labels
from mymodules.results import Rows, runfiles
from mymodules.results.ruled import Rulebook
from mymodules.row import VERDICTS_BY_ATTENTION, attention_key, counted
from mymodules.triage import LABELS, Standing

if TYPE_CHECKING:
    import pandas as pd

LONGEST: Final = 60_000
"""Characters; a comment on GitHub may have 65,536."""

_DRAWN = {"before": 0, "after": 1, "difference": 4}  # numbers of `drawing_files.ENDINGS`
_WIDTH = 160  # px, of a picture
_MARKUP = re.compile(r"[!\"#$&'*+:;<=>?@\[\\\]^_`{|}~]")
_CALLS = "@#!$&~"  # what these precede may become a mention or a reference even where it is written as &#64;
_NO_BREAK = "&#8288;"  # an invisible sign that joins words


def markdown(
    frame: "pd.DataFrame | Rows",
    path: AnyPath,
    *,
    rows: int = 10,
    link: str | None = None,
    paths: bool = False,
) -> str:
    """Write a summary: counts, and the most important rows, the largest change first.

    Parameters
    ----------
    frame : DataFrame or results.Rows
        What `results.load` returned, or a part of it.
    path : path
        The file; it is replaced in one step.
    rows : int
        The most rows of each verdict that are listed; those that pass are only counted.
    link : str, optional
        URL under which the output folder of the run can be read, ``http`` or ``https``. The rows then have
        small pictures: before and after, with boxes, and the difference.
    paths : bool
        Name the folders of the run with their whole paths, as `write` does.

    Returns
    -------
    str
        What was written, at most `LONGEST` characters.

    Raises
    ------
    SettingsError
        If the frame has no names, a row has no status, `rows` is negative, or `link` is not such a URL.
    OutputError
        If the file cannot be written.
    """
    text = summary(frame, rows=rows, link=link, paths=paths)
    files.write(local_path(path, "The Markdown file", "file"), [text.encode("utf-8")])
    return text


def summary(
    frame: "pd.DataFrame | Rows", *, rows: int = 10, link: str | None = None, paths: bool = False
) -> str:
    """Return what `markdown` writes."""
    if link is not None:
        check_link("link", link)
    if rows < 0:
        raise SettingsError(f"rows is {rows}: pass a number from 0 up.")
    found, manifest = page.compared(frame)
    found.sort(key=_order)
    labels = Labels.of(manifest, paths=paths)
    text = ""
    book = Rulebook.of(manifest, ((row["image_filename"], row.get("rules")) for row in found))
    pictures = _Pictures.of(manifest, link)
    for part in _parts(found, labels, rows, pictures, book, Agenda.of(frame, manifest)):
        if len(text) + len(part) > LONGEST - 200:
            text += "\nThe rest is left out, because this text may not be longer.\n"
            break
        text += part
    return text


def _order(row: Mapping[str, Any]) -> tuple[int, float, float, str]:
    return attention_key(
        row["verdict"], row.get("combined"), row.get("num_diff_pixels"), row["image_filename"]
    )


def check_link(role: str, link: str) -> None:
    """Raise SettingsError unless this is a URL of the web; `role` is how the message calls it."""
    if not re.fullmatch(r"https?://[^\s<>\"?#]+", link):
        raise SettingsError(
            f"{role} is {shown(link)}: it must be a URL that begins with https:// or http://, and has no ? "
            "and no #."
        )


def _parts(
    found: Sequence[Mapping[str, Any]],
    labels: Labels,
    most: int,
    pictures: "_Pictures | None",
    book: Rulebook | None,
    agenda: Agenda | None,
) -> Iterator[str]:
    """Yield the text in pieces, each of which leaves what is written so far whole."""
    by_verdict = {each: [row for row in found if row["verdict"] == each] for each in VERDICTS_BY_ATTENTION}
    same, tolerated, errors = (len(by_verdict[each]) for each in ("same", "tolerated", "error"))
    renamed = {row.get("renamed_from") for row in found} & {
        row["image_filename"] for row in by_verdict["missing"]
    }
    total = len(found) - len(renamed)  # each of these has two rows, and is one picture
    yield f"### {_verdict(total, total - same - tolerated - errors, errors, tolerated)}\n\n"
    if {"first", "second"} <= labels.names.keys():
        yield f"{as_code(labels.names['first'])} against {as_code(labels.names['second'])}\n\n"
    yield f"| {'verdict' if book else 'status'} | pictures |\n| --- | ---: |\n"
    for status, rows in by_verdict.items():
        if rows:
            yield f"| {status} | {len(rows):,} |\n"
    if renamed:
        yield f"\nRenamed, with the old names among the missing ones: {counted(len(renamed))}.\n"
    if book is not None:
        yield "".join(f"\n{as_text(line)}\n" for line in (book.sentence, *book.remarks()))
    if agenda is not None:
        yield f"\n{as_text(str(agenda))}\n"
        yield from _open_changes(agenda, most)
    for status, rows in by_verdict.items():
        if rows and status not in ("same", "tolerated"):
            drawn = pictures if status == "changed" else None
            standings = agenda.standings if agenda is not None and status == "changed" else None
            yield f"\n#### {status.capitalize()}\n\n" + _head(status, drawn, standings is not None)
            for row in rows[:most]:
                yield _line(row, labels, drawn, standings)
            if len(rows) > most:
                yield f"\nand {len(rows) - most:,} more\n"


def _open_changes(agenda: Agenda, most: int) -> Iterator[str]:
    """Yield a table of the distinct changes that are open, the largest first."""
    classes = sorted(agenda.plan.classes.values(), key=lambda each: (-each.pixels, each.signature))
    if classes and most:
        yield "\n#### Open changes\n\n| change | kind | pictures | the first one | pixels |\n"
        yield "| --- | --- | ---: | --- | ---: |\n"
    for each in classes[:most]:
        remark = f", {agenda.remarks[each.signature]}" if each.signature in agenda.remarks else ""
        first = as_code(each.pages[0])
        yield f"| {as_code(each.signature)} | {as_text(each.kind + remark)} | {len(each.pages):,} | {first} "
        yield f"| {each.pixels:,} |\n"
    if classes and len(classes) > most:
        yield f"\nand {len(classes) - most:,} more\n"


def _verdict(total: int, differing: int, errors: int, tolerated: int) -> str:
    pictures = counted(total)
    differ = f"{differing:,} of {pictures} {'differs' if differing == 1 else 'differ'}"
    text = differ if differing else f"No difference in {counted(total - errors)}"
    text += f", {tolerated:,} tolerated" if tolerated else ""
    return f"{text}, {errors:,} cannot be compared" if errors else text


def _head(status: str, pictures: "_Pictures | None", decided: bool) -> str:
    columns = ["picture", "what differs" if status == "changed" else "why"]
    columns += [*(["changes decided"] if decided else ()), *(_DRAWN if pictures else ())]
    return f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n"


def _line(
    row: Mapping[str, Any],
    labels: Labels,
    pictures: "_Pictures | None",
    standings: Mapping[str, Standing] | None,
) -> str:
    name = row["image_filename"]
    cells = [as_code(name), as_text(labels.hide(row.get("messages") or ""))]
    if standings is not None:
        standing = standings[name]
        cells.append(LABELS.get(standing.decision, "") or str(standing))
    if pictures is not None:
        cells += (pictures.cell(name, ending, words) for words, ending in _DRAWN.items())
    return f"| {' | '.join(cells)} |\n"


class _Pictures:
    """Where the drawings of a run can be read."""

    def __init__(self, url: str, drawing_paths: Mapping[str, str]) -> None:
        self._url, self._paths = url, drawing_paths

    @classmethod
    def of(cls, manifest: Mapping[str, Any], link: str | None) -> "_Pictures | None":
        stamp = manifest.get("stamp")
        if link is None or not runfiles.is_stamp(stamp) or manifest.get("pictures") == "none":
            return None
        folder = runfiles.pictures_path(Path(), str(stamp)).name
        stems = manifest.get("stems")
        above = html.escape(link.rstrip("/")).replace("|", "%7C")
        return cls(f"{above}/{folder}/", stems if isinstance(stems, Mapping) else {})

    def cell(self, name: str, ending: int, words: str) -> str:
        path = str(self._paths.get(name, name)) + drawing_files.ENDINGS[ending]
        url = self._url + quote(path.encode("utf-8", "surrogatepass"))
        return f'<a href="{url}"><img src="{url}" alt="{words}" width="{_WIDTH}"></a>'


def as_text(text: str) -> str:
    """Return a text in which nothing is markup, a link, a mention or a reference."""
    return _MARKUP.sub(_reference, shown(text)).replace("www.", f"www.{_NO_BREAK}")


def as_code(text: str) -> str:
    """Return a text as code, in which nothing is markup either."""
    return f"<code>{_MARKUP.sub(lambda match: f'&#{ord(match[0])};', shown(text))}</code>"


def _reference(match: re.Match[str]) -> str:
    sign = f"&#{ord(match[0])};"
    return sign + _NO_BREAK if match[0] in _CALLS else sign
