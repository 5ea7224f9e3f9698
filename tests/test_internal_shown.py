"""What shows a run goes on, too: viewer, report, explorer, panel and first look say what they cannot show."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.faulty import KINDS, Fault, Place, kind_of, made, raising
from support.report_files import content

from mymodules import batch, explore, images, look, panel, report, viewer
from mymodules.comparison import drawings
from mymodules.formats import jpeg, png, tiff
from mymodules.images import digests, pixels
from mymodules.pages import display
from mymodules.pages.rows import ShownRows

PLACES = [
    *(Place(pixels, name) for name in ("inspect", "decode", "to_rgba")),
    Place(digests, "digest"),
    *(Place(display, name) for name in ("read", "weight", "to_png", "reencoded")),
    *(Place(module, "decode") for module in (png, jpeg, tiff)),
    Place(png, "inspect"),
    *(Place(drawings, name) for name in ("delta_shades", "delta_pieces")),
    Place(display.Folders, "path"),
]
ONLY_VIEWED = [Place(display, "weight"), Place(display, "to_png")]
REPORTED = [*(place for place in PLACES if place not in ONLY_VIEWED), Place(png, "pieces")]


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("shown")
    made(folder)
    (folder / "out").mkdir()
    with ThreadPoolExecutor(2) as threads:
        return batch.run(folder / "first", folder / "second", folder / "out", executor=threads).frame()


# --- the viewer --------------------------------------------------------------------------------------


def asked(frame: pd.DataFrame) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"kind": kind} for kind in ("undo", "redo", "nonsense")]
    for name in frame["image_filename"]:
        messages += [{"kind": kind, "name": name} for kind in ("record", "marks")]
        messages += [{"kind": "picture", "name": name, "side": side, "encode": encode}
                     for side in ("first", "second", "delta") for encode in (False, True)]  # fmt: skip
        messages.append({"kind": "tile", "name": name, "x": 0, "y": 0})
    return [*messages, {"kind": "tile", "name": "old.bmp", "x": "left"}, {"kind": "picture"}, {}]


def answers(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a viewer says to all that a page may ask: one answer each, which can be sent."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(viewer.Viewer, "send", lambda self, content, buffers=None: sent.append(content))
    widget = viewer.Viewer(frame)
    found = []
    for number, message in enumerate(asked(frame)):
        sent.clear()
        widget._handle_custom_msg({"id": number, **message}, [])
        mine = [each for each in sent if each.get("id") == number]
        assert len(mine) == 1, message
        json.dumps(mine[0], allow_nan=False)
        found += mine
    return found


@pytest.mark.parametrize("place", [*PLACES, Place(ShownRows, "record"), Place(ShownRows, "cell")], ids=str)
def test_the_viewer_answers_whatever_raises(
    place: Place, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = frame.drop(columns=["changes", "region_pixels"])  # then pages count pixels, too
    with raising(place, Fault("of ours")):
        found = answers(earlier, monkeypatch)
    faulty = [answer["error"] for answer in found if "a fault in this program, Fault: of ours" in str(answer)]
    assert faulty or place.name == "digest"
    assert all("lease report it" in error for error in faulty)


@pytest.mark.parametrize("error", [*KINDS, MemoryError()], ids=kind_of)
def test_the_viewer_answers_whatever_it_is(
    error: Exception, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = frame[::8]  # the rows are asked for as those of other kinds were
    for place in (Place(pixels, "inspect"), Place(display, "to_png"), Place(ShownRows, "record")):
        with raising(place, error):
            found = answers(few, monkeypatch)
        assert sum("error" in answer for answer in found) > 5


# --- the report --------------------------------------------------------------------------------------


def rows(page: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in content(page)["rows"]}


def files(page: Path, row: dict[str, Any]) -> list[Path]:
    """The pictures that a row of a page names."""
    shown = row["pictures"].values()
    return [page.parent / "pictures" / each["file"] for each in shown if "file" in each]


def undrawn(frame: pd.DataFrame) -> dict[str, str]:
    """Where the pictures are, and not which run it was: its drawings are not looked for."""
    return {role: frame.attrs["run"][role] for role in ("first", "second")}


@pytest.mark.parametrize("embed", [False, True], ids=["a folder", "one file"])
@pytest.mark.parametrize("place", REPORTED, ids=str)
def test_a_report_says_what_it_cannot_show(
    place: Place, embed: bool, frame: pd.DataFrame, tmp_path: Path
) -> None:
    with raising(place, Fault("of ours")):
        path = tmp_path / ("r.html" if embed else "r")
        page = report.write(frame, path, undrawn(frame), embed=embed, same=True)
    found = rows(page)
    assert sorted(found) == sorted(frame["image_filename"])
    assert embed or all(path.is_file() for row in found.values() for path in files(page, row))
    told = [name for name, row in found.items() if "a fault in this program, Fault" in json.dumps(row)]
    assert told
    assert found["changed.png"]["num_diff_pixels"] == 4
    assert [path.name for path in tmp_path.iterdir()] == [page.name if embed else "r"]


@pytest.fixture(scope="module")
def before(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The rows of a report of all pairs, where nothing raises."""
    return rows(report.write(frame, tmp_path_factory.mktemp("usual") / "report", undrawn(frame)))


@pytest.mark.parametrize("error", [error for error in KINDS if not isinstance(error, OSError)], ids=kind_of)
def test_one_pair_that_cannot_be_shown_costs_no_other(
    error: Exception,
    frame: pd.DataFrame,
    before: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = images.read_rgba(Path(frame.attrs["run"]["first"]) / "photo.jpg")
    shades = drawings.delta_shades

    def refuse(*sides: Any) -> Any:
        if np.array_equal(images.to_rgba(sides[0]), photo):
            raise error
        return shades(*sides)

    monkeypatch.setattr(drawings, "delta_shades", refuse)
    page = report.write(frame, tmp_path / "after", undrawn(frame))
    found = rows(page)
    assert {name for name in found if found[name] != before[name]} == {"photo.jpg"}
    assert kind_of(error) in found["photo.jpg"]["pictures"]["delta"]["error"]
    assert found["photo.jpg"]["num_diff_pixels"] == before["photo.jpg"]["num_diff_pixels"]


def test_a_figure_that_is_no_number_costs_no_report(frame: pd.DataFrame, tmp_path: Path) -> None:
    odd = frame.assign(ssim_score=float("inf"), seconds=float("-inf"))
    odd.attrs = frame.attrs
    found = rows(report.write(odd, tmp_path / "report"))
    assert {row["ssim_score"] for row in found.values()} == {None}
    report.junit(odd, tmp_path / "junit.xml")
    assert not re.search(r"\binf\b", (tmp_path / "junit.xml").read_text(encoding="utf-8"))


# --- the rest ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [*KINDS, MemoryError()], ids=kind_of)
def test_the_first_look_says_it(error: Exception, frame: pd.DataFrame) -> None:
    with raising(Place(pixels, "read_rgba"), error):
        choice, _, facts, _ = look.blend(frame).children
        choice.value = 1
        assert "This pair cannot be shown any more: " in facts.value
    choice.value = 0
    assert "cannot be shown" not in facts.value


def test_the_audit_has_no_figures_of_what_is_gone(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "out").mkdir()
    for role, side in (("first", 0), ("second", 255)):
        for name in ("x.bmp", "y.bmp"):
            (tmp_path / role / name).write_bytes(display.to_png(np.full((9, 9, 4), side, np.uint8)))
    with ThreadPoolExecutor(2) as threads:
        frame = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", executor=threads).frame()
    (tmp_path / "first" / "x.bmp").unlink()
    (tmp_path / "second" / "y.bmp").write_bytes(b"")
    checks = look.audit(frame, rows=100).set_index("image_filename")
    assert checks.loc[["x.bmp", "y.bmp"], "scikit_image"].isna().all()
    others = checks.drop(["x.bmp", "y.bmp"])
    assert len(others) > 5
    assert (others["difference"] < 1e-9).all()


@pytest.mark.parametrize("by", ["far", None, [], 1e400])
def test_the_explorer_answers_a_step_of_any_size(
    by: Any, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = explore.explore(frame)
    sent: list[Any] = []
    monkeypatch.setattr(type(widget.table), "send", lambda self, content, buffers=None: sent.append(content))
    with pytest.raises((TypeError, ValueError, OverflowError)):  # which the kernel notes
        widget._received(None, {"kind": "step", "by": by}, None)
    assert [message["kind"] for message in sent] == ["moved"]


@pytest.mark.parametrize("error", KINDS, ids=kind_of)
def test_the_panel_says_it(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Callable[..., Any]:
        raise error

    monkeypatch.setattr(batch, "run", refuse)
    widget = panel.Panel()
    widget.start()
    assert widget.wait(20)
    assert f"This was not expected: {kind_of(error)}" in widget.message.value
    assert not widget.buttons["run"].disabled
