"""From captures of unchanged pages to a proposal of rules, tried on captures that were taken later.

It proposes and decides nothing: no file is written unless asked. Pages are looked at one after the other, and
of each only two captures are in memory.
"""

import dataclasses
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import SupportsIndex

from mymodules import files, images, pairs
from mymodules import rules as rules_
from mymodules.calibration.account import sentences
from mymodules.calibration.bounds import upper_bound
from mymodules.calibration.captures import Capture, opened, passes, seen
from mymodules.calibration.drawing import drawn
from mymodules.calibration.page import Page, learnt
from mymodules.calibration.proposal import proposed
from mymodules.comparison import drawing_files
from mymodules.errors import ImageError, PictureError, SettingsError
from mymodules.images import Rgba
from mymodules.paths import AnyPath, is_inside, is_same, local_path, shown
from mymodules.rules import Rule, Rules
from mymodules.settings import MAX_PIXELS, pixel_limit

ENDING = "-flicker.png"
"""What the name of a page's picture ends in, behind the page's own."""

_LEAST = 2  # captures to learn from


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """How captures fare with the project's rules and the proposed ones.

    Attributes
    ----------
    captures : int
        How many were tried.
    failed : tuple of Path
        Those with a page with which a check would fail.
    pages : dict of str to int
        In how many captures each of these pages fails.
    """

    captures: int
    failed: tuple[Path, ...]
    pages: dict[str, int]

    @property
    def bound(self) -> float:
        """At most this share of such captures fails, 0..1, with 95 % confidence."""
        return upper_bound(len(self.failed), self.captures)


@dataclasses.dataclass(frozen=True, repr=False)
class Calibration:
    """What captures of unchanged pages say about these pages.

    Attributes
    ----------
    folders : tuple of Path
        In the order in which the captures were taken.
    pages : tuple of Page
        Every picture of the first folder.
    rules : tuple of Rule
        Proposed for `compare.toml`, whose first folder is then to hold the first capture.
    left_out : tuple of str
        Pictures of which not all masks are proposed, because a file holds no more rules.
    own : Rules
        Those that the project has already.
    again : Trial
        The captures that were learnt from.
    later : Trial
        Those that were held out.
    captures : tuple of Capture
        The files of all folders but the first, each with that of the first one.
    max_pixels : int
        The largest width x height that was decoded.
    """

    folders: tuple[Path, ...]
    pages: tuple[Page, ...]
    rules: tuple[Rule, ...]
    left_out: tuple[str, ...]
    own: Rules
    again: Trial
    later: Trial
    captures: tuple[Capture, ...]
    max_pixels: int

    @property
    def text(self) -> str:
        """The proposed rules as they stand in `compare.toml`."""
        return rules_.text_of(self.rules)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was learnt, and how far to trust it."""
        return sentences(self)

    def write(self, path: AnyPath) -> Rules:
        """Add the proposed rules to a file, which is created if it is absent, and return all that it has.

        Raises
        ------
        SettingsError
            If the file has a mistake. It is left as it is.
        OutputError
            If it cannot be written.
        """
        return rules_.add(path, self.rules)

    def picture(self, name: str) -> Rgba:
        """Return a page with what flickers on it: yellow in few captures, red in all; masks have a blue line.

        Raises
        ------
        PictureError
            If it cannot be read any more.
        """
        page = next((page for page in self.pages if page.name == name), None)
        if page is None:
            raise PictureError(f"There is no picture {shown(name)} in {shown(self.folders[0])}.", "vanished")
        pair = self.captures[0].pairs[name]
        try:
            first = images.read_rgba(Path(pair.first or ""), max_pixels=self.max_pixels)
        except (ImageError, OSError) as error:
            raise PictureError(f"{shown(pair.first or name)} cannot be read: {error}.", "vanished") from error
        captures = self.captures[: self.again.captures]
        return drawn(first, (seen(each.pairs[name], self.max_pixels) for each in captures), page.boxes)

    def pictures(self) -> Iterator[tuple[str, Rgba]]:
        """Yield each page that flickers with its `picture`, one after the other."""
        for page in self.pages:
            if page.flickers:
                yield page.name, self.picture(page.name)

    def save_pictures(self, folder: AnyPath) -> list[Path]:
        """Write the pictures of pages that flicker below a folder, which is created; return their paths."""
        from mymodules.pages.display import to_png

        root = local_path(folder, "The folder for pictures")
        for capture in self.folders:
            if is_same(root, capture) or is_inside(root, capture):
                raise SettingsError(
                    f"{shown(root)} is a folder of captures or inside one: name a folder outside."
                )
        paths = drawing_files.paths([page.name for page in self.pages])
        found = []
        for name, picture in self.pictures():
            path = root / (pairs.from_text(paths.get(name, name)) + ENDING)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise files.not_written(path, error) from error
            files.write(path, [to_png(picture)])
            found.append(path)
        return found

    def __repr__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        """Return sentences, rules and the first pictures as HTML that needs nothing else."""
        from mymodules.pages import sheet  # not needed by scripts

        return sheet.of_pictures(self.sentences, self.text, self.pictures())


def calibrate(
    folders: Sequence[AnyPath],
    *,
    held_out: SupportsIndex = 0,
    rules: AnyPath | Rules | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Calibration:
    """Learn from repeated captures of unchanged pages what flickers on them, and propose rules for it.

    Parameters
    ----------
    folders : sequence of path
        One for each capture, in the order in which they were taken; their pictures have the same names.
    held_out : int
        How many of the last captures are not learnt from, but tried: as many as possible, taken at another
        time than the others. Captures of one minute do not show how the pages differ tomorrow.
    rules : path or Rules, optional
        Those that the project has, or their file. What they take of a page is not proposed again.
    max_pixels : int
        Largest width x height that is decoded.

    Returns
    -------
    Calibration

    Raises
    ------
    SettingsError
        If a folder, an option or the file of rules cannot be used.

    Examples
    --------
    >>> found = calibrate(["monday-1", "monday-2", "monday-3", "tuesday"], held_out=1)
    >>> print(found.text)
    >>> found.write("compare.toml")
    """
    limit = pixel_limit(max_pixels)
    count = _learning(len(folders), held_out)
    first, captures = opened(folders)
    own = Rules() if rules is None else rules_.given(rules)
    names = [name for name, pair in captures[0].pairs.items() if pair.first is not None]
    pages = tuple(
        learnt(
            name,
            ((shown(each.folder), seen(each.pairs[name], limit)) for each in captures[: count - 1]),
            own.of(name),
        )
        for name in names
    )
    found, left_out = proposed(pages, {rule.name for rule in own.rules})
    together = Rules((*own.rules, *found))
    return Calibration(
        (first, *(each.folder for each in captures)),
        pages,
        found,
        left_out,
        own,
        _tried(captures[: count - 1], together, limit),
        _tried(captures[count - 1 :], together, limit),
        tuple(captures),
        limit,
    )


def _learning(captures: int, held_out: SupportsIndex) -> int:
    """Return from how many captures is learnt; raise SettingsError if these are too few."""
    try:
        held = -1 if isinstance(held_out, bool) else operator.index(held_out)
    except TypeError:
        held = -1
    if held < 0:
        raise SettingsError(f"held_out must be a whole number from 0 on, not {held_out!r}.")
    if captures - held < _LEAST:
        rest = f" without the {held:,} that are held out" if held else ""
        raise SettingsError(
            f"There must be at least {_LEAST} captures to learn from, and there are "
            f"{max(0, captures - held):,}{rest}: name more folders, each with one capture of the same pages."
        )
    return captures - held


def _tried(captures: Sequence[Capture], rules: Rules, limit: int) -> Trial:
    failing: dict[str, list[Path]] = {}
    for name in dict.fromkeys(name for each in captures for name in each.pairs):
        found = [
            each.folder
            for each in captures
            if name in each.pairs and not passes(each.pairs[name], limit, rules.of(name))
        ]
        if found:
            failing[name] = found
    failed = {folder for folders in failing.values() for folder in folders}
    return Trial(
        len(captures),
        tuple(each.folder for each in captures if each.folder in failed),
        {name: len(folders) for name, folders in failing.items()},
    )
