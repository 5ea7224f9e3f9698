"""Bytes that stand behind a JPEG's coded data and belong to nothing, told apart from damage.

A decoder that needs fewer bytes than there are sees either padding that a camera or a scanner has left, or
the rest of a picture whose codes were damaged on the way. Padding is short, or all the same. And encoders
fill the last byte of coded data up with bits that are 1: where the picture is whole, what is left over of the
last byte that the decoder needs is such bits, and where it has lost its way it is any. Of the damages that
leave bytes over, one or two in a hundred pass for padding; the file is named then.

Nothing here decodes: the decoder is handed in. Source: ITU-T T.81 (1992), F.1.2.3.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Repair = tuple[int, int, bytes]
"""From which byte to which one of the file, and the bytes that stand there for the decoder."""

Scan = tuple[int, int]
"""Where a scan's coded data begin and end."""

Samples = NDArray[np.uint8]
_END = b"\xff\xd9"
_AHEAD = 16  # bytes that a decoder may have read and not used
_SHORT = 8  # bytes that may be any; damage mostly leaves more
_LINE = 16  # bytes of text
_TEXT = bytes(range(32, 127)) + b"\t\r\n"
NOISES = b"\x5a\x33" * 8, b"\xa5\xcc" * 8
"""Bytes that a decoder which needs some more does not take for the same codes."""

_COMPLAINT = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


class DamageError(ValueError):
    """What is left over is no padding."""


def repaired(data: bytes, repairs: Iterable[Repair]) -> bytes:
    """The file as the decoder gets it; the file itself where nothing is odd."""
    pieces: list[bytes] = []
    at = 0
    for start, stop, instead in sorted(repairs):
        pieces += [data[at:start], instead]
        at = stop
    return b"".join([*pieces, data[at:]]) if pieces else data


def complained(message: str) -> int:
    """How many bytes are left over before the end, by a decoder's message; 0 where it says another thing."""
    found = _COMPLAINT.search(message)
    return int(found[1]) if found else 0


@dataclass
class Ends:
    """Where the scans of one file end.

    Attributes
    ----------
    data : bytes
    scans : tuple of Scan
    decode : callable
        Decodes bytes; raises ValueError for whatever it objects to.
    repairs : list of Repair
        What the decoder needs anyway; `settle` adds what is left over.
    blocks : Repair
        The size of the frame in whole blocks, so that all that is coded can be seen.
    silent : bool
        The decoder objects to nothing: only its pixels tell.
    found : int
        Bytes that were left over.
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
        """The file after all repairs."""
        return repaired(self.data, self.repairs)

    def objection(self, scan: int) -> str:
        """What the decoder says to the file up to the end of a scan; nothing where it is content."""
        try:
            self.decode(self._up_to(scan))
        except ValueError as error:
            return str(error)
        return ""

    def is_enough(self, scan: int, cut: int) -> bool:
        """Whether the decoder does without the last ``cut`` bytes of a scan."""
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
        """Take away what is left over of a scan, which is ``least`` bytes or some more.

        Raises
        ------
        DamageError
            Where that may be the rest of a damaged picture.
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
        """Take so many bytes away from the end of a scan."""
        stop = self.scans[scan][1]
        self.repairs.append((stop - count, stop, b""))
        self.found += count

    def _is_padding(self, scan: int, cut: int) -> bool:
        stop = self.scans[scan][1]
        surplus = self.data[stop - cut : stop].replace(b"\xff\0", b"\xff")
        if not surplus.strip(b"\0") or not surplus.strip(b"\xff"):
            return True  # hardly ever what damage leaves
        alike = not surplus.strip(surplus[:1])
        if not alike and len(surplus) > (_SHORT if surplus.strip(_TEXT) else _LINE):
            return False
        return self.silent or self._is_filled(scan, cut)

    def _is_filled(self, scan: int, cut: int) -> bool:
        """Whether all bits that are left over of the last byte are 1.

        Then the lowest bit that is 0 is part of a code: turned into 1, it changes the picture.
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
        """The file to the end of a scan, less ``cut`` bytes of it, with others in their place."""
        stop = self.scans[scan][1] - cut
        kept = [repair for repair in self.repairs if repair[1] <= stop]
        if blocks:
            kept.append(self.blocks)
        return repaired(self.data, [*kept, (stop, len(self.data), more + _END)])
