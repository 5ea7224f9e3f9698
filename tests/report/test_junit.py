"""The JUnit file: what Jenkins' schema asks for, and what a build server makes of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import folders, png

from mymodules import batch, errors, pairs, report, results
from mymodules import cli as command
from mymodules.regions import Region
from mymodules.results import runfiles
from mymodules.workers import PairResult

# The rules of junit-10.xsd of the Jenkins xUnit plugin, as far as an element of the file may break them:
# attributes that must and that may be there, children, whether it holds text.
TOLD = (set(), {"type", "message"}, set(), True)
RULES = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}, False),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        False,
    ),
    "properties": (set(), set(), {"property"}, False),
    "property": ({"name", "value"}, set(), set(), False),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
        False,
    ),
    "failure": TOLD,
    "error": TOLD,
    "skipped": TOLD,
}


def check(element: Element) -> None:
    """Raise where the schema would."""
    must, may, children, text = RULES[element.tag]
    assert must <= set(element.attrib) <= must | may, element.tag
    assert {child.tag for child in element} <= children
    if not text:
        assert not (element.text or "").strip()
    if element.tag in ("testsuites", "testsuite"):
        assert re.fullmatch(r"[0-9]*(\.[0-9]*)?", element.attrib["time"])
    for child in element:
        assert not (child.tail or "").strip()
        check(child)


def row(name: str, status: str, code: str, message: str = "It was told.", **figures: object) -> PairResult:
    return PairResult(None, name, message, status, code)._replace(**figures)


def cells(of: PairResult) -> tuple[object, ...]:
    return of[: len(results.COLUMNS)]


ROWS = [
    row("same.png", "same", "bytes_equal", seconds=0.25),
    row(
        "shop/v1.2/cart & <co>.png", "changed", "pixels_differ", "12 pixels 'differ' & <more>.",
        ssim_score=0.5, num_diff_pixels=12, dim_differ=False, regions=(Region(1, 2, 3, 4),),
        first_digest="1" * 32, seconds=1.5,
    ),
    row("broken.png", "error", "truncated", "first is broken.", seconds=1e-6),
    row("gone.png", "missing", "only_first"),
    row("new.png", "extra", "only_second"),
]  # fmt: skip


def loaded(out: Path, rows: list[PairResult]) -> pd.DataFrame:
    path = out / "results-20260102-030405-2.csv"
    results.write(path, rows)
    manifest = {"stamp": "20260102-030405-2", "first": "/a\udcff", "second": "/b"}
    runfiles.write_manifest(path.with_suffix(".json"), manifest)
    return results.load(path)


def written(frame: pd.DataFrame, path: Path, **options: bool) -> Element:
    report.junit(frame, path, **options)
    root = ElementTree.fromstring(path.read_bytes())
    check(root)
    return root


def outcomes(root: Element) -> dict[str, str]:
    return {case.attrib["name"]: case[0].tag if len(case) else "" for case in root.iter("testcase")}


def properties(root: Element) -> dict[str, str]:
    return {each.attrib["name"]: each.attrib["value"] for each in root.iter("property")}


def test_one_case_for_each_picture(tmp_path: Path) -> None:
    root = written(loaded(tmp_path, ROWS), tmp_path / "junit.xml")
    (suite,) = root
    assert outcomes(root) == {
        "same.png": "",
        "shop/v1.2/cart & <co>.png": "failure",
        "broken.png": "error",
        "gone.png": "skipped",
        "new.png": "skipped",
    }
    counts = {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"}
    assert suite.attrib == counts | {
        "name": "mymodules",
        "time": "1.750001",
        "timestamp": "2026-01-02T03:04:05",
    }
    stamp = {"stamp": "20260102-030405-2"}
    assert properties(suite) == {"first": "a\\udcff", "second": "b"} | stamp
    whole = written(loaded(tmp_path, ROWS), tmp_path / "junit.xml", paths=True)
    assert properties(whole) == {"first": "/a\\udcff", "second": "/b"} | stamp
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert cases["same.png"].attrib == {"classname": "mymodules", "name": "same.png", "time": "0.250000"}
    assert cases["gone.png"].attrib["time"] == "0.000000"
    changed = cases["shop/v1.2/cart & <co>.png"]
    assert changed.attrib["classname"] == "mymodules.shop.v1_2"
    (failure,) = changed
    assert failure.attrib == {"type": "pixels_differ", "message": "12 pixels 'differ' & <more>."}
    assert failure.text is not None
    assert failure.text.splitlines() == [
        "12 pixels 'differ' & <more>.",
        "ssim_score: 0.5",
        "num_diff_pixels: 12",
        "dim_differ: false",
        f"first_digest: {'1' * 32}",
        "regions: 1, the first [x, y, width, height]: [1, 2, 3, 4]",
    ]


@pytest.mark.parametrize(("missing", "extra"), [(True, False), (False, True), (True, True)])
def test_missing_and_extra_fail_by_option(tmp_path: Path, missing: bool, extra: bool) -> None:
    root = written(loaded(tmp_path, ROWS), tmp_path / "j.xml", fail_missing=missing, fail_extra=extra)
    found = outcomes(root)
    assert found["gone.png"] == ("failure" if missing else "skipped")
    assert found["new.png"] == ("failure" if extra else "skipped")
    assert root.attrib["failures"] == str(1 + missing + extra)


# What is no Char of XML 1.0, section 2.2.
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@given(names=st.lists(st.text(st.characters(), min_size=1, max_size=8), unique=True, max_size=6))
def test_any_name_and_message_is_valid_xml(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    out = tmp_path_factory.mktemp("out")
    texts = [pairs.to_text(name) for name in names]
    rows = [
        row(text, "changed", "pixels_differ", pairs.sentence(name))
        for name, text in zip(names, texts, strict=True)
    ]
    frame = pd.DataFrame(map(cells, rows), columns=list(results.COLUMNS))
    root = written(frame, out / "junit.xml")
    found = [case.attrib["name"] for case in root.iter("testcase")]
    assert len(set(found)) == len(texts)
    assert [text for text in texts if NO_XML.search(text) is None] == [
        name for name, text in zip(found, texts, strict=True) if NO_XML.search(text) is None
    ]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("]]></x>&amp;\n\t\"'", "]]></x>&amp;\n\t\"'"),
        ("\\x00\\x0b\\x1b\\ufffe\\udcff", "\0\x0b\x1b\ufffe\udcff"),
        ("\U0001f600 変", "\U0001f600 変"),
    ],
)
def test_what_xml_cannot_hold_is_escaped(expected: str, text: str, tmp_path: Path) -> None:
    found = row(text, "error", "corrupt", text)
    frame = pd.DataFrame([cells(found)], columns=list(results.COLUMNS), dtype=object)
    root = written(frame, tmp_path / "junit.xml")
    (case,) = root.iter("testcase")
    assert case.attrib["name"] == expected
    assert case[0].attrib["message"] == expected
    assert (case[0].text or "").startswith(expected)


def test_no_rows_and_few_columns(tmp_path: Path) -> None:
    assert outcomes(written(loaded(tmp_path, []), tmp_path / "junit.xml")) == {}
    frame = pd.DataFrame({"image_filename": ["a.png"], "status": ["changed"]})
    assert outcomes(written(frame, tmp_path / "junit.xml")) == {"a.png": "failure"}
    with pytest.raises(errors.SettingsError, match="status"):
        report.junit(frame[["image_filename"]], tmp_path / "junit.xml")


@pytest.mark.parametrize("status", ["", "Same", None, 1.0])
def test_rows_that_were_never_judged_are_refused(tmp_path: Path, status: object) -> None:
    """They would pass, or fail, by no comparison."""
    names = pd.Series(["a.png", "b/\udcff.png"], dtype=object)  # which text of Arrow cannot hold
    frame = pd.DataFrame({"image_filename": names, "status": ["same", status]})
    with pytest.raises(errors.SettingsError, match=r"^1 of 2 rows have no status .* b/\\udcff\.png:"):
        report.junit(frame, tmp_path / "junit.xml")
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_scores_is_no_outcome(tmp_path: Path) -> None:
    seed = tmp_path / "seed.csv"
    seed.write_text('0.5,a.png,"it differs"\n1.0,b.png,""\n', encoding="utf-8")
    with pytest.raises(errors.SettingsError, match="2 of 2 rows"):
        report.junit(results.load(seed), tmp_path / "junit.xml")


def test_every_status_has_an_outcome(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_filename": list(batch.STATUSES), "status": list(batch.STATUSES)})
    found = outcomes(written(frame, tmp_path / "junit.xml"))
    assert [status for status, outcome in found.items() if not outcome] == ["same"]


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    frame = loaded(tmp_path, ROWS)
    with pytest.raises(errors.OutputError, match="absent"):
        report.junit(frame, tmp_path / "absent" / "junit.xml")
    before = sorted(tmp_path.iterdir())
    (tmp_path / "folder.xml").mkdir()
    with pytest.raises(errors.OutputError, match=re.escape("folder.xml")):
        report.junit(frame, tmp_path / "folder.xml")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "folder.xml"])


# --- the command -------------------------------------------------------------------------------------


def compare(tmp_path: Path, *options: object) -> int:
    return command.main(["compare", *map(str, (tmp_path / "first", tmp_path / "second", *options))])


@pytest.mark.parametrize("absent", ["absent/junit.xml", "first", "first/a.png/junit.xml"])
def test_path_that_cannot_be_is_told_before_anything_starts(
    absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = folders(tmp_path)
    for folder in (made.first, made.second):
        (folder / "a.png").write_bytes(png(np.zeros((4, 4, 3), np.uint8)))
    monkeypatch.setattr(batch, "run", lambda **_: pytest.fail("starts"))
    assert compare(tmp_path, "--out", made.out, "--junit", tmp_path / absent) == 2
    said = capsys.readouterr()
    assert "--junit" in said.err
    assert said.err.count("\n") == 1
    assert list(made.out.iterdir()) == []


def test_command_writes_it_with_errors_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = folders(tmp_path)
    pixels = np.zeros((4, 4, 3), np.uint8)
    for folder in (made.first, made.second):
        (folder / "broken.png").write_bytes(png(pixels)[:-5])
        (folder / "same.png").write_bytes(png(pixels))
    (made.first / "gone.png").write_bytes(png(pixels))

    run = batch.run

    def in_this_process(**_: Any) -> batch.Run:
        with ThreadPoolExecutor(1) as executor:
            return run(*made, executor=executor, pictures="none")

    monkeypatch.setattr(batch, "run", in_this_process)
    path = tmp_path / "junit.xml"
    assert compare(tmp_path, "--out", made.out, "--junit", path) == 0
    assert f"JUnit:     {path}\n" in capsys.readouterr().out
    root = ElementTree.fromstring(path.read_bytes())
    check(root)
    assert outcomes(root) == {"broken.png": "error", "gone.png": "skipped", "same.png": ""}
    assert compare(tmp_path, "--out", made.out, "--junit", path, "--check") == 2
    assert outcomes(ElementTree.fromstring(path.read_bytes()))["gone.png"] == "failure"

    def in_this_process_and_more(**_: Any) -> batch.Run:
        path.unlink()
        path.mkdir()  # meanwhile
        return in_this_process()

    monkeypatch.setattr(batch, "run", in_this_process_and_more)
    assert compare(tmp_path, "--out", made.out, "--junit", path) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"JUnit: not written. {path} cannot be written (")
    assert said.err.count("\n") == 1
    assert "Table:     " in said.out
