"""Arrays, PIL images and figures as samples: the values of each kind, and what is refused."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mymodules import images
from mymodules.errors import PictureError
from mymodules.images import arrays

STEPS = np.arange(256, dtype=np.uint8).reshape(16, 16)
DEEP = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (STEPS, STEPS[:, :, None]),
        (DEEP, DEEP[:, :, None]),
        (DEEP.astype(">u2"), DEEP[:, :, None]),
        (STEPS > 100, np.where(STEPS > 100, 255, 0)[:, :, None]),
        (np.dstack([STEPS] * 3), np.dstack([STEPS] * 3)),
        (STEPS[::-1, ::2], STEPS[::-1, ::2, None]),
        # As matplotlib reads files: divided in single precision.
        (STEPS.astype(np.float32) / np.float32(255), STEPS[:, :, None]),
        (DEEP.astype(np.float32) / np.float32(65535), DEEP[:, :, None]),
        # As scikit-image converts: multiplied by a reciprocal, in either precision.
        (STEPS * (1 / 255), STEPS[:, :, None]),
        (STEPS.astype(np.float32) * np.float32(1 / 255), STEPS[:, :, None]),
        (DEEP * (1 / 65535), DEEP[:, :, None]),
        # Between the steps of 8 bits: 0.1 * 65535 = 6553.5 and 0.3 * 65535 = 19660.5 are rounded to even.
        (np.array([[0.0, 0.25, 1.0]]), np.array([[[0], [16384], [65535]]])),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}",
)
def test_what_arrays_become(array: np.ndarray, expected: np.ndarray) -> None:
    before = array.copy()
    found = images.from_array(array)
    assert found.dtype == (np.uint16 if expected.max() > 255 else np.uint8)
    assert np.array_equal(found, expected)
    assert np.array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (
            np.full((3, 4), 1.01),
            r"float64 \(3, 4\): its values go from 1.01 to 1.01.*from 0 to 1: scale or clip them",
        ),
        (np.array([[0.5, 1 + 2**-52]]), "from 0.5 to 1.0000000000000002, and"),
        (np.full((3, 4), -0.01), "from -0.01 to -0.01"),
        (np.array([[0.5, np.nan]]), "it holds NaN"),
        (np.array([[0.5, np.inf]]), "to inf"),
        (STEPS.astype(np.int16), r"int16 \(16, 16\): convert it to uint8"),
        (STEPS.astype(np.int64), "int64"),
        (STEPS.astype(np.uint32), "uint32"),
        (STEPS.astype(np.float16) / 255, "float16"),
        (STEPS.astype(complex), "complex128"),
        (STEPS.astype(object), "object"),
        (STEPS[0], r"uint8 \(16,\): pass \(height, width\)"),
        (np.zeros((3, 4, 5), np.uint8), "1 to 4 channels"),
        (np.zeros((3, 4, 0), np.uint8), "1 to 4 channels"),
        (np.zeros((0, 4), np.uint8), "it holds no pixel"),
        (np.ma.masked_less(STEPS, 3), "masked values"),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else "",
)
def test_what_is_refused(array: np.ndarray, words: str) -> None:
    with pytest.raises(PictureError, match=f"^second .*{words}"):
        images.from_array(array, "second")


def test_an_array_with_a_mask_that_masks_nothing() -> None:
    assert np.array_equal(images.from_array(np.ma.masked_less(STEPS, 0)), STEPS[:, :, None])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_file_of_samples_holds_them(channels: int, kind: type) -> None:
    random = np.random.default_rng(channels)
    samples = random.integers(0, np.iinfo(kind).max, (9, 13, channels), kind, endpoint=True)
    data = arrays.to_file(samples)
    assert np.array_equal(images.decode(data, images.inspect(data)), samples)


PICTURES = {
    "1": Image.fromarray(STEPS > 100),
    "L": Image.fromarray(STEPS),
    "LA": Image.fromarray(np.dstack([STEPS, STEPS.T]), "LA"),
    "P": Image.fromarray(STEPS).convert("P"),
    "RGB": Image.fromarray(np.dstack([STEPS, STEPS.T, STEPS])),
    "RGBA": Image.fromarray(np.dstack([STEPS, STEPS.T, STEPS, STEPS])),
    "I;16": Image.fromarray(DEEP),
}


CLEAR = {"1": 255, "L": 7, "P": 7, "RGB": (7, 112, 7)}  # a transparent colour, which PIL writes for these


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        *((mode, {}) for mode in PICTURES),
        *((mode, {"transparency": colour}) for mode, colour in CLEAR.items()),
    ],
)
def test_a_pil_image_is_the_file_that_it_was_read_from(mode: str, options: dict[str, Any]) -> None:
    data = file_of(PICTURES[mode], **options)
    image = Image.open(io.BytesIO(data))
    assert image.mode == mode
    found = arrays.handed(image, "first")
    assert found.name == "PIL image"
    assert found.data is not None
    assert np.array_equal(images.read_rgba(found.data), images.read_rgba(data))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB", "F", "I"])
def test_other_modes_of_pil_are_refused(mode: str) -> None:
    with pytest.raises(PictureError, match=f"first is a PIL image of mode {mode}: convert it"):
        arrays.handed(Image.new(mode, (3, 4)), "first")


def test_what_pil_cannot_read_is_refused() -> None:
    data = file_of(PICTURES["RGB"])
    image = Image.open(io.BytesIO(data[:-40]))
    with pytest.raises(PictureError, match=r"first is a PIL image that cannot be read \(.*: pass its path"):
        arrays.handed(image, "first")
    image = Image.open(io.BytesIO(data))
    image.close()
    with pytest.raises(PictureError, match="first is a PIL image that cannot be read"):
        arrays.handed(image, "first")
    image = PICTURES["I;16"].copy()
    image.info["transparency"] = 7
    with pytest.raises(PictureError, match="mode I;16 with a transparent colour: convert it"):
        arrays.handed(image, "first")


def test_frames_of_pil_are_refused() -> None:
    one, other = Image.new("L", (3, 4), 1), Image.new("L", (3, 4), 2)
    image = Image.open(io.BytesIO(file_of(one, "GIF", save_all=True, append_images=[other])))
    with pytest.raises(PictureError, match=r"first has 2 frames: pass image\.copy\(\)"):
        arrays.handed(image, "first")


def test_other_objects_are_refused() -> None:
    for wrong in (None, 3, [[1, 2]], {"data": b""}):
        with pytest.raises(PictureError, match=f"first is of type {type(wrong).__name__}: pass a path"):
            arrays.handed(wrong, "first")
