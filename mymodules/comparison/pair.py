"""One pair of pictures to one row, and to its drawings: read, check, compare, draw.

Bad input never raises here: it becomes a row.
"""

import functools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mymodules import faults, kernel, metrics, regions
from mymodules.comparison import drawings
from mymodules.comparison.job import Job
from mymodules.comparison.ledger import Ledger
from mymodules.comparison.side import Side, bands_of, canvas, check, inspected, load, rgba
from mymodules.comparison.verdict import Figures, complaints, fault, result_row, verdict
from mymodules.errors import ImageError
from mymodules.formats.png import Bytes
from mymodules.images import bands, pixels
from mymodules.images.memory import Memory
from mymodules.metrics import DiffMetrics, Metric
from mymodules.pairs import Pair
from mymodules.regions import Region
from mymodules.row import PairResult

if TYPE_CHECKING:
    from mymodules.comparison.changes import Change
    from mymodules.comparison.ruling import Ruling

_MOST_STORED = 1 << 26  # bytes of two decoded pictures that are copied for the compiled kernel
_EQUAL = Figures(DiffMetrics(0, 0.0, (0, 0, 0, 0), False), 1.0, (), ())


class Compared(NamedTuple):
    """A pair that was compared.

    Attributes
    ----------
    row : PairResult
        As without rules.
    changes : tuple of Change
        Those that it counts.
    ruling : Ruling, str or None
        What rules make of it, see `causes.Causes`.
    """

    row: PairResult
    changes: "tuple[Change, ...]" = ()
    ruling: "Ruling | str | None" = None


def _fresh() -> tuple[Memory, Memory]:
    return Memory(), Memory()


def compare(
    job: Job, memory: Callable[[], tuple[Memory, Memory]] = _fresh, read: list[Side] | None = None
) -> Compared:
    """Compare one pair; whatever is wrong with its files is reported in the row.

    Parameters
    ----------
    job : Job
    memory : callable, optional
        Returns what holds the files while they are compared; those who compare many keep it.
    read : list of Side, optional
        Filled with the files that were read.
    """
    start = time.perf_counter()
    sides: list[Side] = [] if read is None else read
    try:
        found = _row(job, sides, memory())
    except Exception as error:  # a fault in this program spoils one row, but never ends a run
        found = Compared(fault(job.pair, error, sides))
    row = found.row
    if job.metric is not None and not row.custom:
        row = row._replace(custom=job.metric.absent)
    return found._replace(row=row._replace(seconds=round(time.perf_counter() - start, 6)))


def _row(job: Job, sides: "list[Side]", memory: tuple[Memory, Memory]) -> Compared:
    """Return row and changes of a pair. `sides` is filled as files are read, for the row of a fault."""
    pair = job.pair
    first = inspected("first", pair.first, job.max_pixels, data=job.data[0])
    sides += [] if first is None else [first]
    second = inspected("second", pair.second, job.max_pixels, first, data=job.data[1])
    sides += [] if second is None else [second]
    if pair.problem is not None:
        code, message = pair.problem
        return Compared(result_row(pair, "error", code, [message], first, second))
    if first is None or second is None:
        return Compared(_one_sided(pair, first, second))
    if not (first.error or second.error):
        try:
            with pixels.memory_errors():
                differ = load(first, second, memory, job)
                if not (first.error or second.error):
                    return _compared(job, first, second, differ)
        except MemoryError:
            first.error = second.error = ImageError.no_memory()
    return Compared(_broken(pair, first, second))


def _one_sided(pair: Pair, first: Side | None, second: Side | None) -> PairResult:
    """Return the row of a picture that only one folder has."""
    side = first or second
    assert side is not None
    status, code = ("missing", "only_first") if second is None else ("extra", "only_second")
    check(side)
    messages = [f"It is only in {side.role}.", *complaints(side)]
    return result_row(pair, status, code, messages, first, second)


def _broken(pair: Pair, first: Side, second: Side) -> PairResult:
    """Return the row of two files of which at least one cannot be compared."""
    check(first)  # both may be broken
    check(second)
    error = first.error or second.error
    assert error is not None
    return result_row(pair, "error", error.code, complaints(first) + complaints(second), first, second)


def _compared(job: Job, first: Side, second: Side, differ: bool) -> Compared:
    """Return row and changes of two readable pictures; `differ` is whether the bytes of their files do."""
    drawn = job.pictures_dir is not None and (differ or job.draw_same)
    larger, _ = metrics.common_size(first.size, second.size)
    fits = larger[0] * larger[1] <= job.max_pixels
    drawing = drawings.Drawing(first.size, second.size) if drawn and fits else None
    custom, failed = ((), []) if job.metric is None else _custom(job.metric, first, second, differ)
    figures, deep_differ = _measured(first, second, differ, drawing)
    why = _explained(job, first, second, figures) if job.moves else _Why({})
    if why.deep_differ is not None:
        deep_differ = why.deep_differ
    status, code, messages = verdict(first, second, differ, figures, deep_differ)
    messages += why.unexplained
    if drawing is not None and (status == "changed" or job.draw_same):
        messages += _written(drawing, job, first, second, figures.boxes)
    elif drawn and not fits:
        messages.append(f"It was not drawn: together the two span {larger[1]} x {larger[0]} px.")
    row = result_row(job.pair, status, code, messages + failed, first, second, figures)
    return Compared(row._replace(custom=custom, **why.columns), why.changes, why.ruling)


class _Why(NamedTuple):
    """Why two pictures differ: columns of their row, the changes, what rules make of them.

    If that is unknown, a sentence for the row says so, whose figures are right anyway.
    """

    columns: dict[str, Any]
    changes: "tuple[Change, ...]" = ()
    ruling: "Ruling | str | None" = None
    unexplained: Sequence[str] = ()
    deep_differ: bool | None = None


def _explained(job: Job, first: Side, second: Side, figures: Figures) -> _Why:
    differing = figures.pixels.num_diff_pixels
    if not differing:
        return _Why(_columns(Ledger(), 0))
    from mymodules.comparison import causes  # not needed where all pairs are equal

    try:
        with pixels.memory_errors():
            found = causes.causes(first, second, figures.boxes, differing, job.rules, exact=job.exact)
    except MemoryError:
        return _Why({}, unexplained=["There was not enough memory to find out what moved."])
    except Exception as error:
        if causes.is_proved():
            raise
        unknown = f"What moved is unknown: {faults.reported(error)}"
        return _Why({}, unexplained=[unknown])
    columns = _columns(found.ledger, len(found.changes))
    return _Why(columns, found.changes, found.ruling, deep_differ=found.deep_differ)


def _columns(found: Ledger, changes: int) -> dict[str, Any]:
    """Return the columns with the causes; no rule has taken anything."""
    return {
        "px_changed": found.changed,
        "px_inserted": found.inserted,
        "px_removed": found.removed,
        "px_moved": found.moved,
        "px_tolerated": 0,
        "px_masked": 0,
        "changes": changes,
    }


def _custom(
    metric: Metric, first: Side, second: Side, differ: bool
) -> tuple[tuple[tuple[str, float | None], ...], list[str]]:
    """Return the value of the caller's metric with its name, or a sentence that says why there is none."""
    try:
        one = rgba(first)
        return ((metric.name, metric.value(one, rgba(second) if differ else one)),), []
    except ImageError as error:
        reason = error.reason
    except Exception as error:  # it is the caller's: whatever it does, the other figures stay
        reason = faults.named(error)
    return metric.absent, [f"The metric {metric.name} has no value: {reason}."]


def _measured(
    first: Side, second: Side, differ: bool, drawing: drawings.Drawing | None
) -> tuple[Figures, bool]:
    """Measure two pictures, feeding the drawing; return the figures and whether 16-bit values differ."""
    if not differ:
        return _EQUAL, False
    tally = metrics.Tally(first.size, second.size)
    similarity = metrics.Similarity(first.size, second.size)
    gatherer = regions.Gatherer()
    deep_differ = False
    height, widths = _extent(first, second)
    compiled = kernel.loaded()
    stored = _stored(first, second) if compiled and kernel.fits(height, widths) else None
    if compiled and stored:
        both, channels, equal = stored
        shown, shades = (None, None) if drawing is None else drawing.arrays
        found = compiled.compare(
            *both, height, widths, channels, equal=equal, similarity=shown, shades=shades
        )
        if drawing is not None:
            drawing.add_levels(found.levels)
        tally.add_counted(found.differing, found.largest)
        similarity.add_sum(found.dissimilarity)
        gatherer.add_boxes(found.boxes, apart=True)
    else:
        for band in bands_of(first, second, keep=drawing is not None):
            gatherer.add(band.top, tally.add(band))
            grays = metrics.gray(band.first), metrics.gray(band.second)
            patches = similarity.add(band.top, band.above, band.below, *grays)
            deep_differ |= band.deep_differ
            if drawing is not None:
                drawing.add(band, patches)
    gatherer.add_outside(*metrics.common_size(first.size, second.size))
    return Figures(tally.metrics(), similarity.score(), *gatherer.counted()), deep_differ


def _stored(first: Side, second: Side) -> tuple[tuple[Bytes, Bytes], int, Bytes | None] | None:
    """Return stored rows of both for the compiled kernel, their channels, and which are equal if known.

    None if it does not take these two, or not without too much memory.
    """
    one, other = first.scanlines, second.scanlines
    if one is not None and other is not None:
        if not bands.hold_pixels(first.whole):
            return None
        return (one.flat, other.flat), one.header.pixel_size, one.equal
    assert first.samples is not None
    assert second.samples is not None
    both = first.samples, second.samples
    channels = 4 if any(bands.have_alpha(samples) for samples in both) else 3
    size = channels * sum(height * width for height, width in (first.size, second.size))
    if size > _MOST_STORED or not all(samples.dtype == np.uint8 for samples in both):
        return None
    return (bands.stored(both[0], channels), bands.stored(both[1], channels)), channels, None


def _extent(first: Side, second: Side) -> tuple[int, tuple[int, int]]:
    """The height that two pictures share, and the width of each."""
    (height, width), (other_height, other_width) = first.size, second.size
    return min(height, other_height), (width, other_width)


def _written(
    drawing: drawings.Drawing, job: Job, first: Side, second: Side, boxes: tuple[Region, ...]
) -> list[str]:
    """Write the drawings. If that fails, return a sentence for the row, whose figures are right anyway."""
    assert job.pictures_dir is not None
    try:
        canvases = functools.partial(canvas, first), functools.partial(canvas, second)
        with pixels.memory_errors():
            drawing.write(job.pictures_dir, job.drawing_path, *canvases, boxes)
    except OSError as error:
        return [f"Its drawings could not be written to {job.pictures_dir}: {error.strerror or error}."]
    except MemoryError:
        return ["There was not enough memory for its drawings."]
    except ImageError as error:
        return [f"It could not be drawn: {error.reason}."]
    except Exception as error:
        return [f"It could not be drawn: {faults.reported(error)}"]
    return []
