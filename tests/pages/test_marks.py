"""Marks: what is marked in the pictures of a row, and of which class each mark is."""

from pathlib import Path
from typing import Any

import pandas as pd
from support.changed import Listed, signature, tables

from mymodules.pages import marks
from mymodules.regions import Region
from mymodules.results import runfiles

STAMP = "20260102-030405"
CHANGES = [
    Listed("a.png", "word", Region(0, 0, 9, 9), pixels=20),
    Listed("a.png", "logo", Region(0, 50, 9, 9), pixels=70),
    Listed("a.png", "clock", Region(0, 90, 9, 9), pixels=40, rules='["clock"]'),
    Listed("a.png", "word", Region(0, 130, 9, 9), pixels=20),
]


def found(folder: Path, listed: pd.DataFrame, **row: Any) -> tuple[list[int] | None, list[str] | None]:
    """The tops of a row's marks, and their classes."""
    listed.to_csv(runfiles.changes_path(folder, STAMP), index=False)
    known = {"image_filename": "a.png", "status": "changed", "changes": 4, "rules": ""}
    run = marks.RunChanges(folder, {"stamp": STAMP})
    marked = run.of(known | row)
    return None if marked is None else [mark[3][1] for mark in marked], run.signatures(known | row)


def test_each_mark_has_its_class_unless_rules_have_taken_it(tmp_path: Path) -> None:
    word, logo = signature("word"), signature("logo")
    assert found(tmp_path, tables(CHANGES)[1]) == ([50, 90, 0, 130], [logo, "", word, word])


def test_a_row_whose_changes_are_not_all_listed_has_no_classes(tmp_path: Path) -> None:
    changes = tables(CHANGES)[1]
    assert found(tmp_path, changes, changes=5) == (None, None)
    assert found(tmp_path, changes, changes=None) == (None, None)
    assert found(tmp_path, changes, status="low_bits_differ")[1] is None
    assert found(tmp_path, changes.assign(signature="x"))[1] is None, "somebody has edited the file"
    assert found(tmp_path, changes.assign(pixels=pd.NA)) == (None, None)
