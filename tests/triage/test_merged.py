"""Decisions of several computers: files beside that of this one are read, and the newest decision holds."""

import csv
import itertools
import os
from datetime import datetime
from pathlib import Path

import pytest

from mymodules.triage import Decisions, Row

HEADER = "time,name,first_digest,second_digest,decision,note,change"
ROW, OTHER = Row("a.png", "1" * 32, "2" * 32), Row("b.png", "1" * 32, "3" * 32)
FAR = "triage.00000000000000aa.csv"
FARTHER = "triage.00000000000000bb.csv"


def line(time: str, word: str, note: str = "", row: Row = ROW) -> str:
    return f"2026-01-01T{time},{row.name},{row.first_digest},{row.second_digest},{word},{note},{row.change}"


def write(path: Path, *lines: str) -> None:
    path.write_text("\ufeff" + "".join(f"{each}\r\n" for each in (HEADER, *lines)), "utf-8", newline="")


@pytest.mark.parametrize(
    ("here", "there", "holds"),
    [
        (["10:00:00Z", "accept"], ["11:00:00Z", "reject"], "reject"),
        (["11:00:00Z", "accept"], ["10:00:00Z", "reject"], "accept"),
        (["10:00:00+09:00", "accept"], ["02:00:00Z", "reject"], "reject"),  # 10:00 there is 01:00 UTC
        (["10:00:00.1234567Z", "accept"], ["10:00:00.1234567Z", "reject"], "reject"),
        (["10:00:00Z", "accept"], ["11:00:00Z", "clear"], ""),
        (["11:00:00Z", "clear"], ["10:00:00Z", "reject"], ""),
        (["once", "accept"], ["10:00:00Z", "reject"], "reject"),
    ],
)
def test_the_newest_decision_holds(here: list[str], there: list[str], holds: str, tmp_path: Path) -> None:
    write(tmp_path / FAR, line(*here))
    write(tmp_path / FARTHER, line(*there))
    assert Decisions(tmp_path).of(ROW)[0] == holds


def test_what_is_decided_here_counts_like_any_other(tmp_path: Path) -> None:
    write(
        tmp_path / FAR, line("10:00:00Z", "reject", "not yet"), line("10:00:00Z", "reject", "not yet", OTHER)
    )
    desk = Decisions(tmp_path)
    assert desk.each([ROW, OTHER]) == [("reject", "not yet")] * 2
    desk.decide(ROW, "accept", "now")
    assert desk.each([ROW, OTHER]) == [("accept", "now"), ("reject", "not yet")]
    assert {path.name for path in tmp_path.iterdir()} == {FAR, "triage.csv"}


def test_undo_and_redo_are_of_what_was_decided_here(tmp_path: Path) -> None:
    desk = Decisions(tmp_path)
    desk.decide(ROW, "accept")
    write(tmp_path / FAR, line("10:00:00Z", "reject"), line("10:00:01Z", "ignore", row=OTHER))
    assert desk.undo() is not None
    assert (desk.of(ROW)[0], desk.can_undo) == ("reject", False)
    write(tmp_path / FARTHER, "2999-" + line("10:00:00Z", "ignore")[5:])
    assert (desk.of(ROW)[0], desk.can_redo) == ("ignore", True)
    (tmp_path / FARTHER).unlink()
    assert desk.redo() is not None
    assert desk.of(ROW)[0] == "accept"


def test_a_redo_makes_a_step_as_new_as_itself(tmp_path: Path) -> None:
    write(
        tmp_path / FAR,
        line("10:00:00Z", "accept"),
        line("10:01:00Z", "undo", "accept of 2026-01-01T10:00:00Z"),
        line("10:03:00Z", "redo", "accept of 2026-01-01T10:00:00Z"),
    )
    write(tmp_path / FARTHER, line("10:02:00Z", "reject"))
    assert Decisions(tmp_path).of(ROW)[0] == "accept"


@pytest.mark.parametrize(
    ("note", "holds"),
    [
        ("", "accept"),
        ("nonsense", "accept"),
        ("accept of 2026-01-01T09:00:00Z", "accept"),
        ("accept of 2026-01-01T10:00:00Z", "reject"),
    ],
)
def test_a_file_means_the_same_here_and_elsewhere(note: str, holds: str, tmp_path: Path) -> None:
    """An undo whose note names no step is about the newest one."""
    steps = line("10:00:00Z", "accept"), line("10:00:01Z", "reject"), line("10:01:00Z", "undo", note)
    for folder, name in (("here", "triage.csv"), ("elsewhere", FAR)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / name, *steps)
        assert Decisions(tmp_path / folder).of(ROW)[0] == holds


@pytest.mark.parametrize(
    "ahead",
    [
        "2999-01-01T10:00:00.123456789+09:00",
        "9998-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999-12:00",  # as no time: it is year 10000 in UTC
        "9999-12-31T23:59:59.999999",
    ],
)
def test_what_was_decided_in_view_of_another_goes_before_it(ahead: str, tmp_path: Path) -> None:
    """That holds for all who read both files, however far ahead the clock of the other was."""
    write(tmp_path / FAR, ahead + line("", "accept")[11:], ahead + line("", "accept", row=OTHER)[11:])
    desk, asked = Decisions(tmp_path), [ROW, OTHER]
    assert [desk.of(row)[0] for row in asked] == ["accept"] * 2
    desk.decide(ROW, "reject")
    assert [desk.of(row)[0] for row in asked] == ["reject", "accept"]
    desk.undo()
    assert [desk.of(row)[0] for row in asked] == ["accept"] * 2
    desk.redo()
    desk.decide_each([([OTHER], "ignore", ""), ([OTHER], "reject", "")])
    assert [desk.of(row)[0] for row in asked] == ["reject", "reject"]
    (tmp_path / "third").mkdir()
    for name, read_as in ((FAR, FARTHER), ("triage.csv", FAR)):  # of the same time, that of the other holds
        (tmp_path / "third" / read_as).write_bytes((tmp_path / name).read_bytes())
    third = Decisions(tmp_path / "third")
    assert [third.of(row)[0] for row in asked] == ["reject", "reject"]
    third.decide(asked, "clear")
    assert [third.of(row)[0] for row in asked] == ["", ""]


def test_a_clock_that_is_ahead_concerns_its_rows_only(tmp_path: Path) -> None:
    write(tmp_path / FAR, "2999" + line("10:00:00Z", "accept")[4:])
    desk = Decisions(tmp_path)
    steps = desk.decide_each([([ROW], "reject", ""), ([OTHER], "reject", "")])
    assert [each.time[:4] for each in steps] == [f"{datetime.now():%Y}"] * 2
    with (tmp_path / "triage.csv").open(encoding="utf-8-sig", newline="") as file:
        found = {line["name"]: line["after"] for line in csv.DictReader(file)}
    assert found == {ROW.name: "2999-01-01T10:00:00.000000+00:00", OTHER.name: ""}


def test_the_columns_of_a_file_come_one_by_one(tmp_path: Path) -> None:
    """What is decided before and after is the same to who reads all of it, and to who has read a part.

    A version wrote ``after`` without ``change``.
    """
    (tmp_path / "triage.csv").write_text(
        f"\ufeff{HEADER.replace('change', 'after')}\r\n", "utf-8", newline=""
    )
    change, class_ = ROW._replace(change="0" * 24), Row.anywhere("1" * 24)
    desk, early = Decisions(tmp_path), Decisions(tmp_path)
    desk.decide(OTHER, "ignore")
    assert early.of(OTHER)[0] == "ignore"
    write(
        tmp_path / FAR, *("2999" + line("10:00:00Z", "accept", row=row)[4:] for row in (ROW, change, class_))
    )
    desk.decide(ROW, "reject")
    desk.decide([change, class_], "reject")
    desk.decide(OTHER, "accept")
    for each in (desk, early, Decisions(tmp_path)):
        assert [word for word, _ in each.each([OTHER, ROW, change, class_])] == ["accept", *["reject"] * 3]
    header, *_ = (tmp_path / "triage.csv").read_text("utf-8-sig").splitlines()
    assert header == "time,name,first_digest,second_digest,decision,note,after,change"


def test_steps_after_one_time_stay_apart(tmp_path: Path) -> None:
    """More of them than there are random digits."""
    about = [Row(f"{number}.png", "", "") for number in range(1100)]
    write(tmp_path / FAR, *("2999" + line("10:00:00Z", "accept", row=row)[4:] for row in about))
    desk = Decisions(tmp_path)
    steps = desk.decide_each(([row], "reject", "") for row in about)
    assert len({step.time for step in steps}) == len(about)
    assert [desk.undo() for _ in range(3)] == steps[:-4:-1]
    assert [word for word, _ in desk.each(about)] == ["reject"] * 1097 + ["accept"] * 3


def test_what_is_undone_is_not_put_off(tmp_path: Path) -> None:
    """A step that was covered comes back with its own time, so that what was decided in view of it holds."""
    later = "2999" + line("10:00:00Z", "accept")[4:]
    write(tmp_path / FAR, later, line("11:00:00Z", "ignore"))
    Decisions(tmp_path).decide(ROW, "reject")
    write(tmp_path / FAR, later, line("11:00:00Z", "ignore"), line("11:00:01Z", "undo"))
    assert Decisions(tmp_path).of(ROW)[0] == "reject"


def test_a_file_that_grows_or_goes_is_read_again(tmp_path: Path) -> None:
    """The explorer asks whether that is so."""
    desk = Decisions(tmp_path)
    seen = [desk.versions()]
    assert desk.of(ROW)[0] == ""
    write(tmp_path / FAR, line("10:00:00Z", "accept"))
    seen.append(desk.versions())
    assert desk.of(ROW)[0] == "accept"
    write(tmp_path / FAR, line("10:00:00Z", "accept"), line("10:00:01Z", "reject"))
    seen.append(desk.versions())
    assert desk.of(ROW)[0] == "reject"
    (tmp_path / FAR).unlink()
    assert desk.of(ROW)[0] == ""
    desk.decide(ROW, "ignore")
    seen.append(desk.versions())
    assert all(one != other for one, other in itertools.pairwise(seen))


def test_a_folder_is_listed_only_when_its_time_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Decisions(tmp_path)
    desk.decide(ROW, "accept")
    write(tmp_path / FAR, line("10:00:00Z", "reject", row=OTHER))
    os.utime(tmp_path, (1e9, 1e9))
    assert desk.of(OTHER)[0] == "reject"
    monkeypatch.setattr(Path, "iterdir", lambda folder: pytest.fail("it was listed again"))
    write(tmp_path / FAR, line("10:00:00Z", "reject", row=OTHER), line("10:00:01Z", "ignore", row=OTHER))
    desk.decide(ROW, "reject")
    assert ([desk.of(row)[0] for row in (ROW, OTHER)], [*desk.versions()]) == (
        ["reject", "ignore"],
        ["triage.csv", FAR],
    )


def test_a_file_that_comes_right_after_a_look_is_seen(tmp_path: Path) -> None:
    """The clock of a file system may stand still for 2 s."""
    desk, before = Decisions(tmp_path), tmp_path.stat()
    assert desk.of(ROW)[0] == ""
    write(tmp_path / FAR, line("10:00:00Z", "reject"))
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert desk.of(ROW)[0] == "reject"


def test_a_file_that_a_link_leads_to_is_seen_to_grow(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "real.csv", line("10:00:00Z", "accept"))
    (tmp_path / "out" / "triage.csv").symlink_to(tmp_path / "real.csv")
    desk = Decisions(tmp_path / "out")
    before = desk.versions()
    write(tmp_path / "real.csv", line("10:00:00Z", "accept"), line("10:00:01Z", "reject"))
    assert (desk.of(ROW)[0], desk.versions() == before) == ("reject", False)


def test_a_file_that_cannot_be_read_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / FARTHER, line("10:00:00Z", "accept"), "no line", line("10:00:01Z", "perhaps"))
    for content in (b"nothing", b"\xff\xfe", None):
        if content is None:
            (tmp_path / FAR).unlink()
            os.mkfifo(tmp_path / FAR)
        else:
            (tmp_path / FAR).write_bytes(content)
        for _ in range(2):  # each process says so once
            desk = Decisions(tmp_path)
            assert [desk.of(ROW)[0] for _ in range(2)] == ["accept"] * 2
            assert capsys.readouterr().err.count(f"The decisions in {tmp_path / FAR} are left out") == 1


def test_a_class_that_others_decided_is_known(tmp_path: Path) -> None:
    """All readers ask the same: rows, changes, dates and what was approved."""
    signature = "0" * 24
    anywhere = Row.anywhere(signature)
    write(tmp_path / FAR, line("10:00:00Z", "reject", row=anywhere))
    desk = Decisions(tmp_path)
    assert desk.knows_changes
    assert desk.remarks([signature]) == {signature: "rejected since 2026-01-01"}
    assert desk.dated([anywhere]) == ([("reject", "", "2026-01-01")], {})
    assert desk.times() == {(anywhere, "reject", ""): "2026-01-01T10:00:00Z"}
    write(tmp_path / FARTHER, line("11:00:00Z", "clear", "approved on 2026-01-02", anywhere))
    assert desk.closed() == {signature: "2026-01-02"}
    assert desk.remarks([signature]) == {signature: "accepted and approved on 2026-01-02"}
