"""What the tests of decisions share."""

from pathlib import Path

import pytest
from support.programs import Folders
from support.triaged import seven


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    return seven(tmp_path)
