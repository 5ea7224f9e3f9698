"""The viewer in a page without JupyterLab, with a source that is slow, fails, or cannot decide."""

from collections.abc import Iterator
from typing import Any

import pytest
from support import lab

from mymodules.pages import linker

STUB = """
const record = {
    name: 'a.png', place: 0, total: 1, previous: null, next: null, status: 'missing', verdict: 'missing',
    code: 'only_first', messages: '', ssim_score: null, num_diff_pixels: null, pixel_diff_percent: null,
    combined: null, max_diff_r: null, first: [null, null], second: [null, null], regions: [],
    decision: 'reject', note: 'why',
};
window.asked = [];
const source = {
    record: async (name) => ({...record, name}),
    picture: async () => { throw new Error('no picture'); },
    marks: async () => [], tile: async () => ({}), only() {}, on: () => () => {}, close() {},
};
if (DECIDES) Object.assign(source, {
    decide: (...asked) => new Promise((done, fail) => { window.asked.push({asked, done, fail}); }),
    undo: async () => {}, redo: async () => {},
});
const values = {row: 'a.png', mode: 'swipe', region: -1}, calls = {};
const state = {get: (key) => values[key], set() {}, on: (key, call) => (calls[key] = call, () => {})};
window.go = (row) => { values.row = row; calls.row(); };
createViewer(document.querySelector('div'), source, state);
"""


@pytest.fixture
def alone(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A viewer in a page of its own, with a source that can decide or not."""
    page = chromium.new_page()
    page.set_default_timeout(lab.PATIENCE)
    script = linker.module("viewer/main.js").replace("export default", "const { createViewer } =")
    page.set_content("<div></div>")
    page.add_style_tag(content=linker.text(*linker.VIEWER_STYLES))
    page.add_script_tag(content=f"{{ {script} {STUB.replace('DECIDES', request.param)} }}")
    page.locator(".mmv-status", has_text="missing").wait_for()
    page.locator(".mmv").focus()
    yield page
    page.close()


@pytest.mark.parametrize("alone", ["false"], indirect=True)
def test_a_source_that_cannot_decide_shows_what_was_decided(alone: Any) -> None:
    assert not alone.locator(".mmv-decide").is_visible()
    assert alone.locator(".mmv-decision").inner_text() == "rejected"
    assert alone.locator(".mmv-noted").inner_text() == "Note: why"
    for key in ("a", "Backspace", "u", "Control+z", "t"):
        alone.keyboard.press(key)
    assert not alone.locator(".mmv-noting").is_visible()
    alone.keyboard.press("?")
    assert "undo" not in alone.locator(".mmv-help").inner_text()
    assert "tolerate" not in alone.locator(".mmv-help").inner_text()


@pytest.mark.parametrize("alone", ["true"], indirect=True)
def test_a_decision_is_not_shown_as_taken_before_it_is(alone: Any) -> None:
    accept = alone.locator("button[data-decision=accept]")
    alone.keyboard.press("a")
    assert alone.locator(".mmv[data-deciding]").count() == 1
    assert accept.get_attribute("aria-pressed") == "true"
    alone.keyboard.press("r")
    alone.keyboard.press("a")
    assert alone.evaluate("() => asked.map(({asked}) => asked)") == [["a.png", "accept", None, True]]
    alone.evaluate("() => asked[0].fail(new Error('The disk is <b>full</b>.'))")
    assert alone.locator(".mmv-problem").inner_text() == "The disk is <b>full</b>."
    assert alone.locator("button[data-decision=reject]").get_attribute("aria-pressed") == "true"
    assert accept.get_attribute("aria-pressed") == "false"
    alone.keyboard.press("a")
    assert not alone.locator(".mmv-problem").is_visible()
    alone.evaluate("() => asked[1].done({decision: 'accept', note: ''})")
    assert alone.locator(".mmv[data-deciding]").count() == 0
    assert accept.get_attribute("aria-pressed") == "true"


SENTENCE = "air: rather dark, and it is a new page"


@pytest.mark.parametrize("alone", ["true"], indirect=True)
def test_a_sentence_typed_while_a_row_is_decided_decides_nothing(alone: Any) -> None:
    """The row moves on in the midst of it: the note stays open and goes to its own row."""
    note = alone.get_by_role("textbox", name="Note")
    alone.keyboard.press("a")
    alone.keyboard.press("t")
    alone.keyboard.type(SENTENCE[:9])
    alone.evaluate("() => go('b.png')")
    alone.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b.png'")
    alone.keyboard.type(SENTENCE[9:])
    assert note.input_value() == SENTENCE
    assert alone.locator(".mmv-noting").inner_text().strip() == "Note on a.png"
    assert alone.evaluate("() => asked.length") == 1
    note.press("Enter")
    assert alone.evaluate("() => asked.length") == 1  # its decision comes first
    alone.evaluate("() => asked[0].done({decision: 'accept', note: ''})")
    alone.wait_for_function("() => asked.length === 2")
    assert alone.evaluate("() => asked[1].asked") == ["a.png", "accept", SENTENCE, False]


@pytest.mark.parametrize("alone", ["true"], indirect=True)
def test_each_row_keeps_its_note_until_that_is_sent(alone: Any) -> None:
    note = alone.get_by_role("textbox", name="Note")
    alone.keyboard.press("t")
    note.fill("of a")
    note.press("Enter")  # it is decided: sent at once
    alone.evaluate("() => asked[0].fail(new Error('The disk is full.'))")
    alone.evaluate("() => go('b.png')")
    alone.locator(".mmv-place", has_text="1").wait_for()
    alone.keyboard.press("t")
    note.fill("of b")
    note.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    assert note.is_visible(), "this Enter takes a word that is being composed"
    alone.locator(".mmv-modes button").first.click()
    alone.evaluate("() => go('a.png')")
    alone.locator(".mmv-place", has_text="1").wait_for()
    assert not note.is_visible()
    alone.keyboard.press("a")
    assert alone.evaluate("() => asked[1].asked.slice(0, 3)") == ["a.png", "accept", "of a"]
    alone.evaluate("() => asked[1].done({decision: 'accept', note: 'of a'})")
    alone.evaluate("() => go('b.png')")
    alone.locator(".mmv-place", has_text="1").wait_for()
    alone.locator(".mmv").focus()
    alone.keyboard.press("t")
    assert note.input_value() == "of b"


@pytest.mark.parametrize("alone", ["true"], indirect=True)
def test_a_failure_is_told_beside_another_row_too(alone: Any) -> None:
    alone.keyboard.press("a")
    alone.evaluate("() => go('b.png')")
    alone.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b.png'")
    assert alone.locator(".mmv[data-deciding]").count() == 0
    alone.evaluate("() => asked[0].fail(new Error('The disk is full.'))")
    assert alone.locator(".mmv-problem").inner_text() == "a.png: The disk is full."
    alone.keyboard.press("r")  # another row may be decided meanwhile
    assert alone.evaluate("() => asked[1].asked.slice(0, 2)") == ["b.png", "reject"]
