"""The notebook as a person meets it: in JupyterLab in Chromium, with real clicks and keys."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import lab, nodes

NOTEBOOK = "notebooks/01_compare.ipynb"
BLEND = ".mymodules-blend"
PICTURE = f"{BLEND} img"


@pytest.fixture(scope="module")
def root(own_folder: Path) -> Path:
    return lab.project(own_folder)


@pytest.fixture(scope="module")
def notebook(root: Path, tab: lab.Notebook) -> Iterator[lab.Notebook]:
    """The notebook with all cells run."""
    with lab.ran(tab, root, NOTEBOOK, PICTURE) as notebook:
        yield notebook


@pytest.fixture
def blend(notebook: lab.Notebook) -> Any:
    """The blend with the dashboard chosen and the slider a little way from its left end."""
    blend = notebook.page.locator(BLEND)
    choose(notebook, "dashboard.png")
    press(notebook, "Home")
    for _ in range(2):
        press(notebook, "ArrowRight")
    return blend


def opened(file: Path | io.BytesIO) -> np.ndarray:
    """Return the RGB pixels of a file."""
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def pixels(notebook: lab.Notebook) -> np.ndarray:
    """Return the RGB pixels of the picture in the blend."""
    return opened(io.BytesIO(notebook.picture(PICTURE)))


def source(notebook: lab.Notebook) -> str:
    address: str = notebook.page.locator(PICTURE).get_attribute("src")
    return address


def changes(notebook: lab.Notebook, before: str) -> None:
    """Wait until the blend shows another picture than the one at `before`, and the last that is to come."""
    notebook.page.wait_for_function(
        f"before => document.querySelector({PICTURE!r}).src !== before", arg=before
    )
    lab.settles(notebook.page)
    notebook.page.wait_for_function(f"() => document.querySelector({PICTURE!r}).complete")


def press(notebook: lab.Notebook, key: str) -> None:
    """Press a key on the slider and wait for the picture, if the slider moves."""
    handle = notebook.page.locator(f"{BLEND} .noUi-handle")
    before, value = source(notebook), handle.get_attribute("aria-valuenow")
    handle.press(key)
    if handle.get_attribute("aria-valuenow") != value:
        changes(notebook, before)


def choose(notebook: lab.Notebook, name: str) -> None:
    """Pick the pair `name` in the drop-down."""
    box = notebook.page.locator(f"{BLEND} select")
    labels = box.locator("option").evaluate_all("options => options.map(option => option.text)")
    label = next(text for text in labels if text.replace("\N{NO-BREAK SPACE}", " ").endswith(f". {name}"))
    if box.evaluate("box => box.selectedOptions[0].text") != label:
        before = source(notebook)
        box.select_option(label=label)
        changes(notebook, before)


def test_no_cell_fails(notebook: lab.Notebook) -> None:
    assert notebook.failures() == []
    said = notebook.page.locator(".jp-OutputArea-output[data-mime-type*=stderr]").all_inner_texts()
    assert [text for text in said if "Warning" in text or "Error" in text] == []


def test_the_slider_changes_the_picture(notebook: lab.Notebook, blend: Any) -> None:
    before = pixels(notebook)
    press(notebook, "ArrowRight")
    after = pixels(notebook)
    assert before.shape == after.shape
    assert (before != after).any()


def test_the_slider_can_be_dragged(notebook: lab.Notebook, blend: Any) -> None:
    before, middle = source(notebook), pixels(notebook)
    handle = blend.locator(".noUi-handle").bounding_box()
    page = notebook.page
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 100, handle["y"] + handle["height"] / 2, steps=4)
    page.mouse.up()
    changes(notebook, before)
    assert (pixels(notebook) != middle).any()


@pytest.mark.parametrize(("key", "folder"), [("Home", "01.first"), ("End", "02.second")])
def test_without_boxes_the_ends_are_the_files(
    notebook: lab.Notebook, blend: Any, root: Path, key: str, folder: str
) -> None:
    press(notebook, key)
    before = source(notebook)
    blend.locator("input[type=checkbox]").uncheck()
    changes(notebook, before)
    shown, before = pixels(notebook), source(notebook)
    blend.locator("input[type=checkbox]").check()
    changes(notebook, before)
    np.testing.assert_array_equal(shown, opened(root / "img" / folder / "dashboard.png"))
    assert (pixels(notebook) != shown).any(), "boxes are drawn"


def test_a_pair_of_two_sizes_is_padded(notebook: lab.Notebook, blend: Any, root: Path) -> None:
    choose(notebook, "shop.png")
    first, second = (opened(root / "img" / name / "shop.png").shape for name in ("01.first", "02.second"))
    assert first[0] < second[0]
    assert pixels(notebook).shape == second


def test_the_picture_is_not_distorted(notebook: lab.Notebook, blend: Any) -> None:
    choose(notebook, "shop.png")
    height, width = pixels(notebook).shape[:2]
    box = notebook.page.locator(PICTURE).bounding_box()
    assert box["width"] <= 1280
    assert box["height"] / box["width"] == pytest.approx(height / width, rel=0.01)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such a name")
def test_a_name_is_text_and_never_markup(notebook: lab.Notebook, blend: Any) -> None:
    choose(notebook, lab.HOSTILE)
    page = notebook.page
    assert lab.HOSTILE in page.locator(".jp-OutputArea-output table", has_text="messages").inner_text()
    assert page.locator("img[src=x]").count() == 0
    assert "owned" not in page.title()


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_wrong(notebook: lab.Notebook, blend: Any, theme: str) -> None:
    notebook.theme(theme)
    parts = (".mmp", ".jp-OutputArea-output:has(caption)")
    nodes.check_accessible(notebook.page, *parts, colours=theme == "Dark")


def test_nothing_leaves_the_machine(notebook: lab.Notebook, blend: Any) -> None:
    assert len(notebook.requests) > 10
    assert notebook.strangers() == []


def test_the_console_has_no_errors(notebook: lab.Notebook, blend: Any) -> None:
    assert notebook.complaints == []
