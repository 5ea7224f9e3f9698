"""JPEG, WebP, BMP and TIFF files by name, and the samples that they must decode to.

The files are made here. The samples come from elsewhere than the package: from the array that a lossless
file was made of, or from arithmetic.
"""

import struct
from types import ModuleType

import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, settings

from mymodules.errors import ImageError
from mymodules.formats import Header, bmp, jpeg, tiff, webp
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
    bmp_file,
    bmp_palette,
    exif_block,
    pack_bits,
    pillow,
    random,
    riff_chunks,
    run_lengths,
    tiff_file,
    tiff_tags,
    tifffile_writes,
)

PLAIN_JPEG = simplejpeg.encode_jpeg(RGB, 90)
PLAIN_WEBP = pillow(RGB, "WEBP", lossless=True)
WEBP_PICTURE = riff_chunks(PLAIN_WEBP)[0]
PLAIN_TIFF = tiff_file(tiff_tags(8, 3, 2), RGB.tobytes())
PALETTE_4 = bmp_palette(16)[0]

EASY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)


def read(module: ModuleType, data: bytes) -> tuple[Header, np.ndarray]:
    header = module.inspect(data)
    return header, module.decode(data, header)


def refusal(module: ModuleType, data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(module, data)
    return caught.value


def jpeg_frame(data: bytes, *, code: int | None = None, offset: int = 0, value: int | None = None) -> bytes:
    """The same JPEG with another frame marker, or one byte of its frame header changed."""
    changed = bytearray(data)
    at = data.index(b"\xff\xc0")
    if code is not None:
        changed[at + 1] = code
    if value is not None:
        changed[at + 4 + offset] = value
    return bytes(changed)


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
