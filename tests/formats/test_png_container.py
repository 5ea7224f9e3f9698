"""The container of PNG: every fault of its chunks, and every size above the limit, is found by its code."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from support import pngs
from support.png_files import BROKEN, picture, refusal, with_stream

from mymodules import images
from mymodules.errors import ImageError


def test_no_bytes_at_all_are_empty() -> None:
    assert refusal(images.inspect, b"") == "empty"
    assert refusal(images.read_rgba, b"") == "empty"


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colour_type", "bit_depth"), [(0, 1), (2, 8), (3, 4), (6, 16)])
def test_a_file_cut_anywhere_is_refused(colour_type: int, bit_depth: int, interlace: bool) -> None:
    drawn = picture(colour_type, bit_depth, transparent=True)
    data = drawn.png(
        interlace=interlace,
        idat_split=20,
        chunks_before=[pngs.gama(), pngs.iccp(), pngs.phys()],
        chunks_after_idat=[pngs.text()],
    )
    images.inspect(data)
    for end in range(1, len(data)):
        assert refusal(images.inspect, data[:end]) in BROKEN, end
        assert refusal(images.read_rgba, data[:end]) in BROKEN, end


@pytest.mark.parametrize("end", range(1, 8))
def test_a_beginning_of_the_signature_is_truncated(end: int) -> None:
    assert refusal(images.inspect, pngs.SIGNATURE[:end]) == "truncated"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNX",
        b"PNG\r\n\x1a\n",
        b"<!DOCTYPE html><html><title>404</title></html>",
        b"\0" * 100,
        b"\x89PNG\n\x1a\n\0" + b"\0" * 50,
    ],
    ids=["close", "without its first byte", "html", "zeros", "line ends changed"],
)
def test_what_has_no_signature_is_not_an_image(data: bytes) -> None:
    assert refusal(images.inspect, data) == "not_an_image"
    assert refusal(images.read_rgba, data) == "not_an_image"


def test_the_name_does_not_decide(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_bytes(b"<html>this is no picture</html>")
    assert refusal(images.read_rgba, page) == "not_an_image"
    drawn = picture()
    other = tmp_path / "picture.jpg"
    other.write_bytes(drawn.png())
    assert np.array_equal(images.read_rgba(other), drawn.rgba)


@pytest.mark.parametrize("version", [b"GIF87a", b"GIF89a"])
def test_gif_is_unsupported(version: bytes, tmp_path: Path) -> None:
    data = version + b"\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    path = tmp_path / "moving.png"
    path.write_bytes(data)
    assert refusal(images.inspect, data) == "unsupported"
    assert refusal(images.read_rgba, path) == "unsupported"


def many_chunks() -> bytes:
    before = [pngs.gama(), pngs.chrm(), pngs.iccp(), pngs.phys(), pngs.exif(6), pngs.text()]
    drawn = picture(3, 8, transparent=True)
    return drawn.png(idat_split=30, chunks_before=before, chunks_after_idat=[pngs.text(b"Author")])


NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


@pytest.mark.parametrize(
    "number", [i for i, (kind, _) in enumerate(pngs.chunks_of(many_chunks())) if kind in NEEDED]
)
def test_a_wrong_checksum_of_any_chunk_that_pixels_need_is_corrupt(number: int) -> None:
    chunks = pngs.chunks_of(many_chunks())
    for wrong in (0, zlib.crc32(chunks[number][0] + chunks[number][1]) ^ 1):
        parts = [pngs.chunk(k, d, crc=wrong if i == number else None) for i, (k, d) in enumerate(chunks)]
        data = pngs.SIGNATURE + b"".join(parts)
        assert refusal(images.inspect, data) == "corrupt"
        assert refusal(images.read_rgba, data) == "corrupt"


@pytest.mark.parametrize("size", [2000, 3000, 70_000])
def test_a_wrong_checksum_of_long_chunks_is_found(size: int) -> None:
    """Of the first of two IDATs of noise, and of a text before them."""
    samples = np.random.default_rng(size).integers(0, 256, (size // 100, 60, 3), np.uint8)
    text = (b"tEXt", b"Comment\0" + b"x" * size)
    whole = pngs.write(samples, 2, 8, idat_split=size, chunks_before=[text])
    chunks = pngs.chunks_of(whole)
    number = next(i for i, (kind, data) in enumerate(chunks) if kind == b"IDAT" and len(data) == size)
    for wrong in (number, next(i for i, (kind, _) in enumerate(chunks) if kind == b"tEXt")):
        data = bytearray(whole)
        end = len(pngs.SIGNATURE) + sum(12 + len(body) for _, body in chunks[: wrong + 1])
        data[end - 4 - size // 2] ^= 1
        if wrong == number:
            assert refusal(images.inspect, bytes(data)) == "corrupt"
        else:
            warned = " ".join(images.inspect(bytes(data)).warnings)
            assert "wrong checksum" in warned
            assert "tEXt" in warned
    assert images.inspect(whole).warnings == ()


def test_any_byte_changed_is_found_without_decoding() -> None:
    data = many_chunks()
    for position in range(len(data)):
        for change in (0x01, 0x20, 0x80, 0xFF):
            bad = bytearray(data)
            bad[position] ^= change
            expected = {"not_an_image"} if position < 8 else BROKEN
            try:
                found = images.inspect(bytes(bad)).warnings
            except ImageError as error:
                found = error.code in expected
            assert found, (position, change)


@pytest.mark.parametrize("length", [0, 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_wrong_length_of_a_chunk_is_found(length: int) -> None:
    chunks = pngs.chunks_of(many_chunks())
    for number in range(len(chunks) - 1):
        parts = [pngs.chunk(k, d, length=length if i == number else None) for i, (k, d) in enumerate(chunks)]
        if len(chunks[number][1]) != length:
            assert refusal(images.inspect, pngs.SIGNATURE + b"".join(parts)) in BROKEN


def test_every_chunk_that_must_be_there_is_missed() -> None:
    chunks = pngs.chunks_of(picture(3, 8).png())
    for kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
        data = pngs.assemble(c for c in chunks if c[0] != kind)
        assert refusal(images.read_rgba, data) in (BROKEN if kind == b"IEND" else {"corrupt"}), kind


def test_idats_must_follow_each_other() -> None:
    drawn = picture()
    chunks = pngs.chunks_of(drawn.png(idat_split=20))
    places = [i for i, (kind, _) in enumerate(chunks) if kind == b"IDAT"]
    assert len(places) > 2
    chunks.insert(places[1], pngs.text())
    assert refusal(images.read_rgba, pngs.assemble(chunks)) == "corrupt"


def test_only_empty_idats_are_refused() -> None:
    assert refusal(images.read_rgba, with_stream(picture(), b"")) in BROKEN


def test_the_header_comes_first_and_once() -> None:
    chunks = pngs.chunks_of(picture().png())
    for order in ([pngs.gama(), *chunks], [chunks[0], *chunks], chunks[1:]):
        assert refusal(images.inspect, pngs.assemble(order)) == "corrupt"


@pytest.mark.parametrize("body", [b"", b"\1\2", b"\1\2\3\4", bytes(257 * 3)])
def test_a_palette_has_1_to_256_whole_entries(body: bytes) -> None:
    chunks = [(k, body if k == b"PLTE" else d) for k, d in pngs.chunks_of(picture(3, 8).png())]
    assert refusal(images.read_rgba, pngs.assemble(chunks)) == "corrupt"


def test_a_palette_after_the_pixels_is_corrupt() -> None:
    chunks = pngs.chunks_of(picture(3, 8, transparent=False).png())
    palette = next(c for c in chunks if c[0] == b"PLTE")
    chunks.remove(palette)
    chunks.insert(-1, palette)
    assert refusal(images.read_rgba, pngs.assemble(chunks)) == "corrupt"


def test_an_unknown_critical_chunk_is_refused_and_an_unknown_other_is_not() -> None:
    drawn = picture()
    assert refusal(images.read_rgba, drawn.png(chunks_before=[(b"ABCD", b"?")])) in {"unsupported", "corrupt"}
    data = drawn.png(chunks_before=[(b"abCD", b"?")], chunks_after_idat=[(b"zzZz", b"")])
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


@pytest.mark.parametrize("colour_type", range(8))
@pytest.mark.parametrize("bit_depth", [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 32, 255])
def test_a_colour_type_has_its_own_bit_depths(colour_type: int, bit_depth: int) -> None:
    if (colour_type, bit_depth) not in pngs.KINDS:
        chunks = pngs.chunks_of(picture(3, 8).png())
        chunks[0] = pngs.ihdr(2, 2, colour_type, bit_depth)
        assert refusal(images.inspect, pngs.assemble(chunks)) == "corrupt"


@pytest.mark.parametrize(
    "header",
    [
        pngs.ihdr(0, 5, 2, 8),
        pngs.ihdr(5, 0, 2, 8),
        pngs.ihdr(5, 5, 2, 8, compression=1),
        pngs.ihdr(5, 5, 2, 8, filtering=1),
        pngs.ihdr(5, 5, 2, 8, interlace=2),
        (b"IHDR", pngs.ihdr(5, 5, 2, 8)[1][:-1]),
        (b"IHDR", pngs.ihdr(5, 5, 2, 8)[1] + b"\0"),
        (b"IHDR", b""),
    ],
    ids=["width 0", "height 0", "compression", "filter method", "interlace", "short", "long", "empty"],
)
def test_a_header_that_makes_no_sense_is_corrupt(header: pngs.Chunk) -> None:
    chunks = pngs.chunks_of(picture().png())
    data = pngs.assemble([header, *chunks[1:]])
    assert refusal(images.inspect, data) == "corrupt"
    assert refusal(images.read_rgba, data) == "corrupt"


def test_an_animated_png_is_refused() -> None:
    drawn = picture()
    data = drawn.png(chunks_before=[(b"acTL", struct.pack(">II", 2, 0))])
    assert refusal(images.inspect, data) == "animated"
    assert refusal(images.read_rgba, data) == "animated"


@pytest.mark.parametrize("trailing", [b"\0", b"\r\n", b"IEND", b"x" * 5000, pngs.SIGNATURE])
def test_bytes_after_the_end_are_counted_not_refused(trailing: bytes) -> None:
    drawn = picture()
    data = drawn.png(trailing=trailing)
    assert images.inspect(data).trailing == len(trailing)
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


@pytest.mark.parametrize(
    "extra",
    [
        (b"gAMA", b""),
        (b"pHYs", b"\0"),
        (b"cHRM", b"\0" * 31),
        (b"sRGB", b""),
        (b"iCCP", b""),
        (b"iCCP", b"name without an end"),
        (b"iCCP", b"name\0\0not deflated"),
        (b"iCCP", b"name\0\1" + zlib.compress(b"other method")),
        (b"eXIf", b""),
        (b"eXIf", b"II*\0\xff\xff\xff\xff"),
        (b"eXIf", b"MM\0*\0\0\0\x08\xff\xff"),
        (b"tEXt", b""),
        (b"tIME", b""),
        (b"sBIT", b""),
        (b"bKGD", b""),
        (b"hIST", b"\0"),
    ],
    ids=lambda extra: f"{extra[0].decode()} {len(extra[1])}",
)
def test_a_malformed_ancillary_chunk_does_not_keep_the_pixels_away(extra: pngs.Chunk) -> None:
    drawn = picture()
    data = drawn.png(chunks_before=[extra])
    assert images.inspect(data).trailing == 0
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


# Limits


def enormous(width: int, height: int, colour_type: int = 6, bit_depth: int = 16) -> bytes:
    """Make an intact container of a few bytes that states this size."""
    return pngs.assemble(
        [pngs.ihdr(width, height, colour_type, bit_depth), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    )


@pytest.mark.parametrize("size", [(60000, 60000), (2**31 - 1, 2**31 - 1), (1, 250_000_001)])
def test_too_many_pixels_are_seen_in_the_header(size: tuple[int, int]) -> None:
    data = enormous(*size)
    images.read_rgba(picture().png())
    tracemalloc.start()
    try:
        assert refusal(images.inspect, data) == "too_many_pixels"
        assert refusal(images.read_rgba, data) == "too_many_pixels"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_can_be_chosen(tmp_path: Path) -> None:
    drawn = picture(size=(5, 7))
    data = drawn.png()
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for source in (data, path):
        assert np.array_equal(images.read_rgba(source, max_pixels=35), drawn.rgba)
        assert refusal(images.read_rgba, source, max_pixels=34) == "too_many_pixels"
    assert images.inspect(data, max_pixels=35).width == 7
    assert refusal(images.inspect, data, max_pixels=34) == "too_many_pixels"


def test_a_header_that_claims_more_than_the_data_can_hold_is_refused() -> None:
    assert refusal(images.read_rgba, enormous(15_000, 15_000, 0, 8)) in BROKEN


def test_data_that_inflate_to_far_more_than_the_header_says_cost_little() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    data = pngs.assemble([pngs.ihdr(10, 10, 2, 8), (b"IDAT", bomb), (b"IEND", b"")])
    tracemalloc.start()
    try:
        assert refusal(images.read_rgba, data) == "corrupt"
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_as_high_as_it_likes_but_not_wider_than_libpng_takes() -> None:
    """libpng refuses more than 1,000,000 px a side; rows go to it in parts, so only the width counts."""
    values = (np.arange(1_000_003) % 251).astype(np.uint8)
    stored = np.stack([np.ones_like(values), values], axis=1)  # one pixel a row, filter Sub
    data = (b"IDAT", zlib.compress(stored.tobytes(), 1))
    tall = pngs.assemble([pngs.ihdr(1, len(values), 0, 8), data, (b"IEND", b"")])
    np.testing.assert_array_equal(images.read_rgba(tall)[:, 0, 0], values)
    for filtering in (b"\0", b"\1"):
        row = (b"IDAT", zlib.compress(filtering + values[:1_000_001].tobytes(), 1))
        wide = pngs.assemble([pngs.ihdr(1_000_001, 1, 0, 8), row, (b"IEND", b"")])
        with pytest.raises(ImageError, match="1000001 px wide") as caught:
            images.read_rgba(wide)
        assert caught.value.code == "unsupported"
