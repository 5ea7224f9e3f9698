"""The wheel, installed where there is no checkout: every command in an empty folder.

The environment has the libraries of the one that runs the tests, and nothing of the project but the wheel.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.programs import Folders
from support.triaged import seven

from mymodules import __version__, results
from mymodules.cli.parser import COMMANDS

ROOT = Path(__file__).parents[1]
MADE_FROM = ("mymodules", "notebooks", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE")
NOT_OURS = ("PYTHONPATH", "MYMODULES_PROGRAM", "GITHUB_STEP_SUMMARY")


class Installed:
    """The installed program, and an empty folder to call it in."""

    def __init__(self, environment: Path, at: Path) -> None:
        self.programs = environment / ("Scripts" if os.name == "nt" else "bin")
        self.at = at

    def begin(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Begin to run the console script."""
        kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        # The browser: a program that prints the address that it is asked to show.
        browser = f"{sys.executable} -c 'import sys; print(sys.argv[1])' %s"
        line = [str(self.programs / "mymodules"), *map(str, arguments)]
        env = {**kept, "BROWSER": browser, "PYTHONNOUSERSITE": "1"}
        return subprocess.Popen(line, cwd=self.at, env=env, encoding="utf-8", **options)

    def call(self, *arguments: object, code: int = 0) -> str:
        """Call the console script, expect its exit code and return what it printed."""
        with self.begin(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                said, complained = process.communicate(timeout=120)
            except BaseException:
                process.kill()
                raise
        assert process.returncode == code, said + complained
        return said


def run(command: Sequence[object], at: Path, **variables: str) -> None:
    done = subprocess.run(
        [*map(str, command)],
        cwd=at,
        env=os.environ | variables,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def quickly() -> dict[str, str]:
    """Have the compiler not optimise, which takes most of its time; here, the kernel has little to do."""
    compiler = os.environ.get("CC", "cc")
    found = os.name == "posix" and shutil.which(compiler)
    return {"CC": f"""sh -c 'exec {compiler} "$@" -O0' cc"""} if found else {}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel, which is built from a copy: the build writes beside its sources."""
    at = tmp_path_factory.mktemp("wheel")
    source, made = at / "source", at / "environment"
    source.mkdir()
    for name in MADE_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(ROOT / name, source)
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", at / "dist"], source, **quickly())
    (wheel,) = (at / "dist").iterdir()
    venv.create(made, symlinks=os.name != "nt")
    python = made / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if uv := shutil.which("uv"):
        run([uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel], at)
    else:
        run(
            [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel], at
        )
    paths = sysconfig.get_paths(vars={"base": str(made), "platbase": str(made)}, scheme="venv")
    # A line of such a file is only a path: the files of that kind over there, which name the checkout, are
    # not followed.
    Path(paths["purelib"], "libraries.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    return made


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    """Seven pictures on either side."""
    return seven(tmp_path)


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Installed:
    at = tmp_path / "empty"
    at.mkdir()
    return Installed(environment, at)


def test_the_installed_package_is_that_of_the_wheel(installed: Installed, environment: Path) -> None:
    assert installed.call("--version").startswith(f"mymodules {__version__}")
    code = "import mymodules; print(mymodules.__file__)"
    where = subprocess.check_output(
        [installed.programs / "python", "-P", "-c", code], cwd=installed.at, encoding="utf-8"
    )
    assert Path(where.strip()).is_relative_to(environment)
    assert all(command in installed.call("help") for command in COMMANDS)
    assert list(installed.at.iterdir()) == []


def test_each_command_of_the_wheel_works_in_an_empty_folder(installed: Installed, made: Folders) -> None:
    summaries = ("--json", "run.json", "--junit", "run.xml", "--markdown", "run.md")
    installed.call("compare", made.first, made.second, "--pictures", "all", "--check", *summaries, code=2)
    document = json.loads((installed.at / "run.json").read_text("utf-8"))
    assert len(document["rows"]) == document["counts"]["total"] == 7
    assert (installed.at / "run.md").stat().st_size > 0
    assert (installed.at / "run.xml").stat().st_size > 0
    installed.call("report", "page.html")
    assert (installed.at / "page.html").read_text("utf-8").startswith("<!doctype html>")
    assert "file:" in installed.call("look")
    installed.call("approve", "--all", "--new", "--yes")
    assert "5 same, 0 changed, 1 missing, 0 extra, 1 error" in installed.call(
        "compare", made.first, made.second, "--out", "again"
    )
    installed.call("restore", "--yes")
    assert "# Learnt from the first 2 captures named: " in installed.call(
        "calibrate", made.first, made.second
    )


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal there that another process can send")
def test_the_wheel_watches_until_it_is_interrupted(installed: Installed, made: Folders) -> None:
    said = installed.at / "said.txt"

    def wait_for(times: int) -> None:
        until = time.monotonic() + 120
        while said.read_text("utf-8").count("Watching: ") < times:
            assert process.poll() is None, said.read_text("utf-8")
            assert time.monotonic() < until, said.read_text("utf-8")
            time.sleep(0.1)

    with said.open("w") as file:
        process = installed.begin(
            "compare", made.first, made.second, "--watch", stdout=file, stderr=subprocess.STDOUT
        )
        try:
            wait_for(1)
            (made.second / "new" / "new.png").unlink()
            wait_for(2)
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 0
        finally:
            process.kill()
            process.wait()
    counts = [
        line for line in said.read_text("utf-8").splitlines() if re.match(r"\d pictures: \d same", line)
    ]
    assert counts == [
        "7 pictures: 1 same, 3 changed, 1 missing, 1 extra, 1 error",
        "6 pictures: 1 same, 3 changed, 1 missing, 0 extra, 1 error",
    ]


def test_the_wheel_has_the_notebook_that_it_executes(installed: Installed, made: Folders) -> None:
    installed.call("notebook", made.first, made.second)
    (executed,) = installed.at.rglob("01_compare-*.ipynb")
    (found,) = executed.parent.glob("results-*.csv")
    assert len(results.read(found)) == 7
