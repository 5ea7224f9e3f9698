"""The kernel inflates what zlib inflates to the same bytes, and takes nothing else for whole."""

import itertools
import zlib
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mymodules import kernel
from mymodules.kernel import Kernel

STRATEGIES = [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]
FLUSHES = [zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK]
GUARD = 171


class File(NamedTuple):
    """A file's compressed data, where they are in it, and the size of its rows."""

    data: bytes
    places: list[int]
    size: int


class Found(NamedTuple):
    whole: bool
    rows: np.ndarray


def plain(stream: bytes, size: int) -> File:
    return File(stream, [0, len(stream)], size)


def in_parts(rng: np.random.Generator, stream: bytes, size: int) -> File:
    """Put the stream into a file in up to six parts, with other bytes between them."""
    cuts = [0, *sorted(rng.integers(0, len(stream) + 1, 5).tolist()), len(stream)]
    data, places = b"", []
    for start, end in itertools.pairwise(cuts):
        data += rng.bytes(int(rng.integers(1, 20)))
        places += [len(data), len(data) + end - start]
        data += stream[start:end]
    return File(data, places, size)


def inflate(
    each: Kernel, first: File, second: File, pitch: int = 0, height: int = 0
) -> tuple[Found, Found, np.ndarray]:
    """Inflate two files, and make sure that nothing behind their rows is written to."""
    memory = [np.full(file.size + 40, GUARD, np.uint8) for file in (first, second)]
    packed = [
        kernel.Packed(
            file.data, array("I", file.places), rows[: file.size], np.empty(len(file.data), np.uint8)
        )
        for file, rows in zip((first, second), memory, strict=True)
    ]
    *whole, equal = each.inflate(packed[0], packed[1], pitch, height)
    for file, rows in zip((first, second), memory, strict=True):
        assert (rows[file.size :] == GUARD).all()
    one, other = (
        Found(sound, rows[: file.size])
        for sound, rows, file in zip(whole, memory, (first, second), strict=True)
    )
    return one, other, equal


def content(rng: np.random.Generator, kind: str, size: int) -> bytes:
    """Bytes that lead to matches of all distances, to long codes, to none of them, or to all of these."""
    if kind == "noise":
        return rng.bytes(size)
    if kind == "flat":
        return bytes(size)
    if kind == "skewed":  # each value half as frequent as the one before: codes of up to 15 bits
        return np.minimum(rng.geometric(0.5, size), 255).astype(np.uint8).tobytes()
    parts, length = [], 0
    while length < size:
        period = rng.bytes(int(rng.choice([1, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 31, 32, 33, 500, 4000])))
        part = period * int(rng.integers(1, 1 + 900 // len(period) if len(period) < 300 else 4))
        parts.append(part[: int(rng.integers(1, len(part) + 1))])
        length += len(parts[-1])
    return b"".join(parts)[:size]


def compressed(rng: np.random.Generator, data: bytes, **options: Any) -> bytes:
    """Compress with options of `zlib.compressobj`, and flush now and then."""
    compressor = zlib.compressobj(**options)
    stream, at = b"", 0
    while at < len(data):
        step = int(rng.integers(1, len(data) + 1))
        stream += compressor.compress(data[at : at + step])
        if rng.random() < 0.3:
            stream += compressor.flush(FLUSHES[rng.integers(len(FLUSHES))])
        at += step
    return stream + compressor.flush()


def is_whole(stream: bytes, size: int) -> bool:
    """Say what zlib says of a stream."""
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(stream)
    except zlib.error:
        return False
    return decompressor.eof and not decompressor.unused_data and len(data) == size


def check(kernels: list[Kernel], first: File, second: File, rows: tuple[bytes, bytes], pitch: int) -> None:
    """Two sound streams are inflated to these rows, and equal rows are found."""
    height = min(map(len, rows)) // pitch
    parts = [np.frombuffer(each, np.uint8)[: height * pitch].reshape(height, pitch) for each in rows]
    for each in kernels:
        one, other, equal = inflate(each, first, second, pitch, height)
        assert one.whole
        assert other.whole
        assert (one.rows.tobytes(), other.rows.tobytes()) == rows
        assert np.array_equal(equal, (parts[0] == parts[1]).all(axis=1))


@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["noise", "flat", "skewed", "periods"]),
    size=st.sampled_from([1, 2, 300, 3000, 70_000]),
    level=st.integers(0, 9),
    strategy=st.sampled_from(STRATEGIES),
    window=st.integers(9, 15),
    memory=st.integers(1, 9),
)
@hypothesis_settings(max_examples=60)
def test_any_stream(
    kernels: list[Kernel],
    seed: int,
    kind: str,
    size: int,
    level: int,
    strategy: int,
    window: int,
    memory: int,
) -> None:
    rng = np.random.default_rng(seed)
    first = content(rng, kind, size)
    changed = bytearray(first)
    at = int(rng.integers(size))
    changed[at : at + 50] = rng.bytes(len(changed[at : at + 50]))
    second = bytes(changed) + content(rng, kind, int(rng.integers(2)) * 500)
    options = {"level": level, "strategy": strategy, "wbits": window, "memLevel": memory}
    streams = [compressed(np.random.default_rng(seed), data, **options) for data in (first, second)]
    packed = [in_parts(rng, stream, len(data)) for stream, data in zip(streams, (first, second), strict=True)]
    pitch = int(rng.integers(1, size + 1))
    check(kernels, packed[0], packed[1], (first, second), pitch)
    check(kernels, packed[1], plain(streams[0], size), (second, first), pitch)


def test_equal_beginnings_are_inflated_alike_wherever_they_end(kernels: list[Kernel]) -> None:
    """The second stream equals the first up to each of its bytes, and is odd or whole as zlib says."""
    rng = np.random.default_rng(5)
    data = content(rng, "periods", 1500)
    stream = zlib.compress(data, 6)
    for at in range(2, len(stream)):
        broken = bytearray(stream)
        broken[at] ^= 1 << int(rng.integers(8))
        for each in kernels:
            one, other, _ = inflate(each, plain(stream, 1500), plain(bytes(broken), 1500), 30, 50)
            assert one.whole
            assert one.rows.tobytes() == data
            assert other.whole == is_whole(bytes(broken), 1500)


@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["noise", "skewed", "periods"]))
@hypothesis_settings(max_examples=60)
def test_damaged_streams_are_whole_only_for_both(kernels: list[Kernel], seed: int, kind: str) -> None:
    """Damage that leaves a valid stream, which then gets a fitting checksum, and damage of any kind."""
    rng = np.random.default_rng(seed)
    data = content(rng, kind, int(rng.integers(1, 4000)))
    stream = compressed(rng, data, level=int(rng.integers(0, 10)), strategy=STRATEGIES[rng.integers(5)])
    for broken in damaged(rng, stream):
        decompressor, size = zlib.decompressobj(-15), len(data)
        try:
            found = decompressor.decompress(broken[2:])
            if decompressor.eof and found:
                behind = len(decompressor.unused_data)
                broken = broken[: len(broken) - behind] + zlib.adler32(found).to_bytes(4, "big")
                size = len(found)
        except zlib.error:
            pass
        for each in kernels:
            one, other, _ = inflate(each, plain(broken, size), plain(stream, len(data)))
            assert one.whole == is_whole(broken, size)
            assert not one.whole or one.rows.tobytes() == zlib.decompress(broken)
            assert other.whole
            assert other.rows.tobytes() == data


def damaged(rng: np.random.Generator, stream: bytes) -> Iterator[bytes]:
    """Yield the stream cut off, longer, with changed bits, and with bytes from elsewhere in it."""
    yield stream[: int(rng.integers(len(stream)))]
    yield stream + b"\0"
    for _ in range(4):
        broken = bytearray(stream)
        for _ in range(int(rng.integers(1, 4))):  # more often at the beginning, where the codes are
            broken[int(rng.integers(min(len(stream), int(rng.choice([4, 80, 10_000])))))] ^= (
                1 << rng.integers(8)
            )
        yield bytes(broken)
    start, end = sorted(rng.integers(0, len(stream), 2).tolist())
    yield stream[:end] + stream[start:]


def test_a_distance_to_before_the_beginning(kernels: list[Kernel]) -> None:
    """Data compressed with a dictionary that is not there, without the mark that there is one."""
    words = bytes(range(200))
    compressor = zlib.compressobj(wbits=-15, zdict=words)
    raw = compressor.compress(words * 2) + compressor.flush()
    stream = b"\x78\x9c" + raw + zlib.adler32(words * 2).to_bytes(4, "big")
    sound = plain(zlib.compress(b"1"), 1)
    for each in kernels:
        assert not inflate(each, plain(stream, 400), sound)[0].whole


@pytest.mark.parametrize("size", [99, 101])
def test_rows_of_another_size_than_the_data(kernels: list[Kernel], size: int) -> None:
    stream, sound = zlib.compress(bytes(100)), plain(zlib.compress(bytes(120)), 120)
    for each in kernels:
        for files in ((plain(stream, size), sound), (sound, plain(stream, size))):
            found = inflate(each, *files, 10, 9)[:2]
            assert [each.whole for each in found] == [file is sound for file in files]


@pytest.mark.parametrize(
    ("places", "pitch", "height"),
    [
        ([], 0, 0),
        ([0], 0, 0),
        ([0, 1000], 0, 0),
        ([5, 4], 0, 0),
        ([0, 8, 0, 8], 0, 0),  # together more than the room has
        ([0, 8], -1, 0),
        ([0, 8], 1, -1),
        ([0, 8], 10, 11),
        ([0, 8], 101, 1),
    ],
)
def test_what_does_not_fit_is_refused(
    kernels: list[Kernel], places: list[int], pitch: int, height: int
) -> None:
    stream = zlib.compress(bytes(100))
    for each in kernels:
        with pytest.raises(ValueError, match=r"do not fit|negative"):
            inflate(each, File(stream, places, 100), plain(stream, 100), pitch, height)


def test_memory_that_overlaps_is_refused(kernels: list[Kernel]) -> None:
    stream, rows = zlib.compress(bytes(100)), np.empty(150, np.uint8)
    first, second = (
        kernel.Packed(stream, array("I", [0, len(stream)]), rows[at : at + 100], np.empty(50, np.uint8))
        for at in (0, 50)
    )
    with pytest.raises(ValueError, match="different memory"):
        kernels[0].inflate(first, second, 0, 0)
