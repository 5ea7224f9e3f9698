"""How large a report is, how long it takes to write and to open, and how smoothly its table scrolls.

    python benchmarks/report.py [--times 5]

The reports are of the 23 screenshots and 372 plots of ``MYMODULES_DATA``, and of 2,000 pairs of 400 x 300 px
cut from the screenshots, half of which differ; each as a folder and as one file. Chromium opens each page
from the disk with an empty profile. The time to open lasts from the start of the navigation to the frame that
shows rows of the table and both pictures of the first row. Prints sizes, and median and longest times.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from playwright.sync_api import sync_playwright
from support import lab

from mymodules import batch, report

CUTS = 2000
WIDE, HIGH = 400, 300  # px
OPENED = """(() => {
    const look = () => {
        const root = document.querySelector('.mmv');
        const there = root?.dataset.has === 'both' && !root.hasAttribute('data-loading');
        if (there && document.querySelector('[data-row]')) window.opened = performance.now();
        else requestAnimationFrame(look);
    };
    look();
})()"""
SCROLLED = """async () => {
    const area = document.querySelector('.mml-table');
    const frame = () => new Promise(done => requestAnimationFrame(done));
    const [began, times] = [await frame(), []];
    let before = began;
    while (before - began < 2000) {
        area.scrollTop += 60;
        const now = await frame();
        times.push(now - before);
        before = now;
    }
    return [1000 * times.length / (before - began), Math.max(...times)];
}"""


def cut(pages: Path, to: Path) -> None:
    """Cut pairs from pages, every second one with an inverted patch."""
    rng = np.random.default_rng(3)
    sources = [imagecodecs.png_decode(path.read_bytes())[..., :3] for path in sorted(pages.glob("*.png"))]
    for side in ("first", "second"):
        (to / side).mkdir(parents=True)
    for number in range(CUTS):
        page = sources[number % len(sources)]
        top, left = (int(rng.integers(size)) for size in (page.shape[0] - HIGH, page.shape[1] - WIDE))
        first = np.ascontiguousarray(page[top : top + HIGH, left : left + WIDE])
        second = first.copy()
        if number % 2:
            second[100:140, 100:220] ^= 255
        for side, pixels in (("first", first), ("second", second)):
            (to / side / f"{number:04}.png").write_bytes(imagecodecs.png_encode(pixels))


def size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def spread(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.2f} s, worst {max(times):.2f} s"


def measure(browser: Any, frame: Any, page: Path, times: int, same: bool) -> None:
    written, opened = [], []
    embed = report.is_one_file(page)
    for _ in range(times):
        began = time.perf_counter()
        there = report.write(frame, page, embed=embed, same=same)
        written.append(time.perf_counter() - began)
    scrolled = (0.0, 0.0)
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        tab = context.new_page()
        tab.add_init_script(OPENED)
        tab.goto(there.as_uri(), wait_until="commit")
        opened.append(tab.wait_for_function("() => window.opened").json_value() / 1000)
        scrolled = tab.evaluate(SCROLLED)
        context.close()
    print(f"  {'one file' if embed else 'folder'}{', with same' if same else ''}: {size(page) / 1e6:.1f} MB")
    print(f"    written in {spread(written)}; opened in {spread(opened)}")
    print(f"    table: {scrolled[0]:.0f} frames a second, longest {scrolled[1]:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    data = Path(os.environ.get("MYMODULES_DATA", "."), "data")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        cut(data / "screenshots" / "first", root / "cuts")
        browser = playwright.chromium.launch(
            executable_path=lab.chromium(whole=True), args=list(lab.ARGUMENTS)
        )
        for place in (data / "screenshots", data / "plots", root / "cuts"):
            out = root / f"out-{place.name}"
            out.mkdir()
            frame = batch.run(place / "first", place / "second", out, pictures="none", store=None).frame()
            pictures = sum(size(place / side) for side in ("first", "second"))
            print(f"{place.name}: {len(frame):,} rows, pictures of {pictures / 1e6:.1f} MB")
            for name in ("report", "report.html"):
                for same in (False, True):
                    measure(browser, frame, out / name, chosen.times, same)
        browser.close()


if __name__ == "__main__":
    main()
