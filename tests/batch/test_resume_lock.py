"""A run has one writer: a second one gets an error that names the first, and changes nothing."""

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
from support import spawned
from support.programs import COMPARE, PATIENCE, Folders, figures, finished, mixed, noisy, program, until

from mymodules import batch, locks, results
from mymodules.errors import OutputError, ResultsError
from mymodules.locks import Lock
from mymodules.panel import panel
from mymodules.results import runfiles

posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks as POSIX has them")

RUN = COMPARE + "batch.run(first, second, out, num_processors=1, on_progress=tell)"
STAMP = "20240506-070809"


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    return mixed(tmp_path)


def state(out: Path) -> dict[str, tuple[bytes, int]]:
    """Return the contents and modification times of all files below a folder."""
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(path.relative_to(out)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@contextmanager
def held_up(begin: Callable[[Callable[[batch.Progress], object]], batch.Run]) -> Iterator[list[batch.Run]]:
    """Hold a run in another thread after its first row until the block ends; then the list has its result."""
    reached, go_on = threading.Event(), threading.Event()
    done: list[batch.Run] = []

    def wait(progress: batch.Progress) -> None:
        reached.set()
        assert go_on.wait(PATIENCE)

    thread = threading.Thread(target=lambda: done.append(begin(wait)))
    thread.start()
    try:
        assert reached.wait(PATIENCE)
        yield done
    finally:
        go_on.set()
        thread.join(PATIENCE)
    assert len(done) == 1


def stopped(given: Folders) -> Path:
    """Return the partial CSV of a run that was interrupted after three rows."""

    def stop(progress: batch.Progress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        batch.run(*given, executor=executor, on_progress=stop)
    return given.the("*.partial.csv")


# --- threads of one process --------------------------------------------------------------------------


@pytest.mark.parametrize("new", [True, False], ids=["new run", "resumed run"])
def test_a_second_writer_in_the_same_process(given: Folders, tmp_path: Path, new: bool) -> None:
    clean = batch.run(*given.elsewhere(tmp_path / "clean"))
    earlier = None if new else stopped(given)

    def begin(wait: Callable[[batch.Progress], object]) -> batch.Run:
        with ThreadPoolExecutor(1) as executor:
            if earlier is not None:
                return batch.run(resume=earlier, executor=executor, on_progress=wait)
            return batch.run(*given, executor=executor, on_progress=wait)

    with held_up(begin) as done:
        partial = given.the("*.partial.csv")
        before = state(given.out)
        with pytest.raises(ResultsError) as caught:
            batch.run(resume=partial)
        assert state(given.out) == before
        assert str(caught.value).startswith(
            f"{partial} is being written by another thread of this process, {os.getpid()}, since "
        )
        assert str(caught.value).endswith("wait until that run has ended, or end it, and then resume.")
    assert figures(done[0].csv_path) == figures(clean.csv_path)
    assert len(list(done[0].pictures_dir.rglob("*.png"))) == len(list(clean.pictures_dir.rglob("*.png")))
    assert sorted(path.name for path in given.out.iterdir() if path.name != ".store") == sorted(
        [
            done[0].csv_path.name.replace("results", "changes"),
            done[0].csv_path.name,
            done[0].csv_path.with_suffix(".json").name,
            done[0].pictures_dir.name,
        ]
    )
    assert batch.run(resume=done[0].csv_path).counts == done[0].counts


def test_resume_of_the_finished_csv_of_a_run_that_goes_on(given: Folders) -> None:
    csv = batch.run(*given).csv_path
    (given.second / "changed 03.png").unlink()

    def begin(wait: Callable[[batch.Progress], object]) -> batch.Run:
        with ThreadPoolExecutor(1) as executor:
            return batch.run(resume=csv, executor=executor, on_progress=wait)

    with held_up(begin), pytest.raises(ResultsError, match="is being written by another thread"):
        batch.run(resume=csv)


def test_the_panel_says_who_is_at_it(given: Folders) -> None:
    made = panel()
    partial = stopped(given)
    made._arguments = {"first": given.first, "second": given.second}
    made._last = batch.Progress(3, 16, dict.fromkeys(batch.STATUSES, 0), 1.0, 3.0, None, partial)
    with Lock(given.out / partial.name.replace(".partial.csv", ".lock"), partial):
        before = state(given.out)
        made.resume()
        assert made.wait(PATIENCE)
        assert state(given.out) == before
        assert f"written by another thread of this process, {os.getpid()}" in made.message.value
    made.resume()  # as soon as the other one has ended
    assert made.wait(PATIENCE)
    assert made.run is not None
    assert not partial.exists()


def test_an_interrupted_run_may_be_resumed_at_once(given: Folders) -> None:
    partial = stopped(given)
    assert not list(given.out.glob("*.lock"))
    assert sum(batch.run(resume=partial).counts.values()) == 16


# --- processes ---------------------------------------------------------------------------------------


@posix
def test_a_second_process_is_refused_and_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    given = noisy(tmp_path, 12, 500)
    clean = batch.run(*given.elsewhere(tmp_path / "clean"))
    with program(RUN, given) as running:
        running.until_done(2)
        running.process.send_signal(signal.SIGSTOP)  # so that it does not finish meanwhile
        partial = given.the("*.partial.csv")
        pid = running.process.pid
        began = psutil.Process(pid).create_time()
        for _ in range(3):
            with pytest.raises(ResultsError, match=rf"by process {pid} on {platform.node()} since 20\d\d-"):
                batch.run(resume=partial)
        code = f"{COMPARE}batch.run(resume={str(partial)!r})"
        status, _, complaint = finished(code, given)
        assert status == 1
        assert f"process {pid} on" in complaint
        assert psutil.Process(pid).create_time() == began
        running.process.kill()
        running.process.wait(PATIENCE)
        run = batch.run(resume=partial)  # at once: the lock ended with the process
        until(lambda: not running.processes(), "no process is left")
    assert run.counts["changed"] == 12
    assert figures(run.csv_path) == figures(clean.csv_path)
    assert len(list(run.pictures_dir.rglob("*.png"))) == 12 * 5
    assert not list(given.out.glob("*.lock"))


@posix
def test_a_resumed_run_waits_for_the_workers_of_a_killed_one(tmp_path: Path) -> None:
    """Workers notice its end within seconds; until then they still draw into the same files."""
    given = noisy(tmp_path, 16, 700)
    clean = batch.run(*given.elsewhere(tmp_path / "clean"))
    with program(RUN, given) as running:
        running.until_done(2)
        workers = running.workers()
        running.process.kill()
        running.process.wait(PATIENCE)
        assert any(worker.is_running() for worker in workers)
        alive: list[list[str]] = []  # their states; a zombie has ended
        run = batch.run(
            resume=given.the("*.partial.csv"),
            num_processors=1,
            store=None,
            on_progress=lambda _: alive.append(
                [worker.status() for worker in workers if worker.is_running()]
            ),
        )
    assert alive
    assert {state for states in alive for state in states} <= {psutil.STATUS_ZOMBIE}
    assert figures(run.csv_path) == figures(clean.csv_path)
    assert len(list(run.pictures_dir.rglob("*.png"))) == 16 * 5


@posix
def test_two_resumes_at_the_same_moment(given: Folders, tmp_path: Path) -> None:
    """One process does everything, the others get an error; no drawing is lost, whichever is first."""
    clean = batch.run(*given.elsewhere(tmp_path / "clean"))
    for number in range(3):
        given = given.elsewhere(tmp_path / str(number))
        partial = stopped(given)
        code = COMPARE + (
            "from mymodules.errors import ResultsError\n"
            "print('ready', flush=True)\n"
            "sys.stdin.readline()\n"
            f"try: print(len(batch.run(resume={str(partial)!r}, num_processors=1).counts))\n"
            "except ResultsError as error: print(error)\n"
        )
        both = [
            subprocess.Popen(
                [sys.executable, "-c", code, *map(str, given)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in both:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        (message,) = {process.communicate(timeout=PATIENCE)[0].strip() for process in both} - {"5"}
        # One may have started after the end of the others.
        assert "is being written by process" in message or "is gone: the run is complete, see " in message
        csv = given.the("results-*[0-9].csv")
        assert figures(csv) == figures(clean.csv_path)
        drawn = runfiles.pictures_path(given.out, str(runfiles.stamp_of(csv)))
        assert {path.relative_to(drawn) for path in drawn.rglob("*.png")} == {
            path.relative_to(clean.pictures_dir) for path in clean.pictures_dir.rglob("*.png")
        }


@posix
def test_a_fork_neither_keeps_nor_ends_a_lock(tmp_path: Path) -> None:
    """A forked child that outlives a killed owner, as some libraries make them, does not hold the lock."""
    path, subject = tmp_path / "x.lock", tmp_path / "x.partial.csv"
    code = (
        "import os, sys, time; from pathlib import Path; from mymodules.locks import Lock\n"
        "lock = Lock(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "if os.fork() == 0:\n"
        "    lock.release()\n"
        "    print('child', os.getpid(), flush=True)\n"
        "    time.sleep(600)\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, str(path), str(subject)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    word, number = owner.stdout.readline().split()
    assert word == "child"
    try:
        with pytest.raises(ResultsError, match=rf"process {owner.pid} on"):  # the fork did not release it
            Lock(path, subject)
        owner.send_signal(signal.SIGKILL)
        owner.wait(PATIENCE)
        assert psutil.pid_exists(int(number))
        with Lock(path, subject):
            pass
        assert not path.exists()
    finally:
        os.kill(int(number), signal.SIGKILL)
        owner.kill()
        owner.communicate()


def test_a_lock_that_is_removed_at_its_end_lets_no_two_in(tmp_path: Path) -> None:
    """Run two threads in each of two processes; a thread that opened a removed lock file tries again."""
    context = get_context("spawn")
    both = context.Barrier(2)
    counter = tmp_path / "count"
    counter.write_text("0")
    arguments = (tmp_path / "x.lock", counter, 100, both.wait)
    other = context.Process(target=spawned.count, args=arguments)
    other.start()
    spawned.count(*arguments)
    other.join(PATIENCE)
    assert other.exitcode == 0
    assert counter.read_text() == "400"
    assert [file.name for file in tmp_path.iterdir()] == ["count"]


# --- where nothing can be locked ---------------------------------------------------------------------


@pytest.fixture
def unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network folder may not support locks."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(*((locks.msvcrt, "locking") if os.name == "nt" else (locks.fcntl, "flock")), refuse)


@pytest.mark.usefixtures("unsupported")
def test_without_locks_a_running_owner_is_believed(tmp_path: Path) -> None:
    path, subject = tmp_path / "x.lock", tmp_path / "x.partial.csv"
    with Lock(path, subject):
        with pytest.raises(ResultsError, match="another thread of this process"):
            Lock(path, subject)
        written = json.loads(path.read_text())
    assert not path.exists()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = psutil.Process(child.pid).create_time()
    path.write_text(json.dumps(written | {"pid": child.pid, "started": began}))
    with pytest.raises(ResultsError, match=rf"process {child.pid} on"):
        Lock(path, subject)
    path.write_text(json.dumps(written | {"pid": child.pid, "started": began - 5}))
    with Lock(path, subject):
        pass  # its process ID now belongs to another process
    path.write_text(json.dumps(written | {"pid": child.pid, "started": began}))
    child.communicate(b"\n")
    with Lock(path, subject):
        pass  # it has ended
    assert not path.exists()


@pytest.mark.usefixtures("unsupported")
def test_runs_work_without_locks(given: Folders) -> None:
    run = batch.run(resume=stopped(given))
    assert sum(run.counts.values()) == 16
    assert not list(given.out.glob("*.lock"))


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 4000, '{"pid": "x"}', "\xff", '{"pid": 1e400}'])
def test_a_file_that_names_nobody_says_another_process(tmp_path: Path, text: str) -> None:
    path, subject = tmp_path / "x.lock", tmp_path / "x.partial.csv"
    with Lock(path, subject):
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(ResultsError, match="is being written by another process: wait"):
            Lock(path, subject)
    path.write_bytes(text.encode("latin-1"))
    with Lock(path, subject):
        pass  # left by a killed process


def test_what_a_file_says_of_its_owner_gives_no_orders_to_a_terminal(tmp_path: Path) -> None:
    path, subject = tmp_path / "x.lock", tmp_path / "x.partial.csv"
    with Lock(path, subject):
        owner = json.loads(path.read_text())
        path.write_text(json.dumps(owner | {"host": "far\x1b[2J", "since": "now\n"}))
        with pytest.raises(ResultsError, match=r"process \d+ on far\\x1b\[2J since now\\n: wait"):
            Lock(path, subject)
        path.write_text(json.dumps(owner | {"since": "now\x1b"}))
        with pytest.raises(ResultsError, match=r"another thread of this process, \d+, since now\\x1b: wait"):
            Lock(path, subject)


# --- what is in the place of the file ----------------------------------------------------------------


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.lock").mkdir()
    with pytest.raises(OutputError, match=r"x\.lock cannot be written") as caught:
        Lock(tmp_path / "x.lock", tmp_path / "x.partial.csv")
    assert caught.value.path == tmp_path / "x.lock"


@posix
def test_a_link_or_a_pipe_in_its_place(tmp_path: Path) -> None:
    """Nothing is written through a link in a foreign folder, and no pipe blocks the run."""
    path, kept = tmp_path / "x.lock", tmp_path / "kept"
    kept.write_text("mine")
    path.symlink_to(kept)
    with pytest.raises(OutputError, match=r"x\.lock"):
        Lock(path, tmp_path / "x.partial.csv")
    assert kept.read_text() == "mine"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OutputError, match=r"x\.lock"):
        Lock(path, tmp_path / "x.partial.csv")


def test_a_run_that_gets_no_lock_leaves_nothing(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, subject: Path) -> Lock:
        raise OutputError("no room", path)

    monkeypatch.setattr(runfiles, "Lock", refuse)
    with pytest.raises(OutputError, match="no room"):
        batch.run(*given, store=None)
    assert list(given.out.iterdir()) == []


def test_a_lock_is_no_results_file(tmp_path: Path) -> None:
    results.write(runfiles.finished_path(tmp_path, STAMP), [])
    with runfiles.lock(tmp_path, "20250102-030405") as lock:
        assert runfiles.stamp_of(lock.path) is None
        assert runfiles.newest(tmp_path) == runfiles.finished_path(tmp_path, STAMP)
