"""JPEG, WebP, BMP and TIFF with damage of every kind: they are read or refused, and nothing else happens."""

import struct
from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from support.containers import (
    RGB,
    as_pillow_reads,
    bmp_file,
    bmp_palette,
    riff,
    tiff_file,
    tiff_tags,
    vp8x,
)
from support.format_files import (
    EASY,
    PLAIN_JPEG,
    PLAIN_TIFF,
    SMALL,
    WEBP_PICTURE,
    jpeg_frame,
    read,
    refusal,
)

from mymodules.errors import ImageError
from mymodules.formats import bmp, jpeg, tiff, webp


@pytest.mark.parametrize("name", SMALL)
def test_cut_at_every_byte(name: str) -> None:
    """The container shows that the end is missing, however little; a pad byte of a TIFF may be missing."""
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
    """The header is returned for the caller to refuse; nothing of that size is allocated."""
    header = module.inspect(data)
    assert (header.width, header.height) == size


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
