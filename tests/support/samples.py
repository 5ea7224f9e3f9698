"""Small pictures of every kind, whole and damaged, of which pairs are made."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from support import containers, pngs

rng = np.random.default_rng(20240301)
RGB = rng.integers(0, 256, (12, 17, 3))
RGBA = rng.integers(1, 255, (12, 17, 4))
RGB16 = rng.integers(0, 65536, (12, 17, 3))
RGBA16 = np.dstack([RGB16, rng.integers(256, 65535, (12, 17))])
RGBA8 = np.dstack([RGB, rng.integers(0, 256, (12, 17))])
ALPHA_0 = np.zeros((12, 17), int)
GRAY = rng.integers(0, 256, (12, 17, 1))
PALETTE = rng.integers(0, 256, (5, 3))
INDEX = rng.integers(0, 5, (12, 17))
PLAIN = pngs.write(RGB, 2, 8)


def changed(samples: np.ndarray, channel: int, *, by: int = 1, flip: int = 0) -> np.ndarray:
    """The samples with one value at row 5, column 9 moved by so much, or with some of its bits flipped."""
    other = samples.copy()
    if flip:
        other[5, 9, channel] ^= flip
    else:
        other[5, 9, channel] += by if other[5, 9, channel] < 128 else -by
    return other


def with_alpha_zero(red: int) -> np.ndarray:
    other = RGBA.copy()
    other[3, 4] = (red, 20, 30, 0)
    return other


def broken_crc(png: bytes, number: int) -> bytes:
    """The file with the CRC of its chunk of this number changed."""
    parts = [pngs.chunk(kind, data) for kind, data in pngs.chunks_of(png)]
    parts[number] = parts[number][:-1] + bytes([parts[number][-1] ^ 1])
    return pngs.SIGNATURE + b"".join(parts)


def with_pixel_data(png: bytes, data: bytes) -> bytes:
    """The file with other compressed data, its container whole."""
    kept = [(kind, data if kind == b"IDAT" else body) for kind, body in pngs.chunks_of(png)]
    return pngs.assemble(kept)


def with_rows(png: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The file with its inflated data changed."""
    return with_pixel_data(png, zlib.compress(change(zlib.decompress(dict(pngs.chunks_of(png))[b"IDAT"]))))


SHORT = with_rows(PLAIN, lambda rows: rows[:-1])
LONG = with_rows(PLAIN, lambda rows: rows + b"\0")
NOISE = with_pixel_data(PLAIN, b"noise")
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
JPEG = containers.pillow(RGB.astype(np.uint8), "JPEG", quality=90)


def cmyk_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("CMYK", (17, 12), (10, 20, 30, 40)).save(file, "JPEG")
    return file.getvalue()


def several(kind: str) -> bytes:
    """Two different pictures in one file."""
    file = io.BytesIO()
    one, other = (Image.fromarray(samples.astype(np.uint8)) for samples in (RGB, 255 - RGB))
    options = {"lossless": True} if kind == "WEBP" else {}
    one.save(file, kind, save_all=True, append_images=[other], **options)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    header = pngs.ihdr(width, height, 2, 8)
    return pngs.assemble([header, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")])


def bmp_of_size(width: int, height: int) -> bytes:
    return containers.bmp_file(b"\0" * 100, 24, size=(width, height))


def jpeg_of_size(width: int, height: int) -> bytes:
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


ENORMOUS = {
    "png": png_of_size(60_000, 60_000),
    "bmp": bmp_of_size(60_000, 60_000),
    "jpeg": jpeg_of_size(60_000, 60_000),
}


def rgb(**how: Any) -> bytes:
    return pngs.write(RGB, 2, 8, **how)


def before(*chunks: pngs.Chunk) -> bytes:
    return rgb(chunks_before=chunks)
