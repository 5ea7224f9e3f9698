"""Damaged pixel data of PNG in an intact container: refused by their code, or read as they are."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from support import pngs
from support.png_files import BROKEN, picture, raw, refusal, with_stream

from mymodules import images
from mymodules.errors import ImageError


def damaged_streams(drawn: pngs.Drawn, interlace: bool) -> dict[str, bytes]:
    body = raw(drawn, interlace=interlace)
    stream = zlib.compress(body)
    row = len(raw(replace(drawn, samples=drawn.samples[:1])))
    return {
        "a byte short": zlib.compress(body[:-1]),
        "a row short": zlib.compress(body[:-row]),
        "half": zlib.compress(body[: len(body) // 2]),
        "nothing": zlib.compress(b""),
        "wrong checksum": stream[:-1] + bytes([stream[-1] ^ 1]),
        "checksum cut": stream[:-4],
        "checksum half": stream[:-2],
        "cut": stream[: len(stream) // 2],
        "header only": stream[:2],
        "one byte": stream[:1],
        "not deflated": body,
        "gzip": b"\x1f\x8b" + stream[2:],
        "other method": b"\x79\x9c" + stream[2:],
        "header check": bytes([stream[0], stream[1] ^ 1]) + stream[2:],
        "preset dictionary": b"\x78\x20" + b"\0\0\0\1" + stream[2:],
    }


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
@pytest.mark.parametrize("damage", damaged_streams(picture(), False))
def test_damaged_pixel_data_are_refused(
    colour_type: int, bit_depth: int, interlace: bool, damage: str
) -> None:
    drawn = picture(colour_type, bit_depth, size=(9, 11))
    data = with_stream(drawn, damaged_streams(drawn, interlace)[damage], interlace=interlace)
    images.inspect(data)
    allowed = {"corrupt"} if damage == "wrong checksum" else BROKEN
    assert refusal(images.read_rgba, data) in allowed


@pytest.mark.parametrize("value", [5, 6, 127, 255])
@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_a_filter_that_does_not_exist_is_corrupt(
    colour_type: int, bit_depth: int, interlace: bool, value: int
) -> None:
    drawn = picture(colour_type, bit_depth, size=(3, 5))
    body = raw(drawn, interlace=interlace)
    starts = [0]
    for x, y, step_x, step_y in pngs.passes(5, 3, interlace):
        for row in pngs.pack(drawn.samples[y::step_y, x::step_x], bit_depth):
            starts.append(starts[-1] + 1 + len(row))
    assert starts.pop() == len(body)
    for start in starts:
        bad = body[:start] + bytes([value]) + body[start + 1 :]
        assert (
            refusal(images.read_rgba, with_stream(drawn, zlib.compress(bad), interlace=interlace))
            == "corrupt"
        )


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize("bit_depth", [1, 2, 4, 8])
def test_an_index_past_the_palette_is_corrupt(bit_depth: int, interlace: bool) -> None:
    entries = 2**bit_depth - 1
    palette = np.arange(entries * 3).reshape(entries, 3) % 256
    for place in np.ndindex(3, 5):
        samples = np.zeros((3, 5), int)
        samples[place] = entries
        data = pngs.write(samples, 3, bit_depth, palette=palette, interlace=interlace)
        assert refusal(images.read_rgba, data) == "corrupt"


# Any other damage


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_damage_with_sound_checksums_is_refused_or_read_as_it_stands(
    colour_type: int, bit_depth: int
) -> None:
    """Bytes are changed in any chunk and its CRC is corrected: the file is read as it stands, or refused."""
    rng = np.random.default_rng([6, colour_type, bit_depth])
    for _ in range(100):
        drawn = pngs.draw(rng, colour_type, bit_depth)
        chunks = pngs.chunks_of(drawn.png(filters=rng, level=0, interlace=bool(rng.integers(2))))
        number = int(rng.integers(len(chunks)))
        kind, body = chunks[number]
        damaged = bytearray(body)
        for _ in range(int(rng.integers(1, 4))):
            if damaged:
                damaged[rng.integers(len(damaged))] = rng.integers(256)
        if rng.integers(4) == 0:
            damaged = damaged[: rng.integers(len(damaged) + 1)]
        chunks[number] = kind, bytes(damaged)
        data = pngs.assemble(chunks)
        try:
            pixels = images.read_rgba(data, max_pixels=1_000_000)
        except ImageError:
            continue
        assert np.array_equal(pixels, pngs.read(data).rgba)
