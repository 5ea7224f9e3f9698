"""The pairs of a run that wait for a worker, in the groups in which they are given out."""

from collections import deque
from collections.abc import Iterable, Sequence

from mymodules.batch.contents import size
from mymodules.pairs import Pair

_GROUP_BYTES, _GROUP_PAIRS = 1 << 20, 256  # of one task: enough to make its overhead negligible
_ALIKE = 1 << 16  # bytes

Task = list[Pair]


class Tasks:
    """Give out the largest pairs first, small ones together: a task's work should outweigh its overhead.

    Attributes
    ----------
    left : int
        How many pairs wait.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._groups = _grouped(pairs)
        self._single: deque[Pair] = deque()
        self.left = sum(map(len, self._groups))

    def __bool__(self) -> bool:
        return self.left > 0

    def take(self, most: int | None = None) -> Task:
        """Return the next pairs: a group, or `most` of them if that is known to be better."""
        if self._single:
            task = [self._single.popleft()]
        else:
            task = self._groups.popleft()
            while most is not None and len(task) < most and self._groups:
                task = task + self._groups.popleft()
            if most is not None and len(task) > most:
                self._groups.appendleft(task[most:])
                task = task[:most]
        self.left -= len(task)
        return task

    def put_back(self, pairs: Sequence[Pair]) -> None:
        """Give these out next."""
        self._groups.appendleft([*pairs])
        self.left += len(pairs)

    def put_back_singly(self, pairs: Sequence[Pair]) -> None:
        """Give these out next, each alone, because something is wrong with one of them."""
        self._single.extendleft(reversed(pairs))
        self.left += len(pairs)


def _grouped(pairs: Iterable[Pair]) -> deque[Task]:
    groups: deque[Task] = deque()
    room = 0
    sized = [(size(pair), pair) for pair in pairs]
    # Those that are about as large stay in the order of their names, in which they are read again.
    sized.sort(key=lambda each: -(each[0] // _ALIKE))
    for weight, pair in sized:
        if not groups or weight > room or len(groups[-1]) == _GROUP_PAIRS:
            groups.append([])
            room = _GROUP_BYTES
        groups[-1].append(pair)
        room -= weight
    return groups
