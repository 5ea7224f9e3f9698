"""Fixtures that the tests of runs share."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs import Folders, mixed

from mymodules import batch


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


@pytest.fixture
def given(tree: Folders, tmp_path: Path) -> Folders:
    """Give these pairs an output folder of the test's own."""
    return tree.elsewhere(tmp_path / "out")


@pytest.fixture
def own(tmp_path: Path) -> Folders:
    """Make pairs that a test may change."""
    return mixed(tmp_path)


@pytest.fixture(scope="session")
def expected(tree: Folders) -> batch.Run:
    """Run a comparison of these pairs."""
    return batch.run(*tree, num_processors=2, store=None)
