"""The report in a tab of Chromium, with hands; and the pairs of pictures that it has there."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mymodules import batch, images
from mymodules.triage import Decisions
from support import lab, pngs
from support.containers import pillow as encoded
from support.programs import folders

# Names that would run as a script wherever they are taken for markup; Windows does not allow them.
HOSTILE = [
    "<img src=x onerror=document.title='owned'>.png",
    "x</script><script>document.title='owned'</script>.png",
    "\"onmouseover=document.title='owned' x=\".png",
]
SETTLES = """async patience => {
    const frame = () => new Promise(done => {
        requestAnimationFrame(done);
        setTimeout(done, 1000);
    });
    const shown = root => root && !root.hasAttribute('data-loading')
        && !root.querySelector('.mmv-list').textContent.includes('Weighing')
        && (root.querySelector('.mmv-place').textContent || root.hasAttribute('data-empty'));
    const end = performance.now() + patience;
    while (!shown(document.querySelector('.mmv'))) {
        if (performance.now() > end) throw new Error('The row is never shown.');
        await frame();
    }
    await frame();
    await frame();
}"""
# For tests in which it does not matter where a page finds its rows, pictures and values.
AS_A_FOLDER = pytest.mark.parametrize("page", ["folder"], indirect=True)
ODD = ["100%25 #1 & (no-one) [a]{b} more+.png", "変更 と é.png"]


def noise(channels: int, seed: int, height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def painted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A pair of pages that differ in two places."""
    first = noise(3, seed, 150, 200)
    second = first.copy()
    second[20:30, 40:70] ^= 0x55
    second[100:120, 150:160] ^= 0x2A
    return first, second


def odd_kinds() -> dict[str, tuple[bytes, bytes]]:
    """Files of every kind whose values take another way into the page."""
    rng = np.random.default_rng(5)

    def drawn(colour_type: int, depth: int, **how: Any) -> bytes:
        return pngs.draw(rng, colour_type, depth, size=(30, 50), transparent=True).png(**how)

    glass = noise(4, 1)
    glass[0, 0] = (200, 100, 50, 10)
    turned = Image.Exif()
    turned[0x0112] = 6
    made = {
        "glass.png": (encoded(glass), encoded(noise(4, 2))),
        "gray.png": (encoded(noise(3, 3)[..., 0].copy()), drawn(4, 8, filters=rng)),
        "palette.png": (drawn(3, 8, filters=rng), drawn(3, 4)),
        "masked.png": (drawn(0, 8), drawn(2, 8, filters=rng)),
        "bits.png": (drawn(0, 1), drawn(0, 16)),
        "woven.png": (drawn(6, 8, interlace=True), drawn(6, 16)),
        "gamma.png": (drawn(6, 8, chunks_before=[pngs.gama(30000)]), drawn(6, 8, idat_split=7)),
        "photo.jpg": (encoded(noise(3, 4), "JPEG"), encoded(noise(3, 5), "JPEG", progressive=True)),
        "turned.jpg": (encoded(noise(3, 6), "JPEG", exif=turned), encoded(noise(3, 6)[..., 0], "JPEG")),
        "lossy.webp": (encoded(noise(3, 7), "WEBP"), encoded(noise(4, 8), "WEBP")),
        "lossless.webp": (
            encoded(noise(3, 9), "WEBP", lossless=True),
            encoded(noise(4, 10), "WEBP", lossless=True, exact=True),
        ),
        "bitmap.bmp": (encoded(noise(3, 11), "BMP"), encoded(noise(3, 12), "BMP")),
        "page.tif": (encoded(noise(3, 13), "TIFF"), encoded(noise(4, 14), "TIFF")),
    }
    return {f"odd/{name}": pair for name, pair in made.items()}


def compared(root: Path) -> pd.DataFrame:
    """Return the rows of pairs with odd names and of every kind of file; about one something is decided."""
    made = folders(root)
    plain, changed = painted(20)
    names = ["a/first.png", "a/second.png", *ODD, *([] if os.name == "nt" else HOSTILE)]
    pairs: dict[str, tuple[bytes | None, bytes | None]] = {
        name: (encoded(painted(30 + place)[0]), encoded(painted(30 + place)[1]))
        for place, name in enumerate(names)
    }
    pairs |= {
        "b/same.png": (encoded(plain), encoded(plain)),
        "b/missing.png": (encoded(plain), None),
        "b/extra.png": (None, encoded(plain)),
        "b/broken.png": (encoded(plain), encoded(plain)[:-30]),
        "b/gone.png": (encoded(plain), encoded(changed)),
        **odd_kinds(),
    }
    for name, sides in pairs.items():
        for folder, data in zip(made[:2], sides, strict=True):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if data is not None:
                path.write_bytes(data)
    with ThreadPoolExecutor(2) as executor:
        run = batch.run(*made, executor=executor, pictures="none", store=None)
    found = run.frame()
    desk = Decisions(made.out)
    desk.decide(found[found["image_filename"] == "a/second.png"], "reject", "too loud")
    (made.first / "b/gone.png").unlink()
    return found


@dataclass
class Opened:
    """A report in a tab, what that tab has asked for and complained of, and whether it leaves the report."""

    tab: Any
    path: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    leaves: bool = False

    @property
    def root(self) -> Any:
        return self.tab.locator(".mmv")

    @property
    def table(self) -> Any:
        return self.tab.locator(".mml-table")

    def go(self, name: str | None = None) -> "Opened":
        fragment = "" if name is None else f"#{quote(name)}"
        self.tab.goto(f"{self.path.as_uri()}{fragment}")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until the row is shown as far as it can be, in one call: each takes as long as a frame."""
        self.tab.evaluate(SETTLES, lab.PATIENCE)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)
            self.settle()

    def click(self, name: str) -> None:
        self.table.locator("[data-row]", has_text=name).first.click()
        self.settle()

    def filter(self, text: str) -> None:
        self.tab.locator(".mmr-bar input").fill(text)
        self.settle()

    def names(self) -> list[str]:
        found: list[str] = self.table.locator("[data-row] .mml-name").evaluate_all(
            "cells => cells.map(cell => cell.title)"
        )
        return found

    def name(self) -> str:
        return str(self.root.locator(".mmv-name").text_content())

    def chosen(self) -> str:
        return str(self.table.locator("[aria-selected=true] .mml-name").get_attribute("title"))

    def mode(self) -> str:
        return str(self.root.get_attribute("data-mode"))

    def notice(self) -> str:
        notice = self.tab.locator(".mmr-notice > span")
        return str(notice.text_content()) if notice.is_visible() else ""

    def until_address(self, name: str) -> None:
        self.tab.wait_for_function("name => decodeURIComponent(location.hash) === `#${name}`", arg=name)

    def read(self, x: int, y: int, *, keys: str = "20") -> dict[str, str]:
        """The readout with the pointer in the middle of a pixel, after keys that choose a mode and 1:1."""
        self.press(*keys)
        left, top = self.root.locator("[data-pane=left] .mmv-sheet[data-side=first] img").evaluate(
            """img => {
                const box = img.closest('.mmv-picture').getBoundingClientRect();
                const [, left, top] = /translate\\((.*?)px, (.*?)px\\)/.exec(img.getAttribute('style'));
                return [box.x + Number(left), box.y + Number(top)];
            }"""
        )
        self.tab.mouse.move(left + x + 0.5, top + y + 0.5)
        found = self.tab.wait_for_function(
            """at => {
                const values = [...document.querySelectorAll('.mmv-value')];
                return document.querySelector('.mmv-at').textContent === at
                    && !values.some(part => part.textContent === '…')
                    && Object.fromEntries(values.map(part => [part.dataset.side, part.textContent]));
            }""",
            arg=f"{x}, {y}",
        )
        return {side: str(value) for side, value in found.json_value().items()}

    def trouble(self) -> str:
        return str(self.root.locator(".mmv-trouble").text_content())

    def shot(self, side: str = "first", pane: str = "left") -> np.ndarray:
        """A screenshot of where a picture is, RGB."""
        self.settle()
        image = self.root.locator(f"[data-pane={pane}] .mmv-sheet[data-side={side}] img")
        clip = image.evaluate(
            """img => {
                const {x, y, width, height} = img.getBoundingClientRect();
                return {x, y, width, height};
            }"""
        )
        with Image.open(io.BytesIO(self.tab.screenshot(clip=clip))) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    def strangers(self) -> list[str]:
        """Requests for anything but the report's own files."""
        home = self.path.parent.as_uri() if self.path.name == "index.html" else self.path.as_uri()
        own = (home, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


def original(frame: pd.DataFrame, side: str, name: str) -> np.ndarray:
    return images.read_rgba(Path(frame.attrs["run"][side]) / name)
