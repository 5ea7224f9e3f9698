"""What the page and Python both have to know is the same in both."""

import re

from mymodules import triage, viewer
from mymodules.pages import linker

MODES = (linker.FOLDER / "js" / "viewer" / "modes.js").read_text(encoding="utf-8")


def listed(name: str, pattern: str) -> list[tuple[str, ...]]:
    """The matches of a pattern in the declaration of a constant."""
    (declared,) = re.findall(rf"^export const {name} = (.*?);(?: //.*)?$", MODES, re.MULTILINE | re.DOTALL)
    return [match if isinstance(match, tuple) else (match,) for match in re.findall(pattern, declared)]


def test_modes() -> None:
    assert [mode for mode, _ in listed("MODES", r'\["([\w-]+)", "([^"]+)"\]')] == [*viewer.MODES]


def test_labels_of_decisions() -> None:
    assert dict(listed("DECIDED", r'(\w+): "(\w+)"')) == triage.LABELS  # type: ignore[arg-type]


def test_sides_of_a_tile() -> None:
    assert listed("TILE", r"^(\d+)$") == [(str(viewer.TILE),)]
