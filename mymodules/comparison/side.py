"""One file of a pair: read, checked, and made ready to compare."""

import functools
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from mymodules import faults
from mymodules.comparison import drawings
from mymodules.comparison.job import Job, Opened
from mymodules.comparison.pieces import Picture
from mymodules.errors import ImageError
from mymodules.formats import Header, Remark, png
from mymodules.formats.png import PngHeader, Samples
from mymodules.images import bands, digests, pixels
from mymodules.images.bands import Band, Inflated, Scanlines
from mymodules.images.memory import Memory

T = TypeVar("T")

# Not blocking: what has become a pipe meanwhile would wait for its other end.
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass
class Side:
    """One file of a pair, as far as it could be read.

    Attributes
    ----------
    role : str
        ``first`` or ``second``.
    path : str
    data : bytes
        The whole file; empty once it is decoded.
    digest : str or None
        Of the file's bytes.
    header : Header or None
        None if the container is damaged or no picture.
    error : ImageError or None
        Why the file cannot be compared.
    remarks : list of str
        Oddities that decoding found in a picture that is complete.
    opened : Opened or None
        Of the file, if it was read.
    scanlines, samples
        What the file was decoded to: at most one of the two.
    opaque : bool
        Whether `samples` are RGBA by `in_memory` only: the file has RGB.
    """

    role: str
    path: str
    data: bytes = b""
    digest: str | None = None
    header: Header | None = None
    error: ImageError | None = None
    remarks: list[str] = field(default_factory=list)
    opened: Opened | None = None
    scanlines: Scanlines | None = None
    samples: Samples | None = None
    opaque: bool = False

    @property
    def whole(self) -> Header:
        """Header of a side without an error."""
        assert self.header is not None
        return self.header

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a side without an error."""
        return self.whole.height, self.whole.width

    @property
    def known_size(self) -> tuple[int, int] | tuple[None, None]:
        """Width and height; None if the header could not be read."""
        if self.header is not None:
            return self.header.width, self.header.height
        return (self.error and self.error.size) or (None, None)


def inspected(
    role: str, path: str | None, max_pixels: int, other: Side | None = None, *, data: bytes | None = None
) -> Side | None:
    """Read a file, unless `data` holds it, and its header into a side; None if there is no file.

    If the bytes equal those of the other side, its digest and header are reused. An error is noted in the
    side.
    """
    if path is None:
        return None
    side = Side(role, path)
    try:
        if data is None:
            side.data, side.opened = _read(path)
        else:
            side.data = data
        if other is not None and other.digest is not None and other.data == side.data:
            side.digest, side.header, side.error = other.digest, other.header, other.error
        else:
            side.digest = digests.digest(side.data)
            side.header = pixels.inspect(side.data, max_pixels=max_pixels)
    except Exception as error:
        side.error = _error(error)
    return side


def _error(error: Exception) -> ImageError:
    """Return what to note in a side whose reading or decoding raised this."""
    if isinstance(error, ImageError):
        return error
    if isinstance(error, MemoryError):
        return ImageError.no_memory()
    return ImageError("internal", faults.described(error))


def _read(path: str) -> tuple[bytes, Opened]:
    """Read a regular file, and make sure that nothing wrote to it meanwhile."""
    moment = time.time_ns()
    try:
        before = os.stat(path)  # noqa: PTH116 - making a Path takes longer than the call
        if not stat.S_ISREG(before.st_mode):
            raise ImageError("not_a_file", "it is not a file")
        number = os.open(path, _READING)
        try:
            data = _bytes(number, before.st_size)
        finally:
            os.close(number)
        after = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("vanished", "the file is gone, or it is a link to nothing") from None
    except OSError as error:
        raise ImageError("permission", f"it cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise ImageError.no_memory("its bytes") from None
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not unchanged or len(data) != after.st_size:
        raise ImageError("changed_during_run", "it was written to while it was read")
    return data, (before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino, moment)


def _bytes(number: int, size: int) -> bytes:
    """Return the bytes of an open file that has this size, and those beyond it if there are any."""
    data = os.read(number, size + 1)
    if len(data) == size:
        return data
    parts = [data]  # a read ends early at 2 GB, or at an interrupt
    while part := os.read(number, size + 1):
        parts.append(part)
    return b"".join(parts)


def load(first: Side, second: Side, memory: tuple[Memory, Memory], job: Job) -> bool:
    """Decode two sides for `bands_of`, and return whether their bytes differ.

    Damage that only decoding shows is noted in the sides. Equal bytes are not decoded, as their container was
    checked, unless `Job.check_pixels` asks for it. Otherwise the bytes of the file are dropped once they are
    decoded. Scan lines are kept in ``memory``. With `Job.at_once` the second side is decoded in a thread of
    its own, else two PNG files of one kind are inflated together.
    """
    if first.data == second.data:
        if job.check_pixels:
            check(first)
            second.error, second.remarks = first.error, first.remarks
        return False
    alike = bands.alike(first.whole, second.whole)
    if job.at_once:
        from concurrent.futures import ThreadPoolExecutor  # a worker does without it else

        with ThreadPoolExecutor(1) as other:
            decoded = other.submit(_decode, second, alike, memory[1])
            _decode(first, alike, memory[0])
            decoded.result()
    else:
        inflated = _inflated(first, second, memory) if alike else (None, None)
        _decode(first, alike, memory[0], inflated[0])
        _decode(second, alike, memory[1], inflated[1])
    return True


def _inflated(
    first: Side, second: Side, memory: tuple[Memory, Memory]
) -> tuple[Inflated | None, Inflated | None]:
    """Inflate two sides that are `bands.alike` together, if they are sound."""
    one, other = first.whole, second.whole
    assert isinstance(one, PngHeader)
    assert isinstance(other, PngHeader)
    return bands.inflate_both((first.data, one), (second.data, other), memory)


def _decode(side: Side, alike: bool, memory: Memory, inflated: Inflated | None = None) -> None:
    """Decode a side, to scan lines if the two are `bands.alike`; damage is noted in it."""
    if alike:
        decode = functools.partial(bands.scanlines, memory=memory, inflated=inflated)
        side.scanlines = _attempt(side, decode)
    else:
        side.samples = _attempt(side, pixels.decode)
    if side.error is None:
        side.data = b""


def bands_of(first: Side, second: Side, *, keep: bool) -> Iterator[Band]:
    """Return the bands in which two loaded sides may differ; `keep` as in `bands.of_scanlines`."""
    if first.scanlines is not None and second.scanlines is not None:
        return bands.of_scanlines(first.scanlines, second.scanlines, keep=keep)
    assert first.samples is not None
    assert second.samples is not None
    return bands.of_samples(first.samples, second.samples)


def check(side: Side) -> None:
    """Note an error in a file that will not be compared; the pixels of a PNG are not decoded for that."""
    if side.scanlines is None and side.samples is None:
        _attempt(side, png.check if isinstance(side.header, PngHeader) else pixels.decode)


def rgba(side: Side) -> pixels.Rgba:
    """Return the whole picture of a loaded side, read-only, before it is measured or drawn on."""
    if side.scanlines is not None:
        found = np.concatenate([pixels.to_rgba(part) for part in bands.samples(side.scanlines)])
    else:
        decoded = pixels.decode(side.data, side.whole) if side.samples is None else side.samples
        found = pixels.to_rgba(decoded).view()
    found.flags.writeable = False
    return found


def decoded(side: Side) -> Samples:
    """Turn scan lines of a loaded side into samples, and return these."""
    if side.scanlines is not None:
        side.samples, side.scanlines = np.concatenate([*bands.samples(side.scanlines)]), None
    assert side.samples is not None
    return side.samples


def in_memory(side: Side) -> pixels.Rgba:
    """Turn a loaded side into RGBA and return that, so that a picture is in memory only once."""
    if side.scanlines is not None:
        side.opaque = bands.hold_pixels(side.whole) and side.scanlines.header.pixel_size == 3
        rows, side.scanlines = side.scanlines, None  # first: if memory runs out, nothing is drawn of a half
        side.samples = bands.rgba_in_place(rows)
    else:
        assert side.samples is not None
        side.opaque = side.samples.dtype == np.uint8 and side.samples.shape[2] == 3
        side.samples = pixels.to_rgba(side.samples)
    return side.samples


def on_demand(side: Side) -> Picture:
    """Return the picture of a loaded side, of which only rows that are read are made, and take memory."""
    height, width = side.size
    made = np.empty((height, width, 4), np.uint8)
    ready = np.zeros(height, np.bool_)

    def fill(top: int, bottom: int) -> None:
        wanted = np.zeros(height, np.bool_)
        wanted[top:bottom] = ~ready[top:bottom]
        if not wanted.any():
            return
        if side.scanlines is not None:
            bands.unfilter_in_place(side.scanlines, wanted)
        for start, stop in png.stretches(wanted):
            if side.scanlines is not None:
                made[start:stop] = bands.rgba(side.scanlines, start, stop)
            else:
                assert side.samples is not None
                made[start:stop] = pixels.to_rgba(side.samples[start:stop])
        ready[top:bottom] = True

    return Picture(made, fill)


def canvas(side: Side) -> drawings.Canvas:
    """Take the picture out of a side, to draw on it."""
    loaded = side.samples if side.scanlines is None else side.scanlines
    if side.opaque and side.samples is not None:
        loaded = side.samples[:, :, :3]
    side.scanlines = side.samples = None
    return drawings.canvas(pixels.decode(side.data, side.whole) if loaded is None else loaded)


def _attempt(side: Side, decode: Callable[[bytes, Any, Remark], T]) -> T | None:
    """Decode a side; if that fails, note the error in it and return None."""
    if side.error is None:
        try:
            return decode(side.data, side.whole, side.remarks.append)
        except Exception as error:
            side.error = _error(error)
    return None
