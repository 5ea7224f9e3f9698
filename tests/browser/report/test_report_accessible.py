"""The report for people who use a keyboard, a screen reader or large letters."""

from pathlib import Path
from typing import Any

import pytest
from support import nodes
from support.report_page import AS_A_FOLDER, Opened


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(tabs: Any, folder: Path, theme: str) -> None:
    opened: Opened = tabs(folder, color_scheme=theme, bypass_csp=True).go("a/first.png")
    nodes.check_accessible(opened.tab, colours=theme == "dark")
    opened.press("?")
    nodes.check_accessible(opened.tab, colours=theme == "dark")


@AS_A_FOLDER
def test_the_keyboard_skips_the_filters(opened: Opened) -> None:
    order = opened.names()
    skip = opened.tab.get_by_role("button", name="Skip to the rows")
    skip.focus()
    assert skip.bounding_box()["height"] > 10, "it is in sight while it has the focus"
    opened.tab.keyboard.press("Enter")
    opened.press("ArrowDown")
    assert opened.name() == order[1]


def test_twice_as_large_nothing_is_lost(tabs: Any, folder: Path) -> None:
    """A window of 1280 x 1024 at 200 % has 640 x 512 px."""
    opened: Opened = tabs(folder, device_scale_factor=2).go("a/first.png")
    opened.tab.set_viewport_size({"width": 640, "height": 512})
    opened.settle()
    assert opened.tab.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for part in (".mmr-bar input", ".mml-table", ".mmv-name", ".mmv-picture"):
        opened.tab.locator(part).first.scroll_into_view_if_needed()
        box = opened.tab.locator(part).first.bounding_box()
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= 640, part
        assert box["height"] > 15, part
