"""The versions of installed packages, without the mail parser that `importlib.metadata` loads to read one.

Also how to install others.
"""

import importlib.util
import os
import shlex
import sys
from typing import Final

MEASURING: Final = ("mymodules", "numpy", "opencv-python-headless", "imagecodecs", "simplejpeg", "tifffile")
"""The packages that decode or measure: other versions may give other rows."""


_Listed = dict[str, list[tuple[str, str]]]
"""The records in each folder, as file name and package."""


def measuring() -> dict[str, str]:
    """Return the versions of `MEASURING`."""
    listed: _Listed = {}
    return {name: _version(name, listed) for name in MEASURING}


def version(name: str) -> str:
    """Return the version of an installed package, as `importlib.metadata.version` does.

    Parameters
    ----------
    name : str
        In lower case, its words joined by ``-``.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If it is not installed.
    """
    return _version(name, {})


def installing(*packages: str) -> str:
    """Return the command that installs packages for this Python."""
    python = shlex.quote(sys.executable)
    here = importlib.util.find_spec("pip") is not None  # uv makes environments without
    call = f"{python} -m pip install" if here else f"uv pip install --python {python}"
    return f"{call} {shlex.join(packages)}"


def _version(name: str, listed: _Listed) -> str:
    return _said(_record(name.replace("-", "_"), listed)) or _by_library(name)


def _record(name: str, listed: _Listed) -> str | None:
    """Return the only record of a package in the first folder that has any; None if that is not clear."""
    for folder in sys.path:
        try:
            records = listed.get(folder)
            if records is None:
                records = listed[folder] = _records(folder or ".")
        except FileNotFoundError:
            continue
        except OSError:  # an archive
            return None
        found = [entry for entry, package in records if package == name]
        if found:
            return os.path.join(folder, found[0]) if len(found) == 1 else None  # noqa: PTH118 - as below
    return None


def _records(folder: str) -> list[tuple[str, str]]:
    """Return the records in a folder."""
    entries = os.listdir(folder)  # noqa: PTH208 - a Path for each of many names takes longer
    return [
        (entry, entry.rpartition(".")[0].partition("-")[0].lower().replace(".", "_"))
        for entry in entries
        if entry.endswith((".dist-info", ".egg-info"))
    ]


def _said(record: str | None) -> str | None:
    """Return the version that a record states."""
    if record is None:
        return None
    try:
        with open(os.path.join(record, "METADATA"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            for line in file:
                if line.startswith("Version: "):
                    return line.removeprefix("Version: ").strip()
                if not line.strip():  # what follows is a description
                    return None
    except (OSError, ValueError):  # another kind of record
        return None
    return None


def _by_library(name: str) -> str:
    from importlib import metadata

    return metadata.version(name)
