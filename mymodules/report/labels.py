"""What a report calls the folders of a run: by their names, so that it says nothing about this computer.

Reports are handed over to others, to whom the way to a folder means nothing and tells who compared.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mymodules.pairs import Selection
from mymodules.paths import shown

ROLES: Final = ("first", "second", "out")


class Labels:
    """Names of the folders of a run.

    Parameters
    ----------
    folders : mapping of str to path or None
        The paths of `ROLES`, as far as they are known.
    paths : bool
        Use the whole paths.
    """

    def __init__(self, folders: Mapping[str, str | os.PathLike[str] | None], *, paths: bool) -> None:
        known = {role: Path(path) for role in ROLES if (path := folders.get(role))}
        self.names = {role: shown(path if paths else path.name or path) for role, path in known.items()}
        if not paths and {"first", "second"} <= known.keys():
            self.names |= zip(("first", "second"), _apart(known["first"], known["second"]), strict=True)
        forms = {form: self.names[role] for role, path in known.items() for form in _forms(path)}
        self._instead = {} if paths else {form: name for form, name in forms.items() if form != name}
        longest_first = "|".join(map(re.escape, sorted(self._instead, key=len, reverse=True)))
        self._path = re.compile(rf"(?<![\w/\\.-])(?:{longest_first})(?![\w-]|\.\w)")

    @classmethod
    def of(cls, manifest: Mapping[str, Any], *, paths: bool) -> "Labels":
        """Return the names of a run's folders, or of the two files that were compared."""
        made = cls({role: str(manifest.get(role) or "") for role in ROLES}, paths=paths)
        with contextlib.suppress(ValueError):  # somebody else may have written the manifest
            for role, file in zip(ROLES[:2], Selection.of(manifest).files or (), strict=False):
                if role in made.names:
                    made.names[role] += f"/{shown(file)}"
        return made

    def hide(self, text: str) -> str:
        """Return a message with the names of these folders instead of their paths."""
        if not self._instead:
            return text
        return self._path.sub(lambda match: self._instead[match[0]], text)

    def hidden(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the record of a row with no path in its messages."""

        def sentences(each: Mapping[str, Any], *keys: str) -> dict[str, Any]:
            return {**each, **{key: self.hide(each[key]) for key in keys if each.get(key)}}

        pictures = record["pictures"].items()
        hidden = {side: sentences(each, "error", "changed", "encoded") for side, each in pictures}
        return {**sentences(record, "messages"), "pictures": hidden}


def _forms(path: Path) -> Iterator[str]:
    """Yield what messages may call a folder: its path, also without links."""
    yield shown(path)
    with contextlib.suppress(OSError, ValueError):  # nobody knows what a file names as a folder
        yield shown(os.path.realpath(path))


def _apart(first: Path, second: Path) -> tuple[str, str]:
    """Return the last parts of two paths, as few as tell them apart."""
    if first == second:  # two files of one folder
        return shown(first.name or first), shown(first.name or first)
    count = 1
    while first.parts[-count:] == second.parts[-count:] and count < max(len(first.parts), len(second.parts)):
        count += 1
    return shown(Path(*first.parts[-count:])), shown(Path(*second.parts[-count:]))
