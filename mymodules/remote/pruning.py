"""The removal of copies that nobody uses any more.

A copy is used whenever a run, `settings.init`, a viewer or a report wants the pictures of its URL. Removed is
only what `fetching` has made, that no other process is fetching, and that this process has not named.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

from mymodules import streams
from mymodules.errors import OutputError, ResultsError
from mymodules.locks import Lock
from mymodules.paths import shown
from mymodules.remote.copies import beside, draft, drafts
from mymodules.remote.fetching import Lines, forget

DAYS: Final = 30
"""A copy that was not used for so long is removed."""

_DAY = 86_400.0  # s


def prune(cache: Path, named: Container[Path]) -> None:
    """Remove the copies in a folder that were not used for `DAYS`, but none of those in `named`.

    What cannot be removed is left for the next time.
    """
    for path in sorted(cache.glob("*.json")):
        folder = path.with_suffix("")
        if folder in named or not _is_old(folder):
            continue
        with contextlib.suppress(OSError, OutputError, ResultsError), Lock(beside(folder, "lock"), folder):
            about = _about(folder)
            if about is not None and _is_old(folder):
                _remove(folder)
                streams.say(
                    f"The copy of {shown(about['url'])} was not used for {DAYS} days, and is removed."
                )


def _is_old(folder: Path) -> bool:
    """Return whether a copy was not used; `copies.fetch` gives it the time of each use."""
    limit = time.time() - DAYS * _DAY
    try:
        if beside(folder, "json").stat().st_mtime > limit:
            return False
        with contextlib.suppress(FileNotFoundError):  # its removal was interrupted
            return folder.lstat().st_mtime < limit
    except OSError:
        return False
    return True


def _about(folder: Path) -> dict[str, Any] | None:
    """Return what is noted of a copy; None for what is none."""
    if folder.is_symlink() or folder.is_file():
        return None
    if folder.exists() and not beside(folder, "lines").is_file():  # without both, its removal was interrupted
        return None
    try:
        found = json.loads(beside(folder, "json").read_bytes())
    except (ValueError, RecursionError):
        return None
    is_ours = (
        isinstance(found, dict) and found.get("copy") == folder.name and isinstance(found.get("url"), str)
    )
    return found if is_ours else None


def _remove(folder: Path) -> None:
    """Remove a copy, its contents that no other copy has, and what is noted of it, in this order."""
    lines = beside(folder, "lines")
    with contextlib.suppress(FileNotFoundError):
        # In one step: nobody may take a part of it for the copy.
        folder.rename(draft(folder))
    for left in drafts(folder):
        shutil.rmtree(left)
    for entry in Lines(lines).known.values():
        forget(folder, entry["digest"])
    lines.unlink(missing_ok=True)
    beside(folder, "json").unlink()
