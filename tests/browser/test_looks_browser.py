"""The looks in the explorer, in JupyterLab in Chromium: each change is seen at 1:1 and decided once."""

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image
from support import lab, nodes

NOTEBOOK = "looks.ipynb"
CELL = """
from mymodules import batch, explore
run = batch.run("first", "second", "out", num_processors=1, pictures="none", store=None)
explorer = explore.explore(run)
explorer
"""
NAMES = ("docs-core.png", "docs-gmsd.png", "docs-ssim.png")
CUT = 640  # rows of each page
STAGE = ".mmo-stage"
MOST = 40  # looks: more than there are
# Of each picture on a look: its size in px and on screen, and whether it is within the look.
SHOWN = """() => {
    const look = document.querySelector('.mmo-look').getBoundingClientRect();
    return [...document.querySelectorAll('.mmo-look canvas')].map(canvas => {
        const box = canvas.getBoundingClientRect();
        const within = box.left >= look.left - 1 && box.right <= look.right + 1
            && box.top >= look.top - 1 && box.bottom <= look.bottom + 1;
        return [canvas.width, canvas.height, box.width, box.height, within];
    });
}"""
DRAWN = """() => {
    const sides = [...document.querySelectorAll('.mmo-look .mmo-side')];
    return sides.length && sides.every(side => 'drawn' in side.dataset || !side.querySelector('canvas').width
        || !side.querySelector('canvas').height);
}"""


@pytest.fixture
def root(own_folder: Path, shared_data: Path) -> Path:
    screenshots = shared_data / "data" / "screenshots"
    for side in ("first", "second"):
        (own_folder / side).mkdir()
        for name in NAMES:
            with Image.open(screenshots / side / name) as picture:
                picture.crop((0, 0, picture.width, CUT)).save(own_folder / side / name)
    (own_folder / "out").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(CELL.strip())]
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, own_folder / NOTEBOOK)
    return own_folder


def place(page: Any) -> str:
    """Which look is shown."""
    return str(page.locator(".mmo-place").inner_text())


def counts(page: Any) -> tuple[int, int]:
    """How many looks are decided, and how many there are."""
    decided, _, every = page.locator(".mmo-told").inner_text().split(" ")[:3]
    return int(decided), int(every)


def has_count(page: Any, decided: int) -> None:
    """Wait until so many looks are decided."""
    page.wait_for_function(
        "text => document.querySelector('.mmo-told').textContent.startsWith(text)", arg=f"{decided} of "
    )


def opens_an_occurrence(page: Any) -> None:
    """Go to a page on which the first change stands, and back to the looks."""
    page.locator(STAGE).focus()
    page.keyboard.press("j")
    page.locator(".mmo-where").first.click()
    assert page.evaluate("() => document.activeElement.matches('.mmo-where')"), "keys go on to work"
    there = page.locator(".mmo-pages [role=option]").last
    name = there.inner_text()
    there.dblclick()
    page.wait_for_function(
        """name => document.querySelector('.mmv-name')?.textContent === name
            && document.querySelector('.mmv').checkVisibility()""",
        arg=name,
    )
    page.locator(".mmv").focus()
    page.keyboard.press("l")
    page.wait_for_function("() => document.activeElement.matches('.mmo-stage')")
    page.keyboard.press("Escape")  # of the page, the change
    page.keyboard.press("Escape")  # of the change, the whole look


def test_look_by_look_with_the_keyboard_and_later_only_what_is_new(
    root: Path, server: lab.Server, tab: lab.Notebook
) -> None:
    with lab.ran(tab, root, NOTEBOOK, ".mmo-item", listed="") as notebook:
        assert notebook.failures() == []
        page = notebook.page
        page.locator(STAGE).focus()
        decided, every = counts(page)
        assert 0 < every < MOST
        assert decided == 0
        assert place(page) == f"Look 1 of {every}"
        assert page.locator(".mmv").is_hidden()  # looks have the room of all
        for theme in ("Dark", "Light"):
            notebook.theme(theme)
            nodes.check_accessible(page, ".mme", colours=theme == "Dark")
        opens_an_occurrence(page)
        seen = set()
        while decided < every:
            seen.add(place(page))
            page.wait_for_function(DRAWN)
            for width, height, wide, high, within in page.evaluate(SHOWN):
                assert within
                assert wide >= width
                assert high >= height
            page.keyboard.press("a")
            page.wait_for_function(
                """([place, told]) => document.querySelector('.mmo-place').textContent !== place
                    || document.querySelector('.mmo-told').textContent.startsWith(told)""",
                arg=[place(page), f"{every} of "],
            )
            decided = counts(page)[0]
        assert len(seen) == every
        states = notebook.python("print(set(explorer.frame['decision']), explorer.looking.plan.changed)")
        assert states == f"{{'accept'}} {len(NAMES)}"
        assert notebook.complaints == []
        assert notebook.strangers() == []
    server.end_kernels()
    with lab.ran(tab, root, NOTEBOOK, ".mmo-nothing", listed="") as notebook:
        page = notebook.page
        assert place(page) == "No look"
        sentence = page.locator(".mmo-sentence").inner_text()
        assert sentence.startswith(f"{len(NAMES)} pictures changed: 0 distinct changes, 0 looks. ")
        assert sentence.endswith(" changes decided earlier.")
        path = root / "second" / NAMES[1]
        samples = np.array(Image.open(path))
        samples[300:330, 400:440] ^= 0x55
        Image.fromarray(samples).save(path)
        notebook.run_all()
        page.locator(".mmo-item").first.wait_for()
        assert place(page) == "Look 1 of 1"
        page.locator(STAGE).focus()
        page.keyboard.press("t")
        page.keyboard.type("dark area, add")  # letters that are keys of looks and of the notebook
        page.keyboard.press("Enter")
        page.keyboard.press("r")
        has_count(page, 1)
        assert page.locator(".mmo-strip").inner_text().endswith(" · note: dark area, add")
        page.keyboard.press("u")
        has_count(page, 0)
        assert notebook.complaints == []
