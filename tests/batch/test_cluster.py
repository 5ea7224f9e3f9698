"""A run on Dask: a real scheduler and real workers, some of which are killed."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from support.dask_processes import scheduler, worker
from support.programs import COUNTS, TOTAL, Folders, figures, folders, noisy, png, until

from mymodules import batch, cli, images, results
from mymodules.batch import cluster
from mymodules.errors import PoolError, SettingsError

distributed = pytest.importorskip("distributed")

NOBODY = "tcp://127.0.0.1:1"
"""An address at which no scheduler listens."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers."""
    folder = tmp_path_factory.mktemp("dask")
    with scheduler(folder) as (found, _), worker(found, folder, "--nworkers=2"):
        yield found


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Any]:
    with distributed.Client(address, set_as_default=False) as made:
        made.wait_for_workers(2)
        yield made


@pytest.fixture
def impatient() -> Iterator[None]:
    """Let Dask wait for one second only."""
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        yield


def left_by(run: batch.Run) -> tuple[list[results.PairResult], bytes, dict[str, str]]:
    """Return what a run leaves: its rows without their times, its changes, and digests of its drawings."""
    drawings = {
        path.relative_to(run.pictures_dir).as_posix(): images.digest(path)
        for path in run.pictures_dir.rglob("*.png")
    }
    changes = run.csv_path.with_name(run.csv_path.name.replace("results", "changes"))
    return figures(run.csv_path), changes.read_bytes(), drawings


def assert_forgotten(client: Any) -> None:
    """Check that the scheduler keeps no task; Dask's own errors hold theirs until they are collected."""
    gc.collect()
    until(
        lambda: not client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks]), "no task is left"
    )


def worker_pids(client: Any) -> list[int]:
    return [*client.run(os.getpid).values()]


# --- as our own processes ----------------------------------------------------------------------------


def test_all_that_a_run_leaves_is_what_our_own_processes_leave(
    client: Any, given: Folders, expected: batch.Run
) -> None:
    done: list[int] = []
    run = batch.run(*given, executor=client, store=None, on_progress=lambda seen: done.append(seen.done))
    assert run.counts == COUNTS
    assert done == list(range(1, TOTAL + 1))
    assert left_by(run) == left_by(expected)
    assert client.status == "running"
    assert_forgotten(client)


@pytest.mark.parametrize("first_on_dask", [True, False])
def test_rows_are_reused_across(client: Any, own: Folders, first_on_dask: bool) -> None:
    one, other = (client, None) if first_on_dask else (None, client)
    earlier = batch.run(*own, executor=one, num_processors=2)
    later = batch.run(*own, executor=other, num_processors=2)
    assert later.reused == TOTAL - 1  # a file that is damaged is read again
    assert left_by(later) == left_by(earlier)


@pytest.mark.parametrize("first_on_dask", [True, False])
def test_a_run_is_resumed_elsewhere(
    client: Any, given: Folders, expected: batch.Run, first_on_dask: bool
) -> None:
    def stop(progress: batch.Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    one, other = (client, None) if first_on_dask else (None, client)
    with pytest.raises(KeyboardInterrupt, match="Stopped after 5 of 16"):
        batch.run(*given, executor=one, num_processors=2, store=None, on_progress=stop)
    resumed = batch.run(resume=given.the("*.partial.csv"), executor=other, num_processors=2, store=None)
    assert left_by(resumed) == left_by(expected)


def test_the_command_compares_on_dask(
    address: str, given: Folders, expected: batch.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [str(given.first), str(given.second), "--out", str(given.out)]
    assert cli.main(["compare", *where, "--store", "none", "--dask", address]) == 0
    assert capsys.readouterr().err.count("\n") <= 1  # the progress
    assert figures(given.the("results-*.csv")) == figures(expected.csv_path)


def test_tasks_in_progress_follow_the_workers(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two for each of two threads, and no more pairs in a task than all workers get something."""
    made = folders(tmp_path)
    for number in range(200):
        for folder in made[:2]:
            (folder / f"{number:03}.png").write_bytes(png(np.zeros((9, 9, 3), "uint8")))
    open_: set[Future[Any]] = set()
    most: list[int] = []
    sizes: list[int] = []
    submit = cluster.Cluster.submit

    def watched(self: cluster.Cluster, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        future = submit(self, function, *arguments)
        open_.add(future)
        most.append(sum(not each.done() for each in open_))
        sizes.append(len(arguments[0]))
        return future

    monkeypatch.setattr(cluster.Cluster, "submit", watched)
    assert batch.run(*made, executor=client, store=None, renames=False).counts["same"] == 200
    assert max(most) <= 4
    assert sum(sizes) == 200
    assert max(sizes[:4]) == 8  # nothing was known of the speed
    assert 8 < max(sizes) <= 50  # what is left, over four


# --- killed and cancelled ----------------------------------------------------------------------------


def test_a_killed_worker_costs_no_row(client: Any, tmp_path: Path) -> None:
    given = noisy(tmp_path / "noise", 10, 500)
    expected = left_by(batch.run(*given, num_processors=2, store=None))
    given = given.elsewhere(tmp_path / "out")
    pids = worker_pids(client)

    def kill(progress: batch.Progress) -> None:
        if progress.done == 2:
            os.kill(pids[0], signal.SIGKILL)

    run = batch.run(*given, executor=client, store=None, on_progress=kill)
    assert not psutil.pid_exists(pids[0]) or psutil.Process(pids[0]).status() == psutil.STATUS_ZOMBIE
    assert left_by(run) == expected


def test_a_pair_that_kills_every_worker_costs_its_own_row(client: Any, tmp_path: Path) -> None:
    made = folders(tmp_path)
    for number in range(10):
        for folder, value in ((made.first, 0), (made.second, 9)):
            picture = png(np.full((20, 20 + number, 3), value, "uint8"))
            (folder / f"{number}.png").write_bytes(picture)

    def width(first: Any, _: Any) -> int:
        if first.shape[1] == 24:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)
        return int(first.shape[1])

    run = batch.run(*made, executor=client, store=None, metric=width)
    rows = {row.image_filename: row for row in results.read(run.csv_path)}
    assert (rows["4.png"].status, rows["4.png"].code) == ("error", "worker_died")
    del rows["4.png"]
    assert {name: row.custom for name, row in rows.items()} == {
        f"{number}.png": (("width", float(20 + number)),) for number in range(10) if number != 4
    }
    client.wait_for_workers(2)


def test_a_cancelled_run_leaves_no_task(client: Any, tmp_path: Path) -> None:
    given = noisy(tmp_path, 10, 500)
    done = threading.Event()

    def tell(progress: batch.Progress) -> None:
        if progress.done == 2:
            done.set()

    with pytest.raises(KeyboardInterrupt, match="Stopped after"):
        batch.run(*given, executor=client, store=None, on_progress=tell, cancelled=done.is_set)
    assert_forgotten(client)


# --- clusters that cannot be used --------------------------------------------------------------------

BLIND = """
import os
os.path.lexists = lambda path: {folder!r} not in os.fspath(path) and os.path.exists(path)
"""
OLDER = """
from mymodules import versions
versions.measuring = lambda: {{"numpy": "1.0"}}
"""
BARE = """
import sys
sys.modules["mymodules"] = None
"""
POOR = """
from importlib.metadata import version
from mymodules import versions
versions.measuring = lambda: {{"simplejpeg": version("simplejpeg-that-nobody-has")}}
"""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (BLIND, "The Dask worker tcp://.* does not see .*first, second and out"),
        (OLDER, r"The Dask worker tcp://.* has .*numpy 1\.0 instead of"),
        (POOR, "The Dask worker tcp://.* lacks a package .*simplejpeg"),
        (BARE, "A Dask worker cannot load this package .*mymodules"),
    ],
    ids=["blind", "older", "poor", "bare"],
)
def test_a_worker_that_must_not_compare_ends_the_run(
    client: Any, address: str, given: Folders, tmp_path: Path, code: str, message: str
) -> None:
    preload = tmp_path / "preload.py"
    preload.write_text(code.format(folder=str(given.second)))
    with worker(address, tmp_path, "--no-nanny", "--name=odd", f"--preload={preload}"):
        client.wait_for_workers(3)
        with pytest.raises(PoolError, match=message) as caught:
            batch.run(*given, executor=client, store=None)
    assert "resume from the partial CSV" in str(caught.value)
    assert {row.status for row in results.read(given.the("*.partial.csv"))} <= {*COUNTS}
    until(lambda: len(client.nthreads()) == 2, "the scheduler has noticed that it is gone")


def test_a_cluster_without_workers_and_then_without_a_scheduler(
    given: Folders, tmp_path: Path, impatient: None, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [str(given.first), str(given.second), "--out", str(given.out), "--store", "none"]
    with scheduler(tmp_path) as (address, running):
        assert cli.main(["compare", *where, "--dask", address]) == 2
        assert f"The Dask scheduler at {address} has no worker: start one" in capsys.readouterr().err

        with (
            distributed.Client(address, set_as_default=False) as client,
            worker(address, tmp_path, "--no-nanny"),
        ):
            client.wait_for_workers(1)

            def kill(progress: batch.Progress) -> None:
                if progress.done == 2:
                    running.kill()

            with pytest.raises(PoolError, match=f"The Dask scheduler at {address} does not answer") as caught:
                batch.run(resume=given.the("*.partial.csv"), executor=client, store=None, on_progress=kill)
            assert "resume" in str(caught.value)
    run = batch.run(resume=given.the("*.partial.csv"), num_processors=2, store=None)
    assert run.counts == COUNTS


def complaint(given: Folders, address: str, capsys: pytest.CaptureFixture[str]) -> str:
    where = [str(given.first), str(given.second), "--out", str(given.out), "--store", "none"]
    assert cli.main(["compare", *where, "--dask", address]) == 2
    assert not list(given.out.glob("results-*"))
    return capsys.readouterr().err


def clients() -> list[Any]:
    """All clients that are in memory, also those that wait for being collected."""
    return [each for each in gc.get_objects() if isinstance(each, distributed.Client)]


@pytest.mark.parametrize("address", [NOBODY, "nonsense", "ftp://127.0.0.1:8786", "tcp://nobody.invalid:8786"])
def test_an_address_without_a_scheduler(
    address: str, given: Folders, impatient: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """No client is left open: closing it when it is collected hangs if another one starts just then."""
    others = clients()
    gc.disable()
    try:
        said = complaint(given, address, capsys)
        made = [each for each in clients() if not any(each is other for other in others)]
        assert {each.status for each in made} <= {"closed", "newly-created"}
    finally:
        gc.enable()
    assert f"No Dask scheduler answers at {address}" in said
    assert "start one with dask scheduler" in said


def test_without_dask_the_command_says_how_to_install_it(
    given: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install distributed" in complaint(given, NOBODY, capsys)


@pytest.mark.parametrize(
    "executor", ["tcp://127.0.0.1:8786", 2, object()], ids=lambda each: type(each).__name__
)
def test_what_is_no_executor_is_refused(executor: Any, given: Folders) -> None:
    with pytest.raises(SettingsError, match=r"a concurrent\.futures\.Executor or a distributed\.Client"):
        batch.run(*given, executor=executor)
    assert not list(given.out.iterdir())
