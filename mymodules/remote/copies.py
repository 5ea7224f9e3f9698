"""The copies of URLs in the user's cache, and what is noted of them.

The copy of an output folder is in the folder ``out`` of the cache: what is there may be nowhere else, so
nothing removes it. Those of pictures can be fetched again at any time. A URL may have one of each.

Beside a copy ``NAME`` there are ``NAME.json``, which says what it is, and by which it is known under whatever
path, ``NAME.lines``, a line for each file as it comes, so that nothing is forgotten when a process is killed,
and ``content`` with a link to each content. The time of its folder is that of its last use, see `pruning`.
"""

import contextlib
import hashlib
import hmac
import json
import os
import posixpath
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mymodules import files, streams
from mymodules.errors import SettingsError
from mymodules.paths import shown
from mymodules.remote.addresses import absolute, address, filename, unsigned

if TYPE_CHECKING:
    from mymodules.remote.listing import Listed

CACHE: Final = "MYMODULES_CACHE"
"""The environment variable that names another folder for the copies."""

UNUSED: Final = "unused"
"""The ending of the file beside a copy whose time says when `pruning` found it unused."""

_OUT = "out"  # the folder with the copies of output folders
_ID = "triage.id"
_IDS = re.compile("[0-9a-f]{16}", re.ASCII)

Problem = tuple[str, str]
"""A code of status ``error``, and a clause for a person."""

_urls: dict[Path, str] = {}
_outs: set[Path] = set()  # those of output folders among them
_asked: set[Path] = set()  # copies that were fetched for a run that has not begun


# --- where copies are --------------------------------------------------------------------------------


def place(url: str, start: Path, *, out: bool = False) -> Path:
    """Return the folder that is, or will be, the copy of a URL. Nobody is asked.

    Parameters
    ----------
    url : str
    start : Path
        Where the path of an archive on this computer begins, if it is relative.
    out : bool
        It is an output folder, and not one of pictures.

    Raises
    ------
    SettingsError
        If the cache cannot be written.
    """
    url = absolute(url, start)
    plain = address(url)
    cache = _cache()
    if cache is None:
        raise SettingsError(f"There is no home folder for a copy of {plain}: name a folder in {CACHE}.")
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        meant = (f"out {_alike(unsigned(url))}" if out else unsigned(url)).rstrip("/")
        key = hmac.new(_key(cache), meant.encode("utf-8", "surrogatepass"), hashlib.sha256)
        name = re.sub("[^A-Za-z0-9.]+", "-", _alike(plain) if out else plain).strip("-.")[:48]
        folder = _real((cache / _OUT if out else cache) / f"{name}-{key.hexdigest()[:16]}")
        if out and _about(folder).get("out") is not True:
            folder.parent.mkdir(exist_ok=True, mode=0o700)
            about = {"copy": folder.name, "url": plain, "out": True}
            files.replace(beside(folder, "json"), [json.dumps(about).encode()])
    except OSError as error:
        raise unwritable(plain, error) from error
    _urls[folder] = url
    if out:
        _outs.add(folder)
    return folder


def _cache() -> Path | None:
    """Return the folder with all copies, which need not exist; None if there is no home folder."""
    with contextlib.suppress(RuntimeError, OSError):
        if given := os.environ.get(CACHE):
            return _absolute(given)
        home = Path.home()
        usual = {"win32": home / "AppData" / "Local", "darwin": home / "Library" / "Caches"}
        base = os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform, home / ".cache")
        return _real(Path(base, "mymodules", "remote"))
    return None


@lru_cache
def _absolute(given: str) -> Path:
    """Return the folder that a text means; the working directory may change later."""
    return _real(Path.cwd() / Path(given).expanduser())


def _real(path: Path) -> Path:
    """Return the one absolute path without links and ``..`` that leads where this one does."""
    return Path(os.path.realpath(path))


def _key(cache: Path) -> bytes:
    """Return the user's own key; without it, whoever knows the name of a copy could guess a password."""
    path = cache / "key"
    if not path.exists():
        own = cache / f"key.{os.getpid()}.{threading.get_ident()}"
        files.create(own, [os.urandom(32)], mode=0o600)
        try:
            os.link(own, path)  # the first one wins
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            with contextlib.suppress(FileExistsError):
                files.create(path, [own.read_bytes()], mode=0o600)
        finally:
            own.unlink()
    return path.read_bytes()


def unwritable(plain: str, error: OSError) -> SettingsError:
    """Return the error to raise for a copy that cannot be written."""
    # A library may have raised it, with a text of its own.
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return SettingsError(
        f"The copy of {plain} cannot be written ({reason}): make room or allow it, or name another folder in "
        f"the environment variable {CACHE}."
    )


# --- what is known of a copy -------------------------------------------------------------------------


def is_below(inner: Path, outer: Path) -> bool:
    """Return whether the URL of one copy is that of another one or inside it, as far as their texts tell."""
    one, other = (f"{_tidy(described(folder) or '')}/" for folder in (inner, outer))
    return len(other) > 1 and one.startswith(other)


def _tidy(plain: str) -> str:
    scheme, colon, rest = _alike(plain).partition("://")
    return f"{scheme}://{posixpath.normpath(rest)}" if colon else ""


def _alike(url: str) -> str:
    """Return a URL with one name for S3."""
    return re.sub("^s3a://", "s3://", url)


def described(path: Path) -> str | None:
    """Return the URL whose copy a folder or picture is, or will be, without secrets; None for any other."""
    known = _urls.get(_real(path))
    url = _about(path).get("url") if known is None else address(known)
    if url is None and is_picture(path):
        return described(path.parent)
    return url if isinstance(url, str) else None


def is_picture(path: Path) -> bool:
    """Return whether a path is, or will be, that of the only picture in the copy of its URL."""
    url = _urls.get(_real(path.parent)) or _about(path.parent).get("url")
    return isinstance(url, str) and filename(url) == path.name


def is_out(folder: Path) -> bool:
    """Return whether a folder is the copy of an output folder, also of one that this process was not told."""
    folder = _real(folder)
    above = folder.parent  # elsewhere, somebody else may have written what is beside it
    is_ours = above.name == _OUT and above.parent == _cache()
    return folder in _outs or (is_ours and _about(folder).get("out") is True)


def out_url(folder: Path) -> str | None:
    """Return the URL of an output folder, in which nothing is secret; None if it is that of none."""
    return described(folder) if is_out(folder) else None


def own_id(out: Path) -> str:
    """Return what only this copy of an output folder is called; an empty text as long as it has no name.

    It is in the copy: whoever removes its files, and the name with them, is another computer from then on.
    """
    with contextlib.suppress(OSError, ValueError):
        found = (out / _ID).read_text("ascii")
        return found if _IDS.fullmatch(found) else ""
    return ""


def new_id(out: Path) -> str:
    """Give a copy another such name."""
    made = os.urandom(8).hex()
    files.replace(out / _ID, [made.encode()])
    return made


def unfetched(folder: Path) -> dict[str, Problem]:
    """Return the code and a clause for each picture of a URL that its copy lacks, by name."""
    found = _about(folder).get("problems", {})
    return {name: (code, clause) for name, (code, clause) in found.items()}


def closed(folder: Path) -> dict[str, str]:
    """Return the code for each folder of a URL that its server does not list, by name."""
    return dict(_about(folder).get("closed", {}))


def left_out(folder: Path) -> list[tuple[str, str]]:
    """Return what a URL has besides pictures: the kind, as in `pairs.LEFT_OUT`, and the name."""
    return [(kind, name) for kind, name in _about(folder).get("left_out", [])]


def _about(folder: Path) -> dict[str, Any]:
    """Return what is noted of a copy; nothing for any other folder."""
    folder = _real(folder)
    try:
        path = beside(folder, "json")
        status = path.stat()
        found = _parsed(path, status.st_mtime_ns, status.st_ino)
    except (OSError, ValueError, RecursionError):
        return {}  # the root of a disk has no name, and a file of other people's may be there
    return found if found.get("copy") == folder.name else {}


@lru_cache(maxsize=4)
def _parsed(path: Path, _time: int, _inode: int) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    return found if isinstance(found, dict) else {}


def beside(folder: Path, ending: str) -> Path:
    """Return the file of this kind beside a copy."""
    return folder.with_name(f"{folder.name}.{ending}")


def draft(folder: Path, label: str | None = None) -> Path:
    """Return a path beside a copy for what is no part of it yet, or no longer; a new one without a label."""
    return folder.with_name(f".partial-{folder.name}-{os.urandom(4).hex() if label is None else label}")


def drafts(folder: Path) -> Iterator[Path]:
    """Yield what is at such paths."""
    yield from (path for path in folder.parent.iterdir() if path.name.startswith(f".partial-{folder.name}-"))


# --- fetching ----------------------------------------------------------------------------------------


def reach(folder: Path, suffixes: Sequence[str]) -> "Listed | None":
    """Return what is behind the URL of a copy, for `fetch`; None if nobody is asked, as it was just fetched.

    Raises
    ------
    SettingsError
        As `fetch` does.
    """
    folder = _real(folder)
    if folder not in _urls or folder in _asked or is_out(folder):
        return None
    from mymodules.remote import fetching

    return fetching.reach(_urls[folder], folder, suffixes)


def note_use(folder: Path) -> None:
    """Note that a copy is used now, so that it is not removed soon; do nothing to any other folder."""
    with contextlib.suppress(OSError):  # it is none yet, or somebody else's
        if described(folder) is not None:
            beside(_real(folder), UNUSED).unlink(missing_ok=True)
            os.utime(folder)


def fetch(
    folder: Path,
    suffixes: Sequence[str],
    *,
    again: bool = False,
    run: bool = False,
    found: "Listed | None" = None,
) -> None:
    """Bring into the copy of a URL what changed there; do nothing for any other folder.

    A copy of which this process knows no URL stays as it is, and that is said if a run begins.

    Parameters
    ----------
    folder : Path
    suffixes : sequence of str
        The endings of pictures' names, lower case.
    again : bool
        Ask even if it was done for a run that has not begun yet.
    run : bool
        This is the beginning of a run.
    found : Listed, optional
        What `reach` has just returned; otherwise it is asked for.

    Raises
    ------
    SettingsError
        If the URL cannot be listed, its server fails, or it takes longer than `fetching.LIMIT`; or if
        `pruning.VARIABLE` is no number.
    """
    folder = _real(folder)
    if is_out(folder):  # its files are not those of the server, and may be nowhere else
        return
    url = _urls.get(folder)
    note_use(folder)
    if url is None:
        plain = described(folder)
        if plain is not None and not _about(folder).get("complete"):
            raise SettingsError(
                f"{plain} was not fetched to its end: name the URL instead of {shown(folder)}."
            )
        if plain is not None and run:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(beside(folder, "json").stat().st_mtime))
            streams.say(f"{plain} is compared as it was on {when}: to ask it again, name the URL.")
        return
    if again or folder not in _asked or not folder.is_dir():  # another process may have removed it
        _asked.discard(folder)
        from mymodules.remote import fetching, pruning  # most runs fetch nothing

        most = pruning.limit()
        fetching.bring(url, folder, suffixes, found)
        pruning.prune(folder.parent, _urls, most)
    if run:
        _asked.discard(folder)
    else:
        _asked.add(folder)
