"""What the rules of a run have taken, from its manifest and its rows."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mymodules.paths import shown
from mymodules.row import counted
from mymodules.rules import of_entries
from mymodules.rules.account import Total, parsed, totals

Ruled = tuple[str, str | None]
"""Name and rules of a row."""


class Rulebook(NamedTuple):
    """The rules of a run, and what they have taken.

    Attributes
    ----------
    file : str or None
        The file that they are from.
    pictures : int
        Of how many a rule has taken something.
    totals : list of Total
        For each rule, in their order.
    is_part : bool
        Whether pictures of the folders were left out.
    """

    file: str | None
    pictures: int
    totals: list[Total]
    is_part: bool

    @classmethod
    def of(cls, manifest: Mapping[str, Any], rows: Iterable[Ruled]) -> "Rulebook | None":
        """Return the rules of a run; None if it has none, or its manifest is damaged.

        Parameters
        ----------
        manifest : mapping
        rows : iterable of (str, str or None)
            Name and rules of each.
        """
        book = manifest.get("rules")
        if not isinstance(book, Mapping):
            return None
        file = book.get("file")
        file = file if isinstance(file, str) else None
        rules = of_entries(book.get("rules"), None)
        if rules is None:
            return None
        found = [*rows]
        pictures = sum(bool(parsed(text)) for _, text in found)
        is_part = "selection" in manifest or (manifest.get("skip_until"), manifest.get("stop_at")) != (0, -1)
        return cls(file, pictures, totals(rules.rules, found), is_part)

    @property
    def sentence(self) -> str:
        """How many changes they took."""
        file = "" if self.file is None else f"{Path(self.file).name}: "
        rules = "1 rule" if len(self.totals) == 1 else f"{len(self.totals):,} rules"
        return f"{shown(file)}{rules} took {self._taken()}"

    def _taken(self) -> str:
        if not self.pictures:
            return "nothing"
        whole = sum(total.whole for total in self.totals)
        if whole:
            taken = "1 change" if whole == 1 else f"{whole:,} changes"
        elif any(total.changes for total in self.totals):
            taken = "only parts of changes"
        else:
            taken = "differences in bits"
        return f"{taken} in {counted(self.pictures)}"

    def remarks(self) -> Iterator[str]:
        """Yield a sentence for each rule that took nothing, or may have hidden what a person would see."""
        for total in self.totals:
            rule = f"Rule '{total.name}'"
            if not total.candidates and self.is_part:
                yield f"{rule} is for none of the pictures that were selected."
            elif not total.candidates:
                yield f"{rule} is for no picture of this run: correct its pictures, or remove it."
            elif not total.pictures:
                yield f"{rule} took nothing."
            if total.hidden:
                changes = "1 change" if total.hidden == 1 else f"{total.hidden:,} changes"
                yield (
                    f"{rule} hides {changes}, because whole pictures differ by little. The largest: "
                    f"{total.pixels:,} px at x {total.x}, y {total.y} of {shown(total.largest_in)}"
                )
