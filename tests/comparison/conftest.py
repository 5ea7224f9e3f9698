"""Folders for the pairs of a test, and settings that end with it."""

from pathlib import Path

import pytest
from support.sides import Folders

from mymodules import settings


@pytest.fixture(autouse=True)
def _settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test chooses with `settings.init` ends with it."""
    monkeypatch.setattr(settings, "_current", None)
    monkeypatch.setenv(settings.ENVIRONMENT, "")  # so that it is put back
    monkeypatch.delenv(settings.ENVIRONMENT)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "first", tmp_path / "second", tmp_path / "out")
    for folder in made:
        folder.mkdir()
    return made
