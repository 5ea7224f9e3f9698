"""A box in a picture."""

from typing import NamedTuple


class Region(NamedTuple):
    """A box, px; x and y count from the top left corner of the picture."""

    x: int
    y: int
    width: int
    height: int
