"""The container of a PNG file: every chunk is visited once, and no pixel is inflated.

Chunks that the picture needs (IHDR, PLTE, IDAT, IEND, tRNS) have to be intact, or the file is refused.
Other chunks that are damaged, duplicated, misplaced or malformed are skipped, as other programs do, and
reported in `Header.warnings`. A file that other programs show differently is refused.

Source: Portable Network Graphics (PNG) Specification, W3C.
"""

import struct
import zlib
from array import array
from dataclasses import dataclass, field
from typing import NoReturn

from isal.isal_zlib import crc32

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, check_size, exif, metadata

SIGNATURE = b"\x89PNG\r\n\x1a\n"
WIDEST = 1_000_000  # px, the largest side that libpng accepts
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: first column, first row, column step, row step of each pass.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_METADATA = {
    b"gAMA": "gamma",
    b"iCCP": "colour profile",
    b"sRGB": "colour profile",
    b"cHRM": "colour profile",
    b"cICP": "colour profile",
    b"pHYs": "density",
    b"eXIf": "orientation",
}
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4, b"tIME": 7}
_ONCE = {*_METADATA, b"tIME", b"bKGD", b"hIST", b"sBIT", b"mDCV", b"cLLI", b"oFFs", b"sTER"}
_BEFORE_PIXELS = {b"gAMA", b"iCCP", b"sRGB", b"cHRM", b"cICP", b"pHYs", b"sBIT", b"bKGD", b"hIST", b"sPLT"}
_HEAD = struct.Struct(">I4s")
_LARGEST_PROFILE = 1 << 24  # bytes; more would be a decompression bomb
_MOST_DAMAGED = 10_000  # damaged chunks that are skipped before the file is refused
_NAMED = 5  # kinds of chunks named in one warning
_DAMAGED = {
    b"IHDR": "its header is damaged",
    b"PLTE": "its palette is damaged",
    b"IDAT": "its pixel data are damaged",
    b"IEND": "its end mark is damaged, though other programs show the picture",
}
_FIRST = "its header (IHDR) is not its first chunk, or there are two"
_DISAGREE = "which other programs show differently"
_SKIP = "which other programs skip"
_REPEATED = "has chunks more than once that may occur only once, of which the first counts"


@dataclass(frozen=True)
class PngHeader(Header):
    """A `Header` with what decoding needs.

    Attributes
    ----------
    colour_type : int
        0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA.
    interlaced : bool
    palette : bytes
        RGB triples, empty without one.
    transparency : bytes
        The tRNS chunk in colour types that use it (0, 2, 3), else empty.
    pixel_data : array of int
        Positions of the compressed data in the file: start and end of each IDAT that is not empty, in turn.
    interrupted : bool
        Whether other chunks interrupt the IDATs. Those after the interruption are not in ``pixel_data``.
    """

    colour_type: int = 0
    interlaced: bool = False
    palette: bytes = b""
    transparency: bytes = b""
    pixel_data: "array[int]" = field(default_factory=lambda: array("I"))
    interrupted: bool = False

    @property
    def stride(self) -> int:
        """Bytes of one full row without its filter byte."""
        return self.stride_of(self.width)

    @property
    def pixel_size(self) -> int:
        """Distance in bytes that the filters look back: one pixel, at least 1."""
        return max(1, CHANNELS[self.colour_type] * self.depth // 8)

    def stride_of(self, columns: int) -> int:
        """Return the bytes of a row of so many pixels, without its filter byte."""
        return (columns * CHANNELS[self.colour_type] * self.depth + 7) // 8

    def pass_sizes(self) -> list[tuple[int, int]]:
        """Return columns and rows of each pass; a pass without columns has no rows either."""
        if not self.interlaced:
            return [(self.width, self.height)]
        sizes = []
        for left, top, across, down in PASSES:
            columns = max(0, -(-(self.width - left) // across))
            rows = max(0, -(-(self.height - top) // down))
            sizes.append((columns, rows) if columns and rows else (0, 0))
        return sizes


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> PngHeader:
    """Walk the chunks once and check their order, lengths, CRCs, IEND and frames; decode no pixels.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` or ``unsupported``.
    """
    walk = _Walk(data, max_pixels)
    at = len(SIGNATURE)
    while not walk.ended:
        at = walk.chunk(at)
    return walk.header(at)


class _Walk:
    """What the chunks walked so far say."""

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self.data, self.view, self.max_pixels = data, memoryview(data), max_pixels
        self.ihdr: tuple[int, int, int, int, bool] | None = None
        self.palette = self.transparency = b""
        self.pixel_data: array[int] = array("I" if len(data) < 1 << 32 else "Q")
        self.pixels = self.pixels_ended = self.interrupted = self.ended = False
        self.settings: dict[str, list[str]] = {}
        self.seen: set[bytes] = set()
        self.odd: dict[str, list[bytes]] = {}
        self.remarks: list[str] = []
        self.damaged = 0
        self.frames: int | None = None
        self.first_frame: bool | None = None
        self.frame_parts: set[bytes] = set()

    def chunk(self, at: int) -> int:
        """Read the chunk that begins at byte ``at``, and return where the next one begins."""
        if len(self.data) < at + 12:
            raise ImageError("truncated", "the file is cut off: it ends before its end mark (IEND)")
        length: int
        kind: bytes
        length, kind = _HEAD.unpack_from(self.data, at)
        if kind == b"IDAT":
            return self._pixel_data(at)
        start, end = at + 8, at + 8 + length
        if not kind.isalpha() or length >= 1 << 31:
            raise ImageError("corrupt", f"it is damaged: no valid chunk begins at byte {at}")
        if len(self.data) < end + 4:
            raise ImageError("truncated", f"the file is cut off inside its {kind.decode()} chunk")
        sound = self._is_sound(at, end)
        self.pixels_ended = self.pixels
        if not sound and (not kind[0] & 0x20 or (kind == b"tRNS" and self._transparency_counts())):
            self._refuse_damaged(kind, at)
        if kind == b"CgBI":
            raise ImageError("unsupported", "it is an Apple-only variant of PNG (CgBI)")
        if (kind == b"IHDR") != (self.ihdr is None):
            raise ImageError("corrupt", _FIRST)
        if kind == b"IHDR":
            self._ihdr(start, end)
        elif kind == b"PLTE":
            self._palette(self.data[start:end])
        elif kind == b"IEND":
            self.ended = True
            if length:
                self._remark("has bytes inside its end mark (IEND)")
        elif kind[0] & 0x20:
            self._ancillary(kind, start, end, sound)
        else:
            raise ImageError("unsupported", f"it needs an unknown critical chunk ({kind.decode()})")
        return end + 4

    def header(self, end: int) -> PngHeader:
        """Return the header of a file whose last chunk ends at byte ``end``."""
        assert self.ihdr is not None
        width, height, depth, colour_type, interlaced = self.ihdr
        if not self.pixels:
            raise ImageError("corrupt", "it has no pixel data (IDAT)")
        if colour_type == 3 and not self.palette:
            raise ImageError("corrupt", "its palette (PLTE) is missing")
        if colour_type == 3 and len(self.palette) > 3 << depth:
            self._remark(f"has more colours in its palette than {depth} bits can number")
        transparency = self._checked_transparency()
        self._check_frames()
        found = tuple(sorted((name, "; ".join(sorted(texts))) for name, texts in self.settings.items()))
        return PngHeader(
            format="PNG",
            width=width,
            height=height,
            depth=depth,
            metadata=found,
            trailing=len(self.data) - end,
            warnings=self._warnings(),
            colour_type=colour_type,
            interlaced=interlaced,
            palette=self.palette,
            transparency=transparency,
            pixel_data=self.pixel_data,
            interrupted=self.interrupted,
        )

    def _is_sound(self, at: int, end: int) -> bool:
        return bool(crc32(self.view[at + 4 : end]).to_bytes(4, "big") == self.data[end : end + 4])

    def _refuse_damaged(self, kind: bytes, at: int) -> NoReturn:
        what = f"the checksum of its {kind.decode()} chunk at byte {at} is wrong"
        if kind == b"tRNS":
            reason = f"its transparency is damaged ({what}); other programs show it without, or not at all"
        else:
            reason = f"{_DAMAGED.get(kind, 'it is damaged')} ({what})"
        raise ImageError("corrupt", reason, None, "Save it again as PNG." if kind == b"IEND" else None)

    def _pixel_data(self, at: int) -> int:
        """Read one IDAT and all that directly follow it, in one loop because there may be millions."""
        if self.ihdr is None:
            raise ImageError("corrupt", _FIRST)
        data, view, size = self.data, self.view, len(self.data)
        unpack, append = _HEAD.unpack_from, self.pixel_data.append
        self.pixels = True
        if self.pixels_ended:
            self.interrupted = True
        while at + 12 <= size:
            length, kind = unpack(data, at)
            start, end = at + 8, at + 8 + length
            if kind != b"IDAT":
                break
            if length >= 1 << 31:
                raise ImageError("corrupt", f"it is damaged: no valid chunk begins at byte {at}")
            if size < end + 4:
                raise ImageError("truncated", "the file is cut off inside its pixel data (IDAT)")
            if crc32(view[at + 4 : end]).to_bytes(4, "big") != data[end : end + 4]:
                self._refuse_damaged(kind, at)
            if length and not self.interrupted:
                append(start)
                append(end)
            at = end + 4
        return at

    def _ihdr(self, start: int, end: int) -> None:
        self.ihdr = _read_ihdr(self.data[start:end])
        width, height = self.ihdr[:2]
        check_size(width, height, self.max_pixels)
        if width > WIDEST:
            raise ImageError("unsupported", f"it is {width} px wide, more than {WIDEST}", (width, height))

    def _palette(self, body: bytes) -> None:
        assert self.ihdr is not None
        needed = self.ihdr[3] == 3
        if self.palette or not 3 <= len(body) <= 768 or (needed and (self.pixels or len(body) % 3)):
            raise ImageError("corrupt", "its palette (PLTE) is misplaced, repeated or has a wrong length")
        if needed and self.transparency:
            raise ImageError("corrupt", f"its transparency (tRNS) comes before its palette, {_DISAGREE}")
        if not needed and (self.pixels or len(body) % 3):
            self._remark("has a palette (PLTE) that is misplaced or malformed, which it does not need")
        elif self.ihdr[3] in (0, 4):
            self._remark("has a palette (PLTE), which a gray picture does not need")
        self.palette = body

    def _ancillary(self, kind: bytes, start: int, end: int, sound: bool) -> None:
        if not sound:
            self.damaged += 1
            if self.damaged > _MOST_DAMAGED:
                reason = f"it is damaged: more than {_MOST_DAMAGED} of its chunks have a wrong checksum"
                raise ImageError("corrupt", reason, self.ihdr and self.ihdr[:2])
            self._note(f"has chunks with a wrong checksum, {_SKIP}", kind)
        elif kind == b"tRNS":
            self._transparency(self.data[start:end])
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            self._frame_part(kind, self.data[start:end])
        elif kind in self.seen and kind in _ONCE:
            self._note(_REPEATED, kind)
        elif end - start != _LENGTHS.get(kind, end - start):
            self._note(f"has chunks of a wrong length, {_SKIP}", kind)
        elif self.pixels and kind in _BEFORE_PIXELS:
            self._note(f"has chunks after its pixels that belong before them, {_SKIP}", kind)
        elif kind in _METADATA:
            setting = _setting(kind, self.data[start:end])
            self.seen.add(kind)
            if setting is not None:
                self.settings.setdefault(_METADATA[kind], []).append(setting)
        elif kind in _ONCE:
            self.seen.add(kind)
        elif kind[2] & 0x20:
            self._note("has chunks of an invalid kind, which some programs refuse", kind)

    def _transparency_counts(self) -> bool:
        return self.ihdr is not None and self.ihdr[3] in (0, 2, 3)

    def _transparency(self, body: bytes) -> None:
        if not self._transparency_counts():
            self._remark("has transparency (tRNS) beside an alpha channel; only the alpha channel counts")
        elif not body:
            self._remark("has transparency (tRNS) without a value")
        elif self.transparency == body:
            self._note(_REPEATED, b"tRNS")
        elif self.transparency or self.pixels:
            reason = f"its transparency (tRNS) is misplaced or there are two, {_DISAGREE}"
            raise ImageError("corrupt", reason)
        else:
            self.transparency = body

    def _checked_transparency(self) -> bytes:
        assert self.ihdr is not None
        found, colour_type = self.transparency, self.ihdr[3]
        fits = {0: len(found) == 2, 2: len(found) == 6, 3: len(found) <= len(self.palette) // 3}
        if found and not fits.get(colour_type, True):
            raise ImageError("corrupt", f"its transparency (tRNS) has a wrong length, {_DISAGREE}")
        return found

    def _frame_part(self, kind: bytes, body: bytes) -> None:
        """Read a chunk of an animation: the number of frames, and whether the picture is the first."""
        assert self.ihdr is not None
        if kind == b"acTL" and not self.pixels and self.frames is None:
            if len(body) != 8:
                raise ImageError("corrupt", "its mark of an animation (acTL) has a wrong length")
            self.frames = struct.unpack(">I4x", body)[0]
        elif kind == b"fcTL" and not self.pixels and self.first_frame is None:
            whole = struct.pack(">IIIII", 0, *self.ihdr[:2], 0, 0)
            self.first_frame = len(body) == 26 and body[:20] == whole
        else:
            self.frame_parts.add(kind)

    def _check_frames(self) -> None:
        """Refuse animations, except one whose only frame is the picture."""
        if self.frames is None:
            if self.frame_parts or self.first_frame is not None:
                self._remark("has parts of an animation but is not one, which some programs refuse")
        elif self.frames != 1 or b"fdAT" in self.frame_parts:
            raise ImageError("animated", "it is an animated PNG")
        elif not self.first_frame:
            reason = "it is an animated PNG whose only frame is not its picture"
            raise ImageError("animated", f"{reason}, {_DISAGREE}")
        elif self.frame_parts:
            self._remark("has parts of an animation more than once")

    def _remark(self, clause: str) -> None:
        if clause not in self.remarks:
            self.remarks.append(clause)

    def _note(self, clause: str, kind: bytes) -> None:
        """Note an oddity of a chunk; its kinds are named together in one warning."""
        kinds = self.odd.setdefault(clause, [])
        if kind not in kinds and len(kinds) <= _NAMED:
            kinds.append(kind)

    def _warnings(self) -> tuple[str, ...]:
        if self.interrupted:
            self._remark(f"has more pixel data (IDAT) after other chunks, {_SKIP}")
        named = []
        for clause, kinds in self.odd.items():
            names = [kind.decode() for kind in kinds[:_NAMED]] + ["others"] * (len(kinds) > _NAMED)
            named.append(f"{clause} ({', '.join(names)})")
        return (*named, *self.remarks)


def _read_ihdr(body: bytes) -> tuple[int, int, int, int, bool]:
    if len(body) != 13:
        raise ImageError("corrupt", "its header (IHDR) has a wrong length")
    width, height, depth, colour_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise ImageError("corrupt", f"its header gives an impossible size, {width} x {height} px")
    if depth not in _DEPTHS.get(colour_type, ()) or compression or filtering or interlace > 1:
        raise ImageError("corrupt", "its header (IHDR) names a kind of picture that does not exist")
    return width, height, depth, colour_type, bool(interlace)


def _setting(kind: bytes, body: bytes) -> str | None:
    """Describe the setting in a chunk of metadata; None if there is none, or it is unreadable."""
    if kind == b"eXIf":
        turned = exif.orientation(body)
        return None if turned is None else str(turned)
    if kind == b"pHYs":
        across, down, unit = struct.unpack(">IIB", body)
        return metadata.density(across, down, metadata.METRE if unit == 1 else None)
    if kind == b"iCCP":
        packed = body.partition(b"\0")[2][1:]
        try:
            return metadata.profile(zlib.decompressobj().decompress(packed, _LARGEST_PROFILE))
        except zlib.error:
            return metadata.profile(packed)
    return f"{kind.decode()} {body.hex()}"
