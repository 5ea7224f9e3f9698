"""What the previous version wrote is still read: results, a manifest, decisions, an approval, a store."""

import json
import math
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest
from support import oracles

from mymodules import batch, images, results, triage
from mymodules.errors import SettingsError
from mymodules.results import runfiles
from mymodules.store import DiffStore

STAMP = "20261126-040942"
PLAIN, MARKED = "0a476d8cdb5b0b15fdd15be4de010961", "3819dfd876c62cf61f4387dbc3c77c77"  # of the pictures
STATUSES = {
    "=only first.png": "missing",
    "bad.png": "error",
    "changed.png": "changed",
    "same.png": "same",
    "ページ/only second.png": "extra",
}
COUNTS = {"same": 1, "changed": 1, "missing": 1, "extra": 1, "error": 1}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The files, moved here."""
    shutil.copytree(oracles.VECTORS / "previous", tmp_path, dirs_exist_ok=True)
    for path in tmp_path.rglob("*.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for name in {"root", "first", "second", "out", "pictures_dir"} & manifest.keys():
            manifest[name] = os.path.normpath(manifest[name].replace("/tmp/previous", str(tmp_path)))
        path.write_text(json.dumps(manifest), encoding="utf-8")
    return tmp_path


def restored(home: Path) -> triage.Restoration:
    (folder,) = (home / "out").glob("approved-*")
    return triage.restore(folder, first=home / "first")


def test_a_finished_table_is_loaded(home: Path) -> None:
    path = home / "out" / f"results-{STAMP}-2.csv"
    frame = results.load(path).set_index("image_filename")
    assert frame.status.to_dict() == STATUSES
    assert frame.attrs["edited"] is False
    assert frame.attrs["run"]["counts"] == COUNTS
    assert frame.attrs["run"]["first"] == str(home / "first")
    changed = frame.loc["changed.png"]
    assert (changed.num_diff_pixels, changed.pixel_diff_percent) == (4, 100 * 4 / 64)
    assert [changed[f"max_diff_{letter}"] for letter in "rgba"] == [15 - 10, 40 - 20, 0, 0]
    assert (changed.ssim_score, changed.seconds) == (0.8176691548959174, 0.008796)
    assert (changed.regions, changed.region_pixels) == ([[2, 3, 2, 2]], None)  # a later column
    assert (changed.first_digest, changed.second_digest) == (PLAIN, MARKED)
    alone = frame.loc["=only first.png"]
    assert (alone.width_first, alone.messages) == (8, "It is only in first.")
    assert math.isnan(alone.ssim_score)
    assert [row.image_filename for row in results.read(path)] == list(STATUSES)


def test_a_begun_table_is_loaded_and_its_run_goes_on(home: Path) -> None:
    """It says when other libraries would measure the rest; where they are the same, its rows are kept."""
    path = home / "out" / f"results-{STAMP}.partial.csv"
    seconds = {"changed.png": 0.020838, "same.png": 0.002017, "=only first.png": 0.000494}
    frame = results.load(path).set_index("image_filename")
    assert frame.seconds.to_dict() == seconds
    assert frame.status.to_dict() == {name: STATUSES[name] for name in seconds}
    assert restored(home).refused == {}
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(SettingsError, match=r"versions were .*tifffile.*Begin a new run"):
            batch.run(resume=path, executor=executor, store=None)
        beside = runfiles.manifest_path(home / "out", STAMP)
        manifest = runfiles.read_manifest(beside)
        manifest["versions"] = {name: version(name) for name in (*manifest["versions"], "tifffile")}
        runfiles.write_manifest(beside, manifest)
        done = batch.run(resume=path, executor=executor, store=None)
    after = done.frame().set_index("image_filename")
    assert after.status.to_dict() == STATUSES
    assert after.seconds[list(seconds)].to_dict() == seconds  # taken as they are
    assert not path.exists()


def test_a_manifest_says_what_it_said(home: Path) -> None:
    manifest = runfiles.read_manifest(home / "out" / f"results-{STAMP}.json")
    assert manifest["complete"] is False
    assert (manifest["pairs"], manifest["stop_at"], manifest["pictures"]) == (5, -1, "none")
    assert manifest["options"] == {"max_pixels": 250_000_000}


def test_decisions_hold_and_go_on(home: Path) -> None:
    decisions = triage.Decisions(home / "out")
    accepted = triage.Row("changed.png", PLAIN, MARKED)
    rejected = triage.Row("=only first.png", MARKED, "")
    assert decisions.of(accepted) == ("accept", "as designed")
    assert decisions.of(rejected) == ("reject", "")
    before = decisions.path.read_bytes()
    decisions.undo()
    assert decisions.of(rejected) == ("", "")
    assert decisions.path.read_bytes().startswith(before)


def test_an_approval_is_taken_back(home: Path) -> None:
    path = home / "first" / "changed.png"
    assert images.digest(path) == MARKED
    done = restored(home)
    assert (done.restored, done.refused) == (("changed.png",), {})
    assert images.digest(path) == PLAIN


def test_a_store_keeps_its_pictures_and_believes_no_row_of_another_algorithm(home: Path) -> None:
    root = home / "out" / "store"
    with DiffStore(root) as store:
        assert images.digest(store.original(PLAIN).result(60).data) == PLAIN
        assert images.digest(store.original(MARKED).result(60).data) == MARKED
    restored(home)
    files = sorted(path.name for path in root.iterdir())
    folders = home / "first", home / "second", home / "out"
    with ThreadPoolExecutor(1) as executor:
        first = batch.run(*folders, executor=executor, store=root)
        second = batch.run(*folders, executor=executor, store=root)
    assert (first.counts, first.reused) == (COUNTS, 0)
    assert (second.counts, second.reused) == (COUNTS, 4)  # an error is always tried again
    changed = second.frame().set_index("image_filename").loc["changed.png"]
    assert (changed.regions, changed.region_pixels) == ([[2, 3, 2, 2]], [4])
    assert sorted(path.name for path in root.iterdir()) == files  # none is set aside as damaged
