"""A run ends when its caller says so, whatever it is doing at that moment."""

import errno
import itertools
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from support.programs import COUNTS, Folders, mixed, worker_pids

from mymodules import batch
from mymodules.batch import pool, processes, reuse, warm
from mymodules.errors import SettingsError


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    """Small pairs of every status."""
    return mixed(tmp_path)


IDLE = "import time; time.sleep(60)  # and not mymodules.workers, by which it is found"


class Never(Executor):
    """Takes work and does none of it."""

    def submit(self, *_: Any, **__: Any) -> "Future[Any]":
        return Future()


def test_a_run_is_cancelled_while_no_row_comes(given: Folders) -> None:
    asked = iter([False, False, False, True])
    with pytest.raises(KeyboardInterrupt, match="Stopped after 0 of 16"):
        batch.run(*given, executor=Never(), store=None, cancelled=lambda: next(asked))


def test_a_run_is_cancelled_when_the_folders_are_listed(given: Folders) -> None:
    with pytest.raises(KeyboardInterrupt, match="Stopped before the first picture"):
        batch.run(*given, store=None, cancelled=lambda: True)
    assert list(given.out.iterdir()) == []


def test_a_run_is_cancelled_before_processes_are_taken(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm.Processes, "ahead", lambda count: None)
    monkeypatch.setattr(warm.Processes, "take", None)
    asked = iter([False, False, True])
    with pytest.raises(KeyboardInterrupt, match="Stopped after 0 of 16"):
        batch.run(*given, store=None, cancelled=lambda: next(asked))


@pytest.mark.parametrize("fault", ["cancelled", "nothing to compare"])
def test_processes_that_were_started_ahead_end_with_a_run_that_does_not_begin(
    fault: str, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm.Processes, "_known", [])
    others, asked = worker_pids(), iter([False, fault == "cancelled"])
    include = ["*"] if fault == "cancelled" else ["no-such-name"]
    with pytest.raises((KeyboardInterrupt, SettingsError), match=r"Stopped before|leave nothing"):
        batch.run(*given, store=None, include=include, cancelled=lambda: next(asked))
    assert worker_pids() <= others


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"include": ["no-such-name"]}, "leave nothing"), ({"pictures": "some"}, "pictures is 'some'"),
        ({"num_processors": 0}, "num_processors is 0"), ({"store": 5}, "store must be"),
        ({"store": b"store"}, "store must be"),
    ],
)  # fmt: skip
def test_processes_that_were_started_early_end_with_a_run_that_is_refused(
    wrong: dict[str, Any], said: str, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm.Processes, "_known", [])
    others = worker_pids()
    with pytest.raises(SettingsError, match=said):
        batch.run(*given, **{"store": None} | wrong)
    assert worker_pids() <= others


def test_processes_that_are_warm_survive_a_run_that_does_not_begin(given: Folders) -> None:
    batch.run(*given, store=None, num_processors=1)
    kept = worker_pids()
    with pytest.raises(SettingsError, match="leave nothing"):
        batch.run(*given, store=None, num_processors=1, include=["no-such-name"])
    assert worker_pids() == kept


def test_processes_that_cannot_be_started_ahead_refuse_nothing(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are only a guess: the system may allow those that the run needs."""
    start, refused = processes.subprocess.Popen, iter([True])

    def refuse_one(*arguments: Any, **others: Any) -> Any:
        if next(refused, False):
            raise OSError(errno.EAGAIN, "no more processes")
        return start(*arguments, **others)

    monkeypatch.setattr(warm.Processes, "_known", [])
    monkeypatch.setattr(processes.subprocess, "Popen", refuse_one)
    assert batch.run(*given, store=None, num_processors=1).counts == COUNTS
    warm.Processes.cool()


def test_a_run_is_cancelled_while_processes_start(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm.Processes, "_known", [])
    monkeypatch.setattr(processes, "_CODE", "import time; time.sleep(60)")
    asked = iter([False, False, False, True])
    with pytest.raises(KeyboardInterrupt, match="Stopped after 0 of 16"):
        batch.run(*given, store=None, num_processors=1, cancelled=lambda: next(asked))
    assert next(asked, None) is None


def test_a_run_is_cancelled_while_files_are_read(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    batch.run(*given, num_processors=1)
    read: list[Path] = []
    monkeypatch.setattr(reuse, "content", read.append)
    asked = itertools.count()
    with pytest.raises(KeyboardInterrupt):
        batch.run(*given, verify=True, num_processors=1, cancelled=lambda: next(asked) > 0)
    assert read == []


def test_a_run_is_cancelled_while_kept_rows_are_checked(given: Folders) -> None:
    def stop(progress: batch.Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="Stopped after 5 of 16"):
        batch.run(*given, store=None, num_processors=1, on_progress=stop)
    partial = given.the("*.partial.csv")
    before = partial.read_bytes()
    with pytest.raises(KeyboardInterrupt, match="all rows are kept") as stop:
        batch.run(*given[:2], resume=partial, store=None, cancelled=lambda: True)
    assert f"resume={str(partial)!r}" in str(stop.value)
    assert partial.read_bytes() == before


def test_when_all_rows_are_there_it_is_too_late(given: Folders) -> None:
    done = threading.Event()

    def tell(progress: batch.Progress) -> None:
        assert progress.partial_path == given.the("*.partial.csv")
        if progress.done == progress.total:
            done.set()

    assert batch.run(*given, num_processors=1, on_progress=tell, cancelled=done.is_set).counts == COUNTS


def test_a_task_in_a_worker_cannot_be_cancelled() -> None:
    """Otherwise the end of its worker would print a traceback, because nobody can say that it failed."""
    own = processes.Workers(1)
    try:
        own.renew()
        task = own.submit(time.sleep, 60)
        assert not task.cancel()
    finally:
        own.end()
    assert isinstance(task.exception(timeout=10), processes.WorkerDied)


def interrupted(moment: int, start: Callable[[], object]) -> bool:
    """Start processes, with an interrupt at that moment; return whether there are so many.

    Python acts on interrupts when a function begins and after calls. A profile function may raise there.
    """
    seen = itertools.count()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        ours = frame.f_code.co_filename in (pool.__file__, processes.__file__, warm.__file__)
        if ours and event != "c_call" and next(seen) == moment:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        start()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("kept", [0, 2])
def test_an_interrupt_while_processes_are_taken_leaves_none(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it comes; if there are warm ones, they are too many. None gets as far as its imports."""
    monkeypatch.setattr(processes, "_CODE", IDLE)
    monkeypatch.setattr(warm.Processes, "_known", [])
    request: Any = SimpleNamespace(executor=None, processes=1, cancelled=lambda: False)
    earlier: Any = SimpleNamespace(executor=None, processes=2, cancelled=lambda: False)
    others = worker_pids()
    for moment in itertools.count():
        pool.warm_up(kept, earlier)
        is_interrupted = interrupted(moment, lambda: pool.warm_up(1, request))
        warm.Processes.cool(request)
        assert worker_pids() <= others, moment
        if not is_interrupted:
            break
    assert moment > 20


def test_an_interrupt_while_processes_start_ahead_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    others = worker_pids()
    monkeypatch.setattr(processes, "_CODE", IDLE)
    monkeypatch.setattr(warm.Processes, "_known", [])
    for moment in itertools.count():
        is_interrupted = interrupted(moment, lambda: warm.Processes.ahead(1))
        warm.Processes.cool()  # one that came too late
        assert worker_pids() <= others, moment
        if not is_interrupted:
            break
    assert moment > 20
