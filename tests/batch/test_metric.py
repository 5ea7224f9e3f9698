"""A metric of one's own in a run: its column, its failures, and which rows are taken for it from a store."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import pngs, report_files
from support.programs import Folders
from support.reusing import settle

from mymodules import batch, images, report, results
from mymodules.batch import Run
from mymodules.errors import SettingsError
from mymodules.metrics import Metric
from mymodules.pages import display
from mymodules.pages.rows import ShownRows
from mymodules.results import runfiles
from mymodules.store import NOW, DiffStore

GRAY = np.full((9, 7, 3), 100)


def green(first: np.ndarray, second: np.ndarray) -> float:
    """How much more green the second picture has, on average."""
    return float(second[..., 1].mean() - first[..., 1].mean())


def taller(first: np.ndarray, second: np.ndarray) -> int:
    return len(second) - len(first)


def changed(by: int) -> np.ndarray:
    other = GRAY.copy()
    other[:, :, 1] += by
    return other


@pytest.fixture
def given(tmp_path: Path) -> list[Path]:
    """Two folders with a pair of every status, and one for results."""
    folders = [tmp_path / name for name in ("first", "second", "out")]
    for folder in folders:
        folder.mkdir()
    first, second, _ = folders
    data = pngs.write(GRAY, 2, 8)
    for folder, name, content in (
        (first, "changed.png", data),
        (second, "changed.png", pngs.write(changed(30), 2, 8)),
        (first, "deep.png", pngs.write(GRAY * 257, 2, 16)),
        (second, "deep.png", pngs.write(changed(3) * 257, 2, 16)),
        (first, "same.png", data),
        (second, "same.png", data),
        (first, "tall.png", data),
        (second, "tall.png", pngs.write(GRAY[:5], 2, 8)),
        (first, "broken.png", data[:40]),
        (second, "broken.png", data),
        (first, "gone.png", data),
        (second, "new.png", pngs.write(changed(1), 2, 8)),
    ):
        (folder / name).write_bytes(content)
    return folders


def run(given: list[Path], metric: Any, **options: Any) -> Run:
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*given, executor=executor, metric=metric, **({"store": None} | options))


def column(frame: pd.DataFrame, name: str) -> dict[str, float | None]:
    values = frame.set_index("image_filename")[name]
    assert values.dtype == np.float64
    return {key: None if value != value else value for key, value in values.items()}


UNKNOWN = {"broken.png": None, "gone.png": None, "new.png": None}
GREEN = UNKNOWN | {"changed.png": 30.0, "deep.png": 3.0, "same.png": 0.0, "tall.png": 0.0}


def test_it_fills_the_last_column(given: list[Path]) -> None:
    done = run(given, green)
    frame = done.frame()
    assert list(frame.columns) == [*results.COLUMNS, "metric_green"]
    assert column(frame, "metric_green") == GREEN
    header = done.csv_path.read_text(encoding="utf-8-sig").splitlines()[0]
    assert header == ",".join([*results.COLUMNS, "metric_green"])
    assert column(run(given, taller, pictures="none").frame(), "metric_taller") == {
        name: value and -4.0 if name == "tall.png" else value and 0.0 for name, value in GREEN.items()
    } | {"tall.png": -4.0}


def test_the_other_columns_are_those_of_a_run_without_it(given: list[Path]) -> None:
    rows = [results.read(run(given, metric, pictures="all").csv_path) for metric in (None, green)]
    without, beside = ([row._replace(seconds=None, custom=()) for row in found] for found in rows)
    assert beside == without


def test_it_is_sent_to_processes_by_value(given: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from a module that they cannot import, with what it refers to there."""
    own = ModuleType("a_module_of_the_caller")
    own.__file__ = str(given[2] / "a_module_of_the_caller.py")
    monkeypatch.setitem(sys.modules, own.__name__, own)
    code = "WEIGHT = 2\ndef weighed(value):\n    return WEIGHT * value\n"
    code += "def green(first, second):\n    return weighed(second[..., 1].mean() - first[..., 1].mean())\n"
    exec(code, own.__dict__)
    done = batch.run(*given, metric=own.green, num_processors=1, store=None)  # type: ignore[attr-defined]
    doubled = {name: value and 2 * value for name, value in GREEN.items()}
    assert column(done.frame(), "metric_green") == doubled


def raises(first: np.ndarray, second: np.ndarray) -> float:
    raise KeyError("no such channel")


def writes(first: np.ndarray, second: np.ndarray) -> float:
    first[:] = 0
    return 0.0


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (raises, "KeyError: 'no such channel'."),
        (writes, "ValueError: assignment destination is read-only."),
        (lambda first, second: float("nan"), "ValueError: it returned nan, which is not a figure."),
        (lambda first, second: None, "ValueError: it returned None, which is not a figure."),
        (lambda first: 1, "TypeError: "),
    ],
    ids=["raises", "writes", "nan", "nothing", "one argument"],
)
def test_a_failure_costs_its_value_only(given: list[Path], function: Any, why: str) -> None:
    with_it = results.read(run(given, Metric.of(function, name="mine")).csv_path)
    without = results.read(run(given, None).csv_path)
    for row, expected in zip(with_it, without, strict=True):
        assert row.custom == (("mine", None),)
        compared = expected.num_diff_pixels is not None
        assert (
            f"The metric mine has no value: {why}" in row.messages
            if compared
            else "metric" not in row.messages
        )
        bare = row._replace(messages="", seconds=None, custom=())
        assert bare == expected._replace(messages="", seconds=None)


@pytest.mark.parametrize("trusted", [False, True], ids=["new files", "old files"])
def test_rows_of_a_store_are_taken_for_the_same_metric_only(given: list[Path], trusted: bool) -> None:
    """By the contents of files, and of old ones by their times, without reading them."""
    if trusted:
        settle(Folders(*given))

    def reused(metric: Any) -> int:
        done = run(given, metric, store=".store")
        assert column(done.frame(), f"metric_{Metric.of(metric).name}") == GREEN
        return done.reused

    compared = 6  # all but the broken one, which is always tried again
    first, second = (Metric.of(green, version=version) for version in (1, 2))
    assert [reused(metric) for metric in (first, first, second, second)] == [0, compared, 0, compared]
    assert reused(green) == 0
    assert reused(green) == compared
    assert reused(Metric.of(green, name="other", version=1)) == 0
    without = run(given, None, store=".store")
    assert without.reused == 0
    assert list(without.frame().columns) == list(results.COLUMNS)


def test_a_store_knows_the_newest_values_of_each_metric(given: list[Path]) -> None:
    digests = [images.digest((given[side] / "changed.png").read_bytes()) for side in (0, 1)]
    for metric in (Metric.of(taller, name="green", version=1), green, taller, None):
        run(given, metric, store=".store")
    with DiffStore(given[2] / ".store") as store:
        (found,) = store.get(NOW, digests[0], digests[1:]).values()
    assert dict(found.others) == {"green": 30.0, "taller": 0.0}
    assert found.num_diff_pixels == GRAY[..., 0].size
    assert found.to_json()["diffs"]["green"] == 30.0


def test_a_row_without_a_value_is_compared_again(given: list[Path]) -> None:
    failing, mended = (Metric.of(function, name="mine", version=1) for function in (raises, green))
    run(given, failing, store=".store")
    done = run(given, mended, store=".store")
    assert done.reused == 2  # what only one folder has
    assert column(done.frame(), "metric_mine") == GREEN


def test_a_stopped_run_is_continued_with_the_same_metric(given: list[Path]) -> None:
    done = 0

    def stop(_: object) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(given, Metric.of(green, version=1), on_progress=stop)
    (partial,) = given[2].glob("*.partial.csv")
    kept = results.read_partial(partial)
    assert [row.custom for row in kept] == [(("green", GREEN[row.image_filename]),) for row in kept]
    assert len(kept) == 3
    frame = results.load(partial)
    assert column(frame, "metric_green") == {row.image_filename: GREEN[row.image_filename] for row in kept}
    for other in (None, Metric.of(green, version=2), Metric.of(taller, version=1)):
        with pytest.raises(
            SettingsError, match="was begun with metric=green in version 1: resume it with that"
        ):
            batch.run(*given[:2], resume=partial, metric=other)
    with ThreadPoolExecutor(1) as executor:
        ended = batch.run(
            *given[:2], resume=partial, metric=Metric.of(green, version=1), executor=executor, store=None
        )
    assert column(ended.frame(), "metric_green") == GREEN
    assert runfiles.read_manifest(ended.csv_path.with_suffix(".json"))["metric"] == ["green", "1"]


def test_a_run_without_one_is_not_continued_with_one(given: list[Path]) -> None:
    done = run(given, None)
    with pytest.raises(SettingsError, match="was begun with no metric"):
        batch.run(*given[:2], resume=done.csv_path, metric=green)


def test_it_is_in_viewer_report_and_files_for_build_servers(given: list[Path], tmp_path: Path) -> None:
    frame = run(given, green).frame()
    report.document(frame, tmp_path / "x.json")
    rows = json.loads((tmp_path / "x.json").read_bytes())["rows"]
    assert {row["image_filename"]: row["metric_green"] for row in rows} == GREEN
    report.junit(frame, tmp_path / "x.xml")
    assert "\nmetric_green: 30.0\n" in (tmp_path / "x.xml").read_text(encoding="utf-8")
    page = report_files.content(report.write(frame, tmp_path / "report.html", embed=True))
    assert ["green", 30.0] in next(row["metrics"] for row in page["rows"] if row["name"] == "changed.png")
    assert {"key": "metric_green", "label": "green", "title": "green", "falls": True} in page["columns"]
    shown = ShownRows.of(frame, display.folders(frame))
    assert shown.record("changed.png")["metrics"] == [["green", 30.0]]
    assert "metrics" not in shown.record("gone.png")
