"""Decisions about changes that a report hands over as a file: taken, or refused by name."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.changed import Listed, signature, tables
from support.programs import Folders
from support.report_decisions import decided
from support.triaged import compared

from mymodules import errors, results, triage
from mymodules.regions import Region
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row
from mymodules.triage.lines import COLUMNS

STAMP = "20260102-030405"
WORD, LOGO, CLOCK, OTHER = map(signature, ("word", "logo", "clock", "other"))
LISTED = {"a.png": [WORD], "b.png": [LOGO, WORD, "", WORD], "c.png": [LOGO]}
DIGESTS = "a" * 32, "b" * 32


def run(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of a run and its changes, which lie in the output folder."""
    box = Region(0, 0, 100, 100)
    names = {WORD: "word", LOGO: "logo"}
    changes = [
        Listed(page, names[each], box) if each else Listed(page, "clock", box, rules='["clock"]')
        for page, all_ in LISTED.items()
        for each in all_
    ]
    frame, listed = tables(changes)
    frame.attrs["run"] = {**{side: str(out) for side in ("first", "second", "out")}, "stamp": STAMP}
    listed.to_csv(runfiles.changes_path(out, STAMP), index=False)
    assert results.load_changes(runfiles.finished_path(out, STAMP)) is not None
    return frame, listed


def entry(row: Row, decision: str = "accept", **more: Any) -> dict[str, Any]:
    made = {**row._asdict(), "decision": decision, "note": "", "time": datetime.now(UTC).isoformat()}
    return {**made, "decision_before": "", "note_before": "", **more}


def handed(folder: Path, *entries: Any) -> Path:
    path = folder / f"decisions-{STAMP}.json"
    found = {"format": "mymodules decisions", "version": 2, "run": STAMP, "decisions": entries}
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def test_decisions_about_changes_are_taken_and_can_be_undone(tmp_path: Path) -> None:
    frame, changes = run(tmp_path)
    here = Row("b.png", *DIGESTS, LOGO)
    path = handed(tmp_path, entry(Row.anywhere(WORD), note="as agreed"), entry(here, "reject"))
    done = triage.merge(frame, path)
    names = f"b.png change {LOGO}", f"change {WORD}"
    assert (done.merged, done.unchanged, done.refused, done.accepted) == (names, (), {}, names[1:])
    desk = Decisions(tmp_path)
    assert desk.each([Row.anywhere(WORD), here]) == [("accept", "as agreed"), ("reject", "")]
    assert [each.decision for each in desk.standings(frame, changes)] == ["accept", "reject", ""]
    assert triage.merge(frame, path).unchanged == names
    desk.undo()
    desk.undo()
    assert {each.decision for each in desk.standings(frame, changes)} == {""}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Row.anywhere(OTHER), "The table has no such change: use that of the report's run."),
        (Row("a.png", *DIGESTS, LOGO), "The table has no such change: use that of the report's run."),
        (Row("a.png", "c" * 32, "b" * 32, WORD), "The decision is about other pictures: since"),
        (Row("z.png", *DIGESTS, WORD), "The table has no row of this name: use that of the report's run."),
    ],
)
def test_what_the_run_does_not_have_is_refused_by_name(tmp_path: Path, row: Row, reason: str) -> None:
    frame, _ = run(tmp_path)
    done = triage.merge(frame, handed(tmp_path, entry(row), entry(Row.anywhere(LOGO))))
    ((name, found),) = done.refused.items()
    assert name == " ".join(filter(None, (row.name, f"change {row.change}")))
    assert found.startswith(reason)
    assert done.merged == (f"change {LOGO}",)


def test_changes_of_rows_that_are_not_in_the_table_are_refused(tmp_path: Path) -> None:
    frame, _ = run(tmp_path)
    done = triage.merge(
        frame.iloc[:1], handed(tmp_path, entry(Row.anywhere(LOGO)), entry(Row.anywhere(WORD)))
    )
    assert ([*done.refused], done.merged) == ([f"change {LOGO}"], (f"change {WORD}",))


@pytest.mark.parametrize("stamp", [STAMP, None, "../../etc"])
def test_a_run_without_a_list_of_changes_takes_none(tmp_path: Path, stamp: str | None) -> None:
    frame, _ = run(tmp_path)
    frame.attrs["run"]["stamp"] = stamp
    runfiles.changes_path(tmp_path, STAMP).unlink()
    row = Row("a.png", *DIGESTS)
    done = triage.merge(frame, handed(tmp_path, entry(Row.anywhere(WORD)), entry(row)))
    assert done.merged == ("a.png",)
    assert "no list of changes" in done.refused[f"change {WORD}"]


def test_what_was_decided_meanwhile_is_never_overwritten(tmp_path: Path) -> None:
    frame, _ = run(tmp_path)
    desk = Decisions(tmp_path)
    desk.decide(Row.anywhere(WORD), "reject", "theirs")
    done = triage.merge(frame, handed(tmp_path, entry(Row.anywhere(WORD))))
    assert "triage.csv has rejected (theirs)" in done.refused[f"change {WORD}"]
    assert desk.of(Row.anywhere(WORD)) == ("reject", "theirs")
    known = entry(Row.anywhere(WORD), decision_before="reject", note_before="theirs")
    assert triage.merge(frame, handed(tmp_path, known)).refused == {}


def only_change(made: Folders) -> str:
    """The signature of the one class that a.png has."""
    changes = results.load_changes(made.the("results-*.csv"))
    assert changes is not None
    (name,) = {*changes["signature"][changes["image_filename"] == "a.png"]}
    return str(name)


def test_a_change_that_is_approved_and_closed_since_was_taken_before(
    same_twice: Folders, tmp_path: Path
) -> None:
    frame = compared(same_twice)
    name = only_change(same_twice)
    path = handed(tmp_path, entry(Row.anywhere(name)))
    done = triage.approve(frame, decisions=path)
    assert done.approved == ("a.png", "b.png")
    assert [*Decisions(same_twice.out).closed()] == [name]
    again = triage.approve(frame, decisions=path)
    assert again.merge is not None
    assert (again.merge.unchanged, again.merge.refused, again.refused) == ((f"change {name}",), {}, {})
    assert [*Decisions(same_twice.out).closed()] == [name], "it is not accepted a second time"


def test_a_change_that_others_accepted_and_approved_meanwhile_stays_closed(
    same_twice: Folders, tmp_path: Path
) -> None:
    frame = compared(same_twice)
    name = only_change(same_twice)
    early = entry(Row.anywhere(name), note="of a report")
    desk = Decisions(same_twice.out)
    desk.decide(Row.anywhere(name), "accept")
    assert triage.approve(frame).approved == ("a.png", "b.png")
    done = triage.merge(frame, handed(tmp_path, early))
    assert (done.merged, done.unchanged, done.refused) == ((), (f"change {name}",), {})
    assert [*desk.closed()] == [name]
    late = entry(Row.anywhere(name), note="again")
    assert triage.merge(frame, handed(tmp_path, late)).merged == (f"change {name}",)
    assert desk.of(Row.anywhere(name)) == ("accept", "again")
    desk.decide(Row.anywhere(name), "clear")
    assert [*triage.merge(frame, handed(tmp_path, late)).refused] == [f"change {name}"], "cleared by hand"


@pytest.mark.parametrize("ahead", ["triage.csv", "triage.00000000000000aa.csv", "report"])
def test_what_was_closed_by_a_clock_that_is_ahead_is_neither_closed_nor_taken(
    ahead: str, tmp_path: Path
) -> None:
    """Nobody knows whether it was decided since: taken, it might accept what nobody has seen."""
    frame, _ = run(tmp_path)
    time = datetime.now(UTC) + timedelta(days=1)
    closing = time - timedelta(days=2 * (ahead == "report"))
    line = f"{closing.isoformat()},,,,clear,approved on 2026-01-01,{WORD}"
    name = "triage.csv" if ahead == "report" else ahead
    (tmp_path / name).write_text(f"\ufeff{','.join(COLUMNS)},change\r\n{line}\r\n", "utf-8", newline="")
    when = {"time": time.isoformat()} if ahead == "report" else {}
    done = triage.merge(frame, handed(tmp_path, entry(Row.anywhere(WORD), **when)))
    assert (done.merged, done.unchanged, done.accepted) == ((), (), ())
    assert "approved on 2026-01-01, and a clock was ahead" in done.refused[f"change {WORD}"]
    Decisions(tmp_path).decide(Row.anywhere(WORD), "accept")
    assert Decisions(tmp_path).of(Row.anywhere(WORD))[0] == "accept", "as the reason says"


@pytest.mark.parametrize("note", ["approved on 2025-12-30", ""])
def test_what_was_decided_before_the_run_of_a_report_is_older_whatever_its_clock_says(
    note: str, tmp_path: Path
) -> None:
    """A browser whose clock is a minute ahead: a change that was approved, or cleared, comes again."""
    frame, _ = run(tmp_path)
    lines = [
        f"2025-12-{29 + at}T10:00:00Z,,,,{step},{WORD}"
        for at, step in enumerate(("accept,", f"clear,{note}"))
    ]
    text = "\ufeff" + ",".join(COLUMNS) + ",change\r\n" + "".join(f"{line}\r\n" for line in lines)
    (tmp_path / "triage.csv").write_text(text, "utf-8", newline="")
    ahead = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    done = triage.merge(frame, handed(tmp_path, entry(Row.anywhere(WORD), time=ahead)))
    assert done.merged == (f"change {WORD}",), done.refused


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"change": "../etc"}, "change is not a signature of 24 hexadecimal digits"),
        ({"change": WORD.upper()}, "change is not a signature"),
        ({"change": ""}, "its name is empty"),
        ({"change": 5}, "change is not a text"),
        ({"first_digest": "a" * 32}, "it has a digest without a name"),
        ({"change": LOGO}, "an earlier entry has the same change"),
        ({"decision": "undo"}, "decision is 'undo'"),
        ({"more": ""}, "unknown key 'more'"),
    ],
)
def test_one_wrong_entry_refuses_the_file(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    frame, _ = run(tmp_path)
    path = handed(
        tmp_path, entry(Row.anywhere(LOGO)), {**entry(Row.anywhere(OTHER + "a")), "change": "b" * 24, **wrong}
    )
    with pytest.raises(errors.ResultsError, match="is not a file of decisions: entry 2") as caught:
        triage.merge(frame, path)
    assert said in str(caught.value)
    assert not (tmp_path / "triage.csv").exists(), "the sound entry is not taken either"


ABOUT = st.one_of(
    st.sampled_from([{"name": name, "change": ""} for name in LISTED]),
    st.sampled_from([{"name": "", "change": change} for change in (WORD, LOGO)]),
    st.sampled_from([{"name": "b.png", "change": change} for change in (WORD, LOGO)]),
)
MOVES = st.lists(
    st.one_of(
        st.sampled_from([("undo",), ("redo",)]),
        st.tuples(
            st.just("decideAll"),
            st.lists(ABOUT, min_size=1, max_size=3, unique_by=lambda about: (about["name"], about["change"])),
            st.sampled_from(["accept", "reject", "ignore", "clear"]),
        ),
    ),
    max_size=10,
)


@settings(max_examples=20, deadline=None)
@given(moves=MOVES)
def test_what_holds_in_the_page_is_what_holds_in_triage_afterwards(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[Any, ...]]
) -> None:
    """Any decisions about rows, their changes, and changes wherever they stand, through the page's file."""
    out = tmp_path_factory.mktemp("handed")
    frame, changes = run(out)
    page = decided(frame, moves, listed=LISTED)
    done = triage.merge(frame, page.save(out))
    assert (len(done.merged), done.refused) == (page.count, {})
    found = zip(LISTED, Decisions(out).standings(frame, changes), strict=True)
    expected = {
        name: (each.decision, each.note, str(each), each.changes - each.decided) for name, each in found
    }
    assert {name: (*page.in_force[name], *page.far[name]) for name in LISTED} == expected
