"""What other programs show of a file, as 8-bit RGBA: Pillow, OpenCV, imagecodecs and tifffile.

An oracle returns an array (height, width, 4), uint8, not premultiplied, as stored (orientation not applied),
with the high byte of 16 bits. It raises `Refused` if its program shows nothing, and `Unfit` if the program is
known to be wrong, or to show something else on purpose, so that its answer proves nothing.

These faults were found on intact files whose pixels are known:

- PNG. Pillow compares a tRNS colour with 8-bit samples, so it is wrong for gray below 8 bits and for 16 bits.
  OpenCV ignores tRNS of gray. Neither Pillow nor OpenCV checks the Adler-32 of pixel data.
- BMP. Pillow mistakes 4-bit and 8-bit pictures with a black and white palette for 1-bit ones, refuses unusual
  fields of bits, ignores the alpha of 16 bits, and pads run lengths by their place in the file. OpenCV turns
  white of 16 bits into 248, takes alpha from 32 bits without a mask, and misreads the rows after an OS/2
  header. imagecodecs supports neither run lengths nor fields of bits.
- TIFF. Pillow turns the picture, which is undone here, misreads some planes (16 bits, gray + alpha), and does
  not invert 16 bits. OpenCV turns only some pictures, multiplies by alpha, and misreads planes. How libtiff
  (through imagecodecs) decodes JPEG depends on the orientation, and its PackBits below 8 bits is wrong.
  tifffile leaves strips of length 0 black.
- JPEG, WebP. All programs share libjpeg-turbo and libwebp.
"""

import contextlib
import io
import struct
import warnings
from collections.abc import Callable

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image

Rgba = np.ndarray
Oracle = Callable[[bytes], Rgba]

LARGEST = 1 << 24
"""Pixels; no oracle is asked about larger pictures."""

Image.MAX_IMAGE_PIXELS = None


class Refused(Exception):
    """The program shows nothing."""


class Unfit(Exception):
    """The program's answer proves nothing for this file."""


def of(kind: str) -> dict[str, Oracle]:
    """Return the oracles of a format by name."""
    return {
        "PNG": {"Pillow": _pillow_png, "OpenCV": _opencv_png, "imagecodecs": _by(imagecodecs.png_decode)},
        "JPEG": {"Pillow": _pillow, "OpenCV": _opencv, "imagecodecs": _by(imagecodecs.jpeg8_decode)},
        "WebP": {"Pillow": _pillow, "OpenCV": _opencv, "imagecodecs": _by(imagecodecs.webp_decode)},
        "BMP": {"Pillow": _pillow_bmp, "OpenCV": _opencv_bmp, "imagecodecs": _imagecodecs_bmp},
        "TIFF": {
            "Pillow": _pillow_tiff,
            "OpenCV": _opencv_tiff,
            "tifffile": _tifffile,
            "imagecodecs": _imagecodecs_tiff,
        },
    }[kind]


def ask(oracle: Oracle, data: bytes) -> Rgba | str:
    """Return the oracle's picture, or ``refused`` or ``unfit``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return oracle(data)
    except Unfit:
        return "unfit"
    except MemoryError:
        return "unfit"
    except Exception:  # any error of another program on a broken file means that it shows nothing
        return "refused"


def rgba_of(samples: np.ndarray) -> Rgba:
    """Convert samples (height, width) or (height, width, 1 to 4) of 1, 8 or 16 bits to 8-bit RGBA."""
    if samples.dtype == bool:
        samples = samples.astype(np.uint8) * np.uint8(255)
    elif samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    if samples.dtype != np.uint8:
        raise Unfit(str(samples.dtype))
    samples = samples[..., None] if samples.ndim == 2 else samples
    channels = samples.shape[2]
    if samples.ndim != 3 or channels > 4:
        raise Unfit(str(samples.shape))
    rgba = np.full((*samples.shape[:2], 4), 255, np.uint8)
    rgba[..., :3] = samples[..., :1] if channels < 3 else samples[..., :3]
    if channels in (2, 4):
        rgba[..., 3] = samples[..., -1]
    return rgba


# Programs


def _by(decode: Callable[[bytes], np.ndarray]) -> Oracle:
    return lambda data: rgba_of(np.asarray(decode(data)))


def _pillow(data: bytes) -> Rgba:
    with Image.open(io.BytesIO(data)) as picture:
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        if picture.width * picture.height > LARGEST or frames > 1:
            raise Unfit("too large, or several frames")
        picture.load()
        if picture.mode.startswith("I;16"):
            return rgba_of(np.asarray(picture).astype(np.uint16))
        if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "La", "RGBa"):
            raise Unfit(picture.mode)
        return np.asarray(picture.convert("RGBA"))


def _opencv(data: bytes) -> Rgba:
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as picture:
        if picture.width * picture.height > LARGEST:
            raise Unfit("too large")
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise Refused
    if decoded.ndim == 3:
        decoded = decoded[:, :, [2, 1, 0, 3][: decoded.shape[2]]]
    return rgba_of(decoded)


# PNG


def _png_kind(data: bytes) -> tuple[int, int, bool]:
    """Return depth, colour type, and whether there is a tRNS chunk."""
    depth, colour_type = data[24], data[25]
    return depth, colour_type, b"tRNS" in data


def _pillow_png(data: bytes) -> Rgba:
    depth, colour_type, transparent = _png_kind(data)
    if transparent and (depth == 16 or (colour_type == 0 and depth < 8)):
        raise Unfit("tRNS")
    return _pillow(data)


def _opencv_png(data: bytes) -> Rgba:
    _, colour_type, transparent = _png_kind(data)
    if transparent and colour_type == 0:
        raise Unfit("tRNS of gray")
    return _opencv(data)


# BMP


def _bmp_kind(data: bytes) -> tuple[int, int, int]:
    """Return header size, bits and compression."""
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        return size, struct.unpack_from("<H", data, 24)[0], 0
    bits, compression = struct.unpack_from("<HI", data, 28)
    return size, bits, compression


def _pillow_bmp(data: bytes) -> Rgba:
    size, bits, compression = _bmp_kind(data)
    if compression in (1, 2) and data[10] & 1:
        raise Unfit("run lengths at an odd place")
    if bits == 16 and size >= 56 and any(data[66:70]):
        raise Unfit("a mask of alpha at 16 bits")
    with Image.open(io.BytesIO(data)) as picture:
        if bits in (4, 8) and picture.mode in ("1", "L"):
            raise Unfit("palette of grays")
    return _pillow(data)


def _opencv_bmp(data: bytes) -> Rgba:
    size, bits, _ = _bmp_kind(data)
    if bits in (16, 32) or size == 12:
        raise Unfit("fields of bits, or an OS/2 header")
    return _opencv(data)


def _imagecodecs_bmp(data: bytes) -> Rgba:
    _, bits, compression = _bmp_kind(data)
    if compression or bits in (16, 32):
        raise Unfit("fields of bits, run lengths")
    return rgba_of(np.asarray(imagecodecs.bmp_decode(data, asrgb=True)))


# TIFF

_TURNED_BACK: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def _pillow_tiff(data: bytes) -> Rgba:
    with Image.open(io.BytesIO(data)) as picture:
        turned = picture.tag_v2.get(274, 1)
        depth = picture.tag_v2.get(258, (1,))[0]
        planar = picture.tag_v2.get(284, 1) == 2
        channels = picture.tag_v2.get(277, 1)
        inverted = picture.tag_v2.get(262, 1) == 0
    if depth not in (1, 2, 4, 8, 16) or (planar and (depth == 16 or channels == 2)):
        raise Unfit("depth, or planes")
    if depth == 16 and inverted:
        raise Unfit("16 bits, white is zero")
    rgba = _pillow(data)
    return np.ascontiguousarray(_TURNED_BACK.get(turned, lambda a: a)(rgba))


def _opencv_tiff(data: bytes) -> Rgba:
    page = _first_page(data)
    if page.tags.valueof(274, 1) != 1 or page.photometric not in (1, 2, 6):
        raise Unfit("turned, inverted or a palette")
    if page.bitspersample not in (8, 16) or page.extrasamples or page.planarconfig == 2:
        raise Unfit("depth, transparency or planes")
    return _opencv(data)


def _imagecodecs_tiff(data: bytes) -> Rgba:
    page = _first_page(data)
    if page.compression in (6, 7) or (page.compression == 32773 and page.bitspersample < 8):
        raise Unfit("JPEG, or PackBits below 8 bits")
    return _of_page(page, np.asarray(imagecodecs.tiff_decode(data, index=0)))


def _tifffile(data: bytes) -> Rgba:
    page = _first_page(data)
    if len(page.databytecounts) != len(page.dataoffsets) or not all(page.databytecounts):
        raise Unfit("a strip without a length is left black")
    return _of_page(page, page.asarray())


def _first_page(data: bytes) -> tifffile.TiffPage:
    file = tifffile.TiffFile(io.BytesIO(data))
    page = file.pages.first
    if page.imagewidth * page.imagelength > LARGEST or page.imagedepth > 1 or len(file.pages) > 1:
        raise Unfit("too large, or several pages")
    return page


def _of_page(page: tifffile.TiffPage, stored: np.ndarray) -> Rgba:
    """Interpret the samples of a page as they are stored."""
    photometric, bits = int(page.photometric), page.bitspersample
    if page.planarconfig == 2 and stored.ndim == 3:
        stored = np.moveaxis(stored, 0, 2)
    if photometric == 3:
        table = np.asarray(page.colormap)
        table = table if table.max() < 256 else table >> 8
        return rgba_of(table.astype(np.uint8).T[stored.astype(np.uint8)])
    if stored.dtype == np.uint8 and bits in (2, 4):
        stored = stored * np.uint8(255 // ((1 << bits) - 1))
    if stored.ndim == 3 and stored.shape[2] in (2, 4) and page.extrasamples[:1] not in ((1,), (2,)):
        raise Unfit("a sample that is not called alpha")
    rgba = rgba_of(stored)
    if photometric == 0:
        rgba[..., :3] = ~rgba[..., :3]
    elif photometric not in (1, 2, 6) or (page.extrasamples[:1] == (1,) and rgba[..., 3].min() < 255):
        raise Unfit("premultiplied, or another kind")
    return rgba
