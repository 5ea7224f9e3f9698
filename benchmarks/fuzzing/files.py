"""Intact files of every kind of a format, drawn at random, with their pixels if these are known.

`draw` returns one file. Libraries write most of them. The kinds that no library writes on request are made by
the builders of the tests (`pngs`, `containers`) and by `jpeg_of_blocks` below.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageFile
from support import containers, pngs

Rng = np.random.Generator
ImageFile.MAXBLOCK = 1 << 22  # Pillow cannot write a progressive JPEG that is larger than its buffer
FORMATS = ("PNG", "JPEG", "WebP", "BMP", "TIFF")


@dataclass(frozen=True)
class Case:
    """A file to try.

    Attributes
    ----------
    name : str
        How it was made.
    data : bytes
    base : bytes or None
        The intact file that it was made from.
    truth : ndarray or None
        Its pixels as 8-bit RGBA, if they are known.
    """

    name: str
    data: bytes
    base: bytes | None = None
    truth: np.ndarray | None = None


def draw(kind: str, rng: Rng) -> Case:
    """Draw an intact file of a format."""
    makers = _MAKERS[kind]
    return makers[rng.integers(len(makers))](rng)


def picture(rng: Rng, channels: int = 3, *, size: tuple[int, int] | None = None, deep: bool = False) -> Any:
    """Draw samples (height, width, channels): noise, plain areas, a ramp, or few colours."""
    height, width = size or _size(rng)
    highest = 65535 if deep else 255
    samples = pngs.draw_samples(rng, (height, width, channels), highest)
    if channels in (2, 4):
        samples[..., -1] = pngs.draw_alpha(rng, (height, width), highest)
    return samples.astype(np.uint16 if deep else np.uint8)


def pick(rng: Rng, choices: Sequence[Any]) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _size(rng: Rng) -> tuple[int, int]:
    if rng.random() < 0.1:
        return int(rng.integers(1, 4)), int(rng.integers(1, 300))
    top = 200 if rng.random() < 0.1 else 40
    return int(rng.integers(1, top)), int(rng.integers(1, top))


def _spread(samples: np.ndarray) -> np.ndarray:
    """Convert samples with 1 to 4 channels to 8-bit RGBA; of 16 bits, take the high byte."""
    samples = samples if samples.dtype == np.uint8 else (samples >> 8).astype(np.uint8)
    rgba = np.full((*samples.shape[:2], 4), 255, np.uint8)
    rgba[..., :3] = samples[..., :1] if samples.shape[2] < 3 else samples[..., :3]
    if samples.shape[2] in (2, 4):
        rgba[..., 3] = samples[..., -1]
    return rgba


def _saved(samples: np.ndarray, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples).save(file, kind, **options)
    return file.getvalue()


def _encoded(samples: np.ndarray, suffix: str, parameters: Sequence[int] = ()) -> bytes:
    order = [2, 1, 0, 3][: samples.shape[2]] if samples.shape[2] > 1 else [0]
    return bytes(cv2.imencode(suffix, np.ascontiguousarray(samples[..., order]), list(parameters))[1])


# PNG


def _png_by_hand(rng: Rng) -> Case:
    colour_type, depth = pick(rng, pngs.KINDS)
    drawn = pngs.draw(rng, colour_type, depth, size=_size(rng))
    how = pngs.draw_writing(rng)
    return Case(f"PNG type {colour_type}, {depth} bits", drawn.png(**how), truth=drawn.rgba)


def _png_by_libraries(rng: Rng) -> Case:
    deep = bool(rng.integers(2))
    channels = pick(rng, (1, 3, 4))
    samples = picture(rng, channels, deep=deep)
    writer = int(rng.integers(3))
    if writer == 0:
        samples = samples if not deep else samples.astype(np.uint8)
        profile = {"icc_profile": bytes(range(200))} if rng.integers(2) else {}
        data = _saved(samples, "PNG", optimize=bool(rng.integers(2)), dpi=(72, 72), **profile)
    elif writer == 1:
        data = _encoded(samples, ".png")
    else:
        data = imagecodecs.png_encode(samples[..., 0] if channels == 1 else samples, level=1)
    name = ("Pillow", "OpenCV", "imagecodecs")[writer]
    return Case(f"PNG by {name}, {samples.dtype} x {channels}", data, truth=_spread(samples))


def _png_animated(rng: Rng) -> Case:
    size = _size(rng)
    frames = [Image.fromarray(picture(rng, 4, size=size)) for _ in range(int(rng.integers(1, 4)))]
    file = io.BytesIO()
    default = bool(rng.integers(2))
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:], default_image=default)
    return Case(f"APNG of {len(frames)} frames, default image {default}", file.getvalue())


# JPEG

_DIGITS = bytes(range(12))


def jpeg_of_blocks(
    rng: Rng,
    size: tuple[int, int],
    factors: Sequence[tuple[int, int]],
    *,
    restart: int = 0,
    separate: bool = False,
    progressive: bool = False,
    segments: bytes = b"",
) -> bytes:
    """Write a JPEG with any sampling factors, of blocks with a mean and one wave each.

    Every Huffman code is 4 bits long, which keeps the coder short. ``size`` is (height, width), ``factors``
    are (across, down) of each component; ``separate`` gives each component its own scan.
    """
    height, width = size
    most_across, most_down = (max(f[i] for f in factors) for i in (0, 1))
    columns, rows = _ceiling(width, 8 * most_across), _ceiling(height, 8 * most_down)
    frame = struct.pack(">BHHB", 8, height, width, len(factors))
    frame += b"".join(bytes((n + 1, a << 4 | d, 0)) for n, (a, d) in enumerate(factors))
    table = bytes([0, 0, 0, 12, *[0] * 12])
    head = b"\xff\xd8" + segments + containers.segment(0xDB, b"\0" + bytes([8] * 64))
    head += containers.segment(0xC2 if progressive else 0xC0, frame)
    head += containers.segment(0xC4, b"\0" + table + _DIGITS) + containers.segment(
        0xC4, b"\x10" + table + _DIGITS
    )
    if restart:
        head += containers.segment(0xDD, struct.pack(">H", restart))
    numbers = range(len(factors))
    scans = [[n] for n in numbers] if separate or progressive else [list(numbers)]
    if progressive and not separate:
        scans[:0] = [list(numbers)]
    out = head
    for position, scan in enumerate(scans):
        first = progressive and position == 0
        last = 0 if first else 1 if progressive else 63
        start = 1 if progressive and not first else 0
        if progressive and separate:
            start, last = 0, 0
        listed = b"".join(bytes((n + 1, 0)) for n in scan)
        out += containers.segment(0xDA, bytes([len(scan)]) + listed + bytes([start, last, 0]))
        if len(scan) == 1:
            across, down = factors[scan[0]]
            wide, high = _ceiling(width * across, most_across), _ceiling(height * down, most_down)
            blocks, mcus = 1, _ceiling(wide, 8) * _ceiling(high, 8)
        else:
            blocks, mcus = sum(a * d for a, d in (factors[n] for n in scan)), columns * rows
        owners = (
            [0]
            if len(scan) == 1
            else [k for k, n in enumerate(scan) for _ in range(factors[n][0] * factors[n][1])]
        )
        out += _coded(rng, mcus, owners[:blocks], restart, dc=start == 0, ac=last > 0)
    return out + b"\xff\xd9"


def _ceiling(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _coded(rng: Rng, mcus: int, owners: list[int], restart: int, *, dc: bool, ac: bool) -> bytes:
    """Code the data of so many units; ``owners`` is the component of each block of a unit."""
    out, bits = b"", []
    before = dict.fromkeys(owners, 0)
    means = rng.integers(-60, 60, (mcus, len(owners))).tolist()
    waves = rng.integers(-40, 40, (mcus, len(owners))).tolist()
    for unit in range(mcus):
        if restart and unit and unit % restart == 0:
            out += _stuffed(bits) + bytes((0xFF, 0xD0 + (unit // restart - 1) % 8))
            bits, before = [], dict.fromkeys(owners, 0)
        for block, owner in enumerate(owners):
            if dc:
                bits.append(_number(means[unit][block] - before[owner]))
                before[owner] = means[unit][block]
            if ac:
                wave = waves[unit][block]
                bits.append((_number(wave) if wave else "") + ("0000" if dc or not wave else ""))
    return out + _stuffed(bits)


def _number(value: int) -> str:
    """Code a difference: its category, in 4 bits, and its bits."""
    length = abs(value).bit_length()
    low = value if value > 0 else value + (1 << length) - 1
    return f"{length:04b}" + (f"{low:0{length}b}" if length else "")


def _stuffed(bits: list[str]) -> bytes:
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    packed = int(text, 2).to_bytes(len(text) // 8, "big") if text else b""
    return packed.replace(b"\xff", b"\xff\0")


def _jpeg_by_libraries(rng: Rng) -> Case:
    channels = pick(rng, (1, 3, 3, 3))
    samples = picture(rng, channels)
    writer = int(rng.integers(3))
    if writer == 0:
        options: dict[str, Any] = {"quality": int(rng.integers(1, 101)), "progressive": bool(rng.integers(2))}
        if channels == 3:
            options["subsampling"] = int(rng.integers(3))
        if rng.integers(2):
            options["restart_marker_blocks"] = int(rng.integers(1, 5))
        if rng.integers(3) == 0:
            options["icc_profile"] = rng.bytes(pick(rng, (10, 300, 70000)))
        if rng.integers(3) == 0:
            options["exif"] = b"Exif\0\0" + containers.exif_block(int(rng.integers(1, 9)))
        if rng.integers(3) == 0:
            options["comment"] = b"a comment"
        return Case(f"JPEG by Pillow, {channels} channels", _saved(samples, "JPEG", **options))
    if writer == 1:
        parameters = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(rng.integers(2)), cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
        return Case(f"JPEG by OpenCV, {channels} channels", _encoded(samples, ".jpg", parameters))
    options = {"level": int(rng.integers(20, 100))}
    if channels == 3:
        options["subsampling"] = pick(rng, ("444", "422", "420", "411", "440"))
        options["outcolorspace"] = pick(rng, ("ycbcr", "ycbcr", "rgb"))
        if options["outcolorspace"] == "rgb":
            options["subsampling"] = "444"
    data = imagecodecs.jpeg8_encode(samples[..., 0] if channels == 1 else samples, **options)
    return Case(f"JPEG by imagecodecs, {options}", data)


def _jpeg_by_hand(rng: Rng) -> Case:
    factors = [(1, 1)]
    if rng.integers(4):
        factors = [(int(rng.integers(1, 5)), int(rng.integers(1, 5))) for _ in range(3)]
    # the standard allows at most ten blocks in a unit
    separate = sum(a * d for a, d in factors) > 10 or bool(rng.integers(4) == 0)
    options = {"restart": int(pick(rng, (0, 0, 1, 3))), "progressive": bool(rng.integers(4) == 0)}
    data = jpeg_of_blocks(rng, _size(rng), factors, separate=separate, **options)
    return Case(f"JPEG of blocks, factors {factors}, {options}, separate {separate}", data)


def _mpo(rng: Rng) -> Case:
    size = _size(rng)
    pictures = [Image.fromarray(picture(rng, 3, size=size)) for _ in range(int(rng.integers(2, 4)))]
    file = io.BytesIO()
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:])
    return Case(f"MPO of {len(pictures)}", file.getvalue())


# WebP


def _webp(rng: Rng) -> Case:
    channels = pick(rng, (3, 4))
    samples = picture(rng, channels)
    writer = int(rng.integers(3))
    if writer == 0:
        options: dict[str, Any] = {"lossless": bool(rng.integers(2)), "quality": int(rng.integers(1, 101))}
        options |= {"method": int(rng.integers(0, 5)), "exact": bool(rng.integers(2))}
        if rng.integers(3) == 0:
            options["icc_profile"] = rng.bytes(301)
        if rng.integers(3) == 0:
            options["exif"] = b"Exif\0\0" + containers.exif_block(int(rng.integers(1, 9)))
        exact = options["lossless"] and (options["exact"] or channels == 3)
        data = _saved(samples, "WEBP", **options)
        return Case(f"WebP by Pillow, {channels} channels", data, truth=_spread(samples) if exact else None)
    if writer == 1:
        quality = int(pick(rng, (20, 90, 101)))
        return Case(
            f"WebP by OpenCV, {quality}", _encoded(samples, ".webp", [cv2.IMWRITE_WEBP_QUALITY, quality])
        )
    lossless = bool(rng.integers(2))
    return Case(
        f"WebP by imagecodecs, lossless {lossless}", imagecodecs.webp_encode(samples, lossless=lossless)
    )


def _webp_extended(rng: Rng) -> Case:
    case = _webp(rng)
    chunks = [c for c in containers.riff_chunks(case.data) if c[0] not in (b"VP8X", b"ICCP", b"EXIF")]
    with Image.open(io.BytesIO(case.data)) as opened:
        width, height, alpha = *opened.size, opened.mode == "RGBA"
    chunks.insert(0, containers.vp8x(16 * alpha, width, height))
    if rng.integers(2):
        chunks.append((b"XMP ", b"<x/>"))
    if rng.integers(2):
        chunks.append((b"ABCD", b"odd"))
    return Case(f"{case.name}, extended", containers.riff(*chunks), truth=case.truth)


def _webp_animated(rng: Rng) -> Case:
    size = _size(rng)
    frames = [Image.fromarray(picture(rng, 4, size=size)) for _ in range(int(rng.integers(1, 4)))]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return Case(f"animated WebP of {len(frames)}", file.getvalue())


# BMP


def _bmp_palette(rng: Rng) -> Case:
    bits = pick(rng, (1, 4, 8))
    height, width = _size(rng)
    header = pick(rng, (12, 40, 40, 52, 56, 108, 124, 64))
    colours = 1 << bits if header == 12 or rng.integers(2) else int(rng.integers(1, (1 << bits) + 1))
    step = 3 if header == 12 else 4
    table = rng.integers(0, 256, (colours, 3), dtype=np.uint8)
    if rng.integers(4) == 0:
        table[:] = table[:, :1]
    values = pngs.draw_samples(rng, (height, width, 1), colours - 1)[..., 0].astype(np.uint8)
    palette = b"".join(bytes(c[::-1]) + bytes(step - 3) for c in table)
    top_down = bool(rng.integers(2)) and header != 12
    stated = 0 if colours == 1 << bits else colours
    how: dict[str, Any] = {"header": header, "palette": palette, "colours": stated}
    if bits > 1 and header != 12 and rng.integers(2):
        literal = bool(rng.integers(2)) and width in range(3, 256)
        if bits == 8 or literal or width == 1 or width < 255:
            rows: Any = run_lengths(values, bits, literal)
            how |= {"compression": 1 if bits == 8 else 2}
            top_down = False
    if "compression" not in how:
        rows = containers.pack_bits(values, bits)
    size = (width, -height if top_down else height)
    data = containers.bmp_file(rows, bits, size=size, **how)
    return Case(f"BMP of {bits} bits, {header}, {how.get('compression')}", data, truth=_spread(table[values]))


def run_lengths(values: np.ndarray, bits: int, literal: bool) -> bytes:
    """Write RLE8 or RLE4 from the bottom row, in runs of at most 255."""
    if literal:
        return containers.run_lengths(values, bits, literal=True)
    coded = b""
    for row in values[::-1].tolist():
        for value, run in itertools.groupby(row):
            left = len(list(run))
            while left:
                coded += bytes((min(left, 255), value if bits == 8 else value * 17))
                left -= min(left, 255)
        coded += b"\0\0"
    return coded + b"\0\1"


def _bmp_fields(rng: Rng) -> Case:
    bits = pick(rng, (16, 24, 32))
    height, width = _size(rng)
    header = pick(rng, (40, 52, 56, 108, 124))
    masks: tuple[int, ...] = {
        16: (0x7C00, 0x3E0, 0x1F),
        24: (0xFF0000, 0xFF00, 0xFF),
        32: (0xFF0000, 0xFF00, 0xFF),
    }[bits]
    compression = 0
    if bits != 24 and rng.integers(3):
        compression, masks = 3, bmp_masks(rng, bits, alpha=header >= 56 and bool(rng.integers(2)))
    pixels = rng.integers(0, 1 << bits, (height, width), dtype=np.uint64)
    rows = (
        np.ascontiguousarray(pixels.astype("<u8")).view(np.uint8).reshape(height, width, 8)[:, :, : bits // 8]
    )
    listed = (*masks, *[0] * (4 - len(masks))) if header >= 56 else masks
    stated = listed if compression or header >= 52 else ()
    if not compression and header >= 52:
        stated = (0, 0, 0, 0) if header >= 56 else (0, 0, 0)
    top_down = bool(rng.integers(2))
    data = containers.bmp_file(
        rows.reshape(height, -1), bits, size=(width, -height if top_down else height), header=header,
        compression=compression, masks=stated,
    )  # fmt: skip
    planes = [channel(pixels, mask) for mask in masks if mask or len(masks) == 3]
    truth = _spread(np.dstack(planes[:4])) if max(m.bit_count() for m in masks) <= 8 else None
    return Case(f"BMP of {bits} bits, {header}, masks {[hex(m) for m in masks]}", data, truth=truth)


def channel(pixels: np.ndarray, mask: int) -> np.ndarray:
    """Scale a field of bits to 8 bits; 0 without a mask."""
    if not mask:
        return np.zeros(pixels.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    field = (pixels & np.uint64(mask)) >> np.uint64(shift)
    return (field * np.uint64(255) // np.uint64(mask >> shift)).astype(np.uint8)


def bmp_masks(rng: Rng, bits: int, *, alpha: bool = False) -> tuple[int, ...]:
    """Draw three or four fields of 1 to 8 bits that do not overlap."""
    while True:
        widths = rng.integers(1, 9, 3 + alpha).tolist()
        if sum(widths) <= bits:
            break
    gaps = bits - sum(widths)
    fields, at = [], int(rng.integers(0, gaps + 1))
    for width in widths:
        fields.append(((1 << width) - 1) << at)
        at += width
    return tuple(int(m) for m in rng.permutation(fields)) if rng.integers(2) else tuple(fields)


def _bmp_by_libraries(rng: Rng) -> Case:
    samples = picture(rng, pick(rng, (1, 3, 4)))
    if rng.integers(2):
        return Case("BMP by OpenCV", _encoded(samples, ".bmp"))
    samples = samples[..., :3]
    return Case("BMP by Pillow", _saved(samples, "BMP"), truth=_spread(samples))


# TIFF


def _tiff(rng: Rng) -> Case:
    depth = pick(rng, (1, 8, 8, 16))
    channels = 1 if depth == 1 else pick(rng, (1, 2, 3, 3, 4))
    if channels == 1 and depth == 8 and rng.integers(4) == 0:
        return _tiff_palette(rng)
    samples = picture(rng, channels, deep=depth == 16)
    stored = samples[..., 0] > 127 if depth == 1 else samples[..., 0] if channels == 1 else samples
    options = _tiff_options(rng, depth, channels, samples.shape[:2])
    white = channels == 1 and bool(rng.integers(3) == 0)
    options["photometric"] = "miniswhite" if white else "minisblack" if channels < 3 else "rgb"
    if options.get("planarconfig") == "separate":
        stored = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    file = io.BytesIO()
    kinds = {"bigtiff": bool(rng.integers(4) == 0), "byteorder": pick(rng, "<>")}
    with tifffile.TiffWriter(file, **kinds) as writer:
        writer.write(stored, **options)
    if depth == 1:
        samples = (stored[..., None] * 255).astype(np.uint8)
    truth = _spread(samples)
    if white:
        truth[..., :3] = ~truth[..., :3]
    lossy = options.get("compression") in ("jpeg",)
    label = {key: value for key, value in options.items() if key not in ("metadata", "extratags")}
    turned = [tag[3] for tag in options.get("extratags", ()) if tag[0] == 274]
    name = f"TIFF of {depth} bits x {channels}, {label | kinds}, turned {turned}"
    return Case(name, file.getvalue(), truth=None if lossy else truth)


def _tiff_options(rng: Rng, depth: int, channels: int, size: tuple[int, int]) -> dict[str, Any]:
    options: dict[str, Any] = {"metadata": None}
    compressions = [None, "lzw", "zlib", "packbits", "lzma", "zstd"]
    if depth == 8:
        compressions += ["jpeg"] if channels in (1, 3) else []
    options["compression"] = pick(rng, compressions)
    if depth > 1 and options["compression"] in ("lzw", "zlib", "zstd", "lzma"):
        options["predictor"] = bool(rng.integers(2))
    if channels > 1 and rng.integers(3) == 0:
        options["planarconfig"] = "separate"
    if rng.integers(3) == 0:
        options["tile"] = (16 * int(rng.integers(1, 4)), 16 * int(rng.integers(1, 4)))
    elif rng.integers(2):
        step = 8 if options["compression"] == "jpeg" else 1
        options["rowsperstrip"] = step * int(rng.integers(1, 9))
    if channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    extra = []
    if rng.integers(3) == 0:
        extra.append((274, 3, 1, int(rng.integers(1, 9)), True))
    if rng.integers(4) == 0:
        extra.append((34675, 7, 300, rng.bytes(300), True))
    if extra:
        options["extratags"] = extra
    if rng.integers(4) == 0:
        options["resolution"], options["resolutionunit"] = (72, 72), 2
    return options


def _tiff_palette(rng: Rng) -> Case:
    values = picture(rng, 1)[..., 0]
    table = rng.integers(0, 65536, (3, 256), dtype=np.uint16)
    file = io.BytesIO()
    compression = pick(rng, (None, "lzw", "zlib"))
    tifffile.imwrite(
        file, values, photometric="palette", colormap=table, compression=compression, metadata=None
    )
    return Case(
        "TIFF with a palette", file.getvalue(), truth=_spread((table >> 8).astype(np.uint8).T[values])
    )


def _tiff_by_hand(rng: Rng) -> Case:
    bits = pick(rng, (1, 2, 4, 8))
    height, width = _size(rng)
    values = rng.integers(0, 1 << bits, (height, width), dtype=np.uint8)
    photometric = int(rng.integers(2))
    tags = containers.tiff_tags(bits, photometric=photometric, t256=(4, [width]), t257=(4, [height]))
    tags[278] = (4, [height])
    data = containers.tiff_file(tags, containers.pack_bits(values, bits).tobytes(), pick(rng, "<>"))
    gray = values * np.uint8(255 // ((1 << bits) - 1))
    gray = gray if photometric else ~gray
    return Case(f"TIFF of {bits} bits by hand", data, truth=_spread(gray[..., None]))


def _tiff_by_libraries(rng: Rng) -> Case:
    channels = pick(rng, (1, 3, 4))
    samples = picture(rng, channels)
    if rng.integers(3) == 0:
        number = int(pick(rng, (1, 5, 32946, 32773)))
        data = _encoded(samples, ".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, number])
        return Case(f"TIFF by OpenCV, {channels} channels, {number}", data, truth=_spread(samples))
    names = ["raw", "tiff_lzw", "tiff_deflate", "packbits", "tiff_adobe_deflate", "zstd", "lzma"]
    compression = pick(rng, names + (["jpeg"] if channels < 4 else []))
    if rng.integers(5) == 0:
        black = Image.fromarray(samples[..., 0] > 127)
        file = io.BytesIO()
        compression = pick(rng, ("group3", "group4", "tiff_ccitt"))
        black.save(file, "TIFF", compression=compression)
        gray = np.asarray(black.convert("L"))[..., None]
        return Case(f"TIFF by Pillow, {compression}", file.getvalue(), truth=_spread(gray))
    data = _saved(samples, "TIFF", compression=compression)
    truth = None if compression == "jpeg" else _spread(samples)
    return Case(f"TIFF by Pillow, {channels} channels, {compression}", data, truth=truth)


def _tiff_pages(rng: Rng) -> Case:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for number in range(int(rng.integers(1, 4))):
            kind = {"subfiletype": int(number > 0) * int(rng.integers(2))}
            writer.write(picture(rng, 3), photometric="rgb", metadata=None, **kind)
    return Case("TIFF of pages", file.getvalue())


_MAKERS: dict[str, list[Callable[[Rng], Case]]] = {
    "PNG": [_png_by_hand, _png_by_hand, _png_by_hand, _png_by_libraries, _png_animated],
    "JPEG": [_jpeg_by_libraries, _jpeg_by_libraries, _jpeg_by_hand, _mpo],
    "WebP": [_webp, _webp, _webp_extended, _webp_animated],
    "BMP": [_bmp_palette, _bmp_fields, _bmp_by_libraries],
    "TIFF": [_tiff, _tiff, _tiff, _tiff_by_hand, _tiff_by_libraries, _tiff_pages],
}


def deflated(count: int, byte: int = 0) -> bytes:
    """Compress so many equal bytes by zlib, without holding them all."""
    packer = zlib.compressobj(9)
    block = bytes([byte]) * (1 << 20)
    out = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join(out) + packer.compress(block[: count & ((1 << 20) - 1)]) + packer.flush()
