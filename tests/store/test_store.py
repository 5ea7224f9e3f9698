"""The store: Gold's acceptance cases by number, then what it does besides, with real files and servers."""

import base64
import itertools
import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import stores
from support.programs import until
from support.servers import tornado_server

from mymodules import images, metrics, store
from mymodules.errors import OutputError, StoreError
from mymodules.metrics import DiffMetrics
from mymodules.store import BACKGROUND, IDLE, NOW, DiffStore, DigestFailure, diffstore, sources
from mymodules.store.records import DigestedFile, StoredRow, diff_id
from mymodules.workers import PairResult

PATIENCE = 60.0  # s; the end of waiting for what should take moments
FIRST, SECOND = stores.some(20), stores.some(8, start=100)
ABSENT = [stores.opaque("absent", number) for number in range(2)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return stores.folder(tmp_path / "source", FIRST | SECOND)


@pytest.fixture
def opened(tmp_path: Path, source: Path) -> Iterator[DiffStore]:
    with DiffStore(tmp_path / "store", source=source, pause=0) as opened:
        yield opened


@pytest.fixture(params=["folder", "case_10"])
def either(request: pytest.FixtureRequest, tmp_path: Path, source: Path) -> Iterator[DiffStore]:
    """A store whose pictures come from a folder, or over the network from another store, which has that."""
    if request.param == "folder":
        yield request.getfixturevalue("opened")
        return
    with (
        DiffStore(tmp_path / "far", source=source, pause=0) as far,
        tornado_server(far) as served,
        DiffStore(tmp_path / "store", source=f"http://127.0.0.1:{served.port}/img/images", pause=0) as opened,
    ):
        yield opened


def copy_of(opened: DiffStore, digest: str) -> Path:
    return opened.root / "images" / digest[:2] / digest[2:4] / f"{digest}.png"


def pairs_of(digests: Any) -> list[tuple[str, str]]:
    return list(itertools.combinations(sorted(digests), 2))


# --- the acceptance cases ----------------------------------------------------------------------------


def test_case_1_warmed_digests_are_there(either: DiffStore) -> None:
    either.warm_digests(NOW, FIRST, sync=True)
    for digest, data in FIRST.items():
        assert copy_of(either, digest).read_bytes() == data
        assert digest in either._images
    assert either.unavailable_digests() == {}


def test_case_1_a_hundred_are_in_folders_of_two_levels(tmp_path: Path) -> None:
    made = {stores.opaque(number): stores.png(stores.samples(number, 2, 3)) for number in range(100)}
    with DiffStore(tmp_path / "store", source=made.get) as opened:
        opened.warm_digests(NOW, made, sync=True)
    kept = {path.relative_to(opened.root / "images").as_posix() for path in opened.root.rglob("*.png")}
    assert kept == {f"{digest[:2]}/{digest[2:4]}/{digest}.png" for digest in made}


def test_case_2_warmed_diffs_are_in_memory(either: DiffStore) -> None:
    either.warm_diffs(BACKGROUND, FIRST, FIRST)
    assert either.wait(PATIENCE)
    assert [pair for pair in pairs_of(FIRST) if diff_id(*pair) not in either._metrics] == []
    assert len(either._metrics._values) == len(pairs_of(FIRST))


@pytest.mark.parametrize("pictures", [FIRST, SECOND], ids=["case_3", "case_4"])
def test_cases_3_and_4_get_each_against_all(
    either: DiffStore, tmp_path: Path, pictures: stores.Pictures
) -> None:
    either.warm_digests(NOW, FIRST, sync=True)
    either.warm_diffs(NOW, FIRST, FIRST)
    for main in pictures:
        found = either.get(NOW, main, pictures)
        assert found == {right: stores.figures(pictures, main, right) for right in pictures if right != main}
        assert {right: either.records.metrics(diff_id(main, right)) for right in found} == found
    with DiffStore(tmp_path / "store") as again:  # no source: from the persistent figures alone
        assert again.get(NOW, main, pictures) == found


def test_case_5_two_that_cannot_be_fetched(either: DiffStore, source: Path) -> None:
    main, *rights = list(FIRST)[:6]
    assert set(either.get(NOW, main, [*rights, *ABSENT])) == set(rights)
    failed = either.unavailable_digests()
    assert {digest: failure.reason for digest, failure in failed.items()} == dict.fromkeys(
        ABSENT, "http_error"
    )
    either.purge_digests(ABSENT, purge_remote=True)
    assert either.unavailable_digests() == {}


def test_case_6_figures_of_made_up_digests(either: DiffStore) -> None:
    known = DiffMetrics(5, float(np.float32(100 / 3)), (1, 2, 3, 4), True)
    either.records.remember_metrics({diff_id("def", "abc"): known})
    loaded = either.records.metrics("abc-def")
    assert type(loaded) is DiffMetrics
    assert loaded == known
    assert loaded.to_json() == known.to_json()


def test_case_7_what_is_no_picture_is_an_error(
    either: DiffStore, source: Path, request: pytest.FixtureRequest
) -> None:
    bad = [stores.opaque("no picture", number) for number in range(2)]
    for digest in bad:
        (source / f"{digest}.png").write_bytes(b"not a picture")
    good, other = list(FIRST)[:2]
    assert either.get(NOW, good, [other]) != {}
    for left, right in ((good, bad[0]), (bad[0], good), bad):
        assert either.get(NOW, left, [right]) == {}
    failed = either.unavailable_digests()
    # The other store says 404 for what is no picture.
    reason = "corrupted" if request.node.callspec.params["either"] == "folder" else "http_error"
    assert {digest: failure.reason for digest, failure in failed.items()} == dict.fromkeys(bad, reason)
    assert not copy_of(either, bad[0]).exists()


# Case 8, the handler, is in test_served.


def test_case_9_results_survive_json(either: DiffStore) -> None:
    main, *rights = FIRST
    found = either.get(NOW, main, rights)
    told = json.loads(json.dumps({right: metrics.to_json() for right, metrics in found.items()}))
    assert {right: DiffMetrics.from_json(record) for right, record in told.items()} == found
    assert list(told[rights[0]]) == [
        "numDiffPixels",
        "pixelDiffPercent",
        "maxRGBADiffs",
        "dimDiffer",
        "diffs",
    ]
    failure = DigestFailure.now(main, "other")
    assert list(json.loads(json.dumps(failure.to_json()))) == ["digest", "reason", "ts"]


# --- get, warm, purge --------------------------------------------------------------------------------


def test_get_skips_the_main_one_and_folds_repeated_ones(opened: DiffStore) -> None:
    main, right, *_ = FIRST
    assert set(opened.get(NOW, main, [right, main, right])) == {right}
    assert opened.get(NOW, main, [main]) == {}
    with pytest.raises(StoreError, match="empty"):
        opened.get(NOW, "", [right])


@pytest.mark.parametrize(
    "name", ["", "x", "../../etc/passwd", "a" * 31, "é" * 32, "-" * 32, "\ud800", "a" * 32 + "\n"]
)
def test_what_is_no_digest_is_left_out_and_touches_nothing(
    opened: DiffStore, tmp_path: Path, name: str
) -> None:
    main, right, *_ = FIRST
    assert set(opened.get(NOW, main, [name, right])) == {right}
    opened.warm_digests(NOW, [name], sync=True)
    if name:
        assert opened.get(NOW, name, [right]) == {}
    opened.purge_digests([name], purge_remote=True)
    assert opened.unavailable_digests() == {}


def test_warming_again_does_not_ask_the_source(tmp_path: Path) -> None:
    asked = stores.Counted(FIRST)
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        opened.warm_digests(IDLE, [*FIRST, *ABSENT], sync=True)
        assert {asked.asked[digest] for digest in FIRST} == {1}
        opened.warm_digests(NOW, FIRST, sync=True)
        assert [opened.original(digest).result().data for digest in FIRST] == list(FIRST.values())
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        opened.warm_digests(NOW, FIRST, sync=True)
        main, *rights = FIRST
        assert len(opened.get(NOW, main, rights)) == len(rights)
    assert {asked.asked[digest] for digest in FIRST} == {1}


def test_warm_diffs_compares_each_pair_once(opened: DiffStore, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = metrics.pixel_diff
    monkeypatch.setattr(metrics, "pixel_diff", lambda *both: compared.append(1) or real(*both))
    one, two, three, *_ = FIRST
    opened.warm_diffs(IDLE, [one, two, two], [one, two, three])
    assert opened.wait(PATIENCE)
    assert len(compared) == 3
    assert set(opened.get(NOW, one, [two, three])) == {two, three}
    assert len(compared) == 3


def test_purge_forgets_everything_about_a_digest_and_nothing_else(opened: DiffStore, source: Path) -> None:
    names = list(FIRST)[:5]
    opened.warm_diffs(NOW, names, names)
    assert opened.wait(PATIENCE)
    before = {pair: opened.records.metrics(diff_id(*pair)) for pair in pairs_of(names)}
    gone = names[:2]
    opened.purge_digests(gone)
    after = {pair: opened.records.metrics(diff_id(*pair)) for pair in pairs_of(names)}
    left = {pair for pair in before if not set(pair) & set(gone)}
    assert len(left) == 3
    assert after == {pair: known if pair in left else None for pair, known in before.items()}
    for digest in gone:
        assert digest not in opened._images
        assert not copy_of(opened, digest).exists()
        assert (source / f"{digest}.png").exists()
    assert {diff_id(*pair) in opened._metrics for pair in left} == {True}
    assert not any(diff_id(*pair) in opened._metrics for pair in before if pair not in left)
    opened.purge_digests([*gone, *ABSENT, stores.opaque("nowhere")], purge_remote=True)
    assert not any((source / f"{digest}.png").exists() for digest in gone)


def test_a_purged_digest_is_tried_anew_at_once(opened: DiffStore, source: Path) -> None:
    main, *_ = FIRST
    late = ABSENT[0]
    assert opened.get(NOW, main, [late]) == {}
    stores.folder(source, {late: SECOND[next(iter(SECOND))]})
    assert opened.get(NOW, main, [late]) == {}  # the error is kept
    opened.purge_digests([late])
    assert set(opened.get(NOW, main, [late])) == {late}


def test_a_later_success_clears_the_failure(opened: DiffStore, source: Path, tmp_path: Path) -> None:
    late = ABSENT[0]
    opened.warm_digests(NOW, [late], sync=True)
    assert list(opened.unavailable_digests()) == [late]
    stores.folder(source, {late: FIRST[next(iter(FIRST))]})
    with DiffStore(tmp_path / "store", source=source, pause=0) as again:
        again.warm_digests(NOW, [late], sync=True)
        assert again.unavailable_digests() == {}
    assert opened.unavailable_digests() == {}


class Held:
    """A function that goes on only when it is let."""

    def __init__(self, answer: Any) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self._answer = answer

    def __call__(self, *arguments: Any) -> Any:
        self.begun.set()
        assert self.let.wait(PATIENCE)
        return self._answer(*arguments)


def test_a_purge_is_not_undone_by_a_picture_that_was_being_fetched(tmp_path: Path) -> None:
    digest, other, *_ = FIRST
    held = Held(FIRST.get)
    with DiffStore(tmp_path / "store", source=held) as opened:
        coming = opened.original(digest)
        assert held.begun.wait(PATIENCE)
        opened.purge_digests([digest])
        held.let.set()
        assert coming.result(PATIENCE).data == FIRST[digest]  # whoever asked before gets it
        assert opened.wait(PATIENCE)
        assert digest not in opened._images
        assert not opened._decoded.get(digest)
        assert not copy_of(opened, digest).exists()
        assert opened.records.content(digest) is None
        opened.warm_digests(NOW, [digest, other], sync=True)
        assert copy_of(opened, digest).exists()


def test_nor_by_one_that_could_not_be_fetched(tmp_path: Path) -> None:
    main, absent, held = next(iter(FIRST)), ABSENT[0], Held(FIRST.get)
    with DiffStore(tmp_path / "store", source=held) as opened:
        opened.warm_diffs(NOW, [main], [absent])
        assert held.begun.wait(PATIENCE)
        opened.purge_digests([absent])
        held.let.set()
        assert opened.wait(PATIENCE)
        assert opened.unavailable_digests() == {}


def test_nor_by_figures_that_were_being_computed(
    opened: DiffStore, monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    main, right, *_ = FIRST
    held = Held(metrics.pixel_diff)
    with monkeypatch.context() as patched:
        patched.setattr(metrics, "pixel_diff", held)
        opened.warm_diffs(NOW, [main], [right])
        assert held.begun.wait(PATIENCE)
        opened.purge_digests([right])
        held.let.set()
        assert opened.wait(PATIENCE)
    assert opened.records.metrics(diff_id(main, right)) is None
    assert diff_id(main, right) not in opened._metrics
    stores.folder(source, {right: SECOND[next(iter(SECOND))]})  # the name is opaque: now it means another one
    now = FIRST | {right: SECOND[next(iter(SECOND))]}
    assert opened.get(NOW, main, [right])[right] == stores.figures(now, main, right)


@pytest.mark.parametrize("moment", ["copy is gone", "records are gone"])
def test_nor_by_what_begins_while_it_goes_on(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    main, right, third, fourth, *_ = FIRST
    expected = stores.figures(FIRST, main, right)

    with DiffStore(tmp_path / "store", source=source, pause=0, gib=0) as opened:

        def ask(*_: object) -> None:
            """As another thread may; memory has room for one, which is another one."""
            opened.get(NOW, third, [fourth])
            assert opened.original(right).result(PATIENCE).data == FIRST[right]
            assert opened.get(NOW, main, [right]) == {right: expected}

        assert opened.get(NOW, main, [right]) == {right: expected}
        with monkeypatch.context() as patched:
            if moment == "copy is gone":
                patched.setattr(opened._originals, "sources", (Asking(opened._originals.sources[0], ask),))
            else:
                patched.setattr(opened.records, "forget_files", ask)
            opened.purge_digests([right], purge_remote=moment == "copy is gone")
        assert not copy_of(opened, right).exists()
        assert opened.records.metrics(diff_id(main, right)) is None
        assert right not in opened._images
        assert not opened._decoded.get(right)


class Asking:
    """A source whose removal of a picture takes a moment."""

    def __init__(self, source: sources.Source, meanwhile: Callable[[], object]) -> None:
        self.read, self._meanwhile = source.read, meanwhile

    def remove(self, name: str) -> None:
        self._meanwhile()


def test_difference_pictures_go_with_their_digests(opened: DiffStore) -> None:
    one, two, *_ = FIRST
    opened.delta(one, two).result(PATIENCE)
    assert diff_id(one, two) in opened._deltas
    opened.purge_digests([two])
    assert diff_id(one, two) not in opened._deltas


def test_closest_is_ordered_as_gold_does(tmp_path: Path) -> None:
    base = np.full((10, 10, 4), 100, np.uint8)

    def with_pixels(count: int, change: int) -> bytes:
        rgba = base.copy()
        rgba.reshape(-1, 4)[:count, 0] += np.uint8(change)
        return stores.png(rgba)

    main, near, far, tied = (stores.opaque("closest", number) for number in range(4))
    pictures = {main: stores.png(base), near: with_pixels(1, 3), far: with_pixels(50, 90)}
    pictures |= {tied: with_pixels(1, 3)}
    with DiffStore(tmp_path / "store", source=pictures.get) as opened:
        ranked = opened.ranked(main, [far, near, tied, main, *ABSENT])
        assert [match.digest for match in ranked] == [*sorted([near, tied]), far]
        assert opened.closest(main, [far, near, tied]) == ranked[0]
        assert opened.closest(main, [main, *ABSENT]) is None


# --- where pictures come from ------------------------------------------------------------------------


def test_an_fsspec_url(tmp_path: Path) -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    digest, data = next(iter(FIRST.items()))
    system.pipe(f"/bucket/{digest}.png", data)
    with DiffStore(tmp_path / "store", source="memory://bucket", pause=0) as opened:
        assert opened.original(digest).result(PATIENCE).data == data
        with pytest.raises(StoreError, match=ABSENT[0]):
            opened.original(ABSENT[0]).result(PATIENCE)
        opened.purge_digests([digest, *ABSENT], purge_remote=True)
    assert not system.exists(f"/bucket/{digest}.png")


def test_a_file_url_is_a_folder(tmp_path: Path, source: Path) -> None:
    digest = next(iter(FIRST))
    with DiffStore(tmp_path / "store", source=source.as_uri(), pause=0) as opened:
        assert opened.original(digest).result(PATIENCE).data == FIRST[digest]


class Sick(Exception):
    pass


def test_a_source_cannot_write_into_the_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def source(digest: str) -> bytes:
        raise Sick("\x1b[31m\r\n\u202e it is ill \N{SNOWMAN}")

    digest = ABSENT[0]
    with caplog.at_level("INFO"), DiffStore(tmp_path / "store", source=source, pause=0) as opened:
        error = opened.original(digest).exception(PATIENCE)
        opened.get(NOW, digest, [ABSENT[1]])
    told = [str(error), *(record.getMessage() for record in caplog.records)]
    assert len(told) > 4
    assert all(text.isprintable() for text in told)
    assert "\\x1b[31m\\r\\n\\u202e it is ill \N{SNOWMAN}" in str(error)


def test_a_password_in_a_url_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with stores.web(FIRST) as web, caplog.at_level("DEBUG", "mymodules"):
        url = web.url.replace("://", "://someone:secret@")
        web.failing[next(iter(FIRST))] = 9
        with DiffStore(tmp_path / "store", source=url, pause=0) as opened:
            errors = [
                opened.original(digest).exception(PATIENCE) for digest in (ABSENT[0], next(iter(FIRST)))
            ]
    assert all(web.url in str(error) for error in errors)
    assert not any("secret" in text for text in (*map(str, errors), caplog.text))


def test_a_server_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "WHOLE", 0.2)
    digest = next(iter(FIRST))
    with stores.web(FIRST) as web, DiffStore(tmp_path / "store", source=web.url, pause=0) as opened:
        web.how, web.failing[digest] = "drip", 2
        assert opened.original(digest).result(PATIENCE).data == FIRST[digest]
        assert web.asked == [digest] * 3


@pytest.mark.parametrize("kind", ["http", "memory"])
def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    import fsspec

    digest, data = next(iter(FIRST.items()))
    fsspec.filesystem("memory").pipe(f"/large/{digest}.png", data)
    with stores.web(FIRST) as web:
        url = web.url if kind == "http" else "memory://large"
        for limit, kept in ((len(data) - 1, False), (len(data), True)):
            monkeypatch.setattr(sources, "LARGEST", limit)
            with DiffStore(tmp_path / str(limit), source=url, pause=0) as opened:
                error = opened.original(digest).exception(PATIENCE)
                assert (error is None) is kept
                assert kept or "bytes" in str(error)
        assert web.asked == ([digest] * 2 if kind == "http" else [])  # once each


@pytest.mark.parametrize(
    "source",
    [
        5,
        b"bytes",
        [5],
        "",
        "nul\0",
        "~nosuchuser/x",
        Path("nul\0"),
        "nosuchthing://x",
        "http://[x",
        [None, 5],
    ],
    ids=ascii,
)
def test_what_is_no_source_is_one_sentence(tmp_path: Path, source: Any) -> None:
    with pytest.raises(StoreError) as caught:
        DiffStore(tmp_path / "store", source=source)
    assert str(caught.value).isprintable()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"gib": "1"}, {"gib": float("nan")}, {"gib": float("inf")}, {"gib": None}, {"max_workers": 0},
     {"max_workers": -1}, {"max_workers": "2"}, {"max_pixels": 0}, {"pause": -1}, {"pause": float("nan")},
     {"root": "nul\0"}, {"root": "~nosuchuser/x"}, {"root": 5}, {"root": ""}],
    ids=repr,
)  # fmt: skip
def test_what_is_no_number_or_folder_is_one_sentence(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(
        StoreError, match=r"it must be a number|must be the path of a folder|leads to no home folder"
    ):
        DiffStore(**{"root": tmp_path / "store", **wrong})


@pytest.mark.parametrize("how", ["500", "cut", "wrong bytes"])
def test_a_server_that_fails_now_and_then(tmp_path: Path, how: str) -> None:
    pictures = {images.digest(data): data for data in FIRST.values()}
    patient, hopeless, *_ = pictures
    with (
        stores.web(pictures) as web,
        DiffStore(tmp_path / "store", source=web.url, pause=0, own_digests=True) as opened,
    ):
        web.how = how
        web.failing.update({patient: 3, hopeless: 9})
        assert opened.original(patient).result(PATIENCE).data == pictures[patient]
        assert web.asked == [patient] * 4
        assert isinstance(opened.original(hopeless).exception(PATIENCE), StoreError)
        assert isinstance(opened.original(ABSENT[0]).exception(PATIENCE), StoreError)
        assert web.asked[4:] == [hopeless] * 4 + [ABSENT[0]]  # what is not there is asked for once
        reason = "corrupted" if how == "wrong bytes" else "http_error"
        failed = opened.unavailable_digests()
        assert {digest: failure.reason for digest, failure in failed.items()} == {
            hopeless: reason,
            ABSENT[0]: "http_error",
        }
        opened.purge_digests([patient, ABSENT[0]], purge_remote=True)
        assert patient not in web.pictures


def test_the_declared_md5_has_to_be_true(tmp_path: Path) -> None:
    digest = next(iter(FIRST))
    with stores.web(FIRST) as web, DiffStore(tmp_path / "store", source=web.url, pause=0) as opened:
        web.headers[digest] = {"x-goog-hash": "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA=="}
        assert isinstance(opened.original(digest).exception(PATIENCE), StoreError)
        assert len(web.asked) == 4


def test_several_sources_are_asked_in_turn(tmp_path: Path) -> None:
    (one, first), (other, second), *_ = FIRST.items()
    folders = [
        stores.folder(tmp_path / "a", {one: first}),
        stores.folder(tmp_path / "b", {one: second, other: second}),
    ]
    with DiffStore(tmp_path / "store", source=folders, pause=0) as opened:
        assert opened.original(one).result(PATIENCE).data == first
        assert opened.original(other).result(PATIENCE).data == second
        assert isinstance(opened.original(ABSENT[0]).exception(PATIENCE), StoreError)
        opened.purge_digests([one, other], purge_remote=True)
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_out_of_a_folder_are_not_followed(tmp_path: Path, source: Path) -> None:
    outside = stores.folder(tmp_path / "outside", {ABSENT[0]: FIRST[next(iter(FIRST))]})
    (source / f"{ABSENT[0]}.png").symlink_to(outside / f"{ABSENT[0]}.png")
    with DiffStore(tmp_path / "store", source=source, pause=0) as opened:
        assert isinstance(opened.original(ABSENT[0]).exception(PATIENCE), StoreError)
        inside = copy_of(opened, ABSENT[1])
        inside.parent.parent.mkdir(parents=True)
        inside.parent.symlink_to(outside)
        (outside / f"{ABSENT[1]}.png").write_bytes(FIRST[next(iter(FIRST))])
        assert isinstance(opened.original(ABSENT[1]).exception(PATIENCE), StoreError)


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
    assert digest in opened._images
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


# --- once, and whole ---------------------------------------------------------------------------------


def test_a_thousand_threads_and_one_computation(opened: DiffStore, monkeypatch: pytest.MonkeyPatch) -> None:
    main, right, *_ = FIRST
    expected = stores.figures(FIRST, main, right)
    asked, compared, found = stores.Counted(FIRST), [], []
    monkeypatch.setattr(opened._originals, "sources", sources.of(asked))
    real = metrics.pixel_diff
    monkeypatch.setattr(metrics, "pixel_diff", lambda *both: compared.append(1) or real(*both))
    barrier = threading.Barrier(1000)

    def ask() -> None:
        barrier.wait()
        found.append(opened.get(NOW, main, [right])[right])

    threads = [threading.Thread(target=ask) for _ in range(1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 1000
    assert (sum(asked.asked.values()), len(compared)) == (2, 1)


def test_waiting_while_warming_begins(opened: DiffStore, monkeypatch: pytest.MonkeyPatch) -> None:
    main, right, *_ = FIRST
    start, this = threading.Thread.start, threading.current_thread()

    def waited(thread: threading.Thread) -> None:
        if threading.current_thread() is this:
            opened.wait(0)  # as another thread may, at this very moment
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", waited)
        opened.warm_diffs(NOW, [main], [right])
    assert opened.wait(PATIENCE)
    assert diff_id(main, right) in opened._metrics


def test_closing_does_not_wait_long_for_what_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffstore, "_LAST", 0.1)
    held = Held(FIRST.get)
    opened = DiffStore(tmp_path / "store", source=held)
    main, right, *_ = FIRST
    opened.warm_diffs(NOW, [main], [right])
    drawing = opened.delta(main, right)

    def is_under_way() -> bool:
        caches = opened._images, opened._metrics, opened._deltas
        items = [item for cache in caches for item in [*cache._items.values()]]
        return len(items) == 4 and all(item.running for item in items)

    until(is_under_way, "two pictures, their figures and the difference picture are begun")
    began = time.monotonic()
    opened.close()
    assert time.monotonic() - began < 4
    assert not drawing.done()
    held.let.set()
    assert drawing.exception(PATIENCE) is None or "closed" in str(drawing.exception())


def test_a_store_that_was_closed_says_so(tmp_path: Path, source: Path) -> None:
    opened = DiffStore(tmp_path / "store", source=source)
    opened.close()
    opened.close()
    assert isinstance(opened.original(next(iter(FIRST))).exception(PATIENCE), StoreError)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file"):
        DiffStore(tmp_path / "file" / "store")


def test_no_memory_to_use_still_works(tmp_path: Path, source: Path) -> None:
    with DiffStore(tmp_path / "store", source=source, gib=0, max_workers=1) as opened:
        main, *rights = FIRST
        assert len(opened.get(NOW, main, rights)) == len(rights)
        assert len(opened._metrics._values) == 1
        assert len(opened._images._values) == 1


# --- ids and counts ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def gold(shared_data: Path) -> dict[str, Any]:
    folder = shared_data / "vectors" / "skia"
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def test_counts_are_those_of_gold(gold: dict[str, Any]) -> None:
    for case in gold["cache_counts"]:
        assert store.cache_counts(case["gigs"]) == (case["images"], case["diff_metrics"])


def test_ids_are_those_of_gold(gold: dict[str, Any]) -> None:
    assert [store.is_digest(text) for text, _ in gold["digest_validation"]] == [
        valid for _, valid in gold["digest_validation"]
    ]
    ids = gold["diff_id"]
    left, right = ids["left"], ids["right"]
    assert diff_id(left, right) == diff_id(right, left) == ids["id"]
    assert store.split_diff_id(ids["id"]) == (left, right)
    assert [store.is_diff_id(text) for text, _ in ids["valid"]] == [valid for _, valid in ids["valid"]]
    assert store.stored_path(left) == ids["stored_path_left"]
    assert store.stored_path(ids["id"]) == ids["stored_path_diff"]
    assert store.stored_path("abc") == "abc.png"


def test_figures_of_golds_own_pictures(gold: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "vectors" / "skia"
    for number, case in enumerate(gold["metrics_cases"]):
        names = {stores.opaque(side): folder / case[side] for side in ("left", "right")}
        with DiffStore(tmp_path / str(number), source=lambda d, n=names: n[d].read_bytes()) as opened:
            left, right = names
            found = opened.get(NOW, left, [right])[right]
            assert found.num_diff_pixels == case["expected"]["numDiffPixels"]
            assert list(found.max_rgba_diffs) == case["expected"]["maxRGBADiffs"]


# --- limits, purges by others, damage ----------------------------------------------------------------


def test_a_difference_picture_of_a_long_and_a_high_one_is_not_made(tmp_path: Path) -> None:
    long, high, small = "a" * 32, "b" * 32, "c" * 32
    sizes = {long: (2, 50), high: (50, 2), small: (2, 2)}
    pictures = {digest: stores.png(stores.samples(5, *size)) for digest, size in sizes.items()}
    with DiffStore(tmp_path / "store", source=pictures.get, max_pixels=100, pause=0) as opened:
        for one, other in ((long, high), (high, long)):
            error = opened.delta(one, other).exception(PATIENCE)
            assert isinstance(error, StoreError)
            assert "50 x 50 px" in str(error)
        drawn = images.read_rgba(opened.delta(long, small).result(PATIENCE))
        assert drawn.shape[:2] == (2, 50)
        assert opened.unavailable_digests() == {}  # each of them can be had


def test_what_is_too_large_here_is_not_called_damaged(tmp_path: Path) -> None:
    digest = next(iter(FIRST))
    with DiffStore(tmp_path / "store", source=FIRST.get, max_pixels=5, pause=0) as small:
        assert "px" in str(small.original(digest).exception(PATIENCE))
        assert small.unavailable_digests()[digest].reason == "other"


def test_a_purge_reaches_the_memory_of_other_stores(tmp_path: Path) -> None:
    pictures = dict(list(FIRST.items())[:3])
    one, two, three = pictures
    with (
        DiffStore(tmp_path / "store", source=pictures.get, pause=0) as opened,
        DiffStore(tmp_path / "store", source=pictures.get, pause=0) as other,
    ):
        for each in (opened, other):
            assert set(each.get(NOW, one, [two, three])) == {two, three}
            each.delta(one, two).result(PATIENCE)
        del pictures[two]
        other.purge_digests([two])
        for each in (opened, other):
            assert each.original(two).exception(PATIENCE)
            assert each.delta(one, two).exception(PATIENCE)
            assert set(each.get(NOW, one, [two, three])) == {three}


def test_a_purge_leaves_ones_own_memory_of_others_alone(tmp_path: Path) -> None:
    asked = stores.Counted(FIRST)
    one, two, *_ = FIRST
    with DiffStore(tmp_path / "store", source=asked, pause=0) as opened:
        opened.warm_digests(NOW, [one, two], sync=True)
        copy_of(opened, one).unlink()
        opened.purge_digests([two])
        opened.original(one).result(PATIENCE)
    assert asked.asked[one] == 1


def test_one_text_is_no_list_of_digests(opened: DiffStore) -> None:
    digest = next(iter(FIRST))
    opened.warm_digests(NOW, [digest], sync=True)
    with pytest.raises(StoreError, match="in a list"):
        opened.purge_digests(digest)
    assert copy_of(opened, digest).exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@127.0.0.1:99999/x",
        "http://user:s3cret@exa mple/",
        "http://user:s3cret@[::1/",
        "https://user:s3cret@",
        "http://user:s3cret@*/",
        "http://user:s3/cret@127.0.0.1/",
        "http://user:s3c%zzret@127.0.0.1:1/",
        "http://us@er:s3cret@127.0.0.1:1/",
        "simplecache::http://user:s3cret@127.0.0.1:1/x",
        "nosuchthing://user:s3cret@127.0.0.1:1/x",
        b"http://user:s3cret@127.0.0.1/x",
    ],
    ids=ascii,
)
def test_no_password_is_told_whatever_is_wrong(
    tmp_path: Path, url: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told = ""
    with caplog.at_level("DEBUG", "mymodules"):
        try:
            with DiffStore(tmp_path / "store", source=url, pause=0) as opened:
                told = str(opened.original(ABSENT[0]).exception(PATIENCE))
                opened.purge_digests([ABSENT[0]], purge_remote=True)
        except StoreError as error:
            told = "".join(traceback.format_exception(error))
    assert told
    for part in ("s3", "cret", "user:"):
        assert part not in told.replace("import fsspec", "") + caplog.text


def test_a_password_reaches_the_server(tmp_path: Path) -> None:
    with stores.web(FIRST) as web:
        digest = next(iter(FIRST))
        url = web.url.replace("://", "://some%40one:sec%C3%A9ret@")
        with DiffStore(tmp_path / "store", source=url, pause=0) as opened:
            assert opened.original(digest).result(PATIENCE).data == FIRST[digest]
    assert web.authorized == ["Basic " + base64.b64encode("some@one:sec\xe9ret".encode()).decode()]
