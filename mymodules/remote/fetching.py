"""The bringing of what changed behind a URL into its copy.

Nothing is forgotten when a process is killed: each file is in its place whole, and has a line in the record,
as soon as it came.
"""

import contextlib
import errno
import filecmp
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from mymodules import files, streams
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.locks import Lock
from mymodules.paths import shown
from mymodules.remote import listing
from mymodules.remote.addresses import Clock, address, is_web, missing, opened, picture_name
from mymodules.remote.asking import AT_ONCE, LOOK, SERVER, TRIES, Asking, Failed, Over, Result
from mymodules.remote.copies import Problem, beside, draft, drafts, unwritable
from mymodules.remote.listing import CHECKSUM, NOTHING, TIME, Listed, Stated, listed, protocols, stated
from mymodules.remote.reading import received

LIMIT = 1800.0
"""s; how long fetching may take."""

LARGEST: Final = 4 << 30
"""bytes; no larger picture is fetched."""

MOST_FAILING: Final = 2 * AT_ONCE
"""If the server fails with so many pictures one after the other, the others are not asked for."""

_NAMES = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})
_DIGEST = re.compile("[0-9a-f]{32}")


def bring(url: str, folder: Path, suffixes: Sequence[str], found: Listed | None = None) -> None:
    """Bring what changed of what `reach` has found, or is there now; raise as `copies.fetch` does."""

    def all_of_it(asking: Asking) -> None:
        with locked(folder, asking):
            _Fetching(url, folder, asking, suffixes).all(found)

    _dealt(url, all_of_it)


def reach(url: str, folder: Path, suffixes: Sequence[str]) -> Listed:
    """Return what is there now; raise as `copies.fetch` does."""
    return _dealt(url, lambda asking: _Fetching(url, folder, asking, suffixes).listed())


def _dealt(url: str, task: Callable[[Asking], Result]) -> Result:
    """Do something with a server, and put what fails into words."""
    plain, asking = address(url), Asking(LIMIT)
    try:
        return task(asking)
    except ImportError as error:
        fault = missing(url, error)
    except Failed as error:
        fault = SettingsError(
            f"{plain} cannot be fetched: {error.clause}. Check the URL and your access, then try again; what "
            "was fetched is kept."
        )
    except Over:
        fault = SettingsError(
            f"{plain} could not be fetched within {LIMIT:g} s: try again; what was fetched is kept."
        )
    except OSError as error:
        fault = unwritable(plain, error)
    finally:
        asking.over.set()
    raise fault  # here, so that it does not know the error of a library, which may quote a password


def _check_page(url: str) -> None:
    if is_web(url) and ("?" in url or "#" in url):
        raise SettingsError(
            f"{address(url)}: the URL of an index page ends before ? and #: leave out the rest."
        )


@contextlib.contextmanager
def locked(folder: Path, asking: Asking) -> Iterator[None]:
    """Have a copy for oneself; wait as long as another process has it."""
    while True:
        try:
            lock = Lock(beside(folder, "lock"), folder)
            break
        except ResultsError:
            if asking.over.wait(min(LOOK, asking.left)) or not asking.left:
                raise Over("another process is using its copy") from None
        except OutputError as error:
            raise SettingsError(str(error)) from None
    with lock:
        yield


@dataclass(frozen=True)
class _Come:
    """One picture that was looked at: what the server states, and its file if it was fetched."""

    stated: Stated
    made: Path | None = None
    digest: str = ""
    problem: Problem | None = None


class _Fetching:
    """The bringing of one URL into its copy."""

    def __init__(self, url: str, folder: Path, asking: Asking, suffixes: Sequence[str]) -> None:
        self._plain, self._folder, self._asking = address(url), folder, asking
        # A name of its own: a call of an earlier fetching that hung may still write to that one's.
        self._partial = draft(folder)
        self._suffixes, self._clock = suffixes, Clock()
        self._picture = picture_name(url, suffixes)
        if self._picture is None:
            _check_page(url)
        self._system, self._root = asking.one(partial(opened, url, self._clock))
        asking.allow(protocols(self._system))

    def listed(self) -> Listed:
        """Return what is there."""
        self._system.invalidate_cache()
        found = self._found()
        if not (found.pictures or found.problems):
            nothing = "vanished", f"there is no picture ({', '.join(self._suffixes)})"
            raise Failed(*next(iter(found.closed.values()), nothing))
        return found

    def all(self, found: Listed | None) -> None:
        """Bring what was found, or is there now; what is in place stays there whatever happens."""
        found = self.listed() if found is None else found
        self._lines = Lines(beside(self._folder, "lines"))
        self._folder.mkdir(exist_ok=True)
        self._note(found, complete=False)
        self._tidy(found)
        for left in drafts(self._folder):
            shutil.rmtree(left, ignore_errors=True)
        self._partial.mkdir()
        try:
            with self._lines.open():
                kinds, count = self._bring(found)
            self._lines.write(found.pictures)
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)
        if self._picture and found.problems:
            raise Failed(*found.problems[self._picture])
        self._note(found, complete=True)
        self._say(found, kinds, count)

    def _found(self) -> Listed:
        if self._picture:
            return listing.single(self._system, self._root, self._asking, self._picture, self._clock)
        folds = self._folder.with_name("KEY").exists()  # the file is named key
        return listed(self._system, self._root, self._asking, self._suffixes, self._clock, folds=folds)

    def _bring(self, found: Listed) -> tuple[set[str], int]:
        """Fetch what is not here; return how the rest was known, and how many were fetched."""
        kinds, count, failing = set(), 0, 0
        asked: list[tuple[int, str]] = []
        for number, (name, said) in enumerate(found.pictures.items()):
            if said.kind == NOTHING or not self._is_here(name, said):
                asked.append((number, name))
            else:
                kinds.add(said.kind)
        if len(asked) > AT_ONCE:
            streams.say(f"{self._plain}: asking for {len(asked):,} of {len(found.pictures):,} pictures ...")
        for (_, name), come in self._asking.each(partial(self._one, found.pictures), asked):
            problem = come.problem
            if problem is None and come.made is not None:
                problem = self._put(name, come)
                count += problem is None
            elif problem is None:
                kinds.add(come.stated.kind)
            failing = failing + 1 if problem is not None and problem[0] == SERVER else 0
            if problem is not None:
                if failing == MOST_FAILING:
                    raise Failed(*problem)
                del found.pictures[name]
                # A file of this computer that cannot be read has this code, too.
                found.problems[name] = problem if problem[0] != SERVER else ("permission", problem[1])
                self._drop(name)
        return kinds, count

    def _is_here(self, name: str, said: Stated) -> bool:
        known = self._lines.known.get(name)
        return (
            known is not None
            and said.agrees(known["size"], known["facts"])
            and known["here"] == self._here(name)
        )

    def _here(self, name: str) -> list[int] | None:
        """Return what tells whether somebody has changed a file of the copy."""
        try:
            status = (self._folder / name).lstat()
        except OSError:
            return None
        return [status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else None

    def _one(self, pictures: Mapping[str, Stated], item: tuple[int, str]) -> _Come:
        """Fetch a picture if it is not here. This runs in a thread that nobody may wait for any more."""
        number, name = item
        said, ask = pictures[name], self._asking.again
        try:
            for _ in range(TRIES):
                if said.kind == NOTHING:
                    said = ask(partial(self._info, said))
                    if self._is_here(name, said):
                        return _Come(said)
                if said.size is not None and said.size > LARGEST:
                    return _Come(said, problem=("unsupported", f"it has more than {LARGEST >> 30} GiB"))
                made = self._partial / str(number)
                digest = ask(partial(received, self._system, said, made, self._asking, LARGEST))
                after = ask(partial(self._info, said))
                if not after.contradicts(said):
                    return _Come(said, made, digest)
                said = after
        except Failed as failed:
            return _Come(said, problem=(failed.code, failed.clause))
        return _Come(said, problem=("changed_during_run", "it changed again and again while it was fetched"))

    def _info(self, said: Stated) -> Stated:
        self._system.invalidate_cache()  # else some drivers repeat what their listing said
        info = self._system.info(said.source)
        if info.get("type") == "directory" or str(info.get("url", "")).partition("?")[0].endswith("/"):
            raise Failed("not_a_file", "it is a folder")
        return stated({**info, "name": said.source}, self._clock)

    def _put(self, name: str, come: _Come) -> Problem | None:
        """Put a file in its place, as a link if its content is here already, and note that."""
        assert come.made is not None
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.place(self._shared(come.made, come.digest), path, durable=False)
        except OSError as error:
            if error.errno not in _NAMES:
                raise
            return "unsupported", f"no file here can have this name ({error.strerror})"
        before = self._lines.known.get(name, {}).get("digest")
        self._lines.add(name, come.stated, self._here(name), come.digest)
        if before not in (None, come.digest):
            forget(self._folder, before)
        return None

    def _shared(self, made: Path, digest: str) -> Path:
        """Return a file with the content of this one, a link to an earlier one if there is one."""
        kept = _content(self._folder, digest)
        with contextlib.suppress(OSError):  # a file system without links, or too many of them
            kept.parent.mkdir(parents=True, exist_ok=True)
            if kept.exists() and not filecmp.cmp(kept, made, shallow=False):  # somebody has changed the file
                kept.unlink()
            if kept.exists():
                link = made.with_name(f"{made.name}.link")
                os.link(kept, link)
                made.unlink()
                return link
            os.link(made, kept)
        return made

    def _tidy(self, found: Listed) -> None:
        """Remove what is no longer there, and folders that became empty."""
        keep: set[str] = set()
        for name in (*found.pictures, *(f"{folder}/" for folder in found.folders)):
            while (name := name.rpartition("/")[0]) and name not in keep:
                keep.add(name)
        for above, folders, names in os.walk(self._folder, topdown=False):
            below = above[len(str(self._folder)) + 1 :].replace(os.sep, "/")
            prefix = f"{below}/" if below else ""
            for name in names:
                if prefix + name not in found.pictures:
                    self._drop(prefix + name)
            for name in folders:
                path = Path(above, name)
                if path.is_symlink():
                    path.unlink()
                elif prefix + name not in keep:
                    path.rmdir()
        for name in found.folders:
            (self._folder / name).mkdir(parents=True, exist_ok=True)

    def _drop(self, name: str) -> None:
        """Remove a file, and its content if no other file has it."""
        known = self._lines.known.get(name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (self._folder / name).unlink()
        if known is not None:
            forget(self._folder, known["digest"])

    def _note(self, found: Listed, *, complete: bool) -> None:
        about: dict[str, Any] = {
            "copy": self._folder.name,
            "url": self._plain,
            "complete": complete,
            "problems": found.problems,
            "closed": {name: code for name, (code, _) in found.closed.items()},
            "left_out": sorted(found.left_out),
        }
        if complete:
            about["bytes"] = sum(each["here"][0] for each in self._lines.known.values() if each["here"])
        files.replace(beside(self._folder, "json"), [json.dumps(about).encode()])

    def _say(self, found: Listed, kinds: set[str], count: int) -> None:
        total = len(found.pictures)
        said = [f"{count:,} of {total:,} pictures fetched"]
        if total > count:
            said.append(f"{total - count:,} as before, by {' or '.join(sorted(kinds))}")
        elif not any(entry["facts"] for entry in self._lines.known.values()):
            lack = "the server tells neither checksum nor a time that is past"
            said.append(f"all of them again the next time, as {lack}")
        if TIME in kinds and CHECKSUM not in kinds:
            said.append("as the server tells no checksum")
        if found.problems:
            said.append(f"{len(found.problems):,} cannot be fetched")
        if found.closed:
            said.append(
                f"{len(found.closed):,} {'folders' if len(found.closed) > 1 else 'folder'} cannot be listed"
            )
        streams.say(f"{self._plain}: {', '.join(said)}; the copy is {shown(self._folder)}.")


def forget(folder: Path, digest: str) -> None:
    """Remove a content that no file of any copy beside this one has any more."""
    with contextlib.suppress(OSError):
        if _content(folder, digest).stat().st_nlink == 1:
            _content(folder, digest).unlink()


def _content(folder: Path, digest: str) -> Path:
    return folder.with_name("content") / digest[:2] / digest


class Lines:
    """What is known of the files of a copy, by name: lines of JSON, of which the last one counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError):
            for line in path.read_bytes().splitlines():
                # A line that was cut off, or is none of ours: a digest is a part of a path.
                with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                    entry = json.loads(line)
                    kept = {key: entry[key] for key in ("size", "facts", "here")}
                    kept["digest"] = _DIGEST.fullmatch(entry["digest"])[0]  # type: ignore[index]
                    self.known[str(entry["name"])] = kept

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Take lines meanwhile."""
        with self._path.open("ab") as self._file:
            self._file.write(b"\n")  # ends a line that was cut off
            yield

    def add(self, name: str, said: Stated, here: list[int] | None, digest: str) -> None:
        """Note a file."""
        facts = {} if said.kind == NOTHING else said.facts
        self.known[name] = {"size": said.size, "facts": facts, "here": here, "digest": digest}
        self._file.write(_line(name, self.known[name]))
        self._file.flush()

    def write(self, names: Iterable[str]) -> None:
        """Keep only the lines of these files, one for each."""
        self.known = {name: self.known[name] for name in names if name in self.known}
        files.replace(self._path, [_line(name, entry) for name, entry in self.known.items()])


def _line(name: str, entry: Mapping[str, Any]) -> bytes:
    return json.dumps({"name": name, **entry}).encode() + b"\n"
