"""Pictures that a program holds in memory, as the file of the same pixels.

`handed` takes what a caller hands over: a path, the bytes of a file, an array, a PIL image or a matplotlib
figure. All but the path become a file in memory, which then goes the same way as any other, so that its
figures are those of a file of the same pixels by construction.

Arrays are (height, width) gray, or (height, width, channels): 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA, not
premultiplied. They are converted by their type:

- uint8 and uint16 as they are; big or little endian;
- bool: False is 0, True is 255;
- float32 and float64 from 0 to 1: multiples of 1/255 become 8 bits, as matplotlib's ``imread`` and
  scikit-image's ``img_as_float`` give them. All others become 16 bits, rounded, and `Handed.rounded` keeps
  the exact values, so that no difference is lost. Up to 4 units in the last place count as a multiple. Where
  one of two becomes 16 bits, both do, see `of_one_depth`.

Everything else raises `PictureError`: other types, values outside of 0..1, NaN, masked values, other shapes.

Neither PIL nor matplotlib is imported unless the caller has done so.
"""

import io
import os
import sys
from typing import Any, NamedTuple

import numpy as np

from mymodules import kinds
from mymodules.errors import PictureError
from mymodules.formats import png
from mymodules.formats.png import Samples
from mymodules.images import depth
from mymodules.images.depth import Floats

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by channels
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16L", "I;16B")  # of PIL

_BYTES = "bytes"

ACCEPTED = "a path, the bytes of a file, a numpy array, a PIL image or a matplotlib figure"


class Handed(NamedTuple):
    """What a caller handed over.

    Attributes
    ----------
    name : str
        A path, or what it is: ``array``.
    data : bytes or None
        The file in memory; None for a path.
    rounded : float array or None
        The exact values (height, width, channels) of an array that 16 bits cannot hold.
    floats : array or None
        The samples of an array of floats.
    fetched : bool
        Whether it is a file that was read from a URL.
    """

    name: str
    data: bytes | None = None
    rounded: Floats | None = None
    floats: Samples | None = None
    fetched: bool = False

    @property
    def is_file(self) -> bool:
        """Whether there is a file of it: a path, a URL, or the bytes of one."""
        return self.data is None or self.fetched or self.name == _BYTES


def handed(picture: object, role: str) -> Handed:
    """Return what was handed over as a path or a file; `role` is how a message calls it.

    Raises
    ------
    PictureError
        If it is not a picture of a known kind.
    """
    if isinstance(picture, str | os.PathLike):
        return Handed(os.fsdecode(picture))
    if isinstance(picture, bytes | bytearray | memoryview):
        return Handed(_BYTES, bytes(picture))
    if _is_a(picture, "matplotlib.figure", "Figure"):
        file = io.BytesIO()
        picture.savefig(file, format="png")  # type: ignore[attr-defined]
        return Handed("figure", file.getvalue())
    if _is_a(picture, "PIL.Image", "Image"):
        return Handed("PIL image", to_file(_from_pil(picture, role)))
    if hasattr(picture, "__array__"):
        samples, rounded = _converted(picture, role)
        is_float = np.asarray(picture).dtype.kind == "f"
        return Handed("array", to_file(samples), rounded, samples if is_float else None)
    raise PictureError(f"{role} is of type {type(picture).__name__}: pass {ACCEPTED}.", "kind")


def from_array(array: Any, role: str = "array") -> Samples:
    """Return an array as samples: uint8 or uint16 (height, width, 1 to 4), by the rules of this module.

    Raises
    ------
    PictureError
        If it is not a picture of a known kind; `role` is how the message calls it.
    """
    return _converted(array, role)[0]


def to_file(samples: Samples) -> bytes:
    """Return the PNG file of samples, uint8 or uint16 (height, width, 1 to 4)."""
    kinds.check("samples", samples, kinds.SAMPLES)
    height, width, channels = samples.shape
    stored = samples if samples.dtype == np.uint8 else samples.astype(">u2")
    rows = np.ascontiguousarray(stored).reshape(height, -1).view(np.uint8)
    return png.encode(rows, width, depth=8 * samples.itemsize, colour_type=_COLOUR_TYPES[channels])


def of_one_depth(first: Handed, second: Handed) -> tuple[Handed, Handed]:
    """Return both, with 16 bits if only one of two arrays of floats has 8: floats have no depth."""
    one, other = first.floats, second.floats
    if one is None or other is None or one.dtype == other.dtype:
        return first, second
    return _deep(first, one), _deep(second, other)


def _deep(picture: Handed, samples: Samples) -> Handed:
    if samples.dtype != np.uint8:
        return picture
    deep = samples.astype(np.uint16) * np.uint16(257)  # 65535 is 257 times 255
    return picture._replace(data=to_file(deep), floats=deep)


def finer_differ(first: Handed, second: Handed) -> bool:
    """Return whether two pictures differ that are equal as samples, because of what 16 bits cannot hold."""
    if first.rounded is None or second.rounded is None:
        # A picture without such values is equal to none that has some.
        return first.rounded is not None or second.rounded is not None
    return bool(depth.differing(first.rounded, second.rounded).any())


def _converted(array: Any, role: str) -> tuple[Samples, Floats | None]:
    """Return an array as samples, and its exact values if these cannot hold them."""
    if np.ma.isMaskedArray(array) and np.ma.is_masked(array):
        raise PictureError(f"{role} has masked values, which have no colour: fill them.", "kind")
    values = np.asarray(array)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in _COLOUR_TYPES:
        raise _unfit(role, array, "pass (height, width), or (height, width, channels) with 1 to 4 channels")
    if not values.size:
        raise _unfit(role, array, "it holds no pixel")
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255), None
    if values.dtype.kind == "u" and values.itemsize <= 2:
        return values.astype(values.dtype.newbyteorder("=")), None
    if values.dtype.kind == "f" and values.itemsize in (4, 8):
        return _from_floats(values.astype(values.dtype.newbyteorder("=")), role, array)
    raise _unfit(role, array, "convert it to uint8, uint16, bool, or float32 or float64 from 0 to 1")


def _from_floats(values: Floats, role: str, array: Any) -> tuple[Samples, Floats | None]:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        found = "it holds NaN" if np.isnan(low) else f"its values go from {low!s} to {high!s}"
        raise _unfit(role, array, f"{found}, and floats must be from 0 to 1: scale or clip them")
    near = depth.NEAR * np.finfo(values.dtype).eps
    for steps, kind in ((255, np.uint8), (65535, np.uint16)):
        whole = np.rint(values * steps)
        if np.all(np.abs(whole / steps - values) <= near * values):
            return whole.astype(kind), None
    return whole.astype(np.uint16), values


def _from_pil(image: Any, role: str) -> Samples:
    """Return a PIL image as samples, equal to those of the file that it was read from."""
    if getattr(image, "n_frames", 1) > 1:
        raise PictureError(
            f"{role} has {image.n_frames} frames: pass image.copy() of the one to compare.", "kind"
        )
    clear = "transparency" in image.info and image.mode != "P"
    if image.mode not in _MODES or (clear and image.mode not in ("1", "L", "RGB")):
        kind = f"mode {image.mode}{' with a transparent colour' if clear else ''}"
        raise PictureError(
            f'{role} is a PIL image of {kind}: convert it, such as with image.convert("RGB").', "kind"
        )
    try:
        samples = np.asarray(image.convert("RGBA") if clear or image.mode == "P" else image)
    except (OSError, ValueError) as error:  # its file is read only now
        raise PictureError(
            f"{role} is a PIL image that cannot be read ({error}): pass its path.", "corrupt"
        ) from error
    return from_array(samples, role)


def _is_a(thing: object, module: str, name: str) -> bool:
    """Return whether this is an object of a class, without importing its module: its owner has."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(thing, kind)


def _unfit(role: str, array: Any, remedy: str) -> PictureError:
    found = np.asarray(array)
    return PictureError(f"{role} is {found.dtype} {found.shape}: {remedy}.", "kind")
