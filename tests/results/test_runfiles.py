"""The files of a run: no two runs share one, and a manifest says what it was told."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mymodules import look, report, triage
from mymodules.errors import ResultsError, SettingsError
from mymodules.results import runfiles
from mymodules.triage import Decisions
from mymodules.viewer import Viewer

STAMP = "20240102-030405"


def test_a_manifest_is_plain_json(tmp_path: Path) -> None:
    path = runfiles.manifest_path(tmp_path, STAMP)
    manifest = {"second": "日本 \udcff", "first": {"b": 1, "a": [None, True, 0.1]}}
    runfiles.write_manifest(path, manifest)
    assert path.read_bytes().startswith(b'{\n "first": {\n  "a": [')
    assert path.read_bytes().isascii()
    assert runfiles.read_manifest(path) == manifest
    runfiles.write_manifest(path, {})
    assert runfiles.read_manifest(path) == {}
    assert [file.name for file in tmp_path.iterdir()] == [f"results-{STAMP}.json"]


def test_an_exclusive_manifest_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    runfiles.write_manifest(path, {"a": 1}, exclusive=True)
    with pytest.raises(FileExistsError):
        runfiles.write_manifest(path, {"a": 2}, exclusive=True)
    assert runfiles.read_manifest(path) == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.json").write_bytes(data)
    with pytest.raises(ResultsError, match="is not a run's manifest"):
        runfiles.read_manifest(tmp_path / "m.json")


@pytest.mark.parametrize("key", ["first", "second", "out", "options"])
@pytest.mark.parametrize(
    "value",
    [
        True,
        3,
        1.5,
        [1],
        {"max_pixels": "x"},
        {"max_pixels": float("inf")},
        {"max_pixels": None},
        "\0",
        "a:/\0",
    ],
    ids=repr,
)
def test_nonsense_in_a_foreign_manifest_is_told(tmp_path: Path, key: str, value: object) -> None:
    frame = pd.DataFrame({"image_filename": ["a.png"]})
    frame.attrs["run"] = {"first": str(tmp_path), "second": str(tmp_path), "out": str(tmp_path)}
    assert runfiles.folders(frame).out == tmp_path
    frame.attrs["run"][key] = value
    with pytest.raises(SettingsError, match=key):
        runfiles.folders(frame)


@pytest.mark.parametrize("given", ["results.csv", Path("results.csv"), None])
def test_what_is_no_table_is_told(tmp_path: Path, given: object) -> None:
    calls: list[Callable[[Any], object]] = [
        Viewer,
        lambda rows: report.write(rows, tmp_path / "report"),
        lambda rows: report.junit(rows, tmp_path / "junit.xml"),
        triage.approve,
        look.table,
        look.ranked,
        Viewer(pd.DataFrame({"image_filename": ["a.png"]}), run={"first": tmp_path, "second": tmp_path}).show,
    ]
    for call in calls:
        with pytest.raises(SettingsError, match=rf"of type {type(given).__name__}: pass results\.load"):
            call(given)
    with pytest.raises(SettingsError, match=r"about rows.*pass rows of a table"):
        Decisions(tmp_path).decide(given, "accept")  # type: ignore[arg-type]
    assert not any(tmp_path.iterdir())


def test_names_of_a_run(tmp_path: Path) -> None:
    assert runfiles.finished_path(tmp_path, STAMP) == tmp_path / "results-20240102-030405.csv"
    assert runfiles.partial_path(tmp_path, STAMP) == tmp_path / "results-20240102-030405.partial.csv"
    assert runfiles.manifest_path(tmp_path, STAMP) == tmp_path / "results-20240102-030405.json"
    assert runfiles.pictures_path(tmp_path, STAMP) == tmp_path / "03.diff-20240102-030405"
    for path in (runfiles.finished_path, runfiles.partial_path, runfiles.manifest_path):
        assert runfiles.stamp_of(path(tmp_path, f"{STAMP}-12")) == f"{STAMP}-12"


@pytest.mark.parametrize(
    "name",
    ["results.csv", "results-1.csv", f"results-{STAMP}.csv.1.tmp", f"a-results-{STAMP}.csv", f"{STAMP}.csv"],
)
def test_other_names_have_no_stamp(name: str) -> None:
    assert runfiles.stamp_of(name) is None


@pytest.mark.parametrize(
    "taken", ["results-{}.csv", "results-{}.json", "results-{}.partial.csv", "03.diff-{}"]
)
def test_a_taken_stamp_gets_a_number(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken.format(STAMP)).mkdir()
    assert runfiles.reserve(tmp_path, STAMP) == f"{STAMP}-2"
    (tmp_path / taken.format(f"{STAMP}-3")).mkdir()
    assert runfiles.reserve(tmp_path, STAMP) == f"{STAMP}-4"


def test_runs_of_one_second_get_different_stamps(tmp_path: Path) -> None:
    found: list[str] = []
    together = threading.Barrier(8)

    def run() -> None:
        together.wait()
        found.append(runfiles.reserve(tmp_path, STAMP))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([STAMP, *(f"{STAMP}-{number}" for number in range(2, 9))])
