"""JPEG files byte by byte: of any sampling, and of segments that no encoder would write.

Each block of `write` has one value, so that coding needs no transform: the DC coefficient of a block is 8
times its mean above 128, and the quantiser is 8.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"

# ITU-T T.81, table K.3: how many codes there are of each length, for categories 0 to 11.
_DC_COUNTS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)

Sampling = tuple[tuple[int, int], ...]


def segment(code: int, body: bytes, length: int | None = None) -> bytes:
    """Make a segment, which may state a wrong length."""
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2 if length is None else length) + body


def icc(number: int, count: int, body: bytes) -> bytes:
    """One part of a colour profile."""
    return segment(0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + body)


def write(
    rng: np.random.Generator,
    size: tuple[int, int],
    sampling: Sampling,
    *,
    head: bytes = segment(0xE0, JFIF),
    ids: Sequence[int] = (1, 2, 3),
    scan_limits: bytes = b"\0\x3f\0",
) -> bytes:
    """A baseline JPEG of random blocks; ``size`` is (height, width), ``head`` follows the first marker."""
    components = list(zip(ids, sampling, strict=False))
    frame = struct.pack(">BHHB", 8, *size, len(components))
    frame += b"".join(bytes((number, across << 4 | down, 0)) for number, (across, down) in components)
    scan = bytes((len(components),)) + b"".join(bytes((number, 0)) for number, _ in components) + scan_limits
    tables = segment(0xDB, b"\0" + bytes([8] * 64))
    tables += segment(0xC4, b"\0" + bytes(_DC_COUNTS) + bytes(range(12)))
    tables += segment(
        0xC4, b"\x10" + bytes((1, *[0] * 15)) + b"\0"
    )  # the end of a block is all that is needed
    return b"".join(
        (SOI, head, tables, segment(0xC0, frame), segment(0xDA, scan), _coded(rng, size, sampling), EOI)
    )


def _coded(rng: np.random.Generator, size: tuple[int, int], sampling: Sampling) -> bytes:
    """The coded data: block after block of each component, as interleaved as its sampling wants."""
    across, down = (max(factors[axis] for factors in sampling) for axis in (0, 1))
    if len(sampling) == 1:  # a scan of one component is not interleaved
        sampling, across, down = ((1, 1),), 1, 1
    units = -(-size[0] // (8 * down)) * -(-size[1] // (8 * across))
    means = [rng.integers(-100, 100, (units, wide * high)) for wide, high in sampling]
    bits: list[str] = []
    before = [0] * len(sampling)
    for unit in range(units):
        for number, blocks in enumerate(means):
            for mean in blocks[unit].tolist():
                bits += [*_dc(mean - before[number]), "0"]
                before[number] = mean
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    packed = int(text, 2).to_bytes(len(text) // 8, "big")
    return packed.replace(b"\xff", b"\xff\0")


def _dc(difference: int) -> Iterator[str]:
    category = abs(difference).bit_length()
    yield _DC_CODES[category]
    if category:
        value = difference if difference > 0 else difference + (1 << category) - 1
        yield format(value, f"0{category}b")


def _codes(counts: Iterable[int]) -> list[str]:
    """The codes of a table, from the shortest (T.81, annex C)."""
    codes, code = [], 0
    for length, count in enumerate(counts, start=1):
        for _ in range(count):
            codes.append(format(code, f"0{length}b"))
            code += 1
        code <<= 1
    return codes


_DC_CODES = _codes(_DC_COUNTS)
