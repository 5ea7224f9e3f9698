"""URLs: which texts are some, how they are shown, and the file systems behind them."""

import base64
import importlib.util
import re
import shlex
import sys
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import unquote

from mymodules.errors import SettingsError
from mymodules.paths import shown

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(::[A-Za-z0-9+.-]+)*://", re.ASCII)  # one letter is a drive
_LOCAL = ("file", "local")
_ARCHIVES = ("zip", "tar", "libarchive")
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs",
    "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs", "sftp": "paramiko", "ssh": "paramiko",
    "http": "aiohttp", "https": "aiohttp",
}  # fmt: skip
LARGEST_PAGE = 1 << 28
"""bytes of an index page; one of a million names has less."""

_QUIET = 60.0  # s; how long an HTTP server may send nothing


def is_remote(path: object) -> TypeGuard[str]:
    """Return whether this is the URL of another place, as text."""
    match = _URL.match(path) if isinstance(path, str) and "\0" not in path else None
    return match is not None and match[1].lower() not in _LOCAL


def address(url: str) -> str:
    """Return a URL without user, password and query, safe to print."""
    return "::".join(map(_plain, url.split("::")))


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


def is_web(url: str) -> bool:
    """Return whether a URL is that of an index page."""
    return url.partition("://")[0].lower() in ("http", "https")


def opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it; this may ask its server.

    Raises
    ------
    ImportError
        If a package is missing.
    Exception
        Whatever fsspec and its drivers raise.
    """
    import fsspec  # takes long, and few need it

    scheme, _, rest = url.partition("://")
    options: dict[str, Any] = {}
    whole = url
    if scheme.lower() in _ARCHIVES and "::" not in url:  # fsspec would ask for a path in the archive
        whole = f"{scheme}://::{rest}"
    elif is_web(url):
        whole, options = _for_the_web(scheme, rest)
    # An archive that was opened before is not the one that is there now.
    system, path = fsspec.core.url_to_fs(whole, skip_instance_cache=True, **options)
    return system, str(path)


def _response() -> Any:
    """Return a class of answers of which no more is kept in memory than a page may have."""
    import aiohttp

    class Bounded(aiohttp.ClientResponse):
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


def _for_the_web(scheme: str, rest: str) -> tuple[str, dict[str, Any]]:
    """Return a URL as links on its pages have it, without a password, and what to call fsspec with."""
    import aiohttp
    import yarl  # which it is made with

    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    # A session ends by a limit for a whole answer, which a large picture may need longer than.
    patience = aiohttp.ClientTimeout(total=None, sock_connect=_QUIET, sock_read=_QUIET)
    client = {"timeout": patience, "response_class": _response()}
    headers = {
        "Accept-Encoding": "identity"
    }  # what is compressed has another length than the one that is stated
    if at:
        known = ":".join(map(unquote, user.split(":", 1)))
        headers["Authorization"] = f"Basic {base64.b64encode(known.encode()).decode()}"
    options = {"client_kwargs": client, "headers": headers, "simple_links": False}
    return str(yarl.URL(f"{scheme.lower()}://{host}{slash}{path}")), options


def missing(url: str, error: ImportError) -> SettingsError:
    """Return the error to raise for a package that is not installed."""
    schemes = [part.partition("://")[0].lower() for part in url.split("::")]
    package = next((_PACKAGES[scheme] for scheme in schemes if scheme in _PACKAGES), error.name)
    if package is None:
        return SettingsError(
            f"{address(url)} needs a package that is not installed: see fsspec's documentation."
        )
    python = shlex.quote(sys.executable)
    here = importlib.util.find_spec("pip") is not None  # uv makes environments without
    call = f"{python} -m pip install" if here else f"uv pip install --python {python}"
    return SettingsError(f"{address(url)} needs the package {shown(package)}. Type: {call} {shown(package)}")
