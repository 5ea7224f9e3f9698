"""Files are replaced whole or not at all, durably where that is asked for, and never through a link."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mymodules import files
from mymodules.errors import OutputError, ResultsError


def interrupted() -> Iterator[bytes]:
    yield b"half"
    raise KeyboardInterrupt


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has waited for the disk or changed a name, in order."""
    made: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(number: int) -> None:
        made.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        fsync(number)

    def replaced(source: Any, target: Any) -> None:
        made.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    return made


@pytest.mark.skipif(os.name != "posix", reason="other systems cannot wait for a folder")
def test_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, calls: list[str]
) -> None:
    files.write(tmp_path / "a", [b"1", b"2"])
    assert calls == ["file", "name", "folder"]
    assert (tmp_path / "a").read_bytes() == b"12"


def test_what_need_not_last_waits_for_no_disk(tmp_path: Path, calls: list[str]) -> None:
    files.replace(tmp_path / "a", [b"1"], durable=False)
    files.create(tmp_path / "b", [b"2"], durable=False)
    assert calls == ["name"]


@pytest.mark.parametrize("before", [None, b"old"])
def test_an_interrupt_leaves_what_was_there(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "a"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(KeyboardInterrupt):
        files.replace(path, interrupted())
    with pytest.raises(KeyboardInterrupt):
        files.create(tmp_path / "b", interrupted())
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == ({"a": before} if before else {})


def test_a_leftover_beside_is_removed_and_a_link_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    beside = tmp_path / "beside"
    beside.symlink_to("other")
    files.replace(tmp_path / "a", [b"new"], beside=beside)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"new", "other": b"other"}


@pytest.mark.parametrize("target", ["other", "absent"])
def test_nothing_is_created_where_something_is(tmp_path: Path, target: str) -> None:
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "link").symlink_to(target)
    for name in ("other", "link"):
        with pytest.raises(FileExistsError):
            files.create(tmp_path / name, [b"new"])
    assert (tmp_path / "other").read_bytes() == b"other"
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "absent").exists()


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such permissions")
def test_a_file_is_created_with_permissions(tmp_path: Path) -> None:
    files.create(tmp_path / "a", [b"1"], mode=0o640)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="pipes have no names on other systems")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a file"):
        files.contents(tmp_path / "pipe")
    with pytest.raises(ResultsError, match=r"pipe cannot be read: It is not a file\."):
        files.read(tmp_path / "pipe")


def test_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "a"
    with pytest.raises(OutputError, match=r"absent.a cannot be written \(No such file") as caught:
        files.write(path, [b"1"])
    assert caught.value.path == path
