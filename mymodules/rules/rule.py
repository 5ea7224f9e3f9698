"""Rules as values: each has a name, the pictures that it is for, and what it takes.

A rule takes differing pixels: they count as masked or tolerated under its name, and no longer as changed.
Figures of a row do not depend on rules.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

from mymodules.pairs import matches
from mymodules.regions import Region

WHOLE_KINDS: Final = ("insert", "move", "remove", "space")
"""The kinds of changes that a rule can take whole. Of what changed in place, masks and limits take pixels."""

COLOUR_METRICS: Final = ("yiq", "oklab")

_LENGTH = 16  # bytes of a fingerprint


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a rule takes by place, and by how little each change shows.

    A pixel is taken if any of `mask`, `largest`, `threshold` and `antialiased` holds for it; then what is
    left of a change if it is little (`pixels`). Limits count for each change, but for the last two.

    Attributes
    ----------
    mask : tuple of Region
        px; what lies in one of these boxes, wherever its content has moved on the other side. What went is
        taken too if it lies inside one, and what came if it parts two rows or columns inside one, or stands
        at an edge of the picture that one touches, and is no taller or wider than the box. A box may reach
        beyond the picture.
    side : str
        ``first`` or ``second``: the picture that the boxes of `mask` belong to.
    largest : int
        0..255. Of a change in place, pixels of which no channel differs by more.
    pixels : int
        px. What is left of a change in place, if it is no more. Beside `antialiased` keep it below 5: of a
        changed letter of 12 px often no more than 20 are left.
    antialiased : bool
        Pixels of a change in place that only smooth an edge in one of the pictures.
    threshold : float or None
        0..1. Pixels of a change in place whose colours are no further apart.
    metric : str
        ``yiq`` or ``oklab``, of `threshold` and `antialiased`.
    kinds : tuple of str
        Whole changes of these kinds, of `WHOLE_KINDS`.
    depth : bool
        What pictures differ in beyond the eighth bit where they are equal as 8 bits; nothing else takes that.
    pixels_per_picture : int
        px. Everything that is left of a pair of one size, if it is no more: whatever it shows.
    share_per_picture : float
        0..1; the same as a share of the picture's pixels.
    """

    mask: tuple[Region, ...] = ()
    side: Literal["first", "second"] = "first"
    largest: int = 0
    pixels: int = 0
    antialiased: bool = False
    threshold: float | None = None
    metric: Literal["yiq", "oklab"] = "yiq"
    kinds: tuple[str, ...] = ()
    depth: bool = False
    pixels_per_picture: int = 0
    share_per_picture: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GoldFuzzy:
    """Skia Gold's fuzzy matcher: all of a pair that it accepts is taken; see `metrics.fuzzy`."""

    max_different_pixels: int = 0
    pixel_delta_threshold: int = 0
    pixel_per_channel_delta_threshold: int = 0
    ignored_border: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GoldSobel(GoldFuzzy):
    """The same without first's edges; see `metrics.sobel`."""

    edge_threshold: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GoldSampleArea:
    """Skia Gold's matcher of sample areas; see `metrics.sample_area`."""

    width: int
    max_different: int
    delta: int = 0


Taking = Limits | GoldFuzzy | GoldSobel | GoldSampleArea

KINDS: Final[dict[str, type[Taking]]] = {
    "limits": Limits,
    "gold-fuzzy": GoldFuzzy,
    "gold-sobel": GoldSobel,
    "gold-sample-area": GoldSampleArea,
}
"""What a rule's key ``kind`` stands for; the first is meant where there is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a project.

    Attributes
    ----------
    name : str
        Unique; stands in messages, ledger and report.
    takes : Limits, GoldFuzzy, GoldSobel or GoldSampleArea
    pictures : tuple of str
        Patterns, one of which the name of a picture must fit (see `pairs.matches`); all pictures if empty.
    """

    name: str
    takes: Taking
    pictures: tuple[str, ...] = ()

    def is_for(self, picture: str) -> bool:
        """Return whether the rule is for the picture of this name."""
        return not self.pictures or matches(picture, self.pictures)

    def entry(self) -> dict[str, Any]:
        """Return what it takes as JSON can hold it, without what is as by default."""
        kind = next(kind for kind, made in KINDS.items() if made is type(self.takes))
        found: dict[str, Any] = {"kind": kind}
        for field in dataclasses.fields(self.takes):
            value = getattr(self.takes, field.name)
            if value != field.default:
                found[field.name] = value
        return found

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits of what it takes, whatever its name is and whichever pictures it is for."""
        text = json.dumps(self.entry(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=_LENGTH).hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a project, in the order in which they take pixels.

    Attributes
    ----------
    rules : tuple of Rule
    path : Path or None
        The file that they are from.
    """

    rules: tuple[Rule, ...] = ()
    path: Path | None = None

    def entries(self) -> list[dict[str, Any]]:
        """Return all that they are as JSON can hold it."""
        return [
            {"name": rule.name, **({"pictures": [*rule.pictures]} if rule.pictures else {}), **rule.entry()}
            for rule in self.rules
        ]

    def of(self, picture: str) -> tuple[Rule, ...]:
        """Return those for the picture of this name."""
        return tuple(rule for rule in self.rules if rule.is_for(picture))


def fingerprint(rules: Iterable[Rule]) -> str:
    """Return 32 hexadecimal digits of what several rules take one after the other."""
    text = " ".join(rule.fingerprint for rule in rules)
    return hashlib.blake2b(text.encode(), digest_size=_LENGTH).hexdigest()
