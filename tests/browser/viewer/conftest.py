"""A notebook of its own for each file of tests, with the viewer in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import lab
from support.viewer_page import Driven, project


@pytest.fixture(scope="module")
def root(own_folder: Path) -> Path:
    return project(own_folder)


@pytest.fixture(scope="module")
def notebook(server: lab.Server, root: Path) -> Iterator[lab.Notebook]:
    with lab.browse(server, root) as notebook:
        # with where it happened: a console's error alone does not say whose it is
        notebook.page.on("pageerror", lambda error: notebook.complaints.append(str(error.stack)))
        notebook.open("viewer.ipynb")
        notebook.run_all()
        notebook.page.locator(".mmv[data-has=both]").wait_for()
        yield notebook


@pytest.fixture
def viewer(notebook: lab.Notebook) -> Driven:
    return Driven(notebook)
