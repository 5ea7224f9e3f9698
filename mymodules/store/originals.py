"""Pictures by name, from the first place of a store that has them undamaged.

The store's own copies are searched first, then the files that runs have digested, then the sources. Whatever
is read is checked: a copy against the digest that its bytes had when it was made; a file of a run, and
anything else whose name is *ours*, against that name. A name is ours if it is known to be `images.digest` of
a file's bytes: a file, a row or a copy of this store has it, or the store was opened with ``own_digests``.
Any other name is opaque, as Gold's names are, and the bytes that a source gives for it are not checked
against it. Bytes that are truncated or not a picture are never returned.
"""

import contextlib
import functools
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mymodules import faults, images
from mymodules.errors import ImageError, MymodulesError, StoreError
from mymodules.formats import Header
from mymodules.store import sources
from mymodules.store.best_effort import BestEffort
from mymodules.store.copies import Copies
from mymodules.store.records import CORRUPTED, HTTP_ERROR, OTHER, Records, is_digest
from mymodules.store.sources import Absent, Original, Source, printable

if TYPE_CHECKING:
    from mymodules.images import Rgba

_MEDIA_TYPES: Final = {"PNG": "png", "JPEG": "jpeg", "WebP": "webp", "BMP": "bmp", "TIFF": "tiff"}


class Unavailable(StoreError):
    """There is no picture for a digest.

    Attributes
    ----------
    reason : str
        As in `DigestFailure`.
    """

    def __init__(self, message: str, reason: str = OTHER) -> None:
        super().__init__(printable(message))
        self.reason = reason


class Found(NamedTuple):
    """A picture, and whether it was fetched from a source."""

    original: Original
    rgba: "Rgba"
    fetched: bool


class Originals:
    """Find pictures in all places that a store has; callable from any thread.

    Parameters
    ----------
    copies : Copies
    records : Records
    best_effort : BestEffort
        Calls the records, and goes on without an answer if their file cannot be used.
    places : tuple of Source
        The sources, in the order in which they are asked.
    own_digests : bool
        Whether every name is ours.
    decode : callable
        From bytes to header and pixels; raises ImageError.
    pause : float
        s between two tries to fetch a picture.
    sleep : callable
        Waits for so many seconds.
    """

    def __init__(
        self,
        copies: Copies,
        records: Records,
        best_effort: BestEffort,
        places: tuple[Source, ...],
        *,
        own_digests: bool,
        decode: "Callable[[bytes], tuple[Header, Rgba]]",
        pause: float,
        sleep: Callable[[float], object],
    ) -> None:
        self.sources = places
        self._copies, self._records, self._best_effort = copies, records, best_effort
        self._own_digests, self._decode = own_digests, decode
        self._pause, self._sleep = pause, sleep

    def find(self, digest: str) -> Found:
        """Return the picture of this name, see `is_name`; raise `Unavailable` with all reasons."""
        reasons: list[str] = []
        reason = HTTP_ERROR
        own: list[Callable[[str], bytes]] = [self._from_copy, self._from_files]
        places = own + [functools.partial(self._from_source, source) for source in self.sources]
        for place in places:
            try:
                data = place(digest)
                header, rgba = self._decode(data)
                media_type = f"image/{_MEDIA_TYPES[header.format]}"
                return Found(Original(data, media_type), rgba, fetched=place not in own)
            except Absent as error:
                reasons.append(str(error))
            except ImageError as error:
                reasons.append(error.reason)
                if error.code == "too_many_pixels":  # for this store; another one may allow more
                    reason = OTHER
                    continue
                reason = CORRUPTED
                if place == self._from_copy:
                    self._copies.remove(digest)
            except Exception as error:
                reasons.append(
                    str(error) if isinstance(error, MymodulesError | OSError) else faults.named(error)
                )
        raise Unavailable(f"There is no picture {digest}: {'; '.join(filter(None, reasons))}.", reason)

    def state(self, digest: str) -> object:
        """Return the state of a picture's files on this computer; if it changes, a failure is tried again."""
        if not is_digest(digest):
            return None
        paths = [self._copies.path(digest), *(path for path, _ in self._files(digest))]
        return [_state(path) for path in paths]

    def may_be_deep(self, digest: str) -> bool:
        """Return whether a picture may be a PNG of 16 bits; True also if no file here tells.

        For such a picture, rows and Gold may have different figures. Only the start of a file is read.
        """
        from mymodules.formats import png  # slow to load, and a run never asks

        copy: list[tuple[Path, int | None]] = [(self._copies.path(digest), None)] if is_digest(digest) else []
        for path, size in [*copy, *self._files(digest)]:
            with contextlib.suppress(OSError, ValueError):
                status = path.stat()
                if stat.S_ISREG(status.st_mode) and size in (None, status.st_size):
                    with path.open("rb") as file:
                        return png.is_deep(file.read(png.START))
        return True

    def _from_copy(self, digest: str) -> bytes:
        data = self._copies.read(digest)
        kept = self._best_effort(lambda: self._records.content(digest), None)
        expected = kept or (digest if self._is_ours(digest) else None)
        if expected not in (None, images.digest(data)):
            raise ImageError("corrupt", "its copy is damaged")
        return data

    def _from_files(self, digest: str) -> bytes:
        for path, size in self._files(digest):
            with contextlib.suppress(OSError, ValueError):  # ValueError: it cannot be a path
                status = path.stat()
                if stat.S_ISREG(status.st_mode) and status.st_size == size:
                    data = path.read_bytes()
                    if images.digest(data) == digest:
                        return data
        raise Absent("no known file has it")

    def _from_source(self, source: Source, digest: str) -> bytes:
        ours = self._is_ours(digest)

        def check(data: bytes) -> None:
            if ours and images.digest(data) != digest:
                raise ImageError("corrupt", "the source has other bytes than its digest says")

        return sources.fetch(source, digest, check, pause=self._pause, sleep=self._sleep)

    def _files(self, digest: str) -> list[tuple[Path, int]]:
        """Return the files that runs have digested, and their sizes."""
        nowhere: list[tuple[Path, int]] = []
        return self._best_effort(lambda: self._records.paths(digest), nowhere)

    def _is_ours(self, digest: str) -> bool:
        return self._own_digests or self._best_effort(lambda: self._records.is_ours(digest), False)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: it cannot be a path
        return None
    return status.st_mtime_ns, status.st_size
