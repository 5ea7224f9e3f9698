"""Every name gets its row and its drawings: odd ones, colliding ones, and paths as people write them."""

import itertools
import os
import tempfile
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support import pngs, strategies
from support.samples import JPEG, PLAIN, RGB, changed, rgb
from support.sides import COMPARED, MANY_FILE_SYSTEMS_REFUSE, Folders, put, row, rows

from mymodules import batch, images, pairs, results, settings, workers

# Names that collide


@MANY_FILE_SYSTEMS_REFUSE
def test_name_collision(folders: Folders) -> None:
    composed, apart = "\u304c.png", "\u304b\u3099.png"
    put(folders, PLAIN, PLAIN, composed)
    put(folders, JPEG, None, apart)
    found = {found.image_filename: found for found in rows(folders)}
    assert set(found) == {composed, apart}
    assert {(one.status, one.code) for one in found.values()} == {("error", "name_collision")}
    assert found[composed].first_digest == found[composed].second_digest == images.digest(PLAIN)
    assert (found[apart].first_digest, found[apart].second_digest) == (images.digest(JPEG), None)
    assert found[apart].width_first == 17
    for one in found.values():
        assert {getattr(one, column) for column in COMPARED} == {None}


@MANY_FILE_SYSTEMS_REFUSE
def test_two_spellings_of_one_name_are_one_pair(folders: Folders) -> None:
    composed, apart = "\u304c.png", "\u304b\u3099.png"
    put(folders, PLAIN, None, composed)
    put(folders, None, PLAIN, apart)
    assert (row(folders).image_filename, row(folders).code) == (composed, "bytes_equal")
    settings.init(None, *folders)
    for path in (folders.first / composed, folders.second / apart):
        found = workers.compare_image_diff(path)
        assert (found.image_filename, found.code) == (composed, "bytes_equal")


# Names through a whole run


NAMES: list[str | bytes] = [
    "two words.png",
    " leading.png",
    "日本語 ページ.png",
    "😀🏳️‍🌈.png",
    "x" * 251 + ".png",
    "あ" * 83 + "ab.png",
    b"\xff\xfe bytes.png",
    b"\xff" * 240 + b".png",
    b"latin \xe9.png",
    "reads like \\xff.png",
    "back\\slash.png",
    "line\nbreak.png",
    "line\r\nbreak.png",
    "\ttab.png",
    'a "quoted" name.png',
    "it's.png",
    "=1+1.png",
    "'=1.png",
    "''=1.png",
    "-1.png",
    "+1.png",
    "@a.png",
    "NA.png",
    "nan.png",
    "None.png",
    "1e5.png",
    "CON.png",
    "con.png",
    "aux.tar.png",
    "A.png",
    "a.png",
    "a.jpg",
    "a.PNG",
    "a,b;c.png",
    "A/x.png",
    "a/x.png",
    "com1/x.png",
    "trailing dot./x.png",
    "=folder/-name.png",
    b"\xff" * 200 + b"/x.png",
    "\u2028\x85.png",
    "%20#?&amp;<b>.png",
]


def checked_run(
    place: Folders, names: Iterable[bytes], *, collide: bool = False, **options: Any
) -> batch.Run:
    """Compare folders in which every name has a pair of pictures of a size of its own; check all rows."""
    widths = {}
    for number, name in enumerate(names):
        path = os.fsdecode(name)
        width = 8 + number
        shade = np.full((3, width), 77)
        put(place, pngs.write(shade, 0, 8), pngs.write(shade + 1, 0, 8), path)
        widths[pairs.to_text(path)] = width
    done = batch.run(*place, **options)
    frame = done.frame()
    assert sorted(frame.image_filename) == sorted(widths)
    assert list(results.load(done.csv_path).image_filename) == list(frame.image_filename)
    with done.csv_path.open(encoding="utf-8-sig", newline="") as file:
        assert file.read(12) == "ssim_score,i"
    order = [unicodedata.normalize("NFC", pairs.from_text(name)) for name in frame.image_filename]
    assert order == sorted(order)
    seen = set()
    for found in results.read(done.csv_path):
        if collide and found.code == "name_collision":
            assert done.pictures(found.image_filename) == ()
            continue
        assert (found.status, found.code) == ("changed", "pixels_differ"), found.messages
        assert "could not" not in found.messages
        assert found.width_first == widths[found.image_filename]
        drawn = done.pictures(found.image_filename)
        assert len(drawn) == 5
        for path in drawn:
            assert len(os.fsencode(path.name)) <= 255
            assert done.pictures_dir in path.parents
            picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
            assert picture.shape[:2] == (3, widths[found.image_filename])
            seen.add(unicodedata.normalize("NFC", str(path).casefold()))
    assert len(seen) == 5 * sum(frame.status == "changed")
    written = [path for path in done.pictures_dir.glob("**/*") if path.is_file()]
    assert len(written) == len(seen)
    return done


@MANY_FILE_SYSTEMS_REFUSE
def test_every_name_is_a_row_and_its_pictures_are_found(folders: Folders) -> None:
    names = [os.fsencode(name) for name in NAMES]
    done = checked_run(folders, names)
    assert sum(done.counts.values()) == done.counts["changed"] == len(names)
    settings.init(None, *folders)
    assert results.load().image_filename.tolist() == done.frame().image_filename.tolist()


@MANY_FILE_SYSTEMS_REFUSE
@given(names=st.sets(strategies.picture_names, min_size=1, max_size=8))
@hypothesis_settings(max_examples=30)
def test_any_set_of_names(names: set[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        place = Folders(*(Path(folder) / side for side in ("first", "second", "out")))
        for side in place:
            side.mkdir()
        checked_run(place, sorted(names), collide=True, executor=executor)


def test_the_path_must_lie_below_one_of_the_folders(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    settings.init(None, *folders)
    with pytest.raises(workers.SettingsError, match="neither"):
        workers.compare_image_diff(folders.out / "x.png")


def test_what_a_notebook_lists_besides_pictures_gets_a_row_too(folders: Folders) -> None:
    """The textbook notebook lists every file, a listing of this package only pictures."""
    put(folders, PLAIN, PLAIN)
    put(folders, b"notes", None, "notes.txt")
    put(folders, PLAIN, rgb(level=0), "picture without suffix")
    put(folders, b"", b"", ".gitkeep")
    settings.init(None, *folders)
    found = {
        path.name: workers.compare_image_diff(path)
        for path in itertools.chain(folders.first.iterdir(), folders.second.iterdir())
    }
    assert {name: one.code for name, one in found.items()} == {
        "x.png": "bytes_equal",
        "notes.txt": "only_first",
        "picture without suffix": "pixels_equal",
        ".gitkeep": "empty",
    }


# Paths as people and programs write them


def test_a_path_with_dots_is_the_file_it_leads_to(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8))
    settings.init(first=folders.first, second=folders.second, out=folders.out)
    monkeypatch.chdir(folders.first)
    (name,) = (path.name for path in folders.first.iterdir())
    for path in (f"{folders.first}/../{folders.second.name}/{name}", f"../{folders.first.name}/{name}", name):
        found = workers.compare_image_diff(path)
        assert (found.image_filename, found.status) == (name, "changed")


def test_a_path_through_a_link(folders: Folders, tmp_path: Path) -> None:
    put(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8))
    (tmp_path / "link").symlink_to(folders.first, target_is_directory=True)
    settings.init(first=tmp_path / "link", second=folders.second, out=folders.out)
    (path,) = folders.first.iterdir()
    assert workers.compare_image_diff(path).status == "changed"


def test_a_file_that_is_in_neither_folder_any_more(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    settings.init(first=folders.first, second=folders.second, out=folders.out)
    found = workers.compare_image_diff(folders.first / "gone.png")
    assert (found.image_filename, found.status, found.code) == ("gone.png", "error", "vanished")
