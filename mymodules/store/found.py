"""What a run found out about pairs of files: quickly written, and read again by the paths of both files.

The records of many pairs are one block of bytes, so that reading them costs one check value and not one for
each. All pairs of a block are of one place. What else the store knows of files and rows follows from them,
see `Records.settle`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mymodules.store.values import is_certain

FoundFile = tuple[int, int, int, int, int, str]
"""Size, time of modification and of change in ns, inode, moment of these in ns since the epoch, digest."""

Record = Sequence[str]
"""The nine texts that `packed` makes of a pair: both paths, both files, the variant, three texts about its
drawings, and its line."""

BLOCK: Final = 256
"""Most pairs of a block: reading them has to be quick, and a change of one pair writes all of them again."""

_TEXTS = 9
_NUMBERS = 20  # bits of the number of a block; the others of its key are those of its place
_DOUBT = "~"  # in front of a file that may have been written to again without another time


class Place(NamedTuple):
    """What the pairs of a block have in common.

    Attributes
    ----------
    first, second : str
        The folders.
    conditions : str
        The `fingerprint` of the conditions under which their rows were made.
    algorithm : int
    """

    first: str
    second: str
    conditions: str
    algorithm: int

    def keys(self) -> range:
        """Return the keys that blocks of this place can have."""
        name = hashlib.blake2b(_joined(map(str, self)), digest_size=8).digest()
        least = int.from_bytes(name, "big", signed=True) >> _NUMBERS << _NUMBERS
        return range(least, least + (1 << _NUMBERS))


class Found(NamedTuple):
    """A pair, its files and its row.

    Attributes
    ----------
    first, second : str or None
        The paths; None if that side has no such file.
    files : (FoundFile or None, FoundFile or None)
        Each file as it was when it was digested.
    variant : str
        What its row depends on besides the place and the files.
    line : bytes
        The row, as `results.checked_line` makes it.
    folder, drawing_path, drawn
        As in `StoredRow`.
    """

    first: str | None
    second: str | None
    files: tuple[FoundFile | None, FoundFile | None]
    variant: str
    line: bytes
    folder: str | None = None
    drawing_path: str = ""
    drawn: tuple[tuple[int, int], ...] = ()


def packed(found: Found) -> str:
    """Return a record as one text."""
    first, second, (one, other), variant, line, folder, path, drawn = found
    sizes = json.dumps(drawn) if drawn else ""
    about = f"{_file_text(one)}\0{_file_text(other)}\0{variant}\0{folder or ''}\0{path}\0{sizes}"
    return f"{first or ''}\0{second or ''}\0{about}\0{line.decode()}"


def unpacked(record: Record) -> Found | None:
    """Return what `packed` made a record of; None if it was not made by it."""
    first, second, one, other, variant, folder, path, drawn, line = record
    try:
        return Found(
            first or None,
            second or None,
            (_file(one), _file(other)),
            variant,
            line.encode(),
            folder or None,
            path,
            tuple((size, mtime_ns) for size, mtime_ns in json.loads(drawn)) if drawn else (),
        )
    except (ValueError, TypeError):
        return None


def paths(record: str) -> tuple[str, ...]:
    """Return the two paths of a packed record."""
    return tuple(record.split("\0", 2)[:2])


def block(place: Place, records: Iterable[str]) -> bytes:
    """Return packed records as a block; one that no path and no row can have made is left out."""
    sound = (record for record in records if record.count("\0") == _TEXTS - 1)
    return _joined([*map(str, place), *sound])


def opened(data: bytes) -> tuple[Place, list[Record]] | None:
    """Return the place and the records of a block; None if it was not made by `block`."""
    try:
        first, second, conditions, algorithm, *texts = data.decode("utf-8", "surrogatepass").split("\0")
        place = Place(first, second, conditions, int(algorithm))
    except ValueError:
        return None
    every = iter(texts)
    return None if len(texts) % _TEXTS else (place, list(zip(*[every] * _TEXTS, strict=True)))


def _joined(texts: Iterable[str]) -> bytes:
    return "\0".join(texts).encode("utf-8", "surrogatepass")  # paths hold what the system cannot decode


def _file_text(file: FoundFile | None) -> str:
    if file is None:
        return ""
    size, mtime_ns, ctime_ns, inode, moment, digest = file
    doubt = "" if is_certain(mtime_ns, ctime_ns, moment) else _DOUBT
    return f"{doubt}{size} {mtime_ns} {ctime_ns} {inode} {moment} {digest}"


def _file(text: str) -> FoundFile | None:
    if not text:
        return None
    *numbers, digest = text.removeprefix(_DOUBT).split(" ")
    size, mtime_ns, ctime_ns, inode, moment = map(int, numbers)
    return size, mtime_ns, ctime_ns, inode, moment, digest
