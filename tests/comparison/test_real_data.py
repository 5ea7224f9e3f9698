"""The two sets of real pictures: counts, and every figure against an independent plain recount.

libpng (through imagecodecs) decodes for the recount; statuses and figures are plain numpy. And the rows are
the same, in every column but the time, if files that are alike are decoded in full: see `test_fast_path.py`.
"""

from collections import Counter
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import imagecodecs
import numpy as np
import pytest
from support import oracles
from support.unequal import unequal

from mymodules import batch, workers
from mymodules.images import bands, pixels
from mymodules.pairs import Pair

SETS = ("screenshots", "plots")
COMMON, ONLY_FIRST, ONLY_SECOND = {"screenshots": 23, "plots": 334}, {"plots": 18}, {"plots": 20}


class Recount(NamedTuple):
    """What the row of one pair must say."""

    same_bytes: bool
    first_size: list[int]  # width, height
    second_size: list[int]
    pixels: int
    percent: float
    highest: list[int]
    differing: np.ndarray  # uint8, rows of packed bits
    width: int


class Compared(NamedTuple):
    """One set: its folder, the rows of a run over it, as in its table and as returned, and the recounts."""

    folder: Path
    rows: list[Any]
    returned: dict[str, workers.PairResult]
    recounts: dict[str, Recount]  # of each pair, by name

    def files(self, name: str) -> tuple[Path, Path]:
        return self.folder / "first" / name, self.folder / "second" / name


def rgba(path: Path) -> np.ndarray:
    """8-bit RGBA of a PNG file; 16-bit transparency as premultiplying and undoing it leaves it."""
    samples = np.atleast_3d(imagecodecs.png_decode(path.read_bytes()))
    if (samples.dtype, samples.shape[2]) == (np.uint8, 3):
        return cv2.cvtColor(samples, cv2.COLOR_RGB2RGBA)
    if (samples.dtype, samples.shape[2]) == (np.uint8, 4):
        return samples
    full = 65535 if samples.dtype == np.uint16 else 255
    channels = samples.shape[2]
    colour = samples[..., : 3 if channels > 2 else 1]
    alpha = samples[..., -1:] if channels in (2, 4) else np.full_like(samples[..., :1], full)
    if full == 65535:
        colour, alpha = colour.astype(np.int64), alpha.astype(np.int64)
        colour = (colour * alpha // 65535) * 65535 // np.maximum(alpha, 1) >> 8
        alpha = alpha >> 8
    found = np.empty((*colour.shape[:2], 4), np.uint8)
    for channel in range(3):  # NumPy takes ten times as long with the last axis, which is short
        found[..., channel] = colour[..., channel % colour.shape[2]]
    found[..., 3] = alpha[..., 0]
    return found


def recount(first: Path, second: Path) -> Recount:
    same_bytes = first.read_bytes() == second.read_bytes()
    one = rgba(first)
    other = one if same_bytes else rgba(second)
    common_one, common_other, (height, width) = oracles.split(one, other)
    inside = unequal(common_one, common_other)
    differing = np.ones((height, width), bool)
    differing[: inside.shape[0], : inside.shape[1]] = inside
    highest = np.zeros(4, int)
    for top in range(0, len(inside), 256):  # in strips, for their memory
        rows = slice(top, top + 256)
        a, b = (part[rows][inside[rows]].astype(np.int16) for part in (common_one, common_other))
        highest = np.maximum(highest, [abs(a[:, each] - b[:, each]).max(initial=0) for each in range(4)])
    count = int(differing.sum())
    return Recount(
        same_bytes,
        [one.shape[1], one.shape[0]],
        [other.shape[1], other.shape[0]],
        count,
        float(np.float32(count) * np.float32(100) / np.float32(height * width)),
        highest.tolist(),
        np.packbits(differing, axis=1),
        width,
    )


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file()}


class Here(Executor):
    """Compares in this process, and keeps what it returns."""

    def __init__(self) -> None:
        self.rows: dict[str, workers.PairResult] = {}

    def submit(self, call: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(found := call(*arguments, **options))
        if call is workers.compare_many:
            self.rows |= {each.row.image_filename: each.row for each in found}
        return future


@pytest.fixture(scope="module", params=SETS)
def compared(request: Any, shared_data: Path, tmp_path_factory: Any) -> Compared:
    folder = shared_data / "data" / request.param
    if not folder.is_dir():
        pytest.skip(f"data/{request.param} is not among the shared data")
    out, here = tmp_path_factory.mktemp("out"), Here()
    run = batch.run(folder / "first", folder / "second", out, pictures="none", executor=here)
    both = names(folder / "first") & names(folder / "second")
    recounts = {name: recount(folder / "first" / name, folder / "second" / name) for name in both}
    return Compared(folder, list(run.frame().itertuples()), here.rows, recounts)


def test_one_row_for_every_file(compared: Compared) -> None:
    kind = compared.folder.name
    first, second = (names(compared.folder / side) for side in ("first", "second"))
    expected = COMMON[kind], ONLY_FIRST.get(kind, 0), ONLY_SECOND.get(kind, 0)
    assert (len(first & second), len(first - second), len(second - first)) == expected
    assert [row.image_filename for row in compared.rows] == sorted(first | second)
    counts = Counter(row.status for row in compared.rows)
    assert (counts["same"] + counts["changed"], counts["missing"], counts["extra"]) == expected
    assert counts["error"] == 0
    assert {row.image_filename for row in compared.rows if row.status == "missing"} == first - second
    assert {row.image_filename for row in compared.rows if row.status == "extra"} == second - first


def test_statuses_equal_a_recount(compared: Compared) -> None:
    for row in compared.rows:
        found = compared.recounts.get(row.image_filename)
        if found is None:
            continue
        if found.same_bytes:
            assert (row.status, row.code) == ("same", "bytes_equal"), row.image_filename
        elif found.first_size != found.second_size:
            assert (row.status, row.code) == ("changed", "dimensions_differ"), row.image_filename
        elif found.pixels:
            assert (row.status, row.code) == ("changed", "pixels_differ"), row.image_filename
        else:
            codes = ("pixels_equal", "metadata_differs", "low_bits_differ")
            assert row.code in codes, row.image_filename
    total = Counter(row.status for row in compared.rows)
    if compared.folder.name == "plots":
        assert (total["same"], total["changed"]) == (224, 110)
    else:
        assert total == {"changed": 23}


def test_pixel_figures_equal_a_recount(compared: Compared) -> None:
    for row in compared.rows:
        found = compared.recounts.get(row.image_filename)
        if found is None:
            continue
        assert row.num_diff_pixels == found.pixels, row.image_filename
        assert row.pixel_diff_percent == pytest.approx(found.percent, rel=1e-6), row.image_filename
        highest = [row.max_diff_r, row.max_diff_g, row.max_diff_b, row.max_diff_a]
        assert highest == found.highest, row.image_filename
        assert row.dim_differ == (found.first_size != found.second_size)
        combined = oracles.combined(found.highest, found.percent)
        assert row.combined == pytest.approx(combined, rel=1e-6), row.image_filename
        assert [row.width_first, row.height_first] == found.first_size
        assert [row.width_second, row.height_second] == found.second_size
        if not found.pixels:
            assert row.ssim_score == 1.0


def test_every_differing_pixel_lies_in_exactly_one_region(compared: Compared) -> None:
    for row in compared.rows:
        found = compared.recounts.get(row.image_filename)
        if found is None:
            continue
        differing = np.unpackbits(found.differing, axis=1, count=found.width).astype(bool)
        boxes = np.zeros(differing.shape, np.uint8)
        for x, y, width, height in row.regions:
            boxes[y : y + height, x : x + width] += 1
            inside = differing[y : y + height, x : x + width]
            assert inside.shape == (height, width)
            for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert edge.any(), row.image_filename
        assert boxes.max() <= 1, row.image_filename
        assert (boxes[differing] == 1).all(), row.image_filename
        assert len(row.regions) <= 500


def test_similarity_equals_scikit_image(compared: Compared) -> None:
    """The three smallest pairs of one size, three from the rest of the list, and one of different sizes."""
    both = [row for row in compared.rows if row.image_filename in compared.recounts]
    both.sort(key=lambda row: row.width_first * row.height_first)
    changed = [row for row in both if row.code == "pixels_differ"]
    spread = [changed[place] for place in np.linspace(3, min(len(changed) - 1, 90), 3).astype(int)]
    for row in changed[:3] + spread + [row for row in both if row.code == "dimensions_differ"][:1]:
        score = oracles.mean_similarity(*map(rgba, compared.files(row.image_filename)))
        assert row.ssim_score == pytest.approx(score, abs=1e-9), row.image_filename


def test_files_that_are_decoded_in_full_say_the_same(
    compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third of the pairs that are decoded in bands."""
    alike = []
    for name, found in compared.recounts.items():
        files = compared.files(name)
        headers = [pixels.inspect(path.read_bytes(), max_pixels=10**9) for path in files]
        if not found.same_bytes and bands.alike(*headers):
            alike.append(Pair(name, *map(str, files)))
    assert len(alike) > 20
    monkeypatch.setattr(bands, "alike", lambda first, second: False)
    for pair in alike[::3]:
        ((in_full, *_),) = workers.compare_many([workers.Job(pair)])
        assert in_full._replace(seconds=None) == compared.returned[pair.name]._replace(seconds=None)
