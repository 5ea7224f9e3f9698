"""Which pages to open: few that show every class."""

import heapq
from collections.abc import Iterable, Iterator

from mymodules.looks.classes import ChangeClass


def cover(classes: Iterable[ChangeClass]) -> Iterator[tuple[str, list[ChangeClass]]]:
    """Yield pages, and the classes that each is the first to show.

    The next page is the one whose classes that were not shown yet stand on the most pages, added up over
    these classes; of equal ones the first by name. This is the greedy way to cover a set.
    """
    on: dict[str, dict[str, ChangeClass]] = {}
    weights: dict[str, int] = {}
    for each in classes:
        for page in each.pages:
            on.setdefault(page, {})[each.signature] = each
            weights[page] = weights.get(page, 0) + len(each.pages)
    heap = [(-weight, page) for page, weight in weights.items()]
    heapq.heapify(heap)
    while heap:
        weight, page = heapq.heappop(heap)
        if -weight != weights[page]:
            if weights[page]:
                heapq.heappush(heap, (-weights[page], page))
            continue
        new = [*on[page].values()]
        yield page, new
        for each in new:
            for other in each.pages:
                weights[other] -= len(each.pages)
                del on[other][each.signature]
