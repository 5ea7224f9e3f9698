"""What the tests of URLs share: a cache of their own."""

from pathlib import Path

import pytest
from support.odd_system import OddSystem, fresh

from mymodules.remote import asking, copies


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(copies.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(asking, "PAUSE", 0.001)
    monkeypatch.setattr(copies, "_urls", {})
    monkeypatch.setattr(copies, "_asked", set())
    return tmp_path / "cache"


@pytest.fixture
def odd() -> type[OddSystem]:
    return fresh()
