"""The file of records: brought up to date, set aside when damaged, shared by processes."""

import json
import logging
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from support import stores
from support.programs import finished
from support.recorded import KNOWN, ONE, OTHER, ROW, digested, is_unchanged

from mymodules import results
from mymodules.errors import StoreError
from mymodules.row import ALGORITHM
from mymodules.store import database, records
from mymodules.store.records import DigestFailure, Records, diff_id
from mymodules.store.values import StoredRow


def first_version(path: Path, pairs: dict[str, tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in records.LAYOUTS[0]:
            db.execute(statement)
        for pair, values in pairs.items():
            db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (pair, pair[-3:], *values))
        db.execute("INSERT INTO failures VALUES ('A', 'other', 5)")
        db.execute(f"PRAGMA application_id = {database.APPLICATION}")
        db.execute("PRAGMA user_version = 1")
        db.commit()


def test_an_older_file_is_brought_up_to_date_with_its_data(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ALGORITHM", 1)  # which is what had made them
    figures = (16, KNOWN.pixel_diff_percent, 54, 100, 125, 0, 0)
    first_version(file, {"abc:def": figures, "abc-ghi": figures})
    with closing(Records(file)) as kept:
        assert kept.metrics("abc-def") == kept.metrics("abc-ghi") == KNOWN
        assert list(kept.failures()) == ["A"]
        kept.remember_rows([StoredRow(ROW)], "conditions")
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(records.LAYOUTS),)
        assert db.execute("SELECT left, right FROM metrics").fetchall() == [("abc", "def"), ("abc", "ghi")]


def test_files_and_rows_of_the_second_layout_stay(
    file: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ALGORITHM", 1)
    first_version(file, {})
    known = digested(picture)
    with closing(sqlite3.connect(file)) as db:
        for statement in records.LAYOUTS[1]:
            db.execute(statement)
        stat = known.stat
        times = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, str(stat.st_ino)
        db.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
            (os.fsencode(picture), *times, ONE, known.moment),
        )
        cells = json.dumps(results.format_row(ROW))
        db.execute("INSERT INTO rows VALUES (?, ?, 'x', ?, ?, ?)", (ONE, OTHER, cells, b"/out", b"stem"))
        db.execute("PRAGMA user_version = 2")
        db.commit()
    with closing(Records(file)) as kept:
        assert is_unchanged(kept, picture) is True
        assert kept.paths(ONE) == [(picture, 8)]
        assert kept.rows([(ONE, OTHER)], "x") == {(ONE, OTHER): StoredRow(ROW, "/out", "stem", ())}
        assert kept.metrics_of_row(diff_id(ONE, OTHER)) == KNOWN


def test_figures_of_the_fourth_layout_stay(file: Path) -> None:
    """Under ids of both forms; there one column was the key of a pair."""
    figures = (16, KNOWN.pixel_diff_percent, 54, 100, 125, 0, 0)
    first_version(file, {})
    with closing(sqlite3.connect(file)) as db:
        for layout in records.LAYOUTS[1:4]:
            for statement in layout:
                db.execute(statement)
        for pair in ("abc:def", "abc-ghi", f"{OTHER}-{ONE}"):
            right = pair[len(pair) // 2 + 1 :]
            row = (pair, right, *figures, ALGORITHM)
            db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.execute("PRAGMA user_version = 4")
        db.commit()
    with closing(Records(file)) as kept:
        for pair in ("abc-def", "abc-ghi", "abc:def", diff_id(ONE, OTHER)):
            assert kept.metrics(pair) == KNOWN
        kept.forget_metrics(["abc"])
        assert (kept.metrics("abc-def"), kept.metrics("abc-ghi")) == (None, None)
        assert kept.metrics(diff_id(ONE, OTHER)) == KNOWN


def test_a_newer_file_is_refused_and_left_alone(file: Path) -> None:
    Records(file).close()
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {len(records.LAYOUTS) + 1}")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="newer"):
        Records(file)
    assert file.read_bytes() == before
    assert list(file.parent.glob("*damaged*")) == []


def filled(file: Path) -> None:
    with closing(Records(file)) as kept:
        kept.remember_rows(
            (StoredRow(ROW._replace(first_digest=stores.opaque(number))) for number in range(300)), "x"
        )
        kept.remember_metrics({"abc-def": KNOWN})


def overwritten(file: Path) -> None:
    file.write_bytes(b"no database at all\n" * 500)


def truncated(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def holes(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for start in range(4096, len(data), 8192):
        data[start : start + 4096] = b"\xaa" * 4096
    file.write_bytes(data)


def foreign(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")


def without_a_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("DROP TABLE metrics")


@pytest.mark.parametrize("harm", [overwritten, truncated, holes, foreign, without_a_table])
def test_a_damaged_file_is_set_aside_with_a_message(
    file: Path, harm, caplog: pytest.LogCaptureFixture
) -> None:
    filled(file)
    harm(file)
    harmed = file.read_bytes()
    with caplog.at_level(logging.WARNING), closing(Records(file)) as kept:
        kept.rows([(stores.opaque(number), OTHER) for number in range(300)], "x")
        kept.remember_metrics({"abc-ghi": KNOWN})
        assert (kept.metrics("abc-def"), kept.metrics("abc-ghi")) == (None, KNOWN)
        (aside,) = file.parent.glob("store.sqlite3.damaged-*[0-9]")
        if harm is not without_a_table:
            assert aside.read_bytes()[100:] == harmed[100:]
    assert "damaged" in caplog.text
    with closing(Records(file)) as kept:
        assert kept.metrics("abc-ghi") == KNOWN


def test_damage_under_an_open_store_costs_no_traceback(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(file)
    with closing(Records(file)) as kept, closing(Records(file)) as other:
        overwritten(file)
        for records_of in (kept, other, kept, other):
            records_of.remember_metrics({"abc-ghi": KNOWN})
            assert records_of.metrics("abc-ghi") == KNOWN
    assert len(list(file.parent.glob("*.damaged-*[0-9]"))) == 1


@pytest.mark.skipif(os.name == "nt", reason="a file that is open cannot be moved there")
def test_a_file_that_somebody_else_has_replaced_is_let_go(file: Path) -> None:
    with closing(Records(file)) as kept:
        kept.remember_metrics({"abc-def": KNOWN})
        for ending in ("", "-wal", "-shm"):  # as another process sets it aside
            file.with_name(file.name + ending).rename(file.with_name(f"aside{ending}"))
        with closing(Records(file)) as other:
            other.remember_metrics({"abc-ghi": KNOWN})
            assert (kept.metrics("abc-def"), kept.metrics("abc-ghi")) == (None, KNOWN)
            kept.remember_metrics({"abc-jkl": KNOWN})
            assert other.metrics("abc-jkl") == KNOWN


@pytest.mark.skipif(os.name == "nt", reason="a file that is open cannot be removed there")
def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "store" / "store.sqlite3"
    file.parent.mkdir()
    with closing(Records(file)) as kept:
        kept.remember_metrics({"abc-def": KNOWN})
        shutil.rmtree(file.parent)
        assert kept.metrics("abc-def") is None
        kept.remember_metrics({"abc-ghi": KNOWN})
    with closing(Records(file)) as again:
        assert again.metrics("abc-ghi") == KNOWN


def test_what_cannot_be_moved_is_replaced_in_memory(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    overwritten(file)

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "rename", refuse)
    with caplog.at_level(logging.WARNING), closing(Records(file)) as kept:
        kept.remember_metrics({"abc-ghi": KNOWN})
        assert kept.metrics("abc-ghi") == KNOWN
    assert "in memory" in caplog.text


def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite3").mkdir()
    with pytest.raises(StoreError, match=r"store\.sqlite3 cannot be used"):
        Records(tmp_path / "store.sqlite3")


WRITE = """
import sys
from pathlib import Path
from mymodules.metrics import DiffMetrics
from mymodules.store.records import DigestFailure, Records
who, kept = sys.argv[1], Records(Path(sys.argv[2]))
for number in range(200):
    digest = f"{who}{number:031}"
    kept.remember_metrics({f"{digest}-{digest}": DiffMetrics(number, 1.0, (1, 2, 3, 4), True)})
    kept.remember_failure(DigestFailure("shared", who, number))
print(sum(kept.metrics(f"{who}{n:031}-{who}{n:031}") is not None for n in range(200)))
"""


def test_two_processes_write_one_file(file: Path, kept: Records) -> None:
    answers = []
    threads = [
        threading.Thread(target=lambda who=who: answers.append(finished(WRITE, [who, file]))) for who in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(0, "200\n", "")] * 2
    assert all(kept.metrics(f"{who}{n:031}-{who}{n:031}") for who in "ab" for n in range(200))
    assert kept.failures()["shared"].ts == 199


def test_text_that_is_none_any_more_is_damage(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No check of SQLite's finds it: the whole of the file is sound but for what it says."""
    for harmed in (b"http_error", b"CREATE INDEX failures_by_ts", b"reason TEXT"):
        with closing(Records(file)) as kept:
            kept.remember_failure(DigestFailure(ONE, "http_error", 1))
            assert list(kept.failures()) == [ONE]
        data = file.read_bytes()
        assert harmed in data
        file.write_bytes(data.replace(harmed, harmed[:3] + b"\xff" + harmed[4:]))
        caplog.clear()
        with closing(Records(file)) as kept:
            assert kept.failures() == {}
            kept.remember_failure(DigestFailure(OTHER, "other", 2))
            assert list(kept.failures()) == [OTHER]
        assert "is damaged" in caplog.text
        file.unlink()


def test_a_column_of_another_name_is_damage(file: Path) -> None:
    Records(file).close()
    file.write_bytes(file.read_bytes().replace(b"reason TEXT", b"reasom TEXT"))
    with closing(Records(file)) as kept:
        kept.remember_failure(DigestFailure(ONE, "other", 1))
        assert list(kept.failures()) == [ONE]
    assert len(list(file.parent.glob("*.damaged-*"))) == 1


def test_cells_of_another_kind_are_no_answers(file: Path, kept: Records, picture: Path) -> None:
    pair = diff_id(ONE, OTHER)
    kept.remember_rows([StoredRow(ROW._replace(pixel_diff_percent=None), "folder", "stem")], "x")
    kept.remember_metrics({pair: KNOWN})
    kept.remember_files([digested(picture)])
    kept.remember_failure(DigestFailure(ONE, "other", 1))
    kept.remember_contents({ONE: OTHER})
    changes = (
        "UPDATE metrics SET percent = x'ff'",
        "UPDATE files SET size = x'ff', path = 'no bytes'",
        "UPDATE failures SET reason = x'ff'",
        "UPDATE originals SET content = x'ff'",
        "UPDATE rows SET stem = 5",
        "UPDATE purges SET number = 'x'",
    )
    with closing(sqlite3.connect(file)) as db, db:
        for change in changes:
            db.execute(change)
    assert kept.metrics(pair) is None
    assert kept.known_files([(picture, picture.stat())]) == {}
    assert (kept.paths(ONE), kept.failures(), kept.content(ONE), kept.purges()) == ([], {}, None, 0)
    assert kept.rows([(ONE, OTHER)], "x") == {}


def test_a_row_of_other_files_is_no_answer(file: Path, kept: Records) -> None:
    kept.remember_rows([StoredRow(ROW)], "x")
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE rows SET first = ?", ("c" * 32,))
    assert kept.rows([("c" * 32, OTHER)], "x") == {}
