"""The read-through cache: once for each key, by priority, values and errors kept as long as they should."""

import gc
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.programs import until

from mymodules.store.cache import ERRORS_KEPT, ReadThrough

PATIENCE = 60.0  # s


class Held:
    """Computes ``key + "!"``, each only when it is let; notes in which order it was asked."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.asked: list[tuple[int, str]] = []

    def __call__(self, priority: int, key: str) -> str:
        self.asked.append((priority, key))
        self.begun.release()
        assert self.let.acquire(timeout=PATIENCE)
        return key + "!"


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def one_thread(held: Held) -> Iterator[ReadThrough[str, str]]:
    """A cache whose one thread is busy with ``busy``."""
    cache = ReadThrough(held, size=100, workers=1)
    cache.submit(0, "busy")
    assert held.begun.acquire(timeout=PATIENCE)
    yield cache
    held.let.release(100)
    cache.close()


def test_a_thousand_keys_at_once_all_arrive() -> None:
    asked: list[str] = []
    cache = ReadThrough(lambda _, key: asked.append(key) or key + "!", size=1000, workers=10)
    keys = [f"id {number}" for number in range(1000)]
    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(lambda key: cache.get(0, key), keys)) == [key + "!" for key in keys]
    assert [cache.get(2, key) for key in keys] == [key + "!" for key in keys]
    assert sorted(asked) == sorted(keys)
    cache.close()


def test_the_queue_is_worked_off_by_priority_and_then_in_order(
    held: Held, one_thread: ReadThrough[str, str]
) -> None:
    for priority, key in ((2, "e"), (1, "c"), (0, "a"), (1, "d"), (0, "b")):
        one_thread.submit(priority, key)
    held.let.release(100)
    assert one_thread.wait(PATIENCE)
    assert held.asked[1:] == [(0, "a"), (0, "b"), (1, "c"), (1, "d"), (2, "e")]


def test_a_queued_id_takes_the_new_priority_higher_or_lower(
    held: Held, one_thread: ReadThrough[str, str]
) -> None:
    for priority, key in ((0, "first"), (1, "middle"), (2, "last")):
        one_thread.submit(priority, key)
    assert one_thread.submit(2, "first") is one_thread.submit(2, "first")
    one_thread.submit(0, "last")
    held.let.release(100)
    assert one_thread.wait(PATIENCE)
    assert [key for _, key in held.asked[1:]] == ["last", "middle", "first"]


def test_as_many_at_a_time_as_there_are_workers(held: Held) -> None:
    cache = ReadThrough(held, size=10, workers=3)
    futures = [cache.submit(0, str(number)) for number in range(5)]
    assert [held.begun.acquire(timeout=PATIENCE) for _ in range(3)] == [True] * 3
    assert not held.begun.acquire(timeout=0.1)
    held.let.release(5)
    assert [future.result(PATIENCE) for future in futures] == [f"{number}!" for number in range(5)]
    cache.close()


def test_an_error_is_the_very_same_for_half_an_hour() -> None:
    now = [0.0]
    asked: list[str] = []

    def fail(_: int, key: str) -> str:
        asked.append(key)
        raise ValueError(key)

    cache = ReadThrough(fail, size=10, workers=1, clock=lambda: now[0])
    first = cache.submit(0, "a").exception()
    now[0] = ERRORS_KEPT - 1
    assert cache.submit(0, "a").exception() is first
    with pytest.raises(ValueError, match="a") as caught:
        cache.get(0, "a")
    assert caught.value is first
    now[0] = ERRORS_KEPT
    second = cache.submit(0, "a").exception()
    assert second is not first
    cache.forget("a".__eq__)
    assert cache.submit(0, "a").exception() is not second
    assert len(asked) == 3
    cache.close()


def failing(_: int, key: str) -> str:
    raise ValueError(key)


class Failure(ValueError):
    """An error whose end can be seen, unlike that of a built-in one."""


def test_few_errors_are_kept_and_none_that_has_expired() -> None:
    now = [0.0]

    def fail(_: int, key: str) -> str:
        raise Failure(key)

    cache = ReadThrough(fail, size=10, workers=1, errors=3, clock=lambda: now[0])
    errors = {key: weakref.ref(cache.submit(0, key).exception()) for key in "abcd"}
    assert cache.wait(PATIENCE)

    def kept() -> list[str]:
        gc.collect()
        return [key for key, error in errors.items() if error() is not None]

    until(lambda: kept() == ["b", "c", "d"], "whoever asks for ever new keys fills no memory")
    assert cache.submit(0, "d").exception() is errors["d"]()
    now[0] = ERRORS_KEPT
    cache.submit(0, "e").exception()
    until(lambda: kept() == [], "the others are gone although nobody has asked for them again")
    cache.close()


def test_no_error_is_kept_where_none_is_to_be() -> None:
    cache = ReadThrough(failing, size=10, workers=1, errors=0)
    assert cache.submit(0, "a").exception() is not cache.submit(0, "a").exception()
    cache.close()


def test_an_error_is_tried_anew_when_what_it_depends_on_has_changed() -> None:
    there = {"a": "nothing"}
    cache = ReadThrough(failing, size=10, workers=1, state=lambda key: there[key])
    first = cache.submit(0, "a").exception()
    assert cache.submit(0, "a").exception() is first
    there["a"] = "something"
    second = cache.submit(0, "a").exception()
    assert second is not first
    assert cache.submit(0, "a").exception() is second
    cache.close()


def test_what_was_forgotten_while_it_was_computed_is_not_kept(
    held: Held, one_thread: ReadThrough[str, str]
) -> None:
    waiting = one_thread.submit(0, "busy")
    one_thread.forget("busy".__eq__)
    again = one_thread.submit(0, "busy")
    assert again is not waiting
    held.let.release()
    assert waiting.result(PATIENCE) == "busy!"
    assert "busy" not in one_thread
    held.let.release()
    assert again.result(PATIENCE) == "busy!"
    assert "busy" in one_thread


def test_a_future_cannot_be_cancelled(held: Held, one_thread: ReadThrough[str, str]) -> None:
    future = one_thread.submit(0, "a")
    assert not future.cancel()
    held.let.release(2)
    assert future.result(PATIENCE) == "a!"


def test_closing_ends_what_waits(held: Held) -> None:
    cache = ReadThrough(held, size=10, workers=1)
    running, queued = cache.submit(0, "a"), cache.submit(0, "b")
    assert held.begun.acquire(timeout=PATIENCE)
    cache.close()
    assert not cache.join(0.01)  # what is being computed is not given up
    held.let.release()
    assert cache.join(PATIENCE)
    assert running.result(PATIENCE) == "a!"
    assert "closed" in str(queued.exception(PATIENCE))
    assert "closed" in str(cache.submit(0, "c").exception(PATIENCE))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thread_that_cannot_be_started(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ReadThrough(lambda priority, key: key.upper(), size=5, workers=workers)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for key in ("a", "a", "b"):
            assert "can't start new thread" in str(cache.submit(0, key).exception(PATIENCE))
        assert cache.wait(0)
        assert cache.join(0)
    for key in ("b", "a", "c"):
        assert cache.submit(0, key).result(PATIENCE) == key.upper()
    cache.close()
    assert cache.join(PATIENCE)


def test_what_no_thread_is_started_for_is_done_by_another(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    cache = ReadThrough(held, size=5, workers=2)
    cache.submit(0, "busy")
    assert held.begun.acquire(timeout=PATIENCE)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        waiting = cache.submit(0, "a")
    held.let.release(2)
    assert waiting.result(PATIENCE) == "a!"
    cache.close()
