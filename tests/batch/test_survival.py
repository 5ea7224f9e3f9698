"""Real processes are killed, interrupted or run out of disk space; no row is missing afterwards."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from support.programs import COMPARE, Folders, figures, finished, kernel, mixed, noisy, program, until

from mymodules import batch, images, results
from mymodules.results import runfiles

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

WITHIN = 10.0  # s; the promise is 3
COUNT = 16

RUN = COMPARE + "batch.run(first, second, out, num_processors=2, on_progress=tell)"

INTERRUPTED = (
    COMPARE
    + """
import psutil, time
print("ready", flush=True)
try:
    batch.run(first, second, out, num_processors=2, on_progress=tell)
except KeyboardInterrupt as stop:
    left = [child for child in psutil.Process().children() if "mymodules.workers" in str(child.cmdline())]
    print("stopped", len(left), stop, flush=True)
"""
)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Make pairs that take long enough to be interrupted."""
    return noisy(tmp_path_factory.mktemp("noise"), COUNT, 700)


class Clean(NamedTuple):
    """Return what an undisturbed run leaves."""

    csv: Path
    figures: list[results.PairResult]
    drawings: dict[str, str]


@pytest.fixture(scope="module")
def clean(noise: Folders, tmp_path_factory: pytest.TempPathFactory) -> Clean:
    out = tmp_path_factory.mktemp("clean")
    code, _, complained = finished(RUN, noise._replace(out=out))
    assert (code, complained) == (0, "")
    csv = noise._replace(out=out).the("results-*.csv")
    return Clean(csv, figures(csv), drawings(csv))


@pytest.fixture
def given(noise: Folders, tmp_path: Path) -> Folders:
    return noise.elsewhere(tmp_path / "out")


def drawings(csv: Path) -> dict[str, str]:
    """Return digests of the files, because a failed comparison of whole pictures is unreadable."""
    folder = runfiles.pictures_path(csv.parent, runfiles.stamp_of(csv) or "")
    return {path.name: images.digest(path) for path in folder.rglob("*.png")}


def assert_resumes(given: Folders, clean: Clean) -> None:
    """Check that the partial CSV is valid, and that `resume` does only the rest and gives the same result."""
    partial = given.the("*.partial.csv")
    kept = {row.image_filename: row for row in results.read(partial)}
    reports: list[batch.Progress] = []
    run = batch.run(resume=partial, num_processors=2, on_progress=reports.append)
    assert [progress.done for progress in reports] == list(range(len(kept) + 1, COUNT + 1))
    after = {row.image_filename: row for row in results.read(run.csv_path)}
    assert {name: after[name] for name in kept} == kept  # with their times, so they were not compared again
    assert figures(run.csv_path) == clean.figures
    assert drawings(run.csv_path) == clean.drawings
    assert sorted(path.name for path in given.out.iterdir() if path.name != ".store") == sorted(
        [
            run.csv_path.name.replace("results", "changes"),
            run.csv_path.name,
            run.csv_path.with_suffix(".json").name,
            run.pictures_dir.name,
        ]
    )


def sitecustomize(folder: Path, code: str) -> Path:
    """Make a folder for PYTHONPATH whose `code` runs first in worker processes, and only in them."""
    folder.mkdir()
    guard = "import sys\nif any('mymodules.workers' in part for part in sys.orig_argv):\n"
    indented = "".join(f"    {line}\n" for line in code.strip().splitlines())
    (folder / "sitecustomize.py").write_text(guard + indented)
    return folder


def without_rights() -> list[str]:
    """Return a command prefix under which file permissions apply to the administrator too."""
    if os.geteuid() != 0:
        return []
    prefix = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    if not shutil.which("setpriv") or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("an administrator may write everywhere")
    return prefix


# --- killed ------------------------------------------------------------------------------------------


def test_killed_parent(given: Folders, clean: Clean) -> None:
    with program(RUN, given) as running:
        running.until_done(3)
        assert len(running.workers()) == 2
        running.process.kill()
        until(lambda: not running.processes(), "no process is left", WITHIN)
    assert 3 <= len(results.read(given.the("*.partial.csv"))) < COUNT
    assert not list(given.out.glob("results-*-*[0-9].csv"))
    assert_resumes(given, clean)


def test_killed_workers(given: Folders, clean: Clean) -> None:
    with program(RUN, given) as running:
        for rows in (3, 12):  # by then no pair is repeated that the first one had in work
            running.until_done(rows)
            running.workers()[0].kill()
        assert running.finish()[::2] == (0, "")
    assert figures(given.the("results-*.csv")) == clean.figures
    assert drawings(given.the("results-*.csv")) == clean.drawings


def test_all_workers_killed_at_once(given: Folders, clean: Clean) -> None:
    with program(RUN, given) as running:
        running.until_done(4)
        for worker in running.workers():
            worker.kill()
        assert running.finish()[::2] == (0, "")
    assert figures(given.the("results-*.csv")) == clean.figures


def test_pair_that_kills_its_worker(tmp_path: Path) -> None:
    given = mixed(tmp_path)
    clean = batch.run(*given)
    deadly = """
import os, signal
from mymodules.comparison import pair
compare = pair.compare
def killed(job, *others):
    found = compare(job, *others)
    if job.pair.name == "changed 05.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return found
pair.compare = killed
"""
    given = given.elsewhere(tmp_path / "other")
    path = sitecustomize(tmp_path / "path", deadly)
    code, _, complained = finished(RUN, given, python_path=path)
    assert (code, complained) == (0, "")
    expected = {row.image_filename: row for row in figures(clean.csv_path)}
    found = {row.image_filename: row for row in figures(given.the("results-*.csv"))}
    dead = found.pop("changed 05.png")
    assert (dead.status, dead.code) == ("error", "worker_died")
    del expected["changed 05.png"]
    assert found == expected
    # it was drawn before the worker died, but a drawing without figures is useless
    assert not [name for name in drawings(given.the("results-*.csv")) if name.startswith("changed 05")]

    run = batch.run(resume=given.the("results-*.csv"))
    assert figures(run.csv_path) == figures(clean.csv_path)
    assert drawings(run.csv_path) == drawings(clean.csv_path)


def test_worker_killed_while_idle(tmp_path: Path) -> None:
    """Between two runs of one process."""
    code = (
        COMPARE
        + """
import psutil
def workers():
    return [child for child in psutil.Process().children() if "mymodules.workers" in str(child.cmdline())]

batch.run(first, second, out, num_processors=2)
before = workers()
before[0].kill()
batch.run(first, second, out, num_processors=2)
print(len(before), len(workers()), len({*before} & {*workers()}))
"""
    )
    given = mixed(tmp_path)
    assert finished(code, given) == (0, "2 2 1\n", "")
    one, other = sorted(given.out.glob("results-*.csv"))
    assert figures(one) == figures(other)


def test_pool_that_does_not_start_is_no_row(given: Folders, tmp_path: Path) -> None:
    code = (
        COMPARE
        + """
from mymodules.errors import PoolError
try:
    batch.run(first, second, out)
except PoolError as error:
    print(error)
"""
    )
    path = sitecustomize(tmp_path / "path", "import os\nos._exit(3)")
    code, said, complained = finished(code, given, python_path=path)
    assert code == 0
    assert complained == ""
    assert "end while they start" in said
    assert not list(given.out.glob("results-*[0-9].csv"))
    assert results.read(given.the("*.partial.csv")) == []


def test_given_executor_that_breaks_is_no_row(given: Folders, tmp_path: Path) -> None:
    code = (
        COMPARE
        + """
import os, signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from mymodules.errors import PoolError

with ProcessPoolExecutor(1, get_context("forkserver")) as executor:
    executor.submit(os.getpid).result()
    def kill(progress):
        os.kill(next(iter(executor._processes)), signal.SIGKILL)
    try:
        batch.run(first, second, out, executor=executor, on_progress=kill)
    except PoolError as error:
        print(error)
"""
    )
    code, said, _ = finished(code, given)
    assert code == 0
    assert "new one" in said
    rows = results.read(given.the("*.partial.csv"))
    assert 1 <= len(rows) < COUNT
    assert {row.status for row in rows} == {"changed"}


# --- interrupted -------------------------------------------------------------------------------------


def test_interrupt(given: Folders, clean: Clean) -> None:
    with program(INTERRUPTED, given) as running:
        running.until_done(3)
        began = time.monotonic()
        running.interrupt(signal.SIGINT)
        line = running.line()
        while line.isdigit():
            line = running.line()
        took = time.monotonic() - began
        stopped, left, sentence = line.split(" ", 2)
        assert (stopped, left) == ("stopped", "0")
        assert took < WITHIN
        assert running.finish() == (0, "", "")
        assert not running.processes()
    rows = len(results.read(given.the("*.partial.csv")))
    resume = f"batch.run(resume={str(given.the('*.partial.csv'))!r})"
    kept = f"Stopped after {rows} of {COUNT} pictures; their rows are kept."
    assert sentence == f"{kept} To continue: {resume}."
    assert_resumes(given, clean)


def test_interrupt_while_workers_start(given: Folders, clean: Clean) -> None:
    with program(INTERRUPTED, given) as running:
        assert running.line() == "ready"
        until(running.workers, "a worker has begun to start")
        until(lambda: [*given.out.glob("*.partial.csv")], "the run has begun")
        began = time.monotonic()
        running.interrupt(signal.SIGINT)
        line = running.line()
        assert time.monotonic() - began < WITHIN
        assert line.startswith(f"stopped 0 Stopped after 0 of {COUNT} pictures")
        assert running.finish() == (0, "", "")
        assert not running.processes()
    assert_resumes(given, clean)


def test_interrupts_all_the_time(given: Folders) -> None:
    """Wherever the interrupt comes, no process is left and only KeyboardInterrupt is seen."""
    code = INTERRUPTED.replace("import psutil", "import os, psutil, signal, threading").replace(
        "try:",
        "try:\n    threading.Timer(float(sys.argv[4]), os.killpg, (os.getpgid(0), signal.SIGINT)).start()",
    )
    for moment in (0.02, 0.1, 0.3, 0.5):
        with program(code, (*given, moment)) as running:
            code_, said, complained = running.finish()
            assert (code_, complained) == (0, "")
            assert "stopped 0" in said
            until(lambda running=running: not running.processes(), "no process is left", WITHIN)


def test_stop_button_of_a_notebook(given: Folders, clean: Clean, tmp_path: Path) -> None:
    with kernel(tmp_path / "jupyter") as running:
        running.run("from mymodules import batch")
        running.begin(f"batch.run(*{[str(path) for path in given]!r}, num_processors=2)")

        def rows() -> int:
            return sum(len(results.read_partial(path)) for path in given.out.glob("*.partial.csv"))

        until(lambda: rows() >= 3, "three rows")
        began = time.monotonic()
        running.manager.interrupt_kernel()
        reply = running.end()
        assert time.monotonic() - began < WITHIN
        assert not running.workers()
        partial = given.the("*.partial.csv")
        kept = results.read(partial)
        call = f"batch.run(resume={str(partial)!r})"
        message = f"Stopped after {len(kept)} of {COUNT} pictures; their rows are kept. To continue: {call}."
        assert (reply["ename"], reply["evalue"]) == ("Stopped", message)
        assert running.printed == ""
        assert running.run(call)["status"] == "ok"
        assert running.printed == ""
    assert not running.workers()
    csv = given.the("results-*[0-9].csv")
    assert figures(csv) == clean.figures
    assert set(kept) <= set(results.read(csv))


def test_what_on_progress_raises_ends_the_run(given: Folders, clean: Clean) -> None:
    code = (
        COMPARE
        + """
import psutil
def refuse(progress):
    if progress.done == 3:
        raise LookupError("enough")
try:
    batch.run(first, second, out, on_progress=refuse)
except LookupError as error:
    left = ["mymodules.workers" in str(child.cmdline()) for child in psutil.Process().children()]
    print(error, left.count(True))
"""
    )
    assert finished(code, given) == (0, "enough 0\n", "")
    assert len(results.read(given.the("*.partial.csv"))) == 3
    assert_resumes(given, clean)


def test_sentence_works_where_other_folders_are_chosen(given: Folders, tmp_path: Path) -> None:
    code = (
        COMPARE
        + """
from mymodules import settings
settings.init(first=sys.argv[4], second=sys.argv[5], out=sys.argv[6])
def stop(progress):
    if progress.done == 3:
        raise KeyboardInterrupt
try:
    batch.run(first, second, out, on_progress=stop)
except KeyboardInterrupt as error:
    sentence = str(error)
print(eval(sentence.partition("To continue: ")[2].rstrip(".")).counts["changed"])
"""
    )
    assert finished(code, (*given, *mixed(tmp_path / "chosen"))) == (0, f"{COUNT}\n", "")


# --- the disk ----------------------------------------------------------------------------------------


def test_output_that_may_not_be_written(given: Folders) -> None:
    code = (
        COMPARE
        + """
import psutil
from mymodules.errors import OutputError
try:
    batch.run(first, second, out)
except OutputError as error:
    print(error.path.parent == __import__("pathlib").Path(out), len(psutil.Process().children()))
"""
    )
    prefix = without_rights()
    given.out.chmod(0o555)
    try:
        assert finished(code, given, prefix=prefix) == (0, "True 0\n", "")  # before any worker was started
    finally:
        given.out.chmod(0o755)
    assert not list(given.out.iterdir())


def test_full_disk_for_rows(given: Folders, clean: Clean) -> None:
    """Space runs out in the middle of a row: the error names the path, and all earlier rows are complete."""
    earlier = given.out / "results-20200101-000000.csv"
    earlier.write_bytes(clean.csv.read_bytes())
    code = (
        COMPARE
        + """
import psutil, resource
from pathlib import Path
from mymodules.errors import OutputError
def fill(progress):
    if progress.done == 3:
        size = next(Path(out).glob("*.partial.csv")).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, resource.RLIM_INFINITY))
try:
    batch.run(first, second, out, on_progress=fill)
except OutputError as error:
    print(error.path.name.endswith(".partial.csv"), str(error.path) in str(error))
    print(["mymodules.workers" in str(child.cmdline()) for child in psutil.Process().children()].count(True))
"""
    )
    assert finished(code, given) == (0, "True True\n0\n", "")
    assert earlier.read_bytes() == clean.csv.read_bytes()
    earlier.unlink()
    assert len(results.read(given.the("*.partial.csv"))) == 3
    assert_resumes(given, clean)


def test_full_disk_for_drawings(given: Folders, clean: Clean) -> None:
    """The rows report it and are valid; a resumed run draws what is missing."""
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
    status, _, said = finished(code + RUN, given)
    assert status == 0
    assert said.count("\n") == 1
    assert "No copy of " in said
    csv = given.the("results-*.csv")
    for row, expected in zip(results.read(csv), results.read(clean.csv), strict=True):
        assert row.messages.startswith(expected.messages)
        assert "drawings could not be written" in row.messages
        assert row._replace(messages="", seconds=None) == expected._replace(messages="", seconds=None)
    assert not drawings(csv)
    batch.run(resume=csv)
    assert figures(csv) == clean.figures
    assert drawings(csv) == clean.drawings


def test_two_runs_in_the_same_second(tmp_path: Path) -> None:
    given = mixed(tmp_path)
    code = (
        COMPARE
        + """
import datetime as module
from mymodules.results import runfiles
class Stopped(module.datetime):
    @classmethod
    def now(cls):
        return cls(2024, 5, 6, 7, 8, 9)
runfiles.datetime = Stopped
print(batch.run(first, second, out).csv_path.name)
"""
    )
    with program(code, given) as one, program(code, given) as other:
        names = [running.finish()[1].strip() for running in (one, other)]
    assert sorted(names) == ["results-20240506-070809-2.csv", "results-20240506-070809.csv"]
    assert figures(given.out / names[0]) == figures(given.out / names[1])
    assert drawings(given.out / names[0]) == drawings(given.out / names[1]) != {}


# --- the pool ----------------------------------------------------------------------------------------


def test_warm_workers_end_with_their_parent(tmp_path: Path) -> None:
    began = time.monotonic()
    with program(RUN + "\nprint('over', flush=True)", mixed(tmp_path)) as running:
        running.until_done(16)
        assert running.line() == "over"
        began = time.monotonic()
        assert running.finish() == (0, "", "")
        assert time.monotonic() - began < WITHIN
        assert not running.processes()


def test_run_in_a_fork_of_a_process_with_warm_workers(tmp_path: Path) -> None:
    code = (
        COMPARE
        + """
from multiprocessing import get_context
def again():
    print(batch.run(first, second, out, num_processors=2).counts["changed"], flush=True)
again()
child = get_context("fork").Process(target=again)
child.start()
child.join()
again()
"""
    )
    assert finished(code, mixed(tmp_path)) == (0, "12\n12\n12\n", "")


def test_workers_end_of_idleness(tmp_path: Path) -> None:
    given = mixed(tmp_path)
    code = (
        COMPARE
        + """
import psutil, time
from mymodules.batch import warm
warm._IDLE = 0.01
for _ in range(2):
    batch.run(first, second, out, num_processors=2, store=None)
    while psutil.Process().children():
        time.sleep(0.01)
"""
    )
    assert finished(code, given) == (0, "", "")
    one, other = sorted(given.out.glob("results-*.csv"))
    assert figures(one) == figures(other)


def test_a_worker_that_dies_costs_no_task_of_another(tmp_path: Path) -> None:
    """What the others have in progress goes on; what the dead one had is repeated."""
    given = mixed(tmp_path)
    expected = figures(batch.run(*given).csv_path)
    given = given.elsewhere(tmp_path / "other")
    code = (
        COMPARE
        + """
import psutil
from mymodules.batch import tasks
tasks._GROUP_PAIRS = 1
killed = []
def kill(progress):
    if not killed:
        killed.append(psutil.Process().children()[0])
        killed[0].kill()
before = batch.run(first, second, out, num_processors=2, on_progress=kill, store=None)
print(len(psutil.Process().children()), killed[0].is_running())
"""
    )
    assert finished(code, given) == (0, "2 False\n", "")
    assert figures(given.the("results-*.csv")) == expected
