"""Pictures of a Git revision as first or second."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.programs import Folders, png
from support.triaged import accept

from mymodules import batch, cli, settings, triage
from mymodules.batch import Run
from mymodules.errors import SettingsError
from mymodules.paths import AnyPath

NAMES = ("a.png", "deep/b c.png", 'Ünïcode "quoted" 変更.png')
POSIX = pytest.mark.skipif(os.name == "nt", reason="Git needs rights, or a shell, for this there")


def picture(level: int) -> bytes:
    return png(np.full((4, 5, 3), level, np.uint8))


def git(folder: Path, *arguments: str) -> str:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        own |= {f"GIT_{role}_NAME": "Somebody", f"GIT_{role}_EMAIL": "somebody@example.org"}
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, check=True)
    return done.stdout.decode()


def put(folder: Path, level: int, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(level))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits of three pictures: all are 1 in the first, one is 2 in the second."""
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "--quiet")
    put(project / "plots", 1, *NAMES)
    (project / "plots" / "notes.txt").write_text("no picture")
    put(project, 9, "other.png")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "First")
    put(project / "plots", 2, "a.png")
    git(project, "commit", "--quiet", "-am", "Second")
    monkeypatch.chdir(project)
    (tmp_path / "out").mkdir()
    return project


def compared(first: AnyPath | None, second: AnyPath | None, out: str | None = "../out") -> Run:
    with ThreadPoolExecutor(1) as executor:
        return batch.run(first, second, out, executor=executor, store=None, pictures="none")


def statuses(run: Run) -> dict[str, str]:
    frame = run.frame()
    return dict(zip(frame["image_filename"], frame["status"], strict=True))


def test_a_revision_is_compared_as_a_checkout_of_it(project: Path, tmp_path: Path) -> None:
    put(project / "plots", 3, "deep/b c.png", "new.png")
    expected = {"a.png": "same", "deep/b c.png": "changed", NAMES[2]: "same", "new.png": "extra"}
    assert statuses(compared("git:HEAD:plots", "plots")) == expected
    assert statuses(compared("git:HEAD~1:plots", "plots")) == expected | {"a.png": "changed"}
    put(tmp_path / "copy", 1, *NAMES)
    assert {*statuses(compared(tmp_path / "copy", "git:HEAD~1:plots/")).values()} == {"same"}
    assert statuses(compared("git:HEAD~1:plots", "git:HEAD:plots"))["a.png"] == "changed"


def test_without_a_path_it_is_that_of_the_other_side(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(compared("git:HEAD", project / "plots")) == dict.fromkeys(NAMES, "same")
    monkeypatch.chdir(project.parent)
    found = compared("git:HEAD~1", project / "plots" / "a.png", "out")
    assert statuses(found) == {"a.png": "changed"}


def test_the_repository_is_that_of_the_other_side_or_of_the_working_directory(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "copy", 1, *NAMES)
    assert statuses(compared("git:HEAD:plots", tmp_path / "copy"))["a.png"] == "changed"
    with pytest.raises(SettingsError, match="copy is in no Git repository"):
        compared("git:HEAD", tmp_path / "copy")
    (tmp_path / "another").mkdir()
    git(tmp_path / "another", "init", "--quiet")
    monkeypatch.chdir(tmp_path / "another")
    assert {*statuses(compared("git:HEAD:plots", project / "plots")).values()} == {"same"}


def test_nothing_of_the_repository_is_touched(project: Path) -> None:
    put(project / "plots", 5, "a.png", "new.png")
    git(project, "add", "plots/new.png")
    before = (project / ".git" / "index").read_bytes(), git(project, "status", "--porcelain")
    compared("git:HEAD~1", "plots")
    assert ((project / ".git" / "index").read_bytes(), git(project, "status", "--porcelain")) == before


def test_a_commit_is_written_once_and_said_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit = git(project, "rev-parse", "HEAD").strip()
    first = compared("git:HEAD", "plots")
    assert f"git:HEAD is commit {commit[:12]} (" in capsys.readouterr().out
    again = compared(f"git:{commit}:plots", "plots")
    assert "is commit" not in capsys.readouterr().out
    folder = project / ".git" / "mymodules" / f"{commit[:12]}-plots"
    for run in (first, again):
        assert Path(run.frame().attrs["run"]["first"]) == folder
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, f"{folder.name}.json"}
    assert not (folder / "notes.txt").exists()


def test_the_command_takes_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["compare", "git:HEAD~1", "plots", "--out", "../out", "--processes", "1", "--check"]
    assert cli.main(line) == 1
    said = capsys.readouterr().out
    assert "3 pictures: 2 same, 1 changed" in said
    assert said.count("Left out") == 1, "of second: notes.txt"
    assert cli.main([*line, "--exclude", "*.txt", "--strict"]) == 1


def test_the_file_of_a_project_takes_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "mymodules"\n')
    (project / "compare.toml").write_text("[folders]\nfirst = 'git:HEAD'\nsecond = 'plots'\nout = '../out'\n")
    monkeypatch.chdir(project / "plots" / "deep")
    assert {*statuses(compared(None, None, None)).values()} == {"same"}


def test_accepted_pictures_are_committed_not_approved(project: Path) -> None:
    put(project / "plots", 7, "a.png")
    frame = compared("git:HEAD", "plots").frame()
    accept(Folders(project, project / "plots", project.parent / "out"), frame, "a.png")
    with pytest.raises(SettingsError, match=r"first pictures are those of git:\w{12}:plots.*commit them"):
        triage.approve(frame)
    assert statuses(compared("git:HEAD", "plots"))["a.png"] == "changed"


@POSIX
def test_filters_are_applied_as_in_a_checkout(project: Path) -> None:
    """As Git LFS does it: what is committed is another text than what stands in the working tree."""
    (project / ".gitattributes").write_text("*.png filter=text\n")
    git(project, "config", "filter.text.clean", "base64")
    git(project, "config", "filter.text.smudge", "base64 -d")
    git(project, "add", ".gitattributes")
    git(project, "add", "--renormalize", ".")
    git(project, "commit", "--quiet", "-am", "As text")
    assert not git(project, "show", "HEAD:plots/a.png").startswith("\x89PNG")
    assert statuses(compared("git:HEAD", "plots")) == dict.fromkeys(NAMES, "same")


@POSIX
def test_a_checkout_that_fails_leaves_nothing(project: Path) -> None:
    (project / ".gitattributes").write_text("*.png filter=broken\n")
    git(project, "config", "filter.broken.clean", "cat")
    git(project, "config", "filter.broken.smudge", "false")
    git(project, "config", "filter.broken.required", "true")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "Broken")
    with pytest.raises(SettingsError, match=r"git:HEAD: git failed"):
        compared("git:HEAD", "plots")
    assert list((project / ".git" / "mymodules").iterdir()) == []


def test_a_pointer_of_git_lfs_is_no_picture(project: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
    (project / "plots" / "a.png").write_text(pointer)
    git(project, "commit", "--quiet", "-am", "Pointer")
    with pytest.raises(SettingsError, match=r"a\.png is kept with Git LFS.*git lfs install"):
        compared("git:HEAD", "plots")


@POSIX
def test_a_link_leads_nowhere(project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.png").write_bytes(picture(4))
    (project / "plots" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "Link")
    assert statuses(compared("git:HEAD", "plots"))["link.png"] == "error"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("git:", "names no revision"),
        ("git:--all:plots", "names no revision"),
        ("git:absent:plots", "there is no revision absent"),
        ("git:HEAD~5:plots", "there is no revision HEAD~5"),
        ("git:HEAD:absent", "HEAD has no absent"),
        ("git:HEAD:./plots", "from the top of the repository on"),
        ("git:HEAD:plots/notes.txt", "no picture in plots/notes.txt"),
    ],
)
def test_what_is_wrong_is_said(project: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        compared(text, "plots")
    assert said in str(raised.value)


def test_a_shallow_clone_says_how_to_get_older_commits(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", project.as_uri(), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(SettingsError, match="only its newest commits: git fetch --unshallow"):
        compared("git:HEAD~1", "plots")


def test_a_repository_and_git_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "plots", 1, "a.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SettingsError, match="is in no Git repository"):
        settings.resolve(first="git:HEAD", second="plots")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SettingsError, match="needs git, which is not on PATH"):
        settings.resolve(first="git:HEAD", second="plots")


def test_a_folder_of_that_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("no name has a colon there")
    put(tmp_path / "git:HEAD", 1, "a.png")
    monkeypatch.chdir(tmp_path)
    assert settings.resolve(first="git:HEAD").first == tmp_path / "git:HEAD"
