"""Runs: what they refuse, what they write and say, and from where they can be started; see test_survival."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from support import spawned
from support.programs import COMPARE, COUNTS, TOTAL, Folders, figures, finished, kernel, noisy, worker_pids
from support.resuming import again, drawn, partial_of

from mymodules import batch, results, settings
from mymodules.comparison import drawing_files
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import AnyPath
from mymodules.results import runfiles

RUN = "from mymodules import batch\nimport sys\nbatch.run(*sys.argv[1:4], num_processors=2)\n"
pytestmark = pytest.mark.usefixtures("without_store")


# --- one run ----------------------------------------------------------------------------------------


def test_one_row_for_every_file_in_order(expected: batch.Run) -> None:
    rows = results.read(expected.csv_path)
    assert [row.image_filename for row in rows] == [
        "below/same 変.png",
        "broken.png",
        *(f"changed {number:02}.png" for number in range(12)),
        "gone.png",
        "new.png",
    ]
    assert expected.counts == COUNTS == Counter(row.status for row in rows)
    assert all(row.seconds is not None and row.seconds >= 0 for row in rows)
    frame = expected.frame()
    assert list(frame.columns) == list(results.COLUMNS)
    assert len(frame) == TOTAL
    assert frame.attrs["run"]["complete"] is True


def test_what_a_run_leaves_in_its_folder(given: Folders) -> None:
    run = batch.run(*given, stop_at=14)
    stamp = runfiles.stamp_of(run.csv_path)
    left = sorted(path.name for path in given.out.iterdir())
    assert left == [
        f"03.diff-{stamp}",
        f"changes-{stamp}.csv",
        f"results-{stamp}.csv",
        f"results-{stamp}.json",
    ]
    manifest = runfiles.read_manifest(runfiles.manifest_path(given.out, str(stamp)))
    seconds = manifest.pop("seconds")
    assert seconds == pytest.approx(run.seconds, abs=0.01)
    versions = manifest.pop("versions")
    assert versions["numpy"] == version("numpy")
    decoders = {"opencv-python-headless", "imagecodecs", "simplejpeg", "tifffile"}
    assert versions.keys() == {"mymodules", "numpy", *decoders}
    assert Path(manifest.pop("root")).is_absolute()
    assert (
        manifest.pop("csv_digest") == hashlib.blake2b(run.csv_path.read_bytes(), digest_size=16).hexdigest()
    )
    changes = run.csv_path.with_name(f"changes-{stamp}.csv").read_bytes()
    assert manifest.pop("changes_digest") == hashlib.blake2b(changes, digest_size=16).hexdigest()
    assert manifest == {
        "stamp": stamp,
        "first": str(given.first),
        "second": str(given.second),
        "out": str(given.out),
        "pictures_dir": str(run.pictures_dir),
        "options": {"max_pixels": settings.MAX_PIXELS},
        "pictures": "changed",
        "check_pixels": False,
        "moves": True,
        "renames": True,
        "skip_until": 0,
        "stop_at": 14,
        "pairs": TOTAL,
        "left_out": {"hidden": 0, "other": 0, "links": 0},
        "stems": {},
        "complete": True,
        "counts": run.counts,
        "reused": 0,
        "recomputed": {},
        "reasons": {},
    }


@pytest.mark.parametrize(
    ("skip", "stop", "numbers"),
    [(0, -1, range(TOTAL)), (3, -1, range(3, TOTAL)), (0, 5, range(5)), (3, 5, range(3, 5)), (15, 99, [15])],
)
def test_skip_leaves_out_the_first_stop_ends_after(
    given: Folders, expected: batch.Run, skip: int, stop: int, numbers: Any
) -> None:
    run = batch.run(*given, skip_until=skip, stop_at=stop, num_processors=2)
    rows = figures(expected.csv_path)
    assert figures(run.csv_path) == [rows[number] for number in numbers]
    assert sum(run.counts.values()) == len(numbers)


@pytest.mark.parametrize(
    ("which", "names"),
    [
        ("none", set()),
        ("changed", {f"changed {number:02}.png" for number in range(12)}),
        ("all", {f"changed {number:02}.png" for number in range(12)} | {"below/same 変.png"}),
    ],
)
def test_which_pairs_are_drawn(given: Folders, expected: batch.Run, which: str, names: set[str]) -> None:
    run = batch.run(*given, pictures=which)
    rows = results.read(run.csv_path)
    endings = {row.image_filename: len(run.pictures(row.image_filename)) for row in rows}
    assert endings == {
        row.image_filename: len(drawing_files.ENDINGS) if row.image_filename in names else 0 for row in rows
    }
    assert len(drawn(run)) == len(drawing_files.ENDINGS) * len(names)
    assert figures(run.csv_path) == figures(expected.csv_path)
    assert run.pictures("no such name") == ()


def test_names_that_cannot_be_file_names_find_their_drawings(own: Folders) -> None:
    source = (own.first / "changed 00.png", own.second / "changed 00.png")
    names = ["CON.png", "CHANGED 00.png", "x" * 251 + ".png"]
    for folder, file in zip(own, source, strict=False):
        for name in names:
            shutil.copy(file, folder / name)
    run = batch.run(*own)
    found = [path for name in [*names, "changed 00.png"] for path in run.pictures(name)]
    assert len(set(found)) == 4 * len(drawing_files.ENDINGS)
    assert len({path.name.casefold() for path in found}) == len(found)
    resumed, redone = again(run.csv_path)
    assert redone == set()
    assert resumed.pictures("CON.png") == run.pictures("CON.png")


# --- progress ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (4.25, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.96, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.7, "1 h 00 min"),
        (7325, "2 h 02 min"),
        (7199, "2 h 00 min"),
    ],
)
def test_durations_are_said_without_a_sixtieth(seconds: float, said: str) -> None:
    assert batch.duration(seconds) == said


def test_progress_after_every_row(given: Folders) -> None:
    reports: list[batch.Progress] = []
    run = batch.run(*given, on_progress=reports.append)
    assert [progress.done for progress in reports] == list(range(1, TOTAL + 1))
    assert {progress.total for progress in reports} == {TOTAL}
    assert [sum(progress.counts.values()) for progress in reports] == list(range(1, TOTAL + 1))
    assert reports[-1].counts == run.counts
    seconds = [progress.seconds for progress in reports]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= run.seconds
    for progress in reports:
        assert progress.rate == pytest.approx(progress.done / progress.seconds)
        assert progress.remaining == pytest.approx((TOTAL - progress.done) / progress.rate)


def test_rows_are_on_disk_when_progress_is_reported(given: Folders) -> None:
    found: list[int] = []

    def look(progress: batch.Progress) -> None:
        (partial,) = given.out.glob("*.partial.csv")
        found.append(len(results.read(partial)))  # a complete file, without a truncated line

    batch.run(*given, on_progress=look)
    assert found == list(range(1, TOTAL + 1))


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody replace a file that is open")
def test_editors_may_replace_the_rows_on_disk(given: Folders, expected: batch.Run) -> None:
    """Spreadsheets that save what they show put another file under the same name."""

    def save(progress: batch.Progress) -> None:
        other = given.out / "saved"
        other.write_text("something else")
        other.replace(progress.partial_path)

    assert figures(batch.run(*given, on_progress=save).csv_path) == figures(expected.csv_path)


def test_rows_on_disk_that_another_program_changed(given: Folders, expected: batch.Run) -> None:
    def spoil(progress: batch.Progress) -> None:
        with progress.partial_path.open("ab") as file:
            file.write(b"\n")

    with pytest.raises(ResultsError, match="by another program during the run: begin a new run"):
        batch.run(*given, on_progress=spoil, store=".store")
    assert not list(given.out.glob("results-*-*[0-9].csv"))
    run = batch.run(*given, store=".store")
    assert run.reused == TOTAL - COUNTS["error"]
    assert figures(run.csv_path) == figures(expected.csv_path)


def test_progress_of_a_resumed_run_counts_what_is_kept(given: Folders) -> None:
    partial = partial_of(batch.run(*given), lambda name: name > "changed 03")
    reports: list[batch.Progress] = []
    batch.run(resume=partial, on_progress=reports.append)
    assert [progress.done for progress in reports] == list(range(12, TOTAL + 1))
    assert sum(reports[0].counts.values()) == 12
    assert reports[0].rate == pytest.approx(1 / reports[0].seconds)
    assert reports[-1].counts == COUNTS


def test_bar_shows_pictures_per_second(
    given: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYMODULES_PROGRESS", "text")
    batch.run(*given, on_progress=batch.ProgressBar())
    shown = capsys.readouterr().err
    assert f"{TOTAL}/{TOTAL}" in shown
    assert " pictures/s" in shown
    assert "changed=12" in shown


# --- what is refused --------------------------------------------------------------------------------


def refused(tmp_path: Path, *folders: AnyPath | None, **how: Any) -> str:
    """Return the message of a refusal, which changes no file and starts no process."""
    before = sorted(tmp_path.rglob("*")), worker_pids()
    with pytest.raises(SettingsError) as caught:
        batch.run(*folders, **how)
    assert (sorted(tmp_path.rglob("*")), worker_pids()) == before
    return str(caught.value)


@pytest.mark.parametrize("role", ["first", "second", "out"])
def test_absent_folder(own: Folders, tmp_path: Path, role: str) -> None:
    absent = tmp_path / "not" / "there"
    assert str(absent) in refused(tmp_path, *own._replace(**{role: absent}))


@pytest.mark.parametrize("role", ["first", "second"])
def test_folder_without_pictures(own: Folders, tmp_path: Path, role: str) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    assert str(empty) in refused(tmp_path, *own._replace(**{role: empty}))


def test_same_folder_twice(own: Folders, tmp_path: Path) -> None:
    said = refused(tmp_path, own.first, own.first, own.out)
    assert str(own.first) in said
    assert "same" in said
    link = tmp_path / "link"
    link.symlink_to(own.first)
    assert "same" in refused(tmp_path, own.first, link, own.out)


def test_folder_inside_the_other(own: Folders, tmp_path: Path) -> None:
    inner = own.first / "below"
    for folders in ((own.first, inner), (inner, own.first)):
        said = refused(tmp_path, *folders, own.out)
        assert str(inner) in said
        assert "inside" in said


@pytest.mark.parametrize("role", ["first", "second"])
@pytest.mark.parametrize("below", ["", "below"])
def test_output_inside_an_input(own: Folders, tmp_path: Path, role: str, below: str) -> None:
    out = getattr(own, role) / below
    assert str(out) in refused(tmp_path, *own._replace(out=out))


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True])
def test_number_of_processors(given: Folders, tmp_path: Path, count: Any) -> None:
    assert "num_processors" in refused(tmp_path, *given, num_processors=count)


@pytest.mark.parametrize(
    "how",
    [
        {"skip_until": -1},
        {"skip_until": TOTAL},
        {"skip_until": "1"},
        {"stop_at": -2},
        {"stop_at": 1.5},
        {"pictures": "some"},
    ],
)
def test_other_options(given: Folders, tmp_path: Path, how: dict[str, Any]) -> None:
    assert next(iter(how)) in refused(tmp_path, *given, **how)


def test_drawings_folder_that_cannot_be_made(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with its name appears at the last moment."""
    begin = runfiles.reserve

    def reserve(out: Path, stamp: str) -> str:
        stamp = begin(out, stamp)
        runfiles.pictures_path(out, stamp).write_bytes(b"")
        return stamp

    monkeypatch.setattr(runfiles, "reserve", reserve)
    with pytest.raises(OutputError) as caught:
        batch.run(*given)
    assert caught.value.path == given.the("03.diff-*")


# --- from wherever it is started --------------------------------------------------------------------


def assert_equals(given: Folders, expected: batch.Run) -> None:
    assert figures(given.the("results-*.csv")) == figures(expected.csv_path)


def test_from_a_script_without_guard(given: Folders, expected: batch.Run, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"print('once', flush=True)\n{RUN}")
    done = subprocess.run(
        [sys.executable, script, *given], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("once\n", "")
    assert_equals(given, expected)


def test_from_standard_input(given: Folders, expected: batch.Run) -> None:
    done = subprocess.run(
        [sys.executable, "-", *given], input=RUN, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert_equals(given, expected)


def test_from_a_notebook(given: Folders, expected: batch.Run, tmp_path: Path) -> None:
    with kernel(tmp_path / "jupyter") as running:
        code = f"from mymodules import batch\nrun = batch.run(*{[str(path) for path in given]!r})"
        assert running.run(code)["status"] == "ok"
        assert running.printed == ""
    assert_equals(given, expected)


def test_from_a_thread(given: Folders, expected: batch.Run) -> None:
    thread = threading.Thread(target=batch.run, args=given)
    thread.start()
    thread.join(60)
    assert_equals(given, expected)


def test_from_two_threads_at_once(tree: Folders, expected: batch.Run, tmp_path: Path) -> None:
    both = [tree.elsewhere(tmp_path / name) for name in ("one", "other")]
    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(lambda given: batch.run(*given, num_processors=1), both))
    assert [figures(run.csv_path) for run in runs] == [figures(expected.csv_path)] * 2
    assert len(worker_pids()) <= 2  # one pool stays warm, the other has ended


def test_from_a_process_of_multiprocessing(given: Folders, expected: batch.Run) -> None:
    """A child process waits for its own children when it ends."""
    process = get_context("spawn").Process(target=spawned.compare, args=given)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    process.close()
    assert_equals(given, expected)


@pytest.mark.parametrize(
    "executor",
    [lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(1, get_context("spawn"))],
    ids=["threads", "processes"],
)
def test_with_a_given_executor(given: Folders, expected: batch.Run, executor: Callable[[], Executor]) -> None:
    before = worker_pids()
    with executor() as pool:
        batch.run(*given, executor=pool)
        assert pool.submit(len, "it is still open").result() == 16
    assert worker_pids() == before
    assert_equals(given, expected)


def test_given_executor_is_rid_of_the_rest_after_an_error(tmp_path: Path) -> None:
    given = noisy(tmp_path, 12, 600)

    def refuse(progress: batch.Progress) -> None:
        raise LookupError

    with ThreadPoolExecutor(1) as pool, pytest.raises(LookupError):
        batch.run(*given, executor=pool, on_progress=refuse)
    assert len(list(given.the("03.diff-*").glob("*-1.orig.png"))) < 12


# --- warm workers -----------------------------------------------------------------------------------


def test_workers_stay_for_the_next_run(given: Folders) -> None:
    batch.run(*given, num_processors=2)
    workers = worker_pids()
    assert len(workers) == 2
    batch.run(*given, num_processors=2)
    assert worker_pids() == workers
    batch.run(*given, num_processors=2, stop_at=1)  # one process could do it, but two are warm
    assert worker_pids() == workers
    batch.run(*given, num_processors=1)
    fewer = worker_pids()
    assert len(fewer) == 1
    assert not fewer & workers
    batch.run(*given, num_processors=2)
    assert len(worker_pids()) == 2


def test_workers_start_before_a_run_is_loaded(given: Folders) -> None:
    code = (
        COMPARE
        + """
import sys
from mymodules.batch import warm
start = warm.Processes.ahead
def ahead(count):
    print("mymodules.batch.runner" in sys.modules)
    return start(count)
warm.Processes.ahead = ahead
batch.run(first, second, out)
batch.run(first, second, out)  # the store may have all of its rows
"""
    )
    assert finished(code, given) == (0, "False\nTrue\n", "")


def test_interrupted_run_leaves_no_warm_workers(given: Folders) -> None:
    def stop(progress: batch.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="resume="):
        batch.run(*given, on_progress=stop)
    assert worker_pids() == set()


def test_results_that_cannot_be_opened_leave_no_workers(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No idle process remains when a run is refused before its first row."""
    before = worker_pids()

    def refuse(*_: object) -> None:
        raise OutputError("no room", given.out)

    monkeypatch.setattr(results, "PartialWriter", refuse)
    with pytest.raises(OutputError, match="no room"):
        batch.run(*given, num_processors=2)
    assert worker_pids() == before


# --- settings ---------------------------------------------------------------------------------------


def test_folders_chosen_for_the_process_are_taken(given: Folders) -> None:
    code = (
        COMPARE
        + """
from mymodules import settings
settings.init(first=first, second=second, out=out)
print(batch.run().counts["changed"])
"""
    )
    assert finished(code, given) == (0, "12\n", "")
    assert len(list(given.out.glob("results-*.csv"))) == 1


def test_option_of_settings_reaches_the_workers(own: Folders, tmp_path: Path) -> None:
    code = (
        COMPARE
        + """
from mymodules import settings
settings.init(first=first, second=second, out=out, max_pixels=100)
print(batch.run().counts["error"])
"""
    )
    assert finished(code, own) == (0, "14\n", "")
    assert os.environ.get(settings.ENVIRONMENT) is None
