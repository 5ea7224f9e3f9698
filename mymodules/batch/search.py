"""The search for files that were renamed and changed: which pictures are worth a look, and at what cost.

Candidates: pictures of one size, which the rows know, so that no file is opened that has no candidate. Of a
picture that a file on the other side equals byte for byte, `renames` has said what can be said. The sizes
with the least to compare come first; those that would go beyond `COMPARED` or `HELD` are left out, as a
whole, because without all rivals nothing is clear. Which candidates belong together, the worker processes
find out, with `nearest`: this process decodes no picture.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from mymodules.batch import pool
from mymodules.batch.request import Request
from mymodules.row import CANNOT, PairResult, counted

COMPARED: Final = 1 << 33
"""The most pixels that are compared, those of both pictures counted once: ten to twenty processor seconds."""

HELD: Final = 1 << 26
"""The most pixels of pictures that are in the memory of a process at once: 256 MB."""

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
    """

    missing: dict[str, str]
    extra: dict[str, str]
    named: set[tuple[str, str]]
    max_pixels: int

    @property
    def count(self) -> int:
        """How many pictures these are."""
        return len(self.missing) + len(self.extra)


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
    """
    began = time.monotonic()
    tasks: list[list[Group]] = []
    left_out, room, given, candidates = 0, COMPARED, TASK, 0
    for work, pixels, group in _groups(list(rows), paths, max_pixels):
        if work > room or group.count * pixels > HELD:
            left_out += group.count
            continue
        room, given, candidates = room - work, given + work, candidates + group.count
        if given > TASK:
            tasks.append([])
            given = work
        tasks[-1].append(group)
    found: list[Renamed] = []
    failed = 0
    is_long = COMPARED - room > TASK
    if is_long:
        enter(f"searching {counted(candidates)} for renamed ones")
    for number, (task, answer) in enumerate(zip(tasks, pool.answers(clear, tasks, request), strict=True)):
        if is_long and number:
            enter(f"searching {counted(candidates)} for renamed ones, {100 * number // len(tasks)} %")
        if answer is None:
            failed += sum(group.count for group in task)
        else:
            found += answer
    return Search(found, left_out + failed, failed, time.monotonic() - began)


def clear(groups: Sequence[Group]) -> list[Renamed]:
    """Return what is clear in these groups; the task of a worker process."""
    from mymodules.batch import nearest  # the process that only gives out the work does without it

    return [found for group in groups for found in nearest.clear(group)]


def _groups(
    rows: Sequence[PairResult], paths: Mapping[str, str], max_pixels: int
) -> Iterator[tuple[int, int, Group]]:
    """Yield those of each size that both sides have, after their work and the pixels of one; least first."""
    usable = [row for row in rows if CANNOT not in row.messages]
    digests = [{getattr(row, f"{side}_digest") for row in usable} for side in ("first", "second")]
    both = digests[0] & digests[1]
    sizes: dict[tuple[int, int], tuple[list[str], list[str]]] = {}
    for row in usable:
        width, height = row.width_first or row.width_second, row.height_first or row.height_second
        if width and height and (row.first_digest or row.second_digest) not in both:
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
        yield work, pixels, Group(sides[0], sides[1], both_here, max_pixels)


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
