"""Measure how long the viewer takes to show a pair of tall pages, and how smoothly it moves.

    python benchmarks/viewer.py [FIRST SECOND] [--height 12000]

The viewer runs in JupyterLab in Chromium. FIRST and SECOND are folders of screenshots, by default those of
``MYMODULES_DATA``. Their largest pages are repeated downwards up to the given height, so that a pair has real
content and real files.

Prints the median and the longest time in ms from the key press to the frame that shows both pictures, for
pairs fetched on demand and for pairs fetched ahead, and frames per second (requestAnimationFrame) while the
mouse drags.
"""

import argparse
import math
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import imagecodecs
import nbformat
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support import lab

from mymodules import batch, images

PAIRS = 6
CODE = """
from mymodules import results, viewer
viewer.Viewer(results.load({path!r}))
"""
SHOWN = """async () => {
    const root = document.querySelector('.mmv');
    const frame = () => new Promise(done => requestAnimationFrame(done));
    const before = performance.now();
    root.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', bubbles: true}));
    do await frame(); while (root.dataset.has !== 'both' || root.hasAttribute('data-loading'));
    await frame();
    return performance.now() - before;
}"""
COUNT = """() => {
    const counted = window.counted = {frames: 0, worst: 0, since: performance.now(), last: performance.now()};
    const frame = () => {
        if (window.counted !== counted) return;
        const now = performance.now();
        counted.frames += 1;
        counted.worst = Math.max(counted.worst, now - counted.last);
        counted.last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""
COUNTED = """() => {
    const {frames, worst, since} = window.counted;
    window.counted = null;
    return [1000 * frames / (performance.now() - since), worst];
}"""
MODES = ("side by side", "swipe", "onion skin", "blink", "difference", "delta")


def make(first: Path, second: Path, to: Path, height: int) -> None:
    """Make the largest pages of two folders `height` px tall."""
    names = sorted(
        (path.name for path in first.glob("*.png")), key=lambda name: -(first / name).stat().st_size
    )
    for place, name in enumerate(names[:PAIRS]):
        for side, folder in (("first", first), ("second", second)):
            page = images.read_rgba(folder / name)[..., :3]
            tall = np.tile(page, (math.ceil(height / len(page)), 1, 1))[:height]
            (to / side).mkdir(exist_ok=True)
            (to / side / f"{place}.png").write_bytes(imagecodecs.png_encode(tall))


def drag(page: Any, key: str, *, sideways: bool) -> tuple[float, float]:
    """Measure frames per second and the longest frame (ms) while the mouse drags."""
    page.keyboard.press(key)
    page.wait_for_timeout(800)
    box = page.locator(".mmv [data-pane=left] .mmv-picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(COUNT)
    for step in range(120):
        across = 0.4 * box["width"] * math.sin(step / 10) if sideways else 0
        page.mouse.move(x + across, y if sideways else y + 2 * step)
    rate, worst = page.evaluate(COUNTED)
    page.mouse.up()
    return rate, worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("MYMODULES_DATA", "."), "data", "screenshots")
    parser.add_argument("first", nargs="?", type=Path, default=data / "first")
    parser.add_argument("second", nargs="?", type=Path, default=data / "second")
    parser.add_argument("--height", type=int, default=12_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(chosen.first, chosen.second, root, chosen.height)
        (root / "out").mkdir()
        run = batch.run(root / "first", root / "second", root / "out", pictures="none")
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cells = [nbformat.v4.new_code_cell(CODE.format(path=str(run.csv_path)).strip())]
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), root / "n.ipynb"
        )
        (root / "home").mkdir()
        with lab.serve(root, root / "home") as server, lab.browse(server, root, whole=True) as notebook:
            notebook.open("n.ipynb")
            notebook.run_all()
            page = notebook.page
            page.locator(".mmv[data-has=both]").wait_for()
            page.locator(".mmv").focus()
            asked, ahead = [], []
            for place in range(PAIRS - 1):
                if place % 2 == 0:  # time enough to fetch the next pair ahead
                    page.wait_for_timeout(4000)
                (asked if place % 2 else ahead).append(page.evaluate(SHOWN))
            print(f"{PAIRS} pairs of {chosen.height} px, {notebook.failures() or 'no failures'}")
            for words, times in (("asked for", asked), ("fetched ahead", ahead)):
                print(f"shown, {words}: {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
            page.wait_for_timeout(3000)
            for number, mode in enumerate(MODES, 1):
                rate, worst = drag(page, str(number), sideways=mode == "swipe")
                print(f"{mode}: {rate:.0f} frames a second, longest {worst:.0f} ms")


if __name__ == "__main__":
    main()
