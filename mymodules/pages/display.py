"""Pictures as a browser shows them: where they are, and whether it would show the compared pixels.

`folders` finds the files of a run. A file is shown as it is if browsers display its stored pixels;
`reencoded` says why they would not. What cannot be shown raises `Absent`, whose text is for the reader.
Nothing is cached, and nothing is written.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import faults, images, pairs
from mymodules.errors import ImageError, MymodulesError, SettingsError
from mymodules.formats import Header, png
from mymodules.formats.png import Samples
from mymodules.images import Rgba
from mymodules.paths import is_folder, shown
from mymodules.results import originals, runfiles
from mymodules.triage import Decisions

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("first", "second")

Answer = tuple[dict[str, Any], list[bytes]]
"""A message to a page, and its buffers."""

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp"}
"""Media types of the formats that browsers show."""


def reencoded(header: Header) -> str | None:
    """Return why a browser would not show the pixels that were compared; None if it would."""
    if header.format not in TYPES:
        return f"browsers do not show {header.format}"
    if header.depth == 16:
        return "16 bits a channel were compared as 8"
    settings = dict(header.metadata)
    if settings.get("orientation", "1") != "1":
        return "its orientation is not applied"
    profiles = settings.get("colour profile", "").split("; ")
    # Browsers treat a picture without a profile as sRGB; if a PNG says sRGB, nothing else counts.
    if any(text.startswith("sRGB ") for text in profiles):
        profiles = [text for text in profiles if not text.startswith(("sRGB ", "cHRM "))]
    elif "gamma" in settings:
        return "its gamma is not applied"
    return "its colour profile is not applied" if any(profiles) else None


def weight(first: Rgba, second: Rgba, box: Sequence[int]) -> int:
    """Count the differing pixels in a box [x, y, width, height]; pixels of one picture only differ."""
    x, y, width, height = box
    one, other = (side[y : y + height, x : x + width] for side in (first, second))
    rows, columns = min(len(one), len(other)), min(one.shape[1], other.shape[1])
    covered = max(len(one), len(other)) * max(one.shape[1], other.shape[1])
    equal = _packed(one[:rows, :columns]) == _packed(other[:rows, :columns])
    return int(covered - np.count_nonzero(equal))


class Loaded(NamedTuple):
    """A file as it is now.

    Attributes
    ----------
    data : bytes
    digest : str
        Of `data`.
    changed : str or None
        A sentence if that is not the file that was compared.
    """

    data: bytes
    digest: str
    changed: str | None


def read(path: Path, side: str, compared: str | None) -> Loaded:
    """Read a file, and compare its digest with that of the run, if there is one."""
    with as_absent(side, path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise Absent(f"{side} cannot be shown: {shown(path)} is not a file.")
        data = path.read_bytes()
    digest = images.digest(data)
    changed = f"{side} has changed since the run: the figures and regions are those of the old file."
    return Loaded(data, digest, None if compared in (None, digest) else changed)


def _packed(rgba: Rgba) -> NDArray[np.uint32]:
    """Return each pixel as one number."""
    packed: NDArray[np.uint32] = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    return packed


def to_png(rgba: Rgba) -> bytes:
    """Encode the pixels as a PNG file of 8-bit RGBA."""
    height, width = rgba.shape[:2]
    return png.encode(np.ascontiguousarray(rgba).reshape(height, -1), width, depth=8, colour_type=6)


class Absent(Exception):
    """A picture cannot be shown; the text says why."""


@contextlib.contextmanager
def as_absent(side: str, path: Path | None = None) -> Iterator[None]:
    """Turn errors of reading and decoding into `Absent`, whose sentence begins with the side."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Absent(f"{side} is gone: {shown(path or '')} no longer exists.") from error
    except OSError as error:
        raise Absent(f"{side} cannot be read: {error.strerror or error}.") from error
    except ImageError as error:
        raise Absent(f"{side} cannot be shown: {error.reason}.") from error
    except MemoryError as error:
        raise Absent(f"{side} cannot be shown: there is not enough memory for it.") from error
    except Absent:
        raise
    except Exception as error:
        raise Absent(f"{side} cannot be shown: {faults.reported(error)}") from error


def decoded(folders: "Folders", row: Mapping[str, Any], side: str) -> Samples | None:
    """Return the picture of a row as `images.decode` does; None if that fails, or it has changed since."""
    with contextlib.suppress(Absent), as_absent(side):
        data, _, changed = read(folders.of_row(row, side), side, row.get(f"{side}_digest"))
        if not changed:
            return images.decode(data, images.inspect(data, max_pixels=folders.max_pixels))
    return None


def why_not(error: BaseException) -> str:
    """Return a sentence for the page that asked for what raised this."""
    if isinstance(error, (Absent, MymodulesError)):
        return str(error)
    return f"This cannot be shown: {faults.reported(error)}"


def answered(find: Callable[[Any], Answer], asked: Any) -> Answer:
    """Return what `find` does, or ``error``, a sentence: without an answer the page would wait for ever."""
    try:
        return find(asked)
    except Exception as error:
        return {"error": why_not(error)}, []


class Folders:
    """The folders of a run, the files in them, and its decisions; equal if their `runfiles.Folders` are."""

    def __init__(self, places: runfiles.Folders) -> None:
        self.first, self.second, self.out, self.max_pixels, self.selection, self._brought = self._key = places
        self.closed = _closed(self.out)
        self.decisions = None if self.closed else Decisions(self.out)
        self._listing: dict[str, pairs.Pair] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folders) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def roots(self) -> dict[str, Path | None]:
        """The folders by their roles."""
        return {"first": self.first, "second": self.second, "out": self.out}

    def path(
        self,
        name: str,
        side: str,
        status: str | None,
        renamed_from: str | None = None,
        digest: str | None = None,
    ) -> Path:
        """Return the file of a row, which may be gone; raise `Absent` if there can be none.

        Of a file that was renamed and changed, first has the old name. The digest finds the picture of a run
        that was made on another computer.
        """
        if side == "first" and status == "changed" and renamed_from:
            name = renamed_from
        if status == ("extra" if side == "first" else "missing"):
            other = "second" if side == "first" else "first"
            raise Absent(f"Only in {other}: {side} has no file of this name.")
        root = self.first if side == "first" else self.second
        # Somebody may have named folders of this computer for a run that came from another one.
        if self._brought is not None and not root.is_dir():
            return _brought(self._brought, name, side, status, digest)
        text = pairs.from_text(name)
        if not pairs.is_listed(text):
            wrong = f"its name leads out of {shown(root)}, or is not a picture's"
            raise Absent(f"{side} cannot be shown: {wrong}.")
        path = root / text
        # Its name may be spelled in other code points, or be another one, if two files were compared.
        if not os.path.lexists(path) or self.selection.files is not None:
            path = self.listed(name, side) or path
        return path

    def of_row(self, row: Mapping[str, Any], side: str) -> Path:
        """Return the file of a row that is given with its columns; see `path`."""
        known = row.get("status"), row.get("renamed_from"), row.get(f"{side}_digest")
        return self.path(row["image_filename"], side, *known)

    def listed(self, name: str, side: str) -> Path | None:
        """Return the file of a pair from a listing of both folders, which is read once."""
        if self._listing is None:
            try:
                found = pairs.find(self.first, self.second, self.selection).pairs
            except SettingsError:
                found = pairs.Pairs()
            self._listing = {pair.name: pair for pair in found}
        pair = self._listing.get(name)
        path = pair and (pair.first if side == "first" else pair.second)
        return Path(path) if path else None


def _brought(folder: Path, name: str, side: str, status: str | None, digest: str | None) -> Path:
    """Return a picture that came with a run; raise `Absent` if it did not."""
    path = originals.name_of(digest, name)
    if path is not None and os.path.lexists(folder / path):
        return folder / path
    why = "only pictures that are not the same come from there" if status == "same" else "it did not come"
    raise Absent(f"{side} cannot be shown: the run was made on another computer, and {why}.")


def _closed(out: Path | None) -> str:
    """Return why nothing can be decided; empty if it can."""
    if out is None:
        return "Nothing can be decided: the run names no output folder. Pass run=batch.run(...)."
    if not is_folder(out):
        return f"Nothing can be decided: there is no folder {shown(out)}. Pass run= with a run that has one."
    return ""


def folders(frame: "pd.DataFrame", run: runfiles.AnyRun | Mapping[str, Any] | None = None) -> Folders:
    """Return where the pictures of these rows are; see `runfiles.folders`."""
    return Folders(runfiles.folders(frame, run))
