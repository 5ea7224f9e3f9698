"""Where the viewer's pictures stand, how large they are, and what is said about them beside them."""

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


# --- the room for pictures ---------------------------------------------------------------------------


def test_details_are_folded_in_small_windows_until_a_person_chooses(tabs: Any, page_folder: Path) -> None:
    opened: Opened = tabs(page_folder)
    details = opened.root.locator(".mmv-details")
    for width, there in ((1499, False), (1500, True)):
        opened.tab.set_viewport_size({"width": width, "height": 900})
        opened.go("a-page.png")
        assert details.is_visible() == there
    opened.tab.set_viewport_size({"width": 1280, "height": 800})
    opened.settle()
    assert not details.is_visible(), "the window has become smaller"
    button = opened.root.get_by_role("button", name="Details")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    opened.settle()
    assert details.is_visible()
    opened.tab.reload()
    opened.settle()
    assert details.is_visible(), "the browser remembers it"
    opened.press("d")
    opened.tab.set_viewport_size({"width": 1920, "height": 1080})
    opened.tab.reload()
    opened.settle()
    assert not details.is_visible()


def test_details_open_in_a_browser_that_remembers_nothing(tabs: Any, page_folder: Path) -> None:
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})"
    opened: Opened = tabs(page_folder, script=refuse).go("a-page.png")
    opened.press("d")
    assert opened.root.locator(".mmv-details").is_visible()


def test_pictures_have_all_of_the_viewer_but_four_lines(shown: Opened) -> None:
    """Two bars with buttons of 26 px, why pixels differ, and the line above the pictures, in every mode."""
    shown.tab.set_viewport_size({"width": 1440, "height": 900})
    for key in "1234567":
        shown.press(key)
        whole, panes = shown.root.bounding_box(), shown.root.locator(".mmv-picture:visible")
        boxes = [pane.bounding_box() for pane in panes.all()]
        assert whole["height"] - min(box["height"] for box in boxes) <= 4 * 28
        assert whole["width"] - sum(box["width"] for box in boxes) <= 8


@pytest.mark.parametrize(("width", "height", "least"), [(1280, 800, 0.45), (1440, 900, 0.55)])
def test_pictures_get_the_screen(shown: Opened, width: int, height: int, least: float) -> None:
    shown.tab.set_viewport_size({"width": width, "height": height})
    shown.press("1", "w")
    boxes = [pane.bounding_box() for pane in shown.root.locator(".mmv-picture:visible").all()]
    assert sum(box["width"] * box["height"] for box in boxes) >= least * width * height
    if width == 1440:
        assert zoom(shown) * WIDE >= 0.4 * 1280, "a page of 1280 px would be readable"


# --- three-up ----------------------------------------------------------------------------------------


def test_three_up_shows_first_difference_and_second_in_the_same_place(
    shown: Opened, frame: pd.DataFrame
) -> None:
    shown.go("d-tiny.png")
    shown.press("7", "o", "g", "0", "+", "0")
    assert shown.mode() == "three-up"
    panes = shown.root.locator(".mmv-pane:visible")
    assert panes.evaluate_all("panes => panes.map(pane => pane.dataset.pane)") == ["left", "middle", "right"]
    first, second = (original(frame, side, "d-tiny.png")[..., :3].astype(int) for side in ("first", "second"))
    np.testing.assert_array_equal(shown.shot(), first)
    np.testing.assert_array_equal(shown.shot("second", "right"), second)
    np.testing.assert_array_equal(shown.shot("second", "middle"), np.abs(first - second))
    places = [
        image(shown, which, "second" if which != "left" else "first") for which in ("left", "middle", "right")
    ]
    assert places[0] == places[1] == places[2]
    shown.root.locator(".mmv-slider input").fill("3")
    shown.root.focus()
    shown.settle()
    brighter = np.minimum(3 * np.abs(first - second), 255)
    assert np.abs(shown.shot("second", "middle") - brighter).max() <= 1
    shown.press("?")
    assert "three-up" in shown.root.get_by_role("dialog").inner_text()
    shown.press("Escape")


def test_three_up_has_no_difference_of_a_single_picture(shown: Opened) -> None:
    shown.press("7")
    shown.go("e-missing.png")
    pictures = shown.root.locator(".mmv-sheet img:visible")
    assert pictures.count() == 1
    assert pictures.evaluate("img => img.closest('[data-pane]').dataset.pane") == "left"
    notice = shown.root.locator(".mmv-notice:visible")
    assert notice.all_inner_texts() == ["Only in first: second has no file of this name."]
    assert notice.evaluate("node => node.closest('[data-pane]').dataset.pane") == "right"


# --- what is said beside the pictures ----------------------------------------------------------------


def test_a_line_says_what_the_row_is(shown: Opened, frame: pd.DataFrame) -> None:
    heading = shown.root.locator(".mmv-name")
    assert (heading.inner_text(), heading.get_attribute("title")) == ("a-page.png", "a-page.png")
    assert shown.root.locator(".mmv-status").inner_text() == "changed"
    line = shown.root.locator(".mmv-readout")
    row = frame.set_index("image_filename").loc["a-page.png"]
    figures = shown.root.locator(".mmv-summary")
    # 1200 * 90 + 500 * 60 + 200 * 20 + 40 * 40 + 1 of 1200 * 6000
    assert figures.inner_text() == f"143,601 px (1.99 %) differ · 5 changes · SSIM {row['ssim_score']:.4f}"
    assert line.inner_text().split("\n")[:2] == ["first", "1,200 x 6,000 px"]
    assert shown.read(300, 300)["delta"] == "equal"
    assert not figures.is_visible(), "the pixel's values stand in its place"


def test_a_note_is_seen_while_details_are_folded(shown: Opened) -> None:
    mark = shown.root.locator(".mmv-mark")
    assert not mark.is_visible()
    shown.go("d-tiny.png")
    assert not shown.root.locator(".mmv-details").is_visible()
    assert mark.is_visible()
    noted = "Note: <b>too</b> loud"
    assert (mark.get_attribute("title"), mark.get_attribute("aria-label")) == (noted, noted)


def test_a_key_that_changes_nothing_is_taken_back_too(tabs: Any, page_folder: Path) -> None:
    shown: Opened = tabs(page_folder).go("b-near.png")
    shown.press("a")
    assert shown.name() == "c-far.png"
    shown.click("a-page.png")
    shown.press("a")
    shown.click("a-page.png")
    shown.press("a", "u")
    news = shown.root.locator(".mmv-news")
    assert (shown.name(), news.inner_text()) == (
        "a-page.png",
        "Undone: a-page.png accepted. It stays accepted.",
    )
    pressed = shown.root.locator(".mmv-decide [aria-pressed=true]")
    assert pressed.inner_text() == "Accept"
    shown.press("u")
    assert (news.inner_text(), pressed.count()) == ("Undone: a-page.png accepted.", 0)
    shown.click("b-near.png")
    assert pressed.inner_text() == "Accept"
