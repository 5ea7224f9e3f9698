"""What is marked in the pictures of a row: its changes, or regions where nobody looked for changes."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.containers import pillow as encoded
from support.viewed import Ask, put, random

from mymodules import batch, results, rules, viewer
from mymodules.pages import marks


def in_place(kind: str, *boxes: list[int]) -> list[list[Any]]:
    """Marks of one kind, given x, y, width, height and pixels, that stand at one place on both sides."""
    return [[kind, "changed", box[:4], box[:4], box[4], []] for box in boxes]


GLASS = [100, 80, 90, 60, 5400], [10, 10, 30, 10, 300]


def test_changes_come_with_their_pixels_the_most_first(frame: pd.DataFrame, ask: Ask) -> None:
    assert ask(viewer.Viewer(frame), kind="marks", name="glass.png")[0]["marks"] == in_place("edit", *GLASS)
    assert ask(viewer.Viewer(frame), kind="marks", name="same.png")[0]["marks"] == []


def test_what_came_went_or_moved_has_its_cause(tmp_path: Path, ask: Ask) -> None:
    """From the run's file, and without it found again."""
    page = random(200, 30, 3)
    grown = np.concatenate([page[:60], random(9, 30, 3, seed=5), page[60:120], page[125:]])
    grown[100, 3] ^= 1  # row 100 was row 91
    assert len(grown) == 200 + 9 - 5
    put(tmp_path, "a.png", encoded(page), encoded(grown))
    (tmp_path / "out").mkdir()
    run = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", num_processors=1, store=None)
    expected = [
        ["insert", "inserted", [0, 60, 30, 0], [0, 60, 30, 9], 270, []],
        ["remove", "removed", [0, 120, 30, 5], [0, 129, 30, 0], 150, []],
        ["edit", "changed", [3, 91, 1, 1], [3, 100, 1, 1], 1, []],
    ]
    frame = run.frame()
    assert ask(viewer.Viewer(frame), kind="marks", name="a.png")[0]["marks"] == expected
    (changes,) = (tmp_path / "out").glob("changes-*.csv")
    text = changes.read_text(encoding="utf-8-sig")
    for spoiled in (text.replace("insert", "no such kind"), text.replace("270", "many")):
        changes.write_text(spoiled, encoding="utf-8-sig")
        found = ask(viewer.Viewer(frame), kind="marks", name="a.png")[0]["marks"]
        assert [mark[2:] for mark in found] == [mark[2:] for mark in expected]
    changes.unlink()
    laid_out = ask(viewer.Viewer(frame), kind="layout", name="a.png")[0]["parts"]
    assert [[x, y, *second] for x, y, _, second in laid_out if second[3] == 9] == [[0, 60, 0, 60, 30, 9]]
    assert [0, 134, [0, 125, 30, 75], [0, 129, 30, 75]] in laid_out
    answer, (buffer,) = ask(viewer.Viewer(frame), kind="picture", name="a.png", side="aligned")
    drawn = np.asarray(Image.open(io.BytesIO(buffer)).convert("RGBA"))
    assert drawn.shape == (answer["height"], answer["width"], 4) == (209, 30, 4)
    assert [*np.argwhere(drawn[..., 3])[0]] == [100, 3], "the only pixel that changed in place"
    assert np.count_nonzero(drawn[..., 3]) == 1
    alone = viewer.Viewer(frame)
    assert ask(alone, kind="marks", name="a.png")[0]["marks"] == expected
    alone.region = 2
    without = viewer.Viewer(frame.assign(changes=None))
    assert {mark[0] for mark in ask(without, kind="marks", name="a.png")[0]["marks"]} == {"region"}


def test_what_rules_took_is_named_each_by_what_took_it(tmp_path: Path, ask: Ask) -> None:
    before = np.full((60, 90, 3), 255, np.uint8)
    before[20:50:2, 30:60] = np.arange(15, dtype=np.uint8)[:, None, None] * 5
    after = before.copy()
    after[5:7, 5:8] -= np.uint8(200)  # a clock, 6 px
    after[55:57, 70:72] -= np.uint8(3)  # noise, 4 px
    after[5:6, 70:72] -= np.uint8(200)  # 2 px
    put(tmp_path, "a.png", encoded(before), encoded(after))
    (tmp_path / "out").mkdir()
    book = rules.of_entries(
        [{"name": "clock", "mask": [[0, 0, 20, 20]]}, {"name": "noise", "largest": 3}], None
    )
    folders = (tmp_path / side for side in ("first", "second", "out"))
    run = batch.run(*folders, num_processors=1, store=None, pictures="none", rules=book)
    found = ask(viewer.Viewer(run.frame()), kind="marks", name="a.png")[0]["marks"]
    assert [mark[1:2] + mark[4:] for mark in found] == [
        ["masked", 6, ["clock"]],
        ["tolerated", 4, ["noise"]],
        ["changed", 2, []],
    ]


@pytest.mark.parametrize(
    ("shares", "cause"),
    [
        ('{"clock":{"masked":5},"noise":{"masked":4}}', "masked"),
        ('{"clock":{"masked":5},"noise":{"tolerated":4}}', "tolerated"),
        ('{"clock":{"masked":5,"tolerated":1},"noise":{"masked":4}}', "tolerated"),
        ("[", "tolerated"),  # somebody has edited the file
        (None, "tolerated"),
    ],
)
def test_what_rules_took_together_is_masked_if_all_of_them_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: str | None, cause: str
) -> None:
    lines = {"kind": ["edit", "edit"], "pixels": [9, 8], "rules": ['["clock", "noise"]', ""]}
    boxes = {
        f"{extent}_{side}": [1, 1] for extent in ("x", "y", "width", "height") for side in ("first", "second")
    }
    columns = {"image_filename": ["a.png", "a.png"], **lines, **boxes}
    monkeypatch.setattr(results.Rows, "changes", lambda _: columns)
    row = {"image_filename": "a.png", "changes": 2, "rules": shares}
    found = marks.RunChanges(tmp_path, {"stamp": "20260102-030405"}).of(row)
    assert found is not None
    assert [(mark[1], mark[5]) for mark in found] == [(cause, ["clock", "noise"]), ("changed", [])]


def test_regions_of_earlier_results_are_counted_in_the_files(frame: pd.DataFrame, ask: Ask) -> None:
    frame = frame.assign(changes=None)
    few = frame.assign(region_pixels=[[1]] * len(frame))  # an edited file: there are two regions
    for earlier in (frame.drop(columns="region_pixels"), frame.assign(region_pixels=None), few):
        found = ask(viewer.Viewer(earlier), kind="marks", name="glass.png")[0]["marks"]
        assert found == in_place("region", *GLASS)


def test_counted_changes_and_regions_need_no_files(tmp_path: Path, ask: Ask) -> None:
    before, after = random(30, 40, 3), random(30, 40, 3)
    after[2:5, 6:16] ^= 1  # 30 px
    put(tmp_path, "a.png", encoded(before), encoded(after))
    (tmp_path / "out").mkdir()
    run = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", num_processors=1)
    (tmp_path / "first" / "a.png").unlink()
    for frame, kind in ((run.frame(), "edit"), (run.frame().assign(changes=None), "region")):
        found = ask(viewer.Viewer(frame), kind="marks", name="a.png")[0]["marks"]
        assert found == in_place(kind, [6, 2, 10, 3, 30])


def test_weights_add_up_to_the_differing_pixels(frame: pd.DataFrame, ask: Ask) -> None:
    for name in ("glass.png", "size.png", "deep.png"):
        row = frame.set_index("image_filename").loc[name]
        earlier = viewer.Viewer(frame.assign(changes=None))
        found = ask(earlier, kind="marks", name=name)[0]["marks"]
        assert sum(mark[4] for mark in found) == row["num_diff_pixels"]
