"""A store that is damaged or shared, and runs that end early, cost time only."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from support import oracles, pngs
from support.programs import COMPARE, Folders, figures, folders, noisy, png, program
from support.reusing import NAMES, STILL, Asked, copies, drawn, picture, run, settle, stop_after

from mymodules import batch, images, results
from mymodules.batch import reuse
from mymodules.results import runfiles
from mymodules.store import FILE, NOW, DiffStore
from mymodules.store.found import opened
from mymodules.workers import PairResult

# --- a store in trouble -----------------------------------------------------------------------------


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


def test_a_pair_that_a_store_has_twice_is_one_row(given: Folders) -> None:
    before, _ = run(given)
    with DiffStore(given.out / ".store") as store:
        for (data,) in store.records.file.read("SELECT found FROM pairs"):
            place, records = opened(data) or pytest.fail("it is no block")
            store.records.remember_found(place, map("\0".join, records), {})
            assert [len(found) for _, found in store.records.found(place)] == [2 * len(records)]
    done, compared = run(given)
    assert (compared, done.counts) == (STILL, before.counts)
    assert figures(done.csv_path) == figures(before.csv_path)


def test_the_content_of_what_is_no_file(given: Folders) -> None:
    assert reuse.content(given.first / "same.png") == images.digest(picture(40))
    assert reuse.content(given.first) is None
    assert reuse.content(given.first / "no such file") is None


@pytest.mark.parametrize(
    ("before", "after"), [("1.0,", "=1,"), ("false", "maybe"), ("\r\n", "\r\n1.0,x.png\r\n"), (",same", "")]
)
def test_a_store_that_somebody_else_has_made(given: Folders, before: str, after: str) -> None:
    """Its check values fit, but it has a line that is not a row."""
    done, _ = run(given, pictures="none")
    root = given.out / ".store"
    with DiffStore(root) as store, contextlib.closing(sqlite3.connect(root / FILE)) as db:
        known, data = db.execute("SELECT key, found FROM pairs").fetchone()
        place, records = opened(data) or pytest.fail("it is not a block")
        (lie,) = [record for record in records if record[0].endswith("same.png")]
        assert before in lie[-1]
        lying = "\0".join([*lie[:-1], lie[-1].replace(before, after)])
        store.records.remember_found(place, [lying], {(lie[0], lie[1]): known})
    again, compared = run(given, pictures="none")
    assert compared == [*STILL, "same.png"]
    assert figures(again.csv_path) == figures(done.csv_path)


# --- several runs, and runs that end early ----------------------------------------------------------


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
    assert run(given)[0].reused == 5  # all but the broken one


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
    other, _ = run(given)  # its drawings stay when those of the resumed run are removed
    with Asked() as executor:
        resumed = batch.run(resume=partial, executor=executor)
    assert executor.names == STILL
    assert (resumed.reused, resumed.recomputed) == (5, {"error": 1})
    assert figures(resumed.csv_path) == expected
    assert drawn(resumed) == drawn(other) == before


def test_drawings_that_a_resumed_run_made_anew_are_not_taken_for_older_rows(given: Folders) -> None:
    """After a change and back, the store has the first row, but the drawings are of the second state."""
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
        with Asked() as executor, pytest.raises(KeyboardInterrupt, match=r"Stopped after 5 of 7.*resume="):
            batch.run(*given, executor=executor)
        assert executor.names == []
    partial = given.the("*.partial.csv")
    with Asked() as executor:
        resumed = batch.run(resume=partial, executor=executor)
    assert (resumed.reused, executor.names) == (1, STILL)  # five rows were written before the interrupt
    assert not partial.exists()


# --- damage anywhere --------------------------------------------------------------------------------


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
    ]  # except the version
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
        for _ in range(2):  # a run may meet the damage at its last write, and lose all before it
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
