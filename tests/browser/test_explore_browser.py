"""Table, filters and viewer as a person meets them: in JupyterLab in Chromium, with real clicks and keys."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import lab, nodes

NOTEBOOK = "notebooks/02_explore.ipynb"
ROWS = ".mme .mml-row[data-row]"
CHANGED = 7 if os.name == "nt" else 8
FIRST = "shop.png"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 900, "height": 800}


@pytest.fixture(scope="module")
def root(own_folder: Path) -> Path:
    return lab.project(own_folder)


@pytest.fixture(scope="module")
def opened(root: Path, tab: lab.Notebook) -> Iterator[lab.Notebook]:
    """The notebook with all cells run."""
    with lab.ran(tab, root, NOTEBOOK, ROWS) as notebook:
        yield notebook


@pytest.fixture
def page(opened: lab.Notebook) -> Any:
    """The explorer in sight, without filters, in the order of reading, its first row current."""
    page = opened.page
    page.set_viewport_size(WIDE)
    page.locator(".mme").evaluate("node => node.scrollIntoView({ block: 'start' })")
    lab.settles(page)
    if page.locator(".mme-folded").count():
        page.locator(".mme-fold").click()
    everything = page.get_by_role("button", name="Show all rows")
    if everything.is_visible():
        everything.click()
    page.get_by_label("Order by").select_option(label="largest change")
    if page.locator(".mme-bar > .mod-active").count():
        page.locator(".mme-bar > .mod-active").click()
    shows(page, 6 + CHANGED)
    begins(page, FIRST)
    page.locator(ROWS).first.click()
    agrees(page, FIRST)
    return page


def shows(page: Any, rows: int) -> None:
    """Wait until table and viewer have so many rows."""
    page.wait_for_function(
        """([selector, rows]) => document.querySelectorAll(selector).length === rows
            && document.querySelector('.mmv-place').textContent.endsWith(`/ ${rows}`)""",
        arg=[ROWS, rows],
    )


def begins(page: Any, name: str) -> None:
    """Wait until this row is the first one."""
    page.wait_for_function(
        "([rows, name]) => document.querySelector(`${rows} .mml-name`)?.title === name", arg=[ROWS, name]
    )


def agrees(page: Any, name: str) -> None:
    """Wait until the viewer shows the row `name`, and it is the one that is marked in the table, in sight."""
    page.wait_for_function(
        """([selector, name]) => {
            const [row, ...more] = document.querySelectorAll(`${selector}[aria-selected=true]`);
            if (!row || more.length || row.querySelector(".mml-name").title !== name) return false;
            if (document.querySelector('.mmv-name').textContent !== name) return false;
            if (!document.querySelector('.mmv-place').textContent) return false; // its record is on its way
            const outer = row.closest(".mml-table").getBoundingClientRect();
            const inner = row.getBoundingClientRect();
            return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
        }""",
        arg=[ROWS, name],
    )


def viewed(page: Any) -> str:
    return str(page.locator(".mmv-name").inner_text())


def names(page: Any) -> list[str]:
    found: list[str] = page.locator(f"{ROWS} .mml-name").evaluate_all(
        "cells => cells.map(cell => cell.title)"
    )
    return found


def test_no_cell_fails_and_nothing_complains(opened: lab.Notebook, page: Any) -> None:
    assert opened.failures() == []
    assert opened.complaints == []
    assert not page.locator(".mm-still").is_visible(), "what pages without a kernel show"


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_wrong(opened: lab.Notebook, page: Any, theme: str) -> None:
    opened.theme(theme)
    nodes.check_accessible(page, ".mme", colours=theme == "Dark")


def test_the_keyboard_skips_the_filters(page: Any) -> None:
    skip = page.get_by_role("button", name="Skip to the rows")
    skip.focus()
    assert skip.bounding_box()["height"] > 10, "it is in sight while it has the focus"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    agrees(page, names(page)[1])
    assert skip.bounding_box()["height"] <= 1


def test_a_row_clicked_is_shown(page: Any) -> None:
    for name in ("shop.png", "login.png"):
        page.locator(ROWS, has_text=name).click()
        agrees(page, name)
    page.wait_for_function("() => document.querySelector('.mmv img').complete")


def test_the_marks_of_a_cause_are_switched_off_and_keys_pass_them_over(page: Any) -> None:
    causes, count = page.get_by_role("group", name="Why pixels differ"), page.locator(".mmv-count")
    names = {name: causes.locator(f"label[data-cause={name}]") for name in ("inserted", "removed", "changed")}
    for label in names.values():
        label.wait_for()
    parts = {name: int(label.inner_text().rpartition("· ")[2]) for name, label in names.items()}
    assert count.inner_text() == str(sum(parts.values()))
    assert "% moved" in causes.inner_text()
    names["removed"].click()
    names["changed"].get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    assert count.inner_text() == str(parts["inserted"])
    page.locator(".mmv").focus()
    for place in range(1, parts["inserted"] + 1):
        page.keyboard.press("j")
        page.wait_for_function(
            "text => document.querySelector('.mmv-count').textContent === text",
            arg=f"{place} / {parts['inserted']}",
        )
        assert ", inserted: " in page.locator(".mmv-live").inner_text().replace("space inserted", "inserted")
    for name in ("removed", "changed"):
        names[name].click()
    assert count.inner_text().endswith(f"/ {sum(parts.values())}")


def last_rows(page: Any, pane: str) -> NDArray[np.uint8]:
    """What a pane shows of the last rows of the page, without the frame around the viewer."""
    box = page.locator(f".mmv [data-pane={pane}] .mmv-picture").bounding_box()
    clip = {"x": box["x"] + 10, "y": box["y"] + box["height"] - 80, "width": box["width"] - 20, "height": 70}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))


def test_what_moved_stands_beside_what_it_was_unless_both_pages_are_wanted_as_they_are(page: Any) -> None:
    """The shop grew by 79 rows; its last rows are equal but there."""
    align = page.get_by_role("button", name="Align", exact=True)
    align.wait_for()
    page.locator(".mmv").focus()
    page.keyboard.press("o")
    page.keyboard.press("0")
    aligned = page.locator(".mmv-sheet[data-aligned]:visible")
    try:
        for pressed in ("true", "false", "true"):
            assert align.get_attribute("aria-pressed") == pressed
            page.keyboard.press("End")
            for _ in range(8):
                page.keyboard.press("Shift+ArrowLeft")
            lab.settles(page)
            page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            assert aligned.count() == (2 if pressed == "true" else 0)
            left, right = (last_rows(page, pane) for pane in ("left", "right"))
            width = min(left.shape[1], right.shape[1])
            assert len(np.unique(right)) > 9, "there is text"
            assert np.array_equal(left[:, :width], right[:, :width]) == (pressed == "true")
            page.keyboard.press("e")
            lab.settles(page)
    finally:
        for key in "eow":
            page.keyboard.press(key)
    # second has 1,052 rows; two more went, one each beside a row that came elsewhere
    for key, height in (("6", 1054), ("e", 1052), ("e", 1054)):
        page.keyboard.press(key)
        page.wait_for_function(
            """height => document.querySelector(
                '.mmv [data-pane=left] .mmv-sheet[data-side=delta] img').naturalHeight === height""",
            arg=height,
        )
    page.keyboard.press("1")


def test_next_and_previous_take_the_table_along(page: Any) -> None:
    order = names(page)
    for _ in range(2):
        page.get_by_role("button", name="Next picture").click()
    agrees(page, order[2])
    page.get_by_role("button", name="Previous picture").click()
    agrees(page, order[1])


def test_a_status_filters_both(page: Any) -> None:
    page.get_by_role("button", name="changed").click()
    shows(page, CHANGED)
    assert set(page.locator(f"{ROWS} [data-status]").all_text_contents()) == {"changed"}
    agrees(page, names(page)[0])
    page.get_by_role("button", name="missing").click()
    shows(page, CHANGED + 1)


def test_after_a_filter_clicks_and_steps_still_agree(page: Any) -> None:
    page.get_by_role("button", name="changed").click()
    shows(page, CHANGED)
    page.locator(ROWS, has_text="form.png").click()
    agrees(page, "form.png")
    page.get_by_role("button", name="Next picture").click()
    agrees(page, "pricing.png")


def test_a_name_filters_while_it_is_typed(page: Any) -> None:
    page.get_by_placeholder("Name, or").type("NEWS/")
    shows(page, 2)
    assert sorted(names(page)) == ["news/night train.png", "news/記事 日本語.png"]


def test_a_range_filters_by_keys(page: Any) -> None:
    page.locator(".mme-range .noUi-handle-lower").first.press("ArrowRight")
    page.wait_for_function(f"() => document.querySelectorAll({ROWS!r}).length === {CHANGED}")
    shows(page, CHANGED)
    assert "100" in page.locator(".mme-range .widget-readout").first.inner_text()


def test_no_row_is_left(page: Any) -> None:
    page.get_by_placeholder("Name, or").type("nothing of this")
    page.get_by_text("No row passes the filters.").wait_for()
    page.get_by_text("No rows to show", exact=True).wait_for()


def test_a_heading_orders_both(page: Any) -> None:
    heading = page.locator(".mml-head").get_by_role("button", name="name")
    for expected, turned in (("ascending", False), ("descending", True)):
        heading.click()
        page.wait_for_selector(f'.mml-head [aria-sort="{expected}"]')
        by_name = sorted(names(page), reverse=turned)
        begins(page, by_name[0])
        assert names(page) == by_name
    page.locator(ROWS).first.click()
    agrees(page, by_name[0])
    page.get_by_role("button", name="Next picture").click()
    agrees(page, by_name[1])


def test_keys_in_the_table_choose_rows_and_stay_there(opened: lab.Notebook, page: Any) -> None:
    page.set_viewport_size(NARROW)  # the table is above the viewer then, and lower than its rows
    order = names(page)
    cells = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length")
    body = page.locator(".mme .mml-table")
    body.press("ArrowDown")
    agrees(page, order[1])
    body.press("End")
    page.wait_for_function(
        "place => document.querySelector('.mmv-place').textContent.startsWith(place)", arg=str(6 + CHANGED)
    )
    agrees(page, viewed(page))
    # in JupyterLab's command mode they cut, delete and insert cells
    for key in ("x", "Escape", "d", "d", "b"):
        body.press(key)
        page.get_by_role("button", name="missing").press(key)
        page.get_by_role("button", name="Next picture").press(key)
    assert page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length") == cells
    body.press("Home")
    agrees(page, order[0])


def test_the_next_cell_goes_on_with_what_is_shown(opened: lab.Notebook, page: Any) -> None:
    page.get_by_role("button", name="extra").click()
    shows(page, 1)
    outputs = page.evaluate(
        """async () => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const cells = [...notebook.model.cells];
            const place = cells.findIndex(cell => cell.sharedModel.source === 'explorer.selected');
            notebook.activeCellIndex = place;
            await jupyterapp.commands.execute('notebook:run-cell');
            return cells[place].outputs.toJSON();
        }"""
    )
    assert "only_second" in outputs[0]["data"]["text/plain"]


def test_sliders_announce_values(page: Any) -> None:
    """Not the index of a step: 1 of 21 is no share of pixels."""
    handle = page.locator(".mme-range .noUi-handle-lower").first
    assert handle.get_attribute("aria-valuetext") == "0"
    handle.press("ArrowRight")
    shows(page, CHANGED)
    readout = page.locator(".mme-range .widget-readout").first.inner_text()
    announced = handle.get_attribute("aria-valuetext")
    assert announced not in ("0", "1", "1.0")
    assert readout.startswith(str(announced))


def test_filters_fold_and_stay_folded_in_this_browser(page: Any) -> None:
    fold = page.get_by_role("button", name="Filters")
    ranges = page.locator(".mme-ranges")
    assert (fold.get_attribute("aria-expanded"), ranges.is_visible()) == ("true", True)
    viewer = page.locator(".mme .mmv")
    before = viewer.bounding_box()["height"]
    fold.press("Enter")
    ranges.wait_for(state="hidden")
    assert fold.get_attribute("aria-expanded") == "false"
    assert viewer.bounding_box()["height"] > before + 80, "the pictures get the room"
    assert page.evaluate("() => localStorage.getItem('mymodules-filters')") == "folded"
    fold.click()
    ranges.wait_for()


def test_the_bars_take_one_line(page: Any) -> None:
    page.get_by_role("button", name="Filters").click()
    for width in (1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        tops = page.locator(".mme-line > *").evaluate_all(
            "parts => parts.filter(part => part.offsetHeight).map(part => part.getBoundingClientRect().top)"
        )
        assert max(tops) - min(tops) < 12, width


def test_the_separator_gives_the_viewer_room(page: Any) -> None:
    separator, viewer = page.get_by_role("separator", name="Width of the list"), page.locator(".mme .mmv")
    before, value = viewer.bounding_box()["width"], int(separator.get_attribute("aria-valuenow"))
    for _ in range(3):
        separator.press("ArrowRight")
    page.wait_for_function(
        "width => document.querySelector('.mme .mmv').offsetWidth < width - 40", arg=before
    )
    assert int(separator.get_attribute("aria-valuenow")) == pytest.approx(value + 6, abs=1)
    assert float(page.evaluate("() => localStorage.getItem('mymodules-list-share-table')")) > value
    separator.press("Enter")
    page.wait_for_function("width => document.querySelector('.mme .mmv').offsetWidth === width", arg=before)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such a name")
def test_a_name_is_text_and_never_markup(opened: lab.Notebook, page: Any) -> None:
    page.locator(ROWS, has_text="onerror").click()
    agrees(page, lab.HOSTILE)
    assert page.locator("img[src=x]").count() == 0
    assert "owned" not in page.title()


def test_it_is_labelled(page: Any) -> None:
    bare = page.locator(".mme-bar, .mme-ranges, .mme-line").evaluate_all(
        """areas => areas
            .flatMap(area => [...area.querySelectorAll('button, select, input, img, .noUi-handle')])
            .filter(node => !(node.textContent.trim() && node.tagName === 'BUTTON') && !node.title
                && !node.alt && !node.labels?.length && !node.ariaLabel).map(node => node.outerHTML)"""
    )
    assert bare == []


def test_the_scale_of_the_bars_is_said(page: Any) -> None:
    bars = page.locator(".mme-histogram").first
    assert "Square-root scale" in str(bars.get_attribute("title"))
    assert "square-root scale" in str(bars.get_attribute("alt"))


@pytest.mark.parametrize(
    "size", [WIDE, NARROW, {"width": 1920, "height": 1080}], ids=lambda size: size["width"]
)
def test_nothing_is_cut_off(page: Any, size: Any) -> None:
    page.set_viewport_size(size)
    page.wait_for_timeout(300)
    cut = page.evaluate(
        """() => {
            const frame = document.querySelector('.mme').getBoundingClientRect();
            return [...document.querySelectorAll('.mme-bar *, .mme-ranges *, .mme-line *, .mml, .mmv')]
                .filter(node => node.getBoundingClientRect().right > frame.right + 1)
                .map(node => node.className);
        }"""
    )
    assert cut == []
    table, viewer = (page.locator(part).bounding_box() for part in (".mme .mml", ".mme .mmv"))
    assert min(table["height"], table["width"]) > 200
    assert viewer["height"] > 400
    assert viewer["width"] > 650


def test_nothing_leaves_the_machine(opened: lab.Notebook, page: Any) -> None:
    assert len(opened.requests) > 10
    assert opened.strangers() == []


def test_a_view_of_the_output_works_and_says_nothing_of_kernels(opened: lab.Notebook, page: Any) -> None:
    page.evaluate(
        """async () => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const cells = [...notebook.model.cells];
            notebook.activeCellIndex = cells.findIndex(cell => cell.outputs?.toJSON()
                .some(output => output.data?.['text/html']?.includes('mm-still-')));
            await jupyterapp.commands.execute('notebook:create-output-view');
        }"""
    )
    view = page.locator(".jp-LinkedOutputView")
    view.locator(ROWS).first.wait_for()
    view.locator(ROWS, has_text="form.png").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.mmv-name')].every(name => name.textContent === 'form.png')"
    )
    assert page.locator(".mmv-name").count() == 2
    assert [still.is_visible() for still in page.locator(".mm-still").all()] == [False, False]
    assert opened.complaints == []
    page.evaluate(
        """() => [...jupyterapp.shell.widgets('main')]
            .find(each => each.content.hasClass('jp-LinkedOutputView')).close()"""
    )


@pytest.fixture
def gallery(page: Any) -> Iterator[Any]:
    """The explorer with its gallery."""
    page.get_by_role("button", name="Gallery", exact=True).click()
    page.locator(".mmg-tile .mmg-sheet").first.wait_for()
    yield page
    page.get_by_role("button", name="Table", exact=True).click()
    page.locator(ROWS).first.wait_for()


def tiles(page: Any) -> list[str]:
    found: list[str] = page.locator(".mmg-tile").evaluate_all("all => all.map(one => one.title)")
    return found


def marks(page: Any, name: str) -> None:
    """Wait until the viewer shows the row `name`, and its tile is the one that is marked, in sight."""
    page.wait_for_function(
        """name => {
            const [tile, ...more] = document.querySelectorAll(".mmg-tile[aria-selected=true]");
            if (!tile || more.length || tile.title !== name) return false;
            if (document.querySelector('.mmv-name').textContent !== name) return false;
            if (!document.querySelector('.mmv-place').textContent) return false;
            const outer = tile.closest(".mmg-list").getBoundingClientRect();
            const inner = tile.getBoundingClientRect();
            return inner.top >= outer.top && inner.bottom <= outer.bottom + 1;
        }""",
        arg=name,
    )


def test_the_gallery_shows_the_same_rows_in_the_same_order(page: Any, gallery: Any) -> None:
    count = int(gallery.locator(".mmg-tile").first.get_attribute("aria-setsize"))
    assert count == 6 + CHANGED
    shown = tiles(gallery)
    gallery.get_by_role("button", name="Table", exact=True).click()
    assert names(page)[: len(shown)] == shown
    gallery.get_by_role("button", name="Gallery", exact=True).click()


def test_a_thumbnail_of_the_difference_fits_those_of_both_pictures(gallery: Any) -> None:
    tile = gallery.locator(".mmg-tile[title='form.png']")
    tile.scroll_into_view_if_needed()
    tile.locator("canvas").nth(2).wait_for()
    first, second, delta = tile.locator("canvas").evaluate_all(
        """all => all.map(one => {
            const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
            return [one.width, one.height, [...new Uint32Array(data.buffer)]];
        })"""
    )
    assert first[:2] == second[:2] == delta[:2]
    differs = [one != other for one, other in zip(first[2], second[2], strict=True)]
    assert [pixel != 0 for pixel in delta[2]] == differs
    assert any(differs)


def test_a_tile_clicked_is_shown_and_the_viewer_marks_its_tile(gallery: Any) -> None:
    order = tiles(gallery)
    gallery.locator(".mmg-tile").nth(1).click()
    marks(gallery, order[1])
    gallery.get_by_role("button", name="Next picture").click()
    marks(gallery, order[2])


def test_keys_in_the_gallery_lead_on_from_the_tile_that_is_marked(gallery: Any) -> None:
    order = tiles(gallery)
    gallery.locator(".mmg-tile").first.click()
    for _ in range(3):
        gallery.keyboard.press("ArrowRight")  # the kernel has not answered the one before
    marks(gallery, order[3])
    gallery.keyboard.press("Home")
    marks(gallery, order[0])
    gallery.keyboard.press("End")
    gallery.wait_for_function("() => document.querySelector('.mmg-tile:last-child').ariaSelected === 'true'")
    marks(gallery, tiles(gallery)[-1])


def test_rows_without_two_pictures_have_one_or_a_sentence(gallery: Any) -> None:
    for status, part in (("missing", "[data-side=first] canvas"), ("error", ".mmg-message")):
        gallery.get_by_role("button", name=status, exact=False).first.click()
        tile = gallery.locator(f".mmg-tile:has([data-status={status}])").first
        tile.locator(part).wait_for()
        assert tile.locator("canvas, .mmg-message").count() == 1
        gallery.get_by_role("button", name=status, exact=False).first.click()


def test_without_its_kernel_it_says_so(
    opened: lab.Notebook, page: Any, root: Path, server: lab.Server, chromium: Any
) -> None:
    """The last one: the notebook is saved, its kernel ended, and it is opened again in a page that is new."""
    assert opened.complaints == []
    page.evaluate("async () => { await jupyterapp.commands.execute('docmanager:save') }")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    with lab.profile(chromium, server, root) as again:
        again.open(NOTEBOOK)
        still = again.page.locator(".mm-still")
        still.get_by_text("need a running kernel").scroll_into_view_if_needed()
        assert still.get_by_text("need a running kernel").is_visible()
        assert still.locator("tbody tr").count() == 6 + CHANGED
