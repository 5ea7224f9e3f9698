"""Tables of a run and of its changes, made without pictures."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import pandas as pd

from mymodules.regions import Region
from mymodules.results import CHANGE_COLUMNS

SIZE = 1200, 3000
"""Width and height of each page, px."""


@dataclasses.dataclass(frozen=True)
class Listed:
    """A change as the file of changes lists it; by default an edit in place that nobody overlooks."""

    page: str
    name: str
    second: Region
    first: Region | None = None
    kind: str = "edit"
    pixels: int = 400
    largest: int | None = 200
    around: str = ""
    rules: str = ""

    @property
    def signature(self) -> str:
        return signature(self.name)

    def cells(self, number: int) -> dict[str, Any]:
        """The cells of its line."""
        boxes = self.second if self.first is None else self.first, self.second
        around = signature(self.around or "around")
        values = (self.page, number, self.kind, *boxes[0], *boxes[1], self.pixels, self.largest, 0)
        return dict(zip(CHANGE_COLUMNS, (*values, self.signature, around), strict=False)) | {
            "rules": self.rules
        }


def signature(name: str) -> str:
    """24 hexadecimal digits for a name."""
    return name.encode().hex().rjust(24, "0")[-24:]


def tables(
    changes: Iterable[Listed], size: tuple[int, int] = SIZE, pages: Iterable[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of a run, all of whose pages are `changed`, and that of its changes."""
    changes = list(changes)
    names = list(dict.fromkeys([*pages, *(each.page for each in changes)]))
    numbers = dict.fromkeys(names, 0)
    lines = []
    for each in changes:
        numbers[each.page] += 1
        lines.append(each.cells(numbers[each.page]))
    sizes = {
        f"{side}_{end}": value
        for end in ("first", "second")
        for side, value in zip(("width", "height"), size, strict=True)
    }
    digests = {"first_digest": "a" * 32, "second_digest": "b" * 32}
    rows = [
        {"image_filename": name, "status": "changed", **digests, **sizes, "changes": numbers[name]}
        for name in names
    ]
    frame = pd.DataFrame(rows, columns=["image_filename", "status", *digests, *sizes, "changes"])
    listed = pd.DataFrame(lines, columns=[*CHANGE_COLUMNS, *({"rules"} - {*CHANGE_COLUMNS})])
    return frame, listed.astype({"largest": "Int64"})
