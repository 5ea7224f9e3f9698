"""Decisions in a report, without a browser: the page's own script with a storage of the test."""

import json
from typing import Any

import pandas as pd
import pytest
from support import nodes
from support.report_decisions import decided

FRAME = pd.DataFrame(
    {
        "image_filename": ["a.png", "b.png", "c.png"],
        "first_digest": ["a" * 32, "b" * 32, ""],
        "second_digest": ["c" * 32, "d" * 32, "e" * 32],
    }
)


def entries(text: str) -> dict[str, tuple[str, str, str, str]]:
    """Decision, note, and both of before, by name."""
    keys = ("decision", "note", "decision_before", "note_before")
    found: dict[str, Any] = {each["name"]: each for each in json.loads(text)["decisions"]}
    return {name: tuple(each[key] for key in keys) for name, each in found.items()}  # type: ignore[misc]


def test_the_file_has_what_was_decided_last_about_each_row() -> None:
    actions = [
        ("decide", "a.png", "accept", None),
        ("decide", "c.png", "reject", "why"),
        ("decide", "a.png", "ignore", None),
    ]
    page = decided(FRAME, actions)
    found = json.loads(page.file)
    assert {key: found[key] for key in ("format", "version", "run")} == {
        "format": "mymodules decisions",
        "version": 1,
        "run": "20260102-030405",
    }
    assert page.name == "decisions-20260102-030405.json"
    assert entries(page.file) == {"a.png": ("ignore", "", "", ""), "c.png": ("reject", "why", "", "")}
    last = next(each for each in found["decisions"] if each["name"] == "c.png")
    assert (last["first_digest"], last["second_digest"]) == ("", "e" * 32)
    assert pd.Timestamp(last["time"]).utcoffset() == pd.Timedelta(0)


def test_deciding_as_it_is_already_is_a_step_that_undo_takes_back() -> None:
    again = ("decide", "a.png", "accept", None)
    page = decided(FRAME, [again, ("decide", "b.png", "reject", None), again, ("undo",)])
    assert page.in_force == {"a.png": ("accept", ""), "b.png": ("reject", ""), "c.png": ("", "")}
    assert decided(FRAME, [again, again, ("undo",), ("undo",)]).in_force["a.png"] == ("", "")


def test_a_note_stays_with_its_decision_only() -> None:
    noted = ("decide", "a.png", "accept", "dark\r\nred\0")
    assert decided(FRAME, [noted]).in_force["a.png"] == ("accept", "dark red ")
    assert decided(FRAME, [noted, ("decide", "a.png", "accept", None)]).in_force["a.png"][1] == "dark red "
    assert decided(FRAME, [noted, ("decide", "a.png", "reject", None)]).in_force["a.png"] == ("reject", "")
    assert decided(FRAME, [noted, ("decide", "a.png", "clear", None)]).in_force["a.png"] == ("", "")


def test_only_what_is_typed_is_cut() -> None:
    """A report may be written with a longer note, as triage.csv takes 31,900 characters."""
    own = "x" * 20_000
    written = {"a.png": ("accept", own)}
    again = ("decide", "a.png", "accept", None)
    assert decided(FRAME, [again], written=written).in_force["a.png"] == ("accept", own)
    shorter = decided(FRAME, [("decide", "a.png", "accept", own[1:])], written=written)
    assert shorter.in_force["a.png"] == ("accept", own[1:])
    typed = decided(FRAME, [("decide", "b.png", "accept", own)], written=written)
    assert typed.in_force["b.png"] == ("accept", "x" * 15_000)


def test_a_decision_like_that_of_the_report_is_not_handed_over() -> None:
    written = {"a.png": ("accept", "seen"), "b.png": ("reject", "")}
    actions = [("decide", "a.png", "reject", None), ("decide", "b.png", "clear", None)]
    page = decided(FRAME, actions, written=written)
    assert entries(page.file) == {
        "a.png": ("reject", "", "accept", "seen"),
        "b.png": ("clear", "", "reject", ""),
    }
    back = decided(
        FRAME, [*actions, ("decide", "a.png", "accept", "seen"), ("undo",), ("redo",)], written=written
    )
    assert (back.count, set(entries(back.file))) == (1, {"b.png"})


def test_what_is_kept_is_there_again_with_its_steps() -> None:
    before = decided(
        FRAME, [("decide", "a.png", "accept", "x"), ("decide", "b.png", "reject", None), ("undo",)]
    )
    after = decided(FRAME, [], stored=before.stored)
    assert (after.in_force, after.file) == (before.in_force, before.file)
    assert decided(FRAME, [("redo",)], stored=before.stored).in_force["b.png"] == ("reject", "")
    assert decided(FRAME, [("undo",)], stored=before.stored).count == 0
    assert decided(FRAME, [("undo",)]).steps == [None]


def test_what_was_taken_meanwhile_is_no_step_any_more() -> None:
    """The report is written again after its decisions were merged."""
    before = decided(FRAME, [("decide", "a.png", "accept", "x"), ("decide", "b.png", "reject", None)])
    after = decided(FRAME, [("undo",)], stored=before.stored, written={"a.png": ("accept", "x")})
    assert after.in_force == {"a.png": ("accept", "x"), "b.png": ("", ""), "c.png": ("", "")}
    assert after.count == 0


def test_what_was_decided_otherwise_meanwhile_stays_a_conflict_until_it_is_decided_again() -> None:
    before = decided(FRAME, [("decide", "a.png", "accept", None)])
    now = {"a.png": ("reject", "theirs")}
    after = decided(FRAME, [], stored=before.stored, written=now)
    assert after.in_force["a.png"] == ("accept", "")
    assert entries(after.file) == {"a.png": ("accept", "", "", "")}, "over what was shown then"
    again = decided(FRAME, [("decide", "a.png", "accept", None)], stored=before.stored, written=now)
    assert entries(again.file) == {"a.png": ("accept", "", "reject", "theirs")}


def test_equal_and_decided_rows_wait_for_no_decision() -> None:
    """What the filter, its counts and the step to the next row after a decision go by."""
    pairs = [(status, word) for status in ("changed", "same") for word in ("", "accept")]
    rows = [{"status": status, "decision": word} for status, word in pairs]
    assert nodes.evaluate("report/decisions.js", f"{rows}.map(waits)") == [True, False, False, False]
    names = [f"{status} {word}" for status, word in [("changed", "accept"), *pairs[::-1]]]
    given = {name: dict(zip(("status", "decision"), name.split(" "), strict=True)) for name in names}
    source = f"new ReportSource(new Map(Object.entries({given})), {{}}, () => {names}, {{}})"
    assert nodes.evaluate("report/source.js", f"{source}.following({names[0]!r})") == "changed "
    assert nodes.evaluate("report/source.js", f"{source}.following('changed ')") is None


@pytest.mark.parametrize("spoiled", ["full", "absent"])
def test_a_storage_that_takes_nothing_is_reported_and_loses_nothing(spoiled: str) -> None:
    actions = [("decide", "a.png", "accept", None), ("decide", "b.png", "reject", None), ("undo",)]
    page = decided(FRAME, actions, spoiled=spoiled)
    assert "does not keep decisions" in page.problem
    assert page.in_force == {"a.png": ("accept", ""), "b.png": ("", ""), "c.png": ("", "")}
    assert page.stored is None
    assert set(entries(page.file)) == {"a.png"}


STEP = {
    "name": "a.png",
    "decision": "accept",
    "note": "",
    "time": "2026-01-02T03:04:05.678Z",
    "before": ["", ""],
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "unknown.png"},
        {"name": "__proto__"},
        {"decision": "delete"},
        {"decision": "undo"},
        {"note": 5},
        {"time": "yesterday"},
        {"before": "accept"},
        {"before": ["clear", ""]},
        {"before": None},
    ],
)
def test_a_step_of_another_form_is_not_believed(wrong: dict[str, Any]) -> None:
    """Other pages from the same disk may write there."""
    stored = json.dumps({"version": 1, "done": [STEP], "undone": []})
    assert decided(FRAME, [], stored=stored).in_force["a.png"] == ("accept", "")
    for place in ("done", "undone"):
        content = {"version": 1, "done": [], "undone": [], place: [STEP, {**STEP, **wrong}]}
        page = decided(FRAME, [("decide", "b.png", "accept", None)], stored=json.dumps(content))
        assert "cannot be read" in page.problem
        assert page.in_force == {"a.png": ("", ""), "b.png": ("accept", ""), "c.png": ("", "")}
        assert page.stored == json.dumps(content), "it is left as it is"
