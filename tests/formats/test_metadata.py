"""Metadata of JPEG, WebP, BMP and TIFF: what a file sets is reported, and changes no pixel."""

import struct
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.containers import (
    GRAY,
    PROFILE,
    RGB,
    bmp_file,
    exif_block,
    jfif,
    jpeg_with,
    pillow,
    riff,
    segment,
    tiff_file,
    tiff_tags,
    vp8x,
)
from support.format_files import (
    EASY,
    WEBP_PICTURE,
)

from mymodules.formats import bmp, exif, jpeg, metadata, tiff, webp

PROFILE_PARTS = [
    segment(0xE2, b"ICC_PROFILE\0" + bytes((n + 1, 2)) + PROFILE[n * 150 :][:150]) for n in (0, 1)
]

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
