"""What runs found of pairs: read as it was written, and what is known of files and rows follows from it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support import stores
from support.recorded import KNOWN, ONE, OTHER, ROW

from mymodules import results
from mymodules.row import ALGORITHM
from mymodules.store import records, values
from mymodules.store.found import BLOCK, Found, Place, opened, packed, unpacked
from mymodules.store.records import Records, diff_id
from mymodules.store.values import FileState, StoredRow

LATER = 2**62  # ns; long after anything was written
PAIR = Found(
    "/first/a b.png",
    "/second/a b.png",
    ((5, 10**18, 10**18 + 1, 2**64 - 1, LATER, ONE), (6, -7, 2**70, 3, LATER, OTHER)),
    ".png",
    results.checked_line(ROW),
    "../03.diff-20260101-000000",
    "a b.png",
    ((5, 2**70), (6, -7)),
)
PLACE = Place("/first", "/second", "conditions", ALGORITHM)
CONDITIONS = "conditions.png"
ODD = "/first/\udcff\n変 \\ 'x'.png"


def keep(kept: Records, *found: Found, place: Place = PLACE) -> None:
    """Keep records, each where an earlier one of the same pair is."""
    known: dict[tuple[str, ...], int]
    known = {(each.first or "", each.second or ""): key for key, each in there(kept, place)}
    kept.remember_found(place, map(packed, found), known)


def there(kept: Records, place: Place = PLACE) -> list[tuple[int, Found]]:
    """What is kept, each with the key of its block."""
    read = [(key, unpacked(record)) for key, records in kept.found(place) for record in records]
    return [(key, found) for key, found in read if found is not None]


def numbered(number: int) -> Found:
    digest = stores.opaque(number)
    return Found(f"/{number}", None, ((1, 2, 3, 4, LATER, digest), None), "", PAIR.line)


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
    keep(kept, found)
    assert [each for _, each in there(kept)] == [found]


def test_every_part_of_a_place_counts(kept: Records) -> None:
    keep(kept, PAIR)
    for other in (
        PLACE._replace(first="/another"),
        PLACE._replace(second="/another"),
        PLACE._replace(conditions="others"),
        PLACE._replace(algorithm=ALGORITHM + 1),
        Place("/second", "/first", *PLACE[2:]),
    ):
        assert there(kept, other) == []
        keep(kept, PAIR._replace(drawn=()), place=other)
    assert [each for _, each in there(kept)] == [PAIR]


def test_a_record_takes_the_place_of_an_earlier_one(kept: Records) -> None:
    others = [numbered(number) for number in range(2 * BLOCK)]
    keep(kept, *others[:BLOCK], PAIR, *others[BLOCK:])
    later = PAIR._replace(drawn=())
    keep(kept, later, numbered(9999))
    assert [each for _, each in there(kept)] == [*others[:BLOCK], later, *others[BLOCK:], numbered(9999)]
    (gone,) = {key for key, each in there(kept) if each == later}
    kept.remember_found(
        PLACE, [packed(numbered(7777))], {("/7777", ""): gone}
    )  # somebody else has replaced it
    assert there(kept)[-1][1] == numbered(7777)


def test_blocks_are_filled(kept: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BLOCK", 3)
    every = [numbered(number) for number in range(3 * 20)]  # 16 blocks are read in one step
    for start, end in ((0, 1), (1, 2), (2, 6), (6, 14), (14, 60)):
        keep(kept, *every[start:end])
    assert [len(each) for _, each in kept.found(PLACE)] == [3] * 20
    assert [each for _, each in there(kept)] == every


@pytest.mark.parametrize(
    "data",
    [b"", b"a\0b\0c", b"a\0b\0c\0x", b"a\0b\0c\0004\0" + b"\0" * 7, b"a\0b\0c\0004\xff"],
    ids=["nothing", "too short", "no number", "not nine", "not UTF-8"],
)
def test_other_bytes_are_no_block(data: bytes) -> None:
    assert opened(data) is None


@pytest.mark.parametrize(("at", "text"), [(2, "1 2"), (3, "1 2 x 4 5 d"), (7, "[1]"), (7, "x")])
def test_other_texts_are_no_record(at: int, text: str) -> None:
    record = packed(PAIR).split("\0")
    assert unpacked(record) == PAIR
    record[at] = text
    assert unpacked(record) is None


def test_a_row_that_would_break_its_block_is_left_out(kept: Records) -> None:
    keep(kept, numbered(1), PAIR._replace(line=b"a\0b\r\n"), numbered(2))
    assert [each for _, each in there(kept)] == [numbered(1), numbered(2)]


def test_a_flipped_bit_anywhere_is_noticed(file: Path) -> None:
    with closing(Records(file)) as kept:
        keep(kept, PAIR)
    with closing(sqlite3.connect(file, isolation_level=None)) as db, closing(Records(file)) as kept:
        (record,) = db.execute("SELECT found FROM pairs").fetchone()
        for place in range(len(record)):
            damaged = bytearray(record)
            damaged[place] ^= 1 << place % 8
            db.execute("UPDATE pairs SET found = ?", (bytes(damaged),))
            assert there(kept) == []
        assert kept.rows([(ONE, OTHER)], CONDITIONS) == {}  # nor does anything follow from it
        db.execute("UPDATE pairs SET found = ?", (record,))
        assert [each for _, each in there(kept)] == [PAIR]
        db.execute("UPDATE pairs SET found = ?", (bytes(damaged),))
        keep(kept, numbered(1))
        assert [each for _, each in there(kept)] == [numbered(1)]
        assert db.execute("SELECT count(*) FROM pairs").fetchone() == (1,)  # the damaged one is replaced


def test_a_record_shows_whether_its_file_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"12345")
    now = path.stat()

    def shows(ctime_ns: int = now.st_ctime_ns, moment: int = LATER) -> bool:
        """What a record says of the file, read at that moment, when it had that time of change."""
        file = now.st_size, now.st_mtime_ns, ctime_ns, now.st_ino, moment, ONE
        text = packed(PAIR._replace(first=str(path), files=(file, None))).split("\0")[2]
        (begins,) = values.beginnings([str(path)])
        return text.startswith(begins)

    assert shows()
    assert not shows(now.st_ctime_ns + 1)
    assert not shows(moment=now.st_mtime_ns + 1)  # it may have been written to within one tick of the clock
    monkeypatch.setattr(values, "CHANGE_TIME_COUNTS", False)  # Windows
    assert shows(now.st_ctime_ns + 1)
    path.write_bytes(b"123456")
    assert not shows()
    path.unlink()
    assert not shows()
    path.mkdir()
    assert not shows()


def test_each_file_is_asked_for_itself(tmp_path: Path) -> None:
    for name, size in (("a", 5), ("b", 7)):
        (tmp_path / name).write_bytes(bytes(size))
    asked = [str(tmp_path / "a"), "", str(tmp_path / "gone"), str(tmp_path / "b")]
    there, none, gone, other = values.beginnings(asked)
    assert (there.split()[0], none, other.split()[0]) == ("5", "", "7")
    assert gone[0] not in "0123456789"  # no record of a file begins like this


def test_files_and_rows_follow(kept: Records) -> None:
    keep(kept, PAIR)
    assert not kept.is_empty()
    stored = StoredRow(ROW, PAIR.folder, PAIR.drawing_path, PAIR.drawn)
    assert kept.rows([(ONE, OTHER)], CONDITIONS) == {(ONE, OTHER): stored}
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
    keep(kept, PAIR)
    assert kept.paths(ONE) == [(Path("/first/a b.png"), 5)]
    third = "c" * 32
    row = results.checked_line(ROW._replace(second_digest=third))
    keep(kept, PAIR._replace(files=(PAIR.files[0], (8, 1, 2, 3, LATER, third)), line=row))
    assert kept.paths(OTHER) == []
    assert kept.paths(third) == [(Path("/second/a b.png"), 8)]
    assert kept.has_row((ONE, OTHER))  # it is still true of these contents
    assert kept.has_row((ONE, third))


def test_rows_of_another_algorithm_are_not_found(kept: Records) -> None:
    keep(kept, PAIR, place=PLACE._replace(algorithm=ALGORITHM - 1))
    assert kept.rows([(ONE, OTHER)], CONDITIONS) == {}
    assert kept.paths(ONE)


def test_a_purge_takes_what_was_found(kept: Records) -> None:
    third = "c" * 32
    row = ROW._replace(first_digest=third, second_digest=third)
    file = (8, 1, 2, 3, LATER, third)
    keep(kept, PAIR, Found("/x", "/y", (file, file), "x", results.checked_line(row)))
    kept.forget_rows([ONE])
    kept.forget_files([ONE])
    assert there(kept) == []
    assert not kept.has_row((ONE, OTHER))
    assert not kept.paths(ONE)
    assert kept.has_row((third, third))
    assert len(kept.paths(third)) == 2


def test_many_follow_in_several_steps(kept: Records) -> None:
    many = [numbered(number) for number in range(16 * BLOCK + 1)]  # 16 blocks are settled in one step
    keep(kept, *many)
    for number in (0, 16 * BLOCK):
        assert kept.paths(stores.opaque(number)) == [(Path(f"/{number}"), 1)]
