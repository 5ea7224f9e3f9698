"""How a table of pandas keeps text: as texts of Python, whether or not pyarrow is installed."""

import math
from typing import Final

import pandas as pd

TEXT: Final = pd.StringDtype("python", na_value=math.nan)
"""The type of every column of text: the ``str`` of pandas as it is without pyarrow.

With pyarrow, ``str`` alone would be Arrow's text, which refuses half a surrogate pair and folds the case of
some letters otherwise.
"""
