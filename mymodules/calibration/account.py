"""What a calibration says in sentences; nothing is claimed beyond what the captures show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mymodules.batch import duration
from mymodules.calibration.bounds import trials_needed
from mymodules.calibration.captures import Capture, written
from mymodules.paths import shown
from mymodules.row import counted
from mymodules.rules import keys

if TYPE_CHECKING:
    from mymodules.calibration.calibration import Calibration

_NAMED = 8  # pages in one sentence, and pages with remarks
_MUCH = 0.25  # of a picture, above which it is said how much masks cover
_RATES = 0.05, 0.01  # of which it is said how many captures they take


def sentences(found: "Calibration") -> tuple[str, ...]:
    """Return them, the most important ones first."""
    return (
        *_learnt(found),
        *_again(found),
        *_later(found),
        *_remarks(found),
    )


def percent(share: float) -> str:
    """Return a share as a text, rounded up, so that it claims no less."""
    return f"{math.ceil(share * 1000 - 1e-9) / 10:g} %"


def _learnt(found: "Calibration") -> Iterator[str]:
    flickering = sum(page.flickers for page in found.pages)
    which = f"{flickering:,} of {counted(len(found.pages))}" if flickering else "none of the pictures"
    verb = "flickers" if flickering <= 1 else "flicker"
    yield f"Learnt from the first {_captures(found.again.captures + 1)} named: {which} {verb}."
    times = _times(found, found.captures[: found.again.captures], with_first=True)
    if times is not None:
        yield (
            f"Their files were written within {duration(times[1] - times[0])}: what changes more slowly than "
            "that was not seen."
        )
    wide = [f"{shown(page.name)} ({percent(page.covered)})" for page in found.pages if page.covered > _MUCH]
    if wide:
        yield f"Masks leave little to compare of {_some(wide)}."
    if found.left_out:
        yield (
            f"A file holds {keys.MOST_RULES:,} rules, so not all that flickers has one: look at the captures "
            f"of {_some([*map(shown, found.left_out)])} by themselves, and keep their rules in another file."
        )


def _again(found: "Calibration") -> Iterator[str]:
    if not found.again.failed:
        if found.rules:
            yield "With these rules no capture that was learnt from differs."
        return
    tried = _captures(found.again.captures)
    yield f"Still different with all rules, of {tried} beside the first: {_pages(found.again.pages)}."


def _later(found: "Calibration") -> Iterator[str]:
    later = found.later
    needed = " and ".join(f"{trials_needed(rate):,} for {percent(rate)}" for rate in _RATES)
    if not later.captures:
        yield (
            "None was held out, so nothing is known of how often later captures fail: take more at another "
            f"time, name them last, and hold them out. Without a failure it takes {needed}."
        )
        return
    yield (
        f"Of {_captures(later.captures)} held out {len(later.failed):,} failed: with 95 % confidence "
        f"at most {percent(later.bound)} of such captures fail (exact bound of Clopper and Pearson). "
        f"Without a failure it takes {needed}."
    )
    if later.pages:
        yield f"They failed because of {_pages(later.pages)}."
    learning = _times(found, found.captures[: found.again.captures], with_first=True)
    trying = _times(found, found.captures[found.again.captures :], with_first=False)
    if learning and trying and trying[0] < learning[1]:
        yield (
            "Some files that were held out are older than some that were learnt from, so they show nothing "
            "about later captures: name the folders in the order in which they were taken."
        )


def _remarks(found: "Calibration") -> Iterator[str]:
    pages = [page for page in found.pages if page.remarks]
    for page in pages[:_NAMED]:
        more = f" (and {len(page.remarks) - 1:,} more captures)" if len(page.remarks) > 1 else ""
        yield f"{shown(page.name)}: nothing was learnt from {shown(page.remarks[0])}{more}"
    if len(pages) > _NAMED:
        yield f"The same holds for captures of {counted(len(pages) - _NAMED)} more."
    names = {page.name for page in found.pages}
    extra = {name for each in found.captures for name in each.pairs} - names
    if extra:
        yield (
            f"Not in the first folder, so nothing was learnt of them: "
            f"{_some([shown(name) for name in sorted(extra)])}."
        )


def _times(
    found: "Calibration", captures: Sequence[Capture], *, with_first: bool
) -> tuple[float, float] | None:
    """Return when the first and the last picture of captures was written."""
    paths = [pair.second for each in captures for pair in each.pairs.values()]
    if with_first:
        paths += [pair.first for pair in found.captures[0].pairs.values()]
    return written(paths)


def _captures(number: int) -> str:
    return f"{number:,} {'capture' if number == 1 else 'captures'}"


def _pages(counts: Mapping[str, int]) -> str:
    most = sorted(counts, key=lambda name: -counts[name])
    return _some([f"{shown(name)} (in {counts[name]:,})" for name in most])


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED:,} more" if len(texts) > _NAMED else ""
    return f"{', '.join(texts[:_NAMED])}{more}"
