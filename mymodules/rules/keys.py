"""The keys of a rule in a file: which there are, and what their values must be."""

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

from mymodules.paths import shown
from mymodules.regions import Region
from mymodules.rules.rule import COLOUR_METRICS, KINDS, WHOLE_KINDS

MOST_RULES = 1000
"""In one file."""

_LONGEST_NAME = 100  # letters
_MANY_PIXELS = 2**31 - 1
_ELSEWHERE = re.compile(r"^/|(^|/)\.{1,2}/|//|/$")  # no name is like this
_BOXES = "must be a list of boxes [x, y, width, height] in px, such as [[1040, 12, 180, 24]]"

Check = Callable[[Any], Any]
"""Takes a value as TOML gives it, and returns it as a rule has it; raises ValueError: what it must be."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a clause that names the word that was probably meant, or all there are."""
    known = sorted(known)
    found = difflib.get_close_matches(word, known, 1)
    return f"did you mean {found[0]!r}?" if found else f"there are {', '.join(known)}."


def of_kind(kind: str) -> dict[str, Check]:
    """Return the keys of the rules of a kind, but for ``kind`` itself, each with its check."""
    return {**_COMMON, **{field.name: _CHECKS[field.name] for field in dataclasses.fields(KINDS[kind])}}


def required(kind: str) -> list[str]:
    """Return the keys that a rule of a kind must have."""
    fields = dataclasses.fields(KINDS[kind])
    absent = dataclasses.MISSING
    return ["name", *(each.name for each in fields if each.default is absent)]


def quoted(value: object) -> str:
    """Return a value from a file as a message can show it."""
    if isinstance(value, bool):
        return str(value).lower()  # as TOML has it
    text = shown(str(value))
    text = text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "…"
    if not isinstance(value, str):
        return text
    return f'"{text}"' if "'" in text and '"' not in text else f"'{text}'"  # repr would escape it once more


def _name(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > _LONGEST_NAME
        or shown(value) != value
        or '"' in value  # which messages have none of
    ):
        raise ValueError(f"must be a text of 1 to {_LONGEST_NAME} letters in one line, without quotes in it")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
        raise ValueError('must be a list of patterns for names, such as ["docs/**/*.png"]')
    if any(map(_ELSEWHERE.search, value)):
        raise ValueError('must be patterns for names below both folders, such as ["docs/**/*.png"]')
    return tuple(value)


def _one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be one of {', '.join(words)}, in quotes")
        return value

    return check


def _some_of(*words: str) -> Check:
    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(word in words for word in value):
            raise ValueError(f"must be a list of kinds of changes, out of {', '.join(words)}")
        return tuple(sorted(set(value)))

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false, without quotes")
    return value


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            upper = f"{least} to {most}" if most < _MANY_PIXELS else f"{least} on"
            raise ValueError(f"must be a whole number from {upper}")
        return value

    return check


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return float(value)


def _boxes(value: Any) -> tuple[Region, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(_BOXES)
    return tuple(map(_box, value))


def _box(value: Any) -> Region:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(_BOXES)
    x, y, width, height = value
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in value):
        raise ValueError(_BOXES)
    if min(x, y) < 0 or min(width, height) < 1 or max(value) > _MANY_PIXELS:
        raise ValueError(f"{_BOXES}; x and y count from 0, width and height from 1")
    return Region(x, y, width, height)


_COMMON: dict[str, Check] = {"name": _name, "pictures": _texts}

_CHECKS: dict[str, Check] = {
    "mask": _boxes,
    "side": _one_of("first", "second"),
    "largest": _whole(0, 255),
    "pixels": _whole(0, _MANY_PIXELS),
    "antialiased": _flag,
    "threshold": _share,
    "metric": _one_of(*COLOUR_METRICS),
    "kinds": _some_of(*WHOLE_KINDS),
    "depth": _flag,
    "pixels_per_picture": _whole(0, _MANY_PIXELS),
    "share_per_picture": _share,
    "max_different_pixels": _whole(0, _MANY_PIXELS),
    "pixel_delta_threshold": _whole(0, 1020),
    "pixel_per_channel_delta_threshold": _whole(0, 255),
    "ignored_border": _whole(0, _MANY_PIXELS),
    "edge_threshold": _whole(0, 255),
    "width": _whole(1, _MANY_PIXELS),
    "max_different": _whole(0, _MANY_PIXELS),
    "delta": _whole(0, 255),
}
