"""Where a report is written: what it replaces, what it refuses, and the command that writes it."""

import base64
import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.programs import folders
from support.report_files import CHANGED, content, encoded, every_picture, files, noise

from mymodules import batch, errors, report
from mymodules import cli as command
from mymodules.report import writing

# --- where it is written -----------------------------------------------------------------------------


def test_a_report_is_replaced_as_a_whole(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.mkdir()  # an empty folder is as good as none
    before = files(report.write(frame, path).parent)
    (path / ".DS_Store").write_bytes(b"left by looking at it")
    after = files(report.write(frame[frame["image_filename"] == "b/same.png"], path, same=True).parent)
    rows = {name for name in after if name.endswith(".rows.js")}
    assert (len(after), len(rows)) == (4, 1)
    assert after - rows < before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_link_to_a_report_stays_a_link(frame: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    try:
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    except OSError:
        pytest.skip("links are not allowed here")
    page = report.write(frame[:1], tmp_path / "link")
    assert page == tmp_path / "real" / "index.html"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("there", "named", "embed", "reason"),
    [
        ("report/notes.txt", "report", False, "is a folder of other things"),
        ("report/index.html", "report", False, "is a folder of other things"),
        ("report", "report", False, "is not a folder"),
        ("page.html", "page.html", True, "is not a report"),
        ("page.html/a.txt", "page.html", True, "is not a report"),
        ("other", "absent/report", False, "There is no folder"),
        ("other", "report.html", False, "or embed=True"),
        ("other", "report", True, "ends in .html"),
    ],
)
def test_other_things_are_never_replaced(
    frame: pd.DataFrame, tmp_path: Path, there: str, named: str, embed: bool, reason: str
) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine", encoding="utf-8")
    with pytest.raises(errors.SettingsError, match=re.escape(reason)) as caught:
        report.write(frame, tmp_path / named, embed=embed)
    assert str(tmp_path) in str(caught.value)
    assert files(tmp_path) == {there}
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


def test_what_somebody_has_put_into_a_report_is_kept(frame: pd.DataFrame, tmp_path: Path) -> None:
    report.write(frame[:1], tmp_path / "report")
    (tmp_path / "report" / "my notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(errors.SettingsError, match=r"my notes\.txt"):
        report.write(frame[:1], tmp_path / "report")
    assert (tmp_path / "report" / "my notes.txt").exists()


@pytest.mark.parametrize(
    "name",
    [
        "pictures/my shot.png",
        "pictures/1.delta.png.bak",
        f"pictures/{'A' * 32}.png",
        f"values/{'a' * 32}.png",
        f"values/{'a' * 32}/mine.txt",
    ],
)
def test_what_somebody_has_put_among_its_pictures_is_kept(
    frame: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "report" / name
    report.write(frame[:1], tmp_path / "report")
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    before = files(tmp_path)
    with pytest.raises(errors.SettingsError, match=re.escape("/".join(name.split("/")[:2]))):
        report.write(frame[:1], tmp_path / "report")
    assert files(tmp_path) == before
    assert path.read_text(encoding="utf-8") == "mine"


def test_every_report_can_be_replaced(page: Path) -> None:
    (page.parent / "pictures" / "Thumbs.db").write_bytes(b"left by looking at it")
    try:
        assert report.check(page.parent) == page.parent
    finally:
        (page.parent / "pictures" / "Thumbs.db").unlink()


def test_a_folder_that_may_not_be_written_to_is_told_before(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By what the system says: the one who runs the tests may be allowed everything."""
    locked = tmp_path / "locked"
    locked.mkdir()
    asks = os.access

    def access(path: Any, mode: int, **options: Any) -> bool:
        return asks(path, mode, **options) and not (Path(path) == locked and mode & os.W_OK)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(batch, "run", lambda **_: pytest.fail("starts"))
    for name in ("report", "report.html"):
        assert start("--report", locked / name) == 2
        assert capsys.readouterr().err.startswith(f"{locked} is not writable")


def test_it_is_not_written_among_the_pictures(frame: pd.DataFrame) -> None:
    first = Path(frame.attrs["run"]["first"])
    for path in (first / "report", first / "a" / "report"):
        with pytest.raises(errors.SettingsError, match="compared next time"):
            report.write(frame, path)
        assert not path.exists()


@pytest.mark.parametrize("embed", [False, True])
def test_a_failure_leaves_what_was_there(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embed: bool
) -> None:
    path = tmp_path / ("report.html" if embed else "report")
    page = report.write(frame[:2], path, embed=embed)
    before = page.read_bytes(), files(tmp_path)

    opens = Path.open

    def full_at(ending: str) -> Callable[..., Any]:
        def opened(self: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if mode[0] in "wx" and self.match(ending):
                raise OSError(28, "No space left on device")
            return opens(self, mode, *arguments, **options)

        return opened

    for ending in ("pictures/*.png", "values/*.js", "made-*", "new.html" if embed else "index.html"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", full_at(ending))
            with pytest.raises(errors.OutputError, match="No space left") as caught:
                report.write(frame, path, embed=embed)
        assert caught.value.path == path
        assert (page.read_bytes(), files(tmp_path)) == before


# --- one file ----------------------------------------------------------------------------------------


def test_one_file_has_everything_in_it(frame: pd.DataFrame, page: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert report.write(frame, path, embed=True, same=True) == path
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    found, folder = content(path), content(page)
    assert found["embedded"] is True
    assert found["rows"] == folder["rows"]
    inside = re.findall(r'<script type="text/plain" id="([^"]*)">([^<]*)</script>', path.read_text("utf-8"))
    names = [name for name, _ in inside]
    assert len(names) == len(set(names))
    wanted = {name for _, _, told in every_picture(page) for name in (told["file"], told["values"])}
    wanted |= {each["pictures"]["delta"].get("file") for each in folder["rows"]} - {None}
    wanted |= {found["looks"]["file"], *found["shards"]["files"]}
    assert set(names) == wanted
    for name, data in inside:
        if (page.parent / "pictures" / name).exists():
            assert base64.b64decode(data) == (page.parent / "pictures" / name).read_bytes()
    report.write(frame[:1], path, embed=True)
    assert len(content(path)["rows"]) == 1


def test_one_file_that_would_be_huge_is_refused_with_its_size(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    size = report.write(frame, path, embed=True).stat().st_size
    monkeypatch.setattr(writing, "ONE_FILE_LIMIT", 100)
    with pytest.raises(errors.SettingsError, match=r"0 MB"):  # known before anything is read
        report.write(frame, path, embed=True)
    monkeypatch.setattr(writing, "ONE_FILE_LIMIT", size // 2)  # known only when it is written
    with pytest.raises(errors.SettingsError, match="write a folder"):
        report.write(frame, path, embed=True)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command on a small pair of folders, in this process."""
    made = folders(tmp_path)
    for name in ("a.png", "b.png"):
        (made.first / name).write_bytes(encoded(noise(3)))
        (made.second / name).write_bytes(encoded(noise(3) if name == "a.png" else CHANGED))

    run = batch.run

    def in_this_process(**_: Any) -> batch.Run:
        with ThreadPoolExecutor(1) as executor:
            return run(*made, executor=executor, pictures="none")

    monkeypatch.setattr(batch, "run", in_this_process)

    def call(*options: object) -> int:
        return command.main(["compare", *map(str, (made.first, made.second, "--out", made.out, *options))])

    return call


@pytest.mark.parametrize("name", ["report", "report.html"])
def test_the_command_writes_one_and_says_where(
    start: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = tmp_path / name
    assert start("--report", path) == 0
    page = path if name.endswith(".html") else path / "index.html"
    assert f"Report:    {page}\n" in capsys.readouterr().out
    assert [each["status"] for each in content(page)["rows"]] == ["changed", "same"]
    assert start("--report", path, "--check") == 1


def test_the_command_refuses_a_path_before_it_starts(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch, "run", lambda **_: pytest.fail("starts"))
    for named in ("absent/report", "first/report", "first", "out/../first/a.png"):
        assert start("--report", tmp_path / named) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_report_that_fails_does_not_lose_the_run(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(report, "write", fails)
    assert start("--report", tmp_path / "report", "--junit", tmp_path / "junit.xml") == 2
    said = capsys.readouterr()
    assert said.err == "Report: not written. ZeroDivisionError: a defect\n"
    assert "Table:     " in said.out
    assert (tmp_path / "junit.xml").exists()
    assert len(list((tmp_path / "out").glob("results-*[0-9].csv"))) == 1


def test_junit_that_fails_does_not_lose_the_report(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise errors.OutputError("It is full.", tmp_path)

    monkeypatch.setattr(report, "junit", fails)
    assert start("--report", tmp_path / "report.html", "--junit", tmp_path / "junit.xml") == 2
    assert capsys.readouterr().err == "JUnit: not written. It is full.\n"
    assert (tmp_path / "report.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals to one process do not exist on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("check", "code"), [((), 130), (("--check",), 2)])
def test_an_interrupt_while_the_report_is_written_leaves_the_rest(
    start: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    check: tuple[str, ...],
    code: int,
) -> None:
    path, junit = tmp_path / "report", tmp_path / "junit.xml"
    assert start("--report", path) == 0
    before = files(path)
    page = (path / "index.html").read_bytes()
    capsys.readouterr()
    monkeypatch.setattr("mymodules.report.page.text", lambda *_, **__: os.kill(os.getpid(), number))
    assert start("--report", path, "--junit", junit, *check) == code
    said = capsys.readouterr()
    assert said.err == "Interrupted: the files named above are complete, and nothing else was written.\n"
    assert f"JUnit:     {junit}\n" in said.out
    assert "Report:" not in said.out
    assert junit.exists()
    assert {each.name for each in tmp_path.iterdir()} == {"first", "second", "out", "report", "junit.xml"}
    assert files(path) == before
    assert (path / "index.html").read_bytes() == page
