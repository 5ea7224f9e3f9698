"""A report that is handed over: without equal pictures and local paths, and with what decisions need."""

import re
from pathlib import Path

import pandas as pd
import pytest
from support.programs import folders
from support.report_files import FILES, compare, content, encoded, files, noise, row

from mymodules import errors, report, results
from mymodules.cli.outputs import Outputs
from mymodules.cli.parser import parser
from mymodules.cli.wording import Wording
from mymodules.report.labels import Labels
from mymodules.triage import rows

# --- equal pictures ----------------------------------------------------------------------------------


def test_equal_pictures_are_left_out_unless_they_are_wanted(
    frame: pd.DataFrame, page: Path, tmp_path: Path
) -> None:
    small = report.write(frame, tmp_path / "report")
    (sentence,) = {each["error"] for each in row(small, "b/same.png")["pictures"].values()}
    assert texts(small).count(sentence) == 3, "once for each side, and not for each row"
    assert sentence.startswith("The pictures are equal and were left out")
    assert "same=True" in sentence
    assert "--report-all" in sentence
    assert sentence.endswith("keeps them.")
    alone = {each["file"] for each in row(page, "woven.png")["pictures"].values() if "file" in each}
    assert alone, "equal pixels in two files that no other row has"
    assert files(page.parent) - files(small.parent) >= {f"pictures/{name}" for name in alone}
    for name in ("a/changed.png", "missing.png", "glass.png"):
        assert row(small, name) == row(page, name)


def test_equal_pictures_that_have_changed_since_are_shown(tmp_path: Path) -> None:
    """The row says that they are the same, which may be wrong now."""
    made = folders(tmp_path)
    for side in made[:2]:
        (side / "a.png").write_bytes(encoded(noise(3)))
        (side / "b.png").write_bytes(encoded(noise(3)))
    frame = compare(*made).frame()
    (made.second / "b.png").write_bytes(encoded(noise(3, 2)))
    page = report.write(frame, tmp_path / "report")
    assert "left out" in row(page, "a.png")["pictures"]["first"]["error"]
    pictures = row(page, "b.png")["pictures"]
    assert pictures["second"]["changed"].startswith("second has changed since the run")
    assert "file" in pictures["first"]


def test_one_file_needs_no_room_for_equal_pictures(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is estimated before anything is written."""
    same = pd.concat([frame[frame["image_filename"] == "b/same.png"]] * 3, ignore_index=True)
    same.attrs = frame.attrs
    page = report.write(same, tmp_path / "report.html", embed=True)
    limit = page.stat().st_size + 1
    monkeypatch.setattr("mymodules.report.writing.ONE_FILE_LIMIT", limit)
    report.write(same, tmp_path / "report.html", embed=True)
    with pytest.raises(errors.SettingsError, match="One file"):
        report.write(same, tmp_path / "report.html", embed=True, same=True)


# --- local paths -------------------------------------------------------------------------------------


def texts(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_a_report_names_folders_and_date_and_no_path(frame: pd.DataFrame, tmp_path: Path) -> None:
    page = report.write(frame, tmp_path / "report")
    facts = dict(content(page)["facts"])
    first, second = (Path(frame.attrs["run"][side]) for side in ("first", "second"))
    assert (facts["first"], facts["second"]) == (first.name, second.name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", facts["run of"])
    assert str(first.parent) not in texts(page)
    gone = row(page, "gone.png")["pictures"]["first"]["error"]
    assert gone == f"first is gone: {first.name}/gone.png no longer exists."
    whole = report.write(frame, tmp_path / "whole", paths=True)
    assert dict(content(whole)["facts"])["first"] == str(first)
    assert str(first / "gone.png") in row(whole, "gone.png")["pictures"]["first"]["error"]


def test_messages_name_no_path_either(tmp_path: Path) -> None:
    made = folders(tmp_path)
    message = f"first is at {made.first}/a.png, not at {made.first}ly, {made.out} or /elsewhere."
    frame = pd.DataFrame({"image_filename": ["a.png"], "status": ["error"], "messages": [message]})
    frame.attrs["run"] = {role: str(getattr(made, role)) for role in ("first", "second", "out")}
    hidden = f"first is at first/a.png, not at {made.first}ly, out or /elsewhere."
    assert row(report.write(frame, tmp_path / "report"), "a.png")["messages"] == hidden
    report.junit(frame, tmp_path / "junit.xml")
    assert f'message="{hidden}"' in texts(tmp_path / "junit.xml")
    report.junit(frame, tmp_path / "junit.xml", paths=True)
    assert f'message="{message}"' in texts(tmp_path / "junit.xml")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Nothing is in /data/old.", "Nothing is in old."),
        ("Is it /data/old? It is (/data/old), or /data/old...", "Is it old? It is (old), or old..."),
        ("/data/old.\n/data/old/a.png", "old.\nold/a.png"),
        ("/data/old.png, /data/old-2, /data/older, /more/data/old.", None),
    ],
)
def test_a_path_is_hidden_wherever_it_ends_and_others_are_not(text: str, hidden: str | None) -> None:
    labels = Labels({"first": "/data/old", "second": "/data/new"}, paths=False)
    assert labels.hide(text) == (text if hidden is None else hidden)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ("/data/old", "/data/new", ("old", "new")),
        ("/main/shots", "/branch/shots", ("main/shots", "branch/shots")),
        ("/a/x/shots", "/b/x/shots", ("a/x/shots", "b/x/shots")),
        ("/shots", "/b/shots", ("/shots", "b/shots")),
        ("/", "/b", ("/", "b")),
    ],
)
def test_folders_have_as_much_of_their_path_as_tells_them_apart(
    first: str, second: str, names: tuple[str, str]
) -> None:
    labels = Labels({"first": first, "second": second, "out": None}, paths=False)
    assert (labels.names["first"], labels.names["second"]) == names


# --- what decisions need -----------------------------------------------------------------------------


def test_a_report_has_the_digests_and_the_stamp_of_its_run(frame: pd.DataFrame, page: Path) -> None:
    found = content(page)
    digests = [(each["name"], each["first_digest"], each["second_digest"]) for each in found["rows"]]
    assert sorted(digests) == sorted(tuple(each[:3]) for each in rows(frame))
    assert found["run"] == frame.attrs["run"]["stamp"]
    bare = frame.copy()
    bare.attrs["run"] = {**frame.attrs["run"], "stamp": "../20260102-030405"}
    assert content(report.write(bare, page.parent.parent / "other"))["run"] == ""


def test_only_a_report_of_the_same_rows_of_the_same_run_keeps_decisions_with_it(
    frame: pd.DataFrame, page: Path, tmp_path: Path
) -> None:
    known = content(page)["identity"]
    assert re.fullmatch("[0-9a-f]{32}", known)
    path = tmp_path / "report"
    assert content(report.write(frame[::-1], path))["identity"] == known, "another order"
    assert content(report.write(frame.assign(decision="accept"), path))["identity"] == known
    assert content(report.write(frame[1:], path))["identity"] != known
    assert content(report.write(frame.assign(first_digest="0" * 32), path))["identity"] != known
    later = frame.copy()
    later.attrs["run"] = {**frame.attrs["run"], "stamp": "20300102-030405"}
    assert content(report.write(later, path))["identity"] != known


# --- the command -------------------------------------------------------------------------------------


def test_the_command_keeps_equal_pictures_and_paths_on_request(
    tmp_path: Path,
) -> None:
    made = folders(tmp_path)
    for side in made[:2]:
        (side / "same.png").write_bytes(FILES["b/same.png"][0] or b"")
    run = compare(*made)
    page = tmp_path / "report"
    for more in ((), ("--report-all",), ("--report-paths",)):
        line = ["compare", "--report", str(page), "--junit", str(tmp_path / "junit.xml"), *more]
        options = parser().parse_args(line)
        wanted = Outputs.of(options, made.first, made.second, made.out)
        found = results.Rows.read(run.csv_path)
        assert [*wanted.write(run.csv_path, found, options, Wording(options))] == [True, True]
        index = page / "index.html"
        assert ("error" in row(index, "same.png")["pictures"]["first"]) == ("--report-all" not in more)
        for written in (index, tmp_path / "junit.xml"):
            assert (str(made.first) in texts(written)) == ("--report-paths" in more)
