"""The search for files that were renamed and changed: which pictures are worth a look, and at what cost.

Candidates: pictures of one size, which the rows know, so that no file is opened that has no candidate. Of a
picture that a file on the other side equals byte for byte, `renames` has said what can be said. The sizes
with the least to compare come first; those that would go beyond `COMPARED` or `HELD` are left out, as a
whole, because without all rivals nothing is clear. Which candidates belong together, the worker processes
find out, with `nearest`: this process decodes no picture.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mymodules import images
from mymodules.batch import pool
from mymodules.batch.request import Request
from mymodules.row import CANNOT, PairResult, counted

if TYPE_CHECKING:
    from mymodules.batch.reuse import Reuse

COMPARED: Final = 1 << 33
"""The most pixels that are compared, those of both pictures counted once: ten to twenty processor seconds."""

HELD: Final = 1 << 26
"""The most pixels of pictures that are in the memory of a process at once: 256 MB."""

VERSION: Final = 1
"""Raised whenever other pictures are found among the same ones, so that no older search is reused."""

_OVERHEAD = 1 << 16  # pixels that could be compared while a comparison begins and ends
_READING = 4  # comparisons that could be made while a picture is read
TASK: Final = 1 << 27
"""The work of one task: enough to make its overhead negligible, and too little to be reported."""


class Renamed(NamedTuple):
    """A file that was renamed and changed.

    Attributes
    ----------
    old, new : str
        Names of the missing and of the extra picture.
    score : float
        How clear it is, from 0 to 1: by how much of the distance to its nearest rival, or to an empty
        picture, the pair is nearer.
    """

    old: str
    new: str
    score: float


@dataclass(frozen=True)
class Group:
    """Missing and extra pictures of one size.

    Attributes
    ----------
    missing, extra : dict of str to str
        Their files, by name.
    named : set of (str, str)
        Names of those of which exactly one on either side has their base name.
    max_pixels : int
        Largest width x height that is decoded.
    digests : dict of str to str
        Of all of these files, by name.
    """

    missing: dict[str, str]
    extra: dict[str, str]
    named: set[tuple[str, str]]
    max_pixels: int
    digests: dict[str, str]

    @property
    def count(self) -> int:
        """How many pictures these are."""
        return len(self.missing) + len(self.extra)

    def key(self, conditions: str) -> str:
        """Return a text that is equal for groups of which the same is found under these conditions."""
        sides = [[(name, self.digests[name]) for name in sorted(side)] for side in (self.missing, self.extra)]
        about = [VERSION, conditions, self.max_pixels, *sides, sorted(self.named)]
        return images.digest(json.dumps(about).encode())


@dataclass
class Search:
    """What a search has found, and what it took.

    Attributes
    ----------
    found : list of Renamed
    left_out : int
        Pictures that were not looked at.
    failed : int
        How many of these, because a fault ended their comparison.
    seconds : float
    """

    found: list[Renamed]
    left_out: int
    failed: int
    seconds: float

    def entry(self) -> dict[str, Any]:
        """Return it as an entry of a run's manifest."""
        return {"found": len(self.found), "left_out": self.left_out, "seconds": round(self.seconds, 3)}

    @property
    def told(self) -> str:
        """A sentence about what was left out; empty if nothing was."""
        subject = "pictures that only one folder has were not searched for renamed ones, because"
        sentences = []
        if large := self.left_out - self.failed:
            sentences.append(
                f"{large:,} {subject} that takes too much time or memory: compare parts of the folders, "
                "with include and exclude."
            )
        if self.failed:
            sentences.append(f"{self.failed:,} {subject} their comparison failed.")
        return " ".join(sentences)


def search(
    rows: Iterable[PairResult],
    paths: Mapping[str, str],
    *,
    max_pixels: int,
    request: Request,
    enter: Callable[[str], object],
    memory: "Reuse | None" = None,
) -> Search:
    """Find the missing and extra pictures that belong together.

    Parameters
    ----------
    rows : iterable of PairResult
        All rows of pictures that only one folder has, except those whose rename is known already.
    paths : mapping of str to str
        Their files by name.
    max_pixels : int
        Largest width x height that is decoded.
    request : Request
        Says which processes do the work; its `cancelled` ends the search.
    enter : callable
        Called with how far the search is, in words, if it takes more than a moment.
    memory : Reuse, optional
        Has what earlier runs found among the same pictures; what is found now is kept there.
    """
    began = time.monotonic()
    chosen: list[tuple[int, Group]] = []
    left_out, room = 0, COMPARED
    for work, pixels, group in _groups(list(rows), paths, max_pixels):
        if work > room or group.count * pixels > HELD:
            left_out += group.count
        else:
            room -= work
            chosen.append((work, group))
    known = _known(memory, [group for _, group in chosen])
    found = [each for some in known.values() for each in some]
    failed = 0
    new: dict[str, list[Renamed]] = {}
    tasks = _tasks((work, group) for number, (work, group) in enumerate(chosen) if number not in known)
    for task, answer in _answers(tasks, request, enter):
        if answer is None:
            failed += sum(group.count for group in task)
            continue
        for group, (some, is_true_of_rows) in zip(task, answer, strict=True):
            found += some
            if memory is not None and is_true_of_rows:
                new[group.key(memory.place.conditions)] = some
    if new and memory is not None:
        memory.ask(lambda store: store.records.searches.remember(new))
    return Search(found, left_out + failed, failed, time.monotonic() - began)


def _known(memory: "Reuse | None", groups: Sequence[Group]) -> dict[int, list[Renamed]]:
    """Return what earlier runs found among the same pictures, by the number of the group."""
    if memory is None or not groups:
        return {}
    keys = [group.key(memory.place.conditions) for group in groups]
    answers = memory.ask(lambda store: store.records.searches.known(keys)) or {}
    found = {}
    for number, (key, group) in enumerate(zip(keys, groups, strict=True)):
        pairs = [Renamed(*each) for each in answers.get(key, ())]
        if key in answers and all(pair.old in group.missing and pair.new in group.extra for pair in pairs):
            found[number] = pairs
    return found


def _tasks(groups: Iterable[tuple[int, Group]]) -> list[tuple[int, list[Group]]]:
    """Return groups, small ones together, and how much work each of these tasks is."""
    tasks: list[tuple[int, list[Group]]] = []
    for work, group in groups:
        if tasks and tasks[-1][0] + work <= TASK:
            before, together = tasks.pop()
            tasks.append((before + work, [*together, group]))
        else:
            tasks.append((work, [group]))
    return tasks


def _answers(
    tasks: Sequence[tuple[int, list[Group]]], request: Request, enter: Callable[[str], object]
) -> Iterator[tuple[list[Group], list[tuple[list[Renamed], bool]] | None]]:
    """Yield each task with what `clear` answers; None if that failed."""
    total = sum(work for work, _ in tasks)
    words = f"searching {counted(sum(group.count for _, task in tasks for group in task))} for renamed ones"
    if total > TASK:
        enter(words)
    done = 0
    given = [task for _, task in tasks]
    for (work, task), answer in zip(tasks, pool.answers(clear, given, request), strict=True):
        yield task, answer
        done += work
        if TASK < total != done:
            enter(f"{words}, {100 * done // total} %")


def clear(groups: Sequence[Group]) -> list[tuple[list[Renamed], bool]]:
    """Return what is clear in each of these groups, and whether its files are those of the rows.

    It is the task of a worker process.
    """
    from mymodules.batch import nearest  # the process that only gives out the work does without it

    return [nearest.clear(group) for group in groups]


def _groups(
    rows: Sequence[PairResult], paths: Mapping[str, str], max_pixels: int
) -> Iterator[tuple[int, int, Group]]:
    """Yield those of each size that both sides have, after their work and the pixels of one; least first."""
    usable = [row for row in rows if CANNOT not in row.messages]
    both = {row.first_digest for row in usable} & {row.second_digest for row in usable}
    digests: dict[str, str] = {}
    sizes: dict[tuple[int, int], tuple[list[str], list[str]]] = {}
    for row in usable:
        width, height = row.width_first or row.width_second, row.height_first or row.height_second
        digest = row.first_digest or row.second_digest
        if width and height and digest and digest not in both:
            digests[row.image_filename] = digest
            names = sizes.setdefault((width, height), ([], []))
            names[row.status == "extra"].append(row.image_filename)
    found = []
    for (width, height), (missing, extra) in sizes.items():
        if missing and extra:
            comparisons = len(missing) * len(extra) + _READING * (len(missing) + len(extra))
            found.append((comparisons * (width * height + _OVERHEAD), width * height, missing, extra))
    named = _of_one_name(rows)
    for work, pixels, missing, extra in sorted(found):
        sides = [{name: paths[name] for name in side} for side in (missing, extra)]
        both_here = {(old, named[old]) for old in missing if named.get(old) in sides[1]}
        about = {name: digests[name] for side in sides for name in side}
        yield work, pixels, Group(sides[0], sides[1], both_here, max_pixels, about)


def _of_one_name(rows: Iterable[PairResult]) -> dict[str, str]:
    """Return the names of files of which exactly one on either side has their base name."""
    sides: dict[str, dict[str, list[str]]] = {"missing": {}, "extra": {}}
    for row in rows:
        sides[row.status].setdefault(PurePosixPath(row.image_filename).name, []).append(row.image_filename)
    return {
        old[0]: new[0]
        for base, old in sides["missing"].items()
        if len(old) == len(new := sides["extra"].get(base, [])) == 1
    }
