"""Files that were renamed and changed: a missing and an extra picture that are clearly nearest to each other.

Distance: the combined metric of two pictures, by which the store ranks them too. It is exact.

Candidates: pictures of one size, which the rows know, so that no file is opened that has no candidate. Empty
pictures, of one colour, are none: nothing tells them apart. Of a picture that a file on the other side equals
byte for byte, `renames` has said what can be said. The sizes with the least to compare come first; those that
would go beyond `COMPARED` or `HELD` are left out, as a whole, because without all rivals nothing is clear.

Clearly nearest: the distance of a pair is at most one part in `RIVALS` of the distance of either picture to
any other candidate, so both choose each other and neither has a second choice. Where there is no rival, two
pictures of little ink are near, whatever they show; so it is also at most one part in `BLANKS` of the
distance of either to a picture of its own commonest colour. If exactly one missing and one extra file have a
base name, that breaks ties: the pair may have nearer rivals, of more than one part in `RIVALS` of its own
distance, but either is still nearer to the other than to that empty picture. Anything else is ambiguous, and
not paired.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import images, metrics
from mymodules.errors import ImageError
from mymodules.images import Rgba
from mymodules.row import CANNOT, PairResult

RIVALS: Final = 2.0
"""How many times as far as the pair any rival is, at least."""

BLANKS: Final = 3.0
"""How many times as far as the pair an empty picture is, at least."""

COMPARED: Final = 1 << 32
"""The most pixels that are compared, those of both pictures counted once: a few seconds."""

HELD: Final = 1 << 26
"""The most pixels of pictures that are in memory at once: 256 MB."""

_OVERHEAD = 1 << 15  # pixels that could be compared while a comparison begins and ends

Distances = NDArray[np.float64]
Names = set[tuple[str, str]]


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


@dataclass
class Search:
    """What a search has found, and what it took.

    Attributes
    ----------
    found : list of Renamed
    left_out : int
        Pictures that were not looked at because there were too many.
    seconds : float
    """

    found: list[Renamed]
    left_out: int
    seconds: float

    def entry(self) -> dict[str, Any]:
        """Return it as an entry of a run's manifest."""
        return {"found": len(self.found), "left_out": self.left_out, "seconds": round(self.seconds, 3)}

    @property
    def told(self) -> str:
        """A sentence about what was left out; empty if nothing was."""
        if not self.left_out:
            return ""
        return (
            f"{self.left_out:,} pictures that only one folder has were not searched for renamed ones, "
            "because too many of them have one size: compare parts of the folders, with include and exclude."
        )


def search(
    rows: Iterable[PairResult],
    paths: Mapping[str, str],
    *,
    max_pixels: int,
    threads: int,
    check: Callable[[], object] = lambda: None,
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
    threads : int
        How many compare.
    check : callable
        Called often; raises to end the search.
    """
    began, rows = time.monotonic(), list(rows)
    named = _of_one_name(rows)
    found: list[Renamed] = []
    left_out, room = 0, COMPARED
    with ThreadPoolExecutor(threads) as workers:
        for pixels, missing, extra in _groups(rows):
            count, work = len(missing) + len(extra), len(missing) * len(extra) * (pixels + _OVERHEAD)
            if work > room or count * pixels > HELD:
                left_out += count
                continue
            room -= work
            first = _Side.read(missing, paths, max_pixels, workers, check)
            second = _Side.read(extra, paths, max_pixels, workers, check)
            found += _clear(first, second, _distances(first, second, workers, check), named)
    return Search(found, left_out, time.monotonic() - began)


def _groups(rows: Sequence[PairResult]) -> list[tuple[int, list[str], list[str]]]:
    """Return the names of either side by size, where both sides have some; the least work first."""
    usable = [row for row in rows if CANNOT not in row.messages]
    digests = [{getattr(row, f"{side}_digest") for row in usable} for side in ("first", "second")]
    both = digests[0] & digests[1]
    groups: dict[tuple[int, int], tuple[list[str], list[str]]] = {}
    for row in usable:
        width, height = row.width_first or row.width_second, row.height_first or row.height_second
        if width and height and (row.first_digest or row.second_digest) not in both:
            names = groups.setdefault((width, height), ([], []))
            names[row.status == "extra"].append(row.image_filename)
    sized = [(width * height, *names) for (width, height), names in groups.items() if all(names)]
    return sorted(sized, key=lambda group: (group[0] + _OVERHEAD) * len(group[1]) * len(group[2]))


class _Side(NamedTuple):
    """The pictures of one side that have one size, and how far each is from an empty one."""

    names: list[str]
    pictures: list[Rgba]
    blanks: Distances

    @classmethod
    def read(
        cls,
        names: Sequence[str],
        paths: Mapping[str, str],
        max_pixels: int,
        workers: ThreadPoolExecutor,
        check: Callable[[], object],
    ) -> "_Side":
        """Read those pictures that can be read and are not empty."""

        def picture(name: str) -> tuple[Rgba, float] | None:
            check()
            try:
                rgba = images.read_rgba(paths[name], max_pixels=max_pixels)
            except (ImageError, OSError, MemoryError):  # it has changed since its row
                return None
            blank = _blank(rgba)
            return (rgba, blank) if blank else None

        read = zip(names, workers.map(picture, names), strict=True)
        kept = [(name, *found) for name, found in read if found is not None]
        return cls(
            [name for name, _, _ in kept],
            [rgba for _, rgba, _ in kept],
            np.array([blank for _, _, blank in kept], np.float64),
        )


def _blank(rgba: Rgba) -> float:
    """Return the distance of a picture from one of its commonest colour."""
    words = np.ascontiguousarray(rgba).view(np.uint32)
    step = words.size >> 16 | 1  # of a large picture, a sample is enough
    values, counts = np.unique(words.reshape(-1)[::step], return_counts=True)
    empty = np.full(words.shape, values[counts.argmax()], np.uint32)
    return metrics.pixel_diff(rgba, empty.view(np.uint8)).combined


def _distances(
    first: _Side, second: _Side, workers: ThreadPoolExecutor, check: Callable[[], object]
) -> Distances:
    """Return the distance of each of first from each of second."""

    def distances(rgba: Rgba) -> list[float]:
        found = []
        for other in second.pictures:
            check()
            same = other.shape == rgba.shape  # else one of them has changed since its row
            found.append(metrics.pixel_diff(rgba, other).combined if same else np.inf)
        return found

    shape = len(first.names), len(second.names)
    return np.array(list(workers.map(distances, first.pictures)), np.float64).reshape(shape)


def _clear(first: _Side, second: _Side, distances: Distances, named: Names) -> list[Renamed]:
    """Return the pairs that are clear."""
    if not distances.size:
        return []
    rivals = np.minimum(_of_others(distances), _of_others(distances.T).T)
    blanks = np.minimum.outer(first.blanks, second.blanks)
    near = (distances * RIVALS <= rivals) & (distances < rivals) & (distances * BLANKS <= blanks)
    tied = (distances < rivals * RIVALS) & (distances < blanks)
    found = []
    for row, column in np.argwhere(near | tied):
        old, new = first.names[row], second.names[column]
        if near[row, column] or (old, new) in named:
            other = min(rivals[row, column], blanks[row, column])
            score = 1 - distances[row, column] / other if other else 0.0
            found.append(Renamed(old, new, round(max(0.0, float(score)), 6)))
    return found


def _of_others(distances: Distances) -> Distances:
    """Return for each item the least of the others in its row; infinite if there are none."""
    nearest = distances.argmin(axis=1, keepdims=True)
    least = np.take_along_axis(distances, nearest, axis=1)
    others = distances.copy()
    np.put_along_axis(others, nearest, np.inf, axis=1)
    found = np.repeat(least, distances.shape[1], axis=1)
    np.put_along_axis(found, nearest, others.min(axis=1, keepdims=True), axis=1)
    return found


def _of_one_name(rows: Iterable[PairResult]) -> Names:
    """Return the pairs of files of which exactly one on either side has their base name."""
    sides: dict[str, dict[str, list[str]]] = {"missing": {}, "extra": {}}
    for row in rows:
        sides[row.status].setdefault(PurePosixPath(row.image_filename).name, []).append(row.image_filename)
    return {
        (old[0], new[0])
        for base, old in sides["missing"].items()
        if len(old) == len(new := sides["extra"].get(base, [])) == 1
    }
