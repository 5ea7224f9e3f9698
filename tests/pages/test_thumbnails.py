"""Thumbnails against parts that numpy cuts and means that it computes."""

import numpy as np
import pytest
from support import oracles
from support.containers import as_pillow_reads
from support.containers import pillow as encoded

from mymodules import batch
from mymodules.pages import display, thumbnails
from mymodules.pages.rows import ShownRows
from mymodules.pages.thumbnails import Part, Thumbnail

RANDOM = np.random.default_rng(13)
FIRST = RANDOM.integers(0, 256, (60, 80, 4), np.uint8)
SECOND = np.pad(FIRST, ((0, 20), (0, 0), (0, 0)))
SECOND[10:20, 30:50, :3] ^= 0x40
SECOND[30:33, 5:9, 3] ^= 0x80
SIDES = ("first", "second", "delta")
FULL = Part(20, 5, 40, 30, 40, 30)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> ShownRows:
    root = tmp_path_factory.mktemp("thumbnails")
    files = {
        "pair.png": (encoded(FIRST), encoded(SECOND)),
        "gone.png": (encoded(FIRST), encoded(SECOND)),
        "other.png": (encoded(FIRST), encoded(SECOND)),
        "missing.png": (encoded(FIRST), None),
        "deep/broken.png": (encoded(FIRST), encoded(SECOND)[:-30]),
    }
    for name, sides in files.items():
        for side, data in zip(("first", "second"), sides, strict=True):
            path = root / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if data is not None:
                path.write_bytes(data)
    (root / "out").mkdir()
    run = batch.run(
        root / "first", root / "second", root / "out", num_processors=1, pictures="none", store=None
    )
    (root / "second" / "gone.png").unlink()
    (root / "first" / "other.png").write_bytes(encoded(FIRST ^ 0x11))
    frame = run.frame()
    return ShownRows.of(frame, display.folders(frame))


def made(rows: ShownRows, part: Part, name: str = "pair.png") -> dict[str, Thumbnail]:
    found = thumbnails.of_row(rows, name, SIDES, part)
    assert all(isinstance(each, Thumbnail) for each in found.values())
    return found  # type: ignore[return-value]


def pixels(thumbnail: Thumbnail) -> np.ndarray:
    found = as_pillow_reads(thumbnail.data, "RGBA")
    assert found.shape[:2] == (thumbnail.height, thumbnail.width)
    return found


def test_a_part_at_full_size_has_the_pixels_that_were_compared(rows: ShownRows) -> None:
    found = made(rows, FULL)
    first, second = FIRST[5:35, 20:60], SECOND[5:35, 20:60]
    assert np.array_equal(pixels(found["first"]), first)
    assert np.array_equal(pixels(found["second"]), second)
    assert np.array_equal(pixels(found["delta"]), oracles.delta(first, second))


def test_a_picture_that_ends_in_the_part_is_smaller(rows: ShownRows) -> None:
    found = made(rows, Part(0, 50, 80, 30, 80, 30))
    assert np.array_equal(pixels(found["first"]), FIRST[50:])
    assert np.array_equal(pixels(found["second"]), SECOND[50:])
    assert np.array_equal(pixels(found["delta"]), oracles.delta(FIRST[50:], SECOND[50:]))


def test_a_picture_that_ends_before_the_part_is_empty_and_the_rest_differs(rows: ShownRows) -> None:
    found = made(rows, Part(0, 65, 8, 8, 8, 8))
    assert found["first"] == Thumbnail(b"", 0, 0, None)
    assert np.array_equal(pixels(found["second"]), SECOND[65:73, :8])
    darkest = np.array(oracles.ORANGE[-1], np.uint8)
    assert np.array_equal(pixels(found["delta"]), np.broadcast_to(darkest, (8, 8, 4)))


def test_a_reduced_part_has_means_of_colours_weighted_by_alpha(rows: ShownRows) -> None:
    found = made(rows, Part(0, 0, 80, 60, 20, 15))
    blocks = FIRST.reshape(15, 4, 20, 4, 4).astype(float)
    alpha = blocks[..., 3:]
    mean = np.concatenate(
        [(blocks[..., :3] * alpha).mean((1, 3)) * 255 / alpha.mean((1, 3)) / 255, alpha.mean((1, 3))], axis=2
    )
    assert np.abs(pixels(found["first"]) - mean).max() <= 1  # it is rounded twice


def test_a_reduced_part_of_an_opaque_picture_has_means() -> None:
    opaque = FIRST | np.array([0, 0, 0, 255], np.uint8)
    found = thumbnails.reduced(opaque, Part(0, 0, 80, 60, 20, 15))
    mean = opaque.reshape(15, 4, 20, 4, 4).mean((1, 3))
    assert np.abs(found - mean).max() <= 0.5


def test_a_reduced_difference_stays_visible_where_one_pixel_in_16_differs(rows: ShownRows) -> None:
    found = pixels(made(rows, Part(0, 0, 80, 80, 20, 20))["delta"])
    differs = oracles.delta(FIRST, SECOND)[:, :, 3] > 0
    assert np.array_equal(found[:, :, 3] > 0, differs.reshape(20, 4, 20, 4).any((1, 3)))


def test_what_cannot_be_shown_is_a_sentence(rows: ShownRows) -> None:
    gone = thumbnails.of_row(rows, "gone.png", SIDES, FULL)
    assert isinstance(gone["first"], Thumbnail)
    assert gone["second"] == f"second is gone: {rows.folders.second / 'gone.png'} no longer exists."
    assert "one of the pictures cannot be shown" in str(gone["delta"])
    missing = thumbnails.of_row(rows, "missing.png", ["second"], FULL)
    assert missing == {"second": "Only in first: second has no file of this name."}
    broken = thumbnails.of_row(rows, "deep/broken.png", ["second"], FULL)
    assert str(broken["second"]).startswith("second cannot be shown: ")


def test_a_file_that_has_changed_since_the_run_is_shown_and_reported(rows: ShownRows) -> None:
    found = made(rows, FULL, "other.png")
    assert np.array_equal(pixels(found["first"]), (FIRST ^ 0x11)[5:35, 20:60])
    assert "first has changed since the run" in str(found["first"].changed)
    assert found["second"].changed is None


@pytest.mark.parametrize(
    "asked",
    [
        [0, 0, 10, 10, 10],
        [0, 0, 10, 10, 11, 10],  # enlarged
        [-1, 0, 10, 10, 10, 10],
        [0, 0, 10, 10, 0, 10],
        [0, 0, 9000, 10, 9000, 10],
        [0, 0, "10", 10, 10, 10],
        [0, 0, 10.5, 10, 10, 10],
        [0, 0, 10, 10, True, 10],
    ],
)
def test_a_part_that_makes_no_sense_is_refused(asked: list[object]) -> None:
    with pytest.raises(ValueError, match="is not a part of a picture"):
        thumbnails.part(asked)


def test_a_part_has_six_numbers() -> None:
    assert thumbnails.part([1, 2, 30, 40, 15, 20]) == Part(1, 2, 30, 40, 15, 20)
