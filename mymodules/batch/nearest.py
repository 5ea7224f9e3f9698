"""Which pictures were renamed and changed: a missing and an extra one that are clearly nearest to each other.

Distance: the combined metric of two pictures, by which the store ranks them too. It is exact, and grows with
the root of the number of differing pixels.

Empty pictures, of one colour, are no candidates: nothing tells them apart.

Clearly nearest: the distance of a pair is at most one part in `RIVALS` of the distance of either picture to
any other candidate, so both choose each other and neither has a second choice. Where there is no rival, two
pictures of little ink are near, whatever they show, and so are two variants of one plot; so it is also at
most one part in `BLANKS` of the distance of either to a picture of its own commonest colour. If exactly one
missing and one extra file have a base name, that breaks ties: the pair may have nearer rivals, of more than
one part in `RIVALS` of its own distance, but either is still nearer to the other than to that empty picture.
Anything else is ambiguous, and not paired.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import files, images, metrics
from mymodules.batch.search import Group, Renamed
from mymodules.errors import ImageError
from mymodules.images import Rgba

RIVALS: Final = 2.0
"""How many times as far as the pair any rival is, at least."""

BLANKS: Final = 5.0
"""How many times as far as the pair an empty picture is, at least."""

Distances = NDArray[np.float64]


class _Side(NamedTuple):
    """The pictures of one side, how far each is from an empty one, and whether all are those of the rows."""

    names: list[str]
    pictures: list[Rgba]
    blanks: Distances
    is_whole: bool


def clear(group: Group) -> tuple[list[Renamed], bool]:
    """Return the pairs that are clear, and whether all files were those of the rows."""
    first, second = (_read(paths, group) for paths in (group.missing, group.extra))
    found = [*_clear(group, first, second)] if first.names and second.names else []
    return found, first.is_whole and second.is_whole


def _clear(group: Group, first: _Side, second: _Side) -> Iterator[Renamed]:
    """Yield the pairs that are clear."""
    distances = np.array(
        [[metrics.pixel_diff(one, other).combined for other in second.pictures] for one in first.pictures]
    )
    rivals = np.minimum(_of_others(distances), _of_others(distances.T).T)
    blanks = np.minimum.outer(first.blanks, second.blanks)
    near = (distances * RIVALS <= rivals) & (distances < rivals) & (distances * BLANKS <= blanks)
    tied = (distances < rivals * RIVALS) & (distances < blanks)
    for row, column in np.argwhere(near | tied):
        old, new = first.names[row], second.names[column]
        if near[row, column] or (old, new) in group.named:
            other = min(rivals[row, column], blanks[row, column])
            score = 1 - distances[row, column] / other if other else 0.0
            yield Renamed(old, new, round(max(0.0, float(score)), 6))


def _read(paths: Mapping[str, str], group: Group) -> _Side:
    """Read those pictures that are as in their rows and not empty."""
    names, pictures, blanks, is_whole = [], [], [], True
    for name, path in paths.items():
        try:
            data = files.contents(Path(path))
            is_same = images.digest(data) == group.digests[name]
            rgba = images.read_rgba(data, max_pixels=group.max_pixels) if is_same else None
        except (ImageError, OSError, MemoryError):
            rgba = None
        if rgba is None:
            is_whole = False
        elif blank := _blank(rgba):
            names.append(name)
            pictures.append(rgba)
            blanks.append(blank)
    return _Side(names, pictures, np.array(blanks, np.float64), is_whole)


def _blank(rgba: Rgba) -> float:
    """Return the distance of a picture from one of its commonest colour."""
    words = np.ascontiguousarray(rgba).view(np.uint32)
    step = words.size >> 16 | 1  # of a large picture, a sample is enough
    values, counts = np.unique(words.reshape(-1)[::step], return_counts=True)
    empty = np.full(words.shape, values[counts.argmax()], np.uint32)
    return metrics.pixel_diff(rgba, empty.view(np.uint8)).combined


def _of_others(distances: Distances) -> Distances:
    """Return for each item the least of the others in its row; infinite if there are none."""
    nearest = distances.argmin(axis=1, keepdims=True)
    least = np.take_along_axis(distances, nearest, axis=1)
    others = distances.copy()
    np.put_along_axis(others, nearest, np.inf, axis=1)
    found = np.repeat(least, distances.shape[1], axis=1)
    np.put_along_axis(found, nearest, others.min(axis=1, keepdims=True), axis=1)
    return found
