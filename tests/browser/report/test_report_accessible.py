"""The report for people who use a keyboard, a screen reader or large letters."""

from pathlib import Path
from typing import Any

import pytest
from support import nodes
from support.report_page import Opened


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(tabs: Any, folder: Path, theme: str) -> None:
    opened: Opened = tabs(folder, color_scheme=theme, bypass_csp=True).go("a/first.png")
    nodes.check_accessible(opened.tab)
    opened.press("?")
    nodes.check_accessible(opened.tab)
