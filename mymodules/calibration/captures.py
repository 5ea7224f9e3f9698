"""Captures: folders that show the same pages at different times, and how two captures of a page differ.

The first folder is what all others are compared with, because rules have their boxes in px of first.
"""

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from mymodules import images, pairs, workers
from mymodules.comparison import Job
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.ledger import ledger
from mymodules.comparison.pieces import Picture, Piece
from mymodules.comparison.ruling import Ruling, ruled
from mymodules.errors import ImageError, SettingsError
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, folder_identity, local_path, shown
from mymodules.row import verdict_of
from mymodules.rules import Rule
from mymodules.settings import no_picture

PASSING = ("same", "tolerated")
"""The verdicts with which a check passes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Capture:
    """One folder beside the first one.

    Attributes
    ----------
    folder : Path
    pairs : dict of str to Pair
        Its pictures and those of the first folder, by name.
    """

    folder: Path
    pairs: dict[str, Pair]


@dataclasses.dataclass(frozen=True)
class Seen:
    """How one capture of a page differs from the first one.

    Attributes
    ----------
    status, code : str
        As of the row of a run.
    sentence : str
        What the row says.
    sides : tuple of Picture or None
        Both pictures if their pixels differ.
    pieces : tuple of Piece
    changes : tuple of Change
    """

    status: str
    code: str
    sentence: str
    sides: tuple[Picture, Picture] | None = None
    pieces: tuple[Piece, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def of_one_size(self) -> bool:
        """Whether the pixels differ, and the pictures have one size."""
        return self.sides is not None and self.sides[0].box == self.sides[1].box

    def ruling(self, rules: Sequence[Rule]) -> Ruling | None:
        """Return what rules make of it; None if no pixels differ."""
        if self.sides is None:
            return None
        causes = ledger(*self.sides, self.pieces)
        return ruled(*self.sides, self.pieces, self.changes, causes, rules)


def opened(folders: Sequence[AnyPath]) -> tuple[Path, list[Capture]]:
    """Return the first folder, and the others with what they have in common with it.

    Raises
    ------
    SettingsError
        If one of them is not a folder, cannot be listed, is another one of them or inside it, or has no
        picture.
    """
    paths = [local_path(folder, "A folder of captures") for folder in folders]
    _check_apart(paths)
    first, *others = paths
    found = []
    for folder in others:
        listing = pairs.find(first, folder)
        roles = {"the first capture": first, "a capture": folder}
        empty = [role for role, found in zip(roles, listing.pictures, strict=True) if not found]
        if empty:
            raise no_picture({empty[0]: roles[empty[0]]})
        found.append(Capture(folder, {pair.name: pair for pair in listing.pairs}))
    return first, found


def _check_apart(paths: Sequence[Path]) -> None:
    """Raise SettingsError unless each path is a folder, and none is another one or inside it."""
    folders: dict[object, Path] = {}
    for path in paths:
        if not path.is_dir():
            raise SettingsError(f"There is no folder {shown(path)}: name a folder with captures.")
        same = folders.setdefault(folder_identity(str(path)), path)
        if same is not path:
            raise _not_apart(path, same)
    for path in paths:
        for above in Path(os.path.realpath(path)).parents:
            if outer := folders.get(folder_identity(str(above))):
                raise _not_apart(path, outer)


def _not_apart(path: Path, other: Path) -> SettingsError:
    return SettingsError(
        f"{shown(path)} and {shown(other)} are the same folder, or one is inside the other: "
        "keep each capture in a folder of its own."
    )


def passes(pair: Pair, max_pixels: int, rules: tuple[Rule, ...]) -> bool:
    """Return whether a run with these rules would pass if it had only this pair."""
    row = workers.compare(Job(pair, max_pixels=max_pixels, rules=rules))
    return verdict_of(row.status, row.verdict) in PASSING


def seen(pair: Pair, max_pixels: int) -> Seen:
    """Compare one capture of a page with the first one."""
    row = workers.compare(Job(pair, max_pixels=max_pixels, moves=False))
    found = Seen(row.status, row.code, row.messages)
    if row.status != "changed" or not row.num_diff_pixels:
        return found
    assert pair.first is not None  # what has changed is on both sides
    assert pair.second is not None
    try:
        one, other = (
            Picture(images.read_rgba(Path(path), max_pixels=max_pixels)) for path in (pair.first, pair.second)
        )
    except (ImageError, OSError):
        return Seen("error", "changed_during_run", "A file has changed while it was read: call this again.")
    pieces = align(one, other)
    return dataclasses.replace(found, sides=(one, other), pieces=pieces, changes=changes(one, other, pieces))


def written(paths: Sequence[str | None]) -> tuple[float, float] | None:
    """Return when the first and the last of these files were written, s since the epoch; None without any."""
    times = []
    for path in paths:
        if path is not None:
            with contextlib.suppress(OSError):  # it is gone, and was reported
                times.append(Path(path).stat().st_mtime)
    return (min(times), max(times)) if times else None
