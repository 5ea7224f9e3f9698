"""What the report shows when it is opened from a disk in Chromium: pictures, values, hostile names."""

import base64
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import pytest
from support import pngs
from support.containers import pillow as encoded
from support.programs import folders
from support.report_files import content, keep_rows, told
from support.report_page import AS_A_FOLDER, HOSTILE, Opened, noise, odd_kinds, original, painted
from support.viewer_page import MODES

from mymodules import batch, report
from mymodules.comparison import drawings
from mymodules.pages import linker
from mymodules.report import writing

# --- opening -----------------------------------------------------------------------------------------


def test_it_opens_with_table_and_first_pair(opened: Opened, frame: pd.DataFrame) -> None:
    names = frame["image_filename"].tolist()
    assert opened.tab.title() == f"{len(names)} pictures compared"
    assert opened.table.get_attribute("aria-rowcount") == str(len(names) + 1)
    assert opened.names()[: len(names)] == names
    assert (opened.name(), opened.chosen()) == (names[0], names[0])
    assert f"{len(names)} rows" in opened.tab.locator(".mmr-bar").inner_text()
    head = opened.tab.locator(".mmr-head").inner_text()
    for side in ("first", "second"):
        assert f"{side} {Path(frame.attrs['run'][side]).name}" in head
    assert "run of 20" in head
    assert opened.root.locator(".mmv-decide").is_visible()


def test_pictures_are_asked_for_only_when_looked_at(tabs: Any, folder: Path) -> None:
    opened: Opened = tabs(folder).go("a/first.png")  # a smaller one needs its values at once
    opened.tab.wait_for_timeout(300)  # what is fetched ahead
    asked = {unquote(url).rsplit("/", 1)[1] for url in opened.requests if "/pictures/" in url}
    rows = content(folder)["rows"]
    place = [each["name"] for each in rows].index("a/first.png")
    shown = rows[place : place + 2]
    near = {each["pictures"][side].get("file") for each in shown for side in ("first", "second")}
    assert asked <= near
    values = re.compile(r"/values/.*(?<!\.rows)\.js$")
    assert not [url for url in opened.requests if values.search(url)]
    opened.read(3, 3)
    assert len([url for url in opened.requests if values.search(url)]) == 2


def test_pictures_are_shown_to_the_pixel(opened: Opened, frame: pd.DataFrame) -> None:
    opened.click("first.png")
    opened.press("o", "0")
    for side, pane in (("first", "left"), ("second", "right")):
        shown = opened.shot(side, pane)
        np.testing.assert_array_equal(shown, original(frame, side, "a/first.png")[..., :3])


def test_a_renamed_picture_is_shown_with_its_old_self(tabs: Any, tmp_path: Path) -> None:
    made = folders(tmp_path)
    (made.second / "moved").mkdir()
    old, new = painted(1)
    (made.first / "old.png").write_bytes(encoded(old))
    (made.second / "moved" / "new.png").write_bytes(encoded(new))
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, pictures="none", store=None)
    opened: Opened = tabs(report.write(run.frame(), tmp_path / "report")).go("moved/new.png")
    opened.press("o", "0")
    np.testing.assert_array_equal(opened.shot("first", "left"), old)
    np.testing.assert_array_equal(opened.shot("second", "right"), new)
    assert "It was renamed from old.png, and changed." in opened.root.inner_text()


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
    assert opened.root.locator(".mmv-list [aria-current] .mmv-pixels").text_content() == "300 px"


@AS_A_FOLDER
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


@AS_A_FOLDER
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


@AS_A_FOLDER
def test_arrows_lead_from_a_hidden_row_into_the_table(opened: Opened) -> None:
    opened.filter("odd/*")
    names = opened.names()
    assert len(names) > 10
    for key in ("ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"):
        opened.tab.evaluate(f"() => {{ location.hash = '#{quote('b/same.png')}' }}")
        opened.tab.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b/same.png'")
        opened.table.focus()
        opened.press(key)
        led = names[-1] if key == "End" else names[0]
        assert opened.name() == led, key
        opened.until_address(led)


@AS_A_FOLDER
def test_a_click_chooses_a_row(opened: Opened) -> None:
    opened.click("second.png")
    assert (opened.name(), opened.chosen()) == ("a/second.png", "a/second.png")


def show_delta_alone(opened: Opened) -> None:
    """Show the delta at its size, without the picture below it."""
    opened.press("o", "6")
    opened.root.locator(".mmv-sheet[data-side=delta][data-there]").wait_for()
    opened.root.locator(".mmv-slider input").fill("0")
    opened.root.focus()
    opened.press("0")


def test_the_delta_is_the_one_of_the_comparison(opened: Opened, frame: pd.DataFrame) -> None:
    opened.click("first.png")
    show_delta_alone(opened)
    delta = drawings.delta(*(original(frame, side, "a/first.png") for side in ("first", "second")))
    expected = np.where(delta[..., 3:] > 0, delta[..., :3], 255)
    np.testing.assert_array_equal(opened.shot("delta"), expected)
    assert opened.root.locator(".mmv-legend").is_visible()


DIFFERING = """
    (one) => {
        const found = document.querySelector(".mmv-sheet[data-side=delta] img");
        const { naturalWidth: width, naturalHeight: height } = found;
        if (!width) return null;
        const context = new OffscreenCanvas(width, height).getContext("2d");
        context.drawImage(found, 0, 0);
        const { data } = context.getImageData(0, 0, width, height);
        const places = [...Array(width * height).keys()].filter((place) => data[4 * place + 3]);
        const rows = [...new Set(places.map((place) => Math.floor(place / width)))];
        return (places.length === 1) === one && [width, height, rows];
    }
"""
"""Size and differing rows of the delta that is shown, once it has one differing pixel, or has others."""


def test_the_delta_follows_what_moved(tabs: Any, tmp_path: Path) -> None:
    page = np.random.default_rng(0).integers(0, 256, (200, 30, 3), np.uint8)
    grown = np.concatenate([page[:60], 255 - page[:9], page[60:]])
    grown[100, 3] ^= 1  # row 100 was row 91
    for side, pixels in (("first", page), ("second", grown)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.png").write_bytes(encoded(pixels))
    (tmp_path / "out").mkdir()
    compared = (tmp_path / name for name in ("first", "second", "out"))
    run = batch.run(*compared, num_processors=1, store=None, pictures="none")
    opened: Opened = tabs(report.write(run.frame(), tmp_path / "report.html", embed=True)).go()
    show_delta_alone(opened)
    assert opened.tab.wait_for_function(DIFFERING, arg=True).json_value() == [30, 209, [100]]
    opened.press("e")
    # As they are: all rows below the first 60 differ, and the last 9 are in second only.
    assert opened.tab.wait_for_function(DIFFERING, arg=False).json_value() == [30, 209, [*range(60, 209)]]


def test_equal_pictures_have_an_empty_delta(opened: Opened, frame: pd.DataFrame) -> None:
    opened.click("same.png")
    show_delta_alone(opened)
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_colours_of_the_system(tabs: Any, folder: Path, scheme: str) -> None:
    opened: Opened = tabs(folder, color_scheme=scheme).go()

    def lightness(selector: str) -> float:
        colour = opened.tab.locator(selector).evaluate("node => getComputedStyle(node).backgroundColor")
        return float(np.mean([int(part) for part in re.findall(r"\d+", colour)[:3]]))

    places = ("body", ".mml", ".mmv")
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


def test_values_are_those_compared_whatever_the_file(opened: Opened, frame: pd.DataFrame) -> None:
    for name in odd_kinds():
        first, second = (original(frame, side, name) for side in ("first", "second"))
        opened.go(name)
        assert opened.name() == name
        opened.press("2", "0")
        for x, y in ((0, 0), (1, 0), (7, 29), (49, 13)):
            found = opened.read(x, y, keys="")
            for side, pixels in (("first", first), ("second", second)):
                inside = y < pixels.shape[0] and x < pixels.shape[1]
                assert found[side] == (" ".join(map(str, pixels[y, x])) if inside else "outside"), name
            if "outside" not in found.values():
                differences = second[y, x].astype(int) - first[y, x]
                text = " ".join(f"{value:+d}".replace("+0", "0").replace("-", "−") for value in differences)
                assert found["delta"] == (text if differences.any() else "equal"), name
        assert opened.trouble() == "", name


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
    (name,) = content(copy)["shards"]["files"]
    rows = json.loads(told(copy, "", name))
    for picture in (
        picture for row in rows for picture in (row["pictures"] or {}).values() if "sha256" in picture
    ):
        picture["sha256"] = "zz"
    keep_rows(copy, name, rows)
    opened: Opened = tabs(copy).go("odd/photo.jpg")
    assert opened.read(2, 2) == {"first": "–", "second": "–", "delta": "–"}
    assert "first cannot be read here: this browser decodes" in opened.trouble()
    opened.click("first.png")
    assert opened.trouble() == ""
    for script in (copy.parent / "values").iterdir():
        if script.name != f"{name}.js":
            script.unlink()
    opened = tabs(copy, quiet=False).go()
    assert opened.read(2, 2)["first"] == "–"
    assert "not in the report's folder" in opened.trouble()
    assert all("ERR_FILE_NOT_FOUND" in text for text in opened.complaints)


def test_values_of_a_page_from_plain_http_are_told(tabs: Any, folder: Path) -> None:
    """Browsers have no digests there."""
    script = "Object.defineProperty(crypto, 'subtle', {value: undefined})"
    opened: Opened = tabs(folder, script=script).go("odd/photo.jpg")
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
    opened: Opened = tabs(report.write(frame, tmp_path / "report", where, same=True)).go()
    assert opened.read(2, 3)["first"] == "–"
    assert "first cannot be read here: this browser cannot unpack the file's pixels. " in opened.trouble()


def test_values_of_large_pictures_are_told(
    tabs: Any, frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "READ_PIXELS", 100)
    opened: Opened = tabs(report.write(frame[:1], tmp_path / "report")).go()
    assert opened.read(2, 2)["first"] == "–"
    assert "too large" in opened.trouble()


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
