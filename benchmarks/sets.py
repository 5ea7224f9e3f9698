"""The sets to measure on: folders of picture pairs, used as they are or made from real pages.

    python benchmarks/sets.py NAME TO FIRST SECOND

This makes the set NAME from two folders of pages, as TO/first and TO/second. It is a separate program so that
the process that measures stays small: a child's peak memory is at least that of its parent.

The files are written by libpng through imagecodecs with its defaults (level 6, filters chosen row by row), so
they have the size and the filters of real screenshots. OpenCV's default, the filter Sub in every row, would
favour this project, because then no row depends on another.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

TIMES = 5
"""How often a set is repeated, each time under another folder name, so that start-up does not dominate."""

_HIGH, _WIDE = 26, 200  # px; a patch
_SEED = 3

Rgb = NDArray[np.uint8]


def plain(first: Path, second: Path, to: Path, times: int = TIMES) -> None:
    """Repeat two folders as they are."""
    for side, source in (("first", first), ("second", second)):
        files = [path for path in sorted(source.rglob("*")) if path.is_file()]
        for path in files:
            copy = to / side / "1" / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            _repeat(to, copy, times)


def sparse(first: Path, second: Path, to: Path) -> None:
    """Pair every page of the first folder with a copy in which a patch of 200 x 26 px is mirrored."""
    rng = np.random.default_rng(_SEED)
    for path, page in _pages(first):
        _write_pair(to, path.name, page, mirrored(page, rng))


def changed(first: Path, second: Path, to: Path) -> None:
    """Copy only the files that are in both folders and differ, several times."""
    for path in sorted(first.rglob("*")):
        other = second / path.relative_to(first)
        if path.is_file() and other.is_file() and path.read_bytes() != other.read_bytes():
            for side, source in (("first", path), ("second", other)):
                copy = to / side / "1" / path.relative_to(first)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
                _repeat(to, copy, TIMES)


def wide(first: Path, second: Path, to: Path, times: int = TIMES) -> None:
    """Tile one pair of 7680 x 4800 px from pages; patches all over one copy, 3 % of it, are inverted."""
    page = _tiled(first, 4800, 7680)
    changed = page.copy()
    across, down = page.shape[1] // _WIDE, page.shape[0] // _HIGH
    count = round(0.03 * page.shape[0] * page.shape[1] / (_HIGH * _WIDE))
    for spot in np.random.default_rng(_SEED).permutation(across * down)[:count].tolist():
        top, left = spot // across * _HIGH, spot % across * _WIDE
        changed[top : top + _HIGH, left : left + _WIDE] ^= 255
    _write_pair(to, "wide.png", page, changed, times)


def tall(first: Path, second: Path, to: Path) -> None:
    """Stack the pages of each side to one pair of 1280 x 12,000 px: shifted, nearly all changed."""
    _write_pair(to, "tall.png", _tiled(first, 12_000, 1280), _tiled(second, 12_000, 1280), times=1)


def many(first: Path, second: Path, to: Path, count: int, every: int) -> None:
    """Cut pairs of 100 x 100 px from a page; in every n-th, 1 % of the pixels are inverted."""
    _, page = next(_pages(first))
    for side in ("first", "second"):
        (to / side).mkdir(parents=True)
    for number in range(count):
        kind = number % 100
        top, left = kind // 10 * 100, kind % 10 * 100
        cut = page[top : top + 100, left : left + 100]
        if number < 100:
            changed = cut.copy()
            changed[40:50, 40:50] ^= 255
            for name, picture in (("cut", cut), ("changed", changed)):
                (to / f"{name}{kind}").write_bytes(_encoded(picture))
        name = f"{number:05}.png"
        _link(to / f"cut{kind}", to / "first" / name)
        _link(to / f"{'cut' if number % every else 'changed'}{kind}", to / "second" / name)


def tiny(first: Path, second: Path, to: Path, count: int) -> None:
    """Cut pairs of 32 x 32 px from a page, no two alike; both files of a pair are the same file."""
    _, page = next(_pages(first))
    height, width = page.shape[0] - 32, page.shape[1] - 32
    for side in ("first", "second"):
        (to / side).mkdir(parents=True)
    for number in range(count):
        top, left = number * 7 % height, number * 11 % width
        cut = page[top : top + 32, left : left + 32].copy()
        cut[0, 0] = number >> 16, number >> 8 & 255, number & 255
        name = f"{number:06}.png"
        (to / "first" / name).write_bytes(_encoded(cut))
        _link(to / "first" / name, to / "second" / name)


def varied(first: Path, second: Path, to: Path, count: int) -> None:
    """Cut pairs of 64 x 48 px from a page, of every status and with long names; a third changed.

    The same changes stand on several pictures, a few of them on very many.
    """
    _, page = next(_pages(first))
    some = np.random.default_rng(_SEED)
    height, width = page.shape[0] - 48, page.shape[1] - 64
    classes = max(count // 20, 1)
    sizes = some.integers(3, 16, (classes, 2))
    for number in range(count):
        top, left = number * 7 % height, number * 11 % width
        cut = page[top : top + 48, left : left + 64].copy()
        cut[0, 0] = number >> 16, number >> 8 & 255, number & 255
        team, screen = number // 5000, number // 20 % 250
        name = f"team-{team:03}/screen-{screen:03} of the account settings/{number:07} 1280 x 800, de-AT.png"
        paths = [to / side / name for side in ("first", "second")]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        kind = some.random()
        after = cut.copy()
        for left in range(0, int(some.integers(32, 64)) if 0.05 < kind <= 0.4 else 0, 32):
            shape = int(classes * some.random() ** 3)
            high, wide = sizes[shape]
            y, x = some.integers(1, 40 - high), left + some.integers(1, 31 - wide)
            for picture, shades in ((cut, (255, 255, 255)), (after, (shape % 251, shape % 241, shape % 239))):
                picture[y : y + high, x : x + wide] = shades
        if kind > 0.02:  # else extra
            paths[0].write_bytes(_encoded(cut))
        if kind > 0.4:
            _link(*paths)
        elif kind > 0.05 or kind < 0.02:
            paths[1].write_bytes(_encoded(after[: 40 if kind > 0.39 else 48]))
        elif kind > 0.04:  # else missing
            paths[1].write_bytes(_encoded(after)[:-30])


def _many(count: int, every: int) -> Callable[[Path, Path, Path], None]:
    return lambda first, second, to: many(first, second, to, count, every)


SETS: dict[str, Callable[[Path, Path, Path], None]] = {
    "plain": plain,
    "small": lambda first, second, to: plain(first, second, to, times=1),
    "sparse": sparse,
    "changed": changed,
    "wide": wide,
    "alone": lambda first, second, to: wide(first, second, to, times=1),
    "tall": tall,
    "many-1000": _many(1_000, 100),
    "many-10000": _many(10_000, 100),
    "changed-1000": _many(1_000, 1),
    "changed-10000": _many(10_000, 1),
    "tiny-10000": lambda first, second, to: tiny(first, second, to, 10_000),
    "tiny-100000": lambda first, second, to: tiny(first, second, to, 100_000),
    "tiny-1000000": lambda first, second, to: tiny(first, second, to, 1_000_000),
    "varied-10000": lambda first, second, to: varied(first, second, to, 10_000),
    "varied-100000": lambda first, second, to: varied(first, second, to, 100_000),
}


def mirrored(page: Rgb, rng: np.random.Generator) -> Rgb:
    """Copy a page and mirror one patch at a place where that changes at least a tenth of its pixels."""
    changed = page.copy()
    while True:
        top = int(rng.integers(page.shape[0] - _HIGH))
        left = int(rng.integers(page.shape[1] - _WIDE))
        patch = page[top : top + _HIGH, left : left + _WIDE]
        if (patch != patch[:, ::-1]).any(axis=2).mean() >= 0.1:
            changed[top : top + _HIGH, left : left + _WIDE] = patch[:, ::-1]
            return changed


def _pages(folder: Path) -> Iterator[tuple[Path, Rgb]]:
    """Read the pages of a folder, RGB."""
    for path in sorted(folder.rglob("*.png")):
        yield path, imagecodecs.png_decode(path.read_bytes())[:, :, :3]


def _tiled(folder: Path, height: int, width: int) -> Rgb:
    """Stack pages without gaps from top to bottom, then in columns from left to right."""
    columns: list[Rgb] = []
    stack: list[Rgb] = []
    while sum(column.shape[1] for column in columns) < width:
        for _, page in _pages(folder):
            stack.append(page)
            if sum(part.shape[0] for part in stack) >= height:
                columns.append(np.concatenate(stack)[:height])
                stack = []
    return np.ascontiguousarray(np.concatenate(columns, axis=1)[:, :width])


def _encoded(page: Rgb) -> bytes:
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(page)))


def _write_pair(to: Path, name: str, first: Rgb, second: Rgb, times: int = TIMES) -> None:
    for side, page in (("first", first), ("second", second)):
        path = to / side / "1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_encoded(page))
        _repeat(to, path, times)


def _repeat(to: Path, path: Path, times: int) -> None:
    """Link the file SIDE/1/NAME as SIDE/2/NAME and so on."""
    side, _, *name = path.relative_to(to).parts
    for number in range(2, times + 1):
        copy = to.joinpath(side, str(number), *name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _link(path, copy)


def _link(path: Path, copy: Path) -> None:
    """Give a file a second name, or copy it if the file system has no hard links."""
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)


if __name__ == "__main__":
    SETS[sys.argv[1]](*(Path(argument) for argument in (sys.argv[3], sys.argv[4], sys.argv[2])))
