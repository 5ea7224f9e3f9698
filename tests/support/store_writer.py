"""A program that writes to a store, step after step, and reports each step when it is saved: to be killed.

    python tests/support/store_writer.py ROOT FIRST_STEP

Everything that a step writes follows from its number, so `check` can tell whether any of it is lost.
"""

import itertools
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from mymodules import images
from mymodules.metrics import DiffMetrics
from mymodules.regions import Region
from mymodules.row import PairResult
from mymodules.store import FILE, DiffStore, stored_path
from mymodules.store.records import DigestFailure, diff_id
from mymodules.store.values import DigestedFile, StoredRow
from support import stores

ROWS = 20  # of one step, saved together
CONDITIONS = "conditions"


def rows(step: int) -> list[StoredRow]:
    made = []
    for number in range(ROWS):
        first, second = digests(step, number)
        message = f"Step {step}, row {number}: {'changed, and how. ' * 20}"
        regions = tuple(Region(step, number, 1, count) for count in range(20))
        row = PairResult(0.5, f"{step}/{number}.png", message, "changed", "pixels_differ", step, 1.0)
        row = row._replace(regions=regions, first_digest=first, second_digest=second)
        made.append(StoredRow(row, f"/out/{step}", f"{step}/{number}", ((step, number),) * 5))
    return made


def digests(step: int, number: int) -> tuple[str, str]:
    return stores.opaque(step, number, "first"), stores.opaque(step, number, "second")


def figures(step: int) -> dict[str, DiffMetrics]:
    return {
        diff_id(*digests(step, -1 - number)): DiffMetrics(step, 1.0, (number, 0, 0, 0), False)
        for number in range(ROWS)
    }


def picture(step: int) -> bytes:
    return stores.png(stores.samples(step, 40, 60))


def write(root: Path, step: int) -> None:
    with DiffStore(root) as store:
        print("open", flush=True)
        for number in itertools.count(step):
            data = picture(number)
            store.records.remember_rows(rows(number), CONDITIONS)
            store.records.remember_metrics(figures(number))
            store.records.remember_failure(DigestFailure(stores.opaque(number), "other", number))
            store.records.remember_files([DigestedFile(f"/{number}", root.stat(), images.digest(data), 0)])
            store.keep_originals([(images.digest(data), data)])
            print(number, flush=True)


def check(store: DiffStore, step: int, *, saved: bool) -> None:
    """Raise AssertionError where a step is lost although it was saved, or is there in parts."""
    records, digest = store.records, images.digest(picture(step))
    found = records.rows([digests(step, number) for number in range(ROWS)], CONDITIONS)
    expected = {digests(step, number): row for number, row in enumerate(rows(step))}
    assert found == expected or (not saved and found == {})
    known = {pair: figures_of for pair in figures(step) if (figures_of := records.metrics(pair))}
    assert known == figures(step) or (not saved and known == {})
    copy = store.root / "images" / stored_path(digest)
    assert copy.read_bytes() == picture(step) if copy.exists() else not saved
    if saved:
        assert stores.opaque(step) in records.failures()
        assert records.paths(digest)[0][0] == Path(f"/{step}")
        assert records.content(digest) == digest


def check_file(root: Path) -> None:
    """Raise AssertionError where the file itself is not whole, or was given up on the way."""
    assert list(root.glob("*damaged*")) == []
    with closing(sqlite3.connect(root / FILE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
