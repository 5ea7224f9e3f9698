"""An S3 server, moto's, with faults between it and s3fs."""

import os
import time
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from support.fetched import cells, compared, fetched, picture, tree
from support.http_faults import Fault, Server
from support.programs import mixed

from mymodules import remote
from mymodules.errors import SettingsError
from mymodules.remote import fetching, listing

BUCKET = "shots"


@pytest.fixture(autouse=True)
def without_freshness(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that these tests write would else be fresh."""
    monkeypatch.setattr(listing, "_FRESH", float("-inf"))


@pytest.fixture
def three(bucket: Any) -> dict[str, bytes]:
    contents = {name: picture(number) for number, name in enumerate(("a.png", "b.png", "deep/er/c d+é.png"))}
    for name, data in contents.items():
        bucket.put_object(Key=f"top/{name}", Body=data)
    return contents


def test_a_run_has_the_rows_of_a_run_on_folders(server: Server, bucket: Any, tmp_path: Path) -> None:
    given = mixed(tmp_path)
    for folder in given[:2]:
        (folder / "notes.txt").write_text("no picture")
        bucket.put_object(Key=f"{folder.name}/", Body=b"")  # as consoles mark a folder
        bucket.put_object(Key=f"{folder.name}/below/", Body=b"")
        for path in folder.rglob("*"):
            if path.is_file():
                bucket.put_object(Key=path.relative_to(tmp_path).as_posix(), Body=path.read_bytes())
    far = compared(f"s3://{BUCKET}/first", f"s3://{BUCKET}/second/", tmp_path / "far")
    local = compared(*given)
    assert cells(far) == cells(local)
    assert far.frame().attrs["run"]["left_out"] == local.frame().attrs["run"]["left_out"]


def test_only_another_etag_is_fetched(
    server: Server, bucket: Any, three: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fetched(f"s3://{BUCKET}/top")
    assert tree(folder) == three
    assert len([asked for asked in server.asked if asked.method == "GET" and ".png" in asked.target]) == 3
    bucket.put_object(Key="top/a.png", Body=three["a.png"])  # another time, the same content
    bucket.put_object(Key="top/b.png", Body=picture(9))
    server.asked.clear()
    fetched(f"s3://{BUCKET}/top")
    assert [asked.target for asked in server.asked if ".png" in asked.target and asked.method == "GET"] == [
        f"/{BUCKET}/top/b.png"
    ]
    assert "1 of 3 pictures fetched, 2 as before, by etag or checksum" in capsys.readouterr().out
    bucket.Object("top/deep/er/c d+é.png").delete()
    assert tree(fetched(f"s3://{BUCKET}/top")) == {"a.png": three["a.png"], "b.png": picture(9)}
    assert not (folder / "deep").exists()


@pytest.mark.parametrize("fault", [503, 500, "cut", "short"])
def test_what_passes_is_asked_again(fault: Fault, server: Server, three: dict[str, bytes]) -> None:
    server.fail("GET", "/a.png", [fault])
    if isinstance(fault, int):
        server.fail("GET", f"/{BUCKET}", [fault])
    assert tree(fetched(f"s3://{BUCKET}/top")) == three


def test_a_slow_server_is_waited_for(server: Server, three: dict[str, bytes]) -> None:
    for ending in (f"/{BUCKET}", ".png"):
        server.fail("GET", ending, repeat(lambda: time.sleep(0.05)))
    assert tree(fetched(f"s3://{BUCKET}/top")) == three


# moto states checksums, by which s3fs sees that a file is too short: before we count its bytes.
@pytest.mark.parametrize(("fault", "code"), [(403, "permission"), (404, "vanished"), ("short", "permission")])
def test_what_stays_is_a_row(fault: Fault, code: str, server: Server, three: dict[str, bytes]) -> None:
    server.fail("GET", "/a.png", repeat(fault))
    folder = fetched(f"s3://{BUCKET}/top")
    assert {name: problem[0] for name, problem in remote.unfetched(folder).items()} == {"a.png": code}
    assert set(tree(folder)) == set(three) - {"a.png"}


def test_an_object_that_changes_meanwhile(server: Server, bucket: Any, three: dict[str, bytes]) -> None:
    """The listing still tells the old etag, and the answer has the new content, of the same length."""
    other = three["a.png"][::-1]
    server.fail("GET", "/a.png", [lambda: bucket.put_object(Key="top/a.png", Body=other)])
    assert tree(fetched(f"s3://{BUCKET}/top")) == three | {"a.png": other}
    assert server.count("HEAD", "/a.png") == 2, "after each of the two times that it was read"
    server.asked.clear()
    fetched(f"s3://{BUCKET}/top")
    assert [asked[:2] for asked in server.asked if ".png" in asked.target] == []


def test_a_server_that_hangs_is_left_at_the_time_limit(
    server: Server, three: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fail("GET", "/a.png", repeat("hang"))
    monkeypatch.setattr(fetching, "LIMIT", 2.0)
    with pytest.raises(SettingsError, match=r"s3://shots/top could not be fetched within 2 s"):
        fetched(f"s3://{BUCKET}/top")
    server.faults.clear()
    monkeypatch.setattr(fetching, "LIMIT", 60.0)
    assert tree(fetched(f"s3://{BUCKET}/top")) == three


def test_names_that_are_keys_and_no_files(server: Server, bucket: Any, three: dict[str, bytes]) -> None:
    for key in ("top/../x.png", "top/n" + "n" * 300 + ".png", "top/a.png/b.png"):
        bucket.put_object(Key=key, Body=picture(1))
    folder = fetched(f"s3://{BUCKET}/top")
    assert set(tree(folder)) == {"a.png/b.png", "b.png", "deep/er/c d+é.png"}
    codes = sorted(code for code, _ in remote.unfetched(folder).values())
    assert codes == ["not_a_file", "unsupported", "unsupported"]


@pytest.mark.parametrize("url", ["s3://absent/top", f"s3://{BUCKET}/absent"])
def test_what_is_not_there_is_said(url: str, server: Server, three: dict[str, bytes]) -> None:
    with pytest.raises(SettingsError, match=f"{url} cannot be fetched: there is no such file"):
        fetched(url)


def test_credentials_stay_where_they_are(
    server: Server, three: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "a.png").write_bytes(three["a.png"])
    compared(f"s3://{BUCKET}/top", tmp_path / "second", tmp_path / "out")
    server.fail("GET", f"/{BUCKET}", repeat(403))
    with pytest.raises(SettingsError, match="the server refuses it") as caught:
        fetched(f"s3://{BUCKET}/top")
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hidden-secret" not in written
    assert "hidden-secret" not in capsys.readouterr().out + str(caught.value) + "".join(
        map(os.fspath, tmp_path.rglob("*"))
    )
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_the_name_of_a_picture_may_have_an_empty_part(server: Server, bucket: Any, tmp_path: Path) -> None:
    for key, number in {"/a.png": 1, "a.png": 2}.items():
        bucket.put_object(Key=key, Body=picture(number))
    assert compared("s3://shots//a.png", "s3://shots/a.png", tmp_path / "out").counts["changed"] == 1
