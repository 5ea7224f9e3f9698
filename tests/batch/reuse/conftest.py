"""Fixtures that the tests of runs with a store share."""

from pathlib import Path
from typing import Any

import pytest
from support.programs import Folders
from support.reusing import every_status

from mymodules import images


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    """Make pairs of every status, which a test may change."""
    return every_status(tmp_path)


@pytest.fixture
def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Record which files are read to compute their digests."""
    read: list[Path] = []
    digest = images.digest

    def noted(source: Any) -> str:
        if not isinstance(source, bytes):
            read.append(Path(source))
        return digest(source)

    monkeypatch.setattr(images, "digest", noted)
    return read
