"""What is purged stays purged, whatever is in progress meanwhile."""

from pathlib import Path

import pytest
from support import stores
from support.stores import ABSENT, FIRST, PATIENCE, SECOND, Held, copy_of, pairs_of

from mymodules import metrics
from mymodules.errors import StoreError
from mymodules.store import NOW, DiffStore, diff_id


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
        assert digest not in opened.caches.images
        assert not copy_of(opened, digest).exists()
        assert (source / f"{digest}.png").exists()
    assert {diff_id(*pair) in opened.caches.metrics for pair in left} == {True}
    assert not any(diff_id(*pair) in opened.caches.metrics for pair in before if pair not in left)
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
        assert digest not in opened.caches.images
        assert digest not in opened.caches.decoded
        assert not copy_of(opened, digest).exists()
        assert opened.records.content(digest) is None
        opened.warm_digests(NOW, [digest, other], sync=True)
        assert copy_of(opened, digest).exists()


def test_nor_by_one_that_could_not_be_fetched(tmp_path: Path) -> None:
    main, absent, held = next(iter(FIRST)), ABSENT[0], Held(FIRST.get)

    def fetch(digest: str) -> bytes | None:
        return held(digest) if digest == absent else FIRST.get(digest)

    with DiffStore(tmp_path / "store", source=fetch) as opened:
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
    assert diff_id(main, right) not in opened.caches.metrics
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
                remove = Path.unlink

                def removed(path: Path, missing_ok: bool = False) -> None:
                    """Remove a file, but take a moment for the source's."""
                    if path.parent == source:
                        ask()
                    else:
                        remove(path, missing_ok)

                patched.setattr(Path, "unlink", removed)
            else:
                patched.setattr(opened.records, "forget_files", ask)
            opened.purge_digests([right], purge_remote=moment == "copy is gone")
        assert not copy_of(opened, right).exists()
        assert opened.records.metrics(diff_id(main, right)) is None
        assert right not in opened.caches.images
        assert right not in opened.caches.decoded


def test_difference_pictures_go_with_their_digests(opened: DiffStore) -> None:
    one, two, *_ = FIRST
    opened.delta(one, two).result(PATIENCE)
    assert diff_id(one, two) in opened.caches.deltas
    opened.purge_digests([two])
    assert diff_id(one, two) not in opened.caches.deltas


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
    with pytest.raises(StoreError, match="pass a list of digests"):
        opened.purge_digests(digest)
    assert copy_of(opened, digest).exists()
