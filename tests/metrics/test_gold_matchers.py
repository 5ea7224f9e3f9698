"""Skia Gold's matchers: the tables of its own tests (gold-client/go/imgmatching), put in our words."""

import numpy as np
import pytest

from mymodules.metrics import edges, fuzzy, sample_area, sobel

EMPTY = "00000000 00000000 00000000 00000000"


def picture(text: str, width: int) -> np.ndarray:
    """Pixels from hexadecimal words: RRGGBBAA, or gray, which is opaque."""
    values = [bytes.fromhex(word if len(word) == 8 else 3 * word + "FF") for word in text.split()]
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, width, 4)


# --- fuzzy ---

BELOW, ABOVE = ("08070000", "04040403"), ("08090000", "04040405")
AT = ("08080000", "04040404")


@pytest.mark.parametrize("options", [(0, 0), (0, 16), (2, 0), (2, 16)])
def test_fuzzy_of_two_sizes_and_of_equal_pictures(options: tuple[int, int]) -> None:
    pixels, delta = options
    square, wide = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 3, 4), np.uint8)
    limits = {"max_different_pixels": pixels, "pixel_delta_threshold": delta}
    assert fuzzy(square, wide, **limits) == (False, 0, 0)
    assert fuzzy(square, square, **limits) == (True, 0, 0)


@pytest.mark.parametrize(
    ("pixels", "delta", "second", "match"),
    [
        (0, 0, "00000001", (False, 1, 1)),
        *((0, 16, word, (False, 1, 15)) for word in BELOW),
        *((0, 16, word, (False, 1, 16)) for word in AT),
        *((0, 16, word, (False, 1, 17)) for word in ABOVE),
        *((2, 0, " ".join(["FFFFFFFF"] * count), (False, count, 1020)) for count in (1, 2, 3)),
        *(
            (2, 16, " ".join([word, *["00000001"] * more]), (more < 2 and largest <= 16, more + 1, largest))
            for more in (0, 1, 2)
            for words, largest in ((BELOW, 15), (AT, 16), (ABOVE, 17))
            for word in words
        ),
    ],
)
def test_fuzzy(pixels: int, delta: int, second: str, match: tuple[bool, int, int]) -> None:
    first, other = picture(EMPTY, 2), picture((second + " " + EMPTY)[: len(EMPTY)], 2)
    for one, two in ((first, other), (other, first)):
        assert fuzzy(one, two, max_different_pixels=pixels, pixel_delta_threshold=delta) == match


@pytest.mark.parametrize(
    ("word", "largest"), [("0807FFFF", 8), ("0805FEFE", 8), ("0808FFFF", 8), ("0707FEFE", 7), ("0809FFFF", 9)]
)
def test_fuzzy_by_channel(word: str, largest: int) -> None:
    first = picture("0000FFFF 00000000 00000000 00000000", 2)
    second = picture(f"{word} 00000000 00000000 00000000", 2)
    assert fuzzy(first, second, pixel_per_channel_delta_threshold=1) == (False, 1, largest)
    for limit in (largest - 1, largest):
        match = fuzzy(first, second, max_different_pixels=1, pixel_per_channel_delta_threshold=limit)
        assert match.matches == (limit == largest)


@pytest.mark.parametrize(("border", "pixels"), [(4, 32), (3, 20), (2, 0), (1, 0)])
def test_fuzzy_ignores_a_border_of_two_pixels(border: int, pixels: int) -> None:
    plain = picture(" ".join(["00"] * 100), 10)
    framed = np.full_like(plain, 255)
    framed[border:-border, border:-border] = plain[border:-border, border:-border]
    match = (not pixels, pixels, 765 if pixels else 0)
    assert fuzzy(framed, plain, ignored_border=2) == match
    assert fuzzy(plain, framed, ignored_border=2) == match


def test_a_border_without_anything_inside() -> None:
    assert fuzzy(picture("00 11 22 33", 2), picture("FF FF FF FF", 2), ignored_border=1).matches


# --- sobel ---

IMAGE_1 = """
44 44 44 44 44 44 49 83  44 44 44 44 44 49 83 88  44 44 44 44 49 83 88 88  44 44 44 49 83 88 88 88
44 44 49 83 88 88 88 88  44 49 83 88 88 88 88 88  49 83 88 88 88 88 88 88  83 88 88 88 88 88 88 88
"""
IMAGE_2 = """
44 44 44 44 44 44 49 83  44 44 44 44 44 49 83 88  44 44 47 49 55 83 88 88  44 44 49 4D 7F 87 88 88
44 44 55 7F 88 88 88 88  44 49 83 87 88 88 88 88  49 83 88 88 88 88 88 88  83 88 88 88 88 88 88 88
"""
EDGES_1 = """
00 00 00 00 00 00 00 00  00 00 00 07 67 FF FF 00  00 00 07 67 FF FF 67 00  00 07 67 FF FF 67 07 00
00 67 FF FF 67 07 00 00  00 FF FF 67 07 00 00 00  00 FF 67 07 00 00 00 00  00 00 00 00 00 00 00 00
"""


def gray(text: str, width: int) -> list[list[int]]:
    return picture(text, width)[..., 0].tolist()


def test_edges_of_the_picture_that_gold_tests_with() -> None:
    assert edges(picture(IMAGE_1, 8)).tolist() == gray(EDGES_1, 8)


@pytest.mark.parametrize(
    ("threshold", "match"),
    [(0xFF, (False, 10, 36)), (0xAA, (False, 5, 15)), (0x66, (True, 1, 9)), (0x00, (True, 0, 0))],
)
def test_sobel(threshold: int, match: tuple[bool, int, int]) -> None:
    limits = {"max_different_pixels": 3, "pixel_delta_threshold": 10}
    first, second = picture(IMAGE_1, 8), picture(IMAGE_2, 8)
    assert sobel(first, second, edge_threshold=threshold, **limits) == match
    assert not sobel(first, second[:, :-1], edge_threshold=threshold, **limits).matches


@pytest.mark.parametrize(
    ("width", "before", "after"),
    [
        (1, "FF", "00"),
        (2, "00 FF 00 FF", "00 00 00 00"),
        (3, "FF " * 9, "00 " * 9),
        (3, "00 FF FF " * 3, "00 00 00  00 FF 00  00 00 00"),
        (4, "00 00 FF FF " * 4, "00 00 00 00  00 FF FF 00  00 FF FF 00  00 00 00 00"),
        (10, "00 00 00 00 00 44 44 44 44 44 " * 10,
         "00 " * 10 + "00 00 00 00 FF FF 00 00 00 00 " * 8 + "00 " * 10),
    ],
)  # fmt: skip
def test_edges_of_small_pictures(width: int, before: str, after: str) -> None:
    assert edges(picture(before, width)).tolist() == gray(after, width)


def test_edges_at_sixty_degrees() -> None:
    before = """
    00 00 00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00 0E 36
    00 00 00 00 00 00 0E 36 44 44  00 00 00 00 0E 36 44 44 44 44  00 00 0E 36 44 44 44 44 44 44
    0E 36 44 44 44 44 44 44 44 44  44 44 44 44 44 44 44 44 44 44  44 44 44 44 44 44 44 44 44 44
    44 44 44 44 44 44 44 44 44 44
    """
    after = """
    00 00 00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 13 62 00  00 00 00 00 00 13 62 CE FF 00
    00 00 00 13 62 CE FF FF CE 00  00 13 62 CE FF FF CE 62 13 00  00 CE FF FF CE 62 13 00 00 00
    00 FF CE 62 13 00 00 00 00 00  00 62 13 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00
    """
    assert edges(picture(before, 10)).tolist() == gray(after, 10)


def test_edges_of_transparent_colours() -> None:
    """Of 255 at alpha 16, Go's gray is 16, so that the Sobel operator is 4 x 16."""
    made = picture("00000010 00000010 FFFFFF10 " * 3, 3)
    assert edges(made)[1, 1] == 4 * 16


# --- sample area ---

SPARSE = ((1, 1), (5, 1), (3, 3), (7, 5))
DENSE = ((1, 0), (1, 1), (4, 1), (5, 1), (5, 2), (3, 5), (4, 5), (3, 6))


def white(dots: dict[int, tuple[tuple[int, int], ...]], size: int = 8) -> np.ndarray:
    """A white square with gray dots."""
    made = np.full((size, size, 4), 255, np.uint8)
    for level, places in dots.items():
        for x, y in places:
            made[y, x, :3] = level
    return made


# In Gold's table the dots of the last picture are black where the sparse ones are.
BOTH = {0xFD: (*DENSE, (7, 4)), 0x00: SPARSE}


@pytest.mark.parametrize(
    ("second", "width", "most", "delta", "matches"),
    [
        (white({}), 2, 1, 0, True),
        (white({0x00: SPARSE}), 2, 1, 0, True),
        (white({0x00: DENSE}), 3, 3, 0, True),
        (white({0xFD: DENSE}), 2, 1, 5, True),
        (white(BOTH), 2, 1, 5, True),
        (white({}, 7), 2, 1, 0, False),
        (white({0x00: DENSE}), 2, 1, 0, False),
        (white({0xFD: DENSE}), 2, 1, 0, False),
        (white(BOTH), 2, 1, 0, False),
        (white({}), 9, 0, 0, False),
    ],
)
def test_sample_area(second: np.ndarray, width: int, most: int, delta: int, matches: bool) -> None:
    for one, two in ((white({}), second), (second, white({}))):
        assert sample_area(one, two, width=width, max_different=most, delta=delta).matches is matches
