"""The files of a report while it is made: pictures, values and the page.

Files are written piece by piece and never held in memory as a whole. Their names follow from their content,
and every system allows them.
"""

import base64
import hashlib
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from mymodules import files
from mymodules.errors import SettingsError
from mymodules.report import page
from mymodules.report.place import INDEX, ONE_FILE, Staging

_BLOCK = 3 << 18  # bytes; a multiple of three, so that the base64 texts of blocks can be joined


class Parts:
    """Write the files of the report in a `Staging`. Several threads may add files.

    The page shows the pictures. It takes the values for its readout from scripts, because a page that is
    opened from a disk may load scripts but not read pictures.
    """

    def __init__(self, staging: Staging) -> None:
        self._new, self._folder = staging.new, staging.folder
        self._numbers = itertools.count()
        for name in ("pictures", "values"):
            (self._new / name).mkdir()

    def picture(self, name: str, data: bytes) -> None:
        """Add a picture."""
        (self._new / "pictures" / name).write_bytes(data)

    def made_picture(self, pieces: Iterable[bytes], ending: str) -> str:
        """Add a picture that comes in pieces, and return its name."""
        beside, digest = self._written(pieces)
        name = f"{digest}.{ending}"
        beside.replace(self._new / "pictures" / name)
        return name

    def values(self, name: str, data: bytes | None = None) -> None:
        """Add the values of a picture: these bytes, or those of the picture of this name."""
        source = self._new / "pictures" / name
        with io.BytesIO(data) if data is not None else source.open("rb") as file:
            self._write_values(name, file)

    def made_values(self, name: str, pieces: Iterable[bytes]) -> None:
        """Add values that come in pieces."""
        beside, _ = self._written(pieces)
        with beside.open("rb") as file:
            self._write_values(name, file)
        beside.unlink()

    def write_page(self, text: str) -> None:
        """Write the page of a report in a folder."""
        files.create(self._new / INDEX, [text.replace(page.FILES, "").encode()])

    def write_one(self, text: str, names: Iterable[str], limit: int) -> None:
        """Write a page with these files in it, in their order.

        Raises
        ------
        SettingsError
            When it would have more than `limit` bytes.
        """
        begin, end = text.encode().split(page.FILES.encode())
        parts = (piece for name in names for piece in self._as_script(name))
        files.create(self._folder / ONE_FILE, _limited(itertools.chain([begin], parts, [end]), limit))

    def _as_script(self, name: str) -> Iterator[bytes]:
        """A picture, or values, as the page holds them."""
        yield b'<script type="text/plain" id="%s">' % name.encode()
        yield from self._in_base64(name)
        yield b"</script>\n"

    def _in_base64(self, name: str) -> Iterator[bytes]:
        """Yield a picture, or values, in base64."""
        path = self._new / "pictures" / name
        if path.exists():
            with path.open("rb") as file:
                while data := file.read(_BLOCK):
                    yield base64.b64encode(data)
            return
        script = self._new / "values" / f"{name}.js"
        with script.open("rb") as file:
            left = script.stat().st_size - len(_TAIL) - file.seek(len(_head(name)))
            while left:
                data = file.read(min(left, _BLOCK))
                left -= len(data)
                yield data

    def _written(self, pieces: Iterable[bytes]) -> tuple[Path, str]:
        """Write these pieces to a file outside of the report, and return it and its digest."""
        beside = self._folder / f"made-{next(self._numbers)}"
        digest = hashlib.blake2b(digest_size=16)
        with beside.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        return beside, digest.hexdigest()

    def _write_values(self, name: str, file: io.BufferedIOBase) -> None:
        with (self._new / "values" / f"{name}.js").open("wb") as script:
            script.write(_head(name))
            while data := file.read(_BLOCK):
                script.write(base64.b64encode(data))
            script.write(_TAIL)


_TAIL = b'");\n'


def _head(name: str) -> bytes:
    return b'take("%s", "' % name.encode()


def _limited(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The same pieces; `refuse_large` for more bytes than the limit."""
    size = 0
    for piece in pieces:
        size += len(piece)
        refuse_large(size, limit)
        yield piece


def refuse_large(size: int, limit: int) -> None:
    """Raise SettingsError if a report in one file has more bytes than the limit."""
    if size > limit:
        megabytes = f"{size / 1e6:,.0f} MB, and {limit / 1e6:,.0f} MB"
        raise SettingsError(
            f"One file with all pictures would have {megabytes} is the most that browsers open well: write a "
            "folder (embed=False), or fewer rows."
        )
