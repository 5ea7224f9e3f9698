"""run.py: what it sets up, and what it starts."""

import ast
import functools
import importlib.util
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from mymodules.cli.parser import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "run.py"


def load_run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run", RUN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load_run()


# ---- run.py: the set-up -----------------------------------------------------------------------------


class Installer:
    """Stands for what the set-up calls: makes environments, only notes installations."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.installed: list[str] = []
        self.fails: BaseException | None = None

    def __call__(self, command: Sequence[str], folder: Path) -> None:
        if "venv" in command:
            self.calls.append("venv")
            subprocess.run(
                [sys.executable, "-m", "venv", "--without-pip", command[-1]], cwd=folder, check=True
            )
            return
        self.calls.append("install")
        if self.fails:
            raise self.fails
        self.installed = list(command)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "a project é"
    root.mkdir()
    for name in run.INSTALLED_FROM:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(run, "has_pip", lambda python: True)
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    return root


def test_second_call_installs_nothing(project: Path) -> None:
    installer = Installer()
    python = run.prepare(project, call=installer)
    assert installer.calls == ["venv", "install"]
    assert installer.installed[:4] == [str(python), "-m", "pip", "install"]
    assert installer.installed[-4:] == ["-c", "constraints.txt", "-e", "."]
    assert run.prepare(project, call=installer) == python
    assert installer.calls == ["venv", "install"]


def test_uv_is_taken_where_it_is_found(project: Path) -> None:
    installer = Installer()
    run.prepare(project, {"test"}, uv="/opt/uv", call=installer)
    assert installer.installed[:3] == ["/opt/uv", "pip", "install"]
    assert installer.installed[-4:] == ["-c", "constraints.txt", "-e", ".[test]"]


def test_more_extras_than_needed_are_enough(project: Path) -> None:
    installer = Installer()
    run.prepare(project, call=installer)
    run.prepare(project, {"test"}, call=installer)
    assert installer.calls == ["venv", "install", "install"]
    assert installer.installed[-1] == ".[test]"
    run.prepare(project, call=installer)
    assert installer.calls == ["venv", "install", "install"]


@pytest.mark.parametrize("name", run.INSTALLED_FROM)
def test_what_is_installed_from_has_changed_and_is_installed_with_all_extras(
    project: Path, name: str
) -> None:
    installer = Installer()
    run.prepare(project, {"test"}, call=installer)
    with (project / name).open("a") as file:
        file.write("# changed\n")
    run.prepare(project, call=installer)
    assert installer.calls == ["venv", "install", "install"]
    assert installer.installed[-1] == ".[test]"


def test_moved_project_is_installed_again(project: Path) -> None:
    installer = Installer()
    run.prepare(project, call=installer)
    moved = project.rename(project.with_name("elsewhere"))
    run.prepare(moved, call=installer)
    assert installer.calls == ["venv", "install", "install"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), run.SetupError("no network")])
def test_interrupted_installation_is_done_again(project: Path, error: BaseException) -> None:
    installer = Installer()
    run.prepare(project, call=installer)
    (project / "constraints.txt").write_text("")
    installer.fails = error
    with pytest.raises(type(error)):
        run.prepare(project, call=installer)
    assert run.read_stamp(project / ".venv") == (None, frozenset())
    installer.fails = None
    run.prepare(project, call=installer)
    assert installer.calls == ["venv", "install", "install", "install"]


def test_environment_of_a_python_that_is_gone_is_made_again(project: Path) -> None:
    installer = Installer()
    python = run.prepare(project, call=installer)
    python.unlink()
    run.prepare(project, call=installer)
    assert installer.calls == ["venv", "install"] * 2


def test_environment_without_pip_is_made_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "has_pip", lambda python: False)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project / ".venv")], check=True)
    installer = Installer()
    run.prepare(project, call=installer)
    assert installer.calls == ["venv", "install"]


def test_without_ensurepip_one_sentence_names_the_package(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "ROOT", project)
    monkeypatch.setattr(
        run.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object()
    )
    assert run.main(["compare"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" in said.err
    assert not (project / ".venv").exists()


def test_old_python_gets_one_sentence() -> None:
    code = f"import sys; sys.version_info = (3, 9, 7); exec(open({str(RUN)!r}).read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "This needs Python 3.11 or newer, and this is 3.9.\n"


def test_run_is_standard_library_only_and_old_pythons_can_read_it() -> None:
    tree = ast.parse(RUN.read_text(encoding="utf-8"), feature_version=(3, 7))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names - sys.stdlib_module_names == set()


def test_the_set_up_says_what_it_does(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.prepare(project, call=Installer())
    beginning, first, second, end = capsys.readouterr().out.splitlines()
    assert beginning.startswith(f"Setting up {project / '.venv'}: ")
    assert beginning.endswith(str(project / "setup.log"))
    assert first.startswith("1 of 2: ")
    assert second.startswith("2 of 2: ")
    assert end.startswith("Ready after ")
    run.prepare(project, call=Installer())
    assert capsys.readouterr().out == "", "nothing is to be done"
    (project / "constraints.txt").write_text("")
    run.prepare(project, call=Installer())
    assert capsys.readouterr().out.startswith("Updating ")


PIP = """\
Obtaining file:///home/someone/project
  Installing build dependencies: started
Collecting numpy>=2.1 (from -c constraints.txt (line 3))
  Downloading numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl (16.3 MB)
Collecting pandas>=3.0 (from mymodules==1.0)
Collecting numpy>=2.1 (from pandas)
"""
UV = """\
Resolved 149 packages in 1.20s
Downloading numpy (15.8MiB)
 Downloaded numpy
 Downloaded pandas
"""


@pytest.mark.parametrize(
    ("printed", "end"),
    [
        (PIP, "Installing collected packages: numpy, pandas\n"),
        (UV, "Prepared 149 packages in 20.1s\n"),
    ],
    ids=["pip", "uv"],
)
def test_how_far_it_is_is_read_from_the_installer(printed: str, end: str) -> None:
    progress = run.Progress(170)
    assert progress.text(3.2) == "  3 s"
    for line in printed.splitlines(keepends=True):
        progress.take(line)
    assert progress.text(61.7) == "  62 s: 2 of at most 170 libraries, the last one is pandas"
    progress.take(end)
    assert progress.text(70) == "  70 s: 2 of at most 170 libraries, installing them"


def test_constraints_name_every_library(project: Path) -> None:
    (project / "constraints.txt").write_text("# tested==1\nnumpy==2.1.0\n\nThe_other==0.1\n")
    assert run.pinned(project) == 2


def test_it_says_how_far_it_is_while_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    seen = tmp_path / "seen"

    def say(text: str) -> None:
        said.append(text)
        if "numpy" in text:
            seen.touch()

    monkeypatch.setattr(run, "say", say)
    program = (
        "import pathlib, time\n"
        "print('Collecting numpy')\n"
        "while not pathlib.Path('seen').exists(): time.sleep(0.01)"
    )
    run.logged(tmp_path / "setup.log", 5, tick=0.01)([sys.executable, "-c", program], tmp_path)
    assert "1 of at most 5 libraries, the last one is numpy" in said[-1]


def test_a_failure_shows_the_end_and_names_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "setup.log"
    log.write_text("of another day")
    call = run.logged(log, 5)
    call([sys.executable, "-c", "print('noise')"], tmp_path)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(run.SetupError) as raised:
        call(
            [sys.executable, "-c", "import sys; print(*range(30), sep='\\n'); sys.exit('no such version')"],
            tmp_path,
        )
    assert "no such version" in str(raised.value)
    assert str(log) in str(raised.value)
    assert "\n20\n" in str(raised.value)
    assert "\n10\n" not in str(raised.value), "only the last lines"
    lines = log.read_text().splitlines()
    assert {"noise", "10", "no such version"} <= set(lines)
    assert "of another day" not in lines
    with pytest.raises(run.SetupError, match="does not start"):
        call([str(tmp_path / "absent")], tmp_path)


# ---- run.py: what it starts -------------------------------------------------------------------------


def test_arguments_folder_and_exit_code_pass_through(project: Path, tmp_path: Path) -> None:
    installer = Installer()
    python = run.prepare(project, call=installer)
    (project / "run.py").write_bytes(RUN.read_bytes())
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    library = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
    package = Path(library) / "mymodules"
    package.mkdir()
    (package / "__init__.py").touch()
    script = "import json, os, sys\nprogram = os.environ['MYMODULES_PROGRAM']\n"
    script += "print(json.dumps([sys.argv[1:], os.getcwd(), program]))\nsys.exit(7)\n"
    (package / "__main__.py").write_text(script)
    caller = tmp_path / "the caller"
    (caller / "mymodules").mkdir(parents=True)  # not ours: must not be taken

    line = [sys.executable, str(project / "run.py"), "compare", "../a b", "c", "--check"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(line, cwd=caller, env=environment, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    program = f"python {shlex.quote(line[1])}"
    assert json.loads(done.stdout) == [["compare", "../a b", "c", "--check"], str(caller), program]
    assert done.returncode == 7


def test_all_checks_run_and_any_failure_counts(capfd: pytest.CaptureFixture[str]) -> None:
    def step(name: str, code: int) -> tuple[str, list[str]]:
        return name, [sys.executable, "-c", f"print('ran {name}'); raise SystemExit({code})"]

    assert run.run_checks([step("one", 3), step("two", 0), step("three", 0)]) == 1
    said = capfd.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("ran")] == [
        "ran one",
        "ran two",
        "ran three",
    ]
    assert "FAILED so far: one" in said
    assert said.endswith("ran three\n")
    assert run.run_checks([step("one", 0), step("two", 5)]) == 5
    assert run.run_checks([step("one", 0), step("two", 0)]) == 0


def test_test_is_every_check_with_pytest_last() -> None:
    names = [name for name, _ in run.checks("python", ["-x"])]
    assert names == ["ruff check", "ruff format", "mypy", "pytest"]
    assert run.checks("python", ["-x"])[-1][1] == ["python", "-m", "pytest", "-x"]
    assert run.checks("python", [])[-1][1] == ["python", "-m", "pytest", *run.ALL_AT_ONCE]


def test_the_tests_may_keep_compiled_modules(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = "import os; print('PYTHONDONTWRITEBYTECODE' in os.environ)"
    monkeypatch.chdir(run.ROOT)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(run, "prepare", lambda *_: sys.executable)
    monkeypatch.setattr(run, "checks", lambda *_: [("one", [sys.executable, "-c", shown])])
    assert run.main(["test"]) == 0
    assert capfd.readouterr().out == "== one\nFalse\n"


SHOWN = "import os, pathlib, tempfile; folder = tempfile.gettempdir(); print(folder)"
SHOWN += "; print(oct(os.stat(folder).st_mode)[-3:]); pathlib.Path(folder, 'kept').write_text('a')"


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the memory, with room enough; one check shows its temporary folder."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.chdir(run.ROOT)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(run, "files_in_memory", functools.partial(run.files_in_memory, folder, 1))
    monkeypatch.setattr(run, "prepare", lambda *_: sys.executable)
    monkeypatch.setattr(run, "checks", lambda *_: [("one", [sys.executable, "-c", SHOWN])])
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folder in memory, nor modes of folders")
def test_all_tests_have_their_files_in_memory_and_leave_none(
    memory: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["test"]) == 0
    _, folder, mode = capfd.readouterr().out.splitlines()
    assert Path(folder).parent == memory
    assert mode == "711", "other users may enter it, as the tests of their rights need"
    assert list(memory.iterdir()) == []
    assert os.environ["TMPDIR"] == str(tmp_path)


def test_some_tests_keep_their_files_on_the_disk(
    memory: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["test", "tests/metrics"]) == 0
    assert capfd.readouterr().out.splitlines()[1] == str(tmp_path)
    assert list(memory.iterdir()) == []


def test_files_are_on_the_disk_where_there_is_no_room(tmp_path: Path) -> None:
    before = os.environ.get("TMPDIR")
    for memory, room in ((tmp_path / "none", 1), (tmp_path, 1 << 60)):
        with run.files_in_memory(memory, room):
            assert os.environ.get("TMPDIR") == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folder in memory")
def test_an_interrupted_run_leaves_no_files_in_memory(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        Path(os.environ["TMPDIR"], "kept").write_text("a")
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_checks", interrupted)
    assert run.main(["test"]) == run.INTERRUPTED
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [[], ["-h"], ["--help"], ["help"], ["compare", "-h"], ["lab", "--help"], ["app", "-h"]]
)
def test_help_installs_nothing(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(run, "ROOT", tmp_path)  # nothing is set up there
    monkeypatch.setattr(run, "prepare", lambda *_: pytest.fail("installs"))
    assert run.main(arguments) == 0
    assert "python run.py compare [FIRST SECOND]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "extras"),
    [
        ("compare", set()),
        ("compare a b --dask tcp://host:8786", {"dask"}),
        ("notebook --dask=tcp://host:8786", {"dask"}),
        ("compare a b --parquet=x.parquet --check", {"parquet"}),
        ("compare https://host/plots b", {"remote"}),
        ("compare --check a HTTP://host/plots", {"remote"}),
        ("notebook zip://in::https://host/a.zip b", {"remote"}),
        ("compare zip::https://host/a.zip b --dask tcp://host:8786", {"dask", "remote"}),
        ("compare s3://bucket/plots memory://b", set()),
        ("compare zip://a.zip b", set()),
        ("compare a b --markdown x.md --markdown-link https://ci/report", set()),
        ("compare a b --markdown-link=https://ci/report", set()),
        ("compare a/https://b c", set()),
        ("look https://host/plots NEW", {"remote"}),
        ("report https://host/plots", set()),
        ("test tests -k https://host", {"test"}),
        ("test tests -k --dask", {"test"}),
        ("app", {"app"}),
        ("lab", set()),
    ],
)
def test_a_command_has_the_extras_that_it_needs(
    arguments: str, extras: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ROOT", tmp_path)  # no file here names folders
    monkeypatch.chdir(tmp_path)
    asked: list[set[str]] = []

    def prepare(_: Path, wanted: set[str]) -> str:
        asked.append(wanted)
        raise run.SetupError("enough")

    monkeypatch.setattr(run, "prepare", prepare)
    assert run.main(arguments.split()) == 2
    assert asked == [extras]


@pytest.mark.parametrize(
    ("text", "command", "extras"),
    [
        ("[folders]\nfirst = 'https://host/plots'", "compare", {"remote"}),
        ("[folders]\nsecond = 'zip::http://host/a.zip'", "look", {"remote"}),
        ("[folders]\nfirst = 'https://host/plots'", "lab", {"remote"}),
        ("[folders]\nfirst = 'https://host/plots'", "restore", set()),
        ("[folders]\nfirst = 's3://bucket/plots'  # not https://host", "compare", set()),
        ("folders = 'https://host/plots'", "compare", set()),
        ("[folders\nfirst = 'https://host/plots'", "compare", set()),
    ],
)
@pytest.mark.parametrize("is_here", [True, False])
def test_a_url_in_the_file_of_a_project_has_its_extra(
    text: str, command: str, extras: set[str], is_here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    (here if is_here else there).joinpath("compare.toml").write_text(text)
    monkeypatch.setattr(run, "ROOT", there)
    monkeypatch.chdir(here)
    assert run.extras_of(command, []) == extras


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["comapre"]) == 2
    assert "'comapre'" in capsys.readouterr().err


def test_run_names_and_passes_on_every_command_of_the_package() -> None:
    assert {*run.PASSED_ON} == {*COMMANDS, "--version"} - {"help"}
    named = {line.split()[2] for line in run.__doc__.splitlines() if line.startswith("    python run.py ")}
    assert named == {*COMMANDS, "lab", "app", "test"} - {"help"}
