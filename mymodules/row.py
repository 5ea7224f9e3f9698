"""The row of a pair: its columns, the type of each column, and the statuses.

This is the only schema: the CSV, the pandas table, the explorer, the viewer and the report take their columns
from here. For a new column, append an item to `PairResult`, and compute its value.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, NamedTuple, get_args, get_type_hints

from mymodules.regions import Region

ALGORITHM: Final = 10
"""Raised whenever the same files get another row than before, so that no older row is reused for them."""

STATUSES: Final = ("same", "changed", "missing", "extra", "error")
VERDICTS: Final = ("same", "tolerated", *STATUSES[1:])
"""What counts for a row: its status, or that rules have taken all that is changed."""

ONE_SIDED: Final = ("missing", "extra")
"""Statuses of pictures that only one of the folders has."""

BY_ATTENTION: Final = ("changed", "error", "missing", "extra", "same")
"""The statuses in the order in which a person wants to see them; of `ONE_SIDED` there may be thousands."""

VERDICTS_BY_ATTENTION: Final = (*BY_ATTENTION[:-1], "tolerated", "same")
"""The same for the verdicts."""

RANKS: Final = {verdict: rank for rank, verdict in enumerate(VERDICTS_BY_ATTENTION)}
"""The place of each verdict in that order."""

NOTHING_TO_DECIDE: Final = ("same", "tolerated")
"""The verdicts of rows that need no decision.

All others wait for one, in explorer, report and command alike; so do pictures that cannot be compared, until
they are rejected, ignored or replaced.
"""

NAMED: Final = 8
"""The most names of pictures in each sentence of a question about files that would change."""

CANNOT: Final = "cannot be compared"
"""What every message about an unusable file says."""


class Heading(NamedTuple):
    """How tables name and order a column.

    Attributes
    ----------
    label : str
        The short heading, for narrow tables.
    title : str
        The full name.
    falls : bool
        Whether the largest values come first, because they stand for the largest differences.
    """

    label: str
    title: str
    falls: bool = False


class PairResult(NamedTuple):
    """One row of the results; what is not known or does not apply is None.

    The first three items are those of the textbook notebook, so ``ar[0], ar[1], ar[2]`` works. The type of an
    item says what its column holds: a number with a fraction, a whole number, a flag, boxes, a count for each
    box, a text that is always there, or one that may be absent. A `Heading` makes it one that rows can be
    ordered by. The last two items are not columns: names and values of metrics of one's own, if any; and the
    changes, which have a file of their own, as `results.listing` writes them.
    """

    ssim_score: Annotated[float | None, Heading("SSIM", "SSIM score")]
    image_filename: Annotated[str, Heading("name", "name")]
    messages: str
    status: Annotated[str, Heading("status", "status")]
    code: Annotated[str, Heading("code", "code")]
    num_diff_pixels: Annotated[int | None, Heading("pixels", "differing pixels", falls=True)] = None
    pixel_diff_percent: Annotated[float | None, Heading("%", "differing pixels, %", falls=True)] = None
    max_diff_r: int | None = None
    max_diff_g: int | None = None
    max_diff_b: int | None = None
    max_diff_a: int | None = None
    dim_differ: bool | None = None
    combined: Annotated[float | None, Heading("combined", "combined", falls=True)] = None
    width_first: int | None = None
    height_first: int | None = None
    width_second: int | None = None
    height_second: int | None = None
    regions: Annotated[tuple[Region, ...] | None, Heading("regions", "regions", falls=True)] = None
    first_digest: str | None = None
    second_digest: str | None = None
    seconds: float | None = None
    renamed_from: str | None = None
    region_pixels: tuple[int, ...] | None = None
    px_changed: Annotated[int | None, Heading("changed px", "changed pixels", falls=True)] = None
    px_inserted: int | None = None
    px_removed: int | None = None
    px_moved: int | None = None
    px_tolerated: int | None = None
    px_masked: int | None = None
    changes: Annotated[int | None, Heading("changes", "changes", falls=True)] = None
    second_filename: str | None = None
    rename_score: float | None = None
    rules: str | None = None
    verdict: Annotated[str, Heading("verdict", "verdict")] = ""
    custom: tuple[tuple[str, float | None], ...] = ()
    listed: str = ""


COLUMNS: Final = PairResult._fields[:-2]
"""The columns of every results file, in order; new ones are appended last, before `PairResult.custom`."""

SIZES: Final = ("width_first", "height_first", "width_second", "height_second")
"""The columns with the sizes of both pictures, px."""

METRIC: Final = "metric_"
"""What the names of further columns begin with: those of metrics of one's own, in `PairResult.custom`."""

_OWN = METRIC + r"[A-Za-z][A-Za-z0-9_]*"  # a file of somebody else may call a column anything


def columns_of(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a run with metrics of these names."""
    return (*COLUMNS, *(METRIC + name for name in metrics))


_HINTS = get_type_hints(PairResult)
_ANNOTATED = get_type_hints(PairResult, include_extras=True)


def _holding(kind: object) -> frozenset[str]:
    return frozenset(name for name in COLUMNS if _HINTS[name] == kind)


FLOATS: Final = _holding(float | None)
WHOLE: Final = _holding(int | None)
FLAGS: Final = _holding(bool | None)
TEXTS: Final = _holding(str)
OPTIONAL_TEXTS: Final = _holding(str | None)
REGIONS: Final = _holding(tuple[Region, ...] | None)
COUNTS: Final = _holding(tuple[int, ...] | None)

HEADINGS: Final = {
    name: heading
    for name in COLUMNS
    for heading in get_args(_ANNOTATED[name])
    if isinstance(heading, Heading)
}
"""The columns that rows can be ordered by, and how tables name them."""

TABLE: Final = (
    *("status", "image_filename", "pixel_diff_percent", "ssim_score"),
    *("regions", "px_changed", "changes"),
)
"""The columns of the tables beside the viewer, left to right."""

CAUSES: Final = ("moved", "inserted", "removed", "changed", "tolerated", "masked")
"""Why pixels differ; the column ``px_`` and the cause says how many."""


def names_its_files(row: PairResult) -> bool:
    """Return whether a row's messages name paths, so that it cannot stand for other files of equal bytes."""
    return row.status == "error" or CANNOT in row.messages


def own_columns(names: Iterable[object]) -> dict[str, Heading]:
    """Return those of these columns that are metrics of one's own, with how tables name and order them."""
    own = (name for name in names if isinstance(name, str) and re.fullmatch(_OWN, name))
    return {name: Heading(name.removeprefix(METRIC), name.removeprefix(METRIC), falls=True) for name in own}


def own_figures(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``metrics``, names and values of the caller's own metrics of a row, if it has any."""
    columns = (name for name in row if isinstance(name, str) and name.startswith(METRIC))
    found = [[name.removeprefix(METRIC), row[name]] for name in columns if type(row[name]) in (int, float)]
    return {"metrics": found} if found else {}


def attention_key(
    status: str, combined: float | None, pixels: int | None, name: str
) -> tuple[int, float, float, str]:
    """Return a key that sorts rows as a person wants to see them: `BY_ATTENTION`, the largest change first.

    `results.attention` orders tables alike.
    """
    largest_first = (math.inf if value is None else -value for value in (combined, pixels))
    return RANKS.get(status, len(RANKS)), *largest_first, name  # type: ignore[return-value]


def counted(number: int, noun: str = "picture") -> str:
    """Return how many pictures these are, or files, as a text."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def verdict(counts: Mapping[str, int]) -> str:
    """Return what rows, counted by verdict, say together: ``same``, ``different``, or ``error`` if one is."""
    if counts.get("error"):
        return "error"
    differing = (number for each, number in counts.items() if each not in ("same", "tolerated"))
    return "different" if any(differing) else "same"


def shown_verdicts(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the verdicts that a person chooses from: ``tolerated`` only where there is a row of it."""
    return VERDICTS_BY_ATTENTION if counts.get("tolerated") else BY_ATTENTION


def verdict_of(status: str, verdict: object) -> str:
    """Return the verdict on a row, which earlier versions' results lack, and others may have edited."""
    return "tolerated" if status == "changed" and verdict == "tolerated" else status


def span(row: PairResult) -> int:
    """Return the pixels of a pair's drawings: the larger width by the larger height, 0 if unknown."""
    widths, heights = (row.width_first, row.width_second), (row.height_first, row.height_second)
    return max(width or 0 for width in widths) * max(height or 0 for height in heights)
