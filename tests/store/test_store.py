"""The store: what it answers, each once, with real files and threads."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support import stores
from support.programs import until
from support.stores import ABSENT, FIRST, PATIENCE, Held

from mymodules import images, metrics
from mymodules.errors import OutputError, StoreError
from mymodules.store import IDLE, NOW, DiffStore, diff_id, diffstore
from mymodules.store.purges import Purges


def test_get_skips_the_main_one_and_folds_repeated_ones(opened: DiffStore) -> None:
    main, right, *_ = FIRST
    assert set(opened.get(NOW, main, [right, main, right])) == {right}
    assert opened.get(NOW, main, [main]) == {}
    with pytest.raises(StoreError, match="empty"):
        opened.get(NOW, "", [right])


@pytest.mark.parametrize(
    "name", ["", "x", "../../etc/passwd", "a" * 31, "é" * 32, "-" * 32, "\ud800", "a" * 32 + "\n"]
)
def test_what_is_no_digest_is_left_out_and_touches_nothing(
    opened: DiffStore, tmp_path: Path, name: str
) -> None:
    main, right, *_ = FIRST
    assert set(opened.get(NOW, main, [name, right])) == {right}
    opened.warm_digests(NOW, [name], sync=True)
    if name:
        assert opened.get(NOW, name, [right]) == {}
    opened.purge_digests([name], purge_remote=True)
    assert opened.unavailable_digests() == {}


def test_warming_again_does_not_ask_the_source(tmp_path: Path) -> None:
    asked = stores.Counted(FIRST)
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        opened.warm_digests(IDLE, [*FIRST, *ABSENT], sync=True)
        assert {asked.asked[digest] for digest in FIRST} == {1}
        opened.warm_digests(NOW, FIRST, sync=True)
        assert [opened.original(digest).result().data for digest in FIRST] == list(FIRST.values())
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        opened.warm_digests(NOW, FIRST, sync=True)
        main, *rights = FIRST
        assert len(opened.get(NOW, main, rights)) == len(rights)
    assert {asked.asked[digest] for digest in FIRST} == {1}


def test_warm_diffs_compares_each_pair_once(opened: DiffStore, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = metrics.pixel_diff
    monkeypatch.setattr(metrics, "pixel_diff", lambda *both: compared.append(1) or real(*both))
    one, two, three, *_ = FIRST
    opened.warm_diffs(IDLE, [one, two, two], [one, two, three])
    assert opened.wait(PATIENCE)
    assert len(compared) == 3
    assert set(opened.get(NOW, one, [two, three])) == {two, three}
    assert len(compared) == 3


def test_a_later_success_clears_the_failure(opened: DiffStore, source: Path, tmp_path: Path) -> None:
    late = ABSENT[0]
    opened.warm_digests(NOW, [late], sync=True)
    assert list(opened.unavailable_digests()) == [late]
    stores.folder(source, {late: FIRST[next(iter(FIRST))]})
    with DiffStore(tmp_path / "store", source=source, pause=0) as again:
        again.warm_digests(NOW, [late], sync=True)
        assert again.unavailable_digests() == {}
    assert opened.unavailable_digests() == {}


@pytest.mark.parametrize(
    "wrong",
    [{"gib": "1"}, {"gib": float("nan")}, {"gib": float("inf")}, {"gib": None}, {"max_workers": 0},
     {"max_workers": -1}, {"max_workers": "2"}, {"max_pixels": 0}, {"pause": -1}, {"pause": float("nan")},
     {"root": "nul\0"}, {"root": "~nosuchuser/x"}, {"root": 5}, {"root": ""}],
    ids=repr,
)  # fmt: skip
def test_what_is_no_number_or_folder_is_one_sentence(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(
        StoreError, match=r"it must be a number|must be the path of a folder|leads to no home folder"
    ):
        DiffStore(**{"root": tmp_path / "store", **wrong})


def test_a_thousand_threads_and_one_computation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main, right, *_ = FIRST
    expected = stores.figures(FIRST, main, right)
    asked, compared, found = stores.Counted(FIRST), [], []
    real = metrics.pixel_diff
    monkeypatch.setattr(metrics, "pixel_diff", lambda *both: compared.append(1) or real(*both))
    barrier = threading.Barrier(1000)

    def ask() -> None:
        barrier.wait()
        found.append(opened.get(NOW, main, [right])[right])

    threads = [threading.Thread(target=ask) for _ in range(1000)]
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 1000
    assert (sum(asked.asked.values()), len(compared)) == (2, 1)


def test_waiting_while_warming_begins(opened: DiffStore, monkeypatch: pytest.MonkeyPatch) -> None:
    main, right, *_ = FIRST
    start, this = threading.Thread.start, threading.current_thread()

    def waited(thread: threading.Thread) -> None:
        if threading.current_thread() is this:
            opened.wait(0)  # as another thread may, at this very moment
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", waited)
        opened.warm_diffs(NOW, [main], [right])
    assert opened.wait(PATIENCE)
    assert diff_id(main, right) in opened.caches.metrics


def test_closing_does_not_wait_long_for_what_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffstore, "_LAST", 0.1)
    begun, work = [], Purges.work
    monkeypatch.setattr(Purges, "work", lambda self, *ids: begun.append(ids) or work(self, *ids))
    held = Held(FIRST.get)
    opened = DiffStore(tmp_path / "store", source=held)
    main, right, *_ = FIRST
    opened.warm_diffs(NOW, [main], [right])
    drawing = opened.delta(main, right)
    until(lambda: len(begun) == 4, "two pictures, their figures and the difference picture are begun")
    began = time.monotonic()
    opened.close()
    assert time.monotonic() - began < 4
    assert not drawing.done()
    held.let.set()
    assert drawing.exception(PATIENCE) is None or "closed" in str(drawing.exception())


def test_a_store_that_was_closed_says_so(tmp_path: Path, source: Path) -> None:
    opened = DiffStore(tmp_path / "store", source=source)
    opened.close()
    opened.close()
    assert isinstance(opened.original(next(iter(FIRST))).exception(PATIENCE), StoreError)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file"):
        DiffStore(tmp_path / "file" / "store")


def test_no_memory_to_use_still_works(tmp_path: Path, source: Path) -> None:
    with DiffStore(tmp_path / "store", source=source, gib=0, max_workers=1) as opened:
        main, *rights = FIRST
        assert len(opened.get(NOW, main, rights)) == len(rights)
        assert len(opened.caches.metrics) == 1
        assert len(opened.caches.images) == 1


def test_a_difference_picture_of_a_long_and_a_high_one_is_not_made(tmp_path: Path) -> None:
    long, high, small = "a" * 32, "b" * 32, "c" * 32
    sizes = {long: (2, 50), high: (50, 2), small: (2, 2)}
    pictures = {digest: stores.png(stores.samples(5, *size)) for digest, size in sizes.items()}
    with DiffStore(tmp_path / "store", source=pictures.get, max_pixels=100, pause=0) as opened:
        for one, other in ((long, high), (high, long)):
            error = opened.delta(one, other).exception(PATIENCE)
            assert isinstance(error, StoreError)
            assert "50 x 50 px" in str(error)
        drawn = images.read_rgba(opened.delta(long, small).result(PATIENCE))
        assert drawn.shape[:2] == (2, 50)
        assert opened.unavailable_digests() == {}  # each of them can be had


def test_the_difference_picture_of_a_picture_with_itself_is_empty(opened: DiffStore) -> None:
    one = next(iter(FIRST))
    height, width = images.read_rgba(FIRST[one]).shape[:2]
    drawn = images.read_rgba(opened.delta(one, one).result(PATIENCE))
    assert drawn.shape[:2] == (height, width)
    assert not drawn[..., 3].any()
    assert "do not name two pictures" in str(opened.delta(one, "no name").exception(PATIENCE))


def test_what_is_too_large_here_is_not_called_damaged(tmp_path: Path) -> None:
    digest = next(iter(FIRST))
    with DiffStore(tmp_path / "store", source=FIRST.get, max_pixels=5, pause=0) as small:
        assert "px" in str(small.original(digest).exception(PATIENCE))
        assert small.unavailable_digests()[digest].reason == "other"
