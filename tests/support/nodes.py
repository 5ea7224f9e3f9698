"""Programs that come with Node, which tests drive where they are installed."""

import os
import shutil

import pytest

REQUIRED = "MYMODULES_REQUIRE_NODE"
"""Set where they must be there: then a test without them fails instead of being skipped."""


def tool(name: str) -> str:
    """Return the path of a program."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not on PATH (nodejs.org; biome: npm install --global @biomejs/biome)"
        if os.environ.get(REQUIRED):
            pytest.fail(message)
        pytest.skip(message)
    return path
