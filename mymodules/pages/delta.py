"""The difference picture of a pair as its run has drawn it, so that pages need not compute it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mymodules import images
from mymodules.comparison import drawing_files
from mymodules.formats.png import PngHeader
from mymodules.images import bands
from mymodules.results import runfiles
from mymodules.row import SIZES
from mymodules.store import sources

COLUMNS = (
    *("image_filename", "status", "first_digest", "second_digest", "num_diff_pixels", "regions"),
    "region_pixels",
    *SIZES,
)
"""The columns of a row that `drawn` reads."""


@dataclass(frozen=True)
class Drawn:
    """A difference picture from a run.

    Attributes
    ----------
    data : bytes
        The PNG file.
    width, height : int
        Its size, px.
    region_pixels : list of int
        The differing pixels in each of the row's regions, in their order.
    """

    data: bytes
    width: int
    height: int
    region_pixels: list[int]


def region_pixels(row: Mapping[str, Any]) -> list[int] | None:
    """Return the differing pixels in each region as the run counted them; None if it did not.

    Results of earlier versions have no such column, and a CSV that was edited may have too few of them.
    """
    counts = row.get("region_pixels")
    return [*counts] if counts is not None and len(counts) == len(row.get("regions") or ()) else None


class Drawings(NamedTuple):
    """Where the drawings of a run are.

    Attributes
    ----------
    folder : Path
    paths : mapping of str to str
        A pair's own part of the path of its drawings, by name, if it is not the name.
    """

    folder: Path
    paths: Mapping[str, str]


def drawings_of(out: Path | None, run: Mapping[str, Any]) -> Drawings | None:
    """Return where a run, given its output folder and manifest, has its drawings; None if it is not known."""
    stamp, paths = run.get("stamp"), run.get("stems")
    if out is None or not runfiles.is_stamp(stamp):
        return None
    return Drawings(runfiles.pictures_path(out, str(stamp)), paths if isinstance(paths, Mapping) else {})


def drawn(where: Drawings | None, row: Mapping[str, Any]) -> Drawn | None:
    """Return the difference picture that a run has drawn for a row, if it is whole and fits the row.

    Parameters
    ----------
    where : Drawings, optional
        Where the drawings of the run are.
    row : mapping
        The row by column; at least `COLUMNS`.

    Returns
    -------
    Drawn or None
        None if there is no such picture, or its size or number of differing pixels is not the row's.
    """
    known = row.get("status") == "changed" and row.get("first_digest") and row.get("second_digest")
    if where is None or not known:
        return None
    width = max(row.get("width_first") or 0, row.get("width_second") or 0)
    height = max(row.get("height_first") or 0, row.get("height_second") or 0)
    known_counts = region_pixels(row)
    boxes = row.get("regions") or () if known_counts is None else ()
    try:
        path = where.paths.get(row["image_filename"], row["image_filename"])
        data = sources.inside(where.folder, path + drawing_files.ENDINGS[-1]).read_bytes()
        header = images.inspect(data, max_pixels=width * height)
        if not isinstance(header, PngHeader) or header.interlaced or not header.transparency:
            return None
        if (header.width, header.height) != (width, height):
            return None
        count, counts = _counted(bands.scanlines(data, header), boxes)
    except Exception:  # whatever is there, the run has not drawn it
        return None
    if count != row.get("num_diff_pixels"):
        return None
    return Drawn(data, width, height, counts if known_counts is None else known_counts)


def _counted(rows: bands.Scanlines, boxes: Sequence[Sequence[int]]) -> tuple[int, list[int]]:
    """Count the pixels that are not transparent, in the whole picture and in each box."""
    count, inside, top = 0, [0] * len(boxes), 0
    for samples in bands.samples(rows):
        differs = samples[:, :, -1] > 0
        count += int(np.count_nonzero(differs))
        bottom = top + len(differs)
        for place, (x, y, wide, tall) in enumerate(boxes):
            if y < bottom and top < y + tall:
                part = differs[max(y - top, 0) : y + tall - top, x : x + wide]
                inside[place] += int(np.count_nonzero(part))
        top = bottom
    return count, inside
