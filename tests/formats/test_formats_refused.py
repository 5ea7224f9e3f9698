"""JPEG, WebP, BMP and TIFF: what is refused, with which code, and that nothing is printed or logged."""

import io
import logging
import struct
from types import ModuleType
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from support.containers import (
    BITS,
    GRAY,
    RGB,
    RGB16,
    RGBA,
    bmp_file,
    pack_bits,
    riff,
    tiff_file,
    tiff_tags,
    tifffile_writes,
    vp8x,
)
from support.format_files import (
    PLAIN_JPEG,
    PLAIN_WEBP,
    WEBP_PICTURE,
    jpeg_frame,
    refusal,
)

from mymodules.errors import ImageError
from mymodules.formats import bmp, jpeg, tiff, webp


def animated_webp() -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(RGBA), Image.fromarray(RGBA[::-1])]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


CMYK_JPEG = io.BytesIO()
Image.fromarray(RGB).convert("CMYK").save(CMYK_JPEG, "JPEG")


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
    """Files that are equal byte for byte are never decoded, so the container alone has to show the fault."""
    module, data, code, _ = REFUSED[name]
    with pytest.raises(ImageError) as caught:
        module.inspect(data)
    assert caught.value.code == code


def test_refused_files_print_and_log_nothing(capfd: Any, caplog: Any) -> None:
    with caplog.at_level(logging.DEBUG):
        for name, (module, data, *_) in REFUSED.items():
            assert refusal(module, data), name
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
