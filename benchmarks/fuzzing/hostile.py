"""Files made to be expensive: decompression bombs, millions of parts, chains that never end.

Some are merely large and are read; the others have to be refused early.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np
from fuzzing import files, mutations
from fuzzing.files import Case
from PIL import Image
from support import containers, pngs

_MANY = 1_000_000


def of(kind: str) -> Iterator[Case]:
    """Yield all cases of a format, the same ones each time."""
    yield from {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp, "TIFF": _tiff}[kind]()


# PNG


def _png() -> Iterator[Case]:
    base = imagecodecs.png_encode(np.zeros((16, 16, 3), np.uint8))
    header, *rest = pngs.chunks_of(base)
    for name, chunks in _png_floods():
        yield Case(f"PNG with {name}", pngs.assemble([header, *chunks, *rest]), base)
        yield Case(f"PNG with {name} behind", pngs.assemble([header, *rest[:-1], *chunks, rest[-1]]), base)
    at = next(n for n, c in enumerate(rest) if c[0] == b"IDAT")
    for size in (1 << 20, 1 << 28, 1 << 30):
        bombed = [header, *rest[:at], (b"IDAT", files.deflated(size)), *rest[at + 1 :]]
        yield Case(f"PNG whose rows inflate to {size} bytes", pngs.assemble(bombed))
    noise = imagecodecs.png_encode(np.random.default_rng(1).integers(0, 256, (600, 600, 3), dtype=np.uint8))
    chunks = pngs.chunks_of(noise)
    stream = b"".join(body for name, body in chunks if name == b"IDAT")
    yield Case(
        "PNG with an IDAT for each byte", pngs.assemble([chunks[0], *pngs.idats(stream, 1), (b"IEND", b"")])
    )
    yield from _png_shapes()


def _png_floods() -> Iterator[tuple[str, list[pngs.Chunk]]]:
    """Yield chunks that are many or large, made only when they are asked for, and what they are."""
    bomb = files.deflated(16 << 20)
    yield "100 iCCP of 16 MB", [(b"iCCP", b"x\0\0" + bomb)] * 100
    yield "100 zTXt of 16 MB", [(b"zTXt", b"x\0\0" + bomb)] * 100
    yield "100 iTXt of 16 MB", [(b"iTXt", b"x\0\1\0\0\0" + bomb)] * 100
    yield "one iCCP of 1 GB", [(b"iCCP", b"x\0\0" + files.deflated(1 << 30))]
    yield "one iCCP of 1 GB without a name", [(b"iCCP", files.deflated(1 << 30))]
    yield "a million tEXt", [(b"tEXt", b"a\0b")] * _MANY
    yield "a million empty private chunks", [(b"abCd", b"")] * _MANY
    yield "a million gAMA", [pngs.gama()] * _MANY
    yield "a million pHYs", [pngs.phys()] * (_MANY // 2)
    yield "a hundred thousand eXIf", [pngs.exif(6)] * (_MANY // 10)
    yield "a hundred thousand small iCCP", [pngs.iccp()] * (_MANY // 10)
    yield "a million empty IDAT", [(b"IDAT", b"")] * _MANY
    yield "an eXIf of a million entries", [(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * _MANY))]


def _png_shapes() -> Iterator[Case]:
    """Yield narrow, tall and wide pictures of every filter, to repeat the work of each row often."""
    kinds = ((0, 1), (0, 8), (2, 8), (3, 8), (6, 8), (2, 16), (6, 16))
    sizes = ((1_000_000, 1), (500_000, 2), (3, 1_000_000), (100_000, 40), (3000, 3000))
    for (colour_type, depth), (height, width), interlace in itertools.product(kinds, sizes, (False, True)):
        if interlace and height < 100_000:
            continue
        for filtered in ((0,), (1,), (2,), (3,), (4,), (2, 4, 3, 1)):
            if interlace:
                raw = _interlaced(width, height, colour_type, depth, filtered[0])
            else:
                length = (width * pngs.CHANNELS[colour_type] * depth + 7) // 8
                cycle = itertools.islice(itertools.cycle(filtered), min(height, 997))
                rows = [bytes((f,)) + bytes((i % 3,)) * length for i, f in enumerate(cycle)]
                raw = b"".join(rows) * (height // len(rows)) + b"".join(rows[: height % len(rows)])
            palette = [pngs.plte(np.zeros((256, 3)))] if colour_type == 3 else []
            parts = [pngs.ihdr(width, height, colour_type, depth, interlace=int(interlace)), *palette]
            data = pngs.assemble([*parts, (b"IDAT", zlib.compress(raw, 1)), (b"IEND", b"")])
            label = f"type {colour_type}, {depth} bits, filters {filtered}, interlace {interlace}"
            yield Case(f"PNG of {width} x {height} px, {label}", data)


def _interlaced(width: int, height: int, colour_type: int, depth: int, filtered: int) -> bytes:
    out = []
    for x, y, step_x, step_y in pngs.passes(width, height, True):
        across, down = -(-(width - x) // step_x), -(-(height - y) // step_y)
        length = (across * pngs.CHANNELS[colour_type] * depth + 7) // 8
        out.append((bytes((filtered,)) + bytes((1,)) * length) * down)
    return b"".join(out)


# JPEG


def _jpeg() -> Iterator[Case]:
    base = containers.jpeg_with()
    floods = {
        "a million comments": containers.segment(0xFE, b"") * _MANY,
        "a million APP15": containers.segment(0xEF, b"x") * _MANY,
        "a million EXIF": containers.segment(0xE1, b"Exif\0\0" + containers.exif_block(6)) * (_MANY // 10),
        "a million fill bytes": b"\xff" * _MANY * 10,
        "a million zero bytes": bytes(10 * _MANY),
        "a million pieces of ICC": containers.segment(0xE2, b"ICC_PROFILE\0\1\1x") * _MANY,
        "255 large pieces of ICC": b"".join(
            containers.segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 255)) + bytes(65500)) for n in range(1, 256)
        ),
        "a million tables": containers.segment(0xDB, b"\1" + bytes([1] * 64)) * (_MANY // 5),
        "a million Huffman tables": containers.segment(0xC4, b"\x11" + bytes([0, 1, *[0] * 14, 5]))
        * (_MANY // 5),
        "a million restart markers": b"\xff\xd0" * _MANY,
        "a million restart intervals": containers.segment(0xDD, b"\0\0") * _MANY,
        "a million short comments": b"\xff\xfe\0\1" * _MANY,
    }
    for name, flood in floods.items():
        yield Case(f"JPEG with {name}", base[:2] + flood + base[2:], base)
        yield Case(f"JPEG with {name} at its end", base[:-2] + flood + base[-2:], base)
        yield Case(f"JPEG with {name} behind its end", base + flood, base)
    for size, scans in itertools.product(((1600, 1600), (4000, 4000)), (10, 40, 100, 400)):
        yield Case(f"progressive JPEG of {size} with {scans} scans", _scanned(size, scans))
    for size in ((65500, 16), (16, 65500), (4000, 4000)):
        file = io.BytesIO()
        Image.new("RGB", size).save(file, "JPEG", progressive=True)
        yield Case(f"progressive JPEG of {size} px", file.getvalue())
        cut = file.getvalue()
        yield Case(f"progressive JPEG of {size} px, cut", cut[: len(cut) // 3] + b"\xff\xd9")
    many = base + base[:200] * 5000
    yield Case("JPEG with 5000 beginnings behind it", many, base)
    yield Case("JPEG with 50000 whole ones behind it", base + base * 20000, base)


def _scanned(size: tuple[int, int], scans: int) -> bytes:
    """Make a progressive JPEG of so many scans, each of which refines nothing in all blocks."""
    file = io.BytesIO()
    Image.new("L", size).save(file, "JPEG", progressive=True)
    parts = mutations.jpeg_parts(file.getvalue())
    last = max(n for n, part in enumerate(parts) if part[:2] == b"\xff\xda")
    repeated = parts[last : len(parts) - 1]
    return b"".join([*parts[:-1], *(repeated * scans), parts[-1]])


# WebP


def _webp() -> Iterator[Case]:
    base = imagecodecs.webp_encode(np.zeros((16, 16, 3), np.uint8), lossless=True)
    chunks = [c for c in containers.riff_chunks(base) if c[0] != b"VP8X"]
    first = containers.vp8x(0x2C, 16, 16)
    floods = {
        "a million empty chunks": [(b"ABCD", b"")] * _MANY,
        "a million small chunks": [(b"ABCD", b"x")] * _MANY,
        "a hundred thousand EXIF": [(b"EXIF", containers.exif_block(6))] * (_MANY // 10),
        "a hundred thousand ICCP": [(b"ICCP", b"profile")] * (_MANY // 10),
        "a thousand large ICCP": [(b"ICCP", bytes(10_000))] * 1000,
        "a large XMP": [(b"XMP ", bytes(50_000_000))],
    }
    for name, flood in floods.items():
        yield Case(f"WebP with {name}", containers.riff(first, *chunks, *flood), base)
        yield Case(f"WebP with {name} before", containers.riff(first, *flood, *chunks), base)
    for (width, height), lossless in itertools.product(
        ((4000, 4000), (16383, 1000), (2, 16383)), (True, False)
    ):
        data = containers.pillow(np.zeros((height, width, 4), np.uint8), "WEBP", lossless=lossless)
        yield Case(f"WebP of {width} x {height} px, lossless {lossless}", data)
        yield Case(
            f"WebP of {width} x {height} px, lossless {lossless}, cut",
            containers.riff(*((k, b[: len(b) // 2]) for k, b in containers.riff_chunks(data))),
        )


# BMP


def _bmp() -> Iterator[Case]:
    palette = bytes(range(256)) * 4
    width, height = 4000, 4000
    for bits in (4, 8):
        compression, table = (1, palette) if bits == 8 else (2, palette[:64])
        how = {"size": (width, height), "compression": compression, "palette": table}
        row = {
            "runs of 1": b"\1\3" * width,
            "runs of 255": b"\xff\3" * (width // 255) + bytes((width % 255, 3)),
            "literals of 3": b"\0\3\1\2\3\0" * (width // 3),
            "literals of 255": (b"\0\xff" + bytes(256 if bits == 8 else 128)) * (width // 255),
            "nothing": b"",
            "skips of 1": b"\0\2\1\0" * width,
            "empty skips": b"\0\2\0\0" * width,
        }
        for name, coded in row.items():
            yield Case(
                f"BMP, RLE{bits} of {name}",
                containers.bmp_file((coded + b"\0\0") * height + b"\0\1", bits, **how),
            )
        yield Case(f"BMP, RLE{bits}, ended at once", containers.bmp_file(b"\0\1", bits, **how))
        yield Case(
            f"BMP, RLE{bits}, all behind one row",
            containers.bmp_file(b"\1\3" * 8_000_000 + b"\0\1", bits, **how),
        )
        yield Case(f"BMP, RLE{bits}, no end", containers.bmp_file(b"\0\2\0\0" * 4_000_000, bits, **how))
    for bits, size in itertools.product(
        (1, 4, 8, 16, 24, 32), ((1, 2_000_000), (2_000_000, 1), (3000, 3000))
    ):
        stride = (size[0] * bits + 31) // 32 * 4
        table = palette[: 4 << bits] if bits <= 8 else b""
        yield Case(
            f"BMP of {size}, {bits} bits",
            containers.bmp_file(bytes(stride * size[1]), bits, size=size, palette=table),
        )
    for bits, masks in (
        (16, (0x7C00, 0x3E0, 0x1F)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF)),
        (32, (0x700, 0x38, 0x7)),
    ):
        rows = bytes(3000 * 3000 * bits // 8)
        yield Case(
            f"BMP of {bits} bits with masks",
            containers.bmp_file(rows, bits, size=(3000, 3000), compression=3, masks=masks),
        )


# TIFF


def _tiff() -> Iterator[Case]:
    order = "<"
    base = containers.tiff_file(containers.tiff_tags(8), bytes(13 * 11))
    entries = mutations.tiff_entries(base)
    kinds = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8}
    for (kind, size), count in itertools.product(kinds.items(), (10, 1000, 60000)):
        length = 600_000
        shared = [(t, kind, length // size, b"") for t in range(40000, 40000 + min(count, 25000))]
        data = mutations.tiff_with(base + bytes(length), [*entries, *shared])
        yield Case(f"TIFF, {count} tags of type {kind} that share 600 kB", _pointed(data, 8), base)
    yield from _tiff_directories(base, entries, order)
    yield from _tiff_strips(order)
    yield from _tiff_bombs(order)


def _pointed(data: bytes, at: int) -> bytes:
    """Return the file with the values of all private tags at one place."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    changed = bytearray(data)
    for position in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, position)[0] >= 40000:
            struct.pack_into("<I", changed, position + 8, at)
    return bytes(changed)


def _tiff_directories(base: bytes, entries: list[mutations.Entry], order: str) -> Iterator[Case]:
    packed = b"".join(
        struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")[:4]
        for tag, kind, count, value in entries
        if len(value) <= 4
    )
    listed = [e for e in entries if len(e[3]) <= 4]
    for count in (100, 10_000, 100_000):
        for name, small in (("pages", b""), ("previews", struct.pack("<HHI", 254, 4, 1) + b"\1\0\0\0")):
            out, at = bytearray(base), len(base)
            struct.pack_into("<I", out, 4, at)
            length = 2 + len(small) + len(packed) + 4
            for number in range(count):
                more = b"" if number == 0 else small
                number_of = struct.pack("<H", len(listed) + bool(more))
                directory = number_of + more + packed
                following = at + len(directory) + 4 if number < count - 1 else 0
                out += directory + struct.pack("<I", following)
                at = following
            yield Case(f"TIFF of {count} {name}, {length}", bytes(out))
    subs = [*entries, mutations.entry(order, 330, 4, *range(8, 8 + 100_000))]
    yield Case("TIFF with 100,000 sub-directories", mutations.tiff_with(base, subs), base)
    itself = len(base) + (-len(base) % 8)
    yield Case(
        "TIFF whose sub-directories are itself",
        mutations.tiff_with(base, [*entries, mutations.entry(order, 330, 4, *[itself] * 1000)]),
        base,
    )
    # a directory at every byte of a field of many entries, so that they overlap
    count = 20_000
    field = struct.pack("<HHII", 65000, 1, 1, 0) * 65535
    chain = bytearray(base + bytes(-len(base) % 4))
    place = len(chain)
    struct.pack_into("<I", chain, 4, place)
    chain += struct.pack("<H", 65535) + field + struct.pack("<I", place + 12)
    yield Case("TIFF with a directory of 65535 private tags", bytes(chain))
    overlapping = bytearray(b"II*\0\x08\0\0\0")
    for number in range(count):
        overlapping += struct.pack("<HHHIHHI", 3000, 65000, 1, 1, 0, 0, 8 + 18 * (number + 1))[:18]
    yield Case("TIFF with 20,000 overlapping directories", bytes(overlapping) + bytes(40_000))


def _tiff_strips(order: str) -> Iterator[Case]:
    for count, size in itertools.product((1000, 300_000), (1, 500)):
        offsets = mutations.entry(order, 273, 4, *[8] * count)
        lengths = mutations.entry(order, 279, 4, *[size] * count)
        tags = containers.tiff_tags(8, t256=(4, [size]), t257=(4, [count]), t278=(4, [1]))
        start = containers.tiff_file(tags, bytes(600))
        kept = [e for e in mutations.tiff_entries(start) if e[0] not in (273, 279)]
        for compression in (1, 8, 5, 32773):
            listed = [e for e in kept if e[0] != 259] + [
                offsets,
                lengths,
                mutations.entry(order, 259, 3, compression),
            ]
            data = mutations.tiff_with(start, sorted(listed))
            if size * count <= 1 << 24:
                yield Case(
                    f"TIFF of {count} strips of {size} px at one place, compression {compression}", data
                )
    samples = np.zeros((3000, 3000), np.uint8)
    for options in (
        {"rowsperstrip": 1},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "zlib"},
        {"rowsperstrip": 1, "compression": "lzw"},
        {"tile": (32, 32), "compression": "jpeg"},
    ):
        yield Case(
            f"TIFF of 9 megapixels, {options}", containers.tifffile_writes(samples, metadata=None, **options)
        )
    tall = np.zeros((1_000_000, 1), np.uint8)
    yield Case(
        "TIFF of 1 x 1,000,000 px, a strip a row",
        containers.tifffile_writes(tall, metadata=None, rowsperstrip=1),
    )
    yield Case(
        "TIFF of 1 x 1,000,000 px, zlib",
        containers.tifffile_writes(tall, metadata=None, rowsperstrip=7, compression="zlib"),
    )


def _tiff_bombs(order: str) -> Iterator[Case]:
    zeros = bytes(1 << 20)
    coded = {
        8: files.deflated(1 << 30),
        32773: b"\x81\0" * (1 << 20),
        5: imagecodecs.lzw_encode(zeros * 64),
        50000: imagecodecs.zstd_encode(zeros * 500),
        34925: imagecodecs.lzma_encode(zeros * 300),
    }
    for compression, strip in coded.items():
        for height, rows in ((11, 11), (11, 1), (1100, 11)):
            count = -(-height // rows)
            tags = containers.tiff_tags(8, t257=(4, [height]), t259=(3, [compression]), t278=(4, [rows]))
            tags |= {273: (4, [8] * count), 279: (4, [len(strip)] * count)}
            yield Case(
                f"TIFF whose {count} strips expand, compression {compression}, {height} rows",
                containers.tiff_file(tags, strip),
            )
    for side in (1 << 12, 1 << 14, 1 << 16, 1 << 20):
        tags = containers.tiff_tags(8, t259=(3, [8]), t322=(4, [side]), t323=(4, [side]))
        del tags[278]
        strip = files.deflated(min(side * side, 1 << 28))
        tags |= {324: (4, [8]), 325: (4, [len(strip)])}
        yield Case(f"TIFF of 13 x 11 px in a tile of {side}", containers.tiff_file(tags, strip))
