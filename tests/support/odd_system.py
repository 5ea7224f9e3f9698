"""A file system of fsspec whose files, names and failures are those that a test says: ``odd://top/...``."""

import io
from collections.abc import Callable
from typing import Any, ClassVar

import fsspec
from fsspec.spec import AbstractFileSystem


class OddSystem(AbstractFileSystem):
    """Files by name; a name may be anything."""

    protocol = "odd"
    files: ClassVar[dict[str, bytes]] = {}
    sums: ClassVar[bool] = True
    on_read: ClassVar[Callable[[str], object]] = lambda name: None
    on_list: ClassVar[Callable[[str], object]] = lambda folder: None
    read: ClassVar[list[str]] = []
    listed: ClassVar[list[str]] = []

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        type(self).on_list(path)
        self.listed.append(path)
        above, found = f"{path.rstrip('/')}/", {}
        for name in [*self.files]:
            if name.startswith(above):
                own, slash, _rest = name[len(above) :].partition("/")
                below = above + own
                found[below, slash] = (
                    {"name": below, "size": 0, "type": "directory"} if slash else self._entry(name)
                )
        if not found:
            raise FileNotFoundError(path)
        return [*found.values()]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self._entry(path)

    def _entry(self, name: str) -> dict[str, Any]:
        told = {"md5": str(hash(self.files[name]))} if self.sums else {}
        return {"name": name, "size": len(self.files[name]), "type": "file", **told}

    def isdir(self, path: str) -> bool:
        return path not in self.files

    def _open(self, path: str, *_: Any, **__: Any) -> io.BytesIO:
        self.read.append(path.removeprefix("top/"))
        data = self.files[path]
        type(self).on_read(path.removeprefix("top/"))
        return io.BytesIO(data)


def fresh() -> type[OddSystem]:
    """Return such a file system without files, which is the one of ``odd://`` from now on."""

    class Own(OddSystem):
        files: ClassVar[dict[str, bytes]] = {}
        read: ClassVar[list[str]] = []
        listed: ClassVar[list[str]] = []

    fsspec.register_implementation("odd", Own, clobber=True)
    return Own
