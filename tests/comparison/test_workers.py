"""What every file gets: exactly one row. Each line of the table of statuses and codes, on real files."""

import dataclasses
import io
import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from support import containers, oracles, pngs, strategies

from mymodules import batch, images, pairs, results, settings, workers
from mymodules.formats import jpeg, png
from mymodules.images import bands
from mymodules.workers import Job, PairResult

ROOT = Path(__file__).resolve().parents[2]

COMPARED = (
    "ssim_score", "num_diff_pixels", "pixel_diff_percent", "max_diff_r", "max_diff_g", "max_diff_b",
    "max_diff_a", "dim_differ", "combined", "regions", "region_pixels",
)  # fmt: skip
MANY_FILE_SYSTEMS_REFUSE = pytest.mark.skipif(
    sys.platform != "linux", reason="only file systems of Linux take every name"
)

rng = np.random.default_rng(20240301)
RGB = rng.integers(0, 256, (12, 17, 3))
RGBA = rng.integers(1, 255, (12, 17, 4))
RGB16 = rng.integers(0, 65536, (12, 17, 3))
RGBA16 = np.dstack([RGB16, rng.integers(256, 65535, (12, 17))])
RGBA8 = np.dstack([RGB, rng.integers(0, 256, (12, 17))])
ALPHA_0 = np.zeros((12, 17), int)
GRAY = rng.integers(0, 256, (12, 17, 1))
PALETTE = rng.integers(0, 256, (5, 3))
INDEX = rng.integers(0, 5, (12, 17))
PLAIN = pngs.write(RGB, 2, 8)


def changed(samples: np.ndarray, channel: int, *, by: int = 1, flip: int = 0) -> np.ndarray:
    """The samples with one value at row 5, column 9 moved by so much, or with some of its bits flipped."""
    other = samples.copy()
    if flip:
        other[5, 9, channel] ^= flip
    else:
        other[5, 9, channel] += by if other[5, 9, channel] < 128 else -by
    return other


def with_alpha_zero(red: int) -> np.ndarray:
    other = RGBA.copy()
    other[3, 4] = (red, 20, 30, 0)
    return other


def broken_crc(png: bytes, number: int) -> bytes:
    """The file with the CRC of its chunk of this number changed."""
    parts = [pngs.chunk(kind, data) for kind, data in pngs.chunks_of(png)]
    parts[number] = parts[number][:-1] + bytes([parts[number][-1] ^ 1])
    return pngs.SIGNATURE + b"".join(parts)


def with_pixel_data(png: bytes, data: bytes) -> bytes:
    """The file with other compressed data, its container whole."""
    kept = [(kind, data if kind == b"IDAT" else body) for kind, body in pngs.chunks_of(png)]
    return pngs.assemble(kept)


def with_rows(png: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The file with its inflated data changed."""
    return with_pixel_data(png, zlib.compress(change(zlib.decompress(dict(pngs.chunks_of(png))[b"IDAT"]))))


SHORT = with_rows(PLAIN, lambda rows: rows[:-1])
LONG = with_rows(PLAIN, lambda rows: rows + b"\0")
NOISE = with_pixel_data(PLAIN, b"noise")
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
JPEG = containers.pillow(RGB.astype(np.uint8), "JPEG", quality=90)


def cmyk_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("CMYK", (17, 12), (10, 20, 30, 40)).save(file, "JPEG")
    return file.getvalue()


def several(kind: str) -> bytes:
    """Two different pictures in one file."""
    file = io.BytesIO()
    one, other = (Image.fromarray(samples.astype(np.uint8)) for samples in (RGB, 255 - RGB))
    options = {"lossless": True} if kind == "WEBP" else {}
    one.save(file, kind, save_all=True, append_images=[other], **options)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    header = pngs.ihdr(width, height, 2, 8)
    return pngs.assemble([header, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")])


def bmp_of_size(width: int, height: int) -> bytes:
    return containers.bmp_file(b"\0" * 100, 24, size=(width, height))


def jpeg_of_size(width: int, height: int) -> bytes:
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


ENORMOUS = {
    "png": png_of_size(60_000, 60_000),
    "bmp": bmp_of_size(60_000, 60_000),
    "jpeg": jpeg_of_size(60_000, 60_000),
}


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


def rgb(**how: Any) -> bytes:
    return pngs.write(RGB, 2, 8, **how)


def before(*chunks: pngs.Chunk) -> bytes:
    return rgb(chunks_before=chunks)


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


class Folders(NamedTuple):
    first: Path
    second: Path
    out: Path


@pytest.fixture(autouse=True)
def _settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test chooses with `settings.init` ends with it."""
    monkeypatch.setattr(settings, "_current", None)
    monkeypatch.setenv(settings.ENVIRONMENT, "")  # so that it is put back
    monkeypatch.delenv(settings.ENVIRONMENT)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "first", tmp_path / "second", tmp_path / "out")
    for folder in made:
        folder.mkdir()
    return made


def put(folders: Folders, first: bytes | None, second: bytes | None, name: str = "x.png") -> None:
    for folder, data in ((folders.first, first), (folders.second, second)):
        path = folder / name
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def rows(folders: Folders, **how: Any) -> list[PairResult]:
    """A row for everything that the two folders hold."""
    return [workers.compare(Job(pair, **how)) for pair in pairs.find(folders.first, folders.second).pairs]


def row(folders: Folders, **how: Any) -> PairResult:
    (only,) = rows(folders, **how)
    return only


def row_of(folders: Folders, first: bytes | None, second: bytes | None, **how: Any) -> PairResult:
    put(folders, first, second)
    return row(folders, **how)


def untimed(result: PairResult) -> PairResult:
    assert result.seconds is not None
    assert result.seconds >= 0
    return result._replace(seconds=None)


def size_of(data: bytes | None) -> tuple[int | None, int | None]:
    """Width and height as Pillow or the header says, where the container is whole."""
    if not data:
        return None, None
    try:
        header = images.inspect(data)
    except Exception:
        return None, None
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (header.width, header.height)
    return header.width, header.height


# The table


@pytest.mark.parametrize("name", CASES)
def test_each_line_of_the_table(folders: Folders, name: str) -> None:
    case = CASES[name]
    found = row_of(folders, case.first, case.second)
    assert (found.status, found.code) == (case.status, case.code), found.messages
    for words in case.words:
        assert words in found.messages
    assert found.image_filename == "x.png"
    assert found.first_digest == (None if case.first is None else images.digest(case.first))
    assert found.second_digest == (None if case.second is None else images.digest(case.second))
    if case.code != "too_many_pixels":
        assert (found.width_first, found.height_first) == size_of(case.first)
        assert (found.width_second, found.height_second) == size_of(case.second)
    figures = {column: getattr(found, column) for column in COMPARED}
    if case.status in ("same", "changed"):
        assert None not in figures.values()
    else:
        assert set(figures.values()) == {None}
    if case.status == "same" or case.code == "low_bits_differ":
        assert found.ssim_score == 1.0
        assert [found.num_diff_pixels, found.regions, found.region_pixels] == [0, (), ()]
        assert found.combined == 0


SWAPPED_STATUS = {"missing": ("extra", "only_second"), "extra": ("missing", "only_first")}


@pytest.mark.parametrize("name", [name for name in CASES if "first's code" not in name])
def test_the_other_way_round_it_is_the_same_verdict(folders: Folders, name: str) -> None:
    case = CASES[name]
    one, other = (row_of(folders, case.first, case.second), row_of(folders, case.second, case.first))
    if case.first is None or case.second is None:
        assert (other.status, other.code) == SWAPPED_STATUS[case.status]
    else:
        assert (other.status, other.code) == (one.status, one.code)
    for column in COMPARED:
        assert getattr(other, column) == getattr(one, column), column


def test_the_pool_function_gives_the_same_rows_for_a_path_of_either_side(folders: Folders) -> None:
    for number, case in enumerate(CASES.values()):
        put(folders, case.first, case.second, f"{number // 10}/{number}.png")
    settings.init(None, *folders)
    expected = {found.image_filename: untimed(found) for found in rows(folders)}
    assert len(expected) == len(CASES)
    for folder in (folders.first, folders.second):
        for path in folder.glob("**/*.png"):
            found = workers.compare_image_diff(path)
            assert untimed(found) == expected[path.relative_to(folder).as_posix()]
            assert found[:3] == (found.ssim_score, found.image_filename, found.messages)


EVIL = "a \"q\" 'r'\n\r\u2028\x85 が 😀 =1"


@MANY_FILE_SYSTEMS_REFUSE
@pytest.mark.parametrize("name", CASES)
def test_messages_are_one_line_for_a_person(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    evil = Folders(*(tmp_path / EVIL / side for side in ("first", "second", "out")))
    for folder in evil:
        folder.mkdir(parents=True)
    put(evil, case.first, case.second, f"{EVIL}/{EVIL}.png")
    found = row(evil)
    assert found.status == case.status
    assert found.messages.endswith(".")
    assert '"' not in found.messages
    assert found.messages.splitlines() == [found.messages]
    assert len(found.messages) < 32_000
    if case.status == "error":
        assert "first cannot be compared" in found.messages or "second cannot be compared" in found.messages


# Same bytes: the container is walked, pixels are not decoded


def test_same_bytes_are_not_decoded(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for module in (png, jpeg):
        for name in ("inspect", "decode"):
            whole = getattr(module, name)
            monkeypatch.setattr(
                module, name, lambda *a, _whole=whole, _name=name: (calls.append(_name), _whole(*a))[1]
            )
    monkeypatch.setattr(png, "unfilter", lambda *a: calls.append("unfilter"))
    for data in (PLAIN, JPEG):
        found = row_of(folders, data, data)
        assert (found.status, found.code) == ("same", "bytes_equal")
    assert calls == ["inspect"] * 2  # once for both sides


@pytest.mark.parametrize(
    "data",
    [SHORT, NOISE, with_rows(PLAIN, lambda rows: b"\x09" + rows[1:])],
)
def test_of_same_bytes_the_container_alone_is_walked(folders: Folders, data: bytes) -> None:
    assert row_of(folders, data, data).code == "bytes_equal"
    assert row_of(folders, data, PLAIN).code == "corrupt"


# Figures by plain arithmetic


@pytest.mark.parametrize("channel", range(3))
def test_the_figures_of_one_value(folders: Folders, channel: int) -> None:
    found = row_of(folders, PLAIN, pngs.write(changed(RGB, channel), 2, 8))
    highest = [int(channel == i) for i in range(4)]
    percent = np.float32(100) / np.float32(12 * 17)
    assert found.num_diff_pixels == 1
    assert found.pixel_diff_percent == pytest.approx(float(percent), abs=1e-6)
    assert [found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a] == highest
    assert found.dim_differ is False
    assert found.combined == pytest.approx((percent * (1 / 4) ** 0.5 / 255) ** 0.5, rel=1e-6)
    assert found.regions == ((9, 5, 1, 1),)
    assert [found.width_first, found.height_first] == [17, 12]
    assert [found.width_second, found.height_second] == [17, 12]


@pytest.mark.parametrize("name", ["alpha only", "hidden colours"])
def test_what_gray_does_not_see_is_changed_all_the_same(folders: Folders, name: str) -> None:
    found = row_of(folders, *CASES[name][:2])
    assert found.num_diff_pixels == 1
    if name == "alpha only":
        assert found.ssim_score == 1.0
        assert [found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a] == [0, 0, 0, 100]


@pytest.mark.parametrize(("height", "width"), [(12, 17), (300, 20), (1, 1)])
def test_the_figures_of_one_row_more(folders: Folders, height: int, width: int) -> None:
    larger = np.random.default_rng(9).integers(0, 256, (height + 1, width, 3))
    found = row_of(folders, pngs.write(larger[:-1], 2, 8), pngs.write(larger, 2, 8))
    assert found.code == "dimensions_differ"
    assert found.dim_differ is True
    assert found.num_diff_pixels == width
    assert found.pixel_diff_percent == pytest.approx(100 / (height + 1), rel=1e-6)
    assert found.ssim_score == pytest.approx(height / (height + 1), abs=1e-12)
    assert [found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a] == [0] * 4
    assert found.combined == 0
    assert found.regions == ((0, height, width, 1),)
    assert [found.height_first, found.height_second] == [height, height + 1]


def test_the_figures_equal_the_plain_way(folders: Folders) -> None:
    random = np.random.default_rng(10)
    for _ in range(60):
        kind, other_kind = (random.integers(len(pngs.KINDS)) for _ in range(2))
        size = tuple(int(n) for n in random.integers(1, 40, 2))
        one = pngs.draw(random, *pngs.KINDS[kind], size=size)
        if random.integers(2):
            two = pngs.draw(random, *pngs.KINDS[other_kind])
        else:
            samples = one.samples.copy()
            y, x = (int(random.integers(n)) for n in size)
            samples[y, x] = one.samples[0, 0]
            two = dataclasses.replace(one, samples=samples)
        found = row_of(folders, one.png(filters=random), two.png(filters=random))
        expected = oracles.pixel_diff(one.rgba, two.rgba)
        assert found.num_diff_pixels == expected["numDiffPixels"]
        assert found.pixel_diff_percent == pytest.approx(expected["pixelDiffPercent"], rel=1e-6)
        assert [
            found.max_diff_r, found.max_diff_g, found.max_diff_b, found.max_diff_a
        ] == expected["maxRGBADiffs"]  # fmt: skip
        assert found.dim_differ == expected["dimDiffer"]
        assert found.combined == pytest.approx(expected["diffs"]["combined"], rel=1e-6)
        score = oracles.similarity(oracles.gray(one.rgba), oracles.gray(two.rgba))[0]
        assert found.ssim_score == pytest.approx(score, abs=1e-9)


# Broken files

CHUNKY = pngs.write(
    INDEX,
    3,
    4,
    palette=PALETTE,
    trns=[0, 128],
    idat_split=40,
    chunks_before=[pngs.gama(), pngs.phys()],
    chunks_after_idat=[pngs.text()],
)


def test_a_png_cut_at_every_byte(folders: Folders) -> None:
    assert row_of(folders, CHUNKY, CHUNKY).status == "same"
    for length in range(len(CHUNKY)):
        cut = CHUNKY[:length]
        codes = {"truncated", "corrupt"} if length else {"empty"}
        for first, second in ((cut, CHUNKY), (CHUNKY, cut), (cut, cut)):
            found = row_of(folders, first, second)
            assert found.status == "error", length
            assert found.code in codes, length
            assert ("first cannot" in found.messages) == (first is cut)
            assert ("second cannot" in found.messages) == (second is cut)


@pytest.mark.parametrize("number", range(len(pngs.chunks_of(CHUNKY))))
def test_every_checksum(folders: Folders, number: int) -> None:
    broken, kind = broken_crc(CHUNKY, number), pngs.chunks_of(CHUNKY)[number][0]
    needed = kind.isupper() or kind == b"tRNS"
    for first, second in ((broken, CHUNKY), (CHUNKY, broken), (broken, broken)):
        found = row_of(folders, first, second)
        if needed:
            assert (found.status, found.code) == ("error", "corrupt")
        else:
            assert found.status == "same"
            assert "checksum" in found.messages
        assert kind.decode() in found.messages


@pytest.mark.parametrize("broken", [SHORT, NOISE])
def test_wrong_inflated_length_has_known_sizes(folders: Folders, broken: bytes) -> None:
    for first, second in ((broken, PLAIN), (PLAIN, broken), (SHORT, NOISE)):
        found = row_of(folders, first, second)
        assert (found.status, found.code) == ("error", "corrupt")
        assert [found.width_first, found.height_first] == [17, 12]
        assert [found.width_second, found.height_second] == [17, 12]
        assert ("first cannot" in found.messages) == (first is not PLAIN)
        assert ("second cannot" in found.messages) == (second is not PLAIN)


@pytest.mark.parametrize("broken", [SHORT, NOISE])
@pytest.mark.parametrize("draw_same", [False, True])
def test_drawing_everything_survives_broken_files(folders: Folders, broken: bytes, draw_same: bool) -> None:
    drawn = {"pictures_dir": folders.out / "03.diff", "drawing_path": "x.png", "draw_same": draw_same}
    assert row_of(folders, broken, PLAIN, **drawn).code == "corrupt"
    found = row_of(folders, broken, broken, **drawn)
    assert found.code == "bytes_equal"
    assert ("could not be drawn" in found.messages) == draw_same


# Sizes above the limit


@pytest.mark.parametrize("kind", ENORMOUS)
def test_too_many_pixels_needs_no_memory(folders: Folders, kind: str) -> None:
    """The pair is compared by a process that may take 300 MB more than it has when it begins."""
    pytest.importorskip("resource", reason="no limits of memory on this system")
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell a process its size")
    put(folders, ENORMOUS[kind], ENORMOUS[kind] + b"\0")
    code = (
        "import json, resource, sys\n"
        "from pathlib import Path\n"
        "from mymodules import pairs, workers\n"
        "pages = int(Path('/proc/self/statm').read_text().split()[0])\n"
        "limit = pages * resource.getpagesize() + (300 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "(pair,) = pairs.find(*map(Path, sys.argv[1:])).pairs\n"
        "print(json.dumps(workers.compare(workers.Job(pair))))\n"
    )
    answer = json.loads(in_python(code, str(folders.first), str(folders.second)))
    assert answer[3:5] == ["error", "too_many_pixels"]


def in_python(code: str, *arguments: str) -> str:
    """What a program prints that finds the package."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_limit_is_inclusive_and_comes_from_settings(folders: Folders) -> None:
    put(folders, PLAIN, rgb(level=0))
    for limit, code in ((204, "pixels_equal"), (203, "too_many_pixels")):
        settings.init(None, *folders, max_pixels=limit)
        assert workers.compare_image_diff(folders.first / "x.png").code == code
        done = batch.run(executor=ThreadPoolExecutor(1))
        assert done.frame().code.tolist() == [code]


def test_the_default_limit_is_250_megapixels(folders: Folders) -> None:
    found = row_of(folders, png_of_size(250_000_001, 1), PLAIN)
    assert found.code == "too_many_pixels"
    found = row_of(folders, png_of_size(25_000, 10_000), PLAIN)
    assert found.code == "corrupt"


def test_the_size_that_is_too_large_is_known(folders: Folders) -> None:
    found = row_of(folders, ENORMOUS["png"], PLAIN)
    assert [found.width_first, found.height_first] == [60_000, 60_000]
    assert [found.width_second, found.height_second] == [17, 12]


def test_too_little_memory_is_a_row(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(bands, "rows", fails)
    found = row_of(folders, PLAIN, rgb(level=0))
    assert (found.status, found.code) == ("error", "too_many_pixels")
    assert "not enough memory" in found.messages
    assert "--processes N" in found.messages
    assert "--max-pixels" not in found.messages  # more pixels would need more memory


def test_too_little_memory_for_opencv_is_a_row(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        error = cv2.error("Insufficient memory")
        error.code = cv2.Error.StsNoMem
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(cv2, "absdiff", fails)
        found = row_of(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8))
        assert (found.status, found.code) == ("error", "too_many_pixels")
    monkeypatch.setattr(cv2, "threshold", fails)
    drawn = {"pictures_dir": folders.out / "03.diff", "drawing_path": "x.png"}
    found = row_of(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8), **drawn)
    assert (found.status, found.code) == ("changed", "pixels_differ")
    assert "not enough memory for its drawings" in found.messages


# What is no readable file

AS_NOBODY = """
import json, os, sys
from pathlib import Path
from mymodules import pairs, workers
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
listing = pairs.find(*map(Path, sys.argv[1:]))
print(json.dumps([workers.compare(workers.Job(pair)) for pair in listing.pairs]))
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_unreadable() -> None:
    with tempfile.TemporaryDirectory() as folder:  # the folder of the test's own is closed to others
        Path(folder).chmod(0o755)
        place = Folders(*(Path(folder) / side for side in ("first", "second", "out")))
        for side in place:
            side.mkdir()
        for name in ("both", "first", "second", "none"):
            put(place, PLAIN, rgb(level=0), f"{name}.png")
        put(place, PLAIN, None, "only.png")
        for closed in ("first/both", "second/both", "first/first", "second/second", "first/only"):
            (Path(folder) / f"{closed}.png").chmod(0)
        answers = {
            answer[1]: PairResult(*answer)
            for answer in json.loads(in_python(AS_NOBODY, str(place.first), str(place.second)))
        }
    assert len(answers) == 5
    for name in ("both", "first", "second"):
        found = answers[f"{name}.png"]
        assert (found.status, found.code) == ("error", "permission")
        assert ("first cannot" in found.messages) == (name in ("first", "both"))
        assert ("second cannot" in found.messages) == (name in ("second", "both"))
        assert (found.first_digest is None) == (name in ("first", "both"))
        assert (found.second_digest is None) == (name in ("second", "both"))
        assert (found.width_second is None) == (name in ("second", "both"))
    assert answers["none.png"].code == "pixels_equal"
    assert answers["only.png"].code == "only_first"
    assert "cannot be read" in answers["only.png"].messages


def test_vanished(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    (pair,) = pairs.find(folders.first, folders.second).pairs
    (folders.second / "x.png").unlink()
    found = workers.compare(Job(pair))
    assert (found.status, found.code) == ("error", "vanished")
    assert "second cannot be compared" in found.messages
    assert found.first_digest == images.digest(PLAIN)
    assert (found.width_first, found.second_digest) == (17, None)


def test_the_whole_folder_vanished(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN, "deep/x.png")
    (pair,) = pairs.find(folders.first, folders.second).pairs
    (folders.first / "deep" / "x.png").unlink()
    (folders.first / "deep").rmdir()
    (folders.first / "deep").write_bytes(b"")  # now a file stands where the folder was
    found = workers.compare(Job(pair))
    assert (found.status, found.code) == ("error", "vanished")


def test_a_folder_named_like_a_picture(folders: Folders) -> None:
    put(folders, None, PLAIN)
    (folders.first / "x.png").mkdir()
    put(folders, PLAIN, PLAIN, "x.png2/y.png")
    found = {found.image_filename: found for found in rows(folders)}
    assert set(found) == {"x.png", "x.png2/y.png"}
    assert (found["x.png"].status, found["x.png"].code) == ("error", "not_a_file")
    assert "in first is a folder" in found["x.png"].messages
    assert found["x.png"].first_digest is None
    assert found["x.png"].second_digest == images.digest(PLAIN)
    assert (found["x.png"].width_second, found["x.png"].height_second) == (17, 12)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe(folders: Folders) -> None:
    put(folders, PLAIN, None)
    os.mkfifo(folders.second / "x.png")
    found = row(folders)
    assert (found.status, found.code) == ("error", "not_a_file")
    assert "second" in found.messages


def test_a_file_that_became_a_pipe_or_a_folder(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    (pair,) = pairs.find(folders.first, folders.second).pairs
    makers = [Path.mkdir, os.mkfifo] if hasattr(os, "mkfifo") else [Path.mkdir]
    for make in makers:
        path = folders.second / "x.png"
        path.rmdir() if path.is_dir() else path.unlink()
        make(path)
        found = workers.compare(Job(pair))
        assert (found.status, found.code) == ("error", "not_a_file")
        assert "second cannot be compared" in found.messages


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links(folders: Folders, tmp_path: Path) -> None:
    put(folders, PLAIN, PLAIN)
    for name, target in {
        "dangling.png": "nowhere.png",
        "itself.png": "itself.png",
        "good.png": "x.png",
        "loop": ".",
    }.items():
        (folders.first / name).symlink_to(target)
    for name in ("dangling.png", "itself.png", "good.png"):
        (folders.second / name).write_bytes(PLAIN)
    found = {found.image_filename: (found.status, found.code) for found in rows(folders)}
    assert found["x.png"] == found["good.png"] == ("same", "bytes_equal")
    assert found["dangling.png"] == ("error", "vanished")
    assert found["itself.png"][0] == "error"
    assert len(found) == 4


# Edited while it is read


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    """Other content of the same length."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def replace(path: Path) -> None:
    other = path.with_name("new")
    other.write_bytes(rgb(level=0))
    os.utime(other, ns=(0, 0))
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, 20)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced on Windows")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (append, "changed_during_run"),
        (rewrite, "changed_during_run"),
        (replace, "changed_during_run"),
        (cut, "changed_during_run"),
        (Path.unlink, "vanished"),
    ],
)
@pytest.mark.parametrize("side", ["first", "second"])
def test_edited_while_it_is_read(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], code: str, side: str
) -> None:
    put(folders, PLAIN, PLAIN)
    target = getattr(folders, side) / "x.png"
    inode = target.stat().st_ino
    look = os.fstat
    waiting = [change]

    def look_and_change(number: int) -> os.stat_result:
        status = look(number)
        if status.st_ino == inode and waiting:
            waiting.pop()(target)
        return status

    (pair,) = pairs.find(folders.first, folders.second).pairs
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", look_and_change)
        found = workers.compare(Job(pair))
    assert not waiting
    assert (found.status, found.code) == ("error", code)
    assert f"{side} cannot be compared" in found.messages
    assert [found.first_digest, found.second_digest].count(None) == 1
    assert {getattr(found, column) for column in COMPARED} == {None}


# Names that collide


@MANY_FILE_SYSTEMS_REFUSE
def test_name_collision(folders: Folders) -> None:
    composed, apart = "\u304c.png", "\u304b\u3099.png"
    put(folders, PLAIN, PLAIN, composed)
    put(folders, JPEG, None, apart)
    found = {found.image_filename: found for found in rows(folders)}
    assert set(found) == {composed, apart}
    assert {(one.status, one.code) for one in found.values()} == {("error", "name_collision")}
    assert found[composed].first_digest == found[composed].second_digest == images.digest(PLAIN)
    assert (found[apart].first_digest, found[apart].second_digest) == (images.digest(JPEG), None)
    assert found[apart].width_first == 17
    for one in found.values():
        assert {getattr(one, column) for column in COMPARED} == {None}


@MANY_FILE_SYSTEMS_REFUSE
def test_two_spellings_of_one_name_are_one_pair(folders: Folders) -> None:
    composed, apart = "\u304c.png", "\u304b\u3099.png"
    put(folders, PLAIN, None, composed)
    put(folders, None, PLAIN, apart)
    assert (row(folders).image_filename, row(folders).code) == (composed, "bytes_equal")
    settings.init(None, *folders)
    for path in (folders.first / composed, folders.second / apart):
        found = workers.compare_image_diff(path)
        assert (found.image_filename, found.code) == (composed, "bytes_equal")


# Names through a whole run

NAMES: list[str | bytes] = [
    "two words.png",
    " leading.png",
    "日本語 ページ.png",
    "😀🏳️‍🌈.png",
    "x" * 251 + ".png",
    "あ" * 83 + "ab.png",
    b"\xff\xfe bytes.png",
    b"\xff" * 240 + b".png",
    b"latin \xe9.png",
    "reads like \\xff.png",
    "back\\slash.png",
    "line\nbreak.png",
    "line\r\nbreak.png",
    "\ttab.png",
    'a "quoted" name.png',
    "it's.png",
    "=1+1.png",
    "'=1.png",
    "''=1.png",
    "-1.png",
    "+1.png",
    "@a.png",
    "NA.png",
    "nan.png",
    "None.png",
    "1e5.png",
    "CON.png",
    "con.png",
    "aux.tar.png",
    "A.png",
    "a.png",
    "a.jpg",
    "a.PNG",
    "a,b;c.png",
    "A/x.png",
    "a/x.png",
    "com1/x.png",
    "trailing dot./x.png",
    "=folder/-name.png",
    b"\xff" * 200 + b"/x.png",
    "\u2028\x85.png",
    "%20#?&amp;<b>.png",
]


def checked_run(
    place: Folders, names: Iterable[bytes], *, collide: bool = False, **options: Any
) -> batch.Run:
    """Compare folders in which every name has a pair of pictures of a size of its own; check all rows."""
    widths = {}
    for number, name in enumerate(names):
        path = os.fsdecode(name)
        width = 8 + number
        shade = np.full((3, width), 77)
        put(place, pngs.write(shade, 0, 8), pngs.write(shade + 1, 0, 8), path)
        widths[pairs.to_text(path)] = width
    done = batch.run(*place, **options)
    frame = done.frame()
    assert sorted(frame.image_filename) == sorted(widths)
    assert list(results.load(done.csv_path).image_filename) == list(frame.image_filename)
    with done.csv_path.open(encoding="utf-8-sig", newline="") as file:
        assert file.read(12) == "ssim_score,i"
    order = [unicodedata.normalize("NFC", pairs.from_text(name)) for name in frame.image_filename]
    assert order == sorted(order)
    seen = set()
    for found in frame.itertuples():
        if collide and found.code == "name_collision":
            assert done.pictures(found.image_filename) == ()
            continue
        assert (found.status, found.code) == ("changed", "pixels_differ"), found.messages
        assert "could not" not in found.messages
        assert found.width_first == widths[found.image_filename]
        drawn = done.pictures(found.image_filename)
        assert len(drawn) == 5
        for path in drawn:
            assert len(os.fsencode(path.name)) <= 255
            assert done.pictures_dir in path.parents
            picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
            assert picture.shape[:2] == (3, widths[found.image_filename])
            seen.add(unicodedata.normalize("NFC", str(path).casefold()))
    assert len(seen) == 5 * sum(frame.status == "changed")
    written = [path for path in done.pictures_dir.glob("**/*") if path.is_file()]
    assert len(written) == len(seen)
    return done


@MANY_FILE_SYSTEMS_REFUSE
def test_every_name_is_a_row_and_its_pictures_are_found(folders: Folders) -> None:
    names = [os.fsencode(name) for name in NAMES]
    done = checked_run(folders, names)
    assert sum(done.counts.values()) == done.counts["changed"] == len(names)
    settings.init(None, *folders)
    assert results.load().image_filename.tolist() == done.frame().image_filename.tolist()


@MANY_FILE_SYSTEMS_REFUSE
@given(names=st.sets(strategies.picture_names, min_size=1, max_size=8))
@hypothesis_settings(max_examples=60)
def test_any_set_of_names(names: set[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        place = Folders(*(Path(folder) / side for side in ("first", "second", "out")))
        for side in place:
            side.mkdir()
        checked_run(place, sorted(names), collide=True, executor=executor)


def test_the_path_must_lie_below_one_of_the_folders(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    settings.init(None, *folders)
    with pytest.raises(workers.SettingsError, match="neither"):
        workers.compare_image_diff(folders.out / "x.png")


def test_what_a_notebook_lists_besides_pictures_gets_a_row_too(folders: Folders) -> None:
    """The textbook notebook lists every file, a listing of this package only pictures."""
    put(folders, PLAIN, PLAIN)
    put(folders, b"notes", None, "notes.txt")
    put(folders, PLAIN, rgb(level=0), "picture without suffix")
    put(folders, b"", b"", ".gitkeep")
    settings.init(None, *folders)
    found = {
        path.name: workers.compare_image_diff(path)
        for path in itertools.chain(folders.first.iterdir(), folders.second.iterdir())
    }
    assert {name: one.code for name, one in found.items()} == {
        "x.png": "bytes_equal",
        "notes.txt": "only_first",
        "picture without suffix": "pixels_equal",
        ".gitkeep": "empty",
    }


def test_preparing_a_process_that_is_nobodys_child_leaves_its_interrupts(folders: Folders) -> None:
    """A notebook may call the pool's initialiser itself, without a pool."""
    put(folders, PLAIN, PLAIN)
    code = (
        "import signal, sys\n"
        "from mymodules import settings, workers\n"
        "settings.init(None, *sys.argv[1:])\n"
        "workers.compimgdiff_init('20240101-000000')\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "print(workers.compare_image_diff(sys.argv[1] + '/x.png').code)\n"
    )
    assert in_python(code, *map(str, folders)).splitlines()[-1] == "bytes_equal"


def test_many_jobs_are_their_rows(folders: Folders) -> None:
    for number, case in enumerate(itertools.islice(CASES.values(), 5)):
        put(folders, case.first, case.second, f"{number}.png")
    jobs = [Job(pair) for pair in pairs.find(folders.first, folders.second).pairs]
    assert [untimed(found) for found in workers.compare_many(iter(jobs))] == [
        untimed(found) for found in map(workers.compare, jobs)
    ]


# Paths as people and programs write them


def test_a_path_with_dots_is_the_file_it_leads_to(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8))
    settings.init(first=folders.first, second=folders.second, out=folders.out)
    monkeypatch.chdir(folders.first)
    (name,) = (path.name for path in folders.first.iterdir())
    for path in (f"{folders.first}/../{folders.second.name}/{name}", f"../{folders.first.name}/{name}", name):
        found = workers.compare_image_diff(path)
        assert (found.image_filename, found.status) == (name, "changed")


def test_a_path_through_a_link(folders: Folders, tmp_path: Path) -> None:
    put(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8))
    (tmp_path / "link").symlink_to(folders.first, target_is_directory=True)
    settings.init(first=tmp_path / "link", second=folders.second, out=folders.out)
    (path,) = folders.first.iterdir()
    assert workers.compare_image_diff(path).status == "changed"


def test_a_file_that_is_in_neither_folder_any_more(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    settings.init(first=folders.first, second=folders.second, out=folders.out)
    found = workers.compare_image_diff(folders.first / "gone.png")
    assert (found.image_filename, found.status, found.code) == ("gone.png", "error", "vanished")


def test_pictures_that_span_too_much_together_are_compared_but_not_drawn(folders: Folders) -> None:
    """1 x 60,000 against 60,000 x 1: each is small, a drawing would have 3.6 billion pixels."""
    tall, flat = (pngs.write(np.zeros(shape, np.uint16), 0, 8) for shape in ((60_000, 1, 1), (1, 60_000, 1)))
    found = row_of(folders, tall, flat, pictures_dir=folders.out / "03.diff", drawing_path="x.png")
    assert (found.status, found.code) == ("changed", "dimensions_differ")
    assert "It was not drawn: together the two span 60000 x 60000 px." in found.messages
    assert not (folders.out / "03.diff").exists()


def test_an_initialiser_never_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pool would start its process anew for ever: what is wrong is told by the first task."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workers, "_stamp", None)
    workers.compimgdiff_init("20260101-000000")
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_for_a_file_of_one_side_is_told(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(png, "_passes", refuse)
    found = row_of(folders, PLAIN, None)
    assert (found.status, found.code) == ("missing", "only_first")
    assert "not enough memory" in found.messages


# Memory

MEASURED = """
import sys
from pathlib import Path
from mymodules import pairs, workers

folder = Path(sys.argv[1])
[pair] = pairs.find(folder / "first", folder / "second").pairs
workers.prepare_process()


def status(key):
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key)]
    return int(line.split()[1])


# How much of the libraries' files counts as resident depends on how they lie in the system's cache, by tens
# of MB, whoever else uses them; it is not this process's own.
files = status("RssFile")
row = workers.compare(workers.Job(pair, folder / "drawn", pair.name))
print(row.status, status("VmHWM") - files)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
@pytest.mark.parametrize(("channels", "noise"), [((3, 3), 0), ((4, 4), 0), ((3, 4), 0), ((3, 3), 256)])
def test_a_page_of_12000_px_with_its_drawings_takes_less_than_220_mb_of_its_own(
    tmp_path: Path, channels: tuple[int, int], noise: int
) -> None:
    random = np.random.default_rng(12)
    ramp = np.add.outer(np.arange(12_000), np.arange(1280))[..., None] // 7
    for side, count in zip(("first", "second"), channels, strict=True):
        grain = random.integers(0, max(noise, 1), (12_000, 1280, count), np.uint8)
        samples = (ramp + (side == "second") + grain).astype(np.uint8)
        (tmp_path / side).mkdir()
        (tmp_path / side / "page.png").write_bytes(cv2.imencode(".png", samples)[1].tobytes())
    command = [sys.executable, "-c", MEASURED, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == "changed"
    assert int(told[1]) < 220 * 1024
    for ending, side in (("-1.orig.png", "first"), ("-2.new.png", "second")):
        drawn, page = (
            cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            for path in (tmp_path / "drawn" / f"page.png{ending}", tmp_path / side / "page.png")
        )
        assert drawn.shape == page.shape
        assert np.array_equal(drawn[2:-2, 2:-2], page[2:-2, 2:-2])  # the one box goes around all of it
