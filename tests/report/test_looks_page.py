"""The looks of a report as files: what is in them, beside the table and alone."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.programs import Folders, folders, png
from support.report_files import content, files, row
from support.triaged import nearly_the_same

from mymodules import batch, errors, looks, report
from mymodules.pages.looks import UNLISTED
from mymodules.report.looks import INCOMPLETE
from mymodules.results import runfiles
from mymodules.triage import FILE, Decisions, Row

LOGO, WORD, SMALL = (20, 10), (320, 150), (200, 60)  # where 30 x 20 px of each change stand, y and x
PAGES = {"a.png": (SMALL, LOGO, WORD), "b.png": (LOGO,), "c.png": (LOGO,), "same.png": ()}


def picture(*changed: tuple[int, int]) -> bytes:
    samples = np.full((400, 200, 3), 250, np.uint8)
    for y, x in changed:
        samples[y : y + 20, x : x + (12 if (y, x) == SMALL else 30)] = y // 3
    return png(samples)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    made = folders(tmp_path_factory.mktemp("looks"))
    for name, places in PAGES.items():
        (made.first / name).write_bytes(picture())
        (made.second / name).write_bytes(picture(*places))
    return made


@pytest.fixture(scope="module")
def compared(made: Folders) -> pd.DataFrame:
    return batch.run(*made, num_processors=1, pictures="none", store=None).frame()


@pytest.fixture
def rows(made: Folders, compared: pd.DataFrame) -> pd.DataFrame:
    """The rows of a run about which nothing is decided."""
    (made.out / FILE).unlink(missing_ok=True)
    return compared


@pytest.fixture
def changes(made: Folders, compared: pd.DataFrame) -> Path:
    """The list of changes, which a test may spoil."""
    path = runfiles.changes_path(made.out, compared.attrs["run"]["stamp"])
    return path


def found(page: Path) -> dict[str, Any]:
    """What the file of the looks holds."""
    name = content(page)["looks"]["file"]
    if page.name == "index.html":
        text = (page.parent / "values" / f"{name}.js").read_text(encoding="ascii")
        data = re.fullmatch(r'take\("[0-9a-f]{32}\.looks", "(.*)"\);\n', text)[1]  # type: ignore[index]
    else:
        text = page.read_text(encoding="utf-8")
        data = re.search(rf'<script type="text/plain" id="{name}">(.*?)</script>', text)[1]  # type: ignore[index]
    read: dict[str, Any] = json.loads(base64.b64decode(data))
    return read


@pytest.mark.parametrize("embed", [False, True])
def test_a_report_has_the_looks_of_its_rows_in_a_file(
    rows: pd.DataFrame, tmp_path: Path, embed: bool
) -> None:
    page = report.write(rows, tmp_path / ("report.html" if embed else "report"), embed=embed)
    told, plan = found(page), looks.plan(rows)
    assert told["sentence"] == str(plan) == "3 pictures changed: 3 distinct changes, 1 look."
    assert [len(each) for each in told["about"]] == [3]
    marks = [
        (item["page"], mark) for each in told["looks"] for item in each["items"] for mark in item["marks"]
    ]
    assert sorted(page for page, _ in marks) == ["a.png"] * 3
    for name, (signature, _, _, first, second, pixels, _, place) in marks:
        record = row(page, name)
        assert record["marks"][place][2:5] == [first, second, pixels]
        assert content(page)["signatures"][record["listed"][place]] == signature


def test_only_what_is_open_is_a_look(rows: pd.DataFrame, made: Folders, tmp_path: Path) -> None:
    path = tmp_path / "report"
    page = report.write(rows, path)
    by_pages = {
        name: each["pages"] for each in found(page)["looks"] for name, each in each["classes"].items()
    }
    logo = max(by_pages, key=by_pages.__getitem__)
    desk = Decisions(made.out)
    desk.decide(Row.anywhere(logo), "accept")
    told = found(report.write(rows, path))
    assert "2 distinct changes, 1 look. 3 changes decided earlier." in told["sentence"]
    assert logo not in told["about"][0]
    own = rows.assign(decision=["accept" if name == "a.png" else "" for name in rows["image_filename"]])
    assert found(report.write(own, path))["looks"] == [], (
        "a row's own decision goes before those about its changes"
    )
    desk.decide(Row.anywhere(logo), "reject")
    (note,) = found(report.write(rows, path))["notes"]
    assert note.startswith("1 rejected change is still there, rejected since ")
    assert sum(name.endswith(".looks.js") for name in files(path)) == 1, "the earlier looks are gone"


def test_what_is_nearly_the_same_stands_side_by_side_and_says_so(tmp_path: Path) -> None:
    made = folders(tmp_path)
    nearly_the_same(made)
    rows = batch.run(*made, num_processors=1, pictures="none", store=None).frame()
    told = found(report.write(rows, tmp_path / "report", only_looks=True))
    (look,) = told["looks"]
    pages = {item["marks"][0][0]: item["page"] for item in look["items"]}
    near = {pages[name]: each["near"] for name, each in look["classes"].items()}
    assert near.pop("2.png") is None
    star = next(page for page, each in near.items() if each is None)
    (other,) = {*near} - {star}
    assert near[other] == [star, 50, 40, None]
    places = {item["page"]: (item["x"], item["y"]) for item in look["items"]}
    assert star == "0.png"
    assert places["0.png"][0] == places["1.png"][0] or places["0.png"][1] == places["1.png"][1]


def test_without_changes_there_are_none(rows: pd.DataFrame, tmp_path: Path) -> None:
    same = rows[rows["status"] == "same"]
    assert content(report.write(same, tmp_path / "report"))["looks"] == {"file": "", "why": ""}
    alone = found(report.write(same, tmp_path / "looks", only_looks=True))
    assert (alone["sentence"], alone["looks"]) == ("No picture has a change to look at.", [])


@pytest.mark.parametrize("spoil", ["absent", "not a table", "boxes"])
def test_a_list_of_changes_that_cannot_be_used_costs_the_looks_only(
    rows: pd.DataFrame, changes: Path, tmp_path: Path, spoil: str
) -> None:
    data = changes.read_bytes()
    try:
        if spoil == "absent":
            changes.unlink()
        elif spoil == "not a table":
            changes.write_text("x", encoding="utf-8")
        else:
            changes.write_bytes(re.sub(rb"(edit,\d+),\d+", rb"\1,", data))  # without y in first
        told = content(report.write(rows, tmp_path / "report"))
        assert told["looks"]["file"] == ""
        assert len(told["rows"]) == len(PAGES)
        assert told["looks"]["why"] == (INCOMPLETE if spoil == "boxes" else UNLISTED)
        with pytest.raises(errors.SettingsError) as caught:
            report.write(rows, tmp_path / "looks", only_looks=True)
        assert str(caught.value) == told["looks"]["why"]
        assert not (tmp_path / "looks").exists()
    finally:
        changes.write_bytes(data)


def test_a_page_of_the_looks_alone_has_the_pictures_that_they_show(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    whole = report.write(rows, tmp_path / "report")
    page = report.write(rows, tmp_path / "looks", only_looks=True)
    told = content(page)
    assert (told["alone"], content(whole)["alone"]) == (True, False)
    assert told["identity"] == content(whole)["identity"], "so that both share what the browser keeps"
    assert [each["name"] for each in told["rows"]] == [each["name"] for each in content(whole)["rows"]]
    shown = {row(page, "a.png")["pictures"][side]["file"] for side in ("first", "second")}
    scripts = (told["looks"]["file"], *told["shards"]["files"])
    expected = {"index.html", *(f"values/{name}.js" for name in scripts)}
    expected |= {f"pictures/{name}" for name in shown}
    assert files(page.parent) == expected
    assert found(page) == found(whole)
    assert row(page, "b.png")["listed"] == row(whole, "b.png")["listed"]
    again = report.write(rows, tmp_path / "report", only_looks=True)
    assert files(again.parent) == expected, "in the place of a report, whose other parts go"


def test_one_file_needs_room_for_the_pictures_of_the_looks_only(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "looks.html"
    report.write(rows, path, embed=True, only_looks=True)
    monkeypatch.setattr("mymodules.report.writing.ONE_FILE_LIMIT", path.stat().st_size)
    report.write(rows, path, embed=True, only_looks=True)
    monkeypatch.setattr("mymodules.report.writing.ONE_FILE_LIMIT", path.stat().st_size - 1)
    with pytest.raises(errors.SettingsError, match="One file with all pictures would have"):
        report.write(rows, path, embed=True, only_looks=True)
