"""One pair of pictures to one row, and to its drawings."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.comparison.job import Job
    from mymodules.comparison.pair import compare
    from mymodules.comparison.verdict import fault

__all__ = ["Job", "compare", "fault"]

__getattr__ = lazily(__name__, {"job": ("Job",), "pair": ("compare",), "verdict": ("fault",)})
