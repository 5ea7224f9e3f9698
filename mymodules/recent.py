"""The folders that a person compared last in a project, so that they need not be named again.

They are kept in the person's data folder of Jupyter, never in the project. They are a convenience: a file
that cannot be read or written, or that holds anything else, changes nothing.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from mymodules import files
from mymodules.settings import Settings

PROJECTS = 50
"""The most projects whose folders are kept, those used last."""

_ROLES = ("first", "second", "out")
_LARGEST = 1 << 20  # bytes of the file that are read


def file() -> Path:
    """Return the path of the file, which need not exist."""
    from jupyter_core import paths  # most runs are over before it is needed

    return Path(paths.jupyter_data_dir()) / "mymodules" / "folders.json"


def folders(chosen: Settings) -> tuple[Path, Path, Path] | None:
    """Return first, second and out as they were compared last in the project with these settings.

    None if nothing was compared yet, if one of the folders is gone, or if the settings have named other
    folders since: what was named later is meant.
    """
    entry: Any = _read().get(str(chosen.root))
    with contextlib.suppress(TypeError, KeyError, ValueError):
        first, second, out = (Path(entry["used"][role]) for role in _ROLES)
        if entry["settings"] == _named(chosen) and all(map(os.path.isdir, (first, second, out))):
            return first, second, out
    return None


def note(chosen: Settings, first: Path, second: Path, out: Path) -> None:
    """Keep what was compared in the project with these settings."""
    kept = {root: entry for root, entry in _read().items() if root != str(chosen.root)}
    used = dict(zip(_ROLES, map(str, (first, second, out)), strict=True))
    kept[str(chosen.root)] = {"settings": _named(chosen), "used": used}
    last = dict(list(kept.items())[-PROJECTS:])
    with contextlib.suppress(OSError, RuntimeError):
        file().parent.mkdir(parents=True, exist_ok=True)
        files.replace(file(), [json.dumps(last, indent=1).encode()])


def _named(chosen: Settings) -> dict[str, str]:
    return {role: str(getattr(chosen, role)) for role in _ROLES}


def _read() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        path = file()
        if path.is_file() and path.stat().st_size <= _LARGEST:
            found = json.loads(path.read_bytes())
            return found if isinstance(found, dict) else {}
    return {}
