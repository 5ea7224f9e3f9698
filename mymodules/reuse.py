"""Nothing compared twice: which rows of earlier runs still say what is in the files.

A row belongs to the content of two files, the options and the versions, not to a run or a name: where
all of these are as they were, it is taken over, with its drawings. A file's content is known without
reading it while its size, times and inode are what they were when it was digested. Whatever goes wrong
with the store costs time, never a run: a warning says so, and everything is compared.
"""

import os
import shutil
import stat
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mymodules import images, pairs, pictures, workers
from mymodules.pairs import Pair
from mymodules.records import DigestedFile, Key, StoredRow
from mymodules.store import DiffStore
from mymodules.workers import PairResult

REASONS = (
    "new", "first changed", "second changed", "options changed", "error before", "drawings missing"
)  # fmt: skip
"""Why a pair is compared although there is a store.

A side that has gone or come is one that changed; options are also the versions. A row that names files in
its messages, as errors do, is never taken over.
"""


@dataclass
class Reuse:
    """What one run takes from a store, and gives back to it.

    Parameters
    ----------
    root : Path
        The store's folder; created where it is absent.
    conditions : str
        Fingerprint of the options and versions that the rows of this run depend on.
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

    Attributes
    ----------
    reasons : Counter of str
        How many pairs have to be compared, by reason; empty for a run without a usable store.
    """

    root: Path
    conditions: str
    pictures_dir: Path | None
    draw_same: bool
    max_pixels: int
    verify: bool
    keep_originals: bool
    reasons: "Counter[str]" = field(default_factory=Counter)
    _stats: dict[Path, tuple[os.stat_result, int]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def rows(self, part: Sequence[Pair], stems: dict[str, str]) -> list[PairResult]:
        """Rows that need no comparison, their drawings in place, for pairs of a new run."""
        try:
            with DiffStore(self.root) as store:
                return self._rows(store, part, stems)
        except Exception as error:  # whatever it is, a run can do without
            self._give_up(error)
            return []

    def remember(
        self,
        part: Iterable[Pair],
        rows: dict[str, PairResult],
        stems: dict[str, str],
        *,
        hurry: bool = False,
    ) -> None:
        """Keep what a run has found, as far as it came; in a hurry without copies of pictures."""
        files, stored, originals = [], [], {}
        for pair in part:
            row = rows.get(pair.name)
            if row is None or pair.problem is not None:
                continue
            for path, digest in _sides(pair, row):
                if path in self._stats and digest is not None:
                    files.append(DigestedFile(path, self._stats[path][0], digest, self._stats[path][1]))
                if self.keep_originals and not hurry and digest is not None and row.status == "changed":
                    originals[digest] = path
            drawn = self.pictures_dir is not None and self._is_drawn(row)
            if pair.name in self._taken and not drawn:
                continue  # the store has it, and may know of drawings
            if all(digest is not None for _, digest in _sides(pair, row)) and not (
                drawn and self._lacks_drawings(row, stems[pair.name])
            ):
                stored.append(StoredRow(row, str(self.pictures_dir) if drawn else None, stems[pair.name]))
        try:
            with DiffStore(self.root) as store:
                store.records.remember_files(files)
                store.records.remember_rows(stored, self.conditions)
                store.keep_originals(originals.items())
        except Exception as error:
            self._give_up(error)

    def _rows(self, store: DiffStore, part: Sequence[Pair], stems: dict[str, str]) -> list[PairResult]:
        moment = time.time_ns()
        for pair in part:
            for path in (pair.first, pair.second):
                if path is not None and pair.problem is None and (status := _stat(path)) is not None:
                    self._stats[path] = status, moment
        known = store.records.known_files((path, status) for path, (status, _) in self._stats.items())
        digests = {path: known[str(path)].digest for path in self._stats if str(path) in known}
        trusted = {path for path, file in known.items() if file.unchanged and not self.verify}
        unread = [path for path in self._stats if str(path) not in trusted]
        if known or store.records.has_rows():  # else nothing can be found under any digest
            now = digests | dict(zip(unread, _contents(unread), strict=True))
        else:
            now = {}
        keys = {pair.name: self._key(pair, now) for pair in part if pair.problem is None}
        stored = store.records.rows({key for key in keys.values() if key is not None}, self.conditions)
        found = []
        for pair in part:
            key = keys.get(pair.name)
            earlier = stored.get(key) if key is not None else None
            if earlier is None:
                compared = key is not None and store.records.has_row(key)
                self.reasons[_reason(pair, digests, now, compared)] += 1
            elif workers.names_its_files(earlier.row):
                self.reasons["error before"] += 1
            elif not _suits(pair, earlier.row):
                self.reasons["new"] += 1
            elif not self._takes_drawings(earlier, stems[pair.name]):
                self.reasons["drawings missing"] += 1
            else:
                found.append(earlier.row._replace(image_filename=pair.name))
        self._taken.update(row.image_filename for row in found)
        return found

    def _key(self, pair: Pair, now: dict[Path, str | None]) -> Key | None:
        """Digests of both sides; None while one is not known."""
        sides = [None if path is None else now.get(path) for path in (pair.first, pair.second)]
        there = pair.first is not None, pair.second is not None
        return (sides[0], sides[1]) if tuple(side is not None for side in sides) == there else None

    def _is_drawn(self, row: PairResult) -> bool:
        return row.status == "changed" or (self.draw_same and row.status == "same")

    def _is_too_large(self, row: PairResult) -> bool:
        """Whether nobody draws it, which its row says where it would have been drawn."""
        return workers.span(row) > self.max_pixels

    def _lacks_drawings(self, row: PairResult, stem: str) -> bool:
        """Whether drawings could not be written; its row tells of it, which is true of this run only."""
        assert self.pictures_dir is not None
        return not self._is_too_large(row) and not all(
            (self.pictures_dir / (stem + ending)).exists() for ending in pictures.ENDINGS
        )

    def _takes_drawings(self, earlier: StoredRow, stem: str) -> bool:
        """Put an earlier run's drawings into this one's folder; False where some are gone."""
        if self.pictures_dir is None or not self._is_drawn(earlier.row):
            return True
        if earlier.folder is None or self._is_too_large(earlier.row):
            return earlier.folder is not None
        if (Path(earlier.folder) / pictures.REDRAWN).exists():
            return False
        try:
            (self.pictures_dir / stem).parent.mkdir(parents=True, exist_ok=True)
            for ending in pictures.ENDINGS:
                drawn = Path(earlier.folder) / (earlier.stem + ending)
                if not drawn.stat().st_size:
                    raise FileNotFoundError(drawn)
                _link(drawn, self.pictures_dir / (stem + ending))
        except OSError:
            pictures.remove(self.pictures_dir, stem)
            return False
        return True

    def _give_up(self, error: Exception) -> None:
        self.reasons.clear()
        told = f"The store {self.root} is not used by this run, which compares everything: {error}"
        warnings.warn(told, stacklevel=2)


def _sides(pair: Pair, row: PairResult) -> Iterable[tuple[Path, str | None]]:
    sides = (pair.first, row.first_digest), (pair.second, row.second_digest)
    return [(path, digest) for path, digest in sides if path is not None]


def _reason(pair: Pair, before: dict[Path, str], now: dict[Path, str | None], compared: bool) -> str:
    """Why there is no row: by the digests known before and those of now, and whether these two had one."""
    sides = ("first", pair.first), ("second", pair.second)
    if any(path is not None and path not in before for _, path in sides):
        return "new"
    for role, path in sides:
        if path is not None and before[path] != now.get(path):
            return f"{role} changed"
    gone = [role for role, path in sides if path is None]
    return "options changed" if compared else f"{gone[0]} changed" if gone else "new"


def _suits(pair: Pair, row: PairResult) -> bool:
    """Whether a row may stand under this name: messages tell of its ending, and of how it is written."""
    names = pair.name, row.image_filename
    endings, escaped = ({tell(name) for name in names} for tell in (_ending, pairs.is_escaped))
    return len(endings) == len(escaped) == 1


def _ending(name: str) -> str:
    return Path(name).suffix.lower()


def _stat(path: Path) -> os.stat_result | None:
    """What is known of a file without reading it; None for what is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _contents(paths: Sequence[Path]) -> list[str | None]:
    """Digests of files, read side by side."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(content, paths))


def content(path: Path) -> str | None:
    """The digest of a file; None for what cannot be read, or is no file and might be waited for."""
    try:
        return None if _stat(path) is None else images.digest(path)
    except (OSError, MemoryError):
        return None


def _link(source: Path, target: Path) -> None:
    """A second name for a file, or a copy where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
