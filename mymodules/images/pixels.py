"""Bytes to pixels: what kind of picture a file is, and its 8-bit RGBA.

Every format goes through the same three steps, `inspect`, `decode` and `to_rgba`; `read_rgba` takes all
three. The format of a file follows from its first bytes, never from its name. Orientation and colour profiles
are not applied, because the stored values are compared. 16-bit values become 8 bits by their high byte;
`read_gold_rgba` reads them as Skia Gold does, which differs for transparent pixels.

Nothing here prints, keeps state, or knows a folder.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules import opencv as cv2
from mymodules.errors import ImageError
from mymodules.formats import Header, Remark, foreign, ignore, png
from mymodules.formats.png import Samples
from mymodules.images.digests import Source, regular_file
from mymodules.settings import MAX_PIXELS

Rgba = NDArray[np.uint8]
T = TypeVar("T", bound=np.unsignedinteger[Any])

_FORMATS = {"PNG": "png", "JPEG": "jpeg", "WebP": "webp", "BMP": "bmp", "TIFF": "tiff"}
_REMARKING = ("BMP", "JPEG", "PNG")  # their decoders take ``remark``


def inspect(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Walk the container once, without decoding a pixel.

    Parameters
    ----------
    data : bytes
        A whole file.
    max_pixels : int
        Largest width x height that is accepted.

    Raises
    ------
    ImageError
        With the code of the row: ``empty``, ``not_an_image``, ``truncated``, ``corrupt``, ``animated``,
        ``unsupported`` or ``too_many_pixels``.
    """
    header: Header = _module(format_of(data)).inspect(data, max_pixels)
    return header


def decode(data: bytes, header: Header, remark: Remark = ignore) -> Samples:
    """Decode a file to samples as stored: (height, width, channels), uint8, or uint16 for 16 bits.

    Channels: 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA; not premultiplied. ``header`` is what `inspect`
    returned for the same bytes. Raises `ImageError` for damage that only decoding shows, and calls
    ``remark`` with every oddity that decoding finds in a picture that is complete.
    """
    arguments = (data, header, remark) if header.format in _REMARKING else (data, header)
    try:
        samples: Samples = _module(header.format).decode(*arguments)
    except MemoryError:
        raise ImageError.no_memory(f"{header.width} x {header.height} px") from None
    return samples


def to_rgba(samples: Samples) -> Rgba:
    """Return samples of any kind as 8-bit RGBA (height, width, 4), not premultiplied.

    16 bits keep their high byte, with and without transparency.
    """
    kinds.check("samples", samples, kinds.SAMPLES)
    if samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    return _spread(samples.astype(np.uint8, copy=False))


def to_gold_rgba(samples: Samples) -> Rgba:
    """Return samples of a PNG as 8-bit RGBA (height, width, 4) the way Skia Gold does.

    It differs from `to_rgba` for 16-bit pictures with transparency: their colours are premultiplied and then
    divided by alpha again, rounding down each time, so that a colour under alpha 0 vanishes.
    Source: the Skia buildbot repository, golden/go/diff, which decodes by Go's image/png.
    """
    kinds.check("samples", samples, kinds.SAMPLES)
    if samples.dtype != np.uint16:
        return to_rgba(samples)
    rgba = to_rgba16(samples)
    alpha = rgba[:, :, 3:].astype(np.uint32)
    if alpha.min(initial=65535) == 65535:
        return to_rgba(rgba)
    premultiplied = rgba[:, :, :3] * alpha // 65535
    narrow = np.empty(rgba.shape, np.uint8)
    narrow[:, :, :3] = premultiplied * 65535 // np.maximum(alpha, 1) >> 8
    narrow[:, :, 3:] = alpha >> 8
    return narrow


def has_low_bits(samples: Samples) -> bool:
    """Return whether 8 bits cannot hold these 16-bit samples: a value is not 257 times its high byte."""
    kinds.check("samples", samples, kinds.SAMPLES)
    return samples.dtype == np.uint16 and bool(np.any(samples != (samples >> 8) * np.uint16(257)))


def to_rgba16(samples: Samples) -> NDArray[np.uint16]:
    """Return 16-bit samples of any kind as 16-bit RGBA (height, width, 4), not premultiplied."""
    kinds.check("samples", samples, kinds.SAMPLES)
    return _spread(samples.astype(np.uint16, copy=False))


def read_rgba(source: Source, *, max_pixels: int = MAX_PIXELS) -> Rgba:
    """Read a picture as RGBA, uint8 (height, width, 4), not premultiplied.

    Parameters
    ----------
    source : path or bytes
    max_pixels : int
        Largest width x height that is accepted.

    Raises
    ------
    ImageError
        If the file cannot be compared (see `inspect`), or there is not enough memory for its pixels
        (``too_many_pixels``).
    OSError
        If the path cannot be read.
    """
    return _read_as(to_rgba, source, max_pixels)


def read_gold_rgba(source: Source, *, max_pixels: int = MAX_PIXELS) -> Rgba:
    """Read a picture as `read_rgba` does, but a PNG the way of Skia Gold (see `to_gold_rgba`)."""
    return _read_as(to_gold_rgba, source, max_pixels)


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Turn OpenCV's own out-of-memory error into a MemoryError."""
    try:
        yield
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
        raise MemoryError from error


def _read_as(convert: Callable[[Samples], Rgba], source: Source, max_pixels: int) -> Rgba:
    try:
        data = _read(source)
        header = inspect(data, max_pixels=max_pixels)
        if header.format != "PNG":
            convert = to_rgba
        with memory_errors():
            return convert(decode(data, header))
    except MemoryError:
        raise ImageError.no_memory() from None


def _read(source: Source) -> bytes:
    return source if isinstance(source, bytes) else regular_file(source).read_bytes()


@functools.cache
def _module(name: str) -> ModuleType:
    """Return the module of a format. It is imported when it is first needed, because some take long."""
    return import_module(f"mymodules.formats.{_FORMATS[name]}")


def format_of(data: bytes) -> str:
    """Return the format of a file by its first bytes; raise `ImageError` if it is not supported."""
    start = data[:16]
    if not data:
        raise ImageError("empty", "it holds 0 bytes")
    if start.startswith(png.SIGNATURE):
        return "PNG"
    if start.startswith(b"\xff\xd8"):
        return "JPEG"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if start.startswith(b"BM") and len(data) >= 6:
        return "BMP"
    if png.SIGNATURE.startswith(start) or (start[:4] == b"RIFF" and len(start) < 12):
        raise ImageError("truncated", f"it ends after {len(data)} bytes, inside its signature")
    raise foreign.error(data)


def _spread(samples: NDArray[T]) -> NDArray[T]:
    """Return samples of 1 to 4 channels as RGBA, opaque where there is no alpha."""
    height, width, channels = samples.shape
    if channels == 4:
        return samples
    rgba = np.empty((height, width, 4), samples.dtype)
    if channels == 3:
        cv2.cvtColor(samples, cv2.COLOR_RGB2RGBA, dst=rgba)
        return rgba
    cv2.cvtColor(np.ascontiguousarray(samples[:, :, 0]), cv2.COLOR_GRAY2RGBA, dst=rgba)
    if channels == 2:
        rgba[:, :, 3] = samples[:, :, 1]
    return rgba
