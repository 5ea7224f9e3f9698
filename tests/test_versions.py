"""The versions that a run records: those that `importlib.metadata` would find."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from mymodules.versions import MEASURING, measuring, version


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which Python looks for packages first."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(tmp_path), *sys.path])
    return tmp_path


def install(folder: Path, record: str, text: str, name: str = "METADATA") -> None:
    """Write the record of a package."""
    (folder / record).mkdir()
    (folder / record / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", MEASURING)
def test_packages_that_measure(name: str) -> None:
    assert version(name) == measuring()[name] == metadata.version(name)


@pytest.mark.parametrize("record", ["made_up-1.0.dist-info", "Made.Up-1.0.dist-info", "made_up.dist-info"])
def test_the_record_decides_and_not_its_name(folder: Path, record: str) -> None:
    install(folder, record, "Metadata-Version: 2.1\nName: made-up\nVersion: 2.5rc1\n\nVersion: 3\n")
    install(folder, "made_up_too-4.0.dist-info", "Name: made-up-too\nVersion: 4.0\n\n")
    assert version("made-up") == metadata.version("made-up") == "2.5rc1"


def test_the_first_folder_with_a_record_counts(folder: Path) -> None:
    install(folder, "numpy-0.1.dist-info", "Name: numpy\nVersion: 0.1\n\n")
    assert version("numpy") == metadata.version("numpy") == "0.1"


def test_other_kinds_of_records(folder: Path) -> None:
    install(folder, "made_up-1.5.egg-info", "Name: made-up\nVersion: 1.5\n\n", name="PKG-INFO")
    assert version("made-up") == metadata.version("made-up") == "1.5"


def test_what_an_interrupted_update_leaves(folder: Path) -> None:
    for number in ("1.0", "2.0"):
        install(folder, f"made_up-{number}.dist-info", f"Name: made-up\nVersion: {number}\n\n")
    assert version("made-up") == metadata.version("made-up")


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(metadata.PackageNotFoundError, match="never-made"):
        version("never-made")
