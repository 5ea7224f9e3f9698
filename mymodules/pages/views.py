"""What a page shows of a run: rows as records, and pictures as they were compared.

`folders` says where things are, `Rows` are a table there. A file may be shown as it is where browsers show
its stored pixels; `reencoded` says where not, and why. What cannot be shown raises `Absent`, whose text is
for the person who looks. Nothing is kept of a picture, and nothing is written.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mymodules import faults, images, pairs, triage
from mymodules.errors import ImageError, ResultsError, SettingsError
from mymodules.formats import Header, png
from mymodules.images import Rgba
from mymodules.paths import is_folder, shown
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("first", "second")

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp"}
"""Media types of the formats that browsers show."""

_NAME = "image_filename"
_TEXTS = ("status", "code", "messages")
_FIGURES = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "combined", "seconds"),
    *("max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a"),
)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table as the page takes them, and where their pictures are; see `of`."""

    frame: "pd.DataFrame"
    folders: "Folders"
    names: list[str]
    places: dict[str, int]

    @classmethod
    def of(cls, frame: "pd.DataFrame", folders: "Folders") -> "Rows":
        runfiles.check_table(frame, _NAME)
        frame = frame.copy(deep=False)  # who sorts or cuts theirs in place does not sort this one
        names: list[str] = frame[_NAME].tolist()
        return cls(frame, folders, names, {name: place for place, name in reversed(list(enumerate(names)))})

    @property
    def first(self) -> str:
        """The first row's name, empty where there is no row."""
        return self.names[0] if self.names else ""

    def cell(self, name: str, column: str) -> Any:
        """One value of a row, None where there is none."""
        import pandas as pd  # it is loaded: there is a frame

        if name not in self.places or column not in self.frame.columns:
            return None
        value = self.frame[column].iloc[self.places[name]]
        if isinstance(value, (list, str)):
            return value
        # None, NaN and pandas' NA; the rest are numbers, of numpy or not
        return None if pd.isna(value) else getattr(value, "item", lambda: value)()

    def count(self, name: str) -> int:
        """How many regions a row has."""
        return len(self.cell(name, "regions") or ())

    def path(self, name: str, side: str) -> Path:
        """The file of a row, which may be gone; `Absent` where there can be none."""
        return self.folders.path(name, side, self.cell(name, "status"))

    def beside(self, name: str, by: int) -> str | None:
        """The row before (-1) or after (1) this one; a name that is there again stands at its first place."""
        place = self.places[name] + by
        while 0 <= place < len(self.names):
            if self.places[self.names[place]] == place:
                return self.names[place]
            place += by
        return None

    def around(self, name: str) -> Iterator[str]:
        """The rows after this one, then those before it, the nearest first."""
        place = self.places.get(name, len(self.names))
        yield from self.names[place + 1 :]
        yield from reversed(self.names[:place])

    def about(self, name: str) -> Row:
        """A row as decisions know it."""
        place = self.places[name]
        return triage.rows(self.frame[place : place + 1])[0]

    def decided(self, name: str) -> tuple[str, str]:
        """The decision about a row and its note, both empty where there is none."""
        desk = self.folders.decisions
        return (self.cell(name, "decision") or "", "") if desk is None else desk.of(self.about(name))

    def following(self, name: str) -> str | None:
        """The next row after this one that has no decision and needs one: its pictures are not the same."""
        desk, place, count = self.folders.decisions, self.places[name] + 1, 32
        while desk is not None and place < len(self.names):
            part = self.frame[place : place + count]
            waits = desk.state(part) == ""
            if "status" in part.columns:
                waits &= part["status"] != "same"
            if waits.any():
                return str(part.loc[waits, _NAME].iloc[0])
            place, count = place + count, 4 * count
        return None

    def deciding(self) -> dict[str, Any]:
        """What can be done about decisions, as the page takes it."""
        desk, closed = self.folders.decisions, self.folders.closed
        try:
            able = {"undo": desk.can_undo, "redo": desk.can_redo} if desk is not None else {}
        except ResultsError as error:
            able, closed = {}, str(error)
        return {"undo": False, "redo": False, **able, "closed": closed}

    def record(self, name: str) -> dict[str, Any]:
        """A row as the page takes it: figures and texts, None where there are none, and its neighbours."""
        record = {column: self.cell(name, column) for column in (*_TEXTS, *_FIGURES, "regions")}
        record["regions"] = record["regions"] or []
        for side in SIDES:
            record[side] = [self.cell(name, f"{extent}_{side}") for extent in ("width", "height")]
        record["decision"], record["note"] = "", ""
        with contextlib.suppress(ResultsError):  # `deciding` tells of it
            record["decision"], record["note"] = self.decided(name)
        return {
            "name": name,
            "place": self.places[name],
            "total": len(self.names),
            "previous": self.beside(name, -1),
            "next": self.beside(name, 1),
            **record,
        }


def reencoded(header: Header) -> str | None:
    """Why a browser would not show the pixels that were compared; None where it does show them."""
    if header.format not in TYPES:
        return f"browsers do not show {header.format}"
    if header.depth == 16:
        return "16 bits a channel were compared as 8"
    settings = dict(header.metadata)
    if settings.get("orientation", "1") != "1":
        return "its orientation is not applied"
    profiles = settings.get("colour profile", "").split("; ")
    # Browsers take pictures without a profile for sRGB, and where a PNG says sRGB nothing else counts.
    if any(text.startswith("sRGB ") for text in profiles):
        profiles = [text for text in profiles if not text.startswith(("sRGB ", "cHRM "))]
    elif "gamma" in settings:
        return "its gamma is not applied"
    return "its colour profile is not applied" if any(profiles) else None


def weight(first: Rgba, second: Rgba, box: Sequence[int]) -> int:
    """Differing pixels inside of a box [x, y, width, height]; those that one picture lacks differ."""
    x, y, width, height = box
    one, other = (side[y : y + height, x : x + width] for side in (first, second))
    rows, columns = min(len(one), len(other)), min(one.shape[1], other.shape[1])
    covered = max(len(one), len(other)) * max(one.shape[1], other.shape[1])
    equal = _packed(one[:rows, :columns]) == _packed(other[:rows, :columns])
    return int(covered - np.count_nonzero(equal))


def read(path: Path, side: str, compared: str | None) -> tuple[bytes, str | None]:
    """The bytes of a file, and a sentence where they are not those that were compared (by their digest)."""
    with told(side, path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise Absent(f"{side} cannot be shown: {shown(path)} is not a file.")
        data = path.read_bytes()
    if compared is None or images.digest(data) == compared:
        return data, None
    return data, f"{side} has changed since the run: the figures and regions are those of the old file."


def _packed(rgba: Rgba) -> NDArray[np.uint32]:
    """A pixel as one number."""
    packed: NDArray[np.uint32] = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    return packed


def to_png(rgba: Rgba) -> bytes:
    """The pixels as a PNG file of 8-bit RGBA."""
    height, width = rgba.shape[:2]
    return png.encode(np.ascontiguousarray(rgba).reshape(height, -1), width, depth=8, colour_type=6)


class Absent(Exception):
    """Something cannot be shown; the text says why."""


@contextlib.contextmanager
def told(side: str, path: Path | None = None) -> Iterator[None]:
    """Turn what reading or decoding raises into a sentence that begins with the side."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Absent(f"{side} is gone: {shown(path or '')} does not exist any more.") from error
    except OSError as error:
        raise Absent(f"{side} cannot be read: {error.strerror or error}.") from error
    except ImageError as error:
        raise Absent(f"{side} cannot be shown: {error.reason}.") from error
    except MemoryError as error:
        raise Absent(f"{side} cannot be shown: there is not enough memory for it.") from error
    except Absent:
        raise
    except Exception as error:
        raise Absent(f"{side} cannot be shown: {faults.described(error)}. {faults.REPORT}") from error


class Folders:
    """Where the files of a run are, and what is in its folders; equal where `runs.Folders` are."""

    def __init__(self, places: runfiles.Folders) -> None:
        self.first, self.second, self.out, self.max_pixels = self._key = places
        self.closed = _closed(self.out)
        self.decisions = None if self.closed else Decisions(self.out)
        self._listing: dict[str, pairs.Pair] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folders) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def path(self, name: str, side: str, status: str | None) -> Path:
        """The file of a row, which may be gone; `Absent` where there can be none."""
        if status == ("extra" if side == "first" else "missing"):
            other = "second" if side == "first" else "first"
            raise Absent(f"Only in {other}: {side} has no file of this name.")
        root = self.first if side == "first" else self.second
        text = pairs.from_text(name)
        if not pairs.is_listed(text):
            wrong = f"its name leads out of {shown(root)}, or is not a picture's"
            raise Absent(f"{side} cannot be shown: {wrong}.")
        path = root / text
        if not os.path.lexists(path):  # it may spell the same name in other code points
            path = self.listed(name, side) or path
        return path

    def listed(self, name: str, side: str) -> Path | None:
        """Where the file of a pair is by the listing of both folders, which is read once."""
        if self._listing is None:
            try:
                found = pairs.find(self.first, self.second).pairs
            except SettingsError:
                found = ()
            self._listing = {pair.name: pair for pair in found}
        pair = self._listing.get(name)
        path = pair and (pair.first if side == "first" else pair.second)
        return Path(path) if path else None


def _closed(out: Path | None) -> str:
    """Why nothing can be decided; empty where it can."""
    if out is None:
        return "Nothing can be decided: the run names no output folder. Hand over what batch.run() returned."
    if not is_folder(out):
        return f"Nothing can be decided: there is no folder {shown(out)}. Hand over run= that names it."
    return ""


def folders(frame: "pd.DataFrame", run: runfiles.AnyRun | Mapping[str, Any] | None = None) -> Folders:
    """Where the pictures of these rows are, see `runs.folders`."""
    return Folders(runfiles.folders(frame, run))
