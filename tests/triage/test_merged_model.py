"""Merging against a plain model: not of times, but of what each computer knew when it decided."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mymodules import files
from mymodules.triage import Decisions, Row, lines

IDS = ("a" * 16, "b" * 16, "c" * 16)
ROWS = (Row("a.png", "1" * 32, "2" * 32), Row("b.png", "1" * 32, "3" * 32))
COMPUTERS = st.integers(0, 2)
WORDS = st.sampled_from(["accept", "reject", "clear", "undo", "redo"])
MOVES = st.tuples(COMPUTERS, st.sets(COMPUTERS), WORDS, st.sampled_from([ROWS[:1], ROWS]))


@dataclass(eq=False)
class Put:
    """A step from the moment on in which it was put in force."""

    word: str
    rows: tuple[Row, ...]
    known: frozenset["Put"] = frozenset()  # those of others that were in force for whoever decided


@dataclass
class Computer:
    """What one has decided, as lists that are copied, and what it has seen of others."""

    done: list[Put] = field(default_factory=list)
    undone: list[Put] = field(default_factory=list)
    seen: dict[int, list[Put]] = field(default_factory=dict)

    def move(self, word: str, rows: tuple[Row, ...]) -> None:
        known = frozenset(itertools.chain.from_iterable(self.seen.values()))
        if word == "undo":
            if self.done:
                self.undone.append(self.done.pop())
        elif word == "redo":
            if self.undone:
                again = self.undone.pop()
                self.done.append(Put(again.word, again.rows, known))
        else:
            self.done.append(Put(word, rows, known))
            self.undone.clear()


def may_hold(lists: list[list[Put]], row: Row) -> set[str]:
    """Return the words that may hold: those of last steps in view of which no other last one was made."""
    last = [puts[-1] for each in lists if (puts := [put for put in each if row in put.rows])]
    words = {put.word for put in last if not any(put in other.known for other in last)}
    return {"" if word == "clear" else word for word in words} or {""}


@given(
    moves=st.lists(MOVES, max_size=10),
    clocks=st.permutations([-3, 0, 500_000]),
    order=st.permutations(range(3)),
)
@settings(max_examples=40, deadline=None)
def test_what_each_reads_is_what_it_may(
    moves: list[Any], clocks: list[int], order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In any order of reading, the same holds everywhere."""
    root, now = tmp_path_factory.mktemp("out"), [0]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls(2026, 1, 2) + timedelta(seconds=now[0])

    def show(of: int, to: int) -> None:
        if (path := root / IDS[of] / "triage.csv").exists():
            files.replace(root / IDS[to] / f"triage.{IDS[of]}.csv", [path.read_bytes()], durable=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "datetime", Clock)
        patch.setattr("os.fsync", lambda descriptor: None)
        for each in IDS:
            (root / each).mkdir()
        desks, computers = [Decisions(root / each) for each in IDS], [Computer() for _ in IDS]
        for at, (who, looked_at, word, about) in enumerate(moves):
            now[0] = at + clocks[who]
            model, desk = computers[who], desks[who]
            for each in looked_at - {who}:
                show(each, who)
                model.seen[each] = [*computers[each].done]
            model.move(word, about)
            desk.undo() if word == "undo" else desk.redo() if word == "redo" else desk.decide(about, word)
            for row in ROWS:
                held = desk.of(row)[0]
                assert held in may_hold([model.done, *model.seen.values()], row)
                if word not in ("undo", "redo") and row in about:
                    assert held == ("" if word == "clear" else word)
        for to in range(3):
            for of in order if to else reversed(order):
                if of != to:
                    show(of, to)
                    desks[to].of(ROWS[0])
        found = [[desk.of(row)[0] for row in ROWS] for desk in (*desks, *map(fresh, IDS, [root] * 3))]
    assert all(each == found[0] for each in found)
    for row, word in zip(ROWS, found[0], strict=True):
        assert word in may_hold([each.done for each in computers], row)


def fresh(name: str, root: Path) -> Decisions:
    return Decisions(root / name)
