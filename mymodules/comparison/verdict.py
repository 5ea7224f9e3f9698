"""The verdict on a pair: its status, its code, sentences for a person, and the row that holds them."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mymodules import faults, pairs, settings
from mymodules.pairs import Pair
from mymodules.regions import Region
from mymodules.row import CANNOT, PairResult

if TYPE_CHECKING:
    from mymodules.comparison.side import Side
    from mymodules.metrics import DiffMetrics

_ROLES = "first", "second"
_PLAIN = 8000  # characters of a message that could not be composed the usual way
_REMEDY = {
    "empty": "Export it again.",
    "truncated": "Copy or export it again.",
    "corrupt": "Copy or export it again.",
    "not_an_image": "Look at what was saved under this name.",
    "animated": "Save the frames as single pictures to compare them.",
    "unsupported": "Save it as PNG to compare it.",
    "too_many_pixels": "Cut it up, or allow more: compare --max-pixels N, settings.init(max_pixels=N).",
    "too_costly": "It would take too long to read: save it again with another program, as PNG.",
    "internal": "Please report it, with the file if you may share it.",
    "permission": "Allow reading it and run again.",
    "vanished": "Run again.",
    "changed_during_run": "Run again when nothing writes to it.",
}


class Figures(NamedTuple):
    """What was measured of a pair: pixel metrics, SSIM, boxes, and the differing pixels in each box."""

    pixels: "DiffMetrics"
    score: float
    boxes: tuple[Region, ...]
    counts: tuple[int, ...]


BYTES_EQUAL = "Equal byte for byte."
PIXELS_EQUAL = "The pixels are equal, the files are not."
DEEP_DIFFER = "Pixels that are equal as 8 bits differ in the bits beyond."
"""Of pictures with other differences; rules go by it, because no column has it."""


def verdict(
    first: "Side", second: "Side", differ: bool, figures: Figures, deep_differ: bool
) -> tuple[str, str, list[str]]:
    """Return status, code and sentences. Differing pixels decide, never SSIM."""
    pixels = figures.pixels
    notes = _depths(first, second) + _notes(first) + _notes(second)
    extent = [_extent(figures), *([DEEP_DIFFER] if deep_differ else [])]
    if not differ:
        return "same", "bytes_equal", [BYTES_EQUAL, *notes]
    differing = _differing_metadata(first, second)
    if pixels.dim_differ:
        sizes = f"{_size(first)} in first, {_size(second)} in second"
        return (
            "changed",
            "dimensions_differ",
            [f"The size differs: {sizes}.", *extent, *differing, *notes],
        )
    if pixels.num_diff_pixels:
        return "changed", "pixels_differ", [*extent, *differing, *notes]
    if deep_differ:
        if first.whole.depth != second.whole.depth:
            message = "The high bytes are equal, but only one of the two pictures has the low bytes."
            return "changed", "depth_differs", [message, *differing, *notes]
        message = "The 16-bit values differ, but as 8 bits the pictures are equal."
        return "changed", "low_bits_differ", [message, *differing, *notes]
    if differing:
        return "same", "metadata_differs", ["The pixels are equal.", *differing, *notes]
    return "same", "pixels_equal", [PIXELS_EQUAL, *notes]


def result_row(
    pair: Pair,
    status: str,
    code: str,
    messages: list[str],
    first: "Side | None" = None,
    second: "Side | None" = None,
    figures: Figures | None = None,
) -> PairResult:
    """Return the row of a pair, with all that is known of its files."""
    if pairs.is_escaped(pair.name):
        messages = [
            *messages,
            r"Its name is written with \xNN for bytes that are not text and with doubled backslashes.",
        ]
    if pair.second_name is not None:
        messages = [*messages, f"In second its name is {pair.second_name}."]
    known: dict[str, Any] = {"second_filename": pair.second_name, "verdict": status}
    for side in (first, second):
        if side is None:
            continue
        known[f"{side.role}_digest"] = side.digest
        known[f"width_{side.role}"], known[f"height_{side.role}"] = side.known_size
    score = None if figures is None else figures.score
    text = pairs.sentence(" ".join(messages))
    if figures is None:
        return PairResult(score, pair.name, text, status, code, **known)
    pixels = figures.pixels
    return PairResult(
        score,
        pair.name,
        text,
        status,
        code,
        num_diff_pixels=pixels.num_diff_pixels,
        pixel_diff_percent=pixels.pixel_diff_percent,
        max_diff_r=pixels.max_rgba_diffs[0],
        max_diff_g=pixels.max_rgba_diffs[1],
        max_diff_b=pixels.max_rgba_diffs[2],
        max_diff_a=pixels.max_rgba_diffs[3],
        dim_differ=pixels.dim_differ,
        combined=pixels.combined,
        regions=figures.boxes,
        region_pixels=figures.counts,
        **known,
    )


def fault(pair: Pair, error: Exception, sides: "Sequence[Side]" = ()) -> PairResult:
    """Return the row of a pair on which this program itself failed, with what is known of its files.

    If even that fails, the row holds plain text only, because any function may be the faulty one.
    """
    status, code, message = "error", "internal", "It cannot be compared"
    if pair.problem is None and (pair.first is None or pair.second is None):
        # It is certain that the other file is absent, so the status still says so.
        status, code = ("extra", "only_second") if pair.first is None else ("missing", "only_first")
        role = "second" if pair.first is None else "first"
        message = f"It is only in {role}. {role} {CANNOT}"
    files = " and ".join(path for path in (pair.first, pair.second) if path is not None)
    message = f"{message}: {faults.described(error)} ({files}). {_REMEDY['internal']}"
    try:
        first, second = (next((each for each in sides if each.role == role), None) for role in _ROLES)
        return result_row(pair, status, code, [message], first, second)
    except Exception:
        plain = "".join(char if char.isprintable() and char != '"' else " " for char in message)
        known: dict[str, Any] = {"second_filename": pair.second_name, "verdict": status}
        return PairResult(None, pair.name, plain[:_PLAIN], status, code, **known)


def complaints(side: "Side") -> list[str]:
    """Return the sentence that says why a file cannot be compared and what to do, if it cannot."""
    if side.error is None:
        return []
    remedy = side.error.remedy or _REMEDY.get(side.error.code, "")
    return [f"{side.role} {CANNOT}: {side.error.reason} ({side.path}). {remedy}".strip()]


def _notes(side: "Side") -> list[str]:
    """Return sentences about oddities of a file that was compared nevertheless."""
    notes = []
    header = side.whole
    ending = os.path.splitext(side.path)[1].lower()  # noqa: PTH122 - making a Path takes longer
    if settings.FORMATS.get(ending, header.format) != header.format:
        notes.append(f"{side.role} is a {header.format} file, whatever its name says.")
    if header.trailing:
        notes.append(f"{side.role} has {header.trailing} bytes after the end of its picture.")
    notes += [f"{side.role} {warning}." for warning in (*header.warnings, *side.remarks)]
    return notes


def _depths(first: "Side", second: "Side") -> list[str]:
    """Return a sentence if one picture has 16 bits per channel and the other has fewer."""
    one, other = first.whole.depth, second.whole.depth
    if one == other or 16 not in (one, other):
        return []
    return [f"{first.role} has {one} bits per channel, {second.role} has {other}."]


def _differing_metadata(first: "Side", second: "Side") -> list[str]:
    """Return the sentence that names the metadata that differ."""
    one, other = dict(first.whole.metadata), dict(second.whole.metadata)
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    verb = "differ" if len(names) > 1 or names == ["further pictures"] else "differs"
    return [f"The {' and the '.join(names)} {verb}."] if names else []


def _extent(figures: Figures) -> str:
    """Return the sentence about how many pixels differ, and in how many regions."""
    count, boxes = figures.pixels.num_diff_pixels, len(figures.boxes)
    pixels = "1 pixel differs" if count == 1 else f"{count:,} pixels differ"
    percent = f"{figures.pixels.pixel_diff_percent:.3g} %"
    red, green, blue, alpha = figures.pixels.max_rgba_diffs
    where = ", in transparency only," if alpha and not (red or green or blue) else ""
    return f"{pixels}{where} ({percent}) in {boxes} {'region' if boxes == 1 else 'regions'}."


def _size(side: "Side") -> str:
    return f"{side.whole.width} x {side.whole.height} px"
