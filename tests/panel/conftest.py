"""What the tests of the panel share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs import Folders, mixed, noisy

from mymodules import panel

COUNT = 16  # pairs of `noise`


@pytest.fixture(autouse=True)
def _no_run_is_left() -> Iterator[None]:
    yield
    for under_way in list(panel._running):
        under_way.cancel()
        under_way.wait()


@pytest.fixture(autouse=True)
def _nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data of Jupyter"))


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    """Small pairs of every status."""
    return mixed(tmp_path)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Pairs that take long enough to be cancelled."""
    return noisy(tmp_path_factory.mktemp("noise"), COUNT, 900)
