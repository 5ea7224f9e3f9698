"""PNG: every kind decodes to what the table says, and what changes how it is shown is reported."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from imagecodecs import png_decode
from support import oracles, pngs
from support.png_files import BROKEN, picture, raw, refusal, with_stream

from mymodules import images

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
    for _ in range(60):
        drawn = pngs.draw(rng, colour_type, bit_depth)
        how = pngs.draw_writing(rng, interlace=interlace)
        pixels = images.read_rgba(drawn.png(**how))
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, drawn.rgba), (drawn, how)


@settings(derandomize=True, deadline=None, max_examples=150)
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
