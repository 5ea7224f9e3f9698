"""The file of a project: which folders its table ``[folders]`` names. Rules in it are read by `rules`."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TypeGuard

from mymodules import remote, revisions
from mymodules.errors import SettingsError
from mymodules.paths import is_new, masked, shown, tidied, usable_path

FILE = "compare.toml"
"""The file at the project's root in which a user names the folders, in the table ``[folders]``, and rules."""

_ROLES = ("first", "second", "out")
_LONG_NUMBER = re.compile(r"\d{4000}")  # Python reads 4300 digits, and does not say where there are more
_PLACE = re.compile(r" \((?:at line (?P<line>\d+), column \d+|at end of document)\)$")  # as tomllib says it


def named_in(file: Path, given: Collection[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the folders, and the revisions and URLs, that the file of a project names, by role.

    Parameters
    ----------
    file : Path
        Absent: it names nothing.
    given : collection of str
        The roles that the caller has named: what the file says of these is left out.

    Raises
    ------
    SettingsError
        If it cannot be read or understood, or names a folder that does not exist.
    """
    if not os.path.lexists(file):
        return {}, {}
    import tomllib  # rarely needed

    text = ""
    try:
        text = file.read_text(encoding="utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as error:
        if os.path.isdir(file):
            raise SettingsError(
                f"{shown(file)} is a folder, and only the file of a project may have its name: rename it."
            ) from error
        raise SettingsError(f"{shown(file)} cannot be read ({error.strerror}): allow it.") from error
    except (ValueError, RecursionError) as error:  # of TOML or UTF-8
        hint = r" Write paths in single quotes, such as 'C:\shots\before'."
        raise SettingsError(misread(file, error, text) + hint) from error
    folders = tables.pop("folders", {})
    tables.pop("rule", None)  # `rules` reads these, where a run needs them
    if tables or not isinstance(folders, dict):
        wrong = next(iter(tables), "folders")
        raise SettingsError(
            f"{shown(file)} may only have a table [folders], and rules in tables [[rule]]: correct or remove "
            f"{wrong!r}, or write [folders] on the line above it."
        )
    found, asked = {}, {}
    for role, text in folders.items():
        where = f"{role!r} in [folders] of {shown(file)}"
        if role not in _ROLES:
            raise SettingsError(f"There is an unknown key {where}: the keys are {', '.join(_ROLES)}.")
        if not isinstance(text, str) or not text:
            raise SettingsError(
                f"The key {where} must be the path of a folder in quotes, not {masked(repr(text))}."
            )
        if role in given:
            continue
        if is_elsewhere(text, role):
            if role == "out":
                _check_out(text, where)
            asked[role] = text
            continue
        folder = tidied(file.parent / usable_path(text, f"The key {where}"))
        if not (os.path.isdir(folder) or (role == "out" and is_new(folder))):
            raise SettingsError(f"The key {where} names {masked(folder)}, which is not a folder: correct it.")
        found[role] = folder
    return found, asked


def _check_out(url: str, where: str) -> None:
    """Raise SettingsError, with the place in the file, if a URL can only be read."""
    try:
        remote.check_out(url)
    except SettingsError as error:
        raise SettingsError(f"The key {where} cannot be used: {error}") from None


def is_elsewhere(path: object, role: str = "first") -> TypeGuard[str]:
    """Return whether this names a URL, or pictures in a revision, which are first brought into a folder."""
    return remote.is_remote(path) or (role != "out" and revisions.is_revision(path))


def misread(file: Path, error: ValueError | RecursionError, text: str = "") -> str:
    """Return a sentence on a file that is not UTF-8, or whose text is not TOML, with the line."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return f"{shown(file)}, line {line}: this is not UTF-8: save the file as UTF-8."
    if not (found := _PLACE.search(str(error))):
        if (number := _LONG_NUMBER.search(text)) and not isinstance(error, RecursionError):
            line = text[: number.start()].count("\n") + 1
            return f"{shown(file)}, line {line}: this is not TOML: a number is too long. Correct it."
        return f"{shown(file)} is not a TOML file: {error}. Correct it."
    line = int(found["line"] or len(text.splitlines()))
    return f"{shown(file)}, line {line}: this is not TOML: {_PLACE.sub('', str(error))}. Correct it."
