"""How a table of pandas keeps text: as texts of Python, whether or not pyarrow is installed."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TEXT: Final = pd.StringDtype("python", na_value=math.nan)
"""The type of every column of text: the ``str`` of pandas as it is without pyarrow.

With pyarrow, ``str`` alone would be Arrow's text, which refuses half a surrogate pair and folds the case of
some letters otherwise.
"""


def numbered(texts: "pd.Series[Any]", numbers: Mapping[str, int], other: int) -> NDArray[np.uint8]:
    """Return the number of each text of a column with few different ones; `other` if it has none."""
    codes, words = pd.factorize(texts)
    # The last one is for absent texts, whose code is -1.
    return np.array([*(numbers.get(word, other) for word in words), other], np.uint8)[codes]
