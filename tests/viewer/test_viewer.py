"""The viewer's Python side: traits, rows, and the answers to what the page asks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import traitlets
from PIL import Image
from support.containers import pillow as encoded
from support.viewed import HOSTILE, Ask, put, random

from mymodules import batch, images, results, viewer
from mymodules.comparison import drawings
from mymodules.errors import SettingsError
from mymodules.formats import Header
from mymodules.pages import display, linker

# --- rows and traits ---------------------------------------------------------------------------------


def test_it_begins_with_the_first_row(frame: pd.DataFrame) -> None:
    widget = viewer.Viewer(frame)
    assert (widget.row, widget.mode, widget.region) == (frame["image_filename"].iloc[0], "side-by-side", -1)
    pd.testing.assert_frame_equal(widget.frame, frame)
    assert widget.frame.attrs == frame.attrs
    assert frame.attrs["run"]


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_a_frame_that_is_changed_in_place_changes_nothing_here(frame: pd.DataFrame) -> None:
    mine = frame.copy()
    widget = viewer.Viewer(mine)
    order = frame["image_filename"].tolist()
    mine.sort_values("image_filename", ascending=False, inplace=True)
    shown = widget.frame
    shown.drop(index=shown.index[:3], inplace=True)
    shown.attrs["run"].clear()
    assert mine["image_filename"].tolist() != order
    assert widget.frame["image_filename"].tolist() == order
    assert widget.frame.attrs == frame.attrs
    widget.row = order[3]
    assert widget._rows.record(order[3])["code"] == frame.set_index("image_filename").loc[order[3], "code"]


def test_other_results_in_the_same_folders_are_looked_at_anew(frame: pd.DataFrame) -> None:
    widget = viewer.Viewer(frame)
    sent: list[Any] = []
    widget.send = lambda content, buffers=None: sent.append(content["fresh"])  # type: ignore[method-assign]
    widget.show(frame.iloc[::-1])
    later = frame.copy()
    later.attrs["run"] = {**frame.attrs["run"], "stamp": "another"}
    widget.show(later)
    widget.show(later.iloc[:3])
    other = later.copy()
    other.attrs = {}
    other.loc[other["image_filename"] == widget.row, "second_digest"] = "of another file"
    widget.show(other)
    assert sent == [False, True, False, True]


def test_a_name_that_is_there_twice_has_one_place(frame: pd.DataFrame) -> None:
    widget = viewer.Viewer(pd.concat([frame, frame]))
    names, seen = frame["image_filename"].tolist(), [widget.row]
    while (following := widget._rows.record(seen[-1])["next"]) is not None:
        seen.append(following)
    assert seen == names
    assert widget._rows.record(names[1])["previous"] == names[0]


def test_rows_have_the_order_of_the_frame(frame: pd.DataFrame, ask: Ask) -> None:
    turned = frame.iloc[::-1]
    names = turned["image_filename"].tolist()
    widget = viewer.Viewer(turned)
    records = [ask(widget, kind="record", name=name)[0]["record"] for name in names]
    assert [record["previous"] for record in records] == [None, *names[:-1]]
    assert [record["next"] for record in records] == [*names[1:], None]
    assert [(record["place"], record["total"]) for record in records] == [
        (n, len(names)) for n in range(len(names))
    ]


def test_a_record_has_the_figures_of_its_row(frame: pd.DataFrame, ask: Ask) -> None:
    record = ask(viewer.Viewer(frame), kind="record", name="glass.png")[0]["record"]
    assert (record["status"], record["num_diff_pixels"], record["first"]) == ("changed", 5700, [200, 150])
    assert (record["max_diff_r"], record["max_diff_a"]) == (1, 64)
    assert record["regions"] == frame.set_index("image_filename").loc["glass.png", "regions"]
    record = ask(viewer.Viewer(frame), kind="record", name="only-first.png")[0]["record"]
    assert (record["status"], record["ssim_score"], record["second"]) == ("missing", None, [None, None])
    assert record["regions"] == []


def test_code_chooses_a_row_a_mode_and_a_region(frame: pd.DataFrame) -> None:
    widget = viewer.Viewer(frame)
    widget.row, widget.mode, widget.region = "glass.png", "delta", 1
    widget.row = "size.png"
    assert (widget.row, widget.mode, widget.region) == ("size.png", "delta", -1)


@pytest.mark.parametrize(
    ("trait", "value"),
    [("row", "no such.png"), ("row", ""), ("mode", "sideways"), ("region", 2), ("region", -2)],
)
def test_code_cannot_choose_what_is_not_there(frame: pd.DataFrame, trait: str, value: Any) -> None:
    widget = viewer.Viewer(frame)
    widget.row = "glass.png"
    with pytest.raises(traitlets.TraitError):
        setattr(widget, trait, value)
    assert (widget.row, widget.mode, widget.region) == ("glass.png", "side-by-side", -1)


def test_a_page_that_is_behind_is_put_right(frame: pd.DataFrame) -> None:
    widget = viewer.Viewer(frame)
    before = widget.row
    widget.set_state({"row": "no such.png", "region": 0})
    assert (widget.row, widget.region) == (before, -1)
    widget.set_state({"row": "glass.png", "region": 99})
    assert (widget.row, widget.region) == ("glass.png", -1)
    widget.set_state({"row": "glass.png", "region": 1})
    assert widget.region == 1


def test_other_rows_keep_the_current_one_if_it_is_there(frame: pd.DataFrame, ask: Any) -> None:
    widget = viewer.Viewer(frame)
    widget.row = "glass.png"
    widget.show(frame[frame["status"] == "changed"])
    assert widget.row == "glass.png"
    assert ask.told[-1][0] == {"kind": "rows", "fresh": False}
    widget.show(frame[frame["status"] == "missing"])
    assert (widget.row, len(widget.frame)) == ("only-first.png", 1)
    widget.show(frame[:0])
    assert widget.row == ""
    widget.show(frame)
    assert widget.row == frame["image_filename"].iloc[0]


def test_no_row_at_all(frame: pd.DataFrame, ask: Ask) -> None:
    widget = viewer.Viewer(frame[:0])
    assert widget.row == ""
    assert "no longer" in ask(widget, kind="record", name="glass.png")[0]["error"]


def test_ten_thousand_rows_are_light(frame: pd.DataFrame) -> None:
    many = pd.concat([frame] * 1200, ignore_index=True)
    many["image_filename"] = [f"{n}/{name}" for n, name in enumerate(many["image_filename"])]
    many.attrs = frame.attrs
    widget = viewer.Viewer(many)
    state = {key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css")}
    assert len(json.dumps(state, default=str)) < 2000


# --- where the pictures are --------------------------------------------------------------------------


def test_the_folders_come_from_the_frame_the_run_or_a_manifest(
    frame: pd.DataFrame, run: batch.Run, ask: Ask
) -> None:
    bare = frame.copy()
    bare.attrs = {}
    for known in (run, frame.attrs["run"], {side: frame.attrs["run"][side] for side in ("first", "second")}):
        widget = viewer.Viewer(bare, run=known)
        assert ask(widget, kind="picture", name="glass.png", side="first")[0]["width"] == 200
        widget.show(bare)  # they stay where they were
        assert ask(widget, kind="picture", name="glass.png", side="first")[0]["width"] == 200


def test_without_folders_it_says_what_is_missing(frame: pd.DataFrame) -> None:
    frame.attrs = {"run": {"first": "somewhere"}}
    with pytest.raises(SettingsError, match="does not name second"):
        viewer.Viewer(frame)
    with pytest.raises(SettingsError, match="no column image_filename"):
        viewer.Viewer(pd.DataFrame({"a": [1]}), run={"first": "a", "second": "b"})


def test_a_name_does_not_lead_out_of_its_folder(root: Path, frame: pd.DataFrame, ask: Ask) -> None:
    for name in ("../second/glass.png", str(root / "second" / "glass.png")):
        foreign = frame[:1].assign(image_filename=name)
        foreign.attrs = frame.attrs
        answer, buffers = ask(viewer.Viewer(foreign), kind="picture", name=name, side="first")
        assert "leads out of" in answer["error"]
        assert buffers == []


def test_a_name_may_be_spelt_in_other_code_points(tmp_path: Path, ask: Ask) -> None:
    composed, apart = "caf\u00e9.png", "cafe\u0301.png"
    for side, name in (("first", composed), ("second", apart)):
        (tmp_path / side).mkdir()
        (tmp_path / side / name).write_bytes(encoded(random(5, 6, 3)))
    frame = pd.DataFrame({"image_filename": [composed]})
    widget = viewer.Viewer(frame, run={"first": tmp_path / "first", "second": tmp_path / "second"})
    assert ask(widget, kind="picture", name=composed, side="second")[0]["width"] == 6


# --- pictures ----------------------------------------------------------------------------------------


def test_a_file_that_browsers_show_as_compared_goes_as_it_is(
    root: Path, frame: pd.DataFrame, ask: Ask
) -> None:
    for side in ("first", "second"):
        answer, (data,) = ask(viewer.Viewer(frame), kind="picture", name="glass.png", side=side)
        assert data == (root / side / "glass.png").read_bytes()
        assert answer == {"type": "image/png", "width": 200, "height": 150, "encoded": None, "changed": None}


@pytest.mark.parametrize("name", ["deep.png", "plain.bmp"])
def test_another_goes_as_the_pixels_that_were_compared(
    root: Path, frame: pd.DataFrame, ask: Ask, name: str
) -> None:
    answer, (data,) = ask(viewer.Viewer(frame), kind="picture", name=name, side="second")
    assert answer["type"] == "image/png"
    assert answer["encoded"]
    assert images.inspect(data).depth == 8
    np.testing.assert_array_equal(images.read_rgba(data), images.read_rgba(root / "second" / name))


def test_a_browser_may_ask_for_the_pixels(root: Path, frame: pd.DataFrame, ask: Ask) -> None:
    answer, (data,) = ask(viewer.Viewer(frame), kind="picture", name="glass.png", side="first", encode=True)
    assert answer["encoded"]
    np.testing.assert_array_equal(images.read_rgba(data), images.read_rgba(root / "first" / "glass.png"))


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("PNG", {}, None),
        ("JPEG", {}, None),
        ("WebP", {}, None),
        ("PNG", {"dpi": (300, 300)}, None),
        ("JPEG", {"exif": exif(1)}, None),
        ("JPEG", {"exif": exif(6)}, "orientation"),
        ("PNG", {"exif": exif(3)}, "orientation"),
        ("JPEG", {"icc_profile": b"a profile"}, "profile"),
        ("WebP", {"icc_profile": b"a profile"}, "profile"),
        ("PNG", {"icc_profile": b"a profile"}, "profile"),
        ("BMP", {}, "BMP"),
        ("TIFF", {}, "TIFF"),
    ],
)
def test_what_is_encoded_anew(kind: str, options: dict[str, Any], why: str | None) -> None:
    reason = display.reencoded(images.inspect(encoded(random(5, 6, 3), kind, **options)))
    assert (reason is None) if why is None else (why in (reason or ""))


@pytest.mark.parametrize(
    ("metadata", "anew"),
    [
        ({"colour profile": "sRGB 00"}, False),
        ({"colour profile": "cHRM 00; sRGB 00", "gamma": "gAMA 0000b18f"}, False),
        ({"colour profile": "ICC 00; sRGB 00"}, True),
        ({"colour profile": "cICP 00; sRGB 00"}, True),
        ({"colour profile": "cHRM 00"}, True),
        ({"gamma": "gAMA 0000b18f"}, True),
        ({"density": "2:1"}, False),
    ],
)
def test_srgb_is_no_profile(metadata: dict[str, str], anew: bool) -> None:
    header = Header("PNG", 1, 1, 8, tuple(metadata.items()))
    assert bool(display.reencoded(header)) == anew


def test_the_delta_is_that_of_the_drawings(root: Path, frame: pd.DataFrame, ask: Ask) -> None:
    answer, (data,) = ask(viewer.Viewer(frame), kind="picture", name="size.png", side="delta")
    first, second = (images.read_rgba(root / side / "size.png") for side in ("first", "second"))
    assert (answer["width"], answer["height"]) == (45, 50)
    np.testing.assert_array_equal(images.read_rgba(data), drawings.delta(first, second))


def test_a_part_of_the_rows_finds_the_drawings_of_the_run(tmp_path: Path, ask: Ask) -> None:
    """Names that differ in case only: the path of a drawing depends on all names of its run."""
    for number, name in enumerate(("a.png", "A.PNG")):
        put(tmp_path, name, encoded(random(30, 40, 3)), encoded(random(30, 40, 3, seed=1 + number)))
    if len(list((tmp_path / "first").iterdir())) < 2:
        pytest.skip("this file system ignores case")
    (tmp_path / "out").mkdir()
    run = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", num_processors=1)
    frame = run.frame()
    for name in ("a.png", "A.PNG"):
        widget = viewer.Viewer(frame[frame["image_filename"] == name])
        _, (data,) = ask(widget, kind="picture", name=name, side="delta")
        assert data == run.pictures(name)[-1].read_bytes()


def test_a_delta_that_the_run_has_drawn_is_shown_as_it_is(tmp_path: Path, ask: Ask) -> None:
    before, after = random(30, 40, 3), random(30, 40, 3, seed=1)
    put(tmp_path, "a.png", encoded(before), encoded(after))
    (tmp_path / "out").mkdir()
    run = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", num_processors=1)
    drawing = run.pictures("a.png")[-1]
    whole = drawing.read_bytes()
    widget = viewer.Viewer(run.frame())

    def shown() -> bytes:
        answer, (data,) = ask(widget, kind="picture", name="a.png", side="delta")
        assert (answer["width"], answer["height"], answer["type"]) == (40, 30, "image/png")
        return data

    assert shown() == whole
    pixels = images.read_rgba(whole)
    other = pixels.copy()
    other[3, 4] = 0  # one pixel fewer differs
    for harmed in (b"", whole[:-30], encoded(other), encoded(pixels[:-1])):
        drawing.write_bytes(harmed)
        assert shown() != harmed
        np.testing.assert_array_equal(images.read_rgba(shown()), pixels)
    drawing.write_bytes(whole)
    put(tmp_path, "a.png", None, encoded(before))  # another file than was compared
    assert not images.read_rgba(shown()).any()


@pytest.mark.parametrize(
    ("name", "side", "words"),
    [
        ("only-first.png", "second", "Only in first"),
        ("only-second.png", "first", "Only in second"),
        ("only-second.png", "delta", "Only in second"),
        ("broken.png", "second", "second cannot be shown: the file is cut off"),
        ("broken.png", "delta", "second cannot be shown: the file is cut off"),
        ("no such.png", "first", "no longer among"),
        ("glass.png", "third", "restart the kernel"),
    ],
)
def test_what_cannot_be_shown_is_told(
    frame: pd.DataFrame, ask: Ask, name: str, side: str, words: str
) -> None:
    answer, buffers = ask(viewer.Viewer(frame), kind="picture", name=name, side=side)
    assert words in answer["error"]
    assert buffers == []


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "picture"},
        {"kind": 7, "name": [1]},
        {"kind": "tile", "name": "glass.png", "x": "a", "y": 1},
    ],
)
def test_any_message_is_answered(frame: pd.DataFrame, ask: Ask, message: dict[str, Any]) -> None:
    assert ask(viewer.Viewer(frame), **message)[0]["error"]


def test_files_that_are_gone_or_changed_are_told(tmp_path: Path, ask: Ask) -> None:
    put(tmp_path, "a.png", encoded(random(5, 6, 3)), encoded(random(5, 6, 3, seed=1)))
    put(tmp_path, "b.png", encoded(random(5, 6, 3)), encoded(random(5, 6, 3, seed=1)))
    (tmp_path / "out").mkdir()
    done = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", num_processors=1)
    put(tmp_path, "a.png", None, encoded(random(7, 8, 3)))
    (tmp_path / "first" / "b.png").unlink()
    widget = viewer.Viewer(done.frame())
    answer, _ = ask(widget, kind="picture", name="a.png", side="second")
    assert "second has changed since the run" in answer["changed"]
    assert (answer["width"], answer["height"]) == (8, 7)
    assert ask(widget, kind="picture", name="a.png", side="first")[0]["changed"] is None
    assert "first is gone" in ask(widget, kind="picture", name="b.png", side="first")[0]["error"]


# --- pixels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["glass.png", "deep.png", "size.png", "plain.bmp"])
def test_tiles_are_exact(root: Path, frame: pd.DataFrame, ask: Ask, name: str) -> None:
    widget = viewer.Viewer(frame)
    for x, y in ((0, 0), (128, 0), (128, 128), (17, 5), (4096, 0)):
        answer, buffers = ask(widget, kind="tile", name=name, x=x, y=y)
        for side, data in zip(("first", "second"), buffers, strict=True):
            width, height = answer[side]
            piece = images.read_rgba(root / side / name)[y : y + 128, x : x + 128]
            got = np.frombuffer(data, np.uint8).reshape(height, width, 4)
            np.testing.assert_array_equal(got, piece)


def test_a_tile_of_one_side(frame: pd.DataFrame, ask: Ask) -> None:
    answer, buffers = ask(viewer.Viewer(frame), kind="tile", name="broken.png", x=0, y=0)
    assert (answer["first"], answer["second"]) == ([9, 9], [0, 0])
    assert [len(data) for data in buffers] == [9 * 9 * 4, 0]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are decoded, in this order."""
    read: list[Path] = []
    real = images.read_rgba

    def counted(path: Path, **options: Any) -> np.ndarray:
        read.append(path)
        return real(path, **options)

    monkeypatch.setattr(images, "read_rgba", counted)
    return read


# One of 200 x 150 px has 120,000 bytes. A pair always stays: its tiles do not cost a decoding each.
@pytest.mark.parametrize(("limit", "decoded"), [(0, 6), (250_000, 6), (480_000, 4)])
def test_decoded_pictures_are_kept_within_bounds(
    frame: pd.DataFrame, ask: Ask, monkeypatch: pytest.MonkeyPatch, read: list[Path], limit: int, decoded: int
) -> None:
    monkeypatch.setattr(viewer, "DECODED_BYTES", limit)
    widget = viewer.Viewer(frame)
    for name in ("glass.png", "same.png", "same.png", "glass.png"):
        answer, _ = ask(widget, kind="tile", name=name, x=199, y=149)
        assert (answer["first"], answer["second"]) == ([1, 1], [1, 1])  # the last pixel
    assert len(read) == decoded


def test_a_message_is_answered_from_the_rows_it_began_with(
    root: Path, frame: pd.DataFrame, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells and messages run in threads of their own: other rows may come in the middle."""
    widget = viewer.Viewer(frame)
    real = images.inspect

    def inspect(data: bytes, **options: Any) -> Header:
        elsewhere = {side: tmp_path / side for side in ("first", "second")}
        viewer.Viewer.show(widget, frame.iloc[::-1], run=elsewhere)
        ask.told.clear()  # type: ignore[attr-defined]
        return real(data, **options)

    monkeypatch.setattr(images, "inspect", inspect)
    answer, (data,) = ask(widget, kind="picture", name="deep.png", side="first")
    assert answer["encoded"]
    np.testing.assert_array_equal(images.read_rgba(data), images.read_rgba(root / "first" / "deep.png"))


def test_a_file_is_decoded_once_until_it_changes(tmp_path: Path, ask: Ask, read: list[Path]) -> None:
    put(tmp_path, "a.png", encoded(random(5, 6, 3)), encoded(random(5, 6, 3, seed=1)))
    folders = {side: tmp_path / side for side in ("first", "second")}
    widget = viewer.Viewer(pd.DataFrame({"image_filename": ["a.png"]}), run=folders)
    for x in (0, 1, 2):
        ask(widget, kind="tile", name="a.png", x=x, y=0)
    assert len(read) == 2
    put(tmp_path, "a.png", None, encoded(random(7, 8, 3)))
    assert ask(widget, kind="tile", name="a.png", x=0, y=0)[0]["second"] == [8, 7]
    assert len(read) == 3


# --- what is delivered -------------------------------------------------------------------------------


def test_a_hostile_name_is_a_name(frame: pd.DataFrame, ask: Ask) -> None:
    if HOSTILE not in frame["image_filename"].tolist():
        pytest.skip("Windows does not allow such a name")
    widget = viewer.Viewer(frame)
    widget.row = HOSTILE
    assert ask(widget, kind="record", name=HOSTILE)[0]["record"]["name"] == HOSTILE
    assert ask(widget, kind="picture", name=HOSTILE, side="first")[0]["width"] == 9


def test_the_page_never_makes_markup_of_text() -> None:
    script = linker.module("viewer/kernel.js")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http://",
        "https://",
    ):
        assert word not in script.replace("http://www.w3.org/2000/svg", "")
    assert "import " not in script


def test_the_legend_has_the_colours_of_the_delta() -> None:
    script = linker.script("viewer/main.js")
    first = np.zeros((1, 7, 4), np.uint8)
    second = first.copy()
    second[0, :, 0] = [1, 2, 6, 16, 47, 141, 255]
    second[0, 6, 1] = 255
    for colour in drawings.delta(first, second)[0, :, :3]:
        assert f"#{bytes(colour).hex()}" in script
    second = first.copy()
    second[0, :, 3] = [1, 2, 6, 16, 47, 141, 255]
    for colour in drawings.delta(first, second)[0, :, :3]:
        assert f"#{bytes(colour).hex()}" in script


def test_a_page_without_a_kernel_says_so(frame: pd.DataFrame) -> None:
    bundle, _ = viewer.Viewer(frame)._repr_mimebundle_()
    assert "needs a running kernel" in bundle["text/plain"]


def test_results_of_the_first_notebook_can_be_looked_at(root: Path, tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "results-1.csv").write_text('0.5,glass.png,"a message"\n', encoding="utf-8")
    frame = results.load(tmp_path / "results-1.csv")
    widget = viewer.Viewer(frame, run={side: root / side for side in ("first", "second")})
    record = ask(widget, kind="record", name="glass.png")[0]["record"]
    assert (record["ssim_score"], record["messages"], record["status"]) == (0.5, "a message", None)
    assert ask(widget, kind="picture", name="glass.png", side="second")[0]["changed"] is None
