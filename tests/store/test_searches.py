"""What searches for renamed pictures found is read as it was written, or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mymodules.store.records import Records

FOUND = {"one": [("a.png", "b.png", 0.75), ("é\udcff.png", "c.png", 1.0)], "none": []}


def test_what_was_found_is_known_by_its_key(kept: Records) -> None:
    kept.searches.remember(FOUND)
    assert kept.searches.known(["one", "none", "other"]) == FOUND
    kept.searches.remember({"none": [("d.png", "e.png", 0.5)]})
    assert kept.searches.known(["none"]) == {"none": [("d.png", "e.png", 0.5)]}


def test_whoever_forgets_rows_forgets_what_was_found(kept: Records) -> None:
    """Nobody knows which pictures a key stands for."""
    kept.searches.remember(FOUND)
    kept.forget_rows(["0" * 32])
    assert kept.searches.known(FOUND) == {}


@pytest.mark.parametrize("change", ["found = '[]'", "key = 'two'", "seal = ''"])
def test_a_damaged_record_is_absent(tmp_path: Path, change: str) -> None:
    file = tmp_path / "file"
    with closing(Records(file)) as records:
        records.searches.remember(FOUND)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(f"UPDATE searches SET {change} WHERE key = 'one'")
    with closing(Records(file)) as records:
        assert records.searches.known(["one", "two", "none"]) == {"none": []}
