"""Rows of results: two that stand for all, and strategies for any."""

import math
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from mymodules import pairs
from mymodules.regions import Region
from mymodules.workers import PairResult
from support import strategies

CHANGED = PairResult(
    0.987654321012345, "a/ページ 1.png", "3 pixels differ.", "changed", "pixels_differ", 3, 0.1, 255, 0, 1, 0,
    False, 1.25, 100, 30, 100, 30, (Region(1, 2, 3, 4), Region(50, 6, 7, 8)), "0" * 32, "f" * 32, 0.03125,
    None, (2, 1), 1, 2, 0, 0, 0, 0, 2,
)  # fmt: skip
MISSING = PairResult(
    None, "=1+1.png", "Only in first.", "missing", "only_first", width_first=7, height_first=9,
    first_digest="ab" * 16, seconds=1e-05,
)  # fmt: skip

figures = st.floats(allow_nan=False, allow_infinity=False) | st.none()
counts = st.integers(0, 2**40) | st.none()
digests = st.integers(0, 2**128 - 1).map("{:032x}".format) | st.none()
boxes = st.lists(st.builds(Region, *[st.integers(0, 2**31)] * 4), max_size=4).map(tuple) | st.none()
pixels = st.lists(st.integers(0, 2**53), max_size=4).map(tuple) | st.none()
names = strategies.parts.map(pairs.to_text)
rows = st.builds(
    PairResult, figures, names, strategies.texts, st.sampled_from(["same", "changed", "error", ""]),
    strategies.texts, counts, figures, counts, counts, counts, counts, st.booleans() | st.none(), figures,
    counts, counts, counts, counts, boxes, digests, digests, figures,
    names.filter(bool) | st.none(), pixels, *[counts] * 7,
    names.filter(bool) | st.none(), figures, strategies.texts.filter(bool) | st.none(), strategies.texts,
    custom=st.just(()), listed=st.just(""),
)  # fmt: skip


def missing_as_none(values: Any) -> list[Any]:
    """The values of a column, those that pandas calls missing as None."""
    return [
        None if value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value
        for value in values
    ]
