"""The report in Firefox: it opens, and keys, filters, pictures and zoom work as in Chromium."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import firefox
from support.report_page import original

from mymodules import look

WIDTH, HEIGHT = 1400, 900
NAME = "document.querySelector('.mmv-name').textContent"
DRAWN = "Boolean(document.querySelector('.mmo-side[data-drawn]'))"
SETTLED = """(() => {
    const root = document.querySelector('.mmv');
    return root && !root.hasAttribute('data-loading') && root.querySelector('.mmv-place').textContent;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[firefox.Firefox]:
    with firefox.started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def tab(browser: firefox.Firefox, page: Path) -> firefox.Firefox:
    """A report of each kind, opened anew, which shows a look and then the table."""
    browser.open("about:blank", WIDTH, HEIGHT)
    browser.open(page.as_uri(), WIDTH, HEIGHT)
    browser.until("Boolean(document.querySelector('.mml-bar'))")
    browser.click(".mml-bar [data-view=looks]")  # Firefox remembers what was chosen before
    browser.until(DRAWN)
    browser.click(".mml-bar [data-view=table]")
    browser.until(SETTLED)
    return browser


def shows(tab: firefox.Firefox, name: str) -> None:
    """Wait until the viewer shows a row, which is the one that is marked in the table."""
    base = json.dumps(Path(name).name)
    marked = f"document.querySelector('[data-row][aria-selected=true]').textContent.includes({base})"
    tab.until(f"{SETTLED} && {NAME} === {json.dumps(name)} && {marked}")


def ranked(frame: pd.DataFrame) -> list[str]:
    return look.ranked(frame)["image_filename"].to_list()


def test_it_opens_on_the_largest_change(tab: firefox.Firefox, frame: pd.DataFrame) -> None:
    shows(tab, ranked(frame)[0])
    assert tab.complaints == []


def test_keys_go_through_the_rows(tab: firefox.Firefox, frame: pd.DataFrame) -> None:
    order = ranked(frame)
    tab.press("n")
    shows(tab, order[1])
    tab.press("n", "p", "p")
    shows(tab, order[0])


def test_a_typed_name_filters(tab: firefox.Firefox) -> None:
    tab.click("input[type=search], .mmr-bar input")
    tab.press(*"b/same")
    shows(tab, "b/same.png")
    assert tab.evaluate("document.querySelectorAll('[data-row]').length") == 1


def test_pictures_are_drawn_to_the_pixel(tab: firefox.Firefox, frame: pd.DataFrame) -> None:
    tab.evaluate("location.hash = 'a/first.png'")
    shows(tab, "a/first.png")
    tab.press("o", "0")
    for side, pane in (("first", "left"), ("second", "right")):
        selector = f"[data-pane={pane}] .mmv-sheet[data-side={side}] img"
        pixels = original(frame, side, "a/first.png")[..., :3]
        img = f"document.querySelector('{selector}')"
        tab.until(f"{img}.complete && {img}.getBoundingClientRect().width === {pixels.shape[1]}")
        np.testing.assert_array_equal(tab.shot(selector), pixels)


def test_the_zoom_follows_keys(tab: firefox.Firefox) -> None:
    tab.press("0")
    tab.until("document.querySelector('.mmv-zoom').textContent === '100 %'")
    tab.press("+")
    tab.until("document.querySelector('.mmv-zoom').textContent === '150 %'")
    tab.press("-")
    tab.until("document.querySelector('.mmv-zoom').textContent === '100 %'")
