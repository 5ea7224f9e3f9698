"""Decisions in a report, without a browser: the page's own script with a storage of the test."""

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import nodes
from support.changed import signature
from support.report_decisions import decided

from mymodules.triage import standing

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
        "version": 2,
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


# --- about changes -----------------------------------------------------------------------------------

WORD, LOGO, CLOCK = map(signature, ("word", "logo", "clock"))
LISTED = {"a.png": [WORD], "b.png": [LOGO, WORD, "", WORD]}  # the third one of b was taken by rules
FAR = dict.fromkeys(["c.png"], ("", None))


def about(change: str, *names: str) -> list[dict[str, str]]:
    return [{"name": name, "change": change} for name in names or ("",)]


def test_a_change_is_decided_wherever_it_stands() -> None:
    everywhere = ("decideAll", about(WORD), "accept", "as agreed")
    page = decided(FRAME, [everywhere], listed=LISTED)
    assert page.in_force == {"a.png": ("accept", ""), "b.png": ("", ""), "c.png": ("", "")}
    assert page.far == {"a.png": ("1 of 1", 0), "b.png": ("3 of 4", 1), **FAR}
    both = [{"name": "", "change": WORD}, {"name": "", "change": LOGO}]
    page = decided(FRAME, [("decideAll", both, "ignore")], listed=LISTED)
    assert page.in_force["b.png"] == ("ignore", "")
    assert page.count == 2, "one step about two changes"
    back = decided(FRAME, [("decideAll", both, "ignore"), everywhere, ("undo",), ("undo",)], listed=LISTED)
    assert back.far == {"a.png": ("0 of 1", 1), "b.png": ("1 of 4", 3), **FAR}
    again = decided(FRAME, [("redo",), ("redo",)], listed=LISTED, stored=back.stored)
    assert (again.in_force["a.png"], again.in_force["b.png"]) == (("accept", ""), ("accept", ""))


def test_the_row_goes_before_its_change_and_that_before_the_class() -> None:
    actions: list[tuple[Any, ...]] = [
        ("decideAll", about(WORD), "accept"),
        ("decideAll", about(LOGO), "accept"),
        ("decideAll", about(WORD, "b.png"), "reject"),
    ]
    page = decided(FRAME, actions, listed=LISTED)
    assert page.in_force == {"a.png": ("accept", ""), "b.png": ("reject", ""), "c.png": ("", "")}
    own = decided(FRAME, [*actions, ("decide", "b.png", "ignore", "ours")], listed=LISTED)
    assert (own.in_force["b.png"], own.far["b.png"]) == (("ignore", "ours"), ("4 of 4", 0))
    cleared = [("decide", "b.png", "clear", None), ("decideAll", about(WORD, "b.png"), "clear")]
    assert decided(FRAME, [*actions, *cleared], listed=LISTED).in_force["b.png"] == ("accept", "")


def test_a_report_is_written_with_decisions_about_changes() -> None:
    had = [("", WORD, "accept", "as agreed"), ("b.png", WORD, "reject", "")]
    page = decided(FRAME, [], listed=LISTED, about_changes=had)
    assert (page.in_force["a.png"], page.in_force["b.png"]) == (("accept", ""), ("reject", ""))
    assert page.count == 0
    page = decided(
        FRAME,
        [("decideAll", about(WORD), "clear")],
        listed=LISTED,
        about_changes=had,
        written={"a.png": ("ignore", "")},
    )
    (entry,) = json.loads(page.file)["decisions"]
    assert {key: value for key, value in entry.items() if key != "time"} == {
        **dict.fromkeys(("name", "first_digest", "second_digest", "note"), ""),
        **{"change": WORD, "decision": "clear", "decision_before": "accept", "note_before": "as agreed"},
    }
    assert page.in_force["a.png"] == ("ignore", "")
    merged = decided(FRAME, [("undo",)], listed=LISTED, stored=page.stored)
    assert (merged.count, merged.steps) == (0, [None]), "what is written by now is no step any more"


def test_a_change_that_comes_again_says_since_when() -> None:
    had = [("", WORD, "reject", "", "2026-01-02"), ("a.png", WORD, "accept", "", "2026-01-03")]
    closed = {LOGO: "2025-12-31"}
    page = decided(FRAME, [], listed=LISTED, about_changes=had, closed=closed)
    b = ["2 changes rejected since 2026-01-02", "1 change accepted and approved on 2025-12-31"]
    assert {name: sorted(each) for name, each in page.remarks.items()} == {
        **{"a.png": [], "b.png": sorted(b), "c.png": []}
    }
    here = ("decideAll", about(WORD, "b.png"), "ignore")
    page = decided(FRAME, [here], listed=LISTED, about_changes=had, closed=closed)
    assert page.remarks["b.png"] == b[1:], "what is decided in the page goes before what it was written with"
    own = ("decide", "b.png", "accept", None)
    page = decided(FRAME, [own], listed=LISTED, about_changes=had, closed=closed)
    assert page.remarks["b.png"] == []


words = st.sampled_from(["", "", "accept", "reject", "ignore"])
cases = st.lists(st.tuples(words, st.lists(words, max_size=5), st.integers(0, 3)), min_size=200, max_size=200)


@settings(max_examples=3, deadline=None)
@given(found=cases)
def test_the_rule_is_that_of_triage(found: list[tuple[str, list[str], int]]) -> None:
    asked = [([own, "note" if own else ""], each, taken) for own, each, taken in found]
    expected = [standing.standing((own[0], own[1]), each, taken) for own, each, taken in asked]
    call = "((found) => ({ ...found, far: howFar(found) }))(standing(...each))"
    answers = nodes.evaluate("standing.js", f"{json.dumps(asked)}.map((each) => {call})")
    assert answers == [each._asdict() | {"far": str(each)} for each in expected]


# --- what the browser has kept -----------------------------------------------------------------------

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


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "", "change": CLOCK},
        {"name": "a.png", "change": LOGO},
        {"name": "unknown.png", "change": WORD},
        {"name": "", "change": ""},
        {"name": "a.png", "change": None},
        {"name": "", "change": "constructor"},
        {"name": "c.png", "change": WORD},
        {"before": ["clear", ""]},
        None,
    ],
)
def test_a_step_about_a_change_of_another_form_is_not_believed(wrong: dict[str, Any] | None) -> None:
    sound = {"name": "", "change": WORD, "before": ["", ""]}
    step = {"about": [sound], "decision": "accept", "note": "", "time": STEP["time"]}
    stored = json.dumps({"version": 2, "done": [step], "undone": []})
    assert decided(FRAME, [], listed=LISTED, stored=stored).in_force["a.png"] == ("accept", "")
    step["about"] = [] if wrong is None else [sound, {**sound, **wrong}]
    stored = json.dumps({"version": 2, "done": [step], "undone": []})
    page = decided(FRAME, [], listed=LISTED, stored=stored)
    assert "cannot be read" in page.problem
    assert page.in_force["a.png"] == ("", "")
