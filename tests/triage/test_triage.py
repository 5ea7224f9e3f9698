"""Decisions that stay, and the files that follow from them."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import Folders, folders, png

from mymodules import batch, errors, files, images, pairs, settings, triage
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row, history

ROWS = [Row(f"{letter}.png", letter * 32, letter.upper() * 32) for letter in "abc"]
HOSTILE = [
    "=cmd|' /C calc'!A0.png",
    "a\nb\r.png",
    "\\x0a.png",
    "é, \"'.png",
    "\\\\xff\\u000a\n.png",
    "'-.png",
    "\0.png",
]


def compared(made: Folders) -> pd.DataFrame:
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*made, executor=executor, pictures="none").frame()


def picture(level: int) -> bytes:
    return png(np.full((4, 4, 3), level, np.uint8))


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    """Three changed pictures, one in a folder; one missing, one extra, one the same, one broken."""
    made = folders(tmp_path)
    for folder, level in ((made.first, 10), (made.second, 200)):
        (folder / "below").mkdir()
        for number, name in enumerate(("a.png", "b.png", "below/c.png")):
            (folder / name).write_bytes(picture(level + number))
        (folder / "same.png").write_bytes(picture(0))
        (folder / "broken.png").write_bytes(picture(level)[:-7])
    (made.first / "gone.png").write_bytes(picture(30))
    (made.second / "new").mkdir()
    (made.second / "new" / "new.png").write_bytes(picture(40))
    return made


def state(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def accept(made: Folders, frame: pd.DataFrame, *names: str) -> None:
    Decisions(made.out).decide(frame[frame["image_filename"].isin(names)], "accept")


# --- decisions ---------------------------------------------------------------------------------------


def test_a_decision_is_there_for_who_comes_later(tmp_path: Path) -> None:
    step = Decisions(tmp_path).decide(ROWS[0], "accept", 'as agreed,\nsee "mail"')
    assert step is not None
    assert (step.decision, step.note, step.rows) == ("accept", 'as agreed, see "mail"', (ROWS[0],))
    assert Decisions(tmp_path).of(ROWS[0]) == ("accept", 'as agreed, see "mail"')
    assert Decisions(tmp_path).of(ROWS[1]) == ("", "")
    table = pd.read_csv(tmp_path / "triage.csv", encoding="utf-8-sig")
    assert tuple(table.columns) == ("time", "name", "first_digest", "second_digest", "decision", "note")
    assert pd.Timestamp(table["time"][0]).tzinfo is not None
    assert table["time"][0] == step.time


def test_other_bytes_are_another_row(tmp_path: Path) -> None:
    decided = Decisions(tmp_path)
    decided.decide(ROWS[0], "reject")
    assert decided.of(ROWS[0]._replace(second_digest="0" * 32)) == ("", "")
    assert decided.of(ROWS[0]._replace(name="z.png")) == ("", "")


def test_many_rows_are_one_step(tmp_path: Path) -> None:
    decided = Decisions(tmp_path)
    decided.decide(ROWS[:1], "reject")
    decided.decide(ROWS, "accept")
    undone = decided.undo()
    assert undone is not None
    assert undone.rows == tuple(ROWS)
    assert [decided.of(row)[0] for row in ROWS] == ["reject", "", ""]
    redone = Decisions(tmp_path).redo()  # of another process, after a restart
    assert redone == undone
    assert [decided.of(row)[0] for row in ROWS] == ["accept"] * 3
    lines = (tmp_path / "triage.csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == 1 + 1 + 3 * 3  # nothing is ever taken out
    assert undone.time in lines[-1]


def test_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    decided = Decisions(tmp_path)
    assert (decided.undo(), decided.redo(), decided.decide([], "accept")) == (None, None, None)
    assert (decided.can_undo, decided.can_redo) == (False, False)
    assert not decided.path.exists()


@pytest.mark.parametrize("word", ["undo", "redo", "Accept", ""])
def test_only_decisions_are_decided(tmp_path: Path, word: str) -> None:
    with pytest.raises(errors.SettingsError, match="accept, reject, ignore or clear"):
        Decisions(tmp_path).decide(ROWS, word)


def test_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.OutputError, match="absent"):
        Decisions(tmp_path / "absent").decide(ROWS, "accept")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("failing", ["write_all", "fsync"])
def test_what_could_not_be_written_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, before: bool
) -> None:
    decided = Decisions(tmp_path)
    if before:
        decided.decide(ROWS[0], "reject")
    data = decided.path.read_bytes() if before else b""

    def full(*given: Any) -> None:
        if failing == "write_all":
            given[0].write(given[1][: len(given[1]) * 2 // 3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files if failing == "write_all" else os, failing, full)
        with pytest.raises(errors.OutputError, match="No space left"):
            decided.decide(ROWS, "accept")
    assert decided.path.read_bytes() == data
    for reader in (decided, Decisions(tmp_path)):
        assert [reader.of(row)[0] for row in ROWS] == ["reject" if before else "", "", ""]
    decided.decide(ROWS[1], "ignore")
    assert Decisions(tmp_path).of(ROWS[1])[0] == "ignore"


def test_what_others_appended_is_never_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decided, other = Decisions(tmp_path), Decisions(tmp_path)
    fsync = os.fsync

    def refuse(_: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        other.decide(ROWS[1], "reject")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(errors.OutputError, match="Input/output"):
        decided.decide(ROWS[0], "accept")
    assert Decisions(tmp_path).of(ROWS[1])[0] == "reject"


Between = Callable[[Callable[[], object]], None]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Have something happen after the next call has read the file and before it appends to it."""

    def patch(act: Callable[[], object]) -> None:
        append = history.HistoryFile.append

        def late(*given: Any) -> Any:
            monkeypatch.setattr(history.HistoryFile, "append", append)
            act()
            return append(*given)

        monkeypatch.setattr(history.HistoryFile, "append", late)

    return patch


def test_undo_is_of_the_step_that_was_read(tmp_path: Path, between: Between) -> None:
    one, other = Decisions(tmp_path), Decisions(tmp_path)
    one.decide(ROWS[0], "accept")
    between(lambda: other.decide(ROWS[1], "reject"))
    step = one.undo()
    assert step is not None
    assert step.rows == (ROWS[0],)
    for reader in (one, other, Decisions(tmp_path)):
        assert [reader.of(row)[0] for row in ROWS] == ["", "reject", ""]
    between(lambda: other.decide(ROWS[2], "ignore"))
    assert one.redo() is None  # a decision leaves nothing to redo
    assert [one.of(row)[0] for row in ROWS] == ["", "reject", "ignore"]


def test_two_that_undo_one_step_take_back_one(tmp_path: Path, between: Between) -> None:
    one, other = Decisions(tmp_path), Decisions(tmp_path)
    one.decide(ROWS[0], "accept")
    one.decide(ROWS[1], "reject")
    between(other.undo)
    assert one.undo() is None
    assert [one.of(row)[0] for row in ROWS] == ["accept", "", ""]
    between(other.redo)
    assert one.redo() is None
    assert [one.of(row)[0] for row in ROWS] == ["accept", "reject", ""]


def test_undo_without_a_note_is_of_the_newest_step(tmp_path: Path) -> None:
    decided = Decisions(tmp_path)
    decided.decide(ROWS[0], "accept")
    decided.decide(ROWS[1], "reject")
    with decided.path.open("ab") as file:
        file.write(b"2026-01-02T03:04:05+00:00,b.png,,,undo,\r\n")
    assert [decided.of(row)[0] for row in ROWS] == ["accept", "", ""]
    with decided.path.open("ab") as file:
        file.write(b"2026-01-02T03:04:06+00:00,b.png,,,redo,reject of 20")  # a torn note
    assert [decided.of(row)[0] for row in ROWS] == ["accept", "reject", ""]


SAVED: dict[str, Callable[[str], bytes]] = {
    "semicolons": lambda text: text.replace(",", ";").encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "another table": lambda _: b"name,status\r\na.png,changed\r\n",
    "no text": lambda _: b"\0" * 200_000,
}


@pytest.mark.parametrize("how", SAVED)
def test_file_that_is_not_understood_is_refused(tmp_path: Path, how: str) -> None:
    read = Decisions(tmp_path)
    read.decide(ROWS[0], "accept")
    data = SAVED[how](read.path.read_text("utf-8-sig"))
    read.path.write_bytes(data)
    for decided in (read, Decisions(tmp_path)):
        with pytest.raises(errors.ResultsError, match="is not understood: it does not begin with time"):
            decided.of(ROWS[0])
        with pytest.raises(errors.ResultsError, match="move it away"):
            decided.decide(ROWS, "reject")
    assert read.path.read_bytes() == data


@pytest.mark.parametrize("more", ["", ",by"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_file_that_an_editor_saved_is_understood(tmp_path: Path, encoding: str, more: str) -> None:
    Decisions(tmp_path).decide(ROWS[0], "accept")
    path = tmp_path / "triage.csv"
    header, line = path.read_text("utf-8-sig").splitlines()
    path.write_text(f"{header}{more}\n{line}{more}\n", encoding)
    assert Decisions(tmp_path).of(ROWS[0])[0] == "accept"


def test_torn_line_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Decisions(tmp_path).decide(ROWS, "accept")
    with (tmp_path / "triage.csv").open("ab") as file:
        file.write(b"2026-01-02T03:04:05+00:00,a.png,torn")
    decided = Decisions(tmp_path)
    assert decided.of(ROWS[0])[0] == "accept"
    taken: list[bytes] = []
    monkeypatch.setattr(history.History, "add", lambda _, line: taken.append(line))
    assert decided.of(ROWS[1])[0] == "accept"
    assert b"".join(taken) == b""


MOVES = st.one_of(
    st.sampled_from(["undo", "redo"]),
    st.tuples(
        st.sampled_from(["accept", "reject", "ignore", "clear"]), st.sets(st.sampled_from(ROWS), min_size=1)
    ),
)


@given(moves=st.lists(MOVES, max_size=12))
def test_history_says_what_holds(tmp_path_factory: pytest.TempPathFactory, moves: list[Any]) -> None:
    out = tmp_path_factory.mktemp("out")
    one, other = Decisions(out), Decisions(out)
    states: list[dict[Row, str]] = [{}]
    at = 0
    for move in moves:
        one, other = other, one
        if move == "undo":
            at = max(at - 1, 0)
            one.undo()
        elif move == "redo":
            at = min(at + 1, len(states) - 1)
            one.redo()
        else:
            word, about = move
            states[at + 1 :] = [states[at] | dict.fromkeys(about, "" if word == "clear" else word)]
            at += 1
            one.decide(about, word)
        expected = [states[at].get(row, "") for row in ROWS]
        for decided in (one, other, Decisions(out)):
            assert [decided.of(row)[0] for row in ROWS] == expected
            assert (decided.can_undo, decided.can_redo) == (at > 0, at < len(states) - 1)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_notes_come_back(tmp_path: Path, name: str) -> None:
    text = pairs.to_text(name)
    Decisions(tmp_path).decide(Row(text, "1" * 32, ""), "ignore", "=1+1")
    assert Decisions(tmp_path).of(Row(text, "1" * 32, "")) == ("ignore", "=1+1")
    data = (tmp_path / "triage.csv").read_bytes()
    assert data.count(b"\n") == 2
    assert b",=" not in data


def test_torn_line_is_never_glued_to_the_next(tmp_path: Path) -> None:
    Decisions(tmp_path).decide(ROWS[0], "accept", 'a "quoted, note')
    Decisions(tmp_path).decide(Row('b,"c.png', "1" * 32, "2" * 32), "accept", 'é "quoted, note')
    path = tmp_path / "triage.csv"
    whole = path.read_bytes()
    word = whole.rindex(b",accept,")
    for end in range(len(whole) - 1):
        path.write_bytes(whole[:end])
        decided = Decisions(tmp_path)
        before = [decided.of(row)[0] for row in (ROWS[0], Row('b,"c.png', "1" * 32, "2" * 32))]
        assert before[1] == ("accept" if end >= word + len(b",accept,") else "")
        decided.decide(ROWS[1], "reject")
        for reader in (decided, Decisions(tmp_path)):
            assert reader.of(ROWS[1])[0] == "reject"
            assert reader.of(ROWS[0])[0] == before[0]
            assert reader.of(Row('b,"c.png', "1" * 32, "2" * 32))[0] == before[1]


def test_edited_file_is_read_again(tmp_path: Path) -> None:
    decided = Decisions(tmp_path)
    decided.decide(ROWS, "accept")
    path = tmp_path / "triage.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'stray " quote\n', b"\0\0\0"]))
    assert [decided.of(row)[0] for row in ROWS] == ["accept", "", ""]
    decided.decide(ROWS[2], "ignore")
    assert [Decisions(tmp_path).of(row)[0] for row in ROWS] == ["accept", "", "ignore"]


def test_two_steps_in_one_moment_stay_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Still(history.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Still":
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(history, "datetime", Still)
    decided = Decisions(tmp_path)
    for row in ROWS:
        decided.decide(row, "accept")
    decided.undo()
    decided.undo()
    assert [decided.of(row)[0] for row in ROWS] == ["accept", "", ""]


def test_state_of_a_later_run(made: Folders) -> None:
    frame = compared(made)
    decided = Decisions(made.out)
    decided.decide(frame.iloc[0], "accept", "as agreed")
    decided.decide(frame[frame["status"] == "missing"], "ignore")
    shutil.copyfile(made.second / "same.png", made.second / "b.png")
    later = compared(made)[::-1]
    found = Decisions(made.out).state(later)
    assert (found.name, list(found.index)) == ("decision", list(later.index))
    by_name = dict(zip(later["image_filename"], found, strict=True))
    assert by_name == dict.fromkeys(later["image_filename"], "") | {"a.png": "accept", "gone.png": "ignore"}
    each = dict(zip(later["image_filename"], Decisions(made.out).each(later), strict=True))
    assert (each["a.png"], each["b.png"]) == (("accept", "as agreed"), ("", ""))
    assert {name: word for name, (word, _) in each.items()} == by_name


def test_settings_say_where_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mymodules.settings._current", settings.resolve(out=tmp_path))
    assert Decisions().path == tmp_path / "triage.csv"


# --- approve and restore -----------------------------------------------------------------------------


def test_accepted_pictures_become_the_first_ones(made: Folders) -> None:
    before, second = state(made.first), state(made.second)
    frame = compared(made)
    accept(made, frame, "a.png", "below/c.png", "same.png")
    Decisions(made.out).decide(frame[frame["image_filename"] == "b.png"], "reject")
    (made.first / "a.png").chmod(0o640)

    done = triage.approve(frame)

    assert (done.approved, done.refused) == (("a.png", "below/c.png"), {})
    assert done.folder is not None
    assert state(made.first) == before | {name: second[name] for name in done.approved}
    assert state(made.second) == second
    assert state(done.folder / "first") == {name: before[name] for name in done.approved}
    assert (made.first / "a.png").stat().st_mode & 0o777 == 0o640
    assert str(done) == f"2 pictures approved. The old files are in {done.folder}."
    later = compared(made).set_index("image_filename")
    assert later.loc[list(done.approved), "status"].tolist() == ["same", "same"]
    assert set(Decisions(made.out).state(later.reset_index())) == {"", "reject"} | {"accept"}  # same.png

    back = triage.restore(done.folder)
    assert (back.restored, back.unchanged, back.refused) == (done.approved, (), {})
    assert state(made.first) == before
    assert (made.first / "a.png").stat().st_mode & 0o777 == 0o640
    assert triage.restore(done.folder).unchanged == done.approved


def test_one_side_only_when_asked_for_by_name(made: Folders) -> None:
    before = state(made.first)
    frame = compared(made)
    accept(made, frame, "gone.png", "new/new.png", "broken.png")
    done = triage.approve(frame)
    assert (done.folder, done.approved, set(done.refused)) == (
        None,
        (),
        {"gone.png", "new/new.png", "broken.png"},
    )
    assert "adopt=['new/new.png']" in done.refused["new/new.png"]
    assert state(made.first) == before
    assert not list(made.out.glob("approved-*"))

    done = triage.approve(frame, adopt=["new/new.png", "a.png", "x.png"], remove="gone.png")
    assert done.approved == ("gone.png", "new/new.png")
    assert set(done.refused) == {"a.png", "x.png", "broken.png"}
    after = state(made.first)
    assert after.pop("new/new.png") == picture(40)
    assert after == {name: data for name, data in before.items() if name != "gone.png"}
    assert done.folder is not None
    assert triage.restore(done.folder).restored == done.approved
    assert state(made.first) == before


CHANGES: dict[str, Callable[[Folders], Any]] = {
    "first is no longer": lambda made: (made.first / "a.png").write_bytes(picture(77)),
    "second is no longer": lambda made: (made.second / "a.png").write_bytes(picture(77)),
    "already": lambda made: shutil.copyfile(made.second / "a.png", made.first / "a.png"),
    "It is now in second": lambda made: (made.first / "a.png").unlink(),
    "It is now in first": lambda made: (made.second / "a.png").unlink(),
    "It is gone": lambda made: [(folder / "a.png").unlink() for folder in made[:2]],
    "is a link": lambda made: (
        (made.first / "a.png").rename(made.out / "a.png"),
        (made.first / "a.png").symlink_to(made.out / "a.png"),
    ),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_was_not_compared_is_refused_and_the_others_go_on(made: Folders, reason: str) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    CHANGES[reason](made)
    before = state(made.first)
    done = triage.approve(frame)
    assert done.approved == ("b.png",)
    assert list(done.refused) == ["a.png"]
    assert reason in done.refused["a.png"]
    assert state(made.first) == before | {"b.png": picture(201)}
    assert done.folder is not None
    assert state(done.folder / "first") == {"b.png": picture(11)}
    triage.restore(done.folder)
    assert state(made.first) == before


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
@pytest.mark.parametrize("when", ["before", "between"])
def test_folder_link_is_refused_as_a_file_link_is(
    made: Folders, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link() -> None:
        for folder in ("below", "new"):
            elsewhere = made.out.parent / f"elsewhere-{folder}"
            if (made.first / folder).exists():
                (made.first / folder).rename(elsewhere)
            else:
                elsewhere.mkdir()
            (made.first / folder).symlink_to(elsewhere)

    write = runfiles.write_manifest

    def and_then(path: Path, manifest: Any) -> None:
        write(path, manifest)
        if not manifest["complete"]:
            link()

    if when == "before":
        link()
    frame = compared(made)
    accept(made, frame, "a.png", "below/c.png")
    if when == "between":
        monkeypatch.setattr(runfiles, "write_manifest", and_then)
    done = triage.approve(frame, adopt=["new/new.png"])
    assert done.approved == ("a.png",)
    assert done.refused == {
        f"{folder}/{name}": f"{made.first / folder} is a link: approve where the file itself is."
        for folder, name in (("below", "c.png"), ("new", "new.png"))
    }
    assert (made.out.parent / "elsewhere-below" / "c.png").read_bytes() == picture(12)
    assert not list((made.out.parent / "elsewhere-new").iterdir())


def test_relative_folders_hold_in_another_working_folder(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    before = state(made.first)
    monkeypatch.chdir(made.out.parent)
    run = {role: folder.name for role, folder in made._asdict().items()}
    done = triage.approve(frame, run)
    assert done.approved == ("a.png",)
    assert done.folder is not None
    (tmp_path / "another").mkdir()
    monkeypatch.chdir(tmp_path / "another")
    assert triage.restore(done.folder).restored == ("a.png",)
    assert state(made.first) == before


def test_row_that_the_frame_holds_twice_is_approved_once(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    twice = pd.concat([frame, frame])
    twice.attrs = frame.attrs
    done = triage.approve(twice)
    assert (done.approved, done.refused) == (("a.png", "b.png"), {})


@pytest.mark.parametrize("side", ["first", "second"])
def test_change_at_the_last_moment_is_refused(
    made: Folders, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the manifest and the replacing: the plan is then larger than what was done."""
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    write = runfiles.write_manifest

    def and_then(path: Path, manifest: Any) -> None:
        write(path, manifest)
        if not manifest["complete"]:
            (getattr(made, side) / "a.png").write_bytes(picture(77))

    monkeypatch.setattr(runfiles, "write_manifest", and_then)
    done = triage.approve(frame)
    assert (done.approved, list(done.refused)) == (("b.png",), ["a.png"])
    after = state(made.first)
    assert after["a.png"] == picture(77 if side == "first" else 10)
    assert not [name for name in after if ".tmp" in name]
    assert done.folder is not None
    assert triage.restore(done.folder).restored == ("b.png",)
    assert (made.first / "a.png").read_bytes() == after["a.png"]


def test_restore_refuses_what_was_changed_since(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png", "below/c.png")
    done = triage.approve(frame, adopt=["new/new.png"], remove=["gone.png"])
    assert done.folder is not None
    (made.first / "a.png").write_bytes(b"later work")
    (made.first / "gone.png").write_bytes(b"later work")
    (made.first / "new" / "new.png").write_bytes(b"later work")
    (done.folder / "first" / "b.png").write_bytes(b"damaged")
    back = triage.restore(done.folder)
    assert back.restored == ("below/c.png",)
    assert list(back.refused) == ["a.png", "b.png", "gone.png", "new/new.png"]
    assert "was changed" in back.refused["b.png"]
    assert [(made.first / name).read_bytes() for name in ("a.png", "gone.png", "new/new.png")] == [
        b"later work"
    ] * 3
    assert "4 pictures refused:\n  a.png: " in str(back)


def test_approvals_of_one_second_have_folders_of_their_own(made: Folders) -> None:
    frame = compared(made)
    folders_ = set()
    for name in ("a.png", "b.png", "below/c.png"):
        accept(made, frame, name)
        folders_.add(triage.approve(frame[frame["image_filename"] == name]).folder)
    assert len(folders_) == 3
    assert None not in folders_


@pytest.mark.skipif(os.name != "posix", reason="names as POSIX has them")
def test_names_of_every_kind(tmp_path: Path) -> None:
    made = folders(tmp_path)
    names = [
        *(name for name in HOSTILE if "/" not in name and "\0" not in name),
        os.fsdecode(b"\xff\n\\.png"),
    ]
    for number, name in enumerate(names):
        (made.first / name).write_bytes(picture(number))
        (made.second / name).write_bytes(picture(100 + number))
    (made.first / "e\u0301.png").write_bytes(picture(50))
    (made.second / "\u00e9.png").write_bytes(picture(150))
    before = state(made.first)
    frame = compared(made)
    assert (frame["status"] == "changed").all()
    Decisions(made.out).decide(frame, "accept")
    assert set(Decisions(made.out).state(frame)) == {"accept"}
    done = triage.approve(frame)
    assert (set(done.approved), done.refused) == (set(frame["image_filename"]), {})
    assert set(state(made.first)) == set(before)
    assert (made.first / "e\u0301.png").read_bytes() == picture(150)
    assert done.folder is not None
    assert triage.restore(done.folder).refused == {}
    assert state(made.first) == before


def test_all_is_on_the_disk_before_it_counts(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(number: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink().name}")
        fsync(number)

    def replaced(source: Any, target: Any) -> None:
        calls.append(f"replace {Path(source).name} {Path(target).name}")
        replace(source, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("open files have no names here")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    accept(made, frame, "a.png")
    assert calls == ["fsync triage.csv", "fsync out"]
    calls.clear()
    done = triage.approve(frame)
    assert done.folder is not None
    manifest, beside = f"approved.json.{os.getpid()}.tmp", f".{done.folder.name}-0.tmp"
    begin = ["fsync a.png", f"fsync {done.folder.name}", "fsync first"]
    assert calls[:3] == begin
    assert calls[3:] == [
        f"fsync {manifest}",
        f"replace {manifest} approved.json",
        f"fsync {done.folder.name}",
        "fsync out",
        f"fsync {beside}",
        f"replace {beside} a.png",
        "fsync first",
        f"fsync {manifest}",
        f"replace {manifest} approved.json",
        f"fsync {done.folder.name}",
    ]


def test_interrupt_says_how_to_go_back(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    before = state(made.first)
    accept(made, frame, "a.png", "b.png")
    replace = Path.replace

    def interrupt(source: Path, target: Path) -> Path:
        if target.name == "b.png":
            raise KeyboardInterrupt
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt) as stop:
        triage.approve(frame)
    monkeypatch.undo()
    (folder,) = made.out.glob("approved-*")
    assert f"triage.restore({str(folder)!r})" in str(stop.value)
    assert state(made.first) == before | {"a.png": picture(200)}
    assert triage.restore(folder, first=made.first) == triage.Restoration(("a.png",), ("b.png",), {})
    assert state(made.first) == before


def test_disk_that_refuses_leaves_all_as_it_was(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    before = state(made.first)
    path = made.out / "triage.csv"

    def full(*_: object, **__: object) -> None:
        raise errors.OutputError("full", path)

    monkeypatch.setattr(runfiles, "write_manifest", full)
    with pytest.raises(errors.OutputError):
        triage.approve(frame)
    assert state(made.first) == before
    assert not list(made.out.glob("approved-*"))


def test_runs_are_taken_as_run_and_manifest(made: Folders) -> None:
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, pictures="none")
    frame = run.frame()
    accept(made, frame, "a.png", "b.png")
    manifest = frame.attrs.pop("run")
    with pytest.raises(errors.SettingsError, match="first and second and out"):
        triage.approve(frame)
    with pytest.raises(errors.SettingsError, match="absent"):
        triage.approve(frame, run=manifest | {"out": str(made.out / "absent")})
    with pytest.raises(errors.SettingsError, match="status"):
        triage.approve(frame[["image_filename"]], run=manifest)
    assert triage.approve(frame[frame["image_filename"] == "a.png"], run).approved == ("a.png",)
    assert triage.approve(frame[frame["image_filename"] == "b.png"], run=manifest).approved == ("b.png",)


def test_folder_that_is_no_approval(tmp_path: Path) -> None:
    with pytest.raises(errors.ResultsError):
        triage.restore(tmp_path)
    folder = tmp_path / "approved-20260102-030405"
    folder.mkdir()
    with pytest.raises(errors.ResultsError, match=r"approved-20260102-030405 holds no approved\.json"):
        triage.restore(folder)
    entry = {"number": 0, "name": "x", "path": "../x.png", "first_digest": None, "second_digest": "0" * 32}
    runfiles.write_manifest(folder / "approved.json", {"first": str(tmp_path), "changes": [entry]})
    with pytest.raises(errors.SettingsError, match="comes from elsewhere"):
        triage.restore(folder)
    done = triage.restore(folder, first=tmp_path)
    assert "no name of a picture" in done.refused["x"]
    runfiles.write_manifest(folder / "approved.json", {"first": str(tmp_path), "changes": [{"number": 0}]})
    with pytest.raises(errors.ResultsError, match="does not say"):
        triage.restore(folder, first=tmp_path)


def test_digests_are_those_of_the_run(made: Folders) -> None:
    (row,) = (row for row in triage.rows(compared(made)) if row.name == "gone.png")
    assert row == Row("gone.png", images.digest(made.first / "gone.png"), "")
