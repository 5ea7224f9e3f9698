"""Drawings, originals and the files that a run with a store reads."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.programs import Folders, figures, png
from support.reusing import (
    NAMES,
    STILL,
    Asked,
    copies,
    drawn,
    picture,
    row,
    run,
    settle,
    stop_after,
)
from support.samples import with_rows

from mymodules import batch, images, results, settings
from mymodules.batch import reuse
from mymodules.comparison import drawing_files, drawings
from mymodules.store import DiffStore
from mymodules.store.values import DigestedFile

# --- drawings ---------------------------------------------------------------------------------------


def test_drawings_are_the_same_files(given: Folders) -> None:
    before, _ = run(given)
    after, _ = run(given)
    for name in ("changed.png", "below/b.png", "tall.png"):
        inodes = [[path.stat().st_ino for path in done.pictures(name)] for done in (before, after)]
        assert inodes[0] == inodes[1]
        assert len(inodes[0]) == len(drawing_files.ENDINGS)


def test_drawings_are_copied_where_files_have_one_name_only(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("not here")

    before, _ = run(given)
    monkeypatch.setattr(os, "link", refuse)
    after, compared = run(given)
    assert compared == STILL
    assert drawn(after) == drawn(before)
    assert after.pictures("changed.png")[0].stat().st_nlink == 1


@pytest.mark.parametrize("gone", ["one", "all", "folder"])
def test_drawings_that_are_gone_are_made_again(given: Folders, gone: str) -> None:
    before, _ = run(given)
    made = drawn(before)
    for path in before.pictures("changed.png")[: 1 if gone == "one" else None]:
        path.unlink()
    if gone == "folder":
        shutil.rmtree(before.pictures_dir)
    names = ["below/b.png", "changed.png", "tall.png"] if gone == "folder" else ["changed.png"]
    after, compared = run(given)
    assert compared == sorted(STILL + names)
    assert after.recomputed == {"error": 1, "drawings missing": len(names)}
    assert drawn(after) == made
    assert run(given)[1] == STILL


@pytest.mark.parametrize("harm", ["cut", "overwritten", "empty", "link", "older"])
def test_drawings_that_somebody_else_has_written_are_made_again(given: Folders, harm: str) -> None:
    before, _ = run(given)
    made = drawn(before)
    drawing = before.pictures("changed.png")[2]
    data = drawing.read_bytes()
    if harm == "cut":
        drawing.write_bytes(data[:-9])
    elif harm == "overwritten":
        drawing.write_bytes(bytes(len(data)))
    elif harm == "empty":
        drawing.write_bytes(b"")
    elif harm == "older":
        os.utime(drawing, ns=(0, 10**18))
    elif os.name == "nt":
        pytest.skip("links need rights there")
    else:
        drawing.rename(given.out / "away.png")
        drawing.symlink_to(given.out / "away.png")
    after, compared = run(given)
    assert compared == ["broken.png", "changed.png"]
    assert after.reasons["changed.png"] == "drawings missing"
    assert drawn(after) == made
    assert run(given)[1] == STILL


def test_a_copy_is_not_written_into_another_runs_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("not here")

    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "another run").write_bytes(b"old")
    os.link(tmp_path / "another run", tmp_path / "target")
    monkeypatch.setattr(os, "link", refuse)
    reuse._link(tmp_path / "new", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "another run").read_bytes() == b"old"


def test_runs_with_and_without_drawings_share_a_store(given: Folders) -> None:
    changed = ["below/b.png", "changed.png", "tall.png"]
    assert run(given, pictures="none")[1] == NAMES
    assert run(given, pictures="none")[1] == STILL
    done, compared = run(given)
    assert compared == sorted(STILL + changed)
    assert done.recomputed["drawings missing"] == len(changed)
    everything, compared = run(given, pictures="all")
    assert compared == ["broken.png", "same.png"]
    for which in ("none", "changed", "none", "all"):
        again, compared = run(given, pictures=which)
        assert compared == STILL  # a run without drawings does not forget where they are
    assert drawn(again) == drawn(everything)
    assert figures(again.csv_path) == figures(done.csv_path)


def test_a_row_whose_drawings_failed_is_not_handed_on(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(drawings.Drawing, "write", refuse)
        assert "No space" in row(run(given)[0], "changed.png").messages
    done, compared = run(given, pictures="none")
    assert compared == ["below/b.png", "broken.png", "changed.png", "tall.png"]
    assert "No space" not in row(done, "changed.png").messages


def test_a_pair_that_is_too_large_to_draw(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each side may be small enough while both together are not."""
    (given.first / "cross.png").write_bytes(picture(1, 120))
    flat = np.random.default_rng(2).integers(0, 256, (20, 200, 3), np.uint8)
    (given.second / "cross.png").write_bytes(png(flat))
    monkeypatch.setattr(settings, "_current", settings.resolve(None, *given, max_pixels=5000))
    assert "cross.png" in run(given, pictures="none")[1]
    before, compared = run(given)
    assert "cross.png" in compared
    assert "not drawn" in row(before, "cross.png").messages
    after, compared = run(given)
    assert compared == STILL
    assert row(after, "cross.png") == row(before, "cross.png")
    assert after.pictures("cross.png") == ()


# --- which files are read ---------------------------------------------------------------------------


def test_a_touched_file_is_read_again_and_its_row_taken(given: Folders, opened_files: list[Path]) -> None:
    run(given)
    touched = given.second / "changed.png"
    os.utime(touched)
    settle(given)
    assert run(given)[1] == STILL
    assert opened_files == [touched]
    assert run(given)[1] == STILL
    assert opened_files == [touched]


@pytest.mark.skipif(os.name == "nt", reason="the change time is the time of creation there")
def test_content_that_changes_behind_size_and_time(given: Folders) -> None:
    path = given.second / "changed.png"
    path.write_bytes(picture(1)[:-1] + b"x")
    before = path.stat()
    settle(given)
    run(given)
    path.write_bytes(picture(1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    done, compared = run(given)
    assert "changed.png" in compared
    assert row(done, "changed.png").second_digest == images.digest(picture(1))


def test_a_file_touched_within_the_grain_of_the_clock(given: Folders, opened_files: list[Path]) -> None:
    path = given.second / "changed.png"
    path.touch()
    stat = path.stat()
    run(given)
    opened_files.clear()
    with DiffStore(given.out / ".store") as store:
        store.records.forget_files([])  # what runs found of pairs; files and rows stay
        known = DigestedFile(path, stat, images.digest(path.read_bytes()), stat.st_ctime_ns + 1)
        store.records.remember_files([known])
    assert run(given)[1] == STILL
    assert opened_files == [path]


def test_verify_believes_no_record(given: Folders, opened_files: list[Path]) -> None:
    before, _ = run(given)
    lies = []
    for folder in given[:2]:
        path, digest = folder / "changed.png", images.digest((folder / "tall.png").read_bytes())
        lies.append(DigestedFile(path, path.stat(), digest, 2**62))
    with DiffStore(given.out / ".store") as store:
        store.records.forget_files([])  # what runs found of pairs; files and rows stay
        store.records.remember_files(lies)
    assert row(run(given)[0], "changed.png").code == "dimensions_differ"  # the records are trusted
    assert opened_files == []
    done, compared = run(given, verify=True)
    assert compared == STILL
    assert figures(done.csv_path) == figures(before.csv_path)
    assert sorted(opened_files) == sorted(path for folder in given[:2] for path in folder.rglob("*.png"))
    assert figures(run(given)[0].csv_path) == figures(before.csv_path)  # and the false records are gone


def test_rows_of_pairs_that_were_not_decoded_are_not_taken_where_they_have_to_be(
    given: Folders,
) -> None:
    spoilt = with_rows(picture(80), lambda rows: rows[:-1])
    for folder in given[:2]:
        (folder / "spoilt.png").write_bytes(spoilt)
    assert row(run(given)[0], "spoilt.png").code == "bytes_equal"
    checked, compared = run(given, check_pixels=True)
    assert compared == sorted([*NAMES, "spoilt.png"])
    assert checked.reasons["same.png"] == "options changed"
    assert row(checked, "spoilt.png").code == "corrupt"
    assert run(given, check_pixels=True)[1] == [*STILL, "spoilt.png"]
    assert run(given)[1] == STILL


def test_rows_without_causes_are_not_taken_for_rows_with_them(given: Folders) -> None:
    assert row(run(given, moves=False)[0], "changed.png").changes is None
    known, compared = run(given)
    assert compared == NAMES
    assert known.reasons["changed.png"] == "options changed"
    found = row(known, "changed.png")
    assert found.changes
    assert found.px_changed == found.num_diff_pixels
    assert run(given, moves=False)[1] == run(given)[1] == STILL


def test_a_file_of_a_far_time_is_read_again(given: Folders, opened_files: list[Path]) -> None:
    path = given.second / "changed.png"
    os.utime(path, ns=(0, 2**63 + 10**18))  # or the latest that this file system has
    before, _ = run(given)
    done, compared = run(given)
    assert compared == STILL
    assert figures(done.csv_path) == figures(before.csv_path)
    assert opened_files == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none")
def test_what_is_no_file_is_not_waited_for(given: Folders) -> None:
    os.mkfifo(given.first / "pipe.png")
    (given.second / "pipe.png").write_bytes(picture(1))
    for _ in range(2):
        done, compared = run(given)
        assert "pipe.png" in compared
        assert row(done, "pipe.png").code == "not_a_file"
    assert row(batch.run(resume=done.csv_path), "pipe.png").code == "not_a_file"


def test_what_could_not_be_read_is_tried_again(given: Folders) -> None:
    (given.second / "changed.png").rename(given.out / "away")
    (given.second / "changed.png").symlink_to(given.out / "away")
    (given.second / "same.png").unlink()
    (given.second / "same.png").symlink_to(given.out / "nowhere")
    settle(Folders(given.first, given.first, given.out))
    done, _ = run(given)
    assert row(done, "same.png").code == "vanished"
    done, compared = run(given)
    assert compared == ["broken.png", "same.png"]
    assert done.recomputed == {"error": 2}
    (given.second / "same.png").unlink()
    shutil.copy(given.first / "same.png", given.second / "same.png")
    assert row(run(given)[0], "same.png").code == "bytes_equal"


# --- originals --------------------------------------------------------------------------------------


def test_originals_of_changed_pairs_only_are_kept(given: Folders) -> None:
    done, _ = run(given)
    changed = [row for row in results.read(done.csv_path) if row.status == "changed"]
    expected = {digest for row in changed for digest in (row.first_digest, row.second_digest)}
    assert copies(given) == expected
    assert len(expected) == 6
    with DiffStore(given.out / ".store") as store:
        for row_ in changed:
            assert row_.second_digest is not None
            kept = store.original(row_.second_digest).result()
            assert kept.data == (given.second / row_.image_filename).read_bytes()


def test_a_resumed_run_keeps_originals_of_all_its_pairs(given: Folders) -> None:
    with Asked() as executor, pytest.raises(KeyboardInterrupt):
        batch.run(*given, executor=executor, on_progress=stop_after(6, KeyboardInterrupt))
    assert copies(given) == set()  # an interrupted run does not spend time on copies
    with Asked() as executor:
        batch.run(resume=given.the("*.partial.csv"), executor=executor)
    assert len(copies(given)) == 6


def test_a_run_that_was_begun_without_a_store_keeps_originals_when_it_is_resumed(given: Folders) -> None:
    """The resumed run compared none of its pairs, and the store does not know their files."""
    done, _ = run(given, store=None)
    batch.run(resume=done.csv_path)
    assert len(copies(given)) == 6


def test_no_originals_are_kept(given: Folders) -> None:
    run(given, keep_originals=False)
    assert copies(given) == set()
    run(given)
    assert len(copies(given)) == 6  # also of reused rows
