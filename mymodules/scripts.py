"""The scripts and styles of pages: files beside this one.

What a page is given is one text, which cannot import: scripts that need each other stand behind each other.
"""

from pathlib import Path


def text(*names: str) -> str:
    """The content of these files, one behind the other."""
    folder = Path(__file__).parent
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
