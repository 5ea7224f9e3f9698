"""Files to 8-bit RGBA: the vectors, the table of conversions, digests."""

import hashlib
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from support import oracles, pngs

from mymodules import images, settings
from mymodules.errors import ImageError
from mymodules.images import pixels


@pytest.fixture
def gold(shared_data: Path) -> dict[str, Any]:
    """Skia Gold's own figures; its pictures are used where they lie."""
    folder = shared_data / "vectors" / "skia"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return expected | {"folder": folder}


@pytest.mark.parametrize("name", oracles.synthetic()["decode"])
def test_each_kind_of_the_vectors(name: str) -> None:
    vector = oracles.synthetic()["decode"][name]
    path = oracles.VECTORS / vector["file"]
    expected = oracles.as_rgba(vector, "nrgba")
    for source in (path, path.read_bytes()):
        pixels = images.read_gold_rgba(source)
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("name", oracles.synthetic()["pairs"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_each_side_of_the_pairs_of_the_vectors(name: str, side: str) -> None:
    vector = oracles.synthetic()["pairs"][name]
    pixels = images.read_gold_rgba(oracles.VECTORS / vector[side])
    assert np.array_equal(pixels, oracles.as_rgba(vector[f"{side}_nrgba"]))


def test_there_are_34_kinds_and_20_pairs() -> None:
    assert len(oracles.synthetic()["decode"]) == 34
    assert len(oracles.synthetic()["pairs"]) == 20


def test_the_16_bit_original(gold: dict[str, Any]) -> None:
    original = gold["sixteen_bit_original"]
    data = (gold["folder"] / original["file"]).read_bytes()
    header = images.inspect(data)
    assert (header.width, header.height, header.depth) == (560, 370, 16)
    assert "colour profile" in dict(header.metadata)
    pixels = images.read_rgba(data)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == original["nrgba8_sha256"]


def test_every_picture_of_gold(gold: dict[str, Any]) -> None:
    files = {k: v for k, v in gold["pixel_digests"]["files"].items() if k.endswith(".png")}
    assert len(files) == 12
    for name, expected in files.items():
        pixels = images.read_rgba(gold["folder"] / name)
        assert pixels.shape == (expected["height"], expected["width"], 4)
        assert hashlib.md5(pixels.tobytes()).hexdigest() == expected["md5"], name


def test_text_of_a_path_will_do() -> None:
    path = oracles.VECTORS / "synthetic" / "rgba8.png"
    assert np.array_equal(images.read_rgba(str(path)), images.read_rgba(path))


def test_names_that_are_not_ascii(tmp_path: Path) -> None:
    data = (oracles.VECTORS / "synthetic" / "rgba8.png").read_bytes()
    path = tmp_path / "画面 キャプチャ 📷.png"
    path.write_bytes(data)
    assert np.array_equal(images.read_rgba(path), images.read_rgba(data))
    assert images.digest(path) == images.digest(data)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[[7]]], np.uint8), [7, 7, 7, 255]),
        (np.array([[[7, 0]]], np.uint8), [7, 7, 7, 0]),
        (np.array([[[1, 2, 3]]], np.uint8), [1, 2, 3, 255]),
        (np.array([[[1, 2, 3, 0]]], np.uint8), [1, 2, 3, 0]),
        (np.array([[[0x12FF]]], np.uint16), [0x12, 0x12, 0x12, 255]),
        (np.array([[[0x12FF, 0xFF00, 0x00FF]]], np.uint16), [0x12, 0xFF, 0, 255]),
        (np.array([[[0x12FF, 0xFF00, 0x00FF, 0xFFFF]]], np.uint16), [0x12, 0xFF, 0, 255]),
        (np.array([[[0x12FF, 0xFF00, 0x00FF, 0]]], np.uint16), [0x12, 0xFF, 0, 0]),
        (np.array([[[0xFFFF, 0]]], np.uint16), [255, 255, 255, 0]),
        (np.array([[[0xFFFE, 1]]], np.uint16), [255, 255, 255, 0]),
    ],
)
def test_samples_to_rgba(samples: np.ndarray, expected: list[int]) -> None:
    pixels = images.to_rgba(samples)
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [[expected]]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([0x12FF, 0xFF00, 0x00FF, 0xFFFF], [0x12, 0xFF, 0, 255]),
        ([0x12FF, 0xFF00, 0x00FF, 0], [0, 0, 0, 0]),
        ([0xFFFF, 0], [0, 0, 0, 0]),
        ([0xFFFF, 1], [255, 255, 255, 0]),
        ([0xFFFE, 1], [0, 0, 0, 0]),
    ],
)
def test_samples_to_rgba_as_gold_has_them(samples: list[int], expected: list[int]) -> None:
    assert images.to_gold_rgba(np.array([[samples]], np.uint16)).tolist() == [[expected]]


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
def test_16_bits_of_an_8_bit_picture_are_that_picture(colour_type: int) -> None:
    eight = pngs.draw(np.random.default_rng(colour_type), colour_type, 8, size=(50, 60), transparent=False)
    sixteen = pngs.Drawn(np.asarray(eight.samples) * 257, colour_type, 16)
    assert np.array_equal(images.read_rgba(sixteen.png()), images.read_rgba(eight.png()))


def test_only_a_png_is_read_as_gold_reads_it(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(0, 65536, (30, 40, 4)).astype(np.uint16)
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, samples, photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(images.read_gold_rgba(path), (samples >> 8).astype(np.uint8))
    assert np.array_equal(images.read_rgba(path), (samples >> 8).astype(np.uint8))


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
def test_16_bit_samples_to_rgba_by_the_table(colour_type: int) -> None:
    drawn = pngs.draw(np.random.default_rng(colour_type), colour_type, 16, size=(50, 60), transparent=False)
    assert np.array_equal(images.to_rgba(drawn.samples.astype(np.uint16)), drawn.rgba)
    assert np.array_equal(images.to_gold_rgba(drawn.samples.astype(np.uint16)), drawn.gold_rgba)


def test_the_digest_is_blake2b_of_the_file(tmp_path: Path) -> None:
    path = oracles.VECTORS / "synthetic" / "rgba8.png"
    data = path.read_bytes()
    expected = hashlib.blake2b(data, digest_size=16).hexdigest()
    assert len(expected) == 32
    assert images.digest(data) == images.digest(path) == expected
    large = tmp_path / "no picture at all.png"
    large.write_bytes(bytes(range(256)) * 20_000)
    assert images.digest(large) == hashlib.blake2b(large.read_bytes(), digest_size=16).hexdigest()
    assert images.digest(b"") == hashlib.blake2b(b"", digest_size=16).hexdigest()


def test_the_limit_and_the_suffixes() -> None:
    assert settings.MAX_PIXELS == 250_000_000
    png, bmp, jpeg = (".png", ".apng"), (".bmp", ".dib"), (".jpg", ".jpeg", ".jfif", ".jfi", ".jpe")
    assert set(settings.SUFFIXES) == {*png, *bmp, *jpeg, ".webp", ".tif", ".tiff"}


@pytest.mark.parametrize("failing", ["decode", "to_rgba", "cvtColor", "_read"])
def test_too_little_memory_for_a_picture_is_an_error_with_a_code(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        if failing != "cvtColor":
            raise MemoryError
        error = cv2.error("no memory")
        error.code = cv2.Error.StsNoMem
        raise error

    if failing == "cvtColor":
        monkeypatch.setattr(cv2, "cvtColor", refuse)
    elif failing == "to_rgba":
        monkeypatch.setattr(pixels, "_spread", refuse)
    else:
        monkeypatch.setattr(pixels, failing, refuse)
    with pytest.raises(ImageError) as refused:
        images.read_rgba(oracles.VECTORS / "synthetic" / "rgb8.png")
    assert refused.value.code == "too_many_pixels"


def test_250_megapixels_under_a_limit_of_memory_are_an_error_with_a_code(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits of memory on this system")
    assert resource
    path = tmp_path / "large.png"
    rows, packer = bytes(100 * (1 + 3 * 20_000)), zlib.compressobj(1, wbits=-15)
    part = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)
    check = (120 * len(rows) % 65521 << 16) + 1  # Adler-32 of zeros
    packed = b"\x78\x01" + 120 * part + packer.flush() + check.to_bytes(4, "big")
    path.write_bytes(pngs.assemble([pngs.ihdr(20_000, 12_000, 2, 8), (b"IDAT", packed), (b"IEND", b"")]))
    code = (
        "import resource, sys\n"
        "from mymodules import errors, images\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1_000 << 20, 1_000 << 20))\n"
        "try:\n"
        "    images.read_rgba(sys.argv[1])\n"
        "except errors.ImageError as error:\n"
        "    print(error.code)\n"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("too_many_pixels", 0), done.stderr
