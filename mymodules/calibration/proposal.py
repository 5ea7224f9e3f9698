"""What flickers on pages, as rules for `compare.toml`: few of them, and each says by its name what it is."""

from collections.abc import Collection, Iterable, Sequence

from mymodules.calibration.page import Page
from mymodules.pairs import exactly
from mymodules.paths import shown
from mymodules.regions import Region
from mymodules.row import counted
from mymodules.rules import Limits, Rule, keys

_LONGEST_NAME = 60  # letters of a picture's name in that of a rule


def proposed(pages: Sequence[Page], taken: Collection[str]) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """Return the rules with which no capture that was learnt from should differ.

    A box that several pages have stands in one rule for all of them; one for all pages has no `pictures`.
    If a file cannot hold all rules, those for the fewest pages are left out; the names of these are returned
    too.

    Parameters
    ----------
    pages : sequence of Page
        All of them, also those that do not flicker.
    taken : collection of str
        Names that rules have already.
    """
    used = set(taken)
    faint = [page for page in pages if page.largest]
    shared = _shared(pages)
    room = max(0, keys.MOST_RULES - len(used) - bool(faint))
    found = [
        Rule(_unused(_name("flicker", names, pages), used), Limits(mask=boxes), _patterns(names, pages))
        for names, boxes in shared[:room]
    ]
    if faint and len(used) < keys.MOST_RULES:
        names = tuple(page.name for page in faint)
        limits = Limits(largest=max(page.largest for page in faint))
        found.append(Rule(_unused(_name("faint noise", names, pages), used), limits, _patterns(names, pages)))
    left_out = dict.fromkeys(name for names, _ in shared[room:] for name in names)
    return tuple(found), tuple(left_out)


def _shared(pages: Iterable[Page]) -> list[tuple[tuple[str, ...], tuple[Region, ...]]]:
    """Return groups of pages with the boxes that they, and no others, have; those of most pages first."""
    of_box: dict[Region, list[str]] = {}
    for page in pages:
        for box in page.boxes:
            of_box.setdefault(box, []).append(page.name)
    groups: dict[tuple[str, ...], list[Region]] = {}
    for box, names in of_box.items():
        groups.setdefault(tuple(names), []).append(box)
    return sorted(
        ((names, tuple(boxes)) for names, boxes in groups.items()), key=lambda group: -len(group[0])
    )


def _patterns(names: Sequence[str], pages: Sequence[Page]) -> tuple[str, ...]:
    """Return patterns that these names fit, and no others; none if they are all names."""
    if len(names) == len(pages) > 1:
        return ()
    return tuple(map(exactly, names))


def _name(what: str, names: Sequence[str], pages: Sequence[Page]) -> str:
    if len(names) == len(pages) > 1:
        return f"{what} in all pictures"
    if len(names) > 1:
        return f"{what} in {counted(len(names))}"
    name = shown(names[0]).replace('"', "'")
    return f"{what} in {name if len(name) <= _LONGEST_NAME else '…' + name[-_LONGEST_NAME + 1 :]}"


def _unused(name: str, used: set[str]) -> str:
    """Return a name that no rule has yet, and note it."""
    found, number = name, 1
    while found in used:
        number += 1
        found = f"{name} ({number})"
    used.add(found)
    return found
