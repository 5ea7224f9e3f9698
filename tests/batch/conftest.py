"""What the tests of runs share."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.programs import Folders, mixed

from mymodules import batch, images


@pytest.fixture(scope="module")
def without_store() -> Iterator[None]:
    """Compare every pair: what a store spares is tested in test_reuse.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "run", functools.partial(batch.run, store=None))
        yield


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Pairs of every status, not to be changed."""
    return mixed(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def expected(tree: Folders) -> batch.Run:
    """A run of these pairs."""
    return batch.run(*tree, num_processors=2, store=None)


@pytest.fixture
def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read to know their digest, as they come."""
    read: list[Path] = []
    digest = images.digest

    def noted(source: Any) -> str:
        if not isinstance(source, bytes):
            read.append(Path(source))
        return digest(source)

    monkeypatch.setattr(images, "digest", noted)
    return read
