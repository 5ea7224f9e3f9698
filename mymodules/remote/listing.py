"""What a server says of a folder: its pictures, what tells their contents apart, and what is left out.

Names are those of the server, with ``/``. A name that no file here can have, or that leads out of the folder,
becomes a problem under a name that is safe; links of an index page that lead elsewhere are no part of it.
"""

import contextlib
import email.utils
import hashlib
import html
import os
import posixpath
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from mymodules.paths import is_encodable, shown
from mymodules.remote.addresses import Clock
from mymodules.remote.asking import SERVER, Asking, Failed
from mymodules.remote.copies import Problem

CHECKSUM: Final = "etag or checksum"
"""What tells contents apart for certain."""
TIME: Final = "size and time"
"""What tells them apart if nobody restores an older time."""
NOTHING: Final = ""
"""For servers that tell neither."""

DEEPEST: Final = 100
"""Folders within folders; more are a listing without an end."""
LONGEST: Final = 3000 if sys.platform == "linux" else 700
"""bytes of a path below the folder; with that of the folder, Linux takes 4096 and macOS 1024."""

_PART = 255  # bytes of a name, on all usual file systems
_KEPT = 120  # characters of a name that is shortened
_CHECKSUMS = frozenset(
    {"etag", "md5", "md5hash", "contentmd5", "checksum", "digest", "crc", "crc32c", "sha", "generation"}
)
_TIMES = frozenset({"mtime", "modified", "modify", "lastmodified", "updated"})
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SCHEME = re.compile("[a-z][a-z0-9+.-]+:", re.ASCII | re.IGNORECASE)
_FTP = re.compile(r"(\d{14})(\.\d+)?", re.ASCII)
_FRESH = 5.0  # s; more than the resolution of times (2 s in some file systems) and a usual error of clocks


class Stated(NamedTuple):
    """What a server says of one picture.

    Attributes
    ----------
    source : str
        Its path for the file system.
    size : int or None
    kind : str
        `CHECKSUM`, `TIME` or `NOTHING`.
    facts : dict of str to str
        What it says of the content, even if that is `NOTHING` because the time is fresh.
    time : float or None
        s since the epoch, by its clock: when it got the content.
    """

    source: str
    size: int | None
    kind: str
    facts: dict[str, str]
    time: float | None = None

    def agrees(self, size: Any, facts: Any) -> bool:
        """Return whether this is what was said before, and tells that the content is the same."""
        if self.kind == NOTHING or self.size != size or not isinstance(facts, dict):
            return False
        common = self.facts.keys() & facts.keys()
        return bool(common) and all(self.facts[key] == facts[key] for key in common)

    def contradicts(self, before: "Stated") -> bool:
        """Return whether the content is another one than it was before, as far as the server tells that."""
        common = self.facts.keys() & before.facts.keys()
        return self.size != before.size or any(self.facts[key] != before.facts[key] for key in common)


@dataclass
class Listed:
    """The content of a folder on a server.

    Attributes
    ----------
    pictures : dict of str to Stated
    problems : dict of str to Problem
        What cannot be fetched, by a name that is safe.
    folders : set of str
        Those named like a picture.
    closed : dict of str to Problem
        Folders that cannot be listed, by a name that is safe.
    left_out : list of (str, str)
        The kind, as in `pairs.LEFT_OUT`, and the name.
    """

    pictures: dict[str, Stated] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    closed: dict[str, Problem] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def listed(
    system: Any, root: str, asking: Asking, suffixes: Sequence[str], clock: Clock, *, folds: bool
) -> Listed:
    """Return what is in a folder, at any depth.

    Parameters
    ----------
    folds : bool
        Whether the case of names does not count here.

    Raises
    ------
    Failed
        If the folder itself cannot be listed, or the server fails.
    Over
    """
    found = Listed()
    top = _Top(system, root)
    names: dict[str, list[Stated]] = {}
    hidden: set[str] = set()
    folders, seen = [(top.start, "")], {""}
    for depth in range(DEEPEST + 1):
        if not folders:
            break
        if depth == DEEPEST:
            raise Failed(SERVER, f"it has more than {DEEPEST} folders within each other")
        below: list[tuple[str, str]] = []
        ask = partial(_entries, system, asking)
        for (_, folder), entries in asking.each(ask, folders):
            if isinstance(entries, Failed):
                named = folder if why_not(folder) is None else safe(folder)
                found.closed[named] = entries.code, entries.clause
                continue
            for entry in map(top.plain, entries):
                name = top.below(str(entry["name"]))
                if name is None or top.is_mark(entry):
                    continue
                if not name and entry["type"] != "directory":
                    raise Failed("not_a_file", "it is a file: name the folder it is in")
                if (cut := _hidden(name)) is not None:
                    hidden.add(cut)
                elif entry["type"] == "directory":
                    name = name.rstrip("/")
                    if name and name not in seen and not (top.is_page and why_not(name)):
                        seen.add(name)
                        below.append((str(entry["name"]), name))
                        if name.lower().endswith(tuple(suffixes)) and why_not(name) is None:
                            found.folders.add(name)
                elif entry["type"] == "link":
                    found.left_out.append(("links", name))
                elif name.lower().endswith(tuple(suffixes)):
                    same = names.setdefault(name, [])
                    if not (same and top.is_page):  # a page may link a file twice
                        same.append(stated(entry, clock))
                else:
                    found.left_out.append(("other", name))
        folders = below
    found.left_out += (("hidden", name) for name in sorted(hidden))
    _sort_out(names, found, folds=folds)
    return found


def single(system: Any, path: str, asking: Asking, name: str, clock: Clock) -> Listed:
    """Return a picture as the only one of a folder.

    Raises
    ------
    Failed
        If there is none, it is a folder, or the server fails.
    Over
    """
    info = asking.one(partial(system.info, path))
    if info.get("type") == "directory":
        raise Failed("not_a_file", "it is a folder: end its URL with a slash")
    found = Listed()
    _sort_out({name: [stated({**info, "name": path}, clock)]}, found, folds=False)
    return found


def protocols(system: Any) -> Sequence[str]:
    """Return the names that a file system has in URLs."""
    return system.protocol if isinstance(system.protocol, list | tuple) else (system.protocol,)


def stated(info: Mapping[str, Any], clock: Clock) -> Stated:
    """Return what an entry of a listing says.

    An etag is often made of a time, too. If that is fresh, another change right now might leave both as they
    are, as `NOTHING` says. A time that is written in no known way tells nothing, because it may be fresh.
    """
    source, size = str(info["name"]), info.get("size")
    size = size if isinstance(size, int) else None
    known = {re.sub("[^a-z0-9]", "", str(key).lower()): value for key, value in info.items() if value}
    sums = {key: str(known[key]).strip('"') for key in _CHECKSUMS & known.keys()}
    said = ((key, _seconds(known[key])) for key in _TIMES & known.keys())
    times = {key: seconds for key, seconds in said if seconds is not None}
    earliest, latest = clock.now()
    is_fresh = any(earliest - _FRESH < seconds < latest + _FRESH for seconds in times.values())
    came = max(times.values(), default=None)
    if sums and not sums.get("etag", "").startswith("W/"):  # a weak one is that of similar contents, too
        kind = NOTHING if is_fresh and sums.keys() == {"etag"} else CHECKSUM
        return Stated(source, size, kind, sums, came)
    facts = {key: str(seconds) for key, seconds in times.items()}
    return Stated(source, size, TIME if facts and not is_fresh else NOTHING, facts, came)


def _seconds(said: Any) -> float | None:
    """Return a time in s since the epoch, if it is written in a known way."""
    try:
        if isinstance(said, str):
            said = _date(said)
        if isinstance(said, datetime):
            said = (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
        return float(said)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _date(text: str) -> datetime:
    """Return the time that a text says as FTP, JSON or HTTP write it; raise ValueError for others."""
    if (match := _FTP.fullmatch(text)) is not None:
        date = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return date + timedelta(seconds=float(match[2] or 0))
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(text)
    return email.utils.parsedate_to_datetime(text)


def _entries(system: Any, asking: Asking, folder: tuple[str, str]) -> list[dict[str, Any]] | Failed:
    """Return the entries of one folder, or why it alone cannot be listed.

    Parameters
    ----------
    folder : (str, str)
        Its path for the file system, and its name.
    """
    path, name = folder
    try:
        entries = asking.again(lambda: system.ls(path, detail=True))
    except Failed as failed:
        if failed.code == SERVER or not name:
            raise
        return failed
    return [
        entry
        if entry.get("type") in ("file", "directory")
        else entry | {"type": _asked(system, asking, entry)}
        for entry in entries
    ]


def _asked(system: Any, asking: Asking, entry: Mapping[str, Any]) -> str:
    """Ask what is neither file nor folder; what leads nowhere is a file, and fetching it will report that."""
    try:
        return asking.again(partial(_type_of, system, str(entry["name"])))
    except Failed as failed:
        if failed.code == SERVER:
            raise
        return "file"


def _type_of(system: Any, path: str) -> str:
    kind = system.info(path).get("type")
    return "link" if kind == "directory" else "file"


class _Top:
    """The folder of a URL, and what is below it."""

    def __init__(self, system: Any, root: str) -> None:
        self.is_page = not {"http", "https"}.isdisjoint(protocols(system))
        self._top = root.rstrip("/")
        self.start = f"{self._top}/" if self.is_page else root

    def plain(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return an entry; a link as HTML writes it becomes the URL that it means."""
        return entry | {"name": html.unescape(str(entry["name"]))} if self.is_page else entry

    def below(self, path: str) -> str | None:
        """Return an entry's name below the folder; None if it is elsewhere."""
        if self.is_page:
            return self._linked(path)
        if path.rstrip("/") == self._top:
            return ""
        if not self._top and not path.startswith("/"):
            return path.removeprefix("./")  # which all names in an archive of "." begin with
        if not path.startswith(f"{self._top}/"):
            return None
        return path[len(self._top) + 1 :]

    def is_mark(self, entry: Mapping[str, Any]) -> bool:
        """Return whether an entry is an empty object by which S3 consoles make a folder."""
        empty = entry["type"] == "file" and not entry.get("size")
        return empty and not self.is_page and str(entry["name"]).endswith("/")

    def _linked(self, link: str) -> str | None:
        """Return the name of what an index page links; the link is quoted."""
        raw = re.split("[?#]", link)[0]
        if not raw.startswith(f"{self._top}/") or (raw.endswith("/") and raw != link):
            return None  # the second one sorts a page
        parts = raw[len(self._top) + 1 :].split("/")
        if any(_SCHEME.match(part) for part in parts):  # such as javascript:, which fsspec takes for a name
            return None
        decoded = [unquote(part, errors="surrogateescape") for part in parts]
        tidy: list[str] = []
        for part in decoded[:-1] if decoded[-1] == "" else decoded:
            if part == "..":
                if not tidy:
                    return None  # such as a link to the folder above
                tidy.pop()
            elif part not in ("", "."):
                # A quoted slash does not separate folders: no file here can have such a name.
                tidy.append(part.replace("/", "\0"))
        return "/".join(tidy) or None


def _hidden(name: str) -> str | None:
    """Return the path of the uppermost hidden folder or file in a name; None if nothing of it is hidden."""
    parts = name.split("/")
    for number, part in enumerate(parts, start=1):
        if part.startswith(".") and part not in (".", ".."):
            return "/".join(parts[:number])
    return None


def _sort_out(names: Mapping[str, list[Stated]], found: Listed, *, folds: bool) -> None:
    """Tell pictures that can have a file here from those that cannot."""
    folders = {above for name in names for above in _above(name)}
    alike: dict[str, set[str]] = {}
    if folds:
        for path in {*names, *folders, *found.folders}:
            alike.setdefault(_folded(path), set()).add(path)
    for name, files in names.items():
        if (reason := why_not(name)) is not None:
            found.problems[safe(name)] = ("unsupported", f"no file here can have this name: {reason}")
        elif name in folders or name in found.folders:
            found.problems[name] = ("not_a_file", "it is a file and also a folder there")
        elif len(files) > 1:
            found.problems[name] = ("name_collision", "it is there several times")
        elif clause := _same_here(name, alike):
            found.problems[name] = ("name_collision", clause)
        else:
            found.pictures[name] = files[0]


def _same_here(name: str, alike: Mapping[str, set[str]]) -> str:
    """Return a clause on other paths that are the same as this file here, or as a folder above it, or ''."""
    for path in (name, *_above(name)):
        if others := sorted(alike.get(_folded(path), {path}) - {path}):
            what = "it would be the same file as" if path == name else f"{shown(path)} would be the same as"
            return f"here {what} {' and '.join(map(shown, others))}: rename one of them"
    return ""


def _above(name: str) -> Iterable[str]:
    while name := posixpath.dirname(name).rstrip("/"):
        yield name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def why_not(name: str) -> str | None:
    """Return why no file here can have a name; None if one can."""
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return "it leads elsewhere"
    if "\0" in name or not is_encodable(name):
        return "it has a character that names cannot have"
    if any(len(os.fsencode(part)) > _PART for part in parts) or len(os.fsencode(name)) > LONGEST:
        return "it is too long"
    if os.name == "nt" and any(
        _RESERVED.fullmatch(part) or part[-1] in ". " or re.search(r'[<>:"\\|?*\x01-\x1f]', part)
        for part in parts
    ):
        return "Windows does not allow it"
    return None


def safe(name: str) -> str:
    """Return a path below a folder that stands for a name that no file can have; others get other ones."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    stem, dot, ending = name.rpartition(".")
    text = quote(stem[:_KEPT], safe=" /+=@,;()[]", errors="surrogatepass")
    parts = [part.replace(".", "%2E") if part.startswith(".") else part for part in text.split("/") if part]
    return f"{'/'.join(part[:_KEPT] for part in parts)}~{digest}{dot}{ending}"
