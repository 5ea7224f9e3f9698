"""The pairs of a run that wait for a worker, in the groups in which they are given out."""

from array import array
from collections import deque
from collections.abc import Sequence

from mymodules.batch.contents import size
from mymodules.pairs import Pair

_GROUP_BYTES, _GROUP_PAIRS = 1 << 20, 256  # of one task: enough to make its overhead negligible
_ALIKE = 1 << 16  # bytes

Task = list[Pair]


class Tasks:
    """Give out the largest pairs first, small ones together: a task's work should outweigh its overhead.

    Parameters
    ----------
    pairs : sequence of Pair
        Asked for a pair when that is given out.

    Attributes
    ----------
    left : int
        How many pairs wait.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._sizes = array("q", map(size, pairs))
        self._order = _largest_first(self._sizes)
        self._next = 0  # place in that order
        self._back: deque[Task] = deque()
        self._single: deque[Pair] = deque()
        self.left = len(pairs)

    def __bool__(self) -> bool:
        return self.left > 0

    def take(self, most: int | None = None) -> Task:
        """Return the next pairs: a group, or `most` of them if that is known to be better."""
        if self._single:
            task = [self._single.popleft()]
        else:
            task = self._group()
            while most is not None and len(task) < most and (more := self._group()):
                task = task + more
            if most is not None and len(task) > most:
                self._back.appendleft(task[most:])
                task = task[:most]
        self.left -= len(task)
        return task

    def put_back(self, pairs: Sequence[Pair]) -> None:
        """Give these out next."""
        self._back.appendleft([*pairs])
        self.left += len(pairs)

    def put_back_singly(self, pairs: Sequence[Pair]) -> None:
        """Give these out next, each alone, because something is wrong with one of them."""
        self._single.extendleft(reversed(pairs))
        self.left += len(pairs)

    def _group(self) -> Task:
        """Return the next pairs that make one task; none if all are given out."""
        if self._back:
            return self._back.popleft()
        group: Task = []
        room = _GROUP_BYTES
        while self._next < len(self._order) and len(group) < _GROUP_PAIRS:
            at = self._order[self._next]
            room -= self._sizes[at]
            if group and room < 0:
                break
            group.append(self._pairs[at])
            self._next += 1
        return group


def _largest_first(sizes: Sequence[int]) -> Sequence[int]:
    """Return the order of pairs of so many bytes: of those that are about as large, that of their names."""
    alike: dict[int, array[int]] = {}  # in their names' order they are read again
    for at, weight in enumerate(sizes):
        alike.setdefault(weight // _ALIKE, array("q")).append(at)
    order = array("q")
    for weight in sorted(alike, reverse=True):
        order.extend(alike[weight])
    return order
