"""Where pictures come from: folders, URLs and functions, also those that fail or lie."""

import base64
import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from support import stores
from support.stores import ABSENT, FIRST, PATIENCE, copy_of

from mymodules import images
from mymodules.errors import StoreError
from mymodules.store import NOW, DiffStore, sources


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
    texts = [str(error), *(record.getMessage() for record in caplog.records)]
    assert len(texts) > 4
    assert all(text.isprintable() for text in texts)
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


@pytest.mark.parametrize(
    "url",
    [
        "http://user:xyzzyplugh@127.0.0.1:99999/x",
        "http://user:xyzzyplugh@exa mple/",
        "http://user:xyzzyplugh@[::1/",
        "https://user:xyzzyplugh@",
        "http://user:xyzzyplugh@*/",
        "http://user:xyzzy/plugh@127.0.0.1/",
        "http://user:xyzzy%zzplugh@127.0.0.1:1/",
        "http://us@er:xyzzyplugh@127.0.0.1:1/",
        "simplecache::http://user:xyzzyplugh@127.0.0.1:1/x",
        "nosuchthing://user:xyzzyplugh@127.0.0.1:1/x",
        b"http://user:xyzzyplugh@127.0.0.1/x",
    ],
    ids=ascii,
)
def test_no_password_is_told_whatever_is_wrong(
    tmp_path: Path, url: Any, caplog: pytest.LogCaptureFixture
) -> None:
    text = ""
    with caplog.at_level("DEBUG", "mymodules"):
        try:
            with DiffStore(tmp_path / "store", source=url, pause=0) as opened:
                text = str(opened.original(ABSENT[0]).exception(PATIENCE))
                opened.purge_digests([ABSENT[0]], purge_remote=True)
        except StoreError as error:
            text = "".join(traceback.format_exception(error))
    assert text
    for part in ("xyzzy", "plugh", "user:"):
        assert part not in text + caplog.text


def test_a_password_reaches_the_server(tmp_path: Path) -> None:
    with stores.web(FIRST) as web:
        digest = next(iter(FIRST))
        url = web.url.replace("://", "://some%40one:sec%C3%A9ret@")
        with DiffStore(tmp_path / "store", source=url, pause=0) as opened:
            assert opened.original(digest).result(PATIENCE).data == FIRST[digest]
    assert web.authorized == ["Basic " + base64.b64encode("some@one:sec\xe9ret".encode()).decode()]
