"""The rows of a report in two parts: an index of all rows, and files of some rows each.

The page holds the index, which is all that its table needs: to sort, filter, search and count, and to decide.
What it shows of a single row is in the files, and it loads one when one of its rows is looked at. So a page
with very many rows opens nearly as fast as one with few.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from mymodules.report.page import LEFT_OUT
from mymodules.report.parts import Parts
from mymodules.row import CAUSES

INDEXED: Final = (
    *("name", "verdict", "code", "first_digest", "second_digest", "decision", "note"),
    *("pixel_diff_percent", "ssim_score", "num_diff_pixels", "changes"),
    *(f"px_{cause}" for cause in CAUSES),
)
"""What the index has of each row as its record has it."""

_SIDES = ("first", "second", "delta", "aligned")


class Shards:
    """Collect the records of rows, in their order, and write those of `size` rows to a file at a time.

    Parameters
    ----------
    parts : Parts
        Writes the files.
    numbers : mapping of str to int
        The number of each class of changes.
    size : int

    Attributes
    ----------
    numbers, size
        As given.
    index : dict of str to list
        By key, the values of all rows: `INDEXED`; ``count``, the number of regions, None if the pictures were
        not compared; ``listed``, the class of each mark by its number, -1 for what rules have taken, or None;
        and ``metrics``, which may be empty.
    names : list of str
        The files, in the order of their rows.
    pictures : dict of str to None
        The files of pictures and values that the rows name, in their order.
    """

    def __init__(self, parts: Parts, numbers: Mapping[str, int], size: int) -> None:
        self._parts, self.numbers, self.size = parts, numbers, size
        self.index: dict[str, list[Any]] = {name: [] for name in (*INDEXED, "count", "listed", "metrics")}
        self.names: list[str] = []
        self.pictures: dict[str, None] = {}
        self._rows: list[dict[str, Any]] = []

    def add(self, record: Mapping[str, Any]) -> None:
        """Add the record of the next row."""
        left = dict(record)
        for name in INDEXED:
            self.index[name].append(left.pop(name))
        boxes, signatures = left["regions"], left.pop("signatures")
        compared = boxes or record["num_diff_pixels"] is not None
        self.index["count"].append(len(boxes) if compared else None)
        listed = None if signatures is None else [self.numbers.get(name, -1) for name in signatures]
        self.index["listed"].append(listed)
        self.index["metrics"].append(left.pop("metrics", []))
        for each in (left["pictures"][side] for side in _SIDES if side in left["pictures"]):
            self.pictures |= dict.fromkeys(filter(None, (each.get("file"), each.get("values"))))
        if left["pictures"] == LEFT_OUT:
            left["pictures"] = None
        self._rows.append(left)
        if len(self._rows) == self.size:
            self.close()

    def close(self) -> None:
        """Write the rows that are left."""
        if not self._rows:
            return
        data = json.dumps(self._rows, allow_nan=False, separators=(",", ":")).encode()
        self.names.append(f"{hashlib.blake2b(data, digest_size=16).hexdigest()}.rows")
        self._parts.values(self.names[-1], data)
        self._rows = []
