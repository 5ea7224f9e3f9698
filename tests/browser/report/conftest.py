"""Reports of each file of tests, and tabs to open them in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support import lab
from support.report_page import Opened, compared

from mymodules import report
from mymodules.results import attention

# A report of changes opens on the looks, unless a person has chosen another list. Like the page, this opens
# the storage only after an answer of the lock manager: what a page stores that asks earlier may be lost.
ON_THE_TABLE = """(async () => {
    await navigator.locks?.query();
    localStorage["mymodules-list"] ??= "table";
})().catch(() => {});"""
VIEWPORT = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The rows in the order in which a report shows them."""
    found = compared(tmp_path_factory.mktemp("project"))
    return found.iloc[attention.places(found)]


@pytest.fixture(scope="module")
def folder(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports") / "a #1 report 100% 変更"
    return report.write(frame.iloc[::-1], path, same=True)


@pytest.fixture(scope="module")
def single(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame, tmp_path_factory.mktemp("reports") / "report.html", embed=True, same=True)


@pytest.fixture(scope="module", params=["folder", "one file"])
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue("folder" if request.param == "folder" else "single")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = lab.chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(lab.ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profile(browser: Any) -> Any:
    """The profile of most tabs, one of which stays: a new window takes longer than opening a report."""
    context = browser.new_context(viewport=VIEWPORT)
    context.new_page()
    return context


@pytest.fixture
def tabs(browser: Any, profile: Any) -> Iterator[Any]:
    """Make tabs that must not complain; those with `options` in a profile of their own."""
    made: list[Any] = []
    seen: list[Opened] = []

    def make(path: Path, *, quiet: bool = True, looks: bool = False, **options: Any) -> Opened:
        context = browser.new_context(viewport=VIEWPORT, **options) if options else profile
        opened = Opened(context.new_page(), path)
        opened.tab.set_default_timeout(lab.PATIENCE)
        if not looks:
            opened.tab.add_init_script(ON_THE_TABLE)
        opened.tab.on("request", lambda request: opened.requests.append(request.url))
        opened.tab.on("websocket", lambda socket: opened.requests.append(socket.url))
        opened.tab.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.tab.on("popup", lambda popup: opened.complaints.append(f"popup: {popup.url}"))
        opened.tab.on("dialog", lambda dialog: opened.complaints.append(f"dialog: {dialog.message}"))
        opened.tab.on(
            "console",
            lambda message: message.type in ("error", "warning") and opened.complaints.append(message.text),
        )
        made.append(context if options else opened.tab)
        if quiet:
            seen.append(opened)
        return opened

    yield make
    for each in made:
        each.close()
    for opened in seen:
        assert opened.complaints == []
        assert opened.strangers() == []


@pytest.fixture
def opened(tabs: Any, page: Path) -> Opened:
    tab: Opened = tabs(page).go()
    return tab
