"""The list of changes is complete, and so are the looks: nothing that differs is decided unseen."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.owners import hidden
from support.planted import HEIGHT, WIDTH, empty, section, sections, stacked, write
from support.programs import Folders, folders, png

from mymodules import batch, looks
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import changes
from mymodules.comparison.ledger import ledger
from mymodules.triage import Decisions, Row


def pages(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A page before and after some of its sections changed, came, went, moved or got more room."""
    some = random.Random(seed)
    before, after = sections(seed + 1, 9), []
    for number, each in enumerate(before):
        what = some.choice(["same", "same", "word", "dot", "new", "gone", "room", "other"])
        made = each.copy()
        if what == "word":
            write(made, 320, 10, some.choice(["Save", "Sale", "total 900"]), size=12)
        elif what == "dot":
            made[some.randrange(HEIGHT), some.randrange(WIDTH)] ^= 1
        elif what == "new":
            after.append(section(90_000 + 10 * seed + number))
        elif what == "room":
            after.append(empty(some.choice([1, 4, 30])))
        elif what == "other":
            made = section(80_000 + 10 * seed + number, height=some.choice([HEIGHT, 2 * HEIGHT])).copy()
        if what != "gone":
            after.append(made)
    if seed % 3 == 0:
        after[:2] = after[1::-1]
    return stacked(before), stacked(after or [empty(1)])


@pytest.mark.parametrize("seed", range(12))
def test_every_pixel_that_differs_belongs_to_one_change_or_moved(seed: int) -> None:
    for first, second in (pages(seed), pages(seed)[::-1]):
        pieces = align(first, second)
        found = changes(first, second, pieces)
        wrong, moved = hidden(first, second, pieces, found)
        assert wrong == []
        assert moved == ledger(first, second, pieces).moved
        if found and len(found) > 1:  # the count sees it if a change is left out
            assert hidden(first, second, pieces, found[1:])[0] != []


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Two folders of those pages, and one that shares all of its changes with another."""
    made = folders(tmp_path_factory.mktemp("pages"))
    for number in range(8):
        for folder, page in zip((made.first, made.second), pages(max(number, 1)), strict=True):
            (folder / f"{number}.png").write_bytes(png(page))
    return made


def test_all_is_decided_look_by_look_and_what_is_open_is_told(made: Folders) -> None:
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, pictures="none", store=None)
    frame, changes = run.frame(), run.changes()
    assert changes is not None
    desk, last = Decisions(made.out), None
    while True:
        plan = looks.plan(frame, changes=changes, decided=desk.decided_changes(frame, changes))
        standings = desk.standings(frame, changes)
        open_ = [each for each in standings if each.changes and not each.decision]
        count = sum(each.changes - each.decided for each in standings)
        assert count == sum(len(each.occurrences) for each in plan.classes.values())
        assert bool(count) == bool(plan.looks) == bool(open_)
        assert f" {len(plan.classes):,} distinct change" in str(plan)
        assert last is None or len(plan.classes) < last
        if not plan.looks:
            break
        last = len(plan.classes)
        desk.decide([Row.anywhere(name) for name in plan.looks[0].signatures], "accept")
    assert {each.decision for each in standings if each.changes} == {"accept"}
    assert plan.decided == len(changes)
