"""Folders of this computer as a server of fsspec that has files, as SFTP has: ``far:///tmp/...``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from mymodules import remote
from mymodules.remote import copies


class Far(LocalFileSystem):
    """Notes what is asked, and lets a test fail it: `on` gets the kind of a call and the file's name."""

    protocol = "far"
    on: ClassVar[Callable[[str, str], object]] = lambda kind, name: None
    asked: ClassVar[list[tuple[str, str]]] = []

    def _note(self, kind: str, path: Any) -> None:
        self.asked.append((kind, Path(path).name))
        type(self).on(kind, Path(path).name)

    def ls(self, path: Any, *args: Any, **options: Any) -> Any:
        self._note("ls", path)
        return super().ls(path, *args, **options)

    def get_file(self, path1: Any, path2: Any, *args: Any, **options: Any) -> None:
        self._note("get", path1)
        super().get_file(path1, path2, *args, **options)

    def put_file(self, path1: Any, path2: Any, *args: Any, **options: Any) -> None:
        self._note("put", path2)
        super().put_file(path1, path2, *args, **options)

    def mv(self, path1: Any, path2: Any, **options: Any) -> None:
        self._note("mv", path2)
        super().mv(path1, path2, **options)


def fresh() -> type[Far]:
    """Return such a file system, which is the one of ``far://`` from now on."""

    class Own(Far):
        asked: ClassVar[list[tuple[str, str]]] = []

    fsspec.register_implementation("far", Own, clobber=True)
    return Own


@contextmanager
def computer(name: str, url: str, at: Path) -> Iterator[Path]:
    """Be a computer with a cache of its own; yields its copy of a URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(copies.CACHE, str(at / name))
        patch.setattr(copies, "_urls", {})
        yield remote.place(url, at, out=True)
