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


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    """A report as a folder: rows are found alike wherever a page has them from."""
    return folder


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


def test_what_rules_tolerate_is_told_apart(tabs: Any, frame: pd.DataFrame, tmp_path: Path) -> None:
    tolerated = frame["image_filename"] == "a/first.png"
    ruled = frame.assign(verdict=frame["verdict"].mask(tolerated, "tolerated"))
    changed = expected_names(frame, (frame["status"] == "changed") & ~tolerated)
    opened: Opened = tabs(report.write(ruled, tmp_path / "ruled")).go()
    buttons = opened.tab.locator(".mmr-statuses button")
    assert buttons.all_inner_texts()[0] == f"changed {len(changed)}"
    assert buttons.all_inner_texts()[-2] == "tolerated 1"
    buttons.first.click()
    opened.settle()
    assert sorted(opened.names()) == sorted(changed)
    buttons.first.click()
    buttons.nth(4).click()
    opened.settle()
    assert opened.names() == ["a/first.png"]
    assert opened.table.locator("[data-status]").all_inner_texts() == ["tolerated"]
    assert opened.root.locator(".mmv-status").inner_text() == "tolerated"


def test_causes_are_counted_and_filter(opened: Opened, frame: pd.DataFrame) -> None:
    changed = frame["px_changed"].fillna(0) > 0
    causes = opened.tab.get_by_role("combobox", name="Cause")
    assert f"changed ({changed.sum()})" in causes.inner_text()
    causes.select_option("changed")
    opened.settle()
    assert opened.names() == expected_names(frame, changed)
    assert "changed" in opened.root.get_by_role("group", name="Why pixels differ").inner_text()
    opened.tab.get_by_role("button", name="Show all rows").click()
    opened.settle()
    assert len(opened.names()) == len(frame)


FILTERS = {
    "SECOND": "second",
    "b/*.png": "^b/.*[.]png$",
    "?/m*": "^./m",
    "(": "[(]",
    "é": "é",
    "*a*": "a",
    "*(NO-one) [a]{b} *+.png": "no-one",
}
"""What is typed, and which names pass."""


def test_names_filter(opened: Opened, frame: pd.DataFrame) -> None:
    for text, pattern in FILTERS.items():
        opened.filter("")
        assert opened.names() == frame["image_filename"].tolist()
        opened.filter(text)
        matching = [name for name in frame["image_filename"] if re.search(pattern, name, re.IGNORECASE)]
        assert opened.names() == matching != [], text
    before = opened.name()
    opened.filter("no name")
    assert (opened.names(), opened.name()) == ([], before), "the row that was shown stays"
    assert "No row passes" in opened.table.inner_text()


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
    opened.tab.set_viewport_size({"width": 2600, "height": 1080})  # then there is room for all columns

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
    assert order("%") == most, "each click turns"
    scores = figures(order("SSIM"), "ssim_score")[:compared]
    assert scores == sorted(scores)
    order("name")
    names = order("name")
    assert names == sorted(given, key=lambda name: name.encode("utf-16-be"), reverse=True)
    assert opened.table.locator(".mml-head [aria-sort]").get_attribute("aria-sort") == "descending"
    opened.press("n")
    assert opened.name() == names[names.index(given[0]) + 1] if given[0] != names[-1] else given[0]
    by_status = order("status")
    assert by_status == given, "which brings the largest change to the top again"
    statuses = [frame.set_index("image_filename")["status"][name] for name in by_status]
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
    script = """addEventListener('hashchange', () => {
            if (decodeURIComponent(location.hash) !== `#${window.waited}`) return;
            window.waited = "";
            const pressed = new KeyboardEvent('keydown', { key: 'n', bubbles: true });
            document.querySelector('.mmv').dispatchEvent(pressed);
        })"""
    opened: Opened = tabs(page, script=script).go()
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


# --- the list ----------------------------------------------------------------------------------------


LONG = "a/deep/er/a rather long name of a picture 1.png"


@pytest.fixture(scope="module")
def crowded(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of two changed pictures among 40 missing and 12 extra ones, all below one folder."""
    changed = frame[frame["image_filename"].isin(["a/first.png", "a/second.png"])]
    sides = {status: frame[frame["status"] == status] for status in ("missing", "extra")}
    parts = [changed.assign(image_filename=[LONG, "a/b/2.png"], combined=[9.0, 1.0])]
    for status, count in (("missing", 40), ("extra", 12)):
        names = [f"a/{status}/{number:02}.png" for number in range(count)]
        parts.append(pd.concat([sides[status]] * count).assign(image_filename=names))
    rows = pd.concat(parts[::-1], ignore_index=True)
    rows.attrs = frame.attrs
    return report.write(rows, tmp_path_factory.mktemp("reports") / "crowded")


def more(opened: Opened) -> list[str]:
    found: list[str] = opened.table.locator(".mml-more").all_inner_texts()
    return found


def test_what_one_folder_has_alone_does_not_crowd_the_list(tabs: Any, crowded: Path) -> None:
    opened: Opened = tabs(crowded).go()
    assert opened.names()[:3] == [
        LONG,
        "a/b/2.png",
        "a/missing/00.png",
    ]
    assert len(opened.names()) == 2 + 10 + 10
    assert more(opened) == ["and 30 more missing: show", "and 2 more extra: show"]
    assert "54 rows · 54 to decide" in opened.tab.locator(".mmr-bar").inner_text()
    opened.table.get_by_role("button", name="and 2 more extra").press("Enter")
    opened.settle()
    assert (len(opened.names()), more(opened)) == (2 + 10 + 12, ["and 30 more missing: show"])
    opened.go("a/missing/25.png")
    assert opened.chosen() == "a/missing/25.png", "a row that is folded is unfolded with its status"
    opened.go("a/b/2.png").tab.get_by_role("button", name="missing 40").click()
    opened.settle()
    assert opened.table.get_attribute("aria-rowcount") == "41"


def test_the_gallery_folds_the_same_rows(tabs: Any, crowded: Path) -> None:
    opened: Opened = tabs(crowded).go(LONG)
    opened.tab.get_by_role("button", name="Gallery", exact=True).click()
    tiles = opened.tab.locator(".mmg-tile")
    # 2 changed, 10 missing, "and 30 more missing", 10 extra, "and 2 more extra"
    assert tiles.first.get_attribute("aria-setsize") == "24"
    opened.tab.locator(".mmg-list").focus()
    opened.press("End")
    assert opened.name() == "a/extra/11.png", "a key that leads to the line about more rows shows them"
    assert tiles.first.get_attribute("aria-setsize") == "25"
    for _ in range(10):  # lines are drawn only near what is in sight
        if opened.tab.locator(".mmg-more").count():
            break
        opened.press("PageUp")
    opened.tab.locator(".mmg-more").click()
    assert tiles.first.get_attribute("aria-setsize") == "54"
    opened.tab.get_by_role("button", name="Table", exact=True).click()
    assert opened.table.get_attribute("aria-rowcount") == "55", "views share what is shown"


@pytest.mark.parametrize("width", [1280, 1920])
def test_base_names_come_first_and_are_whole(tabs: Any, crowded: Path, width: int) -> None:
    opened: Opened = tabs(crowded)
    opened.tab.set_viewport_size({"width": width, "height": 800})
    opened.go()
    row = opened.table.locator("[data-row]").first
    base, folder = row.locator(".mml-base"), row.locator(".mml-folder")
    assert base.inner_text() == "a rather long name of a picture 1.png"
    assert folder.inner_text() == "deep/er/", "the folder that all share is left out"
    assert base.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert int(base.evaluate("node => getComputedStyle(node).fontWeight")) >= 600
    assert row.locator(".mml-name").get_attribute("title") == LONG == opened.name()
    places = [part.bounding_box() for part in (base, folder)]
    assert (places[0]["y"], places[0]["x"]) < (places[1]["y"], places[1]["x"])


def test_a_click_takes_the_row_that_was_under_the_pointer(tabs: Any, crowded: Path) -> None:
    """The rows are ordered again while the button is down."""
    opened: Opened = tabs(crowded).go()
    box = opened.table.locator("[data-row='1']").bounding_box()
    opened.tab.mouse.move(box["x"] + 80, box["y"] + 8)
    opened.tab.mouse.down()
    opened.tab.evaluate("""() => document.querySelector(".mml-head [data-column=status] button").click()""")
    opened.tab.evaluate("""() => document.querySelector(".mml-head [data-column=status] button").click()""")
    opened.tab.wait_for_function(
        "() => document.querySelector('[data-row=\"1\"] .mml-name').title !== 'a/b/2.png'"
    )
    opened.tab.mouse.up()
    opened.settle()
    assert (opened.name(), opened.chosen()) == ("a/b/2.png", "a/b/2.png")


def test_a_drag_over_the_rows_chooses_none(tabs: Any, crowded: Path) -> None:
    opened: Opened = tabs(crowded).go()
    box = opened.table.locator("[data-row='1']").bounding_box()
    opened.tab.mouse.move(box["x"] + 80, box["y"] + 8)
    opened.tab.mouse.down()
    opened.tab.mouse.move(box["x"] + 80, box["y"] + 60)
    opened.tab.mouse.up()
    opened.settle()
    assert opened.chosen() == opened.names()[0]


def test_the_separator_is_dragged_moved_by_keys_and_remembered(tabs: Any, crowded: Path) -> None:
    opened: Opened = tabs(crowded).go()
    separator = opened.tab.get_by_role("separator", name="Width of the list")

    def width() -> float:
        return float(opened.tab.locator(".mml").bounding_box()["width"])

    first = width()
    separator.press("ArrowLeft")
    assert width() == pytest.approx(first - 0.02 * 1080, abs=2)  # 2 % of 1100 px without the margins
    box = separator.bounding_box()
    opened.tab.mouse.move(box["x"] + 4, box["y"] + 100)
    opened.tab.mouse.down()
    opened.tab.mouse.move(600, box["y"] + 100)
    opened.tab.mouse.up()
    assert width() == pytest.approx(590, abs=3)  # the body begins at 10 px
    now = int(separator.get_attribute("aria-valuenow"))
    assert now == round(100 * 590 / 1080)
    opened.go()
    assert width() == pytest.approx(590, abs=3)
    separator.press("Home")
    assert width() == pytest.approx(200, abs=1)  # the least in the style sheet
    separator.press("Enter")
    assert width() == pytest.approx(first, abs=1)
