"""The rows of a report: an index in its page, and files of some rows each."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.report_files import content, files, row, told

from mymodules import report
from mymodules.report import writing
from mymodules.results import attention


def shards(page: Path) -> list[list[dict[str, Any]]]:
    """What each of the files has."""
    names = content(page)["shards"]["files"]
    text = page.read_text(encoding="utf-8")
    return [json.loads(told(page, text, name)) for name in names]


@pytest.mark.parametrize("embed", [False, True])
def test_all_rows_are_there_whatever_is_in_one_file(
    frame: pd.DataFrame, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embed: bool
) -> None:
    """Eleven rows, four in a file: 4, 4 and 3. The same whole rows as if all were in one."""
    assert (len(frame), len(shards(page))) == (11, 1)
    monkeypatch.setattr(writing, "ROWS_IN_FILE", 4)
    made = report.write(frame, tmp_path / ("report.html" if embed else "report"), embed=embed, same=True)
    assert [len(rows) for rows in shards(made)] == [4, 4, 3]
    assert content(made)["rows"] == content(page)["rows"]
    assert content(made)["identity"] == content(page)["identity"], "so that decisions stay"
    names = frame["image_filename"].iloc[attention.places(frame)].tolist()
    assert content(made)["index"]["name"] == names


def test_the_page_itself_has_only_what_is_needed_of_all_rows(page: Path) -> None:
    told = content(page)
    assert not {"messages", "regions", "marks", "pictures", "combined"} & told["index"].keys()
    assert {len(values) for values in told["index"].values()} == {11}
    boxes = {each["name"]: len(each["regions"]) for each in told["rows"]}
    counts = dict(zip(told["index"]["name"], told["index"]["count"], strict=True))
    assert counts == {name: None if row(page, name)["status"] in ("error", "missing", "extra") else count
                      for name, count in boxes.items()}  # fmt: skip


def test_files_of_earlier_rows_go(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.write(frame, tmp_path / "report")
    monkeypatch.setattr(writing, "ROWS_IN_FILE", 6)
    page = report.write(frame, tmp_path / "report")
    found = {name for name in files(page.parent / "values") if name.endswith(".rows.js")}
    assert found == {f"{name}.js" for name in content(page)["shards"]["files"]}
    assert len(found) == 2


def test_no_rows_need_no_file(frame: pd.DataFrame, tmp_path: Path) -> None:
    page = report.write(frame[:0], tmp_path / "report")
    assert (content(page)["rows"], shards(page)) == ([], [])
