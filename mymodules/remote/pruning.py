"""The removal of copies that nobody uses any more, and of those that are too much.

A copy is used whenever a run, `settings.init`, a viewer or a report wants the pictures of its URL. Removed is
only what `fetching` has made, that no other process is fetching, and that this process has not named. What
cannot be removed is left for the next time: nothing here fails a fetch.

Clocks may be wrong for a time: a copy is removed only if it was found unused at two times, a day apart,
without a use between them; and what was used in the future counts as used now.
"""

import contextlib
import json
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

from mymodules import streams
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.locks import Lock
from mymodules.paths import shown
from mymodules.remote.copies import UNUSED, beside, draft, drafts
from mymodules.remote.fetching import Lines, forget

DAYS: Final = 30
"""A copy that was not used for so long is removed."""

VARIABLE: Final = "MYMODULES_CACHE_GB"
"""The environment variable with the most GB (10^9 bytes) that all copies of pictures may have."""

GIGABYTES: Final = 20.0
"""That number without the variable."""

_RECENT = 7  # days; another process, or an open notebook, may still need what was used in them
_LARGEST = 1 << 62  # bytes that can be added to a float
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

    If all have more bytes than `most`, those go, too, that were used least recently, and not in a week.
    """
    every = [path.with_suffix("") for path in sorted(cache.glob("*.json"))]
    kept = {folder: about for folder in every if (about := _about(folder)) is not None}
    others = [folder for folder in kept if folder not in named]
    for folder in others:
        if _is_due(folder, DAYS):
            _remove(folder, DAYS, f"was not used for {DAYS} days, and is removed")
    kept = {folder: about for folder, about in kept.items() if beside(folder, "json").exists()}
    if sum(map(_noted, kept.values())) <= most:
        return
    unused = [folder for folder in others if folder in kept and _is_unused(folder, _RECENT)]
    if not unused:
        return
    contents = {folder: _contents(folder) for folder in kept}
    copies = Counter(content for each in contents.values() for content in each)
    total = sum(size for _, size in copies)
    if total <= most:
        return
    why = f"is removed, as all copies have more than {most / 1e9:g} GB"
    for folder in sorted([folder for folder in unused if _was_unused(folder)], key=_used):
        if total <= most:
            break
        _remove(folder, _RECENT, why)
        if not folder.exists():  # another process may have removed it
            copies.subtract(contents[folder])
            total -= sum(content[1] for content in contents[folder] if not copies[content])


def _used(folder: Path) -> float:
    """Return when a copy was used last, in s since the epoch; `copies.note_use` notes each use."""
    now = time.time()
    found = -math.inf
    for path in (beside(folder, "json"), folder):  # without the second one, its removal was interrupted
        with contextlib.suppress(OSError):
            found = max(found, path.lstat().st_mtime)
            if found > now and not path.is_symlink():
                os.utime(path, (now, now))
    return min(found, now)


def _is_unused(folder: Path, days: float) -> bool:
    return _used(folder) < time.time() - days * _DAY


def _is_due(folder: Path, days: float) -> bool:
    return _is_unused(folder, days) and _was_unused(folder)


def _was_unused(folder: Path) -> bool:
    """Return whether a copy that is unused was found so a day ago; note that it was found so."""
    mark, now, found = beside(folder, UNUSED), time.time(), math.inf
    with contextlib.suppress(OSError):
        found = mark.stat().st_mtime
    if not _used(folder) < found <= now:
        with contextlib.suppress(OSError):
            mark.touch()
        return False
    return found < now - _DAY


def _noted(about: dict[str, Any]) -> float:
    """Return the bytes of a copy, at least; what other copies have as well counts for each of them."""
    found = about.get("bytes")
    return found if isinstance(found, int) and 0 <= found < _LARGEST else math.inf


def _contents(folder: Path) -> set[tuple[int, int]]:
    """Return what tells the contents of a copy apart, and the bytes of each."""
    found = set()
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = Path(above, name).lstat()
                found.add((status.st_ino, status.st_size))
    return found


def _about(folder: Path) -> dict[str, Any] | None:
    """Return what is noted of a copy of pictures; None for what is none."""
    try:
        if folder.is_symlink() or folder.is_file():
            return None
        # Without both, its removal was interrupted.
        if folder.exists() and not beside(folder, "lines").is_file():
            return None
        found = json.loads(beside(folder, "json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    is_ours = (
        isinstance(found, dict)
        and found.get("copy") == folder.name
        and isinstance(found.get("url"), str)
        and "out" not in found  # one of results, if the variable names the folder of these
    )
    return found if is_ours else None


def _remove(folder: Path, days: float, why: str) -> None:
    """Remove a copy that is still unused, and say why."""
    with contextlib.suppress(OSError, OutputError, ResultsError), Lock(beside(folder, "lock"), folder):
        about = _about(folder)
        if about is not None and _is_due(folder, days):
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
    beside(folder, UNUSED).unlink(missing_ok=True)
    beside(folder, "json").unlink()
