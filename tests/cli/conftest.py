"""What the tests of the command line share."""

from pathlib import Path

import pytest
from support.programs import Folders
from support.triaged import seven


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Two folders of seven pictures, and an output folder; the working directory is the one above them."""
    made = seven(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to show."""
    addresses: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: addresses.append(address) or True)
    return addresses
