"""The order that the headings of both tables give the rows."""

import json

from support import nodes

from mymodules.pages import words
from mymodules.row import BY_ATTENTION, own_columns

DECISIONS = ("accept", "reject", "ignore")


def test_each_click_on_a_heading_turns_the_order_round_and_another_heading_begins_anew() -> None:
    """As in the explorer, where Python owns the order."""
    clicks = [("b", False), ("b", False), ("b", False), ("b", False), ("a", True)]
    headings = [f"{{ key: '{key}', falls: {str(falls).lower()} }}" for key, falls in clicks]
    script = f"""[{", ".join(headings)}].reduce(
        (found, heading) => [...found, clicked(found.at(-1), heading)], [{{ by: null, falls: false }}]
    ).slice(1).map(({{ by, falls }}) => [by, falls])"""
    expected = [["b", False], ["b", True], ["b", False], ["b", True], ["a", True]]
    assert nodes.evaluate("columns.js", script) == expected


def test_undecided_rows_are_last_in_either_direction() -> None:
    labels = {word: word for word in DECISIONS}
    rows = [{"decision": word} for word in ("", "ignore", "accept", "reject", "")]
    headings = words.columns(causes_known=True, own={})
    script = f"""[false, true].map((falls) => {{
        const {{ value }} = columnsOf({headings}, {list(BY_ATTENTION)}, {labels}).decision;
        return sorted({rows}, value, falls).map((row) => row.decision);
    }})""".replace("True", "true").replace("False", "false")
    assert nodes.evaluate("columns.js", script) == [
        [*DECISIONS, "", ""],
        [*reversed(DECISIONS), "", ""],
    ]


def test_what_is_equal_or_tolerated_waits_for_no_decision() -> None:
    """In a report; rows of earlier versions have no verdict."""
    rows = [
        {"status": "changed", "verdict": "changed"}, {"status": "changed"}, {"status": "missing"},
        {"status": "changed", "verdict": "tolerated"}, {"status": "same", "verdict": "same"},
        {"status": "changed", "verdict": "changed", "decision": "accept"},
    ]  # fmt: skip
    found = nodes.evaluate("report/decisions.js", f"{rows}.map(waits)")
    assert found == [True, True, True, False, False, False]


def test_a_metric_of_ones_own_is_a_figure_of_a_row_or_among_its_metrics() -> None:
    headings = words.columns(causes_known=True, own=own_columns(["metric_luma", "metric_<b>", "status"]))
    assert [heading["key"] for heading in headings if heading["key"].startswith("metric_")] == ["metric_luma"]
    rows = [{"metric_luma": 0.123456}, {"metrics": [["other", 1], ["luma", 20000.4]]}, {"metrics": []}, {}]
    script = f"""(() => {{
        const {{ value, text }} = columnsOf({headings}, [], {{}}).metric_luma;
        return {rows}.map((row) => [value(row), value(row) === null ? null : text(row)]);
    }})()""".replace("True", "true").replace("False", "false")
    expected = [[0.123456, "0.1235"], [20000.4, "20000"], [None, None], [None, None]]
    assert nodes.evaluate("columns.js", script) == expected


def test_a_row_that_is_decided_in_part_shows_how_far() -> None:
    headings = words.columns(causes_known=True, own={})
    rows = [
        {"decision": "", "standing": "3 of 5", "open_changes": 2, "changes": 5},
        {"decision": "reject", "standing": "3 of 5", "open_changes": 2, "changes": 5},
        {"decision": "", "standing": "0 of 5", "open_changes": 5, "changes": 5},
        {"decision": "accept", "standing": "5 of 5", "open_changes": 0, "changes": 5},
        {"decision": "", "standing": "", "open_changes": None, "changes": None},
    ]
    script = f"""(() => {{
        const found = columnsOf({json.dumps(headings)}, [], {{ reject: "rejected" }});
        const {{ decision, open_changes: open }} = found;
        return {json.dumps(rows)}.map((row) => [decision.partly(row), decision.title(row), open.value(row)]);
    }})()"""
    assert nodes.evaluate("columns.js", script) == [
        ["3/5", "3 of 5 changes decided", 2],
        ["3/5", "rejected", 2],
        ["", "", 5],
        ["", "", 0],
        ["", "", None],
    ]
