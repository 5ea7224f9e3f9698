"""The changes of a run: written with its rows, kept with them, and taken from the store with them."""

from pathlib import Path

import pytest
from support.programs import Folders
from support.resuming import again, partial_of
from support.reusing import STILL, every_status, run, settle

from mymodules import batch, results
from mymodules.results import runfiles


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    """Pairs of every status, which a test may change."""
    return every_status(tmp_path)


def path_of(done: batch.Run) -> Path:
    stamp = runfiles.stamp_of(done.csv_path)
    assert stamp is not None
    return runfiles.changes_path(done.csv_path.parent, stamp)


def counted(done: batch.Run) -> dict[str, int]:
    """How many changes the file has of each picture."""
    found = done.changes()
    assert found is not None
    return {str(name): len(part) for name, part in found.groupby("image_filename", sort=False)}


def test_every_change_of_a_row_is_in_the_file(made: Folders) -> None:
    done, _ = run(made, store=None)
    rows = {row.image_filename: row.changes for row in results.read(done.csv_path) if row.changes}
    assert counted(done) == rows
    assert list(rows) == ["below/b.png", "changed.png", "tall.png"]  # in the order of the rows
    found = done.changes()
    assert found is not None
    assert list(found["number"]) == [n for count in rows.values() for n in range(1, count + 1)]
    assert not list(made.out.glob("*.partial.csv"))


def test_a_run_that_does_not_find_out_what_moved_has_no_file(made: Folders) -> None:
    done, _ = run(made, store=None, moves=False)
    assert done.changes() is None
    assert not path_of(done).exists()


def test_a_resumed_run_keeps_the_changes_of_the_rows_that_it_keeps(made: Folders) -> None:
    done, _ = run(made, store=None)
    before = path_of(done).read_bytes()
    resumed, redone = again(partial_of(done, lambda name: name != "tall.png"), store=None)
    assert redone == {"tall.png"}
    assert path_of(resumed).read_bytes() == before


def test_a_run_that_was_stopped_keeps_changes_with_their_rows(made: Folders) -> None:
    def stop(progress: batch.Progress) -> None:
        if progress.counts["changed"] == 2:
            raise KeyboardInterrupt

    whole, _ = run(made, store=None)
    with pytest.raises(batch.Stopped) as stopped:
        batch.run(*made, store=None, num_processors=1, on_progress=stop)
    partial = stopped.value.csv_path
    kept = {row.image_filename: row.changes for row in results.read_partial(partial) if row.changes}
    assert len(kept) == 2
    changes = results.load_changes(partial)
    assert changes is not None
    assert dict(changes.groupby("image_filename").size()) == kept
    assert path_of(batch.run(resume=partial, store=None)).read_bytes() == path_of(whole).read_bytes()


def test_a_finished_run_whose_changes_were_edited_compares_their_pictures_again(made: Folders) -> None:
    done, _ = run(made, store=None)
    path = path_of(done)
    before = path.read_bytes()
    path.write_bytes(before.replace(b",edit,", b",move,", 1))
    with pytest.warns(UserWarning, match="edited or damaged"):
        resumed, redone = again(done.csv_path, store=None)
    assert redone == {"below/b.png", "changed.png", "tall.png"}
    assert path_of(resumed).read_bytes() == before
    assert again(done.csv_path, store=None)[1] == set()
    path.unlink()
    again(done.csv_path, store=None)
    assert path.read_bytes() == before


def test_the_store_has_them_with_the_rows(made: Folders) -> None:
    first, _ = run(made)
    second, compared = run(made)
    assert compared == STILL
    assert path_of(second).read_bytes() == path_of(first).read_bytes()


def test_they_are_found_by_content_too(made: Folders) -> None:
    first, _ = run(made)
    for folder in made[:2]:
        (folder / "changed.png").rename(folder / "other.png")
    settle(made)
    second, compared = run(made)
    assert compared == STILL
    assert counted(second)["other.png"] == counted(first)["changed.png"]
    assert "changed.png" not in counted(second)


def test_an_earlier_run_without_them_is_read(made: Folders) -> None:
    done, _ = run(made, store=None)
    path_of(done).unlink()
    assert results.load_changes(done.csv_path) is None
    assert len(results.load(done.csv_path)) == 7
