"""TIFF and BigTIFF: tifffile reads directories and segments, and this module decides what they mean.

A file can state almost anything about its samples. Files with exactly one meaning as 8-bit or 16-bit gray,
gray + alpha, RGB or RGBA are accepted; all others are refused with the reason, and nothing is guessed:

- gray of 1, 2, 4, 8 or 16 bits; fewer than 8 are scaled to 0..255, "white is zero" is inverted;
- palettes of 1, 2, 4 or 8 bits: the high byte of each 16-bit entry counts; a colour map without any entry
  above 255 comes from a program that stores 8-bit entries, and is read as such;
- RGB of 8 or 16 bits, in one plane or three; YCbCr only as JPEG, where there is one way to decode it;
- one extra sample that the file calls unassociated alpha, or a fourth sample of RGB that it does not
  describe. Others are accepted where programs agree: a second sample of gray that is not called alpha is
  left out, associated alpha has to be 0 or full everywhere, and the rest has to be opaque everywhere.

A thumbnail beside the picture, or in a SubIFD, is not a page. Faults in tags that the picture does not need
are reported as warnings. Damage to compressed segments shows only in decoding.

Source: TIFF 6.0 (1992); Adobe Photoshop TIFF technical notes (2002); BigTIFF as in libtiff.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import tifffile

from mymodules.errors import ImageError
from mymodules.formats import (
    NO_LIMIT,
    Header,
    check_size,
    indexed,
    metadata,
    tiff_codecs,
    tiff_directories,
    tiff_segments,
)
from mymodules.formats.tiff_directories import Directory
from mymodules.formats.tiff_segments import Samples, Shape

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _ORIENTATION, _CHANNELS = 266, 274, 277
_ACROSS, _DOWN, _PLANAR, _UNIT, _PREDICTOR, _COLOUR_MAP = 282, 283, 284, 296, 317, 320
_EXTRA, _SAMPLE_FORMAT, _PROFILE = 338, 339, 34675

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _YCBCR = 0, 1, 2, 3, 4, 6
_PHOTOMETRICS = {5: "CMYK", 8: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab", 32803: "raw sensor (CFA)"}
_PHOTOMETRICS |= {_MASK: "transparency mask", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw"}
_SAMPLE_FORMATS = {
    2: "signed numbers",
    3: "floating-point numbers",
    5: "complex numbers",
    6: "complex numbers",
}
_VOID = 4
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2


class Extra(NamedTuple):
    """What the sample after the colours means; by default, it is alpha.

    Attributes
    ----------
    doubt : str
        Why it has to be opaque everywhere to be accepted; empty without doubt.
    clear : bool
        It may also be 0, that is fully transparent.
    dropped : bool
        It is not alpha, and all programs leave it out.
    """

    doubt: str = ""
    clear: bool = False
    dropped: bool = False


_NO_EXTRA = Extra()


@dataclass(frozen=True)
class TiffHeader(Header):
    """A `Header` with what decoding needs.

    Attributes
    ----------
    at : int
        Position of the picture's directory in the file.
    channels : int
        Samples per pixel as stored: 1 for a palette.
    planar : bool
        Whether each sample has its own plane.
    compression : int
        The value of the TIFF tag.
    ycbcr : bool
        Whether JPEG data are YCbCr.
    mirrored : bool
        Whether the lowest bit of each byte comes first.
    inverted : bool
        Whether white is zero.
    palette : bytes
        RGB triples, empty without one.
    extra : Extra
        What the sample after the colours means.
    """

    at: int = 0
    channels: int = 1
    planar: bool = False
    compression: int = 1
    ycbcr: bool = False
    mirrored: bool = False
    inverted: bool = False
    palette: bytes = b""
    extra: Extra = _NO_EXTRA

    @property
    def shape(self) -> Shape:
        """What decoding the segments depends on."""
        size = self.width, self.height
        return Shape(*size, self.depth, self.channels, self.planar, self.compression, self.mirrored)


def inspect(data: bytes, max_pixels: int = NO_LIMIT) -> TiffHeader:
    """Walk the directories; check the picture's directory and the places of its strips or tiles.

    Metadata: orientation, ICC profile, and the resolution if the file gives one (per inch unless it says
    per centimetre; without a unit, only the ratio counts). A TIFF has no end, so trailing is always 0.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt``, ``animated`` (several pages), ``too_costly`` or ``unsupported``.
    """
    picture = tiff_directories.read(data)
    if frames := picture.frames():
        raise ImageError("animated", f"it holds {frames} pages")
    check_size(picture.number(_WIDTH), picture.number(_HEIGHT), max_pixels)
    header = _read_picture(picture)
    segments = tiff_segments.locate(picture, header.shape)
    odd = tiff_segments.check_pictures(data, picture, header.shape, segments, ycbcr=header.ycbcr)
    return replace(header, warnings=(*header.warnings, *segments.warnings, *odd))


def decode(data: bytes, header: TiffHeader) -> Samples:
    """Decode a file that `inspect` accepted.

    Returns
    -------
    uint8 or uint16 (height, width, channels)
        1 gray, 2 gray + alpha, 3 RGB, 4 RGBA; uint16 for 16 bits.

    Raises
    ------
    ImageError
        ``truncated`` or ``corrupt`` if the pixel data are damaged, ``unsupported`` if programs disagree on
        the meaning of a last sample that is not opaque.
    """
    picture = tiff_directories.read_again(data, header.at)
    segments = tiff_segments.locate(picture, header.shape)
    stored = tiff_segments.decode(data, picture, header.shape, segments, ycbcr=header.ycbcr)
    if header.extra.doubt:
        last = stored[:, :, -1]
        clear = last == np.iinfo(stored.dtype).max
        if header.extra.clear and not clear.all():  # multiplied by alpha 0, all colours are 0
            clear |= ~stored.any(axis=2)
        if not clear.all():
            raise ImageError("unsupported", header.extra.doubt)
    if header.extra.dropped:
        stored = stored[:, :, :1].copy()
    if header.palette:
        table = np.frombuffer(header.palette, np.uint8).reshape(-1, 3)
        return indexed.look_up(np.asarray(stored[:, :, 0], np.uint8), table)
    if header.depth < 8:
        stored *= np.uint8(255 // ((1 << header.depth) - 1))
    if header.inverted:
        np.invert(stored[:, :, 0], out=stored[:, :, 0])
    return stored


def _read_picture(picture: Directory) -> TiffHeader:
    width, height = picture.number(_WIDTH), picture.number(_HEIGHT)
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise ImageError("corrupt", f"its header gives an impossible size, {width} x {height} px")
    channels = picture.number(_CHANNELS, 1)
    photometric, compression = picture.number(_PHOTOMETRIC), picture.number(_COMPRESSION, 1)
    warnings = picture.warnings + _check_formats(picture)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR):
        name = _PHOTOMETRICS.get(photometric, f"photometric {photometric}")
        raise ImageError("unsupported", f"it is a {name} TIFF; gray, palette and RGB can be compared")
    if compression not in tiff_codecs.ALL:
        raise ImageError("unsupported", f"it is a TIFF with compression {_compression_name(compression)}")
    bits = set(picture.numbers(_BITS)[:channels].tolist()) if picture.has(_BITS) else {1}
    if len(bits) != 1:
        raise ImageError("unsupported", "its channels have different depths")
    depth = bits.pop()
    _check_kind(depth, photometric, compression)
    warnings += _check_predictor(picture.number(_PREDICTOR, 1), depth, compression)
    colours = 3 if photometric in (_RGB, _YCBCR) else 1
    said = picture.numbers_or_none(_EXTRA)
    extra = [] if said is None else said.tolist()
    if channels < colours or len(extra) > channels - colours:
        raise ImageError("corrupt", f"it has {channels} samples per pixel, too few for its colours")
    last, odd = _check_extra(channels - colours, extra, photometric)
    planar = picture.number(_PLANAR, 1)
    if planar not in (1, 2):
        raise ImageError("corrupt", f"its planar configuration is {planar}, which does not exist")
    if photometric == _YCBCR and planar == 2:
        raise ImageError("unsupported", "it is a YCbCr TIFF in three planes")
    turned = picture.number(_ORIENTATION, 1)
    profile = picture.raw(_PROFILE)
    return TiffHeader(
        format="TIFF",
        width=width,
        height=height,
        depth=depth,
        metadata=metadata.collect(
            orientation=turned if 2 <= turned <= 8 else None,
            profile=metadata.profile(profile) if profile else None,
            density=_read_density(picture),
        ),
        warnings=warnings + odd,
        at=picture.at,
        channels=channels,
        planar=channels > 1 and planar == 2,
        compression=compression,
        ycbcr=photometric == _YCBCR,
        mirrored=picture.number(_FILL_ORDER, 1) == 2,
        inverted=photometric == _WHITE_IS_ZERO,
        palette=_read_palette(picture, depth) if photometric == _PALETTE else b"",
        extra=last,
    )


def _compression_name(compression: int) -> str:
    try:
        return f"{compression} ({tifffile.COMPRESSION(compression).name})"
    except ValueError:
        return str(compression)


def _check_formats(picture: Directory) -> tuple[str, ...]:
    """Refuse samples other than unsigned integers; all programs also read undefined ones as such."""
    kinds = set(picture.numbers(_SAMPLE_FORMAT).tolist()) if picture.has(_SAMPLE_FORMAT) else {1}
    if wrong := kinds - {1, _VOID}:
        name = _SAMPLE_FORMATS.get(min(wrong), f"of an unknown kind (SampleFormat {min(wrong)})")
        raise ImageError("unsupported", f"its samples are {name}; numbers from 0 upwards can be compared")
    if kinds == {1}:
        return ()
    return ("calls its samples undefined, and is read as whole numbers from 0 upwards",)


def _check_kind(depth: int, photometric: int, compression: int) -> None:
    depths = {_RGB: (8, 16), _YCBCR: (8,), _PALETTE: (1, 2, 4, 8)}.get(photometric, (1, 2, 4, 8, 16))
    if depth not in depths or (compression in (tiff_codecs.JPEG, tiff_codecs.WEBP) and depth != 8):
        raise ImageError("unsupported", f"it has {depth} bits per sample, which is unusual for its kind")
    if photometric == _YCBCR and compression != tiff_codecs.JPEG:
        raise ImageError("unsupported", "it is a YCbCr TIFF that is not JPEG-compressed")
    if photometric == _PALETTE and compression == tiff_codecs.JPEG:
        raise ImageError("corrupt", "its palette is JPEG-compressed, which does not exist")
    if compression in tiff_codecs.FAX and depth != 1:
        raise ImageError("corrupt", "its fax compression is for 1 bit per sample")


def _check_predictor(predictor: int, depth: int, compression: int) -> tuple[str, ...]:
    if predictor == 1:
        return ()
    if compression not in tiff_codecs.PREDICTED:
        return ("names a predictor that its compression cannot have, which other programs ignore",)
    if predictor != 2 or depth < 8:
        raise ImageError("unsupported", f"it is a TIFF of {depth} bits with predictor {predictor}")
    return ()


def _check_extra(count: int, kinds: list[int], photometric: int) -> tuple[Extra, tuple[str, ...]]:
    """Decide what the sample after the colours means, and what is odd about it."""
    if not count:
        return Extra(), ()
    if count > 1 or photometric == _YCBCR:
        more = "one more sample" if count == 1 else f"{count} more samples"
        raise ImageError("unsupported", f"it has {more} per pixel besides its colours")
    kind = kinds[0] if kinds else None
    if kind == _UNASSOCIATED and photometric != _PALETTE:
        return Extra(), ()
    if kind == _UNSPECIFIED and photometric != _RGB:
        odd = "has a second sample per pixel that is not called alpha; it is left out, as other programs do"
        return Extra(dropped=True), (odd,)
    if kind not in (_UNSPECIFIED, _ASSOCIATED) and photometric == _RGB:
        return Extra(), ("does not say what its fourth sample per pixel is; it is taken as alpha",)
    if kind == _ASSOCIATED and photometric != _PALETTE:
        doubt = (
            "its colours are premultiplied with its alpha (associated alpha); programs undo that differently"
        )
        odd = "has colours premultiplied with its alpha, which makes no difference where it is 0 or full"
        return Extra(doubt, clear=True), (odd,)
    doubt = "it has one more sample per pixel, which some programs take as alpha and others leave out"
    odd = "has one more sample per pixel, which makes no difference as alpha where it is full"
    return Extra(doubt), (odd,)


def _read_palette(picture: Directory, depth: int) -> bytes:
    entries = picture.numbers(_COLOUR_MAP)
    if len(entries) != 3 << depth or entries.max() > 65535:
        raise ImageError("corrupt", "its colour map has a wrong length")
    narrow = entries if entries.max() < 256 else entries >> 8
    return narrow.astype(np.uint8).reshape(3, -1).T.tobytes()


def _read_density(picture: Directory) -> str | None:
    across, down = picture.ratio(_ACROSS), picture.ratio(_DOWN)
    unit = picture.number(_UNIT, 2)
    if unit == 3:
        return metadata.density(100 * across, 100 * down, metadata.METRE)
    return metadata.density(across, down, metadata.INCH if unit == 2 else None)
