"""The directories of a TIFF: this module checks their chain, tifffile reads the picture's directory.

tifffile reads files that other programs refuse, logs instead of raising, and is slow on files that are made
to be slow. So the raw entries of every directory are checked first: how many there are, how long their
values are, whether the values lie inside the file, and whether a tag occurs twice. Faults in tags that the
picture does not need are warnings; tags that it needs have to be right.

Source: TIFF 6.0 (1992); BigTIFF as in libtiff.
"""

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from mymodules.errors import ImageError

_KIND_SIZES = np.zeros(65536, np.int64)
_KIND_SIZES[[1, 2, 6, 7]] = 1
_KIND_SIZES[[3, 8]] = 2
_KIND_SIZES[[4, 9, 11, 13]] = 4
_KIND_SIZES[[5, 10, 12, 16, 17, 18]] = 8
_BYTE, _SHORT, _LONG, _RATIONAL = 1, 3, 4, 5
_WHOLE = {_BYTE, _SHORT, _LONG, 6, 8, 9, 16, 17}

_NEW_SUBFILE, _SUBFILE, _SUBIFDS = 254, 255, 330
PIXEL_TAGS = frozenset(
    (256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325)
) | {338, 339, 347, 32997, 32998}
"""Tags that the pixels depend on."""

# A directory has 10 to 100 entries; a scanner's file of many pages has some hundred directories.
_MOST_ENTRIES = 4096
_MOST_DIRECTORIES = 1000
_LARGEST = np.uint64(1 << 62)


class Directory:
    """The directory of the picture, as tifffile reads it, with its oddities.

    Attributes
    ----------
    at : int
        Position in the file.
    warnings : tuple of str
        Oddities of the directories that do not affect the picture.
    """

    def __init__(self, data: bytes, page: tifffile.TiffPage, warnings: tuple[str, ...] = ()) -> None:
        self._data = data
        self.page = page
        self.at = page.offset
        self.warnings = warnings

    @property
    def size(self) -> int:
        """Length of the file."""
        return len(self._data)

    def has(self, tag: int) -> bool:
        """Whether the directory has a tag."""
        return self.page.tags.get(tag) is not None

    def numbers(self, tag: int) -> NDArray[np.int64]:
        """Return all values of a tag that holds unsigned integers."""
        found = self.page.tags.get(tag)
        if found is None:
            raise ImageError("corrupt", f"it does not give its {name_of(tag)}")
        try:
            with silence():
                value = found.value
        except MemoryError:
            raise
        except Exception:  # tifffile lets errors of any kind through
            value = ()
        values = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value)
        whole = int(found.dtype) in _WHOLE and values.size > 0 and values.dtype.kind in "iu"
        if not whole or values.min() < 0:
            raise ImageError("corrupt", f"its {name_of(tag)} is not a number")
        return np.minimum(values.ravel().astype(np.uint64), _LARGEST).astype(np.int64)

    def numbers_or_none(self, tag: int) -> NDArray[np.int64] | None:
        """Return all values of a tag; None if it is absent or holds something else, which programs skip."""
        try:
            return self.numbers(tag)
        except ImageError:
            return None

    def number(self, tag: int, default: int | None = None) -> int:
        """Return the value of a tag; without a default, the tag has to be present.

        The default also replaces a value that is not a number, in a tag that the picture does not need.
        """
        if default is not None and not self.has(tag):
            return default
        try:
            values = self.numbers(tag)
        except ImageError:
            if default is None or tag in PIXEL_TAGS:
                raise
            return default
        if len(values) > 1 and tag in PIXEL_TAGS:
            message = (
                f"its {name_of(tag)} has {len(values)} values instead of one, and programs disagree on that"
            )
            raise ImageError("corrupt", message)
        return int(values[0])

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a tag; empty if it is absent."""
        found = self.page.tags.get(tag)
        if found is None:
            return b""
        length = found.count * int(_KIND_SIZES[int(found.dtype)])
        return self._data[found.valueoffset : found.valueoffset + length]

    def ratio(self, tag: int) -> Fraction:
        """Return a rational number; 0 if it is absent or undefined."""
        found = self.page.tags.get(tag)
        if found is None or int(found.dtype) != _RATIONAL or found.count != 1:
            return Fraction(0)
        order = self.page.parent.byteorder
        above, below = np.frombuffer(self.raw(tag), order + "u4").tolist()
        return Fraction(above, below) if below else Fraction(0)

    def frames(self) -> int:
        """Count the frames of this directory, for dialects that keep several in one; 0 if there is one."""
        stack = self.page.tags.get(33629)  # one entry for each plane, MetaMorph
        frames = max(self.number(32997, 1), stack.count if stack is not None else 1)
        description = self.raw(270)
        if description.startswith(b"ImageJ="):
            for line in description.split(b"\n", 20):
                name, _, value = line.partition(b"=")
                if name == b"images" and value.strip().isdigit():
                    frames = max(frames, int(value[:9]))
        return frames if frames > 1 else 0


def read(data: bytes) -> Directory:
    """Walk the chain of directories up to the second page, and read the directory of the first.

    A thumbnail beside the picture, or below it in a SubIFD, is not a page.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` (several pages), ``too_costly`` or ``unsupported``.
    """
    entries, broken = _chain(data)
    pages = [found for found in entries if not found.is_preview]
    if any(found.is_mask for found in entries):
        raise ImageError("unsupported", "it keeps its transparency in a mask of its own")
    if len(pages) > 1:
        raise ImageError("animated", "it holds several pages")
    if not pages and broken:
        raise broken
    if not pages and entries[0].has(_SUBIFDS):
        raise ImageError("unsupported", "its picture is kept in a sub-directory, as in raw camera files")
    chosen = pages[0] if pages else entries[0]
    warnings = chosen.warnings
    if broken:
        warnings += (f"has a picture that is whole, but after that {broken.reason}",)
    return Directory(data, _page(data, chosen.at), warnings)


def read_again(data: bytes, at: int) -> Directory:
    """Read the directory at a place where `read` has found one."""
    return Directory(data, _page(data, at))


def name_of(tag: int) -> str:
    """Return ``tag 305 (Software)``, or only the number of a tag without a name."""
    name = tifffile.TIFF.TAGS.get(tag, "")
    return f"tag {tag} ({name})" if name else f"tag {tag}"


@contextmanager
def silence() -> Iterator[None]:
    """Drop what tifffile logs in this thread, because a file's faults are reported in its row."""
    before = getattr(_state, "silent", False)
    _state.silent = True
    try:
        yield
    finally:
        _state.silent = before


_state = threading.local()
logging.getLogger("tifffile").addFilter(lambda record: not getattr(_state, "silent", False))


@dataclass(frozen=True)
class _Entries:
    """The raw entries of one directory."""

    at: int
    tags: NDArray[Any]
    inline: NDArray[Any]
    warnings: tuple[str, ...]

    def has(self, tag: int) -> bool:
        return bool((self.tags["tag"] == tag).any())

    def _flag(self, tag: int) -> int:
        """Return a number stored in its entry itself; 0 if there is none."""
        found = np.flatnonzero(self.tags["tag"] == tag)
        if not len(found) or int(self.tags["kind"][found[0]]) not in (_BYTE, _SHORT, _LONG):
            return 0
        if self.tags["count"][found[0]] != 1:
            return 0
        kind = {_BYTE: "u1", _SHORT: "u2", _LONG: "u4"}[int(self.tags["kind"][found[0]])]
        order = self.tags.dtype["tag"].byteorder
        return int(np.frombuffer(self.inline[found[0]].tobytes(), np.dtype(kind).newbyteorder(order), 1)[0])

    @property
    def is_preview(self) -> bool:
        return bool(self._flag(_NEW_SUBFILE) & 1) or self._flag(_SUBFILE) == 2

    @property
    def is_mask(self) -> bool:
        return bool(self._flag(_NEW_SUBFILE) & 4)


def _chain(data: bytes) -> tuple[list[_Entries], ImageError | None]:
    """Return the directories up to the second page, and the error that ended the chain after the first."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    if len(data) < (16 if big else 8):
        raise ImageError("truncated", f"it ends after {len(data)} bytes, inside its header")
    if big and np.frombuffer(data, order + "u2", 2, 4).tolist() != [8, 0]:
        raise ImageError("corrupt", "its BigTIFF header is invalid")
    word = np.dtype(order + ("u8" if big else "u4"))
    at = int(np.frombuffer(data, word, 1, 8 if big else 4)[0])
    found: list[_Entries] = []
    seen: set[int] = set()
    read = pages = 0
    while at or not found:
        if len(found) >= _MOST_DIRECTORIES:
            raise ImageError("too_costly", f"it has more than {_MOST_DIRECTORIES} directories")
        try:
            if at in seen:
                raise ImageError("corrupt", "its directories run in a circle")
            seen.add(at)
            entries, at = _entries(data, order, word, at)
        except ImageError as error:
            if not found:
                raise
            return found, error
        found.append(entries)
        read += len(entries.tags)
        if read * entries.tags.dtype.itemsize > len(data):
            raise ImageError("too_costly", "its directories overlap")
        pages += not entries.is_preview
        if pages > 1:
            break
    return found, None


def _entries(data: bytes, order: str, word: np.dtype[Any], at: int) -> tuple[_Entries, int]:
    """Read and check the directory at a place; also return the place of the next one, 0 if there is none."""
    head = 8 if word.itemsize == 8 else 2
    if at < 8:
        raise ImageError("corrupt", "its directories do not follow each other")
    start = at + head
    count = int(np.frombuffer(data, f"{order}u{head}", 1, at)[0]) if start <= len(data) else 0
    kind = np.dtype([("tag", order + "u2"), ("kind", order + "u2"), ("count", word), ("value", word)])
    end = start + kind.itemsize * count
    if len(data) < max(start, end):
        raise ImageError("truncated", "it ends before or inside one of its directories")
    if not count:
        raise ImageError("corrupt", "one of its directories is empty")
    if count > _MOST_ENTRIES:
        raise ImageError("too_costly", f"one of its directories has {count} entries")
    tags = np.frombuffer(data, kind, count, start)
    inline = np.frombuffer(data, np.uint8, kind.itemsize * count, start).reshape(count, -1)
    inline = inline[:, -word.itemsize :]
    warnings = _check_values(data, tags) + _repeated(tags)
    rest = data[end : end + word.itemsize]
    if len(rest) < word.itemsize:
        return _Entries(at, tags, inline, (*warnings, "ends inside its directory")), 0
    return _Entries(at, tags, inline, warnings), int(np.frombuffer(rest, word)[0])


def _lengths(tags: NDArray[Any]) -> NDArray[np.float64]:
    """Return the bytes of each entry's values, as floats: exact below 2**53, and they never overflow."""
    lengths: NDArray[np.float64] = tags["count"].astype(np.float64) * _KIND_SIZES[tags["kind"]]
    return lengths


def _outside(size: int, tags: NDArray[Any]) -> NDArray[np.bool_]:
    lengths = _lengths(tags)
    apart = lengths > tags.dtype["value"].itemsize
    wrong: NDArray[np.bool_] = apart & ((lengths + tags["value"] > size) | (tags["value"] < 8))
    return wrong


def _check_values(data: bytes, tags: NDArray[Any]) -> tuple[str, ...]:
    """Check for values outside the file, and for more values than the file has room for."""
    wrong = _outside(len(data), tags)
    named = sorted(set(tags["tag"][wrong].tolist()))
    if needed := PIXEL_TAGS.intersection(named):
        raise ImageError("truncated", f"the values of its {name_of(min(needed))} lie beyond its end")
    if _lengths(tags)[~wrong].sum() > 2 * len(data) + 4096:
        raise ImageError("too_costly", "the values of its directory overlap")
    if not named:
        return ()
    more = f" and {len(named) - 1} more tags" if len(named) > 1 else ""
    return (f"has {name_of(named[0])}{more} with values beyond its end, which other programs skip",)


def _repeated(tags: NDArray[Any]) -> tuple[str, ...]:
    """Warn of tags that occur twice; all programs use the first."""
    numbers, counts = np.unique(tags["tag"], return_counts=True)
    repeated = numbers[counts > 1].tolist()
    if not repeated:
        return ()
    more = f" and {len(repeated) - 1} more tags" if len(repeated) > 1 else ""
    return (f"has {name_of(repeated[0])}{more} twice; the first counts, as in other programs",)


def _page(data: bytes, at: int) -> tifffile.TiffPage:
    """Read the directory at a place by tifffile; only its detection of some dialects is switched off."""
    try:
        with silence():
            file = tifffile.TiffFile(io.BytesIO(data), is_lsm=False, is_ndpi=False, is_scanimage=False)
            if file.pages.first.offset == at:
                return file.pages.first
            file.filehandle.seek(at)
            return tifffile.TiffPage(file, index=1)
    except MemoryError:
        raise
    except Exception:  # errors of many kinds, all of which mean a damaged or hostile file
        raise ImageError("corrupt", "its directory is damaged") from None
