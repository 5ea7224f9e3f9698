"""Which of the files of two folders are compared, and with which."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name is one of these, or fits one of them.

    ``*`` stands for any text, across folders, ``?`` for one letter, ``[ab]`` for one of some. Case counts on
    every system.
    """
    return any(name == pattern or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


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
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    files: tuple[str, str] | None = None

    def has(self, name: str) -> bool:
        """Return whether a name is part of it."""
        return (not self.include or matches(name, self.include)) and not matches(name, self.exclude)

    def __bool__(self) -> bool:
        return self != Selection()

    def entry(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "include": [*self.include],
            "exclude": [*self.exclude],
            "files": None if self.files is None else [*self.files],
        }

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Selection":
        """Return what a run's manifest says; raise ValueError if no run can have written it."""
        entry = manifest.get("selection")
        if entry is None:
            return cls()
        if not isinstance(entry, Mapping):
            raise ValueError("it does not say which files were compared")
        include, exclude, files = (_texts(entry.get(key)) for key in ("include", "exclude", "files"))
        if len(files) not in (0, 2) or any("/" in name or "\\" in name for name in files):
            raise ValueError("it does not name two files")
        return cls(include, exclude, (files[0], files[1]) if files else None)


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("it does not say which files were compared")
    return tuple(value)
