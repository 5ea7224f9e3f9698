"""The explorer about files that were paired by their stems: both are shown, and first gets second's name."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from support import lab
from support.programs import until
from test_explore_browser import ROWS, agrees

from mymodules.triage import FILE

CELL = """
from mymodules import batch, explore
run = batch.run("first", "second", "out", match="stem", num_processors=1)
explorer = explore.explore(run)
explorer
"""
HEIGHTS = {"left": 30, "right": 36}  # px, of first and second


@pytest.fixture(scope="module")
def root(own_folder: Path) -> Path:
    for side, name, height in (("first", "bars.png", 30), ("second", "bars.webp", 36)):
        (own_folder / side).mkdir()
        Image.new("RGB", (40, height), (height, 90, 200)).save(own_folder / side / name, lossless=True)
    (own_folder / "out").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(CELL.strip())]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), own_folder / "matched.ipynb"
    )
    return own_folder


@pytest.fixture(scope="module")
def opened(root: Path, tab: lab.Notebook) -> Iterator[lab.Notebook]:
    with lab.ran(tab, root, "matched.ipynb", ROWS) as notebook:
        yield notebook


def test_both_files_are_shown_and_approving_takes_seconds_name(opened: lab.Notebook, root: Path) -> None:
    page, second = opened.page, (root / "second" / "bars.webp").read_bytes()
    assert opened.failures() == []
    agrees(page, "bars.png")
    assert opened.python("explorer.viewer.mode = 'side-by-side'") == ""
    page.wait_for_function(
        """heights => Object.entries(heights).every(([pane, height]) =>
            document.querySelector(`.mmv [data-pane=${pane}] img`)?.naturalHeight === height)""",
        arg=HEIGHTS,
    )
    page.locator(".mmv").focus()
    page.keyboard.press("a")
    file = root / "out" / FILE  # the page shows a decision before it is written
    until(lambda: file.exists() and "bars.png" in file.read_text(encoding="utf-8-sig"), "it is written")
    page.get_by_role("button", name="Approve …", exact=True).click()
    page.locator(".mme-approving").get_by_role("button", name="Yes, change 1 file").click()
    page.locator(".mme-approving p", has_text="1 picture approved.").wait_for()
    assert {path.name: path.read_bytes() for path in (root / "first").iterdir()} == {"bars.webp": second}
    page.locator(".mme-approving").get_by_role("button", name="Undo", exact=True).click()
    page.locator(".mme-approving p", has_text="2 files restored.").wait_for()
    assert [path.name for path in (root / "first").iterdir()] == ["bars.png"]
    assert opened.complaints == []
