"""The pictures of a report, and the records that describe them to the page.

Threads work on several rows at a time. Together they hold at most `AT_ONCE` bytes of pictures, or a single
pair. A picture is decoded only if that is needed, converted in parts, and released before the next one; the
difference picture is that of the run if it is whole.
"""

import hashlib
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mymodules import faults, images
from mymodules.comparison import drawings
from mymodules.formats import Header, png
from mymodules.formats.png import PngHeader, Samples
from mymodules.formats.webp import WebpHeader
from mymodules.pages import aligned, delta, display, marks
from mymodules.pages.display import SIDES
from mymodules.pages.rows import FIGURES, TEXTS
from mymodules.report import page
from mymodules.report.parts import Parts
from mymodules.row import own_figures

AT_ONCE: Final = 512 << 20
"""The most bytes that the pictures of several rows may need at the same time."""

SIZES: Final = {side: (f"width_{side}", f"height_{side}") for side in SIDES}

_ENDINGS = {"PNG": "png", "JPEG": "jpg", "WebP": "webp"}
_THREADS = min(4, os.cpu_count() or 1)
_WAITING = 1000  # rows that threads work on or have made
_ROWS_AT_ONCE = 128
_DECODING = 8  # bytes per pixel: its samples, and the decoder's own memory


@dataclass(frozen=True)
class _Delta:
    """The record of a row's difference picture, and the differing pixels in each of its regions."""

    record: dict[str, Any]
    region_pixels: list[int]


class _Budget:
    """Bytes that threads share; a thread that asks for more than there are gets all, alone."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._changed = threading.Condition()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Wait until so many bytes are free, and hold them."""
        size = min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


class Pairs:
    """Write the pictures of rows, and make the records that the page has of the rows.

    Parameters
    ----------
    folders : display.Folders
    drawn : delta.Drawings or None
        Where the run's drawings are, if that is known.
    changes : marks.RunChanges
    parts : Parts
        Writes the pictures.
    read_pixels : int
        The most pixels of a picture whose values are added.
    same : bool
        Whether the pictures of `same` rows are written, too.
    only : collection of str, optional
        Names of rows: only their pictures are written, and neither differences nor values.
    """

    def __init__(
        self,
        folders: display.Folders,
        drawn: delta.Drawings | None,
        changes: marks.RunChanges,
        parts: Parts,
        read_pixels: int,
        same: bool,
        only: Collection[str] | None = None,
    ) -> None:
        self._folders, self._where, self._files = folders, drawn, parts
        self._changes = changes
        self._read_pixels, self._same = (read_pixels if only is None else 0), same
        self._only = only
        self._budget = _Budget(AT_ONCE)
        self._lock = threading.Lock()
        self._shown: dict[str, Future[dict[str, Any]]] = {}

    def all(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records of all rows, in their order."""
        with ThreadPoolExecutor(_THREADS) as threads:
            try:
                for start in range(0, len(rows), _WAITING):
                    yield from threads.map(self._row, rows[start : start + _WAITING])
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row's record, with a sentence instead of a picture that cannot be shown."""
        try:
            if self._only is not None and row["image_filename"] not in self._only:
                return {**self._record(row), "regions": [], "marks": [], "pictures": page.LEFT_OUT}
            with self._budget.of(self._weight(row)):
                return self._made(row) if self._only is None else self._plain(row)
        except OSError:  # the report cannot be written
            raise
        except MemoryError:
            reason = "There is not enough memory to show it."
        except Exception as error:  # a defect costs one row of the page, not the report
            reason = f"It cannot be shown: {faults.reported(error)}"
        pictures = {side: {"error": reason} for side in (*SIDES, "delta")}
        return {**self._record(row), "regions": [], "marks": [], "pictures": pictures}

    def _made(self, row: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, display.Loaded] = {}
        pictures: dict[str, dict[str, Any]] = {}
        for side in SIDES:
            try:
                found[side] = self._read(row, side)
            except display.Absent as absent:
                pictures[side] = {"error": str(absent)}
        as_compared = len(found) == 2 and not any(file.changed for file in found.values())
        equal = row.get("status") == "same" and as_compared
        if equal and not self._same:
            return {**self._record(row), "regions": [], "marks": [], "pictures": page.LEFT_OUT}
        drawn = self._drawn(row) if as_compared and not equal else None
        is_aligned = aligned.is_needed(row)
        decoded: list[Samples] = []
        for side in list(found):
            data, digest, changed = found.pop(side)
            try:
                with display.as_absent(side):
                    header = images.inspect(data, max_pixels=self._folders.max_pixels)
                    as_it_is = (equal or drawn is not None) and _is_plain(header)
                    needed = is_aligned or not (as_it_is and display.reencoded(header) is None)
                    samples = images.decode(data, header) if needed else None
            except display.Absent as absent:
                pictures[side] = {"error": str(absent)}
            else:
                pictures[side] = {**self._added(digest, data, header, samples), "changed": changed}
                if samples is not None and not equal and (drawn is None or is_aligned):
                    decoded.append(samples)
            data, samples = b"", None
        counts: Sequence[int | None] | None = delta.region_pixels(row)
        if equal:
            pictures["delta"] = {extent: pictures["first"].get(extent) for extent in ("width", "height")}
        elif drawn is not None or len(decoded) == 2:
            made = drawn or self._delta(row, *decoded)
            pictures["delta"], counts = made.record, made.region_pixels
        else:
            pictures["delta"] = {"error": "There is no delta, because one of the pictures cannot be shown."}
        boxes = row.get("regions") or ()
        if counts is None:
            counts = [None] * len(boxes)
        regions = [[*box, count] for box, count in zip(boxes, counts, strict=True)]
        known = self._changes.of({name: row.get(name) for name in marks.COLUMNS})
        marked = marks.of_regions(boxes, counts) if known is None else known
        record = {**self._record(row), "regions": regions, "marks": marked, "pictures": pictures}
        if is_aligned and len(decoded) == 2:
            first, second = (np.ascontiguousarray(images.to_rgba(decoded.pop(0))) for _ in SIDES)
            parts = aligned.page(first, second)
            record["layout"] = aligned.listed(parts)
            pictures["aligned"] = self._made_delta(aligned.delta_shades(first, second, parts))
        return record

    def _plain(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the record of a row with its two pictures only."""
        pictures: dict[str, dict[str, Any]] = {"delta": {}}
        for side in SIDES:
            try:
                data, digest, changed = self._read(row, side)
                with display.as_absent(side):
                    header = images.inspect(data, max_pixels=self._folders.max_pixels)
                    samples = images.decode(data, header) if display.reencoded(header) else None
                pictures[side] = {**self._added(digest, data, header, samples), "changed": changed}
            except display.Absent as absent:
                pictures[side] = {"error": str(absent)}
        return {**self._record(row), "regions": [], "marks": [], "pictures": pictures}

    def _record(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": row["image_filename"],
            **{name: row.get(name) for name in (*TEXTS, *FIGURES)},
            **own_figures(row),
            **{name: row.get(name) or "" for name in ("decision", "note")},
            **{name: row.get(name) or "" for name in ("first_digest", "second_digest")},
            **{side: [row.get(name) for name in names] for side, names in SIZES.items()},
            "signatures": row.get("signatures"),
        }

    def _weight(self, row: Mapping[str, Any]) -> int:
        """Estimate how many bytes the pictures of a row need at the same time, before they are read."""
        size = 0
        for side, (width, height) in SIZES.items():
            with suppress(Exception):  # reading the picture reports it
                path = self._folders.of_row(row, side)
                size += path.stat().st_size
                pixels = (row.get(width) or 0) * (row.get(height) or 0)
                size += int(pixels or self._folders.max_pixels) * _DECODING
        return size

    def _read(self, row: Mapping[str, Any], side: str) -> display.Loaded:
        try:
            path = self._folders.of_row(row, side)
            return display.read(path, side, row.get(f"{side}_digest"))
        except (OSError, ValueError) as error:  # no file can have this name here
            raise display.Absent(f"{side} cannot be read: {error}.") from error

    def _added(self, digest: str, data: bytes, header: Header, samples: Samples | None) -> dict[str, Any]:
        """Add a picture to the report, once for equal files, and return its record."""
        with self._lock:
            known = self._shown.get(digest)
            if known is None:
                mine = self._shown[digest] = Future()
        if known is not None:
            return known.result()
        try:
            record = self._written(digest, data, header, samples)
        except BaseException as error:
            with self._lock:
                del self._shown[digest]  # the next row with this picture tries again
            mine.set_exception(error)
            raise
        mine.set_result(record)
        return record

    def _written(self, digest: str, data: bytes, header: Header, samples: Samples | None) -> dict[str, Any]:
        why, ending = display.reencoded(header), _ENDINGS.get(header.format)
        file = f"{digest}.{ending}"
        if why and samples is not None:
            file = self._files.made_picture(_png_of(samples), "png")
        else:
            self._files.picture(file, data)
        size = {"width": header.width, "height": header.height}
        record: dict[str, Any] = {"file": file, **size, "encoded": why}
        as_it_is = _is_plain(header) or _is_drawn_exactly(header)
        if header.width * header.height <= self._read_pixels:
            if as_it_is:
                record["values"] = f"{digest}.{ending}"
                self._files.values(record["values"], data)
            elif why:
                record["values"] = file
                self._files.values(file)
            elif samples is not None:
                record["values"] = f"{digest}.values.png"
                self._files.made_values(record["values"], _png_of(samples))
        if _is_drawn_exactly(header) and samples is not None:
            record["sha256"] = _sha256(samples)
        return record

    def _delta(self, row: Mapping[str, Any], first: Samples, second: Samples) -> _Delta:
        shades = drawings.delta_shades(first, second)
        counts = delta.region_pixels(row)
        if counts is None:
            boxes = row.get("regions") or ()
            counts = [int(np.count_nonzero(shades[y : y + high, x : x + wide])) for x, y, wide, high in boxes]
        return _Delta(self._made_delta(shades), counts)

    def _made_delta(self, shades: NDArray[np.uint8]) -> dict[str, Any]:
        """Add a difference picture, and return its record."""
        height, width = shades.shape
        file = self._files.made_picture(drawings.delta_pieces(shades), "delta.png")
        return {"file": file, "width": width, "height": height}

    def _drawn(self, row: Mapping[str, Any]) -> _Delta | None:
        """Add the difference picture that the run has drawn; return None if it cannot be used."""
        found = delta.drawn(self._where, row)
        if found is None:
            return None
        file = self._files.made_picture([found.data], "delta.png")
        return _Delta({"file": file, "width": found.width, "height": found.height}, found.region_pixels)


def _rgba(samples: Samples) -> Iterator[images.Rgba]:
    """Yield the RGBA of samples, some rows at a time."""
    for top in range(0, len(samples), _ROWS_AT_ONCE):
        yield np.ascontiguousarray(images.to_rgba(samples[top : top + _ROWS_AT_ONCE]))


def _png_of(samples: Samples) -> Iterator[bytes]:
    """Yield the pixels as a PNG file of 8-bit RGBA, piece by piece."""
    height, width = samples.shape[:2]
    stored = (rows for part in _rgba(samples) for rows in png.unfiltered(part.reshape(len(part), -1)))
    return png.pieces(stored, (width, height), depth=8, colour_type=6)


def _sha256(samples: Samples) -> str:
    """Return the digest by which the page checks that a browser decodes a picture as the comparison did."""
    found = hashlib.sha256()
    for part in _rgba(samples):
        found.update(part.data)
    return found.hexdigest()


def _is_plain(header: Header) -> bool:
    """Return whether the page decodes the file itself."""
    return (
        isinstance(header, PngHeader)
        and header.depth == 8
        and not header.interlaced
        and not header.warnings
        and (header.colour_type == 3 or not header.transparency)
    )


def _is_drawn_exactly(header: Header) -> bool:
    """Return whether a browser can hand out the exact pixels; the page checks them by a digest."""
    opaque = header.format == "JPEG" or (isinstance(header, WebpHeader) and not header.alpha)
    return opaque and dict(header.metadata).get("orientation", "1") == "1"
