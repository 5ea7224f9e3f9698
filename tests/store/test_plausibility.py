"""Rows that no run could have written: each differs in one thing from one that a run writes."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs import COUNTS, TOTAL, mixed
from support.recorded import ROW

from mymodules import batch, results
from mymodules.regions import Region
from mymodules.results import runfiles
from mymodules.row import PairResult
from mymodules.rules import Limits, Rule, Rules
from mymodules.store import snapshots
from mymodules.store.plausibility import is_possible
from mymodules.store.records import Records, fingerprint
from mymodules.store.snapshots import Counts
from mymodules.store.values import StoredRow

CONDITIONS = fingerprint({})
RULED = f"{CONDITIONS}.png/{'0' * 32}"
EDIT = "edit 1 2 3 4 1 2 3 4 16 125 0 0123 4567"
CHANGED = ROW._replace(
    region_pixels=(16,), px_changed=10, px_inserted=1, px_removed=2, px_moved=3, px_tolerated=0, px_masked=0,
    listed=EDIT, changes=1, verdict="changed", second_filename=None,
)  # fmt: skip
KEPT = CHANGED._replace(
    messages="", verdict="tolerated", px_changed=0, px_tolerated=10,
    rules='{"0":{"tolerated":10,"changes":1}}', listed=f"{EDIT} 0+11",
)  # fmt: skip
SAME = CHANGED._replace(
    status="same", verdict="same", code="pixels_equal", num_diff_pixels=0, pixel_diff_percent=0.0,
    regions=(), region_pixels=(), px_changed=0, px_inserted=0, px_removed=0, px_moved=0, listed="", changes=0,
)  # fmt: skip
MISSING = PairResult(
    None, "a.png", "It is only in first.", "missing", "only_first", width_first=5, height_first=7,
    first_digest=ROW.first_digest, verdict="missing",
)  # fmt: skip


@pytest.mark.parametrize(
    ("row", "conditions"), [(CHANGED, CONDITIONS), (KEPT, RULED), (SAME, CONDITIONS), (MISSING, CONDITIONS)]
)
def test_what_a_run_writes_is_possible(row: PairResult, conditions: str) -> None:
    assert is_possible(row, conditions, 0)


def edit(*, box: str = "1 2 3 4", pixels: str = "16", more: str = "") -> dict[str, object]:
    return {"listed": f"edit {box} {box} {pixels} 125 0 0123 4567{more}"}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "same"},
        {"status": "missing"},
        {"status": "extra", "code": "only_second"},
        {"code": "nonsense"},
        {"code": "dimensions_differ"},
        {"code": "low_bits_differ"},
        {"verdict": "tolerated"},
        {"verdict": "fine"},
        {"rules": "{}"},
        {"px_changed": 0, "px_tolerated": 10},
        {"px_changed": 11},
        {"px_changed": 12, "px_moved": -1, "px_inserted": 0},
        {"px_changed": None},
        {"num_diff_pixels": 500 * 500 + 1, "region_pixels": None, "px_changed": 500 * 500 - 5},
        {"num_diff_pixels": None},
        {"num_diff_pixels": -1},
        {"width_first": 10**12, "width_second": 10**12},
        {"width_first": 499},
        {"height_second": 0},
        {"width_first": None},
        {"second_digest": None},
        {"dim_differ": True},
        {"max_diff_r": 256},
        {"pixel_diff_percent": 100.5},
        {"combined": -1.0},
        {"seconds": -1.0},
        {"rename_score": 1.5},
        {"regions": None},
        {"regions": (), "region_pixels": ()},
        {"regions": (Region(499, 2, 2, 4),)},
        {"regions": (Region(-1, 2, 3, 4),)},
        {"region_pixels": (8, 8)},
        {"region_pixels": (15,)},
        {"changes": 2},
        {"listed": ""},
        {"listed": "edit 1 2"},
        {"listed": EDIT.replace("edit", "vanish")},
        edit(box="498 2 3 4"),
        edit(box="-1 2 3 4"),
        edit(box="0 0 99999999 99999999"),
        edit(pixels="250001"),
        edit(more=" 0"),
        {"custom": (("", 1.0),)},
    ],
    ids=str,
)
def test_a_row_that_contradicts_itself_is_none(change: dict[str, object]) -> None:
    assert not is_possible(CHANGED._replace(**change), CONDITIONS, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"rules": None},
        {"rules": "[1]"},
        {"rules": '{"0":5}'},
        {"rules": '{"name":{"tolerated":10}}'},
        {"messages": "10 px."},
        {"custom": (("", 1.0),)},
        {"verdict": "same"},
        {"status": "same", "code": "pixels_equal"},
        edit(more=" a"),
        edit(more=" 0 1"),
    ],
    ids=str,
)
def test_nor_is_one_that_rules_cannot_have_left(change: dict[str, object]) -> None:
    assert not is_possible(KEPT._replace(**change), RULED, 0)


@pytest.mark.parametrize(
    "change",
    [{"num_diff_pixels": 0}, {"changes": 0}, {"second_digest": ROW.second_digest}, {"width_second": 5}],
)
def test_nor_is_one_of_a_single_picture_with_figures(change: dict[str, object]) -> None:
    assert not is_possible(MISSING._replace(**change), CONDITIONS, 0)


def test_a_row_without_its_metric_is_possible_under_no_conditions() -> None:
    with_metric = f"{CONDITIONS}:mean:.png"
    assert is_possible(CHANGED._replace(custom=(("", 1.0),)), with_metric, 1)
    assert not is_possible(CHANGED, with_metric, 1)
    assert not is_possible(CHANGED._replace(messages=""), with_metric, 1)


# --- real runs ---------------------------------------------------------------------------------------


def mean(first: np.ndarray, second: np.ndarray) -> float:
    return float(first.mean() - second.mean())


SETTINGS: dict[str, Any] = {"metric": mean, "pictures": "none", "num_processors": 1}


def store_of(out: Path) -> Path:
    return out / ".store" / "store.sqlite3"


def test_everything_that_a_run_has_kept_comes_in(tmp_path: Path) -> None:
    made, snapshot = mixed(tmp_path), tmp_path / "snapshot"
    rules = Rules((Rule("most", Limits(largest=200)), Rule("few", Limits(pixels=4))))
    batch.run(*made, rules=rules, **SETTINGS)
    with closing(Records(store_of(made.out))) as ran, closing(Records(tmp_path / "other.sqlite3")) as other:
        written = snapshots.write(ran, snapshot)
        kept = [ran.file.read(f"SELECT count(*) FROM {table}")[0][0] for table in ("rows", "searches")]
        assert kept == [TOTAL + COUNTS["changed"], 1], "also what the rules made of each changed pair"
        assert written == sum(kept) - COUNTS["error"]
        assert snapshots.take_in(snapshot, other) == Counts(written, 0, 0)


@pytest.mark.filterwarnings("error")
def test_a_row_that_lacks_its_metric_is_compared_again(tmp_path: Path) -> None:
    """However it came into the store, which goes on for all pairs."""
    made, again = mixed(tmp_path), tmp_path / "again"
    done = batch.run(*made, **SETTINGS)
    store_of(again).parent.mkdir(parents=True)
    with closing(Records(store_of(made.out))) as ran, closing(Records(store_of(again))) as other:
        snapshots.write(ran, tmp_path / "snapshot")
        snapshots.take_in(tmp_path / "snapshot", other)
        found = ran.file.read("SELECT DISTINCT fingerprint FROM rows")
        row = next(row for row in results.read(done.csv_path) if row.status == "changed")
        other.remember_rows([StoredRow(row._replace(custom=()))], found[0][0])
    for recomputed in ({"error": 1, "new": 1}, {"error": 1}):
        later = batch.run(made.first, made.second, again, **SETTINGS)
        assert [each.custom for each in results.read(later.csv_path)] == [
            each.custom for each in results.read(done.csv_path)
        ]
        assert runfiles.manifest_of(later.csv_path)["recomputed"] == recomputed, "with broken.png"
