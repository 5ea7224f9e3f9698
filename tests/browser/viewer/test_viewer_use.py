"""How a person uses the viewer in JupyterLab in Chromium: the view, rows, changes, focus and keys.

Screenshots are compared with the pixels of the files; what is not drawn is looked up in computed styles.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from support import lab
from support.viewer_page import Driven, rgb

from mymodules import rules
from mymodules.regions import Region
from mymodules.rules import Limits, Rule


def test_no_cell_fails(notebook: lab.Notebook) -> None:
    assert notebook.failures() == []


# --- view --------------------------------------------------------------------------------------------


def test_zoom_keys(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.press("0")
    assert viewer.zoom() == 1
    viewer.press("+")
    assert viewer.zoom() == 1.5
    viewer.press("-", "-")
    assert viewer.zoom() == pytest.approx(2 / 3, abs=1e-3)
    viewer.press("f")
    box, pane = viewer.image(), viewer.left.bounding_box()
    # whole numbers only, for small pictures of 240 x 160 px; 6 px around the page
    assert viewer.zoom() == min(pane["width"] - 12, (pane["height"] - 12) * 1.5) // 240
    assert box["x"] - pane["x"] == pytest.approx(pane["x"] + pane["width"] - box["x"] - box["width"], abs=2)
    viewer.press(*"++++++++++++++++")
    assert viewer.zoom() == 64


def test_pictures_are_drawn_in_squares_above_one_to_one(viewer: Driven, root: Path) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.outlines(False)
    viewer.slider(100)
    viewer.press("f")
    first, factor = rgb(root, "first", "a-plain.png"), int(viewer.zoom())
    assert factor > 1
    np.testing.assert_array_equal(viewer.shot(), first.repeat(factor, axis=0).repeat(factor, axis=1))
    viewer.slider(50)


def test_the_wheel_zooms_to_the_pointer(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.press("0", "+", "+")
    before = viewer.image()
    at = before["x"] + 0.7 * before["width"], before["y"] + 0.4 * before["height"]
    viewer.page.mouse.move(*at)
    viewer.page.keyboard.down("Control")
    for _ in range(6):
        viewer.page.mouse.wheel(0, -100)
        viewer.settle()
    viewer.page.keyboard.up("Control")
    after = viewer.image()
    assert viewer.zoom() > 8
    assert (at[0] - after["x"]) / after["width"] == pytest.approx(0.7, abs=0.005)
    assert (at[1] - after["y"]) / after["height"] == pytest.approx(0.4, abs=0.005)
    viewer.page.mouse.dblclick(*at)
    viewer.settle()
    twice = viewer.image()
    assert twice["width"] == pytest.approx(2 * after["width"], rel=0.01)
    assert (at[0] - twice["x"]) / twice["width"] == pytest.approx(0.7, abs=0.005)


def test_a_drag_and_arrows_move_the_picture(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0", *"+++++")
    before, pane = viewer.image(), viewer.left.bounding_box()
    middle = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    viewer.page.mouse.move(*middle)
    viewer.page.mouse.down()
    viewer.page.mouse.move(middle[0] - 60, middle[1] + 40, steps=3)
    viewer.page.mouse.up()
    viewer.settle()
    after = viewer.image()
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((-60, 40), abs=1)
    viewer.press("ArrowDown")
    assert viewer.image()["y"] == pytest.approx(after["y"] - 80, abs=1)
    viewer.press("Shift+ArrowRight")
    assert viewer.image()["x"] == pytest.approx(after["x"] - 80, abs=1)


def test_the_wheel_scrolls_the_picture_only_with_the_focus(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0", *"+++++")
    before, pane = viewer.image(), viewer.left.bounding_box()
    viewer.page.mouse.move(pane["x"] + 40, pane["y"] + 100)
    viewer.page.mouse.wheel(0, 50)
    viewer.settle()
    assert viewer.image()["y"] == pytest.approx(before["y"] - 50, abs=1)
    viewer.page.evaluate("() => document.activeElement.blur()")
    zoomed = viewer.root.locator("[data-pane=left] .mmv-sheet[data-side=first] img").evaluate(
        "img => img.style.transform"
    )
    viewer.page.mouse.wheel(0, -50)
    viewer.settle()
    image = viewer.root.locator("[data-pane=left] .mmv-sheet[data-side=first] img")
    assert image.evaluate("img => img.style.transform") == zoomed


def test_the_grid_begins_at_eight(viewer: Driven) -> None:
    def lines() -> int:
        """Drawn pixels of the layer above the picture."""
        count: int = viewer.root.locator("[data-pane=left] .mmv-overlay").evaluate(
            """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
                .filter((value, index) => index % 4 === 3 && value).length"""
        )
        return count

    viewer.show("h-same.png", "swipe")
    viewer.press("0", *"+++++")
    assert viewer.zoom() == pytest.approx(7.59, abs=0.01)
    assert lines() == 0
    viewer.press("+")
    assert lines() > 1000
    viewer.press("g")
    assert lines() == 0
    viewer.press("g")


def test_one_view_for_all_modes_and_pictures(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    viewer.slider(30)
    viewer.press("0", *"+++")
    pane = viewer.left.bounding_box()
    viewer.page.mouse.move(pane["x"] + 100, pane["y"] + 100)
    viewer.page.mouse.down()
    viewer.page.mouse.move(pane["x"] + 70, pane["y"] + 80, steps=3)
    viewer.page.mouse.up()
    viewer.settle()
    place = viewer.image()
    for key in "3456":
        viewer.press(key)
        assert viewer.image() == place
    viewer.press("1")
    zoom = viewer.zoom()
    assert viewer.image()["width"] == place["width"]
    viewer.press("2")
    assert (viewer.image(), viewer.slider()) == (place, 30)
    viewer.press("ArrowRight")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'b-glass.png'")
    viewer.press("ArrowLeft")
    viewer.page.wait_for_function(
        """() => document.querySelector('.mmv-name').textContent === 'a-plain.png'
            && document.querySelector('.mmv').dataset.has === 'both'"""
    )
    viewer.settle()
    assert (viewer.zoom(), viewer.image(), viewer.slider()) == (zoom, place, 30)
    viewer.slider(50)


def test_no_frame_shows_the_picture_where_it_was_in_other_panes(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.press("0")
    seen = viewer.page.evaluate(
        """async () => {
            const root = document.querySelector('.mmv');
            const pane = root.querySelector('[data-pane=left] .mmv-picture');
            const image = pane.querySelector('img'), seen = [];
            for (const key of ['2', '1', 'd', 'd']) {
                root.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
                for (let frame = 0; frame < 4; frame += 1) {
                    await new Promise(done => requestAnimationFrame(() => setTimeout(done))); // it is painted
                    const {e: x, f: y} = new DOMMatrix(getComputedStyle(image).transform);
                    seen.push([pane.clientWidth, pane.clientWidth / 2 - x, pane.clientHeight / 2 - y]);
                }
            }
            return seen;
        }"""
    )
    assert len({width for width, _, _ in seen}) > 1  # one pane and two
    for _, across, down in seen:  # which pixel stands in the middle
        assert abs(across - seen[0][1]) <= 1
        assert abs(down - seen[0][2]) <= 1


def test_fit_stays_fit(viewer: Driven) -> None:
    viewer.show("d-size.png", "swipe")
    viewer.press("f")
    fit = viewer.root.get_by_role("button", name="Fit the page")
    assert fit.get_attribute("aria-pressed") == "true"
    first = viewer.zoom()
    viewer.press("p")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'c-deep.png'")
    viewer.settle()
    assert viewer.zoom() != first
    assert fit.get_attribute("aria-pressed") == "true"


# --- rows and regions --------------------------------------------------------------------------------


def test_next_and_previous_picture(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    assert viewer.root.get_by_role("button", name="Previous picture").is_disabled()
    for key, name in (
        ("n", "b-glass.png"),
        ("ArrowRight", "c-deep.png"),
        ("p", "b-glass.png"),
        ("ArrowLeft", "a-plain.png"),
    ):
        viewer.press(key)
        assert viewer.name() == name
        viewer.page.wait_for_function("() => document.querySelector('.mmv').dataset.has === 'both'")
        assert viewer.python("print(view.row)") == name
    viewer.root.get_by_role("button", name="Next picture").click()
    viewer.settle()
    assert viewer.name() == "b-glass.png"
    assert viewer.root.locator(".mmv-place").text_content() == f"2 / {12 if os.name != 'nt' else 11}"


def test_changes_by_weight(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    items = viewer.root.locator(".mmv-list button")
    assert [text.split() for text in items.all_inner_texts()] == [
        ["1", "≠", "80", "x", "48", "at", "120,", "96", "3,840", "px"],
        ["2", "≠", "40", "x", "8", "at", "16,", "16", "320", "px"],
        ["3", "≠", "1", "x", "1", "at", "200,", "40", "1", "px"],
    ]
    boxes = [(120, 96, 80, 48), (16, 16, 40, 8), (200, 40, 1, 1)]
    for number, key in ((0, "j"), (1, "]"), (2, "j"), (1, "k"), (0, "[")):
        viewer.press(key)
        assert viewer.python("print(view.region)") == str(number)
        assert items.nth(number).get_attribute("aria-current") == "true"
        x, y, width, height = boxes[number]
        box, pane, zoom = viewer.image(), viewer.left.bounding_box(), viewer.zoom()
        left, top = box["x"] + x * zoom - pane["x"], box["y"] + y * zoom - pane["y"]
        assert left >= 0
        assert top >= 0
        assert left + width * zoom <= pane["width"]
        assert top + height * zoom <= pane["height"]
    items.nth(2).click()
    viewer.settle()
    assert viewer.python("print(view.region)") == "2"
    assert viewer.zoom() == 8
    viewer.root.focus()
    viewer.press("Escape")
    assert viewer.python("print(view.region)") == "-1"


def test_a_change_is_chosen_in_the_picture(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0")
    box = viewer.image()
    viewer.page.mouse.click(box["x"] + 30, box["y"] + 20)
    viewer.settle()
    assert viewer.python("print(view.region)") == "1"
    assert viewer.image() == box


def test_the_map_shows_and_chooses_the_part_that_is_seen(viewer: Driven) -> None:
    viewer.show("a-plain.png", "onion-skin")
    viewer.press("0", *"+++++")
    area = viewer.root.locator(".mmv-map")
    box = area.bounding_box()
    viewer.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"])
    viewer.settle()
    left, top, right, bottom = map(int, (area.get_attribute("data-seen") or "").split())
    assert left < 0.9 * 240 < right
    assert top < 0.8 * 160 < bottom
    assert left > 100


def test_code_and_page_agree(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    assert viewer.python("view.row = 'd-size.png'; view.mode = 'swipe'; view.region = 0") == ""
    viewer.page.wait_for_function(
        """() => { const root = document.querySelector('.mmv');
            return root.querySelector('.mmv-name').textContent === 'd-size.png'
                && root.dataset.mode === 'swipe'
                && root.querySelector('.mmv-list button')?.getAttribute('aria-current'); }"""
    )
    assert "TraitError" in viewer.python("view.row = 'no such.png'")


def test_other_rows(viewer: Driven) -> None:
    viewer.show("d-size.png")
    viewer.python("view.show(frame[frame['status'] == 'changed'].iloc[::-1])")
    total = viewer.python("print(len(view.frame))")
    viewer.page.wait_for_function(
        f"() => document.querySelector('.mmv-place').textContent.endsWith('/ {total}')"
    )
    viewer.press("n")
    assert viewer.name() == "c-deep.png"
    viewer.python("view.show(frame[:0])")
    viewer.page.wait_for_function(
        "() => document.querySelector('.mmv-name').textContent === 'No rows to show'"
    )
    assert "empty" in viewer.left.inner_text()
    viewer.python("view.show(frame)")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'a-plain.png'")


# --- focus, keys and looks ---------------------------------------------------------------------------


def test_keys_never_reach_the_command_mode(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    count = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = viewer.page.evaluate(count)
    for key in (
        "a",
        "b",
        "d",
        "d",
        "x",
        "Escape",
        "c",
        "v",
        "z",
        "m",
        "m",
        "y",
        "r",
        "i",
        "i",
        "Shift+m",
        "Enter",
        "Shift+Enter",
        "Space",
    ):
        viewer.press(key)
    assert viewer.page.evaluate(count) == before
    assert (
        viewer.page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCell.model.type") == "code"
    )
    assert viewer.root.evaluate("root => root.contains(document.activeElement)")
    viewer.press("Escape", "d")
    if viewer.root.get_attribute("data-details") == "off":
        viewer.press("d")
    if viewer.page.evaluate("() => Boolean(document.fullscreenElement)"):
        viewer.press("m")


@pytest.mark.parametrize(
    "part", ["Next picture", "Swipe", "Fit the page", "Next change"], ids=lambda part: part.replace(" ", "-")
)
def test_keys_on_a_button_never_reach_the_command_mode(viewer: Driven, part: str) -> None:
    viewer.show("a-plain.png")
    count = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = viewer.page.evaluate(count)
    viewer.root.get_by_role("button", name=part, exact=True).focus()
    viewer.press("b", "y", "d", "d", "x", "Escape")  # there they insert, change, delete and cut cells
    assert viewer.page.evaluate(count) == before
    assert viewer.root.evaluate("root => root.contains(document.activeElement)")


def test_saving_the_notebook_still_works(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.page.evaluate("() => { jupyterapp.shell.currentWidget.context.model.dirty = true }")
    viewer.press("Control+s")
    viewer.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")


def test_keys_do_nothing_without_the_focus(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.page.evaluate("() => document.activeElement.blur()")
    viewer.press("n", "2")
    assert (viewer.name(), viewer.root.get_attribute("data-mode")) == ("a-plain.png", "side-by-side")


def test_a_click_gives_the_focus_and_it_is_seen(viewer: Driven) -> None:
    viewer.show("h-same.png")
    viewer.page.evaluate("() => document.activeElement.blur()")
    viewer.settle()
    without = viewer.root.evaluate("root => getComputedStyle(root).outlineColor")
    viewer.left.click(position={"x": 30, "y": 200})
    assert viewer.root.evaluate("root => root === document.activeElement")
    assert viewer.root.evaluate("root => getComputedStyle(root).outlineColor") != without


def test_help_opens_and_closes(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    dialog = viewer.root.get_by_role("dialog")
    assert not dialog.is_visible()
    viewer.press("?")
    assert dialog.is_visible()
    assert "next, previous change" in dialog.inner_text()
    assert "tolerate: a rule" in dialog.inner_text()
    viewer.press("n")
    assert viewer.name() == "a-plain.png"
    viewer.press("Escape")
    assert not dialog.is_visible()
    assert viewer.root.evaluate("root => root === document.activeElement")


def test_everything_is_reached_by_tab_and_named(viewer: Driven) -> None:
    viewer.show("a-plain.png", "swipe")
    reached = []
    for _ in range(40):
        viewer.press("Tab")
        if not viewer.root.evaluate("root => root.contains(document.activeElement)"):
            break
        reached.append(
            viewer.page.evaluate(
                """() => (at => at.getAttribute('aria-label') || (at.labels?.[0] ?? at).textContent)(
                    document.activeElement)"""
            )
        )
    for name in (
        "Next picture",
        "Keys and help",
        "Swipe",
        "Place of the divider",
        "Fit the page",
        "1:1, one to one",
        "Next change",
    ):
        assert name in reached
    assert all(name.strip() for name in reached)
    viewer.root.focus()
    list_items = viewer.root.locator(".mmv-list button")
    list_items.first.focus()
    viewer.press("ArrowDown")
    assert list_items.nth(0).get_attribute("aria-current") == "true"
    viewer.press("ArrowDown")
    assert list_items.nth(1).evaluate("item => item === document.activeElement")


def test_rows_and_changes_are_announced(viewer: Driven) -> None:
    viewer.show("b-glass.png")
    viewer.press("p")
    viewer.page.wait_for_function("() => document.querySelector('.mmv-list button')")
    live = viewer.root.locator(".mmv-live")
    assert str(live.text_content()).startswith("a-plain.png, 1 of ")
    assert "changed" in str(live.text_content())
    viewer.press("j")
    assert (
        str(live.text_content()) == "Change 1 of 3, changed: 3,840 differing pixels, 80 by 48 px at 120, 96"
    )


def test_details_can_be_put_away(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    wide = viewer.left.bounding_box()["width"]
    viewer.press("d")
    assert viewer.left.bounding_box()["width"] > wide
    viewer.press("d")
    assert viewer.left.bounding_box()["width"] == wide


def test_maximised_and_back(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.press("m")
    viewer.page.wait_for_function("() => document.fullscreenElement?.classList.contains('mmv')")
    assert viewer.root.bounding_box()["width"] == viewer.page.evaluate("() => innerWidth")
    viewer.press("m")
    viewer.page.wait_for_function("() => !document.fullscreenElement")
    viewer.root.scroll_into_view_if_needed()


def test_themes(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    ground = "root => getComputedStyle(root).backgroundColor"
    found = []
    for theme in ("Dark", "Light"):
        viewer.notebook.theme(theme)
        viewer.settle()
        found.append(int(viewer.root.evaluate(ground).removeprefix("rgb(").split(",")[0]))
    assert found[0] < 64 < 192 < found[1]


# --- rules -------------------------------------------------------------------------------------------


def test_a_mask_is_drawn_with_the_mouse_and_stands_in_the_projects_file(viewer: Driven) -> None:
    code = "from mymodules import settings; print((settings.recorded() or settings.resolve()).root)"
    file = Path(viewer.python(code).strip()) / "compare.toml"
    assert not file.exists()
    viewer.show("a-plain.png")
    viewer.press("0", "x")
    form = viewer.root.get_by_role("group", name="New rule")
    assert "Drag a box over what may differ" in form.inner_text()
    box = viewer.image(pane="right", side="second")
    viewer.page.mouse.move(box["x"] + 20.5, box["y"] + 10.5)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + 60.5, box["y"] + 40.5, steps=3)
    viewer.page.mouse.up()
    assert "Mask of 41 x 31 px at 20, 10 of second" in form.inner_text()
    form.get_by_text("It masks 41 x 31 px at 20, 10 of second.").wait_for()
    # The run was made outside of the folder that is the project of this notebook.
    place = f"It goes into {file} and counts in runs started in this project, unlike this one."
    assert place in form.inner_text()
    assert viewer.image(pane="right", side="second") == box  # nothing has moved meanwhile
    viewer.page.keyboard.type("clock")
    viewer.page.keyboard.press("Enter")
    form.get_by_text("Rule 'clock' stands in").wait_for()
    assert form.get_by_label("Name of the rule").input_value() == ""
    try:
        mask = Limits(mask=(Region(20, 10, 41, 31),), side="second")
        assert rules.read(file).rules == (Rule("clock", mask, ("a-plain.png",)),)
    finally:
        file.unlink()
    viewer.press("Escape")
    assert not form.is_visible()
    assert viewer.root.evaluate("root => root === document.activeElement")


def test_changes_like_the_chosen_one_are_tolerated_or_not_until_the_rule_is_closed(viewer: Driven) -> None:
    viewer.show("a-plain.png")
    viewer.root.get_by_role("button", name="Tolerate").click()
    form = viewer.root.get_by_role("group", name="New rule")
    add = form.get_by_role("button", name="Add the rule")
    assert add.is_disabled()
    form.get_by_label("Name of the rule").fill("clock")
    assert add.is_disabled()
    assert viewer.python("view.region = 0") == ""
    form.get_by_text("Changes like change 1").wait_for()
    form.get_by_text("would pass with it.").wait_for()
    assert add.is_enabled()
    viewer.press("Escape")
    assert not form.is_visible()


def test_a_box_gives_way_to_the_change_that_was_chosen_before_and_keys_lead_to_the_name(
    viewer: Driven,
) -> None:
    viewer.show("a-plain.png")
    viewer.press("0", "x")
    form = viewer.root.get_by_role("group", name="New rule")
    name, everywhere = form.get_by_label("Name of the rule"), form.get_by_label("in all pictures")
    viewer.root.focus()
    viewer.press("j", "x")
    assert name.evaluate("name => name === document.activeElement")
    form.get_by_text("Changes like change 1").wait_for()
    box = viewer.image(pane="right", side="second")
    for choose in (
        lambda: viewer.page.mouse.click(box["x"] + 160, box["y"] + 120),
        lambda: viewer.root.locator(".mmv-list [aria-current]").click(),
    ):
        viewer.page.mouse.move(box["x"] + 20.5, box["y"] + 10.5)
        viewer.page.mouse.down()
        viewer.page.mouse.move(box["x"] + 60.5, box["y"] + 40.5, steps=3)
        viewer.page.mouse.up()
        assert "Mask of 41 x 31 px" in form.inner_text()
        choose()
        assert "Changes like change 1" in form.inner_text()
    everywhere.check()
    form.get_by_role("button", name="Close").click()
    viewer.press("x")
    assert not everywhere.is_checked()
    viewer.press("Escape")


# --- at the end --------------------------------------------------------------------------------------


def test_nothing_leaves_the_machine(notebook: lab.Notebook, viewer: Driven) -> None:
    assert len(notebook.requests) > 10
    assert notebook.strangers() == []


def test_the_console_has_no_errors(notebook: lab.Notebook, viewer: Driven) -> None:
    assert notebook.complaints == []


def test_without_a_kernel_it_says_so(notebook: lab.Notebook) -> None:
    page = notebook.page
    notebook.open("ending.ipynb")
    notebook.run_all()
    page.locator(".mmv[data-has=both]").wait_for()
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    page.locator(".mmv").focus()
    for _ in range(4):  # the next ones are there already
        page.keyboard.press("n")
    page.locator(".mmv-trouble", has_text="kernel has ended").wait_for()
    page.locator(".mmv-notice", has_text="kernel has ended").first.wait_for()
