"""Deciding in the viewer: what the page asks for, what stands in the file, and what is shown of it."""

import csv
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.containers import pillow as encoded

from mymodules import batch, viewer
from mymodules.errors import OutputError, SettingsError
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row, Step

NAMES = ["a.png", "b.png", "c-same.png", "d.png", "e.png"]


def page(level: int) -> bytes:
    return encoded(np.full((6, 5, 3), level, np.uint8))


def compared(root: Path) -> pd.DataFrame:
    """The rows of a run that begins now."""
    folders = (root / side for side in ("first", "second", "out"))
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*folders, executor=executor, pictures="none", store=None).frame()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("first", "second", "out"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "first" / name).write_bytes(page(number))
        (tmp_path / "second" / name).write_bytes(page(number + (0 if "same" in name else 100)))
    return tmp_path


@pytest.fixture
def frame(root: Path) -> pd.DataFrame:
    return compared(root)


def test_who_fails_at_following_does_not_undo_what_is_written(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, steps = Page(frame, monkeypatch), list[Step]()

    def fails(step: Step) -> None:
        raise ValueError("no such thing")

    page.widget.on_decided(fails)
    page.widget.on_decided(steps.append)
    assert page.decide("accept")["decision"] == "accept"
    assert page.told()["message"] == "a.png accepted."
    assert page.widget.row == "b.png"
    assert [step.rows[0].name for step in steps] == ["a.png"]


class Page:
    """A viewer, and the page that talks to it."""

    def __init__(self, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.widget = viewer.Viewer(frame, **options)
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr(viewer.Viewer, "send", lambda _, content, buffers=None: self.sent.append(content))

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Send a message and return its answer."""
        self.sent.clear()
        self.widget._handle_custom_msg({"id": 1, **asked}, [])
        (answer,) = [content for content in self.sent if content.get("id") == 1]
        json.dumps(self.sent, allow_nan=False)
        return answer

    def decide(self, decision: str, note: str | None = None, *, on: bool = True) -> dict[str, Any]:
        return self.ask(kind="decide", name=self.widget.row, decision=decision, note=note, on=on)

    def told(self) -> dict[str, Any]:
        """What all pages were told last."""
        return [content for content in self.sent if content.get("kind") == "decided"][-1]

    def record(self, name: str) -> dict[str, Any]:
        record: dict[str, Any] = self.ask(kind="record", name=name)["record"]
        return record


@pytest.fixture
def shown(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(frame, monkeypatch)


def lines(root: Path) -> list[tuple[str, str]]:
    """Name and word of every line in the file."""
    with (root / "out" / "triage.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(cells[1], cells[4]) for cells in csv.reader(file)][1:]


# --- from the page -----------------------------------------------------------------------------------


def test_each_decision_is_written_at_once_and_the_next_row_comes(shown: Page, root: Path) -> None:
    for word, name, following in (("accept", "a.png", "b.png"), ("reject", "b.png", "d.png")):
        answer = shown.decide(word)
        assert answer == {"id": 1, "decision": word, "note": ""}
        assert lines(root)[-1] == (name, word)
        assert shown.widget.row == following, "same pictures need no decision"
        assert shown.told()["message"] == f"{name} {word}ed."
        assert (shown.told()["row"], shown.told()["undo"]) == (following, True)


def test_what_rules_tolerate_needs_no_decision(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    tolerated = frame["image_filename"] == "b.png"
    page = Page(frame.assign(verdict=frame["status"].mask(tolerated, "tolerated")), monkeypatch)
    page.decide("accept")
    assert page.widget.row == "d.png"


def test_rows_with_a_decision_are_passed_over(shown: Page, root: Path) -> None:
    Decisions(root / "out").decide([Row("x", "", "")], "accept")  # of no row here
    shown.widget.decide("ignore", about=shown.widget.frame[1:4])
    shown.decide("accept")
    assert shown.widget.row == "e.png"


def test_at_the_end_the_row_stays_and_that_is_said(shown: Page, root: Path) -> None:
    shown.widget.row = "e.png"
    shown.decide("ignore")
    assert shown.widget.row == "e.png"
    assert shown.told()["message"] == "e.png ignored. No row without a decision follows."
    assert lines(root) == [("e.png", "ignore")]


def test_a_thousand_decided_rows_are_passed_over(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = frame.iloc[[0] * 1000].reset_index(drop=True)
    many["image_filename"] = [f"{number}.png" for number in range(1000)]
    many.attrs = frame.attrs
    shown = Page(many, monkeypatch)
    shown.widget.decide("accept", about=many[5:998])
    shown.widget.row = "4.png"
    shown.decide("accept")
    assert shown.widget.row == "998.png"


def test_the_same_again_is_a_step_that_undo_takes_back(shown: Page, root: Path) -> None:
    shown.decide("accept", on=False)
    assert shown.widget.row == "a.png"
    shown.decide("accept")
    assert (shown.told()["message"], shown.widget.row) == ("a.png accepted.", "b.png")
    assert lines(root) == [("a.png", "accept")] * 2
    shown.ask(kind="undo")
    assert shown.told()["message"] == "Undone: a.png accepted. It stays accepted."
    assert (shown.widget.row, shown.widget.decision) == ("a.png", "accept")
    shown.ask(kind="undo")
    assert (shown.told()["message"], shown.widget.decision) == ("Undone: a.png accepted.", "")


def test_undo_takes_back_the_last_key_and_never_an_older_one(shown: Page) -> None:
    shown.decide("accept", on=False)
    shown.widget.row = "b.png"
    shown.decide("clear", on=False)
    shown.ask(kind="undo")
    assert (shown.told()["message"], shown.widget.row) == ("Undone: b.png no longer decided.", "b.png")
    assert shown.record("a.png")["decision"] == "accept"


def test_undo_says_what_the_row_is_again(shown: Page) -> None:
    shown.decide("accept", on=False)
    shown.decide("reject", on=False)
    shown.ask(kind="undo")
    assert shown.told()["message"] == "Undone: a.png rejected. It is accepted."


def test_the_same_again_keeps_its_note_also_when_it_is_undone(shown: Page) -> None:
    shown.decide("reject", "too dark", on=False)
    shown.decide("reject", on=False)
    assert shown.record("a.png")["note"] == "too dark"
    shown.ask(kind="undo")
    assert shown.record("a.png")["note"] == "too dark"


def test_another_decision_takes_its_place_and_clear_takes_it_away(shown: Page, root: Path) -> None:
    shown.decide("accept", on=False)
    shown.decide("reject", on=False)
    assert shown.record("a.png")["decision"] == "reject"
    answer = shown.decide("clear", on=False)
    assert (answer["decision"], shown.record("a.png")["decision"], shown.widget.decision) == ("", "", "")
    assert lines(root) == [("a.png", "accept"), ("a.png", "reject"), ("a.png", "clear")]


def test_a_note_is_kept_until_the_decision_is_another(shown: Page) -> None:
    shown.decide("reject", "the price\nis gone", on=False)
    assert shown.record("a.png")["note"] == "the price is gone"
    shown.decide("reject", on=False)
    assert shown.record("a.png")["note"] == "the price is gone"
    shown.decide("accept", on=False)
    assert shown.record("a.png")["note"] == ""


def test_undo_and_redo_show_the_row(shown: Page, root: Path) -> None:
    shown.decide("accept")
    shown.decide("reject")
    assert "error" not in shown.ask(kind="undo")
    assert shown.widget.row == "b.png"
    assert shown.told() == {
        "kind": "decided",
        "message": "Undone: b.png rejected.",
        "row": "b.png",
        "undo": True,
        "redo": True,
        "closed": "",
    }
    shown.ask(kind="undo")
    assert (shown.widget.row, shown.widget.decision) == ("a.png", "")
    assert (shown.told()["undo"], shown.told()["redo"]) == (False, True)
    shown.ask(kind="redo")
    assert (shown.widget.row, shown.widget.decision) == ("a.png", "accept")
    assert shown.told()["message"] == "Done again: a.png accepted."
    assert [word for _, word in lines(root)] == ["accept", "reject", "undo", "undo", "redo"]


@pytest.mark.parametrize("kind", ["undo", "redo"])
def test_where_there_is_nothing_to_take_back_that_is_said(shown: Page, root: Path, kind: str) -> None:
    shown.ask(kind=kind)
    assert shown.told()["message"] == f"There is nothing to {kind}."
    assert not (root / "out" / "triage.csv").exists()


def test_a_step_about_many_rows_moves_nothing(shown: Page) -> None:
    shown.widget.row = "d.png"
    shown.widget.decide("accept", about=shown.widget.frame)
    shown.ask(kind="undo")
    assert (shown.widget.row, shown.told()["message"]) == ("d.png", "Undone: 5 rows accepted.")


def test_a_step_about_a_row_that_is_not_shown_moves_nothing(shown: Page) -> None:
    shown.decide("accept")
    shown.widget.show(shown.widget.frame[3:])
    shown.ask(kind="undo")
    assert (shown.widget.row, shown.told()["message"]) == ("d.png", "Undone: a.png accepted.")


def test_a_step_of_another_day_says_so() -> None:
    rows = (Row("a.png", "", ""),)
    step = Step("2020-02-29T12:00:00+00:00", "clear", "", rows)
    assert viewer.described(step) == "a.png no longer decided on 2020-02-29."


def test_what_is_no_decision_is_an_answer_too(shown: Page, root: Path) -> None:
    for asked in ({"decision": "approve"}, {"decision": None}, {"decision": "undo"}, {}):
        assert shown.ask(kind="decide", name="a.png", **asked)["error"]
    assert shown.ask(kind="decide", name="no such.png", decision="accept")["error"]
    assert not (root / "out" / "triage.csv").exists()


# --- from code ---------------------------------------------------------------------------------------


def test_code_decides_and_the_row_stays(shown: Page, root: Path) -> None:
    step = shown.widget.decide("reject", "too dark")
    assert step is not None
    assert (step.decision, step.note, [row.name for row in step.rows]) == ("reject", "too dark", ["a.png"])
    assert (shown.widget.row, shown.widget.decision) == ("a.png", "reject")
    assert shown.told()["message"] == "a.png rejected."
    undone = shown.widget.undo()
    assert undone == step
    assert shown.widget.decision == ""
    assert shown.widget.redo() == step
    assert shown.widget.decision == "reject"
    assert shown.widget.redo() is None


def test_code_decides_about_many_in_one_step(shown: Page) -> None:
    followed: list[Any] = []
    shown.widget.on_decided(followed.append)
    step = shown.widget.decide("accept", about=shown.widget.frame[1:3])
    assert followed == [step]
    assert [shown.record(name)["decision"] for name in NAMES] == ["", "accept", "accept", "", ""]
    shown.widget.undo()
    assert [shown.record(name)["decision"] for name in NAMES] == [""] * 5
    assert followed == [step, step]


def test_no_row_no_decision(shown: Page, root: Path) -> None:
    shown.widget.show(shown.widget.frame[:0])
    assert (shown.widget.decide("accept"), shown.widget.decision) == (None, "")
    assert not (root / "out" / "triage.csv").exists()


def test_two_threads_lose_no_decision(shown: Page, root: Path) -> None:
    """Cells and messages run in threads of their own."""

    def decide() -> None:
        for name in NAMES * 4:
            shown.widget.decide("accept", about=[Row(name, "", "")])
            shown.widget._rows.standing(name)

    threads = [threading.Thread(target=decide) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(root)) == 40
    assert shown.widget.decisions is not None
    assert shown.widget.decisions.of(Row("e.png", "", "")) == ("accept", "")


# --- what was decided before -------------------------------------------------------------------------


def test_a_later_run_has_the_decisions_about_the_same_pictures(
    shown: Page, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.decide("accept")
    shown.decide("reject", "a note")
    (root / "second" / "a.png").write_bytes(page(201))
    later = Page(compared(root), monkeypatch)
    assert [later.record(name)["decision"] for name in NAMES] == ["", "reject", "", "", ""]
    assert later.record("b.png")["note"] == "a note"
    assert later.ask(kind="record", name="b.png")["deciding"] == {"undo": True, "redo": False, "closed": ""}


def test_a_row_that_goes_gives_way_to_the_nearest(shown: Page) -> None:
    frame = shown.widget.frame
    shown.widget.row = "c-same.png"
    shown.widget.show(frame.drop(index=2))
    assert shown.widget.row == "d.png"
    shown.widget.show(frame[:2])
    assert shown.widget.row == "b.png"
    shown.widget.show(frame[4:])
    assert shown.widget.row == "e.png"


# --- where nothing can be decided --------------------------------------------------------------------


def test_a_decision_that_cannot_be_written_is_a_sentence_and_not_taken(shown: Page, root: Path) -> None:
    shown.decide("accept")
    shutil.rmtree(root / "out")
    answer = shown.decide("reject")
    assert "triage.csv cannot be written" in answer["error"]
    assert [content for content in shown.sent if content.get("kind") == "decided"] == []
    assert (shown.widget.row, shown.widget.decision) == ("b.png", "")
    with pytest.raises(OutputError, match=r"triage\.csv cannot be written"):
        shown.widget.decide("reject")


def test_a_file_that_cannot_be_read_stops_no_looking(shown: Page, root: Path) -> None:
    (root / "out" / "triage.csv").mkdir()
    answer = shown.ask(kind="record", name="a.png")
    assert (answer["record"]["name"], answer["record"]["decision"]) == ("a.png", "")
    assert "triage.csv cannot be read" in answer["deciding"]["closed"]
    assert "triage.csv cannot be read" in shown.decide("accept")["error"]


@pytest.mark.parametrize("out", [None, "no such folder"])
def test_without_an_output_folder_it_says_why(
    frame: pd.DataFrame, root: Path, monkeypatch: pytest.MonkeyPatch, out: str | None
) -> None:
    run = {"first": root / "first", "second": root / "second"} | ({"out": root / out} if out else {})
    bare = frame.assign(decision="ignore")
    bare.attrs = {}
    shown = Page(bare, monkeypatch, run=run)
    answer = shown.ask(kind="record", name="a.png")
    assert answer["record"]["decision"] == "ignore", "what the frame says is shown"
    deciding = answer["deciding"]
    assert (deciding["undo"], deciding["redo"], deciding["closed"]) == (False, False, shown.widget.closed)
    assert ("no such folder" if out else "names no output folder") in shown.widget.closed
    assert "Nothing can be decided" in shown.decide("accept")["error"]
    assert shown.widget.decisions is None
    with pytest.raises(SettingsError, match="Nothing can be decided"):
        shown.widget.undo()


def test_the_folders_of_a_run_are_known_from_what_there_is(frame: pd.DataFrame, root: Path) -> None:
    bare = frame.copy()
    bare.attrs = {}
    first, second, out = (root / side for side in ("first", "second", "out"))
    (path,) = out.glob("results-*.csv")

    class Finished:
        csv_path = path

    for run in (Finished(), frame.attrs["run"], {"first": first, "second": second, "out": out}):
        assert runfiles.folders(bare, run)[:3] == (first, second, out)
    assert runfiles.folders(bare, {"first": first, "second": second}).out is None
    limited = {**frame.attrs["run"], "options": {"max_pixels": 7}}
    assert runfiles.folders(bare, limited).max_pixels == 7
    with pytest.raises(SettingsError, match="does not name out"):
        runfiles.folders(bare, {"first": first, "second": second}, needed=("first", "second", "out"))
