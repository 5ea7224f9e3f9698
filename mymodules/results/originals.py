"""The pictures of a run that go to other computers with it, as they were compared.

They are those of all rows that are not the same: whoever decides there sees them. Each is sent once, in the
folder of the run's drawings, as ``originals/DIGEST.png``, here as well as there. A file that is gone, or has
changed since, is not sent. Nor is one that is no whole picture: whatever has a picture's name may be a row.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mymodules import files, images, pairs
from mymodules.errors import ImageError, MymodulesError
from mymodules.pairs import Selection
from mymodules.row import PairResult
from mymodules.settings import SUFFIXES

FOLDER: Final = "originals"
"""The folder's name."""

_ONE = re.compile(rf"{FOLDER}/[0-9a-f]{{32}}(?:{'|'.join(map(re.escape, SUFFIXES))})?", re.ASCII)


def name_of(digest: str | None, name: str) -> str | None:
    """Return the path of a picture, given its digest and the name of its row; None if it has no digest."""
    suffix = PurePosixPath(name).suffix.lower()
    found = f"{FOLDER}/{digest}{suffix if suffix in SUFFIXES else ''}"
    return found if is_one(found) else None


def is_one(path: str) -> bool:
    """Return whether this is the path of such a picture."""
    return _ONE.fullmatch(path) is not None


def keep(
    folder: Path, rows: Iterable[PairResult], manifest: Mapping[str, Any], cancelled: Callable[[], bool]
) -> int:
    """Copy the pictures of a run that was made here into its folder of drawings; return how many are lost.

    Parameters
    ----------
    folder : Path
    rows : iterable of PairResult
        All rows.
    manifest : mapping
        That of the run.
    cancelled : callable
        Nothing more is copied once this returns True.
    """
    lost = set[str]()
    listed = functools.cache(functools.partial(_listed, manifest))
    for row in rows:
        if cancelled():
            break
        for side in ("first", "second") if row.status != "same" else ():
            digest: str | None = getattr(row, f"{side}_digest")
            path = name_of(digest, row.image_filename)
            if path is None or (folder / path).exists():
                continue
            is_old = side == "first" and row.status == "changed" and row.renamed_from
            file = Path(str(manifest.get(side)), pairs.from_text(str(is_old or row.image_filename)))
            data = _contents(file, digest)
            if data is None and (pair := listed().get(row.image_filename)):  # it may be spelled otherwise
                data = _contents((pair.first if side == "first" else pair.second) or file, digest)
            if data is None:
                lost.add(path)
            if not data:
                continue
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            files.replace(folder / path, [data], durable=False)
    return sum(not (folder / path).exists() for path in lost)


def _contents(file: str | Path, digest: str | None) -> bytes | None:
    """Return the bytes of a file with this digest, none if it is no whole picture; None for another file."""
    with contextlib.suppress(OSError, ValueError, MemoryError, MymodulesError):
        data = files.contents(Path(file))
        if images.digest(data) == digest:
            with contextlib.suppress(ImageError):
                images.inspect(data)
                return data
            return b""
    return None


def _listed(manifest: Mapping[str, Any]) -> dict[str, pairs.Pair]:
    with contextlib.suppress(OSError, ValueError, MymodulesError):
        first, second = (Path(str(manifest.get(side))) for side in ("first", "second"))
        return {pair.name: pair for pair in pairs.find(first, second, Selection.of(manifest)).pairs}
    return {}
