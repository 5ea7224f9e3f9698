"""Fixtures that the tests of runs share."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.programs import Folders, mixed

from mymodules import batch, images


@pytest.fixture(scope="module")
def without_store() -> Iterator[None]:
    """Run without a store, so that every pair is compared; test_reuse.py tests the store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "run", functools.partial(batch.run, store=None))
        yield


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Make pairs of every status, which no test changes."""
    return mixed(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def expected(tree: Folders) -> batch.Run:
    """Run a comparison of these pairs."""
    return batch.run(*tree, num_processors=2, store=None)


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
