"""JPEG: what every program shows is compared and named; damage to pixels stays an error."""

import contextlib
import io
import itertools
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image
from support import jpegs
from support.jpegs import icc, segment

from mymodules import images, workers
from mymodules.errors import ImageError
from mymodules.formats import jpeg
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult

RNG = np.random.default_rng(3)
PICTURE = np.kron(RNG.integers(0, 256, (7, 9, 3)), np.ones((6, 5, 1))).astype(np.uint8)


def encoded(**options: object) -> bytes:
    """The picture as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


PLAIN = encoded()
HEAD = PLAIN.index(b"\xff\xdb")  # where the tables begin, after JFIF
PROFILE = bytes(range(256)) * 2


def shown(data: bytes) -> np.ndarray:
    """What Pillow and OpenCV show, which have to agree."""
    by_pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(by_pillow, by_opencv)
    return by_pillow


def compared(folder: Path, first: bytes, second: bytes) -> PairResult:
    for side, data in (("first", first), ("second", second)):
        (folder / side).write_bytes(data)
    return workers.compare(Job(Pair("a.jpg", str(folder / "first"), str(folder / "second"))))


def png(data: bytes) -> bytes:
    """What is shown of a file, as PNG."""
    file = io.BytesIO()
    Image.fromarray(shown(data)).save(file, "PNG")
    return file.getvalue()


def inserted(at: int, what: bytes) -> bytes:
    return PLAIN[:at] + what + PLAIN[at:]


def marked(what: bytes) -> bytes:
    """Insert a segment before the tables."""
    return inserted(HEAD, what)


def without_jfif(what: bytes) -> bytes:
    return PLAIN[:2] + what + PLAIN[HEAD:]


SCAN = PLAIN.index(b"\xff\xda")
FRAME = PLAIN.index(b"\xff\xc0")
CODED = SCAN + 14  # the coded data begin

# What is odd about a file whose picture is whole: the file, and words of its row.
NAMED = {
    "one stray byte": (inserted(HEAD, b"\0"), "1 stray byte between"),
    "stray bytes with fill": (inserted(HEAD, b"ab\xff\0c\xff\xff"), "stray bytes between"),
    "stray bytes before the frame": (inserted(FRAME, bytes(7)), "7 stray bytes between"),
    "stray bytes before the scan": (inserted(SCAN, b"webcam"), "6 stray bytes between"),
    "stray bytes in two places": (PLAIN[:HEAD] + b"z" + inserted(SCAN, b"webcam")[HEAD:], "7 stray bytes"),
    "one byte after the scan": (inserted(len(PLAIN) - 2, b"a"), "stray byte"),
    "two bytes after the scan": (inserted(len(PLAIN) - 2, b"\0\0"), "stray byte"),
    "ten bytes after the scan": (inserted(len(PLAIN) - 2, b"0123456789"), "stray byte"),
    "padding after the scan": (inserted(len(PLAIN) - 2, bytes(500)), "stray byte"),
    "comment of length 1": (marked(b"\xff\xfe\0\1"), "impossible length"),
    "comment of length 0": (marked(b"\xff\xfe\0\0"), "impossible length"),
    "comment of length 1 with text": (marked(b"\xff\xfe\0\1hello"), "impossible length"),
    "segment of length 1": (marked(b"\xff\xe5\0\1"), "impossible length"),
    "Adobe transform 2": (without_jfif(segment(0xEE, b"Adobe\0\x64\0\0\0\0\2")), "colour transform"),
    "Adobe transform 200": (without_jfif(segment(0xEE, b"Adobe\0\x64\0\0\0\0\xc8")), "colour transform"),
    "JFIF 2": (without_jfif(segment(0xE0, b"JFIF\0\2\1\0\0\1\0\1\0\0")), "JFIF"),
    "limits of a scan": (jpegs.write(RNG, (20, 30), ((1, 1),) * 3, scan_limits=b"\0\0\0"), "limits"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED)
def test_what_every_program_shows_is_compared_and_named(tmp_path: Path, kind: str) -> None:
    data, words = NAMED[kind]
    row = compared(tmp_path, data, png(data))
    assert (row.status, row.num_diff_pixels) == ("same", 0), row.messages
    assert "first" in row.messages
    assert words in row.messages
    assert np.array_equal(images.read_rgba(data)[..., :3], shown(data))


@pytest.mark.parametrize("body", [b"ICC_PROFILE\0", b"ICC_PROFILE\0\1"])
def test_a_part_of_a_colour_profile_without_a_number_is_named(tmp_path: Path, body: bytes) -> None:
    """Pillow refuses the file, OpenCV shows what it shows without the part."""
    row = compared(tmp_path, marked(segment(0xE2, body)), png(PLAIN))
    assert (row.status, row.num_diff_pixels) == ("same", 0), row.messages
    assert "part of a colour profile without a number" in row.messages


# What is odd about a colour profile: its segments.
PROFILES = {
    "numbered 0 of 1": icc(0, 1, PROFILE),
    "numbered 0 of 0": icc(0, 0, PROFILE),
    "part 1 of 2 alone": icc(1, 2, PROFILE),
    "part 2 of 2 alone": icc(2, 2, PROFILE),
    "part 2 of 3 missing": icc(1, 3, PROFILE) + icc(3, 3, PROFILE),
    "the same part twice": icc(1, 1, PROFILE) * 2,
    "two profiles": icc(1, 1, PROFILE) + icc(1, 1, PROFILE[::-1]),
    "different counts": icc(1, 2, PROFILE) + icc(2, 3, PROFILE),
    "3 of 2": icc(1, 2, PROFILE) + icc(3, 2, PROFILE),
    "counted from 0": icc(0, 2, PROFILE) + icc(1, 2, PROFILE),
    "empty": icc(1, 1, b""),
    "in two empty parts": icc(1, 2, b"") + icc(2, 2, b""),
}


@pytest.mark.parametrize("kind", PROFILES)
def test_a_colour_profile_in_odd_parts_is_metadata_that_differ(tmp_path: Path, kind: str) -> None:
    data = marked(PROFILES[kind])
    for other in (png(data), PLAIN, marked(icc(1, 1, PROFILE))):
        row = compared(tmp_path, data, other)
        assert (row.status, row.code, row.num_diff_pixels) == ("same", "metadata_differs", 0), row.messages
        assert "profile whose parts do not fit" in row.messages
        assert "The colour profile differs" in row.messages
    moved = PLAIN[:HEAD] + segment(0xFE, b"another file") + PROFILES[kind] + PLAIN[HEAD:]
    assert compared(tmp_path, data, moved).code == "pixels_equal"


@pytest.mark.parametrize("parts", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_parts_of_a_profile_may_stand_in_any_order(parts: tuple[int, ...]) -> None:
    data = marked(b"".join(icc(part, 3, PROFILE[100 * part :][:100]) for part in parts))
    header = images.inspect(data)
    assert header.warnings == ()
    whole = marked(icc(1, 1, PROFILE[100:400]))
    assert header.metadata == images.inspect(whole).metadata
    assert np.array_equal(images.read_rgba(data), images.read_rgba(PLAIN))


# Damage: what has to stay an error.
DAMAGED = {
    "more data": inserted(len(PLAIN) - 2, b"abc" * 20),
    "less data": PLAIN[:-40] + PLAIN[-2:],
    "no end mark": PLAIN[:-2],
    "half of it": PLAIN[: len(PLAIN) // 2],
    "a table of length 1": inserted(HEAD, b"\xff\xdb\0\1"),
    "the frame of length 0": PLAIN[: FRAME + 2] + b"\0\0" + PLAIN[FRAME + 4 :],
    "a second picture inside": inserted(HEAD, b"\xff\xd8"),
    "stray bytes and no more": PLAIN[:HEAD] + b"abcdef",
    "a marker in front of the coded data": inserted(CODED, b"\xff\x01"),
    "a marker within the coded data": inserted(CODED + 9, b"\xff\x01"),
    "a comment within the coded data": inserted(CODED + 9, segment(0xFE, b"comment")),
    "a table within the coded data": inserted(CODED + 9, PLAIN[HEAD:FRAME]),
    "stray bytes after the first marker": inserted(2, b"ab"),  # Pillow and OpenCV refuse it
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damage_is_an_error(kind: str) -> None:
    with pytest.raises(ImageError) as refused:
        images.read_rgba(DAMAGED[kind])
    assert refused.value.code in ("corrupt", "truncated")


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("byte", [b"\0", b"\x55", b"\xaa"])
def test_bytes_after_the_coded_data_are_named(tmp_path: Path, count: int, byte: bytes) -> None:
    for plain in (
        PLAIN,
        encoded(subsampling=0),
        jpegs.write(np.random.default_rng(count), (30, 40), ((1, 1),)),
    ):
        assert images.inspect(plain).warnings == ()
        remarks: list[str] = []
        odd = plain[:-2] + byte * count + plain[-2:]
        samples = images.decode(odd, images.inspect(odd), remarks.append)
        assert np.array_equal(samples, images.decode(plain, images.inspect(plain), pytest.fail))
        size = "1 stray byte" if count == 1 else f"{count} stray bytes"
        assert remarks == [f"has {size} after its pixel data, which other programs skip"]


@pytest.mark.parametrize("stray", [b"\0\0", b"webcam", bytes(3000)])
def test_bytes_after_the_coded_data_of_a_large_picture(stray: bytes) -> None:
    """Searching for the end of the coded data loses nothing of the picture."""
    large = np.kron(RNG.integers(0, 256, (70, 90, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(large).save(file, "JPEG")
    odd = file.getvalue()[:-2] + stray + b"\xff\xd9"
    remarks: list[str] = []
    samples = images.decode(odd, images.inspect(odd), remarks.append)
    assert np.array_equal(samples, shown(file.getvalue()))
    assert remarks == [f"has {len(stray):,} stray bytes after its pixel data, which other programs skip"]


@pytest.mark.parametrize(
    "options", [{"quality": 60}, {"subsampling": 0}, {"progressive": True}, {"optimize": True}]
)
def test_what_damage_leaves_over_is_not_taken_for_stray_bytes(options: dict[str, object]) -> None:
    """Expected: the decoder's own warning. A few damages look like stray bytes; these are named."""
    noisy = np.clip(np.kron(PICTURE, np.ones((4, 4, 1))) + RNG.normal(0, 4, (168, 180, 3)), 0, 255)
    file = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).save(file, "JPEG", **options)
    plain = file.getvalue()
    coded = plain.index(b"\xff\xda") + 14
    warned = named = 0
    for place in RNG.integers(coded, len(plain) - 2, 400):
        data = bytearray(plain)
        data[place] ^= 1 << int(RNG.integers(8))
        try:
            simplejpeg.decode_jpeg(bytes(data), strict=True)
            continue
        except ValueError:
            warned += 1
        remarks: list[str] = []
        with contextlib.suppress(ImageError):
            header = images.inspect(bytes(data))
            images.decode(bytes(data), header, remarks.append)
            assert remarks or header.warnings
            named += 1
    assert warned > 20
    assert named <= warned // 8


def test_what_the_decoder_does_not_see_is_named_and_no_damage() -> None:
    """The frame has one block less than is coded; the decoder has mostly read the rest ahead."""
    seen = named = 0
    for seed in range(60):
        data = jpegs.write(np.random.default_rng(seed), (8, 80), ((1, 1),))
        at = data.index(b"\xff\xc0") + 7
        short = data[:at] + struct.pack(">H", 72) + data[at + 2 :]
        try:
            expected = simplejpeg.decode_jpeg(short, "GRAY", strict=True)
        except ValueError:
            continue
        seen += 1
        remarks: list[str] = []
        samples = images.decode(short, images.inspect(short), remarks.append)
        assert np.array_equal(samples, expected)
        assert np.array_equal(images.read_rgba(short)[..., :1], expected)
        named += bool(remarks)
    assert seen > 30
    assert named > seen // 2


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 70_000])
@pytest.mark.parametrize("progressive", [False, True])
def test_fill_bytes_after_the_coded_data_are_not_odd(count: int, progressive: bool) -> None:
    """ITU-T T.81, B.1.1.2: any marker may be preceded by any number of fill bytes, which are FF."""
    plain = encoded(progressive=progressive)
    filled = plain[:-2] + b"\xff" * count + plain[-2:]
    header = images.inspect(filled)
    assert header.warnings == ()
    assert np.array_equal(images.decode(filled, header, pytest.fail), shown(plain))


@pytest.mark.parametrize("stray", [b"\0", b"\x12\x34", bytes(16), b"\xff\0"])
def test_stray_bytes_between_the_scans_of_a_progressive_file(tmp_path: Path, stray: bytes) -> None:
    data = encoded(progressive=True)
    ends = [end for _, end in jpeg.inspect(data).scans]
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda" and at not in ends]
    assert len(scans) > 5
    for at in scans:
        odd = data[:at] + stray + data[at:]
        assert np.array_equal(shown(odd), shown(data))
        row = compared(tmp_path, odd, png(data))
        assert (row.status, row.num_diff_pixels) == ("same", 0), (at, row.messages)
        assert "stray byte" in row.messages


def test_a_marker_without_meaning_after_the_coded_data(tmp_path: Path) -> None:
    odd = inserted(len(PLAIN) - 2, b"\xff\x01")
    assert np.array_equal(shown(odd), shown(PLAIN))
    assert compared(tmp_path, odd, png(PLAIN)).status == "same"


def test_scans_of_a_progressive_file_may_have_surplus_bytes(tmp_path: Path) -> None:
    data = encoded(progressive=True)
    ends = [end for _, end in jpeg.inspect(data).scans]
    assert len(ends) > 5
    read = 0
    for end in ends:
        for count in (1, 2, 5):
            odd = data[:end] + bytes(count) + data[end:]
            assert np.array_equal(shown(odd), shown(data))
            row = compared(tmp_path, odd, png(data))
            read += row.status == "same"
            assert row.num_diff_pixels in (0, None)
    assert read == 3 * len(ends)


# Sampling

FACTORS = [(across, down) for across in (1, 2, 4) for down in (1, 2, 4)] + [(3, 1), (1, 3), (3, 3)]
SAMPLINGS = [
    (luma, chroma, other)
    for luma, chroma, other in itertools.product(FACTORS, repeat=3)
    if luma[0] * luma[1] + chroma[0] * chroma[1] + other[0] * other[1] <= 10 and other in (chroma, (1, 1))
]


def test_every_sampling_that_others_read_is_read_alike() -> None:
    """Expected: Pillow's pixels, wherever it reads the file."""
    rng = np.random.default_rng(8)
    read = 0
    for sampling in SAMPLINGS:
        data = jpegs.write(rng, (37, 61), sampling)
        try:
            expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        except OSError:
            with pytest.raises(ImageError):
                images.read_rgba(data)
            continue
        samples = images.decode(data, images.inspect(data), pytest.fail)
        assert np.array_equal(samples, expected), sampling
        read += 1
    assert read > 80


RARE = [
    ((4, 1), (2, 1), (2, 1)),
    ((4, 2), (1, 1), (1, 1)),
    ((1, 1), (2, 2), (1, 1)),
    ((2, 1), (1, 2), (1, 1)),
]


@pytest.mark.parametrize("sampling", RARE)
@pytest.mark.parametrize("size", [(37, 61), (8, 8), (100, 3)])
def test_damage_with_a_rare_sampling_is_noticed(sampling: jpegs.Sampling, size: tuple[int, int]) -> None:
    data = jpegs.write(np.random.default_rng(4), size, sampling)
    coded = data.index(b"\xff\xda") + 14
    for lost in {2, 3, (len(data) - coded) // 2, len(data) - coded - 3}:
        with pytest.raises(ImageError, match="missing"):
            images.read_rgba(data[: len(data) - 2 - lost] + data[-2:])
    with pytest.raises(ImageError, match="left over"):
        images.read_rgba(data[:-2] + bytes(range(1, 100)) + data[-2:])
    for stray in (b"\0\0\0", b"stray", bytes(50)):
        odd = data[:-2] + stray + data[-2:]
        remarks: list[str] = []
        samples = images.decode(odd, images.inspect(odd), remarks.append)
        assert np.array_equal(samples, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        assert len(remarks) == 1
        assert "stray byte" in remarks[0]


def test_an_empty_scan_is_damage() -> None:
    """This also holds if a marker without a segment precedes what were its data."""
    coded = PLAIN.index(b"\xff\xda") + 14
    for data in (PLAIN[:coded] + PLAIN[-2:], PLAIN[:coded] + b"\xff\1" + PLAIN[coded:]):
        with pytest.raises(ImageError, match="missing"):
            images.read_rgba(data)


@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (4, 1), (1, 3)])
def test_gray_of_every_sampling(factors: tuple[int, int]) -> None:
    data = jpegs.write(np.random.default_rng(1), (21, 35), (factors,))
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(images.decode(data, images.inspect(data))[..., 0], expected)


# More pictures in one file


def mpo(*others: bytes) -> bytes:
    """The picture with the index of an MPO file, and others after it."""
    return marked(segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0")) + b"".join(others)


def test_other_pictures_of_a_file_are_named_where_they_differ(tmp_path: Path) -> None:
    one, other = encoded(optimize=True), encoded(progressive=True)
    row = compared(tmp_path, mpo(one), mpo(other))
    assert (row.status, row.code, row.num_diff_pixels) == ("same", "metadata_differs", 0)
    assert "further pictures differ" in row.messages
    for second in (mpo(one, other), mpo(), PLAIN):
        row = compared(tmp_path, mpo(one), second)
        assert (row.code, "further pictures differ" in row.messages) == ("metadata_differs", True)


def test_the_same_other_pictures_are_no_difference(tmp_path: Path) -> None:
    one = encoded(optimize=True)
    first, second = mpo(one), PLAIN[:HEAD] + segment(0xFE, b"comment") + mpo(one)[HEAD:]
    row = compared(tmp_path, first, second)
    assert (row.status, row.code) == ("same", "pixels_equal")
    assert "followed by further pictures" in row.messages


def test_the_first_picture_of_a_file_is_compared(tmp_path: Path) -> None:
    file = io.BytesIO()
    pictures = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:])
    row = compared(tmp_path, file.getvalue(), png(file.getvalue()))
    assert (row.status, row.code, row.num_diff_pixels) == ("same", "metadata_differs", 0)


# What it costs


def test_so_many_scans_of_so_many_pixels_are_too_costly() -> None:
    scan = segment(0xDA, b"\3\1\0\2\0\3\0\0\0\0") + b"\0"
    for width, scans, costly in (
        (60_000, 300, True),
        (600, 300, False),
        (60_000, 20, False),
        (10, 600, True),
    ):
        frame = struct.pack(">BHHB", 8, 4000, width, 3) + bytes((1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0))
        data = jpegs.SOI + segment(0xC2, frame) + scan * scans + jpegs.EOI
        if costly:
            with pytest.raises(ImageError) as refused:
                images.inspect(data)
            assert refused.value.code == "too_costly"
        else:
            assert images.inspect(data).width == width


def test_so_many_segments_are_too_costly() -> None:
    with pytest.raises(ImageError) as refused:
        images.inspect(inserted(HEAD, segment(0xFE, b"") * 200_000))
    assert refused.value.code == "too_costly"


def test_fill_bytes_are_no_burden() -> None:
    data = inserted(HEAD, b"\xff" * 5_000_000)
    assert np.array_equal(images.read_rgba(data), images.read_rgba(PLAIN))
