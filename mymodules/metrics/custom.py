"""A metric of one's own: any function of two pictures, whose value becomes a column of the results.

    def luma(first, second):        # uint8 (height, width, 4), read-only; sizes may differ
        return float(abs(first[..., 1].mean() - second[..., 1].mean()))

    batch.run(metric=luma)          # a column metric_luma

The function is sent to worker processes by value, also from a notebook: it need not be in a module that they
can import. Rows that a store has are reused only if name and version are equal. Without a version, that is
the digest of the function as it is sent, with all of the caller's functions and values that it refers to.
"""

import functools
import hashlib
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from mymodules.errors import SettingsError

Function = Callable[..., Any]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


@dataclass(frozen=True)
class Metric:
    """A function of two pictures, with the name and version under which its values are known.

    Attributes
    ----------
    name : str
        At most 60 letters, digits and ``_``, the first one a letter.
    version : str
    pickled : bytes
        The function, by value.
    """

    name: str
    version: str
    pickled: bytes = field(repr=False)

    @classmethod
    def of(
        cls, function: "Function | Metric", *, name: str | None = None, version: object = None
    ) -> "Metric":
        """Return a metric.

        Parameters
        ----------
        function : callable
            Takes the two pictures, uint8 (height, width, 4), RGBA not premultiplied, and returns a number.
        name : str, optional
            By default the function's own.
        version : str or number, optional
            To be changed whenever the function may return something else. By default a digest.

        Raises
        ------
        SettingsError
            If it is not a function that can be sent, or has no name that can be a column's.
        """
        if isinstance(function, Metric):
            return function
        if not callable(function):
            raise SettingsError(f"metric is {function!r}: pass a function of two pictures.")
        own = getattr(function, "__name__", "") if name is None else name
        if not isinstance(own, str) or not _NAME.fullmatch(own):
            called = f"be called {own!r}" if own else "be without a name"
            raise SettingsError(
                f"A metric cannot {called}: name it with letters, digits and _, such as "
                "metric=Metric.of(function, name='luma')."
            )
        pickled = _by_value(function)
        if version is None:
            version = hashlib.blake2b(pickled, digest_size=8).hexdigest()
        return cls(own, str(version), pickled)

    @property
    def absent(self) -> tuple[tuple[str, None]]:
        """What a row has without a value, see `row.PairResult.custom`."""
        return ((self.name, None),)

    @property
    def identity(self) -> list[str]:
        """Name and version, on which the rows of a run depend."""
        return [self.name, self.version]

    def value(self, first: object, second: object) -> float:
        """Return what the function returns for two pictures; ValueError if that is not a figure."""
        try:
            found = _loaded(self.pickled)(first, second)
        except SystemExit as error:  # would end the worker, and look as if it had been killed
            raise ValueError("it called sys.exit") from error
        try:
            number = math.nan if isinstance(found, str | bytes) else float(found)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"it returned {_brief(found)}, which is not a figure")
        return number


@functools.lru_cache(maxsize=4)
def _loaded(pickled: bytes) -> Function:
    import pickle

    function: Function = pickle.loads(pickled)
    return function


def _by_value(function: Function) -> bytes:
    """Return the pickle of a function with all that it needs from the caller's own modules."""
    import cloudpickle  # not needed without a metric

    module = sys.modules.get(getattr(function, "__module__", None) or "")
    own = module is not None and _is_callers(module)
    try:
        if own:
            cloudpickle.register_pickle_by_value(module)
        try:
            pickled: bytes = cloudpickle.dumps(function)
        finally:
            if own:
                cloudpickle.unregister_pickle_by_value(module)
    except Exception as error:  # whatever it refers to may raise anything
        raise SettingsError(
            f"metric cannot be sent to other processes ({type(error).__name__}: {error}): make it a function "
            "that refers to nothing but modules, functions and plain values."
        ) from error
    return pickled


def _is_callers(module: ModuleType) -> bool:
    """Return whether a module may be absent where workers look: it is neither installed nor Python's own."""
    file = getattr(module, "__file__", None)
    if module.__name__ == "__main__" or file is None:  # cloudpickle does that, or it is built in
        return False
    import sysconfig  # not needed without a metric

    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(Path(file).is_relative_to(folder) for folder in installed if folder)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]} …"
