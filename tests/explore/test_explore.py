"""explore: filters as one expression of pandas, one order, and the viewer and the table that agree."""

import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import imagecodecs
import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import Client

from mymodules import batch, explore, results, settings
from mymodules.errors import ResultsError, SettingsError
from mymodules.explore import Explorer, filters
from mymodules.explore import order as orders
from mymodules.explore.filters import literal, name_condition
from mymodules.row import COLUMNS, VERDICTS_BY_ATTENTION

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "02_explore.ipynb"
FIGURES = ("pixel_diff_percent", "ssim_score", "combined", "regions")
READING_ORDER = [
    "shop.png",
    "badge.png",
    "form.png",
    "pricing.png",
    "news/night train.png",
    "dashboard.png",
    "news/記事 日本語.png",
    "account/invoice.png",
    "help.png",
    "status.png",
    "account/profile.png",
    "calendar.png",
    "login.png",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> batch.Run:
    out = tmp_path_factory.mktemp("out")
    folders = (ROOT / "img" / "01.first", ROOT / "img" / "02.second")
    return batch.run(*folders, out, num_processors=1, pictures="none")


@pytest.fixture(scope="module")
def loaded(run: batch.Run) -> pd.DataFrame:
    return run.frame()


@pytest.fixture
def frame(loaded: pd.DataFrame) -> pd.DataFrame:
    return loaded.copy()


@pytest.fixture
def explorer(frame: pd.DataFrame) -> Explorer:
    return explore.explore(frame)


def names(frame: pd.DataFrame) -> list[str]:
    return frame["image_filename"].to_list()


def listed(explorer: Explorer) -> list[str]:
    """The names in the list, as the page has them."""
    every = json.loads(explorer.table.names)
    return [every[place] for place in np.frombuffer(explorer.table.rows, "<i4")]


def agree(explorer: Explorer) -> bool:
    """Whether viewer, table and frame have the same rows in one order, and the same one is current."""
    shown = names(explorer.frame)
    assert names(explorer.viewer.frame) == shown
    assert listed(explorer) == shown
    assert explorer.table.row == explorer.viewer.row
    assert explorer.table.row in shown or not shown
    return True


def test_all_rows_are_shown_in_the_order_of_reading(explorer: Explorer, frame: pd.DataFrame) -> None:
    assert names(explorer.frame) == READING_ORDER
    assert explorer.query == ""
    assert explorer.viewer.row == READING_ORDER[0]
    assert list(explorer.frame.columns) == [*frame.columns, "decision"]
    assert explorer.frame.attrs["run"]["stamp"] == frame.attrs["run"]["stamp"]
    assert agree(explorer)


def test_it_takes_a_frame_a_path_and_a_run(run: batch.Run, frame: pd.DataFrame) -> None:
    part = frame[frame["status"] == "changed"].iloc[::-1]
    assert names(explore.explore(part).frame) == READING_ORDER[:7]
    given = explore.explore(part, order="given")
    assert names(given.frame) == names(part)
    assert given.frame.index.to_list() == part.index.to_list()
    assert names(explore.explore(part, order="image_filename").frame) == sorted(names(part))
    for given_as in (run, run.csv_path, str(run.csv_path)):
        assert names(explore.explore(given_as).frame) == READING_ORDER


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_what_it_is_given_stays_as_it_is(frame: pd.DataFrame) -> None:
    before = frame.copy(deep=True)
    explorer = explore.explore(frame)
    explorer.order.value = "combined"
    mine, shown = explorer.frame, names(explorer.frame)
    mine["code"] = "another"
    mine.sort_values("image_filename", ascending=False, inplace=True)
    assert names(explorer.frame) == shown
    assert agree(explorer)
    pd.testing.assert_frame_equal(frame, before)


def test_a_frame_without_names_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(SettingsError, match="no column image_filename"):
        explore.explore(frame.drop(columns="image_filename"))


def test_a_frame_of_the_first_columns_only(frame: pd.DataFrame) -> None:
    few = frame[["ssim_score", "image_filename", "messages", "status"]]
    explorer = explore.explore(few)
    explorer.order.value = "regions"
    assert sorted(names(explorer.frame)) == sorted(names(frame))


def test_an_empty_frame_is_shown(frame: pd.DataFrame) -> None:
    explorer = explore.explore(frame.head(0))
    assert (len(explorer.frame), explorer.selected, explorer.query) == (0, None, "")
    assert agree(explorer)


FILTERS: list[dict[str, Any]] = [
    {"status": ("changed",)},
    {"status": ("missing", "extra", "error")},
    {"code": "pixels_differ", "regions": (1, 2)},
    {"name": "E", "status": ("same", "changed")},
    {"name": "news/*"},
    {"name": "?????.PNG", "combined": (0, 20)},
    {"name": "日本"},
    {"name": "["},
    {"name": "nothing of this"},
    {"pixel_diff_percent": (1, 9)},
    {"ssim_score": (0, 5), "pixel_diff_percent": (1, 12)},
    {"regions": (1, 2), "combined": (2, 20), "status": ("changed",), "name": "a"},
    {"cause": "inserted"},
    {"cause": "changed", "regions": (1, 2)},
    {"decision": "none"},
    {"decision": "any"},
    {"decision": "accept", "status": ("changed", "missing")},
    {"decision": "ignore", "name": "o"},
]


def test_the_query_gives_the_rows_that_are_shown(explorer: Explorer, frame: pd.DataFrame) -> None:
    desk = explorer.viewer.decisions
    assert desk is not None
    desk.decide(frame[frame["status"] != "changed"], "accept")
    desk.decide(frame[::3], "ignore")
    for chosen in FILTERS:
        for key, value in chosen.items():
            setattr(explorer.filters[key], "index" if key in FIGURES else "value", value)
        expected = frame.assign(decision=desk.state(frame)).query(explorer.query)
        pd.testing.assert_frame_equal(explorer.frame.sort_index(), expected, obj=str(chosen))
        assert set(explorer.frame["status"]) <= set(chosen.get("status", frame["status"])), chosen
        assert len(explorer.frame) < len(frame), chosen
        assert agree(explorer)
        explorer.clear()
        assert names(explorer.frame) == READING_ORDER, chosen


def test_what_rules_tolerate_is_told_apart_and_waits_for_no_decision(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    tolerated = frame["image_filename"] == "shop.png"
    ruled = frame.assign(verdict=frame["verdict"].mask(tolerated, "tolerated"))
    ruled.attrs["run"] = {**frame.attrs["run"], "out": str(tmp_path)}  # where nothing is decided
    explorer = explore.explore(ruled)
    explorer.filters["decision"].value = "none"
    differ = set(frame["image_filename"][frame["status"] != "same"])
    assert set(names(explorer.frame)) == differ - {"shop.png"}
    assert "shop.png" in differ
    explorer.clear()
    buttons = explorer.filters["status"].buttons
    assert [*buttons] == ["changed", "error", "missing", "extra", "tolerated", "same"]
    changed = set(frame["image_filename"][frame["status"] == "changed"])
    assert buttons["changed"].description == f"changed {len(changed) - 1}"
    assert buttons["tolerated"].description == "tolerated 1"
    buttons["tolerated"].value = True
    assert names(explorer.frame) == ["shop.png"]
    assert 'title="changed 0 of ' in explorer.summary.value
    assert "tolerated 1" in explorer.summary.value
    explorer.filters["status"].value = ("changed",)
    assert set(names(explorer.frame)) == changed - {"shop.png"}


def test_a_range_leaves_out_rows_without_the_figure(explorer: Explorer) -> None:
    percent = explorer.filters["pixel_diff_percent"]
    percent.value = (1.0, 50.0)
    assert explorer.query == "1.0 <= pixel_diff_percent <= 50.0"
    assert explorer.frame["pixel_diff_percent"].between(1, 50).all()
    assert len(explorer.frame) == 3
    percent.index = (0, len(percent.options) - 1)
    assert len(explorer.frame) == len(READING_ORDER)


def test_rows_are_filtered_by_why_they_differ(explorer: Explorer, frame: pd.DataFrame) -> None:
    cause = explorer.filters["cause"]
    changed = frame["px_changed"].fillna(0) > 0
    assert dict(cause.options) == {
        "all causes": "",
        "moved (1)": "moved",
        "inserted (1)": "inserted",
        "removed (1)": "removed",
        f"changed ({changed.sum()})": "changed",
    }
    cause.value = "moved"
    assert names(explorer.frame) == ["shop.png"]
    cause.value = "changed"
    assert set(names(explorer.frame)) == set(frame[changed]["image_filename"])


def test_a_row_that_moved_in_whole_is_told_from_others() -> None:
    rows = {"px_moved": [5, 5, 0, None], "num_diff_pixels": [5, 6, 0, None]}
    frame = pd.DataFrame(rows, dtype="Int64").query(filters.BY_CAUSE["only moved"], engine="python")
    assert [*frame.index] == [0]


def test_a_table_without_causes_lists_regions(frame: pd.DataFrame) -> None:
    known, unknown = (
        explore.explore(rows)
        for rows in (
            frame,
            frame.drop(columns=[name for name in frame if name.startswith("px_")] + ["changes"]),
        )
    )
    both = [{column["key"] for column in each.table.columns} for each in (known, unknown)]
    assert both[0] ^ both[1] == {"changes", "open_changes", "px_changed", "regions"}
    assert unknown.filters["cause"].disabled
    assert not known.filters["cause"].disabled


def test_regions_are_counted(explorer: Explorer) -> None:
    explorer.filters["regions"].value = (2, 2)
    assert names(explorer.frame) == ["form.png", "dashboard.png"]


def test_a_row_without_regions_has_no_count() -> None:
    boxes = pd.DataFrame({"regions": [[[0, 0, 1, 1]], None, float("nan"), []]})
    np.testing.assert_array_equal(filters.numbers(boxes, "regions"), [1, np.nan, np.nan, 0])


@pytest.mark.parametrize("typed", ["\u00fcml", "u\u0308ml", "*u\u0308ml?.png", "\u00dcML"])
@pytest.mark.parametrize("name", ["\u00fcmla.png", "u\u0308mla.png"])
def test_a_letter_is_found_in_either_spelling(name: str, typed: str) -> None:
    frame = pd.DataFrame({"image_filename": pd.Series([name, "other"], dtype="str")})
    assert names(frame.query(filters.name_condition(typed), engine="python")) == [name]


@pytest.mark.parametrize("typed", ["\ud800", "a\udc80*"])
def test_half_a_character_is_in_no_name(explorer: Explorer, typed: str) -> None:
    explorer.filters["name"].value = typed
    assert len(explorer.frame) == 0


@pytest.mark.parametrize(
    "name", ["a`b.png", "a#b", "it's", 'a "b"', "a\\xffb", "@a", "a\nb", "{x}", "日本", "a" * 300]
)
def test_any_text_stands_in_an_expression(name: str) -> None:
    frame = pd.DataFrame({"image_filename": pd.Series([name, "other"], dtype="str")})
    assert names(frame.query(f"image_filename == {literal(name)}")) == [name]
    assert names(frame.query(name_condition(name.strip()), engine="python")) == [name]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_literal_is_the_text(text: str) -> None:
    assert eval(literal(text)) == text


def test_a_pattern_covers_the_whole_name() -> None:
    frame = pd.DataFrame(
        {"image_filename": pd.Series(["a/b.png", "a/b.png.bak", "A/C.PNG", "ax.png"], dtype="str")}
    )
    assert names(frame.query(name_condition("a/*.png"))) == ["a/b.png", "A/C.PNG"]
    assert names(frame.query(name_condition("a?b*"))) == ["a/b.png", "a/b.png.bak"]
    assert names(frame.query(name_condition(".png.b"))) == ["a/b.png.bak"]


def test_orders(explorer: Explorer) -> None:
    keys = [key for key in explore.ORDERS if key in {*COLUMNS} - {"status", "verdict"}]
    for key, turned in itertools.product(keys, (False, True)):
        explorer.order.value, explorer.descending.value = key, turned
        column = explorer.frame[key]
        values = column.str.len() if key == "regions" else column
        there = values.dropna()
        falls = orders.falls(explorer.order.value, explorer.descending.value)
        assert there.is_monotonic_decreasing if falls else there.is_monotonic_increasing, (key, turned)
        assert values.iloc[: len(there)].notna().all(), f"by {key}, rows without a value stand last"
        assert agree(explorer)


def test_verdicts_are_ordered_as_a_person_wants_to_see_them(frame: pd.DataFrame) -> None:
    tolerated = frame["image_filename"].isin(["shop.png", "badge.png"])
    explorer = explore.explore(
        frame.assign(verdict=frame["verdict"].mask(tolerated, "tolerated")), order="verdict"
    )
    found = list(dict.fromkeys(explorer.frame["verdict"]))
    assert found == [each for each in VERDICTS_BY_ATTENTION if each in found]
    assert found[0] == "changed"
    assert found[-2:] == ["tolerated", "same"]


@pytest.mark.parametrize("order", explore.ORDERS)
def test_the_first_row_of_any_order_is_current_from_the_start(frame: pd.DataFrame, order: str) -> None:
    explorer = explore.explore(frame.iloc[::-1], order=order)
    assert explorer.table.row == names(explorer.frame)[0]
    assert agree(explorer)


def test_the_most_changed_come_first(explorer: Explorer) -> None:
    explorer.order.value = "pixel_diff_percent"
    assert names(explorer.frame)[0] == "badge.png"


def test_a_heading_orders_and_turns_round(explorer: Explorer) -> None:
    for turned in (False, True, False):
        explorer._received(None, {"kind": "order", "by": "ssim_score"}, [])
        assert (explorer.order.value, explorer.descending.value) == ("ssim_score", turned)
        assert agree(explorer)


def test_a_row_clicked_is_the_viewers(explorer: Explorer) -> None:
    explorer._received(None, {"kind": "choose", "name": READING_ORDER[4]}, [])
    assert explorer.viewer.row == READING_ORDER[4]
    assert agree(explorer)


def test_a_click_is_about_the_row_that_was_clicked_whatever_the_order_is_by_now(explorer: Explorer) -> None:
    explorer.order.value = "image_filename"
    explorer._received(None, {"kind": "choose", "name": "shop.png"}, [])
    assert explorer.viewer.row == "shop.png"
    explorer.filters["status"].value = ("same",)
    before = explorer.viewer.row
    explorer._received(None, {"kind": "choose", "name": "shop.png"}, [])
    assert explorer.viewer.row == before, "the filters hide it by now"
    assert agree(explorer)


def test_the_table_follows_the_viewer(explorer: Explorer) -> None:
    explorer.viewer.row = "login.png"
    assert explorer.table.row == "login.png"
    assert agree(explorer)


def test_keys_in_the_table_stop_at_its_ends(explorer: Explorer) -> None:
    for by, place in ((1, 1), (10, 11), (10, 12), (1, 12), (-1e9, 0), (-1, 0)):
        explorer._received(None, {"kind": "step", "by": by}, [])
        assert explorer.table.row == READING_ORDER[place]


def test_the_view_that_asked_for_a_row_is_answered_even_if_there_is_none(explorer: Explorer) -> None:
    sent: list[dict[str, object]] = []
    explorer.table.send = lambda message, buffers=None: sent.append(message)
    explorer._received(None, {"kind": "step", "by": 1, "view": "one"}, [])
    explorer._received(None, {"kind": "choose", "name": "absent.png", "view": "other"}, [])
    assert sent == [{"kind": "moved", "view": "one"}, {"kind": "moved", "view": "other"}]


def test_files_that_the_viewer_reads_again_are_read_again_for_the_gallery(explorer: Explorer) -> None:
    sent: list[dict[str, object]] = []
    explorer.table.send = lambda message, buffers=None: sent.append(message)
    explorer.viewer.reload()
    assert sent == [{"kind": "fresh"}]


def test_the_selected_row_can_be_read_and_set(explorer: Explorer) -> None:
    explorer.selected = "form.png"
    assert explorer.viewer.row == "form.png"
    assert explorer.selected is not None
    assert explorer.selected["code"] == "pixels_differ"
    explorer.selected = explorer.frame.iloc[2]
    assert explorer.viewer.row == READING_ORDER[2]


def test_a_row_that_stays_is_kept_and_one_that_goes_gives_way_to_the_nearest(explorer: Explorer) -> None:
    explorer.selected = "form.png"
    explorer.filters["status"].value = ("changed",)
    assert explorer.selected is not None
    assert explorer.selected["image_filename"] == "form.png"
    explorer.filters["status"].value = ("same",)
    assert explorer.selected["image_filename"] == "account/profile.png"
    explorer.clear()
    explorer.selected = "pricing.png"
    explorer.filters["name"].value = "news/"
    assert explorer.selected["image_filename"] == "news/night train.png"
    assert agree(explorer)


def test_no_row_is_left(explorer: Explorer) -> None:
    explorer.filters["name"].value = "nothing of this"
    assert (len(explorer.frame), explorer.selected, explorer.viewer.row) == (0, None, "")
    assert "<b>0</b> of 13 rows" in explorer.summary.value
    explorer.clear()
    assert names(explorer.frame) == READING_ORDER
    assert explorer.selected is not None
    assert agree(explorer)


def test_the_summary_counts(explorer: Explorer) -> None:
    explorer.filters["status"].value = ("changed", "error")
    assert "<b>8</b> of 13 rows · " in explorer.summary.value
    assert (
        'title="changed 7 · error 1 · missing 0 of 1 · extra 0 of 1 · same 0 of 3"' in explorer.summary.value
    )
    explorer.clear()
    assert "<b>13</b> rows · " in explorer.summary.value


def test_status_buttons(explorer: Explorer) -> None:
    buttons = explorer.filters["status"].buttons
    assert [*buttons] == ["changed", "error", "missing", "extra", "same"], "rules tolerate nothing here"
    buttons["same"].value = True
    assert explorer.query == "verdict in ['same']"
    buttons["missing"].value = True
    assert set(explorer.frame["status"]) == {"missing", "same"}
    buttons["same"].value = buttons["missing"].value = False
    assert explorer.query == ""


def test_histograms_are_pictures_and_change(explorer: Explorer) -> None:
    before = [box.value for box in explorer._boxes]
    assert all(bytes(picture).startswith(b"\x89PNG") for picture in before)
    explorer.filters["status"].value = ("same",)
    assert explorer._boxes[0].value != before[0]


def test_histograms_are_scaled_to_rows_that_differ(frame: pd.DataFrame) -> None:
    """1,000 equal pictures have a score of 1; five others differ, two of them between 0.9 and 0.95."""
    scores = [1.0] * 1000 + [0.91, 0.92, 0.96, 0.5, float("nan")]
    table = pd.DataFrame({"status": ["same"] * 1000 + ["changed"] * 4 + ["error"], "ssim_score": scores})
    (measure,) = (measure for measure in filters.MEASURES if measure.column == "ssim_score")
    histogram = filters.Histogram(measure, table)
    assert histogram.counts(np.arange(len(table))).sum() == 4
    place = histogram.steps.index(0.9)
    assert histogram.counts(np.arange(len(table)))[place] == 2
    assert histogram.counts(np.flatnonzero(table["status"] == "same")).max() == 0


def test_bars_are_as_high_as_the_square_root_of_their_rows() -> None:
    """9, 4 and 1 rows in bars of 20 px, of which the highest has 76 px; a line where the range begins."""
    table = pd.DataFrame({"status": "changed", "combined": [0.2] * 9 + [1.2] * 4 + [9.9]})
    (measure,) = (measure for measure in filters.MEASURES if measure.column == "combined")
    picture = imagecodecs.png_decode(filters.Histogram(measure, table).draw(np.arange(5, len(table)), 2, 20))
    blue, gray = (picture[..., 0] == 59), (picture[..., 0] == 154)
    assert picture.shape == (80, 400, 4)
    assert blue[:, 39:41].all()
    blue[:, 40] = blue[:, 41]
    assert [*np.flatnonzero(picture[..., 3].any(axis=0))] == [
        *range(20),
        39,
        *range(40, 60),
        *range(380, 400),
    ]
    for columns, all_rows, shown in ((slice(20), 76, 51), (slice(40, 60), 51, 51), (slice(380, 400), 26, 26)):
        assert (blue[:, columns].sum(axis=0) == shown).all()
        assert (gray[:, columns].sum(axis=0)[1:] == all_rows - shown).all()
        assert blue[80 - shown :, columns].all()


def test_the_page_gets_the_figures_once_and_as_bytes(explorer: Explorer, frame: pd.DataFrame) -> None:
    table = explorer.table
    assert json.loads(table.names) == names(frame)
    percents = np.frombuffer(table.figures["pixel_diff_percent"], "<f8")
    np.testing.assert_array_equal(percents, frame["pixel_diff_percent"].to_numpy(float, na_value=np.nan))
    statuses = [table.statuses[rank] for rank in np.frombuffer(table.ranks, np.uint8)]
    assert statuses == frame["status"].to_list()
    before = (table.names, table.figures, table.ranks)
    explorer.filters["status"].value = ("changed",)
    assert len(np.frombuffer(table.rows, "<i4")) == 7
    assert (table.names, table.figures, table.ranks) == before


@pytest.mark.parametrize("by", [1.0, 1e-6, -3e200])
def test_a_metric_of_ones_own_orders_filters_and_has_a_column(frame: pd.DataFrame, by: float) -> None:
    values = [float(place) * by for place in range(len(frame) - 1)] + [np.nan]
    explorer = explore.explore(frame.assign(metric_luma=values, metric_text="x"), order="metric_luma")
    assert explorer.frame["metric_luma"].dropna().to_list() == sorted(values[:-1], reverse=True)
    assert explorer.table.columns[-1] == {
        "key": "metric_luma", "label": "luma", "title": "luma", "falls": True
    }  # fmt: skip
    sent = np.frombuffer(explorer.table.figures["metric_luma"], "<f8")
    np.testing.assert_array_equal(sent, values)
    slider = explorer.filters["metric_luma"]
    steps = [step for _, step in slider.options]
    assert steps == sorted({*steps})
    assert steps[0] <= min(values[:-1])
    assert max(values[:-1]) <= steps[-1]
    assert 10 <= len(steps) <= 25
    slider.index = (3, len(steps) - 1)
    assert explorer.frame["metric_luma"].to_list() == [
        value for value in sorted(values[:-1], reverse=True) if value >= steps[3]
    ]
    explorer.clear()
    assert len(explorer.frame) == len(frame)
    assert "metric_text" not in explorer.filters


@pytest.mark.parametrize("values", [[], [0.0], [7.5, 7.5], [-1e308, 1e308], [1e9, 1e9 + 1e-3], [np.inf, 1.0]])
def test_steps_rise_and_enclose_any_values(values: list[float]) -> None:
    steps = filters.steps("metric_luma", np.array(values))
    assert steps == sorted({*steps})
    assert len(steps) >= 2
    assert all(steps[0] <= value <= steps[-1] for value in values if np.isfinite(value))


def test_sliders_have_texts_for_each_of_their_steps(explorer: Explorer) -> None:
    for measure, texts in zip(filters.MEASURES, explorer.table.steps, strict=True):
        assert texts == [label for label, _ in explorer.filters[measure.column].options]


def test_a_page_without_a_kernel_has_the_rows_shown(explorer: Explorer) -> None:
    explorer.filters["status"].value = ("changed",)
    markup, sentence = explorer.kept()
    assert "need a running kernel" in sentence
    assert re.findall(r">([^<]*\.png)</td>", markup) == names(explorer.frame)


def test_the_newest_results_are_loaded_or_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: batch.Run
) -> None:
    chosen = settings.Settings(ROOT, ROOT / "img" / "01.first", ROOT / "img" / "02.second", tmp_path)
    monkeypatch.setattr(settings, "recorded", lambda: chosen)
    monkeypatch.setattr(batch, "run", lambda **_: run)
    assert names(explore.load_or_run()) == names(run.frame())
    (tmp_path / "results-20250101-000000.partial.csv").write_text("")
    with pytest.raises(ResultsError, match="No run"):
        explore.load_or_run()
    assert names(explore.load_or_run(run.csv_path)) == names(run.frame())


# --- the notebook -----------------------------------------------------------------------------------


def test_the_notebook_runs_from_a_clean_kernel(tmp_path: Path) -> None:
    for name in ("01.first", "02.second"):
        shutil.copytree(ROOT / "img" / name, tmp_path / "img" / name)
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    Client(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path / "notebooks")}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    said = "".join(output.text for output in outputs if output.output_type == "stream")
    assert [line for line in said.splitlines() if "Warning" in line or "Error" in line] == []
    assert "13 rows of run" in said
    assert "7 pictures changed: 31 distinct changes, 2 looks." in said
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1, "the plot"
    assert "Filter: none" in said, "a demonstration leaves no trace"
    assert any("need a running kernel" in output.get("data", {}).get("text/html", "") for output in outputs)
    (path,) = (tmp_path / "img").glob("results-*.csv")
    assert len(results.load(path)) == 13
