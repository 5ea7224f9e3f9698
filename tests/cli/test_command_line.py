"""The command line: its commands and options, its help, its exit codes, and whose words its messages use."""

import argparse
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from support.programs import Folders

from mymodules import batch, cli
from mymodules.cli import comparing
from mymodules.cli.parser import COMMANDS, parser
from mymodules.cli.wording import OPTIONS, Wording

SLOW = (
    "IPython cv2 imagecodecs ipywidgets matplotlib nbclient nbformat numpy pandas pyarrow scipy skimage "
    "tifffile"
)


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_without_a_command_all_are_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments, "python run.py") == 0
    printed = capsys.readouterr().out
    named = [line.split()[0] for line in printed.splitlines() if line.startswith("    ") and line[4] != " "]
    assert named == list(COMMANDS)
    assert "python run.py COMMAND --help" in printed


def test_a_word_that_is_not_a_command_gets_the_line_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("before", "--", "-", "--out=x"):
        assert cli.main([word, "compare", "after"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"There is no command {word!r}: compare, look,")
        assert said.endswith("mymodules compare FIRST SECOND\n")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "help"])
def test_every_option_of_every_command_is_explained(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: mymodules {command} ")
    commands = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert [action.dest for action in commands.choices[command]._actions if not action.help] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "--skip", "-1"],
        ["compare", "--processes", "0"],
        ["compare", "--nothing"],
        ["compare", "a", "b", "c"],
        ["report"],
    ],
)
def test_wrong_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"usage: mymodules {arguments[0]} ")
    assert f"mymodules {arguments[0]}: error: " in said


def test_an_earlier_name_of_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["compare", "--skip-until=3"])
    assert "unrecognized arguments: --skip-until=3 (say --skip)\n" in capsys.readouterr().err


def test_help_about_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["help", "look"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: mymodules look ")


def test_one_folder_is_not_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "only-one"]) == 2
    assert capsys.readouterr().err == "Name both, FIRST and SECOND, or none of them.\n"


def test_options_have_the_names_of_parameters_of_a_run() -> None:
    options = {*vars(parser().parse_args(["compare"]))}
    assert {*comparing.PASSED, *OPTIONS} <= options
    assert {*comparing.PASSED} <= {*inspect.signature(batch.run).parameters}


@pytest.mark.parametrize(
    ("expected", "check", "counts"),
    [
        (0, False, {"same": 3, "changed": 1, "error": 1}),
        (0, True, {"same": 3, "changed": 0}),
        (1, True, {"same": 3, "changed": 1}),
        (1, True, {"missing": 1}),
        (1, True, {"extra": 1}),
        (2, True, {"same": 3, "error": 1}),
        (2, True, {"changed": 3, "error": 1}),
        (0, True, {}),
    ],
)
def test_exit_code(expected: int, check: bool, counts: dict[str, int]) -> None:
    assert comparing.exit_code(counts, check=check) == expected


def test_what_a_comparison_does_not_need_is_not_loaded(made: Folders) -> None:
    written = ["--junit", "j.xml", "--json", "j.json", "--markdown", "j.md"]
    line = ["compare", "first", "second", "--out", "out", *written]
    code = f"import sys; from mymodules import cli; assert cli.main({line}) == 0"
    code += f"\nprint('loaded:', *(name for name in {SLOW.split()} if name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "loaded:"
    assert all((made.out.parent / name).is_file() for name in written[1::2])


# --- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("{here}/shots/old/a.png is gone.", "shots/old/a.png is gone."),
        ("{here}/shots/old does not exist.", "shots/old does not exist."),
        ("{here}/shots/other is there.", "shots/other is there."),
        ("{here}/newer is not new", "{here}/newer is not new"),
        ("{here}/new is empty", "./new is empty"),
        ("skip_until=3 and stop_at=-1 leave nothing", "--skip 3 and --stop -1 leave nothing"),
        ("Continue: batch.run(resume='{here}/new/x.csv').", "Continue: compare --resume ./new/x.csv."),
        ("There is no {here}/no/stop_at=3/x: make it.", "There is no {here}/no/stop_at=3/x: make it."),
        ("{here}/new/max_pixels is empty", "./new/max_pixels is empty"),
        ("{here}/my num_processors=2/x is empty", "{here}/my num_processors=2/x is empty"),
        ("Go back with triage.restore('{here}/new/approved-1').", "Go back with restore ./new/approved-1."),
        ("Or triage.restore('o', first='{here}/shots/old').", "Or restore o --first shots/old."),
        ("Name it: triage.approve(frame, first=...).", "Name it: --first FIRST."),
        ("Continue: batch.run(resume='/a b/x.csv').", "Continue: compare --resume '/a b/x.csv'."),
        ("Go back: triage.restore('/out/approved-1').", "Go back: restore /out/approved-1."),
        (
            "Go back: triage.restore('{here}/new/approved-1', first='{here}/shots/old').",
            "Go back: restore ./new/approved-1 --first shots/old.",
        ),
        ("There is no {here}/new/stop_at=3/max_pixels.", "There is no ./new/stop_at=3/max_pixels."),
        ("{here}/max_pixels has no picture.", "max_pixels has no picture."),
    ],
)
def test_messages_use_the_words_of_the_command(
    text: str,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = Wording(parser().parse_args(["compare", "shots/old", "./new", "--out", "max_pixels"]))
    words.complain(text.format(here=tmp_path))
    assert capsys.readouterr().err == printed.format(here=tmp_path) + "\n"


def test_a_recommended_command_can_be_typed() -> None:
    options = parser().parse_args(["look", "--out", "my results"])
    options.program = "python run.py"
    assert Wording(options).call("look", "--out", options.out) == "python run.py look --out 'my results'"


def test_options_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["compare", "first", "second", "--process", "1"])
    assert "unrecognized arguments: --process" in capsys.readouterr().err
