"""Pages of text in sections, so that what differs between two of them is known.

A page is a stack of sections: a line of words that no other section has, between empty rows. What is planted
is another stack: of sections that changed, came, went or stand elsewhere.
"""

import functools
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 480, 40
"""px; of a section."""

EMPTY = 10
"""Empty rows above the words of a section, and below them."""

SCHEMES = {
    "dark": ((24, 24, 28), (232, 232, 236)),
    "light": ((255, 255, 255), (30, 30, 40)),
    "blue": ((20, 60, 140), (250, 240, 200)),
    "faint": ((120, 120, 120), (128, 128, 128)),
}
"""Background and text; the last with 8 levels of contrast."""

_SYLLABLES = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wa", "xe")


def write(made: np.ndarray, x: int, y: int, text: str, *, size: int = 12, scheme: str = "dark") -> None:
    """Write text into RGBA pixels, in place."""
    image = Image.fromarray(made)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text((x, y), text, font=font, fill=(*SCHEMES[scheme][1], 255))
    made[...] = np.asarray(image)


def empty(rows: int, *, scheme: str = "dark") -> np.ndarray:
    """Rows without anything."""
    return np.full((rows, WIDTH, 4), (*SCHEMES[scheme][0], 255), np.uint8)


@functools.cache
def section(seed: int, *, scheme: str = "dark", height: int = HEIGHT) -> np.ndarray:
    """A section whose words depend on the seed; from 300 px on its right there are none."""
    random = np.random.default_rng(seed)
    made = empty(height, scheme=scheme)
    for y in range(EMPTY, height - HEIGHT + EMPTY + 1, 20):
        text = " ".join("".join(random.choice(_SYLLABLES, random.integers(2, 5))) for _ in range(5))
        write(made, 20 + int(random.integers(8)), y, f"{seed} {text}", scheme=scheme)
    made[:, 300:] = made[0, 0]
    made.flags.writeable = False
    return made


def sections(seed: int, count: int, *, scheme: str = "dark") -> list[np.ndarray]:
    """Sections of a page, no two of them equal."""
    return [section(1000 * seed + number, scheme=scheme) for number in range(count)]


def stacked(parts: Iterable[np.ndarray]) -> np.ndarray:
    """A page of these sections, from top to bottom."""
    return np.concatenate(list(parts))


def shaded(part: np.ndarray, x: int, y: int, width: int, height: int, *, levels: int = 70) -> np.ndarray:
    """A section in which a box has other colours, each pixel by as many levels in every channel but alpha."""
    made = part.copy()
    box = made[y : y + height, x : x + width, :3].astype(np.int64)
    made[y : y + height, x : x + width, :3] = np.where(box > 127, box - levels, box + levels)
    return made
