"""Resumed runs: what they keep, what they compare again, and what they refuse."""

import json
import shutil
from pathlib import Path

import pytest
from support.programs import COUNTS, Folders, figures, mixed
from support.resuming import again, drawn, partial_of
from support.samples import NOISE

from mymodules import batch, results, settings
from mymodules.comparison import drawing_files
from mymodules.errors import ResultsError, SettingsError
from mymodules.results import runfiles

pytestmark = pytest.mark.usefixtures("without_store")


def test_resume_does_only_the_rest(given: Folders, expected: batch.Run) -> None:
    run = batch.run(*given)
    before = {path: path.stat().st_mtime_ns for path in run.pictures_dir.glob("*.png")}
    partial = partial_of(run, lambda name: name != "changed 04.png")
    resumed, redone = again(partial)
    assert redone == {"changed 04.png"}
    assert figures(resumed.csv_path) == figures(expected.csv_path)
    assert (resumed.csv_path, resumed.pictures_dir) == (run.csv_path, run.pictures_dir)
    assert resumed.counts == run.counts
    after = {path: path.stat().st_mtime_ns for path in run.pictures_dir.glob("*.png")}
    assert {path.name[:14] for path in after if after[path] != before[path]} == {"changed 04.png"}
    assert not partial.exists()


def test_resume_of_a_finished_run_does_nothing(given: Folders) -> None:
    run = batch.run(*given)
    before = run.csv_path.read_bytes()
    resumed = batch.run(resume=run.csv_path, on_progress=pytest.fail)
    assert resumed.csv_path.read_bytes() == before
    assert drawn(resumed) == drawn(run)
    assert resumed.counts == run.counts
    manifest = runfiles.read_manifest(run.csv_path.with_suffix(".json"))
    assert (manifest["complete"], manifest["counts"]) == (True, run.counts)


def test_a_resumed_run_decodes_equal_pairs_if_it_did_before(own: Folders) -> None:
    for folder in own[:2]:
        (folder / "spoilt.png").write_bytes(NOISE)
    run = batch.run(*own, check_pixels=True)
    resumed, redone = again(partial_of(run, lambda name: name != "spoilt.png"))
    assert redone == {"spoilt.png"}
    assert resumed.counts == run.counts
    plain = batch.run(*own)
    assert plain.counts["error"] == run.counts["error"] - 1
    with pytest.raises(SettingsError, match="check_pixels=False"):
        batch.run(resume=plain.csv_path, check_pixels=True)


def test_a_resumed_run_finds_out_what_moved_if_it_did_before(own: Folders) -> None:
    run = batch.run(*own, moves=False)
    resumed, redone = again(partial_of(run, lambda name: name < "changed 05"))
    assert redone
    assert {row.changes for row in results.read(resumed.csv_path)} == {None}
    with pytest.raises(SettingsError, match="moves=True"):
        batch.run(resume=batch.run(*own).csv_path, moves=False)


def test_truncated_last_line_is_dropped(given: Folders, expected: batch.Run) -> None:
    partial = partial_of(batch.run(*given), lambda name: name < "changed 05")
    whole = partial.read_bytes()
    partial.write_bytes(whole[:-30])
    rows = len(results.read_partial(partial))
    reports: list[batch.Progress] = []
    run = batch.run(resume=partial, on_progress=reports.append)
    assert reports[0].done == rows + 1
    assert rows == 6
    assert figures(run.csv_path) == figures(expected.csv_path)


def test_row_is_kept_only_while_both_files_are_what_they_were(own: Folders) -> None:
    run = batch.run(*own)
    (own.first / "changed 01.png").write_bytes((own.first / "changed 02.png").read_bytes())
    (own.second / "changed 03.png").write_bytes((own.first / "changed 03.png").read_bytes())
    (own.second / "changed 05.png").unlink()
    (own.second / "gone.png").write_bytes((own.first / "gone.png").read_bytes())
    (own.first / "changed 07.png").unlink()
    (own.second / "changed 07.png").unlink()
    (own.second / "later.png").write_bytes((own.second / "new.png").read_bytes())
    resumed, redone = again(run.csv_path)
    assert redone == {*(f"changed 0{number}.png" for number in (1, 3, 5)), "gone.png", "later.png"}
    rows = {row.image_filename: row for row in results.read(resumed.csv_path)}
    found = [rows[f"changed 0{number}.png"].status for number in (1, 3, 5)]
    assert found == ["changed", "same", "missing"]
    assert rows["gone.png"].code == "bytes_equal"
    assert "changed 07.png" not in rows
    assert not [*resumed.pictures_dir.rglob("changed 07.png*")]
    assert len(resumed.pictures("changed 01.png")) == len(drawing_files.ENDINGS)
    assert resumed.pictures("changed 03.png") == resumed.pictures("changed 05.png") == ()
    fresh = batch.run(*own)
    assert figures(fresh.csv_path) == figures(resumed.csv_path)


@pytest.mark.parametrize("code", ["vanished", "permission", "worker_died", "changed_during_run", "internal"])
def test_what_says_more_about_that_run_is_done_again(given: Folders, expected: batch.Run, code: str) -> None:
    run = batch.run(*given)
    rows = results.read(run.csv_path)
    rows[4] = rows[4]._replace(status="error", code=code)
    partial = runfiles.partial_path(given.out, str(runfiles.stamp_of(run.csv_path)))
    with results.PartialWriter(partial, rows):
        run.csv_path.unlink()
    resumed, redone = again(partial)
    assert redone == {rows[4].image_filename}
    assert figures(resumed.csv_path) == figures(expected.csv_path)


def test_missing_drawings_are_made_again(given: Folders) -> None:
    run = batch.run(*given)
    run.pictures("changed 02.png")[3].unlink()
    resumed, redone = again(run.csv_path)
    assert redone == {"changed 02.png"}
    assert len(resumed.pictures("changed 02.png")) == len(drawing_files.ENDINGS)


def test_drawings_that_must_move_are_made_again(own: Folders) -> None:
    """A new name collides with an old one, so both are drawn elsewhere."""
    run = batch.run(*own)
    for folder in (own.first, own.second):
        shutil.copy(folder / "changed 00.png", folder / "CHANGED 00.png")
    resumed, redone = again(run.csv_path)
    assert redone == {"changed 00.png", "CHANGED 00.png"}
    names = [path.name for name in sorted(redone) for path in resumed.pictures(name)]
    assert len(names) == 2 * len(drawing_files.ENDINGS)
    assert "changed 00.png-1.orig.png" not in names
    assert not (resumed.pictures_dir / "changed 00.png-1.orig.png").exists()


def test_options_of_the_run_are_kept(given: Folders) -> None:
    run = batch.run(*given, skip_until=2, stop_at=9, pictures="none")
    partial = partial_of(run, lambda name: name < "changed 03")
    resumed = batch.run(resume=partial, skip_until=2, pictures="none")
    assert sum(resumed.counts.values()) == 7
    assert drawn(resumed) == []
    for how in ({"skip_until": 1}, {"stop_at": 8}, {"pictures": "all"}):
        with pytest.raises(SettingsError, match=next(iter(how))):
            batch.run(resume=run.csv_path, **how)  # type: ignore[arg-type]


def test_other_roots_are_refused(given: Folders, tmp_path: Path) -> None:
    own = mixed(tmp_path / "own")
    run = batch.run(*given)
    before = run.csv_path.read_bytes()
    for named in ({"first": own.first}, {"second": own.second}):
        with pytest.raises(SettingsError, match=r"first were|second were"):
            batch.run(resume=run.csv_path, **named)
    resumed = batch.run(given.first, given.second, given.out, resume=run.csv_path)
    assert resumed.csv_path.read_bytes() == before


def test_other_options_are_refused(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run = batch.run(*given)
    chosen = settings.resolve(None, *given, max_pixels=99)
    monkeypatch.setattr(settings, "_current", chosen)
    with pytest.raises(SettingsError, match="options were"):
        batch.run(resume=run.csv_path)


def test_other_versions_are_refused(given: Folders) -> None:
    run = batch.run(*given)
    path = run.csv_path.with_suffix(".json")
    manifest = runfiles.read_manifest(path)
    manifest["versions"]["numpy"] = "1.0"
    runfiles.write_manifest(path, manifest)
    with pytest.raises(SettingsError, match="versions were"):
        batch.run(resume=run.csv_path)


def test_foreign_files_are_refused(given: Folders) -> None:
    for name in ("table.csv", "results.csv", "results-20240506-070809.json"):
        (given.out / name).write_text("a,b\n")
        with pytest.raises(SettingsError, match="not a results file"):
            batch.run(resume=given.out / name)
    foreign = given.out / "results-20240506-070809.csv"
    with pytest.raises(ResultsError, match="cannot be read"):
        batch.run(resume=given.out / "results-20240506-070810.csv")
    for manifest in ({}, {"first": "a"}):
        foreign.with_suffix(".json").write_text(json.dumps(manifest))
        foreign.write_text("a,b\n")
        with pytest.raises(ResultsError, match="Begin a new run"):
            batch.run(resume=foreign)
    run = batch.run(*given)
    run.csv_path.write_text("a,b\n1,2\n")
    with pytest.raises(ResultsError, match="no column"):
        batch.run(resume=run.csv_path)
    assert run.csv_path.read_text() == "a,b\n1,2\n"


def test_resume_from_a_relative_path_and_home(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run = batch.run(*given)
    monkeypatch.chdir(given.out)
    assert batch.run(resume=run.csv_path.name).csv_path == run.csv_path
    monkeypatch.setenv("HOME", str(given.out))
    assert batch.run(resume=f"~/{run.csv_path.name}").csv_path == run.csv_path


def test_moved_output_folder_is_resumed_where_it_is(given: Folders, tmp_path: Path) -> None:
    partial = partial_of(batch.run(*given), lambda name: name < "changed 05")
    given.out.rename(tmp_path / "moved")
    run = batch.run(resume=tmp_path / "moved" / partial.name)
    assert run.csv_path.parent == run.pictures_dir.parent == tmp_path / "moved"
    assert run.counts == COUNTS
    assert len(run.pictures("changed 11.png")) == len(drawing_files.ENDINGS)
    manifest = runfiles.read_manifest(run.csv_path.with_suffix(".json"))
    assert manifest["out"] == str(tmp_path / "moved")
    assert manifest["pictures_dir"] == str(run.pictures_dir)
