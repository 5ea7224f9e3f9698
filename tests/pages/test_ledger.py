"""The line that says why the pixels of a row differ."""

import pytest
from support import nodes

from mymodules import row


def record(**pixels: int) -> str:
    """A row as scripts have it, with so many pixels of each cause."""
    return "{" + ", ".join(f"px_{cause}: {pixels.get(cause, 0)}" for cause in row.CAUSES) + "}"


def test_causes_are_those_of_the_results() -> None:
    assert nodes.evaluate("ledger.js", "CAUSES") == [*row.CAUSES]
    assert {f"px_{cause}" for cause in row.CAUSES} == {name for name in row.COLUMNS if name.startswith("px_")}


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        # 5,744 of 8,000 are 71.8 %, 480 are 6 %, 160 are 2 %, 1,616 are 20.2 %
        (
            {"moved": 5744, "inserted": 480, "removed": 160, "changed": 1616},
            "8,000 px: 72 % moved, 6 % inserted, 2 % removed, 20 % changed",
        ),
        ({"changed": 12}, "12 px: all changed"),
        ({"changed": 1, "moved": 999_999}, "1,000,000 px: >99 % moved, <1 % changed"),
        ({"tolerated": 1, "masked": 1}, "2 px: 50 % tolerated, 50 % masked"),
        ({}, ""),
    ],
)
def test_shares_are_never_rounded_to_nothing_or_to_all(pixels: dict[str, int], text: str) -> None:
    assert nodes.evaluate("ledger.js", f"ledgerText({record(**pixels)})") == text


def test_a_row_of_which_nobody_found_out_has_no_ledger() -> None:
    unknown = "{" + ", ".join(f"px_{cause}: null" for cause in row.CAUSES) + "}"
    script = f"[{unknown}, {{}}, null].map((each) => [ledgerOf(each), ledgerText(each), ledgerBar(each)])"
    assert nodes.evaluate("ledger.js", script) == [[None, "", None]] * 3
