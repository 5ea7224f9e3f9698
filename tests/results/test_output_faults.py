"""Obstacles in the way of a run: the error names the path, finished rows stay, and the run can continue."""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.programs import TOTAL, Folders, figures, mixed

from mymodules import batch, results
from mymodules.errors import MymodulesError, OutputError
from mymodules.results import runfiles


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    return mixed(tmp_path)


def run(given: Folders, at_last: Callable[[Path], object], **how: Any) -> batch.Run:
    """Run, and call `at_last` with the partial CSV when it has all rows."""

    def look(progress: batch.Progress) -> None:
        if progress.done == TOTAL:
            at_last(progress.partial_path)

    with ThreadPoolExecutor(1) as executor:
        return batch.run(*given, executor=executor, on_progress=look, **how)


def stamped(partial: Path) -> tuple[Path, str]:
    return partial.parent, str(runfiles.stamp_of(partial))


def in_the_way(path: Path) -> None:
    """Make a folder that is not empty, so that nothing replaces or removes it."""
    path.mkdir()
    (path / "kept").write_bytes(b"")


def out_of_the_way(path: Path) -> None:
    (path / "kept").unlink()
    path.rmdir()


@pytest.mark.skipif(os.name == "nt", reason="nothing that is open can be removed there")
def test_a_partial_file_that_cannot_be_removed(given: Folders) -> None:
    def replace(partial: Path) -> None:
        partial.unlink()
        in_the_way(partial)

    with pytest.warns(
        UserWarning, match=r"The run is complete.*partial\.csv cannot be removed .*close the prog"
    ):
        done = run(given, replace)
    assert len(results.read(done.csv_path)) == TOTAL
    assert done.frame().attrs["run"]["complete"] is True
    assert runfiles.newest(given.out) == done.csv_path
    assert not list(given.out.glob("*.lock"))
    partial = runfiles.partial_path(*stamped(done.csv_path))
    assert str(partial) not in str(done.csv_path)
    out_of_the_way(partial)
    assert figures(batch.run(resume=done.csv_path).csv_path) == figures(done.csv_path)


def test_a_partial_file_that_another_program_has_open(
    given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, nobody can remove a file that a spreadsheet has open."""
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name.endswith(".partial.csv"):
            raise PermissionError(13, "The process cannot access the file")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.warns(UserWarning, match=r"cannot access the file\): close the program .*then delete it"):
            done = run(given, str)
    partial = given.the("*.partial.csv")
    before = figures(done.csv_path)
    again = batch.run(resume=partial)
    assert (figures(again.csv_path), partial.exists()) == (before, False)


@pytest.mark.parametrize("which", [runfiles.finished_path, runfiles.manifest_path])
def test_a_file_that_cannot_be_put_in_its_place(
    given: Folders, tmp_path: Path, which: Callable[[Path, str], Path]
) -> None:
    clean = batch.run(*given.elsewhere(tmp_path / "clean"))
    moved: list[Path] = []

    def occupy(partial: Path) -> None:
        path = which(*stamped(partial))
        if path.exists():
            moved.append(path.rename(path.with_name("moved")))
        in_the_way(path)

    with pytest.raises(OutputError, match="cannot be written") as caught:
        run(given, occupy)
    partial = given.the("*.partial.csv")
    path = which(*stamped(partial))
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    assert not list(given.out.glob("*.tmp"))
    assert not list(given.out.glob("*.lock"))
    assert len(results.read_partial(partial)) == TOTAL
    out_of_the_way(path)
    for file in moved:
        file.rename(path)
    assert figures(batch.run(resume=partial).csv_path) == figures(clean.csv_path)
    assert not partial.exists()


def test_something_in_the_place_of_the_drawings_of_a_resumed_run(given: Folders) -> None:
    def stop(progress: batch.Progress) -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as executor, contextlib.suppress(KeyboardInterrupt):
        batch.run(*given, executor=executor, on_progress=stop)
    partial = given.the("*.partial.csv")
    drawings = runfiles.pictures_path(*stamped(partial))
    for path in sorted(drawings.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    drawings.rmdir()
    drawings.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"folder for drawings, .* cannot be created .*remove") as caught:
        batch.run(resume=partial)
    assert (caught.value.path, drawings.read_bytes()) == (drawings, b"mine")
    drawings.unlink()
    assert sum(batch.run(resume=partial).counts.values()) == TOTAL


def test_names_that_are_no_file_names_have_no_drawings(given: Folders) -> None:
    done = batch.run(*given, stop_at=1)
    for name in ("x" * 5000, "a\0b", "", "../" * 50, "\udcff"):
        assert done.pictures(name) == ()


def test_what_cannot_be_a_path_is_no_file_to_resume(given: Folders) -> None:
    for path in ("~nosuchuser/results-20240506-070809.csv", "a\0b", "", 5, b"x", "memory:/x.csv", "x" * 5000):
        for call in (lambda path=path: batch.run(resume=path), lambda path=path: results.load(path)):
            with pytest.raises(MymodulesError):
                call()
    assert list(given.out.iterdir()) == []
