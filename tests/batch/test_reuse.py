"""Nothing compared twice: what a second run takes from the store, what it compares again and why."""

import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import oracles, pngs
from support.programs import COMPARE, Folders, figures, finished, folders, noisy, png, program, until

from mymodules import batch, images, results, settings
from mymodules.batch import pool, reuse
from mymodules.cli import notes
from mymodules.comparison import drawings
from mymodules.errors import SettingsError
from mymodules.results import csvfile, runfiles
from mymodules.store import FILE, NOW, DiffStore
from mymodules.store.records import DigestedFile
from mymodules.workers import PairResult

NAMES = ["below/b.png", "broken.png", "changed.png", "gone.png", "new.png", "same.png", "tall.png"]
STILL = ["broken.png"]  # what names files in its message is never taken over


def picture(seed: int, height: int = 30) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 256, (height, 40, 3), np.uint8))


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    """One pair of every status, and some more."""
    made = folders(tmp_path)
    for number, folder in enumerate((made.first, made.second)):
        (folder / "below").mkdir()
        (folder / "below" / "b.png").write_bytes(picture(10 + number))
        (folder / "changed.png").write_bytes(picture(20 + number))
        (folder / "tall.png").write_bytes(picture(30, 30 + number))
        (folder / "same.png").write_bytes(picture(40))
        (folder / "broken.png").write_bytes(picture(50)[:-20])
    (made.first / "gone.png").write_bytes(picture(60))
    (made.second / "new.png").write_bytes(picture(70))
    settle(made)
    return made


class Asked(ThreadPoolExecutor):
    """Threads that know which pairs they were given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.names: list[str] = []

    def submit(self, fn: Any, /, *arguments: Any, **options: Any) -> "Future[Any]":
        self.names += [job.pair.name for job in arguments[0]]
        return super().submit(fn, *arguments, **options)


def run(given: Folders, **how: Any) -> tuple[batch.Run, list[str]]:
    """A run and the pairs that it compared, sorted."""
    with Asked() as executor:
        done = batch.run(*given, executor=executor, **how)
    assert done.reused + len(executor.names) == sum(done.counts.values())
    manifest = runfiles.read_manifest(done.csv_path.with_suffix(".json"))
    assert (manifest["reused"], manifest["recomputed"]) == (done.reused, done.recomputed)
    if done.reasons:
        assert sorted(done.reasons) == sorted(executor.names)
        assert set(done.reasons.values()) <= set(reuse.REASONS)
    return done, sorted(executor.names)


def settle(given: Folders) -> None:
    """Wait until all files are older than the clock's grain."""
    paths = [path for folder in given[:2] for path in folder.rglob("*")]
    newest = max(path.stat().st_ctime_ns for path in paths)
    probe = given.out.parent / "clock"

    def passed() -> bool:
        probe.write_bytes(b"")
        return probe.stat().st_ctime_ns > newest + 100_000_000

    until(passed, "the clock goes on")
    probe.unlink()


def row(done: batch.Run, name: str) -> PairResult:
    (found,) = [row for row in results.read(done.csv_path) if row.image_filename == name]
    return found


def drawn(done: batch.Run) -> dict[str, bytes]:
    found = sorted(done.pictures_dir.rglob("*.png"))
    return {path.relative_to(done.pictures_dir).as_posix(): path.read_bytes() for path in found}


def copies(given: Folders) -> set[str]:
    return {path.stem for path in (given.out / ".store" / "images").rglob("*.png")}


@pytest.fixture
def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read to know their digest, as they come."""
    read: list[Path] = []
    digest = images.digest

    def noted(source: Any) -> str:
        if not isinstance(source, bytes):
            read.append(Path(source))
        return digest(source)

    monkeypatch.setattr(images, "digest", noted)
    return read


# --- nothing has changed -----------------------------------------------------------------------------


def test_a_second_run_compares_nothing_but_errors(given: Folders, opened_files: list[Path]) -> None:
    first, compared = run(given)
    assert compared == NAMES
    assert (first.reused, first.recomputed) == (0, {"new": len(NAMES)})
    assert opened_files == []  # the workers read them, nobody else
    second, compared = run(given)
    assert compared == STILL
    assert (second.reused, second.recomputed) == (len(NAMES) - 1, {"error": 1})
    assert opened_files == []
    assert figures(second.csv_path) == figures(first.csv_path)
    assert drawn(second) == drawn(first)
    assert second.counts == first.counts
    kept = [name for name in NAMES if name not in STILL]
    assert [row(second, name) for name in kept] == [row(first, name) for name in kept]
    third, _ = run(given)
    assert (third.reused, drawn(third)) == (second.reused, drawn(first))


def test_no_process_is_started_for_nothing(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in given[:2]:
        (folder / "broken.png").unlink()
    before, _ = run(given)
    monkeypatch.setattr(pool, "_Processes", None)
    told: list[batch.Progress] = []
    after = batch.run(*given, on_progress=told.append)
    assert (after.reused, after.recomputed) == (len(NAMES) - 1, {})
    assert figures(after.csv_path) == figures(before.csv_path)
    # Who watches sees that it is done.
    assert [(p.done, p.total, p.counts, p.rate) for p in told] == [(6, 6, after.counts, 0)]
    bar = batch.ProgressBar()
    bar(told[0])
    assert (bar._bar.n, bar._bar.initial, bar._bar.disable) == (6, 6, True)


def test_no_warning_is_given_when_nothing_is_wrong(given: Folders) -> None:
    code = COMPARE + (
        "import warnings; warnings.simplefilter('error')\n"
        "for _ in range(2): print(batch.run(first, second, out, num_processors=1).reused)"
    )
    assert finished(code, given) == (0, "0\n6\n", "")


def test_without_a_store(given: Folders) -> None:
    for _ in range(2):
        done, compared = run(given, store=None)
        assert (compared, done.recomputed) == (NAMES, {})
    assert not (given.out / ".store").exists()


def test_a_store_elsewhere_serves_several_output_folders(given: Folders, tmp_path: Path) -> None:
    before, _ = run(given, store=tmp_path / "elsewhere")
    other = given.elsewhere(tmp_path / "other")
    done, compared = run(other, store=str(tmp_path / "elsewhere"))
    assert compared == STILL
    assert drawn(done) == drawn(before)
    assert not (given.out / ".store").exists()
    assert not (other.out / ".store").exists()


@pytest.mark.parametrize("store", ["~nosuchuser/x", "nul\0", "", 5, b"bytes", Path("nul\0")], ids=ascii)
def test_what_cannot_be_a_store_is_said_before_anything_is_done(given: Folders, store: Any) -> None:
    with pytest.raises(SettingsError, match=r"store must be the path of a folder|leads to no home folder"):
        batch.run(*given, store=store)
    assert list(given.out.iterdir()) == []


def test_the_whole_output_folder_may_be_moved(given: Folders, tmp_path: Path) -> None:
    before, _ = run(given)
    moved = given._replace(out=tmp_path / "below" / "moved")
    moved.out.parent.mkdir()
    given.out.rename(moved.out)
    done, compared = run(moved)
    assert compared == STILL
    assert figures(done.csv_path) == figures(moved.out / before.csv_path.name)
    assert len(drawn(done)) == 3 * len(drawings.ENDINGS)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_store_behind_a_link_finds_the_drawings(given: Folders, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "store").mkdir(parents=True)
    (given.out / ".store").symlink_to(tmp_path / "elsewhere" / "store")
    before, _ = run(given)
    done, compared = run(given)
    assert compared == STILL
    assert drawn(done) == drawn(before)


# --- what has changed, and why -----------------------------------------------------------------------


def test_reasons_are_told_by_name(given: Folders) -> None:
    first, _ = run(given)
    assert first.reasons == dict.fromkeys(NAMES, "new")
    manifest = runfiles.read_manifest(first.csv_path.with_suffix(".json"))
    assert manifest["reasons"] == {}  # all have the same: nobody needs a list of all names
    assert list(notes(manifest)) == ["Reused from earlier runs: 0; compared: 7", "  7 new"]
    (given.second / "tall.png").write_bytes(picture(1))
    added = [f"added {number}.png" for number in range(7)]
    for number, name in enumerate(added):
        (given.first / name).write_bytes(picture(200 + number))
    done, _ = run(given)
    assert done.reasons == {"broken.png": "error", "tall.png": "second changed"} | dict.fromkeys(added, "new")
    assert done.recomputed == {"error": 1, "second changed": 1, "new": 7}
    manifest = runfiles.read_manifest(done.csv_path.with_suffix(".json"))
    assert manifest["reasons"] == {"error": ["broken.png"], "second changed": ["tall.png"], "new": added}
    assert list(notes(manifest)) == [
        "Reused from earlier runs: 5; compared: 9",
        "  1 error: broken.png",
        "  7 new: added 0.png, added 1.png, added 2.png, added 3.png, added 4.png and 2 more",
        "  1 second changed: tall.png",
    ]
    without, _ = run(given, store=None)
    assert list(notes(runfiles.read_manifest(without.csv_path.with_suffix(".json")))) == []


def test_pairs_that_cannot_be_compared_are_errors_not_new(given: Folders) -> None:
    for folder in given[:2]:
        (folder / "cafe\u0301.png").write_bytes(picture(1))
    (given.first / "caf\u00e9.png").write_bytes(picture(2))
    if len(list(given.first.glob("caf*"))) < 2:
        pytest.skip("this file system knows one of these names only")
    for _ in range(2):
        done, _ = run(given)
        collided = [row for row in results.read(done.csv_path) if row.code == "name_collision"]
        assert len(collided) >= 2
        assert {done.reasons[row.image_filename] for row in collided} == {"error"}


@pytest.mark.parametrize(
    ("change", "names", "why"),
    [
        (lambda g: (g.first / "same.png").write_bytes(picture(1)), ["same.png"], "first changed"),
        (lambda g: (g.second / "tall.png").write_bytes(picture(1)), ["tall.png"], "second changed"),
        (lambda g: (g.first / "gone.png").write_bytes(picture(1)), ["gone.png"], "first changed"),
        (lambda g: (g.second / "new.png").write_bytes(picture(1)), ["new.png"], "second changed"),
        (lambda g: (g.second / "changed.png").unlink(), ["changed.png"], "second changed"),
        (lambda g: (g.first / "changed.png").unlink(), ["changed.png"], "first changed"),
        (lambda g: (g.second / "gone.png").write_bytes(picture(1)), ["gone.png"], "new"),
        (lambda g: (g.first / "other.png").write_bytes(picture(1)), ["other.png"], "new"),
    ],
    ids=["first", "second", "missing", "extra", "second-gone", "first-gone", "second-came", "new"],
)
def test_only_what_changed_is_compared(
    given: Folders, change: Callable[[Folders], object], names: list[str], why: str
) -> None:
    run(given)
    change(given)
    done, compared = run(given)
    assert compared == sorted(STILL + names)
    assert done.recomputed == {"error": 1, why: 1}
    anew, _ = run(given, store=None)
    assert figures(done.csv_path) == figures(anew.csv_path)
    assert drawn(done) == drawn(anew)
    assert run(given)[1] == STILL


def test_what_was_there_before_is_still_known(given: Folders) -> None:
    before, _ = run(given)
    data = (given.second / "changed.png").read_bytes()
    (given.second / "changed.png").write_bytes(picture(1))
    run(given)
    (given.second / "changed.png").write_bytes(data)
    done, compared = run(given)
    assert compared == STILL
    assert figures(done.csv_path) == figures(before.csv_path)


def test_other_options(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run(given)
    for limit, changed in ((100, 0), (99_999, 3)):
        chosen = settings.resolve(None, *given, max_pixels=limit)
        monkeypatch.setattr(settings, "_current", chosen)
        done, compared = run(given)
        assert compared == NAMES
        assert done.recomputed == {"options changed": len(NAMES)}
        assert done.counts["changed"] == changed
    assert run(given)[1] == STILL
    monkeypatch.setattr(settings, "_current", None)
    assert run(given)[1] == STILL


def test_another_version(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run(given)
    monkeypatch.setattr(
        "mymodules.batch.plan.version", lambda name: "0.0" if name == "numpy" else version(name)
    )
    assert run(given)[0].recomputed == {"options changed": len(NAMES)}


def test_known_files_that_were_never_compared_with_each_other(given: Folders, tmp_path: Path) -> None:
    run(given)
    turned = Folders(given.second, given.first, given.out)
    done, compared = run(turned)
    # A pair of equal files is itself when it is turned round.
    assert compared == [name for name in NAMES if name != "same.png"]
    assert done.recomputed["new"] == 3
    assert row(done, "gone.png").status == "extra"


# --- by content, whatever the name -------------------------------------------------------------------


def test_renamed_pairs_are_recognised(given: Folders) -> None:
    before, _ = run(given)
    for folder in given[:2]:
        (folder / "moved").mkdir()
        (folder / "changed.png").rename(folder / "moved" / "x.png")
    done, compared = run(given)
    assert compared == STILL
    assert row(done, "moved/x.png") == row(before, "changed.png")._replace(image_filename="moved/x.png")
    assert len(done.pictures("moved/x.png")) == len(drawings.ENDINGS)
    assert done.pictures("changed.png") == ()


def test_a_message_about_the_name_is_not_handed_on(given: Folders) -> None:
    for ending in ("jpg", "JPEG"):
        for folder in given[:2]:
            shutil.copy(folder / "changed.png", folder / f"changed.{ending}")
        done, compared = run(given)
        assert f"changed.{ending}" in compared
        assert "whatever its name says" in row(done, f"changed.{ending}").messages
    assert "whatever its name says" not in row(run(given)[0], "changed.png").messages


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_written_otherwise(given: Folders) -> None:
    name, text = os.fsdecode(b"a\xff.png"), r"a\xff.png"
    run(given)
    try:
        for folder in given[:2]:
            (folder / "changed.png").rename(folder / name)
    except OSError:
        pytest.skip("this file system takes text only")
    done, compared = run(given)
    assert compared == [text, "broken.png"]
    assert "Its name is written" in row(done, text).messages
    assert run(given)[1] == STILL
    for folder in given[:2]:
        (folder / name).rename(folder / "changed.png")
    assert "Its name is written" not in row(run(given)[0], "changed.png").messages


def test_a_message_that_names_files_is_not_handed_on(given: Folders) -> None:
    (given.first / "torn.png").write_bytes(picture(1)[:-20])
    run(given)
    for name in ("broken.png", "torn.png"):
        for folder in given[:2]:
            if (folder / name).exists():
                (folder / name).rename(folder / f"other {name}")
    done, compared = run(given)
    assert compared == ["other broken.png", "other torn.png"]
    for name in compared:
        assert str(given.first / name) in row(done, name).messages


# --- renames -----------------------------------------------------------------------------------------


def renamed(given: Folders, *names: str) -> None:
    for name in names:
        shutil.copy(given.first / "gone.png", given.second / name)


@pytest.mark.parametrize("store", [".store", None])
def test_a_rename_is_told_on_both_sides(given: Folders, store: str | None) -> None:
    renamed(given, "found.png")
    for _ in range(2):
        done, _ = run(given, store=store)
        gone, found = row(done, "gone.png"), row(done, "found.png")
        assert gone.messages == "It is only in first. It was renamed to found.png."
        assert found.messages == "It is only in second. It was renamed from gone.png."
        assert (gone.renamed_from, found.renamed_from) == (None, "gone.png")
        assert row(done, "new.png").renamed_from is None
        assert done.frame().set_index("image_filename")["renamed_from"].dropna().to_dict() == {
            "found.png": "gone.png"
        }
        with Asked() as executor:
            resumed = batch.run(resume=done.csv_path, executor=executor, store=store)
        assert figures(resumed.csv_path) == figures(done.csv_path)


def test_on_ties_nothing_is_guessed(given: Folders) -> None:
    renamed(given, "one.png", "two.png")
    done, _ = run(given)
    assert [row.renamed_from for row in results.read(done.csv_path)] == [None] * 9
    assert not any("renamed" in row.messages for row in results.read(done.csv_path))
    (given.second / "two.png").unlink()
    assert row(run(given)[0], "one.png").renamed_from == "gone.png"
    shutil.copy(given.first / "gone.png", given.first / "gone too.png")
    done, compared = run(given)
    assert compared == STILL  # also by content
    assert not any("renamed" in row.messages for row in results.read(done.csv_path))


def test_a_rename_that_is_none_any_more(given: Folders) -> None:
    renamed(given, "found.png")
    run(given)
    (given.second / "found.png").unlink()
    done, _ = run(given)
    assert row(done, "gone.png").messages == "It is only in first."
    renamed(given, "gone.png")
    assert row(run(given)[0], "gone.png").code == "bytes_equal"


# --- drawings ----------------------------------------------------------------------------------------


def test_drawings_are_the_same_files(given: Folders) -> None:
    before, _ = run(given)
    after, _ = run(given)
    for name in ("changed.png", "below/b.png", "tall.png"):
        inodes = [[path.stat().st_ino for path in done.pictures(name)] for done in (before, after)]
        assert inodes[0] == inodes[1]
        assert len(inodes[0]) == len(drawings.ENDINGS)


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
    """Each side may be small enough, and both together not."""
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


# --- which files are read ----------------------------------------------------------------------------


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
        store.records.remember_files(lies)
    assert row(run(given)[0], "changed.png").code == "dimensions_differ"  # they are believed
    assert opened_files == []
    done, compared = run(given, verify=True)
    assert compared == STILL
    assert figures(done.csv_path) == figures(before.csv_path)
    assert sorted(opened_files) == sorted(path for folder in given[:2] for path in folder.rglob("*.png"))
    assert figures(run(given)[0].csv_path) == figures(before.csv_path)  # and the lies are gone


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


# --- originals ---------------------------------------------------------------------------------------


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
    assert copies(given) == set()  # whoever interrupts does not want to wait
    with Asked() as executor:
        batch.run(resume=given.the("*.partial.csv"), executor=executor)
    assert len(copies(given)) == 6


def test_a_run_that_was_begun_without_a_store_keeps_originals_when_it_is_resumed(given: Folders) -> None:
    """Nothing of what is kept of it was compared in this run, and no store has heard of its files."""
    done, _ = run(given, store=None)
    batch.run(resume=done.csv_path)
    assert len(copies(given)) == 6


def test_no_originals_are_kept(given: Folders) -> None:
    run(given, keep_originals=False)
    assert copies(given) == set()
    run(given)
    assert len(copies(given)) == 6  # those of rows that were taken over, too


# --- a store in trouble ------------------------------------------------------------------------------


def spoil(file: Path, how: str) -> None:
    if how == "noise":
        file.write_bytes(b"\0noise" * 5000)
    elif how == "torn":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.write_bytes(b"")


@pytest.mark.parametrize("how", ["noise", "torn", "empty"])
def test_a_damaged_store_costs_time_only(given: Folders, how: str, caplog: pytest.LogCaptureFixture) -> None:
    before, _ = run(given)
    spoil(given.out / ".store" / FILE, how)
    done, compared = run(given)
    assert compared == NAMES
    assert figures(done.csv_path) == figures(before.csv_path)
    assert ("is damaged" in caplog.text) == (how != "empty")
    assert run(given)[1] == STILL


def newer(store: Path) -> None:
    with sqlite3.connect(store / FILE) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()


def no_folder(store: Path) -> None:
    shutil.rmtree(store)
    store.write_bytes(b"")


@pytest.mark.parametrize("spoil_it", [newer, no_folder])
def test_a_store_that_cannot_be_used_is_warned_of(given: Folders, spoil_it: Callable[[Path], None]) -> None:
    before, _ = run(given)
    spoil_it(given.out / ".store")
    with pytest.warns(UserWarning, match="is not used by this run"):
        done, compared = run(given)
    assert (compared, done.recomputed, done.reused) == (NAMES, {}, 0)
    assert figures(done.csv_path) == figures(before.csv_path)


def test_the_content_of_what_is_no_file(given: Folders) -> None:
    assert reuse.content(given.first / "same.png") == images.digest(picture(40))
    assert reuse.content(given.first) is None
    assert reuse.content(given.first / "no such file") is None


# --- several runs, and runs that end early -----------------------------------------------------------

ONCE = COMPARE + "print(batch.run(first, second, out, num_processors=1, store=sys.argv[4]).counts)"


def test_two_processes_on_one_store(given: Folders, tmp_path: Path) -> None:
    both = [given.elsewhere(tmp_path / name) for name in ("one", "other")]
    store = tmp_path / "shared"
    with program(ONCE, [*both[0], store]) as one, program(ONCE, [*both[1], store]) as other:
        ends = [one.finish(), other.finish()]
    assert [(code, complained) for code, _, complained in ends] == [(0, "")] * 2
    done, compared = run(given, store=store)
    assert compared == STILL
    for each in both:
        assert figures(each.the("results-*.csv")) == figures(done.csv_path)


def stop_after(rows: int, error: type[BaseException]) -> Callable[[batch.Progress], None]:
    def tell(progress: batch.Progress) -> None:
        if progress.done == rows:
            raise error

    return tell


def test_a_run_that_was_stopped_has_not_been_for_nothing(given: Folders) -> None:
    with Asked() as executor, pytest.raises(KeyboardInterrupt, match="Stopped after 4 of 7"):
        batch.run(*given, executor=executor, on_progress=stop_after(4, KeyboardInterrupt))
    rows = {row.image_filename for row in results.read(given.the("*.partial.csv"))}
    assert len(rows) == 4
    done, compared = run(given)
    assert compared == sorted((set(NAMES) - rows) | ({"broken.png"} & rows))
    anew, _ = run(given, store=None)
    assert figures(done.csv_path) == figures(anew.csv_path)
    assert drawn(done) == drawn(anew)


@pytest.mark.parametrize("every", ["(1, 1e9)", "(10**9, 0.0)"], ids=["rows", "seconds"])
def test_a_run_that_was_killed_has_not_been_for_nothing(tmp_path: Path, every: str) -> None:
    given = noisy(tmp_path, 6, 500)
    code = COMPARE + f"from mymodules.batch import reuse; reuse.EVERY = {every}\n"
    code += "batch.run(first, second, out, num_processors=1, on_progress=tell)"
    with program(code, given) as running:
        running.until_done(3)
        running.process.kill()
    rows = {row.image_filename for row in results.read_partial(given.the("*.partial.csv"))}
    names = {path.name for path in given.first.iterdir()}
    done, compared = run(given)
    assert 3 <= done.reused <= len(rows)
    assert names - rows <= set(compared)
    assert run(given)[1] == []


def test_what_was_found_is_not_lost_by_an_error_of_the_caller(given: Folders) -> None:
    with Asked() as executor, pytest.raises(ZeroDivisionError):
        batch.run(*given, executor=executor, on_progress=stop_after(6, ZeroDivisionError))
    assert run(given)[0].reused == 5  # but the broken one


def test_an_interrupt_at_the_very_end_costs_no_results(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DiffStore, "keep_originals", interrupt)
        with Asked() as executor, pytest.raises(KeyboardInterrupt, match="All 7 pictures are compared, see"):
            batch.run(*given, executor=executor)
    path = given.the("results-*[0-9].csv")
    assert runfiles.read_manifest(path.with_suffix(".json"))["complete"] is True
    assert list(given.out.glob("*.partial.csv")) == []
    done, compared = run(given)
    assert compared == STILL  # rows come before copies
    assert figures(done.csv_path) == figures(path)
    assert len(copies(given)) == 6


def test_a_resumed_run_takes_what_it_lacks_from_the_store(given: Folders) -> None:
    done, _ = run(given)
    rows: Iterable[PairResult] = results.read(done.csv_path)
    stamp = runfiles.stamp_of(done.csv_path)
    assert stamp is not None
    partial = runfiles.partial_path(given.out, stamp)
    results.write(partial, [row for row in rows if row.image_filename == "tall.png"])
    expected = figures(done.csv_path)
    done.csv_path.unlink()
    before = drawn(done)
    other, _ = run(given)  # whose drawings outlive those of the one that is resumed
    with Asked() as executor:
        resumed = batch.run(resume=partial, executor=executor)
    assert executor.names == STILL
    assert (resumed.reused, resumed.recomputed) == (5, {"error": 1})
    assert figures(resumed.csv_path) == expected
    assert drawn(resumed) == drawn(other) == before


def test_drawings_that_a_resumed_run_made_anew_are_not_taken_for_older_rows(given: Folders) -> None:
    """First a change and back: the row of the first state is known, its drawings are of the second."""
    (path,) = [path for path in given.second.glob("changed*.png")][:1]
    before = path.read_bytes()
    run = batch.run(*given)
    wanted = [drawing.read_bytes() for drawing in run.pictures(path.name)]
    path.write_bytes(png(np.full((40, 60), 7, np.uint8)))
    batch.run(resume=run.csv_path)
    path.write_bytes(before)
    again = batch.run(*given)
    assert [drawing.read_bytes() for drawing in again.pictures(path.name)] == wanted


def test_an_interrupt_while_the_store_reads_files(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run(given)
    (given.first / "same.png").touch()

    def interrupt(path: Path) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reuse, "content", interrupt)
        with Asked() as executor, pytest.raises(KeyboardInterrupt, match=r"Stopped after 0 of 7.*resume="):
            batch.run(*given, executor=executor)
        assert executor.names == []
    partial = given.the("*.partial.csv")
    with Asked() as executor:
        resumed = batch.run(resume=partial, executor=executor)
    assert (resumed.reused, executor.names) == (6, STILL)
    assert not partial.exists()


# --- where a store may not stand ---------------------------------------------------------------------


@pytest.mark.parametrize("below", [".", "in", "in/.hidden"])
@pytest.mark.parametrize("side", ["first", "second"])
def test_a_store_in_a_folder_of_pictures_is_refused(given: Folders, side: str, below: str) -> None:
    folder = getattr(given, side)
    before = sorted(given.out.parent.rglob("*"))
    with pytest.raises(SettingsError, match=f"store folder .* {side} folder .* or inside it"):
        batch.run(*given, store=folder / below)
    assert sorted(given.out.parent.rglob("*")) == before
    done, _ = run(given, store=None)
    with pytest.raises(SettingsError, match="store folder"):
        batch.run(resume=done.csv_path, store=os.path.relpath(folder / below, given.out))


# --- names that tell more than contents --------------------------------------------------------------


def test_two_endings_of_the_same_bytes_settle(given: Folders) -> None:
    for folder in given[:2]:
        shutil.copy(folder / "changed.png", folder / "changed.jpg")
    settle(given)
    before, _ = run(given)
    for _ in range(2):
        done, compared = run(given)
        assert compared == STILL
        for name in ("changed.png", "changed.jpg"):
            assert row(done, name) == row(before, name)
            assert ("whatever its name says" in row(done, name).messages) == name.endswith("jpg")


def test_a_tie_outside_of_the_part_counts(given: Folders) -> None:
    renamed(given, "found.png", "too.png")  # the last of them is left out below
    names = sorted([*NAMES, "found.png", "too.png"])
    done, compared = run(given, stop_at=names.index("too.png"))
    assert "too.png" not in compared
    assert (row(done, "found.png").renamed_from, row(done, "gone.png").messages) == (
        None,
        "It is only in first.",
    )
    (given.second / "too.png").write_bytes(picture(60, 31))  # of another size, of another content
    assert row(run(given, stop_at=7)[0], "found.png").renamed_from == "gone.png"
    shutil.copy(given.first / "gone.png", given.first / "a.png")
    assert row(run(given, skip_until=1)[0], "found.png").renamed_from is None


@pytest.mark.parametrize("size", [0, 1])
def test_files_without_content_are_no_renames(given: Folders, size: int) -> None:
    (given.first / "old.png").write_bytes(b"x" * size)
    (given.second / "young.png").write_bytes(b"x" * size)
    assert row(run(given)[0], "young.png").renamed_from == ("old.png" if size else None)


# --- damage anywhere ---------------------------------------------------------------------------------


def test_damage_anywhere_costs_time_only(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    given = Folders(*(tmp_path / name for name in ("first", "second", "out")))
    names = [f"{number}.png" for number in range(3)]
    for number, folder in enumerate(given):
        folder.mkdir()
        for name in names if folder != given.out else ():
            (folder / name).write_bytes(picture(int(name[0]) + 10 * number, 8))
    settle(given)
    before, _ = run(given, pictures="none")
    expected = figures(before.csv_path)
    root = given.out / ".store"
    file = root / FILE
    digests = [
        digest for each in results.read(before.csv_path) for digest in (each.first_digest, each.second_digest)
    ]
    with DiffStore(root) as store:
        store.get(NOW, digests[0] or "", [digest or "" for digest in digests])
        store.warm_digests(NOW, ["e" * 32], sync=True)
        assert list(store.unavailable_digests()) == ["e" * 32]
    whole = file.read_bytes()
    assert not file.with_name(f"{FILE}-wal").exists()
    places = [
        place for place, byte in enumerate(whole) if byte and not 60 <= place < 64
    ]  # but for the version
    chance = np.random.default_rng(5)
    for turn in range(60):
        harmed = bytearray(whole)
        for place in chance.choice(places, 3, replace=False):
            harmed[place] = chance.choice([0xFF, 0x80, 0xC3, int(chance.integers(256))])
        file.write_bytes(harmed)
        if turn % 2:
            with DiffStore(root, pause=0) as store:
                found = store.get(NOW, digests[0] or "", [digest or "" for digest in digests])
                store.warm_digests(NOW, ["e" * 32], sync=True)
                assert len(found) == len(set(digests)) - 1
                assert "e" * 32 in store.unavailable_digests()
                store.purge_digests(["e" * 32, "d" * 32])
        for _ in range(2):  # damage may be met by the last thing that a run writes, and all before it is lost
            run(given, pictures="none")
        again, compared = run(given, pictures="none")
        assert (compared, again.reused) == ([], len(names)), turn
    assert [str(each.message) for each in recwarn] == []
    assert len(expected) == len(names)


def test_figures_of_16_bits_with_alpha_are_golds_whatever_their_rows_say(tmp_path: Path) -> None:
    given = folders(tmp_path)
    rng = np.random.default_rng(16)
    for folder in given[:2]:
        samples = rng.integers(0, 65536, (20, 30, 4))
        (folder / "deep.png").write_bytes(pngs.write(samples, 6, 16))
        (folder / "eight.png").write_bytes(pngs.write(samples >> 8, 6, 8))
    done, _ = run(given)
    rows = {row.image_filename: row for row in results.read(done.csv_path)}
    high = [images.read_rgba(folder / "eight.png") for folder in given[:2]]
    assert rows["deep.png"].num_diff_pixels == int((high[0] != high[1]).any(axis=2).sum())
    assert rows["deep.png"][5:12] == rows["eight.png"][5:12]
    with DiffStore(given.out / ".store") as store:
        for name in rows:
            gold = [images.read_gold_rgba(folder / name) for folder in given[:2]]
            first, second = rows[name].first_digest or "", rows[name].second_digest or ""
            found = store.get(NOW, first, [second])[second].to_json()
            assert found == oracles.pixel_diff(*gold)


# --- memory ------------------------------------------------------------------------------------------


@pytest.fixture
def only_new_objects() -> Iterator[None]:
    """Hide every object made so far, those of other tests above all, from `gc.get_objects`."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_rows_are_not_kept_in_memory(
    only_new_objects: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those that the store has nor those that a resumed run keeps: one part of them is alive."""
    given = folders(tmp_path)
    for number in range(120):
        for seed, folder in enumerate(given[:2]):
            (folder / f"{number}.png").write_bytes(picture(number % 5 + 10 * (number % 2) * seed))
    settle(given)
    before, _ = run(given, pictures="none")
    monkeypatch.setattr(reuse, "AT_ONCE", 10)
    alive: list[int] = []
    format_row = results.format_row

    def living() -> int:
        gc.collect()
        return sum(type(value) is PairResult for value in gc.get_objects())

    def counting(row: PairResult) -> list[str]:
        alive.append(living() if len(alive) % 5 == 4 else 0)  # looking takes longest
        return format_row(row)

    monkeypatch.setattr(csvfile, "format_row", counting)
    after, compared = run(given, pictures="none")
    assert (compared, len(alive)) == ([], 120)
    assert max(alive) <= 50  # those of one part: from the store, with their own names, and on their way
    alive.clear()
    resumed = batch.run(resume=after.csv_path, store=None)
    assert len(alive) == 120
    assert max(alive) <= 10
    assert figures(resumed.csv_path) == figures(after.csv_path) == figures(before.csv_path)
