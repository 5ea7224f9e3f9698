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
def notebook(root: Path, tab: lab.Notebook) -> Iterator[lab.Notebook]:
    with lab.lent(tab, root) as notebook:
        notebook.open("viewer.ipynb")
        notebook.run_all()
        notebook.page.locator(".mmv[data-has=both]").wait_for()
        yield notebook


@pytest.fixture
def viewer(notebook: lab.Notebook) -> Driven:
    return Driven(notebook)
