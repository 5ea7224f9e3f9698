"""Rows belong to contents: renamed files, and names that a message mentions."""

import os
import shutil

import pytest
from support.programs import Folders, figures
from support.reusing import (
    NAMES,
    STILL,
    Asked,
    picture,
    row,
    run,
    settle,
)

from mymodules import batch, results
from mymodules.comparison import drawing_files

# --- by content, whatever the name ------------------------------------------------------------------


def test_renamed_pairs_are_recognised(given: Folders) -> None:
    before, _ = run(given)
    for folder in given[:2]:
        (folder / "moved").mkdir()
        (folder / "changed.png").rename(folder / "moved" / "x.png")
    done, compared = run(given)
    assert compared == STILL
    assert row(done, "moved/x.png") == row(before, "changed.png")._replace(image_filename="moved/x.png")
    assert len(done.pictures("moved/x.png")) == len(drawing_files.ENDINGS)
    assert done.pictures("changed.png") == ()


def test_a_message_about_the_name_is_not_handed_on(given: Folders) -> None:
    for ending in ("jpg", "JPEG"):
        for folder in given[:2]:
            shutil.copy(folder / "changed.png", folder / f"changed.{ending}")
        done, compared = run(given)
        assert f"changed.{ending}" in compared
        assert "whatever its name says" in row(done, f"changed.{ending}").messages
    assert "whatever its name says" not in row(run(given)[0], "changed.png").messages


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_written_otherwise(given: Folders) -> None:
    name, text = os.fsdecode(b"a\xff.png"), r"a\xff.png"
    run(given)
    try:
        for folder in given[:2]:
            (folder / "changed.png").rename(folder / name)
    except OSError:
        pytest.skip("this file system takes text only")
    done, compared = run(given)
    assert compared == [text, "broken.png"]
    assert "Its name is written" in row(done, text).messages
    assert run(given)[1] == STILL
    for folder in given[:2]:
        (folder / name).rename(folder / "changed.png")
    assert "Its name is written" not in row(run(given)[0], "changed.png").messages


def test_a_message_that_names_files_is_not_handed_on(given: Folders) -> None:
    (given.first / "torn.png").write_bytes(picture(1)[:-20])
    run(given)
    for name in ("broken.png", "torn.png"):
        for folder in given[:2]:
            if (folder / name).exists():
                (folder / name).rename(folder / f"other {name}")
    done, compared = run(given)
    assert compared == ["other broken.png", "other torn.png"]
    for name in compared:
        assert str(given.first / name) in row(done, name).messages


# --- renames ----------------------------------------------------------------------------------------


def renamed(given: Folders, *names: str) -> None:
    for name in names:
        shutil.copy(given.first / "gone.png", given.second / name)


@pytest.mark.parametrize("store", [".store", None])
def test_a_rename_is_reported_on_both_sides(given: Folders, store: str | None) -> None:
    renamed(given, "found.png")
    for _ in range(2):
        done, _ = run(given, store=store)
        gone, found = row(done, "gone.png"), row(done, "found.png")
        assert gone.messages == "It is only in first. It was renamed to found.png."
        assert found.messages == "It is only in second. It was renamed from gone.png."
        assert (gone.renamed_from, found.renamed_from) == (None, "gone.png")
        assert row(done, "new.png").renamed_from is None
        assert done.frame().set_index("image_filename")["renamed_from"].dropna().to_dict() == {
            "found.png": "gone.png"
        }
        with Asked() as executor:
            resumed = batch.run(resume=done.csv_path, executor=executor, store=store)
        assert figures(resumed.csv_path) == figures(done.csv_path)


def test_on_ties_nothing_is_guessed(given: Folders) -> None:
    renamed(given, "one.png", "two.png")
    done, _ = run(given)
    assert [row.renamed_from for row in results.read(done.csv_path)] == [None] * 9
    assert not any("renamed" in row.messages for row in results.read(done.csv_path))
    (given.second / "two.png").unlink()
    assert row(run(given)[0], "one.png").renamed_from == "gone.png"
    shutil.copy(given.first / "gone.png", given.first / "gone too.png")
    done, compared = run(given)
    assert compared == STILL  # also by content
    assert not any("renamed" in row.messages for row in results.read(done.csv_path))


def test_a_rename_that_is_none_any_more(given: Folders) -> None:
    renamed(given, "found.png")
    run(given)
    (given.second / "found.png").unlink()
    done, _ = run(given)
    assert row(done, "gone.png").messages == "It is only in first."
    renamed(given, "gone.png")
    assert row(run(given)[0], "gone.png").code == "bytes_equal"


# --- names that tell more than contents -------------------------------------------------------------


def test_two_endings_of_the_same_bytes_settle(given: Folders) -> None:
    for folder in given[:2]:
        shutil.copy(folder / "changed.png", folder / "changed.jpg")
    settle(given)
    before, _ = run(given)
    for _ in range(2):
        done, compared = run(given)
        assert compared == STILL
        for name in ("changed.png", "changed.jpg"):
            assert row(done, name) == row(before, name)
            assert ("whatever its name says" in row(done, name).messages) == name.endswith("jpg")


def test_a_tie_outside_of_the_part_counts(given: Folders) -> None:
    renamed(given, "found.png", "too.png")  # the last of them is left out below
    names = sorted([*NAMES, "found.png", "too.png"])
    done, compared = run(given, stop_at=names.index("too.png"))
    assert "too.png" not in compared
    assert (row(done, "found.png").renamed_from, row(done, "gone.png").messages) == (
        None,
        "It is only in first.",
    )
    (given.second / "too.png").write_bytes(picture(60, 31))  # another size means other content
    assert row(run(given, stop_at=7)[0], "found.png").renamed_from == "gone.png"
    shutil.copy(given.first / "gone.png", given.first / "a.png")
    assert row(run(given, skip_until=1)[0], "found.png").renamed_from is None


@pytest.mark.parametrize("size", [0, 1])
def test_files_without_content_are_no_renames(given: Folders, size: int) -> None:
    (given.first / "old.png").write_bytes(b"x" * size)
    (given.second / "young.png").write_bytes(b"x" * size)
    assert row(run(given)[0], "young.png").renamed_from == ("old.png" if size else None)
