"""The results as a Parquet file: what other programs read is what the CSV says."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest
from support.programs import mixed
from support.triaged import compared

from mymodules import cli, results
from mymodules.errors import SettingsError
from mymodules.results import Rows
from mymodules.row import COLUMNS, PairResult


def columns(path: Path) -> dict[str, list[Any]]:
    """What pyarrow reads."""
    from pyarrow import parquet

    found: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return found


def known(value: Any) -> Any:
    """A cell as Parquet has it: lists, not tuples; None, not NaN."""
    if isinstance(value, tuple | list):
        return [known(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("form", ["table", "rows"])
def test_all_columns_are_there_with_the_values_of_the_csv(tmp_path: Path, form: str) -> None:
    frame = compared(mixed(tmp_path))
    (csv,) = (tmp_path / "out").glob("results-*.csv")
    path = tmp_path / "results.parquet"
    results.write_parquet(frame if form == "table" else Rows.read(csv), path)
    found = columns(path)
    assert tuple(found) == COLUMNS
    rows = results.read(csv)
    assert {"same", "changed", "error"} <= {row.status for row in rows}
    for name in COLUMNS:
        assert found[name] == [known(getattr(row, name)) for row in rows], name


def test_types_are_the_same_without_a_value(tmp_path: Path) -> None:
    from pyarrow import parquet

    for name, rows in {"none": [], "one": [PairResult(None, "a.png", "", "missing", "only_first")]}.items():
        results.write_parquet(Rows(rows, {}), tmp_path / name)
    none, one = (parquet.read_schema(tmp_path / name) for name in ("none", "one"))
    assert none == one
    kinds = {name: str(one.field(name).type) for name in ("ssim_score", "dim_differ", "changes", "regions")}
    assert kinds == {
        "ssim_score": "double",
        "dim_differ": "bool",
        "changes": "int64",
        "regions": "list<element: list<element: int64>>",
    }


def test_metrics_of_ones_own_come_last(tmp_path: Path) -> None:
    rows = [
        PairResult(0.5, name, "", "changed", "pixels_differ", custom=(("mine", value),))
        for name, value in (("a.png", 1.5), ("b.png", None))
    ]
    results.write_parquet(Rows(rows, {}), tmp_path / "results.parquet")
    found = columns(tmp_path / "results.parquet")
    assert tuple(found) == (*COLUMNS, "metric_mine")
    assert found["metric_mine"] == [1.5, None]


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, path = mixed(tmp_path), tmp_path / "results.parquet"
    line = ["compare", str(made.first), str(made.second), "--out", str(made.out), "--processes", "1"]
    assert cli.main([*line, "--parquet", str(path)]) == 0
    assert f"Parquet:   {path}" in capsys.readouterr().out
    (csv,) = made.out.glob("results-*.csv")
    assert columns(path)["image_filename"] == [row.image_filename for row in results.read(csv)]


def test_without_pyarrow_it_is_said_before_anything_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = mixed(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match="pip install"):
        results.write_parquet(Rows([], {}), tmp_path / "results.parquet")
    line = ["compare", str(made.first), str(made.second), "--out", str(made.out)]
    assert cli.main([*line, "--parquet", str(tmp_path / "results.parquet")]) == 2
    assert "pip install 'mymodules[parquet]'" in capsys.readouterr().err
    assert list(made.out.iterdir()) == []
