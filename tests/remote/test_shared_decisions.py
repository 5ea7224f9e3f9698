"""Decisions in an output folder behind a URL: several computers decide, each sends its own file."""

import threading
from pathlib import Path
from typing import Any

import pytest
from support.far_system import Far, computer
from support.fetched import tree
from support.programs import finished

from mymodules import remote
from mymodules.results import dealing, exchange
from mymodules.triage import Decisions, Row

SOON = exchange.soon
ROW, OTHER = Row("a.png", "1" * 32, "2" * 32), Row("b.png", "1" * 32, "3" * 32)

DECIDING = """
import sys
import fsspec
from fsspec.implementations.local import LocalFileSystem

class Far(LocalFileSystem):
    protocol = "far"

fsspec.register_implementation("far", Far)
from pathlib import Path
from mymodules import remote
from mymodules.triage import Decisions
from mymodules.triage import Row

Decisions(remote.place(sys.argv[1], Path(), out=True)).decide(Row("a.png", "1" * 32, "2" * 32), "accept")
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every opening asks the server, and nothing is sent in the background but where a test says so."""
    monkeypatch.setattr(exchange, "_RECENT", 0.0)
    monkeypatch.setattr(exchange, "_told", {})
    monkeypatch.setattr(exchange, "soon", lambda out: None)


def refusing(kind: str, name: str) -> None:
    if kind == "mv":
        raise PermissionError


def answering(kind: str, name: str) -> None:
    """Refuse nothing."""


def test_computers_see_what_others_decide(far: type[Far], url: str, tmp_path: Path) -> None:
    """Each has one file there, which is sent again only when it has grown, and fetched only then."""
    with computer("one", url, tmp_path) as out:
        Decisions(out).decide([ROW, OTHER], "accept")
        assert exchange.exchange(out) == ""
        one = f"triage.{remote.own_id(out)}.csv"
        assert tree(tmp_path / "there") == {one: (out / "triage.csv").read_bytes()}
    with computer("other", url, tmp_path) as other:
        desk = Decisions(other)
        assert [desk.of(row)[0] for row in (ROW, OTHER)] == ["accept"] * 2
        assert (desk.can_undo, {*tree(other)}) == (False, {one})
        desk.decide(ROW, "reject")
        Decisions(other)
        assert {*tree(tmp_path / "there")} == {one, f"triage.{remote.own_id(other)}.csv"}
        assert remote.own_id(other) != remote.own_id(out)
    with computer("one", url, tmp_path) as out:
        desk = Decisions(out)
        assert [desk.of(row)[0] for row in (ROW, OTHER)] == ["reject", "accept"]
        far.asked.clear()
        exchange.exchange(out)
        assert {kind for kind, _ in far.asked} == {"ls", "get"}, "a fresh file may have changed unseen"
        desk.undo()
        exchange.exchange(out)
    with computer("other", url, tmp_path) as other:
        desk = Decisions(other)
        assert [desk.of(row)[0] for row in (ROW, OTHER)] == ["reject", ""]


def test_a_folder_that_was_downloaded_has_all_decisions(far: type[Far], url: str, tmp_path: Path) -> None:
    for name, row in (("one", ROW), ("other", OTHER)):
        with computer(name, url, tmp_path) as out:
            Decisions(out).decide(row, "accept")
            exchange.exchange(out)
    desk = Decisions(tmp_path / "there")
    assert [desk.of(row)[0] for row in (ROW, OTHER)] == ["accept"] * 2


def test_what_cannot_be_sent_is_sent_later(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out:
        Decisions(out).decide(ROW, "accept")
        far.on = refusing  # type: ignore[assignment]
        assert f"{url} does not have the decisions: the server refuses it" in exchange.exchange(out)
        far.on = answering  # type: ignore[assignment]
        with (out / "triage.csv").open("ab") as file:
            file.write(b"2026-01-01T")  # a line that is being written
        assert exchange.exchange(out) == ""
        (sent,) = tree(tmp_path / "there").values()
        assert sent + b"2026-01-01T" == (out / "triage.csv").read_bytes()


def test_a_file_of_others_that_cannot_come_keeps_nothing_else(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    name = "triage.00000000000000aa.csv"
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / name).write_bytes(b"damaged")
    (tmp_path / "there" / "triage.x.csv").write_bytes(b"of nobody")
    with computer("one", url, tmp_path) as out:

        def refuse(kind: str, called: str) -> None:
            if kind == "get":
                raise PermissionError

        far.on = refuse  # type: ignore[assignment]
        Decisions(out).decide(ROW, "accept")
        assert exchange.exchange(out) == ""
        assert f"the decisions in {name} did not come: the server refuses it" in capsys.readouterr().out
        assert f"triage.{remote.own_id(out)}.csv" in tree(tmp_path / "there")
        far.on = answering  # type: ignore[assignment]
        assert Decisions(out).of(ROW)[0] == "accept"
        assert {*tree(out)} == {name, "triage.csv", "triage.id"}
        assert f"The decisions in {out / name} are left out" in capsys.readouterr().err


def test_too_many_decisions_are_not_sent(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dealing, "LARGEST_SMALL", 100)
    with computer("one", url, tmp_path) as out:
        Decisions(out).decide([ROW, OTHER], "accept")
        assert "the decisions: triage.csv has more than 100 bytes" in exchange.exchange(out)


def test_a_decision_waits_for_nobody_and_is_sent_soon(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A failure is said once, and tried again with the next decision."""
    monkeypatch.setattr(exchange, "soon", SOON)
    with computer("one", url, tmp_path) as out, pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "_PAUSE", 0.0)
        desk, gate = Decisions(out), threading.Event()

        def wait(kind: str, name: str) -> None:
            if kind == "mv":
                gate.wait(60)
                raise PermissionError

        far.on = wait  # type: ignore[assignment]
        desk.decide(ROW, "accept")
        desk.decide(ROW, "reject")
        assert tree(tmp_path / "there") == {}
        gate.set()
        exchange.finish()
        desk.undo()
        exchange.finish()
        assert capsys.readouterr().err.count("does not have the decisions") == 1
        far.on = answering  # type: ignore[assignment]
        desk.redo()
        exchange.finish()
        assert [*tree(tmp_path / "there").values()] == [(out / "triage.csv").read_bytes()]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_process_that_does_not_end_says_so(
    is_interrupted: bool,
    far: type[Far],
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    """After a minute, or when somebody presses Ctrl-C."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exchange, "soon", SOON)
    with computer("one", url, tmp_path) as out, pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "_LONGEST", 0.01)
        patch.setattr(exchange, "_PAUSE", 0.0)
        gate = threading.Event()

        def exchange_when_told(*_: Any, **__: Any) -> str:
            gate.wait(60)
            return ""

        patch.setattr(exchange, "exchange", exchange_when_told)
        exchange.soon(out)
        with pytest.MonkeyPatch.context() as waiting:
            if is_interrupted:
                waiting.setattr(threading.Thread, "join", interrupted)
            exchange.finish()
        assert f"{url} may not have the decisions in {out}" in capsys.readouterr().err
        gate.set()
        exchange.finish()


def test_a_process_sends_its_decisions_before_it_ends(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out:
        assert finished(DECIDING, [url]) == (0, "", "")
        assert [*tree(tmp_path / "there").values()] == [(out / "triage.csv").read_bytes()]
