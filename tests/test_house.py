"""The rules of the house: who imports whom, one source of dependencies, errors that cross processes."""

import inspect
import pickle
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from mymodules import errors, row

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mymodules"


def requirements() -> dict[str, list[str]]:
    """What pyproject.toml requires: at run time (``""``) and by extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def name_of(requirement: str) -> str:
    """``scikit-image`` of ``Scikit_Image[data]>=1``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


def test_imports_go_down_only() -> None:
    """The layers stand in pyproject.toml, under ``[tool.importlinter]``."""
    program = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


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
    needed.discard("mymodules")  # one extra includes another
    assert needed - {name_of(pin) for pin in pins} == set()
    assert len({name_of(pin) for pin in pins}) == len(pins)


def test_pins_go_with_the_oldest_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    installed = {each.name: each for each in metadata.distributions()}
    newer = [
        each.name
        for name, version in pins.items()
        if (each := installed.get(name)) and each.version == version
        if not SpecifierSet(each.metadata.get("Requires-Python") or "").contains(oldest)
    ]
    assert newer == []


def test_no_lock_file_with_addresses() -> None:
    assert [
        name for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml") if (ROOT / name).exists()
    ] == []


ARGUMENTS = {
    "OutputError": ("cannot be written: disk full", Path("out") / "a b.png"),
    "PictureError": ("first is of type int", "kind"),
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


SLOW = (
    "IPython argparse cv2 dask distributed fractions imagecodecs importlib.metadata ipywidgets lark "
    "matplotlib numba numpy pandas psutil pyarrow scipy skimage tifffile tornado"
)
FACES = "batch comparison explore images metrics pairs regions results row rules store triage"
LOADED = dict.fromkeys(("batch.runner", "workers", "agenda", "looks", *FACES.split()), "")
LOADED["comparison.pair"] = "imagecodecs numpy"
LOADED["cli.headless"] = "argparse fractions importlib.metadata numpy tornado"
"""What a package or module may load of these when it is imported."""


@pytest.mark.parametrize("name", LOADED)
def test_what_is_slow_is_loaded_only_where_it_is_needed(name: str) -> None:
    code = f"import sys, mymodules.{name}; print(*(n for n in {SLOW.split()} if n in sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(answer.stdout.split()) <= set(LOADED[name].split())


def columns_of_readme() -> set[str]:
    """The names in the first cells of README's table of columns; ``a … b`` stands for all from a to b."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## The columns")[1].split("\n## ")[0]
    found: set[str] = set()
    for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        for one, other in re.findall(r"`(\w+)`(?: … `(\w+)`)?", cell):
            end = row.COLUMNS.index(other or one) + 1
            found.update(row.COLUMNS[row.COLUMNS.index(one) : end])
    return found


def test_readme_names_every_column_and_no_other() -> None:
    assert columns_of_readme() == set(row.COLUMNS)


def test_every_column_has_a_kind() -> None:
    kinds = [row.FLOATS, row.WHOLE, row.FLAGS, row.TEXTS, row.OPTIONAL_TEXTS, row.REGIONS, row.COUNTS]
    assert sorted(name for kind in kinds for name in kind) == sorted(row.COLUMNS)


def test_the_map_names_every_room() -> None:
    """Each module stands in the table of CONTRIBUTING.md, those of a package in the line of the package."""
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## The map")[1].split("\n## ")[0]
    lines = [line.split("|")[2] for line in table.splitlines() if line.startswith("|")]
    absent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        package, name = path.parent.name, path.stem
        if name == "__init__":
            continue
        marker = f"`{name}`" if path.parent == PACKAGE else f"`{package}/`"
        found = [line for line in lines if marker in line]
        words = {word.rstrip(",\\*") for line in found for word in line.split()}
        begun = {word.rstrip("\\*,") for line in found for word in line.split() if "*" in word}
        inside = name in words or name.startswith(tuple(f"{word}_" for word in begun))
        if not found or (path.parent != PACKAGE and not inside):
            absent.append(path.relative_to(PACKAGE).as_posix())
    assert absent == []


def test_each_file_of_tests_has_a_name_of_its_own() -> None:
    """Else pytest collects only one of them: these folders are no packages."""
    names = sorted(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert names == sorted(set(names))
