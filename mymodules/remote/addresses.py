"""URLs: which texts are some, how they are shown, and the file systems behind them."""

import base64
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import unquote

from mymodules import versions
from mymodules.errors import SettingsError
from mymodules.paths import is_encodable, shown
from mymodules.remote.asking import Failed

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(::[A-Za-z0-9+.-]+)*://", re.ASCII)  # one letter is a drive
_CHAINED = re.compile(r"::(?![\w:.%]*\])")  # not in an IPv6 address
_SIGNED = re.compile("x-amz-.*|sig|signature|expires", re.IGNORECASE)
_WORD = re.compile("[a-z]+")  # in a chain, fsspec takes it for a scheme
_LOCAL = ("file", "local")
_ARCHIVES = ("zip", "tar", "libarchive")
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs",
    "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs", "sftp": "paramiko", "ssh": "paramiko",
    "http": "fsspec[http]", "https": "fsspec[http]",
}  # fmt: skip
_READ_ONLY = frozenset({"http", "https", "zip", "tar", "libarchive", "git", "github", "data"})
REPLACING = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})
"""The schemes of object stores: a file is replaced in one step there, and its name is a text with slashes."""

LARGEST_PAGE = 1 << 28
"""bytes of an index page; one of a million names has less."""

_QUIET = 60.0  # s; how long an HTTP server may send nothing


def is_remote(path: object) -> TypeGuard[str]:
    """Return whether this is the URL of another place, as text."""
    match = _URL.match(path) if isinstance(path, str) and "\0" not in path else None
    return match is not None and match[1].lower() not in _LOCAL


def address(url: str) -> str:
    """Return a URL without user, password and query, safe to print."""
    parts = _CHAINED.split(url)
    for number, part in enumerate(parts[:-1]):
        scheme, colon, _ = part.partition("://")
        if colon and scheme.lower() not in _ARCHIVES:  # no chain goes on after a server: a password may
            return "::".join([*map(_plain, parts[:number]), f"{shown(scheme)}://..."])
    return "::".join(map(_plain, parts))


def filename(url: str) -> str:
    """Return the name that the file behind a URL would have on this computer; it has no user and password."""
    link = next(part for part in _CHAINED.split(url) if "://" in part)
    scheme, _, rest = link.partition("://")
    if not rest or _plain(link).endswith("://..."):
        return "..."
    if is_web(link):
        rest = unquote(re.split("[?#]", rest)[0])
    elif scheme.lower() not in _ARCHIVES:
        rest = rest.partition("?")[0]
    _, slash, name = rest.rpartition("/")
    return name if slash else name.rpartition("@")[2]


def picture_name(url: str, suffixes: Sequence[str]) -> str | None:
    """Return the name of the picture that a URL names by its ending; None for a folder.

    A folder whose name ends like that of a picture has a slash at the end of its URL.
    """
    name = filename(url)
    can_be = name.isprintable() and is_encodable(name) and not name.startswith(".")
    return name if can_be and name.lower().endswith(tuple(suffixes)) else None


def unsigned(url: str) -> str:
    """Return a URL without what is another one each time that the query of a server is signed."""
    return "::".join(map(_unsigned, _CHAINED.split(url)))


def _unsigned(part: str) -> str:
    scheme, colon, rest = part.partition("://")
    before, mark, query = rest.partition("?")
    if not (colon and mark) or scheme.lower() in _ARCHIVES:
        return part
    kept = [each for each in query.split("&") if not _SIGNED.fullmatch(each.partition("=")[0])]
    return f"{scheme}://{before}{mark if kept else ''}{'&'.join(kept)}"


def _plain(part: str) -> str:
    scheme, colon, rest = part.partition("://")
    if not colon or scheme.lower() in _ARCHIVES:
        return shown(part)  # the name of another scheme, or a path
    host = re.split("[/?#]", rest)[0]
    path = rest[len(host) :]
    host = host.rpartition("@")[2]
    port = host.rpartition("]")[2].partition(":")[2]
    if port and ("@" in path or not port.isdecimal()):  # the slash may be that of a password
        return f"{shown(scheme)}://..."
    return shown(f"{scheme}://{host}{re.split('[?#]', path)[0]}")


def absolute(url: str, start: Path) -> str:
    """Return a URL in which the path of an archive on this computer is a whole one."""
    before, colons, last = url.rpartition("::")
    scheme, colon, rest = last.partition("://")
    if not colons and scheme.lower() in _ARCHIVES:
        return f"{scheme}://{start / Path(rest).expanduser()}"
    if colons and not colon:
        return f"{before}::{start / Path(last).expanduser()}"
    return url


def check_writable(url: str) -> None:
    """Raise SettingsError if nothing can be written to a URL, whatever its server says. Nobody is asked."""
    scheme = url.partition("://")[0].lower()
    if "::" in url or scheme in _READ_ONLY:
        raise SettingsError(
            f"{address(url)} can only be read: to write, name a folder on this computer, or a URL such as "
            "s3://bucket/folder, gs://, az:// or sftp://."
        )


def check_folder(url: str) -> None:
    """Raise SettingsError if a folder of an object store has an empty part, ``.`` or ``..`` in its path.

    There these are parts of names like any other, and drivers list and read different folders. Elsewhere they
    only give a folder a second name. Nobody is asked.
    """
    for part in _CHAINED.split(url):
        scheme, colon, rest = part.partition("://")
        path = rest.partition("?")[0].partition("/")[2]
        has_some = path and not {"", ".", ".."}.isdisjoint(path.removesuffix("/").split("/"))
        if has_some and scheme.lower() in REPLACING:
            raise SettingsError(
                f"{address(url)} has //, . or .. in its path, which may mean another folder to its server: "
                "name the folder without them."
            )
        if colon or scheme.lower() in _ARCHIVES:
            break  # what follows is a file


def check_out(url: str) -> None:
    """Raise SettingsError if a URL cannot be that of results. Nobody is asked."""
    check_writable(url)
    check_folder(url)
    if address(url) != shown(url):
        raise SettingsError(
            f"{address(url)}: the URL of results has no user, password, ? or #, because later commands have "
            "to repeat it. Tell these to fsspec, for instance with FSSPEC_SFTP_USERNAME."
        )


def is_web(url: str) -> bool:
    """Return whether a URL is that of an index page."""
    return url.partition("://")[0].lower() in ("http", "https")


class Clock:
    """What the clock of a server may show: this computer's time, or what the server said with its answers."""

    def __init__(self) -> None:
        self._offsets = (0.0, 0.0)

    def hear(self, headers: Mapping[str, str]) -> None:
        """Note when an answer was made, if it says so."""
        import email.utils  # every run would load it

        with contextlib.suppress(KeyError, ValueError, OverflowError, OSError):
            date = email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
            offset = date + int(headers.get("Age", 0)) - time.time()  # the s that a cache had it
            low, high = self._offsets
            self._offsets = min(low, offset), max(high, offset)

    def now(self) -> tuple[float, float]:
        """Return the s since the epoch that it shows at least, and at most."""
        low, high = self._offsets
        return time.time() + low, time.time() + high


def opened(url: str, clock: Clock) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it; this may ask its server.

    Parameters
    ----------
    url : str
    clock : Clock
        Hears what the server says.

    Raises
    ------
    ImportError
        If a package is missing.
    Failed
        If fsspec does not know a scheme.
    Exception
        Whatever fsspec and its drivers raise.
    """
    import fsspec  # takes long, and few need it

    scheme, _, rest = url.partition("://")
    options: dict[str, Any] = {}
    whole = url
    for part in _CHAINED.split(address(url)):  # what is shown
        named, colon, _ = part.partition("://")
        known = is_web(part) or named in fsspec.registry or named in fsspec.available_protocols()
        if not known and (colon or _WORD.fullmatch(part)):
            raise Failed("unsupported", f"fsspec does not know {named}://")
    if scheme.lower() in _ARCHIVES and "::" not in url:  # fsspec would ask for a path in the archive
        whole = f"{scheme}://::{rest}"
    elif is_web(url):
        whole, options = _for_the_web(scheme, rest, clock)
    # An archive that was opened before is not the one that is there now.
    system, path = fsspec.core.url_to_fs(whole, skip_instance_cache=True, **options)
    return system, str(path)


def _response(clock: Clock) -> Any:
    """Return a class of answers that a clock hears, and that keep no more in memory than a page may have."""
    import aiohttp

    class Bounded(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> aiohttp.ClientResponse:
            await super().start(connection)
            clock.hear(self.headers)
            return self

        async def read(self) -> bytes:
            if self._body is None:
                data = bytearray()
                async for part in self.content.iter_any():
                    data += part
                    if len(data) > LARGEST_PAGE:
                        self.close()
                        raise aiohttp.ClientPayloadError
                self._body = bytes(data)
            return self._body

    return Bounded


def _for_the_web(scheme: str, rest: str, clock: Clock) -> tuple[str, dict[str, Any]]:
    """Return a URL as links on its pages have it, without a password, and what to call fsspec with.

    What the user has put into fsspec's configuration holds, except where pictures would be wrong.
    """
    import aiohttp
    import yarl  # which it is made with
    from fsspec.config import apply_config
    from fsspec.implementations.http import HTTPFileSystem

    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    # A session ends by a limit for a whole answer, which a large picture may need longer than.
    patience = aiohttp.ClientTimeout(total=None, sock_connect=_QUIET, sock_read=_QUIET)
    options = apply_config(HTTPFileSystem, {"simple_links": False})
    client = dict(options.get("client_kwargs") or {})
    client = {"timeout": patience, **client, "response_class": _response(clock)}
    # What is compressed has another length than the one that is stated.
    own = {"Accept-Encoding": "identity"}
    if at:
        known = ":".join(map(unquote, user.split(":", 1)))
        own["Authorization"] = f"Basic {base64.b64encode(known.encode()).decode()}"
        client["auth"] = options["auth"] = None  # aiohttp refuses two
    given = dict(options.get("headers") or {})
    other = {name: given[name] for name in given if name.title() not in own}
    options |= {"client_kwargs": client, "headers": other | own}
    return str(yarl.URL(f"{scheme.lower()}://{host}{slash}{path}")), options


def missing(url: str, error: ImportError) -> SettingsError:
    """Return the error to raise for a package that is not installed."""
    schemes = [part.partition("://")[0].lower() for part in url.split("::")]
    package = next((_PACKAGES[scheme] for scheme in schemes if scheme in _PACKAGES), error.name)
    named = [] if package is None else [package]
    if error.name == "fsspec" and package not in ("fsspec", _PACKAGES["http"]):
        named = ["fsspec", *named]
    if not named:
        return SettingsError(
            f"{address(url)} needs a package that is not installed: see fsspec's documentation."
        )
    what = f"the package{'s' if len(named) > 1 else ''} {' and '.join(map(shown, named))}"
    return SettingsError(f"{address(url)} needs {what}. Type: {shown(versions.installing(*named))}")
