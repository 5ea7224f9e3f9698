"""Nothing compared twice: which rows of earlier runs still say what is in the files.

A row belongs to the content of two files, the options and the versions, not to a run or a name, but for
how that ends and is written, which messages tell of: where all of these are as they were, it is taken
over, with its drawings. A file's content is known without reading it while its size, times and inode are
what they were when it was digested; drawings are those of a row while their size and modification time are.
What a run finds is kept as it goes. Whatever goes wrong with the store costs time, never a run: a warning
says so, and everything is compared.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from mymodules import faults, images, pairs, streams
from mymodules.comparison import drawings
from mymodules.errors import MymodulesError
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, shown
from mymodules.results import runfiles
from mymodules.row import PairResult, names_its_files, span
from mymodules.store import DiffStore
from mymodules.store.records import DigestedFile, FileState, Key, StoredRow

REASONS = ("new", "first changed", "second changed", "options changed", "error", "drawings missing")
"""Why a pair is compared although there is a store.

A side that has gone or come is one that changed; options are also the versions. An error is always tried
again: its row names files, and belongs to no others. Drawings that are not as they were are missing too.
"""

EVERY: Final = 500, 10.0
"""Rows, and s: what a run has found is kept after so many, or so long."""

_FORGETS = "does not know all of this run, and the next one compares more"

AT_ONCE: Final = 2000
"""Pairs that are looked up together: what is known of them is let go before the next ones."""

T = TypeVar("T")


@dataclass
class Reuse:
    """What one run takes from a store, and gives back to it.

    Parameters
    ----------
    root : Path
        The store's folder; created where it is absent.
    conditions : str
        Fingerprint of the options and versions that the rows of this run depend on.
    part : sequence of Pair
        The pairs of this run.
    stem : callable
        Where the drawings of a name stand, see `pictures.stems`.
    pictures_dir : Path or None
        Where drawings of this run go; None for a run without.
    draw_same : bool
        Equal pairs are drawn too.
    max_pixels : int
        Largest width x height that is drawn.
    verify : bool
        Read every file, whatever its size and times say.
    keep_originals : bool
        Keep copies of both sides of changed pairs.
    cancelled : callable
        Whether somebody waits for the run to end: nothing more is read or copied then.

    Attributes
    ----------
    reasons : dict of str to str
        Why each pair has to be compared, by name; empty for a run without a usable store.
    """

    root: Path
    conditions: str
    part: Sequence[Pair]
    stem: Callable[[str], str]
    pictures_dir: Path | None
    draw_same: bool
    max_pixels: int
    verify: bool
    keep_originals: bool
    cancelled: Callable[[], bool]
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._states: dict[str, tuple[FileState, int]] = {}  # of the files that are being compared
        self._store: DiffStore | None = None  # while it is open
        self._was_empty: bool | None = None  # before this run wrote into it
        self._files: list[DigestedFile] = []
        self._rows: list[StoredRow] = []
        # What to copy: of pairs that were compared or taken the store knows the digests, of others the rows.
        self._changed: list[Pair] = []
        self._originals: list[tuple[str, str]] = []
        self._usable, self._saved = True, time.monotonic()

    def take(self, part: Sequence[Pair]) -> Generator[list[tuple[Pair, PairResult]], None, None]:
        """Pairs of these that need no comparison, with their rows, drawings in place; `AT_ONCE` at a time.

        Each of them is to be handed to `add`.
        """
        try:
            with DiffStore(self.root) as self._store:
                for start in range(0, len(part), AT_ONCE):
                    if self.cancelled():
                        return
                    yield self._take(self._store, part[start : start + AT_ONCE])
        except Exception as error:  # whatever it is, a run can do without
            self.reasons.clear()
            self._give_up("is not used by this run, which compares everything", error)
        finally:
            self._store = None

    def expect(self, pair: Pair) -> None:
        """Look at the files of a pair that is to be compared, before they are read."""
        try:
            moment = time.time_ns()
            self._states |= {path: (state, moment) for path, state in _file_states([pair])}
        except Exception as error:
            self._give_up(_FORGETS, error)

    def add(self, pair: Pair, row: PairResult, *, taken: bool = False) -> None:
        """Keep a row of this run, sooner or later; say where it is one that `take` gave."""
        if self._usable:
            try:
                self._add(pair, row, taken)
            except Exception as error:  # a run can do without
                self._give_up(_FORGETS, error)

    def _add(self, pair: Pair, row: PairResult, taken: bool) -> None:
        sides = _sides(pair, row)
        compared = False
        for path, digest in sides:
            state = self._states.pop(path, None)
            if digest is not None and state is not None:
                compared = True
                self._files.append(DigestedFile(path, state[0], digest, state[1]))
        if self.keep_originals and row.status == "changed":
            if compared or taken:
                self._changed.append(pair)
            else:
                self._originals += [(digest, path) for path, digest in sides if digest is not None]
        if pair.problem is None and all(digest is not None for _, digest in sides):
            self._rows += self._stored(row, taken)
        rows, seconds = EVERY
        found = max(len(self._rows), len(self._files) // 2)
        if found >= rows or time.monotonic() - self._saved > seconds:
            self.save()

    def save(self, *, originals: bool = False) -> None:
        """Keep what was added up to now, and where it is asked for copies of pictures: they take longest."""
        if self._usable and (self._files or self._rows or (originals and (self._changed or self._originals))):
            try:
                with self._opened() as store:
                    self._is_new(store)
                    store.records.remember_files(self._files)
                    manners = _grouped(self._rows, lambda stored: stored.row.image_filename)
                    for manner, rows in manners.items():
                        store.records.remember_rows(rows, self.conditions + manner)
                    if originals:
                        self._copy(store, self._originals)
                        for start in range(0, len(self._changed), EVERY[0]):
                            self._copy(store, _known(store, self._changed[start : start + EVERY[0]]))
            except Exception as error:
                self._give_up(_FORGETS, error)
        self._files, self._rows, self._saved = [], [], time.monotonic()

    def _opened(self) -> contextlib.AbstractContextManager[DiffStore]:
        """The store: the open one, which stays open, or one that is closed afterwards."""
        return DiffStore(self.root) if self._store is None else contextlib.nullcontext(self._store)

    def _is_new(self, store: DiffStore) -> bool:
        """Whether the store knew nothing before this run."""
        if self._was_empty is None:
            self._was_empty = store.records.is_empty()
        return self._was_empty

    def _copy(self, store: DiffStore, originals: Iterable[tuple[str, str]]) -> None:
        """Keep copies of files, which come with their digests."""
        store.keep_originals(original for original in originals if not self.cancelled())

    def _take(self, store: DiffStore, part: Sequence[Pair]) -> list[tuple[Pair, PairResult]]:
        if self._is_new(store):
            self.reasons |= {pair.name: "new" if pair.problem is None else "error" for pair in part}
            return []
        moment = time.time_ns()
        states = dict(_file_states(part))
        known = store.records.known_files(states.items())
        before = {path: file.digest for path, file in known.items()}
        trusted = {path for path, file in known.items() if file.unchanged and not self.verify}
        unread = [path for path in states if path not in trusted]
        now = {**before, **dict(zip(unread, self._contents(unread), strict=True))}
        keys = {pair.name: _key(pair, now) for pair in part if pair.problem is None}
        stored = {}
        for manner, names in _grouped(keys, str).items():
            asked = {key for name in names if (key := keys[name]) is not None}
            for key, earlier in store.records.rows(asked, self.conditions + manner).items():
                stored[manner, key] = earlier
        found = []
        for pair in part:
            key = keys.get(pair.name)
            match = stored.get((_manner(pair.name), key)) if key is not None else None
            if pair.problem is not None or key is None:
                self.reasons[pair.name] = "error"  # that there will be one is known already
            elif match is None:
                self.reasons[pair.name] = _reason(pair, before, now, store.records.has_row(key))
            elif names_its_files(match.row):
                self.reasons[pair.name] = "error"
            elif not self._takes_drawings(match, self.stem(pair.name)):
                self.reasons[pair.name] = "drawings missing"
            else:
                row = match.row._replace(image_filename=pair.name)
                self._files += [
                    DigestedFile(path, states[path], digest, moment)
                    for path, digest in _sides(pair, row)
                    if digest is not None and path not in trusted
                ]
                found.append((pair, row))
        return found

    def _contents(self, paths: Sequence[str]) -> list[str | None]:
        """Digests of files, read side by side; where the run is cancelled, none any more."""
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda path: None if self.cancelled() else content(path), paths))

    def _stored(self, row: PairResult, taken: bool) -> list[StoredRow]:
        """What is to be kept of a row, if anything."""
        if self.pictures_dir is None or not self._is_drawn(row):
            return [] if taken else [StoredRow(row)]  # of one that was taken the store may know drawings
        stem, folder = self.stem(row.image_filename), self._folder
        if self._is_too_large(row):
            return [StoredRow(row, folder, stem)]
        drawn = _drawings(self.pictures_dir, stem)
        # Where drawings could not be written its row tells of it, which is true of this run only.
        return [StoredRow(row, folder, stem, drawn)] if drawn else []

    @functools.cached_property
    def _base(self) -> Path:
        """What the folders of drawings are relative to, so that all of it can be moved together."""
        return Path(os.path.realpath(self.root))

    @functools.cached_property
    def _folder(self) -> str | None:
        """The folder of this run's drawings as it is stored."""
        if self.pictures_dir is None:
            return None
        try:
            return os.path.relpath(os.path.realpath(self.pictures_dir), self._base)
        except ValueError:  # on another drive
            return str(self.pictures_dir)

    def _is_drawn(self, row: PairResult) -> bool:
        return row.status == "changed" or (self.draw_same and row.status == "same")

    def _is_too_large(self, row: PairResult) -> bool:
        """Whether nobody draws it, which its row says where it would have been drawn."""
        return span(row) > self.max_pixels

    def _takes_drawings(self, earlier: StoredRow, stem: str) -> bool:
        """Put an earlier run's drawings into this one's folder; False where they are not what they were."""
        if self.pictures_dir is None or not self._is_drawn(earlier.row):
            return True
        if earlier.folder is None or self._is_too_large(earlier.row):
            return earlier.folder is not None
        folder = self._base / earlier.folder
        # A store may be somebody else's, and name any file.
        if not _is_of_drawings(folder, earlier.stem):
            return False
        drawn = _drawings(folder, earlier.stem)
        if not drawn or drawn != earlier.drawn:
            return False
        try:
            (self.pictures_dir / stem).parent.mkdir(parents=True, exist_ok=True)
            for ending in drawings.ENDINGS:
                _link(folder / (earlier.stem + ending), self.pictures_dir / (stem + ending))
        except OSError:
            drawings.remove(self.pictures_dir, stem)
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
            except Exception:  # warnings are errors here, or nothing can be printed
                streams.say(message, error=True)


def _key(pair: Pair, now: Mapping[str, str | None]) -> Key | None:
    """Digests of both sides; None while one is not known."""
    sides = [None if path is None else now.get(path) for path in (pair.first, pair.second)]
    there = pair.first is not None, pair.second is not None
    return (sides[0], sides[1]) if tuple(side is not None for side in sides) == there else None


def _sides(pair: Pair, row: PairResult) -> list[tuple[str, str | None]]:
    sides = (pair.first, row.first_digest), (pair.second, row.second_digest)
    return [(path, digest) for path, digest in sides if path is not None]


def _reason(pair: Pair, before: Mapping[str, str], now: Mapping[str, str | None], compared: bool) -> str:
    """Why there is no row: by the digests known before and those of now, and whether these two had one."""
    sides = ("first", pair.first), ("second", pair.second)
    if any(path is not None and path not in before for _, path in sides):
        return "new"
    for role, path in sides:
        if path is not None and before[path] != now.get(path):
            return f"{role} changed"
    gone = [role for role, path in sides if path is None]
    return "options changed" if compared else f"{gone[0]} changed" if gone else "new"


def _manner(name: str) -> str:
    """What a row depends on besides its files: messages tell of a name's ending, and of how it is written."""
    return f"{Path(name).suffix.lower()}{'~' if pairs.is_escaped(name) else ''}"


def _grouped(values: Iterable[T], name: Callable[[T], str]) -> dict[str, list[T]]:
    """Values by the manner of their names."""
    groups: dict[str, list[T]] = {}
    for value in values:
        groups.setdefault(_manner(name(value)), []).append(value)
    return groups


def _known(store: DiffStore, changed: Iterable[Pair]) -> Iterator[tuple[str, str]]:
    """Digests and paths of files that this run has compared; one that the store has lost is read again."""
    states = dict(_file_states(changed))
    known = store.records.known_files(states.items())
    for path in states:
        digest = known[path].digest if path in known else content(path)
        if digest is not None:
            yield digest, path


def _file_states(part: Iterable[Pair]) -> Iterator[tuple[str, FileState]]:
    """The files of pairs that can be compared, and what is known of them without reading them."""
    for pair in part:
        for path in (pair.first, pair.second):
            if path is not None and pair.problem is None and (state := _stat(path)) is not None:
                yield path, state


def _stat(path: AnyPath) -> FileState | None:
    """What is known of a file without reading it; None for what is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path takes longer than the look itself
    except OSError:
        return None
    return FileState.of(status) if stat.S_ISREG(status.st_mode) else None


def content(path: AnyPath) -> str | None:
    """The digest of a file; None for what cannot be read, or is no file and might be waited for."""
    try:
        return None if _stat(path) is None else images.digest(path)
    except (OSError, MemoryError):
        return None


def _drawings(folder: Path, stem: str) -> tuple[tuple[int, int], ...]:
    """Size and modification time of all drawings of a pair; none where one is missing or empty."""
    try:
        states = [(folder / (stem + ending)).lstat() for ending in drawings.ENDINGS]
    except (OSError, ValueError):  # the latter for what is no path
        return ()
    whole = all(stat.S_ISREG(state.st_mode) and state.st_size for state in states)
    return tuple((state.st_size, state.st_mtime_ns) for state in states) if whole else ()


def _is_of_drawings(folder: Path, stem: str) -> bool:
    """Whether drawings of this stem stand in a folder of drawings, and no link leads them out of it."""
    try:
        real = Path(os.path.realpath(folder))
        above = Path(os.path.realpath((folder / stem).parent))
    except ValueError:  # of what is no path
        return False
    return (
        runfiles.is_pictures_name(real.name) and ".." not in Path(stem).parts and above.is_relative_to(real)
    )


def _link(source: Path, target: Path) -> None:
    """A second name for a file, or a copy where the file system has no such thing."""
    target.unlink(missing_ok=True)  # what stands there may have names elsewhere: it is not written into
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
