"""How long a dealing with a server may take: each answer counts, and what is done here is not its silence."""

import errno
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.far_system import Far, computer
from support.fetched import tree
from support.sent_runs import STAMP, abroad, parsed, put, run_of

from mymodules.remote import asking, sending
from mymodules.remote.asking import Asking, Over
from mymodules.remote.sending import Folder
from mymodules.results import dealing
from mymodules.results.exchange import exchange, show_drawings
from mymodules.results.runfiles import manifest_of

Clock = Callable[[float], None]


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that only moves when it is told so, by s."""
    now = [1000.0]

    def moves(by: float) -> None:
        now[0] += by

    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return moves


def test_each_folder_that_is_listed_is_an_answer(
    passing: Clock, far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of very many files may take longer than any other call."""
    put(tmp_path / "there", {f"{number}/{number}/a.png": b"" for number in range(4)})
    far.on = lambda kind, name: passing(25.0)  # type: ignore[assignment]
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_LISTING", 0.0)
        assert len(Folder(url, 1000.0, 30.0).files(deep=True)) == 4
    far.on = lambda kind, name: passing(200.0)  # type: ignore[assignment]
    folder = Folder(url, 9000.0, 30.0)
    assert len(folder.files(deep=True)) == 4
    passing(31.0)
    with pytest.raises(Over, match=r"^there was no answer for 30 s$"):
        folder.asking.check()


def test_folders_are_listed_at_once(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_BEARING", {"far"})
    put(tmp_path / "there", {f"{number}/a.png": b"" for number in range(2)})
    both = threading.Barrier(2)
    far.on = lambda kind, name: both.wait(60) if name in ("0", "1") else None  # type: ignore[assignment]
    assert {*Folder(url).files(deep=True)} == {"0/a.png", "1/a.png"}


def test_what_is_done_here_is_no_silence_of_the_server(
    passing: Clock, far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = dealing.images.digest

    def slow(what: Any) -> str:
        passing(dealing.SILENCE + 1)
        return true(what)

    monkeypatch.setattr(dealing.images, "digest", slow)
    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        assert exchange(out, what="end") == ""
    assert parsed(tree(tmp_path / "there")) == abroad(run_of())


def test_why_it_is_over(passing: Clock) -> None:
    waiting = Asking(100.0, 30.0)
    passing(29.0)
    waiting.check()
    passing(1.0)
    with pytest.raises(Over, match=r"^there was no answer for 30 s$"):
        waiting.check()
    for _ in range(4):
        waiting.one(lambda: passing(20.0))
    with pytest.raises(Over, match=r"^it took longer than 100 s$"):
        waiting.check()


@pytest.mark.parametrize("protocols", [["far"], ["memory"]])
def test_what_is_cancelled_between_two_calls_does_not_end_as_if_it_were_done(protocols: list[str]) -> None:
    waiting, done = Asking(100.0), []
    waiting.allow(protocols)

    def task(number: int) -> None:
        done.append(number)
        waiting.over.set()

    with pytest.raises(Over, match=r"^it was cancelled$"):
        [*waiting.each(task, range(100))]
    assert 1 <= len(done) <= asking.AT_ONCE
    with pytest.raises(Over, match=r"^it was cancelled$"):
        waiting.one(lambda: None)


def test_what_is_cancelled_after_the_last_call_is_done() -> None:
    waiting = Asking(100.0)
    assert [*waiting.each(lambda _: waiting.over.set(), [1])] == [(1, None)]


def test_a_folder_that_is_being_opened_can_be_cancelled(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread asks the whole time whether it is."""
    opening, gate, asked = threading.Event(), threading.Event(), set()

    def hang(*_: object) -> None:
        opening.set()
        gate.wait(60)

    def cancelled() -> bool:
        asked.add(threading.current_thread())
        return opening.is_set()

    monkeypatch.setattr(sending, "opened", hang)
    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        told = exchange(out, what="end", cancelled=cancelled)
    gate.set()
    assert f"{url} does not have run {STAMP}: it was cancelled." in told
    assert len(asked) == 1


def test_drawings_come_in_several_attempts(far: type[Far], url: str, tmp_path: Path) -> None:
    """What came is not fetched again, also if other things are exchanged meanwhile."""
    drawings = {f"03.diff-{STAMP}/{number}/a.png-1.orig.png": b"%d" % number for number in range(6)}
    put(tmp_path / "there", run_of() | drawings)
    shutil.rmtree(tmp_path / "there" / f"03.diff-{STAMP}" / "deep")
    with computer("other", url, tmp_path) as out:
        exchange(out)
        run = manifest_of(out / f"results-{STAMP}.csv")

        def fail(kind: str, name: str) -> None:
            if sum(kind == "get" for kind, _ in far.asked) > 3:
                raise OSError(errno.EIO, "it fails")

        far.asked.clear()
        far.on = fail  # type: ignore[assignment]
        show_drawings(out, run)
        assert not [*out.glob("03.diff-*")]
        exchange(out)
        far.asked.clear()
        show_drawings(out, run)
        assert {name: data for name, data in tree(out).items() if "/" in name} == drawings
        far.asked.clear()
        show_drawings(out, run)
        assert far.asked == []
