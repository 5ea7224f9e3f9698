"""A row and figures to record, and files that were digested."""

from pathlib import Path

import numpy as np

from mymodules.metrics import DiffMetrics
from mymodules.regions import Region
from mymodules.row import PairResult
from mymodules.store.records import Records
from mymodules.store.values import DigestedFile

KNOWN = DiffMetrics(16, float(np.float32(0.0064)), (54, 100, 125, 0), False)
ONE, OTHER = "a" * 32, "B" * 32
ROW = PairResult(
    0.5, "a b/=1+1 變.png", "It's 1, 2\n3.", "changed", "pixels_differ", 16, KNOWN.pixel_diff_percent,
    54, 100, 125, 0, False, KNOWN.combined, 500, 500, 500, 500, (Region(1, 2, 3, 4),), ONE, OTHER, 0.25,
)  # fmt: skip


def digested(path: Path, moment: int | None = None) -> DigestedFile:
    stat = path.stat()
    later = max(stat.st_mtime_ns, stat.st_ctime_ns) + 3_000_000_000
    return DigestedFile(path, stat, ONE, later if moment is None else moment)


def is_unchanged(kept: Records, path: Path) -> bool | None:
    known = kept.known_files([(path, path.stat())]).get(str(path))
    return None if known is None else known.unchanged
