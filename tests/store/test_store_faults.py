"""Whatever goes wrong inside of a store costs time or one picture, and never a run or a raw traceback."""

import contextlib
import gc
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import stores
from support.faulty import Unspeakable
from support.programs import Folders, folders, png
from support.servers import tornado_server

from mymodules import batch, images, metrics, results
from mymodules.comparison import drawings
from mymodules.errors import StoreError
from mymodules.formats import png as formats_png
from mymodules.row import PairResult
from mymodules.store import NOW, DiffStore, cache, copies, database, originals, records, sources

PATIENCE = 60.0  # s
PICTURES = stores.some(3)
MAIN, *RIGHTS = PICTURES
FIGURES = {right: stores.figures(PICTURES, MAIN, right) for right in RIGHTS}

Place = tuple[Any, str]
RECORDS: list[Place] = [
    (records.Records, name)
    for name in (
        *("metrics", "remember_metrics", "metrics_of_row", "failures", "remember_failure", "forget_failures"),
        *(
            "content",
            "remember_contents",
            "is_ours",
            "known_files",
            "remember_files",
            "paths",
            "purges",
            "rows",
        ),
        *("remember_rows", "is_empty", "has_row"),
    )
]
DATABASE: list[Place] = [
    *((database.Database, name) for name in ("read", "read_each", "write", "close")),
    *((database, name) for name in ("_transaction", "_is_damage", "_identity", "_set_aside", "_patiently")),
    (records, "seal"),
]
COPIES: list[Place] = [
    *((copies.Copies, name) for name in ("__contains__", "read", "path", "write", "copy", "remove")),
    *((copies, name) for name in ("stored_path", "is_digest")),
]
PIXELS: list[Place] = [
    *((images, name) for name in ("digest", "inspect", "decode", "to_gold_rgba")),
    *((metrics, "pixel_diff"), (drawings, "delta"), (formats_png, "encode"), (formats_png, "is_deep")),
]
INSIDE: list[Place] = [
    *((originals.Originals, name) for name in ("find", "state", "may_be_deep", "_from_copy", "_from_source")),
    *((DiffStore, name) for name in ("_load", "_measure", "_draw", "_keep", "_note", "_rgba")),
    (cache.LRUCache, "put"),
    *((sources, name) for name in ("fetch", "inside")),
]
FAULTS: list[Callable[[], Exception]] = [
    lambda: Unspeakable("nobody foresaw it"),
    lambda: OSError(28, "No space left on device"),
    MemoryError,
    lambda: sqlite3.OperationalError("disk I/O error"),
]


def named(place: object) -> str:
    return f"{getattr(place[0], '__name__', '')}.{place[1]}" if isinstance(place, tuple) else ""


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a thread has let through to its end; the terminal shows it as a traceback."""
    seen: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    return seen


def break_at(
    monkeypatch: pytest.MonkeyPatch, place: Place, fault: Callable[[], Exception], every: int = 1
) -> None:
    """Have a function raise, every time or the n-th times only."""
    whole, calls = getattr(*place), iter(range(1, 1_000_000))

    def broken(*arguments: Any, **options: Any) -> Any:
        if next(calls) % every == 0:
            raise fault()
        return whole(*arguments, **options)

    monkeypatch.setattr(*place, broken)


def everything(opened: DiffStore) -> dict[str, metrics.DiffMetrics]:
    """Ask a store for all that it can do; each of it answers or is a StoreError."""
    found = opened.get(NOW, MAIN, RIGHTS)
    opened.warm_digests(NOW, PICTURES, sync=True)
    opened.warm_diffs(NOW, PICTURES, PICTURES)
    assert opened.wait(PATIENCE)
    opened.ranked(MAIN, RIGHTS)
    for future in (opened.original(MAIN), opened.delta(MAIN, RIGHTS[0])):
        future.exception(PATIENCE)  # it ends, one way or the other
    with tornado_server(opened) as served:
        for rest in (f"images/{MAIN}.png", f"diffs/{MAIN}-{RIGHTS[0]}.png"):
            assert served.ask(rest).status in (200, 404)
    return found


@pytest.mark.parametrize("place", [*DATABASE, *PIXELS, *INSIDE, *COPIES, *RECORDS], ids=named)
@pytest.mark.parametrize("every", [1, 3])
def test_a_fault_costs_no_more_than_the_pictures_it_hits(
    tmp_path: Path, place: Place, every: int, quiet: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = stores.folder(tmp_path / "source", PICTURES)
    for number, fault in enumerate(FAULTS[:2] if every == 1 else FAULTS[2:]):
        root = tmp_path / str(number)
        with DiffStore(root, source=source, pause=0) as opened, pytest.MonkeyPatch.context() as patch:
            break_at(patch, place, fault, every)
            caplog.clear()
            found = everything(opened)
            assert found.items() <= FIGURES.items()
            assert found == FIGURES or "is not compared with" in caplog.text
            if place in DATABASE or place in RECORDS:  # what is known is not needed
                assert found == FIGURES
        with DiffStore(root, source=source, pause=0) as again:
            again.purge_digests(PICTURES)
            assert again.get(NOW, MAIN, RIGHTS) == FIGURES
            assert again.unavailable_digests() == {}
    assert quiet == []


@pytest.mark.parametrize("place", DATABASE[4:], ids=named)
def test_what_the_file_cannot_do_is_a_store_error(tmp_path: Path, place: Place) -> None:
    """Whatever it was: callers know one error of a store."""
    with DiffStore(tmp_path) as opened:
        opened.records.remember_contents({MAIN: MAIN})
        for fault in FAULTS:
            with pytest.MonkeyPatch.context() as patch:
                break_at(patch, place, fault)
                for ask in (
                    lambda: opened.records.remember_contents({MAIN: MAIN}),
                    lambda: opened.purge_digests([MAIN]),
                    opened.unavailable_digests,
                    lambda: DiffStore(tmp_path).close(),
                ):
                    with contextlib.suppress(StoreError):
                        ask()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    made = folders(tmp_path_factory.mktemp("pair"))
    for number in range(4):
        for side in (made.first, made.second):
            samples = stores.samples(number, 20, 30)[:, :, :3].copy()
            samples[: number if side == made.second else 0] ^= 255
            (side / f"{number}.png").write_bytes(png(samples))
    return made


def rows(given: Folders, executor: Executor, **store: None) -> list[PairResult]:
    run = batch.run(*given, executor=executor, **store)
    return [row._replace(seconds=None) for row in results.read(run.csv_path)]


@pytest.fixture(scope="module")
def expected(pair: Folders) -> list[PairResult]:
    with ThreadPoolExecutor(2) as executor:
        return rows(pair, executor, store=None)


@pytest.mark.parametrize(
    "place",
    [*RECORDS, *DATABASE, *COPIES[:-1], (DiffStore, "__init__"), (DiffStore, "keep_originals")],
    ids=named,
)
def test_a_run_goes_on(
    pair: Folders,
    expected: list[PairResult],
    tmp_path: Path,
    place: Place,
    quiet: list[Any],
    recwarn: pytest.WarningsRecorder,
) -> None:
    """Before and behind a run whose store knows all of it."""
    given = pair.elsewhere(tmp_path / "out")
    with ThreadPoolExecutor(2) as executor:
        with pytest.MonkeyPatch.context() as patch:
            break_at(patch, place, FAULTS[0])
            assert rows(given, executor) == expected
        rows(given, executor)
        for fault in FAULTS:
            with pytest.MonkeyPatch.context() as patch:
                break_at(patch, place, fault)
                assert rows(given, executor) == expected
        assert rows(given, executor) == expected
    assert quiet == []
    known: tuple[str, ...] = ("The store",)
    if place[1] == "close":  # a file that is left open is closed by Python, which from 3.13 on says so
        gc.collect()
        known += ("unclosed database",)
    assert all(str(warning.message).startswith(known) for warning in recwarn)


def test_a_thread_whose_value_cannot_be_weighed_ends_no_wait() -> None:
    def weigh(value: str) -> int:
        raise KeyError(value)

    reading: cache.ReadThrough[str, str] = cache.ReadThrough(
        lambda _, key: key, size=5, workers=1, weigh=weigh, limit=5
    )
    assert [reading.get(NOW, key) for key in "aba"] == ["a", "b", "a"]
    reading.close()


def test_large_files_are_kept_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their digest nor their copy has all of them in memory."""
    data = bytes(range(256)) * (5 << 12)
    path, digest = tmp_path / "large.png", images.digest(data)
    path.write_bytes(data)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("reads all of it"))
    assert images.digest(path) == images.digest(str(path)) == digest
    with DiffStore(tmp_path / "store") as opened:
        assert opened.keep_originals([(digest, path), (stores.opaque("other"), path)]) == 1
        assert opened.records.content(digest) == digest
        kept = [path for path in (opened.root / "images").rglob("*") if path.is_file()]
    with kept[0].open("rb") as file:
        assert file.read() == data
    assert len(kept) == 1
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
