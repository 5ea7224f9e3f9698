"""What runs found of pairs: read as it was written, and what is known of files and rows follows from it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support import stores
from support.recorded import KNOWN, ONE, OTHER, ROW

from mymodules import results
from mymodules.row import ALGORITHM
from mymodules.store.found import Found, key, packed, unpacked
from mymodules.store.records import Records, diff_id
from mymodules.store.values import FileState, StoredRow

LATER = 2**62  # ns; long after anything was written
PAIR = Found(
    "/first/a b.png",
    "/second/a b.png",
    ((5, 10**18, 10**18 + 1, 2**64 - 1, LATER, ONE), (6, -7, 2**70, 3, LATER, OTHER)),
    "conditions.png",
    results.checked_line(ROW),
    ALGORITHM,
    "../03.diff-20260101-000000",
    "a b.png",
    ((5, 2**70), (6, -7)),
)
ASKED = PAIR.first, PAIR.second, PAIR.conditions
ODD = "/first/\udcff\n変 \\ 'x'.png"


@pytest.mark.parametrize(
    "found",
    [
        PAIR,
        PAIR._replace(first=ODD, drawing_path=ODD, folder=None, drawn=()),
        PAIR._replace(second=None, files=(PAIR.files[0], None)),
        PAIR._replace(first=None, files=(None, PAIR.files[1])),
    ],
    ids=["both", "odd", "missing", "extra"],
)
def test_a_record_is_read_as_it_was_written(found: Found, kept: Records) -> None:
    assert unpacked(packed(found)[1]) == found
    number, beginning = key(found.first, found.second, found.conditions)
    assert packed(found)[0] == number
    assert packed(found)[1].startswith(beginning)
    kept.remember_found([found])
    assert kept.found([(found.first, found.second, found.conditions)]) == [found]


def test_every_part_of_a_pair_counts(kept: Records) -> None:
    others = [
        ("/first/a", PAIR.second, PAIR.conditions),
        (PAIR.first, None, PAIR.conditions),
        (None, PAIR.second, PAIR.conditions),
        (PAIR.second, PAIR.first, PAIR.conditions),
        (PAIR.first, PAIR.second, "others.png"),
    ]
    kept.remember_found([PAIR])
    assert kept.found([*others, ASKED]) == [None] * len(others) + [PAIR]
    later = PAIR._replace(drawn=())
    kept.remember_found([later])
    assert kept.found([ASKED]) == [later]


@pytest.mark.parametrize(
    "record", [b"", b"\0" * 9, b"a\0b\0c\0\0\0x\0\0\0\0", b"a\0b\0c\0001 2\0\0004\0\0\0\0"]
)
def test_other_bytes_are_no_record(record: bytes) -> None:
    assert unpacked(record) is None


def test_a_flipped_bit_anywhere_is_noticed(file: Path) -> None:
    with closing(Records(file)) as kept:
        kept.remember_found([PAIR])
    with closing(sqlite3.connect(file, isolation_level=None)) as db, closing(Records(file)) as kept:
        (record,) = db.execute("SELECT found FROM pairs").fetchone()
        for place in range(len(record)):
            damaged = bytearray(record)
            damaged[place] ^= 1 << place % 8
            db.execute("UPDATE pairs SET found = ?", (bytes(damaged),))
            assert kept.found([ASKED]) == [None]
        assert kept.rows([(ONE, OTHER)], PAIR.conditions) == {}  # nor does anything follow from it
        db.execute("UPDATE pairs SET found = ?", (record,))
        assert kept.found([ASKED]) == [PAIR]


def test_files_and_rows_follow(kept: Records) -> None:
    kept.remember_found([PAIR])
    assert not kept.is_empty()
    stored = StoredRow(ROW, PAIR.folder, PAIR.drawing_path, PAIR.drawn)
    assert kept.rows([(ONE, OTHER)], PAIR.conditions) == {(ONE, OTHER): stored}
    assert kept.rows([(ONE, OTHER)], "others") == {}
    assert kept.has_row((ONE, OTHER))
    assert kept.metrics_of_row(diff_id(ONE, OTHER)) == KNOWN
    assert kept.is_ours(ONE)
    assert kept.paths(OTHER) == [(Path("/second/a b.png"), 6)]
    state = FileState(5, 10**18, 10**18 + 1, 2**64 - 1)
    for now, same in (
        (state, True),
        (state._replace(st_size=6), False),
        (state._replace(st_mtime_ns=9), False),
    ):
        known = kept.known_files([("/first/a b.png", now)])["/first/a b.png"]
        assert (known.digest, known.unchanged) == (ONE, same)


def test_the_latest_counts(kept: Records) -> None:
    kept.remember_found([PAIR])
    assert kept.paths(ONE) == [(Path("/first/a b.png"), 5)]
    third = "c" * 32
    row = results.checked_line(ROW._replace(second_digest=third))
    kept.remember_found([PAIR._replace(files=(PAIR.files[0], (8, 1, 2, 3, LATER, third)), line=row)])
    assert kept.paths(OTHER) == []
    assert kept.paths(third) == [(Path("/second/a b.png"), 8)]
    assert kept.has_row((ONE, OTHER))  # it is still true of these contents
    assert kept.has_row((ONE, third))


def test_rows_of_another_algorithm_are_not_found(kept: Records) -> None:
    kept.remember_found([PAIR._replace(algorithm=ALGORITHM - 1)])
    assert kept.rows([(ONE, OTHER)], PAIR.conditions) == {}
    assert kept.paths(ONE)


def test_a_purge_takes_what_was_found(kept: Records) -> None:
    third = "c" * 32
    row = ROW._replace(first_digest=third, second_digest=third)
    file = (8, 1, 2, 3, LATER, third)
    kept.remember_found([PAIR, Found("/x", "/y", (file, file), "x", results.checked_line(row), ALGORITHM)])
    kept.forget_rows([ONE])
    kept.forget_files([ONE])
    assert kept.found([ASKED]) == [None]
    assert not kept.has_row((ONE, OTHER))
    assert not kept.paths(ONE)
    assert kept.has_row((third, third))
    assert len(kept.paths(third)) == 2


def test_many_follow_in_several_steps(kept: Records) -> None:
    digests = [stores.opaque(number) for number in range(5001)]  # 5000 are settled in one step
    line = results.checked_line(ROW)
    kept.remember_found(
        Found(f"/{digest}", None, ((1, 2, 3, 4, LATER, digest), None), "x", line, ALGORITHM)
        for digest in digests
    )
    assert [kept.paths(digest) for digest in (digests[0], digests[-1])] == [
        [(Path(f"/{digests[0]}"), 1)],
        [(Path(f"/{digests[-1]}"), 1)],
    ]
