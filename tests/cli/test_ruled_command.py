"""``compare`` with rules: what it prints, its exit code, and what files for build servers say."""

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from support.programs import Folders, folders, png

from mymodules import cli, report

RULES = """
[[rule]]
name = "faint"
largest = 8

[[rule]]
name = "elsewhere <b>"
pictures = ["docs/**"]
depth = true

[[rule]]
name = "nothing"
kinds = ["move"]
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Two pictures that differ by little, one that is equal, and a project that tolerates the former."""
    made = folders(tmp_path)
    for number, name in enumerate(("a.png", "b.png", "same.png")):
        first = np.full((40, 50, 3), 200, np.uint8)
        second = first.copy()
        second[: number - 2, 3, 0] += 6
        for folder, pixels in ((made.first, first), (made.second, second if number < 2 else first)):
            (folder / name).write_bytes(png(pixels))
    (tmp_path / "rules.toml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return made


def compare(*options: str, rules: str = "rules.toml") -> int:
    how = ["--out", "out", "--processes", "1", "--check", "--rules", rules]
    return cli.main(["compare", "first", "second", *how, *options])


def test_rules_decide_about_the_exit_code(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare() == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[2] == "3 pictures: 1 same, 2 tolerated, 0 changed, 0 missing, 0 extra, 0 error"
    assert lines[4:7] == [
        "rules.toml: 3 rules took 2 changes in 2 pictures",
        "Rule 'elsewhere <b>' is for no picture of this run: correct its pictures, or remove it.",
        "Rule 'nothing' took nothing.",
    ]
    assert "Look and decide" not in said.out

    assert compare(rules="none") == 1
    assert "rule" not in capsys.readouterr().out
    Path("other.toml").write_text(RULES.replace("largest = 8", "largest = 5"))
    assert compare(rules="other.toml") == 1
    assert "other.toml: 3 rules took nothing\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "part", "lines"),
    [
        ("mask = [[3, 0, 1, 20]]", False, ["rules.toml: 1 rule took only parts of changes in 2 pictures"]),
        ("depth = true", False, ["rules.toml: 1 rule took nothing", "Rule 'a' took nothing."]),
        (
            "depth = true\npictures = ['b.png']",
            True,
            ["rules.toml: 1 rule took nothing", "Rule 'a' is for none of the pictures that were selected."],
        ),
    ],
)
def test_what_rules_took_is_reported_in_words_that_fit(
    made: Folders, capsys: pytest.CaptureFixture[str], rule: str, part: bool, lines: list[str]
) -> None:
    """The changes are columns 38 and 39 px high."""
    Path("rules.toml").write_text(f"[[rule]]\nname = 'a'\n{rule}\n")
    assert compare(*(["--include", "a.png"] if part else [])) == 1
    said = capsys.readouterr().out.splitlines()
    start = said.index(lines[0])
    assert said[start : start + len(lines)] == lines
    assert not said[start + len(lines)].startswith("Rule ")


def test_differences_in_bits_are_no_changes(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png", "same.png"):
        for folder, value in ((made.first, 1000), (made.second, 1001)):
            (folder / name).write_bytes(png(np.full((9, 9, 3), value, np.uint16)))
    Path("rules.toml").write_text("[[rule]]\nname = 'a'\ndepth = true\n")
    assert compare() == 0
    assert "rules.toml: 1 rule took differences in bits in 3 pictures\n" in capsys.readouterr().out


def test_a_limit_for_whole_pictures_is_reported_each_time(
    made: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rules.toml").write_text('[[rule]]\nname = "little"\npixels_per_picture = 100\n')
    assert compare() == 0
    assert (
        "Rule 'little' hides 2 changes, because whole pictures differ by little. The largest: "
        "39 px at x 3, y 0 of b.png" in capsys.readouterr().out.splitlines()
    )


def test_a_file_that_is_not_used_is_named(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rules.toml").rename(made.second / "compare.toml")
    hint = "Rules that are not used: second/compare.toml (to use them: --rules FILE)"
    run = ["compare", "first", "second", "--out", "out", "--store", "none", "--processes", "1"]
    assert cli.main(run) == 0
    assert hint in capsys.readouterr().out
    assert cli.main([*run, "--rules", "none"]) == 0
    assert "not used" not in capsys.readouterr().out  # nobody wants them


def test_a_mistake_is_named_with_its_line(made: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rules.toml").write_text('[[rule]]\nname = "a"\n')
    assert compare() == 2
    assert "rules.toml, line 2: rule 'a': it takes nothing: add a mask" in capsys.readouterr().err
    Path("rules.toml").write_text(RULES)
    assert compare("--no-moves") == 2
    assert "leave out --no-moves, or add --rules none" in capsys.readouterr().err


def test_files_for_build_servers_go_by_the_verdict(made: Folders) -> None:
    assert compare("--json", "r.json", "--junit", "r.xml", "--markdown", "r.md") == 0
    found = json.loads(Path("r.json").read_text())
    jsonschema.Draft202012Validator(json.loads(report.SCHEMA.read_text())).validate(found)
    assert found["verdict"] == "same"
    assert (found["counts"]["changed"], found["verdicts"]["tolerated"], found["verdicts"]["changed"]) == (
        2,
        2,
        0,
    )
    assert (found["rules"]["file"], found["rules"]["pictures"]) == ("rules.toml", 2)
    names = ("name", "candidates", "pictures", "tolerated", "whole")
    # 38 rows and 39 rows with one pixel each
    assert [[rule[name] for name in names] for rule in found["rules"]["rules"]] == [
        ["faint", 3, 2, 77, 2], ["elsewhere <b>", 0, 0, 0, 0], ["nothing", 3, 0, 0, 0],
    ]  # fmt: skip
    assert [row["rules"] for row in found["rows"]] == [
        {"faint": {"tolerated": 38, "changes": 1, "whole": 1}},
        {"faint": {"tolerated": 39, "changes": 1, "whole": 1}},
        None,
    ]

    suite = ElementTree.fromstring(Path("r.xml").read_text())[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("3", "0")
    properties = {each.attrib["name"]: each.attrib["value"] for each in suite[0]}
    assert properties["rules"] == "rules.toml: 3 rules took 2 changes in 2 pictures"
    output = suite.findtext("testcase[@name='a.png']/system-out")
    assert output is not None
    assert "Rule 'faint' tolerates 38 px of 1 change." in output

    lines = Path("r.md").read_text().splitlines()
    assert lines[0] == "### No difference in 3 pictures, 2 tolerated"
    assert "| tolerated | 2 |" in lines
    assert not any(line.startswith("####") for line in lines)
    assert any("Rule &#39;elsewhere &#60;b&#62;&#39; is for no picture" in line for line in lines)
