"""Decisions last, in a file that only grows."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from support.programs import Folders
from support.triaged import HOSTILE, compared

from mymodules import errors, files, pairs, settings
from mymodules.triage import Decisions, Row, history, history_file, lines

ROWS = [Row(f"{letter}.png", letter * 32, letter.upper() * 32) for letter in "abc"]


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
        append = history_file.HistoryFile.append

        def late(*given: Any) -> Any:
            monkeypatch.setattr(history_file.HistoryFile, "append", append)
            act()
            return append(*given)

        monkeypatch.setattr(history_file.HistoryFile, "append", late)

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
        file.write(b"2026-01-02T03:04:06+00:00,b.png,,,redo,reject of 20")  # a truncated note
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


@limits(max_examples=50)
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
    class Still(lines.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Still":
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(lines, "datetime", Still)
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
