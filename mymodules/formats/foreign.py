"""Files that are not pictures this package reads, with what they are instead.

A file with the name of a picture is often something else: a Git LFS pointer, the web page of a server that
had no picture, a photo in a phone's format. The row should say what it is and what to do about it. Files
are recognised by their first bytes, text by its first words; nothing is decoded.

Source: the file signatures of the formats' own specifications; ISO/IEC 14496-12 for the ``ftyp`` brands.
"""

import re

from mymodules.errors import ImageError

_SAVE_AS_PNG = "Save it as PNG to compare it."
_EXPORT_AS_PNG = "Export it as PNG to compare it."
_LOOK = "Look at what was saved under this name."

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "a PDF", _EXPORT_AS_PNG),
    (b"%!PS", "a PostScript file", _EXPORT_AS_PNG),
    (b"8BPS", "a Photoshop file (PSD)", _EXPORT_AS_PNG),
    (b"gimp xcf", "a GIMP file (XCF)", _EXPORT_AS_PNG),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture", _SAVE_AS_PNG),
    (b"\xff\x0a", "a JPEG XL picture", _SAVE_AS_PNG),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", _SAVE_AS_PNG),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", _SAVE_AS_PNG),
    (b"II\xbc", "a JPEG XR picture", _SAVE_AS_PNG),
    (b"\x00\x00\x01\x00", "an icon (ICO)", _SAVE_AS_PNG),
    (b"\x00\x00\x02\x00", "a cursor (CUR)", _SAVE_AS_PNG),
    (b"icns", "an icon (ICNS)", _SAVE_AS_PNG),
    (b"v/1\x01", "an OpenEXR picture", _SAVE_AS_PNG),
    (b"#?RADIANCE", "a Radiance picture (HDR)", _SAVE_AS_PNG),
    (b"qoif", "a QOI picture", _SAVE_AS_PNG),
    (b"farbfeld", "a farbfeld picture", _SAVE_AS_PNG),
    (b"DDS ", "a DirectDraw surface (DDS)", _SAVE_AS_PNG),
    (b"\x8aMNG\r\n\x1a\n", "an MNG animation", _SAVE_AS_PNG),
    (b"FORM", "an IFF file", _SAVE_AS_PNG),
    (b"SIMPLE  =", "a FITS file", _EXPORT_AS_PNG),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT_AS_PNG),
    (b"PK\x03\x04", "a ZIP archive, or a document kept in one", "Unpack it, or look at what was saved here."),
    (b"\x1f\x8b", "compressed by gzip", "Unpack it."),
    (b"BZh", "compressed by bzip2", "Unpack it."),
    (b"\xfd7zXZ\x00", "compressed by xz", "Unpack it."),
    (b"(\xb5/\xfd", "compressed by Zstandard", "Unpack it."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it."),
    (b"\x1aE\xdf\xa3", "a video (Matroska, WebM)", _LOOK),
    (b"SQLite format 3\x00", "a database (SQLite)", _LOOK),
    (b"\x7fELF", "a program", _LOOK),
    (b"iVBORw0KGgo", "a PNG written as text (base64)", "Decode it, and save the bytes."),
    (b"/9j/", "a JPEG written as text (base64)", "Decode it, and save the bytes."),
)

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}

# What may precede the first element of a web page or a drawing.
_PROLOGUE = re.compile(rb"(?:\s|<\?xml[^>]*>|<!--(?s:.*?)-->)*+")
_FETCH_AGAIN = "Look at its text, then fetch the picture again."
_TEXTS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (
        re.compile(rb"version https://(git-lfs|hawser)\.github\.com/spec/"),
        "it is a Git LFS pointer instead of the picture",
        "Run git lfs pull, then compare again.",
    ),
    (re.compile(rb"(?i)<(!doctype\s+svg|(\w+:)?svg)\b"), "it is an SVG drawing", _EXPORT_AS_PNG),
    (
        re.compile(rb"(?i)<(!doctype\s+html|html|head|body|script|title)\b"),
        "it is a web page (HTML), as servers send instead of a missing picture",
        _FETCH_AGAIN,
    ),
    (re.compile(rb"data:image/"), "it is a data: URL saved as text", "Decode it, and save the bytes."),
    (re.compile(rb"[{\[]"), "it is text, perhaps JSON", _FETCH_AGAIN),
    (re.compile(rb""), "it is text", _LOOK),
)

_LONGEST_START = 1024  # bytes at the start of a text by which it is recognised


def error(data: bytes) -> ImageError:
    """Return the error for a file, not empty, that does not begin like any format this package reads."""
    start = data[:_LONGEST_START]
    if start[:6] in (b"GIF87a", b"GIF89a"):
        return ImageError("unsupported", "it is a GIF", None, "Save its picture, or each of them, as PNG.")
    if start[4:8] == b"ftyp":
        return _of_media(start)
    for signature, kind, remedy in _SIGNATURES:
        if start.startswith(signature):
            it_is = "it is" if kind.startswith(("a ", "an ")) else "it was"
            return ImageError("not_an_image", f"{it_is} {kind}", None, remedy)
    if re.match(rb"P[1-7][\s#]", start):
        return ImageError("not_an_image", "it is a portable pixmap (PNM)", None, _SAVE_AS_PNG)
    if re.match(rb"\x89?PNG[\r\n]", start):
        reason = "it is a PNG that was copied as text, which changes its bytes"
        return ImageError("not_an_image", reason, None, "Copy it again as it is (binary).")
    if not data.strip(b"\0"):
        reason = f"it holds only {len(data)} zero bytes, as after a crash or an unfinished copy"
        return ImageError("not_an_image", reason, None, "Copy or export it again.")
    return _of_text(start)


def _of_media(start: bytes) -> ImageError:
    """Return the error for an ISO media file: a phone's photo, AVIF or a video."""
    end = min(len(start), max(16, int.from_bytes(start[:4], "big")))
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, end, 4))]
    if _AVIF_BRANDS.intersection(brands):
        return ImageError("not_an_image", "it is an AVIF picture", None, _SAVE_AS_PNG)
    if _HEIC_BRANDS.intersection(brands):
        reason = "it is a HEIC picture, as phones take them"
        return ImageError("not_an_image", reason, None, _SAVE_AS_PNG)
    if start[8:11] == b"crx":
        return ImageError("not_an_image", "it is a raw photo (CR3)", None, _EXPORT_AS_PNG)
    return ImageError("not_an_image", "it is a video", None, "Save the frames as PNG to compare them.")


def _of_text(start: bytes) -> ImageError:
    """Return the error for a text, or for bytes that nothing is known about."""
    text = start.removeprefix(b"\xef\xbb\xbf")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16: keep the letters, drop their zero bytes
        text = start[2:].replace(b"\0", b"")
    if re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", text):
        reason = "it does not begin like a PNG, JPEG, WebP, BMP or TIFF"
        return ImageError("not_an_image", reason, None, _LOOK)
    text = _PROLOGUE.sub(b"", text, count=1)
    reason, remedy = next((reason, remedy) for pattern, reason, remedy in _TEXTS if pattern.match(text))
    return ImageError("not_an_image", reason, None, remedy)
