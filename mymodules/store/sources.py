"""Where images come from: a folder, a URL, or a function from digest to bytes.

A folder or URL holds ``<digest>.png``, all in one level. ``http`` and ``https`` are read with requests; all
other URLs are read with fsspec, whose drivers for remote stores the user installs. `fetch` reads from one
source, and tries again if that fails. The length and the MD5 that a remote store declares for a file must
match. A file that is larger than `LARGEST`, or takes longer than `WHOLE`, is not read to its end.

If a link leads out of the folder, its file counts as absent. Messages contain the errors of a source as
`printable` text, without the password that a URL may contain.
"""

import base64
import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from mymodules.errors import SettingsError, StoreError
from mymodules.paths import AnyPath, local_path

TRIES: Final = 4
"""How often an image is asked for before it counts as unavailable."""

LARGEST: Final = 1 << 30
"""bytes; a larger image is not read from a URL."""

WHOLE: Final = 300.0
"""s; how long a server may take for one image."""

_TIMEOUT = 10, 60  # s; to connect, and between two parts of an answer
_PART = 1 << 16  # bytes
_DEFINITE = 400, 500  # trying again does not help against a client's error ...
_PASSING = {408, 425, 429}  # ... but these ask for another try
_GONE = {404, 410}
_USER = re.compile(r"(?<=://)[^/?#]*@")

_log = logging.getLogger(__name__)


class Absent(Exception):
    """The source has no such image, and trying again does not help."""


class Original(NamedTuple):
    """A picture's own bytes and their media type."""

    data: bytes
    media_type: str


class Source(Protocol):
    """One place that images come from."""

    def read(self, name: str) -> bytes:
        """Return the bytes of a file; raise `Absent`, or whatever went wrong."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file if it exists; raise if that fails."""
        ...


AnySource = AnyPath | Callable[[str], bytes]
"""A source as callers may give it."""


def of(source: AnySource | Iterable[AnySource] | None) -> tuple[Source, ...]:
    """Return the sources to ask, in order, from None, one or several; raise StoreError for anything else."""
    if source is None:
        return ()
    if isinstance(source, str):
        try:
            scheme = urlsplit(source).scheme
        except ValueError:  # its message may repeat a password
            raise StoreError("The source is neither a folder nor a URL: it is malformed.") from None
        if scheme in ("http", "https"):
            return (_Web(source),)
        # A scheme of one letter is a drive.
        return (_Fsspec(source) if len(scheme) > 1 and "://" in source else _Folder(source),)
    if isinstance(source, os.PathLike):
        return (_Folder(source),)
    if callable(source):
        return (_Function(source),)
    if isinstance(source, Iterable) and not isinstance(source, bytes):
        return tuple(one for each in source for one in of(each))
    raise StoreError(
        f"A source is a folder, a URL, or a function from digest to bytes, not {printable(repr(source))}."
    )


def folder(path: AnyPath) -> Path:
    """Return the absolute path of a folder, links not resolved; raise StoreError if it cannot be a path."""
    try:
        return local_path(path, "The store's folder")
    except SettingsError as error:
        raise StoreError(str(error)) from error


def printable(text: object) -> str:
    """Return a foreign text without users and passwords of URLs, and with control characters escaped."""
    shown = _USER.sub("", str(text))
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)


def fetch(
    source: Source,
    digest: str,
    check: Callable[[bytes], None],
    *,
    pause: float,
    sleep: Callable[[float], object] = time.sleep,
) -> bytes:
    """Read an image, in up to `TRIES` tries.

    Parameters
    ----------
    source : Source
    digest : str
        Its name is ``<digest>.png``.
    check : callable
        Raises if the bytes are not what they should be; they are then read again.
    pause : float
        s between two tries.

    Raises
    ------
    Absent
        If the source does not have it.
    Exception
        The error of the last try.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            data = source.read(f"{digest}.png")
            check(data)
            return data
        except Absent:
            raise
        except Exception as error:
            if not left:
                raise
            _log.info("Reading %s failed (%s), %d tries left.", digest, printable(error), left)
        sleep(pause)
    raise AssertionError


def inside(folder: Path, name: str) -> Path:
    """Return the file of this name in a folder; raise `Absent` if it is not a file or a link leads out."""
    try:
        path = (folder / name).resolve(strict=True)
        if path.is_relative_to(folder.resolve(strict=True)) and path.is_file():
            return path
    except (FileNotFoundError, NotADirectoryError, RuntimeError):  # RuntimeError: links in a circle
        pass
    raise Absent(f"{name} is not in {folder}")


class _Folder:
    def __init__(self, path: AnyPath) -> None:
        self._path = folder(path)
        self._listed: tuple[int, frozenset[str]] | None = None

    def read(self, name: str) -> bytes:
        path = inside(self._path, name)
        if not self._is_spelt(name):
            raise Absent(f"{name} is not in {self._path}, only one with other capitals")
        return path.read_bytes()

    def remove(self, name: str) -> None:
        if self._is_spelt(name):
            (self._path / name).unlink(missing_ok=True)

    def _is_spelt(self, name: str) -> bool:
        """Return whether a file's name has this exact case; some file systems ignore the case of names."""
        other = Path(name).stem.swapcase() + Path(name).suffix
        try:
            if other == name or not (self._path / other).samefile(self._path / name):
                return True
            stamp = self._path.stat().st_mtime_ns
            if self._listed is None or self._listed[0] != stamp:
                self._listed = stamp, frozenset(os.listdir(self._path))  # noqa: PTH208 - names are enough
            return name in self._listed[1]
        except OSError:  # for instance, the file is absent
            return True


class _Function:
    def __init__(self, function: Callable[[str], bytes]) -> None:
        self._function = function

    def read(self, name: str) -> bytes:
        digest = name.removesuffix(".png")
        try:
            data = self._function(digest)
        except (FileNotFoundError, LookupError) as error:
            raise Absent(f"the source has no {digest}: {error!r}") from error
        if data is None:  # as from the `get` of a dict
            raise Absent(f"the source has no {digest}")
        return bytes(data)

    def remove(self, name: str) -> None:
        _log.info("%s is not removed: its source is a function.", name)


class _Web:
    def __init__(self, url: str) -> None:
        # Without user and password, so that no message contains them.
        parts = urlsplit(url.rstrip("/"))
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._user: tuple[bytes, bytes] | None = None
        try:
            usable = bool(parts.hostname) and " " not in parts.netloc and parts.port != 0
        except ValueError:  # of the port
            usable = False
        if not usable:
            raise StoreError(
                "The source's URL is malformed: check its host and port, and write @ and / in a name or "
                "password as %40 and %2F."
            )
        if parts.username is not None:
            self._user = unquote(parts.username).encode(), unquote(parts.password or "").encode()
        self._local = threading.local()  # one session, and so one connection, for each thread

    def read(self, name: str) -> bytes:
        with self._answer("GET", name) as answer:
            if answer.status_code in range(*_DEFINITE) and answer.status_code not in _PASSING:
                raise Absent(f"{self._url} answers {answer.status_code}")
            self._check(answer)
            data = self._body(answer, name)
        hashes = [part.strip() for part in answer.headers.get("x-goog-hash", "").split(",")]
        declared = [part.removeprefix("md5=") for part in hashes if part.startswith("md5=")]
        _check_md5(data, answer.headers.get("Content-MD5", *declared[:1]))
        return data

    def remove(self, name: str) -> None:
        with self._answer("DELETE", name) as answer:
            if answer.status_code not in _GONE:
                self._check(answer)

    def _check(self, answer: Any) -> None:
        if not answer.ok:
            raise OSError(f"{self._url} answers {answer.status_code}")

    def _body(self, answer: Any, name: str) -> bytes:
        """Return the whole body, read part by part: a time limit for each part would not limit the whole."""
        data, deadline = bytearray(), time.monotonic() + WHOLE
        while part := answer.raw.read1(_PART, decode_content=True):
            data += part
            _check_size(name, len(data))
            if time.monotonic() > deadline:
                raise OSError(f"{self._url} takes longer than {WHOLE:g} s for {name}")
        return bytes(data)

    def _answer(self, method: str, name: str) -> Any:
        import requests

        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.auth = self._user
        return self._local.session.request(method, f"{self._url}/{name}", timeout=_TIMEOUT, stream=True)


class _Fsspec:
    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._system, self._path = fsspec.core.url_to_fs(url)
        except Exception as error:  # each driver has its own
            raise StoreError(
                f"The source {urlsplit(url).scheme}:// cannot be used ({printable(error)}): check that its "
                "address is right and its driver is installed."
            ) from None
        local = fsspec.get_filesystem_class("file")
        self._folder = _Folder(self._path) if isinstance(self._system, local) else None

    def read(self, name: str) -> bytes:
        if self._folder is not None:
            return self._folder.read(name)
        path = f"{self._path.rstrip('/')}/{name}"
        try:
            declared = self._system.info(path)
            _check_size(name, declared.get("size") or 0)
            data = bytes(self._system.cat_file(path))
        except FileNotFoundError as error:
            raise Absent(f"there is no {path}") from error
        size = declared.get("size")
        if size is not None and size != len(data):
            raise OSError(f"{path} has {size} bytes, and {len(data)} were read")
        _check_md5(data, declared.get("md5Hash"))
        return data

    def remove(self, name: str) -> None:
        if self._folder is not None:
            self._folder.remove(name)
            return
        path = f"{self._path.rstrip('/')}/{name}"
        if self._system.exists(path):
            self._system.rm_file(path)


def _check_size(name: str, size: int) -> None:
    """Raise Absent for a file that is too large to be held in memory."""
    if size > LARGEST:
        raise Absent(f"{name} has more than {LARGEST:,} bytes")


def _check_md5(data: bytes, declared: str | None) -> None:
    """Raise OSError if the bytes do not have the declared MD5, in base64."""
    if declared:
        found = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        if found != declared:
            raise OSError(f"the bytes read have MD5 {found}, and {declared} is declared")
