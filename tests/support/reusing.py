"""Runs with a store: what they compared, and what they took from it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from mymodules import batch, results
from mymodules.batch import reuse
from mymodules.results import runfiles
from mymodules.workers import Finished, PairResult
from support.programs import Folders, folders, png, until

NAMES = ["below/b.png", "broken.png", "changed.png", "gone.png", "new.png", "same.png", "tall.png"]
STILL = ["broken.png"]  # a row whose message names files is never reused


def picture(seed: int, height: int = 30) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 256, (height, 40, 3), np.uint8))


def every_status(at: Path) -> Folders:
    """Make one pair of every status, and some more."""
    made = folders(at)
    for number, folder in enumerate((made.first, made.second)):
        (folder / "below").mkdir()
        (folder / "below" / "b.png").write_bytes(picture(10 + number))
        (folder / "changed.png").write_bytes(picture(20 + number))
        (folder / "tall.png").write_bytes(picture(30, 30 + number))
        (folder / "same.png").write_bytes(picture(40))
        (folder / "broken.png").write_bytes(picture(50)[:-20])
    (made.first / "gone.png").write_bytes(picture(60))
    (made.second / "new.png").write_bytes(picture(70))
    settle(made)
    return made


class Asked(ThreadPoolExecutor):
    """Record which pairs the threads compare."""

    def __init__(self) -> None:
        super().__init__(1)
        self.names: list[str] = []

    def submit(self, fn: Any, /, *arguments: Any, **options: Any) -> "Future[Any]":
        future = super().submit(fn, *arguments, **options)
        future.add_done_callback(self._note)
        return future

    def _note(self, future: "Future[Any]") -> None:
        """Note what was answered: a task may do that for its first pairs only."""
        answers = (each for each in future.result() if isinstance(each, Finished))
        self.names += [finished.row.image_filename for finished in answers]


def run(given: Folders, **how: Any) -> tuple[batch.Run, list[str]]:
    """Run, and return the run and the sorted names that it compared."""
    with Asked() as executor:
        done = batch.run(*given, executor=executor, **how)
    assert done.reused + len(executor.names) == sum(done.counts.values())
    manifest = runfiles.read_manifest(done.csv_path.with_suffix(".json"))
    assert (manifest["reused"], manifest["recomputed"]) == (done.reused, done.recomputed)
    if done.reasons:
        assert sorted(done.reasons) == sorted(executor.names)
        assert set(done.reasons.values()) <= set(reuse.REASONS)
    return done, sorted(executor.names)


def settle(given: Folders) -> None:
    """Wait until all files are older than the resolution of the file system's clock."""
    paths = [path for folder in given[:2] for path in folder.rglob("*")]
    newest = max(path.stat().st_ctime_ns for path in paths)
    probe = given.out.parent / "clock"

    def passed() -> bool:
        probe.write_bytes(b"")
        return probe.stat().st_ctime_ns > newest + 100_000_000

    until(passed, "the clock goes on")
    probe.unlink()


def row(done: batch.Run, name: str) -> PairResult:
    (found,) = [row for row in results.read(done.csv_path) if row.image_filename == name]
    return found


def drawn(done: batch.Run) -> dict[str, bytes]:
    found = sorted(done.pictures_dir.rglob("*.png"))
    return {path.relative_to(done.pictures_dir).as_posix(): path.read_bytes() for path in found}


def copies(given: Folders) -> set[str]:
    return {path.stem for path in (given.out / ".store" / "images").rglob("*.png")}


def stop_after(rows: int, error: type[BaseException]) -> Callable[[batch.Progress], None]:
    def tell(progress: batch.Progress) -> None:
        if progress.done == rows:
            raise error

    return tell
