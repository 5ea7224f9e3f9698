"""Surplus bytes after a JPEG's coded data: padding, or a sign of damage.

If a decoder needs fewer bytes than there are, the rest is either padding that a camera or scanner wrote, or
the remainder of a picture whose codes are damaged. Padding is short, or all its bytes are equal. Also,
encoders pad the last byte of coded data with bits that are 1. So in an intact picture the unused bits of the
last byte that the decoder needs are all 1; if the decoder has lost its place, they can be anything. One or
two in a hundred of the damaged files with surplus bytes pass as padded; they still get a warning.

This module does not decode: the decoder is an argument. Source: ITU-T T.81 (1992), F.1.2.3.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Repair = tuple[int, int, bytes]
"""Start and end of a range of the file's bytes, and what the decoder gets instead of them."""

Scan = tuple[int, int]
"""Where a scan's coded data begin and end."""

Samples = NDArray[np.uint8]
_END = b"\xff\xd9"
_AHEAD = 16  # bytes that a decoder may have read ahead without using them
_SHORT = 8  # bytes of any value that pass as padding; damage mostly leaves more
_LINE = 16  # bytes of text that pass as padding
_TEXT = bytes(range(32, 127)) + b"\t\r\n"
NOISES = b"\x5a\x33" * 8, b"\xa5\xcc" * 8
"""Two fillings that decode to different codes, for a decoder that needs more bytes than there are."""

_COMPLAINT = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


class DamageError(ValueError):
    """The surplus bytes are not padding."""


def repaired(data: bytes, repairs: Iterable[Repair]) -> bytes:
    """Return the file as the decoder gets it; without repairs, the file itself."""
    pieces: list[bytes] = []
    at = 0
    for start, stop, instead in sorted(repairs):
        pieces += [data[at:start], instead]
        at = stop
    return b"".join([*pieces, data[at:]]) if pieces else data


def complained(message: str) -> int:
    """Read the number of surplus bytes from a decoder's message; 0 if it is about another fault."""
    found = _COMPLAINT.search(message)
    return int(found[1]) if found else 0


@dataclass
class Ends:
    """Finds where the coded data of each scan of a file really end.

    Attributes
    ----------
    data : bytes
    scans : tuple of Scan
    decode : callable
        Decodes bytes; raises ValueError for every objection.
    repairs : list of Repair
        Repairs needed in any case; `settle` adds the removal of surplus bytes.
    blocks : Repair
        Rounds the size of the frame up to whole blocks, so that everything coded can be seen.
    silent : bool
        Whether the decoder never objects, so that only its pixels show damage.
    found : int
        Surplus bytes removed so far.
    """

    data: bytes
    scans: tuple[Scan, ...]
    decode: Callable[[bytes], Samples]
    repairs: list[Repair]
    blocks: Repair
    silent: bool = False
    found: int = 0
    _shown: Samples | None = None

    def all(self) -> bytes:
        """Return the file after all repairs."""
        return repaired(self.data, self.repairs)

    def objection(self, scan: int) -> str:
        """Return what the decoder objects to in the file up to the end of a scan; empty if nothing."""
        try:
            self.decode(self._up_to(scan))
        except ValueError as error:
            return str(error)
        return ""

    def is_enough(self, scan: int, cut: int) -> bool:
        """Whether the decoder can do without the last ``cut`` bytes of a scan."""
        start, stop = self.scans[scan]
        if cut >= stop - start:
            return False
        if self.silent:
            return self.is_shown_alike(*([(stop - cut, stop, noise)] for noise in NOISES))
        try:
            self.decode(self._up_to(scan, cut))
        except ValueError:
            return False
        return True

    def is_shown_alike(self, *changes: list[Repair]) -> bool:
        """Whether the picture stays the same with each of these changes to its coded data."""
        if self._shown is None:
            self._shown = self.decode(repaired(self.data, [*self.repairs, self.blocks]))
        return all(
            np.array_equal(self.decode(repaired(self.data, [*self.repairs, self.blocks, *more])), self._shown)
            for more in changes
        )

    def settle(self, scan: int, least: int) -> None:
        """Remove the surplus bytes of a scan, of which there are at least ``least``.

        Raises
        ------
        DamageError
            If they may be the rest of a damaged picture.
        """
        low, high = least, least + _AHEAD
        while high - low > 1:
            middle = (low + high) // 2
            if self.is_enough(scan, middle):
                low = middle
            else:
                high = middle
        if high == least + _AHEAD or not self._is_padding(scan, low):
            raise DamageError
        self.take(scan, low)

    def take(self, scan: int, count: int) -> None:
        """Remove ``count`` bytes from the end of a scan."""
        stop = self.scans[scan][1]
        self.repairs.append((stop - count, stop, b""))
        self.found += count

    def _is_padding(self, scan: int, cut: int) -> bool:
        stop = self.scans[scan][1]
        surplus = self.data[stop - cut : stop].replace(b"\xff\0", b"\xff")
        if not surplus.strip(b"\0") or not surplus.strip(b"\xff"):
            return True  # damage hardly ever leaves only zeros or only FF
        alike = not surplus.strip(surplus[:1])
        if not alike and len(surplus) > (_SHORT if surplus.strip(_TEXT) else _LINE):
            return False
        return self.silent or self._is_filled(scan, cut)

    def _is_filled(self, scan: int, cut: int) -> bool:
        """Whether all unused bits of the last byte are 1.

        If they are, the lowest bit that is 0 is part of a code, so setting it changes the picture.
        """
        stop = self.scans[scan][1] - cut
        byte = self.data[stop - 1]
        if byte == 0xFF or self.data[stop - 2 : stop] == b"\xff\0":
            return True
        turned = byte | byte + 1
        instead = bytes((turned,)) if turned != 0xFF else b"\xff\0"
        try:
            plain = self.decode(self._up_to(scan, cut, blocks=True))
            return not np.array_equal(self.decode(self._up_to(scan, cut + 1, instead, blocks=True)), plain)
        except ValueError:
            return True

    def _up_to(self, scan: int, cut: int = 0, more: bytes = b"", *, blocks: bool = False) -> bytes:
        """Return the file up to the end of a scan without its last ``cut`` bytes, and ``more`` after that."""
        stop = self.scans[scan][1] - cut
        kept = [repair for repair in self.repairs if repair[1] <= stop]
        if blocks:
            kept.append(self.blocks)
        return repaired(self.data, [*kept, (stop, len(self.data), more + _END)])
