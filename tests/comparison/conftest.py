"""Folders for the pairs of a test, settings that end with it, and twelve pairs with known truth."""

import json
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def looks(shared_data: Path) -> Path:
    """The folder of the twelve pairs with known truth."""
    folder = shared_data / "looks"
    if not folder.is_dir():
        pytest.skip("looks is not among the shared data")
    return folder


@pytest.fixture(scope="module")
def expected(looks: Path) -> dict[str, Any]:
    """What is known of each of them, by name."""
    cases: dict[str, Any] = json.loads((looks / "expected.json").read_text(encoding="utf-8"))["cases"]
    return cases
