"""With the compiled kernel and without it, rows say the same to the last bit, and drawings show the same."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from support import oracles, pngs, stored

from mymodules import kernel, workers
from mymodules.kernel import Kernel
from mymodules.pairs import Pair

Drawn = dict[str, bytes]


class Recorder(Kernel):
    """A kernel that counts its calls."""

    calls = 0

    def compare(self, *arguments, **keywords):
        self.calls += 1
        return super().compare(*arguments, **keywords)


@pytest.fixture
def both_ways(tmp_path: Path, kernels: list[Kernel], monkeypatch: pytest.MonkeyPatch):
    """Compare two files with the highest kernel and with NumPy; returns the row, and whether it was used."""
    recorder = Recorder(kernels[-1].path)

    def run(compiled: Kernel | None, job: workers.Job) -> tuple[workers.PairResult, Drawn]:
        monkeypatch.setattr(kernel, "loaded", lambda: compiled)
        row = workers.compare(job)._replace(seconds=None)
        assert job.pictures_dir is not None
        drawn = sorted(job.pictures_dir.iterdir()) if job.pictures_dir.exists() else []
        return row, {path.name: path.read_bytes() for path in drawn}

    def compare(first: bytes | Path, second: bytes | Path) -> tuple[workers.PairResult, bool]:
        files = map(str, pngs.saved(tmp_path, first, second))
        before = recorder.calls
        job = workers.Job(Pair("x.png", *files), tmp_path / "drawn", "x", draw_same=True)
        row, drawn = run(recorder, job)
        row_without, drawn_without = run(None, job)
        assert row == row_without
        assert drawn.keys() == drawn_without.keys()
        for name, file in drawn.items():
            assert shows_the_same(file, drawn_without[name]), name
        assert len(drawn) == (0 if row.status == "error" else 5)
        return row, recorder.calls > before

    return compare


def shows_the_same(one: bytes, other: bytes) -> bool:
    return one == other or np.array_equal(*map(imagecodecs.png_decode, (one, other)))


@pytest.mark.parametrize("colour_type", [0, 2, 3])
def test_both_files_may_be_decoded_at_once(tmp_path: Path, colour_type: int) -> None:
    rng = np.random.default_rng(colour_type)
    one, other = (pngs.draw(rng, colour_type, 8, size=(40, 50)) for _ in range(2))
    whole, changed = one.png(filters=4), other.png(filters=4)
    for number, files in enumerate([(whole, changed), (whole[:-20], changed), (whole, changed[:90])]):
        paths = [tmp_path / f"{number}-{side}.png" for side in range(2)]
        for path, data in zip(paths, files, strict=True):
            path.write_bytes(data)
        job = workers.Job(Pair("x.png", *map(str, paths)))
        row, at_once = (
            workers.compare(each)._replace(seconds=None) for each in (job, job._replace(at_once=True))
        )
        assert at_once == row
        assert (row.status == "error") == (number > 0)


@pytest.mark.parametrize("channels", [3, 4])
def test_pages(both_ways, channels: int) -> None:
    for seed in range(30):
        rng = np.random.default_rng([channels, seed])
        height, width = int(rng.choice([7, 8, 33, 150])), int(rng.choice([7, 31, 32, 33, 100, 259]))
        first = stored.page(rng, height, width, channels)
        second = stored.changed(rng, first)[: max(7, height - int(rng.integers(3)))]
        filters = [rng.integers(0, 5, 40).tolist()] * 2 if seed % 2 else [rng, rng]
        kind = stored.COLOUR_TYPES[channels]
        files = [
            pngs.write(picture, kind, 8, filters=how)
            for picture, how in zip((first, second), filters, strict=True)
        ]
        _, used = both_ways(*files)
        assert used == (files[0] != files[1])


def test_pages_one_after_the_other_share_no_rows(both_ways) -> None:
    """A worker's memory is used again: rows of a larger page before do not show in a smaller one."""
    rng = np.random.default_rng(5)
    for height in (200, 9, 300, 7, 41):
        first = stored.page(rng, height, 90, 3)
        second = first ^ (rng.random(first.shape) < 0.01).astype(np.uint8)
        row, used = both_ways(*(pngs.write(each, 2, 8, filters=4) for each in (first, second)))
        assert used
        assert row.num_diff_pixels == np.count_nonzero((first != second).any(axis=2))


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_of_one_kind_the_kernel_takes_rgb_rgba_and_what_is_decoded_whole(
    both_ways, colour_type: int, bit_depth: int
) -> None:
    for seed in range(4):
        rng = np.random.default_rng([colour_type, bit_depth, seed])
        height = (6, 7)[seed % 2]
        first = pngs.draw(rng, colour_type, bit_depth, size=(height, 9), transparent=seed > 1)
        samples = first.samples.copy()
        samples[0, 0] = samples[-1, -1]
        other = pngs.Drawn(samples, colour_type, bit_depth, first.palette, first.trns)
        row, used = both_ways(first.png(), other.png(filters=4))
        assert row.status != "error"
        stored_as_pixels = (colour_type, bit_depth) in ((2, 8), (6, 8)) and first.trns is None
        decoded_whole = colour_type == 3 and len(first.palette) < 1 << bit_depth  # may use a colour it lacks
        assert used == (height == 7 and (stored_as_pixels or decoded_whole))


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
@pytest.mark.parametrize("other", [2, 6])
def test_of_two_kinds_the_kernel_takes_all_of_8_bits_or_fewer(
    both_ways, colour_type: int, bit_depth: int, other: int
) -> None:
    if (colour_type, bit_depth) == (other, 8):
        colour_type = 4  # gray with alpha
    for seed in range(2):
        rng = np.random.default_rng([colour_type, bit_depth, other, seed])
        one = pngs.draw(rng, colour_type, bit_depth, size=(19, 40), transparent=seed > 0)
        page = stored.page(rng, 17, 43, pngs.CHANNELS[other])
        row, used = both_ways(one.png(), pngs.write(page, other, 8, filters=4))
        assert row.code == "dimensions_differ"
        assert used == (bit_depth <= 8)


def test_the_kernel_takes_other_formats(both_ways) -> None:
    rng = np.random.default_rng(0)
    first = stored.page(rng, 60, 75, 3)
    second = stored.changed(rng, first)
    jpegs = [imagecodecs.jpeg_encode(picture, level=90) for picture in (first, second)]
    for one, other in (
        jpegs,
        [jpegs[0], pngs.write(second, 2, 8)],
        [jpegs[1], imagecodecs.bmp_encode(first)],
    ):
        row, used = both_ways(one, other)
        assert row.status == "changed"
        assert used


def test_large_pictures_that_are_decoded_whole_are_not_copied_for_the_kernel(
    tmp_path: Path, kernels: list[Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(kernels[-1].path)
    monkeypatch.setattr(kernel, "loaded", lambda: recorder)
    for height, copied in (
        (1000, True),
        (4100, False),
    ):  # RGBA of 4100 x 2100 px twice is more than 2^26 bytes
        pages = [np.zeros((height, 2100, channels), np.uint8) for channels in (3, 4)]
        files = pngs.saved(tmp_path, pngs.write(pages[0], 2, 8), pngs.write(pages[1], 6, 8))
        before = recorder.calls
        row = workers.compare(workers.Job(Pair("x.png", *map(str, files)), moves=False))
        assert row.num_diff_pixels == height * 2100
        assert (recorder.calls > before) == copied


@pytest.mark.parametrize("channels", [3, 4])
def test_one_picture_may_be_wider(both_ways, channels: int) -> None:
    kind = stored.COLOUR_TYPES[channels]
    for seed in range(20):
        rng = np.random.default_rng([channels, seed])
        wide = stored.page(rng, int(rng.integers(7, 60)), 75, channels)
        narrow = stored.changed(rng, wide)[: max(7, len(wide) - seed), : 75 - int(rng.choice([1, 10, 43]))]
        files = [pngs.write(picture, kind, 8, filters=4) for picture in (wide, narrow)]
        row, used = both_ways(*(files if seed % 2 else files[::-1]))
        assert row.code == "dimensions_differ"
        assert used


def test_a_picture_too_narrow_for_a_window_is_not_for_the_kernel(both_ways) -> None:
    first = stored.page(np.random.default_rng(0), 20, 30, 3)
    row, used = both_ways(pngs.write(first, 2, 8, filters=4), pngs.write(first[:, :6], 2, 8, filters=4))
    assert row.code == "dimensions_differ"
    assert not used


def test_damage_is_found_either_way(both_ways) -> None:
    first = stored.page(np.random.default_rng(0), 20, 30, 3)
    whole = pngs.write(first, 2, 8, filters=4)
    wrong = bytearray(pngs.scanlines(first, 2, 8, filters=4))
    wrong[-91] = 7
    chunks = [pngs.ihdr(30, 20, 2, 8), *pngs.idats(pngs.zlib.compress(bytes(wrong)), None), (b"IEND", b"")]
    for broken in (whole[: len(whole) // 2], pngs.assemble(chunks)):
        row, used = both_ways(whole, broken)
        assert row.status == "error"
        assert not used


def test_the_vectors(both_ways) -> None:
    folder = oracles.VECTORS / "synthetic"
    for name in oracles.synthetic()["pairs"]:
        both_ways(folder / f"{name}-a.png", folder / f"{name}-b.png")


@pytest.mark.parametrize(("data", "count"), [("screenshots", 4), ("plots", 12)])
def test_real_data(both_ways, shared_data: Path, data: str, count: int) -> None:
    first, second = shared_data / "data" / data / "first", shared_data / "data" / data / "second"
    files = sorted(path for path in first.rglob("*.png") if (second / path.relative_to(first)).exists())
    used = 0
    for path in files[:: 1 + len(files) // count]:
        other = second / path.relative_to(first)
        used += both_ways(path, other)[1]
    assert used
