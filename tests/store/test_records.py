"""Records: kept, found, purged, and not believed when a bit has flipped."""

import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import stores
from support.recorded import KNOWN, ONE, OTHER, ROW, digested, is_unchanged

from mymodules.errors import StoreError
from mymodules.metrics import DiffMetrics
from mymodules.store import records, values
from mymodules.store.records import DigestFailure, KnownFile, Records, diff_id, fingerprint
from mymodules.store.values import DigestedFile, StoredRow


def test_figures_are_saved_loaded_and_purged(kept: Records) -> None:
    assert kept.metrics("abc-def") is None
    kept.remember_metrics({"abc-def": KNOWN})
    assert kept.metrics("abc-def") == KNOWN
    for nothing in (["unknown"], ["abc-def"], ["ab"], ["de"], []):
        kept.forget_metrics(nothing)
        assert kept.metrics("abc-def") == KNOWN
    for side in ("abc", "def"):
        kept.remember_metrics({"abc-def": KNOWN})
        kept.forget_metrics([side])
        assert kept.metrics("abc-def") is None


def test_of_ten_pairs_two_digests_take_seven_with_them(kept: Records) -> None:
    digests = [stores.opaque(number) for number in range(5)]
    pairs = {diff_id(*pair): DiffMetrics(number, 1.0, (1, 2, 3, number), True)
             for number, pair in enumerate(itertools.combinations(digests, 2))}  # fmt: skip
    kept.remember_metrics(pairs)
    kept.forget_metrics(iter(digests[:2]))
    left = {pair: known for pair, known in pairs.items() if not any(d in pair for d in digests[:2])}
    assert len(left) == 3
    assert {pair: known for pair in pairs if (known := kept.metrics(pair))} == left


def test_failures_are_replaced_by_later_ones_only(kept: Records) -> None:
    assert kept.failures() == {}
    at = 1_000_000
    first = DigestFailure("A", "other", at)
    second, third = DigestFailure("B", "http_error", at + 2345), DigestFailure("A", "corrupted", at + 6789)
    for failure in (first, second, third, first, DigestFailure("A", "other", at + 6789)):
        kept.remember_failure(failure)
    assert list(kept.failures().items()) == [("B", second), ("A", third)]  # oldest first
    kept.remember_failure(DigestFailure("A", "other", at + 9999), if_new=True)
    assert kept.failures()["A"] == third
    kept.forget_failures(["A", "C"])
    assert kept.failures() == {"B": second}


def test_the_oldest_of_too_many_failures_are_dropped(kept: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "FAILURES", 3)
    for ts in (5, 4, 1, 3, 2):
        kept.remember_failure(DigestFailure(f"digest {ts}", "http_error", ts))
    assert list(kept.failures()) == ["digest 3", "digest 4", "digest 5"]


def test_an_untouched_file_is_known(kept: Records, picture: Path) -> None:
    assert is_unchanged(kept, picture) is None
    kept.remember_files([digested(picture)])
    assert is_unchanged(kept, picture) is True
    assert kept.known_files([(picture, picture.stat())])[str(picture)].digest == ONE
    assert kept.paths(ONE) == [(picture, 8)]
    assert kept.is_ours(ONE)
    kept.forget_files([ONE])
    assert (is_unchanged(kept, picture), kept.paths(ONE)) == (None, [])


def test_a_touched_file_is_read_again(kept: Records, picture: Path) -> None:
    kept.remember_files([digested(picture)])
    then = picture.stat()
    os.utime(picture, ns=(then.st_atime_ns, then.st_mtime_ns + 1))
    assert is_unchanged(kept, picture) is False


@pytest.mark.skipif(os.name == "nt", reason="there the change time is that of creation")
def test_a_change_that_keeps_size_and_modification_time_is_noticed(kept: Records, picture: Path) -> None:
    kept.remember_files([digested(picture)])
    then = picture.stat()
    while picture.stat().st_ctime_ns == then.st_ctime_ns:  # the clock of the file system ticks slowly
        picture.write_bytes(b"abcdefgh")
        os.utime(picture, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert (picture.stat().st_size, picture.stat().st_mtime_ns) == (then.st_size, then.st_mtime_ns)
    assert is_unchanged(kept, picture) is False


def test_another_file_in_its_place_is_noticed(
    kept: Records, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.remember_files([digested(picture)])
    then = list(picture.stat())
    fields = {name: getattr(picture.stat(), name) for name in ("st_mtime_ns", "st_ctime_ns", "st_size")}

    class Stat:
        st_ino = then[1] + 1

    for name, value in fields.items():
        setattr(Stat, name, value)
    stat: os.stat_result = Stat()  # type: ignore[assignment]
    assert not kept.known_files([(picture, stat)])[str(picture)].unchanged
    monkeypatch.setattr(values, "CHANGE_TIME_COUNTS", False)  # Windows
    assert kept.known_files([(picture, stat)])[str(picture)].unchanged


@pytest.mark.parametrize("year", [1600, 1969, 2262, 2400, 30000])
def test_times_that_are_no_integers_of_sqlite(kept: Records, picture: Path, year: int) -> None:
    class Stat:
        st_size, st_ino = 8, 5
        st_mtime_ns = st_ctime_ns = (year - 1970) * 31_556_952_000_000_000 + 1

    stat: os.stat_result = Stat()  # type: ignore[assignment]
    kept.remember_files([DigestedFile(picture, stat, ONE, time.time_ns())])
    # What is yet to come could be written to without a trace: such a file is read again.
    assert kept.known_files([(picture, stat)]) == {str(picture): KnownFile(ONE, year < 2000)}
    Stat.st_mtime_ns += 1
    assert not kept.known_files([(picture, stat)])[str(picture)].unchanged


@pytest.mark.parametrize(("apart", "unchanged"), [(0, False), (40_000_000, False), (60_000_000, True)])
def test_a_file_written_as_it_was_digested_is_read_again(
    kept: Records, picture: Path, apart: int, unchanged: bool
) -> None:
    stat = picture.stat()
    while stat.st_mtime_ns % 1_000_000_000 == 0 or stat.st_ctime_ns % 1_000_000_000 == 0:
        picture.write_bytes(b"12345678")
        stat = picture.stat()
    kept.remember_files([digested(picture, max(stat.st_mtime_ns, stat.st_ctime_ns) + apart)])
    assert is_unchanged(kept, picture) is unchanged


@pytest.mark.parametrize(("apart", "unchanged"), [(1_900_000_000, False), (2_100_000_000, True)])
def test_a_clock_of_whole_seconds_gets_two_of_them(
    kept: Records, picture: Path, apart: int, unchanged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "CHANGE_TIME_COUNTS", False)
    os.utime(picture, ns=(0, 1_700_000_000_000_000_000))
    kept.remember_files([digested(picture, 1_700_000_000_000_000_000 + apart)])
    assert is_unchanged(kept, picture) is unchanged


def test_many_files_at_once(kept: Records, picture: Path) -> None:
    stat = picture.stat()
    many = [
        DigestedFile(f"/pictures/{number}.png", stat, ONE, 2 * stat.st_ctime_ns) for number in range(2000)
    ]
    kept.remember_files(many)
    known = kept.known_files((file.path, file.stat) for file in many)
    assert len(known) == 2000
    assert all(file.unchanged for file in known.values())


def test_rows_are_found_by_both_digests_and_conditions(kept: Records) -> None:
    conditions = fingerprint({"options": {"max_pixels": 5}, "versions": {"numpy": "2"}})
    assert conditions != fingerprint({"options": {"max_pixels": 6}, "versions": {"numpy": "2"}})
    gone = ROW._replace(status="missing", code="only_first", second_digest=None)
    assert kept.is_empty()
    drawn = StoredRow(ROW, "../03.diff-1", "a b/x", ((5, 2**70), (6, -7)))
    kept.remember_rows([drawn, StoredRow(gone)], conditions)
    assert not kept.is_empty()
    both, first_only = (ONE, OTHER), (ONE, None)
    assert kept.rows([both, first_only, (OTHER, ONE)], conditions) == {
        both: drawn,
        first_only: StoredRow(gone, None, "", ()),
    }
    assert kept.rows([both], "other conditions") == {}
    assert kept.has_row(both)
    assert not kept.has_row((OTHER, ONE))
    assert kept.is_ours(OTHER)
    kept.forget_rows([OTHER])
    assert not kept.has_row(both)
    assert kept.has_row(first_only)


def test_a_row_has_the_figures_of_its_pair(kept: Records) -> None:
    kept.remember_rows([StoredRow(ROW)], "conditions")
    assert kept.metrics_of_row(diff_id(OTHER, ONE)) == KNOWN


def test_what_another_version_found_is_not_found(kept: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ALGORITHM", 1000)
    kept.remember_rows([StoredRow(ROW)], "conditions")
    kept.remember_metrics({"abc-def": KNOWN})
    assert kept.metrics("abc-def") == kept.metrics_of_row(diff_id(ONE, OTHER)) == KNOWN
    monkeypatch.setattr(records, "ALGORITHM", 1001)
    assert kept.metrics("abc-def") is None
    assert kept.metrics_of_row(diff_id(ONE, OTHER)) is None  # nor by its row
    assert kept.rows([(ONE, OTHER)], "conditions") == {}
    assert kept.has_row((ONE, OTHER))
    kept.remember_metrics({"abc-def": KNOWN})
    assert kept.metrics("abc-def") == KNOWN


def test_cells_that_nobody_has_written(kept: Records, file: Path) -> None:
    """They fit their check value: some version may have written so."""
    kept.remember_rows([StoredRow(ROW, "folder", "stem", ((1, 2),) * 5)], "conditions")
    sealed = "seal(first, second, fingerprint, cells, folder, stem, drawn, algorithm)"
    deep = "[" * 100_000
    with closing(sqlite3.connect(file)) as db:
        db.create_function("seal", -1, records.seal)
        for drawn in (deep, "5", "[[1]]", "no JSON"):
            db.execute("UPDATE rows SET drawn = ?", (drawn,))
            db.execute(f"UPDATE rows SET seal = {sealed}")
            db.commit()
            assert kept.rows([(ONE, OTHER)], "conditions")[ONE, OTHER].drawn == ()
        for cells in (deep, "[]", "5", "no JSON"):
            db.execute("UPDATE rows SET cells = ?", (cells,))
            db.execute(f"UPDATE rows SET seal = {sealed}")
            db.commit()
            assert kept.rows([(ONE, OTHER)], "conditions") == {}
            assert kept.metrics_of_row(diff_id(ONE, OTHER)) is None


def values_of(file: Path) -> list[tuple[str, str, object]]:
    """Table, column and value of every cell of the records that hold answers."""
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        return [
            (table, column, row[column])
            for table in ("metrics", "rows", "files")
            for row in db.execute(f"SELECT * FROM {table}")
            for column in row.keys()  # noqa: SIM118 - iterating a Row gives its values
        ]


def flipped(value: object) -> Iterator[object]:
    """The value with one bit or digit of it changed, here and there."""
    if isinstance(value, int):
        yield from (value ^ 1 << place for place in (0, 1, 4, 40))
    elif isinstance(value, float):
        yield from (value + 0.5, value / 2, -value, 5e-324)
    else:
        data = value if isinstance(value, bytes) else str(value).encode()
        for place in range(len(data)):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            yield changed if isinstance(value, bytes) else changed.decode()
        yield data[:-1] if isinstance(value, bytes) else data[:-1].decode()


def test_a_record_that_does_not_fit_its_check_value_is_not_found(
    kept: Records, file: Path, picture: Path
) -> None:
    pair, row = diff_id(ONE, OTHER), StoredRow(ROW, "folder", "stem", ((1, 2),) * 5)
    kept.remember_rows([row], "conditions")
    kept.remember_metrics({"abc-def": KNOWN})
    kept.remember_files([digested(picture)])
    stat = picture.stat()
    known = {str(picture): KnownFile(ONE, unchanged=True)}

    def answers() -> tuple[object, ...]:
        return (
            kept.rows([(ONE, OTHER)], "conditions"),
            kept.metrics_of_row(pair),
            kept.metrics("abc-def"),
            kept.known_files([(picture, stat)]),
        )

    whole = ({(ONE, OTHER): row}, KNOWN, KNOWN, known)
    touched = {"rows": (0, 1), "metrics": (2,), "files": (3,)}
    nothing = ({}, None, None, {})
    cells = values_of(file)
    assert len(cells) == 11 + 9 + 8
    with closing(sqlite3.connect(file)) as db:
        for table, column, value in cells:
            for changed in flipped(value):
                assert answers() == whole
                db.execute(f"UPDATE {table} SET {column} = ?", (changed,))
                db.commit()
                assert answers() == tuple(
                    nothing[place] if place in touched[table] else whole[place] for place in range(4)
                ), (table, column, changed)
                db.execute(f"UPDATE {table} SET {column} = ?", (value,))
                db.commit()


FLIPS = 400
RECORDS = 15  # of each kind: they fill more than a page


def test_no_flipped_bit_of_the_file_gives_a_wrong_answer(
    file: Path, picture: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two at a time, one of them anywhere, the other in a byte that is not 0: most of the file is empty."""
    rows = {}
    for number in range(RECORDS):
        key = stores.opaque(number), stores.opaque(number, "second")
        row = ROW._replace(num_diff_pixels=number, first_digest=key[0], second_digest=key[1])
        rows[key] = StoredRow(row, "folder", f"stem {number}", ((number, 2),) * 5)
    figures = {
        diff_id(*key): DiffMetrics(7 * place, 1.5, (1, 2, 3, place), False) for place, key in enumerate(rows)
    }
    of_rows = {pair: replace(KNOWN, num_diff_pixels=place) for place, pair in enumerate(figures)}
    stat = picture.stat()
    digests = {f"/pictures/{number:02}.png": stores.opaque(number) for number in range(RECORDS)}
    with closing(Records(file)) as kept:
        kept.remember_rows(rows.values(), "conditions")
        kept.remember_metrics(figures)
        kept.remember_files(
            DigestedFile(path, stat, digest, 2 * stat.st_ctime_ns) for path, digest in digests.items()
        )
    whole = file.read_bytes()
    rng = np.random.default_rng(11)
    written = np.flatnonzero(np.frombuffer(whole, np.uint8))
    anywhere, not_empty = rng.integers(len(whole), size=FLIPS // 2), rng.choice(written, FLIPS // 2)
    found, refused = 0, []
    for places in zip(anywhere, not_empty, strict=True):
        harmed = bytearray(whole)
        for place in places:
            harmed[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(harmed)
        try:
            with closing(Records(file)) as kept:
                answers = kept.rows(rows, "conditions")
                assert answers.items() <= rows.items()
                for pair, expected in figures.items():
                    assert kept.metrics(pair) in (None, expected)
                    assert kept.metrics_of_row(pair) in (None, of_rows[pair])
                known = kept.known_files((path, stat) for path in digests)
                assert all(digests[path] == file_.digest for path, file_ in known.items())
                assert all(isinstance(failure, DigestFailure) for failure in kept.failures().values())
                kept.remember_metrics({"abc-def": KNOWN})
                assert kept.metrics("abc-def") in (None, KNOWN)
                found += len(answers) == len(rows) and len(known) == len(digests)
        except StoreError as error:
            refused.append(str(error))
        for path in file.parent.glob("store.sqlite3*"):
            path.unlink()
    assert found > FLIPS // 8  # most of a file is not concerned
    assert [message for message in refused if "newer version" not in message] == []  # a flip of its number


def test_names_with_a_hyphen_are_no_other_pair(kept: Records) -> None:
    """Of `a-b` with `c` and of `a` with `b-c`, joined by a hyphen, nobody could tell which is which."""
    pairs = [("a-b", "c"), ("a", "b-c"), ("a", "b"), ("-", "--"), ("-a", "b-"), ("A", "a")]
    known = {
        diff_id(*pair): DiffMetrics(number, 1.0, (1, 2, 3, 4), False) for number, pair in enumerate(pairs)
    }
    assert len(known) == len(pairs)
    for one, other in pairs:
        assert diff_id(one, other) == diff_id(other, one)
        assert records.split_diff_id(diff_id(one, other)) == tuple(sorted((one, other)))
    kept.remember_metrics(known)
    assert {pair: kept.metrics(pair) for pair in known} == known
    kept.forget_metrics(["a"])
    left = {pair for pair in known if kept.metrics(pair)}
    assert left == {diff_id("a-b", "c"), diff_id("-", "--"), diff_id("-a", "b-")}


@pytest.mark.parametrize("pair", ["", "abc", "a-b-c", "a:b:c", "abcdef"])
def test_what_is_no_pair_has_no_figures(kept: Records, pair: str) -> None:
    assert kept.metrics(pair) is kept.metrics_of_row(pair) is None
