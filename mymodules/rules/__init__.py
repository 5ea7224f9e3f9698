"""Rules: which differences a project tolerates. Values only; `comparison.ruling` applies them."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily
from mymodules.rules.rule import (
    COLOUR_METRICS,
    WHOLE_KINDS,
    GoldFuzzy,
    GoldSampleArea,
    GoldSobel,
    Limits,
    Rule,
    Rules,
    fingerprint,
)

if TYPE_CHECKING:
    from mymodules.rules.reading import given, of_entries, parse, read
    from mymodules.rules.writing import add, added, checked, text_of

__all__ = [
    "COLOUR_METRICS",
    "WHOLE_KINDS",
    "GoldFuzzy",
    "GoldSampleArea",
    "GoldSobel",
    "Limits",
    "Rule",
    "Rules",
    "add",
    "added",
    "checked",
    "fingerprint",
    "given",
    "of_entries",
    "parse",
    "read",
    "text_of",
]

__getattr__ = lazily(
    __name__,
    {"reading": ("given", "of_entries", "parse", "read"), "writing": ("add", "added", "checked", "text_of")},
)
