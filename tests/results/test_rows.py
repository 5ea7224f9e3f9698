"""The rows of a run without pandas: the same values and the same order as those of the table."""

from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mymodules import results
from mymodules.results import attention, runfiles
from mymodules.row import BY_ATTENTION, COLUMNS, PairResult, attention_key

FIGURES = st.none() | st.sampled_from([0.0, 0.5, 1.0, 99.5])
ROWS = st.tuples(st.sampled_from(BY_ATTENTION), FIGURES, st.none() | st.integers(0, 3), st.text(max_size=3))


@settings(max_examples=50)
@given(st.lists(ROWS, max_size=12))
def test_the_order_is_that_of_tables(rows: list[tuple[str, float | None, int | None, str]]) -> None:
    columns = ["status", "combined", "num_diff_pixels", "image_filename"]
    frame = pd.DataFrame(rows, columns=columns).astype({"combined": "float64", "num_diff_pixels": "Int64"})
    assert sorted(rows, key=lambda row: attention_key(*row)) == [
        rows[place] for place in attention.places(frame)
    ]


def test_every_value_is_that_of_its_column(tmp_path: Path) -> None:
    path = tmp_path / "results-20260102-030405.csv"
    row = PairResult(0.5, "a.png", "It differs.", "changed", "pixels_differ", custom=(("luma", 0.25),))
    results.write(path, [row], ["luma"])
    runfiles.write_manifest(path.with_suffix(".json"), {"first": "/before"})
    found = results.Rows.read(path)
    assert found.run == {"first": "/before"}
    assert found.records() == [{name: getattr(row, name) for name in COLUMNS} | {"metric_luma": 0.25}]
