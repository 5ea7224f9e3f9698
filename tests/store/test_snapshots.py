"""Snapshots: what goes into one, what another store takes from it, and what of it is refused."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.recorded import KNOWN, ONE, OTHER, ROW, digested

from mymodules.errors import StoreError
from mymodules.row import ALGORITHM, CANNOT, PairResult
from mymodules.store import snapshots
from mymodules.store.found import Found, Place, packed
from mymodules.store.layouts import seal
from mymodules.store.records import DigestFailure, Records, diff_id, fingerprint
from mymodules.store.snapshots import Counts
from mymodules.store.values import StoredRow

CONDITIONS = fingerprint({"options": {}})
MOVED = "edit 1 2 3 4 1 2 3 4 16 125 0 0123 4567"


def made(number: int, **changed: object) -> PairResult:
    """A row like any other, of two files of its own."""
    return ROW._replace(first_digest=f"{number:032x}", second_digest=f"{number + 1000:032x}", **changed)


def key(row: PairResult) -> tuple[str | None, str | None]:
    return row.first_digest, row.second_digest


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Records]:
    """The store of another machine."""
    with closing(Records(tmp_path / "other.sqlite3")) as other:
        yield other


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a b%41?#.snapshot"


def test_another_store_has_the_rows_and_searches_then(kept: Records, other: Records, path: Path) -> None:
    rows = [made(number, listed=MOVED, changes=1) for number in range(2100)]
    kept.remember_rows(map(StoredRow, rows), CONDITIONS)
    kept.searches.remember({ONE: [("old", "new", 0.5)], "b" * 32: []})
    assert snapshots.write(kept, path) == 2102
    assert snapshots.take_in(path, other) == Counts(2102, 0, 0)
    found = other.rows(map(key, rows), CONDITIONS)
    assert [found[key(row)].row for row in rows] == rows
    assert other.searches.known([ONE, "b" * 32]) == {ONE: [("old", "new", 0.5)], "b" * 32: []}
    assert snapshots.take_in(path, other) == Counts(0, 2102, 0)


def test_rows_that_runs_found_are_in_it(kept: Records, other: Records, path: Path) -> None:
    from mymodules import results

    place = Place("/first", "/second", CONDITIONS, ALGORITHM)
    file = 10, 1, 1, 1, 10**18
    line = results.checked_line(ROW)
    kept.remember_found(place, [packed(Found("/a", "/b", ((*file, ONE), (*file, OTHER)), ".png", line))], {})
    assert snapshots.write(kept, path) == 1
    snapshots.take_in(path, other)
    assert other.rows([(ONE, OTHER)], f"{CONDITIONS}.png")[ONE, OTHER].row == ROW


def test_what_is_true_of_this_machine_only_stays_here(
    kept: Records, other: Records, path: Path, picture: Path
) -> None:
    kept.remember_rows([StoredRow(ROW, "secret/03.diff-1", "secret-stem", ((1, 2),))], CONDITIONS)
    names = f"second {CANNOT} (/secret/path.png)."
    kept.remember_rows([StoredRow(made(1, messages=names))], CONDITIONS)
    kept.remember_rows([StoredRow(made(2, status="error", code="truncated"))], CONDITIONS)
    kept.remember_files([digested(picture)])
    kept.remember_failure(DigestFailure("c" * 32, "other", 5))
    kept.remember_metrics({diff_id("d" * 32, "e" * 32): KNOWN})
    kept.remember_contents({"f" * 32: ONE})
    assert snapshots.write(kept, path) == 1
    data = path.read_bytes()
    assert b"secret" not in data
    assert os.fsencode(picture.name) not in data
    assert not [name for name in ("c", "d", "f") if name.encode() * 32 in data]
    snapshots.take_in(path, other)
    found = other.rows([key(ROW)], CONDITIONS)[key(ROW)]
    assert found == StoredRow(ROW)


def test_nothing_that_is_there_is_replaced(kept: Records, other: Records, path: Path) -> None:
    kept.remember_rows([StoredRow(ROW._replace(messages="of the snapshot"))], CONDITIONS)
    kept.searches.remember({ONE: [("old", "new", 0.5)]})
    snapshots.write(kept, path)
    mine = StoredRow(ROW._replace(messages="mine"), "03.diff-1", "stem", ((1, 2),))
    other.remember_rows([mine], CONDITIONS)
    other.searches.remember({ONE: []})
    assert snapshots.take_in(path, other) == Counts(0, 2, 0)
    assert other.rows([key(ROW)], CONDITIONS)[key(ROW)] == mine
    assert other.searches.known([ONE]) == {ONE: []}


def test_what_a_run_writes_meanwhile_is_not_replaced(
    kept: Records, other: Records, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.remember_rows([StoredRow(ROW), StoredRow(made(1))], CONDITIONS)
    snapshots.write(kept, path)
    mine = StoredRow(ROW, "03.diff-1", "stem", ((1, 2),))
    lacking = snapshots._lacking

    def meanwhile(*given: Any) -> Any:
        found = lacking(*given)
        if found:
            other.remember_rows([mine], CONDITIONS)
        return found

    monkeypatch.setattr(snapshots, "_lacking", meanwhile)
    assert snapshots.take_in(path, other) == Counts(1, 1, 0)
    assert other.rows([key(ROW)], CONDITIONS) == {key(ROW): mine}


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE rows SET cells = cells || 'x'",
        "UPDATE rows SET seal = x'00'",
        f"UPDATE rows SET algorithm = {ALGORITHM - 1}",
        "UPDATE searches SET found = '[[]]'",
    ],
    ids=["damaged", "no text", "earlier", "search"],
)
def test_what_a_store_cannot_use_is_replaced(spoil: str, kept: Records, other: Records, path: Path) -> None:
    for records in (kept, other):
        records.remember_rows([StoredRow(ROW)], CONDITIONS)
        records.searches.remember({ONE: [("old", "new", 0.5)]})
    snapshots.write(kept, path)
    with closing(sqlite3.connect(other.file.path)) as db:
        db.executescript(spoil)
    assert snapshots.take_in(path, other) == Counts(1, 1, 0)
    assert other.rows([key(ROW)], CONDITIONS) == {key(ROW): StoredRow(ROW)}
    assert other.searches.known([ONE]) == {ONE: [("old", "new", 0.5)]}


def test_a_snapshot_goes_on_from_an_earlier_one(
    kept: Records, other: Records, path: Path, tmp_path: Path
) -> None:
    kept.remember_rows(map(StoredRow, map(made, range(3))), CONDITIONS)
    other.remember_rows(map(StoredRow, map(made, range(2, 7))), CONDITIONS)
    assert snapshots.write(kept, path) == 3
    both, again = tmp_path / "both", tmp_path / "again"
    assert snapshots.write(other, both, path) == 4, "one of five is there"
    with closing(Records(tmp_path / "third.sqlite3")) as third:
        assert snapshots.take_in(both, third) == Counts(7, 0, 0)
    assert snapshots.write(kept, again, both) == 0


# --- what is refused ---------------------------------------------------------------------------------


COUNT = 200


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A snapshot of 20 pages or so."""
    folder = tmp_path_factory.mktemp("written")
    with closing(Records(folder / "store.sqlite3")) as records:
        records.remember_rows(map(StoredRow, map(made, range(COUNT))), CONDITIONS)
        snapshots.write(records, folder / "it")
    return (folder / "it").read_bytes()


@pytest.fixture
def written(snapshot: bytes, path: Path) -> Path:
    path.write_bytes(snapshot)
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    """Damage every page but the first one."""
    with path.open("r+b") as file:
        for page in range(4096, path.stat().st_size, 4096):
            file.seek(page + 8)
            file.write(b"\xff" * 90)


WRITABLE = "PRAGMA writable_schema = ON"
SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "it is no snapshot of a store"),
    "text": (lambda path: path.write_text("<html>404</html>" * 99), "it is no snapshot of a store"),
    "header only": (lambda path: os.truncate(path, 100), "it is damaged"),
    "cut": (cut, "it is damaged"),
    "overwritten": (overwrite, "it is damaged"),
    "of another program": (lambda path: change(path, "PRAGMA application_id = 7"), "it is no snapshot"),
    "newer": (lambda path: change(path, "PRAGMA user_version = 2"), "it was written by a newer version"),
    "older": (lambda path: change(path, "PRAGMA user_version = 0"), "it was written by an older version"),
    "another table": (lambda path: change(path, "CREATE TABLE more (x)"), "it has other tables"),
    "a view": (lambda path: change(path, "CREATE VIEW more AS SELECT randomblob(1000000)"), "other tables"),
    "a view instead": (
        lambda path: change(path, "DROP TABLE searches", "CREATE VIEW searches AS SELECT 1, 2, 3"),
        "it has other tables",
    ),
    "a trigger": (
        lambda path: change(path, "CREATE TRIGGER t INSERT ON rows BEGIN DELETE FROM rows; END"),
        "it has other tables",
    ),
    "other columns": (lambda path: change(path, "ALTER TABLE rows ADD COLUMN more"), "it has other tables"),
    "a schema that is none": (
        lambda path: change(path, WRITABLE, "UPDATE sqlite_master SET sql = 'CREATE TABLE rows (' || sql"),
        "it is damaged",
    ),
    "too large a value": (
        lambda path: change(path, "UPDATE rows SET cells = zeroblob(100000) WHERE first LIKE '%1'"),
        "it is damaged",
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_what_is_no_snapshot_is_of_no_use(
    how: str, written: Path, other: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, why = SPOILED[how]
    spoil(written)
    monkeypatch.setattr(snapshots, "_LONGEST", 50_000)
    with pytest.raises(StoreError, match=why):
        snapshots.take_in(written, other)
    assert not list(written.parent.glob(f"{written.name}-*")), "SQLite wrote nothing beside it"


def test_what_is_too_large_is_neither_read_nor_written(
    written: Path, other: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.take_in(written, other)
    monkeypatch.setattr(snapshots, "LARGEST", 10_000)
    with pytest.raises(StoreError, match="it has more than"):
        snapshots.take_in(written, other)
    with pytest.raises(StoreError, match="it would have more than"):
        snapshots.write(other, tmp_path / "again")


def test_cutting_it_anywhere_gives_no_row_that_was_not_in_it(written: Path, other: Records) -> None:
    whole = written.read_bytes()
    for length in range(0, len(whole), 997):
        written.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            snapshots.take_in(written, other)
    assert other.is_empty()


def entered(
    path: Path, first: object, second: object, conditions: object, cells: object, **how: object
) -> None:
    """Add a row to a snapshot, with a check value that fits."""
    values = first, second, conditions, cells, how.get("algorithm", ALGORITHM)
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", (*values, how.get("check", seal(*values))))
        db.commit()


def cells(row: PairResult) -> str:
    from mymodules import results

    return results.unchecked(results.checked_line(row)).decode()


GOOD = cells(ROW)
TAMPERED = {
    "another check value": ((ONE, OTHER, CONDITIONS, GOOD), {"check": "0" * 16}),
    "no check value": ((ONE, OTHER, CONDITIONS, GOOD), {"check": ""}),
    "other digests": (("c" * 32, OTHER, CONDITIONS, GOOD), {}),
    "no digest": (("../../x", OTHER, CONDITIONS, GOOD), {}),
    "bytes": ((ONE, OTHER, CONDITIONS, GOOD.encode()), {}),
    "a number": ((ONE, OTHER, 5, GOOD), {}),
    "no cells": ((ONE, OTHER, CONDITIONS, ""), {}),
    "JSON": ((ONE, OTHER, CONDITIONS, "[" * 100_000), {}),
    "too few cells": ((ONE, OTHER, CONDITIONS, GOOD.replace(",", ";", 1)), {}),
    "a figure that is none": ((ONE, OTHER, CONDITIONS, GOOD.replace("0.5", "nan", 1)), {}),
    "an unknown status": ((ONE, OTHER, CONDITIONS, GOOD.replace("changed", "fine", 1)), {}),
    "an error": ((ONE, OTHER, CONDITIONS, cells(ROW._replace(status="error"))), {}),
    "a rename": ((ONE, OTHER, CONDITIONS, cells(ROW._replace(renamed_from="../../x"))), {}),
    "changes that are none": ((ONE, OTHER, CONDITIONS, cells(ROW._replace(listed="edit 1 2"))), {}),
    "an unknown change": ((ONE, OTHER, CONDITIONS, cells(ROW._replace(listed=f"x{MOVED}"))), {}),
    "no metric": ((ONE, OTHER, f"{CONDITIONS}:mine:", GOOD), {}),
    "another algorithm": ((ONE, OTHER, CONDITIONS, GOOD), {"algorithm": ALGORITHM + 1}),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_row_is_left_out_and_the_others_are_taken(how: str, written: Path, other: Records) -> None:
    values, options = TAMPERED[how]
    entered(written, *values, **options)
    assert snapshots.take_in(written, other) == Counts(COUNT, 0, 1)
    assert other.rows([key(ROW)], CONDITIONS) == {}


def test_a_row_that_only_this_check_lets_in(written: Path, other: Records) -> None:
    """The rows above are refused for what they are, and not for how the test enters them."""
    entered(written, ONE, OTHER, CONDITIONS, GOOD)
    assert snapshots.take_in(written, other) == Counts(COUNT + 1, 0, 0)


SEARCHES = {
    "no list": "5",
    "an object": "{}",
    "an empty text": '""',
    "no text": '[["old", 5, 0.5]]',
    "too few": '[["old", "new"]]',
    "no score": '[["old", "new", true]]',
    "an endless score": '[["old", "new", Infinity]]',
    "no number": '[["old", "new", NaN]]',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("how", SEARCHES)
def test_a_tampered_search_is_left_out(how: str, written: Path, other: Records) -> None:
    found = SEARCHES[how]
    with closing(sqlite3.connect(written)) as db:
        db.execute("INSERT INTO searches VALUES (?, ?, ?)", (ONE, found, seal(ONE, found)))
        db.commit()
    assert snapshots.take_in(written, other) == Counts(COUNT, 0, 1)
    assert other.searches.known([ONE]) == {}


def test_text_that_is_not_utf_8_is_left_out(written: Path, other: Records) -> None:
    change(written, f"UPDATE rows SET cells = CAST(x'ff' AS TEXT) WHERE first = '{0:032x}'")
    assert snapshots.take_in(written, other) == Counts(COUNT - 1, 0, 1)


def test_a_record_is_never_too_long_to_be_read_again(
    kept: Records, other: Records, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would take the whole file for damaged; with four bytes a character, too."""
    monkeypatch.setattr(snapshots, "_LONGEST", 8 * 5000)
    monkeypatch.setattr(snapshots, "_MOST", 5000)
    for number, length in enumerate((4500, 5001)):
        kept.remember_rows([StoredRow(made(number, messages="😀" * length))], CONDITIONS)
    assert snapshots.write(kept, path) == 1
    assert snapshots.take_in(path, other) == Counts(1, 0, 0)


def test_little_of_a_large_snapshot_is_in_memory(
    written: Path, other: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 rows of about 350 characters, at most 10 of them at a time."""
    monkeypatch.setattr(snapshots, "_LONGEST", 3500)
    sound, sizes = snapshots._sound, []

    def watched(**records: Any) -> Any:
        sizes.append(len(records.get("rows", ())))
        return sound(**records)

    monkeypatch.setattr(snapshots, "_sound", watched)
    assert snapshots.take_in(written, other) == Counts(COUNT, 0, 0)
    assert max(sizes) <= 3500 // len(GOOD) + 1


def test_a_damaged_record_of_this_store_does_not_go_out(kept: Records, file: Path, path: Path) -> None:
    kept.remember_rows(map(StoredRow, map(made, range(3))), CONDITIONS)
    change(file, f"UPDATE rows SET cells = cells || ' ' WHERE first = '{0:032x}'")
    assert snapshots.write(kept, path) == 2


@pytest.mark.parametrize("how", ["cut", "overwritten", "older", "a trigger", "too large a value"])
def test_what_is_of_no_use_is_replaced(
    how: str, written: Path, other: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, _ = SPOILED[how]
    spoil(written)
    monkeypatch.setattr(snapshots, "_LONGEST", 50_000)
    other.remember_rows([StoredRow(made(3))], CONDITIONS)
    assert snapshots.write(other, tmp_path / "new", written) == 1
    with closing(Records(tmp_path / "third.sqlite3")) as third:
        assert snapshots.take_in(tmp_path / "new", third) == Counts(1, 0, 0)


@pytest.mark.parametrize("how", ["empty", "text", "of another program", "newer"])
def test_what_somebody_else_has_written_is_not_replaced(
    how: str, written: Path, other: Records, tmp_path: Path
) -> None:
    SPOILED[how][0](written)
    with pytest.raises(StoreError, match="is not replaced: name another place"):
        snapshots.write(other, tmp_path / "new", written)
