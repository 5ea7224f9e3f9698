"""The first look: order of reading, blend, audit."""

import base64
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import ipywidgets
import numpy as np
import pandas as pd
import pytest

from mymodules import batch, images, look, results, settings
from mymodules.errors import SettingsError
from mymodules.store import NOW, DiffStore
from mymodules.workers import PairResult

WHITE = (255, 255, 255, 255)
RED = (255, 0, 0, 255)


def page(width: int, height: int, colour: tuple[int, ...] = WHITE) -> np.ndarray:
    return np.full((height, width, 4), colour, np.uint8)


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def row(name: str, status: str, **figures: Any) -> PairResult:
    return PairResult(figures.pop("ssim_score", None), name, "Told by the row.", status, "code", **figures)


def loaded(rows: list[PairResult], folder: Path) -> pd.DataFrame:
    """Return the frame of a run of `folder`/first and second."""
    path = folder / "results-20200101-000000.csv"
    results.write(path, rows)
    frame = results.load(path)
    roots = {side: str(folder / side) for side in ("first", "second")}
    frame.attrs["run"] = roots | {"options": {"max_pixels": settings.MAX_PIXELS}}
    return frame


def changed(folder: Path, name: str = "a.png") -> PairResult:
    """Write a pair, 40 x 30 px white with a red spot in second, and return its row."""
    first, second = page(40, 30), page(40, 30)
    second[10:14, 20:25] = RED
    for side, rgba in (("first", first), ("second", second)):
        (folder / side).mkdir(exist_ok=True)
        cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))[1].tofile(folder / side / name)
    from skimage.metrics import structural_similarity

    score = structural_similarity(*(cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY) for rgba in (first, second)))
    sizes = {"width_first": 40, "height_first": 30, "width_second": 40, "height_second": 30}
    figures = {"num_diff_pixels": 20, "pixel_diff_percent": 100 / 60, "regions": ((20, 10, 5, 4),)}
    return row(name, "changed", ssim_score=float(score), combined=1.0, **figures, **sizes)


def texts(widget: ipywidgets.Widget) -> str:
    """Return all text that a widget shows as HTML."""
    parts = [texts(child) for child in getattr(widget, "children", ())]
    return " ".join([widget.value, *parts] if isinstance(widget, ipywidgets.HTML) else parts)


def inside(widget: ipywidgets.Widget, kind: type) -> Any:
    """Return the first widget of this kind."""
    found = [inside(child, kind) for child in getattr(widget, "children", ())]
    return widget if isinstance(widget, kind) else next((each for each in found if each is not None), None)


def test_ranked_puts_first_what_needs_a_person(tmp_path: Path) -> None:
    rows = [
        row("a", "same", combined=0.0, num_diff_pixels=0),
        row("b", "changed", combined=1.0, num_diff_pixels=9),
        row("c", "changed", combined=2.0, num_diff_pixels=1),
        row("d", "changed", combined=1.0, num_diff_pixels=10),
        row("e", "extra"),
        row("f", "missing"),
        row("h", "error"),
        row("g", "error"),
    ]
    frame = loaded(rows, tmp_path)
    ranked = look.ranked(frame)
    assert "".join(ranked["image_filename"]) == "cdbghfea"
    assert ranked.attrs == frame.attrs
    assert dict(ranked.dtypes) == dict(frame.dtypes)
    assert ranked.index.to_list() == list(range(8))


def test_table_shows_names_as_text(tmp_path: Path) -> None:
    rows = [row("<b>$x$</b>", "changed", ssim_score=0.5, num_diff_pixels=1234567), row("b", "error")]
    shown = look.table(loaded(rows, tmp_path)).to_html()
    assert "&lt;b&gt;$x$&lt;/b&gt;" in shown
    assert "mathjax_ignore" in shown
    assert "1,234,567" in shown
    assert "nan" not in shown.lower()
    assert "2 rows: 1 changed, 1 error</caption>" in shown


def test_what_changed_comes_before_a_thousand_that_are_missing(tmp_path: Path) -> None:
    rows = [row(f"gone{number}.png", "missing") for number in range(1000)]
    rows += [row(f"new{number}.png", "extra") for number in range(7)]
    rows += [row(f"{number}.png", "changed", combined=number / 10) for number in range(6)]
    rows += [row("bad.png", "error")]
    shown = look.table(look.ranked(loaded(rows, tmp_path)), rows=5, each=7).to_html()
    names = re.findall(r">(\w+)\.png<", shown)
    assert names[:6] == ["5", "4", "3", "2", "1", "bad"]
    assert sum(name.startswith("gone") for name in names[6:13]) == 7
    assert names[13:] == [f"new{number}" for number in range(7)]
    counts = "6 changed (5 of them shown), 1 error, 1,000 missing (7 of them shown), 7 extra</caption>"
    assert f"1,014 rows: {counts}" in shown


def test_a_table_of_names_and_statuses_is_enough() -> None:
    shown = look.table(pd.DataFrame({"image_filename": ["a"], "status": ["changed"]})).to_html()
    assert "1 row: 1 changed</caption>" in shown


def test_rows_without_a_status_are_as_few_as_those_of_any_other() -> None:
    frame = pd.DataFrame(
        {"image_filename": [f"{number}.png" for number in range(9)], "status": [float("nan")] * 9}
    )
    assert look.table(frame, each=4).to_html().count(".png") == 4


def test_without_a_kernel_the_blend_leaves_its_picture(tmp_path: Path) -> None:
    blend = look.blend(loaded([changed(tmp_path)], tmp_path))
    markup, sentence = blend.kept()
    assert sentence.startswith("a.png: 50 % first, 50 % second. ")
    data = base64.b64decode(re.findall(r'src="data:image/png;base64,([^"]*)"', markup)[0])
    np.testing.assert_array_equal(decoded(data), decoded(inside(blend, ipywidgets.Image).value))
    inside(blend, ipywidgets.IntSlider).value = 100
    assert "0 % first, 100 % second" in blend.kept()[1]


def test_the_picture_that_is_left_is_small(tmp_path: Path) -> None:
    sides = ("first", "second")
    for side, colour in zip(sides, (WHITE, RED), strict=True):
        (tmp_path / side).mkdir()
        cv2.imencode(".png", page(1200, 2000, colour))[1].tofile(tmp_path / side / "a.png")
    rows = [row("a.png", "changed", ssim_score=0.5, combined=1.0, num_diff_pixels=1, regions=())]
    markup, _ = look.blend(loaded(rows, tmp_path)).kept()
    left = decoded(base64.b64decode(re.findall(r"base64,([^\"]*)", markup)[0]))
    assert left.shape == (1000, 600, 3)  # 600 x 1000 = KEPT_AREA, in the same proportions


def test_without_a_changed_pair_a_sentence_is_left(tmp_path: Path) -> None:
    assert look.blend(loaded([row("a", "same")], tmp_path)).kept() == (
        "",
        "No pair has changed: there is nothing to blend.",
    )


def test_blended_at_its_ends_is_one_picture_and_then_the_other() -> None:
    first, second = page(20, 10, RED), page(20, 10)
    pair = look.sides(first, second)
    np.testing.assert_array_equal(decoded(look.blended(pair, 0)), first[..., 2::-1])
    np.testing.assert_array_equal(decoded(look.blended(pair, 100)), second[..., 2::-1])
    assert decoded(look.blended(pair, 50))[0, 0].tolist() == [128, 128, 255]


def test_a_smaller_picture_is_padded_with_gray() -> None:
    pair = look.sides(page(20, 10), page(30, 5))
    assert pair.first.shape == pair.second.shape == (10, 30, 3)
    assert pair.first[0, 20].tolist() == [look.PADDING] * 3
    assert pair.second[5, 0].tolist() == [look.PADDING] * 3


def test_alpha_is_shown_on_white() -> None:
    pair = look.sides(page(4, 4, (255, 0, 0, 0)), page(4, 4, (0, 0, 0, 102)))
    assert pair.first[0, 0].tolist() == [255, 255, 255]
    assert pair.second[0, 0].tolist() == [153, 153, 153]


@pytest.mark.parametrize(("width", "height"), [(2800, 700), (100, 200_000), (9, 1)])
def test_large_pictures_are_scaled_down_with_their_boxes(width: int, height: int) -> None:
    pair = look.sides(page(width, height), page(width, height), [(0, 0, width, height)])
    assert 0 < pair.scale <= 1
    assert pair.first.shape[1] <= look.WIDTH
    assert pair.first.shape[0] * pair.first.shape[1] <= look.AREA * 1.01
    (box,) = pair.boxes
    assert box[2:] == pair.first.shape[1::-1]
    assert decoded(look.blended(pair, 30)).shape == pair.first.shape


def test_boxes_are_drawn_around_the_change() -> None:
    rgba = page(60, 40)
    pair = look.sides(rgba, rgba, [(20, 10, 12, 8)])
    drawn, plain = (decoded(look.blended(pair, 50, boxes=boxes)) for boxes in (True, False))
    differ = (drawn != plain).any(axis=2)
    assert differ.any()
    assert not differ[10:18, 20:32].any()


def test_blend_lists_changed_pairs_only(tmp_path: Path) -> None:
    frame = loaded([row("0.png", "error"), changed(tmp_path), row("b.png", "same")], tmp_path)
    widget = look.blend(frame)
    assert [label for label, _ in inside(widget, ipywidgets.Dropdown).options] == ["1. a.png"]
    assert "mymodules-blend" in widget._dom_classes
    assert "SSIM 0.867781. Told by the row." in texts(widget)


def test_blend_shows_another_picture_when_its_slider_moves(tmp_path: Path) -> None:
    widget = look.blend(loaded([changed(tmp_path)], tmp_path))
    picture, slider = inside(widget, ipywidgets.Image), inside(widget, ipywidgets.IntSlider)
    inside(widget, ipywidgets.Checkbox).value = False
    slider.value = 100
    expected = images.read_rgba(tmp_path / "second" / "a.png")[..., 2::-1]
    np.testing.assert_array_equal(decoded(picture.value), expected)


def test_blend_says_when_nothing_changed(tmp_path: Path) -> None:
    widget = look.blend(loaded([row("a.png", "same")], tmp_path))
    assert "nothing to blend" in texts(widget)
    assert "mymodules-blend" in widget._dom_classes


def test_blend_says_when_a_file_is_gone(tmp_path: Path) -> None:
    frame = loaded([changed(tmp_path)], tmp_path)
    (tmp_path / "second" / "a.png").unlink()
    assert "cannot be shown any more" in texts(look.blend(frame))


def test_both_spellings_of_a_name_are_found(tmp_path: Path) -> None:
    composed, decomposed = "\u304c.png", "\u304b\u3099.png"
    frame = loaded([changed(tmp_path, composed)], tmp_path)
    (tmp_path / "second" / composed).rename(tmp_path / "second" / decomposed)
    assert "SSIM 0.867781" in texts(look.blend(frame))


def test_messages_are_text(tmp_path: Path) -> None:
    frame = loaded([changed(tmp_path)._replace(messages="<b>&</b>")], tmp_path)
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in texts(look.blend(frame))


def test_audit_recounts(tmp_path: Path) -> None:
    rows = [changed(tmp_path), row("gone.png", "missing", width_first=10, height_first=10)]
    checked = look.audit(loaded(rows, tmp_path))
    assert checked["image_filename"].to_list() == ["a.png"]
    assert checked["difference"].max() < 1e-12
    assert checked["recounted"].to_list() == checked["num_diff_pixels"].to_list() == [20]


def test_the_folders_may_be_handed_over(tmp_path: Path) -> None:
    frame = loaded([changed(tmp_path)], tmp_path)
    run = frame.attrs.pop("run")
    assert len(look.audit(frame, run=run)) == 1
    assert "SSIM" in texts(look.blend(frame, run=run))
    for ask in (look.audit, look.blend):
        with pytest.raises(SettingsError, match="does not name first and second"):
            ask(frame)


def test_audit_shows_a_wrong_score(tmp_path: Path) -> None:
    right = changed(tmp_path)
    wrong = right._replace(ssim_score=(right.ssim_score or 0) - 0.25)
    assert look.audit(loaded([wrong], tmp_path))["difference"].max() == pytest.approx(0.25)


def test_audit_of_nothing_is_empty(tmp_path: Path) -> None:
    assert look.audit(loaded([row("a.png", "error")], tmp_path)).empty


# --- what the store adds -----------------------------------------------------------------------------


@pytest.fixture
def compared(tmp_path: Path) -> pd.DataFrame:
    """A run of a changed pair, a baseline with an odd name that is nearer to its page, and a torn one."""
    changed(tmp_path)
    (tmp_path / "out").mkdir()
    shutil.copy(tmp_path / "second" / "a.png", tmp_path / "first" / "<b>$x$.png")
    (tmp_path / "second" / "torn.png").write_bytes((tmp_path / "first" / "a.png").read_bytes()[:-20])
    how = {"pictures": "none", "num_processors": 1}
    return batch.run(*(tmp_path / name for name in ("first", "second", "out")), **how).frame()


def test_nearest_pictures_by_content(compared: pd.DataFrame, tmp_path: Path) -> None:
    with DiffStore(tmp_path / "out" / ".store") as store:
        grid = look.closest(store, compared).data
        assert re.findall("<figcaption[^>]*>(.*?)</figcaption>", grid) == [
            "a.png in second",
            "&lt;b&gt;$x$.png: the same bytes",
            "a.png: distance 1.09, 1.67 % of pixels",
        ]
        assert look.closest(store, compared, "torn.png").data.count("<figure ") == 1
        assert "cannot be shown" in look.closest(store, compared, "torn.png").data
        assert look.closest(store, compared, "a.png", count=0).data.count("<figure ") == 1
        assert "nothing to look for" in look.closest(store, compared, "no.png").data
        assert "&lt;i&gt;" in look.closest(store, compared, "<i>").data
        nothing = compared[compared["status"] == "same"]
        assert "No pair has changed" in look.closest(store, nothing).data


def test_names_of_nearest_pictures_are_plain_text(compared: pd.DataFrame, tmp_path: Path) -> None:
    named = compared.assign(image_filename=compared["image_filename"].replace("a.png", "<b>a.png"))
    with DiffStore(tmp_path / "out" / ".store") as store:
        grid = look.closest(store, named).data
    assert "<b>" not in grid
    assert "&lt;b&gt;a.png: distance" in grid


def test_failures_with_their_names(compared: pd.DataFrame, tmp_path: Path) -> None:
    with DiffStore(tmp_path / "out" / ".store") as store:
        assert look.failures(store, compared).empty
        store.warm_digests(NOW, compared["second_digest"].dropna(), sync=True)
        store.warm_digests(NOW, ["0" * 32], sync=True)
        table = look.failures(store, compared)
    rows = table[["image_filename", "reason"]].to_numpy().tolist()
    assert sorted(rows) == [["", "http_error"], ["torn.png", "corrupted"]]  # often of one millisecond
    assert str(table["when"].dtype).endswith("UTC]")
