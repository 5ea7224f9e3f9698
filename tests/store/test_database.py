"""One file for many threads: read while it is written, and never half of what is written."""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mymodules.errors import StoreError
from mymodules.store.database import Database

LAYOUTS = (("CREATE TABLE words (word TEXT)", "INSERT INTO words VALUES ('old')"),)
ALL = "SELECT word FROM words"
PATIENCE = 60.0  # s


class Slow:
    """A function for statements, which returns one of its values only when it is let."""

    def __init__(self, slow: str) -> None:
        self._slow = slow
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self, value: str) -> str:
        if value == self._slow:
            self.begun.set()
            assert self.let.wait(PATIENCE)
        return value


def writing(db: Database, *words: str) -> threading.Thread:
    """Begin to write these words, in one step."""
    change = "INSERT INTO words VALUES (slow(?))", [(word,) for word in words]
    thread = threading.Thread(target=db.write, args=(change,))
    thread.start()
    return thread


def test_it_is_read_while_it_is_written(tmp_path: Path) -> None:
    slow = Slow("new")
    with closing(Database(tmp_path / "file", LAYOUTS, {"slow": slow})) as db:
        writer = writing(db, "new")
        assert slow.begun.wait(PATIENCE)
        # Both answers come before the writer is let go on; one that waited for it would never come.
        assert db.read(ALL) == [("old",)]  # in this process
        with closing(Database(tmp_path / "file", LAYOUTS)) as other:  # and as another one would
            assert other.read(ALL) == [("old",)]
        slow.let.set()
        writer.join(PATIENCE)
        assert db.read(ALL) == [("old",), ("new",)]


@pytest.mark.parametrize("when", ["before it is opened", "while it is open"])
def test_in_memory_nobody_reads_what_is_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "rename", refuse)
    caplog.set_level(logging.WARNING)
    file, slow, seen = tmp_path / "file", Slow("second"), []
    damage = b"no database at all\n" * 500
    Database(file, LAYOUTS).close()
    if when == "before it is opened":
        file.write_bytes(damage)
    with closing(Database(file, LAYOUTS, {"slow": slow})) as db:
        if when == "while it is open":
            file.write_bytes(damage)
        assert db.read(ALL) == [("old",)]
        assert "kept in memory" in caplog.text
        writer = writing(db, "first", "second")
        assert slow.begun.wait(PATIENCE)
        reader = threading.Thread(target=lambda: seen.append(db.read(ALL)))
        reader.start()
        reader.join(0.2)
        assert not seen
        slow.let.set()
        for thread in (writer, reader):
            thread.join(PATIENCE)
    assert seen == [[("old",), ("first",), ("second",)]]


def test_changes_that_follow_from_what_is_there_are_one_step_with_it(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "file", LAYOUTS)) as db:
        add = "INSERT INTO words VALUES (?)"
        assert db.derive(ALL, lambda found: [(add, [(f"{word}er",) for (word,) in found])]) == 1
        assert db.read(ALL) == [("old",), ("older",)]

        def fail(found: list[tuple[str]]) -> Iterator[tuple[str, list[tuple[str]]]]:
            yield add, found
            raise LookupError

        with pytest.raises(StoreError, match="LookupError"):
            db.derive(ALL, fail)
        assert db.read(ALL) == [("old",), ("older",)]
