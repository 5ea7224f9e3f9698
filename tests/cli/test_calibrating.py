"""``calibrate``: what is printed is a file of rules, and only what is asked for is written."""

import os
from pathlib import Path

import numpy as np
import pytest
from support import pngs

from mymodules import rules
from mymodules.cli import main, runs
from mymodules.regions import Region
from mymodules.rules import Limits, Rule

CLOCK = Rule("flicker in page.png", Limits(mask=(Region(16, 26, 19, 18),)), ("page.png",))
"""10 x 10 px that differ, the column right of them, which is another colour, and 4 px around."""


@pytest.fixture
def captures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three captures of a page, on which a box of 10 x 10 px changes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "ROOT", tmp_path)  # it has no notebooks, so the project is here
    for number in range(3):
        picture = np.full((60, 80, 3), 255, np.uint8)
        picture[30:40, 20:30] = 60 * number
        path = tmp_path / f"capture{number}/page.png"
        path.parent.mkdir()
        path.write_bytes(pngs.write(picture, 2, 8))
    return [f"capture{number}" for number in range(3)]


def test_a_proposal_is_printed_and_nothing_is_written(
    captures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(["calibrate", *captures, "--held-out", "1", "--rules", "compare.toml"]) == 0
    said = capsys.readouterr().out
    assert rules.parse(said, Path("printed")).rules == (CLOCK,)
    assert "# Learnt from the first 2 captures named: 1 of 1 picture flickers." in said
    assert "# Of 1 capture held out 0 failed: with 95 % confidence at most 95 % of such" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_rules_and_pictures_are_written_where_the_options_say(
    captures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.toml"
    file.write_text("# ours\r\n")
    options = ["--rules", "own.toml", "--write", "--pictures", "seen"]
    assert main(["calibrate", *captures, *options]) == 0
    said = capsys.readouterr().out
    assert "# Added to own.toml:\n" in said
    assert "# Pictures of what flickers: 1 in seen\n" in said
    assert rules.read(file).rules == (CLOCK,)
    assert file.read_text().startswith("# ours\n\n[[rule]]\n")
    assert (tmp_path / "seen/page.png-flicker.png").is_file()

    written = file.read_bytes()
    assert main(["calibrate", *captures, "--rules", "own.toml", "--write"]) == 0
    said = capsys.readouterr().out
    assert "# What the rules in own.toml take is not proposed again.\n" in said
    assert "# There is nothing to add to own.toml.\n" in said
    assert file.read_bytes() == written


def test_without_a_name_the_rules_are_those_of_the_project_and_a_check_passes_with_them(
    captures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    check = ["compare", *captures[:2], "--out", "out", "--pictures", "none", "--check"]
    assert main(check) == 1
    (tmp_path / "compare.toml").write_text("[folders]\nfirst = 'capture0'\n")
    assert main(["calibrate", *captures, "--write"]) == 0
    assert rules.read(tmp_path / "compare.toml").rules == (CLOCK,)
    assert main(check) == 0
    capsys.readouterr()
    assert main(["calibrate", *captures]) == 0
    assert "[[rule]]" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["capture0"], "at least 2 captures to learn from, and there are 1"),
        (["capture0", "capture0/"], "are the same folder"),
        (["capture0", "nowhere"], "There is no folder nowhere: name a folder with captures."),
        (["capture0", "capture1", "--held-out", "1"], "without the 1 that are held out"),
    ],
)
def test_what_cannot_be_used_is_refused(
    captures: list[str], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses such a name")
def test_names_cannot_steer_a_terminal_nor_mislead_a_reader(
    captures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = 'a\u202egnp."\x1b[2J.png'
    for folder in captures:
        (tmp_path / folder / "page.png").rename(tmp_path / folder / name)
    assert main(["calibrate", *captures, "--rules", "own.toml", "--write"]) == 0
    said = capsys.readouterr().out
    written = (tmp_path / "own.toml").read_text(encoding="utf-8")
    assert not {"\u202e", "\x1b"} & {*said, *written}
    (rule,) = rules.parse(said, Path("printed")).rules
    assert rule.is_for(name)
    assert rules.read(tmp_path / "own.toml").rules == (rule,)
