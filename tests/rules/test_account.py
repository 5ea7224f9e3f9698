"""What rules took: the text in a row, its sentences, and the sum of a run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mymodules.rules import Limits, Rule, account
from mymodules.rules.account import Share, Total

shares = st.builds(Share, *[st.integers(0, 2**53)] * len(Share._fields))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(names, shares, max_size=4))
def test_an_account_and_its_text_are_exact_inverses(found: dict[str, Share]) -> None:
    text = account.text_of(found)
    assert account.parsed(text) == found
    assert [*json.loads(text)] == [*found]  # in the order of the rules


@given(st.lists(names, max_size=4))
def test_joined_names_are_separated_again(found: list[str]) -> None:
    text = account.joined(found)
    assert account.separated(text) == tuple(found)
    assert not {*text} & {*' ,|"\r\n'}


@pytest.mark.parametrize(
    "text",
    [
        *(
            None,
            "",
            "{}",
            "[]",
            "1",
            "{",
            '{"a": 1}',
            '{"a": {"tolerated": -1}}',
            '{"a": {"tolerated": 1.5}}',
        ),
        *('{"a": {"tolerated": true}}', '{"a": {"other": 1}}', '{"a": {"tolerated": 1e999}}', "[" * 99_999),
    ],
)
def test_any_other_text_says_nothing(text: str | None) -> None:
    assert account.parsed(text) == {}


def test_each_rule_has_a_sentence() -> None:
    found = {
        "clock": Share(masked=1200, changes=3, whole=2),
        "noise": Share(tolerated=20, masked=5, changes=1),
        "room": Share(changes=2, whole=2),
    }
    assert account.sentences(found) == [
        "Rule 'clock' masks 1,200 px of 3 changes.",
        "Rule 'noise' masks 5 px and tolerates 20 px of 1 change.",
        "Rule 'room' takes 2 changes.",
    ]


def test_the_sum_of_a_run() -> None:
    rules = [
        Rule("a", Limits(largest=8)),
        Rule("b", Limits(pixels=3), ("docs/*",)),
        Rule("c", Limits(), ("x",)),
    ]
    first = {
        "a": Share(tolerated=5, changes=2, whole=1),
        "b": Share(tolerated=1, hidden=1, x=7, y=8, pixels=9),
    }
    second = {"a": Share(masked=3, changes=1), "b": Share(hidden=2, x=1, y=2, pixels=4), "gone": Share(5)}
    rows = [("docs/1.png", account.text_of(first)), ("docs/2.png", account.text_of(second)), ("3.png", None)]
    assert account.totals(rules, rows) == [
        Total("a", 3, 2, tolerated=5, masked=3, changes=3, whole=1),
        Total("b", 2, 2, tolerated=1, hidden=3, largest_in="docs/1.png", x=7, y=8, pixels=9),
        Total("c"),
    ]
