"""JPEG, WebP, BMP and TIFF: what is read, what is refused, and that nothing else ever happens.

The pictures are made here. What they must decode to comes from elsewhere than the package: from the
array a lossless file was made of, from arithmetic written out in the test, or from Pillow and tifffile.
"""

import io
import logging
import struct
from fractions import Fraction
from types import ModuleType
from typing import Any

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from support.containers import (
    BITS,
    FLAT,
    GRAY,
    GRAY16,
    GRAY_ALPHA,
    PROFILE,
    RGB,
    RGB16,
    RGBA,
    RGBA16,
    as_pillow_reads,
    bmp_file,
    bmp_palette,
    exif_block,
    jfif,
    jpeg_with,
    pack_bits,
    pillow,
    random,
    riff,
    riff_chunks,
    run_lengths,
    segment,
    tiff_file,
    tiff_tags,
    tifffile_writes,
    vp8x,
)

from mymodules.errors import ImageError
from mymodules.formats import Header, bmp, exif, jpeg, metadata, tiff, webp


def read(module: ModuleType, data: bytes) -> tuple[Header, np.ndarray]:
    header = module.inspect(data)
    return header, module.decode(data, header)


def refusal(module: ModuleType, data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(module, data)
    return caught.value


# What is read: samples equal to what they were made of


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


def bmp_cases() -> dict[str, tuple[bytes, np.ndarray]]:
    cases: dict[str, tuple[bytes, np.ndarray]] = {}
    for bits in (1, 4, 8):
        for header in (12, 40, 64, 108, 124):
            palette, colours = bmp_palette(1 << bits, 3 if header == 12 else 4)
            data = bmp_file(pack_bits(BITS[bits], bits), bits, header=header, palette=palette)
            cases[f"{bits} bits, header {header}"] = data, colours[BITS[bits]]
    two, colours = bytes(4) + b"\xff\xff\xff\0", np.array([[0] * 3, [255] * 3], np.uint8)
    for bits in (4, 8):
        data = bmp_file(pack_bits(BITS[1], bits), bits, palette=two, colours=2)
        cases[f"{bits} bits, black and white only"] = data, colours[BITS[1]]
    bgr = RGB[:, :, ::-1].reshape(11, -1)
    cases["24 bits"] = bmp_file(bgr, 24), RGB
    cases["24 bits, top down"] = bmp_file(bgr, 24, size=(13, -11)), RGB
    bgra = RGBA[:, :, [2, 1, 0, 3]].reshape(11, -1)
    masks = (0xFF0000, 0xFF00, 0xFF)
    cases["32 bits, unused byte"] = bmp_file(bgra, 32), RGB
    cases["32 bits, later header, no masks in use"] = (
        bmp_file(bgra, 32, header=124, masks=(*masks, 0xFF << 24)),
        RGB,
    )
    cases["32 bits, masks behind"] = (
        bmp_file(bgra, 32, compression=3, palette=struct.pack("<3I", *masks)),
        RGB,
    )
    with_alpha = {"compression": 3, "masks": (*masks, 0xFF << 24)}
    cases["32 bits, alpha mask"] = bmp_file(bgra, 32, header=56, **with_alpha), RGBA
    cases["32 bits, alpha mask, version 5"] = bmp_file(bgra, 32, header=124, **with_alpha), RGBA
    masks = (0xFF, 0xFF00, 0xFF0000, 0xFF << 24)
    rgba_order = bmp_file(RGBA.reshape(11, -1), 32, header=108, compression=3, masks=masks)
    cases["32 bits, other order"] = rgba_order, RGBA
    return cases


BMP = bmp_cases()


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


def tiff_cases() -> dict[str, tuple[bytes, np.ndarray]]:
    cases: dict[str, tuple[bytes, np.ndarray]] = {}
    kinds = {"gray": GRAY, "rgb": RGB, "rgba": RGBA, "gray 16": GRAY16, "rgb 16": RGB16, "rgba 16": RGBA16}
    for name, samples in kinds.items():
        alpha = {"extrasamples": ["unassalpha"]} if samples.shape[2] == 4 else {}
        for order in "<>":
            cases[f"{name} {order}"] = (
                tifffile_writes(samples, byteorder=order, rowsperstrip=4, **alpha),
                samples,
            )
            tiles = tifffile_writes(samples, byteorder=order, tile=(16, 16), compression="lzw", **alpha)
            cases[f"{name} {order} lzw tiles"] = tiles, samples
        for compression in ("lzw", "zlib", "packbits"):
            strips = tifffile_writes(samples, compression=compression, rowsperstrip=4, **alpha)
            cases[f"{name} {compression}"] = strips, samples
        predicted = tifffile_writes(samples, compression="zlib", predictor=True, **alpha)
        cases[f"{name} predictor"] = predicted, samples
    for name, samples in (("rgb", RGB), ("rgb 16", RGB16)):
        planes = np.ascontiguousarray(np.moveaxis(samples, 2, 0))
        for compression in (None, "lzw"):
            data = tifffile_writes(planes, planarconfig="separate", compression=compression, rowsperstrip=4)
            cases[f"{name} planes {compression}"] = data, samples
    cases["big"] = tifffile_writes(RGB, bigtiff=True), RGB
    alpha = tiff_file(tiff_tags(8, 2, t338=(3, [2])), GRAY_ALPHA.tobytes())
    cases["gray and alpha"] = alpha, GRAY_ALPHA
    for bits in (1, 2, 4, 8):
        scaled = (BITS[bits].astype(int) * 255 // ((1 << bits) - 1))[:, :, None]
        packed = pack_bits(BITS[bits], bits).tobytes()
        cases[f"{bits} bits"] = tiff_file(tiff_tags(bits), packed), scaled
        cases[f"{bits} bits, white is 0"] = (
            tiff_file(tiff_tags(bits, photometric=0), packed, ">"),
            255 - scaled,
        )
        table = random.integers(256, 65536, (3, 1 << bits))
        tags = tiff_tags(bits, photometric=3, t320=(3, table.ravel().tolist()))
        cases[f"{bits} bits, palette"] = tiff_file(tags, packed), (table.T >> 8)[BITS[bits]]
    tags = tiff_tags(4, photometric=3, t320=(3, [*range(100, 148)]))
    narrow = np.arange(100, 148).reshape(3, 16).T[BITS[4]]
    cases["palette of 8-bit entries"] = tiff_file(tags, pack_bits(BITS[4], 4).tobytes()), narrow
    inverted = tiff_file(tiff_tags(16, photometric=0), GRAY16.astype("<u2").tobytes())
    cases["16 bits, white is 0"] = inverted, 65535 - GRAY16.astype(int)
    one = BITS[1].astype(bool)
    for compression in ("group3", "group4", "packbits"):
        cases[f"1 bit {compression}"] = pillow(one, "TIFF", compression=compression), one[:, :, None] * 255
    return cases


TIFF = tiff_cases()


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


# What is refused


def jpeg_frame(data: bytes, *, code: int | None = None, offset: int = 0, value: int | None = None) -> bytes:
    """The same JPEG with another frame marker, or one byte of its frame header changed."""
    changed = bytearray(data)
    at = data.index(b"\xff\xc0")
    if code is not None:
        changed[at + 1] = code
    if value is not None:
        changed[at + 4 + offset] = value
    return bytes(changed)


def animated_webp() -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(RGBA), Image.fromarray(RGBA[::-1])]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


PLAIN_JPEG = simplejpeg.encode_jpeg(RGB, 90)
CMYK_JPEG = io.BytesIO()
Image.fromarray(RGB).convert("CMYK").save(CMYK_JPEG, "JPEG")
PLAIN_WEBP = pillow(RGB, "WEBP", lossless=True)
WEBP_PICTURE = riff_chunks(PLAIN_WEBP)[0]
PLAIN_TIFF = tiff_file(tiff_tags(8, 3, 2), RGB.tobytes())
PALETTE_4 = bmp_palette(16)[0]

PROFILE_PARTS = [
    segment(0xE2, b"ICC_PROFILE\0" + bytes((n + 1, 2)) + PROFILE[n * 150 :][:150]) for n in (0, 1)
]

REFUSED: dict[str, tuple[ModuleType, bytes, str, str]] = {
    "CMYK JPEG": (jpeg, CMYK_JPEG.getvalue(), "unsupported", "CMYK"),
    "12-bit JPEG": (
        jpeg,
        imagecodecs.jpeg8_encode(RGB16 >> 4, 90, bitspersample=12),
        "unsupported",
        "12 bits",
    ),
    "lossless JPEG": (
        jpeg,
        imagecodecs.jpeg8_encode(RGB, lossless=True, predictor=1),
        "unsupported",
        "lossless",
    ),
    "arithmetic JPEG": (jpeg, jpeg_frame(PLAIN_JPEG, code=0xC9), "unsupported", "arithmetic"),
    "JPEG without height": (
        jpeg,
        jpeg_frame(jpeg_frame(PLAIN_JPEG, offset=1, value=0), offset=2, value=0),
        "unsupported",
        "height",
    ),
    "JPEG without end": (jpeg, PLAIN_JPEG[:-2], "truncated", "pixel data"),
    "JPEG with lost data": (jpeg, PLAIN_JPEG[:-60] + PLAIN_JPEG[-2:], "corrupt", "damaged"),
    "JPEG with more data": (jpeg, PLAIN_JPEG[:-2] + 20 * b"abc" + PLAIN_JPEG[-2:], "corrupt", "damaged"),
    "JPEG of nothing": (jpeg, b"\xff\xd8\xff\xd9", "corrupt", "no picture"),
    "animated WebP": (webp, animated_webp(), "animated", "animated"),
    "animated WebP that denies it": (webp, riff(vp8x(0), (b"ANIM", bytes(6))), "animated", "animated"),
    "cut WebP": (webp, PLAIN_WEBP[:-1], "truncated", "bytes"),
    "WebP of two sizes": (webp, riff(vp8x(0, 14), WEBP_PICTURE), "corrupt", "sizes"),
    "WebP of nothing": (webp, riff(vp8x(0), (b"XMP ", b"abcd")), "corrupt", "no picture"),
    "WebP chunk too long": (
        webp,
        PLAIN_WEBP[:16] + struct.pack("<I", 1 << 30) + PLAIN_WEBP[20:],
        "corrupt",
        "longer",
    ),
    "WebP with lost data": (
        webp,
        riff((b"VP8L", WEBP_PICTURE[1][: len(WEBP_PICTURE[1]) // 2])),
        "corrupt",
        "damaged",
    ),
    "PNG in BMP": (bmp, bmp_file(b"", 0, compression=5), "unsupported", "compression 5"),
    "BMP of an unknown header": (bmp, bmp_file(b"", 24, header=20), "unsupported", "20 bytes"),
    "text": (bmp, b"BM is how this text begins.", "not_an_image", "header"),
    "BMP without palette": (bmp, bmp_file(pack_bits(BITS[4], 4), 4), "corrupt", "palette"),
    "BMP without size": (bmp, bmp_file(b"", 24, size=(0, 11)), "corrupt", "0 x 11"),
    "several pages": (tiff, tifffile_writes(np.stack([RGB] * 3)), "animated", "several pages"),
    "several frames, one directory": (
        tiff,
        tiff_file(tiff_tags(8, 1, t270=(1, [*b"ImageJ=1.53\nimages=7\n\0"])), GRAY.tobytes()),
        "animated",
        "7 pages",
    ),
    "transparency mask": (
        tiff,
        tiff_file(tiff_tags(1, photometric=4, t254=(4, [4])), bytes(22)),
        "unsupported",
        "mask",
    ),
    "impossible width": (
        tiff,
        tiff_file(tiff_tags(8, t256=(4, [1 << 31])), GRAY.tobytes()),
        "corrupt",
        "impossible",
    ),
    "float TIFF": (tiff, tifffile_writes(GRAY.astype(np.float32)), "unsupported", "float"),
    "signed TIFF": (tiff, tifffile_writes(GRAY.astype(np.int16)), "unsupported", "signed"),
    "32-bit TIFF": (tiff, tifffile_writes(GRAY.astype(np.uint32)), "unsupported", "32 bits"),
    "CMYK TIFF": (tiff, tifffile_writes(RGBA, photometric="separated"), "unsupported", "CMYK"),
    "Lab TIFF": (tiff, tifffile_writes(RGB, photometric="cielab"), "unsupported", "CIE Lab"),
    "CFA TIFF": (tiff, tiff_file(tiff_tags(8, 1, 32803), GRAY.tobytes()), "unsupported", "CFA"),
    "YCbCr TIFF": (tiff, tiff_file(tiff_tags(8, 3, 6), RGB.tobytes()), "unsupported", "YCbCr"),
    "associated alpha": (
        tiff,
        tifffile_writes(RGBA, extrasamples=["assocalpha"]),
        "unsupported",
        "premultiplied",
    ),
    "unspecified fourth": (tiff, tifffile_writes(RGBA, extrasamples=["unspecified"]), "unsupported", "alpha"),
    "mixed depths": (
        tiff,
        tiff_file(tiff_tags(8, 3, 2, t258=(3, [8, 8, 16])), bytes(13 * 11 * 4)),
        "unsupported",
        "different depths",
    ),
    "unknown compression": (
        tiff,
        tiff_file(tiff_tags(8, t259=(3, [6])), GRAY.tobytes()),
        "unsupported",
        "compression 6",
    ),
    "strip beyond the end": (
        tiff,
        tiff_file(tiff_tags(8, 3, 2, t273=(4, [400])), RGB.tobytes()),
        "truncated",
        "end",
    ),
    "strip too short": (
        tiff,
        tiff_file(tiff_tags(8, 3, 2, t278=(3, [6]), t273=(4, [8, 242]), t279=(4, [233, 195])), RGB.tobytes()),
        "truncated",
        "shorter",
    ),
    "strips missing": (
        tiff,
        tiff_file(tiff_tags(8, 3, 2, t278=(3, [5])), RGB.tobytes()),
        "corrupt",
        "for 3 strips",
    ),
    "no width": (tiff, tiff_file(tiff_tags(8, t256=(3, [0])), GRAY.tobytes()), "corrupt", "0 x 11"),
    "directory of text": (
        tiff,
        tiff_file(tiff_tags(8, t256=(5, [1, 1])), GRAY.tobytes()),
        "corrupt",
        "tag 256",
    ),
    "palette too short": (
        tiff,
        tiff_file(tiff_tags(8, photometric=3, t320=(3, [0] * 12)), GRAY.tobytes()),
        "corrupt",
        "colour map",
    ),
    "damaged deflate": (
        tiff,
        tiff_file(tiff_tags(8, t259=(3, [8])), GRAY.tobytes()),
        "corrupt",
        "damaged",
    ),
    "enormous tiles": (
        tiff,
        tiff_file(
            tiff_tags(8, t322=(4, [1 << 20]), t323=(4, [1 << 20]), t324=(4, [8]), t325=(4, [143])),
            GRAY.tobytes(),
        ),
        "too_costly",
        "tiles",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    module, data, code, part = REFUSED[name]
    error = refusal(module, data)
    assert (error.code, part in error.reason) == (code, True), error


@pytest.mark.parametrize(
    "name", [name for name, (*_, code, _) in REFUSED.items() if code in ("animated", "truncated")]
)
def test_refused_without_decoding(name: str) -> None:
    """Files that are equal byte for byte are never decoded: the container alone has to tell."""
    module, data, code, _ = REFUSED[name]
    with pytest.raises(ImageError) as caught:
        module.inspect(data)
    assert caught.value.code == code


# Damage of every kind


SMALL: dict[str, tuple[ModuleType, bytes]] = {
    "jpeg": (jpeg, PLAIN_JPEG),
    "progressive jpeg": (jpeg, pillow(RGB, "JPEG", progressive=True)),
    "jpeg with exif and profile": (
        jpeg,
        pillow(GRAY, "JPEG", icc_profile=PROFILE, exif=b"Exif\0\0" + exif_block(3)),
    ),
    "lossless webp": (webp, PLAIN_WEBP),
    "lossy webp with alpha": (webp, pillow(RGBA, "WEBP", icc_profile=PROFILE)),
    "bmp 24": (bmp, BMP["24 bits"][0]),
    "bmp 4": (bmp, BMP["4 bits, header 40"][0]),
    "bmp alpha": (bmp, BMP["32 bits, alpha mask, version 5"][0]),
    "bmp rle": (
        bmp,
        bmp_file(run_lengths(FLAT, 4, literal=False), 4, size=(25, 12), compression=2, palette=PALETTE_4),
    ),
    "tiff": (tiff, PLAIN_TIFF),
    "tiff strips": (tiff, TIFF["rgb >"][0]),
    "tiff tiles": (tiff, TIFF["rgb 16 < lzw tiles"][0]),
    "tiff palette": (tiff, TIFF["4 bits, palette"][0]),
    "tiff group4": (tiff, TIFF["1 bit group4"][0]),
    "tiff jpeg": (tiff, tifffile_writes(RGB, compression="jpeg", metadata=None)),
    "big tiff": (tiff, TIFF["big"][0]),
}


@pytest.mark.parametrize("name", SMALL)
def test_cut_at_every_byte(name: str) -> None:
    """However much of the end is missing, the container says so; a pad byte of a TIFF counts for nothing."""
    module, data = SMALL[name]
    module.inspect(data)
    signature = {jpeg: 2, webp: 12, bmp: 6, tiff: 4}[module]
    for length in range(signature, len(data.rstrip(b"\0")) if module is tiff else len(data)):
        with pytest.raises(ImageError) as caught:
            module.inspect(data[:length])
        assert caught.value.code == "truncated", length


def outcome(module: ModuleType, data: bytes) -> str:
    """``read``, or the code of the refusal; anything but an ImageError comes through and fails the test."""
    try:
        header = module.inspect(data)
        if header.width * header.height > 1_000_000:
            return "large"
        samples = module.decode(data, header)
    except ImageError as error:
        return error.code
    assert samples.shape[:2] == (header.height, header.width)
    assert samples.dtype in (np.uint8, np.uint16)
    assert samples.shape[2] in (1, 2, 3, 4)
    return "read"


OUTCOMES = {"read", "large", "truncated", "corrupt", "animated", "unsupported", "not_an_image", "too_costly"}
EASY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", SMALL)
@EASY
@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_changed_bytes(name: str, flips: list[tuple[float, int]]) -> None:
    """Bytes after the signature get other values; half of them near the start, where the headers are."""
    module, data = SMALL[name]
    changed = bytearray(data)
    for where, value in flips:
        at = int(where * 2 * min(len(data), 160)) if where < 0.5 else int((where - 0.5) * 2 * len(data))
        changed[max(4, min(at, len(data) - 1))] = value
    assert outcome(module, bytes(changed)) in OUTCOMES


@EASY
@given(
    start=st.sampled_from(
        [
            (jpeg, b"\xff\xd8"),
            (webp, b"RIFF\x20\0\0\0WEBP"),
            (webp, b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0"),
            (bmp, b"BM"),
            (bmp, b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0"),
            (tiff, b"II*\0\x08\0\0\0"),
            (tiff, b"MM\0+\0\x08\0\0"),
        ]
    ),
    rest=st.binary(max_size=300),
)
@example(start=(tiff, b"II*\0"), rest=b"\xff" * 40)
@example(start=(jpeg, b"\xff\xd8"), rest=b"\xff" * 40)
def test_random_bytes(start: tuple[ModuleType, bytes], rest: bytes) -> None:
    assert outcome(start[0], start[1] + rest) in OUTCOMES


@pytest.mark.parametrize(
    ("module", "data", "size"),
    [
        (jpeg, jpeg_frame(PLAIN_JPEG, offset=1, value=255), (13, 0xFF0B)),
        (webp, riff((b"VP8L", b"\x2f" + struct.pack("<I", (1 << 28) - 1) + bytes(20))), (16384, 16384)),
        (
            bmp,
            bmp_file(
                b"\0\2\xff\xff" * 300 + b"\0\1",
                8,
                size=(60000, 60000),
                compression=1,
                palette=bmp_palette(256)[0],
            ),
            (60000, 60000),
        ),
        (
            tiff,
            tiff_file(
                tiff_tags(8, t256=(4, [60000]), t257=(4, [60000]), t259=(3, [8]), t278=(4, [60000])), b"abcd"
            ),
            (60000, 60000),
        ),
    ],
    ids=["jpeg", "webp", "bmp", "tiff"],
)
def test_enormous_sizes_are_only_read(module: ModuleType, data: bytes, size: tuple[int, int]) -> None:
    """The header comes back, for the caller to refuse; nothing of that size is made."""
    header = module.inspect(data)
    assert (header.width, header.height) == size


def test_broken_tiff_prints_and_logs_nothing(capfd: Any, caplog: Any) -> None:
    with caplog.at_level(logging.DEBUG):
        for name, (module, data, *_) in REFUSED.items():
            assert refusal(module, data), name
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


# Bytes after the end


@pytest.mark.parametrize("name", [name for name, (module, _) in SMALL.items() if module is not tiff])
def test_trailing_bytes(name: str) -> None:
    module, data = SMALL[name]
    header, samples = read(module, data)
    assert header.trailing == 0
    longer, same = read(module, data + b"trailing")
    assert longer.trailing == 8
    assert_array_equal(same, samples)


def test_second_picture_of_a_jpeg_is_trailing() -> None:
    """Multi-picture files (MPF) of phones: the first picture counts, the others are bytes after its end."""
    header, samples = read(jpeg, PLAIN_JPEG + PLAIN_JPEG[:100])
    assert header.trailing == 100
    assert_array_equal(samples, as_pillow_reads(PLAIN_JPEG))


def test_webp_pad_byte() -> None:
    """Odd chunks are padded, and the pad byte belongs to the file: libwebp refuses it without."""
    data = riff(vp8x(8), WEBP_PICTURE, (b"EXIF", b"abc"))
    header, samples = read(webp, data)
    assert header.trailing == 0
    assert_array_equal(samples, RGB)
    unpadded = b"RIFF" + struct.pack("<I", len(data) - 9) + data[8:-1]
    assert refusal(webp, unpadded).code == "corrupt"


def test_tiff_has_no_end() -> None:
    assert tiff.inspect(PLAIN_TIFF + b"trailing").trailing == 0


# Metadata


ICC = ("colour profile", metadata.profile(PROFILE))
EXIF_6 = ("orientation", "6")


def bmp_version_5(kind: bytes, rest: bytes = b"", profile: tuple[int, int] = (0, 0)) -> bytes:
    tail = bytes(16) + kind + rest.ljust(48, b"\0") + struct.pack("<IIII", 0, *profile, 0)
    return bmp_file(RGB[:, :, ::-1].reshape(11, -1), 24, header=124, rest=tail)


def rational(across: int, down: int, unit: int, below: int = 1) -> dict[str, Any]:
    return {"t282": (5, [across, below]), "t283": (5, [down, below]), "t296": (3, [unit])}


METADATA: dict[str, tuple[ModuleType, bytes, tuple[tuple[str, str], ...]]] = {
    "jpeg orientation": (jpeg, jpeg_with(segment(0xE1, b"Exif\0\0" + exif_block(6, ">"))), (EXIF_6,)),
    "jpeg profile in parts, swapped": (jpeg, jpeg_with(PROFILE_PARTS[1], PROFILE_PARTS[0]), (ICC,)),
    "jpeg neutral density": (jpeg, jpeg_with(jfif(0, 1, 1)), ()),
    "jpeg neutral density in other numbers": (jpeg, jpeg_with(jfif(0, 72, 72)), ()),
    "jpeg aspect": (jpeg, jpeg_with(jfif(0, 4, 2)), (("density", "2:1"),)),
    "jpeg per inch": (jpeg, jpeg_with(jfif(1, 96, 72)), (("density", "96 x 72 per inch"),)),
    "jpeg per centimetre": (jpeg, jpeg_with(jfif(2, 30, 30)), (("density", "3000 x 3000 per metre"),)),
    "jpeg Adobe marker": (jpeg, jpeg_with(segment(0xEE, b"Adobe\0d\0\0\0\0\1")), ()),
    "webp profile and orientation": (
        webp,
        pillow(RGB, "WEBP", icc_profile=PROFILE, exif=b"Exif\0\0" + exif_block(6)),
        (ICC, EXIF_6),
    ),
    "webp bare orientation": (webp, riff(vp8x(8), WEBP_PICTURE, (b"EXIF", exif_block(6))), (EXIF_6,)),
    "bmp density": (
        bmp,
        bmp_file(RGB.reshape(11, -1), 24, density=(2835, 2834)),
        (("density", "2835 x 2834 per metre"),),
    ),
    "bmp sRGB": (bmp, bmp_version_5(b"BGRs"), ()),
    "bmp embedded profile": (bmp, bmp_version_5(b"DEBM", profile=(124 + 440, 200)) + PROFILE, (ICC,)),
    "bmp calibrated": (
        bmp,
        bmp_version_5(bytes(4), b"\1"),
        (("colour profile", "calibrated 01" + "00" * 47),),
    ),
    "tiff orientation": (tiff, tiff_file(tiff_tags(8, t274=(3, [6])), GRAY.tobytes(), ">"), (EXIF_6,)),
    "tiff upright": (tiff, tiff_file(tiff_tags(8, t274=(3, [1])), GRAY.tobytes()), ()),
    "tiff profile": (tiff, tiff_file(tiff_tags(8, t34675=(1, [*PROFILE])), GRAY.tobytes()), (ICC,)),
    "tiff per inch": (
        tiff,
        tiff_file(tiff_tags(8, **rational(7200, 9600, 2, 100)), GRAY.tobytes()),
        (("density", "72 x 96 per inch"),),
    ),
    "tiff per centimetre": (
        tiff,
        tiff_file(tiff_tags(8, **rational(30, 30, 3)), GRAY.tobytes()),
        (("density", "3000 x 3000 per metre"),),
    ),
    "tiff aspect": (
        tiff,
        tiff_file(tiff_tags(8, **rational(2, 1, 1)), GRAY.tobytes()),
        (("density", "2:1"),),
    ),
    "tiff undefined": (tiff, tiff_file(tiff_tags(8, **rational(1, 1, 2, 0)), GRAY.tobytes()), ()),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata(name: str) -> None:
    """Expected: what the file was built with. It never changes a pixel, and nothing comes after the end."""
    module, data, expected = METADATA[name]
    header = module.inspect(data)
    assert header.metadata == expected
    assert header.trailing == 0
    module.decode(data, header)


def test_profiles_that_differ_have_different_texts() -> None:
    assert metadata.profile(PROFILE) != metadata.profile(PROFILE[:-1])


@pytest.mark.parametrize(
    ("x", "y", "unit", "expected"),
    [
        (0, 72, metadata.INCH, None),
        (3, 3, None, None),
        (Fraction(1, 3), Fraction(1, 2), None, "2:3"),
        (Fraction(145, 2), 72, metadata.INCH, "145/2 x 72 per inch"),
    ],
)
def test_density(x: Fraction, y: Fraction, unit: str | None, expected: str | None) -> None:
    assert metadata.density(x, y, unit) == expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4], ids=["short", "long"])
def test_exif_orientation(order: str, kind: int) -> None:
    """1 is how every picture is shown anyway; 0 and 9 do not exist."""
    found = [exif.orientation(exif_block(value, order, kind=kind)) for value in range(10)]
    assert found == [None, None, 2, 3, 4, 5, 6, 7, 8, None]


@EASY
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda rest: b"II*\0\x08\0\0\0" + rest)))
def test_broken_exif_says_nothing_and_never_fails(payload: bytes) -> None:
    assert exif.orientation(payload) in (None, 2, 3, 4, 5, 6, 7, 8)
    assert all(exif.orientation(exif_block(6)[:length]) is None for length in range(20))
