"""Where the viewer's pictures stand, and how large: stepping through regions and rows, small pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.containers import pillow as encoded
from support.programs import folders
from support.report_page import Opened, noise, original

from mymodules import batch, report
from mymodules.triage import Decisions

WIDE, HIGH = 1200, 6000
# x, y, width, height, the most differing pixels first; far enough from each other not to be joined
BANNERS = [
    (0, 3000, 1200, 90),
    (300, 900, 500, 60),
    (80, 5900, 200, 20),
    (500, 2000, 40, 40),
    (900, 4200, 1, 1),
]


def page(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    made = np.full((HIGH, WIDE, 3), 235, np.uint8)
    for x, y, width, height in boxes:
        made[y : y + height, x : x + width] = 40
    return made


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    made = folders(tmp_path_factory.mktemp("project"))
    pairs = {
        "a-page.png": (page(), page(*BANNERS)),
        "b-near.png": (page(), page((320, 920, 30, 30), (100, 5000, 300, 80))),
        "c-far.png": (page(), page((600, 4800, 20, 20), (100, 5500, 300, 80))),
        "d-tiny.png": (noise(3, 1, 48, 64), noise(3, 2, 48, 64)),
        "e-missing.png": (noise(3, 3, 48, 64), None),
    }
    for name, sides in pairs.items():
        for folder, pixels in zip(made[:2], sides, strict=True):
            if pixels is not None:
                (folder / name).write_bytes(encoded(pixels))
    run = batch.run(*made, num_processors=1, pictures="none", store=None)
    found = run.frame()
    Decisions(made.out).decide(found[found["image_filename"] == "d-tiny.png"], "reject", "<b>too</b> loud")
    return found


@pytest.fixture(scope="module")
def page_folder(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame, tmp_path_factory.mktemp("reports") / "report")


@pytest.fixture
def shown(tabs: Any, page_folder: Path) -> Opened:
    tab: Opened = tabs(page_folder).go("a-page.png")
    return tab


def pane(shown: Opened, which: str = "left") -> dict[str, float]:
    box: dict[str, float] = shown.root.locator(f"[data-pane={which}] .mmv-picture").bounding_box()
    return box


def zoom(shown: Opened) -> float:
    return float(shown.root.get_attribute("data-zoom"))


def image(shown: Opened, which: str = "left", side: str = "first") -> dict[str, float]:
    """Where a picture is in its pane."""
    picture = shown.root.locator(f"[data-pane={which}] .mmv-sheet[data-side={side}] img")
    box: dict[str, float] = picture.evaluate(
        "img => (({x, y, width, height}) => ({x, y, width, height}))(img.getBoundingClientRect())"
    )
    room = pane(shown, which)
    return {**box, "x": box["x"] - room["x"], "y": box["y"] - room["y"]}


def is_visible(shown: Opened, box: tuple[int, int, int, int]) -> bool:
    """Whether all of a region is in the left pane."""
    (x, y, width, height), at, room, scale = box, image(shown), pane(shown), zoom(shown)
    left, top = at["x"] + x * scale, at["y"] + y * scale
    inside = left >= 0 and top >= 0
    return inside and left + width * scale <= room["width"] and top + height * scale <= room["height"]


def test_stepping_through_regions_never_makes_the_page_smaller_or_leaves_the_pane_blank(
    shown: Opened,
) -> None:
    shown.press("1", "w")
    fit = zoom(shown)
    for box in BANNERS:
        shown.press("j")
        assert zoom(shown) >= fit
        assert is_visible(shown, box)
        at, room = image(shown), pane(shown)
        assert at["x"] <= 12
        assert at["y"] <= 12
        assert at["x"] + at["width"] >= room["width"] - 12
        assert at["y"] + at["height"] >= room["height"] - 12


def test_the_zoom_stays_while_stepping_if_it_can(shown: Opened) -> None:
    shown.press("2", "0", "j")  # the banner is wider than the pane at 1:1
    zooms = []
    for _ in BANNERS[1:]:
        shown.press("j")
        zooms.append(zoom(shown))
    assert zooms == [1, 1, 1, 8], "a single pixel is too small to be seen"
    shown.press("k", "k")
    assert zoom(shown) == pytest.approx(0.9 * pane(shown)["width"] // 200)


def test_at_one_to_one_the_next_picture_stays_where_something_has_changed(shown: Opened) -> None:
    shown.press("2", "0", "Escape")
    shown.press("j", "j", "0", "Escape")
    place = image(shown)
    assert is_visible(shown, BANNERS[1])
    shown.press("n")
    assert (shown.name(), zoom(shown)) == ("b-near.png", 1)
    assert image(shown) == place
    assert is_visible(shown, (320, 920, 30, 30))
    shown.press("n")
    assert (shown.name(), zoom(shown)) == ("c-far.png", 1)
    assert is_visible(shown, (100, 5500, 300, 80)), "its largest region"


def test_at_fit_width_the_next_picture_shows_a_region_too(shown: Opened) -> None:
    shown.press("2", "w")
    fit = zoom(shown)
    shown.go("b-near.png")
    shown.press("Home", "n")
    assert (shown.name(), zoom(shown)) == ("c-far.png", fit)
    assert is_visible(shown, (100, 5500, 300, 80))


@pytest.mark.parametrize("mode", ["1", "2"])
def test_small_pictures_are_enlarged_by_whole_factors_and_crisp(
    shown: Opened, frame: pd.DataFrame, mode: str
) -> None:
    shown.go("d-tiny.png")
    shown.press(mode, "w", "o", "g")
    room = pane(shown)
    factor = int(min((room["width"] - 12) // 64, (room["height"] - 12) // 48, 8))
    assert zoom(shown) == factor
    first = original(frame, "first", "d-tiny.png")[..., :3].repeat(factor, axis=0).repeat(factor, axis=1)
    there = first.shape[1] if mode == "1" else first.shape[1] // 2 - 40  # left of the divider and its shade
    np.testing.assert_array_equal(shown.shot()[:, :there], first[:, :there])
