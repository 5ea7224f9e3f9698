"""Programs and scripts that come with Node, which tests use where they are installed."""

import atexit
import functools
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
# Each line is the body of an asynchronous function, whose console is its own. A promise that it leaves
# rejected ends Node before the answer, which waits for one turn.
_RUNNER = """
const AsyncFunction = (async () => {}).constructor;
require("readline").createInterface({ input: process.stdin }).on("line", async (line) => {
  const logged = [];
  const own = { log: (text) => logged.push(text) };
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(reject, 60_000, "It does not end."); });
  const done = async () => new AsyncFunction("console", JSON.parse(line))(own);
  const answer = await Promise.race([done(), late]).then(
    () => ({ logged }), (error) => ({ error: String(error?.stack ?? error) }));
  clearTimeout(timer);
  setImmediate(() => process.stdout.write(`${JSON.stringify(answer)}\\n`));
});
"""


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


def check_accessible(page: Any, *selectors: str, colours: bool = False) -> None:
    """Fail if axe-core finds anything wrong in the parts of a page, by default in all of it.

    With `colours` it is only contrast, for a second theme: nothing else depends on the theme.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"(() => {{ {axe()} }})()")
    found: list[str] = page.evaluate(
        """async ([selectors, colours]) => {
            const where = selectors.length ? { include: selectors.map(each => [each]) } : document;
            const rules = { 'label-content-name-mismatch': { enabled: true } };
            const chosen = colours ? { runOnly: ['color-contrast', 'link-in-text-block'] } : { rules };
            const { violations } = await axe.run(where, { resultTypes: ['violations'], ...chosen });
            return violations.flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
                `${id}: ${html} ${[...any, ...all, ...none].map(({ message }) => message).join('; ')}`));
        }""",
        [selectors, colours],
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
    return run(_linked(entry) + told)


_linked = functools.cache(linker.script)


def run(script: str) -> Any:
    """Return what a script logs, which is JSON: the body of an asynchronous function.

    All scripts of a session run in one process, as starting Node takes longer than any of them.
    """
    node = _node()
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(f"{json.dumps(script)}\n")
    node.stdin.flush()
    line = node.stdout.readline()
    if not line:
        _node.cache_clear()
        pytest.fail(f"Node ended with {node.wait()}; what it complained of stands above")
    answer = json.loads(line)
    assert "error" not in answer, answer["error"]
    return json.loads("".join(answer["logged"]))


@functools.cache
def _node() -> subprocess.Popen[str]:
    command = [tool("node"), "--eval", _RUNNER]
    node = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    atexit.register(node.communicate)
    return node
