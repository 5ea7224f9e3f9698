"""The explorer's looks: messages of a page and their answers, without a page."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.programs import Folders, folders, png
from support.triaged import compared as compared_alone
from support.triaged import nearly_the_same

from mymodules import batch, explore
from mymodules.explore import Explorer
from mymodules.results import runfiles
from mymodules.triage import FILE, Decisions, Row

SIZE = 300, 400  # px, height and width of each page
LOGO, WORD = (20, 10), (200, 150)  # where 30 x 20 px of either change stand, y and x
PAGES = {"a.png": (LOGO, WORD), "b.png": (LOGO,), "c.png": (LOGO,)}


def page(*changed: tuple[int, int]) -> np.ndarray:
    samples = np.full((*SIZE, 3), 250, np.uint8)
    for number, (y, x) in enumerate(changed):
        samples[y : y + 20, x : x + 30] = 40 + number
    return samples


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folders, pd.DataFrame]:
    made = folders(tmp_path_factory.mktemp("looks"))
    for name, places in PAGES.items():
        (made.first / name).write_bytes(png(page()))
        (made.second / name).write_bytes(png(page(*places)))
    return made, batch.run(*made, num_processors=1, pictures="none", store=None).frame()


class Page:
    """A page that asks."""

    def __init__(self, explorer: Explorer) -> None:
        self.looking = explorer.looking
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.looking._send = lambda message, buffers: self.sent.append((message, buffers))

    def ask(self, ask: str, **more: Any) -> dict[str, Any]:
        self.looking.received(None, {"kind": "looks", "id": "7", "ask": ask, **more}, [])
        answer = next(message for message, _ in reversed(self.sent) if message["kind"] == "looks")
        assert answer["id"] == "7"
        return answer

    def decide(self, word: str, *about: str, on: str = "", note: str | None = None) -> dict[str, Any]:
        return self.ask("decide", word=word, about=[*about], on=on, note=note)


@pytest.fixture
def explorer(compared: tuple[Folders, pd.DataFrame]) -> Explorer:
    made, frame = compared
    (made.out / FILE).unlink(missing_ok=True)
    return explore.explore(frame)


@pytest.fixture
def asking(explorer: Explorer) -> Page:
    return Page(explorer)


def test_each_distinct_change_is_seen_and_decided_once(asking: Page, explorer: Explorer) -> None:
    overview = asking.ask("overview")
    assert explorer.table.looks == {"there": True, "why": ""}
    assert overview["sentence"] == "3 pictures changed: 2 distinct changes, 1 look."
    assert (overview["looks"], overview["done"], overview["undo"]) == (1, [0], False)
    record = asking.ask("look", number=0)["record"]
    assert {item["page"] for item in record["items"]} == {"a.png"}  # it shows both
    pages = {name: each["pages"] for name, each in record["classes"].items()}
    logo, word = sorted(pages, key=pages.__getitem__, reverse=True)
    assert pages == {logo: 3, word: 1}
    asking.decide("accept", logo)
    assert {"kind": "looks decided"} in [message for message, _ in asking.sent]
    assert asking.ask("overview")["done"] == [0]
    assert asking.ask("state", number=0)["state"] == {
        logo: {"word": "accept", "by": "wherever it stands", "apart": [], "note": "", "remark": ""},
        word: {"word": "", "by": "", "apart": [], "note": None, "remark": ""},
    }
    asking.decide("reject", word)
    assert asking.ask("overview")["done"] == [1]
    assert asking.ask("undo")["number"] == 0
    overview = asking.ask("overview")
    assert (overview["done"], overview["undo"], overview["redo"]) == ([0], True, True)
    assert asking.ask("redo")["number"] == 0
    assert asking.ask("overview")["done"] == [1]


def test_a_later_session_shows_only_what_is_open(asking: Page, explorer: Explorer) -> None:
    record = asking.ask("look", number=0)["record"]
    asking.decide("accept", *record["signatures"])
    assert asking.ask("look", number=0)["record"] == record  # it stays while the plan is open
    overview = Page(explore.explore(explorer.frame)).ask("overview")
    assert (overview["looks"], overview["done"]) == (0, [])
    assert overview["sentence"].endswith("0 distinct changes, 0 looks. 4 changes decided earlier.")


def test_a_decision_about_a_row_counts_for_its_changes(asking: Page, explorer: Explorer) -> None:
    asking.ask("overview")
    explorer.decide("accept")
    assert asking.ask("overview")["done"] == [1]
    assert {each["by"] for each in asking.ask("state", number=0)["state"].values()} == {"on its pages"}


def states(explorer: Explorer) -> dict[str, tuple[str, float]]:
    """What the page shows of each row: the decision that holds, and how many changes are open."""
    words = ["", "accept", "reject", "ignore"]
    marks = np.frombuffer(explorer.table.marks, np.uint8)
    left = np.frombuffer(explorer.table.left)
    rows = zip(json.loads(explorer.table.names), marks, left, strict=True)
    return {name: (words[mark], float(count)) for name, mark, count in rows}


def test_rows_follow_what_is_decided_about_their_changes(asking: Page, explorer: Explorer) -> None:
    assert states(explorer) == {"a.png": ("", 2), "b.png": ("", 1), "c.png": ("", 1)}
    record = asking.ask("look", number=0)["record"]
    logo, word = sorted(record["classes"], key=lambda name: -record["classes"][name]["pages"])
    asking.decide("accept", logo)
    assert states(explorer) == {"a.png": ("", 1), "b.png": ("accept", 0), "c.png": ("accept", 0)}
    explorer.order.value = "open_changes"
    assert explorer.frame["image_filename"].tolist()[0] == "a.png"
    explorer.filters["decision"].value = "accept"
    assert explorer.frame["image_filename"].tolist() == ["b.png", "c.png"]
    asking.decide("reject", word)
    assert states(explorer)["a.png"] == ("reject", 0)
    explorer.viewer.row = "c.png"
    explorer.viewer.decide("ignore")  # a row's own decision goes before those about its changes
    assert states(explorer)["c.png"] == ("ignore", 0)
    explorer.viewer.undo()
    explorer.viewer.undo()
    assert states(explorer) == {"a.png": ("", 1), "b.png": ("accept", 0), "c.png": ("accept", 0)}


def test_notes_go_with_decisions_about_changes(asking: Page, explorer: Explorer) -> None:
    record = asking.ask("look", number=0)["record"]
    logo, word = sorted(record["classes"], key=lambda name: -record["classes"][name]["pages"])

    def notes() -> list[str | None]:
        state = asking.ask("state", number=0)["state"]
        return [state[each]["note"] for each in (logo, word)]

    assert notes() == [None, None]
    asking.decide("accept", logo, note="new logo")
    asking.decide("accept", logo, word)
    assert notes() == ["new logo", ""]  # what was accepted already has kept its own
    asking.decide("accept", logo, word)  # nothing is left to decide: no step
    asking.ask("undo")
    assert notes() == ["new logo", None]
    asking.decide("reject", logo, on="b.png", note="not here")
    assert asking.ask("occurrences", signature=logo)["found"][1][3:] == ["reject", False, "not here"]
    assert asking.ask("occurrences", signature=logo)["found"][0][3:] == ["", False, ""]
    asking.ask("undo")
    asking.ask("undo")
    assert notes() == [None, None]
    asking.ask("redo")
    assert notes() == ["new logo", None]
    asking.decide("clear", logo)
    assert notes() == [None, None]
    asking.decide("accept", logo, note="again")
    explorer.viewer.row = "c.png"
    explorer.viewer.decide("ignore", "of the whole page")
    found = asking.ask("occurrences", signature=logo)["found"]
    assert found[2][3:] == ["ignore", True, "of the whole page"]
    assert Page(explore.explore(explorer.frame)).ask("overview")["looks"] == 1
    desk = explorer.viewer.decisions
    assert desk is not None
    assert Decisions(desk.path.parent).of(Row.anywhere(logo)) == ("accept", "again")


def test_a_change_is_decided_on_one_page_only(asking: Page, explorer: Explorer) -> None:
    record = asking.ask("look", number=0)["record"]
    logo = max(record["classes"], key=lambda name: record["classes"][name]["pages"])
    assert "error" not in asking.decide("reject", logo, on="c.png")
    assert states(explorer) == {"a.png": ("", 2), "b.png": ("", 1), "c.png": ("reject", 0)}
    asking.decide("accept", logo)
    assert states(explorer) == {"a.png": ("", 1), "b.png": ("accept", 0), "c.png": ("reject", 0)}
    assert asking.ask("state", number=0)["state"][logo]["apart"] == [["reject", 1, "c.png"]]
    found = asking.ask("occurrences", signature=logo)["found"]
    assert [(page, word, whole) for page, _, _, word, whole, _ in found] == [
        ("a.png", "", False),
        ("b.png", "", False),
        ("c.png", "reject", False),
    ]
    asking.decide("clear", logo, on="c.png")
    assert states(explorer)["c.png"] == ("accept", 0)
    assert asking.ask("undo")["number"] == 0
    assert states(explorer)["c.png"] == ("reject", 0)
    answer = asking.decide("accept", logo, on="other.png")
    assert answer["error"] == "This change does not stand on that page."


def test_decisions_of_others_are_seen_also_when_their_file_goes(asking: Page, explorer: Explorer) -> None:
    before = states(explorer)
    path = explorer.viewer.decisions.path  # type: ignore[union-attr]
    explorer.decide("accept")
    path.unlink()
    explorer.filters["name"].value = "b.png"
    assert states(explorer) == before
    Decisions(path.parent).decide(explorer.frame, "reject")
    explorer.filters["name"].value = ""
    assert states(explorer) == before | {"b.png": ("reject", 0)}


def test_the_viewer_shows_how_far_a_row_is_decided_and_goes_on_to_one_that_is_open(
    asking: Page, explorer: Explorer
) -> None:
    def shown(name: str) -> tuple[str, str, int]:
        record = explorer.viewer._found({"kind": "record", "name": name})[0]["record"]
        return record["decision"], record["standing"], record["open_changes"]

    assert shown("a.png") == ("", "0 of 2", 2)
    record = asking.ask("look", number=0)["record"]
    logo = max(record["classes"], key=lambda name: record["classes"][name]["pages"])
    asking.decide("accept", logo)
    assert (shown("a.png"), shown("b.png")) == (("", "1 of 2", 1), ("accept", "1 of 1", 0))
    explorer.viewer.row = "b.png"
    assert explorer.viewer.decision == "accept"
    explorer.order.value = "image_filename"
    explorer.descending.value = True  # c, b, a
    explorer.viewer.row = "c.png"
    asked = {"kind": "decide", "name": "c.png", "decision": "reject", "on": True}
    assert explorer.viewer._found(asked)[0]["decision"] == "reject"
    assert explorer.viewer.row == "a.png"  # b is decided by its change


def test_the_viewer_says_since_when_a_change_is_rejected_that_is_still_there(
    asking: Page, explorer: Explorer
) -> None:
    def remarks(name: str) -> list[str]:
        found: list[str] = explorer.viewer._found({"kind": "record", "name": name})[0]["record"]["remarks"]
        return found

    record = asking.ask("look", number=0)["record"]
    asking.decide("reject", *record["signatures"])
    desk = explorer.viewer.decisions
    assert desk is not None
    day = pd.read_csv(desk.path, encoding="utf-8-sig")["time"].iloc[-1][: len("2026-11-27")]
    assert remarks("a.png") == [f"2 changes rejected since {day}"]
    assert remarks("b.png") == [f"1 change rejected since {day}"]
    explorer.viewer.row = "b.png"
    explorer.viewer.decide("accept")
    assert remarks("b.png") == []


def test_what_was_approved_stays_accepted_although_its_changes_are_closed(tmp_path: Path) -> None:
    made = folders(tmp_path)
    for folder, samples in ((made.first, page()), (made.second, page(LOGO))):
        (folder / "a.png").write_bytes(png(samples))
    explorer = explore.explore(batch.run(*made, num_processors=1, pictures="none", store=None))
    asking = Page(explorer)
    asking.decide("accept", *asking.ask("look", number=0)["record"]["signatures"])
    explorer.approving.button.click()
    assert explorer.approving.wait(60)
    explorer.approving.yes.click()
    assert explorer.approving.wait(60)
    assert explorer.approving.approved == {"a.png"}
    assert explorer.viewer.decisions is not None
    assert explorer.viewer.decisions.state(explorer.frame).tolist() == [""]
    explorer.filters["name"].value = "a"
    assert states(explorer) == {"a.png": ("accept", 0)}


def test_a_crop_is_the_compared_pixels(asking: Page) -> None:
    box = [140, 190, 60, 50]
    answer = asking.ask("crop", name="a.png", side="second", box=box)
    assert "error" not in answer
    [data] = asking.sent[-1][1]
    found = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    expected = page(LOGO, WORD)[190:240, 140:200]
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"name": "other.png"}, "This row is no longer among those of the table."),
        ({"side": "third"}, "This row is no longer among those of the table."),
        ({"box": [0, 0, 0, 5]}, "is not a part of a picture"),
    ],
)
def test_a_crop_that_cannot_be_shown_says_why(asking: Page, more: dict[str, Any], reason: str) -> None:
    asked = {"name": "a.png", "side": "second", "box": [0, 0, 9, 9]} | more
    assert reason in asking.ask("crop", **asked)["error"]
    assert asking.sent[-1][1] == []


def test_a_picture_that_has_changed_since_is_not_shown_as_what_was_compared(
    asking: Page, compared: tuple[Folders, pd.DataFrame]
) -> None:
    path = compared[0].second / "b.png"
    before = path.read_bytes()
    path.write_bytes(png(page(WORD)))
    try:
        error = asking.ask("crop", name="b.png", side="second", box=[0, 0, 9, 9])["error"]
    finally:
        path.write_bytes(before)
    assert error == "second has changed since the run: the changes are those of the old file."


def test_an_occurrence_is_opened_in_the_viewer(asking: Page, explorer: Explorer) -> None:
    record = asking.ask("look", number=0)["record"]
    places = {item["marks"][0][0]: item["marks"][0][-1] for item in record["items"]}
    explorer.filters["name"].value = "b.png"
    assert len(explorer.frame) == 1
    for place in places.values():
        asking.ask("open", name="a.png", number=place)
        assert explorer.viewer.row == "a.png"  # although it was filtered out
    marks = explorer.viewer._found({"kind": "marks", "name": "a.png"})[0]["marks"]
    shown = marks[explorer.viewer.region][3]
    assert shown == next(item["marks"][0][4] for item in record["items"] if item["marks"][0][-1] == place)


def test_a_run_without_a_list_of_changes_opens_on_the_table_and_says_why(
    compared: tuple[Folders, pd.DataFrame],
) -> None:
    made, frame = compared
    stamp = frame.attrs["run"]["stamp"]
    path = runfiles.changes_path(made.out, stamp)
    kept = path.read_bytes()
    path.unlink()
    try:
        explorer = explore.explore(runfiles.finished_path(made.out, stamp))
    finally:
        path.write_bytes(kept)
    assert not explorer.table.looks["there"]
    assert explorer.table.looks["why"].startswith("No looks: this run has no list of changes.")
    assert Page(explorer).ask("overview")["error"] == explorer.table.looks["why"]
    same = frame[frame["status"] == "same"]
    assert explore.explore(same).table.looks == {"there": False, "why": ""}


def test_decisions_that_cannot_be_read_are_reported(
    asking: Page, compared: tuple[Folders, pd.DataFrame]
) -> None:
    (compared[0].out / FILE).write_text("somebody's own file", encoding="utf-8")
    assert FILE in asking.ask("overview")["error"]


def test_messages_of_other_parts_are_ignored(asking: Page) -> None:
    for message in ("text", None, {}, {"kind": "thumbnails", "id": "1"}):
        asking.looking.received(None, message, [])
    assert asking.sent == []
    assert "of another version" in asking.ask("no such question")["error"]
    assert "fault in this program" in asking.ask("look", number=99)["error"]


def test_what_is_nearly_the_same_stands_side_by_side_unless_that_is_not_wanted(tmp_path: Path) -> None:
    made = folders(tmp_path)
    nearly_the_same(made)
    frame = compared_alone(made, store=None)
    plain = Page(explore.explore(frame, near=False)).ask("look", number=0)["record"]
    assert {each["near"] for each in plain["classes"].values()} == {None}
    asking = Page(explore.explore(frame))
    record = asking.ask("look", number=0)["record"]
    pages = {item["marks"][0][0]: item["page"] for item in record["items"]}
    near = {pages[name]: each["near"] for name, each in record["classes"].items()}
    assert near == {"0.png": None, "1.png": ["0.png", 50, 40, None], "2.png": None}
    names = dict(zip(pages.values(), pages, strict=True))
    asking.decide("accept", names["0.png"])
    state = asking.ask("state", number=0)["state"]
    assert [state[names[f"{number}.png"]]["word"] for number in range(3)] == ["accept", "", ""]


def test_pictures_that_are_gone_are_like_no_other(tmp_path: Path) -> None:
    made = folders(tmp_path)
    nearly_the_same(made)
    frame = compared_alone(made, store=None)
    (made.second / "1.png").unlink()
    record = Page(explore.explore(frame)).ask("look", number=0)["record"]
    assert {each["near"] for each in record["classes"].values()} == {None}
