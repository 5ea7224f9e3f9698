"""What all tests share."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")

# What starts in the background may ignore interrupts, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the folders that another program, or another test, has chosen."""
    monkeypatch.delenv("MYMODULES_SETTINGS", raising=False)
    monkeypatch.setattr("mymodules.settings._current", None)
    monkeypatch.setattr("mymodules.settings._chosen_firsts", set())
    monkeypatch.setattr("mymodules.settings._chosen_seconds", set())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of large and foreign test data."""
    folder = os.environ.get("MYMODULES_DATA")
    if not folder:
        pytest.skip("MYMODULES_DATA is not set")
    return Path(folder)
