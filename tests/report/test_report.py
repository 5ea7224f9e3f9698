"""The report as files: what is in it."""

import base64
import hashlib
import html
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import pngs
from support.programs import folders
from support.report_files import (
    CHANGED,
    FILES,
    compare,
    content,
    encoded,
    every_picture,
    files,
    noise,
    picture,
    pixels_of,
    row,
    values,
)

from mymodules import batch, errors, images, report, triage
from mymodules.pages import display, linker
from mymodules.pages.rows import ShownRows
from mymodules.report import writing
from mymodules.results import runfiles
from mymodules.row import BY_ATTENTION, HEADINGS, TABLE
from mymodules.triage import Decisions, Row

# What the page knows by itself, by what it shows and what was decided there.
NEIGHBOURS = {"place", "total", "previous", "next", "standing", "open_changes", "remarks"}


# --- what is in it -----------------------------------------------------------------------------------


def test_it_is_a_folder_with_a_page(page: Path, frame: pd.DataFrame) -> None:
    assert page.name == "index.html"
    assert {path.name for path in page.parent.iterdir()} == {"index.html", "pictures", "values"}
    rows = content(page)["rows"]
    assert sorted(each["name"] for each in rows) == sorted(frame["image_filename"])
    largest = frame.loc[frame["combined"].idxmax(), "image_filename"]
    assert rows[0]["name"] == largest, "the largest change is the first thing seen"
    statuses = ["changed", "error", "missing", "extra", "same"]
    places = [statuses.index(each["status"]) for each in rows]
    assert places == sorted(places)


def test_rows_are_those_that_the_notebook_has(frame: pd.DataFrame, tmp_path: Path) -> None:
    rows = ShownRows.of(frame, display.folders(frame, None))
    for found in content(report.write(frame, tmp_path / "report", paths=True))["rows"]:
        expected = {key: value for key, value in rows.record(found["name"]).items() if key not in NEIGHBOURS}
        found["regions"] = [box[:4] for box in found["regions"]]
        assert {key: found[key] for key in expected} == expected


def test_pictures_are_copied_as_they_are(page: Path) -> None:
    for name in ("a/changed.png", "b/same.png", "glass.png", "photo.jpg"):
        found = row(page, name)["pictures"]
        for side, data in zip(("first", "second"), FILES[name], strict=True):
            assert data is not None
            assert picture(page, found[side]) == data
            assert (found[side]["encoded"], found[side]["changed"]) == (None, None)
            assert found[side]["file"].endswith(name[-4:])


def test_what_browsers_show_otherwise_is_written_as_compared(page: Path, run: batch.Run) -> None:
    for name, reason in (("deep.png", "16 bits"), ("bitmap.bmp", "browsers do not show BMP")):
        found = row(page, name)["pictures"]
        for side, data in zip(("first", "second"), FILES[name], strict=True):
            assert reason in found[side]["encoded"]
            assert found[side]["file"].endswith(".png")
            expected = pngs.read(data).rgba if name == "deep.png" else pixels_of(data or b"")
            np.testing.assert_array_equal(pixels_of(picture(page, found[side])), expected)


def test_equal_files_are_there_once(page: Path) -> None:
    plain = hashlib.blake2b(encoded(noise(3)), digest_size=16).hexdigest()
    users = [name for name, _, told in every_picture(page) if told["file"] == f"{plain}.png"]
    assert sorted(users) == ["a/changed.png", "b/same.png", "b/same.png", "extra.png", "missing.png"]
    digests = {told["file"] for _, _, told in every_picture(page)}
    deltas = {path for path in files(page.parent / "pictures") if path.endswith(".delta.png")}
    assert files(page.parent / "pictures") == digests | deltas


def test_names_of_files_suit_every_system(page: Path) -> None:
    for path in files(page.parent):
        assert re.fullmatch(r"index\.html|(pictures|values)/[0-9a-z.]{1,60}", path)


def test_values_are_those_compared(page: Path, run: batch.Run) -> None:
    kinds = set()
    for name, side, told in every_picture(page):
        data = values(page, told)
        if name == "gone.png":
            continue
        original = FILES[name][side]
        assert original is not None
        if "sha256" in told:
            assert data == original
            assert told["sha256"] == hashlib.sha256(pixels_of(original).tobytes()).hexdigest()
        else:
            kind = pngs.read(data)
            assert kind.bit_depth == 8
            assert not data[28], "interlaced"
            expected = pixels_of(original) if name != "deep.png" else pngs.read(original).rgba
            np.testing.assert_array_equal(kind.rgba, expected)
        kinds.add((told["values"].removeprefix(told["file"][:32]), "sha256" in told))
    assert kinds == {(".png", False), (".values.png", False), (".jpg", True)}


def test_regions_have_their_differing_pixels(page: Path, frame: pd.DataFrame) -> None:
    found = row(page, "a/changed.png")
    differs = (noise(3) != CHANGED).any(axis=2)
    weights = [
        int(differs[y : y + height, x : x + width].sum()) for x, y, width, height, _ in found["regions"]
    ]
    assert [box[4] for box in found["regions"]] == weights
    assert sum(weights) == found["num_diff_pixels"] == 26
    assert row(page, "b/same.png")["regions"] == []


@pytest.mark.parametrize("drawn", [True, False])
def test_regions_of_earlier_results_are_counted(
    page: Path, frame: pd.DataFrame, tmp_path: Path, drawn: bool
) -> None:
    earlier = frame.drop(columns="region_pixels")
    if not drawn:
        earlier.attrs["run"] = {side: frame.attrs["run"][side] for side in ("first", "second")}
    counted = report.write(earlier, tmp_path / "report")
    assert row(counted, "a/changed.png")["regions"] == row(page, "a/changed.png")["regions"]
    assert [box[4] for box in row(counted, "gone.png")["regions"]] == [None]


def test_deltas_are_written_where_pictures_differ(page: Path) -> None:
    told = row(page, "a/changed.png")["pictures"]["delta"]
    delta = pixels_of(picture(page, told))
    np.testing.assert_array_equal(delta[..., 3] > 0, (noise(3) != CHANGED).any(axis=2))
    assert (told["width"], told["height"]) == (30, 20)
    assert "file" not in row(page, "b/same.png")["pictures"]["delta"]
    for name in ("missing.png", "extra.png", "broken.png"):
        assert "no delta" in row(page, name)["pictures"]["delta"]["error"]


def test_what_cannot_be_shown_is_told(page: Path) -> None:
    assert row(page, "missing.png")["pictures"]["second"]["error"].startswith("Only in first")
    assert row(page, "extra.png")["pictures"]["first"]["error"].startswith("Only in second")
    assert row(page, "broken.png")["pictures"]["second"]["error"].startswith(
        "second cannot be shown: the file is cut off"
    )
    gone = row(page, "gone.png")["pictures"]
    assert gone["first"]["error"].startswith("first is gone")
    assert gone["second"]["changed"].startswith("second has changed since the run")
    regions = row(page, "gone.png")["regions"]
    assert sum(box[4] for box in regions) == row(page, "gone.png")["num_diff_pixels"]


def test_any_part_in_any_order(frame: pd.DataFrame, tmp_path: Path) -> None:
    part = frame.iloc[[5, 1, 8]]
    found = content(report.write(part, tmp_path / "report"))
    assert {each["name"] for each in found["rows"]} == set(part["image_filename"])
    again = content(report.write(part.iloc[::-1], tmp_path / "report"))
    assert again["rows"] == found["rows"], "they are shown in one order"
    assert found["title"] == "3 pictures compared"
    assert content(report.write(frame[:0], tmp_path / "none"))["rows"] == []


def test_the_run_says_where_pictures_are(run: batch.Run, page: Path, tmp_path: Path) -> None:
    bare = run.frame()
    bare.attrs = {}
    with pytest.raises(errors.SettingsError, match="where the pictures are"):
        report.write(bare, tmp_path / "report")
    assert not (tmp_path / "report").exists()
    assert content(report.write(bare, tmp_path / "report", run, same=True)) == content(page)
    found = content(report.write(bare, tmp_path / "whole", run, paths=True))
    first, second = (Path(text) for label, text in found["facts"] if label in ("first", "second"))
    names = bare[["image_filename"]]
    told = row(report.write(names, tmp_path / "names", {"first": first, "second": second}), "b/same.png")
    assert told["pictures"]["first"]["encoded"] is None
    assert told["status"] is None
    with pytest.raises(errors.SettingsError, match="image_filename"):
        report.write(bare[["status"]], tmp_path / "other", run)


def test_decisions_are_shown(run: batch.Run, frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    where = {**frame.attrs["run"], "out": str(out)}
    path = tmp_path / "report"
    assert {each["decision"] for each in content(report.write(frame, path, where))["rows"]} == {""}
    desk = Decisions(out)
    desk.decide(frame[frame["image_filename"] == "glass.png"], "reject", "too dark")
    desk.decide(frame[frame["image_filename"] == "deep.png"], "accept")
    page = report.write(frame, path, where)
    told = {name: row(page, name) for name in ("glass.png", "deep.png", "b/same.png")}
    assert [each["decision"] for each in told.values()] == ["reject", "accept", ""]
    assert told["glass.png"]["note"] == "too dark"
    own = frame.assign(decision="ignore")
    assert {each["decision"] for each in content(report.write(own, path, where))["rows"]} == {"ignore"}


def test_decisions_about_changes_are_shown(run: batch.Run, frame: pd.DataFrame, tmp_path: Path) -> None:
    """The page has the class of each mark, and what was decided about a class and about an occurrence."""
    out = tmp_path / "out"
    shutil.copytree(run.csv_path.parent, out)
    changes = run.changes()
    assert changes is not None
    mine = changes[changes["image_filename"] == "a/changed.png"]
    (signature,) = mine["signature"]
    about = next(each for each in triage.rows(frame) if each.name == "a/changed.png")
    desk = Decisions(out)
    steps = (
        desk.decide(Row.anywhere(signature), "accept", "as agreed"),
        desk.decide(about._replace(change=signature), "reject"),
    )
    days = [step.time[: len("2026-11-27")] for step in steps if step is not None]
    page = report.write(frame, tmp_path / "report", {**frame.attrs["run"], "out": str(out)})
    found, told = content(page), row(page, "a/changed.png")
    assert [found["signatures"][each] for each in told["listed"]] == [signature]
    assert len(told["marks"]) == 1
    assert row(page, "b/same.png")["listed"] is row(page, "missing.png")["listed"] is None
    decided = {(name, found["signatures"][number], *rest) for name, number, *rest in found["decided"]}
    assert decided == {
        ("", signature, "accept", "as agreed", days[0]),
        ("a/changed.png", signature, "reject", "", days[1]),
    }
    text = runfiles.changes_path(out, runfiles.stamp_of(run.csv_path) or "")
    text.write_bytes(text.read_bytes().replace(signature.encode(), b"x" * 24))
    page = report.write(frame, tmp_path / "report", {**frame.attrs["run"], "out": str(out)})
    assert row(page, "a/changed.png")["listed"] is None, "such a class nobody could hand over"


def test_decisions_are_read_at_once(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows are decided; the page has them as they were at one moment, too."""
    desk = Decisions(tmp_path)
    desk.decide(frame, "accept")
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def read(self: Path) -> bytes:
        reads.extend([self] if self == desk.path else [])
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", read)
    page = report.write(frame, tmp_path / "report", {**frame.attrs["run"], "out": str(tmp_path)})
    assert {each["decision"] for each in content(page)["rows"]} == {"accept"}
    assert len(reads) == 1


def test_large_pictures_have_no_values(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "READ_PIXELS", 599)  # they have 600
    page = report.write(frame, tmp_path / "report")
    told = content(page)
    named = {told["looks"]["file"], *told["shards"]["files"]}
    assert files(page.parent / "values") == {f"{name}.js" for name in named}, "none of a picture"
    assert "values" not in row(page, "glass.png")["pictures"]["first"]


# --- names -------------------------------------------------------------------------------------------

HOSTILE = [
    "x</script><script>alert(1)</script>.png",
    "<img src=x onerror=alert(1)>/a.png",
    "<!--<script>.png",
    "\u2028\u2029 & &lt; 'single' \"double\".png",
    "100%25 #1 ?q=1.png",
    "変更 e\u0301.png",
    "../../etc/passwd.png",
    "nul\0byte.png",
    "a" * 400 + ".png",
    "$files ${script} $$.png",
]


@pytest.mark.parametrize("embed", [False, True])
def test_names_are_text_wherever_they_stand(tmp_path: Path, embed: bool) -> None:
    """Names that no system here may allow: the rows know them, the files are not there."""
    made = folders(tmp_path)
    frame = pd.DataFrame({"image_filename": HOSTILE, "status": "changed", "messages": HOSTILE})
    where = {"first": str(made.first), "second": str(made.second)}
    page = report.write(frame, tmp_path / ("report.html" if embed else "report"), where, embed=embed)
    text = page.read_text(encoding="utf-8")
    found = content(page)
    assert [each["name"] for each in found["rows"]] == sorted(HOSTILE)
    assert [each["messages"] for each in found["rows"]] == sorted(HOSTILE)
    for each in found["rows"]:
        assert {"error"} == set(each["pictures"]["first"])
    (data,) = re.findall(r'id="mmr-report">(.*?)</script>', text, re.DOTALL)
    assert data.isascii()
    assert not set(data) & set("<>&\0")
    assert "alert(1)</" not in text
    assert "<img" not in text
    assert text.count("<script") == 2 + embed, "one file also has that of the rows, in base64"


# --- the scripts -------------------------------------------------------------------------------------


def test_scripts_can_stand_in_a_page() -> None:
    assert not re.search(r"</?script|<!--|\0", linker.script("report/main.js"))
    styles = linker.text(*linker.VIEWER_STYLES, "css/list.css", "css/report.css")
    assert not re.search(r"</style|<!--|url\(|@import|\0", styles)


def test_the_page_never_makes_markup_of_text_and_asks_nobody() -> None:
    script = linker.script("report/main.js").replace("http://www.w3.org/2000/svg", "")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http:",
        "https:",
    ):
        assert word not in script


@pytest.mark.parametrize("embed", [False, True])
def test_the_policy_allows_its_own_files_only(frame: pd.DataFrame, tmp_path: Path, embed: bool) -> None:
    path = tmp_path / ("report.html" if embed else "report")
    text = report.write(frame[:1], path, embed=embed).read_text(encoding="utf-8")
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert ("'self'" in rules["script-src"]) is not embed
    assert "http" not in policy
    for tag, rule in (("<script>(.*?)</script>", "script-src"), ("<style>(.*?)</style>", "style-src")):
        (inner,) = re.findall(tag, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules[rule]
        assert "unsafe" not in rules[rule]


# Columns that are no figures of a run: they follow from decisions.
FOLLOWING = {"decision": ("decision", "decision", False), "open_changes": ("open", "open changes", True)}


def test_the_page_takes_statuses_and_columns_from_the_schema(page: Path) -> None:
    assert sorted(BY_ATTENTION) == sorted(batch.STATUSES)
    shown = content(page)
    assert [*shown["statuses"]] == [*BY_ATTENTION]
    instead_of_regions = [name for name in TABLE if name != "regions"]
    assert sorted(column["key"] for column in shown["columns"]) == sorted([*instead_of_regions, *FOLLOWING])
    for column in shown["columns"]:
        heading = (HEADINGS | FOLLOWING).get(column["key"])
        assert (column["label"], column["title"], column["falls"]) == heading


def test_browsers_are_asked_for_the_pixels_of_opaque_upright_pictures_only(tmp_path: Path) -> None:
    """Orientation and transparency are what a browser's own decoder would put into the values."""
    turned = Image.Exif()
    turned[0x0112] = 6
    made = folders(tmp_path)
    expected = {}
    for name, data, exactly in (
        ("a.jpg", encoded(noise(3), "JPEG"), True),
        ("b.jpg", encoded(noise(3), "JPEG", exif=turned), False),
        ("c.webp", encoded(noise(3), "WEBP"), True),
        ("d.webp", encoded(noise(4), "WEBP"), False),
        ("e.png", encoded(noise(3)), False),
    ):
        for folder in (made.first, made.second):
            (folder / name).write_bytes(data)
        expected[name] = exactly
    page = report.write(compare(*made).frame(), tmp_path / "report", same=True)
    assert {name: "sha256" in told for name, _, told in every_picture(page)} == expected


def test_a_fault_of_ours_on_one_picture_is_told_in_its_place(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = images.decode

    def fails(data: bytes, header: Any) -> Any:
        if header.format == "BMP":
            raise ValueError("negative shift count")
        if header.format == "JPEG":
            raise MemoryError
        return decode(data, header)

    monkeypatch.setattr(images, "decode", fails)
    page = report.write(frame, tmp_path / "report")
    told = row(page, "bitmap.bmp")["pictures"]
    assert "negative shift count" in told["first"]["error"]
    assert "report it" in told["second"]["error"]
    assert "no delta" in told["delta"]["error"]
    assert "not enough memory" in row(page, "photo.jpg")["pictures"]["first"]["error"]
    assert "error" not in row(page, "glass.png")["pictures"]["first"]
