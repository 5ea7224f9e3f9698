"""The file of decisions on the disk.

``triage.csv`` only grows. Every decision, every undo and every redo is appended at once and is on the disk
when `HistoryFile.append` returns. Reading the file from the top (`lines`, `history`) therefore gives the
decisions in force and what can be undone and redone, in any process. If writing fails with an error, the part
of the step that was written is removed again. After a kill, of a step about many rows only those are in force
that were written by then.

To add a column, the file is replaced in one step by one all of whose lines have it, while nobody else
appends.

Files of other computers, ``triage.ID.csv``, may lie beside it (see `exchange`); they are only read, and mean
what they mean to their owners. One that cannot be read is left out, and named.
"""

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import Final

from mymodules import files, pairs, remote, streams
from mymodules.errors import OutputError, ResultsError
from mymodules.paths import shown
from mymodules.results import runfiles
from mymodules.triage.history import History, Merged, Step, Times
from mymodules.triage.lines import (
    COLUMNS,
    FILE,
    VOID,
    Header,
    Line,
    Row,
    check,
    is_file,
    key,
    moment,
    text_of,
    widened,
    written,
)

if sys.platform != "win32":
    import fcntl

_PATIENCE: Final = 10.0  # s; to append takes a few ms
_LONGEST: Final = 4096  # bytes of a first line
_MOMENT: Final = 3_000_000_000  # ns; what changes in a folder within it may have one time, of 2 s with FAT

Version = tuple[int, int, int]
"""Size, time and number of a file."""


class HistoryFile:
    """Read the file of decisions and append to it. Not safe for threads.

    Parameters
    ----------
    path : Path
        The file, which is created with the first step. Its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = b""  # all complete lines that `_history` has
        self._history = History()
        self._truncated = b"", self._history  # data with a truncated last line, and their history
        self._listed: tuple[int, list[str]] = -1, []  # files of others, and their folder's time before that
        self._others: dict[str, tuple[Version | None, History]] = {}
        self._left_out: dict[str, Version | None] = {}  # those that could not be read
        self._merged: tuple[object, Merged] = (), Merged(())

    def versions(self) -> dict[str, Version]:
        """Return what tells whether a file has changed, of this one and of those beside it, by name."""
        found = {name: _version(self.path.with_name(name)) for name in (FILE, *self._names())}
        return {name: version for name, version in found.items() if version is not None}

    def _names(self) -> list[str]:
        """Return the files of others; they come by being renamed, which changes their folder's time."""
        folder = self.path.parent
        try:
            time = folder.stat().st_mtime_ns
            if time != self._listed[0]:
                names = [each.name for each in folder.iterdir() if runfiles.is_decisions_of(each.name)]
                is_settled = time_ns() - time > _MOMENT  # or another one may still come with this time
                self._listed = time if is_settled else -1, names
        except OSError:
            self._listed = -1, []
        return self._listed[1]

    def holding(self) -> History | Merged:
        """Return what holds now, also by the files of other computers; raise what `read` raises."""
        own, others = self.read(), self._of_others()
        if not others:
            return own
        seen, touched = (own, [*others.values()]), own.touched()
        if self._merged[0] == seen:
            self._merged[1].update(touched)
        else:
            # Own decisions stand where others have them.
            named = [*others.items(), (runfiles.decisions_of(remote.own_id(self.path.parent)), own)]
            self._merged = seen, Merged(each for _, each in sorted(named, key=lambda pair: pair[0]))
        return self._merged[1]

    def times_apart(self) -> tuple[Times, Times]:
        """Return what `History.times` returns of the steps of this computer, and of those of others."""
        return self.read().times(), Merged(self._of_others().values()).times()

    def _of_others(self) -> dict[str, History]:
        """Return the histories of other computers' files, by name."""
        known, self._others = self._others, {}
        for name in self._names():
            version = _version(self.path.with_name(name))
            if name in known and known[name][0] == version:
                self._others[name] = known[name]
            elif (history := self._other(name, version)) is not None:
                self._others[name] = version, history
        return {name: history for name, (_, history) in self._others.items()}

    def _other(self, name: str, version: Version | None) -> History | None:
        """Return the history of another computer's file; None, and say so once, if it cannot be read."""
        path = self.path.with_name(name)
        try:
            data = files.contents(path)
            if b"\n" not in data or not is_file(data):
                raise OSError(errno.EINVAL, "it is not a file of decisions")
        except OSError as error:
            if self._left_out.get(name, ()) != version:
                reason = error.strerror or error
                streams.say(f"The decisions in {shown(path)} are left out: {reason}.", error=True)
            self._left_out[name] = version
            return None
        history = History()
        for line in data[: data.rfind(b"\n") + 1].split(b"\n"):
            history.add(line)
        return history

    def read(self) -> History:
        """Return the history as it is on the disk now.

        Raises
        ------
        ResultsError
            If it cannot be read, or is not a file of decisions.
        """
        try:
            data = files.contents(self.path)
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise ResultsError(f"{shown(self.path)} cannot be read: {error.strerror or error}.") from error
        if not data.startswith(self._read):  # somebody has edited it
            self._read, self._history = b"", History()
        if not self._read and not is_file(data):
            raise ResultsError(
                f"{shown(self.path)} is not understood: it does not begin with {','.join(COLUMNS)}. Save it "
                "as CSV UTF-8 with commas, or move it away; until then nothing can be decided."
            )
        complete = data.rfind(b"\n") + 1
        for line in data[len(self._read) : complete].split(b"\n"):
            self._history.add(line)
        self._read = data[:complete]
        if complete == len(data) or self._history.header.has_change:
            return self._history
        # The last line is truncated, or is being written at this moment: the next call reads it again.
        if self._truncated[0] != data:
            self._truncated = data, History()
            for line in data.split(b"\n"):
                self._truncated[1].add(line)
        return self._truncated[1]

    def append(self, about: Iterable[Row], word: str, note: str) -> Step | None:
        """Append one step and return it; None if there is no row, or the step changed nothing.

        Errors are those of `append_all`.
        """
        steps = self.append_all([(about, word, note)])
        return steps[0] if steps else None

    def append_all(self, steps: Iterable[tuple[Iterable[Row], str, str]]) -> list[Step]:
        """Append steps, each of rows, word and note, all or none; return those that changed something.

        Raises
        ------
        SettingsError
            If a name or digest is too long to be read back, or a signature is none.
        OutputError
            If the steps cannot be written; the part of them that was written is removed again.
        """
        given = [([*dict.fromkeys(about)], word, note) for about, word, note in steps]
        given = [step for step in given if step[0]]
        if not given:
            return []
        new: list[Line] = []
        references: dict[tuple[str, str], None] = {}
        own, others = self.read(), [*self._of_others().values()]
        for about, word, note in given:
            while own.has(time := written(), word) or (time, word) in references:
                pass  # the random digits of another step
            meant = [*map(key, about)] if others else []
            seen = max((history.newest(meant) for history in others), default=0)
            after = text_of(seen) if seen >= moment(time) else ""
            for row in about:
                check(row)
            note = re.sub(r"[\0\r\n]+", " ", note)[: pairs.MESSAGE_LIMIT]
            new += [Line(time, row, word, note, after) for row in about]
            references[time, word] = None
        try:
            while not self._write(new):
                pass  # another process has replaced the file meanwhile
        except OSError as error:
            raise files.not_written(self.path, error) from error
        history = self.read()
        return [step for reference in references if (step := history.step(*reference))]

    def _write(self, new: list[Line]) -> bool:
        """Append lines; return False if somebody has replaced the file."""
        if self.path.is_symlink():
            raise OutputError(
                f"{shown(self.path)} cannot be written: it is a link, which may lead anywhere. Put the file "
                "itself there instead.",
                self.path,
            )
        # Unbuffered and in one piece, so that no line of another process comes in between.
        with open(self.path, "a+b", buffering=0, opener=_open_no_link) as file:
            if not _is_locked(file, self.path, alone=False):
                return False
            size = file.seek(0, os.SEEK_END)
            if size == 0:  # the header is written once
                if not _is_locked(file, self.path, alone=True):
                    return False
                size = file.seek(0, os.SEEK_END)
            file.seek(0)
            header = Header.of(file.read(_LONGEST)) if size else Header.for_lines(new)
            wider = header.with_room_for(new)
            if wider != header:
                if not _is_locked(file, self.path, alone=True):
                    return False
                return self._widen(file, wider, new)
            data = header.encode(new)
            if size == 0:
                data = header.encoded() + data
            else:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    data = (VOID if header.has_change else b"\r\n") + data
            try:
                files.write_all(file, data)
                if size == 0:
                    _is_locked(file, self.path, alone=False)  # the header is there
                os.fsync(file.fileno())
            except OSError:
                _remove(file, size, data)
                raise
        if size == 0:
            files.sync_folder(self.path.parent)
        return True

    def _widen(self, file: io.FileIO, header: Header, new: list[Line]) -> bool:
        """Replace the file by one with this header, whose last columns are new, and append lines."""
        file.seek(0)
        data = widened(file.readall(), header) + header.encode(new)
        if sys.platform == "win32":  # an open file cannot be replaced there
            file.close()
        files.replace(self.path, [data])
        return True


def _is_locked(file: io.FileIO, path: Path, alone: bool) -> bool:
    """Lock a file that is open, alone or with others who append; return whether it still has its name.

    Where locks are not supported, nobody waits for anybody.
    """
    if sys.platform == "win32":  # there, a file that somebody has open is not replaced
        return True
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if monotonic() > deadline:
                raise
            sleep(0.01)
        except OSError:
            break
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _open_no_link(name: str, flags: int) -> int:
    """Open a file as `open` does, but do not follow a link."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _version(path: Path) -> Version | None:
    """Return what tells whether a file has changed; None if it is absent."""
    with contextlib.suppress(OSError):
        state = path.stat()
        return state.st_size, state.st_mtime_ns, state.st_ino
    return None


def _remove(file: io.FileIO, size: int, lines: bytes) -> None:
    """Cut off the written part of these lines, unless somebody else has appended since."""
    with contextlib.suppress(OSError):
        file.seek(size)
        if lines.startswith(file.readall()):
            file.truncate(size)
