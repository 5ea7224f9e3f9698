"""The decisions of one computer behind a URL: whatever becomes of its files here or there, none is lost."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.far_system import Far, computer
from support.fetched import tree

from mymodules.remote.fetching import Lines
from mymodules.results import exchange
from mymodules.triage import Decisions, Row

ROW, OTHER = Row("a.png", "1" * 32, "2" * 32), Row("b.png", "1" * 32, "3" * 32)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every opening asks the server, and nothing is sent in the background."""
    monkeypatch.setattr(exchange, "_RECENT", 0.0)
    monkeypatch.setattr(exchange, "soon", lambda out: None)


def held(name: str, url: str, at: Path) -> list[str]:
    """Return what holds at a computer, after it has exchanged decisions."""
    with computer(name, url, at) as out:
        desk = Decisions(out)
        return [desk.of(row)[0] for row in (ROW, OTHER)]


def decided(name: str, url: str, at: Path, *rows: Row) -> Path:
    """Have a computer accept rows, and exchange decisions; return its folder."""
    with computer(name, url, at) as out:
        for row in rows:
            Decisions(out).decide(row, "accept")
        assert exchange.exchange(out) == ""
        return out


def test_a_lost_note_and_a_new_column_do_no_harm(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed before it noted a sending; the first decision about a change writes all lines anew."""
    out = decided("one", url, tmp_path, ROW)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with computer("one", url, tmp_path):
        Decisions(out).decide(OTHER, "accept")
        with monkeypatch.context() as patch:
            patch.setattr(Lines, "add", killed)
            with pytest.raises(KeyboardInterrupt):
                exchange.exchange(out)
        Decisions(out).decide(OTHER._replace(change="0" * 24), "reject")
        assert exchange.exchange(out) == ""
    assert [*tree(tmp_path / "there").values()] == [(out / "triage.csv").read_bytes()]


def test_a_copy_that_was_removed_gets_its_decisions_back(far: type[Far], url: str, tmp_path: Path) -> None:
    """They are those of another computer then, which nobody here can undo."""
    out = decided("one", url, tmp_path, ROW)
    for path in out.parent.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert held("one", url, tmp_path) == ["accept", ""]
    with computer("one", url, tmp_path):
        assert not Decisions(out).can_undo
    decided("one", url, tmp_path, OTHER)
    assert held("one", url, tmp_path) == held("other", url, tmp_path) == ["accept", "accept"]
    assert len(tree(tmp_path / "there")) == 2


@pytest.mark.parametrize("left", [None, 0, 10, 60, 250])
def test_decisions_that_were_removed_or_cut_off_here_hold(
    left: int | None, far: type[Far], url: str, tmp_path: Path
) -> None:
    """What was sent is there. `left` is how many bytes stay, of which a whole header has 55."""
    out = decided("one", url, tmp_path, ROW, OTHER)
    before, path = tree(tmp_path / "there"), out / "triage.csv"
    path.unlink() if left is None else path.write_bytes(path.read_bytes()[:left])
    assert held("one", url, tmp_path) == ["accept", "accept"]
    decided("one", url, tmp_path, ROW._replace(name="c.png"))
    assert held("one", url, tmp_path) == held("other", url, tmp_path) == ["accept", "accept"]
    assert before.items() < tree(tmp_path / "there").items()


def test_what_stands_in_two_files_is_undone_in_both(far: type[Far], url: str, tmp_path: Path) -> None:
    """A note that was edited makes a new file there; what the old one has is taken back, too."""
    path = decided("one", url, tmp_path, ROW, OTHER) / "triage.csv"
    path.write_bytes(path.read_bytes().replace(b",accept,", b",accept,edited", 1))
    decided("one", url, tmp_path, ROW._replace(name="c.png"))
    assert len(tree(tmp_path / "there")) == 2
    for left in (["accept", "accept"], ["accept", ""], ["", ""]):  # that of c.png is the first to go
        with computer("one", url, tmp_path) as out:
            assert Decisions(out).undo() is not None
            assert exchange.exchange(out) == ""
        assert held("one", url, tmp_path) == held("other", url, tmp_path) == left


def test_a_spoilt_file_is_not_sent(far: type[Far], url: str, tmp_path: Path) -> None:
    """As spreadsheets may save it. When it is in order again, it goes on as before."""
    out = decided("one", url, tmp_path, ROW)
    there, path = tree(tmp_path / "there"), out / "triage.csv"
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b",", b";"))
    with computer("one", url, tmp_path):
        told = exchange.exchange(out)
    assert f"{url} does not have the decisions: triage.csv is not understood: save it as CSV UTF-8" in told
    assert "next command" not in told
    assert tree(tmp_path / "there") == there
    path.write_bytes(kept)
    decided("one", url, tmp_path, OTHER)
    assert [*tree(tmp_path / "there").values()] == [path.read_bytes()]


def test_copies_of_a_cache_part(far: type[Far], url: str, tmp_path: Path) -> None:
    """As on build servers that restore a cache: both have one ID, until the second one decides."""
    decided("one", url, tmp_path, ROW)
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    third = Row("c.png", "1" * 32, "4" * 32)
    decided("one", url, tmp_path, third)
    decided("copy", url, tmp_path, OTHER)
    decided("one", url, tmp_path, third._replace(name="d.png"))
    decided("copy", url, tmp_path, third._replace(name="e.png"))
    assert len(tree(tmp_path / "there")) == 2
    for name in ("one", "copy", "other"):
        with computer(name, url, tmp_path) as out:
            desk, rows = Decisions(out), (ROW, OTHER, *(third._replace(name=f"{each}.png") for each in "cde"))
            assert [desk.of(row)[0] for row in rows] == ["accept"] * 5


def test_decisions_that_were_removed_there_are_sent_again(far: type[Far], url: str, tmp_path: Path) -> None:
    """A rule of a bucket may remove what is old."""
    decided("one", url, tmp_path, ROW)
    there = tree(tmp_path / "there")
    shutil.rmtree(tmp_path / "there")
    assert held("one", url, tmp_path) == ["accept", ""]
    assert tree(tmp_path / "there") == there


def test_files_that_cannot_come_are_named_in_one_sentence_once(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"triage.{number:016x}.csv" for number in range(5)]
    (tmp_path / "there").mkdir()
    for name in names:
        (tmp_path / "there" / name).write_bytes(b"")

    def refuse(kind: str, called: str) -> None:
        if kind == "get":
            raise PermissionError

    far.on = refuse  # type: ignore[assignment]
    with computer("one", url, tmp_path) as out:
        for _ in range(2):
            Decisions(out).decide(ROW, "accept")
            assert exchange.exchange(out, what="decisions") == ""
    (said,) = capsys.readouterr().out.splitlines()
    assert said.endswith(" and 2 more did not come: the server refuses it.")


def test_a_server_that_fails_with_two_of_them_is_given_up(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    for number in range(9):
        (tmp_path / "there" / f"triage.{number:016x}.csv").write_bytes(b"")

    def fail(kind: str, called: str) -> None:
        if kind == "get":
            raise OSError(errno.EIO, "it fails")

    far.on = fail  # type: ignore[assignment]
    with computer("one", url, tmp_path) as out:
        assert exchange.exchange(out, what="decisions") == ""
    assert len({name for kind, name in far.asked if kind == "get"}) <= 3, "one may be on its way"
    assert f"{url} cannot be asked for results: the server fails" in capsys.readouterr().out
