"""A JupyterLab of its own for each file of tests, with the viewer in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import lab
from support.viewer_page import Driven, project


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    lab.chromium()  # skips before a server is started
    with lab.serve(root, tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def notebook(server: lab.Server) -> Iterator[lab.Notebook]:
    with lab.browse(server) as notebook:
        # with where it happened: a console's error alone does not say whose it is
        notebook.page.on("pageerror", lambda error: notebook.complaints.append(str(error.stack)))
        notebook.open("viewer.ipynb")
        notebook.run_all()
        notebook.page.locator(".mmv[data-has=both]").wait_for()
        yield notebook


@pytest.fixture
def viewer(notebook: lab.Notebook) -> Driven:
    return Driven(notebook)
