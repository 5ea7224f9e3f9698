"""JPEG: the segments are walked from the first to the end marker; libjpeg-turbo (simplejpeg) decodes.

Accepted are the three kinds that cameras, browsers and screenshot tools write, with 8 bits: baseline,
extended and progressive Huffman coding, as gray, YCbCr or RGB. Everything else is refused, because decoders
differ on it. The decoder tolerates damage and only warns; its warnings are errors here.

Oddities that every program shows alike are not damage: stray bytes, a comment of an impossible length, a
colour profile whose parts do not fit. They are reported as warnings and removed from the bytes that the
decoder gets (`JpegHeader.repairs`), so that every warning it still gives is about the picture.

Damage that leaves a valid stream of codes cannot be detected, because JPEG has no checksums. If more
pictures follow in the file (MPO, gain maps), the first one is compared and the others are metadata.

Source: ITU-T T.81 (1992), annex B; JFIF 1.02; ICC.1:2010, annex B.4; CIPA DC-007 (MPO); Adobe Technical
Note 5116 for APP14.
"""

import functools
import hashlib
import re
import struct
from dataclasses import dataclass, field

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from mymodules.errors import ImageError
from mymodules.formats import NO_LIMIT, Header, Remark, check_size, exif, ignore, metadata
from mymodules.formats.jpeg_surplus import NOISES, DamageError, Ends, Repair, Scan, complained

_SOI, _EOI, _SOS, _COM, _APP0, _APP1, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE
_DECODABLE = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
_PROGRESSIVE = 0xC2
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_UNNEEDED = {*range(0xE0, 0xF0), _COM}  # segments that do not affect the pixels
# Pictures have about 10 scans; files made to keep a decoder busy have hundreds. libjpeg-turbo takes about a
# second for this many pixels, counted once for each scan.
_USUAL_SCANS, _MOST_SCANS, _SCANNED_PIXELS = 64, 500, 4_000_000_000
_MOST_SEGMENTS = 100_000
_FILL_AT_ONCE = 1 << 16  # bytes searched at a time
_LARGEST = 65500  # px, the largest side that libjpeg reads
_SMALL = 250_000  # pixels, counted once for each scan, that are cheap to decode twice
_MOST_SETTLED = 4_000_000  # pixels, counted once for each scan, for which more than one end is searched
_LEFT_OVER = "its pixel data are damaged: some of them are left over when the picture is complete"
_FILL = re.compile(rb"\xff+")
_STRAY = re.compile(rb"\xff+[\x01-\xfe]")
# Within coded data: FF 00 is a data byte, FF D0 to FF D7 restart it, FF FF is fill.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


@dataclass(frozen=True)
class JpegHeader(Header):
    """A `Header` with what decoding needs.

    Attributes
    ----------
    components : int
        Colour components: 1 or 3.
    repairs : tuple of Repair
        Changes that keep oddities outside the picture from the decoder, in the order of the file.
    scans : tuple of Scan
        Where each scan's coded data begin and end, without fill bytes.
    blocks : Repair
        The change that rounds the size in the frame header up to whole blocks.
    """

    components: int = 3
    repairs: tuple[Repair, ...] = ()
    scans: tuple[Scan, ...] = ()
    blocks: Repair = (0, 0, b"")


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> JpegHeader:
    """Walk the segments, coded data included, up to the end marker.

    Metadata: the EXIF orientation, the ICC profile joined from its segments, JFIF's density
    unless it only says that pixels are square, and pictures that follow the first one.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``too_costly`` or ``unsupported``.
    """
    found = _Found(data, max_pixels)
    at = 2
    for _ in range(_MOST_SEGMENTS):
        start, code, at = found.next_marker(at)
        if code == _EOI:
            break
        if code in _STANDALONE:
            found.interrupted = bool(found.scans)
            continue
        if code == _SOI:
            raise ImageError("corrupt", f"a second picture begins inside it, at byte {start}")
        at = found.segment(start, code, at)
    else:
        raise ImageError("too_costly", f"it has more than {_MOST_SEGMENTS:,} segments")
    if not found.frame or not found.scans:
        raise ImageError("corrupt", "it has no picture between its start and its end mark")
    width, height, components = found.frame
    rest = data[at:]
    further = _further(rest)
    if further:
        found.odd.append("is followed by further pictures in its file, which are not compared")
    return JpegHeader(
        format="JPEG",
        width=width,
        height=height,
        depth=8,
        metadata=metadata.collect(
            orientation=found.orientation,
            profile=found.profile(),
            density=found.density,
            further=further,
        ),
        trailing=len(rest),
        warnings=found.warnings(),
        components=components,
        repairs=tuple(sorted(found.repairs)),
        scans=tuple(found.scans),
        blocks=found.blocks(),
    )


def decode(data: bytes, header: JpegHeader, remark: Remark = ignore) -> NDArray[np.uint8]:
    """Decode a file that `inspect` accepted: uint8 (height, width, 1 or 3), gray or RGB.

    Raises
    ------
    ImageError
        ``corrupt`` or ``truncated`` for every error and warning of the decoder; ``too_costly``.
    """
    kind = "GRAY" if header.components == 1 else "RGB"
    strictly = functools.partial(simplejpeg.decode_jpeg, colorspace=kind, strict=True)
    ends = Ends(data, header.scans, strictly, list(header.repairs), header.blocks)
    try:
        samples = _by_turbo(ends, header, remark)
    except DamageError:
        raise ImageError("corrupt", _LEFT_OVER) from None
    except ValueError as error:
        raise _damage(str(error)) from None
    if samples.shape != (header.height, header.width, header.components):
        raise ImageError("corrupt", "its pixel data do not have the size that its header says")
    if ends.found:
        remark(f"has {_stray_bytes(ends.found)} after its pixel data, which other programs skip")
    return samples


def _by_turbo(ends: Ends, header: JpegHeader, remark: Remark) -> NDArray[np.uint8]:
    """Decode strictly, or as strictly as a rare sampling allows; raise ValueError for damage."""
    try:
        samples: NDArray[np.uint8] = ends.decode(ends.all())
    except ValueError as error:
        if "subsampling" in str(error):
            return _rarely_sampled(ends, header)
        if "extraneous" not in str(error):
            raise
        return _settled(ends, header, str(error))
    if remark is not ignore:
        _look_behind(ends, header, remark)
    return samples


def _look_behind(ends: Ends, header: JpegHeader, remark: Remark) -> None:
    """Find a few surplus bytes after coded data, which the decoder does not report if it has read ahead.

    This takes one more decoding for each scan, so it is done only for small pictures, and for a last scan
    whose last byte does not end like coded data in most files, padded with bits that are 1.
    """
    last = len(header.scans) - 1
    small = header.width * header.height * len(header.scans) <= _SMALL
    for scan in range(len(header.scans)) if small else (last,):
        stop = header.scans[scan][1]
        filled = ends.data[stop - 1] & 1 or ends.data[stop - 2 : stop] == b"\xff\0"
        if (small or not filled) and ends.is_enough(scan, 1):
            try:
                ends.settle(scan, 1)
            except DamageError:  # which the decoder did not notice
                remark("has a few surplus bytes after its pixel data, as damage would leave them")


def _settled(ends: Ends, header: JpegHeader, message: str) -> NDArray[np.uint8]:
    """Decode a file without the surplus bytes that the decoder has complained about."""
    for found in range(len(header.scans)):
        if found and found * header.width * header.height > _MOST_SETTLED:
            raise ImageError("too_costly", "it has stray bytes after more than one of its scans")
        scan, objection = _first_objection(ends, message)
        count = complained(objection)
        if not count:
            raise ValueError(objection)
        ends.settle(scan, count)
        try:
            samples: NDArray[np.uint8] = ends.decode(ends.all())
        except ValueError as error:
            message = str(error)
        else:
            return samples
    raise ValueError(message)


def _first_objection(ends: Ends, message: str) -> tuple[int, str]:
    """Find the first scan to whose end the decoder objects, and its objection.

    ``message`` is what it says about the whole file.
    """
    first, last = 0, len(ends.scans) - 1
    found = message if complained(message) else ""
    while first < last:
        middle = (first + last) // 2
        objection = ends.objection(middle)
        if objection:
            last, found = middle, objection
        else:
            first = middle + 1
    return first, found or ends.objection(first)


@dataclass
class _Found:
    """What the segments walked so far say."""

    data: bytes
    max_pixels: int
    frame: tuple[int, int, int] | None = None
    kind: int = 0
    orientation: int | None = None
    density: str | None = None
    jfif: bool = False
    adobe: Repair | None = None
    strays: int = 0
    interrupted: bool = False  # by a marker without a segment, after coded data
    odd: list[str] = field(default_factory=list)
    parts: list[tuple[int, int, bytes]] = field(default_factory=list)
    parts_at: list[tuple[int, int]] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    frame_at: int = 0
    unit: tuple[int, int] = (1, 1)

    def next_marker(self, at: int) -> tuple[int, int, int]:
        """Find the next marker: its beginning, code and end. Fill bytes (FF) may precede it."""
        data = self.data
        fill = _FILL.match(data, at)
        end = fill.end() if fill else at
        if end >= len(data):
            raise ImageError("truncated", "it is cut off before its end mark")
        if fill and data[end]:
            return at, data[end], end + 1
        if at == 2 and data[2] != 0xFF:  # some programs do not recognise this as a JPEG
            raise ImageError("corrupt", "its start mark is followed by stray bytes")
        if self.interrupted:  # these are coded data, not stray bytes
            raise ImageError("corrupt", "its pixel data are damaged")
        stray = _STRAY.search(data, end)
        if stray is None:
            raise ImageError("truncated", "it is cut off before its end mark")
        self.strays += stray.start() - at
        self.repairs.append((at, stray.start(), b""))
        return stray.start(), data[stray.end() - 1], stray.end()

    def segment(self, start: int, code: int, at: int) -> int:
        """Read a marker's segment, with any coded data that follow; return where it ends."""
        data, self.interrupted = self.data, False
        length = int.from_bytes(data[at : at + 2], "big")
        if len(data) < at + max(2, length):
            raise ImageError("truncated", "it is cut off inside one of its headers")
        if length < 2:
            if code not in _UNNEEDED:
                raise ImageError("corrupt", f"the header at byte {start} has an impossible length")
            what = "a comment" if code == _COM else "an application's segment"
            self._name(f"has {what} of an impossible length, which other programs skip")
            self.repairs.append((start, at + 2, b""))
            return at + 2
        body, end = data[at + 2 : at + length], at + length
        if code in _FRAMES:
            if self.frame:
                raise ImageError("corrupt", "it has two frame headers")
            self.frame, self.kind, self.frame_at = _read_frame(code, body), code, at + 3
            if self.frame[2] > 1:
                factors = body[7::3]
                self.unit = max(each >> 4 for each in factors), max(each & 15 for each in factors)
            check_size(*self.frame[:2], self.max_pixels)
        elif code == _SOS:
            return self._scan(at, body, end)
        else:
            self._application(code, body, start, at + 2)
        return end

    def _scan(self, at: int, body: bytes, end: int) -> int:
        if not self.frame:
            raise ImageError("corrupt", "its pixel data come before its size")
        found = _MARKER.search(self.data, end)
        if not found:
            raise ImageError("truncated", "it is cut off in the middle of its pixel data")
        stop = self._without_fill(end, found.start())
        if stop == end:
            raise ImageError("corrupt", "its pixel data are damaged: some of them are missing")
        self.scans.append((end, stop))
        if body[:1] != bytes((self.frame[2],)):
            self.unit = 1, 1
        scans = len(self.scans)
        work = scans * self.frame[0] * self.frame[1]
        if scans > _MOST_SCANS or (scans > _USUAL_SCANS and work > _SCANNED_PIXELS):
            raise ImageError("too_costly", f"it paints its picture in {scans} scans or more", self.frame[:2])
        if self.kind != _PROGRESSIVE and body[-3:] != b"\0\x3f\0" and len(body) >= 6:
            self._name("gives limits of its scan that do not exist in its kind, which other programs ignore")
            self.repairs.append((end - 3, end, b"\0\x3f\0"))
        return stop

    def _without_fill(self, start: int, stop: int) -> int:
        """Return where coded data end: any number of FF may precede the marker that follows them."""
        while stop > start and self.data[stop - 1] == 0xFF:
            part = self.data[max(start, stop - _FILL_AT_ONCE) : stop]
            stop -= len(part) - len(part.rstrip(b"\xff"))
        return stop

    def _application(self, code: int, body: bytes, start: int, at: int) -> None:
        if code == _APP0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            self.jfif = self.jfif or len(body) >= 14
            self.density = self.density or _read_density(body)
            if body[5] != 1:
                self._name(
                    f"names a revision of JFIF that does not exist ({body[5]}), which other programs ignore"
                )
                self.repairs.append((at + 5, at + 6, b"\1"))
        elif code == _APP1 and body[:6] == b"Exif\0\0":
            self.orientation = self.orientation or exif.orientation(body[6:])
        elif code == _APP2 and body[:12] == b"ICC_PROFILE\0" and len(body) < 14:
            self._name("has a part of a colour profile without a number, which some programs refuse")
        elif code == _APP2 and body[:12] == b"ICC_PROFILE\0":
            self.parts.append((body[12], body[13], body[14:]))
            self.parts_at.append((start, at + len(body)))
        elif code == _APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            self.adobe = (at + 11, at + 12, b"\1") if body[11] > 1 else None

    def blocks(self) -> Repair:
        """Return the repair that rounds the size up to what is coded.

        That is whole groups of blocks if all scans hold all components, else whole blocks: a scan of one
        component holds no more, and would have too few for whole groups.
        """
        assert self.frame is not None
        width, height = (
            min(_LARGEST, -(-length // (8 * max(1, factor))) * 8 * max(1, factor))
            for length, factor in zip(self.frame[:2], self.unit, strict=True)
        )
        return self.frame_at, self.frame_at + 4, struct.pack(">HH", height, width)

    def profile(self) -> str | None:
        """Describe the colour profile; one whose parts do not fit never equals an intact one."""
        if not self.parts:
            return None
        parts = sorted(self.parts, key=lambda part: part[0])
        joined = b"".join(body for *_, body in parts)
        if joined and [part[:2] for part in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]:
            return metadata.profile(joined)
        numbers = ", ".join(f"{number} of {count}" for number, count, _ in self.parts[:3])
        more = ", ..." if len(self.parts) > 3 else ""
        self._name(f"has a colour profile whose parts do not fit together ({numbers}{more})")
        self.repairs += [(start, end, b"") for start, end in self.parts_at]
        stored = b"".join(bytes(part[:2]) + part[2] for part in self.parts)
        return f"in parts that do not fit together, {metadata.profile(stored)}"

    def warnings(self) -> tuple[str, ...]:
        """Return all warnings, including those that need the whole file."""
        if self.adobe and not self.jfif and self.frame and self.frame[2] == 3:
            self._name(
                "names a colour transform that three channels cannot have; all programs read it as YCbCr"
            )
            self.repairs.append(self.adobe)
        if self.strays:
            self._name(f"has {_stray_bytes(self.strays)} between its headers, which other programs skip")
        return tuple(self.odd)

    def _name(self, clause: str) -> None:
        if clause not in self.odd:
            self.odd.append(clause)


def _stray_bytes(count: int) -> str:
    return "1 stray byte" if count == 1 else f"{count:,} stray bytes"


def _further(rest: bytes) -> str | None:
    """Digest what follows the first picture, if it contains another one."""
    if b"\xff\xd8\xff" not in rest:
        return None
    return hashlib.blake2b(rest, digest_size=16).hexdigest()


def _rarely_sampled(ends: Ends, header: JpegHeader) -> NDArray[np.uint8]:
    """Decode by libjpeg-turbo's older interface, which supports every sampling but reports no damage.

    Damage is found from the pixels. If they change with the bytes after the coded data, some data are
    missing. If they stay the same when the last two bytes are replaced, some data are left over. Damage
    that leaves the number of codes unchanged goes unnoticed.
    """
    ends.decode, ends.silent = _by_libjpeg, True
    samples = _by_libjpeg(ends.all())
    places = [stop for _, stop in ends.scans]
    for start, stop in ends.scans:
        places += [start + found.start() for found in _RESTART.finditer(ends.data[start:stop])]
    if not ends.is_shown_alike(*([(place, place, noise) for place in places] for noise in NOISES)):
        raise ValueError("premature end of data segment")
    last = len(ends.scans) - 1
    if ends.is_enough(last, 2):
        if header.width * header.height > _MOST_SETTLED:
            raise ImageError("too_costly", "it has a rare sampling, and stray bytes after its pixel data")
        coded = ends.data[slice(*ends.scans[last])]
        alike = len(coded) - len(coded.rstrip(coded[-1:]))
        if alike > 2 and ends.is_enough(last, alike):
            ends.take(last, alike)
        else:
            ends.settle(last, 2)
    return samples


def _by_libjpeg(data: bytes) -> NDArray[np.uint8]:
    try:
        samples = np.asarray(imagecodecs.jpeg8_decode(data), np.uint8)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    return samples[..., None] if samples.ndim == 2 else samples


def _damage(message: str) -> ImageError:
    """Translate an objection of the decoder."""
    if "Premature end of JPEG file" in message:
        return ImageError("truncated", "its pixel data are cut off")
    if "extraneous" in message:
        return ImageError("corrupt", _LEFT_OVER)
    if "premature end of data" in message or "instead of RST" in message:
        return ImageError("corrupt", "its pixel data are damaged: some of them are missing")
    if "was not defined" in message or "table" in message:
        return ImageError("corrupt", "a table that its pixel data need is damaged or missing")
    return ImageError("corrupt", "its pixel data are damaged")


def _read_frame(code: int, body: bytes) -> tuple[int, int, int]:
    """Read width, height and number of components; refuse the kinds that are not decoded."""
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise ImageError("corrupt", "its frame header has a wrong length")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if code not in _DECODABLE:
        raise ImageError("unsupported", "it is a lossless, hierarchical or arithmetic-coded JPEG")
    if precision != 8:
        raise ImageError("unsupported", f"it is a JPEG of {precision} bits per sample; 8 can be compared")
    if components not in (1, 3):
        kind = "CMYK" if components == 4 else f"{components}-channel"
        raise ImageError("unsupported", f"it is a {kind} JPEG; gray and RGB can be compared")
    if width == 0:
        raise ImageError("corrupt", "its header says that it is 0 px wide")
    if height == 0:
        raise ImageError("unsupported", "it does not give its height before its pixel data (DNL)")
    return width, height, components


def _read_density(body: bytes) -> str | None:
    unit, x, y = struct.unpack_from(">BHH", body, 7)
    if unit == 2:
        return metadata.density(100 * x, 100 * y, metadata.METRE)
    return metadata.density(x, y, metadata.INCH if unit == 1 else None)
