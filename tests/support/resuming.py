"""Runs that end early and are resumed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mymodules import batch, results
from mymodules.results import runfiles


def drawn(run: batch.Run) -> list[str]:
    return sorted(path.name for path in run.pictures_dir.rglob("*") if path.is_file())


def partial_of(run: batch.Run, keep: Callable[[str], bool]) -> Path:
    """Make the partial CSV that a run would have left if it had ended with these rows only."""
    stamp = runfiles.stamp_of(run.csv_path)
    assert stamp is not None
    rows = [row for row in results.read(run.csv_path) if keep(row.image_filename)]
    run.csv_path.unlink()
    results.write(runfiles.partial_path(run.csv_path.parent, stamp), rows)
    return runfiles.partial_path(run.csv_path.parent, stamp)


def again(csv: Path, **how: Any) -> tuple[batch.Run, set[str]]:
    """Resume, and return the run and the names of the rows that are new."""
    before = set(results.read(csv))
    run = batch.run(resume=csv, **how)
    return run, {row.image_filename for row in results.read(run.csv_path) if row not in before}
