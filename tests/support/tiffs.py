"""TIFFs of every kind, put together from an array with numpy and single codecs."""

import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import imagecodecs
import numpy as np

from support.containers import pack_bits

ENCODERS: dict[int, Callable[[bytes], bytes]] = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    8: zlib.compress,
    32946: zlib.compress,
    32773: imagecodecs.packbits_encode,
    34925: lzma.compress,
    50000: imagecodecs.zstd_encode,
}
PREDICTED = (5, 8, 32946, 34925, 50000)
SIZES = {1: "B", 3: "H", 4: "I", 5: "I", 16: "Q"}
Value = tuple[int, list[int]]
Encoder = Callable[[np.ndarray], bytes]


random = np.random.default_rng(20251125)
RGBA = random.integers(0, 256, (30, 41, 4), dtype=np.uint8)
RGB = np.ascontiguousarray(RGBA[:, :, :3])
GRAY = np.ascontiguousarray(RGBA[:, :, :1])
GRAY_ALPHA = np.ascontiguousarray(RGBA[:, :, :2])
OPAQUE = np.concatenate([RGB, np.full_like(GRAY, 255)], axis=2)
SMOOTH = np.kron(random.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((5, 6, 1), np.uint8))


@dataclass
class Layout:
    """How an array is stored; ``rows`` 0 for one strip, ``tile`` (width, height) or None."""

    bits: int = 8
    photometric: int = 1
    compression: int = 1
    order: str = "<"
    big: bool = False
    planar: bool = False
    rows: int = 0
    tile: tuple[int, int] | None = None
    predictor: int = 1
    fill: int = 1
    tags: dict[int, Value] = field(default_factory=dict)


def blocks(samples: np.ndarray, layout: Layout) -> list[np.ndarray]:
    """The strips or tiles of (height, width, channels), plane after plane; tiles are filled up with 1."""
    height, width = samples.shape[:2]
    found = []
    for plane in np.moveaxis(samples, 2, 0)[..., None] if layout.planar else [samples]:
        across, down = layout.tile or (width, layout.rows or height)
        for top in range(0, height, down):
            for left in range(0, width, across):
                block = plane[top : top + down, left : left + across]
                if layout.tile:
                    missing = ((0, down - block.shape[0]), (0, across - block.shape[1]), (0, 0))
                    block = np.pad(block, missing, constant_values=1)
                found.append(block)
    return found


def raw(block: np.ndarray, layout: Layout) -> bytes:
    """A strip or tile as bytes: differences with a predictor, packed where a sample is less than a byte."""
    if layout.predictor == 2:
        block = np.diff(block, axis=1, prepend=np.zeros_like(block[:, :1]))
    if layout.bits < 8:
        return pack_bits(block.reshape(len(block), -1), layout.bits).tobytes()
    return block.astype(f"{layout.order}u{layout.bits // 8}").tobytes()


def coded(block: np.ndarray, layout: Layout) -> bytes:
    data = bytes(ENCODERS[layout.compression](raw(block, layout)))
    return bytes(imagecodecs.bitorder_encode(data)) if layout.fill == 2 else data


def segments(samples: np.ndarray, layout: Layout, encode: Encoder | None = None) -> list[bytes]:
    return [encode(block) if encode else coded(block, layout) for block in blocks(samples, layout)]


def file(entries: list[tuple[int, Value]], data: list[bytes], layout: Layout, following: int = 0) -> bytes:
    """Header, directory with these entries as they come, their values, and the data, in this order.

    A value that is the text ``offsets`` stands for the places of the data.
    """
    order, big = layout.order, layout.big
    head, word, inline = (16, "Q", 8) if big else (8, "I", 4)
    at = head + (8 if big else 2) + (20 if big else 12) * len(entries) + inline
    values = b""
    sizes = [len(numbers) * struct.calcsize(SIZES[kind]) for _, (kind, numbers) in entries]
    start = at + sum(size + size % 2 for size in sizes if size > inline)
    offsets = list(accumulate((len(part) + len(part) % 2 for part in data), initial=start))[:-1]
    directory = struct.pack(order + ("Q" if big else "H"), len(entries))
    for (tag, (kind, numbers)), size in zip(entries, sizes, strict=True):
        numbers = offsets if tag in (273, 324) and numbers == [-1] * len(data) else numbers
        packed = struct.pack(f"{order}{len(numbers)}{SIZES[kind]}", *numbers)
        directory += struct.pack(order + "HH" + word, tag, kind, len(numbers) // (2 if kind == 5 else 1))
        if size > inline:
            directory += struct.pack(order + word, at + len(values))
            values += packed + bytes(size % 2)
        else:
            directory += packed.ljust(inline, b"\0")
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    mark += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    directory += struct.pack(order + word, following)
    return mark + directory + values + b"".join(part + bytes(len(part) % 2) for part in data)


def tags(samples: np.ndarray, layout: Layout, data: list[bytes]) -> dict[int, Value]:
    """The tags that a picture needs, and those of the layout."""
    height, width, channels = samples.shape
    found: dict[int, Value] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [layout.bits] * channels),
        259: (3, [layout.compression]),
        262: (3, [layout.photometric]),
        277: (3, [channels]),
        284: (3, [2 if layout.planar else 1]),
    }
    kind = 16 if layout.big else 4
    if layout.tile:
        found |= {322: (4, [layout.tile[0]]), 323: (4, [layout.tile[1]])}
    else:
        found[278] = (4, [layout.rows or height])
    found[324 if layout.tile else 273] = (kind, [-1] * len(data))
    found[325 if layout.tile else 279] = (kind, [len(part) for part in data])
    if layout.predictor != 1:
        found[317] = (3, [layout.predictor])
    if layout.fill != 1:
        found[266] = (3, [layout.fill])
    return found | layout.tags


def tiff(
    samples: np.ndarray, layout: Layout | None = None, encode: Encoder | None = None, **more: Any
) -> bytes:
    """A whole TIFF of (height, width, channels); ``more`` are attributes of a `Layout`."""
    layout = layout or Layout(**more)
    data = segments(samples, layout, encode)
    return file(sorted(tags(samples, layout, data).items()), data, layout)


def entries(samples: np.ndarray, changed: dict[int, Value | None], **layout: Any) -> bytes:
    """A TIFF with some tags changed, added, or (None) left out."""
    plan = Layout(**layout)
    data = segments(samples, plan)
    found = {**tags(samples, plan, data), **changed}
    return file(sorted((tag, value) for tag, value in found.items() if value is not None), data, plan)


def strips(parts: list[bytes], samples: np.ndarray, **layout: Any) -> bytes:
    """A TIFF with these strips instead of its own."""
    plan = Layout(**layout)
    return file(sorted(tags(samples, plan, parts).items()), parts, plan)


def bomb(encoded: bytes, compression: int, width: int = 16) -> bytes:
    """A picture of 16 x 16 whose one strip holds far more."""
    return tiff(np.zeros((16, width, 1), np.uint8), Layout(compression=compression), lambda _: encoded)


def jpeg_encoder(photometric: int, sampling: str = "444") -> Callable[[np.ndarray], bytes]:
    def encode(block: np.ndarray) -> bytes:
        block = np.ascontiguousarray(block)
        if block.shape[2] == 1:
            return bytes(imagecodecs.jpeg8_encode(block[:, :, 0], level=90))
        colours = "YCBCR" if photometric == 6 else "RGB"
        return bytes(
            imagecodecs.jpeg8_encode(
                block, level=90, colorspace="RGB", outcolorspace=colours, subsampling=sampling
            )
        )

    return encode
