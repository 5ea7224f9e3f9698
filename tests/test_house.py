"""The rules of the house: who imports whom, one source of dependencies, errors that cross processes."""

import ast
import inspect
import json
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from mymodules import errors

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mymodules"

# Each module may import those before it.
ORDER = (
    "errors", "faults", "streams", "settings", "formats", "images", "bands", "metrics", "regions", "pictures",
    "pairs", "workers", "cells", "pool", "files", "locks", "runs", "results", "database", "records", "cache",
    "sources", "copies", "originals", "served", "store", "extension", "reuse", "plans", "batch", "notify",
    "decisions", "views", "pages", "viewer", "look", "filters", "bulk", "explore", "triage", "panel",
    "report", "__main__",
)  # fmt: skip

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
)


def imported(module: str) -> set[str]:
    """The modules of the package that `module` imports, at whatever depth of its code."""
    path = PACKAGE / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    package = ["mymodules", *module.split(".")]
    package = package if path.name == "__init__.py" else package[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            inner = [f"{source}.{alias.name}" for alias in node.names]
            found.update(name if name.removeprefix("mymodules.") in MODULES else source for name in inner)
    return {name.removeprefix("mymodules.") for name in found if name.startswith("mymodules.")}


def requirements() -> dict[str, list[str]]:
    """What pyproject.toml requires: at run time (``""``) and by extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def name_of(requirement: str) -> str:
    """``scikit-image`` of ``Scikit_Image[data]>=1``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_to_the_left_only(module: str) -> None:
    allowed = set(ORDER[: ORDER.index(module.split(".")[0])])
    if module.startswith("formats"):
        allowed = {"errors", "formats"}
    if (PACKAGE / module.split(".")[0]).is_dir():
        allowed.add(module.split(".")[0])  # the rooms of one package; they form no cycle, see below
    assert {name.split(".")[0] for name in imported(module)} - allowed == set()


def test_imports_form_no_cycle() -> None:
    waiting = {module: imported(module) & set(MODULES) for module in MODULES}
    while waiting:
        free = {module for module, needs in waiting.items() if not needs & waiting.keys()}
        assert free, f"these import each other: {sorted(waiting)}"
        waiting = {module: needs for module, needs in waiting.items() if module not in free}


def test_environment_has_the_dependencies_of_the_project() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    python, pip, inner = environment["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (python, pip) == (f"python{project['requires-python']}", "pip")
    assert inner == {"pip": ["-c constraints.txt", "-e .", *requirements()[""]]}


def test_constraints_pin_every_dependency_and_name_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)] == []
    needed = {name_of(requirement) for group in requirements().values() for requirement in group}
    assert needed - {name_of(pin) for pin in pins} == set()
    assert len({name_of(pin) for pin in pins}) == len(pins)


def test_no_lock_file_with_addresses() -> None:
    assert [
        name for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml") if (ROOT / name).exists()
    ] == []


ARGUMENTS = {
    "OutputError": ("cannot be written: disk full", Path("out") / "a b.png"),
    "ImageError": ("truncated", "it ends in the middle of its pixel data"),
}
ERRORS = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_errors_pickle(kind: type[Exception]) -> None:
    error = kind(*ARGUMENTS.get(kind.__name__, ("first: no such folder",)))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))
    assert isinstance(copy, errors.MymodulesError)


def test_a_worker_loads_nothing_slow() -> None:
    slow = ("skimage", "pandas", "scipy", "matplotlib", "numba", "IPython")
    code = f"import sys, json, mymodules.workers; print(json.dumps([n for n in {slow} if n in sys.modules]))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == []
