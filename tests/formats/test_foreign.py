"""Files with a picture's name that are not pictures: the message says what they are and what to do."""

import gzip
import io
import zipfile
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import pngs

from mymodules import images, workers
from mymodules.errors import ImageError
from mymodules.pairs import Pair
from mymodules.workers import Job

PLAIN = pngs.write(np.zeros((3, 4, 3), int), 2, 8)


def written(kind: str) -> bytes:
    """A small picture as Pillow writes it."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 10, 30)).save(file, kind)
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", PLAIN)
    return file.getvalue()


def brands(*names: bytes) -> bytes:
    """The first box of an ISO media file."""
    body = names[0] + b"\0\0\0\0" + b"".join(names)
    return (8 + len(body)).to_bytes(4, "big") + b"ftyp" + body + b"\0\0\0\x10meta" + b"\0" * 40


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"

# What the file is: its bytes, the code of its row, and the words that its row must have.
FILES: dict[str, tuple[bytes, str, tuple[str, ...]]] = {
    "Git LFS": (POINTER, "not_an_image", ("Git LFS", "git lfs pull")),
    "page": (b"<!DOCTYPE html><html>404</html>", "not_an_image", ("HTML",)),
    "page after a comment": (b"\n<!-- a -->\n<!-- b --> <HTML>", "not_an_image", ("HTML",)),
    "page with a mark": (b"\xef\xbb\xbf<html>", "not_an_image", ("HTML",)),
    "page in UTF-16": ("\ufeff<html><body>".encode("utf-16-le"), "not_an_image", ("HTML",)),
    "XHTML": (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD">', "not_an_image", ("HTML",)),
    "HEIC": (brands(b"heic", b"mif1"), "not_an_image", ("HEIC", "PNG")),
    "HEIC by its second brand": (brands(b"mif1", b"heic"), "not_an_image", ("HEIC",)),
    "AVIF": (brands(b"avif", b"mif1"), "not_an_image", ("AVIF", "PNG")),
    "AVIF by its second brand": (brands(b"mif1", b"avif"), "not_an_image", ("AVIF",)),
    "video": (brands(b"isom", b"mp42"), "not_an_image", ("video",)),
    "GIF": (written("GIF"), "unsupported", ("GIF", "PNG")),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image", ("SVG", "PNG")),
    "SVG with a head": (b'<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE svg>', "not_an_image", ("SVG",)),
    "SVG with a prefix": (b'<?xml version="1.0"?><svg:svg>', "not_an_image", ("SVG",)),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "not_an_image", ("PDF", "PNG")),
    "ICO": (written("ICO"), "not_an_image", ("ICO",)),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(9), "not_an_image", ("JPEG 2000",)),
    "PNM": (written("PPM"), "not_an_image", ("PNM",)),
    "PSD": (b"8BPS\0\1" + bytes(20), "not_an_image", ("Photoshop", "PNG")),
    "ZIP": (zipped(), "not_an_image", ("ZIP",)),
    "gzip": (gzip.compress(PLAIN), "not_an_image", ("gzip", "Unpack")),
    "JSON": (b'{"error": "no such picture"}', "not_an_image", ("text",)),
    "text": (b"there is no picture here", "not_an_image", ("text",)),
    "base64": (b64encode(PLAIN), "not_an_image", ("base64",)),
    "data address": (b"data:image/png;base64,iVBOR", "not_an_image", ("data:",)),
    "copied as text": (PLAIN.replace(b"\r\n", b"\n"), "not_an_image", ("as text", "again")),
    "zeros": (bytes(5000), "not_an_image", ("5000 zero bytes", "again")),
    "noise": (np.random.default_rng(1).bytes(5000), "not_an_image", ("does not begin like",)),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_picture_is_named(tmp_path: Path, kind: str) -> None:
    data, code, words = FILES[kind]
    (tmp_path / "a.png").write_bytes(PLAIN)
    (tmp_path / "b.png").write_bytes(data)
    row = workers.compare(Job(Pair("a.png", str(tmp_path / "a.png"), str(tmp_path / "b.png"))))
    assert (row.status, row.code) == ("error", code), row.messages
    assert row.messages.startswith("second cannot be compared: it ")
    assert str(tmp_path / "b.png") in row.messages
    for word in words:
        assert word in row.messages


@pytest.mark.parametrize("piece", [b"<!-- -->", b"<!--", b"<?xml ", b"<?xml?>", b"\n", b"<", b"\xef\xbb\xbf"])
def test_no_start_keeps_the_search_busy(piece: bytes) -> None:
    """An earlier pattern backtracked almost endlessly on each of these."""
    with pytest.raises(ImageError) as refused:
        images.inspect(piece * 100_000)
    assert refused.value.code == "not_an_image"
