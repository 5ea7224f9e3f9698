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

# A report of changes opens on the looks, unless a person has chosen another list.
ON_THE_TABLE = lab.CHOSEN % "table"
# What would stay with a tab after the test.
STAYS = ("add_init_script", "add_locator_handler", "emulate_media", "expose_binding", "expose_function",
         "on", "once", "route", "set_default_timeout", "set_extra_http_headers")  # fmt: skip


def watched(tab: Any, looks: bool, script: str = "") -> Opened:
    """Note what a new tab asks for and complains of."""
    opened = Opened(tab, Path())
    tab.set_default_timeout(lab.PATIENCE)
    if not looks:
        tab.add_init_script(ON_THE_TABLE)
    if script:
        tab.add_init_script(script)
    tab.on("request", lambda request: opened.requests.append(request.url))
    tab.on("websocket", lambda socket: opened.requests.append(socket.url))
    tab.on("pageerror", lambda error: opened.complaints.append(str(error)))
    tab.on("popup", lambda popup: opened.complaints.append(f"popup: {popup.url}"))
    tab.on("dialog", lambda dialog: answer(opened, dialog))
    tab.on(
        "console",
        lambda message: message.type in ("error", "warning") and opened.complaints.append(message.text),
    )
    return opened


def answer(opened: Opened, dialog: Any) -> None:
    """Note a dialog, but for the question of a page with decisions, after its test, whether to leave it."""
    if opened.leaves:
        dialog.accept()
    else:
        opened.complaints.append(f"dialog: {dialog.message}")


def refuse(*_: Any, **__: Any) -> None:
    pytest.fail("this would stay with the tab, which other tests use: give `tabs` a script or options")


class Profile:
    """A profile whose tabs stay from test to test: making one takes longer than opening a report.

    One opens reports on the table, and one, where it is asked for, on what a report itself chooses. An empty
    page stays beside them: when the last page of a storage is closed, Chromium forgets what is in it.
    """

    def __init__(self, browser: Any, viewport: dict[str, int]) -> None:
        self.context = browser.new_context(viewport=viewport)
        self._viewport = viewport
        self._session = self.context.new_cdp_session(self.context.new_page())
        self._kept: dict[bool, Opened] = {}
        self._lent: set[bool] = set()

    def has(self, looks: bool) -> bool:
        """Say whether a tab can be lent, as the test has none of the kind yet."""
        return looks not in self._lent

    def lend(self, looks: bool) -> Opened:
        """Return a tab as good as new."""
        if looks not in self._kept:
            self._kept[looks] = watched(self.context.new_page(), looks)
            for name in STAYS:
                setattr(self._kept[looks].tab, name, refuse)
        opened = self._kept[looks]
        opened.requests, opened.complaints = [], []
        self._lent.add(looks)
        return opened

    def clean(self) -> None:
        """Take the tabs back; what they stored, the way they went and where the pointer was are forgotten."""
        for looks in self._lent:
            opened = self._kept[looks]
            tab = opened.tab
            if tab.is_closed():
                del self._kept[looks]
                continue
            opened.leaves = True
            tab.goto("about:blank")
            opened.leaves = False
            tab.set_viewport_size(self._viewport)
            tab.mouse.move(0, 0)
            session = self.context.new_cdp_session(tab)
            session.send("Page.resetNavigationHistory")
            session.detach()
        self._lent.clear()
        self._session.send("Storage.clearDataForOrigin", {"origin": "file://", "storageTypes": "all"})


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
def viewport() -> dict[str, int]:
    return lab.VIEWPORT


@pytest.fixture(scope="module")
def profile(chromium: Any, viewport: dict[str, int]) -> Iterator[Profile]:
    profile = Profile(chromium, viewport)
    yield profile
    profile.context.close()


@pytest.fixture
def tabs(chromium: Any, profile: Profile) -> Iterator[Any]:
    """Lend tabs that must not complain, on an empty storage that the tabs of one test share.

    With a `script`, which runs before the page's own, the tab is new; with `options`, its profile is too.
    """
    made: list[Any] = []
    seen: list[Opened] = []

    def make(
        path: Path, *, quiet: bool = True, looks: bool = False, script: str = "", **options: Any
    ) -> Opened:
        if options:
            context = chromium.new_context(viewport=lab.VIEWPORT, **options)
            opened = watched(context.new_page(), looks, script)
            made.append(context)
        elif script or not profile.has(looks):
            opened = watched(profile.context.new_page(), looks, script)
            made.append(opened.tab)
        else:
            opened = profile.lend(looks)
        opened.path = path
        if quiet:
            seen.append(opened)
        return opened

    yield make
    for each in made:
        each.close()
    profile.clean()
    for opened in seen:
        assert opened.complaints == []
        assert opened.strangers() == []


@pytest.fixture
def opened(tabs: Any, page: Path) -> Opened:
    tab: Opened = tabs(page).go()
    return tab
