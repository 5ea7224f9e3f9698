"""What the viewer shows in JupyterLab in Chromium: its modes, exact pixels, files of every kind.

Screenshots are compared with the pixels of the files; what is not drawn is looked up in computed styles.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from support import lab
from support.viewer_page import HOSTILE, MODES, Driven, rgb, rgba

from mymodules import images
from mymodules.comparison import drawings

# --- modes -------------------------------------------------------------------------------------------


def test_no_cell_fails(notebook: lab.Notebook) -> None:
    assert notebook.failures() == []


@pytest.mark.parametrize("mode", MODES)
def test_keys_and_buttons_choose_the_mode(viewer: Driven, mode: str) -> None:
    viewer.show("a-plain.png", "swipe" if mode == "side-by-side" else "side-by-side")
    number = MODES.index(mode)
    viewer.press(str(number + 1))
    assert viewer.root.get_attribute("data-mode") == mode
    assert viewer.python("print(view.mode)") == mode
    viewer.press(str((number + 1) % len(MODES) + 1))
    button = viewer.root.locator(".mmv-modes button").nth(number)
    button.click()
    viewer.settle()
    assert viewer.root.get_attribute("data-mode") == mode
    pressed = viewer.root.locator(".mmv-modes button[aria-pressed=true]")
    assert pressed.all_inner_texts() == [button.inner_text()]


def test_side_by_side_shows_both_files_to_the_pixel(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png")
    viewer.outlines(False)
    viewer.press("0")
    np.testing.assert_array_equal(viewer.shot(), rgb(root, "first", "a-plain.png"))
    np.testing.assert_array_equal(viewer.shot("second", "right"), rgb(root, "second", "a-plain.png"))
    viewer.outlines(True)
    assert (viewer.shot() != rgb(root, "first", "a-plain.png")).any(), "outlines are drawn"


def test_swipe_shows_first_left_and_second_right_of_the_divider(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.outlines(False)
    viewer.press("0")
    first, second = (rgb(root, side, "a-plain.png") for side in ("first", "second"))
    viewer.slider(0)
    np.testing.assert_array_equal(viewer.shot(), second)
    viewer.slider(100)
    np.testing.assert_array_equal(viewer.shot(), first)
    viewer.slider(50)
    shot, box, pane = viewer.shot(), viewer.image(), viewer.left.bounding_box()
    at = round(pane["x"] + pane["width"] / 2 - box["x"])
    np.testing.assert_array_equal(shot[:, : at - 30], first[:, : at - 30])
    np.testing.assert_array_equal(shot[:, at + 30 :], second[:, at + 30 :])


def test_the_divider_can_be_dragged_and_the_picture_stays(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.slider(50)
    before, pane = viewer.image(), viewer.left.bounding_box()
    middle = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    viewer.page.mouse.move(*middle)
    viewer.page.mouse.down()
    viewer.page.mouse.move(pane["x"] + pane["width"] / 4, middle[1], steps=4)
    viewer.page.mouse.up()
    viewer.settle()
    clip = viewer.style("second", "clipPath")
    left = float(clip.rstrip("px)").split()[-1])
    assert left == pytest.approx(pane["width"] / 4, abs=2)
    assert viewer.slider() == pytest.approx(25, abs=1)
    assert viewer.image() == before


def test_onion_skin_mixes_by_the_slider(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.outlines(False)
    viewer.press("0")
    first, second = (rgb(root, side, "a-plain.png") for side in ("first", "second"))
    for percent in (0, 25, 50, 100):
        viewer.slider(percent)
        assert float(viewer.style("second", "opacity")) == pytest.approx(percent / 100)
        mixed = first + (second - first) * percent / 100
        assert np.abs(viewer.shot() - mixed).max() <= 2


def test_blink_takes_turns_at_its_interval(viewer: Driven) -> None:
    viewer.show("a-plain.png", "blink")
    viewer.slider(200)
    changes: list[float] = viewer.root.evaluate(
        """root => new Promise(done => {
            const seen = [];
            const sheet = root.querySelector('[data-pane=left] .mmv-sheet[data-side=second]');
            let before = sheet.style.visibility;
            const observer = new MutationObserver(() => {
                if (sheet.style.visibility === before) return;
                before = sheet.style.visibility;
                seen.push(performance.now());
                if (seen.length === 5) { observer.disconnect(); done(seen.map(time => time - seen[0])); }
            });
            observer.observe(sheet, {attributes: true, attributeFilter: ['style']});
        })"""
    )
    assert 600 <= changes[-1] <= 1600  # four intervals, on a busy machine too
    viewer.press("1")
    assert viewer.style("second", "visibility", "right") == "visible"


def test_difference_is_the_absolute_difference(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png", "difference")
    viewer.outlines(False)
    viewer.press("0")
    viewer.slider(1)
    differences = np.abs(rgb(root, "first", "a-plain.png") - rgb(root, "second", "a-plain.png"))
    assert viewer.style("second", "mixBlendMode") == "difference"
    np.testing.assert_array_equal(viewer.shot(), differences)
    viewer.slider(4)
    assert np.abs(viewer.shot() - np.minimum(4 * differences, 255)).max() <= 1
    viewer.slider(1)


def test_delta_has_the_colours_of_the_drawing_and_a_legend(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png", "side-by-side")
    assert not viewer.root.locator(".mmv-legend").is_visible()
    viewer.show("a-plain.png", "delta")
    viewer.root.locator(".mmv-sheet[data-side=delta][data-there]").wait_for()
    viewer.outlines(False)
    viewer.press("0")
    viewer.slider(0)
    delta = drawings.delta(*(rgba(root, side, "a-plain.png") for side in ("first", "second")))
    expected = np.where(delta[..., 3:] > 0, delta[..., :3], 255)
    np.testing.assert_array_equal(viewer.shot("delta"), expected)
    legend = viewer.root.locator(".mmv-legend")
    assert legend.is_visible()
    assert "colour differs" in legend.inner_text()
    assert "only alpha differs" in legend.inner_text()
    assert legend.locator("i").count() == 14
    viewer.slider(50)
    faded = viewer.shot("delta")[delta[..., 3] == 0]
    assert faded.min() >= 127
    assert faded.mean() < 250
    viewer.slider(25)


def test_transparent_pictures_stand_on_squares(viewer: Driven, root: Path) -> None:
    viewer.show("b-glass.png")
    viewer.outlines(False)
    viewer.press("0")
    first = rgba(root, "first", "b-glass.png").astype(float)
    shot, alpha = viewer.shot(), first[..., 3:] / 255
    grounds = [
        first[..., :3] * alpha + (1 - alpha) * np.array(ground) for ground in ((255,) * 3, (232, 232, 234))
    ]
    nearest = np.minimum(*(np.abs(shot - ground).max(axis=2) for ground in grounds))
    assert nearest.max() <= 3


def test_the_slider_obeys_its_own_keys(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.slider(50)
    viewer.press(".", ".")
    assert viewer.slider() == 60
    viewer.press(",")
    assert viewer.slider() == 55
    name = viewer.name()
    viewer.root.locator(".mmv-slider input").focus()
    viewer.press("ArrowRight")
    assert (viewer.slider(), viewer.name()) == (56, name)
    viewer.slider(50)


# --- pixels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["b-glass.png", "c-deep.png"])
@pytest.mark.parametrize("mode", ["side-by-side", "delta"])
def test_the_readout_is_what_the_files_hold(viewer: Driven, root: Path, name: str, mode: str) -> None:
    viewer.show(name, mode)
    viewer.press("0", *"+++++++")
    first, second = (rgba(root, side, name).astype(int) for side in ("first", "second"))
    box, pane, zoom = viewer.image(), viewer.left.bounding_box(), viewer.zoom()
    for dx, dy in ((0.3, 0.3), (0.5, 0.6), (0.8, 0.7)):
        at = pane["x"] + dx * pane["width"], pane["y"] + dy * pane["height"]
        x, y = int((at[0] - box["x"]) / zoom), int((at[1] - box["y"]) / zoom)
        viewer.page.mouse.move(*at)
        viewer.settle()
        read = viewer.read()
        assert read["at"] == f"{x}, {y}"
        assert [int(value) for value in read["first"].split()] == first[y, x].tolist()
        assert [int(value) for value in read["second"].split()] == second[y, x].tolist()
        deltas = [int(value.replace("−", "-")) for value in read["delta"].split()]
        assert deltas == (second[y, x] - first[y, x]).tolist()


def test_the_crosshair_reads_by_keyboard(viewer: Driven, root: Path) -> None:
    viewer.show("b-glass.png", "swipe")
    viewer.press("f", "c")
    x, y = (int(value) for value in viewer.read()["at"].split(", "))
    viewer.press("ArrowRight", "ArrowDown", "Shift+ArrowLeft")
    read = viewer.read()
    assert read["at"] == f"{x - 9}, {y + 1}"
    assert [int(value) for value in read["first"].split()] == rgba(root, "first", "b-glass.png")[
        y + 1, x - 9
    ].tolist()
    assert read["at"] in str(viewer.root.locator(".mmv-live").text_content())
    viewer.press("Escape")
    assert viewer.name() == "b-glass.png"
    assert viewer.root.get_attribute("data-reading") is None


def test_outside_of_one_picture_is_said(viewer: Driven, root: Path) -> None:
    viewer.show("d-size.png", "swipe")
    viewer.press("0")
    box = viewer.image()
    viewer.page.mouse.move(box["x"] + 200.5, box["y"] + 30.5)
    viewer.settle()
    read = viewer.read()
    assert [int(value) for value in read["first"].split()] == rgba(root, "first", "d-size.png")[
        30, 200
    ].tolist()
    assert (read["second"], read["delta"]) == ("outside", "–")


# --- what there is, and what is not ------------------------------------------------------------------


def test_different_sizes_are_hatched_and_said(viewer: Driven, root: Path) -> None:
    viewer.show("d-size.png")
    viewer.outlines(False)
    viewer.press("0")
    assert "second lacks 80 px on the right" in viewer.root.locator(".mmv-notes").inner_text()
    assert "first lacks 40 px at the bottom" in viewer.root.locator(".mmv-notes").inner_text()
    np.testing.assert_array_equal(viewer.shot(), rgb(root, "first", "d-size.png"))
    np.testing.assert_array_equal(viewer.shot("second", "right"), rgb(root, "second", "d-size.png"))
    hatch = viewer.root.locator("[data-pane=left] .mmv-sheet[data-side=first] .mmv-hatch").bounding_box()
    assert (hatch["width"], hatch["height"]) == (240, 200)
    viewer.press("5")  # the hatching covers what cannot be subtracted
    shot = viewer.shot()
    first, second = rgb(root, "first", "d-size.png"), rgb(root, "second", "d-size.png")
    np.testing.assert_array_equal(shot[:, :158], np.abs(first[:, :158] - second[:160, :158]))
    assert len(np.unique(shot[:, 164:].reshape(-1, 3), axis=0)) < 40


@pytest.mark.parametrize(
    ("name", "there", "words"),
    [
        ("e-missing.png", "first", "Only in first: second has no file of this name."),
        ("f-extra.png", "second", "Only in second: first has no file of this name."),
        ("g-broken.png", "first", "second cannot be shown: the file is cut off"),
        ("k-gone.png", "second", "first is gone"),
    ],
)
def test_one_side_is_shown_and_the_other_told(
    viewer: Driven, root: Path, name: str, there: str, words: str
) -> None:
    absent = "second" if there == "first" else "first"
    viewer.show(name)
    viewer.outlines(False)
    viewer.press("0")
    pane = {"first": "left", "second": "right"}
    np.testing.assert_array_equal(viewer.shot(there, pane[there]), rgb(root, there, name))
    other = viewer.root.locator(f"[data-pane={pane[absent]}] .mmv-picture")
    assert words in other.inner_text()
    for number in "23456":  # whatever the mode: all of what there is
        viewer.press(number)
        shot = viewer.shot(there)
        notice = viewer.root.locator(f"[data-pane=left] .mmv-notice[data-side={absent}]")
        assert words in notice.inner_text()
        covered, box = notice.bounding_box(), viewer.image(there)
        below = max(0, round(covered["y"] + covered["height"] - box["y"]) + 2)
        np.testing.assert_array_equal(shot[below:], rgb(root, there, name)[below:])


def test_a_file_that_changed_since_is_told(viewer: Driven) -> None:
    viewer.show("k-gone.png")
    assert "second has changed since the run" in viewer.root.locator(".mmv-notes").inner_text()


def test_orientation_is_not_applied(viewer: Driven, root: Path) -> None:
    viewer.show("i-turned.jpg")
    viewer.outlines(False)
    viewer.press("0")
    np.testing.assert_array_equal(viewer.shot(), rgb(root, "first", "i-turned.jpg"))
    assert "orientation is not applied" in viewer.root.locator(".mmv-notes").inner_text()


@pytest.mark.parametrize("name", ["c-deep.png", "j-bitmap.bmp"])
def test_what_a_browser_cannot_show_is_sent_as_compared(viewer: Driven, root: Path, name: str) -> None:
    viewer.show(name)
    data = viewer.notebook.picture(".mmv [data-pane=left] .mmv-sheet[data-side=first] img")
    np.testing.assert_array_equal(images.read_rgba(data), rgba(root, "first", name))
    assert "first is shown as compared" in viewer.root.locator(".mmv-notes").inner_text()


def test_other_files_are_sent_as_they_are(viewer: Driven, root: Path) -> None:
    viewer.show("b-glass.png")
    data = viewer.notebook.picture(".mmv [data-pane=right] .mmv-sheet[data-side=second] img")
    assert data == (root / "second" / "b-glass.png").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such a name")
def test_a_name_is_text_and_never_markup(viewer: Driven) -> None:
    for mode in MODES:
        viewer.show(f"z-{HOSTILE}", mode)
    assert viewer.name() == f"z-{HOSTILE}"
    assert viewer.page.locator("img[src=x]").count() == 0
    assert "owned" not in viewer.page.title()


# --- at the end --------------------------------------------------------------------------------------


def test_nothing_leaves_the_machine(notebook: lab.Notebook, viewer: Driven) -> None:
    assert len(notebook.requests) > 10
    assert notebook.strangers() == []


def test_the_console_has_no_errors(notebook: lab.Notebook, viewer: Driven) -> None:
    assert notebook.complaints == []
