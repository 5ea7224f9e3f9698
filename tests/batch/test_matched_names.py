"""A run that pairs files of other endings or case: its rows, what shows them, and what approves them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.programs import Folders, folders

from mymodules import batch, results, triage
from mymodules.batch import Stopped
from mymodules.errors import SettingsError
from mymodules.pages import display
from mymodules.triage import Decisions


def encoded(level: int, ending: str) -> bytes:
    """A picture of 8 x 6 px of one gray, lossless."""
    samples = np.full((6, 8, 3), level, np.uint8)
    return bytes(cv2.imencode(ending, samples, [cv2.IMWRITE_WEBP_QUALITY, 101])[1])


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    """Pairs of which two need a match, and two files of second that could both be the partner of c.png."""
    made = folders(tmp_path)
    (made.first / "below").mkdir()
    (made.second / "below").mkdir()
    for path, level, ending in (
        (made.first / "below" / "a.png", 10, ".png"),
        (made.second / "below" / "a.webp", 90, ".webp"),
        (made.first / "b.PNG", 20, ".png"),
        (made.second / "b.png", 80, ".png"),
        (made.first / "c.png", 30, ".png"),
        (made.second / "c.bmp", 70, ".bmp"),
        (made.second / "c.webp", 70, ".webp"),
        (made.first / "same.png", 40, ".png"),
        (made.second / "same.png", 40, ".png"),
    ):
        path.write_bytes(encoded(level, ending))
    return made


PAIRED = {
    "b.PNG": ("changed", "b.png"),
    "below/a.png": ("changed", "below/a.webp"),
    "c.bmp": ("extra", None),
    "c.png": ("missing", None),
    "c.webp": ("extra", None),
    "same.png": ("same", None),
}


def run(made: Folders, *, match: object = "stem", **options: object) -> batch.Run:
    return batch.run(*made, num_processors=1, pictures="none", match=match, **options)


def paired(done: batch.Run) -> dict[str, tuple[str, str | None]]:
    return {row.image_filename: (row.status, row.second_filename) for row in results.read(done.csv_path)}


def test_rows_have_the_name_of_second(made: Folders) -> None:
    done = run(made)
    assert paired(done) == PAIRED
    rows = {row.image_filename: row for row in results.read(done.csv_path)}
    assert rows["below/a.png"].num_diff_pixels == 48
    assert rows["below/a.png"].messages.endswith("In second its name is below/a.webp.")
    assert "c.bmp, c.webp in second" in rows["c.png"].messages
    assert run(made, match=()).counts == {"same": 1, "changed": 0, "missing": 3, "extra": 4, "error": 0}
    assert run(made, match="casefold").counts["changed"] == 1


def test_a_row_from_the_store_is_that_of_the_same_two_names(made: Folders) -> None:
    before = run(made)
    again = run(made)
    assert again.reused == 6
    assert [row._replace(seconds=None) for row in results.read(again.csv_path)] == [
        row._replace(seconds=None) for row in results.read(before.csv_path)
    ]
    # The same two contents under one name, and under two others.
    for side, name in ((made.first, "new.png"), (made.second, "new.png"), (made.first, "d.png")):
        (side / name).write_bytes(encoded(20 if side == made.first else 80, ".png"))
    (made.second / "d.PNG").write_bytes(encoded(80, ".png"))
    rows = {row.image_filename: row for row in results.read(run(made).csv_path)}
    assert (rows["new.png"].second_filename, rows["d.png"].second_filename) == (None, "d.PNG")
    assert "its name is" not in rows["new.png"].messages
    assert rows["d.png"].messages.endswith("In second its name is d.PNG.")


def test_a_stopped_run_goes_on_with_the_same_pairs(made: Folders) -> None:
    def stop(now: batch.Progress) -> None:
        if now.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(Stopped) as stopped:
        run(made, store=None, on_progress=stop)
    resumed = batch.run(*made, num_processors=1, store=None, resume=stopped.value.csv_path)
    assert paired(resumed) == PAIRED
    with pytest.raises(SettingsError, match="leave out include, exclude and match"):
        run(made, match="casefold", resume=resumed.csv_path)


def test_pages_show_the_file_of_second(made: Folders) -> None:
    done = run(made)
    shown = display.folders(done.frame(), done)
    assert shown.path("below/a.png", "second", "changed") == made.second / "below" / "a.webp"
    assert shown.path("below/a.png", "first", "changed") == made.first / "below" / "a.png"


@pytest.mark.parametrize("known", [True, False])
def test_approving_keeps_the_ending_of_second(made: Folders, known: bool) -> None:
    """The bytes of one format never stand under the ending of another one."""
    before = {path: path.read_bytes() for path in made.first.rglob("*") if path.is_file()}
    frame = run(made).frame()
    Decisions(made.out).decide(frame[frame["status"] == "changed"], "accept")
    if not known:  # the file cannot be put there: nothing of that picture is changed
        (made.first / "below" / "a.webp").mkdir()
    planned = triage.plan(frame)
    done = triage.approve(frame)
    if not known:
        assert planned.refused.keys() == done.refused.keys() == {"below/a.png"}
        assert done.approved == ("b.PNG",)
        assert (made.first / "below" / "a.png").read_bytes() == encoded(10, ".png")
        return
    assert sorted(done.approved) == sorted(planned.replace) == ["b.PNG", "below/a.png"]
    assert planned.adopt == planned.remove == ()
    assert not (made.first / "below" / "a.png").exists()
    assert (made.first / "below" / "a.webp").read_bytes() == encoded(90, ".webp")
    assert (made.first / "b.PNG").read_bytes() == encoded(80, ".png")
    again = triage.plan(frame)
    assert (sorted(again.already), again.count, again.refused) == (["b.PNG", "below/a.png"], 0, {})
    assert run(made).counts["changed"] == 0
    triage.restore(done)
    assert {path: path.read_bytes() for path in made.first.rglob("*") if path.is_file()} == before


def test_a_file_of_another_ending_and_case_is_approved_once(made: Folders) -> None:
    (made.second / "below" / "a.webp").rename(made.second / "below" / "A.webp")
    frame = run(made, match=("stem", "casefold")).frame()
    Decisions(made.out).decide(frame[frame["image_filename"] == "below/a.png"], "accept")
    assert triage.approve(frame).approved == ("below/a.png",)
    assert (made.first / "below" / "a.webp").read_bytes() == encoded(90, ".webp")
    again = triage.approve(frame)
    assert (again.already, again.approved, again.refused) == (("below/a.png",), (), {})


def test_an_old_file_that_changed_is_left_with_the_new_one(made: Folders) -> None:
    frame = run(made).frame()
    Decisions(made.out).decide(frame[frame["image_filename"] == "below/a.png"], "accept")
    (made.first / "below" / "a.png").write_bytes(encoded(11, ".png"))
    done = triage.approve(frame)
    assert (done.approved, list(done.refused)) == ((), ["below/a.png"])
    assert not (made.first / "below" / "a.webp").exists()


def test_two_files_of_other_names_name_the_second(made: Folders) -> None:
    done = batch.run(made.first / "c.png", made.second / "c.bmp", made.out, num_processors=1, store=None)
    assert paired(done) == {"c.png": ("changed", "c.bmp")}
