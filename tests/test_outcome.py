"""Two pictures in, one outcome: of whatever kind they are, the figures are those of files."""

import base64
import dataclasses
import html
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import matplotlib.figure
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import oracles, pngs
from support.samples import JPEG, PLAIN, RGB, RGB16, changed

import mymodules
from mymodules import images
from mymodules.errors import PictureError, SettingsError
from mymodules.regions import Region
from mymodules.row import COLUMNS
from mymodules.rules import Limits, Rule, Rules

FIRST, SECOND = RGB.astype(np.uint8), changed(RGB, 1).astype(np.uint8)
OTHER = pngs.write(changed(RGB, 1), 2, 8)
KINDS: dict[str, Any] = {
    "bytes": lambda array: pngs.write(array, 2, 8),
    "bytearray": lambda array: bytearray(pngs.write(array, 2, 8)),
    "uint8": lambda array: array,
    "float32": lambda array: (array / 255).astype(np.float32),
    "float64": lambda array: array / 255,
    "uint16": lambda array: array.astype(np.uint16) * 257,
    "PIL": Image.fromarray,
    "PNG by PIL": lambda array: Image.open(io.BytesIO(pngs.write(array, 2, 8))),
}


def test_two_files(tmp_path: Path) -> None:
    paths = tmp_path / "before.png", tmp_path / "after.png"
    for path, data in zip(paths, (PLAIN, OTHER), strict=True):
        path.write_bytes(data)
    outcome = mymodules.compare(paths[0], str(paths[1]))
    assert outcome.changed is True
    assert outcome.status == "changed"
    # One value of one of 12 x 17 pixels differs by 1: 100 / 204 percent.
    assert outcome.num_diff_pixels == 1
    assert outcome.pixel_diff_percent == pytest.approx(100 / 204, rel=1e-6)
    assert (outcome.max_diff_r, outcome.max_diff_g, outcome.max_diff_b, outcome.max_diff_a) == (0, 1, 0, 0)
    assert outcome.regions == ((9, 5, 1, 1),)
    assert outcome.messages == "1 pixel differs (0.49 %) in 1 region."
    assert outcome.ssim_score == pytest.approx(
        oracles.mean_similarity(opaque(FIRST), opaque(SECOND)), abs=1e-9
    )
    assert repr(outcome) == f"changed: {outcome.messages}"  # SSIM does not see 1 level of green here
    inverted = mymodules.compare(FIRST, 255 - FIRST)
    assert repr(inverted) == f"changed: {inverted.messages} SSIM {inverted.ssim_score:.6f}."
    assert set(COLUMNS) <= set(dir(outcome))


def opaque(rgb: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_every_kind_with_every_other(first: str, second: str) -> None:
    expected = mymodules.compare(PLAIN, OTHER).row
    found = mymodules.compare(KINDS[first](FIRST), KINDS[second](SECOND)).row
    unlike = ("image_filename", "seconds", "first_digest", "second_digest", "messages", "code")
    for name in set(COLUMNS) - set(unlike):
        assert getattr(found, name) == getattr(expected, name), name
    assert found.messages.startswith(expected.messages)
    equal = mymodules.compare(KINDS[first](FIRST), KINDS[second](FIRST))
    assert (equal.changed, equal.status, equal.ssim_score, equal.num_diff_pixels) == (False, "same", 1.0, 0)
    assert repr(equal).startswith("same: ")
    of_files = {first, second} <= {"bytes", "bytearray"}
    assert equal.messages.startswith("Equal byte for byte." if of_files else "The pixels are equal.")
    assert "files" not in equal.messages


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_arrays_have_the_figures_of_files_of_the_same_pixels(seed: int, small: bool) -> None:
    random = np.random.default_rng(seed)
    one, other = (pngs.draw(random, *pngs.KINDS[random.integers(len(pngs.KINDS))]) for _ in range(2))
    if small:
        zeroed = np.where(random.random(one.samples.shape) < 0.1, 0, one.samples)
        other = dataclasses.replace(one, samples=zeroed)
    arrays = [images.decode(data, images.inspect(data)) for data in (one.png(), other.png())]
    files = mymodules.compare(one.png(), other.png()).row
    found = mymodules.compare(*arrays).row
    for name in set(COLUMNS) - {"seconds", "first_digest", "second_digest", "messages", "image_filename"}:
        if name == "code" and files.status == "same":
            continue  # equal arrays make equal files, but equal pictures need not be in equal files
        assert getattr(found, name) == getattr(files, name), name


def test_floats_that_only_16_bits_hold() -> None:
    first = RGB16.astype(np.float32) / np.float32(65535)
    file = pngs.write(RGB16, 2, 16)
    assert mymodules.compare(first, file).changed is False
    second = first.copy()
    second[3, 4, 1] = (RGB16[3, 4, 1] ^ 1) / 65535
    found = mymodules.compare(first, second)
    assert (found.changed, found.code, found.num_diff_pixels) == (True, "low_bits_differ", 0)
    assert mymodules.compare(first, second).row._replace(seconds=0) == found.row._replace(seconds=0)


def test_floats_have_no_depth() -> None:
    """0.4 is 102 of 255 steps, and 0.4001 is none: a file of the former would have 8 bits."""
    first, second = np.full((9, 7), 0.4), np.full((9, 7), 0.4001)
    for pair in ((first, second), (second, first)):
        found = mymodules.compare(*pair)
        assert (found.code, found.num_diff_pixels) == ("low_bits_differ", 0)
        assert found.messages == "The 16-bit values differ, but as 8 bits the pictures are equal."
    sixteen = mymodules.compare(np.full((9, 7), 102, np.uint8), np.full((9, 7), 26221, np.uint16))
    assert "first has 8 bits per channel, second has 16." in sixteen.messages  # of these it is true


@pytest.mark.parametrize("by", [1e-3, 1e-5, 1e-7, 1e-12])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 2), (9, 7, 3), (9, 7, 4)])
def test_no_difference_of_floats_is_lost(shape: tuple[int, ...], by: float) -> None:
    first = np.random.default_rng(3).random(shape) * 0.9
    second = first.copy()
    second[4, 5] += by
    assert mymodules.compare(first, second).changed is True
    assert mymodules.compare(second, first).changed is True
    assert mymodules.compare(first, first.copy()).changed is False


def test_floats_that_16_bits_cannot_hold_equal_no_file() -> None:
    exact = RGB / 255
    near = exact.copy()
    near[0, 0, 0] = 0.5 / 65535 / 4
    exact[0, 0, 0] = 0
    found = mymodules.compare(near, exact)
    assert (found.changed, found.code) == (True, "low_bits_differ")
    assert "less than 16 bits can hold" in repr(found)
    gray = near[:, :, 0]
    assert mymodules.compare(gray, np.dstack([gray] * 3)).changed is False


def test_figures_are_drawn_and_compared() -> None:
    def drawn(height: float) -> matplotlib.figure.Figure:
        figure = matplotlib.figure.Figure(figsize=(1, 1), dpi=40)
        figure.add_axes((0.0, 0.0, 1.0, 1.0)).bar([0], [height])
        return figure

    assert mymodules.compare(drawn(1), drawn(1)).changed is False
    file = io.BytesIO()
    drawn(2).savefig(file, format="png")
    assert mymodules.compare(drawn(2), file.getvalue()).changed is False
    figure = drawn(1)
    figure.axes[0].axhline(0.5, color="red")
    outcome = mymodules.compare(drawn(1), figure)
    assert outcome.changed is True
    assert outcome.width_first == outcome.height_first == 40


def test_the_pictures() -> None:
    outcome = mymodules.compare(FIRST, OTHER)
    assert np.array_equal(outcome.pictures.first, opaque(FIRST))
    assert np.array_equal(outcome.pictures.second, opaque(SECOND))
    difference = outcome.pictures.difference
    assert np.argwhere(difference.any(axis=2)).tolist() == [[5, 9]]
    assert Image.fromarray(difference).size == (17, 12)


def test_a_file_that_has_changed_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "x <b>.png"
    path.write_bytes(PLAIN)
    outcome = mymodules.compare(path, OTHER)
    path.write_bytes(OTHER)
    with pytest.raises(PictureError, match="has changed since it was compared"):
        _ = outcome.pictures
    assert "has changed since it was compared" in outcome._repr_html_()
    assert "<b>.png" not in outcome._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (b"", "empty", r"second cannot be compared: it holds 0 bytes \(bytes\)"),
        (PLAIN[:60], "truncated", "second cannot be compared"),
        (b"<html>", "not_an_image", "second cannot be compared"),
        (FIRST.astype(float), "kind", "second is float64 .*from 0 to 1"),
        (FIRST.astype(np.int64), "kind", "second is int64"),
        ("gone.png", "vanished", "There is no file gone.png: name another one as second"),
        (None, "kind", "second is of type NoneType"),
    ],
    ids=["empty", "truncated", "html", "floats to 255", "signed", "gone", "nothing"],
)
def test_what_cannot_be_compared_raises(wrong: object, code: str, words: str) -> None:
    with pytest.raises(PictureError, match=words) as caught:
        mymodules.compare(FIRST, wrong)
    assert caught.value.code == code


def test_the_limit() -> None:
    assert mymodules.compare(FIRST, SECOND, max_pixels=12 * 17).changed is True
    with pytest.raises(PictureError, match="no more than 203 pixels") as caught:
        mymodules.compare(FIRST, SECOND, max_pixels=203)
    assert caught.value.code == "too_many_pixels"
    for wrong in (0, -1, 2.5, True, "9"):
        with pytest.raises(SettingsError, match="max_pixels must be a whole number above 0"):
            mymodules.compare(FIRST, SECOND, max_pixels=wrong)  # type: ignore[arg-type]


def test_an_outcome_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match=r"ask for \.changed"):
        bool(mymodules.compare(FIRST, FIRST))
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = mymodules.compare(FIRST, FIRST).colour


class Parts(HTMLParser):
    """The tags of a page, and its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: dict[str, list[np.ndarray]] = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            named = dict(attrs)
            prefix, _, data = str(named["src"]).partition(",")
            assert prefix == "data:image/png;base64"
            picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
            self.pictures.setdefault(str(named["alt"]), []).append(picture)
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_sentence_pictures_and_figures() -> None:
    outcome = mymodules.compare(FIRST, SECOND)
    text = outcome._repr_html_()
    parts = Parts(text)
    assert {name: [picture.shape for picture in found] for name, found in parts.pictures.items()} == {
        name: [(12, 17, 4)] for name in ("first", "second", "difference")
    }
    # The pixel that differs, and all but the line of 1 px around it, are as they were.
    first = parts.pictures["first"][0]
    kept = np.ones((12, 17), bool)
    kept[4:7, 8:11] = False
    kept[5, 9] = True
    assert np.array_equal(first[kept], opaque(FIRST)[kept])
    assert (first[~kept] == (229, 57, 53, 255)).all()
    assert html.escape(repr(outcome)) in text
    assert "x 9, y 5, 1 x 1 px: 1 differ" in text
    assert not re.search(r"https?:|<script|<link", text)


def test_large_pictures_are_reduced_and_their_largest_region_is_not() -> None:
    first = np.zeros((400, 1000), np.uint8)
    second = first.copy()
    second[10, 10] = 9
    second[390:395, 980:990] = 200
    parts = Parts(mymodules.compare(first, second)._repr_html_())
    assert [picture.shape[:2] for picture in parts.pictures["second"]] == [(128, 320), (320, 320)]
    part = parts.pictures["second"][1]
    assert (part[:, :, 0] == 200).sum() == 50
    assert np.argwhere(part[:, :, 0] == 200)[0].tolist() == [390 - 80, 980 - 680]


def test_equal_pictures_are_shown_without_a_difference() -> None:
    parts = Parts(mymodules.compare(FIRST, JPEG)._repr_html_())
    assert set(parts.pictures) == {"first", "second", "difference"}
    parts = Parts(mymodules.compare(FIRST, FIRST)._repr_html_())
    assert set(parts.pictures) == {"first", "second"}


def test_pictures_of_different_sizes_are_shown() -> None:
    outcome = mymodules.compare(FIRST, SECOND[:5, :9])
    assert outcome.dim_differ is True
    parts = Parts(outcome._repr_html_())
    assert parts.pictures["second"][0].shape[:2] == (5, 9)


def test_importing_the_package_imports_none_of_this() -> None:
    code = (
        "import sys, mymodules; assert 'numpy' not in sys.modules; mymodules.compare; print(sorted("
        "{'PIL', 'matplotlib', 'pandas', 'ipywidgets', 'IPython', 'loky', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_rules_decide_about_two_pictures(tmp_path: Path) -> None:
    array = np.full((20, 30, 3), 100, np.uint8)
    other = array.copy()
    other[4, 5:9] += 3
    file = tmp_path / "rules.toml"
    file.write_text('[[rule]]\nname = "faint"\nlargest = 8\n')
    plain, ruled = (mymodules.compare(array, other, **how) for how in ({}, {"rules": file}))
    assert (plain.verdict, plain.rules) == ("changed", None)
    assert (ruled.verdict, ruled.changed, ruled.num_diff_pixels) == ("tolerated", True, 4)
    assert (ruled.px_tolerated, ruled.px_changed) == (4, 0)
    assert ruled.messages == f"{plain.messages} Rule 'faint' tolerates 4 px of 1 change."
    deep = Rules((Rule("deep", Limits(depth=True)),))
    sixteen = np.full((9, 9), 1000, np.uint16)
    assert mymodules.compare(sixteen, sixteen + 1, rules=deep).verdict == "tolerated"
    finer = np.full((9, 9), 0.25)
    assert mymodules.compare(finer, finer + 1e-9, rules=deep).verdict == "tolerated"
    with pytest.raises(SettingsError, match="need to know what moved"):
        mymodules.compare(array, other, rules=file, moves=False)


@pytest.mark.parametrize("kind", ["float64", "float32", "uint16", ".png", ".tiff"])
@pytest.mark.parametrize("grows", [False, True])
def test_no_rule_hides_what_differs_beyond_8_bits_elsewhere(kind: str, grows: bool) -> None:
    """In place, or below rows that came; of a ramp that moved, most pixels are equal in place as 8 bits."""
    first = np.random.default_rng(5).integers(0, 65536, (60, 80, 3)).astype(np.uint16)
    first[:, ::2] = 10 * np.arange(60, dtype=np.uint16)[:, None, None]
    second = first.copy()
    second[2:5, 2:5] ^= 0x8000
    takes, taken = Limits(mask=(Region(0, 0, 10, 10),)), 9
    if grows:
        second = np.concatenate([first[:20], np.full((7, 80, 3), 0x8000, np.uint16), first[20:]])
        takes, taken = Limits(kinds=("insert",)), 7 * 80
    beyond = second.copy()
    beyond[50, 40, 1] ^= 1
    pictures: list[Any] = [first, second, beyond]
    if kind.startswith("float"):
        pictures = [(each / 65535 + 1 / 200_000).clip(0, 1).astype(kind) for each in pictures]
        pictures[2] = pictures[1].copy()
        pictures[2][50, 40, 1] *= 1 - 1e-6
    elif kind != "uint16":
        pictures = [bytes(cv2.imencode(kind, each)[1]) for each in pictures]
    rules = Rules((Rule("spot", takes),))
    passing, failing = (mymodules.compare(pictures[0], each, rules=rules) for each in pictures[1:])
    sentence = "Pixels that are equal as 8 bits differ in the bits beyond."
    for outcome in (passing, failing):
        assert outcome.px_masked + outcome.px_tolerated == taken
        assert outcome.px_changed + outcome.px_inserted == 0
        assert (outcome.verdict == "changed", sentence in outcome.messages) == (outcome is failing,) * 2
    both = Rules((*rules.rules, Rule("deep", Limits(depth=True))))
    assert mymodules.compare(pictures[0], pictures[2], rules=both).verdict == "tolerated"
