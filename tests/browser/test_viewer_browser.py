"""The viewer as a person meets it: in JupyterLab in Chromium, with real clicks and keys.

Screenshots are compared with the pixels of the files; what is not drawn is looked up in computed styles.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from PIL import Image
from support import lab
from support.containers import deep
from support.containers import pillow as encoded

from mymodules import batch, images
from mymodules.comparison import drawings

MODES = ["side-by-side", "swipe", "onion-skin", "blink", "difference", "delta"]
# Names that would run as a script wherever they are taken for HTML; Windows does not allow them.
HOSTILE = "<img src=x onerror=document.title='owned'>.png"
CODE = """
from mymodules import results, viewer
frame = results.load({path!r})
view = viewer.Viewer(frame)
view
"""


def blocks(width: int, height: int, channels: int, seed: int) -> np.ndarray:
    """Squares of 8 px in random colours."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, channels), np.uint8)
    return small.repeat(8, axis=0).repeat(8, axis=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both folders and a notebook with the viewer."""
    root = tmp_path_factory.mktemp("project")
    for side in ("first", "second", "out"):
        (root / side).mkdir()

    def put(name: str, first: bytes | None, second: bytes | None) -> None:
        for side, data in (("first", first), ("second", second)):
            if data is not None:
                (root / side / name).write_bytes(data)

    plain = blocks(240, 160, 3, seed=1)
    changed = plain.copy()
    changed[16:24, 16:56] ^= 0x55  # 320 px
    changed[96:144, 120:200] ^= 0x2A  # 3840 px
    changed[40, 200] ^= 0xFF  # 1 px
    put("a-plain.png", encoded(plain), encoded(changed))
    glass = np.random.default_rng(2).integers(0, 256, (96, 128, 4), np.uint8)
    glass[..., 3] //= 4
    put("b-glass.png", encoded(glass), encoded(glass[::-1].copy()))
    wide = np.random.default_rng(3).integers(0, 65536, (96, 128, 4), np.uint16)
    put("c-deep.png", deep(wide), deep(wide[:, ::-1].copy()))
    put("d-size.png", encoded(blocks(240, 160, 3, seed=4)), encoded(blocks(160, 200, 3, seed=5)))
    put("e-missing.png", encoded(blocks(80, 80, 3, seed=6)), None)
    put("f-extra.png", None, encoded(blocks(80, 80, 3, seed=7)))
    put("g-broken.png", encoded(blocks(80, 80, 3, seed=8)), encoded(blocks(80, 80, 3, seed=8))[:-30])
    put("h-same.png", encoded(plain), encoded(plain))
    turned = Image.Exif()
    turned[0x0112] = 6
    photo = cv2.GaussianBlur(blocks(240, 160, 3, seed=9), (0, 0), 5)
    put(
        "i-turned.jpg",
        encoded(photo, "JPEG", exif=turned),
        encoded(photo[:, ::-1].copy(), "JPEG", exif=turned),
    )
    put("j-bitmap.bmp", encoded(plain, "BMP"), encoded(changed, "BMP"))
    put("k-gone.png", encoded(plain), encoded(changed))
    if os.name != "nt":
        put(f"z-{HOSTILE}", encoded(plain), encoded(changed))
    run = batch.run(
        root / "first", root / "second", root / "out", num_processors=1, pictures="none", store=None
    )
    (root / "first" / "k-gone.png").unlink()
    (root / "second" / "k-gone.png").write_bytes(encoded(plain[:80]))
    for name in ("viewer", "ending"):
        cells = [nbformat.v4.new_code_cell(CODE.format(path=str(run.csv_path)).strip())]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(made, root / f"{name}.ipynb")
    return root


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    lab.chromium()  # skips before a server is started
    with lab.serve(root, tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def notebook(server: lab.Server) -> Iterator[lab.Notebook]:
    with lab.browse(server) as notebook:
        # with where it happened: a console's error alone does not say whose it is
        notebook.page.on("pageerror", lambda error: notebook.complaints.append(str(error.stack)))
        notebook.open("viewer.ipynb")
        notebook.run_all()
        notebook.page.locator(".mmv[data-has=both]").wait_for()
        yield notebook


class Driven:
    """The viewer of a notebook, with hands."""

    def __init__(self, notebook: lab.Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.root = self.page.locator(".mmv")
        self.left = self.root.locator("[data-pane=left] .mmv-picture")
        self.right = self.root.locator("[data-pane=right] .mmv-picture")

    def settle(self) -> None:
        """Wait until what was asked for has been drawn."""
        self.page.evaluate(
            """() => new Promise(done =>
                requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def name(self) -> str:
        return str(self.root.locator(".mmv-name").text_content())

    def python(self, code: str) -> str:
        """Run code in the kernel and return what it prints, errors included."""
        return self.notebook.python(code)

    def show(self, name: str, mode: str = "side-by-side") -> None:
        """Show a row as it is at first: width fitted, no region, all sliders where they begin."""
        assert self.python(f"view.row = {name!r}; view.mode = {mode!r}; view.region = -1") == ""
        self.page.wait_for_function(
            """([name, mode]) => {
                const root = document.querySelector('.mmv');
                return root.querySelector('.mmv-name').textContent === name && root.dataset.mode === mode
                    && !root.hasAttribute('data-loading') && root.querySelector('.mmv-place').textContent
                    && !root.querySelector('.mmv-list').textContent.includes('Weighing');
            }""",
            arg=[name, mode],
        )
        self.root.focus()
        if self.root.get_attribute("data-reading") is not None:
            self.press("Escape")
        self.page.mouse.move(2, 2)
        self.press("w")
        self.outlines(True)

    def outlines(self, on: bool) -> None:
        button = self.root.get_by_role("button", name="Regions", exact=True)
        if (button.get_attribute("aria-pressed") == "true") != on:
            button.click()
            self.root.focus()
            self.settle()

    def style(self, side: str, key: str, pane: str = "left") -> str:
        sheet = self.root.locator(f"[data-pane={pane}] .mmv-sheet[data-side={side}]")
        return str(sheet.evaluate(f"sheet => getComputedStyle(sheet)[{key!r}]"))

    def zoom(self) -> float:
        return float(self.root.get_attribute("data-zoom") or 0)

    def image(self, side: str = "first", pane: str = "left") -> dict[str, float]:
        """Where a picture is on the screen."""
        picture = self.root.locator(f"[data-pane={pane}] .mmv-sheet[data-side={side}] img")
        box: dict[str, float] = picture.evaluate(
            """img => {
                const {x, y, width, height} = img.getBoundingClientRect();
                return {x, y, width, height};
            }"""
        )
        return box

    def shot(self, side: str = "first", pane: str = "left") -> np.ndarray:
        """A screenshot of where a picture is, RGB."""
        self.settle()
        with Image.open(io.BytesIO(self.page.screenshot(clip=self.image(side, pane)))) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    def slider(self, value: float | None = None) -> float:
        slider = self.root.locator(".mmv-slider input")
        if value is not None:
            slider.fill(str(value))
            self.root.focus()
            self.settle()
        return float(slider.input_value())

    def read(self) -> dict[str, str]:
        """The readout, once the pixels have come."""
        self.page.wait_for_function(
            "() => ![...document.querySelectorAll('.mmv-value')].some(part => part.textContent.includes('…'))"
        )
        parts = {
            part: self.root.locator(f".mmv-value[data-side={part}]") for part in ("first", "second", "delta")
        }
        return {"at": str(self.root.locator(".mmv-at").text_content())} | {
            part: str(value.text_content()) for part, value in parts.items()
        }


@pytest.fixture
def viewer(notebook: lab.Notebook) -> Driven:
    return Driven(notebook)


def rgba(root: Path, side: str, name: str) -> np.ndarray:
    return images.read_rgba(root / side / name)


def rgb(root: Path, side: str, name: str) -> np.ndarray:
    return rgba(root, side, name)[..., :3].astype(int)


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
    viewer.press(str((number + 1) % 6 + 1))
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


# --- view --------------------------------------------------------------------------------------------


def test_zoom_keys(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.press("0")
    assert viewer.zoom() == 1
    viewer.press("+")
    assert viewer.zoom() == 1.5
    viewer.press("-", "-")
    assert viewer.zoom() == pytest.approx(2 / 3, abs=1e-3)
    viewer.press("f")
    box, pane = viewer.image(), viewer.left.bounding_box()
    assert viewer.zoom() == 2  # whole numbers only, for small pictures
    assert box["x"] - pane["x"] == pytest.approx(pane["x"] + pane["width"] - box["x"] - box["width"], abs=2)
    viewer.press(*"++++++++++++++++")
    assert viewer.zoom() == 64


def test_pictures_are_drawn_in_squares_above_one_to_one(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.outlines(False)
    viewer.slider(100)
    viewer.press("f")
    first = rgb(root, "first", "a-plain.png")
    np.testing.assert_array_equal(viewer.shot(), first.repeat(2, axis=0).repeat(2, axis=1))
    viewer.slider(50)


def test_the_wheel_zooms_to_the_pointer(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.press("f")
    before = viewer.image()
    at = before["x"] + 0.7 * before["width"], before["y"] + 0.4 * before["height"]
    viewer.page.mouse.move(*at)
    viewer.page.keyboard.down("Control")
    for _ in range(6):
        viewer.page.mouse.wheel(0, -100)
        viewer.settle()
    viewer.page.keyboard.up("Control")
    after = viewer.image()
    assert viewer.zoom() > 8
    assert (at[0] - after["x"]) / after["width"] == pytest.approx(0.7, abs=0.005)
    assert (at[1] - after["y"]) / after["height"] == pytest.approx(0.4, abs=0.005)
    viewer.page.mouse.dblclick(*at)
    viewer.settle()
    twice = viewer.image()
    assert twice["width"] == pytest.approx(2 * after["width"], rel=0.01)
    assert (at[0] - twice["x"]) / twice["width"] == pytest.approx(0.7, abs=0.005)


def test_a_drag_and_arrows_move_the_picture(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0", *"+++++")
    before, pane = viewer.image(), viewer.left.bounding_box()
    middle = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    viewer.page.mouse.move(*middle)
    viewer.page.mouse.down()
    viewer.page.mouse.move(middle[0] - 60, middle[1] + 40, steps=3)
    viewer.page.mouse.up()
    viewer.settle()
    after = viewer.image()
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((-60, 40), abs=1)
    viewer.press("ArrowDown")
    assert viewer.image()["y"] == pytest.approx(after["y"] - 80, abs=1)
    viewer.press("Shift+ArrowRight")
    assert viewer.image()["x"] == pytest.approx(after["x"] - 80, abs=1)


def test_the_wheel_scrolls_the_picture_only_with_the_focus(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0", *"+++++")
    before, pane = viewer.image(), viewer.left.bounding_box()
    viewer.page.mouse.move(pane["x"] + 40, pane["y"] + 100)
    viewer.page.mouse.wheel(0, 50)
    viewer.settle()
    assert viewer.image()["y"] == pytest.approx(before["y"] - 50, abs=1)
    viewer.page.evaluate("() => document.activeElement.blur()")
    zoomed = viewer.root.locator("[data-pane=left] .mmv-sheet[data-side=first] img").evaluate(
        "img => img.style.transform"
    )
    viewer.page.mouse.wheel(0, -50)
    viewer.settle()
    image = viewer.root.locator("[data-pane=left] .mmv-sheet[data-side=first] img")
    assert image.evaluate("img => img.style.transform") == zoomed


def test_the_grid_begins_at_eight(viewer: Driven) -> None:
    def lines() -> int:
        """Drawn pixels of the layer above the picture."""
        count: int = viewer.root.locator("[data-pane=left] .mmv-overlay").evaluate(
            """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
                .filter((value, index) => index % 4 === 3 && value).length"""
        )
        return count

    viewer.show("h-same.png", "swipe")
    viewer.press("0", *"+++++")
    assert viewer.zoom() == pytest.approx(7.59, abs=0.01)
    assert lines() == 0
    viewer.press("+")
    assert lines() > 1000
    viewer.press("g")
    assert lines() == 0
    viewer.press("g")


def test_one_view_for_all_modes_and_pictures(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.slider(30)
    viewer.press("0", *"+++")
    pane = viewer.left.bounding_box()
    viewer.page.mouse.move(pane["x"] + 100, pane["y"] + 100)
    viewer.page.mouse.down()
    viewer.page.mouse.move(pane["x"] + 70, pane["y"] + 80, steps=3)
    viewer.page.mouse.up()
    viewer.settle()
    place = viewer.image()
    for key in "3456":
        viewer.press(key)
        assert viewer.image() == place
    viewer.press("1")
    zoom = viewer.zoom()
    assert viewer.image()["width"] == place["width"]
    viewer.press("2")
    assert (viewer.image(), viewer.slider()) == (place, 30)
    viewer.press("ArrowRight")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b-glass.png'")
    viewer.press("ArrowLeft")
    viewer.page.wait_for_function(
        """() => document.querySelector('.mmv-name').textContent === 'a-plain.png'
            && document.querySelector('.mmv').dataset.has === 'both'"""
    )
    viewer.settle()
    assert (viewer.zoom(), viewer.image(), viewer.slider()) == (zoom, place, 30)
    viewer.slider(50)


def test_no_frame_shows_the_picture_where_it_was_in_other_panes(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.press("0")
    seen = viewer.page.evaluate(
        """async () => {
            const root = document.querySelector('.mmv');
            const pane = root.querySelector('[data-pane=left] .mmv-picture');
            const image = pane.querySelector('img'), seen = [];
            for (const key of ['2', '1', 'd', 'd']) {
                root.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
                for (let frame = 0; frame < 4; frame += 1) {
                    await new Promise(done => requestAnimationFrame(() => setTimeout(done))); // it is painted
                    const {e: x, f: y} = new DOMMatrix(getComputedStyle(image).transform);
                    seen.push([pane.clientWidth, pane.clientWidth / 2 - x, pane.clientHeight / 2 - y]);
                }
            }
            return seen;
        }"""
    )
    assert len({width for width, _, _ in seen}) > 1  # one pane and two
    for _, across, down in seen:  # which pixel stands in the middle
        assert abs(across - seen[0][1]) <= 1
        assert abs(down - seen[0][2]) <= 1


def test_fit_stays_fit(viewer: Driven) -> None:
    viewer.show("d-size.png", "swipe")
    viewer.press("f")
    fit = viewer.root.get_by_role("button", name="Fit the page")
    assert fit.get_attribute("aria-pressed") == "true"
    first = viewer.zoom()
    viewer.press("p")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'c-deep.png'")
    viewer.settle()
    assert viewer.zoom() != first
    assert fit.get_attribute("aria-pressed") == "true"


# --- rows and regions --------------------------------------------------------------------------------


def test_next_and_previous_picture(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    assert viewer.root.get_by_role("button", name="Previous picture").is_disabled()
    for key, name in (
        ("n", "b-glass.png"),
        ("ArrowRight", "c-deep.png"),
        ("p", "b-glass.png"),
        ("ArrowLeft", "a-plain.png"),
    ):
        viewer.press(key)
        assert viewer.name() == name
        viewer.page.wait_for_function("() => document.querySelector('.mmv').dataset.has === 'both'")
        assert viewer.python("print(view.row)") == name
    viewer.root.get_by_role("button", name="Next picture").click()
    viewer.settle()
    assert viewer.name() == "b-glass.png"
    assert viewer.root.locator(".mmv-place").text_content() == f"2 / {12 if os.name != 'nt' else 11}"


def test_regions_by_weight(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    items = viewer.root.locator(".mmv-list button")
    assert [text.split() for text in items.all_inner_texts()] == [
        ["1", "80", "×", "48", "at", "120,", "96", "3,840", "px"],
        ["2", "40", "×", "8", "at", "16,", "16", "320", "px"],
        ["3", "1", "×", "1", "at", "200,", "40", "1", "px"],
    ]
    boxes = [(120, 96, 80, 48), (16, 16, 40, 8), (200, 40, 1, 1)]
    for number, key in ((0, "j"), (1, "]"), (2, "j"), (1, "k"), (0, "[")):
        viewer.press(key)
        assert viewer.python("print(view.region)") == str(number)
        assert items.nth(number).get_attribute("aria-current") == "true"
        x, y, width, height = boxes[number]
        box, pane, zoom = viewer.image(), viewer.left.bounding_box(), viewer.zoom()
        left, top = box["x"] + x * zoom - pane["x"], box["y"] + y * zoom - pane["y"]
        assert left >= 0
        assert top >= 0
        assert left + width * zoom <= pane["width"]
        assert top + height * zoom <= pane["height"]
    items.nth(2).click()
    viewer.settle()
    assert viewer.python("print(view.region)") == "2"
    assert viewer.zoom() == 8
    viewer.root.focus()
    viewer.press("Escape")
    assert viewer.python("print(view.region)") == "-1"


def test_a_region_is_chosen_in_the_picture(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0")
    box = viewer.image()
    viewer.page.mouse.click(box["x"] + 30, box["y"] + 20)
    viewer.settle()
    assert viewer.python("print(view.region)") == "1"
    assert viewer.image() == box


def test_the_map_shows_and_chooses_the_part_that_is_seen(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0", *"+++++")
    area = viewer.root.locator(".mmv-map")
    box = area.bounding_box()
    viewer.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"])
    viewer.settle()
    left, top, right, bottom = map(int, (area.get_attribute("data-seen") or "").split())
    assert left < 0.9 * 240 < right
    assert top < 0.8 * 160 < bottom
    assert left > 100


def test_code_and_page_agree(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    assert viewer.python("view.row = 'd-size.png'; view.mode = 'swipe'; view.region = 0") == ""
    viewer.page.wait_for_function(
        """() => { const root = document.querySelector('.mmv');
            return root.querySelector('.mmv-name').textContent === 'd-size.png'
                && root.dataset.mode === 'swipe'
                && root.querySelector('.mmv-list button')?.getAttribute('aria-current'); }"""
    )
    assert "TraitError" in viewer.python("view.row = 'no such.png'")


def test_other_rows(viewer: Driven) -> None:
    viewer.show("d-size.png")
    viewer.python("view.show(frame[frame['status'] == 'changed'].iloc[::-1])")
    total = viewer.python("print(len(view.frame))")
    viewer.page.wait_for_function(
        f"() => document.querySelector('.mmv-place').textContent.endsWith('/ {total}')"
    )
    viewer.press("n")
    assert viewer.name() == "c-deep.png"
    viewer.python("view.show(frame[:0])")
    viewer.page.wait_for_function(
        "() => document.querySelector('.mmv-name').textContent === 'No rows to show'"
    )
    assert "empty" in viewer.left.inner_text()
    viewer.python("view.show(frame)")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'a-plain.png'")


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


# --- focus, keys and looks ---------------------------------------------------------------------------


def test_keys_never_reach_the_command_mode(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    count = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = viewer.page.evaluate(count)
    for key in (
        "a",
        "b",
        "d",
        "d",
        "x",
        "c",
        "v",
        "z",
        "m",
        "m",
        "y",
        "r",
        "i",
        "i",
        "Shift+m",
        "Enter",
        "Shift+Enter",
        "Space",
    ):
        viewer.press(key)
    assert viewer.page.evaluate(count) == before
    assert (
        viewer.page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCell.model.type") == "code"
    )
    assert viewer.root.evaluate("root => root.contains(document.activeElement)")
    viewer.press("Escape", "d")
    if viewer.root.get_attribute("data-details") == "off":
        viewer.press("d")
    if viewer.page.evaluate("() => Boolean(document.fullscreenElement)"):
        viewer.press("m")


@pytest.mark.parametrize(
    "part", ["Next picture", "Swipe", "Fit the page", "Next region"], ids=lambda part: part.replace(" ", "-")
)
def test_keys_on_a_button_never_reach_the_command_mode(viewer: Driven, part: str) -> None:
    viewer.show("a-plain.png")
    count = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = viewer.page.evaluate(count)
    viewer.root.get_by_role("button", name=part, exact=True).focus()
    viewer.press("x", "b", "y", "d", "d")  # there they cut, insert, change and delete cells
    assert viewer.page.evaluate(count) == before
    assert viewer.root.evaluate("root => root.contains(document.activeElement)")


def test_saving_the_notebook_still_works(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.page.evaluate("() => { jupyterapp.shell.currentWidget.context.model.dirty = true }")
    viewer.press("Control+s")
    viewer.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")


def test_keys_do_nothing_without_the_focus(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.page.evaluate("() => document.activeElement.blur()")
    viewer.press("n", "2")
    assert (viewer.name(), viewer.root.get_attribute("data-mode")) == ("a-plain.png", "side-by-side")


def test_a_click_gives_the_focus_and_it_is_seen(viewer: Driven) -> None:
    viewer.show("h-same.png")
    viewer.page.evaluate("() => document.activeElement.blur()")
    viewer.settle()
    without = viewer.root.evaluate("root => getComputedStyle(root).outlineColor")
    viewer.left.click(position={"x": 30, "y": 200})
    assert viewer.root.evaluate("root => root === document.activeElement")
    assert viewer.root.evaluate("root => getComputedStyle(root).outlineColor") != without


def test_help_opens_and_closes(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    dialog = viewer.root.get_by_role("dialog")
    assert not dialog.is_visible()
    viewer.press("?")
    assert dialog.is_visible()
    assert "next, previous region" in dialog.inner_text()
    viewer.press("n")
    assert viewer.name() == "a-plain.png"
    viewer.press("Escape")
    assert not dialog.is_visible()
    assert viewer.root.evaluate("root => root === document.activeElement")


def test_everything_is_reached_by_tab_and_named(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    reached = []
    for _ in range(40):
        viewer.press("Tab")
        if not viewer.root.evaluate("root => root.contains(document.activeElement)"):
            break
        reached.append(
            viewer.page.evaluate(
                "() => (at => at.getAttribute('aria-label') || at.textContent)(document.activeElement)"
            )
        )
    for name in (
        "Next picture",
        "Keys and help",
        "Swipe",
        "Place of the divider",
        "Fit the page",
        "One to one",
        "Next region",
    ):
        assert name in reached
    assert all(name.strip() for name in reached)
    viewer.root.focus()
    list_items = viewer.root.locator(".mmv-list button")
    list_items.first.focus()
    viewer.press("ArrowDown")
    assert list_items.nth(0).get_attribute("aria-current") == "true"
    viewer.press("ArrowDown")
    assert list_items.nth(1).evaluate("item => item === document.activeElement")


def test_rows_and_regions_are_announced(viewer: Driven) -> None:
    viewer.show("b-glass.png")
    viewer.press("p")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-list button')")
    live = viewer.root.locator(".mmv-live")
    assert str(live.text_content()).startswith("a-plain.png, 1 of ")
    assert "changed" in str(live.text_content())
    viewer.press("j")
    assert str(live.text_content()) == "Region 1 of 3: 3,840 differing pixels, 80 by 48 px at 120, 96"


def test_details_can_be_put_away(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    wide = viewer.left.bounding_box()["width"]
    viewer.press("d")
    assert viewer.left.bounding_box()["width"] > wide
    viewer.press("d")
    assert viewer.left.bounding_box()["width"] == wide


def test_maximised_and_back(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.press("m")
    viewer.page.wait_for_function("() => document.fullscreenElement?.classList.contains('mmv')")
    assert viewer.root.bounding_box()["width"] == viewer.page.evaluate("() => innerWidth")
    viewer.press("m")
    viewer.page.wait_for_function("() => !document.fullscreenElement")
    viewer.root.scroll_into_view_if_needed()


def test_themes(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    ground = "root => getComputedStyle(root).backgroundColor"
    found = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        viewer.page.evaluate(
            "async theme => { await jupyterapp.commands.execute('apputils:change-theme', {theme}) }", theme
        )
        viewer.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light", arg=str(theme.endswith("Light")).lower()
        )
        viewer.settle()
        found.append(int(viewer.root.evaluate(ground).removeprefix("rgb(").split(",")[0]))
    assert found[0] < 64 < 192 < found[1]


# --- at the end --------------------------------------------------------------------------------------


def test_nothing_leaves_the_machine(notebook: lab.Notebook, viewer: Driven) -> None:
    assert len(notebook.requests) > 10
    assert notebook.strangers() == []


def test_the_console_has_no_errors(notebook: lab.Notebook, viewer: Driven) -> None:
    assert notebook.complaints == []


def test_without_a_kernel_it_says_so(notebook: lab.Notebook) -> None:
    page = notebook.page
    notebook.open("ending.ipynb")
    notebook.run_all()
    page.locator(".mmv[data-has=both]").wait_for()
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    page.locator(".mmv").focus()
    for _ in range(4):  # the next ones are there already
        page.keyboard.press("n")
    page.locator(".mmv-trouble", has_text="kernel has ended").wait_for()
    page.locator(".mmv-notice", has_text="kernel has ended").first.wait_for()
