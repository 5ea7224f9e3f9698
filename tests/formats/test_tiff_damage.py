"""TIFF whose pixel data are damaged, too short, too long, or far more than the picture needs.

Expected values: the array that a file was made of, and Pillow (libtiff).
"""

import contextlib
import io
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image
from support.tiffs import (
    GRAY,
    RGB,
    SMOOTH,
    Layout,
    blocks,
    bomb,
    coded,
    jpeg_encoder,
    segments,
    strips,
    tiff,
)

from mymodules import images
from mymodules.errors import ImageError
from mymodules.formats import Header

random = np.random.default_rng(20251126)


def read(data: bytes) -> tuple[Header, np.ndarray]:
    header = images.inspect(data)
    return header, images.decode(data, header)


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(data)
    return caught.value


def changed(data: bytes, at: int, value: int = 1) -> bytes:
    """The byte at a place, from the end if negative, with other bits."""
    copy = bytearray(data)
    copy[at] ^= value
    return bytes(copy)


@pytest.mark.parametrize("part", ["directory", "value"])
def test_too_little_memory_is_not_damage(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    if part == "directory":
        monkeypatch.setattr(tifffile, "TiffFile", refuse)
    else:
        monkeypatch.setattr(tifffile.TiffTag, "value", property(refuse))
    with pytest.raises(ImageError, match="not enough memory") as refused:
        images.read_rgba(strips([GRAY.tobytes()], GRAY))
    assert refused.value.code == "too_many_pixels"


@pytest.mark.parametrize("compression", [8, 32946])
def test_checksum_of_deflate(compression: int) -> None:
    """The last four bytes are its Adler-32. Without surplus and with it, where they come late."""
    whole = zlib.compress(GRAY.tobytes())
    assert_array_equal(read(strips([whole], GRAY, compression=compression))[1], GRAY)
    for at in range(-4, 0):
        error = refusal(strips([changed(whole, at)], GRAY, compression=compression))
        assert (error.code, error.reason) == ("corrupt", "its pixel data are damaged")
    more = zlib.compress(GRAY.tobytes() + bytes(100))
    assert_array_equal(read(strips([more], GRAY, compression=compression))[1], GRAY)
    assert refusal(strips([changed(more, -1)], GRAY, compression=compression)).code == "corrupt"


@pytest.mark.parametrize("fill", [1, 2])
@pytest.mark.parametrize("compression", [5, 8, 32773, 34925, 50000])
def test_too_few_pixels(compression: int, fill: int) -> None:
    """A strip that is coded correctly but has one byte less than its rows need."""
    plan = Layout(compression=compression, fill=fill, rows=10)
    parts = segments(GRAY, plan)
    shorter = coded(GRAY.reshape(1, -1, 1)[:, : 10 * 41 - 1], plan)
    for place in range(3):
        data = strips([shorter if n == place else part for n, part in enumerate(parts)], GRAY, **vars(plan))
        assert refusal(data).code in ("truncated", "corrupt")


@pytest.mark.parametrize("fill", [1, 2])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 34925, 50000])
def test_more_pixels_than_rows(compression: int, fill: int) -> None:
    """All programs stop when they have the rows that they want."""
    plan = Layout(compression=compression, fill=fill)
    longer = coded(np.vstack([GRAY, GRAY]), plan)
    assert_array_equal(read(strips([longer], GRAY, **vars(plan)))[1], GRAY)


@pytest.mark.parametrize("compression", [5, 8, 32773])
def test_bytes_after_the_pixels(compression: int) -> None:
    """A length that counts a pad byte or rubbish after the codes. Expected: also what Pillow reads."""
    plan = Layout(compression=compression)
    for rest in (b"\0", b"\x7f", b"rubbish"):
        data = strips([segments(GRAY, plan)[0] + rest], GRAY, **vars(plan))
        assert_array_equal(read(data)[1], GRAY)
        with Image.open(io.BytesIO(data)) as picture:
            assert_array_equal(np.asarray(picture), GRAY[:, :, 0])


def test_packbits_that_end_inside_a_run() -> None:
    whole = segments(GRAY, Layout(compression=32773))[0]
    assert refusal(strips([whole[:-1]], GRAY, compression=32773)).code == "truncated"
    assert refusal(strips([b"\x81"], GRAY[:1, :1], compression=32773)).code == "truncated"


@pytest.mark.parametrize("compression", [5, 32773, 50000])
def test_damaged_codes_never_kill(compression: int) -> None:
    """imagecodecs' own LZW decoder overruns its buffer on one in 3,000 such strips and ends the process."""
    whole = segments(GRAY, Layout(compression=compression))[0]
    header = images.inspect(strips([whole], GRAY, compression=compression))  # of all: it decodes nothing
    for _ in range(3000 if compression == 5 else 500):
        spoilt = bytearray(whole)
        for place in random.integers(0, len(whole), 3).tolist():
            spoilt[place] = int(random.integers(256))
        data = strips([bytes(spoilt)], GRAY, compression=compression)
        with contextlib.suppress(ImageError):
            assert images.decode(data, header).shape == GRAY.shape


def test_fax_of_rubbish() -> None:
    """Decoders continue after invalid codes, each in its own way, so there is no picture that all show."""
    for seed in range(20):
        rubbish = np.random.default_rng(seed).bytes(300)
        for compression in (2, 3, 4):
            data = strips([rubbish], GRAY & 1, compression=compression, bits=1)
            with Image.open(io.BytesIO(data)) as picture, contextlib.suppress(ImageError, OSError):
                assert_array_equal(read(data)[1][:, :, 0], np.asarray(picture) * 255)


@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
def test_damaged_jpeg(tile: tuple[int, int] | None) -> None:
    """Coded data that end early or hold rubbish are damage in a TIFF as in a JPEG; libtiff only warns."""

    def spoilt(block: np.ndarray) -> bytes:
        data = jpeg_encoder(6)(block)
        return data[: len(data) - 40] + data[-2:]

    plan = Layout(photometric=6, compression=7, rows=16, tile=tile)
    assert refusal(tiff(SMOOTH, plan, spoilt)).code in ("corrupt", "truncated")
    whole = tiff(SMOOTH, plan, jpeg_encoder(6))
    assert refusal(whole[:-30]).code == "truncated"


@pytest.mark.parametrize("compression", [5, 8, 34925, 50000, 32773])
def test_bombs_are_not_inflated(compression: int) -> None:
    """40 MB are coded for a picture of 256 bytes: read or refused, it takes less than 8 MB."""
    runs = b"\x81\0" * 320_000  # of 128 bytes each
    zeros = np.zeros((5000, 8000, 1), np.uint8)
    encoded = runs if compression == 32773 else coded(zeros, Layout(compression=compression))
    data = bomb(encoded, compression)
    tracemalloc.start()
    with contextlib.suppress(ImageError):
        assert_array_equal(read(data)[1], np.zeros((16, 16, 1)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_byte_counts_only_decide_where_needed() -> None:
    """Uncompressed strips that are longer than their rows lose the rest. Expected: Pillow."""
    data = strips([GRAY.tobytes() + b"more than that"], GRAY)
    header, decoded = read(data)
    assert header.warnings == ()
    assert_array_equal(decoded, GRAY)
    with Image.open(io.BytesIO(data)) as picture:
        assert_array_equal(np.asarray(picture), GRAY[:, :, 0])


def test_inspect_decodes_nothing() -> None:
    """If files are equal byte for byte, only the container is walked, so damaged codes go unnoticed."""
    plan = Layout(compression=8, rows=10)
    spoilt = [changed(part, 5, 255) for part in segments(GRAY, plan)]
    assert images.inspect(strips(spoilt, GRAY, **vars(plan))).warnings == ()


def test_blocks_cover_the_picture() -> None:
    """Check the maker of these files: its tiles, put together again, are the picture."""
    found = blocks(RGB, Layout(tile=(16, 16)))
    rows = [np.hstack(found[n : n + 3]) for n in range(0, len(found), 3)]
    assert_array_equal(np.vstack(rows)[:30, :41], RGB)
