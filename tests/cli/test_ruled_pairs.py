"""Three lines of rules let plots pass that differ by anti-aliasing only, and no word with another letter."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import planted
from support.programs import Folders, folders, png

from mymodules import cli, images, results

FILE = '[[rule]]\nname = "smooth edges"\nantialiased = true\n'
WORDS = (
    ("Save", "Sale"), ("Save", "Safe"), ("Cave", "Cale"), ("10.00", "11.00"), ("110.00", "111.00"),
    ("10.00", "10.01"), ("on", "off"), ("total 100", "total 900"), ("Mail", "Main"), ("0", "O"),
)  # fmt: skip


def around(x: int, y: int, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """The pixels around one that are in the picture."""
    both = itertools.product(range(y - 1, y + 2), range(x - 1, x + 2))
    return [(b, a) for b, a in both if (b, a) != (y, x) and 0 <= b < shape[0] and 0 <= a < shape[1]]


def is_smooth(one: np.ndarray, other: np.ndarray, x: int, y: int) -> bool:
    """Whether pixelmatch takes a pixel of an opaque picture for anti-aliasing: its text in plain Python."""

    def brightness(at: tuple[int, int]) -> float:
        red, green, blue = (float(value) for value in one[at][:3])
        return red * 0.29889531 + green * 0.58662247 + blue * 0.11448223

    def has_many_siblings(picture: np.ndarray, at: tuple[int, int]) -> bool:
        near = around(at[1], at[0], one.shape)
        return sum((picture[each] == picture[at]).all() for each in near) + (len(near) < 8) > 2

    near = around(x, y, one.shape)
    steps = {each: brightness((y, x)) - brightness(each) for each in near}
    darkest, brightest = min(near, key=steps.__getitem__), max(near, key=steps.__getitem__)
    if sum(step == 0 for step in steps.values()) + (len(near) < 8) > 2:
        return False
    if steps[darkest] >= 0 or steps[brightest] <= 0:
        return False
    return any(
        has_many_siblings(one, each) and has_many_siblings(other, each) for each in (darkest, brightest)
    )


def differ_by_smoothing_only(first: Path, second: Path) -> bool:
    one, other = images.read_rgba(first), images.read_rgba(second)
    if one.shape != other.shape or min(one[..., 3].min(), other[..., 3].min()) < 255:
        return False
    places = np.argwhere((one != other).any(axis=2))
    return bool(len(places)) and all(
        is_smooth(one, other, x, y) or is_smooth(other, one, x, y) for y, x in places.tolist()
    )


def checked(made: Folders, *options: str) -> int:
    (made.out / "rules.toml").write_text(FILE)
    how = ["--out", str(made.out), "--processes", "1", "--pictures", "none", "--store", "none", "--check"]
    paths = map(str, (made.first, made.second))
    return cli.main(["compare", *paths, *how, "--rules", str(made.out / "rules.toml"), *options])


def verdicts(made: Folders) -> dict[str, str]:
    (path,) = made.out.glob("results-*.csv")
    return {row.image_filename: row.verdict for row in results.read(path)}


def test_plots_pass_that_differ_by_anti_aliasing_only(shared_data: Path, tmp_path: Path) -> None:
    plots = shared_data / "data" / "plots"
    if not plots.is_dir():
        pytest.skip(f"{plots} is not there")
    alike, others = folders(tmp_path / "alike"), folders(tmp_path / "others")
    for first in sorted((plots / "first" / "matplotlib" / "test_axes").glob("*.png")):
        second = plots / "second" / first.relative_to(plots / "first")
        if not second.is_file() or first.read_bytes() == second.read_bytes():
            continue
        made = alike if differ_by_smoothing_only(first, second) else others
        shutil.copy(first, made.first)
        shutil.copy(second, made.second)
    assert min(len([*made.first.iterdir()]) for made in (alike, others)) >= 5
    assert checked(alike) == 0
    assert {*verdicts(alike).values()} <= {"tolerated", "same"}
    assert checked(others) == 1
    assert {*verdicts(others).values()} <= {"changed", "same"}


@pytest.mark.parametrize("scheme", ["dark", "light", "blue"])
def test_every_changed_word_fails(tmp_path: Path, scheme: str) -> None:
    made = folders(tmp_path)
    for size in (12, 13, 16, 20):
        for number, words in enumerate(WORDS):
            for folder, text in zip(made, words, strict=False):
                page = planted.empty(60, scheme=scheme)
                planted.write(page, 33, 8, text, size=size, scheme=scheme)
                (folder / f"{size}-{number}.png").write_bytes(png(page))
    assert checked(made) == 1
    assert [*verdicts(made).values()] == ["changed"] * len(WORDS) * 4
