"""The looks in a report in Chromium: seen, decided and handed over, beside the table and alone."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.programs import Folders, folders, png
from support.report_page import Opened

from mymodules import batch, report, results, triage
from mymodules.results import runfiles
from mymodules.triage import FILE, Decisions, Row

LOGO, WORD = (20, 10), (320, 150)  # where 30 x 20 px of either change stand, y and x
PAGES = {"a.png": (LOGO, WORD), "b.png": (LOGO,), "c.png": (LOGO,)}


def picture(*changed: tuple[int, int]) -> np.ndarray:
    """A page whose colours differ from pixel to pixel, BGR; what changed is of one colour each."""
    samples = np.arange(400 * 200 * 3, dtype=np.uint32).reshape(400, 200, 3).astype(np.uint8)
    for number, (y, x) in enumerate(changed):
        samples[y : y + 20, x : x + 30] = 40 + number
    return samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    made = folders(tmp_path_factory.mktemp("looks"))
    for name, places in PAGES.items():
        (made.first / name).write_bytes(png(picture()))
        (made.second / name).write_bytes(png(picture(*places)))
    return made


@pytest.fixture(scope="module")
def compared(made: Folders) -> pd.DataFrame:
    return batch.run(*made, num_processors=1, pictures="none", store=None).frame()


@pytest.fixture
def rows(made: Folders, compared: pd.DataFrame) -> pd.DataFrame:
    """The rows of a run about which nothing is decided."""
    (made.out / FILE).unlink(missing_ok=True)
    return compared


@pytest.fixture(scope="module")
def viewport() -> dict[str, int]:
    return {"width": 1500, "height": 1000}


def go(opened: Opened) -> Opened:
    """Open a report and wait until its look is drawn."""
    opened.tab.goto(opened.path.as_uri())
    drawn(opened)
    return opened


def drawn(opened: Opened) -> None:
    opened.tab.wait_for_function(
        """() => {
            const sides = [...document.querySelectorAll('.mmo-side')];
            return sides.length && sides.every((side) => side.hasAttribute('data-drawn'));
        }"""
    )


def until_told(opened: Opened, text: str) -> None:
    opened.tab.wait_for_function("text => document.querySelector('.mmo-told').textContent === text", arg=text)


def signatures(compared: pd.DataFrame) -> tuple[str, str]:
    """The classes of the logo, which stands on three pages, and of the word."""
    run = compared.attrs["run"]
    changes = results.load_changes(runfiles.finished_path(Path(run["out"]), run["stamp"]))
    assert changes is not None
    logo, word = changes["signature"].value_counts().index
    return logo, word


@pytest.mark.parametrize("kind", ["folder", "one file", "looks", "looks in one file"])
def test_each_distinct_change_is_seen_and_decided_once(
    tabs: Any, made: Folders, rows: pd.DataFrame, tmp_path: Path, kind: str
) -> None:
    alone, embed = "looks" in kind, "one file" in kind
    path = tmp_path / ("report.html" if embed else "report")
    index = report.write(rows, path, embed=embed, only_looks=alone)
    opened = go(tabs(index, looks=True))
    sentence = opened.tab.locator(".mmo-sentence").text_content()
    assert sentence == "3 pictures changed: 2 distinct changes, 1 look."
    assert opened.tab.locator(".mmr-bar").is_visible() is False
    opened.tab.keyboard.press("o")  # the boxes lie above the pictures
    page = picture(*PAGES["a.png"])
    for side, whole in (("first", picture()), ("second", page)):
        canvas = opened.tab.locator(f".mmo-side[data-side={side}] canvas").first
        with Image.open(io.BytesIO(canvas.screenshot())) as shot:
            seen = np.asarray(shot.convert("RGB"))
        high, wide = seen.shape[:2]
        assert (high, wide) == (44, 52), "20 x 30 px, and 12 px around, but for 10 at the left"
        assert np.array_equal(seen[..., ::-1], whole[8 : 8 + high, :wide]), "at scale 1, to the last bit"
    opened.tab.keyboard.press("j")
    opened.tab.keyboard.press("r")
    until_told(opened, "0 of 1 looks decided")
    opened.tab.locator(".mmo-where", has_text="on 3 pages").click()
    assert opened.tab.locator(".mmo-pages").inner_text().split() == [*PAGES]
    assert opened.tab.locator(".mmo-open").count() == (0 if alone else 1)
    opened.tab.keyboard.press("Escape")
    opened.tab.keyboard.press("a")
    until_told(opened, "1 of 1 looks decided")
    opened.tab.keyboard.press("u")
    until_told(opened, "0 of 1 looks decided")
    with opened.tab.expect_download() as downloading:
        opened.tab.get_by_role("button", name="Download 1 decision").click()
    downloading.value.save_as(tmp_path / "decisions.json")
    logo, _ = signatures(rows)
    assert triage.merge(rows, tmp_path / "decisions.json").merged == (f"change {logo}",)
    assert Decisions(made.out).of(Row.anywhere(logo)) == ("reject", "")


def test_a_change_is_opened_in_the_viewer_and_what_holds_is_shown_everywhere(
    tabs: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    index = report.write(rows, tmp_path / "report")
    opened = go(tabs(index, looks=True))
    other = go(tabs(index, looks=True))
    opened.tab.bring_to_front()
    opened.tab.keyboard.press("j")
    opened.tab.keyboard.press("a")
    until_told(other, "0 of 1 looks decided")
    other.tab.wait_for_function("() => document.querySelector('.mmo-badge').textContent.includes('accepted')")
    opened.tab.locator(".mmo-where").first.click()
    opened.tab.locator(".mmo-pages [role=option]", has_text="b.png").click()
    opened.tab.locator(".mmo-open").click()
    opened.settle()
    assert (opened.name(), opened.chosen()) == ("b.png", "b.png")
    decided = opened.table.locator("[data-row] [data-column=decision]").all_text_contents()
    assert sorted(decided) == ["1/2", "✓", "✓"], "by their changes; a.png has another one that is open"
    opened.press("r")
    opened.tab.keyboard.press("l")
    opened.tab.wait_for_selector(".mmo", state="visible")
    opened.tab.keyboard.press("u")
    opened.tab.keyboard.press("u")
    opened.tab.wait_for_function("() => !document.querySelector('.mmr-handover button:not([hidden])')")
    opened.tab.get_by_role("button", name="Table").click()
    assert set(opened.table.locator("[data-row] [data-column=decision]").all_text_contents()) == {""}


def badge(opened: Opened, text: str) -> None:
    """Wait until the chosen hunk says this."""
    opened.tab.wait_for_function(
        """text => document.querySelector('.mmo-item[aria-selected=true] .mmo-badge').textContent === text""",
        arg=text,
    )


@pytest.mark.parametrize("alone", [False, True])
def test_a_change_is_decided_on_one_page_only(
    tabs: Any, made: Folders, rows: pd.DataFrame, tmp_path: Path, alone: bool
) -> None:
    opened = go(tabs(report.write(rows, tmp_path / "report", only_looks=alone), looks=True))
    keys = opened.tab.keyboard
    logo, _ = signatures(rows)
    keys.press("j")
    keys.press("e")
    opened.tab.wait_for_function("() => document.activeElement.matches('.mmo-pages')")
    chosen = opened.tab.locator(".mmo-pages [aria-selected=true]")
    assert chosen.inner_text() == "a.png", "the page that the look shows"
    keys.press("j")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert chosen.inner_text() == "c.png", "the last one"
    keys.press("r")
    badge(opened, "✕ rejected on c.png, open elsewhere")
    assert opened.tab.get_by_role("button", name="Reject").get_attribute("aria-pressed") == "true"
    assert chosen.inner_text() == "c.png ✕ rejected"
    keys.press("Escape")
    assert opened.tab.locator(".mmo-pages").is_hidden()
    keys.press("a")
    badge(opened, "✓ accepted wherever it stands, but ✕ rejected on c.png")
    opened.tab.locator(".mmo-where", has_text="on 3 pages").click()
    opened.tab.locator(".mmo-pages [role=option]", has_text="b.png").click()
    opened.tab.get_by_role("button", name="Reject").click()
    badge(opened, "✓ accepted wherever it stands, but ✕ rejected on 2 pages")
    keys.press("Backspace")
    badge(opened, "✓ accepted wherever it stands, but ✕ rejected on c.png")
    keys.press("u")
    badge(opened, "✓ accepted wherever it stands, but ✕ rejected on 2 pages")
    keys.press("Shift+U")
    badge(opened, "✓ accepted wherever it stands, but ✕ rejected on c.png")
    with opened.tab.expect_download() as downloading:
        opened.tab.get_by_role("button", name="Download 2 decisions").click()
    downloading.value.save_as(tmp_path / "decisions.json")
    assert triage.merge(rows, tmp_path / "decisions.json").merged == (
        f"c.png change {logo}",
        f"change {logo}",
    )
    changes = results.load_changes(runfiles.finished_path(made.out, rows.attrs["run"]["stamp"]))
    assert changes is not None
    held = {
        row.name: each.decision
        for row, each in zip(triage.rows(rows), Decisions(made.out).standings(rows, changes), strict=True)
    }
    assert held == {"a.png": "", "b.png": "accept", "c.png": "reject"}, "the word of a.png is open"


@pytest.mark.parametrize("alone", [False, True])
def test_a_note_goes_with_the_decision_about_what_is_chosen(
    tabs: Any, made: Folders, rows: pd.DataFrame, tmp_path: Path, alone: bool
) -> None:
    opened = go(tabs(report.write(rows, tmp_path / "report", only_looks=alone), looks=True))
    keys = opened.tab.keyboard
    field = opened.tab.locator(".mmo-noting input")

    def note(text: str, end: str = "Enter") -> None:
        keys.press("t")
        keys.type(text)
        keys.press(end)
        assert field.is_hidden()

    keys.press("j")
    note("a new era")  # its letters are no keys
    assert "note for the next decision: a new era" in opened.tab.locator(".mmo-strip").inner_text()
    badge(opened, "")
    keys.press("a")
    badge(opened, "✓ accepted wherever it stands · a new era")
    opened.tab.reload()
    drawn(opened)
    keys.press("j")
    badge(opened, "✓ accepted wherever it stands · a new era")
    keys.press("t")
    assert field.input_value() == "a new era"
    keys.press("Escape")
    note("not kept", "Escape")
    badge(opened, "✓ accepted wherever it stands · a new era")
    note("replaced")
    badge(opened, "✓ accepted wherever it stands · replaced")
    keys.press("u")
    badge(opened, "✓ accepted wherever it stands · a new era")
    keys.press("Shift+U")
    badge(opened, "✓ accepted wherever it stands · replaced")
    keys.press("e")
    opened.tab.locator(".mmo-pages [role=option]", has_text="c.png").click()
    note("not here")
    assert "only; note for the next decision: not here" in opened.tab.locator(".mmo-only").inner_text()
    keys.press("r")
    badge(opened, "✓ accepted wherever it stands, but ✕ rejected on c.png · replaced")
    opened.tab.locator(".mmo-pages [aria-selected=true]", has_text="c.png ✕ rejected · not here").wait_for()
    keys.press("Escape")
    keys.press("Escape")
    note("and the rest")
    keys.press("a")  # what was accepted already keeps its note, unless this one is about it too
    until_told(opened, "1 of 1 looks decided")
    with opened.tab.expect_download() as downloading:
        opened.tab.get_by_role("button", name="Download 3 decisions").click()
    downloading.value.save_as(tmp_path / "decisions.json")
    triage.merge(rows, tmp_path / "decisions.json")
    logo, word = signatures(rows)
    page = triage.rows(rows[rows["image_filename"] == "c.png"])[0]
    about = [Row.anywhere(logo), Row.anywhere(word), page._replace(change=logo)]
    assert Decisions(made.out).each(about) == [
        ("accept", "and the rest"),
        ("accept", "and the rest"),
        ("reject", "not here"),
    ]


def test_a_note_on_a_part_of_a_look_stays_when_all_of_it_is_decided(
    tabs: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    opened = go(tabs(report.write(rows, tmp_path / "report"), looks=True))
    keys = opened.tab.keyboard
    for end, text in (("Enter", "of the first"), ("Escape", "left")):
        keys.press("j")
        keys.press("t")
        keys.type(text)
        keys.press(end)
    keys.press("Escape")
    keys.press("a")
    until_told(opened, "1 of 1 looks decided")
    badges = opened.tab.locator(".mmo-badge").all_inner_texts()
    assert badges == ["✓ accepted wherever it stands · of the first", "✓ accepted wherever it stands"]


def test_a_page_that_is_decided_as_a_whole_is_not_decided_by_a_change(
    tabs: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    opened = go(tabs(report.write(rows, tmp_path / "report"), looks=True))
    keys = opened.tab.keyboard
    opened.tab.get_by_role("button", name="Table").click()
    opened.table.locator("[data-row]", has_text="c.png").click()
    opened.settle()
    opened.press("r")
    opened.tab.get_by_role("button", name="Looks").click()
    keys.press("j")
    keys.press("e")
    opened.tab.locator(".mmo-pages [role=option]", has_text="c.png").click()
    assert opened.tab.locator(".mmo-pages [aria-selected=true]").inner_text() == "c.png ✕ rejected as a whole"
    keys.press("a")
    problem = opened.tab.locator(".mmo-problem[role=alert]")
    assert problem.inner_text().startswith("c.png is decided as a whole, which goes before its changes")
    badge(opened, "✕ rejected on c.png, open elsewhere")


def test_a_change_that_goes_on_is_not_decided_before_its_last_look(tabs: Any, tmp_path: Path) -> None:
    made = folders(tmp_path)
    (made.first / "tall.png").write_bytes(png(np.zeros((1500, 1000, 3), np.uint8)))
    (made.second / "tall.png").write_bytes(png(np.full((1500, 1000, 3), 90, np.uint8)))
    rows = batch.run(*made, num_processors=1, pictures="none", store=None).frame()
    opened = go(tabs(report.write(rows, tmp_path / "looks", only_looks=True), looks=True))
    keys, problem = opened.tab.keyboard, opened.tab.locator(".mmo-problem[role=alert]")
    keys.press("j")
    keys.press("e")
    opened.tab.wait_for_function("() => document.activeElement.matches('.mmo-pages')")
    assert opened.tab.locator(".mmo-only").inner_text() == "It is decided on a later look."
    keys.press("r")
    assert problem.inner_text() == "What is chosen goes on, and is decided, on a later look."
    assert opened.tab.get_by_role("button", name="Download").count() == 0


def test_what_is_decided_already_is_no_look_any_more(
    tabs: Any, made: Folders, rows: pd.DataFrame, tmp_path: Path
) -> None:
    Decisions(made.out).decide([Row.anywhere(each) for each in signatures(rows)], "accept")
    opened = tabs(report.write(rows, tmp_path / "report"), looks=True)
    opened.tab.goto(opened.path.as_uri())
    opened.tab.wait_for_selector(".mmo-nothing")
    nothing = "No look is left: no change is open."
    assert opened.tab.locator(".mmo-nothing").text_content() == f"{nothing} The table lists all pictures."
    opened.tab.get_by_role("button", name="Table").click()
    opened.settle()
    assert set(opened.table.locator("[data-row] [data-column=decision]").all_text_contents()) == {"✓"}
    alone = tabs(report.write(rows, tmp_path / "alone", only_looks=True), looks=True)
    alone.tab.goto(alone.path.as_uri())
    alone.tab.wait_for_selector(".mmo-nothing")
    assert alone.tab.locator(".mmo-nothing").text_content() == nothing, "it has no table"


def test_an_address_of_a_row_leads_to_the_table(tabs: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    opened = tabs(report.write(rows, tmp_path / "report"), looks=True).go("c.png")
    assert (opened.name(), opened.table.is_visible()) == ("c.png", True)
