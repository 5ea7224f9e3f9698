"""The columns that a file of decisions gets later: no decision becomes another one by that."""

import contextlib
import sys
import threading
from pathlib import Path

import pytest

from mymodules import files
from mymodules.triage import Decisions, Row

SIGNATURE = "a" * 24
HEADER = "time,name,first_digest,second_digest,decision,note"
FAR = "triage.00000000000000aa.csv"
AHEAD = Row("z.png", "1" * 32, "2" * 32)
PAGE, CHANGE = Row("x.png", "1" * 32, "2" * 32), Row("a.png", "1" * 32, "2" * 32, SIGNATURE)


def decide_ahead(folder: Path) -> None:
    """Somebody else has decided with a clock that is ahead, and this computer in view of that."""
    line = f"2999-01-01T00:00:00Z,{AHEAD.name},{AHEAD.first_digest},{AHEAD.second_digest},accept,"
    (folder / FAR).write_text(f"\ufeff{HEADER}\r\n{line}\r\n", "utf-8", newline="")
    Decisions(folder).decide(AHEAD, "reject")
    assert (folder / "triage.csv").read_text("utf-8-sig").split()[0].endswith(",after")


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_truncated_decision_about_a_change_is_none_about_the_picture(goes_on: bool, tmp_path: Path) -> None:
    """The signature is the last cell but the line break: it is cut at each place from there on."""
    whole = tmp_path / "whole"
    whole.mkdir()
    Decisions(whole).decide(PAGE._replace(change=SIGNATURE), "reject")
    Decisions(whole).decide(CHANGE, "accept", 'only, "the" logo')
    data = (whole / "triage.csv").read_bytes()
    asked = [PAGE, PAGE._replace(change=SIGNATURE), CHANGE._replace(change=""), CHANGE]
    for cut in range(1, len(SIGNATURE) + 40, 3):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "triage.csv").write_bytes(data[:-cut])
        if goes_on:
            Decisions(folder).decide(Row("y.png", "1" * 32, "2" * 32), "accept")
        before = Decisions(folder).each(asked)
        assert before[2] == ("", ""), f"without {cut} bytes"
        decide_ahead(folder)
        assert Decisions(folder).each(asked) == before, f"without {cut} bytes"
        assert Decisions(folder).of(AHEAD)[0] == "reject"


def test_a_decision_truncated_where_it_says_what_it_goes_before_does_not_count(tmp_path: Path) -> None:
    """It would count as one that goes before nothing."""
    decide_ahead(tmp_path)
    path = tmp_path / "triage.csv"
    data = path.read_bytes()
    for cut in range(1, len(data) - data.rindex(b",2999"), 6):
        path.write_bytes(data[:-cut])
        desk = Decisions(tmp_path)
        desk.decide(PAGE, "ignore")
        assert desk.undo() is not None
        assert desk.undo() is None, f"without {cut} bytes"


def test_a_new_column_keeps_the_lines_of_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "triage.csv"
    later = f"2026-01-02T10:00:00Z,{PAGE.name},{PAGE.first_digest},{PAGE.second_digest},postpone,until then"
    path.write_text(f"\ufeff{HEADER}\r\n{later}\r\n", "utf-8", newline="")
    Decisions(tmp_path).decide(CHANGE, "accept")
    assert later in path.read_text("utf-8-sig")
    assert Decisions(tmp_path).each([PAGE, CHANGE]) == [("", ""), ("accept", "")]


@pytest.mark.skipif(sys.platform == "win32", reason="there, no lock keeps two from beginning a file")
def test_two_that_begin_a_file_at_once_write_one_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one header would be a line, and the columns those of the other."""
    both, true = threading.Barrier(2, timeout=0.5), files.write_all

    def write(file: object, data: bytes) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one waits for this one
            both.wait()
        true(file, data)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "write_all", write)
    desks = Decisions(tmp_path), Decisions(tmp_path)
    threads = [
        threading.Thread(target=desk.decide, args=(row, "reject"))
        for desk, row in zip(desks, (PAGE, CHANGE), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    decide_ahead(tmp_path)
    assert (tmp_path / "triage.csv").read_bytes().count(b"first_digest") == 1
    assert [word for word, _ in Decisions(tmp_path).each([PAGE, CHANGE])] == ["reject"] * 2
    assert Decisions(tmp_path).of(CHANGE._replace(change="")) == ("", "")


def test_what_two_files_have_is_redone_in_both(tmp_path: Path) -> None:
    """As a computer that has got a new ID has its earlier steps in two files."""
    desk = Decisions(tmp_path)
    desk.decide(PAGE, "accept")
    desk.undo()
    (tmp_path / FAR).write_bytes((tmp_path / "triage.csv").read_bytes())
    assert Decisions(tmp_path).of(PAGE)[0] == ""
    assert desk.redo() is not None
    assert desk.of(PAGE)[0] == Decisions(tmp_path).of(PAGE)[0] == "accept"
    desk.undo()
    assert desk.of(PAGE)[0] == Decisions(tmp_path).of(PAGE)[0] == ""
