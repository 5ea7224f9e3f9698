"""The removal of copies that nobody uses any more, and of those that are too much.

A copy is used whenever a run, `settings.init`, a viewer or a report wants the pictures of its URL. Removed is
only what `fetching` has made, that no other process is fetching, and that this process has not named.

Clocks may be wrong for a time: a copy is removed for its age only if it was found unused at two times, a day
apart; and what was used in the future counts as used now.
"""

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

from mymodules import streams
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.locks import Lock
from mymodules.paths import shown
from mymodules.remote.copies import beside, draft, drafts
from mymodules.remote.fetching import Lines, forget

DAYS: Final = 30
"""A copy that was not used for so long is removed."""

VARIABLE: Final = "MYMODULES_CACHE_GB"
"""The environment variable with the most GB (10^9 bytes) that all copies of pictures may have."""

GIGABYTES: Final = 20.0
"""That number without the variable."""

_DAY = 86_400.0  # s


def limit() -> float:
    """Return the most bytes that copies may have; raise SettingsError if the variable is no number."""
    given = os.environ.get(VARIABLE) or GIGABYTES
    with contextlib.suppress(ValueError):
        if (found := float(given)) >= 0:
            return found * 1e9
    raise SettingsError(f"{VARIABLE} is {given!r}: it must be a number of GB, such as {GIGABYTES:g}.")


def prune(cache: Path, named: Container[Path], most: float) -> None:
    """Remove the copies in a folder that were not used for `DAYS`, but none of those in `named`.

    If all have more bytes than `most`, those go, too, that were used least recently, and not in the last day,
    in which another process may have begun to use them. What cannot be removed is left for the next time.
    """
    every = [path.with_suffix("") for path in sorted(cache.glob("*.json"))]
    others = [folder for folder in every if folder not in named]
    for folder in others:
        if _is_unused(folder, DAYS) and _was_unused(folder):
            _remove(folder, DAYS, f"was not used for {DAYS} days, and is removed")
    kept = [folder for folder in every if beside(folder, "json").exists()]
    if sum(map(_noted, kept)) <= most:
        return
    sizes = {folder: _sizes(folder) for folder in kept}
    for folder in sorted({*kept}.intersection(others), key=_used):
        if sum({file: size for each in sizes.values() for file, size in each.items()}.values()) <= most:
            break
        if _is_unused(folder, 1):
            _remove(folder, 1, f"is removed, as all copies have more than {most / 1e9:g} GB")
            sizes[folder] = _sizes(folder)


def _used(folder: Path) -> float:
    """Return when a copy was used last, in s since the epoch; `copies.note_use` notes each use."""
    now = time.time()
    found = -math.inf
    for path in (beside(folder, "json"), folder):  # without the second one, its removal was interrupted
        with contextlib.suppress(OSError):
            found = max(found, path.lstat().st_mtime)
            if found > now:
                os.utime(path, (now, now), follow_symlinks=False)
    return min(found, now)


def _is_unused(folder: Path, days: float) -> bool:
    return _used(folder) < time.time() - days * _DAY


def _was_unused(folder: Path) -> bool:
    """Return whether a copy that is unused was found so a day ago; note that it was found so."""
    mark, now, found = beside(folder, "unused"), time.time(), math.inf
    with contextlib.suppress(OSError):
        found = mark.stat().st_mtime
    if not _used(folder) < found <= now:
        with contextlib.suppress(OSError):
            mark.touch()
        return False
    return found < now - _DAY


def _noted(folder: Path) -> float:
    """Return the bytes of a copy, at least; what other copies have as well counts for each of them."""
    about = _about(folder)
    if about is None:
        return 0
    found = about.get("bytes")
    return found if isinstance(found, int) else math.inf


def _sizes(folder: Path) -> dict[int, int]:
    """Return the bytes of each file of a copy; files of one content are one."""
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = Path(above, name).lstat()
                found[status.st_ino] = status.st_size
    return found


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


def _remove(folder: Path, days: float, why: str) -> None:
    """Remove a copy that is still unused, and say why."""
    with contextlib.suppress(OSError, OutputError, ResultsError), Lock(beside(folder, "lock"), folder):
        about = _about(folder)
        if about is not None and _is_unused(folder, days):
            _clear(folder)
            streams.say(f"The copy of {shown(about['url'])} {why}.")


def _clear(folder: Path) -> None:
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
    beside(folder, "unused").unlink(missing_ok=True)
    beside(folder, "json").unlink()
