"""A worker's process: how it is prepared, several pairs at once, and how much memory a large page takes."""

import itertools
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.cases import CASES
from support.samples import PLAIN
from support.sides import ROOT, Folders, in_python, put, untimed

from mymodules import pairs, results, workers
from mymodules.workers import Job


def test_preparing_a_process_that_is_nobodys_child_leaves_its_interrupts(folders: Folders) -> None:
    """A notebook may call the pool's initialiser itself, without a pool."""
    put(folders, PLAIN, PLAIN)
    code = (
        "import signal, sys\n"
        "from mymodules import settings, workers\n"
        "settings.init(None, *sys.argv[1:])\n"
        "workers.compimgdiff_init('20240101-000000')\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "print(workers.compare_image_diff(sys.argv[1] + '/x.png').code)\n"
    )
    assert in_python(code, *map(str, folders)).splitlines()[-1] == "bytes_equal"


def test_many_jobs_are_their_rows(folders: Folders) -> None:
    for number, case in enumerate(itertools.islice(CASES.values(), 5)):
        put(folders, case.first, case.second, f"{number}.png")
    jobs = [Job(pair) for pair in pairs.find(folders.first, folders.second).pairs]
    found = workers.compare_many(jobs)
    assert [untimed(each.row) for each in found] == [untimed(row) for row in map(workers.compare, jobs)]
    for each, job in zip(found, jobs, strict=True):
        assert each.line == results.checked_line(each.row)
        for path, opened in zip((job.pair.first, job.pair.second), each.opened, strict=True):
            status = None if path is None else Path(path).stat()
            expected = status and (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            assert (opened and opened[:4]) == expected


def test_a_task_of_slow_pairs_returns_what_it_has(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        put(folders, PLAIN, PLAIN, f"{number}.png")
    jobs = [Job(pair) for pair in pairs.find(folders.first, folders.second).pairs]
    monkeypatch.setattr(workers, "ENOUGH", -1)
    assert [each.row.image_filename for each in workers.compare_many(jobs)] == ["0.png"]


def test_an_initialiser_never_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pool would start new processes for ever: the first task reports what is wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workers, "_stamp", None)
    workers.compimgdiff_init("20260101-000000")
    assert list(tmp_path.iterdir()) == []


# Memory


MEASURED = """
import sys
from pathlib import Path
import cv2  # loaded before anything is measured: a comparison imports it when it first needs it
from mymodules import pairs, workers

folder = Path(sys.argv[1])
[pair] = pairs.find(folder / "first", folder / "second").pairs
workers.prepare_process()


def status(key):
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key)]
    return int(line.split()[1])


# How much of the libraries' files counts as resident depends on how they lie in the system's cache, by tens
# of MB, whoever else uses them; it is not this process's own.
files = status("RssFile")
row = workers.compare(workers.Job(pair, folder / "drawn", pair.name))
print(row.status, status("VmHWM") - files)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
@pytest.mark.parametrize(("channels", "noise"), [((4, 4), 0), ((3, 4), 0), ((3, 3), 256)])
def test_a_page_of_12000_px_with_its_drawings_takes_less_than_290_mb_of_its_own(
    tmp_path: Path, channels: tuple[int, int], noise: int
) -> None:
    random = np.random.default_rng(12)
    ramp = (np.add.outer(np.arange(12_000), np.arange(1280)) // 7).astype(np.uint8)[..., None]
    pages = {}
    for number, (side, count) in enumerate(zip(("first", "second"), channels, strict=True)):
        pages[side] = np.repeat(ramp + np.uint8(number), count, axis=2)
        if noise:
            pages[side] += random.integers(0, noise, pages[side].shape, np.uint8)
        (tmp_path / side).mkdir()
        (tmp_path / side / "page.png").write_bytes(cv2.imencode(".png", pages[side])[1].tobytes())
    command = [sys.executable, "-c", MEASURED, str(tmp_path)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert printed[0] == "changed"
    assert int(printed[1]) < 290 * 1024
    for ending, side in (("-1.orig.png", "first"), ("-2.new.png", "second")):
        drawn = cv2.imread(str(tmp_path / "drawn" / f"page.png{ending}"), cv2.IMREAD_UNCHANGED)
        assert drawn.shape == pages[side].shape
        assert np.array_equal(drawn[2:-2, 2:-2], pages[side][2:-2, 2:-2])  # the one box goes around all of it
