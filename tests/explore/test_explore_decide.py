"""Deciding beside the table: its column, filter and counts, and all rows shown in one step."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mymodules import batch, explore, viewer
from mymodules.errors import SettingsError
from mymodules.explore import Explorer
from mymodules.triage import Decisions

ROOT = Path(__file__).resolve().parents[2]
CHANGED = 7  # of the samples
ROWS = 13


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> batch.Run:
    out = tmp_path_factory.mktemp("out")
    folders = (ROOT / "img" / "01.first", ROOT / "img" / "02.second")
    return batch.run(*folders, out, num_processors=1, pictures="none", store=None)


@pytest.fixture(scope="module")
def loaded(compared: batch.Run) -> pd.DataFrame:
    return compared.frame()


@pytest.fixture
def frame(loaded: pd.DataFrame, tmp_path: Path) -> pd.DataFrame:
    """The rows of a run whose output folder is this test's own."""
    frame = loaded.copy()
    (tmp_path / "out").mkdir()
    frame.attrs["run"] |= {"out": str(tmp_path / "out")}
    return frame


@pytest.fixture
def explorer(frame: pd.DataFrame) -> Explorer:
    return explore.explore(frame, order="attention")


def lines(explorer: Explorer) -> list[tuple[str, str, str]]:
    """Time, name and word of every line in the file."""
    assert explorer.viewer.decisions is not None
    with explorer.viewer.decisions.path.open(encoding="utf-8-sig", newline="") as file:
        return [(cells[0], cells[1], cells[4]) for cells in csv.reader(file)][1:]


def decided(explorer: Explorer) -> dict[str, str]:
    """What the frame says, of the rows that are decided."""
    named = explorer.frame.set_index("image_filename")["decision"]
    return dict(named[named != ""])


def marked(explorer: Explorer) -> dict[str, int]:
    """The same as the table in the page has it."""
    marks = np.frombuffer(explorer.table.marks, np.uint8)
    rows = zip(json.loads(explorer.table.names), marks, strict=True)
    return {name: int(mark) for name, mark in rows if mark}


def asked(explorer: Explorer) -> str:
    """What is asked in the place of the buttons."""
    assert explorer.table.asking == explorer.bulk.asking
    return str(explorer.bulk.question.value) if explorer.bulk.asking else ""


def test_the_frame_ends_with_what_is_decided(explorer: Explorer, frame: pd.DataFrame) -> None:
    assert list(explorer.frame.columns) == [*frame.columns, "decision"]
    assert decided(explorer) == marked(explorer) == {}
    explorer.viewer.row = "form.png"
    explorer.viewer.decide("reject")
    explorer.selected = "login.png"
    explorer.viewer.decide("ignore")
    assert decided(explorer) == {"form.png": "reject", "login.png": "ignore"}
    assert marked(explorer) == {"form.png": 2, "login.png": 3}
    assert explorer.selected is not None
    assert explorer.selected["decision"] == "ignore"
    explorer.viewer.undo()
    assert decided(explorer) == {"form.png": "reject"}
    assert marked(explorer) == {"form.png": 2}
    assert "decision" not in frame.columns


def test_a_frame_taken_earlier_stays_as_it_was(explorer: Explorer) -> None:
    before = explorer.frame
    explorer.viewer.decide("accept")
    assert (before["decision"] == "").all()


def test_decisions_of_an_earlier_kernel_are_there(explorer: Explorer, frame: pd.DataFrame) -> None:
    explorer.viewer.row = "form.png"
    explorer.viewer.decide("accept")
    later = explore.explore(frame)
    assert decided(later) == {"form.png": "accept"}
    assert marked(later) == {"form.png": 1}
    assert decided(explore.explore(later.frame)) == {"form.png": "accept"}
    assert list(explore.explore(later.frame).frame.columns).count("decision") == 1


def test_a_filter_takes_in_what_others_have_decided(explorer: Explorer, frame: pd.DataFrame) -> None:
    Decisions(frame.attrs["run"]["out"]).decide(frame[frame["image_filename"] == "form.png"], "accept")
    explorer.filters["status"].value = ("changed",)
    assert decided(explorer) == {"form.png": "accept"}


def test_rows_leave_the_filter_as_they_are_decided(explorer: Explorer) -> None:
    explorer.filters["decision"].value = "none"
    before = explorer.frame["image_filename"].to_list()
    assert len(before) == ROWS - 3, "same pictures need no decision"
    explorer.viewer.row = before[3]
    explorer.viewer._found({"kind": "decide", "name": before[3], "decision": "accept", "on": True})
    assert explorer.frame["image_filename"].to_list() == [*before[:3], *before[4:]]
    assert explorer.viewer.row == before[4]
    assert explorer.viewer.frame["image_filename"].to_list() == explorer.frame["image_filename"].to_list()
    explorer.viewer._found({"kind": "undo"})
    assert explorer.frame["image_filename"].to_list() == before
    assert explorer.viewer.row == before[3]
    explorer.viewer.row = before[-1]
    explorer.viewer._found({"kind": "decide", "name": before[-1], "decision": "accept", "on": True})
    assert explorer.viewer.row == before[-2], "the nearest that is left"


def test_a_filter_by_decision_is_an_expression_for_other_tables(
    explorer: Explorer, frame: pd.DataFrame
) -> None:
    explorer.filters["status"].value = ("changed",)
    explorer.decide("reject")
    explorer.filters["decision"].value = "reject"
    assert explorer.query == "verdict in ['changed'] and decision == 'reject'"
    assert explorer.viewer.decisions is not None
    table = frame.assign(decision=explorer.viewer.decisions.state(frame))
    assert len(table.query(explorer.query)) == len(explorer.frame) == CHANGED
    explorer.clear()
    assert (explorer.query, len(explorer.frame)) == ("", ROWS)


def test_the_table_can_be_ordered_by_decision(explorer: Explorer) -> None:
    explorer.filters["status"].value = ("changed",)
    explorer.decide("ignore")
    explorer.filters["status"].value = ("same",)
    explorer.decide("accept")
    explorer.clear()
    explorer._received(None, {"kind": "order", "by": "decision"}, [])
    words = explorer.frame["decision"].to_list()
    assert words == ["accept"] * 3 + ["ignore"] * CHANGED + [""] * 3
    explorer._received(None, {"kind": "order", "by": "decision"}, [])
    turned = ["ignore"] * CHANGED + ["accept"] * 3 + [""] * 3
    assert explorer.frame["decision"].to_list() == turned, "undecided rows are last in either direction"
    explorer.viewer.undo()
    assert explorer.frame["decision"].to_list() == ["ignore"] * CHANGED + [""] * 6, "rows do not jump"


def test_the_summary_counts_decisions_once_there_are_some(explorer: Explorer) -> None:
    assert "10 to decide" in explorer.summary.value
    assert "accepted" not in explorer.summary.value
    explorer.viewer.row = "form.png"
    explorer.viewer.decide("accept")
    assert "9 to decide" in explorer.summary.value
    assert ">accepted 1<" in explorer.summary.value
    explorer.filters["name"].value = "login"
    explorer.frame  # noqa: B018  (what is typed is applied at once for who asks)
    assert "0 to decide" in explorer.summary.value
    assert ">accepted 0 of 1<" in explorer.summary.value


# --- all rows shown ----------------------------------------------------------------------------------


def test_all_rows_shown_are_one_step(explorer: Explorer) -> None:
    explorer.viewer.row = "form.png"
    explorer.viewer.decide("reject")
    explorer.filters["status"].value = ("changed",)
    step = explorer.decide("accept", "as agreed")
    assert step is not None
    assert (len(step.rows), step.note) == (CHANGED, "as agreed")
    assert len({time for time, _, _ in lines(explorer)[1:]}) == 1
    assert set(decided(explorer).values()) == {"accept"}
    explorer.viewer.undo()
    assert decided(explorer) == {"form.png": "reject"}
    assert marked(explorer) == {"form.png": 2}


def test_the_buttons_say_how_many_and_ask(explorer: Explorer) -> None:
    explorer.viewer.row = "form.png"
    explorer.viewer.decide("reject")
    buttons = explorer.bulk.buttons
    assert buttons["accept"].description == "Accept all 13 shown …"
    assert buttons["reject"].tooltip == "Reject all 13 shown …"
    explorer.filters["status"].value = ("changed",)
    assert buttons["accept"].description == "Accept all 7 shown …"
    buttons["accept"].click()
    assert ">Accept all 7 rows shown? Decided otherwise now: 1.<" in asked(explorer)
    assert explorer.bulk.yes.description == "Yes, accept 7"
    assert decided(explorer) == {"form.png": "reject"}, "nothing is done before it is confirmed"
    explorer.bulk.no.click()
    assert asked(explorer) == ""
    assert decided(explorer) == {"form.png": "reject"}
    buttons["ignore"].click()
    explorer.bulk.yes.click()
    assert asked(explorer) == ""
    assert list(decided(explorer).values()) == ["ignore"] * CHANGED
    assert {word for _, _, word in lines(explorer)[1:]} == {"ignore"}
    assert len(lines(explorer)) == 1 + CHANGED


def test_what_was_asked_is_off_when_the_rows_are_others(explorer: Explorer) -> None:
    explorer.bulk.buttons["accept"].click()
    explorer.filters["status"].value = ("changed",)
    assert asked(explorer) == ""
    explorer.bulk.yes.click()
    explorer.bulk.buttons["accept"].click()
    explorer._held = True  # it is being typed, and applied when that pauses
    explorer.filters["name"].value = "form"
    explorer._held = False
    assert ">Accept all 7 rows shown?<" in asked(explorer)
    explorer.bulk.yes.click()
    assert asked(explorer) == ""
    assert decided(explorer) == {}


def test_no_row_no_button(explorer: Explorer) -> None:
    explorer.filters["name"].value = "nothing of this"
    assert len(explorer.frame) == 0
    assert all(button.disabled for button in explorer.bulk.buttons.values())
    assert explorer.decide("accept") is None


def test_what_cannot_be_written_is_a_sentence_and_no_markup(frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "<b>gone"
    out.mkdir()
    frame.attrs["run"] |= {"out": str(out)}
    explorer = explore.explore(frame)
    out.rmdir()
    explorer.bulk.buttons["accept"].click()
    explorer.bulk.yes.click()
    told = explorer.bulk.problem.value
    assert "cannot be written" in told
    assert "<b>" not in told
    assert decided(explorer) == marked(explorer) == {}
    explorer.bulk.buttons["accept"].click()
    assert explorer.bulk.problem.value == "", "another try"


def test_an_output_folder_that_is_gone_stops_no_looking(frame: pd.DataFrame) -> None:
    shutil.rmtree(frame.attrs["run"]["out"])
    frame["decision"] = ["accept", *[""] * (ROWS - 1)]
    explorer = explore.explore(frame, order="given")
    assert (explorer.frame["decision"] == frame["decision"]).all(), "what the frame says"
    assert all(button.disabled for button in explorer.bulk.buttons.values())
    assert "there is no folder" in explorer.bulk.buttons["accept"].tooltip
    with pytest.raises(SettingsError, match="there is no folder"):
        explorer.decide("accept")


def test_a_file_that_cannot_be_read_stops_no_looking(frame: pd.DataFrame) -> None:
    (Path(frame.attrs["run"]["out"]) / "triage.csv").mkdir()
    explorer = explore.explore(frame)
    assert (len(explorer.frame), decided(explorer)) == (ROWS, {})
    explorer.bulk.buttons["accept"].click()
    explorer.bulk.yes.click()
    assert "cannot be read" in explorer.bulk.problem.value


def test_a_question_counts_what_is_decided_by_now(explorer: Explorer, frame: pd.DataFrame) -> None:
    other = viewer.Viewer(frame)
    other.decide("reject", about=frame[frame["image_filename"] == "form.png"])
    explorer.bulk.buttons["accept"].click()
    assert "Decided otherwise now: 1." in asked(explorer)
    other.decide("reject", about=frame[frame["image_filename"] == "login.png"])
    explorer.bulk.yes.click()
    assert asked(explorer) == ""
    assert decided(explorer) == {"form.png": "reject", "login.png": "reject"}
    explorer.bulk.buttons["accept"].click()
    assert "Decided otherwise now: 2." in asked(explorer)
    explorer.bulk.yes.click()
    assert set(decided(explorer).values()) == {"accept"}


def test_a_name_that_is_there_twice_is_decided_in_both_places(frame: pd.DataFrame) -> None:
    explorer = explore.explore(pd.concat([frame, frame]))
    explorer.viewer.row = "form.png"
    explorer.viewer.decide("reject")
    rows = explorer.frame[explorer.frame["image_filename"] == "form.png"]
    assert rows["decision"].tolist() == ["reject", "reject"]
