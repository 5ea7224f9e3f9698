"""One JupyterLab for the files of tests that need one, each in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import lab


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    lab.chromium()  # skips before a server is started
    with lab.serve(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def own_folder(server: lab.Server, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder of the file's own; the server has no kernels, and keeps nothing that others chose."""
    folder = server.root / str(request.module.__name__)
    folder.mkdir()
    server.forget()
    yield folder
    server.end_kernels()
