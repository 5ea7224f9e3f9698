"""TIFF: what is read as what, what is odd and named, what is refused, and what it may cost.

Expected values: the array that a file was made of, arithmetic written out in the test, or Pillow (libtiff),
OpenCV (libtiff, another build) and tifffile.
"""

import contextlib
import io
import logging
import struct
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image
from support.tiffs import (
    GRAY,
    GRAY_ALPHA,
    OPAQUE,
    PREDICTED,
    RGB,
    RGBA,
    SMOOTH,
    Layout,
    Value,
    bomb,
    entries,
    file,
    jpeg_encoder,
    segments,
    tags,
    tiff,
)

from mymodules import images
from mymodules.errors import ImageError
from mymodules.formats.tiff import TiffHeader

random = np.random.default_rng(20251125)
ONE_ZERO = bytes(imagecodecs.zlib_encode(bytes(1)))
CLEAR_OR_OPAQUE = np.where(RGBA[:, :, 3:] < 128, 0, OPAQUE)  # the colour under alpha 0 is 0 too
COLOURS = random.integers(0, 256, (256, 3), dtype=np.uint8)
PALETTE: dict[int, Value] = {320: (3, (COLOURS.T.astype(int) * 257).ravel().tolist())}


def read(data: bytes) -> tuple[TiffHeader, np.ndarray]:
    header = images.inspect(data)
    assert isinstance(header, TiffHeader)
    return header, images.decode(data, header)


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(data)
    return caught.value


def pick(*choices: Any) -> Any:
    return choices[int(random.integers(len(choices)))]


# Every kind of file


def any_layout() -> tuple[Layout, np.ndarray]:
    """A way of storing a picture, and the samples that are stored."""
    photometric = pick(0, 1, 2, 3)
    bits = pick(*{2: (8, 16), 3: (1, 2, 4, 8)}.get(photometric, (1, 2, 4, 8, 16)))
    alpha = photometric != 3 and bits >= 8 and random.random() < 0.4
    channels = (3 if photometric == 2 else 1) + alpha
    compression = pick(1, 5, 8, 32946, 32773, 34925, 50000)
    height, width = random.integers(1, 70, 2).tolist()
    layout = Layout(
        bits=bits,
        photometric=photometric,
        compression=compression,
        order=pick("<", ">"),
        big=random.random() < 0.3,
        planar=channels > 1 and random.random() < 0.4,
        rows=int(random.integers(0, height + 1)),
        tile=pick(None, tuple((16 * random.integers(1, 4, 2)).tolist())),
        predictor=pick(1, 2) if bits >= 8 and compression in PREDICTED else 1,
        fill=pick(1, 1, 2),
        tags={274: (3, [pick(*range(1, 9))])} | ({338: (3, [2])} if alpha else {}),
    )
    kind = np.uint16 if bits == 16 else np.uint8
    samples = random.integers(0, 1 << bits, (height // 7 + 1, width // 5 + 1, channels), dtype=kind)
    return layout, np.kron(samples, np.ones((7, 5, 1), kind))[:height, :width]


def meaning(samples: np.ndarray, layout: Layout) -> np.ndarray:
    """Return what stored samples mean: numbers of few bits are scaled to 255, white-is-zero is inverted."""
    full = (1 << layout.bits) - 1
    expected = samples.astype(int) * (255 // full if layout.bits < 8 else 1)
    if layout.photometric == 0:
        expected[:, :, 0] = max(full, 255) - expected[:, :, 0]
    return expected


def test_every_kind_of_lossless_file() -> None:
    """400 of them. Expected: the samples that were stored; the orientation is never applied."""
    for _ in range(400):
        layout, samples = any_layout()
        expected = meaning(samples, layout)
        if layout.photometric == 3:
            colours = random.integers(256, 65536, (3, 1 << layout.bits))
            layout.tags[320] = (3, colours.ravel().tolist())
            expected = (colours.T >> 8)[samples[:, :, 0]]
        header, decoded = read(tiff(samples, layout))
        assert_array_equal(decoded, expected, err_msg=str(layout))
        assert decoded.dtype == (np.uint16 if layout.bits == 16 else np.uint8)
        turned = layout.tags[274][1][0]
        assert header.metadata == ((("orientation", str(turned)),) if turned > 1 else ())
        assert (header.depth, header.warnings, header.trailing) == (layout.bits, (), 0)


SAMPLINGS = {"444": [1, 1], "422": [2, 1], "420": [2, 2], "440": [1, 2]}


def opencv_reads(data: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return found[:, :, None] if found.ndim == 2 else found[:, :, [2, 1, 0, 3][: found.shape[2]]]


@pytest.mark.parametrize("orientation", [1, 2, 3, 6])
@pytest.mark.parametrize("tile", [None, (16, 32)], ids=["strips", "tiles"])
@pytest.mark.parametrize("photometric", [0, 1, 2, 6])
def test_jpeg(photometric: int, tile: tuple[int, int] | None, orientation: int) -> None:
    """Expected: OpenCV, of the same file upright; strips of 16 rows leave a short one for 40 rows."""
    samples = SMOOTH if photometric in (2, 6) else SMOOTH[:, :, :1]
    for sampling in SAMPLINGS if photometric == 6 else ["444"]:
        encode = jpeg_encoder(photometric, sampling)
        more = {530: (3, SAMPLINGS[sampling])} if photometric == 6 else {}
        layout = Layout(photometric=photometric, compression=7, rows=16, tile=tile, tags=dict(more))
        upright = tiff(samples, layout, encode)
        layout.tags[274] = (3, [orientation])
        header, decoded = read(tiff(samples, layout, encode))
        assert_array_equal(decoded, opencv_reads(upright))
        plain = 255 - samples.astype(int) if photometric == 0 else samples.astype(int)
        assert abs(decoded - plain).mean() < 20
        assert header.warnings == ()


@pytest.mark.parametrize("tile", [None, (32, 16)], ids=["strips", "tiles"])
def test_jpeg_in_three_planes(tile: tuple[int, int] | None) -> None:
    """Expected: each plane as Pillow reads the gray JPEGs of it; strips are laid below each other."""
    data = tiff(
        SMOOTH, Layout(photometric=2, compression=7, planar=True, rows=24, tile=tile), jpeg_encoder(2)
    )
    decoded = read(data)[1]
    with Image.open(io.BytesIO(data)) as picture:
        assert_array_equal(decoded, np.asarray(picture))
    assert_array_equal(decoded, opencv_reads(data))


def test_jpeg_with_tables_apart() -> None:
    """libtiff, by Pillow, writes the tables once, in a tag. Expected: what Pillow reads."""
    picture = io.BytesIO()
    Image.fromarray(SMOOTH).save(picture, "TIFF", compression="jpeg", tiffinfo={278: 16})
    data = picture.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as found:
        assert 347 in found.pages.first.tags
        assert len(found.pages.first.dataoffsets) == 3
    with Image.open(io.BytesIO(data)) as found:
        assert_array_equal(read(data)[1], np.asarray(found))


def test_rgb_jpeg_that_calls_itself_jfif() -> None:
    """The directory says what the components are, whatever the JPEG says. Expected: OpenCV."""

    def encode(block: np.ndarray) -> bytes:
        data = jpeg_encoder(2)(block)
        jfif = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
        return data[:2] + jfif + data[2:]

    data = tiff(SMOOTH, Layout(photometric=2, compression=7), encode)
    assert_array_equal(read(data)[1], opencv_reads(data))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("rows", [7, 40])
def test_fax(compression: str, rows: int) -> None:
    """Expected: the array that libtiff, by Pillow, was given."""
    samples = SMOOTH[:, :, 0] > 127
    picture = io.BytesIO()
    Image.fromarray(samples).save(picture, "TIFF", compression=compression, tiffinfo={278: rows})
    assert_array_equal(read(picture.getvalue())[1][:, :, 0], samples * 255)


def test_webp() -> None:
    def encode(block: np.ndarray) -> bytes:
        return bytes(imagecodecs.webp_encode(np.ascontiguousarray(block), lossless=True))

    for samples, more in ((RGB, {}), (RGBA, {338: (3, [2])})):
        data = tiff(samples, Layout(photometric=2, compression=50001, rows=16, tags=dict(more)), encode)
        assert_array_equal(read(data)[1], samples)


def test_many_small_tiles() -> None:
    """Some writers cut every picture into tiles of 16 x 16. Expected: the samples."""
    samples = np.tile(GRAY, (54, 40, 1))[:1600, :1600]
    assert_array_equal(read(tiff(samples, compression=8, tile=(16, 16)))[1], samples)


# What is odd, and named


def twice(samples: np.ndarray, tag: int, value: Value, **layout: Any) -> bytes:
    """A TIFF that has a tag a second time, with this value."""
    plan = Layout(**layout)
    data = segments(samples, plan)
    found = sorted(tags(samples, plan, data).items())
    place = [number for number, _ in found].index(tag) if tag in dict(found) else len(found)
    first = [] if tag in dict(found) else [(tag, value)]
    return file([*found[: place + 1], *first, (tag, value), *found[place + 1 :]], data, plan)


def with_entry(samples: np.ndarray, tag: int, kind: int, count: int, at: int, **layout: Any) -> bytes:
    """A TIFF with one more entry whose values are said to stand at a place."""
    mark = 0x5A5A5A5A
    data = entries(samples, {tag: (4, [mark])}, **layout)
    order = layout.get("order", "<")
    old = struct.pack(order + "HHII", tag, 4, 1, mark)
    assert data.count(old) == 1
    return data.replace(old, struct.pack(order + "HHII", tag, kind, count, at))


def following(at: int) -> bytes:
    """A TIFF whose directory names a next one at a place."""
    plan = Layout()
    data = segments(GRAY, plan)
    return file(sorted(tags(GRAY, plan, data).items()), data, plan, following=at)


def tiles_under_strips(samples: np.ndarray, **layout: Any) -> bytes:
    plan = Layout(tile=(16, 32), **layout)
    data = segments(samples, plan)
    found = tags(samples, plan, data)
    found[273], found[279] = found.pop(324), found.pop(325)
    return file(sorted(found.items()), data, plan)


def one_strip_too_many() -> bytes:
    plan = Layout()
    data = segments(GRAY, plan)
    found = {**tags(GRAY, plan, data), 273: (4, [-1] * 2), 279: (4, [len(data[0])] * 2)}
    return file(sorted(found.items()), data * 2, plan)


ODD: dict[str, tuple[bytes, np.ndarray, str]] = {
    "opaque associated alpha": (tiff(OPAQUE, photometric=2, tags={338: (3, [1])}), OPAQUE, "premultiplied"),
    "opaque unspecified": (tiff(OPAQUE, photometric=2, tags={338: (3, [0])}), OPAQUE, "full"),
    "opaque gray, unsaid": (tiff(OPAQUE[:, :, 2:]), OPAQUE[:, :, 2:], "full"),
    "palette and opaque": (
        tiff(OPAQUE[:, :, 2:], photometric=3, tags={338: (3, [2]), **PALETTE}),
        COLOURS[OPAQUE[:, :, 2]],
        "full",
    ),
    "associated alpha, all or nothing": (
        tiff(CLEAR_OR_OPAQUE, photometric=2, tags={338: (3, [1])}),
        CLEAR_OR_OPAQUE,
        "premultiplied",
    ),
    "gray and something": (tiff(GRAY_ALPHA, tags={338: (3, [0])}), GRAY, "left out"),
    "palette and something": (
        tiff(GRAY_ALPHA, photometric=3, tags={338: (3, [0]), **PALETTE}),
        COLOURS[GRAY[:, :, 0]],
        "left out",
    ),
    "fourth sample of a private kind": (tiff(RGBA, photometric=2, tags={338: (3, [999])}), RGBA, "alpha"),
    "opaque 16 bits": (
        tiff(OPAQUE.astype(np.uint16) * 257, bits=16, photometric=2, tags={338: (3, [1])}),
        OPAQUE.astype(np.uint16) * 257,
        "premultiplied",
    ),
    "fourth sample unsaid": (tiff(RGBA, photometric=2), RGBA, "alpha"),
    "samples undefined": (entries(RGB, {339: (3, [4] * 3)}, photometric=2), RGB, "undefined"),
    "private tag outside": (with_entry(GRAY, 50000, 7, 500, 1 << 31), GRAY, "tag 50000"),
    "private tag cut": (with_entry(GRAY, 50000, 7, 1 << 31, 8), GRAY, "tag 50000"),
    "description outside": (with_entry(GRAY, 270, 2, 90, 1 << 30), GRAY, "tag 270 (ImageDescription)"),
    "resolution outside": (with_entry(GRAY, 282, 5, 1, 1 << 30), GRAY, "tag 282 (XResolution)"),
    "profile outside": (with_entry(GRAY, 34675, 7, 300, 1 << 30), GRAY, "tag 34675"),
    "software twice": (twice(GRAY, 305, (1, [65, 66, 67, 0])), GRAY, "tag 305 (Software)"),
    "width twice, equal": (twice(GRAY, 256, (4, [41])), GRAY, "tag 256"),
    **{
        f"tag {tag} twice, not equal": (twice(GRAY, tag, value, compression=5), GRAY, f"tag {tag}")
        for tag, value in {
            256: (4, [40]),
            257: (4, [20]),
            258: (3, [4]),
            259: (3, [1]),
            262: (3, [0]),
            273: (4, [8]),
            277: (3, [2]),
            278: (4, [7]),
            279: (4, [50]),
            284: (3, [2]),
        }.items()
    },
    "one length too small": (entries(GRAY, {279: (4, [1229])}), GRAY, "wrong length"),
    "next directory is this one": (following(8), GRAY, "circle"),
    "next directory outside": (following(1 << 30), GRAY, "ends before"),
    "next directory in the header": (following(3), GRAY, "directories"),
    "lengths 0": (entries(GRAY, {279: (4, [0] * 3)}, rows=10), GRAY, "wrong length"),
    "lengths that are no numbers": (entries(GRAY, {279: (5, [1230, 1])}), GRAY, "does not give the length"),
    "extra that is no number": (entries(RGBA, {338: (5, [2, 1])}, photometric=2), RGBA, "alpha"),
    "lengths absent": (entries(GRAY, {279: None}, rows=10), GRAY, "does not give the length"),
    "lengths absent, planes": (
        entries(RGB, {279: None}, photometric=2, planar=True),
        RGB,
        "does not give the length",
    ),
    "lengths too large": (entries(GRAY, {279: (4, [410, 410, 1 << 31])}, rows=10), GRAY, "wrong length"),
    "lengths of tiles absent": (entries(GRAY, {325: None}, tile=(16, 16)), GRAY, "does not give the length"),
    "lengths of LZW 0": (entries(GRAY, {279: (4, [0] * 3)}, rows=10, compression=5), GRAY, "wrong length"),
    "lengths of deflate absent": (
        entries(GRAY, {279: None}, rows=10, compression=8),
        GRAY,
        "does not give the length",
    ),
    "lengths of PackBits absent": (
        entries(GRAY, {279: None}, compression=32773),
        GRAY,
        "does not give the length",
    ),
    "tiles under strips": (tiles_under_strips(RGB, photometric=2), RGB, "tags of strips"),
    "LZW tiles under strips": (tiles_under_strips(GRAY, compression=5), GRAY, "tags of strips"),
    "more strips than rows": (one_strip_too_many(), GRAY, "more strips"),
    "predictor of none": (entries(GRAY, {317: (3, [2])}), GRAY, "predictor"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_and_named(name: str) -> None:
    data, expected, words = ODD[name]
    header, decoded = read(data)
    assert_array_equal(decoded, expected)
    assert any(words in clause for clause in header.warnings), header.warnings
    assert not any(clause.endswith(".") or "\n" in clause or '"' in clause for clause in header.warnings)


# What is refused


def overlapping() -> bytes:
    """A directory of 3,000 entries, each with nearly the whole file as its value."""
    count, size = 3000, 400_000
    entry = struct.pack("<HHII", 700, 1, size - 64, 32)
    start = b"II*\0" + struct.pack("<IH", 8, count)
    return (start + count * entry).ljust(size, b"\0")


def chain(count: int, flag: int) -> bytes:
    """Directories of one entry each, NewSubfileType."""
    places = [*range(26, 8 + 18 * count, 18), 0]
    found = [struct.pack("<HHHIII", 1, 254, 4, 1, flag, following) for following in places]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(found)


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "associated alpha": (tiff(RGBA, photometric=2, tags={338: (3, [1])}), "unsupported", "premultiplied"),
    "associated alpha 0 over colours": (
        tiff(np.where([0, 0, 0, 1], 0, OPAQUE), photometric=2, tags={338: (3, [1])}),
        "unsupported",
        "premultiplied",
    ),
    "unspecified fourth": (tiff(RGBA, photometric=2, tags={338: (3, [0])}), "unsupported", "leave out"),
    "second of gray, unsaid": (tiff(GRAY_ALPHA), "unsupported", "leave out"),
    "two photometrics": (entries(GRAY, {262: (3, [1, 0])}), "corrupt", "2 values"),
    "RGB that is YCbCr": (
        tiff(SMOOTH, Layout(photometric=2, compression=7), jpeg_encoder(6, "420")),
        "unsupported",
        "says RGB",
    ),
    "five samples": (
        tiff(np.dstack([RGBA, GRAY]), photometric=2, tags={338: (3, [2, 0])}),
        "unsupported",
        "2 more samples",
    ),
    "float": (entries(GRAY, {339: (3, [3])}), "unsupported", "floating-point"),
    "signed": (entries(GRAY, {339: (3, [2])}), "unsupported", "signed"),
    "complex": (entries(GRAY, {339: (3, [5])}), "unsupported", "complex"),
    "tiles without width": (entries(GRAY, {323: (4, [16])}), "corrupt", "how wide"),
    "width of a kind that is not a number": (entries(GRAY, {256: (5, [41, 1])}), "corrupt", "tag 256"),
    "depths beyond the end": (with_entry(RGB, 258, 3, 3, 1 << 30, photometric=2), "truncated", "tag 258"),
    "old JPEG": (entries(GRAY, {259: (3, [6])}), "unsupported", "OJPEG"),
    "predictor 3": (entries(GRAY, {317: (3, [3])}, compression=5), "unsupported", "predictor 3"),
    "planar 3": (entries(GRAY, {284: (3, [3])}), "corrupt", "planar"),
    "no rows in a strip": (entries(GRAY, {278: (4, [0])}), "corrupt", "no size"),
    "no photometric": (entries(GRAY, {262: None}), "corrupt", "PhotometricInterpretation"),
    "strip cut": (tiff(GRAY)[:-1], "truncated", "beyond its end"),
    "LZW strip cut": (tiff(GRAY, compression=5)[:-2], "truncated", "beyond its end"),
    "strip in the header": (entries(GRAY, {273: (4, [0])}), "truncated", "missing"),
    "pages": (chain(100_000, 0), "animated", "several pages"),
    "previews": (chain(5000, 1), "too_costly", "directories"),
    "values that overlap": (overlapping(), "too_costly", "overlap"),
    "directories that overlap": (
        b"MM\0*\0\0\0\x08" + 600 * struct.pack(">H", 600),
        "truncated",
        "directories",
    ),
    "strips of one pixel": (
        tiff(np.zeros((60_000, 1, 1), np.uint8), Layout(compression=8, rows=1), lambda _: ONE_ZERO),
        "too_costly",
        "60000 strips",
    ),
    "JPEG in JPEG's clothes": (bomb(b"no JPEG at all", 7), "corrupt", "not a JPEG"),
    "WebP of another size": (
        tiff(
            np.zeros((16, 16, 3), np.uint8),
            Layout(photometric=2, compression=50001),
            lambda _: bytes(imagecodecs.webp_encode(np.zeros((2000, 2000, 3), np.uint8))),
        ),
        "corrupt",
        "do not have the size",
    ),
    "JPEG of another size": (
        bomb(bytes(imagecodecs.jpeg8_encode(np.zeros((4000, 4000), np.uint8))), 7),
        "corrupt",
        "do not have the size",
    ),
    "JPEG of another width": (
        bomb(bytes(imagecodecs.jpeg8_encode(np.zeros((16, 15), np.uint8))), 7),
        "corrupt",
        "do not have the size",
    ),
    "JPEG with too many rows": (
        bomb(bytes(imagecodecs.jpeg8_encode(np.zeros((40, 16), np.uint8))), 7),
        "corrupt",
        "do not have the size",
    ),
    "JPEG of three channels": (
        bomb(bytes(imagecodecs.jpeg8_encode(np.zeros((16, 16, 3), np.uint8))), 7),
        "corrupt",
        "channels",
    ),
    "enormous JPEG tables": (
        entries(GRAY, {347: (1, [*b"\xff\xd8", *(b"\xff\xdb\0\x43\0" + bytes(64)) * 300])}, compression=1)
        .replace(struct.pack("<HHIHH", 259, 3, 1, 1, 0), struct.pack("<HHIHH", 259, 3, 1, 7, 0)),
        "too_costly",
        "tables",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, code, part = REFUSED[name]
    error = refusal(data)
    assert (error.code, part in error.reason) == (code, True), error


def test_nothing_is_logged_or_printed(caplog: Any, capfd: Any) -> None:
    """tifffile logs oddities; here the row reports them. Other users of tifffile still see its log."""
    with caplog.at_level(logging.DEBUG):
        for data, *_ in [*ODD.values(), *REFUSED.values()]:
            with contextlib.suppress(ImageError):
                read(data)
        assert not caplog.records
        logging.getLogger("tifffile").warning("of somebody else")
    assert [record.message for record in caplog.records] == ["of somebody else"]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("tag", [254, 255, 274, 282, 283, 296, 34675])
@pytest.mark.parametrize("kind", [1, 3, 4, 5])
def test_tags_that_the_picture_does_not_need(tag: int, kind: int) -> None:
    """They may be of any kind and have any number of values. Expected: the picture, by OpenCV too."""
    for count in (1, 3):
        data = entries(GRAY, {tag: (kind, [0] * count * (2 if kind == 5 else 1))})
        assert_array_equal(read(data)[1], GRAY)
        assert_array_equal(opencv_reads(data), GRAY)


def test_depths_beyond_the_samples_are_left() -> None:
    """BitsPerSample with more values than samples. Expected: the samples, by Pillow and OpenCV too."""
    data = entries(RGB, {258: (3, [8, 8, 8, 1])}, photometric=2)
    assert_array_equal(read(data)[1], RGB)
    assert_array_equal(opencv_reads(data), RGB)
    with Image.open(io.BytesIO(data)) as picture:
        assert_array_equal(np.asarray(picture), RGB)
