"""Approving beside the table: a question that names what would change, the deed, and the way back."""

import threading
from pathlib import Path

import pandas as pd
import pytest
from support.programs import Folders
from support.triaged import accept, compared, forget, seven, state

from mymodules import explore, files, triage
from mymodules.explore import Explorer, approving
from mymodules.rules import Limits, Rule, Rules
from mymodules.triage import Decisions


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    return seven(tmp_path)


@pytest.fixture
def frame(made: Folders) -> pd.DataFrame:
    return compared(made)


def press(button: object, explorer: Explorer) -> str:
    """Press a button, and return what is shown when all is done."""
    button.click()  # type: ignore[attr-defined]
    assert explorer.approving.wait(60)
    return str(explorer.approving.text.value)


def offered(explorer: Explorer) -> list[str]:
    """The buttons in sight."""
    found = explorer.approving
    return [each.description for each in (found.yes, found.no, found.undo) if each.layout.display != "none"]


def test_it_asks_first_then_approves_and_undo_restores(made: Folders, frame: pd.DataFrame) -> None:
    before, second = state(made.first), state(made.second)
    accept(made, frame, "a.png", "below/c.png", "gone.png", "new/new.png", "broken.png")
    explorer = explore.explore(frame)
    found = explorer.approving
    assert found.layout.display == "none"
    asked = press(found.button, explorer)
    assert f"Change 4 files in {made.first}?" in asked
    assert "2 pictures will be replaced in first by the second picture:" in asked
    assert "1 picture will be copied to first" in asked
    assert "1 picture will be removed from first" in asked
    assert "1 picture cannot be approved" in asked
    for name in ("a.png", "below/c.png", "gone.png", "new/new.png", "broken.png"):
        assert f"<bdi>{name}</bdi>" in asked
    assert offered(explorer) == ["Yes, change 4 files", "No"]
    assert state(made.first) == before
    reported = press(found.yes, explorer)
    assert "4 pictures approved." in reported
    assert "1 picture refused" in reported
    assert offered(explorer) == ["Close", "Undo"]
    names = ("a.png", "below/c.png", "new/new.png")
    after = before | {name: second[name] for name in names}
    del after["gone.png"]
    assert state(made.first) == after
    assert "4 files restored." in press(found.undo, explorer)
    assert state(made.first) == before
    assert offered(explorer) == ["Close"]
    press(found.no, explorer)
    assert found.layout.display == "none"


def test_what_rules_tolerate_stays_and_is_named(made: Folders) -> None:
    before, second = state(made.first), state(made.second)
    frame = compared(made, rules=Rules((Rule("faint", Limits(largest=190), ("a.png",)),)))  # 10 to 200
    accept(made, frame, "a.png", "b.png")
    explorer = explore.explore(frame)
    found = explorer.approving
    asked = press(found.button, explorer)
    assert "1 picture left, as rules tolerate how they differ: <bdi>a.png</bdi>" in asked
    assert "1 picture approved." in press(found.yes, explorer)
    assert state(made.first) == before | {"b.png": second["b.png"]}


def test_every_approval_can_be_undone_even_after_close(made: Folders, frame: pd.DataFrame) -> None:
    before = state(made.first)
    explorer = explore.explore(frame)
    found = explorer.approving
    for name in ("a.png", "b.png"):
        accept(made, frame, name)
        press(found.button, explorer)
        assert "1 picture approved." in press(found.yes, explorer)
        press(found.no, explorer)
        assert found.layout.display == "none"
    after = state(made.first)
    press(found.button, explorer)
    assert offered(explorer)[-1] == "Undo"
    assert "1 file restored." in press(found.undo, explorer)
    assert state(made.first) == after | {"b.png": before["b.png"]}, "the latest comes first"
    press(found.no, explorer)
    press(found.button, explorer)
    assert "1 file restored." in press(found.undo, explorer)
    assert state(made.first) == before
    assert offered(explorer) == ["Close"]


def test_an_approval_that_cannot_be_undone_does_not_hold_up_earlier_ones(
    made: Folders, frame: pd.DataFrame
) -> None:
    before = state(made.first)
    explorer = explore.explore(frame)
    found = explorer.approving
    for name in ("a.png", "b.png"):
        accept(made, frame, name)
        press(found.button, explorer)
        press(found.yes, explorer)
    (made.first / "b.png").write_bytes(b"newer")
    assert "1 picture refused" in press(found.undo, explorer)
    assert "1 file restored." in press(found.undo, explorer)
    assert state(made.first)["a.png"] == before["a.png"]
    assert "1 picture refused" in press(found.undo, explorer)


def test_what_was_approved_is_not_asked_again_until_it_is_undone(made: Folders, frame: pd.DataFrame) -> None:
    names = ("a.png", "gone.png", "new/new.png")
    accept(made, frame, *names)
    explorer = explore.explore(frame)
    found = explorer.approving
    press(found.button, explorer)
    assert "3 pictures approved." in press(found.yes, explorer)
    asked = press(found.button, explorer)
    assert "no other accepted picture differs" in asked
    assert "<bdi>" not in asked
    assert offered(explorer) == ["Close", "Undo"]
    accept(made, frame, "b.png")
    asked = press(found.button, explorer)
    assert "Change 1 file in" in asked
    assert not any(name in asked for name in names)
    press(found.undo, explorer)
    asked = press(found.button, explorer)
    assert "Change 4 files in" in asked


def test_a_button_works_as_soon_as_it_is_in_sight(made: Folders, frame: pd.DataFrame) -> None:
    accept(made, frame, "a.png")
    explorer = explore.explore(frame)
    found = explorer.approving
    in_sight, clicked = threading.Event(), threading.Event()

    def focus() -> None:
        in_sight.set()
        assert clicked.wait(60)

    found.no.focus = focus  # the last thing that is done
    found.button.click()
    assert in_sight.wait(60)
    found.yes.click()
    clicked.set()
    assert found.wait(60)
    assert "1 picture approved." in found.text.value


def test_no_changes_nothing(made: Folders, frame: pd.DataFrame) -> None:
    before = state(made.first)
    accept(made, frame, "a.png")
    explorer = explore.explore(frame)
    press(explorer.approving.button, explorer)
    press(explorer.approving.no, explorer)
    assert state(made.first) == before
    assert explorer.approving.layout.display == "none"


def test_what_was_decided_since_the_question_is_asked_again(made: Folders, frame: pd.DataFrame) -> None:
    before = state(made.first)
    accept(made, frame, "a.png")
    explorer = explore.explore(frame)
    press(explorer.approving.button, explorer)
    accept(made, frame, "b.png")
    asked = press(explorer.approving.yes, explorer)
    assert "have changed meanwhile" in asked
    assert "Change 2 files" in asked
    assert state(made.first) == before
    assert "2 pictures approved." in press(explorer.approving.yes, explorer)


def test_filters_do_not_matter_and_nothing_accepted_is_a_sentence(made: Folders, frame: pd.DataFrame) -> None:
    explorer = explore.explore(frame)
    assert "nothing to approve" in press(explorer.approving.button, explorer)
    assert offered(explorer) == ["Close"]
    accept(made, frame, "a.png")
    explorer.filters["name"].value = "below/*"
    assert list(explorer.frame["image_filename"]) == ["below/c.png"]
    assert "Change 1 file in" in press(explorer.approving.button, explorer)


def test_a_file_that_changed_is_refused_by_name(made: Folders, frame: pd.DataFrame) -> None:
    accept(made, frame, "a.png", "b.png")
    explorer = explore.explore(frame)
    press(explorer.approving.button, explorer)
    (made.first / "a.png").write_bytes((made.first / "same.png").read_bytes())
    reported = press(explorer.approving.yes, explorer)
    assert "1 picture approved." in reported
    assert "<bdi>a.png</bdi> – first is no longer the picture that was compared" in reported
    (made.first / "b.png").write_bytes(b"newer")
    reported = press(explorer.approving.undo, explorer)
    assert "0 files restored." in reported
    assert "<bdi>b.png</bdi>" in reported
    assert "was changed after the approval" in reported
    assert offered(explorer) == ["Close", "Undo"], "it can be tried again"


def test_many_names_are_capped(made: Folders, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approving, "NAMED", 2)
    accept(made, frame, "a.png", "b.png", "below/c.png")
    explorer = explore.explore(frame)
    asked = press(explorer.approving.button, explorer)
    assert "<bdi>below/c.png</bdi>" not in asked
    assert "<bdi>b.png</bdi> and 1 more" in asked


def test_an_unknown_first_folder_is_a_sentence(
    made: Folders, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(made, frame, "a.png")
    explorer = explore.explore(frame)
    forget(monkeypatch)
    said = press(explorer.approving.button, explorer)
    assert "This comes from elsewhere" in said
    assert "triage.approve(frame, first=...)" in said
    assert offered(explorer) == ["Close"]


def test_a_disk_that_refuses_and_a_fault_of_ours_are_sentences(
    made: Folders, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(made.first)
    accept(made, frame, "a.png")
    explorer = explore.explore(frame)
    press(explorer.approving.button, explorer)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", full)
        assert "No space left on device" in press(explorer.approving.yes, explorer)
    assert state(made.first) == before
    with monkeypatch.context() as patch:
        patch.setattr(triage, "plan", lambda *_: 1 / 0)
        assert "a fault in this program, ZeroDivisionError" in press(explorer.approving.button, explorer)


def test_names_are_text(made: Folders) -> None:
    hostile = "<img src=x onerror=alert(1)>.png"
    for folder in made[:2]:
        (folder / hostile).write_bytes((folder / "a.png").read_bytes())
    frame = compared(made)
    accept(made, frame, hostile)
    explorer = explore.explore(frame)
    for button in (explorer.approving.button, explorer.approving.yes):
        assert "<img" not in press(button, explorer)


def test_where_nothing_can_be_decided_nothing_can_be_approved(frame: pd.DataFrame) -> None:
    frame.attrs["run"].pop("out")
    button = explore.explore(frame).approving.button
    assert button.disabled
    assert "names no output folder" in button.tooltip


def test_pictures_are_read_again_after_an_approval(made: Folders, frame: pd.DataFrame) -> None:
    accept(made, frame, "a.png")
    explorer = explore.explore(frame)
    explorer.viewer.row = "a.png"
    sent: list[dict[str, object]] = []
    to_list: list[dict[str, object]] = []
    explorer.viewer.send = lambda message, buffers=None: sent.append(message)
    explorer.table.send = lambda message, buffers=None: to_list.append(message)
    press(explorer.approving.button, explorer)
    assert sent == []
    press(explorer.approving.yes, explorer)
    assert {"kind": "rows", "fresh": True} in sent
    assert to_list == [{"kind": "fresh"}]
    press(explorer.approving.undo, explorer)
    assert to_list == [{"kind": "fresh"}] * 2
    assert Decisions(made.out).state(frame).tolist().count("accept") == 1
