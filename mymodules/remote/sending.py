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
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from mymodules.errors import SettingsError
from mymodules.remote.addresses import Clock, address, missing, opened
from mymodules.remote.asking import Asking, Failed, Over, WrongLength
from mymodules.remote.listing import Stated, protocols, stated
from mymodules.remote.reading import received

LIMIT: Final = 1800.0
"""s; how long one dealing with a folder may take, if nobody says otherwise."""

FAULTS: Final = (Failed, Over, ImportError, OSError)
"""What may be raised by all that is done here."""

_REPLACING = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})  # an object in one step
_READ_ONLY = frozenset({"http", "https", "zip", "tar", "libarchive", "git", "github", "data"})


def check(url: str) -> None:
    """Raise SettingsError if nothing can be written to a URL, whatever its server says. Nobody is asked."""
    scheme = url.partition("://")[0].lower()
    if "::" in url or scheme in _READ_ONLY:
        raise SettingsError(
            f"{address(url)} can only be read: to write, name a folder on this computer, or a URL such as "
            "s3://bucket/folder, gs://, az:// or sftp://."
        )


def why(url: str, error: Exception, limit: float = LIMIT) -> str:
    """Return what one of `FAULTS` means, as a clause: "the server refuses it (status 403)"."""
    if isinstance(error, Failed):
        return error.clause
    if isinstance(error, Over):
        return f"it took longer than {limit:g} s"
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

    Notes
    -----
    Names are paths below the folder, with slashes. Each method raises `FAULTS`. A context manager, which
    leaves no call running that it could end.
    """

    def __init__(self, url: str, limit: float = LIMIT) -> None:
        self._clock, self._asking = Clock(), Asking(limit)
        self._system, self._root = self._asking.one(partial(opened, url, self._clock))
        self._asking.allow(protocols(self._system))
        self._replaces = not _REPLACING.isdisjoint(protocols(self._system))
        self._made: set[str] = set()  # folders

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.over.set()

    # --- reading -------------------------------------------------------------------------------------

    def stated(self, name: str) -> Stated | None:
        """Return what the server says of a file; None if there is none."""
        return self._asking.one(partial(self._stated, name))

    def read(self, name: str, made: Path, most: int) -> Stated | None:
        """Fetch a file, of at most so many bytes, and return what the server says of it.

        It is whole, and did not change meanwhile. None if there is none.
        """
        return self._asking.one(partial(self._read, made, most, name))

    def _stated(self, name: str) -> Stated | None:
        try:
            return self._asking.again(partial(self._info, self._path(name)))
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
                self._asking.again(lambda: received(self._system, said, made, self._asking, most))  # noqa: B023
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
        self._asking.one(partial(self._write, name, made))

    def _write(self, name: str, made: Path) -> None:
        path, again = self._path(name), self._asking.again
        if self._replaces:
            again(partial(self._put, made, path))
            return
        above = posixpath.dirname(path)
        part = f"{above}/.sending-{time.time():.0f}-{os.urandom(4).hex()}"
        try:
            if above not in self._made:
                again(partial(self._system.makedirs, above, exist_ok=True))
                self._made.add(above)
            again(partial(self._put, made, part))
            again(partial(self._rename, part, path, made.stat().st_size))
        except BaseException:
            with contextlib.suppress(*FAULTS):
                self._remove(part)
            raise

    def _put(self, made: Path, path: str) -> None:
        from fsspec.callbacks import Callback

        check: Callable[[], None] = self._asking.check

        class Heeding(Callback):  # type: ignore[misc]
            """End a sending that nobody waits for."""

            def relative_update(self, inc: int = 1) -> None:
                check()

        self._system.put_file(str(made), path, callback=Heeding())
        if not self._replaces:
            size, there = made.stat().st_size, self._info(path).size
            if there not in (None, size):
                raise WrongLength(f"the server has {there:,} of {size:,} bytes")

    def _rename(self, part: str, path: str, size: int) -> None:
        try:
            self._system.mv(part, path)
        except FileNotFoundError:  # it was done, and the answer did not come
            if self._info(path).size not in (None, size):
                raise
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            self._system.rm_file(path)
            self._system.mv(part, path)

    def _remove(self, path: str) -> None:
        def remove() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._system.rm_file(path)

        try:
            self._asking.again(remove)
        except Failed as failed:
            if failed.code != "vanished":
                raise

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root
