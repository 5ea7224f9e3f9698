"""Names of pictures that are no digests: compared as any other, kept in memory and records only."""

import logging
from pathlib import Path

import pytest
from support import stores
from support.servers import tornado_server

from mymodules.errors import StoreError
from mymodules.store import NOW, DiffStore, sources
from mymodules.store.records import diff_id, is_digest, is_name

PATIENCE = 60.0  # s
NAMES = (
    *("invaliddigest1", "a-b", "c", "a", "b-c", "-", "--", "-rf", "_", "0", "con", "NUL", "Con", "com1"),
    *("nul" * 40 + "-", "A" * 128, "a" * 128, "b" * 31, "b" * 33, "-" * 32),
)
NO_NAMES = ("", "a.b", "../x", "a/b", "a:b", "a b", "é", "a" * 129, "a\n", "a\0", "\ud800", ".", "..", "%41")
PICTURES = {name: stores.png(stores.samples(place)) for place, name in enumerate(NAMES)}


def files_of(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def counted() -> stores.Counted:
    return stores.Counted(PICTURES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(name: str) -> None:
    assert is_name(name)
    assert not is_digest(name)


@pytest.mark.parametrize("name", [*NO_NAMES, None, 5, b"a", ["a"]])
def test_what_is_no_name(name: object) -> None:
    assert not is_name(name)
    assert not is_digest(name)


def test_golds_own_case(tmp_path: Path) -> None:
    """Five digests that are there, and two words that are none: these become unavailable, until purged."""
    pictures = stores.some(6)
    source = stores.folder(tmp_path / "source", pictures)
    main, *rights = pictures
    invalid = ["invaliddigest1", "invaliddigest2"]
    with DiffStore(tmp_path / "store", source=source, pause=0) as opened:
        assert set(opened.get(NOW, main, [*rights, *invalid])) == set(rights)
        failed = opened.unavailable_digests()
        assert {name: failure.reason for name, failure in failed.items()} == dict.fromkeys(
            invalid, "http_error"
        )
        opened.purge_digests(invalid, purge_remote=True)
        assert opened.unavailable_digests() == {}
        assert opened.get(NOW, invalid[0], rights) == {}
        assert list(opened.unavailable_digests()) == [invalid[0]]


def test_they_are_compared_and_remembered_as_any_other(tmp_path: Path, counted: stores.Counted) -> None:
    root = tmp_path / "store"
    with DiffStore(root, source=counted, pause=0) as opened:
        for main in NAMES:
            found = opened.get(NOW, main, NAMES)
            assert found == {right: stores.figures(PICTURES, main, right) for right in NAMES if right != main}
        opened.warm_digests(NOW, NAMES, sync=True)
        opened.warm_diffs(NOW, NAMES, NAMES)
        assert opened.wait(PATIENCE)
        assert set(counted.asked.values()) == {1}
        best = opened.closest("a-b", NAMES)
        assert best is not None
        assert best.metrics == stores.figures(PICTURES, "a-b", best.digest)
        assert opened.original("-rf").result(PATIENCE).data == PICTURES["-rf"]
        assert opened.delta("a", "b-c").result(PATIENCE) != opened.delta("a-b", "c").result(PATIENCE)
        assert opened.unavailable_digests() == {}
    with DiffStore(root) as again:  # without a source: the figures are in the records
        assert again.get(NOW, "a", ["b-c"]) == {"b-c": stores.figures(PICTURES, "a", "b-c")}
        assert again.get(NOW, "a-b", ["c"]) == {"c": stores.figures(PICTURES, "a-b", "c")}


def test_nothing_of_them_is_a_file(tmp_path: Path, counted: stores.Counted) -> None:
    root = tmp_path / "store"
    with DiffStore(root, source=counted, pause=0) as opened:
        before = files_of(root)
        opened.warm_digests(NOW, NAMES, sync=True)
        assert opened.keep_originals(PICTURES.items()) == 0
        opened.purge_digests(NAMES)
        assert files_of(root) == before
        assert {path.name for path in root.iterdir() if path.is_dir()} == {"images", "incoming"}
        assert list((root / "images").iterdir()) == []


def test_a_purge_takes_no_other_name_with_it(tmp_path: Path, counted: stores.Counted) -> None:
    """`a` is a part of `a-b`, and of what names the pair of `a-b` and `c`."""
    pairs = [("a", "b-c"), ("a-b", "c"), ("a", "c"), ("-", "--"), ("A" * 128, "a" * 128)]
    with DiffStore(tmp_path / "store", source=counted, pause=0) as opened:
        for one, other in pairs:
            opened.get(NOW, one, [other])
        opened.purge_digests(["a"])
        kept = [pair for pair in pairs if opened.records.metrics(diff_id(*pair))]
        assert kept == [pair for pair in pairs if "a" not in pair]
        for one, other in kept:
            opened.get(NOW, one, [other])
        opened.warm_digests(NOW, NAMES, sync=True)
        assert {name for name, times in counted.asked.items() if times > 1} == {"a"}


@pytest.mark.parametrize("name", NO_NAMES[1:])
def test_what_is_no_name_is_left_out_with_a_line_in_the_log(
    tmp_path: Path, name: str, counted: stores.Counted, caplog: pytest.LogCaptureFixture
) -> None:
    with DiffStore(tmp_path / "store", source=counted, pause=0) as opened, caplog.at_level(logging.INFO):
        assert set(opened.get(NOW, "a", [name, "c"])) == {"c"}
        assert f"{name!r} is left out" in caplog.text
        assert opened.get(NOW, name, ["a", "c"]) == {}
        opened.warm_digests(NOW, [name], sync=True)
        opened.warm_diffs(NOW, [name], [name, "a"])
        assert opened.wait(PATIENCE)
        assert opened.ranked(name, ["a"]) == []
        for future in (opened.original(name), opened.delta(name, "a"), opened.delta("a", name)):
            assert isinstance(future.exception(PATIENCE), StoreError)
        opened.purge_digests([name], purge_remote=True)
        assert opened.keep_originals([(name, PICTURES["a"])]) == 0
        assert opened.unavailable_digests() == {}
    assert set(counted.asked) == {"a", "c"}


@pytest.mark.parametrize("colon", ["a:b", "a-b:c"])
def test_a_colon_leads_to_no_other_pair(tmp_path: Path, colon: str, counted: stores.Counted) -> None:
    with DiffStore(tmp_path / "store", source=counted, pause=0) as opened:
        opened.get(NOW, "a-b", ["c"])
        one, _, other = colon.rpartition("-")
        assert opened.get(NOW, colon, ["c"]) == {}
        assert isinstance(opened.delta(one, other or colon).exception(PATIENCE), StoreError)


def test_no_url_leads_to_them(tmp_path: Path, counted: stores.Counted) -> None:
    digest = stores.opaque("one")
    counted.pictures = {**PICTURES, digest: PICTURES["a"]}
    with DiffStore(tmp_path / "store", source=counted, pause=0) as opened:
        rests = [f"images/{name}.png" for name in NAMES]
        rests += [f"diffs/{diff_id(name, digest)}.png" for name in NAMES]
        rests += [f"diffs/{one}-{other}.png" for one in NAMES for other in ("a", "b-c")]
        with tornado_server(opened) as served:
            assert {rest: served.ask(rest).status for rest in rests} == dict.fromkeys(rests, 404)
            assert served.ask(f"images/{digest}.png").body == PICTURES["a"]
    assert set(counted.asked) == {digest}


def test_a_folder_that_folds_capitals_has_no_picture_of_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS and Windows, where `AB.png` opens `ab.png`. Two names of one file act as such a folder."""
    lower, upper, other = "ab" * 16, "AB" * 16, "0" * 32
    folder = stores.folder(tmp_path / "source", {lower: PICTURES["a"], other: PICTURES["c"]})
    (folder / f"{upper}.png").hardlink_to(folder / f"{lower}.png")
    monkeypatch.setattr(sources.os, "listdir", lambda _: [f"{lower}.png", f"{other}.png"])
    with DiffStore(tmp_path / "store", source=folder, pause=0) as opened:
        assert set(opened.get(NOW, other, [lower, upper])) == {lower}
        assert {name: failure.reason for name, failure in opened.unavailable_digests().items()} == {
            upper: "http_error"
        }
        opened.purge_digests([upper], purge_remote=True)
        assert (folder / f"{lower}.png").exists()
        assert (folder / f"{upper}.png").exists()
