"""Ways to break a file: its bytes at random, or its chunks, segments and directories according to the format.

`mutate` takes an intact `Case` and returns one with one to three changes. Checksums and lengths are repaired
after most changes of structure; otherwise readers would stop at the first wrong checksum.
"""

import dataclasses
import struct
import zlib
from collections.abc import Callable

from fuzzing.files import Case, Rng, pick
from support import containers, pngs

Change = Callable[[Rng, bytes], bytes]
EXTREMES = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)


def mutate(kind: str, rng: Rng, case: Case) -> Case:
    """Return the case with one to three changes."""
    data, changes = case.data, []
    structural = _STRUCTURAL[kind]
    for _ in range(int(pick(rng, (1, 1, 1, 2, 3)))):
        change: Change = pick(rng, structural if rng.random() < 0.65 else _PLAIN)
        changed = _attempted(change, rng, data)
        if changed != data:
            changes.append(change.__name__.strip("_"))
            data = changed
    name = f"{case.name}; {', '.join(changes)}" if changes else case.name
    return dataclasses.replace(
        case, name=name, data=data, base=case.data, truth=None if changes else case.truth
    )


def _attempted(change: Change, rng: Rng, data: bytes) -> bytes:
    """Apply a change; return the data unchanged if earlier changes left nothing to take apart."""
    try:
        return change(rng, data)
    except (struct.error, IndexError, ValueError, KeyError, OverflowError, zlib.error):
        return data


# Bytes


def _place(rng: Rng, data: bytes) -> int:
    """Choose a place in the file, more often near its beginning or end."""
    near = min(len(data), int(pick(rng, (64, 200, 1 << 30))))
    at = int(rng.integers(near)) if near else 0
    return len(data) - 1 - at if rng.random() < 0.2 else at


def flipped_bit(rng: Rng, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + bytes((data[at] ^ 1 << int(rng.integers(8)),)) + data[at + 1 :]


def other_byte(rng: Rng, data: bytes) -> bytes:
    at = _place(rng, data)
    return (
        data[:at]
        + bytes((int(pick(rng, (0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))))),))
        + data[at + 1 :]
    )


def extreme_number(rng: Rng, data: bytes) -> bytes:
    at, size = _place(rng, data), int(pick(rng, (2, 4)))
    value = int(pick(rng, EXTREMES)) & ((1 << 8 * size) - 1)
    return data[:at] + value.to_bytes(size, pick(rng, ("big", "little"))) + data[at + size :]


def off_by_one(rng: Rng, data: bytes) -> bytes:
    at, size, order = _place(rng, data), int(pick(rng, (1, 2, 4))), pick(rng, ("big", "little"))
    value = int.from_bytes(data[at : at + size], order) + int(pick(rng, (-1, 1)))
    return data[:at] + (value % (1 << 8 * size)).to_bytes(size, order) + data[at + size :]


def cut(rng: Rng, data: bytes) -> bytes:
    return data[: _place(rng, data)] if rng.random() < 0.5 else data[: -int(rng.integers(1, 20))]


def inserted(rng: Rng, data: bytes) -> bytes:
    at, length = _place(rng, data), int(rng.integers(1, 9))
    return data[:at] + pick(rng, (bytes(length), b"\xff" * length, rng.bytes(length))) + data[at:]


def removed(rng: Rng, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at + int(rng.integers(1, 9)) :]


def repeated(rng: Rng, data: bytes) -> bytes:
    at, length = _place(rng, data), int(rng.integers(1, 200))
    return data[: at + length] + data[at : at + length] + data[at + length :]


def overwritten(rng: Rng, data: bytes) -> bytes:
    at, source, length = _place(rng, data), _place(rng, data), int(rng.integers(1, 50))
    return (data[:at] + data[source : source + length] + data[at + length :])[: len(data)]


def prolonged(rng: Rng, data: bytes) -> bytes:
    return data + pick(rng, (b"\0", b"\n", bytes(100), b"\xff\xd9", rng.bytes(30), data))


_PLAIN: list[Change] = [
    flipped_bit, flipped_bit, other_byte, other_byte, extreme_number, off_by_one, cut, inserted, removed,
    repeated, overwritten, prolonged,
]  # fmt: skip


def _payload(rng: Rng, body: bytes) -> bytes:
    """Change the bytes of a part's body."""
    return pick(rng, _PLAIN)(rng, body) if body else rng.bytes(3)


def _rearranged(rng: Rng, parts: list, foreign: list) -> list:
    """Remove, repeat, move or swap a part, or insert a foreign one."""
    at, other = (int(rng.integers(len(parts))) for _ in range(2))
    parts = list(parts)
    manner = int(rng.integers(5))
    if manner == 0:
        del parts[at]
    elif manner == 1:
        parts.insert(other, parts[at])
    elif manner == 2:
        parts.insert(other, parts.pop(at))
    elif manner == 3:
        parts[at], parts[other] = parts[other], parts[at]
    else:
        parts.insert(at, pick(rng, foreign))
    return parts


# PNG

ODD_CHUNKS: list[pngs.Chunk] = [
    pngs.gama(), pngs.gama(0), pngs.srgb(), pngs.srgb(9), pngs.chrm(), pngs.iccp(), pngs.iccp(name=b""),
    (b"iCCP", b"x\0\1abc"), (b"iCCP", b"x\0\0" + b"not deflate"), pngs.phys(), (b"pHYs", b"\0"), pngs.text(),
    pngs.exif(6), (b"eXIf", b"nonsense"), (b"zTXt", b"a\0\0" + zlib.compress(bytes(5000))),
    (b"tIME", bytes(7)),
    (b"bKGD", b"\0\0"), (b"sBIT", b"\x08\x08\x08"), (b"hIST", bytes(4)), (b"sPLT", b"x\0\x08"),
    (b"iTXt", b"a\0\0\0\0\0b"), (b"tRNS", b"\0\1"), (b"tRNS", bytes(6)), (b"tRNS", bytes(300)),
    (b"tRNS", b""),
    (b"PLTE", bytes(3)), (b"PLTE", bytes(768)), (b"PLTE", bytes(5)), (b"PLTE", b""), (b"IDAT", b""),
    (b"IDAT", b"\0"), (b"acTL", struct.pack(">II", 1, 0)), (b"acTL", struct.pack(">II", 2, 0)),
    (b"acTL", struct.pack(">II", 0, 0)), (b"fcTL", bytes(26)), (b"fdAT", bytes(8)), (b"IEND", b""),
    (b"IEND", b"x"),
    (b"abCd", b"private"), (b"ABCD", b"critical"), (b"cICP", b"\1\x0d\0\1"), (b"mDCV", bytes(24)),
    (b"CgBI", bytes(4)),
    (b"oFFs", bytes(9)), (b"vpAg", bytes(9)), (b"caBX", b"x"), (b"dSIG", b"x"),
]  # fmt: skip


def png_chunks(rng: Rng, data: bytes) -> bytes:
    return pngs.assemble(_rearranged(rng, pngs.chunks_of(data), ODD_CHUNKS))


def png_payload(rng: Rng, data: bytes) -> bytes:
    chunks = pngs.chunks_of(data)
    at = int(rng.integers(len(chunks)))
    chunks[at] = chunks[at][0], _payload(rng, chunks[at][1])
    return pngs.assemble(chunks)


def png_field(rng: Rng, data: bytes) -> bytes:
    chunks = pngs.chunks_of(data)
    fields = list(struct.unpack(">IIBBBBB", chunks[0][1]))
    at = int(rng.integers(7))
    most = 1 << 31 if at < 2 else 256
    fields[at] = (
        pick(rng, (fields[at] + 1, fields[at] - 1, fields[at] * 2, 0, int(rng.integers(17)), most - 1)) % most
    )
    return pngs.assemble([(b"IHDR", struct.pack(">IIBBBBB", *fields)), *chunks[1:]])


def png_checksum(rng: Rng, data: bytes) -> bytes:
    chunks = pngs.chunks_of(data)
    wrong = int(rng.integers(len(chunks)))
    coded = [
        pngs.chunk(*c, crc=int(rng.integers(1 << 32)) if n == wrong else None) for n, c in enumerate(chunks)
    ]
    return pngs.SIGNATURE + b"".join(coded)


def png_length(rng: Rng, data: bytes) -> bytes:
    chunks = pngs.chunks_of(data)
    wrong = int(rng.integers(len(chunks)))
    length = max(0, len(chunks[wrong][1]) + int(pick(rng, (-1, 1, 4, 1 << 20))))
    coded = [pngs.chunk(*c, length=length if n == wrong else None) for n, c in enumerate(chunks)]
    return pngs.SIGNATURE + b"".join(coded)


def png_stream(rng: Rng, data: bytes) -> bytes:
    """Change the rows, or their compression: another window, no checksum, surplus bytes, cuts."""
    chunks = pngs.chunks_of(data)
    raw = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    manner = int(rng.integers(8))
    if manner < 3:
        raw = _payload(rng, raw)
    packed = zlib.compress(raw, int(rng.integers(10)))
    if manner == 3:
        packed = packed[:-4] + rng.bytes(4)
    elif manner == 4:
        packed += rng.bytes(int(rng.integers(1, 12)))
    elif manner == 5:
        packed = packed[: -int(rng.integers(1, 6))]
    elif manner == 6:
        packed = zlib.compress(raw + rng.bytes(int(rng.integers(1, 300))))
    elif manner == 7:
        packed = bytes((int(pick(rng, (0x08, 0x18, 0x28, 0x48, 0x58)) << 0),)) + packed[1:]
        check = (packed[0] << 8 | packed[1] & 0xE0) % 31
        packed = packed[:1] + bytes((packed[1] & 0xE0 | (31 - check) % 31,)) + packed[2:]
    before = [c for c in chunks[: next(n for n, c in enumerate(chunks) if c[0] == b"IDAT")]]
    after = [c for c in chunks[len(before) :] if c[0] != b"IDAT"]
    return pngs.assemble([*before, *pngs.idats(packed, pick(rng, (None, None, 1, 7, (0, 2)))), *after])


# JPEG

ODD_SEGMENTS = [
    b"\xff\xfe\0\1", b"\xff\xfe\0\0", containers.segment(0xFE, b"comment"),
    containers.segment(0xE0, b"JFIF\0"),
    containers.jfif(1, 72, 72), containers.jfif(0, 2, 1), containers.segment(0xE0, b"JFXX\0\x10\xff\xd8"),
    containers.segment(0xE1, b"Exif\0\0" + containers.exif_block(6)), containers.segment(0xE1, b"Exif\0\0II"),
    containers.segment(0xE2, b"ICC_PROFILE\0\1\1abc"), containers.segment(0xE2, b"ICC_PROFILE\0\2\2abc"),
    containers.segment(0xE2, b"ICC_PROFILE\0\0\0abc"), containers.segment(0xE2, b"ICC_PROFILE\0"),
    containers.segment(0xE2, b"MPF\0II*\0"), containers.segment(0xED, b"Photoshop 3.0\0"),
    *(containers.segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((t,))) for t in (0, 1, 2, 3)),
    containers.segment(0xEE, b"Adobe"), containers.segment(0xDD, b"\0\0"), containers.segment(0xDD, b"\0\2"),
    containers.segment(0xDC, b"\0\5"), containers.segment(0xC4, b""), containers.segment(0xDB, b""),
    containers.segment(0xF0, b"x"), containers.segment(0xC8, b"x"), b"\xff\x01", b"\xff\xd3", b"\0",
    b"\xff\0",
    b"\xff\xff\xff", b"\x12\x34", b"\xff\xd8", b"\xff\xd9", bytes(64), b"\xff\x02",
]  # fmt: skip


def jpeg_parts(data: bytes) -> list[bytes]:
    """Split a JPEG into markers with their segments, and pieces of coded data."""
    parts, at = [data[:2]], 2
    while at < len(data):
        if data[at] == 0xFF and at + 1 < len(data) and data[at + 1] not in (0, 0xFF):
            code = data[at + 1]
            bare = code == 0x01 or 0xD0 <= code <= 0xD9
            end = at + 2 if bare else at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        else:
            end = data.find(b"\xff", at + 1)
            while 0 <= end < len(data) - 1 and data[end + 1] == 0:
                end = data.find(b"\xff", end + 2)
            end = len(data) if end < 0 else end
        parts.append(data[at:end])
        at = max(end, at + 1)
    return parts


def jpeg_segments(rng: Rng, data: bytes) -> bytes:
    return b"".join(_rearranged(rng, jpeg_parts(data), ODD_SEGMENTS))


def jpeg_inserted(rng: Rng, data: bytes) -> bytes:
    parts = jpeg_parts(data)
    parts.insert(int(rng.integers(1, len(parts) + 1)), pick(rng, ODD_SEGMENTS))
    return b"".join(parts)


def jpeg_payload(rng: Rng, data: bytes) -> bytes:
    parts = jpeg_parts(data)
    at = int(rng.integers(len(parts)))
    part = parts[at]
    if part[:1] == b"\xff" and len(part) > 4:
        parts[at] = containers.segment(part[1], _payload(rng, part[4:]))
    else:
        parts[at] = _payload(rng, part)
    return b"".join(parts)


def jpeg_length(rng: Rng, data: bytes) -> bytes:
    parts = jpeg_parts(data)
    able = [n for n, part in enumerate(parts) if len(part) > 4 and part[0] == 0xFF]
    at = pick(rng, able)
    length = int(pick(rng, (0, 1, 2, len(parts[at]) - 3, len(parts[at]) - 1, 65535)))
    parts[at] = parts[at][:2] + struct.pack(">H", length) + parts[at][4:]
    return b"".join(parts)


def jpeg_field(rng: Rng, data: bytes) -> bytes:
    """Change a field of the frame header or of a scan header."""
    parts = jpeg_parts(data)
    able = [
        n
        for n, part in enumerate(parts)
        if part[:1] == b"\xff" and part[1:2] in b"\xc0\xc1\xc2\xda" and part[1:]
    ]
    at = pick(rng, able)
    body = bytearray(parts[at])
    place = int(rng.integers(4, len(body)))
    body[place] = int(
        pick(rng, (0, 1, 2, 3, 4, 8, 0x11, 0x12, 0x21, 0x22, 0x41, 0x44, 0xFF, body[place] ^ 1))
    )
    parts[at] = bytes(body)
    return b"".join(parts)


# WebP

ODD_RIFF = [
    (b"ICCP", b"profile"), (b"EXIF", containers.exif_block(6)), (b"EXIF", b""), (b"XMP ", b"<x/>"),
    (b"ABCD", b"odd"), (b"ANIM", bytes(6)), (b"ANMF", bytes(16)), (b"ALPH", b"\0"), (b"ALPH", bytes(50)),
    (b"VP8X", bytes(10)), containers.vp8x(0x3E), (b"VP8 ", bytes(10)), (b"VP8L", b"\x2f" + bytes(9)),
    (b"", b""),
]  # fmt: skip


def riff_chunks(rng: Rng, data: bytes) -> bytes:
    return containers.riff(*_rearranged(rng, containers.riff_chunks(data), ODD_RIFF))


def riff_payload(rng: Rng, data: bytes) -> bytes:
    chunks = containers.riff_chunks(data)
    at = int(rng.integers(len(chunks)))
    chunks[at] = chunks[at][0], _payload(rng, chunks[at][1])
    return containers.riff(*chunks)


def riff_length(rng: Rng, data: bytes) -> bytes:
    chunks = containers.riff_chunks(data)
    at = (
        4
        if rng.integers(2)
        else 12 + sum(8 + len(b) + (len(b) & 1) for _, b in chunks[: rng.integers(len(chunks))]) + 4
    )
    value = int.from_bytes(data[at : at + 4], "little") + int(pick(rng, (-2, -1, 1, 2, 8, 1000, -8)))
    return data[:at] + struct.pack("<I", value % (1 << 32)) + data[at + 4 :]


def riff_flags(rng: Rng, data: bytes) -> bytes:
    chunks = [c for c in containers.riff_chunks(data) if c[0] != b"VP8X"]
    size = (int(rng.integers(1, 50)), int(rng.integers(1, 50)))
    return containers.riff(containers.vp8x(int(rng.integers(256)), *size), *chunks)


def riff_unpadded(rng: Rng, data: bytes) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(b)) + b for kind, b in containers.riff_chunks(data))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


# BMP

_BMP_FIELDS = {
    2: 4,
    10: 4,
    14: 4,
    18: 4,
    22: 4,
    26: 2,
    28: 2,
    30: 4,
    34: 4,
    38: 4,
    46: 4,
    50: 4,
    54: 4,
    58: 4,
    62: 4,
    66: 4,
}


def bmp_field(rng: Rng, data: bytes) -> bytes:
    at = int(pick(rng, list(_BMP_FIELDS)))
    size = _BMP_FIELDS[at]
    value = int.from_bytes(data[at : at + size], "little")
    near = (value + 1, value - 1, value + 4, value * 2, value // 2, 1 << 32 - value if value < 32 else -value)
    chosen = int(pick(rng, (*near, *range(9), 12, 16, 24, 32, 40, 64, 108, 124, 256, 257, *EXTREMES)))
    return data[:at] + (chosen % (1 << 8 * size)).to_bytes(size, "little") + data[at + size :]


def bmp_gap(rng: Rng, data: bytes) -> bytes:
    """Insert bytes between headers and pixel data and adjust the offset, or remove some."""
    (offset,) = struct.unpack_from("<I", data, 10)
    more = int(pick(rng, (-8, -4, -1, 1, 2, 4, 100)))
    gap = rng.bytes(more) if more > 0 else b""
    return (
        data[:10]
        + struct.pack("<I", offset + more)
        + data[14:offset][: more if more < 0 else None]
        + gap
        + data[offset:]
    )


def bmp_pixels(rng: Rng, data: bytes) -> bytes:
    (offset,) = struct.unpack_from("<I", data, 10)
    return data[:offset] + _payload(rng, data[offset:])


# TIFF

Entry = tuple[int, int, int, bytes]
KIND_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


def tiff_entries(data: bytes) -> list[Entry]:
    """Return tag, type, count and value bytes of each entry of the first directory."""
    order, big = ("<" if data[:2] == b"II" else ">"), data[2:4] in (b"+\0", b"\0+")
    count_form, form, word, inline = ("Q", "HHQ", "Q", 8) if big else ("H", "HHI", "I", 4)
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + count_form, data, at)
    at += struct.calcsize(order + count_form)
    found = []
    for _ in range(min(count, 100)):
        tag, kind, values = struct.unpack_from(order + form, data, at)
        size, start = values * KIND_SIZES.get(kind, 1), at + struct.calcsize(order + form)
        if size > inline:
            (start,) = struct.unpack_from(order + word, data, start)
        found.append((tag, kind, values, data[start : start + min(size, 1 << 20)]))
        at += struct.calcsize(order + form) + inline
    return found


def tiff_with(data: bytes, entries: list[Entry], following: int = 0) -> bytes:
    """Return the file with a directory of these entries, appended at its end."""
    order, big = ("<" if data[:2] == b"II" else ">"), data[2:4] in (b"+\0", b"\0+")
    count_form, form, word, inline = ("Q", "HHQ", "Q", 8) if big else ("H", "HHI", "I", 4)
    data += bytes(-len(data) % 8)
    at = len(data)
    listed = struct.pack(order + count_form, len(entries))
    values_at = at + len(listed) + len(entries) * (struct.calcsize(order + form) + inline) + inline
    values = b""
    for tag, kind, count, value in entries:
        listed += struct.pack(order + form, tag, kind, count)
        if len(value) <= inline and count * KIND_SIZES.get(kind, 1) <= inline:
            listed += value.ljust(inline, b"\0")
        else:
            listed += struct.pack(order + word, values_at + len(values))
            values += value + bytes(len(value) & 1)
    listed += struct.pack(order + word, following)
    head = 8 if big else 4
    return data[:head] + struct.pack(order + word, at) + data[head + inline :] + listed + values


def entry(order: str, tag: int, kind: int, *numbers: int) -> Entry:
    form = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q"}[kind]
    return (
        tag,
        kind,
        len(numbers) // (2 if kind == 5 else 1),
        struct.pack(f"{order}{len(numbers)}{form}", *numbers),
    )


_NUMBERS = (
    254,
    255,
    256,
    257,
    258,
    259,
    262,
    266,
    273,
    274,
    277,
    278,
    279,
    284,
    296,
    317,
    320,
    322,
    323,
    324,
    325,
    330,
    338,
    339,
    347,
    530,
    532,
    33432,
    34675,
    32997,
    65000,
)


def tiff_directory(rng: Rng, data: bytes) -> bytes:
    order = "<" if data[:2] == b"II" else ">"
    foreign = [entry(order, t, 3, int(rng.integers(9))) for t in _NUMBERS]
    parts = _rearranged(rng, tiff_entries(data), foreign)
    return tiff_with(data, sorted(parts, key=lambda e: e[0]) if rng.integers(4) else parts)


def tiff_value(rng: Rng, data: bytes) -> bytes:
    """Change one number of one tag."""
    order = "<" if data[:2] == b"II" else ">"
    entries = tiff_entries(data)
    at = int(rng.integers(len(entries)))
    tag, kind, count, value = entries[at]
    size = KIND_SIZES.get(kind, 1)
    endian = "little" if order == "<" else "big"
    place = size * int(rng.integers(max(1, count)))
    old = int.from_bytes(value[place : place + size], endian)
    new = int(pick(rng, (old + 1, old - 1, old * 2, old // 2, len(data), *range(9), *EXTREMES))) % (
        1 << 8 * size
    )
    entries[at] = tag, kind, count, value[:place] + new.to_bytes(size, endian) + value[place + size :]
    return tiff_with(data, entries)


def tiff_shape(rng: Rng, data: bytes) -> bytes:
    """Change the type or the count of one tag."""
    entries = tiff_entries(data)
    at = int(rng.integers(len(entries)))
    tag, kind, count, value = entries[at]
    if rng.integers(2):
        kind = int(pick(rng, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 19, 255)))
    else:
        count = int(pick(rng, (0, 1, count + 1, count - 1, count * 2, 1000, 1 << 20, (1 << 32) - 1))) % (
            1 << 32
        )
    entries[at] = tag, kind, count, value
    return tiff_with(data, entries)


def tiff_following(rng: Rng, data: bytes) -> bytes:
    """Link a directory after the first: itself, the old one, nonsense, or one outside the file."""
    big = data[2:4] in (b"+\0", b"\0+")
    order = "<" if data[:2] == b"II" else ">"
    (old,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    itself = len(data) + (-len(data) % 8)
    return tiff_with(
        data, tiff_entries(data), int(pick(rng, (itself, old, 8, 1, len(data) * 2, (1 << 32) - 1)))
    )


def tiff_strip(rng: Rng, data: bytes) -> bytes:
    """Change bytes of the pixel data."""
    order = "<" if data[:2] == b"II" else ">"
    places = [e for e in tiff_entries(data) if e[0] in (273, 324)]
    form = {3: "H", 4: "I", 16: "Q"}[places[0][1]]
    (at,) = struct.unpack_from(order + form, places[0][3])
    length = int(rng.integers(1, 64))
    changed = bytearray(data)
    for place in rng.integers(at, min(len(data), at + length), 2):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


_STRUCTURAL: dict[str, list[Change]] = {
    "PNG": [png_chunks, png_chunks, png_payload, png_field, png_checksum, png_length, png_stream],
    "JPEG": [jpeg_segments, jpeg_inserted, jpeg_inserted, jpeg_payload, jpeg_length, jpeg_field],
    "WebP": [riff_chunks, riff_chunks, riff_payload, riff_length, riff_flags, riff_unpadded],
    "BMP": [bmp_field, bmp_field, bmp_gap, bmp_pixels],
    "TIFF": [tiff_directory, tiff_directory, tiff_value, tiff_value, tiff_shape, tiff_following, tiff_strip],
}
