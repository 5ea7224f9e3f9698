"""The JSON document: valid by its schema, and equal to the table that it was made from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
from support.rows import CHANGED, MISSING

from mymodules import batch, report, results, triage
from mymodules.errors import SettingsError
from mymodules.results import runfiles
from mymodules.row import COLUMNS, PairResult

SCHEMA = json.loads(report.SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SAME = PairResult(1.0, "same.png", "Equal byte for byte.", "same", "bytes_equal", 0, 0.0)
BROKEN = PairResult(None, "broken.png", "first cannot be compared.", "error", "truncated")


def written(frame: pd.DataFrame, folder: Path, **options: bool) -> Any:
    path = folder / "results document.json"
    report.document(frame, path, **options)
    found = json.loads(path.read_bytes().decode("ascii"))
    VALIDATOR.validate(found)
    return found


def table(
    folder: Path, *rows: PairResult, stamp: str = "20260102-030405", **manifest: object
) -> pd.DataFrame:
    path = folder / f"results-{stamp}.csv"
    results.write(path, rows)
    if manifest:
        runfiles.write_manifest(path.with_suffix(".json"), {"stamp": stamp, **manifest})
    return results.load(path)


def test_the_schema_is_one_and_knows_every_column() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    row = SCHEMA["properties"]["rows"]["items"]
    assert row["required"] == [*COLUMNS, "decision", "note", "decided_changes", "open_changes"]
    assert [*row["properties"]] == row["required"]
    assert row["properties"]["status"]["enum"] == [*batch.STATUSES]
    assert row["properties"]["decision"]["enum"] == [*triage.DECISIONS, None]
    assert all(each["description"] for each in row["properties"].values())


def test_a_run(run: batch.Run, frame: pd.DataFrame, tmp_path: Path) -> None:
    found = written(frame, tmp_path)
    assert (found["format"], found["version"], found["verdict"]) == ("mymodules-results", 1, "error")
    assert found["counts"] == {"total": len(frame), **run.counts}
    assert found["run"]["first"] == Path(frame.attrs["run"]["first"]).name
    assert found["run"]["stamp"] == runfiles.stamp_of(run.csv_path)
    assert found["run"]["complete"] is True
    rows = results.read(run.csv_path)
    assert len(found["rows"]) == len(rows)
    for record, row in zip(found["rows"], rows, strict=True):
        for name in set(COLUMNS) - {"messages"}:
            assert record[name] == json.loads(json.dumps(getattr(row, name))), name


@pytest.mark.parametrize("write", [report.document, report.junit, report.markdown])
def test_rows_without_pandas_make_the_same_file(
    write: Callable[..., object], run: batch.Run, frame: pd.DataFrame, tmp_path: Path
) -> None:
    write(frame, tmp_path / "table")
    write(results.Rows.read(run.csv_path), tmp_path / "rows")
    assert (tmp_path / "rows").read_bytes() == (tmp_path / "table").read_bytes()


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([], "same"),
        ([SAME], "same"),
        ([SAME, CHANGED], "different"),
        ([SAME, MISSING], "different"),
        ([CHANGED, BROKEN], "error"),
    ],
)
def test_the_verdict_is_that_of_check(tmp_path: Path, rows: list[PairResult], verdict: str) -> None:
    assert written(table(tmp_path, *rows), tmp_path)["verdict"] == verdict


def test_paths_are_named_on_request_only(tmp_path: Path) -> None:
    first, second = tmp_path / "shots" / "before", tmp_path / "shots" / "after"
    broken = BROKEN._replace(messages=f"first cannot be compared: it holds 0 bytes ({first}/x.png).")
    frame = table(tmp_path, broken, first=str(first), second=str(second))
    hidden, named = written(frame, tmp_path), written(frame, tmp_path, paths=True)
    assert hidden["run"]["first"] == "before"
    assert hidden["rows"][0]["messages"] == "first cannot be compared: it holds 0 bytes (before/x.png)."
    assert named["run"]["first"] == str(first)
    assert named["rows"][0]["messages"] == broken.messages


def test_decisions_are_in_the_rows(tmp_path: Path) -> None:
    for role in ("first", "second"):
        (tmp_path / role).mkdir()
    roots = {role: str(tmp_path / role) for role in ("first", "second")}
    frame = table(tmp_path, CHANGED, SAME, **roots, out=str(tmp_path))
    triage.Decisions(tmp_path).decide(frame[:1], "accept", "looks right")
    rows = written(frame, tmp_path)["rows"]
    assert [(row["decision"], row["note"]) for row in rows] == [("accept", "looks right"), (None, None)]


def test_metrics_of_ones_own_are_in_the_rows(tmp_path: Path) -> None:
    frame = table(tmp_path, CHANGED, MISSING).assign(metric_luma=[0.25, float("nan")], other="x")
    rows = written(frame, tmp_path)["rows"]
    assert [row["metric_luma"] for row in rows] == [0.25, None]
    assert "other" not in rows[0]


def test_names_of_every_kind(tmp_path: Path) -> None:
    names = ["a\\xff.png", "変 & <b>.png", "line\nbreak.png", "=1+1.png", '"quote".png']
    frame = table(tmp_path, *(CHANGED._replace(image_filename=name) for name in names))
    assert [row["image_filename"] for row in written(frame, tmp_path)["rows"]] == names


def test_what_is_no_table_of_results_is_refused(tmp_path: Path) -> None:
    frame = table(tmp_path, CHANGED)
    with pytest.raises(SettingsError, match="no status that says what was found"):
        report.document(frame.assign(status=None), tmp_path / "x.json")
    with pytest.raises(SettingsError, match="no column"):
        report.document(frame[["messages"]], tmp_path / "x.json")
    with pytest.raises(SettingsError, match="a row without a name"):
        report.document(frame.assign(image_filename=[None]), tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()
