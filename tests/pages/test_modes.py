"""What the page and Python both have to know is the same in both."""

import re

from mymodules import triage, viewer
from mymodules.pages import linker

MODES = (linker.FOLDER / "js" / "viewer" / "modes.js").read_text(encoding="utf-8")


def declaration(name: str) -> str:
    (declared,) = re.findall(rf"^export const {name} = (.*?);(?: //.*)?$", MODES, re.MULTILINE | re.DOTALL)
    return str(declared)


def listed(name: str, pattern: str) -> list[tuple[str, ...]]:
    """The matches of a pattern in the declaration of a constant."""
    return [
        match if isinstance(match, tuple) else (match,) for match in re.findall(pattern, declaration(name))
    ]


def test_modes() -> None:
    assert [mode for mode, _ in listed("MODES", r'\["([\w-]+)", "([^"]+)"\]')] == [*viewer.MODES]


def test_panes_and_sliders_belong_to_modes() -> None:
    for name, pattern in (("PANES", r'"([\w-]+)": \d'), ("SLIDERS", r'^  "?([\w-]+)"?: (?:\{|BOOST)')):
        found = re.findall(pattern, declaration(name), re.MULTILINE)
        assert len(found) >= 2
        assert {*found} <= {*viewer.MODES}


def test_labels_of_decisions() -> None:
    assert dict(listed("DECIDED", r'(\w+): "(\w+)"')) == triage.LABELS  # type: ignore[arg-type]


def test_sides_of_a_tile() -> None:
    assert listed("TILE", r"^(\d+)$") == [(str(viewer.TILE),)]
