"""Gold's acceptance cases by number, and its ids, counts and figures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import stores
from support.servers import tornado_server
from support.stores import ABSENT, FIRST, PATIENCE, SECOND, copy_of, pairs_of

from mymodules import store
from mymodules.metrics import DiffMetrics
from mymodules.store import BACKGROUND, NOW, DiffStore, DigestFailure, diff_id


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


def test_case_1_warmed_digests_are_there(either: DiffStore) -> None:
    either.warm_digests(NOW, FIRST, sync=True)
    for digest, data in FIRST.items():
        assert copy_of(either, digest).read_bytes() == data
        assert digest in either.caches.images
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
    assert [pair for pair in pairs_of(FIRST) if diff_id(*pair) not in either.caches.metrics] == []
    assert len(either.caches.metrics) == len(pairs_of(FIRST))


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
    from_json = json.loads(json.dumps({right: metrics.to_json() for right, metrics in found.items()}))
    assert {right: DiffMetrics.from_json(record) for right, record in from_json.items()} == found
    assert list(from_json[rights[0]]) == [
        "numDiffPixels",
        "pixelDiffPercent",
        "maxRGBADiffs",
        "dimDiffer",
        "diffs",
    ]
    failure = DigestFailure.now(main, "other")
    assert list(json.loads(json.dumps(failure.to_json()))) == ["digest", "reason", "ts"]


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
