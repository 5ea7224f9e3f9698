"""One pair, and a million of them.

`Pairs` is a sequence of `Pair` that keeps no more of most pairs than their name: a `Pair` with its two paths
takes five times the memory, and is made where it is asked for. `Waiting` finds those that are not taken yet.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, overload

Problem = tuple[str, str]
"""A code of status ``error`` and a sentence for a person."""


class Pair(NamedTuple):
    """Two files to compare, or one that only one side has; every pair becomes one row.

    Attributes
    ----------
    name : str
        The path below the two folders with ``/``, as `to_text` writes it; if both sides have it, in first's
        spelling. No two pairs of a listing have the same name.
    first, second : str or None
        The paths of the two files; None if that side has no file of this name. As text, because a `Path`
        takes four times the memory and there may be very many.
    problem : (str, str) or None
        Code and message if it is clear without opening a file that the pair cannot be compared.
    second_name : str or None
        The path of second's file, as `to_text` writes it, if it has another ending, case or name; see
        `Selection`.
    """

    name: str
    first: str | None
    second: str | None
    problem: Problem | None = None
    second_name: str | None = None

    @property
    def path(self) -> str:
        """The path of the first file, or of the second if there is no first: no other pair has it."""
        return self.first or self.second or ""


class Pairs(Sequence[Pair]):
    """Pairs in a fixed order.

    Parameters
    ----------
    entries : iterable of (str or Pair)
        A name stands for the pair of the two files that have it; `to_text` must not change it.
    begin : (str, str)
        What the paths of first and of second begin with, for those of which `entries` has the name only.
    """

    __slots__ = ("_begin", "_entries")

    def __init__(self, entries: Iterable[str | Pair] = (), begin: tuple[str, str] = ("", "")) -> None:
        self._entries = tuple(entries)
        self._begin = begin

    def _part(self, entries: Iterable[str | Pair]) -> "Pairs":
        return Pairs(entries, self._begin)

    def _pair(self, entry: str | Pair) -> Pair:
        if isinstance(entry, Pair):
            return entry
        below = entry if os.sep == "/" else entry.replace("/", os.sep)
        return Pair(entry, self._begin[0] + below, self._begin[1] + below)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> Pair: ...
    @overload
    def __getitem__(self, at: slice) -> "Pairs": ...
    def __getitem__(self, at: int | slice) -> "Pair | Pairs":
        if isinstance(at, slice):
            return self._part(self._entries[at])
        return self._pair(self._entries[at])

    def __iter__(self) -> Iterator[Pair]:
        return map(self._pair, self._entries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(Pair.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # as for a list

    def __repr__(self) -> str:
        return f"<{len(self)} pairs>"

    def names(self) -> Iterator[str]:
        """Yield the name of each pair; that of a plain one is no new string."""
        return (entry if isinstance(entry, str) else entry.name for entry in self._entries)

    def without(self, names: Collection[str]) -> "Pairs":
        """Return all pairs but those with these names."""
        if not names:
            return self
        return self._part(
            [
                entry
                for entry in self._entries
                if (entry if isinstance(entry, str) else entry.name) not in names
            ]
        )


class Waiting:
    """The pairs of a sequence that can be compared and have not been taken yet.

    Parameters
    ----------
    pairs : Pairs
    """

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._listed = [entry for entry in pairs._entries if isinstance(entry, Pair)]
        plain = [entry for entry in pairs._entries if isinstance(entry, str)]
        self._plain = dict(zip(plain, plain, strict=True))
        self._others = {pair.name: pair for pair in self._listed if pair.problem is None}
        self._by_path = {pair.path: pair for pair in self._others.values()}

    def __bool__(self) -> bool:
        return bool(self._plain or self._others)

    def named(self, name: str) -> Pair | None:
        """Return the pair of this name, if it waits."""
        return self._pairs._pair(name) if name in self._plain else self._others.get(name)

    def of(self, first: str, second: str) -> str | None:
        """Return the name of the pair of these two paths, either of them empty for no file, if it waits.

        It is the pair's own, so that it need not be in memory twice.
        """
        begin, begin_second = self._pairs._begin
        below = first.removeprefix(begin)
        name = self._plain.get(below if os.sep == "/" else below.replace(os.sep, "/"))
        if name is not None and len(below) < len(first):
            return name if second == begin_second + below else None
        pair = self._by_path.get(first or second)
        return pair.name if pair and pair.name in self._others and (pair.second or "") == second else None

    def take(self, name: str) -> bool:
        """Let the pair of this name wait no longer; return whether it waited."""
        return self._plain.pop(name, None) is not None or self._others.pop(name, None) is not None

    def left(self) -> Pairs:
        """Return those that wait, and those that cannot be compared, in their order."""
        return self._pairs._part(
            entry
            for entry in (self._pairs._entries if self._plain else self._listed)
            if (
                entry in self._plain
                if isinstance(entry, str)
                else entry.problem is not None or entry.name in self._others
            )
        )
