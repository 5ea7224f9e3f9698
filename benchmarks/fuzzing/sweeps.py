"""Odd files of every kind, enumerated instead of drawn at random.

Each sweep enumerates one oddity: every place, every number, every chunk, tag or sampling.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator

import imagecodecs
import numpy as np
from fuzzing import files, mutations, tiff_sweeps
from fuzzing.files import Case
from PIL import Image
from support import containers, pngs

_RNG = np.random.default_rng(99)
_RGB = files.picture(_RNG, 3, size=(19, 23))
_RGBA = files.picture(_RNG, 4, size=(19, 23))


def of(kind: str) -> Iterator[Case]:
    """Yield all cases of a format, the same ones each time."""
    for sweep in _SWEEPS[kind]:
        yield from sweep()


# PNG


def _png_checksums() -> Iterator[Case]:
    """Yield a wrong CRC in every chunk, and every odd chunk before and after the pixel data."""
    for colour_type, depth in pngs.KINDS:
        drawn = pngs.draw(
            np.random.default_rng(5), colour_type, depth, size=(7, 9), transparent=colour_type < 4
        )
        base = drawn.png(idat_split=20, chunks_before=[pngs.gama(), pngs.phys(), pngs.text()])
        chunks = pngs.chunks_of(base)
        for wrong, (name, _) in enumerate(chunks):
            coded = [pngs.chunk(*c, crc=1 if n == wrong else None) for n, c in enumerate(chunks)]
            yield Case(
                f"type {colour_type}, {depth} bits, wrong CRC of {name!r}",
                pngs.SIGNATURE + b"".join(coded),
                base,
            )
        for odd, before in itertools.product(mutations.ODD_CHUNKS, (True, False)):
            at = 1 if before else -1
            for crc in (None, 7):
                parts = [pngs.chunk(*c) for c in chunks]
                parts.insert(at if before else len(parts) - 1, pngs.chunk(*odd, crc=crc))
                where = "before" if before else "behind"
                name = (
                    f"type {colour_type}, {depth} bits, {odd[0]!r} {where}, CRC {'wrong' if crc else 'right'}"
                )
                yield Case(name, pngs.SIGNATURE + b"".join(parts), base)


def _png_ends() -> Iterator[Case]:
    """Yield surplus and missing bytes of the zlib stream, in the last IDAT and in a separate one."""
    for (colour_type, depth), interlace in itertools.product(pngs.KINDS, (False, True)):
        drawn = pngs.draw(np.random.default_rng(6), colour_type, depth, size=(9, 11), transparent=False)
        base = drawn.png(interlace=interlace)
        chunks = pngs.chunks_of(base)
        at = next(n for n, c in enumerate(chunks) if c[0] == b"IDAT")
        stream = chunks[at][1]
        raw = zlib.decompress(stream)
        streams = {f"{count} surplus bytes behind": stream + bytes(count) for count in (1, 2, 4, 10, 5000)}
        streams |= {f"{count} bytes cut": stream[:-count] for count in (1, 2, 4, 5, 8)}
        streams |= {
            f"{count} surplus bytes in the rows": zlib.compress(raw + bytes(count))
            for count in (1, 2, 100, 70000)
        }
        streams |= {f"{count} bytes of rows missing": zlib.compress(raw[:-count]) for count in (1, 12)}
        streams["two streams"] = stream + stream
        streams["wrong Adler-32"] = stream[:-4] + b"abcd"
        streams["other bytes behind"] = stream + b"\xff" * 7
        for (name, changed), split in itertools.product(streams.items(), (None, len(stream), 3)):
            parts = [*chunks[:at], *pngs.idats(changed, [split] if split else None), *chunks[at + 1 :]]
            label = f"type {colour_type}, {depth} bits, interlace {interlace}, {name}, split {split}"
            yield Case(label, pngs.assemble(parts), base)


def _png_animations() -> Iterator[Case]:
    """Yield acTL with every number of frames, the default image a frame or not, fcTL of other sizes."""
    base = imagecodecs.png_encode(_RGBA)
    header, *rest = pngs.chunks_of(base)
    at = next(n for n, c in enumerate(rest) if c[0] == b"IDAT")
    idat = rest[at][1]
    size = (23, 19)
    frames = {
        "whole": (*size, 0, 0),
        "smaller": (10, 10, 0, 0),
        "moved": (22, 18, 1, 1),
        "larger": (30, 30, 0, 0),
    }
    for count, plays in itertools.product((0, 1, 2, 3, 1 << 31), (0, 1)):
        actl = b"acTL", struct.pack(">II", count, plays)
        yield Case(f"acTL {count} {plays}, no fcTL", pngs.assemble([header, actl, *rest]), base)
        for (name, place), dispose, blend in itertools.product(frames.items(), (0, 1, 2), (0, 1)):
            control = b"fcTL", struct.pack(">IIIIIHHBB", 0, *place, 1, 10, dispose, blend)
            second = b"fcTL", struct.pack(">IIIIIHHBB", 1, *place, 1, 10, dispose, blend)
            label = f"acTL {count} {plays}, frame {name}, dispose {dispose}, blend {blend}"
            first = [header, actl, control, *rest[:-1]]
            yield Case(f"{label}, the picture", pngs.assemble([*first, rest[-1]]), base)
            hidden = [header, actl, *rest[:-1], control, (b"fdAT", bytes(3) + b"\1" + idat), rest[-1]]
            yield Case(f"{label}, not the picture", pngs.assemble(hidden), base)
            both = [*first, second, (b"fdAT", bytes(3) + b"\2" + idat), rest[-1]]
            yield Case(f"{label}, and one more", pngs.assemble(both), base)


def _png_palettes() -> Iterator[Case]:
    """Yield palettes shorter and longer than the depth allows, with every length of transparency."""
    for depth, entries in itertools.product((1, 2, 4, 8), (1, 2, 3, 4, 5, 16, 17, 255, 256)):
        values = np.arange(12 * 9).reshape(9, 12) % min(entries, 1 << depth)
        palette = np.arange(entries * 3).reshape(-1, 3) * 7 % 256
        for alphas in (None, 1, entries, entries + 1, 256):
            trns = None if alphas is None else [(40 * n) % 256 for n in range(alphas)]
            data = pngs.write(values, 3, depth, palette=palette.astype(np.uint8), trns=trns)
            yield Case(f"palette of {entries} at {depth} bits, {alphas} alphas", data)
        beyond = np.arange(12 * 9).reshape(9, 12) % (1 << depth)
        data = pngs.write(beyond, 3, depth, palette=palette.astype(np.uint8))
        yield Case(f"palette of {entries} at {depth} bits, values beyond", data)


# JPEG


def _jpeg_bases() -> Iterator[tuple[str, bytes]]:
    for progressive, subsampling, restart in itertools.product((False, True), (0, 2), (0, 2)):
        file = io.BytesIO()
        options = {"progressive": progressive, "subsampling": subsampling, "quality": 85}
        if restart:
            options["restart_marker_blocks"] = restart
        Image.fromarray(_RGB).save(file, "JPEG", **options)
        yield f"{options}", file.getvalue()
    file = io.BytesIO()
    Image.fromarray(_RGB[..., 0]).save(file, "JPEG")
    yield "gray", file.getvalue()


def _jpeg_strays() -> Iterator[Case]:
    """Yield every odd segment and stray byte at every place between parts."""
    strays = [
        b"\0",
        b"\n",
        b"\x12\x34",
        bytes(16),
        b"\xff",
        b"\xff\xff",
        b"\xff\0",
        bytes(1000),
        *mutations.ODD_SEGMENTS,
    ]
    for name, base in _jpeg_bases():
        parts = mutations.jpeg_parts(base)
        for stray, at in itertools.product(strays, range(1, len(parts) + 1)):
            data = b"".join([*parts[:at], stray, *parts[at:]])
            before = parts[at - 1][:2].hex()
            yield Case(f"{name}, {stray[:12].hex()} ({len(stray)}) behind part {at} ({before})", data, base)


def _jpeg_profiles() -> Iterator[Case]:
    """Yield ICC profiles in up to three parts, numbered in every way."""
    _, base = next(_jpeg_bases())

    def part(number: int, count: int, body: bytes = b"some profile") -> bytes:
        return containers.segment(0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + body)

    numbers = (0, 1, 2, 3, 255)
    for total in (1, 2, 3):
        for order in itertools.product(numbers, repeat=total):
            for count in (0, 1, 2, 3, 255):
                data = (
                    base[:2]
                    + b"".join(part(n, count, bytes((n, k)) * 9) for k, n in enumerate(order))
                    + base[2:]
                )
                yield Case(f"ICC parts {order} of {count}", data, base)
    for body in (b"", b"\0", b"ICC_PROFILE", b"ICC_PROFILE\0", b"ICC_PROFILE\0\1", b"ICC_PROFILE\0\1\1"):
        yield Case(f"ICC segment {body!r}", base[:2] + containers.segment(0xE2, body) + base[2:], base)
    many = b"".join(part(n, 255, bytes(60000)) for n in range(1, 256))
    yield Case("255 ICC parts", base[:2] + many + base[2:], base)


def _jpeg_colours() -> Iterator[Case]:
    """Yield JFIF and Adobe segments of every transform, component numbers, one and three components."""
    for (name, base), jfif in itertools.product(_jpeg_bases(), (True, False)):
        start = base[:2] + base[4 + int.from_bytes(base[4:6], "big") :]
        body = base if jfif else start
        for transform, length in itertools.product((None, 0, 1, 2, 3, 255), (12, 11, 5, 14)):
            adobe = b"Adobe\0\x64\0\0\0\0" + bytes((transform or 0,)) + bytes(5)
            odd = b"" if transform is None else containers.segment(0xEE, adobe[:length])
            data = body[:2] + odd + body[2:]
            yield Case(f"{name}, JFIF {jfif}, Adobe {transform}, {length}", data, base)
            for numbers in (b"RGB", b"rgb", b"\0\1\2", b"\1\2\3", b"\1\1\1", b"YCC"):
                yield Case(
                    f"{name}, JFIF {jfif}, Adobe {transform}, {length}, {numbers!r}", _numbered(data, numbers)
                )


def _numbered(data: bytes, numbers: bytes) -> bytes:
    """Return the JPEG with other numbers for its components."""
    parts = [bytearray(part) for part in mutations.jpeg_parts(data)]
    old: list[int] = []
    for part in parts:
        if part[:1] == b"\xff" and len(part) > 4 and part[1] in (0xC0, 0xC1, 0xC2):
            for n in range(part[9]):
                old.append(part[10 + 3 * n])
                part[10 + 3 * n] = numbers[n]
        elif part[:2] == b"\xff\xda" and len(part) > 4:
            for n in range(part[4]):
                if part[5 + 2 * n] in old:
                    part[5 + 2 * n] = numbers[old.index(part[5 + 2 * n])]
    return b"".join(parts)


def _jpeg_samplings() -> Iterator[Case]:
    """Yield every sampling factor of the first component with every one of the others, in 1 and 3 scans."""
    rng = np.random.default_rng(11)
    factors = list(itertools.product((1, 2, 3, 4), repeat=2))
    for first, second, third in itertools.product(factors, factors, ((1, 1), (2, 1), (1, 2), None)):
        third = third or second
        chosen = [first, second, third]
        for separate, size in ((False, (37, 45)), (True, (16, 90))):
            if not separate and sum(a * d for a, d in chosen) > 10:
                continue
            yield Case(
                f"sampling {chosen}, separate {separate}",
                files.jpeg_of_blocks(rng, size, chosen, separate=separate),
            )
    for factor in factors:
        yield Case(f"gray with sampling {factor}", files.jpeg_of_blocks(rng, (37, 45), [factor]))


def _jpeg_more_pictures() -> Iterator[Case]:
    """Yield a second picture after the first: with and without an MPF segment, padded, cut."""
    for (name, base), (_, other) in itertools.product(_jpeg_bases(), itertools.islice(_jpeg_bases(), 2)):
        for gap, cut, mpf in itertools.product((b"", b"\0", bytes(100)), (0, 1, 50), (False, True)):
            segment = containers.segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0") if mpf else b""
            data = base[:2] + segment + base[2:] + gap + other[: len(other) - cut]
            yield Case(f"{name}, another behind {len(gap)} bytes, cut {cut}, MPF {mpf}", data, base)


# WebP


def _webp_variants() -> Iterator[Case]:
    """Yield flags of every value, chunks in other orders, lengths and paddings that do not fit."""
    for lossless, alpha in itertools.product((True, False), repeat=2):
        samples = _RGBA if alpha else _RGB
        base = imagecodecs.webp_encode(samples, lossless=lossless)
        label = f"lossless {lossless}, alpha {alpha}"
        chunks = [c for c in containers.riff_chunks(base) if c[0] != b"VP8X"]
        for flags in range(256):
            yield Case(
                f"{label}, flags {flags:#x}", containers.riff(containers.vp8x(flags, 23, 19), *chunks), base
            )
        for size in ((22, 19), (23, 18), (24, 19), (1, 1), (1 << 24, 1 << 24)):
            yield Case(
                f"{label}, canvas {size}", containers.riff(containers.vp8x(16 * alpha, *size), *chunks), base
            )
        first = containers.vp8x(0x3C if alpha else 0x2C, 23, 19)
        for odd, at in itertools.product(mutations.ODD_RIFF, range(len(chunks) + 2)):
            for start in ([first], []):
                listed = [*start, *chunks]
                listed.insert(min(at, len(listed)), odd)
                yield Case(
                    f"{label}, {odd[0]!r} at {at}, extended {bool(start)}", containers.riff(*listed), base
                )
        for change in (-9, -8, -2, -1, 1, 2, 8, 1000, 1 << 30):
            length = int.from_bytes(base[4:8], "little") + change
            if 0 <= length < 1 << 32:
                yield Case(
                    f"{label}, RIFF length {change:+}", base[:4] + struct.pack("<I", length) + base[8:], base
                )
            for more in (b"\0", b"\0\0", bytes(9), b"ABCD\4\0\0\0abcd"):
                data = base[:4] + struct.pack("<I", max(0, length) % (1 << 32)) + base[8:] + more
                yield Case(f"{label}, RIFF length {change:+}, {len(more)} bytes behind", data, base)
        for count in range(1, 12):
            yield Case(f"{label}, {count} bytes cut", base[:-count], base)
        unpadded = b"".join(k + struct.pack("<I", len(b)) + b for k, b in chunks)
        data = b"RIFF" + struct.pack("<I", len(unpadded) + 4) + b"WEBP" + unpadded
        yield Case(f"{label}, without padding", data, base)
    file = io.BytesIO()
    for count, whole in itertools.product((1, 2), (True, False)):
        frames = [Image.fromarray(_RGBA) for _ in range(count)]
        file = io.BytesIO()
        frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
        yield Case(f"animated with {count} frames, {whole}", file.getvalue())


# BMP


def _bmp_masks() -> Iterator[Case]:
    """Yield masks of every order, width and gap; empty, overlapping, beyond the bits."""
    usual = {16: [0x7C00, 0x3E0, 0x1F, 0x8000], 32: [0xFF0000, 0xFF00, 0xFF, 0xFF000000]}
    odd = {
        16: [0, 1, 0xF800, 0xFFFF, 0x5555, 0x10000],
        32: [0, 1, 0x3FF, 0xFFFFFFFF, 0x55555555, 0xFF00FF, 0x80000000],
    }
    rng = np.random.default_rng(3)
    for bits, header in itertools.product((16, 32), (40, 52, 56, 108, 124)):
        pixels = rng.integers(0, 256, (5, 7 * bits // 8), dtype=np.uint8)
        sets = [list(order) for order in itertools.permutations(usual[bits][:3])]
        for at, mask in itertools.product(range(4), odd[bits]):
            sets.append([mask if n == at else m for n, m in enumerate(usual[bits])])
        for masks, compression in itertools.product(sets, (0, 3, 6)):
            four = header >= 56 or compression == 6
            listed = [*masks, 0][:4] if four else masks[:3]
            data = containers.bmp_file(
                pixels, bits, size=(7, 5), header=header, compression=compression, masks=listed
            )
            yield Case(
                f"{bits} bits, header {header}, compression {compression}, {[hex(m) for m in listed]}", data
            )


def _bmp_palettes() -> Iterator[Case]:
    """Yield palettes of every length and stated length, offsets before, in and after them, values beyond."""
    rng = np.random.default_rng(4)
    for bits, header, top_down in itertools.product((1, 2, 4, 8), (12, 16, 40, 64, 124), (False, True)):
        values = rng.integers(0, 1 << bits, (5, 7), dtype=np.uint8)
        rows = containers.pack_bits(values, bits)
        step = 3 if header == 12 else 4
        for held, stated in itertools.product(
            (1, 2, 3, 1 << bits, 256), (0, 1, 2, 1 << bits, 256, 257, 1 << 31)
        ):
            palette = b"".join(rng.bytes(3) + bytes(step - 3) for _ in range(held))
            size = (7, -5 if top_down and header != 12 else 5)
            data = containers.bmp_file(rows, bits, size=size, header=header, palette=palette, colours=stated)
            yield Case(
                f"{bits} bits, header {header}, palette of {held}, stated {stated}, down {top_down}", data
            )


def _bmp_run_lengths() -> Iterator[Case]:
    """Yield run lengths with every kind of end, skip and overrun."""
    pieces = {
        "run": b"\5\1", "long run": b"\xff\2", "literal": b"\0\4\1\2\3\4", "odd literal": b"\0\3\1\2\3\0",
        "end of row": b"\0\0", "skip": b"\0\2\1\1", "skip far": b"\0\2\xff\xff", "end": b"\0\1",
        "long literal": b"\0\x14" + bytes(20),
    }  # fmt: skip
    rng = np.random.default_rng(4)
    for bits, number in ((4, 2), (8, 1)):
        palette = b"".join(rng.bytes(3) + b"\0" for _ in range(1 << bits))
        for order in itertools.product(pieces, repeat=3):
            coded = b"".join(pieces[name] for name in order)
            for ended in (False, True):
                data = containers.bmp_file(
                    coded + b"\0\1" * ended, bits, size=(7, 3), compression=number, palette=palette
                )
                yield Case(f"RLE{bits}, {order}, ended {ended}", data)


def _bmp_headers() -> Iterator[Case]:
    """Yield every size of the second header, bits and compression; lengths that do not fit the file."""
    rows = np.random.default_rng(8).integers(0, 256, (5, 28), dtype=np.uint8)
    for header, bits, compression in itertools.product(
        (12, 16, 24, 40, 42, 46, 48, 52, 56, 60, 64, 108, 120, 124, 128),
        (0, 1, 2, 4, 8, 16, 24, 32, 64),
        (0, 1, 2, 3, 4, 5, 6, 11),
    ):
        palette = bytes(range(4 * (1 << min(bits, 6)))) if 0 < bits <= 8 else b""
        data = containers.bmp_file(
            rows,
            bits,
            size=(7, 5),
            header=max(header, 40) if header != 12 else 12,
            compression=compression,
            palette=palette,
        )
        data = data[:14] + struct.pack("<I", header) + data[18:]
        yield Case(f"header {header}, {bits} bits, compression {compression}", data)
    base = containers.bmp_file(rows, 32, size=(7, 5))
    for at, value in itertools.product(
        (2, 6, 10, 34), (0, 1, 13, 53, 54, 55, 58, 100, len(base), len(base) + 1, 0xFFFFFFFF)
    ):
        yield Case(f"field at {at} is {value}", base[:at] + struct.pack("<I", value) + base[at + 4 :], base)


_SWEEPS: dict[str, list[Callable[[], Iterator[Case]]]] = {
    "PNG": [_png_checksums, _png_ends, _png_animations, _png_palettes],
    "JPEG": [_jpeg_profiles, _jpeg_colours, _jpeg_samplings, _jpeg_more_pictures, _jpeg_strays],
    "WebP": [_webp_variants],
    "BMP": [_bmp_masks, _bmp_palettes, _bmp_run_lengths, _bmp_headers],
    "TIFF": [tiff_sweeps.of],
}
