"""Paths: which ones callers may give, whether two are the same place, and how to print them."""

import os
import re
from pathlib import Path

from mymodules.errors import SettingsError

AnyPath = str | os.PathLike[str]
"""A path as callers may give it."""

# At least two letters: one is a drive on Windows. fsspec understands chains such as zip::s3://.
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(::[A-Za-z0-9+.-]+)*:(?P<rest>//?)", re.ASCII)
_OBEYED = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Mistyped, too: after a colon up to the last @, unless a host ends before it, as in https://host/a@2x.
_USER = re.compile(
    r"((?:[^\s/\\:@]{2,}:|[^\s/\\:@]:(?![/\\]))(?=\S)[/\\]*+)(?!(?<=[/\\])[^:@/\\?#]+[/\\]).*@", re.DOTALL
)
_QUERY = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]+:(?=\S)[^?]*)\?.*", re.DOTALL)


def local_path(path: AnyPath, what: str, kind: str = "folder") -> Path:
    """Return a given path as an absolute one, links not resolved; ``~`` is home.

    Parameters
    ----------
    path : path
    what, kind : str
        How messages call it, and whether it is a ``folder`` or a ``file``.

    Raises
    ------
    SettingsError
        If it cannot be a path, is a URL, or is relative while the working directory is gone.
    """
    given = usable_path(path, what, kind)
    return given if given.is_absolute() else working_directory() / given


def usable_path(path: AnyPath, what: str, kind: str = "folder") -> Path:
    """Return a path as `local_path` does, but leave a relative one relative."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    if not isinstance(text, str) or not text or "\0" in text or not is_encodable(text):
        raise SettingsError(
            f"{what} must be the path of a {kind}, as text or Path, not {masked(repr(path))}."
        )
    _refuse_url(text, what, kind)
    expanded = os.path.expanduser(text)
    home = expanded.split("/")[0]
    if expanded.startswith("~") and not os.path.lexists(home):
        raise SettingsError(
            f"{what} is {masked(text)}, and {masked(home)} leads to no home folder: name the whole path."
        )
    return Path(expanded)


def is_encodable(path: str) -> bool:
    """Return whether the system can encode a path; half a surrogate pair, for instance, cannot be UTF-8."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def working_directory() -> Path:
    """Return the working directory; raise SettingsError if it was removed."""
    try:
        return Path.cwd()
    except OSError as error:
        raise SettingsError(
            "The working directory is gone: change to another one, or name absolute paths."
        ) from error


def _refuse_url(text: str, what: str, kind: str) -> None:
    match = _URL.match(text)
    # One slash counts as well, because pathlib turns two into one; unless a folder's name ends in a colon.
    if match is None or (match["rest"] == "/" and os.path.lexists(text[: match.start("rest")])):
        return
    remedy = f"copy or mount it, and name the {kind}'s path"
    if match["scheme"].lower() == "file":
        remedy = f"leave out {match['scheme']}:// and name the {kind}'s path"
    raise SettingsError(f"{what} is a URL, {masked(text)}, but must be a {kind} on this computer: {remedy}.")


def is_folder(path: AnyPath) -> bool:
    """Return whether there is a folder; False for a path that is too long for the system."""
    return os.path.isdir(path)


def folder_identity(path: str) -> tuple[int, int] | str:
    """Return a value that is equal for two paths exactly if they lead to the same folder.

    Raises OSError if there is nothing.
    """
    status = os.stat(path)
    if status.st_ino:
        return status.st_dev, status.st_ino
    return os.path.normcase(os.path.realpath(path))  # on Windows, some file systems have no file numbers


def is_same(one: AnyPath, other: AnyPath) -> bool:
    """Return whether two paths lead to the same place, which need not exist."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def is_inside(inner: Path, outer: Path) -> bool:
    """Return whether a path is somewhere below a folder, links followed."""
    return any(is_same(parent, outer) for parent in Path(os.path.realpath(inner)).parents)


def tidied(path: Path) -> Path:
    """Return a path without ``..`` and ``.``, as far as it still leads to the same place."""
    tidy = os.path.normpath(path)
    # Removing ".." is wrong after a link: the parent of its target is not the folder before it in the path.
    return Path(tidy) if ".." not in path.parts or is_same(tidy, path) else path


def is_new(folder: Path) -> bool:
    """Return whether only the last part of the path is absent; otherwise a typo further up is likely."""
    return not os.path.lexists(folder) and os.path.isdir(folder.parent)


def masked(path: AnyPath) -> str:
    """Return what `shown` returns, without what may be the user, password or query of a mistyped URL.

    What is there is shown whole: names of files may look like ``/here/https:/user:password@host``, too.
    """
    text = shown(path)
    return text if os.path.lexists(path) else _QUERY.sub(r"\1", _USER.sub(r"\1", text))


def shown(path: AnyPath) -> str:
    """Return a path, or another text that comes from files, in a form that is safe to print.

    Control characters, which terminals obey, and direction marks, which can make a text look like another
    one, become escapes.
    """
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
