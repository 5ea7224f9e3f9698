"""What a worker is asked to do: one pair, and how to compare it."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mymodules import settings
from mymodules.metrics.custom import Metric
from mymodules.pairs import Pair

if TYPE_CHECKING:
    from mymodules.images.depth import Floats
    from mymodules.rules import Rule

Opened = tuple[int, int, int, int, int]
"""A file as it was opened to be read: size, time of modification and of change in ns, inode, and the moment
of that in ns since the epoch."""


class Job(NamedTuple):
    """One pair, and how to compare it.

    Attributes
    ----------
    pair : Pair
    pictures_dir : Path or None
        Folder for the drawings; None to draw nothing.
    drawing_path : str
        Their path below that folder, without their endings; see `drawing_files.paths`.
    draw_same : bool
        Whether equal pairs are drawn too.
    max_pixels : int
        Largest width x height that is decoded.
    at_once : bool
        Whether both files are decoded at the same time, for which another processor has to be free.
    check_pixels : bool
        Whether files that are equal byte for byte are decoded, too.
    metric : Metric or None
        A metric of the caller's own.
    moves : bool
        Whether it is found out why pixels differ: what moved, and what changed.
    rules : tuple of Rule
        Those for this picture, in their order; they need `moves`.
    data : tuple of (bytes or None)
        The files that are in memory, first and second: their paths only name them. None: read the path.
    exact : tuple of (float (height, width, 1 to 4) or None)
        What the files in memory were rounded from, if they cannot hold it.
    """

    pair: Pair
    pictures_dir: Path | None = None
    drawing_path: str = ""
    draw_same: bool = False
    max_pixels: int = settings.MAX_PIXELS
    at_once: bool = False
    check_pixels: bool = False
    metric: Metric | None = None
    moves: bool = True
    rules: "tuple[Rule, ...]" = ()
    data: tuple[bytes | None, bytes | None] = (None, None)
    exact: "tuple[Floats | None, Floats | None]" = (None, None)
