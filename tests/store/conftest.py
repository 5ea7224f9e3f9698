"""What the tests of the store share."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import stores

from mymodules.store import DiffStore
from mymodules.store.records import Records


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return stores.folder(tmp_path / "source", stores.FIRST | stores.SECOND)


@pytest.fixture
def opened(tmp_path: Path, source: Path) -> Iterator[DiffStore]:
    with DiffStore(tmp_path / "store", source=source, pause=0) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
def kept(file: Path) -> Iterator[Records]:
    with closing(Records(file)) as kept:
        yield kept


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / os.fsdecode(b"pic \xff.png" if os.name == "posix" else b"pic.png")
    path.write_bytes(b"12345678")
    return path
