"""One Chromium, and one JupyterLab for the files of tests that need one, each in a folder of its own."""

import contextlib
import functools
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import lab

OPEN = contextlib.ExitStack()


@functools.cache
def browser() -> Any:
    return OPEN.enter_context(lab.launched())


@functools.cache
def kept(server: lab.Server) -> lab.Notebook:
    return OPEN.enter_context(lab.profile(browser(), server, server.root))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: Any) -> Generator[None]:
    """Close the browser where the next test has none: while it is driven, asyncio is of no use to others."""
    try:
        yield
    finally:
        if "chromium" not in getattr(nextitem, "fixturenames", ()):
            OPEN.close()
            browser.cache_clear()
            kept.cache_clear()


@pytest.fixture(scope="module")
def chromium() -> Any:
    """The browser, which stays as long as tests need one."""
    return browser()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    lab.chromium()  # skips before a server is started
    with lab.serve(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def tab(server: lab.Server, chromium: Any) -> lab.Notebook:
    """The page of JupyterLab, to be lent: it stays as long as the browser."""
    return kept(server)


@pytest.fixture(scope="module")
def own_folder(server: lab.Server, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder of the file's own; the server has no kernels, and keeps nothing that others chose."""
    folder = server.root / str(request.module.__name__)
    folder.mkdir()
    server.forget()
    yield folder
    server.end_kernels()
