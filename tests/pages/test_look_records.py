"""The records of looks that a page draws."""

import json
from pathlib import Path

import pytest
from support.changed import SIZE, Listed, signature, tables

from mymodules import looks, triage
from mymodules.pages.looks import LookRecords, notes
from mymodules.regions import Region
from mymodules.triage import Decisions, Row

LOGO, PRICE, FAINT = "logo", "price", "faint"
CHANGES = [
    Listed("a.png", LOGO, Region(100, 50, 200, 40)),
    Listed("a.png", PRICE, Region(300, 400, 60, 20), around="left"),
    Listed("a.png", FAINT, Region(600, 2000, 3, 2), pixels=6, largest=2),
    Listed("b.png", LOGO, Region(100, 50, 200, 40)),
    Listed("b.png", PRICE, Region(300, 900, 60, 20), around="right"),
]


def records(changes: list[Listed] = CHANGES) -> LookRecords:
    frame, listed = tables(changes)
    return LookRecords(looks.plan(frame, changes=listed), frame, listed)


def test_a_crop_has_both_parts_its_place_and_what_is_folded_below_it() -> None:
    found = records()
    record = found.look(0)
    assert json.loads(json.dumps(record)) == record
    logo = next(each for each in record["items"] if each["marks"][0][0] == signature(LOGO))
    assert logo["page"] == "a.png"
    assert logo["sizes"] == {"first": [*SIZE], "second": [*SIZE]}
    box = [88, 38, 224, 64]  # 12 px around the change
    assert logo["first"] == logo["second"] == box
    assert logo["at"] == {"first": [0, 20], "second": [224 + 12, 20]}
    assert (logo["width"], logo["height"]) == (2 * 224 + 12, 64 + 20)
    assert logo["folded"] == 400 - (38 + 64)  # the next change begins at 400
    boxes = [100, 50, 200, 40]
    assert logo["marks"] == [[signature(LOGO), "edit", "changed", boxes, boxes, 400, 200, 1]]
    assert not logo["part"]
    assert record["width"] == max(each["x"] + each["width"] for each in record["items"])
    assert record["height"] == max(each["y"] + each["height"] for each in record["items"])


def test_the_last_rows_of_a_page_are_folded_too_and_what_stands_beside_a_change_is_not() -> None:
    beside = [
        Listed("a.png", "one", Region(0, 100, 50, 20)),
        Listed("a.png", "two", Region(900, 100, 50, 300)),
    ]
    one, two = sorted(records(beside).look(0)["items"], key=lambda item: item["second"][0])
    assert one["folded"] is None  # rows of the other change follow at once
    assert two["folded"] == SIZE[1] - (100 + 300 + 12)


def test_a_class_says_where_it_stands() -> None:
    found = records()
    known = found.look(0)["classes"][signature(PRICE)]
    assert known == {
        **{"kind": "edit", "cause": "changed", "pages": 2, "occurrences": 2, "surroundings": 2},
        **{"pixels": 800, "elsewhere": None, "near": None},
    }
    assert found.occurrences(None, signature(PRICE)) == [
        ["a.png", 2, 1, "", False, ""],
        ["b.png", 2, 1, "", False, ""],
    ]
    assert found.occurrences(None, signature(PRICE), most=1) == [["a.png", 2, 1, "", False, ""]]


def test_a_class_says_what_it_is_nearly_the_same_as() -> None:
    tall = [Listed("a.png", "one", Region(8, 16, 900, 850)), Listed("b.png", "two", Region(8, 16, 900, 850))]
    frame, listed = tables(tall)
    near = {signature("two"): signature("one")}
    found = LookRecords(looks.plan(frame, changes=listed, near=near), frame, listed, near)
    known = {
        name: (number, each["near"])
        for number in range(len(found.plan.looks))
        for name, each in found.look(number)["classes"].items()
        if each["elsewhere"] is None
    }
    there, _ = known[signature("one")]
    here, beside = known[signature("two")]
    assert known[signature("one")] == (there, None)
    assert here != there, "either takes a look of its own, at 900 px before above after"
    assert beside == ["a.png", 8, 16, there]


def test_a_page_is_listed_once_with_the_number_of_its_changes() -> None:
    again = Listed("a.png", LOGO, Region(100, 1500, 200, 40))
    found = records([*CHANGES, again])
    assert found.occurrences(None, signature(LOGO)) == [
        ["a.png", 1, 2, "", False, ""],
        ["b.png", 1, 1, "", False, ""],
    ]


def test_a_cell_of_a_small_sheet_is_enlarged_and_lies_within_its_page() -> None:
    found = records()
    sheet = found.look(len(found.plan.looks) - 1)
    (cell,) = sheet["items"]
    assert sheet["sheet"]
    assert cell["type"] == "cell"
    assert cell["scale"] == 4
    assert cell["second"] == [600 - 9, 2000 - 7, 20, 16]  # around 3 x 2 px
    assert not cell["part"]
    corner = Listed("a.png", FAINT, Region(0, 0, SIZE[0], SIZE[1]), largest=1)
    (cell,) = records([corner]).look(0)["items"]
    x, y, width, height = cell["second"]
    assert cell["part"]
    assert 0 <= x <= SIZE[0] - width
    assert 0 <= y <= SIZE[1] - height


def test_room_is_a_line_with_its_places() -> None:
    room = Listed(
        "a.png", "room", Region(0, 500, SIZE[0], 7), Region(0, 500, SIZE[0], 0), "space", 8400, None
    )
    (line,) = records([room]).look(0)["items"]
    assert (line["type"], line["text"]) == ("line", "+7 at 500")
    assert line["marks"][0][1:3] == ["space", "inserted"]


def test_a_change_that_goes_on_is_decided_on_its_last_look() -> None:
    tall = Listed("a.png", "tall", Region(0, 0, 1000, 2500))
    found = records([tall])
    numbers = range(len(found.plan.looks))
    assert len(numbers) > 1
    assert [found.look(number)["signatures"] for number in numbers[:-1]] == [[]] * (len(numbers) - 1)
    assert all(found.look(0)["classes"][name]["elsewhere"] == numbers[-1] for name in [tall.signature])
    assert found.signatures == [[tall.signature]] * len(numbers)


@pytest.fixture
def desk(tmp_path: Path) -> Decisions:
    return Decisions(tmp_path)


def test_a_class_is_decided_by_itself_or_by_all_of_its_pages(desk: Decisions) -> None:
    found = records()
    frame, _ = tables(CHANGES)
    name = signature(PRICE)
    assert found.held(None, [name]) == found.held(desk, [name]) == {name: ("", "", [], None)}
    one, other = triage.rows(frame)
    desk.decide([one._replace(change=name)], "reject")
    assert found.held(desk, [name])[name] == ("", "", [["reject", 1, "a.png"]], None)
    desk.decide([other], "reject")
    assert found.held(desk, [name])[name] == ("reject", "on its pages", [], None)
    assert found.touched([other]) == {signature(LOGO), name}
    desk.decide([Row.anywhere(name)], "accept")
    assert found.held(desk, [name])[name] == ("accept", "wherever it stands", [["reject", 2, "a.png"]], "")
    assert found.touched([Row.anywhere(name), Row.anywhere("f" * 24)]) == {name}


def test_what_is_decided_on_a_page_goes_before_the_class_and_the_page_itself_before_that(
    desk: Decisions,
) -> None:
    found = records()
    frame, _ = tables(CHANGES)
    name = signature(PRICE)
    _, other = triage.rows(frame)
    place = found.place(name, "b.png")
    assert place == other._replace(change=name)
    assert found.place(name, "c.png") is found.place("f" * 24, "b.png") is None
    desk.decide([Row.anywhere(name)], "accept")
    desk.decide([place], "ignore", "here only")
    assert found.held(desk, [name])[name].apart == [["ignore", 1, "b.png"]]
    assert found.occurrences(desk, name)[1][3:] == ["ignore", False, "here only"]
    desk.decide([other], "reject", "all of it")
    assert found.held(desk, [name])[name].apart == [["reject", 1, "b.png"]]
    assert found.occurrences(desk, name) == [
        ["a.png", 2, 1, "", False, ""],
        ["b.png", 2, 1, "reject", True, "all of it"],
    ]


def test_what_was_rejected_before_and_is_still_there_is_reported(desk: Decisions) -> None:
    frame, listed = tables(CHANGES)
    step = desk.decide([Row.anywhere(signature(LOGO))], "reject")
    assert step is not None
    day = step.time[:10]
    told = [f"1 rejected change is still there, rejected since {day}."]
    assert notes(frame, listed, desk) == told
    desk.undo()
    assert notes(frame, listed, desk) == []
    one, other = triage.rows(frame)
    desk.decide([one._replace(change=signature(PRICE))], "reject")
    assert notes(frame, listed, desk) == told, "on one page only, and open on the other"
    desk.decide([other._replace(change=signature(PRICE))], "reject")
    assert notes(frame, listed, desk) == told, "one change on two pages"
    desk.decide([one, other], "accept")
    assert notes(frame, listed, desk) == [], "a row's own decision goes before those about its changes"
