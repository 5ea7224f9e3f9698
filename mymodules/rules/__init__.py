"""Rules: which differences a project tolerates. Values only; `comparison.ruling` applies them."""

from mymodules.rules.reading import parse, read
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

__all__ = [
    "COLOUR_METRICS",
    "WHOLE_KINDS",
    "GoldFuzzy",
    "GoldSampleArea",
    "GoldSobel",
    "Limits",
    "Rule",
    "Rules",
    "fingerprint",
    "parse",
    "read",
]
