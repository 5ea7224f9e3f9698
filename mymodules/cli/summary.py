"""What a run has found, as lines of text that fit the terminal."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from mymodules.paths import shown
from mymodules.row import (
    STATUSES,
    VERDICTS,
    VERDICTS_BY_ATTENTION,
    PairResult,
    attention_key,
    counted,
    verdict_of,
)

SHOWN = 10
"""The most rows named for each status, those that differ most first."""

MEANINGS = {"missing": "missing, only in the first folder", "extra": "extra, only in the second folder"}

REUSED = "{}: neither file has changed since an earlier run, which compared them"

WHY = {
    "new": "compared for the first time",
    "first changed": "the first file has changed",
    "second changed": "the second file has changed",
    "options changed": "options or versions have changed",
    "rules changed": "rules have changed",
    "error": "tried again after an error",
    "drawings missing": "their drawings were missing",
}
"""Why pairs were compared although the store may know them; see `batch.reuse`."""


_KIND = re.compile(r"'(\w+)'")
_MATCH = re.compile(r"(?<=or compare with )match=(?:'\w+'|\('\w+', '\w+'\))(?=\.$)")
"""How the sentence of `batch.renames` ends; here it names the option."""


def width_of_terminal(stream: TextIO | None) -> int | None:
    """Return how many columns a line may have; None if the stream is not a terminal."""
    if stream is None or not stream.isatty():
        return None
    import shutil  # it loads all compressors, at the cost of every command

    return max(40, shutil.get_terminal_size().columns - 1)


def summary(rows: Sequence[PairResult], width: int | None = None) -> Iterator[str]:
    """Yield the lines that say what a run has found: changes first, each status with the largest first."""
    ordered = sorted(
        rows, key=lambda row: attention_key(row.status, row.combined, row.num_diff_pixels, row.image_filename)
    )
    by_verdict: dict[str, list[PairResult]] = {each: [] for each in VERDICTS_BY_ATTENTION}
    for row in ordered:
        by_verdict[verdict_of(row.status, row.verdict)].append(row)
    named = [each for each in VERDICTS if each in STATUSES or by_verdict[each]]
    counts = ", ".join(f"{len(by_verdict[each]):,} {each}" for each in named)
    yield f"{counted(len(rows))}: {counts}"
    for status, found in by_verdict.items():
        if not found or status in ("same", "tolerated"):
            continue
        yield ""
        if status == "changed":
            yield from _figures(found[:SHOWN], width)
        else:
            yield f"{MEANINGS.get(status, status)}:"
            for row in found[:SHOWN]:
                why = row.messages if status == "error" else _more(row)
                yield cut(f"  {shown(row.image_filename)}{': ' if why else ''}{shown(why)}", width)
        if len(found) > SHOWN:
            yield f"  and {len(found) - SHOWN:,} more"


def _figures(rows: Sequence[PairResult], width: int | None) -> Iterator[str]:
    """Yield a table of changed rows, with a line below each one of which more is to be said."""
    head = ("changed, largest first", "pixels", "%", "combined", "regions")
    lines = [
        (
            f"  {shown(row.image_filename)}",
            f"{row.num_diff_pixels or 0:,}",
            f"{row.pixel_diff_percent or 0:.2f}",
            f"{row.combined or 0:.2f}",
            f"{len(row.regions or ()):,}",
        )
        for row in rows
    ]
    widths = [max(columns(line[place]) for line in (head, *lines)) for place in range(len(head))]
    figures = sum(widths[1:]) + 2 * (len(head) - 1)
    if width is not None:
        widths[0] = max(min(widths[0], width - figures), 12)
    for line, row in zip((head, *lines), (None, *rows), strict=True):
        name = cut(line[0], widths[0])
        cells = [text.rjust(wide) for text, wide in zip(line[1:], widths[1:], strict=True)]
        yield "  ".join([name + " " * (widths[0] - columns(name)), *cells])
        if row is not None and row.code != "pixels_differ":
            yield cut(f"    {shown(row.messages)}", width)


def _more(row: PairResult) -> str:
    """Return what is said about a file of one side besides that."""
    only = f"It is only in {'first' if row.status == 'missing' else 'second'}."
    text = row.messages.removeprefix(only).strip()
    return _MATCH.sub(lambda found: " ".join(f"--match {kind}" for kind in _KIND.findall(found[0])), text)


def notes(manifest: Mapping[str, Any], rows: Sequence[PairResult] = ()) -> Iterator[str]:
    """Yield lines about what the rows do not show: rules, files that were left out, rows that were reused."""
    yield from _rules(manifest, rows)
    left_out, names = manifest.get("left_out", {}), manifest.get("left_out_names", {})
    kinds = {
        "other": "not named like a picture",
        "hidden": "hidden",
        "links": "links to folders already listed",
        "unselected": "not selected",
    }
    for kind, words in kinds.items():
        if left_out.get(kind):
            yield f"Left out, {words}: {_listed(names.get(kind, ()), left_out[kind])}"
    if manifest.get("reused"):
        yield REUSED.format(counted(manifest["reused"]))
        for reason, number in (manifest.get("recomputed") or {}).items():
            names = manifest.get("reasons", {}).get(reason, ())
            named = f": {_listed(names, number)}" if names else ""
            yield f"{counted(number)}: {WHY.get(reason, reason)}{named}"


def _rules(manifest: Mapping[str, Any], rows: Sequence[PairResult]) -> Iterator[str]:
    """Yield lines about what rules took, and about files with rules that were not used."""
    if manifest.get("rules"):
        from mymodules.results.ruled import Rulebook  # most runs have no rules

        book = Rulebook.of(manifest, ((row.image_filename, row.rules) for row in rows))
        if book is not None:
            yield from (book.sentence, *book.remarks())
    for file in manifest.get("unused_rules", ()):
        yield f"Rules that are not used: {shown(str(file))} (to use them: --rules FILE)"


def _listed(names: Sequence[str], number: int) -> str:
    """Return the first names, and how many more there are; only the number if no name is known."""
    found = ", ".join(map(shown, names[:SHOWN]))
    more = number - min(len(names), SHOWN)
    return f"{found} and {more:,} more" if found and more else found or f"{number:,}"


def columns(text: str) -> int:
    """Return how many columns of a terminal a text needs: letters of East Asia need two, accents none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def cut(text: str, width: int | None) -> str:
    """Return a text of at most so many columns: of a longer one the middle is left out."""
    if width is None or columns(text) <= width:
        return text
    head, tail = list(text), list[str]()
    keep = (width - 1) // 2
    while columns("".join(tail)) < keep and head:
        tail.insert(0, head.pop())
    while columns("".join(head)) + columns("".join(tail)) + 1 > width and head:
        head.pop()
    return f"{''.join(head)}…{''.join(tail)}"
