"""The gallery of the report: thumbnails of the rows shown, by pointer and by keys."""

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import nodes
from support.report_files import keep_rows, told
from support.report_page import AS_A_FOLDER, Opened, original

MANY = 10_000
LOADED = """selector => [...document.querySelectorAll(selector)].every(
    tile => tile.querySelector('.mmg-sheet, .mmg-message'))"""
IN_SIGHT = """() => {
    const {top, bottom} = document.querySelector('.mmg-list').getBoundingClientRect();
    return [...document.querySelectorAll('.mmg-tile')].filter(tile => {
        const box = tile.getBoundingClientRect();
        return box.bottom > top && box.top < bottom;
    }).map(tile => Number(tile.dataset.place));
}"""


def to_gallery(opened: Opened) -> Opened:
    opened.tab.get_by_role("button", name="Gallery", exact=True).click()
    opened.tab.wait_for_selector(".mmg-tile")
    return opened


def tile(opened: Opened, name: str) -> Any:
    return opened.tab.locator(f".mmg-tile[title='{name}']")


def settled(opened: Opened, name: str) -> Any:
    """The tile of a row, in sight and with its pictures."""
    opened.filter(name)
    found = tile(opened, name)
    found.locator(".mmg-sheet, .mmg-message").first.wait_for()
    return found


def current(opened: Opened) -> str:
    found = opened.tab.locator(".mmg-tile[aria-selected=true]")
    assert found.count() == 1
    active = opened.tab.locator(".mmg-list").get_attribute("aria-activedescendant")
    assert found.get_attribute("id") == active
    return str(found.get_attribute("title"))


def shown(canvas: Any) -> np.ndarray:
    """What a canvas shows on the screen, RGB."""
    with Image.open(io.BytesIO(canvas.screenshot())) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def found_in(part: np.ndarray, picture: np.ndarray) -> tuple[int, int]:
    """The one place, x and y, at which a picture has these pixels."""
    height, width = part.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(picture, (height, width), (0, 1))
    places = np.argwhere((windows == part.transpose(2, 0, 1)).all((2, 3, 4)))
    assert len(places) == 1
    y, x = places[0]
    return int(x), int(y)


@AS_A_FOLDER
def test_the_gallery_is_chosen_and_remembered(tabs: Any, page: Path) -> None:
    opened = to_gallery(tabs(page).go())
    assert not opened.table.is_visible()
    assert (
        opened.tab.get_by_role("button", name="Gallery", exact=True).get_attribute("aria-pressed") == "true"
    )
    opened.tab.reload()
    opened.settle()
    opened.tab.locator(".mmg-tile").first.wait_for()
    opened.tab.get_by_role("button", name="Table", exact=True).click()
    assert opened.table.is_visible()
    assert not opened.tab.locator(".mmg").is_visible()


def test_a_changed_row_shows_the_pixels_around_its_largest_region(
    tabs: Any, page: Path, frame: pd.DataFrame
) -> None:
    opened = to_gallery(tabs(page).go())
    found = settled(opened, "a/first.png")
    canvases = found.locator("canvas")
    assert canvases.count() == 3
    for side in ("first", "second"):
        canvas = found.locator(f"[data-side={side}] canvas")
        seen = shown(canvas)
        factor = seen.shape[1] // int(canvas.get_attribute("width"))
        part = seen[::factor, ::factor]
        assert np.array_equal(seen, part.repeat(factor, 0).repeat(factor, 1)), "enlarged by a whole factor"
        x, y = found_in(part, original(frame, side, "a/first.png")[:, :, :3])
        # the region [40, 20, 30, 10], and what is around it
        assert x < 40 < 40 + 30 < x + part.shape[1]
        assert y < 20 < 20 + 10 < y + part.shape[0]
    differs = (shown(found.locator("[data-side=delta] canvas"))[::factor, ::factor] != 255).any(2)
    assert np.count_nonzero(differs[20 - y : 30 - y, 40 - x : 70 - x]) == 300
    assert np.count_nonzero(differs) == 300


def test_whole_pictures_are_shown_instead_and_that_is_remembered(tabs: Any, page: Path) -> None:
    opened = to_gallery(tabs(page).go())
    opened.tab.get_by_role("button", name="Whole picture").click()
    found = settled(opened, "a/first.png")
    sizes = found.locator("canvas").evaluate_all("all => all.map(one => [one.clientWidth, one.clientHeight])")
    assert len(sizes) == 3
    assert len({tuple(size) for size in sizes}) == 1
    assert abs(sizes[0][0] / sizes[0][1] - 200 / 150) < 0.02
    assert found.locator(".mmg-region").count() == (2 if sizes[0][0] < 200 else 0)
    opened.tab.reload()
    opened.settle()
    whole = opened.tab.get_by_role("button", name="Whole picture")
    assert whole.get_attribute("aria-pressed") == "true"


def test_a_row_with_one_picture_or_none_shows_what_there_is(tabs: Any, page: Path) -> None:
    opened = to_gallery(tabs(page).go())
    cases: list[tuple[str, list[str], str]] = [
        ("b/missing.png", ["first"], ""),
        ("b/extra.png", ["second"], ""),
        ("b/broken.png", [], "second cannot be compared"),
        ("b/gone.png", ["first", "second", "delta"], "first is gone"),
    ]
    for name, sides, words in cases:
        found = settled(opened, name)
        frames = found.locator(".mmg-frame")
        assert frames.evaluate_all("all => all.map(one => one.dataset.side)") == sides
        messages = " ".join(found.locator(".mmg-message").all_inner_texts())
        assert words in messages
        assert bool(messages) == bool(words), name


@AS_A_FOLDER
def test_a_tile_names_its_row_and_what_was_decided(tabs: Any, page: Path) -> None:
    opened = to_gallery(tabs(page).go())
    found = settled(opened, "a/second.png")
    assert found.locator(".mmg-base").inner_text() == "second.png"
    assert int(found.locator(".mmg-base").evaluate("node => getComputedStyle(node).fontWeight")) >= 600
    # 300 and 200 of 200 x 150 pixels
    assert found.locator(".mmg-facts").inner_text().split("\n") == ["changed", "1.7 %", "✕ rejected"]


@AS_A_FOLDER
def test_keys_choose_tiles_and_the_viewer_follows(tabs: Any, page: Path) -> None:
    opened = to_gallery(tabs(page).go())
    titles = opened.tab.locator(".mmg-tile").evaluate_all("all => all.map(one => one.title)")
    opened.tab.locator(".mmg-list").focus()
    opened.press("Home")
    assert current(opened) == opened.name() == titles[0]
    opened.press("ArrowDown")
    assert current(opened) == opened.name() == titles[1]
    opened.press("ArrowRight", "ArrowLeft", "ArrowUp")
    assert current(opened) == opened.name() == titles[0]
    opened.press("End")
    last = opened.tab.locator(".mmg-tile").last
    assert current(opened) == opened.name() == last.get_attribute("title")
    assert int(str(last.get_attribute("aria-posinset"))) == int(str(last.get_attribute("aria-setsize")))
    opened.press("PageUp", "Home", "Enter")
    assert opened.name() == titles[0]


@AS_A_FOLDER
def test_a_click_opens_the_row_and_the_viewer_marks_its_tile(tabs: Any, page: Path) -> None:
    opened = to_gallery(tabs(page).go())
    second = opened.tab.locator(".mmg-tile").nth(1)
    name = second.get_attribute("title")
    second.click()
    opened.settle()
    assert current(opened) == opened.name() == name
    opened.tab.get_by_role("button", name="Next picture").click()
    opened.settle()
    assert current(opened) == opened.name() != name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_the_gallery(tabs: Any, folder: Path, theme: str) -> None:
    opened = to_gallery(tabs(folder, color_scheme=theme).go())
    opened.tab.wait_for_selector(".mmg-sheet")
    nodes.check_accessible(opened.tab, ".mml", colours=theme == "dark")


@pytest.fixture(scope="module")
def many(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with 10,000 rows, which share the pictures of one."""
    copy = tmp_path_factory.mktemp("many") / "report"
    shutil.copytree(folder.parent, copy)
    page = copy / folder.name
    text = page.read_text(encoding="utf-8")
    data = re.search(r'(<script type="application/json" id="mmr-report">)(.*?)(</script>)', text, re.DOTALL)
    assert data is not None
    report = json.loads(data[2])
    at = report["index"]["name"].index("a/first.png")
    report["index"] = {key: [values[at]] * MANY for key, values in report["index"].items()}
    report["index"]["name"] = [f"{place:05}/row.png" for place in range(MANY)]
    rows = json.loads(told(page, text, report["shards"]["files"][0]))
    keep_rows(page, "all.rows", [rows[at]])
    report["shards"] = {"files": ["all.rows"] * MANY, "rows": 1}
    page.write_text(f"{text[: data.start(2)]}{json.dumps(report)}{text[data.end(2) :]}", encoding="utf-8")
    return page


def test_of_10_000_rows_only_the_tiles_in_sight_and_a_few_more_are_drawn(tabs: Any, many: Path) -> None:
    opened = to_gallery(tabs(many).go())
    area = opened.tab.locator(".mmg-list")
    lefts = "all => new Set(all.map(one => one.getBoundingClientRect().left)).size"
    columns = opened.tab.locator(".mmg-tile").evaluate_all(lefts)
    everything = area.evaluate("node => node.scrollHeight - node.clientHeight")
    for share in (0.0, 0.37, 0.8, 1.0):
        area.evaluate("(node, top) => { node.scrollTop = top; }", everything * share)
        opened.tab.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        seen = opened.tab.evaluate(IN_SIGHT)
        drawn = opened.tab.locator(".mmg-tile").evaluate_all(
            "all => all.map(one => [Number(one.dataset.place), one.title, Number(one.ariaPosInSet)])"
        )
        places = [place for place, *_ in drawn]
        assert set(seen) <= set(places)
        assert places == [*range(places[0], places[-1] + 1)], "in the order of their rows, without a gap"
        assert len(places) <= len(seen) + 2 * 2 * columns
        assert all((name, at) == (f"{place:05}/row.png", place + 1) for place, name, at in drawn)
        expected = MANY * share
        assert seen[0] - len(places) <= expected <= seen[-1] + len(places)
    assert seen[-1] == MANY - 1
    opened.tab.wait_for_function(LOADED, arg=f".mmg-tile:nth-last-child(-n + {len(seen)})")
    before = opened.tab.locator(".mmg-tile").first
    assert not before.locator(".mmg-sheet").count(), "pictures are loaded for tiles in sight only"


def test_a_click_is_about_the_tile_on_which_it_began(tabs: Any, many: Path) -> None:
    opened = to_gallery(tabs(many).go())
    box = opened.tab.locator(".mmg-tile").first.bounding_box()
    opened.tab.mouse.move(box["x"] + 20, box["y"] + box["height"] - 20)
    opened.tab.mouse.down()
    opened.filter("00007*")  # now another row is there
    opened.tab.locator(".mmg-tile[title='00007/row.png']").wait_for()
    opened.filter("")
    opened.tab.mouse.up()
    opened.settle()
    assert opened.name() == "00000/row.png"
