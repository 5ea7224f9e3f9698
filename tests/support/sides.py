"""Two folders of pictures, and the rows of their pairs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mymodules import pairs, workers
from mymodules.workers import Job, PairResult

ROOT = Path(__file__).resolve().parents[2]
COMPARED = (
    "ssim_score", "num_diff_pixels", "pixel_diff_percent", "max_diff_r", "max_diff_g", "max_diff_b",
    "max_diff_a", "dim_differ", "combined", "regions", "region_pixels",
    "px_changed", "px_inserted", "px_removed", "px_moved", "px_tolerated", "px_masked", "changes",
)  # fmt: skip
MANY_FILE_SYSTEMS_REFUSE = pytest.mark.skipif(
    sys.platform != "linux", reason="only file systems of Linux take every name"
)


class Folders(NamedTuple):
    first: Path
    second: Path
    out: Path


def put(folders: Folders, first: bytes | None, second: bytes | None, name: str = "x.png") -> None:
    for folder, data in ((folders.first, first), (folders.second, second)):
        path = folder / name
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def rows(folders: Folders, **how: Any) -> list[PairResult]:
    """A row for everything that the two folders hold."""
    return [workers.compare(Job(pair, **how)) for pair in pairs.find(folders.first, folders.second).pairs]


def row(folders: Folders, **how: Any) -> PairResult:
    (only,) = rows(folders, **how)
    return only


def row_of(folders: Folders, first: bytes | None, second: bytes | None, **how: Any) -> PairResult:
    put(folders, first, second)
    return row(folders, **how)


def untimed(result: PairResult) -> PairResult:
    assert result.seconds is not None
    assert result.seconds >= 0
    return result._replace(seconds=None)


def in_python(code: str, *arguments: str) -> str:
    """What a program prints that finds the package."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
