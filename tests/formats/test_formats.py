"""JPEG, WebP, BMP and TIFF: the samples of intact files.

The pictures are made here or in `support.format_files`. What they must decode to comes from elsewhere than
the package: from the array a lossless file was made of, from arithmetic written out in the test, or from
Pillow and tifffile.
"""

import io
import struct
from typing import Any

import numpy as np
import pytest
import simplejpeg
import tifffile
from numpy.testing import assert_array_equal
from support.containers import (
    FLAT,
    GRAY,
    PROFILE,
    RGB,
    RGBA,
    as_pillow_reads,
    bmp_file,
    bmp_palette,
    exif_block,
    jpeg_with,
    pillow,
    random,
    run_lengths,
    segment,
    tifffile_writes,
)
from support.format_files import (
    BMP,
    TIFF,
    read,
)

from mymodules.formats import bmp, jpeg, tiff, webp

LOSSLESS_WEBP = {
    "rgb": (pillow(RGB, "WEBP", lossless=True), RGB),
    "rgba, hidden colours kept": (pillow(RGBA, "WEBP", lossless=True, exact=True), RGBA),
    "rgb with an extended header": (pillow(RGB, "WEBP", lossless=True, icc_profile=PROFILE), RGB),
}


@pytest.mark.parametrize("name", LOSSLESS_WEBP)
def test_webp_lossless(name: str) -> None:
    """Expected: the array that was encoded."""
    data, expected = LOSSLESS_WEBP[name]
    header, samples = read(webp, data)
    assert_array_equal(samples, expected)
    assert (header.format, header.width, header.height, header.depth) == ("WebP", 13, 11, 8)
    assert header.trailing == 0


@pytest.mark.parametrize("samples", [RGB, RGBA], ids=["rgb", "rgba"])
def test_webp_lossy(samples: np.ndarray) -> None:
    """Expected: Pillow, whose libwebp is another build."""
    data = pillow(samples, "WEBP", quality=80)
    assert_array_equal(read(webp, data)[1], as_pillow_reads(data, "RGB" if samples is RGB else "RGBA"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": 1},
        {"keep_rgb": True},
        {"restart_marker_rows": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("samples", [RGB, GRAY], ids=["rgb", "gray"])
def test_jpeg(samples: np.ndarray, options: dict[str, Any]) -> None:
    """Expected: Pillow's libjpeg-turbo, which stores RGB JPEGs (keep_rgb) and reads them back too."""
    data = pillow(samples, "JPEG", quality=90, **options)
    header, decoded = read(jpeg, data)
    mode = "L" if samples is GRAY else "RGB"
    assert_array_equal(decoded, as_pillow_reads(data, mode).reshape(samples.shape))
    assert (header.format, header.width, header.height, header.depth) == ("JPEG", 13, 11, 8)
    assert header.trailing == 0


def test_jpeg_fill_bytes_and_thumbnail_are_no_end() -> None:
    """Bytes FF may stand before any marker; a whole JPEG inside EXIF is not the end of the outer one."""
    thumbnail = segment(0xE1, b"Exif\0\0" + exif_block(6) + simplejpeg.encode_jpeg(GRAY, colorspace="GRAY"))
    data = jpeg_with(thumbnail)
    filled = data[:2] + b"\xff\xff" + data[2:-2] + b"\xff\xff\xff" + data[-2:]
    header, samples = read(jpeg, filled)
    assert header.trailing == 0
    assert header.metadata == (("orientation", "6"),)
    assert_array_equal(samples, as_pillow_reads(data))


@pytest.mark.parametrize("name", BMP)
def test_bmp(name: str) -> None:
    """Expected: the array that the file was packed from."""
    data, expected = BMP[name]
    header, samples = read(bmp, data)
    assert_array_equal(samples, expected)
    assert (header.format, header.width, header.height, header.depth) == ("BMP", 13, 11, 8)
    assert (header.metadata, header.trailing) == ((), 0)


@pytest.mark.parametrize(
    ("masks", "bits"),
    [((), (5, 5, 5)), ((0x7C00, 0x03E0, 0x001F), (5, 5, 5)), ((0xF800, 0x07E0, 0x001F), (5, 6, 5))],
    ids=["default", "555", "565"],
)
def test_bmp_16_bits(masks: tuple[int, ...], bits: tuple[int, int, int]) -> None:
    """Expected: value * 255 // (2**bits - 1) for each field, and what Pillow reads."""
    fields = [random.integers(0, 1 << n, (11, 13)) for n in bits]
    packed = fields[0] << (bits[1] + bits[2]) | fields[1] << bits[2] | fields[2]
    rows = packed.astype("<u2").view(np.uint8).reshape(11, -1)
    behind = struct.pack(f"<{len(masks)}I", *masks)
    data = bmp_file(rows, 16, compression=3 if masks else 0, palette=behind)
    samples = read(bmp, data)[1]
    scaled = [field * 255 // ((1 << n) - 1) for field, n in zip(fields, bits, strict=True)]
    assert_array_equal(samples, np.stack(scaled, axis=2))
    assert_array_equal(samples, as_pillow_reads(data))


@pytest.mark.parametrize("literal", [False, True], ids=["runs", "literals"])
@pytest.mark.parametrize("bits", [4, 8])
def test_bmp_run_lengths(bits: int, literal: bool) -> None:
    """Expected: the array that was coded, and what Pillow reads."""
    palette, colours = bmp_palette(1 << bits)
    coded = run_lengths(FLAT, bits, literal=literal)
    data = bmp_file(coded, bits, size=(25, 12), compression=2 if bits == 4 else 1, palette=palette)
    header, samples = read(bmp, data)
    assert header.trailing == 0
    assert_array_equal(samples, colours[FLAT])
    assert_array_equal(samples, as_pillow_reads(data))


def test_bmp_run_lengths_skip_and_clip() -> None:
    """A skip leaves colour 0; a run of two colours alternates; what passes the end of a row is dropped."""
    palette, colours = bmp_palette(16)
    coded = bytes((3, 0x12, 0, 2, 1, 1, 9, 0x55, 0, 1))
    samples = read(bmp, bmp_file(coded, 4, size=(6, 3), compression=2, palette=palette))[1]
    expected = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 5, 5], [1, 2, 1, 0, 0, 0]]
    assert_array_equal(samples, colours[np.array(expected)])


@pytest.mark.parametrize("name", TIFF)
def test_tiff(name: str) -> None:
    """Expected: the array that the file was made of; scaled, inverted or looked up as the tag says."""
    data, expected = TIFF[name]
    header, samples = read(tiff, data)
    assert_array_equal(samples, expected)
    assert samples.dtype == (np.uint16 if "16" in name.split(",")[0].split(" ") else np.uint8)
    assert (header.format, header.width, header.height) == ("TIFF", 13, 11)
    assert header.trailing == 0


@pytest.mark.parametrize("photometric", ["ycbcr", "rgb", "minisblack"])
@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
def test_tiff_jpeg(photometric: str, tile: tuple[int, int] | None) -> None:
    """Expected: tifffile, which decodes the strips without libtiff."""
    samples = GRAY if photometric == "minisblack" else RGB
    options: dict[str, Any] = {"compression": "jpeg", "tile": tile, "photometric": photometric}
    data = tifffile_writes(samples, **options)
    assert_array_equal(read(tiff, data)[1], tifffile.imread(io.BytesIO(data)).reshape(samples.shape))


def test_tiff_thumbnail_is_not_a_page() -> None:
    """A reduced picture, before or after the full one, is passed over. Expected: the full one."""
    small = RGB[::2, ::2]
    for first, second in ((RGB, small), (small, RGB)):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for picture in (first, second):
                writer.write(picture, photometric="rgb", subfiletype=int(picture is small), metadata=None)
        assert_array_equal(read(tiff, file.getvalue())[1], RGB)
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(RGB, photometric="rgb", subifds=1, metadata=None)
        writer.write(small, photometric="rgb", subfiletype=1, metadata=None)
    assert_array_equal(read(tiff, file.getvalue())[1], RGB)
