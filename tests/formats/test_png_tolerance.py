"""PNG files that are odd where the picture does not need it: compared as others show them, and named.

What other programs show was tried with Pillow, OpenCV, libpng, Skia and Chromium. Where these disagree about
the pixels, the file is refused; the message says that they do.
"""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from support import pngs

from mymodules import images, workers
from mymodules.errors import ImageError
from mymodules.formats import png
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult

COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
RNG = np.random.default_rng(11)
SAMPLES = RNG.integers(0, 256, (9, 14, 3))
GRAY = RNG.integers(0, 256, (9, 14, 1))
INDEX = RNG.integers(0, 4, (9, 14, 1))
PALETTE = RNG.integers(0, 256, (4, 3))
RGBA = np.dstack([SAMPLES, RNG.integers(0, 256, (9, 14))])
DRAWN = {
    0: pngs.Drawn(GRAY, 0, 8),
    2: pngs.Drawn(SAMPLES, 2, 8),
    3: pngs.Drawn(INDEX, 3, 8, PALETTE),
    4: pngs.Drawn(np.dstack([GRAY, RGBA[..., 3]]), 4, 8),
    6: pngs.Drawn(RGBA, 6, 8),
}
PLAIN = DRAWN[2].png()
IHDR, IDAT, IEND = pngs.chunks_of(PLAIN)
ROWS = zlib.decompress(IDAT[1])
ANCILLARY: dict[str, pngs.Chunk] = {
    kind.decode(): (kind, body)
    for kind, body in (
        pngs.gama(),
        pngs.srgb(),
        pngs.chrm(),
        pngs.iccp(),
        pngs.phys(),
        pngs.exif(6),
        pngs.text(),
        (b"zTXt", b"k\0\0" + zlib.compress(b"v")),
        (b"iTXt", b"k\0\0\0\0\0v"),
        (b"bKGD", bytes(6)),
        (b"sBIT", b"\5\5\5"),
        (b"tIME", b"\x07\xe9\1\1\0\0\0"),
        (b"sPLT", b"n\0\x08" + bytes(6)),
        (b"cICP", b"\1\x0d\0\1"),
        (b"prVt", b"private"),
    )
}


def built(chunks: list[pngs.Chunk], *, bad: bytes = b"") -> bytes:
    """A file of these chunks; those of the kind ``bad`` have a wrong CRC."""
    parts = [pngs.chunk(k, d, crc=zlib.crc32(k + d) ^ 1 if k == bad else None) for k, d in chunks]
    return pngs.SIGNATURE + b"".join(parts)


def with_stream(*streams: bytes) -> bytes:
    return built([IHDR, *((b"IDAT", stream) for stream in streams), IEND])


def with_chunks(colour_type: int, *extra: pngs.Chunk, before: bytes = b"IDAT", bad: bytes = b"") -> bytes:
    """The picture of a colour type with more chunks before the first of a kind."""
    chunks = pngs.chunks_of(DRAWN[colour_type].png())
    place = [kind for kind, _ in chunks].index(before)
    return built([*chunks[:place], *extra, *chunks[place:]], bad=bad)


def row_of(folder: Path, first: bytes, second: bytes) -> PairResult:
    paths = folder / "first.png", folder / "second.png"
    for path, data in zip(paths, (first, second), strict=True):
        path.write_bytes(data)
    return workers.compare(Job(Pair("x.png", str(paths[0]), str(paths[1]))))


def assert_named(folder: Path, odd: bytes, drawn: pngs.Drawn, *words: str) -> None:
    """The odd file has the picture's pixels, on either side, and is named with these words."""
    assert np.array_equal(images.read_rgba(odd), drawn.rgba)
    plain = drawn.png()
    for side, found in (("first", row_of(folder, odd, plain)), ("second", row_of(folder, plain, odd))):
        assert found.status == "same", found.messages
        assert f"{side} has " in found.messages
        for word in words:
            assert word in found.messages


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        images.read_rgba(data)
    return caught.value


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def by_opencv(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), COLOUR), cv2.COLOR_BGR2RGBA)


# Ancillary chunks


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("name", ANCILLARY)
def test_a_wrong_checksum_that_pixels_do_not_need(tmp_path: Path, name: str, before: bytes) -> None:
    kind = name.encode()
    odd = with_chunks(2, ANCILLARY[name], before=before, bad=kind)
    assert np.array_equal(by_opencv(odd), DRAWN[2].rgba)
    assert_named(tmp_path, odd, DRAWN[2], "checksum", name)
    assert images.inspect(odd).metadata == ()  # nobody applies it


@pytest.mark.parametrize("colour_type", [4, 6])
def test_transparency_beside_an_alpha_channel_counts_for_nothing(tmp_path: Path, colour_type: int) -> None:
    clear = (b"tRNS", bytes(2 if colour_type == 4 else 6))
    for odd in (
        with_chunks(colour_type, clear),
        with_chunks(colour_type, clear, clear),
        with_chunks(colour_type, clear, before=b"IEND"),
        with_chunks(colour_type, clear, bad=b"tRNS"),
    ):
        assert np.array_equal(by_pillow(with_chunks(colour_type, clear)), DRAWN[colour_type].rgba)
        assert_named(tmp_path, odd, DRAWN[colour_type], "tRNS")


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([pngs.gama(), pngs.gama(100_000)], id="gAMA"),
        pytest.param([pngs.srgb(), pngs.srgb(1)], id="sRGB"),
        pytest.param([pngs.chrm(), pngs.chrm(1)], id="cHRM"),
        pytest.param([pngs.iccp(b"one"), pngs.iccp(b"two")], id="iCCP"),
        pytest.param([pngs.phys(), pngs.phys(1, 1)], id="pHYs"),
        pytest.param([pngs.exif(6), pngs.exif(3)], id="eXIf"),
        pytest.param([(b"bKGD", bytes(6)), (b"bKGD", bytes(6))], id="bKGD"),
    ],
)
def test_of_two_chunks_where_one_may_be_the_first_counts(tmp_path: Path, chunks: list[pngs.Chunk]) -> None:
    odd = with_chunks(2, *chunks)
    assert np.array_equal(by_opencv(odd), by_pillow(odd))
    assert_named(tmp_path, odd, DRAWN[2], chunks[0][0].decode(), "more than once")
    assert images.inspect(odd).metadata == images.inspect(with_chunks(2, chunks[0])).metadata


@pytest.mark.parametrize("kind", [b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"cICP", b"tIME"])
def test_a_chunk_of_a_wrong_length_sets_nothing(tmp_path: Path, kind: bytes) -> None:
    body = ANCILLARY[kind.decode()][1]
    for length in (b"", body[:-1], body + b"\0"):
        odd = with_chunks(2, (kind, length))
        assert_named(tmp_path, odd, DRAWN[2], kind.decode(), "length")
        assert images.inspect(odd).metadata == ()


@pytest.mark.parametrize("kind", [b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"sBIT", b"bKGD"])
def test_a_chunk_that_comes_too_late_sets_nothing(tmp_path: Path, kind: bytes) -> None:
    odd = with_chunks(2, ANCILLARY[kind.decode()], before=b"IEND")
    assert_named(tmp_path, odd, DRAWN[2], kind.decode(), "after its pixels")
    assert images.inspect(odd).metadata == ()


def test_one_sentence_for_many_chunks_of_many_kinds(tmp_path: Path) -> None:
    kinds = [f"a{a}A{b}".encode() for a in "abcdefghij" for b in "abcdefghij"]
    chunks = [pngs.chunk(kind, b"x", crc=0) for kind in kinds]
    odd = pngs.SIGNATURE + pngs.chunk(*IHDR) + b"".join(chunks) + pngs.chunk(*IDAT) + pngs.chunk(*IEND)
    assert_named(tmp_path, odd, DRAWN[2], "aaAa, aaAb, aaAc, aaAd, aaAe, others")


def test_a_file_of_nothing_but_damaged_chunks_is_refused() -> None:
    bad = pngs.chunk(b"abCd", b"", crc=0)
    for count, refused in ((10_000, False), (10_001, True)):
        data = pngs.SIGNATURE + pngs.chunk(*IHDR) + bad * count + pngs.chunk(*IDAT) + pngs.chunk(*IEND)
        if refused:
            assert refusal(data).code == "corrupt"
        else:
            assert np.array_equal(images.read_rgba(data), DRAWN[2].rgba)


def test_a_chunk_of_no_valid_kind_and_an_end_mark_with_bytes(tmp_path: Path) -> None:
    assert_named(tmp_path, with_chunks(2, (b"abcD", b"?")), DRAWN[2], "abcD")
    odd = built([IHDR, IDAT, (b"IEND", b"more")])
    assert np.array_equal(by_opencv(odd), by_pillow(odd))
    assert_named(tmp_path, odd, DRAWN[2], "IEND")


# Palette and transparency


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
def test_a_palette_that_nothing_needs(tmp_path: Path, colour_type: int) -> None:
    drawn = DRAWN[colour_type]
    odd = {
        "after the pixels": with_chunks(colour_type, pngs.plte(PALETTE), before=b"IEND"),
        "of 31 bytes": with_chunks(colour_type, (b"PLTE", bytes(31))),
    }
    if colour_type in (0, 4):
        odd["in a gray picture"] = with_chunks(colour_type, pngs.plte(PALETTE))
    for data in odd.values():
        assert np.array_equal(by_pillow(data), drawn.rgba)
        assert_named(tmp_path, data, drawn, "palette")
    suggested = with_chunks(colour_type, pngs.plte(PALETTE))
    assert bool(images.inspect(suggested).warnings) == (colour_type in (0, 4))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_palette_with_more_colours_than_the_depth_can_name(tmp_path: Path, depth: int) -> None:
    drawn = pngs.Drawn(INDEX % (1 << depth), 3, depth, RNG.integers(0, 256, ((1 << depth) + 1, 3)))
    assert np.array_equal(by_pillow(drawn.png()), drawn.rgba)
    assert images.inspect(drawn.png()).warnings
    assert np.array_equal(images.read_rgba(drawn.png()), drawn.rgba)


@pytest.mark.parametrize("colour_type", [0, 2, 3])
def test_transparency_that_others_show_differently_is_refused(colour_type: int) -> None:
    one = {0: b"\0\1", 2: bytes(5) + b"\1", 3: b"\0\x64"}[colour_type]
    other = one[::-1]
    chunk, second = (b"tRNS", one), (b"tRNS", other)
    longer = one + bytes(9)
    cases = {
        "two": with_chunks(colour_type, chunk, second),
        "late": with_chunks(colour_type, chunk, before=b"IEND"),
        "long": with_chunks(colour_type, (b"tRNS", longer)),
        "damaged": with_chunks(colour_type, chunk, bad=b"tRNS"),
    }
    if colour_type == 3:
        cases["before the palette"] = with_chunks(3, chunk, before=b"PLTE")
    for name, data in cases.items():
        error = refusal(data)
        assert error.code == "corrupt", name
        assert "other programs" in error.reason, name


@pytest.mark.parametrize("colour_type", [0, 2, 3])
def test_transparency_twice_alike_or_without_a_value(tmp_path: Path, colour_type: int) -> None:
    value = {0: 7, 2: [1, 2, 3], 3: [0, 100]}[colour_type]
    chunk = pngs.trns_chunk(value, colour_type)
    drawn = pngs.Drawn(DRAWN[colour_type].samples, colour_type, 8, DRAWN[colour_type].palette, value)
    assert_named(tmp_path, with_chunks(colour_type, chunk, chunk), drawn, "tRNS", "more than once")
    assert_named(tmp_path, with_chunks(colour_type, (b"tRNS", b"")), DRAWN[colour_type], "tRNS")


# Pixel data that go on


def deflated(rows: bytes) -> bytes:
    return zlib.compress(rows)


SURPLUS: dict[str, bytes] = {
    "a byte inside": with_stream(deflated(ROWS + b"\7")),
    "ten bytes inside": with_stream(deflated(ROWS + bytes(10))),
    "a row inside": with_stream(deflated(ROWS + bytes(len(ROWS) // 9))),
    "a megabyte inside": with_stream(deflated(ROWS + bytes(1_000_000))),
    "a byte after": with_stream(IDAT[1] + b"x"),
    "the checksum again after": with_stream(IDAT[1] + IDAT[1][-4:] + b"x"),
    "noise after": with_stream(IDAT[1] + RNG.bytes(300_000)),
    "a chunk after": with_stream(IDAT[1], b"0123456789"),
    "a second stream after": with_stream(IDAT[1], zlib.compress(b"another")),
    "inside and after": with_stream(deflated(ROWS + bytes(10)) + b"x"),
    "inside, in small chunks": with_stream(
        *(deflated(ROWS + bytes(10))[at : at + 3] for at in range(0, 5000, 3))
    ),
}


@pytest.mark.parametrize("name", SURPLUS)
def test_surplus_pixel_data_are_named(tmp_path: Path, name: str) -> None:
    data = SURPLUS[name]
    assert np.array_equal(by_pillow(data), DRAWN[2].rgba)
    assert_named(tmp_path, data, DRAWN[2], "surplus")


@pytest.mark.parametrize(("colour_type", "depth"), [(0, 1), (2, 8), (3, 4), (6, 16)])
@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
def test_surplus_pixel_data_of_any_kind(
    tmp_path: Path, colour_type: int, depth: int, interlace: bool
) -> None:
    drawn = pngs.draw(np.random.default_rng(depth), colour_type, depth, size=(9, 11), transparent=False)
    chunks = pngs.chunks_of(drawn.png(interlace=interlace))
    for more in (b"\0", bytes(500)):
        odd = built([(k, zlib.compress(zlib.decompress(d) + more) if k == b"IDAT" else d) for k, d in chunks])
        assert_named(tmp_path, odd, drawn, "surplus")


def test_a_picture_that_differs_is_measured_and_named(tmp_path: Path) -> None:
    changed = SAMPLES.copy()
    changed[4, 5, 1] ^= 64
    found = row_of(tmp_path, SURPLUS["ten bytes inside"], pngs.write(changed, 2, 8))
    assert (found.status, found.code, found.num_diff_pixels, found.max_diff_g) == (
        "changed", "pixels_differ", 1, 64,
    )  # fmt: skip
    assert "first has surplus bytes" in found.messages


@pytest.mark.parametrize(
    "stream",
    [
        deflated(ROWS + bytes(10))[:-1] + b"\x99",
        deflated(ROWS + bytes(10))[:-4],
        deflated(ROWS + RNG.bytes(3000))[:-1000],
        deflated(ROWS + bytes(1 << 25)),
        zlib.compress(ROWS, 0)[:-4],
        IDAT[1][:-1],
    ],
    ids=[
        "wrong checksum",
        "no checksum",
        "cut in the surplus",
        "far too much",
        "stored, no end",
        "checksum cut",
    ],
)
def test_surplus_data_do_not_excuse_damage(stream: bytes) -> None:
    assert refusal(with_stream(stream)).code == "corrupt"


@pytest.mark.parametrize("later", [b"", b"abc", IDAT[1]], ids=["empty", "noise", "the same"])
def test_pixel_data_after_another_chunk_are_skipped_when_the_picture_is_whole(
    tmp_path: Path, later: bytes
) -> None:
    odd = built([IHDR, IDAT, pngs.text(), (b"IDAT", later), IEND])
    assert np.array_equal(by_opencv(odd), by_pillow(odd))
    assert_named(tmp_path, odd, DRAWN[2], "IDAT")


@pytest.mark.parametrize("cut", [0, 1, 40, -4, -1])
def test_pixel_data_that_another_chunk_interrupts_are_refused_even_of_equal_files(
    tmp_path: Path, cut: int
) -> None:
    odd = built([IHDR, (b"IDAT", IDAT[1][:cut]), pngs.text(), (b"IDAT", IDAT[1][cut:]), IEND])
    found = row_of(tmp_path, odd, odd)
    assert (found.status, found.code) == ("error", "corrupt")
    assert "interrupted" in found.messages


# Animations


def control(number: int = 0, size: tuple[int, int] = (14, 9), place: tuple[int, int] = (0, 0)) -> pngs.Chunk:
    return b"fcTL", struct.pack(">IIIIIHHBB", number, *size, *place, 1, 10, 0, 0)


def frames(count: int) -> pngs.Chunk:
    return b"acTL", struct.pack(">II", count, 0)


FRAME: pngs.Chunk = (b"fdAT", struct.pack(">I", 1) + IDAT[1])


@pytest.mark.parametrize(
    "chunks",
    [
        [IHDR, frames(1), control(), IDAT, IEND],
        [IHDR, control(), frames(1), IDAT, IEND],
        [IHDR, frames(1), control(), pngs.text(), IDAT, IEND],
    ],
)
def test_an_animation_whose_only_frame_is_the_picture(tmp_path: Path, chunks: list[pngs.Chunk]) -> None:
    odd = built(chunks)
    assert np.array_equal(by_opencv(odd), DRAWN[2].rgba)
    assert np.array_equal(images.read_rgba(odd), DRAWN[2].rgba)
    assert row_of(tmp_path, odd, PLAIN).status == "same"


@pytest.mark.parametrize(
    "chunks",
    [
        [IHDR, frames(1), control(), control(1), IDAT, IEND],
        [IHDR, frames(1), frames(1), control(), IDAT, IEND],
        [IHDR, IDAT, frames(2), IEND],
        [IHDR, control(), IDAT, IEND],
        [IHDR, IDAT, FRAME, IEND],
    ],
    ids=["two controls", "two marks", "mark after the pixels", "control alone", "frame alone"],
)
def test_parts_of_an_animation_that_is_none(tmp_path: Path, chunks: list[pngs.Chunk]) -> None:
    assert_named(tmp_path, built(chunks), DRAWN[2], "parts of an animation")


@pytest.mark.parametrize(
    "chunks",
    [
        [IHDR, frames(2), control(), IDAT, control(1), FRAME, IEND],
        [IHDR, frames(2), control(), IDAT, IEND],
        [IHDR, frames(2), IDAT, IEND],
        [IHDR, frames(1), control(), IDAT, control(1), FRAME, IEND],
        [IHDR, frames(1), IDAT, control(), FRAME, IEND],
        [IHDR, frames(1), IDAT, IEND],
        [IHDR, frames(1), control(size=(13, 9)), IDAT, IEND],
        [IHDR, frames(1), control(place=(1, 0)), IDAT, IEND],
        [IHDR, frames(1), control(5), IDAT, IEND],
        [IHDR, frames(1), (b"fcTL", b"short"), IDAT, IEND],
        [IHDR, frames(0), control(), IDAT, IEND],
    ],
)
def test_an_animation_is_refused(chunks: list[pngs.Chunk]) -> None:
    assert refusal(built(chunks)).code == "animated"


# Damage that others show all the same


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (PLAIN[:-12], "cut off"),
        (PLAIN[:-30], "cut off inside its pixel data"),
        (built([IHDR, IDAT, IEND], bad=b"IDAT"), "its pixel data are damaged"),
        (built([IHDR, IDAT, IEND], bad=b"IHDR"), "its header is damaged"),
        (built([IHDR, IDAT, IEND], bad=b"IEND"), "other programs show the picture"),
        (with_chunks(3, bad=b"PLTE"), "its palette is damaged"),
    ],
)
def test_messages_name_what_is_damaged_first(data: bytes, words: str) -> None:
    assert words in refusal(data).reason


# Costs, as behaviour: by counting, never by the clock


def test_of_many_profiles_one_is_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inflated: list[int] = []
    plain = zlib.decompressobj

    def counted() -> object:
        inflated.append(1)
        return plain()

    monkeypatch.setattr(zlib, "decompressobj", counted)
    profile = pngs.iccp(bytes(1 << 20))
    images.inspect(with_chunks(2, *[profile] * 100))
    assert len(inflated) == 1


@pytest.mark.parametrize("stream", [IDAT[1], b""], ids=["with pixels", "empty alone"])
def test_any_number_of_empty_chunks_takes_no_memory(stream: bytes) -> None:
    empty = pngs.chunk(b"IDAT") * 100_000
    data = b"".join([pngs.SIGNATURE, pngs.chunk(*IHDR), empty, pngs.chunk(b"IDAT", stream), empty])
    data += pngs.chunk(*IEND)
    header = png.inspect(data)
    assert len(header.pixel_data) == 2 * bool(stream)
    if stream:
        assert np.array_equal(images.read_rgba(data), DRAWN[2].rgba)
    else:
        assert refusal(data).code == "corrupt"


def test_chunks_of_one_byte(tmp_path: Path) -> None:
    odd = with_stream(*(bytes([value]) for value in IDAT[1]))
    assert images.inspect(odd).warnings == ()
    assert np.array_equal(images.read_rgba(odd), DRAWN[2].rgba)


# Narrow pictures: rows of a few bytes, many of them


@pytest.mark.parametrize("width", [1, 3, 170, 171, 600])
@pytest.mark.parametrize("filters", [0, 1, 2, 3, 4, (0, 2), (2, 2, 2, 0), (2, 4), (2, 3, 1, 0, 4)])
@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "adam7"])
def test_tall_pictures_of_any_filters(width: int, filters: int | tuple[int, ...], interlace: bool) -> None:
    rng = np.random.default_rng(width)
    samples = rng.integers(0, 256, (300, width, 3))
    data = pngs.write(samples, 2, 8, filters=filters, interlace=interlace)
    assert np.array_equal(images.read_rgba(data)[..., :3], samples)
    assert np.array_equal(by_opencv(data)[..., :3], samples)


def stored_column(values: np.ndarray, filters: np.ndarray) -> bytes:
    """A picture one pixel wide, gray: its rows stored with the filters None and Up."""
    above = np.concatenate([[0], values[:-1]])
    rows = np.stack([filters, np.where(filters == 2, values - above, values) % 256], axis=1)
    body = zlib.compress(rows.astype(np.uint8).tobytes(), 1)
    return built([pngs.ihdr(1, len(values), 0, 8), (b"IDAT", body), IEND])


@pytest.mark.parametrize("habit", [lambda n: n * 0 + 2, lambda n: n % 2 * 2, lambda n: (n % 7 > 0) * 2])
def test_half_a_million_rows_of_one_pixel(habit: Callable[[np.ndarray], np.ndarray]) -> None:
    number = np.arange(500_001)
    values = number * 37 % 251
    data = stored_column(values, habit(number))
    assert np.array_equal(images.read_rgba(data)[:, 0, 0], values)
