"""A folder behind a URL that is written to: each file in one step, and nothing else of it is touched.

Promises:

- Whoever reads a file meanwhile gets the old one or the new one. An object store replaces an object at
  once. Elsewhere a file is sent under a temporary name, ``.sending-...``, and renamed when all of it is
  there; where renaming does not replace a file, it is absent for a moment. A killed process may leave a file
  of such a name.
- A server that fails is asked again, and a time limit ends everything, as `asking` says.
- Errors are `FAULTS`, and `why` puts them into words: neither quotes a library, user, password or query.

Not promised: two processes may write the same name at the same time, and the last one stands.
"""

import contextlib
import errno
import os
import posixpath
import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from mymodules.remote.addresses import REPLACING, Clock, missing, opened
from mymodules.remote.asking import Asking, Failed, Over, WrongLength
from mymodules.remote.listing import Stated, protocols, stated
from mymodules.remote.reading import received

LIMIT: Final = 1800.0
"""s; how long one dealing with a folder may take, if nobody says otherwise."""

FAULTS: Final = (Failed, Over, ImportError, OSError)
"""What may be raised by all that is done here."""

_SLOWEST = 250_000.0  # bytes per s; a file that is sent more slowly may be given up
_LISTING = 300.0  # s; more than a driver takes for a folder of a million files, of which it says nothing


def why(url: str, error: Exception) -> str:
    """Return what one of `FAULTS` means, as a clause: "the server refuses it (status 403)"."""
    if isinstance(error, Failed):
        return error.clause
    if isinstance(error, Over):
        return str(error)
    if isinstance(error, ImportError):
        return str(missing(url, error)).rstrip(".")
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__


class Folder:
    """A folder behind a URL, for one dealing with it.

    Parameters
    ----------
    url : str
        It may also be that of a single file, which has the name ``""`` then.
    limit : float
        s; how long all of it may take.
    patience : float, optional
        s; how long it may take without any answer.
    over : threading.Event, optional
        Whoever sets it ends everything, also while the folder is opened. Leaving the folder sets it.

    Notes
    -----
    Names are paths below the folder, with slashes. Each method raises `FAULTS`. A context manager, which
    leaves no call running that it could end.
    """

    def __init__(
        self,
        url: str,
        limit: float = LIMIT,
        patience: float | None = None,
        over: threading.Event | None = None,
    ) -> None:
        self._clock, self.asking = Clock(), Asking(limit, patience, over)
        self._system, self._root = self.asking.one(partial(opened, url, self._clock))
        self.asking.allow(protocols(self._system))
        self._replaces = not REPLACING.isdisjoint(protocols(self._system))
        self._made: set[str] = set()  # folders

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.asking.over.set()

    # --- reading -------------------------------------------------------------------------------------

    def files(self, name: str = "", *, deep: bool = False) -> dict[str, Stated]:
        """Return the files in a folder by their paths in it; none if there is no such folder.

        If `deep`, those in folders below it as well.
        """
        top = self._path(name).rstrip("/")
        found: dict[str, Stated] = {}
        seen, folders = {top}, [top]
        while folders:
            below = []
            for folder, entries in self.asking.each(partial(self._entries, long=deep), folders):
                for entry in entries:
                    path = str(entry["name"]).rstrip("/")
                    if not path.startswith(f"{folder}/") or path in seen:
                        continue
                    if entry["type"] == "file":
                        found[path[len(top) + 1 :]] = stated(entry, self._clock)
                    elif deep and entry["type"] == "directory":
                        seen.add(path)
                        below.append(path)
            folders = below
        return found

    def stated(self, name: str) -> Stated | None:
        """Return what the server says of a file; None if there is none."""
        return self.asking.one(partial(self._stated, name))

    def read(self, name: str, made: Path, most: int) -> Stated | None:
        """Fetch a file, of at most so many bytes, and return what the server says of it.

        It is whole, and did not change meanwhile. None if there is none.
        """
        return self.asking.one(partial(self._read, made, most, name))

    def read_each(
        self, files: Iterable[tuple[str, Path]], most: int
    ) -> Iterator[tuple[Path, Stated | Failed | None]]:
        """Do the same for several; yield each path when its file is there, or why it cannot be had."""

        def task(item: tuple[str, Path]) -> Stated | Failed | None:
            try:
                return self._read(item[1], most, item[0])
            except Failed as failed:
                return failed

        for (_, made), found in self.asking.each(task, files):
            yield made, found

    def _entries(self, folder: str, *, long: bool) -> list[dict[str, Any]]:
        def asked() -> list[dict[str, Any]]:
            self._system.invalidate_cache()
            with self.asking.allowing(_LISTING if long else 0.0):
                return list(self._system.ls(folder, detail=True))

        try:
            return self.asking.again(asked)
        except Failed as failed:
            if failed.code != "vanished":
                raise
            return []

    def _stated(self, name: str) -> Stated | None:
        try:
            return self.asking.again(partial(self._info, self._path(name)))
        except Failed as failed:
            if failed.code != "vanished":
                raise
            return None

    def _info(self, path: str) -> Stated:
        self._system.invalidate_cache()
        return stated({**self._system.info(path), "name": path}, self._clock)

    def _read(self, made: Path, most: int, name: str) -> Stated | None:
        for _ in range(3):
            said = self._stated(name)
            if said is None:
                return None
            if said.size is not None and said.size > most:
                raise Failed("unsupported", f"{posixpath.basename(said.source)} has more than {most:,} bytes")
            try:
                self.asking.again(lambda: received(self._system, said, made, self.asking, most))  # noqa: B023
            except Failed as failed:
                if failed.code != "vanished":
                    raise
                return None
            after = self._stated(name)
            if after is not None and not after.contradicts(said):
                return after
        raise Failed("changed_during_run", "it changed again and again while it was fetched")

    # --- writing -------------------------------------------------------------------------------------

    def write(self, name: str, made: Path) -> None:
        """Send a file of this computer in one step, replacing one of that name."""
        self.asking.one(partial(self._write, name, made))

    def write_each(self, files: Iterable[tuple[str, Path]]) -> None:
        """Send several files, in any order. The first that fails ends it."""
        for _ in self.asking.each(lambda item: self._write(*item), files):
            pass

    def probe(self, made: Path) -> None:
        """Send a file as all others, and remove it there, so that whoever may not write learns it at once."""
        name = _temporary()
        self.write(name, made)
        self.remove(name)

    def remove(self, name: str) -> bool:
        """Remove a file there, if that is allowed: some may only add files. Return whether it was done."""
        with contextlib.suppress(*FAULTS):
            self.asking.one(partial(self._remove, self._path(name)))
            return True
        return False

    def _write(self, name: str, made: Path) -> None:
        path, again = self._path(name), self.asking.again
        if self._replaces:
            again(partial(self._put, made, path))
            return
        above = posixpath.dirname(path)
        part = f"{above}/{_temporary()}"
        try:
            self._make(above)
            again(partial(self._put, made, part))
            again(partial(self._rename, part, path, made.stat().st_size))
        except BaseException:
            with contextlib.suppress(*FAULTS):
                self._remove(part)
            raise

    def _make(self, folder: str) -> None:
        """Have a folder, where there are some."""
        if not self._replaces and folder not in self._made:
            self.asking.again(partial(self._system.makedirs, folder, exist_ok=True))
            self._made.add(folder)

    def _put(self, made: Path, path: str) -> None:
        from fsspec.callbacks import Callback

        asking, size = self.asking, made.stat().st_size

        class Heeding(Callback):  # type: ignore[misc]
            """End a sending that nobody waits for."""

            def relative_update(self, inc: int = 1) -> None:
                asking.check()
                asking.heard()

        with asking.allowing(size / _SLOWEST):  # some drivers say nothing before the end
            self._system.put_file(str(made), path, callback=Heeding())
        if not self._replaces:
            there = self._info(path).size
            if there not in (None, size):
                raise WrongLength(f"the server has {there:,} of {size:,} bytes")

    def _rename(self, part: str, path: str, size: int) -> None:
        try:
            self._move(part, path)
        except FileNotFoundError:  # it was done, and the answer did not come
            if self._info(path).size not in (None, size):
                raise
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            self._system.rm_file(path)
            self._move(part, path)

    def _move(self, part: str, path: str) -> None:
        from fsspec import AbstractFileSystem

        if type(self._system).mv is not AbstractFileSystem.mv:
            self._system.mv(part, path)
            return
        self._system.cp_file(part, path)  # the mv of all file systems takes names for patterns
        self._system.rm_file(part)

    def _remove(self, path: str) -> None:
        def remove() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._system.rm_file(path)

        try:
            self.asking.again(remove)
        except Failed as failed:
            if failed.code != "vanished":
                raise

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root


def _temporary() -> str:
    return f".sending-{time.time():.0f}-{os.urandom(4).hex()}"
