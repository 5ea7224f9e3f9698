"""What a second run takes from the store, what it compares again, and why."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.programs import COMPARE, Folders, figures, finished, folders
from support.reusing import (
    NAMES,
    STILL,
    drawn,
    picture,
    row,
    run,
    settle,
)

from mymodules import batch, results, settings, versions
from mymodules.batch import reuse, warm
from mymodules.cli.summary import notes
from mymodules.comparison import drawing_files
from mymodules.errors import SettingsError
from mymodules.results import partial, runfiles
from mymodules.store import records
from mymodules.workers import PairResult

# --- nothing has changed ----------------------------------------------------------------------------


def test_a_second_run_compares_nothing_but_errors(given: Folders, opened_files: list[Path]) -> None:
    first, compared = run(given)
    assert compared == NAMES
    assert (first.reused, first.recomputed) == (0, {"new": len(NAMES)})
    assert opened_files == []  # only the workers read them
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
    monkeypatch.setattr(warm, "Processes", None)
    reports: list[batch.Progress] = []
    after = batch.run(*given, on_progress=reports.append, renames=False)  # a search needs them
    assert (after.reused, after.recomputed) == (len(NAMES) - 1, {})
    assert figures(after.csv_path) == figures(before.csv_path)
    # Progress is reported once.
    assert [(p.done, p.total, p.counts, p.rate) for p in reports] == [(6, 6, after.counts, 0)]
    bar = batch.ProgressBar()
    bar(reports[0])
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
    assert len(drawn(done)) == 3 * len(drawing_files.ENDINGS)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_store_behind_a_link_finds_the_drawings(given: Folders, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "store").mkdir(parents=True)
    (given.out / ".store").symlink_to(tmp_path / "elsewhere" / "store")
    before, _ = run(given)
    done, compared = run(given)
    assert compared == STILL
    assert drawn(done) == drawn(before)


# --- what has changed, and why ----------------------------------------------------------------------


def test_reasons_are_recorded_by_name(given: Folders) -> None:
    first, _ = run(given)
    assert first.reasons == dict.fromkeys(NAMES, "new")
    manifest = runfiles.read_manifest(first.csv_path.with_suffix(".json"))
    assert manifest["reasons"] == {}  # all pairs share one reason, so no names are listed
    assert list(notes(manifest)) == []  # there was nothing to take anything from
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
        "5 pictures: neither file has changed since an earlier run, which compared them",
        "1 picture: tried again after an error: broken.png",
        f"7 pictures: compared for the first time: {', '.join(added)}",
        "1 picture: the second file has changed: tall.png",
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
    found = versions.measuring()
    monkeypatch.setattr(versions, "measuring", lambda: found | {"numpy": "0.0"})
    assert run(given)[0].recomputed == {"options changed": len(NAMES)}


def test_known_files_that_were_never_compared_with_each_other(given: Folders, tmp_path: Path) -> None:
    run(given)
    turned = Folders(given.second, given.first, given.out)
    done, compared = run(turned)
    # A pair of equal files is the same with its sides swapped.
    assert compared == [name for name in NAMES if name != "same.png"]
    assert done.recomputed["new"] == 3
    assert row(done, "gone.png").status == "extra"


# --- where a store may not stand --------------------------------------------------------------------


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


# --- memory -----------------------------------------------------------------------------------------


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
    """Rows from the store and rows that a resumed run keeps are in memory only a part at a time."""
    given = folders(tmp_path)
    for number in range(120):
        for seed, folder in enumerate(given[:2]):
            (folder / f"{number}.png").write_bytes(picture(number % 5 + 10 * (number % 2) * seed))
    settle(given)
    monkeypatch.setattr(records, "BLOCK", 10)
    before, _ = run(given, pictures="none")
    monkeypatch.setattr(reuse, "AT_ONCE", 10)
    alive: list[int] = []
    format_row, parse_row = partial.format_row, partial.parse_row

    def living() -> int:
        gc.collect()
        return sum(type(value) is PairResult for value in gc.get_objects())

    def count() -> None:
        alive.append(living() if len(alive) % 5 == 4 else 0)  # counting objects is slow

    def parsing(cells: list[str], metrics: Sequence[str] = ()) -> PairResult:
        count()
        return parse_row(cells, metrics)

    def formatting(row: PairResult) -> list[str]:
        count()
        return format_row(row)

    monkeypatch.setattr(partial, "parse_row", parsing)
    after, compared = run(given, pictures="none")
    assert (compared, len(alive)) == ([], 60)  # equal pairs need no row at all
    assert max(alive) <= 50  # one part, in three copies: from the store, renamed, and being written
    alive.clear()
    monkeypatch.setattr(partial, "format_row", formatting)
    resumed = batch.run(resume=after.csv_path, store=None)
    assert len(alive) == 120
    assert max(alive) <= 10
    assert figures(resumed.csv_path) == figures(after.csv_path) == figures(before.csv_path)
