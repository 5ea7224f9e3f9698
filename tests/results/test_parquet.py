"""The results as a Parquet file: what other programs read is what the CSV says."""

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from support.programs import mixed
from support.triaged import compared

from mymodules import cli, results
from mymodules.errors import SettingsError
from mymodules.results import Rows
from mymodules.results import parquet as writing
from mymodules.row import COLUMNS, PairResult

parquet = pytest.importorskip("pyarrow.parquet")


def columns(path: Path) -> dict[str, list[Any]]:
    """What pyarrow reads."""
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


def row(name: str, message: str = "", **more: Any) -> PairResult:
    return PairResult(0.5, name, message, "changed", "pixels_differ", **more)


@pytest.mark.parametrize("form", ["table", "rows"])
def test_rows_stand_in_groups_of_which_a_part_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(writing, "GROUP", 2)
    written = [row(f"{number}.png", num_diff_pixels=number) for number in range(5)]
    given: Any = Rows(written, {})
    if form == "table":
        results.write(tmp_path / "results.csv", written)
        given = results.load(tmp_path / "results.csv")[::-1][::-1]
    results.write_parquet(given, tmp_path / "results.parquet")
    file = parquet.ParquetFile(tmp_path / "results.parquet")
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [2, 2, 1]
    assert file.read_row_group(1, ["num_diff_pixels"]).to_pydict() == {"num_diff_pixels": [2, 3]}
    assert columns(tmp_path / "results.parquet")["image_filename"] == [
        each.image_filename for each in written
    ]


def test_text_is_as_in_the_csv_without_a_guard(tmp_path: Path) -> None:
    """What UTF-8 cannot hold is escaped there; a formula is only one in a spreadsheet."""
    results.write_parquet(
        Rows([row("=1.png", "a \udcff"), row("日.png", "b")], {}), tmp_path / "results.parquet"
    )
    found = columns(tmp_path / "results.parquet")
    assert found["image_filename"] == ["=1.png", "日.png"]
    assert found["messages"] == ["a \\udcff", "b"]


def test_what_is_known_of_the_run_is_there_but_not_where(tmp_path: Path) -> None:
    run = {"stamp": "20260102-030405", "complete": True, "first": "/home/me/first", "options": {"skip": 1}}
    results.write_parquet(Rows([row("a.png")], run), tmp_path / "results.parquet")
    told = json.loads(parquet.read_schema(tmp_path / "results.parquet").metadata[b"mymodules"])
    assert told == {"stamp": "20260102-030405", "complete": True, "options": {"skip": 1}}


def test_other_columns_are_left_out_and_wrong_ones_refused(tmp_path: Path) -> None:
    results.write(tmp_path / "results.csv", [row("a.png")])
    frame = results.load(tmp_path / "results.csv").assign(decision="accept", metric_mine=2.5)
    path = tmp_path / "results.parquet"
    results.write_parquet(frame, path)
    assert tuple(columns(path)) == (*COLUMNS, "metric_mine")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="column seconds holds something else"):
        results.write_parquet(frame.assign(seconds="long"), path)
    assert path.read_bytes() == before
    with pytest.raises(SettingsError, match="no column image_filename"):
        results.write_parquet(frame.drop(columns="image_filename"), path)


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
    said = r"needs the package pyarrow\. Type: .* install .*pyarrow"
    with pytest.raises(SettingsError, match=said):
        results.write_parquet(Rows([], {}), tmp_path / "results.parquet")
    line = ["compare", str(made.first), str(made.second), "--out", str(made.out)]
    assert cli.main([*line, "--parquet", str(tmp_path / "results.parquet")]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert list(made.out.iterdir()) == []
