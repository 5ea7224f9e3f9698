"""Where a report stands: what may be replaced there, and how that is done so that a kill costs nothing.

A report is made in a folder beside its place. One that is new, and one in a single file, is then put there by
one renaming. A folder that has a report cannot be replaced in one step, so its parts have names that follow
from their content: those of the new one join those of the old one, then `index.html` is replaced in one step,
and last goes what the new one does not name. At every moment the page under that name is the old one or the
new one, and finds all its parts.

Two processes that write one report are in turn where they put it in its place: the last one wins, whole. A
folder in which a report is made is locked by its process; one without a lock is left over from a process that
was killed, and the next writer removes it.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from mymodules import files, locks
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import shown
from mymodules.report import page

INDEX: Final = "index.html"
ONE_FILE: Final = "new.html"
NAMES: Final = {  # of the parts; a delta with a number is one of an earlier version
    "pictures": re.compile(r"[0-9a-f]{32}\.(png|jpg|webp|delta\.png)|[0-9]+\.delta\.png", re.ASCII),
    "values": re.compile(r"[0-9a-f]{32}\.(png|jpg|webp|values\.png|looks|rows)\.js", re.ASCII),
}
"""The folders of a report, and the form of the names in them."""

_UNFINISHED = "unfinished.html"  # in a folder without a report until there is one
_WORDS = b"<!doctype html>\n%b\n<title>Unfinished</title>\n<p>This report is not finished: write it again.\n"
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # file managers leave these
_PATIENCE = 300.0  # s; how long another process may take to put its report in place


def is_one_file(path: str | os.PathLike[str]) -> bool:
    """Return whether this is the name of a report in one file: it ends in ``.html``."""
    return Path(path).suffix.lower() in (".html", ".htm")


def check(target: Path) -> None:
    """Raise SettingsError if something other than a report exists there."""
    reason = _other_than_a_report(target) if target.exists() else None
    if reason:
        raise SettingsError(f"{shown(target)} is not replaced, for {reason}: name another report.")


class Staging:
    """Make a folder beside a report, in which the new report is made; a context manager that removes it.

    Parameters
    ----------
    target : Path
        The report; `check` must have accepted it.

    Raises
    ------
    OSError, OutputError
        When the folder cannot be made.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        mark = hashlib.blake2b(os.fsencode(target.name.casefold()), digest_size=6).hexdigest()
        self._prefix = f".report-{mark}-"
        self._turn = target.with_name(f".report-{mark}.lock")
        self.folder = target.with_name(self._prefix + secrets.token_hex(4))
        self.new = self.folder / "new"
        with self._alone():
            self._sweep()
            self.folder.mkdir()
            try:
                self._living = locks.Lock(self.folder / "lock", target)
                self.new.mkdir()
            except BaseException:
                _remove(self.folder)
                raise

    def put(self) -> None:
        """Put what was made in its place: the file `ONE_FILE`, or else the folder `new`."""
        with self._alone():
            check(self._target)  # something else may have been put there meanwhile
            if is_one_file(self._target):
                files.place(self.folder / ONE_FILE, self._target)
            elif self._target.exists():
                self._fill()
            else:
                self.new.rename(self._target)
            self._sweep_earlier()

    def _fill(self) -> None:
        """Move a report into an existing folder, which may hold an old report."""
        names = {part: sorted(path.name for path in (self.new / part).iterdir()) for part in NAMES}
        index, unfinished = self._target / INDEX, self._target / _UNFINISHED
        if not index.exists():
            made = self.folder / _UNFINISHED
            files.create(made, [_WORDS % page.MARK])
            files.place(made, unfinished)
        added: list[Path] = []
        try:
            for part, wanted in names.items():
                (self._target / part).mkdir(exist_ok=True)
                for name in wanted:
                    place = self._target / part / name
                    if not place.exists():
                        added.append(place)
                    (self.new / part / name).replace(place)
            files.place(self.new / INDEX, index)
        except BaseException:
            if (self.new / INDEX).exists():  # the old report is still in place
                for place in (*added, unfinished):
                    _unlink(place)
            raise
        for name in (_UNFINISHED, *_LITTER):
            _unlink(self._target / name)
        for part, wanted in names.items():
            for path in list((self._target / part).iterdir()):
                old = path.name not in wanted and NAMES[part].fullmatch(path.name)
                if old or path.name in _LITTER:
                    _unlink(path)

    def _sweep(self) -> None:
        """Remove the folders of processes that were killed, and no others."""
        for folder in list(self._target.parent.iterdir()):
            if folder.name.startswith(self._prefix) and folder != self.folder and _is_folder(folder):
                with contextlib.suppress(ResultsError, OutputError, OSError):
                    locks.Lock(folder / "lock", self._target).release()  # no process is using it
                    _remove(folder)

    def _sweep_earlier(self) -> None:
        """Remove what killed processes of earlier versions have left."""
        form = re.compile(rf"{re.escape(self._target.name)}\.(\d+)\.(?:tmp|old)", re.ASCII)
        for path in list(self._target.parent.iterdir()):
            match = form.fullmatch(path.name)
            if match and _is_folder(path) and not _is_running(int(match[1])) and _has_parts_only(path):
                _remove(path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process and one thread in at a time; a killed process holds no lock."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                lock = locks.Lock(self._turn, self._target)
                break
            except ResultsError:
                if time.monotonic() > deadline:
                    message = f"{shown(self._target)} is being written by another process"
                    raise OutputError(f"{message}: try again when it has ended.", self._target) from None
            time.sleep(0.02)
        with lock:
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._living.release()
        _remove(self.folder)


def _is_running(pid: int) -> bool:
    """Return whether another process has this number; this version does not name folders so."""
    return pid != os.getpid() and pid < 1 << 31 and bool(psutil.pid_exists(pid))


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _other_than_a_report(target: Path) -> str | None:
    """Return why an existing file or folder must not be replaced; None if it may be."""
    if is_one_file(target):
        return None if _is_page(target) else "it is not a report"
    if not target.is_dir():
        return "it is not a folder"
    try:
        there = {entry.name for entry in target.iterdir()} - _LITTER
        pages = [target / name for name in (INDEX, _UNFINISHED) if name in there]
        if there and not (pages and all(map(_is_page, pages))):
            return "it is a folder of other things"
        other = next(_others(target, there), None)
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"
    return f"{shown(other)} in it is not part of a report" if other else None


def _others(folder: Path, there: set[str]) -> Iterator[str]:
    """Yield what in a folder is not part of a report."""
    yield from sorted(there - {INDEX, _UNFINISHED} - NAMES.keys())
    for part in sorted(there & NAMES.keys()):
        if not _is_folder(folder / part):  # a link may point anywhere
            yield part
            continue
        names = {entry.name for entry in (folder / part).iterdir()} - _LITTER
        yield from sorted(f"{part}/{name}" for name in names if not NAMES[part].fullmatch(name))


def _has_parts_only(folder: Path) -> bool:
    """Return whether an earlier version may have made everything in a folder."""
    try:
        there = {entry.name for entry in folder.iterdir()} - _LITTER - {"one.html"}
        return not any(True for _ in _others(folder, there))
    except OSError:
        return False


def _is_page(path: Path) -> bool:
    """Return whether a file is the page of a report."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return page.MARK in file.read(500)
    except OSError:
        return False


def _unlink(path: Path) -> None:
    """Remove a file, best effort: one that a browser has open is removed by the next report."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """Remove a folder, best effort."""
    shutil.rmtree(folder, ignore_errors=True)
