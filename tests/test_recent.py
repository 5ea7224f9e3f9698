"""The folders that were compared last: kept outside of the project, and never a reason to fail."""

import json
from pathlib import Path

import pytest

from mymodules import recent
from mymodules.settings import Settings


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def used(tmp_path: Path) -> tuple[Path, Path, Path]:
    made = tmp_path / "one é", tmp_path / "two", tmp_path / "out"
    for folder in made:
        folder.mkdir()
    return made


def project(root: Path, first: str = "img/01.first") -> Settings:
    return Settings(root, root / first, root / "img/02.second", root / "img")


def test_they_are_known_the_next_time(tmp_path: Path, used: tuple[Path, Path, Path]) -> None:
    assert recent.folders(project(tmp_path)) is None
    recent.note(project(tmp_path), *used)
    assert recent.folders(project(tmp_path)) == used
    assert recent.folders(project(tmp_path / "another")) is None
    assert recent.file().is_relative_to(tmp_path / "data")


def test_folders_that_were_named_since_are_meant(tmp_path: Path, used: tuple[Path, Path, Path]) -> None:
    recent.note(project(tmp_path), *used)
    assert recent.folders(project(tmp_path, "another")) is None


def test_folders_that_are_gone_are_not_suggested(tmp_path: Path, used: tuple[Path, Path, Path]) -> None:
    recent.note(project(tmp_path), *used)
    used[1].rmdir()
    assert recent.folders(project(tmp_path)) is None


def test_projects_used_long_ago_are_forgotten(tmp_path: Path, used: tuple[Path, Path, Path]) -> None:
    for number in range(recent.PROJECTS + 1):
        recent.note(project(tmp_path / str(number)), *used)
    assert recent.folders(project(tmp_path / "0")) is None
    assert recent.folders(project(tmp_path / "1")) == used
    assert len(json.loads(recent.file().read_bytes())) == recent.PROJECTS


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[1]", b"{", b'{"ROOT": 1}', b'{"ROOT": {"used": {"first": 1}}}', b"[" * 100_000],
)
def test_another_file_there_changes_nothing(
    content: bytes, tmp_path: Path, used: tuple[Path, Path, Path]
) -> None:
    recent.file().parent.mkdir(parents=True)
    recent.file().write_bytes(content.replace(b"ROOT", str(tmp_path).encode()))
    assert recent.folders(project(tmp_path)) is None
    recent.note(project(tmp_path), *used)
    assert recent.folders(project(tmp_path)) == used


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path, used: tuple[Path, Path, Path]) -> None:
    (tmp_path / "data").write_text("a file")
    recent.note(project(tmp_path), *used)
    assert recent.folders(project(tmp_path)) is None
