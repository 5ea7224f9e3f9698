"""A report whose rows are in several files, in Chromium: they are loaded when needed, and nothing is lost."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.containers import pillow as encoded
from support.programs import folders
from support.report_page import Opened

from mymodules import batch, report
from mymodules.report import writing
from mymodules.results import attention

ROWS = 11


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Eleven pairs of 40 x 30 px: in 00 one pixel differs, in 01 two, and so on; the most stand first."""
    made = folders(tmp_path_factory.mktemp("project"))
    for number in range(ROWS):
        first = np.full((30, 40, 3), 200, np.uint8)
        second = first.copy()
        second[10, 5 : 6 + number] = 0
        for side, pixels in ((made.first, first), (made.second, second)):
            (side / f"{number:02}.png").write_bytes(encoded(pixels))
    found = batch.run(*made, num_processors=1, pictures="none", store=None).frame()
    return found.iloc[attention.places(found)]


@pytest.fixture(scope="module")
def index(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report, with four rows in a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROWS_IN_FILE", 4)
        return report.write(rows, tmp_path_factory.mktemp("reports") / "report")


def asked(opened: Opened) -> list[int]:
    """The places of the files of rows that the page has asked for, in that order."""
    names = opened.tab.evaluate(
        "() => JSON.parse(document.getElementById('mmr-report').textContent).shards.files"
    )
    return [names.index(url.rpartition("/")[2][:-3]) for url in opened.requests if url.endswith(".rows.js")]


def said(opened: Opened) -> str:
    return str(opened.root.locator(".mmv-details").text_content())


def test_a_file_is_loaded_once_when_one_of_its_rows_is_shown(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go()
    assert (opened.name(), asked(opened)) == ("10.png", [0])
    opened.press("End")
    opened.click("00.png")
    assert (opened.name(), asked(opened)) == ("00.png", [0, 2])
    opened.click("10.png")
    assert asked(opened) == [0, 2]


def test_next_and_previous_go_through_all_files(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go()
    seen = [opened.name()]
    for _ in range(ROWS - 1):
        opened.press("n")
        seen.append(opened.name())
        pixels = int(seen[-1][:2]) + 1
        word = "1 pixel differs" if pixels == 1 else f"{pixels} pixels differ"
        assert word in said(opened)
    assert seen == [f"{number:02}.png" for number in reversed(range(ROWS))]


def test_all_rows_are_sorted_found_and_counted(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go()
    opened.tab.get_by_role("columnheader", name="name").get_by_role("button").click()
    opened.settle()
    assert opened.names() == [f"{number:02}.png" for number in range(ROWS)]
    opened.filter("0?.png")
    assert opened.names() == [f"{number:02}.png" for number in range(10)]
    assert "10 of 11 rows" in opened.tab.locator(".mmr-bar").inner_text()
    opened.click("00.png")
    opened.table.press("End")
    opened.settle()
    assert opened.name() == "09.png"
    opened.filter("")
    assert "11 rows" in opened.tab.locator(".mmr-bar").inner_text()


def test_decisions_about_rows_of_several_files_are_kept_and_handed_over(
    tabs: Any, index: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    opened: Opened = tabs(index).go()
    for name, key in (("10.png", "a"), ("05.png", "r"), ("00.png", "i")):
        opened.click(name)
        opened.press(key)
    opened.tab.reload()
    opened.settle()
    with opened.tab.expect_download() as downloading:
        opened.tab.get_by_role("button", name="Download 3 decisions").click()
    downloading.value.save_as(tmp_path / "decisions.json")
    given = json.loads((tmp_path / "decisions.json").read_text(encoding="utf-8"))["decisions"]
    found = {each["name"]: (each["decision"], each["second_digest"]) for each in given}
    digests = dict(zip(rows["image_filename"], rows["second_digest"], strict=True))
    words = {"10.png": "accept", "05.png": "reject", "00.png": "ignore"}
    assert found == {name: (word, digests[name]) for name, word in words.items()}


def test_the_tooltip_of_a_row_comes_from_its_file(tabs: Any, index: Path, rows: pd.DataFrame) -> None:
    opened: Opened = tabs(index).go()
    line = opened.table.locator("[data-row]", has_text="01.png")
    line.hover()
    opened.tab.wait_for_function("line => line.title", arg=line.element_handle())
    messages = dict(zip(rows["image_filename"], rows["messages"], strict=True))
    assert line.get_attribute("title") == messages["01.png"]


def test_rows_whose_file_is_gone_are_listed_and_say_so(
    tabs: Any, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROWS_IN_FILE", 4)
    page = report.write(rows, tmp_path / "report")
    opened: Opened = tabs(page, quiet=False).go()
    name = opened.tab.evaluate(
        "() => JSON.parse(document.getElementById('mmr-report').textContent).shards.files[1]"
    )
    (page.parent / "values" / f"{name}.js").unlink()
    opened.click("05.png")
    assert f"The report lacks values/{name}.js" in opened.root.inner_text()
    assert "11 rows" in opened.tab.locator(".mmr-bar").inner_text()
    opened.press("r")
    assert opened.table.locator("[data-row]", has_text="05.png").get_attribute("data-decision") == "reject"
    opened.click("00.png")
    assert opened.root.get_attribute("data-has") == "both"
