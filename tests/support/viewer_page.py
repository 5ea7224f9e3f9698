"""The viewer in a notebook of JupyterLab, with hands; and the pairs of pictures that it shows there."""

import io
import os
from pathlib import Path

import cv2
import nbformat
import numpy as np
from PIL import Image

from mymodules import batch, images
from support import lab
from support.containers import deep
from support.containers import pillow as encoded

MODES = ["side-by-side", "swipe", "onion-skin", "blink", "difference", "delta", "three-up"]
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


def project(root: Path) -> Path:
    """Make both folders, compare them, and write a notebook with the viewer."""
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
    put("b-glass.png", encoded(glass), encoded(glass ^ np.uint8(0x55)))
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
        write_notebook(root / f"{name}.ipynb", run.csv_path)
    return root


def write_notebook(path: Path, csv: Path) -> None:
    """Write a notebook with the viewer of a run."""
    cells = [nbformat.v4.new_code_cell(CODE.format(path=str(csv)).strip())]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, path)


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
        """Show a row as at first: width fitted, no region, all sliders where they begin; with details."""
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
        if self.root.get_attribute("data-details") == "off":
            self.press("d")

    def outlines(self, on: bool) -> None:
        button = self.root.get_by_role("button", name="Changes", exact=True)
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


def rgba(root: Path, side: str, name: str) -> np.ndarray:
    return images.read_rgba(root / side / name)


def rgb(root: Path, side: str, name: str) -> np.ndarray:
    return rgba(root, side, name)[..., :3].astype(int)
