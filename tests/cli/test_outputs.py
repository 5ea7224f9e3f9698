"""The files that ``compare`` writes for build servers."""

import json
from pathlib import Path

import jsonschema
import pytest
from support.programs import Folders
from support.report_files import content

from mymodules import cli, report, store


def compare(*options: str) -> int:
    line = ["compare", "first", "second", "--out", "out", "--store", "none", "--processes", "1"]
    return cli.main([*line, *options])


def test_json_and_markdown(
    made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "step.md")
    Path("step.md").write_bytes("# Vorher é\n".encode())
    files = "--json", "out/results.json", "--markdown", "out/summary.md", "--junit", "out/junit.xml"
    assert compare(*files, "--markdown-link", "https://ci.example/7", "--check") == 2
    said = capsys.readouterr().out
    assert "JSON:      out/results.json\nMarkdown:  out/summary.md\n" in said
    document = json.loads((made.out / "results.json").read_bytes())
    jsonschema.validate(document, json.loads(report.SCHEMA.read_bytes()))
    assert document["verdict"] == "error"
    assert document["counts"] == {"total": 7, "same": 1, "changed": 3, "missing": 1, "extra": 1, "error": 1}
    assert document["run"]["first"] == "first"
    text = (made.out / "summary.md").read_bytes()
    assert text.startswith(b"### 5 of 7 pictures differ, 1 cannot be compared\n")
    assert f"https://ci.example/7/03.diff-{document['run']['stamp']}/".encode() in text
    assert Path("step.md").read_bytes() == "# Vorher é\n".encode() + text + b"\n"


def test_an_interrupted_push_leaves_all_files_written(
    made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "push", interrupted)
    files = "--json", "j.json", "--markdown", "m.md", "--junit", "j.xml", "--report", "r.html"
    line = ["compare", "first", "second", "--out", "out", "--processes", "1", "--pictures", "none"]
    assert cli.main([*line, *files, "--store-to", "memory://s"]) == 130
    assert [name for name in files[1::2] if not Path(name).exists()] == []
    assert "the results are complete, and the store is not pushed" in capsys.readouterr().err


def test_a_page_of_the_looks_alone(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--looks", "looks.html", "--report", "report") == 0
    said = capsys.readouterr().out
    assert "Report:    report/index.html\nLooks:     looks.html\n" in said
    assert content(Path("looks.html"))["alone"] is True
    assert content(Path("report/index.html"))["alone"] is False
    assert cli.main(["report", "looks", "--looks", "--out", "out"]) == 0
    assert "Looks:     looks/index.html\n" in capsys.readouterr().out
    assert content(Path("looks/index.html"))["looks"] == content(Path("looks.html"))["looks"]


def test_looks_that_cannot_be_known_are_reported(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--looks", "looks", "--no-moves", "--check") == 2
    assert "Looks: not written. No looks: this run has no list of changes." in capsys.readouterr().err
    assert not Path("looks").exists()


@pytest.mark.parametrize("folder", ["first", "second"])
def test_two_files_are_both_named(made: Folders, folder: str) -> None:
    (made.first.parent / folder / "Other.png").write_bytes((made.second / "b.png").read_bytes())
    line = ["compare", "first/a.png", f"{folder}/Other.png", "--out", "out", "--processes", "1"]
    assert cli.main([*line, "--json", "x.json", "--markdown", "x.md", "--junit", "x.xml"]) == 0
    run = json.loads(Path("x.json").read_bytes())["run"]
    assert (run["first"], run["second"]) == ("first/a.png", f"{folder}/Other.png")
    title = f"<code>first/a.png</code> against <code>{folder}/Other.png</code>\n"
    assert title in Path("x.md").read_text(encoding="utf-8")
    assert f'name="second" value="{folder}/Other.png"' in Path("x.xml").read_text(encoding="utf-8")


def test_without_github_only_the_file_is_written(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert compare("--markdown", "summary.md") == 0
    assert Path("summary.md").is_file()
    assert made.out.is_dir()


def test_a_step_summary_that_cannot_be_written(
    made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "absent/step.md")
    assert compare("--markdown", "out/summary.md") == 2
    said = capsys.readouterr().err
    assert "Summary: not written. absent/step.md, which GITHUB_STEP_SUMMARY names, cannot be written" in said
    assert "Markdown" not in said
    assert (made.out / "summary.md").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--json", "absent/x.json"],
            "There is no folder absent: create it, or name another file as --json.",
        ),
        (["--markdown", "first"], "first is a folder: name a file as --markdown."),
        (["--json", "first/a.png"], "first/a.png is named like a picture: name another file as --json."),
        (["--junit", "out/triage.csv"], "out/triage.csv is named like a file of a run: name another one as"),
        (["--markdown", "out/results-20260102-030405.json"], "is named like a file of a run: name another"),
        (["--json", "x", "--markdown", "x"], "x is named as --json, too: name another file as --markdown."),
        (["--report", "x.html", "--junit", "x.html"], "x.html is named as --report, too: name another file"),
        (["--json", "first/notes.txt"], "first/notes.txt is inside first, what is compared: name another"),
        (
            ["--store", "../kept", "--json", "kept/x"],
            "kept/x is inside kept, the store: name another place as --json.",
        ),
        (
            ["--report", "kept", "--json", "kept/x"],
            "kept/x is inside kept, the report: name another place as --json.",
        ),
        (["--store", "../kept", "--report", "kept"], "kept is inside kept, the store: name another place as"),
        (
            ["--report", "out/triage.csv"],
            "out/triage.csv is named like a file of a run: name another report.",
        ),
        (["--looks", "first/looks"], "first/looks is inside first, and its pictures would be compared next"),
        (["--looks", "absent/looks"], "There is no folder absent: create it, or name another report."),
        (["--report", "x", "--looks", "x"], "x is inside x, the report: name another place as --looks."),
        (
            ["--report", "x", "--looks", "x/y.html"],
            "There is no folder x: create it, or name another",
        ),
        (
            ["--looks", "kept", "--report", "kept/x"],
            "kept/x is inside kept, the looks: name another",
        ),
        (["--looks", "x.html", "--json", "x.html"], "x.html is named as --looks, too: name another file as"),
        (
            ["--store", "../kept", "--looks", "kept/x"],
            "kept/x is inside kept, the store: name another place as",
        ),
        (["--markdown-link", "https://x"], "name its file with --markdown."),
        (["--markdown", "x.md", "--markdown-link", "x"], "--markdown-link is x: it must be a URL"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    made: Folders, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    Path("kept").mkdir()
    assert compare(*options) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert "Comparing" not in said.out
    assert [*made.out.iterdir()] == []


def test_a_link_to_a_picture_is_not_followed(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    Path("summary.json").symlink_to(made.first / "a.png")
    assert compare("--json", "summary.json") == 2
    assert "first/a.png is named like a picture: name another file as --json." in capsys.readouterr().err
