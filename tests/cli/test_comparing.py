"""``compare``: what it prints, what it writes, how it is stopped and continued."""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from support.programs import Folders
from support.triaged import picture

from mymodules import batch, cli, results, triage
from mymodules.batch import Progress
from mymodules.cli import comparing, progress, summary
from mymodules.errors import SettingsError
from mymodules.workers import PairResult

ROOT = Path(__file__).resolve().parents[2]


def compare(*options: str) -> int:
    return cli.main(["compare", "first", "second", "--out", "out", "--processes", "1", *options])


def test_what_changed_is_printed_and_where_it_is(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (*made.first.rglob("*.png"), *made.second.rglob("*.png")):
        os.utime(path, (10**9, 10**9))  # the store trusts no file that was written just now
    assert compare() == 0
    said = capsys.readouterr()
    (table,) = made.out.glob("results-*.csv")
    stamp = table.stem.removeprefix("results-")
    lines = said.out.splitlines()
    assert lines[0] == "Comparing first with second ..."
    assert lines[2] == "7 pictures: 1 same, 3 changed, 1 missing, 1 extra, 1 error"
    assert {"  gone.png", "  new/new.png"} <= {*lines}
    assert f"Table:     out/results-{stamp}.csv" in lines
    assert f"Pictures:  out/03.diff-{stamp}" in lines
    assert lines[-1] == "Look and decide: mymodules look --out out"
    assert str(made.first) not in said.out + said.err

    assert compare("--check") == 2  # one cannot be compared
    (made.second / "broken.png").unlink()
    (made.first / "broken.png").unlink()
    assert compare("--check") == 1
    assert "6 pictures: neither file has changed since" in capsys.readouterr().out
    shutil.copytree(made.first, "copy")
    assert cli.main(["compare", "first", "copy", "--out", "out", "--check"]) == 0
    assert "Look and decide" not in capsys.readouterr().out


def test_options_reach_the_run(made: Folders) -> None:
    assert compare("--skip", "1", "--stop", "3", "--pictures", "none", "--store", "none") == 0
    (path,) = made.out.glob("results-*.json")
    manifest = json.loads(path.read_text())
    assert (manifest["skip_until"], manifest["stop_at"], manifest["pictures"]) == (1, 3, "none")
    changes = path.name.replace("results-", "changes-").replace(".json", ".csv")
    assert {each.name for each in made.out.iterdir()} == {path.name, path.with_suffix(".csv").name, changes}
    assert compare("--max-pixels", "15") == 0
    newest = max(made.out.glob("results-*.json"), key=lambda path: (len(path.name), path.name))
    assert json.loads(newest.read_text())["options"] == {"max_pixels": 15}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            ["first", "absent"],
            "The folder absent does not exist: correct its name, or name another as second.\n",
        ),
        (["first", "first"], "first (first) and second (first) are the same folder"),
        (["first", "second", "--skip", "9"], "--skip 9 and --stop -1 leave nothing of 7 pictures"),
        (["first", "second", "--junit", "absent/x.xml"], "There is no folder absent: create it, or name"),
        (["first", "second", "--report", "first/report"], "first/report is inside first"),
        (["first", "second", "--resume", "last"], "No run in out was stopped before its end"),
        (["first", "second", "--resume", "no.csv"], "no.csv is not a results file of a run"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(
    line: list[str],
    said: str,
    made: Folders,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("mymodules.batch.pool.rows", lambda *_: pytest.fail("it works"))
    assert cli.main(["compare", *line, "--out", "out"]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not [path for path in made.out.iterdir() if path.name != ".store"]


def test_a_part_is_named_by_patterns(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        compare("--include", "*.png", "--include", "no*", "--exclude", "below/*", "--exclude", "a.png") == 0
    )
    said = capsys.readouterr().out
    assert "5 pictures: 1 same, 1 changed, 1 missing, 1 extra, 1 error" in said
    assert "Left out, not selected: 2\n" in said
    assert compare("--include", "z*") == 2
    assert capsys.readouterr().err == (
        "--include and --exclude leave nothing of 7 pictures: choose other patterns.\n"
    )


def test_what_is_left_out_is_named_or_an_error(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        (made.first / f"{number:02}.gif").touch()
    (made.second / ".hidden.png").touch()
    assert compare() == 0
    said = capsys.readouterr().out
    named = ", ".join(f"{number:02}.gif" for number in range(10))
    assert f"Left out, not named like a picture: {named} and 2 more\n" in said
    assert "Left out, hidden: .hidden.png\n" in said
    runs = len(list(made.out.iterdir()))
    assert compare("--strict") == 2
    assert capsys.readouterr().err == (
        f"Not everything in the folders would be compared: {named} and 3 more. Exclude these names, "
        "convert or remove the files, or do without --strict.\n"
    )
    assert len(list(made.out.iterdir())) == runs
    assert compare("--strict", "--exclude", "*.gif", "--exclude", ".*") == 0
    assert "Left out" not in capsys.readouterr().out


def test_two_files_are_compared_wherever_they_are(
    made: Folders, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """They may have different names, be in one folder, and have the results and the report beside them."""
    Path("old.png").write_bytes(picture(10))
    Path("new.png").write_bytes(picture(200))
    assert cli.main(["compare", "old.png", "new.png", "--out", ".", "--check", "--open"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("Comparing old.png with new.png ...\n\n1 picture: 0 same, 1 changed,")
    (table,) = Path.cwd().glob("results-*.csv")
    (read,) = results.read(table)
    assert (read.image_filename, read.num_diff_pixels, read.max_diff_r) == ("old.png", 16, 190)
    (page,) = opened
    index = Path(page.removeprefix("file://"))
    assert f"{Path.cwd().name}/old.png" in index.read_text()
    assert f"{Path.cwd().name}/new.png" in index.read_text()
    pictures = index.parent / "pictures"
    assert {path.read_bytes() for path in pictures.iterdir()} >= {picture(10), picture(200)}
    with pytest.raises(SettingsError, match="approving is for folders"):
        triage.plan(results.load(table), first=".")
    assert cli.main(["compare", "--resume", str(table)]) == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            ["first/a.png", "second"],
            "first/a.png is a file, and second is not: name two folders or two files.\n",
        ),
        (
            ["first", "second/a.png"],
            "second/a.png is a file, and first is not: name two folders or two files.\n",
        ),
        (
            ["first/a.png", "first/a.png"],
            "first/a.png would be compared with itself: name two different files.\n",
        ),
        (["first/a.png", "text.txt"], "text.txt is not named like a picture"),
    ],
)
@pytest.mark.usefixtures("made")
def test_two_of_a_kind_are_compared(line: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").touch()
    assert cli.main(["compare", *line, "--out", "out"]) == 2
    assert said in capsys.readouterr().err


def test_nothing_is_created_for_folders_that_cannot_be_compared(made: Folders) -> None:
    assert cli.main(["compare", "first", "absent", "--out", "new/out"]) == 2
    assert not (made.first.parent / "new").exists()


def test_an_output_folder_that_cannot_be_is_named(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert cli.main(["compare", "first", "second", "--out", "file/out"]) == 2
    assert capsys.readouterr().err.count("file") == 1


# --- how it is stopped and continued -----------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals to one process do not exist on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("more", "code"), [([], 130), (["--check"], 2)])
def test_a_stopped_run_says_how_it_goes_on(
    made: Folders,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    more: list[str],
    code: int,
) -> None:
    def stop(_: object, now: Progress) -> None:
        if now.done == 2:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patched:
        patched.setattr(progress.Lines, "__call__", stop)
        assert compare("--store", "none", "--json=-x", *more) == code
    (partial,) = made.out.glob("*.partial.csv")
    said = capsys.readouterr().err
    assert said.startswith("Stopped after ")
    line = " ".join(["--store none --processes 1 --json=-x", *more])
    assert said.endswith(f"To continue: mymodules compare --resume out/{partial.name} {line}\n")
    assert cli.main(["compare", "--resume", f"out/{partial.name}", "--processes", "1"]) == 0
    assert "7 pictures: 1 same, 3 changed, 1 missing, 1 extra, 1 error" in capsys.readouterr().out
    assert not partial.exists()


def test_an_output_folder_that_takes_no_files(
    made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    assert compare() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "The output folder out cannot be written to (No space left on device): allow it, or name another one "
        "with --out.\n"
    )
    assert [*made.out.iterdir()] == []


def test_the_last_stopped_run_is_continued(
    made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(progress.Lines, "__call__", stop)
        assert compare() == 130
        assert compare() == 130
    stopped = sorted(path.name.split(".")[0] for path in made.out.glob("*.partial.csv"))
    assert len(stopped) == 2
    assert cli.main(["compare", "--resume", "last", "--out", "out", "--max-pixels", "9"]) == 2
    assert "leave out --max-pixels" in capsys.readouterr().err
    assert compare("--resume", "last") == 0
    assert [path.stem for path in made.out.glob("results-*[0-9].csv")] == [
        max(stopped, key=lambda name: (name[:23], len(name)))
    ]


# --- the notebook ------------------------------------------------------------------------------------


def test_the_notebook_is_about_the_same_run(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["notebook", "first", "second", "--out", "out", "--processes", "1", "--check"]) == 2
    (table,) = made.out.glob("results-*[0-9].csv")
    (saved,) = made.out.glob("01_compare-*.ipynb")
    assert saved.stem.removeprefix("01_compare-") == table.stem.removeprefix("results-")
    assert f"Notebook:  out/{saved.name}\n" in capsys.readouterr().out
    printed = [
        output.text
        for cell in nbformat.read(saved, as_version=4).cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    ]
    assert f"The table is in {table}\n" in "".join(printed)


def test_a_notebook_that_fails_costs_no_results(
    made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mymodules.cli import headless

    monkeypatch.setattr(headless, "document", lambda *_: (nbformat.v4.new_notebook(), "It failed."))
    assert compare("--notebook", "--junit", "junit.xml") == 2
    said = capsys.readouterr()
    assert said.err == "It failed.\n"
    assert "JUnit:     junit.xml\n" in said.out
    assert len(list(made.out.glob("01_compare-*.ipynb"))) == 1


# --- what is printed ---------------------------------------------------------------------------------


def row(
    name: str, status: str, pixels: int | None = None, code: str = "pixels_differ", **more: Any
) -> PairResult:
    return PairResult(None, name, "A sentence.", status, code, pixels, **more)


def one_sided(name: str, more: str = "") -> PairResult:
    return row(name, "extra", code="only_second")._replace(messages=f"It is only in second.{more}")


def test_changes_come_first_and_the_largest_first_of_all() -> None:
    rows = [
        row("even.png", "same", 0),
        row("small.png", "changed", 12, pixel_diff_percent=0.5, combined=0.25, regions=((0, 0, 3, 4),)),
        row(
            "large.png",
            "changed",
            1234,
            "dimensions_differ",
            pixel_diff_percent=50.0,
            combined=4.0,
            regions=(),
        ),
        row("bad.png", "error", code="truncated"),
        *(one_sided(f"{number:02}.png") for number in range(12)),
        one_sided("moved.png", " It was renamed from old.png."),
    ]
    assert [*summary.summary(rows)] == [
        "17 pictures: 1 same, 2 changed, 0 missing, 13 extra, 1 error",
        "",
        "changed, largest first  pixels      %  combined  regions",
        "  large.png              1,234  50.00      4.00        0",
        "    A sentence.",
        "  small.png                 12   0.50      0.25        1",
        "",
        "error:",
        "  bad.png: A sentence.",
        "",
        "extra, only in the second folder:",
        *(f"  {number:02}.png" for number in range(10)),
        "  and 3 more",
    ]
    assert "  moved.png: It was renamed from old.png." in [*summary.summary(rows[-1:])]
    for given, typed in (
        ("'stem'", "--match stem"),
        ("('stem', 'casefold')", "--match stem --match casefold"),
    ):
        alike = one_sided("a.png", f" Save both, or compare with match={given}.")
        assert f"  a.png: Save both, or compare with {typed}." in [*summary.summary([alike])]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_fit_the_terminal(width: int) -> None:
    names = ["a" * 200 + ".png", "日本語" * 40 + ".png", "e\u0301" * 90 + ".png", "short.png"]
    rows = [row(name, status, 10**7, "x") for name in names for status in ("changed", "error", "missing")]
    lines = [*summary.summary(rows, width)]
    assert max(summary.columns(line) for line in lines) <= max(width, len(lines[0]))
    assert sum(line.endswith(".png  10,000,000  0.00      0.00        0") for line in lines) >= 0
    assert len({summary.columns(line) for line in lines if "10,000,000" in line}) == 1


def test_a_text_is_cut_in_its_middle() -> None:
    assert summary.cut("abcdefghij", None) == "abcdefghij"
    assert summary.cut("abcdefghij", 10) == "abcdefghij"
    assert summary.cut("abcdefghij", 7) == "abc…hij"
    assert summary.cut("日本日本日本", 7) == "日…日本"


def test_readme_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the counts to the last status; times and the names of files differ from run to run."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(comparing, "width_of_terminal", lambda _: 99)
    assert (
        cli.main(["compare", "img/01.first", "img/02.second", "--out", str(tmp_path), "--processes", "1"])
        == 0
    )
    printed = capsys.readouterr().out.split("\nTable:")[0]
    assert printed in (ROOT / "README.md").read_text(encoding="utf-8")


def test_progress_is_told_in_words() -> None:
    def sentence(done: int, rate: float, remaining: float | None, **counts: int) -> str:
        return progress.sentence(Progress(done, 3000, counts, 9.0, rate, remaining, Path("x")))

    assert sentence(120, 45.2, 64.0, same=110, changed=9, error=1) == (
        "120 of 3,000 pictures, 45.2 a second, 1 min 04 s left; 9 changed, 1 error"
    )
    assert sentence(1, 0.25, 11996.0, same=1) == "1 of 3,000 pictures, one in 4 s, 3 h 20 min left"
    assert sentence(3000, 0.0, None, same=3000) == "3,000 of 3,000 pictures"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_search_for_renamed_pictures_is_announced_at_once(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    lines, counts = progress.Lines(), {"same": 8, "missing": 48}
    stage = "searching 96 pictures for renamed ones"
    for each in ("", stage, f"{stage}, 50 %"):
        lines(Progress(103, 104, counts, 9.0, 45.2, None, Path("x"), each))
    assert capsys.readouterr().err.strip() == f"103 of 104 pictures, {stage}; 48 missing"


def test_a_bar_names_the_search_and_ends_after_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYMODULES_PROGRESS", "text")
    bar = batch.ProgressBar()
    for done, stage in ((1, ""), (1, "searching 4 pictures"), (2, "")):
        bar(Progress(done, 2, {"same": done}, 9.0, 1.0, None, Path("x"), stage))
    shown = capsys.readouterr().err.split("\r")
    assert [line for line in shown if line.startswith("searching 4 pictures:  50%")]
    assert shown[-1].startswith("100%")
    assert shown[-1].endswith("\n")


def test_rows_of_a_run_are_read_as_they_were_written(
    made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture that differs by one value in one pixel is in the table with its figures."""
    for folder in made[:2]:
        for path in folder.rglob("*.png"):
            path.unlink()
    (made.first / "one.png").write_bytes(picture(10))
    (made.second / "one.png").write_bytes(picture(11))
    assert compare("--pictures", "none") == 0
    (read,) = results.read(next(made.out.glob("results-*.csv")))
    assert (read.num_diff_pixels, read.pixel_diff_percent) == (16, 100.0)
    assert f"  one.png{' ' * 13}      16  100.00" in capsys.readouterr().out
    assert batch.STATUSES[1] == read.status


def test_progress_stays_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((51, 24)))
    monkeypatch.setattr(progress, "AT_ONCE", -1.0)
    lines = progress.Lines()
    counts = {"same": 1000, "changed": 1200, "missing": 12, "extra": 7, "error": 3}
    lines(Progress(2222, 50_000, counts, 9.0, 120.0, 300.0, Path("x")))
    lines(Progress(2222, 50_000, {}, 9.0, 0.0, None, Path("x")))
    lines.end()
    longest, shorter, blank, rest = capsys.readouterr().err.lstrip("\r").split("\r")
    assert len(longest) == 50
    assert longest.startswith("  2,222 of 50,000 ")
    assert longest.endswith(" 3 error")
    assert shorter == "  2,222 of 50,000 pictures".ljust(50)
    assert (blank.strip(), rest) == ("", "")


def test_an_output_folder_below_first_is_named_as_it_was_written(
    made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", "first", "second", "--out", "first/new/out"]) == 2
    words = "The output folder first/new/out is the first folder first or inside it"
    assert capsys.readouterr().err.startswith(words)
    assert not (made.first / "new").exists()
