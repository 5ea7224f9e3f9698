"""The report as a person meets it: opened from a disk in Chromium, with real clicks and keys."""

import base64
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import lab, pngs
from support.programs import folders

from mymodules import batch, images, report
from mymodules.comparison import drawings
from mymodules.pages import linker
from mymodules.report import writing
from mymodules.triage import Decisions

MODES = ["side-by-side", "swipe", "onion-skin", "blink", "difference", "delta"]
# Names that would run as a script wherever they are taken for markup; Windows does not allow them.
HOSTILE = [
    "<img src=x onerror=document.title='owned'>.png",
    "x</script><script>document.title='owned'</script>.png",
    "\"onmouseover=document.title='owned' x=\".png",
]
ODD = ["100%25 #1 & (no-one) [a]{b} more+.png", "変更 と é.png"]


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


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


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    made = folders(tmp_path_factory.mktemp("project"))
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


@pytest.fixture(scope="module")
def folder(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame, tmp_path_factory.mktemp("reports") / "a #1 report 100% 変更")


@pytest.fixture(scope="module")
def single(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame, tmp_path_factory.mktemp("reports") / "report.html", embed=True)


@pytest.fixture(scope="module", params=["folder", "one file"])
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue("folder" if request.param == "folder" else "single")
    return path


VIEWPORT = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = lab.chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(lab.ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Opened:
    """A report in a tab, and what that tab has asked for and complained of."""

    tab: Any
    path: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def root(self) -> Any:
        return self.tab.locator(".mmv")

    @property
    def table(self) -> Any:
        return self.tab.locator(".mmr-table")

    def go(self, name: str | None = None) -> "Opened":
        fragment = "" if name is None else f"#{quote(name)}"
        self.tab.goto(f"{self.path.as_uri()}{fragment}")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until the row is shown as far as it can be."""
        self.tab.wait_for_function(
            """() => {
                const root = document.querySelector('.mmv');
                return root && !root.hasAttribute('data-loading')
                    && !root.querySelector('.mmv-list').textContent.includes('Weighing')
                    && (root.querySelector('.mmv-place').textContent || root.hasAttribute('data-empty'));
            }"""
        )
        self.tab.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

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
        found: list[str] = self.table.locator("[data-row] .mmr-path").evaluate_all(
            "cells => cells.map(cell => cell.textContent)"
        )
        return found

    def name(self) -> str:
        return str(self.root.locator(".mmv-name").text_content())

    def chosen(self) -> str:
        return str(self.table.locator("[aria-selected=true] .mmr-path").text_content())

    def mode(self) -> str:
        return str(self.root.get_attribute("data-mode"))

    def notice(self) -> str:
        notice = self.tab.locator(".mmr-notice > span")
        return str(notice.text_content()) if notice.is_visible() else ""

    def until_address(self, name: str) -> None:
        self.tab.wait_for_function("name => decodeURIComponent(location.hash) === `#${name}`", arg=name)

    def read(self, x: int, y: int, *, mode: str = "2") -> dict[str, str]:
        """The readout with the pointer in the middle of a pixel."""
        self.press(mode, "0")
        box = self.root.locator("[data-pane=left] .mmv-picture").bounding_box()
        style = self.root.locator("[data-pane=left] .mmv-sheet[data-side=first] img").get_attribute("style")
        left, top = (float(part) for part in re.findall(r"translate\((.*?)px, (.*?)px\)", style)[0])
        self.tab.mouse.move(box["x"] + left + x + 0.5, box["y"] + top + y + 0.5)
        self.tab.wait_for_function(
            """at => document.querySelector('.mmv-at').textContent === at
                && ![...document.querySelectorAll('.mmv-value')].some(part => part.textContent === '…')""",
            arg=f"{x}, {y}",
        )
        parts = ("first", "second", "delta")
        values = {side: self.root.locator(f".mmv-value[data-side={side}]").text_content() for side in parts}
        return {side: str(value) for side, value in values.items()}

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


@pytest.fixture(scope="module")
def profile(browser: Any) -> Any:
    """The profile of most tabs, one of which stays: a new window takes longer than opening a report."""
    context = browser.new_context(viewport=VIEWPORT)
    context.new_page()
    return context


@pytest.fixture
def tabs(browser: Any, profile: Any) -> Iterator[Any]:
    """Make tabs that must not complain; those with `options` in a profile of their own."""
    made: list[Any] = []
    seen: list[Opened] = []

    def make(path: Path, *, quiet: bool = True, **options: Any) -> Opened:
        context = browser.new_context(viewport=VIEWPORT, **options) if options else profile
        opened = Opened(context.new_page(), path)
        opened.tab.set_default_timeout(lab.PATIENCE)
        opened.tab.on("request", lambda request: opened.requests.append(request.url))
        opened.tab.on("websocket", lambda socket: opened.requests.append(socket.url))
        opened.tab.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.tab.on("popup", lambda popup: opened.complaints.append(f"popup: {popup.url}"))
        opened.tab.on("dialog", lambda dialog: opened.complaints.append(f"dialog: {dialog.message}"))
        opened.tab.on(
            "console",
            lambda message: message.type in ("error", "warning") and opened.complaints.append(message.text),
        )
        made.append(context if options else opened.tab)
        if quiet:
            seen.append(opened)
        return opened

    yield make
    for each in made:
        each.close()
    for opened in seen:
        assert opened.complaints == []
        assert opened.strangers() == []


@pytest.fixture
def opened(tabs: Any, page: Path) -> Opened:
    tab: Opened = tabs(page).go()
    return tab


def original(frame: pd.DataFrame, side: str, name: str) -> np.ndarray:
    return images.read_rgba(Path(frame.attrs["run"][side]) / name)


# --- opening -----------------------------------------------------------------------------------------


def test_it_opens_with_table_and_first_pair(opened: Opened, frame: pd.DataFrame) -> None:
    names = frame["image_filename"].tolist()
    assert opened.tab.title() == f"{len(names)} pictures compared"
    assert opened.table.locator("table").get_attribute("aria-rowcount") == str(len(names) + 1)
    assert opened.names()[: len(names)] == names
    assert (opened.name(), opened.chosen()) == (names[0], names[0])
    assert f"{len(names)} of {len(names)} rows" in opened.tab.locator(".mmr-bar").inner_text()
    head = opened.tab.locator(".mmr-head").inner_text()
    assert frame.attrs["run"]["first"] in head
    assert frame.attrs["run"]["second"] in head
    assert not opened.root.locator(".mmv-decide").is_visible(), "nothing can be decided here"


def test_pictures_are_asked_for_only_when_looked_at(tabs: Any, folder: Path) -> None:
    opened: Opened = tabs(folder).go()
    opened.tab.wait_for_timeout(300)  # what is fetched ahead
    asked = {unquote(url).rsplit("/", 1)[1] for url in opened.requests if "/pictures/" in url}
    rows = json.loads(opened.tab.locator("#mmr-report").text_content())["rows"]
    near = {each["pictures"][side].get("file") for each in rows[:2] for side in ("first", "second")}
    assert asked <= near
    assert not [url for url in opened.requests if "/values/" in url]
    opened.read(3, 3)
    assert len([url for url in opened.requests if "/values/" in url]) == 2


def test_pictures_are_shown_to_the_pixel(opened: Opened, frame: pd.DataFrame) -> None:
    opened.click("first.png")
    opened.press("o", "0")
    for side, pane in (("first", "left"), ("second", "right")):
        shown = opened.shot(side, pane)
        np.testing.assert_array_equal(shown, original(frame, side, "a/first.png")[..., :3])


def test_keys_choose_modes_rows_and_regions(opened: Opened, frame: pd.DataFrame) -> None:
    names = frame["image_filename"].tolist()
    for number, mode in enumerate(MODES, 1):
        opened.press(str(number))
        assert opened.mode() == mode
    opened.press("1", "n", "n", "p", "ArrowRight")
    assert (opened.name(), opened.chosen()) == (names[2], names[2])
    opened.click("first.png")
    opened.press("j")
    weights = opened.root.locator(".mmv-list .mmv-pixels").all_text_contents()
    assert weights == ["300 px", "200 px"]
    opened.until_address("a/first.png")
    opened.settle()
    assert "300" in str(opened.root.locator(".mmv-list [aria-current]").get_attribute("aria-label"))


def test_the_viewers_keys_serve_wherever_the_focus_is(opened: Opened) -> None:
    opened.table.focus()
    opened.press("5")
    assert opened.mode() == "difference"
    opened.tab.evaluate("document.activeElement.blur()")
    before = opened.name()
    opened.press("n")
    assert opened.name() != before
    opened.tab.locator(".mmr-bar input").focus()
    opened.press("2")
    assert opened.mode() == "difference", "in a field, keys are text"


def test_arrows_go_up_and_down_in_the_table(opened: Opened, frame: pd.DataFrame) -> None:
    names = frame["image_filename"].tolist()
    opened.table.focus()
    opened.press("ArrowDown", "ArrowDown", "ArrowUp")
    assert (opened.name(), opened.chosen()) == (names[1], names[1])
    opened.press("PageDown")
    assert opened.name() == names[11]
    opened.press("End")
    assert opened.name() == names[-1]
    opened.press("ArrowDown")
    assert opened.name() == names[-1]
    opened.press("Home")
    assert opened.name() == names[0]


@pytest.mark.parametrize(
    ("key", "place"),
    [("ArrowDown", 0), ("ArrowUp", 0), ("PageDown", 0), ("PageUp", 0), ("Home", 0), ("End", -1)],
)
def test_arrows_lead_from_a_hidden_row_into_the_table(opened: Opened, key: str, place: int) -> None:
    opened.filter("odd/*")
    names = opened.names()
    assert len(names) > 10
    opened.tab.evaluate(f"() => {{ location.hash = '#{quote('b/same.png')}' }}")
    opened.tab.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b/same.png'")
    opened.table.focus()
    opened.press(key)
    assert opened.name() == names[place]


def test_a_click_chooses_a_row(opened: Opened) -> None:
    opened.click("second.png")
    assert (opened.name(), opened.chosen()) == ("a/second.png", "a/second.png")


def test_the_delta_is_the_one_of_the_comparison(opened: Opened, frame: pd.DataFrame) -> None:
    opened.click("first.png")
    opened.press("o", "6")
    opened.root.locator(".mmv-sheet[data-side=delta][data-there]").wait_for()
    opened.root.locator(".mmv-slider input").fill("0")
    opened.root.focus()
    opened.press("0")
    delta = drawings.delta(*(original(frame, side, "a/first.png") for side in ("first", "second")))
    expected = np.where(delta[..., 3:] > 0, delta[..., :3], 255)
    np.testing.assert_array_equal(opened.shot("delta"), expected)
    assert opened.root.locator(".mmv-legend").is_visible()


def test_equal_pictures_have_an_empty_delta(opened: Opened, frame: pd.DataFrame) -> None:
    opened.click("same.png")
    opened.press("o", "6")
    opened.root.locator(".mmv-sheet[data-side=delta][data-there]").wait_for()
    opened.root.locator(".mmv-slider input").fill("0")
    opened.root.focus()
    opened.press("0")
    assert (opened.shot() == 255).all()


def test_what_cannot_be_shown_is_told(opened: Opened) -> None:
    for name, text in (
        ("missing.png", "Only in first"),
        ("extra.png", "Only in second"),
        ("broken.png", "second cannot be shown: the file is cut off"),
        ("gone.png", "first is gone"),
    ):
        opened.click(name)
        notices = opened.root.locator(".mmv-notice:visible").all_inner_texts()
        assert len(notices) == 1
        assert notices[0].startswith(text)


def test_decisions_are_shown_and_not_made(opened: Opened) -> None:
    cells = opened.table.locator("td[data-column=decision]").all_text_contents()
    assert [text for text in cells if text] == ["reject"]
    opened.click("second.png")
    assert "rejected" in opened.root.locator(".mmv-head").inner_text().lower()
    assert "too loud" in opened.root.locator(".mmv-details").inner_text()
    opened.press("a")
    assert opened.table.locator("td[data-column=decision]").all_text_contents() == cells


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_colours_of_the_system(tabs: Any, folder: Path, scheme: str) -> None:
    opened: Opened = tabs(folder, color_scheme=scheme).go()

    def lightness(selector: str) -> float:
        colour = opened.tab.locator(selector).evaluate("node => getComputedStyle(node).backgroundColor")
        return float(np.mean([int(part) for part in re.findall(r"\d+", colour)[:3]]))

    places = ("body", ".mmr-table", ".mmv")
    for place in places:
        assert (lightness(place) > 200) == (scheme == "light")
    opened.tab.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
    opened.tab.locator(f"body[data-jp-theme-light={'true' if scheme == 'dark' else 'false'}]").wait_for()
    for place in places:
        assert (lightness(place) > 200) == (scheme == "dark")


# --- values ------------------------------------------------------------------------------------------


def test_a_colour_under_little_alpha_is_exact(opened: Opened) -> None:
    """Through a canvas it would be 204 102 51 10."""
    opened.go("odd/glass.png")
    assert opened.read(0, 0)["first"] == "200 100 50 10"


@pytest.mark.parametrize("name", sorted(odd_kinds()))
def test_values_are_those_compared_whatever_the_file(opened: Opened, frame: pd.DataFrame, name: str) -> None:
    first, second = (original(frame, side, name) for side in ("first", "second"))
    opened.go(name)
    for x, y in ((0, 0), (1, 0), (7, 29), (49, 13)):
        found = opened.read(x, y)
        for side, pixels in (("first", first), ("second", second)):
            inside = y < pixels.shape[0] and x < pixels.shape[1]
            assert found[side] == (" ".join(map(str, pixels[y, x])) if inside else "outside")
        if "outside" not in found.values():
            differences = second[y, x].astype(int) - first[y, x]
            text = " ".join(f"{value:+d}".replace("+0", "0").replace("-", "−") for value in differences)
            assert found["delta"] == (text if differences.any() else "equal")
    assert opened.trouble() == ""


def test_the_page_decodes_png_files_exactly(tabs: Any, folder: Path) -> None:
    """All pixels of files with every filter, also beyond one tile; the functions are the page's own."""
    rng = np.random.default_rng(11)
    opened: Opened = tabs(folder).go()
    text = linker.module("report/png.js").replace("export default", "return")
    decode = f"""async data => {{
        const {{ readPng, piece }} = (() => {{ {text} }})();
        const TILE = 128;
        const read = await readPng(Uint8Array.from(atob(data), letter => letter.charCodeAt(0)));
        const parts = [];
        for (let y = 0; y < read.height; y += TILE) for (let x = 0; x < read.width; x += TILE) {{
            const {{width, height, data}} = piece(read, x, y);
            parts.push([x, y, width, height, btoa(String.fromCharCode(...data))]);
        }}
        return parts;
    }}"""
    sizes = [(1, 1), (1, 200), (140, 1), (150, 130), (17, 33), (128, 129)]
    for colour_type in (0, 2, 3, 4, 6):
        for size in sizes:
            drawn = pngs.draw(rng, colour_type, 8, size=size, transparent=colour_type == 3)
            expected = drawn.rgba
            found = np.zeros_like(expected)
            data = drawn.png(filters=rng, idat_split=50, chunks_after_idat=[pngs.text()])
            for x, y, width, height, pixels in opened.tab.evaluate(decode, base64.b64encode(data).decode()):
                piece = np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(height, width, 4)
                found[y : y + height, x : x + width] = piece
            np.testing.assert_array_equal(found, expected)


def test_values_that_cannot_be_had_are_told(tabs: Any, folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder.parent, tmp_path / "copy")) / "index.html"
    text = copy.read_text(encoding="utf-8")
    copy.write_text(re.sub(r'"sha256":"..', '"sha256":"zz', text), encoding="utf-8")
    opened: Opened = tabs(copy).go("odd/photo.jpg")
    assert opened.read(2, 2) == {"first": "–", "second": "–", "delta": "–"}
    assert "first cannot be read here: this browser decodes" in opened.trouble()
    opened.click("first.png")
    assert opened.trouble() == ""
    shutil.rmtree(copy.parent / "values")
    opened = tabs(copy, quiet=False).go()
    assert opened.read(2, 2)["first"] == "–"
    assert "not in the report's folder" in opened.trouble()
    assert all("ERR_FILE_NOT_FOUND" in text for text in opened.complaints)


def test_values_of_a_page_from_plain_http_are_told(tabs: Any, folder: Path) -> None:
    """Browsers have no digests there."""
    opened: Opened = tabs(folder)
    opened.tab.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    opened.go("odd/photo.jpg")
    assert opened.read(2, 2)["first"] == "–"
    assert "first cannot be read here: browsers can check JPEG and WebP files only" in opened.trouble()
    opened.click("first.png")
    assert opened.read(2, 2)["first"].count(" ") == 3


def test_values_of_a_file_with_bytes_behind_its_packed_pixels_are_told(tabs: Any, tmp_path: Path) -> None:
    """The comparison takes such a file, browsers must refuse to unpack it."""
    made = folders(tmp_path)
    for side in made[:2]:
        data = pngs.write(noise(3, 1).astype(np.int64), 2, 8)
        chunks = [
            (kind, content + b"behind" if kind == b"IDAT" else content)
            for kind, content in pngs.chunks_of(data)
        ]
        (side / "a.png").write_bytes(pngs.assemble(chunks))
    frame = pd.DataFrame({"image_filename": ["a.png"], "status": "same"})
    where = {"first": str(made.first), "second": str(made.second)}
    opened: Opened = tabs(report.write(frame, tmp_path / "report", where)).go()
    assert opened.read(2, 3)["first"] == "–"
    assert "first cannot be read here: this browser cannot unpack the file's pixels. " in opened.trouble()


def test_values_of_large_pictures_are_told(
    tabs: Any, frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "READ_PIXELS", 100)
    opened: Opened = tabs(report.write(frame[:1], tmp_path / "report")).go()
    assert opened.read(2, 2)["first"] == "–"
    assert "too large" in opened.trouble()


# --- filters and order -------------------------------------------------------------------------------


def expected_names(frame: pd.DataFrame, wanted: Any) -> list[str]:
    found: list[str] = frame[wanted]["image_filename"].tolist()
    return found


def test_statuses_are_counted_and_filter(opened: Opened, frame: pd.DataFrame) -> None:
    counts = frame["status"].value_counts()
    buttons = opened.tab.locator(".mmr-statuses button")
    order = ["error", "missing", "extra", "changed", "same"]
    assert buttons.all_inner_texts() == [f"{counts[status]} {status}" for status in order]
    buttons.nth(1).click()
    buttons.nth(4).click()
    opened.settle()
    shown = expected_names(frame, frame["status"].isin(["missing", "same"]))
    assert opened.names() == shown
    assert opened.name() == shown[0], "the row that was shown is hidden now"
    opened.press("n", "n", "n")
    assert opened.name() == shown[-1]
    assert f"{len(shown)} of {len(frame)} rows" in opened.tab.locator(".mmr-bar").inner_text()
    opened.tab.get_by_role("button", name="Show all rows").click()
    opened.settle()
    assert len(opened.names()) == len(frame)
    assert opened.name() == shown[-1]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("SECOND", "second"),
        ("b/*.png", "^b/.*[.]png$"),
        ("?/m*", "^./m"),
        ("(", "[(]"),
        ("é", "é"),
        ("*a*", "a"),
        ("*(NO-one) [a]{b} *+.png", "no-one"),
    ],
)
def test_names_filter(opened: Opened, frame: pd.DataFrame, text: str, pattern: str) -> None:
    opened.filter(text)
    matching = [name for name in frame["image_filename"] if re.search(pattern, name, re.IGNORECASE)]
    assert opened.names() == matching
    if not matching:
        assert "No row passes" in opened.table.inner_text()
        assert opened.name() == frame["image_filename"].iloc[0]


def test_codes_and_decisions_filter(opened: Opened, frame: pd.DataFrame) -> None:
    opened.tab.locator(".mmr-bar").get_by_label("Code").select_option("only_first")
    opened.settle()
    assert opened.names() == ["b/missing.png"]
    opened.tab.locator(".mmr-bar").get_by_label("Code").select_option("")
    opened.tab.locator(".mmr-bar").get_by_label("Decision").select_option("reject")
    opened.settle()
    assert opened.names() == ["a/second.png"]
    opened.tab.locator(".mmr-bar").get_by_label("Decision").select_option("none")
    opened.settle()
    assert len(opened.names()) == len(frame) - 1


def test_headings_order_the_rows(opened: Opened, frame: pd.DataFrame) -> None:
    def order(heading: str) -> list[str]:
        opened.table.get_by_role("button", name=heading, exact=True).click()
        opened.settle()
        return opened.names()

    def figures(names: list[str], column: str) -> list[float]:
        values = frame.set_index("image_filename")[column].astype(float)
        return [float(values[name]) for name in names]

    given = frame["image_filename"].tolist()
    compared = int(frame["pixel_diff_percent"].notna().sum())
    most = order("%")
    shares = figures(most, "pixel_diff_percent")
    assert shares[:compared] == sorted(shares[:compared], reverse=True)
    assert np.isnan(shares[compared:]).all()
    least = figures(order("%"), "pixel_diff_percent")
    assert least[:compared] == sorted(shares[:compared])
    assert np.isnan(least[compared:]).all()
    assert order("%") == given
    scores = figures(order("SSIM"), "ssim_score")[:compared]
    assert scores == sorted(scores)
    order("name")
    names = order("name")
    assert names == sorted(given, key=lambda name: name.encode("utf-16-be"), reverse=True)
    assert opened.table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    opened.press("n")
    assert opened.name() == names[names.index(given[0]) + 1] if given[0] != names[-1] else given[0]
    statuses = [frame.set_index("image_filename")["status"][name] for name in order("status")]
    ranks = [["error", "missing", "extra", "changed", "same"].index(status) for status in statuses]
    assert ranks == sorted(ranks)


# --- addresses ---------------------------------------------------------------------------------------


def test_a_row_has_an_address(tabs: Any, page: Path, frame: pd.DataFrame) -> None:
    opened: Opened = tabs(page)
    names = frame["image_filename"].tolist()
    for name in [*ODD, *(each for each in names if any(part in each for part in HOSTILE)), names[-1]]:
        opened.tab.goto("about:blank")
        opened.go(name)
        assert (opened.name(), opened.chosen()) == (name, name)
        assert opened.notice() == ""


def test_back_and_forward_lead_to_rows(opened: Opened, frame: pd.DataFrame) -> None:
    first, second = frame["image_filename"].tolist()[:2]
    opened.until_address(first)
    opened.press("n")
    opened.until_address(second)
    odd = ODD[1]
    opened.click(odd)
    opened.until_address(odd)
    for go, name in (("back", second), ("back", first), ("forward", second), ("forward", odd)):
        opened.tab.evaluate(f"() => history.{go}()")
        opened.until_address(name)
        opened.settle()
        assert (opened.name(), opened.chosen()) == (name, name)


def test_a_link_to_a_row_that_filters_hide_shows_it_and_says_so(opened: Opened, frame: pd.DataFrame) -> None:
    opened.filter("a/*")
    assert opened.name() == "a/first.png"
    opened.until_address("a/first.png")
    opened.tab.evaluate(f"() => {{ location.hash = '#{quote('b/same.png')}' }}")
    opened.tab.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b/same.png'")
    opened.settle()
    assert "hide" in opened.notice()
    assert opened.names() == ["a/first.png", "a/second.png"]
    assert opened.root.get_attribute("data-has") == "both"
    opened.root.focus()
    opened.press("n")
    assert (opened.name(), opened.notice()) == ("a/first.png", "")
    opened.until_address("a/first.png")
    opened.tab.evaluate("() => history.back()")
    opened.until_address("b/same.png")
    opened.tab.locator(".mmr-notice button").click()
    opened.settle()
    assert (opened.name(), opened.chosen(), opened.notice()) == ("b/same.png", "b/same.png", "")
    assert len(opened.names()) == len(frame)


def test_an_address_that_is_chosen_is_not_overwritten(opened: Opened) -> None:
    """By the one that follows the row: a key is pressed, and the page busy until either is due."""
    opened.click("second.png")
    opened.until_address("a/second.png")
    opened.tab.evaluate(
        """name => {
            setTimeout(() => { location.hash = name }, 200);
            const pressed = new KeyboardEvent('keydown', { key: 'n', bubbles: true, cancelable: true });
            document.querySelector('.mmv').dispatchEvent(pressed);
            for (const end = performance.now() + 300; performance.now() < end; );
        }""",
        quote("b/same.png"),
    )
    opened.tab.wait_for_function(
        "name => document.querySelector('.mmv-name').textContent === name", arg="b/same.png"
    )
    opened.until_address("b/same.png")


def test_an_address_that_follows_does_not_lead_back(tabs: Any, page: Path, frame: pd.DataFrame) -> None:
    """A key is pressed between the change of the address and the browser's word of it."""
    first, second, third = frame["image_filename"].tolist()[:3]
    opened: Opened = tabs(page)
    opened.tab.add_init_script(
        """addEventListener('hashchange', () => {
            if (decodeURIComponent(location.hash) !== `#${window.waited}`) return;
            window.waited = "";
            const pressed = new KeyboardEvent('keydown', { key: 'n', bubbles: true });
            document.querySelector('.mmv').dispatchEvent(pressed);
        })"""
    )
    opened.go()
    opened.until_address(first)
    opened.tab.evaluate("name => { window.waited = name }", second)
    opened.press("n")
    opened.tab.wait_for_function("() => !window.waited")
    opened.settle()
    assert opened.name() == third
    opened.until_address(third)
    opened.tab.evaluate("() => history.back()")
    opened.tab.wait_for_function(
        "name => document.querySelector('.mmv-name').textContent === name", arg=second
    )


def test_a_link_to_no_row_says_so(tabs: Any, page: Path, frame: pd.DataFrame) -> None:
    opened: Opened = tabs(page).go("<b>nobody</b>.png")
    assert "<b>nobody</b>.png" in opened.notice()
    assert opened.name() == frame["image_filename"].iloc[0]
    opened.press("n")
    assert opened.notice() == ""
    opened.tab.evaluate("() => { location.hash = '#%E0%A4%A' }")  # what decodes to nothing
    opened.tab.wait_for_function("() => document.querySelector('.mmr-notice').innerText.includes('%E0%A4%A')")


# --- hostile names, other places ---------------------------------------------------------------------


def test_hostile_names_are_text(opened: Opened, frame: pd.DataFrame) -> None:
    names = frame["image_filename"].tolist()
    present = [name for name in HOSTILE if any(name in each for each in names)]
    if not present:
        pytest.skip("Windows does not allow such names")
    title = opened.tab.title()
    for name in (each for each in names if any(part in each for part in present)):
        opened.go(name)
        assert (opened.name(), opened.chosen()) == (name, name)
        assert opened.root.get_attribute("data-has") == "both"
        opened.tab.mouse.move(200, 300)
    assert opened.tab.title() == title
    assert opened.tab.locator("script").count() == 2 + opened.tab.locator("script[type='text/plain']").count()
    assert opened.tab.locator("main img[onerror], [onmouseover]").count() == 0


def test_a_report_that_was_moved_still_opens(tabs: Any, folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "handed over"
    shutil.copytree(folder.parent, moved)
    opened: Opened = tabs(moved / "index.html").go()
    opened.press("n")
    assert opened.root.get_attribute("data-has") == "both"
    assert opened.read(1, 1)["first"].count(" ") == 3


def test_a_picture_that_was_taken_out_is_told(tabs: Any, folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder.parent, tmp_path / "copy"))
    shutil.rmtree(copy / "pictures")
    opened: Opened = tabs(copy / "index.html", quiet=False).go()
    notices = opened.root.locator(".mmv-notice:visible").all_inner_texts()
    assert len(notices) == 2
    assert all("lacks pictures/" in text for text in notices)


def test_no_rows(tabs: Any, frame: pd.DataFrame, tmp_path: Path) -> None:
    opened: Opened = tabs(report.write(frame[:0], tmp_path / "report")).go()
    assert "No row passes" in opened.table.inner_text()
    assert "No rows to show" in opened.root.inner_text()
    opened.press("n", "2", "j", "ArrowDown")


# --- many rows ---------------------------------------------------------------------------------------


def test_many_rows_cost_no_more_than_few(tabs: Any, frame: pd.DataFrame, tmp_path: Path) -> None:
    count = 2000
    many = pd.concat([frame[:1]] * count, ignore_index=True)
    many["image_filename"] = [frame["image_filename"].iloc[0], *(f"{n:04}.png" for n in range(1, count))]
    many.attrs = frame.attrs
    opened: Opened = tabs(report.write(many, tmp_path / "report")).go()
    assert opened.table.locator("[data-row]").count() < 150
    opened.table.evaluate("area => { area.scrollTop = 26 * 1500 }")
    opened.table.locator("[data-row='1510']").wait_for()
    assert opened.table.locator("[data-row]").count() < 150
    assert opened.table.locator("[data-row='1510']").inner_text().split()[1] == "1510.png"
    opened.table.focus()
    opened.press("End")
    assert opened.chosen() == "1999.png"
    last = opened.table.locator("[data-row='1999']")
    area, line = opened.table.bounding_box(), last.bounding_box()
    assert area["y"] <= line["y"] <= area["y"] + area["height"] - line["height"]
    opened.go("0700.png")
    assert opened.chosen() == "0700.png"
    opened.filter("19??.png")
    assert opened.table.locator("table").get_attribute("aria-rowcount") == "101"
