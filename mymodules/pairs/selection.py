"""Which of the files of two folders are compared, and with which."""

import fnmatch
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mymodules.errors import SettingsError

MATCHES: Final = ("stem", "casefold")
"""What may differ between the two names of a pair: ``stem``, their endings; ``casefold``, their case."""

_SPECIAL = re.compile(r"[*?\[]")
_ANY_FOLDERS = re.compile(r"(?<![^/])\*\*/")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name is one of these, or fits one of them.

    ``*`` stands for any text, across folders, ``?`` for one letter, ``[ab]`` for one of some; ``**/`` also
    stands for no folder at all. Case counts on every system.
    """
    return any(
        name == pattern or any(fnmatch.fnmatchcase(name, reading) for reading in _readings(pattern))
        for pattern in patterns
    )


def exactly(name: str) -> str:
    """Return a pattern that fits this name, and no other."""
    return _SPECIAL.sub(r"[\g<0>]", name)


def _readings(pattern: str) -> Iterator[str]:
    """Yield a pattern with each of its ``**/`` and without; from the seventh on only with."""
    parts = _ANY_FOLDERS.split(pattern, 6)
    for joints in itertools.product(("**/", ""), repeat=len(parts) - 1):
        yield "".join(itertools.chain.from_iterable(zip(parts, (*joints, ""), strict=True)))


@dataclass(frozen=True)
class Selection:
    """Describe a part of two folders; by default everything.

    Attributes
    ----------
    include : tuple of str
        Only names that fit one of these patterns; all names if there are none. See `matches`.
    exclude : tuple of str
        No names that fit one of these.
    files : (str, str) or None
        The names of the only two files, first and second, which may differ.
    match : tuple of str
        Some of `MATCHES`; by default names have to be equal.

    Raises
    ------
    SettingsError
        If `match` has anything else.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    files: tuple[str, str] | None = None
    match: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for kind in self.match:
            if kind not in MATCHES:
                raise SettingsError(f"match is {kind!r}: it must be 'stem', 'casefold' or both.")

    def has(self, *names: str) -> bool:
        """Return whether a file with these names, at least one, is part of it."""
        return (not self.include or any(matches(name, self.include) for name in names)) and not any(
            matches(name, self.exclude) for name in names
        )

    def matched(self, name: str) -> str:
        """Return what names have in common that may be those of one pair."""
        if "stem" in self.match:
            folder, slash, last = name.rpartition("/")
            name = folder + slash + (last.rpartition(".")[0] or last)
        return name.casefold() if "casefold" in self.match else name

    def __bool__(self) -> bool:
        return self != Selection()

    def entry(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "include": [*self.include],
            "exclude": [*self.exclude],
            "files": None if self.files is None else [*self.files],
            "match": [*self.match],
        }

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Selection":
        """Return what a run's manifest says; raise ValueError if no run can have written it."""
        entry = manifest.get("selection")
        if entry is None:
            return cls()
        if not isinstance(entry, Mapping):
            raise ValueError("it does not say which files were compared")
        include, exclude, files, match = (
            _texts(entry.get(key)) for key in ("include", "exclude", "files", "match")
        )
        if len(files) not in (0, 2) or any("/" in name or "\\" in name for name in files):
            raise ValueError("it does not name two files")
        if not set(match) <= set(MATCHES):
            raise ValueError("it does not say which names belong together")
        return cls(include, exclude, (files[0], files[1]) if files else None, match)


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("it does not say which files were compared")
    return tuple(value)
