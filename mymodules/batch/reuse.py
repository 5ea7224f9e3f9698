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
from typing import Final, NamedTuple, TypeVar

from mymodules import faults, pairs, results, streams
from mymodules.batch import rulings
from mymodules.batch.contents import content, state
from mymodules.batch.request import Request
from mymodules.comparison import drawing_files
from mymodules.comparison.job import Opened
from mymodules.errors import MymodulesError
from mymodules.pairs import Pair, Pairs, Waiting
from mymodules.paths import shown
from mymodules.results import name_if_same, runfiles
from mymodules.row import CANNOT, PairResult, names_its_files, span
from mymodules.rules import Rule, Rules
from mymodules.store import DiffStore
from mymodules.store.found import Found, FoundFile, Place, Record, packed, unpacked
from mymodules.store.values import DigestedFile, FileState, Key, StoredRow, beginnings, is_unchanged
from mymodules.workers import Finished

REASONS = (
    *("new", "first changed", "second changed", "options changed", "rules changed", "error"),
    "drawings missing",
)
"""Why a pair is compared although there is a store.

A side that was removed or added counts as changed, and versions count as options. An error is always tried
again, because its row names its files and is not true of others. Drawings that were changed count as missing.
"""

EVERY: Final = 5000, 10.0
"""Findings are saved after this many rows or seconds, whichever comes first."""

AT_ONCE: Final = 2000
"""Pairs that are looked up by content together; what is known of them is released before the next ones."""

_INCOMPLETE = "does not have all of this run, so the next run compares more"

T = TypeVar("T")


class Taken(NamedTuple):
    """Pairs that need no comparison.

    Attributes
    ----------
    same : list of str
        The names of equal pairs of which nothing is to be done but to keep the line.
    lines : list of bytes
        Theirs.
    rows : list of (Pair, Finished)
        All others.
    """

    same: list[str]
    lines: list[bytes]
    rows: list[tuple[Pair, Finished]]


@dataclass
class Reuse:
    """Take rows from a store for one run, and save the run's rows there.

    Parameters
    ----------
    request : Request
        Which pairs are drawn, whether files are read again, and whether originals are kept.
    root : Path
        The store's folder; it is created if it does not exist.
    place : Place
        The folders, and the options and versions on which the rows of this run depend.
    drawings_dir : Path or None
        The folder for this run's drawings; None if it draws nothing.
    drawing_path : callable
        Returns where below that folder the drawings of a name are, without their endings.
    max_pixels : int
        Largest width x height that is drawn.
    rules : Rules
        What is tolerated.

    Attributes
    ----------
    reasons : dict of str to str
        Why each pair has to be compared, by name; empty for a run without a usable store.
    """

    request: Request
    root: Path
    _: KW_ONLY
    place: Place
    drawings_dir: Path | None
    drawing_path: Callable[[str], str]
    max_pixels: int
    rules: Rules
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._store: DiffStore | None = None  # while it is open
        self._was_empty: bool | None = None  # before this run wrote into it
        self._found: list[str] = []
        # Blocks of the store with records that are no longer true.
        self._known: dict[tuple[str, ...], int] = {}
        self._files: list[DigestedFile] = []  # these and the next ones are of pairs that are not in `_found`
        self._rows: list[StoredRow] = []
        self._ruled: list[tuple[StoredRow, str]] = []  # with what rules have taken, and its conditions
        # Originals to copy. The store knows the digests of pairs that were compared or taken; for the other
        # pairs, only the rows have them.
        self._changed: list[Pair] = []
        self._originals: list[tuple[str, str]] = []
        self._usable, self._saved = True, time.monotonic()

    def take(self, part: Pairs) -> Generator[Taken, None, None]:
        """Yield the pairs that need no comparison, with their rows; their drawings are already in place.

        The caller passes each pair in `Taken.rows` to `add`.
        """
        try:
            with DiffStore(self.root) as self._store:
                if self._is_new(self._store):
                    self.reasons |= {pair.name: "new" if pair.problem is None else "error" for pair in part}
                    return
                others = yield from self._unchanged(self._store, part)
                for start in range(0, len(others), AT_ONCE):
                    if self.request.cancelled():
                        return
                    yield Taken([], [], self._by_content(self._store, [*others[start : start + AT_ONCE]]))
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
                self.add_originals(row, pair)
        first_known = pair.first is None or row.first_digest is not None
        second_known = pair.second is None or row.second_digest is not None
        is_sound = pair.problem is None and first_known and second_known
        if row.status == "changed" and (rules := self._rules_of(pair)) and not taken:
            # What rules have taken cannot be put back: a row that a resumed run keeps was saved before.
            is_sound = is_sound and bool(finished.plain)
            if is_sound and row.rules is not None:
                kept = StoredRow(rulings.to_keep(row, rules))
                self._ruled.append((kept, _variant_of(pair) + rulings.conditions(rules)))
        stored = self._stored(finished, taken) if is_sound else None
        if stored and (pair.first is None or files[0]) and (pair.second is None or files[1]):
            self._found.append(_as_found(pair, files, stored))
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

    def add_originals(self, row: PairResult, pair: Pair) -> None:
        """Copy both files of a changed pair later, without remembering its row."""
        sides = (row.first_digest, pair.first), (row.second_digest, pair.second)
        if self.request.keep_originals:
            self._originals += [(digest, path) for digest, path in sides if digest and path]

    def save(self, *, originals: bool = False) -> None:
        """Save what was added so far; if `originals`, also copies of pictures, which take the longest."""
        added = self._found or self._files or self._rows or self._ruled
        if self._usable and (added or (originals and (self._changed or self._originals))):
            try:
                with self._opened() as store:
                    self._is_new(store)
                    store.records.remember_found(self.place, self._found, self._known)
                    store.records.remember_files(self._files)
                    variants = _grouped(self._rows, lambda stored: _variant_of(stored.row))
                    for variant, rows in variants.items():
                        store.records.remember_rows(rows, self.place.conditions + variant)
                    for variant, both in _grouped(self._ruled, lambda kept: kept[1]).items():
                        kept = [stored for stored, _ in both]
                        store.records.remember_rows(kept, self.place.conditions + variant)
                    if originals:
                        self._copy(store, self._originals)
                        self._copy(store, self._digested(store))
            except Exception as error:
                self._give_up(_INCOMPLETE, error)
        self._found, self._files, self._rows, self._ruled = [], [], [], []
        self._saved = time.monotonic()

    def ask(self, question: Callable[[DiffStore], T]) -> T | None:
        """Return what a function finds in the store, or writes into it; None if the store cannot be used."""
        if self._usable:
            try:
                with self._opened() as store:
                    return question(store)
            except Exception as error:  # the run goes on without the store
                self._give_up(_INCOMPLETE, error)
        return None

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

    def _digested(self, store: DiffStore) -> Iterator[tuple[str, str]]:
        """Yield digests and paths of changed pairs; a file of which the store knows none is read again."""
        waiting = Waiting(Pairs(self._changed))
        for _, records in store.records.found(self.place) if waiting else ():
            for record in records:
                name = waiting.of(record[0], record[1])
                found = None if name is None else unpacked(record)
                if name is not None and found is not None:
                    waiting.take(name)
                    sides = zip(found.files, (found.first, found.second), strict=True)
                    yield from ((file[5], path) for file, path in sides if file is not None and path)
        for pair in waiting.left():
            for path in (pair.first, pair.second):
                if path is not None and (digest := content(path)) is not None:
                    yield digest, path

    def _unchanged(self, store: DiffStore, part: Pairs) -> Generator[Taken, None, Pairs]:
        """Yield the pairs of files that did not change since a run found their rows; return the others."""
        waiting, verify = Waiting(part), self.request.verify
        takes_plain = self._is_plain and not verify
        for key, records in store.records.found(self.place) if waiting else ():
            if self.request.cancelled():
                break
            taken, plain = Taken([], [], []), list[tuple[str, Record]]()
            for record in records:
                first, second, *_, line = record
                if (name := waiting.of(first, second)) is None:
                    continue
                if takes_plain and name_if_same(line) == name and CANNOT not in line:
                    plain.append((name, record))
                    continue
                pair = None if verify else waiting.named(name)
                if pair is not None and self._takes(pair, record, taken):
                    waiting.take(name)
                else:
                    self._known[first, second] = key
            ones = beginnings(record[0] for _, record in plain)
            others = beginnings(record[1] for _, record in plain)
            for (name, record), one_now, other_now in zip(plain, ones, others, strict=True):
                first, second, one, other, *_, line = record
                if not (one.startswith(one_now) and other.startswith(other_now)):
                    self._known[first, second] = key
                elif waiting.take(name):
                    taken.same.append(name)
                    taken.lines.append(line.encode())
            yield taken
        return waiting.left()

    def _takes(self, pair: Pair, record: Record, taken: Taken) -> bool:
        """Add a pair to those that are taken, if its record is still true."""
        found = unpacked(record)
        finished = None if found is None else self._taken(pair, found)
        if finished is not None:
            taken.rows.append((pair, finished))
        return finished is not None

    @functools.cached_property
    def _is_plain(self) -> bool:
        """Whether nothing is to be done for an equal pair but to keep its line."""
        return not self.request.metrics and (self.drawings_dir is None or not self.request.draws("same"))

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
        if row is None or names_its_files(row) or self._lacks_metric(row):
            return None
        if row.second_filename != pair.second_name:  # the message names it
            return None
        seen = self._seen(pair, row)
        stored = StoredRow(row, earlier.folder, earlier.drawing_path, earlier.drawn)
        if seen is None or not self._takes_drawings(stored, self.drawing_path(pair.name)):
            return None
        plain = earlier.line
        if row.image_filename != pair.name:
            row, seen = (each._replace(image_filename=pair.name) for each in (row, seen))
            plain = results.checked_line(row)
        files = (opened[0], opened[1]) if self._draws(row) else (None, None)
        return _finished(row, seen, plain, files)

    def _is_unusable(self, row: PairResult, pair: Pair) -> bool:
        """Return whether a row is not for this pair: what comes from other machines may say anything."""
        return names_its_files(row) or self._lacks_metric(row) or row.second_filename != pair.second_name

    def _lacks_metric(self, row: PairResult) -> bool:
        """Return whether a metric failed with two pictures: it is tried again, as it may be mended."""
        if len(row.custom) != len(self.request.metrics):
            return True
        return row.num_diff_pixels is not None and any(value is None for _, value in row.custom)

    def _rules_of(self, pair: Pair) -> tuple[Rule, ...]:
        return self.rules.of(pair.name) if self.rules.rules else ()

    def _seen(self, pair: Pair, plain: PairResult) -> PairResult | None:
        """Return a row with what rules take of it; None if that needs the pixels."""
        if not (rules := self._rules_of(pair)):
            return plain
        assert self._store is not None
        return rulings.known(plain, rules, self._store.records, self.place.conditions + _variant_of(pair))

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
        for variant, those in _grouped(part, _variant_of).items():
            wanted = {key for pair in those if (key := keys.get(pair.name)) is not None}
            for key, earlier in store.records.rows(wanted, self.place.conditions + variant).items():
                stored[variant, key] = earlier
        found = []
        for pair in part:
            key = keys.get(pair.name)
            match = stored.get((_variant_of(pair), key)) if key is not None else None
            if pair.problem is not None or key is None:
                self.reasons[pair.name] = "error"  # comparing it will fail
            elif match is None:
                self.reasons[pair.name] = _reason(pair, before, now, store.records.has_row(key))
            elif self._is_unusable(match.row, pair):
                self.reasons[pair.name] = "error"
            elif (seen := self._seen(pair, match.row)) is None:
                self.reasons[pair.name] = "rules changed"
            elif not self._takes_drawings(match, self.drawing_path(pair.name)):
                self.reasons[pair.name] = "drawings missing"
            else:
                values = (value for _, value in match.row.custom)
                custom = tuple(zip(self.request.metrics, values, strict=True))
                row, seen = (
                    each._replace(image_filename=pair.name, custom=custom) for each in (match.row, seen)
                )
                line = results.checked_line(row)
                one, other = (None if path is None else (*states[path], moment) for path in pair[1:3])
                if not self._draws(row):  # what is known of its drawings stays known
                    files = _with_digests((one, other), row)
                    self._found.append(_as_found(pair, files, match._replace(line=line)))
                    one = other = None
                found.append((pair, _finished(row, seen, line, (one, other))))
        return found

    def _contents(self, paths: Sequence[str]) -> list[str | None]:
        """Return the digests of files, read in parallel; None for those that a cancelled run skips."""
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda path: None if self.request.cancelled() else content(path), paths))

    def _stored(self, finished: Finished, taken: bool) -> StoredRow | None:
        """Return what to save of a row, if anything."""
        row, line = finished.row, finished.plain or finished.line
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
            reason = str(error) if known else faults.reported(error)
            message = f"The store {shown(self.root)} {what}: {reason}"
            try:
                warnings.warn(message, stacklevel=3)
            except Exception:  # warnings are errors in this process, or nothing can be printed
                streams.say(message, error=True)


def _finished(
    row: PairResult, seen: PairResult, line: bytes, files: tuple[Opened | None, Opened | None]
) -> Finished:
    """Return a row of the store as rules see it, given its line without rules."""
    if seen is row or seen.status != "changed":
        return Finished(seen, line, files)
    return Finished(seen, results.checked_line(seen), files, line)


def _as_found(pair: Pair, files: tuple[FoundFile | None, FoundFile | None], stored: StoredRow) -> str:
    _, folder, path, drawn, line = stored
    return packed(Found(pair.first, pair.second, files, _variant_of(pair), line, folder, path, drawn))


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


def _variant_of(about: Pair | PairResult) -> str:
    """Return what a row depends on in names: first's ending and spelling, and second's name if it differs.

    Messages mention these.
    """
    if isinstance(about, Pair):
        name, second_name = about.name, about.second_name
    else:
        name, second_name = about.image_filename, about.second_filename
    _, dot, ending = name.rpartition(".")
    ending = f"{dot}{ending.lower()}" if "/" not in ending else ""
    other = "" if second_name is None else f"/{second_name}"
    return f"{ending}{'~' if pairs.is_escaped(name) else ''}{other}"


def _grouped(values: Iterable[T], variant: Callable[[T], str]) -> dict[str, list[T]]:
    """Group values by their variant."""
    groups: dict[str, list[T]] = {}
    for value in values:
        groups.setdefault(variant(value), []).append(value)
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
