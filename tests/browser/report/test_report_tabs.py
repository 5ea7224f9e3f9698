"""The tab that tests of the report have in turn: none sees what another has left."""

from pathlib import Path
from typing import Any

import pytest
from support.report_page import Opened

from mymodules import report

LEFT = """() => [
    ...Object.keys(localStorage).filter((key) => key !== "mymodules-list"),
    ...Object.keys(sessionStorage),
    history.length, innerWidth,
]"""


@pytest.fixture(scope="module")
def empty(frame: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame[:0], tmp_path_factory.mktemp("empty") / "report")


@pytest.mark.parametrize("turn", ["first", "second"])
def test_it_is_as_good_as_new(tabs: Any, empty: Path, turn: str) -> None:
    opened: Opened = tabs(empty).go()
    assert opened.tab.evaluate(LEFT) == [2, 1100], "about:blank and the report"
    opened.tab.evaluate(
        "() => { localStorage.mine = sessionStorage.mine = 'kept'; history.pushState({}, '') }"
    )
    opened.tab.set_viewport_size({"width": 800, "height": 600})


def test_what_would_stay_with_it_is_refused(tabs: Any, empty: Path) -> None:
    opened: Opened = tabs(empty)
    for keep in (opened.tab.add_init_script, opened.tab.route, opened.tab.on):
        with pytest.raises(pytest.fail.Exception, match="stay with the tab"):
            keep("", None)
