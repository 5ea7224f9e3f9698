"""The explorer in Voila: a page without JupyterLab around it, in Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import lab
from test_explore_browser import CHANGED, ROWS, agrees, names, shows


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab.project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def opened(root: Path, chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Notebook]:
    """The notebook as Voila shows it, once all its cells have run."""
    notebook = root / "notebooks" / "02_explore.ipynb"
    with (
        lab.serve_voila(notebook, tmp_path_factory.mktemp("home")) as server,
        lab.profile(chromium, server, server.root) as page,
    ):
        # Voila's own page asks for a font of icons elsewhere; it does without.
        page.page.route(lambda url: not lab.is_local(url), lambda route: route.abort())
        page.page.goto(server.url, wait_until="domcontentloaded")
        page.page.locator(ROWS).first.wait_for()
        yield page


def test_rows_filters_viewer_and_decisions(opened: lab.Notebook, root: Path) -> None:
    page: Any = opened.page
    shows(page, 6 + CHANGED)
    assert not page.locator(".mm-still").is_visible(), "what pages without a kernel show"
    page.locator(ROWS, has_text="form.png").click()
    agrees(page, "form.png")
    page.wait_for_function("() => document.querySelector('.mmv').dataset.has === 'both'")
    page.get_by_role("button", name="changed").click()
    shows(page, CHANGED)
    order = names(page)
    place = order.index("form.png") + 1
    page.locator(".mmv").focus()
    page.keyboard.press("n")
    agrees(page, order[place])
    page.wait_for_function("() => document.querySelector('.mmv-place').textContent")
    page.keyboard.press("a")
    agrees(page, order[place + 1])
    assert f",{order[place]}," in (root / "img" / "triage.csv").read_text(encoding="utf-8-sig")
    page.locator(f"{ROWS} .mml-accept").wait_for()
    assert [text for text in opened.complaints if "ERR_FAILED" not in text] == []
