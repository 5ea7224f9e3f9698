"""A real page that grew: the viewer marks what came, and nothing of all that stands lower for it.

The page is one of a site before it was redesigned, with 132 rows of the same page afterwards between its own.
"""

from pathlib import Path

import numpy as np
import pytest
from support import pngs
from support.viewer_page import Driven, write_notebook

from mymodules import batch, images

NAME = "docs-core-native.png"
TOP, ROWS = (
    6263,
    132,
)  # the rows of the new page that are put in, and the row of the old page that they precede

# Note which boxes stand on each canvas of the page: those since it was last cleared.
NOTE = """() => {
    if (window.boxes) return;
    const { prototype } = CanvasRenderingContext2D;
    const { clearRect, strokeRect } = prototype;
    window.boxes = new WeakMap();
    prototype.clearRect = function (...box) {
        window.boxes.set(this.canvas, []);
        return clearRect.apply(this, box);
    };
    prototype.strokeRect = function (...box) {
        window.boxes.get(this.canvas)?.push(box);
        return strokeRect.apply(this, box);
    };
}"""
# The zoom, and the boxes on a pane's overlay, CSS px from the corner of the side's picture.
READ = """([side, pane]) => {
    const node = document.querySelector(`.mmv [data-pane=${pane}]`);
    const overlay = node.querySelector(".mmv-overlay");
    const from = node.querySelector(`.mmv-sheet[data-side=${side}] img`).getBoundingClientRect();
    const to = overlay.getBoundingClientRect();
    const box = ([x, y, ...size]) => [to.x + x - from.x, to.y + y - from.y, ...size];
    return [Number(node.closest(".mmv").dataset.zoom), window.boxes.get(overlay).map(box)];
}"""


@pytest.fixture(scope="module")
def root(own_folder: Path, shared_data: Path) -> Path:
    folder = shared_data / "data" / "screenshots"
    if not folder.is_dir():
        pytest.skip("MYMODULES_DATA has no screenshots")
    old, new = (images.read_rgba(folder / side / NAME)[..., :3] for side in ("first", "second"))
    grown = np.concatenate([old[:TOP], new[TOP : TOP + ROWS], old[TOP:]])
    for side, picture in (("first", old), ("second", grown)):
        (own_folder / side).mkdir()
        (own_folder / side / NAME).write_bytes(pngs.write(picture, 2, 8))
    (own_folder / "out").mkdir()
    folders = (own_folder / name for name in ("first", "second", "out"))
    run = batch.run(*folders, num_processors=1, pictures="none", store=None)
    write_notebook(own_folder / "viewer.ipynb", run.csv_path)
    return own_folder


def written(root: Path) -> tuple[int, int, int, int]:
    """The box of what can be seen in the rows that came, px of second."""
    came = images.read_rgba(root / "second" / NAME)[TOP : TOP + ROWS]
    seen = (came != came[0, 0]).any(axis=2)
    (top, bottom), (left, right) = (np.flatnonzero(seen.any(axis=axis))[[0, -1]] for axis in (1, 0))
    return int(left), TOP + int(top), int(right - left) + 1, int(bottom - top) + 1


def drawn(viewer: Driven, side: str, pane: str) -> set[tuple[float, ...]]:
    """The boxes that stand over a pane, px of the side that is shown there."""
    viewer.settle()
    zoom, boxes = viewer.page.evaluate(READ, [side, pane])
    return {
        # A line is drawn 1.5 px of the screen outside of its box.
        ((x + 1.5) / zoom, (y + 1.5) / zoom, (wide - 3) / zoom, (high - 3) / zoom)
        for x, y, wide, high in boxes
    }


def test_only_what_came_is_marked_on_a_page_that_grew(viewer: Driven, root: Path) -> None:
    viewer.page.evaluate(NOTE)
    viewer.show(NAME)
    (item,) = viewer.root.locator(".mmv-list button").all()
    x, y, width, height = written(root)
    assert item.get_attribute("data-cause") == "inserted"
    assert str(item.text_content()).split() == [
        *("1", "+", f"{width}", "x", f"{height}", "at", f"{x},", f"{y}", f"{ROWS * 1280:,}", "px")
    ]
    viewer.press("f")  # the whole page
    assert [len(drawn(viewer, *shown)) for shown in (("first", "left"), ("second", "right"))] == [1, 1]
    viewer.press("e")  # each picture where its file has it
    (where,), (what,) = drawn(viewer, "first", "left"), drawn(viewer, "second", "right")
    screen = 1 / viewer.zoom()
    assert what == pytest.approx((x, y, width, height), abs=screen)
    assert where == pytest.approx((0, TOP, 1280, 3 * screen), abs=2 * screen)  # a line, as nothing went there
    viewer.press("e")
