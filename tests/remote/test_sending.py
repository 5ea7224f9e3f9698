"""Files that are written behind a URL: in one step, again if the server fails, and never half."""

import errno
import re
from itertools import repeat
from pathlib import Path
from typing import Any

import fsspec
import pytest
from support.far_system import Far
from support.http_faults import Fault, Server

from mymodules import remote
from mymodules.errors import SettingsError
from mymodules.remote import sending
from mymodules.remote.asking import Failed
from mymodules.remote.sending import Folder


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "made"
    path.write_bytes(b"new" * 1000)
    return path


def test_files_of_a_server_are_renamed_into_place(far: type[Far], made: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    with Folder(f"far://{there}") as folder:
        assert folder.files() == {}
        folder.write("deep/er/a.csv", made)
        folder.write("b.csv", made)
        assert (there / "deep/er/a.csv").read_bytes() == (there / "b.csv").read_bytes() == b"new" * 1000
        assert [name for kind, name in far.asked if kind == "mv"] == ["a.csv", "b.csv"]
        assert [name[:9] for kind, name in far.asked if kind == "put"] == [".sending-"] * 2
        assert {name: said.size for name, said in folder.files().items()} == {"b.csv": 3000}
        assert {*folder.files(deep=True)} == {"b.csv", "deep/er/a.csv"}
        assert {*folder.files("deep", deep=True)} == {"er/a.csv"}
        assert folder.read("b.csv", tmp_path / "back", 3000) is not None
        assert (tmp_path / "back").read_bytes() == b"new" * 1000
        assert folder.read("absent", tmp_path / "back", 3000) is None
        folder.probe(made)
        assert {*folder.files()} == {"b.csv"}


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_what_cannot_be_sent_leaves_the_old_file(
    code: int, far: type[Far], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "a.csv").write_bytes(b"old")

    def full(self: Far, path1: Any, path2: str, **_: Any) -> None:
        Path(path2).write_bytes(b"n")
        raise OSError(code, "no")

    monkeypatch.setattr(far, "put_file", full)
    with Folder(f"far://{there}") as folder, pytest.raises(sending.FAULTS):
        folder.write("a.csv", made)
    assert [path.name for path in there.iterdir()] == ["a.csv"]
    assert (there / "a.csv").read_bytes() == b"old"


def test_a_rename_whose_answer_was_lost_is_done(
    far: type[Far], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, lost = far.mv, [TimeoutError("lost")]

    def mv(self: Far, path1: str, path2: str, **options: Any) -> None:
        true(self, path1, path2, **options)
        if lost:
            raise lost.pop()

    monkeypatch.setattr(far, "mv", mv)
    with Folder(f"far://{tmp_path}/there") as folder:
        folder.write("a.csv", made)
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["a.csv"]


def test_memory_is_a_server_too(made: Path, tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    with Folder("memory://sent/run") as folder:
        folder.write("x/a.csv", made)
        assert system.cat_file("/sent/run/x/a.csv") == b"new" * 1000
        assert system.find("/sent") == ["/sent/run/x/a.csv"]
    system.rm("/sent", recursive=True)


@pytest.mark.parametrize("fault", [500, 503, 429])
def test_a_put_that_fails_is_tried_again(fault: Fault, server: Server, bucket: Any, made: Path) -> None:
    server.fail("PUT", "/a.csv", [fault, fault])
    with Folder("s3://shots/run") as folder:
        folder.write("a.csv", made)
    assert {each.key: each.size for each in bucket.objects.all()} == {"run/a.csv": 3000}
    assert server.count("PUT", "a.csv") == 3


@pytest.mark.parametrize(
    ("fault", "clause"),
    [(403, r"the server refuses it \(status 403\)"), (503, r"the server fails \(status 503\)")],
)
def test_what_stays_is_said(fault: Fault, clause: str, server: Server, bucket: Any, made: Path) -> None:
    server.fail("PUT", "/a.csv", repeat(fault))
    with Folder("s3://shots/run") as folder, pytest.raises(Failed) as caught:
        folder.write("a.csv", made)
    assert re.fullmatch(clause, sending.why("s3://shots/run", caught.value))
    assert list(bucket.objects.all()) == []


def test_a_server_that_hangs_is_left(server: Server, bucket: Any, made: Path) -> None:
    server.fail("PUT", "/a.csv", repeat("hang"))
    with Folder("s3://shots/run", limit=1.0) as folder, pytest.raises(sending.Over) as caught:
        folder.write("a.csv", made)
    assert sending.why("s3://shots/run", caught.value) == "it took longer than 1 s"


@pytest.mark.parametrize("url", ["https://u:pw@host/run", "zip://a.zip", "simplecache::s3://b/run"])
def test_what_can_only_be_read_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="can only be read") as caught:
        remote.check_writable(url)
    assert "pw" not in str(caught.value)
