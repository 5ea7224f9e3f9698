"""A pair of pictures to look at, in a notebook: one widget beside the table of results.

`Viewer` shows one row at a time: side by side, swiped, faded, blinking, as a difference or as the delta.
What is shown is what was compared: a file goes to the browser as it is where browsers show its stored
pixels, else as a PNG of the compared ones. Values under the pointer come from the decoded files, never
from what the browser has drawn.

Between the two stand three traits and small messages. The page asks, with an ``id`` that the answer has too:

=========================================  ================================================================
``{kind: "record", name}``                 the row as ``record``, with its neighbours; no file is read
``{kind: "picture", name, side, encode}``  first, second or delta: a buffer of its bytes, ``type``, size
``{kind: "regions", name}``                ``regions``: [x, y, width, height, differing pixels], most first
``{kind: "tile", name, x, y}``             up to `TILE` x `TILE` px from there on: a buffer of RGBA for each
                                           side, sizes in ``first`` and ``second``
=========================================  ================================================================

What cannot be answered comes back as ``error``, a sentence. ``{kind: "rows", fresh}`` tells the page that
the rows are others now. Nothing is written, and a file is read only when its row is looked at.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from mymodules import batch, images, pairs, pictures, results
from mymodules.errors import ImageError, SettingsError
from mymodules.formats import Header, png
from mymodules.images import Rgba
from mymodules.settings import MAX_PIXELS, shown

if TYPE_CHECKING:
    import pandas as pd

MODES = ("side-by-side", "swipe", "onion-skin", "blink", "difference", "delta")

TILE = 128
"""Side of a piece of exact pixels, px."""

DECODED_BYTES = 256 << 20
"""Decoded pictures that are kept; two of them stay whatever their size."""

_SIDES = ("first", "second")
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp"}
_NAME = "image_filename"
_TEXTS = ("status", "code", "messages")
_FIGURES = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "combined", "seconds"),
    *("max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a"),
)


class Viewer(anywidget.AnyWidget):
    """Shows the pairs of a table, one at a time.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or any part of it in any order: next and previous follow it.
    run : Run or mapping, optional
        Where the pictures are: what `batch.run` returned or a manifest. By default ``frame.attrs["run"]``.

    Raises
    ------
    SettingsError
        When it is not known where the pictures are.

    Attributes
    ----------
    row : str
        ``image_filename`` of the row that is shown, empty for none. To be set, too, like the next two.
    mode : str
        One of `MODES`.
    region : int
        The chosen region: its place in the list with the most differing pixels first; -1 for none.
    """

    _esm = Path(__file__).parent / "viewer.js"
    _css = Path(__file__).parent / "viewer.css"

    row = traitlets.Unicode("").tag(sync=True)
    mode = traitlets.Enum(MODES, MODES[0]).tag(sync=True)
    region = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self, frame: "pd.DataFrame", *, run: batch.Run | Mapping[str, Any] | None = None, **traits: Any
    ) -> None:
        self._pixels = _Pixels(DECODED_BYTES)
        self._take(frame, _folders(frame, run))
        super().__init__(**{"row": self._names[0] if self._names else "", **traits})
        self.observe(self._choose_no_region, "row")
        self.on_msg(self._answer)

    @property
    def frame(self) -> "pd.DataFrame":
        """The rows that next and previous go through."""
        return self._frame

    def show(self, frame: "pd.DataFrame", *, run: batch.Run | Mapping[str, Any] | None = None) -> None:
        """Take other rows, or the same in another order.

        The row that is shown stays if it is among them, else the first one is shown. Where neither ``run``
        nor the frame says where the pictures are, they are where they were.
        """
        known = run is not None or frame.attrs.get("run")
        folders = _folders(frame, run) if known else self._folders
        fresh = folders != self._folders
        if fresh:
            self._pixels.clear()
        self._take(frame, folders)
        self.send({"kind": "rows", "fresh": fresh})
        if self.row not in self._places:
            self.row = self._names[0] if self._names else ""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page has chosen; what the rows of now do not have is put right there."""
        wanted = dict(sync_data)
        if wanted.get("row", self.row) not in self._places:
            wanted.pop("row", None)
            wanted.pop("region", None)
        row = wanted.get("row", self.row)
        if "region" in wanted and not -1 <= wanted["region"] < self._count(row):
            wanted["region"] = -1
        super().set_state(wanted)
        wrong = [
            key for key, value in sync_data.items() if key in ("row", "region") and wanted.get(key) != value
        ]
        if wrong:
            self.send_state(wrong)

    @traitlets.validate("row")
    def _known_row(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._places and (name or self._names):
            raise traitlets.TraitError(f"The viewer has no row {name!r}: see viewer.frame for those it has.")
        return name

    @traitlets.validate("region")
    def _known_region(self, proposal: Any) -> int:
        number, count = int(proposal["value"]), self._count(self.row)
        if not -1 <= number < count:
            raise traitlets.TraitError(f"{self.row} has {count} regions: region is 0 to {count - 1}, or -1.")
        return number

    def _choose_no_region(self, _: object) -> None:
        self.region = -1

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:  # what a page without a kernel shows in the place of the widget
            bundle[0]["text/plain"] = (
                f"A viewer of {len(self._names)} pairs of pictures. It needs a running kernel: open the "
                "notebook in JupyterLab and run this cell."
            )
        return bundle

    # --- rows ----------------------------------------------------------------------------------------

    def _take(self, frame: "pd.DataFrame", folders: "_Folders") -> None:
        if _NAME not in frame.columns:
            raise SettingsError(f"The frame has no column {_NAME}: take one that results.load() returned.")
        self._frame = frame
        self._folders = folders
        self._names: list[str] = frame[_NAME].tolist()
        self._places = {name: place for place, name in reversed(list(enumerate(self._names)))}

    def _cell(self, name: str, column: str) -> Any:
        """One value of a row, None where there is none."""
        import pandas as pd  # it is loaded: there is a frame

        if name not in self._places or column not in self._frame.columns:
            return None
        value = self._frame[column].iloc[self._places[name]]
        if isinstance(value, (list, str)):
            return value
        # None, NaN and pandas' NA; the rest are numbers, of numpy or not
        return None if pd.isna(value) else getattr(value, "item", lambda: value)()

    def _count(self, name: str) -> int:
        return len(self._cell(name, "regions") or ())

    def _record(self, name: str) -> dict[str, Any]:
        place, last = self._places[name], len(self._names) - 1
        record = {column: self._cell(name, column) for column in (*_TEXTS, *_FIGURES, "regions")}
        record["regions"] = record["regions"] or []
        for side in _SIDES:
            record[side] = [self._cell(name, f"{extent}_{side}") for extent in ("width", "height")]
        return {
            "name": name,
            "place": place,
            "total": last + 1,
            "previous": self._names[place - 1] if place > 0 else None,
            "next": self._names[place + 1] if place < last else None,
            **record,
        }

    # --- messages ------------------------------------------------------------------------------------

    def _answer(self, _: object, asked: Any, __: object) -> None:
        """Answer one message, whatever it is: a page that waits would wait for ever."""
        reply: dict[str, Any] = {"id": asked.get("id")} if isinstance(asked, dict) else {}
        buffers: list[bytes] = []
        try:
            found, buffers = self._found(asked)
            reply |= found
        except _Absent as absent:
            reply |= {"error": str(absent)}
        except Exception as error:  # a defect: told to the page, where somebody waits for a picture
            reply |= {"error": f"This cannot be shown ({type(error).__name__}: {error})."}
        self.send(reply, buffers)

    def _found(self, asked: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        kind, name = asked["kind"], asked["name"]
        if name not in self._places:
            raise _Absent("This row is no longer among those of the viewer.")
        if kind == "record":
            return {"record": self._record(name)}, []
        if kind == "picture" and asked["side"] == "delta":
            return self._delta(name)
        if kind == "picture" and asked["side"] in _SIDES:
            return self._picture(name, asked["side"], encode=bool(asked.get("encode")))
        if kind == "regions":
            return {"regions": self._weighed(name)}, []
        if kind == "tile":
            return self._tile(name, int(asked["x"]), int(asked["y"]))
        raise _Absent("This viewer is of another version than its kernel: restart the kernel.")

    def _picture(self, name: str, side: str, *, encode: bool) -> tuple[dict[str, Any], list[bytes]]:
        data, changed = self._bytes(name, side)
        with _told(side):
            header = images.inspect(data, max_pixels=self._folders.max_pixels)
        why = "the browser cannot show the file itself" if encode else reencoded(header)
        reply = {"width": header.width, "height": header.height, "encoded": why, "changed": changed}
        if not why:
            return {**reply, "type": _TYPES[header.format]}, [data]
        return {**reply, "type": "image/png"}, [_to_png(self._decoded(name, side))]

    def _delta(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        first, second = (self._decoded(name, side) for side in _SIDES)
        delta = pictures.delta(first, second)
        height, width = delta.shape[:2]
        return {"width": width, "height": height, "type": "image/png", "encoded": None}, [_to_png(delta)]

    def _weighed(self, name: str) -> list[list[int]]:
        boxes: Sequence[Sequence[int]] = self._cell(name, "regions") or ()
        if not boxes:
            return []
        first, second = (self._decoded(name, side) for side in _SIDES)
        weighed = [[*box, weight(first, second, box)] for box in boxes]
        return sorted(weighed, key=lambda box: -box[4])

    def _tile(self, name: str, x: int, y: int) -> tuple[dict[str, Any], list[bytes]]:
        reply: dict[str, Any] = {}
        buffers = []
        for side in _SIDES:
            try:
                piece = self._decoded(name, side)[max(y, 0) : max(y, 0) + TILE, max(x, 0) : max(x, 0) + TILE]
            except _Absent:
                piece = np.zeros((0, 0, 4), np.uint8)
            reply[side] = [piece.shape[1], piece.shape[0]]
            buffers.append(piece.tobytes())
        return reply, buffers

    # --- files ---------------------------------------------------------------------------------------

    def _bytes(self, name: str, side: str) -> tuple[bytes, str | None]:
        """The bytes of a file, and a sentence where they are not those that were compared."""
        path = self._path(name, side)
        with _told(side, path):
            data = path.read_bytes()
        compared = self._cell(name, f"{side}_digest")
        if compared is None or images.digest(data) == compared:
            return data, None
        return data, f"{side} has changed since the run: the figures and regions are those of the old file."

    def _decoded(self, name: str, side: str) -> Rgba:
        path = self._path(name, side)
        with _told(side, path):
            return self._pixels.of(path, self._folders.max_pixels)

    def _path(self, name: str, side: str) -> Path:
        status = self._cell(name, "status")
        if status == ("extra" if side == "first" else "missing"):
            other = "second" if side == "first" else "first"
            raise _Absent(f"Only in {other}: {side} has no file of this name.")
        root = self._folders.first if side == "first" else self._folders.second
        path = root / pairs.from_text(name)
        if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
            raise _Absent(f"{side} cannot be shown: its name leads out of {shown(root)}.")
        if not path.exists():  # it may spell the same name in other code points
            path = self._folders.listed(name, side) or path
        return path


def reencoded(header: Header) -> str | None:
    """Why a browser would not show the pixels that were compared; None where it does show them."""
    if header.format not in _TYPES:
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


def _packed(rgba: Rgba) -> NDArray[np.uint32]:
    """A pixel as one number."""
    packed: NDArray[np.uint32] = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    return packed


def _to_png(rgba: Rgba) -> bytes:
    height, width = rgba.shape[:2]
    return png.encode(np.ascontiguousarray(rgba).reshape(height, -1), width, depth=8, colour_type=6)


class _Absent(Exception):
    """Something cannot be shown; the text says why."""


@contextlib.contextmanager
def _told(side: str, path: Path | None = None) -> Iterator[None]:
    """Turn what reading or decoding raises into a sentence that begins with the side."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _Absent(f"{side} is gone: {shown(path or '')} does not exist any more.") from error
    except OSError as error:
        raise _Absent(f"{side} cannot be read: {error.strerror or error}.") from error
    except ImageError as error:
        raise _Absent(f"{side} cannot be shown: {error.reason}.") from error


class _Folders:
    """Where the pictures of a run are."""

    def __init__(self, first: Path, second: Path, max_pixels: int) -> None:
        self.first, self.second, self.max_pixels = first, second, max_pixels
        self._listing: dict[str, pairs.Pair] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Folders) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Path, Path, int]:
        return self.first, self.second, self.max_pixels

    def listed(self, name: str, side: str) -> Path | None:
        """Where the file of a pair is by the listing of both folders, which is read once."""
        if self._listing is None:
            try:
                self._listing = {pair.name: pair for pair in pairs.find(self.first, self.second).pairs}
            except SettingsError:
                self._listing = {}
        pair = self._listing.get(name)
        return None if pair is None else pair.first if side == "first" else pair.second


def _folders(frame: "pd.DataFrame", run: batch.Run | Mapping[str, Any] | None) -> _Folders:
    if isinstance(run, batch.Run):
        stamp = results.stamp_of(run.csv_path)
        run = results.read_manifest(results.manifest_path(run.csv_path.parent, stamp or ""))
    manifest = frame.attrs.get("run") or {} if run is None else run
    absent = [side for side in _SIDES if not manifest.get(side)]
    if absent:
        raise SettingsError(
            f"It is not known where the pictures are: the run does not name {' and '.join(absent)}. Take the "
            "frame of results.load(), or hand over run=, what batch.run() returned or "
            "{'first': ..., 'second': ...}."
        )
    limit = (manifest.get("options") or {}).get("max_pixels", MAX_PIXELS)
    return _Folders(Path(manifest["first"]), Path(manifest["second"]), int(limit))


class _Pixels:
    """The pictures decoded last, as far as they fit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[tuple[object, ...], Rgba] = OrderedDict()

    def of(self, path: Path, max_pixels: int) -> Rgba:
        """The RGBA of a file; decoded anew when it has been written to."""
        state = path.stat()
        key = (path, state.st_mtime_ns, state.st_size, max_pixels)
        if key not in self._kept:
            self._kept[key] = images.read_rgba(path, max_pixels=max_pixels)
        self._kept.move_to_end(key)
        while len(self._kept) > 2 and self.bytes > self.limit:
            self._kept.popitem(last=False)
        return self._kept[key]

    @property
    def bytes(self) -> int:
        return sum(rgba.nbytes for rgba in self._kept.values())

    def clear(self) -> None:
        self._kept.clear()
