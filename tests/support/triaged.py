"""Folders to decide about, and an approval as somebody else may have made it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mymodules import batch
from mymodules.triage import Decisions
from support.programs import Folders, folders, png

HOSTILE = [
    "=cmd|' /C calc'!A0.png",
    "a\nb\r.png",
    "\\x0a.png",
    "é, \"'.png",
    "\\\\xff\\u000a\n.png",
    "'-.png",
    "\0.png",
]


def compared(made: Folders, **options: Any) -> pd.DataFrame:
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*made, executor=executor, pictures="none", **options).frame()


def begun_later(made: Folders, frame: pd.DataFrame) -> pd.DataFrame:
    """The run of a table as if it had begun long after everything was decided."""
    stamp, later = frame.attrs["run"]["stamp"], "20990101-000000"
    for path in made.out.glob(f"*-{stamp}.*"):
        path.rename(path.with_name(path.name.replace(stamp, later)))
    frame.attrs["run"] |= {"stamp": later}
    (made.out / f"results-{later}.json").write_text(json.dumps(frame.attrs["run"]), encoding="utf-8")
    return frame


def picture(level: int) -> bytes:
    return png(np.full((4, 4, 3), level, np.uint8))


def nearly_the_same(made: Folders) -> None:
    """Make three pages with 20 x 30 px of noise: 0 and 1 are alike but for a level, 2 is far from both."""
    random = np.random.default_rng(17)
    for number in range(3):
        first, second = np.full((200, 300, 3), 250, np.uint8), np.full((200, 300, 3), 250, np.uint8)
        word = 20 + 100 * (number == 2) + np.arange(600, dtype=np.uint8).reshape(20, 30, 1) % 9
        second[40:60, 50:80] = word + random.integers(0, 2, word.shape, np.uint8)
        (made.first / f"{number}.png").write_bytes(png(first))
        (made.second / f"{number}.png").write_bytes(png(second))


def seven(root: Path) -> Folders:
    """Three changed pictures, one in a folder; one missing, one extra, one the same, one broken."""
    made = folders(root)
    for folder, level in ((made.first, 10), (made.second, 200)):
        (folder / "below").mkdir()
        for number, name in enumerate(("a.png", "b.png", "below/c.png")):
            (folder / name).write_bytes(picture(level + number))
        (folder / "same.png").write_bytes(picture(0))
        (folder / "broken.png").write_bytes(picture(level)[:-7])
    (made.first / "gone.png").write_bytes(picture(30))
    (made.second / "new").mkdir()
    (made.second / "new" / "new.png").write_bytes(picture(40))
    return made


def state(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def accept(made: Folders, frame: pd.DataFrame, *names: str) -> None:
    Decisions(made.out).decide(frame[frame["image_filename"].isin(names)], "accept")


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a process that has compared nothing."""
    monkeypatch.setattr("mymodules.settings._chosen_firsts", set())
    monkeypatch.setattr("mymodules.settings._chosen_seconds", set())


def approval(folder: Path, first: Path, *entries: dict[str, Any]) -> Path:
    """A folder as `approve` leaves it, made by somebody else."""
    folder.mkdir(parents=True)
    manifest = {"first": str(first), "complete": True, "changes": list(entries)}
    (folder / "approved.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def entry(
    path: Any, old: Any = None, new: Any = None, number: Any = 0, name: Any = "a.png"
) -> dict[str, Any]:
    return {"number": number, "name": name, "path": path, "first_digest": old, "second_digest": new}
