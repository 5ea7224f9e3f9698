"""BMP files as they occur: odd masks, palettes, headers and run lengths, read as other programs read them.

What is expected comes from the arrays that a file is packed from, from a reading of run lengths one code at
a time, and from Pillow and OpenCV where they read the file. Files that are odd are named.
"""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import pngs
from support.containers import bmp_file, bmp_palette, pack_bits

from mymodules import images, workers
from mymodules.errors import ImageError
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult

RNG = np.random.default_rng(12)
WIDTH, HEIGHT = 13, 11
WORDS = {
    16: RNG.integers(0, 1 << 16, (HEIGHT, WIDTH), dtype=np.uint16),
    32: RNG.integers(0, 1 << 32, (HEIGHT, WIDTH), dtype=np.uint32),
}
ROWS = {
    bits: words.astype(f"<u{bits // 8}").view(np.uint8).reshape(HEIGHT, -1) for bits, words in WORDS.items()
}
BGR = RNG.integers(0, 256, (HEIGHT, WIDTH * 3), dtype=np.uint8)
RGB = BGR.reshape(HEIGHT, WIDTH, 3)[:, :, ::-1]


def masked(bits: int, masks: tuple[int, ...], header: int = 56) -> bytes:
    """Make a file of 16 or 32 bits per pixel with these masks, which follow a header of 40 bytes."""
    if header == 40:
        behind = struct.pack(f"<{len(masks)}I", *masks)
        return bmp_file(ROWS[bits], bits, compression=3 if len(masks) == 3 else 6, palette=behind)
    return bmp_file(ROWS[bits], bits, header=header, compression=3, masks=masks)


def field(bits: int, mask: int) -> np.ndarray:
    """A field of the random pixels as 0 to 255, bit by bit."""
    places = [place for place in range(bits) if mask >> place & 1]
    value = sum(((WORDS[bits] >> place) & 1).astype(np.int64) << i for i, place in enumerate(places))
    count = len(places)
    if not count:
        return np.zeros((HEIGHT, WIDTH), np.int64)
    return value >> (count - 8) if count > 8 else value * 255 // (2**count - 1)


def read(data: bytes) -> np.ndarray:
    return images.read_rgba(data)


def warnings_of(data: bytes) -> tuple[str, ...]:
    return images.inspect(data).warnings


def row_of(folder: Path, first: bytes, pixels: np.ndarray) -> PairResult:
    """Compare a BMP with the PNG of these pixels."""
    paths = folder / "first.bmp", folder / "second.png"
    paths[0].write_bytes(first)
    paths[1].write_bytes(pngs.write(pixels, {3: 2, 4: 6}[pixels.shape[2]], 8))
    return workers.compare(Job(Pair("x.bmp", str(paths[0]), str(paths[1]))))


def assert_named(folder: Path, data: bytes, pixels: np.ndarray, words: str) -> None:
    found = row_of(folder, data, pixels)
    assert (found.status, found.num_diff_pixels) == ("same", 0), found.messages
    assert "first " in found.messages
    assert words in found.messages


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(data)
    return caught.value


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def by_opencv(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGBA)


# Bit masks


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks", "words"),
    [
        (32, (0xFF0000, 0xFF00, 0), "no bits for blue"),
        (32, (0, 0xFF00, 0xFF), "no bits for red"),
        (32, (0xFF, 0, 0), "no bits for green and blue"),
        (16, (0xF800, 0x7E0, 0), "no bits for blue"),
        (16, (0, 0, 0xFFFF), "no bits for red and green"),
        (32, (0x3FF << 20, 0x3FF << 10, 0x3FF), "10 bits per channel"),
        (32, (0xFFF << 20, 0xFF << 10, 0x1FF), "12 bits per channel"),
        (32, (0xFFFF0000, 0xFF00, 0xFF), "16 bits per channel"),
        (16, (0xFFC0, 0x38, 7), "10 bits per channel"),
        (32, (0xFF, 0xFF, 0xFF), "overlap"),
        (32, (0xFFF000, 0x3FF00, 0xFF), "overlap"),
        (16, (0xFF00, 0xFF0, 0xFF), "overlap"),
        (32, (0x1F, 0x7 << 5, 1 << 8), ""),
        (32, (0x7F << 25, 1 << 24, 0xFF << 16), ""),
        (16, (0xF000, 0xF00, 0xF0), ""),
        (16, (1, 2, 4), ""),
    ],
)
def test_bit_masks_of_any_width_and_place(
    tmp_path: Path, header: int, bits: int, masks: tuple[int, ...], words: str
) -> None:
    data = masked(bits, masks if header < 56 else (*masks, 0), header)
    expected = np.stack([field(bits, mask) for mask in masks], axis=2)
    assert np.array_equal(read(data)[..., :3], expected)
    assert read(data)[..., 3].min() == 255
    if words:
        assert_named(tmp_path, data, expected, words)
    else:
        assert warnings_of(data) == ()


@pytest.mark.parametrize(
    "masks",
    [
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 1 << 24),
        (0x3FF << 20, 0x3FF << 10, 0x3FF, 3 << 30),
        (0xFF, 0xFF00, 0xF << 16, 0xFFF << 20),
        (0xFF0000, 0xFF00, 0, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF),
    ],
)
@pytest.mark.parametrize("header", [40, 56, 124])
def test_an_alpha_mask_of_any_width(masks: tuple[int, ...], header: int) -> None:
    expected = np.stack([field(32, mask) for mask in masks], axis=2)
    assert np.array_equal(read(masked(32, masks, header)), expected)


@pytest.mark.parametrize("header", [40, 56])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (32, (0, 0, 0)),
        (16, (0, 0, 0)),
        (32, (0xFF0000, 0xF0F0, 0xFF)),
        (16, (0xF0F0, 0x0C0C, 3)),
        (16, (0xFF0000, 0xFF00, 0xFF)),
        (16, (0x1FF00, 0xF0, 0xF)),
    ],
    ids=["all empty", "all empty of 16", "gap", "gap of 16", "beyond", "partly beyond"],
)
def test_masks_that_others_show_differently_are_refused(
    header: int, bits: int, masks: tuple[int, ...]
) -> None:
    error = refusal(masked(bits, masks if header < 56 else (*masks, 0), header))
    assert error.code == "corrupt"
    assert "other programs" in error.reason


# Headers


@pytest.mark.parametrize("planes", [0, 2, 65535])
def test_any_number_of_planes(tmp_path: Path, planes: int) -> None:
    data = bmp_file(BGR, 24)
    data = data[:26] + struct.pack("<H", planes) + data[28:]
    assert np.array_equal(by_pillow(data)[..., :3], RGB)
    assert np.array_equal(by_opencv(data)[..., :3], RGB)
    assert_named(tmp_path, data, RGB, f"{planes} planes")


@pytest.mark.parametrize("stated", [0, 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("place", [2, 34], ids=["of the file", "of the pixels"])
def test_stated_lengths_are_not_looked_at(tmp_path: Path, stated: int, place: int) -> None:
    data = bmp_file(BGR, 24)
    data = data[:place] + struct.pack("<I", stated) + data[place + 4 :]
    assert np.array_equal(by_pillow(data)[..., :3], RGB)
    assert row_of(tmp_path, data, RGB).status == "same"


def test_a_profile_that_is_not_in_the_file(tmp_path: Path) -> None:
    rest = b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 9999, 500, 0)
    data = bmp_file(BGR, 24, header=124, masks=(0,) * 4, rest=rest)
    assert np.array_equal(by_pillow(data)[..., :3], RGB)
    assert_named(tmp_path, data, RGB, "colour profile")


def test_the_end_of_the_last_row_has_to_be_there() -> None:
    data = bmp_file(BGR, 24)
    for cut in (1, 2, 3, 40):
        assert refusal(data[:-cut]).code == "truncated"
        assert "cut off" in refusal(data[:-cut]).reason


# Palettes


def indexed(
    bits: int, entries: int, colours: int, highest: int, header: int = 40
) -> tuple[bytes, np.ndarray]:
    """A file with that many colours, which says that it has ``colours``; and its pixels, black beyond."""
    step = 3 if header == 12 else 4
    palette, known = bmp_palette(entries, step)
    index = RNG.integers(0, highest, (HEIGHT, WIDTH))
    index[0, 0] = highest - 1
    table = np.zeros((256, 3), np.uint8)
    used = min(entries, colours or 256, 1 << bits)
    table[:used] = known[:used]
    data = bmp_file(pack_bits(index, bits), bits, header=header, palette=palette, colours=colours)
    return data, table[index]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_colours_beyond_the_palette_are_black_and_named(tmp_path: Path, bits: int) -> None:
    half, whole = 1 << bits >> 1, 1 << bits
    for entries, colours in ((half, half), (whole, half)):
        data, pixels = indexed(bits, entries, colours, whole)
        if bits != 2:
            assert np.array_equal(by_pillow(data)[..., :3], pixels)
            assert np.array_equal(by_opencv(data)[..., :3], pixels)
        assert_named(tmp_path, data, pixels, "colours that its palette does not have")
        data, pixels = indexed(bits, entries, colours, half)
        assert np.array_equal(read(data)[..., :3], pixels)
        assert "palette" not in row_of(tmp_path, data, pixels).messages


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("more", [1, 50, 0x7FFFFF00, 0xFFFFFF00])
def test_more_colours_than_pixels_can_name(tmp_path: Path, bits: int, more: int) -> None:
    whole = 1 << bits
    data, pixels = indexed(bits, whole, min(whole + more, 0xFFFFFFFF), whole)
    assert_named(tmp_path, data, pixels, "colours, though its pixels can use only")


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_longer_palette_than_is_said(bits: int) -> None:
    data, pixels = indexed(bits, (1 << bits) + 20, 0, 1 << bits)
    assert np.array_equal(read(data)[..., :3], pixels)
    assert np.array_equal(by_pillow(data), read(data))


@pytest.mark.parametrize("header", [12, 40])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_palette_that_reaches_into_the_pixels(tmp_path: Path, bits: int, header: int) -> None:
    data, pixels = indexed(bits, (1 << bits) - 1, 0, (1 << bits) - 1, header)
    assert np.array_equal(by_pillow(data)[..., :3], pixels)
    assert_named(tmp_path, data, pixels, "reaches into its pixel data")


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_pixels_that_begin_where_the_palette_should_are_refused(bits: int) -> None:
    data = indexed(bits, 1 << bits, 0, 1 << bits)[0]
    for offset in (0, 54):
        error = refusal(data[:10] + struct.pack("<I", offset) + data[14:])
        assert error.code == "corrupt"
        assert "other programs" in error.reason


@pytest.mark.parametrize("offset", [1, 14, 30, 53])
@pytest.mark.parametrize("bits", [1, 4, 8, 24])
def test_pixels_that_begin_inside_the_header(tmp_path: Path, bits: int, offset: int) -> None:
    data = bmp_file(BGR, 24) if bits == 24 else indexed(bits, 1 << bits, 0, 1 << bits)[0]
    data = data[:10] + struct.pack("<I", offset) + data[14:]
    assert np.array_equal(by_pillow(data), by_opencv(data))
    assert_named(tmp_path, data, by_pillow(data)[..., :3], "inside its header")


def test_two_bits_per_pixel(tmp_path: Path) -> None:
    data, pixels = indexed(2, 4, 0, 4)
    assert_named(tmp_path, data, pixels, "2 bits per pixel")


# Run lengths


def one_by_one(codes: bytes, size: tuple[int, int], nibbles: bool) -> tuple[np.ndarray, int] | None:
    """Colour numbers (rows as stored) and where codes end, one code at a time; None where they are cut."""
    width, height = size
    canvas = np.zeros((height, width), np.uint8)
    x = y = at = 0

    def put(values: list[int]) -> None:
        for column, value in enumerate(values, x):
            if column < width:
                canvas[y, column] = value

    while True:
        full = y >= height or (y == height - 1 and x >= width)
        pair = codes[at : at + 2]
        if len(pair) < 2:
            return (canvas, at) if full else None
        count, code = pair
        if full and (count or code > 1):
            return canvas, at
        at += 2
        if count:
            put([(code >> 4, code & 15)[i % 2] if nibbles else code for i in range(count)])
            x += count
        elif code == 0:
            x, y = 0, y + 1
        elif code == 1:
            return canvas, at
        elif code == 2:
            if len(codes) < at + 2:
                return None
            x, y, at = x + codes[at], y + codes[at + 1], at + 2
        else:
            length = (code + 1) // 2 if nibbles else code
            body = codes[at : at + length]
            if len(body) < length:
                return None
            put(
                [half for value in body for half in (value >> 4, value & 15)][:code]
                if nibbles
                else list(body)
            )
            x += code
            at += length + length % 2


def coded(codes: bytes, size: tuple[int, int], nibbles: bool) -> tuple[bytes, np.ndarray]:
    palette, colours = bmp_palette(16 if nibbles else 256)
    bits, compression = (4, 2) if nibbles else (8, 1)
    data = bmp_file(codes, bits, size=size, compression=compression, palette=palette)
    stated_at = 34  # the stated length would count as a promise
    return data[:stated_at] + bytes(4) + data[stated_at + 4 :], colours


def draw_codes(rng: np.random.Generator, size: tuple[int, int], nibbles: bool) -> bytes:
    """Codes of every sort: rows that fit and rows that do not, skips, literals, ends in the middle."""
    parts, width = [], size[0]
    for _ in range(int(rng.integers(0, 3 * size[1] + 2))):
        kind = rng.choice(6, p=(0.35, 0.25, 0.25, 0.1, 0.03, 0.02))
        if kind == 0:
            parts.append(bytes([int(rng.integers(1, min(255, width + 3) + 1)), int(rng.integers(256))]))
        elif kind == 1:
            count = int(rng.integers(3, min(255, width + 5) + 1))
            body = rng.bytes((count + 1) // 2 if nibbles else count)
            parts.append(bytes([0, count]) + body + bytes(len(body) % 2))
        elif kind == 2:
            parts.append(b"\0\0")
        elif kind == 3:
            parts.append(bytes([0, 2, int(rng.integers(0, width + 2)), int(rng.integers(0, 3))]))
        elif kind == 4:
            parts.append(b"\0\1")
        else:
            parts.append(rng.bytes(int(rng.integers(1, 5))))
    return b"".join(parts) + (b"\0\1" if rng.integers(4) else b"")


@pytest.mark.parametrize("nibbles", [False, True], ids=["RLE8", "RLE4"])
@settings(derandomize=True, deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32 - 1), size=st.tuples(st.integers(1, 30), st.integers(1, 8)))
def test_any_run_lengths(nibbles: bool, seed: int, size: tuple[int, int]) -> None:
    codes = draw_codes(np.random.default_rng(seed), size, nibbles)
    data, colours = coded(codes, size, nibbles)
    expected = one_by_one(codes, size, nibbles)
    if expected is None:
        assert refusal(data).code == "truncated"
        return
    canvas, end = expected
    assert np.array_equal(read(data)[..., :3], colours[canvas[::-1]])
    assert images.inspect(data).trailing == max(0, len(codes) - end)


def test_a_skip_may_be_the_last_code() -> None:
    """Of a file without an end mark: one row up, so that the picture of one row is whole."""
    codes = b"\0\2\1\1"
    data, colours = coded(codes, (1, 2), nibbles=False)
    canvas, _ = one_by_one(codes, (1, 2), nibbles=False) or pytest.fail("it is whole")
    assert np.array_equal(read(data)[..., :3], colours[canvas[::-1]])


@pytest.mark.parametrize("nibbles", [False, True], ids=["RLE8", "RLE4"])
def test_run_lengths_of_more_codes_than_are_read_at_once(nibbles: bool) -> None:
    """Several blocks of 32,768 pairs of bytes, with literals across their bounds."""
    rng = np.random.default_rng(5)
    size = 700, 300
    parts = []
    for _ in range(size[1]):
        left = size[0]
        while left:
            count = min(left, int(rng.integers(1, 9)))
            left -= count
            if count > 2 and rng.integers(2):
                body = rng.bytes((count + 1) // 2 if nibbles else count)
                parts.append(bytes([0, count]) + body + bytes(len(body) % 2))
            else:
                parts.append(bytes([count, int(rng.integers(256))]))
        parts.append(b"\0\0")
    codes = b"".join(parts)
    assert len(codes) > 2 * 65536
    data, colours = coded(codes + b"\0\1", size, nibbles)
    expected = one_by_one(codes + b"\0\1", size, nibbles)
    assert expected is not None
    assert warnings_of(data) == ()
    assert np.array_equal(read(data)[..., :3], colours[expected[0][::-1]])
    assert np.array_equal(read(data), by_opencv(data))


def test_run_lengths_from_the_top_row_down(tmp_path: Path) -> None:
    codes = b"".join(bytes([5, row, 3, 200 + row, 0, 0]) for row in range(4))
    palette, colours = bmp_palette(256)
    data = bmp_file(codes + b"\0\1", 8, size=(8, -4), compression=1, palette=palette)
    pixels = np.array([[colours[row]] * 5 + [colours[200 + row]] * 3 for row in range(4)])
    assert np.array_equal(by_pillow(data)[..., :3], pixels)
    assert np.array_equal(by_opencv(data)[..., :3], pixels)
    assert_named(tmp_path, data, pixels, "top row")


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (b"\5\7\0\0\0\1", "leaves out pixels"),
        (b"\5\7\0\2\0\1\3\7\0\1", "leaves out pixels"),
        (b"\x09\7\0\0\x08\7\0\1", "beyond the end of a row"),
    ],
)
def test_odd_run_lengths_are_named(codes: bytes, words: str) -> None:
    data, _ = coded(codes, (8, 2), nibbles=False)
    assert any(words in warning for warning in warnings_of(data))


def test_run_lengths_that_end_may_state_another_length(tmp_path: Path) -> None:
    data, colours = coded(b"\x08\7\0\0\x08\x09\0\1", (8, 2), nibbles=False)
    pixels = colours[np.repeat([[9], [7]], 8, axis=1)]
    odd = data[:34] + struct.pack("<I", 500) + data[38:]
    assert np.array_equal(by_pillow(odd)[..., :3], pixels)
    assert np.array_equal(by_opencv(odd)[..., :3], pixels)
    assert_named(tmp_path, odd, pixels, "longer than the file")
    assert refusal(odd[:-2]).code == "truncated"


def test_run_lengths_that_fit_are_not_named() -> None:
    data, _ = coded(b"\x08\7\0\0\x08\7\0\1", (8, 2), nibbles=False)
    assert warnings_of(data) == ()


def test_a_few_bytes_for_many_pixels() -> None:
    """Twelve million pixels of 16 colours in 96 kB: every row is a series of runs."""
    size = 4000, 3000
    codes = (b"\xfa\x12" * 16 + b"\0\0") * size[1]
    data, colours = coded(codes, size, nibbles=True)
    pixels = read(data)
    assert np.array_equal(pixels[:, 0::2, :3], np.broadcast_to(colours[1], (3000, 2000, 3)))
    assert np.array_equal(pixels[:, 1::2, :3], np.broadcast_to(colours[2], (3000, 2000, 3)))


@pytest.mark.parametrize("nibbles", [False, True])
@pytest.mark.parametrize("codes", [b"\0\1", b"\5\7\0\0\0\1", b"\0\2\xff\xff" * 40 + b"\0\1"])
def test_a_few_bytes_that_leave_out_a_huge_picture(codes: bytes, nibbles: bool) -> None:
    with pytest.raises(ImageError) as caught:
        read(coded(codes, (20_000, 12_000), nibbles)[0])
    error = caught.value
    assert error.code == "too_costly"
    assert error.size == (20_000, 12_000)
    assert "of its 240,000,000 pixels" in error.reason
    assert any("leaves out" in warning for warning in warnings_of(coded(codes, (5_000, 4_000), nibbles)[0]))
