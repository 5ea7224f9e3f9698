"""Deciding in the report in Chromium: keys, what the browser keeps, and the file that is handed over."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.programs import Folders
from support.report_page import Opened
from support.triaged import compared, seven, state

from mymodules import report, triage
from mymodules.triage import Decisions

WORDS = {"accept": "accepted", "reject": "rejected", "ignore": "ignored"}


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    return seven(tmp_path)


@pytest.fixture
def rows(made: Folders) -> pd.DataFrame:
    """a, b, below/c changed; broken an error; gone missing; new/new extra; same the same."""
    return compared(made)


@pytest.fixture
def index(rows: pd.DataFrame, tmp_path: Path) -> Path:
    return report.write(rows, tmp_path / "report")


def cells(opened: Opened) -> dict[str, str]:
    """What the table shows to be decided, by name."""
    found: dict[str, str] = opened.table.locator("[data-row]").evaluate_all(
        """rows => Object.fromEntries(rows.map(row => [
            row.querySelector('.mml-name').title,
            row.querySelector('[data-column=decision]').textContent,
        ]))"""
    )
    signs = {"✓": "accept", "✕": "reject", "–": "ignore"}
    return {name: signs[sign] for name, sign in found.items() if sign}


def handed(opened: Opened, folder: Path) -> Path:
    """Press the button, and return the file that the browser has saved."""
    with opened.tab.expect_download() as downloading:
        opened.tab.get_by_role("button", name="Download").click()
    path = folder / downloading.value.suggested_filename
    downloading.value.save_as(path)
    return path


def said(opened: Opened) -> str:
    """What is said about where decisions are kept."""
    return str(opened.tab.locator(".mmr-handover").inner_text())


# --- keys and buttons --------------------------------------------------------------------------------


def test_keys_decide_and_lead_to_the_next_undecided_row(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go("a.png")
    choices = opened.tab.locator(".mmr-bar").get_by_label("Decision")
    assert "to decide (6)" in choices.inner_text(), "all but the equal one"
    opened.press("a")
    assert opened.name() == "b.png"
    assert cells(opened) == {"a.png": "accept"}
    opened.press("i", "p", "p", "r")
    assert cells(opened) == {"a.png": "reject", "b.png": "ignore"}
    assert opened.name() == "below/c.png", "b.png is decided"
    assert "to decide (4)" in choices.inner_text()
    opened.go("gone.png").press("a", "a")
    assert opened.name() == "new/new.png"
    assert "No row without a decision follows." in str(opened.root.locator(".mmv-news").text_content())
    assert said(opened).startswith("Download 4 decisions")


def test_keys_serve_wherever_the_focus_is_and_decide_once(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go("a.png")
    opened.table.focus()
    opened.tab.keyboard.down("a")
    for _ in range(3):
        opened.tab.keyboard.down("a")  # held: the browser repeats it
    opened.tab.keyboard.up("a")
    opened.settle()
    assert cells(opened) == {"a.png": "accept"}
    opened.press("Control+z")
    assert (cells(opened), opened.name()) == ({}, "a.png")
    opened.press("Control+Shift+z")
    assert cells(opened) == {"a.png": "accept"}
    opened.tab.locator(".mmr-bar input").focus()
    opened.press("r", "Control+z")
    assert cells(opened) == {"a.png": "accept"}, "in a field, keys are text"


def test_buttons_undo_and_redo(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go("a.png")
    box = opened.root.locator(".mmv-decide")
    undo, redo = (box.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    assert undo.is_disabled()
    for word in ("Accept", "Reject"):
        box.get_by_role("button", name=word, exact=True).click()
        opened.settle()
    assert cells(opened) == {"a.png": "accept", "b.png": "reject"}
    for left in ({"a.png": "accept"}, {}):
        undo.click()
        opened.settle()
        assert cells(opened) == left
    assert opened.root.locator(".mmv-news").inner_text() == "Undone: a.png accepted."
    assert opened.name() == "a.png"
    assert undo.is_disabled()
    redo.click()
    opened.settle()
    assert cells(opened) == {"a.png": "accept"}
    assert box.locator("[aria-pressed=true]").get_attribute("data-decision") == "accept"
    opened.press("Backspace")
    assert cells(opened) == {}
    assert not opened.tab.get_by_role("button", name="Download").is_visible()


def test_a_filter_for_what_is_left_is_worked_off(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go("a.png")
    opened.tab.locator(".mmr-bar").get_by_label("Decision").select_option("none")
    opened.settle()
    left = opened.names()
    assert "same.png" not in left
    opened.root.focus()
    opened.press("a")
    assert opened.names() == left[1:]
    assert (opened.name(), opened.chosen()) == (left[1], left[1])
    opened.press("u")
    assert opened.names() == left
    assert opened.name() == left[0]


def test_a_note_goes_with_the_decision(tabs: Any, index: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    opened: Opened = tabs(index).go("a.png")
    opened.press("t")
    field = opened.root.get_by_role("textbox", name="Note")
    assert field.get_attribute("maxlength") == "15000", "more would be cut"
    opened.tab.keyboard.type("air: <b>too</b> dark")
    opened.press("Enter", "r", "p")
    assert opened.root.locator(".mmv-noted").inner_text() == "Note: air: <b>too</b> dark"
    triage.merge(rows, handed(opened, tmp_path))
    desk = Decisions(rows.attrs["run"]["out"])
    assert desk.of(triage.rows(rows)[0]) == ("reject", "air: <b>too</b> dark")


# --- what the browser keeps --------------------------------------------------------------------------


def test_decisions_and_steps_are_there_after_a_reload(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go("a.png")
    opened.press("a", "r")
    assert "kept in this browser" in said(opened)
    opened.tab.close()
    again: Opened = tabs(index).go("a.png")
    assert cells(again) == {"a.png": "accept", "b.png": "reject"}
    again.press("u")
    assert cells(again) == {"a.png": "accept"}
    again.press("Shift+u")
    assert cells(again) == {"a.png": "accept", "b.png": "reject"}
    again.press("p", "r", "u")
    news = str(again.root.locator(".mmv-news").text_content())
    assert news == "Undone: a.png rejected. It is accepted."


def test_two_tabs_share_decisions(tabs: Any, index: Path) -> None:
    one: Opened = tabs(index).go("a.png")
    other: Opened = tabs(index).go("b.png")
    one.press("a")
    other.tab.wait_for_function(
        "() => document.querySelector('.mmr-handover').textContent.includes('1 decision')"
    )
    assert cells(other) == {"a.png": "accept"}
    other.press("r")
    other.press("u", "u")
    one.tab.wait_for_function("() => document.querySelector('.mmr-handover button').hidden")
    assert cells(one) == {}


def test_reports_of_other_rows_keep_theirs_apart(
    tabs: Any, index: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    tabs(index).go("a.png").press("a")
    part: Opened = tabs(report.write(rows[1:], tmp_path / "part")).go()
    assert cells(part) == {}


def test_a_browser_that_keeps_nothing_says_so_and_asks_before_it_leaves(
    tabs: Any, index: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    refuse = """Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('', 'SecurityError'); },
    })"""
    opened: Opened = tabs(index, quiet=False, script=refuse).go("a.png")
    assert "does not keep decisions" in said(opened)
    opened.press("a")
    assert cells(opened) == {"a.png": "accept"}
    opened.tab.on("dialog", lambda dialog: dialog.accept())
    opened.tab.reload()
    assert [text for text in opened.complaints if text.startswith("dialog")] == ["dialog: "]
    opened.settle()
    assert cells(opened) == {}
    opened.press("a")
    path = handed(opened, tmp_path)
    assert "does not keep decisions" in said(opened)
    assert "Download started." in said(opened)
    opened.tab.reload()
    assert len([text for text in opened.complaints if text.startswith("dialog")]) == 2, "may not be saved"
    assert len(triage.merge(rows, path).merged) == 1


def test_the_storage_is_opened_only_after_the_browser_has_answered(tabs: Any, index: Path) -> None:
    """Chromium gives a page that asks too early a store of its own, whose decisions are lost."""
    script = """
        const [query, storage] = [LockManager.prototype.query, localStorage];
        window.asked = [];
        LockManager.prototype.query = async function () {
            asked.push("locks");
            const found = await query.call(this);
            asked.push("answer");
            return found;
        };
        Object.defineProperty(window, "localStorage", {get() { asked.push("storage"); return storage; }});
        """
    opened: Opened = tabs(index, looks=True, script=script).go("a.png")
    assert opened.tab.evaluate("() => asked.slice(0, 3)") == ["locks", "answer", "storage"]


@pytest.mark.parametrize(
    "text", ["no json", '{"version": 1}', '{"version":1,"done":[{"name":"x"}],"undone":[]}']
)
def test_what_others_have_put_into_the_storage_is_not_believed(tabs: Any, index: Path, text: str) -> None:
    opened: Opened = tabs(index).go("a.png")
    key = f"mymodules decisions {json.loads(opened.tab.locator('#mmr-report').text_content())['identity']}"
    opened.tab.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, text])
    opened.tab.reload()
    opened.settle()
    assert "cannot be read" in said(opened)
    opened.press("a")
    assert cells(opened) == {"a.png": "accept"}
    assert opened.tab.evaluate("key => localStorage.getItem(key)", key) == text, "it is left as it is"
    opened.tab.evaluate("() => localStorage.clear()")
    handed(opened, Path(opened.path.parent.parent))


# --- handed over -------------------------------------------------------------------------------------


@pytest.mark.parametrize("embed", [False, True])
def test_a_downloaded_file_goes_through_approve(
    tabs: Any, rows: pd.DataFrame, made: Folders, tmp_path: Path, embed: bool
) -> None:
    before, second = state(made.first), state(made.second)
    page = report.write(rows, tmp_path / ("report.html" if embed else "report"), embed=embed)
    opened: Opened = tabs(page).go("a.png")
    opened.press("a", "r", "a")
    path = handed(opened, tmp_path)
    assert path.name == f"decisions-{rows.attrs['run']['stamp']}.json"
    assert "Download started. triage.approve(frame, decisions=PATH)" in said(opened)
    done = triage.approve(rows, decisions=path)
    assert (done.approved, done.refused) == (("a.png", "below/c.png"), {})
    assert state(made.first) == before | {name: second[name] for name in done.approved}
    triage.restore(done)
    assert state(made.first) == before


def test_what_triage_has_is_shown_and_not_handed_over(
    tabs: Any, rows: pd.DataFrame, made: Folders, tmp_path: Path
) -> None:
    desk = Decisions(made.out)
    desk.decide(rows[rows["image_filename"] == "a.png"], "accept", "seen")
    desk.decide(rows[rows["image_filename"] == "b.png"], "reject")
    opened: Opened = tabs(report.write(rows, tmp_path / "report")).go("a.png")
    assert cells(opened) == {"a.png": "accept", "b.png": "reject"}
    assert "seen" in opened.root.locator(".mmv-details").inner_text()
    assert not opened.tab.get_by_role("button", name="Download").is_visible()
    assert opened.root.get_by_role("button", name="Undo", exact=True).is_disabled(), (
        "it was no step of this page"
    )
    opened.press("Backspace", "n", "i")
    path = handed(opened, tmp_path)
    desk.decide(rows[rows["image_filename"] == "b.png"], "accept", "after all")
    done = triage.merge(rows, path)
    assert (done.merged, list(done.refused)) == (("a.png",), ["b.png"])
    assert "triage.csv has accepted (after all), the report showed rejected" in done.refused["b.png"]
    # Written again, the report has what was taken, and keeps what was refused.
    report.write(rows, tmp_path / "report")
    opened.tab.goto("about:blank")
    opened.go("b.png")
    assert cells(opened) == {"b.png": "ignore"}
    assert said(opened).startswith("Download 1 decision")
    opened.press("i")  # now knowing what triage.csv has
    assert triage.merge(rows, handed(opened, tmp_path)).merged == ("b.png",)


def test_equal_pictures_are_said_to_be_left_out_once(tabs: Any, index: Path) -> None:
    opened: Opened = tabs(index).go("same.png")
    notices = opened.root.locator(".mmv-notice:visible").all_inner_texts()
    assert len(notices) == 1
    assert notices[0].startswith("The pictures are equal and were left out")
    assert opened.root.get_attribute("data-has") == "none"
    assert "Size4 x 4 px" in "".join(opened.root.locator(".mmv-figures").all_text_contents())
