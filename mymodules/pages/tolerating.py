"""A rule that a person makes while looking at a row: what it is, and what it would do to the rows of a run.

Nothing is decoded but the two pictures of that row: the changes of a run suffice, or the effect is unknown.

What the page asks has ``called``, the name of the rule; either ``mask``, a box [x, y, width, height] of the
picture ``side``, or ``mark``, the place of a change among the marks of the row; ``everywhere``, whether it is
for all pictures; and ``write``, whether it is to stand in the file that `place` chooses.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from mymodules import rules, settings
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.differences import FAINT
from mymodules.comparison.foregone import foregone
from mymodules.comparison.ledger import Ledger, ledger
from mymodules.comparison.pieces import Picture
from mymodules.comparison.ruling import DEEP, Ruling, ruled, verdict
from mymodules.comparison.signatures import phrase
from mymodules.comparison.verdict import DEEP_DIFFER
from mymodules.errors import SettingsError
from mymodules.pairs import exactly
from mymodules.paths import is_same, local_path, shown
from mymodules.project_file import FILE
from mymodules.regions import Region
from mymodules.row import SIZES, counted
from mymodules.rules import Limits, Rule, Rules

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = (
    *("image_filename", "status", "code", "messages", "verdict", "changes", "num_diff_pixels", "px_moved"),
    *SIZES,
    "renamed_from",
)
"""The columns of a row that `effect` reads."""

_NAMED = 60  # pictures in a sentence; the page scrolls it
_FEW = 4  # pictures that need no number before their names
_UNNAMED = "…"  # a rule whose name has not been written yet


class Effect(NamedTuple):
    """What rules would do to rows that count as changed.

    Attributes
    ----------
    passing : tuple of str
        Those that would pass.
    unknown : tuple of str
        Those of which only another comparison can tell.
    why_not : str
        Why the row whose pictures are at hand cannot pass, whatever such a rule takes; empty if it can.
    """

    passing: tuple[str, ...]
    unknown: tuple[str, ...]
    why_not: str = ""

    @property
    def sentence(self) -> str:
        """Both for a person."""
        texts = []
        if self.passing:
            texts.append(_about(self.passing, "would pass with it"))
        if self.unknown:
            texts.append(_about(self.unknown, "must be compared again to tell whether it suffices"))
        return " ".join(
            [*(texts or ["No changed picture would pass with it."]), *filter(None, [self.why_not])]
        )


class Place(NamedTuple):
    """Where a rule is written.

    Attributes
    ----------
    file : Path
    when : str
        When its rules count: the end of a sentence.
    whose : str
        What a person should know of it, between commas; empty if nothing.
    """

    file: Path
    when: str = "from the next run on"
    whose: str = ""


def place(run: Mapping[str, Any]) -> Place:
    """Return where a rule is written that is made while a run is looked at.

    The file from which the run's rules are if it still exists, else that of this project.

    Parameters
    ----------
    run : mapping
        Its manifest, which anybody may have written.
    """
    root = (settings.recorded() or settings.resolve()).root
    own = root / FILE
    book, home = run.get("rules"), run.get("root")
    if isinstance(book, Mapping):
        given = book.get("file")
        if given is None:
            return Place(own, "in runs that get no rules from Python, unlike this one")
        file = _local(given)
        if file is None or not os.path.isfile(file):  # noqa: PTH113 - Path may raise
            return Place(own, whose=f", because {shown(str(given))}, whose rules this run had, is gone,")
        if not is_same(file, own):
            return Place(file, "in runs with that file", ", whose rules this run had,")
    elif home is not None and ((path := _local(home)) is None or not is_same(path, root)):
        return Place(own, "in runs started in this project, unlike this one")
    return Place(own)


def answer(
    asked: Mapping[str, Any],
    frame: "pd.DataFrame",
    run: Mapping[str, Any],
    changes_of: Callable[[str], Sequence[Change] | None],
    pictures: Callable[[], tuple[Picture, Picture]],
) -> str:
    """Return what a rule would do, or write it; a sentence for a person.

    Parameters
    ----------
    asked : mapping
    frame : DataFrame
        The rows.
    run : mapping
        Their manifest.
    changes_of : callable
        As for `effect`, in the order of the marks.
    pictures : callable
        Returns both pictures of the row.

    Raises
    ------
    SettingsError
        If the rule, or the file for it, has a mistake.
    OutputError
        If it cannot be written.
    """
    name = str(asked["name"])
    file, when, whose = place(run)
    if asked.get("mask") is not None:
        side: Literal["first", "second"] = "second" if asked.get("side") == "second" else "first"
        takes = Limits(mask=(Region(*map(int, asked["mask"])),), side=side)
    else:
        found = changes_of(name) or ()
        if not 0 <= int(asked["mark"]) < len(found):
            raise SettingsError("This change is no longer among those of the row: choose it again.")
        takes = like(found[int(asked["mark"])], *pictures())
    called = str(asked.get("called") or "").strip()
    patterns = () if asked.get("everywhere") else (exactly(name),)
    new = Rule(called if called or asked.get("write") else _UNNAMED, takes, patterns)
    if asked.get("write"):
        rules.add(file, [new])
        return f"Rule '{shown(called)}' stands in {shown(file)} now, and counts {when}."
    together = rules.checked(file, [new])
    table = frame.reindex(columns=list(COLUMNS))  # runs of earlier versions have fewer
    values = table.astype(object).where(table.notna(), None).itertuples(index=False, name=None)
    rows = (dict(zip(COLUMNS, row, strict=True)) for row in values)
    does = effect(rows, changes_of, together, new, (name, pictures))
    return f"{_taking(takes)} {does.sentence} It goes into {shown(file)}{whose} and counts {when}."


def like(change: Change, first: Picture, second: Picture) -> Limits:
    """Return what a rule takes that is to tolerate changes like this one.

    Of a faint change, differences up to its largest; of another one in place a mask over it and the words
    around it; else all changes of its kind.
    """
    if change.kind in ("edit", "swap"):
        if change.kind == "edit" and change.largest is not None and change.largest <= FAINT:
            return Limits(largest=change.largest)
        if change.kind == "swap" and not (change.first.width and change.first.height):
            return Limits(mask=(change.second,), side="second")
        return Limits(mask=(_words(change, first, second),))
    return Limits(kinds=(change.kind,))


def effect(
    rows: Iterable[Mapping[str, Any]],
    changes_of: Callable[[str], Sequence[Change] | None],
    together: Rules,
    new: Rule,
    at_hand: tuple[str, Callable[[], tuple[Picture, Picture]]],
) -> Effect:
    """Return what the rules of a project would do to rows that the new one is for.

    Parameters
    ----------
    rows : iterable of mapping
        By column, at least `COLUMNS`; None if a figure is not known.
    changes_of : callable
        Returns the changes of the row of a name, or None if they are not known.
    together : Rules
        All of the project, the new one among them.
    new : Rule
    at_hand : (str, callable)
        The name of the row whose pictures may be read, and what returns both.
    """
    passing, unknown, why_not = [], [], ""
    for row in rows:
        name = str(row["image_filename"])
        counts = row["verdict"] if row["verdict"] is not None else row["status"]
        if counts != "changed" or not new.is_for(name):
            continue
        own = together.of(name)
        if reason := _hindrance(row, own):
            why_not = f"{shown(name)} cannot: {reason}." if name == at_hand[0] else why_not
            continue
        passes = _passes(row, (changes_of(name) or ()) if row["changes"] else (), own)
        if passes is None and name == at_hand[0]:
            passes = _is_tolerated(row, _ruled(*at_hand[1](), own), own)
        if passes is None:
            unknown.append(name)
        elif passes:
            passing.append(name)
    return Effect(tuple(passing), tuple(unknown), why_not)


def _hindrance(row: Mapping[str, Any], own: Sequence[Rule]) -> str:
    """Return why no mask, limit or kind lets a row pass; empty if one may."""
    if row["renamed_from"] is not None:
        return "it was renamed, which no rule takes"
    width, height, other_width, other_height = (int(row[size] or 0) for size in SIZES)
    if (height - other_height) * (width - other_width) < 0:
        return "one picture is wider and the other taller, and what neither of them covers always counts"
    if row["code"] in DEEP and not _takes_depth(own):
        return "it differs only beyond the eighth bit, which rules with depth = true take"
    if DEEP_DIFFER in (row["messages"] or "") and not _takes_depth(own):
        return "it differs beyond the eighth bit, too, which rules with depth = true take"
    return ""


def _takes_depth(own: Sequence[Rule]) -> bool:
    return any(isinstance(rule.takes, Limits) and rule.takes.depth for rule in own)


def _passes(row: Mapping[str, Any], found: Sequence[Change], own: Sequence[Rule]) -> bool | None:
    """Return whether rules let a row pass; None if its changes do not say."""
    if row["code"] in DEEP:
        return _is_tolerated(row, None, own)
    if not found:
        return None
    moved = int(row["px_moved"] or 0)
    # By which cause the others differ makes no difference to whether they are all taken.
    causes = Ledger(changed=int(row["num_diff_pixels"] or 0) - moved, moved=moved)
    sizes = (
        (int(row["height_first"]), int(row["width_first"])),
        (int(row["height_second"]), int(row["width_second"])),
    )
    ruling = foregone(found, causes, sizes, own)
    if ruling is not None:
        return _is_tolerated(row, ruling, own)
    # One that is left even if it were the only change is left among others.
    alone = (foregone([each], Ledger(changed=each.pixels), sizes, own) for each in found)
    return False if any(each is not None and not each.passes for each in alone) else None


def _ruled(first: Picture, second: Picture, own: Sequence[Rule]) -> Ruling:
    """Return what rules take of two pictures."""
    pieces = align(first, second)
    found = changes(first, second, pieces)
    return ruled(first, second, pieces, found, ledger(first, second, pieces), own)


def _is_tolerated(row: Mapping[str, Any], ruling: Ruling | None, own: Sequence[Rule]) -> bool:
    deep_differ = DEEP_DIFFER in (row["messages"] or "")
    return verdict(row["status"], row["code"], ruling, own, deep_differ=deep_differ) == "tolerated"


def _taking(takes: Limits) -> str:
    """Return what a rule takes, for a person."""
    if takes.mask:
        x, y, width, height = takes.mask[0]
        return f"It masks {width} x {height} px at {x}, {y} of {takes.side}."
    if takes.largest:
        return f"It takes differences of at most {takes.largest} levels in any channel."
    return f"It takes every change of the kind {' and '.join(takes.kinds)}."


def _words(change: Change, first: Picture, second: Picture) -> Region:
    """Return the box in first of a change and the words around it."""
    if change.kind == "swap":
        return change.first
    x, y = change.second.x - change.first.x, change.second.y - change.first.y
    grown = phrase(first, second, change.second, (x, y))
    return grown._replace(x=grown.x - x, y=grown.y - y)


def _about(names: Sequence[str], what: str) -> str:
    """Return a sentence about pictures that names them."""
    named = ", ".join(map(shown, names[:_NAMED]))
    if len(names) <= _FEW:
        return f"{named} {what}."
    more = f" and {counted(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
    return f"{counted(len(names))} {what}: {named}{more}."


def _local(path: object) -> Path | None:
    """Return a path of a manifest; None if it cannot be one here."""
    try:
        return local_path(path, "The file of rules", "file")  # type: ignore[arg-type]  # it checks that
    except SettingsError:
        return None
