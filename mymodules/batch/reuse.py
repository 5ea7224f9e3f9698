"""Rows of earlier runs, reused as long as they are still true, so that nothing is compared twice.

A row depends on the content of two files, the options and the versions. It does not depend on the run, and on
the name only through its ending and its spelling, which messages mention. If all of these are unchanged, the
row is reused, with its drawings. A file is not read again if its size, times and inode are the same as when
it was digested; drawings count as unchanged if their sizes and modification times are the same. Findings are
saved during the run. A problem with the store never ends a run: a warning reports it, and everything is
compared.
"""

import contextlib
import functools
import os
import shutil
import stat
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from mymodules import faults, pairs, results, streams
from mymodules.batch.contents import content, state
from mymodules.batch.request import Request
from mymodules.comparison import drawing_files
from mymodules.comparison.job import Opened
from mymodules.errors import MymodulesError
from mymodules.pairs import Pair
from mymodules.paths import shown
from mymodules.results import runfiles
from mymodules.row import ALGORITHM, PairResult, names_its_files, span
from mymodules.store import DiffStore
from mymodules.store.found import Found, FoundFile
from mymodules.store.records import is_unchanged
from mymodules.store.values import DigestedFile, FileState, Key, StoredRow
from mymodules.workers import Finished

REASONS = ("new", "first changed", "second changed", "options changed", "error", "drawings missing")
"""Why a pair is compared although there is a store.

A side that was removed or added counts as changed, and versions count as options. An error is always tried
again, because its row names its files and is not true of others. Drawings that were changed count as missing.
"""

EVERY: Final = 5000, 10.0
"""Findings are saved after this many rows or seconds, whichever comes first."""

AT_ONCE: Final = 2000
"""Pairs that are looked up together; what is known of them is released before the next ones."""

_INCOMPLETE = "does not have all of this run, so the next run compares more"

T = TypeVar("T")


@dataclass
class Reuse:
    """Take rows from a store for one run, and save the run's rows there.

    Parameters
    ----------
    request : Request
        Which pairs are drawn, whether files are read again, and whether originals are kept.
    root : Path
        The store's folder; it is created if it does not exist.
    conditions : str
        Fingerprint of the options and versions on which the rows of this run depend.
    drawings_dir : Path or None
        The folder for this run's drawings; None if it draws nothing.
    drawing_path : callable
        Returns where below that folder the drawings of a name are, without their endings.
    max_pixels : int
        Largest width x height that is drawn.

    Attributes
    ----------
    reasons : dict of str to str
        Why each pair has to be compared, by name; empty for a run without a usable store.
    """

    request: Request
    root: Path
    _: KW_ONLY
    conditions: str
    drawings_dir: Path | None
    drawing_path: Callable[[str], str]
    max_pixels: int
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._store: DiffStore | None = None  # while it is open
        self._was_empty: bool | None = None  # before this run wrote into it
        self._found: list[Found] = []
        self._files: list[DigestedFile] = []  # these and the next ones are of pairs that are not in `_found`
        self._rows: list[StoredRow] = []
        # Originals to copy. The store knows the digests of pairs that were compared or taken; for the other
        # pairs, only the rows have them.
        self._changed: list[Pair] = []
        self._originals: list[tuple[str, str]] = []
        self._usable, self._saved = True, time.monotonic()

    def take(self, part: Sequence[Pair]) -> Generator[list[tuple[Pair, Finished]], None, None]:
        """Yield the pairs that need no comparison, with their rows; their drawings are already in place.

        Pairs are looked up `AT_ONCE` at a time. The caller passes each of those found to `add`.
        """
        try:
            with DiffStore(self.root) as self._store:
                for start in range(0, len(part), AT_ONCE):
                    if self.request.cancelled():
                        return
                    yield self._take(self._store, part[start : start + AT_ONCE])
        except Exception as error:  # whatever it is, the run goes on without the store
            self.reasons.clear()
            self._give_up("is not used by this run, which compares everything", error)
        finally:
            self._store = None

    def add(self, pair: Pair, finished: Finished, *, taken: bool = False) -> None:
        """Save a row of this run, now or later; `taken` says that it came from `take`."""
        if self._usable:
            try:
                self._add(pair, finished, taken)
            except Exception as error:  # the run goes on without the store
                self._give_up(_INCOMPLETE, error)

    def _add(self, pair: Pair, finished: Finished, taken: bool) -> None:
        row = finished.row
        files = _with_digests(finished.opened, row)
        if self.request.keep_originals and row.status == "changed":
            if taken or files != (None, None):
                self._changed.append(pair)
            else:
                sides = (row.first_digest, pair.first), (row.second_digest, pair.second)
                self._originals += [(digest, path) for digest, path in sides if digest and path]
        first_known = pair.first is None or row.first_digest is not None
        second_known = pair.second is None or row.second_digest is not None
        is_sound = pair.problem is None and first_known and second_known
        stored = self._stored(finished, taken) if is_sound else None
        if stored and (pair.first is None or files[0]) and (pair.second is None or files[1]):
            self._found.append(self._as_found(pair, files, stored))
        else:
            self._files += [
                DigestedFile(path, FileState(*file[:4]), file[5], file[4])
                for path, file in zip(pair[1:3], files, strict=True)
                if path is not None and file is not None
            ]
            self._rows += [stored] if stored else []
        rows, seconds = EVERY
        found = max(len(self._found), len(self._rows), len(self._files) // 2)
        if found >= rows or time.monotonic() - self._saved > seconds:
            self.save()

    def _as_found(
        self, pair: Pair, files: tuple[FoundFile | None, FoundFile | None], stored: StoredRow
    ) -> Found:
        _, folder, path, drawn, line = stored
        conditions = self.conditions + _variant(pair.name)
        return Found(pair.first, pair.second, files, conditions, line, ALGORITHM, folder, path, drawn)

    def save(self, *, originals: bool = False) -> None:
        """Save what was added so far; if `originals`, also copies of pictures, which take the longest."""
        added = self._found or self._files or self._rows
        if self._usable and (added or (originals and (self._changed or self._originals))):
            try:
                with self._opened() as store:
                    self._is_new(store)
                    store.records.remember_found(self._found)
                    store.records.remember_files(self._files)
                    variants = _grouped(self._rows, lambda stored: stored.row.image_filename)
                    for variant, rows in variants.items():
                        store.records.remember_rows(rows, self.conditions + variant)
                    if originals:
                        self._copy(store, self._originals)
                        for start in range(0, len(self._changed), AT_ONCE):
                            self._copy(store, self._known(store, self._changed[start : start + AT_ONCE]))
            except Exception as error:
                self._give_up(_INCOMPLETE, error)
        self._found, self._files, self._rows, self._saved = [], [], [], time.monotonic()

    def _opened(self) -> contextlib.AbstractContextManager[DiffStore]:
        """Return the store: the open one, which stays open, or one that is closed afterwards."""
        return DiffStore(self.root) if self._store is None else contextlib.nullcontext(self._store)

    def _is_new(self, store: DiffStore) -> bool:
        """Return whether the store was empty before this run."""
        if self._was_empty is None:
            self._was_empty = store.records.is_empty()
        return self._was_empty

    def _copy(self, store: DiffStore, originals: Iterable[tuple[str, str]]) -> None:
        """Save copies of files, given with their digests."""
        store.keep_originals(original for original in originals if not self.request.cancelled())

    def _known(self, store: DiffStore, changed: Sequence[Pair]) -> Iterator[tuple[str, str]]:
        """Yield digests and paths of compared files; a file of which the store knows none is read again."""
        for pair, found in zip(changed, self._earlier(store, changed), strict=True):
            for path, file in zip(pair[1:3], found.files if found else (None, None), strict=True):
                digest = file[5] if file is not None else path and content(path)
                if path is not None and digest is not None:
                    yield digest, path

    def _take(self, store: DiffStore, part: Sequence[Pair]) -> list[tuple[Pair, Finished]]:
        if self._is_new(store):
            self.reasons |= {pair.name: "new" if pair.problem is None else "error" for pair in part}
            return []
        found, others = self._unchanged(store, part)
        return found + self._by_content(store, others)

    def _unchanged(
        self, store: DiffStore, part: Sequence[Pair]
    ) -> tuple[list[tuple[Pair, Finished]], Sequence[Pair]]:
        """Return the pairs of files that did not change since a run found their rows, and the other pairs."""
        if self.request.verify:
            return [], part
        found, others = [], []
        for pair, earlier in zip(part, self._earlier(store, part), strict=True):
            taken = None if earlier is None or pair.problem is not None else self._taken(pair, earlier)
            if taken is None:
                others.append(pair)
            else:
                found.append((pair, taken))
        return found, others

    def _earlier(self, store: DiffStore, part: Iterable[Pair]) -> list[Found | None]:
        """Return what runs found of these pairs under the conditions of this run."""
        asked = ((pair.first, pair.second, self.conditions + _variant(pair.name)) for pair in part)
        return store.records.found(asked)

    def _taken(self, pair: Pair, earlier: Found) -> Finished | None:
        """Return the row that a run found, if its files are unchanged and its drawings are at hand."""
        opened: list[Opened | None] = []
        moment = time.time_ns()
        for path, file in zip(pair[1:3], earlier.files, strict=True):
            now = None if path is None or file is None else state(path)
            if path is not None and (now is None or file is None or not is_unchanged(file, now)):
                return None
            opened.append(None if now is None else (*now, moment))
        row = results.parse_line(earlier.line, self.request.metrics)
        if row is None or names_its_files(row) or _lacks_metric(row):
            return None
        stored = StoredRow(row, earlier.folder, earlier.drawing_path, earlier.drawn)
        if not self._takes_drawings(stored, self.drawing_path(pair.name)):
            return None
        line = earlier.line
        if row.image_filename != pair.name:
            row = row._replace(image_filename=pair.name)
            line = results.checked_line(row)
        return Finished(row, line, (opened[0], opened[1]) if self._draws(row) else (None, None))

    def _by_content(self, store: DiffStore, part: Sequence[Pair]) -> list[tuple[Pair, Finished]]:
        """Return the pairs for whose contents there is a row."""
        if not part:
            return []
        moment = time.time_ns()
        states = dict(_file_states(part))
        known = store.records.known_files(states.items())
        before = {path: file.digest for path, file in known.items()}
        trusted = {path for path, file in known.items() if file.unchanged and not self.request.verify}
        unread = [path for path in states if path not in trusted]
        now = {**before, **dict(zip(unread, self._contents(unread), strict=True))}
        keys = {pair.name: _key(pair, now) for pair in part if pair.problem is None}
        stored = {}
        for variant, names in _grouped(keys, str).items():
            wanted = {key for name in names if (key := keys[name]) is not None}
            for key, earlier in store.records.rows(wanted, self.conditions + variant).items():
                stored[variant, key] = earlier
        found = []
        for pair in part:
            key = keys.get(pair.name)
            match = stored.get((_variant(pair.name), key)) if key is not None else None
            if pair.problem is not None or key is None:
                self.reasons[pair.name] = "error"  # comparing it will fail
            elif match is None:
                self.reasons[pair.name] = _reason(pair, before, now, store.records.has_row(key))
            elif names_its_files(match.row) or _lacks_metric(match.row):
                self.reasons[pair.name] = "error"
            elif not self._takes_drawings(match, self.drawing_path(pair.name)):
                self.reasons[pair.name] = "drawings missing"
            else:
                values = (value for _, value in match.row.custom)
                custom = tuple(zip(self.request.metrics, values, strict=True))
                row = match.row._replace(image_filename=pair.name, custom=custom)
                line = results.checked_line(row)
                one, other = (None if path is None else (*states[path], moment) for path in pair[1:3])
                if not self._draws(row):  # what is known of its drawings stays known
                    files = _with_digests((one, other), row)
                    self._found.append(self._as_found(pair, files, match._replace(line=line)))
                    one = other = None
                found.append((pair, Finished(row, line, (one, other))))
        return found

    def _contents(self, paths: Sequence[str]) -> list[str | None]:
        """Return the digests of files, read in parallel; None for those that a cancelled run skips."""
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda path: None if self.request.cancelled() else content(path), paths))

    def _stored(self, finished: Finished, taken: bool) -> StoredRow | None:
        """Return what to save of a row, if anything."""
        row, line = finished.row, finished.line
        if self.drawings_dir is None or not self._draws(row):
            # The store may know drawings of a row that was taken.
            return None if taken else StoredRow(row, line=line)
        path, folder = self.drawing_path(row.image_filename), self._folder
        if self._is_too_large(row):
            return StoredRow(row, folder, path, line=line)
        drawn = _drawings(self.drawings_dir, path)
        # If drawings could not be written, the row says so. It is true of this run only, so it is not saved.
        return StoredRow(row, folder, path, drawn, line) if drawn else None

    @functools.cached_property
    def _base(self) -> Path:
        """The folder to which stored folders are relative, so that all of them can be moved together."""
        return Path(os.path.realpath(self.root))

    @functools.cached_property
    def _folder(self) -> str | None:
        """The folder of this run's drawings, as the store records it."""
        if self.drawings_dir is None:
            return None
        try:
            return os.path.relpath(os.path.realpath(self.drawings_dir), self._base)
        except ValueError:  # on another drive
            return str(self.drawings_dir)

    def _draws(self, row: PairResult) -> bool:
        return self.drawings_dir is not None and self.request.draws(row.status)

    def _is_too_large(self, row: PairResult) -> bool:
        """Return whether a pair is too large to draw; if it would have been drawn, its row says so."""
        return span(row) > self.max_pixels

    def _takes_drawings(self, earlier: StoredRow, path: str) -> bool:
        """Link an earlier run's drawings into this run's folder; return False if they were changed."""
        if self.drawings_dir is None or not self._draws(earlier.row):
            return True
        if earlier.folder is None or self._is_too_large(earlier.row):
            return earlier.folder is not None
        folder = self._base / earlier.folder
        # The store may come from somebody else and name any file.
        if not _is_of_drawings(folder, earlier.drawing_path):
            return False
        drawn = _drawings(folder, earlier.drawing_path)
        if not drawn or drawn != earlier.drawn:
            return False
        try:
            (self.drawings_dir / path).parent.mkdir(parents=True, exist_ok=True)
            for ending in drawing_files.ENDINGS:
                _link(folder / (earlier.drawing_path + ending), self.drawings_dir / (path + ending))
        except OSError:
            drawing_files.remove(self.drawings_dir, path)
            return False
        return True

    def _give_up(self, what: str, error: Exception) -> None:
        if self._usable:
            self._usable = False
            known = isinstance(error, MymodulesError | OSError)
            reason = str(error) if known else f"{faults.described(error)}. {faults.REPORT}"
            message = f"The store {shown(self.root)} {what}: {reason}"
            try:
                warnings.warn(message, stacklevel=3)
            except Exception:  # warnings are errors in this process, or nothing can be printed
                streams.say(message, error=True)


def _lacks_metric(row: PairResult) -> bool:
    """Return whether a metric failed with two pictures: it is tried again, as its function may be mended."""
    return row.num_diff_pixels is not None and any(value is None for _, value in row.custom)


def _key(pair: Pair, now: Mapping[str, str | None]) -> Key | None:
    """Return the digests of both sides; None if a side exists but its digest is unknown."""
    sides = [None if path is None else now.get(path) for path in (pair.first, pair.second)]
    there = pair.first is not None, pair.second is not None
    return (sides[0], sides[1]) if tuple(side is not None for side in sides) == there else None


def _with_digests(
    opened: tuple[Opened | None, Opened | None], row: PairResult
) -> tuple[FoundFile | None, FoundFile | None]:
    """Return both files with their digests; None for one that is absent, or was not read or digested."""
    (one, other), first, second = opened, row.first_digest, row.second_digest
    return (
        None if one is None or first is None else (*one, first),
        None if other is None or second is None else (*other, second),
    )


def _reason(pair: Pair, before: Mapping[str, str], now: Mapping[str, str | None], compared: bool) -> str:
    """Return why the store has no row, from the digests before and now.

    `compared` says whether the store has a row of these two files under other conditions.
    """
    sides = ("first", pair.first), ("second", pair.second)
    if any(path is not None and path not in before for _, path in sides):
        return "new"
    for role, path in sides:
        if path is not None and before[path] != now.get(path):
            return f"{role} changed"
    gone = [role for role, path in sides if path is None]
    return "options changed" if compared else f"{gone[0]} changed" if gone else "new"


def _variant(name: str) -> str:
    """Return what a row depends on in a name: its ending and its spelling, which messages mention."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - making a Path takes longer
    return f"{ending}{'~' if pairs.is_escaped(name) else ''}"


def _grouped(values: Iterable[T], name: Callable[[T], str]) -> dict[str, list[T]]:
    """Group values by the variant of their names."""
    groups: dict[str, list[T]] = {}
    for value in values:
        groups.setdefault(_variant(name(value)), []).append(value)
    return groups


def _file_states(part: Iterable[Pair]) -> Iterator[tuple[str, FileState]]:
    """Yield the files of pairs that can be compared, with their sizes and times."""
    for pair in part:
        for path in (pair.first, pair.second):
            if path is not None and pair.problem is None and (found := state(path)) is not None:
                yield path, found


def _drawings(folder: Path, path: str) -> tuple[tuple[int, int], ...]:
    """Return size and modification time of each drawing of a pair; an empty tuple unless all are whole."""
    try:
        states = [(folder / (path + ending)).lstat() for ending in drawing_files.ENDINGS]
    except (OSError, ValueError):  # ValueError: it is not a possible path
        return ()
    whole = all(stat.S_ISREG(state.st_mode) and state.st_size for state in states)
    return tuple((state.st_size, state.st_mtime_ns) for state in states) if whole else ()


def _is_of_drawings(folder: Path, path: str) -> bool:
    """Return whether `folder` is a folder of drawings, and `path` stays inside it even through links."""
    try:
        real = Path(os.path.realpath(folder))
        above = Path(os.path.realpath((folder / path).parent))
    except ValueError:  # it is not a possible path
        return False
    return (
        runfiles.is_pictures_name(real.name) and ".." not in Path(path).parts and above.is_relative_to(real)
    )


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it if the file system has no hard links."""
    target.unlink(missing_ok=True)  # never write into an existing file: other runs may link to it
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
