"""What the tests of decisions share."""

from pathlib import Path

import pytest
from support.programs import Folders, folders
from support.triaged import picture, seven


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    return seven(tmp_path)


@pytest.fixture
def same_twice(tmp_path: Path) -> Folders:
    """Two pages with the same change, and one with another."""
    made = folders(tmp_path)
    for name, level in (("a.png", 10), ("b.png", 10), ("c.png", 90)):
        (made.first / name).write_bytes(picture(level))
        (made.second / name).write_bytes(picture(level + 100))
    return made
