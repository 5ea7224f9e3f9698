"""The panel in a process of its own: what becomes of a run when that process ends."""

import os
from pathlib import Path

import pytest
from support.programs import COUNTS, Folders, finished, kernel, noisy, until

from mymodules import results

WITHIN = 10.0  # s; a promise of moments


def pairs_of(given: Folders) -> int:
    return len(list(given.first.iterdir()))


STARTED = """
import sys, time
from mymodules.panel import panel

made = panel()
for role, folder in zip(("first", "second", "out"), sys.argv[1:4]):
    made.inputs[role].value = folder
made.start()
"""

BEGUN = f"""{STARTED}
while made._last is None:
    time.sleep(0.01)
"""


def test_a_script_that_ends_ends_its_run(noise: Folders, tmp_path: Path) -> None:
    given = noise.elsewhere(tmp_path / "out")
    assert finished(BEGUN, given) == (0, "", "")
    assert 0 < len(results.read(given.the("*.partial.csv"))) < pairs_of(given)


HANGS = """
import threading
from mymodules import pairs, panel as module

module._LAST = 0.1
pairs.find = lambda *_: threading.Event().wait()
"""


def test_a_script_ends_though_its_run_hangs(given: Folders) -> None:
    assert finished(HANGS + STARTED, given) == (0, "", "")


def test_a_script_that_waits_has_the_whole_run(given: Folders) -> None:
    code = f"{BEGUN}\nprint(made.wait(), made.run.counts)"
    assert finished(code, given) == (0, f"True {COUNTS}\n", "")


@pytest.mark.skipif(os.name != "posix", reason="processes are found as POSIX has them")
def test_a_kernel_that_is_restarted_leaves_no_process(tmp_path: Path) -> None:
    given = noisy(tmp_path, 60, 900)
    begun = BEGUN.replace("sys.argv[1:4]", repr([str(path) for path in given]))
    with kernel(tmp_path / "jupyter") as running:
        assert running.run(begun)["status"] == "ok"
        assert running.run("assert made.run is made.error is None")["status"] == "ok"
        assert running.workers()
        running.manager.shutdown_kernel(restart=True)
        until(lambda: not running.workers(), "no worker is left", WITHIN)
    assert len(results.read(given.the("*.partial.csv"))) < 60
