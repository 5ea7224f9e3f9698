"""Re-export names of a package's rooms without importing the rooms that are slow to load."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazily(package: str, rooms: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package that imports a room when one of its names is first used.

    ``dir`` lists these names too, so that they can be completed.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    rooms : mapping of str to tuple of str
        The names to re-export, by the module below the package that defines them.

    Examples
    --------
    In the ``__init__.py`` of a package, beside an import for type checkers::

        __getattr__ = lazily(__name__, {"runner": ("Run", "run")})
    """
    room_of = {name: room for room, names in rooms.items() for name in names}
    imported: dict[str, ModuleType] = {}  # by name; asking the import system each time takes far longer

    def get(name: str) -> Any:
        if name not in imported:
            if name not in room_of:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            imported[name] = import_module(f"{package}.{room_of[name]}")
        return getattr(imported[name], name)

    module = sys.modules[package]
    module.__dir__ = lambda: sorted({*vars(module), *room_of})  # type: ignore[method-assign]
    return get
