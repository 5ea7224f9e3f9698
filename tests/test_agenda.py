"""What a run leaves to decide, as the command, build servers and messages report it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pandas as pd
import pytest
from support.programs import Folders, finished, folders
from support.triaged import begun_later, compared, picture

from mymodules import notify, report, results
from mymodules.agenda import Agenda
from mymodules.triage import Decisions, Row


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    """Two pages with the same change, and one with another."""
    made = folders(tmp_path)
    for name, level in (("a.png", 10), ("b.png", 10), ("c.png", 90)):
        add(made, name, level)
    return made


def add(made: Folders, name: str, level: int) -> None:
    (made.first / name).write_bytes(picture(level))
    (made.second / name).write_bytes(picture(level + 100))


def agenda(frame: pd.DataFrame) -> Agenda:
    found = Agenda.of(frame, frame.attrs["run"])
    assert found is not None
    return found


def changes(found: Agenda) -> dict[str, str]:
    """The signature of the only change of each page."""
    return {name: signature for name, (signature,) in found.open.items()}


def test_what_is_to_decide(made: Folders) -> None:
    frame = compared(made)
    found = agenda(frame)
    assert str(found) == "3 pictures changed: 2 distinct changes, 1 look."
    names = changes(found)
    assert names["a.png"] == names["b.png"] != names["c.png"]
    Decisions(made.out).decide(Row.anywhere(names["a.png"]), "accept")
    found = agenda(frame)
    assert str(found) == "3 pictures changed: 1 distinct change, 1 look. 2 changes decided earlier."
    assert found.open == {"c.png": [names["c.png"]]}
    assert {name: (each.decision, str(each)) for name, each in found.standings.items()} == {
        "a.png": ("accept", "1 of 1"), "b.png": ("accept", "1 of 1"), "c.png": ("", "0 of 1"),
    }  # fmt: skip
    part = Agenda.of(frame.iloc[[0]], frame.attrs["run"])
    assert str(part) == "1 picture changed: 0 distinct changes, 0 looks. 1 change decided earlier."


def test_pages_that_nobody_has_opened_are_counted(made: Folders) -> None:
    frame = compared(made)
    names = changes(agenda(frame))
    desk = Decisions(made.out)
    desk.decide([Row.anywhere(each) for each in names.values()], "accept")
    again = begun_later(made, compared(made))
    assert agenda(again).unopened == set()  # they were in the run in which they were decided
    for name in ("new.png", "newer.png"):
        add(made, name, 10)
    later = begun_later(made, compared(made))
    found = agenda(later)
    assert found.unopened == {"new.png", "newer.png"}
    assert str(found) == (
        "5 pictures changed: 0 distinct changes, 0 looks. 5 changes decided earlier. 2 pictures have no "
        "others, and nobody has opened them."
    )
    desk.decide(Row("new.png", *row_digests(later, "new.png"), names["a.png"]), "accept")
    found = agenda(later)
    assert str(found).endswith(" 1 picture has no others, and nobody has opened it.")


def row_digests(frame: pd.DataFrame, name: str) -> list[str]:
    (row,) = frame[frame["image_filename"] == name].to_dict("records")
    return [row["first_digest"], row["second_digest"]]


def test_what_comes_again_says_since_when(made: Folders) -> None:
    names = changes(agenda(compared(made)))
    desk = Decisions(made.out)
    desk.decide(Row.anywhere(names["a.png"]), "accept")
    desk.decide(Row.anywhere(names["a.png"]), "clear", "approved on 2026-01-02")
    desk.decide(Row.anywhere(names["c.png"]), "reject")
    today = pd.read_csv(desk.path, encoding="utf-8-sig")["time"].iloc[-1][:10]
    assert desk.remarks(names.values()) == {
        names["a.png"]: "accepted and approved on 2026-01-02", names["c.png"]: f"rejected since {today}",
    }  # fmt: skip
    desk.decide(Row.anywhere(names["a.png"]), "ignore")
    assert desk.remarks([names["a.png"]]) == {}


def test_what_comes_again_on_a_row_goes_by_the_row_its_change_and_the_class(made: Folders) -> None:
    frame = compared(made)
    name = changes(agenda(frame))["c.png"]
    desk = Decisions(made.out)
    row = Row("c.png", *row_digests(frame, "c.png"))
    desk.decide(Row.anywhere(name), "accept")
    assert desk.remarks_on(row, [name]) == {}
    desk.decide(row._replace(change=name), "reject")
    today = pd.read_csv(desk.path, encoding="utf-8-sig")["time"].iloc[-1][:10]
    assert desk.remarks_on(row, [name]) == {name: f"rejected since {today}"}
    assert desk.remarks_on(row._replace(name="other.png"), [name]) == {}
    desk.decide(row, "accept")
    assert desk.remarks_on(row, [name]) == {}


@pytest.mark.parametrize("moves", [True, False])
def test_a_run_without_changes_has_none(made: Folders, moves: bool) -> None:
    frame = compared(made)
    run = frame.attrs["run"]
    if moves:
        same = frame.assign(status="same", verdict="same")
        assert Agenda.of(same, run) is None
    else:
        (made.out / f"changes-{run['stamp']}.csv").unlink()
        assert Agenda.of(frame, run) is None
    assert Agenda.of(frame[["image_filename", "status"]], run) is None
    assert Agenda.of(frame, {}) is None


def test_files_for_build_servers_name_the_changes(made: Folders) -> None:
    frame = compared(made)
    names = changes(agenda(frame))
    desk = Decisions(made.out)
    desk.decide(Row.anywhere(names["a.png"]), "ignore", "approved on 2026-01-02")
    desk.decide(Row.anywhere(names["c.png"]), "clear", "approved on 2026-01-02")
    told = str(agenda(frame))

    report.document(frame, made.out / "rows.json")
    found = json.loads((made.out / "rows.json").read_bytes())
    jsonschema.validate(found, json.loads(report.SCHEMA.read_bytes()))
    assert found["changes"] == {
        "sentence": told, "looks": 1, "decided": 2, "taken": 0, "unopened": [],
        "open": [
            {
                "signature": names["c.png"], "kind": "edit", "pixels": 16, "occurrences": 1,
                "pictures": ["c.png"], "remark": "accepted and approved on 2026-01-02",
            }
        ],
    }  # fmt: skip
    rows = {row["image_filename"]: row for row in found["rows"]}
    for name, decision, decided, open_ in (("a.png", "ignore", 1, []), ("c.png", None, 0, [names["c.png"]])):
        row = rows[name]
        assert (row["decision"], row["decided_changes"], row["open_changes"]) == (decision, decided, open_)

    report.junit(frame, made.out / "rows.xml")
    properties = ElementTree.parse(made.out / "rows.xml").iter("property")
    values = {each.attrib["name"]: each.attrib["value"] for each in properties}
    assert values["changes"] == told
    assert values["open changes of c.png"] == f"0 of 1 decided, open: {names['c.png']}"
    assert "open changes of a.png" not in values

    text = report.markdown(frame, made.out / "rows.md")
    line = f"| <code>{names['c.png']}</code> | edit, accepted and approved on 2026-01-02 | 1 | "
    assert f"{line}<code>c.png</code> | 16 |\n" in text
    assert "| picture | what differs | changes decided |" in text
    assert {each.rpartition(" | ")[2] for each in text.splitlines() if "16 pixels differ" in each} == {
        "ignored |", "0 of 1 |",
    }  # fmt: skip

    assert told in notify.message(frame.attrs["run"])


def test_rows_without_pandas_have_the_same_agenda(made: Folders) -> None:
    frame = compared(made)
    rows = results.Rows.read(made.the("results-*.csv"))
    Decisions(made.out).decide(frame.iloc[[0]], "reject")
    assert Agenda.of(rows, rows.run) == agenda(frame)


def test_neither_numpy_nor_pandas_is_loaded_for_it(made: Folders) -> None:
    """Small comparisons would take twice as long."""
    frame = compared(made)
    Decisions(made.out).decide(Row.anywhere(changes(agenda(frame))["a.png"]), "reject")
    code = (
        "import sys\nfrom pathlib import Path\nfrom mymodules.agenda import Agenda\n"
        "from mymodules.results import Rows\nrows = Rows.read(Path(sys.argv[1]))\n"
        "print(Agenda.of(rows, rows.run))\nprint({'numpy', 'pandas'} & {*sys.modules})"
    )
    ended, said, _ = finished(code, [made.the("results-*.csv")])
    assert (ended, said.splitlines()) == (0, [str(agenda(frame)), "set()"])
