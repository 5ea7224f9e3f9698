"""Faults that nobody foresees, what is made to raise them, and the pictures they are met on."""

import functools
import inspect
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mymodules import pairs
from mymodules.workers import Job
from support.containers import pillow, tifffile_writes


class Fault(Exception):
    """What nobody foresees."""


class Unspeakable(Fault):
    """Has no text."""

    def __str__(self) -> str:
        raise Fault


class Unsendable(Fault):
    """Cannot be pickled."""

    def __reduce__(self) -> str:
        raise Fault


KINDS = [
    Fault("of ours"),
    ValueError("negative shift count"),
    struct.error("unpack requires a buffer of 4 bytes"),
    cv2.error("OpenCV(4.10) error: (-215:Assertion failed)"),
    RecursionError("maximum recursion depth exceeded"),
    AssertionError(),
    KeyError('a "quoted" key\nover two lines\x00\u2028 \udcff'),
    OSError(5, "Input/output error"),
    Fault("=HYPERLINK(1)\r\n\t" + "long " * 20_000),
    Unspeakable(),
    Unsendable(lambda: None),
    StopIteration(),
    TimeoutError("late"),
    ExceptionGroup("several", [Fault("one"), ValueError("other")]),
]


def kind_of(error: BaseException) -> str:
    return type(error).__name__


# --- pictures, and the pairs made of them ------------------------------------------------------------


def noise(seed: int, *shape: int, kind: type[np.generic] = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)  # type: ignore[arg-type]


@functools.cache
def written() -> dict[str, tuple[bytes | None, bytes | None]]:
    """Small files of every format and kind of row, by name."""
    one, other = noise(1, 9, 11, 4), noise(2, 9, 11, 4)
    alike = one.copy()
    alike[2:4, 3:5] ^= 255
    gray, deep = noise(3, 9, 11), noise(4, 9, 11, kind=np.uint16)
    found: dict[str, tuple[bytes | None, bytes | None]] = {
        "equal.png": (pillow(one), pillow(one)),
        "recoded.png": (pillow(one), pillow(one, compress_level=1)),
        "changed.png": (pillow(one), pillow(alike)),
        "gray.png": (pillow(gray), pillow(255 - gray)),
        "deep.png": (pillow(deep), pillow(deep ^ 1)),
        "kinds.png": (pillow(one), pillow(gray)),
        "wider.png": (pillow(one), pillow(other[:, :8])),
        "photo.jpg": (pillow(one[..., :3], "JPEG"), pillow(other[..., :3], "JPEG")),
        "photo.webp": (pillow(one, "WebP", lossless=True), pillow(other, "WebP", lossless=True)),
        "old.bmp": (pillow(one[..., :3], "BMP"), pillow(other[..., :3], "BMP")),
        "scan.tif": (tifffile_writes(one), tifffile_writes(other)),
        "strips.tif": (
            tifffile_writes(gray, compression="zlib", rowsperstrip=4),
            tifffile_writes(255 - gray),
        ),
        "gone.png": (pillow(one), None),
        "come.jpg": (None, pillow(one[..., :3], "JPEG")),
        "broken.png": (pillow(one)[:-30], pillow(one)),
        "text.png": (b"no picture", b""),
    }
    return found


def made(folder: Path) -> list[Job]:
    """The files as folders ``first`` and ``second``, and the jobs of a run that draws all pairs."""
    for name, sides in written().items():
        for role, data in zip(("first", "second"), sides, strict=True):
            (folder / role).mkdir(exist_ok=True)
            if data is not None:
                (folder / role / name).write_bytes(data)
    listing = pairs.find(folder / "first", folder / "second")
    return [Job(pair, folder / "drawn", pair.name, draw_same=True) for pair in listing.pairs]


# --- making functions raise --------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A function, or the part of a class that is one, and where it stands."""

    owner: Any
    name: str

    def __str__(self) -> str:
        owner = self.owner.__name__ if inspect.ismodule(self.owner) else self.owner.__qualname__
        return f"{owner}.{self.name}"


@contextmanager
def raising(place: Place, error: BaseException) -> Iterator[list[BaseException]]:
    """Have a function raise wherever it is known under a name of the package; yields what it has raised."""
    raised: list[BaseException] = []

    def refuse(*_: Any, **__: Any) -> Any:
        raised.append(error)
        raise error.with_traceback(None)  # otherwise it keeps the frames of every time that it was raised

    with replaced(place, refuse):
        yield raised


@contextmanager
def replaced(place: Place, by: Callable[..., Any]) -> Iterator[None]:
    """Have another function called wherever one is known under a name of the package."""
    with pytest.MonkeyPatch.context() as patch:
        original = inspect.getattr_static(place.owner, place.name)
        if inspect.isclass(place.owner):
            is_value = isinstance(original, (property, functools.cached_property))
            patch.setattr(place.owner, place.name, property(by) if is_value else by)
        else:
            for module in [each for name, each in sys.modules.items() if name.startswith("mymodules")]:
                for name in [name for name, value in vars(module).items() if value is original]:
                    patch.setattr(module, name, by)
        yield
