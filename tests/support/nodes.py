"""Programs and scripts that come with Node, which tests use where they are installed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mymodules.pages import linker

REQUIRED = "MYMODULES_REQUIRE_NODE"
"""Set where they must be there: then a test without them fails instead of being skipped."""


def tool(name: str) -> str:
    """Return the path of a program."""
    return shutil.which(name) or missing(f"{name} is not on PATH (nodejs.org; npm install --global {name})")


def axe() -> str:
    """Return the source of axe-core, from a folder of packages whose programs are on PATH."""
    for entry in os.get_exec_path():
        path = Path(entry).parent / "axe-core" / "axe.min.js"
        if Path(entry).name == ".bin" and path.is_file():
            return path.read_text(encoding="utf-8")
    missing("axe-core is not in any node_modules whose .bin is on PATH (npm install axe-core)")
    return ""


def check_accessible(page: Any, *selectors: str) -> None:
    """Fail if axe-core finds anything wrong in the parts of a page, by default in all of it."""
    page.evaluate(f"window.axe ?? (() => {{ {axe()} }})()")
    found: list[str] = page.evaluate(
        """async selectors => {
            const where = selectors.length ? { include: selectors.map(each => [each]) } : document;
            const rules = { 'label-content-name-mismatch': { enabled: true } };
            const { violations } = await axe.run(where, { resultTypes: ['violations'], rules });
            return violations.flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
                `${id}: ${html} ${[...any, ...all, ...none].map(({ message }) => message).join('; ')}`));
        }""",
        list(selectors),
    )
    assert not found, "\n".join(found)


def missing(message: str) -> str:
    """Skip, or fail where `REQUIRED` is set."""
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)


def evaluate(entry: str, expression: str) -> Any:
    """Return the value of an expression about what a module of the pages exports, or that of its promise."""
    told = f"with (modules[{entry!r}]) console.log(JSON.stringify(await {expression}));"
    script = f"{linker.script(entry)}(async () => {{ {told} }})();"
    done = subprocess.run([tool("node"), "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
