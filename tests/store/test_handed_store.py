"""A store from others: only drawings are taken from it, and nothing is written outside of it."""

import contextlib
import json
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.programs import Folders
from support.triaged import picture, seven, state

from mymodules import batch, images, store
from mymodules.comparison import drawing_files
from mymodules.store import records
from mymodules.store.copies import Copies


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    return seven(tmp_path)


def test_a_store_of_others_hands_out_drawings_only(made: Folders, tmp_path: Path) -> None:
    """Its rows say where their drawings are: here, in a folder of private pictures."""
    private = tmp_path / "private"
    private.mkdir()
    for ending in drawing_files.ENDINGS:
        (private / f"a{ending}").write_bytes(b"private")
    drawn = tuple((status.st_size, status.st_mtime_ns) for ending in drawing_files.ENDINGS
                  for status in [(private / f"a{ending}").lstat()])  # fmt: skip
    (made.out / "03.diff-x").mkdir()
    (made.out / "03.diff-x" / "link").symlink_to(private)
    hostile = [
        (str(private), "a"),
        (os.path.relpath(private, made.out / ".store"), "a"),
        ("../03.diff-x", "../../private/a"),
        ("../03.diff-x", str(private / "a")),
        ("../03.diff-x", "link/a"),
        ("../03.diff-x/link", "a"),
        ("../03.diff-x", "\0"),
    ]
    for folder, stem in hostile:
        shutil.rmtree(made.out / ".store", ignore_errors=True)
        with ThreadPoolExecutor(1) as executor:
            batch.run(*made, executor=executor)
            with contextlib.closing(sqlite3.connect(made.out / ".store" / "store.sqlite3")) as db, db:
                for *key, cells, algorithm in db.execute(
                    "SELECT first, second, fingerprint, cells, algorithm FROM rows"
                ).fetchall():
                    values = (
                        *key,
                        cells,
                        os.fsencode(folder),
                        os.fsencode(stem),
                        json.dumps(drawn),
                        algorithm,
                    )
                    change = "UPDATE rows SET folder = ?, stem = ?, drawn = ?, seal = ?"
                    db.execute(f"{change} WHERE first = ? AND second = ?",
                               (*values[4:7], records.seal(*values), *key[:2]))  # fmt: skip
            run = batch.run(*made, executor=executor)
        assert run.reused > 0, "the other rows of the store are believed: they have no drawings"
        for path in run.pictures_dir.rglob("*.png"):
            assert path.read_bytes() != b"private"
    assert {path.read_bytes() for path in private.iterdir()} == {b"private"}


def test_a_store_of_others_writes_no_copy_through_a_link(tmp_path: Path) -> None:
    data, elsewhere = picture(3), tmp_path / "elsewhere"
    digest = images.digest(data)
    elsewhere.mkdir()
    (elsewhere / f"{digest}.png").write_bytes(b"mine")
    (tmp_path / "store" / "images" / digest[:2]).mkdir(parents=True)
    (tmp_path / "store" / "images" / digest[:2] / digest[2:4]).symlink_to(elsewhere)
    kept = Copies(tmp_path / "store")
    assert not kept.write(digest, data)
    kept.remove(digest)
    assert (elsewhere / f"{digest}.png").read_bytes() == b"mine"
    assert [path.name for path in elsewhere.iterdir()] == [f"{digest}.png"]


def test_no_folder_is_made_where_a_link_leads_out_of_a_store(tmp_path: Path) -> None:
    digest, data = images.digest(picture(1)), picture(1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "store" / "images").mkdir(parents=True)
    (tmp_path / "store" / "images" / digest[:2]).symlink_to(elsewhere)
    assert not Copies(tmp_path / "store").write(digest, data)
    assert [*elsewhere.iterdir()] == []


@pytest.mark.parametrize("name", ["images", "incoming"])
def test_a_store_of_others_has_no_copies_elsewhere(made: Folders, name: str) -> None:
    """Here in first, where the next run would compare them."""
    before = state(made.first)
    (made.out / ".store").mkdir()
    (made.out / ".store" / name).symlink_to(made.first)
    with ThreadPoolExecutor(1) as executor, pytest.warns(UserWarning, match=f"{name} is a link"):
        run = batch.run(*made, executor=executor)
    assert run.counts["changed"] == 3
    assert state(made.first) == before


@pytest.mark.parametrize("there", [False, True])
def test_a_store_whose_file_is_a_link_leaves_the_other_file_alone(tmp_path: Path, there: bool) -> None:
    victim, root = tmp_path / "cookies.sqlite", tmp_path / "store"
    root.mkdir()
    if there:
        with contextlib.closing(sqlite3.connect(victim)) as db, db:
            db.execute("CREATE TABLE cookies (name)")
    before = victim.read_bytes() if there else None
    (root / "store.sqlite3").symlink_to(victim)
    (root / "repair.lock").symlink_to(tmp_path / "made")
    with store.DiffStore(root) as opened:
        opened.records.remember_contents({"0" * 32: "1" * 32})
    assert (victim.read_bytes() if victim.exists() else None) == before
    assert not (tmp_path / "made").exists()
    assert not (root / "store.sqlite3").is_symlink()
    with store.DiffStore(root) as opened:
        assert opened.records.content("0" * 32) == "1" * 32


def test_a_file_of_another_program_is_not_changed(tmp_path: Path) -> None:
    """Not even the mode of its journal, which is in its header."""
    path = tmp_path / "store.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE cookies (name)")
    before = path.read_bytes()
    store.DiffStore(tmp_path).close()
    (kept,) = tmp_path.glob("store.sqlite3.damaged-*[0-9]")
    assert kept.read_bytes() == before
