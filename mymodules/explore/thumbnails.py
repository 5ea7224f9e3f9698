"""The explorer's thumbnails: answers the page's gallery.

Pictures are read and cut by threads, so that the kernel is free for the viewer. The latest thumbnails are
kept in memory. The page sends these messages; the answer has the kind ``thumbnails`` and the same ``id``:

=======================================================  ==================================================
``{kind: "shape", id, name}``                            sizes as ``first`` and ``second``, each [width,
                                                         height], ``regions``: [x, y, width, height,
                                                         differing pixels or null], ``message``
``{kind: "thumbnails", id, name, sides, part}``          ``pictures``: by side width, height and ``changed``,
                                                         or ``error``; a buffer for each of the former, in the
                                                         order of ``sides``. ``part`` is a `thumbnails.Part`
``{kind: "drop", ids}``                                  none; these answers are no longer wanted
=======================================================  ==================================================

A request that cannot be answered gets ``error``, a sentence.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from mymodules import batch
from mymodules.pages import delta, thumbnails
from mymodules.pages.display import SIDES, Absent, folders, why_not
from mymodules.pages.rows import ShownRows
from mymodules.pages.thumbnails import Part, Thumbnail
from mymodules.store.cache import NOW, ReadThrough

if TYPE_CHECKING:
    import pandas as pd

KEPT_BYTES = 64 << 20
"""Bytes of thumbnails that are kept."""

_KEPT = 4096  # rows at most
_THREADS = 2

Made = Mapping[str, Thumbnail | str]
"""The thumbnails of a row by side, or sentences."""


class _Wanted(NamedTuple):
    """What a request is about, with the state of both files."""

    name: str
    sides: tuple[str, ...]
    part: Part
    states: tuple[object, ...]


class _Dropped(Exception):
    """Nobody waits for a thumbnail any more."""


class Thumbnails:
    """Answer a page's requests for thumbnails.

    Parameters
    ----------
    frame : DataFrame
        All rows that the page may ask about.
    run : Run or mapping, optional
        Where the pictures are, if the frame does not say so; see `Viewer`.
    send : callable
        Sends a message and its buffers to the page; called in any thread.
    """

    def __init__(
        self,
        frame: "pd.DataFrame",
        run: batch.Run | Mapping[str, Any] | None,
        send: Callable[[dict[str, Any], list[bytes]], object],
    ) -> None:
        self._rows, self._send = ShownRows.of(frame, folders(frame, run)), send
        self._asked: dict[str, _Wanted] = {}
        self._lock = threading.Lock()
        self._made = ReadThrough(
            self._make, size=_KEPT, limit=KEPT_BYTES, weigh=_weight, workers=_THREADS, errors=0
        )

    def received(self, _: object, message: Any, __: object) -> None:
        """Answer a message of the page; those of other parts of the page are ignored."""
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "drop":
            self._drop(message.get("ids") or ())
        elif kind in ("shape", "thumbnails"):
            answer = {"kind": "thumbnails", "id": message.get("id")}
            try:
                if message["name"] not in self._rows.places:
                    raise Absent("This row is no longer among those of the table.")
                if kind == "shape":
                    self._send({**answer, **self._shape(message["name"])}, [])
                else:
                    self._ask(str(message["id"]), self._wanted(message))
            except Exception as error:  # without an answer the page would wait for ever
                self._send({**answer, "error": why_not(error)}, [])

    def _shape(self, name: str) -> dict[str, Any]:
        rows = self._rows
        boxes = rows.cell(name, "regions") or []
        known = delta.region_pixels({"regions": boxes, "region_pixels": rows.cell(name, "region_pixels")})
        counts = [None for _ in boxes] if known is None else known
        shape: dict[str, Any] = {
            "regions": [[*box, count] for box, count in zip(boxes, counts, strict=True)],
            "message": rows.cell(name, "messages") or "",
        }
        for side in SIDES:
            shape[side] = [rows.cell(name, f"{extent}_{side}") for extent in ("width", "height")]
        return shape

    def _wanted(self, message: Mapping[str, Any]) -> _Wanted:
        name = message["name"]
        sides = tuple(side for side in message["sides"] if side in (*SIDES, "delta"))
        states = tuple(self._state(name, side) for side in SIDES)
        return _Wanted(name, sides, thumbnails.part(message["part"]), states)

    def _state(self, name: str, side: str) -> object:
        """Return what changes when a file does."""
        try:
            state = self._rows.path(name, side).stat()
        except (Absent, OSError, ValueError):
            return None
        return state.st_mtime_ns, state.st_size

    def _ask(self, number: str, wanted: _Wanted) -> None:
        with self._lock:
            self._asked[number] = wanted
        self._made.submit(NOW, wanted).add_done_callback(lambda made: self._answer(number, made))

    def _drop(self, numbers: Sequence[str]) -> None:
        with self._lock:
            for number in numbers:
                self._asked.pop(number, None)

    def _make(self, _: int, wanted: _Wanted) -> Made:
        with self._lock:
            if wanted not in self._asked.values():
                raise _Dropped
        return thumbnails.of_row(self._rows, wanted.name, wanted.sides, wanted.part)

    def _answer(self, number: str, made: "Future[Made]") -> None:
        with self._lock:
            wanted = self._asked.pop(number, None)
        if wanted is None:
            return
        error = made.exception()
        if isinstance(error, _Dropped):  # dropped by one request, and asked for again by this one
            self._ask(number, wanted)
            return
        answer: dict[str, Any] = {"kind": "thumbnails", "id": number}
        if error is not None:
            self._send({**answer, "error": why_not(error)}, [])
            return
        pictures: dict[str, Any] = {}
        buffers: list[bytes] = []
        for side, found in made.result().items():
            if isinstance(found, str):
                pictures[side] = {"error": found}
            else:
                data, *_ = found
                pictures[side] = {"width": found.width, "height": found.height, "changed": found.changed}
                buffers.append(data)
        self._send({**answer, "pictures": pictures}, buffers)


def _weight(made: Made) -> int:
    return sum(len(found) if isinstance(found, str) else len(found.data) for found in made.values())
