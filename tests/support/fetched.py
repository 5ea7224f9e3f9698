"""Pictures of URLs, fetched and compared."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from mymodules import batch, remote
from mymodules.batch import Run
from mymodules.settings import SUFFIXES
from support.programs import png


def picture(level: int) -> bytes:
    return png(np.full((4, 5, 3), level, np.uint8))


def fetched(url: str) -> Path:
    """Ask a URL, and return its copy."""
    folder = remote.place(url, Path.cwd())
    remote.fetch(folder, SUFFIXES, again=True)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def compared(first: Any, second: Any, out: Path, **options: Any) -> Run:
    out.mkdir(exist_ok=True)
    with ThreadPoolExecutor(2) as threads:
        return batch.run(first, second, out, executor=threads, **options)


def cells(run: Run) -> list[list[str]]:
    """Return the results file of a run without the paths of its folders and the seconds."""
    text = run.csv_path.read_text("utf-8-sig")
    for role in ("first", "second", "out"):
        text = text.replace(run.frame().attrs["run"][role], role)
    found = [*csv.reader(io.StringIO(text, newline=""))]
    at = found[0].index("seconds")
    return [[*row[:at], *row[at + 1 :]] for row in found]
