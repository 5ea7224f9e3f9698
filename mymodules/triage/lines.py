r"""The lines of a file of decisions.

A file begins with a header. Each further line is about one `Row`; consecutive lines with the same time and
the same word are one step (see `history`). Cells contain no line breaks (in a name they are written as
``\u000a``), so a process that is killed while it writes leaves at most one truncated line, the last one.
That line counts if its word is complete.

With the first decision about a change, a file gets one more column, ``change``; with the first one that
goes before a later one of another computer, one more, ``after``. A line with a signature in ``change`` is
about that change of the row; if its name and digests are empty, about that change wherever it stands. In
such a file a truncated line does not count, because it might have been about a change only.

The last three digits of a time are random, so that two processes that decide at the same moment do not write
the same time. A time without an offset is UTC; what is before 1970 or after 9998 is no time, and the oldest.
"""

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple, Self

from mymodules import pairs, results
from mymodules.errors import SettingsError
from mymodules.results import runfiles

FILE = runfiles.DECISIONS
"""The name of the file in an output folder."""

COLUMNS = runfiles.DECIDED
"""Its columns; new ones are appended last, and readers skip those they do not know."""

CHANGE = "change"
"""A further column of a file that holds decisions about changes."""

AFTER = "after"
"""A further column, beside `CHANGE`, of a file with decisions that go before others of other computers."""

LABELS = {"accept": "accepted", "reject": "rejected", "ignore": "ignored"}
"""What a row is after each decision, as the labels of tables and pages."""

DECISIONS = tuple(LABELS)
"""What can be decided; ``clear`` takes a decision away."""

SIGNATURE = re.compile("(?:[0-9a-f]{24})?", re.ASCII)
"""The signature of a change, or nothing."""

VOID: Final = b"cut\r\n"
"""Ends a truncated line so that it cannot be read as a whole one."""

_VOID: Final = VOID.strip().decode()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR: Final = 9998  # of a time; there is always a later one
_WORDS = (*DECISIONS, "clear", "undo", "redo")
_random = random.SystemRandom()  # forked processes do not share its state
_FURTHER: Final = (CHANGE, AFTER)


class Row(NamedTuple):
    """What a decision is about: a row, a change of it, or a change wherever it stands.

    Attributes
    ----------
    name : str
        ``image_filename``; empty for a change wherever it stands, as are the digests then.
    first_digest, second_digest : str
        An empty text for an absent file.
    change : str
        The signature of a change; empty for the whole row.
    """

    name: str
    first_digest: str
    second_digest: str
    change: str = ""

    @classmethod
    def anywhere(cls, signature: str) -> "Row":
        """Return what a decision about a change is about that holds wherever it stands."""
        return cls("", "", "", signature)


class Line(NamedTuple):
    """What one line says.

    Attributes
    ----------
    time : str
        As it is in the file.
    row : Row
    word, note : str
    after : str
        The time of another computer's decision that this one goes before, or an empty text.
    """

    time: str
    row: Row
    word: str
    note: str
    after: str = ""


@dataclass(frozen=True)
class Header:
    """The cells of a first line; an editor may have put other columns before `CHANGE` and `AFTER`."""

    cells: tuple[str, ...] = COLUMNS

    @cached_property
    def has_change(self) -> bool:
        """Whether lines may be about changes, so that truncated ones do not count."""
        return CHANGE in self._places

    @cached_property
    def _places(self) -> dict[str, int]:
        further = self.cells[len(COLUMNS) :]
        return {name: further.index(name) + len(COLUMNS) for name in _FURTHER if name in further}

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Return the header that a file begins with, or would if it were not truncated."""
        cells = _cells(data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r"))
        return cls(tuple(cells)) if _is_header(cells) else cls()

    @classmethod
    def for_lines(cls, given: Sequence[Line]) -> Self:
        """Return the header of a new file with these lines."""
        further = max(((2 if line.after else bool(line.row.change)) for line in given), default=0)
        return cls((*COLUMNS, *_FURTHER[:further]))

    def with_room_for(self, given: Sequence[Line]) -> Self:
        """Return this header with the columns, appended last, that these lines need."""
        missing = [name for name in self.for_lines(given)._places if name not in self._places]
        return type(self)((*self.cells, *missing))

    def encoded(self) -> bytes:
        """Return the beginning of a file."""
        return results.BOM + results.encode([self.cells])

    def encode(self, given: Sequence[Line]) -> bytes:
        """Return lines as they are in a file with this header, which has room for them."""
        return results.encode([self._cells_of(line) for line in given])

    def _cells_of(self, line: Line) -> list[str]:
        texts = (results.guard(_to_cell(text)) for text in line.row[:3])
        cells = [line.time, *texts, line.word, results.guard(line.note)]
        cells += [""] * (len(self.cells) - len(COLUMNS))
        for name, cell in ((CHANGE, line.row.change), (AFTER, line.after)):
            if name in self._places:
                cells[self._places[name]] = cell
        return cells

    def read(self, line: bytes) -> "Line | Header | None":
        """Return what a line of a file with this header says.

        Another header if it is one, and None if it is no record: truncated, or with an unknown word.
        """
        text = line.decode("utf-8", "backslashreplace").strip("\r\ufeff")
        cells = _cells(text, strict=self.has_change)
        if _is_header(cells):
            return Header(tuple(cells))
        if len(cells) < len(COLUMNS) or cells[4] not in _WORDS:
            return None
        change, after = self.cell(cells, CHANGE), self.cell(cells, AFTER) or ""
        if change is None or not SIGNATURE.fullmatch(change) or after.endswith(_VOID):
            return None
        time, name, first, second, word, note = cells[: len(COLUMNS)]
        row = key(Row(results.unguard(name), results.unguard(first), results.unguard(second), change))
        return Line(time, row, word, results.unguard(note), after)

    def cell(self, cells: list[str], name: str) -> str | None:
        """Return the cell of a further column; None if the line ends before it."""
        place = self._places.get(name)
        if place is None:
            return ""
        return cells[place] if len(cells) > place else None


def widened(data: bytes, header: Header) -> bytes:
    """Return a file with a header that has further columns at its end, which are empty in all lines.

    Lines that are no records, such as those of a later version, stay what they are.
    """
    known = Header.of(data)
    if known.has_change and not data.endswith(b"\n"):
        data += VOID
    found: list[list[str]] = []
    for line in data.split(b"\n")[1:]:
        cells = _cells(line.decode("utf-8", "backslashreplace").strip("\r\ufeff"))[: len(known.cells)]
        if not cells or _is_header(cells):
            continue
        # A line that was truncated stays short, and does not count.
        is_short = len(cells) < len(COLUMNS) or known.cell(cells, CHANGE) is None
        found.append(cells if is_short else [*cells, *[""] * (len(header.cells) - len(cells))])
    return header.encoded() + results.encode(found)


def is_file(data: bytes) -> bool:
    """Return whether data begins with the header, or is the beginning of a truncated header."""
    first = data.split(b"\n", 1)[0].rstrip(b"\r")
    return Header().encoded().startswith(first) or _is_header(_cells(first.decode("utf-8-sig", "replace")))


def key(row: Row) -> Row:
    """Return a row as it is read back from the file."""
    text = "".join(row)
    if text.isascii() and "\\" not in text:  # no cell has an escape, or needs one
        return row
    return Row(*map(_from_cell, row))


def check(row: Row) -> None:
    """Raise SettingsError if a name or digest is too long to be read back, or a signature is none."""
    longest, most = max(map(len, row)), csv.field_size_limit()
    if longest > most // 16:  # with escapes it may be too long
        longest = max(len(results.guard(_to_cell(text))) for text in row[:3])
    if longest > most:
        raise SettingsError(
            f"A name or digest of {longest:,} characters is longer than any that a file has: use the table "
            "that results.load() returned."
        )
    if not SIGNATURE.fullmatch(row.change):
        raise SettingsError(
            f"{row.change[:50]!r} is not the signature of a change: use one of results.load_changes()."
        )


def written() -> str:
    """Return the time as it is written: ISO 8601, with nine digits below the second, three of them random."""
    text = datetime.now().astimezone().isoformat(timespec="microseconds")
    return f"{text[:26]}{_random.randrange(1000):03}{text[26:]}"


def moment(time: str) -> int:
    """Return a time in µs since the epoch; 0 for none."""
    try:
        at = datetime.fromisoformat(time)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return 0
    is_time = _EPOCH.year <= at.year <= _LAST_YEAR
    return (at - _EPOCH) // timedelta(microseconds=1) if is_time else 0


def text_of(at: int) -> str:
    """Return a `moment` as a text, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds")


def _is_header(cells: Sequence[str]) -> bool:
    return tuple(cells[: len(COLUMNS)]) == COLUMNS


def _cells(line: str, *, strict: bool = False) -> list[str]:
    try:
        return next(csv.reader([line], strict=strict), [])
    except csv.Error:
        return []


def _to_cell(name: str) -> str:
    """Return a name without line breaks, in the escapes that `pairs.from_text` knows."""
    if not re.search(r"[\0\r\n]", name):
        return name
    text = re.sub(r"\\", r"\\\\", pairs.from_text(name))
    text = re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)
    return re.sub("[\0\r\n\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _from_cell(cell: str) -> str:
    return pairs.to_text(pairs.from_text(cell))
