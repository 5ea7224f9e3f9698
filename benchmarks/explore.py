"""Measure how long the explorer takes with many rows, in JupyterLab in Chromium, as users run it.

    python benchmarks/explore.py                  10,000 rows
    python benchmarks/explore.py 1000 30000       other numbers of rows

Needs the extra `test` and a browser, see tests/support/lab.py. The rows of the samples are repeated with
other names and figures. Prints a table in Markdown: the time from running the cell until table and picture
are shown, and from a click on a filter, a heading or the next picture until rows and viewer have followed.
Memory is the growth of the kernel and of the browser's page.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import nbformat  # noqa: E402
from support import lab  # noqa: E402 - the checkout that this file belongs to is measured, installed or not

BEGIN = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
import numpy as np, pandas as pd, psutil
from mymodules import batch, explore, results
"""
SAMPLES = """
run = batch.run("img/01.first", "img/02.second", "img", num_processors=1, pictures="none")
few = run.frame()
some = np.random.default_rng(0)
frame = few.iloc[np.arange(ROWS) % len(few)].reset_index(drop=True)
frame["pixel_diff_percent"] *= some.random(ROWS) ** 3
frame["ssim_score"] = 1 - (1 - frame["ssim_score"]) * some.random(ROWS)
# Names lead to the samples by way of folders that are links to them.
names = enumerate(frame["image_filename"])
frame["image_filename"] = [f"copy-{{i // len(few):05}}/{{name}}" for i, name in names]
frame.attrs["run"] = few.attrs["run"]
"""
END = """
memory = lambda: psutil.Process().memory_info().rss
before = memory()
"""
SHOW = "explorer = explore.explore(frame, order='attention')\nexplorer"
MEMORY = "print(memory() - before)"

# Runs in the page: the time from an action until the rows and the viewer say so.
WAIT = """async ([act, done]) => {
    const begun = performance.now();
    eval(act);
    while (!eval(done)) await new Promise(requestAnimationFrame);
    return performance.now() - begun;
}"""
PLACE = "document.querySelector('.mmv-place')?.textContent"
COUNT = "document.querySelector('.mme-summary b')?.textContent"
TABLE = "(Number(document.querySelector('.mml-table')?.ariaRowCount) - 1)"
LOOK = "document.querySelector('.mmo-side canvas')"
FIRST = "document.querySelector('.mml-row .mml-name')?.title"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", nargs="*", type=int, default=[10_000], help="numbers of rows (10000)")
    arguments = parser.parse_args()
    print("| rows | what | median | span |\n| --: | --- | --: | --: |")
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("01.first", "02.second"):
                shutil.copytree(ROOT / "img" / name, Path(folder, "img", name))
            found = measured(f"ROWS = {rows}{SAMPLES}", rows, Path(folder), linked=True)
            for what, values, unit in found:
                span = f"{min(values):,.0f}-{max(values):,.0f}" if len(values) > 1 else ""
                print(f"| {rows:,} | {what} | {median(values):,.0f} {unit} | {span} |", flush=True)


def measured(
    prepare: str, rows: int, folder: Path, *, linked: bool = False
) -> list[tuple[str, list[float], str]]:
    """Measure everything in a notebook below `folder`; return names, values and units.

    `prepare` makes `frame`, of so many rows; with `linked`, these lead to the samples through links.
    """
    cells = [nbformat.v4.new_code_cell(f"{BEGIN}{prepare}{END}")]
    cells += [nbformat.v4.new_code_cell(source) for source in (SHOW, MEMORY)]
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "many.ipynb")
    with lab.serve(folder, folder / "home") as server, lab.browse(server, folder, whole=True) as notebook:
        page = notebook.page
        notebook.open("many.ipynb")
        run(page, 0)
        if linked:
            links(folder, rows)
        heap = heap_of(page)
        begun = time.monotonic()
        run(page, 1)
        page.wait_for_selector(".mml-row[aria-selected=true]")
        page.wait_for_function(f"() => {PLACE} === '1 / {rows:,}'")
        shown = (time.monotonic() - begun) * 1000
        page.locator(".mme").scroll_into_view_if_needed()
        grown = heap_of(page) - heap
        found = [("shown", [shown], "ms")]
        found += [
            ("a status pressed", filters(page, rows), "ms"),
            ("all rows again", clears(page, rows), "ms"),
        ]
        found += [("a heading clicked", orders(page), "ms"), ("next picture", steps(page), "ms")]
        if page.locator("[data-view=looks]").count():
            shown = page.evaluate(WAIT, [click(".mml-bar button", "Looks"), LOOK])
            found.append(("looks planned, and the first shown", [shown], "ms"))
        run(page, 2)
        text = notebook.outputs()[-1]["text"]
        found += [("kernel's memory", [int(text) / 2**20], "MiB"), ("page's memory", [grown / 2**20], "MiB")]
        assert notebook.failures() == []
        return found


def run(page: Any, place: int) -> None:
    page.evaluate(
        """async place => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = place;
            await jupyterapp.commands.execute('notebook:run-cell');
        }""",
        place,
    )


def links(folder: Path, rows: int) -> None:
    """Make the folders that the names lead through."""
    for name in ("01.first", "02.second"):
        for number in range(rows // 10 + 1):
            (folder / "img" / name / f"copy-{number:05}").symlink_to(folder / "img" / name)


def heap_of(page: Any) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"])


def click(selector: str, text: str = "") -> str:
    found = f"[...document.querySelectorAll({json.dumps(selector)})]"
    return f"{found}.find(node => node.textContent.includes({json.dumps(text)})).click()"


def filters(page: Any, rows: int) -> list[float]:
    """Press the filter "changed", which keeps most of the rows."""
    filled = f"{COUNT} === {TABLE}.toLocaleString('en')"
    done = f"{COUNT} !== '{rows:,}' && {PLACE}?.endsWith('/ ' + {COUNT}) && {filled}"
    times = []
    for _ in range(5):
        times.append(page.evaluate(WAIT, [click(".mme-status", "changed"), done]))
        clears(page, rows, 1)
    return times


def clears(page: Any, rows: int, repeats: int = 5) -> list[float]:
    # Pictures of one folder are folded in the list, so it has fewer lines than there are rows.
    done = f"{COUNT} === '{rows:,}' && {PLACE}?.endsWith('/ {rows:,}')"
    times = []
    for _ in range(repeats):
        if repeats > 1:
            page.evaluate(WAIT, [click(".mme-status", "same"), f"{COUNT} !== '{rows:,}'"])
            page.wait_for_timeout(300)
        times.append(page.evaluate(WAIT, [click(".mme-line button", "Show all rows"), done]))
        page.wait_for_timeout(300)
    return times


def orders(page: Any) -> list[float]:
    times = []
    for _ in range(4):
        before = page.evaluate(f"() => {FIRST}")
        heading = click(".mml-head button", "name")
        times.append(page.evaluate(WAIT, [heading, f"{FIRST} && {FIRST} !== {json.dumps(before)}"]))
        page.wait_for_timeout(300)
    return times


def steps(page: Any) -> list[float]:
    name = "document.querySelector('.mmv-name').textContent"
    row = "document.querySelector('.mml-row[aria-selected=true] .mml-name')?.title"
    times = []
    for _ in range(20):
        before = page.evaluate(f"() => {name}")
        done = f"{name} !== {json.dumps(before)} && {row} === {name}"
        times.append(
            page.evaluate(
                WAIT,
                [click("[aria-label='Next picture'], [aria-label='Previous picture']:not(:disabled)"), done],
            )
        )
        page.wait_for_timeout(50)
    return times


if __name__ == "__main__":
    main()
