"""PNG: every kind decodes to what the table says, and whatever is wrong with a file is found, by its code."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from imagecodecs import png_decode
from support import oracles, pngs

from mymodules import images
from mymodules.errors import ImageError

BROKEN = {"truncated", "corrupt"}


def refusal(call: Callable[..., Any], data: Any, **options: Any) -> str:
    """The code with which the call refuses the data."""
    with pytest.raises(ImageError) as caught:
        call(data, **options)
    assert caught.value.reason
    return caught.value.code


def picture(colour_type: int = 2, bit_depth: int = 8, *, seed: int = 0, **how: Any) -> pngs.Drawn:
    return pngs.draw(np.random.default_rng(seed), colour_type, bit_depth, **how)


def container(data: bytes) -> list[pngs.Chunk]:
    """Chunks of a file, for tests that break it."""
    return pngs.chunks_of(data)


def with_stream(drawn: pngs.Drawn, stream: bytes, *, interlace: bool = False) -> bytes:
    """The picture's file with this as its whole IDAT."""
    chunks = container(drawn.png(interlace=interlace))
    return pngs.assemble([(kind, stream if kind == b"IDAT" else data) for kind, data in chunks])


def raw(drawn: pngs.Drawn, **how: Any) -> bytes:
    return pngs.scanlines(drawn.samples, drawn.colour_type, drawn.bit_depth, **how)


# The oracle itself


@pytest.mark.parametrize("name", oracles.synthetic()["decode"])
def test_the_expected_pixels_are_those_of_the_vectors(name: str) -> None:
    vector = oracles.synthetic()["decode"][name]
    drawn = pngs.read((oracles.VECTORS / vector["file"]).read_bytes())
    assert np.array_equal(drawn.gold_rgba, oracles.as_rgba(vector, "nrgba"))


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_what_the_writer_writes_is_read_back_by_others(colour_type: int, bit_depth: int) -> None:
    rng = np.random.default_rng([1, colour_type, bit_depth])
    for _ in range(30):
        drawn = pngs.draw(rng, colour_type, bit_depth)
        how = pngs.draw_writing(rng, interlace=False) | {"chunks_before": []}
        assert np.array_equal(pngs.read(drawn.png(**how)).samples, drawn.samples)
        if bit_depth == 8:
            theirs = np.atleast_3d(png_decode(drawn.png(**how)))
            channels = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[theirs.shape[2]]
            assert np.array_equal(theirs, drawn.rgba[..., channels])


# Pixels


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_every_kind_decodes_to_the_expected_pixels(colour_type: int, bit_depth: int, interlace: bool) -> None:
    rng = np.random.default_rng([2, colour_type, bit_depth, interlace])
    for _ in range(150):
        drawn = pngs.draw(rng, colour_type, bit_depth)
        how = pngs.draw_writing(rng, interlace=interlace)
        pixels = images.read_rgba(drawn.png(**how))
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, drawn.rgba), (drawn, how)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(drawn=pngs.drawings(), how=pngs.writings())
def test_any_picture_written_in_any_way_decodes_to_the_expected_pixels(
    drawn: pngs.Drawn, how: dict[str, Any]
) -> None:
    data = drawn.png(**how)
    header = images.inspect(data)
    height, width = drawn.samples.shape[:2]
    assert (header.format, header.width, header.height) == ("PNG", width, height)
    assert header.trailing == 0
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(drawn=pngs.drawings(), first=pngs.writings(), second=pngs.writings())
def test_how_a_file_is_written_does_not_change_its_pixels(
    drawn: pngs.Drawn, first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert np.array_equal(images.read_rgba(drawn.png(**first)), images.read_rgba(drawn.png(**second)))


@pytest.mark.parametrize(("colour_type", "bit_depth"), [(0, 1), (3, 2), (2, 8), (6, 16)])
def test_interlaced_pictures_of_every_small_size(colour_type: int, bit_depth: int) -> None:
    rng = np.random.default_rng([3, colour_type, bit_depth])
    for height in range(1, 10):
        for width in range(1, 18):
            drawn = pngs.draw(rng, colour_type, bit_depth, size=(height, width))
            assert np.array_equal(images.read_rgba(drawn.png(interlace=True, filters=rng)), drawn.rgba)


@pytest.mark.parametrize("row_filter", range(5))
@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_every_filter_on_every_row(colour_type: int, bit_depth: int, row_filter: int) -> None:
    drawn = picture(colour_type, bit_depth, size=(9, 13))
    assert np.array_equal(images.read_rgba(drawn.png(filters=row_filter)), drawn.rgba)


def test_a_larger_picture_with_every_filter_in_many_idats() -> None:
    rng = np.random.default_rng(4)
    drawn = pngs.draw(rng, 6, 8, size=(300, 211))
    data = drawn.png(filters=rng, idat_split=1000)
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


def test_the_largest_ratio_of_deflate() -> None:
    drawn = pngs.Drawn(np.full((700, 900, 3), 200), 2, 8)
    assert np.array_equal(images.read_rgba(drawn.png(level=9)), drawn.rgba)


def test_16_bits_with_alpha_are_premultiplied_and_undone_rounding_down() -> None:
    rng = np.random.default_rng(5)
    colour = rng.integers(0, 65536, (256, 128, 3))
    alpha = np.repeat(rng.integers(0, 65536, (256, 1, 1)) >> rng.integers(0, 16, (256, 1, 1)), 128, axis=1)
    drawn = pngs.Drawn(np.concatenate([colour, alpha], axis=2), 6, 16)
    assert np.array_equal(images.read_gold_rgba(drawn.png()), drawn.gold_rgba)
    assert np.array_equal(images.read_rgba(drawn.png()), drawn.rgba)


def test_16_bit_transparent_colour_must_match_in_the_low_byte_too() -> None:
    samples = np.array([[0x1234, 0x1235, 0x1334, 0x3412]])
    drawn = pngs.Drawn(samples, 0, 16, trns=0x1234)
    pixels = images.read_rgba(drawn.png())
    assert pixels[..., 3].tolist() == [[0, 255, 255, 255]]
    assert pixels[0, 0].tolist() == [0x12, 0x12, 0x12, 0]
    assert images.read_gold_rgba(drawn.png())[0, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("bit_depth", [1, 2, 4, 8])
def test_only_the_bits_of_the_depth_count_in_a_transparent_colour(bit_depth: int) -> None:
    drawn = pngs.Drawn(np.array([[0, 1]]), 0, bit_depth, trns=1)
    high = pngs.Drawn(np.array([[0, 1]]), 0, bit_depth, trns=1 + 2**bit_depth)
    assert np.array_equal(images.read_rgba(high.png()), drawn.rgba)


@pytest.mark.parametrize("bit_depth", [1, 2, 4])
def test_left_over_bits_of_a_row_mean_nothing(bit_depth: int) -> None:
    # the padding reads as an index past the palette: no pixel has it
    palette = np.array([[1, 2, 3]])
    drawn = pngs.Drawn(np.zeros((3, 3), int), 3, bit_depth, palette)
    for interlace in (False, True):
        data = drawn.png(padding=1, interlace=interlace)
        assert np.array_equal(images.read_rgba(data), drawn.rgba)


def test_a_palette_may_be_longer_than_what_is_used_and_its_alphas_shorter() -> None:
    palette = np.arange(768).reshape(256, 3) % 256
    drawn = pngs.Drawn(np.array([[0, 1, 2, 255]]), 3, 8, palette, trns=[0, 7])
    pixels = images.read_rgba(drawn.png())
    assert pixels[0, :, 3].tolist() == [0, 7, 255, 255]
    assert np.array_equal(pixels, drawn.rgba)


@pytest.mark.parametrize("kind", [b"sBIT", b"bKGD"])
def test_significant_bits_and_background_are_not_applied(kind: bytes) -> None:
    drawn = picture(2, 8)
    body = b"\5\6\5" if kind == b"sBIT" else b"\0\1\0\2\0\3"
    data = drawn.png(chunks_before=[(kind, body)])
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


def test_a_palette_in_a_true_colour_file_is_only_a_suggestion() -> None:
    drawn = picture(2, 8, transparent=False)
    data = drawn.png(chunks_before=[pngs.plte([[0, 0, 0], [9, 9, 9]])])
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


# Nothing is printed


def test_decoding_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    odd = [
        (b"iCCP", b"sRGB\0\0" + zlib.compress(b"too short")),
        (b"gAMA", struct.pack(">I", 0)),
        (b"tEXt", b"no keyword end"),
    ]
    for colour_type, bit_depth in pngs.KINDS:
        drawn = picture(colour_type, bit_depth, size=(9, 9), transparent=True)
        for interlace in (False, True):
            images.read_rgba(drawn.png(interlace=interlace))
            for extra in odd:
                data = drawn.png(interlace=interlace, chunks_before=[extra])
                assert np.array_equal(images.read_rgba(data), drawn.rgba)
            body = raw(drawn, interlace=interlace)
            stream = zlib.compress(body)
            for damaged in (stream[:-1] + b"!", stream[:-6], zlib.compress(body[:-1])):
                assert refusal(images.read_rgba, with_stream(drawn, damaged, interlace=interlace)) in BROKEN
    assert capfd.readouterr() == ("", "")


# What the container reveals


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
    chunks = container(many_chunks())
    for wrong in (0, zlib.crc32(chunks[number][0] + chunks[number][1]) ^ 1):
        parts = [pngs.chunk(k, d, crc=wrong if i == number else None) for i, (k, d) in enumerate(chunks)]
        data = pngs.SIGNATURE + b"".join(parts)
        assert refusal(images.inspect, data) == "corrupt"
        assert refusal(images.read_rgba, data) == "corrupt"


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
    chunks = container(many_chunks())
    for number in range(len(chunks) - 1):
        parts = [pngs.chunk(k, d, length=length if i == number else None) for i, (k, d) in enumerate(chunks)]
        if len(chunks[number][1]) != length:
            assert refusal(images.inspect, pngs.SIGNATURE + b"".join(parts)) in BROKEN


def test_every_chunk_that_must_be_there_is_missed() -> None:
    chunks = container(picture(3, 8).png())
    for kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
        data = pngs.assemble(c for c in chunks if c[0] != kind)
        assert refusal(images.read_rgba, data) in (BROKEN if kind == b"IEND" else {"corrupt"}), kind


def test_idats_must_follow_each_other() -> None:
    drawn = picture()
    chunks = container(drawn.png(idat_split=20))
    places = [i for i, (kind, _) in enumerate(chunks) if kind == b"IDAT"]
    assert len(places) > 2
    chunks.insert(places[1], pngs.text())
    assert refusal(images.read_rgba, pngs.assemble(chunks)) == "corrupt"


def test_only_empty_idats_are_refused() -> None:
    assert refusal(images.read_rgba, with_stream(picture(), b"")) in BROKEN


def test_the_header_comes_first_and_once() -> None:
    chunks = container(picture().png())
    for order in ([pngs.gama(), *chunks], [chunks[0], *chunks], chunks[1:]):
        assert refusal(images.inspect, pngs.assemble(order)) == "corrupt"


@pytest.mark.parametrize("body", [b"", b"\1\2", b"\1\2\3\4", bytes(257 * 3)])
def test_a_palette_has_1_to_256_whole_entries(body: bytes) -> None:
    chunks = [(k, body if k == b"PLTE" else d) for k, d in container(picture(3, 8).png())]
    assert refusal(images.read_rgba, pngs.assemble(chunks)) == "corrupt"


def test_a_palette_after_the_pixels_is_corrupt() -> None:
    chunks = container(picture(3, 8, transparent=False).png())
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
        chunks = container(picture(3, 8).png())
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
    chunks = container(picture().png())
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
    """A sound container of a few bytes that claims this size."""
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


# What only decoding reveals: the container is sound


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
        for row in drawn.samples[y::step_y, x::step_x]:
            starts.append(starts[-1] + 1 + len(pngs.pack(row, bit_depth)))
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


# Metadata: what changes how a picture is shown, but not its pixels


def metadata(*chunks: pngs.Chunk, after: tuple[pngs.Chunk, ...] = ()) -> dict[str, str]:
    found = images.inspect(picture().png(chunks_before=chunks, chunks_after_idat=after)).metadata
    assert list(found) == sorted(found)
    assert len(dict(found)) == len(found)
    return dict(found)


def differing(first: dict[str, str], second: dict[str, str]) -> set[str]:
    return {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ([], [pngs.gama()], {"gamma"}),
        ([pngs.gama(45455)], [pngs.gama(100000)], {"gamma"}),
        ([], [pngs.phys()], {"density"}),
        ([pngs.phys(3780, 3780)], [pngs.phys(2835, 3780)], {"density"}),
        ([pngs.phys(3780, 3780)], [pngs.phys(3780, 2835)], {"density"}),
        ([pngs.phys(1, 1, 1)], [pngs.phys(1, 1, 0)], {"density"}),
        ([], [pngs.iccp()], {"colour profile"}),
        ([pngs.iccp(b"one")], [pngs.iccp(b"two")], {"colour profile"}),
        ([], [pngs.srgb()], {"colour profile"}),
        ([pngs.srgb(0)], [pngs.srgb(1)], {"colour profile"}),
        ([pngs.srgb()], [pngs.iccp()], {"colour profile"}),
        ([], [pngs.chrm()], {"colour profile"}),
        ([pngs.chrm(64000)], [pngs.chrm(63999)], {"colour profile"}),
        ([], [pngs.exif(6)], {"orientation"}),
        ([pngs.exif(3)], [pngs.exif(6)], {"orientation"}),
        ([pngs.exif(6)], [pngs.exif(6, order=">")], set()),
        ([pngs.exif(6)], [pngs.exif(6, maker=b"me")], set()),
        ([], [pngs.exif(None, maker=b"me")], set()),
        ([], [pngs.text()], set()),
        ([pngs.text(b"Comment", b"a")], [pngs.text(b"Author", b"b"), pngs.text()], set()),
        ([], [(b"tIME", b"\x07\xe9\1\1\0\0\0")], set()),
        ([], [(b"zTXt", b"k\0\0" + zlib.compress(b"v"))], set()),
        ([], [(b"iTXt", b"k\0\0\0\0\0v")], set()),
        ([pngs.iccp(bytes(500), level=1)], [pngs.iccp(bytes(500), level=9)], set()),
        ([pngs.gama(), pngs.phys()], [pngs.phys(), pngs.gama()], set()),
        ([pngs.gama(), pngs.phys()], [pngs.iccp()], {"gamma", "density", "colour profile"}),
    ],
)
def test_metadata_differ_exactly_where_the_setting_does(
    first: list[pngs.Chunk], second: list[pngs.Chunk], names: set[str]
) -> None:
    assert differing(metadata(*first), metadata(*second)) == names
    assert differing(metadata(*second), metadata(*first)) == names


def test_metadata_after_the_pixels_count_as_well() -> None:
    assert differing(metadata(), metadata(after=(pngs.exif(8),))) == {"orientation"}


def test_a_plain_file_has_no_metadata_and_metadata_leave_the_pixels_alone() -> None:
    assert metadata(pngs.text()) == {}
    drawn = picture()
    data = drawn.png(chunks_before=[pngs.gama(100000), pngs.iccp(), pngs.exif(6), pngs.phys()])
    assert np.array_equal(images.read_rgba(data), drawn.rgba)


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_the_header_tells_the_bit_depth(colour_type: int, bit_depth: int) -> None:
    assert images.inspect(picture(colour_type, bit_depth).png()).depth == bit_depth


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_native_samples_keep_their_depth_and_their_channels(colour_type: int, bit_depth: int) -> None:
    """`images.decode` gives 16 bits where the file has them, so that low bits can be compared."""
    drawn = picture(colour_type, bit_depth, size=(6, 7))
    data = drawn.png(filters=[4, 3, 2, 1, 0])
    samples = images.decode(data, images.inspect(data))
    assert samples.dtype == (np.uint16 if bit_depth == 16 else np.uint8)
    assert samples.ndim == 3
    assert samples.shape[:2] == (6, 7)
    assert samples.shape[2] in (1, 2, 3, 4)
    assert np.array_equal(images.to_rgba(samples), drawn.rgba)
    if bit_depth == 16:
        assert np.array_equal(samples[..., : drawn.samples.shape[2]], drawn.samples)


# Any other damage


@pytest.mark.parametrize(("colour_type", "bit_depth"), pngs.KINDS)
def test_damage_with_sound_checksums_is_refused_or_read_as_it_stands(
    colour_type: int, bit_depth: int
) -> None:
    """Bytes changed in any chunk and its CRC made right: what the file then says, or `ImageError`."""
    rng = np.random.default_rng([6, colour_type, bit_depth])
    for _ in range(200):
        drawn = pngs.draw(rng, colour_type, bit_depth)
        chunks = container(drawn.png(filters=rng, level=0, interlace=bool(rng.integers(2))))
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
