"""What pages are made of: scripts, styles and markup, in files beside this one.

A page is given its scripts as one text, which cannot import: each stands behind those that it needs.
"""

from pathlib import Path


def text(*names: str) -> str:
    """The content of these files, one behind the other."""
    folder = Path(__file__).parent
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
