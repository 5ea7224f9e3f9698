"""WebP: an animation of one frame, a second picture, and what is refused."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from mymodules import images
from mymodules.errors import ImageError

RNG = np.random.default_rng(5)
RGB = np.kron(RNG.integers(0, 256, (5, 7, 3)), np.ones((6, 5, 1))).astype(np.uint8)
RGBA = np.dstack([RGB, RNG.integers(0, 256, RGB.shape[:2])]).astype(np.uint8)
Chunk = tuple[bytes, bytes]


def chunks(picture: np.ndarray, **options: object) -> list[Chunk]:
    """The chunks of a picture as Pillow writes it, without the extended header."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", **options)
    data, at, found = file.getvalue(), 12, []
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + (length & 1)
    return [chunk for chunk in found if chunk[0] != b"VP8X"]


def packed(parts: list[Chunk]) -> bytes:
    return b"".join(
        kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1) for kind, body in parts
    )


def riff(*parts: Chunk) -> bytes:
    body = b"WEBP" + packed(list(parts))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def extended(flags: int, width: int = 35, height: int = 30) -> Chunk:
    return b"VP8X", bytes((flags, 0, 0, 0)) + uint24(width - 1) + uint24(height - 1)


def frame(parts: list[Chunk], left: int = 0, width: int = 35) -> Chunk:
    head = uint24(left // 2) + uint24(0) + uint24(width - 1) + uint24(29) + uint24(100) + b"\0"
    return b"ANMF", head + packed(parts)


ANIM = (b"ANIM", bytes(6))
LOSSY, LOSSLESS = chunks(RGB, quality=90), chunks(RGBA, lossless=True, exact=True)


def decoded(data: bytes) -> np.ndarray:
    return images.decode(data, images.inspect(data))


@pytest.mark.parametrize("parts", [LOSSY, LOSSLESS, chunks(RGBA, quality=90)])
def test_an_animation_of_one_frame_is_that_picture(parts: list[Chunk]) -> None:
    """The colours under alpha 0 are kept, which an animation decoder would lose."""
    alpha = 16 if parts is not LOSSY else 0
    plain = riff(*parts) if len(parts) == 1 else riff(extended(alpha), *parts)
    data = riff(extended(2 | alpha), ANIM, frame(parts))
    assert np.array_equal(decoded(data), decoded(plain))
    assert images.inspect(data).warnings == ("is an animation of one frame, which is its picture",)
    if parts is LOSSLESS:
        assert np.array_equal(decoded(data), RGBA)


@pytest.mark.parametrize(
    "parts",
    [
        (ANIM, frame(LOSSY), frame(LOSSY)),
        (ANIM, frame(LOSSY, left=2)),
        (ANIM, frame(chunks(RGB[:, :20]), width=20)),
    ],
)
def test_other_animations_are_refused(parts: tuple[Chunk, ...]) -> None:
    with pytest.raises(ImageError) as refused:
        images.inspect(riff(extended(2), *parts))
    assert refused.value.code == "animated"


def test_a_second_picture_is_skipped_and_named() -> None:
    """Pillow shows the first one."""
    data = riff(*LOSSY, *chunks(255 - RGB, quality=80))
    assert np.array_equal(decoded(data), np.asarray(Image.open(io.BytesIO(data))))
    assert images.inspect(data).warnings == ("holds a second picture, which other programs skip",)
    with pytest.raises(ImageError, match="programs differ"):
        images.inspect(riff(extended(0), *LOSSY, *LOSSY))


def test_an_extended_header_after_the_picture_is_skipped_and_named() -> None:
    data = riff(*LOSSY, extended(0, 99, 99))
    assert np.array_equal(decoded(data), np.asarray(Image.open(io.BytesIO(data))))
    assert "VP8X" in images.inspect(data).warnings[0]


def test_so_many_chunks_are_too_costly() -> None:
    with pytest.raises(ImageError) as refused:
        images.inspect(riff(*LOSSY, *[(b"ABCD", b"")] * 200_000))
    assert refused.value.code == "too_costly"
