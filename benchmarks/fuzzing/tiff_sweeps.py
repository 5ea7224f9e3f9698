"""Odd TIFF files of every kind: each tag repeated, missing, of another type, with odd values."""

import io
import itertools
import struct
from collections.abc import Iterator

import numpy as np
import tifffile
from fuzzing import files
from fuzzing.files import Case
from fuzzing.mutations import Entry, entry, tiff_entries, tiff_with
from support import containers

_RNG = np.random.default_rng(77)
_RGB = files.picture(_RNG, 3, size=(37, 29))
_RGBA = files.picture(_RNG, 4, size=(37, 29))
_GRAY = _RGB[..., 0]


def of() -> Iterator[Case]:
    """Yield all cases, the same ones each time."""
    for sweep in (
        _twice,
        _missing,
        _types,
        _lengths,
        _rows,
        _values,
        _turned,
        _following,
        _outside,
        _samples,
        _jpeg,
    ):
        yield from sweep()


def _written(samples: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    kinds = {name: options.pop(name) for name in ("bigtiff", "byteorder") if name in options}
    photometric = "rgb" if samples.ndim == 3 and samples.shape[-1] > 2 else "minisblack"
    with tifffile.TiffWriter(file, **kinds) as writer:
        writer.write(samples, **{"photometric": photometric, "metadata": None, **options})
    return file.getvalue()


def _bases() -> Iterator[tuple[str, bytes]]:
    """Make small intact files of the common kinds."""
    yield "gray", _written(_GRAY, rowsperstrip=8)
    yield "RGB, one strip", _written(_RGB)
    yield "RGB, LZW", _written(_RGB, rowsperstrip=8, compression="lzw", predictor=True)
    yield "RGBA, deflate", _written(_RGBA, rowsperstrip=8, compression="zlib", extrasamples=["unassalpha"])
    yield (
        "planes, PackBits",
        _written(np.moveaxis(_RGB, 2, 0).copy(), planarconfig="separate", compression="packbits"),
    )
    yield "RGB, big-endian BigTIFF", _written(_RGB, rowsperstrip=16, bigtiff=True, byteorder=">")
    yield "tiles", _written(_RGB, tile=(16, 16))
    yield "tiles, deflate", _written(_RGB, tile=(16, 32), compression="zlib")
    yield "JPEG", _written(_RGB, rowsperstrip=16, compression="jpeg")
    yield "bilevel", _written(_GRAY > 127, rowsperstrip=8)
    yield "16 bits", _written(_GRAY.astype(np.uint16) * 255, rowsperstrip=8, compression="zlib")


def _order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"


def _replaced(entries: list[Entry], *changed: Entry) -> list[Entry]:
    tags = {e[0] for e in changed}
    return sorted([e for e in entries if e[0] not in tags] + list(changed), key=lambda e: e[0])


def _twice() -> Iterator[Case]:
    for name, base in _bases():
        entries = tiff_entries(base)
        for at, (tag, kind, count, value) in enumerate(entries):
            other = (
                bytes(value[:-1]) + bytes((value[-1] ^ 1,))
                if _order(base) == ">"
                else bytes((value[0] ^ 1,)) + value[1:]
            )
            extra = [("the same", value), ("another value", other), ("zero", bytes(len(value)))]
            for label, second in extra:
                double = tag, kind, count, second
                yield Case(
                    f"{name}, tag {tag} twice, second {label}",
                    tiff_with(base, [*entries[: at + 1], double, *entries[at + 1 :]]),
                    base,
                )
                yield Case(
                    f"{name}, tag {tag} twice, first {label}",
                    tiff_with(base, [*entries[:at], double, *entries[at:]]),
                    base,
                )
                yield Case(
                    f"{name}, tag {tag} again at the end, {label}", tiff_with(base, [*entries, double]), base
                )


def _missing() -> Iterator[Case]:
    for name, base in _bases():
        entries = tiff_entries(base)
        for gone in entries:
            yield Case(
                f"{name}, without tag {gone[0]}", tiff_with(base, [e for e in entries if e is not gone]), base
            )
        yield Case(f"{name}, tags in reverse", tiff_with(base, entries[::-1]), base)
        for keep in range(len(entries)):
            yield Case(f"{name}, only {keep} tags", tiff_with(base, entries[:keep]), base)


def _types() -> Iterator[Case]:
    """Yield every integer tag as BYTE, SHORT, LONG, signed, LONG8, and with a type that does not exist."""
    forms = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 11: "f", 12: "d"}
    for name, base in _bases():
        entries, order = tiff_entries(base), _order(base)
        for tag, kind, count, value in entries:
            if kind not in (3, 4, 16):
                continue
            numbers = struct.unpack(f"{order}{count}{forms[kind]}", value)
            for other, form in forms.items():
                try:
                    packed = struct.pack(f"{order}{count}{form}", *numbers)
                except struct.error:
                    continue
                yield Case(
                    f"{name}, tag {tag} of type {other}",
                    tiff_with(base, _replaced(entries, (tag, other, count, packed))),
                    base,
                )
            for other in (0, 2, 5, 7, 14, 19, 255):
                yield Case(
                    f"{name}, tag {tag} called type {other}",
                    tiff_with(base, _replaced(entries, (tag, other, count, value))),
                    base,
                )
            for more in (0, count + 1, count - 1, 1000):
                filled = value + bytes(max(0, more - count) * (len(value) // count))
                yield Case(
                    f"{name}, tag {tag} with {more} values of {count}",
                    tiff_with(base, _replaced(entries, (tag, kind, more, filled))),
                    base,
                )


def _lengths() -> Iterator[Case]:
    """Yield offsets and byte counts of strips and tiles that are 0, too large or too small."""
    for name, base in _bases():
        entries, order = tiff_entries(base), _order(base)
        for tag in (279, 325, 273, 324):
            found = [e for e in entries if e[0] == tag]
            if not found:
                continue
            _, kind, count, value = found[0]
            form = {3: "H", 4: "I", 16: "Q"}[kind]
            old = list(struct.unpack(f"{order}{count}{form}", value))
            top = (1 << 8 * struct.calcsize(form)) - 1
            changes = {"all 0": [0] * count, "all the most": [top] * count, "all 1": [1] * count}
            for change in (-2, -1, 1, 2, 7, 100, 10_000):
                changes[f"all {change:+}"] = [max(0, n + change) & top for n in old]
                changes[f"last {change:+}"] = [*old[:-1], max(0, old[-1] + change) & top]
                changes[f"first {change:+}"] = [max(0, old[0] + change) & top, *old[1:]]
            changes |= {"first 0": [0, *old[1:]], "last 0": [*old[:-1], 0], "last the most": [*old[:-1], top]}
            changes |= {
                "reversed": old[::-1],
                "one": old[:1],
                "one too few": old[:-1],
                "one more": [*old, old[-1]],
            }
            changes |= {"doubled": old * 2, "all the first": old[:1] * count}
            for label, numbers in changes.items():
                if numbers:
                    yield Case(
                        f"{name}, tag {tag} {label}",
                        tiff_with(
                            base, _replaced(entries, entry(order, tag, 4, *(n & 0xFFFFFFFF for n in numbers)))
                        ),
                        base,
                    )
        swapped = {324: 273, 325: 279, 273: 324, 279: 325}
        moved = sorted((swapped.get(t, t), k, c, v) for t, k, c, v in entries)
        yield Case(f"{name}, tags of tiles for strips or the other way", tiff_with(base, moved), base)
        for cut in (1, 2, 10, 100, len(base) // 2):
            yield Case(f"{name}, {cut} bytes cut", base[:-cut], base)


def _rows() -> Iterator[Case]:
    for name, base in _bases():
        entries, order = tiff_entries(base), _order(base)
        for tag, value in itertools.product(
            (278, 322, 323), (0, 1, 7, 8, 16, 36, 37, 38, 64, 1000, 0x7FFFFFFF, 0xFFFFFFFF)
        ):
            yield Case(
                f"{name}, tag {tag} is {value}",
                tiff_with(base, _replaced(entries, entry(order, tag, 4, value))),
                base,
            )
        for tag, value in itertools.product((256, 257), (0, 1, 28, 30, 36, 38, 64, 65535, 0xFFFFFFFF)):
            yield Case(
                f"{name}, tag {tag} is {value}",
                tiff_with(base, _replaced(entries, entry(order, tag, 4, value))),
                base,
            )


def _values() -> Iterator[Case]:
    """Yield small numbers for every tag that selects a variant."""
    odd = {
        254: (0, 1, 2, 3, 4, 8, 16, 255), 255: (0, 1, 2, 3), 258: (0, 1, 2, 4, 8, 12, 16, 24, 32, 64),
        259: (*range(11), 32771, 32773, 32809, 32946, 34712, 34887, 34925, 50000, 50001, 50002),
        262: (0, 1, 2, 3, 4, 5, 6, 8, 9, 32803, 34892), 266: (0, 1, 2, 3), 277: (0, 1, 2, 3, 4, 5),
        284: (0, 1, 2, 3),
        296: (0, 1, 2, 3, 4), 317: (0, 1, 2, 3, 4), 332: (1, 2), 338: (0, 1, 2, 3, 9),
        339: (0, 1, 2, 3, 4, 5, 6, 7),
        530: (1, 2, 4), 531: (1, 2, 3), 32997: (0, 1, 2), 320: (0,), 347: (0,), 512: (1,), 33723: (0,),
        34665: (0, 8),
    }  # fmt: skip
    for name, base in _bases():
        entries, order = tiff_entries(base), _order(base)
        for tag, values in odd.items():
            for value, count in itertools.product(values, (1, 3)):
                yield Case(
                    f"{name}, tag {tag} is {value} x {count}",
                    tiff_with(base, _replaced(entries, entry(order, tag, 3, *[value] * count))),
                    base,
                )
        for tag, numbers in itertools.product(
            (282, 283), ((0, 0), (72, 0), (0, 1), (0xFFFFFFFF, 1), (72, 1))
        ):
            yield Case(
                f"{name}, tag {tag} is {numbers}",
                tiff_with(base, _replaced(entries, entry(order, tag, 5, *numbers))),
                base,
            )


def _turned() -> Iterator[Case]:
    """Yield every orientation with every compression, kind, layout of samples, strips and tiles."""
    compressions = (None, "lzw", "zlib", "packbits", "zstd", "lzma", "jpeg")
    layouts = ({}, {"rowsperstrip": 8}, {"tile": (16, 16)})
    kinds = ("minisblack", "miniswhite", "rgb", "planes", "16 bits", "palette")
    for compression, layout, kind, turned in itertools.product(compressions, layouts, kinds, range(10)):
        if compression == "jpeg" and kind in ("16 bits", "palette"):
            continue
        options = {"compression": compression, "extratags": [(274, 3, 1, turned, True)], **layout}
        samples = _RGB if kind in ("rgb", "planes") else _GRAY
        if kind == "planes":
            samples = np.moveaxis(_RGB, 2, 0).copy()
            options["planarconfig"], options["photometric"] = "separate", "rgb"
        elif kind == "16 bits":
            samples = _GRAY.astype(np.uint16) * 200
        elif kind == "palette":
            options["photometric"], options["colormap"] = (
                "palette",
                np.arange(768, dtype=np.uint16).reshape(3, 256) * 85,
            )
        elif kind != "rgb":
            options["photometric"] = kind
        yield Case(
            f"TIFF, {kind}, {compression}, {layout}, orientation {turned}", _written(samples, **options)
        )


def _following() -> Iterator[Case]:
    for name, base in _bases():
        entries, order = tiff_entries(base), _order(base)
        big = base[2:4] in (b"+\0", b"\0+")
        (old,) = struct.unpack_from(order + ("Q" if big else "I"), base, 8 if big else 4)
        itself = len(base) + (-len(base) % 8)
        for following in (itself, old, 1, 2, 8, len(base) - 1, len(base), len(base) * 3, 0xFFFFFFFF):
            yield Case(f"{name}, next directory at {following}", tiff_with(base, entries, following), base)
        yield Case(f"{name}, next directory cut", tiff_with(base, entries)[: -(8 if big else 4)], base)


def _outside() -> Iterator[Case]:
    """Yield tags whose values lie outside the file, private ones and those that a picture may have."""
    for name, base in _bases():
        if base[2:4] in (b"+\0", b"\0+"):
            continue
        entries, order = tiff_entries(base), _order(base)
        for tag, kind in itertools.product(
            (270, 282, 305, 306, 315, 330, 333, 532, 33432, 33723, 34377, 34665, 34675, 37724, 42112, 65000),
            (1, 2, 3, 4, 5, 7, 12),
        ):
            for count in (9, 1 << 20, 0xFFFFFFFF):
                changed = _replaced(entries, (tag, kind, count, b""))
                data = bytearray(tiff_with(base, changed))
                at = data.rfind(struct.pack(order + "HHI", tag, kind, count))
                for place in (len(data) - 4, len(data) + 100, 0xFFFFFFF0):
                    struct.pack_into(order + "I", data, at + 8, place)
                    yield Case(
                        f"{name}, tag {tag}, {count} values of type {kind} at {place}", bytes(data), base
                    )


def _samples() -> Iterator[Case]:
    """Yield samples beside the colours, of every meaning, opaque or not; and formats of samples."""
    alphas = {"opaque": 255, "clear": 0, "mixed": None}
    for channels, depth, planar in itertools.product((2, 4), (8, 16), (False, True)):
        for alpha, meaning, compression in itertools.product(alphas, (None, 0, 1, 2, 3), (None, "lzw")):
            samples = (_RGBA[..., :channels]).copy()
            if alphas[alpha] is not None:
                samples[..., -1] = alphas[alpha]
            samples = samples if depth == 8 else samples.astype(np.uint16) * 257
            options = {"compression": compression, "photometric": "rgb" if channels == 4 else "minisblack"}
            if planar:
                samples, options["planarconfig"] = np.moveaxis(samples, 2, 0).copy(), "separate"
            base = _written(samples, extrasamples=["unassalpha"], **options)
            entries, order = tiff_entries(base), _order(base)
            kept = [e for e in entries if e[0] != 338]
            if meaning is not None:
                kept = _replaced(kept, entry(order, 338, 3, meaning))
            label = f"{channels} channels, {depth} bits, planar {planar}, {compression}, alpha {alpha}"
            yield Case(f"{label}, ExtraSamples {meaning}", tiff_with(base, kept))


def _jpeg() -> Iterator[Case]:
    """Yield JPEG in TIFF: samplings, strips that end early, shared tables, colours called YCbCr or RGB."""
    for height, rows, tile in itertools.product((37, 16, 17), (8, 16, 32, 64), (None, (16, 16), (32, 48))):
        samples = np.ascontiguousarray(np.resize(_RGB, (height, 29, 3)))
        for sampling, space in itertools.product(((1, 1), (2, 1), (2, 2), (1, 2), (4, 1)), ("ycbcr", "rgb")):
            options = {"compression": "jpeg", "photometric": "ycbcr" if space == "ycbcr" else "rgb"}
            options |= {"tile": tile} if tile else {"rowsperstrip": rows}
            if space == "ycbcr":
                options["subsampling"] = sampling
            elif sampling != (1, 1):
                continue
            try:
                data = _written(samples, **options)
            except Exception:  # a combination that the writer does not offer
                continue
            yield Case(f"JPEG in TIFF, {height} rows, {options}", data)
    for quality in (10, 75, 100):
        for kind in ("L", "RGB"):
            samples = _RGB if kind == "RGB" else _RGB[..., :1]
            data = containers.pillow(samples, "TIFF", compression="jpeg", quality=quality)
            yield Case(f"JPEG in TIFF by Pillow, {kind}, {quality}", data)
