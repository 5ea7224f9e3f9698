"""The table of statuses and codes: two files, and what their row says."""

from typing import NamedTuple

import numpy as np

from support import containers, pngs
from support.samples import (
    ALPHA_0,
    ENORMOUS,
    GRAY,
    HTML,
    INDEX,
    JPEG,
    LONG,
    NOISE,
    PALETTE,
    PLAIN,
    RGB,
    RGB16,
    RGBA,
    RGBA8,
    RGBA16,
    SHORT,
    before,
    broken_crc,
    changed,
    cmyk_jpeg,
    rgb,
    several,
    with_alpha_zero,
    with_rows,
)


class Case(NamedTuple):
    """Two files (None: absent), the status and the code of their row, and words of its message."""

    first: bytes | None
    second: bytes | None
    status: str
    code: str
    words: tuple[str, ...] = ()


def same(first: bytes, second: bytes) -> Case:
    return Case(first, second, "same", "pixels_equal", ("pixels are equal",))


def metadata(first: bytes, second: bytes, *names: str) -> Case:
    return Case(first, second, "same", "metadata_differs", names)


def differ(first: bytes, second: bytes, *words: str) -> Case:
    return Case(first, second, "changed", "pixels_differ", words)


def low_bits(first: bytes, second: bytes) -> Case:
    return Case(first, second, "changed", "low_bits_differ", ("16-bit",))


def error(first: bytes, second: bytes, code: str, *words: str) -> Case:
    return Case(first, second, "error", code, words)


CASES = {
    "same bytes": Case(PLAIN, PLAIN, "same", "bytes_equal", ("byte for byte",)),
    "same bytes and metadata": Case(before(pngs.gama()), before(pngs.gama()), "same", "bytes_equal"),
    "palette against RGB": same(pngs.write(INDEX, 3, 4, palette=PALETTE), pngs.write(PALETTE[INDEX], 2, 8)),
    "RGB against RGBA": same(PLAIN, pngs.write(np.dstack([RGB, np.full((12, 17), 255)]), 6, 8)),
    "gray against RGB": same(pngs.write(GRAY, 0, 8), pngs.write(np.repeat(GRAY, 3, axis=2), 2, 8)),
    "other compression": same(PLAIN, rgb(level=0, filters=4, idat_split=50)),
    "other filters in every row": same(rgb(filters=[0, 1, 2, 3, 4]), rgb(filters=[4, 3, 2, 1, 0])),
    "interlaced": same(PLAIN, rgb(interlace=True)),
    "other text": same(before(pngs.text(b"Comment", b"one")), before(pngs.text(b"Comment", b"other"))),
    "text after the pixels": same(PLAIN, rgb(chunks_after_idat=[pngs.text()])),
    "8 against 16 bits": same(PLAIN, pngs.write(RGB * 257, 2, 16)),
    "WebP named .png": Case(
        PLAIN,
        containers.pillow(RGB.astype(np.uint8), "WEBP", lossless=True),
        "same",
        "pixels_equal",
        ("second is a WebP file",),
    ),
    "orientation": metadata(PLAIN, before(pngs.exif(6)), "orientation"),
    "two orientations": metadata(before(pngs.exif(3)), before(pngs.exif(6)), "orientation"),
    "colour profile": metadata(PLAIN, before(pngs.iccp()), "colour profile"),
    "two colour profiles": metadata(before(pngs.iccp(b"one")), before(pngs.iccp(b"other")), "colour profile"),
    "sRGB": metadata(PLAIN, before(pngs.srgb()), "colour profile"),
    "gamma": metadata(PLAIN, before(pngs.gama()), "gamma"),
    "two gammas": metadata(before(pngs.gama(45455)), before(pngs.gama(100_000)), "gamma"),
    "density": metadata(PLAIN, before(pngs.phys()), "density"),
    "two densities": metadata(before(pngs.phys(2835, 2835)), before(pngs.phys(3780, 3780)), "density"),
    "all metadata": metadata(
        PLAIN,
        before(pngs.gama(), pngs.iccp(), pngs.phys(), pngs.exif(8)),
        "colour profile",
        "density",
        "gamma",
        "orientation",
    ),
    "density of JPEG": metadata(
        containers.jpeg_with(containers.jfif(1, 72, 72)),
        containers.jpeg_with(containers.jfif(1, 96, 96)),
        "density",
    ),
    "same profile compressed otherwise": same(before(pngs.iccp(level=1)), before(pngs.iccp(level=9))),
    "red by 1": differ(PLAIN, pngs.write(changed(RGB, 0), 2, 8), "1 pixel differs"),
    "green by 1": differ(PLAIN, pngs.write(changed(RGB, 1), 2, 8), "1 pixel differs"),
    "blue by 1": differ(PLAIN, pngs.write(changed(RGB, 2), 2, 8), "1 pixel differs"),
    "alpha only": differ(
        pngs.write(RGBA, 6, 8), pngs.write(changed(RGBA, 3, by=100), 6, 8), "1 pixel differs"
    ),
    "hidden colours": differ(
        pngs.write(with_alpha_zero(10), 6, 8), pngs.write(with_alpha_zero(11), 6, 8), "1 pixel differs"
    ),
    "pixels and metadata": differ(before(pngs.gama()), pngs.write(255 - RGB, 2, 8), "204 pixels", "gamma"),
    "low bytes of RGB": low_bits(pngs.write(RGB16, 2, 16), pngs.write(RGB16 ^ 1, 2, 16)),
    "low byte of one RGB value": low_bits(
        pngs.write(RGB16 & ~1, 2, 16), pngs.write(changed(RGB16 & ~1, 1, flip=1), 2, 16)
    ),
    "low bytes, interlaced": low_bits(
        pngs.write(RGB16, 2, 16, interlace=True), pngs.write(RGB16 ^ 255, 2, 16)
    ),
    "low bytes of RGBA": low_bits(
        pngs.write(np.dstack([RGB16, np.full((12, 17), 65535)]), 6, 16), pngs.write(RGB16 ^ 1, 2, 16)
    ),
    "low bytes of gray against RGB": low_bits(
        pngs.write(RGB16[..., :1], 0, 16), pngs.write(np.repeat(RGB16[..., :1] ^ 3, 3, axis=2), 2, 16)
    ),
    "gray against RGB of 16 bits": same(
        pngs.write(RGB16[..., :1], 0, 16), pngs.write(np.repeat(RGB16[..., :1], 3, axis=2), 2, 16)
    ),
    "16 bits against their high bytes": Case(
        pngs.write(RGB16, 2, 16), pngs.write(RGB16 >> 8, 2, 8), "changed", "depth_differs", ("16 bits", "8")
    ),
    "the high bytes against 16 bits": Case(
        pngs.write(RGBA16 >> 8, 6, 8), pngs.write(RGBA16, 6, 16), "changed", "depth_differs", ("16", "8 bits")
    ),
    "16 bits with zeros as low bytes": Case(
        pngs.write(RGB16 & 0xFF00, 2, 16),
        pngs.write(RGB16 >> 8, 2, 8),
        "changed",
        "depth_differs",
        ("16", "8"),
    ),
    "16 bits with alpha against 8": same(pngs.write(RGBA8, 6, 8), pngs.write(RGBA8 * 257, 6, 16)),
    "16 bits with alpha 0 against 8": same(
        pngs.write(np.dstack([RGB, ALPHA_0]), 6, 8), pngs.write(np.dstack([RGB, ALPHA_0]) * 257, 6, 16)
    ),
    "hidden colours of 16 bits": differ(
        pngs.write(np.dstack([RGB16, ALPHA_0]), 6, 16),
        pngs.write(np.dstack([RGB16 ^ 0x8000, ALPHA_0]), 6, 16),
    ),
    "high and low bytes": differ(pngs.write(RGB16, 2, 16), pngs.write(RGB16 ^ 257, 2, 16)),
    "one row more": Case(
        PLAIN,
        pngs.write(np.concatenate([RGB, RGB[-1:]]), 2, 8),
        "changed",
        "dimensions_differ",
        ("17 x 12", "17 x 13"),
    ),
    "missing": Case(PLAIN, None, "missing", "only_first", ("only in first",)),
    "extra": Case(None, PLAIN, "extra", "only_second", ("only in second",)),
    "missing and broken": Case(PLAIN[:60], None, "missing", "only_first", ("only in first", "cut off")),
    "missing with broken pixels": Case(SHORT, None, "missing", "only_first", ("compressed pixel data",)),
    "extra and empty": Case(None, b"", "extra", "only_second", ("only in second", "0 bytes")),
    "extra and HTML": Case(None, HTML, "extra", "only_second", ("only in second", "web page")),
    "first is empty": error(b"", PLAIN, "empty", "first cannot be compared"),
    "second is empty": error(PLAIN, b"", "empty", "second cannot be compared"),
    "both are empty": error(b"", b"", "empty", "first cannot", "second cannot"),
    "cut": error(PLAIN, PLAIN[:-20], "truncated", "second cannot be compared"),
    "no end mark": error(PLAIN, PLAIN[:-12], "truncated", "second cannot be compared"),
    "checksum": error(broken_crc(PLAIN, 1), PLAIN, "corrupt", "first cannot be compared", "IDAT"),
    "first inflates to too little": error(SHORT, PLAIN, "corrupt", "first cannot be compared"),
    "second inflates to too much": Case(
        PLAIN, LONG, "same", "pixels_equal", ("second has surplus bytes after its pixel data",)
    ),
    "both inflate wrongly": error(SHORT, NOISE, "corrupt", "first cannot", "second cannot"),
    "deflate data are noise": error(NOISE, PLAIN, "corrupt", "first cannot"),
    "a row filter that does not exist": error(
        PLAIN, with_rows(PLAIN, lambda rows: b"\x09" + rows[1:]), "corrupt", "second cannot be compared"
    ),
    "a colour beyond the palette": error(
        pngs.write(INDEX, 3, 4, palette=PALETTE),
        pngs.write(np.full((12, 17), 9), 3, 4, palette=PALETTE),
        "corrupt",
        "second cannot be compared",
    ),
    "two errors, first's code": error(PLAIN[:70], HTML, "truncated", "first cannot", "second cannot"),
    "two errors, first's code, other order": error(HTML, PLAIN[:70], "not_an_image", "first", "second"),
    "two errors, first's code, found in its pixels": error(SHORT, b"", "corrupt", "first cannot", "second"),
    "bytes after the end": Case(
        PLAIN, PLAIN + b"\r\n", "same", "pixels_equal", ("second has 2 bytes after the end",)
    ),
    "changed and bytes after the end": differ(
        PLAIN + bytes(7), pngs.write(changed(RGB, 0), 2, 8), "first has 7 bytes after the end"
    ),
    "same bytes after the end": Case(
        PLAIN + b"more", PLAIN + b"more", "same", "bytes_equal", ("first has 4 bytes", "second has 4 bytes")
    ),
    "HTML": error(PLAIN, HTML, "not_an_image", "second cannot be compared"),
    "the same HTML": error(HTML, HTML, "not_an_image", "first cannot", "second cannot"),
    "GIF": error(PLAIN, b"GIF89a" + bytes(20), "unsupported", "second", "GIF"),
    "JPEG named .png": Case(JPEG, JPEG, "same", "bytes_equal", ("first is a JPEG", "second is a JPEG")),
    "JPEG named .png, changed": differ(
        JPEG, containers.pillow(255 - RGB.astype(np.uint8), "JPEG"), "first is a JPEG", "second is a JPEG"
    ),
    "animated PNG": error(PLAIN, several("PNG"), "animated", "second cannot be compared"),
    "the same animated PNG": error(several("PNG"), several("PNG"), "animated", "first", "second"),
    "animated WebP": error(several("WEBP"), PLAIN, "animated", "first cannot be compared"),
    "TIFF of two pages": error(several("TIFF"), PLAIN, "animated", "first cannot be compared"),
    "float TIFF": error(
        PLAIN, containers.tifffile_writes(RGB.astype(np.float32) / 255), "unsupported", "second cannot"
    ),
    "CMYK JPEG": error(PLAIN, cmyk_jpeg(), "unsupported", "second cannot be compared"),
    "60000 x 60000 PNG": error(PLAIN, ENORMOUS["png"], "too_many_pixels", "second", "60000 x 60000"),
    "60000 x 60000 BMP": error(ENORMOUS["bmp"], PLAIN, "too_many_pixels", "first", "60000 x 60000"),
    "60000 x 60000 JPEG": error(PLAIN, ENORMOUS["jpeg"], "too_many_pixels", "second", "60000 x 60000"),
    "60000 x 60000 twice": error(ENORMOUS["png"], ENORMOUS["png"], "too_many_pixels", "first", "second"),
}
