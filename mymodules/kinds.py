"""The kinds of arrays that functions take, and the error for any other.

A function that would read an array of another kind wrongly, or fail in the middle of a library, calls `check`
first. Nothing is converted here: `images.from_array` does that, and `mymodules.compare` calls it.
"""

from typing import NamedTuple

from mymodules.errors import PictureError


class Kind(NamedTuple):
    """What an array must be.

    Attributes
    ----------
    text : str
        For a person: type and shape.
    dtypes : tuple of str
    channels : tuple of int
        Possible lengths of a third dimension; empty if there are only two.
    """

    text: str
    dtypes: tuple[str, ...]
    channels: tuple[int, ...] = ()


RGBA = Kind("uint8 (height, width, 4)", ("uint8",), (4,))
GRAY = Kind("uint8 (height, width)", ("uint8",))
SAMPLES = Kind("uint8 or uint16 (height, width, 1 to 4)", ("uint8", "uint16"), (1, 2, 3, 4))
MASK = Kind("bool (height, width)", ("bool",))
SIMILARITY = Kind("float64 (height, width)", ("float64",))


def check(role: str, array: object, kind: Kind) -> None:
    """Raise `PictureError` unless this is an array of that kind; `role` is how the message calls it."""
    shape, dtype = getattr(array, "shape", None), getattr(array, "dtype", None)
    if (
        isinstance(shape, tuple)
        and len(shape) == (3 if kind.channels else 2)
        and (not kind.channels or shape[2] in kind.channels)
        and str(dtype) in kind.dtypes
    ):
        return
    found = type(array).__name__ if shape is None or dtype is None else f"{dtype} {shape}"
    raise PictureError(
        f"{role} is {found}, and must be {kind.text}. mymodules.compare() takes arrays of other kinds.",
        "kind",
    )
