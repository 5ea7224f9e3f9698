"""Deciding as a person does it: in JupyterLab in Chromium, by keys and buttons, with the file looked at."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from support import lab
from test_explore_browser import CHANGED, ROWS, agrees, names, shows, viewed

NOTEBOOK = "notebooks/02_explore.ipynb"
ALL = 6 + CHANGED
CELLS = "() => jupyterapp.shell.currentWidget.content.model.cells.length"
WITHOUT_OUT = """
from mymodules import results, viewer
frame = results.load()
frame.attrs["run"].pop("out")
viewer.Viewer(frame)
"""


@pytest.fixture(scope="module")
def root(own_folder: Path) -> Path:
    root = lab.project(own_folder)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(WITHOUT_OUT.strip())]
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, root / "notebooks" / "closed.ipynb")
    return root


@pytest.fixture(scope="module")
def opened(root: Path, tab: lab.Notebook) -> Iterator[lab.Notebook]:
    """The notebook with all cells run."""
    with lab.ran(tab, root, NOTEBOOK, ROWS) as notebook:
        yield notebook


@pytest.fixture
def page(opened: lab.Notebook, root: Path) -> Any:
    """The explorer in sight, nothing decided, its first changed row current and the viewer focused."""
    page = opened.page
    page.locator(".mme").evaluate("node => node.scrollIntoView({ block: 'start' })")
    (root / "img" / "triage.csv").unlink(missing_ok=True)
    if page.locator(".mme-folded").count():
        page.locator(".mme-fold").click()
    page.locator(".mmv").focus()
    assert opened.python("explorer.clear(); explorer._apply(); explorer.selected = 'badge.png'") == ""
    lab.settles(page)
    shows(page, ALL)
    agrees(page, "badge.png")
    pressed(page)
    return page


def lines(root: Path) -> list[tuple[str, str]]:
    """Name and word of every line in the file, which others may read at any time."""
    path = root / "img" / "triage.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [(cells[1], cells[4]) for cells in csv.reader(file)][1:]


def pressed(page: Any, word: str = "") -> None:
    """Wait until the viewer shows this decision, or none, about the row it shows."""
    page.wait_for_function(
        """word => {
            const root = document.querySelector('.mmv');
            const [found, ...more] = root.querySelectorAll('.mmv-decide [aria-pressed=true]');
            return !more.length && !('deciding' in root.dataset) && (found?.dataset.decision ?? '') === word
                && root.querySelector('.mmv-place').textContent;
        }""",
        arg=word,
    )


def marks(page: Any) -> dict[str, str]:
    """What the table shows to be decided, by name."""
    found: dict[str, str] = page.locator(ROWS).evaluate_all(
        """rows => Object.fromEntries(rows
            .filter(row => row.querySelector('[data-column=decision] span'))
            .map(row => ['.mml-name', '[data-column=decision] span']
                .map(part => row.querySelector(part).title)))"""
    )
    return found


def has_marks(page: Any, expected: dict[str, str]) -> None:
    """Wait until the table shows these decisions."""
    page.wait_for_function(
        """([selector, count]) => [...document.querySelectorAll(selector)]
            .filter(row => row.querySelector('[data-column=decision] span')).length === count""",
        arg=[ROWS, len(expected)],
    )
    assert marks(page) == expected


def decide(page: Any, key: str, following: str) -> None:
    """Press a key and wait for the row that it brings, which is decided about only when it is there."""
    page.keyboard.press(key)
    comes(page, following)


def comes(page: Any, name: str) -> None:
    agrees(page, name)
    page.wait_for_function("() => document.querySelector('.mmv-place').textContent")


def test_one_key_a_decision_in_the_file_at_once(page: Any, root: Path) -> None:
    order = names(page)
    first = order.index("badge.png")
    expected = []
    for number, (key, word) in enumerate((("a", "accept"), ("r", "reject"), ("i", "ignore"))):
        decide(page, key, order[first + number + 1])
        expected.append((order[first + number], word))
        assert lines(root) == expected
    has_marks(page, dict(zip(order[first:], ("accepted", "rejected", "ignored"), strict=False)))
    assert "accepted 1 · rejected 1 · ignored 1" in page.locator(".mme-summary").inner_text()
    for word in ("ignore", "reject", "accept"):
        page.keyboard.press("p")
        pressed(page, word)
    agrees(page, "badge.png")


def test_buttons_do_the_same_and_keep_the_focus(page: Any, root: Path) -> None:
    order = names(page)
    first, cells = order.index("badge.png"), page.evaluate(CELLS)
    for number, word in enumerate(("Reject", "Accept", "Ignore")):
        button = page.locator(".mmv-decide").get_by_role("button", name=word, exact=True)
        button.click()
        comes(page, order[first + number + 1])
        assert button.evaluate("button => button === document.activeElement")
        page.keyboard.press("b")  # in JupyterLab's command mode it would insert a cell, and x would cut one
        page.keyboard.press("x")
        page.keyboard.press("Escape")
        button.focus()
    assert [word for _, word in lines(root)] == ["reject", "accept", "ignore"]
    assert page.evaluate(CELLS) == cells
    page.keyboard.press("Space")  # again, with the button that has the focus
    comes(page, order[first + 4])
    assert lines(root)[3] == (order[first + 3], "ignore")
    said = page.locator(".mmv-live", has_text=f"{order[first + 3]} ignored. {order[first + 4]}, ")
    said.wait_for(state="attached")


def test_undo_and_redo_by_key_and_button(page: Any, root: Path) -> None:
    order = names(page)
    following = order[order.index("badge.png") + 1]
    decide(page, "a", following)
    for back, again in (("u", "Shift+u"), ("Control+z", "Control+Shift+z"), ("Control+z", "Control+y")):
        decide(page, back, "badge.png")
        pressed(page)
        has_marks(page, {})
        page.keyboard.press(again)
        pressed(page, "accept")
        agrees(page, "badge.png")
    box = page.locator(".mmv-decide")
    box.get_by_role("button", name="Undo").click()
    pressed(page)
    assert page.locator(".mmv-news").inner_text() == "Undone: badge.png accepted."
    # There is nothing left to undo: the button is off, the focus must not be lost with it.
    page.wait_for_function("() => document.querySelector('.mmv').contains(document.activeElement)")
    assert box.get_by_role("button", name="Undo").is_disabled()
    page.keyboard.press("n")
    agrees(page, following)
    assert [word for _, word in lines(root)] == ["accept", *["undo", "redo"] * 3, "undo"]


def test_a_decision_is_taken_away(page: Any, root: Path) -> None:
    decide(page, "a", names(page)[names(page).index("badge.png") + 1])
    page.keyboard.press("p")
    pressed(page, "accept")
    page.keyboard.press("Backspace")
    pressed(page)
    agrees(page, "badge.png")
    page.wait_for_function(
        "() => document.querySelector('.mmv-live').textContent === 'badge.png no longer decided.'"
    )
    assert lines(root) == [("badge.png", "accept"), ("badge.png", "clear")]
    has_marks(page, {})


def test_keys_in_the_table_decide_too(page: Any, root: Path) -> None:
    order = names(page)
    first, cells = order.index("badge.png"), page.evaluate(CELLS)
    page.locator(ROWS, has_text="badge.png").click()
    comes(page, "badge.png")
    page.locator(".mme .mml-table").focus()
    decide(page, "r", order[first + 1])
    decide(page, "ArrowDown", order[first + 2])
    decide(page, "a", order[first + 3])
    decide(page, "Control+z", order[first + 2])
    assert lines(root) == [("badge.png", "reject"), (order[first + 2], "accept"), (order[first + 2], "undo")]
    assert page.evaluate(CELLS) == cells
    assert page.evaluate("() => document.activeElement.matches('.mml-table')")


def test_a_key_in_the_table_is_about_the_row_that_was_stepped_to(page: Any, root: Path) -> None:
    """Also when both come at once: the table knows the step before the viewer does."""
    order = names(page)
    first = order.index("badge.png")
    page.locator(ROWS, has_text="badge.png").click()
    comes(page, "badge.png")
    page.locator(".mme .mml-table").focus()
    page.evaluate(
        """() => {
            const body = document.querySelector('.mme .mml-table');
            for (const key of ['ArrowDown', 'r', 'ArrowDown', 'a'])
                body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        }"""
    )
    # The first decision moves on by itself, the second step from there.
    comes(page, order[first + 4])
    assert lines(root) == [(order[first + 1], "reject"), (order[first + 3], "accept")]


def test_the_undecided_ones_are_worked_off(page: Any, root: Path) -> None:
    page.locator(".mme-bar select").first.select_option(label="to decide")
    shows(page, ALL - 3)
    order = names(page)
    for left in range(3):
        place = order.index(viewed(page))
        decide(page, "a", order[place + 1])
        shows(page, ALL - 4 - left)
    assert names(page) == [name for name in order if name not in dict(lines(root))]
    page.locator(".mme-bar select").first.select_option(label="accepted")
    shows(page, 3)


def test_all_rows_shown_after_a_question_in_one_step(page: Any, root: Path) -> None:
    page.get_by_role("button", name="changed").click()
    shows(page, CHANGED)
    everyone = page.get_by_role("button", name=f"Accept all {CHANGED} shown")
    everyone.press("Enter")
    no = page.locator(".mme-ask").get_by_role("button", name="No", exact=True)
    page.wait_for_function(
        "() => document.activeElement.textContent === 'No' && document.activeElement.offsetParent"
    )
    assert f"Accept all {CHANGED} rows shown?" in page.locator(".mme-ask").inner_text()
    no.press("Escape")
    everyone.wait_for()
    assert lines(root) == []
    everyone.click()
    page.get_by_role("button", name=f"Yes, accept {CHANGED}").click()
    has_marks(page, dict.fromkeys(names(page), "accepted"))
    assert sorted(lines(root)) == sorted((name, "accept") for name in names(page))
    pressed(page, "accept")
    page.wait_for_function("() => document.activeElement.matches('.mme .mml-table')")
    page.keyboard.press("u")
    has_marks(page, {})
    pressed(page)
    assert len(lines(root)) == 2 * CHANGED


def test_deciding_reloads_no_picture_and_keeps_the_view(page: Any) -> None:
    page.locator(ROWS, has_text="form.png").click()
    agrees(page, "form.png")
    page.wait_for_function("() => document.querySelector('.mmv').dataset.has === 'both'")
    page.locator(".mmv").focus()
    for key in ("2", "0", "+", ","):
        page.keyboard.press(key)
    state = """() => {
        const root = document.querySelector('.mmv'), image = root.querySelector('[data-pane=left] img');
        return [image.src, image.style.transform, root.dataset.mode, root.querySelector('input').value];
    }"""
    page.wait_for_function("() => document.querySelector('.mmv').dataset.zoom === '1.5000'")
    before = page.evaluate(state)
    page.keyboard.press("a")
    page.wait_for_function("() => document.querySelector('.mmv-name').textContent !== 'form.png'")
    page.keyboard.press("u")
    agrees(page, "form.png")
    page.wait_for_function("() => document.querySelector('.mmv').dataset.has === 'both'")
    again = page.evaluate(state)
    assert [again[0], *again[2:]] == [before[0], *before[2:]], "another row has moved the view meanwhile"
    page.keyboard.press("Backspace")
    pressed(page)
    assert page.evaluate(state) == again
    page.keyboard.press("1")
    page.keyboard.press("w")


def test_a_note_goes_with_the_decision(page: Any, root: Path) -> None:
    page.keyboard.press("t")
    note = page.get_by_role("textbox", name="Note")
    page.keyboard.type("air: too dark")  # a, r and i are letters here
    note.press("Control+a")
    note.press("Control+z")
    assert lines(root) == []
    note.fill("air: too dark")
    note.press("Enter")
    assert page.locator(".mmv-noted").inner_text() == "Note: air: too dark"
    page.keyboard.press("r")
    page.wait_for_function("() => document.querySelector('.mmv-name').textContent !== 'badge.png'")
    page.keyboard.press("p")
    pressed(page, "reject")
    assert page.locator(".mmv-noted").inner_text() == "Note: air: too dark"
    page.keyboard.press("t")
    note.fill("never")
    note.press("Escape")
    assert not note.is_visible()
    page.keyboard.press("t")
    assert note.input_value() == "air: too dark"
    note.fill("much too dark")
    note.press("Enter")
    page.get_by_title("Note: much too dark").wait_for()
    agrees(page, "badge.png")
    assert (root / "img" / "triage.csv").read_text(encoding="utf-8-sig").count("much too dark") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows makes links for administrators only")
def test_what_cannot_be_written_is_told_and_not_shown_as_taken(page: Any, root: Path) -> None:
    (root / "img" / "triage.csv").symlink_to(root / "no such folder" / "triage.csv")
    page.keyboard.press("a")
    page.locator(".mmv-problem", has_text="triage.csv cannot be written").wait_for()
    pressed(page)
    assert viewed(page) == "badge.png"
    page.get_by_role("button", name="Reject all").or_(page.get_by_title("Reject all")).click()
    page.get_by_role("button", name=f"Yes, reject {ALL}").click()
    page.locator(".mme-problem", has_text="triage.csv cannot be written").wait_for()
    assert marks(page) == {}
    (root / "img" / "triage.csv").unlink()
    page.locator(".mmv").focus()
    page.keyboard.press("r")
    page.wait_for_function("() => document.querySelector('.mmv-name').textContent !== 'badge.png'")
    assert not page.locator(".mmv-problem").is_visible()
    assert lines(root) == [("badge.png", "reject")]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such a name")
def test_a_name_is_text_wherever_a_decision_is_told(page: Any, root: Path) -> None:
    page.locator(ROWS, has_text="onerror").click()
    comes(page, lab.HOSTILE)
    page.keyboard.press("a")
    page.locator(".mmv-news", has_text=f"{lab.HOSTILE} accepted.").wait_for()
    assert (lab.HOSTILE, "accept") in lines(root)
    assert page.locator("img[src=x]").count() == 0
    assert "owned" not in page.title()


def test_the_help_tells_the_keys(page: Any) -> None:
    page.keyboard.press("?")
    text = page.locator(".mmv-help").inner_text()
    for words in ("accept, reject, ignore; then the next row without a decision", "undo, redo", "Backspace"):
        assert words in text
    page.keyboard.press("Escape")


def test_code_and_page_agree(opened: lab.Notebook, page: Any, root: Path) -> None:
    assert opened.python("print(explorer.viewer.decide('reject', 'by code').rows[0].name)") == "badge.png"
    pressed(page, "reject")
    page.get_by_title("Note: by code").wait_for()
    has_marks(page, {"badge.png": "rejected"})
    page.keyboard.press("Backspace")
    pressed(page)
    assert opened.python("print([explorer.viewer.decision])") == "['']"


def test_nothing_leaves_the_machine_and_nothing_complains(opened: lab.Notebook, page: Any) -> None:
    assert opened.strangers() == []
    assert opened.complaints == []
    assert opened.failures() == []


def test_accepted_pictures_are_approved_and_undone(page: Any, root: Path) -> None:
    first, second = (root / "img" / side / "badge.png" for side in ("01.first", "02.second"))
    before, cells = first.read_bytes(), page.evaluate(CELLS)
    decide(page, "a", names(page)[names(page).index("badge.png") + 1])
    box, ask = page.locator(".mme-approving"), page.get_by_role("button", name="Approve …", exact=True)
    assert not box.is_visible()

    def has_focus(text: str) -> None:
        """Wait for it: in JupyterLab's command mode, keys would cut cells."""
        page.wait_for_function("text => document.activeElement.textContent === text", arg=text)
        page.keyboard.press("x")
        assert page.evaluate(CELLS) == cells

    ask.press("Enter")
    yes = box.get_by_role("button", name="Yes, change 1 file")
    yes.wait_for()
    assert box.locator("bdi").all_inner_texts() == ["badge.png"]
    has_focus("No")
    page.keyboard.press("Enter")
    box.wait_for(state="hidden")
    has_focus("Approve …")
    assert first.read_bytes() == before
    ask.click()
    yes.click()
    box.locator("p", has_text="1 picture approved.").wait_for()
    has_focus("Close")
    assert first.read_bytes() == second.read_bytes()
    page.locator(ROWS, has_text="badge.png").click()
    comes(page, "badge.png")
    page.locator(".mmv-notes", has_text="first has changed since the run").wait_for(state="attached")
    box.get_by_role("button", name="Undo", exact=True).click()
    box.locator("p", has_text="1 file restored.").wait_for()
    assert first.read_bytes() == before
    page.wait_for_function("() => !document.querySelector('.mmv-notes').textContent.includes('changed')")
    box.get_by_role("button", name="Close", exact=True).click()
    box.wait_for(state="hidden")


def test_the_gallery_shows_the_files_as_they_are_after_an_approval_and_its_undo(page: Any) -> None:
    decide(page, "a", names(page)[names(page).index("badge.png") + 1])
    page.locator(ROWS, has_text="badge.png").click()
    comes(page, "badge.png")
    page.get_by_role("button", name="Gallery", exact=True).click()
    tile = page.locator(".mmg-tile[title='badge.png']")
    tile.locator("canvas").nth(2).wait_for()
    box, note = page.locator(".mme-approving"), tile.locator(".mmg-note")
    assert note.count() == 0
    page.get_by_role("button", name="Approve …", exact=True).click()
    box.get_by_role("button", name="Yes, change 1 file").click()
    note.get_by_text("has changed since the run").wait_for()
    box.get_by_role("button", name="Undo", exact=True).click()
    note.wait_for(state="detached")
    tile.locator("canvas").nth(2).wait_for()
    assert note.count() == 0
    box.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Table", exact=True).click()


def test_a_run_without_an_output_folder_says_why(opened: lab.Notebook) -> None:
    page = opened.page
    opened.open("notebooks/closed.ipynb")
    opened.run_all()
    assert opened.failures() == []
    page.locator(".mmv-status").wait_for()
    button = page.locator(".mmv-decide").get_by_role("button", name="Accept")
    page.wait_for_function("() => document.querySelector('.mmv-decide button').disabled")
    assert "names no output folder" in str(button.get_attribute("title"))
    page.locator(".mmv").focus()
    page.keyboard.press("a")
    page.keyboard.press("u")
    assert not page.locator(".mmv-problem").is_visible()


def test_a_new_kernel_and_a_later_run_have_the_decisions(opened: lab.Notebook, root: Path) -> None:
    """The last one: the kernel is another, and compares again."""
    page = opened.page
    (root / "img" / "triage.csv").unlink(missing_ok=True)
    opened.open(NOTEBOOK)
    opened.run_all()
    page.locator(ROWS, has_text="form.png").click()
    comes(page, "form.png")
    page.locator(".mmv").focus()
    page.keyboard.press("a")
    has_marks(page, {"form.png": "accepted"})
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.restartKernel() }")
    opened.run_all()
    page.locator(ROWS, has_text="form.png").click()
    pressed(page, "accept")
    has_marks(page, {"form.png": "accepted"})
    before = opened.python("print(frame.attrs['run']['stamp'])")
    opened.python("from mymodules import batch; batch.run()")
    opened.run_all()
    assert opened.python("print(frame.attrs['run']['stamp'])") != before
    page.locator(ROWS, has_text="form.png").click()
    pressed(page, "accept")
    has_marks(page, {"form.png": "accepted"})
    page.locator(".mmv").focus()
    page.keyboard.press("u")
    has_marks(page, {})
    assert lines(root) == [("form.png", "accept"), ("form.png", "undo")]
