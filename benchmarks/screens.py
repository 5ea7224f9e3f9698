"""What report, explorer and looks of a run cost, in Chromium and JupyterLab, as people open them.

    python benchmarks/screens.py RESULTS          results-<stamp>.csv of a finished run

Prints the lines of a table in Markdown; `scale.py --screens` makes runs and does the same. The report is
opened from the disk with an empty profile, on its table; it is shown when there are rows and both pictures of
the first one. The explorer is shown when its table is filled and the viewer has the first row. A filter, an
order or a step has come when the rows and the viewer's place say so.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import explore  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from report import OPENED, size  # noqa: E402
from support import lab  # noqa: E402 - the checkout that this file belongs to is measured, installed or not

HEAD = "| rows | what | s | processor s | memory MB | notes |\n| --: | --- | --: | --: | --: | --- |"
WRITE = """
import sys
sys.path[:0] = [sys.argv[1]]
from mymodules import report, results
report.write(results.load(sys.argv[2]), sys.argv[3])
"""
LINES = "document.querySelector('.mml-table')?.ariaRowCount"
PLACE = explore.PLACE
TYPED = """{
    const field = document.querySelector('.mmr-bar input');
    field.value = %r;
    field.dispatchEvent(new Event('input'));
}"""
END = """{
    const table = document.querySelector('.mml-table');
    table.focus();
    table.dispatchEvent(new KeyboardEvent('keydown', {key: 'End', bubbles: true}));
}"""
ACTS = (  # what, what is done, and of what another value says that it is there
    ("report, a status pressed", explore.click(".mmr-statuses button", "changed"), LINES),
    ("report, all rows again", explore.click(".mmr-statuses button", "changed"), LINES),
    ("report, ordered by name", explore.click(".mml-head button", "name"), explore.FIRST),
    ("report, a name typed", TYPED % "00007", LINES),
    ("report, all rows once more", TYPED % "", LINES),
    ("report, the last row", END, PLACE),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    print(HEAD)
    for line in lines(parser.parse_args().results):
        print(line, flush=True)


def lines(results: Path) -> Iterator[str]:
    """Yield the lines of the table about a run."""
    with results.open("rb") as file:
        rows = sum(1 for _ in file) - 1  # no cell of a run has a line break
    with tempfile.TemporaryDirectory() as folder:
        for what, seconds, processor, memory, notes in measured(results, rows, Path(folder)):
            yield f"| {rows:,} | {what} | {seconds} | {processor} | {memory} | {notes} |"


def measured(results: Path, rows: int, folder: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield name, seconds, processor seconds, memory and notes of each step."""
    target = folder / "report"
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(ROOT), str(results), str(target)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("The report was not written.")
    seconds, page = time.perf_counter() - begun, target / "index.html"
    files = sum(each.is_file() for each in target.rglob("*"))
    notes = f"page {size(page) / 1e6:.1f} MB, all {size(target) / 1e6:.1f} MB in {files:,} files"
    processor, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    yield "report, written", f"{seconds:.2f}", f"{processor:.2f}", f"{memory:.0f}", notes
    yield from opened(page)
    prepare = f"frame = results.load({str(results)!r})"
    for what, values, unit in explore.measured(prepare, rows, folder):
        if unit == "ms":
            yield f"explorer, {what}", f"{median(values) / 1000:.2f}", "", "", f"of {len(values)}"
        else:
            yield f"explorer, {what}", "", "", f"{median(values):.0f}", ""


def opened(path: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the same of a report that is opened and used."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=lab.chromium(whole=True), args=list(lab.ARGUMENTS)
        )
        times = []
        for _ in range(3):
            # The page allows no script to be made of text, as those are that measure.
            context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
            tab = context.new_page()
            tab.set_default_timeout(lab.PATIENCE)
            tab.add_init_script(lab.CHOSEN % "table")
            tab.add_init_script(OPENED)
            tab.goto(path.as_uri(), wait_until="commit")
            times.append(tab.wait_for_function("() => window.opened").json_value() / 1000)
        notes = f"{min(times):.2f} .. {max(times):.2f}"
        yield "report, opened", f"{median(times):.2f}", "", f"{explore.heap_of(tab) / 1e6:.0f}", notes
        for what, act, told in ACTS:
            yield what, f"{waited(tab, act, told):.2f}", "", "", ""
        if tab.locator("[data-view=looks]").count():
            act = explore.click(".mml-bar button", "Looks")
            yield "report, looks shown", f"{waited(tab, act, explore.LOOK):.2f}", "", "", ""
        browser.close()


def waited(tab: Any, act: str, told: str) -> float:
    """Return the seconds until an expression has another value after an action."""
    done = f"({told}) && ({told}) !== window.before"
    return float(tab.evaluate(explore.WAIT, [f"window.before = {told}; {act}", done])) / 1000


if __name__ == "__main__":
    main()
