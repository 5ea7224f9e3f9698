"""Which rows a run could have written: their figures fit their status, their sizes and each other.

What somebody has made up may pass. It breaks nothing that reads it, and is as wrong as he likes.
"""

import re
from collections.abc import Iterable
from typing import Final, get_args

from mymodules.comparison.changes import ChangeKind, of_listed
from mymodules.regions import Region
from mymodules.row import CAUSES, PairResult, names_its_files, span
from mymodules.rules import account

_CODES: Final = {
    "same": ("bytes_equal", "pixels_equal", "metadata_differs"),
    "changed": ("pixels_differ", "dimensions_differ", "low_bits_differ", "depth_differs"),
    "missing": ("only_first",),
    "extra": ("only_second",),
}
_MEASURED: Final = (
    *("num_diff_pixels", "pixel_diff_percent", "max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a"),
    *("dim_differ", "combined", "regions"),
)
_LEVELS: Final = ("max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a")
_RULED = re.compile(r"/[0-9a-f]{32}\Z")  # how conditions with rules end, see `batch.rulings`
_CHANGE = re.compile(
    rf"(?:{'|'.join(get_args(ChangeKind))})(?: [0-9]{{1,13}}){{9}} (?:-|[0-9]{{1,3}}) [0-9]{{1,13}}"
    r"(?: [0-9a-f]{1,24}){2}( [0-9+]+)?"
)
_MOST = 1 << 30  # px; larger pairs are compared again, as others would set memory aside for what is claimed


def is_possible(row: PairResult, conditions: str, metrics: int) -> bool:
    """Return whether a run may have written this row, and may use it: none that names its files.

    Parameters
    ----------
    row : PairResult
    conditions : str
        Under which it is kept.
    metrics : int
        How many metrics these name.
    """
    if row.code not in _CODES.get(row.status, ()) or names_its_files(row) or row.renamed_from is not None:
        return False
    is_ruled = _RULED.search(conditions) is not None
    if is_ruled and (row.status != "changed" or row.messages or row.custom or not _is_account(row.rules)):
        return False  # see `batch.rulings.to_keep`
    if not is_ruled and (len(row.custom) != metrics or row.rules is not None):
        return False
    if row.verdict not in ("", row.status, *(["tolerated"] if is_ruled else [])):
        return False
    if not (_has_its_sides(row) and _fits(row.seconds) and _fits(row.rename_score, 1)):
        return False
    if row.status in ("missing", "extra"):
        figures = (*(getattr(row, name) for name in _MEASURED), *_causes(row), row.ssim_score, row.changes)
        return not (any(value is not None for value in figures) or row.listed or row.region_pixels)
    return _is_measured(row) and _is_explained(row, is_ruled=is_ruled)


def _has_its_sides(row: PairResult) -> bool:
    """Return whether a row has digest and size of the sides that its status says it has, and of no other."""
    sides = (
        (row.first_digest, row.width_first, row.height_first, row.status != "extra"),
        (row.second_digest, row.width_second, row.height_second, row.status != "missing"),
    )
    return (
        all(
            (width or 0) > 0 < (height or 0) and digest is not None
            if is_there
            else (digest, width, height) == (None,) * 3
            for digest, width, height, is_there in sides
        )
        and 0 < span(row) <= _MOST
    )


def _is_measured(row: PairResult) -> bool:
    """Return whether the figures of two pictures fit their size and the code."""
    pixels = row.num_diff_pixels
    if any(getattr(row, name) is None for name in _MEASURED) or pixels is None or row.regions is None:
        return False
    sizes_differ = (row.width_first, row.height_first) != (row.width_second, row.height_second)
    counts = row.region_pixels
    return (
        pixels in range(span(row) + 1)
        and (pixels > 0) is (row.code in ("pixels_differ", "dimensions_differ"))
        and sizes_differ is row.dim_differ is (row.code == "dimensions_differ")
        and _fits(row.pixel_diff_percent, 100)
        and _fits(row.combined)
        and all(_fits(getattr(row, name), 255) for name in _LEVELS)
        and bool(row.regions) is (pixels > 0)
        and all(_is_within(box, row) for box in row.regions)
        and (counts is None or (len(counts) == len(row.regions) and _add_up(counts, pixels)))
    )


def _is_explained(row: PairResult, *, is_ruled: bool) -> bool:
    """Return whether causes and changes fit the differing pixels."""
    causes, texts = _causes(row), row.listed.split("|") if row.listed else []
    if None not in causes:
        assert row.num_diff_pixels is not None
        if not _add_up([count or 0 for count in causes], row.num_diff_pixels):
            return False
    elif causes != [None] * len(causes):
        return False
    if not is_ruled and (row.px_tolerated or row.px_masked):
        return False
    if len(texts) != (row.changes or 0) or (texts and not row.num_diff_pixels):
        return False
    for text in texts:
        match = _CHANGE.fullmatch(text)
        if match is None or (match[1] and not is_ruled):
            return False
    return all(
        _is_within(each.first, row)
        and _is_within(each.second, row)
        and max(each.pixels, each.faint) <= span(row)
        and _fits(each.largest, 255)
        for each in of_listed(row.listed)
    )


def _is_account(rules: str | None) -> bool:
    """Return whether this is an account with the numbers of rules."""
    found = account.parsed(rules)
    return rules == account.text_of(found) and all(name.isdecimal() for name in found)


def _causes(row: PairResult) -> list[int | None]:
    return [getattr(row, f"px_{cause}") for cause in CAUSES]


def _add_up(counts: Iterable[int], total: int) -> bool:
    counts = list(counts)
    return min(counts, default=0) >= 0 and sum(counts) == total


def _is_within(box: Region, row: PairResult) -> bool:
    x, y, width, height = box
    widths, heights = (row.width_first, row.width_second), (row.height_first, row.height_second)
    return (
        min(box) >= 0
        and x + width <= max(each or 0 for each in widths)
        and y + height <= max(each or 0 for each in heights)
    )


def _fits(figure: float | None, most: float = float("inf")) -> bool:
    return figure is None or 0 <= figure <= most
