"""PNG files written in the simplest way, and what they must decode to.

Nothing here uses the package: rows are packed, filtered and deflated with zlib, struct and numpy, and
`expected_rgba` turns samples into 8-bit RGBA by the table that the package promises.
`read` is the slow way back. The container is written from its parts, so that a test can break any of them.
"""

import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = tuple(
    (colour_type, depth)
    for colour_type, depths in {
        0: (1, 2, 4, 8, 16),
        2: (8, 16),
        3: (1, 2, 4, 8),
        4: (8, 16),
        6: (8, 16),
    }.items()
    for depth in depths
)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

Chunk = tuple[bytes, bytes]
Filters = int | Sequence[int] | np.random.Generator | None


# The container


def chunk(kind: bytes, data: bytes = b"", *, crc: int | None = None, length: int | None = None) -> bytes:
    """One chunk; ``crc`` and ``length`` replace the true values."""
    true = zlib.crc32(kind + data)
    return (
        struct.pack(">I", len(data) if length is None else length)
        + kind
        + data
        + struct.pack(">I", true if crc is None else crc)
    )


def assemble(chunks: Iterable[Chunk], trailing: bytes = b"") -> bytes:
    return SIGNATURE + b"".join(chunk(kind, data) for kind, data in chunks) + trailing


def chunks_of(png: bytes) -> list[Chunk]:
    """The chunks of a whole file, up to and with IEND."""
    found = []
    offset = len(SIGNATURE)
    while offset < len(png):
        (length,) = struct.unpack_from(">I", png, offset)
        found.append((png[offset + 4 : offset + 8], png[offset + 8 : offset + 8 + length]))
        offset += 12 + length
        if found[-1][0] == b"IEND":
            break
    return found


def ihdr(
    width: int,
    height: int,
    colour_type: int,
    bit_depth: int,
    *,
    interlace: int = 0,
    compression: int = 0,
    filtering: int = 0,
) -> Chunk:
    fields = (width, height, bit_depth, colour_type, compression, filtering, interlace)
    return b"IHDR", struct.pack(">IIBBBBB", *fields)


def plte(palette: Any) -> Chunk:
    return b"PLTE", np.asarray(palette, np.uint8).tobytes()


def trns_chunk(trns: Any, colour_type: int) -> Chunk:
    if colour_type == 3:
        return b"tRNS", bytes(trns)
    values = np.atleast_1d(np.asarray(trns))
    return b"tRNS", b"".join(struct.pack(">H", int(value)) for value in values)


def gama(gamma: int = 45455) -> Chunk:
    return b"gAMA", struct.pack(">I", gamma)


def srgb(intent: int = 0) -> Chunk:
    return b"sRGB", bytes([intent])


def chrm(red_x: int = 64000) -> Chunk:
    return b"cHRM", struct.pack(">8I", 31270, 32900, red_x, 33000, 30000, 60000, 15000, 6000)


def iccp(profile: bytes = b"a profile that nobody parses", name: bytes = b"screen", level: int = 6) -> Chunk:
    return b"iCCP", name + b"\0\0" + zlib.compress(profile, level)


def phys(x: int = 3780, y: int = 3780, unit: int = 1) -> Chunk:
    return b"pHYs", struct.pack(">IIB", x, y, unit)


def text(keyword: bytes = b"Comment", words: bytes = b"made by hand") -> Chunk:
    return b"tEXt", keyword + b"\0" + words


def exif(orientation: int | None, *, order: str = "<", maker: bytes = b"") -> Chunk:
    """EXIF with an orientation (tag 0x0112) and, so that other tags can differ, a maker (0x010F)."""
    entries = []
    if maker:
        entries.append(struct.pack(order + "HHI", 0x010F, 2, 4) + maker[:4].ljust(4, b"\0"))
    if orientation is not None:
        entries.append(struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0))
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return b"eXIf", head + struct.pack(order + "H", len(entries)) + b"".join(entries) + b"\0\0\0\0"


# Samples to scanlines


def passes(width: int, height: int, interlace: bool) -> list[tuple[int, int, int, int]]:
    """The (x, y, step in x, step in y) of each pass that has pixels."""
    if not interlace:
        return [(0, 0, 1, 1)]
    return [p for p in ADAM7 if p[0] < width and p[1] < height]


def pack(rows: np.ndarray, bit_depth: int, padding: int = 0) -> np.ndarray:
    """Rows of samples as rows of bytes; the bits left over in the last byte of each are all ``padding``."""
    values = np.asarray(rows).reshape(len(rows), math.prod(np.shape(rows)[1:]))
    if bit_depth >= 8:
        return values.astype(">u2" if bit_depth == 16 else np.uint8).view(np.uint8)
    used = values.shape[1] * bit_depth
    flat = np.full((len(values), used + -used % 8), padding, np.uint8)
    flat[:, :used] = ((values[..., None] >> np.arange(bit_depth - 1, -1, -1)) & 1).reshape(len(values), used)
    return np.packbits(flat, axis=1)


def paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    guess = left + above - corner
    to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    choice = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, choice)


def filtered(raw: np.ndarray, filters: Sequence[int] | np.ndarray, step: int) -> np.ndarray:
    """Rows of bytes as a file has them: each behind the number of its filter, 0 to 4, and filtered by it.

    ``step`` is the distance of a byte to its left neighbour.
    """
    raw, kinds = np.ascontiguousarray(raw), np.asarray(filters)
    before = np.zeros((len(raw) + 1, step + raw.shape[1]), np.uint8)  # a row above, and pixels to the left
    before[1:, step:] = raw
    out = np.empty((len(raw), 1 + raw.shape[1]), np.uint8)
    out[:, 0] = kinds
    out[:, 1:] = raw
    for kind in {*kinds.tolist()} - {0}:
        rows = np.flatnonzero(kinds == kind)
        left, above = before[rows + 1, :-step], before[rows, step:]
        match kind:
            case 1:
                guess = left
            case 2:
                guess = above
            case 3:
                guess = (left.astype(np.uint16) + above) // 2
            case 4:
                corner = before[rows, :-step]
                guess = paeth(*(part.astype(np.int16) for part in (left, above, corner)))
            case _:
                raise ValueError(f"there is no filter {kind}")
        out[rows, 1:] -= guess.astype(np.uint8)
    return out


def scanlines(
    samples: np.ndarray,
    colour_type: int,
    bit_depth: int,
    *,
    filters: Filters = None,
    interlace: bool = False,
    padding: int = 0,
) -> bytes:
    """What the IDATs inflate to: each row's filter byte and filtered bytes, pass by pass."""
    samples = np.asarray(samples).reshape(*np.shape(samples)[:2], CHANNELS[colour_type])
    height, width = samples.shape[:2]
    step = max(1, CHANNELS[colour_type] * bit_depth // 8)
    out, begun = [], 0
    for x, y, step_x, step_y in passes(width, height, interlace):
        rows = samples[y::step_y, x::step_x]
        kinds = [next_filter(filters, begun + row) for row in range(len(rows))]
        out.append(filtered(pack(rows, bit_depth, padding), kinds, step).tobytes())
        begun += len(rows)
    return b"".join(out)


def next_filter(filters: Filters, row: int) -> int:
    if filters is None:
        return 0
    if isinstance(filters, int):
        return filters
    if isinstance(filters, np.random.Generator):
        return int(filters.integers(0, 5))
    return filters[row % len(filters)]


def idats(stream: bytes, split: int | Sequence[int] | None) -> list[Chunk]:
    """The stream in IDATs: in one, in pieces of ``split`` bytes, or of these lengths and the rest."""
    if split is None:
        return [(b"IDAT", stream)]
    lengths = [split] * (len(stream) // split) if isinstance(split, int) else list(split)
    cuts = [0, *(min(int(end), len(stream)) for end in np.cumsum(lengths)), len(stream)]
    return [(b"IDAT", stream[a:b]) for a, b in pairwise(cuts)]


def write(
    samples: np.ndarray,
    colour_type: int,
    bit_depth: int,
    *,
    filters: Filters = None,
    interlace: bool = False,
    palette: Any = None,
    trns: Any = None,
    idat_split: int | Sequence[int] | None = None,
    level: int = 6,
    chunks_before: Sequence[Chunk] = (),
    chunks_after_idat: Sequence[Chunk] = (),
    trailing: bytes = b"",
    padding: int = 0,
) -> bytes:
    """A PNG file of these samples, (height, width) or (height, width, channels), palette indices for type 3.

    ``filters``: one number, a list used row after row, or a generator that draws one for each row.
    ``trns``: one gray value, three values, or the alphas of the first palette entries.
    """
    height, width = np.shape(samples)[:2]
    raw = scanlines(samples, colour_type, bit_depth, filters=filters, interlace=interlace, padding=padding)
    chunks = [ihdr(width, height, colour_type, bit_depth, interlace=int(interlace)), *chunks_before]
    if palette is not None:
        chunks.append(plte(palette))
    if trns is not None:
        chunks.append(trns_chunk(trns, colour_type))
    chunks += idats(zlib.compress(raw, level), idat_split)
    return assemble([*chunks, *chunks_after_idat, (b"IEND", b"")], trailing)


# What it must decode to


def expected_rgba(
    samples: np.ndarray,
    colour_type: int,
    bit_depth: int,
    *,
    palette: Any = None,
    trns: Any = None,
    gold: bool = False,
) -> np.ndarray:
    """The 8-bit RGBA of these samples: of 16 bits the high byte, or what Skia Gold has."""
    samples = np.asarray(samples, np.int64).reshape(*np.shape(samples)[:2], CHANNELS[colour_type])
    full = 2**bit_depth - 1
    if colour_type == 3:
        alphas = [] if trns is None else list(trns)[: len(palette)]
        alphas += [255] * (len(palette) - len(alphas))
        return np.column_stack([palette, alphas]).astype(np.uint8)[samples[..., 0]]
    if colour_type in (4, 6):
        colour, alpha = samples[..., :-1], samples[..., -1:]
    else:
        is_clear = np.zeros((1, 1, 1), bool)
        if trns is not None and np.size(trns) == samples.shape[2]:
            is_clear = (samples == trns).all(axis=2, keepdims=True)
        colour, alpha = samples, np.where(is_clear, 0, full)
    if bit_depth == 16 and gold:
        colour = (colour * alpha // 65535) * 65535 // np.maximum(alpha, 1) >> 8
        alpha = alpha >> 8
    elif bit_depth == 16:
        colour, alpha = colour // 256, alpha // 256
    else:
        colour, alpha = colour * 255 // full, alpha * 255 // full
    parts = np.broadcast_to(colour, (*samples.shape[:2], 3)), np.broadcast_to(alpha, (*samples.shape[:2], 1))
    return np.concatenate(parts, axis=2).astype(np.uint8)


# Pictures drawn at random


@dataclass(frozen=True)
class Drawn:
    """Samples and what belongs to them; ``png`` writes them in a given way, ``rgba`` is what they show.

    ``gold_rgba`` is what Skia Gold reads: another colour where 16 bits are transparent.
    """

    samples: np.ndarray
    colour_type: int
    bit_depth: int
    palette: Any = None
    trns: Any = None

    def png(self, **how: Any) -> bytes:
        return write(
            self.samples, self.colour_type, self.bit_depth, palette=self.palette, trns=self.trns, **how
        )

    @property
    def rgba(self) -> np.ndarray:
        return expected_rgba(
            self.samples, self.colour_type, self.bit_depth, palette=self.palette, trns=self.trns
        )

    @property
    def gold_rgba(self) -> np.ndarray:
        return expected_rgba(
            self.samples, self.colour_type, self.bit_depth, palette=self.palette, trns=self.trns, gold=True
        )


def draw(
    rng: np.random.Generator,
    colour_type: int,
    bit_depth: int,
    *,
    size: tuple[int, int] | None = None,
    transparent: bool | None = None,
) -> Drawn:
    """A picture of the kind; ``size`` is (height, width), ``transparent`` whether it has a tRNS chunk."""
    height, width = size or (int(rng.integers(1, 18)), int(rng.integers(1, 36)))
    if transparent is None:
        transparent = bool(rng.integers(2))
    shape = (height, width, CHANNELS[colour_type])
    palette = trns = None
    highest = 2**bit_depth - 1
    if colour_type == 3:
        entries = int(rng.integers(1, 2**bit_depth + 1))
        palette = rng.integers(0, 256, (entries, 3), dtype=np.uint8)
        highest = entries - 1
    samples = draw_samples(rng, shape, highest)
    if colour_type in (4, 6):
        samples[..., -1] = draw_alpha(rng, shape[:2], highest)
    elif transparent and colour_type == 3:
        trns = rng.integers(0, 256, int(rng.integers(1, len(palette) + 1))).tolist()
    elif transparent:
        seen = samples[rng.integers(height), rng.integers(width)]
        value = seen if rng.integers(4) else rng.integers(0, highest + 1, len(seen))
        trns = value.tolist() if len(value) > 1 else int(value[0])
        # neighbours of the transparent value: equal in some channels, or in the high byte only
        near = rng.random(shape) < 0.2
        samples = np.where(near, value, samples)
        samples = np.where(rng.random(shape) < 0.05, np.minimum(value + 1, highest), samples)
    return Drawn(samples, colour_type, bit_depth, palette, trns)


def draw_samples(rng: np.random.Generator, shape: tuple[int, ...], highest: int) -> np.ndarray:
    manner = rng.integers(4)
    if manner == 0:
        return rng.integers(0, highest + 1, shape)
    if manner == 1:
        return rng.choice(rng.integers(0, highest + 1, 3), shape)
    if manner == 2:
        rows, columns, channels = np.indices(shape)
        return (rows * rng.integers(1, 9) + columns * rng.integers(1, 9) + channels) % (highest + 1)
    return np.broadcast_to(rng.integers(0, highest + 1, (shape[0], 1, shape[2])), shape).copy()


def draw_alpha(rng: np.random.Generator, shape: tuple[int, ...], highest: int) -> np.ndarray:
    manner = rng.integers(4)
    if manner == 0:
        return np.full(shape, highest)
    if manner == 1:
        return rng.choice([0, highest], shape)
    if manner == 2:
        return rng.choice([0, 1, 2, 255, 256, 4095, 4096, 65534, 65535], shape) % (highest + 1)
    return rng.integers(0, highest + 1, shape)


def draw_writing(rng: np.random.Generator, *, interlace: bool | None = None) -> dict[str, Any]:
    """Keyword arguments of `write` that change the file but not the picture."""
    splits = (None, None, 1, 3, 50, (0,), (0, 7, 0, 0, 2), (2, 0))
    ancillary = [gama(), srgb(), iccp(), phys(), exif(6), text(), chrm()]
    some = [c for c in ancillary if rng.random() < 0.2]
    manner = rng.integers(3)
    filters: Filters = rng if manner == 0 else int(rng.integers(5)) if manner == 1 else None
    return {
        "filters": rng.permutation(5).tolist() if filters is None else filters,
        "interlace": bool(rng.integers(2)) if interlace is None else interlace,
        "idat_split": splits[rng.integers(len(splits))],
        "level": int(rng.integers(10)),
        "chunks_before": some,
        "chunks_after_idat": [text()] if rng.random() < 0.2 else [],
        "padding": int(rng.integers(2)),
    }


@st.composite
def drawings(draw_from: st.DrawFn, kinds: Sequence[tuple[int, int]] = KINDS) -> Drawn:
    """Hypothesis: a picture of any kind; it shrinks by kind and size."""
    colour_type, bit_depth = draw_from(st.sampled_from(kinds))
    size = draw_from(st.tuples(st.integers(1, 20), st.integers(1, 40)))
    transparent = draw_from(st.booleans())
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32 - 1)))
    return draw(rng, colour_type, bit_depth, size=size, transparent=transparent)


@st.composite
def writings(draw_from: st.DrawFn) -> dict[str, Any]:
    """Hypothesis: a way to write a picture."""
    interlace = draw_from(st.booleans())
    return draw_writing(np.random.default_rng(draw_from(st.integers(0, 2**32 - 1))), interlace=interlace)


# The slow way back


def read(png: bytes) -> Drawn:
    """Read the samples of an intact file, unfiltered byte by byte."""
    chunks = chunks_of(png)
    header = dict(chunks)[b"IHDR"]
    width, height, depth, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    raw = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    channels = CHANNELS[colour_type]
    step = max(1, channels * depth // 8)
    samples = np.zeros((height, width, channels), np.int64)
    offset = 0
    for x, y, step_x, step_y in passes(width, height, bool(interlace)):
        target = samples[y::step_y, x::step_x]
        length = (target.shape[1] * channels * depth + 7) // 8
        previous = bytearray(length)
        for row in target:
            previous = unfilter(raw[offset], raw[offset + 1 : offset + 1 + length], previous, step)
            row[:] = unpack(previous, depth, row.size).reshape(row.shape)
            offset += 1 + length
    palette, trns = dict(chunks).get(b"PLTE"), dict(chunks).get(b"tRNS")
    colours = None if palette is None else np.frombuffer(palette, np.uint8).reshape(-1, 3)
    clear: Any = None
    if trns is not None:
        values = list(trns) if colour_type == 3 else struct.unpack(f">{len(trns) // 2}H", trns)
        # the specification: a decoder masks the bits of the colour that the depth does not have
        clear = list(values) if colour_type == 3 else [value % 2**depth for value in values]
    return Drawn(samples, colour_type, depth, colours, clear)


def unfilter(kind: int, row: bytes, previous: bytearray, step: int) -> bytearray:
    if kind == 0:
        return bytearray(row)
    if kind == 2:
        return bytearray((value + above) % 256 for value, above in zip(row, previous, strict=True))
    out = bytearray(step) + bytearray(len(row))  # behind pixels to the left of the first, which are 0
    before = bytearray(step) + previous
    for i, value in enumerate(row, step):
        left, above, corner = out[i - step], before[i], before[i - step]
        if kind == 4:
            guess = left + above - corner
            to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
            if to_left <= to_above and to_left <= to_corner:
                prediction = left
            else:
                prediction = above if to_above <= to_corner else corner
        else:
            prediction = left if kind == 1 else (left + above) // 2
        out[i] = (value + prediction) % 256
    return out[step:]


def unpack(row: bytearray, bit_depth: int, count: int) -> np.ndarray:
    if bit_depth == 16:
        return np.frombuffer(row, ">u2").astype(np.int64)
    if bit_depth == 8:
        return np.frombuffer(row, np.uint8).astype(np.int64)
    bits = np.unpackbits(np.frombuffer(row, np.uint8))[: count * bit_depth]
    return bits.reshape(count, bit_depth) @ (1 << np.arange(bit_depth - 1, -1, -1))


def saved(folder: Path, *sides: bytes | Path) -> list[Path]:
    """Return the files of a pair's sides; those that are given as bytes are written to a folder."""
    found = []
    for number, side in enumerate(sides):
        if isinstance(side, bytes):
            path = folder / f"{number}.png"
            path.write_bytes(side)
            side = path
        found.append(side)
    return found
