"""How a person finds a row in the report, opened from a disk in Chromium: filters, order, addresses."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from support.report_page import HOSTILE, ODD, Opened

from mymodules import report

# --- filters and order -------------------------------------------------------------------------------


def expected_names(frame: pd.DataFrame, wanted: Any) -> list[str]:
    found: list[str] = frame[wanted]["image_filename"].tolist()
    return found


def test_statuses_are_counted_and_filter(opened: Opened, frame: pd.DataFrame) -> None:
    counts = frame["status"].value_counts()
    buttons = opened.tab.locator(".mmr-statuses button")
    order = ["changed", "error", "missing", "extra", "same"]
    assert buttons.all_inner_texts() == [f"{status} {counts[status]}" for status in order]
    buttons.nth(2).click()
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
    waiting = expected_names(frame, (frame["status"] != "same") & (frame["image_filename"] != "a/second.png"))
    assert opened.names() == waiting, "equal pictures need no decision"


def test_headings_order_the_rows(opened: Opened, frame: pd.DataFrame) -> None:
    opened.tab.set_viewport_size({"width": 1920, "height": 1080})  # then there is room for all columns

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
    assert opened.table.locator(".mml-head [aria-sort]").get_attribute("aria-sort") == "descending"
    opened.press("n")
    assert opened.name() == names[names.index(given[0]) + 1] if given[0] != names[-1] else given[0]
    statuses = [frame.set_index("image_filename")["status"][name] for name in order("status")]
    ranks = [["changed", "error", "missing", "extra", "same"].index(status) for status in statuses]
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


# --- many rows ---------------------------------------------------------------------------------------


def test_many_rows_cost_no_more_than_few(tabs: Any, frame: pd.DataFrame, tmp_path: Path) -> None:
    count = 2000
    many = pd.concat([frame[:1]] * count, ignore_index=True)
    many["image_filename"] = [frame["image_filename"].iloc[0], *(f"{n:04}.png" for n in range(1, count))]
    many["combined"] = [2.0, *[1.0] * (count - 1)]  # the largest change is the first row, others go by name
    many.attrs = frame.attrs
    opened: Opened = tabs(report.write(many, tmp_path / "report")).go()
    assert opened.table.locator("[data-row]").count() < 150
    opened.table.evaluate("area => { area.scrollTop = 1500 * area.querySelector('[data-row]').offsetHeight }")
    opened.table.locator("[data-row='1510']").wait_for()
    assert opened.table.locator("[data-row]").count() < 150
    assert opened.table.locator("[data-row='1510'] .mml-name").inner_text() == "1510.png"
    opened.table.focus()
    opened.press("End")
    assert opened.chosen() == "1999.png"
    last = opened.table.locator("[data-row='1999']")
    area, line = opened.table.bounding_box(), last.bounding_box()
    assert area["y"] <= line["y"] <= area["y"] + area["height"] - line["height"]
    opened.go("0700.png")
    assert opened.chosen() == "0700.png"
    opened.filter("19??.png")
    assert opened.table.get_attribute("aria-rowcount") == "101"
