"""``look``, ``report``, ``approve`` and ``restore``: from a run to the pictures that it changes."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.programs import Folders
from support.triaged import accept, compared, forget, state

from mymodules import cli, recent, settings
from mymodules.cli import runs
from mymodules.rules import Limits, Rule, Rules
from mymodules.triage import Decisions


@pytest.fixture
def frame(made: Folders, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The newest run in the output folder, made by another process of the same person."""
    frame = compared(made)
    recent.note(settings.resolve(cli_root()), *made)
    forget(monkeypatch)
    return frame


def cli_root() -> Path:
    return Path(cli.__file__).resolve().parents[2]


def call(command: str, *more: str) -> int:
    return cli.main([command, *more, "--out", "out"])


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """Answer each question, and return the questions."""
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr("builtins.input", reply)
    return asked


def stamp(frame: pd.DataFrame) -> str:
    return str(frame.attrs["run"]["stamp"])


# --- looking -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["", "stamp", "last", "file", "folder"])
def test_a_run_is_shown_in_the_browser(
    named: str, frame: pd.DataFrame, made: Folders, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"": [], "stamp": [stamp(frame)], "file": [f"out/results-{stamp(frame)}.csv"], "folder": ["out"]}
    assert call("look", *words.get(named, [named])) == 0
    page = made.out / f"report-{stamp(frame)}" / "index.html"
    assert opened == [page.as_uri()]
    assert capsys.readouterr().out == f"Report:    out/report-{stamp(frame)}/index.html\n"


def test_two_folders_are_compared_first(
    made: Folders, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("look", "first", "second") == 0
    (page,) = made.out.glob("report-*/index.html")
    assert opened == [page.as_uri()]
    said = capsys.readouterr().out
    assert "7 pictures: 1 same, 3 changed" in said
    assert said.endswith("Then approve what you accepted: mymodules approve --out out\n")


def test_folders_that_begin_with_a_dash(
    made: Folders, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made.first.rename("-x")
    assert cli.main(["look", "--out=-o", "--", "-x", "second"]) == 0
    assert len(opened) == 1
    assert capsys.readouterr().out.endswith("Then approve what you accepted: mymodules approve --out=-o\n")


@pytest.mark.usefixtures("frame")
def test_without_a_browser_the_page_is_named(
    made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert call("look") == 0
    assert capsys.readouterr().err == f"There is no browser here: open {page(made)} in one.\n"


def page(made: Folders) -> str:
    (found,) = made.out.glob("report-*/index.html")
    return f"out/{found.parent.name}/index.html"


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["look"], "There are no results in out: compare first, or name a file.\n"),
        (["look", "20260101-000000"], "There is no finished run out/results-20260101-000000.csv.\n"),
        (["look", "first/a.png"], "first/a.png is not a results file of a run: name results-....csv.\n"),
        (["look", "a", "b", "c"], "look takes one run, or FIRST and SECOND.\n"),
        (["report", "page.html"], "There are no results in out: compare first, or name a file.\n"),
        (["approve"], "There are no results in out: compare first, or name a file.\n"),
        (["restore"], "There is no approval in out: nothing can be restored.\n"),
        (["restore", "x"], "x is not the folder of an approval: name an approved-... folder.\n"),
    ],
)
def test_what_is_not_there_is_said(line: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*line) == 2
    assert capsys.readouterr().err == said


def test_folders_that_nobody_named_are_printed_from_here_on(
    made: Folders, opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in an installation without a checkout, where the defaults are below the working directory."""
    monkeypatch.setattr(runs, "ROOT", made.out)  # it has no notebooks
    Path("img").mkdir()
    made.first.rename("img/01.first")
    made.second.rename("img/02.second")
    assert cli.main(["compare", "--processes", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Comparing img/01.first with img/02.second ...\n")
    assert "Table:     img/results-" in said
    assert cli.main(["look"]) == 0
    assert capsys.readouterr().out.startswith("Report:    img/report-")
    assert len(opened) == 1


@pytest.mark.usefixtures("frame")
@pytest.mark.parametrize("path", ["page.html", "folder"])
def test_a_report_is_written(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", path) == 0
    written = path if path.endswith(".html") else f"{path}/index.html"
    assert Path(written).is_file()
    assert capsys.readouterr().out == f"Report:    {written}\n"


# --- approving ---------------------------------------------------------------------------------------


def test_all_that_was_accepted_is_approved_and_brought_back(
    frame: pd.DataFrame, made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures of one side as well: what is removed is named in the question, and kept."""
    before, second = state(made.first), state(made.second)
    accept(made, frame, "a.png", "new/new.png", "gone.png")
    asked = answering(monkeypatch, "y")
    assert call("approve") == 0
    said = capsys.readouterr().out
    assert "1 picture will be removed from first, because second has none: gone.png\n" in said
    folders = f"{made.first} to those in {made.second}"
    assert asked == [f"Change 3 files in {folders}? The old ones are kept. [y/N] "]
    assert said.endswith("To bring the old ones back: mymodules restore --out out\n")
    changed = {name: data for name, data in before.items() if name != "gone.png"}
    assert state(made.first) == changed | {name: second[name] for name in ("a.png", "new/new.png")}
    assert call("restore") == 0
    assert state(made.first) == before


def test_what_is_restored_leaves_no_folder_behind(
    frame: pd.DataFrame, made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    def folders() -> set[str]:
        return {path.name for path in made.first.iterdir() if path.is_dir()}

    accept(made, frame, "a.png", "new/new.png")
    assert call("approve", "--yes", "--accepted", "a.png") == 0
    assert call("approve", "--yes", "--accepted") == 0
    assert folders() == {"below", "new"}
    earlier, newest = sorted(made.out.glob("approved-*"), key=lambda path: (len(path.name), path.name))
    capsys.readouterr()
    assert call("restore", "--yes") == 0
    assert folders() == {"below"}
    assert capsys.readouterr().out == "1 file restored.\n"
    assert call("restore", "--yes") == 0
    assert capsys.readouterr().out == (
        "0 files restored. 1 file is the old one already.\n"
        f"To undo the approval before that: mymodules restore out/{earlier.name} --out out\n"
    )
    assert call("restore", "--yes", f"out/{earlier.name}") == 0
    assert capsys.readouterr().out == "1 file restored.\n"
    assert call("restore", "--yes", f"out/{earlier.name}") == 0
    assert capsys.readouterr().out == "0 files restored. 1 file is the old one already.\n"
    # Only what the approval has made is removed, if nothing else is in it.
    manifest = json.loads((newest / "approved.json").read_text())
    assert manifest["folders"] == ["new"]
    (newest / "approved.json").write_text(json.dumps(manifest | {"folders": ["new", ".", "below"]}))
    assert call("approve", "--yes", "new/*", "--new") == 0
    (made.first / "new" / "note.txt").write_text("mine")
    assert call("restore", "--yes", f"out/{newest.name}") == 0
    assert folders() == {"below", "new"}


def test_a_new_picture_that_cannot_be_decoded_is_not_copied(
    made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(made.first)
    (made.second / "new" / "cut.png").write_bytes((made.second / "a.png").read_bytes()[:-7])
    compared(made)
    assert call("approve", "new/*", "--new", "--yes") == 2
    said = capsys.readouterr().out
    assert "  new/cut.png: It could not be compared: replace the file, compare again, then decide.\n" in said
    assert state(made.first) == before | {"new/new.png": state(made.second)["new/new.png"]}


@pytest.mark.parametrize("answer", ["", "n", "no", "?"])
def test_only_yes_changes_anything(
    answer: str, frame: pd.DataFrame, made: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(made.first)
    accept(made, frame, "a.png", "gone.png")
    answering(monkeypatch, answer)
    assert call("approve") == 0
    assert state(made.first) == before


def test_without_an_answer_nothing_is_changed(
    frame: pd.DataFrame, made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    before = state(made.first)
    accept(made, frame, "a.png")
    monkeypatch.setattr("builtins.input", nobody)
    assert call("approve") == 2
    assert "--yes answers beforehand" in capsys.readouterr().err
    assert state(made.first) == before


@pytest.mark.parametrize(
    ("named", "approved"),
    [
        (["a.png"], ["a.png"]),
        (["*b*.png"], ["b.png", "below/c.png"]),
        (["below/*"], ["below/c.png"]),
        (["--all"], ["a.png", "b.png", "below/c.png"]),
        (["--all", "--new"], ["a.png", "b.png", "below/c.png", "new/new.png"]),
        (["*n*.png", "--gone"], ["gone.png"]),
        (["--all", "--new", "--gone"], ["a.png", "b.png", "below/c.png", "gone.png", "new/new.png"]),
    ],
)
@pytest.mark.usefixtures("frame")
def test_pictures_are_named_or_all_of_them(named: list[str], approved: list[str], made: Folders) -> None:
    before, second = state(made.first), state(made.second)
    assert call("approve", *named, "--yes") == 0
    after = state(made.first)
    names = {*before, *after}
    assert sorted(name for name in names if before.get(name) != after.get(name)) == approved
    assert all(after.get(name) == second.get(name) for name in approved)


def decide(made: Folders, frame: pd.DataFrame, name: str, decision: str) -> None:
    Decisions(made.out).decide(frame[frame["image_filename"] == name], decision)


@pytest.mark.usefixtures("frame")
def test_approving_again_says_that_it_is_done(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["approve", "--all", "--new", "--gone", "--yes"]
    assert call(*line) == 0
    after = state(made.first)
    (made.first / "b.png").unlink()
    capsys.readouterr()
    assert call(*line) == 2
    said = capsys.readouterr().out
    assert said.count("b.png") == 1
    assert "4 pictures approved already: a.png, below/c.png, gone.png, new/new.png\n" in said
    assert state(made.first) == {name: data for name, data in after.items() if name != "b.png"}
    (made.first / "b.png").write_bytes(after["b.png"])
    assert call(*line) == 0
    said = capsys.readouterr().out
    assert said.endswith("\nThere is nothing to approve.\n")
    assert "5 pictures approved already: a.png, b.png, below/c.png, gone.png, new/new.png\n" in said


@pytest.mark.parametrize("named", ["--all", "*"])
def test_what_was_rejected_is_approved_only_by_its_name(
    named: str, frame: pd.DataFrame, made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    before, second = state(made.first), state(made.second)
    decide(made, frame, "a.png", "ignore")
    decide(made, frame, "b.png", "reject")
    assert call("approve", named, "--yes") == 0
    assert "Left out, 2 pictures rejected or ignored\n" in capsys.readouterr().out
    after = state(made.first)
    assert after == before | {"below/c.png": second["below/c.png"]}
    assert call("approve", "b.png", "--yes") == 0
    assert "Named, although decided otherwise (reject): b.png\n" in capsys.readouterr().out
    assert state(made.first) == after | {"b.png": second["b.png"]}


@pytest.mark.parametrize(
    ("named", "replaced", "printed"),
    [
        (["--all"], ["b.png"], "Left out, 2 pictures that rules tolerate: --tolerated replaces them too\n"),
        (["[ab].png"], ["b.png"], "Left out, 1 picture that rules tolerate: --tolerated replaces them too\n"),
        (["a.png"], ["a.png"], "1 picture will be replaced in first by the second picture: a.png\n"),
        (["--all", "--tolerated"], ["a.png", "b.png", "below/c.png"], "3 pictures will be replaced in first"),
        ([], ["b.png"], "1 picture left, as rules tolerate how they differ: a.png\n"),
        (["--tolerated"], ["a.png", "b.png"], "2 pictures will be replaced in first by the second picture"),
        (["below/*"], [], "--tolerated replaces them too\nThere is nothing to approve.\n"),
    ],
)
def test_what_rules_tolerate_is_approved_only_by_its_name_or_an_option(
    named: list[str], replaced: list[str], printed: str, made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    faint = Rule("faint", Limits(largest=190), ("a.png", "below/*"))  # from 10 and 12 to 200 and 202
    frame = compared(made, rules=Rules((faint,)))
    accept(made, frame, "a.png", "b.png")
    before, second = state(made.first), state(made.second)
    assert call("approve", *named, "--yes", "--first", "first") == 0
    assert printed in capsys.readouterr().out
    assert state(made.first) == before | {name: second[name] for name in replaced}


def test_names_leave_a_part_of_what_was_accepted(frame: pd.DataFrame, made: Folders) -> None:
    before, second = state(made.first), state(made.second)
    accept(made, frame, "b.png", "below/c.png", "gone.png")
    assert call("approve", "--accepted", "[ab].png", "--yes") == 0
    assert state(made.first) == before | {"b.png": second["b.png"]}


def test_all_has_what_was_accepted_of_one_side(frame: pd.DataFrame, made: Folders) -> None:
    accept(made, frame, "new/new.png", "gone.png")
    assert call("approve", "--all", "--yes") == 0
    second = state(made.second)
    del second["broken.png"]
    assert state(made.first) == second | {"broken.png": state(made.first)["broken.png"]}


@pytest.mark.usefixtures("frame")
@pytest.mark.parametrize("line", [["--all", "a.png"], ["--new"], ["--gone", "--accepted", "a.png"]])
def test_options_that_contradict_each_other_are_refused(
    line: list[str], made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(made.first)
    assert call("approve", *line, "--yes") == 2
    assert capsys.readouterr().err.startswith("--all is about" if "--all" in line else "--new and --gone go")
    assert state(made.first) == before


@pytest.mark.usefixtures("frame")
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("same.png", 0, "There is nothing to approve: these pictures do not differ.\n"),
        ("broken.png", 2, "Left out, 1 picture that cannot be compared\nThere is nothing to approve.\n"),
        (
            "gone.png",
            2,
            "Left out, 1 picture only in first: --gone removes them\nThere is nothing to approve.\n",
        ),
    ],
)
def test_why_nothing_is_approved(name: str, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("approve", name) == code
    assert capsys.readouterr().out == said


@pytest.mark.usefixtures("frame")
@pytest.mark.parametrize("named", [[], ["last"]])
def test_nothing_accepted_says_what_to_do(named: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("approve", *named, "--first", "first") == 0
    said = capsys.readouterr().out
    assert said.startswith("There is nothing to approve, as no picture that differs was accepted.\n")
    line = " ".join(["", *named, ""])
    assert f"mymodules look{line}--out out" in said
    assert f"mymodules approve{line}--decisions PATH --out out --first first" in said


def test_a_printed_name_can_be_typed(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, name in ((made.first, "a.png"), (made.second, "b.png")):
        (folder / "new\nline.png").write_bytes((folder / name).read_bytes())
    frame = compared(made)
    decide(made, frame, "new\nline.png", "reject")
    before = state(made.first)
    assert call("approve", "new\\nline.png", "--yes", "--first", "first") == 0
    assert "by the second picture: new\\nline.png\n" in capsys.readouterr().out
    name = "new\nline.png"
    assert state(made.first) == before | {name: state(made.second)[name]}


@pytest.mark.usefixtures("frame")
def test_a_name_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("approve", "a.png", "z*.png", "--yes") == 2
    assert capsys.readouterr().err == "The run has no picture named z*.png.\n"


@pytest.mark.parametrize("how", [["--accepted"], ["--all", "--gone"]])
def test_a_part_of_the_pictures_removes_none(
    how: list[str], made: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["compare", "first", "second", "--out", "out", "--skip", "1", "--processes", "1"]) == 0
    from mymodules import results

    frame = results.load(next(made.out.glob("results-*[0-9].csv")))
    accept(made, frame, "gone.png")
    forget(monkeypatch)
    assert call("approve", *how, "--yes") == 2
    assert "left out pictures (skip or stop), so it is not removed" in capsys.readouterr().out
    assert (made.first / "gone.png").exists()


# --- runs from elsewhere -----------------------------------------------------------------------------


def test_a_run_from_elsewhere_needs_a_question_or_the_folder(
    made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(made)
    forget(monkeypatch)
    before = state(made.first)
    assert call("approve", "a.png", "--yes") == 2
    assert "name the folder: --first FIRST." in capsys.readouterr().err
    assert state(made.first) == before
    asked: Any = answering(monkeypatch, "n")
    assert call("approve", "a.png") == 0
    assert str(made.first) in asked[0]
    assert call("approve", "a.png", "--yes", "--first", "first") == 0
    assert capsys.readouterr().out.endswith("mymodules restore --out out --first first\n")
    assert state(made.first)["a.png"] == state(made.second)["a.png"]
    assert call("restore", "--yes") == 2
    assert call("restore", "--yes", "--first", "first") == 0
    assert state(made.first) == before
