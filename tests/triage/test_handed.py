"""Files from others are not trusted: approvals, runs, tables and decisions made to do harm."""

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import Folders
from support.report_files import content
from support.triaged import accept, approval, compared, entry, forget, picture, state

from mymodules import images, look, report, results, settings, triage, viewer
from mymodules.errors import ResultsError, SettingsError
from mymodules.pages import display
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row

HOSTILE_PATHS = [
    "../victim.png",
    "below/../../victim.png",
    "/etc/passwd",
    ".bashrc",
    ".config/autostart/x.desktop",
    ".hidden/a.png",
    "below/.a.png",
    "notes.txt",
    "a.png/",
    "",
    "a.png\0.txt",
    "program.exe",
]


# Approvals and runs from elsewhere


def test_an_approval_from_elsewhere_needs_first_to_be_named(tmp_path: Path) -> None:
    home, old = tmp_path / "home", picture(1)
    home.mkdir()
    folder = approval(tmp_path / "approved-x", home, entry("a.png", images.digest(old)))
    (folder / "first").mkdir()
    (folder / "first" / "a.png").write_bytes(old)
    with pytest.raises(SettingsError) as refused:
        triage.restore(folder)
    assert str(home) in str(refused.value)
    assert "first=" in str(refused.value)
    assert list(home.iterdir()) == []
    assert triage.restore(folder, first=home).restored == ("a.png",)


def test_an_approval_whose_first_is_that_of_the_settings_needs_no_name(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    before = state(made.first)
    done = triage.approve(frame)
    assert done.approved == ("a.png",)
    assert triage.restore(done.folder or "").restored == ("a.png",)
    assert state(made.first) == before


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_restore_writes_removes_and_reads_nothing_but_pictures(tmp_path: Path, path: str) -> None:
    """Each entry would create a file, replace one, or remove one, wherever its path leads."""
    first = tmp_path / "home" / "first"
    first.mkdir(parents=True)
    outside = tmp_path / "home" / "victim.png"
    for victim in (outside, first / ".bashrc", first / "notes.txt"):
        victim.write_bytes(b"mine")
    mine, evil = images.digest(b"mine"), images.digest(b"evil")
    before = state(tmp_path / "home")
    for number, change in enumerate(
        (entry(path, evil, None), entry(path, evil, mine), entry(path, None, mine))
    ):
        folder = approval(tmp_path / f"approved-{number}", first, change)
        target = Path(os.path.normpath(folder / "first" / path.strip("/").split("\0")[0]))
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_dir():
            target.write_bytes(b"evil")
        done = triage.restore(folder, first=first)
        assert list(done.refused) == ["a.png"]
        assert (done.restored, done.unchanged) == ((), ())
        assert state(tmp_path / "home") == before


def test_restore_takes_no_old_file_through_a_link(tmp_path: Path) -> None:
    first, secret = tmp_path / "first", tmp_path / "secret"
    first.mkdir()
    secret.write_bytes(b"secret")
    folder = approval(tmp_path / "approved-1", first, entry("a.png", images.digest(b"secret")))
    (folder / "first").mkdir()
    (folder / "first" / "a.png").symlink_to(secret)
    assert "link" in triage.restore(folder, first=first).refused["a.png"]
    assert list(first.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        entry(5),
        entry(None),
        entry(["a.png"]),
        entry("a.png", number="0"),
        entry("a.png", number=True),
        entry("a.png", name=None),
        entry("a.png", old=5),
        entry("a.png", new=[]),
        {"path": "a.png"},
        "a.png",
        None,
    ],
)
def test_an_approval_of_another_form_is_refused_whole(tmp_path: Path, change: Any) -> None:
    first = tmp_path / "first"
    first.mkdir()
    folder = approval(tmp_path / "approved-1", first, change)
    with pytest.raises(ResultsError, match="does not say what was approved"):
        triage.restore(folder, first=first)


@pytest.mark.parametrize("text", ["[" * 200_000, "{" * 200_000, '{"first": NaN', "[]", "\0", '"x"'])
def test_an_approval_that_is_no_manifest_is_a_sentence(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "approved-1"
    folder.mkdir()
    (folder / "approved.json").write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"approved\.json"):
        triage.restore(folder, first=tmp_path)


def foreign(made: Folders, tmp_path: Path, victim: Path) -> pd.DataFrame:
    """A run of somebody else, whose manifest says that the victim's folder is first."""
    compared(made)
    given_out = Path(shutil.copytree(made.out, tmp_path / "given"))
    (csv,) = given_out.glob("results-*[0-9].csv")
    manifest = json.loads(csv.with_suffix(".json").read_text(encoding="utf-8"))
    manifest |= {"first": str(victim), "out": str(victim)}
    csv.with_suffix(".json").write_text(json.dumps(manifest), encoding="utf-8")
    return results.load(csv)


def test_a_run_from_elsewhere_needs_first_to_be_named(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = Path(shutil.copytree(made.first, tmp_path / "victim"))
    frame = foreign(made, tmp_path, victim)
    forget(monkeypatch)
    Decisions(tmp_path / "given").decide(frame[frame["image_filename"] == "a.png"], "accept")
    before = state(victim)
    with pytest.raises(SettingsError, match="comes from elsewhere") as refused:
        triage.approve(frame)
    assert "first=" in str(refused.value)
    assert state(victim) == before
    done = triage.approve(frame, first=victim)
    assert done.approved == ("a.png",)
    assert done.folder is not None
    assert done.folder.parent == tmp_path / "given", "where the file was found, not where it says"
    monkeypatch.setenv("MYMODULES_SETTINGS", "")
    with pytest.raises(SettingsError):
        triage.restore(done.folder)


def test_the_settings_know_first(made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    forget(monkeypatch)
    assert not settings.is_chosen(made.first)
    settings.init(first=made.first, second=made.second, out=made.out)
    assert settings.is_chosen(made.first)
    link = tmp_path / "link"
    link.symlink_to(made.first)
    assert settings.is_chosen(link)
    assert not settings.is_chosen(made.second)
    accept(made, frame, "b.png")
    assert triage.approve(frame).approved == ("b.png",)


# Tables and manifests


@pytest.mark.parametrize("name", HOSTILE_PATHS)
def test_no_name_of_a_table_leads_to_anything_but_a_picture(made: Folders, tmp_path: Path, name: str) -> None:
    for victim in (made.first / ".bashrc", made.first / "notes.txt", made.first.parent / "victim.png"):
        victim.write_bytes(picture(9))
    frame = pd.DataFrame({"image_filename": [name], "status": ["changed"], "regions": [[]]})
    frame = frame.assign(combined=1.0, num_diff_pixels=1, ssim_score=0.5, messages="")
    frame.attrs["run"] = {"first": str(made.first), "second": str(made.second), "out": str(made.out)}
    folders = display.folders(frame)
    for side in display.SIDES:
        with pytest.raises(display.Absent, match="leads out of"):
            folders.path(name, side, "changed")
    page = report.write(frame, tmp_path / "report")
    assert list((page.parent / "pictures").iterdir()) == []
    look.blend(frame)
    viewer.Viewer(frame)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_not_waited_for(made: Folders, tmp_path: Path) -> None:
    os.mkfifo(made.first / "pipe.png")
    frame = pd.DataFrame({"image_filename": ["pipe.png"], "status": ["changed"], "regions": [[]]})
    frame.attrs["run"] = {"first": str(made.first), "second": str(made.second), "out": str(made.out)}
    page = report.write(frame, tmp_path / "report")
    (row,) = content(page)["rows"]
    assert "is not a file" in str(row["pictures"])


NONSENSE = [
    [],
    "x",
    5,
    {"first": 5, "second": "/b"},
    {"first": "/a", "second": ["/b"]},
    {"first": "/a", "second": "/b", "out": {"a": 1}},
    {"first": "/a", "second": "/b", "out": "/c", "options": [1]},
    {"first": "/a", "second": "/b", "out": "/c", "options": {"max_pixels": "x"}},
    {"first": "/a", "second": "/b", "out": "/c", "options": {"max_pixels": -1}},
    {"first": "/a", "second": "/b", "out": "/c", "options": {"max_pixels": math.inf}},
    {"first": "/a", "second": "/b", "out": "/c", "options": {"max_pixels": True}},
    {"first": "/a\0", "second": "/b"},
    {"first": "http://a.example/b", "second": "/b"},
]


@pytest.mark.parametrize("manifest", NONSENSE, ids=repr)
def test_a_manifest_of_nonsense_is_a_sentence(tmp_path: Path, manifest: Any) -> None:
    frame = pd.DataFrame({"image_filename": ["a.png"], "status": ["changed"], "regions": [[]]})
    frame.attrs["run"] = manifest
    for use in (triage.approve, viewer.Viewer, look.audit, lambda each: report.write(each, tmp_path / "r")):
        with pytest.raises((SettingsError, ResultsError)):
            use(frame.assign(ssim_score=0.5, width_first=9, height_first=9, width_second=9, height_second=9))


HEADER = ",".join(results.COLUMNS)
ROW = dict.fromkeys(results.COLUMNS, "") | {
    "image_filename": "a.png", "messages": "m", "status": "changed", "code": "pixels_differ"
}  # fmt: skip

CELLS = [
    ("regions", "[" * 100_000),
    ("regions", '"' + "[" * 100_000 + '"'),
    ("regions", '"[[1,2,3,1e400]]"'),
    ("regions", f'"[[1,2,3,{10**400}]]"'),
    ("regions", "{}"),
    ("region_pixels", "[" * 100_000),
    ("region_pixels", f'"[1,{10**400}]"'),
    ("region_pixels", "[1e400]"),
    ("num_diff_pixels", "1e300"),
    ("num_diff_pixels", "inf"),
    ("num_diff_pixels", "nan"),
    ("num_diff_pixels", "9" * 5000),
    ("width_first", "-inf"),
    ("max_diff_r", str(2**70)),
    ("ssim_score", "inf"),
    ("ssim_score", "nan"),
    ("combined", "-inf"),
    ("seconds", "1e999"),
    ("dim_differ", "maybe"),
]


@pytest.mark.parametrize(("column", "cell"), CELLS, ids=[f"{name}-{cell[:9]}" for name, cell in CELLS])
def test_a_cell_of_nonsense_is_named_by_file_and_line(tmp_path: Path, column: str, cell: str) -> None:
    line = ",".join((ROW | {column: cell}).values())
    for file in ("results-20260101-000000.csv", "results-20260101-000000.partial.csv"):
        path = tmp_path / file
        path.write_text(f"{HEADER}\r\n{line}\r\n", encoding="utf-8-sig")
        for reader in (results.load, results.read_partial if "partial" in file else results.read):
            with pytest.raises(ResultsError, match="line") as refused:
                reader(path)
            assert file in str(refused.value)
            assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        f'{HEADER}\r\n"{"x" * 200_000}"',
        f"{HEADER},status\r\n",
        f"{HEADER}\r\na,b\r\n",
        f"{HEADER}\r\n\0\r\n",
        "[" * 100_000,
        "\0\0\0",
    ],
)
def test_a_table_of_nonsense_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results-20260101-000000.csv"
    path.write_text(text, encoding="utf-8")
    for reader in (results.load, results.read):
        with pytest.raises(ResultsError, match=r"results-20260101-000000\.csv"):
            reader(path)


# Decisions

FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠A", "\t=1", "'=1", "''＝1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_decisions_is_a_formula(tmp_path: Path, text: str) -> None:
    """Names, digests and notes come from tables that others have made."""
    row = Row(text, text, text)
    Decisions(tmp_path).decide(row, "accept", text)
    lines = (tmp_path / "triage.csv").read_text(encoding="utf-8-sig").splitlines()
    read = pd.read_csv(tmp_path / "triage.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert len(lines) == 2
    for column in ("name", "first_digest", "second_digest", "note"):
        cell = read[column][0]
        assert cell.startswith("'"), (column, cell)
        assert cell == f"'{text}"
    assert Decisions(tmp_path).of(row) == ("accept", text)


@given(st.text("'=+-@＝＋－＠\t\r\nax", max_size=6))
def test_guarding_is_undone_exactly(text: str) -> None:
    guarded = results.guard(text)
    assert results.unguard(guarded) == text
    assert not guarded or guarded[0] not in "=+-@＝＋－＠\t\r\n"


def test_names_that_earlier_versions_wrote_are_read_as_they_were(tmp_path: Path) -> None:
    """Those versions did not guard full-width signs; a file's own name is not changed."""
    path = tmp_path / "results-20260101-000000.csv"
    line = ",".join((ROW | {"image_filename": "＝a.png"}).values())
    path.write_text(f"{HEADER}\r\n{line}\r\n", encoding="utf-8-sig")
    assert results.load(path)["image_filename"].tolist() == ["＝a.png"]
    assert results.read(path)[0].image_filename == "＝a.png"


def test_texts_of_others_are_no_markup(made: Folders, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    frame = compared(made).assign(messages=evil, code=evil)
    page = report.write(frame, tmp_path / "report").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert page.count("<script") == 2
    report.junit(frame, tmp_path / "junit.xml")
    assert "<img" not in (tmp_path / "junit.xml").read_text(encoding="utf-8")


def test_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("[" * 200_000, "{}", "5", '{"first": 1}', "\x01"):
        monkeypatch.setenv("MYMODULES_SETTINGS", text)
        with pytest.raises(SettingsError, match="MYMODULES_SETTINGS"):
            settings.recorded()


def test_arrays_are_no_tables() -> None:
    with pytest.raises(SettingsError, match="table"):
        triage.approve(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="table"):
        runfiles.folders([1])  # type: ignore[arg-type]
