"""Pictures of every format but PNG, written in the simplest way, so that a test can set every field.

Nothing here uses the package. What libraries write, Pillow, OpenCV and tifffile write; BMP, TIFF and the
parts of JPEG and WebP that no library writes on request are put together with struct and numpy.
"""

import io
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import cv2
import numpy as np
import simplejpeg
import tifffile
from PIL import Image

random = np.random.default_rng(20240229)
RGBA = random.integers(0, 256, (11, 13, 4), dtype=np.uint8)
RGB = np.ascontiguousarray(RGBA[:, :, :3])
GRAY = np.ascontiguousarray(RGBA[:, :, :1])
GRAY_ALPHA = np.ascontiguousarray(RGBA[:, :, :2])
RGBA16 = random.integers(0, 65536, (11, 13, 4), dtype=np.uint16)
RGB16 = np.ascontiguousarray(RGBA16[:, :, :3])
GRAY16 = np.ascontiguousarray(RGBA16[:, :, :1])
BITS = {bits: random.integers(0, 1 << bits, (11, 13), dtype=np.uint8) for bits in (1, 2, 4, 8)}
# Large plain areas, so that a run-length coder finds runs.
FLAT = np.kron(random.integers(0, 16, (4, 5), dtype=np.uint8), np.ones((3, 5), np.uint8))
PROFILE = bytes(range(200))


# Makers


def pillow(samples: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """A file as Pillow writes it."""
    file = io.BytesIO()
    squeezed = samples[:, :, 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples
    Image.fromarray(squeezed).save(file, kind, **options)
    return file.getvalue()


def deep(samples: np.ndarray) -> bytes:
    """A 16-bit PNG as OpenCV writes it."""
    return bytes(cv2.imencode(".png", samples[..., [2, 1, 0, 3][: samples.shape[2]]])[1])


def as_pillow_reads(data: bytes, mode: str = "RGB") -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert(mode))


def tifffile_writes(samples: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    squeezed = samples[:, :, 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples
    options.setdefault("photometric", "rgb" if squeezed.ndim == 3 else "minisblack")
    tifffile.imwrite(file, squeezed, **options)
    return file.getvalue()


def exif_block(value: int, order: str = "<", *, kind: int = 3) -> bytes:
    """A TIFF structure with nothing but an orientation."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1)
    field = struct.pack(order + ("H2x" if kind == 3 else "I"), value)
    return start + struct.pack(order + "HHI", 0x0112, kind, 1) + field + bytes(4)


def segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def jpeg_with(*segments: bytes, start: bytes | None = None) -> bytes:
    """A JPEG without JFIF header, and these segments after its first marker."""
    plain = start or simplejpeg.encode_jpeg(RGB, 90)
    assert plain[2:4] == b"\xff\xe0"
    return plain[:2] + b"".join(segments) + plain[4 + int.from_bytes(plain[4:6], "big") :]


def jfif(unit: int, x: int, y: int) -> bytes:
    return segment(0xE0, b"JFIF\0\x01\x02" + struct.pack(">BHHBB", unit, x, y, 0, 0))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + (length & 1)
    return found


def vp8x(flags: int, width: int = 13, height: int = 11) -> tuple[bytes, bytes]:
    return b"VP8X", struct.pack("<I", flags) + struct.pack("<I", width - 1)[:3] + struct.pack(
        "<I", height - 1
    )[:3]


def pack_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Rows of numbers of so many bits, the first in the highest bits, padded to whole bytes."""
    spread = (values[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(len(values), -1).astype(np.uint8), axis=1)


def bmp_file(
    rows: np.ndarray | bytes,
    bits: int,
    *,
    size: tuple[int, int] = (13, 11),
    header: int = 40,
    compression: int = 0,
    palette: bytes = b"",
    colours: int = 0,
    masks: Iterable[int] = (),
    density: tuple[int, int] = (0, 0),
    rest: bytes = b"",
) -> bytes:
    """A BMP: ``rows`` are bytes as stored, or an array of them from the top row down."""
    if isinstance(rows, np.ndarray):
        padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
        rows = (padded[::-1] if size[1] > 0 else padded).tobytes()
    stated = len(rows) if compression in (1, 2) else 0
    if header == 12:
        info = struct.pack("<IHHHH", 12, *size, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, stated, *density, colours, 0)
        info += struct.pack(f"<{len(tuple(masks))}I", *masks)
        info = (info + rest).ljust(header, b"\0")
    info += palette
    offset = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + rows


def bmp_palette(count: int, step: int = 4) -> tuple[bytes, np.ndarray]:
    colours = random.integers(0, 256, (count, 3), dtype=np.uint8)
    return b"".join(bytes(c[::-1]) + bytes(step - 3) for c in colours), colours


Tags = Mapping[int, tuple[int, list[int]]]


def tiff_file(tags: Tags, pixels: bytes, order: str = "<", **more: Any) -> bytes:
    """A TIFF of one strip: header, pixels, directory, values. ``tags``: type (1, 3, 4 or 5), values."""
    pixels += bytes(len(pixels) & 1)
    entries = {273: (4, [8]), 279: (4, [len(pixels)]), **tags}
    at = 8 + len(pixels)
    values_at = at + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(order + "H", len(entries)), b""
    for tag, (kind, numbers) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(numbers)}{ {1: 'B', 3: 'H', 4: 'I', 5: 'I'}[kind] }", *numbers)
        directory += struct.pack(order + "HHI", tag, kind, len(numbers) // (2 if kind == 5 else 1))
        if len(packed) <= 4:
            directory += packed.ljust(4, b"\0")
        else:
            directory += struct.pack(order + "I", values_at + len(values))
            values += packed + bytes(len(packed) & 1)
    directory += struct.pack(order + "I", more.get("following", 0))
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "I", at) + pixels + directory + values


def tiff_tags(
    bits: int, channels: int = 1, photometric: int = 1, **more: tuple[int, list[int]]
) -> dict[int, Any]:
    """The tags of a picture of 13 x 11 px; ``more`` as t338=(type, values)."""
    tags = {
        256: (3, [13]),
        257: (3, [11]),
        258: (3, [bits] * channels),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [channels]),
        278: (3, [11]),
    }
    return tags | {int(name[1:]): value for name, value in more.items()}


def run_lengths(values: np.ndarray, bits: int, *, literal: bool) -> bytes:
    """RLE8 or RLE4 from the bottom row: runs of one colour, or literals of three and more."""
    coded = b""
    for row in values[::-1].tolist():
        if literal:
            body = bytes(row) if bits == 8 else pack_bits(np.array([row], np.uint8), 4).tobytes()
            coded += bytes((0, len(row))) + body + bytes(len(body) & 1)
        else:
            starts = [x for x in range(len(row)) if x == 0 or row[x] != row[x - 1]]
            for start, stop in zip(starts, [*starts[1:], len(row)], strict=True):
                coded += bytes((stop - start, row[start] if bits == 8 else row[start] * 17))
        coded += b"\0\0"
    return coded + b"\0\1"
