"""What to compare: the pictures of two folders, paired by their path below them.

`find` never opens a file. Nothing is dropped silently: a file that cannot be compared becomes a pair with a
problem, and files that are left out are counted.
"""

import bisect
import functools
import heapq
import itertools
import operator
import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mymodules import remote
from mymodules.errors import SettingsError
from mymodules.pairs.names import is_picture, sentence, to_text
from mymodules.pairs.pair import Pair, Pairs, Problem
from mymodules.pairs.selection import Selection, matches
from mymodules.paths import folder_identity, shown
from mymodules.settings import SUFFIXES

EVERYTHING = Selection()

NAMED = 10
"""The most names of each kind of what is left out that a listing has."""

LEFT_OUT = ("other", "hidden", "links")
"""What is left out: not named like a picture, hidden, links to folders already listed."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All pairs of two folders, sorted by their path in NFC, and how much was left out.

    Attributes
    ----------
    pairs : Pairs
    pictures : (int, int)
        Files in first and in second whose name ends like a picture's; folders and devices do not count.
    hidden : int
        Files and folders whose name begins with a dot, on both sides; a folder counts as one.
    other : int
        Files whose name does not end like a picture's, on both sides.
    links : int
        Links to folders that were not followed, because the folder had been entered before on that side.
    unselected : int
        Pairs that are not part of the selection.
    named : dict of str to tuple of str
        The first `NAMED` of the names that count as ``hidden``, ``other`` and ``links``, in their order.
    """

    pairs: Pairs
    pictures: tuple[int, int] = (0, 0)
    hidden: int = 0
    other: int = 0
    links: int = 0
    unselected: int = 0
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def part(self, skip_until: int = 0, stop_at: int = -1) -> Pairs:
        """Return the pairs without the first `skip_until`, up to number `stop_at` of the whole list.

        Raises
        ------
        SettingsError
            Unless `skip_until` is a whole number of at least 0, and `stop_at` one of at least 1, or -1 for
            all; also if no pair is left although the list has some.
        """
        skip = _whole(skip_until, "skip_until")
        stop = _whole(stop_at, "stop_at")
        if skip < 0:
            raise SettingsError(f"skip_until is {skip}: it must be 0 or more.")
        if stop != -1 and stop < 1:
            raise SettingsError(f"stop_at is {stop}: it must be 1 or more, or -1 for all.")
        left = self.pairs[skip:] if stop == -1 else self.pairs[skip:stop]
        if self.pairs and not left:
            raise SettingsError(
                f"skip_until={skip} and stop_at={stop} leave nothing of {len(self.pairs)} pictures: "
                "choose a smaller skip_until or a larger stop_at."
            )
        return left


def find(first: Path, second: Path, selection: Selection = EVERYTHING) -> Listing:
    """List the pictures of two folders, at any depth.

    Parameters
    ----------
    first, second : Path
        Folders that `Settings.check` accepts.
    selection : Selection
        Which of them. Two files are one pair, named like the first one.

    Returns
    -------
    Listing
        One pair for every path on either side.

    Raises
    ------
    SettingsError
        If one of the two folders itself cannot be listed.

    Notes
    -----
    Links to folders are followed after all real folders, in sorted order, and each real folder is entered
    once on each side. So loops end, and a folder that is also linked appears under its own path. Two
    spellings of one name (NFC, NFD) match if they are on different sides, but collide if they are on one
    side: then each spelling is a pair with a problem. Files that `Selection.match` would pair stay alone if
    one side has two of them.
    """
    if selection.files is not None:
        return _two_files(first / selection.files[0], second / selection.files[1])
    excluded = selection.exclude
    sides = _walk(os.fspath(first), "first", excluded), _walk(os.fspath(second), "second", excluded)
    others = tuple(_other_spellings(side) for side in sides)
    if not any(others):
        return _listing(sides, _spelled_alike(sides), selection)
    pairs: list[str | Pair] = []
    for key in sorted({_key(path) for side in sides for path in (*side.files, *side.others)}):
        firsts, seconds = (
            [path for path in (key, *other.get(key, ())) if side.kind(path)]
            for side, other in zip(sides, others, strict=True)
        )
        if len(firsts) <= 1 and len(seconds) <= 1:
            pairs.append(_pair(sides, firsts[0] if firsts else None, seconds[0] if seconds else None))
        else:
            pairs.extend(_collision(sides, firsts, seconds))
    return _listing(sides, pairs, selection)


def _spelled_alike(sides: "tuple[_Side, _Side]") -> list[str | Pair]:
    """Return the pairs of two sides that spell every name in the same way."""
    first, second = sides
    odd = first.others.keys() | second.others.keys()
    if not odd and first.files == second.files:
        return [path if to_text(path) == path else _pair(sides, path, path) for path in first.files]
    paths = sorted(itertools.chain(first.files, second.files, odd))
    found: list[str | Pair] = []
    for path, alike in itertools.groupby(paths):
        if path not in odd and len([*alike]) == 2 and to_text(path) == path:
            found.append(path)  # nothing is wrong with most of them
        else:
            one, other = (path if side.kind(path) else None for side in sides)
            found.append(_pair(sides, one, other))
    return found


def _matched(pairs: list[str | Pair], selection: Selection) -> list[str | Pair]:
    """Pair the files of one side only whose names are matched, if there is one such file on either side.

    A file that cannot be compared counts too: it may be the other one.
    """
    groups: dict[str, tuple[list[Pair], list[Pair]]] = {}
    for pair in pairs:
        if isinstance(pair, Pair) and None in (pair.first, pair.second):
            key = selection.matched(_key(pair.name))
            groups.setdefault(key, ([], []))[pair.first is None].append(pair)
    partners = {
        firsts[0]: seconds[0]
        for firsts, seconds in groups.values()
        if len(firsts) == len(seconds) == 1 and firsts[0].problem is seconds[0].problem is None
    }
    gone = {*partners.values()}
    return [
        pair._replace(second=other.second, second_name=other.name)
        if isinstance(pair, Pair) and (other := partners.get(pair))
        else pair
        for pair in pairs
        if pair not in gone
    ]


def _listing(sides: "tuple[_Side, _Side]", pairs: list[str | Pair], selection: Selection) -> Listing:
    if selection.match:
        pairs = _matched(pairs, selection)
    selected = pairs
    if selection.include or selection.exclude:
        selected = [
            pair
            for pair in pairs
            if (
                selection.has(pair, pair)
                if isinstance(pair, str)
                else selection.has(pair.name, pair.second_name or pair.name)
            )
        ]
    return Listing(
        Pairs(selected, (sides[0].beginning, sides[1].beginning)),
        unselected=len(pairs) - len(selected),
        pictures=(sides[0].pictures, sides[1].pictures),
        hidden=sum(side.left_out["hidden"] for side in sides),
        other=sum(side.left_out["other"] for side in sides),
        links=sum(side.left_out["links"] for side in sides),
        named={
            kind: tuple(map(to_text, sorted({*sides[0].named[kind], *sides[1].named[kind]})[:NAMED]))
            for kind in LEFT_OUT
            if sides[0].named[kind] or sides[1].named[kind]
        },
    )


def _two_files(first: Path, second: Path) -> Listing:
    """Return the listing of two files, which may be gone: comparing them reports that."""
    name, other = to_text(first.name), to_text(second.name)
    pair = Pair(name, str(first), str(second), second_name=None if other == name else other)
    return Listing(Pairs([pair]), pictures=(1, 1))


# --- one side ----------------------------------------------------------------------------------------

_Kind = Literal["file", "folder", "special", "closed", "gone", "unfetched"]
_Seen = set[tuple[int, int] | str]  # results of folder_identity
_GONE = (FileNotFoundError, NotADirectoryError)


@dataclass
class _Side:
    """What one folder has that is named like a picture, by paths below it, unescaped, with ``/``.

    Files, of which there may be very many, are no more than a list, which is sorted once it is complete.
    """

    root: str
    role: str
    files: list[str] = field(default_factory=list)
    others: dict[str, _Kind] = field(default_factory=dict)
    unfetched: dict[str, Problem] = field(default_factory=dict)  # as `remote.unfetched` says it
    closed: dict[str, str] = field(default_factory=dict)  # folders that cannot be listed, by NFC
    pictures: int = 0
    exclude: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in LEFT_OUT})

    def leave_out(self, kind: str, path: str) -> None:
        """Count what is left out, unless the user excludes it anyway, and keep the first names."""
        if self.exclude and matches(to_text(path), self.exclude):
            return
        self.left_out[kind] += 1
        bisect.insort(self.named[kind], path)
        del self.named[kind][NAMED:]

    def kind(self, path: str) -> "_Kind | None":
        """Return what is at a path; None if nothing is."""
        if (other := self.others.get(path)) is not None:
            return other
        place = bisect.bisect_left(self.files, path)
        return "file" if self.files[place : place + 1] == [path] else None

    def at(self, below: str) -> str:
        if not below:
            return self.root
        return self.beginning + (below if os.sep == "/" else below.replace("/", os.sep))

    @functools.cached_property
    def beginning(self) -> str:
        """What all paths below the folder begin with."""
        return os.path.join(self.root, "")


def _walk(root: str, role: str, exclude: tuple[str, ...]) -> _Side:
    side = _Side(root, role, exclude=exclude)
    linked: list[tuple[str, str]] = []  # a heap of results of _order
    try:
        seen: _Seen = {folder_identity(root)}
        _walk_real(side, "", seen, linked)
    except OSError as error:
        raise SettingsError(
            f"The folder {shown(root)} cannot be listed ({error.strerror}): allow it, or name another one "
            f"as {role}."
        ) from error
    while linked:
        _, below = heapq.heappop(linked)
        if _is_new(side, below, seen):
            _walk_real(side, below, seen, linked)
    _note_unfetched(side)
    side.files.sort()
    return side


def _note_unfetched(side: _Side) -> None:
    """Enter what a URL has and its copy, if this folder is one, has not."""
    root = Path(side.root)
    side.unfetched = remote.unfetched(root)
    side.pictures += len(side.unfetched)
    side.others |= dict.fromkeys(side.unfetched, "unfetched")
    for name, code in remote.closed(root).items():
        _enter_closed(side, name, is_gone=code == "vanished")
    for kind, path in remote.left_out(root):
        side.leave_out(kind, path)


def _walk_real(side: _Side, start: str, seen: _Seen, linked: list[tuple[str, str]]) -> None:
    """Enter everything below one folder; links to folders are only noted in `linked`."""
    waiting, files, plain = [start], side.files, 0
    while waiting:
        below = waiting.pop()
        prefix = f"{below}/" if below else ""
        try:
            with os.scandir(side.at(below)) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        side.leave_out("hidden", prefix + name)
                        continue
                    named_so = name.endswith(SUFFIXES) or is_picture(name)  # without a call, most of them
                    try:
                        is_plain = named_so and entry.is_file(follow_symlinks=False)  # known with the name
                    except OSError:
                        is_plain = False
                    if is_plain:
                        files.append(prefix + name)
                        plain += 1
                    elif _is_folder(entry):
                        path = prefix + name
                        if named_so:
                            side.others[path] = "folder"
                        if entry.is_symlink():
                            heapq.heappush(linked, _order(path))
                        elif _is_new(side, path, seen):
                            waiting.append(path)
                    elif named_so and (kind := _noted(side, entry)) == "file":
                        side.files.append(prefix + name)
                    elif named_so:
                        side.others[prefix + name] = kind
                    else:
                        side.leave_out("other", prefix + name)
        except OSError as error:
            if not below:
                raise
            _enter_closed(side, below, is_gone=isinstance(error, _GONE))
    side.pictures += plain


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to a folder without permission
        return False


def _noted(side: _Side, entry: os.DirEntry[str]) -> _Kind:
    """Return the kind of a link or what else is named like a picture, and count it if it leads to a file."""
    try:
        if entry.is_file():
            side.pictures += 1
            return "file"
        entry.stat()
    except OSError:
        return "file"  # for instance a broken link: comparing it will report that
    return "special"


def _is_new(side: _Side, below: str, seen: _Seen) -> bool:
    """Return whether this side meets a folder for the first time."""
    try:
        identity = folder_identity(side.at(below))
    except OSError as error:
        _enter_closed(side, below, is_gone=isinstance(error, _GONE))
        return False
    if identity in seen:
        side.leave_out("links", below)
        return False
    seen.add(identity)
    return True


def _enter_closed(side: _Side, below: str, *, is_gone: bool) -> None:
    if is_gone:
        side.others[below] = "gone"
    else:
        side.others[below] = "closed"
        side.closed[_key(below)] = below


# --- both sides --------------------------------------------------------------------------------------


def _pair(sides: tuple[_Side, _Side], first: str | None, second: str | None) -> Pair:
    spelling = first if first is not None else second
    assert spelling is not None
    problems: list[Problem] = []
    for side, path in zip(sides, (first, second), strict=True):
        problem: Problem | None
        if path is None:
            problem = _problem_above(side, spelling)
        else:
            kind = side.kind(path)
            if kind == "unfetched":
                code, clause = side.unfetched[path]
                problem = code, f"{to_text(path)} in {side.role} was not fetched: {clause}."
            else:
                problem = None if kind in (None, "file") else _problem(kind, path, side.role)
        if problem is not None:
            problems.append(problem)
    return Pair(
        to_text(spelling),
        None if first is None else sides[0].at(first),
        None if second is None else sides[1].at(second),
        (problems[0][0], sentence(" ".join(text for _, text in problems))) if problems else None,
    )


def _problem(kind: _Kind, path: str, role: str) -> Problem:
    name = to_text(path)
    if kind == "folder":
        return (
            "not_a_file",
            f"{name} in {role} is a folder, not a file; the pictures in it have their own rows.",
        )
    if kind == "special":
        return "not_a_file", f"{name} in {role} is neither a file nor a folder."
    if kind == "gone":
        return "vanished", f"The folder {name} in {role} vanished while it was listed."
    if is_picture(name):
        return "not_a_file", f"{name} in {role} is a folder, not a file, and cannot be listed."
    return "permission", f"The folder {name} in {role} cannot be listed: what is in it was not compared."


def _problem_above(side: _Side, path: str) -> Problem | None:
    """Return the problem that a path may exist on a side, below a folder there that cannot be listed."""
    if not side.closed:
        return None
    above = _key(path)
    while "/" in above:
        above = above.rpartition("/")[0]
        if above in side.closed:
            folder, name = to_text(side.closed[above]), to_text(path)
            return "permission", f"The folder {folder} in {side.role} cannot be listed: {name} may be there."
    return None


def _collision(sides: tuple[_Side, _Side], firsts: list[str], seconds: list[str]) -> list[Pair]:
    """Return one pair for each spelling of a name, if one side has the name in several spellings."""
    spellings = sorted({*firsts, *seconds})
    found = []
    for spelling in spellings:
        first = spelling if spelling in firsts else None
        second = spelling if spelling in seconds else None
        pair = _pair(sides, first, second)
        others = " and ".join(
            f"{_code_points(other)} in {' and '.join(_roles(other, firsts, seconds))}"
            for other in spellings
            if other != spelling
        )
        text = (
            f"This name, {_code_points(spelling)} in {' and '.join(_roles(spelling, firsts, seconds))}, is "
            f"also spelled {others}: it is not clear which files belong together, so rename them."
        )
        if pair.problem is not None:
            text = f"{text} {pair.problem[1]}"
        found.append(Pair(pair.name, pair.first, pair.second, ("name_collision", sentence(text))))
    return found


def _roles(spelling: str, firsts: list[str], seconds: list[str]) -> list[str]:
    return [role for role, paths in (("first", firsts), ("second", seconds)) if spelling in paths]


def _code_points(path: str) -> str:
    r"""Return a path in ASCII, with escapes like ``\u3099``, because colliding spellings look the same."""
    return to_text(path).encode("ascii", "backslashreplace").decode("ascii")


def _other_spellings(side: _Side) -> dict[str, list[str]]:
    """Return the paths of a side that are not in NFC, by their NFC."""
    others: dict[str, list[str]] = {}
    for path in itertools.filterfalse(str.isascii, itertools.chain(side.files, side.others)):
        if (key := _key(path)) != path:
            others.setdefault(key, []).append(path)
    return others


def _key(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _order(path: str) -> tuple[str, str]:
    return _key(path), path


def _whole(value: int, name: str) -> int:
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise SettingsError(f"{name} must be a whole number, not {value!r}.")
