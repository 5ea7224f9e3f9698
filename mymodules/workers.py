"""What a pool worker does for one pair: read, check, compare, draw; and the row that comes of it.

`compare` does it for a `Job`. `compimgdiff_init` and `compare_image_diff` are the same for a plain
`multiprocessing.Pool`, whose tasks are paths below one of the two folders of `settings`. Bad input
never raises here: it becomes a row. A worker imports neither pandas nor scikit-image.
"""

import functools
import multiprocessing
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2

from mymodules import faults, images, metrics, pairs, regions, settings, streams
from mymodules.comparison import drawings
from mymodules.errors import ImageError, SettingsError
from mymodules.formats import Header, Remark, png
from mymodules.formats.png import PngHeader, Samples
from mymodules.images import bands
from mymodules.images.bands import Band, Rows
from mymodules.metrics import DiffMetrics
from mymodules.pairs import Pair
from mymodules.paths import local_path
from mymodules.regions import Region
from mymodules.row import CANNOT, PairResult

__all__ = (
    "Job",
    "PairResult",
    "compare",
    "compare_image_diff",
    "compare_many",
    "compimgdiff_init",
    "died",
    "fault",
    "prepare_process",
)

T = TypeVar("T")

_FORMAT_OF_SUFFIX = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".bmp": "BMP"}
_FORMAT_OF_SUFFIX |= {".tif": "TIFF", ".tiff": "TIFF"}

_ROLES = "first", "second"
_PLAIN = 8000  # characters of a message that could not be made the usual way
_REMEDY = {
    "empty": "Export it again.",
    "truncated": "Copy or export it again.",
    "corrupt": "Copy or export it again.",
    "not_an_image": "Look at what was saved under this name.",
    "animated": "Save the frames as single pictures to compare them.",
    "unsupported": "Save it as PNG to compare it.",
    "too_many_pixels": "Cut it up, or allow more: compare --max-pixels N, settings.init(max_pixels=N).",
    "too_costly": "Save it again with another program, as PNG.",
    "internal": "Please report it, with the file if you may share it.",
    "permission": "Allow reading it and run again.",
    "vanished": "Run again.",
    "changed_during_run": "Run again when nothing writes to it.",
}


class Job(NamedTuple):
    """One pair and how it is to be treated.

    Attributes
    ----------
    pair : Pair
    pictures_dir : Path or None
        Where drawings go; None for none at all.
    stem : str
        The pair's own part of their names, from `pictures.stems`.
    draw_same : bool
        Whether equal pairs are drawn too.
    max_pixels : int
        Largest width x height that is decoded.
    """

    pair: Pair
    pictures_dir: Path | None = None
    stem: str = ""
    draw_same: bool = False
    max_pixels: int = settings.MAX_PIXELS


def compare(job: Job) -> PairResult:
    """Compare one pair; whatever is wrong with its files is told in the row."""
    start = time.perf_counter()
    sides: list[_Side] = []
    try:
        result = _row(job, sides)
    except Exception as error:  # a fault of ours costs one row, never a run
        result = fault(job.pair, error, sides)
    return result._replace(seconds=round(time.perf_counter() - start, 6))


def compare_many(jobs: Iterable[Job]) -> list[PairResult]:
    """`compare` for several small pairs: one task of a pool instead of many."""
    return [compare(job) for job in jobs]


def compimgdiff_init(str_start_datetime: str) -> None:
    """Prepare a process of a `multiprocessing.Pool` for `compare_image_diff`.

    Parameters
    ----------
    str_start_datetime : str
        Stamp of the run: drawings go to the folder ``03.diff-<stamp>`` of the output folder.
    """
    global _stamp
    if multiprocessing.parent_process() is not None:  # else it is a notebook that compares without a pool
        prepare_process()
    _stamp = str_start_datetime  # nothing else: a pool starts a process anew for ever where this raises


def compare_image_diff(path: str | os.PathLike[str]) -> PairResult:
    """Compare one picture with the one of the same name on the other side.

    Parameters
    ----------
    path : path
        A file below the first or the second folder of `settings`.

    Raises
    ------
    SettingsError
        When the path lies below neither folder.
    """
    chosen = settings.current()
    name = _name_below(path, chosen.first, chosen.second)
    listing, stems = _listing(chosen.first, chosen.second)
    pair = listing.get(name)
    if pair is None:  # not named like a picture, or newer than the listing
        raw = pairs.from_text(name)
        first, second = (_there(str(root / raw)) for root in (chosen.first, chosen.second))
        pair = Pair(name, first, second)
    if pair.first is None and pair.second is None:
        return _result(pair, "error", "vanished", ["It is in neither folder any more. Run again."])
    stem = stems.get(pair.name) or drawings.stems([name])[name]
    folder = None if _stamp is None else Path(f"{chosen.out / '03.diff'}-{_stamp}")
    return compare(Job(pair, folder, stem, max_pixels=chosen.max_pixels))


def died(job: Job) -> PairResult:
    """The row of a pair that ends its worker even when that does nothing else."""
    told = "The process that compared it was killed, twice: often for want of memory. Lower max_pixels."
    return _result(job.pair, "error", "worker_died", [told])


def fault(pair: Pair, error: Exception, sides: "Sequence[_Side]" = ()) -> PairResult:
    """Return the row of a pair on which this program itself failed, with what is known of its files.

    Nothing that may have failed is relied upon: the second attempt uses plain text only.
    """
    status, code, message = "error", "internal", "It cannot be compared"
    if pair.problem is None and (pair.first is None or pair.second is None):
        # What is certain stays said: that there is no other file.
        status, code = ("extra", "only_second") if pair.first is None else ("missing", "only_first")
        role = "second" if pair.first is None else "first"
        message = f"It is only in {role}. {role} {CANNOT}"
    files = " and ".join(path for path in (pair.first, pair.second) if path is not None)
    message = f"{message}: {faults.described(error)} ({files}). {_REMEDY['internal']}"
    try:
        first, second = (next((each for each in sides if each.role == role), None) for role in _ROLES)
        return _result(pair, status, code, [message], first, second)
    except Exception:
        plain = "".join(char if char.isprintable() and char != '"' else " " for char in message)
        return PairResult(None, pair.name, plain[:_PLAIN], status, code)


def prepare_process(parent: int | None = None) -> None:
    """Make this process a worker: one thread for OpenCV, and interrupts are the parent's business.

    Parameters
    ----------
    parent : int, optional
        Process to which this one belongs: it ends when that is gone.
    """
    streams.secure()
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    if os.name == "posix":
        while os.getppid() == parent:
            time.sleep(1)
    else:
        import psutil

        while psutil.pid_exists(parent):
            time.sleep(1)
    os._exit(1)


# A pool's initialiser has no other way to tell its process something.
_stamp: str | None = None


@dataclass
class _Side:
    """One file of a pair as far as it could be read."""

    role: str
    path: Path
    data: bytes = b""
    digest: str | None = None
    header: Header | None = None
    error: ImageError | None = None
    remarks: list[str] = field(default_factory=list)
    rows: Rows | None = None
    samples: Samples | None = None

    @property
    def whole(self) -> Header:
        """The header of a side without an error."""
        assert self.header is not None
        return self.header

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a side without an error."""
        return self.whole.height, self.whole.width

    @property
    def known_size(self) -> tuple[int, int] | tuple[None, None]:
        """Width and height as far as its header could be read."""
        if self.header is not None:
            return self.header.width, self.header.height
        return (self.error and self.error.size) or (None, None)


class _Figures(NamedTuple):
    pixels: DiffMetrics
    score: float
    boxes: tuple[Region, ...]


def _row(job: Job, sides: "list[_Side]") -> PairResult:
    """The row of a pair; `sides` gets what is known of its files, should this fail."""
    pair = job.pair
    first = _inspected("first", pair.first, job.max_pixels)
    sides += [] if first is None else [first]
    second = _inspected("second", pair.second, job.max_pixels, first)
    sides += [] if second is None else [second]
    if pair.problem is not None:
        code, message = pair.problem
        return _result(pair, "error", code, [message], first, second)
    if first is None or second is None:
        return _one_sided(pair, first, second)
    if not (first.error or second.error):
        try:
            with images.memory_errors():
                differ = _load(first, second)
                if not (first.error or second.error):
                    return _compared(job, first, second, differ)
        except MemoryError:
            first.error = second.error = ImageError("too_many_pixels", "there is not enough memory for it")
    return _broken(pair, first, second)


def _one_sided(pair: Pair, first: _Side | None, second: _Side | None) -> PairResult:
    side = first or second
    assert side is not None
    status, code = ("missing", "only_first") if second is None else ("extra", "only_second")
    _check(side)
    told = [f"It is only in {side.role}.", *_complaints(side)]
    return _result(pair, status, code, told, first, second)


def _broken(pair: Pair, first: _Side, second: _Side) -> PairResult:
    _check(first)  # that one of them is broken does not say that the other is not
    _check(second)
    error = first.error or second.error
    assert error is not None
    return _result(pair, "error", error.code, _complaints(first) + _complaints(second), first, second)


def _compared(job: Job, first: _Side, second: _Side, differ: bool) -> PairResult:
    """The row of two files that are fit to compare, and whose bytes differ or not."""
    drawn = job.pictures_dir is not None and (differ or job.draw_same)
    larger, _ = metrics.common_size(first.size, second.size)
    fits = larger[0] * larger[1] <= job.max_pixels
    drawing = drawings.Drawing(first.size, second.size) if drawn and fits else None
    figures, deep_differ = _measured(first, second, differ, drawing)
    status, code, told = _verdict(first, second, differ, figures, deep_differ)
    if drawing is not None and (status == "changed" or job.draw_same):
        told += _written(drawing, job, first, second, figures.boxes)
    elif drawn and not fits:
        told.append(f"It was not drawn: together the two span {larger[1]} x {larger[0]} px.")
    return _result(job.pair, status, code, told, first, second, figures)


def _measured(
    first: _Side, second: _Side, differ: bool, drawing: drawings.Drawing | None
) -> tuple[_Figures, bool]:
    """The figures of two pictures, and whether 16-bit values differ; what a drawing needs goes there."""
    tally = metrics.Tally(first.size, second.size)
    similarity = metrics.Similarity(first.size, second.size)
    gatherer = regions.Gatherer()
    deep_differ = False
    for band in _bands(first, second, keep=drawing is not None) if differ else ():
        gatherer.add(band.top, tally.add(band))
        grays = metrics.gray(band.first), metrics.gray(band.second)
        patches = similarity.add(band.top, band.above, band.below, *grays)
        deep_differ |= band.deep_differ
        if drawing is not None:
            drawing.add(band, patches)
    gatherer.add_outside(*metrics.common_size(first.size, second.size))
    return _Figures(tally.metrics(), similarity.score(), gatherer.regions()), deep_differ


def _verdict(
    first: _Side, second: _Side, differ: bool, figures: _Figures, deep_differ: bool
) -> tuple[str, str, list[str]]:
    """Status, code and sentences. Figures decide, never SSIM."""
    pixels = figures.pixels
    notes = _depths(first, second) + _notes(first) + _notes(second)
    differing = _differing_metadata(first, second)
    if pixels.dim_differ:
        sizes = f"{_size(first)} in first, {_size(second)} in second"
        return (
            "changed",
            "dimensions_differ",
            [f"The size differs: {sizes}.", _extent(figures), *differing, *notes],
        )
    if pixels.num_diff_pixels:
        return "changed", "pixels_differ", [_extent(figures), *differing, *notes]
    if deep_differ:
        if first.whole.depth != second.whole.depth:
            message = "The high bytes are equal, but only one of the two pictures has the low bytes."
            return "changed", "depth_differs", [message, *differing, *notes]
        message = "The 16-bit values differ, but as 8 bits the pictures are equal."
        return "changed", "low_bits_differ", [message, *differing, *notes]
    if not differ:
        return "same", "bytes_equal", ["Equal byte for byte.", *notes]
    if differing:
        return "same", "metadata_differs", ["The pixels are equal.", *differing, *notes]
    return "same", "pixels_equal", ["The pixels are equal, the files are not.", *notes]


def _written(
    drawing: drawings.Drawing, job: Job, first: _Side, second: _Side, boxes: tuple[Region, ...]
) -> list[str]:
    """Write the drawings; a sentence where that fails, because the figures are good all the same."""
    assert job.pictures_dir is not None
    try:
        canvases = functools.partial(_canvas, first), functools.partial(_canvas, second)
        with images.memory_errors():
            drawing.write(job.pictures_dir, job.stem, *canvases, boxes)
    except OSError as error:
        return [f"Its drawings could not be written to {job.pictures_dir}: {error.strerror or error}."]
    except MemoryError:
        return ["There was not enough memory for its drawings."]
    except ImageError as error:
        return [f"It could not be drawn: {error.reason}."]
    except Exception as error:
        return [f"It could not be drawn: {faults.described(error)}. Please report it."]
    return []


def _canvas(side: _Side) -> drawings.Canvas:
    """The picture of a side to draw on; the side has it no more."""
    loaded = side.samples if side.rows is None else side.rows
    side.rows = side.samples = None
    return drawings.canvas(images.decode(side.data, side.whole) if loaded is None else loaded)


def _inspected(role: str, path: str | None, max_pixels: int, other: _Side | None = None) -> _Side | None:
    """A side with its bytes and its header, or with the error that prevents them.

    What is known of the other side's equal bytes is not found out again.
    """
    if path is None:
        return None
    side = _Side(role, Path(path))
    try:
        side.data = _read(side.path)
        if other is not None and other.digest is not None and other.data == side.data:
            side.digest, side.header, side.error = other.digest, other.header, other.error
        else:
            side.digest = images.digest(side.data)
            side.header = images.inspect(side.data, max_pixels=max_pixels)
    except ImageError as error:
        side.error = error
    except MemoryError:
        side.error = ImageError("too_many_pixels", "there is not enough memory for it")
    except Exception as error:
        side.error = ImageError("internal", faults.described(error))
    return side


def _read(path: Path) -> bytes:
    """All bytes of a regular file, which nothing wrote to meanwhile."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageError("not_a_file", "it is not a file")
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
        after = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("vanished", "there is no such file any more, or it is a link to nothing") from None
    except OSError as error:
        raise ImageError("permission", f"it cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise ImageError("too_many_pixels", "there is not enough memory for its bytes") from None
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not unchanged or len(data) != after.st_size:
        raise ImageError("changed_during_run", "it was written to while it was read")
    return data


def _load(first: _Side, second: _Side) -> bool:
    """Make two sides ready for `_bands`, and return whether their bytes differ.

    What only this shows to be broken is noted in them. Of equal bytes the container was walked, and nothing
    is decoded or inflated. Bytes that differ are let go as soon as they are pixels, or rows.
    """
    if first.data == second.data:
        return False
    alike = bands.alike(first.whole, second.whole)
    for side in (first, second):
        if alike:
            side.rows = _attempt(side, bands.rows)
        else:
            side.samples = _attempt(side, images.decode)
        if side.error is None:
            side.data = b""
    return True


def _bands(first: _Side, second: _Side, *, keep: bool) -> Iterator[Band]:
    if first.rows is not None and second.rows is not None:
        return bands.of_rows(first.rows, second.rows, keep=keep)
    assert first.samples is not None
    assert second.samples is not None
    return bands.of_samples(first.samples, second.samples)


def _check(side: _Side) -> None:
    """Note what is broken in a file that will not be compared, for PNG without decoding pixels."""
    if side.rows is None and side.samples is None:
        _attempt(side, png.check if isinstance(side.header, PngHeader) else images.decode)


def _attempt(side: _Side, decode: Callable[[bytes, Any, Remark], T]) -> T | None:
    """What a side holds, or a note in it of what is broken."""
    if side.error is None:
        try:
            return decode(side.data, side.whole, side.remarks.append)
        except ImageError as error:
            side.error = error
        except MemoryError:
            side.error = ImageError("too_many_pixels", "there is not enough memory for it")
        except Exception as error:
            side.error = ImageError("internal", faults.described(error))
    return None


def _complaints(side: _Side) -> list[str]:
    if side.error is None:
        return []
    remedy = side.error.remedy or _REMEDY.get(side.error.code, "")
    return [f"{side.role} {CANNOT}: {side.error.reason} ({side.path}). {remedy}".strip()]


def _notes(side: _Side) -> list[str]:
    """What is odd about a file that was compared all the same."""
    told = []
    header = side.whole
    if _FORMAT_OF_SUFFIX.get(side.path.suffix.lower(), header.format) != header.format:
        told.append(f"{side.role} is a {header.format} file, whatever its name says.")
    if header.trailing:
        told.append(f"{side.role} has {header.trailing} bytes after the end of its picture.")
    told += [f"{side.role} {warning}." for warning in (*header.warnings, *side.remarks)]
    return told


def _depths(first: _Side, second: _Side) -> list[str]:
    """What there is to say of one picture with 16 bits per channel and another with fewer."""
    one, other = first.whole.depth, second.whole.depth
    if one == other or 16 not in (one, other):
        return []
    return [f"{first.role} has {one} bits per channel, {second.role} has {other}."]


def _differing_metadata(first: _Side, second: _Side) -> list[str]:
    one, other = dict(first.whole.metadata), dict(second.whole.metadata)
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    verb = "differ" if len(names) > 1 or names == ["further pictures"] else "differs"
    return [f"The {' and the '.join(names)} {verb}."] if names else []


def _extent(figures: _Figures) -> str:
    count, boxes = figures.pixels.num_diff_pixels, len(figures.boxes)
    pixels = "1 pixel differs" if count == 1 else f"{count:,} pixels differ"
    percent = f"{figures.pixels.pixel_diff_percent:.3g} %"
    red, green, blue, alpha = figures.pixels.max_rgba_diffs
    where = ", in transparency only," if alpha and not (red or green or blue) else ""
    return f"{pixels}{where} ({percent}) in {boxes} {'region' if boxes == 1 else 'regions'}."


def _size(side: _Side) -> str:
    return f"{side.whole.width} x {side.whole.height} px"


def _result(
    pair: Pair,
    status: str,
    code: str,
    told: list[str],
    first: _Side | None = None,
    second: _Side | None = None,
    figures: _Figures | None = None,
) -> PairResult:
    if pairs.is_escaped(pair.name):
        told = [
            *told,
            r"Its name is written with \xNN for bytes that are not text and with doubled backslashes.",
        ]
    row = PairResult(None, pair.name, pairs.sentence(" ".join(told)), status, code)
    for side in (first, second):
        if side is None:
            continue
        known: dict[str, Any] = {f"{side.role}_digest": side.digest}
        width, height = side.known_size
        known |= {f"width_{side.role}": width, f"height_{side.role}": height}
        row = row._replace(**known)
    if figures is None:
        return row
    pixels = figures.pixels
    return row._replace(
        ssim_score=figures.score,
        num_diff_pixels=pixels.num_diff_pixels,
        pixel_diff_percent=pixels.pixel_diff_percent,
        max_diff_r=pixels.max_rgba_diffs[0],
        max_diff_g=pixels.max_rgba_diffs[1],
        max_diff_b=pixels.max_rgba_diffs[2],
        max_diff_a=pixels.max_rgba_diffs[3],
        dim_differ=pixels.dim_differ,
        combined=pixels.combined,
        regions=figures.boxes,
    )


def _name_below(path: str | os.PathLike[str], *roots: Path) -> str:
    """The text name of a path below one of the roots, however either of them is written."""
    wanted = Path(os.path.normpath(local_path(path, "The picture", "file")))
    real = Path(os.path.realpath(wanted.parent), wanted.name)
    for seen, base in (*((wanted, root) for root in roots), *((real, root.resolve()) for root in roots)):
        if seen.is_relative_to(base):
            return pairs.to_text(seen.relative_to(base).as_posix())
    told = f"{wanted} lies below neither {roots[0]} nor {roots[1]}"
    raise SettingsError(f"{told}: name these folders to settings.init().")


def _there(path: str) -> str | None:
    return path if os.path.lexists(path) else None


@functools.lru_cache(maxsize=1)
def _listing(first: Path, second: Path) -> tuple[dict[str, Pair], dict[str, str]]:
    """Pairs by their name on either side, and stems by the pair's name; once for a process."""
    listing = pairs.find(first, second)
    by_name = {
        pairs.to_text(Path(path).relative_to(root).as_posix()): pair
        for pair in listing.pairs
        for root, path in ((first, pair.first), (second, pair.second))
        if path is not None
    }
    return by_name, drawings.stems(pair.name for pair in listing.pairs)
