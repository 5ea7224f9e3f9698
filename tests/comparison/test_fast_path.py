"""Whether stored rows are compared or both files are decoded in full, every row says the same.

Each pair that takes the short way goes through `workers.compare` again with that closed. The rows must be
equal in every column but the time, broken files included. For real pictures see `test_real_data.py`.
"""

import dataclasses
import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from support import oracles, pngs

from mymodules import workers
from mymodules.images import bands, pixels
from mymodules.pairs import Pair


@pytest.fixture
def both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    taken = []
    short = bands.alike

    def counted(*headers):
        taken.append(short(*headers))
        return taken[-1]

    def compare(first: bytes | Path, second: bytes | Path) -> workers.PairResult:
        job = workers.Job(Pair("x.png", *pngs.saved(tmp_path, first, second)))
        before = len(taken)
        monkeypatch.setattr(bands, "alike", counted)
        fast = workers.compare(job)._replace(seconds=None)
        if any(taken[before:]):  # else it went the long way
            monkeypatch.setattr(bands, "alike", lambda first, second: False)
            assert fast == workers.compare(job)._replace(seconds=None)
        return fast

    compare.taken = taken
    return compare


def shifted(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Rows moved down by a few, as when something was inserted above."""
    start, by = int(rng.integers(len(samples))), int(rng.integers(1, 9))
    return np.concatenate([samples[:start], samples[start : start + 1].repeat(by, axis=0), samples[start:]])


def dotted(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """A few single samples changed, far apart in a tall picture."""
    samples = samples.copy()
    highest = max(1, int(samples.max()))
    for _ in range(int(rng.integers(1, 6))):
        place = tuple(int(rng.integers(size)) for size in samples.shape)
        samples[place] = (int(samples[place]) + 1) % (highest + 1)
    return samples


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_generated_pictures(both_ways, colour_type: int, bit_depth: int) -> None:
    """Half of the pairs have the same filters: only then rows are stored alike, and are left out."""
    for seed in range(20):
        rng = np.random.default_rng([7, colour_type, bit_depth, seed])
        height = int(rng.choice([1, 2, 6, 7, 40, 300]))
        one = pngs.draw(rng, colour_type, bit_depth, size=(height, int(rng.integers(1, 30))))
        if one.palette is not None and seed % 2:  # a palette with every entry can be compared as stored
            spare = np.zeros(((1 << bit_depth) - len(one.palette), 3), int)
            one = dataclasses.replace(one, palette=np.concatenate([np.asarray(one.palette, int), spare]))
        change = shifted if seed % 3 == 0 else dotted
        other = pngs.Drawn(change(rng, one.samples), colour_type, bit_depth, one.palette, one.trns)
        filters = rng.integers(0, 5, 400).tolist() if seed % 2 else [4] * 400
        others = filters[: len(other.samples)] if seed % 4 < 2 else rng
        both_ways(one.png(filters=filters[:height]), other.png(filters=others))
    assert any(both_ways.taken)


@pytest.mark.parametrize("filters", [0, 1, 2, 3, 4])
def test_a_page_of_one_filter_with_changes_far_apart(both_ways, filters: int) -> None:
    rng = np.random.default_rng(filters)
    page = rng.integers(0, 256, (900, 40, 3)).astype(np.uint16)
    other = page.copy()
    for row in (0, 5, 126, 127, 128, 300, 307, 433, 899):
        other[row, int(rng.integers(40))] ^= 1
    row = both_ways(
        *(pngs.Drawn(samples, 2, 8, None, None).png(filters=filters) for samples in (page, other))
    )
    assert row.num_diff_pixels == 9
    assert both_ways.taken == [True]


def damaged(data: bytes) -> dict[str, bytes]:
    """A PNG broken where only its pixel data tell, checksums right."""
    chunks = pngs.chunks_of(data)
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    stored = zlib.decompress(packed)

    def with_data(new: bytes) -> bytes:
        others = [part for part in chunks if part[0] not in (b"IDAT", b"IEND")]
        return pngs.assemble([*others, (b"IDAT", new), (b"IEND", b"")])

    wrong_filter = bytearray(stored)
    (height,) = struct.unpack_from(">I", chunks[0][1], 4)
    wrong_filter[-(len(stored) // height)] = 5
    return {
        "short": with_data(zlib.compress(stored[:-1])),
        "checksum": with_data(packed[:-1] + bytes([packed[-1] ^ 1])),
        "deflate": with_data(packed[: len(packed) // 2]),
        "filter": with_data(zlib.compress(bytes(wrong_filter))),
    }


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_what_the_long_way_refuses_is_refused(both_ways, colour_type: int, bit_depth: int) -> None:
    rng = np.random.default_rng([colour_type, bit_depth])
    whole = pngs.draw(rng, colour_type, bit_depth, size=(9, 11))
    other = pngs.Drawn(dotted(rng, whole.samples), colour_type, bit_depth, whole.palette, whole.trns)
    good = other.png()
    for kind, broken in damaged(whole.png()).items():
        for sides in ((broken, good), (good, broken), (broken, broken + b"tail")):
            row = both_ways(*sides)
            assert (row.status, row.code) == ("error", "corrupt"), (kind, row)


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_surplus_data_are_named_both_ways(both_ways, colour_type: int, bit_depth: int) -> None:
    drawn = pngs.draw(np.random.default_rng([colour_type, bit_depth]), colour_type, bit_depth, size=(9, 11))
    good = drawn.png(level=1)
    chunks = pngs.chunks_of(good)
    packed = zlib.compress(zlib.decompress(dict(chunks)[b"IDAT"]) + b"\0")
    odd = pngs.assemble((kind, packed if kind == b"IDAT" else body) for kind, body in chunks)
    for side, files in (("first", (odd, good)), ("second", (good, odd))):
        row = both_ways(*files)
        assert (row.status, row.code) == ("same", "pixels_equal")
        assert f"{side} has surplus bytes" in row.messages


def test_colours_that_the_palette_lacks(both_ways) -> None:
    palette = [[0, 0, 0], [255, 255, 255]]
    inside, outside = np.zeros((4, 4, 1), np.uint16), np.full((4, 4, 1), 2, np.uint16)
    files = [pngs.write(samples, 3, 2, palette=palette) for samples in (inside, outside)]
    assert both_ways(*files).code == "corrupt"


def test_vectors(both_ways) -> None:
    """Every second two that take the short way."""
    files = sorted((oracles.VECTORS / "synthetic").glob("*.png"))
    headers = {path: pixels.inspect(path.read_bytes(), max_pixels=100) for path in files}
    two = itertools.combinations(files, 2)
    for first, second in [files for files in two if bands.alike(*map(headers.get, files))][::2]:
        both_ways(first, second)
    assert sum(both_ways.taken) > 150


def test_vectors_of_others(both_ways, shared_data: Path) -> None:
    files = sorted((shared_data / "vectors" / "skia" / "testdata").glob("*.png"))
    fixtures = sorted((shared_data / "vectors" / "pixelmatch" / "fixtures").glob("*.png"))
    for first, second in (*[*itertools.combinations(files, 2)][::2], *itertools.pairwise(fixtures)):
        both_ways(first, second)
