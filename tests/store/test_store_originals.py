"""Copies and files of runs: kept, checked, and used as soon as they appear."""

import os
from pathlib import Path

import pytest
from support import stores
from support.stores import ABSENT, FIRST, PATIENCE, SECOND, copy_of

from mymodules import images
from mymodules.errors import StoreError
from mymodules.store import NOW, DiffStore
from mymodules.store.values import DigestedFile, StoredRow
from mymodules.workers import PairResult


def test_a_digest_that_is_ours_is_checked(tmp_path: Path) -> None:
    ours, data = images.digest(FIRST[next(iter(FIRST))]), FIRST[next(iter(FIRST))]
    wrong = {ours: SECOND[next(iter(SECOND))]}
    with DiffStore(tmp_path / "a", source=wrong.get, pause=0) as opened:  # nobody knows that it is ours
        assert opened.original(ours).result(PATIENCE).data == wrong[ours]
    with DiffStore(tmp_path / "b", source=wrong.get, pause=0, own_digests=True) as opened:
        assert isinstance(opened.original(ours).exception(PATIENCE), StoreError)
        assert opened.unavailable_digests()[ours].reason == "corrupted"
    with DiffStore(tmp_path / "c", source=wrong.get, pause=0) as opened:
        row = PairResult(None, "a.png", "", "missing", "only_first", first_digest=ours)
        opened.records.remember_rows([StoredRow(row)], "conditions")
        assert isinstance(opened.original(ours).exception(PATIENCE), StoreError)
        other = images.digest(SECOND[next(iter(SECOND))])
        assert opened.keep_originals([(other, wrong[ours])]) == 1
        assert opened.get(NOW, ours, [other]) == {}
        assert opened.keep_originals([(ours, data), (ours, wrong[ours]), (other, b"")]) == 2
        assert set(opened.get(NOW, ours, [other])) == {other}
        assert opened.unavailable_digests() == {}
        assert opened.original(ours).result(PATIENCE).data == data


def test_a_damaged_copy_is_fetched_again(opened: DiffStore, tmp_path: Path, source: Path) -> None:
    digest, other, *_ = FIRST
    opened.warm_digests(NOW, [digest], sync=True)
    copy_of(opened, digest).write_bytes(FIRST[other])  # a whole picture, but not this one
    with DiffStore(tmp_path / "store", source=source, pause=0) as again:
        assert again.original(digest).result(PATIENCE).data == FIRST[digest]
    assert copy_of(opened, digest).read_bytes() == FIRST[digest]
    copy_of(opened, digest).write_bytes(FIRST[digest][:-7])
    with DiffStore(tmp_path / "store") as alone:
        assert isinstance(alone.original(digest).exception(PATIENCE), StoreError)
        assert alone.unavailable_digests()[digest].reason == "corrupted"


@pytest.mark.parametrize("bad", ["empty", "link", "loop", "folder"])
def test_a_copy_that_is_none_is_not_taken_for_one(
    opened: DiffStore, tmp_path: Path, source: Path, bad: str
) -> None:
    digest = next(iter(FIRST))
    path = copy_of(opened, digest)
    path.parent.mkdir(parents=True)
    if bad == "empty":
        path.write_bytes(b"")
    elif bad == "folder":
        path.mkdir()
    elif os.name == "nt":
        pytest.skip("links need rights there")
    elif bad == "link":
        path.symlink_to(source / f"{digest}.png")
    else:
        path.parent.rmdir()
        path.parent.symlink_to(path.parent)
    opened.warm_digests(NOW, [digest], sync=True)
    assert digest in opened.caches.images
    if bad in ("empty", "link"):
        assert not path.is_symlink()
        assert path.read_bytes() == FIRST[digest]


def test_a_copy_that_is_too_large_for_one_store_stays_for_others(opened: DiffStore, tmp_path: Path) -> None:
    digest = next(iter(FIRST))
    opened.warm_digests(NOW, [digest], sync=True)
    with DiffStore(tmp_path / "store", max_pixels=5) as small:
        assert "px" in str(small.original(digest).exception(PATIENCE))
    with DiffStore(tmp_path / "store") as again:
        assert again.original(digest).result(PATIENCE).data == FIRST[digest]


def test_only_digests_are_kept(tmp_path: Path) -> None:
    (tmp_path / "outside.png").write_bytes(FIRST[next(iter(FIRST))])
    with DiffStore(tmp_path / "store") as opened:
        names = ["../../outside", "", "x", "nul\0"]
        assert opened.keep_originals((name, FIRST[next(iter(FIRST))]) for name in names) == 0
        assert opened.keep_originals([(ABSENT[0], "nul\0"), (ABSENT[0], tmp_path)]) == 0
        assert [opened.records.content(name) for name in names] == [None] * 4


@pytest.mark.parametrize("size", [100, 200_000])
def test_many_pictures_are_kept(size: int, tmp_path: Path) -> None:
    """Small ones by one thread, large ones by several; each once, and none that cannot be read."""
    pictures = {images.digest(data): data for data in (os.urandom(size) for _ in range(100))}
    originals: list[tuple[str, Path | bytes]] = []
    for number, (digest, data) in enumerate(pictures.items()):
        path = tmp_path / f"{number}.png"
        path.write_bytes(data)
        originals += [(digest, path), (digest, data)] if number % 3 else [(digest, data)]
    gone = (images.digest(b"gone"), tmp_path / "gone.png")
    with DiffStore(tmp_path / "store") as opened:
        assert opened.keep_originals([gone, *originals, gone]) == 100
        for digest, data in pictures.items():
            assert copy_of(opened, digest).read_bytes() == data
        assert not copy_of(opened, gone[0]).exists()


def test_a_picture_that_arrives_is_had_at_once(tmp_path: Path) -> None:
    """As a copy, or as a file that a run has digested; by another process too."""
    (first, second), path = list(FIRST.values())[:2], tmp_path / "a.png"
    one, other = images.digest(first), images.digest(second)
    asked = stores.Counted({})
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        assert opened.get(NOW, one, [other]) == {}
        assert opened.get(NOW, one, [other]) == {}
        assert asked.asked == {one: 1, other: 1}  # while nothing has come it is not asked for again
        with DiffStore(tmp_path / "store") as writing:
            writing.keep_originals([(one, first)])
        assert opened.original(one).result(PATIENCE).data == first
        assert opened.get(NOW, one, [other]) == {}
        path.write_bytes(second)
        with DiffStore(tmp_path / "store") as writing:
            writing.records.remember_files([DigestedFile(path, path.stat(), other, 0)])
        assert set(opened.get(NOW, one, [other])) == {other}
        assert opened.unavailable_digests() == {}


def test_files_of_a_run_are_a_source_while_they_are_what_they_were(tmp_path: Path) -> None:
    (first, second), path = list(FIRST.values())[:2], tmp_path / "a.png"
    digest = images.digest(first)
    path.write_bytes(first)
    with DiffStore(tmp_path / "store") as opened:
        opened.records.remember_files([DigestedFile(path, path.stat(), digest, 0)])
        assert opened.original(digest).result(PATIENCE).data == first
        assert not copy_of(opened, digest).exists()  # the disk does not double
    path.write_bytes(second[: len(first)].ljust(len(first)))
    with DiffStore(tmp_path / "store") as opened:
        assert isinstance(opened.original(digest).exception(PATIENCE), StoreError)
        assert opened.keep_originals([(digest, path)]) == 0


def test_names_that_differ_in_case_only_are_two_pictures(tmp_path: Path) -> None:
    lower, upper = "ab" * 16, "aB" * 16
    pictures = dict(zip((lower, upper), FIRST.values(), strict=False))
    with DiffStore(tmp_path / "store", source=pictures.get) as opened:
        opened.warm_digests(NOW, pictures, sync=True)
        assert {d: opened.original(d).result().data for d in pictures} == pictures
        kept = [path for path in opened.root.rglob("*.png")]
        assert len({str(path).lower() for path in kept}) == 2
    with DiffStore(tmp_path / "store") as opened:
        assert {d: opened.original(d).result().data for d in pictures} == pictures


def test_pictures_of_every_format_keep_their_type(tmp_path: Path) -> None:
    import cv2

    types = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".bmp": "image/bmp"}
    types |= {".tiff": "image/tiff"}
    rgb = stores.samples(1, 32, 32)[:, :, :3]
    made = {stores.opaque(ending): bytes(cv2.imencode(ending, rgb)[1]) for ending in types}
    with DiffStore(tmp_path / "store", source=made.get) as opened:
        found = [opened.original(digest).result(PATIENCE) for digest in made]
    assert [original.data for original in found] == list(made.values())
    assert [original.media_type for original in found] == list(types.values())
