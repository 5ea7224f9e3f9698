"""The results of a run as a table of pandas, and which run is the newest."""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import rows
from support.rows import CHANGED, MISSING, missing_as_none

from mymodules import results
from mymodules import settings as folders
from mymodules.errors import ResultsError
from mymodules.results import COLUMNS, runfiles
from mymodules.row import verdict_of
from mymodules.workers import PairResult

STAMP = "20240102-030405"


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output folder of the settings."""
    chosen = folders.Settings(tmp_path, tmp_path / "first", tmp_path / "second", tmp_path)
    monkeypatch.setattr(folders, "recorded", lambda: chosen)
    return tmp_path


@settings(max_examples=30)
@given(st.lists(rows.rows, max_size=5))
@example([MISSING._replace(image_filename="NA", messages="", code="nan", status="None")])
def test_a_table_holds_the_same(written: list[PairResult]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.csv")
        results.write(path, written)
        frame = results.load(path)
    assert list(frame.columns) == list(COLUMNS)
    for name in COLUMNS:
        expected = [getattr(row, name) for row in written]
        if name == "regions":
            expected = [None if value is None else [list(box) for box in value] for value in expected]
        elif name == "region_pixels":
            expected = [None if value is None else list(value) for value in expected]
        elif name == "verdict":
            expected = [verdict_of(row.status, row.verdict) for row in written]
        assert missing_as_none(frame[name]) == expected


def test_dtypes_of_a_table(tmp_path: Path) -> None:
    for written in ([CHANGED, MISSING], [MISSING], []):
        results.write(tmp_path / "r.csv", written)
        dtypes = results.load(tmp_path / "r.csv").dtypes
        texts = {
            "image_filename",
            "messages",
            "status",
            "code",
            "first_digest",
            "second_digest",
            "renamed_from",
            "second_filename",
            "rules",
            "verdict",
        }
        for name, dtype in dtypes.items():
            if name in texts:
                assert dtype == "str"
            elif name in {"ssim_score", "pixel_diff_percent", "combined", "seconds", "rename_score"}:
                assert dtype == "float64"
            elif name in {"regions", "region_pixels"}:
                assert dtype == "object"
            else:
                assert dtype == ("boolean" if name == "dim_differ" else "Int64")


def test_a_file_that_pandas_saved_again(tmp_path: Path) -> None:
    """It writes whole numbers beside missing ones as 12.0."""
    path = tmp_path / "r.csv"
    results.write(path, [CHANGED, MISSING])
    pd.read_csv(path).to_csv(path, index=False)
    assert "3.0" in path.read_text("utf-8")
    assert results.load(path)["num_diff_pixels"].iloc[0] == 3
    path.write_text(path.read_text("utf-8").replace(",3.0,", ",3.5,"), "utf-8")
    with pytest.raises(ResultsError, match=r"num_diff_pixels is '3\.5', which is not a whole number"):
        results.load(path)


def test_regions_are_lists(tmp_path: Path) -> None:
    results.write(tmp_path / "r.csv", [CHANGED, MISSING, CHANGED._replace(regions=())])
    assert list(results.load(tmp_path / "r.csv")["regions"]) == [[[1, 2, 3, 4], [50, 6, 7, 8]], None, []]


def test_a_table_goes_through_pandas_own_pickle(tmp_path: Path) -> None:
    results.write(tmp_path / "r.csv", [CHANGED])
    frame = results.load(tmp_path / "r.csv")
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)), frame)


def test_pandas_is_only_imported_for_a_table() -> None:
    code = "import sys; from mymodules import results; sys.exit('pandas' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_looking_for_results_creates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultsError):
        results.load()
    assert list(tmp_path.iterdir()) == []


def run_of(out: Path, stamp: str, name: str) -> None:
    results.write(runfiles.finished_path(out, stamp), [CHANGED._replace(image_filename=name)])


def test_the_newest_finished_run(out: Path) -> None:
    for stamp in ("20240102-030405", "20231231-235959", "20240102-030405-2"):
        run_of(out, stamp, stamp)
    results.write(runfiles.partial_path(out, "20250101-000000"), [])
    runfiles.write_manifest(runfiles.manifest_path(out, "20250101-000000"), {})
    (out / "results-99999999-999999.csv.tmp").touch()
    assert results.load()["image_filename"][0] == "20240102-030405-2"
    run_of(out, "20240102-030405-10", "tenth")
    assert results.load()["image_filename"][0] == "tenth"


def test_the_manifest_comes_with_the_table(out: Path) -> None:
    run_of(out, STAMP, "a.png")
    assert results.load().attrs["run"] == {}
    runfiles.write_manifest(runfiles.manifest_path(out, STAMP), {"first": "/a", "complete": True})
    assert results.load().attrs["run"] == {"first": "/a", "complete": True}
    assert results.load(str(runfiles.finished_path(out, STAMP))).attrs["run"]["complete"] is True
    results.write(runfiles.partial_path(out, STAMP), [CHANGED])
    assert results.load(runfiles.partial_path(out, STAMP)).attrs["run"]["first"] == "/a"


def test_only_unfinished_runs(out: Path) -> None:
    for stamp in (f"{STAMP}-10", f"{STAMP}-2"):
        results.write(runfiles.partial_path(out, stamp), [])
    with pytest.raises(ResultsError) as caught:
        results.load()
    said = str(caught.value)
    assert said.index(f"results-{STAMP}-2.partial.csv") < said.index(f"results-{STAMP}-10.partial.csv")
    assert f"batch.run(resume='{out}/results-{STAMP}-10.partial.csv')".replace("/", os.sep) in said


def test_no_runs_at_all(out: Path) -> None:
    with pytest.raises(ResultsError, match=f"no results in {out.as_posix()}"):
        results.load()


def test_no_output_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen = folders.Settings(tmp_path, tmp_path, tmp_path, tmp_path / "absent")
    monkeypatch.setattr(folders, "recorded", lambda: chosen)
    with pytest.raises(ResultsError, match="absent cannot be read"):
        results.load()
