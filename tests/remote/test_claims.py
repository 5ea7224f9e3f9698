"""Claims of runs: which of several computers with copies of one cache sends a run that all of them have."""

from pathlib import Path
from typing import Any

import pytest
from support.far_system import Far, computer
from support.fetched import tree
from support.sent_runs import LATER, STAMP, abroad, parsed, put, run_of

from mymodules.remote.sending import Folder
from mymodules.results import exchange, runfiles
from mymodules.results.exchange import exchange as exchanged

CSV, MANIFEST = f"results-{STAMP}.csv", f"results-{STAMP}.json"


def answering(kind: str, name: str) -> None:
    """Refuse nothing."""


def claims(at: Path) -> list[str]:
    return [path.name for path in (at / "there").glob(f".sending-{STAMP}-*")]


def test_a_claim_keeps_the_run_that_it_is_for(far: type[Far], url: str, tmp_path: Path) -> None:
    """Also if nothing else was sent: with other tables, the run would be refused because of it."""

    def fail(kind: str, name: str) -> None:
        if kind == "ls" and claims(tmp_path):
            raise PermissionError

    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        far.on = fail  # type: ignore[assignment]
        assert "the server refuses it" in exchanged(out, what="end")
        assert exchange.was_sent(out, STAMP, begun=True)
        far.on = answering  # type: ignore[assignment]
        assert exchanged(out, what="end") == ""
    assert parsed(tree(tmp_path / "there")) == abroad(run_of())


@pytest.mark.parametrize("digit", ["0", "f"])
def test_of_two_claims_that_find_each_other_one_stays(
    digit: str, far: type[Far], url: str, tmp_path: Path
) -> None:
    """The last one by name gives way at once, and the other one waits for that."""
    other, listed = tmp_path / "there" / f".sending-{STAMP}-{digit * 32}", []

    def meanwhile(kind: str, name: str) -> None:
        if kind == "mv" and STAMP in name and not listed:
            other.write_bytes(b"")
        elif kind == "ls" and claims(tmp_path):
            listed.append(claims(tmp_path))
            if digit == "f" and len(listed) == 3:
                other.unlink()

    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        far.on = meanwhile  # type: ignore[assignment]
        told = exchanged(out, what="end")
    if digit == "f":
        assert [len(each) for each in listed] == [2, 2, 2]
        assert told == ""
        assert parsed(tree(tmp_path / "there")) == abroad(run_of())
    else:
        assert [len(each) for each in listed] == [2]
        assert "another computer, with a copy of this cache, is sending it" in told
        assert claims(tmp_path) == [other.name]


def test_the_one_that_waits_gives_way_to_one_that_stays(far: type[Far], url: str, tmp_path: Path) -> None:
    other = tmp_path / "there" / f".sending-{STAMP}-{'f' * 32}"
    put(tmp_path / "there", {other.name: b""})
    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        assert f"let that one finish, or remove {other.name} there" in exchanged(out, what="end")
    assert claims(tmp_path) == [other.name]


def test_drawings_of_another_sender_do_not_count_as_sent(far: type[Far], url: str, tmp_path: Path) -> None:
    """They may have the same size: only what was sent under the own claim, which is still there, counts."""
    drawing = f"03.diff-{STAMP}/deep/a.png-1.orig.png"
    other = tmp_path / "there" / f".sending-{STAMP}-{'0' * 32}"
    put(tmp_path / "there", {other.name: b"", drawing: b"DRAWING OF ROWS"})
    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        assert f"remove {other.name} there" in exchanged(out, what="end")
        other.unlink()
        assert exchanged(out, what="end") == ""
    assert parsed(tree(tmp_path / "there")) == abroad(run_of())


def test_a_cancel_after_the_manifest_is_there_comes_too_late(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is noted as sent, and the next exchange removes its claim."""
    true = Folder.write

    def write(self: Folder, name: str, made: Path) -> None:
        true(self, name, made)
        if name == MANIFEST:
            self.asking.over.set()

    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", write)
            assert exchanged(out, what="end") == ""
        assert exchange.was_sent(out, STAMP)
        assert len(claims(tmp_path)) == 1
        assert exchanged(out) == ""
    assert parsed(tree(tmp_path / "there")) == abroad(run_of())


def test_a_kill_after_the_manifest_leaves_no_claim_for_ever(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with computer("one", url, tmp_path) as out:
        put(out, run_of())
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "remove", killed)
            with pytest.raises(KeyboardInterrupt):
                exchanged(out, what="end")
        assert len(claims(tmp_path)) == 1
        with computer("other", url, tmp_path) as other:
            assert exchanged(other) == ""
            assert runfiles.newest(other) == other / CSV
        assert len(claims(tmp_path)) == 1  # it is not that of the others
        assert exchanged(out) == ""
    assert parsed(tree(tmp_path / "there")) == abroad(run_of())


def test_who_may_only_add_files_asks_once_for_the_removal_of_claims(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(self: Far, path: str) -> None:
        asked.append(path)
        raise PermissionError

    monkeypatch.setattr(far, "rm_file", refuse)
    with computer("one", url, tmp_path) as out:
        put(out, run_of() | run_of(LATER))
        assert exchanged(out) == ""
        assert len(asked) == 2
        assert exchanged(out) == ""
        assert len(asked) == 3
