"""A small disk that is filled until there is room again: a file system in memory, which only root mounts."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

SIZE, BALLAST = 16 << 20, "ballast"  # bytes; and the file that fills it


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[bool]:
    """Mount an empty disk at a folder; yield False where that is not allowed."""
    folder.mkdir(exist_ok=True)
    done = _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "soak", str(folder))
    try:
        yield done
    finally:
        if done:
            _run("umount", "--lazy", str(folder))


def fill(folder: Path) -> None:
    """Leave no room on a mounted disk, also where others have left some since."""
    with contextlib.suppress(OSError), (folder / BALLAST).open("ab", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


def make_room(folder: Path) -> None:
    """Undo `fill`."""
    (folder / BALLAST).unlink(missing_ok=True)


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False
