"""Purges: work that began before the end of one keeps nothing of what was purged."""

import threading
from concurrent.futures import ThreadPoolExecutor

from mymodules.store.purges import Purges

PATIENCE = 60.0  # s


def test_work_that_began_before_the_end_of_a_purge_keeps_nothing() -> None:
    purges = Purges()

    def may_keep(work) -> bool:
        with work.keeping() as wanted:
            return wanted

    with purges.work("a", "b") as early, purges.work("c") as other:
        assert may_keep(early)
        with purges.purge(frozenset("ax")), purges.work("x") as meanwhile, purges.work("b") as free:
            assert [may_keep(work) for work in (early, other, meanwhile, free)] == [False, True] * 2
        assert [may_keep(work) for work in (early, other)] == [False, True]
    with purges.work("a") as late:
        assert may_keep(late)


def test_a_purge_waits_for_what_is_being_kept() -> None:
    purges, keeps, let, purged = Purges(), threading.Event(), threading.Event(), threading.Event()

    def keep() -> None:
        with purges.work("a") as work, work.keeping() as wanted:
            assert wanted
            keeps.set()
            assert let.wait(PATIENCE)
            assert not purged.is_set()

    def purge() -> None:
        with purges.purge(frozenset("a")):
            purged.set()

    with ThreadPoolExecutor(2) as pool:
        keeping = pool.submit(keep)
        assert keeps.wait(PATIENCE)
        purging = pool.submit(purge)
        assert not purged.wait(0.1)
        let.set()
        keeping.result(PATIENCE)
        purging.result(PATIENCE)
    assert purged.is_set()
